/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the engine reports while it works: events become rows, numbers and totals, and teach
 * the far side; traces become lines of `--explain`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prog/replay.h"

static struct sl_replay *replay_of(void *ctx)
{
	return (struct sl_replay *)(void *)((char *)ctx - offsetof(struct sl_replay, embed));
}

static uint64_t flow_number(struct sl_replay *r, bool has, uint64_t id)
{
	return has ? sl__numbers_flow(&r->numbers, id, false)->number : 0;
}

/* A line of `--explain`; packet 0: no packet is the cause. */
static bool explaining(const struct sl_replay *r)
{
	return r->opt.explain == SL_EXPLAIN_ALL || (r->packet && r->opt.explain == r->packet);
}

static void explain_event(
        const struct sl_replay *r, const struct sl_event *event, const char *what, uint64_t number)
{
	if (explaining(r))
		printf("    %-12s %s of %s %llu\n", "event", sl__event_name(event->type), what,
		        (unsigned long long)number);
}

static void count_conn(struct sl_replay *r, const struct sl_event *event,
        const struct sl_conn_info *info, struct sl_numbered *flow)
{
	uint64_t *of = r->totals.of;

	if (event->type == SL_EVENT_NEW) {
		of[SL_TOTAL_FLOWS]++;
		of[SL_TOTAL_FLOWS_EXPECTED] += (info->status & SL_EXPECTED) != 0;
		of[SL_TOTAL_FLOWS_WITH_HELPER] += info->helper != NULL;
	}
	of[SL_TOTAL_EXPECTATIONS_MET] = of[SL_TOTAL_FLOWS_EXPECTED];
	if (info->status & SL_ASSURED && !flow->assured) {
		flow->assured = true;
		of[SL_TOTAL_FLOWS_ASSURED]++;
	}
	flow->gone |= event->type == SL_EVENT_DESTROY;
}

static void conn_event(struct sl_replay *r, const struct sl_event *event, uint64_t packet)
{
	struct sl_numbered *flow;
	struct sl_conn_info info;
	uint64_t number;

	sl_conn_info(r->engine, event->conn, &info);
	flow = sl__numbers_flow(&r->numbers, info.id, event->type == SL_EVENT_NEW);
	number = flow->number;
	count_conn(r, event, &info, flow);
	explain_event(r, event, "connection", number);
	sl__json_conn_event(&r->json, event, &info, number, packet);
	sl__output_line(&r->output, &r->output.events, &r->json);
	sl__account_conn(&r->account, event, &info, number,
	        flow_number(r, info.has_master, info.master_id));
	if (event->type == SL_EVENT_NEW && r->gateway.nat)
		sl__farside_conn(&r->farside, &info);
}

static void expect_event(struct sl_replay *r, const struct sl_event *event, uint64_t packet)
{
	bool fresh = event->type == SL_EVENT_EXPECT_NEW;
	struct sl_expect_info info;
	uint64_t number;

	sl_expect_info(r->engine, event->expect, &info);
	number = sl__numbers_expect(&r->numbers, info.id, fresh)->number;
	r->totals.of[SL_TOTAL_EXPECTATIONS] += fresh;
	explain_event(r, event, "expectation", number);
	sl__json_expect_event(&r->json, event, &info, number, packet);
	sl__output_line(&r->output, &r->output.events, &r->json);
	sl__account_expect(&r->account, event, &info, number, flow_number(r, true, info.master_id));
	if (fresh && r->gateway.nat)
		sl__farside_expect(&r->farside, &info);
}

/* A remark: kept until the frame's row is written. */
static void log_event(struct sl_replay *r, const struct sl_event *event)
{
	const char *name = event->why == SL_WHY_NONE ? "" : sl_reason_name(event->why);
	size_t size = strlen(name) + event->text_len + 3;
	char *note;

	if (r->n_notes == SL_REPLAY_NOTES)
		return;
	note = sl__must_alloc(size);
	snprintf(note, size, "%s%s%.*s", name, *name ? ": " : "", (int)event->text_len,
	        event->text ? event->text : "");
	r->notes[r->n_notes++] = note;
}

void sl__replay_event(void *ctx, const struct sl_event *event)
{
	struct sl_replay *r = replay_of(ctx);
	uint64_t packet = event->packet ? r->packet : 0;

	if (r->over)
		return;
	r->account.packet = packet;
	switch (event->type) {
	case SL_EVENT_NEW:
	case SL_EVENT_UPDATE:
	case SL_EVENT_DESTROY:
		conn_event(r, event, packet);
		break;
	case SL_EVENT_EXPECT_NEW:
	case SL_EVENT_EXPECT_DESTROY:
		expect_event(r, event, packet);
		break;
	case SL_EVENT_LOG:
		log_event(r, event);
		break;
	}
}

void sl__replay_trace(void *ctx, const struct sl_trace *trace)
{
	struct sl_replay *r = replay_of(ctx);
	struct sl_conn_info info;

	if (r->over || !explaining(r))
		return;
	printf("    %-12s %.*s", trace->step, (int)trace->text_len, trace->text);
	if (trace->conn && !strcmp(trace->step, "lookup")) {
		sl_conn_info(r->engine, trace->conn, &info);
		printf(" (connection %llu)", (unsigned long long)flow_number(r, true, info.id));
	}
	putchar('\n');
}
