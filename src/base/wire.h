/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BASE_WIRE_H
#define SLUICE_BASE_WIRE_H

/*
 * Big-endian numbers at any address. None of these checks a bound: they are for headers whose
 * length has been verified; bytes.h has the checked cursor. Compilers make one load and one byte
 * swap of each.
 */
#include <stdint.h>

static inline uint16_t sl_get16(const void *p)
{
	const uint8_t *b = p;

	return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t sl_get32(const void *p)
{
	const uint8_t *b = p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline uint64_t sl_get64(const void *p)
{
	const uint8_t *b = p;

	return (uint64_t)sl_get32(b) << 32 | sl_get32(b + 4);
}

static inline void sl_put16(void *p, uint16_t v)
{
	uint8_t *b = p;

	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static inline void sl_put32(void *p, uint32_t v)
{
	uint8_t *b = p;

	b[0] = (uint8_t)(v >> 24);
	b[1] = (uint8_t)(v >> 16);
	b[2] = (uint8_t)(v >> 8);
	b[3] = (uint8_t)v;
}

static inline void sl_put64(void *p, uint64_t v)
{
	uint8_t *b = p;

	sl_put32(b, (uint32_t)(v >> 32));
	sl_put32(b + 4, (uint32_t)v);
}

#endif
