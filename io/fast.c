/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine's offload table of operations over what is shared with the BPF programs (bpf/flow.h). A connection
 * that was handed down is a slot:
 *
 *	free -> waiting ----> live -> resting -> free		sl_offload.add
 *	     -> opening --/-------/				sl_offload.open
 *
 * opening   a SYN has just opened it; the programs let pass what is next in order, and tell of it
 *           (bpf/opening.bpf.h). When YOUNG is over, the engine is asked whether to hand it down for good.
 * waiting   YOUNG long: most connections are over by then. Their packets go on to come to the engine.
 * live      the programs forward. What they count is memory that is shared with them.
 * resting   taken back: no program finds it any more, but one may still be looking at it. YOUNG long.
 *
 * At most a quarter of the slots are opening ones: a flood of SYNs leaves room for what is established.
 */
#include "io/fast.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/flow.h"

#define YOUNG UINT64_C(50000000) /* ns */

/* Of counting: a slot for each so many ns, at least so many ns between two looks, slots at most in one. */
enum { COUNT_NS = 20000, COUNT_EVERY = 20000000, COUNT_MOST = 4096 };

enum state { FREE, WAITING, OPENING, LIVE, RESTING };

struct sl_fast_slot {
	uint64_t id;
	uint64_t since; /* when its state began */
	union {
		struct {
			struct sl_rewrite rewrite[2];
			uint32_t generation; /* of config, when it was handed down */
		} waiting;
		struct sl_conn *opening;
		struct {
			uint64_t packets[2], bytes[2]; /* told to the engine so far */
			uint64_t counted[2]; /* packets, bytes: of fast->packets, fast->bytes */
		} live;
	};
	uint32_t prev, next; /* in its queue */
	uint8_t state;       /* enum state */
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

static uint32_t flow_place(const struct sl_fast *fast, uint32_t i, unsigned dir)
{
	return (fast->base + i - 1) * 2 + dir;
}

static struct sl_flow *flow_of(const struct sl_fast *fast, uint32_t i, unsigned dir)
{
	return &fast->steer->flows[flow_place(fast, i, dir)];
}

/* A slot for a conn that has none; 0: there is no room. */
static uint32_t begin(struct sl_fast *fast, uint64_t id, const struct sl_rewrite *rewrite)
{
	uint32_t at = search(fast, id), i = 0;

	if (!fast->index[at] && rewrite->match.family == rewrite->become.family)
		i = take_free(fast);
	if (!i) {
		fast->refused++;
		return 0;
	}
	fast->slots[i] = (struct sl_fast_slot){.id = id, .since = fast->now};
	fast->index[at] = i;
	fast->used++;
	return i;
}

/* ---- flows ----------------------------------------------------------------------------------- */

/* The programs find both flows, or none. */
static bool enter(struct sl_fast *fast, uint32_t i)
{
	if (!sl__flow_enter(fast->steer, flow_place(fast, i, 0)))
		return false;
	if (sl__flow_enter(fast->steer, flow_place(fast, i, 1)))
		return true;
	sl__flow_leave(fast->steer, flow_place(fast, i, 0));
	return false;
}

static void switch_off(struct sl_fast *fast, uint32_t i)
{
	for (unsigned dir = 0; dir < 2; dir++) {
		__atomic_store_n(&flow_of(fast, i, dir)->generation, 0, __ATOMIC_RELEASE);
		sl__flow_leave(fast->steer, flow_place(fast, i, dir));
	}
}

/* It was in a queue and is in none now; its flows may have been in use. */
static void rest(struct sl_fast *fast, uint32_t i)
{
	switch_off(fast, i);
	fast->slots[i].state = RESTING;
	fast->slots[i].since = fast->now;
	put_last(fast, &fast->resting, i);
}

/* ---- the table of operations ----------------------------------------------------------------- */

/* What the programs watched so far is theirs. */
static bool promote(struct sl_fast *fast, uint32_t i)
{
	struct sl_fast_slot *slot = &fast->slots[i];

	if (slot->state != OPENING || fast->offered != i)
		return false;
	take(fast, &fast->opening, i);
	memset(&slot->live, 0, sizeof(slot->live));
	slot->state = LIVE;
	for (unsigned dir = 0; dir < 2; dir++)
		__atomic_store_n(
		        &flow_of(fast, i, dir)->watch, (uint32_t)SL_WATCH_NOT, __ATOMIC_RELEASE);
	fast->added++;
	return true;
}

static bool add(
        void *ctx, const struct sl_conn *conn, uint64_t id, const struct sl_rewrite rewrite[2])
{
	struct sl_fast *fast = ctx;
	uint32_t i = fast->index[search(fast, id)];
	struct sl_fast_slot *slot;

	(void)conn;
	if (i)
		return promote(fast, i);
	i = begin(fast, id, rewrite);
	if (!i)
		return false;
	slot = &fast->slots[i];
	slot->state = WAITING;
	slot->waiting.generation = fast->steer->config->generation[fast->queue];
	memcpy(slot->waiting.rewrite, rewrite, sizeof(slot->waiting.rewrite));
	put_last(fast, &fast->waiting, i);
	return true;
}

static bool open_flow(void *ctx, struct sl_conn *conn, uint64_t id,
        const struct sl_rewrite rewrite[2], const struct sl_opening *opening)
{
	struct sl_fast *fast = ctx;
	uint32_t generation = fast->steer->config->generation[fast->queue], i = 0;

	if (fast->opening.count < fast->max / 4)
		i = begin(fast, id, rewrite);
	if (!i)
		return false;
	fast->slots[i].state = OPENING;
	fast->slots[i].opening = conn;
	put_last(fast, &fast->opening, i);
	for (unsigned dir = 0; dir < 2; dir++)
		sl__flow_put(flow_of(fast, i, dir), &rewrite[dir], fast->net, fast->queue,
		        generation, dir ? SL_WATCH_SYN_ACK : SL_WATCH_NOTHING);
	flow_of(fast, i, 0)->next_seq = opening->next_seq;
	flow_of(fast, i, 1)->window = opening->window;
	if (enter(fast, i))
		return true;
	fast->ops.remove(fast, id);
	fast->refused++;
	return false;
}

/* What its flows count is in the sums. */
static void count(struct sl_fast *fast, uint32_t i)
{
	struct sl_fast_slot *slot = &fast->slots[i];
	uint64_t packets = 0, bytes = 0;

	for (unsigned dir = 0; dir < 2; dir++) {
		const struct sl_flow *flow = flow_of(fast, i, dir);

		packets += __atomic_load_n(&flow->packets, __ATOMIC_RELAXED);
		bytes += __atomic_load_n(&flow->bytes, __ATOMIC_RELAXED);
	}
	fast->packets += packets - slot->live.counted[0];
	fast->bytes += bytes - slot->live.counted[1];
	slot->live.counted[0] = packets;
	slot->live.counted[1] = bytes;
}

void sl_fast_count(struct sl_fast *fast)
{
	uint64_t since = fast->now - fast->counted_at;
	uint64_t n = since / COUNT_NS > COUNT_MOST ? COUNT_MOST : since / COUNT_NS;

	if (since < COUNT_EVERY || !fast->used)
		return;
	fast->counted_at = fast->now;
	if (n > fast->fresh)
		n = fast->fresh;
	for (; n; n--) {
		fast->counting = fast->counting + 1 < fast->fresh ? fast->counting + 1 : 1;
		if (fast->slots[fast->counting].state == LIVE)
			count(fast, fast->counting);
	}
}

static void poll_flow(void *ctx, uint64_t id, struct sl_offload_counts *out)
{
	struct sl_fast *fast = ctx;
	uint32_t i = fast->index[search(fast, id)];
	struct sl_fast_slot *slot = &fast->slots[i];

	*out = (struct sl_offload_counts){0};
	if (!i || slot->state != LIVE)
		return;
	count(fast, i);
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
	if (slot->state == OPENING)
		take(fast, &fast->opening, i);
	rest(fast, i);
}

static void revoke_all(void *ctx)
{
	struct sl_fast *fast = ctx;

	sl_steer_revoke(fast->steer, fast->queue);
}

/* ---- time ------------------------------------------------------------------------------------ */

/* The first of a queue, if it has been there for long enough. */
static uint32_t grown(const struct sl_fast *fast, const struct sl_fast_queue *q)
{
	return q->count && fast->now - fast->slots[q->first].since >= YOUNG ? q->first : 0;
}

/* One of an old generation was revoked: the engine takes it back. */
static void make_live(struct sl_fast *fast, uint32_t i)
{
	struct sl_fast_slot *slot = &fast->slots[i];
	uint32_t generation = slot->waiting.generation;
	struct sl_rewrite rewrite[2];

	memcpy(rewrite, slot->waiting.rewrite, sizeof(rewrite));
	memset(&slot->live, 0, sizeof(slot->live));
	for (unsigned dir = 0; dir < 2; dir++)
		sl__flow_put(flow_of(fast, i, dir), &rewrite[dir], fast->net, fast->queue,
		        generation, SL_WATCH_NOT);
	slot->state = LIVE;
	if (enter(fast, i))
		fast->added++;
	else
		fast->refused++; /* nothing finds it: it is as one that nobody talks over */
}

/* The engine hands it down for good, or it is the engine's alone. */
static void offer(struct sl_fast *fast, uint32_t i)
{
	uint64_t id = fast->slots[i].id;

	fast->offered = i;
	if (!sl_offload_offer(fast->engine, fast->slots[i].opening))
		fast->ops.remove(fast, id);
	fast->offered = 0;
}

void sl_fast_work(struct sl_fast *fast, unsigned budget)
{
	uint32_t i;

	for (unsigned n = 0; n < budget && (i = grown(fast, &fast->resting)); n++) {
		take(fast, &fast->resting, i);
		give_free(fast, i);
	}
	for (unsigned n = 0; n < budget && (i = grown(fast, &fast->opening)); n++)
		offer(fast, i);
	for (unsigned n = 0; n < budget && (i = grown(fast, &fast->waiting)); n++) {
		take(fast, &fast->waiting, i);
		make_live(fast, i);
	}
}

/* ---- what the programs tell ------------------------------------------------------------------ */

static int hear(void *ctx, void *data, size_t size)
{
	struct sl_fast *fast = ctx;

	if (size >= sizeof(struct sl_told))
		fast->told(fast->told_ctx, data);
	return 0;
}

void sl_fast_listen(struct sl_fast *fast)
{
	if (fast->ring && fast->used)
		ring_buffer__consume(fast->ring);
}

static bool open_ring(struct sl_fast *fast)
{
	fast->ring_fd = sl_steer_ring(fast->steer, fast->queue);
	if (fast->ring_fd >= 0)
		fast->ring = ring_buffer__new(fast->ring_fd, hear, fast, NULL);
	return fast->ring != NULL;
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
	                                 .open = open_flow,
	                                 .remove = remove_flow,
	                                 .poll = poll_flow,
	                                 .revoke = revoke_all},
	        .steer = steer,
	        .net = net,
	        .base = queue * max,
	        .queue = queue,
	        .ring_fd = -1,
	        .max = max,
	        .fresh = 1,
	        .slots = calloc((size_t)max + 1, sizeof(*fast->slots)),
	        .index = calloc(size, sizeof(*fast->index)),
	        .index_size = size};
	return fast->slots && fast->index && open_ring(fast);
}

void sl_fast_fini(struct sl_fast *fast)
{
	ring_buffer__free(fast->ring);
	if (fast->slots && fast->ring_fd >= 0)
		close(fast->ring_fd);
	free(fast->slots);
	free(fast->index);
	fast->slots = NULL;
	fast->index = NULL;
	fast->ring = NULL;
}
