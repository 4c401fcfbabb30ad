/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A helper's dialogue through a whole engine. What must hold, whatever the input: the invariants
 * of the engine, right checksums, nothing read outside a packet, nothing left behind, and (TCP)
 * both receivers see each byte of their stream the same every time it is sent to them.
 *
 * The first byte says which world: the low two bits the NAT (none, source, destination, both
 * counts as source), bit 2 the family, bit 3 whether the client speaks to a whole network. Then each operation is a byte: bit 0 who, bits 1-3 what,
 * the high bits how many bytes, which follow where they are needed:
 *
 *	0, 1  say: one segment, or one datagram
 *	2     two segments, the second first; a datagram twice
 *	3     something again, cut otherwise; UDP: a long datagram (16 times as many bytes)
 *	4     an acknowledgement; UDP: a packet to the last thing that was expected
 *	5     time passes
 *	6     lost; TCP with the high bits all set: a packet to the last thing that was expected
 *	7     FIN; UDP: a packet to the last thing that was expected, from another port
 */
#include "fuzz/dialogue.h"

#include <stdio.h>

#include <sluice/helper.h>
#include <sluice/policy.h>

#include "base/bytes.h"
#include "base/checksum.h"

#define STREAM 16384
#define MS     1000000ull

enum { FIN = 1, SYN = 2, PSH = 8, ACK = 16 };
enum { NAT_NONE, NAT_SRC, NAT_DST };

struct end {
	struct sl_addr addr, to;
	uint16_t port, to_port;
	uint32_t isn, sent; /* sent: bytes of out */
	uint8_t out[STREAM], in[STREAM];
	bool have[STREAM];
};

struct world {
	const struct fuzz_dialogue *dialogue;
	struct sl_engine *engine;
	struct end end[2];
	struct sl_addr public_addr, server_inside;
	uint8_t family, nat;
	bool cast; /* the client's packets go to a whole network */
	struct sl_tuple expected; /* the last one; proto 0: none */
	size_t held;
	uint64_t now;
};

static void fail(const char *what)
{
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

/* ---- the embedder -------------------------------------------------------------------------- */

static void *mem_alloc(void *ctx, size_t size, size_t align)
{
	((struct world *)ctx)->held += size;
	return aligned_alloc(align, (size + align - 1) / align * align);
}

static void mem_free(void *ctx, void *p, size_t size)
{
	((struct world *)ctx)->held -= size;
	free(p);
}

static bool is_inside(const struct world *w, const struct sl_addr *a)
{
	return w->family == SL_IPV4 ? a->b[12] == 10 : a->b[0] == 0xfd;
}

static void route(void *ctx, const struct sl_route_query *query, struct sl_route *answer)
{
	struct world *w = ctx;

	answer->kind = sl_addr_eq(&query->dst, &w->public_addr) ? SL_ROUTE_LOCAL : SL_ROUTE_FORWARD;
	answer->out_if = is_inside(w, &query->dst) ? 1 : 2;
	answer->prefix = 24;
	answer->mtu = 1280;
	answer->has_source = true;
	answer->source = w->public_addr;
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

static void on_event(void *ctx, const struct sl_event *event)
{
	struct world *w = ctx;
	struct sl_expect_info info;

	if (event->type != SL_EVENT_EXPECT_NEW)
		return;
	sl_expect_info(w->engine, event->expect, &info);
	w->expected = info.tuple;
}

static uint8_t stages(void *ctx, enum sl_hook hook)
{
	(void)ctx, (void)hook;
	return 0;
}

static bool translate(void *ctx, struct sl_policy_view *view, struct sl_nat_range *range)
{
	struct world *w = ctx;

	range->flags = SL_NAT_MAP_ADDR;
	if (w->nat == NAT_SRC && view->hook == SL_POSTROUTING && view->out_if == 2)
		range->min_addr = range->max_addr = w->public_addr;
	else if (w->nat == NAT_DST && view->hook == SL_PREROUTING && view->in_if == 2)
		range->min_addr = range->max_addr = w->server_inside;
	else
		return false;
	return true;
}

/* ---- what leaves ----------------------------------------------------------------------------- */

static uint32_t pseudo(const struct world *w, const uint8_t *ip, uint8_t proto, uint32_t len)
{
	return w->family == SL_IPV6 ? sl__sum_ipv6(ip + 8, ip + 24, proto, len)
				    : sl__sum_ipv4(ip + 12, ip + 16, proto, len);
}

/* Each byte of a stream is always the same. */
static void receive_stream(struct world *w, const uint8_t *l4, uint32_t len)
{
	uint32_t head = (uint32_t)(l4[12] >> 4) * 4, at;
	struct end *to, *from;

	if (sl_get16(l4) == w->dialogue->port)
		to = &w->end[0];
	else if (sl_get16(l4 + 2) == w->dialogue->port)
		to = &w->end[1];
	else
		return; /* of a related connection */
	from = &w->end[to == &w->end[0]];
	at = sl_get32(l4 + 4) - from->isn - 1;
	if (len > head)
		fuzz_plant(l4 + head, len - head);
	for (uint32_t i = head; i < len && !(l4[13] & SYN); i++, at++) {
		if (at >= STREAM)
			continue;
		if (to->have[at] && to->in[at] != l4[i])
			fail("a byte was sent again otherwise");
		to->in[at] = l4[i];
		to->have[at] = true;
	}
}

static void receive(struct world *w, const struct sl_packet *p)
{
	bool v6 = w->family == SL_IPV6;
	const uint8_t *ip = p->data, *l4 = ip + (v6 ? 40 : 20);
	uint32_t len = v6 ? sl_get16(ip + 4) : sl_get16(ip + 2) - 20u;
	uint8_t proto = v6 ? ip[6] : ip[9];

	if (!v6 && sl__sum_fold(sl__sum(ip, 20, 0)) != 0xffff)
		fail("IP checksum");
	if (proto == SL_PROTO_GRE)
		return;
	if (sl__sum_fold(sl__sum(l4, len, pseudo(w, ip, proto, len))) != 0xffff)
		fail("checksum");
	if (proto == SL_PROTO_TCP)
		receive_stream(w, l4, len);
	else
		fuzz_plant(l4 + 8, len - 8);
}

static void on_emit(void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	(void)cause;
	receive(ctx, p);
	free(p->handle);
}

/* ---- what comes ------------------------------------------------------------------------------ */

static void put_in(struct world *w, uint8_t *base, uint32_t len, const struct sl_addr *src)
{
	struct sl_packet p = {.handle = base, .data = base, .len = len, .in_if = is_inside(w, src) ? 1 : 2};

	if (w->cast && sl_addr_eq(src, &w->end[0].addr))
		p.cast = SL_CAST_BROADCAST;
	sl_input(w->engine, &p, 1, w->now);
	if (p.verdict == SL_ACCEPT)
		receive(w, &p);
	if (p.verdict != SL_HELD)
		free(p.handle);
	if (sl_engine_check(w->engine))
		fail(sl_engine_check(w->engine));
}

/* The IP header; returns where the rest begins. */
static uint8_t *begin(const struct world *w, uint8_t *ip, const struct sl_tuple *t, uint32_t l4_len)
{
	if (w->family == SL_IPV6) {
		ip[0] = 0x60;
		sl_put16(ip + 4, (uint16_t)l4_len);
		ip[6] = t->proto;
		ip[7] = 64;
		memcpy(ip + 8, t->src.b, 16);
		memcpy(ip + 24, t->dst.b, 16);
		return ip + 40;
	}
	ip[0] = 0x45;
	sl_put16(ip + 2, (uint16_t)(20 + l4_len));
	ip[8] = 64;
	ip[9] = t->proto;
	memcpy(ip + 12, t->src.b + 12, 4);
	memcpy(ip + 16, t->dst.b + 12, 4);
	sl_put16(ip + 10, sl__csum(sl__sum(ip, 20, 0)));
	return ip + 20;
}

static void send_packet(struct world *w, const struct sl_tuple *t, uint32_t seq, uint32_t ack, uint8_t flags,
	const uint8_t *bytes, uint32_t n)
{
	uint32_t head = w->family == SL_IPV6 ? 40 : 20, size = t->proto == SL_PROTO_TCP ? 20 : 8;
	uint8_t *base = calloc(1, (size_t)head + size + n), *l4 = begin(w, base, t, size + n);
	uint16_t sum;

	sl_put16(l4, t->proto == SL_PROTO_GRE ? 0x2001 : t->sport);
	sl_put16(l4 + 2, t->proto == SL_PROTO_GRE ? 0x880b : t->dport);
	if (n)
		memcpy(l4 + size, bytes, n);
	if (t->proto == SL_PROTO_TCP) {
		sl_put32(l4 + 4, seq);
		sl_put32(l4 + 8, ack);
		l4[12] = 0x50;
		l4[13] = flags;
		sl_put16(l4 + 14, 60000);
		sl_put16(l4 + 16, sl__csum(sl__sum(l4, size + n, pseudo(w, base, t->proto, size + n))));
	} else if (t->proto == SL_PROTO_UDP) {
		sl_put16(l4 + 4, (uint16_t)(size + n));
		sum = sl__csum(sl__sum(l4, size + n, pseudo(w, base, t->proto, size + n)));
		sl_put16(l4 + 6, sum ? sum : 0xffff); /* 0 would say: there is none */
	} else {
		sl_put16(l4 + 4, (uint16_t)n);
		sl_put16(l4 + 6, t->dport);
	}
	put_in(w, base, head + size + n, &t->src);
}

static struct sl_tuple tuple_of(const struct world *w, unsigned dir)
{
	const struct end *from = &w->end[dir];

	return (struct sl_tuple){.src = from->addr, .dst = from->to, .sport = from->port, .dport = from->to_port,
		.proto = w->dialogue->proto, .family = w->family};
}

static uint32_t ack_of(const struct world *w, unsigned dir)
{
	uint32_t n = 0;

	while (n < STREAM && w->end[dir].have[n])
		n++;
	return w->end[!dir].isn + 1 + n;
}

static void send_bytes(struct world *w, unsigned dir, uint32_t from, uint32_t n, uint8_t flags)
{
	struct sl_tuple t = tuple_of(w, dir);
	struct end *e = &w->end[dir];

	send_packet(w, &t, e->isn + 1 + from, ack_of(w, dir), flags, e->out + from, n);
}

/* The connection that was expected last. */
static void meet(struct world *w, uint16_t sport)
{
	struct sl_tuple t = w->expected;
	static const uint8_t bytes[] = "data";

	if (!t.proto)
		return;
	t.sport = t.sport ? t.sport : sport;
	if (w->family == SL_IPV4 && !t.src.b[12])
		t.src = w->end[1].addr;
	send_packet(w, &t, 1000, 0, SYN, bytes, t.proto == SL_PROTO_TCP ? 0 : 4);
}

/* ---- operations ------------------------------------------------------------------------------ */

/* New bytes of the sender, from the input. */
static void add(struct end *e, struct sl_bytes *in, uint32_t n)
{
	while (n-- && e->sent < STREAM && sl_bytes_left(in))
		e->out[e->sent++] = sl_bytes_u8(in);
}

static void step_tcp(struct world *w, struct sl_bytes *in, uint8_t op)
{
	unsigned dir = op & 1;
	struct end *e = &w->end[dir];
	uint32_t n = 1 + (op >> 4) * 3u, before = e->sent, back;

	switch (op >> 1 & 7) {
	case 0: /* the usual case, twice as likely */
	case 1:
		add(e, in, n);
		send_bytes(w, dir, before, e->sent - before, ACK | PSH);
		break;
	case 2:
		add(e, in, 2 * n);
		back = before + (e->sent - before) / 2;
		send_bytes(w, dir, back, e->sent - back, ACK | PSH);
		send_bytes(w, dir, before, back - before, ACK | PSH);
		break;
	case 3:
		back = e->sent < 2 * n ? 0 : e->sent - 2 * n;
		send_bytes(w, dir, back, e->sent - back < n ? e->sent - back : n, ACK | PSH);
		break;
	case 4:
		send_bytes(w, dir, e->sent, 0, ACK);
		break;
	case 5:
		w->now += n * MS;
		sl_clock(w->engine, w->now, 0);
		break;
	case 6:
		if (op >> 4 == 15)
			meet(w, 50001);
		else
			add(e, in, n);
		break;
	case 7:
		send_bytes(w, dir, e->sent, 0, ACK | FIN);
	}
}

static void step_udp(struct world *w, struct sl_bytes *in, uint8_t op)
{
	unsigned dir = op & 1, what = op >> 1 & 7;
	struct sl_tuple t = tuple_of(w, dir);
	struct end *e = &w->end[dir];
	uint32_t n = 1 + (op >> 4) * 3u;

	e->sent = 0;
	switch (what) {
	case 0:
	case 1:
	case 2:
	case 3:
		add(e, in, what == 3 ? n * 16 : n);
		for (unsigned i = 0; i < (what == 2 ? 2u : 1u); i++)
			send_packet(w, &t, 0, 0, 0, e->out, e->sent);
		break;
	case 4:
	case 7:
		meet(w, what == 4 ? 50001 : 50002);
		break;
	case 5:
		w->now += n * n * MS;
		sl_clock(w->engine, w->now, 0);
		break;
	case 6:
		break;
	}
}

/* ---- the whole ------------------------------------------------------------------------------- */

static struct sl_addr addr_of(const char *text)
{
	struct sl_addr addr = {{0}};
	enum sl_family family;

	if (!sl_addr_parse(text, &addr, &family))
		fail("an address of ours");
	return addr;
}

static void place_ends(struct world *w, uint8_t kind)
{
	bool v6 = kind & 4;
	struct end *client = &w->end[0], *server = &w->end[1];

	w->family = v6 ? SL_IPV6 : SL_IPV4;
	w->cast = kind & 8;
	w->nat = (kind & 3) == 3 ? NAT_SRC : kind & 3;
	w->public_addr = addr_of(v6 ? "2001:db8:ffff::1" : "203.0.113.1");
	w->server_inside = addr_of(v6 ? "fd00::3" : "10.0.0.3");
	client->addr = addr_of(w->nat == NAT_DST ? v6 ? "2001:db8::9" : "198.51.100.9" : v6 ? "fd00::2" : "10.0.0.2");
	server->addr = w->nat == NAT_DST ? w->server_inside : addr_of(v6 ? "2001:db8::7" : "198.51.100.7");
	client->to = w->nat == NAT_DST ? w->public_addr : server->addr;
	server->to = w->nat == NAT_SRC ? w->public_addr : client->addr;
	client->port = server->to_port = 40000;
	server->port = client->to_port = w->dialogue->port;
	client->isn = 0xfffffff0;
	server->isn = 5000;
}

static void start(struct world *w)
{
	static const struct sl_policy policy = {.stages = stages, .nat = translate};
	struct sl_env env = {.mem = {mem_alloc, mem_free, w}, .ctx = w, .route = route, .grow = grow,
		.alloc = fresh, .keep = keep, .free = release, .emit = on_emit, .event = on_event};
	struct sl_config config;

	sl_config_init(&config);
	config.slab_chunk = 1;
	config.table_max = 16;
	config.expect_max = 64;
	config.policy = &policy;
	config.policy_ctx = w;
	w->engine = sl_engine_create(&config, &env);
	for (const struct sl_helper *const *h = sl_helpers_builtin(); *h; h++)
		if (!strcmp((*h)->name, w->dialogue->helper))
			sl_helper_register(w->engine, *h, true);
}

static void shake_hands(struct world *w)
{
	struct sl_tuple there = tuple_of(w, 0), back = tuple_of(w, 1);

	send_packet(w, &there, w->end[0].isn, 0, SYN, NULL, 0);
	send_packet(w, &back, w->end[1].isn, w->end[0].isn + 1, SYN | ACK, NULL, 0);
	send_packet(w, &there, w->end[0].isn + 1, w->end[1].isn + 1, ACK, NULL, 0);
}

int fuzz_dialogue(const struct fuzz_dialogue *d, const uint8_t *data, size_t size)
{
	static struct world w;
	struct sl_bytes in = sl_bytes_of(data, size);

	memset(&w, 0, sizeof(w));
	w.dialogue = d;
	place_ends(&w, sl_bytes_left(&in) ? sl_bytes_u8(&in) : 0);
	start(&w);
	if (d->proto == SL_PROTO_TCP)
		shake_hands(&w);
	while (sl_bytes_left(&in)) {
		uint8_t op = sl_bytes_u8(&in);

		if (d->proto == SL_PROTO_TCP)
			step_tcp(&w, &in, op);
		else
			step_udp(&w, &in, op);
	}
	sl_engine_destroy(w.engine);
	if (w.held)
		fail("memory was left behind");
	return 0;
}
