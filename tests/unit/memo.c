/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is remembered of connections: which rules answer alike for all packets of one, for which
 * packets, connections, directions, interfaces and stages an answer holds, and that it ends with
 * its ruleset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/rules_lib.h"

/* clang-format off */
static const struct {
	const char *rule;
	bool stays;
} rows[] = {
	{"accept", true},
	{"ip saddr 10.0.0.1", true},
	{"ip saddr & 255.0.0.0 == 10.0.0.0", true},
	{"ip protocol tcp", true},
	{"tcp dport 22", true},
	{"tcp dport { 22, 80-90 }", true},
	{"ip saddr . tcp dport { 10.0.0.1 . 22 }", true},
	{"tcp dport vmap { 22 : accept }", true},
	{"iifname \"in0\" oifname \"out0\"", true},
	{"meta l4proto tcp", true},
	{"ct state established", true},
	{"ct direction original", true},
	{"ct original ip saddr 10.0.0.1", true},
	{"ct reply ip daddr 10.0.0.1", true},
	{"ct original ip6 saddr ::1", true},
	{"ct zone 5", true},
	{"ct l3proto ipv4", true},
	{"ct protocol tcp", true},
	{"meta l4proto tcp ct original proto-dst 22 ct reply proto-src 22", true},
	{"ct expiration 5s", false},
	{"ct original packets > 5", false},
	{"ct avgpkt > 5", false},
	{"ip saddr @fixed", true},
	{"ip saddr @timed", false},
	{"ip saddr @changed", false},
	{"ip saddr @counted", false},
	{"ip ttl 64", false},
	{"ip length 100", false},
	{"tcp flags syn", false},
	{"meta mark 1", false},
	{"meta length 100", false},
	{"meta pkttype host", false},
	{"ct mark 1", false},
	{"ct status assured", false},
	{"ct helper \"ftp\"", false},
	{"ct bytes > 100", false},
	{"ip saddr . meta mark { 10.0.0.1 . 1 }", false},
	{"numgen inc mod 2 0", false},
	{"fib daddr type local", false},
	{"counter", false},
	{"limit rate 1/second", false},
	{"quota 5 bytes", false},
	{"ct count 5", false},
	{"log", false},
	{"reject", false},
	{"meta mark set 1", false},
	{"add @changed { ip saddr }", false},
};
/* clang-format on */

static void which_statements_stay(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		char text[1024];
		struct sl_rules *r;
		bool all = true;

		snprintf(text, sizeof text,
		        "table inet t {\nset fixed { type ipv4_addr; elements = { 10.0.0.1 }; }\n"
		        "set timed { type ipv4_addr; timeout 1m; elements = { 10.0.0.1 }; }\n"
		        "set changed { type ipv4_addr; flags dynamic; }\n"
		        "set counted { type ipv4_addr; counter; elements = { 10.0.0.1 }; }\n"
		        "chain c { %s; }\n}\n",
		        rows[i].rule);
		r = rules_of(text);
		for (struct sl__stmt *s = r->tables->chains->rules->stmts; s; s = s->next)
			all &= s->stays;
		if (all != rows[i].stays)
			fail_msg("%s: the other answer", rows[i].rule);
		rules_end(r);
	}
}

static void only_established_and_confirmed(void **unused)
{
	static struct sl_conn conn;
	struct sl_policy_view v = {.conn = &conn, .state = SL_CT_ESTABLISHED};

	(void)unused;
	conn.status = SL_CONFIRMED;
	assert_true(sl__memo_may(&v));
	v.state = SL_CT_RELATED;
	assert_false(sl__memo_may(&v));
	v.state = SL_CT_NEW;
	assert_false(sl__memo_may(&v));
	v.state = SL_CT_ESTABLISHED;
	conn.status = SL_SEEN_REPLY;
	assert_false(sl__memo_may(&v));
	conn.status = SL_CONFIRMED;
	v.conn = NULL;
	assert_false(sl__memo_may(&v));
}

/* Each row is another packet than the one that is known. */
static void known_for_what(void **unused)
{
	static struct sl_conn conn = {.self = 2, .generation = 7},
	                      next = {.self = 4, .generation = 7},
	                      later = {.self = 2, .generation = 8};
	const struct sl_policy_view known = {.conn = &conn,
	        .dir = SL_REPLY,
	        .hook = SL_POSTROUTING,
	        .stage = SL_AFTER_NAT,
	        .in_if = 1,
	        .out_if = 2};
	struct sl_policy_view others[8];
	struct sl_rules *r = rules_of("table inet t { }");

	(void)unused;
	for (unsigned i = 0; i < 8; i++)
		others[i] = known;
	others[0].conn = &next;
	others[1].conn = &later;
	others[2].dir = SL_ORIGINAL;
	others[3].hook = SL_OUTPUT;
	others[4].stage = SL_BEFORE_NAT;
	others[5].stage = SL_AFTER_HELPER;
	others[6].in_if = 2;
	others[7].out_if = 1;
	assert_false(sl__memo_knows(r, &known));
	sl__memo_keep(r, &known);
	assert_true(sl__memo_knows(r, &known));
	for (unsigned i = 0; i < 8; i++)
		if (sl__memo_knows(r, &others[i]))
			fail_msg("known for row %u too", i);
	sl__memo_keep(r, &others[3]);
	assert_true(sl__memo_knows(r, &others[3]));
	assert_true(sl__memo_knows(r, &known)); /* stages of one packet stand side by side */
	sl__memo_keep(r, &others[7]);
	assert_true(sl__memo_knows(r, &others[7]));
	assert_false(sl__memo_knows(r, &known)); /* another way out: all anew */
	sl__memo_keep(r, &others[6]);
	assert_false(sl__memo_knows(r, &others[7]));
	rules_end(r);
}

/* Before the route there is no way out yet; it is not asked for. */
static void known_before_the_route(void **unused)
{
	static struct sl_conn conn = {.self = 2, .generation = 7};
	struct sl_policy_view before = {.conn = &conn, .hook = SL_PREROUTING, .in_if = 1},
	                      behind = {.conn = &conn, .hook = SL_FORWARD, .in_if = 1, .out_if = 2};
	struct sl_rules *r = rules_of("table inet t { }");

	(void)unused;
	sl__memo_keep(r, &before);
	sl__memo_keep(r, &behind);
	assert_true(sl__memo_knows(r, &before));
	assert_true(sl__memo_knows(r, &behind));
	rules_end(r);
}

/* Many connections: each that is known is itself, and none was made known twice over. */
static void displaced_not_mixed_up(void **unused)
{
	static struct sl_conn conn;
	struct sl_policy_view v = {.conn = &conn, .hook = SL_FORWARD, .in_if = 1, .out_if = 2};
	struct sl_rules *r = rules_of("table inet t { }");
	unsigned known = 0;

	(void)unused;
	conn.generation = 1;
	for (conn.self = 2; conn.self < 100000; conn.self += 2) {
		assert_false(sl__memo_knows(r, &v));
		sl__memo_keep(r, &v);
		assert_true(sl__memo_knows(r, &v));
	}
	for (conn.self = 2; conn.self < 100000; conn.self += 2)
		known += sl__memo_knows(r, &v);
	assert_true(known > 1000 && known <= 16384);
	rules_end(r);
}

/* ---- through the policy ---------------------------------------------------------------------- */

#define RULES(rule)                                                                                \
	"table inet t {\nchain forward { type filter hook forward priority 0; policy drop; " rule  \
	"; }\n}\n"

static enum sl_decision decide(struct sl_rules *r, struct asked *a)
{
	return sl_rules_policy.decide(r, &a->view);
}

/* Whether it was asked again shows when the packet changes to one that would be dropped. */
static void remembered_until_reloaded(void **unused)
{
	static struct sl_conn conn = {.self = 2, .generation = 7, .status = SL_CONFIRMED};
	struct sl_rules *r = rules_of(RULES("ip saddr 10.0.0.1 accept"));
	struct sl_rules *reloaded;
	struct asked a;

	(void)unused;
	ask_begin(&a, r);
	a.view.conn = &conn;
	a.view.state = SL_CT_ESTABLISHED;
	assert_int_equal(decide(r, &a), SL_CONTINUE);
	a.bytes[15] = 9; /* 10.0.0.9 */
	assert_int_equal(sl__parse(&a.packet, &a.parsed), SL_WHY_NONE);
	assert_int_equal(decide(r, &a), SL_CONTINUE);
	a.view.state = SL_CT_NEW;
	assert_int_equal(decide(r, &a), SL_DECIDE_DROP);
	a.view.state = SL_CT_ESTABLISHED;
	a.view.dir = SL_REPLY;
	assert_int_equal(decide(r, &a), SL_DECIDE_DROP);
	a.view.dir = SL_ORIGINAL;
	reloaded = rules_of(RULES("ip saddr 10.0.0.1 accept"));
	assert_int_equal(decide(reloaded, &a), SL_DECIDE_DROP);
	assert_int_equal(decide(reloaded, &a), SL_DECIDE_DROP); /* no drop is remembered */
	sl_rules_destroy(reloaded);
	rules_end(r);
}

/* A rule that counts is asked for each packet. */
static void not_where_something_is_done(void **unused)
{
	static struct sl_conn conn = {.self = 2, .generation = 7, .status = SL_CONFIRMED};
	struct sl_rules *r = rules_of(RULES("ip saddr 10.0.0.1 counter accept"));
	const struct sl__stmt *s = r->tables->chains->rules->stmts;
	struct asked a;

	(void)unused;
	ask_begin(&a, r);
	a.view.conn = &conn;
	a.view.state = SL_CT_ESTABLISHED;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(decide(r, &a), SL_CONTINUE);
	while (s->kind != ST_COUNTER)
		s = s->next;
	assert_int_equal(s->state.counter.packets, 3);
	rules_end(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(which_statements_stay),
	        cmocka_unit_test(only_established_and_confirmed),
	        cmocka_unit_test(known_for_what),
	        cmocka_unit_test(known_before_the_route),
	        cmocka_unit_test(displaced_not_mixed_up),
	        cmocka_unit_test(remembered_until_reloaded),
	        cmocka_unit_test(not_where_something_is_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
