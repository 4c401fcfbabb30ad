/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses and tuples: what names one direction of a connection.
 *
 * An address is always 16 bytes in network order; an IPv4 address is held
 * v4-mapped (::ffff:a.b.c.d, RFC 4291 2.5.5.2), so that no code has a twin for
 * the other family. Ports and the like are in host byte order.
 */
#ifndef SLUICE_TUPLE_H
#define SLUICE_TUPLE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <sluice/export.h>

enum sl_family { SL_IPV4 = 4, SL_IPV6 = 6 };

/* Protocol numbers (IANA) that sluice knows by name; all others are tracked by addresses alone. */
enum sl_proto_number {
	SL_PROTO_ICMP = 1,
	SL_PROTO_TCP = 6,
	SL_PROTO_UDP = 17,
	SL_PROTO_DCCP = 33,
	SL_PROTO_GRE = 47,
	SL_PROTO_ICMPV6 = 58,
	SL_PROTO_SCTP = 132,
	SL_PROTO_UDPLITE = 136,
};

/* Which way a packet goes through its connection. Used as an index: [dir], [!dir]. */
enum sl_dir { SL_ORIGINAL = 0, SL_REPLY = 1 };

struct sl_addr {
	uint8_t b[16];
};

/*
 * One direction of a connection.
 *
 *   TCP, UDP, SCTP, DCCP, UDP-Lite   sport, dport: the ports
 *   ICMP, ICMPv6                     sport: the id; dport: type << 8 | code
 *   GRE                              sport, dport: srckey and dstkey (0 for version 0)
 *   any other                        both 0
 */
struct sl_tuple {
	struct sl_addr src, dst;
	uint16_t sport, dport;
	uint8_t proto;
	uint8_t family; /* enum sl_family */
	uint16_t pad;   /* 0: tuples may be compared as bytes */
};

/*
 * Flags of an expectation.
 *   PERMANENT  stays when it is met, until its time is up: any number of connections fit it
 *   INACTIVE   nothing fits it until it is refreshed: promised by one side, not yet confirmed
 */
enum sl_expect_flag { SL_EXPECT_PERMANENT = 1, SL_EXPECT_INACTIVE = 2, SL_EXPECT_USERSPACE = 4 };

/* The type and code of an ICMP tuple. */
#define SL_TUPLE_ICMP(type, code) ((uint16_t)((unsigned)(type) << 8 | (unsigned)(code)))

static inline bool sl_addr_eq(const struct sl_addr *a, const struct sl_addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}
/* Is it a multicast group's (RFC 5771, RFC 4291 2.7)? */
static inline bool sl_addr_is_group(const struct sl_addr *a, enum sl_family family)
{
	return family == SL_IPV4 ? a->b[12] >> 4 == 14 : a->b[0] == 0xff;
}

/* A group that no router forwards: of 224.0.0.0/24, or of scope 2 (link) or less. */
static inline bool sl_addr_is_link_group(const struct sl_addr *a, enum sl_family family)
{
	if (!sl_addr_is_group(a, family))
		return false;
	return family == SL_IPV4 ? a->b[12] == 224 && a->b[13] == 0 && a->b[14] == 0
	                         : (a->b[1] & 15) <= 2;
}

/* One that is unique on its link alone: 169.254.0.0/16, fe80::/10. */
static inline bool sl_addr_is_link_local(const struct sl_addr *a, enum sl_family family)
{
	return family == SL_IPV4 ? a->b[12] == 169 && a->b[13] == 254
	                         : a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

SL_EXPORT bool sl_tuple_eq(const struct sl_tuple *a, const struct sl_tuple *b);
/* Are a and b the same wherever mask has ones? proto and family must always be the same. */
SL_EXPORT bool sl_tuple_eq_masked(
        const struct sl_tuple *a, const struct sl_tuple *b, const struct sl_tuple *mask);
/* An IPv4 address from its four bytes in network order; an IPv6 one from its 16. */
static inline struct sl_addr sl_addr_v4(const uint8_t bytes[4])
{
	struct sl_addr a = {
	        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, bytes[0], bytes[1], bytes[2], bytes[3]}};

	return a;
}

static inline struct sl_addr sl_addr_v6(const uint8_t bytes[16])
{
	struct sl_addr a;

	for (unsigned i = 0; i < 16; i++)
		a.b[i] = bytes[i];
	return a;
}

/*
 * Text of an address (RFC 5952 for IPv6) and back. SL_ADDR_TEXT bytes are always
 * enough. sl_addr_parse takes the whole string or fails.
 */
#define SL_ADDR_TEXT 46
SL_EXPORT const char *sl_addr_text(
        const struct sl_addr *a, enum sl_family family, char out[SL_ADDR_TEXT]);
SL_EXPORT bool sl_addr_parse(const char *text, struct sl_addr *out, enum sl_family *family);

/* "tcp", "udp", ... as FORMATS names them, or the number as text in out (at least 4 bytes). */
SL_EXPORT const char *sl_proto_text(uint8_t proto, char out[4]);

#endif
