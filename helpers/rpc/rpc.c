/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ONC RPC: who asks the portmapper (rpcbind) for a program learns the port that it listens at.
 * RPC: RFC 5531; rpcbind 3 and 4, portmapper 2: RFC 1833; universal addresses: RFC 5665.
 *
 *	client (SL_ORIGINAL)				portmapper (SL_REPLY), UDP and TCP 111
 *
 *	CALL xid 7: GETPORT mountd, UDP
 *							REPLY xid 7: 20048
 *	CALL xid 8: GETADDR mountd
 *							REPLY xid 8: "192.0.2.10.78.80"
 *	    ---- to mountd, port 20048 (78 * 256 + 80), in the next two minutes ---->
 *
 *	CALL xid 9: CALLIT rusersd, and what to ask it
 *							REPLY xid 9: its port, and its answer
 *	    <---- or this reply from another port of the server, to the one that asked ----
 *
 * Everything is XDR (RFC 4506): 32-bit words, most significant byte first; a string is its length
 * and its bytes, filled up to whole words. Over TCP a message is a record: fragments, each with a
 * word before it, its length and (bit 31) whether it is the last. Records of one are read.
 *
 * A reply counts if its call was seen (the last QUESTIONS of them are remembered by xid), and it is
 * read to its end before anything is done. GETPORT says which protocol is meant; GETADDR, GETVERSADDR
 * and the calls mean that by which they come, as RFC 1833 has it and rpcbind does; GETADDRLIST says
 * it of each address. The server must name itself. Programs of the system's own get ports from 512 on
 * (bindresvport()); they are opened too, unless the option rpc_low_ports is 0.
 *
 * What rpcbind answers to a call from another port is let through, and not read. DUMP, the list of all
 * programs, opens nothing and stays as it is.
 */
#include "rpc.h"

#define PORTMAPPER  100000
#define RPC_VERSION 2
#define LAST        0x80000000u /* of a record's fragments */
#define LOWEST      512
#define QUESTIONS   16
#define KEEP        120 /* seconds, as CLASS_SERVICE */

enum { CALL, REPLY };
enum { CLASS_SERVICE, CLASS_ANSWER };

struct rpc {
	struct rpc_question asked[QUESTIONS];
	uint8_t next;
	bool inside[2]; /* a record of several fragments */
};

/* ---- what becomes another --------------------------------------------------------------------- */

static bool same(const struct sl_endpoint *a, const struct sl_endpoint *b)
{
	return a->port == b->port && sl_addr_eq(&a->addr, &b->addr);
}

/* One end of this connection, as the receiver must see it. */
static bool show(struct sl_help *help, const struct sl_message *m, struct sl_endpoint *e)
{
	uint16_t port = e->port;
	bool known;

	if (sl_seen_as(help, m->dir, e))
		return true;
	e->port = 0; /* any */
	known = sl_seen_as(help, m->dir, e);
	e->port = port;
	return known;
}

static void write_endpoint(
        struct sl_edits *edits, const struct rpc_place *p, const struct sl_endpoint *seen)
{
	char bytes[SL_EDIT_SIZE], text[SL_EDIT_SIZE];
	struct sl_out out = sl_out_of(bytes, sizeof(bytes)), string = sl_out_of(text, sizeof(text));

	if (!p->is_text) {
		sl_text_put_u32(&out, seen->port);
	} else {
		rpc_put_universal(&string, seen);
		sl_text_put_u32(&out, (uint32_t)sl_out_len(&string));
		sl_text_put_bytes(&out, text, sl_out_len(&string));
		while (sl_out_len(&out) & 3)
			sl_text_put_char(&out, 0);
	}
	sl_edits_add(edits, p->at, p->length, bytes, sl_out_len(&out));
}

/* The record's length, where it became another. */
static void mark_record(struct sl_edits *edits, const struct sl_text *record)
{
	int64_t growth = sl_edits_growth(edits, 0);
	char word[4];
	struct sl_out out = sl_out_of(word, sizeof(word));

	if (growth == 0)
		return;
	sl_text_put_u32(&out,
	        LAST | (uint32_t)((int64_t)sl_text_left(record) - (int64_t)sizeof(word) + growth));
	sl_edits_add(edits, 0, sizeof(word), word, sizeof(word));
}

static enum sl_help_result make(struct sl_help *help, struct sl_message *m, struct sl_edits *edits)
{
	struct sl_tuple own;

	sl_help_tuple(help, m->dir, &own);
	if (own.proto == SL_PROTO_TCP)
		mark_record(edits, &m->text);
	return sl_edits_make(edits, help, m) ? SL_PASS : sl_refuse(help, SL_WHY_HELPER_DROP);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static enum rpc_answer answer_of(uint32_t version, uint32_t procedure)
{
	switch (procedure) {
	case 3: /* GETPORT, GETADDR */
		return version == 2 ? A_PORT : AN_ADDRESS;
	case 5: /* CALLIT; BCAST, as version 4 calls it */
		return version == 2 ? PORT_AND_RESULT : ADDRESS_AND_RESULT;
	case 9: /* GETVERSADDR */
		return version == 4 ? AN_ADDRESS : NOTHING;
	case 10: /* INDIRECT */
		return version == 4 ? ADDRESS_AND_RESULT : NOTHING;
	case 11: /* GETADDRLIST */
		return version == 4 ? ADDRESSES : NOTHING;
	default:
		return NOTHING;
	}
}

/* rpcbind answers calls from another port than it is asked at. */
static void expect_answer(struct sl_help *help, struct sl_message *m, const struct sl_tuple *own)
{
	struct sl_announcement a = {.class_id = CLASS_ANSWER,
	        .allow = SL_ALLOW_LOW_PORT,
	        .reason = "RPC call's answer"};
	struct sl_endpoint seen;
	enum sl_reason why;

	if (own->proto != SL_PROTO_UDP)
		return;
	a.written = (struct sl_endpoint){own->src, own->sport, own->family, SL_PROTO_UDP};
	why = sl_expect_announced(help, m, &a, &seen);
	if (why != SL_WHY_NONE)
		sl_note(help, why, a.reason);
	sl_expect_answers(help, m, CLASS_ANSWER, 0, a.reason); /* to a whole network */
}

/* The same xid again is the same question, sent again. */
static void remember(struct sl_help *help, const struct rpc_question *q)
{
	struct rpc *rpc = sl_help_data(help);

	for (unsigned i = 0; i < QUESTIONS; i++) {
		if (rpc->asked[i].answer == NOTHING || rpc->asked[i].xid != q->xid)
			continue;
		rpc->asked[i] = *q;
		return;
	}
	rpc->asked[rpc->next] = *q;
	rpc->next = (uint8_t)((rpc->next + 1) % QUESTIONS);
}

/* netid, the portmapper's address as the client knows it, owner: of several the server names the like. */
static enum sl_help_result call_address(
        struct sl_help *help, struct sl_message *m, struct sl_text t)
{
	struct sl_edits edits = {.count = 0};
	struct rpc_place p = {.is_text = true};
	struct sl_endpoint seen;
	struct sl_text string;

	if (!rpc_opaque(&t, NULL))
		return SL_PASS;
	p.at = sl_text_offset(&t);
	if (!rpc_opaque(&t, &string))
		return SL_PASS;
	p.length = sl_text_offset(&t) - p.at;
	if (!rpc_opaque(&t, NULL) || sl_text_left(&t) || !rpc_universal(string, &p.e))
		return SL_PASS;
	seen = p.e;
	if (show(help, m, &seen) && !same(&seen, &p.e))
		write_endpoint(&edits, &p, &seen);
	return make(help, m, &edits);
}

/* Behind xid and CALL: versions, procedure, who asks; then program, version, and for GETPORT protocol and port. */
static enum sl_help_result call(
        struct sl_help *help, struct sl_message *m, struct sl_text t, uint32_t xid)
{
	struct rpc_question q = {.xid = xid};
	uint32_t rpc, program, version, procedure, proto;
	struct sl_tuple own;

	if (!sl_text_u32(&t, &rpc) || !sl_text_u32(&t, &program) || !sl_text_u32(&t, &version) ||
	        !sl_text_u32(&t, &procedure) || !rpc_auth(&t) || !rpc_auth(&t) ||
	        rpc != RPC_VERSION || program != PORTMAPPER || version < 2 || version > 4 ||
	        !sl_text_u32(&t, &q.program) || !sl_text_u32(&t, NULL))
		return SL_PASS;
	sl_help_tuple(help, m->dir, &own);
	q.answer = (uint8_t)answer_of(version, procedure);
	q.proto = own.proto;
	if (q.answer == A_PORT) {
		if (!sl_text_u32(&t, &proto) || (proto != SL_PROTO_TCP && proto != SL_PROTO_UDP))
			return SL_PASS;
		q.proto = (uint8_t)proto;
	}
	if (q.answer == NOTHING)
		return SL_PASS;
	if (q.answer == PORT_AND_RESULT || q.answer == ADDRESS_AND_RESULT)
		expect_answer(help, m, &own);
	remember(help, &q);
	return q.answer == AN_ADDRESS ? call_address(help, m, t) : SL_PASS;
}

static const struct rpc_question *asked(struct sl_help *help, uint32_t xid)
{
	const struct rpc *rpc = sl_help_data(help);

	for (unsigned i = 0; i < QUESTIONS; i++)
		if (rpc->asked[i].answer != NOTHING && rpc->asked[i].xid == xid)
			return &rpc->asked[i];
	return NULL;
}

/* ---- what they announce ---------------------------------------------------------------------- */

/* Programs of users have ports from 1024 on, those of the system from 512. */
static bool may_be_opened(struct sl_help *help, uint16_t port)
{
	return port >= 1024 || (port >= LOWEST && sl_help_option(help, "rpc_low_ports"));
}

/* Expects the service; *e becomes what the asker must see. */
static enum sl_reason announce(struct sl_help *help, struct sl_message *m,
        const struct rpc_question *q, const struct sl_tuple *own, struct sl_endpoint *e)
{
	struct sl_announcement a = {.class_id = CLASS_SERVICE,
	        .allow = SL_ALLOW_LOW_PORT | SL_ALLOW_SHARED,
	        .flags = SL_EXPECT_PERMANENT,
	        .cookie = q->program,
	        .reason = "RPC service"};
	uint16_t port = e->port;

	if (port == own->sport && e->proto == own->proto) { /* the portmapper itself */
		show(help, m, e);
		return SL_WHY_NONE;
	}
	if (!may_be_opened(help, port)) {
		sl_note(help, SL_WHY_HELPER_PORT, a.reason);
		show(help, m, e);
		return SL_WHY_NONE;
	}
	if (own->proto == SL_PROTO_UDP)
		sl_keep_alive(help, KEEP);
	a.written = *e;
	return sl_expect_announced(help, m, &a, e);
}

/* One endpoint of a reply. Those that are not the server's stay, and port 0 says that there is none. */
static enum sl_reason open_place(struct sl_help *help, struct sl_message *m,
        const struct rpc_question *q, const struct rpc_place *p, struct sl_edits *edits)
{
	struct sl_endpoint seen = p->e;
	struct sl_tuple own, other;
	enum sl_reason why;

	sl_help_tuple(help, m->dir, &own);
	sl_help_tuple(help, !m->dir, &other);
	if (!seen.port || seen.family != own.family)
		return SL_WHY_NONE;
	if (!sl_addr_eq(&seen.addr, &own.src) && !sl_addr_eq(&seen.addr, &other.dst)) {
		sl_note(help, SL_WHY_HELPER_ADDRESS, "RPC: another host's address");
		return SL_WHY_NONE;
	}
	seen.addr = own.src;
	why = announce(help, m, q, &own, &seen);
	if (why == SL_WHY_NONE && !same(&seen, &p->e) && (p->is_text || seen.port != p->e.port))
		write_endpoint(edits, p, &seen);
	return why;
}

/* Behind xid and REPLY. */
static enum sl_help_result reply(
        struct sl_help *help, struct sl_message *m, struct sl_text t, const struct rpc_question *q)
{
	struct sl_edits edits = {.count = 0};
	struct rpc_reply r = {.count = 0};
	struct sl_tuple own;

	sl_help_tuple(help, m->dir, &own);
	if (!rpc_read_reply(&r, &t, q, &own))
		return SL_PASS;
	for (unsigned i = 0; i < r.count; i++) {
		enum sl_reason why = open_place(help, m, q, &r.place[i], &edits);

		if (why != SL_WHY_NONE)
			return sl_refuse(help, why);
	}
	return make(help, m, &edits);
}

/* ---- messages -------------------------------------------------------------------------------- */

/* A datagram, or a record's only fragment; the cursor is then at the xid. */
static bool whole(struct sl_help *help, const struct sl_message *m, struct sl_text *t)
{
	struct rpc *rpc = sl_help_data(help);
	bool *inside = &rpc->inside[m->dir], was = *inside;
	struct sl_tuple own;
	uint32_t mark;

	sl_help_tuple(help, m->dir, &own);
	if (own.proto != SL_PROTO_TCP)
		return true;
	if (!sl_text_u32(t, &mark))
		return false;
	*inside = !(mark & LAST);
	if (*inside && !was)
		sl_note(help, SL_WHY_HELPER_UNKNOWN, "RPC: a record of several fragments");
	return !*inside && !was;
}

static enum sl_help_result message(struct sl_help *help, struct sl_message *m)
{
	struct sl_text t = m->text;
	const struct rpc_question *q;
	uint32_t xid, type;

	if (!whole(help, m, &t) || !sl_text_u32(&t, &xid) || !sl_text_u32(&t, &type))
		return SL_PASS;
	q = asked(help, xid);
	if (m->dir == SL_ORIGINAL && type == CALL)
		return call(help, m, t, xid);
	if (m->dir == SL_REPLY && type == REPLY && q)
		return reply(help, m, t, q);
	return SL_PASS;
}

/* ---- fragments of records -------------------------------------------------------------------- */

static size_t frame(struct sl_help *help, const struct sl_text *begin, enum sl_dir dir)
{
	struct sl_text t = *begin;
	uint32_t mark;

	(void)help, (void)dir;
	return sl_text_u32(&t, &mark) ? (size_t)(mark & ~LAST) + sizeof(mark) : 0;
}

/* Of replies only those to questions that were seen may change. */
static size_t hold(struct sl_help *help, const struct sl_text *begin, enum sl_dir dir)
{
	struct sl_text t = *begin;
	uint32_t mark, xid;

	if (dir == SL_REPLY && sl_text_u32(&t, &mark) && sl_text_u32(&t, &xid) && !asked(help, xid))
		return sl_text_left(begin);
	return 0;
}

/* In mid-stream: a fragment that is a call or a reply, and all that came. */
static size_t sync(struct sl_help *help, const struct sl_text *bytes, enum sl_dir dir)
{
	struct sl_text t = *bytes;
	uint32_t mark, xid, type;

	(void)help;
	if (sl_text_u32(&t, &mark) && sl_text_left(&t) == (mark & ~LAST) && sl_text_u32(&t, &xid) &&
	        sl_text_u32(&t, &type) && type == (dir == SL_ORIGINAL ? CALL : REPLY))
		return 0;
	return sl_text_left(bytes);
}

const struct sl_helper sl_helper_rpc = {
        SL_HELPER_HEADER,
        .name = "rpc",
        .match = {{.proto = SL_PROTO_UDP, .port = 111}, {.proto = SL_PROTO_TCP, .port = 111}},
        .classes = {[CLASS_SERVICE] = {.name = "service", .max = 8, .timeout = KEEP},
                [CLASS_ANSWER] = {.name = "answer", .max = 1, .timeout = 60}},
        .framing = SL_FRAME_OWN,
        .data_size = sizeof(struct rpc),
        .message = {[SL_ORIGINAL] = message, [SL_REPLY] = message},
        .frame = frame,
        .hold = hold,
        .sync = sync,
        .options = {{"rpc_low_ports", 1, 1, "open ports from 512 on; 0: from 1024"}},
        .by_request = true,
};
