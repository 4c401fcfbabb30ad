/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What will be said of packets that are yet to come (sl_policy.foresees). The engine shows one packet of a
 * connection, made up, as it would stand at a hook once the connection is established. Are all packets of some
 * kinds that it has in that direction let go on, and nothing else is done? Then a device may let them pass by itself.
 *
 * It is the evaluation (eval.c), with the same jumps and policies, of what can be known. Each match is, as found once
 * for each statement when all is read,
 *
 *	SAME	for all these packets, so that it can be evaluated with the one that is shown: addresses, ports,
 *		interfaces, marks, ct state, sets that stay
 *	DIFFERS	from packet to packet: lengths, hop counts, DSCP, options, what status a connection gets in time
 *	LOOKS	a lookup in a set that counts, changes or ages
 *	ACTS	numgen
 *
 * and what tests TCP's flags alone was tried with all flags that each kind may have. A match of another protocol's
 * or family's header never fits, whatever it is. Behind a match that differs a rule may still fail by one that does not
 * (`tcp flags ! ack ct state new drop`); where it does anything but fail, the answer is no. So it is
 * behind anything that does more than decide: limits, logs, marks, changes of sets; and counters, unless the
 * packets are put in afterwards, to be counted then (SL_COMING_COUNTED), or their number is told: then the same
 * walk goes by the counters once more, and adds it to each (SL_COMING_SUMMED).
 *
 * The mark of a connection counts as the same only if no rule sets it for one that is known already: there a packet
 * of any kind, such as an ICMP error, may be the one that does.
 *
 * Each answer may be stricter than needed, never looser. tests/unit/coming.c holds it against the evaluation.
 */
#include "rules/load.h"

#include <string.h>

#include "track/parse.h"

enum { IPV4_HEADER = 20, TCP_HEADER = 20, TCP_FLAGS = 13 };

/* What of ct status stays as it is from a confirmed connection's first packet on. */
enum { STAYING_STATUS = SL_EXPECTED | SL_CONFIRMED | SL_SRC_NAT | SL_DST_NAT };

/* ---- once, of each statement: what is read ----------------------------------------------------- */

static bool is_any(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

static enum sl__coming of_ct(const struct sl_rules *r, uint8_t key)
{
	switch (key) {
	case CT_STATE:
	case CT_DIRECTION:
	case CT_ZONE:
	case CT_L3PROTO:
	case CT_PROTOCOL:
	case CT_SADDR4:
	case CT_DADDR4:
	case CT_SADDR6:
	case CT_DADDR6:
	case CT_PROTO_SRC:
	case CT_PROTO_DST:
		return SL__SAME;
	case CT_MARK:
		return r->marks_move ? SL__DIFFERS : SL__SAME;
	}
	return SL__DIFFERS;
}

static enum sl__coming of_field(const struct sl_rules *r, const struct sl__field *f)
{
	/* Neither options nor extension headers: these have one value as well. */
	static const char *const net[] = {
	        "saddr", "daddr", "protocol", "version", "hdrlength", "nexthdr", NULL};
	static const char *const transport[] = {"sport", "dport", NULL};

	switch ((enum sl__where)f->where) {
	case IN_NET:
		return is_any(f->name, net) ? SL__SAME : SL__DIFFERS;
	case IN_TRANSPORT:
		return is_any(f->name, transport) ? SL__SAME : SL__DIFFERS;
	case IN_META:
		return f->key <= META_MARK ? SL__SAME : SL__DIFFERS;
	case IN_CT:
		return of_ct(r, f->key);
	case IN_FIB:
		return SL__SAME;
	case IN_RAW:
	case IN_TCPOPT:
	case IN_IPOPT:
	case IN_EXT6:
		return SL__DIFFERS;
	case IN_JHASH: /* of what may be anything */
	case IN_NUMGEN:
		break;
	}
	return SL__ACTS;
}

static enum sl__coming worse(enum sl__coming a, enum sl__coming b)
{
	return a > b ? a : b;
}

static enum sl__coming of_value(const struct sl_rules *r, const struct sl__expr *e)
{
	enum sl__coming all = SL__SAME;
	const struct sl__expr *part;

	switch (e->kind) {
	case EX_VALUE:
		return SL__SAME;
	case EX_FIELD:
		return of_field(r, e->field);
	case EX_BINARY:
		return worse(of_value(r, e->a), of_value(r, e->b));
	case EX_CONCAT:
		for (part = e->items; part; part = part->next)
			all = worse(all, of_value(r, part));
		return all;
	}
	return SL__ACTS;
}

/* ---- once, of each statement: matches ------------------------------------------------------------ */

/* Is it this field, perhaps masked? */
static bool reads_only(const struct sl__expr *e, enum sl__where where, const char *name)
{
	while (e->kind == EX_BINARY && e->b->kind == EX_VALUE)
		e = e->a;
	return e->kind == EX_FIELD && e->field->where == where && strcmp(e->field->name, name) == 0;
}

static unsigned kind_of(unsigned flags)
{
	unsigned marks = flags & (SL_SYN | SL_FIN | SL_RST);

	if (!(flags & SL_ACK))
		return 0;
	if (!marks)
		return SL_COMING_PLAIN;
	if (flags & SL_URG)
		return 0;
	if (marks == SL_SYN)
		return SL_COMING_ANSWER;
	return marks == SL_FIN || marks == SL_RST ? SL_COMING_END : 0;
}

/* Which kinds it fits with all flags that they may have, which with none. */
static void try_flags(struct sl_rules *r, struct sl__stmt *s)
{
	uint8_t bytes[IPV4_HEADER + TCP_HEADER] = {0x45};
	const struct sl_parsed parsed = {.tuple = {.family = SL_IPV4, .proto = SL_PROTO_TCP},
	        .len = sizeof bytes,
	        .l4 = IPV4_HEADER};
	struct sl_packet packet = {.data = bytes, .len = sizeof bytes};
	struct sl_policy_view view = {.packet = &packet, .parsed = &parsed};
	struct sl__eval ev = {.r = r, .view = &view};
	unsigned fits = 0, fails = 0;

	for (unsigned flags = 0; flags < 256; flags++) {
		bytes[IPV4_HEADER + TCP_FLAGS] = (uint8_t)flags;
		if (sl__matches(&ev, s))
			fits |= kind_of(flags);
		else
			fails |= kind_of(flags);
	}
	s->fits = (uint8_t)(fits & ~fails);
	s->fails = (uint8_t)(fails & ~fits);
}

static bool is_staying_status(const struct sl__stmt *s)
{
	return s->a->kind == EX_FIELD && s->a->field->where == IN_CT &&
	       s->a->field->key == CT_STATUS && s->b->kind == EX_VALUE && !s->b->set && !s->c &&
	       (s->op == OP_NONE || s->op == OP_NOT) &&
	       !(sl__value_number(s->b) & ~(uint64_t)STAYING_STATUS);
}

static enum sl__coming of_lookup(
        const struct sl_rules *r, const struct sl__expr *key, const struct sl__set *set)
{
	return worse(of_value(r, key), set && !sl__set_stays(set) ? SL__LOOKS : SL__SAME);
}

static enum sl__coming of_match(const struct sl_rules *r, const struct sl__stmt *s)
{
	if (s->b->kind == EX_FIELD || s->b->kind == EX_BINARY)
		return SL__ACTS;
	return is_staying_status(s) ? SL__SAME : of_lookup(r, s->a, s->b->set);
}

static enum sl__coming of_stmt(const struct sl_rules *r, const struct sl__stmt *s)
{
	switch (s->kind) {
	case ST_MATCH:
		return of_match(r, s);
	case ST_VMAP:
		return of_lookup(r, s->a, s->b->set);
	case ST_CT_OBJECT:
		return s->a ? of_lookup(r, s->a->a, s->a->set) : SL__SAME;
	}
	return SL__ACTS;
}

static void mark_stmt(struct sl_rules *r, struct sl__stmt *s)
{
	s->coming = (uint8_t)of_stmt(r, s);
	if (s->coming == SL__DIFFERS && s->kind == ST_MATCH &&
	        reads_only(s->a, IN_TRANSPORT, "flags"))
		try_flags(r, s);
}

/* ---- once: does a rule set the mark of a known connection? ---------------------------------------- */

static void walk_chain(struct sl_rules *r, struct sl__chain *chain);

static void walk_verdict(struct sl_rules *r, const struct sl__expr *v)
{
	if (v && v->kind == EX_VERDICT && v->chain)
		walk_chain(r, v->chain);
}

static void begin_known(struct sl_policy_view *view, struct sl_conn *conn, enum sl_ctstate state)
{
	*conn = (struct sl_conn){0};
	*view = (struct sl_policy_view){.conn = conn, .stage = SL_AFTER_NAT, .state = state};
}

/* Packets of known connections are ESTABLISHED or, ICMP errors and the first of an announced one, RELATED. */
static const enum sl_ctstate known_states[] = {SL_CT_ESTABLISHED, SL_CT_RELATED};

static bool fits_known(struct sl_rules *r, struct sl__stmt *s)
{
	struct sl_policy_view view;
	struct sl_conn conn;
	struct sl__eval ev = {.r = r, .view = &view};

	if (!reads_only(s->a, IN_CT, "state") || (s->b->set && !sl__set_stays(s->b->set)))
		return true;
	for (unsigned i = 0; i < 2; i++) {
		begin_known(&view, &conn, known_states[i]);
		if (sl__matches(&ev, s))
			return true;
	}
	return false;
}

static void walk_map(struct sl_rules *r, struct sl__stmt *s)
{
	struct sl_policy_view view;
	struct sl_conn conn;
	struct sl__eval ev = {.r = r, .view = &view};

	if (!reads_only(s->a, IN_CT, "state") || !sl__set_stays(s->b->set)) {
		for (const struct sl__expr *e = s->b->set->elems; e; e = e->next)
			walk_verdict(r, e->b);
		return;
	}
	for (unsigned i = 0; i < 2; i++) {
		const struct sl__expr *elem;

		begin_known(&view, &conn, known_states[i]);
		elem = sl__load_map(&ev, s->a, s->b->set);
		walk_verdict(r, elem ? elem->b : NULL);
	}
}

static void walk_rule(struct sl_rules *r, const struct sl__rule *rule)
{
	for (struct sl__stmt *s = rule->stmts; s; s = s->next) {
		if (s->kind == ST_MATCH && !fits_known(r, s))
			return;
		if (s->kind == ST_VERDICT)
			walk_verdict(r, s->a);
		else if (s->kind == ST_VMAP)
			walk_map(r, s);
		else if (s->kind == ST_CT_SET && s->a->field->key == CT_MARK)
			r->marks_move = true;
	}
}

static void walk_chain(struct sl_rules *r, struct sl__chain *chain)
{
	if (chain->walked)
		return;
	chain->walked = true;
	for (const struct sl__rule *rule = chain->rules; rule; rule = rule->next)
		walk_rule(r, rule);
}

void sl__coming_mark(struct sl_rules *r)
{
	struct sl__chain *c;

	for (unsigned hook = 0; hook < SL_HOOK_COUNT; hook++)
		for (c = r->hooks[hook]; c; c = c->later)
			walk_chain(r, c);
	for (struct sl__table *t = r->tables; t; t = t->next)
		for (c = t->chains; c; c = c->next)
			for (struct sl__rule *rule = c->rules; rule; rule = rule->next)
				for (struct sl__stmt *s = rule->stmts; s; s = s->next) {
					mark_stmt(r, s);
					r->names_flows |= s->kind == ST_FLOW;
				}
}

/* ---- foresight ------------------------------------------------------------------------------------ */

/* Will none of the packets have what is read? */
static bool is_lacking(const struct sl__eval *ev, const struct sl__expr *e)
{
	const struct sl_tuple *t = &ev->view->parsed->tuple;
	const struct sl__expr *part;

	switch (e->kind) {
	case EX_FIELD:
		if (e->field->where != IN_NET && e->field->where != IN_TRANSPORT)
			return false;
		return (e->field->family && e->field->family != t->family) ||
		       (e->field->proto && e->field->proto != 255 && e->field->proto != t->proto);
	case EX_BINARY:
		return is_lacking(ev, e->a);
	case EX_CONCAT:
		for (part = e->items; part; part = part->next)
			if (is_lacking(ev, part))
				return true;
		return false;
	}
	return false;
}

/* SL__NO_MATCH: it fits none of them; SL__NEXT: all; SL__UNSURE: perhaps, where `sure` becomes false; else who knows. */
static enum sl__outcome foresee_match(struct sl__eval *ev, const struct sl__stmt *s, bool *sure)
{
	const unsigned kinds = ev->kinds & ~(unsigned)(SL_COMING_COUNTED | SL_COMING_SUMMED);

	if (s->coming == SL__ACTS)
		return SL__UNSURE;
	if (is_lacking(ev, s->a) || (s->fails & kinds) == kinds)
		return SL__NO_MATCH;
	if (s->coming == SL__LOOKS)
		return SL__UNSURE;
	if (s->coming == SL__SAME)
		return sl__matches(ev, s) ? SL__NEXT : SL__NO_MATCH;
	if ((s->fits & kinds) != kinds)
		*sure = false;
	return SL__NEXT;
}

static enum sl__outcome foresee_map(
        struct sl__eval *ev, const struct sl__stmt *s, bool sure, const struct sl__expr **verdict)
{
	const struct sl__expr *elem;

	if (s->coming == SL__ACTS)
		return SL__UNSURE;
	if (is_lacking(ev, s->a))
		return SL__NO_MATCH;
	if (s->coming != SL__SAME || !sure)
		return SL__UNSURE;
	elem = sl__load_map(ev, s->a, s->b->set);
	if (!elem)
		return SL__NO_MATCH;
	*verdict = elem->b;
	return SL__NEXT;
}

/* A conn that is confirmed keeps its helper and timeouts, and gets no expectation by a rule. */
static enum sl__outcome foresee_object(struct sl__eval *ev, const struct sl__stmt *s, bool sure)
{
	if (s->object == OB_EXPECTATION)
		return SL__NO_MATCH;
	if (s->coming != SL__SAME || !sure)
		return SL__UNSURE;
	return sl__load_object(ev, s) ? SL__NEXT : SL__NO_MATCH;
}

/* Sums are of all packets, so that each must come to the counter. */
static enum sl__outcome foresee_counter(struct sl__eval *ev, struct sl__stateful *s, bool sure)
{
	if (s->kind != ST_COUNTER ||
	        !(ev->kinds & SL_COMING_COUNTED || (ev->kinds & SL_COMING_SUMMED && sure)))
		return SL__UNSURE;
	if (ev->packets) {
		s->counter.packets += ev->packets;
		s->counter.bytes += ev->bytes;
	}
	return SL__NEXT;
}

/* A statement that ends no rule; if it does, by a map, *verdict says how. */
static enum sl__outcome foresee_stmt(
        struct sl__eval *ev, struct sl__stmt *s, bool *sure, const struct sl__expr **verdict)
{
	switch (s->kind) {
	case ST_MATCH:
		return foresee_match(ev, s, sure);
	case ST_VMAP:
		return foresee_map(ev, s, *sure, verdict);
	case ST_VERDICT:
		*verdict = s->a;
		return SL__NEXT;
	case ST_CT_OBJECT:
		return foresee_object(ev, s, *sure);
	case ST_FLOW:
		return SL__NEXT;
	case ST_COUNTER:
		return foresee_counter(ev, &s->state, *sure);
	case ST_OBJECT:
		return s->a ? SL__UNSURE : foresee_counter(ev, &s->ref->state, *sure);
	}
	return SL__UNSURE;
}

enum sl__outcome sl__foresee_rule(
        struct sl__eval *ev, const struct sl__rule *rule, struct sl__chain **target)
{
	bool sure = true;

	for (struct sl__stmt *s = rule->stmts; s; s = s->next) {
		const struct sl__expr *verdict = NULL;
		enum sl__outcome out = foresee_stmt(ev, s, &sure, &verdict);

		if (out == SL__NEXT && verdict) {
			out = sl__verdict_outcome(verdict);
			*target = verdict->chain;
			if (out != SL__NEXT && !sure)
				return SL__UNSURE;
		}
		if (out != SL__NEXT)
			return out;
	}
	return SL__NEXT;
}
