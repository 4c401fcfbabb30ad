/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control messages (RFC 2637) are read where a segment begins with one, as PPTP programs send them: a
 * segment that begins in the middle of a message is left as it is.
 */
#include "prog/callids.h"

#include <string.h>

#include <sluice/text.h>

#include "base/wire.h"

enum { PPTP = 1723, COOKIE = 0x1a2b3c4d, HEADER = 12 };
enum { OWN = 12 }; /* where the sender's id stands, in messages that tell it */

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

struct id_key {
	struct sl_addr inside, outside;
	uint16_t id;
};

void sl__callids_init(struct sl_callids *c)
{
	sl__map_init(&c->told, sizeof(struct id_key), sizeof(uint16_t));
}

void sl__callids_fini(struct sl_callids *c)
{
	sl__map_fini(&c->told);
}

static struct id_key key_of(const struct sl_view *v, enum sl_side side, uint16_t id)
{
	struct id_key key;

	memset(&key, 0, sizeof(key));
	key.inside = side == SL_SIDE_IN ? v->src : v->dst;
	key.outside = side == SL_SIDE_IN ? v->dst : v->src;
	key.id = id;
	return key;
}

static bool is_control(const struct sl_view *v)
{
	return v->tcp && !v->fragment && (v->sport == PPTP || v->dport == PPTP);
}

/* The message at *at (an offset in the payload): its type, and *at moves behind it. 0: there is none. */
static unsigned next_message(const struct sl_view *v, uint32_t *at)
{
	struct sl_text t = sl_text_of(v->data + v->payload, sl__view_body(v));
	uint16_t length, kind, type;
	uint32_t cookie;

	if (!sl_text_bytes(&t, *at, NULL) || !sl_text_u16(&t, &length) || !sl_text_u16(&t, &kind) ||
	        !sl_text_u32(&t, &cookie) || !sl_text_u16(&t, &type) || cookie != COOKIE ||
	        length < HEADER + 4 || length > sl__view_body(v) - *at)
		return 0;
	*at += length;
	return type;
}

void sl__callids_translate(const struct sl_callids *c, struct sl_view *v, enum sl_side side)
{
	uint32_t at = 0, begin = 0;
	unsigned type;

	if (side != SL_SIDE_OUT || !c->told.used || !is_control(v))
		return;
	for (; (type = next_message(v, &at)); begin = at) {
		uint32_t field = type < sizeof(peer_at) && peer_at[type]
		                         ? v->payload + begin + peer_at[type]
		                         : 0;
		struct id_key key = key_of(v, side, field ? sl_get16(v->data + field) : 0);
		const uint16_t *told = field ? sl__map_find(&c->told, &key) : NULL;
		uint8_t bytes[2];

		if (!told)
			continue;
		sl_put16(bytes, *told);
		sl__view_set_field(v, field - v->l4, bytes, sizeof(bytes));
	}
}

void sl__callids_observe(struct sl_callids *c, const struct sl_outcome *o)
{
	const struct sl_view *v = o->captured, *got = o->n_through ? &o->through[0].view : NULL;
	uint32_t at = 0, begin = 0;
	unsigned type;

	if (o->side != SL_SIDE_IN || !got || !is_control(v) ||
	        sl__view_body(got) != sl__view_body(v))
		return;
	for (; (type = next_message(v, &at)); begin = at) {
		struct id_key key =
		        key_of(v, o->side, sl_get16(v->data + v->payload + begin + OWN));

		if (tells_own(type))
			*(uint16_t *)sl__map_put(&c->told, &key, NULL) =
			        sl_get16(got->data + got->payload + begin + OWN);
	}
}
