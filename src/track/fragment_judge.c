/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Judging a fragment, as Linux does (tried out on 6.18), from nothing but offsets. "All": the
 * datagram is given up with all that was kept of it; what comes later begins a new one.
 *
 *                                            IPv4              IPv6
 *   no bytes                                 all               this one
 *   not the last, length not 8 * n           cut to 8 * n      all, and it passes
 *   ends elsewhere than the last one said    all               this one
 *   ends beyond 65,535                       all               this one (the door's work)
 *   first without its transport header       -                 this one, it passes (likewise)
 *   all of its bytes came before             this one          this one
 *   some of its bytes came before            all               all (RFC 5722)
 *
 * What passes is tracked by what can be read of it: a first fragment as if it were a packet, a
 * later one is INVALID.
 *
 * "Came before" means in one run of bytes, where a run is a fragment with those that came later,
 * each directly behind the end of everything so far. That is an odd rule, but the kernel's, and
 * it decides whether a repeated datagram with other boundaries survives. The bytes that came
 * first count. A repeated fragment that is the first to say where the datagram ends does not
 * complete it, not even if nothing else is missing.
 */
#include "track/fragment_parts.h"

/* What the fragment says of the datagram's end, against what is known of it. */
static enum sl_frag_fate learn_end(struct sl_frag_queue *q, struct sl_frag_arrival *a)
{
	enum sl_frag_fate contradiction = a->v6 ? SL_FRAG_REFUSE : SL_FRAG_GIVE_UP;

	if (!a->parsed->more_fragments) {
		if (a->end < q->end || (q->last_seen && a->end != q->end))
			return contradiction;
		q->last_seen = true;
		q->end = a->end;
		return SL_FRAG_KEEP;
	}
	if (a->end & 7 && a->v6)
		return SL_FRAG_GIVE_UP_AND_PASS;
	a->end &= ~UINT32_C(7);
	if (a->end > q->end) {
		if (q->last_seen)
			return contradiction;
		q->end = a->end;
	}
	return SL_FRAG_KEEP;
}

/* The first piece that ends behind `begin`; q->n: none. */
static uint32_t piece_after(const struct sl_frag_queue *q, uint32_t begin)
{
	uint32_t low = 0, high = q->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (q->pieces[mid].end > begin)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

/* Where the run that piece i belongs to ends, looking no further than `enough`. */
static uint32_t run_end(const struct sl_frag_queue *q, uint32_t i, uint32_t enough)
{
	while (q->pieces[i].end < enough && i + 1 < q->n && q->pieces[i + 1].joined)
		i++;
	return q->pieces[i].end;
}

/* Its place among the pieces, or what it overlaps. */
static enum sl_frag_fate find_place(const struct sl_frag_queue *q, struct sl_frag_arrival *a, enum sl_reason *why)
{
	const struct sl_frag_piece *piece;

	a->at = piece_after(q, a->begin);
	a->joined = q->n && a->at == q->n && q->pieces[q->n - 1].end == a->begin;
	if (a->at == q->n || a->end <= q->pieces[a->at].begin)
		return SL_FRAG_KEEP;
	piece = &q->pieces[a->at];
	if (a->begin >= piece->begin && a->end <= run_end(q, a->at, a->end)) {
		*why = SL_WHY_FRAG_DUPLICATE;
		return SL_FRAG_REFUSE;
	}
	*why = SL_WHY_FRAG_OVERLAP;
	return SL_FRAG_GIVE_UP;
}

enum sl_frag_fate sl__frag_judge(struct sl_frag_queue *q, struct sl_frag_arrival *a, enum sl_reason *why)
{
	enum sl_frag_fate fate;

	*why = SL_WHY_FRAG_TOO_LONG;
	if (a->end > SL_FRAG_MAX_LEN)
		return SL_FRAG_GIVE_UP;
	*why = SL_WHY_FRAG_MALFORMED;
	fate = learn_end(q, a);
	if (fate != SL_FRAG_KEEP)
		return fate;
	if (a->end == a->begin)
		return a->v6 ? SL_FRAG_REFUSE : SL_FRAG_GIVE_UP;
	return find_place(q, a, why);
}
