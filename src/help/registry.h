/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which helpers an engine knows, and which one a new conn gets. (src/help/registry.c)
 */
#ifndef SL_HELP_REGISTRY_H
#define SL_HELP_REGISTRY_H

#include <sluice/helper.h>

#include "base/list.h"

struct sl_registry {
	const struct sl_mem *mem;
	struct sl_list entries; /* in the order of registration */
};

void sl__registry_init(struct sl_registry *r, const struct sl_mem *mem);
void sl__registry_fini(struct sl_registry *r);
/*
 * Make a helper known. automatic: conns get it by its match (on `port` instead of its own if
 * port is not 0). A helper may be registered several times with different ports. False: the
 * record is not of this ABI or contradicts itself, another has its name, an automatic one has
 * its match, or no memory.
 */
bool sl__registry_add(struct sl_registry *r, const struct sl_helper *helper, bool automatic, uint16_t port);
/* Forget it; false: it was not known. */
bool sl__registry_remove(struct sl_registry *r, const struct sl_helper *helper);
const struct sl_helper *sl__registry_by_name(const struct sl_registry *r, const char *name);
/*
 * What a conn gets whose reply packets have this tuple: the most mask bits win, else the
 * first registered. NULL: none.
 */
const struct sl_helper *sl__registry_match(const struct sl_registry *r, const struct sl_tuple *reply);

/*
 * The value of an option of that helper (NULL: of any that has an option of this name); set: of
 * every helper that has it. False: nobody has, or the value is greater than allowed.
 */
bool sl__registry_option_get(
	const struct sl_registry *r, const struct sl_helper *helper, const char *name, uint32_t *value);
bool sl__registry_option_set(struct sl_registry *r, const char *name, uint32_t value);

#endif
