/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Named sets and maps: their types, flags and first elements.
 */
#include "rules/parse.h"

#include <string.h>

static void key_types(
        struct sl__parser *p, const struct sl__type **parts, uint8_t *count, unsigned max)
{
	do {
		struct sl__place place = p->token.place;
		const struct sl__type *type;
		char *name = sl__parse_string(p, "the name of a type");

		type = sl__type_find(name);
		if (!type)
			sl__parse_fail(p, place, "unknown datatype %.60s", name);
		if (*count == max)
			sl__parse_fail(p, place, "too many parts in a concatenation");
		parts[(*count)++] = type;
	} while (sl__accept(p, '.'));
}

/* Is a kind of object next, which is what the map gives? */
static bool object_data(struct sl__parser *p, struct sl__set *s)
{
	s->object = sl__accept_word(p, "counter") ? OB_COUNTER
	            : sl__accept_word(p, "quota") ? OB_QUOTA
	            : sl__accept_word(p, "limit") ? OB_LIMIT
	                                          : 0;
	if (!s->object &&
	        (sl__is_word(p, "ct") || sl__is_word(p, "secmark") || sl__is_word(p, "synproxy")))
		sl__parse_unsupported(p, p->token.place, "maps of these objects");
	if (!s->object)
		return false;
	s->data[0] = &sl__ty_string;
	s->data_count = 1;
	return true;
}

static void set_type(struct sl__parser *p, struct sl__set *s)
{
	key_types(p, s->parts, &s->part_count, 8);
	if (!s->map)
		return;
	sl__expect(p, ':', "':' and the type of the data");
	if (sl__accept_word(p, "interval"))
		s->data_interval = true;
	if (object_data(p, s))
		return;
	key_types(p, s->data, &s->data_count, 4);
}

static void set_typeof(struct sl__parser *p, struct sl__set *s)
{
	s->typeof_key = sl__parse_lhs(p);
	s->part_count =
	        (uint8_t)sl__check_typeof(p->r, p->table, s->typeof_key, s->parts, 8, p->fail);
	if (!s->map)
		return;
	sl__expect(p, ':', "':' and the type of the data");
	if (sl__accept_word(p, "interval"))
		s->data_interval = true;
	if (sl__accept_word(p, "verdict")) {
		s->data[0] = &sl__ty_verdict;
		s->data_count = 1;
		return;
	}
	if (object_data(p, s))
		return;
	s->typeof_data = sl__parse_lhs(p);
	s->data_count =
	        (uint8_t)sl__check_typeof(p->r, p->table, s->typeof_data, s->data, 4, p->fail);
}

static void set_flags(struct sl__parser *p, struct sl__set *s)
{
	do {
		if (sl__accept_word(p, "constant"))
			s->flags |= SET_CONSTANT;
		else if (sl__accept_word(p, "interval"))
			s->flags |= SET_INTERVAL;
		else if (sl__accept_word(p, "timeout"))
			s->flags |= SET_TIMEOUT;
		else if (sl__accept_word(p, "dynamic"))
			s->flags |= SET_DYNAMIC;
		else
			sl__parse_unexpected(p, "constant, interval, timeout or dynamic");
	} while (sl__accept(p, ','));
}

static void set_elements(struct sl__parser *p, struct sl__set *s)
{
	struct sl__expr *list, *e, *next;

	sl__expect(p, '=', "'='");
	list = sl__parse_rhs(p);
	if (list->kind != EX_SET)
		sl__parse_fail(p, list->place, "expected { elements }");
	for (e = list->items; e; e = next) {
		next = e->next;
		e->next = NULL;
		*s->elems_end = e;
		s->elems_end = &e->next;
		s->count++;
	}
}

static void set_line(struct sl__parser *p, void *arg)
{
	struct sl__set *s = arg;

	if (sl__parse_common(p))
		return;
	if (sl__accept_word(p, "type"))
		set_type(p, s);
	else if (sl__accept_word(p, "typeof"))
		set_typeof(p, s);
	else if (sl__accept_word(p, "flags"))
		set_flags(p, s);
	else if (sl__accept_word(p, "timeout"))
		s->timeout = sl__parse_time(p);
	else if (sl__accept_word(p, "gc-interval"))
		s->gc = sl__parse_time(p);
	else if (sl__accept_word(p, "elements")) {
		set_elements(p, s);
		return;
	} else if (sl__accept_word(p, "size"))
		s->size = (uint32_t)sl__parse_number(p, UINT32_MAX, "a number");
	else if (sl__accept_word(p, "auto-merge")) {
		s->auto_merge = true;
		return;
	} else if (sl__accept_word(p, "policy"))
		s->policy = sl__parse_string(p, "performance or memory");
	else if (sl__accept_word(p, "comment"))
		s->comment = sl__parse_string(p, "a comment");
	else if (sl__is_word(p, "counter") || sl__is_word(p, "limit") || sl__is_word(p, "quota") ||
	         sl__is_word(p, "ct"))
		sl__parse_each(p, &s->each);
	else
		sl__parse_unexpected(
		        p, "type, typeof, flags, elements, timeout, size, auto-merge or policy");
	sl__end_of_statement(p);
}

static bool same_types(const struct sl__type *const *a, const struct sl__type *const *b, unsigned n)
{
	while (n-- > 0)
		if (a[n] != b[n] && (a[n]->bits != b[n]->bits || strcmp(a[n]->name, b[n]->name)))
			return false;
	return true;
}

/* As the kernel asks; timeouts and sizes may differ. */
static bool same_set(const struct sl__set *a, const struct sl__set *b)
{
	const struct sl__stateful *x = a->each, *y = b->each;

	for (; x && y && x->kind == y->kind; x = x->next, y = y->next)
		;
	return !x && !y && a->map == b->map && a->flags == b->flags && a->object == b->object &&
	       a->part_count == b->part_count && a->data_count == b->data_count && !a->meter &&
	       same_types(a->parts, b->parts, a->part_count) &&
	       same_types(a->data, b->data, a->data_count);
}

/* A set that is declared again gets the elements of both. */
static void declared_again(
        struct sl__parser *p, struct sl__set *old, struct sl__set *s, bool create)
{
	uint16_t flags = old->flags;

	old->flags &= (uint16_t) ~(
	        s->flags & SET_DYNAMIC ? 0 : SET_DYNAMIC); /* a rule may have added it */
	if (create || !same_set(old, s))
		sl__parse_fail(p, s->place, "Could not process rule: File exists");
	old->flags = flags;
	if (!s->elems)
		return;
	*old->elems_end = s->elems;
	old->elems_end = s->elems_end;
	old->count += s->count;
	old->counts |= s->counts;
}

void sl__parse_named_set(struct sl__parser *p, bool map, bool create)
{
	struct sl__place place = p->token.place;
	struct sl__set *s = sl__arena_get(&p->r->arena, sizeof *s), *old;

	s->place = place;
	s->name = sl__parse_name(p, "the name of a set");
	s->map = map;
	s->table = p->table;
	s->elems_end = &s->elems;
	sl__parse_block(p, set_line, s);
	if (!s->part_count)
		sl__parse_fail(p, place, "set definition does not specify key");
	old = sl__set_named(p->table, s->name);
	if (!old) {
		*p->table->sets_end = s;
		p->table->sets_end = &s->next;
		sl__check_set(p->r, s, p->fail);
		return;
	}
	sl__check_set(p->r, s, p->fail);
	declared_again(p, old, s, create);
}
