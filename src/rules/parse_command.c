/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands. Each changes the ruleset as it is read, as a script's commands change the kernel's.
 */
#include "rules/parse.h"

#include <string.h>

static void named_table(struct sl__parser *p)
{
	uint8_t family = sl__parse_family(p);
	struct sl__place place = p->token.place;
	char *name = sl__parse_name(p, "the name of a table");

	p->table = sl__table_find(p->r, family, name);
	if (!p->table)
		sl__parse_fail(p, place, "Could not process rule: No such file or directory");
}

/* Each must be there, with the same bounds. */
static void remove_elements(struct sl__parser *p, struct sl__set *s, const struct sl__expr *list)
{
	uint8_t lo[SL_RULES_KEY_MAX] = {0}, hi[SL_RULES_KEY_MAX] = {0}, lo2[SL_RULES_KEY_MAX] = {0},
	        hi2[SL_RULES_KEY_MAX] = {0};
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
			if (((*at)->a->kind == EX_WILD) == (one.a->kind == EX_WILD) &&
			        !memcmp(lo, lo2, s->key_len) && !memcmp(hi, hi2, s->key_len))
				break;
		}
		if (!*at)
			sl__parse_fail(
			        p, e->place, "Could not process rule: No such file or directory");
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
	sl__add_rule(c, rule, first);
}

static void chain_command(struct sl__parser *p, bool create)
{
	named_table(p);
	sl__parse_chain(p, create);
}

static void parse_add(struct sl__parser *p, bool create)
{
	if (sl__accept_word(p, "table")) {
		sl__parse_table(p, create);
	} else if (sl__accept_word(p, "chain")) {
		chain_command(p, create);
	} else if (sl__accept_word(p, "set")) {
		named_table(p);
		sl__parse_named_set(p, false, create);
	} else if (sl__accept_word(p, "map")) {
		named_table(p);
		sl__parse_named_set(p, true, create);
	} else if (sl__accept_word(p, "element")) {
		add_elements(p, false);
	} else if (sl__accept_word(p, "flowtable")) {
		named_table(p);
		sl__parse_flowtable(p);
	} else if (!sl__parse_object_kind(p, create, named_table)) {
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
	uint8_t only = sl__at_end_of_rule(p) ? 0 : sl__parse_family(p);
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
			sl__parse_fail(
			        p, place, "Could not process rule: No such file or directory");
		c->rules = NULL;
		c->rules_end = &c->rules;
	} else if (sl__accept_word(p, "set") || sl__accept_word(p, "map")) {
		struct sl__set *s;

		named_table(p);
		place = p->token.place;
		s = sl__set_named(p->table, sl__parse_name(p, "the name of a set"));
		if (!s)
			sl__parse_fail(
			        p, place, "Could not process rule: No such file or directory");
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
		sl__parse_fail(p, place,
		        "Could not process rule: Device or resource busy: this chain has rules");
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
				if (s->set == set || (s->b && s->b->set == set) ||
				        (s->a && s->a->set == set))
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
	for (at = &p->table->sets;
	        *at && !((*at)->name && !strcmp((*at)->name, name) && (*at)->map == map);
	        at = &(*at)->next)
		;
	if (!*at)
		not_there(p, place);
	if (is_used(p->table, *at))
		sl__parse_fail(p, place,
		        "Could not process rule: Device or resource busy: rules use this set");
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
	if (sl__parse_common(p))
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
