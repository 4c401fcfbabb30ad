/* SPDX-License-Identifier: BSD-2-Clause */
/* See numbers.h. */
#include "prog/numbers.h"

void sl__numbers_init(struct sl_numbers *n)
{
	*n = (struct sl_numbers){0};
	sl__map_init(&n->flows, sizeof(uint64_t), sizeof(struct sl_numbered));
	sl__map_init(&n->expects, sizeof(uint64_t), sizeof(struct sl_numbered));
}

void sl__numbers_fini(struct sl_numbers *n)
{
	sl__map_fini(&n->flows);
	sl__map_fini(&n->expects);
}

static struct sl_numbered *numbered(struct sl_map *map, uint64_t *last, uint64_t id, bool fresh)
{
	struct sl_numbered *found = sl__map_put(map, &id, NULL);

	if (fresh || !found->number)
		*found = (struct sl_numbered){.number = ++*last};
	return found;
}

struct sl_numbered *sl__numbers_flow(struct sl_numbers *n, uint64_t id, bool fresh)
{
	return numbered(&n->flows, &n->last_flow, id, fresh);
}

struct sl_numbered *sl__numbers_expect(struct sl_numbers *n, uint64_t id, bool fresh)
{
	return numbered(&n->expects, &n->last_expect, id, fresh);
}
