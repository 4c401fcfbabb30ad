/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BASE_MEM_H
#define SLUICE_BASE_MEM_H

#include <stdalign.h>
#include <string.h>

#include <sluice/mem.h>

/* `size` zeroed bytes at a multiple of `align` (a power of two), or NULL. */
static inline void *sl__alloc_aligned(const struct sl_mem *mem, size_t size, size_t align)
{
	void *p = mem->alloc(mem->ctx, size, align);

	return p ? memset(p, 0, size) : NULL;
}

/* `size` zeroed bytes, aligned for any type, or NULL. */
static inline void *sl__alloc(const struct sl_mem *mem, size_t size)
{
	return sl__alloc_aligned(mem, size, alignof(max_align_t));
}

/* Gives memory back; `size` as it was asked for. NULL is fine. */
static inline void sl__free(const struct sl_mem *mem, void *p, size_t size)
{
	if (p)
		mem->free(mem->ctx, p, size);
}

#endif
