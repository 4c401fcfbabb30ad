/* SPDX-License-Identifier: BSD-2-Clause */
/* The printer's own: shared by the files called print*.c; print.c says which does what. */
#ifndef SL_RULES_PRINT_H
#define SL_RULES_PRINT_H

#include "rules/rules.h"

struct sl__printer {
	void (*write)(void *ctx, const char *text, size_t len);
	void *ctx;
};

/* At most 511 bytes at a time. */
void sl__put(struct sl__printer *p, const char *format, ...)
#if defined(__GNUC__)
        __attribute__((format(printf, 2, 3)))
#endif
        ;

/* ---- print_value.c ---- */

void sl__put_time(struct sl__printer *p, uint64_t ms);
void sl__put_number(struct sl__printer *p, const struct sl__type *type, uint64_t n);
void sl__put_value(struct sl__printer *p, const struct sl__expr *e);
void sl__put_verdict(struct sl__printer *p, const struct sl__expr *e);
void sl__put_expr(struct sl__printer *p, const struct sl__expr *e);

/* ---- print_set.c ---- */

/* { elements } */
void sl__put_set(struct sl__printer *p, const struct sl__set *s);
/* In sets and translations nft writes what is a prefix as one. */
void sl__put_interval(struct sl__printer *p, const struct sl__expr *e);
/* A bitmask that must be exactly so, or in a set, where a comma would begin the next element. */
void sl__put_key(struct sl__printer *p, const struct sl__expr *e);
void sl__put_named_set(struct sl__printer *p, const struct sl__set *s);

/* ---- print_stmt.c ---- */

/* `counter packets 1 bytes 2`, `limit ...`; bare: as a set declares it, without counts. */
void sl__put_stateful(struct sl__printer *p, const struct sl__stateful *s, bool bare);
/* All of them, each with a space before. */
void sl__put_each(struct sl__printer *p, const struct sl__stateful *each);
/* The words behind `limit` and `quota`. */
void sl__put_limit(struct sl__printer *p, const struct sl__limit *l);
void sl__put_quota(struct sl__printer *p, const struct sl__quota *q);
void sl__put_rule(struct sl__printer *p, const struct sl__rule *rule, uint8_t family);

#endif
