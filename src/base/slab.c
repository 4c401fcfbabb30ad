/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects of one size, named by 32-bit references.
 *
 * Overview. A reference is a number, cut in three:
 *
 *	| page | chunk in page | object in chunk |
 *
 * `slab->page[]` (64 entries, in the slab itself) leads to a page, an array of pointers; these lead
 * to the objects of a chunk; so finding an object takes two loads. How many chunks a page has is
 * settled at init, for the whole of `max_objects` to fit in 64 pages. The directory therefore grows
 * a page at a time and nothing is ever copied. Reference 0 means none; the place is never used.
 *
 * A chunk is one allocation: a header with its own free list and a bitmap of the live objects, then
 * the objects, from a cache line on. Objects that were never used are not on the free list but
 * counted from `fresh`, so that making a chunk does not touch them. A free object's first four
 *bytes name the next free one: last in, first out, for those are still in the cache.
 *
 * Chunks with both live and free objects are in the list `partial`, new objects come from its
 *first; a chunk stays there as long as it can serve, so that the others have a chance to run empty.
 *Of the chunks that are all free one is kept, as `spare`; the next one to become empty is given
 *back. So a population that swings about a chunk's border does not allocate at each swing. The
 *number of a chunk that was given back goes on the list `vacant`, which runs through a second array
 *in the page, and is used again before a new one.
 *
 * Ownership. The slab owns chunks and pages. Pages are kept until fini.
 *
 * Limits. The header asks that objects of a chunk number a power of two. 2^32 - 1 references, minus
 * a chunk.
 */
#include "base/slab.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

#define CACHE_LINE      64
#define NONE            UINT32_MAX
#define PAGE_CHUNKS_MIN 64

struct sl_slab_chunk {
	struct sl_slab_chunk *next, *prev; /* in `partial` */
	uint32_t number;
	uint32_t live;  /* objects */
	uint32_t fresh; /* objects from here on were never used */
	uint32_t free;  /* first free object's reference, or 0 */
	uint64_t bitmap[];
};

static uint32_t objects_per_chunk(const struct sl_slab *slab)
{
	return slab->object_mask + 1;
}

static uint32_t page_chunks(const struct sl_slab *slab)
{
	return slab->page_mask + 1;
}

/* In which page a chunk is; the number of chunks there is a power of two. */
static uint32_t page_of(const struct sl_slab *slab, uint32_t number)
{
	return number >> (slab->page_shift - slab->object_bits);
}

static size_t page_size(const struct sl_slab *slab)
{
	return page_chunks(slab) * (sizeof(char *) + sizeof(uint32_t));
}

static size_t chunk_size(const struct sl_slab *slab)
{
	return slab->header_size + (size_t)objects_per_chunk(slab) * slab->object_size;
}

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

static uint8_t log2_of(uint64_t power)
{
	uint8_t bits = 0;

	while (power >>= 1)
		bits++;
	return bits;
}

void sl__slab_init(struct sl_slab *slab, const struct sl_mem *mem, size_t object_size, size_t align,
        uint32_t objects_per_chunk, uint32_t max_objects)
{
	uint64_t chunks = ((uint64_t)max_objects >> log2_of(objects_per_chunk)) + 1;
	uint32_t in_page = PAGE_CHUNKS_MIN;

	assert(objects_per_chunk && (objects_per_chunk & (objects_per_chunk - 1)) == 0);
	assert(align && (align & (align - 1)) == 0 && align <= CACHE_LINE);
	assert(object_size && max_objects && max_objects <= UINT32_MAX - objects_per_chunk);
	while ((uint64_t)in_page * SL_SLAB_PAGES < chunks)
		in_page *= 2;
	align = align < sizeof(uint32_t) ? sizeof(uint32_t) : align;

	memset(slab, 0, sizeof(*slab));
	slab->object_size = (uint32_t)round_up(object_size, align);
	slab->object_mask = objects_per_chunk - 1;
	slab->object_bits = log2_of(objects_per_chunk);
	slab->page_mask = in_page - 1;
	slab->page_shift = (uint8_t)(slab->object_bits + log2_of(in_page));
	slab->max = max_objects;
	/* With one object to a chunk, the place of reference 0 is a chunk that need not exist. */
	slab->chunk_end = objects_per_chunk == 1;
	slab->vacant = NONE;
	slab->header_size = (uint32_t)round_up(
	        sizeof(struct sl_slab_chunk) + (objects_per_chunk + 63) / 64 * sizeof(uint64_t),
	        CACHE_LINE);
	slab->mem = *mem;
}

/* The directory's place for a chunk; its page must exist. */
static char **place(const struct sl_slab *slab, uint32_t number)
{
	return &slab->page[page_of(slab, number)][number & slab->page_mask];
}

/* The link of a vacant chunk number to the next one, kept behind the page's pointers. */
static uint32_t *vacant_link(const struct sl_slab *slab, uint32_t number)
{
	char **page = slab->page[page_of(slab, number)];

	return (uint32_t *)(void *)(page + page_chunks(slab)) + (number & slab->page_mask);
}

static struct sl_slab_chunk *chunk_of(const struct sl_slab *slab, uint32_t number)
{
	return (struct sl_slab_chunk *)(void *)(*place(slab, number) - slab->header_size);
}

void sl__slab_fini(struct sl_slab *slab)
{
	for (uint32_t i = 0; i < slab->chunk_end; i++)
		if (slab->page[page_of(slab, i)] && *place(slab, i))
			sl__free(&slab->mem, chunk_of(slab, i), chunk_size(slab));
	for (unsigned i = 0; i < SL_SLAB_PAGES; i++)
		sl__free(&slab->mem, slab->page[i], page_size(slab));
	memset(slab, 0, sizeof(*slab));
}

static void link_partial(struct sl_slab *slab, struct sl_slab_chunk *chunk)
{
	chunk->prev = NULL;
	chunk->next = slab->partial;
	if (chunk->next)
		chunk->next->prev = chunk;
	slab->partial = chunk;
}

static void unlink_partial(struct sl_slab *slab, struct sl_slab_chunk *chunk)
{
	if (chunk->next)
		chunk->next->prev = chunk->prev;
	if (chunk->prev)
		chunk->prev->next = chunk->next;
	else
		slab->partial = chunk->next;
}

/* How many objects a chunk can have live: the first one lacks the place of reference 0. */
static uint32_t chunk_room(const struct sl_slab *slab, const struct sl_slab_chunk *chunk)
{
	return slab->object_mask + (chunk->number != 0);
}

/* A chunk number that is not in use and whose page exists, or NONE. It is not taken yet. */
static uint32_t free_number(struct sl_slab *slab)
{
	uint32_t page = page_of(slab, slab->chunk_end);

	if (slab->vacant != NONE)
		return slab->vacant;
	if (slab->page[page])
		return slab->chunk_end;
	slab->page[page] = slab->mem.alloc(slab->mem.ctx, page_size(slab), CACHE_LINE);
	if (!slab->page[page])
		return NONE;
	/* Places are set when they are taken (no page fault for all at once), but maybe for the first. */
	slab->page[page][0] = NULL;
	return slab->chunk_end;
}

static void take_number(struct sl_slab *slab, uint32_t number)
{
	if (number == slab->vacant)
		slab->vacant = *vacant_link(slab, number);
	else
		slab->chunk_end++;
}

static struct sl_slab_chunk *make_chunk(struct sl_slab *slab)
{
	uint32_t number = free_number(slab);
	struct sl_slab_chunk *chunk;

	if (number == NONE)
		return NULL;
	chunk = slab->mem.alloc(slab->mem.ctx, chunk_size(slab), CACHE_LINE);
	if (!chunk)
		return NULL;
	take_number(slab, number);
	memset(chunk, 0, slab->header_size);
	chunk->number = number;
	chunk->fresh = number == 0;
	*place(slab, number) = (char *)chunk + slab->header_size;
	slab->chunks++;
	return chunk;
}

static void give_back(struct sl_slab *slab, struct sl_slab_chunk *chunk)
{
	*place(slab, chunk->number) = NULL;
	*vacant_link(slab, chunk->number) = slab->vacant;
	slab->vacant = chunk->number;
	slab->chunks--;
	sl__free(&slab->mem, chunk, chunk_size(slab));
}

/* A chunk with a free object, first in `partial`; NULL without memory. */
static struct sl_slab_chunk *chunk_with_room(struct sl_slab *slab)
{
	struct sl_slab_chunk *chunk = slab->partial;

	if (chunk)
		return chunk;
	chunk = slab->spare;
	slab->spare = NULL;
	if (!chunk)
		chunk = make_chunk(slab);
	if (chunk)
		link_partial(slab, chunk);
	return chunk;
}

/* Takes the last freed object of a chunk, or else one never used. */
static uint32_t pop_object(struct sl_slab *slab, struct sl_slab_chunk *chunk)
{
	uint32_t ref = chunk->free;

	if (!ref)
		return chunk->number << slab->object_bits | chunk->fresh++;
	memcpy(&chunk->free, sl__slab_at(slab, ref), sizeof(chunk->free));
	return ref;
}

/* In whole cache lines where it consists of such: that is shorter than to ask memset() how. */
static void *cleared(char *object, uint32_t size)
{
	if (size % CACHE_LINE)
		return memset(object, 0, size);
	for (uint32_t at = 0; at < size; at += CACHE_LINE)
		memset(object + at, 0, CACHE_LINE);
	return object;
}

void *sl__slab_get(struct sl_slab *slab, uint32_t *ref)
{
	struct sl_slab_chunk *chunk;
	char *object;
	uint32_t i;

	*ref = 0;
	if (slab->count == slab->max)
		return NULL;
	chunk = chunk_with_room(slab);
	if (!chunk)
		return NULL;
	*ref = pop_object(slab, chunk);
	i = *ref & slab->object_mask;
	object = (char *)chunk + slab->header_size + (size_t)i * slab->object_size;
	chunk->bitmap[i / 64] |= UINT64_C(1) << i % 64;
	if (++chunk->live == chunk_room(slab, chunk))
		unlink_partial(slab, chunk);
	slab->count++;
	return cleared(object, slab->object_size);
}

/* Keeps a chunk that has run empty, unless there is one already. */
static void retire(struct sl_slab *slab, struct sl_slab_chunk *chunk)
{
	if (slab->spare)
		give_back(slab, chunk);
	else
		slab->spare = chunk;
}

void sl__slab_put(struct sl_slab *slab, uint32_t ref)
{
	struct sl_slab_chunk *chunk;
	uint32_t i = ref & slab->object_mask;

	assert(sl__slab_live(slab, ref));
	chunk = chunk_of(slab, ref >> slab->object_bits);
	memcpy(sl__slab_at(slab, ref), &chunk->free, sizeof(chunk->free));
	chunk->free = ref;
	chunk->bitmap[i / 64] &= ~(UINT64_C(1) << i % 64);
	slab->count--;
	if (chunk->live-- == chunk_room(slab, chunk))
		link_partial(slab, chunk);
	if (chunk->live == 0) {
		unlink_partial(slab, chunk);
		retire(slab, chunk);
	}
}

/* Whether the chunk of this number exists. */
static bool chunk_exists(const struct sl_slab *slab, uint32_t number)
{
	return number < slab->chunk_end && slab->page[page_of(slab, number)] &&
	       *place(slab, number);
}

bool sl__slab_live(const struct sl_slab *slab, uint32_t ref)
{
	uint32_t number = ref >> slab->object_bits, i = ref & slab->object_mask;

	return chunk_exists(slab, number) && chunk_of(slab, number)->bitmap[i / 64] >> i % 64 & 1;
}

/* The live ones among the up to 64 objects from `at` on that share its bitmap word; bit 0 is `at`.
 */
static uint64_t live_from(const struct sl_slab *slab, uint32_t at)
{
	uint32_t i = at & slab->object_mask;

	return chunk_of(slab, at >> slab->object_bits)->bitmap[i / 64] >> i % 64;
}

/*
 * *cursor is the last place that was looked at. Places are counted in 64 bits, for the one behind
 * the last would be 0 again.
 */
uint32_t sl__slab_next(const struct sl_slab *slab, uint32_t *cursor, uint32_t *budget)
{
	uint64_t at = (uint64_t)*cursor + 1, end = (uint64_t)slab->chunk_end << slab->object_bits;
	uint32_t in_chunk = objects_per_chunk(slab), stride = in_chunk < 64 ? in_chunk : 64;

	for (; at < end && *budget; --*budget) {
		if (!chunk_exists(slab, (uint32_t)(at >> slab->object_bits))) {
			at = (at | slab->object_mask) + 1;
			continue;
		}
		uint64_t live = live_from(slab, (uint32_t)at);

		if (live) {
			while (!(live & 1)) {
				live >>= 1;
				at++;
			}
			--*budget;
			return *cursor = (uint32_t)at;
		}
		at = (at | (stride - 1)) + 1;
	}
	*cursor = at < end ? (uint32_t)(at - 1) : 0;
	return 0;
}
