/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What came of a packet, or of a span of time: what the lines below it say, and, when they end,
 * everything that they did not mention (settle()).
 */
#include <string.h>

#include "play.h"

#include "base/wire.h"

/* ---- what came out ----------------------------------------------------------------------- */

void differs(const char *what, unsigned long long expected, unsigned long long got)
{
	if (expected != got)
		wrong("%s: expected %llu, got %llu", what, expected, got);
}

static void differs_end(
        const char *what, const struct endpoint *expected, const struct endpoint *got)
{
	char a[64], b[64];

	if (!sl_addr_eq(&expected->addr, &got->addr) ||
	        (expected->has_port && expected->port != got->port))
		wrong("%s: expected %s, got %s", what, endpoint_text(expected, a),
		        endpoint_text(got, b));
}

void differs_bytes(
        const char *what, const uint8_t *expected, uint32_t n, const uint8_t *got, uint32_t m)
{
	if (n != m || (n && memcmp(expected, got, n)))
		wrong("%s: expected %u bytes \"%.*s\", got %u bytes \"%.*s\"", what, n, (int)n,
		        (const char *)expected, m, (int)m, (const char *)got);
}

static void check_given(
        const struct flow *f, enum sl_dir dir, const struct spec *s, const struct fields *g)
{
	if (s->has & HAS_FLAGS)
		differs("TCP flags", s->flags, g->tcp_flags);
	if (s->has & HAS_SEQ)
		differs("SEQ", s->seq, g->seq - f->end[dir].isn);
	if (s->has & HAS_ACK)
		differs("ACK", s->ack, g->ack - f->end[!dir].isn);
	if (s->has & HAS_WIN)
		differs("window", s->win, g->win);
	if (s->has & HAS_URG)
		differs("urgent pointer", s->urg, g->urg);
	if (s->has & HAS_TTL)
		differs("TTL", s->ttl, g->ttl);
	if (s->has & HAS_TOS)
		differs("TOS", s->tos, g->tos);
	if (s->has & HAS_MTU)
		differs("ICMP MTU", s->mtu, g->icmp_mtu);
	if (s->has & HAS_ICMP)
		differs("ICMP type and code", s->icmp_type * 256u + s->icmp_code,
		        g->icmp_type * 256u + g->icmp_code);
	if (s->has & HAS_FROM)
		differs_end("source", &s->from, &g->from);
	if (s->has & HAS_TO)
		differs_end("destination", &s->to, &g->to);
	if (s->has & HAS_PAYLOAD && !(s->has & HAS_PIECE))
		differs_bytes("payload", s->payload, s->payload_len, g->payload, g->payload_len);
	if (s->has & HAS_PIECE) {
		differs("the piece begins at", s->piece_from, g->frag_from);
		differs("the piece ends at", s->piece_to, g->frag_to);
	}
	if (s->has & HAS_OPTIONS && !s->sacks)
		differs_bytes(
		        "TCP options", s->options, s->options_len, g->options, g->options_len);
	for (unsigned i = 0; i < s->sacks; i++) {
		if (g->options_len < 12 + 8 * i)
			wrong("no SACK option");
		differs("SACK block begins", s->sack[i][0],
		        sl_get32(g->options + 4 + 8 * i) - f->end[!dir].isn);
		differs("SACK block ends", s->sack[i][1],
		        sl_get32(g->options + 8 + 8 * i) - f->end[!dir].isn);
	}
}

/* Both ends as the receiver of that direction must see them. */
static void check_ends(const struct flow *f, enum sl_dir dir, const struct fields *g)
{
	if (!f->known)
		return;
	differs_end("source", dir == SL_ORIGINAL ? &f->far[0] : &f->side[1], &g->from);
	differs_end("destination", dir == SL_ORIGINAL ? &f->far[1] : &f->side[0], &g->to);
}

/* What nobody said anything about must be as it was. */
static void check_rest(struct player *p, const struct fields *in, const struct fields *out)
{
	struct pending *w = &p->pending;
	const struct spec *said = &w->spec;
	unsigned has = w->has_out ? said->has : 0;
	struct end *me = &w->flow->end[w->dir], *peer = &w->flow->end[!w->dir];

	differs("protocol", in->proto, out->proto);
	if (!(has & HAS_TTL))
		differs("TTL",
		        in->ttl -
		                (p->set->config.forward_ttl && !w->flow->local && !w->to ? 1u : 0u),
		        out->ttl);
	if (!(has & HAS_TOS))
		differs("TOS", in->tos, out->tos);
	if (in->proto != SL_PROTO_TCP || in->fragment)
		return;
	if (!(has & HAS_FLAGS))
		differs("TCP flags", in->tcp_flags, out->tcp_flags);
	if (!(has & HAS_SEQ) && !me->moved)
		differs("SEQ", in->seq - me->isn, out->seq - me->isn);
	if (!(has & HAS_ACK) && !peer->moved)
		differs("ACK", in->ack - peer->isn, out->ack - peer->isn);
	if (!(has & HAS_WIN))
		differs("window", in->win, out->win);
	if (!(has & HAS_URG))
		differs("urgent pointer", in->urg, out->urg);
	if (!(has & (HAS_OPTIONS | HAS_SACK)) && !peer->moved)
		differs_bytes("TCP options", in->options, in->options_len, out->options,
		        out->options_len);
}

/* An ICMP error: the packet it quotes must look as its sender sent it. */
static void check_quote(const struct flow *f, enum sl_dir dir, const struct fields *g)
{
	const struct end *sender = &f->end[!dir];
	struct endpoint to = dir == SL_ORIGINAL ? f->far[1] : f->side[0];
	struct fields quoted, sent;
	uint8_t copy[200];
	uint32_t n = g->payload_len < sizeof(copy) ? g->payload_len : sizeof(copy);

	to.has_port = false;
	differs_end("destination of the ICMP error", &to, &g->to);
	memcpy(copy, g->payload, n);
	if (n >= 20 && copy[0] >> 4 == 4)
		sl_put16(copy + 2, (uint16_t)n);
	else if (n >= 40)
		sl_put16(copy + 4, (uint16_t)(n - 40));
	fields_read(&quoted, copy, n);
	fields_read(&sent, sender->last_in, sender->last_in_len);
	if (!sent.valid)
		return;
	sent.from.has_port = sent.to.has_port = true;
	differs_end("source of the quoted packet", &sent.from, &quoted.from);
	differs_end("destination of the quoted packet", &sent.to, &quoted.to);
}

/* A packet was accepted: look at it, and let its receiver have it. */
void check_out(struct player *p, const struct spec *said)
{
	struct pending *w = &p->pending;
	const struct outcome *o = &w->step->outcome;
	struct fields in, out;
	bool error;

	if (o->verdict != SL_ACCEPT)
		return;
	fields_read(&in, w->step->in.data, w->step->in.len);
	fields_read(&out, o->out.data, o->out.len);
	error = w->spec.has & HAS_ICMP && w->flow->proto != SL_PROTO_ICMP &&
	        w->flow->proto != SL_PROTO_ICMPV6;
	if (!in.valid || w->spec.raw || w->spec.pokes || w->spec.cut) {
		if (out.valid && o->state == SL_CT_NEW && w->dir == SL_ORIGINAL && !w->spec.raw)
			learn(w->flow, &out);
		if (said)
			check_given(w->flow, w->dir, said, &out);
		return;
	}
	if (error) {
		if (o->state == SL_CT_RELATED)
			check_quote(w->flow, w->dir, &out);
		if (said)
			check_given(w->flow, w->dir, said, &out);
		return;
	}
	if (w->dir == SL_ORIGINAL && o->dir == SL_ORIGINAL &&
	        (o->state == SL_CT_NEW || o->state == SL_CT_RELATED) && !out.fragment)
		learn(w->flow, &out);
	if (said)
		check_given(w->flow, w->dir, said, &out);
	if (!(said && said->has & (HAS_FROM | HAS_TO)) && !(w->spec.has & (HAS_FROM | HAS_TO)))
		check_ends(w->flow, w->dir, &out);
	if (said && said->has & HAS_PAYLOAD && said->payload_len != w->spec.payload_len)
		w->flow->end[w->dir].moved = true;
	else if (!said || !(said->has & HAS_PAYLOAD))
		differs_bytes("payload", in.payload, in.payload_len, out.payload, out.payload_len);
	if (said) {
		struct spec keep = w->spec;

		w->spec = *said; /* check_rest() looks at what was said */
		w->has_out = true;
		check_rest(p, &in, &out);
		w->spec = keep;
	} else {
		w->has_out = false;
		check_rest(p, &in, &out);
	}
	w->has_out = true;
	receive(p, w->flow, w->dir, o->out.data, o->out.len);
}

void check_verdict(struct pending *w)
{
	const struct outcome *o = &w->step->outcome;

	if (o->verdict != w->verdict)
		wrong("expected %s, got %s%s%s (%s)", tell_verdict(w->verdict),
		        tell_verdict(o->verdict), o->reason ? " " : "",
		        o->reason ? sl_reason_name((enum sl_reason)o->reason) : "",
		        tell_state(o->state));
	if (w->check_state && o->state != w->state)
		wrong("expected %s, got %s %s", tell_state(w->state), tell_state(o->state),
		        sl_reason_name((enum sl_reason)o->reason));
	if (w->check_reason && o->reason != w->reason)
		wrong("expected the reason %s, got %s", sl_reason_name((enum sl_reason)w->reason),
		        sl_reason_name((enum sl_reason)o->reason));
	if (!w->check_state && o->verdict == SL_ACCEPT && o->state == SL_CT_INVALID)
		wrong("INVALID: %s", sl_reason_name((enum sl_reason)o->reason));
	if (w->beyond != SL_BEYOND_COUNT && w->beyond != o->beyond)
		wrong("expected beyond %s, got %s", sl_beyond_name((enum sl_beyond)w->beyond),
		        sl_beyond_name((enum sl_beyond)o->beyond));
	if (o->verdict == SL_ACCEPT && w->to != o->to)
		wrong("it goes %s",
		        o->to == SL_TO_LOCAL ? "to the local stack (say: local)" : "on");
	if (!w->check_state && o->verdict == SL_ACCEPT && w->dir == SL_REPLY &&
	        o->state == SL_CT_NEW)
		wrong("it opened a connection of its own (say NEW if that is right)");
	if (w->check_state && w->state == SL_CT_ESTABLISHED && o->dir != w->dir &&
	        !(w->spec.has & HAS_ICMP))
		wrong("it is of the %s direction", o->dir ? "reply" : "original");
}

/* The i-th thing of the kind that the pending steps had; NULL: no more. */
static struct seen_packet *emitted_at(struct pending *w, unsigned i)
{
	for (unsigned s = 0; s < w->steps; s++) {
		struct outcome *o = &w->step[s].outcome;

		if (i < o->emitted_n)
			return &o->emitted[i];
		i -= o->emitted_n;
	}
	return NULL;
}

static const char *event_at(struct pending *w, unsigned i)
{
	for (unsigned s = 0; s < w->steps; s++) {
		struct outcome *o = &w->step[s].outcome;

		if (i < o->events_n)
			return o->events[i];
		i -= o->events_n;
	}
	return NULL;
}

/* The line's packet, or span of time, is over: what was not mentioned must not be there. */
void settle(struct player *p)
{
	struct pending *w = &p->pending;
	unsigned line = here.line;
	struct seen_packet *more;

	if (!w->open)
		return;
	here.line = w->line;
	w->open = false;
	if (w->flow) {
		check_verdict(w);
		if (!w->has_out)
			check_out(p, NULL);
	}
	more = emitted_at(w, w->emitted);
	if (more) {
		struct fields f;
		char text[400];

		fields_read(&f, more->data, more->len);
		wrong("a packet was emitted: %s", fields_text(&f, text, sizeof(text)));
	}
	if (p->strict_events && event_at(w, w->events))
		wrong("there was an event: %s", event_at(w, w->events));
	spec_free(&w->spec);
	w->step = NULL;
	here.line = line;
}

/* = what came out in the place of what was put in */
void out_line(struct player *p, struct line *line)
{
	struct pending *w = &p->pending;
	struct spec said;

	if (!w->open || !w->flow || w->has_out)
		wrong("= belongs below a packet, once");
	spec_read(&said, line);
	check_verdict(w);
	if (w->step->outcome.verdict != SL_ACCEPT)
		wrong("nothing came out: %s", tell_verdict(w->step->outcome.verdict));
	check_out(p, &said);
	spec_free(&said);
}

/* + [FLOW> | FLOW<] what else came out */
void emitted_line(struct player *p, struct line *line)
{
	struct pending *w = &p->pending;
	struct seen_packet *e;
	enum sl_dir dir = w->dir;
	struct flow *f = w->flow, *named;
	struct spec said;
	struct fields g;

	if (!w->open)
		wrong("+ belongs below a packet, or a wait");
	e = emitted_at(w, w->emitted++);
	if (!e)
		wrong("no such packet was emitted");
	named = words_end(line) ? NULL : flow_and_dir(p, line->word[line->at].text, &dir);
	if (named) {
		f = named;
		line->at++;
	}
	spec_read(&said, line);
	fields_read(&g, e->data, e->len);
	if (!f)
		wrong("say of which flow: + c> or + c<");
	check_given(f, dir, &said, &g);
	if (!(said.has & (HAS_ICMP | HAS_FROM | HAS_TO))) {
		if (w->flow == f && dir == SL_ORIGINAL && !f->known && !g.frag_from)
			learn(f, &g);
		differs("protocol", f->proto, g.proto);
		if (!g.frag_from)
			check_ends(f, dir, &g);
		receive(p, f, dir, e->data, e->len);
	}
	spec_free(&said);
}

/* ! an event */
void event_line(struct player *p, struct line *line)
{
	struct pending *w = &p->pending;
	const char *told, *missing;
	unsigned from = w->events;
	unsigned at = line->at;

	if (!w->open)
		wrong("! belongs below a packet, a wait, or another call");
	while ((told = event_at(w, w->events++))) {
		line->at = at;
		missing = tell_has(told, line);
		if (!missing)
			return;
		if (p->strict_events)
			wrong("the event is: %s (not: %s)", told, missing);
	}
	told = event_at(w, from);
	wrong("no such event%s%s", told ? "; there was: " : "", told ? told : "");
}
