/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text cursor and its counterpart for writing; <sluice/text.h> has the contract.
 *
 * Overview. Every reader works on a copy of the cursor and stores it back as its last act, so that
 * failure leaves no trace; there is no other error handling here. Compound readers (addresses) are
 * made of simple ones. Only sl_text_char(), sl_text_peek() and the loops that compare with `end`
 * touch the text.
 *
 * Why in a header. A helper module is linked to nothing: what it reads bytes with must be in
 * the module itself. Include <sluice/text.h>, not this file; names with two underscores are
 * not for use outside it.
 *
 * Ownership. The text is borrowed; parts handed out point into it. Nothing is allocated.
 *
 * Limits. ASCII only: bytes above 127 are ordinary characters that match themselves. Numbers are 32
 * bits wide.
 *
 * IPv6. The run of characters that could belong to the address is cut out first and must then be an
 * address to its last character. Reading group by group instead would take "1::2:" or "1::2:99999"
 * for the address 1::2 with something behind it, which is never what the sender meant.
 */
#ifndef SLUICE_TEXT_INLINE_H
#define SLUICE_TEXT_INLINE_H

#include <string.h>

#define SL_TEXT_IPV6_MAX 45 /* ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255 */

static inline int sl_text__lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static inline bool sl_text__is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static inline bool sl_text__is_alnum(int c)
{
	return sl_text__is_digit(c) || (sl_text__lower(c) >= 'a' && sl_text__lower(c) <= 'z');
}

/* The value of a digit in base 10 or 16, or -1. */
static inline int sl_text__digit_value(int c, unsigned base)
{
	if (sl_text__is_digit(c))
		return c - '0';
	c = sl_text__lower(c);
	return base == 16 && c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline bool sl_text__in_set(char c, const char *set)
{
	for (; *set; set++)
		if (*set == c)
			return true;
	return false;
}

static inline size_t sl_text__skip_while(struct sl_text *t, const char *set, bool wanted)
{
	const char *from = t->at;

	while (t->at != t->end && sl_text__in_set(*t->at, set) == wanted)
		t->at++;
	return from == t->at ? 0 : (size_t)(t->at - from);
}

static inline size_t sl_text_skip(struct sl_text *t, const char *set)
{
	return sl_text__skip_while(t, set, true);
}

static inline size_t sl_text_skip_to(struct sl_text *t, const char *set)
{
	return sl_text__skip_while(t, set, false);
}

static inline size_t sl_text_spaces(struct sl_text *t)
{
	return sl_text__skip_while(t, " \t", true);
}

static inline bool sl_text_exact(struct sl_text *t, const char *s)
{
	struct sl_text try = *t;

	for (; *s; s++)
		if (!sl_text_char(&try, *s))
			return false;
	*t = try;
	return true;
}

static inline bool sl_text_prefix(struct sl_text *t, const char *s)
{
	struct sl_text try = *t;

	for (; *s; s++, try.at++)
		if (sl_text__lower(sl_text_peek(&try)) != sl_text__lower((unsigned char)*s))
			return false;
	*t = try;
	return true;
}

static inline bool sl_text_word(struct sl_text *t, const char *s)
{
	struct sl_text try = *t;

	if (!sl_text_prefix(&try, s) || sl_text__is_alnum(sl_text_peek(&try)))
		return false;
	*t = try;
	return true;
}

static inline bool sl_text_eq_nocase(const struct sl_text *t, const char *s)
{
	struct sl_text try = *t;

	return sl_text_prefix(&try, s) && try.at == try.end;
}

static inline bool sl_text_find(struct sl_text *t, const char *s)
{
	struct sl_text try = *t;

	for (;; try.at++) {
		if (sl_text_prefix(&try, s)) {
			*t = try;
			return true;
		}
		if (try.at == try.end)
			return false;
	}
}

static inline bool sl_text__number(struct sl_text *t, unsigned base, uint32_t max, uint32_t *v)
{
	struct sl_text try = *t;
	uint64_t n = 0;
	int digit;

	if (sl_text__digit_value(sl_text_peek(&try), base) < 0)
		return false;
	for (; (digit = sl_text__digit_value(sl_text_peek(&try), base)) >= 0; try.at++) {
		n = n * base + (unsigned)digit;
		if (n > max)
			return false;
	}
	*v = (uint32_t)n;
	*t = try;
	return true;
}

static inline bool sl_text_uint(struct sl_text *t, uint32_t max, uint32_t *v)
{
	return sl_text__number(t, 10, max, v);
}

static inline bool sl_text_hex(struct sl_text *t, uint32_t max, uint32_t *v)
{
	return sl_text__number(t, 16, max, v);
}

/* What lies between the cursor and `end`, as a text of its own. */
static inline struct sl_text sl_text__part(const struct sl_text *t, const char *end)
{
	struct sl_text sub = *t;

	sub.end = end;
	return sub;
}

static inline bool sl_text_until(struct sl_text *t, char c, struct sl_text *sub)
{
	struct sl_text try = *t;

	while (try.at != try.end && *try.at != c)
		try.at++;
	if (try.at == try.end)
		return false;
	*sub = sl_text__part(t, try.at);
	t->at = try.at + 1;
	return true;
}

static inline bool sl_text_token(struct sl_text *t, struct sl_text *sub)
{
	struct sl_text try = *t;

	if (!sl_text_skip_to(&try, " \t\r\n"))
		return false;
	*sub = sl_text__part(t, try.at);
	t->at = try.at;
	return true;
}

static inline bool sl_text_line(struct sl_text *t, struct sl_text *sub)
{
	struct sl_text try = *t;

	if (try.at == try.end)
		return false;
	sl_text_skip_to(&try, "\n");
	*sub = sl_text__part(t, try.at);
	if (sl_text_char(&try, '\n') && sub->end != sub->at && sub->end[-1] == '\r')
		sub->end--;
	t->at = try.at;
	return true;
}

static inline void sl_text_trim(struct sl_text *t)
{
	while (t->end != t->at && sl_text__in_set(t->end[-1], " \t\r\n"))
		t->end--;
}

/* One of the four numbers of an address: up to three digits. */
static inline bool sl_text__octet(struct sl_text *t, bool zeros, uint8_t *v)
{
	struct sl_text try = *t;
	uint32_t n;
	size_t digits;

	if (!sl_text_uint(&try, 255, &n))
		return false;
	digits = (size_t)(try.at - t->at);
	if (digits > 3 || (!zeros && digits > 1 && *t->at == '0'))
		return false;
	*v = (uint8_t)n;
	*t = try;
	return true;
}

static inline bool sl_text__quad(struct sl_text *t, char separator, bool zeros, uint8_t addr[4])
{
	struct sl_text try = *t;
	uint8_t read[4];

	for (unsigned i = 0; i < 4; i++)
		if ((i && !sl_text_char(&try, separator)) || !sl_text__octet(&try, zeros, &read[i]))
			return false;
	memcpy(addr, read, 4);
	*t = try;
	return true;
}

static inline bool sl_text_ipv4(struct sl_text *t, uint8_t addr[4])
{
	struct sl_text try = *t, behind;
	uint8_t read[4];

	if (!sl_text__quad(&try, '.', false, read))
		return false;
	behind = try;
	if (sl_text_char(&behind, '.') && sl_text__is_digit(sl_text_peek(&behind)))
		return false;
	memcpy(addr, read, 4);
	*t = try;
	return true;
}

static inline bool sl_text_ipv4_commas(struct sl_text *t, uint8_t addr[4])
{
	return sl_text__quad(t, ',', true, addr);
}

/* One group of one to four hex digits. */
static inline bool sl_text__group(struct sl_text *t, uint8_t out[2])
{
	struct sl_text try = *t;
	uint32_t v;

	if (!sl_text_hex(&try, 0xffff, &v) || try.at - t->at > 4)
		return false;
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
	*t = try;
	return true;
}

/*
 * Groups with single colons between them, into at most `room` bytes. A dotted quad may stand for
 * the last two of an address: behind "::" (`tail`) that may be anywhere, without it only at the end
 * of the room. Stops where no further group begins, before "::" in particular. Returns the bytes
 * made.
 */
static inline size_t sl_text__groups(struct sl_text *t, uint8_t *out, size_t room, bool tail)
{
	struct sl_text try = *t;
	size_t made = 0;

	while (made < room) {
		if ((room - made == 4 || (tail && room - made > 4)) &&
		        sl_text_ipv4(&try, out + made)) {
			*t = try;
			return made + 4;
		}
		if (!sl_text__group(&try, out + made))
			break;
		made += 2;
		*t = try;
		if (!sl_text_char(&try, ':'))
			break;
	}
	return made;
}

/* The characters that belong to an address if anything here does. */
static inline struct sl_text sl_text__ipv6_run(const struct sl_text *t)
{
	struct sl_text run = *t;

	sl_text_skip(&run, "0123456789abcdefABCDEF:.");
	run = sl_text__part(t, run.at);
	if (run.end != run.at && run.end[-1] == '.')
		run.end--;
	return run;
}

static inline bool sl_text_ipv6(struct sl_text *t, uint8_t addr[16])
{
	struct sl_text run = sl_text__ipv6_run(t);
	uint8_t front[16] = {0}, back[16];
	size_t made, more;

	if (sl_text_left(&run) > SL_TEXT_IPV6_MAX)
		return false;
	made = sl_text__groups(&run, front, 16, false);
	if (made < 16) {
		/* "::" stands for at least one group. */
		if (!sl_text_exact(&run, "::"))
			return false;
		more = sl_text__groups(&run, back, 14 - made, true);
		memcpy(front + 16 - more, back, more);
	}
	if (run.at != run.end)
		return false;
	memcpy(addr, front, 16);
	t->at = run.end;
	return true;
}

static inline bool sl_text__big_endian(struct sl_text *t, unsigned size, uint32_t *v)
{
	uint32_t value = 0;

	if (sl_text_left(t) < size)
		return false;
	for (unsigned i = 0; i < size; i++)
		value = value << 8 | (unsigned char)*t->at++;
	*v = value;
	return true;
}

static inline bool sl_text_u8(struct sl_text *t, uint8_t *v)
{
	uint32_t value;

	if (!sl_text__big_endian(t, 1, &value))
		return false;
	if (v)
		*v = (uint8_t)value;
	return true;
}

static inline bool sl_text_u16(struct sl_text *t, uint16_t *v)
{
	uint32_t value;

	if (!sl_text__big_endian(t, 2, &value))
		return false;
	if (v)
		*v = (uint16_t)value;
	return true;
}

static inline bool sl_text_u32(struct sl_text *t, uint32_t *v)
{
	uint32_t value;

	if (!sl_text__big_endian(t, 4, &value))
		return false;
	if (v)
		*v = value;
	return true;
}

static inline bool sl_text_bytes(struct sl_text *t, size_t n, struct sl_text *sub)
{
	if (sl_text_left(t) < n)
		return false;
	if (sub)
		*sub = sl_text__part(t, n ? t->at + n : t->at);
	if (n)
		t->at += n;
	return true;
}

static inline void sl_text_put_bytes(struct sl_out *o, const void *p, size_t n)
{
	size_t room = o->at == o->end ? 0 : (size_t)(o->end - o->at);

	if (o->full || n > room) {
		o->full = true;
		return;
	}
	if (!n)
		return;
	memcpy(o->at, p, n);
	o->at += n;
}

static inline void sl_text_put_char(struct sl_out *o, char c)
{
	sl_text_put_bytes(o, &c, 1);
}

static inline void sl_text_put_u16(struct sl_out *o, uint16_t v)
{
	char b[2] = {(char)(v >> 8), (char)(v & 0xff)};

	sl_text_put_bytes(o, b, sizeof(b));
}

static inline void sl_text_put_u32(struct sl_out *o, uint32_t v)
{
	char b[4] = {
	        (char)(v >> 24), (char)(v >> 16 & 0xff), (char)(v >> 8 & 0xff), (char)(v & 0xff)};

	sl_text_put_bytes(o, b, sizeof(b));
}

static inline void sl_text_put_str(struct sl_out *o, const char *s)
{
	sl_text_put_bytes(o, s, strlen(s));
}

static inline void sl_text_put_text(struct sl_out *o, const struct sl_text *t)
{
	sl_text_put_bytes(o, t->at, sl_text_left(t));
}

static inline void sl_text__put_number(struct sl_out *o, uint64_t v, unsigned base, unsigned digits)
{
	char buf[20]; /* 2^64 in decimal */
	char *p = buf + sizeof(buf);

	while (v || digits) {
		*--p = "0123456789abcdef"[v % base];
		v /= base;
		digits -= digits > 0;
	}
	sl_text_put_bytes(o, p, (size_t)(buf + sizeof(buf) - p));
}

static inline void sl_text_put_uint(struct sl_out *o, uint64_t v)
{
	sl_text__put_number(o, v, 10, 1);
}

static inline void sl_text_put_hex(struct sl_out *o, uint64_t v, unsigned digits)
{
	sl_text__put_number(o, v, 16, digits < 1 ? 1 : digits > 16 ? 16 : digits);
}

/* An address is one piece: it is put together aside, so that it is written whole or not at all. */
static inline void sl_text__put_quad(struct sl_out *o, const uint8_t addr[4], char separator)
{
	char buf[15];
	struct sl_out piece = sl_out_of(buf, sizeof(buf));

	for (unsigned i = 0; i < 4; i++) {
		if (i)
			sl_text_put_char(&piece, separator);
		sl_text_put_uint(&piece, addr[i]);
	}
	sl_text_put_bytes(o, buf, sl_out_len(&piece));
}

static inline void sl_text_put_ipv4(struct sl_out *o, const uint8_t addr[4])
{
	sl_text__put_quad(o, addr, '.');
}

static inline void sl_text_put_ipv4_commas(struct sl_out *o, const uint8_t addr[4])
{
	sl_text__put_quad(o, addr, ',');
}

static inline unsigned sl_text__addr_group(const uint8_t addr[16], unsigned i)
{
	return (unsigned)(addr[2 * i] << 8 | addr[2 * i + 1]);
}

/* The first longest run of at least two zero groups, which "::" stands for; *len 0 without one. */
static inline unsigned sl_text__longest_zeros(const uint8_t addr[16], unsigned *len)
{
	unsigned best = 8, run = 0;

	*len = 1;
	for (unsigned i = 0; i < 8; i++) {
		run = sl_text__addr_group(addr, i) ? 0 : run + 1;
		if (run > *len) {
			*len = run;
			best = i + 1 - run;
		}
	}
	if (best == 8)
		*len = 0;
	return best;
}

static inline void sl_text__put_groups(struct sl_out *o, const uint8_t addr[16])
{
	unsigned len, gap = sl_text__longest_zeros(addr, &len);

	for (unsigned i = 0; i < 8; i++) {
		if (i == gap) {
			sl_text_put_str(o, "::");
			i += len - 1;
			continue;
		}
		if (i && i != gap + len)
			sl_text_put_char(o, ':');
		sl_text_put_hex(o, sl_text__addr_group(addr, i), 1);
	}
}

static inline void sl_text_put_ipv6(struct sl_out *o, const uint8_t addr[16])
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	char buf[SL_TEXT_IPV6_MAX];
	struct sl_out piece = sl_out_of(buf, sizeof(buf));

	if (memcmp(addr, mapped, sizeof(mapped)) == 0) {
		sl_text_put_str(&piece, "::ffff:");
		sl_text_put_ipv4(&piece, addr + 12);
	} else {
		sl_text__put_groups(&piece, addr);
	}
	sl_text_put_bytes(o, buf, sl_out_len(&piece));
}

#endif
