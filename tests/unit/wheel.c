/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wheel against a model: an array that is searched for what is due. The model keeps, for each
 * object, the deadline and the number of its insertion; what fires must be a due object, none of
 * those that remain may be due earlier, and at the end of a call nothing due may remain.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/wheel.h"

#define OBJECTS 500

struct object {
	uint32_t payload;
	struct sl_wheel_link link;
	uint32_t deadline;
};

struct model {
	struct sl_slab slab;
	struct sl_wheel wheel;
	struct sl_random random;
	uint32_t now;  /* what advance was last called with */
	uint32_t tick; /* insertions so far */
	uint32_t fired, handled;
	bool strict; /* nothing is pushed back, so ties must come in the order of insertion */
	bool rearm;  /* fired objects are added again from the callback */
	uint32_t last_deadline, last_tick;
	uint64_t notes; /* written so far */
	uint32_t fired_told, fired_untold;
	struct {
		uint32_t ref, tick;
		uint64_t note; /* what ahead() noted since it was added; 0: nothing */
		bool linked, pushed;
	} objects[OBJECTS + 1]; /* by reference */
};

static void *plain_alloc(void *ctx, size_t size, size_t align)
{
	(void)ctx;
	return aligned_alloc(align, (size + align - 1) & ~(align - 1));
}

static void plain_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)size;
	free(p);
}

static struct object *object(struct model *m, uint32_t ref)
{
	return sl__slab_at(&m->slab, ref);
}

static void ahead(void *ctx, struct sl_wheel_due *const due[], unsigned n)
{
	struct model *m = ctx;

	assert_true(n > 0 && n <= SL_WHEEL_TOLD);
	for (unsigned i = 0; i < n; i++) {
		assert_ptr_equal(due[i]->object, object(m, due[i]->ref));
		assert_true(m->objects[due[i]->ref].linked);
		due[i]->note[0] = m->objects[due[i]->ref].note = ++m->notes;
	}
}

static struct model *model_new(uint32_t now)
{
	static const struct sl_mem mem = {plain_alloc, plain_free, NULL};
	struct model *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	sl__random_init(&m->random, (const uint8_t *)"wheel and model.");
	sl__slab_init(&m->slab, &mem, sizeof(struct object), 4, 16, OBJECTS);
	sl__wheel_init(&m->wheel, &m->slab, offsetof(struct object, link),
	        offsetof(struct object, deadline), now);
	m->wheel.ahead = ahead;
	m->now = now;
	for (uint32_t i = 1; i <= OBJECTS; i++) {
		uint32_t ref;

		assert_non_null(sl__slab_get(&m->slab, &ref));
		assert_int_equal(ref, i);
	}
	return m;
}

static void model_free(struct model *m)
{
	sl__slab_fini(&m->slab);
	free(m);
}

static void add(struct model *m, uint32_t ref, uint32_t deadline)
{
	object(m, ref)->deadline = deadline;
	sl__wheel_add(&m->wheel, ref);
	assert_true(sl__wheel_linked(&m->wheel, ref));
	m->objects[ref].linked = true;
	m->objects[ref].pushed = false;
	m->objects[ref].tick = ++m->tick;
	m->objects[ref].note = 0;
}

static void remove_one(struct model *m, uint32_t ref)
{
	sl__wheel_remove(&m->wheel, ref);
	assert_false(sl__wheel_linked(&m->wheel, ref));
	m->objects[ref].linked = false;
}

/* Delays of every order of magnitude, small ones often. */
static uint32_t some_delay(struct model *m)
{
	return sl__random_u32(&m->random) >> (1 + sl__random_below(&m->random, 31));
}

static void fired(void *ctx, struct sl_wheel_due *due)
{
	struct model *m = ctx;
	uint32_t ref = due->ref, deadline = object(m, ref)->deadline;

	assert_ptr_equal(due->object, object(m, ref));
	assert_true(m->objects[ref].linked);
	assert_false(sl__wheel_linked(&m->wheel, ref));
	assert_true((int32_t)(m->now - deadline) >= 0);
	if (m->fired++) {
		assert_true((int32_t)(deadline - m->last_deadline) >= 0);
		if (m->strict && deadline == m->last_deadline)
			assert_true(m->objects[ref].tick > m->last_tick);
	}
	m->last_deadline = deadline;
	m->last_tick = m->objects[ref].tick;
	m->objects[ref].linked = false;
	m->fired_told += due->told;
	m->fired_untold += !due->told;
	if (due->told)
		assert_int_equal(due->note[0], m->objects[ref].note);
	if (!m->rearm)
		return;
	add(m, ref, m->now + 1 + some_delay(m) / 2);
	if (sl__random_below(&m->random, 16) == 0) /* some that wait, and perhaps were told of */
		remove_one(m, 1 + sl__random_below(&m->random, OBJECTS));
}

/* The earliest deadline there is, by looking at all. */
static bool earliest(struct model *m, uint32_t *at)
{
	bool found = false;

	for (uint32_t i = 1; i <= OBJECTS; i++) {
		if (!m->objects[i].linked)
			continue;
		if (!found || (int32_t)(object(m, i)->deadline - *at) < 0)
			*at = object(m, i)->deadline;
		found = true;
	}
	return found;
}

static void advance(struct model *m, uint32_t now, uint32_t budget)
{
	uint32_t first, hint, calls = 0;

	m->now = now;
	m->fired = 0;
	while (sl__wheel_advance(&m->wheel, now, budget, fired, m)) {
		assert_true(m->fired <= ++calls * budget);
		/* At times the caller has other things to do first; the wheel then lags behind. */
		if (budget == 1 && now - m->wheel.now < 0x10000000 &&
		        sl__random_below(&m->random, 4) == 0)
			break;
	}
	if (!earliest(m, &first)) {
		assert_false(sl__wheel_next(&m->wheel, &hint));
		return;
	}
	assert_true(sl__wheel_next(&m->wheel, &hint));
	assert_true((int32_t)(first - hint) >= 0);
	if (budget > 1)
		assert_true((int32_t)(first - now) > 0);
}

/* One random thing. New deadlines lie after now, so that deadlines always come in order. */
static void random_step(struct model *m, uint32_t budget)
{
	uint32_t ref = 1 + sl__random_below(&m->random, OBJECTS), what, delay = some_delay(m) / 2;
	bool linked = m->objects[ref].linked;

	what = sl__random_below(&m->random, 10);
	if (what < 5 && !linked) {
		add(m, ref, m->now + 1 + delay);
	} else if (what < 5 && !m->strict) { /* pushed back, behind the wheel's back */
		uint32_t left = object(m, ref)->deadline - m->now;

		if (left < 0x2fffffff)
			object(m, ref)->deadline += delay;
		m->objects[ref].pushed = true;
	} else if (what < 7) {
		remove_one(m, ref);
	} else if (what < 8 && linked) { /* earlier: removed first, added then */
		uint32_t left = object(m, ref)->deadline - m->now;

		remove_one(m, ref);
		add(m, ref, left < 0x80000000 ? m->now + 1 + left / 2 : m->now + 1);
	} else if (what >= 8) {
		uint32_t limit = sl__random_below(&m->random, 3) ? 1000 : 0x20000000;

		advance(m, m->now + (delay < limit ? delay : delay % limit), budget);
	}
}

static void run_model(uint32_t start, uint32_t budget, bool strict, bool rearm)
{
	struct model *m = model_new(start);
	uint32_t at;

	m->strict = strict;
	m->rearm = rearm;
	for (unsigned i = 0; i < 10000; i++)
		random_step(m, budget);
	m->rearm = false;
	while (earliest(m, &at))
		advance(m, (int32_t)(at - m->now) > 0 ? at : m->now, budget);
	assert_true(m->fired_told > 0);
	assert_int_equal(m->fired_untold, 0);
	assert_int_equal(m->wheel.count, 0);
	for (unsigned l = 0; l < SL_WHEEL_LEVELS; l++)
		for (unsigned w = 0; w < SL_WHEEL_WORDS; w++)
			assert_int_equal(m->wheel.used[l][w], 0);
	model_free(m);
}

static void test_model(void **state)
{
	static const uint32_t starts[] = {0, 1, 0x7fffff00, 0xfffffff0, 0xbfffffff, 123456789};

	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		for (unsigned flags = 0; flags < 4; flags++) {
			run_model(starts[i], UINT32_MAX, flags & 1, flags & 2);
			run_model(starts[i], 3, flags & 1, flags & 2);
			run_model(starts[i], 1, flags & 1, flags & 2);
		}
	}
}

/* Rows: a delay. It fires at its millisecond: not in a call for the one before, from any start. */
static void test_exact(void **state)
{
	static const uint32_t delays[] = {1, 2, 63, 64, 511, 512, 513, 4096, 262143, 262144, 262145,
	        16777216, 134217727, 134217728, 1073741824, 2147483646, 432000000};
	static const uint32_t starts[] = {
	        0, 1, 511, 512, 0x3ffff, 0x7ffffff, 0x7fffffff, 0x80000000, 0xf8000000, 0xffffffff};

	(void)state;
	for (size_t s = 0; s < sizeof(starts) / sizeof(starts[0]); s++) {
		for (size_t d = 0; d < sizeof(delays) / sizeof(delays[0]); d++) {
			struct model *m = model_new(starts[s]);

			add(m, 1, starts[s] + delays[d]);
			advance(m, starts[s] + delays[d] - 1, 100);
			assert_int_equal(m->fired, 0);
			advance(m, starts[s] + delays[d], 100);
			assert_int_equal(m->fired, 1);
			model_free(m);
		}
	}
}

/* By following sl__wheel_next() alone one comes to each deadline, in few steps. */
static void test_next(void **state)
{
	struct model *m = model_new(0xfff00000);
	uint32_t at, steps = 0;

	(void)state;
	assert_false(sl__wheel_next(&m->wheel, &at));
	add(m, 1, m->now + 432000000);
	while (sl__wheel_next(&m->wheel, &at)) {
		assert_true(++steps <= SL_WHEEL_LEVELS + 1);
		advance(m, at, 100);
	}
	assert_int_equal(m->fired, 1);
	assert_int_equal(m->now, 0xfff00000 + 432000000);
	model_free(m);
}

/* Past deadlines are due at once; a time that goes back does nothing; a removed one never fires. */
static void test_past(void **state)
{
	struct model *m = model_new(1000);
	uint32_t at;

	(void)state;
	add(m, 1, 1000);
	add(m, 2, 900);
	add(m, 3, 1001);
	add(m, 4, 1000);
	remove_one(m, 4);
	remove_one(m, 4);
	assert_true(sl__wheel_next(&m->wheel, &at));
	assert_int_equal(at, 1000);
	assert_false(sl__wheel_advance(&m->wheel, 999, 10, fired, m));
	assert_int_equal(m->fired, 0);
	m->now = 1000;
	m->last_deadline = 0;
	assert_true(sl__wheel_advance(&m->wheel, 1000, 1, fired, m));
	assert_int_equal(m->last_deadline, 1000);
	m->fired = 0; /* the order of what was late when it was added is that of insertion */
	assert_false(sl__wheel_advance(&m->wheel, 1000, 1, fired, m));
	assert_int_equal(m->last_deadline, 900);
	advance(m, 1001, 10);
	assert_int_equal(m->fired, 1);
	model_free(m);
}

/* An object pushed back again and again, as a busy connection does, is moved, not fired. */
static void test_lazy(void **state)
{
	struct model *m = model_new(5);

	(void)state;
	add(m, 1, 5 + 30000);
	for (uint32_t now = 5; now < 10000000; now += 777) {
		object(m, 1)->deadline = now + 30000;
		advance(m, now, 10);
		assert_int_equal(m->fired, 0);
	}
	advance(m, m->now + 30000, 10);
	assert_int_equal(m->fired, 1);
	model_free(m);
}

/* A callback that takes others out, which were due in the same millisecond. */
static void removes_next(void *ctx, struct sl_wheel_due *due)
{
	struct model *m = ctx;
	uint32_t ref = due->ref;

	m->fired++;
	if (ref < OBJECTS)
		sl__wheel_remove(&m->wheel, ref + 1);
	sl__slab_put(&m->slab, ref);
}

static void test_remove_in_callback(void **state)
{
	struct model *m = model_new(0);

	(void)state;
	for (uint32_t i = 1; i <= OBJECTS; i++)
		add(m, i, 5000);
	assert_false(sl__wheel_advance(&m->wheel, 6000, UINT32_MAX, removes_next, m));
	assert_int_equal(m->fired, OBJECTS / 2);
	assert_int_equal(m->wheel.count, 0);
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_exact),
	        cmocka_unit_test(test_next),
	        cmocka_unit_test(test_past),
	        cmocka_unit_test(test_lazy),
	        cmocka_unit_test(test_remove_in_callback),
	        cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
