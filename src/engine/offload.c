/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections handed down to a device (eBPF, rte_flow, a NIC): it translates and forwards the
 * plain packets of both directions, the engine sees the rest.
 *
 * Which. Forwarded TCP and UDP connections that are assured, known by their way in both
 * directions, watched by no helper and never edited. Where chains want to see packets
 * (e->long_way), only those that the policy named (sl_policy_view.offload: nft's flow add).
 *
 * A beginning. A device that can (sl_offload.open) is told of TCP connections with their first SYN, if the chains
 * will let pass all that follows, as is foreseen with it (foresee.c): it lets pass what is next in order by itself, and
 * puts copies in here. For the engine that is a connection like any other. When the device has had enough of it,
 * it asks whether it is to be handed down now.
 *
 * What comes back. The device gives to the engine whatever is not plain: SYN, FIN, RST,
 * options, fragments, errors, what is too long or too old. A SYN, FIN or RST ends the offload; the
 * others pass by the long way beside it. The engine has not seen what the device forwarded, so
 * windows are checked liberally from the first offload on, for good.
 *
 * What revokes. Changes of routes, addresses or the policy: the device is told to use nothing that
 * was added so far (revoke(), at once), and conns learn of it one by one, with their next packet
 * here or when the sweep of stale routes comes to them (known.c): SL_OFFLOAD without live routes is
 * a stale one. A device that cannot revoke has each removed at once.
 *
 * Time and counters. The device counts; the engine asks when the conn is due, is shown, ends, or
 * comes back. Being due is no end if the device saw it meanwhile.
 */
#include "engine/offload.h"

#include "engine/foresee.h"

#include "track/tcp.h"

static const struct sl_offload *device(const struct sl_engine *e)
{
	return e->env.offload;
}

static bool has_way(const struct sl_engine *e, const struct sl_conn *conn)
{
	return e->known.route[conn->route[0]].held && e->known.route[conn->route[1]].held;
}

/* Does the device have it? */
static bool is_down(const struct sl_conn *conn)
{
	return conn->flags & SL_CONN_OFFLOADED || conn->status & SL_STATUS_OPENED;
}

/* ---- giving down --------------------------------------------------------------------------- */

static bool settled(const struct sl_conn *conn)
{
	const unsigned need = SL_CONFIRMED | SL_SEEN_REPLY | SL_ASSURED;

	if (conn->flags & (SL_CONN_WATCHED | SL_CONN_EDITED | SL_CONN_OFFLOADED) ||
	        (conn->status & need) != need || conn->status & SL_DYING)
		return false;
	return conn->proto == SL_PROTO_UDP ||
	       (conn->proto == SL_PROTO_TCP && conn->state == SL_TCP_ESTABLISHED);
}

static bool give_down(struct sl_engine *e, struct sl_conn *conn)
{
	struct sl_rewrite rewrite[2];

	for (unsigned dir = 0; dir < 2; dir++)
		sl__foresee_way(e, conn, (enum sl_dir)dir, &e->known.route[conn->route[dir]],
		        &rewrite[dir]);
	if (!device(e)->add(device(e)->ctx, conn, sl__conn_id(&e->track, conn), rewrite))
		return false;
	conn->flags |= SL_CONN_OFFLOADED;
	if (conn->proto == SL_PROTO_TCP)
		conn->flags |= SL_CONN_LIBERAL;
	sl__conn_set_status(conn, SL_OFFLOAD);
	SL_TRACE(&e->track, conn, "offload", "handed down");
	return true;
}

/* ---- a beginning --------------------------------------------------------------------------- */

/* The ways of its packets, of which only one has come: `answer` is made to look like one of the others. */
static bool foresee_ways(struct sl_work *w, struct sl_packet *answer, struct sl_known_route way[2])
{
	struct sl_parsed parsed = w->parsed;
	struct sl_tuple original;

	*answer = (struct sl_packet){.in_if = w->p->out_if,
	        .vrf = w->p->vrf,
	        .mark = w->came_mark,
	        .dir = SL_REPLY,
	        .inside = !w->p->inside};
	way[SL_ORIGINAL] = (struct sl_known_route){
	        .answer = w->route, .in_if = w->p->in_if, .vrf = w->p->vrf, .mark = w->came_mark};
	way[SL_REPLY] = (struct sl_known_route){
	        .in_if = answer->in_if, .vrf = answer->vrf, .mark = answer->mark};
	sl__conn_tuple(w->conn, SL_REPLY, &parsed.tuple);
	sl__conn_tuple(w->conn, SL_ORIGINAL, &original);
	parsed.tuple.dst = original.src; /* as it is when the route is asked for */
	sl__route(w->e, answer, &parsed, &way[SL_REPLY].answer);
	return way[SL_REPLY].answer.kind == SL_ROUTE_FORWARD && w->route.kind == SL_ROUTE_FORWARD;
}

static bool begins(const struct sl_work *w)
{
	const struct sl_conn *conn = w->conn;

	return conn->proto == SL_PROTO_TCP && conn->state == SL_TCP_SYN_SENT &&
	       w->p->dir == SL_ORIGINAL && w->p->verdict == SL_ACCEPT &&
	       (w->parsed.tcp_flags & (SL_SYN | SL_ACK)) == SL_SYN &&
	       w->parsed.payload == w->parsed.len && w->parsed.frag == SL_FRAG_NONE &&
	       w->p->mark == w->came_mark && !(conn->flags & (SL_CONN_WATCHED | SL_CONN_EDITED)) &&
	       !(conn->status & (SL_STATUS_OPENED | SL_FIXED_TIMEOUT));
}

static bool both_foreseen(
        struct sl_work *w, const struct sl_rewrite rewrite[2], unsigned back, unsigned kinds)
{
	return sl__foresees(w->e, w->conn, SL_ORIGINAL, &rewrite[SL_ORIGINAL], kinds) &&
	       sl__foresees(w->e, w->conn, SL_REPLY, &rewrite[SL_REPLY], kinds | back);
}

/*
 * Do chains let pass all that will follow, whatever its flags? And do they not mind if they never see plain
 * packets: then it may be handed down for good later. While it begins they see copies, and may count these.
 */
static bool chains_agree(
        struct sl_work *w, const struct sl_rewrite rewrite[2], enum sl_foreseen *for_good)
{
	const unsigned all = SL_COMING_PLAIN | SL_COMING_END;

	*for_good = SL_FORESEEN;
	if (!w->e->ruled && !w->e->long_way)
		return true;
	if (both_foreseen(w, rewrite, SL_COMING_ANSWER, all)) {
		*for_good = w->e->ruled ? SL_FORESEEN : SL_FORESEEN_NOT;
		return true;
	}
	if (!both_foreseen(w, rewrite, SL_COMING_ANSWER, all | SL_COMING_COUNTED))
		return false;
	if (!w->e->ruled)
		*for_good = SL_FORESEEN_NOT;
	else if (!both_foreseen(w, rewrite, 0, SL_COMING_PLAIN))
		*for_good = both_foreseen(w, rewrite, 0, SL_COMING_PLAIN | SL_COMING_SUMMED)
		                    ? SL_FORESEEN_COUNTED
		                    : SL_FORESEEN_NOT;
	return true;
}

static void give_beginning(struct sl_work *w)
{
	const struct sl_opening opening = {
	        .next_seq = w->parsed.seq + 1, .window = w->parsed.window};
	const struct sl_offload *dev = device(w->e);
	struct sl_rewrite rewrite[2];
	struct sl_known_route way[2];
	struct sl_packet answer;
	enum sl_foreseen for_good;

	if (!foresee_ways(w, &answer, way))
		return;
	for (unsigned dir = 0; dir < 2; dir++)
		sl__foresee_way(w->e, w->conn, (enum sl_dir)dir, &way[dir], &rewrite[dir]);
	if (!chains_agree(w, rewrite, &for_good))
		return;
	if (for_good != SL_FORESEEN_NOT) {
		bool counted = for_good == SL_FORESEEN_COUNTED;

		sl__known_learn(w->e, w->conn, w->p, &way[SL_ORIGINAL].answer, counted);
		sl__known_learn(w->e, w->conn, &answer, &way[SL_REPLY].answer, counted);
	}
	if (dev->open(dev->ctx, w->conn, sl__conn_id(&w->e->track, w->conn), rewrite, &opening))
		w->conn->status |= SL_STATUS_OPENED;
}

bool sl_offload_offer(struct sl_engine *engine, struct sl_conn *conn)
{
	bool given = !engine->long_way && has_way(engine, conn) && settled(conn) &&
	             give_down(engine, conn);

	conn->status &= (uint16_t)~SL_STATUS_OPENED;
	return given;
}

/* ---- asking -------------------------------------------------------------------------------- */

static uint32_t timeout_of(const struct sl_track *t, const struct sl_conn *conn)
{
	const struct sl_timeouts *set = sl__timeouts(t, conn);

	return (conn->proto == SL_PROTO_TCP ? set->tcp[conn->state] : set->udp[1]) * 1000;
}

/* Count what the device did, and keep the conn for as long as that asks for. */
static void ask(struct sl_engine *e, struct sl_conn *conn)
{
	struct sl_offload_counts counts = {0};
	struct sl_track *t = &e->track;
	uint32_t deadline;

	device(e)->poll(device(e)->ctx, sl__conn_id(t, conn), &counts);
	for (unsigned dir = 0; dir < 2; dir++) {
		sl__conn_count_many(
		        t, conn, (enum sl_dir)dir, counts.packets[dir], counts.bytes[dir]);
		sl__foreseen_came(
		        e, conn, (enum sl_dir)dir, counts.packets[dir], counts.bytes[dir]);
	}
	if (!counts.last_seen || counts.last_seen > t->now)
		return;
	deadline = (uint32_t)(counts.last_seen / 1000000) + timeout_of(t, conn);
	if ((int32_t)(deadline - conn->deadline) > 0 && (int32_t)(deadline - t->now_ms) > 0)
		sl__conn_refresh(t, conn, deadline - t->now_ms);
}

bool sl__offload_alive(struct sl_track *t, struct sl_conn *conn)
{
	ask(sl__engine_of(t), conn);
	return (int32_t)(conn->deadline - t->now_ms) > 0;
}

void sl_offload_poll(struct sl_engine *engine, struct sl_conn *conn)
{
	if (conn->flags & SL_CONN_OFFLOADED)
		ask(engine, conn);
}

/* ---- taking back --------------------------------------------------------------------------- */

void sl__offload_end(struct sl_track *t, struct sl_conn *conn)
{
	struct sl_engine *e = sl__engine_of(t);

	if (conn->flags & SL_CONN_OFFLOADED)
		ask(e, conn);
	device(e)->remove(device(e)->ctx, sl__conn_id(t, conn));
	conn->status &= (uint16_t)~SL_STATUS_OPENED;
	conn->flags &= (uint8_t)~SL_CONN_OFFLOADED;
	conn->status &= (uint16_t)~SL_OFFLOAD;
	SL_TRACE(t, conn, "offload", "taken back");
}

static void take_all_back(struct sl_engine *e)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		uint32_t cursor = 0, budget = UINT32_MAX, ref;

		while ((ref = sl__slab_next(&e->track.conns[v6], &cursor, &budget))) {
			struct sl_conn *conn = sl__slab_at(&e->track.conns[v6], ref);

			if (is_down(conn))
				sl__offload_end(&e->track, conn);
		}
	}
}

void sl__offload_revoke(struct sl_engine *e)
{
	if (!device(e))
		return;
	if (device(e)->revoke)
		device(e)->revoke(device(e)->ctx);
	else
		take_all_back(e);
}

void sl__offload_stale(struct sl_engine *e, struct sl_conn *conn)
{
	if (is_down(conn))
		sl__offload_end(&e->track, conn);
}

/* ---- after each packet of the long way ----------------------------------------------------- */

/* Are its packets what the rewrite record says, so that a device could know them? */
static bool is_plain(const struct sl_work *w)
{
	const struct sl_conn *conn = w->conn;

	return w->p->from == SL_FROM_WIRE && w->p->to == SL_TO_FORWARD &&
	       sl__conn_zone(conn, SL_ORIGINAL) == w->p->zone &&
	       sl__conn_zone(conn, SL_REPLY) == w->p->zone;
}

void sl__offload_after(struct sl_work *w)
{
	struct sl_conn *conn = w->conn;
	struct sl_engine *e = w->e;

	if (!conn || w->fresh || w->icmp_error || w->ending != SL_WHY_NONE)
		return;
	if (conn->flags & SL_CONN_OFFLOADED) {
		bool ends = conn->proto == SL_PROTO_TCP &&
		            w->parsed.tcp_flags & (SL_SYN | SL_FIN | SL_RST);

		if (ends || !has_way(e, conn))
			sl__offload_end(&e->track, conn);
	}
	if (device(e)->open && !e->track.tracing && begins(w) && is_plain(w))
		give_beginning(w);
	else if (w->p->verdict == SL_ACCEPT && (!e->long_way || w->offload) && is_plain(w) &&
	         settled(conn) && !(conn->status & SL_STATUS_OPENED) && has_way(e, conn))
		give_down(e, conn);
}
