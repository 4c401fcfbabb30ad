/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Segments of our own: held bytes that become free, and acknowledgements of held bytes.
 *
 * Bytes are copied into the stream, so a held packet is taken and given back at once. A stream
 * that holds bytes stands in the list `due`, and when its time has come the clock acknowledges
 * them to their sender, in the name of the receiver and with its last window: a sender with
 * Nagle's algorithm on would keep the rest to itself.
 */
#include "help/inner.h"

#include "base/mem.h"
#include "track/tcp.h"

#define NS_PER_MS 1000000u


static uint8_t *scratch(struct sl_helping *h, uint32_t size)
{
	if (size > h->scratch_size) {
		uint8_t *p = sl__alloc(h->t->mem, size);

		if (!p)
			return NULL;
		sl__free(h->t->mem, h->scratch, h->scratch_size);
		h->scratch = p;
		h->scratch_size = size;
	}
	return h->scratch;
}

uint32_t sl__help_render(struct sl_help *help, struct sl_stream *s, uint32_t *from, uint32_t *to,
	uint32_t seq, const uint8_t *bytes, uint32_t n)
{
	uint32_t most = sl__stream_render_max(s, *from, *to);
	uint8_t *out = scratch(help->owner, most ? most : 1);

	return out ? sl__stream_render(s, from, to, seq, bytes, n, out, most) : UINT32_MAX;
}

static void wait_no_more(struct sl_stream *s)
{
	sl__list_remove(&s->due_link);
}

void sl__help_flush(struct sl_help *help, struct sl_stream *s)
{
	uint32_t from = s->sent, to, n;
	bool fin;

	sl__help_read(help, s, NULL);
	if (s->sent == s->next)
		wait_no_more(s);
	to = s->sent;
	fin = s->fin_seen && to == s->fin;
	if (from == to && !fin)
		return;
	n = sl__help_render(help, s, &from, &to, from, NULL, 0);
	if (n == UINT32_MAX)
		return; /* the sender's retransmission brings it */
	if (help->packet) /* it lets go what Linux would never have held */
		help->packet->beyond = SL_BEYOND_SPLIT_MESSAGE;
	sl__segment_emit(&help->owner->env, &s->last, help->packet, sl__editlog_new(&s->log, from),
		sl__segment_last_ack(&s->last), (uint8_t)(SL_ACK | SL_PSH | (fin ? SL_FIN : 0)),
		help->owner->scratch, n);
}

/* Held bytes must be acknowledged, or a sender with Nagle's algorithm keeps the rest to itself. */
static void acknowledge(struct sl_help *help, struct sl_stream *s)
{
	struct sl_stream *back = &help->stream[!s->dir];

	if (!back->last.size || s->sent == s->next || help->conn->state == SL_TCP_CLOSE)
		return; /* after a reset nobody waits for an answer */
	sl__segment_echo_time(&back->last, &s->last);
	if (sl__segment_emit(&help->owner->env, &back->last, help->packet,
		    sl__editlog_new(&back->log, back->sent), s->next, SL_ACK, NULL, 0))
		s->self_acked = s->next;
}

bool sl__help_clock(struct sl_helping *h, unsigned budget)
{
	struct sl_list *first;

	for (unsigned n = 0; (first = sl__list_first(&h->due)); n++) {
		struct sl_stream *s = SL_CONTAINER(first, struct sl_stream, due_link);

		if (s->due > h->t->now)
			return false;
		if (budget && n >= budget)
			return true;
		wait_no_more(s);
		acknowledge(s->help, s);
	}
	return false;
}

uint64_t sl__help_deadline(const struct sl_helping *h)
{
	struct sl_list *first = sl__list_first(&h->due);

	return first ? SL_CONTAINER(first, struct sl_stream, due_link)->due : UINT64_MAX;
}

void sl__help_wait(struct sl_help *help, struct sl_stream *s)
{
	struct sl_helping *h = help->owner;

	if (s->sent == s->next) {
		wait_no_more(s);
	} else if (sl__list_empty(&s->due_link) && s->self_acked != s->next) {
		s->due = h->t->now + (uint64_t)h->t->set.hold_ms * NS_PER_MS;
		sl__list_append(&h->due, &s->due_link);
	}
}

