/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text cursor. Every input is copied to the very end of an allocation of its own, so that the
 * address sanitizer sees a reader that looks one byte too far.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sluice/text.h>

#include "base/random.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static struct sl_text lay(const char *s, size_t len)
{
	char *p = malloc(len ? len : 1);

	assert_non_null(p);
	memcpy(p, s, len);
	return sl_text_of(p, len);
}

static struct sl_text lay_str(const char *s)
{
	return lay(s, strlen(s));
}

static void drop(struct sl_text *t)
{
	free((void *)(uintptr_t)t->start);
}

/* The cursor is at `offset`; -1 stands for "failed, did not move". */
static void check_at(struct sl_text *t, bool ok, int offset, const char *input)
{
	if (ok != (offset >= 0) || sl_text_offset(t) != (size_t)(ok ? offset : 0))
		fail_msg("\"%s\": %s at %zu, expected %d", input, ok ? "read" : "refused",
		        sl_text_offset(t), offset);
	drop(t);
}

static void test_words(void **state)
{
	static const struct {
		bool (*read)(struct sl_text *, const char *);
		const char *input, *word;
		int offset;
	} rows[] = {
	        {sl_text_word, "EPRT |1|", "EPRT", 4},
	        {sl_text_word, "eprt", "EPRT", 4},
	        {sl_text_word, "EPRTX", "EPRT", -1},
	        {sl_text_word, "EPRT2", "EPRT", -1},
	        {sl_text_word, "EPRT-", "EPRT", 4},
	        {sl_text_word, "EPR", "EPRT", -1},
	        {sl_text_word, "", "EPRT", -1},
	        {sl_text_word, "EPRT\xe4", "EPRT", 4},
	        {sl_text_word, "@", "`", -1},
	        {sl_text_word, "[", "{", -1},
	        {sl_text_prefix, "sip:bob", "SIP:", 4},
	        {sl_text_prefix, "PORTX", "port", 4},
	        {sl_text_prefix, "POR", "port", -1},
	        {sl_text_prefix, "\xff", "a", -1},
	        {sl_text_exact, "PORTX", "PORT", 4},
	        {sl_text_exact, "Port", "PORT", -1},
	        {sl_text_exact, "", "", 0},
	        {sl_text_find, "Via: a\r\nContact: b", "contact:", 16},
	        {sl_text_find, "aaab", "AAB", 4},
	        {sl_text_find, "aaa", "aab", -1},
	        {sl_text_find, "aa", "aaa", -1},
	        {sl_text_find, "", "a", -1},
	        {sl_text_find, "", "", 0},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct sl_text t = lay_str(rows[i].input);
		bool ok = rows[i].read(&t, rows[i].word);

		check_at(&t, ok, rows[i].offset, rows[i].input);
	}
}

static void test_numbers(void **state)
{
	static const struct {
		bool (*read)(struct sl_text *, uint32_t, uint32_t *);
		const char *input;
		uint32_t max, value;
		int offset;
	} rows[] = {
	        {sl_text_uint, "0", 0, 0, 1},
	        {sl_text_uint, "65535|", 65535, 65535, 5},
	        {sl_text_uint, "65536", 65535, 0, -1},
	        {sl_text_uint, "0000000000000000000021 ", 65535, 21, 22},
	        {sl_text_uint, "4294967295", UINT32_MAX, UINT32_MAX, 10},
	        {sl_text_uint, "4294967296", UINT32_MAX, 0, -1},
	        {sl_text_uint, "18446744073709551617", UINT32_MAX, 0, -1},
	        {sl_text_uint, "", 9, 0, -1},
	        {sl_text_uint, "-1", 9, 0, -1},
	        {sl_text_uint, "+1", 9, 0, -1},
	        {sl_text_uint, " 1", 9, 0, -1},
	        {sl_text_uint, "x", 9, 0, -1},
	        {sl_text_uint, "7a", 9, 7, 1},
	        {sl_text_hex, "7aG", 255, 0x7a, 2},
	        {sl_text_hex, "ffffFFFF", UINT32_MAX, UINT32_MAX, 8},
	        {sl_text_hex, "100000000", UINT32_MAX, 0, -1},
	        {sl_text_hex, "g", 255, 0, -1},
	        {sl_text_hex, "", 255, 0, -1},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct sl_text t = lay_str(rows[i].input);
		uint32_t v = 0xdeadbeef;
		bool ok = rows[i].read(&t, rows[i].max, &v);

		assert_int_equal(v, rows[i].offset < 0 ? 0xdeadbeef : rows[i].value);
		check_at(&t, ok, rows[i].offset, rows[i].input);
	}
}

static void check_part(const struct sl_text *sub, const char *expected, size_t offset)
{
	assert_int_equal(sl_text_left(sub), strlen(expected));
	assert_memory_equal(sub->at, expected, strlen(expected));
	assert_int_equal(sl_text_offset(sub), offset);
}

static void test_parts(void **state)
{
	struct sl_text t = lay_str("Via : one two\r\nlast\n\nrest"), line, sub;

	(void)state;
	assert_true(sl_text_line(&t, &line));
	check_part(&line, "Via : one two", 0);
	assert_false(sl_text_until(&line, ';', &sub));
	assert_true(sl_text_until(&line, ':', &sub));
	check_part(&sub, "Via ", 0);
	sl_text_trim(&sub);
	check_part(&sub, "Via", 0);
	assert_true(sl_text_eq_nocase(&sub, "VIA"));
	assert_false(sl_text_eq_nocase(&sub, "VI"));
	assert_false(sl_text_eq_nocase(&sub, "VIAL"));
	assert_false(sl_text_token(&line, &sub));
	assert_int_equal(sl_text_spaces(&line), 1);
	assert_true(sl_text_token(&line, &sub));
	check_part(&sub, "one", 6);
	assert_int_equal(sl_text_peek(&line), ' ');
	assert_true(sl_text_char(&line, ' '));
	assert_false(sl_text_char(&line, ' '));
	assert_true(sl_text_token(&line, &sub));
	check_part(&sub, "two", 10);
	assert_int_equal(sl_text_peek(&line), -1);
	assert_false(sl_text_char(&line, '\r'));
	assert_false(sl_text_token(&line, &sub));
	assert_true(sl_text_line(&t, &line));
	check_part(&line, "last", 15);
	assert_true(sl_text_line(&t, &line));
	check_part(&line, "", 20);
	assert_true(sl_text_line(&t, &line));
	check_part(&line, "rest", 21);
	assert_false(sl_text_line(&t, &line));
	drop(&t);
}

static void test_sets(void **state)
{
	struct sl_text t = lay_str(" \t ab;c"), none = sl_text_of(NULL, 0), sub;

	(void)state;
	assert_int_equal(sl_text_skip(&t, "ab"), 0);
	assert_int_equal(sl_text_spaces(&t), 3);
	assert_int_equal(sl_text_skip_to(&t, ";,"), 2);
	assert_int_equal(sl_text_skip(&t, ";"), 1);
	assert_int_equal(sl_text_skip_to(&t, ";"), 1);
	assert_int_equal(sl_text_left(&t), 0);
	drop(&t);
	assert_int_equal(sl_text_left(&none), 0);
	assert_int_equal(sl_text_spaces(&none), 0);
	assert_false(sl_text_line(&none, &sub));
	sl_text_trim(&none);
}

static void test_ipv4(void **state)
{
	static const struct {
		const char *input, *addr;
		int offset;
	} rows[] = {
	        {"192.0.2.1", "192.0.2.1", 9},
	        {"0.0.0.0,", "0.0.0.0", 7},
	        {"255.255.255.255.", "255.255.255.255", 15},
	        {"1.2.3.4:5060", "1.2.3.4", 7},
	        {"1.2.3.4.5", NULL, -1},
	        {"1.2.3.2555", NULL, -1},
	        {"1.2.3.256", NULL, -1},
	        {"1.2.3", NULL, -1},
	        {"1.2.3.", NULL, -1},
	        {"1.2..3", NULL, -1},
	        {"01.2.3.4", NULL, -1},
	        {"1.2.3.00", NULL, -1},
	        {"1,2,3,4", NULL, -1},
	        {" 1.2.3.4", NULL, -1},
	        {"", NULL, -1},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct sl_text t = lay_str(rows[i].input);
		uint8_t addr[4] = {9, 9, 9, 9}, expected[4] = {9, 9, 9, 9};
		bool ok = sl_text_ipv4(&t, addr);

		if (rows[i].addr)
			assert_int_equal(inet_pton(AF_INET, rows[i].addr, expected), 1);
		assert_memory_equal(addr, expected, 4);
		check_at(&t, ok, rows[i].offset, rows[i].input);
	}
}

static void test_ipv4_commas(void **state)
{
	static const struct {
		const char *input;
		int offset;
	} rows[] = {
	        {"10,0,0,1,4,5", 8},
	        {"010,000,0,001,4,5", 13},
	        {"0010,0,0,1", -1},
	        {"10,0,0,256", -1},
	        {"10,0,0", -1},
	        {"10.0.0.1", -1},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct sl_text t = lay_str(rows[i].input);
		uint8_t addr[4] = {10, 0, 0, 1};
		bool ok = sl_text_ipv4_commas(&t, addr);

		assert_memory_equal(addr, "\x0a\x00\x00\x01", 4);
		check_at(&t, ok, rows[i].offset, rows[i].input);
	}
}

static void test_ipv6(void **state)
{
	/* The address expected is what inet_pton() makes of the first `offset` characters. */
	static const struct {
		const char *input;
		int offset;
	} rows[] = {
	        {"::", 2},
	        {"::1", 3},
	        {"1::", 3},
	        {"1080::8:800:200C:417A|5282|", 21},
	        {"2001:db8:0:0:1:0:0:1]", 20},
	        {"1:2:3:4:5:6:7:8", 15},
	        {"1:2:3:4:5:6:7::", 15},
	        {"::2:3:4:5:6:7:8", 15},
	        {"1:2:3:4:5:6:192.0.2.1", 21},
	        {"::ffff:192.0.2.1.", 16},
	        {"::192.0.2.1", 11},
	        {"1::192.0.2.1 x", 12},
	        {"fe80::1%eth0", 7},
	        {"FE80::A.", 7},
	        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 45},
	        {"1:2:3:4:5:6:7:8:9", -1},
	        {"1:2:3:4:5:6:7", -1},
	        {"1:2:3:4:5:6:7:", -1},
	        {"1:2:3:4::5:6:7:8", -1},
	        {"1::2::3", -1},
	        {"1:::2", -1},
	        {":::", -1},
	        {":1", -1},
	        {":", -1},
	        {"1::2:", -1},
	        {"1::99999", -1},
	        {"1::00001", -1},
	        {"::1.2.3", -1},
	        {"::1.2.3.4:5", -1},
	        {"1:2:3:4:5:6:7:1.2.3.4", -1},
	        {"1.2.3.4", -1},
	        {"1.2.3.4::", -1},
	        {"", -1},
	        {"g::", -1},
	        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555", -1},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct sl_text t = lay_str(rows[i].input);
		uint8_t addr[16] = {0xaa}, expected[16] = {0xaa};
		char text[64] = {0};
		bool ok = sl_text_ipv6(&t, addr);

		if (rows[i].offset >= 0) {
			memcpy(text, rows[i].input, (size_t)rows[i].offset);
			assert_int_equal(inet_pton(AF_INET6, text, expected), 1);
		}
		if (memcmp(addr, expected, 16) != 0)
			fail_msg("\"%s\" was misread", rows[i].input);
		check_at(&t, ok, rows[i].offset, rows[i].input);
	}
}

/* Whole inputs of characters that look like addresses are accepted just as inet_pton() does. */
static void test_ipv6_against_libc(void **state)
{
	static const char seed[16] = "text and pton  ";
	struct sl_random random;
	unsigned good = 0;

	(void)state;
	sl__random_init(&random, (const uint8_t *)seed);
	for (unsigned i = 0; i < 200000; i++) {
		static const char alphabet[] = ":::::10af.";
		char text[24] = {0};
		size_t len = 2 + sl__random_below(&random, 20);
		uint8_t addr[16] = {0}, expected[16] = {0};
		struct sl_text t;
		bool ok;

		for (size_t n = 0; n < len; n++)
			text[n] = alphabet[sl__random_below(&random, sizeof(alphabet) - 1)];
		if (text[len - 1] == '.')
			continue;
		t = lay(text, len);
		ok = sl_text_ipv6(&t, addr);
		if (ok != (inet_pton(AF_INET6, text, expected) == 1) || memcmp(addr, expected, 16))
			fail_msg("\"%s\": unlike inet_pton", text);
		good += ok;
		drop(&t);
	}
	assert_true(good > 100);
}

/* A failing reader leaves no trace on any beginning of a valid text, and looks at no byte behind.
 */
static void test_every_cut(void **state)
{
	static const char whole[] = "EPRT |2|1080::8:800:200C:417A|5282|\r\n";

	(void)state;
	for (size_t len = 0; len < sizeof(whole); len++) {
		struct sl_text t = lay(whole, len);
		uint32_t family = 0, port = 0;
		uint8_t addr[16];
		bool ok = sl_text_word(&t, "eprt") && sl_text_spaces(&t) && sl_text_char(&t, '|') &&
		          sl_text_uint(&t, 2, &family) && sl_text_char(&t, '|') &&
		          sl_text_ipv6(&t, addr) && sl_text_char(&t, '|') &&
		          sl_text_uint(&t, 65535, &port) && sl_text_char(&t, '|');

		assert_int_equal(ok, len >= 35);
		assert_int_equal(ok ? port : 5282, 5282);
		drop(&t);
	}
}

static void check_out(const struct sl_out *o, const char *expected)
{
	assert_false(o->full);
	assert_int_equal(sl_out_len(o), strlen(expected));
	assert_memory_equal(o->start, expected, strlen(expected));
}

static void test_put(void **state)
{
	char buf[128];
	struct sl_out o = sl_out_of(buf, sizeof(buf));
	struct sl_text t = sl_text_of("xyz", 3);

	(void)state;
	sl_text_put_str(&o, "a=");
	sl_text_put_uint(&o, 0);
	sl_text_put_char(&o, ',');
	sl_text_put_uint(&o, UINT64_MAX);
	sl_text_put_char(&o, ' ');
	sl_text_put_hex(&o, 0, 1);
	sl_text_put_hex(&o, 0xaf, 4);
	sl_text_put_hex(&o, UINT64_MAX, 16);
	sl_text_put_hex(&o, 0x123, 2);
	sl_text_put_char(&o, ' ');
	sl_text_put_ipv4(&o, (const uint8_t[]){192, 0, 2, 255});
	sl_text_put_char(&o, ' ');
	sl_text_put_ipv4_commas(&o, (const uint8_t[]){10, 0, 20, 1});
	sl_text_put_text(&o, &t);
	check_out(&o, "a=0,18446744073709551615 000afffffffffffffffff123 192.0.2.255 10,0,20,1xyz");
}

/* With one byte too little, a piece is left out whole, and so is all that follows. */
static void test_put_full(void **state)
{
	const uint8_t addr[4] = {192, 0, 2, 1};
	char *buf = malloc(10);
	struct sl_out o = sl_out_of(buf, 10), none = sl_out_of(NULL, 0);

	(void)state;
	sl_text_put_str(&o, "1");
	sl_text_put_ipv4(&o, addr);
	check_out(&o, "1192.0.2.1");
	sl_text_put_str(&o, "");
	assert_false(o.full);
	sl_text_put_char(&o, 'x');
	assert_true(o.full);
	o = sl_out_of(buf, 10);
	sl_text_put_str(&o, "12");
	sl_text_put_ipv4(&o, addr);
	assert_true(o.full);
	sl_text_put_char(&o, 'x');
	assert_int_equal(sl_out_len(&o), 2);
	sl_text_put_char(&none, 'x');
	assert_true(none.full);
	free(buf);
}

static void test_put_ipv6(void **state)
{
	/* RFC 5952 section 4, and its edges. */
	static const char *const rows[] = {
	        "::",
	        "::1",
	        "1::",
	        "2001:db8::1",
	        "2001:db8::2:1",
	        "2001:db8:0:1:1:1:1:1",
	        "2001:0:0:1::1",
	        "2001:db8::1:0:0:1",
	        "1:2:3:4:5:6:7:8",
	        "0:2:3:4:5:6:7:8",
	        "1:2:3:4:5:6:7:0",
	        "::3:4:5:6:7:8",
	        "1:2:3:4:5:6::",
	        "::ffff:192.0.2.1",
	        "::ffff:0:1:2",
	        "2001:db8::aaaa:0:0:1",
	        "fe80::abcd:ef01:203:405",
	        "1:0:0:4::8",
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct sl_out o = sl_out_of(buf, sizeof(buf));
		uint8_t addr[16];

		assert_int_equal(inet_pton(AF_INET6, rows[i], addr), 1);
		sl_text_put_ipv6(&o, addr);
		check_out(&o, rows[i]);
	}
}

/* What is written is read back, and spelled as inet_ntop() does where both follow RFC 5952. */
static void test_ipv6_round_trip(void **state)
{
	static const char seed[16] = "round trips    ";
	struct sl_random random;

	(void)state;
	sl__random_init(&random, (const uint8_t *)seed);
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t zeros = sl__random_u32(&random) | 1;
		uint8_t addr[16], again[16];
		char text[64], libc[64];
		struct sl_out o = sl_out_of(text, sizeof(text));
		struct sl_text t;

		for (unsigned n = 0; n < 16; n++)
			addr[n] = zeros >> n / 2 & 1 ? (uint8_t)sl__random_u32(&random) : 0;
		sl_text_put_ipv6(&o, addr);
		t = lay(text, sl_out_len(&o));
		assert_true(sl_text_ipv6(&t, again));
		assert_int_equal(sl_text_left(&t), 0);
		assert_memory_equal(addr, again, 16);
		drop(&t);
		sl_text_put_char(&o, '\0');
		assert_non_null(inet_ntop(AF_INET6, addr, libc, sizeof(libc)));
		assert_string_equal(text, libc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_words),
	        cmocka_unit_test(test_numbers),
	        cmocka_unit_test(test_parts),
	        cmocka_unit_test(test_sets),
	        cmocka_unit_test(test_ipv4),
	        cmocka_unit_test(test_ipv4_commas),
	        cmocka_unit_test(test_ipv6),
	        cmocka_unit_test(test_ipv6_against_libc),
	        cmocka_unit_test(test_every_cut),
	        cmocka_unit_test(test_put),
	        cmocka_unit_test(test_put_full),
	        cmocka_unit_test(test_put_ipv6),
	        cmocka_unit_test(test_ipv6_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
