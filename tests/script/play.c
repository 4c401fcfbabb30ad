/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statement after statement. A line that begins with FLOW> or FLOW< puts a packet in; the lines
 * below it that begin with = + ! say what came of it, and when they end everything that they did
 * not mention must be as it is by default (settle()): accepted, unchanged but for the flow's own
 * translation, nothing emitted.
 *
 * The head of a script (settings) ends at the first statement that needs an engine.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"
#include "tests/model/model.h"

/* ---- starting ---------------------------------------------------------------------------- */

static struct model *model_for(const struct setting *set)
{
	struct model_config config = {.now = set->config.start,
	        .rules = set->rules != NULL,
	        .own_timeouts = set->rules && strstr(set->rules, "ct timeout"),
	        .masquerades = set->masquerade,
	        .out_if = OUT0};
	enum sl_family family;

	(void)sl_addr_parse("203.0.113.1", &config.public_addr[0], &family);
	(void)sl_addr_parse("2001:db8:ffff::1", &config.public_addr[1], &family);
	return model_create(&config);
}

void start(struct player *p)
{
	if (p->started)
		return;
	p->started = true;
	if (!world_init(&p->world, p->set, p->shards))
		wrong("the engine cannot be made with these settings");
	if (p->shards == 1)
		p->world.model = model_for(p->set);
}

struct step *add_step(struct player *p, enum step_kind kind)
{
	struct transcript *t = p->record;
	struct step *s;

	if (t->n == t->room) {
		ptrdiff_t at = p->pending.step ? p->pending.step - t->steps : 0;

		t->room = t->room * 2 + 64;
		t->steps = realloc(t->steps, t->room * sizeof(*t->steps));
		if (!t->steps)
			abort();
		if (p->pending.step)
			p->pending.step = t->steps + at;
	}
	s = &t->steps[t->n++];
	*s = (struct step){.kind = kind, .line = here.line, .now = p->now};
	return s;
}

/* ---- time -------------------------------------------------------------------------------- */

static void tick(struct player *p, uint64_t now)
{
	struct step *s;

	p->now = now;
	s = add_step(p, STEP_CLOCK);
	if (!p->pending.step)
		p->pending.step = s;
	p->pending.steps++;
	world_do(&p->world, s, 1);
	if (*p->world.bad || world_check(&p->world))
		wrong("%s", *p->world.bad ? p->world.bad : world_check(&p->world));
}

static void wait_until(struct player *p, uint64_t until)
{
	start(p);
	p->pending = (struct pending){.open = true, .line = here.line};
	for (unsigned n = 0;; n++) {
		uint64_t at = world_deadline(&p->world);

		if (at > until || at == UINT64_MAX)
			break;
		if (n > 100000)
			wrong("the clock has something to do for ever");
		tick(p, at > p->now ? at : p->now);
		if (at < p->now && world_deadline(&p->world) == at)
			wrong("what was due stays due");
	}
	tick(p, until);
}

/* ---- lines ------------------------------------------------------------------------------- */

static bool other_statement(struct player *p, struct line *line)
{
	struct word *w;

	if (words_take(line, "flow"))
		flow_statement(p, line);
	else if (words_take(line, "open"))
		open_statement(p, line);
	else if (words_take(line, "wait"))
		wait_until(p, p->now + words_time(line));
	else if (words_take(line, "at"))
		wait_until(p, p->set->config.start + words_time(line));
	else if (words_take(line, "conn"))
		conn_statement(p, line, true);
	else if (words_take(line, "expect"))
		expect_statement(p, line, true);
	else if (words_take(line, "no")) {
		if (words_take(line, "conn"))
			conn_statement(p, line, false);
		else if (words_take(line, "expect"))
			expect_statement(p, line, false);
		else
			wrong("no conn FLOW, or no expect WORDS");
	} else if (words_take(line, "count"))
		count_statement(p, line);
	else if (words_take(line, "got"))
		got_statement(p, line);
	else if (words_take(line, "kill"))
		call_statement(p, STEP_KILL, line);
	else if (words_take(line, "unregister"))
		call_statement(p, STEP_UNREGISTER, line);
	else if (words_take(line, "routes-changed"))
		call_statement(p, STEP_ROUTES, line);
	else if (words_take(line, "set"))
		set_statement(p, line);
	else if (words_take(line, "all-events"))
		p->strict_events = true;
	else if (words_take(line, "isn")) {
		enum sl_dir dir;
		struct flow *f = (w = words_next(line)) ? flow_and_dir(p, w->text, &dir) : NULL;

		if (!f)
			wrong("isn FLOW> NUMBER");
		f->end[dir].isn = (uint32_t)words_number(line, "a number");
	} else
		return false;
	return true;
}

static void statement(struct player *p, const char *text)
{
	struct line line;
	enum sl_dir dir;
	struct flow *f;

	words_read(&line, text, p->world.expected_port);
	if (line.n == 0) {
		words_free(&line);
		return;
	}
	if (words_take(&line, "=")) {
		out_line(p, &line);
	} else if (words_take(&line, "+")) {
		emitted_line(p, &line);
	} else if (words_take(&line, "!")) {
		event_line(p, &line);
	} else {
		settle(p);
		f = flow_and_dir(p, line.word[0].text, &dir);
		if (f) {
			line.at = 1;
			packet_statement(p, f, dir, &line);
		} else if (!head_statement(p, &line) && !other_statement(p, &line)) {
			wrong("%s: neither a statement nor a flow", line.word[0].text);
		}
	}
	if (!words_end(&line))
		wrong("%s: too much", line.word[line.at].text);
	words_free(&line);
}

/* Each % of a repeated line is the number of the round; %% is one. */
static void repeated(struct player *p, const char *text, unsigned round)
{
	char out[2000], *o = out;

	for (; *text && o < out + sizeof(out) - 16; text++) {
		if (*text != '%')
			*o++ = *text;
		else if (text[1] == '%')
			*o++ = *text++;
		else
			o += sprintf(o, "%u", round);
	}
	*o = 0;
	statement(p, out);
}

static const char *next_line(const char *text, char *out, size_t size)
{
	size_t n = strcspn(text, "\n");

	if (n >= size)
		wrong("the line is too long");
	memcpy(out, text, n);
	out[n] = 0;
	return text + n + (text[n] == '\n');
}

static bool is_word(const char *line, const char *word)
{
	while (isspace((unsigned char)*line))
		line++;
	return !strncmp(line, word, strlen(word)) &&
	       (line[strlen(word)] == 0 || isspace((unsigned char)line[strlen(word)]));
}

/* rules ... end: the lines between are a ruleset */
static const char *rules_block(struct player *p, const char *text, char *line, size_t size)
{
	while (*text) {
		text = next_line(text, line, size);
		here.line++;
		if (is_word(line, "end"))
			return text;
		(p->started ? add_later_rules : add_rules)(p->set, line);
	}
	wrong("rules without end");
}

/* In the middle of a script: from now on these hold. */
static const char *later_rules(struct player *p, const char *text, char *line, size_t size)
{
	struct step *s;

	settle(p);
	if (!p->set->rules || p->set->later_n == sizeof(p->set->later) / sizeof(*p->set->later))
		wrong("rules cannot be replaced here, or not so often");
	p->set->later_n++;
	text = rules_block(p, text, line, size);
	s = add_step(p, STEP_RULES);
	s->value = p->set->later_n - 1;
	world_do(&p->world, s, 1);
	return text;
}

/* repeat FROM TO ... end */
static const char *repeat_block(struct player *p, const char *text, char *line, size_t size)
{
	unsigned from, to, begin = here.line;
	const char *body = text;

	if (sscanf(line, " repeat %u %u", &from, &to) != 2)
		wrong("repeat FROM TO");
	for (unsigned i = from; i <= to; i++) {
		text = body;
		here.line = begin;
		for (;;) {
			if (!*text)
				wrong("repeat without end");
			text = next_line(text, line, size);
			here.line++;
			if (is_word(line, "end"))
				break;
			repeated(p, line, i);
		}
	}
	return text;
}

static void run(struct player *p, const char *text)
{
	char line[2000];

	while (*text) {
		text = next_line(text, line, sizeof(line));
		here.line++;
		if (is_word(line, "rules")) {
			text = p->started ? later_rules(p, text, line, sizeof(line))
			                  : rules_block(p, text, line, sizeof(line));
		} else if (is_word(line, "repeat")) {
			settle(p);
			text = repeat_block(p, text, line, sizeof(line));
		} else {
			statement(p, line);
		}
	}
	settle(p);
}

void play(const char *text, unsigned shards, struct setting *set, struct transcript *record)
{
	struct player *p = calloc(1, sizeof(*p));
	const char *bad;

	if (!p)
		abort();
	*set = (struct setting){.mtu = {1500, 1500, 1500}};
	sl_config_init(&set->config);
	set->config.slab_chunk = 1;
	set->config.table_max = 1000;
	set->config.start = 1000000000;
	p->now = set->config.start;
	p->set = set;
	p->record = record;
	p->shards = shards;
	here.line = 0;
	run(p, text);
	if (!p->started)
		wrong("nothing happens in it");
	bad = world_fini(&p->world);
	if (bad)
		wrong("at the end: %s", bad);
	free_flows(p);
	free(p);
}

void setting_free(struct setting *set)
{
	for (unsigned i = 0; i < set->later_n; i++)
		free(set->later[i]);
	free(set->rules);
	set->rules = NULL;
}

void transcript_free(struct transcript *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		free(t->steps[i].in.data);
		outcome_free(&t->steps[i].outcome);
	}
	free(t->steps);
	*t = (struct transcript){0};
}
