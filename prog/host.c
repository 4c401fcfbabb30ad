/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP: a reset (RFC 9293 3.5.2); UDP: ICMP port unreachable (RFC 1122 4.1.3.1), quoting as much
 * as fits into 576 bytes (IPv4) or 1280 (IPv6); UDP-Lite: the same; ICMP echo and timestamp,
 * ICMPv6 echo: the answer; protocols that the host does not know (IPv6's authentication header is
 * one): ICMP protocol unreachable, or ICMPv6 parameter problem, which an IPv6 first fragment without
 * its transport header gets too, and what has a routing header with a way to go, or options that ask for it. A wrong checksum, a TCP header of an impossible length, a reset, any
 * other fragment or an ICMP error is never answered. Nothing is rate-limited.
 */
#include "prog/host.h"

#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/wire.h"
#include "track/parse.h"

enum {
	HOPS = 64,
	TCP_HEADER = 20,
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MD5 = 19,
	ICMP_HEADER = 8,
	ECHO_REQUEST = 8,
	ECHO_ANSWER = 0,
	TIME_REQUEST = 13,
	TIME_ANSWER = 14,
	TIME_LENGTH = 20,
	ECHO6_REQUEST = 128,
	ECHO6_ANSWER = 129,
	IGMP = 2,
	PIM = 103,
	AUTHENTICATION = 51,
	HOP_BY_HOP = 0,
	ROUTING = 43,
	NO_NEXT = 59,
	DESTINATION = 60,
	RPL = 3, /* routing headers that an ordinary host throws away: RFC 6554 ... */
	SEGMENTS = 4, /* ... and 8754 */
	PARAMETER6 = 4,
	NEXT_HEADER = 6, /* where IPv6's header says it */
};

/* What an ICMP error says. */
struct error {
	uint8_t type, code;
	uint32_t pointer;
};

/* How much of the packet is the datagram; 0: its length contradicts the packet. IPv6: 0 means all. */
static uint32_t udp_length(const struct sl_view *v, uint32_t room)
{
	uint32_t length = sl_get16(v->data + v->l4 + 4);

	if (length == 0 && v->family == SL_IPV6)
		return room;
	return length < 8 || length > room ? 0 : length;
}

/* Is the transport checksum right? UDP without one counts as right. */
static bool sound(const struct sl_view *v)
{
	uint32_t len = v->len - v->l4, whole, acc = 0;

	if (v->proto == SL_PROTO_UDP && len >= 8 && sl_get16(v->data + v->l4 + 6) == 0)
		return v->family == SL_IPV4;
	whole = len;
	if (v->proto == SL_PROTO_UDP && !(len = udp_length(v, len)))
		return false;
	whole = len;
	if (v->proto == SL_PROTO_UDPLITE && sl_get16(v->data + v->l4 + 4)) /* what it covers */
		len = sl_get16(v->data + v->l4 + 4);
	if (len > whole)
		return false;
	if (v->proto != SL_PROTO_ICMP)
		acc = v->family == SL_IPV4
		              ? sl__sum_ipv4(v->data + 12, v->data + 16, v->proto, whole)
		              : sl__sum_ipv6(v->src.b, v->dst.b, v->proto, whole);
	return sl__sum_fold(sl__sum(v->data + v->l4, len, acc)) == 0xffff;
}

static uint32_t header_len(const struct sl_view *v)
{
	return v->family == SL_IPV4 ? 20 : 40;
}

/* The IP header of an answer with that many bytes behind it; where they go. */
static uint8_t *put_header(const struct sl_view *to, uint8_t proto, uint32_t len, uint8_t *out)
{
	uint32_t header = header_len(to);

	memset(out, 0, header);
	if (to->family == SL_IPV4) {
		out[0] = 0x45;
		sl_put16(out + 2, (uint16_t)(header + len));
		out[8] = HOPS;
		out[9] = proto;
		memcpy(out + 12, to->dst.b + 12, 4);
		memcpy(out + 16, to->src.b + 12, 4);
		sl_put16(out + 10, sl__csum(sl__sum(out, header, 0)));
	} else {
		out[0] = 0x60;
		sl_put16(out + 4, (uint16_t)len);
		out[6] = proto;
		out[7] = HOPS;
		memcpy(out + 8, to->dst.b, 16);
		memcpy(out + 24, to->src.b, 16);
	}
	return out + header;
}

/* The transport checksum, and the whole length. */
static uint32_t finish(const struct sl_view *to, uint32_t len, uint8_t *out)
{
	struct sl_view answer;

	if (!sl__view_init(&answer, out, header_len(to) + len))
		return 0;
	sl__view_fix_transport(&answer);
	return answer.len;
}

/* How long the header says it is; 0: that cannot be. Linux throws such a segment away in silence. */
static uint32_t tcp_header(const struct sl_view *v)
{
	uint32_t header;

	if (v->len - v->l4 < TCP_HEADER)
		return 0;
	header = (uint32_t)(v->data[v->l4 + 12] >> 4) * 4;
	return header < TCP_HEADER || header > v->len - v->l4 ? 0 : header;
}

/* An MD5 signature (RFC 2385) that nobody asked for: Linux drops that in silence. */
static bool is_signed(const struct sl_view *v)
{
	struct sl_bytes b = sl_bytes_of(v->data + v->l4 + TCP_HEADER, tcp_header(v) - TCP_HEADER);

	while (sl_bytes_left(&b)) {
		uint8_t kind = sl_bytes_u8(&b), size;

		if (kind == OPTION_END)
			break;
		if (kind == OPTION_NOP)
			continue;
		size = sl_bytes_u8(&b);
		if (kind == OPTION_MD5 && size == 18 && sl_bytes_left(&b) >= 16)
			return true;
		if (!sl_bytes_ok(&b) || size < 2)
			break;
		sl_bytes_skip(&b, size - 2u);
	}
	return false;
}

static uint32_t reset(const struct sl_view *v, uint8_t *out)
{
	uint8_t *h;
	uint32_t taken = sl__view_body(v) + ((v->flags & SL_VIEW_SYN) != 0) +
	                 ((v->flags & SL_VIEW_FIN) != 0);

	if (!v->tcp || v->flags & SL_VIEW_RST || !tcp_header(v) || is_signed(v))
		return 0;
	h = put_header(v, SL_PROTO_TCP, TCP_HEADER, out);
	memset(h, 0, TCP_HEADER);
	sl_put16(h, v->dport);
	sl_put16(h + 2, v->sport);
	if (v->flags & SL_VIEW_ACK)
		sl_put32(h + 4, v->ack);
	else
		sl_put32(h + 8, v->seq + taken);
	h[12] = TCP_HEADER / 4 << 4;
	h[13] = v->flags & SL_VIEW_ACK ? SL_VIEW_RST : SL_VIEW_RST | SL_VIEW_ACK;
	return finish(v, TCP_HEADER, out);
}

static uint32_t report(const struct sl_view *v, const struct error *error, uint8_t *out)
{
	uint32_t room = (v->family == SL_IPV4 ? 576u : 1280u) - header_len(v) - ICMP_HEADER;
	uint32_t quote = v->len < room ? v->len : room;
	uint8_t *h = put_header(v, v->family == SL_IPV4 ? SL_PROTO_ICMP : SL_PROTO_ICMPV6,
	        ICMP_HEADER + quote, out);

	memset(h, 0, ICMP_HEADER);
	h[0] = error->type;
	h[1] = error->code;
	sl_put32(h + 4, error->pointer);
	memcpy(h + ICMP_HEADER, v->data, quote);
	return finish(v, ICMP_HEADER + quote, out);
}

static uint32_t no_port(const struct sl_view *v, uint8_t *out)
{
	static const struct error v4 = {3, 3, 0}, v6 = {1, 4, 0};

	return report(v, v->family == SL_IPV4 ? &v4 : &v6, out);
}

/* IPv6: which byte named the protocol, or the authentication header, which is unknown as well? */
static uint32_t named_at(const struct sl_view *v)
{
	uint32_t at = NEXT_HEADER, next = header_len(v);

	while (next < v->l4 && next + 2 <= v->len && v->data[at] != AUTHENTICATION) {
		at = next;
		next += ((uint32_t)v->data[next + 1] + 1) * 8;
	}
	return at;
}

static bool is_authenticated(const struct sl_view *v)
{
	return v->family == SL_IPV6 && v->l4 > header_len(v) &&
	       v->data[named_at(v)] == AUTHENTICATION;
}

/* RFC 8200 4.5: an IPv6 first fragment must have the header of its transport whole. */
static bool is_header_cut(const struct sl_view *v)
{
	uint32_t most = 1;

	if (v->proto == SL_PROTO_TCP)
		most = TCP_HEADER;
	else if (v->proto == SL_PROTO_UDP || v->proto == SL_PROTO_ICMPV6)
		most = 8;
	return v->family == SL_IPV6 && v->fragment && v->first_fragment && v->l4 + most > v->len;
}

static uint32_t no_protocol(const struct sl_view *v, uint8_t *out)
{
	static const struct error v4 = {3, 2, 0};
	const struct error v6 = {PARAMETER6, 1, v->family == SL_IPV6 ? named_at(v) : 0};

	if (v->proto == PIM || (v->proto == IGMP && v->family == SL_IPV4))
		return 0;
	return report(v, v->family == SL_IPV4 ? &v4 : &v6, out);
}

/* ---- IPv6 headers before the transport's ------------------------------------------------------ */

enum heard { READ_ON, SILENT, OBJECT };

/* Destination options, a routing header that leads no further: what the host does about the one at v->data[at]. */
static enum heard hear_header(const struct sl_view *v, uint8_t kind, uint32_t at, struct error *error)
{
	const uint8_t *h = v->data + at;
	struct sl_v6_problem problem = {0};

	*error = (struct error){.type = PARAMETER6, .code = SL_V6_BAD_FIELD, .pointer = at + 3};
	if (kind == ROUTING)
		return h[2] == SEGMENTS || h[2] == RPL ? SILENT : h[3] == 0 ? READ_ON : OBJECT;
	if (sl__ipv6_option_list(v->data, at + 2, at + (h[1] + 1u) * 8, false, &problem))
		return READ_ON;
	error->code = problem.code;
	error->pointer = problem.at;
	return problem.told ? OBJECT : SILENT;
}

/* In the order in which they stand, up to the first that the host has something against, or does not know. */
static enum heard hear_headers(const struct sl_view *v, struct error *error)
{
	uint32_t at = header_len(v);
	enum heard heard = READ_ON;
	uint8_t kind = v->data[NEXT_HEADER];

	if (kind == HOP_BY_HOP && at + 8 <= v->len) { /* the gateway has read it */
		kind = v->data[at];
		at += (v->data[at + 1] + 1u) * 8;
	}
	while (heard == READ_ON && (kind == ROUTING || kind == DESTINATION)) {
		if (at + 8 > v->len || (v->data[at + 1] + 1u) * 8 > v->len - at)
			return SILENT;
		heard = hear_header(v, kind, at, error);
		kind = v->data[at];
		at += (v->data[at + 1] + 1u) * 8;
	}
	return heard == READ_ON && kind == NO_NEXT ? SILENT : heard;
}

/* ---- what it says ------------------------------------------------------------------------------ */

/* Receive and transmit time: ms since midnight, UTC (RFC 792). */
static void put_times(uint8_t *h, uint64_t now)
{
	uint32_t ms = (uint32_t)(now / 1000000u % 86400000u);

	sl_put32(h + 12, ms);
	sl_put32(h + 16, ms);
}

static uint32_t answer_icmp(const struct sl_view *v, uint64_t now, uint8_t *out)
{
	uint8_t type = v->data[v->l4];
	uint32_t len = v->len - v->l4;
	bool ask_time = v->proto == SL_PROTO_ICMP && type == TIME_REQUEST && len >= TIME_LENGTH;
	bool echo = type == (v->proto == SL_PROTO_ICMP ? ECHO_REQUEST : ECHO6_REQUEST);
	uint8_t *h;

	if (ask_time)
		len = TIME_LENGTH;
	if (!(echo || ask_time) || header_len(v) + len > SL_HOST_ANSWER)
		return 0;
	h = put_header(v, v->proto, len, out);
	memcpy(h, v->data + v->l4, len);
	if (ask_time) {
		h[0] = TIME_ANSWER;
		h[1] = 0; /* whatever was asked; an echo's is kept */
		put_times(h, now);
	} else {
		h[0] = v->proto == SL_PROTO_ICMP ? ECHO_ANSWER : ECHO6_ANSWER;
	}
	return finish(v, len, out);
}

uint32_t sl__host_answer(struct sl_view *v, uint64_t now, uint8_t *out)
{
	bool icmp = v->proto == (v->family == SL_IPV4 ? SL_PROTO_ICMP : SL_PROTO_ICMPV6);

	static const struct sl_addr nobody;
	static const struct error header_cut = {PARAMETER6, 3, 0};
	struct error objection;

	if (is_header_cut(v))
		return report(v, &header_cut, out);
	if (v->fragment || (v->family == SL_IPV6 && sl_addr_eq(&v->src, &nobody)))
		return 0;
	if (v->family == SL_IPV6) {
		enum heard heard = hear_headers(v, &objection);

		if (heard != READ_ON)
			return heard == OBJECT ? report(v, &objection, out) : 0;
	}
	if (is_authenticated(v)) /* however long it says it is */
		return no_protocol(v, out);
	if (v->l4 > v->len)
		return 0;
	if (!icmp && v->proto != SL_PROTO_TCP && v->proto != SL_PROTO_UDP &&
	        v->proto != SL_PROTO_UDPLITE)
		return no_protocol(v, out);
	if (v->l4 + 8 > v->len || !sound(v))
		return 0;
	if (icmp)
		return answer_icmp(v, now, out);
	return v->proto == SL_PROTO_TCP ? reset(v, out) : no_port(v, out);
}
