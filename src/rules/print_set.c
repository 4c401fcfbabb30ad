/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets and maps in nft's form: the declaration, and elements sorted by key.
 */
#include "rules/print.h"

#include <string.h>

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
		if ((e->a->value[i / 8] >> (7 - i % 8) & 1) ||
		        !(e->b->value[i / 8] >> (7 - i % 8) & 1))
			return -1;
	}
	return (int)len;
}

void sl__put_interval(struct sl__printer *p, const struct sl__expr *e)
{
	int len = prefix_of(e);

	if (len < 0) {
		sl__put_expr(p, e);
		return;
	}
	sl__put_expr(p, e->a);
	sl__put(p, "/%d", len);
}

void sl__put_key(struct sl__printer *p, const struct sl__expr *e)
{
	const struct sl__symbol *s;
	uint64_t n;
	const char *between = "";

	if (e->kind != EX_VALUE || e->type->kind != TY_BITMASK) {
		sl__put_interval(p, e);
		return;
	}
	n = sl__value_number(e);
	if (!n)
		sl__put_value(p, e);
	for (s = e->type->symbols; s->name; s++) {
		if (n & s->value) {
			sl__put(p, "%s%s", between, s->name);
			between = " | ";
		}
	}
}

static void put_elem(struct sl__printer *p, const struct sl__set *s, const struct sl__expr *e)
{
	sl__put_key(p, e->a);
	sl__put_each(p, e->each);
	if (s->flags & SET_TIMEOUT && e->timeout && e->timeout != s->timeout) {
		sl__put(p, " timeout ");
		sl__put_time(p, e->timeout);
	}
	if (e->left) {
		sl__put(p, " expires ");
		sl__put_time(p, e->left);
	}
	if (e->comment)
		sl__put(p, " comment \"%s\"", e->comment);
	if (e->b) {
		sl__put(p, " : ");
		if (s->object)
			sl__put(p, "\"%s\"", e->b->object->name);
		else
			sl__put_expr(p, e->b);
	}
}

/* Up to 64 elements sorted by their keys; more, as they came. */
void sl__put_set(struct sl__printer *p, const struct sl__set *s)
{
	const struct sl__expr *e;
	struct sorted one[64], moved;
	uint32_t n = 0, i, j;

	sl__put(p, "{ ");
	for (e = s->count <= 64 ? s->elems : NULL; e; e = e->next) {
		moved = (struct sorted){s, e};
		for (j = n++; j > 0 && by_key(&one[j - 1], &moved) > 0; j--)
			one[j] = one[j - 1];
		one[j] = moved;
	}
	for (i = 0; i < n; i++) {
		put_elem(p, s, one[i].elem);
		sl__put(p, "%s", i + 1 < n ? ", " : "");
	}
	for (e = n ? NULL : s->elems; e; e = e->next) {
		put_elem(p, s, e);
		sl__put(p, "%s", e->next ? ", " : "");
	}
	sl__put(p, " }");
}

static void put_set_flags(struct sl__printer *p, const struct sl__set *s)
{
	static const char *const names[] = {"constant", "interval", "dynamic", "timeout"};
	static const uint8_t bits[] = {SET_CONSTANT, SET_INTERVAL, SET_DYNAMIC, SET_TIMEOUT};
	unsigned i, shown = 0, flags = s->flags;

	if (!flags)
		return;
	sl__put(p, "\t\tflags ");
	for (i = 0; i < 4; i++) {
		if (flags & bits[i])
			sl__put(p, "%s%s", shown++ ? "," : "", names[i]);
	}
	sl__put(p, "\n");
}

static void put_types(struct sl__printer *p, const struct sl__type *const *types, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		sl__put(p, "%s%s", i ? " . " : "", types[i]->name);
}

void sl__put_named_set(struct sl__printer *p, const struct sl__set *s)
{
	static const char *const objects[] = {"", "counter", "quota", "limit"};
	const struct sl__stateful *each;

	sl__put(p, "\t%s %s {\n", s->map ? "map" : "set", s->name);
	if (s->typeof_key) {
		sl__put(p, "\t\ttypeof ");
		sl__put_expr(p, s->typeof_key);
	} else {
		sl__put(p, "\t\ttype ");
		put_types(p, s->parts, s->part_count);
	}
	if (s->map) {
		sl__put(p, " : %s", s->data_interval ? "interval " : "");
		if (s->object)
			sl__put(p, "%s", objects[s->object]);
		else if (s->typeof_data)
			sl__put_expr(p, s->typeof_data);
		else
			put_types(p, s->data, s->data_count);
	}
	sl__put(p, "\n");
	if (s->policy)
		sl__put(p, "\t\tpolicy %s\n", s->policy);
	if (s->size)
		sl__put(p, "\t\tsize %u\n", s->size);
	put_set_flags(p, s);
	for (each = s->each; each; each = each->next) {
		sl__put(p, "%s", each == s->each ? "\t\t" : " ");
		sl__put_stateful(p, each, true);
		sl__put(p, "%s", each->next ? "" : "\n");
	}
	if (s->timeout) {
		sl__put(p, "\t\ttimeout ");
		sl__put_time(p, s->timeout);
		sl__put(p, "\n");
	}
	if (s->gc) {
		sl__put(p, "\t\tgc-interval ");
		sl__put_time(p, s->gc);
		sl__put(p, "\n");
	}
	if (s->auto_merge)
		sl__put(p, "\t\tauto-merge\n");
	if (s->comment)
		sl__put(p, "\t\tcomment \"%s\"\n", s->comment);
	if (s->elems) {
		sl__put(p, "\t\telements = ");
		sl__put_set(p, s);
		sl__put(p, "\n");
	}
	sl__put(p, "\t}\n");
}
