/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every invariant of the tracker, checked by walking all of it. For tests and fuzzing.
 */
#include "track/track.h"

static bool same_both_ways(const struct sl_conn *conn)
{
	struct sl_tuple original, reply;

	sl__conn_tuple(conn, SL_ORIGINAL, &original);
	sl__conn_tuple(conn, SL_REPLY, &reply);
	return sl_tuple_eq(&original, &reply);
}

static const char *check_conn(struct sl_track *t, struct sl_conn *conn)
{
	for (unsigned dir = 0; dir < 2; dir++) {
		struct sl_tuple tuple;
		enum sl_dir found;

		sl__conn_tuple(conn, (enum sl_dir)dir, &tuple);
		if ((int32_t)(conn->deadline - t->now_ms) <= 0)
			continue; /* due: finding it would end it */
		if (sl__conn_find(t, &tuple, sl__conn_zone(conn, (enum sl_dir)dir), &found) != conn)
			return "a conn is not found by its tuple, or shares it";
		if ((unsigned)found != dir && !same_both_ways(conn))
			return "a conn is found in the wrong direction";
	}
	if (sl__conn_of_id(t, sl__conn_id(t, conn)) != conn)
		return "a conn is not found by its id, or shares it";
	return NULL;
}

/* A translated related conn stands where it arrives, and nobody else stands there. */
static const char *check_arrival(const struct sl_track *t, const struct sl_conn *conn)
{
	const struct sl_ext *ext = sl__ext_of(t, conn);
	bool arrives =
	        ext && conn->status & SL_EXPECTED && conn->status & (SL_SRC_NAT | SL_DST_NAT);

	if (ext && sl__list_empty(&ext->arrival.at) == arrives)
		return "a related conn is not, or for nothing, among the arrivals";
	return arrives && ext->arrival.conn != conn->self ? "an arrival is another conn's" : NULL;
}

static const char *check_expect(struct sl_track *t, const struct sl_expect *expect)
{
	const struct sl_ext *ext;

	if (!sl__slab_live(&t->conns[expect->master & 1], expect->master >> 1))
		return "an expectation outlived its master";
	ext = sl__ext_of(t, sl__conn_at(t, expect->master));
	if (!ext || !ext->expect_count[expect->class_id])
		return "an expectation is not counted by its master";
	return NULL;
}

const char *sl__track_check(struct sl_track *t)
{
	uint32_t conns = 0, unreplied = 0, imported = 0, cursor, budget, ref;
	const char *wrong;

	for (unsigned v6 = 0; v6 < 2; v6++) {
		cursor = 0, budget = UINT32_MAX;
		while ((ref = sl__slab_next(&t->conns[v6], &cursor, &budget))) {
			struct sl_conn *conn = sl__slab_at(&t->conns[v6], ref);

			if (conn->self != (ref << 1 | v6) || !(conn->status & SL_CONFIRMED))
				return "a conn that is not confirmed stayed behind";
			if (v6 && conn->sum6 != sl__conn_sum6(conn))
				return "what translation adds to a checksum is not what it was";
			wrong = check_conn(t, conn);
			if (!wrong)
				wrong = check_arrival(t, conn);
			if (wrong)
				return wrong;
			conns++;
			unreplied += (conn->flags & SL_CONN_UNREPLIED) != 0;
			imported += (conn->status & SL_STATUS_IMPORTED) != 0;
		}
	}
	if (t->table.entries + (t->moving ? t->old_table.entries : 0) != conns * 2)
		return "the index has more or fewer entries than conns have tuples";
	if (imported != sl__slab_count(&t->ids.slab))
		return "an id is kept of a conn that has ended";
	if (unreplied != t->unreplied)
		return "the list of unreplied conns is miscounted";
	cursor = 0, budget = UINT32_MAX;
	while ((ref = sl__slab_next(&t->expects.slab, &cursor, &budget))) {
		wrong = check_expect(t, sl__expect_at(&t->expects, ref));
		if (wrong)
			return wrong;
	}
	return sl__slab_count(&t->expects.slab) == t->expects.count ? NULL
	                                                            : "expectations are miscounted";
}
