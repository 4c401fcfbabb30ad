/* SPDX-License-Identifier: BSD-2-Clause */
/* The checker's own: shared by the files called check*.c; check.c says which does what. */
#ifndef SL_RULES_CHECK_H
#define SL_RULES_CHECK_H

#include "rules/rules.h"

/* One rule, set or typeof that is being checked. */
struct sl__check {
	struct sl_rules *r;
	struct sl__table *table;
	struct sl__rule *rule;
	struct sl__stmt *
	        *at;   /* the link to the statement that is checked: others may be put before it */
	int icmp_type; /* that a match asks for; -1: none does, -2: one of several */
	struct sl__stmt *icmp_by; /* that match */
	uint8_t l3;    /* 4, 6, 0 */
	int l4;        /* -1: not known */
	struct sl__stmt *l3_by, *l4_by; /* the match that says so, if it may be hidden */
	const struct sl__set *l3_set,
	        *l4_set; /* or several, by a match of meta nfproto, meta l4proto */
	jmp_buf *fail;
};

/* Report and leave. */
_Noreturn void sl__check_fail(struct sl__check *c, struct sl__place place, const char *format, ...)
#if defined(__GNUC__)
        __attribute__((format(printf, 3, 4)))
#endif
        ;

/* ---- check_value.c ---- */

/* The integer type that holds so many bits, where a type has no size of its own. */
const struct sl__type *sl__sized(const struct sl__type *type, unsigned bits);
bool sl__same_type(const struct sl__type *a, const struct sl__type *b);
/* Make e a value (field, map, verdict) of that type. */
void sl__check_value(
        struct sl__check *c, struct sl__expr *e, const struct sl__type *type, unsigned bits);

/* ---- check_field.c ---- */

/* What is read of a packet. */
void sl__check_left(struct sl__check *c, struct sl__expr *e);
struct sl__expr *sl__value_of(
        struct sl__check *c, const struct sl__type *type, uint64_t n, struct sl__place place);

/* ---- check_set.c ---- */

/* The types of the parts of a key; how many. */
unsigned sl__left_types(const struct sl__expr *e, const struct sl__type **parts, unsigned max);
void sl__check_parts(struct sl__check *c, struct sl__expr *e, const struct sl__type *const *types,
        unsigned count);
/* An anonymous set or map (of objects), for the keys that `left` makes. */
struct sl__set *sl__set_anonymous(struct sl__check *c, struct sl__expr *left, struct sl__expr *list,
        const struct sl__type *const *data, unsigned data_count, uint8_t object);
/* The set or map that `ref` names, which must fit `left`. */
struct sl__set *sl__set_of(
        struct sl__check *c, struct sl__expr *left, struct sl__expr *ref, bool map);
void sl__check_map(struct sl__check *c, struct sl__expr *map, const struct sl__type *const *want,
        unsigned count);

/* ---- check_match.c ---- */

void sl__check_match(struct sl__check *c, struct sl__stmt *s);

#endif
