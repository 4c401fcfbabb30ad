/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers of the embedder's routing table, remembered under a generation number: one small
 * direct-mapped cache. sl_routes_changed() makes every answer old at once.
 * With each answer stands the number by which conns know it (known.c), so that those that begin need not look for it.
 */
#include "engine/offload.h"

#include <string.h>

/* Only what differs from packet to packet is hashed well: what the rest adds spreads a few interfaces. */
static uint32_t slot_of(const struct sl_engine *e, const struct sl_route_query *q)
{
	const struct sl_hash_key *key = &e->track.key;
	uint32_t rest = (uint32_t)q->family << 16 | (uint32_t)q->proto << 8 | q->from, w[10];
	uint64_t hash;

	rest ^= q->vrf << 24 ^ q->mark << 17;
	if (q->family == SL_IPV6) {
		memcpy(w, q->dst.b, 16);
		memcpy(w + 4, q->src.b, 16);
		w[8] = q->in_if;
		w[9] = rest;
		hash = sl__hash_words(key, w, 10);
	} else {
		memcpy(w, q->dst.b + 12, 4);
		memcpy(w + 1, q->src.b + 12, 4);
		w[2] = q->in_if;
		w[3] = rest;
		hash = sl__hash_4(key, w); /* its upper half is as good unfinished */
	}
	return (uint32_t)(hash >> 32) & (SL_ROUTE_CACHE - 1);
}

static bool same(const struct sl_route_query *a, const struct sl_route_query *b)
{
	return sl_addr_eq(&a->dst, &b->dst) && sl_addr_eq(&a->src, &b->src) &&
	       a->in_if == b->in_if && a->vrf == b->vrf && a->mark == b->mark &&
	       a->family == b->family && a->proto == b->proto && a->from == b->from &&
	       a->first_address == b->first_address;
}

static void ask(struct sl_engine *e, struct sl_cached_route *slot)
{
	memset(&slot->answer, 0, sizeof(slot->answer));
	e->env.route(e->env.ctx, &slot->query, &slot->answer);
	if (slot->answer.mtu == 0)
		slot->answer.mtu = 65535;
	slot->generation = e->route_generation;
	slot->known = 0;
}

static struct sl_cached_route *look_up(struct sl_engine *e, const struct sl_route_query *query)
{
	struct sl_cached_route *slot = &e->routes[slot_of(e, query)];

	if (slot->generation != e->route_generation || !same(&slot->query, query)) {
		slot->query = *query;
		ask(e, slot);
	}
	return slot;
}

struct sl_cached_route *sl__route_cached(
	struct sl_engine *e, const struct sl_packet *p, const struct sl_parsed *parsed)
{
	struct sl_route_query query = {.dst = parsed->tuple.dst,
		.src = parsed->tuple.src,
		.in_if = p->in_if,
		.vrf = p->vrf,
		.mark = p->mark,
		.family = parsed->tuple.family,
		.proto = parsed->tuple.proto,
		.from = p->from};

	return look_up(e, &query);
}

const struct sl_route *sl__route_redirect(
	struct sl_engine *e, const struct sl_packet *p, const struct sl_parsed *parsed)
{
	struct sl_route_query query = {.dst = parsed->tuple.src,
		.src = parsed->tuple.dst,
		.in_if = p->in_if,
		.vrf = p->vrf,
		.mark = p->mark,
		.family = parsed->tuple.family,
		.proto = parsed->tuple.proto,
		.from = SL_FROM_LOCAL,
		.first_address = true};

	return &look_up(e, &query)->answer;
}

void sl__route(struct sl_engine *e, const struct sl_packet *p, const struct sl_parsed *parsed,
	struct sl_route *answer)
{
	*answer = sl__route_cached(e, p, parsed)->answer;
}

void sl_routes_changed(struct sl_engine *engine)
{
	if (++engine->route_generation == 0) { /* all the way round: 0 means empty */
		memset(engine->routes, 0, sizeof(engine->routes));
		engine->route_generation = 1;
	}
	sl__known_forget(engine);
	sl__offload_revoke(engine);
}
