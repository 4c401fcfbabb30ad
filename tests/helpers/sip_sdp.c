/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SIP: session descriptions, the media that they announce, and whose they may be.
 * Tests: helpers/sip/sdp.c
 */
#include "tests/helpers/sip.h"

/* clang-format off */
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

/* Candidates stay as they are; under NAT a remark says so. */
static const struct row ice[] = {
	{'c', REQUEST("INVITE", "1", CONTACT SDP_TYPE CLIENT("49170") "a=candidate:1 1 UDP 2130706431 10.0.0.2 49170 typ host\r\n"),
		"s>c udp 49170 #1, s>c udp 49171 #1", SL_WHY_HELPER_UNKNOWN, NULL},
	{0},
};

/* ---- third hosts ----------------------------------------------------------------------------- */

/* Media from and to hosts that are not the ends of the signalling. */
static const struct row third_hosts[] = {
	{'c', REQUEST("INVITE", "1", CONTACT SDP_TYPE CLIENT("49170")), "*>c udp 49170 #1, *>c udp 49171 #1", 0, NULL},
	{'s', ANSWER("200 OK", "INVITE", "1", SDP_TYPE SDP("s", "{t}", AUDIO("30000"))), "*>t udp 30000 #1, *>t udp 30001 #1", 0, NULL},
	{0},
};

/*
 * Where the one who names a third host is translated, its media go through the same public address; who
 * sends there reaches it: third_hosts_are_reached() below.
 */
static const struct row servers_third_host[] = {
	{'c', REQUEST("INVITE", "1", CONTACT SDP_TYPE CLIENT("49170")), "*>c udp 49170 #1, *>c udp 49171 #1", 0, NULL},
	{'s', ANSWER("200 OK", "INVITE", "1", SDP_TYPE SDP("s", "{t}", AUDIO("30000"))), "*>s udp 30000 #1, *>s udp 30001 #1", 0,
		ANSWER("200 OK", "INVITE", "1", SDP_TYPE SDP("s", "{p}", AUDIO("30000")))},
	{0},
};
static const struct row clients_third_host[] = {
	{'c', REQUEST("INVITE", "1", CONTACT SDP_TYPE SDP("c", "{u}", AUDIO("49170"))), "*>c udp 49170 #1, *>c udp 49171 #1", 0,
		REQUEST("INVITE", "1", CONTACT SDP_TYPE SDP("c", "{p}", AUDIO("49170")))},
	{'s', ANSWER("200 OK", "INVITE", "1", SDP_TYPE SDP("s", "{t}", AUDIO("30000"))), "*>t udp 30000 #1, *>t udp 30001 #1", 0, NULL},
	{0},
};

/* With the option as it is they are named in vain. */
static const struct row not_third_hosts[] = {
	{'c', REQUEST("INVITE", "1", CONTACT SDP_TYPE SDP("c", "{u}", AUDIO("49170"))), NULL, 0, NULL},
	{'s', ANSWER("200 OK", "INVITE", "1", SDP_TYPE SDP("s", "{t}", AUDIO("30000"))), NULL, 0, NULL},
	{0},
};

/* A third host beyond the server: the client's gateway need not know. One inside is another matter. */
static const struct row external[] = {
	{'c', REQUEST("INVITE", "1", CONTACT SDP_TYPE SDP("c", "{t}", AUDIO("49170"))), NULL, 0, NULL},
	{'c', REQUEST("INVITE", "2", CONTACT SDP_TYPE SDP("c", "{u}", AUDIO("49170"))), "*>u udp 49170 #1, *>u udp 49171 #1", 0, NULL},
	{0},
};

/* ---- playing -------------------------------------------------------------------------------- */

static void descriptions(void **state)
{
	static const struct dialogue all[] = {
		UDP_SIP("streams", streams), UDP_SIP("session attributes", session_attributes),
		UDP_SIP("own addresses", own_addresses), UDP_SIP("rtcp", rtcp),
		UDP_SIP("many parts", many_parts),
		{.name = "ice", .helper = "sip", .rows = ice, .proto = SL_PROTO_UDP, .client_port = 5060, .families = 4, .nats = NAT_SRC},
		TCP_SIP("streams", streams), TCP_SIP("rtcp", rtcp), TCP_SIP("many parts", many_parts),
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}

static void third_host_options(void **state)
{
	static const struct dialogue all[] = {
		{.name = "third hosts", .helper = "sip", .rows = third_hosts, .proto = SL_PROTO_UDP, .client_port = 5060,
			.nats = NAT_NONE | NAT_SRC, .set = {"sip_direct_media=0"}},
		{.name = "external media", .helper = "sip", .rows = external, .proto = SL_PROTO_UDP, .client_port = 5060,
			.nats = NAT_NONE, .set = {"sip_direct_media=0", "sip_external_media=1"}},
		{.name = "third hosts of the server", .helper = "sip", .rows = servers_third_host, .proto = SL_PROTO_UDP, .client_port = 5060,
			.nats = NAT_DST | NAT_IN, .set = {"sip_direct_media=0"}, .no_meeting = true},
		{.name = "third hosts of the client", .helper = "sip", .rows = clients_third_host, .proto = SL_PROTO_UDP, .client_port = 5060,
			.nats = NAT_SRC, .set = {"sip_direct_media=0"}, .no_meeting = true},
		{.name = "third hosts, as it is", .helper = "sip", .rows = not_third_hosts, .proto = SL_PROTO_UDP, .client_port = 5060},
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}

/* ---- several hosts behind one address -------------------------------------------------------- */

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
	world_init(&w, &sip_udp, NAT_SRC);
	w.on_leave = sip_anywhere;
	snprintf(text, sizeof(text), sends, "10.0.0.2", 5060, "10.0.0.2", 49170, 49171);
	snprintf(must, sizeof(must), sends, "203.0.113.1", 5060, "203.0.113.1", 49170, 49171);
	sip_say(&w, SL_ORIGINAL, text, must);
	w.end[0].addr.b[15] = 4;
	snprintf(text, sizeof(text), sends, "10.0.0.4", 5060, "10.0.0.4", 49170, 49171);
	send_text(&w, SL_ORIGINAL, text);
	port = w.arrived.sport;
	assert_int_not_equal(port, 5060);
	snprintf(must, sizeof(must), sends, "203.0.113.1", port, "203.0.113.1", 49172, 49173);
	sip_say(&w, SL_ORIGINAL, text, must);
	w.end[1].to_port = (uint16_t)port;
	snprintf(text, sizeof(text), answer, "203.0.113.1", port, "203.0.113.1", port);
	snprintf(must, sizeof(must), answer, "10.0.0.4", 5060, "10.0.0.4", 5060);
	sip_say(&w, SL_REPLY, text, must);
	world_fini(&w);
}

/* A phone speaks of the same media on two connections: they are the same ones outside too, and expected once. */
static void the_same_media_on_two_connections(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, &sip_udp, NAT_SRC);
	w.on_leave = sip_anywhere;
	sip_say(&w, SL_ORIGINAL, PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "10.0.0.2:5060", BODY("10.0.0.2", "49170")),
		PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "203.0.113.1:5060", BODY("203.0.113.1", "49170")));
	assert_int_equal(w.beyond, SL_BEYOND_NONE);
	w.end[0].port = 5080;
	sip_say(&w, SL_ORIGINAL, PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "10.0.0.2:5080", BODY("10.0.0.2", "49170")),
		PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "203.0.113.1:5080", BODY("203.0.113.1", "49170")));
	assert_int_equal(w.expects, 2);
	assert_int_equal(w.beyond, SL_BEYOND_ADDRESS_TEXT);
	/* the first connection met one of them: that one alone is expected again */
	send_expected(&w, &w.expect[0].info, 0);
	assert_int_equal(expects_alive(&w), 1);
	send_text(&w, SL_ORIGINAL, PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "10.0.0.2:5080", BODY("10.0.0.2", "49170")));
	assert_int_equal(w.expects, 3);
	world_fini(&w);
}

static struct sl_tuple udp_tuple(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	return (struct sl_tuple){.src = addr_of(src), .dst = addr_of(dst), .sport = sport, .dport = dport,
		.proto = SL_PROTO_UDP, .family = SL_IPV4};
}

/* Media of anybody come to the public address, and arrive at the third host that was named; its answers find back. */
static void check_reached(struct world *w, const char *from, const char *third, uint16_t port)
{
	struct sl_tuple t = udp_tuple(from, 33333, "203.0.113.1", port);

	send_tuple(w, &t, "rtp", 3);
	assert_int_equal(w->state, SL_CT_RELATED);
	assert_true(w->left && addr_is(&w->arrived.dst, third) && w->arrived.dport == port);
	t = udp_tuple(third, port, from, 33333);
	send_tuple(w, &t, "rtp", 3);
	assert_true(w->left && addr_is(&w->arrived.dst, from) && addr_is(&w->arrived.src, "203.0.113.1"));
	assert_int_equal(w->arrived.sport, port);
}

/* Both under source NAT, where the client's third host is inside, and behind destination NAT, where the server's is. */
static void third_hosts_are_reached(void **state)
{
	static struct world w;

	(void)state;
	for (unsigned nat = NAT_SRC; nat <= NAT_IN; nat *= 2) {
		world_init(&w, &sip_udp, nat);
		w.on_leave = sip_anywhere;
		assert_true(sl_tunable_set(w.g.engine, "sip_direct_media", 0));
		if (nat == NAT_SRC) {
			sip_say(&w, SL_ORIGINAL, PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "10.0.0.2:5060", BODY("10.0.0.33", "49170")),
				PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "203.0.113.1:5060", BODY("203.0.113.1", "49170")));
			check_reached(&w, "198.51.100.99", "10.0.0.33", 49170);
			check_reached(&w, "198.51.100.98", "10.0.0.33", 49171);
		} else {
			const char *third = nat == NAT_IN ? "10.0.0.33" : "198.51.100.99";
			const char *from = nat == NAT_IN ? "198.51.100.98" : "10.0.0.2";

			send_text(&w, SL_ORIGINAL, PLAIN("INVITE sip:bob@203.0.113.1 SIP/2.0", "192.0.2.1:5060", NO_BODY));
			sip_say(&w, SL_REPLY, nat == NAT_IN ? PLAIN("SIP/2.0 200 OK", "192.0.2.1:5060", BODY("10.0.0.33", "30000"))
				: PLAIN("SIP/2.0 200 OK", "192.0.2.1:5060", BODY("198.51.100.99", "30000")),
				PLAIN("SIP/2.0 200 OK", "192.0.2.1:5060", BODY("203.0.113.1", "30000")));
			check_reached(&w, from, third, 30000);
			check_reached(&w, from, third, 30001);
		}
		world_fini(&w);
	}
}

/* A proxy outside leads a call back in: without direct media each phone is told the other's own endpoint. */
static void a_call_that_stays_inside(void **state)
{
	static struct world w;
	const struct sl_expect_info *e;
	unsigned told;

	(void)state;
	for (told = 0; told < 2; told++) { /* with the option as it is, the endpoint that the gateway keeps */
		world_init(&w, &sip_udp, NAT_SRC);
		w.on_leave = sip_anywhere;
		assert_true(sl_tunable_set(w.g.engine, "sip_direct_media", !told));
		sip_say(&w, SL_ORIGINAL, PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "10.0.0.2:5060", BODY("10.0.0.2", "49170")),
			PLAIN("INVITE sip:bob@198.51.100.7 SIP/2.0", "203.0.113.1:5060", BODY("203.0.113.1", "49170")));
		assert_int_equal(w.expects, 2);
		w.end[0].addr.b[15] = 4;
		w.end[0].port = w.end[1].to_port = 5070;
		send_text(&w, SL_ORIGINAL, "\r\n\r\n");
		if (!told) {
			sip_say(&w, SL_REPLY, PLAIN("INVITE sip:carol@203.0.113.1:5070 SIP/2.0", "198.51.100.7:5060", BODY("203.0.113.1", "49170")),
				PLAIN("INVITE sip:carol@10.0.0.4:5070 SIP/2.0", "198.51.100.7:5060", BODY("203.0.113.1", "49170")));
			assert_int_equal(w.expects, 2);
			world_fini(&w);
			continue;
		}
		sip_say(&w, SL_REPLY, PLAIN("INVITE sip:carol@203.0.113.1:5070 SIP/2.0", "198.51.100.7:5060", BODY("203.0.113.1", "49170")),
			PLAIN("INVITE sip:carol@10.0.0.4:5070 SIP/2.0", "198.51.100.7:5060", BODY("10.0.0.2", "49170")));
		assert_int_equal(w.expects, 4);
		e = &w.expect[3].info;
		assert_true(addr_is(&e->tuple.dst, "10.0.0.2"));
		assert_int_equal(e->tuple.dport, 49171);
		assert_false(e->has_nat);
		/* and the other way round: bob answers, and alice is told of him */
		sip_say(&w, SL_ORIGINAL, PLAIN("SIP/2.0 200 OK", "198.51.100.7:5060", BODY("10.0.0.4", "42000")),
			PLAIN("SIP/2.0 200 OK", "198.51.100.7:5060", BODY("203.0.113.1", "42000")));
		w.end[1].to_port = 5060;
		sip_say(&w, SL_REPLY, PLAIN("SIP/2.0 200 OK", "203.0.113.1:5060", BODY("203.0.113.1", "42000")),
			PLAIN("SIP/2.0 200 OK", "10.0.0.2:5060", BODY("10.0.0.4", "42000")));
		world_fini(&w);
	}
}
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(descriptions),
	        cmocka_unit_test(third_host_options),
	        cmocka_unit_test(the_same_ports_behind_one_address),
	        cmocka_unit_test(the_same_media_on_two_connections),
	        cmocka_unit_test(third_hosts_are_reached),
	        cmocka_unit_test(a_call_that_stays_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
