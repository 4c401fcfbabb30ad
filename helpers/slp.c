/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Service Location Protocol, version 2: RFC 2608; over IPv6: RFC 3111.
 *
 *	user agent (SL_ORIGINAL)			service and directory agents, UDP 427
 *
 *	where is service:printer?  -> 239.255.255.253, ff0x::116, ff0x::1:1000 to 13ff, 255.255.255.255
 *	    <---- UDP from any of these agents: there ----
 *
 * A question to the group (or, where there are no groups, to everybody) is repeated with the list of
 * those who have answered, for at most fifteen seconds (6.3: CONFIG_MC_MAX); each agent answers from
 * its own address, so that the answer belongs to no connection. It is expected for so long from any
 * port of any host of the asker's network: the standard does not say which port agents send from.
 * Groups wider than a link may have been routed: with the option slp_anyone any host may answer.
 *
 * Questions to many are requests for services, their types or attributes (6.2). What else is sent,
 * version 1, and what is not as long as it says opens nothing.
 */
#include <sluice/helper.h>

#define PORT    427
#define SECONDS 15

enum { CLASS_ANSWER };

enum { VERSION = 2, SERVICE_REQUEST = 1, ATTRIBUTE_REQUEST = 6, TYPE_REQUEST = 9 };

/* Version, function, length of all (3 bytes), flags, extension (3), number, language: 8. */
static bool is_question(struct sl_text t)
{
	size_t whole = sl_text_left(&t);
	uint8_t version, function, high;
	uint16_t low, language;

	return sl_text_u8(&t, &version) && version == VERSION && sl_text_u8(&t, &function) &&
	       (function == SERVICE_REQUEST || function == ATTRIBUTE_REQUEST ||
	               function == TYPE_REQUEST) &&
	       sl_text_u8(&t, &high) && sl_text_u16(&t, &low) &&
	       ((size_t)high << 16 | low) == whole && sl_text_bytes(&t, 7, NULL) &&
	       sl_text_u16(&t, &language) && sl_text_bytes(&t, language, NULL);
}

static enum sl_help_result question(struct sl_help *help, struct sl_message *m)
{
	const struct sl_question asked = {.class_id = CLASS_ANSWER,
	        .anyone = sl_help_option(help, "slp_anyone"),
	        .reason = "SLP answers"};

	if (is_question(m->text))
		sl_expect_from_group(help, m, &asked);
	return SL_PASS;
}

const struct sl_helper sl_helper_slp = {
        SL_HELPER_HEADER,
        .name = "slp",
        .match = {{.proto = SL_PROTO_UDP, .port = PORT}},
        .classes = {[CLASS_ANSWER] = {.name = "answer", .max = 1, .timeout = SECONDS}},
        .framing = SL_FRAME_DATAGRAM,
        .message = {[SL_ORIGINAL] = question},
        .options = {{.name = "slp_anyone",
                .max = 1,
                .what = "hosts of other networks may answer a group that routers forward"}},
        .by_request = true,
};
