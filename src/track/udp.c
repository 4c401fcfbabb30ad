/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP and UDP-Lite. A flow lives for the first timeout; when both sides still talk two seconds
 * after it began it is a stream: assured, with the longer timeout. UDP-Lite does not wait.
 */
#include "track/proto.h"
#include "track/udp_usual.h"

static bool udp_open(struct sl_track *t, struct sl_conn *conn, const struct sl_packet *p,
	const struct sl_parsed *parsed, enum sl_reason *why)
{
	(void)p, (void)parsed, (void)why;
	conn->l4.udp.stream_ms = t->now_ms + SL_UDP_STREAM_AFTER_MS;
	return true;
}

static enum sl_track_result refresh(struct sl_track *t, struct sl_conn *conn, bool stream)
{
	uint32_t timeout = sl__timeouts(t, conn)->udp[stream];

	SL_TRACE(t, conn, "udp", stream ? "a stream, for %u s" : "for %u s", timeout);
	sl__conn_refresh(t, conn, timeout * 1000);
	if (stream && sl__conn_set_status(conn, SL_ASSURED))
		sl__conn_note(t, conn, SL_PENDING_ASSURED);
	return SL_TRACK_OK;
}

static enum sl_track_result udp_packet(struct sl_track *t, struct sl_conn *conn, enum sl_dir dir,
	const struct sl_packet *p, const struct sl_parsed *parsed, enum sl_reason *why)
{
	bool late = (int32_t)(t->now_ms - conn->l4.udp.stream_ms) > 0;

	(void)dir, (void)p, (void)parsed, (void)why;
	return refresh(t, conn, conn->status & SL_SEEN_REPLY && late);
}

static enum sl_track_result udplite_packet(struct sl_track *t, struct sl_conn *conn, enum sl_dir dir,
	const struct sl_packet *p, const struct sl_parsed *parsed, enum sl_reason *why)
{
	(void)dir, (void)p, (void)parsed, (void)why;
	return refresh(t, conn, conn->status & SL_SEEN_REPLY);
}

const struct sl_proto sl__proto_udp = {
	.number = SL_PROTO_UDP, .name = "udp", .open = udp_open, .packet = udp_packet};
const struct sl_proto sl__proto_udplite = {
	.number = SL_PROTO_UDPLITE, .name = "udplite", .open = udp_open, .packet = udplite_packet};
