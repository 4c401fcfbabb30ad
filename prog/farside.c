/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How an outside host comes to know what it must send, and so what is learned here:
 *
 *   addresses   from the packets that reached it: the inside end of their flow as translated;
 *               for a connection to come, from the payload that announced it, which is what the
 *               engine's expectation says; else it knows only the public address. What goes out
 *               untranslated where Linux translates (`beyond`) says nothing about its host.
 *   numbers     it acknowledges what reached it. Where a payload became longer or shorter, its
 *               acknowledgements and SACK edges are moved by as much; where bytes are held, it
 *               acknowledges only those that came. Both are entries of one list: behind
 *               captured sequence number `end`, what has come out is off by `delta`.
 *   quotes      an ICMP error quotes the packet that it got, translated as it was.
 *
 * An inside host is moved only where the outside end itself was translated (destination NAT).
 *
 * Then the arrival is checked: the addresses, ports and acknowledgement that were captured, and
 * for what came from outside also the bytes.
 */
#include "prog/farside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"

enum { SACK = 5, ICMP_HEADER = 8 };

struct end {
	struct sl_addr addr;
	uint16_t port;
};

struct flow_key {
	struct end inside, outside;
	uint8_t family, proto;
	bool ports; /* has any: a port or id 0 is not the same as none */
};

struct pair_key {
	struct sl_addr inside, outside;
	uint8_t family;
};

struct announce_key {
	struct end inside;
	uint8_t family, proto;
};

struct shift_key {
	struct flow_key flow;
	uint8_t side;
};

struct shift {
	uint32_t end;	/* captured sequence number */
	uint32_t delta; /* what to add from there on */
	bool held;	/* because bytes are held, not for good */
};

struct shifts {
	struct shift *at;
	unsigned n, size;
	bool started;
	bool answered; /* by the gateway, in place of what was sent: only what comes out counts */
	uint32_t top; /* highest captured end */
	uint64_t flow; /* the connection that holds bytes */
};

void sl__farside_init(
        struct sl_farside *f, const struct sl_addr *public4, const struct sl_addr *public6)
{
	*f = (struct sl_farside){.public4 = public4, .public6 = public6};
	sl__map_init(&f->flows, sizeof(struct flow_key), sizeof(struct end));
	sl__map_init(&f->seen, sizeof(struct flow_key), sizeof(struct end));
	sl__map_init(&f->hosts, sizeof(struct pair_key), sizeof(struct sl_addr));
	sl__map_init(&f->announced, sizeof(struct announce_key), sizeof(struct end));
	sl__map_init(&f->masters, sizeof(struct sl_tuple), sizeof(struct sl_addr));
	sl__map_init(&f->shifts, sizeof(struct shift_key), sizeof(struct shifts));
}

void sl__farside_fini(struct sl_farside *f)
{
	struct shifts *shifts;
	const void *key;
	size_t at = 0;

	while ((shifts = sl__map_next(&f->shifts, &at, &key)))
		free(shifts->at);
	sl__map_fini(&f->flows);
	sl__map_fini(&f->seen);
	sl__map_fini(&f->hosts);
	sl__map_fini(&f->announced);
	sl__map_fini(&f->masters);
	sl__map_fini(&f->shifts);
}

/* ---- keys --------------------------------------------------------------------------------- */

static struct end end_of(const struct sl_view *v, enum sl_view_end which)
{
	struct end e;

	memset(&e, 0, sizeof(e));
	e.addr = which == SL_VIEW_SRC ? v->src : v->dst;
	e.port = which == SL_VIEW_SRC ? v->sport : v->dport;
	return e;
}

/* The flow of a packet whose `inside` end is that one. */
static struct flow_key flow_of(const struct sl_view *v, enum sl_view_end inside)
{
	struct flow_key key;

	memset(&key, 0, sizeof(key));
	key.inside = end_of(v, inside);
	key.outside = end_of(v, inside == SL_VIEW_SRC ? SL_VIEW_DST : SL_VIEW_SRC);
	key.family = v->family;
	key.proto = v->proto;
	key.ports = v->has_ports;
	return key;
}

static struct flow_key flow_from(const struct sl_view *v, enum sl_side side)
{
	return flow_of(v, side == SL_SIDE_IN ? SL_VIEW_SRC : SL_VIEW_DST);
}

static struct pair_key pair_of(const struct flow_key *flow)
{
	struct pair_key key;

	memset(&key, 0, sizeof(key));
	key.inside = flow->inside.addr;
	key.outside = flow->outside.addr;
	key.family = flow->family;
	return key;
}

static struct announce_key announce_of(uint8_t family, uint8_t proto, const struct end *inside)
{
	struct announce_key key;

	memset(&key, 0, sizeof(key));
	key.inside = *inside;
	key.family = family;
	key.proto = proto;
	return key;
}

static struct shifts *shifts_of(
        struct sl_farside *f, const struct flow_key *flow, enum sl_side sender, bool make)
{
	struct shift_key key;

	memset(&key, 0, sizeof(key));
	key.flow = *flow;
	key.side = (uint8_t)sender;
	return make ? sl__map_put(&f->shifts, &key, NULL) : sl__map_find(&f->shifts, &key);
}

static const struct sl_addr *public_of(const struct sl_farside *f, uint8_t family)
{
	return family == SL_IPV4 ? f->public4 : f->public6;
}

/* ---- before it goes in -------------------------------------------------------------------- */

/* The inside end of a flow as the outside knows it. */
static struct end known_outside(const struct sl_farside *f, const struct flow_key *flow)
{
	struct announce_key announce = announce_of(flow->family, flow->proto, &flow->inside);
	struct pair_key pair = pair_of(flow);
	const struct end *end = sl__map_find(&f->flows, flow);
	const struct sl_addr *host;
	struct end guess = flow->inside;

	if (!end)
		end = sl__map_find(&f->announced, &announce);
	if (end)
		return *end;
	host = sl__map_find(&f->hosts, &pair);
	guess.addr = host ? *host : *public_of(f, flow->family);
	return guess;
}

static bool is_group(const struct sl_view *v)
{
	uint8_t first = v->family == SL_IPV4 ? v->dst.b[12] : v->dst.b[0];

	return first == 0xe0 || first == 0xef || first == 0xff;
}

static void set_end(struct sl_view *v, enum sl_view_end which, const struct end *to)
{
	const struct sl_addr *addr = which == SL_VIEW_SRC ? &v->src : &v->dst;
	uint16_t port = which == SL_VIEW_SRC ? v->sport : v->dport;

	if (!sl_addr_eq(addr, &to->addr))
		sl__view_set_addr(v, which, &to->addr);
	if (v->has_ports && port != to->port)
		sl__view_set_port(v, which, to->port);
}

/* An ICMP error goes to the sender of what it quotes, and quotes it as it arrived. */
static void translate_error(struct sl_farside *f, struct sl_view *v, struct sl_view *quote)
{
	struct flow_key flow = flow_of(quote, SL_VIEW_SRC);
	struct end end = known_outside(f, &flow);

	sl__view_set_addr(v, SL_VIEW_DST, &end.addr);
	set_end(quote, SL_VIEW_SRC, &end);
	sl__view_fix_transport(v);
}

static void translate_destination(struct sl_farside *f, struct sl_view *v)
{
	struct flow_key flow = flow_of(v, SL_VIEW_DST);
	struct sl_view quote;
	struct end end;

	if (is_group(v))
		return;
	if (sl__view_quote(v, &quote)) {
		translate_error(f, v, &quote);
		return;
	}
	end = known_outside(f, &flow);
	set_end(v, SL_VIEW_DST, &end);
}

static const struct shift *shift_at(const struct shifts *shifts, uint32_t number)
{
	const struct shift *found = NULL;

	for (unsigned i = 0; i < shifts->n; i++)
		if ((int32_t)(number - shifts->at[i].end) >= 0)
			found = &shifts->at[i];
	return found;
}

static void move_field(
        struct sl_farside *f, const struct shifts *shifts, struct sl_view *v, uint32_t offset)
{
	uint32_t number = sl_get32(v->data + v->l4 + offset);
	const struct shift *shift = shift_at(shifts, number);
	uint8_t bytes[4];

	if (!shift || !shift->delta)
		return;
	f->waits = f->waits || shift->held;
	sl_put32(bytes, number + shift->delta);
	sl__view_set_field(v, offset, bytes, 4);
}

static void move_sack(struct sl_farside *f, const struct shifts *shifts, struct sl_view *v)
{
	uint32_t at = v->l4 + 20, size;

	for (; at + 1 < v->payload && v->data[at]; at += size) {
		size = v->data[at] == 1 ? 1 : v->data[at + 1];
		if (v->data[at] != 1 && size < 2)
			return;
		if (v->data[at] != SACK || at + size > v->payload)
			continue;
		for (uint32_t edge = at + 2; edge + 4 <= at + size; edge += 4)
			move_field(f, shifts, v, edge - v->l4);
	}
}

static void translate_numbers(
        struct sl_farside *f, struct sl_view *v, const struct flow_key *flow, enum sl_side side)
{
	enum sl_side other = side == SL_SIDE_IN ? SL_SIDE_OUT : SL_SIDE_IN;
	const struct shifts *shifts = shifts_of(f, flow, other, false);

	if (!shifts || !v->tcp)
		return;
	move_field(f, shifts, v, 8);
	v->ack = sl_get32(v->data + v->l4 + 8);
	move_sack(f, shifts, v);
}

void sl__farside_translate(struct sl_farside *f, struct sl_view *v, enum sl_side side)
{
	struct flow_key flow = flow_from(v, side);
	const struct end *end = sl__map_find(&f->seen, &flow);

	f->waits = false;
	if (side == SL_SIDE_OUT)
		translate_destination(f, v);
	else if (end)
		set_end(v, SL_VIEW_DST, end);
	translate_numbers(f, v, &flow, side);
}

/* ---- after it came out -------------------------------------------------------------------- */

static void complain(struct sl_farside *f, const char *what, const char *more)
{
	size_t len = strlen(f->wrong);

	snprintf(f->wrong + len, sizeof(f->wrong) - len, "%s%s%s", len ? "; " : "", what, more);
}

static void complain_end(
        struct sl_farside *f, const char *what, const struct sl_view *got, enum sl_view_end which)
{
	char addr[SL_ADDR_TEXT], text[SL_ADDR_TEXT + 16];
	bool src = which == SL_VIEW_SRC;

	sl_addr_text(src ? &got->src : &got->dst, (enum sl_family)got->family, addr);
	snprintf(text, sizeof(text), "%s port %u", addr, src ? got->sport : got->dport);
	complain(f, what, text);
}

static void learn_inside(struct sl_farside *f, const struct sl_outcome *o,
        const struct sl_view *got, const struct flow_key *flow)
{
	const struct sl_view *pkt = o->captured;
	struct pair_key pair = pair_of(flow);
	struct sl_view quote;

	if (!sl_addr_eq(&got->dst, &pkt->dst))
		complain_end(f, "destination ", got, SL_VIEW_DST);
	if (sl__view_quote(got, &quote))
		return;
	if (pkt->proto != SL_PROTO_GRE) /* its call id is that of the other end */
		*(struct end *)sl__map_put(&f->flows, flow, NULL) = end_of(got, SL_VIEW_SRC);
	if (o->beyond == SL_BEYOND_NONE || !sl_addr_eq(&got->src, &pkt->src))
		*(struct sl_addr *)sl__map_put(&f->hosts, &pair, NULL) = got->src;
}

static void check_quote(struct sl_farside *f, const struct sl_view *pkt, const struct sl_view *got)
{
	struct sl_view want, have;

	if (!sl__view_quote(pkt, &want) || !sl__view_quote(got, &have) ||
	        !sl_addr_eq(&pkt->dst,
	                &want.src)) /* not sent to whom it quotes: nonsense as captured */
		return;
	if (!sl_addr_eq(&want.src, &have.src) || !sl_addr_eq(&want.dst, &have.dst) ||
	        want.sport != have.sport || want.dport != have.dport)
		complain_end(f, "quotes a packet of ", &have, SL_VIEW_SRC);
}

static void check_outside(struct sl_farside *f, const struct sl_view *pkt,
        const struct sl_view *got, const struct flow_key *flow)
{
	struct sl_view quote;

	if (!sl_addr_eq(&got->dst, &pkt->dst) || (!pkt->fragment && got->dport != pkt->dport))
		complain_end(f, "went to ", got, SL_VIEW_DST);
	check_quote(f, pkt, got);
	if (sl_addr_eq(&got->src, &pkt->src) || sl__view_quote(got, &quote))
		return;
	complain_end(f, "source ", got, SL_VIEW_SRC);
	*(struct end *)sl__map_put(&f->seen, flow, NULL) = end_of(got, SL_VIEW_SRC);
}

/* Captured and received acknowledgement; while bytes are held they may differ. */
static void check_ack(struct sl_farside *f, const struct sl_view *pkt, const struct sl_view *got,
        const struct flow_key *flow, enum sl_side side)
{
	const struct shifts *shifts =
	        shifts_of(f, flow, side == SL_SIDE_IN ? SL_SIDE_OUT : SL_SIDE_IN, false);
	const struct shift *shift = shifts ? shift_at(shifts, pkt->ack) : NULL;
	char text[48];

	if (!(pkt->flags & SL_VIEW_ACK) || got->ack == pkt->ack || (shift && shift->held))
		return;
	snprintf(text, sizeof(text), "%u, captured %u", got->ack, pkt->ack);
	complain(f, "ack ", text);
}

static void add_shift(struct shifts *shifts, uint32_t end, uint32_t delta, bool held)
{
	if (delta == (shifts->n ? shifts->at[shifts->n - 1].delta : 0))
		return;
	if (shifts->n == shifts->size) {
		shifts->size = shifts->size * 2 + 4;
		shifts->at = sl__must_grow(shifts->at, shifts->size * sizeof(*shifts->at));
	}
	shifts->at[shifts->n++] = (struct shift){.end = end, .delta = delta, .held = held};
}

/* Nothing is held any more: what was, is off by as much as what came before it. */
static void let_go(struct shifts *shifts)
{
	for (unsigned i = 0; i < shifts->n; i++) {
		if (shifts->at[i].held)
			shifts->at[i].delta = i ? shifts->at[i - 1].delta : 0;
		shifts->at[i].held = false;
	}
}

/* Another connection of the same ends: what the last one held went with it. */
static void renew(struct shifts *shifts, uint64_t flow)
{
	if (!shifts || !flow)
		return;
	if (shifts->flow != flow)
		let_go(shifts);
	shifts->flow = flow;
}

/* Held bytes of the other direction came out with this packet. */
static void learn_release(
        struct sl_farside *f, const struct sl_outcome *o, const struct flow_key *flow, bool held)
{
	struct shifts *shifts =
	        shifts_of(f, flow, o->side == SL_SIDE_IN ? SL_SIDE_OUT : SL_SIDE_IN, false);
	bool any = false;
	uint32_t out = 0;

	renew(shifts, o->flow);
	for (unsigned i = 0; i < o->n_back; i++) {
		const struct sl_view *got = &o->back[i].view;

		if (!got->tcp || !sl__view_body(got))
			continue;
		out = got->seq + sl__view_body(got);
		any = true;
	}
	if (!shifts || !any)
		return;
	if (!held)
		let_go(shifts);
	add_shift(shifts, shifts->top, out - shifts->top, held);
}

/* How far behind (or before) the captured end is what has come out? */
static void learn_shift(
        struct sl_farside *f, const struct sl_outcome *o, const struct flow_key *flow, bool held)
{
	const struct sl_view *pkt = o->captured;
	uint32_t end = pkt->seq + sl__view_body(pkt), out;
	struct shifts *shifts = shifts_of(f, flow, o->side, true);
	bool any = false;

	renew(shifts, o->flow);
	shifts->answered |= o->answered;
	if (shifts->answered && o->n_through == 1) {
		const struct sl_view *got = &o->through[0].view;

		if (sl__view_body(pkt) && got->tcp)
			add_shift(shifts, end, got->seq + sl__view_body(got) - end, false);
		return;
	}
	if (sl__view_body(pkt) == 0 || (shifts->started && (int32_t)(end - shifts->top) <= 0))
		return;
	out = end - (held ? sl__view_body(pkt) : 0);
	if (shifts->n)
		out += shifts->at[shifts->n - 1].delta;
	for (unsigned i = 0; i < o->n_through; i++) {
		const struct sl_view *got = &o->through[i].view;
		uint32_t here = got->seq + sl__view_body(got);

		if (!any || (int32_t)(here - out) > 0)
			out = here;
		any = true;
	}
	if (!any && !held)
		return;
	shifts->started = true;
	shifts->top = end;
	if (!held)
		let_go(shifts);
	add_shift(shifts, end, out - end, held);
}

static bool same_body(const struct sl_view *a, const struct sl_view *b)
{
	return sl__view_body(a) == sl__view_body(b) &&
	       !memcmp(a->data + a->payload, b->data + b->payload, sl__view_body(a));
}

/* What went in as captured must come out so; what was reworded (wording.h) must be as captured then. */
static void check_bytes(struct sl_farside *f, const struct sl_outcome *o)
{
	bool wrong = o->payload_changed;

	if (!same_body(o->sent, o->captured))
		wrong = !same_body(&o->through[0].view, o->captured);
	if (wrong)
		complain(f, "payload", " is not what was captured");
}

const char *sl__farside_observe(
        struct sl_farside *f, const struct sl_outcome *o, bool held, bool other_held)
{
	const struct sl_view *pkt = o->captured;
	struct flow_key flow = flow_from(pkt, o->side);
	const struct sl_view *got = o->n_through ? &o->through[0].view : NULL;

	f->wrong[0] = '\0';
	if (!got && !held)
		return NULL;
	if (pkt->tcp && !pkt->fragment)
		learn_release(f, o, &flow, other_held);
	if (got && o->side == SL_SIDE_IN)
		learn_inside(f, o, got, &flow);
	if (got && o->side == SL_SIDE_OUT) {
		check_outside(f, pkt, got, &flow);
		check_bytes(f, o);
	}
	if (pkt->tcp && !pkt->fragment) {
		if (got && got->tcp)
			check_ack(f, pkt, got, &flow, o->side);
		learn_shift(f, o, &flow, held);
	}
	return f->wrong[0] ? f->wrong : NULL;
}

/* ---- what the engine announces ------------------------------------------------------------ */

void sl__farside_conn(struct sl_farside *f, const struct sl_conn_info *info)
{
	const struct sl_tuple *orig = &info->tuple[SL_ORIGINAL];
	bool from_outside = sl_addr_eq(&orig->dst, public_of(f, orig->family));
	struct sl_addr *inside = sl__map_put(&f->masters, orig, NULL);

	*inside = from_outside ? info->tuple[SL_REPLY].src : orig->src;
}

void sl__farside_expect(struct sl_farside *f, const struct sl_expect_info *info)
{
	static const struct sl_addr none, none4 = {{[10] = 0xff, [11] = 0xff}};
	const struct sl_addr *inside = &info->nat.src;
	const struct sl_tuple *tuple = &info->tuple;
	struct announce_key key;
	struct end end;

	if (!info->has_nat || !info->nat.sport ||
	        !sl_addr_eq(&tuple->dst, public_of(f, tuple->family)))
		return;
	if (sl_addr_eq(inside, &none) || sl_addr_eq(inside, &none4))
		inside = sl_addr_eq(&info->master.dst, &tuple->dst) /* it came from outside: to whom? */
		                 ? sl__map_find(&f->masters, &info->master)
		                 : &info->master.src;
	if (!inside)
		return;
	memset(&end, 0, sizeof(end));
	end.addr = *inside;
	end.port = info->nat.sport;
	key = announce_of(tuple->family, tuple->proto, &end);
	end.addr = tuple->dst;
	end.port = tuple->dport;
	*(struct end *)sl__map_put(&f->announced, &key, NULL) = end;
}
