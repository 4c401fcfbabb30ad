/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the passes before it (established.c) have seen of a packet that opens a connection, so that the long
 * way need not look again. tests/unit/established.c holds it against a packet that nobody has looked at before.
 */
#include "engine/engine.h"

#include <string.h>

#include "base/inline.h"
#include "base/wire.h"

SL_INLINE void see_ip(const uint8_t *d, struct sl_parsed *out, bool v6)
{
	uint32_t frag;

	if (v6) {
		out->tuple.src = sl_addr_v6(d + 8);
		out->tuple.dst = sl_addr_v6(d + 24);
		out->tos = (uint8_t)(sl_get16(d) >> 4);
		out->ttl = d[7];
		return;
	}
	frag = sl_get16(d + 6);
	out->tuple.src = sl_addr_v4(d + 12);
	out->tuple.dst = sl_addr_v4(d + 16);
	out->tos = d[1];
	out->ttl = d[8];
	out->frag_id = sl_get16(d + 4);
	out->dont_fragment = frag & 0x4000;
}

SL_INLINE void see_tcp(const uint8_t *l4, struct sl_parsed *out)
{
	out->seq = sl_get32(l4 + 4);
	out->ack = sl_get32(l4 + 8);
	out->payload = out->l4 + (uint32_t)(l4[12] >> 4) * 4;
	out->tcp_flags = l4[13];
	out->window = sl_get16(l4 + 14);
}

/* Its lengths are right, it has neither options nor extension headers and is no fragment. */
void sl__parse_seen(const struct sl_packet *p, const struct sl_glance *g, struct sl_parsed *out)
{
	*out = (struct sl_parsed){.tuple = {.sport = (uint16_t)g->ports,
	                                  .dport = (uint16_t)(g->ports >> 16),
	                                  .proto = g->proto,
	                                  .family = g->l4 == 40 ? SL_IPV6 : SL_IPV4},
	        .len = g->len,
	        .l4 = g->l4,
	        .payload = g->l4 + 8u};
	if (out->tuple.family == SL_IPV6)
		see_ip(p->data, out, true);
	else
		see_ip(p->data, out, false);
	if (g->proto == SL_PROTO_TCP)
		see_tcp(p->data + g->l4, out);
}
