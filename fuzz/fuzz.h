/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_FUZZ_H
#define SLUICE_FUZZ_H

/* What every fuzz target includes; see README.md. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise of the code under test; a broken one is a find. */
#define FUZZ_CHECK(promise) ((promise) ? (void)0 : abort())

/* A copy whose end is the end of its memory, so that one byte too far is seen. To be freed. */
static inline uint8_t *fuzz_copy(const void *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	FUZZ_CHECK(copy);
	if (len)
		memcpy(copy, data, len);
	return copy;
}

/*
 * Called by each target with what the code under test hands out at its deepest
 * place. Usually it does nothing; with -DSL_PLANT_BUG it is a bug that waits for
 * the right input: a byte is read too far if the data begin with "slui".
 * scripts/fuzz-planted.sh proves that each target gets there, and that what it
 * finds is reported.
 *
 * The comparison is a real call of memcmp(), not what compilers make of one:
 * libFuzzer watches those and tries the other side's bytes. With plain branches
 * the right byte at the right place is left to luck, for minutes.
 */
static inline void fuzz_plant(const void *data, size_t len)
{
#ifdef SL_PLANT_BUG
	int (*volatile compare)(const void *, const void *, size_t) = memcmp;
	volatile uint8_t seen = 0;
	uint8_t *volatile copy; /* or the compiler sees through it where len is a constant */

	if (len < 4 || compare(data, "slui", 4) != 0)
		return;
	copy = fuzz_copy(data, len);
	seen = copy[len];
	free(copy);
	(void)seen;
#else
	(void)data;
	(void)len;
#endif
}

#endif
