/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TCP state machine, as seen by somebody in the middle: it follows what both ends must
 * have concluded from the packets that passed, and must not be led astray by packets that one
 * end will ignore (out of window, SYN in a live connection, RST that is a guess).
 *
 * One table says, by direction, kind of segment and state, which state comes next; `next_state`
 * adds what no table can say. Windows are tcp_window.c's.
 */
#include "track/tcp_usual.h"

#include "base/wire.h"
#include "track/proto.h"

/* Two results that are no states. */
enum { IGNORED = 100, REFUSED };

/* Short names for the table: each stands for the state or result. */
enum {
	ss = SL_TCP_SYN_SENT, sr = SL_TCP_SYN_RECV, es = SL_TCP_ESTABLISHED, fw = SL_TCP_FIN_WAIT,
	cw = SL_TCP_CLOSE_WAIT, la = SL_TCP_LAST_ACK, tw = SL_TCP_TIME_WAIT, cl = SL_TCP_CLOSE,
	s2 = SL_TCP_SYN_SENT2, ig = IGNORED, no = REFUSED
};

/*
 * next[dir][kind][state]. Columns: NONE, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, CLOSE_WAIT,
 * LAST_ACK, TIME_WAIT, CLOSE, SYN_SENT2.
 *
 * Reading hints: a SYN of the opener is ignored while a connection lives (its peer answers with
 * a challenge ACK if it disagrees) and reopens a finished one; FINs move along FIN_WAIT,
 * LAST_ACK; the ACKs between them along CLOSE_WAIT, TIME_WAIT; an ACK without a connection is
 * picked up as established.
 */
static const uint8_t next[2][6][SL_TCP_STATE_COUNT] = {
	[SL_ORIGINAL] = {
		[SL_KIND_NONE] = {no, no, no, no, no, no, no, no, no, no},
		[SL_KIND_SYN] = {ss, ss, ig, ig, ig, ig, ig, ss, ss, s2},
		[SL_KIND_SYN_ACK] = {no, no, sr, no, no, no, no, no, no, sr},
		[SL_KIND_FIN] = {no, no, fw, fw, la, la, la, tw, cl, no},
		[SL_KIND_ACK] = {es, no, es, es, cw, cw, tw, tw, cl, no},
		[SL_KIND_RST] = {no, cl, cl, cl, cl, cl, cl, cl, cl, cl},
	},
	[SL_REPLY] = {
		[SL_KIND_NONE] = {no, no, no, no, no, no, no, no, no, no},
		[SL_KIND_SYN] = {no, s2, no, no, no, no, no, ss, no, s2},
		[SL_KIND_SYN_ACK] = {no, sr, ig, ig, ig, ig, ig, ig, ig, sr},
		[SL_KIND_FIN] = {no, no, fw, fw, la, la, la, tw, cl, no},
		[SL_KIND_ACK] = {no, ig, sr, es, cw, cw, tw, tw, cl, ig},
		[SL_KIND_RST] = {no, cl, cl, cl, cl, cl, cl, cl, cl, cl},
	},
};

static const char *const state_names[SL_TCP_STATE_COUNT] = {"NONE", "SYN_SENT", "SYN_RECV",
	"ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2"};

/* ---- looking at a segment -------------------------------------------------------------------- */

static enum sl_tcp_kind kind_of(uint8_t flags)
{
	if (flags & SL_RST)
		return SL_KIND_RST;
	if (flags & SL_SYN)
		return flags & SL_ACK ? SL_KIND_SYN_ACK : SL_KIND_SYN;
	if (flags & SL_FIN)
		return SL_KIND_FIN;
	return flags & SL_ACK ? SL_KIND_ACK : SL_KIND_NONE;
}

/* PSH, ECE and CWR may stand anywhere; of the others only these combinations make sense. */
static bool flags_possible(uint8_t flags)
{
	switch (flags & (SL_FIN | SL_SYN | SL_RST | SL_ACK | SL_URG)) {
	case SL_SYN:
	case SL_SYN | SL_URG:
	case SL_SYN | SL_ACK:
	case SL_RST:
	case SL_RST | SL_ACK:
	case SL_FIN | SL_ACK:
	case SL_FIN | SL_ACK | SL_URG:
	case SL_ACK:
	case SL_ACK | SL_URG:
		return true;
	default:
		return false;
	}
}

static void look(const struct sl_packet *p, const struct sl_parsed *parsed, enum sl_dir dir,
	struct sl_tcp_segment *s)
{
	s->parsed = parsed;
	sl__tcp_options(p, parsed, &s->options);
	s->seq = parsed->seq;
	s->ack = parsed->ack;
	s->window = parsed->window;
	s->end = s->seq + (parsed->len - parsed->payload);
	if (parsed->tcp_flags & SL_SYN)
		s->end++;
	if (parsed->tcp_flags & SL_FIN)
		s->end++;
	s->kind = (uint8_t)kind_of(parsed->tcp_flags);
	s->dir = dir;
}

/* ---- a first packet -------------------------------------------------------------------------- */

static bool tcp_open(struct sl_track *t, struct sl_conn *conn, const struct sl_packet *p,
	const struct sl_parsed *parsed, enum sl_reason *why)
{
	struct sl_tcp *tcp = &conn->l4.tcp;
	struct sl_tcp_segment s;

	if (!flags_possible(parsed->tcp_flags)) {
		*why = SL_WHY_TCP_FLAGS;
		return false;
	}
	look(p, parsed, SL_ORIGINAL, &s);
	switch (next[SL_ORIGINAL][s.kind][SL_TCP_NONE]) {
	case SL_TCP_SYN_SENT:
		tcp->end[SL_ORIGINAL] = tcp->max_end[SL_ORIGINAL] = s.end;
		tcp->max_win[SL_ORIGINAL] = s.window ? s.window : 1;
		tcp->flags[SL_ORIGINAL] = s.options.flags;
		sl__tcp_set_scale(tcp, SL_ORIGINAL, s.options.scale);
		break;
	case SL_TCP_ESTABLISHED: /* began before us */
		if (!t->set.tcp_loose) {
			*why = SL_WHY_NOT_NEW;
			return false;
		}
		tcp->end[SL_ORIGINAL] = s.end;
		tcp->max_win[SL_ORIGINAL] = s.window ? s.window : 1;
		tcp->max_end[SL_ORIGINAL] = s.end + tcp->max_win[SL_ORIGINAL];
		/* Options were missed: take SACK as agreed, and windows not too seriously. */
		tcp->flags[SL_ORIGINAL] = tcp->flags[SL_REPLY] = SL_TCPF_SACK | SL_TCPF_LIBERAL;
		break;
	default:
		*why = SL_WHY_NOT_NEW;
		return false;
	}
	conn->state = SL_TCP_NONE;
	return true;
}

/* ---- packets that both ends may see differently ---------------------------------------------- */

/* Closing, or closed: may be thrown away when room is needed. */
static bool tcp_can_evict(const struct sl_conn *conn)
{
	return conn->state >= SL_TCP_FIN_WAIT && conn->state <= SL_TCP_CLOSE;
}

static bool fully_open(const struct sl_conn *conn)
{
	return conn->state == SL_TCP_ESTABLISHED && conn->status & SL_ASSURED;
}

/* Does a SYN that came for a finished connection really open a new one? */
static bool reopens(const struct sl_tcp *tcp, const struct sl_tcp_segment *s)
{
	return (tcp->flags[0] | tcp->flags[1]) & SL_TCPF_CLOSED_FIRST ||
	       (tcp->last_dir == (unsigned)s->dir && tcp->last_kind == SL_KIND_RST);
}

/* A SYN/ACK to a SYN that we ignored: both ends agree on a new connection, so we follow. */
static bool answers_ignored_syn(const struct sl_tcp *tcp, const struct sl_tcp_segment *s)
{
	return s->kind == SL_KIND_SYN_ACK && tcp->last_kind == SL_KIND_SYN &&
	       tcp->last_dir != (unsigned)s->dir && s->ack == tcp->last_end;
}

static void follow_ignored_syn(struct sl_tcp *tcp, enum sl_dir dir)
{
	enum sl_dir opener = !dir;

	tcp->end[opener] = tcp->max_end[opener] = tcp->last_end;
	tcp->max_win[opener] = tcp->last_win ? tcp->last_win : 1;
	sl__tcp_set_scale(tcp, opener, tcp->last_scale);
	tcp->last_flags &= (uint8_t)~SL_TCPF_CHALLENGE;
	tcp->flags[opener] = tcp->last_flags;
	tcp->end[dir] = tcp->max_end[dir] = tcp->max_win[dir] = tcp->max_ack[dir] = 0;
	tcp->flags[dir] &= SL_TCPF_LIBERAL;
	sl__tcp_set_scale(tcp, dir, 0);
}

/* Remember an ignored packet: the answer to it may show that we are the one out of step. */
static void remember_ignored(struct sl_conn *conn, const struct sl_tcp_segment *s)
{
	struct sl_tcp *tcp = &conn->l4.tcp;

	tcp->last_kind = s->kind & 7u;
	tcp->last_dir = s->dir & 1u;
	tcp->last_seq = s->seq;
	tcp->last_end = s->end;
	tcp->last_win = s->parsed->window;
	if (s->kind == SL_KIND_SYN && s->dir == SL_ORIGINAL) {
		tcp->last_flags = s->options.flags;
		tcp->last_scale = s->options.scale & 15u;
		/* In LAST_ACK the challenge ACK would look like the ACK of the last FIN. */
		if (conn->state == SL_TCP_LAST_ACK)
			tcp->last_flags |= SL_TCPF_CHALLENGE;
	}
	if (conn->state == SL_TCP_SYN_SENT && s->kind == SL_KIND_ACK && s->dir == SL_REPLY)
		tcp->last_ack = s->ack;
}

/* A challenge ACK (RFC 5961 4) answers a SYN in LAST_ACK; it must not end the connection. */
static bool is_challenge_ack(const struct sl_conn *conn, const struct sl_tcp_segment *s)
{
	const struct sl_tcp *tcp = &conn->l4.tcp;

	return conn->state == SL_TCP_LAST_ACK && s->kind == SL_KIND_ACK &&
	       tcp->last_dir != (unsigned)s->dir && tcp->last_kind == SL_KIND_SYN &&
	       tcp->last_flags & SL_TCPF_CHALLENGE;
}

enum rst { RST_CHECK_WINDOW, RST_UNKNOWN, RST_TRUST, RST_NOT_EXACT, RST_BAD };

/* Does the receiver take this RST (RFC 5961 3)? `exact` matters only for open connections. */
static enum rst judge_rst(const struct sl_track *t, const struct sl_conn *conn,
	const struct sl_tcp_segment *s)
{
	const struct sl_tcp *tcp = &conn->l4.tcp;
	enum sl_dir to = !s->dir;

	if (tcp_can_evict(conn))
		return RST_TRUST; /* closing: numbers may be those of an older connection */
	if (tcp->flags[to] & SL_TCPF_MAX_ACK && tcp->last_kind != SL_KIND_SYN) {
		uint32_t expected = tcp->max_ack[to];

		if (s->seq == 0 && !fully_open(conn))
			return RST_CHECK_WINDOW; /* likely answers a SYN that we let through */
		if (sl__seq_before(s->seq, expected) && !t->set.tcp_ignore_invalid_rst)
			return RST_BAD;
		if (!fully_open(conn) || s->seq == expected)
			return RST_CHECK_WINDOW;
		if (tcp->last_kind == SL_KIND_ACK && tcp->last_dir == (unsigned)s->dir &&
			s->seq == tcp->last_end)
			return RST_CHECK_WINDOW; /* right behind the data it follows */
		return RST_NOT_EXACT; /* the receiver will answer with a challenge ACK */
	}
	return RST_UNKNOWN;
}

/*
 * RST against a SYN or ACK that we let through although it did not fit. Its ACK number counts
 * without the flag too, as in Linux: 0 answers a SYN of which nothing was remembered.
 */
static bool rst_for_let_through(const struct sl_conn *conn, const struct sl_tcp_segment *s)
{
	const struct sl_tcp *tcp = &conn->l4.tcp;

	bool syn = conn->status & SL_SEEN_REPLY && tcp->last_kind == SL_KIND_SYN &&
		   tcp->last_dir != (unsigned)s->dir;
	bool ack = !(conn->status & SL_ASSURED) && tcp->last_kind == SL_KIND_ACK;

	if ((syn || ack) && s->ack == tcp->last_end)
		return true;
	return conn->state == SL_TCP_SYN_SENT && s->dir == SL_ORIGINAL &&
	       tcp->last_kind == SL_KIND_ACK && tcp->last_dir == SL_REPLY && s->seq == tcp->last_ack;
}

/* ---- a packet of a connection ---------------------------------------------------------------- */

/* What `step` found: the next state, and whether the window still has to agree. */
struct step {
	uint8_t state;
	bool skip_window;
};

static enum sl_track_result step(struct sl_track *t, struct sl_conn *conn,
	const struct sl_tcp_segment *s, struct step *out, enum sl_reason *why)
{
	struct sl_tcp *tcp = &conn->l4.tcp;

	out->state = next[s->dir][s->kind][conn->state];
	out->skip_window = false;
	if (out->state == SL_TCP_SYN_SENT && conn->state >= SL_TCP_TIME_WAIT) {
		if (reopens(tcp, s)) {
			*why = SL_WHY_TCP_REOPENED;
			return SL_TRACK_REOPEN;
		}
		out->state = IGNORED;
	}
	switch (out->state) {
	case IGNORED:
		if (answers_ignored_syn(tcp, s)) {
			follow_ignored_syn(tcp, s->dir);
			conn->state = SL_TCP_SYN_SENT;
			out->state = SL_TCP_SYN_RECV;
			return SL_TRACK_OK;
		}
		remember_ignored(conn, s);
		*why = SL_WHY_TCP_SYN_IN_SYNC;
		return SL_TRACK_IGNORE;
	case REFUSED:
		*why = SL_WHY_TCP_STATE;
		return SL_TRACK_INVALID;
	case SL_TCP_TIME_WAIT:
		if (!is_challenge_ack(conn, s))
			return SL_TRACK_OK;
		tcp->last_flags &= (uint8_t)~SL_TCPF_CHALLENGE;
		*why = SL_WHY_TCP_CHALLENGE_ACK;
		return SL_TRACK_IGNORE;
	case SL_TCP_SYN_SENT2:
		tcp->last_flags |= SL_TCPF_SIMULTANEOUS;
		return SL_TRACK_OK;
	case SL_TCP_SYN_RECV:
		if (s->dir == SL_REPLY && s->kind == SL_KIND_ACK &&
			tcp->last_flags & SL_TCPF_SIMULTANEOUS)
			out->state = SL_TCP_ESTABLISHED;
		return SL_TRACK_OK;
	case SL_TCP_CLOSE:
		if (s->kind != SL_KIND_RST)
			return SL_TRACK_OK;
		break;
	default:
		return SL_TRACK_OK;
	}
	switch (judge_rst(t, conn, s)) {
	case RST_BAD:
		*why = SL_WHY_TCP_RST_SEQ;
		return SL_TRACK_INVALID;
	case RST_TRUST:
		out->skip_window = true;
		return SL_TRACK_OK;
	case RST_CHECK_WINDOW:
		return SL_TRACK_OK;
	case RST_NOT_EXACT:
		out->state = conn->state;
		break;
	case RST_UNKNOWN:
		break;
	}
	out->skip_window = rst_for_let_through(conn, s);
	return SL_TRACK_OK;
}

/*
 * An out-of-window FIN or RST from each side in turn: the connection is over, only our
 * windows do not know. Do not keep it for days.
 */
static void notice_invalid_end(struct sl_track *t, struct sl_conn *conn, const struct sl_tcp_segment *s)
{
	struct sl_tcp *tcp = &conn->l4.tcp;
	uint32_t timeout = sl__timeouts(t, conn)->tcp[SL_TCP_UNACK] * 1000;

	if (!(conn->status & SL_ASSURED) || conn->status & SL_FIXED_TIMEOUT ||
		(s->kind != SL_KIND_FIN && s->kind != SL_KIND_RST))
		return;
	if (tcp->last_dir == (unsigned)s->dir ||
		(tcp->last_kind != SL_KIND_FIN && tcp->last_kind != SL_KIND_RST)) {
		tcp->last_kind = s->kind & 7u;
		tcp->last_dir = s->dir & 1u;
		return;
	}
	if ((int32_t)(conn->deadline - t->now_ms) > (int32_t)timeout)
		sl__conn_refresh(t, conn, timeout);
}

/* The packet counts: state, timeout, events. */
static enum sl_track_result accept(struct sl_track *t, struct sl_conn *conn,
	const struct sl_tcp_segment *s, uint8_t state, enum sl_reason *why)
{
	struct sl_tcp *tcp = &conn->l4.tcp;
	uint8_t old = conn->state;
	uint32_t timeout;

	tcp->last_kind = s->kind & 7u;
	tcp->last_dir = s->dir & 1u;
	conn->state = state;
	if (old != state && state == SL_TCP_FIN_WAIT)
		tcp->flags[s->dir] |= SL_TCPF_CLOSED_FIRST;
	timeout = sl__tcp_timeout(t, conn, conn->state, (enum sl_tcp_kind)s->kind);
	if (old != state)
		sl__conn_note(t, conn, SL_PENDING_STATE);
	SL_TRACE(t, conn, "tcp", old == state ? "stays %s%s, for %u s" : "%s -> %s, for %u s",
		old == state ? "" : state_names[old], state_names[state], timeout);
	if (!(conn->status & SL_SEEN_REPLY)) {
		if (s->kind == SL_KIND_RST) { /* all that ever came: not worth keeping */
			*why = SL_WHY_TCP_RESET;
			return SL_TRACK_CLOSE;
		}
		/* A repeated SYN must not keep an entry alive for ever. */
		if (s->kind == SL_KIND_SYN && old == SL_TCP_SYN_SENT)
			return SL_TRACK_IGNORE;
		/* Picked up in mid-stream: no long life before anybody answers. */
		if (state == SL_TCP_ESTABLISHED && timeout > sl__timeouts(t, conn)->tcp[SL_TCP_UNACK])
			timeout = sl__timeouts(t, conn)->tcp[SL_TCP_UNACK];
	} else if (!(conn->status & SL_ASSURED) && state == SL_TCP_ESTABLISHED &&
		   (old == SL_TCP_SYN_RECV || old == SL_TCP_ESTABLISHED)) {
		sl__conn_set_status(conn, SL_ASSURED);
		sl__conn_note(t, conn, SL_PENDING_ASSURED);
	}
	sl__conn_refresh(t, conn, timeout * 1000);
	return SL_TRACK_OK;
}

static enum sl_track_result tcp_packet(struct sl_track *t, struct sl_conn *conn, enum sl_dir dir,
	const struct sl_packet *p, const struct sl_parsed *parsed, enum sl_reason *why)
{
	enum sl_track_result result;
	enum sl_window window;
	struct sl_tcp_segment s;
	struct step to;

	if (!flags_possible(parsed->tcp_flags)) {
		*why = SL_WHY_TCP_FLAGS;
		return SL_TRACK_INVALID;
	}
	look(p, parsed, dir, &s);
	result = step(t, conn, &s, &to, why);
	if (result != SL_TRACK_OK)
		return result;
	window = to.skip_window ? SL_WINDOW_OK : sl__tcp_window(t, conn, &s, why);
	if (window == SL_WINDOW_IGNORE)
		return SL_TRACK_IGNORE;
	if (window == SL_WINDOW_INVALID) {
		notice_invalid_end(t, conn, &s);
		return SL_TRACK_INVALID;
	}
	return accept(t, conn, &s, to.state, why);
}

static const char *tcp_state_text(const struct sl_conn *conn)
{
	return state_names[conn->state];
}

void sl__tcp_info(const struct sl_conn *conn, struct sl_conn_info *out)
{
	for (unsigned dir = 0; dir < 2; dir++) {
		out->tcp_flags[dir] = conn->l4.tcp.flags[dir];
		out->tcp_wscale[dir] = sl__tcp_scale(&conn->l4.tcp, (enum sl_dir)dir);
	}
}

const struct sl_proto sl__proto_tcp = {
	.number = SL_PROTO_TCP,
	.name = "tcp",
	.open = tcp_open,
	.packet = tcp_packet,
	.state_text = tcp_state_text,
	.can_evict = tcp_can_evict,
};
