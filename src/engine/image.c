/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The layouts of an exported conn (image.h). Each function writes or reads, as its codec does.
 */
#include "engine/image.h"

#include <string.h>

#include "track/tcp.h"

static void tuple(struct sl_codec *c, struct sl_tuple *t)
{
	sl__codec_bytes(c, t->src.b, sizeof(t->src.b));
	sl__codec_bytes(c, t->dst.b, sizeof(t->dst.b));
	sl__codec_u16(c, &t->sport);
	sl__codec_u16(c, &t->dport);
	sl__codec_u8(c, &t->proto);
	sl__codec_u8(c, &t->family);
	if (c->reading)
		t->pad = 0;
}

/* At most SL_IMAGE_NAME - 1 printable characters. */
static void name(struct sl_codec *c, char text[SL_IMAGE_NAME])
{
	uint8_t n = (uint8_t)strlen(text);

	sl__codec_u8(c, &n);
	sl__codec_require(c, n < SL_IMAGE_NAME);
	if (c->bad)
		return;
	sl__codec_bytes(c, text, n);
	text[n] = '\0';
	for (unsigned i = 0; c->reading && i < n; i++)
		sl__codec_require(c, text[i] >= ' ' && text[i] <= '~');
}

void sl__image_set_name(char to[SL_IMAGE_NAME], const char *from)
{
	size_t n = from ? strlen(from) : 0;

	n = n < SL_IMAGE_NAME ? n : SL_IMAGE_NAME - 1;
	if (n)
		memcpy(to, from, n);
	to[n] = '\0';
}

void sl__image_head(struct sl_codec *c, struct sl_image *m)
{
	uint32_t magic = SL_IMAGE_MAGIC;
	uint16_t version = SL_IMAGE_VERSION;

	sl__codec_u32(c, &magic);
	sl__codec_u16(c, &version);
	sl__codec_require(c, magic == SL_IMAGE_MAGIC && version == SL_IMAGE_VERSION);
	sl__codec_u64(c, &m->sequence);
	sl__codec_u64(c, &m->id);
	for (unsigned dir = 0; dir < 2; dir++)
		tuple(c, &m->tuple[dir]);
	sl__codec_u16(c, &m->zone);
}

void sl__image_body(struct sl_codec *c, struct sl_image *m)
{
	sl__codec_u8(c, &m->zone_dirs);
	sl__codec_u16(c, &m->status);
	sl__codec_u8(c, &m->state);
	sl__codec_u8(c, &m->beyond);
	sl__codec_u32(c, &m->left_ms);
	sl__codec_u32(c, &m->mark);
	for (unsigned dir = 0; dir < 2; dir++) {
		sl__codec_u64(c, &m->packets[dir]);
		sl__codec_u64(c, &m->bytes[dir]);
	}
	sl__codec_bool(c, &m->liberal);
	sl__codec_bool(c, &m->edited);
	sl__codec_u64(c, &m->master_id);
	if (m->master_id)
		tuple(c, &m->master);
	name(c, m->helper);
	name(c, m->master_helper);
	sl__codec_bool(c, &m->helps);
}

static void tcp(struct sl_codec *c, struct sl_tcp *l4)
{
	uint8_t kind = l4->last_kind, dir = l4->last_dir, scale = l4->last_scale;

	for (unsigned i = 0; i < 2; i++) {
		sl__codec_u32(c, &l4->end[i]);
		sl__codec_u32(c, &l4->max_end[i]);
		sl__codec_u32(c, &l4->max_win[i]);
		sl__codec_u32(c, &l4->max_ack[i]);
		sl__codec_u8(c, &l4->flags[i]);
	}
	sl__codec_u8(c, &l4->scale);
	sl__codec_u8(c, &l4->retrans);
	sl__codec_u32(c, &l4->last_seq);
	sl__codec_u32(c, &l4->last_ack);
	sl__codec_u32(c, &l4->last_end);
	sl__codec_u16(c, &l4->last_win);
	sl__codec_u8(c, &kind);
	sl__codec_u8(c, &dir);
	sl__codec_u8(c, &scale);
	sl__codec_u8(c, &l4->last_flags);
	sl__codec_require(c, kind <= SL_KIND_RST && dir <= 1 && scale <= 14 &&
	                             (l4->scale & 15) <= 14 && l4->scale >> 4 <= 14);
	l4->last_kind = kind & 7u;
	l4->last_dir = dir & 1u;
	l4->last_scale = scale & 15u;
}

static void sctp(struct sl_codec *c, struct sl_sctp *l4)
{
	uint8_t dir = l4->last_dir;
	bool failed = l4->heartbeat_failed;

	for (unsigned i = 0; i < 2; i++) {
		sl__codec_u32(c, &l4->tag[i]);
		sl__codec_u8(c, &l4->init[i]);
	}
	sl__codec_u8(c, &dir);
	sl__codec_bool(c, &failed);
	sl__codec_require(c, dir <= 1);
	l4->last_dir = dir & 1u;
	l4->heartbeat_failed = failed;
}

void sl__image_transport(struct sl_codec *c, struct sl_conn *conn, uint32_t now_ms)
{
	uint32_t ahead = conn->l4.udp.stream_ms - now_ms;

	switch (conn->proto) {
	case SL_PROTO_TCP:
		tcp(c, &conn->l4.tcp);
		sl__codec_require(c, conn->state < SL_TCP_STATE_COUNT);
		return;
	case SL_PROTO_SCTP:
		sctp(c, &conn->l4.sctp);
		sl__codec_require(c, conn->state < SL_SCTP_STATE_COUNT);
		return;
	case SL_PROTO_UDP:
	case SL_PROTO_UDPLITE:
		sl__codec_u32(c, &ahead);
		conn->l4.udp.stream_ms = now_ms + ahead;
		return;
	default:
		for (unsigned i = 0; i < 13; i++)
			sl__codec_u32(c, &conn->l4.words.word[i]);
	}
}

void sl__image_expect(struct sl_codec *c, struct sl_image_expect *e)
{
	struct sl_expect_want *w = &e->want;
	struct sl_expect_more *m = &w->more;

	sl__codec_u64(c, &w->id);
	tuple(c, &w->tuple);
	tuple(c, &w->mask);
	sl__codec_u32(c, &w->timeout_ms);
	sl__codec_u8(c, &w->class_id);
	sl__codec_u8(c, &w->flags);
	sl__codec_u8(c, &w->beyond);
	sl__codec_bool(c, &m->has_nat);
	sl__codec_u8(c, &m->nat_dir);
	sl__codec_u16(c, &m->saved_port);
	sl__codec_u16(c, &m->from_port);
	sl__codec_bytes(c, m->saved_addr.b, sizeof(m->saved_addr.b));
	sl__codec_bytes(c, m->shown_addr.b, sizeof(m->shown_addr.b));
	sl__codec_u32(c, &m->cookie);
	sl__codec_u32(c, &m->group);
	sl__codec_bool(c, &e->ours);
	name(c, e->helper);
	name(c, e->reason);
	sl__codec_require(c, w->id && w->timeout_ms <= SL_IMAGE_TIME &&
	                             w->class_id < SL_EXPECT_CLASSES && m->nat_dir <= SL_REPLY &&
	                             w->beyond < SL_BEYOND_COUNT &&
	                             (w->tuple.family == SL_IPV4 || w->tuple.family == SL_IPV6));
}

void sl__image_gre_key(struct sl_codec *c, struct sl_gre_key *k)
{
	uint8_t flags = (uint8_t)(k->dir | k->paired << 1);

	sl__codec_bytes(c, k->src.b, sizeof(k->src.b));
	sl__codec_bytes(c, k->dst.b, sizeof(k->dst.b));
	sl__codec_u16(c, &k->key);
	sl__codec_u16(c, &k->own);
	sl__codec_u16(c, &k->back);
	sl__codec_u8(c, &flags);
	sl__codec_require(c, flags < 4);
	k->dir = flags & 1;
	k->paired = flags & 2;
}
