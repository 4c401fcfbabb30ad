/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory for engines cut from pages of 2 MiB: with pages of 4 KiB, most of what a packet among a million
 * connections waits for is the place of a page (bench/README.md).
 *
 * Engines ask for nearly all of their memory in a few sizes of about 16 KiB (<sluice/mem.h>). So sizes from
 * 4 to 128 KiB, rounded up to 64 steps for each power of two, have pages of their own: each is cut into
 * blocks of one size, behind a header. Whatever is smaller or larger is malloc's. A block that comes back
 * knows its page by its address, and its class by its size. A page that becomes all free goes back to the
 * kernel, but for one.
 *
 * The pages are transparent ones (madvise), so the administrator need not set any aside, and where there are
 * none at the moment the kernel gives small ones, and may join them later.
 */
#include "prog/huge.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE ((size_t)2 << 20)

enum { LEAST = 4096, MOST = 128 << 10, STEPS = 64, LINE = 64 };

/* Stands at the beginning of its 2 MiB; blocks follow from the next cache line on. */
struct sl_huge_page {
	struct sl_huge_page *next, *prev; /* in `open` */
	void *free;                       /* blocks that came back: each names the next */
	uint32_t fresh;                   /* offset of what was never used */
	uint32_t live;                    /* blocks */
};
_Static_assert(sizeof(struct sl_huge_page) <= LINE, "the header has one cache line");

/* ---- sizes ----------------------------------------------------------------------------------- */

static bool is_ours(size_t size)
{
	return size >= LEAST && size <= MOST;
}

static unsigned class_of(size_t size, size_t *block)
{
	unsigned power = 12;
	size_t step;

	while (size >= (size_t)2 << power)
		power++;
	step = ((size_t)1 << power) / STEPS;
	*block = (size + step - 1) / step * step;
	return (power - 12) * STEPS + (unsigned)(*block / step) - STEPS;
}

/* ---- pages ----------------------------------------------------------------------------------- */

/* 2 MiB at a multiple of that: twice as much is asked for, and the rest given back. */
static struct sl_huge_page *map_page(void)
{
	char *at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;

	if (at == MAP_FAILED)
		return NULL;
	before = (PAGE - (uintptr_t)at % PAGE) % PAGE;
	if (before)
		munmap(at, before);
	munmap(at + before + PAGE, PAGE - before);
	madvise(at + before, PAGE, MADV_HUGEPAGE); /* if not: small pages */
	return (struct sl_huge_page *)(void *)(at + before);
}

static void link_page(struct sl_huge_page **list, struct sl_huge_page *page)
{
	page->prev = NULL;
	page->next = *list;
	if (page->next)
		page->next->prev = page;
	*list = page;
}

static void unlink_page(struct sl_huge_page **list, struct sl_huge_page *page)
{
	if (page->next)
		page->next->prev = page->prev;
	if (page->prev)
		page->prev->next = page->next;
	else
		*list = page->next;
}

static struct sl_huge_page *page_with_room(struct sl_huge *huge, unsigned class)
{
	struct sl_huge_page *page = huge->open[class];

	if (page)
		return page;
	page = huge->spare;
	huge->spare = NULL;
	if (!page) {
		page = map_page();
		if (!page)
			return NULL;
		huge->pages++;
	}
	*page = (struct sl_huge_page){.fresh = LINE};
	link_page(&huge->open[class], page);
	return page;
}

static void retire(struct sl_huge *huge, struct sl_huge_page *page)
{
	if (!huge->spare) {
		huge->spare = page;
		return;
	}
	munmap(page, PAGE);
	huge->pages--;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static bool has_room(const struct sl_huge_page *page, size_t block)
{
	return page->free || page->fresh + block <= PAGE;
}

static void *take(struct sl_huge *huge, size_t size)
{
	size_t block;
	unsigned class = class_of(size, &block);
	struct sl_huge_page *page = page_with_room(huge, class);
	void *p;

	if (!page)
		return NULL;
	p = page->free;
	if (p) {
		memcpy(&page->free, p, sizeof(page->free));
	} else {
		p = (char *)page + page->fresh;
		page->fresh += (uint32_t)block;
	}
	page->live++;
	if (!has_room(page, block))
		unlink_page(&huge->open[class], page);
	return p;
}

static void give(struct sl_huge *huge, void *p, size_t size)
{
	struct sl_huge_page *page = (void *)((char *)p - (uintptr_t)p % PAGE);
	size_t block;
	unsigned class = class_of(size, &block);

	if (!has_room(page, block))
		link_page(&huge->open[class], page);
	memcpy(p, &page->free, sizeof(page->free));
	page->free = p;
	if (--page->live)
		return;
	unlink_page(&huge->open[class], page);
	retire(huge, page);
}

static void *huge_alloc(void *ctx, size_t size, size_t align)
{
	struct sl_huge *huge = ctx;
	void *p;

	if (align > LINE && is_ours(size))
		return NULL; /* nobody asks for that; free() is not told of it */
	if (!is_ours(size))
		return aligned_alloc(align, (size + align - 1) / align * align);
	pthread_mutex_lock(&huge->lock);
	p = take(huge, size);
	pthread_mutex_unlock(&huge->lock);
	return p;
}

static void huge_free(void *ctx, void *p, size_t size)
{
	struct sl_huge *huge = ctx;

	if (!is_ours(size)) {
		free(p);
		return;
	}
	pthread_mutex_lock(&huge->lock);
	give(huge, p, size);
	pthread_mutex_unlock(&huge->lock);
}

/* ---- the whole ------------------------------------------------------------------------------- */

void sl__huge_init(struct sl_huge *huge)
{
	*huge = (struct sl_huge){.pages = 0};
	pthread_mutex_init(&huge->lock, NULL);
}

void sl__huge_fini(struct sl_huge *huge)
{
	if (huge->spare)
		munmap(huge->spare, PAGE);
	pthread_mutex_destroy(&huge->lock);
}

struct sl_mem sl__huge_mem(struct sl_huge *huge)
{
	return (struct sl_mem){huge_alloc, huge_free, huge};
}

const char *sl__huge_obstacle(void)
{
	char text[64] = "";
	FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");

	if (!f)
		return "this kernel has no transparent huge pages";
	if (!fgets(text, sizeof(text), f))
		text[0] = 0;
	fclose(f);
	return strstr(text, "[never]") ? "/sys/kernel/mm/transparent_hugepage/enabled says never" : NULL;
}
