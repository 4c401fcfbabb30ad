/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding conns by tuples: the keyed hash of a tuple, and the table of both tuples of each conn.
 *
 * A new key. Nobody who does not know the key can choose tuples that meet in one bucket
 * (base/hash.h). Should they meet nevertheless, by a leak or by luck, the chain that grows too long
 * (SL_TABLE_CHAIN_MAX) gives the index a new key: a second table is begun, the old one is emptied
 * into it by a few buckets at each step of the engine, and until then both are looked at. No packet
 * waits for it.
 */
#include <string.h>

#include "base/prefetch.h"
#include "base/wire.h"
#include "track/track.h"

#define MOVE_BUCKETS 4 /* at a step */

/* ---- hashing --------------------------------------------------------------------------------- */

static inline uint64_t tuple_hash(
        const struct sl_hash_key *key, const struct sl_tuple *tuple, uint16_t zone)
{
	uint32_t ports = (uint32_t)tuple->sport << 16 | tuple->dport;
	const uint8_t *src = tuple->src.b, *dst = tuple->dst.b;

	if (tuple->family == SL_IPV6)
		return sl__hash_parts(key, src, dst, ports, zone, tuple->proto, true);
	return sl__hash_parts(key, src + 12, dst + 12, ports, zone, tuple->proto, false);
}

static inline uint64_t conn_hash(
        const struct sl_hash_key *key, const struct sl_conn *conn, enum sl_dir dir)
{
	uint32_t ports = (uint32_t)conn->port[dir].sport << 16 | conn->port[dir].dport;
	uint16_t zone = sl__conn_zone(conn, dir);
	const uint8_t *at;

	if (sl__conn_is_v6(conn)) {
		at = conn->addr6 + dir * 32;
		return sl__hash_parts(key, at, at + 16, ports, zone, conn->proto, true);
	}
	at = conn->addr4 + dir * 8;
	return sl__hash_parts(key, at, at + 4, ports, zone, conn->proto, false);
}

uint64_t sl__tuple_hash(const struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone)
{
	return tuple_hash(&t->index_key, tuple, zone);
}

/* ---- what waits for memory ------------------------------------------------------------------- */

static uint64_t entry_hash(const void *ctx, uint32_t entry)
{
	const struct sl_track *t = ctx;

	return conn_hash(&t->index_key, sl__conn_at(t, entry >> 1), (enum sl_dir)(entry & 1));
}

void sl__index_ask_for(const struct sl_track *t, uint32_t self)
{
	const char *conn = (const char *)sl__conn_at(t, self);

	sl__prefetch(conn);
	if (self & 1)
		sl__prefetch(conn + offsetof(struct sl_conn, addr6));
}

static void entry_ahead(const void *ctx, uint32_t entry)
{
	sl__index_ask_for(ctx, entry >> 1);
}

void sl__index_buckets(const struct sl_track *t, const struct sl_conn *conn, uint64_t hash[2],
        const void *bucket[2])
{
	for (unsigned dir = 0; dir < 2; dir++) {
		hash[dir] = conn_hash(&t->index_key, conn, (enum sl_dir)dir);
		bucket[dir] = sl__table_spot(&t->table, hash[dir]).bucket;
	}
}

/* ---- finding --------------------------------------------------------------------------------- */

bool sl__conn_has_tuple(const struct sl_conn *conn, enum sl_dir dir, const struct sl_tuple *tuple)
{
	size_t size = sl__conn_is_v6(conn) ? 16 : 4, from = 16 - size;
	const uint8_t *at = sl__conn_addr(conn, dir, 0);

	return conn->port[dir].sport == tuple->sport && conn->port[dir].dport == tuple->dport &&
	       conn->proto == tuple->proto && sl__conn_is_v6(conn) == (tuple->family == SL_IPV6) &&
	       memcmp(at, tuple->src.b + from, size) == 0 &&
	       memcmp(at + size, tuple->dst.b + from, size) == 0;
}

static uint32_t find_in(const struct sl_track *t, const struct sl_table *table,
        const struct sl_hash_key *key, const struct sl_tuple *tuple, uint16_t zone)
{
	struct sl_probe probe = sl__table_probe(table, tuple_hash(key, tuple, zone));
	uint32_t entry;

	while ((entry = sl__table_next(table, &probe))) {
		const struct sl_conn *conn = sl__conn_at(t, entry >> 1);
		enum sl_dir dir = (enum sl_dir)(entry & 1);

		if (sl__conn_has_tuple(conn, dir, tuple) && sl__conn_zone(conn, dir) == zone)
			return entry;
	}
	return 0;
}

uint32_t sl__index_find(const struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone)
{
	uint32_t entry = find_in(t, &t->table, &t->index_key, tuple, zone);

	return entry || !t->moving ? entry : find_in(t, &t->old_table, &t->old_key, tuple, zone);
}

static uint32_t find_like_in(const struct sl_track *t, const struct sl_table *table, uint64_t hash,
        const struct sl_conn *conn, enum sl_dir dir)
{
	struct sl_probe probe = sl__table_probe(table, hash);
	const size_t size = sl__conn_is_v6(conn) ? 32 : 8;
	uint32_t entry;

	while ((entry = sl__table_next(table, &probe))) {
		const struct sl_conn *other = sl__conn_at(t, entry >> 1);
		enum sl_dir way = (enum sl_dir)(entry & 1);

		if (other->proto == conn->proto && sl__conn_is_v6(other) == sl__conn_is_v6(conn) &&
		        memcmp(&other->port[way], &conn->port[dir], sizeof(other->port[way])) ==
		                0 &&
		        memcmp(sl__conn_addr(other, way, 0), sl__conn_addr(conn, dir, 0), size) ==
		                0 &&
		        sl__conn_zone(other, way) == sl__conn_zone(conn, dir))
			return entry;
	}
	return 0;
}

uint64_t sl__index_hash(const struct sl_track *t, const struct sl_conn *conn, enum sl_dir dir)
{
	return conn_hash(&t->index_key, conn, dir);
}

uint32_t sl__index_find_like(
        const struct sl_track *t, const struct sl_conn *conn, enum sl_dir dir, uint64_t hash)
{
	uint32_t entry = find_like_in(t, &t->table, hash, conn, dir);

	if (entry || !t->moving)
		return entry;
	return find_like_in(t, &t->old_table, conn_hash(&t->old_key, conn, dir), conn, dir);
}

/* ---- a new key ------------------------------------------------------------------------------- */

/* Without memory the chain stays as long as it is, and the next addition to it tries again. */
static void begin_moving(struct sl_track *t)
{
	struct sl_table fresh;

	if (!sl__table_init(&fresh, t->mem, t->exts.object_mask + 1, t->conn_room, entry_hash, t)) {
		sl__table_fini(&fresh);
		return;
	}
	fresh.ahead = entry_ahead;
	fresh.changes = t->table.changes + 1;
	t->old_table = t->table;
	t->old_table.frozen = true;
	t->old_key = t->index_key;
	t->table = fresh;
	sl__hash_key_init(&t->index_key, &t->random);
	t->moving = true;
	t->moved = 0;
	t->rekeyed++;
}

static void finish_moving(struct sl_track *t)
{
	sl__table_fini(&t->old_table);
	t->moving = false;
}

void sl__index_move(struct sl_track *t)
{
	for (unsigned n = 0; n < MOVE_BUCKETS && t->moving; n++) {
		uint32_t entry = sl__table_any(&t->old_table, t->moved);

		for (; entry; entry = sl__table_any(&t->old_table, t->moved)) {
			const struct sl_conn *conn = sl__conn_at(t, entry >> 1);
			enum sl_dir dir = (enum sl_dir)(entry & 1);

			if (!sl__table_add(&t->table, conn_hash(&t->index_key, conn, dir), entry))
				return; /* no memory: the next step tries again */
			sl__table_remove(&t->old_table, conn_hash(&t->old_key, conn, dir), entry);
		}
		if (++t->moved == sl__table_buckets(&t->old_table))
			finish_moving(t);
	}
}

/* ---- adding and removing --------------------------------------------------------------------- */

/* By what its tuple hashes to now, which is not what it hashed to before the index got a new key. */
static void remove_one(struct sl_track *t, const struct sl_conn *conn, enum sl_dir dir)
{
	uint32_t entry = conn->self << 1 | dir;

	if (!sl__table_remove(&t->table, conn_hash(&t->index_key, conn, dir), entry) && t->moving)
		sl__table_remove(&t->old_table, conn_hash(&t->old_key, conn, dir), entry);
}

bool sl__index_add(struct sl_track *t, const struct sl_conn *conn, const struct sl_spot spot[2])
{
	const uint32_t entry[2] = {conn->self << 1 | SL_ORIGINAL, conn->self << 1 | SL_REPLY};

	if (!sl__table_add_both(&t->table, spot, entry))
		return false;
	if (t->moving)
		sl__index_move(t);
	else if (t->table.too_long)
		begin_moving(t);
	t->table.too_long = false;
	return true;
}

void sl__index_remove(struct sl_track *t, const struct sl_conn *conn, const uint64_t hash[2])
{
	for (unsigned dir = 0; dir < 2; dir++)
		/* An entry is nobody else's, so a hash that is not right any more finds nothing. */
		if (!hash || !sl__table_remove(&t->table, hash[dir], conn->self << 1 | dir))
			remove_one(t, conn, (enum sl_dir)dir);
	if (t->moving)
		sl__index_move(t);
}

bool sl__index_init(struct sl_track *t, uint32_t slab_chunk)
{
	t->index_key = t->key; /* until they part */
	if (!sl__table_init(&t->table, t->mem, slab_chunk, t->conn_room, entry_hash, t))
		return false;
	t->table.ahead = entry_ahead;
	return true;
}

void sl__index_fini(struct sl_track *t)
{
	if (t->moving)
		finish_moving(t);
	sl__table_fini(&t->table);
}
