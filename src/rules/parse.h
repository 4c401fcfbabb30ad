/* SPDX-License-Identifier: BSD-2-Clause */
/* The parser's own: shared by the files called parse*.c; parse.c says which reads what. */
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
	struct sl__token token;         /* not yet taken */
	uint32_t at;                    /* behind it */
	struct sl__place last;          /* the token taken last */
	unsigned depth;                 /* of braces */
	unsigned nest;                  /* of expressions */
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
_Noreturn void sl__parse_unsupported(
        struct sl__parser *p, struct sl__place place, const char *what);

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
char *sl__token_text(struct sl__parser *p);                     /* takes it: terminated copy */
char *sl__parse_name(struct sl__parser *p, const char *what);   /* of an object */
char *sl__parse_string(struct sl__parser *p, const char *what); /* quoted or a word */
uint64_t sl__parse_number(struct sl__parser *p, uint64_t max, const char *what);
uint64_t sl__parse_time(struct sl__parser *p); /* ms */
bool sl__at_end_of_rule(const struct sl__parser *p);

/* ---- blocks, and going on after a mistake (parse.c) ---- */

/* Run f; if it fails, go on behind the statement. False: it failed. */
bool sl__guarded(struct sl__parser *p, void (*f)(struct sl__parser *p, void *arg), void *arg);
void sl__end_of_statement(struct sl__parser *p);
/* { line; line }: `line` reads one of its statements. */
void sl__parse_block(
        struct sl__parser *p, void (*line)(struct sl__parser *p, void *arg), void *arg);

/* ---- variables and files (parse_define.c) ---- */

/* define, redefine, undefine, include: what may stand anywhere. False: it is none. */
bool sl__parse_common(struct sl__parser *p);
/* What variables the environment brings. */
void sl__parse_defines(struct sl__parser *p);
/* From here on `source` is read. */
void sl__take_text(struct sl__parser *p, const struct sl__source *source);
/* Commands up to the end of the text (parse_command.c). */
void sl__parse_lines(struct sl__parser *p);

/* ---- what stands in tables; p->table says in which (parse_chain.c, parse_set.c, ...) ---- */

uint8_t sl__parse_family(struct sl__parser *p);
void sl__parse_table(struct sl__parser *p, bool create);
/*
 * Handles, as the kernel gives them to what nft sends it: for a block first the chains, then objects,
 * sets, flowtables, then rules, each behind its anonymous sets.
 */
void sl__number_new(struct sl__table *t);
void sl__check_new_rule(struct sl__parser *p, struct sl__table *t, struct sl__rule *rule, jmp_buf *fail);
void sl__parse_chain(struct sl__parser *p, bool create);
int sl__parse_priority(struct sl__parser *p, unsigned hook);
void sl__add_rule(struct sl__chain *c, struct sl__rule *rule, bool first);
void sl__parse_named_set(struct sl__parser *p, bool map, bool create);
void sl__parse_flowtable(struct sl__parser *p);
/*
 * counter, quota, limit, ct helper ...: false when none of these words is next. `owner` reads what
 * stands between the word and the name.
 */
bool sl__parse_object_kind(struct sl__parser *p, bool create, void (*owner)(struct sl__parser *p));

/* ---- commands (parse_command.c, parse_delete.c) ---- */

/* "No such file or directory", in the kernel's words. */
_Noreturn void sl__not_there(struct sl__parser *p, struct sl__place place);
/* [family] table, which must be there: p->table; and a chain of it; and a rule `handle N` of that. */
void sl__named_table(struct sl__parser *p);
struct sl__chain *sl__named_chain(struct sl__parser *p);
struct sl__rule **sl__rule_by_handle(struct sl__parser *p, struct sl__chain *c);
void sl__parse_elements(struct sl__parser *p, bool remove);
void sl__remove_elements(struct sl__parser *p, struct sl__set *s, const struct sl__expr *list);
void sl__parse_flush(struct sl__parser *p);
void sl__parse_delete(struct sl__parser *p);

/* ---- expressions (parse_expr.c, parse_field.c, parse_elem.c) ---- */

struct sl__expr *sl__expr_new(
        struct sl__parser *p, enum sl__expr_kind kind, struct sl__place place);
void sl__expr_add(struct sl__expr *list, struct sl__expr *item);
/* What stands on the right of a match or a define: a value, a, b, { set } or @set. */
struct sl__expr *sl__parse_rhs(struct sl__parser *p);
/* a . b without commas */
struct sl__expr *sl__parse_rhs_concat(struct sl__parser *p);
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
bool sl__group_token(const struct sl__token *t);
struct sl__expr *sl__parse_field(struct sl__parser *p);
/* @base,at,bits; what stands behind `tcp option`, `ip option` (parse_header.c). */
void sl__parse_raw(struct sl__parser *p, struct sl__expr *e);
void sl__parse_tcp_option(struct sl__parser *p, struct sl__expr *e);
void sl__parse_ip_option(struct sl__parser *p, struct sl__expr *e);
/* The kind that a name or number stands for, and how it is printed. */
unsigned sl__parse_tcp_option_kind(struct sl__parser *p, const char **name);
struct sl__expr *sl__parse_variable(struct sl__parser *p);
/* One level deeper; p->nest-- on the way out. */
void sl__nest_in(struct sl__parser *p);
bool sl__listed(const char *const *list, const struct sl__token *t);

/* ---- rules (parse_stmt.c, parse_nat.c, parse_amount.c) ---- */

struct sl__rule *sl__parse_rule(struct sl__parser *p);
void sl__snat_stmt(struct sl__parser *p, struct sl__stmt *s);
void sl__dnat_stmt(struct sl__parser *p, struct sl__stmt *s);
void sl__masquerade_stmt(struct sl__parser *p, struct sl__stmt *s);
void sl__redirect_stmt(struct sl__parser *p, struct sl__stmt *s);
void sl__parse_limit(struct sl__parser *p, struct sl__limit *limit);
void sl__parse_quota(struct sl__parser *p, struct sl__quota *quota);
void sl__parse_counter(struct sl__parser *p, struct sl__counter *counter);
/* Is a counter, limit, quota or ct count next? Then it is read into *out. */
bool sl__parse_stateful(struct sl__parser *p, struct sl__stateful *out);
/* As many as there are, in a list behind *each. */
void sl__parse_each(struct sl__parser *p, struct sl__stateful **each);

#endif
