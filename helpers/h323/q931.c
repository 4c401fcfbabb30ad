/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * H.323 calls: ITU-T H.225.0 call signalling in Q.931 messages, in TPKT, TCP port 1720.
 *
 *	caller (SL_ORIGINAL)				called (SL_REPLY), TCP 1720
 *
 *	Setup, my h245Address, fastStart: channels
 *						CallProceeding, Alerting, Progress, Connect:
 *						    h245Address 198.51.100.7:30001,
 *						    fastStart: channels
 *	    ---- H.245 (TCP) to 30001 ---->
 *	    <==== RTP, RTCP ====>			see control.c
 *
 *						Facility, callForwarded,
 *						    alternativeAddress 198.51.100.99:1720
 *	    ---- Setup to 198.51.100.99 ---->
 *
 *	ReleaseComplete
 *
 * A Q.931 message is a head and information elements; the user-user element carries
 * H323-UserInformation in PER, that carries OpenLogicalChannels (fastStart) and messages of H.245
 * (h245Control) as octet strings. Everything is walked before anything is done; what is not
 * understood to its end passes unchanged and opens nothing.
 *
 * Under NAT a Setup's destCallSignalAddress and sourceCallSignalAddress, where they are the two ends
 * of the connection, become what the receiver knows as these.
 *
 * Call forwarding is the one place where a third party's address is followed, as in Linux: the
 * caller may call it, for four minutes, and nobody else. Not, if h323_callforward_filter is set, when it lies
 * where the caller is: then the call does not come by.
 */
#include "h323.h"

#define Q931        8    /* protocol discriminator */
#define USER_USER   0x7e /* the information element ... */
#define X208        5    /* ... and its protocol discriminator */
#define SINGLE_BYTE 0x80 /* an element of one byte */

/* ---- reading --------------------------------------------------------------------------------- */

/*
 * The user-user element; all others are stepped over (Q.931 4.5). *single: there is one of a single
 * byte, which Linux does not know.
 */
static bool elements(struct sl_text t, struct sl_text *user, bool *single)
{
	bool found = false;

	while (sl_text_left(&t)) {
		uint8_t id, small, discriminator;
		uint16_t length;

		if (!sl_text_u8(&t, &id))
			return false;
		if (id & SINGLE_BYTE) {
			*single = true;
			continue;
		}
		if (id != USER_USER) {
			if (!sl_text_u8(&t, &small) || !sl_text_bytes(&t, small, NULL))
				return false;
			continue;
		}
		if (found || !sl_text_u16(&t, &length) || !sl_text_bytes(&t, length, user) ||
		        !sl_text_u8(user, &discriminator) || discriminator != X208)
			return false;
		found = true;
	}
	return found;
}

static bool read_q931(struct sl_text t, struct sl_text *user, bool *single)
{
	uint8_t discriminator, reference, type;

	return sl_text_u8(&t, &discriminator) && discriminator == Q931 &&
	       sl_text_u8(&t, &reference) && sl_text_bytes(&t, reference & 0x0f, NULL) &&
	       sl_text_u8(&t, &type) && elements(t, user, single);
}

/* All of it. Tunnelled messages of other kinds are no obstacle. */
static bool understood(struct h323_work *w)
{
	struct sl_text t, user;
	bool single = false;
	unsigned outer;

	if (!h323_contents(w->m, &t) || !read_q931(t, &user, &single) ||
	        !per_walk_all(user, &h225_user_information, &w->finds))
		return false;
	outer = w->finds.count;
	for (unsigned i = 0; i < outer; i++) {
		struct sl_text inner = w->finds.found[i].octets;

		if (w->finds.found[i].mark == H323_FAST_START && !h245_read_open(w, inner))
			return false;
		if (w->finds.found[i].mark == H323_TUNNELLED)
			(void)h245_read(w, inner);
	}
	for (unsigned i = 0; i < w->finds.count && single; i++)
		if (w->finds.found[i].address)
			sl_help_beyond(w->help, SL_BEYOND_SYNTAX);
	return true;
}

/* ---- what is said ---------------------------------------------------------------------------- */

static enum sl_reason h245_address(struct h323_work *w)
{
	const struct per_found *f = NULL;
	const struct sl_announcement a = {
	        .written = {.proto = SL_PROTO_TCP}, .helper = &sl_helper_h245, .reason = "H.245"};
	struct sl_endpoint e;
	enum sl_reason why;

	for (unsigned i = 0; i < w->finds.count && !f; i++)
		if (w->finds.found[i].mark == H323_H245_ADDRESS && w->finds.found[i].address)
			f = &w->finds.found[i];
	if (!f || !h323_endpoint(w, f, &e) || !h323_is_senders(w, &e) || !e.port)
		return SL_WHY_NONE;
	why = h323_announce(w, a, &e);
	if (why != SL_WHY_NONE)
		return h323_unless_harmless(w, why, a.reason);
	h323_write(w, f, &e);
	return SL_WHY_NONE;
}

/* The callee's address is the connection's other end, or of somebody else: then Linux writes the other end's. */
static void destination(struct h323_work *w, const struct per_found *f)
{
	struct sl_endpoint e, to = {.addr = w->other.src, .port = w->other.sport};

	if (!h323_endpoint(w, f, &e) || sl_addr_eq(&e.addr, &to.addr))
		return;
	if (sl_addr_eq(&e.addr, &w->own.dst))
		h323_write(w, f, &to);
	else
		sl_help_beyond(w->help, SL_BEYOND_TRANSPORT_ADDRESS);
}

/* The same for the caller's, at the port that the connection comes from, as Linux has it. */
static void source(struct h323_work *w, const struct per_found *f)
{
	struct sl_endpoint e, to = {.addr = w->other.dst, .port = w->other.dport};

	if (!h323_endpoint(w, f, &e) || sl_addr_eq(&e.addr, &to.addr))
		return;
	if (h323_is_senders(w, &e))
		h323_write(w, f, &to);
	else
		sl_help_beyond(w->help, SL_BEYOND_TRANSPORT_ADDRESS);
}

static void setup(struct h323_work *w)
{
	for (unsigned i = 0; i < w->finds.count && w->translated; i++) {
		const struct per_found *f = &w->finds.found[i];

		if (f->address && f->mark == H323_DEST)
			destination(w, f);
		else if (f->address && f->mark == H323_SOURCE)
			source(w, f);
	}
}

static enum sl_reason forwarded(struct h323_work *w)
{
	const struct per_found *f = NULL;
	const struct sl_announcement a = {.written = {.proto = SL_PROTO_TCP},
	        .allow = SL_ALLOW_OTHER_HOST,
	        .beyond = SL_BEYOND_SOURCE_KEPT, /* Linux gives the caller the public address */
	        .helper = &sl_helper_q931,
	        .reason = "H.323 call, forwarded"};
	struct sl_endpoint e;
	enum sl_reason why;

	for (unsigned i = 0; i < w->finds.count && !f; i++)
		if (w->finds.found[i].mark == H323_ALTERNATIVE && w->finds.found[i].address)
			f = &w->finds.found[i];
	if (!f || !h323_endpoint(w, f, &e) || !e.port)
		return SL_WHY_NONE;
	if (sl_help_option(w->help, "h323_callforward_filter") &&
	        sl_help_same_way(w->help, &e.addr)) {
		sl_note(w->help, SL_WHY_NONE, "H.323: forwarded to where the caller is");
		return SL_WHY_NONE;
	}
	if (!w->sender_moved) {
		h323_expect_there(w, &a, &e);
		return SL_WHY_NONE;
	}
	why = h323_announce(w, a, &e);
	if (why != SL_WHY_NONE)
		return h323_unless_harmless(w, why, a.reason);
	h323_write(w, f, &e);
	return SL_WHY_NONE;
}

static enum sl_help_result message(struct sl_help *help, struct sl_message *m)
{
	struct h323_work w;
	enum sl_reason why;

	h323_begin(&w, help, m);
	if (!understood(&w))
		return SL_PASS;
	if (h323_find(&w, H323_FACILITY) && h323_find(&w, H323_FORWARDED)) {
		why = forwarded(&w);
	} else {
		why = h245_address(&w);
		setup(&w);
	}
	if (why == SL_WHY_NONE)
		why = h245_channels(&w);
	return h323_end(&w, why);
}

/* The reserve is the kernel's: that of H.245, and H.245 itself. */
const struct sl_helper sl_helper_q931 = {
        SL_HELPER_HEADER,
        .name = "Q.931",
        .match = {{.proto = SL_PROTO_TCP, .port = 1720}},
        .classes = {{.name = "channels", .max = 20, .timeout = H323_EXPECT_SECONDS}},
        .framing = SL_FRAME_OWN,
        .message_max = H323_MESSAGE_MAX,
        .message = {[SL_ORIGINAL] = message, [SL_REPLY] = message},
        .frame = h323_frame,
        .hold = h323_hold,
        .sync = h323_sync,
        .linux_many = true,
        .options = {{"h323_callforward_filter", 1, 1,
                "a call forwarded to where the caller is opens nothing"}},
};
