/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that a rule can read of a packet, as one table: header fields by place and width,
 * meta data and conntrack data by key. Raw bits and options are parse_header.c's. Header formats: RFC 791, 8200, 9293, 768, 9260, 4340,
 * 3828, 792, 4443, 3376, 4302, 4303, 3173, 6275, 8754.
 */
#include "rules/rules.h"

#include <string.h>

/* clang-format off */
#define NET(group, name, type, at, bits, family) \
	{group, name, &sl__ty_##type, at, bits, IN_NET, 0, family, 0}
#define TRANSPORT(group, name, type, at, bits, proto) \
	{group, name, &sl__ty_##type, at, bits, IN_TRANSPORT, 0, 0, proto}
/* Fields that only some types of message have. */
#define MESSAGE(group, name, at, bits, proto, need) \
	{group, name, &sl__ty_integer, at, bits, IN_TRANSPORT, need, 0, proto}
#define PORTS(group, proto) \
	TRANSPORT(group, "sport", service, 0, 16, proto), \
	TRANSPORT(group, "dport", service, 16, 16, proto)
/* Of an IPv6 extension header, which may stand anywhere before the transport header. */
#define EXT(group, name, type, at, bits, kind) \
	{group, name, &sl__ty_##type, at, bits, IN_EXT6, kind, 6, 0}
#define META(name, type, key, bits) {"meta", name, &sl__ty_##type, 0, bits, IN_META, key, 0, 0}
#define CT(name, type, key, bits, family) \
	{"ct", name, &sl__ty_##type, 0, bits, IN_CT, key, family, 0}

static const struct sl__field fields[] = {
	NET("ip", "version", integer, 0, 4, 4),
	NET("ip", "hdrlength", integer, 4, 4, 4),
	NET("ip", "dscp", dscp, 8, 6, 4),
	NET("ip", "ecn", ecn, 14, 2, 4),
	NET("ip", "length", integer, 16, 16, 4),
	NET("ip", "id", integer, 32, 16, 4),
	NET("ip", "frag-off", integer, 48, 16, 4),
	NET("ip", "ttl", integer, 64, 8, 4),
	NET("ip", "protocol", proto, 72, 8, 4),
	NET("ip", "checksum", integer, 80, 16, 4),
	NET("ip", "saddr", ipv4, 96, 32, 4),
	NET("ip", "daddr", ipv4, 128, 32, 4),
	NET("ip6", "version", integer, 0, 4, 6),
	NET("ip6", "dscp", dscp, 4, 6, 6),
	NET("ip6", "ecn", ecn, 10, 2, 6),
	NET("ip6", "flowlabel", integer, 12, 20, 6),
	NET("ip6", "length", integer, 32, 16, 6),
	NET("ip6", "nexthdr", proto, 48, 8, 6),
	NET("ip6", "hoplimit", integer, 56, 8, 6),
	NET("ip6", "saddr", ipv6, 64, 128, 6),
	NET("ip6", "daddr", ipv6, 192, 128, 6),
	PORTS("th", 255),
	PORTS("tcp", SL_PROTO_TCP),
	TRANSPORT("tcp", "sequence", integer, 32, 32, SL_PROTO_TCP),
	TRANSPORT("tcp", "ackseq", integer, 64, 32, SL_PROTO_TCP),
	TRANSPORT("tcp", "doff", integer, 96, 4, SL_PROTO_TCP),
	TRANSPORT("tcp", "reserved", integer, 100, 4, SL_PROTO_TCP),
	TRANSPORT("tcp", "flags", tcp_flag, 104, 8, SL_PROTO_TCP),
	TRANSPORT("tcp", "window", integer, 112, 16, SL_PROTO_TCP),
	TRANSPORT("tcp", "checksum", integer, 128, 16, SL_PROTO_TCP),
	TRANSPORT("tcp", "urgptr", integer, 144, 16, SL_PROTO_TCP),
	PORTS("udp", SL_PROTO_UDP),
	TRANSPORT("udp", "length", integer, 32, 16, SL_PROTO_UDP),
	TRANSPORT("udp", "checksum", integer, 48, 16, SL_PROTO_UDP),
	PORTS("udplite", SL_PROTO_UDPLITE),
	TRANSPORT("udplite", "csumcov", integer, 32, 16, SL_PROTO_UDPLITE),
	TRANSPORT("udplite", "checksum", integer, 48, 16, SL_PROTO_UDPLITE),
	PORTS("sctp", SL_PROTO_SCTP),
	TRANSPORT("sctp", "vtag", integer, 32, 32, SL_PROTO_SCTP),
	TRANSPORT("sctp", "checksum", integer, 64, 32, SL_PROTO_SCTP),
	PORTS("dccp", SL_PROTO_DCCP),
	TRANSPORT("dccp", "type", dccp_type, 67, 4, SL_PROTO_DCCP),
	TRANSPORT("icmp", "type", icmp_type, 0, 8, SL_PROTO_ICMP),
	TRANSPORT("icmp", "code", icmp_code, 8, 8, SL_PROTO_ICMP),
	TRANSPORT("icmp", "checksum", integer, 16, 16, SL_PROTO_ICMP),
	MESSAGE("icmp", "id", 32, 16, SL_PROTO_ICMP, NEED_ECHO),
	MESSAGE("icmp", "sequence", 48, 16, SL_PROTO_ICMP, NEED_ECHO),
	MESSAGE("icmp", "gateway", 32, 32, SL_PROTO_ICMP, NEED_GATEWAY),
	MESSAGE("icmp", "mtu", 48, 16, SL_PROTO_ICMP, NEED_MTU),
	TRANSPORT("icmpv6", "type", icmpv6_type, 0, 8, SL_PROTO_ICMPV6),
	TRANSPORT("icmpv6", "code", icmpv6_code, 8, 8, SL_PROTO_ICMPV6),
	TRANSPORT("icmpv6", "checksum", integer, 16, 16, SL_PROTO_ICMPV6),
	MESSAGE("icmpv6", "param-problem", 32, 32, SL_PROTO_ICMPV6, NEED_POINTER),
	MESSAGE("icmpv6", "mtu", 32, 32, SL_PROTO_ICMPV6, NEED_MTU),
	MESSAGE("icmpv6", "id", 32, 16, SL_PROTO_ICMPV6, NEED_ECHO),
	MESSAGE("icmpv6", "sequence", 48, 16, SL_PROTO_ICMPV6, NEED_ECHO),
	MESSAGE("icmpv6", "max-delay", 32, 16, SL_PROTO_ICMPV6, NEED_MLD),
	TRANSPORT("igmp", "type", igmp_type, 0, 8, 2),
	TRANSPORT("igmp", "mrt", integer, 8, 8, 2),
	TRANSPORT("igmp", "group", ipv4, 32, 32, 2),
	TRANSPORT("esp", "spi", integer, 0, 32, 50),
	TRANSPORT("esp", "sequence", integer, 32, 32, 50),
	TRANSPORT("ah", "nexthdr", proto, 0, 8, 51),
	TRANSPORT("ah", "hdrlength", integer, 8, 8, 51),
	TRANSPORT("ah", "reserved", integer, 16, 16, 51),
	TRANSPORT("ah", "spi", integer, 32, 32, 51),
	TRANSPORT("ah", "sequence", integer, 64, 32, 51),
	TRANSPORT("comp", "nexthdr", proto, 0, 8, 108),
	TRANSPORT("comp", "flags", hex, 8, 8, 108),
	TRANSPORT("comp", "cpi", integer, 16, 16, 108),
	EXT("hbh", "nexthdr", proto, 0, 8, 0),
	EXT("hbh", "hdrlength", integer, 8, 8, 0),
	EXT("rt", "nexthdr", proto, 0, 8, 43),
	EXT("rt", "hdrlength", integer, 8, 8, 43),
	EXT("rt", "type", integer, 16, 8, 43),
	EXT("rt", "seg-left", integer, 24, 8, 43),
	EXT("srh", "last-entry", integer, 32, 8, 43),
	EXT("srh", "flags", integer, 40, 8, 43),
	EXT("srh", "tag", integer, 48, 16, 43),
	EXT("frag", "nexthdr", proto, 0, 8, 44),
	EXT("frag", "reserved", integer, 8, 8, 44),
	EXT("frag", "frag-off", integer, 16, 13, 44),
	EXT("frag", "reserved2", integer, 29, 2, 44),
	EXT("frag", "more-fragments", integer, 31, 1, 44),
	EXT("frag", "id", integer, 32, 32, 44),
	EXT("dst", "nexthdr", proto, 0, 8, 60),
	EXT("dst", "hdrlength", integer, 8, 8, 60),
	EXT("mh", "nexthdr", proto, 0, 8, 135),
	EXT("mh", "hdrlength", integer, 8, 8, 135),
	EXT("mh", "type", mh_type, 16, 8, 135),
	EXT("mh", "reserved", integer, 24, 8, 135),
	EXT("mh", "checksum", integer, 32, 16, 135),
	EXT("exthdr", "hbh", boolean, 0, 8, 0),
	EXT("exthdr", "rt", boolean, 0, 8, 43),
	EXT("exthdr", "frag", boolean, 0, 8, 44),
	EXT("exthdr", "dst", boolean, 0, 8, 60),
	EXT("exthdr", "mh", boolean, 0, 8, 135),
	META("iifname", ifname, META_IIFNAME, 128),
	META("oifname", ifname, META_OIFNAME, 128),
	META("iif", iface, META_IIF, 128),
	META("oif", iface, META_OIF, 128),
	META("l4proto", proto, META_L4PROTO, 8),
	META("nfproto", nfproto, META_NFPROTO, 8),
	META("protocol", ethertype, META_PROTOCOL, 16),
	META("mark", mark, META_MARK, 32),
	META("length", integer, META_LENGTH, 32),
	META("pkttype", pkttype, META_PKTTYPE, 8),
	CT("state", ct_state, CT_STATE, 32, 0),
	CT("status", ct_status, CT_STATUS, 32, 0),
	CT("direction", ct_dir, CT_DIRECTION, 8, 0),
	CT("mark", mark, CT_MARK, 32, 0),
	CT("zone", integer, CT_ZONE, 16, 0),
	CT("helper", string, CT_HELPER, 128, 0),
	CT("expiration", time, CT_EXPIRATION, 32, 0),
	CT("l3proto", nfproto, CT_L3PROTO, 8, 0),
	CT("protocol", proto, CT_PROTOCOL, 8, 0),
	CT("ip saddr", ipv4, CT_SADDR4, 32, 4),
	CT("ip daddr", ipv4, CT_DADDR4, 32, 4),
	CT("ip6 saddr", ipv6, CT_SADDR6, 128, 6),
	CT("ip6 daddr", ipv6, CT_DADDR6, 128, 6),
	CT("proto-src", service, CT_PROTO_SRC, 16, 0),
	CT("proto-dst", service, CT_PROTO_DST, 16, 0),
	CT("bytes", integer, CT_BYTES, 64, 0),
	CT("packets", integer, CT_PACKETS, 64, 0),
	CT("avgpkt", integer, CT_AVGPKT, 64, 0),
	{"fib", "type", &sl__ty_fib_type, 0, 32, IN_FIB, FIB_TYPE, 0, 0},
	{"fib", "oif", &sl__ty_boolean, 0, 8, IN_FIB, FIB_RESULT_OIF, 0, 0},
	{"fib", "oifname", &sl__ty_ifname, 0, 128, IN_FIB, FIB_RESULT_OIFNAME, 0, 0},
	{"numgen", "", &sl__ty_integer, 0, 32, IN_NUMGEN, 0, 0, 0},
	{"jhash", "", &sl__ty_integer, 0, 32, IN_JHASH, 0, 0, 0},
};
/* clang-format on */

const struct sl__field *sl__field_find(const char *group, const char *name)
{
	size_t i;

	for (i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (!strcmp(fields[i].group, group) && !strcmp(fields[i].name, name))
			return &fields[i];
	}
	return NULL;
}

bool sl__field_settable(const struct sl__field *f)
{
	static const char *const net[] = {
		"dscp", "ecn", "ttl", "hoplimit", "flowlabel", "id", "saddr", "daddr", NULL};
	static const char *const transport[] = {"sport", "dport", "sequence", "ackseq", "flags", "window",
		"urgptr", "id", "code", "checksum", NULL};
	const char *const *names = f->where == IN_NET ? net : transport;

	if (f->where != IN_NET && f->where != IN_TRANSPORT)
		return false;
	for (; *names; names++) {
		if (!strcmp(f->name, *names))
			return true;
	}
	return false;
}

bool sl__group_known(const char *group)
{
	size_t i;

	for (i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (!strcmp(fields[i].group, group))
			return true;
	}
	return false;
}

bool sl__meta_bare(const char *name)
{
	static const char *const bare[] = {
		"iifname", "oifname", "iif", "oif", "mark", "pkttype", NULL};
	size_t i;

	for (i = 0; bare[i]; i++) {
		if (!strcmp(bare[i], name))
			return true;
	}
	return false;
}
