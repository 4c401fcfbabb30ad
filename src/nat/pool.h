/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port pools: where many conns share one public address towards one remote endpoint, which
 * ports are known to be taken. So a free one is found, or known not to exist, in a few steps
 * even when all are taken.
 *
 * A pool is made when a port was asked for and not free. From then on it knows every port given
 * or given back under its key; ports taken before are learned one by one, when a search comes
 * upon them. Its bits are hints: a port is given only after the index said that it is free.
 */
#ifndef SL_NAT_POOL_H
#define SL_NAT_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/tuple.h>

#include "base/hash.h"
#include "base/mem.h"

#define SL_POOLS 64 /* at most so many; the one longest unused goes first */

struct sl_pool {
	struct sl_tuple key;	/* the reply tuple with dport 0 */
	uint16_t zone;
	uint64_t used_at;	/* number of the search that last used it */
	uint32_t count;		/* bits set */
	bool sliced;		/* ports of other shards are set for good */
	uint64_t full[16];	/* bit i of word w: taken[w * 64 + i] is all ones */
	uint64_t taken[1024];	/* a bit for each port */
};

struct sl_pools {
	const struct sl_mem *mem;
	struct sl_pool *pool[SL_POOLS]; /* those in use come first */
	unsigned count;
	uint64_t searches;
};

void sl__pools_init(struct sl_pools *pools, const struct sl_mem *mem);
void sl__pools_fini(struct sl_pools *pools);
/* The pool of this reply tuple's remote and public address; NULL: has none. */
struct sl_pool *sl__pool_find(struct sl_pools *pools, const struct sl_tuple *reply, uint16_t zone);
/* The same, made when missing; NULL: no memory. */
struct sl_pool *sl__pool_get(struct sl_pools *pools, const struct sl_tuple *reply, uint16_t zone);
void sl__pool_set(struct sl_pool *pool, uint16_t port);
/* Ports of other shards are not to be found: they count as taken (slices: sl__port_owner()). */
void sl__pool_keep_slices(struct sl_pool *pool, uint16_t shards, uint16_t shard);
void sl__pool_clear(struct sl_pool *pool, uint16_t port);
/* The first port in start..max, then min..start - 1, that is not known to be taken; false: none. */
bool sl__pool_next(const struct sl_pool *pool, uint16_t min, uint16_t max, uint16_t start, uint16_t *port);

#endif
