/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CRC32c, a byte at a time by a table of 256 words.
 *
 * The table is made by the compiler: the CRC is linear over GF(2), so the entry of a byte is the
 * exclusive or of the entries of its bits. Those eight come from the polynomial 0x1edc6f41 by
 * repeated halving in reflected form: BIT(7) is the reflected polynomial itself, and each further
 * one is the one before shifted right, with the polynomial added if a one fell out. The unit test
 * computes all 256 from the definition.
 */
#include "base/checksum.h"

#define BIT(i, n, word) (((i) >> (n)) & 1 ? word : 0)
#define ENTRY(i)                                                                                   \
	(BIT(i, 7, 0x82f63b78u) ^ BIT(i, 6, 0x417b1dbcu) ^ BIT(i, 5, 0x20bd8edeu) ^                \
	        BIT(i, 4, 0x105ec76fu) ^ BIT(i, 3, 0x8ad958cfu) ^ BIT(i, 2, 0xc79a971fu) ^         \
	        BIT(i, 1, 0xe13b70f7u) ^ BIT(i, 0, 0xf26b8303u))
#define ROW4(i)  ENTRY(i), ENTRY(i + 1), ENTRY(i + 2), ENTRY(i + 3)
#define ROW16(i) ROW4(i), ROW4(i + 4), ROW4(i + 8), ROW4(i + 12)
#define ROW64(i) ROW16(i), ROW16(i + 16), ROW16(i + 32), ROW16(i + 48)

static const uint32_t table[256] = {ROW64(0), ROW64(64), ROW64(128), ROW64(192)};

uint32_t sl__crc32c(const void *p, size_t len, uint32_t crc)
{
	const uint8_t *b = p;

	crc = ~crc;
	for (size_t i = 0; i < len; i++)
		crc = table[(crc ^ b[i]) & 0xff] ^ crc >> 8;
	return ~crc;
}
