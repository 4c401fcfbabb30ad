/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_LINK_H
#define SLUICE_IO_LINK_H

/*
 * From a captured frame to the IP packet inside it.
 *
 * Known: Ethernet (1) with VLAN tags, MPLS and PPPoE; raw IP (12, 14, 101, 228,
 * 229); null and loop (0, 108); PPP (9, 50, 204, PPPoE 51); Cisco HDLC (104);
 * Linux cooked (113, 276).  Padding behind the IP packet is cut off; what the
 * snap length cut off is filled with zeros up to the length in the IP header.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SL_LINK_HEADROOM = 128,             /* free bytes before the packet */
	SL_LINK_PACKET_MAX = 65575,         /* IPv6 header + 65,535 */
	SL_LINK_TAILROOM = 2048 - 128 - 39, /* free bytes behind the longest packet */
	SL_LINK_BUFFER_SIZE = SL_LINK_HEADROOM + SL_LINK_PACKET_MAX + SL_LINK_TAILROOM,
};

struct sl_link_packet {
	uint8_t *data;     /* the IP header, inside the caller's buffer; NULL: no IP packet */
	uint32_t len;      /* as the IP header has it */
	uint32_t headroom; /* free bytes before data */
	uint32_t tailroom; /* free bytes behind data + len */
	const char *note;  /* "cut short": zeros were filled in; else "" */
	char reason[32];   /* why there is none, such as "ethertype 0x0806"; else "" */
};

/*
 * Copy the IP packet out of a frame of caplen bytes into buf, whose size is
 * SL_LINK_BUFFER_SIZE.  False, with packet->reason: there is none.
 */
bool sl_link_packet(uint32_t linktype, const uint8_t *frame, uint32_t caplen, uint8_t *buf,
        struct sl_link_packet *packet);

#endif
