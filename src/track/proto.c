/* SPDX-License-Identifier: BSD-2-Clause */
#include "track/proto.h"

const struct sl_proto *sl__proto(uint8_t number)
{
	switch (number) {
	case SL_PROTO_TCP:
		return &sl__proto_tcp;
	case SL_PROTO_UDP:
		return &sl__proto_udp;
	case SL_PROTO_UDPLITE:
		return &sl__proto_udplite;
	case SL_PROTO_ICMP:
		return &sl__proto_icmp;
	case SL_PROTO_ICMPV6:
		return &sl__proto_icmpv6;
	case SL_PROTO_SCTP:
		return &sl__proto_sctp;
	case SL_PROTO_GRE:
		return &sl__proto_gre;
	default:
		return &sl__proto_generic;
	}
}
