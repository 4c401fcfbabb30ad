/* SPDX-License-Identifier: BSD-2-Clause */
/* See dialogue.h. */
#include "dialogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/wire.h"
#include "track/parse.h"

#define ROOM 64

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

static const struct addresses {
	const char *inside, *server_inside, *outside, *client_outside, *public;
} addresses[2] = {
	{"10.0.0.2", "10.0.0.3", "198.51.100.7", "198.51.100.9", "203.0.113.1"},
	{"fd00::2", "fd00::3", "2001:db8::7", "2001:db8::9", "2001:db8:ffff::1"},
};

static struct sl_addr addr_of(const char *text)
{
	struct sl_addr addr;
	enum sl_family family;

	assert_true(sl_addr_parse(text, &addr, &family));
	return addr;
}

bool addr_is(const struct sl_addr *addr, const char *text)
{
	struct sl_addr other = addr_of(text);

	return sl_addr_eq(addr, &other);
}

static bool is_inside(const struct sl_addr *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(a->b, mapped, 12) == 0 ? a->b[12] == 10 : a->b[0] == 0xfd;
}

/* ---- the embedder ---------------------------------------------------------------------------- */

static void *counted_alloc(void *ctx, size_t size, size_t align)
{
	struct world *w = ctx;
	void *p = aligned_alloc(align, (size + align - 1) / align * align);

	w->allocated += size;
	return p;
}

static void counted_free(void *ctx, void *p, size_t size)
{
	struct world *w = ctx;

	w->allocated -= size;
	free(p);
}

static void route(void *ctx, const struct sl_route_query *query, struct sl_route *answer)
{
	struct world *w = ctx;

	answer->kind = sl_addr_eq(&query->dst, &w->public_addr) ? SL_ROUTE_LOCAL : SL_ROUTE_FORWARD;
	answer->out_if = is_inside(&query->dst) ? 1 : 2;
	answer->prefix = is_inside(&query->dst) ? 24 : 0;
	answer->mtu = 1500;
	answer->has_source = true;
	answer->source = w->public_addr;
}

static void on_event(void *ctx, const struct sl_event *event)
{
	struct world *w = ctx;
	struct sl_expect_info info;

	switch (event->type) {
	case SL_EVENT_EXPECT_NEW:
		assert_true(w->expects < EXPECTS_MAX);
		sl_expect_info(w->engine, event->expect, &w->expect[w->expects++]);
		break;
	case SL_EVENT_EXPECT_DESTROY:
		sl_expect_info(w->engine, event->expect, &info);
		for (unsigned i = 0; i < w->expects; i++) {
			if (w->expect[i].id != info.id)
				continue;
			w->gone[i] = true;
			w->gone_why[i] = event->why;
		}
		break;
	case SL_EVENT_LOG:
		w->remark = event->why;
		break;
	case SL_EVENT_DESTROY:
		w->conns_ended++;
		break;
	default:
		break;
	}
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
	p->handle = malloc(ROOM + (size_t)len + ROOM);
	p->data = (uint8_t *)p->handle + ROOM;
	p->len = len;
	p->headroom = p->tailroom = ROOM;
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

/* ---- the policy: all helpers, and the NAT of the world --------------------------------------- */

static uint8_t stages(void *ctx, enum sl_hook hook)
{
	(void)ctx, (void)hook;
	return 0;
}

static bool translate(void *ctx, struct sl_policy_view *view, struct sl_nat_range *range)
{
	struct world *w = ctx;
	const struct sl_tuple *now = &view->parsed->tuple;

	range->flags = SL_NAT_MAP_ADDR;
	if (w->nat == NAT_SRC && view->hook == SL_POSTROUTING && view->out_if == 2) {
		range->min_addr = range->max_addr = w->public_addr;
		return true;
	}
	if (w->nat == NAT_DST && view->hook == SL_PREROUTING && sl_addr_eq(&now->dst, &w->public_addr)) {
		range->min_addr = range->max_addr = w->server_inside;
		return true;
	}
	return false;
}

static const struct sl_policy policy = {.stages = stages, .nat = translate};

/* ---- what leaves ----------------------------------------------------------------------------- */

static uint32_t pseudo(const uint8_t *ip, bool v6, uint8_t proto, uint32_t len)
{
	return v6 ? sl__sum_ipv6(ip + 8, ip + 24, proto, len) : sl__sum_ipv4(ip + 12, ip + 16, proto, len);
}

static void receive_stream(struct world *w, struct end *to, const uint8_t *l4, uint32_t len)
{
	uint32_t head = (uint32_t)(l4[12] >> 4) * 4, at = sl_get32(l4 + 4) - to->peer_isn - 1;

	if (l4[13] & SYN)
		return;
	for (uint32_t i = head; i < len; i++, at++) {
		if (at > STREAM)
			continue; /* a keep-alive */
		if (to->must_get) {
			assert_true(at < to->must_len);
			assert_int_equal(l4[i], to->must_get[at]);
		}
		to->got[at] = l4[i];
		to->have[at] = true;
	}
	if (l4[13] & ACK && (int32_t)(sl_get32(l4 + 8) - to->acked) > 0)
		to->acked = sl_get32(l4 + 8);
	(void)w;
}

static void receive_datagram(struct world *w, struct end *to, const uint8_t *l4, uint32_t len)
{
	(void)w;
	if (!to || !to->must_get)
		return;
	assert_int_equal(len - 8, to->must_len);
	assert_memory_equal(l4 + 8, to->must_get, to->must_len);
}

/* Whose packet is it? NULL: not of the scene's connection. */
static struct end *end_of(struct world *w, const struct sl_tuple *t)
{
	for (unsigned i = 0; i < 2; i++)
		if (sl_addr_eq(&t->dst, &w->end[i].addr) && t->dport == w->end[i].port &&
			t->proto == w->proto && (w->proto == SL_PROTO_TCP || i == 1 || t->sport == w->end[1].port))
			return &w->end[i];
	return NULL;
}

static void read_tuple(const uint8_t *ip, const uint8_t *l4, bool v6, struct sl_tuple *t)
{
	*t = (struct sl_tuple){.src = v6 ? sl_addr_v6(ip + 8) : sl_addr_v4(ip + 12),
		.dst = v6 ? sl_addr_v6(ip + 24) : sl_addr_v4(ip + 16),
		.proto = v6 ? ip[6] : ip[9],
		.family = v6 ? SL_IPV6 : SL_IPV4};
	t->sport = t->proto == SL_PROTO_GRE ? 0 : sl_get16(l4);
	t->dport = sl_get16(t->proto == SL_PROTO_GRE ? l4 + 6 : l4 + 2);
}

static void receive(struct world *w, const struct sl_packet *p)
{
	const uint8_t *ip = p->data;
	bool v6 = ip[0] >> 4 == 6;
	const uint8_t *l4 = ip + (v6 ? 40 : 20);
	uint32_t len = v6 ? sl_get16(ip + 4) : sl_get16(ip + 2) - 20u;
	struct end *to;

	if (!v6)
		assert_int_equal(sl__sum_fold(sl__sum(ip, 20, 0)), 0xffff);
	read_tuple(ip, l4, v6, &w->arrived);
	if (w->arrived.proto != SL_PROTO_GRE)
		assert_int_equal(sl__sum_fold(sl__sum(l4, len, pseudo(ip, v6, w->arrived.proto, len))), 0xffff);
	if (w->arrived.proto == SL_PROTO_UDP)
		assert_int_equal(sl_get16(l4 + 4), len);
	w->left = true;
	w->state = p->state;
	w->payload_len = len > 8 && w->arrived.proto != SL_PROTO_TCP ? len - 8 : 0;
	memcpy(w->payload, l4 + 8, w->payload_len < sizeof(w->payload) ? w->payload_len : sizeof(w->payload));
	to = end_of(w, &w->arrived);
	if (to)
		to->packets++;
	if (to && w->proto == SL_PROTO_TCP)
		receive_stream(w, to, l4, len);
	else if (w->arrived.proto == SL_PROTO_UDP)
		receive_datagram(w, to, l4, len);
}

static void on_emit(void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	(void)cause;
	receive(ctx, p);
	free(p->handle);
}

/* ---- what comes ------------------------------------------------------------------------------ */

static uint8_t *ip_header(uint8_t *ip, const struct sl_tuple *t, uint32_t l4_len)
{
	bool v6 = t->family == SL_IPV6;
	uint8_t *l4 = ip + (v6 ? 40 : 20);

	memset(ip, 0, (size_t)(l4 - ip));
	ip[0] = v6 ? 0x60 : 0x45;
	if (v6) {
		sl_put16(ip + 4, (uint16_t)l4_len);
		ip[6] = t->proto;
		ip[7] = 64;
		memcpy(ip + 8, t->src.b, 16);
		memcpy(ip + 24, t->dst.b, 16);
		return l4;
	}
	sl_put16(ip + 2, (uint16_t)(20 + l4_len));
	ip[8] = 64;
	ip[9] = t->proto;
	memcpy(ip + 12, t->src.b + 12, 4);
	memcpy(ip + 16, t->dst.b + 12, 4);
	sl_put16(ip + 10, sl__csum(sl__sum(ip, 20, 0)));
	return l4;
}

/* Give it to the engine, and what comes of it to the receivers. */
static void put_in(struct world *w, uint8_t *base, uint32_t len, const struct sl_addr *src)
{
	struct sl_packet p = {.handle = base, .data = base, .len = len, .in_if = is_inside(src) ? 1 : 2};

	w->left = false;
	sl_input(w->engine, &p, 1, w->now);
	w->state = p.state;
	w->reason = p.reason;
	if (p.beyond)
		w->beyond = (enum sl_beyond)p.beyond;
	w->held += p.verdict == SL_HELD;
	w->dropped += p.verdict == SL_DROP;
	if (p.verdict == SL_ACCEPT)
		receive(w, &p);
	if (p.verdict != SL_HELD)
		free(p.handle);
	assert_null(sl_engine_check(w->engine));
}

static void send_tcp(struct world *w, const struct sl_tuple *t, uint32_t seq, uint32_t ack, uint8_t flags,
	const void *bytes, uint32_t n)
{
	bool v6 = t->family == SL_IPV6;
	uint32_t head = v6 ? 40 : 20;
	uint8_t *base = malloc((size_t)head + 20 + n), *l4 = ip_header(base, t, 20 + n);

	memset(l4, 0, 20);
	sl_put16(l4, t->sport);
	sl_put16(l4 + 2, t->dport);
	sl_put32(l4 + 4, seq);
	sl_put32(l4 + 8, ack);
	l4[12] = 0x50;
	l4[13] = flags;
	sl_put16(l4 + 14, 8192);
	if (n)
		memcpy(l4 + 20, bytes, n);
	sl_put16(l4 + 16, sl__csum(sl__sum(l4, 20 + n, pseudo(base, v6, SL_PROTO_TCP, 20 + n))));
	put_in(w, base, head + 20 + n, &t->src);
}

static void send_udp(struct world *w, const struct sl_tuple *t, const void *bytes, uint32_t n)
{
	bool v6 = t->family == SL_IPV6;
	uint32_t head = v6 ? 40 : 20;
	uint8_t *base = malloc((size_t)head + 8 + n), *l4 = ip_header(base, t, 8 + n);

	sl_put16(l4, t->sport);
	sl_put16(l4 + 2, t->dport);
	sl_put16(l4 + 4, (uint16_t)(8 + n));
	sl_put16(l4 + 6, 0);
	if (n)
		memcpy(l4 + 8, bytes, n);
	sl_put16(l4 + 6, sl__csum(sl__sum(l4, 8 + n, pseudo(base, v6, SL_PROTO_UDP, 8 + n))));
	put_in(w, base, head + 8 + n, &t->src);
}

static void send_gre(struct world *w, const struct sl_tuple *t, const void *bytes, uint32_t n)
{
	uint32_t head = t->family == SL_IPV6 ? 40 : 20;
	uint8_t *base = malloc((size_t)head + 8 + n), *l4 = ip_header(base, t, 8 + n);

	sl_put16(l4, 0x2001); /* key present, version 1 */
	sl_put16(l4 + 2, 0x880b);
	sl_put16(l4 + 4, (uint16_t)n);
	sl_put16(l4 + 6, t->dport);
	if (n)
		memcpy(l4 + 8, bytes, n);
	put_in(w, base, head + 8 + n, &t->src);
}

void send_tuple(struct world *w, const struct sl_tuple *t, const void *bytes, size_t n)
{
	if (t->proto == SL_PROTO_TCP)
		send_tcp(w, t, 1000, 0, SYN, NULL, 0);
	else if (t->proto == SL_PROTO_UDP)
		send_udp(w, t, bytes, (uint32_t)n);
	else
		send_gre(w, t, bytes, (uint32_t)n);
}

void meet(struct world *w, const struct sl_expect_info *expect, uint16_t sport)
{
	struct sl_tuple t = expect->tuple;

	if (!expect->mask.sport)
		t.sport = sport ? sport : 50001;
	send_tuple(w, &t, "data", 4);
}

/* ---- the scene's connection ------------------------------------------------------------------ */

static struct sl_tuple tuple_from(const struct world *w, enum sl_dir dir)
{
	const struct end *from = &w->end[dir];

	return (struct sl_tuple){.src = from->addr, .dst = from->to, .sport = from->port,
		.dport = from->to_port, .proto = w->proto, .family = w->family};
}

static uint32_t contiguous(const struct end *e)
{
	uint32_t n = 0;

	while (n < STREAM && e->have[n])
		n++;
	return n;
}

void send_part(struct world *w, enum sl_dir dir, uint32_t at, const void *bytes, size_t from, size_t to)
{
	struct sl_tuple t = tuple_from(w, dir);
	struct end *me = &w->end[dir];

	send_tcp(w, &t, at + (uint32_t)from, me->peer_isn + 1 + contiguous(me), ACK | PSH,
		(const uint8_t *)bytes + from, (uint32_t)(to - from));
	if ((int32_t)(at + (uint32_t)to - me->next) > 0)
		me->next = at + (uint32_t)to;
}

void send_flags(struct world *w, enum sl_dir dir, uint8_t flags)
{
	struct sl_tuple t = tuple_from(w, dir);
	struct end *me = &w->end[dir];

	send_tcp(w, &t, me->next, me->peer_isn + 1 + contiguous(me), flags, NULL, 0);
}

void send_ack(struct world *w, enum sl_dir dir)
{
	send_flags(w, dir, ACK);
}

void send_message(struct world *w, enum sl_dir dir, const void *bytes, size_t n)
{
	struct sl_tuple t = tuple_from(w, dir);

	if (w->proto == SL_PROTO_TCP)
		send_part(w, dir, w->end[dir].next, bytes, 0, n);
	else
		send_udp(w, &t, bytes, (uint32_t)n);
}

void send_text(struct world *w, enum sl_dir dir, const char *text)
{
	send_message(w, dir, text, strlen(text));
}

void wait_ms(struct world *w, uint64_t ms)
{
	w->now += ms * MS;
	sl_clock(w->engine, w->now, 0);
	assert_null(sl_engine_check(w->engine));
}

unsigned expects_alive(const struct world *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->expects; i++)
		n += !w->gone[i];
	return n;
}

/* ---- the world ------------------------------------------------------------------------------- */

static void place_ends(struct world *w, const struct scene *scene)
{
	const struct addresses *a = &addresses[scene->family == SL_IPV6];
	struct end *client = &w->end[0], *server = &w->end[1];

	w->public_addr = addr_of(a->public);
	w->server_inside = addr_of(a->server_inside);
	client->addr = addr_of(w->nat == NAT_DST ? a->client_outside : a->inside);
	server->addr = addr_of(w->nat == NAT_DST ? a->server_inside : a->outside);
	client->port = server->to_port = 40000;
	server->port = client->to_port = scene->port;
	client->to = w->nat == NAT_DST ? w->public_addr : server->addr;
	server->to = w->nat == NAT_SRC ? w->public_addr : client->addr;
	client->isn = 0xfffffff0;
	server->isn = 5000;
	for (unsigned i = 0; i < 2; i++) {
		w->end[i].next = w->end[i].isn;
		w->end[i].peer_isn = w->end[!i].isn;
		w->end[i].acked = w->end[i].isn;
	}
}

static const struct sl_helper *helper_named(const char *name)
{
	for (const struct sl_helper *const *h = sl_helpers_builtin(); *h; h++)
		if (!strcmp((*h)->name, name))
			return *h;
	fail_msg("no helper %s", name);
	return NULL;
}

void world_open(struct world *w)
{
	if (w->proto != SL_PROTO_TCP)
		return;
	send_flags(w, SL_ORIGINAL, SYN);
	w->end[0].next++;
	send_flags(w, SL_REPLY, SYN | ACK);
	w->end[1].next++;
	send_ack(w, SL_ORIGINAL);
}

void world_init(struct world *w, const struct scene *scene, enum nat nat)
{
	struct sl_env env = {.mem = {counted_alloc, counted_free, w}, .ctx = w, .route = route,
		.event = on_event, .grow = grow, .alloc = fresh, .keep = keep, .free = release, .emit = on_emit};
	struct sl_config config;

	memset(w, 0, sizeof(*w));
	w->nat = nat;
	w->family = scene->family;
	w->proto = scene->proto;
	place_ends(w, scene);
	sl_config_init(&config);
	config.slab_chunk = 1;
	config.table_max = 64;
	config.expect_max = 128;
	config.policy = &policy;
	config.policy_ctx = w;
	w->engine = sl_engine_create(&config, &env);
	assert_non_null(w->engine);
	assert_true(sl_helper_register_port(w->engine, helper_named(scene->helper), scene->port));
	world_open(w);
}

void world_must(struct world *w, enum sl_dir to, const void *bytes, size_t n)
{
	w->end[to].must_get = bytes;
	w->end[to].must_len = n;
}

void world_fini(struct world *w, bool complete)
{
	for (unsigned i = 0; complete && i < 2; i++) {
		if (w->end[i].must_get)
			assert_int_equal(contiguous(&w->end[i]), w->end[i].must_len);
		send_ack(w, (enum sl_dir)i);
	}
	for (unsigned i = 0; complete && i < 2; i++)
		assert_int_equal(w->end[i].acked, w->end[i].next);
	sl_engine_destroy(w->engine);
	assert_int_equal(w->allocated, 0);
}

/* ---- tables of messages ---------------------------------------------------------------------- */

static size_t length_of(const struct spoken *row)
{
	return row->len ? row->len : strlen(row->text);
}

static void begin(struct world *w, const struct scene *scene, const struct spoken *row, enum nat nat)
{
	const char *seen = row->seen[nat] ? row->seen[nat] : row->text;
	size_t n = !row->seen[nat] ? length_of(row) : row->seen_len ? row->seen_len : strlen(seen);

	world_init(w, scene, nat);
	if (row->before) {
		world_must(w, row->dir, row->before, strlen(row->before));
		send_text(w, !row->dir, row->before);
		if (w->proto == SL_PROTO_TCP)
			send_ack(w, row->dir);
	}
	if (!row->refused)
		world_must(w, !row->dir, seen, n);
}

static void check(const struct world *w, const struct spoken *row)
{
	assert_int_equal(w->expects, row->expects);
	assert_int_equal(w->remark, row->remark);
	for (unsigned i = 0; i < row->expects && i < SPOKEN_MAX && row->port[i]; i++)
		assert_int_equal(w->expect[i].tuple.dport, row->port[i]);
}

static void speak_whole(const struct scene *scene, const struct spoken *row, enum nat nat)
{
	static struct world w;

	begin(&w, scene, row, nat);
	send_message(&w, row->dir, row->text, length_of(row));
	assert_int_equal(w.dropped, row->refused ? 1 : 0);
	assert_int_equal(w.left, !row->refused);
	check(&w, row);
	world_fini(&w, !row->refused && w.proto == SL_PROTO_TCP);
}

/* How two parts of a message travel. */
enum way { IN_ORDER, SWAPPED, FIRST_TWICE, SECOND_TWICE, WHOLE_AGAIN, OVERLAP, WAITED, WAYS };

static void travel(struct world *w, const struct spoken *row, size_t cut, enum way way)
{
	uint32_t at = w->end[row->dir].next;
	size_t n = length_of(row);

	if (way == SWAPPED)
		send_part(w, row->dir, at, row->text, cut, n);
	send_part(w, row->dir, at, row->text, 0, cut);
	if (way == WAITED)
		wait_ms(w, 50);
	if (way == FIRST_TWICE || way == SWAPPED)
		send_part(w, row->dir, at, row->text, 0, cut);
	if (way != SWAPPED)
		send_part(w, row->dir, at, row->text, way == OVERLAP ? cut / 2 : cut, n);
	if (way == SECOND_TWICE)
		send_part(w, row->dir, at, row->text, cut, n);
	if (way == WHOLE_AGAIN)
		send_part(w, row->dir, at, row->text, 0, n);
}

static void speak_cut(const struct scene *scene, const struct spoken *row, enum nat nat)
{
	static struct world w;

	for (size_t cut = 1; cut < length_of(row); cut++) {
		/* What opens nothing has less that can go wrong. */
		for (unsigned way = 0; way < (row->expects ? WAYS : SWAPPED + 1); way++) {
			begin(&w, scene, row, nat);
			travel(&w, row, cut, (enum way)way);
			check(&w, row);
			world_fini(&w, true);
		}
	}
}

/* With Nagle's algorithm the sender has one byte on the way and waits for its acknowledgement. */
static void speak_bytes(const struct scene *scene, const struct spoken *row, enum nat nat, bool nagle)
{
	static struct world w;
	struct end *me = &w.end[row->dir];
	uint32_t at;

	begin(&w, scene, row, nat);
	at = me->next;
	for (size_t i = 0; i < length_of(row); i++) {
		send_part(&w, row->dir, at, row->text, i, i + 1);
		if (!nagle)
			continue;
		send_ack(&w, !row->dir);
		if (me->acked != me->next) {
			assert_true(sl_deadline(w.engine) <= w.now + 20 * MS);
			wait_ms(&w, 20);
		}
		assert_int_equal(me->acked, me->next);
	}
	check(&w, row);
	world_fini(&w, true);
}

void check_spoken(const struct scene *scene, const struct spoken *rows, unsigned n)
{
	for (unsigned i = 0; i < n * NAT_COUNT; i++) {
		const struct spoken *row = &rows[i / NAT_COUNT];
		enum nat nat = (enum nat)(i % NAT_COUNT);

		if (!((row->nats ? row->nats : ALL_NATS) & 1u << nat))
			continue;
		printf("row %u, nat %u: %.60s\n", i / NAT_COUNT, (unsigned)nat, row->text);
		fflush(stdout);
		speak_whole(scene, row, nat);
		if (scene->proto != SL_PROTO_TCP || row->refused)
			continue;
		speak_cut(scene, row, nat);
		speak_bytes(scene, row, nat, false);
		speak_bytes(scene, row, nat, true);
	}
}
