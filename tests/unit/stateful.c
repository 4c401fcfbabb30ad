/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What keeps count: limits and quotas packet by packet, counters, `ct count` beside a tracker whose
 * connections come and go, and the copies that the elements of sets get.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/rules_lib.h"
#include "tests/unit/track_lib.h"

static struct asked asked;

/* The statement of this kind that a rule has. */
static struct sl__stateful *stateful_of(struct sl_rules *r, uint8_t kind)
{
	struct sl__stmt *s = r->tables->chains->rules->stmts;

	while (s && s->kind != kind)
		s = s->next;
	assert_non_null(s);
	assert_int_equal(s->state.kind, kind);
	return &s->state;
}

static struct sl_rules *rule_of(const char *rule)
{
	char text[256];
	struct sl_rules *r;

	snprintf(text, sizeof text, "table inet t {\nchain c { %s; }\n}\n", rule);
	r = rules_of(text);
	ask_begin(&asked, r);
	return r;
}

/* ---- limits and quotas ----------------------------------------------------------------------- */

struct step {
	unsigned ms, bytes; /* since the first packet; of the packet */
	bool passes;
};

/* clang-format off */
static const struct {
	const char *rule;
	uint8_t kind;
	struct step steps[8]; /* bytes 0: the end */
} rows[] = {
	{"limit rate 2/second burst 2 packets", ST_LIMIT, {
		{0, 40, true}, {0, 40, true}, {0, 40, false}, {499, 40, false}, {500, 40, true}, {500, 40, false}}},
	{"limit rate 2/second burst 2 packets", ST_LIMIT, { /* no more is saved up than the burst */
		{0, 40, true}, {9000, 40, true}, {9000, 40, true}, {9000, 40, false}}},
	{"limit rate over 2/second burst 2 packets", ST_LIMIT, {
		{0, 40, false}, {0, 40, false}, {0, 40, true}, {500, 40, false}}},
	{"limit rate 1/minute burst 1 packets", ST_LIMIT, {
		{0, 40, true}, {59999, 40, false}, {60000, 40, true}}},
	{"limit rate 1/hour burst 1 packets", ST_LIMIT, {
		{0, 40, true}, {3599999, 40, false}, {3600000, 40, true}}},
	{"limit rate 1000 bytes/second burst 500 bytes", ST_LIMIT, { /* rate and burst at first */
		{0, 1000, true}, {0, 500, true}, {0, 1, false}, {100, 101, false}, {100, 100, true}}},
	{"limit rate 1 kbytes/second burst 500 bytes", ST_LIMIT, {
		{0, 1024, true}, {0, 501, false}, {0, 500, true}}},
	{"limit rate 600 mbytes/second", ST_LIMIT, { /* a credit of less than two ns a byte */
		{0, 400 << 20, true}, {0, 199 << 20, true}, {0, 2 << 20, false}, {0, 1 << 20, true}, {0, 100, false}}},
	{"limit rate 2000 mbytes/second", ST_LIMIT, { /* of less than one */
		{0, 1500 << 20, true}, {0, 501 << 20, false}, {0, 499 << 20, true}}},
	{"limit rate over 1000 bytes/second burst 500 bytes", ST_LIMIT, {
		{0, 1500, false}, {0, 1, true}}},
	{"limit rate 1 bytes/week burst 4095 mbytes", ST_LIMIT, { /* more than a clock can hold */
		{0, 1000, true}, {0, 600, true}, {0, 600, false}}},
	{"quota 100 bytes", ST_QUOTA, {
		{0, 60, true}, {0, 40, true}, {0, 1, false}, {99999, 1, false}}},
	{"quota over 100 bytes", ST_QUOTA, {
		{0, 60, false}, {0, 40, false}, {0, 1, true}}},
	{"quota 100 bytes used 50 bytes", ST_QUOTA, {
		{0, 50, true}, {0, 1, false}}},
};
/* clang-format on */

static void packet_by_packet(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct sl_rules *r = rule_of(rows[i].rule);
		struct sl__stateful *s = stateful_of(r, rows[i].kind);

		for (unsigned k = 0; k < 8 && rows[i].steps[k].bytes; k++) {
			asked.view.now = 7 * SECOND + rows[i].steps[k].ms * UINT64_C(1000000);
			asked.parsed.len = rows[i].steps[k].bytes;
			if (sl__stateful_passes(&asked.ev, s) != rows[i].steps[k].passes)
				fail_msg("%s: packet %u", rows[i].rule, k + 1);
		}
		rules_end(r);
	}
}

static void counted(void **unused)
{
	struct sl_rules *r = rule_of("counter packets 3 bytes 1000");
	struct sl__stateful *s = stateful_of(r, ST_COUNTER);

	(void)unused;
	asked.parsed.len = 100;
	assert_true(sl__stateful_passes(&asked.ev, s));
	assert_true(sl__stateful_passes(&asked.ev, s));
	assert_int_equal(s->counter.packets, 5);
	assert_int_equal(s->counter.bytes, 1200);
	rules_end(r);
}

/* ---- ct count -------------------------------------------------------------------------------- */

static struct track_world world;

static struct sl_rules *count_of(const char *rule)
{
	struct sl_rules *r = rule_of(rule);

	track_begin(&world, &(struct track_options){0});
	asked.view.engine = (struct sl_engine *)(void *)&world;
	return r;
}

static void count_end(struct sl_rules *r)
{
	track_end(&world);
	rules_end(r);
}

/* A conn's first packet passes the rule (or not), then the conn is confirmed. */
static bool opens(struct sl__stateful *s, uint8_t proto, uint16_t port, struct sl_conn **conn)
{
	struct sl_tuple tuple = host_tuple(proto, 2, port, 9, 53);
	enum sl_reason why;
	bool passed;

	*conn = sl__conn_new(&world.t, &tuple, 0, 0, &why);
	assert_non_null(*conn);
	asked.view.conn = *conn;
	passed = sl__stateful_passes(&asked.ev, s);
	sl__conn_refresh(&world.t, *conn, 60000);
	assert_int_equal(sl__conn_confirm(&world.t, *conn), SL_WHY_NONE);
	return passed;
}

static void connections_that_are_there(void **unused)
{
	struct sl_rules *r = count_of("ct count 2");
	struct sl__stateful *s = stateful_of(r, ST_CT_COUNT);
	struct sl_conn *conn[5];

	(void)unused;
	assert_true(opens(s, SL_PROTO_UDP, 1, &conn[0]));
	assert_true(opens(s, SL_PROTO_TCP, 2, &conn[1]));
	assert_false(opens(s, SL_PROTO_UDP, 3, &conn[2]));
	sl__conn_kill(&world.t, conn[2], SL_WHY_TIMEOUT);
	sl__conn_kill(&world.t, conn[0], SL_WHY_TIMEOUT);
	assert_true(opens(s, SL_PROTO_UDP, 4, &conn[3]));
	assert_false(opens(s, SL_PROTO_UDP, 5, &conn[4]));
	sl__conn_kill(&world.t, conn[4], SL_WHY_TIMEOUT);
	conn[1]->state = SL_TCP_TIME_WAIT; /* as good as gone */
	assert_true(opens(s, SL_PROTO_UDP, 6, &conn[4]));
	count_end(r);
}

/* Later packets, and those of no connection, make nothing known. */
static void only_first_packets(void **unused)
{
	struct sl_rules *r = count_of("ct count over 1");
	struct sl__stateful *s = stateful_of(r, ST_CT_COUNT);
	struct sl_conn *conn;

	(void)unused;
	for (unsigned i = 0; i < 5; i++)
		assert_false(sl__stateful_passes(&asked.ev, s)); /* no conn: itself is one */
	asked.view.conn = conn_udp(&world, 9);
	for (unsigned i = 0; i < 5; i++)
		assert_false(sl__stateful_passes(&asked.ev, s));
	assert_int_equal(s->conncount.used, 0);
	assert_false(opens(s, SL_PROTO_UDP, 1, &conn));
	assert_int_equal(s->conncount.used, 1);
	asked.view.conn = NULL;
	assert_true(sl__stateful_passes(&asked.ev, s)); /* one is known, and itself */
	count_end(r);
}

#define CONNS 200

/* Conns come and go by chance; of those that are there, and passed, each is known once. */
static void many_come_and_go(void **unused)
{
	static struct sl_conn *conn[CONNS];
	struct sl_rules *r = count_of("ct count 100");
	struct sl__stateful *s = stateful_of(r, ST_CT_COUNT);
	unsigned there = 0, refused = 0;
	uint32_t seed = 3;

	(void)unused;
	memset(conn, 0, sizeof conn);
	for (unsigned i = 0; i < 5000; i++) {
		unsigned n = next_random(&seed) % CONNS;
		bool passed;

		if (conn[n]) {
			sl__conn_kill(&world.t, conn[n], SL_WHY_TIMEOUT);
			conn[n] = NULL;
			there--;
			continue;
		}
		passed = opens(s, SL_PROTO_UDP, (uint16_t)(n + 1), &conn[n]);
		there++;
		refused += !passed;
		assert_int_equal(passed, there <= 100);
		assert_true(2 * s->conncount.used <= s->conncount.size);
	}
	assert_true(refused > 100 && refused < 4000);
	count_end(r);
}

/* A first packet that meets the rule again, with others gone in between, is known once. */
static void asked_again(void **unused)
{
	static struct sl_conn *conn[CONNS];
	struct sl_rules *r = count_of("ct count over 0");
	struct sl__stateful *s = stateful_of(r, ST_CT_COUNT);
	unsigned there = 0;
	uint32_t seed = 9;

	(void)unused;
	memset(conn, 0, sizeof conn);
	for (unsigned i = 0; i < 5000; i++) {
		unsigned n = next_random(&seed) % CONNS;
		enum sl_reason why;

		if (conn[n] && next_random(&seed) % 2) {
			sl__conn_drop(&world.t, conn[n]);
			conn[n] = NULL;
			there--;
			continue;
		}
		if (!conn[n]) {
			struct sl_tuple tuple = tuple_udp((uint16_t)(n + 1));

			conn[n] = sl__conn_new(&world.t, &tuple, 0, 0, &why);
			assert_non_null(conn[n]);
			there++;
		}
		asked.view.conn = conn[n];
		assert_true(sl__stateful_passes(&asked.ev, s));
		assert_int_equal(s->conncount.used, there);
	}
	for (unsigned n = 0; n < CONNS; n++)
		if (conn[n])
			sl__conn_drop(&world.t, conn[n]);
	count_end(r);
}

/* ---- copies ---------------------------------------------------------------------------------- */

static void copies_begin_anew(void **unused)
{
	struct sl__stateful count = {.kind = ST_CT_COUNT, .conncount = {.max = 1}};
	struct sl__stateful from = {
	        .kind = ST_COUNTER, .next = &count, .counter = {.packets = 5, .bytes = 6}};
	struct sl_rules *r = count_of("counter");
	struct sl__stateful *copy = sl__stateful_copy(r, &from, NULL), *second;
	struct sl_tuple tuple = tuple_udp(7);
	struct sl_conn *conn, *pending;
	enum sl_reason why;
	const struct sl__counted *known;

	(void)unused;
	assert_true(copy && copy->next && !copy->next->next);
	assert_int_equal(copy->counter.packets, 5);
	assert_true(opens(copy->next, SL_PROTO_UDP, 1, &conn));
	assert_false(opens(copy->next, SL_PROTO_UDP, 2, &conn));
	assert_true(sl__stateful_passes(&asked.ev, copy));
	assert_int_equal(from.counter.packets, 5);
	assert_int_equal(count.conncount.used, 0);
	pending = sl__conn_new(&world.t, &tuple, 0, 0, &why); /* known, and still new */
	assert_non_null(pending);
	asked.view.conn = pending;
	assert_false(sl__stateful_passes(&asked.ev, copy->next));
	known = copy->next->conncount.conns;

	/* in the old one's memory, with nothing of what it knew */
	second = copy->next;
	assert_ptr_equal(sl__stateful_copy(r, &from, copy), copy);
	assert_ptr_equal(copy->next, second);
	assert_int_equal(copy->counter.packets, 5);
	assert_ptr_equal(second->conncount.conns, known);
	assert_int_equal(second->conncount.used, 0);
	asked.view.conn = pending;
	assert_true(sl__stateful_passes(&asked.ev, second));
	assert_int_equal(second->conncount.used, 1);
	sl__conn_drop(&world.t, pending);

	/* shorter and longer than the old one */
	assert_ptr_equal(sl__stateful_copy(r, &count, copy), copy);
	assert_int_equal(copy->kind, ST_CT_COUNT);
	assert_null(copy->next);
	assert_ptr_equal(sl__stateful_copy(r, &from, copy), copy);
	assert_int_equal(copy->next->kind, ST_CT_COUNT);
	assert_null(sl__stateful_copy(r, NULL, NULL));
	count_end(r);
}

static void copies_without_memory(void **unused)
{
	struct sl__stateful from = {.kind = ST_COUNTER};
	struct sl_rules *r = rule_of("counter");
	unsigned n = 0;

	(void)unused;
	rules_memory.calls = 0;
	rules_memory.fail_at = 1;
	rules_memory.lasting = true;
	while (n < 100000 && sl__stateful_copy(r, &from, NULL))
		n++;
	assert_true(n < 100000);
	assert_null(sl__stateful_copy(r, &from, NULL));
	rules_memory.fail_at = 0;
	rules_memory.lasting = false;
	assert_non_null(sl__stateful_copy(r, &from, NULL));
	rules_end(r);
}

/* The first that says no ends it: what stands behind it is not asked. */
static void elements_in_order(void **unused)
{
	struct sl__stateful counter = {.kind = ST_COUNTER};
	struct sl__stateful quota = {.kind = ST_QUOTA, .next = &counter, .quota = {.bytes = 100}};
	struct sl__expr with = {.each = &quota}, without = {0};
	struct sl_rules *r = rule_of("accept");

	(void)unused;
	asked.parsed.len = 60;
	assert_true(sl__each_passes(&asked.ev, &without));
	assert_true(sl__each_passes(&asked.ev, &with));
	assert_false(sl__each_passes(&asked.ev, &with));
	assert_int_equal(counter.counter.packets, 1);
	rules_end(r);
}

/* Each element of a set that rules fill has a quota of its own. */
static void each_element_its_own(void **unused)
{
	struct sl_rules *r =
	        rules_of("table inet t {\nset s { type inet_service; size 10; flags dynamic; }\n"
	                 "chain c { type filter hook forward priority 0; policy drop; "
	                 "add @s { tcp dport quota 100 bytes } accept; }\n}\n");

	(void)unused;
	ask_begin(&asked, r); /* packets of 44 bytes */
	for (unsigned port = 22; port < 25; port++) {
		asked.bytes[23] = (uint8_t)port;
		assert_int_equal(sl__parse(&asked.packet, &asked.parsed), SL_WHY_NONE);
		assert_int_equal(sl_rules_policy.decide(r, &asked.view), SL_CONTINUE);
		assert_int_equal(sl_rules_policy.decide(r, &asked.view), SL_CONTINUE);
		assert_int_equal(sl_rules_policy.decide(r, &asked.view), SL_DECIDE_DROP);
	}
	rules_end(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(packet_by_packet),
	        cmocka_unit_test(counted),
	        cmocka_unit_test(connections_that_are_there),
	        cmocka_unit_test(only_first_packets),
	        cmocka_unit_test(many_come_and_go),
	        cmocka_unit_test(asked_again),
	        cmocka_unit_test(copies_begin_anew),
	        cmocka_unit_test(copies_without_memory),
	        cmocka_unit_test(elements_in_order),
	        cmocka_unit_test(each_element_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
