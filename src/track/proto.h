/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One L4 protocol's life cycle: a const table per protocol (tcp.c, udp.c, icmp.c, sctp.c,
 * dccp.c, gre.c, generic.c), found by number with sl__proto().
 *
 * A tracker never sees NAT: p is as its sender sent it, before any translation.
 */
#ifndef SL_TRACK_PROTO_H
#define SL_TRACK_PROTO_H

#include "track/track.h"

enum sl_track_result {
	SL_TRACK_OK,	  /* part of the connection */
	SL_TRACK_INVALID, /* not part of it: state INVALID, reason in *why; the conn is unchanged */
	SL_TRACK_IGNORE,  /* passes and belongs to it, but changed nothing; *why may say so */
	SL_TRACK_REOPEN,  /* the conn is over: kill it (reason in *why) and take p as a first packet */
	SL_TRACK_CLOSE,	  /* passes, belongs to the conn, and ends it (reason in *why) */
	SL_TRACK_DROP,	  /* must not pass (the kernel's -NF_DROP) */
};

struct sl_proto {
	uint8_t number;
	const char *name;
	/*
	 * May p (which belongs to no conn) open one? Fills conn->state and conn->l4.
	 * False: INVALID, with *why.
	 */
	bool (*open)(struct sl_track *t, struct sl_conn *conn, const struct sl_packet *p,
		const struct sl_parsed *parsed, enum sl_reason *why);
	/*
	 * p belongs to conn in direction dir; also called for the first packet, after open().
	 * Updates state and timeout (sl__conn_refresh) and notes events.
	 */
	enum sl_track_result (*packet)(struct sl_track *t, struct sl_conn *conn, enum sl_dir dir,
		const struct sl_packet *p, const struct sl_parsed *parsed, enum sl_reason *why);
	/* conn->state as `conntrack` spells it; NULL: the protocol has none. */
	const char *(*state_text)(const struct sl_conn *conn);
	/* A full table may end this one although it is assured (closing states); NULL: never. */
	bool (*can_evict)(const struct sl_conn *conn);
};

/* Never NULL: unknown protocols are generic. */
const struct sl_proto *sl__proto(uint8_t number);

extern const struct sl_proto sl__proto_tcp, sl__proto_udp, sl__proto_udplite, sl__proto_icmp,
	sl__proto_icmpv6, sl__proto_sctp, sl__proto_dccp, sl__proto_gre, sl__proto_generic;

#endif
