/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What ends a rule with more than a verdict: where a packet is to be translated to, and how it is
 * rejected.
 */
#include "rules/load.h"

#include <string.h>

#include "track/parse.h"

enum sl__outcome sl__reject(struct sl__eval *ev, const struct sl__stmt *s)
{
	static const uint8_t x4[4] = {0, 3, 1, 13}, x6[4] = {0, 4, 3, 1};
	struct sl_policy_view *v = ev->view;
	bool ip6 = v->parsed->tuple.family == SL_IPV6;

	if (s->op == REJECT_RESET) {
		if (v->parsed->tuple.proto != SL_PROTO_TCP)
			return SL__NO_MATCH;
		v->reject = SL_REJECT_TCP_RESET;
		return SL__REJECTED;
	}
	if (s->family && (s->family == 6) != ip6)
		return SL__NO_MATCH;
	v->reject = SL_REJECT_ICMP;
	v->reject_type = ip6 ? 1 : 3;
	v->reject_code = s->op == REJECT_ICMPX ? (ip6 ? x6 : x4)[s->code & 3] : s->code;
	return SL__REJECTED;
}

/* ---- NAT ---- */

static void put_addr(struct sl_addr *a, const uint8_t *bytes, uint8_t family)
{
	*a = family == SL_IPV6 ? sl_addr_v6(bytes) : sl_addr_v4(bytes);
}

static void range_ports(
        struct sl_nat_range *r, const struct sl__expr *e, unsigned port, unsigned last)
{
	(void)e;
	r->flags |= SL_NAT_MAP_PORT;
	r->min_port = (uint16_t)port;
	r->max_port = (uint16_t)last;
}

static bool nat_ports(struct sl__eval *ev, const struct sl__expr *e)
{
	uint64_t n;

	if (e->kind == EX_RANGE) {
		range_ports(ev->range, e, (unsigned)sl__value_number(e->a),
		        (unsigned)sl__value_number(e->b));
		return true;
	}
	if (!sl__load_number(ev, e, &n))
		return false;
	range_ports(ev->range, e, (unsigned)n, (unsigned)n);
	return true;
}

/* The address part: a constant, range or prefix, or what a map gives (which may have a port). */
static bool nat_addresses(struct sl__eval *ev, const struct sl__stmt *s)
{
	const struct sl__expr *e = s->a, *port = NULL;
	struct sl__set one = {.part_count = 1};
	struct sl__expr elem = {.kind = EX_ELEM};
	uint8_t lo[SL_RULES_KEY_MAX], hi[SL_RULES_KEY_MAX];
	unsigned len;

	if (e->kind == EX_MAP) {
		e = sl__load_map(ev, e->a, e->set);
		if (!e)
			return false;
		e = e->b;
	}
	if (e->kind == EX_CONCAT) {
		port = e->items->next;
		e = e->items;
	}
	if (e->kind == EX_FIELD || e->kind == EX_BINARY) {
		if (!sl__load(ev, e, lo, &len))
			return false;
		memcpy(hi, lo, len);
	} else {
		struct sl__expr copy = *e;

		one.parts[0] = s->family == 6 ? &sl__ty_ipv6 : &sl__ty_ipv4;
		copy.next = NULL;
		elem.a = &copy;
		sl__elem_bounds(&one, &elem, lo, hi);
	}
	put_addr(&ev->range->min_addr, lo, s->family);
	put_addr(&ev->range->max_addr, hi, s->family);
	ev->range->flags |=
	        SL_NAT_MAP_ADDR | (e->kind == EX_PREFIX && s->prefix ? (unsigned)SL_NAT_NETMAP : 0);
	return !port || nat_ports(ev, port);
}

enum sl__outcome sl__rules_translate(struct sl__eval *ev, const struct sl__stmt *s)
{
	if (!ev->range || (s->family && s->family != ev->view->parsed->tuple.family))
		return SL__NO_MATCH;
	memset(ev->range, 0, sizeof *ev->range);
	ev->range->flags = s->flags;
	if (s->op == NAT_MASQUERADE)
		ev->range->flags |= SL_NAT_MASQUERADE;
	if (s->op == NAT_REDIRECT)
		ev->range->flags |= SL_NAT_REDIRECT;
	if ((s->a && !nat_addresses(ev, s)) || (s->b && !nat_ports(ev, s->b)))
		return SL__NO_MATCH;
	return SL__TRANSLATED;
}
