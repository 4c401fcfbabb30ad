/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `sluice run`: a live gateway from its command line to its end (prog/live.h). What is made is
 * made in this order and undone in the other: rules, links and routes, TAP device, BPF programs,
 * engine, and last the programs are attached to the interfaces, when everything behind them works.
 */
#include "prog/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine/engine.h"
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
        void *ctx, const struct sl_addr *addr, enum sl_family family, uint32_t in_if)
{
	struct sl_live *live = ctx;
	struct sl_route_query query = {
	        .dst = *addr, .in_if = in_if, .family = (uint8_t)family, .from = SL_FROM_LOCAL};
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

	for (unsigned i = 0; name && i < live->opt.outside.n; i++)
		if (strcmp(live->opt.outside.at[i], name) == 0)
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
	live->look = (struct sl_gateway_look){
	        .command = "sluice run", .env = &live->rules_env, .is_outside = is_outside};
}

/* ---- start ---------------------------------------------------------------------------------- */

static bool start_engine(struct sl_live *live)
{
	struct sl_config config;

	sl_config_init(&config);
	config.start = live->now = live->started = sl__live_clock();
	config.forward_ttl = true;
	if (live->opt.table_max)
		config.table_max = (uint32_t)live->opt.table_max;
	if (live->opt.expect_max)
		config.expect_max = (uint32_t)live->opt.expect_max;
	if (live->opt.fragment_memory)
		config.fragment_memory = (uint32_t)live->opt.fragment_memory;
	if (live->opt.stream_memory)
		config.stream_memory = (uint32_t)live->opt.stream_memory;
	config.policy = live->gateway.policy;
	config.policy_ctx = live->gateway.policy_ctx;
	sl__live_embed(live);
	if (live->opt.record)
		live->opt.fast_path = 0; /* what the engine does not see cannot be recorded */
	if (live->opt.fast_path) {
		if (!sl_fast_init(
		            &live->fast, &live->steer, &live->net, 0, (uint32_t)live->opt.fast_path))
			return false;
		live->env.offload = &live->fast.ops;
	}
	if (getrandom(live->env.seed, sizeof(live->env.seed), 0) != sizeof(live->env.seed)) {
		fprintf(stderr, "sluice run: getrandom: %s\n", strerror(errno));
		return false;
	}
	live->engine = sl_engine_create(&config, &live->env);
	if (!live->engine)
		fprintf(stderr, "sluice run: the engine cannot be made: no memory\n");
	if (live->engine)
		sl_engine_trace(live->engine, false);
	return live->engine && sl__gateway_start(&live->gateway, &live->opt.common, live->engine);
}

static bool start(struct sl_live *live)
{
	sl__log_init(live->opt.log_json);
	look_around(live);
	live->blocks = malloc((size_t)SL_LIVE_STRIDE * SL_LIVE_BATCH);
	if (!live->blocks || !sl_net_init(&live->net))
		return false;
	if (!sl__gateway_init(&live->gateway, &live->opt.common, &live->look))
		return false;
	if (!sl_tap_init(&live->tap, live->opt.tap) ||
	        !sl_steer_init(&live->steer, live->tap.ifindex, live->opt.open,
	                (uint32_t)live->opt.fast_path))
		return false;
	if (!start_engine(live) || !sl__live_record_init(live) || !sl__live_control_init(live) ||
	        !sl__live_loop_init(live))
		return false;
	sl_steer_beat(&live->steer, live->now);
	if (!sl__live_links_init(live) || !sl__live_control_start(live))
		return false;
	if (!sl__system_drop())
		sl__log(SL_LOG_WARNING, "privileges-kept", "error", strerror(errno), NULL);
	return true;
}

/* ---- end ------------------------------------------------------------------------------------ */

static void end(struct sl_live *live)
{
	sl__live_links_fini(live);
	sl__live_loop_fini(live);
	sl__live_control_stop(live);
	sl__recorder_fini(&live->recorder);
	sl__gateway_stop(&live->gateway);
	sl_engine_destroy(live->engine);
	sl__live_control_fini(live);
	sl__gateway_fini(&live->gateway);
	sl_fast_fini(&live->fast);
	sl_steer_fini(&live->steer);
	sl_tap_fini(&live->tap);
	sl_net_fini(&live->net);
	for (unsigned i = 0; i < live->n_emitted; i++)
		free(live->emitted[i].packet.handle);
	free(live->emitted);
	free(live->blocks);
}

static int clean_up(const struct sl_run_options *opt)
{
	const struct sl_strings *lists[] = {&opt->inside, &opt->outside};
	struct sl_net net;
	bool done = sl_net_init(&net);

	for (unsigned side = 0; done && side < 2; side++)
		for (unsigned i = 0; i < lists[side]->n; i++) {
			const struct sl_link *link = sl_net_link_named(&net, lists[side]->at[i]);

			if (link && sl_steer_clean(link->index))
				printf("%s: removed\n", link->name);
		}
	sl_net_fini(&net);
	return done ? 0 : 1;
}

int sl__run_main(int argc, char **argv)
{
	struct sl_live *live = sl__must_alloc(sizeof(*live));
	int status = 1;

	*live = (struct sl_live){.tap.fd = -1,
	        .net = {.ask.fd = -1, .watch.fd = -1},
	        .poll = -1,
	        .signals = -1,
	        .desk.wake = -1,
	        .feed.wake = -1};
	sl__log_init(false);
	if (!sl__run_options_init(&live->opt, argc, argv)) {
		status = 1;
	} else if (live->opt.cleanup) {
		status = clean_up(&live->opt);
	} else {
		if (start(live)) {
			printf("ready\n");
			fflush(stdout);
			sl__system_notify("READY=1\nSTATUS=packets flow");
			live->watchdog = sl__system_watchdog();
			sl__log(SL_LOG_NOTICE, "ready", "tap", live->tap.name, NULL);
			sl__live_loop(live);
			sl__system_notify("STOPPING=1");
			sl__log(SL_LOG_NOTICE, "end", NULL);
			status = 0;
		}
		end(live);
	}
	sl__run_options_fini(&live->opt);
	free(live);
	return status;
}
