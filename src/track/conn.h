/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connection (conn): 128 bytes with IPv4, 192 with IPv6, plus its share of the index.
 *
 * It is laid out by cache lines, each with what is needed together:
 *
 *	line 0	all that a packet of an established UDP flow over IPv4 reads or writes
 *	line 1	what TCP knows of its two sides; timer links
 *	line 2	IPv6 only: the addresses
 *
 * There are four addresses of 4 or 16 bytes: original source and destination, reply source
 * and destination, in the order in which they stand in a packet. Everything rare (master,
 * helper, expectations, edit logs, counter overflow) is in one extension, named by `ext` and
 * only there when needed.
 *
 * A conn is named by a 32-bit reference: slab reference << 1 | is IPv6. 0: none.
 *
 * Life: sl__conn_new() (in no table, SL_CONFIRMED not set: only the packet knows it)
 *       -> sl__conn_confirm() (its first packet is leaving: in the index, timed, an event)
 *       -> sl__conn_kill() (an event; gone). An unconfirmed conn ends by sl__conn_drop().
 */
#ifndef SL_TRACK_CONN_H
#define SL_TRACK_CONN_H

#include <assert.h>
#include <stddef.h>

#include "base/wheel.h"
#include "track/parse.h"

/*
 * TCP: what is known of each direction's sender [dir]; sequence numbers as that sender
 * writes them (before any edit of ours).
 *   end      highest sequence number it sent, plus 1
 *   max_end  highest it may send: the ACK and window it was given
 *   max_win  largest window it announced, scaled
 *   max_ack  highest ACK it sent
 */
struct sl_tcp {
	uint32_t end[2], max_end[2], max_win[2], max_ack[2];
	uint8_t flags[2]; /* enum sl_tcp_side_flag (src/track/tcp.h) */
	uint8_t scale;    /* window scales: original in the low, reply in the high nibble */
	uint8_t retrans;  /* retransmissions in a row */
	uint32_t last_seq, last_ack, last_end; /* of the last packet, to know it again */
	uint16_t last_win;
	uint8_t last_kind : 3; /* which sort of packet it was (src/track/tcp.c) */
	uint8_t last_dir : 1;
	uint8_t last_scale : 4; /* of a SYN that may have reopened the connection ... */
	uint8_t last_flags;     /* ... and its options */
};

struct sl_udp {
	uint32_t stream_ms; /* when it counts as a stream: engine ms */
};

struct sl_sctp {
	uint32_t tag[2];       /* what dir's packets must carry; 0: not known yet */
	uint8_t init[2];       /* dir sent an INIT */
	uint8_t last_dir : 1;  /* of the heartbeat below */
	bool heartbeat_failed; /* one passed with another tag */
};

/* GRE: its file says what it keeps here. */
struct sl_l4_words {
	uint32_t word[13];
};

/* sl_conn.flags: the core's own, not shown outside. */
enum sl_conn_flag {
	SL_CONN_IPV6 = 1,      /* addresses are 16 bytes */
	SL_CONN_UNREPLIED = 2, /* in the list of those evicted first; reply counters are links */
	SL_CONN_WATCHED = 4,   /* a helper reads its payload */
	SL_CONN_EDITED = 8,    /* has an edit log: sequence numbers are moved */
	SL_CONN_OFFLOADED = 16,
	SL_CONN_LIBERAL = 32,       /* window checks are liberal from now on (back from offload) */
	SL_CONN_ZONE_ORIGINAL = 64, /* zone counts in the original direction ... */
	SL_CONN_ZONE_REPLY = 128,   /* ... in the reply direction */
};

/* Events that wait until the packet is accepted (the kernel's IPCT_*), in sl_conn.pending. */
enum sl_pending {
	SL_PENDING_NEW = 1,
	SL_PENDING_RELATED = 2,
	SL_PENDING_SEQADJ = 4,
	SL_PENDING_REPLY = 8,
	SL_PENDING_ASSURED = 16,
	SL_PENDING_STATE = 32, /* protocol info */
	SL_PENDING_HELPER = 64,
	SL_PENDING_MARK = 128,
};

/* sl_conn.status: not shown outside. Bits that the kernel's IPS_* do not use for conns. */
#define SL_STATUS_FOLLOWS_INTERFACE                                                                \
	(1 << 15)                    /* masqueraded: ends when the interface loses the address */
#define SL_STATUS_IMPORTED (1 << 12) /* its id is stored, since it was given elsewhere (ids.h) */
#define SL_STATUS_OPENED   (1 << 11) /* a device sees it through its beginning (sl_offload.open) */
#define SL_STATUS_INNER    (SL_STATUS_FOLLOWS_INTERFACE | SL_STATUS_IMPORTED | SL_STATUS_OPENED)

struct sl_conn {
	struct {
		uint16_t sport, dport;
	} port[2];       /* of tuple[SL_ORIGINAL], [SL_REPLY] */
	uint16_t status; /* enum sl_status, SL_STATUS_... */
	uint16_t zone;
	uint8_t proto;
	uint8_t flags;     /* enum sl_conn_flag */
	uint8_t state;     /* L4 state; TCP: enum sl_tcp_state */
	uint8_t pending;   /* enum sl_pending */
	uint32_t deadline; /* engine ms */
	uint32_t ext;      /* reference of its struct sl_ext; 0: none */
	union {
		struct {
			uint32_t packets, bytes; /* low 32 bits; the rest is in the extension */
		};
		struct {
			uint32_t older,
			        newer; /* [SL_REPLY] while SL_CONN_UNREPLIED: list of those */
		};
	} count[2];
	uint32_t mark;
	uint16_t generation; /* tells it from others that had its reference (ids.h) */
	uint8_t route[2];    /* the engine's: number of that direction's known route; 0: none */
	union {
		uint8_t addr4[16]; /* IPv4: the four addresses */
		uint16_t sum6;     /* IPv6: sl__conn_sum6(), once it is confirmed */
	};
	/* ---- line 1 ---- */
	struct sl_wheel_link link; /* timer wheel */
	uint32_t self;             /* its own reference */
	union {
		struct sl_tcp tcp;
		struct sl_udp udp;
		struct sl_sctp sctp;
		struct sl_l4_words words;
	} l4;
	/* ---- line 2, IPv6 only ---- */
	uint8_t addr6[]; /* the four addresses */
};
#define SL_CONN_SIZE_IPV4 128
#define SL_CONN_SIZE_IPV6 192
static_assert(sizeof(struct sl_tcp) == 52, "TCP state outgrew its budget");
static_assert(
        offsetof(struct sl_conn, addr4) == 48, "line 0 of the conn is not what it was made to be");
static_assert(
        offsetof(struct sl_conn, link) == 64, "line 1 of the conn does not begin a cache line");
static_assert(offsetof(struct sl_conn, addr6) == 128, "the conn outgrew its budget");

/* The address of a conn: dir's source (end 0) or destination (end 1), as stored. */
static inline const uint8_t *sl__conn_addr(
        const struct sl_conn *conn, enum sl_dir dir, unsigned end)
{
	unsigned i = (unsigned)dir * 2 + end;

	return conn->flags & SL_CONN_IPV6 ? conn->addr6 + i * 16 : conn->addr4 + i * 4;
}

static inline bool sl__conn_is_v6(const struct sl_conn *conn)
{
	return conn->flags & SL_CONN_IPV6;
}

/* One direction's tuple, built from what is stored; and stored from a tuple. */
void sl__conn_tuple(const struct sl_conn *conn, enum sl_dir dir, struct sl_tuple *out);
void sl__conn_set_tuple(struct sl_conn *conn, enum sl_dir dir, const struct sl_tuple *tuple);
/*
 * What translating the addresses of an original packet adds to a checksum (base/checksum.h: sums in the
 * machine's order); to that of a reply, its complement. IPv6 only; never 0.
 */
uint16_t sl__conn_sum6(const struct sl_conn *conn);

#endif
