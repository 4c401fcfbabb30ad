/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries of the fast path and their index, without a kernel: what is entered is found, by its own key only;
 * what is full refuses; what leaves makes room.
 * Tests: io/flow.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/wire.h"
#include "io/flow.h"

enum { FLOWS = 64, BUCKETS = 4 };

static struct sl_flow flows[FLOWS];
static struct sl_flow_bucket buckets[BUCKETS];
static struct sl_steer_config config;
static struct sl_steer steer = {.config = &config, .flows = flows, .index = buckets};

/* No next hop is known. */
bool sl_net_next(struct sl_net *net, const struct sl_route_query *query, uint32_t out_if,
        struct sl_addr *next, enum sl_family *family)
{
	(void)net, (void)query, (void)out_if, (void)next, (void)family;
	return false;
}

static int setup(void **unused)
{
	(void)unused;
	memset(flows, 0, sizeof(flows));
	memset(buckets, 0, sizeof(buckets));
	config.flow_buckets = BUCKETS - 1;
	for (unsigned i = 0; i < 12; i++)
		config.secret[i] = UINT64_C(0x9e3779b97f4a7c15) * (2 * i + 1);
	return 0;
}

static struct sl_rewrite way(bool v6, uint16_t port)
{
	struct sl_rewrite r = {.in_if = 1, .out_if = 2, .mtu = 1500, .count_hop = true};
	const uint8_t client[4] = {10, 0, 0, 2}, server[4] = {192, 0, 2, 9}, seen[4] = {203, 0, 113, 1};

	r.match = (struct sl_tuple){.src = sl_addr_v4(client),
	        .dst = sl_addr_v4(server),
	        .sport = port,
	        .dport = 80,
	        .proto = SL_PROTO_TCP,
	        .family = v6 ? SL_IPV6 : SL_IPV4};
	r.become = r.match;
	r.become.src = sl_addr_v4(seen);
	return r;
}

static void make(uint32_t place, bool v6, uint16_t port)
{
	struct sl_rewrite r = way(v6, port);

	sl__flow_put(&flows[place], &r, NULL, 0, 1, SL_WATCH_NOT);
}

/* As the programs do it: the place, or -1. */
static int find(bool v6, uint16_t port)
{
	struct sl_rewrite r = way(v6, port);
	union sl_flow_key key;
	unsigned words = v6 ? SL_FLOW_WORDS6 : SL_FLOW_WORDS4;
	uint32_t hash;

	sl__flow_key(&key, &r);
	hash = sl_flow_hash(config.secret, key.words, words);
	for (unsigned i = 0; i < SL_FLOW_ENTRIES; i++) {
		uint64_t entry = buckets[hash & config.flow_buckets].entry[i];
		uint32_t place = (uint32_t)entry - 1;

		if (entry >> 32 == hash && (uint32_t)entry &&
		        memcmp(flows[place].key, key.words, words * 4) == 0)
			return (int)place;
	}
	return -1;
}

static void found(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < 8; i++) {
		make(i, i % 2, (uint16_t)(1000 + i));
		assert_true(sl__flow_enter(&steer, i));
	}
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(find(i % 2, (uint16_t)(1000 + i)), (int)i);
		assert_int_equal(find(!(i % 2), (uint16_t)(1000 + i)), -1); /* the other family */
	}
	sl__flow_leave(&steer, 3);
	assert_int_equal(find(true, 1003), -1);
	assert_int_equal(find(false, 1002), 2);
	sl__flow_leave(&steer, 3); /* it is not there */
	assert_int_equal(find(false, 1002), 2);
}

/* The same hash twice would hide one of them. */
static void twice(void **unused)
{
	(void)unused;
	make(0, false, 1000);
	make(1, false, 1000);
	assert_true(sl__flow_enter(&steer, 0));
	assert_false(sl__flow_enter(&steer, 1));
	sl__flow_leave(&steer, 1); /* not the other's entry */
	assert_int_equal(find(false, 1000), 0);
	sl__flow_leave(&steer, 0);
	assert_true(sl__flow_enter(&steer, 1));
	assert_int_equal(find(false, 1000), 1);
}

static void full(void **unused)
{
	unsigned entered = 0, first = FLOWS;

	(void)unused;
	config.flow_buckets = 0; /* one bucket */
	for (unsigned i = 0; i < FLOWS; i++) {
		make(i, false, (uint16_t)(1000 + i));
		if (sl__flow_enter(&steer, i))
			entered++;
		else if (first == FLOWS)
			first = i;
	}
	assert_int_equal(entered, SL_FLOW_ENTRIES);
	assert_int_equal(first, SL_FLOW_ENTRIES);
	sl__flow_leave(&steer, 2);
	assert_true(sl__flow_enter(&steer, first));
	assert_int_equal(find(false, (uint16_t)(1000 + first)), (int)first);
	assert_int_equal(find(false, 1007), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(found, setup),
	        cmocka_unit_test_setup(twice, setup),
	        cmocka_unit_test_setup(full, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
