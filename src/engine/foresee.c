/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking the policy about packets that are yet to come (sl_policy.foresees): at every hook that forwarded ones of a
 * connection pass, with a packet that looks there as they will.
 */
#include "engine/foresee.h"

#include "base/wire.h"
#include "track/proto.h"

enum { HEADERS = 40 + 20 };

/* A packet of headers alone. */
struct shown {
	uint8_t bytes[HEADERS];
	struct sl_packet packet;
	struct sl_parsed parsed;
};

/* Will they pass; or, if there are packets: so many have. */
struct question {
	unsigned kinds;
	uint64_t packets, bytes;
};

static void show_tuple(struct shown *s, const struct sl_tuple *t)
{
	bool v6 = t->family == SL_IPV6;
	unsigned skip = v6 ? 0 : 12, len = 16 - skip;
	uint8_t *addresses = s->bytes + (v6 ? 8 : 12);

	s->parsed.tuple = *t;
	memcpy(addresses, t->src.b + skip, len);
	memcpy(addresses + len, t->dst.b + skip, len);
	sl_put16(s->bytes + s->parsed.l4, t->sport);
	sl_put16(s->bytes + s->parsed.l4 + 2, t->dport);
}

static void show(struct shown *s, const struct sl_rewrite *way, enum sl_dir dir)
{
	const struct sl_tuple *t = &way->match;
	uint32_t header = t->family == SL_IPV6 ? 40 : 20, size = t->proto == SL_PROTO_TCP ? 20 : 8;

	*s = (struct shown){.packet = {.data = s->bytes,
	                            .len = header + size,
	                            .in_if = way->in_if,
	                            .out_if = way->out_if,
	                            .vrf = way->vrf,
	                            .mark = way->mark,
	                            .zone = way->zone,
	                            .mtu = way->mtu,
	                            .csum = SL_CSUM_CHECKED,
	                            .dir = (uint8_t)dir},
	        .parsed = {
	                .len = header + size, .l4 = header, .payload = header + size, .ttl = 64}};
	s->bytes[0] = t->family == SL_IPV6 ? 0x60 : 0x45;
	s->bytes[t->family == SL_IPV6 ? 6 : 9] = t->proto;
	if (t->proto == SL_PROTO_TCP) {
		s->bytes[header + 12] = 5 << 4;
		s->bytes[header + 13] = s->parsed.tcp_flags = SL_ACK;
	}
	show_tuple(s, t);
}

static bool ask(struct sl_engine *e, struct sl_conn *conn, struct shown *s, enum sl_hook hook,
        enum sl_stage stage, const struct question *q)
{
	const struct sl_config *config = &e->config;
	bool tracked = stage != SL_BEFORE_TRACK;
	struct sl_policy_view view = {.packet = &s->packet,
	        .conn = tracked ? conn : NULL,
	        .state = tracked ? SL_CT_ESTABLISHED : SL_CT_NONE,
	        .dir = tracked ? (enum sl_dir)s->packet.dir : SL_ORIGINAL,
	        .hook = hook,
	        .stage = stage,
	        .in_if = s->packet.in_if,
	        .out_if = hook == SL_PREROUTING ? 0 : s->packet.out_if,
	        .now = e->track.now,
	        .parsed = &s->parsed,
	        .engine = e};

	s->packet.state = (uint8_t)view.state;
	s->packet.conn = view.conn;
	if (!(e->stages[hook] & 1u << stage))
		return true;
	if (!q->packets)
		return config->policy->foresees(config->policy_ctx, &view, q->kinds);
	config->policy->counts(config->policy_ctx, &view, q->packets, q->bytes);
	return true;
}

static bool walk(struct sl_engine *e, struct sl_conn *conn, enum sl_dir dir,
        const struct sl_rewrite *way, const struct question *q)
{
	static const struct {
		uint8_t hook, stage;
		bool to, from; /* the destination is, the source is translated from here on */
	} places[] = {
	        {SL_PREROUTING, SL_BEFORE_TRACK, false, false},
	        {SL_PREROUTING, SL_BEFORE_NAT, false, false},
	        {SL_PREROUTING, SL_AFTER_NAT, true, false},
	        {SL_FORWARD, SL_BEFORE_NAT, false, false},
	        {SL_FORWARD, SL_AFTER_NAT, false, false},
	        {SL_POSTROUTING, SL_BEFORE_NAT, false, false},
	        {SL_POSTROUTING, SL_AFTER_NAT, false, true},
	        {SL_POSTROUTING, SL_AFTER_HELPER, false, false},
	};
	struct sl_tuple between = way->match;
	struct shown s;

	between.dst = way->become.dst;
	between.dport = way->become.dport;
	show(&s, way, dir);
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (places[i].to)
			show_tuple(&s, &between);
		if (places[i].from)
			show_tuple(&s, &way->become);
		if (!ask(e, conn, &s, (enum sl_hook)places[i].hook, (enum sl_stage)places[i].stage,
		            q))
			return false;
	}
	return true;
}

bool sl__foresees(struct sl_engine *e, struct sl_conn *conn, enum sl_dir dir,
        const struct sl_rewrite *way, unsigned kinds)
{
	const struct sl_policy *policy = e->config.policy;
	const struct question q = {.kinds = kinds};

	return policy->foresees && (!(kinds & SL_COMING_SUMMED) || policy->counts) &&
	       walk(e, conn, dir, way, &q);
}

void sl__foresee_way(const struct sl_engine *e, const struct sl_conn *conn, enum sl_dir dir,
        const struct sl_known_route *known, struct sl_rewrite *out)
{
	struct sl_tuple other;

	*out = (struct sl_rewrite){.in_if = known->in_if,
	        .vrf = known->vrf,
	        .mark = known->mark,
	        .zone = sl__conn_zone(conn, dir),
	        .out_if = known->answer.out_if,
	        .mtu = known->answer.mtu,
	        .count_hop = e->config.forward_ttl};
	sl__conn_tuple(conn, dir, &out->match);
	sl__conn_tuple(conn, !dir, &other);
	(void)sl__tuple_invert(&other, &out->become);
}

static enum sl_foreseen foresee_plain(struct sl_work *w, const struct sl_rewrite *way)
{
	enum sl_dir dir = (enum sl_dir)w->p->dir;

	if (sl__foresees(w->e, w->conn, dir, way, SL_COMING_PLAIN))
		return SL_FORESEEN;
	if (w->e->env.offload &&
	        sl__foresees(w->e, w->conn, dir, way, SL_COMING_PLAIN | SL_COMING_SUMMED))
		return SL_FORESEEN_COUNTED;
	return SL_FORESEEN_NOT;
}

enum sl_foreseen sl__foresees_like(struct sl_work *w)
{
	const struct sl_packet *p = w->p;
	enum sl_dir dir = (enum sl_dir)p->dir;
	const struct sl_known_route *known = &w->e->known.route[w->conn->route[dir]];
	const struct sl_known_route way = {
	        .answer = w->route, .in_if = p->in_if, .vrf = p->vrf, .mark = p->mark};
	struct sl_rewrite rewrite;
	enum sl_foreseen seen;

	if (w->conn->route[dir] == SL_KNOWN_SEEN || p->from != SL_FROM_WIRE ||
	        p->to != SL_TO_FORWARD ||
	        (w->conn->proto != SL_PROTO_TCP && w->conn->proto != SL_PROTO_UDP))
		return SL_FORESEEN_NOT;
	if (known->held && known->in_if == p->in_if && known->mark == p->mark &&
	        known->vrf == p->vrf && known->answer.out_if == w->route.out_if)
		return known->counted ? SL_FORESEEN_COUNTED : SL_FORESEEN;
	sl__foresee_way(w->e, w->conn, dir, &way, &rewrite);
	seen = foresee_plain(w, &rewrite);
	if (seen == SL_FORESEEN_NOT)
		sl__known_refuse(w->e, w->conn, dir);
	return seen;
}

void sl__foreseen_came(struct sl_engine *e, struct sl_conn *conn, enum sl_dir dir, uint64_t packets,
        uint64_t bytes)
{
	const struct sl_known_route *known = &e->known.route[conn->route[dir]];
	const struct question q = {.packets = packets, .bytes = bytes};
	struct sl_rewrite way;

	if (!packets || !known->counted || !e->config.policy || !e->config.policy->counts)
		return;
	sl__foresee_way(e, conn, dir, known, &way);
	walk(e, conn, dir, &way, &q);
}
