/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The helper runtime: a packet's way through streams and helpers.
 *
 * For TCP each packet is, in this order: acknowledged (its ACK and SACK numbers are taken to
 * the other direction's stream and moved back into that sender's numbers), remembered (as the
 * pattern for segments of our own), fed (its bytes are put in order), read (whole messages
 * go to the helper), and rewritten: it leaves with what is to be sent now, which may be its
 * own bytes, more (what was held before it), less (its end is held), or others (edits).
 *
 * What leaves with a segment that begins at old number seq: a new release begins where the last
 * one ended; a retransmission begins at seq and is answered from the buffer and the edit log,
 * so that it carries what the receiver was or should have been given. Bytes that we
 * acknowledged ourselves are the receiver's only hope: any retransmission brings them along.
 *
 * Holding. Bytes are copied into the stream, so a held packet is taken and given back at once.
 * A stream that holds bytes stands in the list `due`, and when its time has come the clock
 * acknowledges them to their sender, in the name of the receiver and with its last window.
 *
 * A refused message: its bytes, from the first that has not been sent, are forgotten and the
 * packet is dropped or cut; the sender repeats them and the helper is asked again.
 *
 * A helper that left, or was unregistered, is not asked any more; what was edited stays
 * edited, and numbers are moved, for as long as the connection lives.
 *
 * Ownership. A sl_help belongs to its conn's extension and ends with the conn; it is also in
 * the list `all` of its engine.
 *
 * Limits. See stream.c and editlog.c. A message longer than the helper's message_max passes
 * unread. A signed connection (TCP-MD5, TCP-AO) is never edited: the helper steps aside.
 */
#include "help/runtime.h"

#include <string.h>

#include "base/mem.h"
#include "track/tcp.h"

#define MESSAGE_MAX 4096
#define NS_PER_MS 1000000u

/* ---- life ---------------------------------------------------------------------------------------- */

void sl__helping_init(struct sl_helping *h, struct sl_track *t, const struct sl_help_env *env,
	sl_expected_fn *follow, size_t stream_max)
{
	*h = (struct sl_helping){.t = t, .env = *env, .follow = follow};
	h->pool = (struct sl_stream_pool){.mem = t->mem, .max = stream_max};
	sl__registry_init(&h->registry, t->mem);
	sl__list_init(&h->all);
	sl__list_init(&h->due);
}

void sl__helping_fini(struct sl_helping *h)
{
	sl__registry_fini(&h->registry);
	sl__free(h->t->mem, h->scratch, h->scratch_size);
}

bool sl__help_attach(struct sl_helping *h, struct sl_conn *conn, const struct sl_helper *helper)
{
	struct sl_ext *ext = sl__conn_ext(h->t, conn);
	struct sl_help *help;

	if (!ext || ext->help)
		return false;
	help = sl__alloc(h->t->mem, sizeof(*help) + helper->data_size);
	if (!help)
		return false;
	help->api = &sl__help_api;
	help->owner = h;
	help->conn = conn;
	help->helper = helper;
	help->data_size = helper->data_size;
	for (unsigned dir = 0; dir < 2; dir++) {
		sl__stream_init(&help->stream[dir], help, (enum sl_dir)dir);
		ext->stream[dir] = &help->stream[dir];
	}
	sl__list_append(&h->all, &help->link);
	ext->help = help;
	ext->helper = helper;
	conn->flags |= SL_CONN_WATCHED;
	return true;
}

void sl__help_conn_end(struct sl_ext *ext)
{
	struct sl_help *help = ext->help;

	if (!help)
		return;
	for (unsigned dir = 0; dir < 2; dir++)
		sl__stream_fini(&help->stream[dir], &help->owner->pool);
	sl__list_remove(&help->link);
	sl__free(help->owner->t->mem, help, sizeof(*help) + help->data_size);
	ext->help = NULL;
	ext->stream[0] = ext->stream[1] = NULL;
}

int32_t sl__help_seq_offset(const struct sl_track *t, const struct sl_conn *conn, enum sl_dir dir, uint32_t seq)
{
	const struct sl_ext *ext = sl__ext_of(t, conn);

	if (!ext || !ext->stream[dir])
		return 0;
	return (int32_t)(seq - sl__editlog_old(&ext->stream[dir]->log, seq, SL_EDGE_START));
}

/* ---- messages --------------------------------------------------------------------------------------- */

/* Does anybody read what this direction's sender says? */
static bool reads(const struct sl_help *help, unsigned dir)
{
	return help->helper && !help->left && help->helper->message[dir];
}

static uint32_t message_max(const struct sl_helper *helper)
{
	return helper->message_max ? helper->message_max : MESSAGE_MAX;
}

/* The value of the length field, if it is there. */
static uint32_t by_length(const struct sl_helper *helper, const uint8_t *bytes, uint32_t n)
{
	int64_t value = 0;

	if (n < (uint32_t)helper->length_offset + helper->length_size)
		return 0;
	for (unsigned i = 0; i < helper->length_size; i++)
		value = value << 8 | bytes[helper->length_offset + i];
	value += helper->length_bias;
	if (value < helper->length_offset + helper->length_size)
		value = helper->length_offset + helper->length_size;
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* Bytes of the first message; 0 or more than n: it is not complete. */
static uint32_t frame(struct sl_help *help, unsigned dir, const uint8_t *bytes, uint32_t n)
{
	struct sl_text text = sl_text_of(bytes, n);
	const uint8_t *lf;

	switch (help->helper->framing) {
	case SL_FRAME_LINE:
		lf = memchr(bytes, '\n', n);
		return lf ? (uint32_t)(lf - bytes) + 1 : 0;
	case SL_FRAME_LENGTH:
		return by_length(help->helper, bytes, n);
	case SL_FRAME_OWN:
		return (uint32_t)help->helper->frame(help, &text, (enum sl_dir)dir);
	case SL_FRAME_DATAGRAM:
		break;
	}
	return n;
}

/* Ask the helper about one whole message. */
static enum sl_help_result ask(struct sl_help *help, unsigned dir, const uint8_t *bytes, uint32_t n,
	uint32_t at, struct sl_editlog *log)
{
	struct sl_message message = {.text = sl_text_of(bytes, n), .dir = (enum sl_dir)dir};
	enum sl_help_result result;

	help->at = at;
	help->log = log;
	help->effective = false;
	help->refusal = SL_WHY_HELPER_DROP;
	SL_TRACE(help->owner->t, help->conn, "helper", "%s reads a message of %u bytes", help->helper->name, n);
	result = help->helper->message[dir](help, &message);
	if (result == SL_REFUSE)
		sl__editlog_undo(log, help->owner->t->mem, at);
	else
		help->refusal = SL_WHY_NONE;
	help->log = NULL;
	return result;
}

/* What of an effective message's shape the kernel would have missed. */
static void remark(struct sl_help *help, const struct sl_parsed *parsed, uint32_t at, uint32_t n)
{
	struct sl_packet *p = help->packet;

	if (!help->effective || !p)
		return;
	if (sl__seq_before(at, parsed->seq))
		p->beyond = SL_BEYOND_SPLIT_MESSAGE;
	else if (at != parsed->seq || at + n != parsed->seq + (parsed->len - parsed->payload))
		p->beyond = SL_BEYOND_MANY_MESSAGES;
}

/* Without a known boundary: pass over everything up to where the next message begins. */
static void synchronise(struct sl_help *help, struct sl_stream *s)
{
	const uint8_t *bytes = sl__stream_bytes(s, s->msg), *lf;

	lf = help->helper->framing == SL_FRAME_LINE ? memchr(bytes, '\n', s->next - s->msg) : NULL;
	s->msg = lf ? s->msg + (uint32_t)(lf - bytes) + 1 : s->next;
	s->synced = lf != NULL;
}

/* How far an incomplete message may go on. */
static uint32_t release_of(struct sl_help *help, struct sl_stream *s)
{
	uint32_t n = s->next - s->msg;
	struct sl_text begin = sl_text_of(sl__stream_bytes(s, s->msg), n);
	size_t free_bytes = 0;

	if (n == 0 || (s->fin_seen && s->next == s->fin))
		return s->next;
	if (help->helper->hold)
		free_bytes = help->helper->hold(help, &begin, (enum sl_dir)s->dir);
	return s->msg + (free_bytes > n ? n : (uint32_t)free_bytes);
}

/* Read all whole messages and move s->sent to where everything may go on. False: refused. */
static bool read_messages(struct sl_help *help, struct sl_stream *s, const struct sl_parsed *parsed)
{
	uint32_t n;

	help->refusal = SL_WHY_NONE;
	while (reads(help, s->dir) && s->msg != s->next) {
		const uint8_t *bytes;

		if (!s->synced) {
			synchronise(help, s);
			continue;
		}
		bytes = sl__stream_bytes(s, s->msg);
		n = frame(help, s->dir, bytes, s->next - s->msg);
		if (n > message_max(help->helper) ||
			(n == 0 && s->next - s->msg > message_max(help->helper))) {
			s->synced = false; /* too long: passes unread */
			continue;
		}
		if (n == 0 || n > s->next - s->msg)
			break;
		switch (ask(help, s->dir, bytes, n, s->msg, &s->log)) {
		case SL_REFUSE:
			if (sl__seq_after(s->msg, s->sent))
				s->sent = s->msg;
			return false;
		case SL_LEAVE:
			help->left = true;
			break;
		case SL_PASS:
			break;
		}
		if (parsed)
			remark(help, parsed, s->msg, n);
		s->msg += n;
	}
	if (!reads(help, s->dir))
		s->msg = s->sent = s->next;
	n = release_of(help, s);
	if (sl__seq_after(n, s->sent))
		s->sent = n;
	return true;
}

/* ---- sending of our own ---------------------------------------------------------------------------------- */

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

static uint32_t render(struct sl_help *help, struct sl_stream *s, uint32_t *from, uint32_t *to,
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

/* Send what became free without a packet of that direction at hand. */
static void flush(struct sl_help *help, struct sl_stream *s)
{
	uint32_t from = s->sent, to, n;
	bool fin;

	read_messages(help, s, NULL);
	if (s->sent == s->next)
		wait_no_more(s);
	to = s->sent;
	fin = s->fin_seen && to == s->fin;
	if (from == to && !fin)
		return;
	n = render(help, s, &from, &to, from, NULL, 0);
	if (n == UINT32_MAX)
		return; /* the sender's retransmission brings it */
	sl__segment_emit(&help->owner->env, &s->last, help->packet, sl__editlog_new(&s->log, from),
		sl__segment_last_ack(&s->last), (uint8_t)(SL_ACK | SL_PSH | (fin ? SL_FIN : 0)),
		help->owner->scratch, n);
}

/* Held bytes must be acknowledged, or a sender with Nagle's algorithm keeps the rest to itself. */
static void acknowledge(struct sl_help *help, struct sl_stream *s)
{
	struct sl_stream *back = &help->stream[!s->dir];

	if (!back->last.size || s->sent == s->next)
		return;
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

void sl__help_forget(struct sl_helping *h, const struct sl_helper *helper)
{
	struct sl_expects *e = &h->t->expects;
	uint32_t cursor = 0, budget = UINT32_MAX, ref;

	while ((ref = sl__slab_next(&e->slab, &cursor, &budget))) {
		struct sl_expect *expect = sl__expect_at(e, ref);

		if (expect->maker == helper || expect->helper == helper)
			sl__expect_remove(h->t, expect, SL_WHY_HELPER_GONE);
	}
	SL_LIST_EACH(it, &h->all) {
		struct sl_help *help = SL_CONTAINER(it, struct sl_help, link);

		if (help->helper != helper)
			continue;
		help->helper = NULL;
		help->packet = NULL;
		sl__ext_of(h->t, help->conn)->helper = NULL;
		for (unsigned dir = 0; dir < 2; dir++)
			if (help->stream[dir].started)
				flush(help, &help->stream[dir]);
	}
}

/* ---- a TCP packet -------------------------------------------------------------------------------------------- */

/* One packet's work. */
struct work {
	struct sl_help *help;
	struct sl_stream *s, *peer; /* of its sender; of whom it acknowledges */
	struct sl_packet *p;
	struct sl_parsed *parsed;
	uint16_t sum;
	bool changed;
};

static enum sl_help_outcome done(struct work *w)
{
	if (w->changed)
		sl__segment_seal(w->p, w->parsed, w->sum);
	return SL_HELP_ACCEPT;
}

static enum sl_help_outcome drop(struct work *w, enum sl_reason why)
{
	w->p->reason = (uint16_t)why;
	return SL_HELP_DROP;
}

static void set_seq(struct work *w, uint32_t seq)
{
	if (seq == w->parsed->seq)
		return;
	sl__segment_set_seq(w->p, w->parsed, seq);
	w->changed = true;
}

/* Its ACK and SACK: back into the numbers of the data's sender, who must not see them fall. */
static void take_ack(struct work *w)
{
	struct sl_stream *peer = w->peer;
	uint32_t ack;

	if (!(w->parsed->tcp_flags & SL_ACK) || !peer->started)
		return;
	ack = sl__editlog_old(&peer->log, w->parsed->ack, SL_EDGE_START);
	if (sl__editlog_used(&peer->log) && sl__segment_map_sack(w->p, w->parsed, &peer->log))
		w->changed = true;
	if (sl__stream_acked(peer, &w->help->owner->pool, ack))
		flush(w->help, peer);
	if (sl__seq_after(peer->self_acked, ack))
		ack = peer->self_acked;
	if (ack != w->parsed->ack) {
		sl__segment_set_ack(w->p, w->parsed, ack);
		w->changed = true;
	}
}

static void take_syn(struct work *w)
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
static enum sl_help_outcome hold(struct work *w)
{
	struct sl_helping *h = w->help->owner;

	if (!h->env.keep || !h->env.keep(h->env.ctx, w->p))
		return drop(w, SL_WHY_KEEP_FAILED);
	h->env.free(h->env.ctx, w->p);
	w->p->reason = SL_WHY_STREAM_HELD;
	return SL_HELP_HELD;
}

static void wait_for_rest(struct sl_help *help, struct sl_stream *s)
{
	struct sl_helping *h = help->owner;

	if (s->sent == s->next) {
		wait_no_more(s);
	} else if (sl__list_empty(&s->due_link) && s->self_acked != s->next) {
		s->due = h->t->now + (uint64_t)h->t->set.hold_ms * NS_PER_MS;
		sl__list_append(&h->due, &s->due_link);
	}
}

/* What of the stream leaves with this segment. */
struct range {
	uint32_t from, to;
	bool fin;
};

static struct range to_send(const struct work *w, uint32_t seq, uint32_t end, uint32_t sent_before)
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

static void move_urgent(struct work *w, uint32_t seq, uint32_t new_seq, uint8_t *flags)
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
static enum sl_help_outcome leave_with(struct work *w, const struct range *r, uint32_t n)
{
	struct sl_helping *h = w->help->owner;
	uint32_t new_seq = sl__editlog_new(&w->s->log, r->from), first = n, room;
	uint8_t flags = w->parsed->tcp_flags, last;

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
		return drop(w, SL_WHY_KEEP_FAILED);
	sl__segment_set_flags(w->p, w->parsed, flags);
	sl__segment_set_seq(w->p, w->parsed, new_seq);
	w->changed = true;
	done(w);
	if (first < n)
		sl__segment_emit(&h->env, &w->s->last, w->p, new_seq + first, w->parsed->ack,
			(uint8_t)(last & ~SL_URG), h->scratch + first, n - first);
	return SL_HELP_ACCEPT;
}

/* Is what is to leave exactly what came? */
static bool as_it_came(const struct work *w, const struct range *r, uint32_t n)
{
	const struct sl_parsed *parsed = w->parsed;

	return r->from == parsed->seq && n == parsed->len - parsed->payload &&
	       r->fin == ((parsed->tcp_flags & SL_FIN) != 0) &&
	       (!n || !memcmp(w->help->owner->scratch, w->p->data + parsed->payload, n));
}

static enum sl_help_outcome send_range(struct work *w, struct range *r)
{
	const struct sl_parsed *parsed = w->parsed;
	uint32_t seq = parsed->seq, n;

	n = render(w->help, w->s, &r->from, &r->to, seq, w->p->data + parsed->payload,
		parsed->len - parsed->payload);
	if (n == UINT32_MAX)
		return drop(w, SL_WHY_NO_MEMORY);
	if (as_it_came(w, r, n)) {
		if (parsed->tcp_flags & SL_URG && sl__editlog_used(&w->s->log)) {
			uint8_t flags = parsed->tcp_flags;

			move_urgent(w, seq, sl__editlog_new(&w->s->log, seq), &flags);
			sl__segment_set_flags(w->p, w->parsed, flags);
			w->changed = true;
		}
		set_seq(w, sl__editlog_new(&w->s->log, seq));
		return done(w);
	}
	return leave_with(w, r, n);
}

/* The other direction may have been waiting for a helper that is now gone. */
static void release_peer(struct work *w)
{
	if (w->help->left && w->peer->started && w->peer->sent != w->peer->next)
		flush(w->help, w->peer);
}

/* A segment with bytes or a FIN. */
static enum sl_help_outcome take_data(struct work *w)
{
	struct sl_help *help = w->help;
	struct sl_stream *s = w->s;
	struct sl_stream_pool *pool = &help->owner->pool;
	uint32_t n = w->parsed->len - w->parsed->payload, seq = w->parsed->seq, sent_before = s->sent;
	struct range r;
	bool taken;

	/* Behind the end of the stream: nobody will take it. */
	if (s->fin_seen && s->sent == s->fin && sl__seq_after(seq, s->fin)) {
		set_seq(w, sl__editlog_new(&s->log, seq));
		return done(w);
	}
	if (w->parsed->tcp_flags & SL_FIN) {
		s->fin_seen = true;
		s->fin = seq + n;
	}
	if (!reads(help, s->dir) && s->sent == s->next && !s->piece_count) { /* only numbers matter */
		if (sl__seq_after(seq + n, s->next))
			sl__stream_pass(s, pool, seq + n);
		r = (struct range){seq, seq + n, (w->parsed->tcp_flags & SL_FIN) != 0};
		return send_range(w, &r);
	}
	if (!sl__stream_feed(s, pool, seq, w->p->data + w->parsed->payload, n))
		return drop(w, SL_WHY_STREAM_MEMORY);
	taken = read_messages(help, s, w->parsed);
	if (!taken)
		sl__stream_cut(s, pool, sl__seq_after(s->self_acked, s->sent) ? s->self_acked : s->sent);
	r = to_send(w, seq, seq + n, sent_before);
	release_peer(w);
	wait_for_rest(help, s);
	if (r.from == r.to && !r.fin)
		return taken ? hold(w) : drop(w, help->refusal);
	return send_range(w, &r);
}

/* Must never be edited: the sender signs its segments. */
static bool is_signed(const struct work *w)
{
	struct sl_tcp_options options;

	sl__tcp_options(w->p, w->parsed, &options);
	return options.signed_;
}

static enum sl_help_outcome take_tcp(struct work *w)
{
	uint8_t flags = w->parsed->tcp_flags;
	struct sl_stream *s = w->s;
	bool bytes = w->parsed->payload < w->parsed->len;

	if (!w->help->left && w->help->helper && is_signed(w)) {
		sl_note(w->help, SL_WHY_HELPER_ENCRYPTED, "segments are signed: never edited");
		w->help->left = true;
	}
	take_ack(w);
	if (flags & SL_SYN) {
		take_syn(w);
		sl__segment_remember(&s->last, w->p, w->parsed);
		return done(w);
	}
	if (!s->started)
		sl__stream_start(s, &w->help->owner->pool, w->parsed->seq, false);
	if (!(flags & SL_RST))
		sl__segment_remember(&s->last, w->p, w->parsed);
	if (bytes || flags & SL_FIN)
		return take_data(w);
	/* What comes next for the receiver is what it was not given yet. */
	set_seq(w, sl__editlog_new(&s->log,
			   sl__seq_after(w->parsed->seq, s->sent) && reads(w->help, s->dir) &&
					   (s->sent != s->next || s->piece_count)
				   ? s->sent
				   : w->parsed->seq));
	return done(w);
}

/* ---- a datagram -------------------------------------------------------------------------------------------------- */

/* Apply the log's edits, whose numbers are offsets of the payload. */
static enum sl_help_outcome edit_datagram(struct work *w, struct sl_editlog *log)
{
	struct sl_stream whole = {.log = *log};
	uint32_t n = w->parsed->len - w->parsed->payload, from = 0, to = n;

	n = render(w->help, &whole, &from, &to, 0, w->p->data + w->parsed->payload, n);
	if (n == UINT32_MAX)
		return drop(w, SL_WHY_NO_MEMORY);
	if (!sl__segment_payload(&w->help->owner->env, w->p, w->parsed, w->help->owner->scratch, n))
		return drop(w, SL_WHY_KEEP_FAILED);
	w->changed = true;
	return done(w);
}

static enum sl_help_outcome take_datagram(struct work *w, unsigned dir)
{
	struct sl_help *help = w->help;
	uint32_t n = w->parsed->len - w->parsed->payload;
	enum sl_help_outcome outcome = SL_HELP_ACCEPT;
	struct sl_editlog log = {0};

	if (!reads(help, dir) || !n)
		return SL_HELP_ACCEPT;
	switch (ask(help, dir, w->p->data + w->parsed->payload, n, 0, &log)) {
	case SL_REFUSE:
		outcome = drop(w, help->refusal);
		break;
	case SL_LEAVE:
		help->left = true;
		break;
	case SL_PASS:
		break;
	}
	if (outcome == SL_HELP_ACCEPT && log.count)
		outcome = edit_datagram(w, &log);
	sl__editlog_fini(&log, help->owner->t->mem);
	return outcome;
}

/* ---- any packet --------------------------------------------------------------------------------------------------- */

enum sl_help_outcome sl__help_packet(struct sl_track *t, struct sl_conn *conn, enum sl_dir dir,
	struct sl_packet *p, struct sl_parsed *parsed)
{
	struct sl_ext *ext = sl__ext_of(t, conn);
	struct sl_help *help = ext ? ext->help : NULL;
	enum sl_help_outcome outcome;
	struct work w;

	if (!help || (conn->proto != SL_PROTO_TCP && conn->proto != SL_PROTO_UDP))
		return SL_HELP_ACCEPT;
	w = (struct work){.help = help, .s = &help->stream[dir], .peer = &help->stream[!dir], .p = p,
		.parsed = parsed, .sum = sl__segment_sum(p, parsed)};
	help->packet = p;
	outcome = conn->proto == SL_PROTO_TCP ? take_tcp(&w) : take_datagram(&w, dir);
	help->packet = NULL;
	return outcome;
}
