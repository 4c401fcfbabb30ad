/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * H.245: control of the channels of a call, on a TCP connection of its own whose port the call
 * signalling announced (q931.c), or tunnelled in that.
 *
 *	either side						the other
 *
 *	OpenLogicalChannel 1, audio,
 *	    RTCP at 10.0.0.2:5001				OpenLogicalChannelAck 1,
 *							    RTP at 198.51.100.7:6000,
 *							    RTCP at 198.51.100.7:6001
 *	    ==== RTP to 6000, RTCP to 6001 (UDP) ====>
 *	    <==== RTCP to 5001 ====
 *
 *	OpenLogicalChannel 2, data: T.120,
 *	    separate stack at 10.0.0.2:1503
 *	    <---- TCP connections to 1503 ----
 *
 * Whatever of the pair is named, RTP (even) and RTCP (odd, next) are both expected from the other
 * side, and stay a pair under NAT. An address that is not the sender's own opens nothing and
 * stays. Of the other messages none names an address that counts.
 */
#include "h323.h"

/* ---- reading --------------------------------------------------------------------------------- */

/* Several messages may follow each other. Of another kind than those described: no more is read. */
bool h245_read(struct h323_work *w, struct sl_text t)
{
	struct per_bits b = per_bits_of(t);
	bool any = false;

	while (sl_text_left(&b.t)) {
		struct per_bits try = b;
		unsigned before = w->finds.count;

		if (!per_walk(&try, &h245_message, &w->finds)) {
			bool ours = w->finds.count > before;

			w->finds.count = before;
			return any && !ours;
		}
		per_align(&try);
		b = try;
		any = true;
	}
	return any;
}

/* Fast start: no message around it. */
bool h245_read_open(struct h323_work *w, struct sl_text t)
{
	if (w->finds.count == PER_FOUND_MAX)
		return false;
	w->finds.found[w->finds.count++] = (struct per_found){.mark = H323_CHANNEL};
	return per_walk_all(t, &h245_open_channel, &w->finds);
}

/* ---- what is opened -------------------------------------------------------------------------- */

static enum sl_reason media(struct h323_work *w, const struct per_found *f, struct sl_endpoint e)
{
	const struct sl_announcement a = {
	        .written = {.proto = SL_PROTO_UDP}, .ports = 2, .reason = "H.323 media"};
	uint16_t odd = e.port & 1;
	enum sl_reason why;

	e.port = (uint16_t)(e.port - odd);
	why = h323_announce(w, a, &e);
	e.port = (uint16_t)(e.port + odd);
	if (why != SL_WHY_NONE)
		return h323_unless_harmless(w, why, a.reason);
	h323_write(w, f, &e);
	return SL_WHY_NONE;
}

static enum sl_reason stack(struct h323_work *w, const struct per_found *f, struct sl_endpoint e)
{
	const struct sl_announcement a = {.written = {.proto = SL_PROTO_TCP},
	        .flags = SL_EXPECT_PERMANENT,
	        .reason = "H.323 data (T.120)"};
	enum sl_reason why = h323_announce(w, a, &e);

	if (why != SL_WHY_NONE)
		return h323_unless_harmless(w, why, a.reason);
	h323_write(w, f, &e);
	return SL_WHY_NONE;
}

static enum sl_reason one(struct h323_work *w, const struct per_found *f, bool lan_stack)
{
	struct sl_endpoint e;

	if (!h323_endpoint(w, f, &e) || !h323_is_senders(w, &e) || !e.port)
		return SL_WHY_NONE;
	if (f->mark == H323_MEDIA || f->mark == H323_MEDIA_CONTROL)
		return media(w, f, e);
	return f->mark == H323_STACK && lan_stack ? stack(w, f, e) : SL_WHY_NONE;
}

enum sl_reason h245_channels(struct h323_work *w)
{
	enum sl_reason why = SL_WHY_NONE;
	bool lan_stack = false; /* an Ack does not say it again */

	for (unsigned i = 0; i < w->finds.count && why == SL_WHY_NONE; i++) {
		const struct per_found *f = &w->finds.found[i];

		if (f->mark == H323_CHANNEL)
			lan_stack = false;
		else if (f->mark == H323_CHANNEL_ACK || f->mark == H323_LAN_STACK)
			lan_stack = true;
		why = one(w, f, lan_stack);
	}
	return why;
}

/* ---- the helper of its own connection -------------------------------------------------------- */

static enum sl_help_result message(struct sl_help *help, struct sl_message *m)
{
	struct h323_work w;
	struct sl_text t;

	h323_begin(&w, help, m);
	if (!h323_contents(m, &t) || !h245_read(&w, t))
		return SL_PASS;
	return h323_end(&w, h245_channels(&w));
}

/* The reserve is the kernel's: four channels of two pairs each way, and T.120. Its port is dynamic. */
const struct sl_helper sl_helper_h245 = {
        SL_HELPER_HEADER,
        .name = "H.245",
        .match = {{.proto = SL_PROTO_TCP}},
        .classes = {{.name = "channels", .max = 18, .timeout = H323_EXPECT_SECONDS}},
        .framing = SL_FRAME_OWN,
        .message_max = H323_MESSAGE_MAX,
        .message = {[SL_ORIGINAL] = message, [SL_REPLY] = message},
        .frame = h323_frame,
        .hold = h323_hold,
        .sync = h323_sync,
        .linux_many = true,
        .by_request = true,
};
