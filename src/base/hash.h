/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BASE_HASH_H
#define SLUICE_BASE_HASH_H

/*
 * The keyed hash of the tables: multilinear hashing (Lemire and Kaser, "Strongly universal string
 * hashing is fast", 2014). With secret 64-bit keys k and 32-bit words w,
 *
 *	h = k[0] + k[1] w[0] + k[2] w[1] + ...   (mod 2^64)
 *
 * Its cost is one multiplication a word, none waiting for another. What is guaranteed, over the
 * choice of keys, for any two different inputs of the same length, however an attacker chose them
 * without having seen hashes:
 *
 * - the upper 32 bits of the result are uniform and pairwise independent (strongly universal): any
 *   b of them collide with probability 2^-b exactly;
 * - the same holds for the lower 32 bits taken by themselves;
 * - all 64 bits together collide with probability at most 2^-33.
 *
 * Why: let the inputs differ in word i by d = odd * 2^t, t < 32. Then the sums differ by
 * D = K * 2^t + (terms independent of k[i]) with K uniform, so the upper half of D is uniform even
 * when its lower half is known; and k[0] makes the first sum itself uniform, independent of D.
 * Folding the upper half into the lower, and a bijection on either half, keep all of that. The
 * bijections are there because sums of consecutive words lie at equal distances, which some users
 * of a hash would see as patterns.
 *
 * Take the bucket from one half and the tag from the other. Inputs of different lengths are not
 * kept apart: put the length, or what it means, into a word.
 */
#include <stdint.h>

#include "base/random.h"

#define SL_HASH_MAX_WORDS 13

struct sl_hash_key {
	uint64_t k[SL_HASH_MAX_WORDS + 1];
};

static inline void sl__hash_key_init(struct sl_hash_key *key, struct sl_random *random)
{
	for (unsigned i = 0; i <= SL_HASH_MAX_WORDS; i++)
		key->k[i] = sl__random_u64(random);
}

/* A bijection on 32 bits: each step can be undone, the multiplier being odd. */
static inline uint32_t sl__hash_mix32(uint32_t x, uint32_t odd)
{
	x ^= x >> 16;
	x *= odd;
	return x ^ x >> 15;
}

static inline uint64_t sl__hash_finish(uint64_t h)
{
	uint32_t high = (uint32_t)(h >> 32);
	uint32_t low = (uint32_t)h ^ high;

	return (uint64_t)sl__hash_mix32(high, 0x9e3779b1u) << 32 | sl__hash_mix32(low, 0x85ebca77u);
}

static inline uint64_t sl__hash_4(const struct sl_hash_key *key, const uint32_t *w)
{
	const uint64_t *k = key->k;

	return k[0] + k[1] * w[0] + k[2] * w[1] + k[3] * w[2] + k[4] * w[3];
}

/*
 * The hash of n words, n <= SL_HASH_MAX_WORDS. With a constant n of 4 (an IPv4 tuple: two
 * addresses, ports, protocol and zone) or 10 (the same of IPv6) it is straight code without a loop.
 */
static inline uint64_t sl__hash_words(const struct sl_hash_key *key, const uint32_t *w, unsigned n)
{
	const uint64_t *k = key->k;
	uint64_t h;

	if (n == 4)
		return sl__hash_finish(sl__hash_4(key, w));
	if (n == 10)
		return sl__hash_finish(sl__hash_4(key, w) + k[5] * w[4] + k[6] * w[5] +
		                       k[7] * w[6] + k[8] * w[7] + k[9] * w[8] + k[10] * w[9]);
	h = k[0];
	for (unsigned i = 0; i < n; i++)
		h += k[i + 1] * w[i];
	return sl__hash_finish(h);
}

#endif
