/* SPDX-License-Identifier: BSD-2-Clause */
/* The parser's own: shared by parse.c (commands), parse_expr.c and parse_stmt.c. */
#ifndef SL_RULES_PARSE_H
#define SL_RULES_PARSE_H

#include "rules/lex.h"

/* A variable; scopes are nested blocks. */
struct sl__variable {
	struct sl__variable *next;
	const char *name; /* NULL: undefined again */
	struct sl__expr *value;
};

struct sl__parser {
	struct sl_rules *r;
	const struct sl__source *source;
	struct sl__token token; /* not yet taken */
	uint32_t at;		/* behind it */
	struct sl__place last;	/* the token taken last */
	unsigned depth;		/* of braces */
	unsigned nest;		/* of expressions */
	struct sl__variable *variables; /* innermost first */
	struct sl__table *table;
	jmp_buf *fail;
};

/* Report and leave the statement. */
_Noreturn void sl__parse_fail(struct sl__parser *p, struct sl__place place, const char *format, ...)
#if defined(__GNUC__)
	__attribute__((format(printf, 3, 4)))
#endif
	;
/* "unexpected X, expected Y" at the next token. */
_Noreturn void sl__parse_unexpected(struct sl__parser *p, const char *expected);
_Noreturn void sl__parse_unsupported(struct sl__parser *p, struct sl__place place, const char *what);

void sl__take(struct sl__parser *p);
bool sl__is(const struct sl__parser *p, int kind);
bool sl__is_word(const struct sl__parser *p, const char *word);
bool sl__accept(struct sl__parser *p, int kind);
bool sl__accept_word(struct sl__parser *p, const char *word);
void sl__expect(struct sl__parser *p, int kind, const char *what);
void sl__expect_word(struct sl__parser *p, const char *word);
void sl__skip_newlines(struct sl__parser *p);
/* The token behind the next one. */
struct sl__token sl__second(const struct sl__parser *p);
bool sl__token_is(const struct sl__token *t, const char *word);
char *sl__token_text(struct sl__parser *p);	/* takes it: terminated copy */
char *sl__parse_name(struct sl__parser *p, const char *what); /* of an object */
char *sl__parse_string(struct sl__parser *p, const char *what); /* quoted or a word */
uint64_t sl__parse_number(struct sl__parser *p, uint64_t max, const char *what);
uint64_t sl__parse_time(struct sl__parser *p); /* ms */
bool sl__at_end_of_rule(const struct sl__parser *p);

struct sl__expr *sl__expr_new(struct sl__parser *p, enum sl__expr_kind kind, struct sl__place place);
void sl__expr_add(struct sl__expr *list, struct sl__expr *item);
/* What stands on the right of a match or a define: a value, a, b, { set } or @set. */
struct sl__expr *sl__parse_rhs(struct sl__parser *p);
/* a,b,c without sets (masks behind a slash). */
struct sl__expr *sl__parse_list(struct sl__parser *p);
/* What stands on the left: fields, masks, concatenations. */
struct sl__expr *sl__parse_lhs(struct sl__parser *p);
/* A value that may also be read of the packet, or looked up in a map. */
struct sl__expr *sl__parse_value(struct sl__parser *p);
/* `{ ... }` */
struct sl__expr *sl__parse_set(struct sl__parser *p);
/* `{ ... }`, @name or a variable that is a set */
struct sl__expr *sl__parse_set_or_ref(struct sl__parser *p);
bool sl__at_verdict(const struct sl__parser *p);
struct sl__expr *sl__parse_verdict(struct sl__parser *p);
bool sl__at_field(const struct sl__parser *p);

struct sl__rule *sl__parse_rule(struct sl__parser *p);
void sl__parse_limit(struct sl__parser *p, struct sl__limit *limit);
void sl__parse_quota(struct sl__parser *p, struct sl__quota *quota);
void sl__parse_counter(struct sl__parser *p, struct sl__counter *counter);

#endif
