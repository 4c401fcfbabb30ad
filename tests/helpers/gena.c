/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Subscriptions to UPnP events: callbacks, and how long they are expected.
 * Tests: helpers/ssdp/gena.c
 */
#include "tests/helpers/dialogue.h"

/* clang-format off */
#define SUBSCRIBE(callback) "SUBSCRIBE /events HTTP/1.1\r\nHOST: device:2869\r\nCALLBACK: " callback \
	"\r\nNT: upnp:event\r\nTIMEOUT: Second-300\r\n\r\n"
#define HERE  "<http://{[c]}:5000/there>"
#define RENEW "SUBSCRIBE /events HTTP/1.1\r\nHOST: device:2869\r\nSID: uuid:1\r\nTIMEOUT: Second-300\r\n\r\n"
#define OK(headers) "HTTP/1.1 200 OK\r\nSID: uuid:1\r\n" headers "\r\n"
#define EMPTY "Content-Length: 0\r\n"
#define EVENT "s>c tcp 5000 #1 permanent"

static const struct row subscribed[] = {
	{'c', SUBSCRIBE(HERE), EVENT, 0, NULL},
	{'s', OK("TIMEOUT: Second-300\r\n" EMPTY), NULL, 0, NULL},
	{'w', "290000", NULL, 0, NULL},
	{0},
};

static const struct row over[] = {
	{'c', SUBSCRIBE(HERE), EVENT, 0, NULL},
	{'s', OK("TIMEOUT: Second-300\r\n" EMPTY), NULL, 0, NULL},
	{'w', "301000", "-tcp 5000", 0, NULL},
	{0},
};

static const struct row never_answered[] = {
	{'c', SUBSCRIBE(HERE), EVENT, 0, NULL},
	{'w', "61000", "-tcp 5000", 0, NULL},
	{0},
};

static const struct row refused[] = {
	{'c', SUBSCRIBE(HERE), EVENT, 0, NULL},
	{'s', "HTTP/1.1 100 Continue\r\n\r\n", NULL, 0, NULL},
	{'s', "HTTP/1.1 412 Precondition Failed\r\n" EMPTY "\r\n", "-tcp 5000", 0, NULL},
	{0},
};

static const struct row renewed[] = {
	{'c', SUBSCRIBE(HERE), EVENT, 0, NULL},
	{'s', OK("TIMEOUT: Second-300\r\n" EMPTY), NULL, 0, NULL},
	{'w', "200000", NULL, 0, NULL},
	{'c', RENEW, NULL, 0, NULL},
	{'s', OK("TIMEOUT: Second-300\r\n" EMPTY), NULL, 0, NULL},
	{'w', "290000", NULL, 0, NULL},
	{'c', RENEW, NULL, 0, NULL},
	{'s', "HTTP/1.1 412 Precondition Failed\r\n" EMPTY "\r\n", NULL, 0, NULL},
	{'w', "11000", "-tcp 5000", 0, NULL},
	{0},
};

/* For ever is a day; nothing said is half an hour. */
static const struct row long_ones[] = {
	{'c', SUBSCRIBE(HERE), EVENT, 0, NULL},
	{'s', OK("TIMEOUT: Second-infinite\r\n" EMPTY), NULL, 0, NULL},
	{'w', "86300000", NULL, 0, NULL},
	{'w', "200000", "-tcp 5000", 0, NULL},
	{'c', SUBSCRIBE(HERE), EVENT, 0, NULL},
	{'s', OK(EMPTY), NULL, 0, NULL},
	{'w', "1700000", NULL, 0, NULL},
	{'w', "200000", "-tcp 5000", 0, NULL},
	{0},
};

static const struct row several[] = {
	{'c', SUBSCRIBE("<http://{[c]}:5000/a> <http://{[c]}:5001>"), EVENT ", s>c tcp 5001 #1 permanent", 0, NULL},
	{'s', OK("TIMEOUT: Second-300\r\n" EMPTY), NULL, 0, NULL},
	{0},
};

/* Other hosts, names, other schemes, what is no list: as they are, and nothing is opened. */
static const struct row not_followed[] = {
	{'c', SUBSCRIBE("<http://{[t]}:5000/there>"), NULL, SL_WHY_HELPER_ADDRESS, NULL},
	{'c', SUBSCRIBE("<http://control.local:5000/there>"), NULL, SL_WHY_HELPER_SYNTAX, NULL},
	{'c', SUBSCRIBE("<https://192.0.2.1:5000/there>"), NULL, SL_WHY_HELPER_SYNTAX, NULL},
	{'c', SUBSCRIBE("<http://192.0.2.1:65536/there>"), NULL, SL_WHY_HELPER_SYNTAX, NULL},
	{'c', SUBSCRIBE("<http://192.0.2.1:5000.there>"), NULL, SL_WHY_HELPER_SYNTAX, NULL},
	{'c', SUBSCRIBE("<http://192.0.2.1:5000/there"), NULL, SL_WHY_HELPER_SYNTAX, NULL},
	{'c', SUBSCRIBE("http://192.0.2.1:5000/there"), NULL, 0, NULL},
	{'c', "UNSUBSCRIBE /events HTTP/1.1\r\nSID: uuid:1\r\n\r\n", NULL, 0, NULL},
	{0},
};

static const struct row low_port[] = {
	{'c', SUBSCRIBE("<http://{[c]}/there>"), NULL, SL_WHY_HELPER_PORT, NULL},
	{'c', SUBSCRIBE("<http://{[c]}:1023/there>"), NULL, SL_WHY_HELPER_PORT, NULL},
	{0},
};

/* Bodies are stepped over, whatever they say. */
static const struct row bodies[] = {
	{'c', "POST /control HTTP/1.1\r\nContent-Length: 29\r\n\r\nSUBSCRIBE / HTTP/1.1\r\nabcd\r\n\r\n", NULL, 0, NULL},
	{'s', "HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\nHTTP/1.1 412 no\r\n\r\n......", NULL, 0, NULL},
	{'c', SUBSCRIBE(HERE), EVENT, 0, NULL},
	{'s', OK("TIMEOUT: Second-300\r\n" EMPTY), NULL, 0, NULL},
	{0},
};

/* Where a body ends is not known: nothing is read any more. */
static const struct row chunks[] = {
	{'c', "GET /description.xml HTTP/1.1\r\n\r\n", NULL, 0, NULL},
	{'s', "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", NULL, 0, NULL},
	{'c', SUBSCRIBE("<http://10.0.0.2:5000/>"), NULL, 0, NULL},
	{0},
};

static const struct row doubtful[] = {
	{'c', "SUBSCRIBE /events HTTP/1.1\r\nCALLBACK: <http://10.0.0.2:5000/>\r\nCALLBACK: <http://10.0.0.2:5001/>\r\n\r\n", NULL, 0, NULL},
	{'c', SUBSCRIBE("<http://10.0.0.2:5000/>"), NULL, 0, NULL},
	{0},
};

static void gena(void **state)
{
#define TELL(title, table, ...) {.name = title, .helper = "ssdp", .rows = table, .proto = SL_PROTO_TCP, \
	.server_port = 2869, __VA_ARGS__}
	static const struct dialogue all[] = {
		TELL("subscribed", subscribed, .quick = false),
		TELL("over", over, .quick = true),
		TELL("never answered", never_answered, .quick = true),
		TELL("refused", refused, .quick = true),
		TELL("renewed", renewed, .quick = true),
		TELL("long ones", long_ones, .quick = true),
		TELL("several", several, .quick = true),
		TELL("not followed", not_followed, .quick = true),
		TELL("low port", low_port, .nats = NAT_NONE),
		TELL("bodies", bodies, .quick = false),
		TELL("chunks", chunks, .quick = true),
		TELL("doubtful", doubtful, .quick = true),
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(gena)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
