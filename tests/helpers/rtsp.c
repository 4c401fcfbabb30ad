/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RTSP: each message cut at each byte, and what must not open anything.
 * Tests: helpers/rtsp/
 */
#include "tests/helpers/dialogue.h"

/* clang-format off */
#define SETUP(track, cseq, transport) \
	"SETUP rtsp://192.0.2.9/film/" track " RTSP/1.0\r\nCSeq: " cseq "\r\nTransport: " transport "\r\n\r\n"
#define OK(cseq, transport) \
	"RTSP/1.0 200 OK\r\nCSeq: " cseq "\r\nSession: 12345678\r\nTransport: " transport "\r\n\r\n"
#define AVP "RTP/AVP;unicast;"

static const struct row two_streams[] = {
	{'c', "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", NULL, 0, NULL},
	{'s', "RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: SETUP, TEARDOWN\r\n\r\n", NULL, 0, NULL},
	{'c', "DESCRIBE rtsp://192.0.2.9/film RTSP/1.0\r\nCSeq: 2\r\n\r\n", NULL, 0, NULL},
	{'s', "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: {n}\r\n\r\nv=0\r\nTransport: none\r\n\r\nSETUP x RTSP/1.0\r\n", NULL, 0, NULL},
	{'c', SETUP("track1", "3", AVP "client_port=4588-4589"), "s>c udp 4588, s>c udp 4589", 0, NULL},
	{'s', OK("3", AVP "client_port=4588-4589;server_port=6256-6257;ssrc=1234"), "c>s udp 6256 #1, c>s udp 6257 #1", 0, NULL},
	{'c', SETUP("track2", "4", "RTP/AVP/UDP;unicast;client_port=4590-4591;mode=play"), "s>c udp 4590, s>c udp 4591", 0, NULL},
	{'s', OK("4", AVP "client_port=4590-4591;source={s};server_port=6258-6259"), "c>s udp 6258 #1, c>s udp 6259 #1", 0, NULL},
	{'c', "PLAY rtsp://192.0.2.9/film RTSP/1.0\r\nCSeq: 5\r\n\r\n", NULL, 0, NULL},
	{0},
};

static const struct row torn_down[] = {
	{'c', SETUP("track1", "3", AVP "client_port=4588-4589"), "s>c udp 4588, s>c udp 4589", 0, NULL},
	{'s', OK("3", AVP "server_port=6256-6257"), "c>s udp 6256 #1, c>s udp 6257 #1", 0, NULL},
	{'c', SETUP("track2", "4", AVP "client_port=4590-4591"), "s>c udp 4590, s>c udp 4591", 0, NULL},
	{'s', OK("4", AVP "client_port=4590-4591"), NULL, 0, NULL},
	{'c', "TEARDOWN rtsp://192.0.2.9/film/track2/ RTSP/1.0\r\nCSeq: 5\r\n\r\n", "-udp 4591, -udp 4590", 0, NULL},
	{'c', "TEARDOWN rtsp://192.0.2.9/film RTSP/1.0\r\nCSeq: 6\r\n\r\n", "-udp 6257, -udp 6256, -udp 4589, -udp 4588", 0, NULL},
	{0},
};

/* Two sessions on one connection: a TEARDOWN of the whole film ends the session that it names. */
#define IN_SESSION(session, cseq, transport) \
	"RTSP/1.0 200 OK\r\nCSeq: " cseq "\r\nSession: " session ";timeout=60\r\nTransport: " transport "\r\n\r\n"
static const struct row sessions[] = {
	{'c', SETUP("track1", "3", AVP "client_port=4588"), "s>c udp 4588", 0, NULL},
	{'s', IN_SESSION("one", "3", AVP "server_port=6256"), "c>s udp 6256 #1", 0, NULL},
	{'c', SETUP("track2", "4", AVP "client_port=4590"), "s>c udp 4590", 0, NULL},
	{'s', IN_SESSION("two", "4", AVP "server_port=6258"), "c>s udp 6258 #1", 0, NULL},
	{'c', "TEARDOWN rtsp://192.0.2.9/film RTSP/1.0\r\nCSeq: 5\r\nSession: three\r\n\r\n", NULL, 0, NULL},
	{'c', "TEARDOWN rtsp://192.0.2.9/film RTSP/1.0\r\nCSeq: 6\r\nSession: two ;x\r\n\r\n", "-udp 6258, -udp 4590", 0, NULL},
	{'c', "TEARDOWN rtsp://192.0.2.9/film RTSP/1.0\r\nCSeq: 7\r\n\r\n", "-udp 6256, -udp 4588", 0, NULL},
	{0},
};

/* An error ends what was asked for; so does a choice of the interleaved transport. Another's answer does not. */
static const struct row not_chosen[] = {
	{'c', SETUP("track1", "3", AVP "client_port=4588-4589"), "s>c udp 4588, s>c udp 4589", 0, NULL},
	{'s', "RTSP/1.0 461 Unsupported Transport\r\nCSeq: 2\r\n\r\n", NULL, 0, NULL},
	{'s', "RTSP/1.0 461 Unsupported Transport\r\nCSeq: 3\r\n\r\n", "-udp 4589, -udp 4588", 0, NULL},
	{'c', SETUP("track1", "4", AVP "client_port=4588, RTP/AVP/TCP;unicast;interleaved=0-1"), "s>c udp 4588", 0, NULL},
	{'s', OK("4", "RTP/AVP/TCP;unicast;interleaved=0-1"), "-udp 4588", 0, NULL},
	{'s', OK("4", AVP "server_port=7000-7001"), NULL, 0, NULL},
	{0},
};

static const struct row interleaved[] = {
	{'c', SETUP("track1", "3", "RTP/AVP/TCP;unicast;interleaved=0-1"), NULL, 0, NULL},
	{'s', OK("3", "RTP/AVP/TCP;unicast;interleaved=0-1"), NULL, 0, NULL},
	{'s', "${x000006}\r\n\r\n\r\n${x010000}${x000028}" OK("5", AVP), NULL, 0, NULL},
	{'s', "${x00001a}SETUP x RTSP/1.0\r\nCSeq: 4", NULL, 0, NULL},
	{'c', "${x010004}{x00010203}", NULL, 0, NULL},
	{'c', SETUP("track2", "6", AVP "client_port=4590-4591"), "s>c udp 4590, s>c udp 4591", 0, NULL},
	{'s', "\r\n" OK("6", AVP "client_port=4590-4591;server_port=7000-7001") "${x000002}ab", "c>s udp 7000 #1, c>s udp 7001 #1", 0, NULL},
	{0},
};

/* Two requests in a segment, a header in several lines, spaces, any case. */
static const struct row spellings[] = {
	{'c', SETUP("track1", "3", AVP "client_port=4588-4589") SETUP("track2", "4", "RTP/AVP;unicast;\r\n\tclient_port=4590-4591"),
		"s>c udp 4588, s>c udp 4589, s>c udp 4590, s>c udp 4591", 0, NULL},
	{'s', "RTSP/1.0 200 OK\ncseq:3\nTRANSPORT :rtp/avp ;unicast; server_port=6256-6257 ;x=\";,server_port=1-2\"\n\n",
		"c>s udp 6256 #1, c>s udp 6257 #1", 0, NULL},
	{'s', OK("4", AVP "server_port=6258"), "c>s udp 6258 #1", 0, NULL},
	{0},
};

/* The addresses of the two ends may be named, and are translated. */
static const struct row named[] = {
	{'c', SETUP("track1", "3", AVP "destination={c};client_port=4588-4589"), "s>c udp 4588, s>c udp 4589", 0, NULL},
	{'s', OK("3", AVP "destination={c};source={s};client_port=4588-4589;server_port=6256-6257"), "c>s udp 6256 #1, c>s udp 6257 #1", 0, NULL},
	{0},
};

/* RTSP 2.0 */
static const struct row version_2[] = {
	{'c', "SETUP rtsp://192.0.2.9/a RTSP/2.0\r\nCSeq: 1\r\nTransport: RTP/AVP/UDP;unicast;dest_addr=\":8000\"/\":8001\"\r\n\r\n",
		"s>c udp 8000, s>c udp 8001", 0, NULL},
	{'s', "RTSP/2.0 200 OK\r\nCSeq: 1\r\nTransport: RTP/AVP/UDP;unicast;dest_addr=\"{[c]}:8000\"/\"{[c]}:8001\""
		";src_addr=\"{[s]}:9000\"/\"{[s]}:9001\";RTCP-mux\r\n\r\n", "c>s udp 9000 #1, c>s udp 9001 #1", 0, NULL},
	{'c', "SETUP rtsp://192.0.2.9/b RTSP/2.0\r\nCSeq: 2\r\nTransport: RTP/AVP;unicast;dest_addr=\"{[c]}:8002\"/\"{[c]}:8003\"\r\n\r\n",
		"s>c udp 8002, s>c udp 8003", 0, NULL},
	{'c', "SETUP rtsp://192.0.2.9/c RTSP/2.0\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;dest_addr=\"{[t]}:8004\"/\"{[t]}:8005\"\r\n\r\n",
		NULL, SL_WHY_HELPER_ADDRESS, NULL},
	{'c', "SETUP rtsp://192.0.2.9/c RTSP/2.0\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;dest_addr=\":8004\"/\":8006\"\r\n\r\n",
		NULL, 0, NULL},
	{0},
};

static const struct row nothing[] = {
	{'c', SETUP("1", "3", AVP "destination={u};client_port=4588-4589"), NULL, SL_WHY_HELPER_ADDRESS, NULL},
	{'c', SETUP("1", "3", AVP "client_port=1022-1023"), NULL, SL_WHY_HELPER_PORT, NULL},
	{'c', SETUP("1", "3", AVP "client_port=4589-4588"), NULL, 0, NULL},
	{'c', SETUP("1", "3", AVP "client_port=0-1"), NULL, 0, NULL},
	{'c', SETUP("1", "3", AVP "client_port=65536"), NULL, 0, NULL},
	{'c', SETUP("1", "3", AVP "client_port=4000-4100"), NULL, 0, NULL},
	{'c', SETUP("1", "3", "RTP/AVP;multicast;client_port=4588-4589"), NULL, 0, NULL},
	{'c', SETUP("1", "3", "RAW/RAW/UDP;unicast;client_port=4588-4589"), NULL, 0, NULL},
	{'c', "PLAY rtsp://x/ RTSP/1.0\r\nTransport: RTP/AVP;unicast;client_port=4588-4589\r\n\r\n", NULL, 0, NULL},
	{'c', "SETUP rtsp://x/\r\nTransport: RTP/AVP;unicast;client_port=4588-4589\r\n\r\n", NULL, 0, NULL},
	{'c', SETUP("1", "3", AVP "client_port=4588\r\nTransport: RTP/AVP;unicast;client_port=4590"), NULL, 0, NULL},
	/* the server has not been asked */
	{'s', OK("9", AVP "client_port=4588-4589;server_port=6256-6257"), NULL, 0, NULL},
	{'s', SETUP("1", "3", AVP "client_port=4588-4589"), NULL, 0, NULL},
	{0},
};

/* The same stream again is one stream, with its new ports. */
static const struct row again[] = {
	{'c', SETUP("track1", "3", AVP "client_port=4588-4589"), "s>c udp 4588, s>c udp 4589", 0, NULL},
	{'s', OK("3", AVP "server_port=6256-6257"), "c>s udp 6256 #1, c>s udp 6257 #1", 0, NULL},
	{'c', SETUP("track1/", "4", AVP "client_port=4600"), "-udp 6257, -udp 6256, -udp 4589, -udp 4588, s>c udp 4600", 0, NULL},
	{'s', "RTSP/1.0 200 OK\r\nCSeq: 4\r\nSession: 1\r\n\r\n", NULL, 0, NULL}, /* no Transport: as asked */
	{0},
};

/* Eight streams are remembered; a ninth takes the place of the oldest. */
static const struct row nine[] = {
	{'c', SETUP("1", "1", AVP "client_port=4001"), "s>c udp 4001", 0, NULL},
	{'c', SETUP("2", "2", AVP "client_port=4002"), "s>c udp 4002", 0, NULL},
	{'c', SETUP("3", "3", AVP "client_port=4003"), "s>c udp 4003", 0, NULL},
	{'c', SETUP("4", "4", AVP "client_port=4004"), "s>c udp 4004", 0, NULL},
	{'c', SETUP("5", "5", AVP "client_port=4005"), "s>c udp 4005", 0, NULL},
	{'c', SETUP("6", "6", AVP "client_port=4006"), "s>c udp 4006", 0, NULL},
	{'c', SETUP("7", "7", AVP "client_port=4007"), "s>c udp 4007", 0, NULL},
	{'c', SETUP("8", "8", AVP "client_port=4008"), "s>c udp 4008", 0, NULL},
	{'c', SETUP("9", "9", AVP "client_port=4009"), "-udp 4001, s>c udp 4009", 0, NULL},
	{'c', SETUP("10", "10", AVP "client_port=4010"), "-udp 4002, s>c udp 4010", 0, NULL},
	{'s', OK("1", AVP "server_port=6256"), NULL, 0, NULL},
	{'s', OK("9", AVP "server_port=6256"), "c>s udp 6256 #1", 0, NULL},
	{0},
};

/* Answers that name another host, low ports, or what cannot be read: nothing is opened for them. */
static const struct row bad_answers[] = {
	{'c', SETUP("1", "3", AVP "client_port=4588"), "s>c udp 4588", 0, NULL},
	{'s', OK("3", AVP "client_port=4588;source={t};server_port=6256"), NULL, SL_WHY_HELPER_ADDRESS, NULL},
	{'c', SETUP("2", "4", AVP "client_port=4590"), "s>c udp 4590", 0, NULL},
	{'s', OK("4", AVP "client_port=4590;server_port=100-101"), NULL, SL_WHY_HELPER_PORT, NULL},
	{'c', SETUP("3", "5", AVP "client_port=4592"), "s>c udp 4592", 0, NULL},
	{'s', OK("5", AVP "client_port=4592;server_port=0"), NULL, 0, NULL},
	{0},
};

/* Parameters that cannot be read open nothing; a name is nobody's address. */
static const struct row unreadable[] = {
	{'c', SETUP("1", "1", AVP "client_port=x"), NULL, 0, NULL},
	{'c', SETUP("1", "1", AVP "client_port=4588-"), NULL, 0, NULL},
	{'c', SETUP("1", "1", AVP "dest_addr=:8000"), NULL, 0, NULL},
	{'c', SETUP("1", "1", AVP "dest_addr=\":8000"), NULL, 0, NULL},
	{'c', SETUP("1", "1", AVP "dest_addr=\"[fd00::2:8000\""), NULL, 0, NULL},
	{'c', SETUP("1", "1", AVP "dest_addr=\"[fd00::2]8000\""), NULL, 0, NULL},
	{'c', SETUP("1", "1", AVP "dest_addr=\"8000\""), NULL, 0, NULL},
	{'c', SETUP("1", "1", AVP "dest_addr=\":8000x\""), NULL, 0, NULL},
	{'c', SETUP("1", "1", AVP "x=\"no end;client_port=4588"), NULL, 0, NULL},
	{'c', SETUP("1", "1", AVP "destination=host.example.org;client_port=4588"), NULL, SL_WHY_HELPER_ADDRESS, NULL},
	{'c', "SETUP rtsp://x/1 RTSP/1.0\r\nContent-Length: x\r\nTransport: RTP/AVP;client_port=4588\r\n\r\n", NULL, 0, NULL},
	{'c', "SETUP rtsp://x/1 RTSP/1.0\r\nCSeq: 1\r\nTransport RTP/AVP;client_port=4588\r\n\r\n", NULL, 0, NULL},
	{'c', SETUP("1", "1", AVP "dest_addr=\":8000\""), "s>c udp 8000", 0, NULL}, /* one alone is fine */
	{0},
};

static void rtsp(void **state)
{
	static const struct dialogue all[] = {
		{.name = "two streams", .helper = "rtsp", .rows = two_streams, .proto = SL_PROTO_TCP},
		{.name = "torn down", .helper = "rtsp", .rows = torn_down, .proto = SL_PROTO_TCP, .quick = true},
		{.name = "sessions", .helper = "rtsp", .rows = sessions, .proto = SL_PROTO_TCP, .quick = true},
		{.name = "not chosen", .helper = "rtsp", .rows = not_chosen, .proto = SL_PROTO_TCP, .quick = true},
		{.name = "interleaved", .helper = "rtsp", .rows = interleaved, .proto = SL_PROTO_TCP},
		{.name = "spellings", .helper = "rtsp", .rows = spellings, .proto = SL_PROTO_TCP},
		{.name = "named", .helper = "rtsp", .rows = named, .proto = SL_PROTO_TCP},
		{.name = "2.0", .helper = "rtsp", .rows = version_2, .proto = SL_PROTO_TCP},
		{.name = "nothing", .helper = "rtsp", .rows = nothing, .proto = SL_PROTO_TCP, .quick = true},
		{.name = "again", .helper = "rtsp", .rows = again, .proto = SL_PROTO_TCP, .quick = true},
		{.name = "nine", .helper = "rtsp", .rows = nine, .proto = SL_PROTO_TCP, .quick = true},
		{.name = "bad answers", .helper = "rtsp", .rows = bad_answers, .proto = SL_PROTO_TCP, .quick = true},
		{.name = "unreadable", .helper = "rtsp", .rows = unreadable, .proto = SL_PROTO_TCP, .quick = true},
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}

/* ---- what no table says ------------------------------------------------------------------------ */

static const struct scene scene = {.helper = "rtsp", .proto = SL_PROTO_TCP, .family = SL_IPV4};

/* Two clients that chose the same ports: the second one's are others outside, and in the answer its own again. */
static void the_same_ports_behind_one_address(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, &scene, NAT_SRC);
	world_must_text(&w, SL_REPLY, SETUP("1", "1", AVP "client_port=4588-4589"));
	send_text(&w, SL_ORIGINAL, SETUP("1", "1", AVP "client_port=4588-4589"));
	world_second_client(&w);
	world_must_text(&w, SL_REPLY, SETUP("1", "1", AVP "client_port=4590-4591"));
	send_text(&w, SL_ORIGINAL, SETUP("1", "1", AVP "client_port=4588-4589"));
	world_must_text(&w, SL_ORIGINAL, OK("1", AVP "client_port=4588-4589;server_port=7000"));
	send_text(&w, SL_REPLY, OK("1", AVP "client_port=4590-4591;server_port=7000"));
	assert_int_equal(expects_alive(&w), 5);
	/* the ports of its next stream are taken too, by its first one */
	world_must_text(&w, SL_REPLY, SETUP("2", "2", AVP "client_port=4592-4593"));
	send_text(&w, SL_ORIGINAL, SETUP("2", "2", AVP "client_port=4590-4591"));
	assert_int_equal(expects_alive(&w), 7);
	world_complete(&w);
	world_fini(&w);
}

/* A connection whose beginning was not seen: a message begins where one surely does. */
static void picked_up(void **state)
{
	static const char rest[] = "half a line\r\n\r\nSETUP is no request\r\n";
	static struct world w;

	(void)state;
	for (unsigned nat = NAT_NONE; nat <= NAT_IN; nat *= 2) {
		world_place(&w, &scene, nat);
		world_start(&w, "rtsp");
		world_anything(&w);
		world_pick_up(&w);
		send_text(&w, SL_ORIGINAL, "client_port=1-2\r\n\r\n");
		assert_int_equal(w.expects, 0);
		send_text(&w, SL_ORIGINAL, "x\r\n\r\n" SETUP("1", "1", AVP "client_port=4588"));
		assert_int_equal(w.expects, 1);
		send_text(&w, SL_REPLY, rest);
		send_text(&w, SL_REPLY, "RTSP/1.0 461 No\r\nCSeq: 1\r\n\r\n");
		assert_int_equal(expects_alive(&w), 1); /* a line before it looked like a message's first, and this ended that */
		send_text(&w, SL_REPLY, "RTSP/1.0 461 No\r\nCSeq: 1\r\n\r\n");
		assert_int_equal(expects_alive(&w), 0);
		world_complete(&w);
		world_fini(&w);
	}
}
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(rtsp),
	        cmocka_unit_test(the_same_ports_behind_one_address),
	        cmocka_unit_test(picked_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
