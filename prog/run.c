/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `sluice run`: a live gateway from its command line to its end (prog/live.h). What is made is
 * made in this order and undone in the other: rules, links and routes, TAP device, BPF programs,
 * engines, and last the programs are attached to the interfaces, when everything behind them works.
 */
#include "prog/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "engine/engine.h"
#include "io/claim.h"
#include "prog/live.h"

/* ---- what rules ask ------------------------------------------------------------------------- */

static const char *if_name(void *ctx, uint32_t index)
{
	struct sl_live *live = ctx;
	const struct sl_link *link = sl_net_link(&live->net, index);

	return link ? link->name : NULL;
}

static bool is_local(void *ctx, const struct sl_addr *addr, enum sl_family family)
{
	const struct sl_live *live = ctx;

	(void)family;
	return sl_net_is_own(&live->net, addr);
}

static uint32_t route_if(
        void *ctx, const struct sl_addr *addr, enum sl_family family, uint32_t in_if, uint32_t mark)
{
	struct sl_live *live = ctx;
	struct sl_route_query query = {.dst = *addr,
	        .in_if = in_if,
	        .mark = mark,
	        .family = (uint8_t)family,
	        .from = SL_FROM_LOCAL};
	struct sl_route answer;

	sl_net_route(&live->net, &query, &answer);
	sl__record(&live->recorder, SL_RECORD_ROUTE_IF, &answer.out_if, sizeof(answer.out_if));
	return answer.out_if;
}

static bool has_helper(void *ctx, const char *name)
{
	struct sl_live *live = ctx;

	return sl__gateway_has_helper(&live->gateway, name);
}

static bool is_outside(void *ctx, uint32_t ifindex)
{
	struct sl_live *live = ctx;
	const char *name = if_name(ctx, ifindex);

	for (unsigned i = 0; name && i < live->opt->outside.n; i++)
		if (strcmp(live->opt->outside.at[i], name) == 0)
			return true;
	return false;
}

static void look_around(struct sl_live *live)
{
	live->rules_env = (struct sl_rules_env){.ctx = live,
	        .if_name = if_name,
	        .has_helper = has_helper,
	        .is_local = is_local,
	        .route_if = route_if,
	        .set_helper = sl_conn_set_helper,
	        .log = sl__gateway_log};
	live->look = (struct sl_gateway_look){.command = "sluice run",
	        .env = &live->rules_env,
	        .is_outside = is_outside,
	        .first = live->shard ? &live->all->lives[0].gateway : NULL,
	        .lock = &live->all->rules_lock};
}

static void take_rules(void *ctx)
{
	pthread_mutex_lock(ctx);
}

static void give_rules(void *ctx)
{
	pthread_mutex_unlock(ctx);
}

/* ---- start ---------------------------------------------------------------------------------- */

/* One engine's share of a limit for the whole gateway; 0: of what is normal. */
static uint32_t share(const struct sl_live *live, uint64_t limit, uint32_t normal)
{
	uint64_t each = (limit ? limit : normal) / live->all->n;

	return each ? (uint32_t)each : 1;
}

static void configure(struct sl_live *live, struct sl_config *config)
{
	const struct sl_run_options *opt = live->opt;

	sl_config_init(config);
	config->start = live->now = live->started = sl__live_clock();
	config->forward_ttl = true;
	config->shards = (uint16_t)live->all->n;
	config->shard = (uint16_t)live->shard;
	config->table_max = share(live, opt->table_max, config->table_max);
	config->expect_max = share(live, opt->expect_max, config->expect_max);
	config->fragment_memory = share(live, opt->fragment_memory, config->fragment_memory);
	config->stream_memory = share(live, opt->stream_memory, config->stream_memory);
	config->policy = live->gateway.policy;
	config->policy_ctx = live->gateway.policy_ctx;
}

static bool start_fast_path(struct sl_live *live)
{
	uint32_t each = (uint32_t)(live->opt->fast_path / live->all->n);

	if (!each)
		return true;
	if (!sl_fast_init(&live->fast, live->steer, &live->net, live->shard, each) ||
	        !sl__live_told_init(live))
		return false;
	live->env.offload = &live->fast.ops;
	return true;
}

static bool start_engine(struct sl_live *live, const uint8_t seed[32])
{
	struct sl_config config;

	configure(live, &config);
	sl__live_embed(live);
	memcpy(live->env.seed, seed, sizeof(live->env.seed));
	if (!start_fast_path(live))
		return false;
	live->engine = live->fast.engine = sl_engine_create(&config, &live->env);
	if (!live->engine)
		fprintf(stderr, "sluice run: the engine cannot be made: no memory\n");
	if (live->engine)
		sl_engine_trace(live->engine, false);
	return live->engine && sl__gateway_start(&live->gateway, &live->opt->common, live->engine);
}

/* What an engine needs before the TAP device and the BPF programs are there. */
static bool prepare(struct sl_live *live)
{
	look_around(live);
	live->blocks = malloc((size_t)SL_LIVE_STRIDE * SL_LIVE_BATCH);
	if (!live->blocks || !sl_net_init(&live->net))
		return false;
	if (!sl__gateway_init(&live->gateway, &live->opt->common, &live->look))
		return false;
	if (!live->gateway.modules2000.n || live->all->n == 1)
		return true;
	fprintf(stderr,
	        "sluice run: --module: a module of 2000 keeps what it knows in variables of its own, "
	        "which only one engine can use: --queues 1\n");
	return false;
}

/* Before anything of another gateway's is touched. */
static bool claim(const struct sl_live_all *all)
{
	const struct sl_strings *lists[] = {&all->opt.inside, &all->opt.outside};
	uint32_t tap = all->lives[0].tap.ifindex;

	for (unsigned side = 0; side < 2; side++)
		for (unsigned i = 0; i < lists[side]->n; i++)
			if (!sl_claim(tap, lists[side]->at[i]))
				return false;
	return true;
}

static bool prepare_devices(struct sl_live_all *all)
{
	struct sl_tap *first = &all->lives[0].tap;

	if (!sl_tap_init(first, all->opt.tap, all->n) || !claim(all))
		return false;
	for (unsigned i = 1; i < all->n; i++)
		if (!sl_tap_join(&all->lives[i].tap, first))
			return false;
	return sl_steer_init(&all->steer, first->ifindex, all->opt.open, all->n,
	               (uint32_t)all->opt.fast_path) &&
	       (all->n == 1 || sl_tap_steer(first, sl_steer_queue_program(&all->steer)));
}

static bool start_one(struct sl_live *live, const uint8_t seed[32])
{
	if (!start_engine(live, seed) || !sl__live_record_init(live) ||
	        !sl__live_control_init(live) || !sl__live_pass_init(live) ||
	        !sl__live_loop_init(live))
		return false;
	sl_steer_beat(live->steer, live->shard, live->now);
	return true;
}

static void *work(void *ctx)
{
	sl__live_loop(ctx);
	return NULL;
}

static bool start_threads(struct sl_live_all *all)
{
	for (unsigned i = 1; i < all->n; i++) {
		struct sl_live *live = &all->lives[i];
		int error = pthread_create(&live->thread, NULL, work, live);

		if (error) {
			fprintf(stderr, "sluice run: a thread: %s\n", strerror(error));
			return false;
		}
		live->threaded = true;
	}
	return true;
}

/* --huge-pages, where there are none: slower, but no reason not to run. */
static void look_for_huge_pages(struct sl_live_all *all)
{
	const char *obstacle = all->opt.huge_pages ? sl__huge_obstacle() : NULL;

	if (!obstacle)
		return;
	sl__log(SL_LOG_WARNING, "no-huge-pages", "why", obstacle, NULL);
	all->opt.huge_pages = false;
}

/* Privileges are a thread's own: they are dropped before there is a second one. */
static bool start(struct sl_live_all *all)
{
	uint8_t seed[32];

	sl__log_init(all->opt.log_json);
	look_for_huge_pages(all);
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed)) {
		fprintf(stderr, "sluice run: getrandom: %s\n", strerror(errno));
		return false;
	}
	for (unsigned i = 0; i < all->n; i++)
		if (!prepare(&all->lives[i]))
			return false;
	if (!prepare_devices(all))
		return false;
	for (unsigned i = 0; i < all->n; i++)
		if (!start_one(&all->lives[i], seed))
			return false;
	if (!sl__live_state_take_up(all) || !sl__live_control_open(all))
		return false;
	for (unsigned i = all->n; i-- > 0;) /* the first attaches: when all are ready */
		if (!sl__live_links_init(&all->lives[i]))
			return false;
	if (!sl__system_drop())
		sl__log(SL_LOG_WARNING, "privileges-kept", "error", strerror(errno), NULL);
	return start_threads(all) && sl__live_control_start(all);
}

/* ---- end ------------------------------------------------------------------------------------ */

static void stop_threads(struct sl_live_all *all)
{
	for (unsigned i = 1; i < all->n; i++) {
		uint64_t one = 1;

		if (!all->lives[i].threaded)
			continue;
		atomic_store(&all->lives[i].over, true);
		if (write(all->lives[i].inbox->wake, &one, sizeof(one)) < 0) {
			/* it looks up soon anyway */
		}
		pthread_join(all->lives[i].thread, NULL);
	}
}

static void end_one(struct sl_live *live)
{
	sl__gateway_stop(&live->gateway);
	sl_engine_destroy(live->engine);
	sl__live_control_fini(live);
	sl__gateway_fini(&live->gateway);
	sl__live_pass_fini(live);
	sl_fast_fini(&live->fast);
	sl__live_told_fini(live);
	sl_tap_fini(&live->tap);
	sl_net_fini(&live->net);
	for (unsigned i = 0; i < live->n_emitted; i++)
		free(live->emitted[i].packet.handle);
	free(live->emitted);
	free(live->blocks);
}

/* Packets no longer flow. The programs are removed, or left to the next gateway. */
static void stop(struct sl_live_all *all)
{
	bool keep = all->flows && all->opt.state, restart = keep && all->lives[0].restart;

	if (!restart)
		sl__live_links_fini(&all->lives[0]);
	stop_threads(all);
	if (restart)
		sl__live_state_hold(all);
	if (keep && !sl__live_state_save(all) && restart)
		sl__live_links_fini(&all->lives[0]); /* nothing to go on with */
}

static void end(struct sl_live_all *all)
{
	stop(all);
	for (unsigned i = 0; i < all->n; i++)
		sl__live_loop_fini(&all->lives[i]);
	sl__live_control_stop(all);
	sl__recording_fini(&all->recording);
	for (unsigned i = 0; i < all->n; i++)
		end_one(&all->lives[i]);
	sl_steer_fini(&all->steer);
	sl__huge_fini(&all->huge);
}

static bool clean_one(struct sl_net *net, const char *name)
{
	const struct sl_link *link = sl_net_link_named(net, name);
	char holder[IFNAMSIZ];

	if (!link) {
		fprintf(stderr, "sluice run: %s: no such interface\n", name);
		return false;
	}
	if (sl_claim_holder(name, holder)) {
		fprintf(stderr,
		        "sluice run: %s: its gateway, that of device %s, is running: end that\n",
		        name, holder);
		return false;
	}
	if (sl_steer_clean(link->index))
		printf("%s: removed\n", link->name);
	return true;
}

static int clean_up(const struct sl_run_options *opt)
{
	const struct sl_strings *lists[] = {&opt->inside, &opt->outside};
	struct sl_net net;
	bool there = sl_net_init(&net), done = there;

	for (unsigned side = 0; there && side < 2; side++)
		for (unsigned i = 0; i < lists[side]->n; i++)
			done &= clean_one(&net, lists[side]->at[i]);
	sl_net_fini(&net);
	return done ? 0 : 1;
}

static int run(struct sl_live_all *all)
{
	if (!start(all))
		return 1;
	all->flows = true;
	sl__live_state_used(all);
	printf("ready\n");
	fflush(stdout);
	sl__system_notify("READY=1\nSTATUS=packets flow");
	all->watchdog = sl__system_watchdog();
	sl__log(SL_LOG_NOTICE, "ready", "tap", all->lives[0].tap.name, NULL);
	sl__live_loop(&all->lives[0]);
	sl__system_notify("STOPPING=1");
	sl__log(SL_LOG_NOTICE, "end", NULL);
	return 0;
}

static void make(struct sl_live_all *all)
{
	all->n = (unsigned)all->opt.queues;
	if (all->opt.record)
		all->opt.fast_path = 0; /* what the engine does not see cannot be recorded */
	pthread_mutex_init(&all->nat_lock, NULL);
	pthread_mutex_init(&all->rules, NULL);
	pthread_mutex_init(&all->turn, NULL);
	sl__huge_init(&all->huge);
	all->rules_lock = (struct sl_rules_lock){&all->rules, take_rules, give_rules};
	all->lives = sl__must_alloc(all->n * sizeof(*all->lives));
	for (unsigned i = 0; i < all->n; i++)
		all->lives[i] = (struct sl_live){.all = all,
		        .opt = &all->opt,
		        .steer = &all->steer,
		        .shard = i,
		        .tap.fd = -1,
		        .net = {.ask.fd = -1, .watch.fd = -1},
		        .poll = -1,
		        .signals = -1,
		        .desk.wake = -1,
		        .feed.wake = -1};
}

int sl__run_main(int argc, char **argv)
{
	struct sl_live_all *all = sl__must_alloc(sizeof(*all));
	int status = 1;

	*all = (struct sl_live_all){0};
	sl__log_init(false);
	if (sl__run_options_init(&all->opt, argc, argv)) {
		if (all->opt.cleanup) {
			status = clean_up(&all->opt);
		} else {
			make(all);
			status = run(all);
			end(all);
			free(all->lives);
		}
	}
	sl__run_options_fini(&all->opt);
	free(all);
	return status;
}
