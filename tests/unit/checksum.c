/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checksums against the definition, word by word, and CRC32c against its definition, bit by bit.
 * Tests: src/base/checksum.c src/base/crc32c.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/checksum.h"
#include "base/random.h"
#include "base/wire.h"

static struct sl_random dice;

static int setup(void **state)
{
	(void)state;
	sl__random_init(&dice, (const uint8_t *)"checksum dice ..");
	return 0;
}

static void fill(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)sl__random_u32(&dice);
}

static uint16_t naive(const uint8_t *p, size_t len, uint32_t acc)
{
	for (size_t i = 0; i < len; i++)
		acc += (uint32_t)p[i] << (i % 2 ? 0 : 8);
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return (uint16_t)~acc;
}

/* Every length around the unrolling, at every alignment, laid against the end of its memory. */
static void test_sum(void **state)
{
	(void)state;
	for (size_t len = 0; len < 200; len++) {
		for (size_t shift = 0; shift < 8; shift++) {
			uint8_t *p = malloc(len + shift + 1);

			assert_non_null(p);
			fill(p + 1, len + shift);
			assert_int_equal(sl__csum(sl__sum(p + 1 + shift, len, 0)),
			        naive(p + 1 + shift, len, 0));
			free(p);
		}
	}
}

static void test_sum_extremes(void **state)
{
	size_t len = 65535;
	uint8_t *p = malloc(len);
	uint32_t acc = 0;

	(void)state;
	assert_non_null(p);
	memset(p, 0xff, len);
	assert_int_equal(sl__csum(sl__sum(p, len, 0)), naive(p, len, 0));
	for (unsigned i = 0; i < 100; i++)
		acc = sl__sum(p, 65534, acc);
	assert_int_equal(sl__sum_fold(acc), 0xffff);
	memset(p, 0, len);
	assert_int_equal(sl__sum(p, len, 0), 0);
	assert_int_equal(sl__csum(0), 0xffff);
	free(p);
}

/* The example of RFC 1071 section 3, and the one of RFC 1624 section 4. */
static void test_rfc_examples(void **state)
{
	const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	(void)state;
	assert_int_equal(sl__sum_fold(sl__sum(data, sizeof(data), 0)), 0xddf2);
	assert_int_equal(sl__csum_update16(0xdd2f, 0x5555, 0x3285), 0x0000);
}

static void test_pseudo_header(void **state)
{
	uint8_t v4[12], v6[40];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		fill(v4, sizeof(v4));
		v4[8] = 0;
		assert_int_equal(sl__csum(sl__sum_ipv4(v4, v4 + 4, v4[9], sl_get16(v4 + 10))),
		        naive(v4, sizeof(v4), 0));
		fill(v6, sizeof(v6));
		memset(v6 + 36, 0, 3);
		assert_int_equal(sl__csum(sl__sum_ipv6(v6, v6 + 16, v6[39], sl_get32(v6 + 32))),
		        naive(v6, sizeof(v6), 0));
	}
}

/* A change of any kind of range gives what summing everything anew gives. */
static void test_updates(void **state)
{
	uint8_t p[64], new[64];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		size_t at = 4 + sl__random_below(&dice, 60);
		size_t len = sl__random_below(&dice, 65 - (uint32_t)at);
		size_t even = at & 60;
		uint16_t csum, expected;

		fill(p, sizeof(p));
		p[0] |= 1; /* data is never all zero */
		memcpy(new, p, sizeof(p));
		csum = naive(p, sizeof(p), 0);
		fill(new + at, len);
		if (i % 8 == 0)
			memset(new + at, i % 16 ? 0 : 0xff, len);
		assert_int_equal(sl__csum_update_range(csum, p + at, new + at, len, at % 2),
		        naive(new, sizeof(new), 0));

		memcpy(new, p, sizeof(p));
		fill(new + even, 4);
		expected = naive(new, sizeof(new), 0);
		assert_int_equal(sl__csum_update32(csum, sl_get32(p + even), sl_get32(new + even)),
		        expected);
		csum = sl__csum_update16(csum, sl_get16(p + even), sl_get16(new + even));
		assert_int_equal(
		        sl__csum_update16(csum, sl_get16(p + even + 2), sl_get16(new + even + 2)),
		        expected);
	}
}

static uint32_t crc_naive(const uint8_t *p, size_t len)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

/* The vectors of RFC 3720 B.4 and the usual check value. */
static void test_crc32c_vectors(void **state)
{
	uint8_t p[32];

	(void)state;
	memset(p, 0, 32);
	assert_int_equal(sl__crc32c(p, 32, 0), 0x8a9136aa);
	memset(p, 0xff, 32);
	assert_int_equal(sl__crc32c(p, 32, 0), 0x62a8ab43);
	for (unsigned i = 0; i < 32; i++)
		p[i] = (uint8_t)i;
	assert_int_equal(sl__crc32c(p, 32, 0), 0x46dd794e);
	assert_int_equal(sl__crc32c("123456789", 9, 0), 0xe3069283);
	assert_int_equal(sl__crc32c(p, 0, 0), 0);
}

static void test_crc32c(void **state)
{
	uint8_t p[100];

	(void)state;
	for (unsigned i = 0; i < 256; i++) { /* each entry of the table */
		uint8_t byte = (uint8_t)i;

		assert_int_equal(sl__crc32c(&byte, 1, 0), crc_naive(&byte, 1));
	}
	for (size_t cut = 0; cut <= sizeof(p); cut++) {
		fill(p, sizeof(p));
		assert_int_equal(sl__crc32c(p + cut, sizeof(p) - cut, sl__crc32c(p, cut, 0)),
		        crc_naive(p, sizeof(p)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_sum),
	        cmocka_unit_test(test_sum_extremes),
	        cmocka_unit_test(test_rfc_examples),
	        cmocka_unit_test(test_pseudo_header),
	        cmocka_unit_test(test_updates),
	        cmocka_unit_test(test_crc32c_vectors),
	        cmocka_unit_test(test_crc32c),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
