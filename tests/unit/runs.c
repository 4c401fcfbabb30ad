/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs of rules that begin with the same field (src/rules/run.c) against the same rules walked one by one: a
 * second ruleset has a match in front of each rule that always fits, and so no runs. Random rules, random
 * packets; every counter and every decision must be the same.
 * Tests: src/rules/run.c
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
#include "track/parse.h"

#define ALWAYS  "meta l4proto != 255 "
#define RULES   60
#define ROUNDS  60
#define PACKETS 300

static uint32_t state;

static uint32_t draw(uint32_t n)
{
	state = state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(state >> 8) * n >> 24);
}

static struct memory memory;

static void report(void *ctx, const char *text)
{
	(void)ctx;
	fputs(text, stderr);
}

static const char *if_name(void *ctx, uint32_t index)
{
	static const char *const names[] = {NULL, "in0", "in1", "eth0"};

	(void)ctx;
	return index < 4 ? names[index] : NULL;
}

struct text {
	char bytes[60000];
	size_t len;
};

static void add(void *ctx, const char *bytes, size_t len)
{
	struct text *t = ctx;

	assert_true(t->len + len < sizeof t->bytes);
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
	t->bytes[t->len] = 0;
}

static void put(struct text *t, const char *format, ...)
{
	char line[300];
	va_list args;

	va_start(args, format);
	add(t, line, (size_t)vsnprintf(line, sizeof line, format, args));
	va_end(args);
}

/* The first match: of one of a few fields, a value, prefix or range; now and then what makes no run. */
static void first_match(char *out, size_t size, unsigned field)
{
	static const char *const names[] = {"in0", "in1", "eth0", "in*"};
	unsigned a = draw(20), b = a + draw(10);

	switch (field) {
	case 0:
		if (draw(3) == 0)
			snprintf(out, size, "ip daddr 10.0.%u.%u-10.0.%u.%u", a % 3, a,
			        a % 3 + draw(2), b);
		else if (draw(2))
			snprintf(out, size, "ip daddr 10.0.%u.0/%u", a % 4, 20 + draw(12));
		else
			snprintf(out, size, "ip daddr 10.0.%u.%u", a % 4, draw(32));
		break;
	case 1:
		if (draw(2))
			snprintf(out, size, "tcp dport %u", a);
		else
			snprintf(out, size, "tcp dport %u-%u", a, b);
		break;
	case 2:
		snprintf(out, size, "meta mark %u", draw(4));
		break;
	case 3:
		snprintf(out, size, "iifname \"%s\"", names[draw(4)]);
		break;
	default:
		snprintf(out, size, "meta length > %u", draw(60));
	}
}

static void one_rule(struct text *plain, struct text *walked, unsigned field)
{
	static const char *const rests[] = {"counter", "counter", "counter drop", "counter accept",
	        "tcp dport 5 counter drop", "counter meta mark set 2", "counter meta mark set 3",
	        "counter jump other", "counter return", "ip ttl > 32 counter accept"};
	const char *rest = rests[draw(sizeof rests / sizeof *rests)];
	char match[100];

	first_match(match, sizeof match, field);
	put(plain, "%s %s\n", match, rest);
	put(walked, ALWAYS "%s %s\n", match, rest);
}

static void chain(struct text *plain, struct text *walked, const char *head)
{
	unsigned field = draw(5);

	put(plain, "%s", head);
	put(walked, "%s", head);
	for (unsigned i = 0; i < RULES; i++) {
		if (draw(25) == 0)
			field = draw(5);
		one_rule(plain, walked, draw(40) ? field : 4);
	}
	put(plain, "}\n");
	put(walked, "}\n");
}

static struct sl_rules *load(const struct text *t)
{
	struct sl_rules_env env = {.mem = {memory_get, memory_give, &memory}, .report = report, .if_name = if_name};

	return sl_rules_read(&env, "random", t->bytes, t->len);
}

static int decide(
        struct sl_rules *r, const uint8_t *bytes, uint32_t in_if, uint32_t mark, uint32_t *left)
{
	uint8_t copy[44];
	struct sl_packet p = {.data = copy, .len = sizeof copy, .in_if = in_if, .mark = mark};
	struct sl_parsed parsed;
	struct sl_policy_view v = {.packet = &p,
	        .state = SL_CT_INVALID,
	        .parsed = &parsed,
	        .hook = SL_FORWARD,
	        .stage = SL_BEFORE_NAT,
	        .in_if = in_if,
	        .now = 1};
	int decision;

	memcpy(copy, bytes, sizeof copy);
	assert_int_equal(sl__parse(&p, &parsed), SL_WHY_NONE);
	decision = (int)sl_rules_policy.decide(r, &v);
	*left = p.mark;
	return decision;
}

static void packets(struct sl_rules *plain, struct sl_rules *walked)
{
	uint8_t syn[44] = {0x45, 0, 0, 44, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
	        0x03, 0xe8, 0, 22, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 0x02, 0xff, 0xff, 0, 0, 0, 0, 2, 4,
	        0x05, 0xb4};

	for (unsigned i = 0; i < PACKETS; i++) {
		uint32_t in_if = 1 + draw(3), mark = draw(4), left, left2;

		syn[9] = draw(5) ? 6 : 17;
		if (syn[9] == 17)
			syn[24] = 0, syn[25] = 24;
		else
			syn[24] = syn[25] = 0;
		syn[18] = (uint8_t)draw(4);
		syn[19] = (uint8_t)draw(32);
		syn[23] = (uint8_t)draw(32);
		syn[8] = (uint8_t)(1 + draw(64));
		assert_int_equal(decide(plain, syn, in_if, mark, &left),
		        decide(walked, syn, in_if, mark, &left2));
		assert_int_equal(left, left2);
	}
}

/* Without what stands in front of the second one's rules, both are the same. */
static void same_counts(const struct sl_rules *plain, const struct sl_rules *walked)
{
	static struct text a, b;
	char *at;

	a.len = b.len = 0;
	sl_rules_print(plain, add, &a);
	sl_rules_print(walked, add, &b);
	while ((at = strstr(b.bytes, ALWAYS)))
		memmove(at, at + strlen(ALWAYS), strlen(at + strlen(ALWAYS)) + 1);
	assert_string_equal(a.bytes, b.bytes);
}

static void runs_decide_as_walking_does(void **unused)
{
	static struct text plain, walked;

	(void)unused;
	for (state = 1; state <= ROUNDS; state++) {
		uint32_t seed = state;
		struct sl_rules *a, *b;

		plain.len = walked.len = 0;
		put(&plain, "table ip t {\n");
		put(&walked, "table ip t {\n");
		chain(&plain, &walked,
		        "chain forward {\ntype filter hook forward priority 0; policy drop\n");
		chain(&plain, &walked, "chain other {\n");
		put(&plain, "}\n");
		put(&walked, "}\n");
		/* `other` jumps to itself only in text: such rules are taken out of it */
		for (char *at = strstr(plain.bytes, "chain other");
		        (at = strstr(at, "jump other"));)
			memcpy(at, "continue  ", 10);
		for (char *at = strstr(walked.bytes, "chain other");
		        (at = strstr(at, "jump other"));)
			memcpy(at, "continue  ", 10);
		a = load(&plain);
		b = load(&walked);
		assert_non_null(a);
		assert_non_null(b);
		packets(a, b);
		same_counts(a, b);
		sl_rules_destroy(a);
		sl_rules_destroy(b);
		state = seed;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(runs_decide_as_walking_does)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
