/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making and ending an engine, its clock, and what an embedder may ask of it.
 */
#include "engine/offload.h"
#include "engine/shard.h"

#include <string.h>

static void conn_end(struct sl_track *t, struct sl_conn *conn, struct sl_ext *ext)
{
	if (ext)
		sl__help_conn_end(ext);
	sl__nat_conn_end(t, conn);
}

static void event(struct sl_track *t, const struct sl_event *happened)
{
	struct sl_engine *e = sl__engine_of(t);
	struct sl_event numbered = *happened;

	numbered.sequence = ++e->sequence;
	e->env.event(e->env.ctx, &numbered);
}

static void trace(struct sl_track *t, const struct sl_conn *conn, const char *step,
        const char *text, size_t len)
{
	struct sl_engine *e = sl__engine_of(t);
	struct sl_trace info = {
	        .packet = t->packet, .conn = conn, .step = step, .text = text, .text_len = len};

	e->env.trace(e->env.ctx, &info);
}

void sl_policy_trace(
        const struct sl_policy_view *view, const char *step, const char *text, size_t len)
{
	struct sl_track *t = &view->engine->track;

	if (t->tracing)
		trace(t, view->conn, step, text, len);
}

static const struct sl_upper upper = {.conn_end = conn_end,
        .seq_offset = sl__help_seq_offset,
        .offload_alive = sl__offload_alive,
        .offload_end = sl__offload_end,
        .event = event,
        .trace = trace};

void sl_config_init(struct sl_config *config)
{
	*config = (struct sl_config){.table_max = 262144,
	        .expect_max = 4096,
	        .fragment_memory = 4u << 20,
	        .stream_memory = 16u << 20,
	        .shards = 1,
	        .slab_chunk = 128,
	        .events = true};
}

static bool sane(const struct sl_config *c)
{
	return c->table_max && c->table_max <= 1u << 28 && c->shards && c->shards <= 256 &&
	       c->shard < c->shards && c->slab_chunk && (c->slab_chunk & (c->slab_chunk - 1)) == 0;
}

static void ask_for_nat(struct sl_engine *e, const struct sl_policy *policy, bool v6)
{
	enum sl_family family = v6 ? SL_IPV6 : SL_IPV4;
	void *ctx = e->config.policy_ctx;

	e->translates[v6] =
	        policy && policy->nat && (!policy->translates || policy->translates(ctx, family));
	e->nat_hooks[v6] = policy && policy->nat_hooks ? policy->nat_hooks(ctx, family) : UINT8_MAX;
}

static void ask_stages(struct sl_engine *e)
{
	const struct sl_policy *policy = e->config.policy;
	bool chains;

	ask_for_nat(e, policy, false);
	ask_for_nat(e, policy, true);

	for (unsigned hook = 0; hook < SL_HOOK_COUNT; hook++)
		e->stages[hook] = policy && policy->stages
		                          ? policy->stages(e->config.policy_ctx, (enum sl_hook)hook)
		                          : 0;
	chains = e->stages[SL_PREROUTING] || e->stages[SL_FORWARD] || e->stages[SL_POSTROUTING];
	e->steady = chains && policy->steady ? policy->steady(e->config.policy_ctx) : SL_STEADY_NO;
	e->ruled = e->steady != SL_STEADY_NO;
	e->long_way = e->track.tracing || (chains && !e->ruled);
}

void sl_engine_trace(struct sl_engine *engine, bool on)
{
	engine->track.tracing = on && engine->env.trace;
	ask_stages(engine);
}

/* Those that the old rules gave are the old rules' memory: the tunables hold again, from the next packet. */
static void take_timeouts(struct sl_track *t)
{
	uint32_t cursor = 0, budget = UINT32_MAX, ref;

	while ((ref = sl__slab_next(&t->exts, &cursor, &budget)))
		((struct sl_ext *)sl__slab_at(&t->exts, ref))->timeouts = NULL;
}

void sl_engine_set_policy(struct sl_engine *engine, const struct sl_policy *policy, void *ctx)
{
	engine->config.policy = policy;
	engine->config.policy_ctx = ctx;
	ask_stages(engine);
	take_timeouts(&engine->track);
	sl__known_uncount(engine);
	sl__known_forget(engine); /* what was handed down was so by the old rules */
	sl__offload_revoke(engine);
}

/* sl_helping.lookup */
static void look_up(struct sl_track *t, const struct sl_packet *p, const struct sl_tuple *tuple,
        struct sl_route *answer)
{
	const struct sl_parsed parsed = {.tuple = *tuple};

	sl__route(sl__engine_of(t), p, &parsed, answer);
}

static void init_helping(struct sl_engine *e)
{
	const struct sl_help_env env = {.ctx = e->env.ctx,
	        .grow = e->env.grow,
	        .alloc = e->env.alloc,
	        .keep = e->env.keep,
	        .free = e->env.free,
	        .emit = e->env.emit};

	e->track.mem = &e->env.mem;
	sl__helping_init(&e->helping, &e->track, &env, e->config.stream_memory);
	e->helping.lookup = look_up;
}

struct sl_engine *sl_engine_create(const struct sl_config *config, const struct sl_env *env)
{
	struct sl_track_config tracking = {.upper = &upper,
	        .conn_max = config->table_max,
	        .expect_max = config->expect_max,
	        .slab_chunk = config->slab_chunk,
	        .origin = (uint16_t)(config->origin + config->shard),
	        .now = config->start};
	struct sl_engine *e;

	if (!sane(config) || !env->route)
		return NULL;
	e = sl__alloc(&env->mem, sizeof(*e));
	if (!e)
		return NULL;
	e->env = *env;
	e->config = *config;
	e->route_generation = 1;
	tracking.mem = &e->env.mem;
	memcpy(tracking.seed, env->seed, sizeof(tracking.seed));
	init_helping(e);
	sl__nat_init(&e->nat, &e->env.mem);
	if (!sl__track_init(&e->track, &tracking)) {
		sl_engine_destroy(e);
		return NULL;
	}
	sl__random_init(&e->fragment_random, e->env.seed + 16);
	if (!sl__fragments_init(&e->fragments, &e->env, config->fragment_memory, config->slab_chunk,
	            &e->fragment_random, e->track.stats.reasons)) {
		sl_engine_destroy(e);
		return NULL;
	}
	e->track.nat = &e->nat;
	e->track.shards = config->shards;
	e->track.shard = config->shard;
	e->track.reporting = config->events && env->event;
	e->track.tracing = env->trace != NULL;
	ask_stages(e);
	return e;
}

void sl_engine_destroy(struct sl_engine *engine)
{
	struct sl_mem mem;

	if (!engine)
		return;
	sl__shards_fini(&engine->shards, &engine->env.mem);
	sl__limits_fini(&engine->limits, &engine->env.mem);
	sl__fragments_fini(&engine->fragments);
	sl__track_fini(&engine->track);
	sl__helping_fini(&engine->helping);
	sl__texts_fini(engine);
	sl__nat_fini(&engine->nat);
	mem = engine->env.mem;
	sl__free(&mem, engine, sizeof(*engine));
}

bool sl_clock(struct sl_engine *engine, uint64_t now, unsigned budget)
{
	struct sl_track *t = &engine->track;
	bool more;

	sl__track_set_now(t, now);
	if (sl__help_clock(&engine->helping, budget))
		return true;
	if (!budget)
		budget = UINT32_MAX;
	if (engine->known.sweeping)
		sl__known_sweep(engine);
	if (t->moving)
		sl__index_move(t);
	more = sl__track_expire(t, budget);
	more |= sl__fragments_expire(&engine->fragments, t->now_ms, budget);
	return more;
}

uint64_t sl_deadline(const struct sl_engine *engine)
{
	const struct sl_track *t = &engine->track;
	uint64_t help = sl__help_deadline(&engine->helping), first = sl__track_deadline(t), at;
	uint32_t at_ms;
	int32_t ahead;

	if (help < first)
		first = help;
	if (!sl__fragments_deadline(&engine->fragments, t->now_ms, &at_ms))
		return first;
	ahead = (int32_t)(at_ms - t->now_ms);
	at = (t->now / 1000000 + (ahead > 0 ? (uint32_t)ahead : 0)) * 1000000;
	return at < first ? at : first;
}

bool sl_tunable_set(struct sl_engine *engine, const char *name, uint32_t value)
{
	struct sl_track *t = &engine->track;
	struct sl_tunables before = t->set;

	if (!sl__tunables_set(&t->set, name, value))
		return sl__registry_option_set(&engine->helping.registry, name, value);
	if (t->set.max == 0 || t->set.max > t->conn_room) {
		t->set = before;
		return false;
	}
	t->conn_max = t->set.max;
	return true;
}

bool sl_tunable_get(const struct sl_engine *engine, const char *name, uint32_t *value)
{
	return sl__tunables_get(&engine->track.set, name, value) ||
	       sl__registry_option_get(&engine->helping.registry, NULL, name, value);
}

const char *sl_tunable_name(unsigned i)
{
	return sl__tunables_name(i);
}

void sl_stats(const struct sl_engine *engine, struct sl_stats *out)
{
	const struct sl_track *t = &engine->track;

	*out = t->stats;
	out->conns = sl__slab_count(&t->conns[0]) + sl__slab_count(&t->conns[1]);
	out->conns_unreplied = t->unreplied;
	out->expects = t->expects.count;
	out->stream_bytes = engine->helping.pool.bytes;
	out->fragments = engine->fragments.fragments;
}

const char *sl_engine_check(struct sl_engine *engine)
{
	const char *bad = sl__track_check(&engine->track);

	return bad ? bad : sl__fragments_check(&engine->fragments);
}
