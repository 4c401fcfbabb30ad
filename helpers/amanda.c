/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Amanda, the network backup: its datagram protocol ("bsd" authentication). No RFC; the sources
 * of Amanda are the reference (common-src/packet.c, amandad-src/amandad.c).
 *
 *	backup server (SL_ORIGINAL)			machine backed up (SL_REPLY), UDP 10080
 *
 *	Amanda 2.6 REQ HANDLE 000-8 SEQ 17
 *	SERVICE sendbackup ...
 *							Amanda 2.6 ACK HANDLE 000-8 SEQ 17
 *							Amanda 2.6 REP HANDLE 000-8 SEQ 17
 *							CONNECT DATA 50001 MESG 50002 INDEX 50003
 *	    ---- a TCP connection to each of these ports ---->
 *
 * The ports stand in the line that begins with CONNECT, as pairs of a name and a decimal
 * number. DATA, MESG, INDEX and STATE are expected; other names are skipped. A port of 0 says
 * that there is no such stream. One below 1024 is not opened.
 *
 * Estimates take long: the answer may come minutes after the question, and so the connection is
 * kept for five minutes from each answer on.
 */
#include <sluice/helper.h>

#define KEEP_SECONDS 300

enum { CLASS_STREAM };

/* One stream of the CONNECT line; which bytes of the message are its port. */
struct stream {
	const char *reason;
	size_t offset, length;
	uint32_t port;
};

/* What a stream is called, and what its expectation is for. */
static const struct {
	const char *name, *reason;
} streams[] = {
        {"DATA", "Amanda data"},
        {"MESG", "Amanda messages"},
        {"INDEX", "Amanda index"},
        {"STATE", "Amanda state"},
};

static const char *reason_of(const struct sl_text *name)
{
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
		if (sl_text_eq_nocase(name, streams[i].name))
			return streams[i].reason;
	return NULL;
}

/* "NAME port", with spaces before it; reason is NULL for a name that nobody knows. */
static bool read_stream(struct sl_text *t, struct stream *s)
{
	struct sl_text try = *t, name;

	sl_text_spaces(&try);
	if (!sl_text_token(&try, &name) || !sl_text_spaces(&try))
		return false;
	s->reason = reason_of(&name);
	s->offset = sl_text_offset(&try);
	if (!sl_text_uint(&try, 65535, &s->port))
		return false;
	s->length = sl_text_offset(&try) - s->offset;
	*t = try;
	return true;
}

/* The part of the message behind the CONNECT that begins a line, up to its end. */
static bool find_connect(struct sl_text t, struct sl_text *line)
{
	if (!sl_text_exact(&t, "Amanda "))
		return false;
	while (sl_text_line(&t, line))
		if (sl_text_exact(line, "CONNECT "))
			return true;
	return false;
}

static enum sl_help_result open_stream(
        struct sl_help *help, struct sl_message *m, const struct stream *s)
{
	struct sl_endpoint written = {.port = (uint16_t)s->port, .proto = SL_PROTO_TCP}, seen;
	struct sl_tuple own;
	enum sl_reason why;
	char text[8];
	struct sl_out out = sl_out_of(text, sizeof(text));

	sl_help_tuple(help, m->dir, &own);
	written.addr = own.src;
	written.family = own.family;
	why = sl_expect_endpoint(help, m, &written, CLASS_STREAM, s->reason, &seen);
	if (why == SL_WHY_HELPER_PORT) {
		sl_note(help, why, s->reason);
		return SL_PASS;
	}
	if (why != SL_WHY_NONE)
		return sl_refuse(help, why);
	if (seen.port == s->port)
		return SL_PASS;
	sl_text_put_uint(&out, seen.port);
	if (!sl_replace(help, m, s->offset, s->length, text, sl_out_len(&out)))
		return sl_refuse(help, SL_WHY_HELPER_DROP);
	return SL_PASS;
}

static enum sl_help_result answer(struct sl_help *help, struct sl_message *m)
{
	enum sl_help_result result = SL_PASS;
	struct sl_text line;
	struct stream s;

	sl_keep_alive(help, KEEP_SECONDS);
	if (!find_connect(m->text, &line))
		return SL_PASS;
	while (result == SL_PASS && read_stream(&line, &s))
		if (s.reason && s.port)
			result = open_stream(help, m, &s);
	return result;
}

const struct sl_helper sl_helper_amanda = {
        SL_HELPER_HEADER,
        .name = "amanda",
        .match = {{.proto = SL_PROTO_UDP, .port = 10080}},
        .classes = {[CLASS_STREAM] = {.name = "stream", .max = 4, .timeout = 180}},
        .framing = SL_FRAME_DATAGRAM,
        .message = {[SL_REPLY] = answer},
};
