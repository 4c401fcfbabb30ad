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
struct sl_flow_bucket;
struct sl_steer_bpf; /* the generated skeleton */

struct sl_steer {
	struct sl_steer_bpf *bpf;
	struct sl_steer_config *config; /* shared with the programs */
	struct sl_flow *flows;          /* so are these: two for each connection of the fast path, */
	struct sl_flow_bucket *index;   /* and how to find them */
	size_t flows_size, index_size;  /* bytes */
};

/* Load; nothing is attached yet. flows: connections that the fast path has room for. False: said on
 * stderr. */
bool sl_steer_init(struct sl_steer *steer, uint32_t tap, bool open, unsigned queues, uint32_t flows);
/* Does not detach. */
void sl_steer_fini(struct sl_steer *steer);

/* On the TAP device. False: said on stderr. */
bool sl_steer_attach_tap(struct sl_steer *steer);
/*
 * On a managed interface, in the place of what may be there. ether: it has Ethernet headers. inside:
 * see sl_home(). False: said on stderr.
 */
bool sl_steer_attach(struct sl_steer *steer, uint32_t ifindex, const char *name, bool ether, bool inside);
/* The program that tells the TAP device which queue a frame is for. */
int sl_steer_queue_program(const struct sl_steer *steer);
/* Removes our programs, and the clsact of the interface if nothing else uses it. True: there were
 * some. */
bool sl_steer_clean(uint32_t ifindex);

/* An address is this machine's, or one that source NAT gives out (enum sl_steer_own); 0: neither, any more. */
void sl_steer_own(struct sl_steer *steer, const struct sl_addr *addr, uint8_t what);

/* A ring through which the programs tell that engine of packets. -1: there is none; errno says why. */
int sl_steer_ring(struct sl_steer *steer, unsigned queue);
/* What that engine has put there so far holds no more, from now on. */
void sl_steer_revoke(struct sl_steer *steer, unsigned queue);

/* That engine looks for packets at this time. */
static inline void sl_steer_beat(struct sl_steer *steer, unsigned queue, uint64_t now)
{
	__atomic_store_n(&steer->config->beat[queue], now, __ATOMIC_RELAXED);
}
/* When the one looked that did so longest ago. */
uint64_t sl_steer_oldest_beat(const struct sl_steer *steer);

void sl_steer_counts(const struct sl_steer *steer, uint64_t counts[SL_STEER_COUNT]);

#endif
