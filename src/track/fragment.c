/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reassembly. A datagram that is not whole yet is a queue: an array of pieces sorted by offset,
 * each naming a kept packet. When the last byte comes, a fresh packet is filled from the pieces
 * and they are freed. Nothing is copied before that.
 *
 * This file is the door: what comes in, and what becomes of it. fragment_judge.c has the rules,
 * fragment_store.c the queues with their limits, fragment_whole.c makes the datagram.
 *
 * A fragment is the caller's until env->keep() took it; what was kept ends in env->free(). The
 * fragment that completes a datagram is only copied from.
 */
#include "track/fragment_parts.h"

#include <string.h>

#include "base/mem.h"
#include "base/wire.h"

static uint32_t link_local_if(const struct sl_packet *p, const struct sl_parsed *parsed)
{
	const uint8_t *dst = parsed->tuple.dst.b;
	bool local = dst[0] == 0xff || (dst[0] == 0xfe && (dst[1] & 0xc0) == 0x80);

	return parsed->tuple.family == SL_IPV6 && local ? p->in_if : 0;
}

static void make_key(struct sl_frag_arrival *a, uint16_t zone)
{
	const struct sl_tuple *tuple = &a->parsed->tuple;
	uint32_t *w = a->key.word;

	for (unsigned i = 0; i < 4; i++) {
		w[i] = sl_get32(tuple->src.b + 4 * i);
		w[5 + i] = sl_get32(tuple->dst.b + 4 * i);
	}
	w[4] = a->p->vrf;
	w[9] = a->parsed->frag_id;
	w[10] = link_local_if(a->p, a->parsed);
	w[11] = (uint32_t)zone << 16 | (a->v6 ? 0x8000u : tuple->proto);
}

bool sl__fragment_headers_missing(const struct sl_parsed *parsed)
{
	uint32_t need = 1;

	if (parsed->frag == SL_FRAG_LATER || parsed->broken_chain)
		return false;
	if (parsed->tuple.proto == SL_PROTO_TCP)
		need = 20;
	else if (parsed->tuple.proto == SL_PROTO_UDP || parsed->tuple.proto == SL_PROTO_ICMPV6)
		need = 8;
	return parsed->len - parsed->l4 < need;
}

/* ---- adding ---------------------------------------------------------------------------------- */

static bool grow_pieces(const struct sl_fragments *f, struct sl_frag_queue *q)
{
	uint32_t room = q->room ? q->room * 2 : 4;
	struct sl_frag_piece *pieces;

	if (q->n < q->room)
		return true;
	pieces = sl__alloc(&f->env->mem, room * sizeof(*pieces));
	if (!pieces)
		return false;
	if (q->n)
		memcpy(pieces, q->pieces, q->n * sizeof(*pieces));
	sl__free(&f->env->mem, q->pieces, q->room * sizeof(*pieces));
	q->pieces = pieces;
	q->room = room;
	return true;
}

static void insert(struct sl_frag_queue *q, const struct sl_frag_arrival *a, uint32_t ref)
{
	uint32_t size = a->payload + (a->end - a->begin);
	struct sl_frag_piece *piece = &q->pieces[a->at];

	memmove(piece + 1, piece, (q->n - a->at) * sizeof(*piece));
	*piece = (struct sl_frag_piece){
		.begin = (uint16_t)a->begin, .end = (uint16_t)a->end, .joined = a->joined, .ref = ref};
	q->n++;
	q->bytes += a->end - a->begin;
	q->ecn |= (uint8_t)(1 << (a->parsed->tos & 3));
	if (size > q->max)
		q->max = size;
	if (a->parsed->dont_fragment && size > q->max_df)
		q->max_df = size;
	if (a->begin == 0)
		q->frag_next = a->parsed->frag_next;
}

/* Take the packet and remember it. Not NONE: it was not taken. */
static enum sl_reason keep(struct sl_fragments *f, struct sl_frag_queue *q, const struct sl_frag_arrival *a)
{
	const struct sl_env *env = f->env;
	struct sl_frag_kept *kept;
	uint32_t ref;

	if (!env->keep || !env->free)
		return SL_WHY_KEEP_FAILED;
	kept = sl__slab_get(&f->kept_slab, &ref);
	if (!kept)
		return SL_WHY_NO_MEMORY;
	if (!env->keep(env->ctx, a->p)) {
		sl__slab_put(&f->kept_slab, ref);
		return SL_WHY_KEEP_FAILED;
	}
	kept->packet = *a->p;
	kept->payload = a->payload;
	f->fragments++;
	insert(q, a, ref);
	return SL_WHY_NONE;
}

static enum sl_frag_result complete(struct sl_fragments *f, struct sl_frag_queue *q,
	const struct sl_frag_arrival *a, struct sl_frag_whole *whole, enum sl_reason *why)
{
	insert(q, a, 0);
	*why = sl__frag_build(f, q, a, whole);
	sl__frag_queue_end(f, q, *why);
	return *why == SL_WHY_NONE ? SL_FRAGMENT_COMPLETE : SL_FRAGMENT_DROP;
}

/* It fits. Put it in its place; with the last one the datagram is whole. */
static enum sl_frag_result add(struct sl_fragments *f, struct sl_frag_queue *q, const struct sl_frag_arrival *a,
	struct sl_frag_whole *whole, enum sl_reason *why)
{
	uint32_t size = a->end - a->begin;
	uint32_t cost = (uint32_t)(sizeof(struct sl_frag_kept) + sizeof(struct sl_frag_piece)) + a->p->len;

	*why = SL_WHY_NO_MEMORY;
	if (grow_pieces(f, q)) {
		if (q->last_seen && q->bytes + size == q->end)
			return complete(f, q, a, whole, why);
		*why = SL_WHY_FRAG_LIMIT;
		if (!sl__frag_make_room(f, q->source, q, cost))
			return SL_FRAGMENT_DROP;
		*why = keep(f, q, a);
		if (*why == SL_WHY_NONE) {
			sl__frag_charge(f, q, cost);
			return SL_FRAGMENT_QUEUED;
		}
	}
	if (q->n == 0)
		sl__frag_queue_end(f, q, *why);
	return SL_FRAGMENT_DROP;
}

enum sl_frag_result sl__fragment_add(struct sl_fragments *f, struct sl_packet *p,
	const struct sl_parsed *parsed, uint16_t zone, uint32_t now_ms, struct sl_frag_whole *whole,
	enum sl_reason *why)
{
	struct sl_frag_arrival a = {.p = p, .parsed = parsed, .now = now_ms};
	struct sl_frag_queue *q;
	enum sl_frag_fate fate;

	a.v6 = parsed->tuple.family == SL_IPV6;
	a.payload = a.v6 ? parsed->frag_header + SL_FRAG_HEADER : parsed->l4;
	a.begin = parsed->frag_offset;
	a.end = a.begin + (parsed->len - a.payload);
	if (a.v6 && sl__fragment_headers_missing(parsed)) {
		*why = SL_WHY_SHORT_L4;
		return SL_FRAGMENT_PASS;
	}
	if (a.v6 && a.end > SL_FRAG_MAX_LEN) {
		*why = SL_WHY_FRAG_TOO_LONG;
		return SL_FRAGMENT_DROP;
	}
	make_key(&a, zone);
	q = sl__frag_queue_for(f, &a, why);
	if (!q)
		return SL_FRAGMENT_DROP;
	fate = sl__frag_judge(q, &a, why);
	if (fate == SL_FRAG_KEEP)
		return add(f, q, &a, whole, why);
	if (fate != SL_FRAG_REFUSE)
		sl__frag_queue_end(f, q, *why);
	return fate == SL_FRAG_GIVE_UP_AND_PASS ? SL_FRAGMENT_PASS : SL_FRAGMENT_DROP;
}

void sl__fragments_release(struct sl_fragments *f, const struct sl_packet *p,
	const struct sl_parsed *parsed, uint16_t zone, void (*out)(void *ctx, struct sl_packet *p), void *ctx)
{
	struct sl_packet same = *p;
	struct sl_frag_arrival a = {.p = &same, .parsed = parsed, .v6 = parsed->tuple.family == SL_IPV6};
	struct sl_frag_queue *q;

	make_key(&a, zone);
	q = sl__frag_queue_find(f, &a.key);
	for (uint32_t i = 0; q && i < q->n; i++) {
		struct sl_frag_kept *kept = sl__slab_at(&f->kept_slab, q->pieces[i].ref);
		struct sl_packet piece = kept->packet;

		sl__slab_put(&f->kept_slab, q->pieces[i].ref);
		q->pieces[i].ref = 0;
		f->fragments--;
		out(ctx, &piece);
	}
	if (q)
		sl__frag_queue_end(f, q, SL_WHY_NONE);
}

/* ---- atomic fragments ------------------------------------------------------------------------ */

void sl__fragment_strip_atomic(struct sl_packet *p, const struct sl_parsed *parsed)
{
	p->data[parsed->frag_next] = p->data[parsed->frag_header];
	sl_put16(p->data + 4, (uint16_t)(sl_get16(p->data + 4) - SL_FRAG_HEADER));
	memmove(p->data + SL_FRAG_HEADER, p->data, parsed->frag_header);
	p->data += SL_FRAG_HEADER;
	p->len -= SL_FRAG_HEADER;
	p->headroom += SL_FRAG_HEADER;
	p->altered = 1;
}
