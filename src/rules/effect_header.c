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

/* A checksum after bytes that it sums up; none becomes 0, which is how UDP says that there is none. */
static void renew(uint8_t *check, const uint8_t *was, const uint8_t *is, unsigned len, bool odd)
{
	uint16_t sum = sl__csum_update_range(sl_get16(check), was, is, len, odd);

	sl_put16(check, sum ? sum : 0xffff);
}

/* Where the transport header has its checksum; 0: nowhere, or it says that there is none. */
static unsigned checksum_at(const struct sl_parsed *p, const uint8_t *data)
{
	unsigned at = 0, room = p->l4 < p->len && p->frag != SL_FRAG_LATER ? p->len - p->l4 : 0;

	switch (p->tuple.proto) {
	case SL_PROTO_TCP:
		at = 16;
		break;
	case SL_PROTO_UDP:
	case SL_PROTO_UDPLITE:
	case SL_PROTO_DCCP:
		at = 6;
		break;
	case SL_PROTO_ICMP:
	case SL_PROTO_ICMPV6:
		at = 2;
		break;
	}
	if (!at || at + 2 > room)
		return 0;
	return p->tuple.proto == SL_PROTO_UDP && !sl_get16(data + p->l4 + at) ? 0 : p->l4 + at;
}

/* Addresses are summed up in the pseudo-header, also where nothing else is yet. */
static void address_written(
        struct sl__eval *ev, const uint8_t *was, const uint8_t *is, unsigned len)
{
	const struct sl_parsed *parsed = ev->view->parsed;
	struct sl_packet *p = ev->view->packet;
	unsigned at = checksum_at(parsed, p->data);

	if (!at || parsed->tuple.proto == SL_PROTO_ICMP)
		return;
	if (p->csum == SL_CSUM_PARTIAL)
		renew(p->data + at, is, was, len,
		        false); /* not complemented: the other way round */
	else
		renew(p->data + at, was, is, len, false);
}

static void crc_written(struct sl_packet *p, const struct sl_parsed *parsed)
{
	uint8_t *l4 = p->data + parsed->l4;
	uint32_t crc;

	memset(l4 + 8, 0, 4);
	crc = sl__crc32c(l4, parsed->len - parsed->l4, 0);
	for (unsigned i = 0; i < 4; i++)
		l4[8 + i] = (uint8_t)(crc >> 8 * i);
}

static void transport_written(
        struct sl__eval *ev, uint32_t at, const uint8_t *was, const uint8_t *is, unsigned len)
{
	const struct sl_parsed *parsed = ev->view->parsed;
	struct sl_packet *p = ev->view->packet;
	unsigned check = checksum_at(parsed, p->data);

	if (p->csum == SL_CSUM_PARTIAL)
		return;
	if (parsed->tuple.proto == SL_PROTO_SCTP && parsed->len - parsed->l4 >= 12)
		crc_written(p, parsed);
	else if (check)
		renew(p->data + check, was, is, len, (at - parsed->l4) & 1);
}

/* Put a value's bits at bit `at`, counted from the top of the first byte. */
static void put_bits(uint8_t *data, unsigned at, unsigned bits, const uint8_t *value, unsigned len)
{
	unsigned last = (at + bits - 1) / 8, room = 7 - (at + bits - 1) % 8, i;
	uint64_t mask = bits < 64 ? ((UINT64_C(1) << bits) - 1) << room : 0, n = 0;

	if (!(at % 8) && !(bits % 8)) {
		memcpy(data + at / 8, value + len - bits / 8, bits / 8);
		return;
	}
	for (i = 0; i < len; i++)
		n = n << 8 | value[i];
	for (n <<= room, i = last; mask; i--, n >>= 8, mask >>= 8)
		data[i] = (uint8_t)((data[i] & ~mask) | (n & mask));
}

/* A field of the IP or transport header. */
bool sl__set_field(struct sl__eval *ev, const struct sl__stmt *s)
{
	const struct sl__field *f = s->a->field;
	struct sl_packet *p = ev->view->packet;
	uint8_t value[SL_RULES_KEY_MAX], was[SL_RULES_VALUE_MAX];
	uint32_t at = 0, size = (f->at % 8u + f->bits + 7u) / 8;
	unsigned len;

	if (!sl__load(ev, s->b, value, &len) || !sl__header_at(ev, f, &at))
		return false;
	at += f->at / 8;
	if (at + size > ev->view->parsed->len || len < (f->bits + 7u) / 8)
		return false;
	memcpy(was, p->data + at, size);
	put_bits(p->data + at, f->at % 8, f->bits, value, len);
	if (!memcmp(was, p->data + at, size))
		return true;
	p->altered = 1;
	if (f->where == IN_TRANSPORT && strcmp(f->name, "checksum"))
		transport_written(ev, at, was, p->data + at, size);
	if (f->family == SL_IPV4)
		renew(p->data + 10, was, p->data + at, size, at & 1);
	if (f->where == IN_NET && f->bits >= 32)
		address_written(ev, was, p->data + at, size);
	ev->view->rewritten |= f->where == IN_TRANSPORT || f->bits >= 32;
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
