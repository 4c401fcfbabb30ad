/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multicast DNS: RFC 6762 (one-shot queries: 5.1; legacy unicast answers: 6.7).
 *
 *	host (SL_ORIGINAL)				all hosts of its link, UDP 5353
 *
 *	who is printer.local?  -> 224.0.0.251, ff02::fb
 *	    <---- UDP from port 5353 of any host of the link: that is me ----
 *
 * A simple resolver asks the group from a port of its own and is answered there, by unicast; so is
 * who asks from port 5353 and sets the QU bit (5.4). Such an answer comes from an address that the
 * question was not sent to, so that it belongs to no connection: it is expected for five seconds,
 * from port 5353 (6: answers from another port are ignored) of any host of the asker's network.
 *
 * Answers to the group are for everybody, belong to nobody's question, and are for a rule to
 * accept. What is no question opens nothing, nor does a question to a single host, whose answer
 * belongs to its connection.
 */
#include <sluice/helper.h>

#define PORT    5353
#define SECONDS 5 /* answers wait for half a second at most (6) */

enum { CLASS_ANSWER };

/* A DNS message (RFC 1035 4.1.1): no answer, a standard query, and something is asked. */
static bool is_question(struct sl_text t)
{
	uint16_t flags, questions;

	return sl_text_u16(&t, NULL) && sl_text_u16(&t, &flags) && !(flags & 0xf800) &&
	       sl_text_u16(&t, &questions) && questions && sl_text_bytes(&t, 6, NULL);
}

static enum sl_help_result question(struct sl_help *help, struct sl_message *m)
{
	const struct sl_question asked = {
	        .class_id = CLASS_ANSWER, .from_port = PORT, .reason = "mDNS answers"};

	if (is_question(m->text))
		sl_expect_from_group(help, m, &asked);
	return SL_PASS;
}

const struct sl_helper sl_helper_mdns = {
        SL_HELPER_HEADER,
        .name = "mdns",
        .match = {{.proto = SL_PROTO_UDP, .port = PORT}},
        .classes = {[CLASS_ANSWER] = {.name = "answer", .max = 1, .timeout = SECONDS}},
        .framing = SL_FRAME_DATAGRAM,
        .message_max = 9000, /* RFC 6762 17 */
        .message = {[SL_ORIGINAL] = question},
        .by_request = true,
};
