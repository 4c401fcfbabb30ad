/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the gateway itself says about a packet that it does not let through: ICMP errors
 * (RFC 792, 1122, 1812; RFC 4443) and TCP resets (RFC 9293 3.5.2). Which packets are answered,
 * how much is quoted, and the fields of the answer are Linux's (nf_reject and icmp_send, as
 * seen from outside).
 *
 * An answer goes the way of any packet that the gateway makes: the output and postrouting
 * hooks, as RELATED to the conn of its cause, the other way round. That is also what makes the
 * quote right: the cause is quoted as it is now, perhaps half translated, and the translation of
 * ICMP errors turns quote and source into what the sender of the cause knows.
 *
 * Never answered: what is not a single host's (broadcast, multicast, unspecified source), ICMP
 * errors, fragments, resets by resets, and by `reject` what has a wrong checksum. But an IPv6 option
 * that is not known is told of whatever its packet is, and if it asks for that, to whomever it went.
 *
 * Ownership. An answer is a fresh packet of env.alloc, given to env.emit. The cause stays
 * whosever it is; it is about to be dropped.
 *
 * Limits. Options of the cause (record route, ...) are not reflected in the answer. Of IPv6 extension
 * headers only hop-by-hop options are looked at (track/ip_options.c). Rates: limit.c.
 */
#include "engine/answer.h"

#include <string.h>

#include "base/checksum.h"
#include "base/wire.h"
#include "track/tcp.h"

enum {
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	ICMP_HEADER = 8,
	TCP_HEADER = 20,
	IPV4_MOST = 576,         /* RFC 1812 4.3.2.3 */
	IPV6_MOST = 1280,        /* RFC 4443 2.4 (c) */
	INTERNET_CONTROL = 0xc0, /* precedence of ICMP errors, RFC 1812 4.3.2.5 */
	TOS_MASK = 0x1e,
};

/* ICMP and ICMPv6 types and codes that are made here. */
enum {
	UNREACHABLE = 3,
	UNREACH_NET = 0,
	UNREACH_HOST = 1,
	UNREACH_FRAGMENT = 4,
	UNREACH_PROHIBITED = 13,
	EXCEEDED = 11,
	PARAMETER = 12,
	UNREACHABLE6 = 1,
	UNREACH6_NO_ROUTE = 0,
	UNREACH6_PROHIBITED = 1,
	UNREACH6_BEYOND_SCOPE = 2,
	TOO_BIG6 = 2,
	EXCEEDED6 = 3,
	PARAMETER6 = 4,
};

struct message {
	uint8_t type, code;
	uint32_t info; /* the header's second word */
	bool early;    /* its cause was refused before anything else was known of it */
	bool to_groups; /* even what went to a group is answered */
};

/* ---- may it be answered? ------------------------------------------------------------------- */

/* One host's address, as far as can be seen. */
static bool is_host(const struct sl_addr *a, uint8_t family)
{
	static const uint8_t zero[16];

	if (family == SL_IPV6)
		return a->b[0] != 0xff && memcmp(a->b, zero, 16) != 0;
	return a->b[12] >> 4 != 0xe && sl_get32(a->b + 12) != 0 &&
	       sl_get32(a->b + 12) != 0xffffffff;
}

/* Where the cause goes, if nobody asked yet. */
static const struct sl_route *way_of(struct sl_work *w)
{
	if (w->route.kind == SL_ROUTE_NONE)
		sl__route(w->e, w->p, &w->parsed, &w->route);
	return &w->route;
}

static bool can_answer(const struct sl_work *w)
{
	const struct sl_tuple *c = &w->parsed.tuple;
	const struct sl_env *env = &w->e->env;

	return env->alloc && env->free && env->emit && c->family && is_host(&c->src, c->family);
}

static bool to_one_host(const struct sl_work *w)
{
	const struct sl_tuple *c = &w->parsed.tuple;

	return w->p->cast == SL_CAST_HOST && is_host(&c->dst, c->family) && w->route.kind != SL_ROUTE_BROADCAST;
}

static bool answerable(const struct sl_work *w)
{
	return can_answer(w) && !w->parsed.frag && to_one_host(w);
}

/* Does it report an error itself? What cannot be read may well. */
static bool is_error(const struct sl_work *w)
{
	const struct sl_parsed *c = &w->parsed;
	uint8_t type;

	if (c->tuple.proto != (c->tuple.family == SL_IPV4 ? SL_PROTO_ICMP : SL_PROTO_ICMPV6) ||
	        c->frag == SL_FRAG_LATER)
		return false;
	if (c->len - c->l4 < 1)
		return true;
	type = w->p->data[c->l4];
	if (c->tuple.family == SL_IPV6)
		return type < 128;
	return c->icmp == SL_ICMP_ERROR || type > 18;
}

/* ---- a packet of our own ------------------------------------------------------------------- */

/* The IP header of an answer to w->p with `len` bytes behind it. Returns where those begin. */
static uint8_t *make(struct sl_work *w, struct sl_packet *out, uint8_t proto, uint32_t len,
        const struct sl_addr *source, const struct sl_route *route)
{
	const struct sl_tuple *cause = &w->parsed.tuple;
	bool v6 = cause->family == SL_IPV6;
	uint32_t header = v6 ? IPV6_HEADER : IPV4_HEADER;
	struct sl_engine *e = w->e;
	uint8_t *d;

	memset(out, 0, sizeof(*out));
	if (!e->env.alloc(e->env.ctx, out, header + len))
		return NULL;
	out->from = SL_FROM_LOCAL;
	out->vrf = w->p->vrf;
	out->zone = w->p->zone;
	out->handed.times = UINT8_MAX; /* never handed over: it is made where it belongs */
	out->out_if = route->out_if;
	out->mtu = route->mtu;
	out->to = route->kind == SL_ROUTE_FORWARD ? SL_TO_FORWARD : SL_TO_LOCAL;
	d = out->data;
	memset(d, 0, header);
	if (v6) {
		d[0] = 0x60;
		sl_put16(d + 4, (uint16_t)len);
		d[6] = proto;
		d[7] = (uint8_t)e->track.set.hop_limit;
		memcpy(d + 8, source->b, 16);
		memcpy(d + 24, cause->src.b, 16);
		return d + header;
	}
	d[0] = 0x45;
	sl_put16(d + 2, (uint16_t)(header + len));
	d[8] = (uint8_t)e->track.set.default_ttl;
	d[9] = proto;
	memcpy(d + 12, source->b + 12, 4);
	memcpy(d + 16, cause->src.b + 12, 4);
	return d + header;
}

/* Checksums, when everything else is written. */
static void seal(struct sl_packet *out, bool v6, uint8_t proto, uint32_t csum_at)
{
	uint32_t header = v6 ? IPV6_HEADER : IPV4_HEADER, len = out->len - header, sum = 0;
	uint8_t *d = out->data;

	if (v6)
		sum = sl__sum_ipv6(d + 8, d + 24, proto, len);
	else if (proto != SL_PROTO_ICMP)
		sum = sl__sum_ipv4(d + 12, d + 16, proto, len);
	sl_put16(d + header + csum_at, 0);
	sl_put16(d + header + csum_at, sl__csum(sl__sum(d + header, len, sum)));
	if (!v6)
		sl_put16(d + 10, sl__csum(sl__sum(d, header, 0)));
	out->csum = SL_CSUM_NONE;
}

/* The route back to the sender of the cause. False: there is none. */
static bool route_back(
        struct sl_work *w, uint8_t proto, const struct sl_addr *source, struct sl_route *route)
{
	struct sl_parsed back = {.tuple = {.dst = w->parsed.tuple.src,
	                                 .src = *source,
	                                 .proto = proto,
	                                 .family = w->parsed.tuple.family}};
	struct sl_packet ours = {.from = SL_FROM_LOCAL, .vrf = w->p->vrf};

	sl__route(w->e, &ours, &back, route);
	return route->kind == SL_ROUTE_FORWARD || route->kind == SL_ROUTE_LOCAL;
}

/*
 * Through the hooks of what the gateway makes, and out. The answer belongs to the conn of its
 * cause, in the other direction, even if that conn is not confirmed and never will be.
 */
static void send(struct sl_work *w, struct sl_packet *out, const struct sl_route *route, bool icmp)
{
	struct sl_engine *e = w->e;
	struct sl_work own = {
	        .e = e, .p = out, .conn = w->conn, .route = *route, .icmp_error = icmp};
	enum sl_reason why = sl__parse(out, &own.parsed);

	out->conn = w->conn;
	if (w->conn) {
		out->state = SL_CT_RELATED;
		out->dir = (uint8_t)!w->p->dir;
	}
	if (why == SL_WHY_NONE)
		why = sl__walk_own(&own);
	SL_TRACE(&e->track, w->conn, "answer", "%s: %s", icmp ? "ICMP error" : "TCP reset",
	        why == SL_WHY_NONE ? "sent" : sl_reason_name(why));
	if (own.fresh)
		sl__conn_drop(&e->track, own.conn);
	if (own.fresh || w->fresh)
		out->conn = NULL;
	if (why != SL_WHY_NONE) {
		e->env.free(e->env.ctx, out);
		return;
	}
	out->verdict = SL_ACCEPT;
	e->track.stats.answers++;
	e->env.emit(e->env.ctx, out, e->track.packet);
}

/* ---- ICMP ---------------------------------------------------------------------------------- */

/* Whose name an ICMP error bears: who was spoken to, if that is us, else the way back's source. */
static bool choose_source(
        struct sl_work *w, bool local, struct sl_addr *source, struct sl_route *route)
{
	static const uint8_t nobody[4] = {192, 0, 0, 8}; /* RFC 7600 4.8 */
	bool v6 = w->parsed.tuple.family == SL_IPV6;
	struct sl_addr ask = v6 ? (struct sl_addr){{0}} : sl_addr_v4((const uint8_t[4]){0});

	if (local)
		ask = w->parsed.tuple.dst;
	if (!route_back(w, v6 ? SL_PROTO_ICMPV6 : SL_PROTO_ICMP, &ask, route))
		return false;
	*source = local ? ask : route->has_source ? route->source : sl_addr_v4(nobody);
	return local || route->has_source || !v6;
}

static uint32_t quote_size(const struct sl_parsed *cause, const struct sl_route *route)
{
	bool v6 = cause->tuple.family == SL_IPV6;
	uint32_t header = v6 ? IPV6_HEADER : IPV4_HEADER, most = v6 ? IPV6_MOST : IPV4_MOST;

	if (!v6 && route->mtu < most)
		most = route->mtu;
	if (most <= header + ICMP_HEADER + IPV4_HEADER)
		return 0;
	most -= header + ICMP_HEADER;
	return cause->len < most ? cause->len : most;
}

/* How much more than one host's share (a power of two): a network's, in IPv6. */
static unsigned width(const struct sl_route *route, bool v6)
{
	return v6 ? (128u - (route->prefix < 128 ? route->prefix : 128)) >> 5 : 0;
}

static bool may_send(struct sl_work *w, const struct sl_route *route, const struct message *m)
{
	const struct sl_tuple *cause = &w->parsed.tuple;
	bool v6 = cause->family == SL_IPV6;

	if (!v6 && m->type == UNREACHABLE && m->code == UNREACH_FRAGMENT)
		return true;
	if (sl__limit_allows(&w->e->limits, &w->e->track, &cause->src,
	            (enum sl_family)cause->family, m->type, width(route, v6)))
		return true;
	w->e->track.stats.answers_limited++;
	SL_TRACE(
	        &w->e->track, w->conn, "answer", "ICMP error: not sent, the rate limit is reached");
	return false;
}

static void send_icmp(struct sl_work *w, const struct message *m)
{
	bool v6 = w->parsed.tuple.family == SL_IPV6;
	bool local = w->route.kind == SL_ROUTE_LOCAL;
	struct sl_packet out;
	struct sl_route route;
	struct sl_addr source;
	uint32_t quote;
	uint8_t *l4;

	if (m->early ? !can_answer(w) || !(m->to_groups || to_one_host(w)) : !answerable(w))
		return;
	if (is_error(w) || !choose_source(w, local, &source, &route))
		return;
	quote = quote_size(&w->parsed, &route);
	if (!quote || !may_send(w, &route, m))
		return;
	l4 = make(w, &out, v6 ? SL_PROTO_ICMPV6 : SL_PROTO_ICMP, ICMP_HEADER + quote, &source,
	        &route);
	if (!l4)
		return;
	l4[0] = m->type;
	l4[1] = m->code;
	sl_put32(l4 + 4, m->info);
	memcpy(l4 + ICMP_HEADER, w->p->data, quote);
	if (!v6) {
		out.data[1] = (uint8_t)((w->p->data[1] & TOS_MASK) | INTERNET_CONTROL);
		sl_put16(out.data + 4, (uint16_t)sl__random_u32(&w->e->fragment_random));
	}
	seal(&out, v6, v6 ? SL_PROTO_ICMPV6 : SL_PROTO_ICMP, 2);
	send(w, &out, &route, true);
}

static void unreachable(struct sl_work *w, uint8_t code4, uint8_t code6)
{
	bool v6 = w->parsed.tuple.family == SL_IPV6;
	struct message m = {.type = v6 ? UNREACHABLE6 : UNREACHABLE, .code = v6 ? code6 : code4};

	send_icmp(w, &m);
}

static void no_route(struct sl_work *w)
{
	switch (w->route.kind) {
	case SL_ROUTE_NONE:
		unreachable(w, UNREACH_NET, UNREACH6_NO_ROUTE);
		break;
	case SL_ROUTE_UNREACHABLE:
		unreachable(w, UNREACH_HOST, UNREACH6_NO_ROUTE);
		break;
	case SL_ROUTE_PROHIBIT:
		unreachable(w, UNREACH_PROHIBITED, UNREACH6_PROHIBITED);
		break;
	default:
		break; /* a black hole is silent */
	}
}

/* Only who has an address at all is told. */
static void beyond_scope(struct sl_work *w)
{
	if (w->parsed.tuple.src.b[0] == 0xfe)
		unreachable(w, 0, UNREACH6_BEYOND_SCOPE);
}

static void exceeded(struct sl_work *w)
{
	struct message m = {.type = w->parsed.tuple.family == SL_IPV6 ? EXCEEDED6 : EXCEEDED};

	send_icmp(w, &m);
}

static void too_big(struct sl_work *w)
{
	struct message m = {.info = w->too_big_mtu ? w->too_big_mtu : w->p->mtu};

	if (w->parsed.tuple.family == SL_IPV6) {
		m.type = TOO_BIG6;
	} else {
		m.type = UNREACHABLE;
		m.code = UNREACH_FRAGMENT;
	}
	send_icmp(w, &m);
}

static void bad_option(struct sl_work *w)
{
	struct message m = {.type = PARAMETER, .info = (uint32_t)w->bad_option << 24};

	if (w->bad_option)
		send_icmp(w, &m);
}

/* Found before routing, and before fragments are gathered. */
static void bad_option6(struct sl_work *w)
{
	const struct sl_v6_problem *v6 = &w->v6_problem;
	struct message m = {
	        .type = PARAMETER6, .code = v6->code, .info = v6->at, .early = true, .to_groups = v6->to_groups};

	if (!v6->told)
		return;
	(void)way_of(w);
	send_icmp(w, &m);
}

/* ---- TCP ----------------------------------------------------------------------------------- */

/* The cause was refused for good: its conn is not worth keeping long. */
static void close_conn(struct sl_work *w)
{
	struct sl_track *t = &w->e->track;
	struct sl_conn *conn = w->conn;

	if (!conn || w->fresh || conn->proto != SL_PROTO_TCP || conn->state == SL_TCP_CLOSE)
		return;
	conn->state = SL_TCP_CLOSE;
	sl__conn_refresh(t, conn, sl__timeouts(t, conn)->tcp[SL_TCP_CLOSE] * 1000);
	sl__conn_note(t, conn, SL_PENDING_STATE);
	if (t->reporting)
		sl__conn_report(t, conn);
}

static void put_reset(const struct sl_parsed *cause, const uint8_t *cause_l4, uint8_t *l4)
{
	uint32_t taken = cause->len - cause->payload + ((cause->tcp_flags & SL_SYN) != 0) +
	                 ((cause->tcp_flags & SL_FIN) != 0);
	bool ack = cause->tcp_flags & SL_ACK;

	memset(l4, 0, TCP_HEADER);
	memcpy(l4, cause_l4 + 2, 2);
	memcpy(l4 + 2, cause_l4, 2);
	if (ack)
		sl_put32(l4 + 4, cause->ack);
	else
		sl_put32(l4 + 8, cause->seq + taken);
	l4[12] = TCP_HEADER / 4 << 4;
	l4[13] = (uint8_t)(ack ? SL_RST : SL_RST | SL_ACK);
}

static void send_reset(struct sl_work *w)
{
	const struct sl_parsed *c = &w->parsed;
	bool v6 = c->tuple.family == SL_IPV6;
	struct sl_packet out;
	struct sl_route route;
	uint8_t *l4;

	if (!answerable(w) || c->tuple.proto != SL_PROTO_TCP || c->tcp_flags & SL_RST ||
	        c->payload < c->l4 + TCP_HEADER ||
	        !route_back(w, SL_PROTO_TCP, &c->tuple.dst, &route) ||
	        route.mtu < (v6 ? IPV6_HEADER : IPV4_HEADER) + TCP_HEADER)
		return;
	l4 = make(w, &out, SL_PROTO_TCP, TCP_HEADER, &c->tuple.dst, &route);
	if (!l4)
		return;
	put_reset(c, w->p->data + c->l4, l4);
	if (!v6)
		sl_put16(out.data + 6, 0x4000); /* DF, and so no id */
	seal(&out, v6, SL_PROTO_TCP, 16);
	send(w, &out, &route, false);
	close_conn(w);
}

/* ---- the choice ---------------------------------------------------------------------------- */

static void reject(struct sl_work *w)
{
	struct message m = {.type = w->reject_type, .code = w->reject_code};

	if (way_of(w)->kind != SL_ROUTE_FORWARD && w->route.kind != SL_ROUTE_LOCAL)
		return;
	if (w->p->csum == SL_CSUM_NONE && sl__parse_checksum(w->p, &w->parsed) != SL_WHY_NONE)
		return;
	if (w->reject == SL_REJECT_TCP_RESET)
		send_reset(w);
	else
		send_icmp(w, &m);
}

void sl__answer(struct sl_work *w, enum sl_reason why)
{
	switch (why) {
	case SL_WHY_POLICY_REJECT:
		reject(w);
		break;
	case SL_WHY_TTL_EXCEEDED:
		exceeded(w);
		break;
	case SL_WHY_BEYOND_SCOPE:
		beyond_scope(w);
		break;
	case SL_WHY_TOO_BIG:
		too_big(w);
		break;
	case SL_WHY_BAD_IP_OPTIONS:
		if (w->parsed.tuple.family == SL_IPV6)
			bad_option6(w);
		else
			bad_option(w);
		break;
	case SL_WHY_NO_ROUTE:
		no_route(w);
		break;
	default:
		break;
	}
}
