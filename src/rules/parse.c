/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands and blocks. Each command changes the ruleset as it is read, as a script's commands
 * change the kernel's; rules of a table block are checked when the block ends, so that they can
 * name chains and sets that come later in it.
 *
 * A mistake is reported where it is found and ends its statement only: control goes back to the
 * innermost `guarded`, which skips to the end of the statement and reads on. So one run shows
 * all mistakes. All memory is the arena's; nothing is lost by leaving in the middle.
 */
#include "rules/parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- tokens ---- */

_Noreturn void sl__parse_fail(struct sl__parser *p, struct sl__place place, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	sl__rules_report(p->r, place, "Error", "%s", text);
	longjmp(*p->fail, 1);
}

static const char *token_name(const struct sl__token *t, char *out, size_t size)
{
	switch (t->kind) {
	case TK_END:
		return "end of file";
	case TK_NEWLINE:
		return "newline";
	default:
		snprintf(out, size, "'%.*s'", (int)(t->len < 40 ? t->len : 40), t->text);
		return out;
	}
}

_Noreturn void sl__parse_unexpected(struct sl__parser *p, const char *expected)
{
	char name[64];

	if (p->token.kind == TK_BAD)
		sl__parse_fail(p, p->token.place, "%s", p->token.len && *p->token.text == '"'
			? "a quote that is not closed" : "a character that means nothing here");
	sl__parse_fail(p, p->token.place, "syntax error, unexpected %s, expected %s",
		token_name(&p->token, name, sizeof name), expected);
}

_Noreturn void sl__parse_unsupported(struct sl__parser *p, struct sl__place place, const char *what)
{
	sl__parse_fail(p, place, "not supported: %.100s", what);
}

void sl__take(struct sl__parser *p)
{
	if (p->token.kind == '{')
		p->depth++;
	if (p->token.kind == '}' && p->depth)
		p->depth--;
	p->last = p->token.place;
	p->token = sl__lex(p->source, &p->at);
}

bool sl__is(const struct sl__parser *p, int kind)
{
	return p->token.kind == kind;
}

bool sl__token_is(const struct sl__token *t, const char *word)
{
	return t->kind == TK_WORD && strlen(word) == t->len && !memcmp(word, t->text, t->len);
}

bool sl__is_word(const struct sl__parser *p, const char *word)
{
	return sl__token_is(&p->token, word);
}

bool sl__accept(struct sl__parser *p, int kind)
{
	if (!sl__is(p, kind))
		return false;
	sl__take(p);
	return true;
}

bool sl__accept_word(struct sl__parser *p, const char *word)
{
	if (!sl__is_word(p, word))
		return false;
	sl__take(p);
	return true;
}

void sl__expect(struct sl__parser *p, int kind, const char *what)
{
	if (!sl__accept(p, kind))
		sl__parse_unexpected(p, what);
}

void sl__expect_word(struct sl__parser *p, const char *word)
{
	if (!sl__accept_word(p, word))
		sl__parse_unexpected(p, word);
}

void sl__skip_newlines(struct sl__parser *p)
{
	while (sl__accept(p, TK_NEWLINE))
		;
}

struct sl__token sl__second(const struct sl__parser *p)
{
	uint32_t at = p->at;

	return sl__lex(p->source, &at);
}

char *sl__token_text(struct sl__parser *p)
{
	char *text = sl__arena_text(&p->r->arena, p->token.text, p->token.len);

	sl__take(p);
	return text;
}

char *sl__parse_name(struct sl__parser *p, const char *what)
{
	struct sl__place place = p->token.place;
	char *name;

	if (!sl__is(p, TK_WORD))
		sl__parse_unexpected(p, what);
	name = sl__token_text(p);
	if (strlen(name) >= SL_RULES_NAME_MAX)
		sl__parse_fail(p, place, "name too long, %d characters maximum", SL_RULES_NAME_MAX);
	if (sl__word_reserved(name))
		sl__parse_fail(p, place, "syntax error, unexpected %.40s, expected %s", name, what);
	return name;
}

char *sl__parse_string(struct sl__parser *p, const char *what)
{
	struct sl__expr *value;

	if (sl__is(p, '$')) {
		value = sl__parse_list(p);
		if (value->kind != EX_SYMBOL)
			sl__parse_fail(p, value->place, "this is no text, expected %s", what);
		return sl__arena_text(&p->r->arena, value->text, strlen(value->text));
	}
	if (!sl__is(p, TK_STRING) && !sl__is(p, TK_WORD))
		sl__parse_unexpected(p, what);
	return sl__token_text(p);
}

uint64_t sl__parse_number(struct sl__parser *p, uint64_t max, const char *what)
{
	uint64_t n;

	if (sl__is(p, '$')) {
		struct sl__expr *value = sl__parse_list(p);

		if (value->kind != EX_SYMBOL || !sl__read_number(value->text, strlen(value->text), &n))
			sl__parse_fail(p, value->place, "this is no number");
		if (n > max)
			sl__parse_fail(p, value->place, "this number is too large");
		return n;
	}
	if (!sl__is(p, TK_NUMBER))
		sl__parse_unexpected(p, what);
	if (!sl__read_number(p->token.text, p->token.len, &n) || n > max)
		sl__parse_fail(p, p->token.place, "this number is too large");
	sl__take(p);
	return n;
}

uint64_t sl__parse_time(struct sl__parser *p)
{
	uint64_t ms;

	if (!sl__is(p, TK_NUMBER) && !sl__is(p, TK_WORD) && !sl__is(p, TK_STRING))
		sl__parse_unexpected(p, "a time");
	if (!sl__read_time(p->token.text, p->token.len, &ms))
		sl__parse_fail(p, p->token.place, "this is no time, expected one like 1h30m");
	sl__take(p);
	return ms;
}

bool sl__at_end_of_rule(const struct sl__parser *p)
{
	return sl__is(p, TK_NEWLINE) || sl__is(p, ';') || sl__is(p, '}') || sl__is(p, TK_END);
}

/* ---- going on after a mistake ---- */

static void skip_statement(struct sl__parser *p, unsigned depth)
{
	while (!sl__is(p, TK_END)) {
		if (p->depth <= depth && (sl__is(p, TK_NEWLINE) || sl__is(p, ';') || sl__is(p, '}')))
			return;
		sl__take(p);
	}
}

/* Run f; if it fails, go on behind the statement. False: it failed. */
static bool guarded(struct sl__parser *p, void (*f)(struct sl__parser *p, void *arg), void *arg)
{
	jmp_buf here, *outer = p->fail;
	struct sl__table *table = p->table;
	const struct sl__source *source = p->source;
	unsigned depth = p->depth, nest = p->nest;

	p->fail = &here;
	if (!setjmp(here)) {
		f(p, arg);
		p->fail = outer;
		return true;
	}
	p->fail = outer;
	p->table = table;
	p->nest = nest;
	(void)source;
	skip_statement(p, depth);
	return false;
}

/* As in nft, a closing brace does not end a statement. */
static void end_of_statement(struct sl__parser *p)
{
	if (sl__is(p, TK_END) && !p->depth)
		return;
	if (!sl__accept(p, TK_NEWLINE) && !sl__accept(p, ';'))
		sl__parse_unexpected(p, "newline or semicolon");
}

/* A block: { line; line } . `line` reads one of its statements. */
static void parse_block(struct sl__parser *p, void (*line)(struct sl__parser *p, void *arg), void *arg)
{
	struct sl__variable *outer = p->variables;
	struct sl__place open = p->token.place;

	if (p->depth > SL_RULES_NEST_MAX)
		sl__parse_fail(p, open, "nested too deeply");
	sl__expect(p, '{', "{");
	while (!sl__is(p, '}')) {
		if (sl__accept(p, TK_NEWLINE) || sl__accept(p, ';'))
			continue;
		if (sl__is(p, TK_END)) {
			p->variables = outer;
			sl__parse_fail(p, p->token.place, "syntax error, unexpected end of file, expected '}'");
		}
		guarded(p, line, arg);
	}
	sl__take(p);
	p->variables = outer;
}

/* ---- define, include ---- */

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
	end_of_statement(p);
}

static void parse_undefine(struct sl__parser *p)
{
	struct sl__place place = p->token.place;
	char *name = sl__parse_name(p, "a name");

	if (!defined(p, name))
		sl__parse_fail(p, place, "undefined symbol '%.100s'", name);
	set_variable(p, name, NULL);
	end_of_statement(p);
}

static void parse_lines(struct sl__parser *p);

static void include_one(struct sl__parser *p, const struct sl_rules_text *text, struct sl__place place)
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
	parse_lines(p);
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
		sl__parse_fail(p, place, "include nested too deeply, %d levels maximum", SL_RULES_INCLUDE_MAX);
	for (n = 0; p->r->env.open && n < 10000; n++) {
		got = p->r->env.open(p->r->env.ctx, name, p->source->name, n, &text);
		if (got != SL_RULES_OPENED)
			break;
		include_one(p, &text, place);
	}
	if (got == SL_RULES_NO_FILE)
		sl__parse_fail(p, place, "File not found: %.200s", name);
	end_of_statement(p);
}

/* define, redefine, undefine, include: what may stand anywhere. */
static bool parse_common(struct sl__parser *p)
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

/* ---- chains ---- */

static void parse_hook(struct sl__parser *p, struct sl__chain *c)
{
	static const char *const hooks[] = {"prerouting", "input", "forward", "output", "postrouting"};
	struct sl__place place = p->token.place;
	char *name;

	sl__expect_word(p, "hook");
	place = p->token.place;
	if (!sl__is(p, TK_WORD))
		sl__parse_unexpected(p, "the name of a hook");
	name = sl__token_text(p);
	for (c->hook = 0; c->hook < SL_HOOK_COUNT; c->hook++) {
		if (!strcmp(hooks[c->hook], name))
			return;
	}
	if (!strcmp(name, "ingress") || !strcmp(name, "egress"))
		sl__parse_unsupported(p, place, "hooks ingress and egress");
	sl__parse_fail(p, place, "unknown chain hook");
}

static int parse_priority(struct sl__parser *p, unsigned hook)
{
	struct sl__place place = p->token.place;
	int value = 0, sign = 1;
	uint64_t n;

	if (sl__is(p, '$')) {
		struct sl__expr *e = sl__parse_list(p);
		const char *text = e->kind == EX_SYMBOL ? e->text : "";

		if (sl__priority_value(text, hook, &value))
			return value;
		sign = *text == '-' ? -1 : 1;
		text += *text == '-';
		if (!sl__read_number(text, strlen(text), &n) || n > INT32_MAX)
			sl__parse_fail(p, e->place, "this is no priority");
		return sign * (int)n;
	}
	if (sl__is(p, TK_WORD)) {
		char *name = sl__token_text(p);

		if (!sl__priority_value(name, hook, &value))
			sl__parse_fail(p, place, "'%.40s' is invalid priority in this context", name);
		if (!sl__is(p, '-') && !sl__is(p, '+') && !sl__is(p, TK_BAD))
			return value;
	}
	if (sl__accept(p, '-'))
		sign = -1;
	else if (sl__is(p, TK_BAD) && p->token.len && *p->token.text == '+')
		sl__take(p);
	return value + sign * (int)sl__parse_number(p, INT32_MAX / 2, "a priority");
}

/* type T hook H priority P */
static void parse_base(struct sl__parser *p, struct sl__chain *c)
{
	struct sl__place place = p->token.place;
	struct sl__chain was = *c;

	if (!sl__is(p, TK_WORD) || !(sl__is_word(p, "filter") || sl__is_word(p, "nat") || sl__is_word(p, "route")))
		sl__parse_fail(p, place, "unknown chain type, expected filter, nat or route");
	c->type = sl__token_text(p);
	parse_hook(p, c);
	if (sl__is_word(p, "device") || sl__is_word(p, "devices"))
		sl__parse_unsupported(p, p->token.place, "devices of a chain");
	sl__expect_word(p, "priority");
	c->priority = parse_priority(p, c->hook);
	c->base = true;
	place = sl__place_join(place, p->last);
	if (was.base && (was.hook != c->hook || was.priority != c->priority || strcmp(was.type, c->type)))
		sl__parse_fail(p, place, "this chain exists with another hook or priority");
	if (!was.base && was.rules)
		sl__parse_fail(p, place, "this chain exists and is no base chain");
	if (!strcmp(c->type, "nat") && (c->hook == SL_FORWARD || c->priority <= -200))
		sl__parse_fail(p, place, "chain of type nat is not supported at this %s",
			c->hook == SL_FORWARD ? "hook" : "priority");
	if (!strcmp(c->type, "route") && c->hook != SL_OUTPUT)
		sl__parse_fail(p, place, "chain of type route is only possible at hook output");
	end_of_statement(p);
}

static void parse_policy(struct sl__parser *p, struct sl__chain *c)
{
	struct sl__place place = p->token.place;
	char *word = sl__parse_string(p, "accept or drop");

	if (!strcmp(word, "drop"))
		c->policy_drop = true;
	else if (!strcmp(word, "accept"))
		c->policy_drop = false;
	else
		sl__parse_fail(p, place, "syntax error, expected accept or drop");
	end_of_statement(p);
}

static void add_rule(struct sl__chain *c, struct sl__rule *rule, bool first)
{
	rule->chain = c;
	if (first) {
		rule->next = c->rules;
		c->rules = rule;
		if (c->rules_end == &c->rules)
			c->rules_end = &rule->next;
	} else {
		*c->rules_end = rule;
		c->rules_end = &rule->next;
	}
}

static void chain_line(struct sl__parser *p, void *arg)
{
	struct sl__chain *c = arg;

	if (parse_common(p))
		return;
	if (sl__accept_word(p, "type")) {
		parse_base(p, c);
	} else if (sl__accept_word(p, "policy")) {
		parse_policy(p, c);
	} else if (sl__accept_word(p, "comment")) {
		c->comment = sl__parse_string(p, "a comment");
		end_of_statement(p);
	} else if (sl__is_word(p, "flags")) {
		sl__parse_unsupported(p, p->token.place, "flags of a chain");
	} else {
		struct sl__rule *rule = sl__parse_rule(p);

		end_of_statement(p);
		add_rule(c, rule, false);
	}
}

static struct sl__chain *get_chain(struct sl__parser *p, struct sl__table *t, const char *name, struct sl__place place)
{
	struct sl__chain *c = sl__chain_find(t, name);

	if (c)
		return c;
	c = sl__arena_get(&p->r->arena, sizeof *c);
	c->name = name;
	c->place = place;
	c->table = t;
	c->rules_end = &c->rules;
	*t->chains_end = c;
	t->chains_end = &c->next;
	return c;
}

static void parse_chain(struct sl__parser *p, bool create)
{
	struct sl__place place = p->token.place;
	char *name = sl__parse_name(p, "the name of a chain");
	struct sl__chain *c;

	if (create && sl__chain_find(p->table, name))
		sl__parse_fail(p, place, "Could not process rule: File exists");
	c = get_chain(p, p->table, name, place);
	if (sl__is(p, '{'))
		parse_block(p, chain_line, c);
}

/* ---- sets and maps ---- */

static void key_types(struct sl__parser *p, const struct sl__type **parts, uint8_t *count, unsigned max)
{
	do {
		struct sl__place place = p->token.place;
		const struct sl__type *type;
		char *name = sl__parse_string(p, "the name of a type");

		type = sl__type_find(name);
		if (!type)
			sl__parse_fail(p, place, "unknown datatype %.60s", name);
		if (*count == max)
			sl__parse_fail(p, place, "too many parts in a concatenation");
		parts[(*count)++] = type;
	} while (sl__accept(p, '.'));
}

static void object_map(struct sl__parser *p, struct sl__set *s)
{
	s->object_map = true;
	s->object = sl__accept_word(p, "counter") ? OB_COUNTER
		: sl__accept_word(p, "quota") ? OB_QUOTA
		: sl__accept_word(p, "limit") ? OB_LIMIT : OB_HELPER;
	sl__parse_unsupported(p, sl__place_join(s->place, p->token.place), "maps of objects");
}

static void set_type(struct sl__parser *p, struct sl__set *s)
{
	key_types(p, s->parts, &s->part_count, 8);
	if (!s->map)
		return;
	sl__expect(p, ':', "':' and the type of the data");
	if (sl__accept_word(p, "interval"))
		s->data_interval = true;
	if (sl__is_word(p, "counter") || sl__is_word(p, "quota") || sl__is_word(p, "limit"))
		object_map(p, s);
	key_types(p, s->data, &s->data_count, 4);
}

static void set_typeof(struct sl__parser *p, struct sl__set *s)
{
	s->typeof_key = sl__parse_lhs(p);
	s->part_count = (uint8_t)sl__check_typeof(p->r, p->table, s->typeof_key, s->parts, 8, p->fail);
	if (!s->map)
		return;
	sl__expect(p, ':', "':' and the type of the data");
	if (sl__accept_word(p, "interval"))
		s->data_interval = true;
	if (sl__accept_word(p, "verdict")) {
		s->data[0] = &sl__ty_verdict;
		s->data_count = 1;
		return;
	}
	s->typeof_data = sl__parse_lhs(p);
	s->data_count = (uint8_t)sl__check_typeof(p->r, p->table, s->typeof_data, s->data, 4, p->fail);
}

static void set_flags(struct sl__parser *p, struct sl__set *s)
{
	do {
		if (sl__accept_word(p, "constant"))
			s->flags |= SET_CONSTANT;
		else if (sl__accept_word(p, "interval"))
			s->flags |= SET_INTERVAL;
		else if (sl__accept_word(p, "timeout"))
			s->flags |= SET_TIMEOUT;
		else if (sl__accept_word(p, "dynamic"))
			s->flags |= SET_DYNAMIC;
		else
			sl__parse_unexpected(p, "constant, interval, timeout or dynamic");
	} while (sl__accept(p, ','));
}

static void set_elements(struct sl__parser *p, struct sl__set *s)
{
	struct sl__expr *list, *e, *next;

	sl__expect(p, '=', "'='");
	list = sl__parse_rhs(p);
	if (list->kind != EX_SET)
		sl__parse_fail(p, list->place, "expected { elements }");
	for (e = list->items; e; e = next) {
		next = e->next;
		e->next = NULL;
		*s->elems_end = e;
		s->elems_end = &e->next;
		s->count++;
	}
}

static void set_line(struct sl__parser *p, void *arg)
{
	struct sl__set *s = arg;

	if (parse_common(p))
		return;
	if (sl__accept_word(p, "type"))
		set_type(p, s);
	else if (sl__accept_word(p, "typeof"))
		set_typeof(p, s);
	else if (sl__accept_word(p, "flags"))
		set_flags(p, s);
	else if (sl__accept_word(p, "timeout"))
		s->timeout = sl__parse_time(p);
	else if (sl__accept_word(p, "gc-interval"))
		s->gc = sl__parse_time(p);
	else if (sl__accept_word(p, "elements")) {
		set_elements(p, s);
		return;
	}
	else if (sl__accept_word(p, "size"))
		s->size = (uint32_t)sl__parse_number(p, UINT32_MAX, "a number");
	else if (sl__accept_word(p, "auto-merge")) {
		s->auto_merge = true;
		return;
	} else if (sl__accept_word(p, "policy"))
		s->policy = sl__parse_string(p, "performance or memory");
	else if (sl__accept_word(p, "comment"))
		s->comment = sl__parse_string(p, "a comment");
	else if (sl__is_word(p, "counter") || sl__is_word(p, "limit") || sl__is_word(p, "quota"))
		sl__parse_unsupported(p, p->token.place, "statement for each set element");
	else
		sl__parse_unexpected(p, "type, typeof, flags, elements, timeout, size, auto-merge or policy");
	end_of_statement(p);
}

static void parse_named_set(struct sl__parser *p, bool map, bool create)
{
	struct sl__place place = p->token.place;
	struct sl__set *s = sl__arena_get(&p->r->arena, sizeof *s);

	s->place = place;
	s->name = sl__parse_name(p, "the name of a set");
	s->map = map;
	s->table = p->table;
	s->elems_end = &s->elems;
	if (sl__set_named(p->table, s->name) || create)
		if (sl__set_named(p->table, s->name))
			sl__parse_fail(p, place, "Could not process rule: File exists");
	parse_block(p, set_line, s);
	if (!s->part_count)
		sl__parse_fail(p, place, "set definition does not specify key");
	*p->table->sets_end = s;
	p->table->sets_end = &s->next;
	sl__check_set(p->r, s, p->fail);
}

/* ---- objects ---- */

static uint8_t parse_proto(struct sl__parser *p)
{
	struct sl__place place = p->token.place;
	char *name = sl__parse_string(p, "tcp or udp");
	uint32_t value;

	if (!sl__symbol_value(sl__protocols, name, &value) || (value != 6 && value != 17))
		sl__parse_fail(p, place, "invalid L4 protocol, expected tcp or udp");
	return (uint8_t)value;
}

static uint8_t parse_l3proto(struct sl__parser *p)
{
	if (sl__accept_word(p, "ip"))
		return 4;
	if (sl__accept_word(p, "ip6"))
		return 6;
	if (sl__accept_word(p, "inet"))
		return 0;
	sl__parse_unexpected(p, "ip, ip6 or inet");
}

/* Helper types that Linux has. */
static bool helper_type_known(const char *name)
{
	static const char *const names[] = {"ftp", "irc", "sane", "Q.931", "H.245", "sip", "pptp",
		"RAS", "tftp", "amanda", "netbios-ns", "snmp", "snmp_trap", NULL};
	int i;

	for (i = 0; names[i]; i++) {
		if (!strcmp(names[i], name))
			return true;
	}
	return false;
}

static void helper_type(struct sl__parser *p, struct sl__object *o)
{
	struct sl__place place = p->token.place;
	struct sl_rules *r = p->r;
	bool here;

	o->helper = sl__parse_string(p, "the name of a helper in quotes");
	here = !r->env.has_helper || r->env.has_helper(r->env.ctx, o->helper);
	if (!helper_type_known(o->helper) && (!here || !r->env.has_helper))
		sl__parse_fail(p, place, "no helper is called '%.40s'", o->helper);
	if (!here) {
		o->helper_missing = true;
		sl__rules_report(r, place, "Warning", "helper '%.40s' is not in this build: it will do nothing",
			o->helper);
	}
	sl__expect_word(p, "protocol");
	o->proto = parse_proto(p);
}

static void timeout_policy(struct sl__parser *p, struct sl__object *o)
{
	sl__expect(p, '=', "'='");
	sl__expect(p, '{', "{");
	sl__skip_newlines(p);
	while (!sl__is(p, '}')) {
		if (o->timeout_count == 16)
			sl__parse_fail(p, p->token.place, "too many timeouts");
		o->timeouts[o->timeout_count].name = sl__parse_string(p, "the name of a state");
		sl__expect(p, ':', "':'");
		o->timeouts[o->timeout_count++].seconds = (uint32_t)sl__parse_number(p, UINT32_MAX, "a number");
		sl__skip_newlines(p);
		if (!sl__accept(p, ','))
			break;
		sl__skip_newlines(p);
	}
	sl__expect(p, '}', "',' or '}'");
}

static void ct_object_line(struct sl__parser *p, struct sl__object *o)
{
	if (sl__accept_word(p, "type") && o->kind == OB_HELPER)
		helper_type(p, o);
	else if (sl__accept_word(p, "protocol") && o->kind != OB_HELPER)
		o->proto = parse_proto(p);
	else if (sl__accept_word(p, "l3proto"))
		o->family = parse_l3proto(p);
	else if (o->kind == OB_TIMEOUT && sl__accept_word(p, "policy"))
		timeout_policy(p, o);
	else if (o->kind == OB_EXPECTATION && sl__accept_word(p, "dport"))
		o->port = (uint16_t)sl__parse_number(p, 65535, "a port");
	else if (o->kind == OB_EXPECTATION && sl__accept_word(p, "timeout"))
		o->timeout = sl__parse_time(p);
	else if (o->kind == OB_EXPECTATION && sl__accept_word(p, "size"))
		o->size = (uint32_t)sl__parse_number(p, 255, "a number");
	else
		sl__parse_unexpected(p, "a property of this object");
}

/* In a block, what describes a counter, quota or limit needs nothing to end it. */
static void object_line(struct sl__parser *p, void *arg)
{
	struct sl__object *o = arg;

	if (parse_common(p))
		return;
	if (sl__accept_word(p, "comment"))
		o->comment = sl__parse_string(p, "a comment");
	else if (o->kind == OB_COUNTER)
		sl__is_word(p, "packets") ? sl__parse_counter(p, &o->counter)
					  : sl__parse_unexpected(p, "packets");
	else if (o->kind == OB_QUOTA)
		sl__parse_quota(p, &o->quota);
	else if (o->kind == OB_LIMIT)
		sl__parse_limit(p, &o->limit);
	else
		ct_object_line(p, o);
	if (o->kind >= OB_HELPER)
		end_of_statement(p);
}

static void check_object(struct sl__parser *p, struct sl__object *o)
{
	bool good = o->kind == OB_HELPER ? o->helper && o->proto
		: o->kind == OB_TIMEOUT ? o->proto && o->timeout_count
		: o->kind == OB_EXPECTATION ? o->proto && o->port && o->timeout && o->size
		: o->kind == OB_QUOTA ? o->quota.bytes : o->kind == OB_LIMIT ? o->limit.rate : true;

	if (!good)
		sl__parse_fail(p, o->place, "this object lacks something that it needs");
	if (p->table->family != FAM_INET && !o->family && o->kind >= OB_HELPER)
		o->family = p->table->family == FAM_IP ? 4 : 6;
}

static void parse_object(struct sl__parser *p, enum sl__object_kind kind, bool create)
{
	struct sl__object *o = sl__arena_get(&p->r->arena, sizeof *o);

	(void)create;
	o->kind = (uint8_t)kind;
	o->place = p->token.place;
	o->name = sl__parse_name(p, "a name");
	if (sl__object_find(p->table, o->kind, o->name))
		sl__parse_fail(p, o->place, "Could not process rule: File exists");
	if (sl__is(p, '{'))
		parse_block(p, object_line, o);
	else
		object_line(p, o);
	check_object(p, o);
	*p->table->objects_end = o;
	p->table->objects_end = &o->next;
}

static void flowtable_line(struct sl__parser *p, void *arg)
{
	struct sl__flowtable *f = arg;

	if (sl__accept_word(p, "hook")) {
		sl__expect_word(p, "ingress");
		sl__expect_word(p, "priority");
		f->priority = parse_priority(p, SL_FORWARD);
	} else if (sl__accept_word(p, "devices")) {
		sl__expect(p, '=', "'='");
		f->devices = sl__parse_rhs(p);
	} else if (sl__accept_word(p, "counter")) {
		f->counter = true;
	} else if (sl__is_word(p, "flags")) {
		sl__parse_unsupported(p, p->token.place, "flags of a flowtable");
	} else {
		sl__parse_unexpected(p, "hook, devices or counter");
	}
	end_of_statement(p);
}

static void parse_flowtable(struct sl__parser *p)
{
	struct sl__flowtable *f = sl__arena_get(&p->r->arena, sizeof *f);

	f->name = sl__parse_name(p, "a name");
	parse_block(p, flowtable_line, f);
	f->next = p->table->flowtables;
	p->table->flowtables = f;
}

/* counter, quota, limit, ct helper ...: what may stand in a table, and behind `add`. */
static bool parse_object_kind(struct sl__parser *p, bool create, void (*owner)(struct sl__parser *p))
{
	static const struct { const char *word; enum sl__object_kind kind; } kinds[] = {
		{"counter", OB_COUNTER}, {"quota", OB_QUOTA}, {"limit", OB_LIMIT}};
	static const struct { const char *word; enum sl__object_kind kind; } cts[] = {
		{"helper", OB_HELPER}, {"timeout", OB_TIMEOUT}, {"expectation", OB_EXPECTATION}};
	size_t i;

	for (i = 0; i < 3; i++) {
		if (sl__accept_word(p, kinds[i].word)) {
			owner(p);
			parse_object(p, kinds[i].kind, create);
			return true;
		}
	}
	if (sl__is_word(p, "synproxy") || sl__is_word(p, "secmark"))
		sl__parse_unsupported(p, p->token.place, "synproxy and secmark objects");
	if (!sl__accept_word(p, "ct"))
		return false;
	for (i = 0; i < 3; i++) {
		if (sl__accept_word(p, cts[i].word)) {
			owner(p);
			parse_object(p, cts[i].kind, create);
			return true;
		}
	}
	sl__parse_unexpected(p, "helper, timeout or expectation");
}

static void no_owner(struct sl__parser *p)
{
	(void)p;
}

/* ---- tables ---- */

static void table_line(struct sl__parser *p, void *arg)
{
	(void)arg;
	if (parse_common(p))
		return;
	if (sl__accept_word(p, "chain")) {
		parse_chain(p, false);
	} else if (sl__accept_word(p, "set")) {
		parse_named_set(p, false, false);
	} else if (sl__accept_word(p, "map")) {
		parse_named_set(p, true, false);
	} else if (sl__accept_word(p, "flowtable")) {
		parse_flowtable(p);
	} else if (sl__accept_word(p, "comment")) {
		p->table->comment = sl__parse_string(p, "a comment");
	} else if (sl__accept_word(p, "flags")) {
		sl__expect_word(p, "dormant");
		p->table->dormant = true;
	} else if (!parse_object_kind(p, false, no_owner)) {
		sl__parse_unexpected(p, "chain, set, map, flowtable, counter, quota, limit or ct");
	}
	end_of_statement(p);
}

static uint8_t parse_family(struct sl__parser *p)
{
	if (sl__accept_word(p, "ip"))
		return FAM_IP;
	if (sl__accept_word(p, "ip6"))
		return FAM_IP6;
	if (sl__accept_word(p, "inet"))
		return FAM_INET;
	if (sl__is_word(p, "arp") || sl__is_word(p, "bridge") || sl__is_word(p, "netdev"))
		sl__parse_unsupported(p, p->token.place, "tables of families arp, bridge and netdev");
	return FAM_IP;
}

static struct sl__table *get_table(struct sl__parser *p, uint8_t family, const char *name)
{
	struct sl__table *t = sl__table_find(p->r, family, name);

	if (t)
		return t;
	t = sl__arena_get(&p->r->arena, sizeof *t);
	t->family = family;
	t->name = name;
	t->chains_end = &t->chains;
	t->sets_end = &t->sets;
	t->objects_end = &t->objects;
	*p->r->tables_end = t;
	p->r->tables_end = &t->next;
	return t;
}

static void check_one(struct sl__parser *p, struct sl__table *t, struct sl__rule *rule)
{
	jmp_buf here;

	rule->checked = true;
	if (!setjmp(here))
		sl__check_rule(p->r, t, rule, &here);
}

static void check_new_rules(struct sl__parser *p, struct sl__table *t)
{
	struct sl__chain *c;
	struct sl__rule *rule;

	for (c = t->chains; c; c = c->next) {
		for (rule = c->rules; rule; rule = rule->next)
			if (!rule->checked)
				check_one(p, t, rule);
	}
}

static void parse_table(struct sl__parser *p, bool create)
{
	uint8_t family = parse_family(p);
	struct sl__place place = p->token.place;
	char *name = sl__parse_name(p, "the name of a table");
	struct sl__table *outer = p->table;

	if (create && sl__table_find(p->r, family, name))
		sl__parse_fail(p, place, "Could not process rule: File exists");
	p->table = get_table(p, family, name);
	if (sl__is(p, '{')) {
		parse_block(p, table_line, NULL);
		check_new_rules(p, p->table);
	}
	p->table = outer;
}

/* ---- commands ---- */

/* [family] table: must be there. */
static void named_table(struct sl__parser *p)
{
	uint8_t family = parse_family(p);
	struct sl__place place = p->token.place;
	char *name = sl__parse_name(p, "the name of a table");

	p->table = sl__table_find(p->r, family, name);
	if (!p->table)
		sl__parse_fail(p, place, "Could not process rule: No such file or directory");
}

/* Each must be there, with the same bounds. */
static void remove_elements(struct sl__parser *p, struct sl__set *s, const struct sl__expr *list)
{
	uint8_t lo[SL_RULES_KEY_MAX] = {0}, hi[SL_RULES_KEY_MAX] = {0}, lo2[SL_RULES_KEY_MAX] = {0}, hi2[SL_RULES_KEY_MAX] = {0};
	const struct sl__expr *e;
	struct sl__expr **at;

	for (e = list->items; e; e = e->next) {
		struct sl__expr one = *e;

		if (s->map && !one.b)
			sl__check_key(p->r, s, &one, p->fail);
		else
			sl__check_elem(p->r, s, &one, p->fail);
		sl__elem_bounds(s, &one, lo, hi);
		for (at = &s->elems; *at; at = &(*at)->next) {
			sl__elem_bounds(s, *at, lo2, hi2);
			if (((*at)->a->kind == EX_WILD) == (one.a->kind == EX_WILD) && !memcmp(lo, lo2, s->key_len) &&
				!memcmp(hi, hi2, s->key_len))
				break;
		}
		if (!*at)
			sl__parse_fail(p, e->place, "Could not process rule: No such file or directory");
		if (s->elems_end == &(*at)->next)
			s->elems_end = at;
		*at = (*at)->next;
		s->count--;
	}
}

static void add_elements(struct sl__parser *p, bool remove)
{
	struct sl__place place;
	struct sl__expr *list, *e, *next;
	struct sl__set *s;

	named_table(p);
	place = p->token.place;
	s = sl__set_named(p->table, sl__parse_name(p, "the name of a set"));
	if (!s)
		sl__parse_fail(p, place, "Could not process rule: No such file or directory");
	list = sl__parse_set_or_ref(p);
	if (remove) {
		remove_elements(p, s, list);
		return;
	}
	for (e = list->items; e; e = next) {
		next = e->next;
		e->next = NULL;
		sl__check_elem(p->r, s, e, p->fail);
		*s->elems_end = e;
		s->elems_end = &e->next;
		s->count++;
	}
}

static void one_rule(struct sl__parser *p, bool first)
{
	struct sl__place place;
	struct sl__chain *c;
	struct sl__rule *rule;

	named_table(p);
	place = p->token.place;
	c = sl__chain_find(p->table, sl__parse_name(p, "the name of a chain"));
	if (!c)
		sl__parse_fail(p, place, "Could not process rule: No such file or directory");
	if (sl__is_word(p, "index") || sl__is_word(p, "position") || sl__is_word(p, "handle"))
		sl__parse_unsupported(p, p->token.place, "rules by index, position or handle");
	rule = sl__parse_rule(p);
	rule->checked = true;
	sl__check_rule(p->r, p->table, rule, p->fail);
	add_rule(c, rule, first);
}

static void chain_command(struct sl__parser *p, bool create)
{
	named_table(p);
	parse_chain(p, create);
}

static void parse_add(struct sl__parser *p, bool create)
{
	if (sl__accept_word(p, "table")) {
		parse_table(p, create);
	} else if (sl__accept_word(p, "chain")) {
		chain_command(p, create);
	} else if (sl__accept_word(p, "set")) {
		named_table(p);
		parse_named_set(p, false, create);
	} else if (sl__accept_word(p, "map")) {
		named_table(p);
		parse_named_set(p, true, create);
	} else if (sl__accept_word(p, "element")) {
		add_elements(p, false);
	} else if (sl__accept_word(p, "flowtable")) {
		named_table(p);
		parse_flowtable(p);
	} else if (!parse_object_kind(p, create, named_table)) {
		sl__accept_word(p, "rule");
		one_rule(p, false);
	}
}

static void empty_table(struct sl__table *t)
{
	struct sl__chain *c;

	for (c = t->chains; c; c = c->next) {
		c->rules = NULL;
		c->rules_end = &c->rules;
	}
}

static void flush_ruleset(struct sl__parser *p)
{
	uint8_t only = sl__at_end_of_rule(p) ? 0 : parse_family(p);
	struct sl__table **at = &p->r->tables;

	while (*at) {
		if (!only || (*at)->family == only)
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
	p->r->tables_end = at;
}

static void parse_flush(struct sl__parser *p)
{
	struct sl__place place;

	if (sl__accept_word(p, "ruleset")) {
		flush_ruleset(p);
	} else if (sl__accept_word(p, "table")) {
		named_table(p);
		empty_table(p->table);
	} else if (sl__accept_word(p, "chain")) {
		struct sl__chain *c;

		named_table(p);
		place = p->token.place;
		c = sl__chain_find(p->table, sl__parse_name(p, "the name of a chain"));
		if (!c)
			sl__parse_fail(p, place, "Could not process rule: No such file or directory");
		c->rules = NULL;
		c->rules_end = &c->rules;
	} else if (sl__accept_word(p, "set") || sl__accept_word(p, "map")) {
		struct sl__set *s;

		named_table(p);
		place = p->token.place;
		s = sl__set_named(p->table, sl__parse_name(p, "the name of a set"));
		if (!s)
			sl__parse_fail(p, place, "Could not process rule: No such file or directory");
		s->elems = NULL;
		s->elems_end = &s->elems;
		s->count = 0;
	} else {
		sl__parse_unexpected(p, "ruleset, table, chain, set or map");
	}
}

static void delete_table(struct sl__parser *p)
{
	struct sl__table **at = &p->r->tables, *t;

	named_table(p);
	t = p->table;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	if (p->r->tables_end == &t->next)
		p->r->tables_end = at;
}

_Noreturn static void not_there(struct sl__parser *p, struct sl__place place)
{
	sl__parse_fail(p, place, "Could not process rule: No such file or directory");
}

/* What still jumps to it is a mistake, found when all is read (graph.c). */
static void delete_chain(struct sl__parser *p)
{
	struct sl__chain **at;
	struct sl__place place;
	char *name;

	named_table(p);
	place = p->token.place;
	name = sl__parse_name(p, "the name of a chain");
	for (at = &p->table->chains; *at && strcmp((*at)->name, name); at = &(*at)->next)
		;
	if (!*at)
		not_there(p, place);
	if ((*at)->rules && !(*at)->base)
		sl__parse_fail(p, place, "Could not process rule: Device or resource busy: this chain has rules");
	if (p->table->chains_end == &(*at)->next)
		p->table->chains_end = at;
	*at = (*at)->next;
}

/* Does a rule of the table name the set? */
static bool is_used(const struct sl__table *t, const struct sl__set *set)
{
	const struct sl__chain *c;
	const struct sl__rule *rule;
	const struct sl__stmt *s;

	for (c = t->chains; c; c = c->next)
		for (rule = c->rules; rule; rule = rule->next)
			for (s = rule->stmts; s; s = s->next)
				if (s->set == set || (s->b && s->b->set == set) || (s->a && s->a->set == set))
					return true;
	return false;
}

static void delete_set(struct sl__parser *p, bool map)
{
	struct sl__place place;
	struct sl__set **at;
	char *name;

	named_table(p);
	place = p->token.place;
	name = sl__parse_name(p, "the name of a set");
	for (at = &p->table->sets; *at && !((*at)->name && !strcmp((*at)->name, name) && (*at)->map == map); at = &(*at)->next)
		;
	if (!*at)
		not_there(p, place);
	if (is_used(p->table, *at))
		sl__parse_fail(p, place, "Could not process rule: Device or resource busy: rules use this set");
	if (p->table->sets_end == &(*at)->next)
		p->table->sets_end = at;
	*at = (*at)->next;
}

static void parse_delete(struct sl__parser *p)
{
	if (sl__accept_word(p, "table"))
		delete_table(p);
	else if (sl__accept_word(p, "element"))
		add_elements(p, true);
	else if (sl__accept_word(p, "chain"))
		delete_chain(p);
	else if (sl__accept_word(p, "set"))
		delete_set(p, false);
	else if (sl__accept_word(p, "map"))
		delete_set(p, true);
	else
		sl__parse_unsupported(p, p->token.place, "deleting this");
}

static void refuse_command(struct sl__parser *p)
{
	static const char *const words[] = {"list", "get", "reset", "rename", "replace", "import",
		"export", "monitor", "describe", "destroy", NULL};
	int i;

	for (i = 0; words[i]; i++) {
		if (sl__is_word(p, words[i]))
			sl__parse_unsupported(p, p->token.place, "this command in a file");
	}
}

static void parse_command(struct sl__parser *p, void *arg)
{
	(void)arg;
	p->table = NULL;
	if (parse_common(p))
		return;
	refuse_command(p);
	if (sl__accept_word(p, "flush")) {
		parse_flush(p);
	} else if (sl__accept_word(p, "delete")) {
		parse_delete(p);
	} else if (sl__accept_word(p, "insert")) {
		sl__accept_word(p, "rule");
		one_rule(p, true);
	} else if (sl__accept_word(p, "create")) {
		parse_add(p, true);
	} else if (sl__accept_word(p, "add") || sl__is(p, TK_WORD)) {
		parse_add(p, false);
	} else {
		sl__parse_unexpected(p, "a command");
	}
	end_of_statement(p);
}

static void parse_lines(struct sl__parser *p)
{
	while (!sl__is(p, TK_END)) {
		if (sl__accept(p, TK_NEWLINE) || sl__accept(p, ';'))
			continue;
		if (!guarded(p, parse_command, NULL) && sl__is(p, '}'))
			sl__take(p);
	}
}

static void one_define(struct sl__parser *p, void *arg)
{
	const struct sl_rules_define *d = arg;

	set_variable(p, d->name, parse_initial(p));
	if (!sl__is(p, TK_END))
		sl__parse_unexpected(p, "the end of the value");
}

static void take_text(struct sl__parser *p, const struct sl__source *source)
{
	p->source = source;
	p->at = 0;
	p->depth = 0;
	p->token = sl__lex(source, &p->at);
}

void sl__rules_parse(struct sl_rules *r, const struct sl__source *source)
{
	struct sl__parser p = {.r = r};
	unsigned i;

	for (i = 0; i < r->env.define_count; i++) {
		struct sl_rules_define d = r->env.defines[i];

		d.name = sl__arena_text(&r->arena, d.name, strlen(d.name));
		take_text(&p, sl__source_new(r, d.name, d.value, strlen(d.value)));
		guarded(&p, one_define, &d);
	}
	take_text(&p, source);
	parse_lines(&p);
}
