/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PPTP: the point-to-point tunnelling protocol. RFC 2637.
 *
 *	PNS (usually the client)				PAC (usually the server)
 *
 *	SCCRQ  start-control-connection-request			SCCRP
 *
 *	OCRQ   outgoing call, my call id is X
 *								OCRP   my call id is Y, yours is X
 *	    ==== GRE version 1, key Y ====>
 *	    <==== GRE version 1, key X ====
 *
 *								ICRQ   incoming call, my id is Y
 *	ICRP   my call id is X, yours is Y
 *								ICCN   yours is X: connected
 *
 *	SLI    set-link-info, yours is Y			WEN    wan-error-notify, yours is X
 *	CCRQ   clear the call, mine is X			CDN    it is over, mine is Y
 *
 * A call id is what its chooser wants to see in GRE packets sent to it. Behind NAT two clients may
 * choose the same one towards the same server; so where the chooser is translated, the other
 * side is told an id that nobody else uses between the two public addresses, in every message
 * that carries it and in the GRE header. Which side opened the control connection does not
 * matter, and there may be several calls at a time.
 *
 * A message is understood when its length, type and magic cookie are right and it has all the
 * fields that are read. One about a call that was not seen passes unchanged.
 */
#include <sluice/helper.h>

#define COOKIE    0x1a2b3c4d
#define HEADER    12 /* length, message type, cookie, control type, reserved */
#define LONGEST   220
#define CALLS_MAX 16
#define CONNECTED 1 /* result code of OCRP and ICRP */

enum control { OCRQ = 7, OCRP, ICRQ, ICRP, ICCN, CCRQ, CDN, WEN, SLI };
enum { CLASS_GRE };

/* Where a message has the sender's call id, the receiver's, and the result. 0: it has none. */
static const struct fields {
	uint8_t least; /* bytes that it must have */
	uint8_t own, peer, result;
} fields[] = {
        [OCRQ] = {16, 12, 0, 0},
        [OCRP] = {17, 12, 14, 16},
        [ICRQ] = {16, 12, 0, 0},
        [ICRP] = {17, 12, 14, 16},
        [ICCN] = {14, 0, 12, 0},
        [CCRQ] = {14, 12, 0, 0},
        [CDN] = {14, 12, 0, 0},
        [WEN] = {14, 0, 12, 0},
        [SLI] = {14, 0, 12, 0},
};

/* An incoming call whose ids are known, but which is not connected yet: [dir] as chosen. */
struct pptp {
	struct {
		uint16_t key[2];
	} call[CALLS_MAX]; /* the last ones, from next - 1 backwards */
	uint8_t next, count;
};

/* One message, read. */
struct message {
	unsigned type;
	uint16_t own, peer; /* as they stand */
	uint8_t result;
};

/* ---- reading ------------------------------------------------------------------------------ */

static uint16_t field(const struct sl_message *m, uint8_t offset)
{
	struct sl_text t = m->text;
	uint16_t v = 0;

	if (offset && sl_text_bytes(&t, offset, NULL))
		sl_text_u16(&t, &v);
	return v;
}

/* A control message that carries call ids. */
static bool read_message(const struct sl_message *m, struct message *out)
{
	struct sl_text t = m->text;
	uint16_t length, type, control;
	uint32_t cookie;

	if (!sl_text_u16(&t, &length) || !sl_text_u16(&t, &type) || !sl_text_u32(&t, &cookie) ||
	        !sl_text_u16(&t, &control) || type != 1 || cookie != COOKIE || control < OCRQ ||
	        control > SLI || length < fields[control].least || length > LONGEST)
		return false;
	out->type = control;
	out->own = field(m, fields[control].own);
	out->peer = field(m, fields[control].peer);
	out->result = (uint8_t)(field(m, fields[control].result) >> 8);
	return true;
}

/* ---- writing ------------------------------------------------------------------------------ */

static bool put(struct sl_help *help, struct sl_message *m, uint8_t offset, uint16_t value)
{
	uint8_t b[2] = {(uint8_t)(value >> 8), (uint8_t)value};

	return sl_replace(help, m, offset, sizeof(b), b, sizeof(b));
}

/* The sender's id, as the receiver must see it. */
static enum sl_reason put_own(struct sl_help *help, struct sl_message *m, const struct message *msg)
{
	uint16_t seen;
	enum sl_reason why = sl_gre_key(help, m->dir, msg->own, &seen);

	if (sl_help_translated(help))
		sl_help_beyond(help, SL_BEYOND_CALL_ID);
	if (why == SL_WHY_NONE && !put(help, m, fields[msg->type].own, seen))
		why = SL_WHY_HELPER_DROP;
	return why;
}

/* ---- what is said --------------------------------------------------------------------------- */

/* Both ids are known: [dir] is whose. */
static void keys(const struct sl_message *m, uint16_t own, uint16_t peer, uint16_t key[2])
{
	key[m->dir] = own;
	key[!m->dir] = peer;
}

static enum sl_reason connect_call(struct sl_help *help, const uint16_t key[2])
{
	return sl_gre_call(help, key, CLASS_GRE, "PPTP call");
}

static void remember(struct sl_help *help, const uint16_t key[2])
{
	struct pptp *pptp = sl_help_data(help);

	pptp->call[pptp->next].key[0] = key[0];
	pptp->call[pptp->next].key[1] = key[1];
	pptp->next = (uint8_t)((pptp->next + 1) % CALLS_MAX);
	if (pptp->count < CALLS_MAX)
		pptp->count++;
}

/* The incoming call for which side dir chose this id. */
static bool recall(struct sl_help *help, enum sl_dir dir, uint16_t id, uint16_t key[2])
{
	struct pptp *pptp = sl_help_data(help);

	for (unsigned i = 1; i <= pptp->count; i++) {
		unsigned at = (pptp->next + CALLS_MAX - i) % CALLS_MAX;

		if (pptp->call[at].key[dir] != id)
			continue;
		key[0] = pptp->call[at].key[0];
		key[1] = pptp->call[at].key[1];
		return true;
	}
	return false;
}

/* OCRP, ICRP: the answer to a call. */
static enum sl_reason answer(
        struct sl_help *help, struct sl_message *m, const struct message *msg, uint16_t peer)
{
	uint16_t key[2];
	enum sl_reason why;

	if (msg->result != CONNECTED) {
		sl_gre_end(help, !m->dir, peer);
		return SL_WHY_NONE;
	}
	why = put_own(help, m, msg);
	keys(m, msg->own, peer, key);
	if (why == SL_WHY_NONE && msg->type == OCRP)
		why = connect_call(help, key);
	else if (why == SL_WHY_NONE)
		remember(help, key);
	return why;
}

/* A message that names the receiver's id, which the sender knows as it was told. */
static enum sl_reason to_peer(struct sl_help *help, struct sl_message *m, const struct message *msg)
{
	enum sl_reason why = SL_WHY_NONE;
	uint16_t peer, key[2];

	if (!sl_gre_own(help, !m->dir, msg->peer, &peer)) {
		sl_note(help, SL_WHY_HELPER_UNASKED, "PPTP: about a call that was not seen");
		return SL_WHY_NONE;
	}
	if (msg->type == OCRP || msg->type == ICRP)
		why = answer(help, m, msg, peer);
	else if (msg->type == ICCN && recall(help, !m->dir, peer, key))
		why = connect_call(help, key);
	if (why == SL_WHY_NONE && !put(help, m, fields[msg->type].peer, peer))
		why = SL_WHY_HELPER_DROP;
	return why;
}

static enum sl_help_result message(struct sl_help *help, struct sl_message *m)
{
	struct message msg;
	enum sl_reason why = SL_WHY_NONE;
	uint16_t seen;

	if (!read_message(m, &msg))
		return SL_PASS;
	if (fields[msg.type].peer) {
		why = to_peer(help, m, &msg);
	} else if (msg.type == OCRQ || msg.type == ICRQ) {
		why = put_own(help, m, &msg);
	} else if (sl_gre_seen(help, m->dir, msg.own, &seen)) { /* CCRQ, CDN */
		if (!put(help, m, fields[msg.type].own, seen))
			why = SL_WHY_HELPER_DROP;
		if (msg.type == CDN)
			sl_gre_end(help, m->dir, msg.own);
	}
	return why == SL_WHY_NONE ? SL_PASS : sl_refuse(help, why);
}

/* ---- messages that are not whole ------------------------------------------------------------- */

/* Ids stand behind the header. */
static size_t hold(struct sl_help *help, const struct sl_text *begin, enum sl_dir dir)
{
	(void)help, (void)begin, (void)dir;
	return HEADER;
}

/* A message begins where a header with the cookie does. */
static size_t sync(struct sl_help *help, const struct sl_text *bytes, enum sl_dir dir)
{
	size_t n = sl_text_left(bytes);

	(void)help, (void)dir;
	for (size_t at = 0; at + 8 <= n; at++) {
		struct sl_text t = *bytes;
		uint16_t length, type;
		uint32_t cookie;

		sl_text_bytes(&t, at, NULL);
		if (sl_text_u16(&t, &length) && sl_text_u16(&t, &type) &&
		        sl_text_u32(&t, &cookie) && length >= HEADER && length <= LONGEST &&
		        type == 1 && cookie == COOKIE)
			return at;
	}
	return n;
}

const struct sl_helper sl_helper_pptp = {
        SL_HELPER_HEADER,
        .name = "pptp",
        .match = {{.proto = SL_PROTO_TCP, .port = 1723}},
        .classes = {[CLASS_GRE] = {.name = "gre", .max = 2 * CALLS_MAX, .timeout = 300}},
        .framing = SL_FRAME_LENGTH,
        .length_size = 2,
        .message_max = LONGEST,
        .data_size = sizeof(struct pptp),
        .message = {[SL_ORIGINAL] = message, [SL_REPLY] = message},
        .hold = hold,
        .sync = sync,
};
