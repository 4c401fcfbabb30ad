/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A conn and an expectation as the outside sees them.
 */
#include <string.h>

#include <sluice/helper.h>

#include "track/proto.h"
#include "track/tcp.h"

/* Whole seconds left, rounded up: what is still alive never shows less than it has. */
static uint32_t seconds_left(const struct sl_track *t, uint32_t deadline)
{
	int32_t left = (int32_t)(deadline - t->now_ms);

	return left > 0 ? ((uint32_t)left + 500) / 1000 : 0;
}

static void fill_counters(
        const struct sl_conn *conn, const struct sl_ext *ext, struct sl_conn_info *out)
{
	for (unsigned dir = 0; dir < 2; dir++) {
		if (dir == SL_REPLY && conn->flags & SL_CONN_UNREPLIED)
			continue; /* its place holds links */
		out->packets[dir] = conn->count[dir].packets;
		out->bytes[dir] = conn->count[dir].bytes;
		if (ext) {
			out->packets[dir] += (uint64_t)ext->packets_high[dir] << 32;
			out->bytes[dir] += (uint64_t)ext->bytes_high[dir] << 32;
		}
	}
}

void sl__conn_info(const struct sl_track *t, const struct sl_conn *conn, struct sl_conn_info *out)
{
	const struct sl_proto *proto = sl__proto(conn->proto);
	const struct sl_ext *ext = sl__ext_of(t, conn);

	memset(out, 0, sizeof(*out));
	out->id = sl__conn_id(t, conn);
	sl__conn_tuple(conn, SL_ORIGINAL, &out->tuple[SL_ORIGINAL]);
	sl__conn_tuple(conn, SL_REPLY, &out->tuple[SL_REPLY]);
	out->status = conn->status & ~(uint32_t)SL_STATUS_INNER;
	out->timeout = seconds_left(t, conn->deadline);
	out->mark = conn->mark;
	out->zone = conn->zone;
	out->zone_dirs = (uint8_t)((conn->flags & SL_CONN_ZONE_ORIGINAL ? 1 << SL_ORIGINAL : 0) |
	                           (conn->flags & SL_CONN_ZONE_REPLY ? 1 << SL_REPLY : 0));
	out->l4_state = conn->state;
	out->state = proto->state_text ? proto->state_text(conn) : NULL;
	fill_counters(conn, ext, out);
	if (conn->proto == SL_PROTO_TCP)
		sl__tcp_info(conn, out);
	if (!ext)
		return;
	out->helper = ext->helper ? ext->helper->name : NULL;
	out->has_master = ext->master_id != 0;
	out->master_id = ext->master_id;
	out->master = ext->master;
	out->master_helper = ext->master_helper[0] ? ext->master_helper : NULL;
	out->beyond = ext->beyond;
	for (unsigned dir = 0; dir < 2; dir++) {
		out->seqadj[dir].pos = ext->seqadj[dir].pos;
		out->seqadj[dir].before = ext->seqadj[dir].before;
		out->seqadj[dir].after = ext->seqadj[dir].after;
	}
}

void sl__expect_info(
        const struct sl_track *t, const struct sl_expect *expect, struct sl_expect_info *out)
{
	const struct sl_conn *master = sl__conn_at(t, expect->master);

	memset(out, 0, sizeof(*out));
	out->id = expect->id;
	out->tuple = expect->tuple;
	out->mask = expect->mask;
	sl__conn_tuple(master, SL_ORIGINAL, &out->master);
	out->master_id = sl__conn_id(t, master);
	out->timeout = seconds_left(t, expect->deadline);
	out->zone = expect->zone;
	out->flags = expect->flags;
	out->class_id = expect->class_id;
	out->helper = expect->maker ? expect->maker->name : NULL;
	out->reason = expect->reason;
	out->beyond = expect->beyond;
	out->has_nat = expect->more.has_nat;
	out->nat_dir = expect->more.nat_dir;
	out->nat = (struct sl_tuple){.src = expect->more.shown_addr,
	        .sport = expect->more.saved_port,
	        .proto = master->proto,
	        .family = expect->tuple.family}; /* the master's, as Linux shows it */
}
