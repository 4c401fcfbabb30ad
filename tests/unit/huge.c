/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory in pages of 2 MiB (Tests: prog/huge.c): blocks of all sizes, given back in random order, do not touch each
 * other, lie on cache lines, several to a page; pages that are empty go back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "prog/huge.h"
#include "tests/lib/memory.h"

#define BLOCKS 600
#define PAGE   ((size_t)2 << 20)

struct block {
	unsigned char *at; /* NULL: none */
	size_t size;
	unsigned char mark;
};

static void fill(struct block *b, struct sl_mem *mem, size_t size, unsigned char mark)
{
	*b = (struct block){mem->alloc(mem->ctx, size, 64), size, mark};
	assert_non_null(b->at);
	assert_int_equal((uintptr_t)b->at % 64, 0);
	memset(b->at, mark, size);
}

static void clear(struct block *b, struct sl_mem *mem)
{
	for (size_t i = 0; i < b->size; i++)
		assert_int_equal(b->at[i], b->mark);
	mem->free(mem->ctx, b->at, b->size);
	b->at = NULL;
}

static size_t some_size(uint32_t *x)
{
	static const size_t sizes[] = {64, 4095, 4096, 4097, 8191, 8192, 16384, 16448, 24640, 65536,
	        131071, 131072, 131073};
	uint32_t i = next_random(x) % 20;

	return i < 13 ? sizes[i] : 1 + next_random(x) % 140000;
}

static void at_random(void **unused)
{
	static struct block blocks[BLOCKS];
	struct sl_huge huge;
	struct sl_mem mem;
	uint32_t x = 3;

	(void)unused;
	sl__huge_init(&huge);
	mem = sl__huge_mem(&huge);
	for (unsigned round = 0; round < 6000; round++) {
		struct block *b = &blocks[next_random(&x) % BLOCKS];

		if (b->at)
			clear(b, &mem);
		else
			fill(b, &mem, some_size(&x), (unsigned char)round);
	}
	for (unsigned i = 0; i < BLOCKS; i++)
		if (blocks[i].at)
			clear(&blocks[i], &mem);
	assert_int_equal(huge.pages, 1); /* the spare one */
	sl__huge_fini(&huge);
}

/* What engines ask for most: how much of a page is used, and that nothing is kept when it is given back. */
static void pages_are_full(void **unused)
{
	static struct block blocks[BLOCKS];
	struct sl_huge huge;
	struct sl_mem mem;

	(void)unused;
	sl__huge_init(&huge);
	mem = sl__huge_mem(&huge);
	for (unsigned i = 0; i < BLOCKS; i++)
		fill(&blocks[i], &mem, 16448, (unsigned char)i);
	assert_int_equal(huge.pages, (BLOCKS + 124) / 125);
	for (unsigned i = 0; i < BLOCKS; i += 2)
		clear(&blocks[i], &mem);
	for (unsigned i = 0; i < BLOCKS; i += 2) /* in the holes */
		fill(&blocks[i], &mem, 16500, (unsigned char)i);
	assert_int_equal(huge.pages, (BLOCKS + 124) / 125);
	for (unsigned i = 0; i < BLOCKS; i++)
		clear(&blocks[i], &mem);
	assert_int_equal(huge.pages, 1);
	fill(&blocks[0], &mem, 5000, 1); /* the spare page serves another size */
	assert_int_equal(huge.pages, 1);
	assert_int_equal((uintptr_t)blocks[0].at / PAGE, ((uintptr_t)blocks[0].at + 5000) / PAGE);
	clear(&blocks[0], &mem);
	sl__huge_fini(&huge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(at_random),
	        cmocka_unit_test(pages_are_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
