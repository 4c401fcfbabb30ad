/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets of a recording: put in as they were, and what comes of them is told and explained. */
#include "prog/playback.h"

#include <stdlib.h>
#include <string.h>

/* ---- what the engine tells ------------------------------------------------------------------ */

static bool explains(const struct sl_playback *p)
{
	return p->opt.explain == SL_EXPLAIN_ALL ||
	       (p->opt.explain && p->opt.explain == p->packets_in + p->current + 1);
}

void sl__playback_row(struct sl_playback *p, FILE *f)
{
	if (f) {
		fwrite(p->json.text, 1, p->json.len, f);
		putc('\n', f);
	}
	sl__json_clear(&p->json);
}

static uint64_t packet_number(const struct sl_playback *p, const struct sl_packet *packet)
{
	if (packet < p->packets || packet >= p->packets + SL_PLAYBACK_BATCH)
		return 0;
	return p->packets_in + (uint64_t)(packet - p->packets) + 1;
}

void sl__playback_event(void *ctx, const struct sl_event *e)
{
	const struct sl_engine *engine = sl__playback_of(ctx)->engine;
	struct sl_playback *p = sl__playback_of(ctx)->all;
	struct sl_expect_info expect;
	struct sl_conn_info conn;

	p->n_events++;
	if (e->type <= SL_EVENT_DESTROY) {
		sl_conn_info(engine, e->conn, &conn);
		sl__json_conn_event(&p->json, e, &conn, conn.id, packet_number(p, e->packet));
	} else if (e->type != SL_EVENT_LOG) {
		sl_expect_info(engine, e->expect, &expect);
		sl__json_expect_event(&p->json, e, &expect, expect.id, packet_number(p, e->packet));
	} else {
		return;
	}
	sl__playback_row(p, p->events);
}

void sl__playback_trace(void *ctx, const struct sl_trace *t)
{
	const struct sl_playback *p = sl__playback_of(ctx)->all;

	if (explains(p))
		printf("    %-12s %.*s\n", t->step, (int)t->text_len, t->text);
}

/* ---- packets -------------------------------------------------------------------------------- */

static bool unpack(struct sl_playback *p, struct sl_record_input *input)
{
	size_t at = sizeof(*input);

	if (!sl__playback_has(p, sizeof(*input)))
		return false;
	memcpy(input, p->content, sizeof(*input));
	if (input->n > SL_PLAYBACK_BATCH)
		return false;
	for (unsigned i = 0; i < input->n; i++) {
		struct sl_record_packet head;

		if (p->len - at < sizeof(head))
			return false;
		memcpy(&head, p->content + at, sizeof(head));
		at += sizeof(head);
		if (p->len - at < head.len)
			return false;
		p->blocks[i] = sl__must_grow(
		        p->blocks[i], (size_t)head.headroom + head.len + head.tailroom);
		memcpy(p->blocks[i] + head.headroom, p->content + at, head.len);
		at += head.len;
		p->packets[i] = (struct sl_packet){.data = p->blocks[i] + head.headroom,
		        .len = head.len,
		        .headroom = head.headroom,
		        .tailroom = head.tailroom,
		        .in_if = head.in_if,
		        .vrf = head.vrf,
		        .mark = head.mark,
		        .zone = head.zone,
		        .gso_size = head.gso_size,
		        .gso = head.gso,
		        .csum = head.csum,
		        .from = head.from,
		        .cast = head.cast,
		        .handed = head.handed,
		        .inside = head.inside};
	}
	return true;
}

static void explain_before(const struct sl_playback *p, const struct sl_playback_engine *e,
        const struct sl_packet *packet)
{
	char text[SL_VIEW_TEXT];
	struct sl_view view;

	if (!explains(p) || !sl__view_init(&view, packet->data, packet->len))
		return;
	printf("packet %llu: %s\n", (unsigned long long)p->packets_in + p->current + 1,
	        sl__view_text(&view, text));
	if (p->n_engines > 1)
		printf("    %-12s %u\n", "engine", (unsigned)(e - p->engines));
}

static const char *const verdict_names[] = {[SL_NONE] = "none",
        [SL_ACCEPT] = "accepted",
        [SL_DROP] = "dropped",
        [SL_QUEUED] = "queued",
        [SL_HELD] = "held",
        [SL_TAKEN] = "taken",
        [SL_HANDOVER] = "handed over"};

static void explain_after(const struct sl_playback *p, const struct sl_packet *packet)
{
	if (!explains(p))
		return;
	printf("    %-12s %s", "verdict", verdict_names[packet->verdict]);
	if (packet->reason)
		printf("; %s: %s", sl_reason_name((enum sl_reason)packet->reason),
		        sl_reason_text((enum sl_reason)packet->reason));
	printf("\n");
}

/* Before they are put in: what the engine keeps may be gone afterwards. */
static void describe(struct sl_playback *p, unsigned n)
{
	struct sl_view view;

	for (unsigned i = 0; p->rows && i < n; i++) {
		p->what[i][0] = '\0';
		if (sl__view_init(&view, p->packets[i].data, p->packets[i].len))
			sl__view_text(&view, p->what[i]);
	}
}

static void report(struct sl_playback *p, const struct sl_packet *packet, uint64_t now)
{
	const char *what = p->what[packet - p->packets];

	p->verdicts[packet->verdict & 7]++;
	if (!p->rows)
		return;
	sl__json_object(&p->json, NULL);
	sl__json_uint(&p->json, "packet", packet_number(p, packet));
	sl__json_uint(&p->json, "ts", now);
	if (what[0])
		sl__json_str(&p->json, "what", what);
	sl__json_str(&p->json, "verdict", verdict_names[packet->verdict]);
	if (packet->reason)
		sl__json_str(&p->json, "reason", sl_reason_name((enum sl_reason)packet->reason));
	sl__json_end(&p->json);
	sl__playback_row(p, p->rows);
}

/* What came of the input, in the order in which the run sent it. */
static void add_up(struct sl_playback *p, struct sl_playback_engine *e, unsigned n)
{
	e->hash = 0;
	for (unsigned i = 0; i < n; i++)
		e->hash = sl__record_hash(e->hash, &p->packets[i], false);
	for (unsigned i = 0; i < e->embed.n_emitted; i++)
		e->hash = sl__record_hash(e->hash, &e->embed.emitted[i], true);
	for (unsigned i = 0; i < n; i++)
		if (p->packets[i].verdict == SL_ACCEPT || p->packets[i].verdict == SL_DROP ||
		        p->packets[i].verdict == SL_HANDOVER)
			sl__embed_release(&p->packets[i]);
	sl__embed_drain(&e->embed);
}

/* The record behind the input is of the same engine: an answer, or what came of it. */
bool sl__playback_input(struct sl_playback *p)
{
	struct sl_playback_engine *e = p->e;
	struct sl_record_input in;

	if (!unpack(p, &in))
		return false;
	sl__playback_next(p);
	describe(p, in.n);
	if (p->opt.explain) {
		for (p->current = 0; p->current < in.n; p->current++) {
			explain_before(p, e, &p->packets[p->current]);
			sl_input(e->engine, &p->packets[p->current], 1, in.now);
			explain_after(p, &p->packets[p->current]);
		}
		p->current = 0;
	} else {
		sl_input(e->engine, p->packets, in.n, in.now);
	}
	for (unsigned i = 0; i < in.n; i++)
		report(p, &p->packets[i], in.now);
	add_up(p, e, in.n);
	p->packets_in += in.n;
	p->inputs++;
	return true;
}

bool sl__playback_pass_time(struct sl_playback *p)
{
	struct sl_playback_engine *e = p->e;
	struct sl_record_input in;

	if (!sl__playback_has(p, sizeof(in)))
		return false;
	memcpy(&in, p->content, sizeof(in));
	sl__playback_next(p);
	sl_clock(e->engine, in.now, in.n);
	add_up(p, e, 0);
	return true;
}
