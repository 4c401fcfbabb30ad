/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A packet's way out of the gateway: routes asked for and remembered, hops counted, what is too
 * long, and looking at connections from outside meanwhile.
 * Tests: src/engine/route.c src/engine/hop.c src/engine/look.c src/engine/known.c
 */
#include "tests/lib/unit.h"

#include "engine/engine.h"

static struct gateway g;
static unsigned asked;

static void route(void *ctx, const struct sl_route_query *q, struct sl_route *answer)
{
	asked++;
	gateway_route(ctx, q, answer);
}

static void begin(void)
{
	gateway_init(&g, false);
	g.env.route = route;
	asked = 0;
}

/* ---- routes ---------------------------------------------------------------------------------- */

/* An answer is asked for once, until routes change; anything else in the question is another one. */
static void asked_once(void **unused)
{
	struct sl_packet p = {.in_if = 1};
	struct sl_parsed parsed = {.tuple = tuple_of("10.0.0.2", 0, "192.0.2.9", 0, SL_PROTO_UDP)};
	struct sl_route answer;

	(void)unused;
	begin();
	gateway_start(&g);
	for (unsigned i = 0; i < 3; i++) {
		sl__route(g.engine, &p, &parsed, &answer);
		assert_int_equal(answer.kind, SL_ROUTE_FORWARD);
		assert_int_equal(answer.mtu, 65535); /* 0 is no limit */
	}
	assert_int_equal(asked, 1);
#define ANOTHER(change)                                                                            \
	do {                                                                                       \
		unsigned before = asked;                                                           \
		change;                                                                            \
		sl__route(g.engine, &p, &parsed, &answer);                                         \
		sl__route(g.engine, &p, &parsed, &answer);                                         \
		assert_int_equal(asked, before + 1);                                               \
	} while (0)
	ANOTHER(p.in_if = 2);
	ANOTHER(p.vrf = 1);
	ANOTHER(p.mark = 1);
	ANOTHER(p.from = SL_FROM_LOCAL);
	ANOTHER(parsed.tuple.proto = SL_PROTO_TCP);
	ANOTHER(parsed.tuple.src.b[15] = 77);
	ANOTHER(parsed.tuple.dst.b[15] = 77);
	ANOTHER(sl_routes_changed(g.engine));
#undef ANOTHER
	g.engine->route_generation = UINT32_MAX; /* all the way round, and nothing old comes back */
	sl__route(g.engine, &p, &parsed, &answer);
	sl_routes_changed(g.engine);
	assert_int_equal(g.engine->route_generation, 1);
	asked = 0;
	sl__route(g.engine, &p, &parsed, &answer);
	assert_int_equal(asked, 1);
	gateway_end(&g);
}

/* A route that changed is what the next packet of an open connection takes. */
static void known_routes_are_forgotten(void **unused)
{
	struct sl_packet p;

	(void)unused;
	begin();
	gateway_start(&g);
	for (unsigned i = 0; i < 3; i++) {
		put_in_once(&g, make_udp(&g, "10.0.0.2", 4000, "192.0.2.9", 53, 4));
		put_in_once(&g, make_udp(&g, "192.0.2.9", 53, "10.0.0.2", 4000, 4));
	}
	assert_true(g.engine->known.count > 0);
	g.mtu[2] = 777;
	sl_routes_changed(g.engine);
	p = make_udp(&g, "10.0.0.2", 4000, "192.0.2.9", 53, 4);
	put_in(&g, &p);
	assert_int_equal(p.mtu, 777);
	packet_free(&g, &p);
	for (unsigned i = 0; i < 10 && g.engine->known.sweeping; i++)
		sl_clock(g.engine, ++g.now, 0);
	assert_false(g.engine->known.sweeping);
	p = make_udp(&g, "10.0.0.2", 4000, "192.0.2.9", 53, 4);
	put_in(&g, &p);
	assert_int_equal(p.mtu, 777);
	packet_free(&g, &p);
	gateway_end(&g);
}

/* ---- hops and lengths ------------------------------------------------------------------------ */

static const struct {
	const char *name;
	bool counts, v6, df;
	uint8_t from, ttl;
	uint16_t len, mtu, gso;
	enum sl_reason why;
	uint8_t left;
} hops[] = {
        {"one hop less", true, false, false, SL_FROM_WIRE, 64, 100, 1500, 0, SL_WHY_NONE, 63},
        {"one hop less, IPv6", true, true, false, SL_FROM_WIRE, 64, 100, 1500, 0, SL_WHY_NONE, 63},
        {"the last but one", true, false, false, SL_FROM_WIRE, 2, 100, 1500, 0, SL_WHY_NONE, 1},
        {"no hop left", true, false, false, SL_FROM_WIRE, 1, 100, 1500, 0, SL_WHY_TTL_EXCEEDED, 1},
        {"none at all", true, true, false, SL_FROM_WIRE, 0, 100, 1500, 0, SL_WHY_TTL_EXCEEDED, 0},
        {"our own", true, false, false, SL_FROM_LOCAL, 1, 100, 1500, 0, SL_WHY_NONE, 1},
        {"the embedder counts", false, false, false, SL_FROM_WIRE, 1, 100, 1500, 0, SL_WHY_NONE, 1},
        {"as long as may be", true, false, true, SL_FROM_WIRE, 64, 1500, 1500, 0, SL_WHY_NONE, 63},
        {"too long, and not to be cut", true, false, true, SL_FROM_WIRE, 64, 1501, 1500, 0,
                SL_WHY_TOO_BIG, 64},
        {"too long, and may be cut", true, false, false, SL_FROM_WIRE, 64, 1501, 1500, 0,
                SL_WHY_NONE, 63},
        {"too long for IPv6", true, true, false, SL_FROM_WIRE, 64, 1501, 1500, 0, SL_WHY_TOO_BIG,
                64},
        {"IPv6 has 1280 everywhere", true, true, false, SL_FROM_WIRE, 64, 1280, 600, 0, SL_WHY_NONE,
                63},
        {"IPv6 has no more", true, true, false, SL_FROM_WIRE, 64, 1281, 600, 0, SL_WHY_TOO_BIG, 64},
        {"segments that fit", true, false, true, SL_FROM_WIRE, 64, 9000, 1500, 1460, SL_WHY_NONE,
                63},
        {"segments that do not", true, false, true, SL_FROM_WIRE, 64, 9000, 1500, 1461,
                SL_WHY_TOO_BIG, 64},
        {"no hop is said before too long", true, false, true, SL_FROM_WIRE, 1, 9000, 1500, 0,
                SL_WHY_TTL_EXCEEDED, 1},
};

static void each_hop(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < sizeof(hops) / sizeof(hops[0]); i++) {
		const char *src = hops[i].v6 ? "2001:db8:1::2" : "10.0.0.2",
		           *dst = hops[i].v6 ? "2001:db8:2::9" : "192.0.2.9";
		uint32_t head = hops[i].v6 ? 60 : 40;
		struct sl_work w = {.route = {.mtu = hops[i].mtu}};
		struct sl_packet p;
		enum sl_reason why;

		begin();
		g.config.forward_ttl = hops[i].counts;
		gateway_start(&g);
		p = make_tcp(&g, src, 1, dst, 2, SL_ACK, 1, 1, NULL, hops[i].len - head);
		p.data[hops[i].v6 ? 7 : 8] = hops[i].ttl;
		if (hops[i].df)
			p.data[6] |= 0x40;
		fix_sums(&p);
		p.from = hops[i].from;
		p.gso = hops[i].gso ? SL_GSO_TCP : SL_GSO_NONE;
		p.gso_size = hops[i].gso;
		w.e = g.engine;
		w.p = &p;
		assert_int_equal(sl__parse(&p, &w.parsed), SL_WHY_NONE);
		why = sl__hop(&w);
		if (why != hops[i].why || p.data[hops[i].v6 ? 7 : 8] != hops[i].left)
			fail_msg("%s: %s, %u", hops[i].name, sl_reason_name(why),
			        p.data[hops[i].v6 ? 7 : 8]);
		check_sums(&p);
		packet_free(&g, &p);
		gateway_end(&g);
	}
}

/* ---- looking --------------------------------------------------------------------------------- */

struct walk {
	unsigned n, seen[64];
};

static void visit(void *ctx, struct sl_conn *conn)
{
	struct walk *w = ctx;
	struct sl_conn_info info;

	sl_conn_info(g.engine, conn, &info);
	w->seen[info.tuple[0].sport - 2000]++;
	w->n++;
}

/* In steps of any size, in both families: each once, though others come and go. */
static void walks(void **unused)
{
	(void)unused;
	for (unsigned steps = 0; steps < 20; steps++) {
		struct walk w = {0};
		uint64_t cursor = 0;
		unsigned calls = 0;

		begin();
		gateway_start(&g);
		for (uint16_t i = 0; i < 40; i++)
			put_in_once(&g, i % 2 ? make_udp(&g, "10.0.0.2", (uint16_t)(2000 + i),
			                                "192.0.2.9", 53, 4)
			                      : make_udp(&g, "2001:db8:1::2", (uint16_t)(2000 + i),
			                                "2001:db8:2::9", 53, 4));
		while (sl_conn_walk(g.engine, &cursor, steps, visit, &w)) {
			put_in_once(&g, make_udp(&g, "10.0.0.2", (uint16_t)(2040 + calls % 24),
			                        "192.0.2.9", 53, 4));
			assert_true(++calls < 500);
		}
		assert_int_equal(cursor, 0);
		for (unsigned i = 0; i < 40; i++)
			assert_int_equal(w.seen[i], 1);
		for (unsigned i = 40; i < 64; i++)
			assert_in_range(w.seen[i], 0, 1);
		gateway_end(&g);
	}
}

/* Found by either tuple; marked, which is told of if it is news; ended, which is told of. */
static void found_marked_ended(void **unused)
{
	struct sl_tuple t = tuple_of("10.0.0.2", 2000, "192.0.2.9", 53, SL_PROTO_UDP),
	                back = tuple_of("192.0.2.9", 53, "10.0.0.2", 2000, SL_PROTO_UDP);
	struct sl_conn_info info;
	struct sl_conn *conn;
	enum sl_dir dir;

	(void)unused;
	begin();
	gateway_start(&g);
	assert_null(sl_conn_find(g.engine, &t, 0, &dir));
	put_in_once(&g, make_udp(&g, "10.0.0.2", 2000, "192.0.2.9", 53, 4));
	conn = sl_conn_find(g.engine, &back, 0, &dir);
	assert_int_equal(dir, SL_REPLY);
	assert_ptr_equal(sl_conn_find(g.engine, &t, 0, &dir), conn);
	assert_int_equal(dir, SL_ORIGINAL);
	assert_null(sl_conn_find(g.engine, &t, 1, &dir));
	sl_conn_set_mark(g.engine, conn, 0);
	put_in_once(&g, make_udp(&g, "10.0.0.2", 2000, "192.0.2.9", 53, 4));
	assert_int_equal(g.events[SL_EVENT_UPDATE], 0);
	sl_conn_set_mark(g.engine, conn, 9);
	put_in_once(&g, make_udp(&g, "10.0.0.2", 2000, "192.0.2.9", 53, 4));
	assert_int_equal(g.events[SL_EVENT_UPDATE], 1);
	sl_conn_info(g.engine, conn, &info);
	assert_int_equal(info.mark, 9);
	sl_conn_kill(g.engine, conn, SL_WHY_FLUSHED);
	assert_int_equal(g.events[SL_EVENT_DESTROY], 1);
	assert_null(sl_conn_find(g.engine, &t, 0, &dir));
	gateway_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(asked_once),
	        cmocka_unit_test(known_routes_are_forgotten),
	        cmocka_unit_test(each_hop),
	        cmocka_unit_test(walks),
	        cmocka_unit_test(found_marked_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
