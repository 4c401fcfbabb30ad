/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One ruleset for several engines. What Linux counts once for the machine (limits, quotas, counters,
 * dynamic sets, `ct count`, numgen inc) is then counted once for all engines, too.
 *
 * sl_rules_share() makes a view: a struct sl_rules with callbacks, memos and dice of its own, whose
 * tables are those of the whole that it was made from. Nothing of them changes while packets are
 * judged but what keeps count, so a lock is taken only around rules that do (sl__share_mark finds
 * them, when all is read): `ct state established accept` and its like cost nothing more. Who has the
 * lock waits for nobody, except for the answer to a `fib` question in the same rule.
 *
 * The whole lives until the last view of it ends. Connections that `ct count` knows are another
 * engine's business: only that engine can say whether they are still there. So when a count is full
 * of others', everybody is asked to look through their own (sl_rules_tend), once a second at most.
 */
#include "rules/load.h"

#include "base/mem.h"

#define TEND_EVERY 1000000000u /* ns */

/* ---- which rules keep count ---- */

static bool counts(const struct sl__expr *e)
{
	if (!e)
		return false;
	if (e->set && !sl__set_stays(e->set))
		return true;
	switch (e->kind) {
	case EX_FIELD:
		return e->field->where == IN_NUMGEN && !(e->arg[ARG_FLAGS] & GEN_RANDOM);
	case EX_LIST:
	case EX_CONCAT:
		for (const struct sl__expr *part = e->items; part; part = part->next)
			if (counts(part))
				return true;
		return false;
	case EX_RANGE:
	case EX_PREFIX:
	case EX_BINARY:
	case EX_MAP:
		return counts(e->a) || counts(e->b);
	default:
		return false;
	}
}

static bool stmt_counts(const struct sl__stmt *s)
{
	switch (s->kind) {
	case ST_COUNTER:
	case ST_LIMIT:
	case ST_QUOTA:
	case ST_CT_COUNT:
	case ST_OBJECT:
	case ST_CT_OBJECT: /* a timeout policy is filled when it is first used */
	case ST_SET_CHANGE:
		return true;
	default:
		return counts(s->a) || counts(s->b) || counts(s->c);
	}
}

void sl__share_mark(struct sl_rules *r)
{
	for (struct sl__table *t = r->tables; t; t = t->next)
		for (struct sl__chain *c = t->chains; c; c = c->next)
			for (struct sl__rule *rule = c->rules; rule; rule = rule->next)
				for (struct sl__stmt *s = rule->stmts; s; s = s->next)
					rule->counts |= stmt_counts(s);
}

/* ---- views ---- */

static void take(const struct sl_rules *whole)
{
	if (whole->lock.take)
		whole->lock.take(whole->lock.ctx);
}

static void give(const struct sl_rules *whole)
{
	if (whole->lock.give)
		whole->lock.give(whole->lock.ctx);
}

struct sl_rules *sl_rules_share(
        struct sl_rules *r, const struct sl_rules_env *env, const struct sl_rules_lock *lock)
{
	struct sl_rules *whole = r->whole, *view = sl__alloc(&env->mem, sizeof *view);

	if (!view)
		return NULL;
	view->whole = whole;
	view->env = *env;
	view->arena.mem = &view->env.mem;
	view->random = whole->random;
	view->tables = whole->tables;
	memcpy(view->hooks, whole->hooks, sizeof view->hooks);
	memcpy(view->stages, whole->stages, sizeof view->stages);
	if (!sl__memo_make(view)) {
		sl__free(&env->mem, view, sizeof *view);
		return NULL;
	}
	if (lock && !whole->lock.take)
		whole->lock = *lock;
	take(whole);
	view->number = ++whole->made;
	view->next = whole->views;
	whole->views = view;
	give(whole);
	return view;
}

static void finish(struct sl_rules *r)
{
	struct sl_mem mem = r->env.mem;

	sl__arena_fini(&r->arena);
	sl__free(&mem, r, sizeof *r);
}

static void leave(struct sl_rules *whole, const struct sl_rules *view)
{
	struct sl_rules **at = &whole->views;

	while (*at && *at != view)
		at = &(*at)->next;
	if (*at)
		*at = view->next;
	whole->over |= whole == view;
}

void sl_rules_destroy(struct sl_rules *r)
{
	struct sl_rules *whole = r ? r->whole : NULL;
	bool last;

	if (!r)
		return;
	take(whole);
	leave(whole, r);
	last = whole->over && !whole->views;
	give(whole);
	if (r != whole)
		finish(r);
	if (last)
		finish(whole);
}

/* Times in the file count from the first packet, whoever sees it. */
void sl__share_start(struct sl_rules *r, uint64_t now)
{
	struct sl_rules *whole = r->whole;

	if (r->start)
		return;
	take(whole);
	if (!whole->start) {
		whole->start = now ? now : 1;
		for (struct sl__table *t = whole->tables; t; t = t->next)
			for (struct sl__set *s = t->sets; s; s = s->next)
				for (struct sl__expr *e = s->elems; e; e = e->next)
					e->expires += e->expires ? now : 0;
	}
	r->start = whole->start;
	give(whole);
}

/* ---- connections of other engines ---- */

void sl__share_wish(const struct sl_rules *r)
{
	struct sl_rules *whole = r->whole;

	whole->wished |= whole != r;
	for (struct sl_rules *view = whole->views; view; view = view->next)
		view->wished |= view != r;
}

static void tend_all(const struct sl_rules *r, const struct sl_track *t, struct sl__stateful *s)
{
	for (; s; s = s->next)
		if (s->kind == ST_CT_COUNT)
			sl__conncount_tend(r, t, &s->conncount);
}

static void tend_set(const struct sl_rules *r, const struct sl_track *t, const struct sl__set *set)
{
	for (uint32_t i = 0; i < set->slot_count; i++)
		if (set->slots[i].hash)
			tend_all(r, t, set->slots[i].elem->each);
	for (uint32_t i = 0; i < set->bound_count; i++)
		tend_all(r, t, set->bounds[i].elem->each);
	if (set->wild)
		tend_all(r, t, set->wild->each);
}

static void tend_table(const struct sl_rules *r, const struct sl_track *t, struct sl__table *table)
{
	for (const struct sl__set *set = table->sets; set; set = set->next)
		tend_set(r, t, set);
	for (struct sl__chain *c = table->chains; c; c = c->next)
		for (struct sl__rule *rule = c->rules; rule; rule = rule->next)
			for (struct sl__stmt *s = rule->stmts; s; s = s->next)
				if (s->kind == ST_CT_COUNT)
					tend_all(r, t, &s->state);
}

bool sl_rules_tend(struct sl_rules *r, const struct sl_engine *engine, uint64_t now)
{
	struct sl_rules *whole = r->whole;
	bool wished;

	if (now < r->tend_at)
		return false;
	r->tend_at = now + TEND_EVERY;
	take(whole);
	wished = r->wished;
	r->wished = false;
	for (struct sl__table *t = wished ? whole->tables : NULL; t; t = t->next)
		tend_table(r, (const struct sl_track *)engine, t);
	give(whole);
	return wished;
}
