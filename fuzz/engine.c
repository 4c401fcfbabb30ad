/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sequences of packets and clock steps through a whole engine under NAT, with every invariant
 * checked after each: tuples found and not shared, checksums that were right stay right, nothing
 * read outside a packet (each lies in an allocation of its own length), nothing left behind. Then
 * the same once more in batches: what came out, and what was told in which order, must be the same.
 *
 * The input is a program: a settings byte (its upper bits: packets a batch), the number of the
 * allocation that fails, then one operation after another.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/policy.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "fuzz/fuzz.h"
#include "tests/lib/memory.h"
#include "tests/lib/packets.h"
#include "tests/model/model.h"
#include "track/parse.h"

#define ROOM        64
#define MAX_PAYLOAD 600
#define HEADERS     40 /* of IPv4 and TCP as made here; of IPv6 */

static void fail(const char *what)
{
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

/* ---- the world around the engine --------------------------------------------------------- */

static const uint8_t public4[4] = {203, 0, 113, 1};
static const uint8_t public6[16] = {0x20, 1, 0xd, 0xb8, 0xff, 0xff, [15] = 1};

static void route(void *ctx, const struct sl_route_query *q, struct sl_route *answer)
{
	bool v4 = q->family == SL_IPV4;

	(void)ctx;
	answer->source = v4 ? sl_addr_v4(public4) : sl_addr_v6(public6);
	answer->has_source = true;
	answer->kind = sl_addr_eq(&q->dst, &answer->source) ? SL_ROUTE_LOCAL : SL_ROUTE_FORWARD;
	answer->out_if = q->in_if == 1 ? 2 : 1;
}

static bool packet_room(void *ctx, struct sl_packet *p, const uint8_t *bytes, uint32_t len)
{
	uint8_t *room = malloc(len + 2u * ROOM);

	(void)ctx;
	if (!room)
		return false;
	if (bytes)
		memcpy(room + ROOM, bytes, len);
	p->handle = room;
	p->data = room + ROOM;
	p->len = len;
	p->headroom = p->tailroom = ROOM;
	return true;
}

static bool packet_alloc(void *ctx, struct sl_packet *p, uint32_t len)
{
	memset(p, 0, sizeof(*p));
	return packet_room(ctx, p, NULL, len);
}

static bool packet_keep(void *ctx, struct sl_packet *p)
{
	return packet_room(ctx, p, p->data, p->len);
}

static bool packet_grow(void *ctx, struct sl_packet *p, uint32_t headroom, uint32_t tailroom)
{
	(void)ctx;
	return p->headroom >= headroom && p->tailroom >= tailroom;
}

static void packet_free(void *ctx, struct sl_packet *p)
{
	(void)ctx;
	free(p->handle);
}

/* ---- packets from few hosts and ports, so that they meet --------------------------------- */

static struct sl_addr host(bool v4, unsigned which)
{
	static const uint8_t hosts4[4][4] = {
	        {10, 0, 0, 2}, {10, 0, 0, 3}, {192, 0, 2, 9}, {203, 0, 113, 1}};
	struct sl_addr a = sl_addr_v6(public6);

	if (v4)
		return sl_addr_v4(hosts4[which & 3]);
	if ((which & 3) != 3)
		a.b[5] = (uint8_t)(which & 3);
	return a;
}

/* Returns where the payload begins. */
static uint32_t put_header(uint8_t *d, bool v4, uint8_t proto, uint32_t payload, uint8_t ends)
{
	struct sl_tuple t = {.src = host(v4, ends),
	        .dst = host(v4, ends >> 2u),
	        .proto = proto,
	        .family = v4 ? SL_IPV4 : SL_IPV6};

	return (uint32_t)(put_ip(d, &t, payload) - d);
}

static void put_csum(uint8_t *d, uint32_t l4, uint32_t len, uint32_t offset, uint8_t proto)
{
	uint32_t sum = proto == SL_PROTO_ICMP ? 0 : pseudo_sum(d, proto, len);

	sl_put16(d + l4 + offset, 0);
	sl_put16(d + l4 + offset, sl__csum(sl__sum(d + l4, len, sum)));
}

static uint16_t port_of(uint8_t choice)
{
	static const uint16_t ports[8] = {21, 1024, 1025, 40000, 80, 20, 53, 65535};

	return ports[choice & 7];
}

static uint32_t read_tcp(struct sl_bytes *in, uint8_t *d)
{
	uint8_t what = sl_bytes_u8(in), ends = sl_bytes_u8(in), ports = sl_bytes_u8(in);
	uint8_t flags = sl_bytes_u8(in), size = sl_bytes_u8(in);
	uint32_t l4 = put_header(d, !(what & 1), SL_PROTO_TCP, 20u + size, ends);
	const uint8_t *text;

	sl_put16(d + l4, port_of(ports));
	sl_put16(d + l4 + 2, port_of(ports >> 4));
	sl_put32(d + l4 + 4, 1000u + sl_bytes_u8(in) * 16u);
	sl_put32(d + l4 + 8, 1000u + sl_bytes_u8(in) * 16u);
	d[l4 + 12] = 0x50;
	d[l4 + 13] = flags;
	sl_put16(d + l4 + 14, 4096);
	text = sl_bytes_pass(in, size);
	if (text)
		memcpy(d + l4 + 20, text, size);
	put_csum(d, l4, 20u + size, 16, SL_PROTO_TCP);
	return l4 + 20u + size;
}

static uint32_t read_udp(struct sl_bytes *in, uint8_t *d)
{
	uint8_t what = sl_bytes_u8(in), ends = sl_bytes_u8(in), ports = sl_bytes_u8(in);
	uint32_t l4 = put_header(d, !(what & 1), SL_PROTO_UDP, 12, ends);

	sl_put16(d + l4, port_of(ports));
	sl_put16(d + l4 + 2, port_of(ports >> 4));
	sl_put16(d + l4 + 4, 12);
	put_csum(d, l4, 12, 6, SL_PROTO_UDP);
	return l4 + 12;
}

/* A query, or an error that quotes the packet before (kept in `last`). */
static uint32_t read_icmp(struct sl_bytes *in, uint8_t *d, const uint8_t *last, uint32_t last_len)
{
	uint8_t type = sl_bytes_u8(in), ends = sl_bytes_u8(in);
	uint32_t quote = sl_bytes_u8(in), l4;
	bool v4 = !last_len || last[0] >> 4 == 4;
	uint8_t proto = v4 ? SL_PROTO_ICMP : SL_PROTO_ICMPV6;

	if (quote > last_len)
		quote = last_len;
	l4 = put_header(d, v4, proto, 8 + quote, ends);
	d[l4] = type;
	sl_put16(d + l4 + 4, 7);
	if (quote)
		memcpy(d + l4 + 8, last, quote);
	put_csum(d, l4, 8 + quote, 2, proto);
	return l4 + 8 + quote;
}

/* ---- running ----------------------------------------------------------------------------- */

/* What happened, each kind in its order: verdicts with what left, emitted packets, events. */
enum { LOG_PACKETS, LOG_EMITTED, LOG_EVENTS, LOGS };

struct run {
	struct memory memory;
	uint64_t log[LOGS];
	bool again; /* in batches: the first run has checked each packet */
	unsigned batch, queued;
	struct sl_packet queue[256];
	void *room[256];
	uint64_t done; /* packets before those in the queue */
	struct sl_engine *engine;
	struct model *model; /* tests/model: lists that must say the same */
	struct sl_bytes in;
	uint64_t now;
	uint8_t last[MAX_PAYLOAD];
	uint32_t last_len;
	bool right; /* the checksums of the packet that is under way */
};

static void agree(const char *disagreement)
{
	if (disagreement)
		fail(disagreement);
}

static void note(struct run *r, unsigned log, const void *bytes, size_t n)
{
	const uint8_t *b = bytes;
	uint64_t h = r->log[log];

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3;
	r->log[log] = h ^ h >> 29;
}

static void note_number(struct run *r, unsigned log, uint64_t number)
{
	note(r, log, &number, sizeof(number));
}

static void event(void *ctx, const struct sl_event *happened)
{
	struct run *r = ctx;
	struct sl_conn_info info;

	if (!r->engine)
		return;
	agree(model_event(r->model, r->engine, happened));
	note_number(r, LOG_EVENTS, happened->type);
	note_number(r, LOG_EVENTS, happened->why);
	note_number(r, LOG_EVENTS, happened->sequence);
	if (!happened->conn)
		return;
	sl_conn_info(r->engine, happened->conn, &info);
	note_number(r, LOG_EVENTS, info.id);
	note_number(r, LOG_EVENTS, info.status);
	note_number(r, LOG_EVENTS, info.l4_state);
	note(r, LOG_EVENTS, info.tuple, sizeof(info.tuple));
}

static void stay_right(const struct sl_packet *p, bool were_right)
{
	struct sl_parsed parsed;

	if (were_right && sl__parse(p, &parsed) == SL_WHY_NONE &&
	        sl__parse_checksum(p, &parsed) != SL_WHY_NONE)
		fail("a checksum that was right is wrong afterwards");
}

static void packet_emit(void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	struct run *r = ctx;

	stay_right(p, r->again || !cause || r->right);
	note_number(r, LOG_EMITTED, cause ? r->done + (uint64_t)(cause - r->queue) : UINT64_MAX);
	note(r, LOG_EMITTED, p->data, p->len);
	free(p->handle);
}

static void note_packet(struct run *r, const struct sl_packet *p)
{
	const uint64_t what[] = {p->verdict, p->reason, p->state, p->dir, p->to, p->beyond};

	note(r, LOG_PACKETS, what, sizeof(what));
	if (p->verdict == SL_ACCEPT)
		note(r, LOG_PACKETS, p->data, p->len);
}

/* All that is queued, at once. */
static void flush(struct run *r)
{
	if (!r->queued)
		return;
	sl_input(r->engine, r->queue, r->queued, r->now);
	for (unsigned i = 0; i < r->queued; i++) {
		note_packet(r, &r->queue[i]);
		free(r->room[i]);
	}
	r->done += r->queued;
	r->queued = 0;
}

static void judge(struct run *r, const struct sl_packet *p)
{
	agree(model_after(r->model, r->engine, p));
	if (p->verdict == SL_NONE)
		fail("no verdict");
	if (p->verdict == SL_DROP && p->reason == SL_WHY_NONE)
		fail("dropped without a reason");
	if (p->verdict != SL_ACCEPT)
		return;
	stay_right(p, r->right);
	if (p->len > HEADERS)
		fuzz_plant(p->data + HEADERS, p->len - HEADERS);
}

static void put_in(struct run *r, const uint8_t *bytes, uint32_t len, uint8_t in_if)
{
	struct sl_packet *p = &r->queue[r->queued];
	struct sl_parsed parsed;

	*p = (struct sl_packet){.in_if = in_if};
	if (!packet_room(NULL, p, bytes, len))
		return;
	r->room[r->queued++] = p->handle;
	if (r->again) {
		if (r->queued == r->batch)
			flush(r);
		return;
	}
	r->right = sl__parse(p, &parsed) == SL_WHY_NONE &&
	           sl__parse_checksum(p, &parsed) == SL_WHY_NONE;
	model_before(r->model, p, r->now);
	sl_input(r->engine, p, 1, r->now);
	judge(r, p);
	note_packet(r, p);
	free(r->room[--r->queued]);
	r->done++;
}

static void operate(struct run *r)
{
	uint8_t packet[MAX_PAYLOAD] = {0}, op = sl_bytes_u8(&r->in);
	const char *wrong;
	uint32_t len = 0;

	switch (op & 7) {
	case 0:
	case 1:
		len = read_tcp(&r->in, packet);
		break;
	case 2:
		len = read_udp(&r->in, packet);
		break;
	case 3:
		len = read_icmp(&r->in, packet, r->last, r->last_len);
		break;
	case 4: { /* as it comes */
		const uint8_t *raw;

		len = sl_bytes_u8(&r->in);
		raw = sl_bytes_pass(&r->in, len);
		if (raw)
			memcpy(packet, raw, len);
		break;
	}
	case 5: /* the one before, with a byte changed */
		len = r->last_len;
		memcpy(packet, r->last, len);
		if (len)
			packet[sl_bytes_u8(&r->in) % len] = sl_bytes_u8(&r->in);
		break;
	default:
		flush(r);
		r->now += (uint64_t)sl_bytes_u8(&r->in) * 1000000000u;
		if (!sl_clock(r->engine, r->now, op & 8 ? 0 : 3))
			agree(model_clock(r->model, r->now));
	}
	if (len) {
		put_in(r, packet, len, op & 16 ? 1 : 2);
		memcpy(r->last, packet, len);
		r->last_len = len;
	}
	wrong = r->again ? NULL : sl_engine_check(r->engine);
	if (wrong)
		fail(wrong);
}

/* The whole program; packets one by one and judged, or again in batches. */
static void run(struct run *r, const uint8_t *data, size_t size, bool again)
{
	static struct sl_policy_masquerade masquerade = {2};
	struct sl_env env = {.mem = {memory_get, memory_give, &r->memory},
	        .ctx = r,
	        .route = route,
	        .alloc = packet_alloc,
	        .keep = packet_keep,
	        .grow = packet_grow,
	        .free = packet_free,
	        .emit = packet_emit,
	        .event = event};
	struct model_config plain = {.out_if = 2};
	struct sl_config config;
	uint8_t settings;

	memset(r, 0, sizeof(*r));
	r->again = again;
	r->in = sl_bytes_of(data, size);
	settings = sl_bytes_u8(&r->in);
	r->batch = settings >> 3 == 31 ? 256 : 2u + (settings >> 3) * 8u;
	r->memory.fail_at = sl_bytes_u16(&r->in);
	sl_config_init(&config);
	config.slab_chunk = 1;
	config.table_max = settings & 2 ? 4 : 1000;
	config.policy = settings & 1 ? &sl_policy_masquerade : NULL;
	config.policy_ctx = &masquerade;
	plain.masquerades = settings & 1;
	plain.public_addr[0] = sl_addr_v4(public4);
	plain.public_addr[1] = sl_addr_v6(public6);
	r->model = again ? NULL : model_create(&plain);
	r->engine = sl_engine_create(&config, &env);
	if (r->engine) {
		for (const struct sl_helper *const *h = sl_helpers_builtin(); *h; h++)
			(void)sl_helper_register(r->engine, *h, true);
		(void)sl_tunable_set(r->engine, "nf_conntrack_checksum", settings >> 2 & 1);
		while (sl_bytes_left(&r->in))
			operate(r);
		flush(r);
		sl_engine_destroy(r->engine);
	}
	model_destroy(r->model);
	if (r->memory.held)
		fail("memory left behind");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run first, second;

	run(&first, data, size, false);
	/* Where an allocation failed, which one it was may depend on the batch. */
	if (first.memory.fail_at && first.memory.calls >= first.memory.fail_at)
		return 0;
	run(&second, data, size, true);
	if (memcmp(first.log, second.log, sizeof(first.log)) != 0)
		fail("the size of a batch changes what comes out");
	return 0;
}
