/* SPDX-License-Identifier: BSD-2-Clause */
/* `sluice help tunables`: the names that --set takes, with the defaults that an engine has. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <sluice/sluice.h>

#include "prog/help.h"

static void *get(void *ctx, size_t size, size_t align)
{
	(void)ctx;
	return aligned_alloc(align, (size + align - 1) / align * align);
}

static void put(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)size;
	free(p);
}

static void nowhere(void *ctx, const struct sl_route_query *query, struct sl_route *answer)
{
	(void)ctx;
	(void)query;
	*answer = (struct sl_route){.kind = SL_ROUTE_NONE};
}

int sl__tunables_show(void)
{
	struct sl_env env = {.mem = {get, put, NULL}, .route = nowhere};
	struct sl_config config;
	struct sl_engine *engine;
	const char *name;
	uint32_t value;

	sl_config_init(&config);
	engine = sl_engine_create(&config, &env);
	if (!engine) {
		fprintf(stderr, "sluice help tunables: no memory\n");
		return 1;
	}
	printf("What --set NAME=VALUE takes, with the defaults; times are seconds unless the name says\n"
	       "otherwise. Names are those of the kernel's sysctls. Helpers have options of their own:\n"
	       "`sluice helpers` shows them.\n\n");
	for (unsigned i = 0; (name = sl_tunable_name(i)) != NULL; i++)
		if (sl_tunable_get(engine, name, &value))
			printf("  %-48s %" PRIu32 "\n", name, value);
	sl_engine_destroy(engine);
	return 0;
}
