/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Putting a byte stream in order.
 *
 * Bytes are kept from the oldest one that may be needed again: the beginning of the message
 * that is not complete, what is held, and what was sent but not acknowledged by the receiver.
 * The last is what makes the first-seen bytes win: a retransmission is answered out of the
 * buffer, whatever it contains. Segments beyond a hole wait as pieces; each byte is in the
 * buffer or in one piece.
 *
 * A hole that the receiver acknowledges will never be filled for us: the stream goes on
 * behind it, at a place that need not be the beginning of a message (synced is false).
 *
 * Limits. SL_STREAM_MAX bytes and SL_STREAM_PIECES pieces a stream, and the pool of the engine.
 * At the limit the oldest sent bytes are forgotten first (a receiver whose acknowledgements we
 * do not see must not stop the sender); if that is not enough the segment is refused.
 */
#include "help/stream.h"

#include <string.h>

#include "base/mem.h"
#include "track/tcp.h"

struct piece {
	struct sl_list link;
	uint32_t at, len;
	uint8_t bytes[];
};

static struct piece *piece_of(struct sl_list *link)
{
	return SL_CONTAINER(link, struct piece, link);
}

static uint32_t earlier(uint32_t a, uint32_t b)
{
	return sl__seq_before(a, b) ? a : b;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void *take(struct sl_stream_pool *pool, size_t size)
{
	void *p;

	if (pool->max - pool->bytes < size)
		return NULL;
	p = sl__alloc(pool->mem, size);
	if (p)
		pool->bytes += size;
	return p;
}

static void give(struct sl_stream_pool *pool, void *p, size_t size)
{
	if (!p)
		return;
	pool->bytes -= size;
	sl__free(pool->mem, p, size);
}

static void drop_piece(struct sl_stream *s, struct sl_stream_pool *pool, struct piece *piece)
{
	s->piece_bytes -= piece->len;
	s->piece_count--;
	sl__list_remove(&piece->link);
	give(pool, piece, sizeof(*piece) + piece->len);
}

static void drop_pieces(struct sl_stream *s, struct sl_stream_pool *pool)
{
	SL_LIST_EACH_SAFE(it, &s->pieces)
		drop_piece(s, pool, piece_of(it));
}

/* Forget bytes before `at`. */
static void forget(struct sl_stream *s, struct sl_stream_pool *pool, uint32_t at)
{
	if (!sl__seq_after(at, s->base))
		return;
	if (s->next == at) { /* the usual case: nothing is left */
		give(pool, s->buf, s->cap);
		s->buf = NULL;
		s->cap = 0;
	} else {
		memmove(s->buf, s->buf + (at - s->base), s->next - at);
	}
	s->base = at;
}

static bool room(struct sl_stream *s, struct sl_stream_pool *pool, uint32_t n)
{
	uint32_t have = s->next - s->base, cap = s->cap ? s->cap : 256;
	uint8_t *buf;

	if (have + n + s->piece_bytes > SL_STREAM_MAX) {
		forget(s, pool, earlier(s->msg, s->sent));
		have = s->next - s->base;
		if (have + n + s->piece_bytes > SL_STREAM_MAX)
			return false;
	}
	while (cap < have + n)
		cap *= 2;
	if (cap == s->cap)
		return true;
	buf = take(pool, cap);
	if (!buf)
		return false;
	if (have)
		memcpy(buf, s->buf, have);
	give(pool, s->buf, s->cap);
	s->buf = buf;
	s->cap = cap;
	return true;
}

/* ---- beginning and end ----------------------------------------------------------------------- */

void sl__stream_init(struct sl_stream *s, struct sl_help *help, enum sl_dir dir)
{
	*s = (struct sl_stream){.help = help, .dir = (uint8_t)dir};
	sl__list_init(&s->due_link);
	sl__list_init(&s->pieces);
}

void sl__stream_fini(struct sl_stream *s, struct sl_stream_pool *pool)
{
	sl__list_remove(&s->due_link);
	drop_pieces(s, pool);
	give(pool, s->buf, s->cap);
	s->buf = NULL;
	s->cap = 0;
	sl__editlog_fini(&s->log, pool->mem);
}

void sl__stream_start(struct sl_stream *s, struct sl_stream_pool *pool, uint32_t at, bool from_start)
{
	sl__stream_fini(s, pool);
	s->base = s->msg = s->sent = s->next = s->acked = s->self_acked = at;
	s->started = true;
	s->synced = s->from_start = from_start;
	s->fin_seen = false;
	s->skip = 0;
}

/* ---- receiving ------------------------------------------------------------------------------- */

static bool append(struct sl_stream *s, struct sl_stream_pool *pool, const uint8_t *bytes, uint32_t n)
{
	if (!room(s, pool, n))
		return false;
	memcpy(s->buf + (s->next - s->base), bytes, n);
	s->next += n;
	return true;
}

/* Pieces that are not beyond a hole any more. False: no memory, they stay pieces. */
static bool absorb(struct sl_stream *s, struct sl_stream_pool *pool)
{
	struct sl_list *first;

	while ((first = sl__list_first(&s->pieces))) {
		struct piece *piece = piece_of(first);
		uint32_t known = s->next - piece->at;

		if (sl__seq_after(piece->at, s->next))
			return true;
		if (known < piece->len && !append(s, pool, piece->bytes + known, piece->len - known))
			return false;
		drop_piece(s, pool, piece);
	}
	return true;
}

static bool add_piece(struct sl_stream *s, struct sl_stream_pool *pool, struct sl_list *before,
	uint32_t at, const uint8_t *bytes, uint32_t n)
{
	struct piece *piece;

	if (s->piece_count >= SL_STREAM_PIECES ||
		s->next - s->base + s->piece_bytes + n > SL_STREAM_MAX)
		return false;
	piece = take(pool, sizeof(*piece) + n);
	if (!piece)
		return false;
	piece->at = at;
	piece->len = n;
	memcpy(piece->bytes, bytes, n);
	sl__list_append(before, &piece->link);
	s->piece_bytes += n;
	s->piece_count++;
	return true;
}

/* What no piece has yet of bytes beyond a hole. */
static bool feed_pieces(struct sl_stream *s, struct sl_stream_pool *pool, uint32_t seq,
	const uint8_t *bytes, uint32_t n)
{
	uint32_t at = seq, end = seq + n;
	struct sl_list *it = s->pieces.next;

	while (sl__seq_before(at, end)) {
		uint32_t stop = end;

		while (it != &s->pieces && !sl__seq_after(piece_of(it)->at + piece_of(it)->len, at))
			it = it->next;
		if (it != &s->pieces) {
			stop = earlier(piece_of(it)->at, end);
			if (!sl__seq_after(stop, at)) { /* at lies in this piece */
				at = piece_of(it)->at + piece_of(it)->len;
				continue;
			}
		}
		if (!add_piece(s, pool, it, at, bytes + (at - seq), stop - at))
			return false;
		at = stop;
	}
	return true;
}

bool sl__stream_feed(struct sl_stream *s, struct sl_stream_pool *pool, uint32_t seq,
	const uint8_t *bytes, uint32_t n)
{
	uint32_t end = seq + n;

	if (!sl__seq_after(end, s->next))
		return absorb(s, pool);
	if (sl__seq_after(seq, s->next))
		return feed_pieces(s, pool, seq, bytes, n);
	while (sl__seq_before(s->next, end)) {
		struct sl_list *first = sl__list_first(&s->pieces);
		uint32_t stop = first ? earlier(piece_of(first)->at, end) : end;

		if (sl__seq_after(stop, s->next) &&
			!append(s, pool, bytes + (s->next - seq), stop - s->next))
			return false;
		if (!absorb(s, pool))
			return false;
	}
	return absorb(s, pool);
}

const uint8_t *sl__stream_piece(const struct sl_stream *s, unsigned i, uint32_t *at, uint32_t *n)
{
	struct sl_list *it = s->pieces.next;

	while (i--)
		it = it->next;
	*at = piece_of(it)->at;
	*n = piece_of(it)->len;
	return piece_of(it)->bytes;
}

/* ---- acknowledged, refused, passed ----------------------------------------------------------- */

bool sl__stream_acked(struct sl_stream *s, struct sl_stream_pool *pool, uint32_t acked)
{
	bool hole = sl__seq_after(acked, s->next);

	if (!sl__seq_after(acked, s->acked))
		return false;
	if (s->fin_seen && sl__seq_after(acked, s->fin)) {
		acked = s->fin;
		hole = sl__seq_after(acked, s->next);
	}
	s->acked = acked;
	sl__editlog_acked(&s->log, pool->mem, acked);
	if (!hole) {
		forget(s, pool, earlier(earlier(acked, s->msg), s->sent));
		return false;
	}
	sl__stream_pass(s, pool, acked);
	s->synced = s->from_start = false;
	absorb(s, pool);
	return true;
}

void sl__stream_cut(struct sl_stream *s, struct sl_stream_pool *pool, uint32_t at)
{
	drop_pieces(s, pool);
	s->fin_seen = false;
	s->next = at;
}

void sl__stream_pass(struct sl_stream *s, struct sl_stream_pool *pool, uint32_t at)
{
	if (sl__seq_before(at, s->next))
		at = s->next;
	give(pool, s->buf, s->cap);
	s->buf = NULL;
	s->cap = 0;
	s->base = s->msg = s->sent = s->next = at;
	s->skip = 0;
	while (!sl__list_empty(&s->pieces)) {
		struct piece *piece = piece_of(s->pieces.next);

		if (sl__seq_after(piece->at + piece->len, at))
			break;
		drop_piece(s, pool, piece);
	}
}

/* ---- what the receiver gets ------------------------------------------------------------------ */

struct source {
	const uint8_t *bytes;
	uint32_t seq, n;
};

static bool copy_old(const struct sl_stream *s, const struct source *from, uint32_t at, uint32_t n,
	uint8_t *out)
{
	while (n) {
		uint32_t part;

		if (!sl__seq_before(at, s->base) && at - s->base < s->next - s->base) {
			part = s->next - at;
			part = part < n ? part : n;
			memcpy(out, sl__stream_bytes(s, at), part);
		} else if (at - from->seq < from->n) {
			part = from->n - (at - from->seq);
			if (sl__seq_before(at, s->base) && s->base != s->next && part > s->base - at)
				part = s->base - at;
			part = part < n ? part : n;
			memcpy(out, from->bytes + (at - from->seq), part);
		} else {
			return false;
		}
		at += part;
		out += part;
		n -= part;
	}
	return true;
}

uint32_t sl__stream_render_max(const struct sl_stream *s, uint32_t from, uint32_t to)
{
	uint32_t max = to - from;

	for (uint16_t i = 0; i < s->log.count; i++)
		max += s->log.edits[i].new_len + s->log.edits[i].old_len;
	return max;
}

uint32_t sl__stream_render(const struct sl_stream *s, uint32_t *from, uint32_t *to, uint32_t seq,
	const uint8_t *bytes, uint32_t n, uint8_t *out, uint32_t size)
{
	const struct source source = {bytes, seq, n};
	uint32_t made = 0, at;

	if (s->log.forgot && sl__seq_before(*from, s->log.floor))
		*from = s->log.floor;
	if (sl__seq_before(*to, *from))
		*to = *from;
	for (at = *from; sl__seq_before(at, *to);) {
		const struct sl_edit *e = sl__editlog_behind(&s->log, at);
		uint32_t stop = *to;

		if (e && !sl__seq_after(e->at, at)) { /* in a replaced range: all of the new bytes */
			if (at == *from)
				*from = e->at;
			if (made + e->new_len > size)
				return UINT32_MAX;
			if (e->new_len)
				memcpy(out + made, e->bytes, e->new_len);
			made += e->new_len;
			at = e->at + e->old_len;
			if (sl__seq_after(at, *to))
				*to = at;
			continue;
		}
		if (e)
			stop = earlier(e->at, stop);
		if (made + (stop - at) > size || !copy_old(s, &source, at, stop - at, out + made))
			return UINT32_MAX;
		made += stop - at;
		at = stop;
	}
	return made;
}
