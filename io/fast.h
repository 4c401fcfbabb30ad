/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_FAST_H
#define SLUICE_IO_FAST_H

/*
 * The fast path: established connections that the engine handed down (sl_env.offload) are
 * translated and sent on by the BPF program of the interface they come by (bpf/fast.bpf.h).
 */
#include "io/net.h"
#include "io/steer.h"

struct ring_buffer;
struct sl_fast_slot;
struct sl_told;

/* Slots in a row, by number; 0: none. */
struct sl_fast_queue {
	uint32_t first, last, count;
};

struct sl_fast {
	struct sl_offload ops; /* for sl_env.offload */
	struct sl_steer *steer;
	struct sl_net *net;
	/* Slot i has the flows (base + i - 1) * 2 and + 1 in the array that the programs read. Slot
	 * 0 is none. */
	struct sl_fast_slot *slots; /* NULL: not in use */
	uint32_t base, max;
	unsigned queue;  /* the engine's number */
	uint32_t *index; /* numbers of slots by their conn's id, open addressing; 0: unused */
	uint32_t index_size;
	uint32_t used, fresh; /* handed down; slots from `fresh` on were never taken */
	/* By state, oldest first (io/fast.c). */
	struct sl_fast_queue opening, waiting, resting;
	struct sl_fast_queue free; /* the last one first: it is warm */
	uint32_t offered;          /* the slot that the engine is being asked about */
	uint64_t now;              /* set by sl_fast_look() */
	uint64_t added, refused;
	uint64_t packets, bytes; /* forwarded by the programs, as far as it is known */
	uint32_t counting;       /* the slot where the next look at what they count begins */
	uint64_t counted_at;
	struct ring_buffer *ring;
	int ring_fd;
	/* The embedder's, set after sl_fast_init(): */
	struct sl_engine *engine;
	void (*told)(void *ctx, const struct sl_told *told); /* a packet that was let through */
	void *told_ctx;
};

/*
 * max: connections of this engine, which is number `queue`; each has room for as many. False: no
 * memory. Needs `steer` and `net` for as long as it lives.
 */
bool sl_fast_init(struct sl_fast *fast, struct sl_steer *steer, struct sl_net *net, unsigned queue,
        uint32_t max);
void sl_fast_fini(struct sl_fast *fast);

/* Look at what the programs count, at some of the connections: all are seen in a few seconds. */
void sl_fast_count(struct sl_fast *fast);

/* What the time is: before the engine is called. */
static inline void sl_fast_look(struct sl_fast *fast, uint64_t now)
{
	fast->now = now;
}
/* Is there something to do that no packet will remind of? */
static inline bool sl_fast_pending(const struct sl_fast *fast)
{
	return fast->waiting.count || fast->opening.count;
}
/* Calls `told` for each packet that the programs let through since. */
void sl_fast_listen(struct sl_fast *fast);
/* See to what has waited for long enough: at most so many of each sort. */
void sl_fast_work(struct sl_fast *fast, unsigned budget);

#endif
