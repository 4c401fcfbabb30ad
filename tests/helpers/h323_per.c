/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Aligned PER by itself: numbers of every kind, lengths, extensions, marks, and ends of memory.
 * Tests: helpers/h323/per.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "helpers/h323/h323.h"

/* ---- numbers --------------------------------------------------------------------------------- */

/* Bits that stand before it, the bytes, what is read, and how many bytes are touched. */
static const struct number {
	uint32_t range;
	unsigned before;
	uint8_t bytes[4];
	bool good;
	uint32_t v;
	size_t left;
} numbers[] = {
        {2, 0, {0x80}, true, 1, 4},
        {7, 1, {0x60}, true, 6, 4},            /* three bits */
        {7, 1, {0x70}, false, 0, 0},           /* 7 of 0 to 6 */
        {255, 4, {0x0f, 0xe0}, true, 254, 3},  /* eight bits, not aligned */
        {256, 4, {0x0f, 0xe0}, true, 0xe0, 2}, /* a byte, aligned */
        {257, 1, {0, 1, 0}, true, 256, 1},     /* two bytes */
        {257, 1, {0, 1, 1}, false, 0, 0},
        {65536, 0, {0xff, 0xff}, true, 65535, 2},
};

static void reads_numbers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const struct number *n = &numbers[i];
		struct per_bits b = per_bits_of(sl_text_of(n->bytes, sizeof(n->bytes))), was;
		uint32_t v = 0;

		assert_true(per_take(&b, n->before, &v));
		was = b;
		assert_int_equal(per_number(&b, n->range, &v), n->good);
		if (n->good) {
			assert_int_equal(v, n->v);
			assert_int_equal(sl_text_left(&b.t), n->left);
		} else {
			assert_memory_equal(&was, &b, sizeof(b)); /* nothing was taken */
		}
	}
}

static void reads_lengths(void **state)
{
	static const uint8_t bytes[] = {0x7f, 0x80, 0x81, 0xbf, 0xff, 0xc1, 0};
	struct per_bits b = per_bits_of(sl_text_of(bytes, sizeof(bytes)));
	uint32_t n;

	(void)state;
	assert_true(per_length(&b, &n) && n == 127);
	assert_true(per_length(&b, &n) && n == 129);
	assert_true(per_length(&b, &n) && n == 16383);
	assert_false(per_length(&b, &n)); /* in pieces */
	assert_int_equal(sl_text_left(&b.t), 2);
}

static void reads_small_numbers(void **state)
{
	static const uint8_t bytes[] = {0x7e, 0x80, 0x02, 0x01, 0x00, 0x80, 0x05, 1, 2, 3, 4, 5};
	struct per_bits b = per_bits_of(sl_text_of(bytes, sizeof(bytes)));
	uint32_t v;

	(void)state;
	assert_true(per_small(&b, &v) && v == 63);
	assert_true(per_take(&b, 1, &v));
	assert_true(per_small(&b, &v) && v == 256); /* with a length */
	assert_false(per_small(&b, &v));            /* five bytes */
}

/* ---- structure ------------------------------------------------------------------------------- */

/* clang-format off */
static const struct per_type boolean = {.kind = PER_BOOLEAN}, large = {.kind = PER_INTEGER, .min = 1, .max = 0xffffffff},
	two = {.kind = PER_OCTETS, .min = 2, .max = 2}, any = {.kind = PER_OCTETS}, name = {.kind = PER_CHARS, .bits = 4, .min = 1, .max = 128},
	ip = {.kind = PER_ADDRESS, .max = 4};
static const struct per_field element[] = {{&ip}};
static const struct per_type addresses = {.kind = PER_LIST, PER_FIELDS(element)};
static const struct per_field fields[] = {
	{&boolean}, {&name, 0, true}, {&two, 0, true}, {&large, 7},
	{NULL, 0, true}, {&addresses, 9, true}, {&any, 8, true}};
static const struct per_type sequence = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(fields, 4)};
/* clang-format on */

static bool walk(const void *bytes, size_t n, struct per_finds *finds)
{
	uint8_t *copy = malloc(n ? n : 1); /* it ends where its memory ends */
	bool good;

	memcpy(copy, bytes, n);
	finds->count = 0;
	good = per_walk_all(sl_text_of(copy, n), &sequence, finds);
	free(copy);
	return good;
}

static void walks_a_sequence(void **state)
{
	/* 1,1,0 (extended; name, not two), 1 (boolean), 0000010 (3 digits), padding; 1 2 3, then
	 * 01 (two bytes) and padding; 0x0102 + 1; 0 000011 (4 additions), 1111, padding */
	static const uint8_t bytes[] = {0xd0, 0x40, 0x12, 0x34, 0x01, 0x02, 0x07, 0xe0, 1, 0xaa, 13,
	        2, 10, 0, 0, 1, 0x12, 0x34, 10, 0, 0, 2, 0, 80, 3, 2, 0xbb, 0xcc, 2, 0xdd, 0xee};
	struct per_finds finds;

	(void)state;
	assert_true(walk(bytes, sizeof(bytes), &finds));
	assert_int_equal(finds.count, 5);
	assert_int_equal(finds.found[0].mark, 7);
	assert_int_equal(finds.found[0].value, 0x103);
	assert_int_equal(finds.found[1].mark, 9);
	assert_int_equal(finds.found[1].address, 0);
	assert_int_equal(finds.found[2].mark, 9); /* in a list, by the mark around it */
	assert_int_equal(finds.found[2].address, 4);
	assert_int_equal(finds.found[2].value, 0x1234);
	assert_int_equal(finds.found[3].value, 80);
	assert_int_equal(finds.found[4].mark, 8);
	assert_int_equal(sl_text_left(&finds.found[4].octets), 2);
	for (size_t n = 0; n < sizeof(bytes); n++)
		assert_false(walk(bytes, n, &finds)); /* cut short */
}

/* A byte more than there should be; more than can be reported. */
static void refuses_what_is_too_much(void **state)
{
	static uint8_t many[16 + 6 * 70] = {0x10, 0, 0x80};
	struct per_finds finds;

	(void)state;
	assert_false(walk("\x10\x00\x05\x00", 4, &finds));
	assert_true(walk("\x10\x05", 2, &finds));
	assert_int_equal(finds.found[0].value, 6);
	/* extended, 1 byte of number, two additions of which the second: 70 addresses */
	memcpy(many, "\x90\x05\x02\x80\x81\xa5\x46", 7);
	many[2] = 0x02; /* 0 000001, then the bitmap 01 */
	many[3] = 0x80;
	assert_false(walk(many, 7 + 6 * 70, &finds));
	many[4] = 1 + 6 * 3; /* three are not too many */
	many[5] = 3;
	memmove(many + 6, many + 7, 6 * 3);
	assert_true(walk(many, 6 + 6 * 3, &finds));
	assert_int_equal(finds.count, 5);
}

/* Every type of the two standards, with anything for a value: no overrun. */
static void bears_anything(void **state)
{
	static const struct per_type *const types[] = {&h225_user_information, &h225_ras_message,
	        &h245_message, &h245_open_channel, &sequence};
	uint32_t random = 1;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t *bytes = malloc(64);
		size_t n = i % 64 + 1;
		struct per_finds finds = {.count = 0};

		for (size_t k = 0; k < n; k++)
			bytes[64 - n + k] = (uint8_t)((random = random * 1103515245 + 12345) >> 16 &
			                              (i & 1 ? 0x3f : 0xff));
		(void)per_walk_all(sl_text_of(bytes + 64 - n, n), types[i % 5], &finds);
		assert_true(finds.count <= PER_FOUND_MAX);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(reads_numbers),
	        cmocka_unit_test(reads_lengths),
	        cmocka_unit_test(reads_small_numbers),
	        cmocka_unit_test(walks_a_sequence),
	        cmocka_unit_test(refuses_what_is_too_much),
	        cmocka_unit_test(bears_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
