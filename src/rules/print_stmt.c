/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules in nft's form.
 */
#include "rules/print.h"

#include <string.h>

/*
 * Of an anonymous set one element is left, because others were the same or part of it: nft would
 * read that as the element itself. NULL: it is not so.
 */
static const struct sl__expr *lone(const struct sl__stmt *s)
{
	const struct sl__expr *e =
	        s->b->kind == EX_SET && s->b->set->count == 1 ? s->b->set->elems : NULL;

	return e && e->a->kind != EX_WILD && e->a->kind != EX_CONCAT && !e->each ? e->a : NULL;
}

static void put_match(struct sl__printer *p, const struct sl__stmt *s)
{
	static const char *const ops[] = {"", "== ", "!= ", "< ", "> ", "<= ", ">= ", "! "};
	bool masked = s->a->kind == EX_BINARY;
	const struct sl__expr *one = lone(s);
	const char *op =
	        s->op == OP_EQ && (s->c || (!masked && s->a->kind != EX_CONCAT &&
	                                           !(s->a->type && s->a->type->kind == TY_BITMASK)))
	                ? ""
	                : ops[s->op];

	if (masked && s->op == OP_NONE)
		op = "== ";
	if (s->b->set && s->op == OP_EQ)
		op = "";
	sl__put_expr(p, s->a);
	if (one) {
		op = s->op == OP_NE ? "!= " : one->type->kind == TY_BITMASK || masked ? "== " : "";
		sl__put(p, " %s", op);
		sl__put_key(p, one);
		return;
	}
	sl__put(p, " %s", op);
	if ((s->op == OP_NE || s->op == OP_EQ) && !s->c && s->b->kind == EX_VALUE)
		sl__put_key(p, s->b);
	else
		sl__put_expr(p, s->b);
	if (s->c) {
		sl__put(p, " / ");
		sl__put_expr(p, s->c);
	}
}

static void put_amount(struct sl__printer *p, uint64_t bytes)
{
	if (bytes && bytes % (1 << 20) == 0)
		sl__put(p, "%llu mbytes", (unsigned long long)(bytes >> 20));
	else if (bytes && bytes % 1024 == 0)
		sl__put(p, "%llu kbytes", (unsigned long long)(bytes >> 10));
	else
		sl__put(p, "%llu bytes", (unsigned long long)bytes);
}

void sl__put_limit(struct sl__printer *p, const struct sl__limit *l)
{
	const char *unit = l->unit == 1       ? "second"
	                   : l->unit == 60    ? "minute"
	                   : l->unit == 3600  ? "hour"
	                   : l->unit == 86400 ? "day"
	                                      : "week";

	sl__put(p, "rate %s%llu%s%s/%s", l->over ? "over " : "", (unsigned long long)l->rate,
	        l->rate_unit ? " " : "", l->rate_unit ? l->rate_unit : "", unit);
	if (l->rate_unit && l->burst) {
		sl__put(p, " burst ");
		put_amount(p, l->burst);
	} else if (!l->rate_unit && l->burst != 5) {
		sl__put(p, " burst %u packets", l->burst);
	}
}

void sl__put_quota(struct sl__printer *p, const struct sl__quota *q)
{
	sl__put(p, "%s", q->over ? "over " : "");
	put_amount(p, q->bytes);
	if (q->used) {
		sl__put(p, " used ");
		put_amount(p, q->used);
	}
}

void sl__put_stateful(struct sl__printer *p, const struct sl__stateful *s, bool bare)
{
	switch (s->kind) {
	case ST_COUNTER:
		sl__put(p, "counter");
		if (!bare)
			sl__put(p, " packets %llu bytes %llu",
			        (unsigned long long)s->counter.packets,
			        (unsigned long long)s->counter.bytes);
		break;
	case ST_LIMIT:
		sl__put(p, "limit ");
		sl__put_limit(p, &s->limit);
		break;
	case ST_QUOTA:
		sl__put(p, "quota ");
		sl__put_quota(p, &s->quota);
		break;
	default:
		sl__put(p, "ct count %s%u", s->conncount.over ? "over " : "", s->conncount.max);
	}
}

void sl__put_each(struct sl__printer *p, const struct sl__stateful *each)
{
	for (; each; each = each->next) {
		sl__put(p, " ");
		sl__put_stateful(p, each, false);
	}
}

static void put_log(struct sl__printer *p, const struct sl__stmt *s)
{
	sl__put(p, "log");
	if (s->text)
		sl__put(p, " prefix \"%s\"", s->text);
	if (s->log_has_group)
		sl__put(p, " group %u", s->log_group);
	if (s->log_has_snaplen)
		sl__put(p, " snaplen %u", s->log_snaplen);
	if (s->log_has_threshold)
		sl__put(p, " queue-threshold %u", s->log_threshold);
	if (s->log_level && strcmp(s->log_level, "warn"))
		sl__put(p, " level %s", s->log_level);
	if (s->log_flags)
		sl__put(p, " flags %s", s->log_flags);
}

static void put_reject(struct sl__printer *p, const struct sl__stmt *s, uint8_t family)
{
	static const char *const words[] = {"", "icmp", "icmpv6", "icmpx", "tcp reset"};
	const struct sl__type *type = s->op == REJECT_ICMP     ? &sl__ty_icmp_code
	                              : s->op == REJECT_ICMPV6 ? &sl__ty_icmpv6_code
	                                                       : &sl__ty_icmpx_code;

	/* What plain `reject` means in a table of this family. */
	if ((s->op == REJECT_ICMPX && s->code == 1) ||
	        (family == FAM_IP && s->op == REJECT_ICMP && s->code == 3) ||
	        (family == FAM_IP6 && s->op == REJECT_ICMPV6 && s->code == 4)) {
		sl__put(p, "reject");
		return;
	}
	sl__put(p, "reject with %s", words[s->op]);
	if (s->op != REJECT_RESET) {
		sl__put(p, " ");
		sl__put_number(p, type, s->code);
	}
}

static void put_nat_target(struct sl__printer *p, const struct sl__stmt *s)
{
	bool brackets = s->family == 6 && s->b && s->a && s->a->kind == EX_VALUE;

	if (s->a) {
		sl__put(p, "%s", brackets ? "[" : "");
		sl__put_interval(p, s->a);
		sl__put(p, "%s", brackets ? "]" : "");
	}
	if (s->b) {
		sl__put(p, ":");
		sl__put_expr(p, s->b);
	}
}

static void put_nat(struct sl__printer *p, const struct sl__stmt *s, uint8_t family)
{
	static const char *const words[] = {"snat", "dnat", "masquerade", "redirect"};
	static const struct {
		unsigned flag;
		const char *name;
	} flags[] = {{SL_NAT_RANDOM, "random"}, {SL_NAT_FULLY_RANDOM, "fully-random"},
	        {SL_NAT_PERSISTENT, "persistent"}};
	unsigned i, shown = 0;

	sl__put(p, "%s", words[s->op]);
	if (s->a && (s->addr_port || family == FAM_INET))
		sl__put(p, " %s", s->family == 6 ? "ip6" : "ip");
	if (s->prefix)
		sl__put(p, " prefix");
	if (s->a || s->b) {
		sl__put(p, " to ");
		put_nat_target(p, s);
	}
	for (i = 0; i < 3; i++) {
		if (s->flags & flags[i].flag)
			sl__put(p, "%s%s", shown++ ? "," : " ", flags[i].name);
	}
}

/* As nft, which shows a rule's statements only when the set has none to give. */
static void put_set_change(struct sl__printer *p, const struct sl__stmt *s)
{
	static const char *const words[] = {"add", "update", "delete"};
	const struct sl__stateful *each;

	if (s->meter)
		sl__put(p, "meter %s size %u { ", s->text, s->set->size);
	else
		sl__put(p, "%s @%s { ", words[s->op], s->text);
	sl__put_expr(p, s->a);
	if (s->timeout) {
		sl__put(p, " timeout ");
		sl__put_time(p, s->timeout);
	}
	for (each = s->set->each ? NULL : s->each; each; each = each->next) {
		sl__put(p, " ");
		sl__put_stateful(p, each, true);
	}
	if (s->b) {
		sl__put(p, " : ");
		sl__put_expr(p, s->b);
	}
	sl__put(p, " }");
}

static void put_stmt(struct sl__printer *p, const struct sl__stmt *s, uint8_t family)
{
	static const char *const objects[] = {
	        "", "counter", "quota", "limit", "helper", "timeout", "expectation"};

	switch (s->kind) {
	case ST_MATCH:
		put_match(p, s);
		break;
	case ST_VERDICT:
		sl__put_verdict(p, s->a);
		break;
	case ST_VMAP:
		sl__put_expr(p, s->a);
		sl__put(p, " vmap ");
		sl__put_expr(p, s->b);
		break;
	case ST_COUNTER:
	case ST_LIMIT:
	case ST_QUOTA:
	case ST_CT_COUNT:
		sl__put_stateful(p, &s->state, false);
		break;
	case ST_LOG:
		put_log(p, s);
		break;
	case ST_REJECT:
		put_reject(p, s, family);
		break;
	case ST_NAT:
		put_nat(p, s, family);
		break;
	case ST_NOTRACK:
		sl__put(p, "notrack");
		break;
	case ST_META_SET:
	case ST_CT_SET:
	case ST_MSS:
	case ST_FIELD_SET:
		sl__put_expr(p, s->a);
		sl__put(p, " set ");
		if (!s->b)
			sl__put(p, "rt mtu");
		else if (s->b->kind == EX_VALUE && s->b->type->kind == TY_BITMASK)
			sl__put_key(p, s->b);
		else
			sl__put_expr(p, s->b);
		break;
	case ST_CT_OBJECT:
	case ST_OBJECT:
		sl__put(p, s->kind == ST_OBJECT ? "%s name " : "ct %s set ", objects[s->object]);
		if (s->a)
			sl__put_expr(p, s->a);
		else
			sl__put(p, "\"%s\"", s->text);
		break;
	case ST_SET_CHANGE:
		put_set_change(p, s);
		break;
	case ST_STRIP:
		sl__put(p, "reset tcp option %s", s->text);
		break;
	case ST_FLOW:
		sl__put(p, "flow add @%s", s->text);
		break;
	default:
		break;
	}
}

void sl__put_rule(struct sl__printer *p, const struct sl__rule *rule, uint8_t family)
{
	const struct sl__stmt *s;
	bool first = true;

	sl__put(p, "\t\t");
	for (s = rule->stmts; s; s = s->next) {
		if (s->hidden)
			continue;
		sl__put(p, "%s", first ? "" : " ");
		put_stmt(p, s, family);
		first = false;
	}
	if (rule->comment)
		sl__put(p, "%scomment \"%s\"", first ? "" : " ", rule->comment);
	sl__put(p, "\n");
}
