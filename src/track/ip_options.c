/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IP options that a router must not pass: malformed ones, a strict source route that does not
 * name the next hop, IPv6 hop-by-hop options that say they must be understood (RFC 791, 8200 4.2,
 * 2675). The kernel drops them before (IPv6) or right behind (IPv4) its prerouting hook.
 */
#include "base/bytes.h"
#include "track/parse.h"

enum { V4_END = 0, V4_NOP = 1, V4_LOOSE_ROUTE = 131, V4_CIPSO = 134, V4_STRICT_ROUTE = 137,
	V4_ROUTER_ALERT = 148 };
enum { V6_PAD1 = 0, V6_PADN = 1, V6_ROUTER_ALERT = 5, V6_CALIPSO = 7, V6_IOAM = 49, V6_JUMBO = 194 };

/* Labels of a domain that is not ours, and options shorter than what they must hold. */
static bool v4_may_pass(uint8_t type, struct sl_bytes value)
{
	size_t size = sl_bytes_left(&value);

	switch (type) {
	case V4_STRICT_ROUTE:
	case V4_CIPSO:
		return false;
	case V4_LOOSE_ROUTE: /* its pointer begins behind itself */
		return size >= 1 && sl_bytes_u8(&value) >= 4;
	case V4_ROUTER_ALERT:
		return size >= 2;
	default:
		return true;
	}
}

uint32_t sl__ipv4_options(const struct sl_packet *p)
{
	struct sl_bytes b = sl_bytes_of(p->data + 20, (p->data[0] & 15u) * 4 - 20);

	while (sl_bytes_left(&b)) {
		uint32_t at = (uint32_t)(b.at - p->data);
		uint8_t type = sl_bytes_u8(&b), size;
		struct sl_bytes value;

		if (type == V4_END)
			return 0;
		if (type == V4_NOP)
			continue;
		size = sl_bytes_u8(&b);
		if (!sl_bytes_ok(&b) || size < 2)
			return at;
		sl_bytes_take(&b, size - 2u, &value);
		if (!sl_bytes_ok(&b) || !v4_may_pass(type, value))
			return at;
	}
	return 0;
}

enum sl_reason sl__ipv6_options(const struct sl_packet *p, const struct sl_parsed *parsed)
{
	struct sl_bytes b;
	uint32_t size;

	if (p->data[6] != 0)
		return SL_WHY_NONE; /* no hop-by-hop header */
	if (parsed->len < 48)
		return SL_WHY_BAD_IP_OPTIONS;
	size = (uint32_t)(p->data[41] + 1) * 8;
	if (size > parsed->len - 40)
		return SL_WHY_BAD_IP_OPTIONS;
	b = sl_bytes_of(p->data + 42, size - 2);
	while (sl_bytes_left(&b)) {
		uint8_t type = sl_bytes_u8(&b);

		if (type == V6_PAD1)
			continue;
		sl_bytes_skip(&b, sl_bytes_u8(&b));
		if (!sl_bytes_ok(&b) || type == V6_JUMBO)
			return SL_WHY_BAD_IP_OPTIONS;
		if (type != V6_PADN && type != V6_ROUTER_ALERT && type != V6_CALIPSO &&
			type != V6_IOAM && type >> 6)
			return SL_WHY_BAD_IP_OPTIONS;
	}
	return SL_WHY_NONE;
}
