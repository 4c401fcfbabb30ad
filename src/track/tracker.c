/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tracker as a whole: made and ended, and its clock. Conns and expectations wait in timer wheels, one for
 * each size of conn; whoever drives the engine says what time it is, asks what is due, and how long it
 * may sleep. A conn that a device forwards is asked for there before it is ended.
 */
#include "track/track.h"

#include <string.h>

#include "base/prefetch.h"
#include "track/gre.h"

/* ---- what is due ------------------------------------------------------------------------------- */

/* They will be due soon: their buckets are asked for, and the hashes kept for their removal. */
static void ahead(void *ctx, struct sl_wheel_due *const due[], unsigned n)
{
	const struct sl_track *t = ctx;
	const void *bucket[2 * SL_WHEEL_TOLD];

	for (unsigned i = 0; i < n; i++)
		sl__index_buckets(t, due[i]->object, due[i]->note, bucket + 2 * i);
	for (unsigned i = 0; i < 2 * n; i++)
		sl__prefetch(bucket[i]);
}

static void expired(void *ctx, struct sl_wheel_due *due)
{
	struct sl_track *t = ctx;
	struct sl_conn *conn = due->object;

	if (sl__conn_seen_elsewhere(t, conn))
		sl__wheel_add(&t->wheel[conn->self & 1], due->ref);
	else
		sl__conn_expire(t, conn, due->told ? due->note : NULL);
}

void sl__track_set_now(struct sl_track *t, uint64_t now)
{
	if (now <= t->now)
		return;
	t->now = now;
	t->now_ms = (uint32_t)(now / 1000000);
}

bool sl__track_expire(struct sl_track *t, unsigned budget)
{
	bool more = sl__expects_expire(t, budget);

	more |= sl__wheel_advance(&t->wheel[0], t->now_ms, budget, expired, t);
	more |= sl__wheel_advance(&t->wheel[1], t->now_ms, budget, expired, t);
	return more;
}

uint64_t sl__track_deadline(const struct sl_track *t)
{
	const struct sl_wheel *wheels[3] = {&t->wheel[0], &t->wheel[1], &t->expects.wheel};
	uint64_t first = UINT64_MAX, base = t->now / 1000000;
	uint32_t at;

	for (unsigned i = 0; i < 3; i++) {
		int32_t ahead;
		uint64_t ms;

		if (!sl__wheel_next(wheels[i], &at))
			continue;
		ahead = (int32_t)(at - t->now_ms);
		ms = ahead > 0 ? base + (uint32_t)ahead : base;
		if (ms * 1000000 < first)
			first = ms * 1000000;
	}
	return first;
}

/* ---- made and ended ---------------------------------------------------------------------------- */

bool sl__track_init(struct sl_track *t, const struct sl_track_config *config)
{
	const struct sl_mem *mem = config->mem;
	uint64_t begin;

	memset(t, 0, sizeof(*t));
	t->mem = mem;
	t->upper = config->upper;
	t->conn_max = config->conn_max;
	t->conn_room = config->conn_max < 1u << 25 ? config->conn_max * 8 + 64 : 1u << 28;
	sl__tunables_init(&t->set);
	t->set.max = config->conn_max;
	t->set.expect_max = config->expect_max;
	sl__random_init(&t->random, config->seed);
	sl__hash_key_init(&t->key, &t->random);
	t->now = config->now;
	t->now_ms = (uint32_t)(config->now / 1000000);
	for (unsigned v6 = 0; v6 < 2; v6++) {
		sl__slab_init(&t->conns[v6], mem, v6 ? SL_CONN_SIZE_IPV6 : SL_CONN_SIZE_IPV4, 64,
		        config->slab_chunk, t->conn_room);
		sl__wheel_init(&t->wheel[v6], &t->conns[v6], offsetof(struct sl_conn, link),
		        offsetof(struct sl_conn, deadline), t->now_ms);
		t->wheel[v6].horizon = SL_CONN_HORIZON_MS;
		t->wheel[v6].ahead = ahead;
	}
	sl__slab_init(&t->exts, mem, sizeof(struct sl_ext), alignof(struct sl_ext),
	        config->slab_chunk, t->conn_room);
	t->origin = config->origin;
	/* Two engines that exchange conns begin at different places: one's ids are rarely the other's. */
	begin = sl__hash_words(&t->key, (uint32_t[1]){config->origin}, 1);
	t->generation = (uint16_t)begin;
	t->expects.last_id = (begin >> 16 & 0xffff) << 32;
	sl__ids_init(t, config->slab_chunk);
	sl__gre_init(t, config->expect_max ? config->expect_max : 1);
	sl__arrivals_init(t);
	if (sl__expects_init(t, config->expect_max) != SL_WHY_NONE)
		return false;
	return sl__index_init(t, config->slab_chunk);
}

static void end_all(struct sl_track *t)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		uint32_t cursor = 0, budget = UINT32_MAX, ref;

		while ((ref = sl__slab_next(&t->conns[v6], &cursor, &budget)))
			sl__conn_kill(t, sl__slab_at(&t->conns[v6], ref), SL_WHY_FLUSHED);
	}
}

void sl__track_fini(struct sl_track *t)
{
	t->reporting = false;
	t->packet = NULL;
	end_all(t);
	sl__index_fini(t);
	sl__expects_fini(t);
	sl__gre_fini(t);
	sl__ids_fini(t);
	sl__slab_fini(&t->exts);
	sl__slab_fini(&t->conns[0]);
	sl__slab_fini(&t->conns[1]);
}
