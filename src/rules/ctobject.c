/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `ct helper set`, `ct timeout set`, `ct expectation set`: what rules give to a connection while
 * its first packet is under way. A connection that is confirmed keeps what it has, as in Linux: for
 * it the first two do nothing and the rule goes on, the third does not match.
 *
 * Timeouts are a copy of the engine's with what the object says, made when it is first used. They
 * belong to the ruleset; the engine takes them from all connections before the ruleset may end
 * (sl_engine_set_policy), and from then on its own hold again, as when nft deletes the object.
 *
 * An expectation is for one connection back: from the responder, as the rule sees it, to the
 * opener, at the port that the object names. Nothing is translated for it.
 */
#include "rules/load.h"

#include <string.h>

#include "track/parse.h"
#include "track/tcp.h"

#define TIMEOUT_MAX 2000000 /* seconds: what a deadline may lie ahead */

/* In the order in which nft lists them. */
static const char *const tcp_states[] = {"syn_sent", "syn_recv", "established", "fin_wait",
        "close_wait", "last_ack", "time_wait", "close", "syn_sent2", "retrans", "unack", NULL};
static const uint8_t tcp_places[] = {SL_TCP_SYN_SENT, SL_TCP_SYN_RECV, SL_TCP_ESTABLISHED,
        SL_TCP_FIN_WAIT, SL_TCP_CLOSE_WAIT, SL_TCP_LAST_ACK, SL_TCP_TIME_WAIT, SL_TCP_CLOSE,
        SL_TCP_SYN_SENT2, SL_TCP_RETRANS, SL_TCP_UNACK};
static const char *const udp_states[] = {"unreplied", "replied", NULL};

const char *const *sl__timeout_states(uint8_t proto)
{
	return proto == SL_PROTO_TCP ? tcp_states : udp_states;
}

static void fill_timeouts(struct sl_track *t, struct sl__object *o)
{
	const char *const *states = sl__timeout_states(o->proto);

	*o->timeouts = t->set.timeout;
	for (unsigned i = 0; states[i]; i++) {
		uint32_t seconds = o->seconds[i] < TIMEOUT_MAX ? o->seconds[i] : TIMEOUT_MAX;

		if (seconds && o->proto == SL_PROTO_TCP)
			o->timeouts->tcp[tcp_places[i]] = seconds;
		else if (seconds)
			o->timeouts->udp[i] = seconds;
	}
	o->timeouts_filled = true;
}

static bool set_helper(struct sl__eval *ev, const struct sl__object *o)
{
	struct sl_policy_view *v = ev->view;
	const struct sl_tuple *t = &v->parsed->tuple;

	if (v->conn && o->proto == t->proto && (!o->family || o->family == t->family) &&
	        ev->r->env.set_helper)
		ev->r->env.set_helper(v->engine, v->conn, o->helper);
	return true;
}

/* What its protocol gave it for its first packet is that of the engine: it is new by these as well.
 */
static bool set_timeouts(struct sl__eval *ev, struct sl__object *o)
{
	struct sl_track *t = sl__eval_track(ev);
	struct sl_conn *conn = ev->view->conn;
	struct sl_ext *ext;

	if (!conn || conn->status & SL_CONFIRMED || conn->proto != o->proto)
		return true;
	if (!o->timeouts_filled)
		fill_timeouts(t, o);
	ext = sl__conn_ext(t, conn);
	if (!ext)
		return false;
	ext->timeouts = o->timeouts;
	sl__conn_refresh(t, conn,
	        (o->proto == SL_PROTO_TCP ? o->timeouts->tcp[SL_TCP_SYN_SENT]
	                                  : o->timeouts->udp[0]) *
	                1000);
	return true;
}

static void expect_want(
        const struct sl_conn *conn, const struct sl__object *o, struct sl_expect_want *want)
{
	struct sl_tuple reply;

	sl__conn_tuple(conn, SL_REPLY, &reply);
	memset(want, 0, sizeof *want);
	want->tuple = (struct sl_tuple){.src = reply.src,
	        .dst = reply.dst,
	        .dport = o->port,
	        .family = reply.family,
	        .proto = o->proto};
	memset(want->mask.src.b, 0xff, sizeof want->mask.src.b);
	memset(want->mask.dst.b, 0xff, sizeof want->mask.dst.b);
	want->mask.dport = 0xffff;
	want->mask.proto = 0xff;
	want->timeout_ms =
	        (uint32_t)(o->timeout < TIMEOUT_MAX * 1000ull ? o->timeout : TIMEOUT_MAX * 1000ull);
	want->class_max = (uint16_t)o->size;
	want->reason = "ct expectation set";
	want->beyond = SL_BEYOND_EXPECT_TIME;
}

static bool set_expectation(struct sl__eval *ev, const struct sl__object *o)
{
	struct sl_track *t = sl__eval_track(ev);
	struct sl_conn *conn = ev->view->conn;
	const struct sl_ext *ext;
	struct sl_expect_want want;

	if (!conn || conn->status & SL_CONFIRMED)
		return false;
	ext = sl__ext_of(t, conn);
	if (ext && ext->expect_count[0] >= o->size)
		return false;
	expect_want(conn, o, &want);
	if (o->family && o->family != want.tuple.family)
		return false;
	return sl__expect_add(t, conn, &want, NULL) == SL_WHY_NONE;
}

bool sl__set_ct_object(struct sl__eval *ev, struct sl__object *o)
{
	if (!o || !ev->view->engine)
		return false;
	switch (o->kind) {
	case OB_HELPER:
		return set_helper(ev, o);
	case OB_TIMEOUT:
		return set_timeouts(ev, o);
	default:
		return set_expectation(ev, o);
	}
}
