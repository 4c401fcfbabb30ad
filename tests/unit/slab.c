/* SPDX-License-Identifier: BSD-2-Clause */
/* The slab against a model: a plain array of what should be live, and a count of allocations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/random.h"
#include "base/slab.h"

#define MAX 3000

struct object {
	uint32_t tag, ref;
	uint64_t body[4];
};

/* Counts what is out, checks that sizes match, and fails on demand. */
struct ledger {
	size_t bytes, blocks;
	unsigned fail_in; /* the allocation that fails; 0 for none */
};

static void *ledger_alloc(void *ctx, size_t size, size_t align)
{
	struct ledger *ledger = ctx;
	void *p;

	if (ledger->fail_in && --ledger->fail_in == 0)
		return NULL;
	p = aligned_alloc(align, (size + align - 1) & ~(align - 1));
	assert_non_null(p);
	memset(p, 0xa5, size);
	ledger->bytes += size;
	ledger->blocks++;
	return p;
}

static void ledger_free(void *ctx, void *p, size_t size)
{
	struct ledger *ledger = ctx;

	assert_true(ledger->bytes >= size && ledger->blocks);
	ledger->bytes -= size;
	ledger->blocks--;
	memset(p, 0x5a, size);
	free(p);
}

static const uint8_t seed[16] = "slab against mod";

struct model {
	struct ledger ledger;
	struct sl_slab slab;
	struct sl_random random;
	uint32_t refs[MAX], tags[MAX], count;
	void *at[MAX];
};

static void model_init(struct model *m, uint32_t per_chunk)
{
	struct sl_mem mem = {ledger_alloc, ledger_free, &m->ledger};

	memset(m, 0, sizeof(*m));
	sl__random_init(&m->random, seed);
	sl__slab_init(&m->slab, &mem, sizeof(struct object), 8, per_chunk, MAX);
}

static void model_get(struct model *m)
{
	static const struct object zero;
	uint32_t ref, i = m->count;
	struct object *o = sl__slab_get(&m->slab, &ref);

	if (m->count == MAX) {
		assert_null(o);
		assert_int_equal(ref, 0);
		return;
	}
	assert_non_null(o);
	assert_int_not_equal(ref, 0);
	assert_int_equal((uintptr_t)o % 8, 0);
	assert_memory_equal(o, &zero, sizeof(zero));
	memset(o, 0xee, sizeof(*o));
	o->tag = m->tags[i] = sl__random_u32(&m->random);
	o->ref = m->refs[i] = ref;
	m->at[i] = o;
	m->count++;
}

static void model_put(struct model *m, uint32_t i)
{
	sl__slab_put(&m->slab, m->refs[i]);
	assert_false(sl__slab_live(&m->slab, m->refs[i]));
	m->count--;
	m->refs[i] = m->refs[m->count];
	m->tags[i] = m->tags[m->count];
	m->at[i] = m->at[m->count];
}

static void model_check(struct model *m)
{
	uint32_t cursor = 0, budget = UINT32_MAX, visited = 0, ref, last = 0;

	assert_int_equal(sl__slab_count(&m->slab), m->count);
	assert_true(sl__slab_capacity(&m->slab) >= m->count);
	for (uint32_t i = 0; i < m->count; i++) {
		struct object *o = sl__slab_at(&m->slab, m->refs[i]);

		assert_ptr_equal(o, m->at[i]);
		assert_true(sl__slab_live(&m->slab, m->refs[i]));
		assert_int_equal(o->tag, m->tags[i]);
		assert_int_equal(o->ref, m->refs[i]);
	}
	while ((ref = sl__slab_next(&m->slab, &cursor, &budget))) {
		assert_true(ref > last);
		assert_int_equal(((struct object *)sl__slab_at(&m->slab, ref))->ref, ref);
		last = ref;
		visited++;
	}
	assert_int_equal(cursor, 0);
	assert_int_equal(visited, m->count);
}

static void model_fini(struct model *m)
{
	sl__slab_fini(&m->slab);
	assert_int_equal(m->ledger.bytes, 0);
	assert_int_equal(m->ledger.blocks, 0);
	free(m);
}

static const uint32_t chunk_sizes[] = {1, 2, 16, 64, 256, 4096};
#define SIZES (sizeof(chunk_sizes) / sizeof(chunk_sizes[0]))

/* Populations that grow, swing, shrink; the trend changes every 500 steps. */
static void test_model(void **state)
{
	(void)state;
	for (size_t s = 0; s < SIZES; s++) {
		struct model *m = malloc(sizeof(*m));
		uint32_t bias = 50;

		assert_non_null(m);
		model_init(m, chunk_sizes[s]);
		for (unsigned step = 0; step < 20000; step++) {
			if (step % 500 == 0) {
				bias = 10 + sl__random_below(&m->random, 90);
				model_check(m);
			}
			if (sl__random_below(&m->random, 100) < bias)
				model_get(m);
			else if (m->count)
				model_put(m, sl__random_below(&m->random, m->count));
		}
		model_check(m);
		model_fini(m);
	}
}

/* Full, exactly at the limit; then empty, with no more than one chunk kept. */
static void test_fill_and_empty(void **state)
{
	(void)state;
	for (size_t s = 0; s < SIZES; s++) {
		struct model *m = malloc(sizeof(*m));

		assert_non_null(m);
		for (model_init(m, chunk_sizes[s]); m->count < MAX;)
			model_get(m);
		model_get(m); /* refused */
		model_check(m);
		while (m->count)
			model_put(m, sl__random_below(&m->random, m->count));
		model_check(m);
		assert_int_equal(sl__slab_capacity(&m->slab), chunk_sizes[s]);
		model_get(m);
		model_fini(m);
	}
}

/* Last in, first out; and a swing about a chunk's border allocates nothing. */
static void test_reuse(void **state)
{
	struct model *m = malloc(sizeof(*m));
	uint32_t ref, again;
	size_t blocks;

	(void)state;
	assert_non_null(m);
	for (model_init(m, 16); m->count < 15 + 16;)
		model_get(m);
	model_get(m); /* the first of a third chunk */
	blocks = m->ledger.blocks;
	for (unsigned i = 0; i < 10; i++) {
		model_put(m, m->count - 1);
		assert_int_equal(m->ledger.blocks, blocks);
		model_get(m);
		assert_int_equal(m->ledger.blocks, blocks);
	}
	ref = m->refs[7];
	model_put(m, 7);
	assert_non_null(sl__slab_get(&m->slab, &again));
	assert_int_equal(ref, again);
	assert_false(sl__slab_live(&m->slab, 0));
	assert_false(sl__slab_live(&m->slab, 48));
	assert_false(sl__slab_live(&m->slab, UINT32_MAX));
	model_fini(m);
}

/* Each allocation fails once: nothing changes, and the next attempt succeeds. */
static void test_no_memory(void **state)
{
	(void)state;
	for (size_t s = 0; s < SIZES; s++) {
		struct model *m = malloc(sizeof(*m));
		uint32_t ref = 1;

		assert_non_null(m);
		model_init(m, chunk_sizes[s]);
		for (unsigned n = 0; n < 200; n++) {
			struct sl_slab before = m->slab;
			bool failed;

			m->ledger.fail_in = 1 + n % 2;
			failed = !sl__slab_get(&m->slab, &ref);
			m->ledger.fail_in = 0;
			if (!failed) {
				sl__slab_put(&m->slab, ref);
			} else {
				assert_int_equal(ref, 0);
				assert_int_equal(m->slab.chunks, before.chunks);
				assert_int_equal(m->slab.chunk_end, before.chunk_end);
			}
			model_get(m);
		}
		model_check(m);
		model_fini(m);
	}
}

/*
 * A walk in small steps while others come and go: those that live throughout are seen exactly once,
 * and a step of the walk never exceeds its budget.
 */
static void test_walk(void **state)
{
	(void)state;
	for (size_t s = 0; s < SIZES; s++) {
		struct model *m = malloc(sizeof(*m));
		uint32_t cursor = 0, settled = 1000, ref, rounds = 0;
		uint8_t *seen = calloc(1, 2 * MAX + 8192);

		assert_non_null(m);
		assert_non_null(seen);
		for (model_init(m, chunk_sizes[s]); m->count < 2000;)
			model_get(m);
		do {
			uint32_t budget = 1 + sl__random_below(&m->random, 20), got = 0,
			         had = budget;

			while ((ref = sl__slab_next(&m->slab, &cursor, &budget))) {
				assert_int_equal(seen[ref], 0);
				seen[ref] = 1;
				got++;
			}
			assert_true(got <= had);
			for (unsigned n = 0; n < 10; n++) {
				if (sl__random_below(&m->random, 2))
					model_get(m);
				else if (m->count > settled)
					model_put(m, settled + sl__random_below(&m->random,
					                               m->count - settled));
			}
			assert_true(++rounds < 100000);
		} while (cursor);
		for (uint32_t i = 0; i < settled; i++)
			assert_int_equal(seen[m->refs[i]], 1);
		free(seen);
		model_fini(m);
	}
}

/* Alignment, and the sizes of objects that are not a multiple of it. */
static void test_alignment(void **state)
{
	static const struct {
		size_t size, align, stride;
	} rows[] = {{1, 1, 4}, {5, 4, 8}, {64, 64, 64}, {65, 64, 128}, {24, 8, 24}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ledger ledger = {0};
		struct sl_mem mem = {ledger_alloc, ledger_free, &ledger};
		struct sl_slab slab;
		char *first, *second;
		uint32_t ref;

		sl__slab_init(&slab, &mem, rows[i].size, rows[i].align, 8, 100);
		first = sl__slab_get(&slab, &ref);
		second = sl__slab_get(&slab, &ref);
		assert_int_equal((uintptr_t)first % rows[i].align, 0);
		assert_int_equal(second - first, rows[i].stride);
		sl__slab_fini(&slab);
		assert_int_equal(ledger.blocks, 0);
	}
}

/* A directory of many pages, full; and the largest limit there is. */
static void test_large_limit(void **state)
{
	struct ledger ledger = {0};
	struct sl_mem mem = {ledger_alloc, ledger_free, &ledger};
	struct sl_slab slab;
	uint32_t ref, got = 0;

	(void)state;
	sl__slab_init(&slab, &mem, 4, 4, 2, 100000);
	while (sl__slab_get(&slab, &ref)) {
		uint32_t *o = sl__slab_at(&slab, ref);

		assert_int_equal(*o, 0);
		*o = ref;
		got++;
	}
	assert_int_equal(got, 100000);
	assert_non_null(slab.page[40]); /* the directory is really of several pages */
	for (ref = 1; ref <= 100000; ref++)
		assert_int_equal(*(uint32_t *)sl__slab_at(&slab, ref), ref);
	sl__slab_fini(&slab);
	assert_int_equal(ledger.blocks, 0);
	sl__slab_init(&slab, &mem, 4, 4, 1024, UINT32_MAX - 1024);
	assert_non_null(sl__slab_get(&slab, &ref));
	sl__slab_fini(&slab);
	assert_int_equal(ledger.blocks, 0);
}

static void test_mem(void **state)
{
	struct ledger ledger = {0};
	struct sl_mem mem = {ledger_alloc, ledger_free, &ledger};
	char *p = sl__alloc(&mem, 100), *q = sl__alloc_aligned(&mem, 64, 64);

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal((uintptr_t)q % 64, 0);
	sl__free(&mem, p, 100);
	sl__free(&mem, q, 64);
	sl__free(&mem, NULL, 5);
	assert_int_equal(ledger.bytes, 0);
	ledger.fail_in = 1;
	assert_null(sl__alloc(&mem, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_model),
	        cmocka_unit_test(test_fill_and_empty),
	        cmocka_unit_test(test_reuse),
	        cmocka_unit_test(test_no_memory),
	        cmocka_unit_test(test_walk),
	        cmocka_unit_test(test_alignment),
	        cmocka_unit_test(test_large_limit),
	        cmocka_unit_test(test_mem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
