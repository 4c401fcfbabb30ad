/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One direction's byte stream, put in order, and how far it has been read and released.
 * (src/help/stream.c)
 */
#ifndef SL_HELP_STREAM_H
#define SL_HELP_STREAM_H

#include "base/list.h"
#include "help/editlog.h"
#include "help/segment.h"

#define SL_STREAM_MAX (128u * 1024) /* bytes a stream may keep, in order or not */
#define SL_STREAM_PIECES 64	    /* pieces out of order */

/* Memory that all streams of an engine share. */
struct sl_stream_pool {
	const struct sl_mem *mem;
	size_t bytes, max;
};

/*
 * Numbers are old ones (the sender's). These hold, as serial numbers:
 *
 *	base <= msg, base <= sent <= next	bytes [base, next) are in buf
 *	[msg, next)				the message that is not complete yet
 *	[sent, next)				held
 */
struct sl_stream {
	struct sl_list due_link;   /* among those that wait to be acknowledged by us */
	uint64_t due;		   /* ns; when linked */
	struct sl_help *help;
	uint8_t dir;
	bool started;		   /* the numbers mean something */
	bool synced;		   /* msg is the beginning of a message */
	bool from_start;	   /* seen from its SYN on, without a hole */
	bool fin_seen;		   /* fin is set: */
	uint32_t fin;		   /* number of the FIN, which is the end of the data */
	uint32_t base, msg, sent, next;
	uint32_t skip;		   /* bytes from msg on that belong to a message which is not read */
	uint32_t acked;		   /* the receiver has everything before this */
	uint32_t self_acked;	   /* we told the sender so of everything before this */
	uint8_t *buf;
	uint32_t cap;
	struct sl_list pieces;	   /* beyond a hole, in order, not overlapping */
	uint32_t piece_bytes;
	uint16_t piece_count;
	struct sl_editlog log;
	struct sl_template last;   /* what its last packet looked like when it left */
};

void sl__stream_init(struct sl_stream *s, struct sl_help *help, enum sl_dir dir);
void sl__stream_fini(struct sl_stream *s, struct sl_stream_pool *pool);
/* Begins here. from_start: right behind a SYN, so this is the beginning of a message. */
void sl__stream_start(struct sl_stream *s, struct sl_stream_pool *pool, uint32_t at, bool from_start);
/*
 * A segment with n bytes at `seq`: what is new of it is kept, in order or as a piece; of bytes
 * seen twice the first stay. False: no memory for all of it; drop it, it will be repeated.
 */
bool sl__stream_feed(struct sl_stream *s, struct sl_stream_pool *pool, uint32_t seq,
	const uint8_t *bytes, uint32_t n);
/* The receiver has everything before `acked`. True: also bytes that we never saw (skipped). */
bool sl__stream_acked(struct sl_stream *s, struct sl_stream_pool *pool, uint32_t acked);
/* Forget what was received at and behind `at` (>= sent): it was not taken and will be repeated. */
void sl__stream_cut(struct sl_stream *s, struct sl_stream_pool *pool, uint32_t at);
/* Not read any more: everything up to `at` counts as passed. */
void sl__stream_pass(struct sl_stream *s, struct sl_stream_pool *pool, uint32_t at);

/* The piece number i beyond a hole, which must be there. */
const uint8_t *sl__stream_piece(const struct sl_stream *s, unsigned i, uint32_t *at, uint32_t *n);

/* NULL while nothing is kept, and so none of them may be read. */
static inline const uint8_t *sl__stream_bytes(const struct sl_stream *s, uint32_t at)
{
	return s->buf ? s->buf + (at - s->base) : NULL;
}

/*
 * What the receiver gets for the old bytes [*from, *to), both of which are moved out of
 * replaced ranges (and *from to where translation is still known). Bytes that the stream
 * does not keep any more are taken from `bytes`, n of them, at `seq`. Writes at most `size`
 * bytes to out; returns how many, or UINT32_MAX if they did not fit or are not there.
 */
uint32_t sl__stream_render(const struct sl_stream *s, uint32_t *from, uint32_t *to, uint32_t seq,
	const uint8_t *bytes, uint32_t n, uint8_t *out, uint32_t size);
/* The most that it can write for them. */
uint32_t sl__stream_render_max(const struct sl_stream *s, uint32_t from, uint32_t to);

#endif
