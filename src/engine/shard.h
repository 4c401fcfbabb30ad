/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One engine among several: what belongs to another one is handed over. (src/engine/home.c,
 * shard.c)
 */
#ifndef SL_ENGINE_SHARD_H
#define SL_ENGINE_SHARD_H

#include "engine/engine.h"

/* What is known of a packet's ends. */
struct sl_sides {
	bool from_us, to_us; /* an address of the gateway's own, or one that source NAT gives out */
	bool from_inside, to_inside;
};

uint16_t sl__home_of(const struct sl_tuple *t, const struct sl_sides *sides, uint16_t shards);
uint16_t sl__home_of_fragment(const struct sl_tuple *t, uint16_t shards);
/* An ICMP error goes where answers to the packet go that it quotes. False: it quotes too little. */
bool sl__answers_to_quoted(
        const struct sl_packet *p, const struct sl_parsed *parsed, struct sl_tuple *back);

/* A fragment that another shard is to gather: w->to_shard is set. */
bool sl__fragment_elsewhere(struct sl_work *w);
/* A packet of no conn here that belongs to another shard: w->to_shard is set. */
bool sl__elsewhere(struct sl_work *w, uint16_t zone);
/*
 * The first packet of a conn here got its destination NAT, or found no port of ours for source
 * NAT (SL_WHY_OTHER_SHARD): does it move to another shard? w->to_shard is set.
 */
bool sl__moves(struct sl_work *w);
bool sl__moves_for_port(struct sl_work *w);
/* What destination NAT was decided to be before it was handed to us. False: nothing was. */
bool sl__handed_nat(const struct sl_work *w, struct sl_nat_range *range);
/* The packet as it came, and its verdict. */
void sl__hand_over(struct sl_work *w);

void sl__shards_fini(struct sl_shards *s, const struct sl_mem *mem);

#endif
