/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP window tracking: does a segment lie within what its receiver can take, and does it
 * acknowledge only what was sent? After Guido van Rooij, "Real Stateful TCP Packet Filtering
 * in IP Filter" (2000), with the rules that Linux added since.
 *
 * For each direction's sender we keep the highest sequence number it sent (end), the highest
 * it may send (max_end), and the largest window it offered (max_win). A segment from `from`
 * to its receiver `to` must satisfy
 *
 *	I    seq  <= max_end[from]                        not beyond the receiver's window
 *	II   end  >= end[from] - max_win[to]              not older than a window
 *	III  sack <= end[to]                              acknowledges only what was sent
 *	IV   sack >= end[to] - max(66000, max_win[from])  not an acknowledgement from long ago
 *
 * where sack is the ACK, or the highest SACK edge. Sequence numbers are those of each sender;
 * an ACK for a stream that we edit is moved back into its sender's numbers first.
 */
#include "track/tcp_usual.h"

void sl__tcp_set_scale(struct sl_tcp *tcp, enum sl_dir dir, uint8_t scale)
{
	if (dir == SL_ORIGINAL)
		tcp->scale = (uint8_t)((tcp->scale & 0xf0) | scale);
	else
		tcp->scale = (uint8_t)((tcp->scale & 0x0f) | scale << 4);
}

/* A SYN or SYN/ACK tells everything about its sender. */
static void init_sender(struct sl_tcp *tcp, const struct sl_tcp_segment *s)
{
	enum sl_dir from = s->dir, to = !s->dir;

	tcp->end[from] = tcp->max_end[from] = s->end;
	tcp->max_win[from] = s->window ? s->window : 1;
	if (s->options.any) { /* none at all: what an earlier SYN said still holds */
		tcp->flags[from] = (uint8_t)((tcp->flags[from] & SL_TCPF_LIBERAL) | s->options.flags);
		sl__tcp_set_scale(tcp, from, s->options.scale);
	}
	/* Both sides must offer scaling for either to use it (RFC 7323 2.2). */
	if (from == SL_REPLY && !(tcp->flags[from] & tcp->flags[to] & SL_TCPF_SCALES))
		tcp->scale = 0;
}

/* The connection began before us: take what this segment tells. */
static void init_from_middle(struct sl_tcp *tcp, const struct sl_tcp_segment *s, uint32_t sack)
{
	enum sl_dir from = s->dir, to = !s->dir;
	uint32_t window = s->window << sl__tcp_scale(tcp, from);

	tcp->end[from] = s->end;
	tcp->max_win[from] = window ? window : 1;
	tcp->max_end[from] = s->end + tcp->max_win[from];
	if (tcp->max_win[to] == 0)
		tcp->end[to] = tcp->max_end[to] = sack; /* nothing seen from there yet */
	else if (sack == tcp->end[to] + 1)
		tcp->end[to]++; /* answers a keep-alive that we did not count */
}

/* Out of window: what that means, unless windows are not to be taken seriously here. */
static enum sl_window refuse(const struct sl_track *t, const struct sl_conn *conn, enum sl_dir from,
	enum sl_window result, enum sl_reason reason, enum sl_reason *why)
{
	if (conn->l4.tcp.flags[from] & SL_TCPF_LIBERAL || t->set.tcp_be_liberal ||
		conn->flags & SL_CONN_LIBERAL)
		return SL_WINDOW_OK;
	*why = reason;
	return result;
}

/*
 * Beyond the window by less than a window, and right otherwise: some senders do that. If a
 * rule lets it pass its receiver may acknowledge it, so it counts as sent.
 */
static bool slightly_over(const struct sl_tcp *tcp, const struct sl_tcp_segment *s, uint32_t sack)
{
	enum sl_dir from = s->dir, to = !s->dir;
	uint32_t over = s->end - tcp->max_end[from] + 1;

	return tcp->max_win[to] && sl__seq_after(s->end, tcp->end[from] - tcp->max_win[to] - 1) &&
	       sl__seq_after(sack, tcp->end[to] - sl__tcp_ack_window(tcp, from) - 1) &&
	       over <= tcp->max_win[to] && sl__seq_before(sack, tcp->end[to] + 1);
}

/* What we know of the sender before its segment is judged. True: it is fine without. */
static bool prepare(struct sl_conn *conn, const struct sl_tcp_segment *s, uint32_t sack)
{
	struct sl_tcp *tcp = &conn->l4.tcp;
	uint8_t flags = s->parsed->tcp_flags;

	if (tcp->max_win[s->dir] == 0) {
		if (!(flags & SL_SYN)) {
			init_from_middle(tcp, s, sack);
			return false;
		}
		init_sender(tcp, s);
		return !(flags & SL_ACK); /* simultaneous open */
	}
	if (flags & SL_SYN && sl__seq_after(s->end, tcp->end[s->dir]) &&
		(conn->state == SL_TCP_SYN_SENT || conn->state == SL_TCP_SYN_RECV)) {
		init_sender(tcp, s); /* begins anew, with other numbers */
		return s->dir == SL_REPLY && !(flags & SL_ACK);
	}
	return false;
}

enum sl_window sl__tcp_window(struct sl_track *t, struct sl_conn *conn,
	const struct sl_tcp_segment *s, enum sl_reason *why)
{
	struct sl_tcp *tcp = &conn->l4.tcp;
	enum sl_dir from = s->dir, to = !s->dir;
	uint8_t flags = s->parsed->tcp_flags;
	uint32_t seq = s->seq, end = s->end, ack = s->ack, sack = ack;

	if (tcp->flags[to] & SL_TCPF_SACK && s->options.has_sack && sl__seq_after(s->options.sack, sack))
		sack = s->options.sack;
	if (conn->flags & SL_CONN_EDITED) {
		sack -= (uint32_t)t->upper->seq_offset(t, conn, to, sack);
		ack -= (uint32_t)t->upper->seq_offset(t, conn, to, ack);
	}
	if (prepare(conn, s, sack))
		return SL_WINDOW_OK;
	if (!(flags & SL_ACK) || (flags & SL_RST && ack == 0))
		ack = sack = tcp->end[to]; /* no ACK, or a stack that leaves it empty in an RST */
	if (flags & SL_RST && seq == 0 && conn->state == SL_TCP_SYN_SENT)
		seq = end = tcp->end[from]; /* answers a SYN */

	if (!sl__seq_before(seq, tcp->max_end[from] + 1)) {
		if (slightly_over(tcp, s, sack)) {
			tcp->end[from] = end;
			tcp->flags[from] |= SL_TCPF_UNACKED;
			return refuse(t, conn, from, SL_WINDOW_IGNORE, SL_WHY_TCP_SEQ_OVER, why);
		}
		return refuse(t, conn, from, SL_WINDOW_INVALID, SL_WHY_TCP_SEQ_OVER, why);
	}
	if (!sl__seq_before(sack, tcp->end[to] + 1))
		return refuse(t, conn, from, SL_WINDOW_INVALID, SL_WHY_TCP_ACK_OVER, why);
	if (tcp->max_win[to] && !sl__seq_after(end, tcp->end[from] - tcp->max_win[to] - 1))
		return refuse(t, conn, from, SL_WINDOW_IGNORE, SL_WHY_TCP_SEQ_UNDER, why);
	if (!sl__seq_after(sack, tcp->end[to] - sl__tcp_ack_window(tcp, from) - 1))
		return refuse(t, conn, from, SL_WINDOW_IGNORE, SL_WHY_TCP_ACK_UNDER, why);
	sl__tcp_learn(tcp, s, end, ack, sack);
	return SL_WINDOW_OK;
}
