/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IRC: offers of direct connections, in every spelling, cut everywhere; what counts, what does
 * not, and that what is said later about an offer (RESUME, ACCEPT) keeps to its translated port.
 */
#include "dialogue.h"

#include <string.h>

static const struct scene scenes[] = {
	{"irc", SL_PROTO_TCP, SL_IPV4, 6667},
	{"irc", SL_PROTO_TCP, SL_IPV6, 6667},
};

#define INSIDE (1u << NAT_NONE | 1u << NAT_SRC) /* the client is 10.0.0.2, 167772162 */
#define OUTSIDE (1u << NAT_DST)			/* the client is 198.51.100.9, 3325256713 */
#define SRC_SEEN(s) .seen = {[NAT_SRC] = s}

/* 203.0.113.1 is 3405803777 */
static const struct spoken ipv4[] = {
	{.text = "PRIVMSG bob :\1DCC SEND file 167772162 5000 100\1\r\n", .nats = INSIDE, .expects = 1, .port = {5000},
		SRC_SEEN("PRIVMSG bob :\1DCC SEND file 3405803777 5000 100\1\r\n")},
	{.text = "PRIVMSG bob :\1DCC CHAT chat 167772162 5000\1\r\n", .nats = INSIDE, .expects = 1, .port = {5000},
		SRC_SEEN("PRIVMSG bob :\1DCC CHAT chat 3405803777 5000\1\r\n")},
	{.text = "NOTICE bob :\1DCC CHAT chat 167772162 5000\1\n", .nats = INSIDE, .expects = 1, .port = {5000},
		SRC_SEEN("NOTICE bob :\1DCC CHAT chat 3405803777 5000\1\n")},
	{.text = "privmsg bob :\1dcc send file 167772162 5000 100\1\r\n", .nats = INSIDE, .expects = 1, .port = {5000},
		SRC_SEEN("privmsg bob :\1dcc send file 3405803777 5000 100\1\r\n")},
	{.text = "@time=1;+x=y :alice!a@h PRIVMSG  bob :see \1DCC  SEND  file  167772162  5000  100\1 there\r\n",
		.nats = INSIDE, .expects = 1, .port = {5000},
		SRC_SEEN("@time=1;+x=y :alice!a@h PRIVMSG  bob :see \1DCC  SEND  file  3405803777  5000  100\1 there\r\n")},
	{.text = "PRIVMSG bob :\1DCC SEND \"two words\" 167772162 5000 100\1\r\n", .nats = INSIDE, .expects = 1,
		.port = {5000}, SRC_SEEN("PRIVMSG bob :\1DCC SEND \"two words\" 3405803777 5000 100\1\r\n")},
	{.text = "PRIVMSG bob :\1DCC SEND file 10.0.0.2 5000\1\r\n", .nats = INSIDE, .expects = 1, .port = {5000},
		SRC_SEEN("PRIVMSG bob :\1DCC SEND file 203.0.113.1 5000\1\r\n")},
	{.text = "PRIVMSG bob :\1DCC SEND a 167772162 5000 1\1\1VERSION\1\1DCC SEND b 167772162 5001 1\1\r\n",
		.nats = INSIDE, .expects = 2, .port = {5000, 5001},
		SRC_SEEN("PRIVMSG bob :\1DCC SEND a 3405803777 5000 1\1\1VERSION\1\1DCC SEND b 3405803777 5001 1\1\r\n")},
	{.text = "PRIVMSG bob :\1DCC SEND file 167772162 5000 100\r\n", .nats = INSIDE, .expects = 1, .port = {5000},
		SRC_SEEN("PRIVMSG bob :\1DCC SEND file 3405803777 5000 100\r\n")},
	/* it knows its public address already */
	{.text = "PRIVMSG bob :\1DCC SEND file 3405803777 5000 100\1\r\n", .nats = 1u << NAT_SRC, .expects = 1,
		.port = {5000}},
	/* passive: only the address is made true */
	{.text = "PRIVMSG bob :\1DCC SEND file 167772162 0 100 77\1\r\n", .nats = INSIDE,
		SRC_SEEN("PRIVMSG bob :\1DCC SEND file 3405803777 0 100 77\1\r\n")},
	/* an outside client of an inside server announces itself */
	{.text = "PRIVMSG bob :\1DCC SEND file 3325256713 5000 100\1\r\n", .nats = OUTSIDE, .expects = 1,
		.port = {5000}},
	/* somebody else's address: CVE-2022-2663 */
	{.text = "PRIVMSG bob :\1DCC SEND file 167772163 5000 100\1\r\n", .remark = SL_WHY_HELPER_ADDRESS},
	{.text = "PRIVMSG bob :\1DCC CHAT chat 3325256711 5000\1\r\n", .remark = SL_WHY_HELPER_ADDRESS},
	{.text = "PRIVMSG bob :\1DCC SEND file ::1 5000\1\r\n", .remark = SL_WHY_HELPER_ADDRESS},
	/* offers of others */
	{.text = ":eve!e@h PRIVMSG alice :\1DCC SEND file 167772162 5000 100\1\r\n", .dir = SL_REPLY},
	{.text = ":eve!e@h PRIVMSG alice :\1DCC SEND file 3325256711 5000 100\1\r\n", .dir = SL_REPLY},
	/* ports */
	{.text = "PRIVMSG bob :\1DCC SEND file 167772162 1023 100\1\r\n", .nats = INSIDE, .remark = SL_WHY_HELPER_PORT},
	{.text = "PRIVMSG bob :\1DCC SEND file 167772162 65536 100\1\r\n"},
	{.text = "PRIVMSG bob :\1DCC SEND file 167772162 5000x 100\1\r\n"},
	/* not understood */
	{.text = "PRIVMSG bob :\1DCC SEND file 4294967296 5000 100\1\r\n"},
	{.text = "PRIVMSG bob :\1DCC SEND file 167772162\1\r\n"},
	{.text = "PRIVMSG bob :\1DCC SEND \"file 167772162 5000\1\r\n"},
	{.text = "PRIVMSG bob :DCC SEND file 167772162 5000 100\r\n"},
	{.text = "PRIVMSG\r\n"},
	{.text = "TOPIC #x :\1DCC SEND file 167772162 5000 100\1\r\n"},
	{.text = "PRIVMSG bob :\1DCC TSEND file 167772162 5000 100\1\r\n", .remark = SL_WHY_HELPER_UNKNOWN},
	{.text = "PRIVMSG bob :\1DCC SCHAT chat 167772162 5000\1\r\n", .remark = SL_WHY_HELPER_UNKNOWN},
	{.text = "PRIVMSG bob :\1DCC RESUME file 5000 600\1\r\n"},
	{.text = "PRIVMSG bob :\1DCC ACCEPT file 5000 600\1\r\n"},
};

static const struct spoken ipv6[] = {
	{.text = "PRIVMSG bob :\1DCC SEND file fd00::2 5000 100\1\r\n", .nats = INSIDE, .expects = 1, .port = {5000},
		SRC_SEEN("PRIVMSG bob :\1DCC SEND file 2001:db8:ffff::1 5000 100\1\r\n")},
	{.text = "PRIVMSG bob :\1DCC CHAT chat 2001:db8::9 5000\1\r\n", .nats = OUTSIDE, .expects = 1, .port = {5000}},
	{.text = "PRIVMSG bob :\1DCC CHAT chat 2001:db8::8 5000\1\r\n", .remark = SL_WHY_HELPER_ADDRESS},
	{.text = "PRIVMSG bob :\1DCC CHAT chat 167772162 5000\1\r\n", .remark = SL_WHY_HELPER_ADDRESS},
};

static void each_message_ipv4(void **state)
{
	(void)state;
	check_spoken(&scenes[0], ipv4, sizeof(ipv4) / sizeof(ipv4[0]));
}

static void each_message_ipv6(void **state)
{
	(void)state;
	check_spoken(&scenes[1], ipv6, sizeof(ipv6) / sizeof(ipv6[0]));
}

/* Anybody may connect, once, and gets to the client that offered. */
static void anybody_may_meet_the_offer(void **state)
{
	static struct world w;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct sl_expect_info stranger;

		world_init(&w, &scenes[0], i ? NAT_SRC : NAT_NONE);
		send_text(&w, SL_ORIGINAL, "PRIVMSG bob :\1DCC SEND file 167772162 5000 100\1\r\n");
		assert_int_equal(w.expects, 1);
		stranger = w.expect[0];
		stranger.tuple.src = w.end[1].addr;
		stranger.tuple.src.b[15] = 99;
		meet(&w, &stranger, 0);
		assert_int_equal(w.state, SL_CT_RELATED);
		assert_true(addr_is(&w.arrived.dst, "10.0.0.2"));
		assert_true(addr_is(&w.arrived.src, "198.51.100.99"));
		assert_int_equal(w.arrived.dport, 5000);
		assert_int_equal(expects_alive(&w), 0);
		world_fini(&w, false);
	}
}

/* Another client's offer of the same port comes first: ours is translated, and so is what is said about it. */
static void resume_follows_the_port(void **state)
{
	static const char outside[] = "PRIVMSG bob :\1DCC SEND file 3405803777 5001 100\1\r\n"
				      "PRIVMSG bob :\1DCC ACCEPT file 5001 600\1\r\n"
				      "PRIVMSG bob :\1DCC SEND file 3405803777 5001 100\1\r\n";
	static const char inside[] = ":b PRIVMSG alice :\1DCC RESUME \"file\" 5000 600\1\r\n";
	static struct world w;

	(void)state;
	world_init(&w, &scenes[0], NAT_SRC);
	send_text(&w, SL_ORIGINAL, "PRIVMSG bob :\1DCC SEND file 167772162 5000 100\1\r\n");
	for (unsigned i = 0; i < 2; i++) { /* a second client of the same server */
		w.end[i].next = w.end[i].acked = w.end[i].isn;
		memset(w.end[i].have, 0, sizeof(w.end[i].have));
	}
	assert_int_equal(w.end[0].addr.b[15], 2);
	w.end[0].addr.b[15] = 4;
	w.end[0].port = w.end[1].to_port = 40001;
	world_open(&w);
	world_must(&w, SL_REPLY, outside, strlen(outside));
	world_must(&w, SL_ORIGINAL, inside, strlen(inside));
	send_text(&w, SL_ORIGINAL, "PRIVMSG bob :\1DCC SEND file 167772164 5000 100\1\r\n");
	assert_int_equal(w.expects, 2);
	assert_int_equal(w.expect[1].tuple.dport, 5001);
	send_ack(&w, SL_REPLY);
	send_text(&w, SL_REPLY, ":b PRIVMSG alice :\1DCC RESUME \"file\" 5001 600\1\r\n");
	send_text(&w, SL_ORIGINAL, "PRIVMSG bob :\1DCC ACCEPT file 5000 600\1\r\n");
	meet(&w, &w.expect[1], 0);
	assert_true(addr_is(&w.arrived.dst, "10.0.0.4"));
	assert_int_equal(w.arrived.dport, 5000);
	/* offered again after it was met: the same port, although 5000 may be free by now */
	send_text(&w, SL_ORIGINAL, "PRIVMSG bob :\1DCC SEND file 167772164 5000 100\1\r\n");
	assert_int_equal(w.expects, 3);
	assert_int_equal(w.expect[2].tuple.dport, 5001);
	world_fini(&w, true);
}

static void at_most_eight_offers(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, &scenes[0], NAT_NONE);
	for (unsigned i = 0; i < 9; i++) {
		char text[] = "PRIVMSG bob :\1DCC SEND file 167772162 5000 100\1\r\n";

		text[strlen(text) - 8] = (char)('0' + i);
		send_text(&w, SL_ORIGINAL, text);
	}
	assert_int_equal(w.expects, 9);
	assert_int_equal(expects_alive(&w), 8);
	assert_true(w.gone[0]);
	assert_int_equal(w.gone_why[0], SL_WHY_REPLACED);
	wait_ms(&w, 301 * 1000);
	assert_int_equal(expects_alive(&w), 0);
	world_fini(&w, false);
}

static void starttls_ends_the_reading(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, &scenes[0], NAT_SRC);
	send_text(&w, SL_ORIGINAL, "STARTTLS\r\n");
	send_text(&w, SL_REPLY, ":irc.example 670 alice :STARTTLS successful\r\n");
	assert_int_equal(w.remark, SL_WHY_HELPER_ENCRYPTED);
	send_text(&w, SL_ORIGINAL, "PRIVMSG bob :\1DCC SEND file 167772162 5000 100\1\r\n");
	assert_int_equal(w.expects, 0);
	world_fini(&w, false);
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
