/* SPDX-License-Identifier: BSD-2-Clause */
/* Big-endian loads and stores at any address, and the checked byte cursor at the end of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/wire.h"

static const uint8_t digits[] = {0xf1, 0x02, 0x83, 0x04, 0x95, 0x06, 0x07, 0xe8, 0x09};

static void test_wire(void **state)
{
	uint8_t p[16];

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		memset(p, 0, sizeof(p));
		memcpy(p + shift, digits, 8);
		assert_int_equal(sl_get16(p + shift), 0xf102);
		assert_int_equal(sl_get32(p + shift), 0xf1028304);
		assert_true(sl_get64(p + shift) == 0xf1028304950607e8);
		memset(p, 0, sizeof(p));
		sl_put16(p + shift, 0xf102);
		sl_put32(p + shift + 2, 0x83049506);
		assert_memory_equal(p + shift, digits, 6);
		assert_int_equal(p[shift + 6], 0);
		sl_put64(p + shift, 0xf1028304950607e8);
		assert_memory_equal(p + shift, digits, 8);
		assert_int_equal(p[shift + 8], 0);
	}
}

/* The same reads over every length: right while there is enough, then 0 and bad for good. */
static void test_every_length(void **state)
{
	(void)state;
	for (size_t len = 0; len <= sizeof(digits); len++) {
		uint8_t *p = malloc(len ? len : 1);
		struct sl_bytes b;

		assert_non_null(p);
		memcpy(p, digits, len);
		b = sl_bytes_of(p, len);
		assert_int_equal(sl_bytes_left(&b), len);
		assert_int_equal(sl_bytes_u8(&b), len >= 1 ? 0xf1 : 0);
		assert_int_equal(sl_bytes_u16(&b), len >= 3 ? 0x0283 : 0);
		assert_int_equal(sl_bytes_u32(&b), len >= 7 ? 0x04950607 : 0);
		sl_bytes_skip(&b, 1);
		assert_int_equal(sl_bytes_u8(&b), len >= 9 ? 0x09 : 0);
		assert_int_equal(sl_bytes_ok(&b), len >= 9);
		assert_int_equal(sl_bytes_left(&b), 0);
		assert_int_equal(sl_bytes_u8(&b), 0);
		assert_false(sl_bytes_ok(&b));
		sl_bytes_skip(&b, 0);
		assert_false(sl_bytes_ok(&b));
		free(p);
	}
}

/* An overrun is final, even if a shorter read would still have had its bytes. */
static void test_sticky(void **state)
{
	struct sl_bytes b = sl_bytes_of(digits, 3);

	(void)state;
	assert_int_equal(sl_bytes_u32(&b), 0);
	assert_int_equal(sl_bytes_left(&b), 0);
	assert_int_equal(sl_bytes_u8(&b), 0);
	b = sl_bytes_of(digits, 3);
	sl_bytes_skip(&b, SIZE_MAX);
	assert_false(sl_bytes_ok(&b));
}

static void test_take(void **state)
{
	struct sl_bytes b = sl_bytes_of(digits, 5), sub, none = {0};

	(void)state;
	sl_bytes_take(&b, 2, &sub);
	assert_int_equal(sl_bytes_left(&b), 3);
	assert_int_equal(sl_bytes_u16(&sub), 0xf102);
	assert_int_equal(sl_bytes_u8(&sub), 0);
	assert_false(sl_bytes_ok(&sub));
	assert_true(sl_bytes_ok(&b)); /* a part's overrun is its own */
	sl_bytes_take(&b, 4, &sub);
	assert_false(sl_bytes_ok(&b));
	assert_false(sl_bytes_ok(&sub));
	assert_int_equal(sl_bytes_left(&sub), 0);
	sl_bytes_take(&none, 0, &sub);
	assert_true(sl_bytes_ok(&none));
	assert_true(sl_bytes_ok(&sub));
	assert_int_equal(sl_bytes_left(&sub), 0);
	assert_int_equal(sl_bytes_u8(&none), 0);
	assert_false(sl_bytes_ok(&none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_wire),
	        cmocka_unit_test(test_every_length),
	        cmocka_unit_test(test_sticky),
	        cmocka_unit_test(test_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
