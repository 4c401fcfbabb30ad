/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statements that change something: the packet, its connection, a set.
 */
#include "rules/load.h"

#include <string.h>

#include "base/checksum.h"
#include "base/wire.h"
#include "track/parse.h"

bool sl__set_meta(struct sl__eval *ev, const struct sl__stmt *s)
{
	uint64_t n;

	if (!sl__load_number(ev, s->b, &n))
		return false;
	ev->view->packet->mark = (uint32_t)n;
	return true;
}

bool sl__set_ct(struct sl__eval *ev, const struct sl__stmt *s)
{
	struct sl_policy_view *v = ev->view;
	uint64_t n;

	if (!sl__load_number(ev, s->b, &n))
		return false;
	if (s->a->field->key == CT_ZONE) {
		/* The first zone stays, and undoes a notrack, as in Linux. */
		if (v->stage == SL_BEFORE_TRACK && !v->zone_set) {
			v->zone_set = true;
			v->notrack = false;
			v->zone = (uint16_t)n;
			v->zone_dirs = (uint8_t)(s->a->dir < 2 ? 1u << s->a->dir : 3u);
		}
		return true;
	}
	if (v->conn)
		sl_conn_set_mark(v->engine, v->conn, (uint32_t)n);
	return true;
}

/* Put the low `bits` bits of n at bit `at`, counted from the top of the first byte. */
static void put_bits(uint8_t *data, unsigned at, unsigned bits, uint64_t n)
{
	unsigned last = (at + bits - 1) / 8, room = 7 - (at + bits - 1) % 8, i;
	uint64_t mask = ((UINT64_C(1) << bits) - 1) << room;

	for (n <<= room, i = last; mask; i--, n >>= 8, mask >>= 8)
		data[i] = (uint8_t)((data[i] & ~mask) | (n & mask));
}

/* A field of the IP header; IPv4's own checksum follows. */
bool sl__set_field(struct sl__eval *ev, const struct sl__stmt *s)
{
	const struct sl__field *f = s->a->field;
	struct sl_packet *p = ev->view->packet;
	uint8_t was[20], *check = p->data + 10;
	uint64_t n;

	if (ev->view->parsed->tuple.family != f->family || !sl__load_number(ev, s->b, &n))
		return false;
	memcpy(was, p->data, sizeof was);
	put_bits(p->data, f->at, f->bits, n);
	if (!memcmp(was, p->data, sizeof was))
		return true;
	p->altered = 1;
	if (f->family == SL_IPV4)
		sl_put16(check, sl__csum_update_range(sl_get16(check), was, p->data, 10, false));
	return true;
}

/* Lower, never raise, the MSS of a SYN; the checksum follows (RFC 1624). */
bool sl__set_mss(struct sl__eval *ev, const struct sl__stmt *s)
{
	struct sl_packet *p = ev->view->packet;
	const struct sl_parsed *parsed = ev->view->parsed;
	uint32_t headers = parsed->tuple.family == SL_IPV6 ? 60 : 40, at = parsed->l4 + 20, sum;
	uint64_t want = p->mtu > headers ? p->mtu - headers : 0, have;
	uint8_t *check = p->data + parsed->l4 + 16;

	if (parsed->tuple.proto != SL_PROTO_TCP || parsed->frag == SL_FRAG_LATER ||
	        (s->b && !sl__load_number(ev, s->b, &want)) || !want)
		return false;
	if (!sl__load_number(ev, s->a, &have) || want >= have)
		return true; /* no such option: what follows is done all the same, as in Linux */
	while (p->data[at] != 2)
		at += p->data[at] == 1 ? 1 : p->data[at + 1];
	p->data[at + 2] = (uint8_t)(want >> 8);
	p->data[at + 3] = (uint8_t)want;
	p->altered = 1;
	if (p->csum == SL_CSUM_PARTIAL)
		return true;
	sum = (~((uint32_t)check[0] << 8 | check[1]) & 0xffff) + (~(uint32_t)have & 0xffff) +
	      (uint32_t)want;
	if ((at & 1) != (parsed->l4 & 1)) { /* the value lies across two checksum words */
		sum = (~((uint32_t)check[0] << 8 | check[1]) & 0xffff);
		sum += (~(uint32_t)((have & 0xff) << 8 | have >> 8) & 0xffff) +
		       (uint32_t)((want & 0xff) << 8 | want >> 8);
	}
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	check[0] = (uint8_t)(sum >> 8);
	check[1] = (uint8_t)sum;
	return true;
}

/* An element that was not there has the data that the rule gives. */
static bool put_data(
        struct sl__eval *ev, struct sl__set *set, struct sl__expr *elem, const uint8_t *data)
{
	struct sl__expr *part;

	if (!elem->b) {
		elem->b = sl__data_new(ev->r->whole, set);
		if (!elem->b)
			return false;
	}
	for (part = elem->b->kind == EX_CONCAT ? elem->b->items : elem->b; part;
	        part = part->next) {
		memcpy(part->value, data, part->len);
		data += part->len;
	}
	return true;
}

/* As the kernel: `add` leaves what is there as it is, `update` renews its timeout. */
bool sl__change_set(struct sl__eval *ev, struct sl__stmt *s)
{
	uint8_t key[SL_RULES_KEY_MAX] = {0}, data[SL_RULES_KEY_MAX] = {0};
	uint64_t now = ev->view->now, timeout = s->timeout ? s->timeout : s->set->timeout;
	const struct sl__stateful *each = s->set->each ? s->set->each : s->each;
	struct sl__expr *elem;
	unsigned len, n = 0;
	bool fresh = false;

	if (!sl__load(ev, s->a, key, &len) || (s->b && !sl__load(ev, s->b, data, &n)))
		return false;
	if (s->op == 2) {
		sl__set_remove(s->set, key);
		return true;
	}
	elem = sl__set_place(ev->r->whole, s->set, key, now, &fresh);
	if (!elem)
		return false;
	if (fresh || s->op == 1)
		elem->expires = timeout ? now + timeout * 1000000 : 0;
	if (fresh && each)
		elem->each = sl__stateful_copy(ev->r->whole, each, elem->each);
	if (fresh && ((s->b && !put_data(ev, s->set, elem, data)) || (each && !elem->each))) {
		elem->expires = 1; /* no memory: it is not there */
		return false;
	}
	return sl__each_passes(ev, elem);
}
