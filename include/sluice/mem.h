/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_MEM_H
#define SLUICE_MEM_H

#include <stddef.h>

/*
 * Where memory comes from. sluice never calls malloc: the embedder hands in this table, and every
 * byte that an engine holds went through it. A call that cannot get memory fails as a whole and
 * leaves everything as it was.
 *
 * One engine calls its table from the one thread that drives that engine. Engines that share a
 * table and run on several threads need functions that are safe for that.
 *
 * Nearly all of it is asked for in pieces of a few sizes of about 16 KiB. Cut from pages of 2 MiB they
 * make large tables much faster: with pages of 4 KiB most of what a packet among a million connections
 * waits for is the place of a page (bench/README.md).
 */
struct sl_mem {
	/*
	 * `size` bytes (never 0) at a multiple of `align` (a power of two), or NULL when there are
	 * none to be had. What they contain does not matter: sluice clears what it needs cleared.
	 */
	void *(*alloc)(void *ctx, size_t size, size_t align);
	/* Takes back what alloc gave; p is never NULL, and size is the size it was asked with. */
	void (*free)(void *ctx, void *p, size_t size);
	/* Handed to both, as it is. */
	void *ctx;
};

#endif
