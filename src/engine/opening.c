/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The short path of a packet that opens a TCP or UDP connection: what input.c and classify.c do, without the steps
 * that cannot have anything to do for it. That nobody has its tuple, and that its headers are sound, is known
 * from the passes that looked at it before its turn (established.c).
 *
 * Whether it is such a packet is found out before anything is done; each condition may be stricter than
 * needed, never looser. tests/unit/established.c holds it against the long way.
 */
#include "engine/size.h"

#include "base/inline.h"
#include "base/wire.h"
#include "track/tcp_usual.h"
#include "track/udp_usual.h"

enum { IPV6_HEADER = 40 };

/* ---- its headers ----------------------------------------------------------------------------- */

SL_INLINE void see_ip(const uint8_t *d, struct sl_parsed *out, bool v6)
{
	uint32_t frag;

	if (v6) {
		out->tuple.src = sl_addr_v6(d + 8);
		out->tuple.dst = sl_addr_v6(d + 24);
		out->tos = (uint8_t)(sl_get16(d) >> 4);
		out->ttl = d[7];
		return;
	}
	frag = sl_get16(d + 6);
	out->tuple.src = sl_addr_v4(d + 12);
	out->tuple.dst = sl_addr_v4(d + 16);
	out->tos = d[1];
	out->ttl = d[8];
	out->frag_id = sl_get16(d + 4);
	out->dont_fragment = frag & 0x4000;
}

SL_INLINE void see_tcp(const uint8_t *l4, struct sl_parsed *out)
{
	out->seq = sl_get32(l4 + 4);
	out->ack = sl_get32(l4 + 8);
	out->payload = out->l4 + (uint32_t)(l4[12] >> 4) * 4;
	out->tcp_flags = l4[13];
	out->window = sl_get16(l4 + 14);
}

/* As sl__parse() has it: lengths are right, there are no options or extension headers, it is no fragment. */
static void see(const struct sl_packet *p, const struct sl_glance *g, struct sl_parsed *out)
{
	*out = (struct sl_parsed){.tuple = {.sport = (uint16_t)g->ports,
	                                  .dport = (uint16_t)(g->ports >> 16),
	                                  .proto = g->proto,
	                                  .family = g->l4 == IPV6_HEADER ? SL_IPV6 : SL_IPV4},
	        .len = g->len,
	        .l4 = g->l4,
	        .payload = g->l4 + 8u};
	if (out->tuple.family == SL_IPV6)
		see_ip(p->data, out, true);
	else
		see_ip(p->data, out, false);
	if (g->proto == SL_PROTO_TCP)
		see_tcp(p->data + g->l4, out);
}

/* ---- is it a usual one? --------------------------------------------------------------------- */

static bool is_full(const struct sl_track *t)
{
	return sl__slab_count(&t->conns[0]) + sl__slab_count(&t->conns[1]) >= t->conn_max;
}

static bool is_expected(struct sl_work *w)
{
	struct sl_track *t = &w->e->track;

	return t->expects.shadows ||
	       (t->expects.count && sl__expect_match(t, &w->parsed.tuple, w->p->zone));
}

/* No rule has a say before it is tracked, nobody has announced it, and nothing is left to be checked. */
static bool is_usual(struct sl_work *w)
{
	const struct sl_engine *e = w->e;
	const struct sl_packet *p = w->p;

	return (p->csum != SL_CSUM_NONE || !e->track.set.checksum) && p->gso == SL_GSO_NONE &&
	       (w->parsed.tuple.proto == SL_PROTO_UDP ||
	               (w->parsed.tcp_flags & ~(SL_ECE | SL_CWR)) == SL_SYN) &&
	       !(e->stages[SL_PREROUTING] & 1u << SL_BEFORE_TRACK) && e->config.shards <= 1 &&
	       !p->handed.translated && !e->track.tracing && !is_full(&e->track) && !is_expected(w);
}

/* ---- its way --------------------------------------------------------------------------------- */

/* What is known of the conn's tuples: that of its answers only if it is as was guessed. */
SL_INLINE void claim(struct sl_work *w, bool v6)
{
	const struct sl_engine *e = w->e;
	const struct sl_glance *g = w->stranger;

	w->claim = (struct sl_claim){.hash = {g->hash, g->answers},
	        .spot = {g->spot},
	        .changes = e->track.table.changes,
	        .guess = g->turn == e->likely_turn[v6] ? e->likely[v6] : NULL,
	        .free = 1 << SL_ORIGINAL};
}

/* As classify.c has it. False: nothing was done, but perhaps *why says that it must not pass. */
static bool track(struct sl_work *w, bool v6, enum sl_reason *why)
{
	struct sl_track *t = &w->e->track;
	struct sl_conn *conn = sl__conn_new(t, &w->parsed.tuple, w->p->zone, 3, why);

	if (!conn)
		return false;
	w->p->conn = w->conn = conn;
	w->p->state = SL_CT_NEW;
	w->fresh = true;
	if (w->stranger->proto == SL_PROTO_UDP)
		sl__udp_begin(t, conn);
	else
		sl__tcp_begin(t, conn, w->p, &w->parsed);
	conn->count[SL_ORIGINAL].packets = 1;
	conn->count[SL_ORIGINAL].bytes = w->stranger->len;
	claim(w, v6);
	return true;
}

/* Destination NAT. Most rulesets have nothing to say about destinations. */
static enum sl_reason translate_destination(struct sl_work *w, bool v6)
{
	if (!w->e->translates[v6])
		return SL_WHY_NONE;
	if (w->e->nat_hooks[v6] >> SL_PREROUTING & 1)
		return sl__translate(w, SL_PREROUTING);
	w->conn->status |= SL_DST_NAT_DONE; /* sl__nat_setup_none() */
	return SL_WHY_NONE;
}

static enum sl_reason translate_source(struct sl_work *w, bool v6)
{
	enum sl_reason why;

	if (!w->e->translates[v6])
		return SL_WHY_NONE;
	if (!(w->e->nat_hooks[v6] >> SL_POSTROUTING & 1))
		return sl__translate(w, SL_POSTROUTING);
	why = sl__translate_decide(w, SL_POSTROUTING);
	return why == SL_WHY_NONE ? sl__nat_first_source(w->conn, w->p, &w->parsed) : why;
}

static enum sl_reason pass_prerouting(struct sl_work *w, bool v6)
{
	enum sl_reason why = sl__ask(w, SL_PREROUTING, SL_BEFORE_NAT);

	if (why == SL_WHY_NONE)
		why = translate_destination(w, v6);
	return why == SL_WHY_NONE ? sl__ask(w, SL_PREROUTING, SL_AFTER_NAT) : why;
}

static enum sl_reason pass_forward(struct sl_work *w)
{
	enum sl_reason why = sl__ask(w, SL_FORWARD, SL_BEFORE_NAT);

	return why == SL_WHY_NONE ? sl__ask(w, SL_FORWARD, SL_AFTER_NAT) : why;
}

static enum sl_reason pass_postrouting(struct sl_work *w, bool v6)
{
	enum sl_reason why = sl__ask(w, SL_POSTROUTING, SL_BEFORE_NAT);

	if (why == SL_WHY_NONE)
		why = translate_source(w, v6);
	return why == SL_WHY_NONE ? sl__ask(w, SL_POSTROUTING, SL_AFTER_NAT) : why;
}

/* As sl__leave() has it, where no helper and nothing rare is attached. */
static enum sl_reason leave(struct sl_work *w)
{
	enum sl_reason why;

	if (w->conn->ext || !sl__list_empty(&w->e->helping.registry.entries))
		return sl__leave(w, SL_POSTROUTING);
	why = sl__ask(w, SL_POSTROUTING, SL_AFTER_HELPER);
	if (why == SL_WHY_NONE)
		why = sl__confirm_fresh(w);
	if (why != SL_WHY_NONE || w->parsed.len <= w->route.mtu)
		return why;
	return sl__fit(w);
}

/* As sl__find_route() has it for a packet from the wire without IP options. */
static struct sl_cached_route *find_route(struct sl_work *w)
{
	struct sl_cached_route *route = sl__route_cached(w->e, w->p, &w->parsed);

	w->route = route->answer;
	w->p->out_if = w->route.out_if;
	w->p->mtu = w->route.mtu;
	return route;
}

static enum sl_reason forward(struct sl_work *w, struct sl_cached_route *route, bool v6)
{
	enum sl_reason why = sl__hop(w);

	if (why == SL_WHY_NONE && !w->e->ruled) /* its packets need not ask for their route */
		sl__known_learn_cached(w->e, w->conn, w->p, route);
	if (why == SL_WHY_NONE)
		why = pass_forward(w);
	if (why == SL_WHY_NONE)
		why = pass_postrouting(w, v6);
	return why == SL_WHY_NONE ? leave(w) : why;
}

static enum sl_reason walk(struct sl_work *w, bool v6)
{
	enum sl_reason why = pass_prerouting(w, v6);
	struct sl_cached_route *route;

	if (why != SL_WHY_NONE)
		return why;
	route = find_route(w);
	if (!sl__routed(&w->route))
		return SL_WHY_NO_ROUTE;
	w->p->to = w->route.kind == SL_ROUTE_FORWARD ? SL_TO_FORWARD : SL_TO_LOCAL;
	return w->p->to == SL_TO_FORWARD ? forward(w, route, v6)
	                                 : sl__walk_routed(w, SL_PREROUTING);
}

bool sl__open_usual(struct sl_work *w, enum sl_reason *why)
{
	const bool v6 = w->stranger->l4 == IPV6_HEADER;

	see(w->p, w->stranger, &w->parsed);
	if (!is_usual(w))
		return false;
	*why = SL_WHY_NONE;
	if (!track(w, v6, why))
		return false;
	w->came = w->stranger->len;
	*why = walk(w, v6);
	return true;
}
