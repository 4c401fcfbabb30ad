/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Per direction of a TCP connection there is a list of bytes that went in and have not come
 * out: empty except while the engine holds a part of a message. What goes in is put behind it;
 * what comes out is compared with the whole. A true beginning of it means that the rest is
 * held; anything else settles the account.
 *
 * What is held may also be let go by a packet of the other direction (a reset, the end of a helper's
 * interest), and a connection that ends takes it along. A packet that belongs to none changes nothing.
 */
#include "prog/payload.h"

#include <stdlib.h>
#include <string.h>

struct pending {
	uint8_t *bytes;
	uint32_t len;
	uint64_t flow; /* whose bytes they are */
};

void sl__payloads_init(struct sl_payloads *p)
{
	*p = (struct sl_payloads){0};
	sl__map_init(&p->streams, sizeof(struct sl_view_way), sizeof(struct pending));
}

void sl__payloads_fini(struct sl_payloads *p)
{
	struct pending *pending;
	const void *key;
	size_t at = 0;

	while ((pending = sl__map_next(&p->streams, &at, &key)))
		free(pending->bytes);
	sl__map_fini(&p->streams);
	free(p->before);
	free(p->after);
	*p = (struct sl_payloads){0};
}

/* What is held of the direction in which o was sent; NULL: nothing. */
static struct pending *held_before(struct sl_payloads *p, const struct sl_outcome *o)
{
	struct sl_view_way way = sl__view_way(o->captured);
	struct pending *pending = o->captured->tcp ? sl__map_find(&p->streams, &way) : NULL;

	if (pending && o->flow && pending->flow != o->flow)
		pending->len = 0;
	return pending && pending->len && o->state != SL_CT_INVALID ? pending : NULL;
}

static uint32_t append(
        uint8_t **buffer, size_t *size, uint32_t len, const void *bytes, uint32_t more)
{
	if (len + more > *size) {
		*size = (len + more) * (size_t)2;
		*buffer = sl__must_grow(*buffer, *size);
	}
	if (more)
		memcpy(*buffer + len, bytes, more);
	return len + more;
}

static void collect(struct sl_payloads *p, const struct pending *pending, struct sl_outcome *o)
{
	const struct sl_view *v = o->sent; /* for TCP the same bytes as captured */

	o->before_len = o->after_len = 0;
	if (pending)
		o->before_len =
		        append(&p->before, &p->before_size, 0, pending->bytes, pending->len);
	o->before_len = append(
	        &p->before, &p->before_size, o->before_len, v->data + v->payload, sl__view_body(v));
	for (unsigned i = 0; i < o->n_through; i++) {
		const struct sl_view *out = &o->through[i].view;

		o->after_len = append(&p->after, &p->after_size, o->after_len,
		        out->data + out->payload, sl__view_body(out));
	}
	o->before = p->before;
	o->after = p->after;
}

static void remember(struct sl_payloads *p, const struct sl_outcome *o)
{
	struct sl_view_way way = sl__view_way(o->captured);
	struct pending *pending = sl__map_put(&p->streams, &way, NULL);
	uint32_t left = o->before_len - o->after_len;

	free(pending->bytes);
	pending->bytes = sl__must_alloc(left);
	pending->len = left;
	pending->flow = o->flow;
	memcpy(pending->bytes, o->before + o->after_len, left);
}

bool sl__payloads_released(struct sl_payloads *p, const struct sl_outcome *o)
{
	const struct sl_view *v = o->captured;
	struct sl_view_way back = sl__view_way_back(v);
	struct pending *pending;

	if (!v->tcp || v->fragment)
		return false;
	pending = sl__map_find(&p->streams, &back);
	for (unsigned i = 0; i < o->n_back && pending; i++) {
		const struct sl_view *out = &o->back[i].view;
		uint32_t n = sl__view_body(out);

		if (!out->tcp || !n)
			continue;
		pending->len -= n < pending->len ? n : pending->len;
		memmove(pending->bytes, pending->bytes + n, pending->len);
	}
	return pending && pending->len;
}

bool sl__payloads_compare(struct sl_payloads *p, struct sl_outcome *o)
{
	bool came = o->fate == SL_FATE_FORWARDED && o->n_through, begins;
	struct pending *pending;

	if (o->answered) {
		collect(p, NULL, o);
		o->payload_changed = !o->captured->fragment && o->before_len != o->after_len;
		return false;
	}
	if (o->captured->fragment || (!came && o->fate != SL_FATE_HELD))
		return false;
	pending = held_before(p, o);
	collect(p, pending, o);
	begins = o->after_len < o->before_len &&
	         (!o->after_len || memcmp(o->before, o->after, o->after_len) == 0);
	if (begins && o->captured->tcp) {
		remember(p, o);
		return true;
	}
	if (pending)
		pending->len = 0;
	o->payload_changed = o->after_len != o->before_len ||
	                     (o->after_len && memcmp(o->before, o->after, o->after_len) != 0);
	return false;
}
