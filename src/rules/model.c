/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding things in a ruleset by name, numbers in values, and the life of a ruleset: made by
 * sl_rules_read(), which reads all of the text, then checks what can only be known at its end,
 * then makes the sets ready for lookups. A ruleset with one mistake is no ruleset.
 */
#include "rules/rules.h"

#include <string.h>

#include "base/mem.h"

struct sl__table *sl__table_find(struct sl_rules *r, uint8_t family, const char *name)
{
	struct sl__table *t;

	for (t = r->tables; t; t = t->next) {
		if (t->family == family && !strcmp(t->name, name))
			return t;
	}
	return NULL;
}

struct sl__chain *sl__chain_find(struct sl__table *t, const char *name)
{
	struct sl__chain *c;

	for (c = t->chains; c; c = c->next) {
		if (!strcmp(c->name, name))
			return c;
	}
	return NULL;
}

struct sl__set *sl__set_named(struct sl__table *t, const char *name)
{
	struct sl__set *s;

	for (s = t->sets; s; s = s->next) {
		if (s->name && !strcmp(s->name, name))
			return s;
	}
	return NULL;
}

struct sl__object *sl__object_find(struct sl__table *t, uint8_t kind, const char *name)
{
	struct sl__object *o;

	for (o = t->objects; o; o = o->next) {
		if (o->kind == kind && !strcmp(o->name, name))
			return o;
	}
	return NULL;
}

bool sl__set_stays(const struct sl__set *set)
{
	return !(set->flags & (SET_TIMEOUT | SET_DYNAMIC)) && !set->timeout && !set->counts;
}

uint64_t sl__value_number(const struct sl__expr *value)
{
	uint64_t n = 0;
	unsigned i;

	for (i = value->len > 8 ? value->len - 8u : 0; i < value->len; i++)
		n = n << 8 | value->value[i];
	return n;
}

void sl__value_set(struct sl__expr *value, uint64_t number, unsigned bytes)
{
	unsigned i;

	value->kind = EX_VALUE;
	value->len = (uint8_t)bytes;
	memset(value->value, 0, sizeof value->value);
	for (i = 0; i < 8 && i < bytes; i++)
		value->value[bytes - 1 - i] = (uint8_t)(number >> 8 * i);
}

/* Where conntrack, NAT and helpers stand among the chains of each hook (<sluice/policy.h>). */
enum sl_stage sl__chain_stage(const struct sl__chain *c)
{
	switch (c->hook) {
	case SL_PREROUTING:
	case SL_OUTPUT:
		return c->priority < -200   ? SL_BEFORE_TRACK
		       : c->priority < -100 ? SL_BEFORE_NAT
		                            : SL_AFTER_NAT;
	case SL_INPUT:
		return c->priority < 100 ? SL_BEFORE_NAT : SL_AFTER_NAT;
	case SL_POSTROUTING:
		return c->priority < 100   ? SL_BEFORE_NAT
		       : c->priority < 300 ? SL_AFTER_NAT
		                           : SL_AFTER_HELPER;
	default:
		return SL_BEFORE_NAT;
	}
}

static bool asked_before(const struct sl__chain *a, const struct sl__chain *b)
{
	return a->priority != b->priority ? a->priority < b->priority : a->made > b->made;
}

/* Base chains into the order in which they are asked. Equal priorities: the last made first, as in Linux. */
static void order_chains(struct sl_rules *r)
{
	struct sl__table *t;
	struct sl__chain *c, **at;

	for (t = r->tables; t; t = t->next) {
		for (c = t->chains; c; c = c->next) {
			if (!c->base || t->dormant)
				continue;
			at = &r->hooks[c->hook];
			while (*at && asked_before(*at, c))
				at = &(*at)->later;
			c->later = *at;
			*at = c;
			if (strcmp(c->type, "nat"))
				r->stages[c->hook] |= (uint8_t)(1u << sl__chain_stage(c));
		}
	}
}

static void build_sets(struct sl_rules *r)
{
	struct sl__table *t;
	struct sl__set *s;

	for (t = r->tables; t; t = t->next) {
		for (s = t->sets; s; s = s->next)
			sl__set_build(r, s);
	}
}

static void read_all(struct sl_rules *r, const char *name, const char *text, size_t len)
{
	static const struct sl__place nowhere;

	if (len > SL_RULES_TEXT_MAX) {
		sl__rules_report(r, nowhere, "Error", "%.200s is too large", name);
		return;
	}
	sl__rules_parse(r, sl__source_new(r, name, text, len));
	sl__check_all(r); /* of what could be read, too: one run shows all mistakes */
	if (r->errors)
		return;
	build_sets(r);
	order_chains(r);
	sl__memo_mark(r);
	sl__coming_mark(r);
	sl__share_mark(r);
	sl__runs_make(r);
}

/* 0, or why the reading was given up. (A function of its own: it returns twice.) */
static int read_guarded(struct sl_rules *r, const char *name, const char *text, size_t len)
{
	int why = setjmp(r->give_up);

	if (!why)
		read_all(r, name, text, len);
	return why;
}

struct sl_rules *sl_rules_read(
        const struct sl_rules_env *env, const char *name, const char *text, size_t len)
{
	struct sl_rules *r = sl__alloc(&env->mem, sizeof *r);
	int why;

	if (!r)
		return NULL;
	r->env = *env;
	r->arena.mem = &r->env.mem;
	r->arena.out_of_memory = &r->give_up;
	r->tables_end = &r->tables;
	r->random = 0x9e3779b97f4a7c15u;
	r->whole = r;
	why = read_guarded(r, name, text, len);
	r->arena.out_of_memory = NULL;
	if (why || r->errors) {
		if (why == 1 && r->env.report)
			r->env.report(r->env.ctx, "Error: out of memory\n");
		sl_rules_destroy(r);
		return NULL;
	}
	return r;
}

void sl_rules_attach(struct sl_rules *r, const struct sl_rules_env *env)
{
	struct sl_mem mem = r->env.mem;

	r->env = *env;
	r->env.mem = mem;
	r->env.defines = NULL;
	r->env.define_count = 0;
}

uint8_t sl__rules_nat_hooks(const struct sl_rules *r, enum sl_family family)
{
	uint8_t own = family == SL_IPV4 ? FAM_IP : FAM_IP6;
	unsigned hooks = 0;

	for (unsigned hook = 0; hook < SL_HOOK_COUNT; hook++)
		for (const struct sl__chain *c = r->hooks[hook]; c; c = c->later)
			if (!strcmp(c->type, "nat") &&
			        (c->table->family == FAM_INET || c->table->family == own))
				hooks |= 1u << hook;
	return (uint8_t)hooks;
}

bool sl_rules_translates(const struct sl_rules *r)
{
	return sl__rules_nat_hooks(r, SL_IPV4) || sl__rules_nat_hooks(r, SL_IPV6);
}
