/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BASE_PREFETCH_H
#define SLUICE_BASE_PREFETCH_H

/*
 * Ask for a cache line that will be needed soon. A hint: any address will do, nothing changes but
 * the time it takes. Loading an address for it (sl__slab_at) must of course be right.
 */
static inline void sl__prefetch(const void *p)
{
#if defined(__GNUC__)
	__builtin_prefetch(p);
	/* A function that does nothing else would count as one without effects, and gcc drop its
	 * calls. */
	__asm__ volatile("" : : "r"(p));
#else
	(void)p;
#endif
}

#endif
