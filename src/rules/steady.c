/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does a ruleset say the same of every packet of an established connection? Then the engine need
 * not ask it for each: once for a direction is enough, until rules, routes or addresses change.
 *This is what most rulesets are (`ct state established,related accept`, then rules for what is
 *new), and what lets their connections take the short path and be handed down to a device.
 *
 * The question is about plain packets (no SYN, FIN or RST, no fragment) whose state is
 * ESTABLISHED, of one connection, in one direction, by the same interfaces. For these a match is
 *one of:
 *
 *	NEVER	it cannot fit: ct state new, tcp flags syn
 *	ALWAYS	it must fit: ct state established,related
 *	SAME	it fits all of them or none: addresses, ports, interfaces, marks, sets that stay
 *	DIFFERS	anything else
 *
 * A rule is read up to the first match that never fits. What is left must do nothing but decide:
 * counters, limits, quotas, logs and changes of sets are reasons to ask for each packet. Where it
 *is not sure the answer is no.
 */
#include "rules/load.h"

#include <string.h>

enum fit { NEVER, ALWAYS, SAME, DIFFERS };
enum way { GOES_ON, RETURNS, ENDS, VARIES };
enum { ESTABLISHED = 2, BUDGET = 100000 };
enum { SETTLED_STATUS = SL_EXPECTED | SL_SEEN_REPLY | SL_CONFIRMED | SL_SRC_NAT | SL_DST_NAT };

struct look {
	unsigned budget; /* rules that may still be looked at */
	bool early;      /* before tracking: there is no state yet */
	bool marks_move; /* rules may change the mark of a known connection */
};

static enum way of_chain(struct look *look, const struct sl__chain *chain);

/* ---- fields ---- */

static bool is_any(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

static bool same_ct(const struct look *look, uint8_t key)
{
	switch (key) {
	case CT_MARK:
		return !look->early && !look->marks_move;
	case CT_STATE:
	case CT_DIRECTION:
	case CT_ZONE:
	case CT_HELPER:
	case CT_L3PROTO:
	case CT_PROTOCOL:
	case CT_SADDR4:
	case CT_DADDR4:
	case CT_SADDR6:
	case CT_DADDR6:
	case CT_PROTO_SRC:
	case CT_PROTO_DST:
		return !look->early;
	}
	return false;
}

static bool same_field(const struct look *look, const struct sl__field *f)
{
	static const char *const net[] = {"saddr", "daddr", "protocol", "version", NULL};
	static const char *const transport[] = {"sport", "dport", NULL};

	switch ((enum sl__where)f->where) {
	case IN_NET:
		return is_any(f->name, net);
	case IN_TRANSPORT:
		return is_any(f->name, transport);
	case IN_META:
		return f->key != META_LENGTH && f->key != META_PKTTYPE;
	case IN_CT:
		return same_ct(look, f->key);
	case IN_FIB:
		return true;
	case IN_NUMGEN:
	case IN_JHASH:
	case IN_RAW:
	case IN_TCPOPT:
	case IN_IPOPT:
	case IN_EXT6:
		break;
	}
	return false;
}

/* Is what is read the same for all of them? */
static bool same_value(const struct look *look, const struct sl__expr *e)
{
	const struct sl__expr *part;

	switch (e->kind) {
	case EX_VALUE:
		return true;
	case EX_FIELD:
		return same_field(look, e->field);
	case EX_BINARY:
		return same_value(look, e->a) && same_value(look, e->b);
	case EX_CONCAT:
		for (part = e->items; part; part = part->next)
			if (!same_value(look, part))
				return false;
		return true;
	}
	return false;
}

/* ---- matches ---- */

static bool is_field(const struct sl__expr *e, enum sl__where where, const char *name)
{
	return e->kind == EX_FIELD && e->field->where == where && strcmp(e->field->name, name) == 0;
}

static enum fit yes(bool fits)
{
	return fits ? ALWAYS : NEVER;
}

static bool set_has(const struct sl__set *set, uint64_t number)
{
	const struct sl__expr *e;

	for (e = set->elems; e; e = e->next)
		if (e->a && e->a->kind == EX_VALUE && sl__value_number(e->a) == number)
			return true;
	return false;
}

static enum fit of_state(const struct sl__stmt *s)
{
	uint64_t number;

	if (s->c || (s->b->set && !sl__set_stays(s->b->set)))
		return s->c ? SAME : DIFFERS;
	if (s->b->set)
		return yes(set_has(s->b->set, ESTABLISHED) == (s->op != OP_NE));
	if (s->b->kind != EX_VALUE)
		return SAME;
	number = sl__value_number(s->b);
	switch (s->op) {
	case OP_NONE:
		return yes(number & ESTABLISHED);
	case OP_NOT:
		return yes(!(number & ESTABLISHED));
	case OP_EQ:
		return yes(number == ESTABLISHED);
	case OP_NE:
		return yes(number != ESTABLISHED);
	}
	return SAME;
}

/* Only TCP's flags are asked for: coming.c has tried all that plain packets have. */
static enum fit of_flags(const struct sl__stmt *s)
{
	return s->fits & SL_COMING_PLAIN    ? SAME /* of UDP it fits none */
	       : s->fails & SL_COMING_PLAIN ? NEVER
	                                    : DIFFERS;
}

static enum fit of_match(const struct look *look, const struct sl__stmt *s)
{
	const struct sl__expr *a = s->a;

	if (!s->b->set && s->b->kind == EX_FIELD)
		return DIFFERS;
	if (!look->early && is_field(a, IN_CT, "state"))
		return of_state(s);
	if (!look->early && is_field(a, IN_CT, "status") && s->b->kind == EX_VALUE && !s->b->set &&
	        s->op == OP_NONE && !(sl__value_number(s->b) & ~(uint64_t)SETTLED_STATUS))
		return SAME;
	if (s->fits | s->fails)
		return of_flags(s);
	if (s->b->set && !sl__set_stays(s->b->set))
		return DIFFERS;
	return same_value(look, a) ? SAME : DIFFERS;
}

/* ---- verdicts ---- */

static enum way of_verdict(struct look *look, const struct sl__expr *v, bool sure)
{
	enum way there;

	switch ((enum sl__verdict_kind)v->op) {
	case VD_ACCEPT:
	case VD_DROP:
		return sure ? ENDS : GOES_ON;
	case VD_CONTINUE:
		return GOES_ON;
	case VD_RETURN:
		return sure ? RETURNS : GOES_ON;
	case VD_JUMP:
	case VD_GOTO:
		there = of_chain(look, v->chain);
		if (there == VARIES || !sure)
			return there == VARIES ? VARIES : GOES_ON;
		return there == ENDS ? ENDS : v->op == VD_GOTO ? RETURNS : GOES_ON;
	}
	return VARIES;
}

/* A map of verdicts: each of them may come, unless the key is the state alone. */
static enum way of_map(struct look *look, const struct sl__stmt *s, bool sure)
{
	const struct sl__set *map = s->b->set;
	bool by_state = !look->early && is_field(s->a, IN_CT, "state");
	const struct sl__expr *e;
	enum way way = GOES_ON, one;

	if (!map || !sl__set_stays(map) || !same_value(look, s->a))
		return VARIES;
	for (e = map->elems; e; e = e->next) {
		bool it = by_state && e->a && e->a->kind == EX_VALUE &&
		          sl__value_number(e->a) == ESTABLISHED;

		if (!e->b || e->b->kind != EX_VERDICT)
			return VARIES;
		if (by_state && !it)
			continue;
		one = of_verdict(look, e->b, sure && it);
		if (one == VARIES)
			return VARIES;
		if (it)
			way = one;
	}
	return way;
}

/* ---- rules and chains ---- */

static enum way of_rule(struct look *look, const struct sl__rule *rule)
{
	const struct sl__stmt *s;
	bool sure = true;

	for (s = rule->stmts; s; s = s->next) {
		switch ((enum sl__stmt_kind)s->kind) {
		case ST_MATCH:
			switch (of_match(look, s)) {
			case NEVER:
				return GOES_ON;
			case ALWAYS:
				break;
			case SAME:
				sure = false;
				break;
			case DIFFERS:
				return VARIES;
			}
			break;
		case ST_VERDICT:
			if (s->a->op == VD_CONTINUE)
				break;
			return of_verdict(look, s->a, sure);
		case ST_VMAP:
			return of_map(look, s, sure);
		case ST_REJECT:
			return sure ? ENDS : GOES_ON;
		case ST_CT_OBJECT: /* a conn that is confirmed keeps its helper and timeouts ... */
			if (s->object == OB_EXPECTATION) /* ... and gets no expectation by a rule */
				return GOES_ON;
			if (!s->a)
				break;
			if (!sl__set_stays(s->a->set) || !same_value(look, s->a->a))
				return VARIES;
			sure = false;
			break;
		case ST_FLOW:
			break;
		default:
			return VARIES;
		}
	}
	return GOES_ON;
}

static enum way of_chain(struct look *look, const struct sl__chain *chain)
{
	const struct sl__rule *rule;
	enum way way;

	for (rule = chain->rules; rule; rule = rule->next) {
		if (!look->budget--)
			return VARIES;
		way = of_rule(look, rule);
		if (way == RETURNS)
			return GOES_ON;
		if (way != GOES_ON)
			return way;
	}
	return GOES_ON;
}

enum sl_steady sl__rules_steady(const struct sl_rules *r)
{
	static const uint8_t hooks[] = {SL_PREROUTING, SL_FORWARD, SL_POSTROUTING};
	struct look look = {.budget = BUDGET, .marks_move = r->whole->marks_move};
	const struct sl__chain *c;
	unsigned i;

	for (i = 0; i < sizeof hooks; i++)
		for (c = r->hooks[hooks[i]]; c; c = c->later) {
			look.early = sl__chain_stage(c) == SL_BEFORE_TRACK;
			if (c->type[0] != 'n' && of_chain(&look, c) == VARIES)
				return r->whole->names_flows ? SL_STEADY_NO : SL_STEADY_SOME;
		}
	return SL_STEADY_ALL;
}
