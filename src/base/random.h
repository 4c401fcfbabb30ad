/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BASE_RANDOM_H
#define SLUICE_BASE_RANDOM_H

/*
 * Numbers that nobody without the seed can predict, and the same numbers each time with it: SipHash
 * over a counter. One stream belongs to one engine; the embedder gives the seed.
 */
#include <stddef.h>
#include <stdint.h>

struct sl_random {
	uint8_t seed[16];
	uint64_t counter; /* of 64-bit blocks made so far */
	uint32_t kept;    /* second half of a block, if has_kept */
	uint32_t has_kept;
};

/* SipHash-2-4 (Aumasson and Bernstein, 2012) of len bytes under a 128-bit key. */
uint64_t sl__siphash(const uint8_t key[16], const void *p, size_t len);

void sl__random_init(struct sl_random *random, const uint8_t seed[16]);
uint64_t sl__random_u64(struct sl_random *random);
uint32_t sl__random_u32(struct sl_random *random);
/* 0..n-1, each equally likely; 0 for n = 0. */
uint32_t sl__random_below(struct sl_random *random, uint32_t n);

#endif
