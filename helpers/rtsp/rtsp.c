/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RTSP: the real-time streaming protocol. RFC 2326 (1.0) and RFC 7826 (2.0).
 *
 *	client (SL_ORIGINAL)			server (SL_REPLY), TCP 554, 8554
 *
 *	SETUP rtsp://server/film/1 RTSP/1.0
 *	CSeq: 3
 *	Transport: RTP/AVP;unicast;
 *	    client_port=4588-4589		RTSP/1.0 200 OK
 *						CSeq: 3
 *						Session: 12345678
 *						Transport: RTP/AVP;unicast;
 *						    client_port=4588-4589;
 *						    server_port=6256-6257
 *	PLAY ...
 *	    <---- RTP to port 4588, RTCP to port 4589 (UDP) ----
 *	    ---- RTCP to port 6257, and RTP to 6256 when the client records ---->
 *	TEARDOWN ...
 *
 * In RTSP 2.0 the same is said by dest_addr=":4588"/":4589" and src_addr="198.51.100.7:6256"/...
 * A stream may also be interleaved with the messages: '$', a channel, a length of 16 bits, data.
 *
 * The ports of a SETUP are expected for the server; those of its answer for the client. Ports
 * that follow each other (a pair) stay together. If the answer is an error, or chooses a
 * transport without ports, the request's expectations end. TEARDOWN ends those of the stream that
 * it names, else all of the session that it names, else all. Several streams are several SETUPs.
 *
 * An endpoint is taken to be at the address of the connection's end that names it. If it names
 * another one (destination=, dest_addr, source=, src_addr), nothing is opened and the message
 * is left alone with a remark: it would send the stream to somebody who did not ask for it.
 * Multicast and interleaved transports need nothing. Bodies are not read.
 *
 * Bodies and interleaved data are stepped over as they come: they are never kept.
 */
#include "rtsp.h"

#define MESSAGE_MAX 8192 /* of the lines before the body */
#define STREAMS     8    /* SETUPs that are remembered, a connection */
#define INTERLEAVED 4    /* bytes before interleaved data */

enum { CLASS_CLIENT, CLASS_SERVER };

/* One SETUP: its cookie is its place in the table, plus 1. */
struct stream {
	uint32_t url;     /* hash; 0: unused */
	uint32_t session; /* hash; 0: the answer named none */
	uint32_t cseq;
	uint16_t own, seen; /* the client's first port, as it wrote it and as the server sees it */
	uint8_t count;
	bool asked; /* no answer yet */
};

struct rtsp {
	uint32_t skip[2]; /* bytes of body or data that still come, by direction */
	uint8_t next;     /* stream to be used next */
	struct stream stream[STREAMS];
};

/* ---- streams --------------------------------------------------------------------------------- */

/* FNV-1a; 0 is kept for "none". */
static uint32_t hash(struct sl_text t)
{
	uint32_t h = 2166136261u;

	for (; sl_text_left(&t); t.at++)
		h = (h ^ (unsigned char)*t.at) * 16777619u;
	return h ? h : 1;
}

static uint32_t url_of(const struct rtsp_head *h)
{
	struct sl_text url = h->url;

	while (sl_text_left(&url) && url.end[-1] == '/')
		url.end--;
	return hash(url);
}

static uint32_t session_of(const struct rtsp_head *h)
{
	return sl_text_left(&h->session) ? hash(h->session) : 0;
}

static uint32_t cookie_of(const struct rtsp *rtsp, const struct stream *s)
{
	return (uint32_t)(s - rtsp->stream) + 1;
}

static void forget(struct sl_help *help, struct rtsp *rtsp, struct stream *s)
{
	struct sl_which which = {.cookie = cookie_of(rtsp, s)};

	sl_expect_remove(help, &which);
	*s = (struct stream){.url = 0};
}

/* The stream's place: its old one if it was set up before, else a free one, else the oldest. */
static struct stream *stream_for(struct sl_help *help, struct rtsp *rtsp, uint32_t url)
{
	struct stream *s = NULL;

	for (unsigned i = 0; i < STREAMS && !s; i++)
		if (rtsp->stream[i].url == url)
			s = &rtsp->stream[i];
	for (unsigned i = 0; i < STREAMS && !s; i++)
		if (!rtsp->stream[i].url)
			s = &rtsp->stream[i];
	if (!s) {
		s = &rtsp->stream[rtsp->next];
		rtsp->next = (uint8_t)((rtsp->next + 1) % STREAMS);
	}
	forget(help, rtsp, s);
	s->url = url;
	return s;
}

static enum sl_reason announce(struct sl_help *help, const struct sl_message *m,
        const struct rtsp_ports *p, uint8_t class_id, uint32_t cookie, struct sl_endpoint *seen)
{
	struct sl_announcement a = {.class_id = class_id,
	        .ports = p->count,
	        .cookie = cookie,
	        .reason = class_id == CLASS_CLIENT ? "RTSP media, to the client"
	                                           : "RTSP media, to the server"};
	struct sl_tuple own;

	sl_help_tuple(help, m->dir, &own);
	a.written = (struct sl_endpoint){
	        .addr = own.src, .port = p->first, .family = own.family, .proto = SL_PROTO_UDP};
	return sl_expect_announced(help, m, &a, seen);
}

/* Is it only that the announcement is not one that may be followed? */
static bool harmless(enum sl_reason why)
{
	return why == SL_WHY_HELPER_ADDRESS || why == SL_WHY_HELPER_PORT ||
	       why == SL_WHY_HELPER_RANGE;
}

/* ---- requests -------------------------------------------------------------------------------- */

static enum sl_help_result make(
        struct sl_help *help, struct sl_message *m, const struct sl_edits *edits)
{
	return sl_edits_make(edits, help, m) ? SL_PASS : sl_refuse(help, SL_WHY_HELPER_DROP);
}

/* The client's ports in one of the transports that it offers. */
static enum sl_reason offered(struct sl_help *help, const struct sl_message *m,
        const struct rtsp_head *h, struct rtsp_transport *r, struct stream **stream,
        struct sl_edits *edits)
{
	struct rtsp *rtsp = sl_help_data(help);
	struct stream *s = *stream;
	struct sl_endpoint seen;
	enum sl_reason why;

	if (!rtsp_is_side(help, m, r->destination.text, true) ||
	        !rtsp_ports_at_side(help, m, &r->client, true))
		return SL_WHY_HELPER_ADDRESS;
	if (!s)
		*stream = s = stream_for(help, rtsp, url_of(h));
	why = announce(help, m, &r->client, CLASS_CLIENT, cookie_of(rtsp, s), &seen);
	if (why != SL_WHY_NONE)
		return why;
	s->asked = true;
	s->cseq = h->cseq;
	s->own = r->client.first;
	s->seen = seen.port;
	s->count = r->client.count;
	rtsp_ports_write(edits, &r->client, &seen);
	rtsp_place_write(help, m, edits, &r->destination);
	return SL_WHY_NONE;
}

static enum sl_help_result setup(
        struct sl_help *help, struct sl_message *m, const struct rtsp_head *h)
{
	struct sl_text list = h->transport;
	struct sl_edits edits = {.count = 0};
	struct stream *s = NULL;
	struct rtsp_transport r;
	enum sl_reason why;

	while (rtsp_transport_read(&list, &r)) {
		if (!r.unicast_udp || r.wrong || !r.client.count)
			continue;
		why = offered(help, m, h, &r, &s, &edits);
		if (harmless(why)) {
			sl_note(help, why, "RTSP client's ports");
			return SL_PASS;
		}
		if (why != SL_WHY_NONE)
			return sl_refuse(help, why);
	}
	return make(help, m, &edits);
}

static bool is_meant(const struct stream *s, uint32_t url, uint32_t session, bool by_url)
{
	if (by_url)
		return s->url == url;
	return s->url && (!session || !s->session || s->session == session);
}

static enum sl_help_result teardown(struct sl_help *help, const struct rtsp_head *h)
{
	struct rtsp *rtsp = sl_help_data(help);
	uint32_t url = url_of(h), session = session_of(h);
	bool by_url = false;

	for (unsigned i = 0; i < STREAMS; i++)
		by_url = by_url || rtsp->stream[i].url == url;
	for (unsigned i = 0; i < STREAMS; i++)
		if (is_meant(&rtsp->stream[i], url, session, by_url))
			forget(help, rtsp, &rtsp->stream[i]);
	return SL_PASS;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* The client's ports, which come back to it as the server saw them. */
static void restore_client(struct sl_help *help, const struct sl_message *m, struct sl_edits *edits,
        const struct stream *s, const struct rtsp_ports *p)
{
	struct sl_endpoint own = {.port = p->first};
	struct sl_tuple peer;

	sl_help_tuple(help, !m->dir, &peer);
	own.addr = peer.src;
	own.family = peer.family;
	if (p->first >= s->seen && p->first - s->seen < s->count)
		own.port = (uint16_t)(s->own + (p->first - s->seen));
	if (rtsp_ports_at_side(help, m, p, false))
		rtsp_ports_write(edits, p, &own);
}

/* The server's ports in the transport that it chose. */
static enum sl_reason chosen(struct sl_help *help, const struct sl_message *m,
        const struct stream *s, struct rtsp_transport *r, struct sl_edits *edits)
{
	struct sl_endpoint seen;
	enum sl_reason why;

	if (!rtsp_is_side(help, m, r->source.text, true) ||
	        !rtsp_ports_at_side(help, m, &r->server, true))
		return SL_WHY_HELPER_ADDRESS;
	why = announce(help, m, &r->server, CLASS_SERVER, cookie_of(sl_help_data(help), s), &seen);
	if (why == SL_WHY_NONE)
		rtsp_ports_write(edits, &r->server, &seen);
	return why;
}

static enum sl_help_result set_up(
        struct sl_help *help, struct sl_message *m, struct stream *s, const struct rtsp_head *h)
{
	struct sl_text list = h->transport;
	struct sl_edits edits = {.count = 0};
	enum sl_reason why = SL_WHY_NONE;
	struct rtsp_transport r;

	s->session = session_of(h);
	if (!rtsp_transport_read(&list, &r) || (r.unicast_udp && r.wrong))
		return SL_PASS;
	if (!r.unicast_udp) {
		forget(help, sl_help_data(help), s);
		return SL_PASS;
	}
	if (r.client.count)
		restore_client(help, m, &edits, s, &r.client);
	rtsp_place_write(help, m, &edits, &r.destination);
	rtsp_place_write(help, m, &edits, &r.source);
	if (r.server.count)
		why = chosen(help, m, s, &r, &edits);
	if (harmless(why))
		sl_note(help, why, "RTSP server's ports");
	else if (why != SL_WHY_NONE)
		return sl_refuse(help, why);
	return make(help, m, &edits);
}

static enum sl_help_result answer(
        struct sl_help *help, struct sl_message *m, const struct rtsp_head *h)
{
	struct rtsp *rtsp = sl_help_data(help);

	for (unsigned i = 0; i < STREAMS; i++) {
		struct stream *s = &rtsp->stream[i];

		if (!s->url || !s->asked || s->cseq != h->cseq || h->status < 200)
			continue;
		s->asked = false;
		if (h->status < 300)
			return set_up(help, m, s, h);
		forget(help, rtsp, s);
	}
	return SL_PASS;
}

/* ---- a message's way ------------------------------------------------------------------------- */

static enum sl_help_result message(struct sl_help *help, struct sl_message *m)
{
	struct rtsp *rtsp = sl_help_data(help);
	struct sl_text t = m->text;
	uint32_t n = (uint32_t)sl_text_left(&t);
	struct rtsp_head h;

	if (rtsp->skip[m->dir]) {
		rtsp->skip[m->dir] -= n;
		return SL_PASS;
	}
	if (sl_text_char(&t, '$') && sl_text_left(&t) == INTERLEAVED - 1) {
		t.at++;
		rtsp->skip[m->dir] = (uint32_t)(unsigned char)t.at[0] << 8 | (unsigned char)t.at[1];
		return SL_PASS;
	}
	rtsp_head_read(m->text, &h);
	rtsp->skip[m->dir] = h.body;
	if (!h.understood)
		return SL_PASS;
	if (h.status)
		return m->dir == SL_REPLY ? answer(help, m, &h) : SL_PASS;
	if (m->dir == SL_ORIGINAL && sl_text_eq_nocase(&h.method, "SETUP"))
		return setup(help, m, &h);
	if (sl_text_eq_nocase(&h.method, "TEARDOWN"))
		return teardown(help, &h);
	return SL_PASS;
}

/* ---- framing --------------------------------------------------------------------------------- */

/* A piece of what is stepped over, an interleaved packet's head, line ends between messages, or a
 * head. */
static size_t frame(struct sl_help *help, const struct sl_text *begin, enum sl_dir dir)
{
	const struct rtsp *rtsp = sl_help_data(help);
	size_t left = sl_text_left(begin), blank;
	struct sl_text t = *begin;

	if (rtsp->skip[dir])
		return left < rtsp->skip[dir] ? left : rtsp->skip[dir];
	if (sl_text_peek(&t) == '$')
		return left < INTERLEAVED ? 0 : INTERLEAVED;
	blank = sl_text_skip(&t, "\r\n");
	return blank ? blank : rtsp_head_length(t);
}

/* Only a Transport header may have to be changed: what stands before it goes on. */
static size_t hold(struct sl_help *help, const struct sl_text *begin, enum sl_dir dir)
{
	static const char name[] = "Transport:";
	struct sl_text t = *begin, line;
	size_t from = 0;

	(void)help, (void)dir;
	if (sl_text_peek(&t) == '$')
		return sl_text_left(begin);
	while (rtsp_whole_line(&t, &line)) {
		if (rtsp_is_header(&line, "Transport"))
			return from;
		from = sl_text_offset(&t);
	}
	/* A line without its end: may it still become one? */
	for (size_t i = 0; sl_text_left(&t) && name[i] && name[i] != ':'; i++, t.at++)
		if (sl_text__lower((unsigned char)*t.at) != sl_text__lower(name[i]))
			return sl_text_left(begin);
	return from;
}

/* A message begins with an answer's version, or a request's method, at the beginning of a line. */
static bool begins_message(struct sl_text t)
{
	static const char *const methods[] = {"RTSP/", "OPTIONS ", "DESCRIBE ", "ANNOUNCE ",
	        "SETUP ", "PLAY ", "PAUSE ", "TEARDOWN ", "GET_PARAMETER ", "SET_PARAMETER ",
	        "REDIRECT ", "RECORD ", "PLAY_NOTIFY "};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct sl_text try = t;

		if (sl_text_exact(&try, methods[i]))
			return true;
	}
	return false;
}

static size_t sync(struct sl_help *help, const struct sl_text *stream, enum sl_dir dir)
{
	struct rtsp *rtsp = sl_help_data(help);
	struct sl_text t = *stream, line;

	rtsp->skip[dir] = 0;
	do {
		if (begins_message(t))
			return sl_text_offset(&t);
	} while (sl_text_until(&t, '\n', &line));
	return sl_text_left(stream);
}

const struct sl_helper sl_helper_rtsp = {
        SL_HELPER_HEADER,
        .name = "rtsp",
        .match = {{.proto = SL_PROTO_TCP, .port = 554}, {.proto = SL_PROTO_TCP, .port = 8554}},
        .classes = {[CLASS_CLIENT] = {.name = "to the client", .max = 2 * STREAMS, .timeout = 180},
                [CLASS_SERVER] = {.name = "to the server", .max = 2 * STREAMS, .timeout = 180}},
        .framing = SL_FRAME_OWN,
        .message_max = MESSAGE_MAX,
        .data_size = sizeof(struct rtsp),
        .message = {[SL_ORIGINAL] = message, [SL_REPLY] = message},
        .frame = frame,
        .hold = hold,
        .sync = sync,
};
