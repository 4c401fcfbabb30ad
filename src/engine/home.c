/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which shard a flow belongs to. The same answer must come out for the packets of both
 * directions, from what each of them shows:
 *
 *   to or from an address of the gateway's own    the owner of that end's port (or ICMP id, or
 *						   call id): public ports are given out by slices
 *   between inside and outside			   by the inside address, so that all of a host's
 *						   connections, and those that follow from them,
 *						   meet in one engine
 *   two addresses on one side			   by the lower of both
 *   a protocol without ports			   by the far end's address
 *   PPTP and GRE				   by the far end's address too: a packet of a call shows
 *						   one of its two keys only, and so does what an ICMP error
 *						   quotes. Calls then meet their control connection
 *   a fragment					   by both addresses, until its ports are known
 *
 * Inside hosts that meet at an address of the gateway's own (hairpin) have no far end in common:
 * there ports and call ids count.
 */
#include "engine/shard.h"

#include <string.h>

#include "base/wire.h"
#include "track/gre.h"

static uint32_t mix(const struct sl_addr *addr)
{
	uint64_t h = sl_get64(addr->b) * 0x9e3779b97f4a7c15u + sl_get64(addr->b + 8);

	h *= 0xff51afd7ed558ccdu;
	return (uint32_t)(h >> 32);
}

static bool is_icmp(const struct sl_tuple *t)
{
	return t->proto == SL_PROTO_ICMP || t->proto == SL_PROTO_ICMPV6;
}

/* Is there a number in it that a slice can own? */
static bool has_key(const struct sl_tuple *t)
{
	switch (t->proto) {
	case SL_PROTO_TCP:
	case SL_PROTO_UDP:
	case SL_PROTO_UDPLITE:
	case SL_PROTO_SCTP:
	case SL_PROTO_ICMP:
	case SL_PROTO_ICMPV6:
		return true;
	case SL_PROTO_GRE:
		return t->dport != 0;
	default:
		return false;
	}
}

static const struct sl_addr *lower(const struct sl_tuple *t)
{
	return memcmp(t->src.b, t->dst.b, sizeof(t->src.b)) < 0 ? &t->src : &t->dst;
}

static uint16_t by_address(const struct sl_addr *addr, uint16_t shards)
{
	return (uint16_t)(mix(addr) % shards);
}

static const struct sl_addr *inside_end(const struct sl_tuple *t, const struct sl_sides *sides)
{
	if (sides->from_inside != sides->to_inside)
		return sides->from_inside ? &t->src : &t->dst;
	return lower(t);
}

static const struct sl_addr *far_end(const struct sl_tuple *t, const struct sl_sides *sides)
{
	if (sides->from_us || sides->to_us)
		return sides->from_us ? &t->dst : &t->src;
	if (sides->from_inside != sides->to_inside)
		return sides->from_inside ? &t->dst : &t->src;
	return lower(t);
}

/* One of the inside meets the gateway itself: the hairpin's halves. */
static bool meets_inside(const struct sl_sides *sides)
{
	return (sides->from_us && sides->to_inside) || (sides->to_us && sides->from_inside);
}

uint16_t sl__home_of(const struct sl_tuple *t, const struct sl_sides *sides, uint16_t shards)
{
	if (shards <= 1)
		return 0;
	if (!has_key(t) || (sl__has_far_home(t) && !meets_inside(sides)))
		return by_address(far_end(t, sides), shards);
	if (sides->from_us)
		return sl__port_owner(t->sport, shards);
	if (sides->to_us)
		return sl__port_owner(is_icmp(t) ? t->sport : t->dport, shards);
	return by_address(inside_end(t, sides), shards);
}

uint16_t sl__home_of_fragment(const struct sl_tuple *t, uint16_t shards)
{
	return (uint16_t)((mix(&t->src) * 31u + mix(&t->dst)) % shards);
}

bool sl__answers_to_quoted(
        const struct sl_packet *p, const struct sl_parsed *parsed, struct sl_tuple *back)
{
	struct sl_parsed quoted;

	return parsed->quote && parsed->quote <= parsed->len &&
	       !sl__parse_quoted(p->data + parsed->quote, parsed->len - parsed->quote,
	               (enum sl_family)parsed->tuple.family, &quoted) &&
	       quoted.frag != SL_FRAG_LATER && sl__tuple_invert(&quoted.tuple, back);
}

uint16_t sl_home(const struct sl_packet *packet, uint16_t shards, bool from_inside)
{
	struct sl_sides sides = {.from_inside = from_inside,
	        .to_us = !from_inside,
	        .from_us = packet->from == SL_FROM_LOCAL};
	struct sl_parsed parsed;
	struct sl_tuple tuple;

	if (shards <= 1)
		return 0;
	(void)sl__parse(packet, &parsed);
	if (!parsed.tuple.family)
		return 0;
	if (parsed.frag)
		return sl__home_of_fragment(&parsed.tuple, shards);
	tuple = parsed.tuple;
	if (parsed.icmp == SL_ICMP_ERROR)
		(void)sl__answers_to_quoted(packet, &parsed, &tuple);
	return sl__home_of(&tuple, &sides, shards);
}

uint16_t sl_home_of_address(const struct sl_addr *inside, uint16_t shards)
{
	return shards <= 1 ? 0 : by_address(inside, shards);
}
