/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A helper of the tests' own, so that each call a helper can make is made from where helpers make
 * it: port 7777 of UDP (datagrams) and TCP (lines). What it does with a message is the `act` of
 * the moment. Client 10.0.0.2:4000, server 192.0.2.9, public address 203.0.113.1.
 */
#ifndef TESTS_UNIT_HELPER_LIB_H
#define TESTS_UNIT_HELPER_LIB_H

#include "tests/lib/unit.h"

#include <sluice/helper.h>

#include "engine/engine.h"

#define CLIENT "10.0.0.2"
#define SERVER "192.0.2.9"
#define PUBLIC "203.0.113.1"

static enum sl_help_result (*act)(struct sl_help *help, struct sl_message *message);
static unsigned acted; /* how often it was asked */

static enum sl_help_result test_message(struct sl_help *help, struct sl_message *message)
{
	acted++;
	return act ? act(help, message) : SL_PASS;
}

#define TEST_CLASSES                                                                               \
	{                                                                                          \
		{.name = "one", .max = 2, .timeout = 60},                                          \
		{                                                                                  \
			.name = "many", .max = 40, .timeout = 30                                   \
		}                                                                                  \
	}

static const struct sl_helper test_udp = {SL_HELPER_HEADER, .name = "test-udp",
        .match = {{.proto = SL_PROTO_UDP, .port = 7777}}, .classes = TEST_CLASSES,
        .framing = SL_FRAME_DATAGRAM, .data_size = 8, .message = {test_message, test_message},
        .options = {{"test_value", 3, 9, "a number"}}};

static const struct sl_helper test_tcp = {SL_HELPER_HEADER, .name = "test-tcp",
        .match = {{.proto = SL_PROTO_TCP, .port = 7777}}, .classes = TEST_CLASSES,
        .framing = SL_FRAME_LINE, .message_max = 100, .data_size = 8,
        .message = {test_message, test_message}};

static inline void helper_begin(struct gateway *g, bool nat)
{
	gateway_init(g, nat);
	g->room = 128;
	gateway_start(g);
	assert_true(sl_helper_register(g->engine, &test_udp, true));
	assert_true(sl_helper_register(g->engine, &test_tcp, true));
	act = NULL;
	acted = 0;
}

/* A datagram from the client (or the server), with `what` done about it. The caller frees it. */
static inline struct sl_packet say_udp(struct gateway *g, bool client, const char *text,
        enum sl_help_result (*what)(struct sl_help *, struct sl_message *))
{
	struct sl_tuple t = client ? tuple_of(CLIENT, 4000, SERVER, 7777, SL_PROTO_UDP)
	                           : tuple_of(SERVER, 7777, g->config.policy ? PUBLIC : CLIENT,
	                                     4000, SL_PROTO_UDP);
	struct sl_packet p = make_datagram(g, &t, text, (uint32_t)strlen(text));

	act = what;
	acted = 0;
	put_in(g, &p);
	return p;
}

static inline void done(struct gateway *g, struct sl_packet *p)
{
	if (p->verdict == SL_ACCEPT || p->verdict == SL_DROP)
		packet_free(g, p);
}

/* The payload of a UDP or TCP packet over IPv4, as text. */
static inline const char *payload(const struct sl_packet *p)
{
	static char text[512];
	struct sl_parsed parsed;

	assert_int_equal(sl__parse(p, &parsed), SL_WHY_NONE);
	assert_true(parsed.len - parsed.payload < sizeof(text));
	snprintf(text, sizeof(text), "%.*s", (int)(parsed.len - parsed.payload),
	        (const char *)p->data + parsed.payload);
	return text;
}

#endif
