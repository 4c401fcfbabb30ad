/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routes that conns know by a number of 8 bits, one for each direction. Few answers differ (by
 * interface, MTU, source address), however many conns there are; so a conn's packets find theirs in
 * one load, without asking anybody.
 *
 * When routes change every number is stale: no packet goes by it, and conns learn anew. But a
 * number must not mean another route while some idle conn still has it. So a sweep over all conns
 * clears stale numbers, a few conns at a call of the engine, and only then may they be given again.
 * While all are in use, conns know nothing (0) and their packets ask, as they would without all
 * this.
 *
 * Where chains see packets, a number also says that they say nothing of this conn's any more (sl_policy.steady,
 * foresees), and one number that they do.
 */
#include "engine/offload.h"

#define SWEEP_STEPS 64

static bool same_answer(const struct sl_route *a, const struct sl_route *b)
{
	return a->kind == b->kind && a->out_if == b->out_if && a->mtu == b->mtu &&
	       a->prefix == b->prefix && a->has_source == b->has_source &&
	       (!a->has_source || sl_addr_eq(&a->source, &b->source));
}

static bool holds_for(const struct sl_known_route *known, const struct sl_packet *p)
{
	return known->held && known->in_if == p->in_if && known->vrf == p->vrf &&
	       known->mark == p->mark;
}

/* The number of this route, perhaps a new one; 0: there is none to be had. */
static uint8_t number_of(struct sl_known_routes *known, const struct sl_packet *p,
        const struct sl_route *answer, bool counted)
{
	unsigned free = known->count < SL_KNOWN_SEEN - 1 ? known->count + 1 : 0;

	for (unsigned i = 1; i <= known->count; i++) {
		if (holds_for(&known->route[i], p) && known->route[i].counted == counted &&
		        same_answer(&known->route[i].answer, answer))
			return (uint8_t)i;
		if (!known->route[i].held && !known->route[i].stale)
			free = i;
	}
	if (!free)
		return 0;
	if (free > known->count)
		known->count = free;
	known->route[free] = (struct sl_known_route){.answer = *answer,
	        .in_if = p->in_if,
	        .vrf = p->vrf,
	        .mark = p->mark,
	        .live = !counted,
	        .held = true,
	        .counted = counted};
	return (uint8_t)free;
}

void sl__known_learn(struct sl_engine *e, struct sl_conn *conn, const struct sl_packet *p,
        const struct sl_route *answer, bool counted)
{
	struct sl_known_route *known = &e->known.route[conn->route[p->dir]];

	if (holds_for(known, p) && known->counted == counted && same_answer(&known->answer, answer))
		return;
	conn->route[p->dir] = number_of(&e->known, p, answer, counted);
}

void sl__known_learn_cached(struct sl_engine *e, struct sl_conn *conn, const struct sl_packet *p,
        struct sl_cached_route *route)
{
	if (!route->known)
		route->known = number_of(&e->known, p, &route->answer, false);
	conn->route[p->dir] = route->known;
}

void sl__known_refuse(struct sl_engine *e, struct sl_conn *conn, enum sl_dir dir)
{
	if (e->known.route[SL_KNOWN_SEEN].stale)
		return;
	conn->route[dir] = SL_KNOWN_SEEN;
	e->known.refused = true;
}

void sl__known_uncount(struct sl_engine *e)
{
	for (unsigned i = 1; i <= e->known.count; i++)
		e->known.route[i].counted = false;
}

void sl__known_forget(struct sl_engine *e)
{
	for (unsigned i = 0; i < SL_ROUTE_CACHE; i++)
		e->routes[i].known = 0;
	for (unsigned i = 1; i <= e->known.count; i++) {
		e->known.route[i].stale |= e->known.route[i].held;
		e->known.route[i].live = e->known.route[i].held = false;
	}
	e->known.route[SL_KNOWN_SEEN].stale |= e->known.refused;
	e->known.refused = false;
	/* Begin again: what became stale just now may be where an earlier sweep has been. */
	e->known.sweeping = e->known.count || e->known.route[SL_KNOWN_SEEN].stale;
	e->known.cursor = e->known.swept = 0;
}

static void finish(struct sl_known_routes *known)
{
	for (unsigned i = 1; i <= known->count; i++)
		known->route[i].stale = false;
	known->route[SL_KNOWN_SEEN].stale = false;
	known->sweeping = false;
}

static void clear_stale(struct sl_engine *e, struct sl_conn *conn)
{
	const struct sl_known_routes *known = &e->known;

	for (unsigned dir = 0; dir < 2; dir++)
		if (known->route[conn->route[dir]].stale) {
			sl__offload_stale(e, conn);
			conn->route[dir] = 0;
		}
}

void sl__known_sweep(struct sl_engine *e)
{
	struct sl_known_routes *known = &e->known;
	struct sl_slab *conns = &e->track.conns[known->swept];
	uint32_t budget = SWEEP_STEPS, ref;

	while ((ref = sl__slab_next(conns, &known->cursor, &budget)))
		clear_stale(e, sl__slab_at(conns, ref));
	if (known->cursor)
		return; /* more to see */
	if (known->swept++)
		finish(known);
}
