/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See dialogue.h. Both ends are models of receivers: what arrives is put at its place by
 * sequence number, and a byte that is not what it must be is a failure, so no segmentation
 * lets an untranslated byte slip through. Every packet ends where its allocation ends.
 */
#include "tests/helpers/dialogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/policy.h>

#include "base/checksum.h"
#include "base/wire.h"

#define STREAM  32768
#define TEXT    8192
#define EVENTS  1024
#define EXPECTS 64
#define MS      1000000ull

enum { FIN = 1, SYN = 2, PSH = 8, ACK = 16 };

/* How the message of one row travels. */
enum way {
	WHOLE,
	CUT,
	CUT_SWAPPED, /* the second part first, then all of it again */
	CUT_WAITED,
	CUT_OVERLAP,	  /* the second part begins inside the first */
	CUT_FIRST_TWICE,
	CUT_SECOND_TWICE,
	CUT_AGAIN,	  /* all of it again behind it */
	THREE_BACKWARDS,  /* three parts, the last one first */
	THREE_TURNED,	  /* the second, the third, the first; then the first two again */
	BYTES,
	WAYS
};

struct end {
	struct sl_addr addr; /* its own */
	uint16_t port;
	uint32_t isn, sent;
	size_t must_len;
	uint8_t must[STREAM], got[STREAM];
	bool have[STREAM];
	size_t datagrams;
};

struct expected {
	struct sl_expect_info info;
	bool gone;
};

struct world {
	struct sl_engine *engine;
	const struct dialogue *d;
	unsigned nat;
	uint8_t family;
	struct sl_addr third[2], public_;
	struct end end[2];
	uint64_t now;
	size_t allocated;
	char events[EVENTS];
	struct expected expect[EXPECTS];
	unsigned expects;
	uint16_t remark, dropped;
	bool quiet; /* packets of related connections are looked at by meet() */
	struct sl_packet met;
};

/* What is being played, for whoever reads of a failure. */
static char playing[256];

static void fail_with(const char *what, const char *a, const char *b)
{
	fail_msg("%s: %s\n  must be: %s\n  is:      %s", playing, what, a, b);
}

/* ---- addresses ------------------------------------------------------------------------------- */

static struct sl_addr addr_of(const char *text)
{
	enum sl_family family;
	struct sl_addr a;

	assert_true(sl_addr_parse(text, &a, &family));
	return a;
}

/* How `viewer` (0: client, 1: server) must see the host called `name`. */
static struct sl_addr seen_by(const struct world *w, unsigned viewer, char name)
{
	switch (name) {
	case 'c':
		return viewer == 1 && w->nat == NAT_SRC ? w->public_ : w->end[0].addr;
	case 's':
		return viewer == 0 && w->nat == NAT_DST ? w->public_ : w->end[1].addr;
	case 't':
		return w->third[1];
	case 'u':
		return w->third[0];
	default:
		return w->public_;
	}
}

/* ---- texts ----------------------------------------------------------------------------------- */

static void put_hex(struct sl_out *o, struct sl_text *t)
{
	while (sl_text_left(t) >= 2 && sl_text_peek(t) != '}') {
		struct sl_text two = sl_text_of(t->at, 2);
		uint32_t v = 0;

		assert_true(sl_text_hex(&two, 255, &v));
		sl_text_put_char(o, (char)v);
		t->at += 2;
	}
}

/* "(30": a BER element begins, whose length is filled in by ")". */
static void open_element(struct sl_out *o, struct sl_text *t, char **open, unsigned *depth)
{
	struct sl_text two = sl_text_of(t->at, 2);
	uint32_t tag = 0;

	assert_true(*depth < 8 && sl_text_hex(&two, 255, &tag));
	t->at += 2;
	sl_text_put_char(o, (char)tag);
	open[(*depth)++] = o->at;
	sl_text_put_char(o, 0);
}

static void close_element(struct sl_out *o, char **open, unsigned *depth)
{
	char *length = open[--*depth];

	assert_true(o->at - length - 1 < 128);
	*length = (char)(o->at - length - 1);
}

static void put_addr(const struct world *w, struct sl_out *o, unsigned viewer, char form, char name)
{
	struct sl_addr a = seen_by(w, viewer, name);
	char text[SL_ADDR_TEXT];

	if (form == '=') {
		sl_text_put_bytes(o, a.b + 12, 4);
		return;
	}
	if (form == ',') {
		for (unsigned i = w->family == SL_IPV4 ? 12 : 0; i < 16; i++) {
			sl_text_put_uint(o, a.b[i]);
			if (i < 15)
				sl_text_put_char(o, ',');
		}
		return;
	}
	if (form == '[' && w->family == SL_IPV6)
		sl_text_put_char(o, '[');
	sl_text_put_str(o, sl_addr_text(&a, (enum sl_family)w->family, text));
	if (form == '[' && w->family == SL_IPV6)
		sl_text_put_char(o, ']');
}

static size_t body_length(const char *text, size_t n)
{
	for (size_t i = 0; i + 4 <= n; i++)
		if (!memcmp(text + i, "\r\n\r\n", 4))
			return n - i - 4;
	return 0;
}

/* The template as `viewer` must see it; `body` stands for {n}. */
static size_t render_with(
        const struct world *w, unsigned viewer, const char *template, char *out, size_t body)
{
	struct sl_text t = sl_text_of(template, strlen(template));
	struct sl_out o = sl_out_of(out, TEXT);
	unsigned depth = 0;
	char *open[8];

	while (sl_text_left(&t)) {
		char c = *t.at++;

		if (c != '{') {
			sl_text_put_char(&o, c);
			continue;
		}
		c = *t.at++;
		if (c == 'x')
			put_hex(&o, &t);
		else if (c == '(')
			open_element(&o, &t, open, &depth);
		else if (c == ')')
			close_element(&o, open, &depth);
		else if (c == 'n')
			sl_text_put_uint(&o, body);
		else if (c == 'f')
			sl_text_put_uint(&o, w->family);
		else if (c == 'F')
			sl_text_put_uint(&o, w->family == SL_IPV4 ? 1 : 2);
		else if (c == '=' || c == '[' || c == ',')
			put_addr(w, &o, viewer, c, *t.at++);
		else
			put_addr(w, &o, viewer, 0, c);
		sl_text_skip(&t, "]");
		assert_true(sl_text_char(&t, '}'));
	}
	assert_false(o.full);
	return sl_out_len(&o);
}

static size_t render(const struct world *w, unsigned viewer, const char *template, char *out)
{
	size_t n = render_with(w, viewer, template, out, 0);

	return render_with(w, viewer, template, out, body_length(out, n));
}

/* ---- what happened, as text ------------------------------------------------------------------ */

static void add_event(struct world *w, const char *text)
{
	size_t n = strlen(w->events);

	assert_true(n + strlen(text) + 3 < EVENTS);
	sprintf(w->events + n, "%s%s", n ? ", " : "", text);
}

/* No host bits: an IPv4 address is the last four bytes. */
static bool all_zero(const struct world *w, const struct sl_addr *a)
{
	for (unsigned i = w->family == SL_IPV4 ? 12 : 0; i < 16; i++)
		if (a->b[i])
			return false;
	return true;
}

/* The name of an address in that viewer's eyes; the address itself if it has none. */
static const char *name_of(
        const struct world *w, unsigned viewer, const struct sl_addr *a, char out[SL_ADDR_TEXT])
{
	static const char names[] = "cstu";

	for (unsigned i = 0; i < 4; i++) {
		struct sl_addr known = seen_by(w, viewer, names[i]);

		if (sl_addr_eq(&known, a)) {
			out[0] = names[i];
			out[1] = 0;
			return out;
		}
	}
	return sl_addr_text(a, (enum sl_family)w->family, out);
}

/* Is the opener of what is expected on the client's side? */
static unsigned opener_of(const struct world *w, const struct sl_expect_info *e)
{
	if (!all_zero(w, &e->mask.src))
		return !(sl_addr_eq(&e->tuple.src, &w->end[0].addr) ||
		         sl_addr_eq(&e->tuple.src, &w->third[0]));
	for (unsigned viewer = 0; viewer < 2; viewer++) {
		struct sl_addr peer = seen_by(w, viewer, viewer ? 'c' : 's');

		if (sl_addr_eq(&peer, &e->tuple.dst))
			return viewer;
	}
	return 1;
}

/* May every host of a network of 256 addresses come? */
static bool from_network(const struct sl_expect_info *e)
{
	return e->mask.src.b[14] == 0xff && e->mask.src.b[15] == 0;
}

static void describe(const struct world *w, const struct sl_expect_info *e, char *out)
{
	char src[SL_ADDR_TEXT], dst[SL_ADDR_TEXT], proto[4];
	unsigned opener = opener_of(w, e);

	out += sprintf(out, "%s>%s %s %u",
	        all_zero(w, &e->mask.src) ? "*"
	        : from_network(e)         ? "net"
	                                  : name_of(w, opener, &e->tuple.src, src),
	        name_of(w, opener, &e->tuple.dst, dst), sl_proto_text(e->tuple.proto, proto),
	        e->tuple.dport);
	if (e->class_id)
		out += sprintf(out, " #%u", e->class_id);
	if (e->mask.sport)
		out += sprintf(out, " from %u", e->tuple.sport);
	if (e->flags & SL_EXPECT_PERMANENT)
		out += sprintf(out, " permanent");
	if (e->flags & SL_EXPECT_INACTIVE)
		sprintf(out, " inactive");
}

static void on_event(void *ctx, const struct sl_event *event)
{
	struct world *w = ctx;
	char text[160], proto[4];
	struct sl_expect_info info;

	if (event->type == SL_EVENT_LOG && event->why != SL_WHY_NONE)
		w->remark = (uint16_t)event->why;
	if (event->type != SL_EVENT_EXPECT_NEW && event->type != SL_EVENT_EXPECT_DESTROY)
		return;
	sl_expect_info(w->engine, event->expect, &info);
	if (event->type == SL_EVENT_EXPECT_NEW) {
		assert_true(w->expects < EXPECTS);
		w->expect[w->expects++].info = info;
		describe(w, &info, text);
	} else {
		for (unsigned i = 0; i < w->expects; i++)
			w->expect[i].gone = w->expect[i].gone || w->expect[i].info.id == info.id;
		sprintf(text, "-%s %u", sl_proto_text(info.tuple.proto, proto), info.tuple.dport);
	}
	add_event(w, text);
}

/* ---- the embedder ---------------------------------------------------------------------------- */

static void *counted_alloc(void *ctx, size_t size, size_t align)
{
	((struct world *)ctx)->allocated += size;
	return aligned_alloc(align, (size + align - 1) / align * align);
}

static void counted_free(void *ctx, void *p, size_t size)
{
	((struct world *)ctx)->allocated -= size;
	free(p);
}

static bool inside(const struct world *w, const struct sl_addr *a)
{
	return sl_addr_eq(a, &w->end[0].addr) || sl_addr_eq(a, &w->third[0]);
}

static bool is_broadcast(const struct world *w, const struct sl_addr *a)
{
	static const uint8_t all[4] = {10, 0, 0, 255};

	return w->family == SL_IPV4 && !memcmp(a->b + 12, all, 4);
}

static void route(void *ctx, const struct sl_route_query *query, struct sl_route *answer)
{
	const struct world *w = ctx;

	answer->kind = sl_addr_eq(&query->dst, &w->public_) ? SL_ROUTE_LOCAL : SL_ROUTE_FORWARD;
	answer->out_if = inside(w, &query->dst) ? 1 : 2;
	if (is_broadcast(w, &query->dst)) {
		answer->kind = SL_ROUTE_BROADCAST;
		answer->prefix = 24;
	}
	answer->mtu = 1500;
	answer->has_source = true;
	answer->source = w->public_;
}

static bool grow(void *ctx, struct sl_packet *p, uint32_t headroom, uint32_t tailroom)
{
	uint8_t *base = malloc((size_t)headroom + p->len + tailroom);

	(void)ctx;
	memcpy(base + headroom, p->data, p->len);
	free(p->handle);
	p->handle = base;
	p->data = base + headroom;
	p->headroom = headroom;
	p->tailroom = tailroom;
	return true;
}

static bool fresh(void *ctx, struct sl_packet *p, uint32_t len)
{
	(void)ctx;
	p->handle = p->data = malloc(len);
	p->len = len;
	p->headroom = p->tailroom = 0;
	return true;
}

static bool keep(void *ctx, struct sl_packet *p)
{
	(void)ctx, (void)p;
	return true;
}

static void release(void *ctx, struct sl_packet *p)
{
	(void)ctx;
	free(p->handle);
	p->handle = NULL;
}

/* ---- the policy ------------------------------------------------------------------------------ */

static uint8_t no_stages(void *ctx, enum sl_hook hook)
{
	(void)ctx, (void)hook;
	return 0;
}

static enum sl_decision no_decision(void *ctx, struct sl_policy_view *view)
{
	(void)ctx, (void)view;
	return SL_CONTINUE;
}

/* Source NAT of what the client opens; destination NAT of what it opens to the public address. */
static bool nat(void *ctx, struct sl_policy_view *view, struct sl_nat_range *range)
{
	const struct world *w = ctx;
	bool from_client = view->packet->in_if == 1;

	range->flags = SL_NAT_MAP_ADDR;
	if (w->nat == NAT_SRC && view->hook == SL_POSTROUTING && from_client) {
		range->min_addr = range->max_addr = w->public_;
		return true;
	}
	if (w->nat == NAT_DST && view->hook == SL_PREROUTING && from_client) {
		range->min_addr = range->max_addr = w->end[1].addr;
		return true;
	}
	return false;
}

static const struct sl_policy policy = {.stages = no_stages, .decide = no_decision, .nat = nat};

/* ---- packets --------------------------------------------------------------------------------- */

static size_t head_of(const struct world *w)
{
	return w->family == SL_IPV4 ? 20 : 40;
}

static uint32_t pseudo(const struct world *w, const uint8_t *ip, uint8_t proto, uint32_t len)
{
	return w->family == SL_IPV4 ? sl__sum_ipv4(ip + 12, ip + 16, proto, len)
	                            : sl__sum_ipv6(ip + 8, ip + 24, proto, len);
}

/* IP header, addresses and lengths; the transport part of n bytes is the caller's. */
static uint8_t *make_packet(const struct world *w, const struct sl_addr *src,
        const struct sl_addr *dst, uint8_t proto, size_t n, struct sl_packet *p)
{
	size_t head = head_of(w);
	uint8_t *ip = calloc(1, head + n);

	*p = (struct sl_packet){.handle = ip, .data = ip, .len = (uint32_t)(head + n)};
	if (w->family == SL_IPV4) {
		ip[0] = 0x45;
		sl_put16(ip + 2, (uint16_t)(head + n));
		ip[8] = 64;
		ip[9] = proto;
		memcpy(ip + 12, src->b + 12, 4);
		memcpy(ip + 16, dst->b + 12, 4);
		sl_put16(ip + 10, sl__csum(sl__sum(ip, 20, 0)));
	} else {
		ip[0] = 0x60;
		sl_put16(ip + 4, (uint16_t)n);
		ip[6] = proto;
		ip[7] = 64;
		memcpy(ip + 8, src->b, 16);
		memcpy(ip + 24, dst->b, 16);
	}
	return ip + head;
}

static void seal(const struct world *w, struct sl_packet *p, uint8_t proto)
{
	size_t head = head_of(w), n = p->len - head;
	uint8_t *l4 = p->data + head, *sum = l4 + (proto == SL_PROTO_TCP ? 16 : 6);

	sl_put16(sum, sl__csum(sl__sum(l4, n, pseudo(w, p->data, proto, (uint32_t)n))));
}

static struct sl_addr packet_addr(const struct world *w, const struct sl_packet *p, bool dst)
{
	if (w->family == SL_IPV4)
		return sl_addr_v4(p->data + (dst ? 16 : 12));
	return sl_addr_v6(p->data + (dst ? 24 : 8));
}

static void check_sums(const struct world *w, const struct sl_packet *p)
{
	size_t head = head_of(w), len;
	uint8_t proto = p->data[w->family == SL_IPV4 ? 9 : 6];

	len = w->family == SL_IPV4 ? sl_get16(p->data + 2) - head : sl_get16(p->data + 4);
	assert_true(head + len <= p->len);
	assert_int_equal(sl__sum_fold(sl__sum(
	                         p->data + head, len, pseudo(w, p->data, proto, (uint32_t)len))),
	        0xffff);
	if (w->family == SL_IPV4)
		assert_int_equal(sl__sum_fold(sl__sum(p->data, 20, 0)), 0xffff);
}

static void fail_byte(const struct end *to, size_t at, size_t n)
{
	char is[TEXT], must[TEXT];
	size_t from = at < 40 ? 0 : at - 40;

	snprintf(is, sizeof(is), "%.*s", (int)(n < 200 ? n : 200), (const char *)to->got + from);
	snprintf(must, sizeof(must), "%.*s",
	        (int)(to->must_len - from < 200 ? to->must_len - from : 200),
	        (const char *)to->must + from);
	fail_with("what arrived", must, is);
}

/* Bytes at `at` of the stream that `to` receives. */
static void take_bytes(struct end *to, size_t at, const uint8_t *bytes, size_t n)
{
	assert_true(at + n <= STREAM);
	memcpy(to->got + at, bytes, n);
	for (size_t i = 0; i < n; i++) {
		if (at + i >= to->must_len || bytes[i] != to->must[at + i])
			fail_byte(to, at + i, n + 40);
		to->have[at + i] = true;
	}
}

static void receive(struct world *w, struct sl_packet *p)
{
	const uint8_t *l4 = p->data + head_of(w);
	size_t n =
	        (w->family == SL_IPV4 ? sl_get16(p->data + 2) - head_of(w) : sl_get16(p->data + 4));
	uint8_t proto = p->data[w->family == SL_IPV4 ? 9 : 6];
	struct sl_addr dst = packet_addr(w, p, true);
	struct end *to = &w->end[sl_addr_eq(&dst, &w->end[0].addr) ? 0 : 1],
	           *from = &w->end[to == &w->end[0]];

	check_sums(w, p);
	if (w->quiet)
		return;
	if (is_broadcast(w, &dst)) {
		w->end[1].datagrams += n - 8;
		return;
	}
	if (!sl_addr_eq(&dst, &to->addr))
		fail_with("destination", "an end",
		        sl_addr_text(&dst, (enum sl_family)w->family, (char[SL_ADDR_TEXT]){0}));
	assert_int_equal(sl_get16(l4 + 2), to->port);
	if (proto == SL_PROTO_UDP) {
		take_bytes(to, to->datagrams, l4 + 8, n - 8);
		to->datagrams += n - 8;
	} else if (!(l4[13] & SYN)) {
		size_t head = (size_t)(l4[12] >> 4) * 4, at = sl_get32(l4 + 4) - from->isn - 1;

		if (n > head)
			take_bytes(to, at, l4 + head, n - head);
	}
}

static void on_emit(void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	(void)cause;
	receive(ctx, p);
	free(p->handle);
}

static void put_in(struct world *w, struct sl_packet *p, unsigned dir, uint8_t proto)
{
	seal(w, p, proto);
	p->in_if = dir == 0 ? 1 : 2;
	sl_input(w->engine, p, 1, w->now);
	if (p->verdict == SL_ACCEPT)
		receive(w, p);
	w->dropped = (uint16_t)(p->verdict == SL_DROP ? p->reason : 0);
	assert_null(sl_engine_check(w->engine));
}

static size_t contiguous(const struct end *e)
{
	size_t n = 0;

	while (n < STREAM && e->have[n])
		n++;
	return n;
}

static void ports(uint8_t *l4, uint16_t src, uint16_t dst)
{
	sl_put16(l4, src);
	sl_put16(l4 + 2, dst);
}

static void send_tcp(
        struct world *w, unsigned dir, uint32_t at, uint8_t flags, const void *bytes, size_t n)
{
	struct end *me = &w->end[dir], *peer = &w->end[!dir];
	struct sl_addr dst = seen_by(w, dir, dir ? 'c' : 's');
	struct sl_packet p;
	uint8_t *l4 = make_packet(w, &me->addr, &dst, SL_PROTO_TCP, 20 + n, &p);

	ports(l4, me->port, peer->port);
	sl_put32(l4 + 4, me->isn + (flags & SYN ? 0 : 1) + at);
	if (flags & ACK)
		sl_put32(l4 + 8, peer->isn + 1 + (uint32_t)contiguous(me));
	l4[12] = 0x50;
	l4[13] = flags;
	sl_put16(l4 + 14, 60000);
	if (n)
		memcpy(l4 + 20, bytes, n);
	put_in(w, &p, dir, SL_PROTO_TCP);
	if (p.verdict != SL_HELD)
		free(p.handle);
}

static void send_udp(struct world *w, unsigned dir, const void *bytes, size_t n)
{
	struct end *me = &w->end[dir], *peer = &w->end[!dir];
	struct sl_addr dst = seen_by(w, dir, dir ? 'c' : 's');
	struct sl_packet p;
	uint8_t *l4;

	if (w->d->broadcast && dir == 0)
		dst.b[12] = 10, dst.b[13] = dst.b[14] = 0, dst.b[15] = 255;
	l4 = make_packet(w, &me->addr, &dst, SL_PROTO_UDP, 8 + n, &p);

	ports(l4, me->port, peer->port);
	sl_put16(l4 + 4, (uint16_t)(8 + n));
	memcpy(l4 + 8, bytes, n);
	put_in(w, &p, dir, SL_PROTO_UDP);
	free(p.handle);
}

/* ---- the world ------------------------------------------------------------------------------- */

static void set_tunables(struct world *w)
{
	for (unsigned i = 0; i < 4 && w->d->set[i]; i++) {
		char name[64];
		const char *value = strchr(w->d->set[i], '=');

		snprintf(name, sizeof(name), "%.*s", (int)(value - w->d->set[i]), w->d->set[i]);
		assert_true(sl_tunable_set(w->engine, name, (uint32_t)atoi(value + 1)));
	}
}

static const struct sl_helper *find_helper(const char *name)
{
	for (const struct sl_helper *const *h = sl_helpers_builtin(); *h; h++)
		if (!strcmp((*h)->name, name))
			return *h;
	fail_msg("no helper %s", name);
	return NULL;
}

static void world_init(struct world *w, const struct dialogue *d, uint8_t family, unsigned nat_kind)
{
	struct sl_env env = {.mem = {counted_alloc, counted_free, w},
	        .ctx = w,
	        .route = route,
	        .event = on_event,
	        .grow = grow,
	        .alloc = fresh,
	        .keep = keep,
	        .free = release,
	        .emit = on_emit};
	const struct sl_helper *helper = find_helper(d->helper);
	struct sl_config config;

	memset(w, 0, sizeof(*w));
	w->d = d;
	w->nat = nat_kind;
	w->family = family;
	w->end[0].addr = addr_of(family == SL_IPV4 ? "10.0.0.2" : "2001:db8:1::2");
	w->end[1].addr = addr_of(family == SL_IPV4 ? "198.51.100.7" : "2001:db8:2::7");
	w->third[0] = addr_of(family == SL_IPV4 ? "10.0.0.3" : "2001:db8:1::3");
	w->third[1] = addr_of(family == SL_IPV4 ? "198.51.100.99" : "2001:db8:2::99");
	w->public_ = addr_of(family == SL_IPV4 ? "203.0.113.1" : "2001:db8:ffff::1");
	w->end[0].port = d->client_port ? d->client_port : 40000;
	w->end[1].port = d->server_port ? d->server_port : helper->match[0].port;
	w->end[0].isn = 0xfffffff0;
	w->end[1].isn = 5000;
	sl_config_init(&config);
	config.slab_chunk = 1;
	config.table_max = 64;
	config.policy = &policy;
	config.policy_ctx = w;
	w->engine = sl_engine_create(&config, &env);
	assert_non_null(w->engine);
	assert_true(sl_helper_register(w->engine, helper, true));
	set_tunables(w);
	if (d->proto == SL_PROTO_TCP) {
		send_tcp(w, 0, 0, SYN, NULL, 0);
		send_tcp(w, 1, 0, SYN | ACK, NULL, 0);
		send_tcp(w, 0, 0, ACK, NULL, 0);
	}
}

static void world_fini(struct world *w)
{
	sl_engine_destroy(w->engine);
	assert_int_equal(w->allocated, 0);
}

/* ---- a row ----------------------------------------------------------------------------------- */

#define PARTS 5

/* Which parts of the message are sent, in which order; places: 0, half of the cut, the cut, the end. */
static const struct part {
	uint8_t from, to;
} order[WAYS][PARTS] = {
        [CUT] = {{0, 2}, {2, 3}},
        [CUT_SWAPPED] = {{2, 3}, {0, 2}, {0, 3}},
        [CUT_WAITED] = {{0, 2}, {2, 3}},
        [CUT_OVERLAP] = {{0, 2}, {1, 3}},
        [CUT_FIRST_TWICE] = {{0, 2}, {0, 2}, {2, 3}},
        [CUT_SECOND_TWICE] = {{0, 2}, {2, 3}, {2, 3}},
        [CUT_AGAIN] = {{0, 2}, {2, 3}, {0, 3}},
        [THREE_BACKWARDS] = {{2, 3}, {1, 2}, {0, 1}, {0, 2}},
        [THREE_TURNED] = {{1, 2}, {2, 3}, {0, 1}, {0, 2}},
};

static void travel(
        struct world *w, unsigned dir, const char *text, size_t n, enum way way, size_t cut)
{
	uint32_t at = w->end[dir].sent;

	w->end[dir].sent += (uint32_t)n;
	if (w->d->proto == SL_PROTO_UDP) {
		send_udp(w, dir, text, n);
		return;
	}
	if (way == WHOLE) {
		send_tcp(w, dir, at, ACK | PSH, text, n);
		return;
	}
	if (way == BYTES) {
		for (size_t i = 0; i < n; i++)
			send_tcp(w, dir, at + (uint32_t)i, ACK | PSH, text + i, 1);
		return;
	}
	for (unsigned i = 0; i < PARTS && order[way][i].to; i++) {
		size_t places[] = {0, cut / 2, cut, n};
		size_t from = places[order[way][i].from], to = places[order[way][i].to];

		if (from < to)
			send_tcp(w, dir, at + (uint32_t)from, ACK | PSH, text + from, to - from);
		if (way == CUT_WAITED && i == 0) {
			w->now += 50 * MS;
			sl_clock(w->engine, w->now, 0);
		}
	}
}

/* What must be there before the next row. */
static void check_row(struct world *w, const struct row *row, unsigned dir)
{
	const struct end *to = &w->end[!dir];
	const char *must = row->expects ? row->expects : "";

	if (strcmp(w->events, must))
		fail_with("expectations", must, w->events);
	if (w->remark != row->remark)
		fail_with("remark", sl_reason_name(row->remark),
		        sl_reason_name((enum sl_reason)w->remark));
	if (w->d->proto == SL_PROTO_TCP && contiguous(to) != to->must_len)
		fail_with("bytes", "all", "some are missing");
	if (w->d->proto == SL_PROTO_UDP && to->datagrams != to->must_len)
		fail_with("datagram", "arrives", sl_reason_name((enum sl_reason)w->dropped));
}

static void play_row(struct world *w, const struct row *row, enum way way, size_t cut)
{
	unsigned dir = row->from == 's';
	struct end *to = &w->end[!dir];
	char text[TEXT], arrives[TEXT];
	size_t n, an;

	if (row->from == 'w') {
		w->now += (uint64_t)strtoul(row->text, NULL, 10) * MS;
		sl_clock(w->engine, w->now, 0);
		if (strcmp(w->events, row->expects ? row->expects : ""))
			fail_with("expectations", row->expects ? row->expects : "", w->events);
		w->events[0] = 0;
		return;
	}
	n = render(w, dir, row->text, text);
	an = render(w, !dir, row->arrives ? row->arrives : row->text, arrives);
	assert_true(to->must_len + an <= STREAM);
	memcpy(to->must + to->must_len, arrives, an);
	to->must_len += an;
	w->events[0] = 0;
	w->remark = 0;
	travel(w, dir, text, n, way, cut);
	check_row(w, row, dir);
	w->events[0] = 0;
	if (w->d->proto == SL_PROTO_TCP) /* the receiver's acknowledgement */
		send_tcp(w, !dir, w->end[!dir].sent, ACK, NULL, 0);
}

/* ---- related connections --------------------------------------------------------------------- */

static void put_related(struct world *w, unsigned dir, uint8_t proto, const struct sl_addr *src,
        uint16_t sport, const struct sl_addr *dst, uint16_t dport, bool answer, struct sl_packet *p)
{
	uint8_t *l4 = make_packet(w, src, dst, proto, proto == SL_PROTO_TCP ? 20 : 9, p);

	ports(l4, sport, dport);
	if (proto == SL_PROTO_TCP) {
		sl_put32(l4 + 8, answer ? 1 : 0);
		l4[12] = 0x50;
		l4[13] = answer ? SYN | ACK : SYN;
	} else {
		sl_put16(l4 + 4, 9);
	}
	put_in(w, p, dir, proto);
}

static void check_arrival(
        struct world *w, const struct sl_packet *p, const struct sl_addr *dst, uint16_t dport)
{
	struct sl_addr to = packet_addr(w, p, true);
	char a[SL_ADDR_TEXT], b[SL_ADDR_TEXT], is[80], must[80];

	if (p->verdict != SL_ACCEPT)
		fail_with("related packet", "accepted", sl_reason_name((enum sl_reason)p->reason));
	snprintf(is, sizeof(is), "%s %u", sl_addr_text(&to, (enum sl_family)w->family, a),
	        sl_get16(p->data + head_of(w) + 2));
	snprintf(must, sizeof(must), "%s %u", sl_addr_text(dst, (enum sl_family)w->family, b),
	        dport);
	if (strcmp(is, must))
		fail_with("related packet arrives at", must, is);
}

/* Whose own address is it that the opener sees there? */
static struct sl_addr own_address(
        const struct world *w, unsigned opener, const struct sl_addr *seen)
{
	char name[SL_ADDR_TEXT];

	name_of(w, opener, seen, name);
	return name[1] ? *seen : seen_by(w, name[0] == 's' || name[0] == 't', name[0]);
}

static void meet(struct world *w, const struct sl_expect_info *e)
{
	unsigned opener = opener_of(w, e);
	struct sl_addr src = all_zero(w, &e->mask.src) ? w->third[opener] : e->tuple.src;
	struct sl_addr dst = own_address(w, opener, &e->tuple.dst), back;
	uint16_t dport = e->has_nat ? e->nat.sport : e->tuple.dport,
	         sport = e->mask.sport ? e->tuple.sport : 33333;
	struct sl_conn_info conn;
	struct sl_packet p;

	if (from_network(e))
		src.b[15] = 77;
	w->quiet = true;
	put_related(
	        w, opener, e->tuple.proto, &src, sport, &e->tuple.dst, e->tuple.dport, false, &p);
	check_arrival(w, &p, &dst, dport);
	assert_non_null(p.conn);
	sl_conn_info(w->engine, p.conn, &conn);
	assert_true(conn.status & SL_EXPECTED);
	back = packet_addr(w, &p, false);
	sport = sl_get16(p.data + head_of(w));
	free(p.handle);
	put_related(w, !opener, e->tuple.proto, &dst, dport, &back, sport, true, &p);
	check_arrival(w, &p, &src, e->mask.sport ? e->tuple.sport : 33333);
	free(p.handle);
	w->quiet = false;
}

static void meet_all(struct world *w)
{
	unsigned n = w->expects;

	for (unsigned i = 0; i < n; i++)
		if (!w->expect[i].gone && !(w->expect[i].info.flags & SL_EXPECT_INACTIVE))
			meet(w, &w->expect[i].info);
}

/* ---- playing --------------------------------------------------------------------------------- */

/* Once through; row number `special` (or all, if it is -1) travels in its own way. */
static void play(const struct dialogue *d, uint8_t family, unsigned nat_kind, int special,
        enum way way, size_t cut)
{
	static struct world w;

	world_init(&w, d, family, nat_kind);
	for (int i = 0; d->rows[i].from; i++) {
		snprintf(playing, sizeof(playing),
		        "%s, IPv%u, NAT %u, row %d (way %d, cut %zu of row %d)", d->name, family,
		        nat_kind, i, way, cut, special);
		play_row(&w, &d->rows[i], special == i || special == -1 ? way : WHOLE, cut);
	}
	if (!d->no_meeting)
		meet_all(&w);
	world_fini(&w);
}

static size_t length_of(
        const struct dialogue *d, const struct row *row, uint8_t family, unsigned nat_kind)
{
	static struct world w;
	char text[TEXT];
	size_t n;

	world_init(&w, d, family, nat_kind);
	n = render(&w, row->from == 's', row->text, text);
	world_fini(&w);
	return n;
}

/* Each row cut at each byte (or at one of `step`), each time in another way. */
static void play_cut(const struct dialogue *d, uint8_t family, unsigned nat_kind, size_t step)
{
	for (int i = 0; d->rows[i].from; i++) {
		size_t n = d->rows[i].from == 'w' ? 0 : length_of(d, &d->rows[i], family, nat_kind);

		for (size_t cut = 1; cut < n; cut += step) {
			unsigned way = (unsigned)(cut / step) % (BYTES - CUT) + CUT;

			if (!d->thorough) {
				play(d, family, nat_kind, i, (enum way)way, cut);
				continue;
			}
			for (way = CUT; way < BYTES; way++)
				play(d, family, nat_kind, i, (enum way)way, cut);
		}
	}
}

void dialogue_play(const struct dialogue *d)
{
	for (uint8_t family = 4; family <= 6; family += 2) {
		if ((d->families && d->families != family) || (d->broadcast && family == 6))
			continue;
		for (unsigned kind = NAT_NONE; kind <= NAT_DST; kind *= 2) {
			if (d->nats && !(d->nats & kind))
				continue;
			play(d, family, kind, 0, WHOLE, 0);
			if (d->proto != SL_PROTO_TCP)
				continue;
			play(d, family, kind, -1, BYTES, 0);
			play_cut(d, family, kind,
			        d->quick                         ? 13
			        : d->thorough                    ? 1
			        : kind == NAT_SRC && family == 4 ? 1
			                                         : 7);
		}
	}
}

void dialogues_play(const struct dialogue *d, size_t count)
{
	for (size_t i = 0; i < count; i++)
		dialogue_play(&d[i]);
}
