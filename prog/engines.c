/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A replay with several engines (--shards N): each packet goes to the one that it belongs to,
 * and is passed over as they say. What comes out must be what one engine makes, but for the
 * ports that NAT chooses; tests compare it. In one process and one thread, so that r->engine is
 * always the one at work: what it reports meanwhile is of its connections.
 */
#include "prog/replay.h"

#include <stdlib.h>
#include <string.h>

static void put(struct sl_replay *r, struct sl_packet *p, unsigned shard)
{
	do {
		r->engine = r->engines[shard];
		sl_input(r->engine, p, 1, r->now);
		shard = p->shard;
	} while (p->verdict == SL_HANDOVER);
}

/* Packets that were emitted for another shard; what becomes of them takes their place. */
static void put_emitted(struct sl_replay *r)
{
	for (unsigned i = 0; i < r->embed.n_emitted; i++) {
		struct sl_packet p = r->embed.emitted[i];

		if (p.verdict != SL_HANDOVER)
			continue;
		put(r, &p, p.shard);
		if (p.verdict == SL_ACCEPT) {
			r->embed.emitted[i] = p;
			continue;
		}
		if (p.verdict == SL_DROP)
			sl__embed_release(&p);
		r->embed.n_emitted--;
		memmove(&r->embed.emitted[i], &r->embed.emitted[i + 1],
		        (r->embed.n_emitted - i) * sizeof(p));
		i--;
	}
}

void sl__engines_input(struct sl_replay *r, struct sl_packet *p)
{
	put(r, p, sl_home(p, (uint16_t)r->n_engines, p->inside));
	if (r->n_engines > 1) {
		struct sl_engine *at_work = r->engine;

		put_emitted(r);
		r->engine = at_work;
	}
}

uint64_t sl__engines_deadline(const struct sl_replay *r)
{
	uint64_t first = UINT64_MAX;

	for (unsigned i = 0; i < r->n_engines; i++) {
		uint64_t at = sl_deadline(r->engines[i]);

		first = at < first ? at : first;
	}
	return first;
}

void sl__engines_clock(struct sl_replay *r, uint64_t now)
{
	for (unsigned i = 0; i < r->n_engines; i++) {
		r->engine = r->engines[i];
		while (sl_clock(r->engine, now, 0))
			;
	}
}

bool sl__engines_init(struct sl_replay *r, struct sl_config *config)
{
	unsigned n = r->opt.shards ? (unsigned)r->opt.shards : 1;

	for (r->n_engines = 0; r->n_engines < n; r->n_engines++) {
		config->shards = (uint16_t)n;
		config->shard = (uint16_t)r->n_engines;
		r->engine = sl_engine_create(config, &r->embed.env);
		if (!r->engine)
			return false;
		r->engines[r->n_engines] = r->engine;
	}
	return true;
}

void sl__engines_fini(struct sl_replay *r)
{
	sl__gateway_stop(&r->gateway);
	for (unsigned i = 0; i < r->n_engines; i++) {
		r->engine = r->engines[i];
		sl_engine_destroy(r->engine);
	}
	r->n_engines = 0;
	r->engine = NULL;
}
