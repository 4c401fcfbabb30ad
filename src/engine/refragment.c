/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragmenting what leaves, the way Linux does it for datagrams that it put together for
 * tracking (tried out on 6.18):
 *
 * - The pieces that came go out again with the same boundaries, if the datagram still has its
 *   length and every piece fits. IPv4's DF is then gone.
 * - Otherwise it is cut anew, into pieces as long as the longest that came (for IPv6 1,280 bytes
 *   at least). IPv4's DF stays if that longest one had it.
 * - An IPv6 datagram no longer than the longest piece that came leaves whole.
 * - IPv4 keeps its id. IPv6 gets a new one, so that a middle box which shortens or mixes
 *   datagrams does not use an id twice.
 * - Options of IPv4 that are not to be copied are blanked in later pieces, which keeps the header
 *   length (RFC 791 would also allow to leave them out).
 * - IPv6's fragment header stands behind hop-by-hop options, routing header, and destination
 *   options that do not follow a routing header, wherever it stood before. A datagram whose first
 *   fragment did not hold all of these does not leave.
 */
#include "engine/refragment.h"

#include <string.h>

#include "base/checksum.h"
#include "base/wire.h"

enum { IPV6_LEN = 40, FRAGMENT_LEN = 8, IPV6_MIN_MTU = 1280 };
enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, OPTIONS = 60 };
enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_COPIED = 0x80 };

/* The datagram and how it is to be cut. */
struct cutter {
	const struct sl_env *env;
	const struct sl_packet *p;
	uint32_t len;	   /* of the datagram */
	uint32_t header;   /* what stands before the data in p, and is repeated */
	uint32_t next_at;  /* IPv6: offset of the byte that names what follows header */
	uint32_t extra;	   /* what a fragment has besides header: IPv6's fragment header */
	uint32_t size;	   /* longest fragment */
	uint32_t v6_id;
	bool v6, keep_df;
};

/* ---- headers --------------------------------------------------------------------------------- */

/* What must be repeated in each fragment. False: not all of it stands before `first`. */
static bool find_header_ipv6(struct cutter *c, uint32_t first)
{
	const uint8_t *d = c->p->data;
	uint32_t at = IPV6_LEN, next_at = 6;
	bool routed = false;

	for (;;) {
		uint8_t next = d[next_at];

		if ((next != HOP_BY_HOP && next != ROUTING && next != OPTIONS) || (next == OPTIONS && routed))
			break;
		if (at + 2 > first || (uint32_t)(d[at + 1] + 1) * 8 > first - at)
			return false;
		routed = routed || next == ROUTING;
		next_at = at;
		at += (uint32_t)(d[at + 1] + 1) * 8;
	}
	c->header = at;
	c->next_at = next_at;
	return true;
}

/* Blank the options that later fragments do not repeat. */
static void blank_options(uint8_t *d, uint32_t header)
{
	uint32_t at = 20, size;

	while (at < header && d[at] != OPTION_END) {
		if (d[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (at + 2 > header || d[at + 1] < 2 || d[at + 1] > header - at)
			return;
		size = d[at + 1];
		if (!(d[at] & OPTION_COPIED))
			memset(d + at, OPTION_NOP, size);
		at += size;
	}
}

static void head_ipv4(const struct cutter *c, uint8_t *d, uint32_t begin, uint32_t len, bool last)
{
	unsigned frag = begin / 8 | (last ? 0 : 0x2000);

	if (c->keep_df)
		frag |= sl_get16(d + 6) & 0x4000u;
	if (begin)
		blank_options(d, c->header);
	sl_put16(d + 2, (uint16_t)len);
	sl_put16(d + 6, (uint16_t)frag);
	sl_put16(d + 10, 0);
	sl_put16(d + 10, sl__csum(sl__sum(d, c->header, 0)));
}

static void head_ipv6(const struct cutter *c, uint8_t *d, uint32_t begin, uint32_t len, bool last)
{
	uint8_t *header = d + c->header;

	header[0] = d[c->next_at];
	header[1] = 0;
	sl_put16(header + 2, (uint16_t)(begin | (last ? 0 : 1)));
	sl_put32(header + 4, c->v6_id);
	d[c->next_at] = FRAGMENT;
	sl_put16(d + 4, (uint16_t)(len - IPV6_LEN));
}

/* ---- cutting --------------------------------------------------------------------------------- */

/* Bytes [from, to) of p as a fragment. */
static bool cut(const struct cutter *c, uint32_t from, uint32_t to, struct sl_packet *fragment)
{
	uint32_t before = c->header + c->extra, len = before + (to - from);
	struct sl_packet fresh = {0};

	if (!c->env->alloc || !c->env->alloc(c->env->ctx, &fresh, len))
		return false;
	memcpy(fresh.data, c->p->data, c->header);
	memcpy(fresh.data + before, c->p->data + from, to - from);
	(c->v6 ? head_ipv6 : head_ipv4)(c, fresh.data, from - c->header, len, to == c->len);
	*fragment = *c->p;
	fragment->handle = fresh.handle;
	fragment->data = fresh.data;
	fragment->len = fresh.len;
	fragment->headroom = fresh.headroom;
	fragment->tailroom = fresh.tailroom;
	return true;
}

/* Where the fragment that begins at `from` ends: as it came, or as long as may be. */
static uint32_t cut_end(const struct cutter *c, const struct sl_frag_shape *as, unsigned i, uint32_t from)
{
	uint32_t room = c->size - c->header - c->extra;

	if (as)
		return i < as->cuts ? as->cut[i] : c->len;
	return c->len - from <= room ? c->len : from + (room & ~UINT32_C(7));
}

/* Can it go out in the pieces in which it came? */
static bool fits_as_it_came(const struct cutter *c, const struct sl_frag_shape *shape)
{
	uint32_t from = c->header;

	if (!shape->cuts || shape->len != c->len)
		return false;
	for (unsigned i = 0; i <= shape->cuts; i++) {
		uint32_t to = i < shape->cuts ? shape->cut[i] : c->len;

		if (to <= from || to - from > c->size - c->header - c->extra)
			return false;
		if (i < shape->cuts && (to - from) % 8)
			return false;
		from = to;
	}
	return true;
}

static uint32_t longest(const struct sl_parsed *parsed, const struct sl_frag_shape *shape, uint32_t max_size)
{
	uint32_t size = shape->max;

	if (!size)
		return max_size;
	if (parsed->tuple.family == SL_IPV6 && size < IPV6_MIN_MTU)
		size = IPV6_MIN_MTU;
	return size < max_size ? size : max_size;
}

bool sl__refragment_needed(
	const struct sl_parsed *parsed, const struct sl_frag_shape *shape, uint32_t max_size)
{
	return parsed->len > max_size || (shape->max && parsed->len > shape->max);
}

bool sl__refragment_possible(
	const struct sl_packet *p, const struct sl_parsed *parsed, const struct sl_frag_shape *shape)
{
	uint32_t first = shape->cuts ? shape->cut[0] : parsed->len;
	struct cutter c = {.p = p, .len = parsed->len};

	return parsed->tuple.family == SL_IPV4 || find_header_ipv6(&c, first < c.len ? first : c.len);
}

bool sl__refragment(const struct sl_env *env, const struct sl_packet *p,
	const struct sl_parsed *parsed, const struct sl_frag_shape *shape, uint32_t max_size,
	uint32_t v6_id, void (*out)(void *ctx, struct sl_packet *fragment), void *ctx)
{
	struct cutter c = {.env = env, .p = p, .len = parsed->len, .v6_id = v6_id};
	const struct sl_frag_shape *as;
	struct sl_packet fragment;
	uint32_t from, to;

	c.v6 = parsed->tuple.family == SL_IPV6;
	c.header = parsed->l4;
	c.extra = c.v6 ? FRAGMENT_LEN : 0;
	c.size = longest(parsed, shape, max_size);
	if (c.v6 && !find_header_ipv6(&c, c.len))
		return false;
	if (p->csum == SL_CSUM_PARTIAL || c.size < c.header + c.extra + 8)
		return false;
	as = fits_as_it_came(&c, shape) ? shape : NULL;
	c.keep_df = !as;
	from = c.header;
	for (unsigned i = 0; from < c.len; i++, from = to) {
		to = cut_end(&c, as, i, from);
		if (!cut(&c, from, to, &fragment))
			return false;
		out(ctx, &fragment);
	}
	return true;
}
