/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statement after statement. A line that begins with FLOW> or FLOW< puts a packet in; the lines
 * below it that begin with = + ! say what came of it, and when they end everything that they did
 * not mention must be as it is by default (settle()): accepted, unchanged but for the flow's own
 * translation, nothing emitted.
 *
 * The head of a script (settings) ends at the first statement that needs an engine.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"
#include "tests/model/model.h"

#include "base/wire.h"

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

/* What a line put in, and what is known of what came of it. */
struct pending {
	bool open;
	unsigned line;
	struct step *step; /* NULL: none (a statement without outcome) */
	unsigned steps;    /* how many, from step on */
	struct flow *flow; /* NULL: time passed */
	enum sl_dir dir;
	struct spec spec;
	bool has_out; /* a = line was there */
	bool check_state, check_reason;
	unsigned verdict, state, reason, beyond, to;
	unsigned emitted, events; /* how many of them were mentioned */
};

struct player {
	struct setting *set;
	struct transcript *record;
	struct world world;
	struct flow *flows;
	struct pending pending;
	uint64_t now;
	unsigned shards;
	bool started, strict_events;
	uint8_t packet[70000];
};

/* ---- starting
 * ------------------------------------------------------------------------------------------ */

static struct model *model_for(const struct setting *set)
{
	struct model_config config = {.now = set->config.start,
	        .rules = set->rules != NULL,
	        .masquerades = set->masquerade,
	        .out_if = OUT0};
	enum sl_family family;

	(void)sl_addr_parse("203.0.113.1", &config.public_addr[0], &family);
	(void)sl_addr_parse("2001:db8:ffff::1", &config.public_addr[1], &family);
	return model_create(&config);
}

static void start(struct player *p)
{
	if (p->started)
		return;
	p->started = true;
	if (!world_init(&p->world, p->set, p->shards))
		wrong("the engine cannot be made with these settings");
	if (p->shards == 1)
		p->world.model = model_for(p->set);
}

static struct step *add_step(struct player *p, enum step_kind kind)
{
	struct transcript *t = p->record;
	struct step *s;

	if (t->n == t->room) {
		ptrdiff_t at = p->pending.step ? p->pending.step - t->steps : 0;

		t->room = t->room * 2 + 64;
		t->steps = realloc(t->steps, t->room * sizeof(*t->steps));
		if (!t->steps)
			abort();
		if (p->pending.step)
			p->pending.step = t->steps + at;
	}
	s = &t->steps[t->n++];
	*s = (struct step){.kind = kind, .line = here.line, .now = p->now};
	return s;
}

/* ---- flows
 * ------------------------------------------------------------------------------------------------
 */

static struct flow *flow_called(struct player *p, const char *name, size_t len)
{
	for (struct flow *f = p->flows; f; f = f->next)
		if (strlen(f->name) == len && !strncmp(f->name, name, len))
			return f;
	return NULL;
}

static uint8_t proto_of(const char *text, uint8_t family)
{
	static const struct {
		const char *name;
		uint8_t number;
	} names[] = {{"tcp", 6}, {"udp", 17}, {"sctp", 132}, {"gre", 47}, {"udplite", 136},
	        {"dccp", 33}, {"icmpv6", 58}};

	if (!strcmp(text, "icmp"))
		return family == SL_IPV4 ? SL_PROTO_ICMP : SL_PROTO_ICMPV6;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(text, names[i].name))
			return names[i].number;
	if (!isdigit((unsigned char)*text))
		wrong("%s: not a protocol (tcp, udp, icmp, sctp, gre, udplite, dccp, a number)",
		        text);
	return (uint8_t)atoi(text);
}

/* flow NAME PROTO A > B [id N] */
static void flow_statement(struct player *p, struct line *line)
{
	struct word *name = words_next(line), *proto = words_next(line), *from = words_next(line);
	struct flow *f;

	if (!from || !words_take(line, ">") || words_end(line))
		wrong("flow NAME PROTO FROM > TO");
	f = flow_called(p, name->text, strlen(name->text));
	if (!f) {
		f = calloc(1, sizeof(*f));
		if (!f)
			abort();
		f->next = p->flows;
		p->flows = f;
	}
	for (unsigned i = 0; i < 2; i++) {
		free(f->end[i].bytes);
		free(f->end[i].have);
	}
	*f = (struct flow){.next = f->next};
	snprintf(f->name, sizeof(f->name), "%s", name->text);
	f->side[0] = words_endpoint(from->text);
	if (words_take(line, "expected"))
		f->side[1] = p->world.expected;
	else
		f->side[1] = words_endpoint(words_next(line)->text);
	f->family = f->side[0].family;
	if (f->side[1].family != f->family)
		wrong("one end is IPv4, the other IPv6 (or nothing was expected yet)");
	f->proto = proto_of(proto->text, f->family);
	if (words_take(line, "id"))
		f->side[0].port = f->side[1].port = (uint16_t)words_number(line, "an id");
	f->local = world_is_own(&f->side[0].addr);
	f->end[0].isn = 1000;
	f->end[1].isn = 5000;
}

/* ---- the receivers
 * ------------------------------------------------------------------------------------------ */

static void receive_bytes(struct player *p, struct flow *f, struct end *to, uint32_t at,
        const uint8_t *bytes, uint32_t n)
{
	if (n && !to->bytes) {
		to->bytes = calloc(1, STREAM_MAX);
		to->have = calloc(1, STREAM_MAX);
		if (!to->bytes || !to->have)
			abort();
	}
	for (uint32_t i = 0; i < n; i++, at++) {
		if (at - 1 >= STREAM_MAX)
			continue; /* a keep-alive, or far off: nothing that is read */
		if (to->have[at - 1] && to->bytes[at - 1] != bytes[i] &&
		        !p->set->shared_bytes_differ)
			wrong("flow %s: one receiver got two different bytes for number %u",
			        f->name, at);
		to->have[at - 1] = 1;
		to->bytes[at - 1] = bytes[i];
	}
	while (to->have && to->got < STREAM_MAX && to->have[to->got])
		to->got++;
}

/* A packet that came out arrives at its receiver. */
static void receive(
        struct player *p, struct flow *f, enum sl_dir dir, const uint8_t *data, uint32_t len)
{
	struct end *from = &f->end[dir], *to = &f->end[!dir];
	struct fields g;
	uint32_t at;

	fields_read(&g, data, len);
	from->last_out_len = len < sizeof(from->last_out) ? len : sizeof(from->last_out);
	memcpy(from->last_out, data, from->last_out_len);
	if (!g.valid || g.fragment || g.proto != SL_PROTO_TCP || f->proto != SL_PROTO_TCP)
		return;
	at = g.seq - from->isn;
	if (g.tcp_flags & SYN) {
		to->syn = true;
		at++;
	}
	receive_bytes(p, f, to, at, g.payload, g.payload_len);
	if (g.tcp_flags & FIN) {
		to->fin = true;
		to->fin_at = at + g.payload_len;
	}
}

/* What this end acknowledges. */
static uint32_t next_expected(const struct end *e)
{
	return e->got + 1 + (e->fin && e->fin_at == e->got + 1);
}

/* ---- putting packets in
 * ----------------------------------------------------------------------------------------- */

static void settle(struct player *p);

static void complete_tcp(struct flow *f, enum sl_dir dir, struct spec *s)
{
	struct end *me = &f->end[dir];

	if (!(s->has & HAS_FLAGS))
		s->flags = s->payload_len ? PSH | ACK : ACK;
	if (!(s->has & HAS_SEQ) || s->seq_ahead)
		s->seq += me->next;
	if (s->flags & ACK && (!(s->has & HAS_ACK) || s->ack_ahead))
		s->ack += next_expected(me);
	if (!(s->has & HAS_ACK) && !(s->flags & ACK))
		s->ack = 0;
}

static void advance(struct flow *f, enum sl_dir dir, const struct spec *s)
{
	uint32_t end = s->seq + s->payload_len + !!(s->flags & SYN) + !!(s->flags & FIN);
	struct end *me = &f->end[dir];

	/* What lies ahead of a hole is not where it goes on; only the first packet may begin
	 * anywhere. */
	if ((int32_t)(end - me->next) > 0 && (!me->sent || (int32_t)(s->seq - me->next) <= 0))
		me->next = end;
	me->sent = true;
}

static void put_in(struct player *p, struct flow *f, enum sl_dir dir, const struct spec *s)
{
	struct end *me = &f->end[dir];
	bool local;
	struct step *step;
	struct endpoint from;
	uint32_t len;

	start(p);
	len = wire_build(f, dir, s, p->packet);
	step = add_step(p, STEP_PACKET);
	step->in.data = malloc(len + 1);
	step->in.len = len;
	memcpy(step->in.data, p->packet, len);
	from = dir == SL_ORIGINAL ? f->side[0] : f->known ? f->far[1] : f->side[1];
	if (s->has & HAS_FROM)
		from = s->from;
	local = world_is_own(&from.addr);
	step->meta = (struct sl_packet){.from = local ? SL_FROM_LOCAL : SL_FROM_WIRE,
	        .in_if = local                         ? 0
	                 : world_is_inside(&from.addr) ? IN0
	                                               : OUT0,
	        .mark = s->mark,
	        .zone = s->zone,
	        .gso_size = s->gso,
	        .gso = s->gso ? f->proto == SL_PROTO_TCP ? SL_GSO_TCP : SL_GSO_UDP : SL_GSO_NONE,
	        .csum = s->partial ? SL_CSUM_PARTIAL : SL_CSUM_NONE,
	        .cast = s->cast};
	me->last_in_len = len < sizeof(me->last_in) ? len : sizeof(me->last_in);
	memcpy(me->last_in, p->packet, me->last_in_len);
	world_do(&p->world, step, 1);
	if (*p->world.bad)
		wrong("%s", p->world.bad);
	if (world_check(&p->world))
		wrong("an invariant is broken: %s", world_check(&p->world));
	p->pending.step = step;
	p->pending.steps = 1;
}

/* | [accept|local|drop|held|queued|taken] [STATE] [REASON] [beyond NAME] */
static void read_outcome(struct pending *w, struct line *line)
{
	static const char *const verdicts[] = {
	        "accept", "drop", "queued", "held", "taken", "local"};
	static const uint8_t values[] = {
	        SL_ACCEPT, SL_DROP, SL_QUEUED, SL_HELD, SL_TAKEN, SL_ACCEPT};
	struct word *word;

	while ((word = words_next(line))) {
		bool known = false;

		for (unsigned i = 0; i < 6; i++)
			if (!strcmp(word->text, verdicts[i])) {
				w->verdict = values[i];
				w->to = i == 5 ? SL_TO_LOCAL : w->to;
				known = true;
			}
		for (unsigned i = 0; i < 6; i++)
			if (!strcmp(word->text, tell_state(i))) {
				w->state = i;
				w->check_state = known = true;
			}
		if (!strcmp(word->text, "beyond") && !words_end(line)) {
			word = words_next(line);
			for (unsigned i = 0; i < SL_BEYOND_COUNT; i++)
				if (!strcmp(sl_beyond_name((enum sl_beyond)i), word->text)) {
					w->beyond = i;
					known = true;
				}
		}
		if (!known && find_reason(word->text) >= 0) {
			w->reason = (unsigned)find_reason(word->text);
			w->check_reason = known = true;
		}
		if (!known)
			wrong("%s: neither a verdict, nor a state, nor a reason's name",
			        word->text);
	}
}

static void packet_statement(struct player *p, struct flow *f, enum sl_dir dir, struct line *line)
{
	struct pending *w = &p->pending;

	*w = (struct pending){.open = true,
	        .line = here.line,
	        .flow = f,
	        .dir = dir,
	        .verdict = SL_ACCEPT,
	        .beyond = SL_BEYOND_COUNT,
	        .to = SL_TO_FORWARD};
	spec_read(&w->spec, line);
	if (f->proto == SL_PROTO_TCP && !(w->spec.has & HAS_ICMP) && !w->spec.raw)
		complete_tcp(f, dir, &w->spec);
	if (words_take(line, "|"))
		read_outcome(w, line);
	put_in(p, f, dir, &w->spec);
	if (f->proto == SL_PROTO_TCP && !(w->spec.has & HAS_ICMP) && !w->spec.raw)
		advance(f, dir, &w->spec);
}

/* ---- what came out
 * ------------------------------------------------------------------------------------------------
 */

static void differs(const char *what, unsigned long long expected, unsigned long long got)
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

static void differs_bytes(
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

static void learn(struct flow *f, const struct fields *out)
{
	f->far[0] = out->from;
	f->far[1] = out->to;
	f->far[0].has_port = f->far[1].has_port = true;
	f->known = true;
}

/* A packet was accepted: look at it, and let its receiver have it. */
static void check_out(struct player *p, const struct spec *said)
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

static void check_verdict(struct pending *w)
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
static void settle(struct player *p)
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
static void out_line(struct player *p, struct line *line)
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

static struct flow *flow_and_dir(struct player *p, const char *text, enum sl_dir *dir)
{
	size_t n = strlen(text);

	if (n < 2 || (text[n - 1] != '>' && text[n - 1] != '<'))
		return NULL;
	*dir = text[n - 1] == '>' ? SL_ORIGINAL : SL_REPLY;
	return flow_called(p, text, n - 1);
}

/* + [FLOW> | FLOW<] what else came out */
static void emitted_line(struct player *p, struct line *line)
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
static void event_line(struct player *p, struct line *line)
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

/* ---- time
 * -------------------------------------------------------------------------------------------------------
 */

static void tick(struct player *p, uint64_t now)
{
	struct step *s;

	p->now = now;
	s = add_step(p, STEP_CLOCK);
	if (!p->pending.step)
		p->pending.step = s;
	p->pending.steps++;
	world_do(&p->world, s, 1);
	if (*p->world.bad || world_check(&p->world))
		wrong("%s", *p->world.bad ? p->world.bad : world_check(&p->world));
}

static void wait_until(struct player *p, uint64_t until)
{
	start(p);
	p->pending = (struct pending){.open = true, .line = here.line};
	for (unsigned n = 0;; n++) {
		uint64_t at = world_deadline(&p->world);

		if (at > until || at == UINT64_MAX)
			break;
		if (n > 100000)
			wrong("the clock has something to do for ever");
		tick(p, at > p->now ? at : p->now);
		if (at < p->now && world_deadline(&p->world) == at)
			wrong("what was due stays due");
	}
	tick(p, until);
}

/* ---- statements
 * ----------------------------------------------------------------------------------------------------
 */

static struct flow *named_flow(struct player *p, struct line *line)
{
	struct word *w = words_next(line);
	struct flow *f = w ? flow_called(p, w->text, strlen(w->text)) : NULL;

	if (!f)
		wrong("expected the name of a flow");
	return f;
}

static struct sl_tuple tuple_of(const struct flow *f)
{
	struct sl_tuple t = {.src = f->side[0].addr,
	        .dst = f->side[1].addr,
	        .sport = f->side[0].port,
	        .dport = f->side[1].port,
	        .proto = f->proto,
	        .family = f->family};

	if (f->proto == SL_PROTO_ICMP || f->proto == SL_PROTO_ICMPV6)
		t.dport = SL_TUPLE_ICMP(f->proto == SL_PROTO_ICMP ? 8 : 128, 0);
	return t;
}

static struct sl_conn *conn_of(
        struct player *p, const struct flow *f, uint16_t zone, struct sl_engine **engine)
{
	struct sl_tuple t = tuple_of(f);
	enum sl_dir dir;

	start(p);
	for (unsigned i = 0; i < p->shards; i++) {
		struct sl_conn *c = sl_conn_find(p->world.engine[i], &t, zone, &dir);

		*engine = p->world.engine[i];
		if (c)
			return c;
	}
	return NULL;
}

/* conn FLOW [in ZONE] WORDS; no conn FLOW */
static void conn_statement(struct player *p, struct line *line, bool wanted)
{
	struct flow *f = named_flow(p, line);
	uint16_t zone = words_take(line, "in") ? (uint16_t)words_number(line, "a zone") : 0;
	struct sl_engine *e;
	struct sl_conn *c = conn_of(p, f, zone, &e);
	const char *missing;
	char *told;

	if (!wanted) {
		if (c)
			wrong("there is a connection: %s", tell_conn(e, c));
		return;
	}
	if (!c)
		wrong("there is no such connection");
	told = tell_conn(e, c);
	missing = tell_has(told, line);
	if (missing)
		wrong("not so: %s; it is: %s", missing, told);
	free(told);
}

struct search {
	struct player *p;
	struct sl_engine *e;
	struct line *line;
	unsigned at;
	bool found;
};

static void look_at_expect(void *ctx, struct sl_expect *expect)
{
	struct search *s = ctx;
	char *told = tell_expect(s->e, expect);

	s->line->at = s->at;
	s->found = s->found || !tell_has(told, s->line);
	s->line->at = s->line->n;
	free(told);
}

/* expect WORDS; no expect WORDS */
static void expect_statement(struct player *p, struct line *line, bool wanted)
{
	struct search s = {.p = p, .line = line, .at = line->at};

	start(p);
	for (unsigned i = 0; i < p->shards; i++) {
		uint64_t cursor = 0;

		s.e = p->world.engine[i];
		while (sl_expect_walk(s.e, &cursor, 1000, look_at_expect, &s))
			;
	}
	if (s.found != wanted)
		wrong(wanted ? "no such expectation" : "there is such an expectation");
	line->at = line->n;
}

/* count conns N, expects N, REASON N */
static void count_statement(struct player *p, struct line *line)
{
	struct word *what = words_next(line);
	uint64_t wanted = words_number(line, "a number"), got = 0;
	struct sl_stats st;

	start(p);
	for (unsigned i = 0; i < p->shards; i++) {
		sl_stats(p->world.engine[i], &st);
		if (!strcmp(what->text, "conns"))
			got += st.conns;
		else if (!strcmp(what->text, "expects"))
			got += st.expects;
		else if (!strcmp(what->text, "evicted"))
			got += st.conns_evicted;
		else if (!strcmp(what->text, "fragments"))
			got += st.fragments;
		else if (find_reason(what->text) >= 0)
			got += st.reasons[find_reason(what->text)];
		else
			wrong("count conns, expects, evicted, fragments, or a reason's name");
	}
	differs(what->text, wanted, got);
}

/* got FLOW> "...": the whole stream that arrived there so far */
static void got_statement(struct player *p, struct line *line)
{
	struct word *w = words_next(line), *text;
	enum sl_dir dir;
	struct flow *f = w ? flow_and_dir(p, w->text, &dir) : NULL;
	struct end *e;
	uint8_t all[8192];
	uint32_t n = 0;

	if (!f)
		wrong("got FLOW> \"...\"");
	while ((text = words_next(line))) {
		if (n + text->len > sizeof(all))
			wrong("too long");
		memcpy(all + n, text->text, text->len);
		n += (uint32_t)text->len;
	}
	e = &f->end[!dir];
	differs_bytes("what arrived", all, n, e->bytes, e->got);
}

static void call_statement(struct player *p, enum step_kind kind, struct line *line)
{
	struct step *s;
	struct flow *f;

	start(p);
	s = add_step(p, kind);
	p->pending = (struct pending){.open = true, .line = here.line, .step = s, .steps = 1};
	if (kind == STEP_KILL) {
		f = named_flow(p, line);
		s->tuple = tuple_of(f);
	} else if (kind == STEP_UNREGISTER || kind == STEP_TUNABLE) {
		if (words_end(line))
			wrong("a name is missing");
		snprintf(s->name, sizeof(s->name), "%s", words_next(line)->text);
	}
	if (kind == STEP_TUNABLE)
		s->value = (uint32_t)words_number(line, "a value");
	world_do(&p->world, s, 1);
	if (*p->world.bad || world_check(&p->world))
		wrong("%s", *p->world.bad ? p->world.bad : world_check(&p->world));
}

/* open FLOW: a TCP handshake, each packet of which must pass. */
static void open_statement(struct player *p, struct line *line)
{
	static const char *const lines[3] = {
	        "S <mss 1460,sackOK,nop,wscale 7>", "S. <mss 1460,sackOK,nop,wscale 7>", "."};
	struct flow *f = named_flow(p, line);

	for (unsigned i = 0; i < 3; i++) {
		struct line words;

		words_read(&words, lines[i], 0);
		packet_statement(p, f, i == 1 ? SL_REPLY : SL_ORIGINAL, &words);
		words_free(&words);
		settle(p);
	}
}

/* ---- the head
 * ---------------------------------------------------------------------------------------------------------
 */

static void add_rules(struct setting *set, const char *text)
{
	size_t n = set->rules ? strlen(set->rules) : 0;

	set->rules = realloc(set->rules, n + strlen(text) + 2);
	if (!set->rules)
		abort();
	sprintf(set->rules + n, "%s\n", text);
}

static void nat_rules(struct setting *set, struct line *line, bool source)
{
	struct word *w = words_next(line);
	char text[400];
	const char *family = w && strchr(w->text, '[') ? "ip6" : "ip";

	if (!w)
		wrong(source ? "snat ADDRESS[:PORTS]" : "dnat FROM to ENDPOINT");
	if (source) {
		snprintf(text, sizeof(text),
		        "table %s s { chain p { type nat hook postrouting priority srcnat; oifname "
		        "\"out0\" meta l4proto { tcp, udp } snat to %s } }",
		        family, w->text);
	} else {
		struct endpoint from = words_endpoint(w->text);
		char addr[SL_ADDR_TEXT];

		if (!words_take(line, "to") || words_end(line))
			wrong("dnat FROM to ENDPOINT");
		snprintf(text, sizeof(text),
		        "table %s d { chain p { type nat hook prerouting priority dstnat; %s daddr "
		        "%s tcp dport %u dnat to %s } }",
		        family, family, sl_addr_text(&from.addr, (enum sl_family)from.family, addr),
		        from.port, words_next(line)->text);
	}
	add_rules(set, text);
}

/* route ADDR/LEN in|out|local|none [mtu N] */
static void route_setting(struct setting *set, struct line *line)
{
	struct route_rule *r = &set->routes[set->routes_n];
	struct word *w = words_next(line), *kind = words_next(line);
	char addr[64], *slash;
	enum sl_family family;

	if (!kind || set->routes_n == 16)
		wrong("route ADDRESS/LENGTH in|out|local|none|broadcast [mtu N]");
	snprintf(addr, sizeof(addr), "%s", w->text);
	slash = strchr(addr, '/');
	if (slash)
		*slash++ = 0;
	if (!sl_addr_parse(addr, &r->addr, &family))
		wrong("%s: not an address", addr);
	r->bits = slash ? (unsigned)atoi(slash) + (family == SL_IPV4 ? 96 : 0) : 128;
	r->kind = !strcmp(kind->text, "local")       ? SL_ROUTE_LOCAL
	          : !strcmp(kind->text, "none")      ? SL_ROUTE_NONE
	          : !strcmp(kind->text, "broadcast") ? SL_ROUTE_BROADCAST
	                                             : SL_ROUTE_FORWARD;
	r->out_if = !strcmp(kind->text, "in") ? IN0 : OUT0;
	if (words_take(line, "mtu"))
		r->mtu = (uint16_t)words_number(line, "an MTU");
	set->routes_n++;
}

static void mtu_setting(struct setting *set, struct line *line)
{
	unsigned side = words_take(line, "in0") ? IN0 : OUT0;

	(void)words_take(line, "out0");
	set->mtu[side] = (uint16_t)words_number(line, "an MTU");
}

static bool head_statement(struct player *p, struct line *line)
{
	struct setting *s = p->set;

	if (words_take(line, "masquerade"))
		s->masquerade = true;
	else if (words_take(line, "snat"))
		nat_rules(s, line, true);
	else if (words_take(line, "dnat"))
		nat_rules(s, line, false);
	else if (words_take(line, "route"))
		route_setting(s, line);
	else if (words_take(line, "table"))
		s->config.table_max = (uint32_t)words_number(line, "a size");
	else if (words_take(line, "expect-max"))
		s->config.expect_max = (uint32_t)words_number(line, "a size");
	else if (words_take(line, "stream-memory"))
		s->config.stream_memory = (uint32_t)words_number(line, "a size");
	else if (words_take(line, "fragment-memory"))
		s->config.fragment_memory = (uint32_t)words_number(line, "a size");
	else if (words_take(line, "count-hops"))
		s->config.forward_ttl = true;
	else if (words_take(line, "seed"))
		s->seed = (uint8_t)words_number(line, "a seed");
	else if (words_take(line, "one-shard"))
		s->one_shard = true;
	else if (words_take(line, "bytes-differ"))
		s->shared_bytes_differ = true;
	else if (words_take(line, "mtu"))
		mtu_setting(s, line);
	else if (words_take(line, "helper") && s->helpers_n < 8 && !words_end(line))
		snprintf(s->helpers[s->helpers_n++], 48, "%s", words_next(line)->text);
	else
		return false;
	if (p->started)
		wrong("settings stand before the first packet");
	return true;
}

static void set_statement(struct player *p, struct line *line)
{
	struct word *name;

	if (p->started) {
		call_statement(p, STEP_TUNABLE, line);
		return;
	}
	name = words_next(line);
	if (!name || p->set->tunables_n == 32)
		wrong("set NAME VALUE");
	snprintf(p->set->tunables[p->set->tunables_n].name, 64, "%s", name->text);
	p->set->tunables[p->set->tunables_n++].value = (uint32_t)words_number(line, "a value");
}

/* ---- lines
 * -------------------------------------------------------------------------------------------------------------
 */

static bool other_statement(struct player *p, struct line *line)
{
	struct word *w;

	if (words_take(line, "flow"))
		flow_statement(p, line);
	else if (words_take(line, "open"))
		open_statement(p, line);
	else if (words_take(line, "wait"))
		wait_until(p, p->now + words_time(line));
	else if (words_take(line, "at"))
		wait_until(p, p->set->config.start + words_time(line));
	else if (words_take(line, "conn"))
		conn_statement(p, line, true);
	else if (words_take(line, "expect"))
		expect_statement(p, line, true);
	else if (words_take(line, "no")) {
		if (words_take(line, "conn"))
			conn_statement(p, line, false);
		else if (words_take(line, "expect"))
			expect_statement(p, line, false);
		else
			wrong("no conn FLOW, or no expect WORDS");
	} else if (words_take(line, "count"))
		count_statement(p, line);
	else if (words_take(line, "got"))
		got_statement(p, line);
	else if (words_take(line, "kill"))
		call_statement(p, STEP_KILL, line);
	else if (words_take(line, "unregister"))
		call_statement(p, STEP_UNREGISTER, line);
	else if (words_take(line, "routes-changed"))
		call_statement(p, STEP_ROUTES, line);
	else if (words_take(line, "set"))
		set_statement(p, line);
	else if (words_take(line, "all-events"))
		p->strict_events = true;
	else if (words_take(line, "isn")) {
		enum sl_dir dir;
		struct flow *f = (w = words_next(line)) ? flow_and_dir(p, w->text, &dir) : NULL;

		if (!f)
			wrong("isn FLOW> NUMBER");
		f->end[dir].isn = (uint32_t)words_number(line, "a number");
	} else
		return false;
	return true;
}

static void statement(struct player *p, const char *text)
{
	struct line line;
	enum sl_dir dir;
	struct flow *f;

	words_read(&line, text, p->world.expected_port);
	if (line.n == 0) {
		words_free(&line);
		return;
	}
	if (words_take(&line, "=")) {
		out_line(p, &line);
	} else if (words_take(&line, "+")) {
		emitted_line(p, &line);
	} else if (words_take(&line, "!")) {
		event_line(p, &line);
	} else {
		settle(p);
		f = flow_and_dir(p, line.word[0].text, &dir);
		if (f) {
			line.at = 1;
			packet_statement(p, f, dir, &line);
		} else if (!head_statement(p, &line) && !other_statement(p, &line)) {
			wrong("%s: neither a statement nor a flow", line.word[0].text);
		}
	}
	if (!words_end(&line))
		wrong("%s: too much", line.word[line.at].text);
	words_free(&line);
}

/* Each % of a repeated line is the number of the round; %% is one. */
static void repeated(struct player *p, const char *text, unsigned round)
{
	char out[2000], *o = out;

	for (; *text && o < out + sizeof(out) - 16; text++) {
		if (*text != '%')
			*o++ = *text;
		else if (text[1] == '%')
			*o++ = *text++;
		else
			o += sprintf(o, "%u", round);
	}
	*o = 0;
	statement(p, out);
}

static const char *next_line(const char *text, char *out, size_t size)
{
	size_t n = strcspn(text, "\n");

	if (n >= size)
		wrong("the line is too long");
	memcpy(out, text, n);
	out[n] = 0;
	return text + n + (text[n] == '\n');
}

static bool is_word(const char *line, const char *word)
{
	while (isspace((unsigned char)*line))
		line++;
	return !strncmp(line, word, strlen(word)) &&
	       (line[strlen(word)] == 0 || isspace((unsigned char)line[strlen(word)]));
}

/* rules ... end: the lines between are a ruleset */
static const char *rules_block(struct player *p, const char *text, char *line, size_t size)
{
	while (*text) {
		text = next_line(text, line, size);
		here.line++;
		if (is_word(line, "end"))
			return text;
		add_rules(p->set, line);
	}
	wrong("rules without end");
}

/* repeat FROM TO ... end */
static const char *repeat_block(struct player *p, const char *text, char *line, size_t size)
{
	unsigned from, to, begin = here.line;
	const char *body = text;

	if (sscanf(line, " repeat %u %u", &from, &to) != 2)
		wrong("repeat FROM TO");
	for (unsigned i = from; i <= to; i++) {
		text = body;
		here.line = begin;
		for (;;) {
			if (!*text)
				wrong("repeat without end");
			text = next_line(text, line, size);
			here.line++;
			if (is_word(line, "end"))
				break;
			repeated(p, line, i);
		}
	}
	return text;
}

static void run(struct player *p, const char *text)
{
	char line[2000];

	while (*text) {
		text = next_line(text, line, sizeof(line));
		here.line++;
		if (is_word(line, "rules")) {
			text = rules_block(p, text, line, sizeof(line));
		} else if (is_word(line, "repeat")) {
			settle(p);
			text = repeat_block(p, text, line, sizeof(line));
		} else {
			statement(p, line);
		}
	}
	settle(p);
}

static void free_flows(struct player *p)
{
	struct flow *next;

	for (struct flow *f = p->flows; f; f = next) {
		next = f->next;
		for (unsigned i = 0; i < 2; i++) {
			free(f->end[i].bytes);
			free(f->end[i].have);
		}
		free(f);
	}
}

void play(const char *text, unsigned shards, struct setting *set, struct transcript *record)
{
	struct player *p = calloc(1, sizeof(*p));
	const char *bad;

	if (!p)
		abort();
	*set = (struct setting){.mtu = {1500, 1500, 1500}};
	sl_config_init(&set->config);
	set->config.slab_chunk = 1;
	set->config.table_max = 1000;
	set->config.start = 1000000000;
	p->now = set->config.start;
	p->set = set;
	p->record = record;
	p->shards = shards;
	here.line = 0;
	run(p, text);
	if (!p->started)
		wrong("nothing happens in it");
	bad = world_fini(&p->world);
	if (bad)
		wrong("at the end: %s", bad);
	free_flows(p);
	free(p);
}

void setting_free(struct setting *set)
{
	free(set->rules);
	set->rules = NULL;
}

void transcript_free(struct transcript *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		free(t->steps[i].in.data);
		outcome_free(&t->steps[i].outcome);
	}
	free(t->steps);
	*t = (struct transcript){0};
}
