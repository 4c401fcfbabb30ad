/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SL_TRACK_TCP_H
#define SL_TRACK_TCP_H

#include "track/track.h"

/* sl_tcp.flags[dir]: what the sender of that direction said or did. The values are the kernel's. */
enum sl_tcp_side_flag {
	SL_TCPF_SCALES = 1,	   /* sent the window scale option */
	SL_TCPF_SACK = 2,	   /* sent SACK-permitted */
	SL_TCPF_CLOSED_FIRST = 4,  /* sent the first FIN */
	SL_TCPF_LIBERAL = 8,	   /* its window is not checked (picked up in mid-stream) */
	SL_TCPF_UNACKED = 16,	   /* data of it is not acknowledged yet */
	SL_TCPF_MAX_ACK = 32,	   /* max_ack is set */
	SL_TCPF_CHALLENGE = 64,	   /* its SYN may be answered by a challenge ACK (RFC 5961) */
	SL_TCPF_SIMULTANEOUS = 128, /* both sides sent a SYN */
};

/* Serial numbers (RFC 1982): a is before, after b. */
static inline bool sl__seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool sl__seq_after(uint32_t a, uint32_t b)
{
	return (int32_t)(b - a) < 0; /* half the space away is both before and after */
}

/* The options of a segment that tracking reads. */
struct sl_tcp_options {
	bool any;	/* the header has room for options */
	uint8_t flags;	/* SL_TCPF_SCALES, SL_TCPF_SACK */
	uint8_t scale;	/* at most 14 (RFC 7323) */
	bool has_sack;
	uint32_t sack;	/* highest right edge of its SACK blocks */
	bool signed_;	/* MD5 (RFC 2385) or AO (RFC 5925): must never be edited */
};
void sl__tcp_options(const struct sl_packet *p, const struct sl_parsed *parsed,
	struct sl_tcp_options *out);

void sl__tcp_info(const struct sl_conn *conn, struct sl_conn_info *out);

/* tcp_window.c: is the segment within the window? Updates what is known of both sides. */
enum sl_window { SL_WINDOW_OK, SL_WINDOW_IGNORE, SL_WINDOW_INVALID };

struct sl_tcp_segment {
	const struct sl_parsed *parsed;
	struct sl_tcp_options options;
	uint32_t seq, ack, end;	/* end: seq + payload + SYN + FIN */
	uint32_t window;
	uint8_t kind;		/* enum sl_tcp_kind */
	enum sl_dir dir;
};
enum sl_tcp_kind { SL_KIND_NONE, SL_KIND_SYN, SL_KIND_SYN_ACK, SL_KIND_FIN, SL_KIND_ACK, SL_KIND_RST };

enum sl_window sl__tcp_window(struct sl_track *t, struct sl_conn *conn,
	const struct sl_tcp_segment *s, enum sl_reason *why);
static inline uint8_t sl__tcp_scale(const struct sl_tcp *tcp, enum sl_dir dir)
{
	return tcp->scale >> dir * 4 & 15;
}
void sl__tcp_set_scale(struct sl_tcp *tcp, enum sl_dir dir, uint8_t scale);

#endif
