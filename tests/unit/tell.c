/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What who traces is told of the engine's own steps: a packet's lookup, translation and route as
 * sentences, and each kind of route.
 * Tests: src/engine/tell.c
 */
#include "tests/lib/unit.h"

#include "engine/engine.h"

static struct gateway g;
static char told[4096]; /* "step: text", a line each */

static void trace(void *ctx, const struct sl_trace *t)
{
	size_t used = strlen(told);

	(void)ctx;
	if (!strcmp(t->step, "lookup") || !strcmp(t->step, "nat") || !strcmp(t->step, "route"))
		snprintf(told + used, sizeof(told) - used, "%s: %.*s\n", t->step, (int)t->text_len,
		        t->text);
}

static void begin(bool nat)
{
	gateway_init(&g, nat);
	g.env.trace = trace;
	gateway_start(&g);
	told[0] = '\0';
}

static void must_tell(const char *must)
{
	if (strcmp(told, must))
		fail_msg("told:\n%smust be:\n%s", told, must);
	told[0] = '\0';
}

#define OUT(n)  put_in_once(&g, make_udp(&g, "10.0.0.2", 4000, "192.0.2.9", 53, n))
#define BACK(n) put_in_once(&g, make_udp(&g, "192.0.2.9", 53, "203.0.113.1", 4000, n))

/* A connection from its first packet on, translated. */
static void a_connections_packets(void **unused)
{
	(void)unused;
	begin(true);
	OUT(4);
	must_tell("lookup: no connection has these ends\n"
	          "route: onward by interface 2, MTU 65535\n"
	          "nat: source of this connection: 10.0.0.2:4000 > 192.0.2.9:53 becomes "
	          "203.0.113.1:4000 > 192.0.2.9:53\n");
	OUT(4);
	must_tell("lookup: original direction of a connection that is known\n"
	          "route: onward by interface 2, MTU 65535\n");
	BACK(4);
	must_tell("lookup: reply direction of a connection that is known\n"
	          "route: onward by interface 1, MTU 65535\n");
	g.now += 3 * SECOND;
	OUT(4);
	must_tell("lookup: original direction of a connection that is known, answered\n"
	          "route: onward by interface 2, MTU 65535\n");
	OUT(4);
	must_tell("lookup: original direction of a connection that is known, answered, assured\n"
	          "route: onward by interface 2, MTU 65535\n");
	sl_engine_trace(g.engine, false);
	OUT(4);
	must_tell("");
	gateway_end(&g);
}

/* A destination's turn comes before the source's: it alone is told then. */
static void each_turn_of_nat(void **unused)
{
	struct sl_packet p;
	struct sl_work w = {0};

	(void)unused;
	begin(true);
	p = make_udp(&g, "10.0.0.2", 4000, "192.0.2.9", 53, 4);
	put_in(&g, &p);
	told[0] = '\0';
	w.e = g.engine;
	w.conn = p.conn;
	sl__tell_nat(&w, SL_MANIP_DST);
	must_tell("nat: destination of this connection: 10.0.0.2:4000 > 192.0.2.9:53 becomes "
	          "10.0.0.2:4000 > 192.0.2.9:53\n");
	sl__tell_nat(&w, SL_MANIP_SRC);
	must_tell("nat: source of this connection: 10.0.0.2:4000 > 192.0.2.9:53 becomes "
	          "203.0.113.1:4000 > 192.0.2.9:53\n");
	packet_free(&g, &p);
	gateway_end(&g);
}

static void each_kind_of_route(void **unused)
{
	static const struct {
		enum sl_route_kind kind;
		const char *text;
	} kinds[] = {
	        {SL_ROUTE_NONE, "route: there is none\n"},
	        {SL_ROUTE_FORWARD, "route: onward\n"},
	        {SL_ROUTE_LOCAL, "route: to this machine\n"},
	        {SL_ROUTE_BROADCAST, "route: to all hosts of a network\n"},
	        {SL_ROUTE_UNREACHABLE, "route: unreachable\n"},
	        {SL_ROUTE_PROHIBIT, "route: prohibited\n"},
	        {SL_ROUTE_BLACKHOLE, "route: a black hole\n"},
	};
	struct sl_work w = {0};

	(void)unused;
	begin(false);
	w.e = g.engine;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		w.route = (struct sl_route){.kind = kinds[i].kind, .out_if = 7};
		sl__tell_route(&w);
		must_tell(kinds[i].text);
	}
	w.route = (struct sl_route){.kind = SL_ROUTE_FORWARD, .out_if = 7, .mtu = 1280};
	sl__tell_route(&w);
	must_tell("route: onward by interface 7, MTU 1280\n");
	gateway_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_connections_packets),
	        cmocka_unit_test(each_turn_of_nat),
	        cmocka_unit_test(each_kind_of_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
