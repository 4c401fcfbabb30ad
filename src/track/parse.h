/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the engine knows of a packet after one look at its headers. Offsets count from
 * packet->data. Nothing here outlives the work on the packet.
 */
#ifndef SL_TRACK_PARSE_H
#define SL_TRACK_PARSE_H

#include <sluice/sluice.h>

/* IP fragment, by what is known of it. */
enum sl_frag { SL_FRAG_NONE = 0, SL_FRAG_FIRST, SL_FRAG_LATER };

/* What an ICMP or ICMPv6 message is to tracking. */
enum sl_icmp_kind {
	SL_ICMP_NONE = 0, /* not ICMP */
	SL_ICMP_REQUEST,  /* opens a connection: echo, timestamp, info, address mask */
	SL_ICMP_ANSWER,	  /* its reply */
	SL_ICMP_ERROR,	  /* quotes a packet: RELATED to that one's connection */
	SL_ICMP_NEIGHBOUR, /* ICMPv6 ND, MLD ...: never tracked */
	SL_ICMP_OTHER,	  /* known type that neither asks nor answers (redirect is ERROR) */
	SL_ICMP_UNKNOWN,
};

struct sl_parsed {
	struct sl_tuple tuple;	/* as the packet has it; ports 0 in later fragments */
	uint32_t len;		/* bytes of the IP packet (from its header, <= packet->len) */
	uint32_t l4;		/* offset of the transport header (of what follows extensions) */
	uint32_t payload;	/* offset of what the transport header carries; <= len */
	uint32_t seq, ack;	/* TCP */
	uint16_t window;	/* TCP, unscaled */
	uint16_t frag_offset;	/* bytes */
	uint32_t frag_header;	/* IPv6: offset of the fragment header; 0: has none */
	uint32_t frag_next;	/* IPv6: offset of the byte that names the fragment header's type */
	uint32_t frag_id;
	uint8_t frag;		/* enum sl_frag */
	bool more_fragments;
	bool atomic_fragment;	/* IPv6: a fragment header with offset 0 and no more (RFC 6946) */
	bool broken_chain;	/* IPv6: what extension headers lead to cannot be told, or is nothing */
	bool dont_fragment;	/* IPv4 DF */
	bool quoted;		/* stands in an ICMP error: may be cut short */
	bool whole;		/* was gathered: fragment headers that IPv6 still has in it do not count */
	uint8_t tcp_flags;	/* FIN SYN RST PSH ACK URG ECE CWR, bit 0 up */
	uint8_t icmp;		/* enum sl_icmp_kind */
	uint32_t quote;		/* SL_ICMP_ERROR: offset of the packet it quotes */
	uint8_t ttl;		/* or hop limit */
	uint8_t tos;		/* or traffic class */
};

enum sl_tcp_flag {
	SL_FIN = 1, SL_SYN = 2, SL_RST = 4, SL_PSH = 8, SL_ACK = 16, SL_URG = 32, SL_ECE = 64,
	SL_CWR = 128
};

/*
 * Look at the IP header, IPv6 extension headers and the transport header of p. Reads
 * nothing behind p->len. On anything but SL_WHY_NONE the packet is INVALID and the
 * members are set only as far as the reason allows: tuple.family is 0 when not even the
 * IP header could be read; addresses and tuple.proto are right otherwise.
 *
 * Later fragments have a tuple without ports. Checksums are not looked at.
 */
enum sl_reason sl__parse(const struct sl_packet *p, struct sl_parsed *out);

/*
 * The same for what fragments were put together to, or was atomic: if its (first) fragment held another
 * one, that is not gathered again.
 */
enum sl_reason sl__parse_whole(const struct sl_packet *p, struct sl_parsed *out);

/* ICMPv6 parameter problems (RFC 4443 3.4). */
enum sl_v6_problem_code { SL_V6_BAD_FIELD = 0, SL_V6_UNKNOWN_OPTION = 2 };

/* What the sender of a packet is told of its IPv6 options. */
struct sl_v6_problem {
	bool told;	/* anything */
	bool to_groups; /* also if it sent to a group */
	uint8_t code;	/* enum sl_v6_problem_code */
	uint32_t at;	/* offset from the IP header */
};

/*
 * May a packet pass with the IPv6 options that stand at d[at] up to d[end], d being its IP header? They are
 * for every hop, or for a destination, which knows none. False: *out, which is zeroed before, says what to tell.
 */
bool sl__ipv6_option_list(const uint8_t *d, uint32_t at, uint32_t end, bool hop, struct sl_v6_problem *out);

/*
 * SL_WHY_BAD_IP_OPTIONS: IPv6 options that must not pass, *out what to say (src/track/ip_options.c).
 * Of a packet whose headers could be parsed.
 */
enum sl_reason sl__ipv6_options(const struct sl_packet *p, const struct sl_parsed *parsed, struct sl_v6_problem *out);

/*
 * Look at the transport header of a first fragment too, which sl__parse() leaves for when the
 * datagram is whole. For those that never will be.
 */
enum sl_reason sl__parse_first(const struct sl_packet *p, struct sl_parsed *out);

/* Is this wrong with IP itself, so that the packet must be dropped (not only INVALID)? */
bool sl__parse_fatal(enum sl_reason why);

/*
 * The same for a packet quoted in an ICMP error of that family, which may end anywhere behind
 * its ports. Its version field is not believed.
 */
enum sl_reason sl__parse_quoted(
	const uint8_t *data, uint32_t len, enum sl_family family, struct sl_parsed *out);

/* Is the transport checksum (and IPv4's header checksum) right? SL_WHY_NONE: yes, or cannot be known. */
enum sl_reason sl__parse_checksum(const struct sl_packet *p, const struct sl_parsed *parsed);

/* The kind of an ICMP (proto SL_PROTO_ICMP) or ICMPv6 message type. */
enum sl_icmp_kind sl__icmp_kind(uint8_t proto, uint8_t type);
/* The type that answers a request type, or asks for an answer type. */
#define SL_ICMP_NO_INVERSE 255
uint8_t sl__icmp_inverse(uint8_t proto, uint8_t type);

#endif
