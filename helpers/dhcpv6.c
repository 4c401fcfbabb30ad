/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DHCPv6: RFC 8415 (messages: 7.3, 8; ports: 7.2; who is asked: 7.1).
 *
 *	client, fe80::c port 546			all servers and relays of its link, UDP 547
 *
 *	Solicit, Request ...  -> ff02::1:2
 *	    <---- UDP from any host of the link to port 546: Advertise, Reply ----
 *
 * The client asks a group; the server, or the relay before it, answers from its own address, so that
 * the answer belongs to no connection. It is expected for thirty seconds; a client that has none by
 * then asks again, and the answer to that is expected anew. The standard does not say which port
 * servers send from.
 *
 * A client's messages open that, and nothing else does: relays' messages are between servers and
 * relays, by unicast or from port 547, and a server that sends a Reconfigure was not asked. A client
 * that was told to ask its server alone has its answers on that connection.
 */
#include <sluice/helper.h>

#define PORT        547
#define PORT_CLIENT 546
#define SECONDS     30 /* as long as most retransmissions wait (7.6) */

enum { CLASS_ANSWER };

enum {
	SOLICIT = 1,
	REQUEST = 3,
	CONFIRM = 4,
	RENEW = 5,
	REBIND = 6,
	RELEASE = 8,
	DECLINE = 9,
	INFORMATION_REQUEST = 11,
};

static bool asks(uint8_t type)
{
	return type == SOLICIT || (type >= REQUEST && type <= REBIND) || type == RELEASE ||
	       type == DECLINE || type == INFORMATION_REQUEST;
}

/* A type, a transaction's number, and options to the last byte: 8, 21.1. */
static bool is_question(struct sl_text t)
{
	uint16_t length;
	uint8_t type;

	if (!sl_text_u8(&t, &type) || !asks(type) || !sl_text_bytes(&t, 3, NULL))
		return false;
	while (sl_text_left(&t))
		if (!sl_text_u16(&t, NULL) || !sl_text_u16(&t, &length) ||
		        !sl_text_bytes(&t, length, NULL))
			return false;
	return true;
}

static enum sl_help_result question(struct sl_help *help, struct sl_message *m)
{
	const struct sl_question asked = {.class_id = CLASS_ANSWER, .reason = "DHCPv6 answers"};
	struct sl_tuple own;

	sl_help_tuple(help, m->dir, &own);
	if (own.sport == PORT_CLIENT && is_question(m->text))
		sl_expect_from_group(help, m, &asked);
	return SL_PASS;
}

const struct sl_helper sl_helper_dhcpv6 = {
        SL_HELPER_HEADER,
        .name = "dhcpv6",
        .match = {{.family = SL_IPV6, .proto = SL_PROTO_UDP, .port = PORT}},
        .classes = {[CLASS_ANSWER] = {.name = "answer", .max = 1, .timeout = SECONDS}},
        .framing = SL_FRAME_DATAGRAM,
        .message = {[SL_ORIGINAL] = question},
        .by_request = true,
};
