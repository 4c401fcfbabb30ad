/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets made by hand, with right lengths and checksums. The put_ functions write headers into
 * memory that is there; the make_ functions make a packet of a gateway's (gateway.h), which
 * frees it. All addresses of a tuple are of tuple.family.
 */
#ifndef TESTS_LIB_PACKETS_H
#define TESTS_LIB_PACKETS_H

#include <sluice/sluice.h>

#include "track/parse.h"

struct gateway;

/* There must be such an address. */
struct sl_addr addr_of(const char *text);
struct sl_tuple tuple_of(
        const char *src, uint16_t sport, const char *dst, uint16_t dport, uint8_t proto);

/* ---- headers --------------------------------------------------------------------------------- */

/* 20 or 40 bytes, for l4_len bytes behind it; returns where those begin. */
uint8_t *put_ip(uint8_t *ip, const struct sl_tuple *t, uint32_t l4_len);
/* Sum of the pseudo header. */
uint32_t pseudo_sum(const uint8_t *ip, uint8_t proto, uint32_t l4_len);

/* What a segment says besides its ports. */
struct segment {
	uint32_t seq, ack;
	uint8_t flags; /* enum sl_tcp_flag */
	uint16_t urgent;
	const void *bytes; /* NULL: some */
	uint32_t len;
};

/* ---- packets --------------------------------------------------------------------------------- */

/* len zero bytes behind the IP header; returns where they are. Their checksum: fix_sums(). */
uint8_t *make_from(struct gateway *g, struct sl_packet *p, const struct sl_tuple *t, uint32_t len);
struct sl_packet make_segment(
        struct gateway *g, const struct sl_tuple *t, const struct segment *segment);
struct sl_packet make_datagram(
        struct gateway *g, const struct sl_tuple *t, const void *bytes, uint32_t len);
/* Version 1 with the key t->dport. */
struct sl_packet make_gre(
        struct gateway *g, const struct sl_tuple *t, const void *bytes, uint32_t len);

/* The same with addresses as text. */
uint8_t *make_ip(struct gateway *g, struct sl_packet *p, const char *src, const char *dst,
        uint8_t proto, uint32_t len);
struct sl_packet make_tcp(struct gateway *g, const char *src, uint16_t sport, const char *dst,
        uint16_t dport, uint8_t flags, uint32_t seq, uint32_t ack, const void *bytes, uint32_t len);
struct sl_packet make_udp(struct gateway *g, const char *src, uint16_t sport, const char *dst,
        uint16_t dport, uint32_t len);

void fill_bytes(uint8_t *at, uint32_t len, uint32_t seed);
void set_df(struct sl_packet *p);
/* Checksums right for what the packet is now. */
void fix_sums(struct sl_packet *p);
/* Where the transport checksum of a packet is; NULL: has none that is known here. */
uint8_t *sum_place(const struct sl_packet *p, const struct sl_parsed *parsed);

/* ---- looking at what came out ---------------------------------------------------------------- */

/* Lengths and checksums must be right; of a fragment, those of the IP header. */
void check_sums(const struct sl_packet *p);
bool is_fragment(const struct sl_packet *p);
/* Read from its bytes. GRE: the key is dport. Sets *l4 and *l4_len. */
struct sl_tuple packet_tuple(const struct sl_packet *p, const uint8_t **l4, uint32_t *l4_len);

#endif
