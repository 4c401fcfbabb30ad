/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is modelled, each by the most obvious means:
 *
 *   which connection   the first one in the list that has the packet's tuple, in either direction
 *   state              reply: ESTABLISHED; else ESTABLISHED once a reply came, RELATED if it was
 *                      expected, NEW otherwise. An ICMP error is RELATED to what it quotes
 *   a new one          its original tuple is the packet's; its reply tuple is nobody's; RELATED
 *                      exactly if an expectation in the list fits
 *   translation        a packet leaves with the inverse of the tuple of the other direction. Random
 *                      choices are not predicted but judged: a port that was free is kept, another
 *                      lies in the range of its class, nobody shares a tuple
 *   expiry             from timeouts: nothing ends before its time, nothing is there after it
 *   eviction           only when the table is full, never an assured one, unreplied ones first
 *   expectations       of a master that lives, met once, timed
 *
 * Connections and expectations come into the lists by the engine's events, and go by them; each
 * event must be allowed by what the lists hold. TCP's and SCTP's state machines are not modelled:
 * for TCP the timeout must be one of its state's.
 *
 * A GRE packet of a call (PPTP) shows its receiver's key only. The sender's is that of whoever in the lists
 * has the rest; a call's first packet, when it comes too late to be expected, is believed.
 *
 * Packets come apart by the library's parser, which has tests of its own.
 */
#include "tests/model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "track/parse.h"

/* The most that either list may hold; what is more is not compared any longer. */
#define MOST 1200

struct conn {
	struct sl_tuple tuple[2];
	uint16_t zone;
	uint8_t zone_dirs;
	bool replied, assured, expected;
	uint64_t made_ms, dies_ms;
	uint32_t state;
};

struct expect {
	uint64_t id;
	struct sl_tuple tuple, mask, master;
	uint16_t zone;
	bool permanent, inactive;
	uint64_t dies_ms;
};

struct model {
	struct model_config config;
	struct conn conn[MOST];
	struct expect expect[MOST];
	unsigned conns, expects;
	bool lost; /* more than the lists hold */
	uint64_t now_ms;
	/* the packet that is under way, as it came */
	bool working, parsed;
	struct sl_packet came;
	struct sl_parsed in;
	struct sl_tuple quoted; /* of an ICMP error: what it quotes, the other way round */
	bool quotes;
	bool fresh, met,
	        reopened; /* it opened a connection; met an expectation; ended one for another */
	struct sl_tuple met_by; /* the master's original tuple */
	bool was_known, was_replied, was_expected;
	enum sl_dir was_dir;
	char why[300];
};

static const char *disagree(struct model *m, const char *what)
{
	snprintf(m->why, sizeof(m->why), "%s", what);
	return m->why;
}

/* ---- tuples ------------------------------------------------------------------------------ */

static bool invert(const struct sl_tuple *t, struct sl_tuple *out)
{
	static const uint8_t pairs[][3] = {
	        {1, 8, 0}, {1, 13, 14}, {1, 15, 16}, {1, 17, 18}, {58, 128, 129}, {58, 139, 140}};
	uint8_t type = (uint8_t)(t->dport >> 8);

	*out = *t;
	out->src = t->dst;
	out->dst = t->src;
	if (t->proto != SL_PROTO_ICMP && t->proto != SL_PROTO_ICMPV6) {
		out->sport = t->dport;
		out->dport = t->sport;
		return true;
	}
	for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (t->proto == pairs[i][0] && (type == pairs[i][1] || type == pairs[i][2])) {
			uint8_t other = type == pairs[i][1] ? pairs[i][2] : pairs[i][1];

			out->dport = SL_TUPLE_ICMP(other, t->dport & 255);
			return true;
		}
	return false;
}

static uint16_t zone_of(const struct conn *c, unsigned dir)
{
	return c->zone_dirs & 1u << dir ? c->zone : 0;
}

static struct conn *find(struct model *m, const struct sl_tuple *t, uint16_t zone, enum sl_dir *dir)
{
	for (unsigned i = 0; i < m->conns; i++)
		for (unsigned d = 0; d < 2; d++) {
			struct conn *c = &m->conn[i];

			if (!sl_tuple_eq(&c->tuple[d], t) || zone_of(c, d) != zone ||
			        c->dies_ms <= m->now_ms)
				continue;
			/* From itself to itself: Linux takes such a packet for an answer. */
			*dir = sl_tuple_eq(&c->tuple[0], &c->tuple[1]) ? SL_REPLY : (enum sl_dir)d;
			return c;
		}
	return NULL;
}

static bool same_hosts(const struct sl_tuple *a, const struct sl_tuple *b)
{
	return a->proto == b->proto && sl_addr_eq(&a->src, &b->src) && sl_addr_eq(&a->dst, &b->dst);
}

/* One key of a call tells the other, by what is expected or there. by_source: it is the sender's. */
static void complete(const struct model *m, struct sl_tuple *t, bool by_source)
{
	const struct sl_tuple *found = NULL;

	if (t->proto != SL_PROTO_GRE)
		return;
	for (unsigned i = 0; i < m->expects; i++) {
		const struct sl_tuple *x = &m->expect[i].tuple;

		if (same_hosts(x, t) && (by_source ? x->sport == t->sport : x->dport == t->dport))
			found = x;
	}
	for (unsigned i = 0; i < 2 * m->conns; i++) {
		const struct sl_tuple *x = &m->conn[i / 2].tuple[i % 2];

		if (same_hosts(x, t) && (by_source ? x->sport == t->sport : x->dport == t->dport))
			found = x;
	}
	if (found)
		*t = *found;
}

/* Does another one than `c` have this tuple? */
static bool taken(
        const struct model *m, const struct conn *c, const struct sl_tuple *t, uint16_t zone)
{
	for (unsigned i = 0; i < m->conns; i++)
		for (unsigned d = 0; d < 2; d++)
			if (&m->conn[i] != c && m->conn[i].dies_ms > m->now_ms &&
			        sl_tuple_eq(&m->conn[i].tuple[d], t) &&
			        zone_of(&m->conn[i], d) == zone)
				return true;
	return false;
}

static struct conn *same_conn(struct model *m, const struct sl_conn_info *info)
{
	for (unsigned i = 0; i < m->conns; i++)
		if (sl_tuple_eq(&m->conn[i].tuple[0], &info->tuple[0]) &&
		        m->conn[i].zone == info->zone)
			return &m->conn[i];
	return NULL;
}

static struct conn *conn_with_original(struct model *m, const struct sl_tuple *t, uint16_t zone)
{
	for (unsigned i = 0; i < m->conns; i++)
		if (sl_tuple_eq(&m->conn[i].tuple[0], t) && m->conn[i].zone == zone)
			return &m->conn[i];
	return NULL;
}

/* ---- timeouts ---------------------------------------------------------------------------- */

static uint32_t tunable(const struct sl_engine *e, const char *name)
{
	uint32_t value = 0;

	(void)sl_tunable_get(e, name, &value);
	return value;
}

/* May a connection of this kind have so many seconds left right after a packet? */
static bool tcp_timeout_fits(const struct sl_engine *e, const char *state, uint32_t seconds)
{
	static const char *const others[] = {"nf_conntrack_tcp_timeout_max_retrans",
	        "nf_conntrack_tcp_timeout_unacknowledged", "nf_conntrack_tcp_timeout_close"};
	char name[80] = "nf_conntrack_tcp_timeout_";
	size_t n = strlen(name);

	for (const char *s = state; *s && n < sizeof(name) - 1; s++)
		name[n++] = (char)(*s >= 'A' && *s <= 'Z' ? *s - 'A' + 'a' : *s);
	name[n] = 0;
	if (!strcmp(state, "SYN_SENT2")) /* a second SYN_SENT */
		name[n - 1] = 0;
	if (tunable(e, name) == seconds)
		return true;
	for (unsigned i = 0; i < 3; i++)
		if (tunable(e, others[i]) == seconds)
			return true;
	return false;
}

static bool timeout_fits(const struct model *m, const struct conn *c, const struct sl_engine *e,
        const struct sl_conn_info *info)
{
	bool late = m->now_ms > c->made_ms + 2000;

	if (m->config.own_timeouts)
		return true;
	if (info->helper && info->tuple[0].proto != SL_PROTO_TCP)
		return true; /* some keep their masters longer */
	switch (info->tuple[0].proto) {
	case SL_PROTO_TCP:
		return tcp_timeout_fits(e, info->state, info->timeout);
	case SL_PROTO_UDP:
		return info->timeout == tunable(e, m->was_replied && late
		                                           ? "nf_conntrack_udp_timeout_stream"
		                                           : "nf_conntrack_udp_timeout");
	case SL_PROTO_UDPLITE:
		return info->timeout == tunable(e, m->was_replied
		                                           ? "nf_conntrack_udp_timeout_stream"
		                                           : "nf_conntrack_udp_timeout");
	case SL_PROTO_ICMP:
		return info->timeout == tunable(e, "nf_conntrack_icmp_timeout");
	case SL_PROTO_ICMPV6:
		return info->timeout == tunable(e, "nf_conntrack_icmpv6_timeout");
	case SL_PROTO_SCTP:
	case SL_PROTO_DCCP:
	case SL_PROTO_GRE:
		return true;
	}
	return info->timeout == tunable(e, "nf_conntrack_generic_timeout");
}

static uint32_t seconds_left(const struct model *m, uint64_t dies_ms)
{
	return dies_ms > m->now_ms ? (uint32_t)((dies_ms - m->now_ms + 500) / 1000) : 0;
}

/* ---- a new connection: is what the engine chose allowed? --------------------------------- */

static bool has_ports(uint8_t proto)
{
	return proto == SL_PROTO_TCP || proto == SL_PROTO_UDP || proto == SL_PROTO_SCTP ||
	       proto == SL_PROTO_DCCP || proto == SL_PROTO_UDPLITE;
}

static bool same_class(uint16_t a, uint16_t b)
{
	return (a < 512 && b < 512 && b) || (a >= 512 && a < 1024 && b >= 600 && b < 1024) ||
	       (a >= 1024 && b >= 1024);
}

/* The port (or id) that answers come to. */
static uint16_t answer_port(const struct sl_tuple *reply)
{
	return has_ports(reply->proto) ? reply->dport : reply->sport;
}

/* As in Linux, a source that was given another port towards one remote gets it towards others too. */
static bool follows_another(const struct model *m, const struct conn *c)
{
	for (unsigned i = 0; i < m->conns; i++) {
		const struct conn *other = &m->conn[i];

		if (other != c && other->zone == c->zone &&
		        other->tuple[0].proto == c->tuple[0].proto &&
		        other->tuple[0].sport == c->tuple[0].sport &&
		        sl_addr_eq(&other->tuple[0].src, &c->tuple[0].src) &&
		        answer_port(&other->tuple[1]) == answer_port(&c->tuple[1]))
			return true;
	}
	return false;
}

static const char *judge_reply(struct model *m, const struct conn *c, const struct sl_packet *p)
{
	struct sl_tuple plain, wanted;
	bool v6 = c->tuple[0].family == SL_IPV6, free_as_it_is;

	if (m->config.rules || c->expected || !p)
		return NULL;
	if (!invert(&c->tuple[0], &plain))
		return disagree(m, "a tuple that cannot be answered opened a connection");
	wanted = plain;
	if (m->config.masquerades && p->out_if == m->config.out_if && p->to == SL_TO_FORWARD)
		wanted.dst = m->config.public_addr[v6];
	free_as_it_is = !taken(m, c, &wanted, zone_of(c, 1));
	if (sl_tuple_eq(&wanted, &c->tuple[1]))
		return NULL;
	if (free_as_it_is && !follows_another(m, c))
		return disagree(m, "the reply tuple is not what it should be, and that was free");
	wanted.dport = c->tuple[1].dport;
	wanted.sport = has_ports(wanted.proto) ? wanted.sport : c->tuple[1].sport;
	if (!sl_tuple_eq(&wanted, &c->tuple[1]))
		return disagree(m, "the reply tuple differs by more than its port");
	if (has_ports(wanted.proto) && !same_class(answer_port(&plain), answer_port(&wanted)))
		return disagree(m, "the chosen port is not of the class of the original one");
	return NULL;
}

/* A permanent expectation stays when it is met, so that nothing is reported: does the packet fit one? */
static void meet_permanent(struct model *m, uint16_t zone)
{
	for (unsigned i = 0; i < m->expects && !m->met; i++) {
		const struct expect *x = &m->expect[i];

		if (!x->permanent || x->zone != zone ||
		        (!m->in.frag && !sl_tuple_eq_masked(&m->in.tuple, &x->tuple, &x->mask)))
			continue;
		m->met = true;
		m->met_by = x->master;
	}
}

static const char *add_conn(
        struct model *m, const struct sl_conn_info *info, const struct sl_packet *p)
{
	struct conn *c = &m->conn[m->conns];
	bool whole = m->working && m->parsed && !m->in.frag;

	if (m->conns == MOST) {
		m->lost = true;
		return NULL;
	}
	*c = (struct conn){.tuple = {info->tuple[0], info->tuple[1]},
	        .zone = info->zone,
	        .zone_dirs = info->zone_dirs,
	        .expected = info->status & SL_EXPECTED,
	        .made_ms = m->now_ms,
	        .dies_ms = m->now_ms + (uint64_t)info->timeout * 1000};
	if (m->in.tuple.proto == SL_PROTO_GRE && whole)
		m->in.tuple.sport = info->tuple[0].sport;
	if (p && whole && !sl_tuple_eq(&info->tuple[0], &m->in.tuple))
		return disagree(m, "a new connection's original tuple is not its first packet's");
	if (c->expected && !m->met && m->working)
		meet_permanent(m, info->zone);
	if (c->expected != m->met)
		return disagree(m, c->expected ? "EXPECTED, but no expectation was met"
		                               : "an expectation was met for nothing");
	for (unsigned d = 0; d < 2; d++)
		if (taken(m, c, &c->tuple[d], zone_of(c, d)))
			return disagree(m, "a new connection has a tuple that another one has");
	m->conns++;
	m->fresh = true;
	return whole ? judge_reply(m, c, p) : NULL;
}

/* ---- events ------------------------------------------------------------------------------ */

static const char *judge_eviction(struct model *m, const struct conn *c, const struct sl_engine *e)
{
	if (m->conns < tunable(e, "nf_conntrack_max"))
		return disagree(m, "evicted although the table is not full");
	if (c->assured)
		return disagree(m, "an assured connection was evicted");
	if (!c->replied)
		return NULL;
	for (unsigned i = 0; i < m->conns; i++)
		if (!m->conn[i].replied)
			return disagree(
			        m, "a replied connection was evicted before an unreplied one");
	return NULL;
}

static const char *remove_conn(struct model *m, const struct sl_engine *e,
        const struct sl_conn_info *info, const struct sl_event *event)
{
	struct conn *c = same_conn(m, info);
	const char *why = NULL;

	if (!c)
		return m->lost ? NULL : disagree(m, "the end of a connection that is not there");
	if (event->why == SL_WHY_TIMEOUT && c->dies_ms > m->now_ms)
		why = disagree(m, "a connection timed out before its time");
	if (event->why == SL_WHY_EVICTED)
		why = judge_eviction(m, c, e);
	if (event->why == SL_WHY_TCP_REOPENED) {
		m->reopened = true;
		if (!event->packet || info->tuple[0].proto != SL_PROTO_TCP)
			why = disagree(m, "reopened by nothing");
	}
	*c = m->conn[--m->conns];
	return why;
}

static const char *add_expect(struct model *m, const struct sl_expect_info *info)
{
	struct expect *x = &m->expect[m->expects];

	if (m->expects == MOST) {
		m->lost = true;
		return NULL;
	}
	*x = (struct expect){.id = info->id,
	        .tuple = info->tuple,
	        .mask = info->mask,
	        .master = info->master,
	        .zone = info->zone,
	        .permanent = info->flags & SL_EXPECT_PERMANENT,
	        .inactive = info->flags & SL_EXPECT_INACTIVE,
	        .dies_ms = m->now_ms + (uint64_t)info->timeout * 1000};
	m->expects++;
	return NULL;
}

static const char *remove_expect(
        struct model *m, const struct sl_expect_info *info, enum sl_reason why)
{
	for (unsigned i = 0; i < m->expects; i++) {
		struct expect x = m->expect[i];

		if (x.id != info->id)
			continue;
		m->expect[i] = m->expect[--m->expects];
		/* a permanent one may have been refreshed, which nothing tells */
		if (why == SL_WHY_TIMEOUT && !x.permanent && seconds_left(m, x.dies_ms) > 0)
			return disagree(m, "an expectation timed out before its time");
		if (why != SL_WHY_MET)
			return NULL;
		if (m->met) /* the other way round of the call: goes with the one that was met */
			return x.tuple.proto == SL_PROTO_GRE && sl_tuple_eq(&x.master, &m->met_by)
			               ? NULL
			               : disagree(m, "a packet met two expectations");
		m->met = true;
		m->met_by = x.master;
		if (!m->working || x.inactive ||
		        (!m->in.frag && !sl_tuple_eq_masked(&m->in.tuple, &x.tuple, &x.mask)))
			return disagree(m, "an expectation was met by what does not fit");
		if (!conn_with_original(m, &x.master, x.zone) && !m->lost)
			return disagree(m, "an expectation without its master was met");
		return NULL;
	}
	return m->lost ? NULL : disagree(m, "the end of an expectation that is not there");
}

const char *model_event(struct model *m, struct sl_engine *engine, const struct sl_event *event)
{
	struct sl_expect_info expect;
	struct sl_conn_info conn;
	struct conn *c;

	if (!m)
		return NULL;
	m->now_ms = event->now / 1000000;
	switch (event->type) {
	case SL_EVENT_NEW:
		sl_conn_info(engine, event->conn, &conn);
		return add_conn(m, &conn, event->packet);
	case SL_EVENT_UPDATE:
		sl_conn_info(engine, event->conn, &conn);
		c = same_conn(m, &conn);
		if (!c && !m->lost)
			return disagree(m, "an update of a connection that is not there");
		if (c && !sl_tuple_eq(&c->tuple[1], &conn.tuple[1]))
			return disagree(m, "a connection's reply tuple changed");
		return NULL;
	case SL_EVENT_DESTROY:
		sl_conn_info(engine, event->conn, &conn);
		return remove_conn(m, engine, &conn, event);
	case SL_EVENT_EXPECT_NEW:
		sl_expect_info(engine, event->expect, &expect);
		return add_expect(m, &expect);
	case SL_EVENT_EXPECT_DESTROY:
		sl_expect_info(engine, event->expect, &expect);
		return remove_expect(m, &expect, event->why);
	case SL_EVENT_LOG:
		break;
	}
	return NULL;
}

/* ---- packets ----------------------------------------------------------------------------- */

static bool parse_quote(struct model *m, const struct sl_packet *p)
{
	struct sl_parsed q;

	return m->in.quote && m->in.quote <= m->in.len &&
	       sl__parse_quoted(p->data + m->in.quote, m->in.len - m->in.quote,
	               (enum sl_family)m->in.tuple.family, &q) == SL_WHY_NONE &&
	       q.frag != SL_FRAG_LATER && invert(&q.tuple, &m->quoted);
}

void model_before(struct model *m, const struct sl_packet *p, uint64_t now)
{
	struct conn *c;

	if (!m)
		return;
	if (now / 1000000 > m->now_ms)
		m->now_ms = now / 1000000;
	m->working = true;
	m->came = *p;
	m->parsed = sl__parse(p, &m->in) == SL_WHY_NONE;
	m->fresh = m->met = m->reopened = m->was_replied = m->was_expected = false;
	m->quotes = m->parsed && m->in.icmp == SL_ICMP_ERROR && parse_quote(m, p);
	complete(m, &m->in.tuple, false);
	complete(m, &m->quoted, true);
	c = m->parsed ? find(m, &m->in.tuple, p->zone, &m->was_dir) : NULL;
	m->was_known = c != NULL;
	if (c) {
		m->was_replied = c->replied;
		m->was_expected = c->expected;
	}
}

/* The packet as it left: does its tuple say what its connection's tuples say? */
static const char *judge_out(struct model *m, const struct sl_packet *p, const struct conn *c)
{
	struct sl_parsed out;
	struct sl_tuple wanted;

	if (p->verdict != SL_ACCEPT || sl__parse(p, &out) != SL_WHY_NONE || out.frag)
		return NULL;
	if (!invert(&c->tuple[!p->dir], &wanted))
		return disagree(m, "a connection's tuple has no inverse");
	if (wanted.proto == SL_PROTO_GRE)
		wanted.sport = 0; /* it does not show */
	if (!sl_tuple_eq(&out.tuple, &wanted))
		return disagree(m, "the packet that left is not translated as its connection says");
	return NULL;
}

static const char *judge_error(struct model *m, const struct sl_packet *p)
{
	enum sl_dir dir = SL_ORIGINAL;
	struct conn *c = m->quotes ? find(m, &m->quoted, p->zone, &dir) : NULL;

	if (p->state == SL_CT_UNTRACKED ||
	        (p->state == SL_CT_INVALID && p->reason == SL_WHY_BAD_CHECKSUM))
		return NULL;
	if (c && !sl_addr_eq(&c->tuple[dir].dst, &m->in.tuple.dst))
		c = NULL;
	if (!c != (p->state != SL_CT_RELATED))
		return disagree(m, c ? "an ICMP error is not RELATED to what it quotes"
		                     : "an ICMP error is RELATED to nothing");
	return c && p->dir != dir ? disagree(m, "an ICMP error goes the wrong way") : NULL;
}

static bool may_be_invalid(const struct model *m, const struct sl_packet *p)
{
	if (p->reason == SL_WHY_BAD_CHECKSUM)
		return true;
	switch (m->in.tuple.proto) {
	case SL_PROTO_TCP:
	case SL_PROTO_SCTP:
	case SL_PROTO_DCCP:
		return true;
	case SL_PROTO_ICMP:
	case SL_PROTO_ICMPV6:
		return !m->was_known && m->in.icmp != SL_ICMP_REQUEST;
	}
	return false;
}

static const char *judge_state(struct model *m, const struct sl_packet *p)
{
	enum sl_ctstate wanted;

	if (p->state == SL_CT_UNTRACKED)
		return m->config.rules || m->in.icmp == SL_ICMP_NEIGHBOUR
		               ? NULL
		               : disagree(m, "UNTRACKED, but why?");
	if (p->state == SL_CT_INVALID)
		return may_be_invalid(m, p)
		               ? NULL
		               : disagree(m, "INVALID, but nothing can be wrong with it");
	if (m->config.rules)
		return NULL;
	if (!m->was_known || m->reopened)
		wanted = m->met ? SL_CT_RELATED : SL_CT_NEW;
	else if (m->was_dir == SL_REPLY || m->was_replied)
		wanted = SL_CT_ESTABLISHED;
	else
		wanted = m->was_expected ? SL_CT_RELATED : SL_CT_NEW;
	if (p->state != wanted) {
		snprintf(m->why, sizeof(m->why), "state %d, the list says %d (%s%s%s%s, reason %s)",
		        p->state, wanted, m->was_known ? "known" : "new",
		        m->was_replied ? " replied" : "", m->was_expected ? " expected" : "",
		        m->reopened ? " reopened" : "", sl_reason_name((enum sl_reason)p->reason));
		return m->why;
	}
	if (m->was_known && !m->reopened && p->dir != m->was_dir)
		return disagree(m, "another direction than the list says");
	if ((!m->was_known || m->reopened) && p->dir != SL_ORIGINAL)
		return disagree(m, "a connection's first packet is not of its original direction");
	return NULL;
}

/* What the engine now says of the packet's connection, against the list; then the list follows. */
static const char *follow(
        struct model *m, struct sl_engine *e, const struct sl_packet *p, struct conn *c)
{
	struct sl_conn_info info;
	struct sl_conn *conn;
	enum sl_dir dir;

	if (c->dies_ms <= m->now_ms)
		return NULL;
	conn = sl_conn_find(e, &c->tuple[0], zone_of(c, 0), &dir);
	if (!conn)
		return disagree(m, "the engine does not find a connection that the list has");
	sl_conn_info(e, conn, &info);
	if (!sl_tuple_eq(&info.tuple[0], &c->tuple[0]) ||
	        !sl_tuple_eq(&info.tuple[1], &c->tuple[1]))
		return disagree(m, "the engine finds another connection than the list");
	if (p->dir == SL_REPLY)
		c->replied = c->replied || p->state == SL_CT_ESTABLISHED;
	if (c->replied != !!(info.status & SL_SEEN_REPLY))
		return disagree(
		        m, c->replied ? "SEEN_REPLY is not set" : "SEEN_REPLY without a reply");
	c->assured = info.status & SL_ASSURED;
	if (c->assured && !c->replied)
		return disagree(m, "ASSURED without a reply");
	if (info.timeout == seconds_left(m, c->dies_ms) && !timeout_fits(m, c, e, &info))
		return NULL; /* it did not count: its time goes on */
	if (!timeout_fits(m, c, e, &info))
		return disagree(m, "a timeout that its state does not have");
	c->dies_ms = m->now_ms + (uint64_t)info.timeout * 1000;
	return NULL;
}

/* Its protocol let it pass without counting it (or a rule dropped it before): times are as they
 * were. */
static bool counts(const struct sl_packet *p)
{
	return p->state == SL_CT_NEW || p->state == SL_CT_ESTABLISHED || p->state == SL_CT_RELATED;
}

static const char *judge(struct model *m, struct sl_engine *e, const struct sl_packet *p)
{
	const char *why;
	struct conn *c;
	enum sl_dir dir;

	if (!m->parsed || m->in.frag || m->in.atomic_fragment || p->state == SL_CT_NONE ||
	        p->verdict == SL_QUEUED || p->verdict == SL_TAKEN || p->verdict == SL_HANDOVER)
		return NULL;
	if (m->in.icmp == SL_ICMP_ERROR)
		return m->config.rules ? NULL : judge_error(m, p);
	why = judge_state(m, p);
	if (why || !counts(p))
		return why;
	c = find(m, &m->in.tuple, p->zone, &dir);
	if (!c)
		return NULL; /* it ended with this packet, or never began: its events were judged */
	why = judge_out(m, p, c);
	return why ? why : follow(m, e, p, c);
}

const char *model_after(struct model *m, struct sl_engine *engine, const struct sl_packet *p)
{
	struct sl_stats stats;
	const char *why;

	if (!m || m->lost)
		return NULL;
	why = judge(m, engine, p);
	m->working = false;
	sl_stats(engine, &stats);
	if (!why && stats.conns != m->conns)
		why = disagree(m, "the engine has another number of connections than the list");
	if (!why && stats.expects != m->expects)
		why = disagree(m, "the engine has another number of expectations than the list");
	return why;
}

/* A connection stays for what it expects to come again and again, if its helper says so. */
static bool stays(const struct model *m, const struct conn *c)
{
	for (unsigned i = 0; i < m->expects; i++)
		if (m->expect[i].permanent && sl_tuple_eq(&m->expect[i].master, &c->tuple[0]))
			return true;
	return false;
}

const char *model_clock(struct model *m, uint64_t now)
{
	if (!m || m->lost)
		return NULL;
	if (now / 1000000 > m->now_ms)
		m->now_ms = now / 1000000;
	for (unsigned i = 0; i < m->conns; i++)
		if (m->conn[i].dies_ms <= m->now_ms && !stays(m, &m->conn[i]))
			return disagree(m, "a connection outlived its time");
	for (unsigned i = 0; i < m->expects; i++)
		if (!m->expect[i].permanent && m->expect[i].dies_ms <= m->now_ms)
			return disagree(m, "an expectation outlived its time");
	return NULL;
}

/* ---- life -------------------------------------------------------------------------------- */

struct model *model_create(const struct model_config *config)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	m->config = *config;
	m->now_ms = config->now / 1000000;
	return m;
}

void model_destroy(struct model *m)
{
	free(m);
}
