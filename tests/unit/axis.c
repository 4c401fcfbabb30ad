/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Concatenations with ranges, found through the tree and by trying every element: random boxes of
 * one to three parts, keys on their corners, beside them and anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/rules_lib.h"

#define BOXES 40
#define KEYS  400
#define LEN   7 /* an address, a port, a protocol */

static struct sl__set set = {.parts = {&sl__ty_ipv4, &sl__ty_service, &sl__ty_proto}};
static const unsigned part_end[] = {4, 6, 7};
static uint8_t lo[BOXES][LEN], hi[BOXES][LEN];
static struct sl__expr elem[BOXES];
static struct sl__bounds bounds[BOXES], *listed[BOXES];
static struct sl_rules *rules;

/* The tree of the first n boxes, each the bytes of lo and hi. */
static struct sl__axis *tree(unsigned parts, unsigned n)
{
	set.part_count = (uint8_t)parts;
	set.key_len = (uint8_t)part_end[parts - 1];
	for (unsigned i = 0; i < n; i++) {
		bounds[i] = (struct sl__bounds){.lo = lo[i], .hi = hi[i], .elem = &elem[i]};
		listed[i] = &bounds[i];
	}
	return sl__axis_build(rules, &set, listed, n, 0);
}

static bool within(unsigned box, unsigned parts, const uint8_t *key)
{
	for (unsigned p = 0, at = 0; p < parts; at = part_end[p++])
		if (memcmp(key + at, lo[box] + at, part_end[p] - at) < 0 ||
		        memcmp(key + at, hi[box] + at, part_end[p] - at) > 0)
			return false;
	return true;
}

/* Of boxes that overlap the first is found. */
static void check_key(const struct sl__axis *axis, unsigned parts, unsigned n, const uint8_t *key)
{
	unsigned i = 0;

	while (i < n && !within(i, parts, key))
		i++;
	assert_ptr_equal(sl__axis_find(axis, key), i < n ? &elem[i] : NULL);
}

static void start(void)
{
	memset(lo, 0, sizeof lo);
	memset(hi, 0, sizeof hi);
	rules = rules_of("table inet t { }");
}

/* Few values, so that ranges share ends; now and then the ends of all there is. */
static void random_box(unsigned i, uint32_t *seed)
{
	for (unsigned p = 0, at = 0; p < 3; at = part_end[p++]) {
		unsigned len = part_end[p] - at;
		uint8_t *a = lo[i] + at, *b = hi[i] + at;

		memset(a, 0, len);
		memset(b, 0, len);
		a[len - 1] = (uint8_t)(next_random(seed) % 30);
		b[len - 1] = (uint8_t)(a[len - 1] + next_random(seed) % 6);
		if (next_random(seed) % 12 == 0)
			memset(a, 0, len);
		if (next_random(seed) % 12 == 0)
			memset(b, 0xff, len);
	}
}

static void random_key(uint8_t *key, unsigned n, uint32_t *seed)
{
	const uint8_t *corner =
	        next_random(seed) % 2 ? lo[next_random(seed) % n] : hi[next_random(seed) % n];

	memcpy(key, corner, LEN);
	for (unsigned p = 0; p < 3; p++) {
		uint8_t *last = key + part_end[p] - 1;

		switch (next_random(seed) % 6) {
		case 0:
			++*last;
			break;
		case 1:
			--*last;
			break;
		case 2:
			*last = (uint8_t)next_random(seed);
			break;
		default:
			break;
		}
	}
}

static void as_trying_each(void **unused)
{
	uint32_t seed = 5;

	(void)unused;
	for (unsigned round = 0; round < 60; round++) {
		unsigned parts = 1 + round % 3, n = 1 + next_random(&seed) % BOXES;
		const struct sl__axis *axis;
		uint8_t key[LEN];

		start();
		for (unsigned i = 0; i < n; i++)
			random_box(i, &seed);
		axis = tree(parts, n);
		for (unsigned i = 0; i < KEYS; i++) {
			random_key(key, n, &seed);
			check_key(axis, parts, n, key);
		}
		rules_end(rules);
	}
}

/* Boxes apart from each other: each key has one element, and it is that one. */
static void each_its_own(void **unused)
{
	const struct sl__axis *axis;

	(void)unused;
	start();
	for (unsigned i = 0; i < BOXES; i++) {
		lo[i][3] = (uint8_t)(i / 8 * 10), hi[i][3] = (uint8_t)(lo[i][3] + 9);
		lo[i][4] = (uint8_t)(i % 8), hi[i][4] = lo[i][4], hi[i][5] = 255;
		hi[i][6] = 17;
	}
	axis = tree(3, BOXES);
	for (unsigned i = 0; i < BOXES; i++) {
		uint8_t key[LEN];

		assert_ptr_equal(sl__axis_find(axis, lo[i]), &elem[i]);
		assert_ptr_equal(sl__axis_find(axis, hi[i]), &elem[i]);
		memcpy(key, hi[i], LEN);
		key[6]++;
		assert_null(sl__axis_find(axis, key));
	}
	rules_end(rules);
}

/* Twice the same: the first. */
static void the_first_of_the_same(void **unused)
{
	(void)unused;
	for (unsigned parts = 1; parts <= 3; parts++) {
		start();
		for (unsigned i = 0; i < 3; i++) {
			memset(lo[i], 3, LEN);
			memset(hi[i], 9, LEN);
		}
		assert_ptr_equal(sl__axis_find(tree(parts, 3), hi[0]), &elem[0]);
		rules_end(rules);
	}
}

/* From nothing to all that a value can be. */
static void everything(void **unused)
{
	static const uint8_t keys[][LEN] = {
	        {0}, {255, 255, 255, 255, 255, 255, 255}, {10, 0, 0, 1, 0, 22, 6}};

	(void)unused;
	start();
	memset(hi[0], 0xff, LEN);
	for (unsigned i = 0; i < COUNT(keys); i++)
		assert_ptr_equal(sl__axis_find(tree(3, 1), keys[i]), &elem[0]);
	rules_end(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(as_trying_each),
	        cmocka_unit_test(each_its_own),
	        cmocka_unit_test(the_first_of_the_same),
	        cmocka_unit_test(everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
