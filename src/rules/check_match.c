/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Matches: both sides, the operator, and what is known of the packets that pass. `a & mask == b` is
 * brought into the form in which nft prints it.
 */
#include "rules/check.h"

#include <string.h>

static bool is_single(const struct sl__expr *e)
{
	return e->kind == EX_VALUE && !e->wild;
}

static bool is_message_type(const struct sl__field *f)
{
	return f->type == &sl__ty_icmp_type || f->type == &sl__ty_icmpv6_type;
}

/* What a match says of the protocols of the packets that pass it. */
static void learn(struct sl__check *c, struct sl__stmt *s)
{
	const struct sl__field *f = s->a->field;
	uint64_t n;

	if (s->a->kind != EX_FIELD || (s->op != OP_NONE && s->op != OP_EQ) || !is_single(s->b) ||
	        s->c)
		return;
	n = sl__value_number(s->b);
	if (is_message_type(f)) {
		c->icmp_type = (int)n;
		c->icmp_by = s;
	} else if (f->where == IN_META && f->key == META_NFPROTO) {
		c->l3 = n == 2 ? 4 : 6;
		c->l3_by = c->table->family == FAM_INET ? s : NULL;
	} else if (f->where == IN_META && f->key == META_PROTOCOL && (n == 0x800 || n == 0x86dd)) {
		c->l3 = n == 0x800 ? 4 : 6;
	} else if ((f->where == IN_META && f->key == META_L4PROTO) ||
	           (f->where == IN_NET && f->type == &sl__ty_proto)) {
		c->l4 = (int)n;
		c->l4_by = f->where == IN_META || c->table->family != FAM_INET ? s : NULL;
	}
}

/* "meta l4proto { tcp, udp }": fields of one of them only cannot follow. */
static void learn_set(struct sl__check *c, const struct sl__stmt *s)
{
	const struct sl__field *f = s->a->kind == EX_FIELD ? s->a->field : NULL;

	if (f && is_message_type(f))
		c->icmp_type = -2;
	if (f && f->where == IN_META && f->key == META_L4PROTO)
		c->l4_set = s->b->set;
	if (f && f->where == IN_META && f->key == META_NFPROTO)
		c->l3_set = s->b->set;
}

/* Leading ones of a mask, or -1 when it is no prefix. */
static int mask_length(const struct sl__expr *mask)
{
	int n = 0, i;

	for (i = 0; i < mask->len * 8; i++) {
		bool one = mask->value[i / 8] >> (7 - i % 8) & 1;

		if (one && n < i)
			return -1;
		n += one;
	}
	return n;
}

static bool one_bit(const struct sl__expr *value)
{
	uint64_t n = sl__value_number(value);

	return n && !(n & (n - 1));
}

/* `a & mask == b` in the form in which it is printed. */
static void normalize(struct sl__check *c, struct sl__stmt *s)
{
	static const uint8_t zero[SL_RULES_VALUE_MAX];
	struct sl__expr *bin = s->a, *prefix;
	int len;

	if (bin->kind != EX_BINARY || bin->op != OP_AND || !is_single(s->b) || s->c ||
	        bin->a->kind != EX_FIELD)
		return;
	if (bin->type->kind == TY_BITMASK) {
		bool none = !memcmp(s->b->value, zero, sizeof zero);

		if (none && (s->op == OP_EQ || s->op == OP_NONE)) {
			s->op = OP_NOT;
			s->b = bin->b;
		} else if (none && s->op == OP_NE) {
			s->op = OP_NONE;
			s->b = bin->b;
		} else if (one_bit(s->b) && !memcmp(s->b->value, bin->b->value, sizeof zero)) {
			return; /* nft leaves this one as it is */
		} else if (s->op == OP_EQ || s->op == OP_NE || s->op == OP_NONE) {
			s->c = bin->b;
			s->op = s->op == OP_NE ? OP_NE : OP_EQ;
		} else {
			return;
		}
		s->a = bin->a;
		return;
	}
	len = mask_length(bin->b);
	if ((bin->type->kind != TY_IPV4 && bin->type->kind != TY_IPV6) || len < 0 || s->op > OP_NE)
		return;
	prefix = sl__arena_get(&c->r->arena, sizeof *prefix);
	*prefix = *s->b;
	prefix->kind = EX_PREFIX;
	prefix->a = s->b;
	prefix->len = (uint8_t)len;
	s->a = bin->a;
	s->b = prefix;
}

static void check_relation(struct sl__check *c, struct sl__stmt *s)
{
	bool ordered = s->op >= OP_LT && s->op <= OP_GE;

	if (s->op == OP_NOT && s->a->type && s->a->type->kind != TY_BITMASK)
		sl__check_fail(c, s->place, "operator ! is for bitmasks only");
	if (ordered && (!is_single(s->b) || s->a->type->kind == TY_IFNAME))
		sl__check_fail(c, s->b->place, "this operator needs a single value");
	if (s->b->kind == EX_RANGE && s->a->type->kind == TY_BITMASK)
		sl__check_fail(c, s->b->place, "ranges are not possible with bitmasks");
}

void sl__check_match(struct sl__check *c, struct sl__stmt *s)
{
	sl__check_left(c, s->a);
	if (s->b->kind == EX_SET || s->b->kind == EX_SETREF) {
		if (s->op != OP_NONE && s->op != OP_EQ && s->op != OP_NE)
			sl__check_fail(c, s->b->place, "this operator needs a single value");
		if (s->b->kind == EX_SET && s->b->count == 1 && s->a->kind != EX_CONCAT &&
		        s->b->items->a->kind != EX_WILD && !s->b->items->each) {
			s->b = s->b->items->a;
		} else {
			s->b->set = s->b->kind == EX_SET
			                    ? sl__set_anonymous(c, s->a, s->b, NULL, 0, 0)
			                    : sl__set_of(c, s->a, s->b, false);
			if (s->b->kind == EX_SET && s->op != OP_NE)
				learn_set(c, s);
			return;
		}
	}
	if (s->a->kind == EX_CONCAT)
		sl__check_fail(c, s->a->place,
		        "Use concatenations with sets and maps, not singleton values");
	if (s->a->field && s->a->field->where == IN_FIB && s->b->kind == EX_SYMBOL &&
	        s->a->field->key == FIB_RESULT_OIF && strcmp(s->b->text, "missing") &&
	        strcmp(s->b->text, "exists") && strcmp(s->b->text, "0") && strcmp(s->b->text, "1"))
		sl__check_fail(c, s->b->place,
		        "not supported: fib compared with an interface, only exists and missing");
	sl__check_value(c, s->b, s->a->type, s->a->bits);
	if (s->b->kind == EX_FIELD || s->b->kind == EX_MAP)
		sl__check_fail(c, s->b->place, "not supported: comparing two fields");
	if (s->c)
		sl__check_value(c, s->c, s->a->type, s->a->bits);
	if (s->c && s->op == OP_NONE)
		s->op = OP_EQ;
	check_relation(c, s);
	normalize(c, s);
	learn(c, s);
}
