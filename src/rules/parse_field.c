/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fields of packets, connections and routes on the left of a match. What nft knows and sluice does
 * not is refused by name.
 */
#include "rules/parse.h"

#include <string.h>

static const char *const not_supported_groups[] = {"ether", "vlan", "arp", "socket",
        "osf", "ipsec", "rt0", "rt2", "rt4",
        "time", "day", "hour", "rtclassid", "skuid", "skgid", "nftrace", "cpu", "iiftype",
        "oiftype", "iifgroup", "oifgroup", "cgroup", "ibrname", "obrname", "ibriport", "obriport",
        "random", "xt", NULL};
static const char *const not_supported_keys[] = {"skuid", "skgid", "nftrace", "rtclassid", "cpu",
        "iiftype", "oiftype", "iifgroup", "oifgroup", "cgroup", "random", "secpath", "iifkind",
        "oifkind", "ibrname", "obrname", "ibriport", "obriport", "ibrpvid", "ibrvproto", "sdif",
        "sdifname", "time", "day", "hour", "priority", "secmark", "label", "event", "id", "timeout",
        "options", "option", "seqadj", NULL};

bool sl__listed(const char *const *list, const struct sl__token *t)
{
	for (; *list; list++) {
		if (sl__token_is(t, *list))
			return true;
	}
	return false;
}

bool sl__group_token(const struct sl__token *t)
{
	char name[24];

	if (t->kind != TK_WORD || t->len >= sizeof name)
		return false;
	memcpy(name, t->text, t->len);
	name[t->len] = 0;
	return sl__group_known(name) || sl__meta_bare(name) || !strcmp(name, "symhash") ||
	       sl__listed(not_supported_groups, t);
}

bool sl__at_field(const struct sl__parser *p)
{
	return sl__group_token(&p->token);
}

_Noreturn static void bad_key(struct sl__parser *p, const char *group)
{
	if (p->token.kind == TK_WORD && sl__listed(not_supported_keys, &p->token)) {
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
		                                        ? (ip6 ? "ip6 saddr" : "ip saddr")
		                                        : (ip6 ? "ip6 daddr" : "ip daddr"));
		e->arg[0] = 1; /* written without the family */
		sl__take(p);
	} else {
		parse_key(p, "ct", e);
	}
	if (e->field->key == CT_L3PROTO || e->field->key == CT_PROTOCOL)
		e->dir = 2; /* the same in both */
	if (e->field->key >= CT_SADDR4 && e->field->key <= CT_PROTO_DST && e->dir == 2)
		sl__parse_fail(p, sl__place_join(e->place, p->last),
		        "direction (original or reply) is missing");
}

static void parse_fib(struct sl__parser *p, struct sl__expr *e)
{
	static const struct {
		const char *word;
		unsigned flag;
	} flags[] = {{"saddr", FIB_SADDR}, {"daddr", FIB_DADDR}, {"iif", FIB_IIF}, {"oif", FIB_OIF},
	        {"mark", FIB_MARK}};
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
		sl__parse_fail(p, sl__place_join(e->place, p->last),
		        "fib: one of saddr and daddr is needed");
	if (!sl__is_word(p, "type") && !sl__is_word(p, "oif") && !sl__is_word(p, "oifname"))
		sl__parse_unexpected(p, "type, oif or oifname");
	if (sl__is_word(p, "type") && e->arg[ARG_FLAGS] & (FIB_IIF | FIB_OIF))
		sl__parse_unsupported(p, sl__place_join(e->place, p->token.place),
		        "the type of an address on one interface");
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

/* `rt type` is of a header of IPv6; what of `rt` is a route sluice does not know. */
static void parse_rt(struct sl__parser *p, struct sl__expr *e)
{
	static const char *const routes[] = {"classid", "nexthop", "mtu", "ip", "ip6", "ipsec", NULL};

	if (sl__listed(routes, &p->token))
		sl__parse_unsupported(
		        p, sl__place_join(e->place, p->token.place), "rt, what a route says");
	parse_key(p, "rt", e);
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
		sl__parse_tcp_option(p, e);
	else if (!strcmp(group, "ip") && sl__is_word(p, "option"))
		sl__parse_ip_option(p, e);
	else if (!strcmp(group, "rt"))
		parse_rt(p, e);
	else
		parse_key(p, group, e);
}

struct sl__expr *sl__parse_field(struct sl__parser *p)
{
	struct sl__expr *e = sl__expr_new(p, EX_FIELD, p->token.place);
	char *group;

	if (sl__is_word(p, "symhash") || sl__listed(not_supported_groups, &p->token)) {
		struct sl__place place = p->token.place;

		sl__parse_unsupported(p, place, sl__token_text(p));
	}
	if (sl__is(p, '@')) {
		sl__parse_raw(p, e);
		e->place = sl__place_join(e->place, p->last);
		e->type = e->field->type;
		e->bits = e->field->bits;
		return e;
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
