/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands. Each changes the ruleset as it is read, as a script's commands change the kernel's.
 */
#include "rules/parse.h"

#include <string.h>

_Noreturn void sl__not_there(struct sl__parser *p, struct sl__place place)
{
	sl__parse_fail(p, place, "Could not process rule: No such file or directory");
}

/* [family] table: must be there. */
void sl__named_table(struct sl__parser *p)
{
	uint8_t family = sl__parse_family(p);
	struct sl__place place = p->token.place;
	char *name = sl__parse_name(p, "the name of a table");

	p->table = sl__table_find(p->r, family, name);
	if (!p->table)
		sl__parse_fail(p, place, "Could not process rule: No such file or directory");
}

void sl__parse_elements(struct sl__parser *p, bool remove)
{
	struct sl__place place;
	struct sl__expr *list, *e, *next;
	struct sl__set *s;

	sl__named_table(p);
	place = p->token.place;
	s = sl__set_named(p->table, sl__parse_name(p, "the name of a set"));
	if (!s)
		sl__parse_fail(p, place, "Could not process rule: No such file or directory");
	list = sl__parse_set_or_ref(p);
	if (remove) {
		sl__remove_elements(p, s, list);
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

struct sl__chain *sl__named_chain(struct sl__parser *p)
{
	struct sl__place place;
	struct sl__chain *c;

	sl__named_table(p);
	place = p->token.place;
	c = sl__chain_find(p->table, sl__parse_name(p, "the name of a chain"));
	if (!c)
		sl__not_there(p, place);
	return c;
}

/* `handle N`: the link to that rule of the chain. */
struct sl__rule **sl__rule_by_handle(struct sl__parser *p, struct sl__chain *c)
{
	struct sl__place place = p->token.place;
	struct sl__rule **at = &c->rules;
	uint64_t handle;

	sl__expect_word(p, "handle");
	handle = sl__parse_number(p, UINT64_MAX, "a handle");
	while (*at && (*at)->handle != handle)
		at = &(*at)->next;
	if (!*at)
		sl__not_there(p, sl__place_join(place, p->last));
	return at;
}

/* `index N`, counted from 0. */
static struct sl__rule **rule_by_index(struct sl__parser *p, struct sl__chain *c)
{
	struct sl__place place = p->token.place;
	struct sl__rule **at = &c->rules;
	uint64_t n;

	sl__take(p);
	for (n = sl__parse_number(p, UINT32_MAX, "a number"); *at && n; n--)
		at = &(*at)->next;
	if (!*at)
		sl__not_there(p, sl__place_join(place, p->last));
	return at;
}

/* add: at the end, or behind the rule `index N`; insert: at the front, or before it. */
static void one_rule(struct sl__parser *p, bool first)
{
	struct sl__chain *c = sl__named_chain(p);
	struct sl__rule *rule, **at = first ? &c->rules : c->rules_end;

	if (sl__is_word(p, "index")) {
		at = rule_by_index(p, c);
		at = first ? at : &(*at)->next;
	} else if (sl__is_word(p, "position") || sl__is_word(p, "handle")) {
		/* Here nft knows only the rules that were there before the file: for us there are none. */
		sl__parse_fail(p, p->token.place,
		        "Could not process rule: No such file or directory: use index");
	}
	rule = sl__parse_rule(p);
	sl__check_new_rule(p, p->table, rule, p->fail);
	rule->chain = c;
	rule->next = *at;
	*at = rule;
	if (!rule->next)
		c->rules_end = &rule->next;
}

static void replace_rule(struct sl__parser *p)
{
	struct sl__chain *c;
	struct sl__rule **at, *rule;

	sl__expect_word(p, "rule");
	c = sl__named_chain(p);
	at = sl__rule_by_handle(p, c);
	rule = sl__parse_rule(p);
	rule->handle = (*at)->handle;
	sl__check_new_rule(p, p->table, rule, p->fail);
	rule->chain = c;
	rule->next = (*at)->next;
	if (!rule->next)
		c->rules_end = &rule->next;
	*at = rule;
}

static void chain_command(struct sl__parser *p, bool create)
{
	sl__named_table(p);
	sl__parse_chain(p, create);
}

static void parse_add(struct sl__parser *p, bool create)
{
	if (sl__accept_word(p, "table")) {
		sl__parse_table(p, create);
	} else if (sl__accept_word(p, "chain")) {
		chain_command(p, create);
	} else if (sl__accept_word(p, "set")) {
		sl__named_table(p);
		sl__parse_named_set(p, false, create);
	} else if (sl__accept_word(p, "map")) {
		sl__named_table(p);
		sl__parse_named_set(p, true, create);
	} else if (sl__accept_word(p, "element")) {
		sl__parse_elements(p, false);
	} else if (sl__accept_word(p, "flowtable")) {
		sl__named_table(p);
		sl__parse_flowtable(p);
	} else if (!sl__parse_object_kind(p, create, sl__named_table)) {
		sl__accept_word(p, "rule");
		one_rule(p, false);
	}
	if (p->table)
		sl__number_new(p->table);
}

static void refuse_command(struct sl__parser *p)
{
	static const char *const words[] = {"list", "get", "reset", "rename", "import", "export",
	        "monitor", "describe", "destroy", NULL};
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
	if (sl__parse_common(p))
		return;
	refuse_command(p);
	if (sl__accept_word(p, "flush")) {
		sl__parse_flush(p);
	} else if (sl__accept_word(p, "delete")) {
		sl__parse_delete(p);
	} else if (sl__accept_word(p, "replace")) {
		replace_rule(p);
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
	sl__end_of_statement(p);
}

void sl__parse_lines(struct sl__parser *p)
{
	while (!sl__is(p, TK_END)) {
		if (sl__accept(p, TK_NEWLINE) || sl__accept(p, ';'))
			continue;
		if (!sl__guarded(p, parse_command, NULL) && sl__is(p, '}'))
			sl__take(p);
	}
}

void sl__rules_parse(struct sl_rules *r, const struct sl__source *source)
{
	struct sl__parser p = {.r = r};

	sl__parse_defines(&p);
	sl__take_text(&p, source);
	sl__parse_lines(&p);
}
