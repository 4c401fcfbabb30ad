/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BASE_BYTES_H
#define SLUICE_BASE_BYTES_H

/*
 * A checked cursor over binary protocol data. Reading past the end gives 0, moves the cursor to
 * the end and sets `bad` for good, so a parser may read a whole header and ask sl_bytes_ok() once.
 *
 * The cursor borrows the bytes; it owns nothing. Zero-filled, it is an empty range.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/wire.h"

struct sl_bytes {
	const uint8_t *at;  /* next byte to be read */
	const uint8_t *end; /* behind the last one */
	bool bad;           /* somebody asked for more than there was; never unset */
};

static inline struct sl_bytes sl_bytes_of(const void *p, size_t len)
{
	const uint8_t *at = p;

	return (struct sl_bytes){at, len ? at + len : at, false};
}

static inline bool sl_bytes_ok(const struct sl_bytes *b)
{
	return !b->bad;
}

/* How many bytes are unread; 0 once the cursor is bad. */
static inline size_t sl_bytes_left(const struct sl_bytes *b)
{
	return b->at == b->end ? 0 : (size_t)(b->end - b->at);
}

/* Steps over n bytes and returns where they began; NULL, and bad, if there are fewer. */
static inline const uint8_t *sl_bytes_pass(struct sl_bytes *b, size_t n)
{
	const uint8_t *p = b->at;

	if (b->bad || n > sl_bytes_left(b)) {
		b->at = b->end;
		b->bad = true;
		return NULL;
	}
	if (n)
		b->at += n;
	return p;
}

static inline void sl_bytes_skip(struct sl_bytes *b, size_t n)
{
	(void)sl_bytes_pass(b, n);
}

static inline uint8_t sl_bytes_u8(struct sl_bytes *b)
{
	const uint8_t *p = sl_bytes_pass(b, 1);

	return p ? *p : 0;
}

static inline uint16_t sl_bytes_u16(struct sl_bytes *b)
{
	const uint8_t *p = sl_bytes_pass(b, 2);

	return p ? sl_get16(p) : 0;
}

static inline uint32_t sl_bytes_u32(struct sl_bytes *b)
{
	const uint8_t *p = sl_bytes_pass(b, 4);

	return p ? sl_get32(p) : 0;
}

/*
 * Hands the next n bytes out as a cursor of their own. If there are fewer, both cursors are bad
 * and `sub` is empty.
 */
static inline void sl_bytes_take(struct sl_bytes *b, size_t n, struct sl_bytes *sub)
{
	const uint8_t *p = sl_bytes_pass(b, n);

	*sub = sl_bytes_of(b->bad ? b->end : p, b->bad ? 0 : n);
	sub->bad = b->bad;
}

#endif
