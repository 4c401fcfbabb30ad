/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragmenting what leaves: the boundaries that came, or new ones; headers; and the way back
 * through reassembly, for random datagrams.
 */
#include "tests/unit/fragment_lib.h"

#include "engine/refragment.h"

#define MOST 512

static uint8_t data[65536];

/* What came out. */
struct pieces {
	struct world *w;
	unsigned n;
	struct sl_packet p[MOST];
	struct sl_parsed parsed[MOST];
};

static void take(void *ctx, struct sl_packet *fragment)
{
	struct pieces *out = ctx;

	assert_true(out->n < MOST);
	assert_int_equal(fragment->in_if, 7);
	assert_int_equal(fragment->mark, 9);
	assert_int_equal(sl__parse(fragment, &out->parsed[out->n]), SL_WHY_NONE);
	assert_int_equal(out->parsed[out->n].len, fragment->len);
	assert_int_not_equal(out->parsed[out->n].frag, SL_FRAG_NONE);
	if (out->parsed[out->n].tuple.family == SL_IPV4)
		assert_int_equal(sl__csum(sl__sum(fragment->data, out->parsed[out->n].l4, 0)), 0);
	out->p[out->n++] = *fragment;
}

static void free_pieces(struct pieces *out)
{
	for (unsigned i = 0; i < out->n; i++)
		packet_free(out->w, &out->p[i]);
	out->n = 0;
}

/* Put fragments with these ends in; the whole is in w->whole. */
static void gather(struct world *w, const struct datagram *g, const uint32_t *ends)
{
	uint32_t begin = 0;
	enum sl_frag_result r = SL_FRAGMENT_DROP;

	for (; *ends; begin = *ends++)
		r = put(w, make_fragment(w, g, begin, *ends, ends[1]));
	assert_int_equal(r, SL_FRAGMENT_COMPLETE);
}

static bool refragment(struct world *w, struct pieces *out, uint32_t max_size)
{
	struct sl_parsed parsed;

	out->w = w;
	out->n = 0;
	sl__parse(&w->whole.packet, &parsed);
	return sl__refragment(&w->env, &w->whole.packet, &parsed, &w->whole.shape, max_size, 0xabcd1234, take, out);
}

/* Offset, length and DF of each piece; ends with a length of 0. */
struct want {
	uint32_t offset, len;
	bool df;
};

static void assert_pieces(const struct pieces *out, const struct want *want)
{
	unsigned i;

	for (i = 0; want[i].len; i++) {
		assert_true(i < out->n);
		assert_int_equal(out->parsed[i].frag_offset, want[i].offset);
		assert_int_equal(out->p[i].len, want[i].len);
		assert_int_equal(out->parsed[i].dont_fragment, want[i].df);
		assert_int_equal(out->parsed[i].more_fragments, want[i + 1].len != 0);
	}
	assert_int_equal(out->n, i);
}

static const uint32_t three[] = {800, 2400, 3000, 0};

static void test_as_it_came(void **state)
{
	static const struct want v4[] = {{0, 820, 0}, {800, 1620, 0}, {2400, 620, 0}, {0}};
	static const struct want v6[] = {{0, 848, 0}, {800, 1648, 0}, {2400, 648, 0}, {0}};
	struct datagram g = {.id = 77, .data = data};
	struct pieces out;
	struct world w;

	(void)state;
	world_begin(&w, 1 << 20);
	for (unsigned df = 0; df < 2; df++) {
		g.df = df; /* lost, as in Linux */
		gather(&w, &g, three);
		assert_true(refragment(&w, &out, 65535));
		assert_pieces(&out, v4);
		assert_int_equal(out.parsed[1].frag_id, 77);
		free_pieces(&out);
		assert_whole(&w, &g, 3000);
	}
	g = (struct datagram){.v6 = true, .id = 77, .data = data};
	gather(&w, &g, three);
	assert_true(refragment(&w, &out, 65535));
	assert_pieces(&out, v6);
	assert_int_equal(out.parsed[1].frag_id, 0xabcd1234);
	free_pieces(&out);
	assert_whole(&w, &g, 3000);
	world_end(&w);
}

static void test_cut_anew(void **state)
{
	static const struct want mtu[] = {{0, 1500, 0}, {1480, 1500, 0}, {2960, 60, 0}, {0}};
	static const struct want mtu_df[] = {{0, 1500, 1}, {1480, 1500, 1}, {2960, 60, 1}, {0}};
	static const struct want shrunk[] = {{0, 1620, 0}, {1600, 1412, 0}, {0}};
	static const struct want v6[] = {{0, 1496, 0}, {1448, 1496, 0}, {2896, 152, 0}, {0}};
	struct datagram g = {.id = 77, .data = data};
	struct pieces out;
	struct world w;

	(void)state;
	world_begin(&w, 1 << 20);
	gather(&w, &g, three); /* the way out takes less than what came */
	assert_true(refragment(&w, &out, 1500));
	assert_pieces(&out, mtu);
	free_pieces(&out);
	w.whole.packet.len = 3012; /* its payload lost 8 bytes */
	sl_put16(w.whole.packet.data + 2, 3012);
	assert_true(refragment(&w, &out, 65535));
	assert_pieces(&out, shrunk);
	free_pieces(&out);
	packet_free(&w, &w.whole.packet);
	g.df = true;
	gather(&w, &g, three);
	assert_true(refragment(&w, &out, 1503));
	assert_pieces(&out, mtu_df);
	free_pieces(&out);
	assert_whole(&w, &g, 3000);
	g = (struct datagram){.v6 = true, .id = 77, .data = data};
	gather(&w, &g, three);
	assert_true(refragment(&w, &out, 1500));
	assert_pieces(&out, v6);
	free_pieces(&out);
	assert_whole(&w, &g, 3000);
	world_end(&w);
}

static void test_ipv6_minimum(void **state)
{
	static const uint32_t small[] = {104, 200, 2000, 0}, smaller[] = {104, 200, 1400, 0};
	static const struct want want[] = {{0, 1280, 0}, {1232, 218, 0}, {0}};
	struct datagram g = {.v6 = true, .id = 77, .data = data};
	struct sl_parsed parsed;
	struct pieces out;
	struct world w;

	(void)state;
	world_begin(&w, 1 << 20);
	gather(&w, &g, small);
	sl__parse(&w.whole.packet, &parsed);
	assert_true(sl__refragment_needed(&parsed, &w.whole.shape, 65535));
	assert_false(sl__refragment_needed(&parsed, &(struct sl_frag_shape){0}, 65535));
	assert_true(sl__refragment_needed(&parsed, &(struct sl_frag_shape){0}, 1500));
	packet_free(&w, &w.whole.packet);
	gather(&w, &g, smaller);
	w.whole.packet.len += 2; /* not as it came, and the longest was 1,248 */
	sl_put16(w.whole.packet.data + 4, (uint16_t)(w.whole.packet.len - 40));
	assert_true(refragment(&w, &out, 65535));
	assert_pieces(&out, want);
	free_pieces(&out);
	packet_free(&w, &w.whole.packet);
	/* The longest that came is as long as the whole without the header: it leaves whole. */
	gather(&w, &g, (const uint32_t[]){8, 3000, 0});
	sl__parse(&w.whole.packet, &parsed);
	assert_false(sl__refragment_needed(&parsed, &w.whole.shape, 65535));
	assert_whole(&w, &g, 3000);
	world_end(&w);
}

/* Options of IPv4: copied as their copy bit says, the others blanked; broken ones left alone. */
static void test_ipv4_options(void **state)
{
	static const struct {
		uint8_t first[12], later[12];
	} rows[] = {
		{{0x94, 4, 0, 0, 7, 7, 4, 1, 2, 3, 4, 0}, {0x94, 4, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0}},
		{{1, 1, 0x44, 4, 5, 0, 0x94, 4, 0, 0, 0, 9}, {1, 1, 1, 1, 1, 1, 0x94, 4, 0, 0, 0, 9}},
		{{0x44, 12, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		{{0x44, 13, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8}, {0x44, 13, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8}},
		{{0x44, 1, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8}, {0x44, 1, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8}},
		{{0x44, 11, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 8}},
	};
	struct datagram g = {.id = 77, .data = data, .options_len = 12};
	struct pieces out;
	struct world w;

	(void)state;
	world_begin(&w, 1 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		g.options = rows[i].first;
		gather(&w, &g, three);
		assert_true(refragment(&w, &out, i & 1 ? 65535 : 1000));
		assert_memory_equal(out.p[0].data + 20, rows[i].first, 12);
		for (unsigned k = 1; k < out.n; k++)
			assert_memory_equal(out.p[k].data + 20, rows[i].later, 12);
		free_pieces(&out);
		assert_whole(&w, &g, 3000);
	}
	world_end(&w);
}

/*
 * IPv6: where the fragment header is put. Each case: the first next header, extension headers of
 * 8 bytes each (their own next header), and how many of them stand before the fragment header.
 */
static void test_ipv6_headers(void **state)
{
	static const struct {
		uint8_t first, next[3];
		unsigned n, before;
	} rows[] = {
		{60, {17}, 1, 1},	   /* destination options */
		{0, {60, 17}, 2, 2},	   /* hop-by-hop, destination options */
		{60, {43, 17}, 2, 2},	   /* destination options, routing */
		{43, {60, 17}, 2, 1},	   /* routing, destination options: those stay inside */
		{0, {43, 60}, 2, 2},	   /* what follows is not there at all */
		{17, {0}, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_frag_shape shape = {0};
		struct sl_parsed parsed = {.tuple = {.family = SL_IPV6}};
		struct datagram g = {.v6 = true, .data = data};
		uint32_t before = 40 + 8 * rows[i].before;
		struct pieces out = {0};
		struct world w;

		world_begin(&w, 1 << 20);
		out.w = &w;
		w.whole.packet = make_fragment(&w, &g, 0, 3000, false);
		w.whole.packet.data[6] = rows[i].first;
		for (unsigned k = 0; k < rows[i].n; k++)
			memcpy(w.whole.packet.data + 40 + 8 * k, (uint8_t[]){rows[i].next[k], 0, 1, 4, 0, 0, 0, 0}, 8);
		parsed.len = w.whole.packet.len;
		if (rows[i].n == 2 && rows[i].next[1] == 60) /* destination options that end the packet */
			parsed.len = w.whole.packet.len = 56;
		if (parsed.len == 56) {
			assert_true(sl__refragment(&w.env, &w.whole.packet, &parsed, &shape, 1280, 5, take, &out));
			assert_int_equal(out.n, 0); /* nothing to put into fragments */
		} else {
			assert_true(sl__refragment(&w.env, &w.whole.packet, &parsed, &shape, 1280, 5, take, &out));
			assert_int_equal(out.n, 3);
			for (unsigned k = 0; k < out.n; k++) {
				assert_int_equal(out.parsed[k].frag_header, before);
				assert_true(out.p[k].len <= 1280);
				assert_int_equal(out.p[k].data[before],
					rows[i].n > rows[i].before ? 60 : 17);
			}
		}
		free_pieces(&out);
		packet_free(&w, &w.whole.packet);
		world_end(&w);
	}
}

static void test_refused(void **state)
{
	struct datagram g = {.id = 77, .data = data};
	struct pieces out;
	struct world w;

	(void)state;
	world_begin(&w, 1 << 20);
	gather(&w, &g, three);
	assert_false(refragment(&w, &out, 27)); /* no room for 8 bytes */
	assert_int_equal(out.n, 0);
	for (long n = 0; n < 3; n++) {
		w.fail_after = n;
		assert_false(refragment(&w, &out, 65535));
		assert_int_equal(out.n, n);
		free_pieces(&out);
	}
	w.fail_after = -1;
	w.whole.packet.csum = SL_CSUM_PARTIAL;
	assert_false(refragment(&w, &out, 65535));
	assert_whole(&w, &g, 3000);
	world_end(&w);
}

/* ---- there and back -------------------------------------------------------------------------- */

static uint32_t dice(uint32_t *seed, uint32_t n)
{
	*seed = *seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(*seed >> 4) * n >> 28);
}

/* Whatever max_size, what comes out is no longer than that and makes the same datagram again. */
static void test_there_and_back(void **state)
{
	static struct pieces out;
	uint32_t seed = 3;

	(void)state;
	for (unsigned round = 0; round < 2000; round++) {
		struct datagram g = {.v6 = round & 1, .id = round, .data = data + round % 89};
		uint32_t ends[20] = {0}, n = 2 + dice(&seed, 17), end = 0, size;
		bool as_it_came;
		struct world w;

		for (uint32_t i = 0; i < n; i++)
			ends[i] = end += 8 * (1 + dice(&seed, 300));
		ends[n - 1] += dice(&seed, 8);
		end = ends[n - 1];
		size = 100 + dice(&seed, 4000);
		world_begin(&w, 4 << 20);
		gather(&w, &g, ends);
		as_it_came = w.whole.shape.max <= size;
		assert_true(refragment(&w, &out, size));
		packet_free(&w, &w.whole.packet);
		if (as_it_came)
			assert_int_equal(out.n, n);
		for (unsigned i = 0; i < out.n; i++) {
			struct sl_packet *p = &out.p[i];
			uint8_t *exact = malloc(p->len);
			enum sl_frag_result r;

			assert_true(p->len <= size);
			if (as_it_came)
				assert_int_equal(out.parsed[i].frag_offset, i ? ends[i - 1] : 0);
			memcpy(exact, p->data, p->len);
			free(p->handle);
			p->handle = p->data = exact;
			r = put(&w, *p);
			assert_int_equal(r, i + 1 < out.n ? SL_FRAGMENT_QUEUED : SL_FRAGMENT_COMPLETE);
		}
		assert_whole(&w, &g, end);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_it_came),
		cmocka_unit_test(test_cut_anew),
		cmocka_unit_test(test_ipv6_minimum),
		cmocka_unit_test(test_ipv4_options),
		cmocka_unit_test(test_ipv6_headers),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_there_and_back),
	};

	fill(data, sizeof(data), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
