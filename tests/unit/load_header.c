/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Raw bits, options and extension headers of packets that end where their memory ends; whole and cut
 * at every byte. Each row is a packet and a match that must fit it, or must not.
 * Tests: src/rules/load_header.c src/rules/load_ct.c src/rules/effect_header.c src/rules/parse_header.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/checksum.h"
#include "base/wire.h"
#include "rules_lib.h"

#define V4(total, proto) "4500" total "00014000 40" proto "0000 0a000001 0a000002 "
#define V6(length, next)                                                                           \
	"60000000" length next                                                                     \
	"40 fd000000000000000000000000000001 fd000000000000000000000000000002 "
#define UDP "03e80035000c0000 01020304"
/* nop nop time stamp 7, 9; sack-perm, eol, then MSS 5 */
#define TCP_OPTIONS                                                                                \
	V4("0040", "06")                                                                           \
	"03e80016 00000001 00000000 b002ffff 00000000 "                                            \
	"0101080a 00000007 00000009 04020002 040500fd 00000000"

static const struct row {
	const char *packet, *match;
	bool fits;
} rows[] = {
        {V4("0020", "11") UDP, "@nh,0,4 4", true},
        {V4("0020", "11") UDP, "@nh,0,8 0x45", true},
        {V4("0020", "11") UDP, "@nh,3,7 1", false},
        {V4("0020", "11") UDP, "@nh,3,7 20", true},
        {V4("0020", "11") UDP, "@nh,96,64 0x0a0000010a000002", true},
        {V4("0020", "11") UDP, "@nh,96,128 0x0a0000010a00000203e80035000c0000", true},
        {V4("0020", "11") UDP, "@nh,104,24 1", true},
        {V4("0020", "11") UDP, "@th,13,5 & 3 == 0", true},
        {V4("0020", "11") UDP, "@th,16,16 53", true},
        {V4("0020", "11") UDP, "@ih,0,32 0x01020304", true},
        {V4("0020", "11") UDP, "@ih,4,9 0x20", true},
        {V4("0020", "11") UDP, "@ih,24,16 != 5", false},
        {V4("0020", "11") UDP, "@ih,0,32 . udp dport { 0x01020304 . 53 }", true},
        {V4("0020", "11") UDP, "tcp option sack-perm missing", true},
        {V4("0020", "11") UDP, "tcp option sack-perm exists", false},
        {V4("0020", "11") UDP, "exthdr hbh missing", false},
        {V4("001c", "2f") "0000 0800 01020304", "@ih,0,16 0x0102", true},
        {V4("001c", "2f") "2000 0800 01020304", "@ih,0,16 0x0102", false},
        {V4("001c", "04") "45000000 01020304", "@ih,0,8 0x45", true},
        {V4("0020", "33") "0600 0000 01020304 00000005", "ah spi 0x01020304", true},
        {V4("001c", "6c") "0600 0007 01020304", "comp cpi 7", true},
        {TCP_OPTIONS, "tcp option timestamp tsval 7", true},
        {TCP_OPTIONS, "tcp option timestamp tsecr > 8", true},
        {TCP_OPTIONS, "tcp option 8 exists", true},
        {TCP_OPTIONS, "tcp option sack-perm length 2", true},
        {TCP_OPTIONS, "tcp option maxseg size 0x500",
                true}, /* behind the end of the list, as Linux finds it */
        {TCP_OPTIONS, "tcp option @8,16,40 0x0000000700", true},
        {TCP_OPTIONS, "tcp option @8,64,24 != 1", false},
        {TCP_OPTIONS, "tcp option sack exists", false},
        {TCP_OPTIONS, "reset tcp option 8 tcp option timestamp missing", true},
        {TCP_OPTIONS, "tcp option timestamp tsval set 5 tcp option timestamp tsval 5", true},
        {"46000024 00014000 40110000 0a000001 0a000002 94040000 " UDP, "ip option ra exists", true},
        {"46000024 00014000 40110000 0a000001 0a000002 94040001 " UDP, "ip option ra missing",
                true},
        {"46000024 00014000 40110000 0a000001 0a000002 94050000 " UDP, "ip option ra missing",
                true},
        {"47000028 00014000 40110000 0a000001 0a000002 07070400 00000000 " UDP,
                "ip option rr length 7", true},
        {"47000028 00014000 40110000 0a000001 0a000002 07070400 00000000 " UDP,
                "ip option lsrr ptr 4", false},
        {"47000028 00014000 40110000 0a000001 0a000002 83070400 00000001 " UDP,
                "ip option lsrr exists", true},
        {V6("0014", "00") "1100010400000000 " UDP, "exthdr hbh exists", true},
        {V6("0014", "00") "1100010400000000 " UDP, "hbh nexthdr udp", true},
        {V6("0014", "00") "1100010400000000 " UDP, "exthdr dst exists", false},
        {V6("0014", "00") "1100010400000000 " UDP, "exthdr dst missing", true},
        {V6("0024", "2b") "1102000100000000 fd000000000000000000000000000009 " UDP, "rt type 0",
                true},
        {V6("0024", "2b") "1102000100000000 fd000000000000000000000000000009 " UDP,
                "rt seg-left != 1", false},
        {V6("0024", "33") "1104000000001234 00000001 000000000000000000000000 " UDP,
                "ah spi 0x1234", true},
        {V6("0024", "33") "1104000000001234 00000001 000000000000000000000000 " UDP, "udp dport 53",
                false},
        {V6("0024", "33") "1104000000001234 00000001 000000000000000000000000 " UDP,
                "meta l4proto 51", true},
        {V4("0020", "11") UDP, "udp sport set 53 udp dport set 1000 @th,0,32 0x003503e8", true},
        {V4("0020", "11") UDP, "ip saddr set ip daddr ip saddr 10.0.0.2", true},
        {V4("0020", "11") UDP, "udp checksum set 0 udp checksum 0", true},
        {V4("0020", "11") UDP, "tcp dport set 5", false},
        {V4("0020", "11") UDP, "ip6 daddr set ::1", false},
        {V6("0014", "00") "1100010400000000 " UDP,
                "ip6 daddr set ::1 udp dport set 7 ip6 daddr ::1 udp dport 7", true},
        {V6("0008", "87") "3b00050000000000", "mh type binding-update", true},
};

static uint32_t bytes_of_hex(const char *text, uint8_t *out)
{
	uint32_t n = 0;
	char two[3] = {0};

	for (; *text; text++) {
		if (*text == ' ')
			continue;
		memcpy(two, text, 2);
		out[n++] = (uint8_t)strtoul(two, NULL, 16);
		text++;
	}
	return n;
}

/* A copy in memory of exactly that size. */
static bool fits(struct sl_rules *r, const uint8_t *bytes, uint32_t len)
{
	uint8_t *data = malloc(len);
	struct sl_packet p = {.data = data, .len = len, .in_if = 1, .out_if = 2};
	struct sl_parsed parsed;
	struct sl_policy_view v = {.packet = &p,
	        .state = SL_CT_INVALID,
	        .hook = SL_FORWARD,
	        .stage = SL_BEFORE_NAT,
	        .in_if = 1,
	        .out_if = 2,
	        .now = SECOND,
	        .parsed = &parsed};
	bool yes;

	memcpy(data, bytes, len);
	sl__parse(&p, &parsed);
	yes = parsed.tuple.family && sl_rules_policy.decide(r, &v) == SL_CONTINUE;
	free(data);
	return yes;
}

static void test_rows(void **state)
{
	char text[512];
	uint8_t bytes[256];
	unsigned i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		uint32_t len = bytes_of_hex(rows[i].packet, bytes), cut;
		struct sl_rules *r;

		snprintf(text, sizeof text,
		        "table inet t {\nchain c { type filter hook forward priority 0; policy drop;\n%s accept\n}\n}\n",
		        rows[i].match);
		r = rules_of(text);
		if (fits(r, bytes, len) != rows[i].fits)
			fail_msg("%s: %s", rows[i].match, rows[i].packet);
		for (cut = 1; cut < len; cut++)
			(void)fits(r, bytes, cut);
		rules_end(r);
	}
}

/* What is written into options leaves the checksum as right as it was, at odd places too. */
static void test_checksum(void **state)
{
	static const char *const statements[] = {"reset tcp option timestamp",
	        "reset tcp option sack-perm", "tcp option timestamp tsval set 0x12345678",
	        "tcp option timestamp tsecr set 1"};
	static const char odd[] = V4("0034",
	        "06") "03e80016 00000001 00000000 8002ffff 00000000 01080a00 00000700 00000900";
	char text[256];
	uint8_t bytes[256];
	unsigned i;

	(void)state;
	for (i = 0; i < 2 * COUNT(statements); i++) {
		uint32_t len = bytes_of_hex(i % 2 ? odd : TCP_OPTIONS, bytes);
		uint16_t before = sl__sum_fold(sl__sum(bytes + 20, len - 20, 0));
		struct sl_rules *r;
		struct asked a;

		snprintf(text, sizeof text,
		        "table ip t {\nchain c { type filter hook forward priority 0;\n%s\n}\n}\n",
		        statements[i / 2]);
		r = rules_of(text);
		ask_begin(&a, r);
		a.packet.data = bytes;
		a.packet.len = len;
		sl__parse(&a.packet, &a.parsed);
		assert_int_equal(sl_rules_policy.decide(r, &a.view), SL_CONTINUE);
		assert_int_equal(sl__sum_fold(sl__sum(bytes + 20, len - 20, 0)), before);
		assert_int_equal(a.packet.altered, !(i % 2 && i / 2 == 1));
		rules_end(r);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_rows), cmocka_unit_test(test_checksum)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
