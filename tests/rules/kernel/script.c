/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets that depend on what came out of earlier ones: answers, ICMP errors; and checksums. */
#include "script.h"

#include <string.h>

#include "base/checksum.h"
#include "base/wire.h"
#include "track/parse.h"

static bool is_v4(const uint8_t *data)
{
	return data[0] >> 4 == 4;
}

static uint32_t pseudo(const uint8_t *d, uint8_t proto, uint32_t len)
{
	return is_v4(d) ? sl__sum_ipv4(d + 12, d + 16, proto, len)
	                : sl__sum_ipv6(d + 8, d + 24, proto, len);
}

static void fill(
        uint8_t *d, uint8_t *l4, uint32_t len, uint8_t proto, unsigned at, bool with_pseudo)
{
	uint16_t sum;

	if (len < at + 2)
		return;
	sl_put16(l4 + at, 0);
	sum = sl__csum(sl__sum(l4, len, with_pseudo ? pseudo(d, proto, len) : 0));
	sl_put16(l4 + at, sum || proto != SL_PROTO_UDP ? sum : 0xffff);
}

static void fill_crc(uint8_t *l4, uint32_t len)
{
	uint32_t crc;

	if (len < 12)
		return;
	memset(l4 + 8, 0, 4);
	crc = sl__crc32c(l4, len, 0);
	for (unsigned i = 0; i < 4; i++)
		l4[8 + i] = (uint8_t)(crc >> 8 * i);
}

void script_checksums(uint8_t *data, uint32_t len)
{
	struct sl_packet p = {.data = data, .len = len};
	struct sl_parsed parsed;
	uint8_t *l4;
	uint32_t rest;

	if (is_v4(data)) {
		sl_put16(data + 10, 0);
		sl_put16(data + 10, sl__csum(sl__sum(data, (data[0] & 15) * 4u, 0)));
	}
	sl__parse(&p, &parsed);
	if (parsed.frag || parsed.l4 >= len || !parsed.l4)
		return;
	l4 = data + parsed.l4;
	rest = len - parsed.l4;
	switch (parsed.tuple.proto) {
	case SL_PROTO_TCP:
		fill(data, l4, rest, SL_PROTO_TCP, 16, true);
		break;
	case SL_PROTO_UDP:
	case SL_PROTO_UDPLITE:
	case SL_PROTO_DCCP:
		fill(data, l4, rest, parsed.tuple.proto, 6, true);
		break;
	case SL_PROTO_ICMP:
		fill(data, l4, rest, SL_PROTO_ICMP, 2, false);
		break;
	case SL_PROTO_ICMPV6:
		fill(data, l4, rest, SL_PROTO_ICMPV6, 2, true);
		break;
	case SL_PROTO_SCTP:
		fill_crc(l4, rest);
		break;
	}
}

static uint32_t head(
        const uint8_t *to, uint8_t proto, uint32_t len, const struct step_reply *how, uint8_t *out)
{
	uint32_t size = is_v4(to) ? 20 : 40;

	memset(out, 0, size + len);
	if (is_v4(to)) {
		out[0] = 0x45;
		out[1] = how->tos;
		sl_put16(out + 2, (uint16_t)(size + len));
		sl_put16(out + 4, 0x4242);
		out[8] = how->ttl;
		out[9] = proto;
		memcpy(out + 12, to + 16, 4);
		memcpy(out + 16, to + 12, 4);
	} else {
		out[0] = (uint8_t)(0x60 | how->tos >> 4);
		out[1] = (uint8_t)(how->tos << 4);
		sl_put16(out + 4, (uint16_t)len);
		out[6] = proto;
		out[7] = how->ttl;
		memcpy(out + 8, to + 24, 16);
		memcpy(out + 24, to + 8, 16);
	}
	return size;
}

static void tcp(const struct step_reply *how, const uint8_t *to, uint8_t *out)
{
	sl_put16(out, sl_get16(to + 2));
	sl_put16(out + 2, sl_get16(to));
	sl_put32(out + 4, how->seq);
	sl_put32(out + 8, how->ack);
	out[12] = 0x50;
	out[13] = how->tcp_flags;
	sl_put16(out + 14, how->window);
}

static uint8_t icmp_answer(uint8_t type)
{
	return type == 8     ? 0
	       : type == 13  ? 14
	       : type == 15  ? 16
	       : type == 17  ? 18
	       : type == 128 ? 129
	                     : type;
}

uint32_t script_reply(
        const struct step_reply *how, const uint8_t *to, uint32_t to_len, uint8_t *out)
{
	uint32_t size = is_v4(to) ? 20 : 40, body;
	uint8_t proto = is_v4(to) ? to[9] : to[6];

	if (to_len < size + 8 || how->payload > PACKET_MAX - 100)
		return 0;
	body = proto == SL_PROTO_TCP   ? 20u + how->payload
	       : proto == SL_PROTO_UDP ? 8u + how->payload
	                               : to_len - size;
	head(to, proto, body, how, out);
	to += size;
	if (proto == SL_PROTO_TCP) {
		tcp(how, to, out + size);
	} else if (proto == SL_PROTO_UDP) {
		sl_put16(out + size, sl_get16(to + 2));
		sl_put16(out + size + 2, sl_get16(to));
		sl_put16(out + size + 4, (uint16_t)body);
	} else {
		memcpy(out + size, to, body);
		if (proto == SL_PROTO_ICMP || proto == SL_PROTO_ICMPV6) {
			out[size] = icmp_answer(to[0]);
		} else {
			memcpy(out + size, to + 2, 2);
			memcpy(out + size + 2, to, 2);
		}
	}
	script_checksums(out, size + body);
	return size + body;
}

uint32_t script_error(
        uint8_t type, uint8_t code, const uint8_t *about, uint32_t about_len, uint8_t *out)
{
	static const struct step_reply how = {.ttl = 60};
	bool v4 = is_v4(about);
	uint32_t quote = about_len < 576 ? about_len : 576, size;

	size = head(about, v4 ? SL_PROTO_ICMP : SL_PROTO_ICMPV6, 8 + quote, &how, out);
	out[size] = type;
	out[size + 1] = code;
	memcpy(out + size + 8, about, quote);
	script_checksums(out, size + 8 + quote);
	return size + 8 + quote;
}
