/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the whole datagram takes from its pieces: ECN, DF, the longest, the cuts, whose headers.
 */
#include "tests/unit/fragment_lib.h"

static uint8_t data[65536];

/* Codepoints of two fragments (0 none, 1 and 2 capable, 3 congestion) and of the whole; 9: dropped. */
static void test_ecn(void **state)
{
	static const uint8_t cases[][3] = {{0, 0, 0}, {2, 2, 2}, {2, 1, 2}, {2, 3, 3}, {3, 1, 3}, {3, 3, 3},
		{0, 2, 9}, {3, 0, 9}, {0, 3, 9}};

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		const uint8_t *c = cases[i / 2];
		struct datagram g = {.v6 = i % 2, .id = 1, .data = data};
		struct world w;

		world_begin(&w, 1 << 20);
		g.tos = 0x40 | c[0];
		put(&w, make_fragment(&w, &g, 0, 800, true));
		g.tos = 0x40 | c[1];
		if (c[2] == 9) {
			assert_int_equal(put(&w, make_fragment(&w, &g, 800, 1000, false)), SL_FRAGMENT_DROP);
			assert_int_equal(w.why, SL_WHY_FRAG_ECN);
		} else {
			assert_int_equal(put(&w, make_fragment(&w, &g, 800, 1000, false)), SL_FRAGMENT_COMPLETE);
			assert_int_equal(g.v6 ? (sl_get16(w.whole.packet.data) >> 4 & 0xff) : w.whole.packet.data[1],
				0x40 | c[2]);
			assert_whole(&w, &g, 1000);
		}
		world_end(&w);
	}
}

/* The longest fragment, DF of that one, and where they began. */
static void test_shape(void **state)
{
	struct datagram g = {.id = 1, .data = data};
	struct world w;

	(void)state;
	for (unsigned df = 0; df < 2; df++) {
		world_begin(&w, 1 << 20);
		g.df = !df;
		put(&w, make_fragment(&w, &g, 0, 800, true));
		g.df = df;
		put(&w, make_fragment(&w, &g, 2400, 3000, false));
		assert_int_equal(put(&w, make_fragment(&w, &g, 800, 2400, true)), SL_FRAGMENT_COMPLETE);
		assert_int_equal(w.whole.shape.max, 1620);
		assert_int_equal(w.whole.shape.len, 3020);
		assert_int_equal(w.whole.shape.dont_fragment, df);
		assert_int_equal(sl_get16(w.whole.packet.data + 6), df ? 0x4000 : 0);
		assert_int_equal(w.whole.shape.cuts, 2);
		assert_int_equal(w.whole.shape.cut[0], 820);
		assert_int_equal(w.whole.shape.cut[1], 2420);
		assert_whole(&w, &g, 3000);
		world_end(&w);
	}
}

static void test_headers_of_the_first_count(void **state)
{
	static const uint8_t v4[] = {0x94, 4, 0, 0, 1, 1, 1, 0}, v6[] = {44, 0, 1, 4, 0, 0, 0, 0};
	struct datagram g = {.id = 1, .data = data, .options = v4, .options_len = 8}, bare = {.id = 1, .data = data};
	struct world w;

	(void)state;
	world_begin(&w, 1 << 20);
	put(&w, make_fragment(&w, &bare, 800, 1000, false));
	assert_int_equal(put(&w, make_fragment(&w, &g, 0, 800, true)), SL_FRAGMENT_COMPLETE);
	assert_whole(&w, &g, 1000);
	g.v6 = bare.v6 = true;
	g.options = v6;
	put(&w, make_fragment(&w, &bare, 800, 1000, false));
	assert_int_equal(put(&w, make_fragment(&w, &g, 0, 800, true)), SL_FRAGMENT_COMPLETE);
	assert_whole(&w, &g, 1000);
	world_end(&w);
}

/* The interface of the fragment that came last; the mark of the first. */
static void test_interface_of_the_last_to_come(void **state)
{
	struct datagram g = {.id = 1, .data = data};
	struct sl_packet p;
	struct world w;

	(void)state;
	world_begin(&w, 1 << 20);
	p = make_fragment(&w, &g, 0, 800, true);
	p.in_if = 1;
	put(&w, p);
	p = make_fragment(&w, &g, 1600, 2000, false);
	p.in_if = 2;
	p.mark = 3;
	put(&w, p);
	p = make_fragment(&w, &g, 800, 1600, true);
	p.mark = 4;
	assert_int_equal(put(&w, p), SL_FRAGMENT_COMPLETE);
	assert_int_equal(w.whole.packet.in_if, p.in_if);
	assert_int_equal(w.whole.packet.mark, 9);
	assert_whole(&w, &g, 2000);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ecn),
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_headers_of_the_first_count),
		cmocka_unit_test(test_interface_of_the_last_to_come),
	};

	fill(data, sizeof(data), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
