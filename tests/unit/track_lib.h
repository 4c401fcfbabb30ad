/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tracker on its own, with nothing above it: counted memory that fails when it is told to, a
 * clock that is a number, and what it told the layers above written down.
 */
#ifndef TESTS_UNIT_TRACK_LIB_H
#define TESTS_UNIT_TRACK_LIB_H

#include <stdio.h>

#include <sluice/mem.h>

#include "tests/lib/memory.h"
#include "track/track.h"

#define TOLD_MAX 64

struct told { /* an event */
	enum sl_event_type type;
	enum sl_reason why;
	enum sl_beyond beyond;
	bool state_changed;
	const void *of; /* the conn or expectation */
};

struct track_world {
	struct sl_track t; /* the first member: upper functions get it */
	struct memory memory;
	struct sl_mem mem;
	struct told told[TOLD_MAX];
	unsigned n_told;
	unsigned ended; /* calls of upper->conn_end */
	int32_t offset; /* what upper->seq_offset answers */
	unsigned offset_asked;
	bool offload_alive;
	char trace[2048]; /* "step: text" lines */
};

struct track_options {
	uint8_t seed;
	uint16_t origin;
	uint32_t conns, expects; /* limits; 0: 16384, 64 */
	uint32_t chunk;          /* 0: 16 */
};

static inline void world_conn_end(struct sl_track *t, struct sl_conn *conn, struct sl_ext *ext)
{
	(void)conn, (void)ext;
	((struct track_world *)(void *)t)->ended++;
}

static inline int32_t world_seq_offset(
        const struct sl_track *t, const struct sl_conn *conn, enum sl_dir dir, uint32_t seq)
{
	(void)conn, (void)dir, (void)seq;
	return ((const struct track_world *)(const void *)t)->offset;
}

static inline bool world_offload_alive(struct sl_track *t, struct sl_conn *conn)
{
	(void)conn;
	return ((struct track_world *)(void *)t)->offload_alive;
}

static inline void world_offload_end(struct sl_track *t, struct sl_conn *conn)
{
	(void)t;
	conn->flags &= (uint8_t)~SL_CONN_OFFLOADED;
}

static inline void world_event(struct sl_track *t, const struct sl_event *event)
{
	struct track_world *w = (struct track_world *)(void *)t;

	if (w->n_told < TOLD_MAX)
		w->told[w->n_told] = (struct told){event->type, event->why, event->beyond,
		        event->state_changed,
		        event->expect ? (const void *)event->expect : (const void *)event->conn};
	w->n_told++;
}

static inline void world_trace(struct sl_track *t, const struct sl_conn *conn, const char *step,
        const char *text, size_t len)
{
	struct track_world *w = (struct track_world *)(void *)t;
	size_t used = strlen(w->trace);

	(void)conn;
	snprintf(w->trace + used, sizeof(w->trace) - used, "%s: %.*s\n", step, (int)len, text);
}

static const struct sl_upper world_upper = {.conn_end = world_conn_end,
        .seq_offset = world_seq_offset,
        .offload_alive = world_offload_alive,
        .offload_end = world_offload_end,
        .event = world_event,
        .trace = world_trace};

/* The tracker alone; false where memory was made to fail. */
static inline bool track_try(
        struct track_world *w, const struct track_options *o, unsigned long fail_at)
{
	struct sl_track_config config = {.mem = &w->mem,
	        .upper = &world_upper,
	        .seed = {o->seed},
	        .conn_max = o->conns ? o->conns : 16384,
	        .expect_max = o->expects ? o->expects : 64,
	        .slab_chunk = o->chunk ? o->chunk : 16,
	        .origin = o->origin,
	        .now = 1000000000};

	memset(w, 0, sizeof(*w));
	w->memory.fail_at = fail_at;
	w->mem = (struct sl_mem){memory_get, memory_give, &w->memory};
	if (!sl__track_init(&w->t, &config))
		return false;
	w->t.shards = 1;
	w->t.reporting = true;
	return true;
}

static inline void track_begin(struct track_world *w, const struct track_options *o)
{
	assert_true(track_try(w, o, 0));
}

static inline void track_end(struct track_world *w)
{
	sl__track_fini(&w->t);
	assert_int_equal(w->memory.held, 0);
}

static inline void later(struct track_world *w, uint64_t ms)
{
	sl__track_set_now(&w->t, w->t.now + ms * 1000000);
}

/* ---- conns ----------------------------------------------------------------------------------- */

static inline struct sl_tuple host_tuple(
        uint8_t proto, uint8_t src, uint16_t sport, uint8_t dst, uint16_t dport)
{
	return (struct sl_tuple){.src = sl_addr_v4((uint8_t[4]){10, 0, 0, src}),
	        .dst = sl_addr_v4((uint8_t[4]){192, 0, 2, dst}),
	        .sport = sport,
	        .dport = dport,
	        .proto = proto,
	        .family = SL_IPV4};
}

static inline struct sl_tuple host_tuple6(
        uint8_t proto, uint8_t src, uint16_t sport, uint8_t dst, uint16_t dport)
{
	return (struct sl_tuple){.src = {{0x20, 1, 0xd, 0xb8, 0, 1, [15] = src}},
	        .dst = {{0x20, 1, 0xd, 0xb8, 0, 2, [15] = dst}},
	        .sport = sport,
	        .dport = dport,
	        .proto = proto,
	        .family = SL_IPV6};
}

static inline struct sl_tuple tuple_udp(uint16_t sport)
{
	return host_tuple(SL_PROTO_UDP, 2, sport, 9, 53);
}

/* One in the table, good for a minute. */
static inline struct sl_conn *conn_of(struct track_world *w, const struct sl_tuple *tuple)
{
	enum sl_reason why = SL_WHY_NONE;
	struct sl_conn *conn = sl__conn_new(&w->t, tuple, 0, 0, &why);

	if (!conn)
		return NULL;
	sl__conn_refresh(&w->t, conn, 60000);
	assert_int_equal(sl__conn_confirm(&w->t, conn), SL_WHY_NONE);
	return conn;
}

static inline struct sl_conn *conn_udp(struct track_world *w, uint16_t sport)
{
	struct sl_tuple tuple = tuple_udp(sport);
	struct sl_conn *conn = conn_of(w, &tuple);

	assert_non_null(conn);
	return conn;
}

#endif
