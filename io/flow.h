/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_FLOW_H
#define SLUICE_IO_FLOW_H

/* From the engine's word on how to treat packets (sl_rewrite) to what the BPF programs read
 * (bpf/flow.h). */
#include "bpf/flow.h"
#include "io/net.h"

union sl_flow_key {
	struct sl_flow_key4 v4;
	struct sl_flow_key6 v6;
};

void sl__flow_key(union sl_flow_key *key, const struct sl_rewrite *r);
/* Everything but the counters, which begin at 0; the programs may look from the moment it has its
 * generation. */
void sl__flow_put(struct sl_flow *flow, const struct sl_rewrite *r, struct sl_net *net,
        unsigned queue, uint32_t generation);

#endif
