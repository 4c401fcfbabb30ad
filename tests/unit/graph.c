/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can only be known at the end of a ruleset: jumps that lead nowhere, in a circle or too deep,
 * and statements that a hook reaches where they mean nothing. Rows are the inside of a table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/rules_lib.h"

#define FORWARD "type filter hook forward priority 0; "
#define PRE     "type nat hook prerouting priority dstnat; "
#define POST    "type nat hook postrouting priority srcnat; "
#define OUT     "type nat hook output priority -100; "
#define IN      "type nat hook input priority 100; "

/* clang-format off */
static const struct {
	const char *table, *error; /* error NULL: it is right */
} rows[] = {
	/* links */
	{"chain c { " FORWARD "jump a; }\nchain a { accept; }", NULL},
	{"chain a { accept; }\nchain c { " FORWARD "jump a; goto a; }", NULL},
	{"chain c { " FORWARD "jump nowhere; }", "t.nft:2:48-59"},
	{"chain c { " FORWARD "jump nowhere; }", "no chain 'nowhere'"},
	{"chain c { " FORWARD "goto nowhere; }", "no chain 'nowhere'"},
	{"chain c { tcp dport vmap { 1 : accept, 2 : jump nowhere }; }", "no chain 'nowhere'"},
	{"chain c { " FORWARD "}\nchain a { jump c; }", "cannot jump to the base chain 'c'"},
	{"chain c { " FORWARD "}\nchain a { tcp dport vmap { 1 : goto c }; }", "cannot jump to the base chain 'c'"},
	/* circles */
	{"chain a { jump a; }", "jumps to 'a' go in a circle"},
	{"chain a { goto a; }", "jumps to 'a' go in a circle"},
	{"chain a { jump b; }\nchain b { jump a; }", "jumps to 'a' go in a circle"},
	{"chain a { jump b; }\nchain b { jump c; }\nchain c { jump b; }", "jumps to 'b' go in a circle"},
	{"chain a { tcp dport vmap { 1 : accept, 2 : jump b }; }\nchain b { goto a; }", "go in a circle"},
	{"map m { type inet_service : verdict; elements = { 1 : jump a } }\nchain a { tcp dport vmap @m; }", "go in a circle"},
	{"chain c { " FORWARD "jump a; jump b; }\nchain a { jump d; }\nchain b { jump d; }\nchain d { accept; }", NULL},
	/* at the wrong hook */
	{"chain c { " PRE "dnat ip to 10.0.0.1; }", NULL},
	{"chain c { " OUT "dnat ip to 10.0.0.1; }", NULL},
	{"chain c { " POST "dnat ip to 10.0.0.1; }", "dnat and redirect are only possible at hooks prerouting and output"},
	{"chain c { " IN "redirect; }", "dnat and redirect are only possible"},
	{"chain c { " POST "snat ip to 10.0.0.1; }", NULL},
	{"chain c { " IN "snat ip to 10.0.0.1; }", NULL},
	{"chain c { " PRE "snat ip to 10.0.0.1; }", "snat is only possible at hooks postrouting and input"},
	{"chain c { " POST "masquerade; }", NULL},
	{"chain c { " IN "masquerade; }", "masquerade is only possible at hook postrouting"},
	{"chain c { " FORWARD "masquerade; }", "only possible in chains of type nat"},
	{"chain c { " FORWARD "reject; }", NULL},
	{"chain c { type filter hook postrouting priority 0; reject; }", "reject is not possible at hook postrouting"},
	{"flowtable f { hook ingress priority 0; }\nchain c { " FORWARD "flow add @f; }", NULL},
	{"flowtable f { hook ingress priority 0; }\nchain c { type filter hook input priority 0; flow add @f; }",
		"flow add is only possible at hook forward"},
	/* reached from there, or from nowhere */
	{"chain a { masquerade; }", NULL},
	{"chain a { masquerade; }\nchain c { " POST "jump a; }", NULL},
	{"chain a { masquerade; }\nchain c { " POST "jump a; }\nchain d { " PRE "jump a; }", "masquerade is only possible"},
	{"chain a { jump b; }\nchain b { masquerade; }\nchain c { " FORWARD "tcp dport vmap { 1 : goto a }; }",
		"only possible in chains of type nat"},
};
/* clang-format on */

static void read_or_refused(const char *table, const char *error)
{
	static char text[65536];
	struct sl_rules *r;

	snprintf(text, sizeof text, "table inet t {\n%s\n}\n", table);
	r = rules_try(text);
	if (!r != !!error || (error && !strstr(said, error)))
		fail_msg("%s\n%s", table, r ? "is not refused" : said);
	rules_end(r);
}

static void each_table(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < COUNT(rows); i++)
		read_or_refused(rows[i].table, rows[i].error);
}

/* A base chain and n chains, each of which jumps to the next; `more` is in chain 1. */
static const char *ladder(unsigned n, const char *base, const char *more)
{
	static char text[8192];
	size_t len = (size_t)snprintf(text, sizeof text, "chain base { " FORWARD "%s; }\n", base);

	for (unsigned i = 1; i <= n; i++) {
		len += (size_t)snprintf(text + len, sizeof text - len, "chain c%u { ", i);
		if (i == 1)
			len += (size_t)snprintf(text + len, sizeof text - len, "%s; ", more);
		if (i < n)
			len += (size_t)snprintf(text + len, sizeof text - len, "jump c%u; ", i + 1);
		len += (size_t)snprintf(text + len, sizeof text - len, "}\n");
	}
	return text;
}

static void sixteen_deep_not_more(void **unused)
{
	(void)unused;
	read_or_refused(ladder(16, "jump c1", "counter"), NULL);
	read_or_refused(ladder(17, "jump c1", "counter"), "jumps are nested too deeply");
	/* reached at first where it is not too deep, then deeper */
	read_or_refused(ladder(16, "jump c9; jump c1", "counter"), NULL);
	read_or_refused(ladder(17, "jump c9; jump c1", "counter"), "nested too deeply");
	read_or_refused(ladder(17, "jump c1; jump c9", "counter"), "nested too deeply");
	read_or_refused(ladder(17, "jump c2", "counter"), NULL);
}

/*
 * Four ways at each of 15 steps, a thousand million in all. Each chain is looked at once for each
 * depth at most; otherwise this would not end.
 */
static void many_ways(void **unused)
{
	char text[4096];
	size_t len = (size_t)snprintf(text, sizeof text, "chain base { " FORWARD "jump c1; }\n");

	(void)unused;
	for (unsigned i = 1; i <= 15; i++)
		len += (size_t)snprintf(text + len, sizeof text - len,
		        "chain c%u { jump c%u; jump c%u; tcp dport vmap { 1 : jump c%u, 2 : goto c%u }; }\n",
		        i, i + 1, i + 1, i + 1, i + 1);
	snprintf(text + len, sizeof text - len, "chain c16 { accept; }\n");
	read_or_refused(text, NULL);
}

/* Sixteen jumps are taken, too: what stands at the end decides. */
static void the_deepest_is_reached(void **unused)
{
	char text[8192];
	struct sl_rules *r;
	struct asked a;

	(void)unused;
	snprintf(text, sizeof text, "table inet t {\n%s}\nadd rule inet t c16 drop\n",
	        ladder(16, "jump c1", "counter"));
	r = rules_of(text);
	ask_begin(&a, r);
	assert_int_equal(sl_rules_policy.decide(r, &a.view), SL_DECIDE_DROP);
	rules_end(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_table),
	        cmocka_unit_test(sixteen_deep_not_more),
	        cmocka_unit_test(many_ways),
	        cmocka_unit_test(the_deepest_is_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
