/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What keeps count: counters, limits, quotas and `ct count`, as statements, as named objects, and
 * one for each element of a set or meter. They are evaluated alike wherever they stand: true goes
 * on with the rule, false ends it as a match would that does not fit.
 *
 * `ct count` knows the connections whose first packet passed it, by their handles. Whether they are
 * still there (and not a TCP connection that is closed) is only looked up when it matters: when
 * more are known than the limit allows. So what it costs for each packet does not grow with their
 * number below the limit; above it, it is one pass over what is known.
 */
#include "rules/load.h"

#include <string.h>

#include "track/parse.h"

#define CREDIT_MAX 1000000000000000000u /* ns: 31 years */

/* What so many bytes cost at `rate` bytes in `unit` ns, of which a byte may be less than one. */
static uint64_t credit(uint64_t unit, uint32_t bytes, uint64_t rate)
{
	double ns = (double)unit * bytes / (double)rate;

	return ns < (double)CREDIT_MAX ? (uint64_t)ns : CREDIT_MAX;
}

/* The kernel's token bucket, in nanoseconds of credit. */
static bool limit_passes(struct sl__limit *l, uint64_t now, uint32_t bytes)
{
	uint64_t unit = l->unit * 1000000000u;
	uint64_t factor = !l->rate_unit            ? 1
	                  : l->rate_unit[0] == 'k' ? 1024
	                  : l->rate_unit[0] == 'm' ? 1 << 20
	                                           : 1;
	uint64_t rate = l->rate * factor, cost, tokens;

	if (!l->max) {
		l->max =
		        l->rate_unit ? unit + credit(unit, l->burst, rate) : unit / rate * l->burst;
		l->tokens = l->max;
		l->last = now;
	}
	cost = l->rate_unit ? credit(unit, bytes, rate) : unit / rate;
	tokens = l->tokens + (now > l->last ? now - l->last : 0);
	if (tokens > l->max)
		tokens = l->max;
	l->last = now;
	l->tokens = tokens >= cost ? tokens - cost : tokens;
	return (tokens >= cost) != l->over;
}

static bool quota_passes(struct sl__quota *q, uint32_t bytes)
{
	q->used += bytes;
	return (q->used > q->bytes) == q->over;
}

static void count(struct sl__counter *c, uint32_t bytes)
{
	c->packets++;
	c->bytes += bytes;
}

/* ---- ct count ---- */

static uint32_t home(const struct sl__conncount *c, struct sl__counted conn)
{
	return (uint32_t)(((conn.id ^ (uint64_t)conn.owner << 56) * 0x9e3779b97f4a7c15u) >> 32) &
	       (c->size - 1);
}

static struct sl__counted *slot_of(const struct sl__conncount *c, struct sl__counted conn)
{
	uint32_t i = home(c, conn);

	while (c->conns[i].id && (c->conns[i].id != conn.id || c->conns[i].owner != conn.owner))
		i = (i + 1) & (c->size - 1);
	return &c->conns[i];
}

static bool grow(struct sl_rules *r, struct sl__conncount *c)
{
	struct sl__conncount more = *c;

	more.size = c->size ? c->size * 2 : 8;
	more.conns = sl__arena_get(&r->arena, more.size * sizeof *more.conns);
	if (!more.conns)
		return false;
	for (uint32_t i = 0; i < c->size; i++)
		if (c->conns[i].id)
			*slot_of(&more, c->conns[i]) = c->conns[i];
	*c = more;
	return true;
}

/* Take the one at i out; those behind it that it pushed on move up. */
static void remove_at(struct sl__conncount *c, uint32_t i)
{
	uint32_t mask = c->size - 1, hole = i;

	c->used--;
	for (;;) {
		i = (i + 1) & mask;
		if (!c->conns[i].id)
			break;
		if (((i - home(c, c->conns[i])) & mask) >= ((i - hole) & mask)) {
			c->conns[hole] = c->conns[i];
			hole = i;
		}
	}
	c->conns[hole].id = 0;
}

static bool counts_still(const struct sl_track *t, uint64_t id)
{
	const struct sl_conn *conn = sl__conn_by_handle(t, id);

	return conn && !(conn->proto == SL_PROTO_TCP &&
	                       (conn->state == SL_TCP_TIME_WAIT || conn->state == SL_TCP_CLOSE));
}

void sl__conncount_tend(const struct sl_rules *r, const struct sl_track *t, struct sl__conncount *c)
{
	uint32_t i = 0;

	while (i < c->size) {
		if (c->conns[i].id && c->conns[i].owner == r->number &&
		        !counts_still(t, c->conns[i].id))
			remove_at(c, i); /* what stands there now is looked at next */
		else
			i++;
	}
}

/* As Linux: only a first packet makes its connection known; what has no connection counts for
 * itself. */
static bool conncount_passes(struct sl__eval *ev, struct sl__conncount *c)
{
	const struct sl_track *t = sl__eval_track(ev);
	const struct sl_conn *conn = ev->view->conn;
	uint32_t count = conn ? 0 : 1;

	if (conn && !(conn->status & SL_CONFIRMED)) {
		const struct sl__counted one = {sl__conn_handle(conn), ev->r->number};
		struct sl__counted *slot;

		if (2 * (c->used + 1) > c->size && !grow(ev->r->whole, c))
			return false;
		slot = slot_of(c, one);
		c->used += !slot->id;
		*slot = one;
	}
	if (c->used + count > c->max && t) {
		sl__conncount_tend(ev->r, t, c);
		if (c->used + count > c->max)
			sl__share_wish(ev->r);
	}
	return (c->used + count > c->max) == c->over;
}

/* ---- all of them ---- */

bool sl__stateful_passes(struct sl__eval *ev, struct sl__stateful *s)
{
	uint32_t bytes = ev->view->parsed->len;

	switch (s->kind) {
	case ST_LIMIT:
		return limit_passes(&s->limit, ev->view->now, bytes);
	case ST_QUOTA:
		return quota_passes(&s->quota, bytes);
	case ST_CT_COUNT:
		return conncount_passes(ev, &s->conncount);
	default:
		count(&s->counter, bytes);
		return true;
	}
}

bool sl__each_passes(struct sl__eval *ev, struct sl__expr *elem)
{
	struct sl__stateful *s;

	for (s = elem->each; s; s = s->next)
		if (!sl__stateful_passes(ev, s))
			return false;
	return true;
}

/* One of them anew; what memory it had for ids stays its own. */
static void renew(struct sl__stateful *s, const struct sl__stateful *from)
{
	struct sl__stateful was = *s;

	*s = *from;
	s->next = was.next;
	if (s->kind != ST_CT_COUNT)
		return;
	s->conncount.used = s->conncount.size = 0;
	s->conncount.conns = NULL;
	if (was.kind == ST_CT_COUNT && was.conncount.size) {
		s->conncount.size = was.conncount.size;
		s->conncount.conns = was.conncount.conns;
		memset(s->conncount.conns, 0, s->conncount.size * sizeof *s->conncount.conns);
	}
}

struct sl__stateful *sl__stateful_copy(
        struct sl_rules *r, const struct sl__stateful *from, struct sl__stateful *old)
{
	struct sl__stateful *first = old, **at = &first;

	for (; from; from = from->next) {
		if (!*at)
			*at = sl__arena_get(&r->arena, sizeof **at);
		if (!*at)
			return NULL;
		renew(*at, from);
		at = &(*at)->next;
	}
	*at = NULL;
	return first;
}
