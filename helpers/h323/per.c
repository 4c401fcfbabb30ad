/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walker; see per.h. Numbers in brackets are clauses of X.691 (2002).
 */
#include "per.h"

static unsigned bits_for(uint32_t values)
{
	unsigned n = 0;

	while (n < 32 && (UINT64_C(1) << n) < values)
		n++;
	return n;
}

/* ---- numbers --------------------------------------------------------------------------------- */

bool per_number(struct per_bits *b, uint32_t range, uint32_t *v)
{
	struct per_bits try = *b;

	if (range > 255)
		per_align(&try);
	if (!per_take(&try,
	            range < 256    ? bits_for(range)
	            : range == 256 ? 8
	                           : 16,
	            v) ||
	        *v >= range)
		return false;
	*b = try;
	return true;
}

bool per_length(struct per_bits *b, uint32_t *n)
{
	struct per_bits try = *b;
	uint32_t more;

	per_align(&try);
	if (!per_take(&try, 8, n))
		return false;
	if (*n & 0x80) {
		if (*n & 0x40 || !per_take(&try, 8, &more))
			return false;
		*n = (*n & 0x3f) << 8 | more;
	}
	*b = try;
	return true;
}

bool per_small(struct per_bits *b, uint32_t *v)
{
	struct per_bits try = *b;
	uint32_t large, n;

	if (!per_take(&try, 1, &large))
		return false;
	if (!large ? !per_take(&try, 6, v)
	           : !per_length(&try, &n) || n == 0 || n > 4 || !per_take(&try, 8 * n, v))
		return false;
	*b = try;
	return true;
}

/* A number of more than 65536 values: how many bytes, then these (10.5.7.4). */
static bool large_number(struct per_bits *b, uint32_t most, uint32_t *v)
{
	unsigned bytes = most > 0xffffff ? 4 : 3;
	uint32_t n;

	if (!per_number(b, bytes, &n))
		return false;
	per_align(b);
	return per_take(b, 8 * (n + 1), v) && *v <= most;
}

static bool integer(struct per_bits *b, const struct per_type *type, uint32_t *v)
{
	uint32_t most = type->max - type->min;

	if (most < 65536 ? !per_number(b, most + 1, v) : !large_number(b, most, v))
		return false;
	*v += type->min;
	return true;
}

/* ---- strings --------------------------------------------------------------------------------- */

/* How many elements; bounded by min and max, if there is a max. */
static bool element_count(struct per_bits *b, const struct per_type *type, uint32_t *n)
{
	if (!type->max)
		return per_length(b, n);
	*n = 0;
	if (type->max != type->min && !per_number(b, type->max - type->min + 1, n))
		return false;
	*n += type->min;
	return true;
}

/* A fixed length of one or two bytes is not aligned (16.6). */
static bool octets(struct per_bits *b, const struct per_type *type, struct sl_text *out)
{
	uint32_t n, v;

	if (!element_count(b, type, &n))
		return false;
	if (type->max && type->max == type->min && n <= 2)
		return per_take(b, 8 * n, &v);
	return per_bytes(b, n, out);
}

/* Strings of at least 16 bits at most are aligned (27.5.6, 27.5.7). */
static bool chars(struct per_bits *b, const struct per_type *type)
{
	uint32_t n, v;

	if (!element_count(b, type, &n))
		return false;
	if (!type->max || type->max * type->bits >= 16)
		per_align(b);
	for (; n; n--)
		if (!per_take(b, type->bits, &v))
			return false;
	return true;
}

static bool object(struct per_bits *b)
{
	uint32_t n;

	return per_length(b, &n) && n && per_bytes(b, n, NULL);
}

/* ---- what is found --------------------------------------------------------------------------- */

static struct per_found *report(struct per_finds *finds, uint8_t mark)
{
	struct per_found *f;

	if (finds->count == PER_FOUND_MAX)
		return NULL;
	f = &finds->found[finds->count++];
	*f = (struct per_found){.mark = mark};
	return f;
}

static bool address(
        struct per_bits *b, const struct per_type *type, uint8_t mark, struct per_finds *finds)
{
	struct per_found here = {.mark = mark, .address = (uint8_t)type->max}, *f;

	if (!per_bytes(b, type->max, &here.octets) || !per_take(b, 16, &here.value))
		return false;
	if (!mark)
		return true;
	f = report(finds, mark);
	if (f)
		*f = here;
	return f != NULL;
}

/* ---- structure ------------------------------------------------------------------------------- */

static bool walk(struct per_bits *b, const struct per_type *type, uint8_t mark,
        struct per_found *at, struct per_finds *finds);

/* mark: of the nearest field above that has one. */
static bool walk_field(
        struct per_bits *b, const struct per_field *field, uint8_t mark, struct per_finds *finds)
{
	struct per_found none, *at = &none;

	if (field->mark) {
		mark = field->mark;
		at = report(finds, mark);
	}
	return at && walk(b, field->type, mark, at, finds);
}

/* An addition: its length, then itself (10.2). */
static bool open_field(
        struct per_bits *b, const struct per_field *field, uint8_t mark, struct per_finds *finds)
{
	struct per_bits inside;
	struct sl_text contents;
	uint32_t n;

	if (!per_length(b, &n) || !per_bytes(b, n, &contents))
		return false;
	if (!field || !field->type)
		return true;
	inside = per_bits_of(contents);
	return walk_field(&inside, field, mark, finds);
}

/* What stands behind the extension marker: a bitmap that says which, then these (18.7). */
static bool additions(
        struct per_bits *b, const struct per_type *type, uint8_t mark, struct per_finds *finds)
{
	uint32_t count, there[2] = {0, 0};

	if (!per_small(b, &count) || count > 63)
		return false;
	count++;
	if (!per_take(b, count < 32 ? count : 32, &there[0]) ||
	        !per_take(b, count < 32 ? 0 : count - 32, &there[1]))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t last = i < 32 ? (count < 32 ? count : 32) - 1 : count - 1;

		if (!(there[i / 32] >> (last - i) & 1))
			continue;
		if (!open_field(b, i < type->additions ? &type->fields[type->root + i] : NULL, mark,
		            finds))
			return false;
	}
	return true;
}

static bool sequence(
        struct per_bits *b, const struct per_type *type, uint8_t mark, struct per_finds *finds)
{
	uint32_t more = 0, there = 0, optional = 0;

	if (type->extensible && !per_take(b, 1, &more))
		return false;
	for (unsigned i = 0; i < type->root; i++)
		optional += type->fields[i].optional;
	if (!per_take(b, optional, &there))
		return false;
	if (type->root > 1)
		mark = 0; /* it is meant for what is around a single component */
	for (unsigned i = 0; i < type->root; i++) {
		const struct per_field *field = &type->fields[i];

		if (field->optional && !(there >> --optional & 1))
			continue;
		if (!walk_field(b, field, mark, finds))
			return false;
	}
	return !more || additions(b, type, mark, finds);
}

static bool choice(
        struct per_bits *b, const struct per_type *type, uint8_t mark, struct per_finds *finds)
{
	uint32_t more = 0, which;

	if (type->extensible && !per_take(b, 1, &more))
		return false;
	if (!more)
		return per_number(b, type->root, &which) &&
		       walk_field(b, &type->fields[which], mark, finds);
	return per_small(b, &which) &&
	       open_field(b, which < type->additions ? &type->fields[type->root + which] : NULL,
	               mark, finds);
}

static bool list(
        struct per_bits *b, const struct per_type *type, uint8_t mark, struct per_finds *finds)
{
	uint32_t n;

	if (!element_count(b, type, &n))
		return false;
	for (; n; n--)
		if (!walk_field(b, &type->fields[0], mark, finds))
			return false;
	return true;
}

static bool walk(struct per_bits *b, const struct per_type *type, uint8_t mark,
        struct per_found *at, struct per_finds *finds)
{
	uint32_t v;

	switch (type->kind) {
	case PER_NULL:
		return true;
	case PER_BOOLEAN:
		return per_take(b, 1, &v);
	case PER_INTEGER:
		return integer(b, type, &at->value);
	case PER_OCTETS:
		return octets(b, type, &at->octets);
	case PER_CHARS:
		return chars(b, type);
	case PER_OBJECT:
		return object(b);
	case PER_ADDRESS:
		return address(b, type, mark, finds);
	case PER_SEQUENCE:
		return sequence(b, type, mark, finds);
	case PER_LIST:
		return list(b, type, mark, finds);
	case PER_CHOICE:
		return choice(b, type, mark, finds);
	case PER_UNKNOWN:
		break;
	}
	return false;
}

bool per_walk(struct per_bits *b, const struct per_type *type, struct per_finds *finds)
{
	struct per_found none;

	return walk(b, type, 0, &none, finds);
}

bool per_walk_all(struct sl_text t, const struct per_type *type, struct per_finds *finds)
{
	struct per_bits b = per_bits_of(t);

	if (!per_walk(&b, type, finds))
		return false;
	per_align(&b);
	return !sl_text_left(&b.t);
}
