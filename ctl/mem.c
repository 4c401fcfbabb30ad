/* SPDX-License-Identifier: BSD-2-Clause */
/* See mem.h. */
#include "ctl/mem.h"

#include <stdio.h>
#include <stdlib.h>

void *sl__must_alloc(size_t size)
{
	return sl__must_grow(NULL, size);
}

void *sl__must_grow(void *p, size_t size)
{
	p = realloc(p, size ? size : 1);
	if (p)
		return p;
	fprintf(stderr, "sluice: out of memory\n");
	exit(1);
}
