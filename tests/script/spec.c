/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words that describe a packet. One table says which word sets what.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

#include "base/wire.h"

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static void add_payload(struct spec *s, const void *bytes, size_t n)
{
	s->payload = must(realloc(s->payload, s->payload_len + n + 1));
	if (n)
		memcpy(s->payload + s->payload_len, bytes, n);
	s->payload_len += (uint32_t)n;
	s->has |= HAS_PAYLOAD;
}

/* Letters of the alphabet, so that a look at a failure tells which bytes are meant. */
static void fill_payload(struct spec *s, uint32_t len)
{
	if (len > 65535)
		wrong("%u bytes are more than a packet has", len);
	for (uint32_t i = 0; i < len; i++)
		add_payload(s, &"abcdefghijklmnopqrstuvwxyz"[i % 26], 1);
}

/* ---- TCP options ------------------------------------------------------------------------- */

static void option(struct spec *s, uint8_t kind, uint8_t len, uint64_t value)
{
	if (s->options_len + len > sizeof(s->options))
		wrong("more than 40 bytes of options");
	s->options[s->options_len] = kind;
	if (len > 1)
		s->options[s->options_len + 1] = len;
	for (unsigned i = 0; i + 2 < len; i++)
		s->options[s->options_len + len - 1u - i] = (uint8_t)(i < 8 ? value >> 8 * i : 0);
	s->options_len += len;
}

static void one_option(struct spec *s, char *text)
{
	unsigned a = 0, b = 0;

	if (sscanf(text, "mss %u", &a) == 1)
		option(s, 2, 4, a);
	else if (sscanf(text, "wscale %u", &a) == 1)
		option(s, 3, 3, a);
	else if (!strcmp(text, "sackOK"))
		option(s, 4, 2, 0);
	else if (!strcmp(text, "nop"))
		option(s, 1, 1, 0);
	else if (sscanf(text, "TS %u %u", &a, &b) == 2)
		option(s, 8, 10, (uint64_t)a << 32 | b);
	else if (!strcmp(text, "md5"))
		option(s, 19, 18, 0);
	else if (!strcmp(text, "ao"))
		option(s, 29, 16, 0);
	else if (sscanf(text, "sack %u-%u", &a, &b) == 2 && s->sacks < 4) {
		s->sack[s->sacks][0] = a;
		s->sack[s->sacks++][1] = b;
		s->has |= HAS_SACK;
	} else
		wrong("unknown TCP option: %s", text);
}

static void options(struct spec *s, const char *text)
{
	char copy[200], *at = copy, *comma;

	snprintf(copy, sizeof(copy), "%s", text + 1);
	if (strlen(copy) == 0 || copy[strlen(copy) - 1] != '>')
		wrong("options are written <mss 1460,sackOK>");
	copy[strlen(copy) - 1] = 0;
	s->has |= HAS_OPTIONS;
	do {
		comma = strchr(at, ',');
		if (comma)
			*comma = 0;
		while (*at == ' ')
			at++;
		one_option(s, at);
		at = comma + 1;
	} while (comma);
	while (s->options_len % 4)
		option(s, 1, 1, 0);
}

/* ---- words ------------------------------------------------------------------------------- */

static bool is_flags(const char *text)
{
	return *text && strspn(text, "FSRPUEC.") == strlen(text);
}

static void flags(struct spec *s, const char *text)
{
	static const char letters[] = "FSRP.UEC";

	for (; *text; text++)
		s->flags |= (uint8_t)(1u << (strchr(letters, *text) - letters));
	s->has |= HAS_FLAGS;
}

/* 1:25(24) */
static bool range(struct spec *s, const char *text)
{
	long long from, to, len;
	int n = 0;

	if (sscanf(text, "%lld:%lld(%lld)%n", &from, &to, &len, &n) != 3 || text[n])
		return false;
	if (to - from != len)
		wrong("%s: the length is not the difference", text);
	s->seq = (uint32_t)from;
	s->len = (uint32_t)len;
	s->has |= HAS_SEQ | HAS_LEN;
	return true;
}

static uint32_t relative(struct line *line, bool *ahead)
{
	if (!words_end(line) && line->word[line->at].text[0] == '+') {
		*ahead = true;
		line->word[line->at].text++;
	}
	return (uint32_t)words_number(line, "a sequence number");
}

static void piece(struct spec *s, struct line *line)
{
	struct word *w = words_next(line);

	if (!w || sscanf(w->text, "%u-%u", &s->piece_from, &s->piece_to) != 2)
		wrong("a piece is written FROM-TO");
	s->has |= HAS_PIECE;
}

static void hex_bytes(struct spec *s, struct line *line)
{
	while (!words_end(line) && !line->word[line->at].string) {
		const char *text = line->word[line->at].text;
		uint8_t b;

		if (strlen(text) != 2 || !isxdigit((unsigned char)text[0]) ||
		        !isxdigit((unsigned char)text[1]))
			return;
		b = (uint8_t)strtoul(text, NULL, 16);
		add_payload(s, &b, 1);
		line->at++;
	}
}

static void icmp(struct spec *s, struct line *line)
{
	struct word *w = words_next(line);
	unsigned type, code;

	if (!w || sscanf(w->text, "%u/%u", &type, &code) != 2)
		wrong("an ICMP message is written icmp TYPE/CODE");
	s->icmp_type = (uint8_t)type;
	s->icmp_code = (uint8_t)code;
	s->has |= HAS_ICMP;
}

static struct endpoint endpoint(struct line *line)
{
	struct word *w = words_next(line);

	if (!w)
		wrong("expected an endpoint");
	return words_endpoint(w->text);
}

static bool number_word(struct spec *s, struct line *line)
{
	static const struct {
		const char *name;
		unsigned has;
	} names[] = {{"seq", HAS_SEQ}, {"ack", HAS_ACK}, {"win", HAS_WIN}, {"urg", HAS_URG},
	        {"ttl", HAS_TTL}, {"tos", HAS_TOS}, {"mtu", HAS_MTU}, {"echo", HAS_ECHO},
	        {"id", HAS_ID}, {"quote", 0}, {"cut", 0}, {"mark", 0}, {"zone", 0}, {"gso", 0}};
	uint64_t v;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!words_take(line, names[i].name))
			continue;
		s->has |= names[i].has;
		v = i == 0   ? relative(line, &s->seq_ahead)
		    : i == 1 ? relative(line, &s->ack_ahead)
		             : words_number(line, names[i].name);
		switch (i) {
		case 0:
			s->seq = (uint32_t)v;
			break;
		case 1:
			s->ack = (uint32_t)v;
			break;
		case 2:
			s->win = (uint16_t)v;
			break;
		case 3:
			s->urg = (uint16_t)v;
			break;
		case 4:
			s->ttl = (uint8_t)v;
			break;
		case 5:
			s->tos = (uint8_t)v;
			break;
		case 6:
			s->mtu = (uint16_t)v;
			break;
		case 7:
			s->echo = (uint16_t)v;
			break;
		case 8:
			s->id = (uint16_t)v;
			break;
		case 9:
			s->quote = (uint32_t)v;
			break;
		case 10:
			s->cut = (uint32_t)v;
			break;
		case 11:
			s->mark = (uint32_t)v;
			break;
		case 12:
			s->zone = (uint16_t)v;
			break;
		default:
			s->gso = (uint16_t)v;
			break;
		}
		return true;
	}
	return false;
}

static bool other_word(struct spec *s, struct line *line)
{
	unsigned n;

	if (words_take(line, "from"))
		s->from = endpoint(line), s->has |= HAS_FROM;
	else if (words_take(line, "to"))
		s->to = endpoint(line), s->has |= HAS_TO;
	else if (words_take(line, "icmp"))
		icmp(s, line);
	else if (words_take(line, "piece"))
		piece(s, line);
	else if (words_take(line, "hex"))
		hex_bytes(s, line);
	else if (words_take(line, "df"))
		s->dont_fragment = true, s->has |= HAS_DF;
	else if (words_take(line, "badsum"))
		s->bad_sum = true;
	else if (words_take(line, "partial"))
		s->partial = true;
	else if (words_take(line, "raw"))
		s->raw = true;
	else if (words_take(line, "multicast"))
		s->cast = SL_CAST_MULTICAST;
	else if (words_take(line, "broadcast"))
		s->cast = SL_CAST_BROADCAST;
	else if (words_take(line, "poke")) {
		if (s->pokes == MAX_POKES)
			wrong("too many pokes");
		s->poke[s->pokes].at = (uint16_t)words_number(line, "an offset");
		s->poke[s->pokes++].value = (uint8_t)words_number(line, "a byte");
	} else if (sscanf(line->word[line->at].text, "(%u)", &n) == 1) {
		fill_payload(s, n);
		line->at++;
	} else
		return false;
	return true;
}

void spec_read(struct spec *s, struct line *line)
{
	*s = (struct spec){0};
	while (!words_end(line)) {
		struct word *w = &line->word[line->at];

		if (w->string) {
			add_payload(s, w->text, w->len);
			line->at++;
		} else if (!strcmp(w->text, "|")) {
			break;
		} else if (w->text[0] == '<') {
			options(s, w->text);
			line->at++;
		} else if (!(s->has & HAS_FLAGS) && is_flags(w->text)) {
			flags(s, w->text);
			line->at++;
		} else if (range(s, w->text)) {
			line->at++;
		} else if (!number_word(s, line) && !other_word(s, line)) {
			wrong("%s: not a word about a packet", w->text);
		}
	}
	if (s->has & HAS_LEN && !(s->has & HAS_PAYLOAD))
		fill_payload(s, s->len);
	if (s->has & HAS_LEN && s->len != s->payload_len)
		wrong("the length says %u, the payload has %u bytes", s->len, s->payload_len);
}

void spec_free(struct spec *s)
{
	free(s->payload);
	*s = (struct spec){0};
}
