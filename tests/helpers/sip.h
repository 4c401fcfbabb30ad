/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of SIP share: messages of one client and the answers of one server, and a connection
 * for what tables cannot say. sip.c: calls and registrations; sip_sdp.c: media; sip_text.c: spellings,
 * streams of bytes, and what must pass as it is.
 */
#ifndef TESTS_HELPERS_SIP_H
#define TESTS_HELPERS_SIP_H

#include "tests/helpers/dialogue.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
/* A message of the client's and an answer to it: what is the same in all of them. */
#define FROM_TO   "From: \"A. <b>\" <sip:alice@example.org>;tag=1\r\nTo: <sip:bob@example.org>\r\n"
#define CALL      "Call-ID: 1@example\r\n"
#define VIA       "Via: SIP/2.0/UDP {[c]}:5060;branch=z9hG4bK1;rport\r\n"
#define CONTACT   "Contact: <sip:alice@{[c]}:5060;transport=udp>\r\n"
#define S_CONTACT "Contact: <sip:bob@{[s]}:5060>\r\n"
#define CSEQ(n, method) "CSeq: " n " " method "\r\n"
#define SDP_TYPE  "Content-Type: application/sdp\r\nContent-Length: {n}\r\n\r\n"
#define NO_BODY   "Content-Length: 0\r\n\r\n"
#define REQUEST(method, n, rest) \
	method " sip:bob@{[s]} SIP/2.0\r\n" VIA FROM_TO CALL CSEQ(n, method) rest
#define ANSWER(code, method, n, rest) \
	"SIP/2.0 " code "\r\n" VIA FROM_TO CALL CSEQ(n, method) rest

/* A description of one end: who, what address, what streams. */
#define SDP(name, c, media) \
	"v=0\r\no=- 1 1 IN IP{f} {" name "}\r\ns=-\r\nc=IN IP{f} " c "\r\nt=0 0\r\n" media
#define AUDIO(port) "m=audio " port " RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n"
#define VIDEO(port) "m=video " port " RTP/AVP 31\r\n"
#define CLIENT(port) SDP("c", "{c}", AUDIO(port))
#define HELD         "v=0\r\no=- 1 1 IN IP{f} {c}\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n" AUDIO("49170")
#define SERVER(port) SDP("s", "{s}", AUDIO(port))

#define REGISTER(n, contact) \
	"REGISTER sip:example.org SIP/2.0\r\n" VIA FROM_TO CALL CSEQ(n, "REGISTER") contact NO_BODY

#define UDP_SIP(n, r) {.name = n, .helper = "sip", .rows = r, .proto = SL_PROTO_UDP, .client_port = 5060}
#define TCP_SIP(n, r) {.name = n " (TCP)", .helper = "sip", .rows = r, .proto = SL_PROTO_TCP, .client_port = 5060}

/* ---- one message in, one out ----------------------------------------------------------------- */

#define PLAIN(first, via, rest) first "\r\nVia: SIP/2.0/UDP " via "\r\n" FROM_TO CALL "CSeq: 1 INVITE\r\n" rest
#define BODY(addr, port)  "Content-Type: application/sdp\r\n\r\nv=0\r\nc=IN IP4 " addr "\r\nm=audio " port " RTP/AVP 0\r\n"
/* clang-format on */

static const struct scene sip_udp = {
        .helper = "sip", .proto = SL_PROTO_UDP, .family = SL_IPV4, .client_port = 5060};

/* world.on_leave: packets of several connections leave. */
static inline bool sip_anywhere(struct world *w, const struct sl_packet *p)
{
	(void)w, (void)p;
	return true;
}

/* A datagram, and how it must arrive. */
static inline void sip_say(struct world *w, enum sl_dir dir, const char *text, const char *must)
{
	send_text(w, dir, text);
	assert_true(w->left);
	w->payload[w->payload_len] = '\0';
	assert_string_equal((const char *)w->payload, must);
}

#endif
