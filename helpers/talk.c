/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * talk: two people at terminals of two hosts. No RFC; <protocols/talkd.h> of 4.3BSD, and talkd(8).
 *
 *	alice's talk (SL_ORIGINAL)			talkd at bob's host (SL_REPLY), UDP 518
 *
 *	LOOK_UP: has bob called alice?
 *							no
 *	ANNOUNCE: tell bob that alice calls
 *							done
 *	    (at bob's terminal: "respond with: talk alice@host")
 *	    <---- bob's talk asks talkd at alice's host, UDP 518: LOOK_UP ----
 *	                    ---- it answers: alice waits at TCP port 53715 ---->
 *	    <---- bob's talk connects there ----
 *
 * A request has 84 bytes: version 1, type, answer, a byte, an id; where the client waits (TCP), where it
 * wants its answer (UDP), both as an old struct sockaddr: family, port, address, 8 bytes; process, names,
 * terminal. An answer has 24: version, type, answer, a byte, the id, and for LOOK_UP such an address.
 *
 * So an ANNOUNCE lets bob's talk ask alice's talkd, which is read as well, for five minutes; and an
 * answer to a LOOK_UP lets who asked connect. In requests the client's addresses are made true: there are
 * daemons that answer to, and show, what the request says (netkit's goes by where it came from). IPv4 only, as
 * the protocol is. The old talk (UDP 517), whose fields no two machines lay out alike, is left alone.
 */
#include <sluice/helper.h>

#define VERSION      1
#define REQUEST_SIZE 84
#define ANSWER_SIZE  24
#define ADDR_AT      8
#define CTL_ADDR_AT  24
#define INET         2
#define KEEP         300 /* seconds, as the classes */

enum type { LOOK_UP = 1, ANNOUNCE = 3 };
enum { CLASS_TALK, CLASS_DAEMON };

struct talk {
	bool asked; /* a LOOK_UP was seen */
};

/* Version and type. */
static bool head(struct sl_text t, uint8_t *type)
{
	uint8_t version;

	return sl_text_u8(&t, &version) && version == VERSION && sl_text_u8(&t, type);
}

/* The address that stands at that offset. */
static bool address(const struct sl_message *m, size_t at, uint8_t proto, struct sl_endpoint *e)
{
	struct sl_text t = m->text;
	uint16_t family;
	uint8_t v4[4];

	e->family = SL_IPV4;
	e->proto = proto;
	if (!sl_text_bytes(&t, at, NULL) || !sl_text_u16(&t, &family) || family != INET ||
	        !sl_text_u16(&t, &e->port))
		return false;
	for (unsigned i = 0; i < 4; i++)
		if (!sl_text_u8(&t, &v4[i]))
			return false;
	e->addr = sl_addr_v4(v4);
	return true;
}

static bool put(
        struct sl_help *help, struct sl_message *m, size_t at, const struct sl_endpoint *seen)
{
	char bytes[6];
	struct sl_out out = sl_out_of(bytes, sizeof(bytes));

	sl_text_put_u16(&out, seen->port);
	sl_text_put_bytes(&out, seen->addr.b + 12, 4);
	return sl_replace(help, m, at + 2, sizeof(bytes), bytes, sizeof(bytes));
}

/* One of the client's own addresses in a request, as the receiver must see it. */
static bool show(struct sl_help *help, struct sl_message *m, size_t at, uint8_t proto)
{
	struct sl_endpoint e;
	uint16_t port;

	if (!address(m, at, proto, &e))
		return true;
	port = e.port;
	if (proto != SL_PROTO_UDP || !sl_seen_as(help, m->dir, &e)) {
		e.port = 0; /* any */
		if (!sl_seen_as(help, m->dir, &e))
			return true;
		e.port = port;
	}
	return put(help, m, at, &e);
}

/* Who is called will ask the talkd beside the caller. */
static enum sl_reason expect_question(struct sl_help *help, struct sl_message *m)
{
	struct sl_announcement a = {.class_id = CLASS_DAEMON,
	        .allow = SL_ALLOW_LOW_PORT,
	        .helper = sl_help_record(help),
	        .reason = "talk: question of who is called"};
	struct sl_endpoint seen;
	struct sl_tuple own;

	sl_help_tuple(help, m->dir, &own);
	sl_keep_alive(help, KEEP);
	a.written = (struct sl_endpoint){own.src, own.dport, SL_IPV4, SL_PROTO_UDP};
	return sl_expect_announced(help, m, &a, &seen);
}

static enum sl_help_result request(struct sl_help *help, struct sl_message *m)
{
	struct talk *talk = sl_help_data(help);
	enum sl_reason why = SL_WHY_NONE;
	uint8_t type;

	if (sl_text_left(&m->text) != REQUEST_SIZE || !head(m->text, &type) || type > ANNOUNCE)
		return SL_PASS;
	talk->asked |= type == LOOK_UP;
	if (type == ANNOUNCE)
		why = expect_question(help, m);
	if (why == SL_WHY_NONE && (!show(help, m, ADDR_AT, SL_PROTO_TCP) ||
	                                  !show(help, m, CTL_ADDR_AT, SL_PROTO_UDP)))
		why = SL_WHY_HELPER_DROP;
	return why == SL_WHY_NONE ? SL_PASS : sl_refuse(help, why);
}

/* LOOK_UP's answer 0 says where the caller waits. */
static enum sl_help_result answer(struct sl_help *help, struct sl_message *m)
{
	const struct talk *talk = sl_help_data(help);
	struct sl_text t = m->text;
	struct sl_endpoint written, seen;
	enum sl_reason why;
	uint8_t type, failed;

	if (!talk->asked || sl_text_left(&t) != ANSWER_SIZE || !head(t, &type) || type != LOOK_UP ||
	        !sl_text_bytes(&t, 2, NULL) || !sl_text_u8(&t, &failed) || failed ||
	        !address(m, ADDR_AT, SL_PROTO_TCP, &written))
		return SL_PASS;
	sl_keep_alive(help, KEEP);
	why = sl_expect_endpoint(help, m, &written, CLASS_TALK, "talk", &seen);
	if (why == SL_WHY_HELPER_ADDRESS || why == SL_WHY_HELPER_PORT) {
		sl_note(help, why, "talk");
		return SL_PASS;
	}
	if (why == SL_WHY_NONE && !put(help, m, ADDR_AT, &seen))
		why = SL_WHY_HELPER_DROP;
	return why == SL_WHY_NONE ? SL_PASS : sl_refuse(help, why);
}

const struct sl_helper sl_helper_talk = {
        SL_HELPER_HEADER,
        .name = "talk",
        .match = {{.family = SL_IPV4, .proto = SL_PROTO_UDP, .port = 518}},
        .classes = {[CLASS_TALK] = {.name = "talk", .max = 1, .timeout = KEEP},
                [CLASS_DAEMON] = {.name = "daemon", .max = 1, .timeout = KEEP}},
        .framing = SL_FRAME_DATAGRAM,
        .data_size = sizeof(struct talk),
        .message = {[SL_ORIGINAL] = request, [SL_REPLY] = answer},
        .by_request = true,
};
