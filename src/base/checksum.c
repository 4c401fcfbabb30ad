/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Internet checksum.
 *
 * Overview. One's complement addition does not care for byte order: words added in the machine's
 * order give the machine's order of the right sum (RFC 1071 2(B)). And it does not care for width:
 * 2^16, 2^32 and 2^64 are all 1 modulo 2^16 - 1. So the main loop adds 32 bytes a round as 32-bit
 * words into 64-bit sums, which cannot overflow below 2^32 words, and the result is folded and, on
 * little-endian machines, swapped once at the end.
 *
 * Limits. Lengths up to 16 GiB in one call, far beyond any packet.
 */
#include "base/checksum.h"

#include <string.h>

#include "base/wire.h"

static uint64_t load32(const uint8_t *p)
{
	uint32_t w;

	memcpy(&w, p, 4);
	return w;
}

/* The sum of len bytes in the machine's byte order, a final odd byte padded with a zero. */
static uint64_t sum_native(const uint8_t *p, size_t len)
{
	uint64_t a = 0, b = 0;
	uint8_t rest[4] = {0};

	for (; len >= 32; p += 32, len -= 32) {
		a += load32(p) + load32(p + 4) + load32(p + 8) + load32(p + 12);
		b += load32(p + 16) + load32(p + 20) + load32(p + 24) + load32(p + 28);
	}
	for (; len >= 4; p += 4, len -= 4)
		a += load32(p);
	if (len) {
		memcpy(rest, p, len);
		a += load32(rest);
	}
	return a + b;
}

static uint16_t fold64(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	return sl__sum_fold((uint32_t)sum);
}

/* The number that big-endian reading gives for a word kept in the machine's order. */
static uint16_t from_native(uint16_t w)
{
	return sl_get16(&w);
}

uint32_t sl__sum(const void *p, size_t len, uint32_t acc)
{
	return (uint32_t)sl__sum_fold(acc) + from_native(fold64(sum_native(p, len)));
}

uint32_t sl__sum_ipv4(const uint8_t src[4], const uint8_t dst[4], uint8_t proto, uint32_t len)
{
	uint32_t acc = proto + (len >> 16) + (len & 0xffff);

	return sl__sum(dst, 4, sl__sum(src, 4, acc));
}

uint32_t sl__sum_ipv6(const uint8_t src[16], const uint8_t dst[16], uint8_t proto, uint32_t len)
{
	uint32_t acc = proto + (len >> 16) + (len & 0xffff);

	return sl__sum(dst, 16, sl__sum(src, 16, acc));
}

uint16_t sl__csum_update_range(
        uint16_t csum, const void *from, const void *to, size_t len, bool odd)
{
	uint16_t was = sl__sum_fold(sl__sum(from, len, 0));
	uint16_t is = sl__sum_fold(sl__sum(to, len, 0));

	/* At an odd offset each byte counts in the other half of its word. */
	if (odd) {
		was = (uint16_t)(was << 8 | was >> 8);
		is = (uint16_t)(is << 8 | is >> 8);
	}
	return sl__csum_update16(csum, was, is);
}
