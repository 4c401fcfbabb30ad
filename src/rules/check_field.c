/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fields of the packet on the left of a match.
 *
 * A field implies where it can be read ("tcp dport" needs a TCP packet): the evaluator sees to
 * that when it reads the field, so no match is added here; but two that exclude each other in
 * one rule are a mistake, and a match that a later field implies is not printed (`hidden`),
 * because nft does not print it either. Only what some messages of ICMP have implies a match of
 * their type, put in front, as nft does.
 */
#include "rules/check.h"

#include <string.h>

static void conflict(struct sl__check *c, struct sl__expr *e, const char *was, const char *is)
{
	sl__check_fail(c, e->place, "conflicting protocols specified: %s vs. %s", was, is);
}

static const char *l4_name(int proto)
{
	const char *name = sl__symbol_name(sl__protocols, (uint32_t)proto);

	return name ? name : "unknown";
}

/* "th dport" of a known protocol is that protocol's. */
static void name_ports(struct sl__check *c, struct sl__expr *e)
{
	const struct sl__field *known =
	        c->l4 > 0 ? sl__field_find(l4_name(c->l4), e->field->name) : NULL;

	if (!known)
		return;
	e->field = known;
	if (c->l4_by)
		c->l4_by->hidden = 1;
}

/* Does an anonymous set hold anything but n? Then *other is the first such. */
static bool in_set(const struct sl__set *s, uint64_t n, uint64_t *other)
{
	const struct sl__expr *e;

	for (e = s ? s->elems : NULL; e; e = e->next) {
		if (e->a->kind == EX_VALUE && sl__value_number(e->a) != n) {
			*other = sl__value_number(e->a);
			return true;
		}
	}
	return false;
}

static void use_field(struct sl__check *c, struct sl__expr *e)
{
	const struct sl__field *f = e->field;
	uint8_t l3 = f->family;
	uint64_t other = 0;

	/* ICMP in IPv6 or ICMPv6 in IPv4 is odd, not impossible. */
	if (f->where == IN_TRANSPORT && c->l3_by &&
	        ((f->proto == SL_PROTO_ICMP && c->l3 == 4) ||
	                (f->proto == SL_PROTO_ICMPV6 && c->l3 == 6)))
		c->l3_by->hidden = 1;
	if (f->where == IN_TRANSPORT && !c->l3 &&
	        (f->proto == SL_PROTO_ICMP || f->proto == SL_PROTO_ICMPV6))
		c->l3 = f->proto == SL_PROTO_ICMP ? 4 : 6;
	if (l3 && f->where != IN_CT && in_set(c->l3_set, l3 == 4 ? 2 : 10, &other))
		conflict(c, e, other == 10 ? "ip6" : "ip", l3 == 4 ? "ip" : "ip6");
	if (l3 && c->l3 && l3 != c->l3)
		conflict(c, e, c->l3 == 4 ? "ip" : "ip6", l3 == 4 ? "ip" : "ip6");
	if (l3) {
		c->l3 = l3;
		if (c->l3_by && f->where != IN_CT)
			c->l3_by->hidden = 1;
	}
	if (f->where == IN_TCPOPT && f->type != &sl__ty_boolean && c->l4 == SL_PROTO_TCP && c->l4_by)
		c->l4_by->hidden = 1;
	if (f->proto == 255)
		name_ports(c, e);
	if (!f->proto || f->proto == 255)
		return;
	if (in_set(c->l4_set, f->proto, &other))
		conflict(c, e, l4_name((int)other), l4_name(f->proto));
	if (c->l4 >= 0 && c->l4 != f->proto)
		conflict(c, e, l4_name(c->l4), l4_name(f->proto));
	c->l4 = f->proto;
	if (c->l4_by)
		c->l4_by->hidden = 1;
}

struct sl__expr *sl__value_of(
        struct sl__check *c, const struct sl__type *type, uint64_t n, struct sl__place place)
{
	struct sl__expr *v = sl__arena_get(&c->r->arena, sizeof *v);

	sl__value_set(v, n, sl__bytes_of(type->bits));
	v->type = type;
	v->bits = type->bits;
	v->place = place;
	return v;
}

/* `icmp type X` in front of the statement that is checked; two values: a set of them. */
static void imply_type(
        struct sl__check *c, const struct sl__expr *e, const uint8_t *types, unsigned count)
{
	struct sl__stmt *s = sl__arena_get(&c->r->arena, sizeof *s);
	struct sl__expr *a = sl__arena_get(&c->r->arena, 4 * sizeof *a), *set = a + 1;
	unsigned i;

	s->kind = ST_MATCH;
	s->place = a->place = set->place = e->place;
	s->a = a;
	a->kind = EX_FIELD;
	a->dir = 2;
	a->field = sl__field_find(e->field->group, "type");
	a->type = a->field->type;
	a->bits = 8;
	s->b = sl__value_of(c, a->type, types[0], e->place);
	s->hidden = count == 1;
	if (count == 2) {
		set->kind = EX_SET;
		set->count = 2;
		set->items = a + 2;
		for (i = 0; i < 2; i++) {
			a[2 + i].kind = EX_ELEM;
			a[2 + i].place = e->place;
			a[2 + i].a = sl__value_of(c, a->type, types[i], e->place);
			a[2 + i].next = i ? NULL : &a[3];
		}
		s->b = set;
		set->set = sl__set_anonymous(c, a, set, NULL, 0, 0);
	}
	s->next = *c->at;
	*c->at = s;
	c->at = &s->next;
	c->icmp_type = count == 1 ? types[0] : -2;
}

/* What only some messages have implies their type, unless a match of the type came before. */
static void imply_message(struct sl__check *c, const struct sl__expr *e)
{
	static const uint8_t types4[][2] = {{0}, {0, 8}, {3}, {5}},
	                     types6[][2] = {{0}, {128, 129}, {2}, {0}, {130}, {4}};
	const uint8_t *types =
	        e->field->proto == SL_PROTO_ICMP ? types4[e->field->key] : types6[e->field->key];
	bool echo = e->field->key == NEED_ECHO;

	if (!c->at || c->icmp_type == -2)
		return;
	if (c->icmp_type == -1)
		imply_type(c, e, types, echo ? 2 : 1);
	else if (c->icmp_type != types[0] && !(echo && c->icmp_type == types[1]))
		sl__check_fail(c, e->place, "incompatible icmp match: rule has %d, need %u",
		        c->icmp_type, types[echo ? 1 : 0]);
	else if (!echo && c->icmp_by)
		c->icmp_by->hidden = 1;
}

static void check_field(struct sl__check *c, struct sl__expr *e)
{
	const struct sl__field *f = e->field;

	if (f->where == IN_CT && e->arg[0]) {
		bool src = f->key == CT_SADDR4 || f->key == CT_SADDR6;

		if (!c->l3)
			sl__check_fail(c, e->place,
			        "which family? write ct original ip saddr or ct original ip6 "
			        "saddr");
		e->field = f = sl__field_find("ct", c->l3 == 4 ? (src ? "ip saddr" : "ip daddr")
		                                               : (src ? "ip6 saddr" : "ip6 daddr"));
	}
	if (f->where == IN_META && f->key == META_NFPROTO && c->rule &&
	        c->table->family != FAM_INET)
		sl__check_fail(c, e->place, "meta nfproto is only useful in the inet family");
	if (f->where == IN_CT && f->key >= CT_PROTO_SRC && f->key <= CT_PROTO_DST && c->rule &&
	        c->l4 == -1)
		sl__check_fail(c, e->place,
		        "ports of which protocol? a match of the transport protocol must come "
		        "before");
	use_field(c, e);
	if (f->where == IN_TRANSPORT && f->key)
		imply_message(c, e);
	if (f->where == IN_JHASH)
		sl__check_left(c, e->a);
	if (f->where == IN_JHASH && (e->arg[ARG_FLAGS] & HASH_SEEDED) == 0)
		e->arg[ARG_SEED] = (uint32_t)(c->r->random >> 7);
	e->type = sl__sized(f->type, f->bits);
	e->bits = f->bits;
	if (f->where == IN_FIB && (e->arg[ARG_FLAGS] & FIB_OIF) && f->key == FIB_RESULT_OIF)
		sl__check_fail(
		        c, e->place, "not supported: fib with oif as a key and as the result");
}

void sl__check_left(struct sl__check *c, struct sl__expr *e)
{
	struct sl__expr *part;

	switch (e->kind) {
	case EX_FIELD:
		check_field(c, e);
		break;
	case EX_BINARY:
		sl__check_left(c, e->a);
		if (e->op == OP_LSHIFT || e->op == OP_RSHIFT)
			sl__check_value(c, e->b, &sl__ty_integer, 32);
		else
			sl__check_value(c, e->b, e->a->type, e->a->bits);
		if (e->b->kind != EX_VALUE)
			sl__check_fail(
			        c, e->b->place, "not supported: an operator between two fields");
		e->type = e->a->type;
		e->bits = e->a->bits;
		break;
	case EX_CONCAT:
		for (part = e->items; part; part = part->next)
			sl__check_left(c, part);
		break;
	default:
		sl__check_fail(c, e->place, "expected a field of the packet");
	}
}
