/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statements that change something: the packet's mark, its connection, a set. Its headers:
 * effect_header.c.
 */
#include "rules/load.h"

#include <string.h>

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
