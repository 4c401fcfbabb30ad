/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walking aligned PER (X.691, the basic aligned variant), as far as H.225.0 and H.245 use it.
 *
 * PER has no tags: to find one field all before it must be known. So the types stand as const
 * tables (h225.c, ras_types.c, h245.c), and one walker goes through any of them. It builds nothing: it
 * reports where the marked fields and their addresses are. A field's mark holds for the addresses in it
 * through lists, choices and sequences of one component.
 *
 * What both sides may not know alike, additions behind an extension marker, have lengths: those
 * that no table names are stepped over. Lengths of 16384 and more come in pieces, and are refused.
 *
 * Contract: false, and what was found counts for nothing. Every bit is checked to be there. Tables
 * are not recursive and each element of a list takes at least a bit, so depth and work are bounded.
 */
#ifndef HELPERS_H323_PER_H
#define HELPERS_H323_PER_H

#include <sluice/helper.h>

/* ---- bits ------------------------------------------------------------------------------------ */

struct per_bits {
	struct sl_text t;
	unsigned used; /* bits of *t.at that are read, 0 to 7 */
};

static inline struct per_bits per_bits_of(struct sl_text t)
{
	struct per_bits b = {.t = t};

	return b;
}

/* The next n bits, at most 32, as a number. */
static inline bool per_take(struct per_bits *b, unsigned n, uint32_t *v)
{
	struct per_bits try = *b;
	uint32_t value = 0;

	for (; n; n--) {
		int byte = sl_text_peek(&try.t);

		if (byte < 0)
			return false;
		value = value << 1 | ((unsigned)byte >> (7 - try.used) & 1);
		try.used = (try.used + 1) % 8;
		if (!try.used)
			try.t.at++;
	}
	*b = try;
	*v = value;
	return true;
}

/* Steps over the rest of a byte that was begun: there is one. */
static inline void per_align(struct per_bits *b)
{
	if (b->used)
		b->t.at++;
	b->used = 0;
}

/* n whole bytes, from the next byte's beginning on; sub may be NULL. */
static inline bool per_bytes(struct per_bits *b, size_t n, struct sl_text *sub)
{
	struct per_bits try = *b;

	per_align(&try);
	if (!sl_text_bytes(&try.t, n, sub))
		return false;
	*b = try;
	return true;
}

/* A number of `range` values, at most 65536 (X.691 10.5.7: bits, a byte, two bytes). */
bool per_number(struct per_bits *b, uint32_t range, uint32_t *v);
/* A length without a bound (10.9). */
bool per_length(struct per_bits *b, uint32_t *n);
/* A small number, usually below 64 (10.6). */
bool per_small(struct per_bits *b, uint32_t *v);

/* ---- types ----------------------------------------------------------------------------------- */

enum per_kind {
	PER_NULL,
	PER_BOOLEAN,
	PER_INTEGER, /* min to max */
	PER_OCTETS,  /* min to max of them; max 0: any number */
	PER_CHARS,   /* the same, of `bits` bits each */
	PER_OBJECT,  /* OBJECT IDENTIFIER */
	PER_ADDRESS, /* an IP address of max bytes and a port: two fields that always follow each other */
	PER_SEQUENCE,
	PER_LIST, /* SEQUENCE OF fields[0] */
	PER_CHOICE,
	PER_UNKNOWN, /* not described here: where it is present nothing can be read */
};

struct per_type;

/* A component of a sequence, an alternative of a choice, the element of a list. */
struct per_field {
	const struct per_type *type; /* of an addition NULL: stepped over */
	uint8_t mark;                /* the helper's own; 0: not reported */
	bool optional;
};

struct per_type {
	enum per_kind kind;
	bool extensible;
	uint8_t bits;
	uint8_t root,
	        additions; /* how many fields before, and named behind, the extension marker */
	uint32_t min, max;
	const struct per_field *fields;
};

/* clang-format off */
#define PER_COUNT(a) ((uint8_t)(sizeof(a) / sizeof((a)[0])))
/* All of the array is the root. */
#define PER_FIELDS(a) .root = PER_COUNT(a), .fields = (a)
/* The first `n` are the root, the others additions. */
#define PER_EXTENSIBLE(a, n) .extensible = true, .root = (n), .additions = (uint8_t)(PER_COUNT(a) - (n)), .fields = (a)
/* clang-format on */

/* ---- walking --------------------------------------------------------------------------------- */

#define PER_FOUND_MAX 64

/* A marked field that is there, or an address in one; in the order in which they stand. */
struct per_found {
	uint8_t mark;
	uint8_t address; /* 4 or 16: an address of so many bytes and a port, 2 bytes; 0: the field */
	uint32_t value;  /* of an integer, or the port */
	struct sl_text octets; /* of octets, or the address */
};

struct per_finds {
	struct per_found found[PER_FOUND_MAX];
	unsigned count;
};

/* Walks one value of that type; what is found is added to *finds. Too much of it: false. */
bool per_walk(struct per_bits *b, const struct per_type *type, struct per_finds *finds);
/* The same, and nothing but the padding of the last byte may be left. */
bool per_walk_all(struct sl_text t, const struct per_type *type, struct per_finds *finds);

#endif
