/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a ruleset tells to who traces a packet, to the letter: rows are rules of a base chain `c` of
 * the table `inet t`, from line 3 of t.nft on, and the lines for a packet to TCP port 22.
 * Tests: src/rules/tell.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "tests/unit/rules_lib.h"

static char told[4096];

static void trace(void *ctx, const struct sl_trace *t)
{
	(void)ctx;
	assert_string_equal(t->step, "rule");
	strncat(told, t->text, t->text_len);
	strcat(told, "\n");
}

static void decide(struct sl_rules *r, bool tracing)
{
	static struct sl_engine engine;
	struct asked a;

	engine.track.tracing = true;
	engine.env.trace = trace;
	told[0] = 0;
	ask_begin(&a, r);
	a.view.engine = &engine;
	a.view.tracing = tracing;
	sl_rules_policy.decide(r, &a.view);
}

/* clang-format off */
static const struct {
	const char *rules, *lines;
} rows[] = {
	{"", "inet t c: policy drop\n"},
	{"accept", "t.nft:3 inet t c: accept\n"},
	{"tcp dport 22 counter accept", "t.nft:3 inet t c: tcp dport 22 counter accept\n"},
	{"tcp dport 23 accept", "inet t c: policy drop\n"},
	{"counter\ntcp dport 23 drop\n\ntcp dport 22 drop",
		"t.nft:3 inet t c: counter\nt.nft:6 inet t c: tcp dport 22 drop\n"},
	{"tcp\t dport \\\n  22   accept", "t.nft:3 inet t c: tcp dport 22 accept\n"},
	{"jump other\naccept", "t.nft:3 inet t c: jump other\nt.nft:9 inet t other: counter\nt.nft:4 inet t c: accept\n"},
	{"goto other", "t.nft:3 inet t c: goto other\nt.nft:8 inet t other: counter\ninet t c: policy drop\n"},
	{"tcp dport vmap { 22 : accept, 23 : drop }",
		"t.nft:3 inet t c: tcp dport vmap { 22 : accept, 23 : drop } -> accept\n"},
	{"tcp dport vmap { 22 : drop }", "t.nft:3 inet t c: tcp dport vmap { 22 : drop } -> drop\n"},
	{"tcp dport vmap { 23 : drop }", "inet t c: policy drop\n"},
	{"tcp dport vmap { 22 : jump other }; drop",
		"t.nft:3 inet t c: tcp dport vmap { 22 : jump other } -> jump other\nt.nft:8 inet t other: counter\n"
		"t.nft:3 inet t c: drop\n"},
	{"tcp dport vmap { 22 : goto other }",
		"t.nft:3 inet t c: tcp dport vmap { 22 : goto other } -> goto other\nt.nft:8 inet t other: counter\n"
		"inet t c: policy drop\n"},
	{"tcp dport vmap { 22 : return }",
		"t.nft:3 inet t c: tcp dport vmap { 22 : return } -> return\ninet t c: policy drop\n"},
	{"tcp dport vmap { 22 : continue }; drop",
		"t.nft:3 inet t c: tcp dport vmap { 22 : continue }\nt.nft:3 inet t c: drop\n"},
	{"reject", "t.nft:3 inet t c: reject\n"},
};
/* clang-format on */

static void to_the_letter(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		char text[1024];
		struct sl_rules *r;

		snprintf(text, sizeof text,
		        "table inet t {\nchain c { type filter hook forward priority 0; policy drop;\n"
		        "%s\n}\n\n\nchain other {\ncounter\n}\n}\n",
		        rows[i].rules);
		r = rules_of(text);
		decide(r, true);
		if (strcmp(told, rows[i].lines))
			fail_msg("%s\ntells:\n%s", rows[i].rules, told);
		decide(r, false);
		assert_string_equal(told, "");
		rules_end(r);
	}
}

static void families_and_policies(void **unused)
{
	struct sl_rules *r =
	        rules_of("table ip t {\nchain c { type filter hook forward priority 0; }\n}\n");

	(void)unused;
	decide(r, true);
	assert_string_equal(told, "ip t c: policy accept\n");
	rules_end(r);
}

/* As many letters as there is room for, from a rule that is longer. */
static void cut_at_the_limit(void **unused)
{
	static const char head[] = "t.nft:2 inet t c: tcp dport { 22, 1001, 1002";
	char text[2048];
	size_t len;
	struct sl_rules *r;

	(void)unused;
	len = (size_t)snprintf(text, sizeof text,
	        "table inet t {\nchain c { type filter hook forward priority 0; tcp dport { 22");
	for (unsigned port = 1001; port < 1100; port++)
		len += (size_t)snprintf(text + len, sizeof text - len, ", %u", port);
	snprintf(text + len, sizeof text - len, " } accept; }\n}\n");
	r = rules_of(text);
	decide(r, true);
	assert_memory_equal(told, head, strlen(head));
	assert_in_range(strlen(told), 245, 251); /* with the end of the line */
	assert_null(strstr(told, "accept"));
	rules_end(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(to_the_letter),
	        cmocka_unit_test(families_and_policies),
	        cmocka_unit_test(cut_at_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
