/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_FAST_H
#define SLUICE_IO_FAST_H

/*
 * The fast path: established connections that the engine handed down (sl_env.offload) are
 * translated and sent on by the BPF program of the interface they come by (bpf/fast.h).
 */
#include "io/net.h"
#include "io/steer.h"

struct sl_fast_slot;

struct sl_fast_wait {
	uint64_t id, since;
};

struct sl_fast {
	struct sl_offload ops; /* for sl_env.offload */
	struct sl_steer *steer;
	struct sl_net *net;
	struct sl_fast_slot *slots; /* open addressing, by the connection's id */
	uint32_t size, used, max;
	/* Handed down, but not in the maps yet: a ring, oldest first. */
	struct sl_fast_wait *waiting;
	uint32_t first, n_waiting;
	uint64_t now; /* set by sl_fast_look() */
	uint64_t added, refused;
};

/* max: connections. False: no memory. Needs `steer` and `net` for as long as it lives. */
bool sl_fast_init(struct sl_fast *fast, struct sl_steer *steer, struct sl_net *net, uint32_t max);
void sl_fast_fini(struct sl_fast *fast);

/* What the time is: before the engine is called. */
static inline void sl_fast_look(struct sl_fast *fast, uint64_t now)
{
	fast->now = now;
}
/* Put what has waited long enough into the maps, at most so many. */
void sl_fast_work(struct sl_fast *fast, unsigned budget);

#endif
