/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statements that count, keep a limit, or change something: the packet, its connection, a set.
 */
#include "rules/load.h"

#include <string.h>

#include "track/parse.h"

bool sl__limit_passes(struct sl__limit *l, uint64_t now, uint32_t bytes)
{
	uint64_t unit = l->unit * 1000000000u;
	uint64_t factor = !l->rate_unit            ? 1
	                  : l->rate_unit[0] == 'k' ? 1024
	                  : l->rate_unit[0] == 'm' ? 1 << 20
	                                           : 1;
	uint64_t rate = l->rate * factor, cost, tokens;

	if (!l->max) {
		l->max = l->rate_unit ? unit / rate * (rate + l->burst) : unit / rate * l->burst;
		l->tokens = l->max;
		l->last = now;
	}
	cost = l->rate_unit ? (uint64_t)((double)unit * bytes / (double)rate) : unit / rate;
	tokens = l->tokens + (now > l->last ? now - l->last : 0);
	if (tokens > l->max)
		tokens = l->max;
	l->last = now;
	l->tokens = tokens >= cost ? tokens - cost : tokens;
	return (tokens >= cost) != l->over;
}

bool sl__quota_passes(struct sl__quota *q, uint32_t bytes)
{
	q->used += bytes;
	return (q->used > q->bytes) == q->over;
}

void sl__count(struct sl__counter *c, uint32_t bytes)
{
	c->packets++;
	c->bytes += bytes;
}

/* The object that a statement names, or that its map has for this packet. */
struct sl__object *sl__object_of(struct sl__eval *ev, const struct sl__stmt *s)
{
	struct sl__expr *found;

	if (!s->a)
		return s->ref;
	found = sl__load_map(ev, s->a->a, s->a->set);
	return found ? sl__object_find(s->a->set->table, s->object, (const char *)found->b->value)
	             : NULL;
}

bool sl__object_passes(struct sl__eval *ev, struct sl__object *o)
{
	uint32_t bytes = ev->view->parsed->len;

	if (!o)
		return false;

	if (o->kind == OB_LIMIT)
		return sl__limit_passes(&o->limit, ev->view->now, bytes);
	if (o->kind == OB_QUOTA)
		return sl__quota_passes(&o->quota, bytes);
	sl__count(&o->counter, bytes);
	return true;
}

/* ---- statements that change something ---- */

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

bool sl__set_helper(struct sl__eval *ev, const struct sl__object *o)
{
	struct sl_policy_view *v = ev->view;
	const struct sl_tuple *t = &v->parsed->tuple;

	if (!o)
		return false;
	if (v->conn && o->proto == t->proto && (!o->family || o->family == t->family) &&
	        ev->r->env.set_helper)
		ev->r->env.set_helper(v->engine, v->conn, o->helper);
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

	if (!sl__load_number(ev, s->a, &have) || (s->b && !sl__load_number(ev, s->b, &want)) ||
	        !want)
		return false;
	if (want >= have)
		return true;
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

bool sl__change_set(struct sl__eval *ev, struct sl__stmt *s)
{
	uint8_t key[SL_RULES_KEY_MAX] = {0}, data[SL_RULES_KEY_MAX] = {0};
	uint64_t now = ev->view->now, timeout = s->timeout ? s->timeout : s->set->timeout;
	struct sl__expr *elem;
	unsigned len, n = 0;
	bool there;

	if (!sl__load(ev, s->a, key, &len) || (s->b && !sl__load(ev, s->b, data, &n)))
		return false;
	if (s->op == 2) {
		sl__set_remove(s->set, key);
		return true;
	}
	there = sl__set_find(s->set, key, now);
	elem = sl__set_place(ev->r, s->set, key, now);
	if (!elem)
		return false;
	if (!there || s->op == 1)
		elem->expires = timeout ? now + timeout * 1000000 : 0;
	if (s->b && !there) {
		if (!elem->b)
			elem->b = sl__arena_get(&ev->r->arena, sizeof *elem->b);
		if (!elem->b)
			return false;
		elem->b->kind = EX_VALUE;
		elem->b->type = s->set->data[0];
		elem->b->len = (uint8_t)n;
		memcpy(elem->b->value, data, n < SL_RULES_VALUE_MAX ? n : SL_RULES_VALUE_MAX);
	}
	return true;
}
