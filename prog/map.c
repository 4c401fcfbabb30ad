/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open addressing with linear probing, at most three quarters full, doubled when it would be
 * more. A cell is a mark (0: free), the key and the value. The hash is not keyed: a capture made
 * to collide only makes its own replay slow.
 */
#include "prog/map.h"

#include <stdlib.h>
#include <string.h>

static size_t padded(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

static uint64_t hash(const uint8_t *key, size_t size)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < size; i++)
		h = (h ^ key[i]) * 0x100000001b3u;
	return h ^ h >> 32;
}

static uint8_t *cell_key(uint8_t *cell)
{
	return cell + 8;
}

static uint8_t *cell_value(const struct sl_map *map, uint8_t *cell)
{
	return cell + 8 + padded(map->key_size);
}

/* The cell that has the key, or the free one where it belongs. */
static uint8_t *seek(const struct sl_map *map, const void *key)
{
	size_t at = (size_t)hash(key, map->key_size) & (map->slots - 1);

	for (;; at = (at + 1) & (map->slots - 1)) {
		uint8_t *cell = map->cells + at * map->cell;

		if (!*cell || memcmp(cell_key(cell), key, map->key_size) == 0)
			return cell;
	}
}

static void make_slots(struct sl_map *map, size_t slots)
{
	map->slots = slots;
	map->cells = sl__must_alloc(slots * map->cell);
	memset(map->cells, 0, slots * map->cell);
}

static void double_slots(struct sl_map *map)
{
	struct sl_map old = *map;

	make_slots(map, old.slots * 2);
	for (size_t i = 0; i < old.slots; i++) {
		uint8_t *cell = old.cells + i * old.cell;

		if (*cell)
			memcpy(seek(map, cell_key(cell)), cell, old.cell);
	}
	free(old.cells);
}

void sl__map_init(struct sl_map *map, size_t key_size, size_t value_size)
{
	*map = (struct sl_map){.key_size = key_size,
	        .value_size = value_size,
	        .cell = 8 + padded(key_size) + padded(value_size)};
	make_slots(map, 64);
}

void sl__map_fini(struct sl_map *map)
{
	free(map->cells);
	*map = (struct sl_map){0};
}

void *sl__map_find(const struct sl_map *map, const void *key)
{
	uint8_t *cell = seek(map, key);

	return *cell ? cell_value(map, cell) : NULL;
}

void *sl__map_put(struct sl_map *map, const void *key, bool *fresh)
{
	uint8_t *cell = seek(map, key);

	if (fresh)
		*fresh = !*cell;
	if (*cell)
		return cell_value(map, cell);
	if ((map->used + 1) * 4 > map->slots * 3) {
		double_slots(map);
		cell = seek(map, key);
	}
	map->used++;
	*cell = 1;
	memcpy(cell_key(cell), key, map->key_size);
	return cell_value(map, cell);
}

void *sl__map_next(const struct sl_map *map, size_t *at, const void **key)
{
	for (; *at < map->slots; (*at)++) {
		uint8_t *cell = map->cells + *at * map->cell;

		if (!*cell)
			continue;
		(*at)++;
		*key = cell_key(cell);
		return cell_value(map, cell);
	}
	return NULL;
}
