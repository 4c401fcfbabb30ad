/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_HUGE_H
#define SLUICE_PROG_HUGE_H

/*
 * Memory for engines cut from pages of 2 MiB (huge.c). One for all engines; any thread may use it.
 */
#include <pthread.h>
#include <stddef.h>

#include <sluice/mem.h>

#define SL_HUGE_CLASSES 321

struct sl_huge {
	pthread_mutex_t lock;
	struct sl_huge_page *open[SL_HUGE_CLASSES]; /* pages with room, by the size of their blocks */
	struct sl_huge_page *spare;                 /* at most one that is all free */
	size_t pages;                               /* held, the spare one too */
};

void sl__huge_init(struct sl_huge *huge);
/* Everything has been given back. */
void sl__huge_fini(struct sl_huge *huge);
/* The table of functions, for as long as huge is there. */
struct sl_mem sl__huge_mem(struct sl_huge *huge);
/* Why this kernel gives no such pages; NULL: it does. */
const char *sl__huge_obstacle(void);

#endif
