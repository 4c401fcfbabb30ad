/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `sluice replay`: a capture through the engine.
 *
 * Two passes. The first learns on which side each address is (sides.c). The second puts each
 * frame through: clock, far side (farside.c, only with NAT), engine, and what came of it into
 * an outcome (outcome.h), which the reporters read (account.c, json_packets.c, output.c). What
 * the engine reports meanwhile is in replay_events.c.
 *
 * What ends at a public address is answered by the gateway's own host (host.c).
 *
 * Frames go in one at a time, as the far side answers to what came out before; that the size of
 * a batch makes no difference is the tests' business.
 *
 * Limits: packets that the clock lets out between two frames (acknowledgements of held bytes,
 * parts of messages nobody finished) are in the captures and totals, but have no row.
 */
#include "prog/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/link.h"
#include "prog/host.h"
#include "prog/json_packets.h"
#include "prog/record.h"

enum { PROGRESS_EVERY = 1 << 14 };

/* ---- the two passes over the capture ------------------------------------------------------ */

static bool wanted(const struct sl_replay *r, const struct sl_frame *frame)
{
	return !r->opt.limit || frame->number <= r->opt.limit;
}

static void learn(struct sl_replay *r, const struct sl_frame *frame)
{
	struct sl_link_packet packet;
	struct sl_view view;

	if (frame->number == 1)
		r->start = frame->ts;
	if (sl_link_packet(frame->linktype, frame->data, frame->caplen, r->captured, &packet) &&
	        sl__view_init(&view, packet.data, packet.len))
		sl__sides_learn(&r->sides, &view);
}

static void progress(const struct sl_replay *r, const struct sl_capture *cap, const char *what)
{
	if (cap->frames % PROGRESS_EVERY || r->opt.quiet || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%s: %llu frames, %u %%  ", what, (unsigned long long)cap->frames,
	        r->source.total ? (unsigned)(cap->offset * 100 / r->source.total) : 0);
}

static void progress_over(const struct sl_replay *r, const struct sl_capture *cap)
{
	if (cap->frames >= PROGRESS_EVERY && !r->opt.quiet && isatty(STDERR_FILENO))
		fprintf(stderr, "\r%60s\r", "");
}

static void one_frame(struct sl_replay *r, const struct sl_frame *frame);

/* Exit status: 0, 1 (no capture) or 2 (damaged); second: the pass that does the work. */
static int pass(struct sl_replay *r, bool second)
{
	enum sl_capture_result got = SL_CAPTURE_ERROR;
	struct sl_capture cap;
	struct sl_frame frame;
	int status = 0;

	if (sl__source_open(&r->source, &cap)) {
		if (second)
			sl__output_follow(&r->output, &cap);
		while ((got = sl_capture_next(&cap, &frame)) == SL_CAPTURE_FRAME &&
		        wanted(r, &frame)) {
			progress(r, &cap, second ? "replaying" : "reading");
			if (second)
				one_frame(r, &frame);
			else
				learn(r, &frame);
		}
		progress_over(r, &cap);
	}
	if (got == SL_CAPTURE_ERROR || got == SL_CAPTURE_DAMAGED)
		status = got == SL_CAPTURE_ERROR && cap.frames == 0 ? 1 : 2;
	if (status && (second || status == 1))
		fprintf(stderr, "sluice replay: %s: %s\n", r->source.path, cap.error);
	sl_capture_fini(&cap);
	return status;
}

/* ---- one frame: in ------------------------------------------------------------------------ */

static void copy_view(struct sl_view *to, uint8_t *buffer, const struct sl_view *from)
{
	*to = *from;
	to->data = buffer + SL_LINK_HEADROOM;
	memcpy(to->data, from->data, from->len);
}

static struct sl_packet lend(struct sl_replay *r, const struct sl_view *sent, enum sl_side side)
{
	bool own = sl__embed_is_own(&r->embed, (enum sl_family)sent->family, &sent->src);
	uint8_t *data = r->lent + SL_LINK_HEADROOM;

	memcpy(data, sent->data, sent->len);
	return (struct sl_packet){.data = data,
	        .len = sent->len,
	        .headroom = SL_LINK_HEADROOM,
	        .tailroom = SL_LINK_BUFFER_SIZE - SL_LINK_HEADROOM - sent->len,
	        .in_if = own ? 0 : (uint32_t)side,
	        .inside = side == SL_SIDE_IN,
	        .from = own ? SL_FROM_LOCAL : SL_FROM_WIRE};
}

static void add_leaving(struct sl_replay *r, const struct sl_packet *p, enum sl_side in, uint64_t ts)
{
	struct sl_leaving leaving = {.ts = ts, .local = p->to == SL_TO_LOCAL};
	bool through;

	if (!sl__view_init(&leaving.view, p->data, p->len))
		return;
	leaving.side = p->out_if == SL_SIDE_IN ? SL_SIDE_IN : SL_SIDE_OUT;
	if (!p->out_if)
		leaving.side = sl__sides_of(&r->sides, (enum sl_family)leaving.view.family,
		                       &leaving.view.dst) == SL_SIDE_IN ?
		                       SL_SIDE_IN :
		                       SL_SIDE_OUT;
	sl__output_leaving(&r->output, &leaving);
	if (leaving.local)
		return;
	through = leaving.side != in;
	if (r->n_through == r->leaving_size || r->n_back == r->leaving_size) {
		r->leaving_size = r->leaving_size * 2 + 8;
		r->through = sl__must_grow(r->through, r->leaving_size * sizeof(*r->through));
		r->back = sl__must_grow(r->back, r->leaving_size * sizeof(*r->back));
	}
	if (through)
		r->through[r->n_through++] = leaving;
	else
		r->back[r->n_back++] = leaving;
}

/* ---- the clock ---------------------------------------------------------------------------- */

static void let_out(struct sl_replay *r, uint64_t ts)
{
	for (unsigned i = 0; i < r->embed.n_emitted; i++) {
		add_leaving(r, &r->embed.emitted[i], SL_SIDE_NONE, ts);
		r->totals.of[SL_TOTAL_GENERATED]++;
	}
	r->n_through = r->n_back = 0;
	sl__embed_drain(&r->embed);
}

/* Everything that is due until then, each at its time as far as the engine tells it. */
static void advance(struct sl_replay *r, uint64_t ts)
{
	uint64_t now = r->opt.time_none ? r->start : ts, due = sl__engines_deadline(r), last = 0;

	r->packet = r->account.packet = 0;
	while (due <= now && due > last) {
		r->account.ts = last = due;
		sl__engines_clock(r, due);
		let_out(r, due);
		due = sl__engines_deadline(r);
	}
	if (now > r->now)
		r->now = now;
	r->account.ts = r->now;
	sl__engines_clock(r, r->now);
	let_out(r, r->now);
}

/* ---- the gateway's own answer -------------------------------------------------------------- */

/* What ends at a public address, which stands for a host of its own; NULL: nothing does. */
static const struct sl_packet *for_host(const struct sl_replay *r, const struct sl_packet *p)
{
	if (!r->gateway.nat || r->opt.n_own)
		return NULL;
	if (p->verdict == SL_ACCEPT)
		return p->to == SL_TO_LOCAL ? p : NULL;
	for (unsigned i = 0; i < r->embed.n_emitted && p->verdict == SL_TAKEN; i++)
		if (r->embed.emitted[i].to == SL_TO_LOCAL)
			return &r->embed.emitted[i]; /* it came in fragments */
	return NULL;
}

static bool to_public(const struct sl_replay *r, const struct sl_view *v)
{
	return sl_addr_eq(
	        &v->dst, v->family == SL_IPV4 ? &r->opt.public4 : &r->opt.public6);
}

/* What the gateway itself answers goes out through the engine, as from a local program. */
static void answer(struct sl_replay *r, struct sl_packet *p, struct sl_outcome *o)
{
	struct sl_packet out = {.data = r->answer + SL_LINK_HEADROOM,
	        .headroom = SL_LINK_HEADROOM,
	        .tailroom = SL_HOST_ANSWER,
	        .from = SL_FROM_LOCAL};
	const struct sl_packet *whole = for_host(r, p);
	struct sl_view v;

	if (!whole || !sl__view_init(&v, whole->data, whole->len) || !to_public(r, &v))
		return;
	out.len = sl__host_answer(&v, o->frame->ts, out.data);
	if (!out.len)
		return;
	sl__engines_input(r, &out);
	if (out.verdict == SL_ACCEPT)
		add_leaving(r, &out, o->side, o->frame->ts);
	o->back = r->back;
	o->n_back = r->n_back;
	o->through = r->through;
	if (r->n_through && !o->n_through) { /* who asked is at home on the other side */
		o->fate = SL_FATE_FORWARDED;
		o->altered = o->answered = true;
		o->n_through = r->n_through;
	}
}

/* ---- one frame: out ----------------------------------------------------------------------- */

static enum sl_fate fate_of(const struct sl_replay *r, const struct sl_packet *p, bool local)
{
	switch (p->verdict) {
	case SL_ACCEPT:
		return p->to == SL_TO_LOCAL ? SL_FATE_LOCAL : SL_FATE_FORWARDED;
	case SL_QUEUED:
		return SL_FATE_QUEUED;
	case SL_HELD:
		return SL_FATE_HELD;
	case SL_TAKEN:
		return r->n_through ? SL_FATE_FORWARDED : local ? SL_FATE_LOCAL : SL_FATE_HELD;
	default:
		return SL_FATE_DROPPED;
	}
}

static void collect(struct sl_replay *r, const struct sl_packet *p, struct sl_outcome *o)
{
	bool local = false;

	r->n_through = r->n_back = 0;
	if (p->verdict == SL_ACCEPT)
		add_leaving(r, p, o->side, o->frame->ts);
	for (unsigned i = 0; i < r->embed.n_emitted; i++) {
		local |= r->embed.emitted[i].to == SL_TO_LOCAL;
		add_leaving(r, &r->embed.emitted[i], o->side, o->frame->ts);
	}
	o->fate = fate_of(r, p, local);
	/* A fragment that reassembly throws away never was a packet to be judged. */
	if (o->fate == SL_FATE_DROPPED && o->captured->fragment && p->state == SL_CT_NONE)
		o->fate = SL_FATE_QUEUED;
	o->through = r->through;
	o->n_through = r->n_through;
	o->back = r->back;
	o->n_back = r->n_back;
	o->altered = r->n_through &&
	             (r->n_through > 1 || !sl__view_same(o->sent, &r->through[0].view));
}

static void describe(struct sl_replay *r, const struct sl_packet *p, struct sl_outcome *o)
{
	struct sl_conn_info info;

	o->state = (enum sl_ctstate)p->state;
	o->dir = (enum sl_dir)p->dir;
	o->reason = (enum sl_reason)p->reason;
	o->beyond = (enum sl_beyond)p->beyond;
	if (!p->conn || p->verdict == SL_DROP)
		return;
	sl_conn_info(r->engine, p->conn, &info);
	o->flow = sl__numbers_flow(&r->numbers, info.id, false)->number;
	o->helper = info.helper;
}

static void report(struct sl_replay *r, struct sl_outcome *o)
{
	o->notes = (const char *const *)r->notes;
	o->n_notes = r->n_notes;
	sl__totals_packet(&r->totals, o);
	sl__account_packet(&r->account, o);
	if (r->output.on) {
		sl__json_packet(&r->json, o);
		sl__output_line(&r->output, &r->output.packets, &r->json);
		sl__output_frame(&r->output, o);
	}
	for (unsigned i = 0; i < r->n_notes; i++)
		free(r->notes[i]);
	r->n_notes = 0;
}

static bool explaining(const struct sl_replay *r)
{
	return r->opt.explain == SL_EXPLAIN_ALL || r->opt.explain == r->packet;
}

static void explain_before(const struct sl_replay *r, const struct sl_outcome *o)
{
	char text[SL_VIEW_TEXT];

	if (!explaining(r))
		return;
	printf("packet %llu, from %s: %s\n", (unsigned long long)r->packet,
	        o->side == SL_SIDE_IN ? "in0" : "out0", sl__view_text(o->captured, text));
	if (o->sent_changed)
		printf("    %-12s %s\n", "sent as", sl__view_text(o->sent, text));
}

static void explain_after(const struct sl_replay *r, const struct sl_outcome *o)
{
	char text[192], ct[32];
	const char *state = sl__ct_text(o, ct), *why = sl__why_text(o, text);

	if (!explaining(r))
		return;
	printf("    %-12s %s%s%s%s%s\n", "verdict", sl__fate_text(o->fate), state ? ", " : "",
	        state ? state : "", why ? "; " : "", why ? why : "");
	for (unsigned i = 0; o->altered && i < o->n_through; i++)
		printf("    %-12s %s\n", "leaves as", sl__view_text(&o->through[i].view, text));
}

static void observe_far_side(struct sl_replay *r, struct sl_outcome *o, bool held)
{
	bool other_held = sl__payloads_released(&r->payloads, o);

	if (r->farside.waits && !o->beyond) /* its sender would have acknowledged what is held */
		o->beyond = SL_BEYOND_SPLIT_MESSAGE;
	o->wrong = sl__farside_observe(&r->farside, o, held, other_held);
	sl__wording_observe(&r->wording, o);
	sl__callids_observe(&r->callids, o);
}

static void put_through(struct sl_replay *r, struct sl_outcome *o)
{
	struct sl_packet p = lend(r, o->sent, o->side);
	bool held;

	r->embed.side = o->side;
	explain_before(r, o);
	sl__engines_input(r, &p);
	collect(r, &p, o);
	describe(r, &p, o);
	answer(r, &p, o);
	held = sl__payloads_compare(&r->payloads, o);
	if (r->gateway.nat)
		observe_far_side(r, o, held);
	explain_after(r, o);
	report(r, o);
	if (p.verdict == SL_ACCEPT || p.verdict == SL_DROP)
		sl__embed_release(&p);
	sl__embed_drain(&r->embed);
}

static void one_packet(struct sl_replay *r, struct sl_outcome *o, const struct sl_view *captured)
{
	struct sl_view sent;

	o->captured = captured;
	o->side = sl__sides_of_packet(&r->sides, captured);
	if (sl__embed_is_own(&r->embed, (enum sl_family)captured->family, &captured->src))
		o->side = SL_SIDE_IN;
	copy_view(&sent, r->sent, captured);
	if (r->gateway.nat) {
		sl__wording_translate(&r->wording, &sent);
		sl__callids_translate(&r->callids, &sent, o->side);
		sl__farside_translate(&r->farside, &sent, o->side);
	}
	o->sent = &sent;
	o->sent_changed = sent.len != captured->len || memcmp(sent.data, captured->data, sent.len) != 0;
	if (!sl__embed_discards(captured)) {
		put_through(r, o);
		return;
	}
	o->fate = captured->fragment ? SL_FATE_QUEUED : SL_FATE_DROPPED;
	report(r, o);
}

static void one_frame(struct sl_replay *r, const struct sl_frame *frame)
{
	struct sl_outcome o = {.frame = frame, .fate = SL_FATE_SKIPPED, .note = ""};
	struct sl_link_packet packet;
	struct sl_view captured;

	advance(r, frame->ts);
	r->packet = r->account.packet = frame->number;
	r->account.ts = frame->ts;
	if (!sl_link_packet(frame->linktype, frame->data, frame->caplen, r->captured, &packet)) {
		o.note = packet.reason;
		report(r, &o);
	} else if (!sl__view_init(&captured, packet.data, packet.len)) {
		o.note = "no IP header";
		report(r, &o);
	} else {
		o.note = packet.note;
		one_packet(r, &o, &captured);
	}
}

/* ---- the whole ---------------------------------------------------------------------------- */

static bool start_engine(struct sl_replay *r)
{
	struct sl_config config;

	sl_config_init(&config);
	config.start = r->now = r->start;
	config.policy = r->gateway.policy;
	config.policy_ctx = r->gateway.policy_ctx;
	sl__embed_init(&r->embed, &r->opt, &r->sides, r->gateway.nat);
	r->embed.env.event = sl__replay_event;
	if (r->opt.explain)
		r->embed.env.trace = sl__replay_trace;
	if (!sl__engines_init(r, &config)) {
		fprintf(stderr, "sluice replay: the engine cannot be made: no memory\n");
		return false;
	}
	/* A router by the book, and what the capture's packets name is part of the capture. */
	for (unsigned i = 0; i < r->n_engines; i++)
		if (!sl_tunable_set(r->engines[i], "accept_source_route", 1) ||
		        !sl__gateway_start(&r->gateway, &r->opt, r->engines[i]))
			return false;
	return true;
}

static int work(struct sl_replay *r)
{
	int status = pass(r, false);

	if (status == 1 || !start_engine(r) || !sl__output_init(&r->output, r->opt.output))
		return 1;
	r->account.on = !r->opt.quiet && (r->opt.account || !r->opt.output) && !r->opt.explain;
	r->account.start = r->start;
	status = pass(r, true);
	sl__replay_final(r);
	return status;
}

static void init(struct sl_replay *r)
{
	r->captured = sl__must_alloc(SL_LINK_BUFFER_SIZE);
	r->sent = sl__must_alloc(SL_LINK_BUFFER_SIZE);
	r->lent = sl__must_alloc(SL_LINK_BUFFER_SIZE);
	r->answer = sl__must_alloc(SL_LINK_HEADROOM + 2 * SL_HOST_ANSWER);
	sl__sides_init(&r->sides, r->opt.inside, r->opt.n_inside);
	sl__wording_init(&r->wording);
	sl__callids_init(&r->callids);
	sl__farside_init(&r->farside, &r->opt.public4, &r->opt.public6);
	sl__payloads_init(&r->payloads);
	sl__numbers_init(&r->numbers);
	sl__json_init(&r->json);
}

static void fini(struct sl_replay *r)
{
	r->over = true;
	sl__engines_fini(r);
	sl__embed_fini(&r->embed);
	sl__json_fini(&r->json);
	sl__numbers_fini(&r->numbers);
	sl__payloads_fini(&r->payloads);
	sl__farside_fini(&r->farside);
	sl__wording_fini(&r->wording);
	sl__callids_fini(&r->callids);
	sl__sides_fini(&r->sides);
	free(r->captured);
	free(r->sent);
	free(r->lent);
	free(r->answer);
	free(r->through);
	free(r->back);
}

int sl__replay_main(int argc, char **argv)
{
	struct sl_replay *r = sl__must_alloc(sizeof(*r));
	int status = 1;

	memset(r, 0, sizeof(*r));
	if (!sl__options_init(&r->opt, argc, argv)) {
		status = 1;
	} else if (sl__playback_is(r->opt.capture)) {
		status = sl__playback(&r->opt);
	} else if (sl__gateway_init(&r->gateway, &r->opt, NULL) &&
	        sl__source_init(&r->source, r->opt.capture)) {
		init(r);
		status = work(r);
		if (!sl__output_fini(&r->output))
			status = 1;
		fini(r);
	}
	sl__gateway_fini(&r->gateway);
	sl__source_fini(&r->source);
	sl__options_fini(&r->opt);
	free(r);
	return status;
}
