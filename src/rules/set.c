/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding an element of a set or map. Keys are bytes: the parts of a concatenation one behind
 * the other. Exact keys live in a hash table (open addressing, at most half full), ranges of
 * plain keys in an array sorted by their ends and searched by halves; so cost does not grow
 * with the number of elements. Concatenations with ranges are a tree (axis.c), exact ones are
 * tried before them. What rules add at run time goes into the hash table, with its deadline; an
 * element past its deadline counts as not there, and its place is used again.
 */
#include "rules/rules.h"

#include <string.h>

#define SIZE_DEFAULT 65535 /* elements of a dynamic set without a size */
#define LOOK_AT      1024  /* places, for one that is free again */

static uint32_t hash_of(const uint8_t *key, unsigned len)
{
	uint64_t h = 0xcbf29ce484222325u;
	unsigned i;

	for (i = 0; i < len; i++)
		h = (h ^ key[i]) * 0x100000001b3u;
	h ^= h >> 29;
	return (uint32_t)(h ^ h >> 32) | 1;
}

void sl__part_bounds(
        const struct sl__expr *e, const struct sl__type *type, uint8_t *lo, uint8_t *hi)
{
	unsigned bytes = (type->bits + 7u) / 8u, i;

	if (e->kind == EX_RANGE) {
		memcpy(lo, e->a->value, bytes);
		memcpy(hi, e->b->value, bytes);
	} else if (e->kind == EX_PREFIX) {
		for (i = 0; i < bytes; i++) {
			unsigned keep =
			        e->len > 8 * i ? (e->len - 8 * i > 7 ? 8 : e->len - 8 * i) : 0;
			uint8_t mask = (uint8_t)(0xff00u >> keep);

			lo[i] = e->a->value[i] & mask;
			hi[i] = (uint8_t)(lo[i] | (uint8_t)~mask);
		}
	} else if (e->kind == EX_WILD) {
		memset(lo, 0, bytes);
		memset(hi, 0xff, bytes);
	} else {
		memcpy(lo, e->value, bytes);
		memcpy(hi, e->value, bytes);
		if (e->wild)
			memset(hi + e->len, 0xff, bytes - e->len);
	}
}

void sl__elem_bounds(
        const struct sl__set *set, const struct sl__expr *elem, uint8_t *lo, uint8_t *hi)
{
	const struct sl__expr *part = elem->a->kind == EX_CONCAT ? elem->a->items : elem->a;
	unsigned i, at = 0;

	for (i = 0; i < set->part_count && part; i++, part = part->next) {
		sl__part_bounds(part, set->parts[i], lo + at, hi + at);
		at += (set->parts[i]->bits + 7u) / 8u;
	}
}

static void put_slot(struct sl__set *set, struct sl__expr *elem, uint32_t hash)
{
	uint32_t i = hash & (set->slot_count - 1);

	while (set->slots[i].hash)
		i = (i + 1) & (set->slot_count - 1);
	set->slots[i].hash = hash;
	set->slots[i].elem = elem;
	set->slot_used++;
}

static bool grow(struct sl_rules *r, struct sl__set *set)
{
	struct sl__set_slot *old = set->slots;
	uint32_t count = set->slot_count, i;

	set->slots = sl__arena_get(&r->arena, (count ? count * 2 : 8) * sizeof *old);
	if (!set->slots) {
		set->slots = old;
		return false;
	}
	set->slot_count = count ? count * 2 : 8;
	set->slot_used = 0;
	for (i = 0; i < count; i++) {
		if (old[i].hash)
			put_slot(set, old[i].elem, old[i].hash);
	}
	return true;
}

static const uint8_t *exact_key(
        const struct sl__set *set, const struct sl__expr *elem, uint8_t *key)
{
	uint8_t hi[SL_RULES_KEY_MAX];

	sl__elem_bounds(set, elem, key, hi);
	return key;
}

static struct sl__set_slot *find_slot(struct sl__set *set, const uint8_t *key)
{
	uint32_t hash = hash_of(key, set->key_len), i;
	uint8_t other[SL_RULES_KEY_MAX];

	if (!set->slot_count)
		return NULL;
	for (i = hash & (set->slot_count - 1); set->slots[i].hash;
	        i = (i + 1) & (set->slot_count - 1)) {
		if (set->slots[i].hash == hash &&
		        !memcmp(exact_key(set, set->slots[i].elem, other), key, set->key_len))
			return &set->slots[i];
	}
	return NULL;
}

/*
 * A place whose element has run out, to be used again when the set is full. Of a large set only a
 * part is looked at each time, from where the last search ended: a flood of new keys must not cost
 * a pass over all of it for each packet. (Linux, too, may find none although there is one: it
 * clears away now and then.)
 */
static struct sl__set_slot *expired_slot(struct sl__set *set, uint64_t now)
{
	uint32_t i, n = set->slot_count < LOOK_AT ? set->slot_count : LOOK_AT;

	for (i = 0; i < n; i++) {
		struct sl__set_slot *slot = &set->slots[set->hand++ & (set->slot_count - 1)];

		if (slot->hash && slot->elem->expires && slot->elem->expires <= now)
			return slot;
	}
	return NULL;
}

/* Take a slot out; those behind it that it pushed on move up. */
static void drop_slot(struct sl__set *set, struct sl__set_slot *slot)
{
	uint32_t mask = set->slot_count - 1, hole = (uint32_t)(slot - set->slots), i = hole;

	set->slot_used--;
	for (;;) {
		i = (i + 1) & mask;
		if (!set->slots[i].hash)
			break;
		if (((i - set->slots[i].hash) & mask) >= ((i - hole) & mask)) {
			set->slots[hole] = set->slots[i];
			hole = i;
		}
	}
	set->slots[hole].hash = 0;
}

bool sl__set_put(struct sl_rules *r, struct sl__set *set, struct sl__expr *elem)
{
	uint8_t key[SL_RULES_KEY_MAX] = {0};
	struct sl__set_slot *old;

	exact_key(set, elem, key);
	old = find_slot(set, key);
	if (old) {
		old->elem = elem;
		return true;
	}
	if (2 * (set->slot_used + 1) > set->slot_count && !grow(r, set))
		return false;
	put_slot(set, elem, hash_of(key, set->key_len));
	return true;
}

/* The element and its key's parts, in one piece. */
static struct sl__expr *new_elem(struct sl_rules *r, const struct sl__set *set)
{
	struct sl__expr *e = sl__arena_get(&r->arena, (set->part_count + 2u) * sizeof *e);
	unsigned i;

	if (!e)
		return NULL;
	e[0].kind = EX_ELEM;
	e[0].a = &e[1];
	e[1].kind = EX_CONCAT;
	e[1].items = &e[2];
	e[1].count = set->part_count;
	for (i = 0; i < set->part_count; i++) {
		e[2 + i].kind = EX_VALUE;
		e[2 + i].type = set->parts[i];
		e[2 + i].next = i + 1 < set->part_count ? &e[3 + i] : NULL;
	}
	return e;
}

static void fill_key(const struct sl__set *set, struct sl__expr *elem, const uint8_t *key)
{
	struct sl__expr *part = elem->a->items;

	for (; part; part = part->next) {
		part->len = (uint8_t)((part->type->bits + 7u) / 8u);
		memcpy(part->value, key, part->len);
		key += part->len;
	}
	(void)set;
}

struct sl__expr *sl__data_new(struct sl_rules *r, const struct sl__set *set)
{
	struct sl__expr *e = sl__arena_get(&r->arena, (set->data_count + 1u) * sizeof *e);
	unsigned i;

	if (!e)
		return NULL;
	e[0].kind = EX_CONCAT;
	e[0].items = &e[1];
	e[0].count = set->data_count;
	for (i = 0; i < set->data_count; i++) {
		e[1 + i].kind = EX_VALUE;
		e[1 + i].type = set->data[i];
		e[1 + i].len = (uint8_t)((set->data[i]->bits + 7u) / 8u);
		e[1 + i].next = i + 1 < set->data_count ? &e[2 + i] : NULL;
	}
	return set->data_count == 1 ? &e[1] : e;
}

struct sl__expr *sl__set_place(
        struct sl_rules *r, struct sl__set *set, const uint8_t *key, uint64_t now, bool *fresh)
{
	struct sl__set_slot *slot = find_slot(set, key);
	struct sl__expr *elem = NULL;

	*fresh = !slot || (slot->elem->expires && slot->elem->expires <= now);
	if (slot)
		return slot->elem;
	if (set->slot_used >= (set->size ? set->size : SIZE_DEFAULT)) {
		slot = expired_slot(set, now);
		if (!slot || slot->elem->a->kind != EX_CONCAT)
			return NULL;
		elem = slot->elem;
		drop_slot(set, slot);
	}
	if (!elem)
		elem = new_elem(r, set);
	if (!elem)
		return NULL;
	fill_key(set, elem, key);
	elem->expires = 1;
	return sl__set_put(r, set, elem) ? elem : NULL;
}

void sl__set_remove(struct sl__set *set, const uint8_t *key)
{
	struct sl__set_slot *slot = find_slot(set, key);

	if (slot)
		slot->elem->expires = 1; /* long ago */
}

static int order(const struct sl__bounds *a, const struct sl__bounds *b, unsigned len)
{
	return memcmp(a->lo, b->lo, len);
}

/* Merge sort of v[0..n), with as much room in w. */
void sl__bounds_sort(struct sl__bounds *v, struct sl__bounds *w, uint32_t n, unsigned len)
{
	uint32_t half = n / 2, i = 0, j = half, k = 0;

	if (n < 2)
		return;
	sl__bounds_sort(v, w, half, len);
	sl__bounds_sort(v + half, w, n - half, len);
	memcpy(w, v, n * sizeof *v);
	while (i < half || j < n)
		v[k++] = j == n || (i < half && order(&w[i], &w[j], len) <= 0) ? w[i++] : w[j++];
}

/* ---- elements that are there twice, or overlap ---- */

/* Taken out of the set at the end of sl__set_build(). */
static void leave_out(struct sl__expr *elem)
{
	elem->a = NULL;
}

static bool same_data(const struct sl__expr *a, const struct sl__expr *b)
{
	if (!a || !b || a->kind != b->kind)
		return a == b;
	switch (a->kind) {
	case EX_VERDICT:
		return a->op == b->op && (!a->text || !strcmp(a->text, b->text));
	case EX_SYMBOL:
		return a->object == b->object;
	case EX_RANGE:
		return same_data(a->a, b->a) && same_data(a->b, b->b);
	case EX_PREFIX:
		return a->len == b->len && same_data(a->a, b->a);
	case EX_CONCAT:
		for (a = a->items, b = b->items; a && b; a = a->next, b = b->next)
			if (!same_data(a, b))
				return false;
		return true;
	default:
		return !memcmp(a->value, b->value, sizeof a->value);
	}
}

/* The same element may be written twice; with other data it is a mistake. */
static bool is_there(struct sl_rules *r, struct sl__set *set, struct sl__expr *elem)
{
	uint8_t key[SL_RULES_KEY_MAX] = {0};
	struct sl__set_slot *slot = find_slot(set, exact_key(set, elem, key));

	if (!slot)
		return false;
	if (!same_data(slot->elem->b, elem->b))
		sl__rules_report(r, elem->place, "Error", "Could not process rule: File exists");
	leave_out(elem);
	return true;
}

/* Does b begin right behind the end of a? */
static bool adjoins(
        const struct sl__set *set, const struct sl__bounds *a, const struct sl__bounds *b)
{
	uint8_t next[SL_RULES_KEY_MAX];
	unsigned i = set->key_len;

	if (set->parts[0]->kind == TY_IFNAME || set->parts[0]->kind == TY_STRING)
		return false;
	memcpy(next, a->hi, set->key_len);
	while (i-- > 0)
		if (++next[i] != 0)
			break;
	return !memcmp(next, b->lo, set->key_len);
}

static struct sl__expr *bound_value(
        struct sl_rules *r, const struct sl__set *set, const uint8_t *bytes)
{
	struct sl__expr *e = sl__arena_get(&r->arena, sizeof *e);

	e->kind = EX_VALUE;
	e->type = set->parts[0];
	e->bits = e->type->bits;
	e->len = set->key_len;
	memcpy(e->value, bytes, set->key_len);
	return e;
}

/* b, which begins within a or behind it, becomes part of a: one element from now on. */
static void merge(
        struct sl_rules *r, struct sl__set *set, struct sl__bounds *a, struct sl__bounds *b)
{
	struct sl__expr *range;

	leave_out(b->elem);
	if (memcmp(b->hi, a->hi, set->key_len) <= 0)
		return;
	a->hi = b->hi;
	range = sl__arena_get(&r->arena, sizeof *range);
	range->kind = EX_RANGE;
	range->type = set->parts[0];
	range->place = a->elem->place;
	range->a = bound_value(r, set, a->lo);
	range->b = bound_value(r, set, a->hi);
	a->elem->a = range;
}

/*
 * Ranges of a plain key must not overlap, unless they are the same or may be merged: in anonymous
 * sets, and where auto-merge says so.
 */
static void settle_overlaps(struct sl_rules *r, struct sl__set *set)
{
	uint32_t i, n = 0;

	for (i = 1; i < set->bound_count; i++) {
		struct sl__bounds *a = &set->bounds[n], *b = &set->bounds[i];
		bool apart = memcmp(b->lo, a->hi, set->key_len) > 0;
		bool same =
		        !memcmp(a->lo, b->lo, set->key_len) && !memcmp(a->hi, b->hi, set->key_len);

		if (apart && !(set->auto_merge && adjoins(set, a, b))) {
			set->bounds[++n] = *b;
			continue;
		}
		if (!set->auto_merge && (!same || !same_data(a->elem->b, b->elem->b)))
			sl__rules_report(
			        r, b->elem->place, "Error", "conflicting intervals specified");
		merge(r, set, a, b);
	}
	set->bound_count = set->bound_count ? n + 1 : 0;
}

static void take_out(struct sl__set *set)
{
	struct sl__expr **at = &set->elems;

	while (*at) {
		if ((*at)->a) {
			at = &(*at)->next;
			continue;
		}
		*at = (*at)->next;
		set->count--;
	}
	set->elems_end = at;
}

static bool is_range(
        const struct sl__set *set, const struct sl__expr *elem, uint8_t *lo, uint8_t *hi)
{
	sl__elem_bounds(set, elem, lo, hi);
	return memcmp(lo, hi, set->key_len);
}

static void build_axes(struct sl_rules *r, struct sl__set *set)
{
	struct sl__bounds **all = sl__arena_get(&r->arena, set->bound_count * sizeof *all);
	uint32_t i;

	for (i = 0; i < set->bound_count; i++)
		all[i] = &set->bounds[i];
	set->axes = sl__axis_build(r, set, all, set->bound_count, 0);
}

void sl__set_build(struct sl_rules *r, struct sl__set *set)
{
	uint8_t lo[SL_RULES_KEY_MAX] = {0}, hi[SL_RULES_KEY_MAX] = {0};
	bool sorted = set->part_count == 1;
	struct sl__expr *e;

	for (e = set->elems; e; e = e->next)
		set->ranged |= e->a->kind != EX_WILD && is_range(set, e, lo, hi);
	if (set->ranged)
		set->bounds = sl__arena_get(&r->arena, set->count * sizeof *set->bounds);
	for (e = set->elems; e; e = e->next) {
		struct sl__bounds *b;

		if (e->a->kind == EX_WILD) {
			set->wild = e;
			continue;
		}
		if (!set->ranged || (!sorted && !is_range(set, e, lo, hi))) {
			if (!is_there(r, set, e))
				sl__set_put(r, set, e);
			continue;
		}
		is_range(set, e, lo, hi);
		b = &set->bounds[set->bound_count++];
		b->lo = (uint8_t *)sl__arena_text(&r->arena, (char *)lo, set->key_len);
		b->hi = (uint8_t *)sl__arena_text(&r->arena, (char *)hi, set->key_len);
		b->elem = e;
	}
	if (set->ranged && sorted) {
		struct sl__bounds *room = sl__arena_get(&r->arena, set->bound_count * sizeof *room);

		sl__bounds_sort(set->bounds, room, set->bound_count, set->key_len);
		settle_overlaps(r, set);
	} else if (set->bound_count) {
		build_axes(r, set);
	}
	take_out(set);
}

static struct sl__expr *find_sorted(const struct sl__set *set, const uint8_t *key)
{
	uint32_t lo = 0, hi = set->bound_count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (memcmp(set->bounds[mid].lo, key, set->key_len) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo && memcmp(key, set->bounds[lo - 1].hi, set->key_len) <= 0)
		return set->bounds[lo - 1].elem;
	return NULL;
}

struct sl__expr *sl__set_find(struct sl__set *set, const uint8_t *key, uint64_t now)
{
	struct sl__set_slot *slot = find_slot(set, key);
	struct sl__expr *found = NULL;

	if (slot)
		found = slot->elem;
	else if (set->ranged && set->part_count == 1)
		found = find_sorted(set, key);
	else if (set->axes)
		found = sl__axis_find(set->axes, key);
	if (found && found->expires && found->expires <= now)
		found = NULL;
	return found ? found : set->wild;
}
