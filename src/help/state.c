/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a helper and its streams know, as bytes: bytes in order and beyond a hole, what is
 * held, edits, the headers that new segments are made of, what was said for
 * announcements, and the helper's private data in its own version.
 *
 * Each layout is one function for both ways (base/codec.h). What is read is trusted with nothing:
 * it goes in by the same doors as bytes from the wire (sl__stream_feed(), sl__editlog_add()), whose
 * limits hold, and numbers that must lie within the stream are made to.
 */
#include "help/state.h"

#include "base/mem.h"
#include "help/inner.h"
#include "track/tcp.h"

enum { DATA_MAX = 65535, TCP_HEADER = 20, WINDOW = 64 * SL_STREAM_MAX };

/* ---- streams ------------------------------------------------------------------------------- */

static void address(struct sl_codec *c, struct sl_addr *a)
{
	sl__codec_bytes(c, a->b, sizeof(a->b));
}

/* The bytes in order, [base, next). */
static void kept_bytes(
        struct sl_codec *c, struct sl_stream *s, struct sl_stream_pool *pool, bool *no_memory)
{
	uint32_t n = s->next - s->base;
	const uint8_t *bytes;

	sl__codec_u32(c, &n);
	sl__codec_require(c, n <= SL_STREAM_MAX);
	if (!c->reading) {
		if (n)
			sl__codec_bytes(c, s->buf, n);
		return;
	}
	bytes = sl__codec_pass(c, c->bad ? 0 : n);
	s->msg = s->sent = s->next = s->base;
	if (bytes && n && !sl__stream_feed(s, pool, s->base, bytes, n))
		*no_memory = true;
}

static void pieces(
        struct sl_codec *c, struct sl_stream *s, struct sl_stream_pool *pool, bool *no_memory)
{
	uint16_t count = s->piece_count;

	sl__codec_u16(c, &count);
	sl__codec_require(c, count <= SL_STREAM_PIECES);
	for (unsigned i = 0; !c->reading && i < count; i++) {
		uint32_t at, n;
		const uint8_t *bytes = sl__stream_piece(s, i, &at, &n);

		sl__codec_u32(c, &at);
		sl__codec_u32(c, &n);
		if (sl__codec_place(c, n) && n)
			memcpy(c->out + c->used - n, bytes, n);
	}
	for (unsigned i = 0; c->reading && !c->bad && i < count; i++) {
		uint32_t at = 0, n = 0;
		const uint8_t *bytes;

		sl__codec_u32(c, &at);
		sl__codec_u32(c, &n);
		sl__codec_require(c, n && n <= SL_STREAM_MAX && at - s->next - 1 < WINDOW);
		bytes = sl__codec_pass(c, c->bad ? 0 : n);
		if (!c->bad && !sl__stream_feed(s, pool, at, bytes, n))
			*no_memory = true;
	}
}

static void edits(
        struct sl_codec *c, struct sl_editlog *log, const struct sl_mem *mem, bool *no_memory)
{
	uint16_t count = log->count;
	uint32_t base = (uint32_t)log->base;

	sl__codec_bool(c, &log->forgot);
	sl__codec_u32(c, &log->floor);
	sl__codec_u32(c, &base);
	log->base = (int32_t)base;
	sl__codec_u16(c, &count);
	sl__codec_require(c, count <= SL_EDITS_MAX + SL_EDITS_KEPT);
	for (unsigned i = 0; i < count && !c->bad; i++) {
		struct sl_edit e = c->reading ? (struct sl_edit){0} : log->edits[i];
		const uint8_t *bytes;

		sl__codec_u32(c, &e.at);
		sl__codec_u32(c, &e.old_len);
		sl__codec_u32(c, &e.new_len);
		sl__codec_require(c, e.old_len && e.old_len <= SL_STREAM_MAX && e.new_len <= 65535);
		if (!c->reading) {
			sl__codec_bytes(c, e.bytes, e.new_len);
			continue;
		}
		bytes = sl__codec_pass(c, c->bad ? 0 : e.new_len);
		/* In order, or it is refused. */
		if (!c->bad && !sl__editlog_add(log, mem, e.at, e.old_len, bytes, e.new_len))
			*no_memory = true;
	}
}

static bool is_tcp_header(const struct sl_template *t, const struct sl_conn *conn)
{
	const uint8_t *d = t->bytes;
	bool v6 = sl__conn_is_v6(conn);

	return t->size <= sizeof(t->bytes) && t->l4 >= (v6 ? 40 : 20) &&
	       t->l4 + TCP_HEADER <= t->size && d[0] >> 4 == (v6 ? 6 : 4) &&
	       (v6 || (d[0] & 15) * 4 == t->l4) && t->l4 + (d[t->l4 + 12] >> 4) * 4 == t->size;
}

/* The headers of its last packet, and where that went. */
static void headers(struct sl_codec *c, struct sl_template *t, const struct sl_conn *conn)
{
	struct sl_packet *p = &t->meta;

	sl__codec_u16(c, &t->size);
	sl__codec_require(c, t->size <= sizeof(t->bytes));
	if (!t->size || c->bad)
		return;
	sl__codec_u16(c, &t->l4);
	sl__codec_bytes(c, t->bytes, t->size);
	sl__codec_u32(c, &p->in_if);
	sl__codec_u32(c, &p->vrf);
	sl__codec_u32(c, &p->mark);
	sl__codec_u16(c, &p->zone);
	sl__codec_u8(c, &p->from);
	sl__codec_u8(c, &p->to);
	sl__codec_u8(c, &p->dir);
	sl__codec_u8(c, &p->state);
	sl__codec_u32(c, &p->out_if);
	sl__codec_u16(c, &p->mtu);
	sl__codec_require(c, p->dir <= SL_REPLY && p->to <= SL_TO_LOCAL &&
	                             p->from <= SL_FROM_LOCAL && p->state <= SL_CT_RELATED &&
	                             is_tcp_header(t, conn));
	t->family = sl__conn_is_v6(conn) ? SL_IPV6 : SL_IPV4;
}

static bool is_within(const struct sl_stream *s, uint32_t at)
{
	return at - s->base <= s->next - s->base;
}

/* Acknowledged may also be less than is kept, by a window; what is further off is made to fit. */
static uint32_t acknowledged(const struct sl_stream *s, uint32_t at)
{
	return s->next - at <= WINDOW ? at : s->base;
}

static void positions(struct sl_codec *c, struct sl_stream *s)
{
	sl__codec_u32(c, &s->msg);
	sl__codec_u32(c, &s->sent);
	sl__codec_u32(c, &s->acked);
	sl__codec_u32(c, &s->self_acked);
	sl__codec_u32(c, &s->skip);
	sl__codec_u32(c, &s->fin);
	sl__codec_bool(c, &s->synced);
	sl__codec_bool(c, &s->from_start);
	sl__codec_bool(c, &s->fin_seen);
	if (!c->reading)
		return;
	sl__codec_require(c, s->skip <= INT32_MAX && is_within(s, s->msg) && is_within(s, s->sent));
	s->acked = acknowledged(s, s->acked);
	s->self_acked = acknowledged(s, s->self_acked);
}

static void stream(struct sl_codec *c, struct sl_help *help, unsigned dir, bool *no_memory)
{
	struct sl_stream *s = &help->stream[dir];
	struct sl_stream_pool *pool = &help->owner->pool;

	sl__codec_bool(c, &s->started);
	if (!s->started || c->bad)
		return;
	sl__codec_u32(c, &s->base);
	kept_bytes(c, s, pool, no_memory);
	if (c->bad || *no_memory)
		return;
	positions(c, s);
	pieces(c, s, pool, no_memory);
	edits(c, &s->log, help->owner->t->mem, no_memory);
	headers(c, &s->last, help->conn);
	if (c->reading && !c->bad && !*no_memory)
		sl__help_wait(help, s); /* what is held waits anew */
}

/* ---- what was said ------------------------------------------------------------------------- */

static void said_one(struct sl_codec *c, struct sl_said *s)
{
	address(c, &s->addr);
	sl__codec_u16(c, &s->port);
	sl__codec_u16(c, &s->seen);
	sl__codec_u8(c, &s->dir);
	sl__codec_u8(c, &s->proto);
	sl__codec_u8(c, &s->ports);
}

static void said(struct sl_codec *c, struct sl_help *help, bool *no_memory)
{
	bool any = help->said != NULL;
	uint8_t next = (uint8_t)(help->said_next % SL_SAID_MAX);

	sl__codec_bool(c, &any);
	if (!any || c->bad)
		return;
	sl__codec_u8(c, &next);
	sl__codec_require(c, next < SL_SAID_MAX);
	if (c->reading) {
		help->said = sl__alloc(help->owner->t->mem, SL_SAID_MAX * sizeof(*help->said));
		help->said_next = next;
		*no_memory = *no_memory || !help->said;
	}
	for (unsigned i = 0; help->said && i < SL_SAID_MAX; i++)
		said_one(c, &help->said[i]);
}

/* ---- the helper's own data ----------------------------------------------------------------- */

static void write_data(struct sl_codec *c, struct sl_help *help)
{
	const struct sl_helper *helper = help->helper;
	uint32_t version = helper->data_version, size = (uint32_t)help->data_size;
	uint8_t *at;

	if (helper->save)
		size = (uint32_t)helper->save(help, NULL, 0);
	sl__codec_u32(c, &version);
	sl__codec_u32(c, &size);
	at = sl__codec_place(c, size);
	if (at && helper->save)
		(void)helper->save(help, at, size);
	else if (at && size)
		memcpy(at, help->data, size);
}

static void read_data(struct sl_codec *c, struct sl_help *help)
{
	const struct sl_helper *helper = help->helper;
	uint32_t version = 0, size = 0;
	const uint8_t *at;

	sl__codec_u32(c, &version);
	sl__codec_u32(c, &size);
	sl__codec_require(c, size <= DATA_MAX);
	at = sl__codec_pass(c, c->bad ? 0 : size);
	if (c->bad)
		return;
	if (helper->load) {
		sl__codec_require(c, helper->load(help, at, size, version));
		return;
	}
	sl__codec_require(c, version == helper->data_version && size == help->data_size);
	if (!c->bad && size)
		memcpy(help->data, at, size);
}

void sl__help_state(struct sl_codec *c, struct sl_help *help, bool *no_memory)
{
	sl__codec_bool(c, &help->left);
	for (unsigned dir = 0; dir < 2 && !c->bad && !*no_memory; dir++)
		stream(c, help, dir, no_memory);
	if (!c->bad && !*no_memory)
		said(c, help, no_memory);
	if (c->bad || *no_memory)
		return;
	if (c->reading)
		read_data(c, help);
	else
		write_data(c, help);
}
