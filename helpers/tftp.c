/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TFTP: the trivial file transfer protocol. RFC 1350; options: RFC 2347, 2348, 2349, 7440.
 *
 *	client, port C				server, port 69
 *
 *	RRQ "name" "octet" [option value]...	(or WRQ)
 *	    <---- DATA, ACK, OACK or ERROR, from a new port S, to port C ----
 *	ACK, DATA ... to port S
 *
 * The server answers from a port of its own choice, to the port that asked. So a request says:
 * "come to me at the port that this packet came from". Under NAT that is the port which the
 * request was given; nothing in the packet changes. A server that answers from port 69 is part
 * of the same connection, and needs no helper.
 *
 * A request is understood when it has an opcode, a name and a mode, each ended by a NUL; what
 * follows (options) is not looked at. Everything else passes and opens nothing.
 */
#include <sluice/helper.h>

enum { OP_RRQ = 1, OP_WRQ = 2 };
enum { CLASS_TRANSFER };

/* At least one character, up to its NUL. */
static bool string(struct sl_text *t)
{
	struct sl_text s;

	return sl_text_until(t, '\0', &s) && sl_text_left(&s) != 0;
}

static enum sl_help_result request(struct sl_help *help, struct sl_message *m)
{
	struct sl_announcement a = {.class_id = CLASS_TRANSFER, .allow = SL_ALLOW_LOW_PORT};
	struct sl_text t = m->text;
	struct sl_endpoint seen;
	struct sl_tuple own;
	uint16_t opcode;
	enum sl_reason why;

	if (!sl_text_u16(&t, &opcode) || (opcode != OP_RRQ && opcode != OP_WRQ) || !string(&t) ||
	        !string(&t))
		return SL_PASS;
	sl_help_tuple(help, m->dir, &own);
	a.reason = opcode == OP_RRQ ? "TFTP data, from RRQ" : "TFTP data, from WRQ";
	a.written = (struct sl_endpoint){own.src, own.sport, own.family, SL_PROTO_UDP};
	why = sl_expect_announced(help, m, &a, &seen);
	return why == SL_WHY_NONE ? SL_PASS : sl_refuse(help, why);
}

const struct sl_helper sl_helper_tftp = {
        SL_HELPER_HEADER,
        .name = "tftp",
        .match = {{.proto = SL_PROTO_UDP, .port = 69}},
        .classes = {[CLASS_TRANSFER] = {.name = "transfer", .max = 1, .timeout = 300}},
        .framing = SL_FRAME_DATAGRAM,
        .message = {[SL_ORIGINAL] = request},
};
