/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and changing single packets for the replay program; see view.h.
 *
 * Offsets are checked against len before each read: a view of a damaged packet simply lacks
 * what is not there.
 */
#include "prog/view.h"

#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "base/wire.h"

enum { IGMP = 2, ESP = 50, AH = 51 };

static const char *proto_name(uint8_t proto, char out[4])
{
	switch (proto) {
	case IGMP:
		return "igmp";
	case ESP:
		return "esp";
	case AH:
		return "ah";
	}
	return sl_proto_text(proto, out);
}

bool sl__view_with_ports(const struct sl_view *v)
{
	switch (v->proto) {
	case SL_PROTO_TCP:
	case SL_PROTO_UDP:
	case SL_PROTO_SCTP:
	case SL_PROTO_UDPLITE:
	case SL_PROTO_DCCP:
		return true;
	}
	return false;
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool icmp_query(const struct sl_view *v, uint8_t type)
{
	if (v->proto == SL_PROTO_ICMP)
		return type == 0 || type == 8 || (type >= 13 && type <= 18);
	return v->proto == SL_PROTO_ICMPV6 && (type == 128 || type == 129);
}

static bool icmp_error(const struct sl_view *v, uint8_t type)
{
	if (v->proto == SL_PROTO_ICMP)
		return (type >= 3 && type <= 5) || type == 11 || type == 12;
	return v->proto == SL_PROTO_ICMPV6 && type >= 1 && type <= 4;
}

static void read_tcp(struct sl_view *v, const uint8_t *h)
{
	uint32_t header = (uint32_t)(h[12] >> 4) * 4;

	v->tcp = true;
	v->seq = sl_get32(h + 4);
	v->ack = sl_get32(h + 8);
	v->flags = h[13];
	v->payload = header < v->len - v->l4 ? v->l4 + header : v->len;
}

static void read_transport(struct sl_view *v)
{
	const uint8_t *h = v->data + v->l4;
	uint32_t left = v->l4 < v->len ? v->len - v->l4 : 0;

	if (sl__view_with_ports(v) && left >= 4) {
		v->has_ports = true;
		v->sport = sl_get16(h);
		v->dport = sl_get16(h + 2);
	}
	if (left < 8)
		return;
	if (v->proto == SL_PROTO_TCP && left >= 20) {
		read_tcp(v, h);
	} else if (v->proto == SL_PROTO_UDP) {
		v->payload = v->l4 + 8;
	} else if (icmp_query(v, h[0])) {
		v->has_ports = true;
		v->sport = v->dport = sl_get16(h + 4);
	} else if (v->proto == SL_PROTO_GRE && (h[1] & 7) == 1) {
		v->has_ports = true;
		v->dport = sl_get16(h + 6);
	}
}

static void read_ipv4(struct sl_view *v)
{
	uint16_t fragment = sl_get16(v->data + 6);

	v->family = SL_IPV4;
	v->src = sl_addr_v4(v->data + 12);
	v->dst = sl_addr_v4(v->data + 16);
	v->proto = v->data[9];
	v->l4 = (uint32_t)(v->data[0] & 15) * 4;
	v->fragment = (fragment & 0x3fff) != 0;
	v->first_fragment = !(fragment & 0x1fff);
}

/* Hop-by-hop, routing, destination options, mobility; fragment (44); authentication (51). */
static void skip_extensions(struct sl_view *v)
{
	uint8_t next = v->data[6];
	uint32_t at = 40;

	while (at + 8 <= v->len && v->first_fragment) {
		const uint8_t *h = v->data + at;

		if (next == 0 || next == 43 || next == 60 || next == 135) {
			at += ((uint32_t)h[1] + 1) * 8;
		} else if (next == AH) {
			at += ((uint32_t)h[1] + 2) * 4;
		} else if (next == 44) {
			v->fragment |= (sl_get16(h + 2) & 0xfff9) != 0;
			v->first_fragment = !(sl_get16(h + 2) & 0xfff8);
			at += 8;
		} else {
			break;
		}
		next = h[0];
	}
	v->proto = next;
	v->l4 = at;
}

bool sl__view_init(struct sl_view *v, uint8_t *data, uint32_t len)
{
	*v = (struct sl_view){.data = data, .len = len, .payload = len, .first_fragment = true};
	if (len >= 20 && data[0] >> 4 == 4) {
		read_ipv4(v);
	} else if (len >= 40 && data[0] >> 4 == 6) {
		v->family = SL_IPV6;
		v->src = sl_addr_v6(data + 8);
		v->dst = sl_addr_v6(data + 24);
		skip_extensions(v);
	} else {
		return false;
	}
	if (v->first_fragment)
		read_transport(v);
	return true;
}

bool sl__view_quote(const struct sl_view *v, struct sl_view *quote)
{
	if (!v->first_fragment || v->l4 + 28 > v->len || !icmp_error(v, v->data[v->l4]))
		return false;
	return sl__view_init(quote, v->data + v->l4 + 8, v->len - v->l4 - 8) &&
	       quote->family == v->family;
}

static void end_text(const struct sl_view *v, enum sl_view_end end, char *out, size_t size)
{
	char addr[SL_ADDR_TEXT];
	const char *text = sl_addr_text(
	        end == SL_VIEW_SRC ? &v->src : &v->dst, (enum sl_family)v->family, addr);
	unsigned port = end == SL_VIEW_SRC ? v->sport : v->dport;

	if (!v->has_ports || !sl__view_with_ports(v))
		snprintf(out, size, "%s", text);
	else
		snprintf(out, size, v->family == SL_IPV6 ? "[%s]:%u" : "%s:%u", text, port);
}

static const char *flags_text(uint8_t flags, char out[6])
{
	static const struct {
		uint8_t bit;
		char letter;
	} names[] = {{SL_VIEW_SYN, 'S'}, {SL_VIEW_ACK, 'A'}, {SL_VIEW_PSH, 'P'}, {SL_VIEW_FIN, 'F'},
	        {SL_VIEW_RST, 'R'}};
	char *at = out;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags & names[i].bit)
			*at++ = names[i].letter;
	if (at == out)
		*at++ = '-';
	*at = '\0';
	return out;
}

const char *sl__view_text(const struct sl_view *v, char out[SL_VIEW_TEXT])
{
	char src[64], dst[64], proto[4], flags[6], tcp[64] = "";

	end_text(v, SL_VIEW_SRC, src, sizeof(src));
	end_text(v, SL_VIEW_DST, dst, sizeof(dst));
	if (v->tcp)
		snprintf(tcp, sizeof(tcp), " %s seq %u ack %u len %u", flags_text(v->flags, flags),
		        v->seq, v->ack, sl__view_body(v));
	snprintf(out, SL_VIEW_TEXT, "%s %s > %s%s%s", proto_name(v->proto, proto), src, dst, tcp,
	        v->fragment ? " fragment" : "");
	return out;
}

struct sl_view_way sl__view_way(const struct sl_view *v)
{
	return (struct sl_view_way){v->src, v->dst, v->sport, v->dport};
}

struct sl_view_way sl__view_way_back(const struct sl_view *v)
{
	return (struct sl_view_way){v->dst, v->src, v->dport, v->sport};
}

/* ---- changing ----------------------------------------------------------------------------- */

/* Where the transport checksum is; NULL: has none. */
static uint8_t *checksum_at(const struct sl_view *v)
{
	uint32_t offset;

	switch (v->proto) {
	case SL_PROTO_TCP:
		offset = 16;
		break;
	case SL_PROTO_UDP:
	case SL_PROTO_UDPLITE:
	case SL_PROTO_DCCP:
		offset = 6;
		break;
	case SL_PROTO_ICMP:
	case SL_PROTO_ICMPV6:
		offset = 2;
		break;
	default:
		return NULL;
	}
	if (!v->first_fragment || v->l4 + offset + 2 > v->len)
		return NULL;
	if (v->proto == SL_PROTO_UDP && sl_get16(v->data + v->l4 + offset) == 0)
		return NULL;
	return v->data + v->l4 + offset;
}

static void adjust(uint8_t *sum, const void *from, const void *to, uint32_t len)
{
	sl_put16(sum, sl__csum_update_range(sl_get16(sum), from, to, len, false));
}

static void fix_header(struct sl_view *v)
{
	uint32_t header = (uint32_t)(v->data[0] & 15) * 4;

	if (v->family != SL_IPV4 || header > v->len)
		return;
	sl_put16(v->data + 10, 0);
	sl_put16(v->data + 10, sl__csum(sl__sum(v->data, header, 0)));
}

void sl__view_set_addr(struct sl_view *v, enum sl_view_end end, const struct sl_addr *addr)
{
	uint32_t size = v->family == SL_IPV4 ? 4 : 16;
	uint8_t *at = v->data + (v->family == SL_IPV4 ? 12 : 8) + (end == SL_VIEW_DST ? size : 0);
	const uint8_t *bytes = addr->b + 16 - size;
	uint8_t *sum = checksum_at(v);

	if (sum && v->proto != SL_PROTO_ICMP)
		adjust(sum, at, bytes, size);
	memcpy(at, bytes, size);
	*(end == SL_VIEW_SRC ? &v->src : &v->dst) = *addr;
	fix_header(v);
}

void sl__view_set_field(struct sl_view *v, uint32_t offset, const void *bytes, uint32_t len)
{
	uint8_t *sum = checksum_at(v);
	uint8_t *at = v->data + v->l4 + offset;

	if (v->l4 + offset + len > v->len)
		return;
	if (sum)
		adjust(sum, at, bytes, len);
	memcpy(at, bytes, len);
}

static void fix_sctp(struct sl_view *v)
{
	uint8_t *h = v->data + v->l4;
	uint32_t crc;

	if (v->len < v->l4 + 12)
		return;
	sl_put32(h + 8, 0);
	crc = sl__crc32c(h, v->len - v->l4, 0);
	for (unsigned i = 0; i < 4; i++)
		h[8 + i] = (uint8_t)(crc >> 8 * i);
}

void sl__view_set_port(struct sl_view *v, enum sl_view_end end, uint16_t port)
{
	uint8_t bytes[2];

	sl_put16(bytes, port);
	if (sl__view_with_ports(v)) {
		sl__view_set_field(v, end == SL_VIEW_SRC ? 0 : 2, bytes, 2);
	} else if (v->proto == SL_PROTO_GRE) {
		if (v->has_ports && end == SL_VIEW_DST)
			sl_put16(v->data + v->l4 + 6, port);
	} else if (v->has_ports) {
		sl__view_set_field(v, 4, bytes, 2);
		v->sport = v->dport = port;
	}
	*(end == SL_VIEW_SRC ? &v->sport : &v->dport) = port;
	if (v->proto == SL_PROTO_SCTP)
		fix_sctp(v);
}

void sl__view_fix_transport(struct sl_view *v)
{
	uint8_t *at = checksum_at(v);
	uint32_t len = v->len - v->l4, acc = 0;
	uint16_t sum;

	if (!at || v->fragment)
		return;
	sl_put16(at, 0);
	if (v->proto != SL_PROTO_ICMP)
		acc = v->family == SL_IPV4 ? sl__sum_ipv4(v->data + 12, v->data + 16, v->proto, len)
		                           : sl__sum_ipv6(v->src.b, v->dst.b, v->proto, len);
	sum = sl__csum(sl__sum(v->data + v->l4, len, acc));
	sl_put16(at, sum == 0 && v->proto == SL_PROTO_UDP ? 0xffff : sum);
}

bool sl__view_same(const struct sl_view *a, const struct sl_view *b)
{
	const uint8_t *x = a->data, *y = b->data;

	if (a->len != b->len || a->family != b->family)
		return false;
	if (a->family == SL_IPV6)
		return memcmp(x, y, 7) == 0 && memcmp(x + 8, y + 8, a->len - 8) == 0;
	return memcmp(x, y, 8) == 0 && x[9] == y[9] && memcmp(x + 12, y + 12, a->len - 12) == 0;
}
