/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Expressions. What a word means depends on its side: on the left of a match "tcp" begins a
 * field, on the right ("meta l4proto tcp tcp dport 22") it is a value. In statements' values
 * ("ct mark set meta mark") both can stand. Operators bind as in nft: shifts, &, ^, |.
 */
#include "rules/parse.h"

#include <string.h>

enum side { LEFT, RIGHT, EITHER };

static struct sl__expr *parse_binary(struct sl__parser *p, enum side side, unsigned level);

struct sl__expr *sl__expr_new(struct sl__parser *p, enum sl__expr_kind kind, struct sl__place place)
{
	struct sl__expr *e = sl__arena_get(&p->r->arena, sizeof *e);

	e->kind = (uint8_t)kind;
	e->place = place;
	e->dir = 2;
	return e;
}

void sl__expr_add(struct sl__expr *list, struct sl__expr *item)
{
	/* The last item is kept in b while the list grows. */
	if (list->b)
		list->b->next = item;
	else
		list->items = item;
	list->b = item;
	list->count++;
	list->place = sl__place_join(list->place, item->place);
}

static void nest_in(struct sl__parser *p)
{
	if (++p->nest > SL_RULES_NEST_MAX)
		sl__parse_fail(p, p->token.place, "nested too deeply (the limit is %d)", SL_RULES_NEST_MAX);
}

/* ---- variables ---- */

static struct sl__expr *copy_expr(struct sl__parser *p, const struct sl__expr *e)
{
	struct sl__expr *copy = sl__arena_get(&p->r->arena, sizeof *copy);
	const struct sl__expr *item;

	/* Variables in variables could double and double again. */
	if (++p->r->copies > SL_RULES_COPY_MAX)
		sl__parse_fail(p, p->token.place, "variables stand for too many values (the limit is %d)", SL_RULES_COPY_MAX);
	nest_in(p);
	*copy = *e;
	copy->next = NULL;
	copy->items = NULL;
	copy->count = 0;
	if (e->kind == EX_LIST || e->kind == EX_SET || e->kind == EX_CONCAT) {
		copy->b = NULL;
		for (item = e->items; item; item = item->next)
			sl__expr_add(copy, copy_expr(p, item));
		copy->place = e->place;
	} else {
		copy->a = e->a ? copy_expr(p, e->a) : NULL;
		copy->b = e->b ? copy_expr(p, e->b) : NULL;
	}
	p->nest--;
	return copy;
}

static struct sl__expr *parse_variable(struct sl__parser *p)
{
	struct sl__place place = p->token.place;
	struct sl__variable *v;
	char *name;

	sl__expect(p, '$', "$");
	if (!sl__is(p, TK_WORD))
		sl__parse_unexpected(p, "the name of a variable");
	place = sl__place_join(place, p->token.place);
	name = sl__token_text(p);
	for (v = p->variables; v; v = v->next) {
		if (!strcmp(v->name, name)) {
			if (!v->value)
				break;
			return copy_expr(p, v->value);
		}
	}
	sl__parse_fail(p, place, "unknown identifier '%.100s'", name);
}

/* ---- fields of packets ---- */

static const char *const not_supported_groups[] = {"ether", "vlan", "arp", "ah", "comp", "socket",
	"osf", "ipsec", "rt", "rt0", "rt2", "rt4", "srh", "hbh", "frag", "dst", "mh", "exthdr",
	"time", "day", "hour", "rtclassid", "skuid", "skgid", "nftrace", "cpu", "iiftype",
	"oiftype", "iifgroup", "oifgroup", "cgroup", "ibrname", "obrname", "ibriport", "obriport",
	"random", "xt", NULL};
static const char *const not_supported_keys[] = {"skuid", "skgid", "nftrace", "rtclassid", "cpu",
	"iiftype", "oiftype", "iifgroup", "oifgroup", "cgroup", "random", "secpath", "iifkind",
	"oifkind", "ibrname", "obrname", "ibriport", "obriport", "ibrpvid", "ibrvproto", "sdif",
	"sdifname", "time", "day", "hour", "priority", "secmark", "label", "event", "id",
	"timeout", "options", "option", "seqadj", NULL};

static bool listed(const char *const *list, const struct sl__token *t)
{
	for (; *list; list++) {
		if (sl__token_is(t, *list))
			return true;
	}
	return false;
}

static bool group_token(const struct sl__token *t)
{
	char name[24];

	if (t->kind != TK_WORD || t->len >= sizeof name)
		return false;
	memcpy(name, t->text, t->len);
	name[t->len] = 0;
	return sl__group_known(name) || sl__meta_bare(name) || !strcmp(name, "symhash") ||
		listed(not_supported_groups, t);
}

bool sl__at_field(const struct sl__parser *p)
{
	return group_token(&p->token);
}

_Noreturn static void bad_key(struct sl__parser *p, const char *group)
{
	if (p->token.kind == TK_WORD && listed(not_supported_keys, &p->token)) {
		char what[80] = {0};
		size_t n = strlen(group);

		memcpy(what, group, n < 30 ? n : 30);
		what[n < 30 ? n : 30] = ' ';
		memcpy(what + strlen(what), p->token.text, p->token.len < 40 ? p->token.len : 40);
		sl__parse_unsupported(p, p->token.place, what);
	}
	sl__parse_fail(p, p->token.place, "syntax error, unexpected %s, expected a field of %s",
		p->token.kind == TK_WORD ? "word" : "token", group);
}

/* The word that names a key of `group`; two words where the key has two ("ip saddr"). */
static void parse_key(struct sl__parser *p, const char *group, struct sl__expr *e)
{
	char name[48];
	size_t len = p->token.len;

	if (p->token.kind != TK_WORD || len >= 24)
		bad_key(p, group);
	memcpy(name, p->token.text, len);
	name[len] = 0;
	if (!strcmp(group, "ct") && (!strcmp(name, "ip") || !strcmp(name, "ip6"))) {
		struct sl__token second = sl__second(p);

		if (second.kind == TK_WORD && second.len < 20) {
			name[len] = ' ';
			memcpy(name + len + 1, second.text, second.len);
			name[len + 1 + second.len] = 0;
			if (sl__field_find(group, name))
				sl__take(p);
		}
	}
	e->field = sl__field_find(group, name);
	if (!e->field)
		bad_key(p, group);
	sl__take(p);
}

/* `ct saddr` without a family: which it is, the table or an earlier match says (checker). */
static void parse_ct(struct sl__parser *p, struct sl__expr *e)
{
	if (sl__accept_word(p, "original"))
		e->dir = 0;
	else if (sl__accept_word(p, "reply"))
		e->dir = 1;
	if (sl__is_word(p, "saddr") || sl__is_word(p, "daddr")) {
		bool ip6 = p->table && p->table->family == FAM_IP6;

		e->field = sl__field_find("ct", p->token.text[0] == 's'
			? (ip6 ? "ip6 saddr" : "ip saddr") : (ip6 ? "ip6 daddr" : "ip daddr"));
		e->arg[0] = 1; /* written without the family */
		sl__take(p);
	} else {
		parse_key(p, "ct", e);
	}
	if (e->field->key >= CT_SADDR4 && e->field->key <= CT_PROTO_DST && e->dir == 2)
		sl__parse_fail(p, sl__place_join(e->place, p->last), "direction (original or reply) is missing");
}

static void parse_fib(struct sl__parser *p, struct sl__expr *e)
{
	static const struct { const char *word; unsigned flag; } flags[] = {{"saddr", FIB_SADDR},
		{"daddr", FIB_DADDR}, {"iif", FIB_IIF}, {"oif", FIB_OIF}, {"mark", FIB_MARK}};
	size_t i;

	do {
		for (i = 0; i < 5 && !sl__is_word(p, flags[i].word); i++)
			;
		if (i == 5)
			sl__parse_unexpected(p, "saddr, daddr, iif, oif or mark");
		e->arg[ARG_FLAGS] |= flags[i].flag;
		sl__take(p);
	} while (sl__accept(p, '.'));
	if (!(e->arg[ARG_FLAGS] & (FIB_SADDR | FIB_DADDR)) ||
		(e->arg[ARG_FLAGS] & 3) == (FIB_SADDR | FIB_DADDR))
		sl__parse_fail(p, sl__place_join(e->place, p->last), "fib: one of saddr and daddr is needed");
	if (!sl__is_word(p, "type") && !sl__is_word(p, "oif") && !sl__is_word(p, "oifname"))
		sl__parse_unexpected(p, "type, oif or oifname");
	parse_key(p, "fib", e);
}

static void parse_mod(struct sl__parser *p, struct sl__expr *e)
{
	struct sl__place place = p->token.place;

	sl__expect_word(p, "mod");
	e->arg[ARG_MOD] = (uint32_t)sl__parse_number(p, UINT32_MAX, "a number");
	if (!e->arg[ARG_MOD])
		sl__parse_fail(p, sl__place_join(place, p->last), "modulus must not be 0");
	if (sl__accept_word(p, "seed")) {
		e->arg[ARG_SEED] = (uint32_t)sl__parse_number(p, UINT32_MAX, "a number");
		e->arg[ARG_FLAGS] |= HASH_SEEDED;
	}
	if (sl__accept_word(p, "offset"))
		e->arg[ARG_OFFSET] = (uint32_t)sl__parse_number(p, UINT32_MAX, "a number");
}

static void parse_numgen(struct sl__parser *p, struct sl__expr *e)
{
	e->field = sl__field_find("numgen", "");
	if (sl__accept_word(p, "random"))
		e->arg[ARG_FLAGS] = GEN_RANDOM;
	else
		sl__expect_word(p, "inc");
	parse_mod(p, e);
}

static void parse_jhash(struct sl__parser *p, struct sl__expr *e)
{
	e->field = sl__field_find("jhash", "");
	e->a = sl__parse_lhs(p);
	parse_mod(p, e);
}

static void parse_tcp_option(struct sl__parser *p, struct sl__expr *e)
{
	sl__take(p);
	if (sl__accept_word(p, "maxseg")) {
		sl__expect_word(p, "size");
		e->field = sl__field_find("tcp option", "maxseg size");
	} else if (sl__accept_word(p, "window")) {
		sl__expect_word(p, "count");
		e->field = sl__field_find("tcp option", "window count");
	} else {
		sl__parse_unsupported(p, p->token.place, "this tcp option");
	}
}

static void parse_grouped(struct sl__parser *p, struct sl__expr *e, const char *group)
{
	if (!strcmp(group, "ct"))
		parse_ct(p, e);
	else if (!strcmp(group, "fib"))
		parse_fib(p, e);
	else if (!strcmp(group, "numgen"))
		parse_numgen(p, e);
	else if (!strcmp(group, "jhash"))
		parse_jhash(p, e);
	else if (!strcmp(group, "tcp") && sl__is_word(p, "option"))
		parse_tcp_option(p, e);
	else
		parse_key(p, group, e);
}

static struct sl__expr *parse_field(struct sl__parser *p)
{
	struct sl__expr *e = sl__expr_new(p, EX_FIELD, p->token.place);
	char *group;

	if (sl__is_word(p, "symhash") || listed(not_supported_groups, &p->token)) {
		struct sl__place place = p->token.place;

		sl__parse_unsupported(p, place, sl__token_text(p));
	}
	group = sl__token_text(p);
	if (sl__meta_bare(group))
		e->field = sl__field_find("meta", group);
	else
		parse_grouped(p, e, group);
	e->place = sl__place_join(e->place, p->last);
	e->type = e->field->type;
	e->bits = e->field->bits;
	return e;
}

/* ---- operators ---- */

static struct sl__expr *parse_paren(struct sl__parser *p, enum side side)
{
	struct sl__expr *e;

	sl__expect(p, '(', "(");
	e = parse_binary(p, side, 0);
	sl__expect(p, ')', ")");
	return e;
}

static struct sl__expr *parse_symbol(struct sl__parser *p)
{
	struct sl__expr *e = sl__expr_new(p, EX_SYMBOL, p->token.place);
	size_t len = p->token.len;

	e->quoted = p->token.kind == TK_STRING;
	e->wild = p->token.kind == TK_GLOB || (e->quoted && len && p->token.text[len - 1] == '*');
	e->text = sl__token_text(p);
	return e;
}

static struct sl__expr *parse_primary(struct sl__parser *p, enum side side)
{
	struct sl__expr *e;

	nest_in(p);
	if (sl__is(p, '$'))
		e = parse_variable(p);
	else if (sl__is(p, '('))
		e = parse_paren(p, side);
	else if (sl__is(p, '@') && side != RIGHT)
		sl__parse_unsupported(p, p->token.place, "raw payload expression");
	else if (side != RIGHT && group_token(&p->token))
		e = parse_field(p);
	else if (side == LEFT)
		sl__parse_unexpected(p, "a statement, or a field of the packet");
	else if (sl__is(p, TK_WORD) || sl__is(p, TK_NUMBER) || sl__is(p, TK_STRING) || sl__is(p, TK_GLOB))
		e = parse_symbol(p);
	else
		sl__parse_unexpected(p, "a value");
	p->nest--;
	return e;
}

static enum sl__op binary_op(const struct sl__parser *p, unsigned level)
{
	switch (level) {
	case 0:
		return sl__is(p, '|') || sl__is_word(p, "or") ? OP_OR : OP_NONE;
	case 1:
		return sl__is(p, '^') || sl__is_word(p, "xor") ? OP_XOR : OP_NONE;
	case 2:
		return sl__is(p, '&') || sl__is_word(p, "and") ? OP_AND : OP_NONE;
	default:
		return sl__is(p, TK_LSHIFT) || sl__is_word(p, "lshift") ? OP_LSHIFT
			: sl__is(p, TK_RSHIFT) || sl__is_word(p, "rshift") ? OP_RSHIFT : OP_NONE;
	}
}

static struct sl__expr *parse_binary(struct sl__parser *p, enum side side, unsigned level)
{
	struct sl__expr *e = level == 4 ? parse_primary(p, side) : parse_binary(p, side, level + 1);
	struct sl__expr *whole;
	enum sl__op op;
	unsigned n = 0;

	while (level < 4 && (op = binary_op(p, level)) != OP_NONE) {
		if (++n > SL_RULES_NEST_MAX)
			sl__parse_fail(p, p->token.place, "too many operators");
		sl__take(p);
		whole = sl__expr_new(p, EX_BINARY, e->place);
		whole->op = (uint8_t)op;
		whole->a = e;
		whole->b = parse_binary(p, op == OP_LSHIFT || op == OP_RSHIFT || side == LEFT ? RIGHT : side,
			level + 1);
		whole->place = sl__place_join(e->place, whole->b->place);
		e = whole;
	}
	return e;
}

/* a, a/len, a-b, or * */
static struct sl__expr *parse_range(struct sl__parser *p, enum side side)
{
	struct sl__expr *e, *whole;

	if (sl__is(p, '*')) {
		sl__take(p);
		return sl__expr_new(p, EX_WILD, p->last);
	}
	e = parse_binary(p, side, 0);
	if (sl__is(p, '/') && sl__second(p).kind == TK_NUMBER) {
		sl__take(p);
		whole = sl__expr_new(p, EX_PREFIX, e->place);
		whole->a = e;
		whole->len = (uint8_t)sl__parse_number(p, 128, "a prefix length");
	} else if (sl__accept(p, '-')) {
		whole = sl__expr_new(p, EX_RANGE, e->place);
		whole->a = e;
		whole->b = parse_binary(p, side, 0);
	} else {
		return e;
	}
	whole->place = sl__place_join(e->place, p->last);
	return whole;
}

static struct sl__expr *parse_concat(struct sl__parser *p, enum side side)
{
	struct sl__expr *e = side == LEFT ? parse_binary(p, side, 0) : parse_range(p, side), *list;

	if (!sl__is(p, '.'))
		return e;
	list = sl__expr_new(p, EX_CONCAT, e->place);
	sl__expr_add(list, e);
	while (sl__accept(p, '.')) {
		if (list->count == 8)
			sl__parse_fail(p, p->token.place, "too many parts in a concatenation");
		sl__expr_add(list, side == LEFT ? parse_binary(p, side, 0) : parse_range(p, side));
	}
	return list;
}

struct sl__expr *sl__parse_lhs(struct sl__parser *p)
{
	return parse_concat(p, LEFT);
}

struct sl__expr *sl__parse_list(struct sl__parser *p)
{
	struct sl__expr *e = parse_concat(p, RIGHT), *list;

	if (!sl__is(p, ','))
		return e;
	list = sl__expr_new(p, EX_LIST, e->place);
	sl__expr_add(list, e);
	while (sl__accept(p, ',')) {
		sl__skip_newlines(p);
		sl__expr_add(list, parse_concat(p, RIGHT));
	}
	return list;
}

static struct sl__expr *parse_set_ref(struct sl__parser *p)
{
	struct sl__expr *e = sl__expr_new(p, EX_SETREF, p->token.place);

	sl__expect(p, '@', "@");
	e->text = sl__parse_name(p, "the name of a set");
	e->place = sl__place_join(e->place, p->last);
	return e;
}

struct sl__expr *sl__parse_rhs(struct sl__parser *p)
{
	if (sl__is(p, '{'))
		return sl__parse_set(p);
	if (sl__is(p, '@'))
		return parse_set_ref(p);
	return sl__parse_list(p);
}

struct sl__expr *sl__parse_set_or_ref(struct sl__parser *p)
{
	struct sl__expr *e = sl__parse_rhs(p);

	if (e->kind != EX_SET && e->kind != EX_SETREF)
		sl__parse_fail(p, e->place, "expected { elements } or @name");
	return e;
}

struct sl__expr *sl__parse_value(struct sl__parser *p)
{
	struct sl__expr *e = parse_concat(p, EITHER), *map;

	if (!sl__accept_word(p, "map"))
		return e;
	map = sl__expr_new(p, EX_MAP, e->place);
	map->a = e;
	map->b = sl__parse_set_or_ref(p);
	map->place = sl__place_join(e->place, p->last);
	return map;
}

/* ---- verdicts and sets ---- */

bool sl__at_verdict(const struct sl__parser *p)
{
	static const char *const words[] = {
		"accept", "drop", "continue", "return", "jump", "goto", NULL};

	return p->token.kind == TK_WORD && listed(words, &p->token);
}

struct sl__expr *sl__parse_verdict(struct sl__parser *p)
{
	static const char *const words[] = {"accept", "drop", "continue", "return", "jump", "goto"};
	struct sl__expr *e = sl__expr_new(p, EX_VERDICT, p->token.place), *chain;

	while (!sl__is_word(p, words[e->op]))
		e->op++;
	sl__take(p);
	if (e->op < VD_JUMP)
		return e;
	if (sl__is(p, '$')) {
		chain = parse_variable(p);
		if (chain->kind != EX_SYMBOL)
			sl__parse_fail(p, chain->place, "this is not the name of a chain");
		e->text = chain->text;
	} else {
		e->text = sl__parse_name(p, "the name of a chain");
	}
	e->place = sl__place_join(e->place, p->last);
	return e;
}

static void parse_elem_options(struct sl__parser *p, struct sl__expr *elem)
{
	for (;;) {
		if (sl__accept_word(p, "timeout"))
			elem->timeout = sl__parse_time(p);
		else if (sl__accept_word(p, "expires"))
			elem->expires = sl__parse_time(p);
		else if (sl__accept_word(p, "comment"))
			elem->comment = sl__parse_string(p, "a comment");
		else if (sl__is_word(p, "counter") || sl__is_word(p, "limit") || sl__is_word(p, "quota"))
			sl__parse_unsupported(p, p->token.place, "statement in a set element");
		else
			return;
	}
}

static struct sl__expr *parse_data(struct sl__parser *p)
{
	return sl__at_verdict(p) ? sl__parse_verdict(p) : parse_concat(p, RIGHT);
}

static struct sl__expr *parse_elem(struct sl__parser *p)
{
	struct sl__expr *elem = sl__expr_new(p, EX_ELEM, p->token.place);

	elem->a = sl__is(p, '{') ? sl__parse_set(p) : parse_concat(p, RIGHT);
	parse_elem_options(p, elem);
	if (sl__accept(p, ':')) {
		elem->b = parse_data(p);
		parse_elem_options(p, elem);
	}
	elem->place = sl__place_join(elem->place, p->last);
	return elem;
}

/* An element that is a set itself (by a variable, or written so) is its elements. */
static void add_elem(struct sl__expr *set, struct sl__expr *elem)
{
	struct sl__expr *item, *next;

	if ((elem->a->kind != EX_SET && elem->a->kind != EX_LIST) || elem->b) {
		sl__expr_add(set, elem);
		return;
	}
	for (item = elem->a->items; item; item = next) {
		struct sl__expr *inner = item;

		next = item->next;
		inner->next = NULL;
		sl__expr_add(set, inner);
	}
}

struct sl__expr *sl__parse_set(struct sl__parser *p)
{
	struct sl__expr *set = sl__expr_new(p, EX_SET, p->token.place);

	nest_in(p);
	sl__expect(p, '{', "{");
	sl__skip_newlines(p);
	while (!sl__is(p, '}')) {
		struct sl__expr *elem = parse_elem(p);

		if (elem->a->kind == EX_LIST && !elem->b)
			for (struct sl__expr **at = &elem->a->items; *at; at = &(*at)->next) {
				struct sl__expr *wrap = sl__expr_new(p, EX_ELEM, (*at)->place);

				wrap->next = (*at)->next;
				wrap->a = *at;
				(*at)->next = NULL;
				*at = wrap;
			}
		add_elem(set, elem);
		sl__skip_newlines(p);
		if (!sl__accept(p, ','))
			break;
		sl__skip_newlines(p);
	}
	sl__expect(p, '}', "',' or '}'");
	set->place = sl__place_join(set->place, p->last);
	p->nest--;
	return set;
}
