/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `sluice explain`: while somebody asks, packets are put through one by one, and each becomes a
 * text: what came, every step that the engine traced, the verdict, what leaves.
 */
#include <stdio.h>
#include <string.h>

#include "prog/live.h"
#include "prog/view.h"
#include "track/parse.h"

static const char *verdict_text(const struct sl_packet *p)
{
	switch ((enum sl_verdict)p->verdict) {
	case SL_ACCEPT:
		return p->to == SL_TO_LOCAL ? "accepted, to this machine" : "accepted";
	case SL_DROP:
		return "dropped";
	case SL_QUEUED:
		return "waits for other fragments";
	case SL_HELD:
		return "held until the rest of the message comes";
	case SL_TAKEN:
		return "taken: what comes of it is sent";
	case SL_HANDOVER:
		return "handed to another shard";
	case SL_NONE:
		break;
	}
	return "none";
}

static const char *state_text(const struct sl_packet *p)
{
	static const char *const names[] = {[SL_CT_NONE] = "not tracked",
	        [SL_CT_INVALID] = "INVALID",
	        [SL_CT_UNTRACKED] = "UNTRACKED",
	        [SL_CT_NEW] = "NEW",
	        [SL_CT_ESTABLISHED] = "ESTABLISHED",
	        [SL_CT_RELATED] = "RELATED"};

	return names[p->state];
}

static const char *if_text(struct sl_live *live, uint32_t index)
{
	const struct sl_link *link = sl_net_link(&live->net, index);

	return link ? link->name : "this machine";
}

static void put_packet(struct sl_live *live, const char *what, struct sl_packet *p)
{
	char text[SL_VIEW_TEXT];
	struct sl_view view;

	if (sl__view_init(&view, p->data, p->len))
		sl__print_printf(&live->explained, "%s %s\n", what, sl__view_text(&view, text));
}

static void before(struct sl_live *live, unsigned i)
{
	struct sl_packet *p = &live->packets[i];
	struct sl_parsed parsed;
	char head[96];

	(void)sl__parse(p, &parsed);
	live->explained_tuple = parsed.tuple;
	live->explained.len = 0;
	snprintf(head, sizeof(head),
	        "packet %llu from %s:", (unsigned long long)live->packets_in + i + 1,
	        if_text(live, p->in_if));
	put_packet(live, head, p);
}

static void after(struct sl_live *live, struct sl_packet *p)
{
	bool dropped = p->verdict == SL_DROP || p->state == SL_CT_INVALID;
	struct sl_print *t = &live->explained;
	struct sl_feed_record *r;

	sl__print_printf(t, "    %-12s %s; %s", "verdict", verdict_text(p), state_text(p));
	if (p->reason != SL_WHY_NONE)
		sl__print_printf(t, "; %s: %s", sl_reason_name((enum sl_reason)p->reason),
		        sl_reason_text((enum sl_reason)p->reason));
	sl__print_put(t, "\n", 1);
	if (p->verdict == SL_ACCEPT && p->to == SL_TO_FORWARD) {
		sl__print_printf(t, "    %-12s by %s:", "leaves", if_text(live, p->out_if));
		put_packet(live, "", p);
	}
	r = sl__feed_begin(&live->feed, SL_FEED_EXPLAIN, t->len);
	if (!r)
		return;
	r->dropped = dropped;
	r->text.tuple = live->explained_tuple;
	r->text.len = (uint32_t)t->len;
	memcpy(sl__feed_bytes(r), t->bytes, t->len);
	sl__feed_end(&live->feed, r);
}

void sl__live_trace(void *ctx, const struct sl_trace *trace)
{
	struct sl_live *live = ctx;

	if (live->explaining)
		sl__print_printf(&live->explained, "    %-12s %.*s\n", trace->step,
		        (int)trace->text_len, trace->text);
}

void sl__live_explain(struct sl_live *live, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		before(live, i);
		sl_input(live->engine, &live->packets[i], 1, live->now);
		after(live, &live->packets[i]);
	}
}
