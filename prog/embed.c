/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The glue between the replay program and the engine.
 *
 * Buffers: a frame is lent in a buffer that is used again for the next one, so its handle is
 * NULL. When the engine keeps or grows it, it gets a block of its own, whose address is the
 * handle; such a block ends in free_packet(), sl__embed_drain() (when emitted) or
 * sl__embed_release() (when it comes back accepted).
 *
 * Routes are those of a gateway with two interfaces whose networks are not known: only the side
 * decides. What is addressed to the gateway, to a group, or to everybody ends here. The source
 * addresses that no gateway forwards are those that Linux refuses, with `route_localnet` on, so
 * that captures of the loopback interface can be replayed.
 */
#include "prog/embed.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = 128, TAIL = 2048 };

/* ---- memory ------------------------------------------------------------------------------- */

static void *mem_alloc(void *ctx, size_t size, size_t align)
{
	(void)ctx;
	if (align <= _Alignof(max_align_t))
		return malloc(size);
	return aligned_alloc(align, (size + align - 1) / align * align);
}

static void mem_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)size;
	free(p);
}

/* ---- packets ------------------------------------------------------------------------------ */

static bool contiguous(void *ctx, struct sl_packet *p, uint32_t len)
{
	(void)ctx;
	return len <= p->len;
}

/* Moves the packet into a block of its own. */
static bool grow(void *ctx, struct sl_packet *p, uint32_t headroom, uint32_t tailroom)
{
	uint8_t *block = malloc((size_t)headroom + p->len + tailroom);

	(void)ctx;
	if (!block)
		return false;
	memcpy(block + headroom, p->data, p->len);
	free(p->handle);
	p->handle = block;
	p->data = block + headroom;
	p->headroom = headroom;
	p->tailroom = tailroom;
	return true;
}

static bool make_packet(void *ctx, struct sl_packet *p, uint32_t len)
{
	uint8_t *block = malloc((size_t)ROOM + len + TAIL);

	(void)ctx;
	if (!block)
		return false;
	memset(p, 0, sizeof(*p));
	p->handle = block;
	p->data = block + ROOM;
	p->len = len;
	p->headroom = ROOM;
	p->tailroom = TAIL;
	return true;
}

static bool keep(void *ctx, struct sl_packet *p)
{
	return p->handle || grow(ctx, p, ROOM, TAIL);
}

static void free_packet(void *ctx, struct sl_packet *p)
{
	(void)ctx;
	free(p->handle);
	p->handle = NULL;
}

static void emit(void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	struct sl_embed *embed = ctx;

	(void)cause;
	if (embed->n_emitted == embed->emitted_size) {
		embed->emitted_size = embed->emitted_size * 2 + 8;
		embed->emitted = sl__must_grow(
		        embed->emitted, embed->emitted_size * sizeof(*embed->emitted));
	}
	embed->emitted[embed->n_emitted++] = *p;
}

/* ---- routes ------------------------------------------------------------------------------- */

static const uint8_t *v4(const struct sl_addr *a)
{
	return a->b + 12;
}

static bool is_zero(const struct sl_addr *a, uint8_t family)
{
	static const uint8_t zero[16];

	return family == SL_IPV4 ? memcmp(v4(a), zero, 4) == 0 : memcmp(a->b, zero, 16) == 0;
}

static bool is_everybody(const struct sl_addr *a, uint8_t family)
{
	static const uint8_t ones[4] = {255, 255, 255, 255};

	return family == SL_IPV4 && memcmp(v4(a), ones, 4) == 0;
}

static bool is_group(const struct sl_addr *a, uint8_t family)
{
	return family == SL_IPV4 ? v4(a)[0] >> 4 == 0xe : a->b[0] == 0xff;
}

static bool is_link_local(const struct sl_addr *a, uint8_t family)
{
	return family == SL_IPV6 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

static bool is_loopback6(const struct sl_addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return memcmp(a->b, one, 16) == 0;
}

/* Groups of scope 0 (reserved) and 1 (interface-local) are on no wire (RFC 4291 2.7). */
static bool stays_in_host(const struct sl_addr *a)
{
	return is_group(a, SL_IPV6) && (a->b[1] & 15) <= 1;
}

bool sl__embed_discards(const struct sl_view *v)
{
	return v->family == SL_IPV6 &&
	       (is_loopback6(&v->src) || is_loopback6(&v->dst) || is_group(&v->src, v->family) ||
	               stays_in_host(&v->dst));
}

bool sl__embed_is_own(const struct sl_embed *embed, enum sl_family family, const struct sl_addr *a)
{
	for (unsigned i = 0; i < embed->opt->n_own; i++)
		if (embed->opt->own[i].net.family == family && sl_addr_eq(&embed->opt->own[i].addr, a))
			return true;
	return false;
}

static bool is_public(const struct sl_embed *embed, uint8_t family, const struct sl_addr *a)
{
	return embed->nat && sl_addr_eq(a, family == SL_IPV4 ? &embed->opt->public4 :
	                                                       &embed->opt->public6);
}

/* The own address whose prefix the address lies in. */
static const struct sl_own *own_net(
        const struct sl_embed *embed, uint8_t family, const struct sl_addr *a)
{
	for (unsigned i = 0; i < embed->opt->n_own; i++)
		if (sl__prefix_has(&embed->opt->own[i].net, (enum sl_family)family, a))
			return &embed->opt->own[i];
	return NULL;
}

/* The last address of an IPv4 prefix. */
static bool is_directed_broadcast(const struct sl_own *own, const struct sl_addr *a)
{
	uint32_t host, value;

	if (own->net.family != SL_IPV4 || own->net.bits > 30)
		return false;
	host = 0xffffffffu >> own->net.bits;
	value = (uint32_t)a->b[12] << 24 | (uint32_t)a->b[13] << 16 | (uint32_t)a->b[14] << 8 |
	        a->b[15];
	return (value & host) == host;
}

/* Sources and destinations that are not forwarded, whatever the tables say. */
static bool is_unroutable(const struct sl_route_query *q)
{
	if (q->family == SL_IPV4)
		return is_zero(&q->src, SL_IPV4) || is_zero(&q->dst, SL_IPV4);
	return is_zero(&q->src, SL_IPV6) || is_loopback6(&q->src) || is_loopback6(&q->dst);
}

/* Nobody can be answered there, so the gateway takes nothing from there. */
static bool is_nobody4(const struct sl_route_query *q)
{
	return q->family == SL_IPV4 && q->from == SL_FROM_WIRE &&
	       (is_zero(&q->src, SL_IPV4) || is_group(&q->src, SL_IPV4) ||
	               is_everybody(&q->src, SL_IPV4));
}

static uint32_t way_out(const struct sl_embed *embed, const struct sl_route_query *q)
{
	if (q->from == SL_FROM_WIRE && q->in_if)
		return q->in_if == SL_SIDE_IN ? SL_SIDE_OUT : SL_SIDE_IN;
	return sl__sides_of(embed->sides, (enum sl_family)q->family, &q->dst) == SL_SIDE_IN &&
	                       !sl__embed_is_own(embed, (enum sl_family)q->family, &q->src) ?
	               SL_SIDE_IN :
	               SL_SIDE_OUT;
}

/* Has the gateway an address that what it sends itself can come from? */
static bool has_address(const struct sl_embed *embed, uint8_t family)
{
	for (unsigned i = 0; i < embed->opt->n_own; i++)
		if (embed->opt->own[i].net.family == family)
			return true;
	return embed->nat;
}

static void forward(
        const struct sl_embed *embed, const struct sl_route_query *q, struct sl_route *answer)
{
	answer->kind = SL_ROUTE_FORWARD;
	answer->out_if = way_out(embed, q);
	if (is_link_local(&q->dst, q->family)) { /* known on its link alone, and by out0 only */
		answer->out_if = SL_SIDE_OUT;
		if (q->from == SL_FROM_WIRE || embed->side != SL_SIDE_OUT)
			answer->kind = SL_ROUTE_NONE;
	}
	answer->inside = answer->out_if == SL_SIDE_IN;
	if (!has_address(embed, q->family)) /* errors are then sent in the name of 192.0.0.8 (RFC 7600 4.8) */
		return;
	answer->has_source = true;
	answer->source = q->family == SL_IPV4 ? embed->opt->public4 : embed->opt->public6;
}

static void route(void *ctx, const struct sl_route_query *q, struct sl_route *answer)
{
	const struct sl_embed *embed = ctx;
	const struct sl_own *own = own_net(embed, q->family, &q->dst);
	bool everybody = is_everybody(&q->dst, q->family) || (own && is_directed_broadcast(own, &q->dst));
	bool nobody = q->family == SL_IPV4 && is_zero(&q->src, SL_IPV4) && is_zero(&q->dst, SL_IPV4);

	memset(answer, 0, sizeof(*answer));
	answer->prefix = own ? own->net.bits : 0;
	if (sl__embed_is_own(embed, (enum sl_family)q->family, &q->dst) ||
	        is_public(embed, q->family, &q->dst)) {
		answer->kind = is_nobody4(q) ? SL_ROUTE_BLACKHOLE : SL_ROUTE_LOCAL;
	} else if (q->from == SL_FROM_LOCAL) {
		forward(embed, q, answer);
		if (everybody)
			answer->kind = SL_ROUTE_BROADCAST;
	} else if (is_group(&q->src, q->family) || is_everybody(&q->src, q->family)) {
		answer->kind = SL_ROUTE_BLACKHOLE;
	} else if (is_group(&q->dst, q->family) || everybody || nobody) {
		answer->kind = SL_ROUTE_BROADCAST;
	} else if (is_unroutable(q)) {
		answer->kind = SL_ROUTE_BLACKHOLE;
	} else {
		forward(embed, q, answer);
	}
}

/* ---- the whole ---------------------------------------------------------------------------- */

void sl__embed_init(struct sl_embed *embed, const struct sl_replay_options *opt,
        const struct sl_sides *sides, bool nat)
{
	*embed = (struct sl_embed){.opt = opt, .sides = sides, .nat = nat};
	embed->env = (struct sl_env){.mem = {mem_alloc, mem_free, NULL},
	        .ctx = embed,
	        .seed = "sluice replay: always the same", /* same capture, same choices */
	        .route = route,
	        .contiguous = contiguous,
	        .grow = grow,
	        .alloc = make_packet,
	        .keep = keep,
	        .free = free_packet,
	        .emit = emit};
}

void sl__embed_drain(struct sl_embed *embed)
{
	for (unsigned i = 0; i < embed->n_emitted; i++)
		free(embed->emitted[i].handle);
	embed->n_emitted = 0;
}

void sl__embed_release(struct sl_packet *p)
{
	free(p->handle);
	p->handle = NULL;
}

void sl__embed_fini(struct sl_embed *embed)
{
	sl__embed_drain(embed);
	free(embed->emitted);
	*embed = (struct sl_embed){0};
}
