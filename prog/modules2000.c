/* SPDX-License-Identifier: BSD-2-Clause */
/* See modules2000.h. A module has one place to remember its engine, so it serves one only. */
#include "prog/modules2000.h"

#include <stdlib.h>

#include <sluice/netfilter2000.h>

#include "ctl/mem.h"
#include "engine/engine.h"

void sl__modules2000_add(struct sl_modules2000 *m, const struct nf2000_module *module)
{
	m->at = sl__must_grow(m->at, (m->n + 1) * sizeof(*m->at));
	m->at[m->n++] = module;
}

const char *sl__modules2000_start(struct sl_modules2000 *m, struct sl_engine *engine)
{
	if (!m->n)
		return NULL;
	if (m->host)
		return "modules of 2000 serve one engine, not several shards";
	m->engine = engine;
	m->host = sl_nf2000_create(engine, &engine->env.mem);
	if (!m->host)
		return "no memory";
	for (; m->started < m->n; m->started++)
		if (sl_nf2000_load(m->host, m->at[m->started]) != 0)
			return "a module's init function failed: made for another version, or "
			       "another helper has "
			       "its name or its port";
	return NULL;
}

void sl__modules2000_stop(struct sl_modules2000 *m)
{
	while (m->started)
		m->at[--m->started]->fini();
	sl_nf2000_destroy(m->host);
	free(m->at);
	*m = (struct sl_modules2000){0};
}
