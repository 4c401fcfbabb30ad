/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SCTP (RFC 9260). A packet is a common header and chunks; each chunk may move the association on,
 * and most kinds must carry the verification tag that the other end chose in its INIT or INIT ACK.
 *
 *	opener                                     peer
 *	INIT (tag 0, announces a)  ------------->            CLOSED
 *	        <-------------  INIT ACK (tag a, announces b)   COOKIE_WAIT
 *	COOKIE ECHO (tag b)        ------------->            COOKIE_ECHOED
 *	        <-------------  COOKIE ACK (tag a)              ESTABLISHED
 *	DATA, SACK ...             <------------>
 *	SHUTDOWN                   ------------->            SHUTDOWN_SENT
 *	        <-------------  SHUTDOWN ACK                    SHUTDOWN_ACK_SENT
 *	SHUTDOWN COMPLETE          ------------->            CLOSED
 *
 * An association may also be met on a second path, where the first packet is a HEARTBEAT
 * (HEARTBEAT_SENT until it is acknowledged). What dir sends must carry tag[dir].
 */
#include "track/proto.h"

#include "base/bytes.h"

enum chunk {
	DATA = 0, INIT = 1, INIT_ACK = 2, HEARTBEAT = 4, HEARTBEAT_ACK = 5, ABORT = 6, SHUTDOWN = 7,
	SHUTDOWN_ACK = 8, ERROR = 9, COOKIE_ECHO = 10, COOKIE_ACK = 11, SHUTDOWN_COMPLETE = 14,
	CHUNK_KINDS = 15
};

enum { COMMON_HEADER = 12, TAG_REFLECTED = 1 /* the T flag: carries the receiver's tag */ };

enum { REFUSED = SL_SCTP_STATE_COUNT };

/* Short names for the table. */
enum {
	nn = SL_SCTP_NONE, cl = SL_SCTP_CLOSED, cw = SL_SCTP_COOKIE_WAIT, ce = SL_SCTP_COOKIE_ECHOED,
	es = SL_SCTP_ESTABLISHED, ss = SL_SCTP_SHUTDOWN_SENT, sr = SL_SCTP_SHUTDOWN_RECD,
	sa = SL_SCTP_SHUTDOWN_ACK_SENT, hs = SL_SCTP_HEARTBEAT_SENT, no = REFUSED
};

/* Kinds without a row change nothing. */
static const bool moves[CHUNK_KINDS] = {[INIT] = true, [INIT_ACK] = true, [HEARTBEAT] = true,
	[HEARTBEAT_ACK] = true, [ABORT] = true, [SHUTDOWN] = true, [SHUTDOWN_ACK] = true,
	[ERROR] = true, [COOKIE_ECHO] = true, [COOKIE_ACK] = true, [SHUTDOWN_COMPLETE] = true};

/*
 * next[dir][kind][state]. Columns: NONE, CLOSED, COOKIE_WAIT, COOKIE_ECHOED, ESTABLISHED,
 * SHUTDOWN_SENT, SHUTDOWN_RECD, SHUTDOWN_ACK_SENT, HEARTBEAT_SENT.
 */
static const uint8_t next[2][CHUNK_KINDS][SL_SCTP_STATE_COUNT] = {
	[SL_ORIGINAL] = {
		[INIT] = {cl, cl, cw, ce, es, cl, cl, sa, cw},
		[INIT_ACK] = {cl, cl, cw, ce, es, ss, sr, sa, cl},
		[ABORT] = {cl, cl, cl, cl, cl, cl, cl, cl, cl},
		[SHUTDOWN] = {cl, cl, cw, ce, ss, ss, sr, sa, cl},
		[SHUTDOWN_ACK] = {sa, cl, cw, ce, es, sa, sa, sa, sa},
		[ERROR] = {cl, cl, cw, ce, es, ss, sr, sa, cl},
		[COOKIE_ECHO] = {cl, cl, ce, ce, es, ss, sr, sa, cl},
		[COOKIE_ACK] = {cl, cl, cw, es, es, ss, sr, sa, cl},
		[SHUTDOWN_COMPLETE] = {cl, cl, cw, ce, es, ss, sr, cl, cl},
		[HEARTBEAT] = {hs, cl, cw, ce, es, ss, sr, sa, hs},
		[HEARTBEAT_ACK] = {cl, cl, cw, ce, es, ss, sr, sa, hs},
	},
	[SL_REPLY] = {
		[INIT] = {no, cl, cw, ce, es, ss, sr, sa, no},
		[INIT_ACK] = {no, cw, cw, ce, es, ss, sr, sa, no},
		[ABORT] = {no, cl, cl, cl, cl, cl, cl, cl, no},
		[SHUTDOWN] = {no, cl, cw, ce, sr, ss, sr, sa, no},
		[SHUTDOWN_ACK] = {no, cl, cw, ce, es, sa, sa, sa, no},
		[ERROR] = {no, cl, cw, cl, es, ss, sr, sa, no},
		[COOKIE_ECHO] = {no, cl, ce, ce, es, ss, sr, sa, no},
		[COOKIE_ACK] = {no, cl, cw, es, es, ss, sr, sa, no},
		[SHUTDOWN_COMPLETE] = {no, cl, cw, ce, es, ss, sr, cl, no},
		[HEARTBEAT] = {no, cl, cw, ce, es, ss, sr, sa, hs},
		[HEARTBEAT_ACK] = {no, cl, cw, ce, es, ss, sr, sa, es},
	},
};

static const char *const state_names[SL_SCTP_STATE_COUNT] = {"NONE", "CLOSED", "COOKIE_WAIT",
	"COOKIE_ECHOED", "ESTABLISHED", "SHUTDOWN_SENT", "SHUTDOWN_RECD", "SHUTDOWN_ACK_SENT",
	"HEARTBEAT_SENT"};

static uint8_t next_state(enum sl_dir dir, uint8_t kind, uint8_t state)
{
	return kind < CHUNK_KINDS && moves[kind] ? next[dir][kind][state] : state;
}

/* ---- chunks ---------------------------------------------------------------------------------- */

struct chunk_view {
	uint8_t kind, flags;
	uint16_t length;
	struct sl_bytes value; /* what follows the chunk's header, to the end of the packet */
};

/* The chunks of a packet: bytes at its end that are no whole chunk header do not count. */
struct chunks {
	struct sl_bytes rest;
	uint32_t tag;	   /* of the common header */
	struct chunk_view at;
};

static struct chunks chunks_of(const struct sl_packet *p, const struct sl_parsed *parsed)
{
	struct sl_bytes b = sl_bytes_of(p->data + parsed->l4, parsed->len - parsed->l4);
	struct chunks c = {0};

	sl_bytes_skip(&b, 4);
	c.tag = sl_bytes_u32(&b);
	sl_bytes_skip(&b, 4);
	c.rest = b;
	return c;
}

static bool next_chunk(struct chunks *c)
{
	struct sl_bytes head = c->rest;

	if (sl_bytes_left(&head) < 4)
		return false;
	c->at.kind = sl_bytes_u8(&head);
	c->at.flags = sl_bytes_u8(&head);
	c->at.length = sl_bytes_u16(&head);
	c->at.value = head;
	sl_bytes_skip(&c->rest, (c->at.length + 3u) & ~3u);
	return true;
}

/* The tag that an INIT or INIT ACK announces. False: it ends before. */
static bool announced(const struct chunk_view *chunk, uint32_t *tag)
{
	struct sl_bytes value = chunk->value;

	*tag = sl_bytes_u32(&value);
	sl_bytes_skip(&value, 12);
	return sl_bytes_ok(&value);
}

/* RFC 9260 6.10: what must stand alone or first does. Collects the kinds that are there. */
static bool well_formed(struct chunks c, uint32_t *kinds)
{
	bool alone = false;
	unsigned count = 0;

	for (; next_chunk(&c); count++) {
		uint8_t kind = c.at.kind;

		alone |= kind == INIT || kind == INIT_ACK || kind == SHUTDOWN_COMPLETE;
		if (count && (alone || kind == COOKIE_ECHO || kind == COOKIE_ACK))
			return false;
		if (c.at.length == 0)
			return false; /* it would never end */
		if (kind < CHUNK_KINDS)
			*kinds |= 1u << kind;
	}
	return count != 0;
}

/* ---- a first packet -------------------------------------------------------------------------- */

static bool sctp_open(struct sl_track *t, struct sl_conn *conn, const struct sl_packet *p,
	const struct sl_parsed *parsed, enum sl_reason *why)
{
	struct sl_sctp *sctp = &conn->l4.sctp;
	struct chunks c = chunks_of(p, parsed);
	uint32_t kinds = 0;

	(void)t;
	*why = SL_WHY_SCTP_CHUNKS;
	if (!well_formed(c, &kinds))
		return false;
	*why = SL_WHY_NOT_NEW;
	if (kinds & (1u << ABORT | 1u << SHUTDOWN_COMPLETE | 1u << COOKIE_ACK))
		return false;
	while (next_chunk(&c)) {
		if (next_state(SL_ORIGINAL, c.at.kind, SL_SCTP_NONE) == SL_SCTP_NONE)
			return false;
		if (c.at.kind == INIT && !announced(&c.at, &sctp->tag[SL_REPLY]))
			return false;
		if (c.at.kind == HEARTBEAT || c.at.kind == HEARTBEAT_ACK)
			sctp->tag[SL_ORIGINAL] = c.tag;
		else if (c.at.kind != INIT)
			sctp->tag[SL_REPLY] = c.tag; /* its answer reflects it (RFC 9260 8.4) */
	}
	conn->state = SL_SCTP_NONE;
	*why = SL_WHY_NONE;
	return true;
}

/* ---- verification tags ----------------------------------------------------------------------- */

/* Kinds whose tag follows rules of their own (RFC 9260 8.5.1). */
#define OWN_TAG_RULES                                                                              \
	(1u << INIT | 1u << SHUTDOWN_COMPLETE | 1u << COOKIE_ECHO | 1u << ABORT |                  \
		1u << SHUTDOWN_ACK | 1u << HEARTBEAT | 1u << HEARTBEAT_ACK)

enum tag_verdict { TAG_RIGHT, TAG_WRONG, TAG_PASS };

/*
 * A heartbeat with another tag: perhaps the association was begun anew behind our back. It
 * passes; when its acknowledgement comes with another tag too, the new ones are taken.
 */
static enum tag_verdict judge_heartbeat(struct sl_sctp *sctp, enum sl_dir dir, uint8_t kind,
	uint32_t tag, bool no_second_try)
{
	if (sctp->tag[dir] == 0) {
		sctp->tag[dir] = tag;
		return TAG_RIGHT;
	}
	if (tag == sctp->tag[dir]) {
		sctp->heartbeat_failed = false;
		return TAG_RIGHT;
	}
	if (no_second_try)
		return TAG_WRONG;
	if (kind == HEARTBEAT) {
		sctp->heartbeat_failed = true;
		sctp->last_dir = dir & 1u;
		return TAG_PASS;
	}
	if (!sctp->heartbeat_failed || sctp->last_dir == (unsigned)dir)
		return TAG_WRONG;
	sctp->heartbeat_failed = false;
	sctp->tag[dir] = tag;
	sctp->tag[!dir] = 0;
	return TAG_RIGHT;
}

static enum tag_verdict judge_tag(struct sl_sctp *sctp, enum sl_dir dir, const struct chunks *c,
	bool no_second_try)
{
	enum sl_dir whose = c->at.flags & TAG_REFLECTED ? !dir : dir;

	switch (c->at.kind) {
	case INIT:
		return c->tag == 0 ? TAG_RIGHT : TAG_WRONG;
	case ABORT:
	case SHUTDOWN_COMPLETE:
		return c->tag == sctp->tag[whose] ? TAG_RIGHT : TAG_WRONG;
	case COOKIE_ECHO:
		return c->tag == sctp->tag[dir] ? TAG_RIGHT : TAG_WRONG;
	case HEARTBEAT:
	case HEARTBEAT_ACK:
		return judge_heartbeat(sctp, dir, c->at.kind, c->tag, no_second_try);
	default:
		return TAG_RIGHT;
	}
}

/* INIT and INIT ACK tell what their sender wants to read. False: not this one now. */
static bool take_tag(struct sl_sctp *sctp, enum sl_dir dir, const struct chunk_view *chunk, bool opens)
{
	uint32_t tag, known = sctp->tag[!dir];

	if (chunk->kind == COOKIE_ACK) /* agreed: what answers an INIT after this comes too late */
		sctp->init[0] = sctp->init[1] = 0;
	if (chunk->kind != INIT && chunk->kind != INIT_ACK)
		return true;
	if (!announced(chunk, &tag))
		return false;
	if (chunk->kind == INIT) {
		if (known != tag && sctp->init[dir] && sctp->init[!dir])
			sctp->init[!dir] = 0; /* both opened, and one does so again */
		if (known != tag || opens) /* else a tag that is known: repeated, or learnt from a heartbeat */
			sctp->init[dir] = 1;
	} else if (known != tag && (sctp->init[!dir] ? sctp->init[dir] != 0 : known != 0)) {
		return false; /* answers another INIT than the one we know */
	}
	sctp->tag[!dir] = tag;
	return true;
}

/* ---- a packet of a connection ---------------------------------------------------------------- */

static void move(struct sl_track *t, struct sl_conn *conn, uint8_t state)
{
	if (conn->state == state)
		return;
	SL_TRACE(t, conn, "sctp", "%s -> %s", state_names[conn->state], state_names[state]);
	conn->state = state;
	sl__conn_note(t, conn, SL_PENDING_STATE);
	if (state == SL_SCTP_ESTABLISHED && sl__conn_set_status(conn, SL_ASSURED))
		sl__conn_note(t, conn, SL_PENDING_ASSURED);
}

static enum sl_track_result refuse(enum sl_reason reason, enum sl_reason *why)
{
	*why = reason;
	return SL_TRACK_INVALID;
}

static enum sl_track_result sctp_packet(struct sl_track *t, struct sl_conn *conn, enum sl_dir dir,
	const struct sl_packet *p, const struct sl_parsed *parsed, enum sl_reason *why)
{
	struct sl_sctp *sctp = &conn->l4.sctp;
	struct chunks c = chunks_of(p, parsed);
	bool passes = false; /* but keeps nothing alive */
	uint32_t kinds = 0;

	if (!well_formed(c, &kinds))
		return refuse(SL_WHY_SCTP_CHUNKS, why);
	if (!(kinds & OWN_TAG_RULES) && c.tag != sctp->tag[dir])
		return refuse(SL_WHY_SCTP_VTAG, why);
	while (next_chunk(&c)) {
		uint8_t state;

		switch (judge_tag(sctp, dir, &c, passes || kinds & 1u << DATA)) {
		case TAG_WRONG:
			return refuse(SL_WHY_SCTP_VTAG, why);
		case TAG_PASS:
			passes = true;
			continue;
		case TAG_RIGHT:
			break;
		}
		state = next_state(dir, c.at.kind, conn->state);
		if (state == REFUSED)
			return refuse(SL_WHY_SCTP_STATE, why);
		if (!take_tag(sctp, dir, &c.at, conn->state == SL_SCTP_NONE))
			return refuse(SL_WHY_SCTP_VTAG, why);
		/* A repeated INIT must not keep an entry alive for ever. */
		passes |= c.at.kind == INIT && state == SL_SCTP_CLOSED && conn->state == SL_SCTP_CLOSED;
		move(t, conn, state);
	}
	if (passes)
		return SL_TRACK_IGNORE;
	sl__conn_refresh(t, conn, sl__timeouts(t, conn)->sctp[conn->state] * 1000);
	return SL_TRACK_OK;
}

static const char *sctp_state_text(const struct sl_conn *conn)
{
	return state_names[conn->state];
}

static bool sctp_can_evict(const struct sl_conn *conn)
{
	return conn->state == SL_SCTP_SHUTDOWN_SENT || conn->state == SL_SCTP_SHUTDOWN_RECD ||
	       conn->state == SL_SCTP_SHUTDOWN_ACK_SENT;
}

const struct sl_proto sl__proto_sctp = {
	.number = SL_PROTO_SCTP,
	.name = "sctp",
	.open = sctp_open,
	.packet = sctp_packet,
	.state_text = sctp_state_text,
	.can_evict = sctp_can_evict,
};
