/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verdicts, and the elements between the braces of sets and maps.
 */
#include "rules/parse.h"

#include <string.h>

bool sl__at_verdict(const struct sl__parser *p)
{
	static const char *const words[] = {
	        "accept", "drop", "continue", "return", "jump", "goto", NULL};

	return p->token.kind == TK_WORD && sl__listed(words, &p->token);
}

struct sl__expr *sl__parse_verdict(struct sl__parser *p)
{
	static const char *const words[] = {"accept", "drop", "continue", "return", "jump", "goto"};
	struct sl__expr *e = sl__expr_new(p, EX_VERDICT, p->token.place), *chain;

	while (!sl__is_word(p, words[e->op]))
		e->op++;
	sl__take(p);
	if (e->op < VD_JUMP)
		return e;
	if (sl__is(p, '$')) {
		chain = sl__parse_variable(p);
		if (chain->kind != EX_SYMBOL)
			sl__parse_fail(p, chain->place, "this is not the name of a chain");
		e->text = chain->text;
	} else {
		e->text = sl__parse_name(p, "the name of a chain");
	}
	e->place = sl__place_join(e->place, p->last);
	return e;
}

static void parse_elem_each(struct sl__parser *p, struct sl__expr *elem)
{
	if (elem->each)
		sl__parse_unexpected(p, "',' or '}'");
	sl__parse_each(p, &elem->each);
	if (!elem->each)
		sl__parse_unexpected(p, "ct count");
}

static void parse_elem_options(struct sl__parser *p, struct sl__expr *elem)
{
	for (;;) {
		if (sl__accept_word(p, "timeout"))
			elem->timeout = sl__parse_time(p);
		else if (sl__accept_word(p, "expires"))
			elem->left = sl__parse_time(p);
		else if (sl__accept_word(p, "comment"))
			elem->comment = sl__parse_string(p, "a comment");
		else if (sl__is_word(p, "counter") || sl__is_word(p, "limit") ||
		         sl__is_word(p, "quota") || sl__is_word(p, "ct"))
			parse_elem_each(p, elem);
		else
			return;
	}
}

static struct sl__expr *parse_data(struct sl__parser *p)
{
	return sl__at_verdict(p) ? sl__parse_verdict(p) : sl__parse_rhs_concat(p);
}

static struct sl__expr *parse_elem(struct sl__parser *p)
{
	struct sl__expr *elem = sl__expr_new(p, EX_ELEM, p->token.place);

	elem->a = sl__is(p, '{') ? sl__parse_set(p) : sl__parse_rhs_concat(p);
	parse_elem_options(p, elem);
	if (sl__accept(p, ':')) {
		elem->b = parse_data(p);
		parse_elem_options(p, elem);
	}
	elem->place = sl__place_join(elem->place, p->last);
	return elem;
}

/* An element that is a set itself (by a variable, or written so) is its elements. */
static void add_elem(struct sl__expr *set, struct sl__expr *elem)
{
	struct sl__expr *item, *next;

	if ((elem->a->kind != EX_SET && elem->a->kind != EX_LIST) || elem->b) {
		sl__expr_add(set, elem);
		return;
	}
	for (item = elem->a->items; item; item = next) {
		struct sl__expr *inner = item;

		next = item->next;
		inner->next = NULL;
		sl__expr_add(set, inner);
	}
}

struct sl__expr *sl__parse_set(struct sl__parser *p)
{
	struct sl__expr *set = sl__expr_new(p, EX_SET, p->token.place);

	sl__nest_in(p);
	sl__expect(p, '{', "{");
	sl__skip_newlines(p);
	while (!sl__is(p, '}')) {
		struct sl__expr *elem = parse_elem(p);

		if (elem->a->kind == EX_LIST && !elem->b)
			for (struct sl__expr **at = &elem->a->items; *at; at = &(*at)->next) {
				struct sl__expr *wrap = sl__expr_new(p, EX_ELEM, (*at)->place);

				wrap->next = (*at)->next;
				wrap->a = *at;
				(*at)->next = NULL;
				*at = wrap;
			}
		add_elem(set, elem);
		sl__skip_newlines(p);
		if (!sl__accept(p, ','))
			break;
		sl__skip_newlines(p);
	}
	sl__expect(p, '}', "',' or '}'");
	set->place = sl__place_join(set->place, p->last);
	p->nest--;
	return set;
}
