/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Evaluation: the chains of a hook for one packet. Base chains are asked by priority; accept
 * ends the base chain only, drop and reject end all; what falls out of a base chain gets its
 * policy. A rule is its statements in order, until one does not match. NAT chains are asked
 * through `nat`, once for each connection, by the engine; the first chain that translates
 * decides.
 *
 * Jumps are a stack of at most SL_RULES_JUMP_MAX; graph.c has refused deeper and circular ones.
 */
#include "rules/load.h"

#include <string.h>

#include "track/parse.h"

enum outcome { NEXT, NO_MATCH, ACCEPTED, DROPPED, REJECTED, RETURNED, TRANSLATED, JUMPED, WENT };

/* ---- matches ---- */

static bool in_range(const struct sl__expr *r, const uint8_t *v, unsigned len)
{
	uint8_t lo[SL_RULES_VALUE_MAX], hi[SL_RULES_VALUE_MAX];

	if (r->kind == EX_RANGE)
		return memcmp(v, r->a->value, len) >= 0 && memcmp(v, r->b->value, len) <= 0;
	sl__part_bounds(r, r->type, lo, hi);
	return memcmp(v, lo, len) >= 0 && memcmp(v, hi, len) <= 0;
}

static bool has_bits(const uint8_t *v, const struct sl__expr *mask)
{
	unsigned i;

	for (i = 0; i < mask->len; i++) {
		if (v[i] & mask->value[i])
			return true;
	}
	return false;
}

static bool equals(const struct sl__stmt *s, const uint8_t *v, unsigned len)
{
	const struct sl__expr *b = s->b;
	const struct sl__expr *part;

	if (b->kind == EX_CONCAT) {
		for (part = b->items; part; part = part->next) {
			unsigned n = part->kind == EX_VALUE && !part->wild ? part->len : (part->type->bits + 7u) / 8u;

			if (part->kind == EX_VALUE && !part->wild ? memcmp(v, part->value, n) != 0 : !in_range(part, v, n))
				return false;
			v += n;
		}
		return true;
	}
	if (b->kind == EX_RANGE || b->kind == EX_PREFIX)
		return in_range(b, v, len);
	return !memcmp(v, b->value, b->len);
}

static bool compare(struct sl__eval *ev, const struct sl__stmt *s, const uint8_t *v, unsigned len)
{
	int order;

	if (s->b->set)
		return (len == s->b->set->key_len && sl__set_find(s->b->set, v, ev->view->now)) == (s->op != OP_NE);
	switch (s->op) {
	case OP_NONE:
		if (s->b->kind == EX_VALUE && s->b->type->kind == TY_BITMASK)
			return has_bits(v, s->b);
		return equals(s, v, len);
	case OP_NOT:
		return !has_bits(v, s->b);
	case OP_EQ:
		return equals(s, v, len);
	case OP_NE:
		return !equals(s, v, len);
	}
	order = memcmp(v, s->b->value, len);
	return s->op == OP_LT ? order < 0 : s->op == OP_GT ? order > 0 : s->op == OP_LE ? order <= 0 : order >= 0;
}

static bool matches(struct sl__eval *ev, const struct sl__stmt *s)
{
	uint8_t v[SL_RULES_KEY_MAX];
	unsigned len = 0, i;

	if (!sl__load(ev, s->a, v, &len))
		return false;
	for (i = 0; s->c && i < len; i++)
		v[i] &= s->c->value[i];
	return compare(ev, s, v, len);
}

/* ---- limits and quotas: the kernel's token bucket, in nanoseconds of credit ---- */

static bool limit_passes(struct sl__limit *l, uint64_t now, uint32_t bytes)
{
	uint64_t unit = l->unit * 1000000000u;
	uint64_t factor = !l->rate_unit ? 1 : l->rate_unit[0] == 'k' ? 1024 : l->rate_unit[0] == 'm' ? 1 << 20 : 1;
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

/* The object that a statement names, or that its map has for this packet. */
static struct sl__object *object_of(struct sl__eval *ev, const struct sl__stmt *s)
{
	struct sl__expr *found;

	if (!s->a)
		return s->ref;
	found = sl__load_map(ev, s->a->a, s->a->set);
	return found ? sl__object_find(s->a->set->table, s->object, (const char *)found->b->value) : NULL;
}

static bool object_passes(struct sl__eval *ev, struct sl__object *o)
{
	uint32_t bytes = ev->view->parsed->len;

	if (!o)
		return false;

	if (o->kind == OB_LIMIT)
		return limit_passes(&o->limit, ev->view->now, bytes);
	if (o->kind == OB_QUOTA)
		return quota_passes(&o->quota, bytes);
	count(&o->counter, bytes);
	return true;
}

/* ---- statements that change something ---- */

static bool set_meta(struct sl__eval *ev, const struct sl__stmt *s)
{
	uint64_t n;

	if (!sl__load_number(ev, s->b, &n))
		return false;
	ev->view->packet->mark = (uint32_t)n;
	return true;
}

static bool set_ct(struct sl__eval *ev, const struct sl__stmt *s)
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

static bool set_helper(struct sl__eval *ev, const struct sl__object *o)
{
	struct sl_policy_view *v = ev->view;
	const struct sl_tuple *t = &v->parsed->tuple;

	if (!o)
		return false;
	if (v->conn && o->proto == t->proto && (!o->family || o->family == t->family) && ev->r->env.set_helper)
		ev->r->env.set_helper(v->engine, v->conn, o->helper);
	return true;
}

/* Lower, never raise, the MSS of a SYN; the checksum follows (RFC 1624). */
static bool set_mss(struct sl__eval *ev, const struct sl__stmt *s)
{
	struct sl_packet *p = ev->view->packet;
	const struct sl_parsed *parsed = ev->view->parsed;
	uint32_t headers = parsed->tuple.family == SL_IPV6 ? 60 : 40, at = parsed->l4 + 20, sum;
	uint64_t want = p->mtu > headers ? p->mtu - headers : 0, have;
	uint8_t *check = p->data + parsed->l4 + 16;

	if (!sl__load_number(ev, s->a, &have) || (s->b && !sl__load_number(ev, s->b, &want)) || !want)
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
	sum = (~((uint32_t)check[0] << 8 | check[1]) & 0xffff) + (~(uint32_t)have & 0xffff) + (uint32_t)want;
	if ((at & 1) != (parsed->l4 & 1)) { /* the value lies across two checksum words */
		sum = (~((uint32_t)check[0] << 8 | check[1]) & 0xffff);
		sum += (~(uint32_t)((have & 0xff) << 8 | have >> 8) & 0xffff) + (uint32_t)((want & 0xff) << 8 | want >> 8);
	}
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	check[0] = (uint8_t)(sum >> 8);
	check[1] = (uint8_t)sum;
	return true;
}

static bool change_set(struct sl__eval *ev, struct sl__stmt *s)
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

/* ---- reject ---- */

static enum outcome reject(struct sl__eval *ev, const struct sl__stmt *s)
{
	static const uint8_t x4[4] = {0, 3, 1, 13}, x6[4] = {0, 4, 3, 1};
	struct sl_policy_view *v = ev->view;
	bool ip6 = v->parsed->tuple.family == SL_IPV6;

	if (s->op == REJECT_RESET) {
		if (v->parsed->tuple.proto != SL_PROTO_TCP)
			return NO_MATCH;
		v->reject = SL_REJECT_TCP_RESET;
		return REJECTED;
	}
	if (s->family && (s->family == 6) != ip6)
		return NO_MATCH;
	v->reject = SL_REJECT_ICMP;
	v->reject_type = ip6 ? 1 : 3;
	v->reject_code = s->op == REJECT_ICMPX ? (ip6 ? x6 : x4)[s->code & 3] : s->code;
	return REJECTED;
}

/* ---- NAT ---- */

static void put_addr(struct sl_addr *a, const uint8_t *bytes, uint8_t family)
{
	*a = family == SL_IPV6 ? sl_addr_v6(bytes) : sl_addr_v4(bytes);
}

static void range_ports(struct sl_nat_range *r, const struct sl__expr *e, unsigned port, unsigned last)
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
		range_ports(ev->range, e, (unsigned)sl__value_number(e->a), (unsigned)sl__value_number(e->b));
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
	ev->range->flags |= SL_NAT_MAP_ADDR | (e->kind == EX_PREFIX && s->prefix ? (unsigned)SL_NAT_NETMAP : 0);
	return !port || nat_ports(ev, port);
}

static enum outcome translate(struct sl__eval *ev, const struct sl__stmt *s)
{
	if (!ev->range || (s->family && s->family != ev->view->parsed->tuple.family))
		return NO_MATCH;
	memset(ev->range, 0, sizeof *ev->range);
	ev->range->flags = s->flags;
	if (s->op == NAT_MASQUERADE)
		ev->range->flags |= SL_NAT_MASQUERADE;
	if (s->op == NAT_REDIRECT)
		ev->range->flags |= SL_NAT_REDIRECT;
	if ((s->a && !nat_addresses(ev, s)) || (s->b && !nat_ports(ev, s->b)))
		return NO_MATCH;
	return TRANSLATED;
}

/* ---- rules and chains ---- */

static enum outcome verdict(const struct sl__expr *v)
{
	static const enum outcome outcomes[] = {ACCEPTED, DROPPED, NEXT, RETURNED, JUMPED, WENT};

	return outcomes[v->op];
}

static void log_packet(struct sl__eval *ev, const struct sl__stmt *s)
{
	if (ev->r->env.log)
		ev->r->env.log(ev->r->env.ctx, ev->view, s->text ? s->text : "");
}

static bool passes(struct sl__eval *ev, struct sl__stmt *s)
{
	switch (s->kind) {
	case ST_MATCH:
		return matches(ev, s);
	case ST_COUNTER:
		count(&s->counter, ev->view->parsed->len);
		return true;
	case ST_LIMIT:
		return limit_passes(&s->limit, ev->view->now, ev->view->parsed->len);
	case ST_QUOTA:
		return quota_passes(&s->quota, ev->view->parsed->len);
	case ST_OBJECT:
		return object_passes(ev, object_of(ev, s));
	case ST_LOG:
		log_packet(ev, s);
		return true;
	case ST_META_SET:
		return set_meta(ev, s);
	case ST_CT_SET:
		return set_ct(ev, s);
	case ST_CT_OBJECT:
		return set_helper(ev, object_of(ev, s));
	case ST_MSS:
		return set_mss(ev, s);
	case ST_SET_CHANGE:
		return change_set(ev, s);
	case ST_NOTRACK:
		ev->view->notrack |= ev->view->stage == SL_BEFORE_TRACK && !ev->view->zone_set;
		return true;
	default: /* ST_FLOW */
		ev->view->offload = true;
		return true;
	}
}

static enum outcome run_rule(struct sl__eval *ev, const struct sl__rule *rule, struct sl__chain **target)
{
	struct sl__stmt *s;
	struct sl__expr *v;
	enum outcome out;

	for (s = rule->stmts; s; s = s->next) {
		ev->stays &= s->stays;
		switch (s->kind) {
		case ST_VERDICT:
		case ST_VMAP:
			v = s->a;
			if (s->kind == ST_VMAP) {
				struct sl__expr *elem = sl__load_map(ev, s->a, s->b->set);

				if (!elem)
					return NO_MATCH;
				v = elem->b;
			}
			*target = v->chain;
			out = verdict(v);
			break;
		case ST_REJECT:
			out = reject(ev, s);
			break;
		case ST_NAT:
			out = translate(ev, s);
			break;
		default:
			out = passes(ev, s) ? NEXT : NO_MATCH;
		}
		if (out != NEXT)
			return out;
	}
	return NEXT;
}

/* A base chain with all that it jumps to. */
static enum outcome run_chain(struct sl__eval *ev, const struct sl__chain *base)
{
	const struct sl__rule *stack[SL_RULES_JUMP_MAX + 1], *rule = base->rules;
	struct sl__chain *target = NULL;
	unsigned depth = 0;
	enum outcome out;

	for (;;) {
		if (!rule) {
			if (!depth)
				return base->policy_drop ? DROPPED : ACCEPTED;
			rule = stack[--depth];
			continue;
		}
		out = run_rule(ev, rule, &target);
		switch (out) {
		case NEXT:
		case NO_MATCH:
			rule = rule->next;
			break;
		case JUMPED:
			if (depth > SL_RULES_JUMP_MAX)
				return DROPPED;
			stack[depth++] = rule->next;
			rule = target->rules;
			break;
		case WENT:
			rule = target->rules;
			break;
		case RETURNED:
			rule = NULL;
			break;
		default:
			return out;
		}
	}
}

static bool family_fits(const struct sl__table *t, uint8_t family)
{
	return t->family == FAM_INET || (t->family == FAM_IP ? SL_IPV4 : SL_IPV6) == family;
}

/* Times in the file count from the first packet. */
static void start_clock(struct sl_rules *r, uint64_t now)
{
	struct sl__table *t;
	struct sl__set *s;
	struct sl__expr *e;

	if (r->start)
		return;
	r->start = now ? now : 1;
	for (t = r->tables; t; t = t->next)
		for (s = t->sets; s; s = s->next)
			for (e = s->elems; e; e = e->next)
				e->expires += e->expires ? now : 0;
}

static uint8_t rules_stages(void *ctx, enum sl_hook hook)
{
	return ((struct sl_rules *)ctx)->stages[hook];
}

static enum sl_decision rules_decide(void *ctx, struct sl_policy_view *view)
{
	struct sl__eval ev = {.r = ctx, .view = view, .stays = sl__memo_may(view)};
	struct sl__chain *c;
	enum outcome out;

	if (ev.stays && sl__memo_knows(ev.r, view))
		return SL_CONTINUE;
	start_clock(ev.r, view->now);
	for (c = ev.r->hooks[view->hook]; c; c = c->later) {
		if (sl__chain_stage(c) != view->stage || c->type[0] == 'n' || !family_fits(c->table, view->parsed->tuple.family))
			continue;
		out = run_chain(&ev, c);
		if (out == DROPPED)
			return SL_DECIDE_DROP;
		if (out == REJECTED)
			return SL_DECIDE_REJECT;
	}
	if (ev.stays)
		sl__memo_keep(ev.r, view);
	return SL_CONTINUE;
}

static bool rules_nat(void *ctx, struct sl_policy_view *view, struct sl_nat_range *range)
{
	struct sl__eval ev = {.r = ctx, .view = view, .range = range};
	struct sl__chain *c;
	enum outcome out;

	start_clock(ev.r, view->now);
	for (c = ev.r->hooks[view->hook]; c; c = c->later) {
		if (c->type[0] != 'n' || !family_fits(c->table, view->parsed->tuple.family))
			continue;
		out = run_chain(&ev, c);
		if (out == TRANSLATED)
			return true;
		view->refused = out == DROPPED || out == REJECTED;
		if (view->refused)
			return false;
	}
	return false;
}

static bool rules_automatic_helper(void *ctx, const char *name)
{
	(void)ctx, (void)name;
	return false;
}

static bool rules_translates(void *ctx, enum sl_family family)
{
	const struct sl_rules *r = ctx;

	return sl__rules_translate_family(r, family);
}

static bool rules_steady(void *ctx)
{
	return sl__rules_steady(ctx);
}

const struct sl_policy sl_rules_policy = {.stages = rules_stages,
	.decide = rules_decide,
	.nat = rules_nat,
	.translates = rules_translates,
	.automatic_helper = rules_automatic_helper,
	.steady = rules_steady};
