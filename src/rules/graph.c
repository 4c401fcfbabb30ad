/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can only be known when all is read: where jumps lead, that they do not lead in a circle
 * or too deep, and that statements are reached from hooks where they mean something.
 */
#include "rules/rules.h"

#include <string.h>

enum color { WHITE, GREY, BLACK };

/* Call f for each verdict that a rule's statement can give. (An element with a mistake may have none.) */
static void each_verdict(struct sl__stmt *s, void (*f)(void *ctx, struct sl__expr *verdict), void *ctx)
{
	struct sl__expr *e;

	if (s->kind == ST_VERDICT)
		f(ctx, s->a);
	if (s->kind != ST_VMAP)
		return;
	for (e = s->b->set->elems; e; e = e->next)
		if (e->b && e->b->kind == EX_VERDICT)
			f(ctx, e->b);
}

struct link {
	struct sl_rules *r;
	struct sl__table *table;
};

static void link_verdict(void *ctx, struct sl__expr *v)
{
	struct link *link = ctx;

	if (v->op < VD_JUMP || v->chain)
		return;
	v->chain = sl__chain_find(link->table, v->text);
	if (!v->chain)
		sl__rules_report(link->r, v->place, "Error",
			"Could not process rule: No such file or directory: no chain '%.60s'", v->text);
	else if (v->chain->base)
		sl__rules_report(link->r, v->place, "Error", "cannot jump to the base chain '%.60s'", v->text);
}

static void each_stmt(struct sl_rules *r, void (*f)(struct sl_rules *r, struct sl__chain *c, struct sl__stmt *s))
{
	struct sl__table *t;
	struct sl__chain *c;
	struct sl__rule *rule;
	struct sl__stmt *s;

	for (t = r->tables; t; t = t->next)
		for (c = t->chains; c; c = c->next)
			for (rule = c->rules; rule; rule = rule->next)
				for (s = rule->stmts; s && rule->good; s = s->next)
					f(r, c, s);
}

static void link_stmt(struct sl_rules *r, struct sl__chain *c, struct sl__stmt *s)
{
	struct link link = {r, c->table};

	each_verdict(s, link_verdict, &link);
}

static const char *misplaced(const struct sl__chain *base, const struct sl__stmt *s)
{
	bool nat = !strcmp(base->type, "nat");

	if (s->kind == ST_NAT) {
		if (!nat)
			return "NAT is only possible in chains of type nat";
		if (s->op == NAT_SNAT && base->hook != SL_POSTROUTING && base->hook != SL_INPUT)
			return "snat is only possible at hooks postrouting and input";
		if (s->op == NAT_MASQUERADE && base->hook != SL_POSTROUTING)
			return "masquerade is only possible at hook postrouting";
		if ((s->op == NAT_DNAT || s->op == NAT_REDIRECT) && base->hook != SL_PREROUTING &&
			base->hook != SL_OUTPUT)
			return "dnat and redirect are only possible at hooks prerouting and output";
	}
	if (s->kind == ST_REJECT && base->hook == SL_POSTROUTING)
		return "reject is not possible at hook postrouting";
	if (s->kind == ST_FLOW && base->hook != SL_FORWARD)
		return "flow add is only possible at hook forward";
	return NULL;
}

struct walk {
	struct sl_rules *r;
	struct sl__chain *base;
	unsigned depth, steps;
};

static void visit_chain(struct walk *w, struct sl__chain *c, struct sl__place place);

static void visit_verdict(void *ctx, struct sl__expr *v)
{
	if (v->op >= VD_JUMP && v->chain)
		visit_chain(ctx, v->chain, v->place);
}

/* Each chain once for each base chain, and again only when it is reached deeper. */
static void visit_chain(struct walk *w, struct sl__chain *c, struct sl__place place)
{
	struct sl__rule *rule;
	struct sl__stmt *s;
	const char *why;

	if (c->color == GREY) {
		sl__rules_report(w->r, place, "Error", "Could not process rule: Too many links: jumps to '%.60s' go in a circle", c->name);
		return;
	}
	if (w->depth > SL_RULES_JUMP_MAX) {
		sl__rules_report(w->r, place, "Error", "Could not process rule: Too many links: jumps are nested too deeply");
		return;
	}
	if (c->color == BLACK && c->level >= w->depth)
		return;
	c->color = GREY;
	c->level = (uint8_t)w->depth++;
	for (rule = c->rules; rule; rule = rule->next) {
		for (s = rule->stmts; s && rule->good; s = s->next) {
			why = w->base ? misplaced(w->base, s) : NULL;
			if (why)
				sl__rules_report(w->r, s->place, "Error", "Could not process rule: Operation not supported: %s", why);
			each_verdict(s, visit_verdict, w);
		}
	}
	w->depth--;
	c->color = BLACK;
}

static void clear_colors(struct sl__table *t)
{
	struct sl__chain *c;

	for (c = t->chains; c; c = c->next)
		c->color = c->level = 0;
}

void sl__check_all(struct sl_rules *r)
{
	static const struct sl__place nowhere;
	struct sl__table *t;
	struct sl__chain *c;
	unsigned before;

	each_stmt(r, link_stmt);
	before = r->errors;
	for (t = r->tables; t && r->errors == before; t = t->next) {
		for (c = t->chains; c && r->errors == before; c = c->next) {
			struct walk w = {.r = r, .base = c->base ? c : NULL};

			clear_colors(t);
			visit_chain(&w, c, nowhere);
		}
	}
}
