/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux reads FTP one segment at a time. To say where sluice decides otherwise (docs/beyond.md),
 * this is how:
 *
 *   where     only a segment that stands where an earlier one of its direction ended with LF, which
 *             the first one does not; the two such places seen last are remembered.
 *   what      only its first word: PORT or EPRT of a client, "227 " or "229 " of a server. Too
 * short for that, but like it: dropped. numbers   PORT: behind the first space, to a CR. EPRT: the
 * same, any delimiter. 227: from the first digit on. 229: behind the first parenthesis, any
 * delimiter. A number may be of any size; only its low bits count. Not readable: dropped. then
 * another host's address passes and opens nothing; all else is expected.
 *
 * A segment that is dropped does not count as a line's end.
 */
#include "linux.h"

#define LINE_END '\n'

enum reading { NOTHING, UNREADABLE, ENDPOINT };

/* ---- numbers --------------------------------------------------------------------------------- */

static bool digit(struct sl_text *t, uint32_t *value)
{
	int c = sl_text_peek(t);

	if (c < '0' || c > '9')
		return false;
	*value = *value * 10 + (uint32_t)(c - '0');
	t->at++;
	return true;
}

/* `count` numbers with sep between. Behind the last stands `end`, or 0: anything that is no digit.
 */
static bool numbers(struct sl_text *t, uint32_t *v, unsigned count, char sep, char end)
{
	unsigned i = 0;

	for (v[0] = 0; sl_text_left(t);) {
		if (digit(t, &v[i]))
			continue;
		if (sl_text_peek(t) == sep) {
			if (++i == count)
				return false;
			v[i] = 0;
			t->at++;
			continue;
		}
		return i == count - 1 && (!end || sl_text_char(t, end));
	}
	return false;
}

static void take_ipv4(const uint32_t *v, struct sl_endpoint *e)
{
	uint32_t addr = v[0] << 24 | v[1] << 16 | v[2] << 8 | v[3];
	uint8_t b[4] = {
	        (uint8_t)(addr >> 24), (uint8_t)(addr >> 16), (uint8_t)(addr >> 8), (uint8_t)addr};

	e->addr = sl_addr_v4(b);
	e->family = SL_IPV4;
}

static bool read_six(struct sl_text *t, char end, struct sl_endpoint *e)
{
	uint32_t v[6];

	if (!numbers(t, v, 6, ',', end))
		return false;
	take_ipv4(v, e);
	e->port = (uint16_t)(v[4] << 8 | v[5]);
	return true;
}

static bool read_port(struct sl_text *t, char delimiter, struct sl_endpoint *e)
{
	uint32_t port = 0;

	while (digit(t, &port))
		port &= 0xffff;
	if (!port || !sl_text_char(t, delimiter))
		return false;
	e->port = (uint16_t)port;
	return true;
}

static bool read_delimiter(struct sl_text *t, char *delimiter)
{
	int c = sl_text_peek(t);

	if (c < 33 || c > 126 || (c >= '0' && c <= '9'))
		return false;
	*delimiter = (char)c;
	return sl_text_char(t, *delimiter);
}

/* ---- the four words -------------------------------------------------------------------------- */

static bool read_port_command(struct sl_text *t, struct sl_endpoint *e)
{
	return read_six(t, '\r', e);
}

static bool read_227(struct sl_text *t, struct sl_endpoint *e)
{
	sl_text_skip_to(t, "0123456789");
	return read_six(t, 0, e);
}

static bool read_eprt(struct sl_text *t, struct sl_endpoint *e)
{
	struct sl_text addr;
	uint32_t v[4];
	char delimiter;

	if (sl_text_left(t) <= 3 || !read_delimiter(t, &delimiter))
		return false;
	if (!sl_text_char(t, e->family == SL_IPV4 ? '1' : '2') || !sl_text_char(t, delimiter))
		return false;
	if (e->family == SL_IPV4) {
		if (!numbers(t, v, 4, '.', delimiter))
			return false;
		take_ipv4(v, e);
		return read_port(t, delimiter, e);
	}
	return sl_text_until(t, delimiter, &addr) && sl_text_ipv6(&addr, e->addr.b) &&
	       !sl_text_left(&addr) && read_port(t, delimiter, e);
}

static bool read_229(struct sl_text *t, struct sl_endpoint *e)
{
	char delimiter;

	return sl_text_left(t) > 3 && read_delimiter(t, &delimiter) && sl_text_char(t, delimiter) &&
	       sl_text_char(t, delimiter) && read_port(t, delimiter, e);
}

static const struct word {
	const char *text;
	char skip; /* what stands before the numbers; 0: they begin at once */
	bool (*read)(struct sl_text *t, struct sl_endpoint *e);
} words[2][2] = {
        [SL_ORIGINAL] = {{"PORT", ' ', read_port_command}, {"EPRT", ' ', read_eprt}},
        [SL_REPLY] = {{"227 ", 0, read_227}, {"229 ", '(', read_229}},
};

static enum reading read_word(const struct word *word, struct sl_text t, struct sl_endpoint *e)
{
	const char skip[2] = {word->skip, '\0'};
	struct sl_text begin = sl_text_of(word->text, 4);

	if (sl_text_left(&t) <= 4) {
		char part[5] = {0};

		for (size_t i = 0; i < sl_text_left(&t); i++)
			part[i] = begin.at[i];
		return sl_text_prefix(&t, part) ? UNREADABLE : NOTHING;
	}
	if (!sl_text_prefix(&t, word->text))
		return NOTHING;
	if (word->skip) {
		sl_text_skip_to(&t, skip);
		if (!sl_text_char(&t, word->skip))
			return UNREADABLE;
	}
	return word->read(&t, e) ? ENDPOINT : UNREADABLE;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static bool begins_line(const struct ftp_lines *lines, uint32_t seq)
{
	return (lines->n > 0 && lines->at[0] == seq) || (lines->n > 1 && lines->at[1] == seq);
}

/* The older of two places makes room for a newer one. */
static void note_line(struct ftp_lines *lines, uint32_t seq)
{
	unsigned older;

	if (begins_line(lines, seq))
		return;
	if (lines->n < 2) {
		lines->at[lines->n++] = seq;
		return;
	}
	older = (int32_t)(lines->at[0] - lines->at[1]) < 0 ? 0 : 1;
	if ((int32_t)(seq - lines->at[older]) > 0)
		lines->at[older] = seq;
}

void ftp_linux_look(struct ftp_lines *lines, const struct sl_segment *segment,
        const struct sl_tuple *own, struct sl_linux_view *out)
{
	size_t n = sl_text_left(&segment->text);
	enum reading reading = NOTHING;

	*out = (struct sl_linux_view){0};
	if (!n)
		return;
	out->endpoint = (struct sl_endpoint){
	        .addr = own->src, .family = own->family, .proto = SL_PROTO_TCP};
	out->looks = begins_line(lines, segment->seq);
	for (unsigned i = 0; i < 2 && reading == NOTHING && out->looks; i++)
		reading = read_word(&words[segment->dir][i], segment->text, &out->endpoint);
	out->drops = reading == UNREADABLE;
	out->expects = reading == ENDPOINT && out->endpoint.family == own->family &&
	               sl_addr_eq(&out->endpoint.addr, &own->src);
	if (!out->drops && segment->text.end[-1] == LINE_END)
		note_line(lines, segment->seq + (uint32_t)n);
}
