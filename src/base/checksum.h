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
 * For short runs of known length, straight in the code: sums of words in the machine's order, with
 * end-around carry at 64 bits, so that any words of up to 64 bits may be added. A sum of words that
 * are there now and of the complements of those that were there before is what an update adds to the
 * complement of a checksum. Only a sum of nothing but zeros is 0.
 */
static inline uint64_t sl__sum_carry(uint64_t acc, uint64_t word)
{
	acc += word;
	return acc + (acc < word);
}

/* Adds `words` 32-bit words; XORed with `mask` first: 0 as they are, UINT64_MAX their complements. */
static inline uint64_t sl__sum_masked(const void *p, unsigned words, uint64_t mask, uint64_t acc)
{
	const uint8_t *at = p;
	uint64_t two;
	uint32_t one;

	for (; words >= 2; words -= 2, at += 8) {
		memcpy(&two, at, 8);
		acc = sl__sum_carry(acc, two ^ mask);
	}
	if (words) {
		memcpy(&one, at, 4);
		acc = sl__sum_carry(acc, one ^ (uint32_t)mask);
	}
	return acc;
}

static inline uint64_t sl__sum_native(const void *p, unsigned words, uint64_t acc)
{
	return sl__sum_masked(p, words, 0, acc);
}

static inline uint64_t sl__sum_native_gone(const void *p, unsigned words, uint64_t acc)
{
	return sl__sum_masked(p, words, UINT64_MAX, acc);
}

/* Both halves are added, with the carry that goes out above coming in below; then both of these. */
static inline uint16_t sl__sum_native_fold(uint64_t acc)
{
	uint32_t half = (uint32_t)((acc + (acc << 32 | acc >> 32)) >> 32);

	return (uint16_t)((half + (half << 16 | half >> 16)) >> 16);
}

/* Update the checksum at p by such a sum. */
static inline void sl__csum_native_add(void *p, uint64_t acc)
{
	uint16_t csum;

	memcpy(&csum, p, 2);
	csum = (uint16_t)~sl__sum_native_fold(sl__sum_carry(acc, (uint16_t)~csum));
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
