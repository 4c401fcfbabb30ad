/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which id a conn has, and which conn an id: see ids.h.
 *
 * The ids of imported conns are objects of 16 bytes, found through an index like that of tuples,
 * which has two entries for each: reference << 1 | what it is found by. What is not imported is
 * never looked for there.
 */
#include "track/ids.h"

#include "track/track.h"

struct sl_imported {
	uint64_t id;
	uint32_t conn; /* reference */
};

enum by { BY_ID = 0, BY_CONN = 1 };

static uint64_t hash(const struct sl_track *t, enum by by, uint64_t value)
{
	uint32_t words[3] = {by, (uint32_t)(value >> 32), (uint32_t)value};

	return sl__hash_words(&t->key, words, 3);
}

static struct sl_imported *at(const struct sl_track *t, uint32_t entry)
{
	return sl__slab_at(&t->ids.slab, entry >> 1);
}

static uint64_t value_of(const struct sl_track *t, uint32_t entry)
{
	const struct sl_imported *i = at(t, entry);

	return (enum by)(entry & 1) == BY_ID ? i->id : i->conn;
}

static uint64_t hash_of(const void *ctx, uint32_t entry)
{
	return hash(ctx, (enum by)(entry & 1), value_of(ctx, entry));
}

/* The entry with this id, or of this conn; 0: none. */
static uint32_t find(const struct sl_track *t, enum by by, uint64_t value)
{
	struct sl_probe probe;
	uint32_t entry;

	if (!sl__slab_count(&t->ids.slab))
		return 0;
	probe = sl__table_probe(&t->ids.table, hash(t, by, value));
	while ((entry = sl__table_next(&t->ids.table, &probe)))
		if ((enum by)(entry & 1) == by && value_of(t, entry) == value)
			return entry;
	return 0;
}

void sl__ids_init(struct sl_track *t, uint32_t slab_chunk)
{
	sl__slab_init(&t->ids.slab, t->mem, sizeof(struct sl_imported), alignof(struct sl_imported),
	        slab_chunk, t->conn_room);
}

void sl__ids_fini(struct sl_track *t)
{
	if (t->ids.there)
		sl__table_fini(&t->ids.table);
	t->ids.there = false;
	sl__slab_fini(&t->ids.slab);
}

static bool have_table(struct sl_track *t)
{
	struct sl_ids *ids = &t->ids;

	if (!ids->there && !(ids->there = sl__table_init(&ids->table, t->mem,
	                             ids->slab.object_mask + 1, t->conn_room, hash_of, t)))
		sl__table_fini(&ids->table);
	return ids->there;
}

/* The id that it has by where it lies. */
static uint64_t natural(const struct sl_track *t, const struct sl_conn *conn)
{
	return (uint64_t)t->origin << 48 | sl__conn_handle(conn);
}

bool sl__id_set(struct sl_track *t, struct sl_conn *conn, uint64_t id)
{
	struct sl_imported *i;
	uint32_t ref;

	if (id == natural(t, conn))
		return true;
	if (!have_table(t))
		return false;
	i = sl__slab_get(&t->ids.slab, &ref);
	if (!i)
		return false;
	*i = (struct sl_imported){.id = id, .conn = conn->self};
	if (!sl__table_add(&t->ids.table, hash(t, BY_ID, id), ref << 1 | BY_ID)) {
		sl__slab_put(&t->ids.slab, ref);
		return false;
	}
	if (!sl__table_add(&t->ids.table, hash(t, BY_CONN, conn->self), ref << 1 | BY_CONN)) {
		sl__table_remove(&t->ids.table, hash(t, BY_ID, id), ref << 1 | BY_ID);
		sl__slab_put(&t->ids.slab, ref);
		return false;
	}
	conn->status |= SL_STATUS_IMPORTED;
	return true;
}

void sl__id_forget(struct sl_track *t, struct sl_conn *conn)
{
	uint32_t ref = find(t, BY_CONN, conn->self) >> 1;
	uint64_t id = at(t, ref << 1)->id;

	sl__table_remove(&t->ids.table, hash(t, BY_CONN, conn->self), ref << 1 | BY_CONN);
	sl__table_remove(&t->ids.table, hash(t, BY_ID, id), ref << 1 | BY_ID);
	sl__slab_put(&t->ids.slab, ref);
	conn->status &= (uint16_t)~SL_STATUS_IMPORTED;
}

bool sl__id_imported(const struct sl_track *t, uint64_t id)
{
	return find(t, BY_ID, id) != 0;
}

struct sl_conn *sl__conn_of_id(const struct sl_track *t, uint64_t id)
{
	uint32_t entry = find(t, BY_ID, id);
	struct sl_conn *conn;

	if (entry)
		return sl__conn_at(t, at(t, entry)->conn);
	if (id >> 48 != t->origin)
		return NULL;
	conn = sl__conn_by_handle(t, id & UINT64_C(0xffffffffffff));
	return conn && !(conn->status & SL_STATUS_IMPORTED) ? conn : NULL;
}

uint64_t sl__conn_id(const struct sl_track *t, const struct sl_conn *conn)
{
	if (conn->status & SL_STATUS_IMPORTED)
		return at(t, find(t, BY_CONN, conn->self))->id;
	return natural(t, conn);
}
