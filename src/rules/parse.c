/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the readers of commands, rules and expressions share: the next token, names and numbers,
 * blocks, and how reading goes on after a mistake.
 *
 * A mistake is reported where it is found and ends its statement only: control goes back to the
 * innermost sl__guarded, which skips to the end of the statement and reads on. So one run shows
 * all mistakes. All memory is the arena's; nothing is lost by leaving in the middle.
 *
 * Who reads what: parse_command.c the whole text, command by command; parse_define.c variables
 * and includes; parse_table.c, parse_chain.c, parse_set.c, parse_object.c what stands in tables;
 * parse_stmt.c, parse_nat.c, parse_amount.c rules; parse_expr.c, parse_field.c, parse_elem.c what
 * is matched and set.
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
		sl__parse_fail(p, p->token.place, "%s",
		        p->token.len && *p->token.text == '"'
		                ? "a quote that is not closed"
		                : "a character that means nothing here");
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

		if (value->kind != EX_SYMBOL ||
		        !sl__read_number(value->text, strlen(value->text), &n))
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
		if (p->depth <= depth &&
		        (sl__is(p, TK_NEWLINE) || sl__is(p, ';') || sl__is(p, '}')))
			return;
		sl__take(p);
	}
}

/* Run f; if it fails, go on behind the statement. False: it failed. */
bool sl__guarded(struct sl__parser *p, void (*f)(struct sl__parser *p, void *arg), void *arg)
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
void sl__end_of_statement(struct sl__parser *p)
{
	if (sl__is(p, TK_END) && !p->depth)
		return;
	if (!sl__accept(p, TK_NEWLINE) && !sl__accept(p, ';'))
		sl__parse_unexpected(p, "newline or semicolon");
}

/* A block: { line; line } . `line` reads one of its statements. */
void sl__parse_block(struct sl__parser *p, void (*line)(struct sl__parser *p, void *arg), void *arg)
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
			sl__parse_fail(p, p->token.place,
			        "syntax error, unexpected end of file, expected '}'");
		}
		sl__guarded(p, line, arg);
	}
	sl__take(p);
	p->variables = outer;
}
