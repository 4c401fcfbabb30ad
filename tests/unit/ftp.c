/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FTP through a whole engine: lines in, expectations and translated lines out.
 *
 *	client 10.0.0.2:40000  ---- engine ----  server 198.51.100.7:21
 *	                       203.0.113.1 with NAT
 *
 * Both ends are models of TCP receivers: they put what arrives at its place by sequence
 * number, and any byte that differs from what the whole stream must be is a failure. So no
 * test can miss an untranslated byte, whatever the segmentation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sluice/helper.h>
#include <sluice/policy.h>

#include "base/checksum.h"
#include "base/wire.h"

#define ROOM 64
#define STREAM 8192
#define MS 1000000ull

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

/* One end: what it sent (old numbers) and what it received (new numbers). */
struct end {
	uint8_t addr[4];
	uint16_t port;
	uint32_t isn, next;	/* of what it sends */
	uint32_t peer_isn;
	uint8_t got[STREAM];
	bool have[STREAM];
	const char *must_get;	/* the whole stream it must receive */
	uint32_t acked;		/* highest ACK it received */
	bool got_fin;
	unsigned packets;
};

struct world {
	struct sl_engine *engine;
	size_t allocated;
	struct end end[2];	/* [SL_ORIGINAL]: client */
	bool nat;
	uint64_t now;
	unsigned expected, destroyed;
	struct sl_expect_info last;
	uint16_t remark;
	unsigned held, dropped, made;
	enum sl_beyond beyond;
};

static const uint8_t public4[4] = {203, 0, 113, 1};

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
	(void)ctx;
	answer->kind = SL_ROUTE_FORWARD;
	answer->out_if = query->dst.b[12] == 10 ? 1 : 2;
	answer->mtu = 1500;
	if (!memcmp(query->dst.b + 12, public4, 4))
		answer->kind = SL_ROUTE_LOCAL;
	answer->has_source = true;
	answer->source = sl_addr_v4(public4);
}

static void on_event(void *ctx, const struct sl_event *event)
{
	struct world *w = ctx;

	if (event->type == SL_EVENT_EXPECT_NEW) {
		w->expected++;
		sl_expect_info(w->engine, event->expect, &w->last);
	}
	if (event->type == SL_EVENT_EXPECT_DESTROY)
		w->destroyed++;
	if (event->type == SL_EVENT_LOG)
		w->remark = (uint16_t)event->why;
}

static bool grow(void *ctx, struct sl_packet *p, uint32_t headroom, uint32_t tailroom)
{
	uint8_t *base = malloc(headroom + p->len + tailroom);

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
	p->handle = malloc(ROOM + len + ROOM);
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

/* ---- the receivers --------------------------------------------------------------------------- */

static void receive(struct world *w, const struct sl_packet *p)
{
	const uint8_t *ip = p->data, *l4 = ip + 20;
	uint32_t len = sl_get16(ip + 2), head = 20 + (uint32_t)(l4[12] >> 4) * 4, n = len - head;
	enum sl_dir dir = sl_get16(l4) == 21 ? SL_REPLY : SL_ORIGINAL;
	struct end *to = &w->end[!dir];
	uint32_t at = sl_get32(l4 + 4) - to->peer_isn - 1;

	assert_int_equal(sl__sum_fold(sl__sum(ip, 20, 0)), 0xffff);
	assert_int_equal(sl__sum_fold(sl__sum(l4, len - 20, sl__sum_ipv4(ip + 12, ip + 16, 6, len - 20))), 0xffff);
	assert_memory_equal(ip + 16, to->addr, 4);
	assert_int_equal(sl_get16(l4 + 2), to->port);
	to->packets++;
	if (l4[13] & SYN)
		return;
	for (uint32_t i = 0; i < n; i++, at++) {
		if (at > STREAM)
			continue; /* a keep-alive */
		assert_true(at < strlen(to->must_get));
		assert_int_equal(ip[head + i], (uint8_t)to->must_get[at]);
		to->got[at] = ip[head + i];
		to->have[at] = true;
	}
	if (l4[13] & FIN) {
		assert_int_equal(at, strlen(to->must_get));
		to->got_fin = true;
	}
	if (l4[13] & ACK && (int32_t)(sl_get32(l4 + 8) - to->acked) > 0)
		to->acked = sl_get32(l4 + 8);
}

static void on_emit(void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	(void)cause;
	((struct world *)ctx)->made++;
	receive(ctx, p);
	free(p->handle);
}

static uint32_t contiguous(const struct end *e)
{
	uint32_t n = 0;

	while (n < STREAM && e->have[n])
		n++;
	return n;
}

/* ---- the senders ----------------------------------------------------------------------------- */

/* Every packet ends where its allocation ends. */
static void send_raw(struct world *w, enum sl_dir dir, uint32_t seq, uint32_t ack, uint8_t flags,
	const void *bytes, uint32_t n, uint16_t urgent)
{
	struct end *from = &w->end[dir], *to = &w->end[!dir];
	const uint8_t *src = from->addr, *dst = to->addr;
	uint8_t *base = malloc(40 + n), *l4 = base + 20;
	struct sl_packet p = {.handle = base, .data = base, .len = 40 + n,
		.in_if = dir == SL_ORIGINAL ? 1 : 2};

	if (w->nat && dir == SL_REPLY)
		dst = public4;
	memset(base, 0, 40);
	base[0] = 0x45;
	sl_put16(base + 2, (uint16_t)(40 + n));
	base[8] = 64;
	base[9] = 6;
	memcpy(base + 12, src, 4);
	memcpy(base + 16, dst, 4);
	sl_put16(base + 10, sl__csum(sl__sum(base, 20, 0)));
	sl_put16(l4, from->port);
	sl_put16(l4 + 2, to->port);
	sl_put32(l4 + 4, seq);
	sl_put32(l4 + 8, ack);
	l4[12] = 0x50;
	l4[13] = flags;
	sl_put16(l4 + 14, 8192);
	sl_put16(l4 + 18, urgent);
	if (n)
		memcpy(l4 + 20, bytes, n);
	sl_put16(l4 + 16, sl__csum(sl__sum(l4, 20 + n, sl__sum_ipv4(src, dst, 6, 20 + n))));
	sl_input(w->engine, &p, 1, w->now);
	if (p.beyond)
		w->beyond = p.beyond;
	if (p.verdict == SL_ACCEPT)
		receive(w, &p);
	w->held += p.verdict == SL_HELD;
	w->dropped += p.verdict == SL_DROP;
	if (p.verdict != SL_HELD)
		free(p.handle);
	assert_null(sl_engine_check(w->engine));
}

/* Bytes [from, to) of a text that begins at the sender's number `at`. */
static void send_part(struct world *w, enum sl_dir dir, uint32_t at, const char *text, size_t from, size_t to)
{
	struct end *me = &w->end[dir];

	send_raw(w, dir, at + (uint32_t)from, me->peer_isn + 1 + contiguous(me), ACK | PSH,
		text + from, (uint32_t)(to - from), 0);
	if ((int32_t)(at + (uint32_t)to - me->next) > 0)
		me->next = at + (uint32_t)to;
}

static void send_text(struct world *w, enum sl_dir dir, const char *text)
{
	send_part(w, dir, w->end[dir].next, text, 0, strlen(text));
}

static void send_ack(struct world *w, enum sl_dir dir)
{
	struct end *me = &w->end[dir];

	send_raw(w, dir, me->next, me->peer_isn + 1 + contiguous(me), ACK, NULL, 0, 0);
}

/* ---- the world ------------------------------------------------------------------------------- */

static struct sl_policy_masquerade masquerade = {2};

static void world_init(struct world *w, bool nat, const char *to_server, const char *to_client)
{
	struct sl_env env = {.mem = {counted_alloc, counted_free, w}, .ctx = w, .route = route,
		.event = on_event, .grow = grow, .alloc = fresh, .keep = keep, .free = release, .emit = on_emit};
	struct sl_config config;

	memset(w, 0, sizeof(*w));
	sl_config_init(&config);
	config.slab_chunk = 1;
	w->nat = nat;
	if (nat) {
		config.policy = &sl_policy_masquerade;
		config.policy_ctx = &masquerade;
	}
	w->engine = sl_engine_create(&config, &env);
	assert_non_null(w->engine);
	for (unsigned i = 0; sl_helpers_builtin()[i]; i++)
		assert_true(sl_helper_register(w->engine, sl_helpers_builtin()[i], true));
	w->end[0] = (struct end){.addr = {10, 0, 0, 2}, .port = 40000, .isn = 0xfffffff0, .must_get = to_client};
	w->end[1] = (struct end){.addr = {198, 51, 100, 7}, .port = 21, .isn = 5000, .must_get = to_server};
	for (unsigned i = 0; i < 2; i++) {
		w->end[i].next = w->end[i].isn + 1;
		w->end[i].peer_isn = w->end[!i].isn;
		w->end[i].acked = w->end[i].isn;
	}
	send_raw(w, SL_ORIGINAL, w->end[0].isn, 0, SYN, NULL, 0, 0);
	send_raw(w, SL_REPLY, w->end[1].isn, w->end[1].peer_isn + 1, SYN | ACK, NULL, 0, 0);
	send_ack(w, SL_ORIGINAL);
}

/* Everything arrived, both ways, and was acknowledged in each sender's own numbers. */
static void world_fini(struct world *w, bool complete)
{
	for (unsigned i = 0; complete && i < 2; i++) {
		assert_int_equal(contiguous(&w->end[i]), strlen(w->end[i].must_get));
		send_ack(w, (enum sl_dir)i);
	}
	for (unsigned i = 0; complete && i < 2; i++)
		assert_int_equal(w->end[i].acked, w->end[i].next);
	sl_engine_destroy(w->engine);
	assert_int_equal(w->allocated, 0);
}

/* ---- one line a message ---------------------------------------------------------------------- */

struct line {
	const char *text;
	enum sl_dir dir;
	uint16_t port;		/* expected; 0: nothing */
	const char *translated;	/* under NAT; NULL: the same */
	uint16_t remark;
	bool syntax;		/* Linux does not read this spelling */
};

static const struct line lines[] = {
	{"PORT 10,0,0,2,200,10\r\n", SL_ORIGINAL, 51210, "PORT 203,0,113,1,200,10\r\n", 0},
	{"port 10,0,0,2,200,10\n", SL_ORIGINAL, 51210, "port 203,0,113,1,200,10\n", 0, true},
	{"PORT   10,0,0,2,200,10  \r\n", SL_ORIGINAL, 51210, "PORT   203,0,113,1,200,10  \r\n", 0, true},
	{"\xff\xf4\xff\xf2PORT 10,0,0,2,200,10\r\n", SL_ORIGINAL, 51210,
		"\xff\xf4\xff\xf2PORT 203,0,113,1,200,10\r\n", 0, true},
	{"EPRT |1|10.0.0.2|51210|\r\n", SL_ORIGINAL, 51210, "EPRT |1|203.0.113.1|51210|\r\n", 0},
	{"EPRT !1!10.0.0.2!51210!\r\n", SL_ORIGINAL, 51210, "EPRT !1!203.0.113.1!51210!\r\n", 0},
	{"LPRT 4,4,10,0,0,2,2,200,10\r\n", SL_ORIGINAL, 51210, "LPRT 4,4,203,0,113,1,2,200,10\r\n", 0, true},
	{"PORT 10,0,0,3,200,10\r\n", SL_ORIGINAL, 0, NULL, SL_WHY_HELPER_ADDRESS},
	{"PORT 10,0,0,2,3,255\r\n", SL_ORIGINAL, 0, NULL, SL_WHY_HELPER_PORT},
	{"PORT 10,0,0,2,256,10\r\n", SL_ORIGINAL, 0, NULL, SL_WHY_HELPER_RANGE},
	{"EPRT |1|10.0.0.2|65536|\r\n", SL_ORIGINAL, 0, NULL, SL_WHY_HELPER_RANGE},
	{"EPRT |2|2001:db8::1|51210|\r\n", SL_ORIGINAL, 0, NULL, SL_WHY_HELPER_ADDRESS},
	{"EPRT |3|10.0.0.2|51210|\r\n", SL_ORIGINAL, 0, NULL, 0},
	{"PORT 10,0,0,2,200\r\n", SL_ORIGINAL, 0, NULL, 0},
	{"PORT 10,0,0,2,200,10,1\r\n", SL_ORIGINAL, 0, NULL, 0},
	{"PORTER 10,0,0,2,200,10\r\n", SL_ORIGINAL, 0, NULL, 0},
	{"227 Entering Passive Mode (198,51,100,7,195,80)\r\n", SL_REPLY, 50000, NULL, 0},
	{"227 Entering Passive Mode 2 of 3: 198,51,100,7,195,80.\r\n", SL_REPLY, 50000, NULL, 0, true},
	{"227 =198,51,100,7,195,80\r\n", SL_REPLY, 50000, NULL, 0},
	{"227 Entering Passive Mode (198,51,100,8,195,80)\r\n", SL_REPLY, 0, NULL, SL_WHY_HELPER_ADDRESS},
	{"229 Entering Extended Passive Mode (|||50000|)\r\n", SL_REPLY, 50000, NULL, 0},
	{"228 Entering Long Passive Mode (4,4,198,51,100,7,2,195,80)\r\n", SL_REPLY, 50000, NULL, 0, true},
	{"220-hello\r\n227 (198,51,100,7,195,80)\r\n220 done\r\n", SL_REPLY, 0, NULL, 0},
	{"2270 (198,51,100,7,195,80)\r\n", SL_REPLY, 0, NULL, 0},
};

#define LINES (sizeof(lines) / sizeof(lines[0]))

static void check_line(struct world *w, const struct line *line)
{
	assert_int_equal(w->expected, line->port ? 1 : 0);
	assert_int_equal(w->remark, line->remark);
	assert_int_equal(w->dropped, 0);
	if (!line->port)
		return;
	assert_int_equal(w->last.tuple.dport, line->port);
	assert_memory_equal(w->last.tuple.src.b + 12, w->end[line->dir == SL_ORIGINAL].addr, 4);
	assert_memory_equal(w->last.tuple.dst.b + 12,
		w->nat && line->dir == SL_ORIGINAL ? public4 : w->end[line->dir].addr, 4);
}

static void begin_line(struct world *w, const struct line *line, bool nat)
{
	static char to_server[STREAM], to_client[STREAM];
	const char *text = nat && line->translated ? line->translated : line->text;

	/* Linux looks at no segment before it saw a line end in that direction. */
	strcpy(to_server, "NOOP\r\n");
	strcpy(to_client, "220 hello\r\n");
	if (line->dir == SL_REPLY)
		strcat(to_server, "PASV\r\n");
	strcat(line->dir == SL_REPLY ? to_client : to_server, text);
	world_init(w, nat, to_server, to_client);
	send_text(w, SL_REPLY, "220 hello\r\n");
	send_ack(w, SL_ORIGINAL);
	send_text(w, SL_ORIGINAL, "NOOP\r\n");
	send_ack(w, SL_REPLY);
	if (line->dir == SL_REPLY) {
		send_text(w, SL_ORIGINAL, "PASV\r\n");
		send_ack(w, SL_REPLY);
	}
}

static void each_line_whole(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LINES * 2; i++) {
		struct world w;

		begin_line(&w, &lines[i / 2], i & 1);
		send_text(&w, lines[i / 2].dir, lines[i / 2].text);
		check_line(&w, &lines[i / 2]);
		assert_int_equal(w.beyond == SL_BEYOND_SYNTAX, lines[i / 2].syntax);
		world_fini(&w, true);
	}
}

/* How two parts of a line travel. */
enum way { IN_ORDER, SWAPPED, FIRST_TWICE, SECOND_TWICE, WHOLE_AGAIN, OVERLAP, WAITED, WAYS };

static void travel(struct world *w, const struct line *line, size_t cut, enum way way)
{
	uint32_t at = w->end[line->dir].next;
	size_t n = strlen(line->text);

	if (way == SWAPPED)
		send_part(w, line->dir, at, line->text, cut, n);
	send_part(w, line->dir, at, line->text, 0, cut);
	if (way == WAITED) {
		w->now += 50 * MS;
		sl_clock(w->engine, w->now, 0);
	}
	if (way == FIRST_TWICE || way == SWAPPED)
		send_part(w, line->dir, at, line->text, 0, cut);
	if (way != SWAPPED)
		send_part(w, line->dir, at, line->text, way == OVERLAP ? cut / 2 : cut, n);
	if (way == SECOND_TWICE)
		send_part(w, line->dir, at, line->text, cut, n);
	if (way == WHOLE_AGAIN)
		send_part(w, line->dir, at, line->text, 0, n);
}

static void each_line_split_everywhere(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LINES * 2; i++) {
		const struct line *line = &lines[i / 2];

		for (size_t cut = 1; cut < strlen(line->text); cut++) {
			for (unsigned way = 0; way < WAYS; way++) {
				struct world w;

				begin_line(&w, line, i & 1);
				travel(&w, line, cut, (enum way)way);
				check_line(&w, line);
				world_fini(&w, true);
			}
		}
	}
}

/* With Nagle's algorithm the sender has one byte on the way and waits for its acknowledgement. */
static void one_byte_at_a_time(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LINES * 4; i++) {
		const struct line *line = &lines[i / 4];
		bool nagle = i & 2;
		uint32_t at;
		struct world w;

		begin_line(&w, line, i & 1);
		at = w.end[line->dir].next;
		for (size_t n = 0; n < strlen(line->text); n++) {
			send_part(&w, line->dir, at, line->text, n, n + 1);
			if (!nagle)
				continue;
			send_ack(&w, !line->dir);
			if (w.end[line->dir].acked != w.end[line->dir].next) {
				assert_true(sl_deadline(w.engine) <= w.now + 20 * MS);
				w.now += 20 * MS;
				sl_clock(w.engine, w.now, 0);
			}
			assert_int_equal(w.end[line->dir].acked, w.end[line->dir].next);
		}
		check_line(&w, line);
		world_fini(&w, true);
	}
}

/* ---- sessions -------------------------------------------------------------------------------- */

/* Several edits on the way at once, unacknowledged, then retransmitted in pieces. */
static void many_edits_in_flight(void **state)
{
	static const char sent[] = "NOOP\r\nPORT 10,0,0,2,200,10\r\nNOOP\r\nPORT 10,0,0,2,200,11\r\n"
				   "EPRT |1|10.0.0.2|51212|\r\nQUIT\r\n";
	static const char got[] = "NOOP\r\nPORT 203,0,113,1,200,10\r\nNOOP\r\nPORT 203,0,113,1,200,11\r\n"
				  "EPRT |1|203.0.113.1|51212|\r\nQUIT\r\n";
	size_t n = sizeof(sent) - 1;

	(void)state;
	for (size_t step = 1; step < n; step++) {
		struct world w;
		uint32_t at;

		world_init(&w, true, got, "");
		at = w.end[0].next;
		send_part(&w, SL_ORIGINAL, at, sent, 0, n);
		assert_int_equal(w.expected, 3);
		assert_int_equal(w.destroyed, 2);
		assert_int_equal(w.beyond, SL_BEYOND_MANY_MESSAGES);
		for (size_t from = 0; from < n; from += step)
			send_part(&w, SL_ORIGINAL, at, sent, from, from + step < n ? from + step : n);
		assert_int_equal(w.expected, 3);
		send_ack(&w, SL_REPLY);
		assert_int_equal(w.end[0].acked, w.end[0].next);
		/* An acknowledged line once more: nothing of it may leave untranslated. */
		send_part(&w, SL_ORIGINAL, at, sent, 6, 28);
		world_fini(&w, true);
	}
}

static void first_seen_bytes_win(void **state)
{
	struct world w;
	uint32_t at;

	(void)state;
	world_init(&w, true, "NOOP 10,0,0,2,200,10\r\n", "");
	at = w.end[0].next;
	send_part(&w, SL_ORIGINAL, at, "NOOP 10,0,0,2,200,10\r\n", 0, 22);
	send_part(&w, SL_ORIGINAL, at, "PORT 10,0,0,2,200,10\r\n", 0, 22);
	assert_int_equal(w.expected, 0);
	world_fini(&w, true);
}

static void unasked_passive_is_refused(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, false, "", "227 (198,51,100,7,195,80)\r\n");
	send_text(&w, SL_REPLY, "227 (198,51,100,7,195,80)\r\n");
	assert_int_equal(w.expected, 0);
	assert_int_equal(w.remark, SL_WHY_HELPER_UNASKED);
	world_fini(&w, true);
}

static void a_hole_that_the_receiver_acknowledges_is_skipped(void **state)
{
	struct world w;
	uint32_t at;

	(void)state;
	world_init(&w, true, "????????\r\nPORT 203,0,113,1,200,10\r\n", "");
	at = w.end[0].next;
	send_part(&w, SL_ORIGINAL, at + 8, "\r\nPORT 10,0,0,2,200,10\r\n", 0, 24);
	assert_int_equal(w.held, 1);
	send_raw(&w, SL_REPLY, w.end[1].next, at + 8, ACK, NULL, 0, 0);
	assert_int_equal(w.expected, 1);
	for (unsigned i = 0; i < 8; i++)
		w.end[1].have[i] = true; /* came another way */
	world_fini(&w, true);
}

static void encrypted_is_left_alone(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, true, "AUTH TLS\r\nPORT 10,0,0,2,200,10\r\n", "234 ok\r\n");
	send_text(&w, SL_ORIGINAL, "AUTH TLS\r\n");
	send_text(&w, SL_REPLY, "234 ok\r\n");
	assert_int_equal(w.remark, SL_WHY_HELPER_ENCRYPTED);
	send_text(&w, SL_ORIGINAL, "PORT 10,0,0,2,200,10\r\n");
	assert_int_equal(w.expected, 0);
	world_fini(&w, true);
}

static void a_fin_releases_what_is_held(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, true, "PORT 10,0,0", "");
	send_text(&w, SL_ORIGINAL, "PORT 10,0,0");
	assert_int_equal(contiguous(&w.end[1]), 5);
	send_raw(&w, SL_ORIGINAL, w.end[0].next, w.end[1].isn + 1, FIN | ACK, NULL, 0, 0);
	assert_true(w.end[1].got_fin);
	assert_int_equal(contiguous(&w.end[1]), 11);
	world_fini(&w, false);
}

static void unregistering_leaves_translation_in_place(void **state)
{
	const struct sl_helper *ftp = sl_helpers_builtin()[0];
	struct world w;

	(void)state;
	world_init(&w, true, "PORT 203,0,113,1,200,10\r\nPORT 10,0,0,2,1", "");
	send_text(&w, SL_ORIGINAL, "PORT 10,0,0,2,200,10\r\n");
	send_text(&w, SL_ORIGINAL, "PORT 10,0,0,2,1");
	assert_int_equal(contiguous(&w.end[1]), 25 + 5);
	sl_helper_unregister(w.engine, ftp);
	assert_int_equal(w.destroyed, 1);
	world_fini(&w, true);
}

static void urgent_data_points_where_it_did(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, true, "PORT 203,0,113,1,200,10\r\n\xff\xf4\xff\xf2" "ABOR\r\n", "");
	send_text(&w, SL_ORIGINAL, "PORT 10,0,0,2,200,10\r\n");
	send_raw(&w, SL_ORIGINAL, w.end[0].next, w.end[1].isn + 1, ACK | URG, "\xff\xf4\xff", 3, 3);
	w.end[0].next += 3;
	send_text(&w, SL_ORIGINAL, "\xf2" "ABOR\r\n");
	world_fini(&w, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_whole),
		cmocka_unit_test(each_line_split_everywhere),
		cmocka_unit_test(one_byte_at_a_time),
		cmocka_unit_test(many_edits_in_flight),
		cmocka_unit_test(first_seen_bytes_win),
		cmocka_unit_test(unasked_passive_is_refused),
		cmocka_unit_test(a_hole_that_the_receiver_acknowledges_is_skipped),
		cmocka_unit_test(encrypted_is_left_alone),
		cmocka_unit_test(a_fin_releases_what_is_held),
		cmocka_unit_test(unregistering_leaves_translation_in_place),
		cmocka_unit_test(urgent_data_points_where_it_did),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
