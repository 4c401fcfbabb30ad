/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SNMP: RFC 1157 (version 1), RFC 3416 (version 2c), RFC 3412 (version 3). Addresses in the
 * payload: RFC 2962, "basic" translation. Ports: 161 (requests), 162 (traps), UDP.
 *
 *	manager (SL_ORIGINAL)				agent (SL_REPLY), UDP 161
 *
 *	get ipAdEntAddr.10.0.0.2  ->			response: IpAddress 10.0.0.2
 *
 *	agent (SL_ORIGINAL)				manager, UDP 162
 *
 *	trap, agent-addr 10.0.0.2 ->
 *
 *	manager						all agents of its network, UDP 161
 *
 *	get sysName.0 -> 10.0.0.255
 *	    <---- UDP from port 161 of any host of the network ----
 *
 * Two things are done, both for IPv4 only.
 *
 * Under NAT a value of type IpAddress that is one of the packet's own addresses is translated as
 * the packet's header is: the agent's address in a trap and in variables becomes what the
 * receiver sees. Its length stays. Addresses that are spelled as parts of an object identifier
 * (a table's index) or in strings are not touched; that is what "basic" means.
 *
 * Answers to a broadcast are expected for thirty seconds, from port 161 of any host of the
 * network that the question went to, which the route tells. This is for questions of the
 * gateway itself and of hosts on a segment that it bridges.
 *
 * A message is walked to its end before anything is changed. If it is not SNMP of version 1 or
 * 2c to its last byte, it passes unchanged; so does version 3, whose contents may be encrypted
 * and are signed as a whole.
 */
#include <sluice/helper.h>

#include "ber.h"

#define SECONDS       30
#define PORT          161
#define PORT_TRAP     162
#define ADDRESSES_MAX 64 /* edits of one message */

enum { CLASS_ANSWER };

/* Where the message's IpAddress values stand. */
struct found {
	size_t offset[ADDRESSES_MAX];
	unsigned count;
	bool more; /* there are too many */
};

/* ---- walking -------------------------------------------------------------------------------- */

static bool address(const struct sl_text *contents, struct found *found)
{
	if (sl_text_left(contents) != 4)
		return false;
	if (found->count == ADDRESSES_MAX)
		found->more = true;
	else
		found->offset[found->count++] = sl_text_offset(contents);
	return true;
}

/* A sequence of (object identifier, value). */
static bool bindings(struct sl_text list, struct found *found)
{
	struct sl_text pair, part;
	int tag;

	while (sl_text_left(&list)) {
		if (!ber_take(&list, BER_SEQUENCE, &pair) || !ber_take(&pair, BER_OID, &part) ||
		        !ber_next(&pair, &tag, &part) || sl_text_left(&pair))
			return false;
		if (tag == BER_IP_ADDRESS && !address(&part, found))
			return false;
	}
	return true;
}

/* request-id, error-status, error-index (or what takes their place), bindings */
static bool pdu(struct sl_text t, struct found *found)
{
	struct sl_text part;

	for (unsigned i = 0; i < 3; i++)
		if (!ber_take(&t, BER_INTEGER, &part))
			return false;
	return ber_take(&t, BER_SEQUENCE, &part) && !sl_text_left(&t) && bindings(part, found);
}

/* enterprise, agent-addr, generic-trap, specific-trap, time-stamp, bindings */
static bool trap(struct sl_text t, struct found *found)
{
	struct sl_text part;

	return ber_take(&t, BER_OID, &part) && ber_take(&t, BER_IP_ADDRESS, &part) &&
	       address(&part, found) && ber_take(&t, BER_INTEGER, &part) &&
	       ber_take(&t, BER_INTEGER, &part) && ber_take(&t, BER_TIME_TICKS, &part) &&
	       ber_take(&t, BER_SEQUENCE, &part) && !sl_text_left(&t) && bindings(part, found);
}

/* Version, or -1: this is no SNMP at all. *rest is what follows it. */
static int version(struct sl_text t, struct sl_text *rest)
{
	struct sl_text number;

	if (!ber_take(&t, BER_SEQUENCE, rest) || sl_text_left(&t) ||
	        !ber_take(rest, BER_INTEGER, &number) || sl_text_left(&number) != 1)
		return -1;
	return sl_text_peek(&number);
}

static bool walk(const struct sl_text *message, struct found *found)
{
	struct sl_text t, part;
	int number = version(*message, &t), tag;

	if (number < 0 || number > 1)
		return false;
	if (!ber_take(&t, BER_OCTET_STRING, &part) || !ber_next(&t, &tag, &part) ||
	        sl_text_left(&t))
		return false;
	if (tag < BER_PDU || tag > BER_PDU_LAST)
		return false;
	return tag == BER_PDU_TRAP ? trap(part, found) : pdu(part, found);
}

/* ---- translating ----------------------------------------------------------------------------- */

static bool same4(const struct sl_addr *addr, const char *at)
{
	for (unsigned i = 0; i < 4; i++)
		if (addr->b[12 + i] != (unsigned char)at[i])
			return false;
	return true;
}

static const struct sl_addr *unless_same(const struct sl_addr *to, const char *at)
{
	return same4(to, at) ? NULL : to;
}

/* What the address at `at` becomes; NULL: it stays. */
static const struct sl_addr *becomes(
        const struct sl_tuple *in, const struct sl_tuple *out, const char *at)
{
	return same4(&in->src, at)   ? unless_same(&out->dst, at)
	       : same4(&in->dst, at) ? unless_same(&out->src, at)
	                             : NULL;
}

/* Linux knows the opener's address alone, in both directions. */
static bool linux_agrees(struct sl_help *help, const char *at, const struct sl_addr *now)
{
	struct sl_tuple original, reply;
	const struct sl_addr *linux;

	sl_help_tuple(help, SL_ORIGINAL, &original);
	sl_help_tuple(help, SL_REPLY, &reply);
	linux = same4(&original.src, at) ? unless_same(&reply.dst, at) : NULL;
	return linux && now ? sl_addr_eq(linux, now) : linux == now;
}

static enum sl_help_result translate(
        struct sl_help *help, struct sl_message *m, const struct found *found)
{
	struct sl_tuple in, out;

	sl_help_tuple(help, m->dir, &in);   /* as the packet came */
	sl_help_tuple(help, !m->dir, &out); /* as answers to it will come */
	for (unsigned i = 0; i < found->count; i++) {
		const char *at = m->text.start + found->offset[i];
		const struct sl_addr *now = becomes(&in, &out, at);

		if (!linux_agrees(help, at, now))
			sl_help_beyond(help, SL_BEYOND_ADDRESS_TEXT);
		if (now && !sl_replace(help, m, found->offset[i], 4, now->b + 12, 4))
			return sl_refuse(help, SL_WHY_HELPER_DROP);
	}
	return SL_PASS;
}

static enum sl_help_result message(struct sl_help *help, struct sl_message *m)
{
	struct found found = {.count = 0};

	if (!sl_help_translated(help))
		return SL_PASS;
	if (!walk(&m->text, &found)) { /* Linux drops what it cannot walk, version 3 too */
		sl_help_beyond(help, SL_BEYOND_SYNTAX);
		return SL_PASS;
	}
	if (found.more) {
		sl_note(help, SL_WHY_HELPER_RANGE, "too many addresses in one SNMP message");
		return SL_PASS;
	}
	return translate(help, m, &found);
}

/* ---- broadcasts ------------------------------------------------------------------------------ */

static enum sl_help_result question(struct sl_help *help, struct sl_message *m)
{
	struct sl_text rest;

	if (version(m->text, &rest) >= 0)
		sl_expect_answers(help, m, CLASS_ANSWER, PORT, "SNMP answers");
	return message(help, m);
}

const struct sl_helper sl_helper_snmp = {
        SL_HELPER_HEADER,
        .name = "snmp",
        .match = {{.family = SL_IPV4, .proto = SL_PROTO_UDP, .port = PORT}},
        .classes = {[CLASS_ANSWER] = {.name = "answer", .max = 1, .timeout = SECONDS}},
        .framing = SL_FRAME_DATAGRAM,
        .message_max = 65535,
        .message = {[SL_ORIGINAL] = question, [SL_REPLY] = message},
};

/* Traps come to another port, and expect nothing. Name and reserve are the kernel's. */
const struct sl_helper sl_helper_snmp_trap = {
        SL_HELPER_HEADER,
        .name = "snmp_trap",
        .match = {{.family = SL_IPV4, .proto = SL_PROTO_UDP, .port = PORT_TRAP}},
        .framing = SL_FRAME_DATAGRAM,
        .message_max = 65535,
        .message = {[SL_ORIGINAL] = message, [SL_REPLY] = message},
        .by_request = true,
};
