/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv4 options that a router writes to: a row an option, before and behind, or the byte at which it
 * is wrong. Header ends where its memory ends.
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
        {"behind the end", "0007070400000000", "0007070400000000", 0},
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
        {"strict source route", "8907040a00000200", NULL, 20},
};

static void route(void *ctx, const struct sl_route_query *q, struct sl_route *answer)
{
	struct sl_addr own = addr_of("203.0.113.1");

	(void)ctx;
	answer->kind = sl_addr_eq(&q->dst, &own) ? SL_ROUTE_LOCAL : SL_ROUTE_FORWARD;
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
	        cmocka_unit_test(ours_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
