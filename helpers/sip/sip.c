/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SIP, the session initiation protocol: RFC 3261; UPDATE: RFC 3311; PRACK: RFC 3262; rport: RFC
 * 3581; offers and answers: RFC 3264; SDP: RFC 4566, 8866. Over UDP and TCP, port 5060.
 *
 *	phone (SL_ORIGINAL)			registrar, proxy or phone (SL_REPLY)
 *
 *	REGISTER
 *	Contact: <sip:bob@10.0.0.2>		200, Contact: ...;expires=3600
 *	    <---- calls for bob, for as long as that: INVITE ... ----
 *
 *	INVITE, c=IN IP4 10.0.0.2,		183, 200, c=IN IP4 198.51.100.7,
 *	        m=audio 49170			          m=audio 30000
 *	ACK
 *	    <---- RTP to 49170, RTCP to 49171 (UDP) ----
 *	    ---- RTP to 30000, RTCP to 30001 ---->
 *	BYE					200
 *
 * One message's way: first line and headers are read (message.c), every header that names an
 * endpoint (headers.c), and the description if there is one (sdp.c). Only if all of that was
 * understood something is done: expectations (call.c, register.c), and under NAT edits, which
 * are collected and made together, Content-Length last.
 *
 * A message that is not understood to its end passes unchanged and opens nothing. So does every
 * message with sip_observe: it is only told what would have been done.
 *
 * Options, with the kernel's names and defaults: sip_timeout, how long the connection is
 * kept without a message; sip_direct_signalling, whether only the registrar may
 * call who registered; sip_direct_media, whether media may only flow between the two ends of
 * the signalling; sip_external_media, if not, whether media that need not cross us are left out.
 *
 * Not attached without an operator's word: a network whose phones cope with NAT themselves
 * (STUN, ICE, a border controller) is better off without.
 */
#include "sip.h"

#define MESSAGE_MAX 16384

/* ---- one message ----------------------------------------------------------------------------- */

/* In a stream only Content-Length says where a message ends, and must be there (RFC 3261 20.14). */
static bool has_end(const struct sip_work *w)
{
	struct sl_tuple own;

	sl_help_tuple(w->help, w->m->dir, &own);
	return own.proto != SL_PROTO_TCP || sl_text_left(&w->head.length);
}

static bool understood(struct sip_work *w)
{
	if (!sip_head_read(w->m->text, &w->head) || !has_end(w) || !sip_headers_read(w))
		return false;
	return !w->head.has_sdp || sip_sdp_read(w->head.body, w->head.many_parts, &w->sdp);
}

/* The body became longer or shorter. */
static void correct_length(struct sip_work *w)
{
	size_t body = sl_text_offset(&w->head.body);
	int64_t growth = sl_edits_growth(&w->edits, body);
	char text[12];
	struct sl_out out = sl_out_of(text, sizeof(text));

	if (!growth || !sl_text_left(&w->head.length))
		return;
	sl_text_put_uint(&out, (uint64_t)((int64_t)sl_text_left(&w->head.body) + growth));
	sl_edits_add(&w->edits, sl_text_offset(&w->head.length), sl_text_left(&w->head.length),
	        text, sl_out_len(&out));
}

static enum sl_help_result observe(struct sip_work *w)
{
	if (w->head.has_sdp)
		sl_note(w->help, SL_WHY_NONE, "SIP observed: a session description");
	else if (w->head.is_request && sip_method_is(&w->head, "REGISTER"))
		sl_note(w->help, SL_WHY_NONE, "SIP observed: a registration");
	return SL_PASS;
}

static enum sl_help_result work_on(struct sip_work *w)
{
	enum sl_reason why = sip_call(w);

	if (why == SL_WHY_NONE)
		why = sip_register(w);
	if (why != SL_WHY_NONE)
		return sl_refuse(w->help, why);
	if (w->translated)
		sip_headers_translate(w);
	if (w->beyond)
		sl_help_beyond(w->help, (enum sl_beyond)w->beyond);
	if (!w->translated)
		return SL_PASS;
	correct_length(w);
	if (!sl_edits_make(&w->edits, w->help, w->m))
		return sl_refuse(w->help, SL_WHY_HELPER_DROP);
	if (w->m->dir == SL_REPLY && w->sip->forced_port)
		sl_packet_set_dport(w->help, w->sip->forced_port);
	return SL_PASS;
}

static enum sl_help_result message(struct sl_help *help, struct sl_message *m)
{
	struct sip_work w = {.help = help,
	        .m = m,
	        .sip = sl_help_data(help),
	        .translated = sl_help_translated(help)};
	struct sl_text t = m->text;

	sl_keep_alive(help, sl_help_option(help, "sip_timeout"));
	sl_text_skip(&t, "\r\n");
	if (!sl_text_left(&t)) /* a keep-alive */
		return SL_PASS;
	if (!understood(&w)) {
		sl_note(help, SL_WHY_HELPER_SYNTAX, "SIP");
		return SL_PASS;
	}
	return sl_help_option(help, "sip_observe") ? observe(&w) : work_on(&w);
}

/* ---- in a stream ----------------------------------------------------------------------------- */

/* A line that is a first line. */
static bool begins_message(struct sl_text line)
{
	struct sl_text word;

	if (sl_text_prefix(&line, "SIP/2.0 "))
		return true;
	return sl_text_token(&line, &word) && sl_text_char(&line, ' ') &&
	       sl_text_token(&line, &word) && sl_text_char(&line, ' ') &&
	       sl_text_eq_nocase(&line, "SIP/2.0");
}

/* Whole lines before the first that begins a message; *found: there is one. */
static size_t lines_before(struct sl_text t, bool *found)
{
	struct sl_text line;
	size_t at = 0;

	for (*found = false; sl_text_until(&t, '\n', &line); at = sl_text_offset(&t)) {
		sl_text_trim(&line);
		if (begins_message(line)) {
			*found = true;
			break;
		}
	}
	return at;
}

/*
 * Line ends between messages (keep-alives: RFC 5626 3.5.1), lines that belong to none, or a head and
 * the body that it tells.
 */
static size_t frame(struct sl_help *help, const struct sl_text *begin, enum sl_dir dir)
{
	struct sl_text t = *begin, lines, first;
	size_t head = sl_text_skip(&t, "\r\n");
	int64_t body;
	bool found;

	(void)help, (void)dir;
	if (head)
		return head;
	head = lines_before(t, &found);
	if (head)
		return head;
	head = sip_head_length(t);
	if (!head)
		return 0;
	lines = t;
	lines.end = t.at + head;
	(void)sl_text_until(&lines, '\n', &first); /* there is one: a head ends with a line's end */
	body = sip_body_length(lines);
	return body > 0 ? head + (size_t)body : head;
}

/* The first that may have to be changed is a request's URI, or an answer's headers. */
static size_t hold(struct sl_help *help, const struct sl_text *begin, enum sl_dir dir)
{
	struct sl_text t = *begin, line;

	(void)help, (void)dir;
	if (sl_text_prefix(&t, "SIP/2.0 "))
		return sl_text_until(&t, '\n', &line) ? sl_text_offset(&t) : sl_text_left(begin);
	sl_text_skip_to(&t, " ");
	return sl_text_offset(&t);
}

static size_t sync(struct sl_help *help, const struct sl_text *stream, enum sl_dir dir)
{
	bool found;
	size_t at = lines_before(*stream, &found);

	(void)help, (void)dir;
	return found ? at : sl_text_left(stream);
}

const struct sl_helper sl_helper_sip = {
        SL_HELPER_HEADER,
        .name = "sip",
        .match = {{.proto = SL_PROTO_UDP, .port = SIP_PORT},
                {.proto = SL_PROTO_TCP, .port = SIP_PORT}},
        .classes = {[SIP_SIGNALLING] = {.name = "signalling", .max = 1, .timeout = 180},
                [SIP_AUDIO] = {.name = "audio", .max = 4, .timeout = 180, .all = 64},
                [SIP_VIDEO] = {.name = "video", .max = 4, .timeout = 180, .all = 64},
                [SIP_IMAGE] = {.name = "image", .max = 2, .timeout = 180, .all = 64}},
        .framing = SL_FRAME_OWN,
        .message_max = MESSAGE_MAX,
        .data_size = sizeof(struct sip),
        .message = {[SL_ORIGINAL] = message, [SL_REPLY] = message},
        .frame = frame,
        .hold = hold,
        .sync = sync,
        .options = {{"sip_timeout", 3600, 86400,
                            "seconds that a connection is kept without a message"},
                {"sip_direct_signalling", 1, 1, "only the registrar may call who registered"},
                {"sip_direct_media", 1, 1, "media flow between the ends of the signalling only"},
                {"sip_external_media", 0, 1,
                        "without direct media: leave out media that need not cross the gateway"},
                {"sip_observe", 0, 1, "change and open nothing, only tell"}},
        .by_request = true,
};
