/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses as text and back, comparing tuples, and turning them around; names of protocols. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "track/track.h"

static void text_and_back(void **state)
{
	static const struct {
		const char *in, *out; /* out NULL: the same; "": refused */
	} rows[] = {{"10.0.0.1", NULL}, {"0.0.0.0", NULL}, {"255.255.255.255", NULL},
	        {"256.0.0.1", ""}, {"10.0.0", ""}, {"10.0.0.1 ", ""}, {"", ""}, {"::", NULL},
	        {"::1", NULL}, {"1::", NULL}, {"2001:db8::1", NULL},
	        {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
	        {"2001:DB8::A", "2001:db8::a"}, {"2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1"},
	        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"}, {"1:0:2:3:4:5:6:7", NULL},
	        {"1:2:3:4:5:6:7:8", NULL}, {"1:2:3:4:5:6:7", ""}, {"1:2:3:4:5:6:7:8:9", ""},
	        {"1::2::3", ""}, {"12345::", ""}, {":1", ""}, {"1:2:3:4:5:6:7::", NULL}};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *out = rows[i].out ? rows[i].out : rows[i].in;
		char text[SL_ADDR_TEXT];
		enum sl_family family;
		struct sl_addr a;
		bool ok = sl_addr_parse(rows[i].in, &a, &family);

		if (ok != (*out != 0))
			fail_msg("%s: %s", rows[i].in, ok ? "is taken" : "is refused");
		if (!ok)
			continue;
		sl_addr_text(&a, family, text);
		if (!strcmp(rows[i].in, "1:2:3:4:5:6:7::")) /* one zero alone is not shortened */
			out = "1:2:3:4:5:6:7:0";
		assert_string_equal(text, out);
	}
}

static struct sl_tuple tuple(
        const char *src, uint16_t sport, const char *dst, uint16_t dport, uint8_t proto)
{
	struct sl_tuple t = {.sport = sport, .dport = dport, .proto = proto};
	enum sl_family family;

	assert_true(sl_addr_parse(src, &t.src, &family) && sl_addr_parse(dst, &t.dst, &family));
	t.family = (uint8_t)family;
	return t;
}

static void each_member_counts(void **state)
{
	const struct sl_tuple a = tuple("10.0.0.1", 1, "10.0.0.2", 2, 6);
	struct sl_tuple mask = {0};

	(void)state;
	assert_true(sl_tuple_eq(&a, &a));
	for (unsigned i = 0; i < 6; i++) {
		struct sl_tuple b = a;
		bool always = i >= 4; /* protocol and family have no mask */

		(i == 0          ? &b.src.b[15]
		        : i == 1 ? &b.dst.b[0]
		        : i == 2 ? (uint8_t *)&b.sport
		        : i == 3 ? (uint8_t *)&b.dport
		        : i == 4 ? &b.proto
		                 : &b.family)[0] ^= 1;
		assert_false(sl_tuple_eq(&a, &b));
		assert_int_equal(sl_tuple_eq_masked(&a, &b, &mask), !always);
	}
	memset(&mask, 0xff, sizeof(mask));
	for (unsigned i = 0; i < 2; i++) {
		struct sl_tuple b = a;

		(i ? b.dst.b : b.src.b)[7] ^= 0x80;
		assert_false(sl_tuple_eq_masked(&a, &b, &mask));
		assert_true(sl_tuple_eq_masked(&a, &a, &mask));
	}
}

static void turned_around_twice(void **state)
{
	static const uint8_t pairs[][3] = {
	        {1, 8, 0}, {1, 13, 14}, {1, 15, 16}, {1, 17, 18}, {58, 128, 129}};
	struct sl_tuple t = tuple("10.0.0.1", 1, "10.0.0.2", 2, 6), back, again;

	(void)state;
	assert_true(sl__tuple_invert(&t, &back));
	assert_true(sl_addr_eq(&back.src, &t.dst) && back.sport == 2 && back.dport == 1);
	assert_true(sl__tuple_invert(&back, &again) && sl_tuple_eq(&t, &again));
	for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		t = tuple(pairs[i][0] == 1 ? "10.0.0.1" : "fd00::1", 7,
		        pairs[i][0] == 1 ? "10.0.0.2" : "fd00::2", SL_TUPLE_ICMP(pairs[i][1], 0),
		        pairs[i][0]);
		assert_true(sl__tuple_invert(&t, &back));
		assert_int_equal(back.dport, SL_TUPLE_ICMP(pairs[i][2], 0));
		assert_int_equal(back.sport, 7);
		assert_true(sl__tuple_invert(&back, &again) && sl_tuple_eq(&t, &again));
	}
	t = tuple("10.0.0.1", 7, "10.0.0.2", SL_TUPLE_ICMP(99, 0), 1);
	assert_false(sl__tuple_invert(&t, &back));
}

static void protocols(void **state)
{
	char out[4];

	(void)state;
	assert_string_equal(sl_proto_text(6, out), "tcp");
	assert_string_equal(sl_proto_text(58, out), "icmpv6");
	assert_string_equal(sl_proto_text(89, out), "89");
	assert_string_equal(sl_proto_text(255, out), "255");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(text_and_back),
	        cmocka_unit_test(each_member_counts), cmocka_unit_test(turned_around_twice),
	        cmocka_unit_test(protocols)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
