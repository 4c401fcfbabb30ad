/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_TEXT_H
#define SLUICE_TEXT_H

/*
 * Reading and writing the text of protocols, without libc, allocation, locale or a terminating NUL.
 *
 * Reading: a `struct sl_text` is a cursor over borrowed bytes, any bytes. The whole error contract:
 * a function that cannot read what its name says returns false and leaves the cursor and its
 * results untouched; one that can returns true and leaves the cursor just behind what it read.
 * No byte at or behind `end` is ever looked at. Letters are ASCII; where case is ignored, it is
 * ignored for A-Z only.
 *
 *	struct sl_text t = sl_text_of(line, len);
 *
 *	if (sl_text_word(&t, "EPRT") && sl_text_spaces(&t) && sl_text_char(&t, '|') &&
 *	    sl_text_uint(&t, 2, &family) && sl_text_char(&t, '|') ...
 *
 * Several steps are one step with a copy: `struct sl_text try = *t; if (all of it) *t = try;`
 *
 * Writing: a `struct sl_out` is a bounded buffer. A piece that does not fit is not written, not
 *even in part, and `full` stays set: nothing is written after it, so it is asked once, at the end.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_text {
	const char *at;    /* next character to be read */
	const char *end;   /* behind the last one */
	const char *start; /* what sl_text_offset() counts from; parts keep that of their whole */
};

/* A cursor over `len` bytes at p, standing at the first. p may be NULL if len is 0. */
static inline struct sl_text sl_text_of(const void *p, size_t len)
{
	const char *at = (const char *)p;
	struct sl_text t = {at, len ? at + len : at, at};

	return t;
}

/* How many characters are unread. */
static inline size_t sl_text_left(const struct sl_text *t)
{
	return t->at == t->end ? 0 : (size_t)(t->end - t->at);
}

/* How far the cursor is from the start of the text it was made of. */
static inline size_t sl_text_offset(const struct sl_text *t)
{
	return t->at == t->start ? 0 : (size_t)(t->at - t->start);
}

/* The next character as 0..255, not consumed; -1 at the end. */
static inline int sl_text_peek(const struct sl_text *t)
{
	return t->at == t->end ? -1 : (unsigned char)*t->at;
}

/* This one character. */
static inline bool sl_text_char(struct sl_text *t, char c)
{
	if (t->at == t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

/* Steps over characters as long as they are in `set` (a C string); returns how many there were. */
static inline size_t sl_text_skip(struct sl_text *t, const char *set);
/* Steps over characters as long as they are not in `set`; returns how many there were. */
static inline size_t sl_text_skip_to(struct sl_text *t, const char *set);
/* Steps over spaces and tabs; returns how many there were (0 is no error by itself). */
static inline size_t sl_text_spaces(struct sl_text *t);

/* These characters, case and all. */
static inline bool sl_text_exact(struct sl_text *t, const char *s);
/* These characters in any case, whatever follows. */
static inline bool sl_text_prefix(struct sl_text *t, const char *s);
/* This keyword in any case, followed by the end or something other than a letter or digit. */
static inline bool sl_text_word(struct sl_text *t, const char *s);
/* Whether all that is left is s, in any case. Consumes nothing. */
static inline bool sl_text_eq_nocase(const struct sl_text *t, const char *s);
/* Searches for s in any case; the cursor is then behind the first place where it stands. */
static inline bool sl_text_find(struct sl_text *t, const char *s);

/*
 * A decimal number of at least one digit and at most `max`; leading zeros are fine. All digits that
 * follow belong to it: 70000 is not a port of 7000 and a 0. No sign, no spaces.
 */
static inline bool sl_text_uint(struct sl_text *t, uint32_t max, uint32_t *v);
/* The same in hexadecimal, without 0x. */
static inline bool sl_text_hex(struct sl_text *t, uint32_t max, uint32_t *v);

/* What stands before the next c (may be empty); the cursor is then behind c. False without c. */
static inline bool sl_text_until(struct sl_text *t, char c, struct sl_text *sub);
/* At least one character up to the next space, tab, CR, LF or the end; that stays unread. */
static inline bool sl_text_token(struct sl_text *t, struct sl_text *sub);
/*
 * One line, without its end (LF or CR LF); the cursor is then behind that. False at the end of the
 * text. A last line that lacks its end counts as a line.
 */
static inline bool sl_text_line(struct sl_text *t, struct sl_text *sub);
/* Takes spaces, tabs, CR and LF off the end of the text. */
static inline void sl_text_trim(struct sl_text *t);

/*
 * An IPv4 address in network order, from 192.0.2.1: four decimal numbers up to 255 without leading
 * zeros (which some read as octal), not followed by another digit or ".digit".
 */
static inline bool sl_text_ipv4(struct sl_text *t, uint8_t addr[4]);
/* The same with commas, as in FTP (RFC 959); up to three digits, leading zeros are fine. */
static inline bool sl_text_ipv4_commas(struct sl_text *t, uint8_t addr[4]);
/*
 * An IPv6 address, any form of RFC 4291 2.2, including :: and a dotted quad at the end. Brackets,
 * prefix lengths and zones (%eth0) are the caller's. All hex digits, colons and dots that follow
 * belong to it, except one final dot (the end of a sentence).
 */
static inline bool sl_text_ipv6(struct sl_text *t, uint8_t addr[16]);

/* Binary fields, most significant byte first. v may be NULL: only step over it. */
static inline bool sl_text_u8(struct sl_text *t, uint8_t *v);
static inline bool sl_text_u16(struct sl_text *t, uint16_t *v);
static inline bool sl_text_u32(struct sl_text *t, uint32_t *v);
/* Exactly n bytes; sub may be NULL. */
static inline bool sl_text_bytes(struct sl_text *t, size_t n, struct sl_text *sub);

struct sl_out {
	char *at;    /* where the next character goes */
	char *end;   /* behind the last place */
	char *start; /* where the first went */
	bool full;   /* something did not fit; never unset */
};

/* Writes to `size` bytes at p. No NUL is appended; put '\0' as a character for one. */
static inline struct sl_out sl_out_of(void *p, size_t size)
{
	char *at = (char *)p;
	struct sl_out o = {at, size ? at + size : at, at, false};

	return o;
}

/* How many characters have been written. */
static inline size_t sl_out_len(const struct sl_out *o)
{
	return o->at == o->start ? 0 : (size_t)(o->at - o->start);
}

static inline void sl_text_put_char(struct sl_out *o, char c);
/* A C string. */
static inline void sl_text_put_str(struct sl_out *o, const char *s);
/* Binary fields, most significant byte first. */
static inline void sl_text_put_u16(struct sl_out *o, uint16_t v);
static inline void sl_text_put_u32(struct sl_out *o, uint32_t v);
/* Any n bytes. */
static inline void sl_text_put_bytes(struct sl_out *o, const void *p, size_t n);
/* What is unread of t. */
static inline void sl_text_put_text(struct sl_out *o, const struct sl_text *t);
/* Decimal, no padding. */
static inline void sl_text_put_uint(struct sl_out *o, uint64_t v);
/* Lower-case hexadecimal without 0x, at least `digits` (1..16) digits. */
static inline void sl_text_put_hex(struct sl_out *o, uint64_t v, unsigned digits);
static inline void sl_text_put_ipv4(struct sl_out *o, const uint8_t addr[4]);
/* 192,0,2,1 as FTP writes it. */
static inline void sl_text_put_ipv4_commas(struct sl_out *o, const uint8_t addr[4]);
/* The canonical form of RFC 5952; v4-mapped addresses (::ffff:0:0/96) as ::ffff:192.0.2.1. */
static inline void sl_text_put_ipv6(struct sl_out *o, const uint8_t addr[16]);

#include <sluice/text_inline.h>

#endif
