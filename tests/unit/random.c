/* SPDX-License-Identifier: BSD-2-Clause */
/* SipHash's published vectors, the stream, and the keyed hash made from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/random.h"

static const uint8_t key[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* Key and message are 00 01 02 ...; lengths 0..8 of the reference's list, and the paper's 15. */
static void test_siphash_vectors(void **state)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} rows[] = {
	        {0, 0x726fdb47dd0e0e31},
	        {1, 0x74f839c593dc67fd},
	        {2, 0x0d6c8009d9a94f5a},
	        {3, 0x85676696d7fb7e2d},
	        {4, 0xcf2794e0277187b7},
	        {5, 0x18765564cd99a68d},
	        {6, 0xcbc9466e58fee3ce},
	        {7, 0xab0200f58b01d137},
	        {8, 0x93f5f5799a932462},
	        {15, 0xa129ca6149be45e5},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(sl__siphash(key, key, rows[i].len) == rows[i].hash);
}

static void test_stream(void **state)
{
	const uint8_t zero[8] = {0}, one[8] = {1};
	struct sl_random a, b;
	uint64_t first = sl__siphash(key, zero, 8);

	(void)state;
	sl__random_init(&a, key);
	sl__random_init(&b, key);
	assert_int_equal(sl__random_u32(&a), (uint32_t)first);
	assert_int_equal(sl__random_u32(&a), (uint32_t)(first >> 32));
	assert_true(sl__random_u64(&a) == sl__siphash(key, one, 8));
	for (unsigned i = 0; i < 2; i++)
		sl__random_u32(&b);
	sl__random_u64(&b);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(sl__random_below(&a, i), sl__random_below(&b, i));
}

/* Chi-squared over 3 and 1000 results; and a range that scaling alone makes uneven. */
static void test_below(void **state)
{
	static const struct {
		uint32_t n;
		double limit; /* far in the tail: about 7 standard deviations over the mean */
	} rows[] = {{3, 30}, {1000, 1320}};
	uint32_t wide = 0xc0000000, thirds = 0;
	struct sl_random random;

	(void)state;
	sl__random_init(&random, key);
	for (size_t r = 0; r < 2; r++) {
		uint32_t counts[1000] = {0}, draws = 200000;
		double chi2 = 0, mean = (double)draws / rows[r].n;

		for (uint32_t i = 0; i < draws; i++) {
			uint32_t v = sl__random_below(&random, rows[r].n);

			assert_true(v < rows[r].n);
			counts[v]++;
		}
		for (uint32_t i = 0; i < rows[r].n; i++)
			chi2 += (counts[i] - mean) * (counts[i] - mean) / mean;
		assert_true(chi2 < rows[r].limit);
	}
	/* Scaled without drawing again, every third result would be twice as likely as the others.
	 */
	for (unsigned i = 0; i < 30000; i++)
		thirds += sl__random_below(&random, wide) % 3 == 0;
	assert_in_range(thirds, 9500, 10500);
	assert_int_equal(sl__random_below(&random, 0), 0);
	assert_int_equal(sl__random_below(&random, 1), 0);
}

/* The unrolled lengths compute what the loop computes. */
static void test_hash_forms(void **state)
{
	struct sl_random random;
	struct sl_hash_key k;
	uint32_t w[SL_HASH_MAX_WORDS] = {0};

	(void)state;
	sl__random_init(&random, key);
	sl__hash_key_init(&k, &random);
	for (unsigned n = 0; n <= SL_HASH_MAX_WORDS; n++) {
		uint64_t h = k.k[0];

		for (unsigned i = 0; i < n; i++) {
			w[i] = sl__random_u32(&random);
			h += k.k[i + 1] * w[i];
		}
		assert_true(sl__hash_words(&k, w, n) == sl__hash_finish(h));
	}
}

/*
 * Inputs that differ in one bit only, over many keys: any 8 bits of the hash must collide about one
 * time in 256, the bit being the last of the sum's strong ones or the first.
 */
static void test_hash_collisions(void **state)
{
	struct sl_random random;

	(void)state;
	sl__random_init(&random, key);
	for (unsigned bit = 0; bit < 32; bit += 31) {
		unsigned collisions[8] = {0};

		for (unsigned n = 0; n < 25600; n++) {
			uint32_t a[4] = {0xc0000201, 0xc6336401, 0x00501f90, 6};
			struct sl_hash_key k;
			uint64_t h;

			sl__hash_key_init(&k, &random);
			h = sl__hash_words(&k, a, 4);
			a[2] ^= 1u << bit;
			h ^= sl__hash_words(&k, a, 4);
			for (unsigned byte = 0; byte < 8; byte++)
				collisions[byte] += !(h >> 8 * byte & 0xff);
		}
		for (unsigned byte = 0; byte < 8; byte++)
			assert_in_range(collisions[byte], 40, 170); /* 100 +- 6 sigma */
	}
}

/* The ports of one pair of hosts fill a table as random numbers would, or better. */
static void test_hash_consecutive(void **state)
{
	struct sl_random random;

	(void)state;
	sl__random_init(&random, key);
	for (unsigned trial = 0; trial < 50; trial++) {
		uint32_t w[4] = {0xc0000201, 0xc6336401, 0, 6};
		uint8_t load[2][4096] = {{0}};
		struct sl_hash_key k;
		unsigned most = 0;

		sl__hash_key_init(&k, &random);
		for (uint32_t port = 0; port < 4096; port++) {
			uint64_t h;

			w[2] = port << 16 | 80;
			h = sl__hash_words(&k, w, 4);
			load[0][h >> 52]++;
			load[1][h & 4095]++;
		}
		for (unsigned i = 0; i < 2 * 4096; i++)
			most = load[i / 4096][i % 4096] > most ? load[i / 4096][i % 4096] : most;
		assert_true(most < 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_siphash_vectors),
	        cmocka_unit_test(test_stream),
	        cmocka_unit_test(test_below),
	        cmocka_unit_test(test_hash_forms),
	        cmocka_unit_test(test_hash_collisions),
	        cmocka_unit_test(test_hash_consecutive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
