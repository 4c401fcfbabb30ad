/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FTP through a whole engine under masquerade: the input is the lines of both sides and how they
 * are cut, swapped and repeated. What must hold, whatever the input: the invariants of the
 * engine, right checksums, nothing read outside a packet, nothing left behind, and both
 * receivers see each byte of their stream the same every time it is sent to them.
 *
 * An operation is a byte: its low bits say what, its high bits how many bytes of the stream.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/helper.h>
#include <sluice/policy.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "fuzz/fuzz.h"

#define STREAM 16384
#define MS 1000000ull

enum { FIN = 1, SYN = 2, PSH = 8, ACK = 16 };

struct end {
	uint8_t addr[4];
	uint16_t port;
	uint32_t isn, sent;	/* sent: bytes of out */
	uint8_t out[STREAM], in[STREAM];
	bool have[STREAM];
};

struct world {
	struct sl_engine *engine;
	struct end end[2];
	size_t held;
	uint64_t now;
};

static const uint8_t public4[4] = {203, 0, 113, 1};

static void fail(const char *what)
{
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

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

static void route(void *ctx, const struct sl_route_query *query, struct sl_route *answer)
{
	(void)ctx;
	answer->kind = memcmp(query->dst.b + 12, public4, 4) ? SL_ROUTE_FORWARD : SL_ROUTE_LOCAL;
	answer->out_if = query->dst.b[12] == 10 ? 1 : 2;
	answer->mtu = 576;
	answer->has_source = true;
	answer->source = sl_addr_v4(public4);
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

/* Each byte of a stream is always the same. */
static void receive(struct world *w, const struct sl_packet *p)
{
	const uint8_t *ip = p->data, *l4 = ip + 20;
	uint32_t len = sl_get16(ip + 2), head = 20 + (uint32_t)(l4[12] >> 4) * 4;
	struct end *to = &w->end[sl_get16(l4) != 21], *from = &w->end[to == &w->end[0]];
	uint32_t at = sl_get32(l4 + 4) - from->isn - 1;

	if (sl__sum_fold(sl__sum(l4, len - 20, sl__sum_ipv4(ip + 12, ip + 16, 6, len - 20))) != 0xffff ||
		sl__sum_fold(sl__sum(ip, 20, 0)) != 0xffff)
		fail("checksum");
	if (len > head)
		fuzz_plant(ip + head, len - head);
	for (uint32_t i = head; i < len && !(l4[13] & SYN); i++, at++) {
		if (at >= STREAM)
			continue;
		if (to->have[at] && to->in[at] != ip[i])
			fail("a byte was sent again otherwise");
		to->in[at] = ip[i];
		to->have[at] = true;
	}
}

static void on_emit(void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	(void)cause;
	receive(ctx, p);
	free(p->handle);
}

static void send_raw(struct world *w, unsigned dir, uint32_t seq, uint32_t ack, uint8_t flags,
	const uint8_t *bytes, uint32_t n)
{
	struct end *from = &w->end[dir], *to = &w->end[!dir];
	const uint8_t *dst = dir ? public4 : to->addr;
	uint8_t *base = calloc(1, 40 + n), *l4 = base + 20;
	struct sl_packet p = {.handle = base, .data = base, .len = 40 + n, .in_if = dir ? 2 : 1};

	base[0] = 0x45;
	sl_put16(base + 2, (uint16_t)(40 + n));
	base[8] = 64;
	base[9] = 6;
	memcpy(base + 12, from->addr, 4);
	memcpy(base + 16, dst, 4);
	sl_put16(base + 10, sl__csum(sl__sum(base, 20, 0)));
	sl_put16(l4, from->port);
	sl_put16(l4 + 2, to->port);
	sl_put32(l4 + 4, seq);
	sl_put32(l4 + 8, ack);
	l4[12] = 0x50;
	l4[13] = flags;
	sl_put16(l4 + 14, 60000);
	if (n)
		memcpy(l4 + 20, bytes, n);
	sl_put16(l4 + 16, sl__csum(sl__sum(l4, 20 + n, sl__sum_ipv4(from->addr, dst, 6, 20 + n))));
	sl_input(w->engine, &p, 1, w->now);
	if (p.verdict == SL_ACCEPT)
		receive(w, &p);
	if (p.verdict != SL_HELD)
		free(p.handle);
	if (sl_engine_check(w->engine))
		fail(sl_engine_check(w->engine));
}

static uint32_t ack_of(const struct world *w, unsigned dir)
{
	uint32_t n = 0;

	while (n < STREAM && w->end[dir].have[n])
		n++;
	return w->end[!dir].isn + 1 + n;
}

static void send_bytes(struct world *w, unsigned dir, uint32_t from, uint32_t n)
{
	struct end *e = &w->end[dir];

	send_raw(w, dir, e->isn + 1 + from, ack_of(w, dir), ACK | PSH, e->out + from, n);
}

/* New bytes of the sender, from the input. */
static void add(struct end *e, struct sl_bytes *in, uint32_t n)
{
	while (n-- && e->sent < STREAM && sl_bytes_left(in))
		e->out[e->sent++] = sl_bytes_u8(in);
}

static void step(struct world *w, struct sl_bytes *in)
{
	uint8_t op = sl_bytes_u8(in);
	unsigned dir = op & 1;
	struct end *e = &w->end[dir];
	uint32_t n = 1 + (op >> 4) * 3u, before = e->sent, back;

	switch (op >> 1 & 7) {
	case 0: /* the usual case, twice as likely */
	case 1:
		add(e, in, n);
		send_bytes(w, dir, before, e->sent - before);
		break;
	case 2: /* two segments, the second first */
		add(e, in, 2 * n);
		back = before + (e->sent - before) / 2;
		send_bytes(w, dir, back, e->sent - back);
		send_bytes(w, dir, before, back - before);
		break;
	case 3: /* something again, cut otherwise */
		back = e->sent < 2 * n ? 0 : e->sent - 2 * n;
		send_bytes(w, dir, back, e->sent - back < n ? e->sent - back : n);
		break;
	case 4:
		send_raw(w, dir, e->isn + 1 + e->sent, ack_of(w, dir), ACK, NULL, 0);
		break;
	case 5:
		w->now += n * MS;
		sl_clock(w->engine, w->now, 0);
		break;
	case 6: /* lost */
		add(e, in, n);
		break;
	case 7:
		send_raw(w, dir, e->isn + 1 + e->sent, ack_of(w, dir), ACK | FIN, NULL, 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sl_policy_masquerade masquerade = {2};
	static struct world w;
	struct sl_env env = {.mem = {mem_alloc, mem_free, &w}, .ctx = &w, .route = route, .grow = grow,
		.alloc = fresh, .keep = keep, .free = release, .emit = on_emit};
	struct sl_bytes in = sl_bytes_of(data, size);
	struct sl_config config;

	memset(&w, 0, sizeof(w));
	sl_config_init(&config);
	config.slab_chunk = 1;
	config.table_max = 16;
	config.policy = &sl_policy_masquerade;
	config.policy_ctx = &masquerade;
	w.engine = sl_engine_create(&config, &env);
	sl_helper_register(w.engine, sl_helpers_builtin()[0], true);
	w.end[0] = (struct end){.addr = {10, 0, 0, 2}, .port = 40000, .isn = 0xfffffff0};
	w.end[1] = (struct end){.addr = {198, 51, 100, 7}, .port = 21, .isn = 5000};
	send_raw(&w, 0, w.end[0].isn, 0, SYN, NULL, 0);
	send_raw(&w, 1, w.end[1].isn, w.end[0].isn + 1, SYN | ACK, NULL, 0);
	send_raw(&w, 0, w.end[0].isn + 1, w.end[1].isn + 1, ACK, NULL, 0);
	while (sl_bytes_left(&in))
		step(&w, &in);
	sl_engine_destroy(w.engine);
	if (w.held)
		fail("memory was left behind");
	return 0;
}
