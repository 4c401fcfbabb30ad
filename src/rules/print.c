/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ruleset as `nft list ruleset` writes it: values in their type's usual form, elements
 * sorted by key, matches that a later field implies left out. Reading the result again gives
 * the same ruleset. Elements that rules added at run time are not part of it.
 */
#include "rules/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct printer {
	void (*write)(void *ctx, const char *text, size_t len);
	void *ctx;
};

static void put(struct printer *p, const char *format, ...)
#if defined(__GNUC__)
	__attribute__((format(printf, 2, 3)))
#endif
	;

static void put(struct printer *p, const char *format, ...)
{
	char text[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n > 0)
		p->write(p->ctx, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

/* ---- values ---- */

static void put_time(struct printer *p, uint64_t ms)
{
	static const struct { uint64_t ms; const char *unit; } units[] = {
		{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
	unsigned i;

	if (!ms)
		put(p, "0s");
	for (i = 0; i < 5; i++) {
		if (ms >= units[i].ms)
			put(p, "%llu%s", (unsigned long long)(ms / units[i].ms), units[i].unit);
		ms %= units[i].ms;
	}
}

static void put_ip(struct printer *p, const uint8_t *b, enum sl_family family)
{
	struct sl_addr a = family == SL_IPV4 ? sl_addr_v4(b) : sl_addr_v6(b);
	char text[SL_ADDR_TEXT];

	put(p, "%s", sl_addr_text(&a, family, text));
}

static void put_bits(struct printer *p, const struct sl__type *type, uint64_t n)
{
	const struct sl__symbol *s;
	bool first = true;

	for (s = type->symbols; s->name; s++) {
		if (n & s->value) {
			put(p, "%s%s", first ? "" : ",", s->name);
			n &= ~(uint64_t)s->value;
			first = false;
		}
	}
	if (n || first)
		put(p, "%s0x%0*llx", first ? "" : ",", type->digits, (unsigned long long)n);
}

static void put_number(struct printer *p, const struct sl__type *type, uint64_t n)
{
	const char *name = type->symbols == sl__services ? NULL : sl__symbol_name(type->symbols, (uint32_t)n);

	if (name)
		put(p, "%s", name);
	else if (type->digits)
		put(p, "0x%0*llx", type->digits, (unsigned long long)n);
	else
		put(p, "%llu", (unsigned long long)n);
}

static void put_value(struct printer *p, const struct sl__expr *e)
{
	const struct sl__type *type = e->type;

	switch (type->kind) {
	case TY_IPV4:
		put_ip(p, e->value, SL_IPV4);
		break;
	case TY_IPV6:
		put_ip(p, e->value, SL_IPV6);
		break;
	case TY_LLADDR:
		put(p, "%02x:%02x:%02x:%02x:%02x:%02x", e->value[0], e->value[1], e->value[2], e->value[3],
			e->value[4], e->value[5]);
		break;
	case TY_IFNAME:
	case TY_STRING:
		put(p, "\"%.16s%s\"", (const char *)e->value, e->wild ? "*" : "");
		break;
	case TY_TIME:
		put_time(p, sl__value_number(e) * 1000);
		break;
	case TY_BITMASK:
		put_bits(p, type, sl__value_number(e));
		break;
	default:
		put_number(p, type, sl__value_number(e));
	}
}

static void put_expr(struct printer *p, const struct sl__expr *e);
static void put_set(struct printer *p, const struct sl__set *s);

static void put_fib(struct printer *p, const struct sl__expr *e)
{
	unsigned f = e->arg[ARG_FLAGS];

	put(p, "fib %s%s%s%s %s", f & FIB_SADDR ? "saddr" : "daddr", f & FIB_MARK ? " . mark" : "",
		f & FIB_IIF ? " . iif" : "", f & FIB_OIF ? " . oif" : "", e->field->name);
}

static void put_field(struct printer *p, const struct sl__expr *e)
{
	const struct sl__field *f = e->field;

	switch (f->where) {
	case IN_META:
		put(p, "%s%s", sl__meta_bare(f->name) && f->key != META_MARK && f->key != META_PKTTYPE ? "" : "meta ", f->name);
		break;
	case IN_CT:
		put(p, "ct %s%s", e->dir == 0 ? "original " : e->dir == 1 ? "reply " : "", f->name);
		break;
	case IN_FIB:
		put_fib(p, e);
		break;
	case IN_NUMGEN:
		put(p, "numgen %s mod %u", e->arg[ARG_FLAGS] & GEN_RANDOM ? "random" : "inc", e->arg[ARG_MOD]);
		if (e->arg[ARG_OFFSET])
			put(p, " offset %u", e->arg[ARG_OFFSET]);
		break;
	case IN_JHASH:
		put(p, "jhash ");
		put_expr(p, e->a);
		put(p, " mod %u", e->arg[ARG_MOD]);
		if (e->arg[ARG_FLAGS] & HASH_SEEDED)
			put(p, " seed 0x%x", e->arg[ARG_SEED]);
		if (e->arg[ARG_OFFSET])
			put(p, " offset %u", e->arg[ARG_OFFSET]);
		break;
	default:
		put(p, "%s %s", f->group, f->name);
	}
}

static void put_verdict(struct printer *p, const struct sl__expr *e)
{
	static const char *const words[] = {"accept", "drop", "continue", "return", "jump", "goto"};

	put(p, "%s%s%s", words[e->op], e->text ? " " : "", e->text ? e->text : "");
}

static void put_binary(struct printer *p, const struct sl__expr *e)
{
	static const char *const ops[] = {[OP_AND] = "&", [OP_OR] = "|", [OP_XOR] = "^", [OP_LSHIFT] = "<<", [OP_RSHIFT] = ">>"};
	/* How tightly an operator binds. */
	static const uint8_t tight[] = {[OP_OR] = 1, [OP_XOR] = 2, [OP_AND] = 3, [OP_LSHIFT] = 4, [OP_RSHIFT] = 4};
	bool inner = e->a->kind == EX_BINARY && tight[e->a->op] < tight[e->op];

	put(p, "%s", inner ? "(" : "");
	put_expr(p, e->a);
	put(p, "%s %s ", inner ? ")" : "", ops[e->op]);
	inner = e->b->kind == EX_BINARY;
	put(p, "%s", inner ? "(" : "");
	put_expr(p, e->b);
	put(p, "%s", inner ? ")" : "");
}

static void put_masked_prefix(struct printer *p, const struct sl__expr *e)
{
	struct sl__expr base = *e->a;
	unsigned i;

	for (i = e->len; i < base.len * 8u; i++)
		base.value[i / 8] &= (uint8_t)~(0x80u >> i % 8);
	put_value(p, &base);
	if (e->len < base.len * 8u)
		put(p, "/%u", e->len);
}

static void put_items(struct printer *p, const struct sl__expr *e, const char *between)
{
	const struct sl__expr *item;

	for (item = e->items; item; item = item->next) {
		put_expr(p, item);
		if (item->next)
			put(p, "%s", between);
	}
}

static void put_expr(struct printer *p, const struct sl__expr *e)
{
	switch (e->kind) {
	case EX_VALUE:
		put_value(p, e);
		break;
	case EX_SYMBOL:
		put(p, "%s", e->text);
		break;
	case EX_WILD:
		put(p, "*");
		break;
	case EX_PREFIX:
		put_masked_prefix(p, e);
		break;
	case EX_RANGE:
		put_expr(p, e->a);
		put(p, "-");
		put_expr(p, e->b);
		break;
	case EX_CONCAT:
		put_items(p, e, " . ");
		break;
	case EX_LIST:
		put_items(p, e, ",");
		break;
	case EX_SETREF:
		put(p, "@%s", e->text);
		break;
	case EX_SET:
		put_set(p, e->set);
		break;
	case EX_FIELD:
		put_field(p, e);
		break;
	case EX_BINARY:
		put_binary(p, e);
		break;
	case EX_MAP:
		put_expr(p, e->a);
		put(p, " map ");
		put_expr(p, e->b);
		break;
	case EX_VERDICT:
		put_verdict(p, e);
		break;
	default:
		break;
	}
}

/* ---- sets ---- */

struct sorted {
	const struct sl__set *set;
	const struct sl__expr *elem;
};

static int by_key(const struct sorted *x, const struct sorted *y)
{
	uint8_t xlo[SL_RULES_KEY_MAX] = {0}, ylo[SL_RULES_KEY_MAX] = {0}, hi[SL_RULES_KEY_MAX];

	if ((x->elem->a->kind == EX_WILD) != (y->elem->a->kind == EX_WILD))
		return x->elem->a->kind == EX_WILD ? 1 : -1;
	sl__elem_bounds(x->set, x->elem, xlo, hi);
	sl__elem_bounds(y->set, y->elem, ylo, hi);
	return memcmp(xlo, ylo, x->set->key_len);
}

/* The length of the prefix that a range of addresses is, or -1. */
static int prefix_of(const struct sl__expr *e)
{
	unsigned i, len = 0, bits;

	if (e->kind != EX_RANGE || (e->type->kind != TY_IPV4 && e->type->kind != TY_IPV6))
		return -1;
	bits = e->a->len * 8u;
	while (len < bits && !((e->a->value[len / 8] ^ e->b->value[len / 8]) >> (7 - len % 8) & 1))
		len++;
	for (i = len; i < bits; i++) {
		if ((e->a->value[i / 8] >> (7 - i % 8) & 1) || !(e->b->value[i / 8] >> (7 - i % 8) & 1))
			return -1;
	}
	return (int)len;
}

/* In sets and translations nft writes what is a prefix as one. */
static void put_interval(struct printer *p, const struct sl__expr *e)
{
	int len = prefix_of(e);

	if (len < 0) {
		put_expr(p, e);
		return;
	}
	put_expr(p, e->a);
	put(p, "/%d", len);
}

/* A bitmask that must be exactly so, or in a set, where a comma would begin the next element. */
static void put_key(struct printer *p, const struct sl__expr *e)
{
	const struct sl__symbol *s;
	uint64_t n;
	const char *between = "";

	if (e->kind != EX_VALUE || e->type->kind != TY_BITMASK) {
		put_interval(p, e);
		return;
	}
	n = sl__value_number(e);
	if (!n)
		put_value(p, e);
	for (s = e->type->symbols; s->name; s++) {
		if (n & s->value) {
			put(p, "%s%s", between, s->name);
			between = " | ";
		}
	}
}

static void put_elem(struct printer *p, const struct sl__set *s, const struct sl__expr *e)
{
	put_key(p, e->a);
	if (s->flags & SET_TIMEOUT && e->timeout && e->timeout != s->timeout) {
		put(p, " timeout ");
		put_time(p, e->timeout);
	}
	if (e->comment)
		put(p, " comment \"%s\"", e->comment);
	if (e->b) {
		put(p, " : ");
		put_expr(p, e->b);
	}
}

/* Up to 64 elements sorted by their keys; more, as they came. */
static void put_set(struct printer *p, const struct sl__set *s)
{
	const struct sl__expr *e;
	struct sorted one[64], moved;
	uint32_t n = 0, i, j;

	put(p, "{ ");
	for (e = s->count <= 64 ? s->elems : NULL; e; e = e->next) {
		moved = (struct sorted){s, e};
		for (j = n++; j > 0 && by_key(&one[j - 1], &moved) > 0; j--)
			one[j] = one[j - 1];
		one[j] = moved;
	}
	for (i = 0; i < n; i++) {
		put_elem(p, s, one[i].elem);
		put(p, "%s", i + 1 < n ? ", " : "");
	}
	for (e = n ? NULL : s->elems; e; e = e->next) {
		put_elem(p, s, e);
		put(p, "%s", e->next ? ", " : "");
	}
	put(p, " }");
}

static void put_set_flags(struct printer *p, const struct sl__set *s)
{
	static const char *const names[] = {"constant", "interval", "dynamic", "timeout"};
	static const uint8_t bits[] = {SET_CONSTANT, SET_INTERVAL, SET_DYNAMIC, SET_TIMEOUT};
	unsigned i, shown = 0, flags = s->flags;

	if (!flags)
		return;
	put(p, "\t\tflags ");
	for (i = 0; i < 4; i++) {
		if (flags & bits[i])
			put(p, "%s%s", shown++ ? "," : "", names[i]);
	}
	put(p, "\n");
}

static void put_types(struct printer *p, const struct sl__type *const *types, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		put(p, "%s%s", i ? " . " : "", types[i]->name);
}

static void put_named_set(struct printer *p, const struct sl__set *s)
{
	put(p, "\t%s %s {\n", s->map ? "map" : "set", s->name);
	if (s->typeof_key) {
		put(p, "\t\ttypeof ");
		put_expr(p, s->typeof_key);
	} else {
		put(p, "\t\ttype ");
		put_types(p, s->parts, s->part_count);
	}
	if (s->map) {
		put(p, " : %s", s->data_interval ? "interval " : "");
		if (s->typeof_data)
			put_expr(p, s->typeof_data);
		else
			put_types(p, s->data, s->data_count);
	}
	put(p, "\n");
	if (s->policy)
		put(p, "\t\tpolicy %s\n", s->policy);
	if (s->size)
		put(p, "\t\tsize %u\n", s->size);
	put_set_flags(p, s);
	if (s->timeout) {
		put(p, "\t\ttimeout ");
		put_time(p, s->timeout);
		put(p, "\n");
	}
	if (s->gc) {
		put(p, "\t\tgc-interval ");
		put_time(p, s->gc);
		put(p, "\n");
	}
	if (s->auto_merge)
		put(p, "\t\tauto-merge\n");
	if (s->comment)
		put(p, "\t\tcomment \"%s\"\n", s->comment);
	if (s->elems) {
		put(p, "\t\telements = ");
		put_set(p, s);
		put(p, "\n");
	}
	put(p, "\t}\n");
}

/* ---- statements ---- */

static void put_match(struct printer *p, const struct sl__stmt *s)
{
	static const char *const ops[] = {"", "== ", "!= ", "< ", "> ", "<= ", ">= ", "! "};
	bool masked = s->a->kind == EX_BINARY;
	const char *op = s->op == OP_EQ && (s->c || (!masked && s->a->kind != EX_CONCAT &&
		!(s->a->type && s->a->type->kind == TY_BITMASK))) ? "" : ops[s->op];

	if (masked && s->op == OP_NONE)
		op = "== ";
	if (s->b->set && s->op == OP_EQ)
		op = "";
	put_expr(p, s->a);
	put(p, " %s", op);
	if ((s->op == OP_NE || s->op == OP_EQ) && !s->c && s->b->kind == EX_VALUE)
		put_key(p, s->b);
	else
		put_expr(p, s->b);
	if (s->c) {
		put(p, " / ");
		put_expr(p, s->c);
	}
}

static void put_amount(struct printer *p, uint64_t bytes)
{
	if (bytes && bytes % (1 << 20) == 0)
		put(p, "%llu mbytes", (unsigned long long)(bytes >> 20));
	else if (bytes && bytes % 1024 == 0)
		put(p, "%llu kbytes", (unsigned long long)(bytes >> 10));
	else
		put(p, "%llu bytes", (unsigned long long)bytes);
}

static void put_limit(struct printer *p, const struct sl__limit *l)
{
	const char *unit = l->unit == 1 ? "second" : l->unit == 60 ? "minute" : l->unit == 3600 ? "hour"
		: l->unit == 86400 ? "day" : "week";

	put(p, "rate %s%llu%s%s/%s", l->over ? "over " : "", (unsigned long long)l->rate,
		l->rate_unit ? " " : "", l->rate_unit ? l->rate_unit : "", unit);
	if (l->rate_unit && l->burst) {
		put(p, " burst ");
		put_amount(p, l->burst);
	} else if (!l->rate_unit && l->burst != 5) {
		put(p, " burst %u packets", l->burst);
	}
}

static void put_quota(struct printer *p, const struct sl__quota *q)
{
	put(p, "%s", q->over ? "over " : "");
	put_amount(p, q->bytes);
	if (q->used) {
		put(p, " used ");
		put_amount(p, q->used);
	}
}

static void put_log(struct printer *p, const struct sl__stmt *s)
{
	put(p, "log");
	if (s->text)
		put(p, " prefix \"%s\"", s->text);
	if (s->log_has_group)
		put(p, " group %u", s->log_group);
	if (s->log_has_snaplen)
		put(p, " snaplen %u", s->log_snaplen);
	if (s->log_has_threshold)
		put(p, " queue-threshold %u", s->log_threshold);
	if (s->log_level && strcmp(s->log_level, "warn"))
		put(p, " level %s", s->log_level);
	if (s->log_flags)
		put(p, " flags %s", s->log_flags);
}

static void put_reject(struct printer *p, const struct sl__stmt *s, uint8_t family)
{
	static const char *const words[] = {"", "icmp", "icmpv6", "icmpx", "tcp reset"};
	const struct sl__type *type = s->op == REJECT_ICMP ? &sl__ty_icmp_code
		: s->op == REJECT_ICMPV6 ? &sl__ty_icmpv6_code : &sl__ty_icmpx_code;

	/* What plain `reject` means in a table of this family. */
	if ((s->op == REJECT_ICMPX && s->code == 1) || (family == FAM_IP && s->op == REJECT_ICMP && s->code == 3) ||
		(family == FAM_IP6 && s->op == REJECT_ICMPV6 && s->code == 4)) {
		put(p, "reject");
		return;
	}
	put(p, "reject with %s", words[s->op]);
	if (s->op != REJECT_RESET) {
		put(p, " ");
		put_number(p, type, s->code);
	}
}

static void put_nat_target(struct printer *p, const struct sl__stmt *s)
{
	bool brackets = s->family == 6 && s->b && s->a && s->a->kind == EX_VALUE;

	if (s->a) {
		put(p, "%s", brackets ? "[" : "");
		put_interval(p, s->a);
		put(p, "%s", brackets ? "]" : "");
	}
	if (s->b) {
		put(p, ":");
		put_expr(p, s->b);
	}
}

static void put_nat(struct printer *p, const struct sl__stmt *s, uint8_t family)
{
	static const char *const words[] = {"snat", "dnat", "masquerade", "redirect"};
	static const struct { unsigned flag; const char *name; } flags[] = {
		{SL_NAT_RANDOM, "random"}, {SL_NAT_FULLY_RANDOM, "fully-random"}, {SL_NAT_PERSISTENT, "persistent"}};
	unsigned i, shown = 0;

	put(p, "%s", words[s->op]);
	if (s->a && (s->addr_port || family == FAM_INET))
		put(p, " %s", s->family == 6 ? "ip6" : "ip");
	if (s->prefix)
		put(p, " prefix");
	if (s->a || s->b) {
		put(p, " to ");
		put_nat_target(p, s);
	}
	for (i = 0; i < 3; i++) {
		if (s->flags & flags[i].flag)
			put(p, "%s%s", shown++ ? "," : " ", flags[i].name);
	}
}

static void put_set_change(struct printer *p, const struct sl__stmt *s)
{
	static const char *const words[] = {"add", "update", "delete"};

	put(p, "%s @%s { ", words[s->op], s->text);
	put_expr(p, s->a);
	if (s->timeout) {
		put(p, " timeout ");
		put_time(p, s->timeout);
	}
	if (s->b) {
		put(p, " : ");
		put_expr(p, s->b);
	}
	put(p, " }");
}

static void put_stmt(struct printer *p, const struct sl__stmt *s, uint8_t family)
{
	static const char *const objects[] = {"", "counter", "quota", "limit", "helper", "timeout", "expectation"};

	switch (s->kind) {
	case ST_MATCH:
		put_match(p, s);
		break;
	case ST_VERDICT:
		put_verdict(p, s->a);
		break;
	case ST_VMAP:
		put_expr(p, s->a);
		put(p, " vmap ");
		put_expr(p, s->b);
		break;
	case ST_COUNTER:
		put(p, "counter packets %llu bytes %llu", (unsigned long long)s->counter.packets,
			(unsigned long long)s->counter.bytes);
		break;
	case ST_LIMIT:
		put(p, "limit ");
		put_limit(p, &s->limit);
		break;
	case ST_QUOTA:
		put(p, "quota ");
		put_quota(p, &s->quota);
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
		put(p, "notrack");
		break;
	case ST_META_SET:
	case ST_CT_SET:
	case ST_MSS:
		put_expr(p, s->a);
		put(p, " set ");
		if (s->b)
			put_expr(p, s->b);
		else
			put(p, "rt mtu");
		break;
	case ST_CT_OBJECT:
	case ST_OBJECT:
		put(p, s->kind == ST_OBJECT ? "%s name " : "ct %s set ", objects[s->object]);
		if (s->a)
			put_expr(p, s->a);
		else
			put(p, "\"%s\"", s->text);
		break;
	case ST_SET_CHANGE:
		put_set_change(p, s);
		break;
	case ST_FLOW:
		put(p, "flow add @%s", s->text);
		break;
	default:
		break;
	}
}

static void put_rule(struct printer *p, const struct sl__rule *rule, uint8_t family)
{
	const struct sl__stmt *s;
	bool first = true;

	put(p, "\t\t");
	for (s = rule->stmts; s; s = s->next) {
		if (s->hidden)
			continue;
		put(p, "%s", first ? "" : " ");
		put_stmt(p, s, family);
		first = false;
	}
	if (rule->comment)
		put(p, "%scomment \"%s\"", first ? "" : " ", rule->comment);
	put(p, "\n");
}

/* ---- blocks ---- */

static void put_priority(struct printer *p, int priority, unsigned hook)
{
	int rest = 0;
	const char *name = sl__priority_name(priority, hook, &rest);

	if (!name)
		put(p, "%d", priority);
	else if (rest)
		put(p, "%s %c %d", name, rest < 0 ? '-' : '+', rest < 0 ? -rest : rest);
	else
		put(p, "%s", name);
}

static void put_chain(struct printer *p, const struct sl__chain *c)
{
	static const char *const hooks[] = {"prerouting", "input", "forward", "output", "postrouting"};
	const struct sl__rule *rule;

	put(p, "\tchain %s {\n", c->name);
	if (c->comment)
		put(p, "\t\tcomment \"%s\"\n", c->comment);
	if (c->base) {
		put(p, "\t\ttype %s hook %s priority ", c->type, hooks[c->hook]);
		put_priority(p, c->priority, c->hook);
		put(p, "; policy %s;\n", c->policy_drop ? "drop" : "accept");
	}
	for (rule = c->rules; rule; rule = rule->next)
		put_rule(p, rule, c->table->family);
	put(p, "\t}\n");
}

static const char *l3_word(const struct sl__object *o)
{
	return o->family == 4 ? "ip" : o->family == 6 ? "ip6" : "inet";
}

static void put_timeout_object(struct printer *p, const struct sl__object *o)
{
	unsigned i;

	put(p, "\t\tprotocol %s\n\t\tl3proto %s\n\t\tpolicy = { ", o->proto == 6 ? "tcp" : "udp", l3_word(o));
	for (i = 0; i < o->timeout_count; i++)
		put(p, "%s%s : %u", i ? ", " : "", o->timeouts[i].name, o->timeouts[i].seconds);
	put(p, " }\n");
}

static void put_object(struct printer *p, const struct sl__object *o)
{
	static const char *const words[] = {"", "counter", "quota", "limit", "ct helper", "ct timeout", "ct expectation"};
	const char *proto = o->proto == 6 ? "tcp" : "udp";

	put(p, "\t%s %s {\n", words[o->kind], o->name);
	if (o->comment)
		put(p, "\t\tcomment \"%s\"\n", o->comment);
	switch (o->kind) {
	case OB_COUNTER:
		put(p, "\t\tpackets %llu bytes %llu\n", (unsigned long long)o->counter.packets,
			(unsigned long long)o->counter.bytes);
		break;
	case OB_QUOTA:
		put(p, "\t\t");
		put_quota(p, &o->quota);
		put(p, "\n");
		break;
	case OB_LIMIT:
		put(p, "\t\t");
		put_limit(p, &o->limit);
		put(p, "\n");
		break;
	case OB_HELPER:
		put(p, "\t\ttype \"%s\" protocol %s\n\t\tl3proto %s\n", o->helper, proto, l3_word(o));
		break;
	case OB_TIMEOUT:
		put_timeout_object(p, o);
		break;
	default:
		put(p, "\t\tprotocol %s\n\t\tdport %u\n\t\ttimeout ", proto, o->port);
		put_time(p, o->timeout);
		put(p, "\n\t\tsize %u\n\t\tl3proto %s\n", o->size, l3_word(o));
	}
	put(p, "\t}\n");
}

static void put_flowtable(struct printer *p, const struct sl__flowtable *f)
{
	const struct sl__expr *e;

	put(p, "\tflowtable %s {\n\t\thook ingress priority ", f->name);
	put_priority(p, f->priority, SL_FORWARD);
	put(p, "\n");
	if (f->devices) {
		put(p, "\t\tdevices = { ");
		for (e = f->devices->items; e; e = e->next)
			put(p, "%s%s", e->a ? e->a->text : e->text, e->next ? ", " : "");
		put(p, " }\n");
	}
	if (f->counter)
		put(p, "\t\tcounter\n");
	put(p, "\t}\n");
}

static void put_table(struct printer *p, const struct sl__table *t)
{
	static const char *const families[] = {"", "ip", "ip6", "inet"};
	const struct sl__object *o;
	const struct sl__set *s;
	const struct sl__flowtable *f;
	const struct sl__chain *c;
	const char *gap = "";

	put(p, "table %s %s {\n", families[t->family], t->name);
	if (t->comment)
		put(p, "\tcomment \"%s\"\n", t->comment);
	if (t->dormant)
		put(p, "\tflags dormant\n");
	for (o = t->objects; o; o = o->next, gap = "\n") {
		put(p, "%s", gap);
		put_object(p, o);
	}
	for (s = t->sets; s; s = s->next) {
		if (!s->name)
			continue;
		put(p, "%s", gap);
		put_named_set(p, s);
		gap = "\n";
	}
	for (f = t->flowtables; f; f = f->next, gap = "\n") {
		put(p, "%s", gap);
		put_flowtable(p, f);
	}
	for (c = t->chains; c; c = c->next, gap = "\n") {
		put(p, "%s", gap);
		put_chain(p, c);
	}
	put(p, "}\n");
}

void sl_rules_print(const struct sl_rules *r, void (*write)(void *ctx, const char *text, size_t len), void *ctx)
{
	struct printer p = {write, ctx};
	const struct sl__table *t;

	for (t = r->tables; t; t = t->next)
		put_table(&p, t);
}
