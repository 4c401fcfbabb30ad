/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What helpers expect, and how what comes is translated.
 *
 * The announced endpoint. The announcer sends in direction dir; the connection to come is
 * opened by its peer, from where the peer's packets come from (the other direction's source)
 * to where the peer must send to: the announcer as the other direction's packets see it, which
 * without NAT on its side is the announcer itself, else a public address. The port stays as
 * announced unless somebody expects it already, or a live connection that was expected arrives there;
 * then the next ports of its kind (below 512, below 1024, the others) are tried, a bounded number of them. Several ports in a row stay in a row, and keep whether the first one is even.
 *
 * What was said is remembered (struct sl_said), so that the same announcement gets the same
 * answer also when the first was met meanwhile: datagrams are repeated, media are announced
 * again and again.
 *
 * Ownership. Expectations are the tracker's; the memory of what was said is the sl_help's.
 */
#include "help/inner.h"
#include "help/state.h"

#include <string.h>

#include "base/mem.h"
#include "nat/nat.h"

#define PORT_MIN   1024
#define KIN_STEPS  4096 /* places of expectations that are looked at for another one */
#define PORT_TRIES 128  /* in a row; then once more from a random port */

/* ---- how a related connection is translated -------------------------------------------------- */

static void propose(struct sl_help *help, struct sl_conn *conn, const struct sl_expect *expect,
        struct sl_related *out)
{
	const struct sl_expect_more *more = &expect->more;

	*out = (struct sl_related){.from = (enum sl_dir)more->nat_dir,
	        .class_id = expect->class_id,
	        .cookie = more->cookie};
	sl__conn_tuple(conn, SL_ORIGINAL, &out->tuple);
	out->src.family = out->dst.family = out->announced.family = out->tuple.family;
	out->src.proto = out->dst.proto = out->announced.proto = out->tuple.proto;
	out->src.addr = out->tuple.src;
	out->announced.addr = more->has_nat ? more->saved_addr : out->tuple.dst;
	out->announced.port = more->has_nat ? more->saved_port : out->tuple.dport;
	out->dst = out->announced;
	if (!more->has_nat)
		return; /* it goes to where it was announced */
	out->src_nat = sl__nat_master_source(help->owner->t, conn, expect, &out->src.addr);
	out->src.port = more->from_port;
	out->dst_nat = true;
}

/* sl_expect.more.expected: the helper decides, if it wants to. */
static sl_expected_fn translate_related;

sl_expected_fn *sl__help_expected_fn(
        const struct sl_expect_more *more, const struct sl_helper *maker)
{
	return more->has_nat || (maker && maker->expected) ? translate_related : NULL;
}

static enum sl_reason translate_related(
        struct sl_track *t, struct sl_conn *conn, const struct sl_expect *expect)
{
	struct sl_ext *ext = sl__ext_of(t, sl__conn_at(t, expect->master));
	struct sl_help *help = ext ? ext->help : NULL;
	struct sl_related related;
	enum sl_reason why;

	if (!help || help->helper != expect->maker || !expect->maker->expected)
		return expect->more.has_nat ? sl__nat_follow_master(t, conn, expect) : SL_WHY_NONE;
	propose(help, conn, expect, &related);
	why = expect->maker->expected(help, &related);
	if (why == SL_WHY_NONE && related.src_nat)
		why = sl__nat_apply(t, conn, SL_MANIP_SRC, &related.src.addr, related.src.port);
	if (why == SL_WHY_NONE && related.dst_nat)
		why = sl__nat_apply(t, conn, SL_MANIP_DST, &related.dst.addr, related.dst.port);
	return why;
}

/* ---- adding ---------------------------------------------------------------------------------- */

static bool has_class(const struct sl_help *help, unsigned class_id)
{
	return class_id < SL_HELPER_CLASSES && help->helper->classes[class_id].max;
}

/* What the class and the helper say about it. */
static void fill_want(
        struct sl_help *help, uint8_t class_id, uint32_t timeout, struct sl_expect_want *want)
{
	const struct sl_helper_class *c = &help->helper->classes[class_id];

	want->timeout_ms = (timeout ? timeout : c->timeout) * 1000;
	want->class_max = c->max;
	want->class_all = c->all;
	want->class_id = class_id;
	want->maker = help->helper;
	want->beyond = help->linux_known ? 0 : help->beyond;
	want->more.expected = sl__help_expected_fn(&want->more, help->helper);
}

static enum sl_reason add(struct sl_help *help, const struct sl_expect_want *want)
{
	enum sl_reason why = sl__expect_add(help->owner->t, help->conn, want, NULL);

	if (why == SL_WHY_NONE)
		help->effective = true;
	return why;
}

/* Does another connection's expectation let in just what is wanted? */
static bool is_expected_already(struct sl_help *help, const struct sl_expect_want *want)
{
	const struct sl_expect *e =
	        sl__expect_find_exact(help->owner->t, &want->tuple, help->conn->zone);

	return e && e->master != help->conn->self && e->maker == want->maker &&
	       e->class_id == want->class_id && !(e->flags & SL_EXPECT_INACTIVE) &&
	       sl_addr_eq(&e->mask.src, &want->mask.src) && e->mask.sport == want->mask.sport &&
	       e->more.has_nat == want->more.has_nat &&
	       e->more.saved_port == want->more.saved_port &&
	       sl_addr_eq(&e->more.saved_addr, &want->more.saved_addr);
}

static bool is_shared(
        struct sl_help *help, const struct sl_expect_want *want, const struct sl_announcement *a)
{
	return a->allow & SL_ALLOW_SHARED && is_expected_already(help, want);
}

/* Is every port of the row free to be expected? */
static enum sl_reason check_row(
        struct sl_help *help, struct sl_expect_want want, const struct sl_announcement *a)
{
	enum sl_reason why = SL_WHY_NONE;

	if (want.tuple.dport + a->ports > 65536)
		return SL_WHY_EXPECT_CLASH;
	for (unsigned i = 0; i < a->ports && why == SL_WHY_NONE; i++) {
		if (!is_shared(help, &want, a))
			why = sl__expect_check(help->owner->t, help->conn, &want);
		want.tuple.dport++;
		want.more.saved_port++;
	}
	return why;
}

static enum sl_reason add_row(
        struct sl_help *help, struct sl_expect_want want, const struct sl_announcement *a)
{
	enum sl_reason why = check_row(help, want, a);

	for (unsigned i = 0; i < a->ports && why == SL_WHY_NONE; i++) {
		if (!is_shared(help, &want, a))
			why = add(help, &want);
		want.tuple.dport++;
		want.more.saved_port++;
	}
	return why;
}

static bool shares_any(
        struct sl_help *help, struct sl_expect_want want, const struct sl_announcement *a)
{
	for (unsigned i = 0; i < a->ports; i++, want.tuple.dport++, want.more.saved_port++)
		if (is_shared(help, &want, a))
			return true;
	return false;
}

/* Has this connection announced another endpoint that is seen at one of these ports already? */
static bool row_is_anothers(struct sl_help *help, struct sl_expect_want want, unsigned ports)
{
	for (unsigned i = 0; i < ports; i++, want.tuple.dport++, want.more.saved_port++)
		if (sl__expect_is_anothers(help->owner->t, help->conn, &want))
			return true;
	return false;
}

/* Does a live connection arrive at one of these ports that leads to somebody else? */
static bool row_is_in_use(struct sl_help *help, struct sl_expect_want want, unsigned ports)
{
	for (unsigned i = 0; i < ports; i++, want.tuple.dport++, want.more.saved_port++)
		if (sl__arrives_elsewhere(help->owner->t, help->conn->zone, &want))
			return true;
	return false;
}

/* Is a row of ports all of this shard's? */
static bool row_is_ours(const struct sl_track *t, uint32_t port, unsigned ports)
{
	return sl__port_is_ours(t, (uint16_t)port) &&
	       sl__port_is_ours(t, (uint16_t)(port + ports - 1));
}

/* Ports that stand for each other: a privileged one is never given an unprivileged one's place, or the reverse. */
struct ports {
	uint32_t first, end;
};

static struct ports ports_like(uint16_t port)
{
	return port >= PORT_MIN ? (struct ports){PORT_MIN, 65536}
	       : port >= 512    ? (struct ports){512, PORT_MIN}
	                        : (struct ports){1, 512};
}

/*
 * Any port of this shard's (slices of 64), with room for a row. With many shards there may be none among the
 * few privileged ones: then it is another's, which the caller finds.
 */
static uint32_t own_port(struct sl_track *t, const struct ports *among, unsigned ports)
{
	uint32_t first = among->first / 64u, end = among->end / 64u,
	         slices = (end - first) / t->shards, slice = first;

	slice += sl__random_below(&t->random, slices ? slices : 1) * t->shards;
	slice += ((uint32_t)t->shard + t->shards - slice % t->shards) % t->shards;
	if (slice >= end)
		slice = slice >= first + t->shards ? slice - t->shards : first;
	return (slice ? slice * 64u : 1) + sl__random_below(&t->random, 64u - ports);
}

/*
 * The announced ports, or some near them (of their kind) that nobody else expects. sliced: at a public address,
 * where only ports of this shard's lead to us.
 */
static enum sl_reason add_somewhere(struct sl_help *help, struct sl_expect_want *want,
        const struct sl_announcement *a, bool sliced)
{
	unsigned ports = a->ports, step = ports > 1 ? (ports + 1) & ~1u : 1,
	         odd = want->tuple.dport & 1;
	const struct ports among = ports_like(want->tuple.dport);
	struct sl_track *t = help->owner->t;
	uint32_t port = want->tuple.dport;
	enum sl_reason why;

	for (unsigned i = 0; i < 2 * PORT_TRIES; i++, port += step) {
		if (i == PORT_TRIES)
			port = among.first + sl__random_below(&t->random, among.end - among.first);
		if (port + ports > among.end)
			port = among.first;
		if (sliced && !row_is_ours(t, port, ports))
			port = own_port(t, &among, ports);
		if (step > 1 && (i || sliced))
			port = (port & ~1u) | odd;
		want->tuple.dport = (uint16_t)port;
		if (sliced && !row_is_ours(t, port, ports))
			continue;
		if (row_is_anothers(help, *want, ports))
			continue;
		if (row_is_in_use(help, *want, ports)) {
			want->beyond = SL_BEYOND_PORT_IN_USE;
			continue;
		}
		why = add_row(help, *want, a);
		if (why != SL_WHY_EXPECT_CLASH)
			return why;
	}
	return SL_WHY_NAT_NO_PORT;
}

/* ---- what was said before -------------------------------------------------------------------- */

static bool is_said(const struct sl_said *s, const struct sl_announcement *a, enum sl_dir dir)
{
	return s->dir == dir && s->proto == a->written.proto && s->port == a->written.port &&
	       s->ports == a->ports && sl_addr_eq(&s->addr, &a->written.addr);
}

static struct sl_said *find_said(
        struct sl_help *help, const struct sl_announcement *a, enum sl_dir dir)
{
	for (unsigned i = 0; help->said && i < SL_SAID_MAX; i++)
		if (help->said[i].seen && is_said(&help->said[i], a, dir))
			return &help->said[i];
	return NULL;
}

/* Without memory nothing is remembered: the answer may then change, but is true. */
static void remember_said(
        struct sl_help *help, const struct sl_announcement *a, enum sl_dir dir, uint16_t seen)
{
	struct sl_said *s = find_said(help, a, dir);

	if (!help->said)
		help->said = sl__alloc(help->owner->t->mem, SL_SAID_MAX * sizeof(*help->said));
	if (!help->said)
		return;
	if (!s)
		s = &help->said[help->said_next++ % SL_SAID_MAX];
	*s = (struct sl_said){.addr = a->written.addr,
	        .port = a->written.port,
	        .seen = seen,
	        .dir = (uint8_t)dir,
	        .proto = a->written.proto,
	        .ports = a->ports};
}

/* ---- announcements --------------------------------------------------------------------------- */

static enum sl_reason acceptable(const struct sl_announcement *a, const struct sl_tuple *own)
{
	unsigned least =
	        a->allow & SL_ALLOW_LOW_PORT || a->written.proto == SL_PROTO_GRE ? 1 : PORT_MIN;

	if (a->written.family != own->family)
		return SL_WHY_HELPER_ADDRESS;
	if (!(a->allow & SL_ALLOW_OTHER_HOST) && !sl_addr_eq(&a->written.addr, &own->src))
		return SL_WHY_HELPER_ADDRESS;
	if (a->written.port < least)
		return SL_WHY_HELPER_PORT;
	if (a->ports > SL_ANNOUNCE_PORTS || a->written.port + (a->ports ? a->ports : 1u) > 65536)
		return SL_WHY_HELPER_RANGE;
	return SL_WHY_NONE;
}

static void ones(struct sl_addr *addr, unsigned bits)
{
	for (unsigned i = 0; i < 16; i++, bits -= bits < 8 ? bits : 8)
		addr->b[i] = (uint8_t)(bits >= 8 ? 0xff : 0xff00u >> bits);
}

/*
 * The prefix of the network that the packet's sender lies in. What goes to a link-local address is from its
 * link, whatever its source, because no router forwards it (RFC 4291 2.5.6, RFC 3927 2.7): prefix 0.
 * False: nobody knows.
 */
static bool segment_of(struct sl_help *help, const struct sl_tuple *own, unsigned *prefix)
{
	struct sl_helping *h = help->owner;
	struct sl_tuple there;
	struct sl_route route;

	*prefix = 0;
	if (sl_addr_is_link_local(&own->src, (enum sl_family)own->family))
		return true;
	if (!help->packet || !help->parsed || !h->route || !h->lookup)
		return false;
	if (help->packet->from == SL_FROM_LOCAL)
		*prefix = h->route->prefix; /* of the network that the gateway itself asks */
	if (*prefix)
		return true;
	there = help->parsed->tuple;
	there.dst = own->src;
	h->lookup(h->t, help->packet, &there, &route);
	*prefix = route.prefix;
	return *prefix != 0;
}

/* Whoever has these bits of the address. */
static void from_network(struct sl_expect_want *want, const struct sl_addr *addr, unsigned bits)
{
	ones(&want->mask.src, bits);
	for (unsigned i = 0; i < sizeof(addr->b); i++)
		want->tuple.src.b[i] = addr->b[i] & want->mask.src.b[i];
}

/* Who may come, and to where. */
static enum sl_reason invite(struct sl_help *help, const struct sl_announcement *a,
        const struct sl_tuple *own, const struct sl_tuple *other, struct sl_expect_want *want)
{
	const struct sl_route *route = help->owner->route;
	unsigned v4_bits = other->family == SL_IPV4 ? 96 : 0, prefix;

	want->tuple = (struct sl_tuple){.src = other->src,
	        .sport = a->from_port,
	        .dport = a->written.port,
	        .proto = a->written.proto,
	        .family = other->family};
	want->mask = (struct sl_tuple){.sport = a->from_port ? 0xffff : 0,
	        .dport = 0xffff,
	        .proto = 0xff,
	        .family = other->family};
	ones(&want->mask.dst, 128);
	switch ((enum sl_invited)a->from) {
	case SL_FROM_PEER:
		ones(&want->mask.src, 128);
		break;
	case SL_FROM_ANYONE:
		from_network(want, &other->src, v4_bits);
		break;
	case SL_FROM_PREFIX:
		if (!route || !route->prefix)
			return SL_WHY_HELPER_ADDRESS;
		ones(&want->mask.src, v4_bits + route->prefix);
		break;
	case SL_FROM_SEGMENT:
		if (!segment_of(help, own, &prefix))
			return SL_WHY_HELPER_ADDRESS;
		from_network(want, &own->src, v4_bits + prefix);
		break;
	}
	return SL_WHY_NONE;
}

static void follow_master(
        const struct sl_announcement *a, const struct sl_tuple *own, struct sl_expect_want *want)
{
	static const uint8_t none[4];
	struct sl_expect_more *more = &want->more;

	more->has_nat = true;
	more->saved_port = a->written.port;
	more->saved_addr = a->written.addr;
	/* Linux keeps the address only where another host's could be announced. */
	if (a->allow & SL_ALLOW_OTHER_HOST)
		more->shown_addr = a->written.addr;
	else if (own->family == SL_IPV4)
		more->shown_addr = sl_addr_v4(none);
}

enum sl_reason sl__api_expect_announced(struct sl_help *help, const struct sl_message *message,
        const struct sl_announcement *announced, struct sl_endpoint *seen)
{
	bool translated = help->conn->status & (SL_SRC_NAT | SL_DST_NAT);
	struct sl_announcement a = *announced;
	struct sl_expect_want want = {.reason = a.reason, .helper = a.helper, .flags = a.flags};
	struct sl_tuple own, other;
	struct sl_said *said;
	bool own_end;
	enum sl_reason why;

	a.ports = a.ports ? a.ports : 1;
	if (!has_class(help, a.class_id))
		return SL_WHY_EXPECT_LIMIT;
	sl__conn_tuple(help->conn, message->dir, &own);
	sl__conn_tuple(help->conn, !message->dir, &other);
	why = acceptable(&a, &own);
	if (why == SL_WHY_HELPER_PORT && a.from == SL_FROM_PEER && !help->linux_known)
		sl__linux_opens(help, message->dir, &a.written, a.class_id, SL_BEYOND_REFUSED);
	if (why == SL_WHY_NONE)
		why = invite(help, &a, &own, &other, &want);
	if (why != SL_WHY_NONE)
		return why;
	want.tuple.dst = sl_addr_eq(&own.src, &other.dst) ? a.written.addr : other.dst;
	want.more.cookie = a.cookie;
	want.more.nat_dir =
	        !message->dir; /* who opens it; the helper is told that without NAT too */
	if (translated)
		follow_master(&a, &own, &want);
	fill_want(help, a.class_id, a.timeout, &want);
	want.beyond = (uint8_t)sl__linux_expects(help, &a.written);
	if (!want.beyond)
		want.beyond = a.beyond;
	own_end = a.ports == 1 && sl_addr_eq(&a.written.addr, &own.src) &&
	          a.written.port == own.sport && a.written.proto == own.proto;
	said = translated ? find_said(help, &a, message->dir) : NULL;
	if (own_end)
		want.tuple.dport = other.dport;
	else if (said)
		want.tuple.dport = said->seen;
	why = translated && !own_end
	              ? add_somewhere(help, &want, &a, !sl_addr_eq(&own.src, &other.dst))
	              : add_row(help, want, &a);
	if (why == SL_WHY_NONE && !sl_addr_eq(&own.src, &other.dst) && shares_any(help, want, &a))
		sl__help_beyond(help, SL_BEYOND_ADDRESS_TEXT); /* Linux gives them other ports */
	*seen = (struct sl_endpoint){.addr = want.tuple.dst,
	        .port = want.tuple.dport,
	        .family = own.family,
	        .proto = a.written.proto};
	if (want.beyond == SL_BEYOND_PORT_IN_USE)
		sl__help_beyond(help, SL_BEYOND_PORT_IN_USE);
	if (why == SL_WHY_NONE) {
		help->made++;
		help->made_last = a.written;
	}
	if (why == SL_WHY_NONE && translated && !own_end)
		remember_said(help, &a, message->dir, seen->port);
	return why;
}

/* ---- the general form ------------------------------------------------------------------------ */

enum sl_reason sl__api_expect_related(struct sl_help *help, const struct sl_expectation *e)
{
	struct sl_expect_want want = {.tuple = e->tuple,
	        .mask = e->mask,
	        .flags = e->flags,
	        .helper = e->helper,
	        .reason = e->reason};
	enum sl_reason why;

	if (!has_class(help, e->class_id))
		return SL_WHY_EXPECT_LIMIT;
	want.more.cookie = e->cookie;
	want.more.group = e->group;
	want.more.nat_dir = (uint8_t)e->from;
	if (e->nat) {
		want.more.has_nat = true;
		want.more.saved_addr = want.more.shown_addr = e->to.addr;
		want.more.saved_port = e->to.port;
		want.more.from_port = e->from_seen;
	}
	fill_want(help, e->class_id, e->timeout, &want);
	why = add(help, &want);
	if (why == SL_WHY_NONE) {
		help->made++;
		help->made_last = (struct sl_endpoint){.addr = e->nat ? e->to.addr : e->tuple.dst,
		        .port = e->nat ? e->to.port : e->tuple.dport,
		        .family = e->tuple.family,
		        .proto = e->tuple.proto};
	}
	return why;
}

/* ---- expectations that are there ------------------------------------------------------------- */

/* Where it really goes: as announced, whether or not it is translated. */
static bool is_written(const struct sl_expect *e, const struct sl_endpoint *written)
{
	const struct sl_addr *addr = e->more.has_nat ? &e->more.saved_addr : &e->tuple.dst;
	uint16_t port = e->more.has_nat ? e->more.saved_port : e->tuple.dport;

	return e->tuple.proto == written->proto && sl_addr_eq(addr, &written->addr) &&
	       (!written->port || port == written->port);
}

static bool is_meant(
        const struct sl_help *help, const struct sl_expect *e, const struct sl_which *which)
{
	return e->maker == help->helper &&
	       (!which->classes || which->classes & 1u << e->class_id) &&
	       (!which->inactive || e->flags & SL_EXPECT_INACTIVE) &&
	       (!which->cookie || which->cookie == e->more.cookie) &&
	       (!which->written || is_written(e, which->written));
}

bool sl__api_expected_behind(struct sl_help *help, uint8_t class_id, const struct sl_endpoint *seen,
        struct sl_endpoint *behind)
{
	struct sl_track *t = help->owner->t;
	static const uint8_t any[4];
	struct sl_tuple tuple = {.dst = seen->addr,
	        .dport = seen->port,
	        .proto = seen->proto,
	        .family = seen->family};
	const struct sl_expect *e;

	if (seen->family == SL_IPV4)
		tuple.src = sl_addr_v4(any);
	e = sl__expect_match(t, &tuple, help->conn->zone);
	if (!e || !e->more.has_nat || e->maker != help->helper || e->class_id != class_id ||
	        sl__conn_at(t, e->master) == help->conn)
		return false;
	*behind = (struct sl_endpoint){.addr = e->more.saved_addr,
	        .port = e->more.saved_port,
	        .family = seen->family,
	        .proto = seen->proto};
	return true;
}

/* Remove (timeout 0) or refresh those that are meant. */
static unsigned change(struct sl_help *help, const struct sl_which *which, uint32_t timeout_ms)
{
	struct sl_track *t = help->owner->t;
	struct sl_ext *ext = sl__ext_of(t, help->conn);
	unsigned n = 0;

	SL_LIST_EACH_SAFE(it, &ext->expects)
	{
		struct sl_expect *e = SL_CONTAINER(it, struct sl_expect, of_master);

		if (!is_meant(help, e, which))
			continue;
		n++;
		if (which->beyond)
			e->beyond = which->beyond;
		if (timeout_ms)
			sl__expect_refresh(t, e, timeout_ms);
		else
			sl__expect_remove(t, e, SL_WHY_FLUSHED);
	}
	return n;
}

unsigned sl__api_expect_remove(struct sl_help *help, const struct sl_which *which)
{
	return change(help, which, 0);
}

unsigned sl__api_expect_refresh(
        struct sl_help *help, const struct sl_which *which, uint32_t timeout)
{
	return change(help, which, timeout ? timeout * 1000 : 1);
}

/* Is it expected by a connection of the same two hosts to the same port? */
static bool is_kin(struct sl_help *help, const struct sl_expect *e, uint8_t class_id)
{
	struct sl_tuple ours, its;
	struct sl_conn *master;

	if (e->maker != help->helper || e->class_id != class_id)
		return false;
	master = sl__conn_at(help->owner->t, e->master);
	sl__conn_tuple(help->conn, SL_ORIGINAL, &ours);
	sl__conn_tuple(master, SL_ORIGINAL, &its);
	its.sport = ours.sport;
	return e->zone == help->conn->zone && sl_tuple_eq(&ours, &its);
}

unsigned sl__api_expect_prolong(struct sl_help *help, uint8_t class_id, uint32_t timeout)
{
	struct sl_track *t = help->owner->t;
	uint32_t until = t->now_ms + timeout * 1000, cursor = 0, budget = KIN_STEPS, ref;
	unsigned n = 0;

	while ((ref = sl__slab_next(&t->expects.slab, &cursor, &budget))) {
		struct sl_expect *e = sl__expect_at(&t->expects, ref);

		if (!is_kin(help, e, class_id))
			continue;
		if ((int32_t)(until - e->deadline) > 0)
			sl__expect_refresh(t, e, timeout * 1000);
		sl__ext_of(t, sl__conn_at(t, e->master))->stays_until =
		        e->deadline ? e->deadline : 1;
		n++;
	}
	return n;
}
