/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Link layers: peeling a frame down to its IP packet.
 *
 * Each link layer ends in one of three questions: is it IP already, which
 * ethertype follows, which PPP protocol follows. An ethertype may lead to a tag,
 * a label stack or a PPPoE session, and so on down. The state of this walk is a
 * cursor into the frame; a peeler moves the cursor and says yes, or leaves a
 * reason and says no. Nothing is ever read behind the end: the cursor gives zeros
 * there, and a header that is cut off is a "short frame".
 *
 * Whether the bytes reached are IPv4 or IPv6 is decided by their first four bits,
 * not by the ethertype: MPLS and null/loop do not tell, or not portably.
 *
 * The packet is then copied into the caller's buffer, with room on both sides for
 * the engine to work in, and its length made that of the IP header:
 *   - behind it: Ethernet padding, trailers, check sequences are cut off;
 *   - before its end: the snap length cut it; zeros are filled in, with a note, so
 *     that headers are tracked as usual (checksums cannot hold then);
 *   - 0: segmentation offload; the length of what there is is written into it.
 *     IPv6 with a hop-by-hop header (jumbograms) or no next header is meant so.
 *
 * Limits: encapsulation above IP (GRE, VXLAN, ...) is not opened, that is traffic;
 * LLC/SNAP and PPP with compressed headers are not IP here.
 */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "io/link.h"

enum {
	LINKTYPE_NULL = 0,
	LINKTYPE_ETHERNET = 1,
	LINKTYPE_PPP = 9,
	LINKTYPE_RAW_BSD = 12, /* DLT_RAW as the systems number it */
	LINKTYPE_RAW_OPENBSD = 14,
	LINKTYPE_PPP_HDLC = 50,
	LINKTYPE_PPPOE = 51,
	LINKTYPE_RAW = 101,
	LINKTYPE_CISCO_HDLC = 104,
	LINKTYPE_LOOP = 108,
	LINKTYPE_LINUX_SLL = 113,
	LINKTYPE_PPP_WITH_DIR = 204,
	LINKTYPE_IPV4 = 228,
	LINKTYPE_IPV6 = 229,
	LINKTYPE_LINUX_SLL2 = 276,
};

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86DD,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_QINQ = 0x88A8,
	ETHERTYPE_QINQ_OLD = 0x9100,
	ETHERTYPE_QINQ_OLDER = 0x9200,
	ETHERTYPE_MPLS = 0x8847,
	ETHERTYPE_MPLS_UPSTREAM = 0x8848,
	ETHERTYPE_PPPOE_SESSION = 0x8864,
};

enum { PPP_IPV4 = 0x0021, PPP_IPV6 = 0x0057 };
enum { IPV4_HEADER = 20, IPV6_HEADER = 40, LENGTH_MAX = 65535 };
enum { NEXT_HOP_BY_HOP = 0, NEXT_NONE = 59 };
enum { PPPOE_HEADER = 6, MPLS_LABEL = 4, MPLS_BOTTOM = 0x01 };

static bool none(struct sl_link_packet *p, const char *reason)
{
	snprintf(p->reason, sizeof(p->reason), "%s", reason);
	return false;
}

/* Address and control bytes may be left out, and the protocol be one byte long. */
static bool peel_ppp(struct sl_bytes *b, struct sl_link_packet *p)
{
	uint16_t protocol;

	if (sl_bytes_left(b) >= 2 && sl_get16(b->at) == 0xFF03)
		sl_bytes_skip(b, 2);
	protocol = sl_bytes_u8(b);
	if (!(protocol & 1) && sl_bytes_left(b))
		protocol = (uint16_t)(protocol << 8 | sl_bytes_u8(b));
	if (protocol == PPP_IPV4 || protocol == PPP_IPV6)
		return true;
	snprintf(p->reason, sizeof(p->reason), "ppp 0x%04x", protocol);
	return false;
}

static bool peel_pppoe(struct sl_bytes *b, struct sl_link_packet *p)
{
	sl_bytes_skip(b, PPPOE_HEADER);
	return peel_ppp(b, p);
}

/* Labels up to the one that is marked as the bottom of the stack. */
static bool peel_mpls(struct sl_bytes *b)
{
	while (sl_bytes_left(b) > MPLS_LABEL && !(b->at[2] & MPLS_BOTTOM))
		sl_bytes_skip(b, MPLS_LABEL);
	sl_bytes_skip(b, MPLS_LABEL);
	return true;
}

/* b: what follows the ethertype. */
static bool peel_ethertype(uint16_t type, struct sl_bytes *b, struct sl_link_packet *p)
{
	for (; sl_bytes_ok(b); type = sl_bytes_u16(b)) {
		switch (type) {
		case ETHERTYPE_IPV4:
		case ETHERTYPE_IPV6:
			return true;
		case ETHERTYPE_PPPOE_SESSION:
			return peel_pppoe(b, p);
		case ETHERTYPE_MPLS:
		case ETHERTYPE_MPLS_UPSTREAM:
			return peel_mpls(b);
		case ETHERTYPE_VLAN:
		case ETHERTYPE_QINQ:
		case ETHERTYPE_QINQ_OLD:
		case ETHERTYPE_QINQ_OLDER:
			sl_bytes_skip(b, 2); /* priority and VLAN id */
			break;
		default:
			snprintf(p->reason, sizeof(p->reason), "ethertype 0x%04x", type);
			return false;
		}
	}
	return none(p, "short frame");
}

/* A header whose ethertype are the two bytes at `at`, and which is len long. */
static bool peel_header(struct sl_bytes *b, size_t at, size_t len, struct sl_link_packet *p)
{
	struct sl_bytes header;
	uint16_t type;

	/* What is cut off behind the ethertype leaves nothing to follow it. */
	sl_bytes_take(b, sl_bytes_left(b) < len ? sl_bytes_left(b) : len, &header);
	sl_bytes_skip(&header, at);
	type = sl_bytes_u16(&header);
	return sl_bytes_ok(&header) ? peel_ethertype(type, b, p) : none(p, "short frame");
}

/* Moves b to the IP header. */
static bool peel(uint32_t linktype, struct sl_bytes *b, struct sl_link_packet *p)
{
	switch (linktype) {
	case LINKTYPE_ETHERNET:
		return peel_header(b, 12, 14, p);
	case LINKTYPE_LINUX_SLL:
		return peel_header(b, 14, 16, p);
	case LINKTYPE_LINUX_SLL2:
		return peel_header(b, 0, 20, p);
	case LINKTYPE_CISCO_HDLC:
		return peel_header(b, 2, 4, p);
	case LINKTYPE_RAW_BSD:
	case LINKTYPE_RAW_OPENBSD:
	case LINKTYPE_RAW:
	case LINKTYPE_IPV4:
	case LINKTYPE_IPV6:
		return true;
	case LINKTYPE_NULL:
	case LINKTYPE_LOOP:
		sl_bytes_skip(b, 4); /* address family, in somebody's byte order */
		return true;
	case LINKTYPE_PPP_WITH_DIR:
		sl_bytes_skip(b, 1);
		return peel_ppp(b, p);
	case LINKTYPE_PPP:
	case LINKTYPE_PPP_HDLC:
		return peel_ppp(b, p);
	case LINKTYPE_PPPOE:
		return peel_pppoe(b, p);
	default:
		snprintf(p->reason, sizeof(p->reason), "linktype %u", linktype);
		return false;
	}
}

/*
 * How long the IP packet at ip is, of which there are `have` bytes; 0: none is
 * here. *patch: its length field is empty and is to be filled in.
 */
static size_t ip_length(const uint8_t *ip, size_t have, bool *patch)
{
	unsigned version = have ? ip[0] >> 4 : 0;
	size_t total;

	if (version == 4 && have >= IPV4_HEADER) {
		total = sl_get16(ip + 2);
		*patch = total == 0;
		return *patch ? have : total;
	}
	if (version == 6 && have >= IPV6_HEADER) {
		total = IPV6_HEADER + (size_t)sl_get16(ip + 4);
		*patch = total == IPV6_HEADER && have > IPV6_HEADER && ip[6] != NEXT_HOP_BY_HOP &&
		         ip[6] != NEXT_NONE;
		return *patch ? have : total;
	}
	return 0;
}

/* Writes the length found into the empty field; false: it does not fit there. */
static bool patch_length(uint8_t *ip, size_t total)
{
	size_t v4 = ip[0] >> 4 == 4;
	size_t value = v4 ? total : total - IPV6_HEADER;

	if (value > LENGTH_MAX)
		return false;
	sl_put16(ip + (v4 ? 2 : 4), (uint16_t)value);
	return true;
}

bool sl_link_packet(uint32_t linktype, const uint8_t *frame, uint32_t caplen, uint8_t *buf,
        struct sl_link_packet *packet)
{
	struct sl_bytes b = sl_bytes_of(frame, caplen);
	uint8_t *ip = buf + SL_LINK_HEADROOM;
	size_t have, total;
	bool patch = false;

	*packet = (struct sl_link_packet){.note = ""};
	if (!peel(linktype, &b, packet))
		return false;
	have = sl_bytes_left(&b);
	total = ip_length(b.at, have, &patch);
	if (total == 0)
		return none(packet, "no IP header");
	if (total > SL_LINK_PACKET_MAX)
		return none(packet, "longer than an IP packet");
	memcpy(ip, b.at, have < total ? have : total);
	if (patch && !patch_length(ip, total))
		return none(packet, "longer than an IP packet");
	if (have < total) {
		memset(ip + have, 0, total - have);
		packet->note = "cut short";
	}
	packet->data = ip;
	packet->len = (uint32_t)total;
	packet->headroom = SL_LINK_HEADROOM;
	packet->tailroom = SL_LINK_BUFFER_SIZE - SL_LINK_HEADROOM - packet->len;
	return true;
}
