/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checker: gives every expression its type, turns symbols into values, ties names to sets
 * and objects, and refuses what cannot be meant. It works on the parser's tree in place: values in
 * check_value.c, fields in check_field.c, sets in check_set.c, matches in check_match.c; here rules
 * and all other statements.
 */
#include "rules/check.h"

#include <string.h>

static void nat_address(struct sl__check *c, struct sl__stmt *s)
{
	const struct sl__type *types[2] = {
	        s->family == 6 ? &sl__ty_ipv6 : &sl__ty_ipv4, &sl__ty_service};
	struct sl__expr *a = s->a;

	if (a->kind == EX_MAP) {
		bool pair =
		        s->addr_port || (a->b->kind == EX_SET && a->b->items && a->b->items->b &&
		                                a->b->items->b->kind == EX_CONCAT);
		struct sl__set *ref =
		        a->b->kind == EX_SETREF ? sl__set_named(c->table, a->b->text) : NULL;

		if (ref && ref->data_count == 2)
			pair = true;
		sl__check_map(c, a, types, pair ? 2 : 1);
		s->addr_port = pair;
		return;
	}
	sl__check_value(c, a, types[0], types[0]->bits);
}

static void check_nat(struct sl__check *c, struct sl__stmt *s)
{
	if (!s->a && !s->b && (s->op == NAT_SNAT || s->op == NAT_DNAT))
		sl__check_fail(c, s->place, "an address or a port is needed");
	if (!s->family)
		s->family = c->l3;
	if (s->a && !s->family)
		sl__check_fail(c, s->a->place,
		        "specify `snat ip' or 'snat ip6' in inet table to disambiguate");
	if (s->family && c->l3 && c->l3 != s->family)
		sl__check_fail(c, s->place, "conflicting protocols specified: %s vs. %s",
		        c->l3 == 4 ? "ip" : "ip6", s->family == 4 ? "ip" : "ip6");
	if (s->a)
		nat_address(c, s);
	if ((s->b || s->addr_port) && c->l4 != 6 && c->l4 != 17 && c->l4 != 132 && c->l4 != 33 &&
	        c->l4 != 136 && c->l4 != -2)
		sl__check_fail(c, s->b ? s->b->place : s->place,
		        "transport protocol mapping is only valid after transport protocol match");
	if (s->b)
		sl__check_value(c, s->b, &sl__ty_service, 16);
	if (s->flags && s->op == NAT_REDIRECT && !s->b)
		return;
}

/* A match of meta `key` at the front of the rule. */
static void imply_first(struct sl__check *c, const struct sl__stmt *by, const char *key, uint64_t n)
{
	struct sl__stmt *s = sl__arena_get(&c->r->arena, sizeof *s);

	s->kind = ST_MATCH;
	s->place = by->place;
	s->a = sl__arena_get(&c->r->arena, sizeof *s->a);
	s->a->kind = EX_FIELD;
	s->a->dir = 2;
	s->a->place = by->place;
	s->a->field = sl__field_find("meta", key);
	s->a->type = s->a->field->type;
	s->a->bits = s->a->field->bits;
	s->b = sl__value_of(c, s->a->type, n, by->place);
	s->hidden = c->rule->stmts == by && !strcmp(key, "nfproto");
	s->next = c->rule->stmts;
	c->rule->stmts = s;
}

static void check_reject(struct sl__check *c, struct sl__stmt *s)
{
	if (s->op == REJECT_DEFAULT) {
		uint8_t l3 = c->l3;

		s->op = l3 == 4 ? REJECT_ICMP : l3 == 6 ? REJECT_ICMPV6 : REJECT_ICMPX;
		s->code = l3 == 4 ? 3 : l3 == 6 ? 4 : 1;
		return;
	}
	if (s->op == REJECT_ICMP || s->op == REJECT_ICMPV6) {
		s->family = s->op == REJECT_ICMP ? 4 : 6;
		if (c->l3 && c->l3 != s->family)
			sl__check_fail(c, s->place, "conflicting network layer protocol: %s",
			        s->family == 4 ? "icmp in an ip6 rule" : "icmpv6 in an ip rule");
	}
	if (s->op == REJECT_ICMPX && c->table->family != FAM_INET)
		sl__check_fail(c, s->place, "icmpx is for tables of family inet");
	if (s->family && !c->l3)
		imply_first(c, s, "nfproto", s->family == 4 ? 2 : 10);
	if (s->op == REJECT_RESET && c->l4 == -1)
		imply_first(c, s, "l4proto", SL_PROTO_TCP);
	if (s->op == REJECT_RESET && c->l4_set)
		sl__check_fail(c, s->place, "you cannot use tcp reset with this protocol");
	if (s->op == REJECT_RESET && c->l4 >= 0 && c->l4 != 6)
		sl__check_fail(
		        c, s->place, "cannot reject with tcp reset a packet that is not tcp");
}

/* ct helper set tcp dport map { 21 : "ftp", ... }, counter name ip saddr map @by_customer */
static void object_from_map(struct sl__check *c, struct sl__stmt *s)
{
	static const struct sl__type *const name[] = {&sl__ty_string};
	struct sl__expr *map = s->a;

	if (map->kind != EX_MAP)
		sl__check_fail(
		        c, map->place, "expected the name of an object, or a map of objects");
	sl__check_left(c, map->a);
	map->set = map->b->kind == EX_SET ? sl__set_anonymous(c, map->a, map->b, name, 1, s->object)
	                                  : sl__set_of(c, map->a, map->b, true);
	if (map->set->object != s->object)
		sl__check_fail(c, map->b->place, "datatype mismatch: this map has no such objects");
	map->b->set = map->set;
	map->type = name[0];
}

/* Helpers and the like are for one protocol, which the rule must ask for. */
static void find_object(struct sl__check *c, struct sl__stmt *s)
{
	if (s->a) {
		object_from_map(c, s);
		return;
	}
	s->ref = sl__object_find(c->table, s->object, s->text);
	if (!s->ref)
		sl__check_fail(c, s->place,
		        "Could not process rule: No such file or directory: no such object '%.60s'",
		        s->text);
}

/* The set of a meter: its key as the rule reads it. */
static void make_meter(struct sl__check *c, struct sl__stmt *s)
{
	struct sl__set *set = s->set;

	if (sl__set_named(c->table, set->name))
		sl__check_fail(c, set->place, "Could not process rule: File exists");
	set->table = c->table;
	set->part_count = (uint8_t)sl__left_types(s->a, set->parts, 8);
	set->flags = (uint16_t)(SET_DYNAMIC | (s->timeout ? SET_TIMEOUT : 0));
	set->elems_end = &set->elems;
	set->counts = true;
	sl__check_set(c->r, set, c->fail);
	*c->table->sets_end = set;
	c->table->sets_end = &set->next;
}

static void change_data(struct sl__check *c, struct sl__stmt *s)
{
	if (s->set->map && !s->b && s->op != 2)
		sl__check_fail(c, s->place, "missing data: this is a map");
	if (!s->b)
		return;
	if (!s->set->map || s->set->object || s->set->data[0]->kind == TY_VERDICT)
		sl__check_fail(c, s->b->place, "data that this set cannot hold");
	sl__check_parts(c, s->b, s->set->data, s->set->data_count);
}

/* What a rule gives new elements must be what the set declares, if it declares anything. */
static void change_each(struct sl__check *c, struct sl__stmt *s)
{
	const struct sl__stateful *own = s->each, *want = s->set->each;

	s->set->counts |= own || want;
	for (; own && want; own = own->next, want = want->next)
		if (own->kind != want->kind || !own->next != !want->next)
			break;
	if (own && s->set->each)
		sl__check_fail(c, s->place,
		        "Could not process rule: Operation not supported: the set declares other "
		        "statements for its elements");
}

static void check_set_change(struct sl__check *c, struct sl__stmt *s)
{
	struct sl__expr ref = {.kind = EX_SETREF, .text = s->text, .place = s->place};
	struct sl__set *set = sl__set_named(c->table, s->text);

	sl__check_left(c, s->a);
	if (s->meter) {
		make_meter(c, s);
		return;
	}
	s->set = sl__set_of(c, s->a, &ref, set && set->map);
	change_data(c, s);
	change_each(c, s);
	if (s->timeout && !(s->set->flags & SET_TIMEOUT))
		sl__check_fail(c, s->place,
		        "Could not process rule: Operation not supported: the set has no timeouts, "
		        "add 'flags timeout'");
	s->set->flags |= SET_DYNAMIC;
	s->set->size = s->set->size ? s->set->size : 65535; /* as the kernel */
	if (s->set->flags & SET_INTERVAL)
		sl__check_fail(
		        c, s->place, "not supported: changing a set of intervals from a rule");
}

static void check_flow(struct sl__check *c, struct sl__stmt *s)
{
	struct sl__flowtable *f;

	for (f = c->table->flowtables; f; f = f->next) {
		if (!strcmp(f->name, s->text))
			return;
	}
	sl__check_fail(c, s->place,
	        "Could not process rule: No such file or directory: no flowtable '%.60s'", s->text);
}

static void check_vmap(struct sl__check *c, struct sl__stmt *s)
{
	static const struct sl__type *const verdict[] = {&sl__ty_verdict};
	struct sl__expr *map = s->b;

	sl__check_left(c, s->a);
	if (map->kind == EX_SET) {
		map->set = sl__set_anonymous(c, s->a, map, verdict, 1, 0);
	} else {
		map->set = sl__set_of(c, s->a, map, true);
		if (map->set->data[0]->kind != TY_VERDICT)
			sl__check_fail(c, map->place, "%.60s is not a verdict map", map->text);
	}
}

/* What is written into a packet or mark: one value, whatever packet it is. */
static void check_new_value(
        struct sl__check *c, struct sl__expr *e, const struct sl__type *type, unsigned bits)
{
	sl__check_value(c, e, type, bits);
	if (e->kind == EX_RANGE || e->kind == EX_PREFIX)
		sl__check_fail(c, e->place, "set takes one value, not a %s",
		        e->kind == EX_RANGE ? "range" : "prefix");
}

static void check_stmt(struct sl__check *c, struct sl__stmt *s)
{
	switch (s->kind) {
	case ST_MATCH:
		sl__check_match(c, s);
		break;
	case ST_VMAP:
		check_vmap(c, s);
		break;
	case ST_META_SET:
	case ST_CT_SET:
		check_new_value(c, s->b,
		        s->a->field->key == CT_ZONE && s->kind == ST_CT_SET
		                ? sl__sized(&sl__ty_integer, 16)
		                : &sl__ty_mark,
		        s->a->field->bits);
		break;
	case ST_FIELD_SET:
		sl__check_left(c, s->a);
		check_new_value(c, s->b, s->a->type, s->a->bits);
		break;
	case ST_MSS:
		sl__check_left(c, s->a);
		if (s->b)
			check_new_value(c, s->b, sl__sized(&sl__ty_integer, 16), 16);
		break;
	case ST_NAT:
		check_nat(c, s);
		break;
	case ST_REJECT:
		check_reject(c, s);
		break;
	case ST_OBJECT:
	case ST_CT_OBJECT:
		find_object(c, s);
		break;
	case ST_SET_CHANGE:
		check_set_change(c, s);
		break;
	case ST_FLOW:
		check_flow(c, s);
		break;
	default:
		break;
	}
}

static uint8_t table_l3(const struct sl__check *c)
{
	return c->table->family == FAM_IP ? 4 : c->table->family == FAM_IP6 ? 6 : 0;
}

static bool ends_rule(const struct sl__stmt *s)
{
	return (s->kind == ST_VERDICT && s->a->op != VD_CONTINUE) || s->kind == ST_REJECT ||
	       s->kind == ST_NAT;
}

void sl__check_rule(
        struct sl_rules *r, struct sl__table *table, struct sl__rule *rule, jmp_buf *out)
{
	struct sl__check c = {
	        .r = r, .table = table, .rule = rule, .l4 = -1, .icmp_type = -1, .fail = out};
	struct sl__stmt *s;

	c.l3 = table_l3(&c);
	c.at = &rule->stmts;
	for (s = rule->stmts; s; c.at = &s->next, s = s->next) {
		/* "meta l4proto { tcp, udp } th dport": ports are there, whatever the protocol. */
		check_stmt(&c, s);
		if (s->kind == ST_MATCH && s->b->set && s->a->field &&
		        s->a->field->type == &sl__ty_proto && s->a->field->where != IN_EXT6 && c.l4 == -1)
			c.l4 = -2;
		if (ends_rule(s) && s->next)
			sl__check_fail(
			        &c, s->place, "Statement after terminal statement has no effect");
	}
}
