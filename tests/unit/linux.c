/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where Linux decides otherwise: what it would make of a segment is said by a helper of the test's
 * own, what we make of it is its act; a row a pair of them. Then what it would have opened and we did
 * not, shapes alone, and a translated connection, on which one difference stays.
 *
 *	client 10.0.0.2:4000 ---- engine ---- server 192.0.2.9:7777; announced: 10.0.0.2:5000
 *
 * Tests: src/help/linux.c
 */
#include "tests/lib/unit.h"

#include <sluice/helper.h>

#define CLIENT "10.0.0.2"
#define SERVER "192.0.2.9"
#define PUBLIC "203.0.113.1"

static struct gateway g;
static struct sl_linux_view view;
static unsigned announces; /* so many endpoints, from port 5000 on */
static bool refuses;
static enum sl_beyond expected_beyond; /* of the last expectation that was made */

static enum sl_help_result act(struct sl_help *help, struct sl_message *message)
{
	struct sl_endpoint e = {.addr = addr_of(CLIENT), .family = SL_IPV4, .proto = SL_PROTO_TCP},
	                   seen;

	if (refuses)
		return sl_refuse(help, SL_WHY_HELPER_DROP);
	for (unsigned i = 0; i < announces && *message->text.at == 'P'; i++) {
		e.port = (uint16_t)(5000 + i);
		assert_int_equal(
		        sl_expect_endpoint(help, message, &e, 0, "test", &seen), SL_WHY_NONE);
	}
	return SL_PASS;
}

static void linux_view(
        struct sl_help *help, const struct sl_segment *segment, struct sl_linux_view *out)
{
	(void)help, (void)segment;
	*out = view;
}

static const struct sl_helper knowing = {SL_HELPER_HEADER, .name = "knowing",
        .match = {{.proto = SL_PROTO_TCP, .port = 7777}},
        .classes = {{.name = "x", .max = 4, .timeout = 60}}, .framing = SL_FRAME_LINE,
        .message = {[SL_ORIGINAL] = act}, .linux_view = linux_view};

/* Nothing is known of what Linux reads, but how it reads. */
static const struct sl_helper by_shape = {SL_HELPER_HEADER, .name = "by-shape",
        .match = {{.proto = SL_PROTO_TCP, .port = 7777}},
        .classes = {{.name = "x", .max = 4, .timeout = 60}}, .framing = SL_FRAME_LINE,
        .message = {[SL_ORIGINAL] = act}};

static void on_event(struct gateway *gateway, const struct sl_event *event)
{
	struct sl_expect_info info;

	if (event->type != SL_EVENT_EXPECT_NEW)
		return;
	sl_expect_info(gateway->engine, event->expect, &info);
	expected_beyond = (enum sl_beyond)info.beyond;
}

static void begin(const struct sl_helper *helper, bool nat)
{
	gateway_init(&g, nat);
	g.room = 128;
	g.on_event = on_event;
	gateway_start(&g);
	assert_true(sl_helper_register(g.engine, helper, true));
	view = (struct sl_linux_view){0};
	announces = 0;
	refuses = false;
	expected_beyond = SL_BEYOND_NONE;
	put_in_once(&g, make_tcp(&g, CLIENT, 4000, SERVER, 7777, SL_SYN, 999, 0, NULL, 0));
	put_in_once(&g, make_tcp(&g, SERVER, 7777, nat ? PUBLIC : CLIENT, 4000, SL_SYN | SL_ACK,
	                        4999, 1000, NULL, 0));
	put_in_once(&g, make_tcp(&g, CLIENT, 4000, SERVER, 7777, SL_ACK, 1000, 5000, NULL, 0));
}

/* What is said of a segment of the client's, which begins at that byte of its stream. */
static enum sl_beyond say(uint32_t at, const char *text)
{
	struct sl_packet p = make_tcp(&g, CLIENT, 4000, SERVER, 7777, SL_ACK, 1000 + at, 5000, text,
	        (uint32_t)strlen(text));
	enum sl_beyond beyond;

	put_in(&g, &p);
	beyond = (enum sl_beyond)p.beyond;
	if (p.verdict != SL_HELD)
		packet_free(&g, &p);
	return beyond;
}

/* A first packet of the server's to what was announced; its state, and what is said of it. */
static uint8_t open_from(uint16_t port, enum sl_beyond *beyond)
{
	struct sl_packet p = make_tcp(&g, SERVER, port, CLIENT, 5000, SL_SYN, 1, 0, NULL, 0);
	uint8_t state;

	put_in(&g, &p);
	state = p.state;
	*beyond = (enum sl_beyond)p.beyond;
	packet_free(&g, &p);
	return state;
}

static struct sl_endpoint endpoint(uint16_t port)
{
	return (struct sl_endpoint){
	        .addr = addr_of(CLIENT), .port = port, .family = SL_IPV4, .proto = SL_PROTO_TCP};
}

/* ---- both of them, side by side -------------------------------------------------------------- */

static const struct row {
	const char *name;
	bool looks, drops; /* Linux */
	uint16_t expects;  /* this port; 0: none */
	unsigned announces;
	bool refuses;
	enum sl_beyond beyond;
	enum sl_beyond made; /* is said of our expectation */
} rows[] = {
        {"neither sees anything", false, false, 0, 0, false, SL_BEYOND_NONE, SL_BEYOND_NONE},
        {"both expect it", true, false, 5000, 1, false, SL_BEYOND_NONE, SL_BEYOND_NONE},
        {"both drop it", true, true, 0, 0, true, SL_BEYOND_NONE, SL_BEYOND_NONE},
        {"Linux alone drops it", true, true, 0, 0, false, SL_BEYOND_PASSED, SL_BEYOND_NONE},
        {"Linux drops what we read", true, true, 0, 1, false, SL_BEYOND_SYNTAX, SL_BEYOND_SYNTAX},
        {"we alone drop it", true, false, 0, 0, true, SL_BEYOND_REFUSED, SL_BEYOND_NONE},
        {"we drop what Linux expects", true, false, 5000, 0, true, SL_BEYOND_REFUSED,
                SL_BEYOND_NONE},
        {"Linux alone expects it", true, false, 5000, 0, false, SL_BEYOND_REFUSED, SL_BEYOND_NONE},
        {"Linux does not understand it", true, false, 0, 1, false, SL_BEYOND_SYNTAX,
                SL_BEYOND_SYNTAX},
        {"Linux does not look", false, false, 0, 1, false, SL_BEYOND_LINE_START,
                SL_BEYOND_LINE_START},
        {"Linux expects another one", true, false, 5001, 1, false, SL_BEYOND_SYNTAX,
                SL_BEYOND_SYNTAX},
        {"Linux expects the second of two", true, false, 5001, 2, false, SL_BEYOND_SYNTAX,
                SL_BEYOND_NONE},
};

static void side_by_side(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		enum sl_beyond beyond;

		begin(&knowing, false);
		assert_int_equal(say(0, "N\n"), SL_BEYOND_NONE);
		view = (struct sl_linux_view){.looks = r->looks,
		        .drops = r->drops,
		        .expects = r->expects != 0,
		        .endpoint = endpoint(r->expects)};
		announces = r->announces;
		refuses = r->refuses;
		beyond = say(2, "P\n");
		if (beyond != r->beyond || expected_beyond != r->made)
			fail_msg("%s: %u, expectation %u", r->name, beyond, expected_beyond);
		gateway_end(&g);
	}
}

/* The same bytes again open nothing anew, where Linux would. */
static void repeated(void **unused)
{
	(void)unused;
	begin(&knowing, false);
	view = (struct sl_linux_view){.looks = true, .expects = true, .endpoint = endpoint(5000)};
	announces = 1;
	assert_int_equal(say(0, "P\n"), SL_BEYOND_NONE);
	assert_int_equal(say(0, "P\n"), SL_BEYOND_REPEATED);
	gateway_end(&g);
}

/* ---- what Linux would have opened -------------------------------------------------------------- */

static void only_linux_expected_it(void **unused)
{
	enum sl_beyond beyond;

	(void)unused;
	begin(&knowing, false);
	view = (struct sl_linux_view){.looks = true, .expects = true, .endpoint = endpoint(5000)};
	assert_int_equal(say(0, "P\n"), SL_BEYOND_REFUSED);
	assert_int_equal(open_from(20, &beyond), SL_CT_NEW);
	assert_int_equal(beyond, SL_BEYOND_REFUSED);
	assert_int_equal(
	        open_from(21, &beyond), SL_CT_NEW); /* once, as an expectation is met once */
	assert_int_equal(beyond, SL_BEYOND_NONE);
	gateway_end(&g);
}

/* What is expected by both then takes the place of what only Linux had. */
static void both_expect_it_later(void **unused)
{
	enum sl_beyond beyond;

	(void)unused;
	begin(&knowing, false);
	view = (struct sl_linux_view){.looks = true, .expects = true, .endpoint = endpoint(5000)};
	assert_int_equal(say(0, "P\n"), SL_BEYOND_REFUSED);
	announces = 1;
	assert_int_equal(say(2, "P\n"), SL_BEYOND_REFUSED); /* it ends the other one, there */
	assert_int_equal(open_from(20, &beyond), SL_CT_RELATED);
	assert_int_equal(beyond, SL_BEYOND_NONE);
	gateway_end(&g);
}

/* Behind NAT Linux would have told the public address, and we pass the client's own. */
static void behind_nat(void **unused)
{
	struct sl_packet p;

	(void)unused;
	begin(&knowing, true);
	assert_int_equal(say(0, "N\n"), SL_BEYOND_NONE);
	view = (struct sl_linux_view){.looks = true, .expects = true, .endpoint = endpoint(5000)};
	assert_int_equal(say(2, "P\n"), SL_BEYOND_REFUSED);
	p = make_tcp(&g, SERVER, 20, PUBLIC, 5000, SL_SYN, 1, 0, NULL, 0);
	put_in(&g, &p);
	assert_int_equal(p.beyond, SL_BEYOND_REFUSED);
	packet_free(&g, &p);
	/* its edit would have moved all numbers that follow */
	view = (struct sl_linux_view){0};
	assert_int_equal(say(4, "N\n"), SL_BEYOND_REFUSED);
	gateway_end(&g);
}

/* ---- shapes alone ------------------------------------------------------------------------------ */

static void shapes(void **unused)
{
	(void)unused;
	begin(&by_shape, false);
	assert_int_equal(say(0, "N\nN\n"), SL_BEYOND_NONE); /* of no consequence */
	announces = 1;
	assert_int_equal(say(4, "P\n"), SL_BEYOND_NONE);
	assert_int_equal(expected_beyond, SL_BEYOND_NONE);
	gateway_end(&g);
	begin(&by_shape, false);
	announces = 1;
	assert_int_equal(say(0, "N\nP\n"), SL_BEYOND_MANY_MESSAGES);
	assert_int_equal(expected_beyond, SL_BEYOND_MANY_MESSAGES);
	gateway_end(&g);
	begin(&by_shape, false);
	announces = 1;
	assert_int_equal(say(0, "P"), SL_BEYOND_NONE);
	assert_int_equal(say(1, "\n"), SL_BEYOND_SPLIT_MESSAGE);
	assert_int_equal(expected_beyond, SL_BEYOND_SPLIT_MESSAGE);
	gateway_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(side_by_side),
	        cmocka_unit_test(repeated),
	        cmocka_unit_test(only_linux_expected_it),
	        cmocka_unit_test(both_expect_it_later),
	        cmocka_unit_test(behind_nat),
	        cmocka_unit_test(shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
