/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Protocols that are known by addresses alone, and GRE, which has timeouts of its own and
 * is assured once it was answered.
 */
#include "track/proto.h"

static bool any_open(struct sl_track *t, struct sl_conn *conn, const struct sl_packet *p,
	const struct sl_parsed *parsed, enum sl_reason *why)
{
	(void)t, (void)conn, (void)p, (void)parsed, (void)why;
	return true;
}

static enum sl_track_result generic_packet(struct sl_track *t, struct sl_conn *conn,
	enum sl_dir dir, const struct sl_packet *p, const struct sl_parsed *parsed,
	enum sl_reason *why)
{
	(void)dir, (void)p, (void)parsed, (void)why;
	sl__conn_refresh(t, conn, sl__timeouts(t, conn)->generic * 1000);
	return SL_TRACK_OK;
}

static enum sl_track_result gre_packet(struct sl_track *t, struct sl_conn *conn, enum sl_dir dir,
	const struct sl_packet *p, const struct sl_parsed *parsed, enum sl_reason *why)
{
	const uint32_t *timeout = sl__timeouts(t, conn)->gre;
	bool answered = conn->status & SL_SEEN_REPLY;

	(void)dir, (void)p, (void)parsed, (void)why;
	sl__conn_refresh(t, conn, timeout[answered] * 1000);
	if (answered && sl__conn_set_status(conn, SL_ASSURED))
		sl__conn_note(t, conn, SL_PENDING_ASSURED);
	return SL_TRACK_OK;
}

const struct sl_proto sl__proto_gre = {
	.number = SL_PROTO_GRE, .name = "gre", .open = any_open, .packet = gre_packet};
const struct sl_proto sl__proto_generic = {
	.number = 0, .name = "generic", .open = any_open, .packet = generic_packet};
