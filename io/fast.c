/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine's offload table of operations over the BPF maps (bpf/flow.h). A connection that was
 * handed down is a slot, from the moment of sl_offload.add on:
 *
 *	free -> waiting -> live -> leaving -> free
 *
 * waiting   WAIT long: most connections are over by then, and have cost no system call. Their
 *           packets go on to come to the engine.
 * live      its two flows are in the array, and their keys in a hash map: the programs forward.
 *           What they count is memory that is shared with them.
 * leaving   the flows are switched off, at once; the keys are still to be deleted.
 *
 * Keys are put and deleted many in one system call, in sl_fast_work(); deleted first, so that a
 * connection with the same tuple as one that left before keeps its own. A slot is not live again
 * before WAIT is over, so no program still looks at what the slot was.
 */
#include "io/fast.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/flow.h"

#define WAIT UINT64_C(50000000) /* ns */
enum { BATCH = 128 };           /* keys in a system call */

enum state { FREE, WAITING, LIVE, LEAVING };

struct sl_fast_slot {
	uint64_t id;
	union {
		struct {
			struct sl_rewrite rewrite[2];
			uint64_t since;
			uint32_t generation; /* of config, when it was handed down */
		} waiting;
		struct {
			union sl_flow_key key[2];
			uint64_t packets[2], bytes[2]; /* told to the engine so far */
		} live;
	};
	uint32_t prev, next; /* in its queue */
	uint8_t family;
	uint8_t state; /* enum state */
};

/* ---- queues ---------------------------------------------------------------------------------- */

static void put_last(struct sl_fast *fast, struct sl_fast_queue *q, uint32_t i)
{
	fast->slots[i].prev = q->last;
	fast->slots[i].next = 0;
	if (q->last)
		fast->slots[q->last].next = i;
	else
		q->first = i;
	q->last = i;
	q->count++;
}

static void take(struct sl_fast *fast, struct sl_fast_queue *q, uint32_t i)
{
	const struct sl_fast_slot *slot = &fast->slots[i];

	if (slot->prev)
		fast->slots[slot->prev].next = slot->next;
	else
		q->first = slot->next;
	if (slot->next)
		fast->slots[slot->next].prev = slot->prev;
	else
		q->last = slot->prev;
	q->count--;
}

/* ---- the slots ------------------------------------------------------------------------------- */

static uint32_t place_of(const struct sl_fast *fast, uint64_t id)
{
	return (uint32_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (fast->index_size - 1);
}

/* Where in the index the conn's slot stands, or would stand. */
static uint32_t search(const struct sl_fast *fast, uint64_t id)
{
	uint32_t i = place_of(fast, id);

	while (fast->index[i] && fast->slots[fast->index[i]].id != id)
		i = (i + 1) & (fast->index_size - 1);
	return i;
}

/* What was pushed on by the one that goes moves up: searches end at the first unused place. */
static void forget(struct sl_fast *fast, uint32_t hole)
{
	uint32_t mask = fast->index_size - 1, i = hole;

	for (;;) {
		uint32_t home;

		i = (i + 1) & mask;
		if (!fast->index[i])
			break;
		home = place_of(fast, fast->slots[fast->index[i]].id);
		if (((i - home) & mask) < ((i - hole) & mask))
			continue; /* it would stand before its place */
		fast->index[hole] = fast->index[i];
		hole = i;
	}
	fast->index[hole] = 0;
}

/* 0: all are taken. */
static uint32_t take_free(struct sl_fast *fast)
{
	uint32_t i = fast->free.last;

	if (i)
		take(fast, &fast->free, i);
	else if (fast->fresh <= fast->max)
		i = fast->fresh++;
	return i;
}

static void give_free(struct sl_fast *fast, uint32_t i)
{
	fast->slots[i].state = FREE;
	put_last(fast, &fast->free, i);
}

static struct sl_flow *flow_of(const struct sl_fast *fast, uint32_t i, unsigned dir)
{
	return &fast->flows[(fast->base + i - 1) * 2 + dir];
}

/* ---- the table of operations ----------------------------------------------------------------- */

static bool add(
        void *ctx, const struct sl_conn *conn, uint64_t id, const struct sl_rewrite rewrite[2])
{
	struct sl_fast *fast = ctx;
	uint32_t at = search(fast, id), i;
	struct sl_fast_slot *slot;

	(void)conn;
	i = fast->index[at] || rewrite[0].match.family != rewrite[0].become.family
	            ? 0
	            : take_free(fast);
	if (!i) {
		fast->refused++;
		return false;
	}
	slot = &fast->slots[i];
	*slot = (struct sl_fast_slot){
	        .id = id, .family = rewrite[0].match.family, .state = WAITING};
	slot->waiting.since = fast->now;
	slot->waiting.generation = fast->steer->config->generation[fast->queue];
	memcpy(slot->waiting.rewrite, rewrite, sizeof(slot->waiting.rewrite));
	fast->index[at] = i;
	fast->used++;
	put_last(fast, &fast->waiting, i);
	return true;
}

static void poll_flow(void *ctx, uint64_t id, struct sl_offload_counts *out)
{
	struct sl_fast *fast = ctx;
	uint32_t i = fast->index[search(fast, id)];
	struct sl_fast_slot *slot = &fast->slots[i];

	*out = (struct sl_offload_counts){0};
	if (!i || slot->state != LIVE)
		return;
	for (unsigned dir = 0; dir < 2; dir++) {
		const struct sl_flow *flow = flow_of(fast, i, dir);
		uint64_t packets = __atomic_load_n(&flow->packets, __ATOMIC_RELAXED);
		uint64_t bytes = __atomic_load_n(&flow->bytes, __ATOMIC_RELAXED);
		uint64_t seen = __atomic_load_n(&flow->last_seen, __ATOMIC_RELAXED);

		out->packets[dir] = packets - slot->live.packets[dir];
		out->bytes[dir] = bytes - slot->live.bytes[dir];
		slot->live.packets[dir] = packets;
		slot->live.bytes[dir] = bytes;
		if (seen > out->last_seen)
			out->last_seen = seen;
	}
}

static void remove_flow(void *ctx, uint64_t id)
{
	struct sl_fast *fast = ctx;
	uint32_t at = search(fast, id), i = fast->index[at];
	struct sl_fast_slot *slot = &fast->slots[i];

	if (!i)
		return;
	forget(fast, at);
	fast->used--;
	if (slot->state == WAITING) {
		take(fast, &fast->waiting, i);
		give_free(fast, i);
		return;
	}
	for (unsigned dir = 0; dir < 2; dir++)
		__atomic_store_n(&flow_of(fast, i, dir)->generation, 0, __ATOMIC_RELEASE);
	slot->state = LEAVING;
	put_last(fast, &fast->leaving, i);
}

static void revoke_all(void *ctx)
{
	struct sl_fast *fast = ctx;

	sl_steer_revoke(fast->steer, fast->queue);
}

/* ---- keys, many at a time -------------------------------------------------------------------- */

struct keys {
	int map;
	uint32_t size, n; /* of a key; how many */
	uint8_t key[BATCH * sizeof(union sl_flow_key)];
	uint32_t place[BATCH];
	unsigned failed;
};

static void keys_init(struct keys keys[2], const struct sl_fast *fast)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		keys[v6].map = sl_steer_flows(fast->steer, v6);
		keys[v6].size = v6 ? sizeof(struct sl_flow_key6) : sizeof(struct sl_flow_key4);
		keys[v6].n = keys[v6].failed = 0;
	}
}

/* A call ends at the first that fails: it is left out, and the rest is done by another. */
static void keys_flush(struct keys *k, bool put)
{
	for (uint32_t from = 0; from < k->n; from++) {
		uint32_t count = k->n - from;
		uint8_t *key = k->key + (size_t)from * k->size;
		int bad = put ? bpf_map_update_batch(k->map, key, k->place + from, &count, NULL)
		              : bpf_map_delete_batch(k->map, key, &count, NULL);

		if (!bad)
			break;
		from += count;
		k->failed++;
	}
	k->n = 0;
}

static void keys_add(struct keys *k, const union sl_flow_key *key, uint32_t place, bool put)
{
	if (k->n == BATCH)
		keys_flush(k, put);
	memcpy(k->key + (size_t)k->n * k->size, key, k->size);
	k->place[k->n++] = place;
}

static void keys_add_slot(struct keys keys[2], const struct sl_fast *fast, uint32_t i, bool put)
{
	struct sl_fast_slot *slot = &fast->slots[i];

	for (unsigned dir = 0; dir < 2; dir++)
		keys_add(&keys[slot->family == SL_IPV6], &slot->live.key[dir],
		        (fast->base + i - 1) * 2 + dir, put);
}

static void delete_some(struct sl_fast *fast, struct keys keys[2], unsigned budget)
{
	for (; fast->leaving.count && budget; budget--) {
		uint32_t i = fast->leaving.first;

		keys_add_slot(keys, fast, i, false);
		take(fast, &fast->leaving, i);
		give_free(fast, i);
	}
	for (unsigned v6 = 0; v6 < 2; v6++)
		keys_flush(&keys[v6], false);
}

/* Its flows, before anybody can find them. */
static void make_live(struct sl_fast *fast, uint32_t i)
{
	struct sl_fast_slot *slot = &fast->slots[i];
	uint32_t generation = slot->waiting.generation;
	struct sl_rewrite rewrite[2];

	memcpy(rewrite, slot->waiting.rewrite, sizeof(rewrite));
	memset(&slot->live, 0, sizeof(slot->live));
	for (unsigned dir = 0; dir < 2; dir++) {
		sl__flow_key(&slot->live.key[dir], &rewrite[dir]);
		sl__flow_put(
		        flow_of(fast, i, dir), &rewrite[dir], fast->net, fast->queue, generation);
	}
	slot->state = LIVE;
	fast->added++;
}

/* One of an old generation was revoked: the engine takes it back. Without keys nothing finds it. */
static void put_some(struct sl_fast *fast, struct keys keys[2], unsigned budget)
{
	for (; fast->waiting.count && budget; budget--) {
		uint32_t i = fast->waiting.first;

		if (fast->now - fast->slots[i].waiting.since < WAIT)
			break;
		take(fast, &fast->waiting, i);
		make_live(fast, i);
		keys_add_slot(keys, fast, i, true);
	}
	for (unsigned v6 = 0; v6 < 2; v6++)
		keys_flush(&keys[v6], true);
	fast->refused += keys[0].failed + keys[1].failed;
}

void sl_fast_work(struct sl_fast *fast, unsigned budget)
{
	struct keys keys[2];

	if (fast->leaving.count) {
		keys_init(keys, fast);
		delete_some(fast, keys, budget);
	}
	if (fast->waiting.count && !fast->leaving.count) {
		keys_init(keys, fast);
		put_some(fast, keys, budget);
	}
}

/* ---- the whole ------------------------------------------------------------------------------- */

bool sl_fast_init(struct sl_fast *fast, struct sl_steer *steer, struct sl_net *net, unsigned queue,
        uint32_t max)
{
	uint32_t size = 64;

	while (size < max * 2)
		size *= 2;
	*fast = (struct sl_fast){.ops = {.ctx = fast,
	                                 .add = add,
	                                 .remove = remove_flow,
	                                 .poll = poll_flow,
	                                 .revoke = revoke_all},
	        .steer = steer,
	        .net = net,
	        .flows = steer->flows,
	        .base = queue * max,
	        .queue = queue,
	        .max = max,
	        .fresh = 1,
	        .slots = calloc((size_t)max + 1, sizeof(*fast->slots)),
	        .index = calloc(size, sizeof(*fast->index)),
	        .index_size = size};
	return fast->slots && fast->index;
}

void sl_fast_fini(struct sl_fast *fast)
{
	free(fast->slots);
	free(fast->index);
	fast->slots = NULL;
	fast->index = NULL;
}
