/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_VIEW_H
#define SLUICE_PROG_VIEW_H

/*
 * A packet as the replay program looks at it: far enough to say in a line of text what it is
 * and, for the far side, to change addresses, ports and acknowledgements. It has nothing to
 * do with the engine's own parser, on purpose: one checks the other.
 */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/tuple.h>

enum { SL_VIEW_FIN = 1, SL_VIEW_SYN = 2, SL_VIEW_RST = 4, SL_VIEW_PSH = 8, SL_VIEW_ACK = 16 };

struct sl_view {
	uint8_t *data; /* the IP header; borrowed */
	uint32_t len;
	uint8_t family; /* enum sl_family */
	uint8_t proto;  /* behind IPv6 extension headers */
	bool fragment, first_fragment;
	bool has_ports; /* sport and dport are there ... */
	bool tcp;       /* ... and flags, seq, ack */
	uint8_t flags;
	/* Ports; the id of an ICMP query in both; the call id of GRE version 1 as dport. Else 0. */
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint32_t l4;      /* offset of the transport header */
	uint32_t payload; /* offset of what TCP or UDP carries; len for all else */
	struct sl_addr src, dst;
};

/* Which end of a packet. */
enum sl_view_end { SL_VIEW_SRC, SL_VIEW_DST };

/* False: it has no whole IP header. */
bool sl__view_init(struct sl_view *v, uint8_t *data, uint32_t len);
/* The packet quoted in an ICMP error, in place; false: there is none. */
bool sl__view_quote(const struct sl_view *v, struct sl_view *quote);

/* "tcp 10.0.0.2:40000 > 198.51.100.7:21 S seq 1000 ack 0 len 0" */
#define SL_VIEW_TEXT 192
const char *sl__view_text(const struct sl_view *v, char out[SL_VIEW_TEXT]);

/* Bytes of payload. */
static inline uint32_t sl__view_body(const struct sl_view *v)
{
	return v->len - v->payload;
}

/* Does the protocol have ports of its own (so not: ICMP, GRE)? */
bool sl__view_with_ports(const struct sl_view *v);

/* One direction of a connection: who speaks to whom. Without gaps, so that it can be a key (prog/map.h). */
struct sl_view_way {
	struct sl_addr src, dst;
	uint16_t sport, dport;
};
static_assert(sizeof(struct sl_view_way) == 2 * sizeof(struct sl_addr) + 4, "a key has gaps");

struct sl_view_way sl__view_way(const struct sl_view *v);
struct sl_view_way sl__view_way_back(const struct sl_view *v);

/* Changes to the packet. Checksums stay as right, or as wrong, as they were. */
void sl__view_set_addr(struct sl_view *v, enum sl_view_end end, const struct sl_addr *addr);
void sl__view_set_port(struct sl_view *v, enum sl_view_end end, uint16_t port);
/* len bytes (even) at an even offset in the transport header. */
void sl__view_set_field(struct sl_view *v, uint32_t offset, const void *bytes, uint32_t len);
/* The transport checksum from scratch (ICMP, after its quote was changed). */
void sl__view_fix_transport(struct sl_view *v);

/* Equal but for the hop count and the IPv4 header checksum? */
bool sl__view_same(const struct sl_view *a, const struct sl_view *b);

#endif
