/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a router does to a packet that it forwards, right after routing it (RFC 1812 5.3.1,
 * RFC 8200 3 and 5): is there a hop left, may its source be seen where it goes (RFC 4007 9), is it
 * too long for its way and may not be cut, and one hop less. In Linux's order, so that what is quoted in an answer is as there.
 */
#include "engine/engine.h"

#include <string.h>

#include "base/checksum.h"
#include "base/wire.h"

enum { IPV6_MIN_MTU = 1280 };

/* Do the segments fit that a super-packet will be cut into? */
static bool segments_fit(const struct sl_work *w, uint32_t mtu)
{
	return w->p->gso != SL_GSO_NONE && w->p->gso_size &&
	       w->parsed.payload + w->p->gso_size <= mtu;
}

bool sl__too_big(const struct sl_work *w)
{
	const struct sl_frag_shape *shape = w->p == &w->e->whole.packet ? &w->e->whole.shape : NULL;
	bool v6 = w->parsed.tuple.family == SL_IPV6;
	uint32_t mtu = w->route.mtu;

	if (v6 && mtu < IPV6_MIN_MTU)
		mtu = IPV6_MIN_MTU;
	if (w->parsed.len <= mtu)
		return false;
	if (shape && shape->max) /* it leaves in the pieces that came */
		return (v6 || shape->dont_fragment) && shape->max > mtu;
	return (v6 || w->parsed.dont_fragment) && !segments_fit(w, mtu);
}

static void count_down(struct sl_packet *p, enum sl_family family)
{
	uint8_t *d = p->data;
	uint16_t was = sl_get16(d + 8);

	if (family == SL_IPV6) {
		d[7]--;
		return;
	}
	sl_put16(d + 10, sl__csum_update16(sl_get16(d + 10), was, (uint16_t)(was - 0x100)));
	d[8]--;
}

/* As it stands in the packet: a rule may have set it. */
static uint8_t ttl_of(const struct sl_work *w)
{
	return w->p->data[w->parsed.tuple.family == SL_IPV6 ? 7 : 8];
}

bool sl__beyond_scope(const struct sl_work *w)
{
	static const uint8_t nobody[15]; /* :: and ::1 */
	const uint8_t *src = w->p->data + 8;

	if (w->parsed.tuple.family != SL_IPV6 || w->p->in_if == w->route.out_if)
		return false;
	return src[0] == 0xff || (src[0] == 0xfe && src[1] >> 6 == 2) ||
	       (memcmp(src, nobody, 15) == 0 && src[15] <= 1);
}

enum sl_reason sl__hop(struct sl_work *w)
{
	bool counts = w->e->config.forward_ttl && w->p->from != SL_FROM_LOCAL;

	if (counts && ttl_of(w) <= 1)
		return SL_WHY_TTL_EXCEEDED;
	if (w->p->from != SL_FROM_LOCAL && sl__beyond_scope(w))
		return SL_WHY_BEYOND_SCOPE;
	if (sl__too_big(w))
		return SL_WHY_TOO_BIG;
	if (counts)
		count_down(w->p, (enum sl_family)w->parsed.tuple.family);
	return SL_WHY_NONE;
}
