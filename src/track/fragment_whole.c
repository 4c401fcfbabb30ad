/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The datagram out of its pieces: a fresh packet with the headers of the first fragment, whatever
 * came first, and everyone's bytes; then lengths, checksum, DF and ECN as the pieces together say.
 * How it was cut is written down, so that it can leave in the same pieces. Nothing is freed here.
 *
 * As in Linux it came by the interface of the fragment that completed it, and has all else that goes with
 * a packet (its mark) of the first fragment.
 *
 * DF stays if the longest fragment had it. RFC 3168 5.3: one piece that met congestion marks the
 * whole; pieces with and without ECN are not of one datagram.
 */
#include "track/fragment_parts.h"

#include <string.h>

#include "base/checksum.h"
#include "base/wire.h"

enum { IPV6_LEN = 40, CE = 3 };

static void finish_ipv4(uint8_t *d, uint32_t header, uint32_t len, bool df, bool ce)
{
	if (ce)
		d[1] |= CE;
	sl_put16(d + 2, (uint16_t)len);
	sl_put16(d + 6, df ? 0x4000 : 0);
	sl_put16(d + 10, 0);
	sl_put16(d + 10, sl__csum(sl__sum(d, header, 0)));
}

static void finish_ipv6(uint8_t *d, uint32_t len, uint32_t next_at, uint8_t next, bool ce)
{
	if (ce)
		d[1] |= CE << 4;
	sl_put16(d + 4, (uint16_t)(len - IPV6_LEN));
	d[next_at] = next;
}

static void note_shape(const struct sl_frag_queue *q, uint32_t header, struct sl_frag_shape *shape)
{
	shape->max = q->max;
	shape->len = header + q->end;
	shape->dont_fragment = q->max_df == q->max;
	shape->cuts = q->n - 1 <= SL_FRAG_CUTS ? q->n - 1 : 0;
	for (unsigned i = 0; i < shape->cuts; i++)
		shape->cut[i] = header + q->pieces[i + 1].begin;
}

/* RFC 3168 5.3: what came without ECN may not be mixed with what came with it. */
static bool ecn_contradicts(uint8_t seen)
{
	return (seen & 1) && seen != 1;
}

/* Everything is there; `a` is the piece without a reference. */
enum sl_reason sl__frag_build(const struct sl_fragments *f, const struct sl_frag_queue *q,
	const struct sl_frag_arrival *a, struct sl_frag_whole *whole)
{
	const struct sl_frag_kept last = {.packet = *a->p, .payload = a->payload};
	const struct sl_frag_kept *from = NULL, *first;
	uint32_t header, len;
	struct sl_packet out = {0};

	first = q->pieces[0].ref ? sl__slab_at(&f->kept_slab, q->pieces[0].ref) : &last;
	header = first->payload - (q->v6 ? SL_FRAG_HEADER : 0);
	len = header + q->end;
	if (len - (q->v6 ? IPV6_LEN : 0) > SL_FRAG_MAX_LEN)
		return SL_WHY_FRAG_TOO_LONG;
	if (ecn_contradicts(q->ecn))
		return SL_WHY_FRAG_ECN;
	if (!f->env->alloc || !f->env->alloc(f->env->ctx, &out, len))
		return SL_WHY_KEEP_FAILED;
	memcpy(out.data, first->packet.data, header);
	for (uint32_t i = 0; i < q->n; i++) {
		const struct sl_frag_piece *piece = &q->pieces[i];

		from = piece->ref ? sl__slab_at(&f->kept_slab, piece->ref) : &last;
		memcpy(out.data + header + piece->begin, from->packet.data + from->payload,
			(size_t)piece->end - piece->begin);
	}
	memset(whole, 0, sizeof(*whole));
	note_shape(q, header, &whole->shape);
	if (q->v6)
		finish_ipv6(out.data, len, q->frag_next, first->packet.data[header], q->ecn & 1 << CE);
	else
		finish_ipv4(out.data, header, len, whole->shape.dont_fragment, q->ecn & 1 << CE);
	whole->packet = first->packet;
	whole->packet.in_if = a->p->in_if;
	whole->packet.handle = out.handle;
	whole->packet.data = out.data;
	whole->packet.len = out.len;
	whole->packet.headroom = out.headroom;
	whole->packet.tailroom = out.tailroom;
	whole->packet.csum = SL_CSUM_NONE;
	whole->packet.gso = SL_GSO_NONE;
	whole->packet.gso_size = 0;
	return SL_WHY_NONE;
}
