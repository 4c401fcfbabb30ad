/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BASE_CHECKSUM_H
#define SLUICE_BASE_CHECKSUM_H

/*
 * The Internet checksum (RFC 1071), its incremental update (RFC 1624), and CRC32c for SCTP.
 *
 * A running sum (`acc`) is a plain number: the 16-bit words of the data, read big-endian, added up.
 * So lengths and protocol numbers are simply added to it. It holds at least 65,000 further words
 * added by hand before it must be folded; sl__sum() folds what it is given. Begin with 0.
 *
 *	acc = sl__sum_ipv4(src, dst, 17, udp_len) and then sl__sum(udp, udp_len, acc);
 *	sl__sum_fold(acc) == 0xffff             the stored checksum is right
 *	sl_put16(udp + 6, sl__csum(acc))        with the field zero while summing
 *
 * Checksums are passed as the number that sl_get16() reads from the packet.
 *
 * The rule of UDP is left to the caller: over IPv4 a stored 0 means "none", it is not checked and
 * must stay 0 under translation; a computed 0 is stored as 0xffff (RFC 768, RFC 8200 8.1). The
 * updates below give what a computation from scratch gives, except for data that became all zero
 * (0 instead of 0xffff), which no packet with its pseudo-header is.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Adds len bytes at p (any alignment) to acc. An odd last byte counts as a word's upper half, so in
 * a chain of calls only the last may have an odd length.
 */
uint32_t sl__sum(const void *p, size_t len, uint32_t acc);

/* The sum of a pseudo-header: addresses in network order, protocol, upper-layer length. */
uint32_t sl__sum_ipv4(const uint8_t src[4], const uint8_t dst[4], uint8_t proto, uint32_t len);
uint32_t sl__sum_ipv6(const uint8_t src[16], const uint8_t dst[16], uint8_t proto, uint32_t len);

/*
 * For short runs of known length, straight in the code: the sum of `words` 32-bit words in the
 * machine's order, and of their complements. A sum of both kinds, what is there now and the complements
 * of what was there, is what an update adds to the complement of a checksum. Thousands may be added.
 */
static inline uint64_t sl__sum_native(const void *p, unsigned words, uint64_t acc)
{
	const uint8_t *at = p;

	for (unsigned i = 0; i < words; i++) {
		uint32_t w;

		memcpy(&w, at + 4 * i, 4);
		acc += w;
	}
	return acc;
}

static inline uint64_t sl__sum_native_gone(const void *p, unsigned words, uint64_t acc)
{
	const uint8_t *at = p;

	for (unsigned i = 0; i < words; i++) {
		uint32_t w;

		memcpy(&w, at + 4 * i, 4);
		acc += ~w;
	}
	return acc;
}

static inline uint16_t sl__sum_native_fold(uint64_t acc)
{
	acc = (acc & 0xffffffff) + (acc >> 32); /* at most 33 bits */
	acc = (acc & 0xffff) + (acc >> 16);     /* 18 */
	acc = (acc & 0xffff) + (acc >> 16);     /* 17 */
	return (uint16_t)((acc & 0xffff) + (acc >> 16));
}

/* Update the checksum at p by such a sum. */
static inline void sl__csum_native_add(void *p, uint64_t acc)
{
	uint16_t csum;

	memcpy(&csum, p, 2);
	csum = (uint16_t)~sl__sum_native_fold(acc + (uint16_t)~csum);
	memcpy(p, &csum, 2);
}

/* Down to 16 bits with end-around carry. */
static inline uint16_t sl__sum_fold(uint32_t acc)
{
	acc = (acc & 0xffff) + (acc >> 16);
	acc = (acc & 0xffff) + (acc >> 16);
	return (uint16_t)acc;
}

/* The checksum: the complement of the folded sum. */
static inline uint16_t sl__csum(uint32_t acc)
{
	return (uint16_t)~sl__sum_fold(acc);
}

/* The checksum after a 16-bit word at an even offset went from `from` to `to`. RFC 1624 eqn. 3. */
static inline uint16_t sl__csum_update16(uint16_t csum, uint16_t from, uint16_t to)
{
	return sl__csum((uint32_t)(uint16_t)~csum + (uint16_t)~from + to);
}

/* The same for a 32-bit word at an even offset. */
static inline uint16_t sl__csum_update32(uint16_t csum, uint32_t from, uint32_t to)
{
	uint32_t gone = ~from;

	return sl__csum((uint32_t)(uint16_t)~csum + (gone >> 16) + (gone & 0xffff) + (to >> 16) +
	                (to & 0xffff));
}

/*
 * The checksum after the `len` bytes `from` became the `len` bytes `to`. `odd` tells whether the
 * range began at an odd offset of the summed data. Any length will do.
 */
uint16_t sl__csum_update_range(
        uint16_t csum, const void *from, const void *to, size_t len, bool odd);

/*
 * CRC32c (Castagnoli; RFC 9260 appendix A) of len bytes at p. Begin with crc 0; the result of one
 * part is the `crc` of the next. SCTP stores it least significant byte first, with the field itself
 * zero while summing.
 */
uint32_t sl__crc32c(const void *p, size_t len, uint32_t crc);

#endif
