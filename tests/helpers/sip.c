/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SIP: calls and registrations, over UDP and TCP.
 * Tests: helpers/sip/
 */
#include "tests/helpers/sip.h"

/* clang-format off */
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

/* ---- registrations --------------------------------------------------------------------------- */

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

static const struct row anybody_calls[] = {
	{'c', REGISTER("1", CONTACT "Expires: 3600\r\n"), "*>c udp 5060 permanent inactive", 0, NULL},
	{'s', ANSWER("200 OK", "REGISTER", "1", CONTACT "Expires: 100\r\n" NO_BODY), NULL, 0, NULL},
	{0},
};

/* ---- playing -------------------------------------------------------------------------------- */

static void calls(void **state)
{
	static const struct dialogue all[] = {
		UDP_SIP("call", call), UDP_SIP("ended", ended), UDP_SIP("again", again),
		UDP_SIP("late offer", late_offer), UDP_SIP("two calls", two_calls),
		{.name = "two calls beside Linux", .helper = "sip", .rows = two_calls, .proto = SL_PROTO_UDP, .client_port = 5060,
			.nats = NAT_NONE, .beyonds = true},
		TCP_SIP("call", call), TCP_SIP("ended", ended), TCP_SIP("again", again), TCP_SIP("late offer", late_offer),
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}

static void registrations(void **state)
{
	static const struct dialogue all[] = {
		UDP_SIP("registered", registered), UDP_SIP("unregistered", unregistered),
		TCP_SIP("registered", registered), TCP_SIP("unregistered", unregistered),
		{.name = "other port", .helper = "sip", .rows = other_port, .proto = SL_PROTO_TCP},
		{.name = "anybody calls", .helper = "sip", .rows = anybody_calls, .proto = SL_PROTO_UDP, .client_port = 5060,
			.set = {"sip_direct_signalling=0"}},
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}

/* ---- what no table says ---------------------------------------------------------------------- */

#define REGISTRATION(addr) \
	"Via: SIP/2.0/UDP " addr ":5060\r\n" FROM_TO CALL "CSeq: 1 REGISTER\r\nContact: <sip:alice@" addr ":5060>;expires=60\r\n" NO_BODY

/* The registrar calls from any port of its own, again and again, until the time is up; each call is read too. */
static void called_again_and_again(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, &sip_udp, NAT_SRC);
	w.on_leave = sip_anywhere;
	sip_say(&w, SL_ORIGINAL, "REGISTER sip:example.org SIP/2.0\r\n" REGISTRATION("10.0.0.2"),
		"REGISTER sip:example.org SIP/2.0\r\n" REGISTRATION("203.0.113.1"));
	sip_say(&w, SL_REPLY, "SIP/2.0 200 OK\r\n" REGISTRATION("203.0.113.1"), "SIP/2.0 200 OK\r\n" REGISTRATION("10.0.0.2"));
	for (uint16_t port = 7000; port < 7003; port++) {
		w.end[1].port = port;
		sip_say(&w, SL_REPLY, PLAIN("INVITE sip:alice@203.0.113.1:5060 SIP/2.0", "198.51.100.7;rport", BODY("198.51.100.7", "30000")),
			PLAIN("INVITE sip:alice@10.0.0.2:5060 SIP/2.0", "198.51.100.7;rport", BODY("198.51.100.7", "30000")));
		assert_int_equal(w.state, SL_CT_RELATED);
		assert_true(addr_is(&w.arrived.dst, "10.0.0.2"));
		wait_ms(&w, 19000);
	}
	assert_int_equal(w.expects, 3); /* the contact, RTP and RTCP: the same media in each call */
	wait_ms(&w, 4000);
	w.end[1].port = 7003;
	send_text(&w, SL_REPLY, "OPTIONS sip:alice@203.0.113.1:5060 SIP/2.0\r\n\r\n");
	assert_int_equal(w.state, SL_CT_NEW);
	world_fini(&w);
}

/* sip_timeout: the connection is kept for an hour, or as long as it is told, after each message. */
static void kept_for_sip_timeout(void **state)
{
	static struct world w;

	(void)state;
	for (unsigned own = 0; own < 2; own++) {
		uint64_t seconds = own ? 500 : 3600;

		world_init(&w, &sip_udp, NAT_SRC);
		w.on_leave = sip_anywhere;
		assert_true(!own || sl_tunable_set(w.g.engine, "sip_timeout", 500));
		send_text(&w, SL_ORIGINAL, PLAIN("OPTIONS sip:bob@198.51.100.7 SIP/2.0", "10.0.0.2:5060", NO_BODY));
		for (unsigned i = 0; i < 2; i++) {
			wait_ms(&w, seconds * 1000 - 2000);
			assert_int_equal(w.conns_ended, 0);
			send_text(&w, SL_REPLY, PLAIN("SIP/2.0 200 OK", "203.0.113.1:5060", NO_BODY));
		}
		wait_ms(&w, seconds * 1000 + 2000);
		assert_int_equal(w.conns_ended, 1);
		world_fini(&w);
	}
}

/* Names and defaults are the kernel's; nobody gets it unasked. */
static void as_the_kernel_has_them(void **state)
{
	static const struct { const char *name; uint32_t value; } kernels[] = {
		{"sip_timeout", 3600}, {"sip_direct_signalling", 1}, {"sip_direct_media", 1}, {"sip_external_media", 0},
	};
	static struct world w;
	uint32_t value;

	(void)state;
	assert_true(helper_named("sip")->by_request);
	world_init(&w, &sip_udp, NAT_NONE);
	for (unsigned i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		assert_true(sl_tunable_get(w.g.engine, kernels[i].name, &value));
		assert_int_equal(value, kernels[i].value);
	}
	world_fini(&w);
}
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(calls),
	        cmocka_unit_test(registrations),
	        cmocka_unit_test(called_again_and_again),
	        cmocka_unit_test(kept_for_sip_timeout),
	        cmocka_unit_test(as_the_kernel_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
