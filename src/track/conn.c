/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a conn: made for a first packet, confirmed when that packet leaves, found by
 * both its tuples, kept alive, and ended: by timeout, by its protocol, by request, or because
 * the table is full.
 *
 * Eviction. Conns that saw no reply stand in a list, oldest first; a full table ends the
 * oldest of them. When there is none, a few slots of the table are looked at in turn for one
 * that is not assured, or is closing anyway. Both cost a bounded number of steps, whatever
 * the flood.
 */
#include "track/track.h"

#include <string.h>

#include "track/gre.h"
#include "base/checksum.h"
#include "base/prefetch.h"
#include "base/wire.h"
#include "track/proto.h"

#define SWEEP 64 /* slots looked at for a victim when no conn is unreplied */

/* ---- tuples in a conn ------------------------------------------------------------------------ */

void sl__conn_tuple(const struct sl_conn *conn, enum sl_dir dir, struct sl_tuple *out)
{
	const uint8_t *src = sl__conn_addr(conn, dir, 0), *dst = sl__conn_addr(conn, dir, 1);
	bool v6 = sl__conn_is_v6(conn);

	*out = (struct sl_tuple){.src = v6 ? sl_addr_v6(src) : sl_addr_v4(src),
	        .dst = v6 ? sl_addr_v6(dst) : sl_addr_v4(dst),
	        .sport = conn->port[dir].sport,
	        .dport = conn->port[dir].dport,
	        .proto = conn->proto,
	        .family = v6 ? SL_IPV6 : SL_IPV4};
}

void sl__conn_set_tuple(struct sl_conn *conn, enum sl_dir dir, const struct sl_tuple *tuple)
{
	size_t size = sl__conn_is_v6(conn) ? 16 : 4, from = 16 - size;
	uint8_t *at = size == 16 ? conn->addr6 + (size_t)dir * 32 : conn->addr4 + (size_t)dir * 8;

	memcpy(at, tuple->src.b + from, size);
	memcpy(at + size, tuple->dst.b + from, size);
	conn->port[dir].sport = tuple->sport;
	conn->port[dir].dport = tuple->dport;
}

/* ---- the list of conns that saw no reply ----------------------------------------------------- */

static void unreplied_add(struct sl_track *t, struct sl_conn *conn)
{
	conn->flags |= SL_CONN_UNREPLIED;
	conn->count[SL_REPLY].older = t->unreplied_last;
	conn->count[SL_REPLY].newer = 0;
	if (t->unreplied_last)
		sl__conn_at(t, t->unreplied_last)->count[SL_REPLY].newer = conn->self;
	else
		t->unreplied_first = conn->self;
	t->unreplied_last = conn->self;
	t->unreplied++;
}

static void unreplied_remove(struct sl_track *t, struct sl_conn *conn)
{
	uint32_t older = conn->count[SL_REPLY].older, newer = conn->count[SL_REPLY].newer;

	if (!(conn->flags & SL_CONN_UNREPLIED))
		return;
	if (older)
		sl__conn_at(t, older)->count[SL_REPLY].newer = newer;
	else
		t->unreplied_first = newer;
	if (newer)
		sl__conn_at(t, newer)->count[SL_REPLY].older = older;
	else
		t->unreplied_last = older;
	conn->flags &= (uint8_t)~SL_CONN_UNREPLIED;
	conn->count[SL_REPLY].packets = 0;
	conn->count[SL_REPLY].bytes = 0;
	t->unreplied--;
}

/* ---- is it over? ----------------------------------------------------------------------------- */

/* Over by its protocol, but whom it invited may come yet. */
static bool stays(struct sl_track *t, struct sl_conn *conn)
{
	const struct sl_ext *ext = sl__ext_of(t, conn);

	if (!ext || !ext->stays_until || (int32_t)(ext->stays_until - t->now_ms) <= 0)
		return false;
	conn->deadline = ext->stays_until;
	return true;
}

bool sl__conn_seen_elsewhere(struct sl_track *t, struct sl_conn *conn)
{
	return (conn->flags & SL_CONN_OFFLOADED && t->upper->offload_alive(t, conn)) ||
	       stays(t, conn);
}

/* A conn that is due is ended when it is met, if the clock was not asked yet. */
static bool alive(struct sl_track *t, struct sl_conn *conn)
{
	if ((int32_t)(conn->deadline - t->now_ms) > 0 || sl__conn_seen_elsewhere(t, conn))
		return true;
	sl__conn_kill(t, conn, SL_WHY_TIMEOUT);
	return false;
}

/* ---- beginning ------------------------------------------------------------------------------- */

static bool worth_least(const struct sl_conn *conn)
{
	const struct sl_proto *proto = sl__proto(conn->proto);

	if (!(conn->status & SL_CONFIRMED))
		return false;
	return !(conn->status & SL_ASSURED) || (proto->can_evict && proto->can_evict(conn));
}

static bool sweep(struct sl_track *t, unsigned v6)
{
	uint32_t budget = SWEEP, ref;

	while ((ref = sl__slab_next(&t->conns[v6], &t->sweep[v6], &budget))) {
		struct sl_conn *conn = sl__slab_at(&t->conns[v6], ref);

		if (!worth_least(conn))
			continue;
		sl__conn_kill(t, conn, SL_WHY_EVICTED);
		return true;
	}
	return false;
}

/* In a flood the next victims are known: what ending them will need is asked for. */
static void look_ahead(const struct sl_track *t)
{
	const struct sl_conn *next;
	const void *bucket[2];
	uint64_t hash[2];
	uint32_t then;

	if (!t->unreplied_first)
		return;
	next = sl__conn_at(t, t->unreplied_first);
	sl__index_buckets(t, next, hash, bucket);
	sl__prefetch(bucket[0]);
	sl__prefetch(bucket[1]);
	sl__wheel_ask_for_neighbours(&t->wheel[next->self & 1], next->self >> 1);
	then = next->count[SL_REPLY].newer;
	if (then) {
		sl__index_ask_for(t, then);
		sl__prefetch(&sl__conn_at(t, then)->link);
	}
}

/* Make room for one conn. */
static bool evict(struct sl_track *t, bool v6)
{
	if (t->unreplied_first) {
		sl__conn_kill(t, sl__conn_at(t, t->unreplied_first), SL_WHY_EVICTED);
		look_ahead(t);
	} else if (!sweep(t, v6) && !sweep(t, !v6))
		return false;
	t->stats.conns_evicted++;
	return true;
}

/* Both tuples of a conn whose answers have but their ends exchanged. */
SL_INLINE void set_both(struct sl_conn *conn, const struct sl_tuple *tuple, bool v6)
{
	const size_t size = v6 ? 16 : 4, from = 16 - size;
	uint8_t *at = v6 ? conn->addr6 : conn->addr4;

	memcpy(at, tuple->src.b + from, size);
	memcpy(at + size, tuple->dst.b + from, size);
	memcpy(at + 2 * size, tuple->dst.b + from, size);
	memcpy(at + 3 * size, tuple->src.b + from, size);
	conn->port[SL_ORIGINAL].sport = conn->port[SL_REPLY].dport = tuple->sport;
	conn->port[SL_ORIGINAL].dport = conn->port[SL_REPLY].sport = tuple->dport;
}

static void set_tuples(struct sl_conn *conn, const struct sl_tuple *tuple)
{
	struct sl_tuple reply;

	if (tuple->proto != SL_PROTO_UDP && tuple->proto != SL_PROTO_TCP) {
		sl__tuple_invert(tuple, &reply);
		sl__conn_set_tuple(conn, SL_ORIGINAL, tuple);
		sl__conn_set_tuple(conn, SL_REPLY, &reply);
	} else if (sl__conn_is_v6(conn)) {
		set_both(conn, tuple, true);
	} else {
		set_both(conn, tuple, false);
	}
}

static bool has_answers(const struct sl_tuple *tuple)
{
	struct sl_tuple reply;

	return tuple->proto == SL_PROTO_UDP || tuple->proto == SL_PROTO_TCP ||
	       sl__tuple_invert(tuple, &reply);
}

/* False: imported conns have every id it might get, as only forged ones can. */
static bool give_generation(struct sl_track *t, struct sl_conn *conn)
{
	for (unsigned tries = 0; tries < 64; tries++) {
		conn->generation = ++t->generation;
		if (!sl__slab_count(&t->ids.slab) || !sl__id_imported(t, sl__conn_id(t, conn)))
			return true;
	}
	return false;
}

struct sl_conn *sl__conn_new(struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone,
        uint8_t zone_dirs, enum sl_reason *why)
{
	bool v6 = tuple->family == SL_IPV6;
	struct sl_conn *conn;
	uint32_t ref;

	if (!has_answers(tuple)) {
		*why = SL_WHY_NOT_NEW;
		return NULL;
	}
	if (sl__slab_count(&t->conns[0]) + sl__slab_count(&t->conns[1]) >= t->conn_max &&
	        !evict(t, v6)) {
		*why = SL_WHY_TABLE_FULL;
		return NULL;
	}
	conn = sl__slab_get(&t->conns[v6], &ref);
	if (!conn) {
		*why = SL_WHY_NO_MEMORY;
		return NULL;
	}
	conn->self = ref << 1 | v6;
	if (!give_generation(t, conn)) {
		sl__slab_put(&t->conns[v6], ref);
		*why = SL_WHY_NO_MEMORY;
		return NULL;
	}
	conn->proto = tuple->proto;
	conn->zone = zone;
	conn->flags = v6 ? SL_CONN_IPV6 : 0;
	if (zone_dirs & 1 << SL_ORIGINAL)
		conn->flags |= SL_CONN_ZONE_ORIGINAL;
	if (zone_dirs & 1 << SL_REPLY)
		conn->flags |= SL_CONN_ZONE_REPLY;
	set_tuples(conn, tuple);
	return conn;
}

/* Has somebody else the tuple that conn has in direction dir? */
static bool taken(struct sl_track *t, const struct sl_conn *conn, enum sl_dir dir, uint64_t hash)
{
	uint32_t entry = sl__index_find_like(t, conn, dir, hash);

	return entry && alive(t, sl__conn_at(t, entry >> 1));
}

uint16_t sl__conn_sum6(const struct sl_conn *conn)
{
	uint64_t sum = sl__sum_native(sl__conn_addr(conn, SL_REPLY, 0), 8, 0);

	return sl__sum_native_fold(
	        sl__sum_native_gone(sl__conn_addr(conn, SL_ORIGINAL, 0), 8, sum));
}

/* Find out what the claim does not know, or no longer. False: somebody has one of the tuples. */
static bool make_good(struct sl_track *t, struct sl_conn *conn, struct sl_claim *claim)
{
	for (unsigned dir = 0; dir < 2; dir++) {
		if (claim->free >> dir & 1 && claim->changes == t->table.changes)
			continue;
		claim->hash[dir] = sl__index_hash(t, conn, (enum sl_dir)dir);
		if (taken(t, conn, (enum sl_dir)dir, claim->hash[dir]))
			return false;
	}
	for (unsigned dir = 0; dir < 2; dir++) /* last: who was over is gone now */
		claim->spot[dir] = sl__table_spot(&t->table, claim->hash[dir]);
	return true;
}

enum sl_reason sl__conn_confirm(struct sl_track *t, struct sl_conn *conn)
{
	struct sl_claim nothing = {.free = 0};

	return sl__conn_confirm_claimed(t, conn, &nothing);
}

enum sl_reason sl__conn_confirm_claimed(
        struct sl_track *t, struct sl_conn *conn, struct sl_claim *claim)
{
	if ((claim->free != 3 || claim->changes != t->table.changes) && !make_good(t, conn, claim))
		return SL_WHY_TUPLE_CLASH;
	if (!sl__index_add(t, conn, claim->spot))
		return SL_WHY_NO_MEMORY;
	conn->status |= SL_CONFIRMED;
	if (sl__conn_is_v6(conn))
		conn->sum6 = sl__conn_sum6(conn);
	sl__wheel_add_object(&t->wheel[conn->self & 1], conn->self >> 1, conn);
	if (!(conn->status & SL_SEEN_REPLY))
		unreplied_add(t, conn);
	t->stats.conns_made++;
	if (conn->status & SL_EXPECTED)
		sl__arrival_add(t, conn);
	sl__conn_note(t, conn, conn->status & SL_EXPECTED ? SL_PENDING_RELATED : SL_PENDING_NEW);
	return SL_WHY_NONE;
}

/* ---- ending ---------------------------------------------------------------------------------- */

static void release(struct sl_track *t, struct sl_conn *conn)
{
	struct sl_ext *ext = sl__ext_of(t, conn);

	if (ext)
		sl__expect_remove_all(t, conn, SL_WHY_MASTER_GONE);
	if (ext || conn->status & (SL_SRC_NAT | SL_DST_NAT))
		t->upper->conn_end(t, conn, ext); /* NAT needs no extension to hold a port */
	if (ext) {
		sl__gre_remove_all(t, ext);
		sl__arrival_remove(ext);
		sl__slab_put(&t->exts, conn->ext);
	}
	if (conn->status & SL_STATUS_IMPORTED)
		sl__id_forget(t, conn);
	sl__slab_put(&t->conns[conn->self & 1], conn->self >> 1);
}

/* Whoever wants to know is told, and what Linux alone expected ends too. */
static void tell_end(struct sl_track *t, struct sl_conn *conn, enum sl_reason why)
{
	struct sl_event event = {.type = SL_EVENT_DESTROY,
	        .conn = conn,
	        .packet = t->packet,
	        .why = why,
	        .now = t->now,
	        .beyond = why == SL_WHY_EVICTED ? SL_BEYOND_EVICTION : sl__conn_beyond(t, conn)};

	if (!event.beyond && conn->ext && t->expects.shadows)
		event.beyond = sl__expect_shadow_replace(t, conn);
	if (conn->flags & SL_CONN_OFFLOADED || conn->status & SL_STATUS_OPENED)
		t->upper->offload_end(t, conn);
	conn->status |= SL_DYING;
	if (t->reporting)
		t->upper->event(t, &event);
}

/* hash: as sl__index_remove() has it. */
static void end(
        struct sl_track *t, struct sl_conn *conn, enum sl_reason why, const uint64_t hash[2])
{
	t->stats.reasons[why]++;
	if (t->reporting || conn->ext || conn->flags & SL_CONN_OFFLOADED ||
	        conn->status & SL_STATUS_OPENED)
		tell_end(t, conn, why);
	sl__index_remove(t, conn, hash);
	if (conn->link.next) /* not if it is the wheel that ends it */
		sl__wheel_remove(&t->wheel[conn->self & 1], conn->self >> 1);
	unreplied_remove(t, conn);
	release(t, conn);
}

void sl__conn_kill(struct sl_track *t, struct sl_conn *conn, enum sl_reason why)
{
	end(t, conn, why, NULL);
}

void sl__conn_expire(struct sl_track *t, struct sl_conn *conn, const uint64_t hash[2])
{
	end(t, conn, SL_WHY_TIMEOUT, hash);
}

void sl__conn_drop(struct sl_track *t, struct sl_conn *conn)
{
	release(t, conn);
}

/* ---- finding and keeping --------------------------------------------------------------------- */

/* Who talks to itself, port to port, has one tuple for both directions: it counts as the reply's. */
static bool mirrors_itself(const struct sl_tuple *tuple)
{
	return tuple->sport == tuple->dport && sl_addr_eq(&tuple->src, &tuple->dst);
}

struct sl_conn *sl__conn_find(
        struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone, enum sl_dir *dir)
{
	uint32_t entry = sl__index_find(t, tuple, zone);
	struct sl_conn *conn;

	if (!entry)
		return NULL;
	conn = sl__conn_at(t, entry >> 1);
	*dir = (enum sl_dir)(entry & 1);
	if (mirrors_itself(tuple) && sl__conn_has_tuple(conn, SL_REPLY, tuple))
		*dir = SL_REPLY;
	return alive(t, conn) ? conn : NULL;
}

struct sl_conn *sl__conn_by_handle(const struct sl_track *t, uint64_t handle)
{
	uint32_t self = (uint32_t)handle;
	struct sl_conn *conn;

	if (!self || !sl__slab_live(&t->conns[self & 1], self >> 1))
		return NULL;
	conn = sl__conn_at(t, self);
	return sl__conn_handle(conn) == handle ? conn : NULL;
}

void sl__conn_refresh(struct sl_track *t, struct sl_conn *conn, uint32_t timeout_ms)
{
	uint32_t deadline = t->now_ms + timeout_ms, ref = conn->self >> 1;
	bool earlier = timeout_ms < SL_CONN_HORIZON_MS && (int32_t)(deadline - conn->deadline) < 0;

	if (!(conn->status & SL_CONFIRMED)) {
		conn->deadline = deadline;
		return;
	}
	if (conn->status & SL_FIXED_TIMEOUT)
		return;
	if (earlier) /* the wheel finds out about later deadlines by itself */
		sl__wheel_remove(&t->wheel[conn->self & 1], ref);
	conn->deadline = deadline;
	if (earlier)
		sl__wheel_add(&t->wheel[conn->self & 1], ref);
}

void sl__conn_count(struct sl_track *t, struct sl_conn *conn, enum sl_dir dir, uint32_t bytes)
{
	struct sl_ext *ext;
	bool carry[2];

	if (dir == SL_REPLY && conn->flags & SL_CONN_UNREPLIED)
		return; /* cannot be: sl__conn_replied() comes first */
	carry[0] = ++conn->count[dir].packets == 0;
	carry[1] = (conn->count[dir].bytes += bytes) < bytes;
	if (!carry[0] && !carry[1])
		return;
	ext = sl__conn_ext(t, conn);
	if (!ext)
		return;
	ext->packets_high[dir] += carry[0];
	ext->bytes_high[dir] += carry[1];
}

void sl__conn_count_many(
        struct sl_track *t, struct sl_conn *conn, enum sl_dir dir, uint64_t packets, uint64_t bytes)
{
	uint64_t sum[2] = {conn->count[dir].packets + packets, conn->count[dir].bytes + bytes};
	struct sl_ext *ext = NULL;

	if (dir == SL_REPLY && conn->flags & SL_CONN_UNREPLIED)
		return; /* cannot be: those are never offloaded */
	conn->count[dir].packets = (uint32_t)sum[0];
	conn->count[dir].bytes = (uint32_t)sum[1];
	if (sum[0] >> 32 || sum[1] >> 32)
		ext = sl__conn_ext(t, conn);
	if (!ext)
		return;
	ext->packets_high[dir] += (uint32_t)(sum[0] >> 32);
	ext->bytes_high[dir] += (uint32_t)(sum[1] >> 32);
}

bool sl__conn_set_status(struct sl_conn *conn, unsigned bits)
{
	bool changed = (conn->status & bits) != bits;

	conn->status = (uint16_t)(conn->status | bits);
	return changed;
}

void sl__conn_unlist(struct sl_track *t, struct sl_conn *conn)
{
	unreplied_remove(t, conn);
}

void sl__conn_replied(struct sl_track *t, struct sl_conn *conn)
{
	if (!sl__conn_set_status(conn, SL_SEEN_REPLY))
		return;
	unreplied_remove(t, conn);
	sl__conn_note(t, conn, SL_PENDING_REPLY);
}

struct sl_ext *sl__conn_ext(struct sl_track *t, struct sl_conn *conn)
{
	struct sl_ext *ext;
	uint32_t ref;

	if (conn->ext)
		return sl__slab_at(&t->exts, conn->ext);
	ext = sl__slab_get(&t->exts, &ref);
	if (!ext)
		return NULL;
	sl__list_init(&ext->expects);
	sl__list_init(&ext->gre_keys);
	sl__list_init(&ext->arrival.at);
	conn->ext = ref;
	return ext;
}

void sl__conn_report(struct sl_track *t, struct sl_conn *conn)
{
	struct sl_event event = {.conn = conn, .packet = t->packet, .now = t->now};

	if (!conn->pending)
		return;
	event.beyond = sl__conn_beyond(t, conn);
	event.type = conn->pending & (SL_PENDING_NEW | SL_PENDING_RELATED) ? SL_EVENT_NEW
	                                                                   : SL_EVENT_UPDATE;
	event.state_changed = event.type == SL_EVENT_NEW || conn->pending & SL_PENDING_STATE;
	conn->pending = 0;
	t->upper->event(t, &event);
}
