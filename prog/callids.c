/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control messages (RFC 2637) are followed as a stream, whatever the segments: of each direction the last
 * messages are known, by their first sequence number, with their first bytes, in which all call ids stand. The n-th message of
 * an inside host as captured, and the n-th as it came out, tell what became of its id.
 *
 * A stream is followed in order. Behind a hole the next segment is taken to begin with a message. Where a
 * segment ends between the two bytes of an id, the first byte alone must do to know it.
 */
#include "prog/callids.h"

#include <string.h>

#include "base/wire.h"

enum { PPTP = 1723, COOKIE = 0x1a2b3c4d, HEAD = 16, LONGEST = 220, MESSAGES = 16 };
enum {
	TYPE = 8,
	OWN = 12
}; /* where the type stands, and the sender's id in messages that tell it */

/* Where the receiver's id stands, by the message's type; 0: it has none. */
static const uint8_t peer_at[] = {
        [8] = 14,  /* outgoing call reply */
        [10] = 14, /* incoming call reply */
        [11] = 12, /* incoming call connected */
        [14] = 12, /* WAN error notify */
        [15] = 12, /* set link info */
};

/* Outgoing and incoming call, request and reply: these tell the sender's. */
static bool tells_own(unsigned type)
{
	return type >= 7 && type <= 10;
}

struct said {
	uint32_t at; /* its first sequence number */
	uint32_t fill;
	uint8_t head[HEAD]; /* its first `fill` bytes */
};

struct stream {
	bool started;
	uint32_t next;  /* sequence number behind what was seen */
	uint32_t count; /* messages begun; the last ones: */
	struct said message[MESSAGES];
};

struct stream_key {
	struct sl_view_way way; /* of the captured packet, also for what came out */
	bool out;               /* as it came out */
};

struct id_key {
	struct sl_addr inside, outside;
	uint16_t id;
};

void sl__callids_init(struct sl_callids *c)
{
	sl__map_init(&c->streams, sizeof(struct stream_key), sizeof(struct stream));
	sl__map_init(&c->told, sizeof(struct id_key), sizeof(uint16_t));
}

void sl__callids_fini(struct sl_callids *c)
{
	sl__map_fini(&c->streams);
	sl__map_fini(&c->told);
}

/* ---- messages out of segments --------------------------------------------------------------- */

static bool is_control(const struct sl_view *v)
{
	return v->tcp && !v->fragment && (v->sport == PPTP || v->dport == PPTP);
}

static struct stream *stream_of(struct sl_callids *c, const struct sl_view *captured, bool out)
{
	struct stream_key key;

	memset(&key, 0, sizeof(key));
	key.way = sl__view_way(captured);
	key.out = out;
	return sl__map_put(&c->streams, &key, NULL);
}

/* The n-th message; NULL: it is too long ago, or not there yet. */
static struct said *said_at(struct stream *s, uint32_t n)
{
	return n < s->count && n + MESSAGES >= s->count ? &s->message[n % MESSAGES] : NULL;
}

static unsigned type_of(const struct said *m)
{
	return m->fill >= TYPE + 2 && sl_get32(m->head + 4) == COOKIE ? sl_get16(m->head + TYPE)
	                                                              : 0;
}

static uint32_t length_of(const struct said *m)
{
	uint32_t length = m->fill >= 2 ? sl_get16(m->head) : LONGEST;

	return length >= HEAD && length <= LONGEST ? length : LONGEST;
}

static void take_byte(struct stream *s, uint8_t byte)
{
	struct said *m = s->count ? said_at(s, s->count - 1) : NULL;

	if (!m || s->next - m->at >= length_of(m)) {
		m = &s->message[s->count++ % MESSAGES];
		*m = (struct said){.at = s->next};
	}
	if (m->fill < HEAD && m->fill == s->next - m->at)
		m->head[m->fill++] = byte;
	s->next++;
}

static void take(struct stream *s, const struct sl_view *v)
{
	uint32_t n = sl__view_body(v), old = s->started ? s->next - v->seq : 0;

	if (n == 0 || (s->started && old >= n && old < 1u << 31)) /* nothing new */
		return;
	if (!s->started || old >= 1u << 31) { /* the first, or behind a hole */
		s->started = true;
		s->next = v->seq;
		s->message[s->count++ % MESSAGES] = (struct said){.at = s->next};
		old = 0;
	}
	for (uint32_t i = old; i < n; i++)
		take_byte(s, v->data[v->payload + i]);
}

/* ---- before it goes in -------------------------------------------------------------------- */

static struct id_key key_of(const struct sl_view *v, enum sl_side side, uint16_t id)
{
	struct id_key key;

	memset(&key, 0, sizeof(key));
	key.inside = side == SL_SIDE_IN ? v->src : v->dst;
	key.outside = side == SL_SIDE_IN ? v->dst : v->src;
	key.id = id;
	return key;
}

/* What was told for an id of which only the first byte is there yet. */
static const uint16_t *find_begun(const struct sl_callids *c, const struct id_key *like)
{
	const uint16_t *told;
	const void *key;
	size_t at = 0;

	while ((told = sl__map_next(&c->told, &at, &key))) {
		struct id_key begun;

		memcpy(&begun, key, sizeof(begun));
		begun.id &= 0xff00;
		if (memcmp(&begun, like, sizeof(begun)) == 0)
			return told;
	}
	return NULL;
}

static const uint16_t *told_for(const struct sl_callids *c, const struct sl_view *v,
        enum sl_side side, const struct said *m, uint8_t field)
{
	struct id_key key = key_of(v, side, (uint16_t)(m->head[field] << 8));

	if (m->fill < field + 2u)
		return find_begun(c, &key);
	key.id = sl_get16(m->head + field);
	return sl__map_find(&c->told, &key);
}

/* One byte of the stream, if this segment has it. */
static void put_byte(struct sl_view *v, uint32_t seq, uint8_t byte)
{
	uint32_t offset = seq - v->seq, at = v->payload + offset;
	uint8_t pair[2];
	bool last;

	if (offset >= sl__view_body(v))
		return;
	at -= (at - v->l4) & 1;  /* fields are pairs of bytes, for the checksum */
	last = at + 1 == v->len; /* counts with a zero behind it; there is room */
	if (last)
		v->data[v->len++] = 0;
	memcpy(pair, v->data + at, 2);
	pair[v->payload + offset - at] = byte;
	sl__view_set_field(v, at - v->l4, pair, 2);
	v->len -= last;
}

void sl__callids_translate(struct sl_callids *c, struct sl_view *v, enum sl_side side)
{
	struct stream *s;

	if (side != SL_SIDE_OUT || !is_control(v))
		return;
	s = stream_of(c, v, false);
	take(s, v);
	for (uint32_t n = s->count > MESSAGES ? s->count - MESSAGES : 0; n < s->count; n++) {
		const struct said *m = said_at(s, n);
		unsigned type = type_of(m);
		uint8_t field = type < sizeof(peer_at) ? peer_at[type] : 0;
		const uint16_t *told =
		        field && m->fill > field ? told_for(c, v, side, m, field) : NULL;

		if (!told)
			continue;
		put_byte(v, m->at + field, (uint8_t)(*told >> 8));
		put_byte(v, m->at + field + 1, (uint8_t)*told);
	}
}

/* ---- after it came out -------------------------------------------------------------------- */

void sl__callids_observe(struct sl_callids *c, const struct sl_outcome *o)
{
	const struct sl_view *v = o->captured;
	struct stream *said, *arrived;

	if (o->side != SL_SIDE_IN || !is_control(v))
		return;
	take(stream_of(c, v, false), v);
	arrived = stream_of(c, v, true);
	for (unsigned i = 0; i < o->n_through; i++)
		take(arrived, &o->through[i].view);
	said = stream_of(c, v, false); /* the former may have moved it */
	arrived = stream_of(c, v, true);
	for (uint32_t n = said->count > MESSAGES ? said->count - MESSAGES : 0; n < said->count;
	        n++) {
		const struct said *was = said_at(said, n), *is = said_at(arrived, n);
		struct id_key key = key_of(v, o->side, sl_get16(was->head + OWN));

		if (is && was->fill >= OWN + 2 && is->fill >= OWN + 2 && tells_own(type_of(was)))
			*(uint16_t *)sl__map_put(&c->told, &key, NULL) = sl_get16(is->head + OWN);
	}
}
