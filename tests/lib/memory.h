/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory for tests: counted, filled with rubbish, and failing when it is told to. */
#ifndef TESTS_LIB_MEMORY_H
#define TESTS_LIB_MEMORY_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/mem.h>

struct memory {
	long held;
	unsigned long calls, fail_at; /* 0: never */
	bool lasting;                 /* all later ones fail too */
};

static inline void *memory_get(void *ctx, size_t size, size_t align)
{
	struct memory *m = ctx;
	void *p;

	if (++m->calls == m->fail_at || (m->lasting && m->fail_at && m->calls > m->fail_at))
		return NULL;
	p = aligned_alloc(align, (size + align - 1) / align * align);
	if (!p)
		abort();
	memset(p, 0xa5, size);
	m->held += (long)size;
	return p;
}

static inline void memory_give(void *ctx, void *p, size_t size)
{
	((struct memory *)ctx)->held -= (long)size;
	free(p);
}

/* The same numbers each time (xorshift). */
static inline uint32_t next_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

#endif
