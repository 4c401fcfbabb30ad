/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Variables and files: `define`, `redefine`, `undefine`, which hold until their block ends, and
 * `include`, which reads each file that the embedder finds for a name as if it stood there.
 */
#include "rules/parse.h"

#include <string.h>

static void set_variable(struct sl__parser *p, const char *name, struct sl__expr *value)
{
	struct sl__variable *v = sl__arena_get(&p->r->arena, sizeof *v);

	v->name = name;
	v->value = value;
	v->next = p->variables;
	p->variables = v;
}

static bool defined(const struct sl__parser *p, const char *name)
{
	const struct sl__variable *v;

	for (v = p->variables; v; v = v->next) {
		if (!strcmp(v->name, name))
			return v->value;
	}
	return false;
}

static struct sl__expr *parse_initial(struct sl__parser *p)
{
	struct sl__place place = p->token.place;
	struct sl__expr *e;
	char *text;

	if (!sl__accept(p, '-'))
		return sl__parse_rhs(p);
	if (!sl__is(p, TK_NUMBER))
		sl__parse_unexpected(p, "a number");
	e = sl__expr_new(p, EX_SYMBOL, place);
	text = sl__arena_get(&p->r->arena, p->token.len + 2);
	text[0] = '-';
	memcpy(text + 1, p->token.text, p->token.len);
	sl__take(p);
	e->text = text;
	return e;
}

static void parse_define(struct sl__parser *p, bool again)
{
	struct sl__place place = p->token.place;
	char *name;

	if (!sl__is(p, TK_WORD))
		sl__parse_unexpected(p, "a name");
	name = sl__token_text(p);
	if (!again && defined(p, name))
		sl__parse_fail(p, place, "redefinition of symbol '%.100s'", name);
	sl__expect(p, '=', "'='");
	set_variable(p, name, parse_initial(p));
	sl__end_of_statement(p);
}

static void parse_undefine(struct sl__parser *p)
{
	struct sl__place place = p->token.place;
	char *name = sl__parse_name(p, "a name");

	if (!defined(p, name))
		sl__parse_fail(p, place, "undefined symbol '%.100s'", name);
	set_variable(p, name, NULL);
	sl__end_of_statement(p);
}

static void include_one(
        struct sl__parser *p, const struct sl_rules_text *text, struct sl__place place)
{
	struct sl__parser saved = *p;
	struct sl__source *s;

	if (text->len > SL_RULES_TEXT_MAX - p->r->text_size)
		sl__parse_fail(p, place, "all texts together are too large");
	s = sl__source_new(p->r, text->name, text->bytes, text->len);
	s->from = place.source;
	s->from_at = place.at;
	s->from_end = place.end;
	s->depth = p->source->depth + 1;
	p->source = s;
	p->at = 0;
	p->depth = 0;
	p->token = sl__lex(s, &p->at);
	sl__parse_lines(p);
	saved.variables = p->variables;
	*p = saved;
}

static void parse_include(struct sl__parser *p)
{
	struct sl__place place = p->last;
	struct sl_rules_text text;
	enum sl_rules_open got = SL_RULES_NO_FILE;
	unsigned n;
	char *name;

	if (!sl__is(p, TK_STRING))
		sl__parse_unexpected(p, "the name of a file in quotes");
	place = sl__place_join(place, p->token.place);
	name = sl__token_text(p);
	if (p->source->depth + 1 >= SL_RULES_INCLUDE_MAX)
		sl__parse_fail(p, place, "include nested too deeply, %d levels maximum",
		        SL_RULES_INCLUDE_MAX);
	for (n = 0; p->r->env.open && n < 10000; n++) {
		got = p->r->env.open(p->r->env.ctx, name, p->source->name, n, &text);
		if (got != SL_RULES_OPENED)
			break;
		include_one(p, &text, place);
	}
	if (got == SL_RULES_NO_FILE)
		sl__parse_fail(p, place, "File not found: %.200s", name);
	sl__end_of_statement(p);
}

/* define, redefine, undefine, include: what may stand anywhere. */
bool sl__parse_common(struct sl__parser *p)
{
	if (sl__accept_word(p, "define"))
		parse_define(p, false);
	else if (sl__accept_word(p, "redefine"))
		parse_define(p, true);
	else if (sl__accept_word(p, "undefine"))
		parse_undefine(p);
	else if (sl__accept_word(p, "include"))
		parse_include(p);
	else
		return false;
	return true;
}

void sl__take_text(struct sl__parser *p, const struct sl__source *source)
{
	p->source = source;
	p->at = 0;
	p->depth = 0;
	p->token = sl__lex(source, &p->at);
}

static void one_define(struct sl__parser *p, void *arg)
{
	const struct sl_rules_define *d = arg;

	set_variable(p, d->name, parse_initial(p));
	if (!sl__is(p, TK_END))
		sl__parse_unexpected(p, "the end of the value");
}

void sl__parse_defines(struct sl__parser *p)
{
	struct sl_rules *r = p->r;
	unsigned i;

	for (i = 0; i < r->env.define_count; i++) {
		struct sl_rules_define d = r->env.defines[i];

		d.name = sl__arena_text(&r->arena, d.name, strlen(d.name));
		sl__take_text(p, sl__source_new(r, d.name, d.value, strlen(d.value)));
		sl__guarded(p, one_define, &d);
	}
}
