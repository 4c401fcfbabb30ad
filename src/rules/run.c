/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs of rules that begin with a match of one and the same field: `ip daddr 10.0.0.0/24 ...`, `ip daddr
 * 10.0.1.7 ...`, and so on for thousands. Such a rule does nothing at all where its first match does not fit, so
 * of a run only those rules need be evaluated whose first value the packet has, in their order. That is all that
 * is done here: the field is read once, halving finds which rules of the run fit it, and the evaluation
 * jumps to the next of these. What the rest of a rule does, how it ends and where it jumps to is
 * evaluated as ever; afterwards the field is read again, for a rule may have changed it (a mark).
 *
 * The axis of the field's values is cut where a first match begins or ends; each piece has the list of
 * rules that cover it, in order. Values that overlap put a rule into several lists: where these grow to more than
 * SHARE entries a rule, there is no index, and the rules are walked.
 */
#include "rules/load.h"

#include <string.h>

#define RUN_MIN 16 /* fewer rules are walked */
#define SHARE   16 /* entries of lists for each rule, at most */

/* A piece of the axis, from `lo` to where the next begins. */
struct piece {
	uint32_t first, count; /* of its rules in sl__run.list */
};

struct sl__run {
	const struct sl__stmt *match; /* the first rule's: which field */
	struct sl__rule **rules, *after;
	uint32_t rule_count;
	unsigned len;            /* bytes of a value */
	struct sl__bounds *cuts; /* `lo`: where a piece begins; sorted */
	struct piece *pieces;
	uint32_t piece_count;
	uint32_t *list; /* numbers of rules */
};

/* ---- finding ---- */

/* The last piece that begins at or before v; there always is one: the first begins at 0. */
static uint32_t piece_at(const struct sl__run *run, const uint8_t *v)
{
	uint32_t lo = 0, hi = run->piece_count;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (memcmp(run->cuts[mid].lo, v, run->len) <= 0)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* The first rule of the piece that is not before `from`; none: more than there are. */
static uint32_t next_in(const struct sl__run *run, const struct piece *piece, uint32_t from)
{
	const uint32_t *list = run->list + piece->first;
	uint32_t lo = 0, hi = piece->count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (list[mid] < from)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < piece->count ? list[lo] : UINT32_MAX;
}

const struct sl__rule *sl__run_next(struct sl__eval *ev, const struct sl__rule *rule)
{
	const struct sl__run *run = rule->run;
	uint8_t v[SL_RULES_KEY_MAX];
	unsigned len = 0;
	uint32_t i;

	ev->stays &= run->match->stays;
	if (!sl__load(ev, run->match->a, v, &len) || len != run->len)
		return run->after;
	i = next_in(run, &run->pieces[piece_at(run, v)], rule->run_at);
	return i < run->rule_count ? run->rules[i] : run->after;
}

/* ---- which rules ---- */

/* A match of one value, prefix or range of a field that can be read without doing anything. */
static bool fits_a_run(const struct sl__stmt *s)
{
	const struct sl__field *f = s->a && s->a->kind == EX_FIELD ? s->a->field : NULL;
	const struct sl__type *type;

	if (s->kind != ST_MATCH || !f || (s->op != OP_NONE && s->op != OP_EQ) || s->c || s->b->set)
		return false;
	if (f->where != IN_NET && f->where != IN_TRANSPORT && f->where != IN_META &&
	        f->where != IN_CT)
		return false;
	type = s->b->type;
	if (!type || type->kind == TY_BITMASK || type->bits != s->a->bits ||
	        s->b->bits != type->bits || sl__bytes_of(type->bits) != (type->bits + 7u) / 8u)
		return false;
	return s->b->kind == EX_VALUE || s->b->kind == EX_PREFIX || s->b->kind == EX_RANGE;
}

static bool same_field(const struct sl__stmt *a, const struct sl__stmt *b)
{
	return a->a->field == b->a->field && a->a->dir == b->a->dir && a->stays == b->stays;
}

static uint32_t run_length(const struct sl__rule *first)
{
	const struct sl__rule *rule;
	uint32_t n = 0;

	for (rule = first; rule && rule->stmts && fits_a_run(rule->stmts); rule = rule->next, n++)
		if (!same_field(first->stmts, rule->stmts))
			break;
	return n;
}

/* ---- making ---- */

static void bounds_of(const struct sl__rule *rule, uint8_t *lo, uint8_t *hi)
{
	sl__part_bounds(rule->stmts->b, rule->stmts->b->type, lo, hi);
}

/* False: there is none behind it. */
static bool step_up(uint8_t *v, unsigned len)
{
	while (len-- > 0)
		if (++v[len] != 0)
			return true;
	return false;
}

static void cut_at(struct sl_rules *r, struct sl__run *run, const uint8_t *v)
{
	run->cuts[run->piece_count++].lo =
	        (uint8_t *)sl__arena_text(&r->arena, (const char *)v, run->len);
}

/* Where a first match begins, and behind where it ends; each once, sorted, the first at 0. */
static void make_cuts(struct sl_rules *r, struct sl__run *run)
{
	uint8_t lo[SL_RULES_VALUE_MAX] = {0}, hi[SL_RULES_VALUE_MAX];
	struct sl__bounds *room;
	uint32_t i, n = 0;

	run->cuts = sl__arena_get(&r->arena, (2u * run->rule_count + 1) * sizeof *run->cuts);
	room = sl__arena_get(&r->arena, (2u * run->rule_count + 1) * sizeof *room);
	cut_at(r, run, lo);
	for (i = 0; i < run->rule_count; i++) {
		bounds_of(run->rules[i], lo, hi);
		cut_at(r, run, lo);
		if (step_up(hi, run->len))
			cut_at(r, run, hi);
	}
	sl__bounds_sort(run->cuts, room, run->piece_count, run->len);
	for (i = 1; i < run->piece_count; i++)
		if (memcmp(run->cuts[n].lo, run->cuts[i].lo, run->len))
			run->cuts[++n] = run->cuts[i];
	run->piece_count = n + 1;
}

/* The pieces that a rule covers: *first, and how many. */
static uint32_t covered(const struct sl__run *run, const struct sl__rule *rule, uint32_t *first)
{
	uint8_t lo[SL_RULES_VALUE_MAX], hi[SL_RULES_VALUE_MAX];

	bounds_of(rule, lo, hi);
	*first = piece_at(run, lo);
	return piece_at(run, hi) - *first + 1;
}

/* False: the lists would be too long. */
static bool make_lists(struct sl_rules *r, struct sl__run *run)
{
	uint32_t i, j, n, first, total = 0;

	run->pieces = sl__arena_get(&r->arena, run->piece_count * sizeof *run->pieces);
	for (i = 0; i < run->rule_count; i++) {
		n = covered(run, run->rules[i], &first);
		if (n > SHARE * run->rule_count - total)
			return false;
		total += n;
		for (j = 0; j < n; j++)
			run->pieces[first + j].count++;
	}
	for (i = 1; i < run->piece_count; i++)
		run->pieces[i].first = run->pieces[i - 1].first + run->pieces[i - 1].count;
	for (i = 0; i < run->piece_count; i++)
		run->pieces[i].count = 0;
	run->list = sl__arena_get(&r->arena, total * sizeof *run->list);
	for (i = 0; i < run->rule_count; i++) {
		n = covered(run, run->rules[i], &first);
		for (j = 0; j < n; j++) {
			struct piece *piece = &run->pieces[first + j];

			run->list[piece->first + piece->count++] = i;
		}
	}
	return true;
}

/* The rule behind those that were looked at. */
static struct sl__rule *make_run(struct sl_rules *r, struct sl__rule *first, uint32_t n)
{
	struct sl__run *run = sl__arena_get(&r->arena, sizeof *run);
	struct sl__rule *rule = first;
	uint32_t i;

	run->match = first->stmts;
	run->len = sl__bytes_of(first->stmts->a->bits);
	run->rule_count = n;
	run->rules = sl__arena_get(&r->arena, n * sizeof *run->rules);
	for (i = 0; i < n; i++, rule = rule->next)
		run->rules[i] = rule;
	run->after = rule;
	make_cuts(r, run);
	if (!make_lists(r, run))
		return rule;
	for (i = 0; i < n; i++) {
		run->rules[i]->run = run;
		run->rules[i]->run_at = i;
	}
	return rule;
}

void sl__runs_make(struct sl_rules *r)
{
	struct sl__table *t;
	struct sl__chain *c;
	struct sl__rule *rule;
	uint32_t n;

	for (t = r->tables; t; t = t->next)
		for (c = t->chains; c; c = c->next)
			for (rule = c->rules; rule;) {
				n = run_length(rule);
				rule = n >= RUN_MIN ? make_run(r, rule, n) : rule->next;
			}
}
