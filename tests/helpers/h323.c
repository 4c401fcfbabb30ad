/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * H.323: call signalling, H.245 and RAS, every message that is read, over IPv4 and IPv6, under every
 * NAT, cut at each byte; what must pass as it is. The messages are bytes that an encoder of its
 * own wrote (tests/captures/h323.py), whose reading tshark confirms (tests/h323-judge.py).
 * Tests: helpers/h323/
 */
#include "tests/helpers/dialogue.h"

#include <stdio.h>

#include "tests/helpers/h323_messages.h"

#define Q931 "Q.931", .proto = SL_PROTO_TCP
#define H245 "H.245", .proto = SL_PROTO_TCP, .server_port = 30001
#define RAS  "RAS", .proto = SL_PROTO_UDP
#define HERE (NAT_NONE | NAT_SRC) /* the server is seen at its own address */

/* clang-format off */
/* V: the messages' prefix, V4 or V6; tables are named V4_..., V6_... */
#define TABLES(V) \
/* H.245 on a connection of its own, either side's, and what is said before and after */ \
static const struct row V##_call[] = { \
	{'c', V##_SETUP_H245, "s>c tcp 40001", 0, NULL}, \
	{'s', V##_PROCEEDING, "c>s tcp 30001", 0, NULL}, \
	{'s', V##_ALERTING, NULL, 0, NULL}, \
	{'c', V##_RELEASE, NULL, 0, NULL}, \
	{0}, \
}; \
static const struct row V##_connect[] = { \
	{'c', V##_SETUP, NULL, 0, NULL}, \
	{'s', V##_CONNECT, "c>s tcp 30001", 0, NULL}, \
	{0}, \
}; \
/* fast start in every message that may carry it; what is announced again is expected again */ \
static const struct row V##_fast[] = { \
	{'c', V##_SETUP_FAST, "s>c udp 5020, s>c udp 5021, -udp 5020, s>c udp 5020, -udp 5021, s>c udp 5021, " \
		"-udp 5020, s>c udp 5020, -udp 5021, s>c udp 5021, s>c udp 5030, s>c udp 5031", 0, NULL}, \
	{'s', V##_ALERTING_FAST, "c>s tcp 30001, c>s udp 6020, c>s udp 6021, -udp 6020, c>s udp 6020, -udp 6021, c>s udp 6021", 0, NULL}, \
	{'s', V##_PROGRESS, "-tcp 30001, c>s tcp 30001, c>s udp 6030, c>s udp 6031", 0, NULL}, \
	{'s', V##_CONNECT_FAST, "c>s udp 6050, c>s udp 6051", 0, NULL}, \
	{0}, \
}; \
static const struct row V##_tunnel[] = { \
	{'c', V##_SETUP_TUNNEL, "s>c udp 5040, s>c udp 5041", 0, NULL}, \
	{'s', V##_FACILITY, "c>s tcp 30041, c>s udp 6040, c>s udp 6041, -udp 6040, c>s udp 6040, -udp 6041, c>s udp 6041", 0, NULL}, \
	{0}, \
}; \
/* a third party: the caller alone may call it */ \
static const struct row V##_forward[] = { \
	{'c', V##_SETUP, NULL, 0, NULL}, \
	{'s', V##_FORWARD, "c>t tcp 1777", 0, NULL}, \
	{0}, \
}; \
static const struct row V##_forward_self[] = { \
	{'s', V##_FORWARD_SELF, "c>s tcp 1777", 0, NULL}, \
	{0}, \
}; \
/* what opens nothing, and stays as it is */ \
static const struct row V##_others[] = { \
	{'c', V##_SETUP_OTHERS, NULL, 0, NULL}, \
	{'c', "{x0300000708020001}", NULL, 0, NULL}, \
	{'c', "{x0300000c080200010504037e}", NULL, 0, NULL}, \
	{'c', "{x03000004}", NULL, 0, NULL}, \
	{'c', "GET / HTTP/1.0\r\n\r\n", NULL, 0, NULL}, \
	{'c', V##_SETUP_H245, "s>c tcp 40001", 0, NULL}, \
	{0}, \
}; \
static const struct row V##_low[] = { \
	{'c', V##_SETUP_LOW, NULL, SL_WHY_HELPER_PORT, NULL, SL_BEYOND_REFUSED}, \
	{'c', V##_SETUP_ZERO, NULL, 0, NULL}, \
	{0}, \
}; \
static const struct row V##_single[] = { \
	{'c', V##_SETUP_SINGLE, "s>c tcp 40001", 0, NULL, SL_BEYOND_SYNTAX}, \
	{0}, \
}; \
/* ---- H.245 ---- */ \
static const struct row V##_channels[] = { \
	{'c', V##_ROUND_TRIP, NULL, 0, NULL}, \
	{'c', V##_OPEN, "s>c udp 5000, s>c udp 5001", 0, NULL}, \
	{'s', V##_ACK, "c>s udp 6000, c>s udp 6001, -udp 6000, c>s udp 6000, -udp 6001, c>s udp 6001", 0, NULL}, \
	{'c', V##_OPEN_VIDEO, "s>c udp 5010, s>c udp 5011, -udp 5010, s>c udp 5010, -udp 5011, s>c udp 5011", 0, NULL}, \
	{'c', V##_OPEN_BOTH, "-udp 5000, s>c udp 5000, -udp 5001, s>c udp 5001, -udp 5000, s>c udp 5000, -udp 5001, s>c udp 5001", 0, NULL}, \
	{0}, \
}; \
/* an odd port for media, an even one for their control: each stays what it is */ \
static const struct row V##_odd[] = { \
	{'c', V##_OPEN_ODD, "s>c udp 5002, s>c udp 5003, s>c udp 5000, s>c udp 5001", 0, NULL}, \
	{0}, \
}; \
static const struct row V##_two[] = { \
	{'c', V##_OPEN_TWO, "s>c udp 5000, s>c udp 5001, s>c udp 5004, s>c udp 5005", 0, NULL}, \
	{0}, \
}; \
static const struct row V##_data[] = { \
	{'c', V##_OPEN_DATA, "s>c tcp 1503 permanent", 0, NULL}, \
	{'s', V##_ACK_DATA, "c>s tcp 1504 permanent", 0, NULL}, \
	{0}, \
}; \
static const struct row V##_others_channel[] = { \
	{'c', V##_OPEN_OTHERS, NULL, 0, NULL}, \
	{0}, \
}; \
/* a port below 1024; a separate stack beside something that is not T.120's */ \
static const struct row V##_low_channel[] = { \
	{'c', V##_OPEN_LOW, NULL, SL_WHY_HELPER_PORT, NULL, SL_BEYOND_REFUSED}, \
	{'c', V##_OPEN_AUDIO_STACK, NULL, 0, NULL}, \
	{0}, \
}; \
/* ---- RAS ---- */ \
static const struct row V##_registration[] = { \
	{'c', V##_GRQ, NULL, 0, NULL}, \
	{'s', V##_GCF, NULL, 0, NULL}, \
	{'c', V##_RRQ, "s>c tcp 1720 permanent", 0, NULL}, \
	{'s', V##_RCF, NULL, 0, NULL}, \
	{'c', V##_ARQ, NULL, 0, NULL}, \
	{'s', V##_ACF, "c>t tcp 1721 permanent", 0, NULL}, \
	{'c', V##_ARQ_ANSWER, NULL, 0, NULL}, \
	{'s', V##_ACF_ANSWER, NULL, 0, NULL}, \
	{'c', V##_IRR, NULL, 0, NULL}, \
	{0}, \
}; \
/* A registration lives as long as the confirmation says (90 s), and ends when it is given back. */ \
static const struct row V##_lives[] = { \
	{'c', V##_RRQ, "s>c tcp 1720 permanent", 0, NULL}, \
	{'s', V##_RCF, NULL, 0, NULL}, \
	{'w', "89000", NULL, 0, NULL}, \
	{'c', V##_RRQ, "-tcp 1720, s>c tcp 1720 permanent", 0, NULL}, \
	{'s', V##_RCF, NULL, 0, NULL}, \
	{'c', V##_URQ, "-tcp 1720", 0, NULL}, \
	{'s', V##_UCF, NULL, 0, NULL}, \
	{0}, \
}; \
static const struct row V##_dies[] = { \
	{'c', V##_RRQ, "s>c tcp 1720 permanent", 0, NULL}, \
	{'s', V##_RCF, NULL, 0, NULL}, \
	{'w', "91000", "-tcp 1720", 0, NULL}, \
	{0}, \
}; \
static const struct row V##_anyone[] = { \
	{'c', V##_RRQ, "*>c tcp 1720 permanent", 0, NULL}, \
	{0}, \
}; \
/* sent to somebody: another gatekeeper, the gatekeeper's own signalling, whom it located */ \
static const struct row V##_sent[] = { \
	{'c', V##_GRQ, NULL, 0, NULL}, \
	{'s', V##_GCF_OTHER, "c>t udp 2719", 0, NULL}, \
	{'s', V##_ACF_ROUTED, "c>s tcp 1721 permanent", 0, NULL}, \
	{'c', V##_LRQ, NULL, 0, NULL}, \
	{'s', V##_LCF, "c>t tcp 1722 permanent", 0, NULL}, \
	{'c', "{x0effffff}", NULL, 0, NULL}, \
	{0}, \
}; \
static const struct row V##_low_ras[] = { \
	{'c', V##_RRQ_LOW, NULL, SL_WHY_HELPER_PORT, NULL, SL_BEYOND_REFUSED}, \
	{'s', V##_ACF_LOW, NULL, SL_WHY_HELPER_PORT, NULL, SL_BEYOND_REFUSED}, \
	{0}, \
};

TABLES(V4)
TABLES(V6)

#define DIALOGUES(V, n) \
	{#V " call", Q931, .rows = V##_call, .families = (n)}, \
	{#V " connect", Q931, .rows = V##_connect, .families = (n)}, \
	{#V " fast start", Q931, .rows = V##_fast, .families = (n), .quick = true}, \
	{#V " tunnel", Q931, .rows = V##_tunnel, .families = (n), .quick = true}, \
	{#V " forwarded", Q931, .rows = V##_forward, .families = (n), .nats = HERE}, \
	{#V " forwarded, no filter", Q931, .rows = V##_forward, .families = (n), .nats = HERE, .quick = true, .set = {"h323_callforward_filter=0"}}, \
	{#V " forwarded to itself", Q931, .rows = V##_forward_self, .families = (n), .set = {"h323_callforward_filter=0"}}, \
	{#V " others", Q931, .rows = V##_others, .families = (n), .quick = true}, \
	{#V " low", Q931, .rows = V##_low, .families = (n), .nats = NAT_NONE, .beyonds = true, .quick = true}, \
	{#V " single", Q931, .rows = V##_single, .families = (n), .nats = NAT_NONE, .beyonds = true, .quick = true}, \
	{#V " channels", H245, .rows = V##_channels, .families = (n)}, \
	{#V " odd", H245, .rows = V##_odd, .families = (n)}, \
	{#V " two", H245, .rows = V##_two, .families = (n)}, \
	{#V " data", H245, .rows = V##_data, .families = (n)}, \
	{#V " other's channel", H245, .rows = V##_others_channel, .families = (n), .quick = true}, \
	{#V " low channel", H245, .rows = V##_low_channel, .families = (n), .nats = NAT_NONE, .beyonds = true, .quick = true}, \
	{#V " registration", RAS, .rows = V##_registration, .families = (n)}, \
	{#V " registration lives", RAS, .rows = V##_lives, .families = (n)}, \
	{#V " registration dies", RAS, .rows = V##_dies, .families = (n)}, \
	{#V " anyone", RAS, .rows = V##_anyone, .families = (n), .set = {"h323_gkrouted_only=0"}}, \
	{#V " sent to somebody", RAS, .rows = V##_sent, .families = (n)}, \
	{#V " low registration", RAS, .rows = V##_low_ras, .families = (n), .nats = NAT_NONE, .beyonds = true}

static const struct dialogue dialogues[] = {DIALOGUES(V4, SL_IPV4), DIALOGUES(V6, SL_IPV6)};
/* clang-format on */

static void all_dialogues(void **state)
{
	(void)state;
	dialogues_play(dialogues, sizeof(dialogues) / sizeof(dialogues[0]));
}

/* ---- what a table cannot say ----------------------------------------------------------------- */

/* The message whose text is given, with the client's address in it; *place: where that stands. */
static size_t bytes_of(const char *text, const struct sl_addr *client, uint8_t *out, size_t *place)
{
	size_t n = 0;

	for (; *text; text++) {
		unsigned v;

		if (*text == '%') {
			*place = n;
			memcpy(out + n, client->b + 12, 4);
			n += 4;
			text += 2;
		} else if (*text != '{' && *text != '}' && *text != 'x') {
			assert_int_equal(sscanf(text, "%2x", &v), 1);
			out[n++] = (uint8_t)v;
			text++;
		}
	}
	return n;
}

/* Two clients behind one address, the same pair of ports: the second gets another pair, as a pair. */
static void pairs_stay_pairs(void **state)
{
	const struct scene scene = {
	        .helper = "H.245", .proto = SL_PROTO_TCP, .server_port = 30001, .family = SL_IPV4};
	static struct world w;
	uint8_t m[256], arrives[256];
	size_t n, place;

	(void)state;
	world_init(&w, &scene, NAT_SRC);
	world_anything(&w);
	n = bytes_of(V4_OPEN, &w.end[0].addr, m, &place);
	send_message(&w, SL_ORIGINAL, m, n);
	send_ack(&w, SL_REPLY);
	assert_int_equal(w.expects, 2);
	world_second_client(&w);
	n = bytes_of(V4_OPEN, &w.end[0].addr, m, &place);
	memcpy(arrives, m, n);
	memcpy(arrives + place, w.public_addr.b + 12, 4);
	arrives[place + 4] = 5003 >> 8;
	arrives[place + 5] = 5003 & 0xff;
	send_message(&w, SL_ORIGINAL, m, n);
	assert_memory_equal(w.in[SL_REPLY].got, arrives, n);
	send_ack(&w, SL_REPLY);
	assert_int_equal(w.expects, 4);
	assert_int_equal(w.expect[2].info.tuple.dport, 5002);
	assert_int_equal(w.expect[2].info.nat.sport, 5000);
	assert_int_equal(w.expect[3].info.tuple.dport, 5003);
	assert_int_equal(w.expect[3].info.nat.sport, 5001);
	world_complete(&w);
	world_fini(&w);
}

/* Each byte of a message changed, one bit at a time: it passes with its length, whatever it then says. */
static void every_bit_turned(void **state)
{
	static const char *const texts[] = {V4_SETUP_FAST, V4_FACILITY, V4_SETUP_H245};
	const struct scene scene = {.helper = "Q.931", .proto = SL_PROTO_TCP, .family = SL_IPV4};
	static struct world w;
	uint8_t m[512];
	size_t n, place;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		for (size_t bit = 32, end = 33; bit < end; bit++) { /* the frame stays */
			world_init(&w, &scene, NAT_SRC);
			world_anything(&w);
			n = bytes_of(texts[i], &w.end[0].addr, m, &place);
			end = n * 8;
			m[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
			send_message(&w, SL_ORIGINAL, m, n);
			send_ack(&w, SL_REPLY);
			assert_int_equal(receiver_has(&w.in[SL_REPLY]), n);
			world_complete(&w);
			world_fini(&w);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(all_dialogues),
	        cmocka_unit_test(pairs_stay_pairs),
	        cmocka_unit_test(every_bit_turned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
