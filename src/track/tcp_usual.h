/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tracking does for the usual segment of an open TCP connection: an ACK, with or without data, within
 * the window. It is the part of tcp_window.c and tcp.c that nearly every segment needs and nothing else, in
 * line, for the engine's short path (src/engine/established.c); what both ways do stands here once.
 * tests/unit/tcp.c holds the short way against the long one.
 */
#ifndef SL_TRACK_TCP_USUAL_H
#define SL_TRACK_TCP_USUAL_H

#include "base/wire.h"
#include "track/tcp.h"

/* ---- what both ways do ----------------------------------------------------------------------- */

#define SL_TCP_ACK_WINDOW_MIN 66000u /* van Rooij's MAXACKWINDOW: an unscaled window and a little */

static inline uint32_t sl__tcp_ack_window(const struct sl_tcp *tcp, enum sl_dir from)
{
	return tcp->max_win[from] > SL_TCP_ACK_WINDOW_MIN ? tcp->max_win[from]
	                                                  : SL_TCP_ACK_WINDOW_MIN;
}

SL_INLINE void sl__tcp_count_retransmissions(
        struct sl_tcp *tcp, const struct sl_tcp_segment *s, uint32_t ack)
{
	uint16_t window = s->parsed->window;

	if (s->kind != SL_KIND_ACK)
		return;
	if (tcp->last_seq == s->seq && tcp->last_ack == ack && tcp->last_end == s->end &&
	        tcp->last_win == window && tcp->last_dir == (unsigned)s->dir) {
		tcp->retrans++;
		return;
	}
	tcp->last_dir = s->dir & 1u;
	tcp->last_seq = s->seq;
	tcp->last_ack = ack;
	tcp->last_end = s->end;
	tcp->last_win = window;
	tcp->retrans = 0;
}

/* The segment is in the window: what it tells about both sides. */
SL_INLINE void sl__tcp_learn(struct sl_tcp *tcp, const struct sl_tcp_segment *s, uint32_t end,
        uint32_t ack, uint32_t sack)
{
	enum sl_dir from = s->dir, to = (enum sl_dir)(from ^ 1u);
	uint32_t window = s->window;

	if (!(s->parsed->tcp_flags & SL_SYN))
		window <<= sl__tcp_scale(tcp, from);
	if (tcp->max_win[from] < window + (sack - ack))
		tcp->max_win[from] = window + (sack - ack);
	if (sl__seq_after(end, tcp->end[from])) {
		tcp->end[from] = end;
		tcp->flags[from] |= SL_TCPF_UNACKED;
	}
	if (s->parsed->tcp_flags & SL_ACK &&
	        (!(tcp->flags[from] & SL_TCPF_MAX_ACK) || sl__seq_after(ack, tcp->max_ack[from]))) {
		tcp->max_ack[from] = ack;
		tcp->flags[from] |= SL_TCPF_MAX_ACK;
	}
	if (sl__seq_after(end, tcp->max_end[from]) && tcp->max_win[to])
		tcp->max_win[to] += end - tcp->max_end[from];
	if (sl__seq_after(sack + window, tcp->max_end[to] - 1)) {
		tcp->max_end[to] = sack + window;
		if (window == 0)
			tcp->max_end[to]++; /* a window probe is allowed */
	}
	if (ack == tcp->end[to])
		tcp->flags[to] &= (uint8_t)~SL_TCPF_UNACKED;
	sl__tcp_count_retransmissions(tcp, s, ack);
}

/* How long it lives on in this state after a packet of this kind, s. */
SL_INLINE uint32_t sl__tcp_timeout(
        const struct sl_track *t, const struct sl_conn *conn, uint8_t state, enum sl_tcp_kind kind)
{
	const struct sl_tcp *tcp = &conn->l4.tcp;
	const uint32_t *timeout = sl__timeouts(t, conn)->tcp;
	uint32_t normal = timeout[state];

	if (tcp->retrans >= t->set.tcp_max_retrans && normal > timeout[SL_TCP_RETRANS])
		return timeout[SL_TCP_RETRANS];
	if (kind == SL_KIND_RST)
		return timeout[SL_TCP_CLOSE];
	if ((tcp->flags[0] | tcp->flags[1]) & SL_TCPF_UNACKED && normal > timeout[SL_TCP_UNACK])
		return timeout[SL_TCP_UNACK];
	if (tcp->last_win == 0 && normal > timeout[SL_TCP_RETRANS])
		return timeout[SL_TCP_RETRANS];
	return normal;
}

/* ---- the short way --------------------------------------------------------------------------- */

/*
 * The window, where nothing is edited and no option matters. True: within it, and counted. False: nothing
 * was changed, sl__tcp_window() has to be asked.
 */
SL_INLINE bool sl__tcp_window_usual(struct sl_tcp *tcp, enum sl_dir from, uint32_t seq,
        uint32_t end, uint32_t ack, uint16_t window)
{
	/* Only what sl__tcp_learn() reads; the compiler keeps it in registers. */
	const struct sl_parsed parsed = {.tcp_flags = SL_ACK, .window = window};
	const struct sl_tcp_segment s = {.parsed = &parsed,
	        .seq = seq,
	        .ack = ack,
	        .end = end,
	        .window = window,
	        .kind = SL_KIND_ACK,
	        .dir = from};
	enum sl_dir to = (enum sl_dir)(from ^ 1u);

	if (!tcp->max_win[from] || !tcp->max_win[to] ||
	        !sl__seq_before(seq, tcp->max_end[from] + 1) ||
	        !sl__seq_before(ack, tcp->end[to] + 1) ||
	        !sl__seq_after(end, tcp->end[from] - tcp->max_win[to] - 1) ||
	        !sl__seq_after(ack, tcp->end[to] - sl__tcp_ack_window(tcp, from) - 1))
		return false;
	sl__tcp_learn(tcp, &s, end, ack, ack);
	return true;
}

/*
 * Such a segment, whose headers were checked: `size` bytes from l4 on, payload and all. The
 * conn is in state SL_TCP_ESTABLISHED. False: nothing was done.
 */
SL_INLINE bool sl__tcp_usual(
        struct sl_track *t, struct sl_conn *conn, enum sl_dir dir, const uint8_t *l4, uint32_t size)
{
	/* PSH, ECE and CWR change nothing; URG is for the long way. */
	const unsigned flags = SL_FIN | SL_SYN | SL_RST | SL_ACK | SL_URG, offset = 0xf000;
	/* NOP, NOP, timestamp of 10 bytes (RFC 7323 appendix A): what nearly every segment carries. */
	const uint32_t timestamp_alone = 0x0101080au;
	struct sl_tcp *tcp = &conn->l4.tcp;
	unsigned is = sl_get16(l4 + 12) & (flags | offset), header = 20;
	uint32_t seq = sl_get32(l4 + 4);

	if (is != (5u << 12 | SL_ACK)) {
		if (is != (8u << 12 | SL_ACK) || sl_get32(l4 + 20) != timestamp_alone)
			return false;
		header = 32;
	}
	if (!sl__tcp_window_usual(
	            tcp, dir, seq, seq + size - header, sl_get32(l4 + 8), sl_get16(l4 + 14)))
		return false;
	tcp->last_kind = SL_KIND_ACK;
	tcp->last_dir = dir & 1u;
	sl__conn_extend(t, conn, sl__tcp_timeout(t, conn, SL_TCP_ESTABLISHED, SL_KIND_ACK) * 1000);
	return true;
}

/* ---- a beginning ------------------------------------------------------------------------------ */

/*
 * A SYN (SYN, ECE and CWR only) opens conn, which is fresh: what tcp.c and tcp_window.c come to for it. The
 * other side has said nothing yet; it may send as much as this window takes, or a probe.
 */
SL_INLINE void sl__tcp_begin(struct sl_track *t, struct sl_conn *conn, const struct sl_packet *p,
        const struct sl_parsed *parsed)
{
	const uint32_t window = parsed->window ? parsed->window : 1;
	struct sl_tcp *tcp = &conn->l4.tcp;
	struct sl_tcp_options options;

	tcp->end[SL_ORIGINAL] = parsed->seq + (parsed->len - parsed->payload) + 1;
	tcp->max_end[SL_ORIGINAL] = tcp->end[SL_ORIGINAL];
	tcp->max_win[SL_ORIGINAL] = tcp->max_end[SL_REPLY] = window;
	if (parsed->payload != parsed->l4 + 20) {
		sl__tcp_options(p, parsed, &options);
		tcp->flags[SL_ORIGINAL] = options.flags;
		tcp->scale = options.scale;
	}
	tcp->last_kind = SL_KIND_SYN;
	conn->state = SL_TCP_SYN_SENT;
	conn->deadline = t->now_ms + sl__tcp_timeout(t, conn, SL_TCP_SYN_SENT, SL_KIND_SYN) * 1000;
	sl__conn_note(t, conn, SL_PENDING_STATE);
}

#endif
