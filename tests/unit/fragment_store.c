/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store of datagrams that are not whole yet: who pays, who goes when room is wanted, and when.
 */
#include "tests/unit/fragment_lib.h"

static uint8_t data[65536];

static void test_source_limit(void **state)
{
	struct datagram g = {.data = data}, other = {.host = 9, .id = 1, .data = data};
	struct world w;

	(void)state;
	world_begin(&w, 100000);
	put(&w, make_fragment(&w, &other, 0, 800, true));
	for (g.id = 1; g.id <= 100; g.id++) {
		assert_int_equal(put(&w, make_fragment(&w, &g, 0, 800, true)), SL_FRAGMENT_QUEUED);
		w.now++;
	}
	assert_true(w.f.bytes <= 100000 / 4 + 2000);
	assert_int_equal(w.reasons[SL_WHY_FRAG_LIMIT], 101 - w.f.fragments);
	/* The youngest is there, the oldest is not, and nobody else suffered. */
	g.id = 100;
	assert_int_equal(put(&w, make_fragment(&w, &g, 800, 1000, false)), SL_FRAGMENT_COMPLETE);
	assert_whole(&w, &g, 1000);
	g.id = 1;
	assert_int_equal(put(&w, make_fragment(&w, &g, 800, 1000, false)), SL_FRAGMENT_QUEUED);
	assert_int_equal(put(&w, make_fragment(&w, &other, 800, 1000, false)), SL_FRAGMENT_COMPLETE);
	assert_whole(&w, &other, 1000);
	world_end(&w);
}

static void test_limit_of_all(void **state)
{
	struct datagram g = {.id = 1, .data = data};
	struct world w;

	(void)state;
	world_begin(&w, 100000);
	for (unsigned i = 0; i < 250; i++) {
		g.host = (uint8_t)i;
		g.v6 = i & 1;
		w.now++;
		assert_int_equal(put(&w, make_fragment(&w, &g, 0, 800, true)), SL_FRAGMENT_QUEUED);
	}
	assert_true(w.f.bytes > 90000);
	assert_int_equal(w.reasons[SL_WHY_FRAG_LIMIT], 250 - w.f.fragments);
	/* Both families: exactly the youngest are left. */
	for (unsigned i = 250; i-- > 0;) {
		unsigned before = w.f.fragments;

		g.host = (uint8_t)i;
		g.v6 = i & 1;
		if (before == 0)
			break;
		assert_int_equal(put(&w, make_fragment(&w, &g, 800, 1000, false)), SL_FRAGMENT_COMPLETE);
		assert_whole(&w, &g, 1000);
		assert_int_equal(w.f.fragments, before - 1);
	}
	world_end(&w);
}

/* One datagram alone is more than its share: it goes, and no other. */
static void test_one_too_large(void **state)
{
	struct datagram g = {.id = 1, .data = data};
	struct world w;
	uint32_t at;

	(void)state;
	world_begin(&w, 40000);
	for (at = 0; at < 20000; at += 800)
		if (put(&w, make_fragment(&w, &g, at, at + 800, true)) != SL_FRAGMENT_QUEUED)
			break;
	assert_int_equal(w.why, SL_WHY_FRAG_LIMIT);
	assert_int_equal(w.f.fragments, 0);
	assert_int_equal(w.f.bytes, 0);
	world_end(&w);
	world_begin(&w, 1000); /* not even room for one */
	assert_int_equal(put(&w, make_fragment(&w, &g, 0, 800, true)), SL_FRAGMENT_DROP);
	assert_int_equal(w.why, SL_WHY_FRAG_LIMIT);
	world_end(&w);
}

static void test_timeout(void **state)
{
	struct datagram v4 = {.id = 1, .data = data}, v6 = {.id = 1, .v6 = true, .data = data};
	struct world w;
	uint32_t at;

	(void)state;
	world_begin(&w, 1 << 20);
	w.now = 0u - 10000u; /* time wraps on the way */
	assert_false(sl__fragments_deadline(&w.f, w.now, &at));
	put(&w, make_fragment(&w, &v6, 0, 800, true));
	put(&w, make_fragment(&w, &v4, 0, 800, true));
	assert_true(sl__fragments_deadline(&w.f, w.now, &at));
	assert_int_equal(at, 20000);
	assert_false(sl__fragments_expire(&w.f, 19999, 10));
	assert_int_equal(w.f.fragments, 2);
	assert_true(sl__fragments_expire(&w.f, 20000, 0));
	assert_false(sl__fragments_expire(&w.f, 20000, 1));
	assert_int_equal(w.f.fragments, 1);
	assert_true(sl__fragments_deadline(&w.f, 20000, &at));
	assert_int_equal(at, 50000);
	/* Met when it is due, before the clock was asked: it begins anew. */
	w.now = 50000;
	assert_int_equal(put(&w, make_fragment(&w, &v6, 800, 1000, false)), SL_FRAGMENT_QUEUED);
	assert_int_equal(w.f.fragments, 1);
	assert_int_equal(w.reasons[SL_WHY_FRAG_TIMEOUT], 2);
	world_end(&w);
}

static void test_failing_init(void **state)
{
	struct sl_random random = {.counter = 0};
	struct world w;

	(void)state;
	for (long n = 0; n < 2; n++) {
		world_begin(&w, 1 << 20);
		sl__fragments_fini(&w.f);
		w.fail_after = n;
		assert_false(sl__fragments_init(&w.f, &w.env, 1 << 20, 1, &random, w.reasons));
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_source_limit),
		cmocka_unit_test(test_limit_of_all),
		cmocka_unit_test(test_one_too_large),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_failing_init),
	};

	fill(data, sizeof(data), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
