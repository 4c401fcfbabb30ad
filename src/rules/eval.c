/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Evaluation: the chains of a hook for one packet. Base chains are asked by priority; accept
 * ends the base chain only, drop and reject end all; what falls out of a base chain gets its
 * policy. A rule is its statements in order, until one does not match. NAT chains are asked
 * through `nat`, once for each connection, by the engine; the first chain that translates
 * decides.
 *
 * Jumps are a stack of at most SL_RULES_JUMP_MAX; graph.c has refused deeper and circular ones.
 */
#include "rules/load.h"

#include <string.h>

#include "track/parse.h"

enum sl__outcome sl__verdict_outcome(const struct sl__expr *v)
{
	static const enum sl__outcome outcomes[] = {
	        SL__ACCEPTED, SL__DROPPED, SL__NEXT, SL__RETURNED, SL__JUMPED, SL__WENT};

	return outcomes[v->op];
}

static void log_packet(struct sl__eval *ev, const struct sl__stmt *s)
{
	if (ev->r->env.log)
		ev->r->env.log(ev->r->env.ctx, ev->view, s->text ? s->text : "");
}

static bool passes(struct sl__eval *ev, struct sl__stmt *s)
{
	struct sl__object *object;

	switch (s->kind) {
	case ST_MATCH:
		return sl__matches(ev, s);
	case ST_COUNTER:
	case ST_LIMIT:
	case ST_QUOTA:
	case ST_CT_COUNT:
		return sl__stateful_passes(ev, &s->state);
	case ST_OBJECT:
		object = sl__load_object(ev, s);
		return object && sl__stateful_passes(ev, &object->state);
	case ST_LOG:
		log_packet(ev, s);
		return true;
	case ST_META_SET:
		return sl__set_meta(ev, s);
	case ST_CT_SET:
		return sl__set_ct(ev, s);
	case ST_CT_OBJECT:
		return sl__set_ct_object(ev, sl__load_object(ev, s));
	case ST_MSS:
		return sl__set_mss(ev, s);
	case ST_FIELD_SET:
		return s->a->field->where == IN_TCPOPT ? sl__set_tcp_option(ev, s)
		                                       : sl__set_field(ev, s);
	case ST_SET_CHANGE:
		return sl__change_set(ev, s);
	case ST_NOTRACK:
		ev->view->notrack |= ev->view->stage == SL_BEFORE_TRACK && !ev->view->zone_set;
		return true;
	default: /* ST_FLOW */
		ev->view->offload = true;
		return true;
	}
}

static enum sl__outcome run_rule(
        struct sl__eval *ev, const struct sl__rule *rule, struct sl__chain **target)
{
	struct sl__stmt *s;
	struct sl__expr *v;
	enum sl__outcome out;

	for (s = rule->stmts; s; s = s->next) {
		ev->stays &= s->stays;
		switch (s->kind) {
		case ST_VERDICT:
		case ST_VMAP:
			v = s->a;
			if (s->kind == ST_VMAP) {
				struct sl__expr *elem = sl__load_map(ev, s->a, s->b->set);

				if (!elem)
					return SL__NO_MATCH;
				v = elem->b;
			}
			*target = v->chain;
			out = sl__verdict_outcome(v);
			break;
		case ST_REJECT:
			out = sl__reject(ev, s);
			break;
		case ST_STRIP:
			out = sl__strip_tcp_option(ev, s);
			break;
		case ST_NAT:
			out = sl__rules_translate(ev, s);
			break;
		default:
			out = passes(ev, s) ? SL__NEXT : SL__NO_MATCH;
		}
		if (out != SL__NEXT)
			return out;
	}
	return SL__NEXT;
}

static enum sl__outcome obey_rule(
        struct sl__eval *ev, const struct sl__rule *rule, struct sl__chain **target)
{
	enum sl__outcome out;

	sl__share_begin(ev, rule);
	out = run_rule(ev, rule, target);
	sl__share_end(ev, rule);
	return out;
}

static enum sl__outcome foresee_rule(
        struct sl__eval *ev, const struct sl__rule *rule, struct sl__chain **target)
{
	enum sl__outcome out;

	if (!ev->packets)
		return sl__foresee_rule(ev, rule, target);
	sl__share_begin(ev, rule);
	out = sl__foresee_rule(ev, rule, target);
	sl__share_end(ev, rule);
	return out;
}

/* A base chain with all that it jumps to. */
static enum sl__outcome run_chain(struct sl__eval *ev, const struct sl__chain *base)
{
	const struct sl__rule *stack[SL_RULES_JUMP_MAX + 1], *rule = base->rules;
	struct sl__chain *target = NULL;
	unsigned depth = 0;
	enum sl__outcome out;

	for (;;) {
		if (rule && rule->run && (!ev->kinds || rule->stmts->coming == SL__SAME))
			rule = sl__run_next(ev, rule);
		if (!rule) {
			if (!depth && ev->view->tracing)
				sl__tell_policy(ev, base);
			if (!depth)
				return base->policy_drop ? SL__DROPPED : SL__ACCEPTED;
			rule = stack[--depth];
			continue;
		}
		out = ev->kinds ? foresee_rule(ev, rule, &target) : obey_rule(ev, rule, &target);
		if (ev->view->tracing)
			sl__tell_rule(ev, rule, target, out);
		switch (out) {
		case SL__NEXT:
		case SL__NO_MATCH:
			rule = rule->next;
			break;
		case SL__JUMPED:
			if (depth > SL_RULES_JUMP_MAX)
				return SL__DROPPED;
			stack[depth++] = rule->next;
			rule = target->rules;
			break;
		case SL__WENT:
			rule = target->rules;
			break;
		case SL__RETURNED:
			rule = NULL;
			break;
		default:
			return out;
		}
	}
}

static bool family_fits(const struct sl__table *t, uint8_t family)
{
	return t->family == FAM_INET || (t->family == FAM_IP ? SL_IPV4 : SL_IPV6) == family;
}

static uint8_t rules_stages(void *ctx, enum sl_hook hook)
{
	return ((struct sl_rules *)ctx)->stages[hook];
}

/* The chains that decide() asks for this view. */
static bool is_asked(const struct sl__chain *c, const struct sl_policy_view *view)
{
	return sl__chain_stage(c) == view->stage && c->type[0] != 'n' &&
	       family_fits(c->table, view->parsed->tuple.family);
}

static enum sl_decision rules_decide(void *ctx, struct sl_policy_view *view)
{
	struct sl__eval ev = {.r = ctx, .view = view, .stays = sl__memo_may(view)};
	struct sl__chain *c;
	enum sl__outcome out;
	uint32_t mark;
	bool rewritten;

	if (ev.stays && !view->tracing && sl__memo_knows(ev.r, view))
		return SL_CONTINUE;
	sl__share_start(ev.r, view->now);
	for (c = ev.r->hooks[view->hook]; c; c = c->later) {
		if (!is_asked(c, view))
			continue;
		mark = view->packet->mark;
		rewritten = view->rewritten;
		out = run_chain(&ev, c);
		if (c->type[0] == 'r' && (view->packet->mark != mark || view->rewritten != rewritten))
			view->reroute = true;
		if (out == SL__DROPPED)
			return SL_DECIDE_DROP;
		if (out == SL__REJECTED)
			return SL_DECIDE_REJECT;
	}
	if (ev.stays)
		sl__memo_keep(ev.r, view);
	return SL_CONTINUE;
}

static bool rules_foresees(void *ctx, struct sl_policy_view *view, unsigned kinds)
{
	struct sl__eval ev = {.r = ctx, .view = view, .kinds = kinds};

	for (struct sl__chain *c = ev.r->hooks[view->hook]; c; c = c->later)
		if (is_asked(c, view) && run_chain(&ev, c) != SL__ACCEPTED)
			return false;
	return true;
}

static void rules_counts(void *ctx, struct sl_policy_view *view, uint64_t packets, uint64_t bytes)
{
	struct sl__eval ev = {.r = ctx,
	        .view = view,
	        .kinds = SL_COMING_PLAIN | SL_COMING_SUMMED,
	        .packets = packets,
	        .bytes = bytes};

	for (struct sl__chain *c = ev.r->hooks[view->hook]; c; c = c->later)
		if (is_asked(c, view) && run_chain(&ev, c) != SL__ACCEPTED)
			return;
}

static bool rules_nat(void *ctx, struct sl_policy_view *view, struct sl_nat_range *range)
{
	struct sl__eval ev = {.r = ctx, .view = view, .range = range};
	struct sl__chain *c;
	enum sl__outcome out;

	sl__share_start(ev.r, view->now);
	for (c = ev.r->hooks[view->hook]; c; c = c->later) {
		if (c->type[0] != 'n' || !family_fits(c->table, view->parsed->tuple.family))
			continue;
		out = run_chain(&ev, c);
		if (out == SL__TRANSLATED)
			return true;
		view->refused = out == SL__DROPPED || out == SL__REJECTED;
		if (view->refused)
			return false;
	}
	return false;
}

static bool rules_automatic_helper(void *ctx, const char *name)
{
	(void)ctx, (void)name;
	return false;
}

static bool rules_translates(void *ctx, enum sl_family family)
{
	return sl__rules_nat_hooks(ctx, family) != 0;
}

static uint8_t rules_nat_hooks(void *ctx, enum sl_family family)
{
	return sl__rules_nat_hooks(ctx, family);
}

static enum sl_steady rules_steady(void *ctx)
{
	return sl__rules_steady(ctx);
}

const struct sl_policy sl_rules_policy = {.stages = rules_stages,
        .decide = rules_decide,
        .nat = rules_nat,
        .translates = rules_translates,
        .nat_hooks = rules_nat_hooks,
        .automatic_helper = rules_automatic_helper,
        .steady = rules_steady,
        .foresees = rules_foresees,
        .counts = rules_counts};
