/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where translations go: snat, dnat, masquerade, redirect.
 */
#include "rules/parse.h"

static void nat_flags(struct sl__parser *p, struct sl__stmt *s)
{
	while (sl__is_word(p, "random") || sl__is_word(p, "fully-random") ||
	        sl__is_word(p, "persistent")) {
		s->flags = (uint16_t)(s->flags | (sl__is_word(p, "random") ? SL_NAT_RANDOM
		                                         : sl__is_word(p, "persistent")
		                                                 ? SL_NAT_PERSISTENT
		                                                 : SL_NAT_FULLY_RANDOM));
		sl__take(p);
		if (sl__accept(p, ',') && sl__at_end_of_rule(p))
			sl__parse_unexpected(p, "random, fully-random or persistent");
	}
}

static void nat_family(struct sl__parser *p, struct sl__stmt *s)
{
	struct sl__token second = sl__second(p);

	if ((sl__is_word(p, "ip") || sl__is_word(p, "ip6")) &&
	        (sl__token_is(&second, "to") || sl__token_is(&second, "addr") ||
	                sl__token_is(&second, "prefix") || sl__token_is(&second, "interval"))) {
		s->family = sl__is_word(p, "ip") ? 4 : 6;
		s->explicit_family = 1;
		sl__take(p);
	}
	for (;;) {
		if (sl__accept_word(p, "prefix")) {
			s->prefix = 1;
		} else if (sl__accept_word(p, "interval")) {
			s->interval = 1;
		} else if (sl__is_word(p, "addr")) {
			sl__take(p);
			sl__expect(p, '.', "'.'");
			sl__expect_word(p, "port");
			s->addr_port = 1;
		} else {
			return;
		}
	}
}

/* [v6]:port, address, range, map, or nothing before :port */
static void nat_target(struct sl__parser *p, struct sl__stmt *s)
{
	struct sl__expr *range;

	if (sl__accept(p, '[')) {
		s->a = sl__parse_value(p);
		sl__expect(p, ']', "]");
		if (sl__accept(p, '-')) {
			range = sl__expr_new(p, EX_RANGE, s->a->place);
			range->a = s->a;
			sl__expect(p, '[', "[");
			range->b = sl__parse_value(p);
			sl__expect(p, ']', "]");
			s->a = range;
		}
	} else if (!sl__is(p, ':')) {
		s->a = sl__parse_value(p);
	}
	if (sl__accept(p, ':'))
		s->b = sl__parse_value(p);
}

static void nat_stmt(struct sl__parser *p, struct sl__stmt *s)
{
	bool wants = s->op == NAT_SNAT || s->op == NAT_DNAT;

	s->kind = ST_NAT;
	if (wants) {
		nat_family(p, s);
		sl__accept_word(p, "to");
		nat_target(p, s);
	} else if (sl__accept_word(p, "to")) {
		sl__expect(p, ':', "':'");
		s->b = sl__parse_value(p);
	} else if (sl__accept(p, ':')) {
		s->b = sl__parse_value(p);
	}
	s->place = sl__place_join(s->place, p->last);
	nat_flags(p, s);
}

void sl__snat_stmt(struct sl__parser *p, struct sl__stmt *s)
{
	s->op = NAT_SNAT;
	nat_stmt(p, s);
}

void sl__dnat_stmt(struct sl__parser *p, struct sl__stmt *s)
{
	s->op = NAT_DNAT;
	nat_stmt(p, s);
}

void sl__masquerade_stmt(struct sl__parser *p, struct sl__stmt *s)
{
	s->op = NAT_MASQUERADE;
	nat_stmt(p, s);
}

void sl__redirect_stmt(struct sl__parser *p, struct sl__stmt *s)
{
	s->op = NAT_REDIRECT;
	nat_stmt(p, s);
}
