/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP and ICMPv6 queries: a request opens a connection by its id, answers belong to it.
 * Errors never come here: they are RELATED to what they quote (src/engine/icmp_error.c).
 */
#include "track/proto.h"

static bool icmp_open(struct sl_track *t, struct sl_conn *conn, const struct sl_packet *p,
	const struct sl_parsed *parsed, enum sl_reason *why)
{
	(void)t, (void)conn, (void)p;
	if (parsed->icmp == SL_ICMP_REQUEST)
		return true;
	*why = parsed->icmp == SL_ICMP_ANSWER ? SL_WHY_ICMP_NO_QUERY : SL_WHY_ICMP_TYPE;
	return false;
}

static enum sl_track_result icmp_packet(struct sl_track *t, struct sl_conn *conn, enum sl_dir dir,
	const struct sl_packet *p, const struct sl_parsed *parsed, enum sl_reason *why)
{
	const struct sl_timeouts *timeout = sl__timeouts(t, conn);

	(void)dir, (void)p, (void)parsed, (void)why;
	sl__conn_refresh(
		t, conn, (conn->proto == SL_PROTO_ICMP ? timeout->icmp : timeout->icmpv6) * 1000);
	return SL_TRACK_OK;
}

const struct sl_proto sl__proto_icmp = {
	.number = SL_PROTO_ICMP, .name = "icmp", .open = icmp_open, .packet = icmp_packet};
const struct sl_proto sl__proto_icmpv6 = {
	.number = SL_PROTO_ICMPV6, .name = "icmpv6", .open = icmp_open, .packet = icmp_packet};
