/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IRC: offers of direct connections, in every spelling, cut everywhere; what counts, what does
 * not, and that what is said later about an offer (RESUME, ACCEPT) keeps to its translated port.
 * Tests: helpers/irc.c
 */
#include "tests/helpers/dialogue.h"

/* clang-format off */
#define MESSAGE(from_, said, expects_, why, light, families_, nats_) \
	{.name = said, .helper = "irc", .proto = SL_PROTO_TCP, .server_port = 6667, .families = families_, .nats = nats_, \
	 .thorough = true, .lightly = light, \
	 .rows = (const struct row[]){{from_, said "\r\n", expects_, why, NULL, 0}, {0}}}

#define NATS               (NAT_NONE | NAT_SRC | NAT_IN)
#define OFFER(said, ports) MESSAGE('c', said, ports, 0, false, 4, NATS)
#define NO_OFFER(said)     MESSAGE('c', said, NULL, 0, true, 4, NATS)
#define REMARK(said, why)  MESSAGE('c', said, NULL, why, true, 4, NATS)
#define OTHERS(said)       MESSAGE('s', said, NULL, 0, true, 4, NATS)

static const struct dialogue ipv4[] = {
	OFFER("PRIVMSG bob :\1DCC SEND file {#c} 5000 100\1", "*>c tcp 5000"),
	OFFER("PRIVMSG bob :\1DCC CHAT chat {#c} 5000\1", "*>c tcp 5000"),
	OFFER("privmsg bob :\1dcc send file {#c} 5000 100\1", "*>c tcp 5000"),
	OFFER("@time=1;+x=y :alice!a@h PRIVMSG  bob :see \1DCC  SEND  file  {#c}  5000  100\1 there", "*>c tcp 5000"),
	OFFER("PRIVMSG bob :\1DCC SEND \"two words\" {#c} 5000 100\1", "*>c tcp 5000"),
	OFFER("PRIVMSG bob :\1DCC SEND file {c} 5000\1", "*>c tcp 5000"),
	OFFER("PRIVMSG bob :\1DCC SEND a {#c} 5000 1\1\1VERSION\1\1DCC SEND b {#c} 5001 1\1", "*>c tcp 5000, *>c tcp 5001"),
	OFFER("PRIVMSG bob :\1DCC SEND file {#c} 5000 100", "*>c tcp 5000"),
	{.name = "a bare LF", .helper = "irc", .proto = SL_PROTO_TCP, .server_port = 6667, .families = 4, .nats = NATS, .thorough = true,
	 .rows = (const struct row[]){
		{'c', "NOTICE bob :\1DCC CHAT chat {#c} 5000\1\n", "*>c tcp 5000", 0, NULL, 0}, {0}}},
	/* it knows its public address already */
	MESSAGE('c', "PRIVMSG bob :\1DCC SEND file {#p} 5000 100\1", "*>c tcp 5000", 0, false, 4, NAT_SRC),
	/* passive: only the address is made true */
	OFFER("PRIVMSG bob :\1DCC SEND file {#c} 0 100 77\1", NULL),
	/* somebody else's address: CVE-2022-2663 */
	REMARK("PRIVMSG bob :\1DCC SEND file 167772163 5000 100\1", SL_WHY_HELPER_ADDRESS),
	REMARK("PRIVMSG bob :\1DCC CHAT chat 3325256711 5000\1", SL_WHY_HELPER_ADDRESS),
	REMARK("PRIVMSG bob :\1DCC SEND file ::1 5000\1", SL_WHY_HELPER_ADDRESS),
	/* offers of others */
	OTHERS(":eve!e@h PRIVMSG alice :\1DCC SEND file 167772162 5000 100\1"),
	OTHERS(":eve!e@h PRIVMSG alice :\1DCC SEND file 3325256711 5000 100\1"),
	/* ports */
	MESSAGE('c', "PRIVMSG bob :\1DCC SEND file 167772162 1023 100\1", NULL, SL_WHY_HELPER_PORT, true, 4,
		NAT_NONE | NAT_SRC),
	NO_OFFER("PRIVMSG bob :\1DCC SEND file 167772162 65536 100\1"),
	NO_OFFER("PRIVMSG bob :\1DCC SEND file 167772162 5000x 100\1"),
	/* not understood */
	NO_OFFER("PRIVMSG bob :\1DCC SEND file 4294967296 5000 100\1"),
	NO_OFFER("PRIVMSG bob :\1DCC SEND file 167772162\1"),
	NO_OFFER("PRIVMSG bob :\1DCC SEND \"file 167772162 5000\1"),
	NO_OFFER("PRIVMSG bob :DCC SEND file 167772162 5000 100"),
	NO_OFFER("PRIVMSG"),
	NO_OFFER("TOPIC #x :\1DCC SEND file 167772162 5000 100\1"),
	REMARK("PRIVMSG bob :\1DCC TSEND file 167772162 5000 100\1", SL_WHY_HELPER_UNKNOWN),
	REMARK("PRIVMSG bob :\1DCC SCHAT chat 167772162 5000\1", SL_WHY_HELPER_UNKNOWN),
	NO_OFFER("PRIVMSG bob :\1DCC RESUME file 5000 600\1"),
	NO_OFFER("PRIVMSG bob :\1DCC ACCEPT file 5000 600\1"),
};

static const struct dialogue ipv6[] = {
	MESSAGE('c', "PRIVMSG bob :\1DCC SEND file {c} 5000 100\1", "*>c tcp 5000", 0, false, 6, NATS),
	MESSAGE('c', "PRIVMSG bob :\1DCC CHAT chat {c} 5000\1", "*>c tcp 5000", 0, false, 6, NAT_IN),
	MESSAGE('c', "PRIVMSG bob :\1DCC CHAT chat 2001:db8::8 5000\1", NULL, SL_WHY_HELPER_ADDRESS, true, 6, NATS),
	MESSAGE('c', "PRIVMSG bob :\1DCC CHAT chat 167772162 5000\1", NULL, SL_WHY_HELPER_ADDRESS, true, 6, NATS),
};
/* clang-format on */

static void each_message_ipv4(void **state)
{
	(void)state;
	dialogues_play(ipv4, sizeof(ipv4) / sizeof(ipv4[0]));
}

static void each_message_ipv6(void **state)
{
	(void)state;
	dialogues_play(ipv6, sizeof(ipv6) / sizeof(ipv6[0]));
}

static const struct scene scene = {
        .helper = "irc", .proto = SL_PROTO_TCP, .family = SL_IPV4, .server_port = 6667};

/* Anybody may connect, once, and gets to the client that offered. */
static void anybody_may_meet_the_offer(void **state)
{
	static struct world w;

	(void)state;
	for (unsigned nat = NAT_NONE; nat <= NAT_SRC; nat *= 2) {
		struct sl_expect_info stranger;

		world_init(&w, &scene, nat);
		world_anything(&w);
		send_text(&w, SL_ORIGINAL, "PRIVMSG bob :\1DCC SEND file 167772162 5000 100\1\r\n");
		assert_int_equal(w.expects, 1);
		stranger = w.expect[0].info;
		stranger.tuple.src = w.end[1].addr;
		stranger.tuple.src.b[15] = 99;
		send_expected(&w, &stranger, 0);
		assert_int_equal(w.state, SL_CT_RELATED);
		assert_true(addr_is(&w.arrived.dst, "10.0.0.2"));
		assert_true(addr_is(&w.arrived.src, "198.51.100.99"));
		assert_int_equal(w.arrived.dport, 5000);
		assert_int_equal(expects_alive(&w), 0);
		world_fini(&w);
	}
}

/*
 * Another client's offer of the same port comes first: ours is translated, and so is what is said
 * about it.
 */
static void resume_follows_the_port(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, &scene, NAT_SRC);
	world_anything(&w);
	send_text(&w, SL_ORIGINAL, "PRIVMSG bob :\1DCC SEND file 167772162 5000 100\1\r\n");
	w.in[0].anything = w.in[1].anything = false;
	world_second_client(&w);
	world_must_text(&w, SL_REPLY,
	        "PRIVMSG bob :\1DCC SEND file 3405803777 5001 100\1\r\n"
	        "PRIVMSG bob :\1DCC ACCEPT file 5001 600\1\r\n"
	        "PRIVMSG bob :\1DCC SEND file 3405803777 5001 100\1\r\n");
	world_must_text(&w, SL_ORIGINAL, ":b PRIVMSG alice :\1DCC RESUME \"file\" 5000 600\1\r\n");
	send_text(&w, SL_ORIGINAL, "PRIVMSG bob :\1DCC SEND file 167772164 5000 100\1\r\n");
	assert_int_equal(w.expects, 2);
	assert_int_equal(w.expect[1].info.tuple.dport, 5001);
	send_ack(&w, SL_REPLY);
	send_text(&w, SL_REPLY, ":b PRIVMSG alice :\1DCC RESUME \"file\" 5001 600\1\r\n");
	send_text(&w, SL_ORIGINAL, "PRIVMSG bob :\1DCC ACCEPT file 5000 600\1\r\n");
	send_expected(&w, &w.expect[1].info, 0);
	assert_true(addr_is(&w.arrived.dst, "10.0.0.4"));
	assert_int_equal(w.arrived.dport, 5000);
	/* offered again after it was met: the same port, although 5000 may be free by now */
	send_text(&w, SL_ORIGINAL, "PRIVMSG bob :\1DCC SEND file 167772164 5000 100\1\r\n");
	assert_int_equal(w.expects, 3);
	assert_int_equal(w.expect[2].info.tuple.dport, 5001);
	world_complete(&w);
	world_fini(&w);
}

static void at_most_eight_offers(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, &scene, NAT_NONE);
	for (unsigned i = 0; i < 9; i++) {
		char text[] = "PRIVMSG bob :\1DCC SEND file 167772162 5000 100\1\r\n";

		text[strlen(text) - 8] = (char)('0' + i);
		world_must_text(&w, SL_REPLY, text);
		send_text(&w, SL_ORIGINAL, text);
	}
	assert_int_equal(w.expects, 9);
	assert_int_equal(expects_alive(&w), 8);
	assert_true(w.expect[0].gone);
	assert_int_equal(w.expect[0].why, SL_WHY_REPLACED);
	world_complete(&w);
	wait_ms(&w, 301 * 1000);
	assert_int_equal(expects_alive(&w), 0);
	world_fini(&w);
}

/* clang-format off */
static const struct dialogue encrypted = {.name = "STARTTLS ends the reading", .helper = "irc", .proto = SL_PROTO_TCP, .server_port = 6667,
	.families = 4, .rows = (const struct row[]){
		{'c', "STARTTLS\r\n", NULL, 0, NULL, 0},
		{'s', ":irc.example 670 alice :STARTTLS successful\r\n", NULL, SL_WHY_HELPER_ENCRYPTED, NULL, 0},
		{'c', "PRIVMSG bob :\1DCC SEND file 167772162 5000 100\1\r\n", NULL, 0, NULL, 0},
		{0}}};
/* clang-format on */

static void starttls_ends_the_reading(void **state)
{
	(void)state;
	dialogue_play(&encrypted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_message_ipv4),
	        cmocka_unit_test(each_message_ipv6),
	        cmocka_unit_test(anybody_may_meet_the_offer),
	        cmocka_unit_test(resume_follows_the_port),
	        cmocka_unit_test(at_most_eight_offers),
	        cmocka_unit_test(starttls_ends_the_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
