/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SIP: calls and registrations over UDP and TCP, in all their spellings; what must pass as it is.
 * Tests: helpers/sip/
 */
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

/* ---- a call ---------------------------------------------------------------------------------- */

static const struct row call[] = {
	{'c', REQUEST("INVITE", "1", CONTACT SDP_TYPE CLIENT("49170")), "s>c udp 49170 #1, s>c udp 49171 #1", 0, NULL},
	{'s', ANSWER("100 Trying", "INVITE", "1", NO_BODY), NULL, 0, NULL},
	{'s', ANSWER("183 Session Progress", "INVITE", "1", S_CONTACT SDP_TYPE SERVER("30000")),
		"c>s udp 30000 #1, c>s udp 30001 #1", 0, NULL},
	{'s', ANSWER("200 OK", "INVITE", "1", S_CONTACT SDP_TYPE SERVER("30000")),
		"-udp 30000, c>s udp 30000 #1, -udp 30001, c>s udp 30001 #1", 0, NULL},
	{'c', REQUEST("ACK", "1", CONTACT NO_BODY), NULL, 0, NULL},
	{0},
};

static const struct row ended[] = {
	{'c', REQUEST("INVITE", "1", CONTACT SDP_TYPE CLIENT("49170")), "s>c udp 49170 #1, s>c udp 49171 #1", 0, NULL},
	{'s', ANSWER("200 OK", "INVITE", "1", S_CONTACT SDP_TYPE SERVER("30000")),
		"c>s udp 30000 #1, c>s udp 30001 #1", 0, NULL},
	{'c', REQUEST("BYE", "2", NO_BODY), "-udp 30001, -udp 30000, -udp 49171, -udp 49170", 0, NULL},
	{'s', ANSWER("200 OK", "BYE", "2", NO_BODY), NULL, 0, NULL},
	/* refused, and cancelled */
	{'c', REQUEST("INVITE", "3", CONTACT SDP_TYPE CLIENT("49170")), "s>c udp 49170 #1, s>c udp 49171 #1", 0, NULL},
	{'s', ANSWER("486 Busy Here", "INVITE", "3", NO_BODY), "-udp 49171, -udp 49170", 0, NULL},
	{'c', REQUEST("INVITE", "4", CONTACT SDP_TYPE CLIENT("49172")), "s>c udp 49172 #1, s>c udp 49173 #1", 0, NULL},
	{'c', REQUEST("CANCEL", "4", NO_BODY), NULL, 0, NULL},
	{'s', ANSWER("200 OK", "CANCEL", "4", NO_BODY), NULL, 0, NULL},
	{'s', ANSWER("487 Request Terminated", "INVITE", "3", NO_BODY), NULL, 0, NULL},
	{'s', ANSWER("487 Request Terminated", "INVITE", "4", NO_BODY), "-udp 49173, -udp 49172", 0, NULL},
	{0},
};

/* Repeated requests, and a new INVITE in the call: on hold, then back with another port. */
static const struct row again[] = {
	{'c', REQUEST("INVITE", "1", CONTACT SDP_TYPE CLIENT("49170")), "s>c udp 49170 #1, s>c udp 49171 #1", 0, NULL},
	{'c', REQUEST("INVITE", "1", CONTACT SDP_TYPE CLIENT("49170")),
		"-udp 49171, -udp 49170, s>c udp 49170 #1, s>c udp 49171 #1", 0, NULL},
	{'c', REQUEST("INVITE", "2", CONTACT SDP_TYPE HELD), "-udp 49171, -udp 49170", 0, NULL},
	{'c', REQUEST("INVITE", "3", CONTACT SDP_TYPE CLIENT("49180")), "s>c udp 49180 #1, s>c udp 49181 #1", 0, NULL},
	{'s', REQUEST("UPDATE", "9", S_CONTACT SDP_TYPE SERVER("30000")), "c>s udp 30000 #1, c>s udp 30001 #1", 0, NULL},
	{'c', ANSWER("200 OK", "UPDATE", "9", CONTACT SDP_TYPE CLIENT("49180")),
		"-udp 49180, s>c udp 49180 #1, -udp 49181, s>c udp 49181 #1", 0, NULL},
	{0},
};

/* The offer in the answer, the answer in ACK or PRACK. */
static const struct row late_offer[] = {
	{'c', REQUEST("INVITE", "1", CONTACT NO_BODY), NULL, 0, NULL},
	{'s', ANSWER("200 OK", "INVITE", "1", S_CONTACT SDP_TYPE SERVER("30000")), "c>s udp 30000 #1, c>s udp 30001 #1", 0, NULL},
	{'c', REQUEST("ACK", "1", CONTACT SDP_TYPE CLIENT("49170")), "s>c udp 49170 #1, s>c udp 49171 #1", 0, NULL},
	{'c', REQUEST("PRACK", "2", SDP_TYPE CLIENT("49190")), "-udp 30000, s>c udp 49190 #1, -udp 30001, s>c udp 49191 #1", 0, NULL},
	{'s', ANSWER("200 OK", "PRACK", "2", SDP_TYPE SERVER("30010")), "-udp 49170, c>s udp 30010 #1, -udp 49171, c>s udp 30011 #1", 0, NULL},
	{0},
};

/* Another call on the same connection does not end this one's media. */
static const struct row two_calls[] = {
	{'c', REQUEST("INVITE", "1", CONTACT SDP_TYPE CLIENT("49170")), "s>c udp 49170 #1, s>c udp 49171 #1", 0, NULL},
	{'c', "BYE sip:carol@{[s]} SIP/2.0\r\n" VIA FROM_TO "Call-ID: 2@example\r\n" CSEQ("7", "BYE") NO_BODY, NULL, 0, NULL},
	{'c', "INVITE sip:carol@{[s]} SIP/2.0\r\n" VIA FROM_TO "Call-ID: 3@example\r\n" CSEQ("8", "INVITE") SDP_TYPE CLIENT("49180"),
		"s>c udp 49180 #1, s>c udp 49181 #1", 0, NULL, SL_BEYOND_OTHER_CALLS},
	{'c', "BYE sip:carol@{[s]} SIP/2.0\r\n" VIA FROM_TO "Call-ID: 3@example\r\n" CSEQ("9", "BYE") NO_BODY,
		"-udp 49181, -udp 49180", 0, NULL, SL_BEYOND_OTHER_CALLS},
	{0},
};

/* ---- streams --------------------------------------------------------------------------------- */

static const struct row streams[] = {
	{'c', REQUEST("INVITE", "1", CONTACT SDP_TYPE SDP("c", "{c}", AUDIO("49170") VIDEO("49172") AUDIO("0")
		"m=application 49180 TCP/BFCP *\r\nm=image 49190 udptl t38\r\nm=audio 49200 TCP/RTP/AVP 0\r\n")),
		"s>c udp 49170 #1, s>c udp 49171 #1, s>c udp 49172 #2, s>c udp 49173 #2, s>c udp 49190 #3, s>c udp 49191 #3", 0, NULL},
	{0},
};

/* Attributes of the whole session, empty lines. */
static const struct row session_attributes[] = {
	{'c', REQUEST("INVITE", "1", CONTACT SDP_TYPE SDP("c", "{c}", "a=sendrecv\r\na=rtcp:5\r\n\r\n" AUDIO("49170"))),
		"s>c udp 49170 #1, s>c udp 49171 #1", 0, NULL},
	{0},
};

/* Each stream has an address of its own; one of them is a third host's, one a name. */
static const struct row own_addresses[] = {
	{'c', REQUEST("INVITE", "1", CONTACT SDP_TYPE
		"v=0\r\no=- 1 1 IN IP{f} {c}\r\ns=-\r\nt=0 0\r\n"
		AUDIO("49170") "c=IN IP{f} {c}\r\n" VIDEO("49172") "c=IN IP{f} {t}\r\na=x\r\n" VIDEO("49174") "c=IN IP{f} media.example.org\r\n"),
		"s>c udp 49170 #1, s>c udp 49171 #1", 0, NULL},
	{0},
};

static const struct row rtcp[] = {
	/* where RTCP is not on the next port; where it is, and says so; on an address; on the same port */
	{'c', REQUEST("INVITE", "1", CONTACT SDP_TYPE CLIENT("49170") "a=rtcp:53020\r\n"), "s>c udp 49170 #1, s>c udp 53020 #1", 0, NULL},
	{'s', ANSWER("183 Progress", "INVITE", "1", SDP_TYPE SERVER("30000") "a=rtcp:30001 IN IP{f} {s}\r\n"),
		"c>s udp 30000 #1, c>s udp 30001 #1", 0, NULL},
	{'c', REQUEST("UPDATE", "2", SDP_TYPE CLIENT("49180") "a=rtcp-mux\r\n"), "-udp 49170, s>c udp 49180 #1, -udp 53020, s>c udp 49181 #1", 0, NULL},
	{'s', ANSWER("200 OK", "UPDATE", "2", SDP_TYPE SERVER("30010") "a=rtcp-mux\r\na=rtcp:30010\r\n"), "-udp 30000, c>s udp 30010 #1", 0, NULL},
	/* an odd port belongs to the pair that begins below it; two pairs in a row */
	{'c', REQUEST("UPDATE", "3", SDP_TYPE CLIENT("49191")), "-udp 30001, s>c udp 49190 #1, -udp 49180, s>c udp 49191 #1", 0, NULL},
	{'c', REQUEST("UPDATE", "4", SDP_TYPE CLIENT("49300/2")),
		"-udp 49181, s>c udp 49300 #1, -udp 30010, s>c udp 49301 #1, -udp 49190, s>c udp 49302 #1, -udp 49191, s>c udp 49303 #1", 0, NULL},
	{0},
};

/* A description among other parts. */
static const struct row many_parts[] = {
	{'c', REQUEST("INVITE", "1", CONTACT "Content-Type: multipart/mixed;boundary=x\r\nContent-Length: {n}\r\n\r\n"
		"--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x\r\nContent-Type: application/sdp\r\n\r\n"
		CLIENT("49170") "--x\r\nContent-Type: text/plain\r\n\r\nm=audio 1 RTP/AVP 0\r\n--x--\r\n"),
		"s>c udp 49170 #1, s>c udp 49171 #1", 0, NULL},
	{'c', REQUEST("UPDATE", "2", "Content-Type: multipart/mixed;boundary=x\r\nContent-Length: {n}\r\n\r\n--x\r\n\r\nm=audio 49174 RTP/AVP 0\r\n--x--\r\n"),
		NULL, 0, NULL},
	{0},
};

/* ---- registrations --------------------------------------------------------------------------- */

#define REGISTER(n, contact) \
	"REGISTER sip:example.org SIP/2.0\r\n" VIA FROM_TO CALL CSEQ(n, "REGISTER") contact NO_BODY

/* Inactive until the registrar says for how long; renewed; over when the time is up. */
static const struct row registered[] = {
	{'c', REGISTER("1", CONTACT "Expires: 3600\r\n"), "s>c udp 5060 permanent inactive", 0, NULL},
	{'s', ANSWER("100 Trying", "REGISTER", "1", NO_BODY), NULL, 0, NULL},
	{'s', ANSWER("200 OK", "REGISTER", "1", "Contact: <sip:other@192.0.2.77:5060>;expires=9, <sip:alice@{[c]}:5060;transport=udp>;expires=60\r\n" NO_BODY),
		NULL, 0, NULL},
	{'w', "50000", NULL, 0, NULL},
	{'c', REGISTER("2", CONTACT "Expires: 3600\r\n"), "-udp 5060, s>c udp 5060 permanent inactive", 0, NULL},
	{'s', ANSWER("200 OK", "REGISTER", "2", CONTACT "Expires: 100\r\n" NO_BODY), NULL, 0, NULL},
	{'w', "90000", NULL, 0, NULL},
	{'w', "20000", "-udp 5060", 0, NULL},
	{0},
};

static const struct row unregistered[] = {
	{'c', REGISTER("1", CONTACT), "s>c udp 5060 permanent inactive", 0, NULL},
	{'s', ANSWER("401 Unauthorized", "REGISTER", "1", NO_BODY), "-udp 5060", 0, NULL},
	{'c', REGISTER("2", CONTACT), "s>c udp 5060 permanent inactive", 0, NULL},
	{'s', ANSWER("200 OK", "REGISTER", "1", NO_BODY), NULL, 0, NULL},
	{'s', ANSWER("200 OK", "REGISTER", "2", "Contact: <sip:alice@{[c]}:5060>;expires=600\r\n" NO_BODY), NULL, 0, NULL},
	{'c', REGISTER("3", "Contact: <sip:alice@{[c]}:5060>;expires=0\r\n"), NULL, 0, NULL},
	{'s', ANSWER("200 OK", "REGISTER", "3", NO_BODY), "-udp 5060", 0, NULL},
	{'c', REGISTER("4", "Contact: *\r\nExpires: 0\r\n"), NULL, 0, NULL},
	{'c', REGISTER("5", "Contact: <sip:alice@{[u]}:5060>\r\n"), NULL, 0, NULL},
	{'c', REGISTER("6", "Contact: <sip:alice@{[c]}:80>\r\n"), NULL, SL_WHY_HELPER_PORT, NULL},
	{0},
};

/* A phone that listens on another port than it sends from. */
static const struct row other_port[] = {
	{'c', "REGISTER sip:example.org SIP/2.0\r\nVia: SIP/2.0/TCP {[c]}:5060;branch=1\r\n" FROM_TO CALL CSEQ("1", "REGISTER")
		"Contact: <sip:alice@{[c]}:5060;transport=tcp>;expires=600\r\n" NO_BODY, "s>c tcp 5060 permanent inactive", 0, NULL},
	{'s', "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP {[c]}:5060;branch=1;received={c}\r\n" FROM_TO CALL CSEQ("1", "REGISTER")
		"Contact: <sip:alice@{[c]}:5060;transport=tcp>;expires=600\r\n" NO_BODY, NULL, 0, NULL},
	/* the same port again, and a third host's at which nobody of the two is */
	{'c', "OPTIONS sip:example.org SIP/2.0\r\nVia: SIP/2.0/TCP {[c]}:5060;branch=1\r\n" FROM_TO CALL CSEQ("2", "OPTIONS") NO_BODY, NULL, 0, NULL},
	{'s', "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP {[c]}:5060;branch=1\r\nRecord-Route: <sip:{[t]}:5060;lr>\r\n" FROM_TO CALL CSEQ("2", "OPTIONS") NO_BODY,
		NULL, 0, NULL},
	{0},
};

/* ---- spellings ------------------------------------------------------------------------------- */

/* Compact names, folded headers, any case, lists, no port, all the places where addresses stand. */
static const struct row spellings[] = {
	{'c', "INVITE sip:bob:secret@{[s]}:5060;transport=udp?Subject=x@y SIP/2.0\r\n"
		"v:SIP / 2.0 / UDP {[c]}:5060 ;maddr={c};branch=\"a,b;c\"\r\n ,\r\n\tSIP/2.0/UDP 192.0.2.44:7000;received=192.0.2.45\r\n"
		"f : \"x \\\" <sip:q@1.2.3.4>, y\" <sip:alice@{[c]}>;tag=a\r\nt:sip:bob@{[s]}\r\ni:1@example\r\n"
		"cseq:\t1   INVITE\r\nm:<sip:alice@{[c]};maddr={c}>;q=0.1 , \"B\" <sips:alice@{[c]}:5060>,<tel:+15551234>\r\n"
		"Route: <sip:{[s]};lr>,<sip:proxy.example.org;lr>\r\nRecord-Route: <sip:{[c]};lr>\r\nSubject: hello\r\n"
		"c: APPLICATION/SDP\r\nL: {n}\r\n\r\n" CLIENT("49170"), "s>c udp 49170 #1, s>c udp 49171 #1", 0, NULL},
	{'s', "SIP/2.0 200\r\nVia: SIP/2.0/UDP {[c]}:5060;received={c};rport=5060\r\nRecord-Route: <sip:{[c]};lr>\r\n"
		FROM_TO CALL CSEQ("1", "INVITE") "CONTACT: sip:bob@{[s]};expires=5\r\n"
		"Content-Type: application/sdp;charset=utf-8\r\n\r\nv=0\no=- 1 1 IN IP{f} {s}\ns=-\nc=IN IP{f} {s}\nt=0 0\nm=audio 30000 RTP/AVP 0\n",
		"c>s udp 30000 #1, c>s udp 30001 #1", 0, NULL},
	{'c', "\r\n\r\n", NULL, 0, NULL},
	{0},
};

/* A call handed on, and replaced by another (RFC 3515, 3891, 3892). */
static const struct row referred[] = {
	{'c', "REFER sip:bob@{[s]} SIP/2.0\r\n" VIA FROM_TO CALL CSEQ("1", "REFER")
		"Refer-To: <sip:carol@{[c]}:5060?Replaces=12345%40pc.example%3Bto-tag%3D1>\r\nReferred-By: \"A\" <sip:alice@{[c]}>;x=y\r\n" NO_BODY, NULL, 0, NULL},
	{'s', "REFER sip:alice@{[c]} SIP/2.0\r\n" VIA FROM_TO CALL CSEQ("2", "REFER")
		"r: sip:carol@{[t]};transport=tcp\r\nb: <sip:bob@{[s]}>\r\n" NO_BODY, NULL, 0, NULL},
	{'c', "INVITE sip:bob@{[s]} SIP/2.0\r\n" VIA FROM_TO CALL CSEQ("3", "INVITE") "Replaces: 7@10.0.0.2;to-tag=1;from-tag=2\r\n" NO_BODY, NULL, 0, NULL},
	{0},
};

/* Candidates stay as they are; under NAT a remark says so. */
static const struct row ice[] = {
	{'c', REQUEST("INVITE", "1", CONTACT SDP_TYPE CLIENT("49170") "a=candidate:1 1 UDP 2130706431 10.0.0.2 49170 typ host\r\n"),
		"s>c udp 49170 #1, s>c udp 49171 #1", SL_WHY_HELPER_UNKNOWN, NULL},
	{0},
};

/* The Via asks for the answer at 5060: the answer goes there, and the Via that comes back is the phone's. */
static const struct row forced[] = {
	{'c', "OPTIONS sip:{[s]} SIP/2.0\r\nVia: SIP/2.0/UDP {[c]}:40000;branch=1\r\n" FROM_TO CALL CSEQ("1", "OPTIONS") NO_BODY, NULL, 0, NULL},
	{0},
};

/* ---- what passes as it is -------------------------------------------------------------------- */

/* The client's address as bytes that are the same for every viewer. */
#define RAW_VIA "Via: SIP/2.0/UDP 10.0.0.2:5060;branch=1\r\n"
#define RAW_SDP "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0\r\n"
#define RAW(n, rest) "INVITE sip:bob@192.0.2.9 SIP/2.0\r\n" RAW_VIA FROM_TO CALL CSEQ(n, "INVITE") rest
#define NOT_UNDERSTOOD(text) {'c', text, NULL, SL_WHY_HELPER_SYNTAX, NULL}

static const struct row left_alone[] = {
	NOT_UNDERSTOOD(RAW("1", "Content-Type: application/sdp\r\nContent-Length: 9999\r\n\r\n" RAW_SDP)),
	NOT_UNDERSTOOD(RAW("1", "Content-Type: application/sdp\r\nContent-Length: {n}\r\nContent-Length: {n}\r\n\r\n" RAW_SDP)),
	NOT_UNDERSTOOD(RAW("1", "Content-Type: application/sdp\r\nContent-Length: x\r\n\r\n" RAW_SDP)),
	NOT_UNDERSTOOD(RAW("1", "Content-Encoding: gzip\r\n" SDP_TYPE RAW_SDP)),
	NOT_UNDERSTOOD(RAW("1", "this is no header\r\n" SDP_TYPE RAW_SDP)),
	NOT_UNDERSTOOD(RAW("1", "Contact: <sip:alice@10.0.0.2:5060\r\n" SDP_TYPE RAW_SDP)),
	NOT_UNDERSTOOD(RAW("1", "Contact: \"alice <sip:alice@10.0.0.2:5060>\r\n" SDP_TYPE RAW_SDP)),
	NOT_UNDERSTOOD(RAW("1", "Contact: <sip:alice@10.0.0.2:99999>\r\n" SDP_TYPE RAW_SDP)),
	NOT_UNDERSTOOD(RAW("1", "Contact: <sip:alice@[10.0.0.2]>\r\n" SDP_TYPE RAW_SDP)),
	NOT_UNDERSTOOD(RAW("1", "Via: SIP/3.0/UDP 10.0.0.2\r\n" SDP_TYPE RAW_SDP)),
	NOT_UNDERSTOOD(RAW("1", "CSeq: 2 INVITE\r\n" SDP_TYPE RAW_SDP)),
	NOT_UNDERSTOOD("INVITE sip:bob@192.0.2.9 SIP/2.0\r\n" RAW_VIA FROM_TO CALL SDP_TYPE RAW_SDP),
	NOT_UNDERSTOOD("INVITE sip:bob@192.0.2.9 SIP/2.1\r\n" RAW_VIA FROM_TO CALL CSEQ("1", "INVITE") SDP_TYPE RAW_SDP),
	NOT_UNDERSTOOD("INVITE sip:bob@192.0.2.9\r\n" RAW_VIA FROM_TO CALL CSEQ("1", "INVITE") SDP_TYPE RAW_SDP),
	NOT_UNDERSTOOD("SIP/2.0 20 OK\r\n" RAW_VIA FROM_TO CALL CSEQ("1", "INVITE") SDP_TYPE RAW_SDP),
	NOT_UNDERSTOOD(RAW("1", ": nameless\r\n" SDP_TYPE RAW_SDP)),
	NOT_UNDERSTOOD(RAW("1", "m:<sip:a@x>,<sip:a@x>,<sip:a@x>,<sip:a@x>\r\nm:<sip:a@x>,<sip:a@x>,<sip:a@x>,<sip:a@x>,<sip:a@x>\r\n" SDP_TYPE RAW_SDP)),
	NOT_UNDERSTOOD("INVITE sip:bob@[192.0.2.9 SIP/2.0\r\n" RAW_VIA FROM_TO CALL CSEQ("1", "INVITE") SDP_TYPE RAW_SDP),
	NOT_UNDERSTOOD("INVITE sip:bob@192.0.2.9 SIP/2.0\r\n" RAW_VIA FROM_TO CALL CSEQ("x", "INVITE") SDP_TYPE RAW_SDP),
	NOT_UNDERSTOOD("INVITE sip:bob@192.0.2.9 SIP/2.0\r\n" RAW_VIA FROM_TO CALL CSEQ("1", "INVITE x") SDP_TYPE RAW_SDP),
	/* descriptions */
	NOT_UNDERSTOOD(RAW("1", SDP_TYPE "v=0\r\no=- 1\r\nc=IN IP4 10.0.0.2\r\nm=audio 49170 RTP/AVP 0\r\n")),
	NOT_UNDERSTOOD(RAW("1", SDP_TYPE "v=0\r\nc=IN IP6 10.0.0.2\r\nm=audio 49170 RTP/AVP 0\r\n")),
	NOT_UNDERSTOOD(RAW("1", SDP_TYPE RAW_SDP "m=audio 49180/0 RTP/AVP 0\r\n")),
	NOT_UNDERSTOOD(RAW("1", SDP_TYPE RAW_SDP "m=audio 49180/x RTP/AVP 0\r\n")),
	NOT_UNDERSTOOD(RAW("1", SDP_TYPE RAW_SDP "m=audio 49180\r\n")),
	NOT_UNDERSTOOD(RAW("1", SDP_TYPE "x" RAW_SDP)),
	NOT_UNDERSTOOD(RAW("1", SDP_TYPE RAW_SDP "nonsense\r\n")),
	NOT_UNDERSTOOD(RAW("1", SDP_TYPE RAW_SDP "m=audio 70000 RTP/AVP 0\r\n")),
	NOT_UNDERSTOOD(RAW("1", SDP_TYPE RAW_SDP "m=audio\r\n")),
	NOT_UNDERSTOOD(RAW("1", SDP_TYPE RAW_SDP "c=IN IP4\r\n")),
	NOT_UNDERSTOOD(RAW("1", SDP_TYPE RAW_SDP "a=rtcp:x\r\n")),
	NOT_UNDERSTOOD(RAW("1", SDP_TYPE "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\nm=audio 49170 RTP/AVP 0\r\n")),
	NOT_UNDERSTOOD(RAW("1", SDP_TYPE RAW_SDP "m=a 1 x\r\nm=a 1 x\r\nm=a 1 x\r\nm=a 1 x\r\nm=a 1 x\r\nm=a 1 x\r\nm=a 1 x\r\nm=a 1 x\r\n")),
	NOT_UNDERSTOOD("hello"),
	NOT_UNDERSTOOD("{x16030100}"),
	{0},
};

/* Understood, but nothing may be opened: ports below 1024. */
static const struct row low_port[] = {
	{'c', RAW("1", SDP_TYPE RAW_SDP "m=audio 1023 RTP/AVP 0\r\n"), NULL, SL_WHY_HELPER_PORT, NULL},
	{0},
};

static const struct row observed[] = {
	{'c', RAW("1", SDP_TYPE RAW_SDP), NULL, 0, NULL},
	{'c', "REGISTER sip:example.org SIP/2.0\r\n" RAW_VIA FROM_TO CALL CSEQ("2", "REGISTER") "Contact: <sip:a@10.0.0.2:5060>\r\n" NO_BODY, NULL, 0, NULL},
	{0},
};

/* ---- options --------------------------------------------------------------------------------- */

/* Media from and to hosts that are not the ends of the signalling. */
static const struct row third_hosts[] = {
	{'c', REQUEST("INVITE", "1", CONTACT SDP_TYPE CLIENT("49170")), "*>c udp 49170 #1, *>c udp 49171 #1", 0, NULL},
	{'s', ANSWER("200 OK", "INVITE", "1", SDP_TYPE SDP("s", "{t}", AUDIO("30000"))), "*>t udp 30000 #1, *>t udp 30001 #1", 0, NULL},
	{0},
};

/* A third host beyond the server: the client's gateway need not know. One inside is another matter. */
static const struct row external[] = {
	{'c', REQUEST("INVITE", "1", CONTACT SDP_TYPE SDP("c", "{t}", AUDIO("49170"))), NULL, 0, NULL},
	{'c', REQUEST("INVITE", "2", CONTACT SDP_TYPE SDP("c", "{u}", AUDIO("49170"))), "*>u udp 49170 #1, *>u udp 49171 #1", 0, NULL},
	{0},
};

static const struct row anybody_calls[] = {
	{'c', REGISTER("1", CONTACT "Expires: 3600\r\n"), "*>c udp 5060 permanent inactive", 0, NULL},
	{'s', ANSWER("200 OK", "REGISTER", "1", CONTACT "Expires: 100\r\n" NO_BODY), NULL, 0, NULL},
	{0},
};

/* ---- in a stream ----------------------------------------------------------------------------- */

/* Two messages in a segment, a body that ends in the next, keep-alives between. */
static const struct row pipelined[] = {
	{'c', "\r\n\r\n", NULL, 0, NULL},
	{'c', "\r\n" REQUEST("INVITE", "1", CONTACT SDP_TYPE CLIENT("49170")), "s>c udp 49170 #1, s>c udp 49171 #1", 0, NULL},
	{'s', ANSWER("100 Trying", "INVITE", "1", NO_BODY) ANSWER("180 Ringing", "INVITE", "1", NO_BODY) "\r\n", NULL, 0, NULL},
	{'c', REQUEST("OPTIONS", "2", NO_BODY) REQUEST("BYE", "3", NO_BODY), "-udp 49171, -udp 49170", 0, NULL},
	{0},
};

#define UDP_SIP(n, r) {.name = n, .helper = "sip", .rows = r, .proto = SL_PROTO_UDP, .client_port = 5060}
#define TCP_SIP(n, r) {.name = n " (TCP)", .helper = "sip", .rows = r, .proto = SL_PROTO_TCP, .client_port = 5060}

static void calls(void **state)
{
	static const struct dialogue all[] = {
		UDP_SIP("call", call), UDP_SIP("ended", ended), UDP_SIP("again", again),
		UDP_SIP("late offer", late_offer), UDP_SIP("two calls", two_calls),
		{.name = "two calls beside Linux", .helper = "sip", .rows = two_calls, .proto = SL_PROTO_UDP, .client_port = 5060,
			.nats = NAT_NONE, .beyonds = true},
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}

static void descriptions(void **state)
{
	static const struct dialogue all[] = {
		UDP_SIP("streams", streams), UDP_SIP("session attributes", session_attributes),
		UDP_SIP("own addresses", own_addresses), UDP_SIP("rtcp", rtcp),
		UDP_SIP("many parts", many_parts),
		{.name = "ice", .helper = "sip", .rows = ice, .proto = SL_PROTO_UDP, .client_port = 5060, .families = 4, .nats = NAT_SRC},
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}

static void registrations(void **state)
{
	static const struct dialogue all[] = {
		UDP_SIP("registered", registered), UDP_SIP("unregistered", unregistered),
		{.name = "other port", .helper = "sip", .rows = other_port, .proto = SL_PROTO_TCP},
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}

static void in_all_spellings(void **state)
{
	static const struct dialogue all[] = {
		UDP_SIP("spellings", spellings), UDP_SIP("referred", referred),
		{.name = "forced", .helper = "sip", .rows = forced, .proto = SL_PROTO_UDP},
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}

static void passing_as_it_is(void **state)
{
	static const struct dialogue all[] = {
		{.name = "left alone", .helper = "sip", .rows = left_alone, .proto = SL_PROTO_UDP, .client_port = 5060, .families = 4},
		{.name = "low port", .helper = "sip", .rows = low_port, .proto = SL_PROTO_UDP, .client_port = 5060, .families = 4,
			.nats = NAT_NONE | NAT_SRC | NAT_DST},
		{.name = "observed", .helper = "sip", .rows = observed, .proto = SL_PROTO_UDP, .client_port = 5060, .families = 4,
			.set = {"sip_observe=1"}},
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}

static void options(void **state)
{
	static const struct dialogue all[] = {
		{.name = "third hosts", .helper = "sip", .rows = third_hosts, .proto = SL_PROTO_UDP, .client_port = 5060,
			.nats = NAT_NONE | NAT_SRC, .set = {"sip_direct_media=0"}},
		{.name = "external media", .helper = "sip", .rows = external, .proto = SL_PROTO_UDP, .client_port = 5060,
			.nats = NAT_NONE, .set = {"sip_direct_media=0", "sip_external_media=1"}},
		{.name = "anybody calls", .helper = "sip", .rows = anybody_calls, .proto = SL_PROTO_UDP, .client_port = 5060,
			.set = {"sip_direct_signalling=0"}},
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}

static void in_a_stream(void **state)
{
	static const struct dialogue all[] = {
		TCP_SIP("pipelined", pipelined), TCP_SIP("call", call), TCP_SIP("many parts", many_parts),
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}

/* ---- what no table says ------------------------------------------------------------------------ */

static const struct scene udp = {.helper = "sip", .proto = SL_PROTO_UDP, .family = SL_IPV4, .client_port = 5060};

static bool whatever_port(struct world *w, const struct sl_packet *p)
{
	(void)w, (void)p;
	return true;
}

/* A datagram, and how it must arrive. */
static void say(struct world *w, enum sl_dir dir, const char *text, const char *must)
{
	send_text(w, dir, text);
	assert_true(w->left);
	w->payload[w->payload_len] = '\0';
	assert_string_equal((const char *)w->payload, must);
}

#define PLAIN(first, via, rest) first "\r\nVia: SIP/2.0/UDP " via "\r\n" FROM_TO CALL "CSeq: 1 INVITE\r\n" rest
#define BODY(addr, port)  "Content-Type: application/sdp\r\n\r\nv=0\r\nc=IN IP4 " addr "\r\nm=audio " port " RTP/AVP 0\r\n"

/* A phone sends from 40000 and its Via wants answers at 5060: outside the Via says from where, inside they go there. */
static void answers_go_where_the_via_wants_them(void **state)
{
	static const struct scene other = {.helper = "sip", .proto = SL_PROTO_UDP, .family = SL_IPV4};
	static struct world w;

	(void)state;
	world_init(&w, &other, NAT_SRC);
	w.on_leave = whatever_port;
	say(&w, SL_ORIGINAL, PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "10.0.0.2:5060;branch=1", NO_BODY),
		PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "203.0.113.1:40000;branch=1", NO_BODY));
	assert_int_equal(w.arrived.sport, 40000);
	say(&w, SL_REPLY, PLAIN("SIP/2.0 200 OK", "203.0.113.1:40000;branch=1", NO_BODY),
		PLAIN("SIP/2.0 200 OK", "10.0.0.2:5060;branch=1", NO_BODY));
	assert_int_equal(w.arrived.dport, 5060);
	assert_true(addr_is(&w.arrived.dst, "10.0.0.2"));
	world_fini(&w);
}

/*
 * Two phones with the same ports behind one address: the second one's ports are others outside, in
 * the Via and of the media with RTCP's, and what comes back in received= and rport= is its own.
 */
static void the_same_ports_behind_one_address(void **state)
{
	static const char *const sends = PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "%s:%u;branch=1;rport", BODY("%s", "%u") "a=rtcp:%u\r\n");
	static const char *const answer = PLAIN("SIP/2.0 180 Ringing", "%s:%u;branch=1;received=%s;rport=%u", NO_BODY);
	static struct world w;
	char text[1024], must[1024];
	unsigned port;

	(void)state;
	world_init(&w, &udp, NAT_SRC);
	w.on_leave = whatever_port;
	snprintf(text, sizeof(text), sends, "10.0.0.2", 5060, "10.0.0.2", 49170, 49171);
	snprintf(must, sizeof(must), sends, "203.0.113.1", 5060, "203.0.113.1", 49170, 49171);
	say(&w, SL_ORIGINAL, text, must);
	w.end[0].addr.b[15] = 4;
	snprintf(text, sizeof(text), sends, "10.0.0.4", 5060, "10.0.0.4", 49170, 49171);
	send_text(&w, SL_ORIGINAL, text);
	port = w.arrived.sport;
	assert_int_not_equal(port, 5060);
	snprintf(must, sizeof(must), sends, "203.0.113.1", port, "203.0.113.1", 49172, 49173);
	say(&w, SL_ORIGINAL, text, must);
	w.end[1].to_port = (uint16_t)port;
	snprintf(text, sizeof(text), answer, "203.0.113.1", port, "203.0.113.1", port);
	snprintf(must, sizeof(must), answer, "10.0.0.4", 5060, "10.0.0.4", 5060);
	say(&w, SL_REPLY, text, must);
	world_fini(&w);
}

/* A proxy outside leads a call back in: without direct media each phone is told the other's own endpoint. */
static void a_call_that_stays_inside(void **state)
{
	static struct world w;
	const struct sl_expect_info *e;
	unsigned told;

	(void)state;
	for (told = 0; told < 2; told++) { /* with the option as it is, the endpoint that the gateway keeps */
		world_init(&w, &udp, NAT_SRC);
		w.on_leave = whatever_port;
		assert_true(sl_tunable_set(w.g.engine, "sip_direct_media", !told));
		say(&w, SL_ORIGINAL, PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "10.0.0.2:5060", BODY("10.0.0.2", "49170")),
			PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "203.0.113.1:5060", BODY("203.0.113.1", "49170")));
		assert_int_equal(w.expects, 2);
		w.end[0].addr.b[15] = 4;
		w.end[0].port = w.end[1].to_port = 5070;
		send_text(&w, SL_ORIGINAL, "\r\n\r\n");
		if (!told) {
			say(&w, SL_REPLY, PLAIN("INVITE sip:carol@203.0.113.1:5070 SIP/2.0", "198.51.100.7:5060", BODY("203.0.113.1", "49170")),
				PLAIN("INVITE sip:carol@10.0.0.4:5070 SIP/2.0", "198.51.100.7:5060", BODY("203.0.113.1", "49170")));
			assert_int_equal(w.expects, 2);
			world_fini(&w);
			continue;
		}
		say(&w, SL_REPLY, PLAIN("INVITE sip:carol@203.0.113.1:5070 SIP/2.0", "198.51.100.7:5060", BODY("203.0.113.1", "49170")),
			PLAIN("INVITE sip:carol@10.0.0.4:5070 SIP/2.0", "198.51.100.7:5060", BODY("10.0.0.2", "49170")));
		assert_int_equal(w.expects, 4);
		e = &w.expect[3].info;
		assert_true(addr_is(&e->tuple.dst, "10.0.0.2"));
		assert_int_equal(e->tuple.dport, 49171);
		assert_false(e->has_nat);
		world_fini(&w);
	}
}

/* More addresses than a message may have changed: it is dropped, not half translated. */
static void too_many_addresses(void **state)
{
	static struct world w;
	char text[1400], *at;

	(void)state;
	for (unsigned nat = NAT_NONE; nat <= NAT_SRC; nat *= 2) {
		world_init(&w, &udp, nat);
		world_anything(&w);
		for (unsigned count = 40; count <= 70; count += 30) {
			at = text + sprintf(text, "%s", "OPTIONS sip:bob@198.51.100.7 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5060\r\n"
				FROM_TO CALL "CSeq: 1 OPTIONS\r\nPath: <sip:10.0.0.2>");
			for (unsigned i = 1; i < count; i++)
				at += sprintf(at, ",<sip:10.0.0.2>");
			strcpy(at, "\r\n\r\n");
			send_text(&w, SL_ORIGINAL, text);
			assert_int_equal(w.left, nat == NAT_NONE || count == 40);
		}
		if (!w.left)
			assert_int_equal(w.reason, SL_WHY_HELPER_DROP);
		world_fini(&w);
	}
}

/* A connection whose beginning was not seen: a message begins where a first line stands. */
static void picked_up(void **state)
{
	static const struct scene tcp = {.helper = "sip", .proto = SL_PROTO_TCP, .family = SL_IPV4, .client_port = 5060};
	static struct world w;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const char *invite = PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "10.0.0.2:5060", "Content-Length: 49\r\n" BODY("10.0.0.2", "49170"));

		world_place(&w, &tcp, i ? NAT_SRC : NAT_NONE);
		world_start(&w, "sip");
		world_anything(&w);
		world_pick_up(&w);
		send_text(&w, SL_ORIGINAL, "m=audio 49180 RTP/AVP 0\r\nINVITE sip:bob\r\n");
		send_text(&w, SL_REPLY, "half of it");
		assert_int_equal(w.expects, 0);
		send_text(&w, SL_ORIGINAL, "a=x\r\n");
		send_text(&w, SL_ORIGINAL, invite);
		assert_int_equal(w.expects, 2);
		send_text(&w, SL_REPLY, "\r\n" PLAIN("SIP/2.0 486 Busy", "10.0.0.2:5060", NO_BODY));
		assert_int_equal(expects_alive(&w), 0);
		world_complete(&w);
		world_fini(&w);
	}
}
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(calls),
	        cmocka_unit_test(descriptions),
	        cmocka_unit_test(registrations),
	        cmocka_unit_test(in_all_spellings),
	        cmocka_unit_test(passing_as_it_is),
	        cmocka_unit_test(options),
	        cmocka_unit_test(in_a_stream),
	        cmocka_unit_test(answers_go_where_the_via_wants_them),
	        cmocka_unit_test(the_same_ports_behind_one_address),
	        cmocka_unit_test(a_call_that_stays_inside),
	        cmocka_unit_test(too_many_addresses),
	        cmocka_unit_test(picked_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
