/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BASE_BITS_H
#define SLUICE_BASE_BITS_H

/* The number of the lowest, of the highest bit that is set; bits is not 0. And how many are set. */
#include <stdint.h>

static inline unsigned sl__lowest_bit(uint64_t bits)
{
#if defined(__GNUC__)
	return (unsigned)__builtin_ctzll(bits);
#else
	unsigned n = 0;

	for (unsigned half = 32; half; half /= 2) {
		if (bits << (64 - half) == 0) {
			bits >>= half;
			n += half;
		}
	}
	return n;
#endif
}

static inline unsigned sl__highest_bit(uint64_t bits)
{
#if defined(__GNUC__)
	return 63 ^ (unsigned)__builtin_clzll(bits);
#else
	unsigned n = 0;

	while (bits >>= 1)
		n++;
	return n;
#endif
}

static inline unsigned sl__count_bits(uint32_t bits)
{
	bits -= bits >> 1 & 0x55555555;
	bits = (bits & 0x33333333) + (bits >> 2 & 0x33333333);
	bits = (bits + (bits >> 4)) & 0x0f0f0f0f;
	return bits * 0x01010101 >> 24;
}

#endif
