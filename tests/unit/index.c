/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index against tuples that were chosen to meet: the hash spreads sets with structure, tuples
 * that collide under one key are strangers under another, and a chain that has grown too long gives
 * the index a new key while packets go on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/wire.h"
#include "engine/engine.h"
#include "tests/lib/memory.h"

#define SET     65536u
#define BUCKETS 4096u

static struct sl_track track; /* for its key alone */

static void new_key(uint8_t seed)
{
	uint8_t bytes[16] = {seed};
	struct sl_random random;

	sl__random_init(&random, bytes);
	sl__hash_key_init(&track.index_key, &random);
}

static struct sl_tuple tuple_of(uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport)
{
	struct sl_tuple t = {
	        .sport = sport, .dport = dport, .proto = SL_PROTO_UDP, .family = SL_IPV4};
	uint8_t addr[4];

	sl_put32(addr, src);
	t.src = sl_addr_v4(addr);
	sl_put32(addr, dst);
	t.dst = sl_addr_v4(addr);
	return t;
}

/* ---- sets with structure ------------------------------------------------------------------- */

static struct sl_tuple ports_in_turn(uint32_t i)
{
	return tuple_of(0x0a000002, 0xc6336401, (uint16_t)i, 443);
}

static struct sl_tuple hosts_in_turn(uint32_t i)
{
	return tuple_of(0x0a000000 + i, 0xc6336401, 4000, 443);
}

static struct sl_tuple networks_in_turn(uint32_t i)
{
	return tuple_of(0x0a000001, i << 16, 4000, 443);
}

static struct sl_tuple all_together(uint32_t i)
{
	return tuple_of(0x0a000000 + (i & 15), 0xc6336400 + (i >> 4 & 15),
	        (uint16_t)(1024 + (i >> 8 & 15)), (uint16_t)(i >> 12));
}

static struct sl_tuple ipv6_hosts(uint32_t i)
{
	struct sl_tuple t = {.sport = 4000, .dport = 443, .proto = SL_PROTO_TCP, .family = SL_IPV6};

	t.src.b[0] = t.dst.b[0] = 0x20;
	sl_put32(t.src.b + 12, i);
	return t;
}

static struct sl_tuple ipv6_networks(uint32_t i)
{
	struct sl_tuple t = ipv6_hosts(7);

	sl_put32(t.dst.b + 4, i * 256);
	return t;
}

static void spread(struct sl_tuple (*of)(uint32_t i))
{
	static uint16_t load[BUCKETS];
	static uint32_t tags[SET / 32 + 1];
	unsigned most = 0, met = 0;

	memset(load, 0, sizeof(load));
	memset(tags, 0, sizeof(tags));
	for (uint32_t i = 0; i < SET; i++) {
		struct sl_tuple t = of(i);
		uint64_t hash = sl__tuple_hash(&track, &t, 0);
		uint16_t *bucket = &load[hash >> 32 & (BUCKETS - 1)], tag = sl__table_tag(hash, 12);

		met += tags[tag / 32] >> tag % 32 & 1;
		tags[tag / 32] |= 1u << tag % 32;
		if (++*bucket > most)
			most = *bucket;
	}
	assert_true(most < 64);     /* 16 on average; by chance about 37 */
	assert_true(met < SET / 2); /* by chance 37 % */
}

static void test_structure(void **state)
{
	(void)state;
	for (uint8_t seed = 0; seed < 20; seed++) {
		new_key(seed);
		spread(ports_in_turn);
		spread(hosts_in_turn);
		spread(networks_in_turn);
		spread(all_together);
		spread(ipv6_hosts);
		spread(ipv6_networks);
	}
}

/* ---- a search for collisions ----------------------------------------------------------------- */

static struct sl_tuple candidate(uint32_t i)
{
	return tuple_of(0x0a000000 + (i >> 16), 0xc6336401, (uint16_t)i, 53);
}

/* Tuples that share one bucket of 65,536 under the key that was spied out. */
static unsigned search(struct sl_tuple *found, unsigned most)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < 1u << 22 && n < most; i++) {
		struct sl_tuple t = candidate(i);

		if ((sl__tuple_hash(&track, &t, 0) >> 32 & 0xffff) == 0x1234)
			found[n++] = t;
	}
	return n;
}

static void test_collisions_end_with_the_key(void **state)
{
	struct sl_tuple found[40];
	unsigned n;

	(void)state;
	new_key(1);
	n = search(found, 40);
	assert_int_equal(n, 40); /* so the search works: 64 are to be expected */
	for (uint8_t seed = 2; seed < 50; seed++) {
		unsigned together = 0;

		new_key(seed);
		for (unsigned i = 0; i < n; i++)
			for (unsigned k = 0; k < i; k++) {
				uint64_t differ = sl__tuple_hash(&track, &found[i], 0) ^
				                  sl__tuple_hash(&track, &found[k], 0);

				together += !(differ >> 32 & 0xffff);
			}
		assert_true(together <= 2); /* of 780 pairs */
	}
}

/* ---- a new key for an engine ----------------------------------------------------------------- */

static struct memory memory = {.lasting = true};

static void route(void *ctx, const struct sl_route_query *query, struct sl_route *answer)
{
	(void)ctx;
	answer->kind = SL_ROUTE_FORWARD;
	answer->out_if = query->in_if == 1 ? 2 : 1;
}

static struct sl_engine *make(void)
{
	struct sl_env env = {
	        .mem = {memory_get, memory_give, &memory}, .route = route, .seed = {9}};
	struct sl_config config;

	sl_config_init(&config);
	return sl_engine_create(&config, &env);
}

static struct sl_packet put_in(struct sl_engine *e, const struct sl_tuple *t, bool back)
{
	static uint8_t d[28];
	struct sl_packet p = {.data = d, .len = 28, .in_if = back ? 2 : 1, .csum = SL_CSUM_CHECKED};

	memset(d, 0, sizeof(d));
	d[0] = 0x45;
	sl_put16(d + 2, 28);
	d[8] = 64;
	d[9] = SL_PROTO_UDP;
	memcpy(d + 12, (back ? t->dst.b : t->src.b) + 12, 4);
	memcpy(d + 16, (back ? t->src.b : t->dst.b) + 12, 4);
	sl_put16(d + 20, back ? t->dport : t->sport);
	sl_put16(d + 22, back ? t->sport : t->dport);
	sl_put16(d + 24, 8);
	sl_input(e, &p, 1, 1);
	return p;
}

#define OLD    2000u
#define CHOSEN 200u

/* Flows that were there before, and stay what they are. */
static struct sl_tuple old_flow(uint32_t i)
{
	return tuple_of(0x0a640000 + i, 0xc6336402, 5000, 80);
}

static void open_old(struct sl_engine *e)
{
	for (uint32_t i = 0; i < OLD; i++) {
		struct sl_tuple t = old_flow(i);

		assert_int_equal(put_in(e, &t, false).state, SL_CT_NEW);
		assert_int_equal(put_in(e, &t, true).state, SL_CT_ESTABLISHED);
	}
}

static unsigned choose(const struct sl_engine *e, struct sl_tuple *chosen)
{
	unsigned n = 0;

	for (uint32_t i = 0; n < CHOSEN && i < 1u << 22; i++) {
		struct sl_tuple t = candidate(i);

		if (!(sl__tuple_hash(&e->track, &t, 0) >> 32 & 0xfff))
			chosen[n++] = t;
	}
	return n;
}

static unsigned longest_chain(const struct sl_table *table)
{
	unsigned longest = 0;

	for (uint32_t i = 0; i < sl__table_buckets(table); i++) {
		const struct sl_bucket *bucket = sl__table_at(table, i);
		unsigned length = 1;

		for (; bucket->overflow; length++)
			bucket = sl__slab_at(&table->overflow, bucket->overflow);
		if (length > longest)
			longest = length;
	}
	return longest;
}

static void attack(struct sl_engine *e)
{
	static struct sl_tuple chosen[CHOSEN];
	unsigned seen_moving = 0;
	enum sl_dir dir;

	assert_int_equal(choose(e, chosen), CHOSEN);
	for (unsigned i = 0; i < CHOSEN; i++) {
		struct sl_tuple old = old_flow(i % OLD);

		assert_int_equal(put_in(e, &chosen[i], false).state, SL_CT_NEW);
		seen_moving += e->track.moving;
		assert_int_equal(put_in(e, &old, i & 1).state, SL_CT_ESTABLISHED);
		assert_int_equal(put_in(e, &chosen[i / 2], true).state, SL_CT_ESTABLISHED);
		if (i % 16 == 0)
			assert_null(sl_engine_check(e));
	}
	assert_true(seen_moving > 0);
	for (unsigned i = 0; i < CHOSEN; i++)
		assert_non_null(sl_conn_find(e, &chosen[i], 0, &dir));
	for (uint32_t i = 0; i < OLD; i++) {
		struct sl_tuple old = old_flow(i);

		assert_non_null(sl_conn_find(e, &old, 0, &dir));
	}
}

static void test_new_key(void **state)
{
	struct sl_engine *e = make();

	(void)state;
	open_old(e);
	assert_int_equal(e->track.rekeyed, 0);
	attack(e);
	assert_int_equal(e->track.rekeyed, 1);
	for (unsigned i = 0; i < 1000 && e->track.moving; i++)
		sl_clock(e, 1, 1);
	assert_false(e->track.moving);
	assert_true(longest_chain(&e->track.table) < SL_TABLE_CHAIN_MAX);
	assert_null(sl_engine_check(e));
	sl_engine_destroy(e);
	assert_int_equal(memory.held, 0);
}

/* Ended conns leave whichever table they are in; an engine may end in the middle of it. */
static void test_ends_while_moving(void **state)
{
	static struct sl_tuple chosen[CHOSEN];
	struct sl_engine *e = make();
	enum sl_dir dir;
	unsigned i = 0;

	(void)state;
	open_old(e);
	assert_int_equal(choose(e, chosen), CHOSEN);
	while (!e->track.moving && i < CHOSEN)
		put_in(e, &chosen[i++], false);
	assert_true(e->track.moving);
	for (unsigned k = 0; k < i; k += 2)
		sl_conn_kill(e, sl_conn_find(e, &chosen[k], 0, &dir), SL_WHY_FLUSHED);
	for (unsigned k = 0; k < i; k++)
		assert_int_equal(sl_conn_find(e, &chosen[k], 0, &dir) != NULL, k & 1);
	assert_null(sl_engine_check(e));
	sl_engine_destroy(e);
	assert_int_equal(memory.held, 0);
}

/* Conns that are due have their hashes taken before their turn: the index gets a new key in between. */
static void test_new_key_while_they_end(void **state)
{
	static struct sl_tuple chosen[CHOSEN];
	const uint64_t later = UINT64_C(1000000000000);
	struct sl_engine *e = make();
	struct sl_slab *conns = &e->track.conns[0];
	unsigned i = 0;

	(void)state;
	open_old(e);
	assert_int_equal(choose(e, chosen), CHOSEN);
	while (sl__slab_count(conns) > OLD / 2)
		assert_true(sl_clock(e, later, 1));
	assert_true(e->track.wheel[0].told > 0);
	while (!e->track.moving && i < CHOSEN)
		put_in(e, &chosen[i++], false);
	assert_true(e->track.moving);
	assert_true(e->track.wheel[0].told > 0);
	while (sl_clock(e, later, 1))
		assert_null(sl_engine_check(e));
	assert_int_equal(sl__slab_count(conns), i);
	assert_int_equal(
	        e->track.table.entries + (e->track.moving ? e->track.old_table.entries : 0), 2 * i);
	sl_engine_destroy(e);
	assert_int_equal(memory.held, 0);
}

static void test_no_memory_for_it(void **state)
{
	static struct sl_tuple chosen[CHOSEN];
	struct sl_engine *e = make();
	unsigned accepted = 0;

	(void)state;
	open_old(e);
	assert_int_equal(choose(e, chosen), CHOSEN);
	for (unsigned i = 0; i < CHOSEN; i++) {
		memory.fail_at = memory.calls + 1 + i % 7;
		accepted += put_in(e, &chosen[i], false).verdict == SL_ACCEPT;
		memory.fail_at = 0;
		if (i % 16 == 0)
			assert_null(sl_engine_check(e));
	}
	assert_true(accepted > CHOSEN / 2);
	assert_null(sl_engine_check(e));
	sl_engine_destroy(e);
	assert_int_equal(memory.held, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_structure),
	        cmocka_unit_test(test_collisions_end_with_the_key),
	        cmocka_unit_test(test_new_key),
	        cmocka_unit_test(test_ends_while_moving),
	        cmocka_unit_test(test_new_key_while_they_end),
	        cmocka_unit_test(test_no_memory_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
