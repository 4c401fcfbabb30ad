/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ids of conns: 64 bits by which the outside knows one while it lives.
 *
 *	origin:16  generation:16  reference:32
 *
 * A conn made here is known by where it lies, which of those that lay there it is, and whose it
 * is: `origin` differs between the shards of a gateway, and between gateways that exchange conns.
 * Nothing has to be stored. A conn that came from elsewhere keeps the id it had; that one is
 * stored here, for imported conns alone (SL_STATUS_IMPORTED).
 *
 * No two living conns of an engine have the same id: one that is taken is not imported, and a new
 * conn takes the next generation instead of an id that an imported one has.
 */
#ifndef SL_TRACK_IDS_H
#define SL_TRACK_IDS_H

#include "base/slab.h"
#include "track/table.h"

struct sl_track;
struct sl_conn;

/* Conns that came with an id; each in the table twice: by it, and by its reference. */
struct sl_ids {
	struct sl_slab slab; /* struct sl_imported */
	struct sl_table table;
	bool there; /* the table is: it takes memory with the first one */
};

void sl__ids_init(struct sl_track *t, uint32_t slab_chunk);
void sl__ids_fini(struct sl_track *t);

/*
 * The conn is known by `id` from now on, which nobody else must have but one that is about to end.
 * False: no memory.
 */
bool sl__id_set(struct sl_track *t, struct sl_conn *conn, uint64_t id);
/* It ends. */
void sl__id_forget(struct sl_track *t, struct sl_conn *conn);
/* Does an imported conn have that id? */
bool sl__id_imported(const struct sl_track *t, uint64_t id);
/* The living conn with that id; NULL: none. */
struct sl_conn *sl__conn_of_id(const struct sl_track *t, uint64_t id);

/* What it is known by outside. */
uint64_t sl__conn_id(const struct sl_track *t, const struct sl_conn *conn);

#endif
