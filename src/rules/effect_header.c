/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statements that write into a packet's headers; checksums follow (RFC 1624), but a partial one, which
 * sums up no transport header yet.
 */
#include "rules/load.h"

#include <string.h>

#include "base/checksum.h"
#include "base/wire.h"
#include "track/parse.h"

/* Put the low `bits` bits of n at bit `at`, counted from the top of the first byte. */
static void put_bits(uint8_t *data, unsigned at, unsigned bits, uint64_t n)
{
	unsigned last = (at + bits - 1) / 8, room = 7 - (at + bits - 1) % 8, i;
	uint64_t mask = ((UINT64_C(1) << bits) - 1) << room;

	for (n <<= room, i = last; mask; i--, n >>= 8, mask >>= 8)
		data[i] = (uint8_t)((data[i] & ~mask) | (n & mask));
}

/* A field of the IP header; IPv4's own checksum follows. */
bool sl__set_field(struct sl__eval *ev, const struct sl__stmt *s)
{
	const struct sl__field *f = s->a->field;
	struct sl_packet *p = ev->view->packet;
	uint8_t was[20], *check = p->data + 10;
	uint64_t n;

	if (ev->view->parsed->tuple.family != f->family || !sl__load_number(ev, s->b, &n))
		return false;
	memcpy(was, p->data, sizeof was);
	put_bits(p->data, f->at, f->bits, n);
	if (!memcmp(was, p->data, sizeof was))
		return true;
	p->altered = 1;
	if (f->family == SL_IPV4)
		sl_put16(check, sl__csum_update_range(sl_get16(check), was, p->data, 10, false));
	return true;
}

/* ---- TCP options ---- */

/* Write `size` bytes into the TCP header, at packet byte `at`. */
static void put_tcp(struct sl__eval *ev, uint32_t at, const uint8_t *bytes, unsigned size)
{
	struct sl_packet *p = ev->view->packet;
	uint8_t *check = p->data + ev->view->parsed->l4 + 16;

	if (!memcmp(p->data + at, bytes, size))
		return;
	if (p->csum != SL_CSUM_PARTIAL)
		sl_put16(check, sl__csum_update_range(sl_get16(check), p->data + at, bytes, size,
		                        (at - ev->view->parsed->l4) & 1));
	memcpy(p->data + at, bytes, size);
	p->altered = 1;
}

/* Lower, never raise, the MSS of a SYN. */
bool sl__set_mss(struct sl__eval *ev, const struct sl__stmt *s)
{
	struct sl_packet *p = ev->view->packet;
	uint32_t headers = ev->view->parsed->tuple.family == SL_IPV6 ? 60 : 40, size, at;
	uint64_t want = p->mtu > headers ? p->mtu - headers : 0;
	uint8_t bytes[2];

	if (!sl__tcp_header(ev) || (s->b && !sl__load_number(ev, s->b, &want)) || (!s->b && !want))
		return false;
	at = sl__tcp_option(ev, 2, &size);
	if (!size)
		return true; /* no such option: what follows is done all the same, as in Linux */
	if (!at || size < 4)
		return false;
	sl_put16(bytes, (uint16_t)want);
	if (sl_get16(p->data + at + 2) > want)
		put_tcp(ev, at + 2, bytes, 2);
	return true;
}

/* A part of 32 bits, as the time stamps. */
bool sl__set_tcp_option(struct sl__eval *ev, const struct sl__stmt *s)
{
	const struct sl__field *f = s->a->field;
	uint32_t size, at;
	uint8_t bytes[4];
	uint64_t want;

	if (!sl__tcp_header(ev) || !sl__load_number(ev, s->b, &want))
		return false;
	at = sl__tcp_option(ev, f->key, &size);
	if (!size)
		return true;
	if (!at || f->at / 8 + 4u > size)
		return false;
	sl_put32(bytes, (uint32_t)want);
	put_tcp(ev, at + f->at / 8, bytes, 4);
	return true;
}

enum sl__outcome sl__strip_tcp_option(struct sl__eval *ev, const struct sl__stmt *s)
{
	static const uint8_t nothing[40] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	uint32_t size = 0, at;

	if (!sl__tcp_header(ev))
		return SL__NO_MATCH;
	at = sl__tcp_option(ev, s->code, &size);
	if (at)
		put_tcp(ev, at, nothing, size);
	return at || !size ? SL__NEXT : SL__DROPPED;
}
