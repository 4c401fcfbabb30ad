/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What leaves must fit its way.
 *
 *   GSO, segments fit	    whole, however long it is; the device cuts it
 *   GSO TCP, they do not   whole, to be cut into shorter segments (only without DF: with it, and
 *			    over IPv6, the sender was told already: hop.c)
 *   GSO UDP, they do not   cut into its datagrams here, and those into fragments
 *   IPv4 without DF	    fragments (refragment.c)
 *   anything else	    dropped, and the sender is told how long it may be
 *
 * A packet that a helper's edit made too long is no different, except that TCP was split by the
 * helper runtime already, and that the sender is told of the MTU less what was added: it cannot
 * know of our additions.
 *
 * UDP super-packets of a connection with a helper are cut into datagrams before the helper sees
 * them: each is a message. TCP's are read and edited whole.
 *
 * Ownership. A packet that leaves in parts is kept (env.keep), given back at once, and its
 * verdict is SL_TAKEN; the parts are fresh packets that leave by env.emit.
 */
#include "engine/size.h"

#include <string.h>

#include "base/checksum.h"
#include "base/wire.h"
#include "engine/answer.h"
#include "engine/refragment.h"

enum { IPV4_MIN_MTU = 68, IPV6_MIN_MTU = 1280, IPV6_HEADER = 40, UDP_HEADER = 8 };

static bool is_v6(const struct sl_work *w)
{
	return w->parsed.tuple.family == SL_IPV6;
}

/* ---- the transport checksum ---------------------------------------------------------------- */

static uint8_t *sum_field(const struct sl_packet *p, const struct sl_parsed *parsed)
{
	return p->data + parsed->l4 + (parsed->tuple.proto == SL_PROTO_TCP ? 16 : 6);
}

/* A partial checksum becomes a whole one: of a fragment nobody else could make it. */
static bool complete_sum(struct sl_packet *p, const struct sl_parsed *parsed)
{
	uint8_t *at = sum_field(p, parsed);
	uint16_t sum;

	if (p->csum != SL_CSUM_PARTIAL)
		return true;
	if (parsed->tuple.proto != SL_PROTO_TCP && parsed->tuple.proto != SL_PROTO_UDP)
		return false;
	sum = sl__csum(sl__sum(p->data + parsed->l4, parsed->len - parsed->l4, 0));
	sl_put16(at, sum ? sum : 0xffff);
	p->csum = SL_CSUM_CHECKED;
	return true;
}

/* ---- out in parts -------------------------------------------------------------------------- */

static void emit(void *ctx, struct sl_packet *part)
{
	struct sl_engine *e = ctx;

	e->env.emit(e->env.ctx, part, e->track.packet);
}

static bool can_part(const struct sl_env *env)
{
	return env->alloc && env->keep && env->free && env->emit;
}

/* Its parts are out, or will be: it is ours no more. */
static enum sl_reason take(struct sl_work *w)
{
	struct sl_env *env = &w->e->env;

	if (!env->keep(env->ctx, w->p))
		return SL_WHY_KEEP_FAILED;
	w->p->verdict = SL_TAKEN;
	return SL_WHY_NONE;
}

static enum sl_reason fragment(struct sl_work *w)
{
	static const struct sl_frag_shape whole;
	struct sl_engine *e = w->e;
	enum sl_reason why;
	bool sent;

	if (!can_part(&e->env) || !complete_sum(w->p, &w->parsed))
		return SL_WHY_KEEP_FAILED;
	why = take(w);
	if (why != SL_WHY_NONE)
		return why;
	w->p->altered = 1;
	sent = sl__refragment(&e->env, w->p, &w->parsed, &whole, w->route.mtu, 0, emit, e);
	if (!sent)
		w->p->reason = SL_WHY_KEEP_FAILED;
	e->env.free(e->env.ctx, w->p);
	return SL_WHY_NONE;
}

/* ---- a UDP super-packet -------------------------------------------------------------------- */

/* Its datagram number i, with `len` bytes from `from` of the payload. */
static bool cut_datagram(
        const struct sl_work *w, unsigned i, uint32_t from, uint32_t len, struct sl_packet *out)
{
	const struct sl_parsed *c = &w->parsed;
	const struct sl_packet *p = w->p;
	struct sl_packet fresh = {0};
	uint32_t sum;
	uint8_t *d;

	if (!w->e->env.alloc(w->e->env.ctx, &fresh, c->payload + len))
		return false;
	*out = *p;
	out->handle = fresh.handle;
	out->data = d = fresh.data;
	out->len = fresh.len;
	out->headroom = fresh.headroom;
	out->tailroom = fresh.tailroom;
	out->gso = SL_GSO_NONE;
	out->gso_size = 0;
	out->csum = SL_CSUM_NONE;
	out->verdict = SL_NONE;
	memcpy(d, p->data, c->payload);
	memcpy(d + c->payload, p->data + c->payload + from, len);
	sl_put16(d + c->l4 + 4, (uint16_t)(UDP_HEADER + len));
	if (is_v6(w)) {
		sl_put16(d + 4, (uint16_t)(out->len - IPV6_HEADER));
		sum = sl__sum_ipv6(d + 8, d + 24, SL_PROTO_UDP, UDP_HEADER + len);
	} else {
		sl_put16(d + 2, (uint16_t)out->len);
		sl_put16(d + 4, (uint16_t)(sl_get16(d + 4) + i));
		sl_put16(d + 10, 0);
		sl_put16(d + 10, sl__csum(sl__sum(d, (d[0] & 15u) * 4, 0)));
		if (p->csum != SL_CSUM_PARTIAL && sl_get16(d + c->l4 + 6) == 0)
			return true; /* RFC 768: none */
		sum = sl__sum_ipv4(d + 12, d + 16, SL_PROTO_UDP, UDP_HEADER + len);
	}
	sl_put16(d + c->l4 + 6, 0);
	sum = sl__csum(sl__sum(d + c->l4, UDP_HEADER + len, sum));
	sl_put16(d + c->l4 + 6, (uint16_t)(sum ? sum : 0xffff));
	return true;
}

/* The rest of one datagram's way. */
static enum sl_reason send_datagram(
        struct sl_work *w, struct sl_packet *datagram, enum sl_hook hook)
{
	struct sl_engine *e = w->e;
	struct sl_work part = *w;
	enum sl_reason why;

	part.p = datagram;
	why = sl__parse(datagram, &part.parsed);
	part.came = part.parsed.len;
	if (why == SL_WHY_NONE)
		why = sl__leave(&part, hook);
	w->fresh = part.fresh; /* the first one confirmed it */
	if (why != SL_WHY_NONE)
		sl__answer(&part, why);
	if (why != SL_WHY_NONE)
		e->env.free(e->env.ctx, datagram);
	else if (datagram->verdict == SL_NONE && !part.held)
		emit(e, datagram);
	if (datagram->beyond)
		w->p->beyond = datagram->beyond;
	return why;
}

enum sl_reason sl__leave_in_datagrams(struct sl_work *w, enum sl_hook hook)
{
	uint32_t len = w->parsed.len - w->parsed.payload, size = w->p->gso_size, from = 0;
	struct sl_packet datagram;
	enum sl_reason why;

	if (!can_part(&w->e->env))
		return SL_WHY_KEEP_FAILED;
	why = take(w);
	if (why != SL_WHY_NONE)
		return why;
	for (unsigned i = 0; from < len; i++, from += size) {
		uint32_t part = len - from < size ? len - from : size;
		enum sl_reason refused = SL_WHY_NO_MEMORY;

		if (cut_datagram(w, i, from, part, &datagram))
			refused = send_datagram(w, &datagram, hook);
		if (refused != SL_WHY_NONE)
			w->p->reason = (uint16_t)refused;
	}
	w->p->altered = 1;
	w->e->env.free(w->e->env.ctx, w->p);
	return SL_WHY_NONE;
}

/* Each datagram is a message of its own to a helper, and the fragments of each are its own. */
bool sl__leaves_in_datagrams(struct sl_work *w, enum sl_hook hook)
{
	const struct sl_packet *p = w->p;

	if (p->gso != SL_GSO_UDP || !p->gso_size || w->parsed.tuple.proto != SL_PROTO_UDP ||
	        w->parsed.len - w->parsed.payload <= p->gso_size)
		return false;
	if (w->fresh)
		sl__attach_helper(w);
	return (w->conn && w->conn->flags & SL_CONN_WATCHED) ||
	       (hook == SL_POSTROUTING && w->parsed.payload + p->gso_size > w->route.mtu);
}

/* ---- the last look ------------------------------------------------------------------------- */

/* An edit or a short last segment may have made a plain packet of a super-packet. */
static void settle_gso(struct sl_work *w)
{
	struct sl_packet *p = w->p;

	if (p->gso == SL_GSO_NONE)
		return;
	if (!p->gso_size || w->parsed.len - w->parsed.payload <= p->gso_size) {
		p->gso = SL_GSO_NONE;
		p->gso_size = 0;
	} else if (p->gso == SL_GSO_TCP && w->parsed.payload + p->gso_size > w->route.mtu &&
	           w->route.mtu > w->parsed.payload && !is_v6(w) && !w->parsed.dont_fragment) {
		p->gso_size = (uint16_t)(w->route.mtu - w->parsed.payload);
	}
}

/* How long the sender may make it so that it still fits when we have added to it. */
static uint16_t mtu_for_sender(const struct sl_work *w)
{
	uint32_t least = is_v6(w) ? IPV6_MIN_MTU : IPV4_MIN_MTU, mtu = w->route.mtu;
	uint32_t grown = w->parsed.len > w->came ? w->parsed.len - w->came : 0;

	return (uint16_t)(mtu > grown + least ? mtu - grown : least);
}

enum sl_reason sl__fit(struct sl_work *w)
{
	if (w->p == &w->e->whole.packet) /* gather.c sends it on in pieces */
		return SL_WHY_NONE;
	settle_gso(w);
	if (w->parsed.len <= w->route.mtu || w->p->gso != SL_GSO_NONE)
		return SL_WHY_NONE;
	if (is_v6(w) && w->parsed.len <= IPV6_MIN_MTU)
		return SL_WHY_NONE;
	if (!is_v6(w) && !w->parsed.dont_fragment)
		return fragment(w);
	w->too_big_mtu = mtu_for_sender(w);
	return SL_WHY_TOO_BIG;
}
