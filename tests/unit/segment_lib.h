/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP segments for tests of tracking: written as one line, read by nothing but tracking. The header
 * ends where its memory ends; payload is a length only, since tracking never looks at it.
 */
#ifndef TESTS_UNIT_SEGMENT_LIB_H
#define TESTS_UNIT_SEGMENT_LIB_H

#include "base/wire.h"
#include "track/proto.h"
#include "track/tcp.h"
#include "track_lib.h"

struct segment {
	enum sl_dir dir;
	uint8_t flags;
	uint32_t seq, ack;
	uint16_t window;
	uint32_t len;
	const char *options; /* hexadecimal, a multiple of 4 bytes; NULL: none */
};

struct segment_packet {
	struct sl_packet p;
	struct sl_parsed parsed;
};

static inline void segment_make(const struct segment *s, struct segment_packet *out)
{
	uint32_t n = s->options ? (uint32_t)strlen(s->options) / 2 : 0;
	uint8_t *data = calloc(1, 40 + n);

	for (uint32_t i = 0; i < n; i++) {
		char two[3] = {s->options[2 * i], s->options[2 * i + 1], 0};

		data[40 + i] = (uint8_t)strtoul(two, NULL, 16);
	}
	sl_put32(data + 24, s->seq);
	sl_put32(data + 28, s->ack);
	data[32] = (uint8_t)((20 + n) / 4 << 4);
	data[33] = s->flags;
	sl_put16(data + 34, s->window);
	memset(out, 0, sizeof(*out));
	out->p = (struct sl_packet){.data = data, .len = 40 + n};
	out->parsed = (struct sl_parsed){.tuple = {.proto = SL_PROTO_TCP, .family = SL_IPV4},
	        .l4 = 20,
	        .payload = 40 + n,
	        .len = 40 + n + s->len,
	        .seq = s->seq,
	        .ack = s->ack,
	        .window = s->window,
	        .tcp_flags = s->flags};
}

/* One of a connection, as the engine hands it to the protocol. */
static inline enum sl_track_result segment_put(
        struct track_world *w, struct sl_conn *conn, const struct segment *s, enum sl_reason *why)
{
	struct segment_packet made;
	enum sl_track_result result;

	segment_make(s, &made);
	*why = SL_WHY_NONE;
	/* As src/engine does: a reply is one before it is looked at, unless it is refused. */
	result = sl__proto(SL_PROTO_TCP)->packet(&w->t, conn, s->dir, &made.p, &made.parsed, why);
	if (s->dir == SL_REPLY && result != SL_TRACK_INVALID)
		sl__conn_replied(&w->t, conn);
	free(made.p.data);
	return result;
}

/* A first segment. NULL: it opens nothing, for *why. */
static inline struct sl_conn *segment_open(
        struct track_world *w, const struct segment *s, enum sl_reason *why)
{
	struct sl_tuple tuple = host_tuple(SL_PROTO_TCP, 2, 4000, 9, 80);
	struct sl_conn *conn = sl__conn_new(&w->t, &tuple, 0, 0, why);
	struct segment_packet made;
	bool opened;

	assert_non_null(conn);
	segment_make(s, &made);
	*why = SL_WHY_NONE;
	opened = sl__proto(SL_PROTO_TCP)->open(&w->t, conn, &made.p, &made.parsed, why);
	free(made.p.data);
	if (!opened) {
		sl__conn_drop(&w->t, conn);
		return NULL;
	}
	segment_put(w, conn, s, why);
	assert_int_equal(sl__conn_confirm(&w->t, conn), SL_WHY_NONE);
	return conn;
}

#endif
