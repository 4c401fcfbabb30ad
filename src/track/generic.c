/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Protocols that are known by addresses alone.
 */
#include "track/proto.h"

static bool generic_open(struct sl_track *t, struct sl_conn *conn, const struct sl_packet *p,
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

const struct sl_proto sl__proto_generic = {
	.number = 0, .name = "generic", .open = generic_open, .packet = generic_packet};
