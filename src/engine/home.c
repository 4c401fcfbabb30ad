/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which shard a packet belongs to: from inside by its source address, so that all of a host's
 * connections, and those that follow from them, meet in one engine; from outside by the slice
 * of public ports that its destination lies in.
 */
#include "base/wire.h"
#include "engine/engine.h"

static uint32_t mix(const struct sl_addr *addr)
{
	uint64_t h = sl_get64(addr->b) * 0x9e3779b97f4a7c15u + sl_get64(addr->b + 8);

	h *= 0xff51afd7ed558ccdu;
	return (uint32_t)(h >> 32);
}

uint16_t sl_home(const struct sl_packet *packet, uint16_t shards, bool from_inside)
{
	struct sl_parsed parsed;

	if (shards <= 1)
		return 0;
	(void)sl__parse(packet, &parsed);
	if (from_inside || !parsed.tuple.family)
		return (uint16_t)(mix(&parsed.tuple.src) % shards);
	return sl__port_owner(parsed.icmp ? parsed.tuple.sport : parsed.tuple.dport, shards);
}
