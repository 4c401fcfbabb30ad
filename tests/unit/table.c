/* SPDX-License-Identifier: BSD-2-Clause */
/* The index beside a plain list: what was added and not removed is found, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "track/table.h"
#include "tests/lib/memory.h"

#define MOST 100000 /* tags are renewed twice on the way up, and on the way down */

static uint64_t hashes[MOST + 1]; /* of entry i; entries begin with 1 */
static bool there[MOST + 1];

static uint64_t hash_of(const void *ctx, uint32_t entry)
{
	(void)ctx;
	return hashes[entry];
}

static bool found(const struct sl_table *t, uint32_t entry)
{
	struct sl_probe probe = sl__table_probe(t, hashes[entry]);
	uint32_t e;

	while ((e = sl__table_next(t, &probe))) {
		assert_true(there[e]); /* what was removed is never seen */
		if (e == entry)
			return true;
	}
	return false;
}

static void begin(struct sl_table *t, struct sl_mem *mem, struct memory *m, unsigned kinds)
{
	uint32_t x = 12345;

	*m = (struct memory){0};
	*mem = (struct sl_mem){memory_get, memory_give, m};
	memset(there, 0, sizeof(there));
	for (unsigned i = 1; i <= MOST; i++) {
		hashes[i] = (uint64_t)next_random(&x) << 32 | next_random(&x);
		if (kinds) /* few different hashes: long chains */
			hashes[i] = (hashes[i] % kinds) * 0x9e3779b97f4a7c15u;
	}
	assert_true(sl__table_init(t, mem, 1, MOST, hash_of, NULL));
}

static void grow_and_shrink(unsigned most, unsigned kinds)
{
	struct sl_table t;
	struct sl_mem mem;
	struct memory m;

	begin(&t, &mem, &m, kinds);
	for (unsigned i = 1; i <= most; i++) {
		assert_false(found(&t, i));
		assert_true(sl__table_add(&t, hashes[i], i));
		there[i] = true;
		assert_true(found(&t, i));
	}
	assert_int_equal(t.entries, most);
	for (unsigned i = 1; i <= most; i++)
		assert_true(found(&t, i));
	for (unsigned i = 1; i <= most; i++) { /* in another order */
		unsigned k = (unsigned)((uint64_t)i * 7919 % (most + 1));

		if (k == 0 || !there[k])
			continue;
		sl__table_remove(&t, hashes[k], k);
		there[k] = false;
		assert_false(found(&t, k));
	}
	for (unsigned i = 1; i <= most; i++)
		assert_int_equal(found(&t, i), there[i]);
	sl__table_fini(&t);
	assert_int_equal(m.held, 0);
}

static void many_hashes(void **state)
{
	(void)state;
	grow_and_shrink(MOST, 0);
}

static void few_hashes(void **state)
{
	(void)state;
	grow_and_shrink(300, 3);
}

static void memory_fails(void **state)
{
	(void)state;
	for (unsigned long fail = 2; fail < 40; fail++) {
		struct sl_table t;
		struct sl_mem mem;
		struct memory m;
		unsigned refused = 0;

		begin(&t, &mem, &m, 5);
		m.fail_at = m.calls + fail;
		for (unsigned i = 1; i <= 400; i++) {
			there[i] = true;
			if (!sl__table_add(&t, hashes[i], i)) {
				there[i] = false;
				refused++;
			}
		}
		assert_true(refused <= 1);
		for (unsigned i = 1; i <= 400; i++)
			assert_int_equal(found(&t, i), there[i]);
		sl__table_fini(&t);
		assert_int_equal(m.held, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(many_hashes),
	        cmocka_unit_test(few_hashes), cmocka_unit_test(memory_fails)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
