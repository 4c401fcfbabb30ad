/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the engine's own steps tell to who traces: which connection, which translation, which
 * route. Called only while somebody does.
 */
#include "engine/engine.h"

void sl__tell_lookup(const struct sl_work *w, enum sl_dir dir)
{
	struct sl_track *t = &w->e->track;

	if (!w->conn)
		SL_TRACE(t, NULL, "lookup", "no connection has these ends");
	else
		SL_TRACE(t, w->conn, "lookup", "%s direction of a connection that is known%s%s",
		        dir == SL_ORIGINAL ? "original" : "reply",
		        w->conn->status & SL_SEEN_REPLY ? ", answered" : "",
		        w->conn->status & SL_ASSURED ? ", assured" : "");
}

void sl__tell_nat(const struct sl_work *w, enum sl_manip manip)
{
	struct sl_tuple original, reply, now;
	char before[SL_TUPLE_TEXT], after[SL_TUPLE_TEXT];

	sl__conn_tuple(w->conn, SL_ORIGINAL, &original);
	sl__conn_tuple(w->conn, SL_REPLY, &reply);
	if (!sl__tuple_invert(&reply, &now))
		return;
	if (manip == SL_MANIP_DST) { /* the source has its turn later */
		now.src = original.src;
		now.sport = original.sport;
	}
	SL_TRACE(&w->e->track, w->conn, "nat", "%s of this connection: %s becomes %s",
	        manip == SL_MANIP_DST ? "destination" : "source", sl__tuple_text(&original, before),
	        sl__tuple_text(&now, after));
}

void sl__tell_route(const struct sl_work *w)
{
	static const char *const kinds[] = {[SL_ROUTE_NONE] = "there is none",
	        [SL_ROUTE_FORWARD] = "onward",
	        [SL_ROUTE_LOCAL] = "to this machine",
	        [SL_ROUTE_BROADCAST] = "to all hosts of a network",
	        [SL_ROUTE_UNREACHABLE] = "unreachable",
	        [SL_ROUTE_PROHIBIT] = "prohibited",
	        [SL_ROUTE_BLACKHOLE] = "a black hole"};
	struct sl_track *t = &w->e->track;

	if (w->route.kind == SL_ROUTE_FORWARD && w->route.mtu)
		SL_TRACE(t, w->conn, "route", "onward by interface %u, MTU %u", w->route.out_if,
		        (unsigned)w->route.mtu);
	else
		SL_TRACE(t, w->conn, "route", "%s", kinds[w->route.kind]);
}
