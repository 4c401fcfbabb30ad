/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets and maps: which element a key finds (by its number as it was written), what may stand in
 * one, and what rules add and remove at run time, against a plain list of what should be there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/rules_lib.h"

static struct sl_rules *read_set(const char *kind, const char *inner)
{
	char text[1024];

	snprintf(text, sizeof text, "table inet t {\n%s s { %s; }\n}\n", kind, inner);
	return rules_try(text);
}

static struct sl__set *set_of(struct sl_rules *r)
{
	struct sl__set *set = sl__set_named(r->tables, "s");

	assert_non_null(set);
	return set;
}

/* ---- which element --------------------------------------------------------------------------- */

#define EXACT "type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2, 0.0.0.0 }"
#define RANGES                                                                                     \
	"type ipv4_addr; flags interval; elements = { 10.0.1.5-10.0.1.9, 10.0.0.0/24, 10.0.2.0, "  \
	"240.0.0.0/4 }"
#define PAIRS "type ipv4_addr . inet_service; elements = { 10.0.0.1 . 22, 10.0.0.2 . 80 }"
#define BOXES                                                                                      \
	"type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 1-100, "         \
	"10.0.0.1 . 22, 11.0.0.0/8 . 0-65535 }"
#define CROSS(a, b) "type ipv4_addr . inet_service; flags interval; elements = { " a ", " b " }"
#define CROSS_1     CROSS("10.0.0.1-10.0.0.9 . 5", "10.0.0.5 . 1-9")
#define CROSS_2     CROSS("10.0.0.5 . 1-9", "10.0.0.1-10.0.0.9 . 5")
#define NAMES       "type ifname; flags interval; elements = { \"in*\", \"out0\" }"
#define VMAP                                                                                       \
	"type ipv4_addr : verdict; flags interval; elements = { 10.0.0.0/24 : drop, * : accept }"

static const struct {
	const char *kind, *inner, *key;
	unsigned len; /* of the key */
	int elem;     /* -1: none */
} lookups[] = {
        {"set", "type ipv4_addr", "\x0a\0\0\1", 4, -1},
        {"set", EXACT, "\x0a\0\0\1", 4, 0},
        {"set", EXACT, "\x0a\0\0\2", 4, 1},
        {"set", EXACT, "\0\0\0\0", 4, 2},
        {"set", EXACT, "\x0a\0\0\3", 4, -1},
        {"set", RANGES, "\x09\xff\xff\xff", 4, -1},
        {"set", RANGES, "\x0a\0\0\0", 4, 1},
        {"set", RANGES, "\x0a\0\0\xff", 4, 1},
        {"set", RANGES, "\x0a\0\1\0", 4, -1},
        {"set", RANGES, "\x0a\0\1\4", 4, -1},
        {"set", RANGES, "\x0a\0\1\5", 4, 0},
        {"set", RANGES, "\x0a\0\1\x09", 4, 0},
        {"set", RANGES, "\x0a\0\1\x0a", 4, -1},
        {"set", RANGES, "\x0a\0\2\0", 4, 2},
        {"set", RANGES, "\xef\xff\xff\xff", 4, -1},
        {"set", RANGES, "\xf0\0\0\0", 4, 3},
        {"set", RANGES, "\xff\xff\xff\xff", 4, 3},
        {"set", PAIRS, "\x0a\0\0\1\0\x16", 6, 0},
        {"set", PAIRS, "\x0a\0\0\2\0\x50", 6, 1},
        {"set", PAIRS, "\x0a\0\0\1\0\x50", 6, -1},
        {"set", BOXES, "\x0a\0\0\1\0\x16", 6, 1}, /* exact ones come first */
        {"set", BOXES, "\x0a\0\0\2\0\x16", 6, 0},
        {"set", BOXES, "\x0a\0\0\2\0\x64", 6, 0},
        {"set", BOXES, "\x0a\0\0\2\0\x65", 6, -1},
        {"set", BOXES, "\x0a\0\0\2\0\0", 6, -1},
        {"set", BOXES, "\x0b\0\0\2\xff\xff", 6, 2},
        {"set", BOXES, "\x0c\0\0\2\0\x16", 6, -1},
        {"set", CROSS_1, "\x0a\0\0\5\0\5", 6, 0}, /* of ranges the first */
        {"set", CROSS_2, "\x0a\0\0\5\0\5", 6, 0},
        {"set", CROSS_2, "\x0a\0\0\6\0\5", 6, 1},
        {"set", NAMES, "in7\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, 0},
        {"set", NAMES, "in\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, 0},
        {"set", NAMES, "io\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, -1},
        {"set", NAMES, "out0\0\0\0\0\0\0\0\0\0\0\0\0", 16, 1},
        {"set", NAMES, "out00\0\0\0\0\0\0\0\0\0\0\0", 16, -1},
        {"map", VMAP, "\x0a\0\0\x07", 4, 0},
        {"map", VMAP, "\x0a\0\1\0", 4, 1},
};

static int number_of(const struct sl__set *set, const struct sl__expr *elem)
{
	int i = 0;

	if (!elem)
		return -1;
	for (const struct sl__expr *e = set->elems; e && e != elem; e = e->next)
		i++;
	return i;
}

static void keys_find_elements(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < COUNT(lookups); i++) {
		struct sl_rules *r = read_set(lookups[i].kind, lookups[i].inner);
		struct sl__set *set;
		int found;

		if (!r)
			fail_msg("%s: %s", lookups[i].inner, said);
		set = set_of(r);
		assert_int_equal(set->key_len, lookups[i].len);
		found = number_of(set, sl__set_find(set, (const uint8_t *)lookups[i].key, SECOND));
		if (found != lookups[i].elem)
			fail_msg("row %u, %s: element %d", i, lookups[i].inner, found);
		rules_end(r);
	}
}

/* ---- what may stand in one ------------------------------------------------------------------- */

static const struct {
	const char *kind, *inner;
	unsigned count;    /* elements that remain */
	const char *error; /* NULL: it is right */
} contents[] = {
        {"set", "type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2, 10.0.0.1 }", 2, NULL},
        {"map", "type ipv4_addr : mark; elements = { 10.0.0.1 : 1, 10.0.0.1 : 1 }", 1, NULL},
        {"map", "type ipv4_addr : mark; elements = { 10.0.0.1 : 1, 10.0.0.1 : 2 }", 0,
                "File exists"},
        {"map", "type ipv4_addr : verdict; elements = { 10.0.0.1 : drop, 10.0.0.1 : drop }", 1,
                NULL},
        {"map", "type ipv4_addr : verdict; elements = { 10.0.0.1 : drop, 10.0.0.1 : accept }", 0,
                "File exists"},
        {"set", "type ipv4_addr; flags interval; elements = { 10.0.0.0/24, 10.0.0.0/24 }", 1, NULL},
        {"set", "type ipv4_addr; flags interval; elements = { 10.0.0.0/24, 10.0.0.255-10.0.1.3 }",
                0, "conflicting intervals"},
        {"set", "type ipv4_addr; flags interval; elements = { 10.0.0.0/24, 10.0.1.0/24 }", 2, NULL},
        {"set", "type ipv4_addr; flags interval; auto-merge; elements = { 10.0.0.0/24, 10.0.1.0/24 }",
                1, NULL},
        {"set", "type ipv4_addr; flags interval; auto-merge; elements = { 10.0.0.0/24, 10.0.1.1/32 }",
                2, NULL},
        {"set",
                "type ipv4_addr; flags interval; auto-merge; "
                "elements = { 10.0.0.9-10.0.0.20, 10.0.0.0-10.0.0.10, 10.0.0.15 }",
                1, NULL},
        {"map",
                "type ipv4_addr : mark; flags interval; "
                "elements = { 10.0.0.0/24 : 1, 10.0.0.0/24 : 2 }",
                0, "conflicting intervals"},
};

static void elements_twice_or_overlapping(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < COUNT(contents); i++) {
		struct sl_rules *r = read_set(contents[i].kind, contents[i].inner);

		if (!r != !!contents[i].error)
			fail_msg("%s: %s", contents[i].inner, r ? "is not refused" : said);
		if (r && set_of(r)->count != contents[i].count)
			fail_msg("%s: %u elements", contents[i].inner, set_of(r)->count);
		if (contents[i].error && !strstr(said, contents[i].error))
			fail_msg("%s: other words: %s", contents[i].inner, said);
		rules_end(r);
	}
}

static void merged_ranges_are_one(void **unused)
{
	struct sl_rules *r = read_set("set", "type ipv4_addr; flags interval; auto-merge; "
	                                     "elements = { 10.0.1.0/24, 10.0.0.0/24 }");
	struct sl__set *set = set_of(r);
	const uint8_t first[4] = {10, 0, 0, 0}, last[4] = {10, 0, 1, 255},
	              behind[4] = {10, 0, 2, 0};
	const struct sl__expr *one = sl__set_find(set, first, SECOND);

	(void)unused;
	assert_non_null(one);
	assert_ptr_equal(one, set->elems);
	assert_ptr_equal(sl__set_find(set, last, SECOND), one);
	assert_null(sl__set_find(set, behind, SECOND));
	assert_int_equal(one->a->kind, EX_RANGE);
	assert_memory_equal(one->a->a->value, first, 4);
	assert_memory_equal(one->a->b->value, last, 4);
	rules_end(r);
}

static void written_timeouts_end(void **unused)
{
	struct sl_rules *r = read_set("set", "type ipv4_addr; flags timeout; "
	                                     "elements = { 10.0.0.1 timeout 5s, 10.0.0.2 }");
	const uint8_t ends[4] = {10, 0, 0, 1}, stays[4] = {10, 0, 0, 2};

	(void)unused;
	assert_non_null(sl__set_find(set_of(r), ends, 5 * SECOND - 1));
	assert_null(sl__set_find(set_of(r), ends, 5 * SECOND));
	assert_non_null(sl__set_find(set_of(r), stays, 50 * SECOND));
	rules_end(r);
}

/* ---- at run time ----------------------------------------------------------------------------- */

static const uint8_t *key_of(unsigned n)
{
	static uint8_t key[4];

	key[0] = 10, key[1] = 0, key[2] = (uint8_t)(n >> 8), key[3] = (uint8_t)n;
	return key;
}

/* As a rule does it; false: no place. */
static bool put(struct sl_rules *r, unsigned n, uint64_t now, uint64_t expires)
{
	bool fresh;
	struct sl__expr *elem = sl__set_place(r, set_of(r), key_of(n), now, &fresh);

	if (elem)
		elem->expires = expires;
	return elem;
}

static void placed_once(void **unused)
{
	struct sl_rules *r = read_set("set", "type ipv4_addr; flags dynamic; size 10");
	struct sl__set *set = set_of(r);
	struct sl__expr *elem, *again;
	bool fresh = false;

	(void)unused;
	elem = sl__set_place(r, set, key_of(1), SECOND, &fresh);
	assert_true(elem && fresh);
	elem->expires = 3 * SECOND;
	assert_ptr_equal(sl__set_find(set, key_of(1), 2 * SECOND), elem);
	again = sl__set_place(r, set, key_of(1), 2 * SECOND, &fresh);
	assert_ptr_equal(again, elem);
	assert_false(fresh);
	assert_null(sl__set_find(set, key_of(1), 3 * SECOND));
	again = sl__set_place(r, set, key_of(1), 3 * SECOND, &fresh);
	assert_ptr_equal(again, elem);
	assert_true(fresh);
	elem->expires = 0;
	assert_ptr_equal(sl__set_find(set, key_of(1), 300 * SECOND), elem);
	sl__set_remove(set, key_of(2));
	assert_non_null(sl__set_find(set, key_of(1), 300 * SECOND));
	sl__set_remove(set, key_of(1));
	assert_null(sl__set_find(set, key_of(1), 300 * SECOND));
	rules_end(r);
}

static void full_until_one_runs_out(void **unused)
{
	struct sl_rules *r = read_set("set", "type ipv4_addr; flags dynamic; size 4");

	(void)unused;
	for (unsigned n = 0; n < 4; n++)
		assert_true(put(r, n, SECOND, n == 2 ? 9 * SECOND : 0));
	assert_false(put(r, 4, 9 * SECOND - 1, 0));
	assert_true(put(r, 3, 9 * SECOND - 1, 0)); /* it is there */
	assert_true(put(r, 4, 9 * SECOND, 0));
	assert_false(put(r, 2, 9 * SECOND, 0));
	for (unsigned n = 0; n < 5; n++)
		assert_int_equal(!sl__set_find(set_of(r), key_of(n), 9 * SECOND), n == 2);
	rules_end(r);
}

#define KEYS 200
#define ROOM 64

/* The deadlines as they should be, in a plain array. */
static void as_a_plain_list(void **unused)
{
	static uint64_t deadline[KEYS];
	struct sl_rules *r = read_set("set", "type ipv4_addr; flags dynamic; size 64");
	uint32_t seed = 1;
	unsigned refused = 0, live;

	(void)unused;
	memset(deadline, 0, sizeof deadline);
	for (uint64_t now = 1; now < 4000; now++) {
		unsigned n = next_random(&seed) % KEYS;
		bool there = deadline[n] > now, placed;

		live = 0;
		for (unsigned k = 0; k < KEYS; k++) {
			live += deadline[k] > now;
			assert_int_equal(
			        !sl__set_find(set_of(r), key_of(k), now), deadline[k] <= now);
		}
		if (next_random(&seed) % 4 == 0) {
			sl__set_remove(set_of(r), key_of(n));
			deadline[n] = 0;
			continue;
		}
		placed = put(r, n, now, now + 1 + next_random(&seed) % 300);
		assert_int_equal(placed, there || live < ROOM);
		if (placed)
			deadline[n] = sl__set_find(set_of(r), key_of(n), now)->expires;
		refused += !placed;
	}
	assert_true(refused > 10);
	rules_end(r);
}

static void data_of_maps(void **unused)
{
	struct sl_rules *r = read_set("map", "type ipv4_addr : mark; flags dynamic");
	struct sl__expr *data = sl__data_new(r, set_of(r));

	(void)unused;
	assert_int_equal(data->kind, EX_VALUE);
	assert_int_equal(data->len, 4);
	rules_end(r);
	r = read_set("map", "type mark : ipv4_addr . inet_service; flags dynamic");
	data = sl__data_new(r, set_of(r));
	assert_int_equal(data->kind, EX_CONCAT);
	assert_int_equal(data->count, 2);
	assert_int_equal(data->items->len, 4);
	assert_int_equal(data->items->next->len, 2);
	assert_null(data->items->next->next);
	rules_end(r);
}

/* What is there stays there when memory runs out. */
static void no_memory(void **unused)
{
	struct sl_rules *r = read_set("set", "type ipv4_addr; flags dynamic");
	unsigned n = 0;

	(void)unused;
	rules_memory.calls = 0;
	rules_memory.fail_at = 3;
	rules_memory.lasting = true;
	while (n < 65535 && put(r, n, SECOND, 0))
		n++;
	assert_true(n > 10 && n < 65535);
	for (unsigned k = 0; k <= n; k++)
		assert_int_equal(!sl__set_find(set_of(r), key_of(k), SECOND), k == n);
	rules_memory.fail_at = 0;
	rules_memory.lasting = false;
	assert_true(put(r, n, SECOND, 0));
	rules_end(r);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static void prefixes_by_bits(void **unused)
{
	static const struct {
		uint8_t len, lo[4], hi[4];
	} rows[] = {
	        {0, {0, 0, 0, 0}, {255, 255, 255, 255}},
	        {1, {128, 0, 0, 0}, {255, 255, 255, 255}},
	        {8, {172, 0, 0, 0}, {172, 255, 255, 255}},
	        {13, {172, 16, 0, 0}, {172, 23, 255, 255}},
	        {31, {172, 19, 5, 200}, {172, 19, 5, 201}},
	        {32, {172, 19, 5, 201}, {172, 19, 5, 201}},
	};
	struct sl__expr value = {.kind = EX_VALUE, .len = 4, .value = {172, 19, 5, 201}};

	(void)unused;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct sl__expr prefix = {.kind = EX_PREFIX, .len = rows[i].len, .a = &value};
		uint8_t lo[4], hi[4];

		sl__part_bounds(&prefix, &sl__ty_ipv4, lo, hi);
		assert_memory_equal(lo, rows[i].lo, 4);
		assert_memory_equal(hi, rows[i].hi, 4);
	}
}

/* By their beginnings; those that begin alike stay in order. */
static void sorted_and_stable(void **unused)
{
	static struct sl__bounds v[300], room[300];
	static uint8_t lo[300][2];
	static struct sl__expr elem[300];
	uint32_t seed = 7;

	(void)unused;
	for (unsigned i = 0; i < 300; i++) {
		lo[i][0] = (uint8_t)(next_random(&seed) % 3);
		lo[i][1] = (uint8_t)(next_random(&seed) % 40);
		v[i] = (struct sl__bounds){.lo = lo[i], .elem = &elem[i]};
	}
	sl__bounds_sort(v, room, 300, 2);
	for (unsigned i = 1; i < 300; i++) {
		int order = memcmp(v[i - 1].lo, v[i].lo, 2);

		assert_true(order < 0 || (order == 0 && v[i - 1].elem < v[i].elem));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(keys_find_elements),
	        cmocka_unit_test(elements_twice_or_overlapping),
	        cmocka_unit_test(merged_ranges_are_one),
	        cmocka_unit_test(written_timeouts_end),
	        cmocka_unit_test(placed_once),
	        cmocka_unit_test(full_until_one_runs_out),
	        cmocka_unit_test(as_a_plain_list),
	        cmocka_unit_test(data_of_maps),
	        cmocka_unit_test(no_memory),
	        cmocka_unit_test(prefixes_by_bits),
	        cmocka_unit_test(sorted_and_stable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
