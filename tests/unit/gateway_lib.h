/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A gateway for tests of whole engines: counted memory, packets made by hand with right
 * checksums, and a list of what was emitted.
 *
 *	inside 10.0.0.0/8, 2001:db8:1::/48 (interface 1) -- engine -- outside (interface 2)
 *	                     203.0.113.1, 2001:db8:ffff::1
 */
#ifndef TESTS_UNIT_GATEWAY_LIB_H
#define TESTS_UNIT_GATEWAY_LIB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sluice/policy.h>

#include "base/checksum.h"
#include "base/wire.h"
#include "track/parse.h"

#define SECOND  1000000000ull
#define MS      1000000ull
#define OUT_MAX 256
#define ROOM    128

struct gateway {
	struct sl_engine *engine;
	struct sl_config config;
	struct sl_env env;
	size_t allocated;
	unsigned packets; /* handles of ours that live */
	uint64_t now;
	struct sl_packet out[OUT_MAX]; /* emitted, oldest first; ours */
	unsigned n_out;
	uint16_t mtu[3]; /* by out_if; 0: unlimited */
	enum sl_route_kind route_kind; /* of what is forwarded, if not SL_ROUTE_NONE: that instead */
	unsigned events[8];
	void (*on_event)(struct gateway *g, const struct sl_event *event);
	void *user;
};

static inline bool is_inside(const struct sl_addr *a, uint8_t family)
{
	static const uint8_t net[6] = {0x20, 1, 0xd, 0xb8, 0, 1};

	return family == SL_IPV4 ? a->b[12] == 10 : memcmp(a->b, net, 6) == 0;
}

static inline struct sl_addr addr_of(const char *text)
{
	enum sl_family family;
	struct sl_addr a;

	assert_true(sl_addr_parse(text, &a, &family));
	return a;
}

/* ---- the embedder -------------------------------------------------------------------------- */

static void *gateway_alloc(void *ctx, size_t size, size_t align)
{
	struct gateway *g = ctx;
	void *p = aligned_alloc(align, (size + align - 1) / align * align);

	if (p)
		g->allocated += size;
	return p;
}

static void gateway_free(void *ctx, void *p, size_t size)
{
	struct gateway *g = ctx;

	g->allocated -= size;
	free(p);
}

static void gateway_route(void *ctx, const struct sl_route_query *q, struct sl_route *answer)
{
	struct gateway *g = ctx;
	struct sl_addr own = addr_of(q->family == SL_IPV4 ? "203.0.113.1" : "2001:db8:ffff::1");

	answer->kind = SL_ROUTE_FORWARD;
	answer->out_if = is_inside(&q->dst, q->family) ? 1 : 2;
	answer->mtu = g->mtu[answer->out_if];
	answer->has_source = true;
	answer->source = own;
	if (sl_addr_eq(&q->dst, &own))
		answer->kind = SL_ROUTE_LOCAL;
	else if (g->route_kind && q->from != SL_FROM_LOCAL)
		answer->kind = g->route_kind;
}

/* A packet of len bytes in memory of exactly its size, so that a step outside is found. */
static bool packet_alloc(void *ctx, struct sl_packet *p, uint32_t len)
{
	struct gateway *g = ctx;
	uint8_t *base = malloc((size_t)ROOM + len + ROOM);

	memset(p, 0, sizeof(*p));
	p->handle = base;
	p->data = base + ROOM;
	p->len = len;
	p->headroom = p->tailroom = ROOM;
	g->packets++;
	return true;
}

static void packet_free(void *ctx, struct sl_packet *p)
{
	struct gateway *g = ctx;

	assert_non_null(p->handle);
	free(p->handle);
	p->handle = NULL;
	g->packets--;
}

static bool packet_grow(void *ctx, struct sl_packet *p, uint32_t headroom, uint32_t tailroom)
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

static bool packet_keep(void *ctx, struct sl_packet *p)
{
	(void)ctx;
	return p->handle != NULL;
}

static void packet_emit(void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	struct gateway *g = ctx;

	(void)cause;
	assert_true(g->n_out < OUT_MAX);
	g->out[g->n_out++] = *p;
}

static void gateway_event(void *ctx, const struct sl_event *event)
{
	struct gateway *g = ctx;

	g->events[event->type]++;
	if (g->on_event)
		g->on_event(g, event);
}

/* ---- beginning and end --------------------------------------------------------------------- */

static struct sl_policy_masquerade gateway_masquerade = {2};

/* Everything is ready but the engine; change g->config, then gateway_start(). */
static inline void gateway_init(struct gateway *g, bool nat)
{
	memset(g, 0, sizeof(*g));
	g->env = (struct sl_env){.mem = {gateway_alloc, gateway_free, g},
	        .ctx = g,
	        .route = gateway_route,
	        .grow = packet_grow,
	        .alloc = packet_alloc,
	        .keep = packet_keep,
	        .free = packet_free,
	        .emit = packet_emit,
	        .event = gateway_event};
	sl_config_init(&g->config);
	g->config.slab_chunk = 1;
	if (nat) {
		g->config.policy = &sl_policy_masquerade;
		g->config.policy_ctx = &gateway_masquerade;
	}
}

static inline void gateway_start(struct gateway *g)
{
	g->engine = sl_engine_create(&g->config, &g->env);
	assert_non_null(g->engine);
}

static inline void gateway_drain(struct gateway *g)
{
	for (unsigned i = 0; i < g->n_out; i++)
		packet_free(g, &g->out[i]);
	g->n_out = 0;
}

static inline void gateway_end(struct gateway *g)
{
	gateway_drain(g);
	sl_engine_destroy(g->engine);
	assert_int_equal(g->allocated, 0);
	assert_int_equal(g->packets, 0);
}

/* ---- packets ------------------------------------------------------------------------------- */

static inline bool is_v6_text(const char *text)
{
	return strchr(text, ':') != NULL;
}

/* An IP packet with `len` zero bytes behind the header. Returns where those are. */
static inline uint8_t *make_ip(struct gateway *g, struct sl_packet *p, const char *src,
        const char *dst, uint8_t proto, uint32_t len)
{
	struct sl_addr a = addr_of(src), b = addr_of(dst);
	bool v6 = is_v6_text(src);
	uint8_t *d;

	packet_alloc(g, p, (v6 ? 40 : 20) + len);
	d = p->data;
	memset(d, 0, p->len);
	p->in_if = is_inside(&a, v6 ? SL_IPV6 : SL_IPV4) ? 1 : 2;
	if (v6) {
		d[0] = 0x60;
		sl_put16(d + 4, (uint16_t)len);
		d[6] = proto;
		d[7] = 64;
		memcpy(d + 8, a.b, 16);
		memcpy(d + 24, b.b, 16);
		return d + 40;
	}
	d[0] = 0x45;
	sl_put16(d + 2, (uint16_t)p->len);
	sl_put16(d + 4, 7);
	d[8] = 64;
	d[9] = proto;
	memcpy(d + 12, a.b + 12, 4);
	memcpy(d + 16, b.b + 12, 4);
	return d + 20;
}

/* Where the transport checksum of a packet is; NULL: has none that these tests know. */
static inline uint8_t *sum_place(const struct sl_packet *p, const struct sl_parsed *parsed)
{
	uint8_t *l4 = p->data + parsed->l4;

	switch (parsed->tuple.proto) {
	case SL_PROTO_TCP:
		return l4 + 16;
	case SL_PROTO_UDP:
		return l4 + 6;
	case SL_PROTO_ICMP:
	case SL_PROTO_ICMPV6:
		return l4 + 2;
	}
	return NULL;
}

/* Checksums right, for what the packet is now. */
static inline void fix_sums(struct sl_packet *p)
{
	bool v6 = p->data[0] >> 4 == 6;
	struct sl_parsed parsed;
	uint32_t len, sum = 0;
	uint8_t *at;

	if (!v6) {
		sl_put16(p->data + 10, 0);
		sl_put16(p->data + 10, sl__csum(sl__sum(p->data, (p->data[0] & 15u) * 4, 0)));
	}
	if (sl__parse(p, &parsed) != SL_WHY_NONE || parsed.frag)
		return;
	at = sum_place(p, &parsed);
	len = parsed.len - parsed.l4;
	if (v6)
		sum = sl__sum_ipv6(p->data + 8, p->data + 24, parsed.tuple.proto, len);
	else if (parsed.tuple.proto != SL_PROTO_ICMP)
		sum = sl__sum_ipv4(p->data + 12, p->data + 16, parsed.tuple.proto, len);
	if (!at)
		return;
	sl_put16(at, 0);
	sl_put16(at, sl__csum(sl__sum(p->data + parsed.l4, len, sum)));
}

static inline void fill_bytes(uint8_t *at, uint32_t len, uint32_t seed)
{
	for (uint32_t i = 0; i < len; i++)
		at[i] = (uint8_t)((seed + i) * 131 >> 3);
}

static inline struct sl_packet make_tcp(struct gateway *g, const char *src, uint16_t sport,
        const char *dst, uint16_t dport, uint8_t flags, uint32_t seq, uint32_t ack,
        const void *bytes, uint32_t len)
{
	struct sl_packet p;
	uint8_t *l4 = make_ip(g, &p, src, dst, SL_PROTO_TCP, 20 + len);

	sl_put16(l4, sport);
	sl_put16(l4 + 2, dport);
	sl_put32(l4 + 4, seq);
	sl_put32(l4 + 8, ack);
	l4[12] = 0x50;
	l4[13] = flags;
	sl_put16(l4 + 14, 65535);
	if (bytes)
		memcpy(l4 + 20, bytes, len);
	else
		fill_bytes(l4 + 20, len, seq);
	fix_sums(&p);
	return p;
}

static inline struct sl_packet make_udp(struct gateway *g, const char *src, uint16_t sport,
        const char *dst, uint16_t dport, uint32_t len)
{
	struct sl_packet p;
	uint8_t *l4 = make_ip(g, &p, src, dst, SL_PROTO_UDP, 8 + len);

	sl_put16(l4, sport);
	sl_put16(l4 + 2, dport);
	sl_put16(l4 + 4, (uint16_t)(8 + len));
	fill_bytes(l4 + 8, len, sport);
	fix_sums(&p);
	return p;
}

static inline void set_df(struct sl_packet *p)
{
	p->data[6] |= 0x40;
	fix_sums(p);
}

/* Checksums of what came out must be right (where the packet is whole). */
static inline void check_sums(const struct sl_packet *p)
{
	struct sl_packet copy = *p;
	struct sl_parsed parsed;

	copy.csum = SL_CSUM_NONE;
	if (p->csum == SL_CSUM_PARTIAL)
		return;
	assert_int_equal(sl__parse(&copy, &parsed), SL_WHY_NONE);
	assert_int_equal(sl__parse_checksum(&copy, &parsed), SL_WHY_NONE);
}

static inline bool is_fragment(const struct sl_packet *p)
{
	return p->data[0] >> 4 == 4 && sl_get16(p->data + 6) & 0x3fff;
}

/* One packet in; what the gateway made or emitted for it is then in g->out. */
static inline void put_in(struct gateway *g, struct sl_packet *p)
{
	const char *bad;

	gateway_drain(g);
	sl_input(g->engine, p, 1, ++g->now);
	bad = sl_engine_check(g->engine);
	if (bad)
		fail_msg("%s", bad);
	if (p->verdict == SL_ACCEPT)
		check_sums(p);
	for (unsigned i = 0; i < g->n_out; i++)
		if (!is_fragment(&g->out[i]))
			check_sums(&g->out[i]);
}

/* The same for a packet whose fate is all that matters; it is freed. */
static inline enum sl_verdict put_in_once(struct gateway *g, struct sl_packet p)
{
	put_in(g, &p);
	if (p.verdict == SL_ACCEPT || p.verdict == SL_DROP || p.verdict == SL_HANDOVER)
		packet_free(g, &p);
	return (enum sl_verdict)p.verdict;
}

#endif
