/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stream beside a plain buffer: random segments, in and out of order and overlapping; what is in
 * order must be the bytes that were seen first, and memory is bounded and all given back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "help/stream.h"
#include "tests/lib/memory.h"

#define SIZE  3000
#define BEGIN 0xfffffc00u /* numbers turn over on the way */

static uint8_t text_of(uint32_t at)
{
	return (uint8_t)(at * 31 + (at >> 8));
}

static void check(const struct sl_stream *s, const bool *seen)
{
	uint32_t n = 0;

	while (n < SIZE && seen[n])
		n++;
	assert_int_equal(s->next - BEGIN, n);
	for (uint32_t at = s->base - BEGIN; at < n; at++)
		assert_int_equal(*sl__stream_bytes(s, BEGIN + at), text_of(at));
}

static void random_segments(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed < 60; seed++) {
		struct memory m = {.fail_at = seed % 4 ? 0 : seed};
		struct sl_mem mem = {memory_get, memory_give, &m};
		struct sl_stream_pool pool = {.mem = &mem, .max = 100000};
		bool seen[SIZE] = {false};
		uint8_t bytes[600];
		struct sl_stream s;
		uint32_t x = seed * 7919;

		sl__stream_init(&s, NULL, SL_ORIGINAL);
		sl__stream_start(&s, &pool, BEGIN, true);
		for (unsigned n = 0; n < 400; n++) {
			uint32_t from = next_random(&x) % SIZE,
			         len = next_random(&x) % sizeof(bytes);

			if (from + len > SIZE)
				len = SIZE - from;
			if (from > s.next - BEGIN + 900)
				continue;
			for (uint32_t i = 0; i < len;
			        i++) /* a second sight is another one: it must not count */
				bytes[i] = seen[from + i] ? 0xee : text_of(from + i);
			if (sl__stream_feed(&s, &pool, BEGIN + from, bytes, len))
				memset(seen + from, true, len);
			else if (!m.fail_at) /* too many pieces: it may have kept a part */
				break;
			else
				break;
			s.msg = s.sent = s.next;
			check(&s, seen);
			assert_true(pool.bytes <= pool.max);
			if (n % 9 == 0) /* the receiver acknowledges */
				assert_false(sl__stream_acked(&s, &pool, s.next));
		}
		sl__stream_fini(&s, &pool);
		assert_int_equal(pool.bytes, 0);
		assert_int_equal(m.held, 0);
	}
}

static void a_hole_is_skipped(void **state)
{
	struct memory m = {0};
	struct sl_mem mem = {memory_get, memory_give, &m};
	struct sl_stream_pool pool = {.mem = &mem, .max = 1000};
	struct sl_stream s;

	(void)state;
	sl__stream_init(&s, NULL, SL_ORIGINAL);
	sl__stream_start(&s, &pool, BEGIN, true);
	assert_true(sl__stream_feed(&s, &pool, BEGIN + 10, (const uint8_t *)"hello", 5));
	assert_int_equal(s.next, BEGIN);
	assert_true(sl__stream_acked(&s, &pool, BEGIN + 10));
	assert_int_equal(s.next, BEGIN + 15);
	assert_false(s.from_start);
	assert_memory_equal(sl__stream_bytes(&s, BEGIN + 10), "hello", 5);
	sl__stream_fini(&s, &pool);
	assert_int_equal(m.held, 0);
}

static void memory_is_bounded(void **state)
{
	struct memory m = {0};
	struct sl_mem mem = {memory_get, memory_give, &m};
	struct sl_stream_pool pool = {.mem = &mem, .max = 4096};
	static uint8_t bytes[1000];
	struct sl_stream s;
	unsigned kept = 0;

	(void)state;
	sl__stream_init(&s, NULL, SL_ORIGINAL);
	sl__stream_start(&s, &pool, BEGIN, true);
	for (uint32_t i = 0; i < 100; i++) {
		kept += sl__stream_feed(&s, &pool, BEGIN + 5 + i * 1000, bytes, 999);
		assert_true(pool.bytes <= pool.max);
	}
	assert_true(kept > 0 && kept < 100);
	sl__stream_fini(&s, &pool);
	assert_int_equal(pool.bytes, 0);
	assert_int_equal(m.held, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(random_segments),
	        cmocka_unit_test(a_hole_is_skipped), cmocka_unit_test(memory_is_bounded)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
