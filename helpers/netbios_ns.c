/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The NetBIOS name service: RFC 1001 and 1002 (4.2, 5.1.1: broadcast nodes).
 *
 *	host (SL_ORIGINAL)				all hosts of its network, UDP 137
 *
 *	who is called FOO?  -> 10.0.0.255
 *	    <---- UDP from port 137 of any host of the network: that is me ----
 *
 * An answer comes from an address that the question was not sent to, so that it belongs to no
 * connection: it is expected for three seconds, from port 137 of any host of the network that
 * the broadcast went to, which the route tells. There may be many answers to one question.
 *
 * Broadcasts do not cross routers: this is for questions of the gateway itself and of hosts on
 * a segment that it bridges. What is no question opens nothing, nor does a question to a
 * single host, whose answer belongs to its connection. There is no NetBIOS over IPv6.
 */
#include <sluice/helper.h>

#define HEADER    12   /* a name service packet's: RFC 1002 4.2.1.1 */
#define IS_ANSWER 0x80 /* in byte 2 */
#define SECONDS   3
#define PORT      137

enum { CLASS_ANSWER };

static bool is_question(struct sl_text t)
{
	if (sl_text_left(&t) < HEADER)
		return false;
	t.at += 2;
	return !(sl_text_peek(&t) & IS_ANSWER);
}

static enum sl_help_result question(struct sl_help *help, struct sl_message *m)
{
	if (is_question(m->text))
		sl_expect_answers(help, m, CLASS_ANSWER, PORT, "NetBIOS name answers");
	return SL_PASS;
}

const struct sl_helper sl_helper_netbios_ns = {
        SL_HELPER_HEADER,
        .name = "netbios-ns",
        .match = {{.family = SL_IPV4, .proto = SL_PROTO_UDP, .port = PORT}},
        .classes = {[CLASS_ANSWER] = {.name = "answer", .max = 1, .timeout = SECONDS}},
        .framing = SL_FRAME_DATAGRAM,
        .message = {[SL_ORIGINAL] = question},
};
