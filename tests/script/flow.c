/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows by their names, and the two receivers of each: what arrives is put at its place by its
 * number.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"

/* ---- flows ------------------------------------------------------------------------------- */

struct flow *flow_called(struct player *p, const char *name, size_t len)
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
void flow_statement(struct player *p, struct line *line)
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

struct flow *flow_and_dir(struct player *p, const char *text, enum sl_dir *dir)
{
	size_t n = strlen(text);

	if (n < 2 || (text[n - 1] != '>' && text[n - 1] != '<'))
		return NULL;
	*dir = text[n - 1] == '>' ? SL_ORIGINAL : SL_REPLY;
	return flow_called(p, text, n - 1);
}

void learn(struct flow *f, const struct fields *out)
{
	f->far[0] = out->from;
	f->far[1] = out->to;
	f->far[0].has_port = f->far[1].has_port = true;
	f->known = true;
}

struct flow *named_flow(struct player *p, struct line *line)
{
	struct word *w = words_next(line);
	struct flow *f = w ? flow_called(p, w->text, strlen(w->text)) : NULL;

	if (!f)
		wrong("expected the name of a flow");
	return f;
}

struct sl_tuple tuple_of(const struct flow *f)
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

void free_flows(struct player *p)
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

/* ---- the receivers ----------------------------------------------------------------------- */

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
void receive(struct player *p, struct flow *f, enum sl_dir dir, const uint8_t *data, uint32_t len)
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
uint32_t next_expected(const struct end *e)
{
	return e->got + 1 + (e->fin && e->fin_at == e->got + 1);
}
