/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The embedder's side of a live engine. As in a replay (embed.c), a lent packet has no handle;
 * what the engine keeps or grows gets a block of its own, whose address is the handle. All blocks
 * have SL_TAP_HEADER bytes more before the headroom than the engine is told of.
 */
#include <stdlib.h>
#include <string.h>

#include "prog/live.h"

enum { ROOM = 128, TAIL = 2048, LOOPBACK = 1 };

/* ---- memory ---------------------------------------------------------------------------------- */

static void *mem_alloc(void *ctx, size_t size, size_t align)
{
	(void)ctx;
	if (align <= _Alignof(max_align_t))
		return malloc(size);
	return aligned_alloc(align, (size + align - 1) / align * align);
}

static void mem_free(void *ctx, void *p, size_t size)
{
	(void)ctx, (void)size;
	free(p);
}

/* ---- packets --------------------------------------------------------------------------------- */

static bool contiguous(void *ctx, struct sl_packet *p, uint32_t len)
{
	(void)ctx;
	return len <= p->len;
}

static bool grow(void *ctx, struct sl_packet *p, uint32_t headroom, uint32_t tailroom)
{
	uint8_t *block = malloc((size_t)SL_TAP_HEADER + headroom + p->len + tailroom);

	(void)ctx;
	if (!block)
		return false;
	memcpy(block + SL_TAP_HEADER + headroom, p->data, p->len);
	free(p->handle);
	p->handle = block;
	p->data = block + SL_TAP_HEADER + headroom;
	p->headroom = headroom;
	p->tailroom = tailroom;
	return true;
}

static bool make_packet(void *ctx, struct sl_packet *p, uint32_t len)
{
	uint8_t *block = malloc((size_t)SL_TAP_HEADER + ROOM + len + TAIL);

	(void)ctx;
	if (!block)
		return false;
	*p = (struct sl_packet){.handle = block,
	        .data = block + SL_TAP_HEADER + ROOM,
	        .len = len,
	        .headroom = ROOM,
	        .tailroom = TAIL};
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
	struct sl_live *live = ctx;
	unsigned after = SL_LIVE_BATCH;

	if (cause >= live->packets && cause < live->packets + SL_LIVE_BATCH)
		after = (unsigned)(cause - live->packets);
	if (live->n_emitted == live->emitted_size) {
		live->emitted_size = live->emitted_size * 2 + 64;
		live->emitted =
		        sl__must_grow(live->emitted, live->emitted_size * sizeof(*live->emitted));
	}
	live->emitted[live->n_emitted++] = (struct sl_live_emitted){*p, after};
}

static void route(void *ctx, const struct sl_route_query *query, struct sl_route *answer)
{
	struct sl_live *live = ctx;
	struct sl_record_route record;

	sl_net_route(&live->net, query, answer);
	if (live->all->n > 1) {
		const struct sl_link *link = sl_net_link(&live->net, answer->out_if);

		answer->inside = link && link->inside && answer->kind == SL_ROUTE_FORWARD;
		answer->nat_address = sl__live_is_nat(live, &query->dst);
	}
	if (!sl__recording(&live->recorder))
		return;
	record = (struct sl_record_route){*query, *answer};
	sl__record(&live->recorder, SL_RECORD_ROUTE, &record, sizeof(record));
}

void sl__live_embed(struct sl_live *live)
{
	live->env = (struct sl_env){.mem = {mem_alloc, mem_free, NULL},
	        .ctx = live,
	        .route = route,
	        .contiguous = contiguous,
	        .grow = grow,
	        .alloc = make_packet,
	        .keep = keep,
	        .free = free_packet,
	        .emit = emit,
	        .event = sl__live_event,
	        .trace = sl__live_trace};
	if (live->all->opt.huge_pages)
		live->env.mem = sl__huge_mem(&live->all->huge);
}

/* ---- out ------------------------------------------------------------------------------------ */

/* In the name of an interface: to the stack as if it had come by it, or to everybody on its link.
 */
static bool address(
        struct sl_live *live, uint32_t ifindex, enum sl_steer_what what, struct sl_steer_meta *meta)
{
	const struct sl_link *link = sl_net_link(&live->net, ifindex);

	if (!link)
		return false;
	meta->what = (uint8_t)what;
	meta->ifindex = link->index;
	memcpy(meta->mac, link->mac, sizeof(meta->mac));
	return true;
}

/*
 * A broadcast's way is its program's choice, not that of a table: two links may have the same address of ours
 * (link-local ones of VLANs do).
 */
static uint32_t cast_if(const struct sl_live *live, const struct sl_packet *p)
{
	bool lent = p >= live->packets && p < live->packets + SL_LIVE_BATCH;
	uint32_t chosen = lent ? live->chosen[p - live->packets] : 0;

	return chosen ? chosen : p->out_if;
}

/* Which way. What a local program sent to this machine itself comes by lo. */
static bool find_way(struct sl_live *live, const struct sl_packet *p, struct sl_steer_meta *meta)
{
	if (p->to == SL_TO_LOCAL)
		return address(live, p->in_if ? p->in_if : LOOPBACK, SL_STEER_TO_LOCAL, meta);
	if (p->from == SL_FROM_LOCAL && p->cast != SL_CAST_HOST)
		return address(live, cast_if(live, p), SL_STEER_SEND_CAST, meta);
	return p->out_if != 0;
}

static void send_one(struct sl_live *live, struct sl_packet *p)
{
	struct sl_steer_meta meta = {
	        .mark = p->mark, .what = SL_STEER_FORWARD, .cast = p->cast, .ifindex = p->out_if};

	if (!find_way(live, p, &meta) || !sl_tap_write(&live->tap, p, &meta))
		live->unsent++;
}

static void finish_emitted(struct sl_live *live, struct sl_packet *p)
{
	if (p->verdict == SL_HANDOVER) {
		sl__live_pass(live, p);
		return;
	}
	send_one(live, p);
	free_packet(live, p);
}

static unsigned send_emitted(struct sl_live *live, unsigned next, unsigned after)
{
	for (; next < live->n_emitted && live->emitted[next].after == after; next++)
		finish_emitted(live, &live->emitted[next].packet);
	return next;
}

void sl__live_send(struct sl_live *live, unsigned n)
{
	unsigned next = 0;

	for (unsigned i = 0; i < n; i++) {
		struct sl_packet *p = &live->packets[i];

		if (p->verdict == SL_ACCEPT)
			send_one(live, p);
		if (p->verdict == SL_HANDOVER)
			sl__live_pass(live, p);
		if (p->verdict == SL_ACCEPT || p->verdict == SL_DROP)
			free_packet(live, p);
		next = send_emitted(live, next, i);
	}
	for (; next < live->n_emitted; next++)
		finish_emitted(live, &live->emitted[next].packet);
	live->n_emitted = 0;
}
