/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_ORDER_H
#define SLUICE_IO_ORDER_H

/*
 * Numbers in the byte order of the machine that wrote a capture, which the
 * capture itself names. No bounds are checked, as in base/wire.h.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/wire.h"

static inline uint16_t sl__swap16(uint16_t v)
{
	return (uint16_t)(v << 8 | v >> 8);
}

static inline uint32_t sl__swap32(uint32_t v)
{
	return (uint32_t)sl__swap16((uint16_t)v) << 16 | sl__swap16((uint16_t)(v >> 16));
}

static inline uint16_t sl__order_get16(bool big_endian, const void *p)
{
	return big_endian ? sl_get16(p) : sl__swap16(sl_get16(p));
}

static inline uint32_t sl__order_get32(bool big_endian, const void *p)
{
	return big_endian ? sl_get32(p) : sl__swap32(sl_get32(p));
}

static inline uint64_t sl__order_get64(bool big_endian, const void *p)
{
	uint64_t first = sl__order_get32(big_endian, p);
	uint64_t second = sl__order_get32(big_endian, (const uint8_t *)p + 4);

	return big_endian ? first << 32 | second : second << 32 | first;
}

static inline void sl__order_put16(bool big_endian, void *p, uint16_t v)
{
	sl_put16(p, big_endian ? v : sl__swap16(v));
}

static inline void sl__order_put32(bool big_endian, void *p, uint32_t v)
{
	sl_put32(p, big_endian ? v : sl__swap32(v));
}

#endif
