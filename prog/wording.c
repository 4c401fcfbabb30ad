/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A message is taken line by line, and a line's addresses (10.0.0.2, 10.0.0.2:5060, [2001:db8::1])
 * in turn. What is learned is kept by header, because the same address may have become another
 * in each; what a Contact became is also what the first line of a request to it says.
 *
 * Only the head of a message is touched: its body's length stays, and so Content-Length is true.
 */
#include "prog/wording.h"

#include <string.h>

#include <sluice/text.h>

#include "base/checksum.h"
#include "base/wire.h"

enum { WORD = 64, START = 0, UDP_HEADER = 8, MOST = 65535 };

struct word_key {
	struct sl_addr from, to;
	uint32_t header; /* a hash of its name; START: the first line */
	char word[WORD];
};

struct word {
	char text[WORD]; /* with a NUL */
};

void sl__wording_init(struct sl_wording *w)
{
	sl__map_init(&w->words, sizeof(struct word_key), sizeof(struct word));
}

void sl__wording_fini(struct sl_wording *w)
{
	sl__map_fini(&w->words);
}

/* ---- lines and addresses ------------------------------------------------------------------ */

static struct sl_text body_of(const struct sl_view *v)
{
	return sl_text_of(v->data + v->payload, sl__view_body(v));
}

static bool is_sip(const struct sl_view *v)
{
	struct sl_text t = body_of(v);

	return v->proto == SL_PROTO_UDP && !v->fragment && sl_text_find(&t, "SIP/2.0");
}

/* Which header the line is of; compact names count as the long ones. */
static uint32_t header_of(const struct sl_text *line, bool first)
{
	static const char *const compact[][2] = {
	        {"v", "via"}, {"m", "contact"}, {"f", "from"}, {"t", "to"}};
	struct sl_text rest = *line, name;
	uint32_t h = 1;

	if (first || !sl_text_until(&rest, ':', &name))
		return START;
	sl_text_trim(&name);
	for (size_t i = 0; i < sizeof(compact) / sizeof(compact[0]); i++)
		if (sl_text_eq_nocase(&name, compact[i][0]))
			name = sl_text_of(compact[i][1], strlen(compact[i][1]));
	for (; sl_text_left(&name); name.at++)
		h = h * 31 + (uint32_t)sl_text__lower((unsigned char)*name.at);
	return h;
}

static bool is_contact(uint32_t header)
{
	struct sl_text line = sl_text_of("contact:", 8);

	return header == header_of(&line, false);
}

/* Steps to the next address with its port, and behind it. */
static bool next_address(struct sl_text *t, struct sl_text *address)
{
	while (sl_text_left(t)) {
		struct sl_text try = *t, port, in;
		uint8_t b[16];
		uint32_t v;
		bool ok = sl_text_ipv4(&try, b);

		if (!ok && sl_text_char(&try, '['))
			ok = sl_text_until(&try, ']', &in) && sl_text_ipv6(&in, b) &&
			     !sl_text_left(&in);
		if (!ok) {
			if (sl_text__is_alnum((unsigned char)*t->at)) {
				while (sl_text_left(t) &&
				        (sl_text__is_alnum((unsigned char)*t->at) || *t->at == '.'))
					t->at++;
				continue;
			}
			t->at++;
			continue;
		}
		port = try;
		if (sl_text_char(&port, ':') && sl_text_uint(&port, 65535, &v))
			try = port;
		*address = *t;
		address->end = try.at;
		*t = try;
		return true;
	}
	return false;
}

static bool key_of(const struct sl_addr *from, const struct sl_addr *to, uint32_t header,
        const struct sl_text *word, struct word_key *key)
{
	memset(key, 0, sizeof(*key));
	key->from = *from;
	key->to = *to;
	key->header = header;
	if (sl_text_left(word) >= WORD)
		return false;
	memcpy(key->word, word->at, sl_text_left(word));
	return true;
}

/* ---- before it goes in -------------------------------------------------------------------- */

/* One line of what v's sender wrote, with what it had been told. */
static void put_line(const struct sl_wording *w, const struct sl_view *v, uint32_t header,
        struct sl_text line, struct sl_out *out)
{
	struct sl_text from = line, address;

	while (next_address(&line, &address)) {
		const struct word *word = NULL;
		struct sl_text between = from;
		struct word_key key;

		between.end = address.at;
		sl_text_put_text(out, &between);
		if (key_of(&v->dst, &v->src, header, &address, &key))
			word = sl__map_find(&w->words, &key);
		if (word)
			sl_text_put_str(out, word->text);
		else
			sl_text_put_text(out, &address);
		from = line;
	}
	sl_text_put_text(out, &from);
}

static void set_body(struct sl_view *v, const char *text, size_t n)
{
	uint8_t *l4 = v->data + v->l4;

	memcpy(v->data + v->payload, text, n);
	v->len = v->payload + (uint32_t)n;
	sl_put16(l4 + 4, (uint16_t)(v->len - v->l4));
	if (v->family == SL_IPV4) {
		uint32_t head = (uint32_t)(v->data[0] & 15) * 4;

		sl_put16(v->data + 2, (uint16_t)v->len);
		sl_put16(v->data + 10, 0);
		sl_put16(v->data + 10, sl__csum(sl__sum(v->data, head, 0)));
	} else {
		sl_put16(v->data + 4, (uint16_t)(v->len - 40));
	}
	sl__view_fix_transport(v);
}

void sl__wording_translate(const struct sl_wording *w, struct sl_view *v)
{
	static char text[MOST];
	struct sl_out out = sl_out_of(text, sizeof(text) - UDP_HEADER - v->payload);
	struct sl_text t, line;
	bool first = true;

	if (!w->words.used || !is_sip(v))
		return;
	for (t = body_of(v); sl_text_until(&t, '\n', &line); first = false) {
		struct sl_text trimmed = line;

		sl_text_trim(&trimmed);
		put_line(w, v, header_of(&line, first), line, &out);
		sl_text_put_char(&out, '\n');
		if (!sl_text_left(&trimmed))
			break;
	}
	sl_text_put_text(&out, &t);
	if (!out.full)
		set_body(v, text, sl_out_len(&out));
}

/* ---- after it came out -------------------------------------------------------------------- */

static void learn_word(struct sl_wording *w, const struct sl_view *v, uint32_t header,
        const struct sl_text *old, const struct sl_text *new_)
{
	struct word_key key;
	struct word *word;

	if (sl_text_left(new_) >= WORD || !key_of(&v->src, &v->dst, header, old, &key))
		return;
	word = sl__map_put(&w->words, &key, NULL);
	memset(word, 0, sizeof(*word));
	memcpy(word->text, new_->at, sl_text_left(new_));
}

static void learn_line(struct sl_wording *w, const struct sl_view *v, uint32_t header,
        struct sl_text before, struct sl_text after)
{
	struct sl_text old, new_;

	while (next_address(&before, &old) && next_address(&after, &new_)) {
		if (sl_text_left(&old) == sl_text_left(&new_) &&
		        !memcmp(old.at, new_.at, sl_text_left(&old)))
			continue;
		learn_word(w, v, header, &old, &new_);
		if (is_contact(header))
			learn_word(w, v, START, &old, &new_);
	}
}

void sl__wording_observe(struct sl_wording *w, const struct sl_outcome *o)
{
	struct sl_text before, after, old, new_;
	bool first = true;

	if (!o->n_through || !is_sip(o->sent) || !is_sip(&o->through[0].view))
		return;
	before = body_of(o->sent);
	after = body_of(&o->through[0].view);
	while (sl_text_until(&before, '\n', &old) && sl_text_until(&after, '\n', &new_)) {
		uint32_t header = header_of(&old, first);

		sl_text_trim(&old);
		if (!sl_text_left(&old))
			return;
		learn_line(w, o->captured, header, old, new_);
		first = false;
	}
}
