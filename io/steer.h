/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_STEER_H
#define SLUICE_IO_STEER_H

/*
 * The BPF programs of bpf/steer.bpf.c, loaded and attached. They outlive a gateway that is
 * killed (that is how they drop what nobody decides on); sl_steer_clean() finds what is left of
 * one by the place where it stands.
 */
#include <sluice/sluice.h>

#include "bpf/steer.h"

struct sl_flow;
struct sl_steer_bpf; /* the generated skeleton */

struct sl_steer {
	struct sl_steer_bpf *bpf;
	struct sl_steer_config *config; /* shared with the programs */
	struct sl_flow *flows;          /* so are these: two for each connection of the fast path */
	size_t flows_size;              /* bytes */
};

/* Load; nothing is attached yet. flows: connections that the fast path has room for. False: said on
 * stderr. */
bool sl_steer_init(struct sl_steer *steer, uint32_t tap, bool open, uint32_t flows);
/* Does not detach. */
void sl_steer_fini(struct sl_steer *steer);

/* On the TAP device. False: said on stderr. */
bool sl_steer_attach_tap(struct sl_steer *steer);
/* On a managed interface, in the place of what may be there. False: said on stderr. */
bool sl_steer_attach(struct sl_steer *steer, uint32_t ifindex, const char *name);
/* Removes our programs, and the clsact of the interface if nothing else uses it. True: there were
 * some. */
bool sl_steer_clean(uint32_t ifindex);

/* The addresses that count as this machine's when the gateway is gone. */
void sl_steer_own(struct sl_steer *steer, const struct sl_addr *addr, bool is);

/* The map that leads from keys to places in `flows`, of IPv4 or IPv6. */
int sl_steer_flows(const struct sl_steer *steer, bool v6);
/* What that engine has put there so far holds no more, from now on. */
void sl_steer_revoke(struct sl_steer *steer, unsigned queue);

/* Packets are looked for at this time. */
static inline void sl_steer_beat(struct sl_steer *steer, uint64_t now)
{
	__atomic_store_n(&steer->config->beat, now, __ATOMIC_RELAXED);
}

void sl_steer_counts(const struct sl_steer *steer, uint64_t counts[SL_STEER_COUNT]);

#endif
