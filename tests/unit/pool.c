/* SPDX-License-Identifier: BSD-2-Clause */
/* Port pools beside a plain array of 65,536 bools. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nat/pool.h"
#include "tests/lib/memory.h"

static bool taken[65536];

static bool plain_next(uint16_t min, uint16_t max, uint16_t start, uint16_t *port)
{
	for (uint32_t p = start; p <= max; p++)
		if (!taken[p]) {
			*port = (uint16_t)p;
			return true;
		}
	for (uint32_t p = min; p < start; p++)
		if (!taken[p]) {
			*port = (uint16_t)p;
			return true;
		}
	return false;
}

static void compare(const struct sl_pool *pool, uint32_t *x)
{
	static const uint16_t ranges[][2] = {
	        {1024, 65535}, {0, 65535}, {1, 511}, {600, 1023}, {2000, 2000}, {65535, 65535}};

	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		uint16_t min = ranges[i][0], max = ranges[i][1], a = 0, b = 0;
		uint16_t start = (uint16_t)(min + next_random(x) % (uint32_t)(max - min + 1));
		bool is = sl__pool_next(pool, min, max, start, &a),
		     must = plain_next(min, max, start, &b);

		assert_int_equal(is, must);
		if (must)
			assert_int_equal(a, b);
	}
}

static void like_an_array(void **state)
{
	struct memory m = {0};
	struct sl_mem mem = {memory_get, memory_give, &m};
	struct sl_tuple reply = {.proto = 6, .family = SL_IPV4, .sport = 80};
	struct sl_pools pools;
	struct sl_pool *pool;
	uint32_t x = 99;

	(void)state;
	memset(taken, 0, sizeof(taken));
	sl__pools_init(&pools, &mem);
	pool = sl__pool_get(&pools, &reply, 0);
	assert_non_null(pool);
	for (unsigned n = 0; n < 4000; n++) {
		uint16_t port = (uint16_t)next_random(&x);
		bool set = next_random(&x) % 3 != 0;

		(set ? sl__pool_set : sl__pool_clear)(pool, port);
		taken[port] = set;
		if (n % 50 == 0)
			compare(pool, &x);
	}
	for (uint32_t p = 1024; p < 65536; p++) { /* until nothing is free */
		sl__pool_set(pool, (uint16_t)p);
		taken[p] = true;
	}
	compare(pool, &x);
	sl__pool_clear(pool, 50000);
	taken[50000] = false;
	compare(pool, &x);
	sl__pools_fini(&pools);
	assert_int_equal(m.held, 0);
}

static void each_remote_has_its_own(void **state)
{
	struct memory m = {0};
	struct sl_mem mem = {memory_get, memory_give, &m};
	struct sl_pools pools;
	uint16_t port;

	(void)state;
	sl__pools_init(&pools, &mem);
	for (uint16_t i = 0; i < 3 * SL_POOLS; i++) { /* those longest unused make room */
		struct sl_tuple reply = {.proto = 6, .family = SL_IPV4, .sport = i, .dport = 7};
		struct sl_pool *pool;

		assert_null(sl__pool_find(&pools, &reply, 0));
		pool = sl__pool_get(&pools, &reply, 0);
		assert_non_null(pool);
		sl__pool_set(pool, 2000);
		reply.dport = 9; /* the port is no part of the key */
		assert_ptr_equal(sl__pool_find(&pools, &reply, 0), pool);
		assert_null(sl__pool_find(&pools, &reply, 1));
		assert_false(sl__pool_next(pool, 2000, 2000, 2000, &port));
		assert_true(pools.count <= SL_POOLS);
	}
	sl__pools_fini(&pools);
	assert_int_equal(m.held, 0);
}

static void no_memory(void **state)
{
	struct memory m = {.fail_at = 1};
	struct sl_mem mem = {memory_get, memory_give, &m};
	struct sl_tuple reply = {.proto = 6, .family = SL_IPV4};
	struct sl_pools pools;

	(void)state;
	sl__pools_init(&pools, &mem);
	assert_null(sl__pool_get(&pools, &reply, 0));
	assert_non_null(sl__pool_get(&pools, &reply, 0));
	sl__pools_fini(&pools);
	assert_int_equal(m.held, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(like_an_array),
	        cmocka_unit_test(each_remote_has_its_own), cmocka_unit_test(no_memory)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
