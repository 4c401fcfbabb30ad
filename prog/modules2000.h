/* SPDX-License-Identifier: BSD-2-Clause */
/* Modules with Welte's names of 2000, as `--module` loads them (<sluice/netfilter2000.h>). */
#ifndef SL_PROG_MODULES2000_H
#define SL_PROG_MODULES2000_H

#include <stdbool.h>

struct nf2000_module;
struct sl_engine;

/* Zero-filled: none. */
struct sl_modules2000 {
	const struct nf2000_module **at; /* in the order of the command line */
	unsigned n, started;
	struct nf2000 *host;
	struct sl_engine *engine;
};

void sl__modules2000_add(struct sl_modules2000 *m, const struct nf2000_module *module);
/* The engine is there: their init functions are called. NULL: all is well, else what is not. */
const char *sl__modules2000_start(struct sl_modules2000 *m, struct sl_engine *engine);
/* Before the engine ends: their fini functions, the last one first. */
void sl__modules2000_stop(struct sl_modules2000 *m);

#endif
