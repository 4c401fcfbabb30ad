/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libsluice: connection tracking, NAT and protocol helpers. Packets in, verdicts
 * and edits out; no I/O, no clock, no threads and no global state inside.
 *
 * What holds everywhere in this header:
 *
 *   NULL       is not accepted where an object is asked for, except by *_destroy().
 *   Ownership  `const struct` arguments are read during the call and copied where
 *              needed, except tables of operations, which must outlive the engine.
 *              What a find or a callback hands out is borrowed: valid until the next
 *              call that can change the engine.
 *   Memory     every byte comes from sl_env.mem and goes back at sl_engine_destroy().
 *   Threads    one engine belongs to one thread at a time. Engines share nothing.
 *   Time       `now` is monotonic nanoseconds from any origin; a step backwards
 *              counts as standing still. Timeouts are kept to a millisecond.
 *   Order      the size of a batch never changes an outcome.
 *   Callbacks  must not call back into the engine that calls them.
 *
 * A minimal embedder:
 *
 *	struct sl_config config;
 *	sl_config_init(&config);
 *	struct sl_engine *engine = sl_engine_create(&config, &my_env);
 *	...
 *	sl_input(engine, packets, n, now);     // then look at packets[i].verdict
 *	sl_clock(engine, now, 0);              // at least at sl_deadline()
 */
#ifndef SLUICE_H
#define SLUICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/export.h>
#include <sluice/mem.h>
#include <sluice/reason.h>
#include <sluice/tuple.h>

struct sl_engine;
struct sl_conn;
struct sl_expect;
struct sl_policy;
struct sl_helper;

/* ---- packets ------------------------------------------------------------------------------ */

enum sl_verdict {
	SL_NONE = 0, /* not looked at yet */
	SL_ACCEPT, /* send it on (as it is now) to out_if, or to the local stack if `to` says so */
	SL_DROP,   /* free it; reason says why */
	SL_QUEUED, /* the engine keeps it: a fragment waiting for the others */
	SL_HELD,   /* the engine keeps it: part of a message, until the rest comes */
	SL_TAKEN,  /* the engine keeps it: what comes of it goes out by emit() */
	SL_HANDOVER, /* belongs to the engine of shard `shard`: pass it to that one, unchanged */
};

/* Where a packet comes from, and so which hooks it passes. */
enum sl_from {
	SL_FROM_WIRE = 0, /* an interface: prerouting, then input or forward + postrouting */
	SL_FROM_LOCAL,    /* a local program: output + postrouting */
};

/* Where it goes, as the route said. */
enum sl_to { SL_TO_FORWARD = 0, SL_TO_LOCAL };

/* What the packet is to its connection (the field's word: ctinfo). */
enum sl_ctstate {
	SL_CT_NONE = 0, /* not classified (dropped before, or a fragment that waits) */
	SL_CT_INVALID,
	SL_CT_UNTRACKED,
	SL_CT_NEW,
	SL_CT_ESTABLISHED,
	SL_CT_RELATED,
};

/* How far the transport checksum can be trusted. */
enum sl_csum {
	SL_CSUM_NONE = 0, /* nobody has looked */
	SL_CSUM_CHECKED,  /* known to be right */
	SL_CSUM_PARTIAL,  /* holds the folded pseudo-header sum; hardware adds the rest; stays so */
};

enum sl_gso { SL_GSO_NONE = 0, SL_GSO_TCP, SL_GSO_UDP };

/*
 * What one shard tells the next when it hands a packet over (SL_HANDOVER): to be given on as it
 * is, and zero before. `times` keeps packets from going round; the rest is the destination NAT
 * that was decided already.
 */
struct sl_handed {
	uint8_t times;
	bool translated;
	uint16_t port;
	struct sl_addr addr;
};

/*
 * A packet, lent to the engine for the call; the engine never touches bytes outside
 * [data - headroom, data + len + tailroom). Set everything above the line; 0 is a
 * valid value for all but data and len.
 */
struct sl_packet {
	void *handle;            /* the embedder's mbuf, skb, frame ...; never looked at */
	uint8_t *data;           /* the IP header */
	uint32_t len;            /* bytes from there, link padding allowed */
	uint32_t headroom;       /* writable bytes before data ... */
	uint32_t tailroom;       /* ... and behind data + len */
	uint32_t in_if;          /* interface index it came in by; 0: none (local) */
	uint32_t vrf;            /* routing domain */
	uint32_t mark;           /* packet mark; rules read and write it */
	uint16_t zone;           /* conntrack zone, unless a rule sets one */
	uint16_t gso_size;       /* payload bytes a segment, for gso other than SL_GSO_NONE */
	uint8_t gso;             /* enum sl_gso */
	uint8_t csum;            /* enum sl_csum */
	uint8_t from;            /* enum sl_from */
	uint8_t cast;            /* enum sl_cast: link-layer broadcast or multicast */
	bool inside;             /* it came from the inside; matters with several shards only */
	struct sl_handed handed; /* by SL_HANDOVER; else zero */
	/* ---- set by the engine ---- */
	uint8_t verdict;      /* enum sl_verdict */
	uint8_t to;           /* enum sl_to */
	uint8_t state;        /* enum sl_ctstate */
	uint8_t dir;          /* enum sl_dir, where state says NEW, ESTABLISHED or RELATED */
	uint16_t reason;      /* enum sl_reason; SL_WHY_NONE when accepted without comment */
	uint16_t shard;       /* SL_HANDOVER: to whom */
	uint16_t mtu;         /* of the route */
	uint8_t altered;      /* a byte of it was changed */
	uint8_t beyond;       /* enum sl_beyond: decided knowingly otherwise than Linux */
	uint32_t out_if;      /* the route's answer */
	struct sl_conn *conn; /* its connection, borrowed; NULL: none */
};

/* Link-layer destination, as the embedder saw it. */
enum sl_cast { SL_CAST_HOST = 0, SL_CAST_BROADCAST, SL_CAST_MULTICAST, SL_CAST_OTHER };

/* enum sl_beyond stands in <sluice/reason.h>. */
SL_EXPORT const char *sl_beyond_name(enum sl_beyond beyond);

/* ---- the embedder's side -------------------------------------------------------------------- */

/* A question to the routing table ... */
struct sl_route_query {
	struct sl_addr dst, src;
	uint32_t in_if, vrf, mark;
	uint8_t family; /* enum sl_family */
	uint8_t proto;
	uint8_t from; /* enum sl_from */
	/*
	 * For `redirect`: `source` shall be the first address of interface in_if, whatever leads to dst. Who does
	 * not look at this answers with the address towards dst, the sender: the same where each has one address.
	 */
	bool first_address;
};

/* ... and the answer. */
struct sl_route {
	enum sl_route_kind {
		SL_ROUTE_NONE, /* nothing leads there: answered with network unreachable */
		SL_ROUTE_FORWARD,
		SL_ROUTE_LOCAL,
		SL_ROUTE_BROADCAST,   /* local too; never answered with an error */
		SL_ROUTE_UNREACHABLE, /* answered with host unreachable */
		SL_ROUTE_PROHIBIT,    /* answered with administratively prohibited */
		SL_ROUTE_BLACKHOLE,   /* dropped silently: martian addresses, black holes */
	} kind;
	uint32_t out_if;
	uint16_t mtu;     /* 0: 65535 */
	uint8_t prefix;   /* length of the connected prefix that dst lies in (a group: that of the
	                     network it is sent to, if that is known); 0: behind a router */
	bool inside;      /* it leads to the inside: for several shards, see sl_home() */
	bool nat_address; /* source NAT gives out dst, though it is not local: the same */
	bool has_source;
	struct sl_addr source; /* the gateway's own address on out_if: masquerade, ICMP errors */
};

enum sl_event_type {
	SL_EVENT_NEW = 1,
	SL_EVENT_UPDATE,
	SL_EVENT_DESTROY,
	SL_EVENT_EXPECT_NEW,
	SL_EVENT_EXPECT_DESTROY,
	SL_EVENT_LOG, /* a rule's log statement, or a helper's remark: see text */
};

struct sl_event {
	enum sl_event_type type;
	const struct sl_conn *conn;     /* NEW, UPDATE, DESTROY; LOG: may be NULL */
	const struct sl_expect *expect; /* EXPECT_* */
	const struct sl_packet *packet; /* what caused it; NULL: a timeout or a call */
	enum sl_reason why;             /* DESTROY, EXPECT_DESTROY; LOG: may be NONE */
	enum sl_beyond beyond;
	bool state_changed; /* NEW, UPDATE: the L4 state is news */
	const char *text;   /* LOG: not NUL-terminated */
	size_t text_len;
	uint64_t sequence; /* counts this engine's events, from 1 */
	uint64_t now;
};

/*
 * One step of a packet's way, for `explain`; costs nothing while env.trace is NULL.
 * `step` is a short stable word: "fragment", "lookup", "expect-met", "expect-miss", "icmp-error",
 * "invalid", "tcp" (and "udp", "sctp": what the protocol's tracker made of it), "rule", "nat",
 * "route", "helper", "held", "answer" (of our own), "offload", "handover", "drop". `text` is a
 * sentence. Both are valid during the call only.
 */
struct sl_trace {
	const struct sl_packet *packet; /* may be NULL */
	const struct sl_conn *conn;     /* may be NULL */
	const char *step;
	const char *text;
	size_t text_len;
};

/* ---- offload --------------------------------------------------------------------------------- */

/*
 * How a device is to treat the plain packets of one direction of a connection: what looks like
 * `match` and came in by in_if gets the addresses and ports of `become` (checksums updated),
 * one hop less if count_hop, and leaves by out_if.
 */
struct sl_rewrite {
	struct sl_tuple match, become;
	uint32_t in_if, vrf, mark;
	uint32_t out_if;
	uint16_t zone;
	uint16_t mtu;
	bool count_hop;
};

/* What it did since it was asked last; last_seen is the time of the last packet, 0: none came. */
struct sl_offload_counts {
	uint64_t packets[2], bytes[2]; /* IP bytes, as they came in */
	uint64_t last_seen;            /* ns, on the engine's clock */
};

/*
 * A device that forwards established connections by itself (eBPF, rte_flow, a NIC). What it must
 * leave to the engine, put in unchanged: anything with TCP's SYN, FIN or RST or without its ACK, IPv4 options or
 * IPv6 extension headers, fragments, hop count 1 or less if count_hop, longer than mtu (segments
 * of a super-packet count), lengths that contradict each other, and ICMP.
 */
struct sl_opening {
	uint32_t next_seq; /* the sender's next sequence number; what its SYN's answer acknowledges */
	uint32_t window;   /* what the SYN offered, bytes */
};

struct sl_offload {
	void *ctx; /* first argument of all */
	/* rewrite[SL_ORIGINAL], [SL_REPLY] are copied. False: no room; offered again some packets later. */
	bool (*add)(void *ctx, const struct sl_conn *conn, uint64_t id,
	        const struct sl_rewrite rewrite[2]);
	/*
	 * NULL, or: a SYN has just opened this connection, and is about to be let through. A device may see it
	 * through its beginning: forward what is next in order (see bpf/opening.bpf.h for what that is), with
	 * SYN, FIN and RST, and put a copy of each such packet's headers into the engine afterwards, before
	 * anything that came later; what becomes of the copy is of no account. conn is valid until
	 * remove(), or sl_offload_offer() says false, which it is to be asked after a while.
	 * False: the engine does that.
	 */
	bool (*open)(void *ctx, struct sl_conn *conn, uint64_t id,
	        const struct sl_rewrite rewrite[2], const struct sl_opening *opening);
	/* No packet is forwarded by it any more. poll() has been called before. */
	void (*remove)(void *ctx, uint64_t id);
	void (*poll)(void *ctx, uint64_t id, struct sl_offload_counts *out);
	/*
	 * Nothing that was added so far may be used any more; remove() of each follows in time,
	 * until then poll() still knows it. NULL: each is removed at once, which takes long.
	 */
	void (*revoke)(void *ctx);
};

/*
 * What the embedder does for the engine. mem, seed and route are needed; the others
 * may be NULL, and then what needs them is refused with SL_WHY_KEEP_FAILED (keep,
 * grow, contiguous, alloc, emit) or silently not reported (event, trace).
 */
struct sl_env {
	struct sl_mem mem;
	void *ctx;        /* first argument of all below */
	uint8_t seed[32]; /* random bytes; equal seeds make equal choices */

	/* Where does it go? Must fill *answer. Answers are remembered until sl_routes_changed(). */
	void (*route)(void *ctx, const struct sl_route_query *query, struct sl_route *answer);

	/* Make the first `len` bytes (all, for len == p->len) lie together at p->data. */
	bool (*contiguous)(void *ctx, struct sl_packet *p, uint32_t len);
	/* Make at least that much room; data may move. */
	bool (*grow)(void *ctx, struct sl_packet *p, uint32_t headroom, uint32_t tailroom);
	/*
	 * A fresh packet of len bytes with head- and tailroom >= 64, owned by the engine. With
	 * alloc, free and emit the engine also answers what it does not let through (ICMP
	 * errors, resets): from the address that route() gives for the way back, asked with
	 * from SL_FROM_LOCAL and in_if 0. Such packets have been through the output and
	 * postrouting hooks; `to` says whether they leave or are for the gateway itself.
	 */
	bool (*alloc)(void *ctx, struct sl_packet *p, uint32_t len);
	/*
	 * The engine takes ownership of p (verdict SL_QUEUED, SL_HELD or SL_TAKEN): its bytes
	 * must stay. *p may be changed to name a copy. Kept packets end in free() or emit().
	 */
	bool (*keep)(void *ctx, struct sl_packet *p);
	void (*free)(void *ctx, struct sl_packet *p);
	/*
	 * Send a packet that the engine owns; the embedder owns it afterwards. Called in the
	 * order of the wire: what is emitted while sl_input() works on packet i goes out after
	 * packet i. `cause` is packet i, or NULL when the clock was the cause.
	 */
	void (*emit)(void *ctx, struct sl_packet *p, const struct sl_packet *cause);

	const struct sl_offload *offload; /* NULL: every packet is the engine's */

	void (*event)(void *ctx, const struct sl_event *event);
	void (*trace)(void *ctx, const struct sl_trace *trace);
};

/* ---- the engine ----------------------------------------------------------------------------- */

struct sl_config {
	uint32_t table_max;       /* connections; nf_conntrack_max. Default 262,144 */
	uint32_t expect_max;      /* expectations in all. Default 4,096 */
	uint32_t fragment_memory; /* bytes. Default 4 MiB (ipfrag_high_thresh) */
	uint32_t stream_memory;   /* bytes that helpers' streams may hold. Default 16 MiB */
	uint16_t shards, shard;   /* this engine is number `shard` of at most 256. Default 1, 0 */
	uint16_t slab_chunk; /* objects an allocation: a power of two. Default 128; 1 for tests */
	bool forward_ttl;    /* count the TTL down and answer when it ends. Default false:
				     the embedder forwards as a router and does both */
	bool events;         /* report events. Default true; needs env.event */
	uint64_t start;      /* what `now` is at creation */
	const struct sl_policy *policy; /* <sluice/policy.h>; NULL: track all, translate nothing */
	void *policy_ctx;
	uint16_t origin; /* the upper 16 bits of ids given out here are origin + shard. Gateways
				     that exchange connections get different ones. Default 0 */
};

SL_EXPORT void sl_config_init(struct sl_config *config);

/* NULL: no memory, or a config that contradicts itself. */
SL_EXPORT struct sl_engine *sl_engine_create(
        const struct sl_config *config, const struct sl_env *env);
SL_EXPORT void sl_engine_destroy(struct sl_engine *engine);

/*
 * Put n packets through; each gets its verdict. Any n; inside they are worked on in
 * batches of up to 256.
 */
SL_EXPORT void sl_input(
        struct sl_engine *engine, struct sl_packet *packets, unsigned n, uint64_t now);

/*
 * Let time pass: timeouts, held messages, fragments. Handles at most `budget` objects
 * (0: all that is due); true if more is due. sl_input() does not expire anything but
 * what it meets, so call this at sl_deadline(), or before each batch.
 */
SL_EXPORT bool sl_clock(struct sl_engine *engine, uint64_t now, unsigned budget);

/* When sl_clock() has something to do at the earliest; UINT64_MAX: nothing is waiting. */
SL_EXPORT uint64_t sl_deadline(const struct sl_engine *engine);

/* Routes or addresses changed: remembered answers are forgotten. */
SL_EXPORT void sl_routes_changed(struct sl_engine *engine);

/* Call env.trace, or not: it costs something for every packet. At first it is called, if it is there. */
SL_EXPORT void sl_engine_trace(struct sl_engine *engine, bool on);

/*
 * Several engines (shards) serve several cores: each connection lives in one of them, and they
 * share nothing. The embedder gives each packet to the engine sl_home() names. That is a guess
 * by the packet alone; an engine that knows better says SL_HANDOVER and names another in
 * packet->shard. Then the embedder puts the packet into that one as it is, with all members
 * of struct sl_packet above the line, `handed` among them; no packet is handed over more than
 * three times. Emitted packets may carry that verdict too (fragments that waited).
 *
 * For that, packets must say whether they came from the inside, and routes whether they lead
 * there and whether they are for an address that source NAT gives out (local ones count anyway).
 * All engines of one gateway get the same seed and, each for itself, equal rules and routes. An
 * event, and what sl_conn_info() tells, has ids that differ between shards.
 *
 * sl_home() is pure: from the inside home is by the source address; from the outside by the
 * slice of public ports that the destination lies in; fragments by addresses, ICMP errors by
 * what they quote. TCP port 1723 (PPTP), GRE and protocols without ports: by the outside address.
 */
SL_EXPORT uint16_t sl_home(const struct sl_packet *packet, uint16_t shards, bool from_inside);
/* Where an inside address is at home: better for what comes to it from outside without NAT. */
SL_EXPORT uint16_t sl_home_of_address(const struct sl_addr *inside, uint16_t shards);

/*
 * A tunable by the kernel's sysctl name ("nf_conntrack_tcp_loose"); timeouts in seconds. Or an
 * option of a helper that was registered before ("ftp_loose").
 * False: no such name, or the value is out of range.
 */
SL_EXPORT bool sl_tunable_set(struct sl_engine *engine, const char *name, uint32_t value);
SL_EXPORT bool sl_tunable_get(const struct sl_engine *engine, const char *name, uint32_t *value);
/* The i-th name, or NULL behind the last. Options of helpers stand in their records. */
SL_EXPORT const char *sl_tunable_name(unsigned i);

/* ---- looking at connections ------------------------------------------------------------------ */

/* Status bits, monotone unless noted; names and values are the kernel's IPS_*. */
enum sl_status {
	SL_EXPECTED = 1 << 0,     /* opened by an expectation */
	SL_SEEN_REPLY = 1 << 1,   /* packets went both ways (cleared when a SYN reopens it) */
	SL_ASSURED = 1 << 2,      /* never evicted early */
	SL_CONFIRMED = 1 << 3,    /* its first packet has left, it is in the table */
	SL_SRC_NAT = 1 << 4,      /* the reply's destination is not the original's source */
	SL_DST_NAT = 1 << 5,      /* the reply's source is not the original's destination */
	SL_SEQ_ADJUST = 1 << 6,   /* its payload changed size: sequence numbers are moved */
	SL_SRC_NAT_DONE = 1 << 7, /* source NAT was decided (perhaps: none) */
	SL_DST_NAT_DONE = 1 << 8,
	SL_DYING = 1 << 9,
	SL_FIXED_TIMEOUT = 1 << 10,
	SL_HELPER = 1 << 13, /* a rule attached its helper */
	SL_OFFLOAD = 1 << 14,
};

enum sl_tcp_state {
	SL_TCP_NONE,
	SL_TCP_SYN_SENT,
	SL_TCP_SYN_RECV,
	SL_TCP_ESTABLISHED,
	SL_TCP_FIN_WAIT,
	SL_TCP_CLOSE_WAIT,
	SL_TCP_LAST_ACK,
	SL_TCP_TIME_WAIT,
	SL_TCP_CLOSE,
	SL_TCP_SYN_SENT2,
	SL_TCP_STATE_COUNT
};

enum sl_sctp_state {
	SL_SCTP_NONE,
	SL_SCTP_CLOSED,
	SL_SCTP_COOKIE_WAIT,
	SL_SCTP_COOKIE_ECHOED,
	SL_SCTP_ESTABLISHED,
	SL_SCTP_SHUTDOWN_SENT,
	SL_SCTP_SHUTDOWN_RECD,
	SL_SCTP_SHUTDOWN_ACK_SENT,
	SL_SCTP_HEARTBEAT_SENT,
	SL_SCTP_STATE_COUNT
};

struct sl_conn_info {
	uint64_t id; /* its own while it lives, in whichever engine; never used again soon */
	struct sl_tuple tuple[2]; /* [SL_ORIGINAL], [SL_REPLY] */
	uint32_t status;          /* enum sl_status bits */
	uint32_t timeout;         /* seconds left */
	uint32_t mark;
	uint16_t zone;
	uint8_t zone_dirs;  /* bit 1 << dir: the zone counts in that direction */
	uint8_t l4_state;   /* enum sl_tcp_state, enum sl_sctp_state; others: 0 */
	const char *state;  /* the same as text ("ESTABLISHED"), NULL: has none */
	const char *helper; /* name or NULL */
	bool has_master;
	uint64_t master_id;
	struct sl_tuple master;    /* original tuple of the master, kept after its end */
	const char *master_helper; /* who expected this one; name or NULL */
	uint64_t packets[2], bytes[2];
	uint8_t tcp_flags[2], tcp_wscale[2];
	uint8_t beyond; /* enum sl_beyond: Linux would have made something else of it */
	/* SL_SEQ_ADJUST: by how much numbers are moved up to and behind `pos`, where a length changed last */
	struct {
		uint32_t pos;
		int32_t before, after;
	} seqadj[2];
};
SL_EXPORT void sl_conn_info(
        const struct sl_engine *engine, const struct sl_conn *conn, struct sl_conn_info *out);

struct sl_expect_info {
	uint64_t id;
	struct sl_tuple tuple, mask, master; /* master: its original tuple */
	uint64_t master_id;
	uint32_t timeout; /* seconds left */
	uint16_t zone;
	uint8_t flags; /* enum sl_expect_flag bits */
	uint8_t class_id;
	const char *helper; /* who made it */
	const char *reason; /* what for, in words ("FTP data, from PORT") */
	bool has_nat;       /* the rest: how the related connection is translated back */
	uint8_t nat_dir;
	struct sl_tuple nat; /* source address and port before NAT, as the kernel shows it */
	uint8_t beyond;      /* enum sl_beyond: Linux would not expect it */
};
SL_EXPORT void sl_expect_info(
        const struct sl_engine *engine, const struct sl_expect *expect, struct sl_expect_info *out);

/*
 * Walk the table in steps of at most `steps` slots: begin with *cursor = 0, stop when it
 * returns false. What is added or removed meanwhile may or may not be seen; nothing is
 * seen twice or missed that stays.
 */
SL_EXPORT bool sl_conn_walk(struct sl_engine *engine, uint64_t *cursor, unsigned steps,
        void (*visit)(void *ctx, struct sl_conn *conn), void *ctx);
SL_EXPORT bool sl_expect_walk(struct sl_engine *engine, uint64_t *cursor, unsigned steps,
        void (*visit)(void *ctx, struct sl_expect *expect), void *ctx);

/* The connection that has this tuple in this zone, in either direction; NULL: none. */
SL_EXPORT struct sl_conn *sl_conn_find(
        struct sl_engine *engine, const struct sl_tuple *tuple, uint16_t zone, enum sl_dir *dir);
/* End a connection now, with an event; `why` SL_WHY_FLUSHED for an operator's wish. */
SL_EXPORT void sl_conn_kill(struct sl_engine *engine, struct sl_conn *conn, enum sl_reason why);
SL_EXPORT void sl_expect_kill(
        struct sl_engine *engine, struct sl_expect *expect, enum sl_reason why);

struct sl_stats {
	uint64_t packets, bytes;           /* put in */
	uint64_t verdicts[8];              /* by enum sl_verdict */
	uint64_t reasons[SL_WHY_COUNT];    /* by enum sl_reason: packets, and ends of conns */
	uint64_t answers, answers_limited; /* ICMP errors and resets of our own; too many of them */
	uint64_t conns_made, expects_made, expects_met, conns_evicted;
	uint32_t conns, conns_unreplied, expects, fragments;
	size_t stream_bytes;
};
SL_EXPORT void sl_stats(const struct sl_engine *engine, struct sl_stats *out);

/*
 * sl_offload.open() took this connection some time ago. True: it has settled, and is handed down (add() was
 * called, and took it). False: it is the engine's again, and remove() will not be called.
 */
SL_EXPORT bool sl_offload_offer(struct sl_engine *engine, struct sl_conn *conn);

/* Bring an offloaded connection's counters and time up to date; nothing for others. */
SL_EXPORT void sl_offload_poll(struct sl_engine *engine, struct sl_conn *conn);

/*
 * A self-check of every invariant (each conn found by both tuples, no shared tuple, counts,
 * expectations within limits). For tests: walks everything. NULL: all is well.
 */
SL_EXPORT const char *sl_engine_check(struct sl_engine *engine);

/* ---- export and import ----------------------------------------------------------------------- */

/*
 * A connection with all that belongs to it (helper, its private data, expectations, edits, held
 * bytes) as bytes, for a restart or for a second gateway. Returns how many bytes it takes; they
 * are written only if they fit into size. 0: it cannot be exported now (its first packet is not
 * through, or it is ending). What is written changes with every packet of the connection.
 */
SL_EXPORT size_t sl_conn_export(
        struct sl_engine *engine, struct sl_conn *conn, void *out, size_t size);

enum sl_import {
	SL_IMPORT_DONE,
	SL_IMPORT_MALFORMED,
	SL_IMPORT_VERSION,
	SL_IMPORT_NO_HELPER, /* it names one that is not registered here */
	SL_IMPORT_CLASH,     /* another connection has one of its tuples, or its id */
	SL_IMPORT_NO_ROOM,   /* memory, the table, or expectations */
};
SL_EXPORT const char *sl_import_text(enum sl_import result);

/*
 * Make it again, here. The bytes may come from anybody: what is impossible is refused, and a
 * failure adds nothing. A connection with both its tuples gives way as an older state of it (what it
 * expected is gone even if the import fails then). Masters go before their related
 * connections. *out (may be NULL) is the new one.
 *
 * It keeps its id, its master's, and its expectations theirs: events tell of the same before and
 * after. No two connections of an engine have the same id; new ones get none that an imported one
 * has, and an import whose id another connection has is refused (SL_IMPORT_CLASH). That cannot
 * happen between engines of different `origin`; between others rarely, as each begins to count
 * at a place of its own, by its seed.
 */
SL_EXPORT enum sl_import sl_conn_import(
        struct sl_engine *engine, const void *bytes, size_t len, struct sl_conn **out);

/* What an export is of: the connection's id, and the exporter's last event's sequence when it was made. */
struct sl_export_info {
	uint64_t id, sequence;
	struct sl_tuple tuple[2];
	uint16_t zone;
	uint32_t left_ms; /* until it would have timed out, when it was made */
};
SL_EXPORT bool sl_export_info(const void *bytes, size_t len, struct sl_export_info *out);

/* ---- helpers --------------------------------------------------------------------------------- */

/*
 * Make a helper known to this engine (<sluice/helper.h>); it is attached to connections whose
 * reply tuple fits its tuples, if `automatic`, and by name from rules. The record must live
 * until unregistered. False: name or tuple taken, ABI unknown, or no memory.
 */
SL_EXPORT bool sl_helper_register(
        struct sl_engine *engine, const struct sl_helper *helper, bool automatic);
/* The same, on other ports: `port` instead of the record's own. */
SL_EXPORT bool sl_helper_register_port(
        struct sl_engine *engine, const struct sl_helper *helper, uint16_t port);
/* Nothing of the helper is called or named afterwards. */
SL_EXPORT void sl_helper_unregister(struct sl_engine *engine, const struct sl_helper *helper);
/* The helpers that are part of the library: NULL-terminated. */
SL_EXPORT const struct sl_helper *const *sl_helpers_builtin(void);

#endif
