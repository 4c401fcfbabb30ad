/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Matches: does what was loaded of the packet compare as the rule says?
 */
#include "rules/load.h"

#include <string.h>

#include "track/parse.h"

static bool in_range(const struct sl__expr *r, const uint8_t *v, unsigned len)
{
	uint8_t lo[SL_RULES_VALUE_MAX], hi[SL_RULES_VALUE_MAX];

	if (r->kind == EX_RANGE)
		return memcmp(v, r->a->value, len) >= 0 && memcmp(v, r->b->value, len) <= 0;
	sl__part_bounds(r, r->type, lo, hi);
	return memcmp(v, lo, len) >= 0 && memcmp(v, hi, len) <= 0;
}

static bool has_bits(const uint8_t *v, const struct sl__expr *mask)
{
	unsigned i;

	for (i = 0; i < mask->len; i++) {
		if (v[i] & mask->value[i])
			return true;
	}
	return false;
}

static bool equals(const struct sl__stmt *s, const uint8_t *v, unsigned len)
{
	const struct sl__expr *b = s->b;
	const struct sl__expr *part;

	if (b->kind == EX_CONCAT) {
		for (part = b->items; part; part = part->next) {
			unsigned n = part->kind == EX_VALUE && !part->wild
			                     ? part->len
			                     : (part->type->bits + 7u) / 8u;

			if (part->kind == EX_VALUE && !part->wild ? memcmp(v, part->value, n) != 0
			                                          : !in_range(part, v, n))
				return false;
			v += n;
		}
		return true;
	}
	if (b->kind == EX_RANGE || b->kind == EX_PREFIX)
		return in_range(b, v, len);
	return !memcmp(v, b->value, b->len);
}

static bool compare(struct sl__eval *ev, const struct sl__stmt *s, const uint8_t *v, unsigned len)
{
	int order;

	if (s->b->set) {
		struct sl__expr *found = len == s->b->set->key_len
		                                 ? sl__set_find(s->b->set, v, ev->view->now)
		                                 : NULL;

		if (found && s->op != OP_NE && found->each)
			return sl__each_passes(ev, found);
		return !found == (s->op == OP_NE);
	}
	switch (s->op) {
	case OP_NONE:
		if (s->b->kind == EX_VALUE && s->b->type->kind == TY_BITMASK)
			return has_bits(v, s->b);
		return equals(s, v, len);
	case OP_NOT:
		return !has_bits(v, s->b);
	case OP_EQ:
		return equals(s, v, len);
	case OP_NE:
		return !equals(s, v, len);
	}
	order = memcmp(v, s->b->value, len);
	return s->op == OP_LT   ? order < 0
	       : s->op == OP_GT ? order > 0
	       : s->op == OP_LE ? order <= 0
	                        : order >= 0;
}

bool sl__matches(struct sl__eval *ev, const struct sl__stmt *s)
{
	uint8_t v[SL_RULES_KEY_MAX];
	unsigned len = 0, i;

	if (!sl__load(ev, s->a, v, &len))
		return false;
	for (i = 0; s->c && i < len; i++)
		v[i] &= s->c->value[i];
	return compare(ev, s, v, len);
}
