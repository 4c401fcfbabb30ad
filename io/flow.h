/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_FLOW_H
#define SLUICE_IO_FLOW_H

/*
 * Entries of the fast path (bpf/flow.h) out of the engine's rewrite records, and their index. Several
 * threads may put and take entries of their own.
 */
#include "bpf/flow.h"
#include "io/net.h"
#include "io/steer.h"

union sl_flow_key {
	struct sl_flow_key4 v4;
	struct sl_flow_key6 v6;
	uint32_t words[SL_FLOW_WORDS6];
};

void sl__flow_key(union sl_flow_key *key, const struct sl_rewrite *r);
/*
 * Fill a flow; it holds from the store of its generation on. `net` is asked for the next hop. Watched as
 * `watch` says; numbers for that are the caller's.
 */
void sl__flow_put(struct sl_flow *flow, const struct sl_rewrite *r, struct sl_net *net,
        unsigned queue, uint32_t generation, enum sl_flow_watch watch);

/* The flow at `place` can be found by its key from now on. False: its bucket is full. */
bool sl__flow_enter(struct sl_steer *steer, uint32_t place);
/* ... no more. */
void sl__flow_leave(struct sl_steer *steer, uint32_t place);

#endif
