/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many ICMP errors go out: which types count, the limit of all of them, and that of one
 * destination, over time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/limit.h"
#include "track_lib.h"

static struct sl_addr host(uint8_t last)
{
	return sl_addr_v4((uint8_t[4]){10, 0, 0, last});
}

/* How many of `tries` may go to this host. */
static unsigned allowed(struct track_world *w, struct sl_limits *l, uint8_t last,
        enum sl_family family, uint8_t type, unsigned wide, unsigned tries)
{
	struct sl_addr dst = host(last);
	unsigned n = 0;

	for (unsigned i = 0; i < tries; i++)
		n += sl__limit_allows(l, &w->t, &dst, family, type, wide);
	return n;
}

static const struct {
	enum sl_family family;
	uint8_t type;
	bool limited;
} types[] = {
        {SL_IPV4, 3, true},
        {SL_IPV4, 11, true},
        {SL_IPV4, 12, true},
        {SL_IPV4, 4, true},
        {SL_IPV4, 0, false},
        {SL_IPV4, 8, false},
        {SL_IPV4, 5, false},
        {SL_IPV4, 200, false},
        {SL_IPV6, 1, true},
        {SL_IPV6, 3, true},
        {SL_IPV6, 4, true},
        {SL_IPV6, 127, true},
        {SL_IPV6, 2, false}, /* packet too big: path MTU discovery depends on it */
        {SL_IPV6, 128, false},
        {SL_IPV6, 135, false},
};

static void which_types(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct sl_limits l = {0};
		struct track_world w;
		unsigned n;

		track_begin(&w, &(struct track_options){0});
		n = allowed(&w, &l, 1, types[i].family, types[i].type, 0, 1000);
		if ((n < 1000) != types[i].limited)
			fail_msg("IPv%d type %u: %u of 1000", types[i].family, types[i].type, n);
		sl__limits_fini(&l, &w.mem);
		track_end(&w);
	}
}

/* Six saved up, then one a second; `wide` doubles that. */
static void one_destination(void **unused)
{
	(void)unused;
	for (unsigned wide = 0; wide < 3; wide++) {
		struct sl_limits l = {0};
		struct track_world w;

		track_begin(&w, &(struct track_options){0});
		w.t.set.icmp_msgs_per_sec = w.t.set.icmp_msgs_burst =
		        1000000; /* not this one's matter */
		assert_int_equal(allowed(&w, &l, 1, SL_IPV4, 3, wide, 100), 6);
		assert_int_equal(
		        allowed(&w, &l, 2, SL_IPV4, 3, wide, 100), 6); /* another has its own */
		later(&w, (1000u >> wide) - 1);
		assert_int_equal(allowed(&w, &l, 1, SL_IPV4, 3, wide, 100), 0);
		later(&w, 1);
		assert_int_equal(allowed(&w, &l, 1, SL_IPV4, 3, wide, 100), 1);
		later(&w, 1000000);
		assert_int_equal(
		        allowed(&w, &l, 1, SL_IPV4, 3, wide, 100), 6); /* no more is saved */
		sl__limits_fini(&l, &w.mem);
		track_end(&w);
	}
}

/* IPv6 has a rate of its own, and 0 is no limit for one destination. */
static void rates(void **unused)
{
	struct sl_limits l = {0};
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	w.t.set.icmp_msgs_per_sec = w.t.set.icmp_msgs_burst = 1000000;
	w.t.set.icmp_ratelimit = 0;
	assert_int_equal(allowed(&w, &l, 1, SL_IPV4, 3, 0, 1000), 1000);
	assert_int_equal(allowed(&w, &l, 1, SL_IPV6, 1, 0, 1000), 6);
	w.t.set.icmp_ratemask = 0;
	w.t.set.icmp_ratelimit = 1000;
	assert_int_equal(allowed(&w, &l, 2, SL_IPV4, 3, 0, 1000), 1000);
	sl__limits_fini(&l, &w.mem);
	track_end(&w);
}

/* All destinations together: a burst of 50 costs, each 0, 1 or 2; then 1000 a second. */
static void all_of_them(void **unused)
{
	struct sl_limits l = {0};
	struct track_world w;
	unsigned n = 0;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	for (unsigned i = 0; i < 250; i++)
		n += allowed(&w, &l, (uint8_t)i, SL_IPV4, 3, 0, 1);
	assert_in_range(n, 25, 120);
	assert_int_equal(allowed(&w, &l, 251, SL_IPV4, 3, 0, 5), 0);
	later(&w, 19); /* credit comes in steps of 20 ms */
	assert_int_equal(allowed(&w, &l, 252, SL_IPV4, 3, 0, 5), 0);
	later(&w, 1);
	assert_in_range(allowed(&w, &l, 253, SL_IPV4, 3, 0, 5), 1, 5);
	sl__limits_fini(&l, &w.mem);
	track_end(&w);
}

/* Many destinations: the table does not grow, and nobody gets more than six at once for that. */
static void many_destinations(void **unused)
{
	struct sl_limits l = {0};
	struct track_world w;
	long held;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	w.t.set.icmp_msgs_per_sec = w.t.set.icmp_msgs_burst = 1000000;
	allowed(&w, &l, 1, SL_IPV4, 3, 0, 1);
	held = w.memory.held;
	for (uint32_t i = 0; i < 10000; i++) {
		struct sl_addr dst = sl_addr_v4((uint8_t[4]){11, (uint8_t)(i >> 8), (uint8_t)i, 1});
		unsigned n = 0;

		for (unsigned j = 0; j < 10; j++)
			n += sl__limit_allows(&l, &w.t, &dst, SL_IPV4, 3, 0);
		assert_int_equal(n, 6);
	}
	assert_int_equal(w.memory.held, held);
	sl__limits_fini(&l, &w.mem);
	track_end(&w);
}

/* Without memory for the table nothing that counts goes out. */
static void without_memory(void **unused)
{
	struct sl_limits l = {0};
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	w.memory.fail_at = w.memory.calls + 1;
	assert_int_equal(allowed(&w, &l, 1, SL_IPV4, 3, 0, 1), 0);
	assert_int_equal(allowed(&w, &l, 1, SL_IPV4, 3, 0, 1), 1);
	sl__limits_fini(&l, &w.mem);
	track_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(which_types),
	        cmocka_unit_test(one_destination),
	        cmocka_unit_test(rates),
	        cmocka_unit_test(all_of_them),
	        cmocka_unit_test(many_destinations),
	        cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
