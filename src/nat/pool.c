/* SPDX-License-Identifier: BSD-2-Clause */
#include "nat/pool.h"

#include <string.h>

#include "base/bits.h"

void sl__pools_init(struct sl_pools *pools, const struct sl_mem *mem)
{
	memset(pools, 0, sizeof(*pools));
	pools->mem = mem;
}

void sl__pools_fini(struct sl_pools *pools)
{
	while (pools->count) {
		pools->count--;
		sl__free(pools->mem, pools->pool[pools->count], sizeof(struct sl_pool));
	}
}

static bool is_for(const struct sl_pool *pool, const struct sl_tuple *reply, uint16_t zone)
{
	return pool->key.sport == reply->sport && pool->key.proto == reply->proto &&
	       pool->zone == zone && sl_addr_eq(&pool->key.src, &reply->src) &&
	       sl_addr_eq(&pool->key.dst, &reply->dst);
}

struct sl_pool *sl__pool_find(struct sl_pools *pools, const struct sl_tuple *reply, uint16_t zone)
{
	for (unsigned i = 0; i < pools->count; i++) {
		if (!is_for(pools->pool[i], reply, zone))
			continue;
		pools->pool[i]->used_at = ++pools->searches;
		return pools->pool[i];
	}
	return NULL;
}

/* Room for one more: a fresh one, or the one longest unused. */
static struct sl_pool *take_slot(struct sl_pools *pools)
{
	struct sl_pool *oldest;

	if (pools->count < SL_POOLS) {
		struct sl_pool *fresh = sl__alloc(pools->mem, sizeof(*fresh));

		if (fresh)
			pools->pool[pools->count++] = fresh;
		return fresh;
	}
	oldest = pools->pool[0];
	for (unsigned i = 1; i < pools->count; i++)
		if (pools->pool[i]->used_at < oldest->used_at)
			oldest = pools->pool[i];
	memset(oldest, 0, sizeof(*oldest));
	return oldest;
}

struct sl_pool *sl__pool_get(struct sl_pools *pools, const struct sl_tuple *reply, uint16_t zone)
{
	struct sl_pool *pool = sl__pool_find(pools, reply, zone);

	if (pool)
		return pool;
	pool = take_slot(pools);
	if (!pool)
		return NULL;
	pool->key = *reply;
	pool->key.dport = 0;
	pool->zone = zone;
	pool->used_at = ++pools->searches;
	return pool;
}

void sl__pool_set(struct sl_pool *pool, uint16_t port)
{
	uint64_t *word = &pool->taken[port >> 6], bit = (uint64_t)1 << (port & 63);

	pool->count += !(*word & bit);
	*word |= bit;
	if (*word == UINT64_MAX)
		pool->full[port >> 12] |= (uint64_t)1 << ((port >> 6) & 63);
}

void sl__pool_keep_slices(struct sl_pool *pool, uint16_t shards, uint16_t shard)
{
	if (pool->sliced)
		return;
	pool->sliced = true;
	for (unsigned word = 0; word < 1024; word++) { /* a word is a slice */
		if (word % shards == shard)
			continue;
		pool->taken[word] = UINT64_MAX;
		pool->full[word >> 6] |= (uint64_t)1 << (word & 63);
	}
}

void sl__pool_clear(struct sl_pool *pool, uint16_t port)
{
	uint64_t *word = &pool->taken[port >> 6], bit = (uint64_t)1 << (port & 63);

	pool->count -= (*word & bit) != 0;
	*word &= ~bit;
	pool->full[port >> 12] &= ~((uint64_t)1 << ((port >> 6) & 63));
}

/* The first clear bit at or behind `from` in an array of words, or `end`. */
static uint32_t first_clear(const uint64_t *words, uint32_t from, uint32_t end)
{
	while (from < end) {
		uint64_t open = ~words[from >> 6] >> (from & 63);

		if (open) {
			from += sl__lowest_bit(open);
			return from < end ? from : end;
		}
		from = (from | 63) + 1;
	}
	return end;
}

/* The same for ports, skipping full words by the summary. */
static bool scan(const struct sl_pool *pool, uint32_t from, uint32_t end, uint16_t *port)
{
	while (from < end) {
		uint32_t word = from >> 6, stop = (word + 1) << 6, found;

		found = first_clear(pool->taken, from, stop < end ? stop : end);
		if (found < stop && found < end) {
			*port = (uint16_t)found;
			return true;
		}
		from = first_clear(pool->full, word + 1, 1024) << 6;
	}
	return false;
}

bool sl__pool_next(const struct sl_pool *pool, uint16_t min, uint16_t max, uint16_t start, uint16_t *port)
{
	if (start < min || start > max)
		start = min;
	return scan(pool, start, max + 1u, port) || scan(pool, min, start, port);
}
