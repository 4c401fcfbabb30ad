/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragments through the whole engine: what waits, what leaves in which pieces, and who owns what
 * when something is refused.
 */
#include "tests/unit/fragment_lib.h"

#include <sluice/policy.h>

#define SECOND 1000000000ull

struct gate {
	struct world w;
	struct sl_engine *engine;
	struct sl_packet out[64];
	unsigned n, made;
	enum { FORWARD, LOCAL, NOWHERE } way;
	uint16_t mtu;
	uint64_t now;
};

static struct gate gate;
static uint8_t data[4096];
static struct sl_policy_masquerade masquerade = {2};

static void route(void *ctx, const struct sl_route_query *query, struct sl_route *answer)
{
	static const uint8_t public4[4] = {203, 0, 113, 1};

	(void)ctx;
	answer->kind = gate.way == FORWARD ? SL_ROUTE_FORWARD : gate.way == LOCAL ? SL_ROUTE_LOCAL : SL_ROUTE_NONE;
	answer->out_if = 2;
	answer->mtu = gate.mtu;
	answer->has_source = query->family == SL_IPV4;
	answer->source = sl_addr_v4(public4);
}

static void emit(void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	(void)ctx;
	assert_non_null(cause);
	assert_int_equal(p->out_if, gate.way == LOCAL ? p->out_if : 2);
	assert_true(gate.n < 64);
	gate.out[gate.n++] = *p;
}

static void event(void *ctx, const struct sl_event *happened)
{
	(void)ctx;
	gate.made += happened->type == SL_EVENT_NEW;
}

static void begin(bool nat)
{
	struct sl_config config;

	memset(&gate, 0, sizeof(gate));
	world_begin(&gate.w, 1 << 20); /* for putting together what comes out */
	gate.w.env.route = route;
	gate.w.env.emit = emit;
	gate.w.env.event = event;
	sl_config_init(&config);
	config.slab_chunk = 1;
	config.fragment_memory = 1 << 20;
	if (nat) {
		config.policy = &sl_policy_masquerade;
		config.policy_ctx = &masquerade;
	}
	gate.engine = sl_engine_create(&config, &gate.w.env);
	assert_non_null(gate.engine);
}

static void free_out(void)
{
	for (unsigned i = 0; i < gate.n; i++)
		packet_free(&gate.w, &gate.out[i]);
	gate.n = 0;
}

static void end(void)
{
	free_out();
	sl_engine_destroy(gate.engine);
	world_end(&gate.w);
}

/* A UDP datagram of len bytes in `data`, its checksum right. */
static void make_udp(const struct datagram *g, uint32_t len)
{
	struct sl_packet p;
	uint32_t sum;

	fill(data, len, 5);
	sl_put16(data, 5000);
	sl_put16(data + 2, 6000);
	sl_put16(data + 4, (uint16_t)len);
	sl_put16(data + 6, 0);
	p = make_fragment(&gate.w, g, 0, len, false);
	sum = g->v6 ? sl__sum_ipv6(p.data + 8, p.data + 24, 17, len) : sl__sum_ipv4(p.data + 12, p.data + 16, 17, len);
	sl_put16(data + 6, sl__csum(sl__sum(data, len, sum)));
	packet_free(&gate.w, &p);
}

/* In with a fragment; what is refused or passes is freed. */
static struct sl_packet in(const struct datagram *g, uint32_t from, uint32_t to, bool more)
{
	struct sl_packet p = make_fragment(&gate.w, g, from, to, more);
	const char *bad;

	sl_input(gate.engine, &p, 1, gate.now);
	bad = sl_engine_check(gate.engine);
	if (bad)
		fail_msg("%s", bad);
	if (p.verdict == SL_ACCEPT || p.verdict == SL_DROP)
		packet_free(&gate.w, &p);
	return p;
}

static struct sl_packet in_three(const struct datagram *g)
{
	make_udp(g, 3000);
	assert_int_equal(in(g, 0, 800, true).verdict, SL_QUEUED);
	assert_int_equal(in(g, 2400, 3000, false).verdict, SL_QUEUED);
	return in(g, 800, 2400, true);
}

/* What came out makes a datagram whose transport checksum is right; its source is returned. */
static struct sl_addr assert_sound(unsigned pieces)
{
	struct sl_parsed parsed;
	struct sl_addr src;
	struct sl_packet *whole = &gate.w.whole.packet;

	assert_int_equal(gate.n, pieces);
	for (unsigned i = 0; i < pieces; i++) {
		enum sl_frag_result r = put(&gate.w, gate.out[i]);

		assert_int_equal(r, i + 1 < pieces ? SL_FRAGMENT_QUEUED : SL_FRAGMENT_COMPLETE);
	}
	gate.n = 0;
	assert_int_equal(sl__parse(whole, &parsed), SL_WHY_NONE);
	assert_int_equal(sl__parse_checksum(whole, &parsed), SL_WHY_NONE);
	assert_int_equal(parsed.len - parsed.l4, 3000);
	src = parsed.tuple.src;
	packet_free(&gate.w, whole);
	return src;
}

static void test_forward(void **state)
{
	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct datagram g = {.v6 = v6, .id = 77, .data = data};
		struct sl_packet last;
		struct sl_stats stats;

		begin(false);
		last = in_three(&g);
		assert_int_equal(last.verdict, SL_TAKEN);
		assert_int_equal(last.state, SL_CT_NEW);
		assert_int_equal(last.reason, SL_WHY_NONE);
		assert_int_equal(gate.made, 1);
		assert_int_equal(gate.out[0].len, v6 ? 848 : 820);
		assert_int_equal(gate.out[1].len, v6 ? 1648 : 1620);
		sl_stats(gate.engine, &stats);
		assert_int_equal(stats.fragments, 0);
		assert_int_equal(stats.verdicts[SL_QUEUED], 2);
		assert_int_equal(stats.bytes, 3 * (v6 ? 48 : 20) + 3000);
		assert_sound(3);
		end();
	}
}

static void test_masquerade(void **state)
{
	struct datagram g = {.id = 77, .host = 2, .data = data};
	struct sl_addr src;

	(void)state;
	begin(true);
	assert_int_equal(in_three(&g).verdict, SL_TAKEN);
	src = assert_sound(3);
	assert_memory_equal(src.b + 12, "\xcb\0\x71\1", 4);
	end();
}

static void test_local(void **state)
{
	struct datagram g = {.id = 77, .data = data};

	(void)state;
	begin(false);
	gate.way = LOCAL;
	assert_int_equal(in_three(&g).verdict, SL_TAKEN);
	assert_int_equal(gate.n, 1);
	assert_int_equal(gate.out[0].to, SL_TO_LOCAL);
	assert_int_equal(gate.out[0].len, 3020);
	end();
}

static void test_mtu(void **state)
{
	struct datagram g = {.id = 77, .data = data};

	(void)state;
	begin(false);
	gate.mtu = 1000;
	assert_int_equal(in_three(&g).verdict, SL_TAKEN);
	assert_int_equal(gate.out[0].len, 996);
	assert_sound(4);
	g.df = true;
	free_out();
	assert_int_equal(in_three(&g).reason, SL_WHY_TOO_BIG);
	assert_int_equal(gate.n, 1); /* fragmentation needed, and how long it may be */
	assert_int_equal(gate.out[0].data[20], 3);
	assert_int_equal(sl_get32(gate.out[0].data + 24), 1000);
	free_out();
	g.df = false;
	g.v6 = true;
	assert_int_equal(in_three(&g).reason, SL_WHY_TOO_BIG);
	assert_int_equal(gate.n, 0); /* no address to answer from */
	end();
}

static void test_refused(void **state)
{
	struct datagram g = {.id = 77, .data = data};
	struct sl_packet last;

	(void)state;
	begin(false);
	gate.way = NOWHERE;
	last = in_three(&g);
	assert_int_equal(last.verdict, SL_DROP);
	assert_int_equal(last.reason, SL_WHY_NO_ROUTE);
	assert_int_equal(gate.made, 0);
	end();
}

/* Everything the embedder does fails once, at each place: no leak, no double free, a reason. */
static void test_failing(void **state)
{
	bool failed = true;

	(void)state;
	for (long n = 0; failed; n++) {
		struct datagram g = {.v6 = n & 1, .id = 77, .data = data};
		static const uint32_t cut[] = {0, 800, 1600, 2400, 3000};

		begin(false);
		make_udp(&g, 3000);
		gate.w.fail_after = n / 2;
		failed = false;
		for (unsigned i = 0; i < 4; i++) {
			struct sl_packet p = in(&g, cut[i], cut[i + 1], i < 3);

			if (p.verdict == SL_QUEUED || (p.verdict == SL_TAKEN && p.reason == SL_WHY_NONE))
				continue;
			assert_true(p.reason == SL_WHY_NO_MEMORY || p.reason == SL_WHY_KEEP_FAILED ||
				p.reason == SL_WHY_TABLE_FULL);
			failed = true;
		}
		gate.w.fail_after = -1;
		assert_int_equal(sl_engine_check(gate.engine) != NULL, 0);
		end();
	}
}

static void test_atomic(void **state)
{
	struct datagram g = {.v6 = true, .id = 77, .data = data};
	struct sl_packet p;

	(void)state;
	begin(false);
	make_udp(&g, 500);
	in(&g, 0, 800, true); /* a queue of the same id does not matter */
	p = in(&g, 0, 500, false);
	assert_int_equal(p.verdict, SL_ACCEPT);
	assert_int_equal(p.state, SL_CT_NEW);
	assert_int_equal(p.len, 540);
	assert_true(p.altered);
	p = in(&g, 0, 400, false); /* UDP's length says more: INVALID, and without the header as well */
	assert_int_equal(p.verdict, SL_ACCEPT);
	assert_int_equal(p.state, SL_CT_INVALID);
	assert_int_equal(p.reason, SL_WHY_BAD_L4_LENGTH);
	assert_int_equal(p.len, 440);
	end();
}

/* IPv6 fragments that cannot be queued pass, as in Linux: tracked if what is there is sound. */
static void test_passing(void **state)
{
	struct datagram g = {.v6 = true, .id = 77, .data = data};
	struct sl_packet p;

	(void)state;
	begin(false);
	make_udp(&g, 3000);
	p = in(&g, 0, 801, true); /* UDP's length says more */
	assert_int_equal(p.verdict, SL_ACCEPT);
	assert_int_equal(p.state, SL_CT_INVALID);
	assert_int_equal(p.reason, SL_WHY_BAD_L4_LENGTH);
	p = in(&g, 800, 1001, true);
	assert_int_equal(p.verdict, SL_ACCEPT);
	assert_int_equal(p.state, SL_CT_INVALID);
	assert_int_equal(p.reason, SL_WHY_FRAG_MALFORMED);
	g.proto = 99;
	p = in(&g, 0, 801, true);
	assert_int_equal(p.verdict, SL_ACCEPT);
	assert_int_equal(p.state, SL_CT_NEW);
	end();
}

static void test_time(void **state)
{
	struct datagram g = {.id = 77, .data = data};
	struct sl_stats stats;

	(void)state;
	begin(false);
	make_udp(&g, 3000);
	gate.now = 5 * SECOND;
	assert_true(sl_tunable_set(gate.engine, "ipfrag_time", 7));
	in(&g, 0, 800, true);
	assert_true(sl_deadline(gate.engine) == 12 * SECOND);
	sl_clock(gate.engine, 12 * SECOND - 1, 0);
	sl_stats(gate.engine, &stats);
	assert_int_equal(stats.fragments, 1);
	sl_clock(gate.engine, 12 * SECOND, 0);
	sl_stats(gate.engine, &stats);
	assert_int_equal(stats.fragments, 0);
	assert_int_equal(stats.reasons[SL_WHY_FRAG_TIMEOUT], 1);
	assert_true(sl_deadline(gate.engine) == UINT64_MAX);
	in(&g, 0, 800, true); /* left for the end */
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forward),
		cmocka_unit_test(test_masquerade),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_atomic),
		cmocka_unit_test(test_passing),
		cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
