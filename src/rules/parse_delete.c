/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * delete and flush. What is still named by a rule or a map is not deleted, as in the kernel; what still
 * jumps to a chain that is gone is found when all is read (graph.c).
 */
#include "rules/parse.h"

#include <string.h>

/* Each must be there, with the same bounds. */
void sl__remove_elements(struct sl__parser *p, struct sl__set *s, const struct sl__expr *list)
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

static void delete_rule(struct sl__parser *p)
{
	struct sl__chain *c = sl__named_chain(p);
	struct sl__rule **at = sl__rule_by_handle(p, c);

	if (c->rules_end == &(*at)->next)
		c->rules_end = at;
	*at = (*at)->next;
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

void sl__parse_flush(struct sl__parser *p)
{
	struct sl__place place;

	if (sl__accept_word(p, "ruleset")) {
		flush_ruleset(p);
	} else if (sl__accept_word(p, "table")) {
		sl__named_table(p);
		empty_table(p->table);
	} else if (sl__accept_word(p, "chain")) {
		struct sl__chain *c;

		sl__named_table(p);
		place = p->token.place;
		c = sl__chain_find(p->table, sl__parse_name(p, "the name of a chain"));
		if (!c)
			sl__parse_fail(
			        p, place, "Could not process rule: No such file or directory");
		c->rules = NULL;
		c->rules_end = &c->rules;
	} else if (sl__accept_word(p, "set") || sl__accept_word(p, "map") ||
	           sl__accept_word(p, "meter")) {
		struct sl__set *s;

		sl__named_table(p);
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

	sl__named_table(p);
	t = p->table;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	if (p->r->tables_end == &t->next)
		p->r->tables_end = at;
}

/* What still jumps to it is a mistake, found when all is read (graph.c). */
static void delete_chain(struct sl__parser *p)
{
	struct sl__chain **at;
	struct sl__place place;
	char *name;

	sl__named_table(p);
	place = p->token.place;
	name = sl__parse_name(p, "the name of a chain");
	for (at = &p->table->chains; *at && strcmp((*at)->name, name); at = &(*at)->next)
		;
	if (!*at)
		sl__not_there(p, place);
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

	sl__named_table(p);
	place = p->token.place;
	name = sl__parse_name(p, "the name of a set");
	for (at = &p->table->sets;
	        *at && !((*at)->name && !strcmp((*at)->name, name) && (*at)->map == map);
	        at = &(*at)->next)
		;
	if (!*at)
		sl__not_there(p, place);
	if (is_used(p->table, *at))
		sl__parse_fail(p, place,
		        "Could not process rule: Device or resource busy: rules use this set");
	if (p->table->sets_end == &(*at)->next)
		p->table->sets_end = at;
	*at = (*at)->next;
}

static bool names_object(const struct sl__set *map, const struct sl__object *o)
{
	const struct sl__expr *e;

	for (e = map->object == o->kind ? map->elems : NULL; e; e = e->next)
		if (e->b && e->b->object == o)
			return true;
	return false;
}

/* Does a rule or a named map name the object? */
static bool object_used(const struct sl__table *t, const struct sl__object *o)
{
	const struct sl__chain *c;
	const struct sl__rule *rule;
	const struct sl__stmt *s;
	const struct sl__set *set;

	for (set = t->sets; set; set = set->next)
		if (set->name && names_object(set, o))
			return true;
	for (c = t->chains; c; c = c->next)
		for (rule = c->rules; rule; rule = rule->next)
			for (s = rule->stmts; s; s = s->next)
				if (s->ref == o ||
				        (s->a && s->a->set && names_object(s->a->set, o)))
					return true;
	return false;
}

static void delete_object(struct sl__parser *p, enum sl__object_kind kind)
{
	struct sl__object **at;
	struct sl__place place;
	char *name;

	sl__named_table(p);
	place = p->token.place;
	name = sl__parse_name(p, "the name of an object");
	for (at = &p->table->objects; *at && ((*at)->kind != kind || strcmp((*at)->name, name));)
		at = &(*at)->next;
	if (!*at)
		sl__not_there(p, place);
	if (object_used(p->table, *at))
		sl__parse_fail(p, place,
		        "Could not process rule: Device or resource busy: rules use this object");
	if (p->table->objects_end == &(*at)->next)
		p->table->objects_end = at;
	*at = (*at)->next;
}

static void delete_flowtable(struct sl__parser *p)
{
	struct sl__flowtable **at;
	const struct sl__chain *c;
	const struct sl__rule *rule;
	const struct sl__stmt *s;
	struct sl__place place;
	char *name;

	sl__named_table(p);
	place = p->token.place;
	name = sl__parse_name(p, "the name of a flowtable");
	for (at = &p->table->flowtables; *at && strcmp((*at)->name, name); at = &(*at)->next)
		;
	if (!*at)
		sl__not_there(p, place);
	for (c = p->table->chains; c; c = c->next)
		for (rule = c->rules; rule; rule = rule->next)
			for (s = rule->stmts; s; s = s->next)
				if (s->kind == ST_FLOW && !strcmp(s->text, name))
					sl__parse_fail(p, place,
					        "Could not process rule: Device or resource busy: rules use this flowtable");
	*at = (*at)->next;
}

static void delete_ct(struct sl__parser *p)
{
	if (sl__accept_word(p, "helper"))
		delete_object(p, OB_HELPER);
	else if (sl__accept_word(p, "timeout"))
		delete_object(p, OB_TIMEOUT);
	else if (sl__accept_word(p, "expectation"))
		delete_object(p, OB_EXPECTATION);
	else
		sl__parse_unexpected(p, "helper, timeout or expectation");
}

void sl__parse_delete(struct sl__parser *p)
{
	if (sl__accept_word(p, "table"))
		delete_table(p);
	else if (sl__accept_word(p, "element"))
		sl__parse_elements(p, true);
	else if (sl__accept_word(p, "chain"))
		delete_chain(p);
	else if (sl__accept_word(p, "set"))
		delete_set(p, false);
	else if (sl__accept_word(p, "map"))
		delete_set(p, true);
	else if (sl__accept_word(p, "rule"))
		delete_rule(p);
	else if (sl__accept_word(p, "counter"))
		delete_object(p, OB_COUNTER);
	else if (sl__accept_word(p, "quota"))
		delete_object(p, OB_QUOTA);
	else if (sl__accept_word(p, "limit"))
		delete_object(p, OB_LIMIT);
	else if (sl__accept_word(p, "flowtable"))
		delete_flowtable(p);
	else if (sl__accept_word(p, "ct"))
		delete_ct(p);
	else
		sl__parse_unsupported(p, p->token.place, "deleting this");
}
