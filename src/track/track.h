/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tracker: the table of connections and all that finds, keeps and ends them. It is the
 * first member of the engine, and the object that every function of track, nat and help
 * gets first. It knows nothing of rules and packet ways; what upper layers add to a conn
 * hangs in its extension (track/ext.h), and they are told of its end by `upper`.
 */
#ifndef SL_TRACK_TRACK_H
#define SL_TRACK_TRACK_H

#include <string.h>

#include "base/hash.h"
#include "base/inline.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/slab.h"
#include "base/wheel.h"
#include "track/conn.h"
#include "track/expect.h"
#include "track/ext.h"
#include "track/ids.h"
#include "track/table.h"
#include "track/tunables.h"

struct sl_track;

/* Keys of GRE calls (src/track/gre.h). */
#define SL_GRE_HEADS 256
struct sl_gre_keys {
	struct sl_slab slab;
	uint32_t count;
	uint32_t heads[SL_GRE_HEADS]; /* of chains: by key */
	uint32_t backs[SL_GRE_HEADS]; /* by the other side's, for calls */
};

/* What upper layers install once, when the engine is made. All members are set. */
struct sl_upper {
	/* The conn is ending: give back what nat and help hang on it. ext may be NULL. */
	void (*conn_end)(struct sl_track *t, struct sl_conn *conn, struct sl_ext *ext);
	/*
	 * How far the number `seq`, as dir's receiver sees it, was moved from its sender's, because
	 * payload before it changed size: subtract to move back. Only asked for SL_CONN_EDITED.
	 */
	int32_t (*seq_offset)(const struct sl_track *t, const struct sl_conn *conn, enum sl_dir dir,
	        uint32_t seq);
	/*
	 * Only asked for SL_CONN_OFFLOADED: it is due, but was it seen meanwhile (then its deadline is
	 * later now)? And: it ends, its counters are to be made true; also asked for SL_STATUS_OPENED.
	 */
	bool (*offload_alive)(struct sl_track *t, struct sl_conn *conn);
	void (*offload_end)(struct sl_track *t, struct sl_conn *conn);
	/* An event is to be reported now. */
	void (*event)(struct sl_track *t, const struct sl_event *event);
	void (*trace)(struct sl_track *t, const struct sl_conn *conn, const char *step,
	        const char *text, size_t len);
};

struct sl_track {
	const struct sl_mem *mem;
	const struct sl_upper *upper;
	const struct sl_packet *packet; /* being worked on; NULL: the clock is the cause */
	uint64_t now;                   /* ns */
	uint32_t now_ms;                /* the same in ms, wrapping; what deadlines are in */
	bool tracing;                   /* somebody listens to upper->trace */
	bool reporting;                 /* somebody listens to upper->event */
	struct sl_tunables set;
	struct sl_random random;
	struct sl_hash_key key;
	struct sl_table table;        /* tuple -> conn (src/track/index.c) */
	struct sl_hash_key index_key; /* of tuples in it */
	bool moving;                  /* some are still in the table before it, with another key */
	struct sl_table old_table;
	struct sl_hash_key old_key;
	uint32_t moved;           /* buckets of it that are empty now */
	uint32_t rekeyed;         /* how often the index got a new key */
	struct sl_slab conns[2];  /* [is IPv6] */
	struct sl_wheel wheel[2]; /* [is IPv6] */
	struct sl_slab exts;
	struct sl_expects expects;
	struct sl_gre_keys gre;
	struct sl_list arrivals[SL_ARRIVAL_HEADS];           /* of live related conns (arrival.h) */
	uint32_t conn_max;                                   /* nf_conntrack_max */
	uint32_t conn_room;                                  /* conn_max may be raised up to this */
	uint32_t unreplied_first, unreplied_last, unreplied; /* conn references, oldest first */
	uint32_t sweep[2];   /* where the search for other victims goes on */
	uint16_t generation; /* of the last conn made */
	uint16_t origin;     /* in the ids of conns and expectations made here */
	struct sl_ids ids;   /* of conns that came from elsewhere */
	struct sl_stats stats;
	/* upper layers' own, found from here because every function gets the tracker */
	struct sl_nat *nat;     /* src/nat/nat.h; NULL: no NAT */
	uint16_t shards, shard; /* public ports and keys of other shards are not ours to give */
};

#define SL_PPTP_PORT 1723 /* of its control connections (RFC 2637) */

/* Which shard owns a public port, ICMP id or call id: slices of 64 in turn. */
static inline uint16_t sl__port_owner(uint16_t port, uint16_t shards)
{
	return (uint16_t)(shards > 1 ? (port >> 6) % shards : 0);
}

/* Does it live with the far end's address, whatever its ports are (src/engine/home.c)? PPTP and its calls. */
static inline bool sl__has_far_home(const struct sl_tuple *t)
{
	return t->proto == SL_PROTO_GRE ||
	       (t->proto == SL_PROTO_TCP && (t->sport == SL_PPTP_PORT || t->dport == SL_PPTP_PORT));
}

static inline bool sl__port_is_ours(const struct sl_track *t, uint16_t port)
{
	return sl__port_owner(port, t->shards) == t->shard;
}

/* What sl__track_init() needs to know. */
struct sl_track_config {
	const struct sl_mem *mem;
	const struct sl_upper *upper;
	uint8_t seed[16];
	uint32_t conn_max, expect_max, slab_chunk;
	uint16_t origin;
	uint64_t now;
};

/* False: no memory; fini() may and must still be called. */
bool sl__track_init(struct sl_track *t, const struct sl_track_config *config);
void sl__track_fini(struct sl_track *t);
/* It is `now`: what deadlines are measured against. Steps backwards count as standing still. */
void sl__track_set_now(struct sl_track *t, uint64_t now);
/* End what is due; at most `budget` objects. True: more is due. */
bool sl__track_expire(struct sl_track *t, unsigned budget);
/* When the next conn or expectation may be due, ns; UINT64_MAX: never. */
uint64_t sl__track_deadline(const struct sl_track *t);
/* Every invariant of the table; NULL: all hold. Slow. (src/track/check.c) */
const char *sl__track_check(struct sl_track *t);

/* ---- conns (src/track/conn.c) -------------------------------------------------------------- */

static inline struct sl_conn *sl__conn_at(const struct sl_track *t, uint32_t ref)
{
	return sl__slab_at(&t->conns[ref & 1], ref >> 1);
}

/*
 * A new conn for a packet with this tuple: both tuples set (the reply is the inverse),
 * in no table yet. NULL: no memory or the table is full (reason in *why).
 */
struct sl_conn *sl__conn_new(struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone,
        uint8_t zone_dirs, enum sl_reason *why);
/*
 * What is known of the tuples of a conn that is not in the index yet, so that they need not be looked
 * up again when it is confirmed: their hashes, where these belong, and that nobody has them.
 */
struct sl_claim {
	uint64_t hash[2];
	struct sl_spot spot[2];
	uint32_t changes; /* of the table, when that was found */
	/* hash[SL_REPLY] is right if answers go to this address and nothing else is translated; NULL: no guess */
	const uint8_t *guess;
	uint8_t free;     /* bit 1 << dir: hash and spot are known, and nobody has the tuple */
};
/* Into the index, timed, counted. Not NONE: somebody has its tuple already (a clash), or no memory. */
enum sl_reason sl__conn_confirm(struct sl_track *t, struct sl_conn *conn);
/* The same by what is known. */
enum sl_reason sl__conn_confirm_claimed(
        struct sl_track *t, struct sl_conn *conn, struct sl_claim *claim);
/* End a confirmed conn, with its expectations, and say so. */
void sl__conn_kill(struct sl_track *t, struct sl_conn *conn, enum sl_reason why);
/* The same of one that is due, by the hashes of its tuples if they are known. */
void sl__conn_expire(struct sl_track *t, struct sl_conn *conn, const uint64_t hash[2]);
/* Due by what we know: but may a device that forwards it have seen it? */
bool sl__conn_seen_elsewhere(struct sl_track *t, struct sl_conn *conn);
/* End one that was never confirmed: nobody is told. */
void sl__conn_drop(struct sl_track *t, struct sl_conn *conn);
/* The conn that a packet with this tuple belongs to, and in which direction. NULL: none. */
struct sl_conn *sl__conn_find(
        struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone, enum sl_dir *dir);
/* The tuple of the answers to packets with this tuple. False: the protocol has no answers to it. */
bool sl__tuple_invert(const struct sl_tuple *tuple, struct sl_tuple *out);
/* By which we find it again if it is still there. What it is known by outside: ids.h. */
static inline uint64_t sl__conn_handle(const struct sl_conn *conn)
{
	return (uint64_t)conn->generation << 32 | conn->self;
}
struct sl_conn *sl__conn_by_handle(const struct sl_track *t, uint64_t handle);

/* ---- the index (src/track/index.c) ---------------------------------------------------------- */

bool sl__index_init(struct sl_track *t, uint32_t slab_chunk);
void sl__index_fini(struct sl_track *t);
/* The hash of a tuple of a conn, for the two below; it holds until the index gets a new key. */
uint64_t sl__index_hash(const struct sl_track *t, const struct sl_conn *conn, enum sl_dir dir);
/* Both tuples of a conn, at the spots of their hashes. False: no memory. */
bool sl__index_add(struct sl_track *t, const struct sl_conn *conn, const struct sl_spot spot[2]);
/* hash: what sl__index_buckets() found, even if the index got a new key since; or NULL. */
void sl__index_remove(struct sl_track *t, const struct sl_conn *conn, const uint64_t hash[2]);
/* The entry with this tuple: conn reference << 1 | enum sl_dir; 0: none. It may be due. */
uint32_t sl__index_find(const struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone);
/* The entry with the tuple that conn, which is not in the index, has in direction dir. */
uint32_t sl__index_find_like(
        const struct sl_track *t, const struct sl_conn *conn, enum sl_dir dir, uint64_t hash);
bool sl__conn_has_tuple(const struct sl_conn *conn, enum sl_dir dir, const struct sl_tuple *tuple);
/* A step of moving to a new key, while t->moving. */
void sl__index_move(struct sl_track *t);
/* Ask for the memory of a conn whose hash will be needed. */
void sl__index_ask_for(const struct sl_track *t, uint32_t self);
/* The hashes of the tuples of one that will end, and the buckets that they name, to be asked for. */
void sl__index_buckets(const struct sl_track *t, const struct sl_conn *conn, uint64_t hash[2],
        const void *bucket[2]);

/* Keep it alive for so many ms from now (unless SL_FIXED_TIMEOUT). */
void sl__conn_refresh(struct sl_track *t, struct sl_conn *conn, uint32_t timeout_ms);
/*
 * Its wheel looks at every conn within this time, so that only a deadline that is nearer must be
 * told to it: an open TCP connection goes to and fro between timeouts of minutes and days.
 */
#define SL_CONN_HORIZON_MS 131072u
/* The same in short for a confirmed conn without SL_FIXED_TIMEOUT, whose wheel finds out by itself. */
SL_INLINE void sl__conn_extend(struct sl_track *t, struct sl_conn *conn, uint32_t timeout_ms)
{
	uint32_t deadline = t->now_ms + timeout_ms;

	if ((int32_t)(deadline - conn->deadline) < 0 && timeout_ms < SL_CONN_HORIZON_MS)
		sl__conn_refresh(t, conn, timeout_ms);
	else
		conn->deadline = deadline;
}
/* Count a packet of so many IP bytes. */
void sl__conn_count(struct sl_track *t, struct sl_conn *conn, enum sl_dir dir, uint32_t bytes);
/* Several packets at once, which somebody else forwarded. */
void sl__conn_count_many(struct sl_track *t, struct sl_conn *conn, enum sl_dir dir,
        uint64_t packets, uint64_t bytes);
/* The same as sl__conn_count() in short while the conn is not SL_CONN_UNREPLIED and the low words do not overflow. */
SL_INLINE void sl__conn_count_one(
        struct sl_track *t, struct sl_conn *conn, enum sl_dir dir, uint32_t bytes)
{
	uint32_t packets = conn->count[dir].packets + 1, sum = conn->count[dir].bytes + bytes;

	if (!packets || sum < bytes) {
		sl__conn_count(t, conn, dir, bytes);
		return;
	}
	conn->count[dir].packets = packets;
	conn->count[dir].bytes = sum;
}
/* Set status bits (never cleared this way); true: at least one is new. */
bool sl__conn_set_status(struct sl_conn *conn, unsigned bits);
/* The first packet of the reply direction came: SL_SEEN_REPLY, no longer evicted first. */
void sl__conn_replied(struct sl_track *t, struct sl_conn *conn);
/* It is ending with this reply, which shall count without making it a replied one. */
void sl__conn_unlist(struct sl_track *t, struct sl_conn *conn);
/* Its extension, made when it has none; NULL: no memory. */
struct sl_ext *sl__conn_ext(struct sl_track *t, struct sl_conn *conn);
/* Its extension if it has one. */
static inline struct sl_ext *sl__ext_of(const struct sl_track *t, const struct sl_conn *conn)
{
	return conn->ext ? sl__slab_at(&t->exts, conn->ext) : NULL;
}

/* Has Linux made something else of it (docs/beyond.md)? */
static inline enum sl_beyond sl__conn_beyond(const struct sl_track *t, const struct sl_conn *conn)
{
	return conn->ext ? (enum sl_beyond)sl__ext_of(t, conn)->beyond : SL_BEYOND_NONE;
}

/*
 * A conn that is another one in Linux: does it show in its established packets too? Where there is
 * NAT: a connection that we do not expect has no translation here, and had one there.
 */
static inline bool sl__conn_beyond_shows(const struct sl_conn *conn)
{
	return conn->ext &&
	       conn->status & (SL_SRC_NAT | SL_DST_NAT | SL_SRC_NAT_DONE | SL_DST_NAT_DONE);
}
/* Everything about it, for people (src/track/info.c). */
void sl__conn_info(const struct sl_track *t, const struct sl_conn *conn, struct sl_conn_info *out);
void sl__expect_info(
        const struct sl_track *t, const struct sl_expect *expect, struct sl_expect_info *out);
/* The timeouts that hold for it. */
SL_INLINE const struct sl_timeouts *sl__timeouts(
        const struct sl_track *t, const struct sl_conn *conn)
{
	const struct sl_ext *ext = sl__ext_of(t, conn);

	return ext && ext->timeouts ? ext->timeouts : &t->set.timeout;
}
/* The hash of a tuple, as the index has it. */
uint64_t sl__tuple_hash(const struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone);
/* The same of its parts: addresses of 4 or 16 bytes, source port << 16 | destination port. */
SL_INLINE uint64_t sl__hash_parts(const struct sl_hash_key *key, const uint8_t *src,
        const uint8_t *dst, uint32_t ports, uint16_t zone, uint8_t proto, bool v6)
{
	const unsigned words = v6 ? 4 : 1;
	uint32_t w[10];

	memcpy(w, src, words * 4);
	memcpy(w + words, dst, words * 4);
	w[2 * words] = ports;
	w[2 * words + 1] = (uint32_t)zone << 16 | (uint32_t)(v6 ? SL_IPV6 : SL_IPV4) << 8 | proto;
	return sl__hash_words(key, w, 2 * words + 2);
}
static inline uint16_t sl__conn_zone(const struct sl_conn *conn, enum sl_dir dir)
{
	return conn->flags & (dir == SL_ORIGINAL ? SL_CONN_ZONE_ORIGINAL : SL_CONN_ZONE_REPLY)
	               ? conn->zone
	               : 0;
}

/* Remember an event until the packet is accepted (enum sl_pending), and report what was remembered. */
static inline void sl__conn_note(struct sl_track *t, struct sl_conn *conn, unsigned pending)
{
	if (t->reporting)
		conn->pending = (uint8_t)(conn->pending | pending);
}
void sl__conn_report(struct sl_track *t, struct sl_conn *conn);

/* ---- tracing --------------------------------------------------------------------------------- */

/* A step of a packet's way, for `explain`. printf-like, but only %s %u %x %d; free when nobody listens. */
#define SL_TRACE(t, conn, step, ...)                                                               \
	do {                                                                                       \
		if ((t)->tracing)                                                                  \
			sl__trace(t, conn, step, __VA_ARGS__);                                     \
	} while (0)
/* "10.0.0.2:40000 > 198.51.100.7:21" into text, which is returned. */
#define SL_TUPLE_TEXT 112
const char *sl__tuple_text(const struct sl_tuple *tuple, char text[SL_TUPLE_TEXT]);
void sl__trace(
        struct sl_track *t, const struct sl_conn *conn, const char *step, const char *format, ...)
#if defined(__GNUC__)
        __attribute__((format(printf, 4, 5)))
#endif
        ;

#endif
