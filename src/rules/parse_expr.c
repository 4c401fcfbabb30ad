/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Expressions. What a word means depends on its side: on the left of a match "tcp" begins a
 * field, on the right ("meta l4proto tcp tcp dport 22") it is a value. In statements' values
 * ("ct mark set meta mark") both can stand. Operators bind as in nft: shifts, &, ^, |.
 */
#include "rules/parse.h"

#include <string.h>

enum side { LEFT, RIGHT, EITHER };

static struct sl__expr *parse_binary(struct sl__parser *p, enum side side, unsigned level);

struct sl__expr *sl__expr_new(struct sl__parser *p, enum sl__expr_kind kind, struct sl__place place)
{
	struct sl__expr *e = sl__arena_get(&p->r->arena, sizeof *e);

	e->kind = (uint8_t)kind;
	e->place = place;
	e->dir = 2;
	return e;
}

void sl__expr_add(struct sl__expr *list, struct sl__expr *item)
{
	/* The last item is kept in b while the list grows. */
	if (list->b)
		list->b->next = item;
	else
		list->items = item;
	list->b = item;
	list->count++;
	list->place = sl__place_join(list->place, item->place);
}

void sl__nest_in(struct sl__parser *p)
{
	if (++p->nest > SL_RULES_NEST_MAX)
		sl__parse_fail(p, p->token.place, "nested too deeply (the limit is %d)",
		        SL_RULES_NEST_MAX);
}

/* ---- variables ---- */

static struct sl__expr *copy_expr(struct sl__parser *p, const struct sl__expr *e)
{
	struct sl__expr *copy = sl__arena_get(&p->r->arena, sizeof *copy);
	const struct sl__expr *item;

	/* Variables in variables could double and double again. */
	if (++p->r->copies > SL_RULES_COPY_MAX)
		sl__parse_fail(p, p->token.place,
		        "variables stand for too many values (the limit is %d)", SL_RULES_COPY_MAX);
	sl__nest_in(p);
	*copy = *e;
	copy->next = NULL;
	copy->items = NULL;
	copy->count = 0;
	if (e->kind == EX_LIST || e->kind == EX_SET || e->kind == EX_CONCAT) {
		copy->b = NULL;
		for (item = e->items; item; item = item->next)
			sl__expr_add(copy, copy_expr(p, item));
		copy->place = e->place;
	} else {
		copy->a = e->a ? copy_expr(p, e->a) : NULL;
		copy->b = e->b ? copy_expr(p, e->b) : NULL;
	}
	p->nest--;
	return copy;
}

struct sl__expr *sl__parse_variable(struct sl__parser *p)
{
	struct sl__place place = p->token.place;
	struct sl__variable *v;
	char *name;

	sl__expect(p, '$', "$");
	if (!sl__is(p, TK_WORD))
		sl__parse_unexpected(p, "the name of a variable");
	place = sl__place_join(place, p->token.place);
	name = sl__token_text(p);
	for (v = p->variables; v; v = v->next) {
		if (!strcmp(v->name, name)) {
			if (!v->value)
				break;
			return copy_expr(p, v->value);
		}
	}
	sl__parse_fail(p, place, "unknown identifier '%.100s'", name);
}

static struct sl__expr *parse_paren(struct sl__parser *p, enum side side)
{
	struct sl__expr *e;

	sl__expect(p, '(', "(");
	e = parse_binary(p, side, 0);
	sl__expect(p, ')', ")");
	return e;
}

static struct sl__expr *parse_symbol(struct sl__parser *p)
{
	struct sl__expr *e = sl__expr_new(p, EX_SYMBOL, p->token.place);
	size_t len = p->token.len;

	e->quoted = p->token.kind == TK_STRING;
	e->wild = p->token.kind == TK_GLOB || (e->quoted && len && p->token.text[len - 1] == '*');
	e->text = sl__token_text(p);
	return e;
}

static struct sl__expr *parse_primary(struct sl__parser *p, enum side side)
{
	struct sl__expr *e;

	sl__nest_in(p);
	if (sl__is(p, '$'))
		e = sl__parse_variable(p);
	else if (sl__is(p, '('))
		e = parse_paren(p, side);
	else if (side != RIGHT && (sl__is(p, '@') || sl__group_token(&p->token)))
		e = sl__parse_field(p);
	else if (side == LEFT)
		sl__parse_unexpected(p, "a statement, or a field of the packet");
	else if (sl__is(p, TK_WORD) || sl__is(p, TK_NUMBER) || sl__is(p, TK_STRING) ||
	         sl__is(p, TK_GLOB))
		e = parse_symbol(p);
	else
		sl__parse_unexpected(p, "a value");
	p->nest--;
	return e;
}

static enum sl__op binary_op(const struct sl__parser *p, unsigned level)
{
	switch (level) {
	case 0:
		return sl__is(p, '|') || sl__is_word(p, "or") ? OP_OR : OP_NONE;
	case 1:
		return sl__is(p, '^') || sl__is_word(p, "xor") ? OP_XOR : OP_NONE;
	case 2:
		return sl__is(p, '&') || sl__is_word(p, "and") ? OP_AND : OP_NONE;
	default:
		return sl__is(p, TK_LSHIFT) || sl__is_word(p, "lshift")   ? OP_LSHIFT
		       : sl__is(p, TK_RSHIFT) || sl__is_word(p, "rshift") ? OP_RSHIFT
		                                                          : OP_NONE;
	}
}

static struct sl__expr *parse_binary(struct sl__parser *p, enum side side, unsigned level)
{
	struct sl__expr *e = level == 4 ? parse_primary(p, side) : parse_binary(p, side, level + 1);
	struct sl__expr *whole;
	enum sl__op op;
	unsigned n = 0;

	while (level < 4 && (op = binary_op(p, level)) != OP_NONE) {
		if (++n > SL_RULES_NEST_MAX)
			sl__parse_fail(p, p->token.place, "too many operators");
		sl__take(p);
		whole = sl__expr_new(p, EX_BINARY, e->place);
		whole->op = (uint8_t)op;
		whole->a = e;
		whole->b = parse_binary(p,
		        op == OP_LSHIFT || op == OP_RSHIFT || side == LEFT ? RIGHT : side,
		        level + 1);
		whole->place = sl__place_join(e->place, whole->b->place);
		e = whole;
	}
	return e;
}

/* a, a/len, a-b, or * */
static struct sl__expr *parse_range(struct sl__parser *p, enum side side)
{
	struct sl__expr *e, *whole;

	if (sl__is(p, '*')) {
		sl__take(p);
		return sl__expr_new(p, EX_WILD, p->last);
	}
	e = parse_binary(p, side, 0);
	if (sl__is(p, '/') && sl__second(p).kind == TK_NUMBER) {
		sl__take(p);
		whole = sl__expr_new(p, EX_PREFIX, e->place);
		whole->a = e;
		whole->len = (uint8_t)sl__parse_number(p, 128, "a prefix length");
	} else if (sl__accept(p, '-')) {
		whole = sl__expr_new(p, EX_RANGE, e->place);
		whole->a = e;
		whole->b = parse_binary(p, side, 0);
	} else {
		return e;
	}
	whole->place = sl__place_join(e->place, p->last);
	return whole;
}

static struct sl__expr *parse_concat(struct sl__parser *p, enum side side)
{
	struct sl__expr *e = side == LEFT ? parse_binary(p, side, 0) : parse_range(p, side), *list;

	if (!sl__is(p, '.'))
		return e;
	list = sl__expr_new(p, EX_CONCAT, e->place);
	sl__expr_add(list, e);
	while (sl__accept(p, '.')) {
		if (list->count == 8)
			sl__parse_fail(p, p->token.place, "too many parts in a concatenation");
		sl__expr_add(list, side == LEFT ? parse_binary(p, side, 0) : parse_range(p, side));
	}
	return list;
}

struct sl__expr *sl__parse_rhs_concat(struct sl__parser *p)
{
	return parse_concat(p, RIGHT);
}

struct sl__expr *sl__parse_lhs(struct sl__parser *p)
{
	return parse_concat(p, LEFT);
}

struct sl__expr *sl__parse_list(struct sl__parser *p)
{
	struct sl__expr *e = parse_concat(p, RIGHT), *list;

	if (!sl__is(p, ','))
		return e;
	list = sl__expr_new(p, EX_LIST, e->place);
	sl__expr_add(list, e);
	while (sl__accept(p, ',')) {
		sl__skip_newlines(p);
		sl__expr_add(list, parse_concat(p, RIGHT));
	}
	return list;
}

static struct sl__expr *parse_set_ref(struct sl__parser *p)
{
	struct sl__expr *e = sl__expr_new(p, EX_SETREF, p->token.place);

	sl__expect(p, '@', "@");
	e->text = sl__parse_name(p, "the name of a set");
	e->place = sl__place_join(e->place, p->last);
	return e;
}

struct sl__expr *sl__parse_rhs(struct sl__parser *p)
{
	if (sl__is(p, '{'))
		return sl__parse_set(p);
	if (sl__is(p, '@'))
		return parse_set_ref(p);
	return sl__parse_list(p);
}

struct sl__expr *sl__parse_set_or_ref(struct sl__parser *p)
{
	struct sl__expr *e = sl__parse_rhs(p);

	if (e->kind != EX_SET && e->kind != EX_SETREF)
		sl__parse_fail(p, e->place, "expected { elements } or @name");
	return e;
}

struct sl__expr *sl__parse_value(struct sl__parser *p)
{
	struct sl__expr *e = parse_concat(p, EITHER), *map;

	if (!sl__accept_word(p, "map"))
		return e;
	map = sl__expr_new(p, EX_MAP, e->place);
	map->a = e;
	map->b = sl__parse_set_or_ref(p);
	map->place = sl__place_join(e->place, p->last);
	return map;
}
