/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which rulesets say the same of every plain packet of an established connection (src/rules/steady.c).
 * Each row is the forward chain of an inet table, and the answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sluice/rules.h>

#include "tests/lib/memory.h"

static struct memory memory;

static void report(void *ctx, const char *text)
{
	(void)ctx;
	fputs(text, stderr);
}

/* clang-format off */
static const struct {
	const char *rules;
	bool steady;
} rows[] = {
	{"", true},
	{"ct state established,related accept; counter drop", true},
	{"ct state { established, related } accept; log drop", true},
	{"ct state vmap { established : accept, related : accept, invalid : drop }; counter", true},
	{"ct state vmap { new : accept, invalid : drop }; counter", false},
	{"ct state established counter accept", false},
	{"ct state new counter accept", true},
	{"ct state != established log drop", true},
	{"ct state invalid drop; ct state established accept; limit rate 1/second accept", true},
	{"counter; ct state established accept", false},
	{"ip saddr 10.0.0.1 accept; tcp dport { 22, 80 } drop", true},
	{"ip saddr 10.0.0.1 counter", false},
	{"iifname \"a\" oifname \"b\" meta mark 7 accept", true},
	{"meta length > 1000 drop", false},
	{"ip ttl 1 drop", false},
	{"ip dscp cs1 drop", false},
	{"meta mark set 7", false},
	{"ct mark set 7", false},
	{"ct mark 7 accept", true},
	{"ct status dnat accept", true},
	{"ct status assured accept", false},
	{"ct bytes > 1000 drop", false},
	{"tcp flags syn counter drop", true},
	{"tcp flags & (syn|rst) == syn tcp option maxseg size set rt mtu", true},
	{"tcp flags & (fin|syn|rst|ack) == syn ct state established counter", true},
	{"tcp flags ack drop", true},
	{"tcp flags psh drop", false},
	{"tcp flags ack accept; counter", false}, /* udp */
	{"tcp flags & (fin|syn|rst|psh|ack|urg) == 0x0 log drop", true},
	{"ct state new,related ct mark set 7; ct mark 7 accept", false}, /* an ICMP error may set it */
	{"tcp flags != syn drop", true},
	{"tcp option maxseg size set 1000", false},
	{"limit rate 10/second accept", false},
	{"quota 10 mbytes drop", false},
	{"numgen random mod 2 0 drop", false},
	{"fib daddr type local drop", true},
	{"ip saddr @stays drop", true},
	{"ip saddr @passes drop", false},
	{"ct state new add @passes { ip saddr }", true},
	{"add @passes { ip saddr }", false},
	{"jump quiet; counter", false},
	{"jump quiet", true},
	{"jump loud", false},
	{"ct state new jump loud", true},
	{"ct state established jump ends; counter", true},
	{"ip saddr 10.0.0.1 jump ends; counter", false},
	{"goto ends", true},
	{"ip saddr vmap { 10.0.0.1 : jump loud, 10.0.0.2 : accept }", false},
	{"ip saddr vmap { 10.0.0.1 : jump quiet, 10.0.0.2 : accept }", true},
	{"ct state established return; counter", true},
	{"tcp dport 21 ct helper set \"f\"", true},
	{"ct helper set \"f\" accept; counter", true},
	{"ct helper set tcp dport map { 21 : \"f\" } accept; counter", false},
	{"ct helper set tcp dport map { 21 : \"f\" } accept", true},
	{"meta l4proto tcp ct timeout set \"t\" accept", true},
	{"ct expectation set \"e\" counter", true},
	{"ct count over 5 drop", false},
	{"ip saddr @counted drop", false},
	{"ip saddr { 10.0.0.1 counter, 10.0.0.2 } drop", false},
	{"counter name \"k\"", false},
	{"meter m { ip saddr limit rate 1/second } drop", false},
	{"reject", true},
	{"ip saddr 10.0.0.1 reject; log", false},
};
/* clang-format on */

static void asked(void **state)
{
	struct sl_rules_env env = {.mem = {memory_get, memory_give, &memory}, .report = report};
	char text[2048];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct sl_rules *rules;

		snprintf(text, sizeof text,
			"table inet t {\n"
			"set stays { type ipv4_addr; elements = { 10.0.0.1 }; }\n"
			"set passes { type ipv4_addr; size 10; flags dynamic,timeout; timeout 1m; }\n"
			"ct helper f { type \"ftp\" protocol tcp; }\n"
			"ct timeout t { protocol tcp; l3proto ip; policy = { established : 5 }; }\n"
			"ct expectation e { protocol tcp; dport 5; timeout 1m; size 1; l3proto ip; }\n"
			"counter k { }\n"
			"set counted { type ipv4_addr; counter; elements = { 10.0.0.1 }; }\n"
			"chain quiet { ip saddr 10.0.0.9 accept; }\n"
			"chain loud { counter; }\n"
			"chain ends { ct state established accept; counter; }\n"
			"chain forward { type filter hook forward priority 0; policy drop; %s%s }\n"
			"}\n",
			rows[i].rules, *rows[i].rules ? ";" : "");
		rules = sl_rules_read(&env, "row", text, strlen(text));
		if (!rules || (sl_rules_policy.steady(rules) == SL_STEADY_ALL) != rows[i].steady)
			fail_msg("%s: %s", rows[i].rules, rules ? "the other answer" : "not read");
		sl_rules_destroy(rules);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(asked)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
