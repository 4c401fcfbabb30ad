/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragments on their way through the engine. A fragment is put to the others; the one that
 * completes a datagram has the whole walk in its place (w->p), as Linux does, before any hook
 * sees it. When the walk is over, what became of the whole is told of that fragment, and the
 * whole leaves by emit(): in fragments again, unless it goes to the local stack.
 *
 * The last fragment stays the embedder's until then, so that a whole that is dropped is an
 * ordinary drop of it.
 */
#include "engine/engine.h"
#include "engine/refragment.h"

enum { NO_MTU = 65535, FRAGMENT_HEADER = 8 };

/* ---- in -------------------------------------------------------------------------------------- */

static enum sl_reason add(struct sl_work *w)
{
	struct sl_engine *e = w->e;
	struct sl_track *t = &e->track;
	enum sl_reason why = SL_WHY_NONE;

	e->fragments.timeout_ms[0] = t->set.frag_timeout * 1000;
	e->fragments.timeout_ms[1] = t->set.frag6_timeout * 1000;
	switch (sl__fragment_add(&e->fragments, w->p, &w->parsed, w->p->zone, t->now_ms, &e->whole, &why)) {
	case SL_FRAGMENT_QUEUED:
		w->p->verdict = SL_QUEUED;
		SL_TRACE(t, NULL, "fragment", "waits for the others of its datagram");
		return SL_WHY_NONE;
	case SL_FRAGMENT_COMPLETE:
		w->p = &e->whole.packet;
		SL_TRACE(t, NULL, "fragment", "completes a datagram of %u bytes", (unsigned)w->p->len);
		return SL_WHY_NONE;
	case SL_FRAGMENT_PASS:
		if (w->parsed.frag == SL_FRAG_FIRST)
			why = sl__parse_first(w->p, &w->parsed);
		w->p->reason = (uint16_t)why; /* INVALID, if there is one */
		return SL_WHY_NONE;
	case SL_FRAGMENT_DROP:
		break;
	}
	return why;
}

enum sl_reason sl__gather(struct sl_work *w)
{
	if (w->parsed.frag)
		return add(w);
	if (w->parsed.frag_header + FRAGMENT_HEADER == w->parsed.len)
		return SL_WHY_FRAG_MALFORMED; /* of nothing at all */
	sl__fragment_strip_atomic(w->p, &w->parsed);
	return SL_WHY_NONE;
}

/* ---- out ------------------------------------------------------------------------------------- */

static void emit(void *ctx, struct sl_packet *p)
{
	struct sl_engine *e = ctx;

	e->env.emit(e->env.ctx, p, e->track.packet);
}

static uint32_t mtu_of(const struct sl_packet *p)
{
	return p->mtu ? p->mtu : NO_MTU;
}

/* Linux answers these with an ICMP error: what came was longer than what may leave. */
static bool too_big(const struct sl_frag_whole *whole)
{
	bool fixed = whole->packet.data[0] >> 4 == 6 || whole->shape.dont_fragment;

	return whole->packet.to == SL_TO_FORWARD && fixed && whole->shape.max > mtu_of(&whole->packet);
}

static bool has_l4(const struct sl_parsed *parsed)
{
	switch (parsed->tuple.proto) {
	case SL_PROTO_TCP:
	case SL_PROTO_UDP:
	case SL_PROTO_UDPLITE:
	case SL_PROTO_SCTP:
	case SL_PROTO_ICMPV6:
		return true;
	default:
		return false;
	}
}

/*
 * Not so, if headers were missing in the first fragment that each should have: Linux looks for them there.
 * But where NAT wrote into the transport header, all up to that is in one piece.
 */
static bool can_leave(const struct sl_frag_whole *whole)
{
	const struct sl_packet *p = &whole->packet;
	struct sl_parsed parsed;

	return p->to == SL_TO_LOCAL || sl__parse_fatal(sl__parse_whole(p, &parsed)) ||
	       !sl__refragment_needed(&parsed, &whole->shape, mtu_of(p)) ||
	       (p->altered && has_l4(&parsed)) || sl__refragment_possible(p, &parsed, &whole->shape);
}

/* Send the whole. It is no longer ours afterwards. */
static enum sl_reason send(struct sl_engine *e, struct sl_packet *whole)
{
	const struct sl_frag_shape *shape = &e->whole.shape;
	struct sl_parsed parsed;
	bool sent;

	if (whole->to == SL_TO_LOCAL || sl__parse_fatal(sl__parse_whole(whole, &parsed)) ||
		!sl__refragment_needed(&parsed, shape, mtu_of(whole))) {
		emit(e, whole);
		return SL_WHY_NONE;
	}
	sent = sl__refragment(&e->env, whole, &parsed, shape, mtu_of(whole),
		sl__random_u32(&e->fragment_random) | 1, emit, e);
	e->env.free(e->env.ctx, whole);
	return sent ? SL_WHY_NONE : SL_WHY_KEEP_FAILED;
}

/* What the whole was found to be, its last fragment is. */
static void tell(const struct sl_packet *whole, struct sl_packet *last)
{
	last->mark = whole->mark;
	last->verdict = whole->verdict;
	last->to = whole->to;
	last->state = whole->state;
	last->dir = whole->dir;
	last->reason = whole->reason;
	last->shard = whole->shard;
	last->mtu = whole->mtu;
	last->altered = 1;
	last->beyond = whole->beyond;
	last->out_if = whole->out_if;
	last->conn = whole->conn;
}

/* Why the whole may not leave, or its last fragment may not be taken. */
static enum sl_reason obstacle(struct sl_engine *e, struct sl_packet *last)
{
	const struct sl_packet *whole = &e->whole.packet;

	if (whole->verdict == SL_DROP)
		return (enum sl_reason)whole->reason;
	if (whole->verdict == SL_ACCEPT && too_big(&e->whole))
		return SL_WHY_TOO_BIG;
	if (whole->verdict == SL_ACCEPT && !can_leave(&e->whole))
		return SL_WHY_BAD_EXTENSIONS;
	return e->env.emit && e->env.keep(e->env.ctx, last) ? SL_WHY_NONE : SL_WHY_KEEP_FAILED;
}

/* The whole belongs to another shard: it goes there in pieces, as it came. */
static void hand_on(struct sl_engine *e, struct sl_packet *last)
{
	struct sl_packet *whole = &e->whole.packet;

	if (e->env.emit && e->env.keep(e->env.ctx, last)) {
		whole->to = SL_TO_FORWARD;
		last->verdict = SL_TAKEN;
		last->reason = (uint16_t)send(e, whole);
		e->env.free(e->env.ctx, last);
		return;
	}
	e->env.free(e->env.ctx, whole);
	last->verdict = SL_DROP;
	last->reason = SL_WHY_KEEP_FAILED;
}

void sl__scatter(struct sl_engine *e, struct sl_packet *last)
{
	struct sl_packet *whole = &e->whole.packet;
	bool ours = whole->verdict == SL_ACCEPT || whole->verdict == SL_DROP; /* not held */
	enum sl_reason why;

	tell(whole, last);
	if (whole->verdict == SL_HANDOVER) {
		hand_on(e, last);
		return;
	}
	why = obstacle(e, last);
	if (whole->verdict == SL_DROP || why != SL_WHY_NONE) {
		if (ours)
			e->env.free(e->env.ctx, whole);
		last->verdict = SL_DROP;
		last->reason = (uint16_t)why;
		return;
	}
	last->verdict = SL_TAKEN;
	if (ours)
		why = send(e, whole);
	if (why != SL_WHY_NONE)
		last->reason = (uint16_t)why;
	e->env.free(e->env.ctx, last);
}
