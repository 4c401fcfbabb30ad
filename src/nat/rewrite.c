/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing headers: one end of a packet, and for ICMP errors the opposite end of the packet
 * they quote. Checksums are updated by what changed (RFC 1624), so that a checksum that was
 * wrong stays wrong; an ICMP error's own is made anew, as much of it may have changed.
 */
#include "nat/nat.h"

#include <string.h>

#include "base/checksum.h"
#include "base/inline.h"
#include "base/wire.h"

enum { GRE_KEY = 6 };

/* Where the transport checksum lies, and whether addresses are part of it. */
struct checksum_place {
	uint32_t offset; /* from the transport header */
	bool present, pseudo;
};

static struct checksum_place checksum_place(const uint8_t *l4, uint32_t room, uint8_t proto, bool v4)
{
	struct checksum_place none = {0, false, false};

	switch (proto) {
	case SL_PROTO_TCP:
		return room >= 18 ? (struct checksum_place){16, true, true} : none;
	case SL_PROTO_UDP:
		if (room < 8 || (v4 && sl_get16(l4 + 6) == 0))
			return none; /* RFC 768: 0 is none */
		return (struct checksum_place){6, true, true};
	case SL_PROTO_UDPLITE:
	case SL_PROTO_DCCP:
		return room >= 8 ? (struct checksum_place){6, true, true} : none;
	case SL_PROTO_ICMP:
		return room >= 8 ? (struct checksum_place){2, true, false} : none;
	case SL_PROTO_ICMPV6:
		return room >= 8 ? (struct checksum_place){2, true, true} : none;
	default:
		return none;
	}
}

/* Put `size` bytes (even) and keep the checksum true. A partial one holds the pseudo-header only. */
static void put_summed(uint8_t *at, const uint8_t *bytes, uint32_t size, uint8_t *csum, bool partial,
	bool pseudo)
{
	uint16_t sum;

	if (csum && (!partial || pseudo)) {
		sum = sl_get16(csum);
		if (partial)
			sum = (uint16_t)~sum;
		sum = sl__csum_update_range(sum, at, bytes, size, false);
		if (partial)
			sum = (uint16_t)~sum;
		sl_put16(csum, sum);
	}
	memcpy(at, bytes, size);
}

static uint32_t port_offset(uint8_t proto, enum sl_manip manip)
{
	if (proto == SL_PROTO_ICMP || proto == SL_PROTO_ICMPV6)
		return 4; /* the id */
	return manip == SL_MANIP_SRC ? 0 : 2;
}

static bool has_port(uint8_t proto)
{
	return proto == SL_PROTO_TCP || proto == SL_PROTO_UDP || proto == SL_PROTO_UDPLITE ||
	       proto == SL_PROTO_SCTP || proto == SL_PROTO_ICMP || proto == SL_PROTO_ICMPV6;
}

static void fix_sctp(uint8_t *l4, uint32_t room)
{
	uint32_t crc;

	if (room < 12)
		return;
	memset(l4 + 8, 0, 4);
	crc = sl__crc32c(l4, room, 0);
	for (unsigned i = 0; i < 4; i++)
		l4[8 + i] = (uint8_t)(crc >> (8 * i)); /* RFC 9260 appendix A: low byte first */
}

bool sl__nat_rewrite(struct sl_packet *p, const struct sl_parsed *parsed, uint32_t at,
	const struct sl_tuple *target, enum sl_manip manip)
{
	uint8_t *ip = p->data + at, *l4 = p->data + at + parsed->l4, proto = parsed->tuple.proto;
	uint32_t room = parsed->len - parsed->l4, size = parsed->tuple.family == SL_IPV4 ? 4 : 16;
	const struct sl_addr *addr = manip == SL_MANIP_SRC ? &target->src : &target->dst;
	bool v4 = size == 4, partial = p->csum == SL_CSUM_PARTIAL && at == 0;
	struct checksum_place place = checksum_place(l4, room, proto, v4);
	uint8_t *csum = place.present ? l4 + place.offset : NULL, *to, port[2];

	to = ip + (v4 ? 12 : 8) + (manip == SL_MANIP_SRC ? 0 : size);
	if (v4)
		sl_put16(ip + 10, sl__csum_update_range(sl_get16(ip + 10), to, addr->b + 12, 4, false));
	put_summed(to, addr->b + 16 - size, size, place.pseudo ? csum : NULL, partial, true);
	if (has_port(proto)) {
		uint32_t offset = port_offset(proto, manip);

		if (room < 8) /* less than every one of these headers has: not to be trusted */
			return false;
		sl_put16(port, offset == 2 ? target->dport : target->sport);
		put_summed(l4 + offset, port, 2, csum, partial, false);
	}
	/* As Linux: where a key would be must be there, and there is none in unknown versions. */
	if (proto == SL_PROTO_GRE && (room < 8 || (manip == SL_MANIP_DST && (l4[1] & 7) > 1)))
		return false;
	if (proto == SL_PROTO_GRE && manip == SL_MANIP_DST && (l4[1] & 7) == 1)
		sl_put16(l4 + GRE_KEY, target->dport); /* PPTP's call id; version 1 has no checksum */
	if (proto == SL_PROTO_UDP && csum && !partial && sl_get16(csum) == 0)
		sl_put16(csum, 0xffff);
	if (proto == SL_PROTO_SCTP)
		fix_sctp(l4, room);
	return true;
}

/* Does this hook's translation apply to packets of this direction? */
static bool applies(const struct sl_conn *conn, enum sl_dir dir, enum sl_manip manip)
{
	unsigned bit = manip == SL_MANIP_SRC ? SL_SRC_NAT : SL_DST_NAT;

	if (dir == SL_REPLY)
		bit ^= SL_SRC_NAT | SL_DST_NAT;
	return conn->status & bit;
}

/*
 * One end of a TCP or UDP packet, straight from the conn: what nearly every translated packet needs.
 * The long form for all others is below. False: it is one of those.
 */
SL_INLINE bool rewrite_usual(const struct sl_conn *conn, enum sl_dir dir, struct sl_packet *p,
	const struct sl_parsed *parsed, enum sl_manip manip, bool v6)
{
	const unsigned size = v6 ? 16 : 4, end = manip == SL_MANIP_SRC ? 0 : 1;
	const bool udp = parsed->tuple.proto == SL_PROTO_UDP;
	const uint8_t *addr = (v6 ? conn->addr6 : conn->addr4) + 2 * size * !dir + size * !end;
	uint16_t port = end ? conn->port[!dir].sport : conn->port[!dir].dport, was, sum;
	uint8_t *at = p->data + (v6 ? 8 : 12) + end * size, *l4 = p->data + parsed->l4;
	uint64_t change;

	if ((!udp && parsed->tuple.proto != SL_PROTO_TCP) || p->csum == SL_CSUM_PARTIAL ||
		parsed->len - parsed->l4 < (udp ? 8 : 20))
		return false;
	change = sl__sum_native_gone(at, size / 4, sl__sum_native(addr, size / 4, 0));
	memcpy(at, addr, size);
	if (!v6)
		sl__csum_native_add(p->data + 10, change);
	memcpy(&was, l4 + 2 * end, 2);
	sl_put16(l4 + 2 * end, port);
	memcpy(&port, l4 + 2 * end, 2);
	change = sl__sum_carry(change, (uint64_t)(uint16_t)~was + port);
	l4 += udp ? 6 : 16;
	memcpy(&sum, l4, 2);
	if (udp && !v6 && !sum)
		return true; /* RFC 768: 0 is none */
	sum = (uint16_t)~sl__sum_native_fold(sl__sum_carry(change, (uint16_t)~sum));
	if (udp && !sum)
		sum = 0xffff;
	memcpy(l4, &sum, 2);
	return true;
}

static bool rewrite_any(const struct sl_conn *conn, enum sl_dir dir, struct sl_packet *p,
	const struct sl_parsed *parsed, enum sl_manip manip)
{
	struct sl_tuple other, target;

	sl__conn_tuple(conn, !dir, &other);
	return sl__tuple_invert(&other, &target) && sl__nat_rewrite(p, parsed, 0, &target, manip);
}

SL_INLINE enum sl_reason translate(struct sl_conn *conn, enum sl_dir dir, struct sl_packet *p,
	struct sl_parsed *parsed, enum sl_manip manip)
{
	const uint8_t *other;
	struct sl_addr *end;
	bool done;

	if (!applies(conn, dir, manip))
		return SL_WHY_NONE;
	done = sl__conn_is_v6(conn) ? rewrite_usual(conn, dir, p, parsed, manip, true)
				    : rewrite_usual(conn, dir, p, parsed, manip, false);
	if (!done && !rewrite_any(conn, dir, p, parsed, manip))
		return SL_WHY_NAT_SHORT;
	other = sl__conn_addr(conn, !dir, manip == SL_MANIP_SRC);
	end = manip == SL_MANIP_SRC ? &parsed->tuple.src : &parsed->tuple.dst;
	*end = sl__conn_is_v6(conn) ? sl_addr_v6(other) : sl_addr_v4(other);
	if (parsed->icmp) /* the id */
		parsed->tuple.sport = conn->port[!dir].sport;
	else if (manip == SL_MANIP_SRC)
		parsed->tuple.sport = conn->port[!dir].dport;
	else
		parsed->tuple.dport = conn->port[!dir].sport;
	p->altered = 1;
	return SL_WHY_NONE;
}

enum sl_reason sl__nat_packet(struct sl_conn *conn, enum sl_dir dir, struct sl_packet *p,
	struct sl_parsed *parsed, enum sl_manip manip)
{
	return translate(conn, dir, p, parsed, manip);
}

enum sl_reason sl__nat_first_source(
	struct sl_conn *conn, struct sl_packet *p, struct sl_parsed *parsed)
{
	return translate(conn, SL_ORIGINAL, p, parsed, SL_MANIP_SRC);
}

static void fix_icmp_sum(struct sl_packet *p, const struct sl_parsed *parsed)
{
	uint8_t *l4 = p->data + parsed->l4;
	uint32_t length = parsed->len - parsed->l4, sum = 0;

	if (parsed->tuple.family == SL_IPV6)
		sum = sl__sum_ipv6(p->data + 8, p->data + 24, SL_PROTO_ICMPV6, length);
	sl_put16(l4 + 2, 0);
	sl_put16(l4 + 2, sl__csum(sl__sum(l4, length, sum)));
}

enum sl_reason sl__nat_icmp_error(struct sl_conn *conn, enum sl_dir dir, struct sl_packet *p,
	struct sl_parsed *parsed, enum sl_manip manip)
{
	struct sl_tuple quoted_target, target;
	struct sl_parsed quoted;
	bool redirect = parsed->tuple.family == SL_IPV4 ? parsed->tuple.dport >> 8 == 5
							: parsed->tuple.dport >> 8 == 137;

	if (redirect && conn->status & (SL_SRC_NAT | SL_DST_NAT))
		return SL_WHY_NAT_REDIRECT;
	if (!applies(conn, dir, manip))
		return SL_WHY_NONE;
	if (sl__parse_quoted(p->data + parsed->quote, parsed->len - parsed->quote,
		    (enum sl_family)parsed->tuple.family, &quoted))
		return SL_WHY_NAT_SHORT;
	/* The quoted packet goes the other way: its sender is whom this error is for. */
	sl__conn_tuple(conn, !dir, &quoted_target);
	if (!sl__nat_rewrite(p, &quoted, parsed->quote, &quoted_target,
		    manip == SL_MANIP_SRC ? SL_MANIP_DST : SL_MANIP_SRC))
		return SL_WHY_NAT_SHORT;
	target = parsed->tuple; /* type, code and the error's own id field stay */
	if (manip == SL_MANIP_SRC)
		target.src = quoted_target.dst;
	else
		target.dst = quoted_target.src;
	if (!sl__nat_rewrite(p, parsed, 0, &target, manip))
		return SL_WHY_NAT_SHORT;
	parsed->tuple = target;
	fix_icmp_sum(p, parsed);
	p->altered = 1;
	return SL_WHY_NONE;
}
