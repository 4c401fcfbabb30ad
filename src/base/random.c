/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SipHash-2-4 and the stream of numbers made with it.
 *
 * SipHash is a keyed function that nobody without the key can tell from a random one, so its values
 * at 0, 1, 2, ... are a stream that cannot be predicted from the values seen. The stream is not
 * meant to stay secret after its seed is lost (no forward secrecy): it chooses hash keys, ports and
 * initial sequence numbers, not session keys.
 *
 * Numbers below n without bias: a 32-bit number times n has its upper word in 0..n-1; the few
 * values whose lower word would make some results more frequent are drawn again (Lemire, "Fast
 * random integer generation in an interval", 2019). Fewer than half of all draws are, usually none.
 */
#include "base/random.h"

#include <string.h>

/* SipHash reads little-endian. */
static uint64_t load_le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n)
		v = v << 8 | p[--n];
	return v;
}

static uint64_t rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void rounds(uint64_t v[4], unsigned n)
{
	while (n--) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

static void compress(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	rounds(v, 2);
	v[0] ^= word;
}

uint64_t sl__siphash(const uint8_t key[16], const void *p, size_t len)
{
	const uint8_t *b = p;
	uint64_t k0 = load_le(key, 8), k1 = load_le(key + 8, 8);
	uint64_t v[4] = {
	        k0 ^ 0x736f6d6570736575, /* "somepseudorandomlygeneratedbytes" */
	        k1 ^ 0x646f72616e646f6d,
	        k0 ^ 0x6c7967656e657261,
	        k1 ^ 0x7465646279746573,
	};
	uint64_t last = (uint64_t)len << 56;

	for (; len >= 8; b += 8, len -= 8)
		compress(v, load_le(b, 8));
	compress(v, last | load_le(b, len));
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void sl__random_init(struct sl_random *random, const uint8_t seed[16])
{
	memset(random, 0, sizeof(*random));
	memcpy(random->seed, seed, sizeof(random->seed));
}

uint64_t sl__random_u64(struct sl_random *random)
{
	uint8_t block[8];
	uint64_t n = random->counter++;

	/* Byte by byte, so that a seed gives the same numbers on every machine. */
	for (unsigned i = 0; i < 8; i++)
		block[i] = (uint8_t)(n >> 8 * i);
	return sl__siphash(random->seed, block, sizeof(block));
}

uint32_t sl__random_u32(struct sl_random *random)
{
	uint64_t block;

	if (random->has_kept) {
		random->has_kept = 0;
		return random->kept;
	}
	block = sl__random_u64(random);
	random->kept = (uint32_t)(block >> 32);
	random->has_kept = 1;
	return (uint32_t)block;
}

uint32_t sl__random_below(struct sl_random *random, uint32_t n)
{
	uint64_t product = (uint64_t)sl__random_u32(random) * n;
	uint32_t unfair;

	if ((uint32_t)product >= n)
		return (uint32_t)(product >> 32);
	/* 2^32 mod n results too many begin with a lower word below this. */
	unfair = n ? (0u - n) % n : 0;
	while ((uint32_t)product < unfair)
		product = (uint64_t)sl__random_u32(random) * n;
	return (uint32_t)(product >> 32);
}
