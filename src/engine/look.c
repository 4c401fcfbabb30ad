/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking at connections and expectations from outside, one by one or all in steps.
 */
#include "engine/engine.h"

void sl_conn_info(
	const struct sl_engine *engine, const struct sl_conn *conn, struct sl_conn_info *out)
{
	sl__conn_info(&engine->track, conn, out);
}

void sl_expect_info(
	const struct sl_engine *engine, const struct sl_expect *expect, struct sl_expect_info *out)
{
	sl__expect_info(&engine->track, expect, out);
}

/* The cursor of a walk: the slab's own in the low half, above it which slab. */
bool sl_conn_walk(struct sl_engine *engine, uint64_t *cursor, unsigned steps,
	void (*visit)(void *ctx, struct sl_conn *conn), void *ctx)
{
	unsigned v6 = (unsigned)(*cursor >> 32) & 1;
	uint32_t at = (uint32_t)*cursor, budget = steps ? steps : 1, ref;

	while ((ref = sl__slab_next(&engine->track.conns[v6], &at, &budget))) {
		struct sl_conn *conn = sl__slab_at(&engine->track.conns[v6], ref);

		if (conn->status & SL_CONFIRMED)
			visit(ctx, conn);
	}
	if (at == 0 && v6) {
		*cursor = 0;
		return false;
	}
	*cursor = (uint64_t)(at == 0 ? 1 : v6) << 32 | at;
	return true;
}

bool sl_expect_walk(struct sl_engine *engine, uint64_t *cursor, unsigned steps,
	void (*visit)(void *ctx, struct sl_expect *expect), void *ctx)
{
	uint32_t at = (uint32_t)*cursor, budget = steps ? steps : 1, ref;

	while ((ref = sl__slab_next(&engine->track.expects.slab, &at, &budget)))
		visit(ctx, sl__expect_at(&engine->track.expects, ref));
	*cursor = at;
	return at != 0;
}

struct sl_conn *sl_conn_find(struct sl_engine *engine, const struct sl_tuple *tuple,
	uint16_t zone, enum sl_dir *dir)
{
	return sl__conn_find(&engine->track, tuple, zone, dir);
}

void sl_conn_kill(struct sl_engine *engine, struct sl_conn *conn, enum sl_reason why)
{
	sl__conn_kill(&engine->track, conn, why);
}

void sl_expect_kill(struct sl_engine *engine, struct sl_expect *expect, enum sl_reason why)
{
	sl__expect_remove(&engine->track, expect, why);
}

void sl_conn_set_mark(struct sl_engine *engine, struct sl_conn *conn, uint32_t mark)
{
	if (conn->mark == mark)
		return;
	conn->mark = mark;
	sl__conn_note(&engine->track, conn, SL_PENDING_MARK);
}

static const char *const beyond_names[SL_BEYOND_COUNT] = {
	[SL_BEYOND_NONE] = "none",
	[SL_BEYOND_SPLIT_MESSAGE] = "split-message",
	[SL_BEYOND_MANY_MESSAGES] = "many-messages",
	[SL_BEYOND_SYNTAX] = "syntax",
	[SL_BEYOND_EVICTION] = "eviction",
	[SL_BEYOND_EXPECT_TIME] = "expect-time",
	[SL_BEYOND_PORT_SEARCH] = "port-search",
	[SL_BEYOND_REFUSED] = "refused",
	[SL_BEYOND_ADDRESS_TEXT] = "address-text",
	[SL_BEYOND_OTHER_CALLS] = "other-calls",
	[SL_BEYOND_SIGNED] = "signed",
	[SL_BEYOND_LINE_START] = "line-start",
	[SL_BEYOND_PASSED] = "passed",
	[SL_BEYOND_REPEATED] = "repeated",
	[SL_BEYOND_SOURCE_KEPT] = "source-kept",
	[SL_BEYOND_CALL_ID] = "call-id",
	[SL_BEYOND_PORT_IN_USE] = "port-in-use",
	[SL_BEYOND_BROADCAST] = "broadcast",
	[SL_BEYOND_FIRST_SEEN] = "first-seen",
	[SL_BEYOND_ENCRYPTED] = "encrypted",
	[SL_BEYOND_TRANSPORT_ADDRESS] = "transport-address",
};

const char *sl_beyond_name(enum sl_beyond beyond)
{
	return (unsigned)beyond < SL_BEYOND_COUNT ? beyond_names[beyond] : "unknown";
}
