/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_CTL_MEM_H
#define SLUICE_CTL_MEM_H

#include <stddef.h>

/* malloc and realloc of the program: without memory it says so and exits with 1. */
void *sl__must_alloc(size_t size);
void *sl__must_grow(void *p, size_t size);

#endif
