/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv4 options that a router writes to, or goes by: a row an option, before and behind, or the byte at
 * which it is wrong. Header ends where its memory ends.
 */
#include "tests/lib/unit.h"

#include "engine/engine.h"
#include "engine/options.h"

#define OWN  "cb007101" /* 203.0.113.1: what the packet leaves from */
#define TIME "80000fa0" /* 4 s since the engine's beginning */

static const struct row {
	const char *name, *before, *after;
	uint8_t bad; /* offset in the header; 0: fine */
} rows[] = {
        {"none", "", "", 0},
        {"record route",
                "07070400000000"
                "00",
                "070708" OWN "00", 0},
        {"its second entry",
                "070b080a0000020000000000000000"
                "00",
                "070b0c0a000002" OWN "0000000000", 0},
        {"a full one is left alone",
                "070708"
                "0a000002"
                "00",
                "070708"
                "0a000002"
                "00",
                0},
        {"no room for a whole entry", "0706040000000000", NULL, 22},
        {"its pointer lies before its entries", "0707030000000000", NULL, 22},
        {"shorter than its head", "0702000000000000", NULL, 21},
        {"twice",
                "0707040000000007"
                "07040000000000"
                "00",
                NULL, 27},
        {"behind two NOPs",
                "0101070704000000"
                "00000000",
                "0101070708" OWN "000000", 0},
        {"behind the end", "0007070400000000", "0000000000000000", 0},
        {"time alone", "440805000000000000000000", "44080900" TIME "00000000", 0},
        {"time and address", "440c05010000000000000000", "440c0d01" OWN TIME, 0},
        {"time at an address of ours", "440c0503" OWN "00000000", "440c0d03" OWN TIME, 0},
        {"time at an address of another's",
                "440c0503"
                "0a000002"
                "00000000",
                "440c0503"
                "0a000002"
                "00000000",
                0},
        {"a kind of time that is none", "440805020000000000000000", "440805020000000000000000", 0},
        {"full: one more missed it", "44080900" TIME "00000000", "44080910" TIME "00000000", 0},
        {"full, and missed by as many as can be told", "440809f0" TIME "00000000", NULL, 23},
        {"time shorter than its head", "4403050000000000", NULL, 21},
        {"time: its pointer lies before its entries", "440804000000000000000000", NULL, 22},
        {"time: no room for a whole entry", "440a09010000000000000000", NULL, 22},
        {"an option without a length", "01010144", NULL, 23},
        {"of length 1", "8801000000000000", NULL, 20},
        {"longer than the header", "88ff000000000000", NULL, 20},
        {"time: full, and asked of others only", "440c0d03" OWN TIME, "440c0d03" OWN TIME, 0},
        {"time: no room for a kind that is none", "440605020000", NULL, 22},
        {"time at everybody's address", "440c0503ffffffff00000000", "440c0d03ffffffff" TIME, 0},
        {"time at a group's", "440c0503e000000100000000", "440c0d03e0000001" TIME, 0},
        {"time, twice", "440809000000000044080500", NULL, 28},
        {"strict source route that does not name us", "8907040a00000200", NULL, 16},
        {"loose source route", "8307040a00000200", "8307040a00000200", 0},
        {"shorter than its head", "8302000000000000", NULL, 21},
        {"its pointer lies before its stops", "8307030a00000200", NULL, 22},
        {"two of them", "8307040a000002018903040000000000", NULL, 28},
        {"router alert", "94040000", "94040000", 0},
        {"router alert without its value", "94030000", NULL, 21},
        {"a label too short", "8606000000010000", NULL, 21},
        {"a label of another domain", "860a000000010104000100", NULL, 22},
        {"two labels", "8602", NULL, 21},
        {"those of the military pass", "820b0000000000000000000188040001",
                "820b0000000000000000000188040001", 0},
};

static void route(void *ctx, const struct sl_route_query *q, struct sl_route *answer)
{
	struct sl_addr own = addr_of("203.0.113.1");

	(void)ctx;
	answer->kind = sl_addr_eq(&q->dst, &own) ? SL_ROUTE_LOCAL
	               : q->dst.b[12] == 0xc6    ? SL_ROUTE_NONE
	                                         : SL_ROUTE_FORWARD;
	answer->out_if = 2;
	answer->has_source = true;
	answer->source = own;
}

static uint32_t unhex(const char *hex, uint8_t *out)
{
	uint32_t n = (uint32_t)strlen(hex) / 2;

	for (uint32_t i = 0; i < n; i++) {
		char two[3] = {hex[2 * i], hex[2 * i + 1], 0};

		out[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return n;
}

/* The header of a packet to 192.0.2.9, with these options, padded with 0. */
static uint32_t header_of(const char *options, uint8_t *d)
{
	uint32_t n = 20 + (unhex(options, d + 20) + 3) / 4 * 4;

	d[0] = (uint8_t)(0x40 | n / 4);
	sl_put16(d + 2, (uint16_t)n);
	d[8] = 64;
	d[9] = 89;
	memcpy(d + 12, (uint8_t[]){10, 0, 0, 2, 192, 0, 2, 9}, 8);
	sl_put16(d + 10, sl__csum(sl__sum(d, n, 0)));
	return n;
}

static void each_option(void **unused)
{
	static struct gateway g;

	(void)unused;
	gateway_init(&g, false);
	g.env.route = route;
	gateway_start(&g);
	sl_clock(g.engine, 4 * SECOND, 0);
	sl_tunable_set(g.engine, "accept_source_route", 1);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		uint8_t before[80] = {0}, after[80] = {0}, *exact;
		uint32_t n = header_of(r->before, before);
		struct sl_packet p = {.len = n};
		struct sl_work w = {.e = g.engine, .p = &p};
		enum sl_reason why;

		exact = malloc(n);
		memcpy(exact, before, n);
		p.data = exact;
		assert_int_equal(sl__parse(&p, &w.parsed), SL_WHY_NONE);
		sl__route(g.engine, &p, &w.parsed, &w.route);
		why = sl__fill_options(&w);
		if (w.bad_option != r->bad || (why == SL_WHY_NONE) != (r->bad == 0))
			fail_msg("%s: byte %u, %s", r->name, w.bad_option, sl_reason_name(why));
		if (r->after) {
			assert_int_equal(header_of(r->after, after), n);
			if (memcmp(exact + 20, after + 20, n - 20) != 0)
				fail_msg("%s: another option", r->name);
			assert_int_equal(p.altered, memcmp(before, after, n) != 0);
		}
		assert_int_equal(
		        sl__csum(sl__sum(exact, n, 0)), 0); /* right as it was, whatever happened */
		free(exact);
	}
	gateway_end(&g);
}

/* ---- source routes ------------------------------------------------------------------------- */

#define STOP  "0a000009"
#define OTHER "c0000221"

static const struct route_row {
	const char *name, *before, *after, *dst; /* where it goes, and what stands there then */
	bool refused;                            /* accept_source_route is 0 */
	bool group;                              /* sent to more than one host */
	bool forward;                            /* goes on from us */
	uint8_t bad;                             /* offset in the header; 0: fine */
	enum sl_reason why;
} routes[] = {
        {"the next stop", "830704" STOP, "830708" OWN, "10.0.0.9", .forward = true},
        {"strictly", "890704" STOP, "890708" OWN, "10.0.0.9", .forward = true},
        {"the second of three", "830f08" OTHER STOP OTHER, "830f0c" OTHER OWN OTHER, "10.0.0.9",
                .forward = true},
        {"we are named twice", "830b04" OWN STOP, "830b0c" OWN OWN, "10.0.0.9", .forward = true},
        {"we are the last", "830708" OTHER, "830708" OTHER, "203.0.113.1"},
        {"we are the last, by another word", "830704" OWN, "830704" OWN, "203.0.113.1"},
        {"half a stop", "830705" STOP, NULL, NULL, .bad = 22, .why = SL_WHY_BAD_IP_OPTIONS},
        {"a stop that nothing leads to", "830704c6000001", NULL, NULL, .why = SL_WHY_SOURCE_ROUTE},
        {"not followed", "830704" STOP, NULL, NULL, .refused = true, .why = SL_WHY_SOURCE_ROUTE},
        {"for a group", "830704" STOP, NULL, NULL, .group = true, .why = SL_WHY_SOURCE_ROUTE},
        {"and what route it took",
                "830704" STOP "01070704"
                "00000000",
                "830708" OWN "01070708" OWN, "10.0.0.9", .forward = true},
        {"and when",
                "830704" STOP "01440c0501"
                "0000000000000000",
                "830708" OWN "01440c0d01" OWN TIME, "10.0.0.9", .forward = true},
};

static void each_route(void **unused)
{
	static struct gateway g;

	(void)unused;
	gateway_init(&g, false);
	g.env.route = route;
	gateway_start(&g);
	sl_clock(g.engine, 4 * SECOND, 0);
	for (unsigned i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct route_row *r = &routes[i];
		uint8_t before[80] = {0}, after[80] = {0}, *exact;
		uint32_t n = header_of(r->before, before);
		struct sl_packet p = {.len = n,
		        .to = SL_TO_LOCAL,
		        .cast = r->group ? SL_CAST_MULTICAST : SL_CAST_HOST};
		struct sl_work w = {.e = g.engine, .p = &p};
		enum sl_reason why;

		sl_tunable_set(g.engine, "accept_source_route", !r->refused);
		memcpy(before + 16, (uint8_t[]){203, 0, 113, 1}, 4);
		sl_put16(before + 10, 0);
		sl_put16(before + 10, sl__csum(sl__sum(before, n, 0)));
		exact = malloc(n);
		memcpy(exact, before, n);
		p.data = exact;
		assert_int_equal(sl__parse(&p, &w.parsed), SL_WHY_NONE);
		sl__route(g.engine, &p, &w.parsed, &w.route);
		why = sl__fill_options(&w);
		if (why != r->why || w.bad_option != r->bad)
			fail_msg("%s: byte %u, %s", r->name, w.bad_option, sl_reason_name(why));
		if (why == SL_WHY_NONE) {
			struct sl_addr to = addr_of(r->dst), parsed;

			assert_int_equal(p.to == SL_TO_FORWARD, r->forward);
			assert_int_equal(
			        w.route.kind, r->forward ? SL_ROUTE_FORWARD : SL_ROUTE_LOCAL);
			sl__next_stop(&w);
			header_of(r->after, after);
			if (memcmp(exact + 20, after + 20, n - 20) != 0 ||
			        memcmp(exact + 16, to.b + 12, 4) != 0)
				fail_msg("%s: another way", r->name);
			parsed = w.parsed.tuple.dst;
			assert_true(sl_addr_eq(&parsed, &to));
			assert_int_equal(sl__csum(sl__sum(exact, n, 0)), 0);
		}
		free(exact);
	}
	gateway_end(&g);
}

/* Of a packet that we made ourselves nothing is written to. */
static void ours_stay(void **unused)
{
	static struct gateway g;
	uint8_t d[80] = {0}, was[80];
	struct sl_packet p = {.data = d, .from = SL_FROM_LOCAL};
	struct sl_work w = {.p = &p};

	(void)unused;
	gateway_init(&g, false);
	gateway_start(&g);
	w.e = g.engine;
	p.len = header_of("0707040000000000", d);
	memcpy(was, d, sizeof(d));
	assert_int_equal(sl__parse(&p, &w.parsed), SL_WHY_NONE);
	assert_int_equal(sl__fill_options(&w), SL_WHY_NONE);
	assert_memory_equal(d, was, sizeof(d));
	gateway_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_option),
	        cmocka_unit_test(each_route),
	        cmocka_unit_test(ours_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
