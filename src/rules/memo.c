/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What need not be asked again. Packets of an established connection mostly take the same path
 * through the rules: the same addresses, ports, interfaces and state. Where that is certain, the
 * answer "go on" of a stage is remembered for the connection, its direction and interfaces.
 *
 * Certain it is when every statement on the path was a match of members that do not change while
 * the connection is established (or a verdict): addresses, ports, protocols, interfaces, ct state
 * and direction, zone, the tuples of the connection, looked up in constants or in sets that no
 * rule changes. Which statements are such is found once, when all is read (sl__memo_mark); the
 * evaluation notes whether it met another. Counters, limits, quotas, logs, marks, lengths, flags,
 * TTL, fib, status (a connection becomes assured) and whatever sets something are others.
 *
 * Memory is one table of fixed size, where connections displace each other; a name of a connection
 * is never used again soon, so an entry of one that is gone is never taken for another's. It
 * ends with its ruleset: a new one begins with nothing remembered.
 */
#include "rules/load.h"

#include <string.h>

#include "track/track.h"

#define MEMOS 16384 /* a power of two */

struct sl__memo {
	uint64_t name; /* id of the conn and direction; 0: empty */
	uint32_t in_if, out_if;
	uint32_t known; /* bit 4 * hook + stage: nothing to ask there */
};

/* ---- which statements always answer alike ---- */

static bool field_stays(const struct sl__field *f)
{
	static const bool ct[] = {[CT_STATE] = true,
	        [CT_DIRECTION] = true,
	        [CT_ZONE] = true,
	        [CT_L3PROTO] = true,
	        [CT_PROTOCOL] = true,
	        [CT_SADDR4] = true,
	        [CT_DADDR4] = true,
	        [CT_SADDR6] = true,
	        [CT_DADDR6] = true,
	        [CT_PROTO_SRC] = true,
	        [CT_PROTO_DST] = true};

	switch (f->where) {
	case IN_NET:
		return !strcmp(f->name, "saddr") || !strcmp(f->name, "daddr") ||
		       !strcmp(f->name, "protocol");
	case IN_TRANSPORT:
		return !strcmp(f->name, "sport") || !strcmp(f->name, "dport");
	case IN_META:
		return f->key <= META_PROTOCOL;
	case IN_CT:
		return f->key < sizeof ct / sizeof *ct && ct[f->key];
	default:
		return false;
	}
}

static bool stays(const struct sl__expr *e)
{
	const struct sl__expr *part;

	switch (e->kind) {
	case EX_FIELD:
		return field_stays(e->field);
	case EX_BINARY:
		return stays(e->a) && e->b->kind == EX_VALUE;
	case EX_CONCAT:
		for (part = e->items; part; part = part->next)
			if (!stays(part))
				return false;
		return true;
	default:
		return false;
	}
}

static bool stmt_stays(const struct sl__stmt *s)
{
	switch (s->kind) {
	case ST_MATCH:
	case ST_VMAP:
		return stays(s->a) && (!s->b->set || sl__set_stays(s->b->set));
	case ST_VERDICT:
	case ST_FLOW:
		return true;
	default:
		return false;
	}
}

void sl__memo_mark(struct sl_rules *r)
{
	struct sl__table *t;
	struct sl__chain *c;
	struct sl__rule *rule;
	struct sl__stmt *s;

	for (t = r->tables; t; t = t->next)
		for (c = t->chains; c; c = c->next)
			for (rule = c->rules; rule; rule = rule->next)
				for (s = rule->stmts; s; s = s->next)
					s->stays = stmt_stays(s);
	(void)sl__memo_make(r);
}

bool sl__memo_make(struct sl_rules *r)
{
	r->memos = sl__arena_get(&r->arena, MEMOS * sizeof *r->memos);
	return r->memos != NULL;
}

/* ---- the table ---- */

static uint32_t bit_of(const struct sl_policy_view *v)
{
	return 1u << (4 * (unsigned)v->hook + (unsigned)v->stage);
}

static uint64_t name_of(const struct sl_policy_view *v)
{
	return sl__conn_handle(v->conn) << 1 | (unsigned)v->dir;
}

static struct sl__memo *place_of(struct sl_rules *r, uint64_t name)
{
	return &r->memos[(name * 0x9e3779b97f4a7c15u) >> 50];
}

bool sl__memo_may(const struct sl_policy_view *v)
{
	return v->conn && v->state == SL_CT_ESTABLISHED && v->conn->status & SL_CONFIRMED;
}

bool sl__memo_knows(struct sl_rules *r, const struct sl_policy_view *v)
{
	uint64_t name = name_of(v);
	const struct sl__memo *m = place_of(r, name);

	return m->name == name && m->known & bit_of(v) && m->in_if == v->in_if &&
	       (!v->out_if || m->out_if == v->out_if);
}

void sl__memo_keep(struct sl_rules *r, const struct sl_policy_view *v)
{
	uint64_t name = name_of(v);
	struct sl__memo *m = place_of(r, name);

	if (m->name != name || m->in_if != v->in_if ||
	        (v->out_if && m->out_if && m->out_if != v->out_if))
		*m = (struct sl__memo){.name = name, .in_if = v->in_if};
	if (v->out_if)
		m->out_if = v->out_if;
	m->known |= bit_of(v);
}
