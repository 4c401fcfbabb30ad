/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets and maps: the types of their keys and data, their elements, and what a rule says of them.
 */
#include "rules/check.h"

#include <string.h>

unsigned sl__left_types(const struct sl__expr *e, const struct sl__type **parts, unsigned max)
{
	unsigned n = 0;

	if (e->kind != EX_CONCAT) {
		parts[0] = sl__sized(e->type, e->bits);
		return 1;
	}
	for (e = e->items; e && n < max; e = e->next)
		parts[n++] = sl__sized(e->type, e->bits);
	return n;
}

unsigned sl__check_typeof(struct sl_rules *r, struct sl__table *table, struct sl__expr *e,
        const struct sl__type **parts, unsigned max, jmp_buf *out)
{
	struct sl__check c = {.r = r, .table = table, .l4 = -1, .fail = out};
	struct sl__expr *part;

	/* Fields of a typeof need not go together. */
	for (part = e->kind == EX_CONCAT ? e->items : e; part; part = part->next) {
		c.l3 = 0;
		c.l4 = -1;
		sl__check_left(&c, part);
	}
	return sl__left_types(e, parts, max);
}

static void set_key_len(struct sl__check *c, struct sl__set *s)
{
	unsigned i, len = 0;

	for (i = 0; i < s->part_count; i++)
		len += (s->parts[i]->bits + 7u) / 8u;
	if (len > SL_RULES_KEY_MAX || !len)
		sl__check_fail(
		        c, s->place, "key of %u bytes: the limit is %d", len, SL_RULES_KEY_MAX);
	s->key_len = (uint8_t)len;
}

void sl__check_parts(struct sl__check *c, struct sl__expr *e, const struct sl__type *const *types,
        unsigned count)
{
	struct sl__expr *part = e->kind == EX_CONCAT ? e->items : e;
	unsigned n = e->kind == EX_CONCAT ? e->count : 1, i;

	if (n != count && !(e->kind == EX_WILD))
		sl__check_fail(c, e->place,
		        "datatype mismatch: expected %u values joined by '.', got %u", count, n);
	for (i = 0; part && i < count; i++, part = part->next)
		sl__check_value(c, part, types[i], types[i]->bits);
}

/* The object that an element of a map names. */
static void elem_object(struct sl__check *c, struct sl__set *s, struct sl__expr *data)
{
	if (data->kind != EX_SYMBOL)
		sl__check_fail(c, data->place, "expected the name of an object");
	data->object = sl__object_find(s->table, s->object, data->text);
	if (!data->object)
		sl__check_fail(c, data->place,
		        "Could not process rule: No such file or directory: no such object '%.60s'",
		        data->text);
	data->type = &sl__ty_string;
}

/* Each element has what the set declares, at its own count or rate. */
static void elem_each(struct sl__check *c, struct sl__set *s, struct sl__expr *elem)
{
	struct sl__stateful *own = elem->each;
	const struct sl__stateful *want = s->each;

	s->counts |= own || want;
	if (!own) {
		elem->each = sl__stateful_copy(c->r, want, NULL);
		return;
	}
	if (!want && s->name)
		sl__check_fail(c, elem->place, "missing statement in set declaration");
	for (; want && s->name; own = own->next, want = want->next)
		if (!own || own->kind != want->kind || (!want->next && own->next))
			sl__check_fail(c, elem->place,
			        "statement mismatch: the set declares others for its elements");
}

static void elem_interval(struct sl__check *c, struct sl__expr *elem)
{
	struct sl__expr *part = elem->a->kind == EX_CONCAT ? elem->a->items : elem->a;

	for (; part; part = elem->a->kind == EX_CONCAT ? part->next : NULL) {
		if (part->kind == EX_RANGE || part->kind == EX_PREFIX || part->wild)
			sl__check_fail(c, elem->place,
			        "You must add 'flags interval' to your set declaration if "
			        "you want to add %s elements",
			        part->kind == EX_RANGE ? "range" : "prefix");
	}
}

static void check_elem(struct sl__check *c, struct sl__set *s, struct sl__expr *elem)
{
	if (s->map && !elem->b)
		sl__check_fail(c, elem->place, "missing data: expected key : value");
	if (!s->map && elem->b)
		sl__check_fail(c, elem->place, "element of a set with data: this is no map");
	sl__check_parts(c, elem->a, s->parts, s->part_count);
	if (s->object)
		elem_object(c, s, elem->b);
	else if (elem->b)
		sl__check_parts(c, elem->b, s->data, s->data_count);
	if (s->name && !(s->flags & SET_INTERVAL) && elem->a->kind != EX_WILD)
		elem_interval(c, elem);
	elem_each(c, s, elem);
	if ((elem->timeout || elem->left) && !(s->flags & SET_TIMEOUT) && !s->timeout)
		sl__check_fail(c, elem->place, "this set has no timeouts: add 'flags timeout'");
	if (!elem->timeout)
		elem->timeout = s->timeout;
	elem->expires = (elem->left ? elem->left : elem->timeout) * 1000000;
}

void sl__check_elem(struct sl_rules *r, struct sl__set *set, struct sl__expr *elem, jmp_buf *out)
{
	struct sl__check c = {.r = r, .table = set->table, .l4 = -1, .fail = out};

	check_elem(&c, set, elem);
}

void sl__check_key(struct sl_rules *r, struct sl__set *set, struct sl__expr *elem, jmp_buf *out)
{
	struct sl__check c = {.r = r, .table = set->table, .l4 = -1, .fail = out};

	sl__check_parts(&c, elem->a, set->parts, set->part_count);
}

void sl__check_set(struct sl_rules *r, struct sl__set *s, jmp_buf *out)
{
	struct sl__check c = {.r = r, .table = s->table, .l4 = -1, .fail = out};
	struct sl__expr *e;
	unsigned i;

	if (s->timeout)
		s->flags |= SET_TIMEOUT;
	for (i = 0; i < s->part_count; i++) {
		if (s->parts[i]->kind == TY_VERDICT)
			sl__check_fail(&c, s->place, "set keys cannot be verdicts");
	}
	if (s->map && !s->data_count)
		sl__check_fail(
		        &c, s->place, "map definition does not specify the type of its data");
	set_key_len(&c, s);
	for (e = s->elems; e; e = e->next)
		check_elem(&c, s, e);
}

/* An anonymous set, for the keys that `left` makes. */
struct sl__set *sl__set_anonymous(struct sl__check *c, struct sl__expr *left, struct sl__expr *list,
        const struct sl__type *const *data, unsigned data_count, uint8_t object)
{
	struct sl__set *s = sl__arena_get(&c->r->arena, sizeof *s);
	struct sl__expr *e;

	s->place = list->place;
	s->table = c->table;
	s->part_count = (uint8_t)sl__left_types(left, s->parts, 8);
	s->map = data_count;
	s->object = object;
	s->data_count = (uint8_t)data_count;
	if (data_count)
		memcpy(s->data, data, data_count * sizeof *data);
	s->flags = SET_CONSTANT;
	s->auto_merge = !data_count;
	set_key_len(c, s);
	s->elems = list->items;
	s->count = list->count;
	if (!s->count)
		sl__check_fail(c, list->place, "Set is empty");
	for (e = s->elems; e; e = e->next)
		check_elem(c, s, e);
	*c->table->sets_end = s;
	c->table->sets_end = &s->next;
	return s;
}

struct sl__set *sl__set_of(
        struct sl__check *c, struct sl__expr *left, struct sl__expr *ref, bool map)
{
	struct sl__set *s = sl__set_named(c->table, ref->text);
	const struct sl__type *parts[8];
	unsigned n, i;

	if (!s)
		sl__check_fail(c, ref->place,
		        "No such file or directory: set '%.60s' does not exist", ref->text);
	if (!s->part_count || (s->map && !s->data_count))
		sl__check_fail(c, ref->place, "set '%.60s' has a mistake of its own", ref->text);
	if (s->map && !map)
		sl__check_fail(c, ref->place, "%.60s is a map, expected a set", ref->text);
	if (map && !s->map)
		sl__check_fail(c, ref->place, "%.60s is not a map", ref->text);
	n = sl__left_types(left, parts, 8);
	for (i = 0; i < n; i++) {
		if (n != s->part_count || !sl__same_type(parts[i], s->parts[i]) ||
		        parts[i]->bits != s->parts[i]->bits)
			sl__check_fail(c, left->place,
			        "datatype mismatch, set %.60s expects %s, expression has type %s",
			        ref->text, s->parts[i < s->part_count ? i : 0]->words,
			        parts[i]->words);
	}
	return s;
}

void sl__check_map(struct sl__check *c, struct sl__expr *map, const struct sl__type *const *want,
        unsigned count)
{
	unsigned i;

	sl__check_left(c, map->a);
	if (map->b->kind == EX_SET) {
		map->set = sl__set_anonymous(c, map->a, map->b, want, count, 0);
	} else {
		map->set = sl__set_of(c, map->a, map->b, true);
		for (i = 0; i < count; i++) {
			if (map->set->data_count != count ||
			        !sl__same_type(map->set->data[i], want[i]))
				sl__check_fail(c, map->b->place,
				        "datatype mismatch, map expects to be of type %s",
				        want[i]->words);
		}
	}
	map->b->set = map->set;
	map->type = want[0];
	map->bits = want[0]->bits;
}
