/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The edit log against a slow model: for every old byte the model knows which new bytes it
 * became, so every mapping can be looked up instead of computed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "help/editlog.h"

#define LEN 400
#define ROUNDS 400

static void *plain_alloc(void *ctx, size_t size, size_t align)
{
	(void)ctx;
	return aligned_alloc(align, (size + align - 1) / align * align);
}

static void plain_free(void *ctx, void *p, size_t size)
{
	(void)ctx, (void)size;
	free(p);
}

static const struct sl_mem mem = {plain_alloc, plain_free, NULL};

/* new_of[i]: the new number of old i when nothing is replaced there; inside an edit, its start. */
struct model {
	uint32_t isn;
	uint32_t new_of[LEN + 1];
	uint32_t old_of[LEN * 8][2]; /* new number -> old, for both edges */
	uint32_t new_len;
};

static uint32_t rnd(uint32_t *seed, uint32_t n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % n;
}

static void one_round(uint32_t seed, uint32_t isn)
{
	static struct model m;
	struct sl_editlog log = {0};
	uint32_t at = 0, made = 0;
	static const uint8_t bytes[64];

	m.isn = isn;
	while (at < LEN) {
		uint32_t plain = rnd(&seed, 40), old, new_;

		for (; plain && at < LEN; plain--) {
			m.new_of[at] = made;
			m.old_of[made][0] = m.old_of[made][1] = at;
			at++, made++;
		}
		old = 1 + rnd(&seed, 12);
		new_ = rnd(&seed, 20);
		if (at + old > LEN || log.count == SL_EDITS_MAX)
			continue;
		assert_true(sl__editlog_add(&log, &mem, isn + at, old, bytes, new_));
		/* The start of the range is an ordinary number, unless nothing took its place. */
		for (uint32_t i = 0; i < new_; i++) {
			m.old_of[made + i][0] = at;
			m.old_of[made + i][1] = i ? at + old : at;
		}
		for (uint32_t i = 0; i < old; i++)
			m.new_of[at + i] = made;
		at += old;
		made += new_;
	}
	m.new_of[at] = made;
	m.old_of[made][0] = m.old_of[made][1] = at;
	for (uint32_t i = 0; i <= at; i++)
		assert_int_equal(sl__editlog_new(&log, isn + i), isn + m.new_of[i]);
	for (uint32_t i = 0; i <= made; i++) {
		assert_int_equal(sl__editlog_old(&log, isn + i, SL_EDGE_START), isn + m.old_of[i][0]);
		assert_int_equal(sl__editlog_old(&log, isn + i, SL_EDGE_END), isn + m.old_of[i][1]);
	}
	/* What is acknowledged may be forgotten; what lies behind it maps as before. */
	for (uint32_t acked = 0; acked <= at; acked += 1 + rnd(&seed, 30)) {
		sl__editlog_acked(&log, &mem, isn + acked);
		for (uint32_t i = acked; i <= at; i++)
			assert_int_equal(sl__editlog_new(&log, isn + i), isn + m.new_of[i]);
		assert_true(!log.forgot || (int32_t)(log.floor - (isn + acked)) <= 0);
	}
	sl__editlog_acked(&log, &mem, isn + at);
	assert_true(log.count <= SL_EDITS_KEPT);
	sl__editlog_fini(&log, &mem);
}

static void mapping_agrees_with_the_model(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < ROUNDS; i++)
		one_round(i * 7919, i % 3 ? i * 0x01234567u : 0xffffff00u); /* numbers wrap */
}

static void undo_leaves_no_trace(void **state)
{
	struct sl_editlog log = {0};

	(void)state;
	assert_true(sl__editlog_add(&log, &mem, 100, 4, "abcdef", 6));
	assert_true(sl__editlog_add(&log, &mem, 110, 4, "x", 1));
	assert_false(sl__editlog_add(&log, &mem, 112, 4, "x", 1)); /* overlaps */
	assert_false(sl__editlog_add(&log, &mem, 120, 0, "x", 1)); /* replaces nothing */
	sl__editlog_undo(&log, &mem, 110);
	assert_int_equal(log.count, 1);
	assert_int_equal(sl__editlog_new(&log, 120), 122);
	sl__editlog_undo(&log, &mem, 0);
	assert_int_equal(sl__editlog_new(&log, 120), 120);
	sl__editlog_fini(&log, &mem);
}

static void acknowledging_a_deletion(void **state)
{
	struct sl_editlog log = {0};

	(void)state;
	assert_true(sl__editlog_add(&log, &mem, 100, 4, NULL, 0));
	/* The receiver can only ever acknowledge 100; that is all of it. */
	assert_int_equal(sl__editlog_old(&log, 100, SL_EDGE_START), 104);
	assert_int_equal(sl__editlog_new(&log, 102), 100);
	sl__editlog_fini(&log, &mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapping_agrees_with_the_model),
		cmocka_unit_test(undo_leaves_no_trace),
		cmocka_unit_test(acknowledging_a_deletion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
