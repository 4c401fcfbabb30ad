/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BASE_CODEC_H
#define SLUICE_BASE_CODEC_H

/*
 * Writing and reading a layout that is spelled once: each call writes its value when the codec
 * writes, and sets it when it reads. Numbers are big-endian.
 *
 * Writing never fails: what does not fit is left out and only counted in `used`, so that a first
 * run without room tells the size. Reading past the end gives zeros and sets `bad` for good.
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/wire.h"

struct sl_codec {
	bool reading;
	bool bad;          /* reading: there was less than asked for, or something impossible */
	const uint8_t *in; /* reading: what is left, in .. end */
	const uint8_t *end;
	uint8_t *out; /* writing: room bytes there, used of them needed so far */
	size_t room, used;
};

static inline struct sl_codec sl__codec_writer(void *out, size_t room)
{
	return (struct sl_codec){.out = out, .room = room};
}

static inline struct sl_codec sl__codec_reader(const void *in, size_t len)
{
	const uint8_t *at = in;

	return (struct sl_codec){.reading = true, .in = at, .end = len ? at + len : at};
}

/* Reading: the next n bytes, where they lie; NULL, and bad, if there are fewer. */
static inline const uint8_t *sl__codec_pass(struct sl_codec *c, size_t n)
{
	const uint8_t *at = c->in;

	if (c->bad || n > (size_t)(c->end - at)) {
		c->bad = true;
		return NULL;
	}
	c->in = at + n;
	return at;
}

/* Writing: the place of the next n bytes; NULL if they do not fit. */
static inline uint8_t *sl__codec_place(struct sl_codec *c, size_t n)
{
	uint8_t *at = c->used <= c->room && n <= c->room - c->used ? c->out + c->used : NULL;

	c->used += n;
	return at;
}

static inline void sl__codec_bytes(struct sl_codec *c, void *bytes, size_t n)
{
	const uint8_t *from;
	uint8_t *to;

	if (!n)
		return;
	if (c->reading) {
		from = sl__codec_pass(c, n);
		if (from)
			memcpy(bytes, from, n);
		else
			memset(bytes, 0, n);
		return;
	}
	to = sl__codec_place(c, n);
	if (to)
		memcpy(to, bytes, n);
}

static inline void sl__codec_u8(struct sl_codec *c, uint8_t *v)
{
	sl__codec_bytes(c, v, 1);
}

static inline void sl__codec_bool(struct sl_codec *c, bool *v)
{
	uint8_t byte = *v;

	sl__codec_u8(c, &byte);
	*v = byte != 0;
	c->bad = c->bad || byte > 1;
}

static inline void sl__codec_u16(struct sl_codec *c, uint16_t *v)
{
	uint8_t b[2];

	sl_put16(b, *v);
	sl__codec_bytes(c, b, sizeof(b));
	*v = sl_get16(b);
}

static inline void sl__codec_u32(struct sl_codec *c, uint32_t *v)
{
	uint8_t b[4];

	sl_put32(b, *v);
	sl__codec_bytes(c, b, sizeof(b));
	*v = sl_get32(b);
}

static inline void sl__codec_u64(struct sl_codec *c, uint64_t *v)
{
	uint8_t b[8];

	sl_put64(b, *v);
	sl__codec_bytes(c, b, sizeof(b));
	*v = sl_get64(b);
}

/* Reading: what was read is impossible. */
static inline void sl__codec_require(struct sl_codec *c, bool holds)
{
	c->bad = c->bad || (c->reading && !holds);
}

#endif
