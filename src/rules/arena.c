/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of a ruleset: blocks that only grow, given back all at once. Most of a ruleset
 * is read once and ends as a whole, so nothing is freed singly; what a dynamic set drops is
 * used again by that set (set.c). When memory ends while reading, the reading ends: control
 * goes to `out_of_memory`. While packets are handled there is none, and get() gives NULL.
 */
#include "rules/rules.h"

#include "base/mem.h"

#define BLOCK_SIZE (64u << 10)

struct sl__arena_block {
	struct sl__arena_block *older;
	size_t size;
};

static bool add_block(struct sl__arena *arena, size_t least)
{
	size_t size = least + sizeof(struct sl__arena_block) + 16;
	struct sl__arena_block *block;

	if (size < BLOCK_SIZE)
		size = BLOCK_SIZE;
	block = sl__alloc(arena->mem, size);
	if (!block)
		return false;
	block->older = arena->blocks;
	block->size = size;
	arena->blocks = block;
	arena->size = size;
	arena->used = (sizeof *block + 15) & ~(size_t)15;
	return true;
}

void *sl__arena_get(struct sl__arena *arena, size_t size)
{
	void *p;

	size = (size + 15) & ~(size_t)15;
	if (arena->size - arena->used < size && !add_block(arena, size)) {
		if (arena->out_of_memory)
			longjmp(*arena->out_of_memory, 1);
		return NULL;
	}
	p = (char *)arena->blocks + arena->used;
	arena->used += size;
	return p;
}

char *sl__arena_text(struct sl__arena *arena, const char *text, size_t len)
{
	char *copy = sl__arena_get(arena, len + 1);

	if (copy && len)
		memcpy(copy, text, len);
	return copy;
}

void sl__arena_fini(struct sl__arena *arena)
{
	const struct sl_mem *mem = arena->mem;

	while (arena->blocks) {
		struct sl__arena_block *block = arena->blocks;

		arena->blocks = block->older;
		sl__free(mem, block, block->size);
	}
}
