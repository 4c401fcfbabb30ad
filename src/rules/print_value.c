/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values and expressions in nft's form.
 */
#include "rules/print.h"

#include <stdarg.h>
#include <stdio.h>

void sl__put(struct sl__printer *p, const char *format, ...)
{
	char text[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n > 0)
		p->write(p->ctx, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

/* ---- values ---- */

void sl__put_time(struct sl__printer *p, uint64_t ms)
{
	static const struct {
		uint64_t ms;
		const char *unit;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
	unsigned i;

	if (!ms)
		sl__put(p, "0s");
	for (i = 0; i < 5; i++) {
		if (ms >= units[i].ms)
			sl__put(p, "%llu%s", (unsigned long long)(ms / units[i].ms), units[i].unit);
		ms %= units[i].ms;
	}
}

static void put_ip(struct sl__printer *p, const uint8_t *b, enum sl_family family)
{
	struct sl_addr a = family == SL_IPV4 ? sl_addr_v4(b) : sl_addr_v6(b);
	char text[SL_ADDR_TEXT];

	sl__put(p, "%s", sl_addr_text(&a, family, text));
}

static void put_bits(struct sl__printer *p, const struct sl__type *type, uint64_t n)
{
	const struct sl__symbol *s;
	bool first = true;

	for (s = type->symbols; s->name; s++) {
		if (n & s->value) {
			sl__put(p, "%s%s", first ? "" : ",", s->name);
			n &= ~(uint64_t)s->value;
			first = false;
		}
	}
	if (!n && first)
		sl__put(p, "0x0");
	else if (n)
		sl__put(p, "%s0x%0*llx", first ? "" : ",", type->digits, (unsigned long long)n);
}

void sl__put_number(struct sl__printer *p, const struct sl__type *type, uint64_t n)
{
	const char *name =
	        type->symbols == sl__services ? NULL : sl__symbol_name(type->symbols, (uint32_t)n);

	if (name)
		sl__put(p, "%s", name);
	else if (type->digits)
		sl__put(p, "0x%0*llx", type->digits, (unsigned long long)n);
	else
		sl__put(p, "%llu", (unsigned long long)n);
}

/* What no 64 bits hold. */
static void put_wide(struct sl__printer *p, const uint8_t *b, unsigned len)
{
	unsigned i = 0;

	while (i + 1 < len && !b[i])
		i++;
	sl__put(p, "0x%x", b[i]);
	while (++i < len)
		sl__put(p, "%02x", b[i]);
}

void sl__put_value(struct sl__printer *p, const struct sl__expr *e)
{
	const struct sl__type *type = e->type;

	switch (type->kind) {
	case TY_IPV4:
		put_ip(p, e->value, SL_IPV4);
		break;
	case TY_IPV6:
		put_ip(p, e->value, SL_IPV6);
		break;
	case TY_LLADDR:
		sl__put(p, "%02x:%02x:%02x:%02x:%02x:%02x", e->value[0], e->value[1], e->value[2],
		        e->value[3], e->value[4], e->value[5]);
		break;
	case TY_IFNAME:
	case TY_STRING:
		sl__put(p, "\"%.16s%s\"", (const char *)e->value, e->wild ? "*" : "");
		break;
	case TY_TIME:
		sl__put_time(p, sl__value_number(e) * 1000);
		break;
	case TY_BITMASK:
		put_bits(p, type, sl__value_number(e));
		break;
	default:
		if (e->len > 8)
			put_wide(p, e->value, e->len);
		else
			sl__put_number(p, type, sl__value_number(e));
	}
}

/* Names may hold a dash, so the ends of a range are numbers. */
static void put_bound(struct sl__printer *p, const struct sl__expr *e)
{
	if (e->kind == EX_VALUE && e->type->symbols && e->type->kind == TY_INTEGER && !e->type->digits)
		sl__put(p, "%llu", (unsigned long long)sl__value_number(e));
	else
		sl__put_expr(p, e);
}

static void put_fib(struct sl__printer *p, const struct sl__expr *e)
{
	unsigned f = e->arg[ARG_FLAGS];

	sl__put(p, "fib %s%s%s%s %s", f & FIB_SADDR ? "saddr" : "daddr",
	        f & FIB_MARK ? " . mark" : "", f & FIB_IIF ? " . iif" : "",
	        f & FIB_OIF ? " . oif" : "", e->field->name);
}

static void put_field(struct sl__printer *p, const struct sl__expr *e)
{
	const struct sl__field *f = e->field;

	switch (f->where) {
	case IN_META:
		sl__put(p, "%s%s",
		        sl__meta_bare(f->name) && f->key != META_MARK && f->key != META_PKTTYPE
		                ? ""
		                : "meta ",
		        f->name);
		break;
	case IN_CT:
		sl__put(p, "ct %s%s",
		        e->dir == 0   ? "original "
		        : e->dir == 1 ? "reply "
		                      : "",
		        f->name);
		break;
	case IN_FIB:
		put_fib(p, e);
		break;
	case IN_NUMGEN:
		sl__put(p, "numgen %s mod %u", e->arg[ARG_FLAGS] & GEN_RANDOM ? "random" : "inc",
		        e->arg[ARG_MOD]);
		if (e->arg[ARG_OFFSET])
			sl__put(p, " offset %u", e->arg[ARG_OFFSET]);
		break;
	case IN_JHASH:
		sl__put(p, "jhash ");
		sl__put_expr(p, e->a);
		sl__put(p, " mod %u", e->arg[ARG_MOD]);
		if (e->arg[ARG_FLAGS] & HASH_SEEDED)
			sl__put(p, " seed 0x%x", e->arg[ARG_SEED]);
		if (e->arg[ARG_OFFSET])
			sl__put(p, " offset %u", e->arg[ARG_OFFSET]);
		break;
	case IN_RAW:
		sl__put(p, "@%s", f->name);
		break;
	default:
		sl__put(p, "%s %s", f->group, f->name);
	}
}

void sl__put_verdict(struct sl__printer *p, const struct sl__expr *e)
{
	static const char *const words[] = {"accept", "drop", "continue", "return", "jump", "goto"};

	sl__put(p, "%s%s%s", words[e->op], e->text ? " " : "", e->text ? e->text : "");
}

/* A set of flags: a comma between them would end the expression. */
static bool several_bits(const struct sl__expr *e)
{
	uint64_t n = e->kind == EX_VALUE && e->type->kind == TY_BITMASK ? sl__value_number(e) : 0;

	return n & (n - 1);
}

static void put_binary(struct sl__printer *p, const struct sl__expr *e)
{
	static const char *const ops[] = {[OP_AND] = "&",
	        [OP_OR] = "|",
	        [OP_XOR] = "^",
	        [OP_LSHIFT] = "<<",
	        [OP_RSHIFT] = ">>"};
	/* How tightly an operator binds. */
	static const uint8_t tight[] = {
	        [OP_OR] = 1, [OP_XOR] = 2, [OP_AND] = 3, [OP_LSHIFT] = 4, [OP_RSHIFT] = 4};
	bool inner = e->a->kind == EX_BINARY && tight[e->a->op] < tight[e->op];

	sl__put(p, "%s", inner ? "(" : "");
	sl__put_expr(p, e->a);
	sl__put(p, "%s %s ", inner ? ")" : "", ops[e->op]);
	if (several_bits(e->b)) {
		sl__put(p, "(");
		sl__put_key(p, e->b);
		sl__put(p, ")");
		return;
	}
	inner = e->b->kind == EX_BINARY;
	sl__put(p, "%s", inner ? "(" : "");
	sl__put_expr(p, e->b);
	sl__put(p, "%s", inner ? ")" : "");
}

static void put_masked_prefix(struct sl__printer *p, const struct sl__expr *e)
{
	struct sl__expr base = *e->a;
	unsigned i;

	for (i = e->len; i < base.len * 8u; i++)
		base.value[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
	sl__put_value(p, &base);
	if (e->len < base.len * 8u)
		sl__put(p, "/%u", e->len);
}

static void put_items(struct sl__printer *p, const struct sl__expr *e, const char *between)
{
	const struct sl__expr *item;

	for (item = e->items; item; item = item->next) {
		sl__put_expr(p, item);
		if (item->next)
			sl__put(p, "%s", between);
	}
}

void sl__put_expr(struct sl__printer *p, const struct sl__expr *e)
{
	switch (e->kind) {
	case EX_VALUE:
		sl__put_value(p, e);
		break;
	case EX_SYMBOL:
		sl__put(p, "%s", e->text);
		break;
	case EX_WILD:
		sl__put(p, "*");
		break;
	case EX_PREFIX:
		put_masked_prefix(p, e);
		break;
	case EX_RANGE:
		put_bound(p, e->a);
		sl__put(p, "-");
		put_bound(p, e->b);
		break;
	case EX_CONCAT:
		put_items(p, e, " . ");
		break;
	case EX_LIST:
		put_items(p, e, ",");
		break;
	case EX_SETREF:
		sl__put(p, "@%s", e->text);
		break;
	case EX_SET:
		sl__put_set(p, e->set);
		break;
	case EX_FIELD:
		put_field(p, e);
		break;
	case EX_BINARY:
		put_binary(p, e);
		break;
	case EX_MAP:
		sl__put_expr(p, e->a);
		sl__put(p, " map ");
		sl__put_expr(p, e->b);
		break;
	case EX_VERDICT:
		sl__put_verdict(p, e);
		break;
	default:
		break;
	}
}
