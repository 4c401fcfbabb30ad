/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv6 hop-by-hop options that a router must not pass: malformed ones, and those that say they must be
 * understood (RFC 8200 4.2, 2675). The kernel drops them before its prerouting hook. IPv4's are looked at
 * behind routing (engine/options.c).
 */
#include "base/bytes.h"
#include "track/parse.h"

enum { V6_PAD1 = 0, V6_PADN = 1, V6_ROUTER_ALERT = 5, V6_CALIPSO = 7, V6_IOAM = 49, V6_JUMBO = 194 };

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
