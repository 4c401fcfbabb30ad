/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BASE_SLAB_H
#define SLUICE_BASE_SLAB_H

/*
 * Objects of one size, named by 32-bit references that stay valid, like the objects' addresses,
 * until the object is put back. 0 names no object. See slab.c for how it works.
 *
 * Every operation takes constant time, however many objects there are; nothing is ever copied to
 * grow. Memory goes back to the allocator when chunks become empty.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/mem.h>

#define SL_SLAB_PAGES 64

struct sl_slab_chunk;

struct sl_slab {
	/* What sl__slab_at() reads. A page is an array of the object areas of its chunks. */
	uint32_t object_size; /* from one object to the next, in bytes */
	uint32_t object_mask; /* objects in a chunk - 1 */
	uint32_t page_mask;   /* chunks in a page - 1 */
	uint8_t object_bits, page_shift;
	/* The rest. */
	uint32_t count;                /* live objects */
	uint32_t max;                  /* most live objects */
	uint32_t chunk_end;            /* chunk numbers from here on have never been used */
	uint32_t vacant;               /* first of the chunk numbers free for use again, or NONE */
	struct sl_slab_chunk *partial; /* chunks with both live and free objects */
	struct sl_slab_chunk *spare;   /* at most one chunk that is all free */
	uint32_t chunks;               /* chunks that exist */
	uint32_t header_size;          /* of a chunk: its distance from its first object */
	struct sl_mem mem;
	char **page[SL_SLAB_PAGES];
};

/*
 * A slab for at most `max_objects` (1 .. 2^32 - 1 - objects_per_chunk) objects of `object_size`
 * bytes (at least 1) at multiples of `align` (a power of two up to 64). Chunks hold
 * `objects_per_chunk` objects, a power of two up to 2^20, and begin on a cache line of 64 bytes;
 * with 1, every object is an allocation of its own, which is for tests: failing allocation and
 * address checkers then see each object. The allocator table is copied. Allocates nothing.
 */
void sl__slab_init(struct sl_slab *slab, const struct sl_mem *mem, size_t object_size, size_t align,
        uint32_t objects_per_chunk, uint32_t max_objects);

/* Gives everything back, live objects too. */
void sl__slab_fini(struct sl_slab *slab);

/*
 * A zeroed object, and its reference in *ref. NULL, with *ref 0, when `max_objects` are live or
 * there is no memory.
 */
void *sl__slab_get(struct sl_slab *slab, uint32_t *ref);

/* Ends a live object. Its reference may be given to another one at once. */
void sl__slab_put(struct sl_slab *slab, uint32_t ref);

/* The object of a reference that sl__slab_get() gave and that is still live. Never NULL. */
static inline void *sl__slab_at(const struct sl_slab *slab, uint32_t ref)
{
	char **page = slab->page[ref >> slab->page_shift];
	char *objects = page[(ref >> slab->object_bits) & slab->page_mask];

	return objects + (size_t)(ref & slab->object_mask) * slab->object_size;
}

/* Whether a reference, from wherever it came, names a live object. */
bool sl__slab_live(const struct sl_slab *slab, uint32_t ref);

/*
 * Walks over the live objects in the order of their references. *cursor is 0 at first and is kept
 * by the caller. Returns the reference of the next live object; or 0 with *cursor != 0 when *budget
 * is used up, to go on in a later call with a new budget; or 0 with *cursor == 0 at the end.
 * The budget is at least 1 at first; a step of it covers a live object or up to 64 free ones or a
 * chunk that is not there.
 *
 *	uint32_t budget = 100, ref;
 *	while ((ref = sl__slab_next(slab, &cursor, &budget)))
 *		...
 *
 * Objects may come and go between calls, the current one included: one that lives throughout is
 * visited exactly once, one that came or went meanwhile at most once.
 */
uint32_t sl__slab_next(const struct sl_slab *slab, uint32_t *cursor, uint32_t *budget);

static inline uint32_t sl__slab_count(const struct sl_slab *slab)
{
	return slab->count;
}

/* How many objects the chunks that exist have room for. */
static inline uint64_t sl__slab_capacity(const struct sl_slab *slab)
{
	return (uint64_t)slab->chunks << slab->object_bits;
}

#endif
