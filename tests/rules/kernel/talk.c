/* SPDX-License-Identifier: BSD-2-Clause */
/* Conversations (talk.h). */
#include "talk.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "script.h"
#include "track/parse.h"

enum { FIRST_SEQ = 1000 };

void talk_open(struct talk *t, const struct talk_open *how)
{
	struct talk_end *e = &t->end[0];

	memset(t, 0, sizeof *t);
	t->proto = how->proto;
	t->v6 = how->v6;
	*e = (struct talk_end){.known = true,
	        .place = how->place,
	        .own_port = how->sport,
	        .peer_port = how->dport,
	        .next = FIRST_SEQ};
	memcpy(e->own, how->src, 16);
	memcpy(e->peer, how->dst, 16);
}

bool talk_follow(struct talk *t, const struct talk_follow *how, const struct talk *of)
{
	const struct talk_end *by = &of->end[how->speaker & 1];
	struct talk_end *e = &t->end[0];

	memset(t, 0, sizeof *t);
	if (!by->known || (how->how == TALK_ANNOUNCED && !by->announced))
		return false;
	t->proto = how->proto;
	t->v6 = of->v6;
	*e = (struct talk_end){
	        .known = true, .place = by->place, .own_port = how->sport, .next = FIRST_SEQ};
	memcpy(e->own, by->own, 16);
	memcpy(e->peer, how->how == TALK_BACK ? by->peer : by->to, 16);
	e->peer_port = how->how == TALK_BACK ? by->peer_port : by->to_port;
	return true;
}

/* ---- saying ---- */

/* The text with <own> and <addr> filled in; its length. */
static uint32_t fill(const struct talk *t, const struct talk_end *e, const char *text, uint32_t len,
        uint8_t *out, uint32_t room)
{
	char addr[50], commas[50];
	uint32_t n = 0, i = 0;

	inet_ntop(t->v6 ? AF_INET6 : AF_INET, e->own, addr, sizeof addr);
	snprintf(commas, sizeof commas, "%u,%u,%u,%u", e->own[0], e->own[1], e->own[2], e->own[3]);
	while (i < len && n < room) {
		const char *put = NULL;

		if (len - i >= 5 && !memcmp(text + i, "<own>", 5)) {
			put = commas;
			i += 5;
		} else if (len - i >= 6 && !memcmp(text + i, "<addr>", 6)) {
			put = addr;
			i += 6;
		}
		if (!put) {
			out[n++] = (uint8_t)text[i++];
			continue;
		}
		while (*put && n < room)
			out[n++] = (uint8_t)*put++;
	}
	return n;
}

static uint32_t ip_header(
        const struct talk *t, const struct talk_end *e, uint32_t len, uint8_t *out)
{
	memset(out, 0, 40);
	if (t->v6) {
		out[0] = 0x60;
		sl_put16(out + 4, (uint16_t)len);
		out[6] = t->proto;
		out[7] = 64;
		memcpy(out + 8, e->own, 16);
		memcpy(out + 24, e->peer, 16);
		return 40;
	}
	out[0] = 0x45;
	sl_put16(out + 2, (uint16_t)(20 + len));
	out[6] = 0x40;
	out[8] = 64;
	out[9] = t->proto;
	memcpy(out + 12, e->own, 4);
	memcpy(out + 16, e->peer, 4);
	return 20;
}

uint32_t talk_say(
        struct talk *t, const struct talk_say *how, const char *text, uint32_t len, uint8_t *out)
{
	struct talk_end *e = &t->end[how->speaker & 1];
	uint8_t payload[1400], *l4;
	uint32_t size = fill(t, e, text, len, payload, sizeof payload);
	uint32_t head = t->proto == SL_PROTO_TCP ? 20 : 8, at;

	if (!e->known)
		return 0;
	at = ip_header(t, e, head + size, out);
	l4 = out + at;
	memset(l4, 0, head);
	sl_put16(l4, e->own_port);
	sl_put16(l4 + 2, e->peer_port);
	if (t->proto == SL_PROTO_TCP) {
		sl_put32(l4 + 4, e->next);
		sl_put32(l4 + 8, how->tcp_flags & 16 ? e->ack : 0);
		l4[12] = 0x50;
		l4[13] = how->tcp_flags;
		sl_put16(l4 + 14, 8192);
	} else {
		sl_put16(l4 + 4, (uint16_t)(8 + size));
	}
	memcpy(l4 + head, payload, size);
	script_checksums(out, at + head + size);
	return at + head + size;
}

/* ---- hearing ---- */

struct seen {
	const uint8_t *l4, *payload;
	uint32_t len, span; /* of the payload; of sequence numbers */
};

static bool look(const struct talk *t, const uint8_t *data, uint32_t total, struct seen *s)
{
	uint32_t at = t->v6 ? 40 : 20, head;

	if (total < at + 8)
		return false;
	s->l4 = data + at;
	head = t->proto == SL_PROTO_TCP ? (uint32_t)(s->l4[12] >> 4) * 4 : 8;
	if (total < at + head)
		return false;
	s->payload = s->l4 + head;
	s->len = total - at - head;
	s->span = s->len;
	if (t->proto == SL_PROTO_TCP) /* SYN and FIN count */
		s->span += (uint32_t)(s->l4[13] & 1) + (uint32_t)(s->l4[13] >> 1 & 1);
	return true;
}

/* An FTP endpoint in the text: PORT and 227 in six numbers, EPRT and 229 between bars. */
static void take_announced(const struct talk *t, struct talk_end *e, const struct seen *s)
{
	char text[1500], addr[64];
	unsigned n[6], port, family;
	const char *six, *bars;

	if (!s->len || s->len >= sizeof text)
		return;
	memcpy(text, s->payload, s->len);
	text[s->len] = 0;
	six = !strncmp(text, "PORT ", 5)  ? text + 5
	      : !strncmp(text, "227 ", 4) ? strchr(text, '(')
	                                  : NULL;
	bars = !strncmp(text, "EPRT ", 5)  ? text + 5
	       : !strncmp(text, "229 ", 4) ? strchr(text, '(')
	                                   : NULL;
	if (six && sscanf(six + (*six == '('), "%u,%u,%u,%u,%u,%u", n, n + 1, n + 2, n + 3, n + 4,
	                   n + 5) == 6) {
		for (unsigned i = 0; i < 4; i++)
			e->to[i] = (uint8_t)n[i];
		e->to_port = (uint16_t)(n[4] << 8 | n[5]);
		e->announced = true;
	} else if (bars && sscanf(bars, "|%u|%63[^|]|%u|", &family, addr, &port) == 3) {
		e->announced = inet_pton(t->v6 ? AF_INET6 : AF_INET, addr, e->to) == 1;
		e->to_port = (uint16_t)port;
	} else if (bars && sscanf(bars, "(|||%u|)", &port) == 1) {
		memcpy(e->to, e->peer, 16);
		e->to_port = (uint16_t)port;
		e->announced = true;
	}
}

static void meet(struct talk *t, struct talk_end *e, const struct seen *s, const struct outcome *o)
{
	unsigned size = t->v6 ? 16 : 4, at = t->v6 ? 8 : 12;

	*e = (struct talk_end){.known = true,
	        .place = o->fate == FATE_LOCAL ? FROM_LOCAL : o->where,
	        .own_port = sl_get16(s->l4 + 2),
	        .peer_port = sl_get16(s->l4),
	        .next = FIRST_SEQ * 5};
	memcpy(e->peer, o->data + at, size);
	memcpy(e->own, o->data + at + size, size);
}

void talk_heard(struct talk *t, unsigned speaker, const uint8_t *sent, const struct outcome *o)
{
	struct talk_end *from = &t->end[speaker], *to = &t->end[!speaker];
	uint32_t len = t->v6 ? 40u + sl_get16(sent + 4) : sl_get16(sent + 2);
	struct seen was, is;

	if (o->fate == FATE_NONE || o->pieces != 1 || !look(t, sent, len, &was) ||
	        !look(t, o->data, o->len, &is))
		return;
	if (!to->known)
		meet(t, to, &is, o);
	from->next += was.span;
	if (t->proto == SL_PROTO_TCP)
		to->ack = sl_get32(is.l4 + 4) + is.span;
	take_announced(t, to, &is);
}
