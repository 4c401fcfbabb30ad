/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Concatenations with ranges: which element holds a key, without trying them one by one.
 *
 * An axis is one part of the keys, cut where some element's range begins or ends, with a segment
 * tree over the pieces: each range is the union of at most two nodes a level, and each node has
 * the elements whose range covers it, as the axis of the next part (on the last part: the first
 * of them). A lookup finds the piece of its first value by halves, and asks the nodes above that
 * piece, of which there are as many as the tree is high; so k parts of n elements cost about
 * log(n) to the k, and the tree n times log(n) to the k - 1 places at most.
 *
 * All memory is the arena's. Elements that overlap are both there; the first wins, as in Linux.
 */
#include "rules/rules.h"

#include <string.h>

struct sl__axis {
	unsigned at, bytes; /* where the part stands in the key */
	uint32_t count;     /* of pieces */
	uint8_t *starts;    /* of pieces, sorted, `bytes` each */
	bool last;          /* the last part */
	/* The tree: node 1 is the root, the children of n are 2n and 2n + 1, piece i is count + i.
	 */
	union {
		struct sl__axis *next;
		const struct sl__bounds *first;
	} nodes[];
};

/* v + 1; false: it was the greatest. */
static bool step_up(uint8_t *v, unsigned bytes)
{
	while (bytes--) {
		if (++v[bytes])
			return true;
	}
	return false;
}

/* The last piece that does not begin behind v, plus one; 0: v is before them all. */
static uint32_t piece_of(const uint8_t *starts, uint32_t count, unsigned bytes, const uint8_t *v)
{
	uint32_t lo = 0, hi = count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (memcmp(starts + (size_t)mid * bytes, v, bytes) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Heap sort of n values of `bytes` bytes (no recursion, no callbacks with a context). */
static void sift(uint8_t *v, uint32_t root, uint32_t n, unsigned bytes)
{
	uint8_t one[SL_RULES_VALUE_MAX];
	uint32_t child;

	while ((child = 2 * root + 1) < n) {
		if (child + 1 < n && memcmp(v + (size_t)child * bytes,
		                             v + (size_t)(child + 1) * bytes, bytes) < 0)
			child++;
		if (memcmp(v + (size_t)root * bytes, v + (size_t)child * bytes, bytes) >= 0)
			return;
		memcpy(one, v + (size_t)root * bytes, bytes);
		memcpy(v + (size_t)root * bytes, v + (size_t)child * bytes, bytes);
		memcpy(v + (size_t)child * bytes, one, bytes);
		root = child;
	}
}

static uint32_t sort_unique(uint8_t *v, uint32_t n, unsigned bytes)
{
	uint8_t one[SL_RULES_VALUE_MAX];
	uint32_t i, kept = 0;

	for (i = n / 2; i > 0; i--)
		sift(v, i - 1, n, bytes);
	for (i = n; i > 1; i--) {
		memcpy(one, v, bytes);
		memcpy(v, v + (size_t)(i - 1) * bytes, bytes);
		memcpy(v + (size_t)(i - 1) * bytes, one, bytes);
		sift(v, 0, i - 1, bytes);
	}
	for (i = 0; i < n; i++) {
		if (!kept || memcmp(v + (size_t)(kept - 1) * bytes, v + (size_t)i * bytes, bytes))
			memmove(v + (size_t)kept++ * bytes, v + (size_t)i * bytes, bytes);
	}
	return kept;
}

/* Where pieces begin: at each lower bound, and behind each upper one. */
static struct sl__axis *cut(
        struct sl_rules *r, struct sl__bounds **bounds, uint32_t count, unsigned at, unsigned bytes)
{
	uint8_t *starts = sl__arena_get(&r->arena, 2 * (size_t)count * bytes), *end = starts;
	struct sl__axis *axis;
	uint32_t i, n;

	for (i = 0; i < count; i++) {
		memcpy(end, bounds[i]->lo + at, bytes);
		end += bytes;
		memcpy(end, bounds[i]->hi + at, bytes);
		if (step_up(end, bytes))
			end += bytes;
	}
	n = sort_unique(starts, (uint32_t)((size_t)(end - starts) / bytes), bytes);
	axis = sl__arena_get(&r->arena, sizeof *axis + 2 * (size_t)n * sizeof axis->nodes[0]);
	axis->at = at;
	axis->bytes = bytes;
	axis->count = n;
	axis->starts = starts;
	return axis;
}

/* The pieces first..end of a range. */
static void pieces(
        const struct sl__axis *axis, const struct sl__bounds *b, uint32_t *first, uint32_t *end)
{
	*first = piece_of(axis->starts, axis->count, axis->bytes, b->lo + axis->at) - 1;
	*end = piece_of(axis->starts, axis->count, axis->bytes, b->hi + axis->at);
}

/* Bounds on their way to the nodes that together are their pieces. */
struct spread {
	uint32_t *fill;             /* by node: how many bounds, then where the next goes */
	struct sl__bounds **sorted; /* NULL: count only */
	struct sl__bounds *one;
};

static void give(struct spread *s, uint32_t node)
{
	if (s->sorted)
		s->sorted[s->fill[node]] = s->one;
	s->fill[node]++;
}

static void spread(const struct sl__axis *axis, struct spread *s)
{
	uint32_t lo, hi;

	pieces(axis, s->one, &lo, &hi);
	for (lo += axis->count, hi += axis->count; lo < hi; lo /= 2, hi /= 2) {
		if (lo & 1)
			give(s, lo++);
		if (hi & 1)
			give(s, --hi);
	}
}

/* Each node's bounds into an axis of the next part. */
static void grow_next(struct sl_rules *r, const struct sl__set *set, struct sl__axis *axis,
        struct sl__bounds **bounds, uint32_t count, unsigned part)
{
	uint32_t nodes = 2 * axis->count, i, at = 0;
	struct spread s = {.fill = sl__arena_get(&r->arena, (nodes + 1) * sizeof *s.fill)};
	uint32_t *begin = sl__arena_get(&r->arena, (nodes + 1) * sizeof *begin);

	for (i = 0; i < count; i++) {
		s.one = bounds[i];
		spread(axis, &s);
	}
	for (i = 0; i < nodes; i++) {
		begin[i] = at;
		at += s.fill[i];
		s.fill[i] = begin[i];
	}
	begin[nodes] = at;
	s.sorted = sl__arena_get(&r->arena, (at + 1) * sizeof *s.sorted);
	for (i = 0; i < count; i++) {
		s.one = bounds[i];
		spread(axis, &s);
	}
	for (i = 1; i < nodes; i++) {
		if (begin[i + 1] > begin[i])
			axis->nodes[i].next = sl__axis_build(
			        r, set, s.sorted + begin[i], begin[i + 1] - begin[i], part + 1);
	}
}

static void mark_last(struct sl__axis *axis, struct sl__bounds **bounds, uint32_t count)
{
	uint32_t lo, hi, i;

	axis->last = true;
	for (i = count; i > 0; i--) { /* the first writes last */
		pieces(axis, bounds[i - 1], &lo, &hi);
		for (lo += axis->count, hi += axis->count; lo < hi; lo /= 2, hi /= 2) {
			if (lo & 1)
				axis->nodes[lo++].first = bounds[i - 1];
			if (hi & 1)
				axis->nodes[--hi].first = bounds[i - 1];
		}
	}
}

struct sl__axis *sl__axis_build(struct sl_rules *r, const struct sl__set *set,
        struct sl__bounds **bounds, uint32_t count, unsigned part)
{
	struct sl__axis *axis;
	unsigned at = 0, i;

	for (i = 0; i < part; i++)
		at += (set->parts[i]->bits + 7u) / 8u;
	axis = cut(r, bounds, count, at, (set->parts[part]->bits + 7u) / 8u);
	if (part + 1u == set->part_count)
		mark_last(axis, bounds, count);
	else
		grow_next(r, set, axis, bounds, count, part);
	return axis;
}

/* All nodes above the piece are asked, since any may have the first: bounds are an array in that order. */
static const struct sl__bounds *first_of(const struct sl__axis *axis, const uint8_t *key)
{
	uint32_t node = piece_of(axis->starts, axis->count, axis->bytes, key + axis->at);
	const struct sl__bounds *first = NULL, *one;

	if (!node)
		return NULL;
	for (node += axis->count - 1; node; node /= 2) {
		if (axis->last)
			one = axis->nodes[node].first;
		else
			one = axis->nodes[node].next ? first_of(axis->nodes[node].next, key) : NULL;
		if (one && (!first || one < first))
			first = one;
	}
	return first;
}

struct sl__expr *sl__axis_find(const struct sl__axis *axis, const uint8_t *key)
{
	const struct sl__bounds *first = first_of(axis, key);

	return first ? first->elem : NULL;
}
