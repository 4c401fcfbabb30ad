/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_MAP_H
#define SLUICE_PROG_MAP_H

/*
 * A table from keys to values, both of a fixed size and compared as bytes (so keys are
 * cleared before they are filled in). Entries are never removed. For the program only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/mem.h"

struct sl_map {
	size_t key_size, value_size;
	size_t cell; /* bytes an entry takes: mark, key, value, each a multiple of 8 */
	size_t slots, used;
	uint8_t *cells;
};

void sl__map_init(struct sl_map *map, size_t key_size, size_t value_size);
void sl__map_fini(struct sl_map *map);

/* The value of key, or NULL. Valid until the next sl__map_put(). */
void *sl__map_find(const struct sl_map *map, const void *key);
/* The same, made (all zero) where there is none; *fresh (may be NULL) says so. Never NULL. */
void *sl__map_put(struct sl_map *map, const void *key, bool *fresh);
/* The next entry from *at (0 at first) on: its value, and its key in *key; NULL behind the last. */
void *sl__map_next(const struct sl_map *map, size_t *at, const void **key);

#endif
