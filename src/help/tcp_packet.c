/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TCP packet's way through streams and helpers.
 *
 * Each packet is, in this order: acknowledged (its ACK and SACK numbers are taken to the other
 * direction's stream and moved back into that sender's numbers), remembered (as the pattern for
 * segments of our own), fed (its bytes are put in order), read (whole messages go to the
 * helper), and rewritten: it leaves with what is to be sent now, which may be its own bytes,
 * more (what was held before it), less (its end is held), or others (edits).
 *
 * What leaves with a segment that begins at old number seq: a new release begins where the last
 * one ended; a retransmission begins at seq and is answered from the buffer and the edit log,
 * so that it carries what the receiver was or should have been given. Bytes that we
 * acknowledged ourselves are the receiver's only hope: any retransmission brings them along.
 *
 * A refused message: its bytes, from the first that has not been sent, are forgotten and the
 * packet is dropped or cut; the sender repeats them and the helper is asked again.
 *
 * A signed connection (TCP-MD5, TCP-AO) is never edited: the helper steps aside.
 */
#include "help/inner.h"

#include <string.h>

#include "track/tcp.h"


static void set_seq(struct sl_help_work *w, uint32_t seq)
{
	if (seq == w->parsed->seq)
		return;
	sl__segment_set_seq(w->p, w->parsed, seq);
	w->changed = true;
}

/* Its ACK and SACK: back into the numbers of the data's sender, who must not see them fall. */
static void take_ack(struct sl_help_work *w)
{
	struct sl_stream *peer = w->peer;
	uint32_t ack;

	if (!(w->parsed->tcp_flags & SL_ACK) || !peer->started)
		return;
	ack = sl__editlog_old(&peer->log, w->parsed->ack, SL_EDGE_START);
	if (sl__editlog_used(&peer->log) && sl__segment_map_sack(w->p, w->parsed, &peer->log))
		w->changed = true;
	if (sl__stream_acked(peer, &w->help->owner->pool, ack))
		sl__help_flush(w->help, peer);
	if (sl__seq_after(peer->self_acked, ack) && sl__seq_after(peer->self_acked, peer->acked)) {
		ack = peer->self_acked; /* the receiver does not have yet what we acknowledged */
		w->p->beyond = SL_BEYOND_SPLIT_MESSAGE;
	}
	if (ack != w->parsed->ack) {
		sl__segment_set_ack(w->p, w->parsed, ack);
		w->changed = true;
	}
}

static void take_syn(struct sl_help_work *w)
{
	uint8_t state = w->help->conn->state;
	uint32_t at = w->parsed->seq + 1;

	if (w->s->started && (w->s->base == at || (state != SL_TCP_SYN_SENT && state != SL_TCP_SYN_RECV &&
							   state != SL_TCP_SYN_SENT2)))
		return;
	/* What a SYN carries (RFC 7413) is not read: the first message may have begun in it. */
	at += w->parsed->len - w->parsed->payload;
	sl__stream_start(w->s, &w->help->owner->pool, at, w->parsed->len == w->parsed->payload);
}

/* Bytes are held: they wait for the rest, for a while. */
static enum sl_help_outcome hold(struct sl_help_work *w)
{
	struct sl_helping *h = w->help->owner;

	if (!h->env.keep || !h->env.keep(h->env.ctx, w->p))
		return sl__help_drop(w, SL_WHY_KEEP_FAILED);
	h->env.free(h->env.ctx, w->p);
	SL_TRACE(h->t, w->help->conn, "held", "%u bytes of this direction wait for the rest of a message",
		(unsigned)(w->s->next - w->s->sent));
	w->p->reason = SL_WHY_STREAM_HELD;
	w->p->beyond = SL_BEYOND_SPLIT_MESSAGE;
	return SL_HELP_HELD;
}

/* What of the stream leaves with this segment. */
struct range {
	uint32_t from, to;
	bool fin;
};

static struct range to_send(const struct sl_help_work *w, uint32_t seq, uint32_t end, uint32_t sent_before)
{
	const struct sl_stream *s = w->s;
	struct range r = {.from = sent_before, .to = s->sent};

	if (!sl__seq_after(seq, sent_before)) {
		r.from = seq;
		if (s->sent == sent_before)
			r.to = sl__seq_before(end, sent_before) ? end : sent_before;
	}
	/* Nobody else will repeat what we acknowledged. */
	if (sl__seq_before(seq, sent_before) && sl__seq_after(s->self_acked, s->acked) &&
		sl__seq_after(r.from, s->acked))
		r.from = s->acked;
	r.fin = s->fin_seen && r.to == s->fin &&
		(w->parsed->tcp_flags & SL_FIN || s->sent != sent_before);
	return r;
}

static void move_urgent(struct sl_help_work *w, uint32_t seq, uint32_t new_seq, uint8_t *flags)
{
	uint32_t urgent;

	if (!(*flags & SL_URG))
		return;
	urgent = sl__editlog_new(&w->s->log, seq + sl__segment_urgent(w->p, w->parsed)) - new_seq;
	if (urgent == 0 || urgent > 65535) {
		*flags &= (uint8_t)~SL_URG;
		urgent = 0;
	}
	sl__segment_set_urgent(w->p, w->parsed, (uint16_t)urgent);
}

/* Put the n bytes in scratch into the packet; what the MTU does not let through follows it. */
static enum sl_help_outcome leave_with(struct sl_help_work *w, const struct range *r, uint32_t n)
{
	struct sl_helping *h = w->help->owner;
	uint32_t new_seq = sl__editlog_new(&w->s->log, r->from), first = n, room;
	uint8_t flags = w->parsed->tcp_flags, last;

	if (r->from != w->parsed->seq || r->to != w->parsed->seq + (w->parsed->len - w->parsed->payload))
		w->p->beyond = SL_BEYOND_SPLIT_MESSAGE; /* more than it came with, or less */
	if (r->fin)
		flags |= SL_FIN;
	else
		flags &= (uint8_t)~SL_FIN;
	move_urgent(w, w->parsed->seq, new_seq, &flags);
	last = flags;
	room = w->p->mtu > w->parsed->payload && !w->p->gso ? w->p->mtu - w->parsed->payload : 65535 - w->parsed->payload;
	if (first > room && first > w->parsed->len - w->parsed->payload) {
		first = room;
		flags &= (uint8_t)~(SL_FIN | SL_PSH);
	}
	if (!sl__segment_payload(&h->env, w->p, w->parsed, h->scratch, first))
		return sl__help_drop(w, SL_WHY_KEEP_FAILED);
	sl__segment_set_flags(w->p, w->parsed, flags);
	sl__segment_set_seq(w->p, w->parsed, new_seq);
	w->changed = true;
	sl__help_done(w);
	if (first < n)
		sl__segment_emit(&h->env, &w->s->last, w->p, new_seq + first, w->parsed->ack,
			(uint8_t)(last & ~SL_URG), h->scratch + first, n - first);
	return SL_HELP_ACCEPT;
}

/* Others stood there when these bytes were seen first: nothing of a helper's. */
static bool contradicts(const struct sl_help_work *w, const struct range *r, uint32_t n)
{
	const struct sl_edit *e = sl__editlog_behind(&w->s->log, r->from);

	return n && r->from == w->parsed->seq && n == w->parsed->len - w->parsed->payload &&
	       (!e || !sl__seq_before(e->at, r->to)) &&
	       memcmp(w->help->owner->scratch, w->p->data + w->parsed->payload, n) != 0;
}

/* Is what is to leave exactly what came? */
static bool as_it_came(const struct sl_help_work *w, const struct range *r, uint32_t n)
{
	const struct sl_parsed *parsed = w->parsed;

	return r->from == parsed->seq && n == parsed->len - parsed->payload &&
	       r->fin == ((parsed->tcp_flags & SL_FIN) != 0) &&
	       (!n || !memcmp(w->help->owner->scratch, w->p->data + parsed->payload, n));
}

static enum sl_help_outcome send_range(struct sl_help_work *w, struct range *r)
{
	const struct sl_parsed *parsed = w->parsed;
	uint32_t seq = parsed->seq, n;

	n = sl__help_render(w->help, w->s, &r->from, &r->to, seq, w->p->data + parsed->payload,
		parsed->len - parsed->payload);
	if (n == UINT32_MAX)
		return sl__help_drop(w, SL_WHY_NO_MEMORY);
	if (as_it_came(w, r, n)) {
		if (parsed->tcp_flags & SL_URG && sl__editlog_used(&w->s->log)) {
			uint8_t flags = parsed->tcp_flags;

			move_urgent(w, seq, sl__editlog_new(&w->s->log, seq), &flags);
			sl__segment_set_flags(w->p, w->parsed, flags);
			w->changed = true;
		}
		set_seq(w, sl__editlog_new(&w->s->log, seq));
		return sl__help_done(w);
	}
	if (contradicts(w, r, n))
		w->p->beyond = SL_BEYOND_FIRST_SEEN;
	return leave_with(w, r, n);
}

/* The other direction may have been waiting for a helper that is now gone. */
static void release_peer(struct sl_help_work *w)
{
	if (w->help->left && w->peer->started && w->peer->sent != w->peer->next)
		sl__help_flush(w->help, w->peer);
}

/* A segment with bytes or a FIN. */
static enum sl_help_outcome take_data(struct sl_help_work *w)
{
	struct sl_help *help = w->help;
	struct sl_stream *s = w->s;
	struct sl_stream_pool *pool = &help->owner->pool;
	uint32_t n = w->parsed->len - w->parsed->payload, seq = w->parsed->seq, sent_before = s->sent;
	struct range r;
	bool taken, again;

	/* Behind the end of the stream: nobody will take it. */
	if (s->fin_seen && s->sent == s->fin && (sl__seq_after(seq, s->fin) || (n && seq == s->fin))) {
		set_seq(w, sl__editlog_new(&s->log, seq));
		return sl__help_done(w);
	}
	if (w->parsed->tcp_flags & SL_FIN) {
		s->fin_seen = true;
		s->fin = seq + n;
	}
	if (!sl__help_reads(help, s->dir) && s->sent == s->next && !s->piece_count) { /* only numbers matter */
		sl__linux_look(w);
		sl__linux_compare(w, false, false);
		if (sl__seq_after(seq + n, s->next))
			sl__stream_pass(s, pool, seq + n);
		r = (struct range){seq, seq + n, (w->parsed->tcp_flags & SL_FIN) != 0};
		return send_range(w, &r);
	}
	again = !sl__seq_after(seq + n, s->next);
	sl__linux_look(w);
	if (!sl__stream_feed(s, pool, seq, w->p->data + w->parsed->payload, n))
		return sl__help_drop(w, SL_WHY_STREAM_MEMORY);
	taken = sl__help_read(help, s, w->parsed);
	sl__linux_compare(w, !taken, again);
	if (!taken)
		sl__stream_cut(s, pool, sl__seq_after(s->self_acked, s->sent) ? s->self_acked : s->sent);
	r = to_send(w, seq, seq + n, sent_before);
	release_peer(w);
	sl__help_wait(help, s);
	if (r.from == r.to && !r.fin)
		return taken ? hold(w) : sl__help_drop(w, help->refusal);
	return send_range(w, &r);
}

/* Without NAT: what stands in it is read, and it goes on as it is. */
static enum sl_help_outcome watch_data(struct sl_help_work *w)
{
	struct sl_help *help = w->help;
	struct sl_stream *s = w->s;
	struct sl_stream_pool *pool = &help->owner->pool;
	uint32_t n = w->parsed->len - w->parsed->payload, seq = w->parsed->seq, sent_before = s->sent, at;
	bool again = !sl__seq_after(seq + n, s->next), taken;
	struct range r;

	sl__linux_look(w);
	if (!sl__stream_feed(s, pool, seq, w->p->data + w->parsed->payload, n)) {
		sl__stream_pass(s, pool, seq + n); /* no memory: passes unread */
		s->synced = s->from_start = false;
		return sl__help_done(w);
	}
	taken = sl__help_read(help, s, w->parsed);
	sl__linux_compare(w, !taken, again);
	if (!taken) {
		at = sl__seq_after(s->msg, seq) ? s->msg : seq;
		sl__stream_cut(s, pool, sl__seq_after(at, s->next) ? s->next : at);
		s->sent = s->next;
		return sl__help_drop(w, help->refusal);
	}
	if (help->conn->flags & SL_CONN_EDITED) { /* a helper that changes what is not translated */
		r = to_send(w, seq, seq + n, sent_before);
		return send_range(w, &r);
	}
	s->sent = s->next;
	return sl__help_done(w);
}

static enum sl_help_outcome watch(struct sl_help_work *w)
{
	struct sl_stream_pool *pool = &w->help->owner->pool;
	struct sl_stream *s = w->s, *peer = w->peer;
	uint8_t flags = w->parsed->tcp_flags;
	uint32_t n = w->parsed->len - w->parsed->payload;

	if (flags & SL_ACK && peer->started && sl__stream_acked(peer, pool, w->parsed->ack)) {
		sl__help_read(w->help, peer, NULL); /* behind a hole that nobody will fill */
		peer->sent = peer->next;
	}
	if (flags & SL_SYN) {
		take_syn(w);
		return sl__help_done(w);
	}
	if (!s->started)
		sl__stream_start(s, pool, w->parsed->seq, false);
	if (!n && !(flags & SL_FIN))
		return sl__help_done(w);
	if (flags & SL_FIN) {
		s->fin_seen = true;
		s->fin = w->parsed->seq + n;
	}
	if (sl__help_reads(w->help, s->dir))
		return watch_data(w);
	sl__linux_look(w);
	sl__linux_compare(w, false, false);
	if (sl__seq_after(w->parsed->seq + n, s->next))
		sl__stream_pass(s, pool, w->parsed->seq + n);
	return sl__help_done(w);
}

/* Must never be edited: the sender signs its segments. */
static bool is_signed(const struct sl_help_work *w)
{
	struct sl_tcp_options options;

	sl__tcp_options(w->p, w->parsed, &options);
	return options.signed_;
}

enum sl_help_outcome sl__help_tcp(struct sl_help_work *w)
{
	uint8_t flags = w->parsed->tcp_flags;
	struct sl_stream *s = w->s;
	bool bytes = w->parsed->payload < w->parsed->len, waits;

	if (sl__help_only_reads(w->help))
		return watch(w);
	if (!w->help->left && w->help->helper && is_signed(w)) {
		sl_note(w->help, SL_WHY_HELPER_ENCRYPTED, "segments are signed: never edited");
		sl__help_beyond(w->help, SL_BEYOND_SIGNED);
		w->help->left = true;
	}
	take_ack(w);
	if (flags & SL_SYN) {
		take_syn(w);
		sl__segment_remember(&s->last, w->p, w->parsed);
		return sl__help_done(w);
	}
	if (!s->started)
		sl__stream_start(s, &w->help->owner->pool, w->parsed->seq, false);
	if (!(flags & SL_RST))
		sl__segment_remember(&s->last, w->p, w->parsed);
	if (bytes || flags & SL_FIN)
		return take_data(w);
	waits = sl__seq_after(w->parsed->seq, s->sent) && sl__help_reads(w->help, s->dir) &&
		(s->sent != s->next || s->piece_count);
	if (waits) /* what comes next for the receiver is what it was not given yet */
		w->p->beyond = SL_BEYOND_SPLIT_MESSAGE;
	set_seq(w, sl__editlog_new(&s->log, waits ? s->sent : w->parsed->seq));
	return sl__help_done(w);
}
