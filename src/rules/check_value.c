/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Symbols into values: what a word, number, range, prefix or list means where a type is wanted;
 * constants are folded. And the way out after a mistake.
 */
#include "rules/check.h"

#include "rules/lex.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Noreturn void sl__check_fail(struct sl__check *c, struct sl__place place, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	sl__rules_report(c->r, place, "Error", "%s", text);
	longjmp(*c->fail, 1);
}

const struct sl__type *sl__sized(const struct sl__type *type, unsigned bits)
{
	static const struct sl__type ints[] = {{"integer", "integer", 8, TY_INTEGER, NULL, 0},
	        {"integer", "integer", 16, TY_INTEGER, NULL, 0},
	        {"integer", "integer", 32, TY_INTEGER, NULL, 0},
	        {"integer", "integer", 64, TY_INTEGER, NULL, 0}};

	if (type->bits)
		return type;
	return &ints[bits <= 8 ? 0 : bits <= 16 ? 1 : bits <= 32 ? 2 : 3];
}

/* ---- symbols into values ---- */

static bool parse_ip(struct sl__expr *e, const struct sl__type *type)
{
	size_t len = strlen(e->text);

	e->len = type->kind == TY_IPV4 ? 4 : 16;
	return type->kind == TY_IPV4 ? sl__read_ipv4(e->text, len, e->value)
	                             : sl__read_ipv6(e->text, len, e->value);
}

static void resolve_string(struct sl__check *c, struct sl__expr *e, const struct sl__type *type)
{
	size_t len = strlen(e->text);
	bool wild = e->wild && type->kind == TY_IFNAME;

	if (wild && len)
		len--;
	if (wild && len && e->text[len - 1] == '\\') {
		sl__check_fail(c, e->place, "not supported: names with a literal *");
	}
	if (len > 15 || (!len && !wild))
		sl__check_fail(c, e->place,
		        len ? "String exceeds maximum length of 16"
		            : "Empty string is not allowed");
	memset(e->value, 0, sizeof e->value);
	memcpy(e->value, e->text, len);
	e->kind = EX_VALUE;
	e->len = wild ? (uint8_t)len : 16;
	e->wild = wild;
}

static void resolve_time(struct sl__check *c, struct sl__expr *e)
{
	uint64_t ms;

	if (!sl__read_time(e->text, strlen(e->text), &ms) || ms / 1000 > UINT32_MAX)
		sl__check_fail(c, e->place, "this is no time");
	sl__value_set(e, ms / 1000, 4);
}

static void resolve_number(
        struct sl__check *c, struct sl__expr *e, const struct sl__type *type, unsigned bits)
{
	uint64_t n;
	uint32_t small;

	if (bits > 64 && sl__read_wide(e->text, bits, e->value)) {
		e->kind = EX_VALUE;
		e->len = (uint8_t)sl__bytes_of(bits);
		return;
	}
	if (sl__read_number(e->text, strlen(e->text), &n)) {
		if (bits < 64 && n >> bits)
			sl__check_fail(c, e->place,
			        type->symbols == sl__services
			                ? "Service out of range"
			                : "Value %llu exceeds valid range 0-%llu",
			        (unsigned long long)n,
			        (unsigned long long)((uint64_t)1 << bits) - 1);
		sl__value_set(e, n, sl__bytes_of(bits));
		return;
	}
	if (!sl__symbol_value(type->symbols, e->text, &small))
		sl__check_fail(c, e->place,
		        type->symbols == sl__services ? "Could not resolve service: Servname not "
		                                        "found in nft services list"
		        : type->symbols == sl__protocols ? "Could not resolve protocol name"
		                                         : "Could not parse %s",
		        type->words);
	sl__value_set(e, small, sl__bytes_of(bits));
}

static void resolve_symbol(
        struct sl__check *c, struct sl__expr *e, const struct sl__type *type, unsigned bits)
{
	switch (type->kind) {
	case TY_IPV4:
	case TY_IPV6:
		if (!parse_ip(e, type))
			sl__check_fail(c, e->place, "Could not resolve hostname: this is no %s",
			        type->words);
		e->kind = EX_VALUE;
		break;
	case TY_LLADDR:
		if (!sl__read_lladdr(e->text, strlen(e->text), e->value))
			sl__check_fail(c, e->place, "this is no %s", type->words);
		e->kind = EX_VALUE;
		e->len = 6;
		break;
	case TY_IFNAME:
	case TY_STRING:
		resolve_string(c, e, type);
		break;
	case TY_TIME:
		resolve_time(c, e);
		break;
	case TY_VERDICT:
		sl__check_fail(c, e->place, "expected a verdict");
	default:
		resolve_number(c, e, type, bits);
	}
	e->type = type;
	e->bits = (uint16_t)bits;
}

static void fold(struct sl__expr *e)
{
	uint64_t a = sl__value_number(e->a), b = sl__value_number(e->b);
	unsigned i, len = e->a->len;

	if (e->op == OP_LSHIFT || e->op == OP_RSHIFT) {
		sl__value_set(e, b > 63 ? 0 : e->op == OP_LSHIFT ? a << b : a >> b, len);
		return;
	}
	memset(e->value, 0, sizeof e->value);
	for (i = 0; i < len; i++)
		e->value[i] = (uint8_t)(e->op == OP_AND  ? e->a->value[i] & e->b->value[i]
		                        : e->op == OP_OR ? e->a->value[i] | e->b->value[i]
		                                         : e->a->value[i] ^ e->b->value[i]);
	e->kind = EX_VALUE;
	e->len = (uint8_t)len;
}

/* `(x & a) | b` is written `(x & (a | b)) | b` by nft; it is the same. */
static void widen_mask(struct sl__expr *e)
{
	struct sl__expr *and = e->a;
	unsigned i;

	if (e->op != OP_OR || e->b->kind != EX_VALUE || and->kind != EX_BINARY || and->op != OP_AND ||
	        and->b->kind != EX_VALUE)
		return;
	for (i = 0; i < and->b->len; i++)
		and->b->value[i] |= e->b->value[i];
}

static void check_binary(
        struct sl__check *c, struct sl__expr *e, const struct sl__type *type, unsigned bits)
{
	sl__check_value(c, e->a, type, bits);
	if (e->op == OP_LSHIFT || e->op == OP_RSHIFT)
		sl__check_value(c, e->b, &sl__ty_integer, 32);
	else
		sl__check_value(c, e->b, type, bits);
	e->type = e->a->type;
	e->bits = e->a->bits;
	if (e->a->kind == EX_VALUE && e->b->kind == EX_VALUE)
		fold(e);
	else
		widen_mask(e);
}

/* fin,syn of a bitmask is one value with both. */
static void fold_list(
        struct sl__check *c, struct sl__expr *e, const struct sl__type *type, unsigned bits)
{
	struct sl__expr *item;
	unsigned i;

	if (type->kind != TY_BITMASK)
		sl__check_fail(c, e->place, "Basetype of type %s is not bitmask", type->words);
	memset(e->value, 0, sizeof e->value);
	for (item = e->items; item; item = item->next) {
		sl__check_value(c, item, type, bits);
		if (item->kind != EX_VALUE)
			sl__check_fail(c, item->place, "expected a value");
		for (i = 0; i < item->len; i++)
			e->value[i] |= item->value[i];
		e->len = item->len;
	}
	e->kind = EX_VALUE;
	e->items = NULL;
}

static void check_range(
        struct sl__check *c, struct sl__expr *e, const struct sl__type *type, unsigned bits)
{
	sl__check_value(c, e->a, type, bits);
	sl__check_value(c, e->b, type, bits);
	if (e->a->kind != EX_VALUE || e->b->kind != EX_VALUE)
		sl__check_fail(c, e->place, "a range needs two values");
	if (memcmp(e->a->value, e->b->value, e->a->len) > 0)
		sl__check_fail(c, e->place, "Range negative size");
}

bool sl__same_type(const struct sl__type *a, const struct sl__type *b)
{
	if (a == b || !strcmp(a->name, b->name))
		return true;
	if (a->kind == TY_IFNAME && b->kind == TY_IFNAME)
		return true;
	return (a->kind == TY_INTEGER || a->kind == TY_MARK) &&
	       (b->kind == TY_INTEGER || b->kind == TY_MARK) &&
	       (!strcmp(a->name, "integer") || !strcmp(b->name, "integer"));
}

void sl__check_value(
        struct sl__check *c, struct sl__expr *e, const struct sl__type *type, unsigned bits)
{
	const struct sl__type *want[1] = {type};

	switch (e->kind) {
	case EX_SYMBOL:
		resolve_symbol(
		        c, e, type, type->bits && type->kind != TY_INTEGER ? type->bits : bits);
		break;
	case EX_PREFIX:
		sl__check_value(c, e->a, type, bits);
		if (e->len > bits || e->a->kind != EX_VALUE || type->kind == TY_BITMASK)
			sl__check_fail(c, e->place,
			        "Prefix length %u is invalid for type of %u bits width", e->len,
			        bits);
		break;
	case EX_RANGE:
		check_range(c, e, type, bits);
		break;
	case EX_LIST:
		fold_list(c, e, type, bits);
		break;
	case EX_BINARY:
		check_binary(c, e, type, bits);
		return;
	case EX_FIELD:
		sl__check_left(c, e);
		if (e->field->where == IN_RAW && type->kind == TY_MARK)
			sl__check_fail(c, e->place,
			        "not supported: raw bits as a mark (which has the machine's byte order)");
		if (!sl__same_type(e->type, type))
			sl__check_fail(c, e->place,
			        "datatype mismatch: expected %s, expression has type %s",
			        type->words, e->type->words);
		return;
	case EX_MAP:
		sl__check_map(c, e, want, 1);
		return;
	case EX_VERDICT:
		if (type->kind != TY_VERDICT)
			sl__check_fail(c, e->place, "datatype mismatch: expected %s, got a verdict",
			        type->words);
		return;
	case EX_VALUE:
	case EX_WILD:
		break;
	default:
		sl__check_fail(c, e->place, "expected %s", type->words);
	}
	e->type = type;
	e->bits = (uint16_t)bits;
}
