/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables. Rules of a block are checked when the block ends, so that they can name chains and sets
 * that come later in it.
 */
#include "rules/parse.h"

static void no_owner(struct sl__parser *p)
{
	(void)p;
}

static void table_line(struct sl__parser *p, void *arg)
{
	(void)arg;
	if (sl__parse_common(p))
		return;
	if (sl__accept_word(p, "chain")) {
		sl__parse_chain(p, false);
	} else if (sl__accept_word(p, "set")) {
		sl__parse_named_set(p, false, false);
	} else if (sl__accept_word(p, "map")) {
		sl__parse_named_set(p, true, false);
	} else if (sl__accept_word(p, "flowtable")) {
		sl__parse_flowtable(p);
	} else if (sl__accept_word(p, "comment")) {
		p->table->comment = sl__parse_string(p, "a comment");
	} else if (sl__accept_word(p, "flags")) {
		sl__expect_word(p, "dormant");
		p->table->dormant = true;
	} else if (!sl__parse_object_kind(p, false, no_owner)) {
		sl__parse_unexpected(p, "chain, set, map, flowtable, counter, quota, limit or ct");
	}
	sl__end_of_statement(p);
}

uint8_t sl__parse_family(struct sl__parser *p)
{
	if (sl__accept_word(p, "ip"))
		return FAM_IP;
	if (sl__accept_word(p, "ip6"))
		return FAM_IP6;
	if (sl__accept_word(p, "inet"))
		return FAM_INET;
	if (sl__is_word(p, "arp") || sl__is_word(p, "bridge") || sl__is_word(p, "netdev"))
		sl__parse_unsupported(
		        p, p->token.place, "tables of families arp, bridge and netdev");
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

void sl__check_new_rule(
        struct sl__parser *p, struct sl__table *t, struct sl__rule *rule, jmp_buf *fail)
{
	struct sl__set **made = t->sets_end;

	rule->checked = true;
	sl__check_rule(p->r, t, rule, fail);
	rule->good = true;
	for (; *made; made = &(*made)->next) /* anonymous sets, and those of meters */
		(*made)->handle = ++t->handles;
	if (!rule->handle)
		rule->handle = ++t->handles;
}

static void check_one(struct sl__parser *p, struct sl__table *t, struct sl__rule *rule)
{
	jmp_buf here;

	if (!setjmp(here))
		sl__check_new_rule(p, t, rule, &here);
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

void sl__number_new(struct sl__table *t)
{
	struct sl__flowtable *f;
	struct sl__object *o;
	struct sl__chain *c;
	struct sl__set *s;

	for (c = t->chains; c; c = c->next)
		c->handle = c->handle ? c->handle : ++t->handles;
	for (o = t->objects; o; o = o->next)
		o->handle = o->handle ? o->handle : ++t->handles;
	for (s = t->sets; s; s = s->next)
		s->handle = s->handle ? s->handle : ++t->handles;
	for (f = t->flowtables; f; f = f->next)
		f->handle = f->handle ? f->handle : ++t->handles;
}

void sl__parse_table(struct sl__parser *p, bool create)
{
	uint8_t family = sl__parse_family(p);
	struct sl__place place = p->token.place;
	char *name = sl__parse_name(p, "the name of a table");
	struct sl__table *outer = p->table;

	if (create && sl__table_find(p->r, family, name))
		sl__parse_fail(p, place, "Could not process rule: File exists");
	p->table = get_table(p, family, name);
	if (sl__is(p, '{')) {
		sl__parse_block(p, table_line, NULL);
		sl__number_new(p->table);
		check_new_rules(p, p->table);
	}
	p->table = outer;
}
