/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rulesets without a kernel: what is read, where mistakes are, and what chains decide. Each row
 * of the decisions is a chain of an inet table and what becomes of one packet:
 * 10.0.0.1:1000 -> 10.0.0.2:22, TCP SYN, 44 bytes with an MSS option of 1460, in by in0.
 * Tests: src/rules/eval.c src/rules/load.c src/rules/match.c src/rules/effect.c src/rules/target.c src/rules/model.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sluice/rules.h>

#include "base/checksum.h"
#include "track/parse.h"

struct memory {
	long held;
	unsigned calls, fail_at;
};

static void *get(void *ctx, size_t size, size_t align)
{
	struct memory *m = ctx;

	(void)align;
	if (m->fail_at && ++m->calls == m->fail_at)
		return NULL;
	m->held += (long)size;
	return malloc(size);
}

static void give(void *ctx, void *p, size_t size)
{
	((struct memory *)ctx)->held -= (long)size;
	free(p);
}

static char said[8192];
static struct memory memory;

static void report(void *ctx, const char *text)
{
	(void)ctx;
	strncat(said, text, sizeof said - strlen(said) - 1);
}

static const char *if_name(void *ctx, uint32_t index)
{
	(void)ctx;
	return index == 1 ? "in0" : index == 2 ? "out0" : NULL;
}

static struct sl_rules *load(const char *text)
{
	static const struct sl_rules_define defines[] = {{"PORT", "22"}};
	struct sl_rules_env env = {.mem = {get, give, &memory}, .report = report, .if_name = if_name,
		.defines = defines, .define_count = 1};

	said[0] = 0;
	return sl_rules_read(&env, "t.nft", text, strlen(text));
}

static const uint8_t syn[44] = {0x45, 0, 0, 44, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x03,
	0xe8, 0, 22, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 0x02, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 0x05, 0xb4};

static enum sl_decision ask(struct sl_rules *r, struct sl_packet *p, uint64_t now)
{
	struct sl_parsed parsed;
	struct sl_policy_view v = {.packet = p, .state = SL_CT_INVALID, .hook = SL_FORWARD,
		.stage = SL_BEFORE_NAT, .in_if = 1, .out_if = 2, .now = now, .parsed = &parsed};

	assert_int_equal(sl__parse(p, &parsed), SL_WHY_NONE);
	return sl_rules_policy.decide(r, &v);
}

struct row {
	const char *rules; /* of the base chain, which drops by policy */
	enum sl_decision decision;
};

static const struct row rows[] = {
	{"", SL_DECIDE_DROP},
	{"accept", SL_CONTINUE},
	{"tcp dport 22 accept", SL_CONTINUE},
	{"tcp dport $PORT accept", SL_CONTINUE},
	{"tcp dport ssh accept", SL_CONTINUE},
	{"tcp dport != 22 accept", SL_DECIDE_DROP},
	{"udp dport != 22 accept", SL_DECIDE_DROP},
	{"tcp dport 20-30 accept", SL_CONTINUE},
	{"tcp dport != 20-30 accept", SL_DECIDE_DROP},
	{"tcp dport < 22 accept", SL_DECIDE_DROP},
	{"tcp dport <= 22 accept", SL_CONTINUE},
	{"tcp dport { 21, 22 } accept", SL_CONTINUE},
	{"tcp dport { 1-21, 23-30 } accept", SL_DECIDE_DROP},
	{"tcp dport != { 21, 23 } accept", SL_CONTINUE},
	{"ip saddr 10.0.0.0/8 accept", SL_CONTINUE},
	{"ip saddr != 10.0.0.0/8 accept", SL_DECIDE_DROP},
	{"ip saddr & 255.255.255.0 == 10.0.0.0 accept", SL_CONTINUE},
	{"ip6 saddr ::/0 accept", SL_DECIDE_DROP},
	{"ip saddr . tcp dport { 10.0.0.1 . 22 } accept", SL_CONTINUE},
	{"ip saddr . tcp dport { 10.0.0.0/24 . 20-30 } accept", SL_CONTINUE},
	{"ip saddr . tcp dport { 10.0.0.0/24 . 23-30 } accept", SL_DECIDE_DROP},
	{"tcp flags syn accept", SL_CONTINUE},
	{"tcp flags syn / syn,ack accept", SL_CONTINUE},
	{"tcp flags & (syn|ack) == ack accept", SL_DECIDE_DROP},
	{"tcp flags ! ack accept", SL_CONTINUE},
	{"iifname \"in0\" oifname \"out0\" accept", SL_CONTINUE},
	{"iifname \"i*\" accept", SL_CONTINUE},
	{"iifname \"o*\" accept", SL_DECIDE_DROP},
	{"meta length 44 accept", SL_CONTINUE},
	{"ip ttl 64 ip version 4 ip dscp cs0 accept", SL_CONTINUE},
	{"ip frag-off & 0x1fff != 0 accept", SL_DECIDE_DROP},
	{"ct state invalid accept", SL_CONTINUE},
	{"ct state new,established accept", SL_DECIDE_DROP},
	{"ct mark 0 accept", SL_DECIDE_DROP},
	{"tcp option maxseg size 1460 accept", SL_CONTINUE},
	{"meta mark set 5 meta mark 5 accept", SL_CONTINUE},
	{"meta mark set tcp dport map { 22 : 7 } meta mark & 0x3 == 3 accept", SL_CONTINUE},
	{"tcp dport vmap { 22 : accept }", SL_CONTINUE},
	{"tcp dport vmap { 1-21 : accept, 22 : jump yes }", SL_CONTINUE},
	{"jump no; accept", SL_CONTINUE},
	{"goto no; accept", SL_DECIDE_DROP},
	{"jump yes", SL_CONTINUE},
	{"return; accept", SL_DECIDE_DROP},
	{"reject", SL_DECIDE_REJECT},
	{"reject with tcp reset", SL_DECIDE_REJECT},
	{"reject with icmpv6 no-route", SL_DECIDE_DROP},
	{"quota 10 bytes accept", SL_DECIDE_DROP},
	{"quota over 10 bytes accept", SL_CONTINUE},
	{"numgen inc mod 2 0 accept", SL_CONTINUE},
	{"add @seen { ip saddr }; ip saddr @seen accept", SL_CONTINUE},
	{"add @seen { ip saddr }; delete @seen { ip saddr }; ip saddr @seen accept", SL_DECIDE_DROP},
	{"ip daddr @nets accept", SL_CONTINUE},
};

static void test_decisions(void **state)
{
	char text[2048];
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t data[sizeof syn];
		struct sl_packet p = {.data = data, .len = sizeof data, .in_if = 1, .out_if = 2};
		struct sl_rules *r;

		memcpy(data, syn, sizeof data);
		snprintf(text, sizeof text, "table inet t {\n"
			"set seen { type ipv4_addr; flags dynamic; timeout 1m; }\n"
			"set nets { type ipv4_addr; flags interval; elements = { 10.0.0.2-10.0.0.9, 192.168.0.0/16 }\n }\n"
			"chain c { type filter hook forward priority 0; policy drop; %s\n}\n"
			"chain yes { accept; }\nchain no { return; }\n}\n", rows[i].rules);
		r = load(text);
		if (!r)
			fail_msg("%s: %s", rows[i].rules, said);
		if (ask(r, &p, 1000000000) != rows[i].decision)
			fail_msg("%s: decided otherwise", rows[i].rules);
		sl_rules_destroy(r);
		assert_int_equal(memory.held, 0);
	}
}

static void test_limit_and_timeout(void **state)
{
	struct sl_rules *r = load("table inet t {\nset s { type ipv4_addr; flags dynamic; timeout 2s; }\n"
		"chain c { type filter hook forward priority 0; policy drop;\n"
		"ip saddr @s drop\nlimit rate 2/second burst 2 packets accept\nadd @s { ip saddr }\n}\n}\n");
	uint8_t data[sizeof syn];
	struct sl_packet p = {.data = data, .len = sizeof data, .in_if = 1};
	const uint64_t second = 1000000000;

	(void)state;
	assert_non_null(r);
	memcpy(data, syn, sizeof data);
	assert_int_equal(ask(r, &p, second), SL_CONTINUE);
	assert_int_equal(ask(r, &p, second), SL_CONTINUE);
	assert_int_equal(ask(r, &p, second), SL_DECIDE_DROP); /* the limit; the set remembers */
	assert_int_equal(ask(r, &p, 2 * second), SL_DECIDE_DROP);
	assert_int_equal(ask(r, &p, 4 * second), SL_CONTINUE);
	sl_rules_destroy(r);
}

static void test_mss(void **state)
{
	struct sl_rules *r = load("table inet t {\nchain c { type filter hook forward priority 0;\n"
		"tcp flags syn tcp option maxseg size set 1200\n}\n}\n");
	uint8_t data[sizeof syn];
	struct sl_packet p = {.data = data, .len = sizeof data, .in_if = 1, .csum = SL_CSUM_PARTIAL};

	(void)state;
	memcpy(data, syn, sizeof data);
	assert_non_null(r);
	assert_int_equal(ask(r, &p, 1), SL_CONTINUE);
	assert_int_equal(data[42] << 8 | data[43], 1200);
	assert_true(p.altered);
	sl_rules_destroy(r);
}

/* Parts of bytes, whole bytes; the header's checksum stays right (or as wrong as it was). */
static void test_fields(void **state)
{
	struct sl_rules *r = load("table inet t {\nchain c { type filter hook forward priority 0;\n"
		"ip dscp set af11\nip ecn set ce\nip ttl set 200\nip6 hoplimit set 3\n}\n}\n");
	uint8_t data[sizeof syn];
	struct sl_packet p = {.data = data, .len = sizeof data, .in_if = 1};
	uint16_t before;

	(void)state;
	memcpy(data, syn, sizeof data);
	before = sl__sum_fold(sl__sum(data, 20, 0));
	assert_non_null(r);
	assert_int_equal(ask(r, &p, 1), SL_CONTINUE);
	assert_int_equal(data[1], 10 << 2 | 3);
	assert_int_equal(data[8], 200);
	assert_memory_equal(data + 12, syn + 12, sizeof data - 12);
	assert_int_equal(sl__sum_fold(sl__sum(data, 20, 0)), before);
	assert_true(p.altered);
	p.altered = 0;
	assert_int_equal(ask(r, &p, 1), SL_CONTINUE);
	assert_false(p.altered); /* they are as they shall be */
	sl_rules_destroy(r);
}

static void test_nat(void **state)
{
	struct sl_rules *r = load("table inet t {\nchain c { type nat hook prerouting priority dstnat;\n"
		"tcp dport 22 dnat ip to 192.0.2.1-192.0.2.9:2200-2300 persistent\n}\n}\n");
	uint8_t data[sizeof syn];
	struct sl_packet p = {.data = data, .len = sizeof data, .in_if = 1};
	struct sl_parsed parsed;
	struct sl_policy_view v = {.packet = &p, .state = SL_CT_NEW, .hook = SL_PREROUTING, .in_if = 1, .now = 1,
		.parsed = &parsed};
	struct sl_nat_range range = {0};
	const uint8_t last[4] = {192, 0, 2, 9};
	struct sl_addr want = sl_addr_v4(last);

	(void)state;
	memcpy(data, syn, sizeof data);
	assert_non_null(r);
	assert_true(sl_rules_translates(r));
	assert_int_equal(sl__parse(&p, &parsed), SL_WHY_NONE);
	assert_true(sl_rules_policy.nat(r, &v, &range));
	assert_int_equal(range.flags, SL_NAT_MAP_ADDR | SL_NAT_MAP_PORT | SL_NAT_PERSISTENT);
	assert_true(sl_addr_eq(&range.max_addr, &want));
	assert_int_equal(range.min_port, 2200);
	assert_int_equal(range.max_port, 2300);
	sl_rules_destroy(r);
}

/* All mistakes of a text are shown, each at its place. */
static void test_mistakes(void **state)
{
	(void)state;
	assert_null(load("table ip t {\nchain c {\n tcp dprt 1\n queue\n ct state bogus\n}\n}\nfrobnicate\n"));
	assert_non_null(strstr(said, "t.nft:3:6-9: Error: "));
	assert_non_null(strstr(said, " tcp dprt 1\n     ^^^^\n"));
	assert_non_null(strstr(said, "t.nft:4:2-6: Error: not supported: queue"));
	assert_non_null(strstr(said, "t.nft:5:11-15: Error: Could not parse conntrack state"));
	assert_null(load("table ip t {\nchain c {\n"));
	assert_non_null(strstr(said, "end of file"));
	assert_null(load("table ip t { chain c { tcp dport \"22 accept\n"));
	assert_int_equal(memory.held, 0);
}

/* Whichever allocation fails: no crash, nothing kept. */
static void test_no_memory(void **state)
{
	static const char text[] = "table ip t {\nset s { type ipv4_addr; elements = { 1.2.3.4 }\n }\n"
		"chain c {\n ip saddr @s drop\n}\n}\n";
	struct sl_rules *r = NULL;

	(void)state;
	memory.fail_at = 1;
	do {
		memory.calls = 0;
		r = load(text);
		if (!r)
			assert_int_equal(memory.held, 0);
		memory.fail_at++;
	} while (!r && memory.fail_at < 100);
	memory.fail_at = 0;
	assert_non_null(r);
	sl_rules_destroy(r);
}

static void test_default(void **state)
{
	struct sl_rules *r = load(sl_rules_default);

	(void)state;
	assert_non_null(r);
	sl_rules_destroy(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_limit_and_timeout), cmocka_unit_test(test_mss), cmocka_unit_test(test_fields), cmocka_unit_test(test_nat),
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_no_memory), cmocka_unit_test(test_default)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
