/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the engine's thread and the control thread (ctl/server.h): events go over as records,
 * questions come in at the desk. A ruleset is read in the control thread; only the swap happens
 * between two batches of packets.
 */
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "prog/live.h"
#include "prog/view.h"

#define FEED_SIZE ((size_t)8 << 20)
enum { LOGGED_A_SECOND = 50 };

/* ---- events: in the engine's thread --------------------------------------------------------- */

static uint64_t number_of(const struct sl_live *live, const struct sl_packet *p)
{
	if (p >= live->packets && p < live->packets + SL_LIVE_BATCH)
		return live->packets_in + (uint64_t)(p - live->packets) + 1;
	if (p >= live->told && p < live->told + SL_LIVE_BATCH)
		return live->packets_in + (uint64_t)(p - live->told) + 1;
	return 0;
}

static void put_text(struct sl_live *live, const struct sl_event *event)
{
	struct sl_feed_record *r = sl__feed_begin(&live->feed, SL_FEED_LOG, event->text_len);

	if (!r)
		return;
	r->packet = number_of(live, event->packet);
	r->event = *event;
	r->text.len = (uint32_t)event->text_len;
	if (event->text_len)
		memcpy(sl__feed_bytes(r), event->text, event->text_len);
	sl__feed_end(&live->feed, r);
}

static void put_object(struct sl_live *live, const struct sl_event *event)
{
	bool conn = event->type <= SL_EVENT_DESTROY;
	struct sl_feed_record *r =
	        sl__feed_begin(&live->feed, conn ? SL_FEED_CONN : SL_FEED_EXPECT, 0);

	if (!r)
		return;
	r->packet = number_of(live, event->packet);
	r->event = *event;
	if (conn)
		sl_conn_info(live->engine, event->conn, &r->conn);
	else
		sl_expect_info(live->engine, event->expect, &r->expect);
	sl__feed_end(&live->feed, r);
}

/* A rule's log statement, or a helper's remark: to the log, but no flood of them. */
static void log_text(struct sl_live *live, const struct sl_event *event)
{
	char text[SL_VIEW_TEXT] = "", message[256];
	struct sl_view view;

	if (live->now - live->log_began > UINT64_C(1000000000)) {
		live->log_began = live->now;
		live->logged = 0;
	}
	if (live->logged++ >= LOGGED_A_SECOND)
		return;
	if (event->packet && sl__view_init(&view, event->packet->data, event->packet->len))
		sl__view_text(&view, text);
	snprintf(message, sizeof(message), "%.*s", (int)event->text_len,
	        event->text ? event->text : "");
	sl__log(SL_LOG_INFO, "packet", "text", message, "reason",
	        event->why == SL_WHY_NONE ? "" : sl_reason_name(event->why), "packet", text, NULL);
}

void sl__live_event(void *ctx, const struct sl_event *event)
{
	struct sl_live *live = ctx;

	if (event->type == SL_EVENT_LOG)
		log_text(live, event);
	if (event->type == SL_EVENT_NEW && live->inbox)
		sl__live_learn_nat(live, event->conn);
	if (!atomic_load_explicit(&live->feed.readers, memory_order_relaxed))
		return;
	if (event->type == SL_EVENT_LOG)
		put_text(live, event);
	else
		put_object(live, event);
}

/* ---- questions ------------------------------------------------------------------------------ */

struct swap {
	struct sl_live *live;
	struct sl_rules *rules;
};

static void swap_rules(void *ctx)
{
	struct swap *s = ctx;

	sl__live_record_rules(s->live, s->rules);
	s->rules = sl__gateway_swap(&s->live->gateway, s->live->engine, s->rules);
}

/* One ruleset, and for each other engine a view of it. */
static bool read_all(struct sl_live_all *all, struct swap *swaps, const char *file, FILE *errors)
{
	for (unsigned i = 0; i < all->n; i++) {
		struct sl_gateway *g = &all->lives[i].gateway;

		swaps[i] = (struct swap){.live = &all->lives[i]};
		swaps[i].rules = i ? sl__gateway_share(g, swaps[0].rules)
		                   : sl__gateway_read(g, file, errors);
		if (!swaps[i].rules)
			return false;
	}
	return true;
}

/* All are there before one is swapped. */
static bool reload(void *ctx, const char *file, FILE *errors)
{
	struct sl_live_all *all = ctx;
	struct swap swaps[SL_STEER_QUEUES] = {0};
	const char *name = file ? file : all->opt.common.rules;
	bool done;

	if (!name) {
		fprintf(errors, "sluice reload: which file? sluice run had no --rules\n");
		return false;
	}
	done = read_all(all, swaps, file, errors);
	for (unsigned i = 0; i < all->n && done; i++)
		done = sl__desk_call(&all->lives[i].desk, swap_rules, &swaps[i]);
	sl__log(done ? SL_LOG_NOTICE : SL_LOG_ERROR, done ? "reload" : "reload-failed", "file",
	        name, NULL);
	for (unsigned i = 0; i < all->n; i++)
		sl_rules_destroy(swaps[i].rules); /* the old one, or the new one that nobody took */
	return done;
}

static void end_conn(void *ctx, struct sl_conn *conn, const struct sl_conn_info *info)
{
	sl__live_kill_conn(ctx, conn, info, SL_WHY_FLUSHED);
}

static void end_expect(void *ctx, struct sl_expect *expect, const struct sl_expect_info *info)
{
	sl__live_kill_expect(ctx, expect, info, SL_WHY_FLUSHED);
}

static void more(void *ctx, struct sl_control_more *out)
{
	struct sl_live *live = ctx;
	uint64_t counts[SL_STEER_COUNT];

	out->told += live->packets_told;
	out->unsent += live->unsent;
	out->not_passed += live->not_passed;
	out->read_errors += live->tap.read_errors;
	out->write_errors += live->tap.write_errors;
	out->routes_asked += live->net.asked;
	out->conns_max += live->engine->config.table_max;
	out->expects_max += live->engine->config.expect_max;
	out->offloaded += live->fast.used;
	out->fast_packets += live->fast.packets;
	out->fast_bytes += live->fast.bytes;
	if (live->shard)
		return;
	sl_steer_counts(live->steer, counts);
	out->gone_dropped = counts[SL_STEER_GONE_DROPPED];
	out->gone_passed = counts[SL_STEER_GONE_PASSED];
	out->foreign = counts[SL_STEER_FOREIGN];
	out->uptime = (live->now - live->started) / 1000000000u;
}

static const struct sl_helper *helper(void *ctx, unsigned i, uint16_t *port, bool *active)
{
	const struct sl_live_all *all = ctx;
	const struct sl_live *live = &all->lives[0];
	const struct sl_attach *attach = &live->gateway.attach[i];

	if (i >= live->gateway.n_attach)
		return NULL;
	*port = attach->port;
	*active = attach->active && (attach->port || !live->gateway.rules);
	return attach->helper;
}

/* ---- start and end -------------------------------------------------------------------------- */

bool sl__live_control_init(struct sl_live *live)
{
	if (sl__desk_init(&live->desk) && sl__feed_init(&live->feed, FEED_SIZE))
		return true;
	fprintf(stderr, "sluice run: no memory for the control socket\n");
	return false;
}

bool sl__live_control_open(struct sl_live_all *all)
{
	struct sl_control_ops ops = {.ctx = all,
	        .n_engines = all->n,
	        .reload = reload,
	        .end_conn = end_conn,
	        .end_expect = end_expect,
	        .more = more,
	        .helper = helper};

	_Static_assert(
	        (int)SL_STEER_QUEUES <= (int)SL_SERVER_ENGINES, "a server knows all engines");
	for (unsigned i = 0; i < all->n; i++)
		ops.engines[i] = (struct sl_control_engine){.ctx = &all->lives[i],
		        .engine = all->lives[i].engine,
		        .desk = &all->lives[i].desk,
		        .feed = &all->lives[i].feed};
	if (strcmp(all->opt.control, "none") == 0)
		return true;
	all->server = sl__server_create(
	        all->opt.control, all->opt.control_mode, all->opt.control_group, &ops);
	return all->server != NULL;
}

bool sl__live_control_start(struct sl_live_all *all)
{
	if (all->server && !sl__server_start(all->server))
		return false;
	if (!all->opt.metrics)
		return true;
#ifdef SLUICE_METRICS
	if (all->server)
		all->metrics = sl__metrics_create(all->opt.metrics, all->server);
	else
		fprintf(stderr, "sluice run: --metrics needs a control socket\n");
#else
	fprintf(stderr, "sluice run: --metrics: built without libmicrohttpd\n");
#endif
	return all->metrics != NULL;
}

void sl__live_control_stop(struct sl_live_all *all)
{
	for (unsigned i = 0; i < all->n; i++)
		if (all->lives[i].desk.wake >= 0)
			sl__desk_close(&all->lives[i].desk);
#ifdef SLUICE_METRICS
	sl__metrics_destroy(all->metrics);
#endif
	sl__server_destroy(all->server);
	all->server = NULL;
	for (unsigned i = 0; i < all->n; i++)
		atomic_store(&all->lives[i].feed.readers, 0);
}

void sl__live_control_fini(struct sl_live *live)
{
	if (live->desk.wake >= 0)
		sl__desk_fini(&live->desk);
	sl__feed_fini(&live->feed);
	sl__print_fini(&live->explained);
}
