/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statements about connections, expectations, counters and streams, and calls of the engine.
 */
#include <stdlib.h>
#include <string.h>

#include "play.h"

/* ---- statements -------------------------------------------------------------------------- */

static struct sl_conn *conn_of(
        struct player *p, const struct flow *f, uint16_t zone, struct sl_engine **engine)
{
	struct sl_tuple t = tuple_of(f);
	enum sl_dir dir;

	start(p);
	for (unsigned i = 0; i < p->shards; i++) {
		struct sl_conn *c = sl_conn_find(p->world.engine[i], &t, zone, &dir);

		*engine = p->world.engine[i];
		if (c)
			return c;
	}
	return NULL;
}

/* conn FLOW [in ZONE] WORDS; no conn FLOW */
void conn_statement(struct player *p, struct line *line, bool wanted)
{
	struct flow *f = named_flow(p, line);
	uint16_t zone = words_take(line, "in") ? (uint16_t)words_number(line, "a zone") : 0;
	struct sl_engine *e;
	struct sl_conn *c = conn_of(p, f, zone, &e);
	const char *missing;
	char *told;

	if (!wanted) {
		if (c)
			wrong("there is a connection: %s", tell_conn(e, c));
		return;
	}
	if (!c)
		wrong("there is no such connection");
	told = tell_conn(e, c);
	missing = tell_has(told, line);
	if (missing)
		wrong("not so: %s; it is: %s", missing, told);
	free(told);
}

struct search {
	struct player *p;
	struct sl_engine *e;
	struct line *line;
	unsigned at;
	bool found;
};

static void look_at_expect(void *ctx, struct sl_expect *expect)
{
	struct search *s = ctx;
	char *told = tell_expect(s->e, expect);

	s->line->at = s->at;
	s->found = s->found || !tell_has(told, s->line);
	s->line->at = s->line->n;
	free(told);
}

/* expect WORDS; no expect WORDS */
void expect_statement(struct player *p, struct line *line, bool wanted)
{
	struct search s = {.p = p, .line = line, .at = line->at};

	start(p);
	for (unsigned i = 0; i < p->shards; i++) {
		uint64_t cursor = 0;

		s.e = p->world.engine[i];
		while (sl_expect_walk(s.e, &cursor, 1000, look_at_expect, &s))
			;
	}
	if (s.found != wanted)
		wrong(wanted ? "no such expectation" : "there is such an expectation");
	line->at = line->n;
}

/* count conns N, expects N, REASON N */
void count_statement(struct player *p, struct line *line)
{
	struct word *what = words_next(line);
	uint64_t wanted = words_number(line, "a number"), got = 0;
	struct sl_stats st;

	start(p);
	for (unsigned i = 0; i < p->shards; i++) {
		sl_stats(p->world.engine[i], &st);
		if (!strcmp(what->text, "conns"))
			got += st.conns;
		else if (!strcmp(what->text, "expects"))
			got += st.expects;
		else if (!strcmp(what->text, "evicted"))
			got += st.conns_evicted;
		else if (!strcmp(what->text, "fragments"))
			got += st.fragments;
		else if (find_reason(what->text) >= 0)
			got += st.reasons[find_reason(what->text)];
		else
			wrong("count conns, expects, evicted, fragments, or a reason's name");
	}
	differs(what->text, wanted, got);
}

/* got FLOW> "...": the whole stream that arrived there so far */
void got_statement(struct player *p, struct line *line)
{
	struct word *w = words_next(line), *text;
	enum sl_dir dir;
	struct flow *f = w ? flow_and_dir(p, w->text, &dir) : NULL;
	struct end *e;
	uint8_t all[8192];
	uint32_t n = 0;

	if (!f)
		wrong("got FLOW> \"...\"");
	while ((text = words_next(line))) {
		if (n + text->len > sizeof(all))
			wrong("too long");
		memcpy(all + n, text->text, text->len);
		n += (uint32_t)text->len;
	}
	e = &f->end[!dir];
	differs_bytes("what arrived", all, n, e->bytes, e->got);
}

void call_statement(struct player *p, enum step_kind kind, struct line *line)
{
	struct step *s;
	struct flow *f;

	start(p);
	s = add_step(p, kind);
	p->pending = (struct pending){.open = true, .line = here.line, .step = s, .steps = 1};
	if (kind == STEP_KILL) {
		f = named_flow(p, line);
		s->tuple = tuple_of(f);
	} else if (kind == STEP_UNREGISTER || kind == STEP_TUNABLE) {
		if (words_end(line))
			wrong("a name is missing");
		snprintf(s->name, sizeof(s->name), "%s", words_next(line)->text);
	}
	if (kind == STEP_TUNABLE)
		s->value = (uint32_t)words_number(line, "a value");
	world_do(&p->world, s, 1);
	if (*p->world.bad || world_check(&p->world))
		wrong("%s", *p->world.bad ? p->world.bad : world_check(&p->world));
}

/* open FLOW: a TCP handshake, each packet of which must pass. */
void open_statement(struct player *p, struct line *line)
{
	static const char *const lines[3] = {
	        "S <mss 1460,sackOK,nop,wscale 7>", "S. <mss 1460,sackOK,nop,wscale 7>", "."};
	struct flow *f = named_flow(p, line);

	for (unsigned i = 0; i < 3; i++) {
		struct line words;

		words_read(&words, lines[i], 0);
		packet_statement(p, f, i == 1 ? SL_REPLY : SL_ORIGINAL, &words);
		words_free(&words);
		settle(p);
	}
}
