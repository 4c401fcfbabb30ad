/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lexer takes the longest of what could begin at a byte: a name, a number, an address or a
 * time. "80-90" is three tokens and "http-alt" one, "10.0.0.1:80" three and "fe80::1" one, just
 * as in nft. A backslash before a line's end joins the lines; # begins a comment.
 */
#include "rules/lex.h"

#include <string.h>

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_of(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool sl__read_number(const char *text, size_t len, uint64_t *out)
{
	unsigned base = 10;
	uint64_t v = 0;
	size_t i = 0;

	if (len > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		i = 2;
	} else if (len > 1 && text[0] == '0') {
		base = 8;
	}
	if (i == len)
		return false;
	for (; i < len; i++) {
		int d = hex_of(text[i]);

		if (d < 0 || (unsigned)d >= base || v > (UINT64_MAX - (unsigned)d) / base)
			return false;
		v = v * base + (unsigned)d;
	}
	*out = v;
	return true;
}

bool sl__read_wide(const char *text, unsigned bits, uint8_t *out)
{
	unsigned bytes = (bits + 7) / 8, nibble = 0;
	size_t len = strlen(text);

	if (len < 3 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X'))
		return false;
	memset(out, 0, bytes);
	while (len-- > 2) {
		int d = hex_of(text[len]);

		if (d < 0 || (d && 4 * nibble + (d > 7 ? 4 : d > 3 ? 3 : d > 1 ? 2 : 1) > bits))
			return false;
		if (d)
			out[bytes - 1 - nibble / 2] |= (uint8_t)(d << 4 * (nibble % 2));
		nibble++;
	}
	return true;
}

bool sl__read_ipv4(const char *text, size_t len, uint8_t out[4])
{
	unsigned part = 0, value = 0, digits = 0;
	size_t i;

	for (i = 0; i <= len; i++) {
		if (i < len && is_digit(text[i])) {
			value = value * 10 + (unsigned)(text[i] - '0');
			if (++digits > 3 || value > 255)
				return false;
		} else if (digits && part < 4 && (i == len || text[i] == '.')) {
			out[part++] = (uint8_t)value;
			value = digits = 0;
		} else {
			return false;
		}
	}
	return part == 4;
}

/* The groups of an IPv6 text up to "::" or the end; how many, or -1. */
static int read_groups(const char *text, size_t len, uint8_t *out, size_t *at)
{
	int n = 0;
	size_t i = *at;

	while (i < len) {
		unsigned value = 0;
		size_t first = i;

		while (i < len && hex_of(text[i]) >= 0 && i - first < 4)
			value = value << 4 | (unsigned)hex_of(text[i++]);
		if (i < len && text[i] == '.' && n <= 6) {
			if (!sl__read_ipv4(text + first, len - first, out + 2 * n))
				return -1;
			*at = len;
			return n + 2;
		}
		if (i == first || n == 8)
			return -1;
		out[2 * n] = (uint8_t)(value >> 8);
		out[2 * n + 1] = (uint8_t)value;
		n++;
		if (i == len)
			break;
		if (text[i] != ':')
			return -1;
		if (i + 1 < len && text[i + 1] == ':')
			break;
		if (++i == len)
			return -1;
	}
	*at = i;
	return n;
}

bool sl__read_ipv6(const char *text, size_t len, uint8_t out[16])
{
	uint8_t head[20] = {0}, tail[20] = {0};
	size_t at = 0;
	int before = 0, behind = 0;

	if (len < 2 || len > 45)
		return false;
	if (text[0] != ':')
		before = read_groups(text, len, head, &at);
	if (before < 0)
		return false;
	if (at == len) {
		memcpy(out, head, 16);
		return before == 8;
	}
	if (at + 2 > len || text[at] != ':' || text[at + 1] != ':')
		return false;
	at += 2;
	behind = at < len ? read_groups(text, len, tail, &at) : 0;
	if (behind < 0 || at != len || before + behind > 7)
		return false;
	memset(out, 0, 16);
	memcpy(out, head, 2 * (size_t)before);
	memcpy(out + 16 - 2 * behind, tail, 2 * (size_t)behind);
	return true;
}

bool sl__read_lladdr(const char *text, size_t len, uint8_t out[6])
{
	unsigned part = 0, value = 0, digits = 0;
	size_t i;

	for (i = 0; i <= len; i++) {
		if (i < len && hex_of(text[i]) >= 0) {
			value = value << 4 | (unsigned)hex_of(text[i]);
			if (++digits > 2)
				return false;
		} else if (digits && part < 6 && (i == len || text[i] == ':')) {
			out[part++] = (uint8_t)value;
			value = digits = 0;
		} else {
			return false;
		}
	}
	return part == 6;
}

bool sl__read_time(const char *text, size_t len, uint64_t *ms)
{
	static const struct { const char *unit; uint64_t ms; } units[] = {
		{"ms", 1}, {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}};
	uint64_t sum = 0, v;
	size_t i = 0, first, u;

	if (sl__read_number(text, len, &v) && v < UINT64_MAX / 1000) {
		*ms = v * 1000;
		return true;
	}
	while (i < len) {
		for (first = i; i < len && is_digit(text[i]);)
			i++;
		if (i == first || i - first > 9 || !sl__read_number(text + first, i - first, &v))
			return false;
		for (u = 0; u < 5; u++) {
			size_t n = strlen(units[u].unit);

			if (len - i >= n && !memcmp(text + i, units[u].unit, n))
				break;
		}
		if (u == 5)
			return false;
		i += strlen(units[u].unit);
		sum += v * units[u].ms;
	}
	*ms = sum;
	return len > 0;
}

/* How many bytes at p look like a name. */
static size_t name_len(const char *p, size_t len)
{
	size_t n = 0;

	if (!len || !(is_alpha(*p) || *p == '_' || *p == '.'))
		return 0;
	while (n < len && (is_alpha(p[n]) || is_digit(p[n]) || strchr("/-_.", p[n])) && p[n])
		n++;
	return n;
}

static size_t number_len(const char *p, size_t len)
{
	size_t n = 0;

	if (len > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && hex_of(p[2]) >= 0) {
		for (n = 2; n < len && hex_of(p[n]) >= 0;)
			n++;
		return n;
	}
	while (n < len && is_digit(p[n]))
		n++;
	return n;
}

static size_t time_len(const char *p, size_t len)
{
	size_t n = 0, best = 0;
	uint64_t ms;

	while (n < len && n < 40 && (is_digit(p[n]) || strchr("dhms", p[n])) && p[n])
		n++;
	for (best = n; best > 0; best--) {
		if (!is_digit(p[best - 1]) && sl__read_time(p, best, &ms))
			return best;
	}
	return 0;
}

/* The longest address at p: IPv4, IPv6 or link layer. */
static size_t address_len(const char *p, size_t len)
{
	size_t run = 0, n, colons = 0, dots = 0;
	uint8_t out[16];

	while (run < len && run < 46 && (hex_of(p[run]) >= 0 || p[run] == ':' || p[run] == '.')) {
		colons += p[run] == ':';
		dots += p[run++] == '.';
	}
	if (colons < 2 && dots < 3)
		return 0;
	for (n = run; n > 1; n--) {
		if ((dots > 2 && is_digit(p[0]) && sl__read_ipv4(p, n, out)) ||
			(colons > 1 && (sl__read_ipv6(p, n, out) || sl__read_lladdr(p, n, out))))
			return n;
	}
	return 0;
}

/* Digits and dots that are no address, so that the message can point at all of them. */
static size_t dotted_len(const char *p, size_t len)
{
	size_t n = 0, dots = 0;

	while (n < len && (is_digit(p[n]) || (p[n] == '.' && n + 1 < len && is_digit(p[n + 1]))))
		dots += p[n++] == '.';
	return dots == 3 ? n : 0;
}

static size_t skip_space(const char *p, size_t len)
{
	size_t n = 0;

	for (;;) {
		if (n < len && (p[n] == ' ' || p[n] == '\t' || p[n] == '\r')) {
			n++;
		} else if (n + 1 < len && p[n] == '\\' && p[n + 1] == '\n') {
			n += 2;
		} else if (n < len && p[n] == '#') {
			while (n < len && p[n] != '\n')
				n++;
		} else {
			return n;
		}
	}
}

static int word_kind(const char *p, size_t len, size_t *n)
{
	size_t name = name_len(p, len), number = number_len(p, len), other = time_len(p, len);
	size_t address = address_len(p, len), dotted = dotted_len(p, len);

	if (dotted > address)
		address = dotted;
	if (address > other)
		other = address;
	if (number && number >= name && number >= other) {
		*n = number;
		return TK_NUMBER;
	}
	*n = name > other ? name : other;
	if (name && name >= other && *n < len && p[*n] == '*') {
		++*n;
		return TK_GLOB;
	}
	if (*n == 1 && *p == '.')
		return '.';
	return *n ? TK_WORD : TK_BAD;
}

static int two_chars(const char *p, size_t len)
{
	static const struct { char text[3]; int kind; } pairs[] = {
		{"==", TK_EQ}, {"!=", TK_NE}, {"<=", TK_LE}, {">=", TK_GE}, {"<<", TK_LSHIFT},
		{">>", TK_RSHIFT}};
	size_t i;

	for (i = 0; len > 1 && i < sizeof pairs / sizeof *pairs; i++) {
		if (!memcmp(p, pairs[i].text, 2))
			return pairs[i].kind;
	}
	return TK_BAD;
}

static struct sl__token made(const struct sl__source *s, uint32_t *at, int kind, uint32_t from, size_t len)
{
	struct sl__token t = {.kind = kind, .text = s->text + from, .len = len};

	t.place.source = s;
	t.place.at = from;
	t.place.end = from + (uint32_t)len;
	*at = t.place.end;
	return t;
}

struct sl__token sl__lex(const struct sl__source *s, uint32_t *at)
{
	uint32_t from = *at + (uint32_t)skip_space(s->text + *at, s->len - *at);
	const char *p = s->text + from, *quote;
	size_t len = s->len - from, n = 0;
	struct sl__token t;
	int kind;

	if (!len)
		return made(s, at, TK_END, from, 0);
	if (*p == '\n')
		return made(s, at, TK_NEWLINE, from, 1);
	if (*p == '"') {
		quote = memchr(p + 1, '"', len - 1);
		if (!quote)
			return made(s, at, TK_BAD, from, 1);
		t = made(s, at, TK_STRING, from, (size_t)(quote - p) + 1);
		t.text++;
		t.len -= 2;
		return t;
	}
	kind = word_kind(p, len, &n);
	if (kind != TK_BAD)
		return made(s, at, kind, from, n);
	kind = two_chars(p, len);
	if (kind != TK_BAD)
		return made(s, at, kind, from, 2);
	if (*p > ' ' && strchr("{}()[];,:.-/*$@=<>!&|^", *p))
		return made(s, at, *p, from, 1);
	return made(s, at, TK_BAD, from, 1);
}
