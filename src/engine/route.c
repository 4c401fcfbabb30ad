/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers of the embedder's routing table, remembered under a generation number: one small
 * direct-mapped cache. sl_routes_changed() makes every answer old at once.
 */
#include "engine/offload.h"

#include <string.h>

static uint32_t slot_of(const struct sl_engine *e, const struct sl_route_query *q)
{
	uint32_t w[12];

	memcpy(w, q->dst.b, 16);
	memcpy(w + 4, q->src.b, 16);
	w[8] = q->in_if;
	w[9] = q->vrf;
	w[10] = q->mark;
	w[11] = (uint32_t)q->family << 16 | (uint32_t)q->proto << 8 | q->from;
	return (uint32_t)sl__hash_words(&e->track.key, w, 12) & (SL_ROUTE_CACHE - 1);
}

static bool same(const struct sl_route_query *a, const struct sl_route_query *b)
{
	return sl_addr_eq(&a->dst, &b->dst) && sl_addr_eq(&a->src, &b->src) &&
	       a->in_if == b->in_if && a->vrf == b->vrf && a->mark == b->mark &&
	       a->family == b->family && a->proto == b->proto && a->from == b->from;
}

void sl__route(struct sl_engine *e, const struct sl_packet *p, const struct sl_parsed *parsed,
	struct sl_route *answer)
{
	struct sl_route_query query = {.dst = parsed->tuple.dst,
		.src = parsed->tuple.src,
		.in_if = p->in_if,
		.vrf = p->vrf,
		.mark = p->mark,
		.family = parsed->tuple.family,
		.proto = parsed->tuple.proto,
		.from = p->from};
	struct sl_cached_route *slot = &e->routes[slot_of(e, &query)];

	if (slot->generation != e->route_generation || !same(&slot->query, &query)) {
		slot->query = query;
		memset(&slot->answer, 0, sizeof(slot->answer));
		e->env.route(e->env.ctx, &query, &slot->answer);
		if (slot->answer.mtu == 0)
			slot->answer.mtu = 65535;
		slot->generation = e->route_generation;
	}
	*answer = slot->answer;
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
