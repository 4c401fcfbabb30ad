/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SIP: all its spellings, messages in a stream of bytes, and what must pass as it is.
 * Tests: helpers/sip/
 */
#include "tests/helpers/sip.h"

/* clang-format off */
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

/* ---- in a stream ----------------------------------------------------------------------------- */

/* Two messages in a segment, a body that ends in the next, keep-alives between. */
static const struct row pipelined[] = {
	{'c', "\r\n\r\n", NULL, 0, NULL},
	{'c', "\r\n" REQUEST("INVITE", "1", CONTACT SDP_TYPE CLIENT("49170")), "s>c udp 49170 #1, s>c udp 49171 #1", 0, NULL},
	{'s', ANSWER("100 Trying", "INVITE", "1", NO_BODY) ANSWER("180 Ringing", "INVITE", "1", NO_BODY) "\r\n", NULL, 0, NULL},
	{'c', REQUEST("OPTIONS", "2", NO_BODY) REQUEST("BYE", "3", NO_BODY), "-udp 49171, -udp 49170", 0, NULL},
	{0},
};

/*
 * Without Content-Length a body in a stream has no end: such a message passes as it is, and so does what
 * follows, up to the next that begins at a line. A length that is no number is the same.
 */
static const struct row stray_lines[] = {
	{'c', "INVITE sip:bob@192.0.2.9 SIP/2.0\r\n" RAW_VIA FROM_TO CALL CSEQ("1", "INVITE") "Content-Type: application/sdp\r\n\r\n" RAW_SDP,
		NULL, SL_WHY_HELPER_SYNTAX, NULL},
	{'c', "INVITE sip:bob@192.0.2.9 SIP/2.0\r\n" RAW_VIA FROM_TO CALL CSEQ("1", "INVITE") "Content-Length: x\r\n\r\n" RAW_SDP,
		NULL, SL_WHY_HELPER_SYNTAX, NULL},
	{'c', "v=0\r\nINVITE\r\n\r\n", NULL, SL_WHY_HELPER_SYNTAX, NULL},
	{'c', "no message\r\n" REQUEST("INVITE", "2", CONTACT SDP_TYPE CLIENT("49170")), "s>c udp 49170 #1, s>c udp 49171 #1", SL_WHY_HELPER_SYNTAX, NULL},
	{'s', "sip/2.0 486 Busy Here\r\n" VIA FROM_TO CALL CSEQ("2", "INVITE") NO_BODY, "-udp 49171, -udp 49170", 0, NULL},
	{0},
};

/* ---- playing -------------------------------------------------------------------------------- */

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

static void in_a_stream(void **state)
{
	static const struct dialogue all[] = {
		TCP_SIP("pipelined", pipelined), TCP_SIP("referred", referred), TCP_SIP("stray lines", stray_lines),
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}

/* ---- what no table says ---------------------------------------------------------------------- */

/* A phone sends from 40000 and its Via wants answers at 5060: outside the Via says from where, inside they go there. */
static void answers_go_where_the_via_wants_them(void **state)
{
	static const struct scene other = {.helper = "sip", .proto = SL_PROTO_UDP, .family = SL_IPV4};
	static struct world w;

	(void)state;
	world_init(&w, &other, NAT_SRC);
	w.on_leave = sip_anywhere;
	sip_say(&w, SL_ORIGINAL, PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "10.0.0.2:5060;branch=1", NO_BODY),
		PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "203.0.113.1:40000;branch=1", NO_BODY));
	assert_int_equal(w.arrived.sport, 40000);
	sip_say(&w, SL_REPLY, PLAIN("SIP/2.0 200 OK", "203.0.113.1:40000;branch=1", NO_BODY),
		PLAIN("SIP/2.0 200 OK", "10.0.0.2:5060;branch=1", NO_BODY));
	assert_int_equal(w.arrived.dport, 5060);
	assert_true(addr_is(&w.arrived.dst, "10.0.0.2"));
	world_fini(&w);
}

/* With rport it wants them where it sends from (RFC 3581): its Via's address becomes the public one, the port stays. */
static void answers_go_where_rport_says(void **state)
{
	static const struct scene other = {.helper = "sip", .proto = SL_PROTO_UDP, .family = SL_IPV4};
	static struct world w;

	(void)state;
	world_init(&w, &other, NAT_SRC);
	w.on_leave = sip_anywhere;
	sip_say(&w, SL_ORIGINAL, PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "10.0.0.2:5060;branch=1;rport", NO_BODY),
		PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "203.0.113.1:5060;branch=1;rport", NO_BODY));
	sip_say(&w, SL_REPLY, PLAIN("SIP/2.0 200 OK", "203.0.113.1:5060;branch=1;received=203.0.113.1;rport=40000", NO_BODY),
		PLAIN("SIP/2.0 200 OK", "10.0.0.2:5060;branch=1;received=10.0.0.2;rport=40000", NO_BODY));
	assert_int_equal(w.arrived.dport, 40000);
	assert_true(addr_is(&w.arrived.dst, "10.0.0.2"));
	world_fini(&w);
}

/* More addresses than a message may have changed: it is dropped, not half translated. */
static void too_many_addresses(void **state)
{
	static struct world w;
	char text[1400], *at;

	(void)state;
	for (unsigned nat = NAT_NONE; nat <= NAT_SRC; nat *= 2) {
		world_init(&w, &sip_udp, nat);
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
	        cmocka_unit_test(in_all_spellings),
	        cmocka_unit_test(passing_as_it_is),
	        cmocka_unit_test(in_a_stream),
	        cmocka_unit_test(answers_go_where_the_via_wants_them),
	        cmocka_unit_test(answers_go_where_rport_says),
	        cmocka_unit_test(too_many_addresses),
	        cmocka_unit_test(picked_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
