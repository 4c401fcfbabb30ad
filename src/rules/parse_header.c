/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fields that no table can list: raw bits (`@th,8,16`), and options by name or number with a field of
 * theirs, or with none: `tcp option sack-perm exists`. Each such expression gets a description of its own.
 */
#include "rules/parse.h"

#include <stdio.h>
#include <string.h>

/* The same text as the table of fields would have. */
static struct sl__field *field_new(
        struct sl__parser *p, const char *group, const char *name, const char *part)
{
	struct sl__field *f = sl__arena_get(&p->r->arena, sizeof *f);
	char text[64];
	int n = snprintf(text, sizeof text, "%s%s%s", name, part ? " " : "", part ? part : "");

	f->group = group;
	f->name = sl__arena_text(&p->r->arena, text, (size_t)n);
	f->type = &sl__ty_integer;
	return f;
}

static unsigned small_number(struct sl__parser *p, unsigned max)
{
	return (unsigned)sl__parse_number(p, max, "a number");
}

/* ---- raw bits ---- */

/* Numbers of any width, printed as nft does. */
static const struct sl__type *bits_type(struct sl__parser *p, unsigned bits)
{
	struct sl__type *type = sl__arena_get(&p->r->arena, sizeof *type);

	*type = sl__ty_integer;
	type->bits = (uint16_t)(8 * sl__bytes_of(bits));
	type->digits = 1;
	return type;
}

/* at,bits */
static void bits_at(struct sl__parser *p, struct sl__field *f)
{
	struct sl__place place = p->token.place;

	f->at = (uint16_t)small_number(p, 8 * 255 + 15);
	sl__expect(p, ',', ",");
	f->bits = (uint16_t)small_number(p, UINT16_MAX);
	if (!f->bits || f->bits > 8 * SL_RULES_VALUE_MAX)
		sl__parse_fail(p, sl__place_join(place, p->last),
		        "1 to %d bits can be read at once", 8 * SL_RULES_VALUE_MAX);
	f->type = bits_type(p, f->bits);
}

void sl__parse_raw(struct sl__parser *p, struct sl__expr *e)
{
	static const char *const bases[] = {
	        [RAW_NETWORK] = "nh", [RAW_TRANSPORT] = "th", [RAW_INNER] = "ih"};
	struct sl__field *f;
	char name[40];
	uint8_t base = 0;

	sl__expect(p, '@', "@");
	while (base < 3 && !sl__is_word(p, bases[base]))
		base++;
	if (sl__is_word(p, "ll"))
		sl__parse_unsupported(p, sl__place_join(e->place, p->token.place),
		        "the link layer's header (@ll)");
	if (base == 3)
		sl__parse_unexpected(p, "nh, th or ih");
	sl__take(p);
	sl__expect(p, ',', ",");
	f = field_new(p, "@", "", NULL);
	bits_at(p, f);
	snprintf(name, sizeof name, "%s,%u,%u", bases[base], f->at, f->bits);
	f->name = sl__arena_text(&p->r->arena, name, strlen(name));
	f->where = IN_RAW;
	f->key = base;
	e->field = f;
	/* Ports have names, by which nft calls them, too. */
	if (base == RAW_TRANSPORT && f->bits == 16 && (f->at == 0 || f->at == 16))
		e->field = sl__field_find("th", f->at ? "dport" : "sport");
}

/* ---- options ---- */

/* What may be asked of an option: bits at, counted from its kind. */
struct part {
	const char *option, *name; /* option NULL: any */
	uint16_t at, bits;
};
struct option {
	const char *name, *shown; /* shown NULL: by its own name */
	uint8_t kind;
	uint8_t at; /* bits: how much further its parts stand (SACK blocks) */
};

static const struct option tcp_options[] = {{"eol", NULL, 0, 0}, {"nop", NULL, 1, 0},
        {"maxseg", NULL, 2, 0}, {"window", NULL, 3, 0}, {"sack-perm", NULL, 4, 0},
        {"sack-permitted", "sack-perm", 4, 0}, {"sack", NULL, 5, 0}, {"sack0", "sack", 5, 0},
        {"sack1", NULL, 5, 64}, {"sack2", NULL, 5, 128}, {"sack3", NULL, 5, 192},
        {"timestamp", NULL, 8, 0}, {"echo", "timestamp", 8, 0}, {"md5sig", NULL, 19, 0},
        {"mptcp", NULL, 30, 0}, {"fastopen", NULL, 34, 0}, {NULL, NULL, 0, 0}};
static const struct part tcp_parts[] = {{"maxseg", "size", 16, 16}, {"window", "count", 16, 8},
        {"sack", "left", 16, 32}, {"sack", "right", 48, 32}, {"timestamp", "tsval", 16, 32},
        {"timestamp", "tsecr", 48, 32}, {"mptcp", "subtype", 16, 4}, {NULL, "length", 8, 8},
        {NULL, NULL, 0, 0}};
static const struct option ip_options[] = {{"rr", NULL, IP_OPTION_RR, 0},
        {"lsrr", NULL, IP_OPTION_LSRR, 0}, {"ssrr", NULL, IP_OPTION_SSRR, 0},
        {"ra", NULL, IP_OPTION_RA, 0}, {NULL, NULL, 0, 0}};
static const struct part ip_parts[] = {{"ra", "value", 16, 16}, {"rr", "ptr", 16, 8},
        {"rr", "addr", 24, 32}, {"lsrr", "ptr", 16, 8}, {"lsrr", "addr", 24, 32},
        {"ssrr", "ptr", 16, 8}, {"ssrr", "addr", 24, 32}, {NULL, "type", 0, 8},
        {NULL, "length", 8, 8}, {NULL, NULL, 0, 0}};

/* By its name, or (TCP) by its number, where *number gets what has no name. */
static const struct option *find_option(
        struct sl__parser *p, const struct option *options, struct option *number)
{
	const struct option *o = options;

	if (number && sl__is(p, TK_NUMBER)) {
		char text[8];

		number->kind = (uint8_t)small_number(p, 255);
		for (; o->name; o++)
			if (o->kind == number->kind)
				return o;
		snprintf(text, sizeof text, "%u", number->kind);
		number->name = sl__arena_text(&p->r->arena, text, strlen(text));
		return number;
	}
	for (; o->name && !sl__is_word(p, o->name); o++)
		;
	if (!o->name)
		sl__parse_unexpected(
		        p, number ? "the name or number of a TCP option" : "lsrr, ra, rr or ssrr");
	sl__take(p);
	return o;
}

static const struct part *find_part(
        struct sl__parser *p, const struct part *parts, const struct option *o)
{
	size_t name = strcspn(o->name, "0123456789"); /* sack1 has the parts of sack */

	if (o->shown)
		return find_part(p, parts, &(struct option){.name = o->shown});
	for (; parts->name; parts++) {
		bool its = !parts->option || (strlen(parts->option) == name &&
		                                     !strncmp(parts->option, o->name, name));

		if (its && sl__accept_word(p, parts->name))
			return parts;
	}
	return NULL;
}

/* @kind,at,bits, or a name, and then perhaps a part of it; none: is it there? */
static void parse_option(struct sl__parser *p, struct sl__expr *e, const char *group,
        const struct option *options, const struct part *parts, enum sl__where where)
{
	struct option number = {NULL, NULL, 0, 0};
	const struct option *o;
	const struct part *part;
	struct sl__field *f;

	sl__take(p); /* option */
	if (where == IN_TCPOPT && sl__accept(p, '@')) {
		char name[40];

		f = field_new(p, group, "", NULL);
		f->key = (uint8_t)small_number(p, 255);
		sl__expect(p, ',', ",");
		bits_at(p, f);
		f->type = sl__bytes_of(f->bits) > 8 ? f->type : &sl__ty_integer;
		snprintf(name, sizeof name, "@%u,%u,%u", f->key, f->at, f->bits);
		f->name = sl__arena_text(&p->r->arena, name, strlen(name));
	} else {
		o = find_option(p, options, where == IN_TCPOPT ? &number : NULL);
		part = find_part(p, parts, o);
		f = field_new(p, group, o->shown ? o->shown : o->name, part ? part->name : NULL);
		f->key = o->kind;
		f->at = (uint16_t)(part ? part->at + o->at : 0);
		f->bits = part ? part->bits : 8;
		f->type = part ? &sl__ty_integer : &sl__ty_boolean;
	}
	f->where = (uint8_t)where;
	f->family = where == IN_IPOPT ? SL_IPV4 : 0;
	e->field = f;
}

void sl__parse_tcp_option(struct sl__parser *p, struct sl__expr *e)
{
	parse_option(p, e, "tcp option", tcp_options, tcp_parts, IN_TCPOPT);
}

void sl__parse_ip_option(struct sl__parser *p, struct sl__expr *e)
{
	parse_option(p, e, "ip option", ip_options, ip_parts, IN_IPOPT);
}

unsigned sl__parse_tcp_option_kind(struct sl__parser *p, const char **name)
{
	struct option number = {NULL, NULL, 0, 0};
	const struct option *o = find_option(p, tcp_options, &number);

	*name = o->shown ? o->shown : o->name;
	return o->kind;
}
