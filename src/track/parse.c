/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One look at a packet's headers. What is wrong with the IP header itself (the stack would
 * drop such a packet before any hook) is told apart by sl__parse_fatal() from what only makes
 * the packet INVALID.
 *
 * Every byte is read through a cursor that begins at the IP header and ends with the IP
 * packet, so a length that lies can at most make a header missing.
 */
#include "track/parse.h"

#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"

#define IPV4_MIN       20
#define IPV6_LEN       40
#define MAX_EXTENSIONS 64

/* IPv6 extension headers (IANA protocol numbers). */
enum {
	HOP_BY_HOP = 0,
	ROUTING = 43,
	FRAGMENT = 44,
	AUTHENTICATION = 51,
	NO_NEXT = 59,
	OPTIONS = 60
};

enum { ND_REDIRECT = 137, ND_OPTION_REDIRECTED = 4 };

/* ---- ICMP types ----------------------------------------------------------------------------- */

struct icmp_type {
	uint8_t type, inverse, kind;
};

static const struct icmp_type icmp_types[] = {
        /* RFC 792, 950 */
        {0, 8, SL_ICMP_ANSWER}, {8, 0, SL_ICMP_REQUEST},     /* echo */
        {3, SL_ICMP_NO_INVERSE, SL_ICMP_ERROR},              /* unreachable */
        {4, SL_ICMP_NO_INVERSE, SL_ICMP_ERROR},              /* source quench */
        {5, SL_ICMP_NO_INVERSE, SL_ICMP_ERROR},              /* redirect */
        {11, SL_ICMP_NO_INVERSE, SL_ICMP_ERROR},             /* time exceeded */
        {12, SL_ICMP_NO_INVERSE, SL_ICMP_ERROR},             /* parameter problem */
        {13, 14, SL_ICMP_REQUEST}, {14, 13, SL_ICMP_ANSWER}, /* timestamp */
        {15, 16, SL_ICMP_REQUEST}, {16, 15, SL_ICMP_ANSWER}, /* information */
        {17, 18, SL_ICMP_REQUEST}, {18, 17, SL_ICMP_ANSWER}, /* address mask */
};

static const struct icmp_type icmpv6_types[] = {
        /* RFC 4443, 4861, 2710, 3810, 4620 */
        {1, SL_ICMP_NO_INVERSE, SL_ICMP_ERROR},
        {2, SL_ICMP_NO_INVERSE, SL_ICMP_ERROR},
        {3, SL_ICMP_NO_INVERSE, SL_ICMP_ERROR},
        {4, SL_ICMP_NO_INVERSE, SL_ICMP_ERROR},
        {128, 129, SL_ICMP_REQUEST},
        {129, 128, SL_ICMP_ANSWER}, /* echo */
        {139, 140, SL_ICMP_REQUEST},
        {140, 139, SL_ICMP_ANSWER}, /* node information */
        {130, SL_ICMP_NO_INVERSE, SL_ICMP_NEIGHBOUR},
        {131, SL_ICMP_NO_INVERSE, SL_ICMP_NEIGHBOUR},
        {132, SL_ICMP_NO_INVERSE, SL_ICMP_NEIGHBOUR},
        {133, SL_ICMP_NO_INVERSE, SL_ICMP_NEIGHBOUR},
        {134, SL_ICMP_NO_INVERSE, SL_ICMP_NEIGHBOUR},
        {135, SL_ICMP_NO_INVERSE, SL_ICMP_NEIGHBOUR},
        {136, SL_ICMP_NO_INVERSE, SL_ICMP_NEIGHBOUR},
        {143, SL_ICMP_NO_INVERSE, SL_ICMP_NEIGHBOUR},
        {ND_REDIRECT, SL_ICMP_NO_INVERSE, SL_ICMP_ERROR},
        {151, SL_ICMP_NO_INVERSE, SL_ICMP_NEIGHBOUR}, /* multicast router discovery, RFC 4286 */
        {152, SL_ICMP_NO_INVERSE, SL_ICMP_NEIGHBOUR},
};

static const struct icmp_type *icmp_find(uint8_t proto, uint8_t type)
{
	bool v6 = proto == SL_PROTO_ICMPV6;
	const struct icmp_type *table = v6 ? icmpv6_types : icmp_types;
	size_t n = v6 ? sizeof(icmpv6_types) / sizeof(icmpv6_types[0])
	              : sizeof(icmp_types) / sizeof(icmp_types[0]);

	for (size_t i = 0; i < n; i++)
		if (table[i].type == type)
			return &table[i];
	return NULL;
}

enum sl_icmp_kind sl__icmp_kind(uint8_t proto, uint8_t type)
{
	const struct icmp_type *found = icmp_find(proto, type);

	if (!found && proto == SL_PROTO_ICMPV6 && type < 128) /* RFC 4443 2.1 */
		return SL_ICMP_ERROR;
	return found ? (enum sl_icmp_kind)found->kind : SL_ICMP_UNKNOWN;
}

uint8_t sl__icmp_inverse(uint8_t proto, uint8_t type)
{
	const struct icmp_type *found = icmp_find(proto, type);

	return found ? found->inverse : SL_ICMP_NO_INVERSE;
}

/* ---- transport headers ----------------------------------------------------------------------- */

static enum sl_reason parse_tcp(struct sl_bytes b, struct sl_parsed *out)
{
	uint32_t room = out->len - out->l4, header;

	out->tuple.sport = sl_bytes_u16(&b);
	out->tuple.dport = sl_bytes_u16(&b);
	if (out->quoted) /* the ports are enough to know what it is about */
		return sl_bytes_ok(&b) ? SL_WHY_NONE : SL_WHY_SHORT_L4;
	out->seq = sl_bytes_u32(&b);
	out->ack = sl_bytes_u32(&b);
	header = (uint32_t)(sl_bytes_u8(&b) >> 4) * 4;
	out->tcp_flags = sl_bytes_u8(&b);
	out->window = sl_bytes_u16(&b);
	sl_bytes_skip(&b, 4);
	if (!sl_bytes_ok(&b))
		return SL_WHY_SHORT_L4;
	if (header < 20 || header > room)
		return SL_WHY_BAD_L4_LENGTH;
	out->payload = out->l4 + header;
	return SL_WHY_NONE;
}

static enum sl_reason parse_udp(struct sl_bytes b, struct sl_parsed *out)
{
	bool lite = out->tuple.proto == SL_PROTO_UDPLITE;
	uint32_t room = out->len - out->l4, length;
	uint16_t checksum;

	out->tuple.sport = sl_bytes_u16(&b);
	out->tuple.dport = sl_bytes_u16(&b);
	if (out->quoted)
		return sl_bytes_ok(&b) ? SL_WHY_NONE : SL_WHY_SHORT_L4;
	length = sl_bytes_u16(&b); /* UDP-Lite: how much the checksum covers; 0: all */
	checksum = sl_bytes_u16(&b);
	if (!sl_bytes_ok(&b))
		return SL_WHY_SHORT_L4;
	out->payload = out->l4 + 8;
	if (lite && !length)
		length = room;
	if (length > room || length < 8)
		return SL_WHY_BAD_L4_LENGTH;
	return lite && !checksum ? SL_WHY_BAD_CHECKSUM
	                         : SL_WHY_NONE; /* RFC 3828 3.1: must have one */
}

static enum sl_reason parse_sctp(struct sl_bytes b, struct sl_parsed *out)
{
	out->tuple.sport = sl_bytes_u16(&b);
	out->tuple.dport = sl_bytes_u16(&b);
	if (!out->quoted)
		sl_bytes_skip(&b, 8); /* tag, checksum */
	return sl_bytes_ok(&b) ? SL_WHY_NONE : SL_WHY_SHORT_L4;
}

/* An ND redirect (RFC 4861 4.5) quotes its cause in an option. 0: it does not. */
static uint32_t redirect_quote(struct sl_bytes b, uint32_t at, const struct sl_parsed *parsed)
{
	if (parsed->ttl != 255)
		return 0;
	sl_bytes_skip(&b, 40);
	at += 40;
	while (sl_bytes_left(&b) >= 8) {
		uint8_t type = sl_bytes_u8(&b);
		uint32_t size = (uint32_t)sl_bytes_u8(&b) * 8;

		if (size == 0)
			return 0;
		if (type == ND_OPTION_REDIRECTED)
			return at + 8;
		sl_bytes_skip(&b, size - 2);
		at += size;
	}
	return 0;
}

static enum sl_reason parse_icmp(struct sl_bytes b, struct sl_parsed *out)
{
	struct sl_bytes whole = b;
	uint8_t type = sl_bytes_u8(&b), code = sl_bytes_u8(&b);

	sl_bytes_skip(&b, 2);
	out->tuple.sport = sl_bytes_u16(&b);
	sl_bytes_skip(&b, 2);
	if (!sl_bytes_ok(&b))
		return SL_WHY_SHORT_L4;
	out->tuple.dport = SL_TUPLE_ICMP(type, code);
	out->payload = out->l4 + 8;
	out->icmp = (uint8_t)sl__icmp_kind(out->tuple.proto, type);
	if (out->icmp == SL_ICMP_ERROR)
		out->quote =
		        type == ND_REDIRECT ? redirect_quote(whole, out->l4, out) : out->payload;
	return SL_WHY_NONE;
}

/* Version 1 (PPTP, RFC 2637) has a call id; other versions are known by addresses alone. */
static enum sl_reason parse_gre(struct sl_bytes b, struct sl_parsed *out)
{
	uint16_t flags = sl_bytes_u16(&b), protocol = sl_bytes_u16(&b);

	uint16_t call_id;

	sl_bytes_skip(&b, 2);
	call_id = sl_bytes_u16(&b);
	if (!sl_bytes_ok(&b) || (flags & 7) != 1)
		return SL_WHY_NONE;
	if (protocol != 0x880b)
		return SL_WHY_BAD_L4_LENGTH;
	out->tuple.dport = call_id;
	return SL_WHY_NONE;
}

static enum sl_reason parse_transport(const uint8_t *data, struct sl_parsed *out)
{
	struct sl_bytes b = sl_bytes_of(data + out->l4, out->len - out->l4);

	out->payload = out->l4;
	switch (out->tuple.proto) {
	case SL_PROTO_TCP:
		return parse_tcp(b, out);
	case SL_PROTO_UDP:
	case SL_PROTO_UDPLITE:
		return parse_udp(b, out);
	case SL_PROTO_SCTP:
		return parse_sctp(b, out);
	case SL_PROTO_GRE:
		return parse_gre(b, out);
	case SL_PROTO_ICMP:
		return out->tuple.family == SL_IPV4 ? parse_icmp(b, out) : SL_WHY_NONE;
	case SL_PROTO_ICMPV6:
		return out->tuple.family == SL_IPV6 ? parse_icmp(b, out) : SL_WHY_NONE;
	default:
		return SL_WHY_NONE;
	}
}

/* ---- IP -------------------------------------------------------------------------------------- */

static enum sl_reason parse_ipv4(const uint8_t *d, uint32_t len, struct sl_parsed *out)
{
	uint32_t header, total, frag;

	if (len < IPV4_MIN)
		return SL_WHY_SHORT_IP;
	header = (uint32_t)(d[0] & 15) * 4;
	total = sl_get16(d + 2);
	if (out->quoted) /* what is there counts; lengths that lie do no harm here, and Linux reads on too */
		total = len;
	else if (header < IPV4_MIN || total < header)
		return SL_WHY_BAD_IP_HEADER;
	if (total > len || total < header)
		return SL_WHY_SHORT_IP;
	out->tuple.family = SL_IPV4;
	out->tuple.proto = d[9];
	out->tuple.src = sl_addr_v4(d + 12);
	out->tuple.dst = sl_addr_v4(d + 16);
	out->tos = d[1];
	out->ttl = d[8];
	out->len = total;
	out->l4 = out->payload = header;
	frag = sl_get16(d + 6);
	out->frag_id = sl_get16(d + 4);
	out->dont_fragment = frag & 0x4000;
	out->more_fragments = frag & 0x2000;
	out->frag_offset = (uint16_t)((frag & 0x1fff) * 8);
	if (out->frag_offset)
		out->frag = SL_FRAG_LATER;
	else if (out->more_fragments)
		out->frag = SL_FRAG_FIRST;
	return SL_WHY_NONE;
}

static void take_fragment_header(
        const uint8_t *d, uint32_t at, uint32_t next_at, struct sl_parsed *out)
{
	uint32_t frag = sl_get16(d + at + 2);

	out->frag_header = at;
	out->frag_next = next_at;
	out->frag_id = sl_get32(d + at + 4);
	out->frag_offset = (uint16_t)(frag & 0xfff8);
	out->more_fragments = frag & 1;
	out->atomic_fragment = !out->frag_offset && !out->more_fragments;
	if (out->frag_offset)
		out->frag = SL_FRAG_LATER;
	else if (out->more_fragments)
		out->frag = SL_FRAG_FIRST;
}

/* What cannot be followed behind a fragment header is no matter until the datagram is whole. */
static enum sl_reason broken_chain(struct sl_parsed *out)
{
	out->broken_chain = true;
	return out->frag && !out->quoted ? SL_WHY_NONE : SL_WHY_BAD_EXTENSIONS;
}

/* A fragment header inside of a fragment, or of what was put together: may more follow that can be read? */
static bool inner_fragment(const uint8_t *d, uint32_t at, const struct sl_parsed *out)
{
	return out->len - at >= 4 && !(sl_get16(d + at + 2) & 0xfff8);
}

/* Walk the extension headers up to the transport header (or a later fragment's bytes). */
static enum sl_reason walk_extensions(const uint8_t *d, struct sl_parsed *out)
{
	uint32_t at = IPV6_LEN, next_at = 6, size;
	uint8_t next = d[6];

	for (unsigned n = 0; n < MAX_EXTENSIONS; n++) {
		out->tuple.proto = next;
		out->l4 = out->payload = at;
		if (next == NO_NEXT) /* nothing to track by */
			return broken_chain(out);
		if (next != HOP_BY_HOP && next != ROUTING && next != FRAGMENT &&
		        next != AUTHENTICATION && next != OPTIONS)
			return SL_WHY_NONE;
		if (out->len - at < 2)
			return broken_chain(out);
		size = (uint32_t)(d[at + 1] + 1) * 8;
		if (next == AUTHENTICATION)
			size = (uint32_t)(d[at + 1] + 2) * 4;
		if (next == FRAGMENT) {
			size = 8;
			if (!out->whole && !out->frag_header) {
				if (out->len - at < size)
					return SL_WHY_FRAG_MALFORMED;
				take_fragment_header(d, at, next_at, out);
			} else if (!inner_fragment(d, at, out)) {
				return broken_chain(out);
			}
		}
		next = d[at];
		next_at = at;
		at += size < out->len - at
		              ? size
		              : out->len - at; /* one that lies leaves nothing behind it */
		if (out->frag == SL_FRAG_LATER) {
			out->tuple.proto = next;
			out->l4 = out->payload = at;
			return SL_WHY_NONE;
		}
	}
	return SL_WHY_BAD_EXTENSIONS;
}

static enum sl_reason parse_ipv6(const uint8_t *d, uint32_t len, struct sl_parsed *out)
{
	uint32_t total;

	if (len < IPV6_LEN)
		return SL_WHY_SHORT_IP;
	total = IPV6_LEN + (uint32_t)sl_get16(d + 4);
	if (out->quoted)
		total = len;
	if (total > len)
		return SL_WHY_SHORT_IP;
	out->tuple.family = SL_IPV6;
	out->tuple.src = sl_addr_v6(d + 8);
	out->tuple.dst = sl_addr_v6(d + 24);
	out->tos = (uint8_t)(sl_get16(d) >> 4);
	out->ttl = d[7];
	out->len = total;
	return walk_extensions(d, out);
}

static enum sl_reason parse(
        const uint8_t *data, uint32_t len, unsigned version, struct sl_parsed *out)
{
	enum sl_reason why = SL_WHY_BAD_IP_HEADER;

	if (version == 4)
		why = parse_ipv4(data, len, out);
	else if (version == 6)
		why = parse_ipv6(data, len, out);
	if (why != SL_WHY_NONE || out->frag == SL_FRAG_LATER)
		return why;
	/* The rest of a first fragment is looked at when it is whole. */
	return out->frag == SL_FRAG_FIRST && !out->quoted ? SL_WHY_NONE
	                                                  : parse_transport(data, out);
}

enum sl_reason sl__parse(const struct sl_packet *p, struct sl_parsed *out)
{
	memset(out, 0, sizeof(*out));
	return p->len ? parse(p->data, p->len, p->data[0] >> 4, out) : SL_WHY_SHORT_IP;
}

enum sl_reason sl__parse_whole(const struct sl_packet *p, struct sl_parsed *out)
{
	memset(out, 0, sizeof(*out));
	out->whole = true;
	return parse(p->data, p->len, p->data[0] >> 4, out);
}

enum sl_reason sl__parse_quoted(
        const uint8_t *data, uint32_t len, enum sl_family family, struct sl_parsed *out)
{
	memset(out, 0, sizeof(*out));
	out->quoted = true;
	return parse(data, len, family, out);
}

enum sl_reason sl__parse_first(const struct sl_packet *p, struct sl_parsed *out)
{
	return parse_transport(p->data, out);
}

bool sl__parse_fatal(enum sl_reason why)
{
	return why == SL_WHY_SHORT_IP || why == SL_WHY_BAD_IP_HEADER ||
	       why == SL_WHY_BAD_IP_CHECKSUM || why == SL_WHY_FRAG_MALFORMED;
}

/* ---- checksums ------------------------------------------------------------------------------- */

static uint32_t pseudo_sum(const struct sl_parsed *p, uint32_t length)
{
	if (p->tuple.family == SL_IPV4)
		return sl__sum_ipv4(
		        p->tuple.src.b + 12, p->tuple.dst.b + 12, p->tuple.proto, length);
	return sl__sum_ipv6(p->tuple.src.b, p->tuple.dst.b, p->tuple.proto, length);
}

/* How many bytes the checksum covers; 0: there is none to check. */
static uint32_t covered(const uint8_t *l4, const struct sl_parsed *p)
{
	uint32_t room = p->len - p->l4, length;

	switch (p->tuple.proto) {
	case SL_PROTO_TCP:
	case SL_PROTO_ICMP:
	case SL_PROTO_ICMPV6:
		return room;
	case SL_PROTO_UDP:
		return p->tuple.family == SL_IPV4 && sl_get16(l4 + 6) == 0 ? 0 : sl_get16(l4 + 4);
	case SL_PROTO_UDPLITE:
		length = sl_get16(l4 + 4);
		return length ? length : room;
	default:
		return 0;
	}
}

/* RFC 9260 appendix A: the CRC as if its field were 0, low byte first. */
static enum sl_reason sctp_checksum(const uint8_t *l4, uint32_t len)
{
	static const uint8_t zero[4] = {0};
	uint32_t crc = sl__crc32c(l4, 8, 0);

	crc = sl__crc32c(zero, 4, crc);
	crc = sl__crc32c(l4 + 12, len - 12, crc);
	for (unsigned i = 0; i < 4; i++)
		if (l4[8 + i] != (uint8_t)(crc >> 8 * i))
			return SL_WHY_BAD_CHECKSUM;
	return SL_WHY_NONE;
}

enum sl_reason sl__parse_checksum(const struct sl_packet *packet, const struct sl_parsed *p)
{
	const uint8_t *l4 = packet->data + p->l4;
	uint32_t length, sum = 0;

	if (p->tuple.family == SL_IPV4 &&
	        sl__csum(sl__sum(packet->data, (packet->data[0] & 15u) * 4, 0)))
		return SL_WHY_BAD_IP_CHECKSUM;
	if (packet->csum != SL_CSUM_NONE || p->frag)
		return SL_WHY_NONE;
	if (p->tuple.proto == SL_PROTO_SCTP)
		return sctp_checksum(l4, p->len - p->l4);
	length = covered(l4, p);
	if (length == 0)
		return SL_WHY_NONE;
	if (p->tuple.proto != SL_PROTO_ICMP)
		sum = pseudo_sum(p, p->tuple.proto == SL_PROTO_UDPLITE ? p->len - p->l4 : length);
	return sl__csum(sl__sum(l4, length, sum)) ? SL_WHY_BAD_CHECKSUM : SL_WHY_NONE;
}
