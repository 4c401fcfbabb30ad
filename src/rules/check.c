/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checker: gives every expression its type, turns symbols into values, ties names to sets
 * and objects, and refuses what cannot be meant. It works on the parser's tree in place.
 *
 * A field implies where it can be read ("tcp dport" needs a TCP packet): the evaluator sees to
 * that when it reads the field, so no match is added here; but two that exclude each other in
 * one rule are a mistake, and a match that a later field implies is not printed (`hidden`),
 * because nft does not print it either.
 */
#include "rules/lex.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Noreturn static void fail(struct sl__check *c, struct sl__place place, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	sl__rules_report(c->r, place, "Error", "%s", text);
	longjmp(*c->fail, 1);
}

static const struct sl__type *sized(const struct sl__type *type, unsigned bits)
{
	static const struct sl__type ints[] = {
		{"integer", "integer", 8, TY_INTEGER, NULL, 0},
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
		fail(c, e->place, "not supported: names with a literal *");
	}
	if (len > 15 || (!len && !wild))
		fail(c, e->place, len ? "String exceeds maximum length of 16" : "Empty string is not allowed");
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
		fail(c, e->place, "this is no time");
	sl__value_set(e, ms / 1000, 4);
}

static void resolve_number(struct sl__check *c, struct sl__expr *e, const struct sl__type *type, unsigned bits)
{
	uint64_t n;
	uint32_t small;

	if (sl__read_number(e->text, strlen(e->text), &n)) {
		if (bits < 64 && n >> bits)
			fail(c, e->place, type->symbols == sl__services ? "Service out of range"
				: "Value %llu exceeds valid range 0-%llu", (unsigned long long)n,
				(unsigned long long)((uint64_t)1 << bits) - 1);
		sl__value_set(e, n, sl__bytes_of(bits));
		return;
	}
	if (!sl__symbol_value(type->symbols, e->text, &small))
		fail(c, e->place, type->symbols == sl__services ? "Could not resolve service: Servname not found in nft services list"
			: type->symbols == sl__protocols ? "Could not resolve protocol name"
			: "Could not parse %s", type->words);
	sl__value_set(e, small, sl__bytes_of(bits));
}

static void resolve_symbol(struct sl__check *c, struct sl__expr *e, const struct sl__type *type, unsigned bits)
{
	switch (type->kind) {
	case TY_IPV4:
	case TY_IPV6:
		if (!parse_ip(e, type))
			fail(c, e->place, "Could not resolve hostname: this is no %s", type->words);
		e->kind = EX_VALUE;
		break;
	case TY_LLADDR:
		if (!sl__read_lladdr(e->text, strlen(e->text), e->value))
			fail(c, e->place, "this is no %s", type->words);
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
		fail(c, e->place, "expected a verdict");
	default:
		resolve_number(c, e, type, bits);
	}
	e->type = type;
	e->bits = (uint16_t)bits;
}

static void check_value(struct sl__check *c, struct sl__expr *e, const struct sl__type *type, unsigned bits);
static void check_left(struct sl__check *c, struct sl__expr *e);
static void check_map(struct sl__check *c, struct sl__expr *map, const struct sl__type *const *want, unsigned count);

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
		e->value[i] = (uint8_t)(e->op == OP_AND ? e->a->value[i] & e->b->value[i]
			: e->op == OP_OR ? e->a->value[i] | e->b->value[i] : e->a->value[i] ^ e->b->value[i]);
	e->kind = EX_VALUE;
	e->len = (uint8_t)len;
}

static void check_binary(struct sl__check *c, struct sl__expr *e, const struct sl__type *type, unsigned bits)
{
	check_value(c, e->a, type, bits);
	if (e->op == OP_LSHIFT || e->op == OP_RSHIFT)
		check_value(c, e->b, &sl__ty_integer, 32);
	else
		check_value(c, e->b, type, bits);
	e->type = e->a->type;
	e->bits = e->a->bits;
	if (e->a->kind == EX_VALUE && e->b->kind == EX_VALUE)
		fold(e);
}

/* fin,syn of a bitmask is one value with both. */
static void fold_list(struct sl__check *c, struct sl__expr *e, const struct sl__type *type, unsigned bits)
{
	struct sl__expr *item;
	unsigned i;

	if (type->kind != TY_BITMASK)
		fail(c, e->place, "Basetype of type %s is not bitmask", type->words);
	memset(e->value, 0, sizeof e->value);
	for (item = e->items; item; item = item->next) {
		check_value(c, item, type, bits);
		if (item->kind != EX_VALUE)
			fail(c, item->place, "expected a value");
		for (i = 0; i < item->len; i++)
			e->value[i] |= item->value[i];
		e->len = item->len;
	}
	e->kind = EX_VALUE;
	e->items = NULL;
}

static void check_range(struct sl__check *c, struct sl__expr *e, const struct sl__type *type, unsigned bits)
{
	check_value(c, e->a, type, bits);
	check_value(c, e->b, type, bits);
	if (e->a->kind != EX_VALUE || e->b->kind != EX_VALUE)
		fail(c, e->place, "a range needs two values");
	if (memcmp(e->a->value, e->b->value, e->a->len) > 0)
		fail(c, e->place, "Range negative size");
}

static bool same_type(const struct sl__type *a, const struct sl__type *b)
{
	if (a == b || !strcmp(a->name, b->name))
		return true;
	if (a->kind == TY_IFNAME && b->kind == TY_IFNAME)
		return true;
	return (a->kind == TY_INTEGER || a->kind == TY_MARK) && (b->kind == TY_INTEGER || b->kind == TY_MARK) &&
		(!strcmp(a->name, "integer") || !strcmp(b->name, "integer"));
}

static void check_value(struct sl__check *c, struct sl__expr *e, const struct sl__type *type, unsigned bits)
{
	const struct sl__type *want[1] = {type};

	switch (e->kind) {
	case EX_SYMBOL:
		resolve_symbol(c, e, type, type->bits && type->kind != TY_INTEGER ? type->bits : bits);
		break;
	case EX_PREFIX:
		check_value(c, e->a, type, bits);
		if (e->len > bits || e->a->kind != EX_VALUE || type->kind == TY_BITMASK)
			fail(c, e->place, "Prefix length %u is invalid for type of %u bits width", e->len, bits);
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
		check_left(c, e);
		if (!same_type(e->type, type))
			fail(c, e->place, "datatype mismatch: expected %s, expression has type %s", type->words, e->type->words);
		return;
	case EX_MAP:
		check_map(c, e, want, 1);
		return;
	case EX_VERDICT:
		if (type->kind != TY_VERDICT)
			fail(c, e->place, "datatype mismatch: expected %s, got a verdict", type->words);
		return;
	case EX_VALUE:
	case EX_WILD:
		break;
	default:
		fail(c, e->place, "expected %s", type->words);
	}
	e->type = type;
	e->bits = (uint16_t)bits;
}

/* ---- fields ---- */

static void conflict(struct sl__check *c, struct sl__expr *e, const char *was, const char *is)
{
	fail(c, e->place, "conflicting protocols specified: %s vs. %s", was, is);
}

static uint8_t table_l3(const struct sl__check *c)
{
	return c->table->family == FAM_IP ? 4 : c->table->family == FAM_IP6 ? 6 : 0;
}

static const char *l4_name(int proto)
{
	const char *name = sl__symbol_name(sl__protocols, (uint32_t)proto);

	return name ? name : "unknown";
}

/* "th dport" of a known protocol is that protocol's. */
static void name_ports(struct sl__check *c, struct sl__expr *e)
{
	const struct sl__field *known = c->l4 > 0 ? sl__field_find(l4_name(c->l4), e->field->name) : NULL;

	if (!known)
		return;
	e->field = known;
	if (c->l4_by)
		c->l4_by->hidden = 1;
}

/* Does an anonymous set hold anything but n? Then *other is the first such. */
static bool in_set(const struct sl__set *s, uint64_t n, uint64_t *other)
{
	const struct sl__expr *e;

	for (e = s ? s->elems : NULL; e; e = e->next) {
		if (e->a->kind == EX_VALUE && sl__value_number(e->a) != n) {
			*other = sl__value_number(e->a);
			return true;
		}
	}
	return false;
}

static void use_field(struct sl__check *c, struct sl__expr *e)
{
	const struct sl__field *f = e->field;
	uint8_t l3 = f->family;
	uint64_t other = 0;

	/* ICMP in IPv6 or ICMPv6 in IPv4 is odd, not impossible. */
	if (f->where == IN_TRANSPORT && c->l3_by && ((f->proto == SL_PROTO_ICMP && c->l3 == 4) ||
		(f->proto == SL_PROTO_ICMPV6 && c->l3 == 6)))
		c->l3_by->hidden = 1;
	if (f->where == IN_TRANSPORT && !c->l3 && (f->proto == SL_PROTO_ICMP || f->proto == SL_PROTO_ICMPV6))
		c->l3 = f->proto == SL_PROTO_ICMP ? 4 : 6;
	if (l3 && f->where != IN_CT && in_set(c->l3_set, l3 == 4 ? 2 : 10, &other))
		conflict(c, e, other == 10 ? "ip6" : "ip", l3 == 4 ? "ip" : "ip6");
	if (l3 && c->l3 && l3 != c->l3)
		conflict(c, e, c->l3 == 4 ? "ip" : "ip6", l3 == 4 ? "ip" : "ip6");
	if (l3) {
		c->l3 = l3;
		if (c->l3_by && f->where != IN_CT)
			c->l3_by->hidden = 1;
	}
	if (f->proto == 255)
		name_ports(c, e);
	if (!f->proto || f->proto == 255)
		return;
	if (in_set(c->l4_set, f->proto, &other))
		conflict(c, e, l4_name((int)other), l4_name(f->proto));
	if (c->l4 >= 0 && c->l4 != f->proto)
		conflict(c, e, l4_name(c->l4), l4_name(f->proto));
	c->l4 = f->proto;
	if (c->l4_by)
		c->l4_by->hidden = 1;
}

static struct sl__set *anonymous(struct sl__check *c, struct sl__expr *left, struct sl__expr *list,
	const struct sl__type *const *data, unsigned data_count);

static struct sl__expr *value_of(struct sl__check *c, const struct sl__type *type, uint64_t n, struct sl__place place)
{
	struct sl__expr *v = sl__arena_get(&c->r->arena, sizeof *v);

	sl__value_set(v, n, sl__bytes_of(type->bits));
	v->type = type;
	v->bits = type->bits;
	v->place = place;
	return v;
}

/* `icmp type X` in front of the statement that is checked; two values: a set of them. */
static void imply_type(struct sl__check *c, const struct sl__expr *e, const uint8_t *types, unsigned count)
{
	struct sl__stmt *s = sl__arena_get(&c->r->arena, sizeof *s);
	struct sl__expr *a = sl__arena_get(&c->r->arena, 4 * sizeof *a), *set = a + 1;
	unsigned i;

	s->kind = ST_MATCH;
	s->place = a->place = set->place = e->place;
	s->a = a;
	a->kind = EX_FIELD;
	a->dir = 2;
	a->field = sl__field_find(e->field->group, "type");
	a->type = a->field->type;
	a->bits = 8;
	s->b = value_of(c, a->type, types[0], e->place);
	s->hidden = count == 1;
	if (count == 2) {
		set->kind = EX_SET;
		set->count = 2;
		set->items = a + 2;
		for (i = 0; i < 2; i++) {
			a[2 + i].kind = EX_ELEM;
			a[2 + i].place = e->place;
			a[2 + i].a = value_of(c, a->type, types[i], e->place);
			a[2 + i].next = i ? NULL : &a[3];
		}
		s->b = set;
		set->set = anonymous(c, a, set, NULL, 0);
	}
	s->next = *c->at;
	*c->at = s;
	c->at = &s->next;
	c->icmp_type = count == 1 ? types[0] : -2;
}

/* What only some messages have implies their type, unless a match of the type came before. */
static void imply_message(struct sl__check *c, const struct sl__expr *e)
{
	static const uint8_t types4[][2] = {{0}, {0, 8}, {3}, {5}}, types6[][2] = {{0}, {128, 129}, {2}, {0}, {130}, {4}};
	const uint8_t *types = e->field->proto == SL_PROTO_ICMP ? types4[e->field->key] : types6[e->field->key];
	bool echo = e->field->key == NEED_ECHO;

	if (!c->at || c->icmp_type == -2)
		return;
	if (c->icmp_type == -1)
		imply_type(c, e, types, echo ? 2 : 1);
	else if (c->icmp_type != types[0] && !(echo && c->icmp_type == types[1]))
		fail(c, e->place, "incompatible icmp match: rule has %d, need %u", c->icmp_type, types[echo ? 1 : 0]);
}

static void check_field(struct sl__check *c, struct sl__expr *e)
{
	const struct sl__field *f = e->field;

	if (f->where == IN_CT && e->arg[0]) {
		bool src = f->key == CT_SADDR4 || f->key == CT_SADDR6;

		if (!c->l3)
			fail(c, e->place, "which family? write ct original ip saddr or ct original ip6 saddr");
		e->field = f = sl__field_find("ct", c->l3 == 4 ? (src ? "ip saddr" : "ip daddr")
			: (src ? "ip6 saddr" : "ip6 daddr"));
	}
	if (f->where == IN_META && f->key == META_NFPROTO && c->rule && c->table->family != FAM_INET)
		fail(c, e->place, "meta nfproto is only useful in the inet family");
	if (f->where == IN_CT && f->key >= CT_PROTO_SRC && f->key <= CT_PROTO_DST && c->rule && c->l4 == -1)
		fail(c, e->place, "ports of which protocol? a match of the transport protocol must come before");
	use_field(c, e);
	if (f->where == IN_TRANSPORT && f->key)
		imply_message(c, e);
	if (f->where == IN_JHASH)
		check_left(c, e->a);
	if (f->where == IN_JHASH && (e->arg[ARG_FLAGS] & HASH_SEEDED) == 0)
		e->arg[ARG_SEED] = (uint32_t)(c->r->random >> 7);
	e->type = sized(f->type, f->bits);
	e->bits = f->bits;
	if (f->where == IN_FIB && (e->arg[ARG_FLAGS] & FIB_OIF) && f->key == FIB_RESULT_OIF)
		fail(c, e->place, "not supported: fib with oif as a key and as the result");
}

static void check_left(struct sl__check *c, struct sl__expr *e)
{
	struct sl__expr *part;

	switch (e->kind) {
	case EX_FIELD:
		check_field(c, e);
		break;
	case EX_BINARY:
		check_left(c, e->a);
		if (e->op == OP_LSHIFT || e->op == OP_RSHIFT)
			check_value(c, e->b, &sl__ty_integer, 32);
		else
			check_value(c, e->b, e->a->type, e->a->bits);
		if (e->b->kind != EX_VALUE)
			fail(c, e->b->place, "not supported: an operator between two fields");
		e->type = e->a->type;
		e->bits = e->a->bits;
		break;
	case EX_CONCAT:
		for (part = e->items; part; part = part->next)
			check_left(c, part);
		break;
	default:
		fail(c, e->place, "expected a field of the packet");
	}
}

/* ---- sets ---- */

static unsigned left_types(const struct sl__expr *e, const struct sl__type **parts, unsigned max)
{
	unsigned n = 0;

	if (e->kind != EX_CONCAT) {
		parts[0] = sized(e->type, e->bits);
		return 1;
	}
	for (e = e->items; e && n < max; e = e->next)
		parts[n++] = sized(e->type, e->bits);
	return n;
}

unsigned sl__check_typeof(struct sl_rules *r, struct sl__table *table, struct sl__expr *e,
	const struct sl__type **parts, unsigned max, jmp_buf *out)
{
	struct sl__check c = {.r = r, .table = table, .l4 = -1, .fail = out};
	struct sl__expr *part;

	/* Fields of a typeof need not go together. */
	for (part = e->kind == EX_CONCAT ? e->items : e; part; part = part->next) {
		c.l3 = 0;
		c.l4 = -1;
		check_left(&c, part);
	}
	return left_types(e, parts, max);
}

static void set_key_len(struct sl__check *c, struct sl__set *s)
{
	unsigned i, len = 0;

	for (i = 0; i < s->part_count; i++)
		len += (s->parts[i]->bits + 7u) / 8u;
	if (len > SL_RULES_KEY_MAX || !len)
		fail(c, s->place, "key of %u bytes: the limit is %d", len, SL_RULES_KEY_MAX);
	s->key_len = (uint8_t)len;
}

static void check_parts(struct sl__check *c, struct sl__expr *e, const struct sl__type *const *types, unsigned count)
{
	struct sl__expr *part = e->kind == EX_CONCAT ? e->items : e;
	unsigned n = e->kind == EX_CONCAT ? e->count : 1, i;

	if (n != count && !(e->kind == EX_WILD))
		fail(c, e->place, "datatype mismatch: expected %u values joined by '.', got %u", count, n);
	for (i = 0; part && i < count; i++, part = part->next)
		check_value(c, part, types[i], types[i]->bits);
}

static void check_elem(struct sl__check *c, struct sl__set *s, struct sl__expr *elem)
{
	if (s->map && !elem->b)
		fail(c, elem->place, "missing data: expected key : value");
	if (!s->map && elem->b)
		fail(c, elem->place, "element of a set with data: this is no map");
	check_parts(c, elem->a, s->parts, s->part_count);
	if (elem->b)
		check_parts(c, elem->b, s->data, s->data_count);
	if (s->name && !(s->flags & SET_INTERVAL) && elem->a->kind != EX_WILD) {
		struct sl__expr *part = elem->a->kind == EX_CONCAT ? elem->a->items : elem->a;

		for (; part; part = elem->a->kind == EX_CONCAT ? part->next : NULL) {
			if (part->kind == EX_RANGE || part->kind == EX_PREFIX || part->wild)
				fail(c, elem->place, "You must add 'flags interval' to your set declaration if you want to add %s elements",
					part->kind == EX_RANGE ? "range" : "prefix");
		}
	}
	if ((elem->timeout || elem->expires) && !(s->flags & SET_TIMEOUT) && !s->timeout)
		fail(c, elem->place, "this set has no timeouts: add 'flags timeout'");
	if (elem->expires)
		fail(c, elem->place, "not supported: expires");
	if (!elem->timeout)
		elem->timeout = s->timeout;
	elem->expires = elem->timeout ? elem->timeout * 1000000 : 0;
}

void sl__check_elem(struct sl_rules *r, struct sl__set *set, struct sl__expr *elem, jmp_buf *out)
{
	struct sl__check c = {.r = r, .table = set->table, .l4 = -1, .fail = out};

	check_elem(&c, set, elem);
}

void sl__check_key(struct sl_rules *r, struct sl__set *set, struct sl__expr *elem, jmp_buf *out)
{
	struct sl__check c = {.r = r, .table = set->table, .l4 = -1, .fail = out};

	check_parts(&c, elem->a, set->parts, set->part_count);
}

void sl__check_set(struct sl_rules *r, struct sl__set *s, jmp_buf *out)
{
	struct sl__check c = {.r = r, .table = s->table, .l4 = -1, .fail = out};
	struct sl__expr *e;
	unsigned i;

	if (s->timeout)
		s->flags |= SET_TIMEOUT;
	for (i = 0; i < s->part_count; i++) {
		if (s->parts[i]->kind == TY_VERDICT)
			fail(&c, s->place, "set keys cannot be verdicts");
	}
	if (s->map && !s->data_count)
		fail(&c, s->place, "map definition does not specify the type of its data");
	set_key_len(&c, s);
	for (e = s->elems; e; e = e->next)
		check_elem(&c, s, e);
}

/* An anonymous set, for the keys that `left` makes. */
static struct sl__set *anonymous(struct sl__check *c, struct sl__expr *left, struct sl__expr *list,
	const struct sl__type *const *data, unsigned data_count)
{
	struct sl__set *s = sl__arena_get(&c->r->arena, sizeof *s);
	struct sl__expr *e;

	s->place = list->place;
	s->table = c->table;
	s->part_count = (uint8_t)left_types(left, s->parts, 8);
	s->map = data_count;
	s->data_count = (uint8_t)data_count;
	if (data_count)
		memcpy(s->data, data, data_count * sizeof *data);
	s->flags = SET_CONSTANT;
	set_key_len(c, s);
	s->elems = list->items;
	s->count = list->count;
	if (!s->count)
		fail(c, list->place, "Set is empty");
	for (e = s->elems; e; e = e->next)
		check_elem(c, s, e);
	*c->table->sets_end = s;
	c->table->sets_end = &s->next;
	return s;
}

static struct sl__set *named(struct sl__check *c, struct sl__expr *left, struct sl__expr *ref, bool map)
{
	struct sl__set *s = sl__set_named(c->table, ref->text);
	const struct sl__type *parts[8];
	unsigned n, i;

	if (!s)
		fail(c, ref->place, "No such file or directory: set '%.60s' does not exist", ref->text);
	if (s->map && !map)
		fail(c, ref->place, "%.60s is a map, expected a set", ref->text);
	if (map && !s->map)
		fail(c, ref->place, "%.60s is not a map", ref->text);
	n = left_types(left, parts, 8);
	for (i = 0; i < n; i++) {
		if (n != s->part_count || !same_type(parts[i], s->parts[i]) || parts[i]->bits != s->parts[i]->bits)
			fail(c, left->place, "datatype mismatch, set %.60s expects %s, expression has type %s", ref->text,
				s->parts[i < s->part_count ? i : 0]->words, parts[i]->words);
	}
	return s;
}

static void check_map(struct sl__check *c, struct sl__expr *map, const struct sl__type *const *want, unsigned count)
{
	unsigned i;

	check_left(c, map->a);
	if (map->b->kind == EX_SET) {
		map->set = anonymous(c, map->a, map->b, want, count);
	} else {
		map->set = named(c, map->a, map->b, true);
		for (i = 0; i < count; i++) {
			if (map->set->data_count != count || !same_type(map->set->data[i], want[i]))
				fail(c, map->b->place, "datatype mismatch, map expects to be of type %s", want[i]->words);
		}
	}
	map->b->set = map->set;
	map->type = want[0];
	map->bits = want[0]->bits;
}

/* ---- matches ---- */

static bool is_single(const struct sl__expr *e)
{
	return e->kind == EX_VALUE && !e->wild;
}

static bool is_message_type(const struct sl__field *f)
{
	return f->type == &sl__ty_icmp_type || f->type == &sl__ty_icmpv6_type;
}

/* What a match says of the protocols of the packets that pass it. */
static void learn(struct sl__check *c, struct sl__stmt *s)
{
	const struct sl__field *f = s->a->field;
	uint64_t n;

	if (s->a->kind != EX_FIELD || (s->op != OP_NONE && s->op != OP_EQ) || !is_single(s->b) || s->c)
		return;
	n = sl__value_number(s->b);
	if (is_message_type(f)) {
		c->icmp_type = (int)n;
	} else if (f->where == IN_META && f->key == META_NFPROTO) {
		c->l3 = n == 2 ? 4 : 6;
		c->l3_by = c->table->family == FAM_INET ? s : NULL;
	} else if (f->where == IN_META && f->key == META_PROTOCOL && (n == 0x800 || n == 0x86dd)) {
		c->l3 = n == 0x800 ? 4 : 6;
	} else if ((f->where == IN_META && f->key == META_L4PROTO) ||
		(f->where == IN_NET && f->type == &sl__ty_proto)) {
		c->l4 = (int)n;
		c->l4_by = f->where == IN_META || c->table->family != FAM_INET ? s : NULL;
	}
}

/* "meta l4proto { tcp, udp }": fields of one of them only cannot follow. */
static void learn_set(struct sl__check *c, const struct sl__stmt *s)
{
	const struct sl__field *f = s->a->kind == EX_FIELD ? s->a->field : NULL;

	if (f && is_message_type(f))
		c->icmp_type = -2;
	if (f && f->where == IN_META && f->key == META_L4PROTO)
		c->l4_set = s->b->set;
	if (f && f->where == IN_META && f->key == META_NFPROTO)
		c->l3_set = s->b->set;
}

/* Leading ones of a mask, or -1 when it is no prefix. */
static int mask_length(const struct sl__expr *mask)
{
	int n = 0, i;

	for (i = 0; i < mask->len * 8; i++) {
		bool one = mask->value[i / 8] >> (7 - i % 8) & 1;

		if (one && n < i)
			return -1;
		n += one;
	}
	return n;
}

/* `a & mask == b` in the form in which it is printed. */
static void normalize(struct sl__check *c, struct sl__stmt *s)
{
	static const uint8_t zero[SL_RULES_VALUE_MAX];
	struct sl__expr *bin = s->a, *prefix;
	int len;

	if (bin->kind != EX_BINARY || bin->op != OP_AND || !is_single(s->b) || s->c || bin->a->kind != EX_FIELD)
		return;
	if (bin->type->kind == TY_BITMASK) {
		bool none = !memcmp(s->b->value, zero, sizeof zero);

		if (none && (s->op == OP_EQ || s->op == OP_NONE)) {
			s->op = OP_NOT;
			s->b = bin->b;
		} else if (none && s->op == OP_NE) {
			s->op = OP_NONE;
			s->b = bin->b;
		} else if (s->op == OP_EQ || s->op == OP_NE || s->op == OP_NONE) {
			s->c = bin->b;
			s->op = s->op == OP_NE ? OP_NE : OP_EQ;
		} else {
			return;
		}
		s->a = bin->a;
		return;
	}
	len = mask_length(bin->b);
	if ((bin->type->kind != TY_IPV4 && bin->type->kind != TY_IPV6) || len < 0 || s->op > OP_NE)
		return;
	prefix = sl__arena_get(&c->r->arena, sizeof *prefix);
	*prefix = *s->b;
	prefix->kind = EX_PREFIX;
	prefix->a = s->b;
	prefix->len = (uint8_t)len;
	s->a = bin->a;
	s->b = prefix;
}

static void check_relation(struct sl__check *c, struct sl__stmt *s)
{
	bool ordered = s->op >= OP_LT && s->op <= OP_GE;

	if (s->op == OP_NOT && s->a->type && s->a->type->kind != TY_BITMASK)
		fail(c, s->place, "operator ! is for bitmasks only");
	if (ordered && (!is_single(s->b) || s->a->type->kind == TY_IFNAME))
		fail(c, s->b->place, "this operator needs a single value");
	if (s->b->kind == EX_RANGE && s->a->type->kind == TY_BITMASK)
		fail(c, s->b->place, "ranges are not possible with bitmasks");
}

static void check_match(struct sl__check *c, struct sl__stmt *s)
{
	check_left(c, s->a);
	if (s->b->kind == EX_SET || s->b->kind == EX_SETREF) {
		if (s->op != OP_NONE && s->op != OP_EQ && s->op != OP_NE)
			fail(c, s->b->place, "this operator needs a single value");
		if (s->b->kind == EX_SET && s->b->count == 1 && s->a->kind != EX_CONCAT && s->b->items->a->kind != EX_WILD) {
			s->b = s->b->items->a;
		} else {
			s->b->set = s->b->kind == EX_SET ? anonymous(c, s->a, s->b, NULL, 0)
							 : named(c, s->a, s->b, false);
			if (s->b->kind == EX_SET && s->op != OP_NE)
				learn_set(c, s);
			return;
		}
	}
	if (s->a->kind == EX_CONCAT) {
		const struct sl__type *parts[8];

		check_parts(c, s->b, parts, left_types(s->a, parts, 8));
		return;
	}
	if (s->a->field && s->a->field->where == IN_FIB && s->b->kind == EX_SYMBOL && s->a->field->key == FIB_RESULT_OIF &&
		strcmp(s->b->text, "missing") && strcmp(s->b->text, "exists") && strcmp(s->b->text, "0") && strcmp(s->b->text, "1"))
		fail(c, s->b->place, "not supported: fib compared with an interface, only exists and missing");
	check_value(c, s->b, s->a->type, s->a->bits);
	if (s->b->kind == EX_FIELD || s->b->kind == EX_MAP)
		fail(c, s->b->place, "not supported: comparing two fields");
	if (s->c)
		check_value(c, s->c, s->a->type, s->a->bits);
	if (s->c && s->op == OP_NONE)
		s->op = OP_EQ;
	check_relation(c, s);
	normalize(c, s);
	learn(c, s);
}

/* ---- other statements ---- */

static void nat_address(struct sl__check *c, struct sl__stmt *s)
{
	const struct sl__type *types[2] = {s->family == 6 ? &sl__ty_ipv6 : &sl__ty_ipv4, &sl__ty_service};
	struct sl__expr *a = s->a;

	if (a->kind == EX_MAP) {
		bool pair = s->addr_port || (a->b->kind == EX_SET && a->b->items && a->b->items->b &&
			a->b->items->b->kind == EX_CONCAT);
		struct sl__set *ref = a->b->kind == EX_SETREF ? sl__set_named(c->table, a->b->text) : NULL;

		if (ref && ref->data_count == 2)
			pair = true;
		check_map(c, a, types, pair ? 2 : 1);
		s->addr_port = pair;
		return;
	}
	check_value(c, a, types[0], types[0]->bits);
}

static void check_nat(struct sl__check *c, struct sl__stmt *s)
{
	if (!s->a && !s->b && (s->op == NAT_SNAT || s->op == NAT_DNAT))
		fail(c, s->place, "an address or a port is needed");
	if (!s->family)
		s->family = c->l3;
	if (s->a && !s->family)
		fail(c, s->a->place, "specify `snat ip' or 'snat ip6' in inet table to disambiguate");
	if (s->family && c->l3 && c->l3 != s->family)
		fail(c, s->place, "conflicting protocols specified: %s vs. %s", c->l3 == 4 ? "ip" : "ip6",
			s->family == 4 ? "ip" : "ip6");
	if (s->a)
		nat_address(c, s);
	if ((s->b || s->addr_port) && c->l4 != 6 && c->l4 != 17 && c->l4 != 132 && c->l4 != 33 && c->l4 != 136 && c->l4 != -2)
		fail(c, s->b ? s->b->place : s->place, "transport protocol mapping is only valid after transport protocol match");
	if (s->b)
		check_value(c, s->b, &sl__ty_service, 16);
	if (s->flags && s->op == NAT_REDIRECT && !s->b)
		return;
}

/* A match of meta `key` at the front of the rule. */
static void imply_first(struct sl__check *c, const struct sl__stmt *by, const char *key, uint64_t n)
{
	struct sl__stmt *s = sl__arena_get(&c->r->arena, sizeof *s);

	s->kind = ST_MATCH;
	s->place = by->place;
	s->a = sl__arena_get(&c->r->arena, sizeof *s->a);
	s->a->kind = EX_FIELD;
	s->a->dir = 2;
	s->a->place = by->place;
	s->a->field = sl__field_find("meta", key);
	s->a->type = s->a->field->type;
	s->a->bits = s->a->field->bits;
	s->b = value_of(c, s->a->type, n, by->place);
	s->hidden = c->rule->stmts == by && !strcmp(key, "nfproto");
	s->next = c->rule->stmts;
	c->rule->stmts = s;
}

static void check_reject(struct sl__check *c, struct sl__stmt *s)
{
	if (s->op == REJECT_DEFAULT) {
		uint8_t l3 = c->l3;

		s->op = l3 == 4 ? REJECT_ICMP : l3 == 6 ? REJECT_ICMPV6 : REJECT_ICMPX;
		s->code = l3 == 4 ? 3 : l3 == 6 ? 4 : 1;
		return;
	}
	if (s->op == REJECT_ICMP || s->op == REJECT_ICMPV6) {
		s->family = s->op == REJECT_ICMP ? 4 : 6;
		if (c->l3 && c->l3 != s->family)
			fail(c, s->place, "conflicting network layer protocol: %s", s->family == 4 ? "icmp in an ip6 rule" : "icmpv6 in an ip rule");
	}
	if (s->op == REJECT_ICMPX && c->table->family != FAM_INET)
		fail(c, s->place, "icmpx is for tables of family inet");
	if (s->family && !c->l3)
		imply_first(c, s, "nfproto", s->family == 4 ? 2 : 10);
	if (s->op == REJECT_RESET && c->l4 == -1)
		imply_first(c, s, "l4proto", SL_PROTO_TCP);
	if (s->op == REJECT_RESET && c->l4 >= 0 && c->l4 != 6)
		fail(c, s->place, "cannot reject with tcp reset a packet that is not tcp");
}

/* ct helper set tcp dport map { 21 : "ftp", ... } */
static void object_from_map(struct sl__check *c, struct sl__stmt *s)
{
	static const struct sl__type *const name[] = {&sl__ty_string};
	struct sl__expr *e;

	if (s->a->kind != EX_MAP || s->a->b->kind != EX_SET)
		fail(c, s->a->place, "not supported: objects from a named map");
	if (s->object == OB_TIMEOUT || s->object == OB_EXPECTATION)
		fail(c, s->place, "not supported: ct %s set", s->object == OB_TIMEOUT ? "timeout" : "expectation");
	check_map(c, s->a, name, 1);
	for (e = s->a->set->elems; e; e = e->next) {
		if (!sl__object_find(c->table, s->object, (const char *)e->b->value))
			fail(c, e->b->place, "Could not process rule: No such file or directory: no such object");
	}
}

static void find_object(struct sl__check *c, struct sl__stmt *s)
{
	if (s->a) {
		object_from_map(c, s);
		return;
	}
	s->ref = sl__object_find(c->table, s->object, s->text);
	if (s->ref && s->kind == ST_CT_OBJECT && s->object != OB_HELPER)
		fail(c, s->place, "not supported: ct %s set", s->object == OB_TIMEOUT ? "timeout" : "expectation");
	if (!s->ref)
		fail(c, s->place, "Could not process rule: No such file or directory: no such object '%.60s'", s->text);
}

static void check_set_change(struct sl__check *c, struct sl__stmt *s)
{
	struct sl__expr ref = {.kind = EX_SETREF, .text = s->text, .place = s->place};
	struct sl__set *set = sl__set_named(c->table, s->text);

	check_left(c, s->a);
	s->set = named(c, s->a, &ref, set && set->map);
	if (s->set->map && !s->b && s->op != 2)
		fail(c, s->place, "missing data: this is a map");
	if (s->b && !s->set->map)
		fail(c, s->b->place, "data for a set: this is no map");
	if (s->b && s->set->data_count != 1)
		fail(c, s->b->place, "not supported: adding concatenated data");
	if (s->b)
		check_value(c, s->b, s->set->data[0], s->set->data[0]->bits);
	if (s->timeout)
		s->set->flags |= SET_TIMEOUT;
	if (!(s->set->flags & (SET_DYNAMIC | SET_TIMEOUT)))
		s->set->flags |= SET_DYNAMIC;
	if (s->set->flags & SET_INTERVAL)
		fail(c, s->place, "not supported: changing a set of intervals from a rule");
}

static void check_flow(struct sl__check *c, struct sl__stmt *s)
{
	struct sl__flowtable *f;

	for (f = c->table->flowtables; f; f = f->next) {
		if (!strcmp(f->name, s->text))
			return;
	}
	fail(c, s->place, "Could not process rule: No such file or directory: no flowtable '%.60s'", s->text);
}

static void check_vmap(struct sl__check *c, struct sl__stmt *s)
{
	static const struct sl__type *const verdict[] = {&sl__ty_verdict};
	struct sl__expr *map = s->b;

	check_left(c, s->a);
	if (map->kind == EX_SET) {
		map->set = anonymous(c, s->a, map, verdict, 1);
	} else {
		map->set = named(c, s->a, map, true);
		if (map->set->data[0]->kind != TY_VERDICT)
			fail(c, map->place, "%.60s is not a verdict map", map->text);
	}
}

static void check_stmt(struct sl__check *c, struct sl__stmt *s)
{
	switch (s->kind) {
	case ST_MATCH:
		check_match(c, s);
		break;
	case ST_VMAP:
		check_vmap(c, s);
		break;
	case ST_META_SET:
	case ST_CT_SET:
		check_value(c, s->b, s->a->field->key == CT_ZONE && s->kind == ST_CT_SET ? sized(&sl__ty_integer, 16) : &sl__ty_mark,
			s->a->field->bits);
		break;
	case ST_MSS:
		check_left(c, s->a);
		if (s->b)
			check_value(c, s->b, sized(&sl__ty_integer, 16), 16);
		break;
	case ST_NAT:
		check_nat(c, s);
		break;
	case ST_REJECT:
		check_reject(c, s);
		break;
	case ST_OBJECT:
	case ST_CT_OBJECT:
		find_object(c, s);
		break;
	case ST_SET_CHANGE:
		check_set_change(c, s);
		break;
	case ST_CT_COUNT:
		fail(c, s->place, "not supported: ct count");
	case ST_FLOW:
		check_flow(c, s);
		break;
	default:
		break;
	}
}

static bool ends_rule(const struct sl__stmt *s)
{
	return (s->kind == ST_VERDICT && s->a->op != VD_CONTINUE) || s->kind == ST_REJECT || s->kind == ST_NAT;
}

void sl__check_rule(struct sl_rules *r, struct sl__table *table, struct sl__rule *rule, jmp_buf *out)
{
	struct sl__check c = {.r = r, .table = table, .rule = rule, .l4 = -1, .icmp_type = -1, .fail = out};
	struct sl__stmt *s;

	c.l3 = table_l3(&c);
	c.at = &rule->stmts;
	for (s = rule->stmts; s; c.at = &s->next, s = s->next) {
		/* "meta l4proto { tcp, udp } th dport": ports are there, whatever the protocol. */
		check_stmt(&c, s);
		if (s->kind == ST_MATCH && s->b->set && s->a->field && s->a->field->type == &sl__ty_proto && c.l4 == -1)
			c.l4 = -2;
		if (ends_rule(s) && s->next)
			fail(&c, s->place, "Statement after terminal statement has no effect");
	}
}
