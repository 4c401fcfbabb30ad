/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands in a packet's headers: fields at their places, raw bits anywhere, and what must be looked
 * for first: TCP options, IPv4 options, IPv6 extension headers. Each search is Linux's, with its
 * corners: an option that ends behind its header is none, one after the end of the list is still found
 * in TCP, and of two the first counts. Nothing is read behind the packet's end.
 */
#include "rules/load.h"

#include <string.h>

#include "base/wire.h"
#include "track/parse.h"

enum { AUTH = 51 }; /* an authentication header */

/* Bits at..at+bits of data as a number, right-aligned in as many bytes as its type has. */
static bool take_bits(
        const uint8_t *data, uint32_t len, uint32_t at, unsigned bits, uint8_t *out, unsigned *got)
{
	uint32_t first = at / 8, last = (at + bits - 1) / 8;
	unsigned bytes = sl__bytes_of(bits), width = (bits + 7) / 8, i;
	unsigned shift = 7 - (at + bits - 1) % 8;

	if (last >= len)
		return false;
	*got = bytes;
	for (i = 0; i < bytes - width; i++)
		out[i] = 0;
	if (!shift && !(bits % 8)) {
		memcpy(out + i, data + first, width);
		return true;
	}
	for (i = 0; i < width; i++) {
		const uint8_t *from = data + last - i;
		unsigned above = shift && from > data + first ? from[-1] : 0;

		out[bytes - 1 - i] = (uint8_t)(*from >> shift | above << (8 - shift));
	}
	out[bytes - width] &= (uint8_t)(0xff >> (8 - bits % 8) % 8);
	return true;
}

static bool has_ports(uint8_t proto)
{
	return proto == SL_PROTO_TCP || proto == SL_PROTO_UDP || proto == SL_PROTO_SCTP ||
	       proto == SL_PROTO_DCCP || proto == SL_PROTO_UDPLITE;
}

static bool is_extension(unsigned next)
{
	return next == 0 || next == 43 || next == 44 || next == AUTH || next == 60;
}

/* Where the first header of that kind stands; 0: nowhere. Behind a later fragment's there is none. */
static uint32_t find_extension(const uint8_t *data, uint32_t len, unsigned kind)
{
	uint32_t at = 40;
	unsigned next = data[6];

	while (is_extension(next) && at + 8 <= len && next != kind) {
		uint32_t size = next == 44     ? 8
		                : next == AUTH ? (data[at + 1] + 2u) * 4
		                               : (data[at + 1] + 1u) * 8;

		if (next == 44 && sl_get16(data + at + 2) & ~7)
			return 0;
		next = data[at];
		at += size;
	}
	return next == kind && at + 2 <= len ? at : 0;
}

/* An authentication header is a transport header to rules, also where IPv6 has it among extensions. */
static uint32_t find_auth(const struct sl__eval *ev)
{
	const struct sl_parsed *p = ev->view->parsed;

	if (p->tuple.family != SL_IPV6 || p->l4 == 40 || p->l4 > p->len)
		return 0;
	return find_extension(ev->view->packet->data, p->len, AUTH);
}

uint8_t sl__transport_proto(const struct sl__eval *ev)
{
	return find_auth(ev) ? AUTH : ev->view->parsed->tuple.proto;
}

/* Where the transport header stands; 0: nowhere, as behind a later fragment's header. */
static uint32_t transport_at(const struct sl__eval *ev)
{
	const struct sl_parsed *p = ev->view->parsed;
	uint32_t auth;

	if (p->frag == SL_FRAG_LATER || p->l4 > p->len)
		return 0;
	auth = find_auth(ev);
	return auth ? auth : p->l4;
}

bool sl__header_at(struct sl__eval *ev, const struct sl__field *f, uint32_t *at)
{
	const struct sl_parsed *parsed = ev->view->parsed;

	*at = 0;
	if (f->family && parsed->tuple.family != f->family)
		return false;
	if (f->where == IN_NET)
		return true;
	*at = transport_at(ev);
	if (f->proto ==
	        255) /* th reads whatever stands there, as in Linux: of ICMP, what differs */
		ev->stays &= has_ports(parsed->tuple.proto);
	else if (f->proto != (*at == parsed->l4 ? parsed->tuple.proto : AUTH))
		return false;
	return *at != 0;
}

bool sl__load_header(struct sl__eval *ev, const struct sl__field *f, uint8_t *out, unsigned *len)
{
	const struct sl_parsed *parsed = ev->view->parsed;
	uint32_t at;

	if (!sl__header_at(ev, f, &at))
		return false;
	return take_bits(ev->view->packet->data + at, parsed->len - at, f->at, f->bits, out, len);
}

/* ---- raw bits ---- */

/* Behind the words of a GRE header that its flags tell of; 0: not version 0. */
static uint32_t gre_size(const uint8_t *gre, uint32_t room)
{
	uint32_t size = 4;

	if (room < size || gre[1] & 7)
		return 0;
	for (unsigned flag = 0x10; flag <= 0x80; flag <<= 1)
		if (flag != 0x40 && gre[0] & flag)
			size += 4;
	return size;
}

/* Where `@ih` begins: behind the transport header of what has a known one; 0: it has none. */
static uint32_t inner_header(const struct sl__eval *ev)
{
	const struct sl_parsed *p = ev->view->parsed;
	const uint8_t *l4 = ev->view->packet->data + p->l4;
	uint32_t room = p->len - p->l4, size = 0;

	switch (sl__transport_proto(ev)) {
	case SL_PROTO_UDP:
		size = 8;
		break;
	case SL_PROTO_TCP:
		size = room >= 20 ? (uint32_t)(l4[12] >> 4) * 4 : 0;
		break;
	case SL_PROTO_GRE:
		size = gre_size(l4, room);
		break;
	case 4: /* IP in IP */
		return p->l4;
	}
	return size && size <= room ? p->l4 + size : 0;
}

bool sl__load_raw(struct sl__eval *ev, const struct sl__field *f, uint8_t *out, unsigned *len)
{
	const struct sl_parsed *p = ev->view->parsed;
	uint32_t from = 0;

	if (f->key != RAW_NETWORK) {
		from = transport_at(ev);
		if (from && f->key == RAW_INNER)
			from = inner_header(ev);
		if (!from)
			return false;
	}
	return take_bits(ev->view->packet->data + from, p->len - from, f->at, f->bits, out, len);
}

/* ---- TCP options ---- */

uint32_t sl__tcp_header(const struct sl__eval *ev)
{
	const struct sl_parsed *p = ev->view->parsed;
	uint32_t size;

	if (p->tuple.proto != SL_PROTO_TCP || transport_at(ev) != p->l4 || p->len - p->l4 < 20)
		return 0;
	size = (uint32_t)(ev->view->packet->data[p->l4 + 12] >> 4) * 4;
	return size >= 20 && size <= p->len - p->l4 ? size : 0;
}

uint32_t sl__tcp_option(const struct sl__eval *ev, unsigned kind, uint32_t *size)
{
	uint32_t at = ev->view->parsed->l4, end = at + sl__tcp_header(ev);
	const uint8_t *data = ev->view->packet->data;

	for (at += 20; at + 1 < end; at += *size) {
		*size = data[at] <= 1 || !data[at + 1] ? 1 : data[at + 1];
		if (data[at] == kind)
			return at + *size <= end ? at : 0;
	}
	*size = 0;
	return 0;
}

static bool load_tcp_option(
        struct sl__eval *ev, const struct sl__field *f, uint8_t *out, unsigned *len)
{
	uint32_t size = 0, at = sl__tcp_option(ev, f->key, &size);

	if (f->type == &sl__ty_boolean) {
		*len = sl__load_number_put(out, at != 0, 1);
		return true; /* of what is no TCP, too: it has no option */
	}
	return at && take_bits(ev->view->packet->data + at, size, f->at, f->bits, out, len);
}

/* ---- IPv4 options, IPv6 extension headers ---- */

/* Does Linux take this option for one that it knows? */
static bool well_formed(const uint8_t *option, uint32_t size)
{
	switch (option[0]) {
	case IP_OPTION_RR:
		return size >= 3 && option[2] >= 4 && (option[2] > size || option[2] + 3u <= size);
	case IP_OPTION_LSRR:
	case IP_OPTION_SSRR:
		return size >= 7 && option[2] == 4 && (size - 3) % 4 == 0;
	case IP_OPTION_RA:
		return size >= 4;
	}
	return true;
}

/* Where that option stands, in a header all of whose options are well formed; 0: nowhere. */
static uint32_t find_ip_option(const uint8_t *data, uint32_t len, unsigned kind)
{
	uint32_t at = 20, end = (uint32_t)(data[0] & 15) * 4, found = 0, size;

	for (; end <= len && at < end && data[at] != 0; at += size) {
		size = data[at] == 1 ? 1 : at + 1 < end ? data[at + 1] : 0;
		if (!size || at + size > end)
			return 0;
		if (size == 1)
			continue;
		if (!well_formed(data + at, size))
			return 0;
		if (data[at] == kind)
			found = at;
	}
	/* A router alert is one only with value 0. */
	return found && (kind != IP_OPTION_RA || !sl_get16(data + found + 2)) ? found : 0;
}

bool sl__load_option(struct sl__eval *ev, const struct sl__field *f, uint8_t *out, unsigned *len)
{
	const struct sl_parsed *p = ev->view->parsed;
	const uint8_t *data = ev->view->packet->data;
	uint32_t at;

	if (f->where == IN_TCPOPT)
		return load_tcp_option(ev, f, out, len);
	if (p->tuple.family != f->family)
		return false;
	at = f->where == IN_IPOPT ? find_ip_option(data, p->len, f->key)
	                          : find_extension(data, p->len, f->key);
	if (f->type == &sl__ty_boolean) {
		*len = sl__load_number_put(out, at != 0, 1);
		return true;
	}
	return at && take_bits(data + at, p->len - at, f->at, f->bits, out, len);
}
