/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine: the tracker with everything that upper layers add, and the embedder's table.
 */
#ifndef SL_ENGINE_ENGINE_H
#define SL_ENGINE_ENGINE_H

#include <sluice/policy.h>

#include "engine/limit.h"
#include "help/runtime.h"
#include "nat/nat.h"
#include "track/fragment.h"
#include "track/track.h"

#define SL_ROUTE_CACHE 256 /* remembered answers; a power of two */

struct sl_cached_route {
	struct sl_route_query query;
	struct sl_route answer;
	uint32_t generation; /* 0: empty */
	uint8_t known;	     /* its number in sl_known_routes, for packets from the wire; 0: was not asked for */
};

/*
 * Routes that conns know by number (sl_conn.route), so that their packets need not ask again. One is
 * live until routes change; then its number is not given again before every conn has been seen and
 * has forgotten it. Number 0 is never live.
 */
#define SL_KNOWN_ROUTES 256
#define SL_KNOWN_SEEN	255 /* never live: the policy wants to see every packet that goes this way */

struct sl_known_route {
	uint32_t in_if, vrf, mark; /* holds for packets with these, from the wire */
	bool live, stale;	   /* stale: some conns may still have its number */
	bool held;	   /* a device may use it; live, unless ... */
	bool counted;	   /* ... the policy counts these packets, or is told their number */
	struct sl_route answer;
	uint8_t unused[64 - 16 - sizeof(struct sl_route)];
};
static_assert(sizeof(struct sl_known_route) == 64, "from its number to a route is more than a shift");

struct sl_known_routes {
	struct sl_known_route route[SL_KNOWN_ROUTES];
	unsigned count;	    /* numbers from here on were never given, 1 is the first */
	bool sweeping;	    /* conns are being made to forget stale ones ... */
	uint32_t cursor;    /* ... from here on, */
	unsigned swept;	    /* of IPv4 (0) or IPv6 (1) */
	bool refused;	    /* some conns may have SL_KNOWN_SEEN */
};

struct sl_sign;

/* What a shard knows of others (src/engine/shard.c). NULL until needed. */
struct sl_shards {
	struct sl_sign *signs, *fragments;
};

struct sl_engine {
	struct sl_track track; /* first: a tracker's address is its engine's */
	struct sl_env env;
	struct sl_config config;
	struct sl_nat nat;
	struct sl_helping helping;
	struct sl_fragments fragments;
	struct sl_frag_whole whole;	    /* the datagram that a fragment completed, during its walk */
	struct sl_random fragment_random; /* ids of IPv6 fragments, of ICMP errors */
	uint64_t sequence; /* of the last event */
	char (*texts)[64]; /* of imported expectations (import.c); NULL: none yet */
	struct sl_shards shards;
	struct sl_limits limits;	  /* of ICMP errors of our own */
	uint8_t stages[SL_HOOK_COUNT]; /* which the policy has chains in */
	bool translates[2];	       /* [is IPv6]: there is NAT for the family ... */
	uint8_t nat_hooks[2];	       /* ... and the policy is to be asked for it at these (1 << hook) */
	uint8_t likely[2][16];	       /* where answers to the newest conn go, [is IPv6]: a guess for the next */
	uint8_t likely_turn[2];	       /* counts what that was */
	bool long_way;		       /* chains or a trace want to see every forwarded packet */
	bool ruled;		       /* chains see forwarded packets, but not all of all connections ... */
	enum sl_steady steady;	       /* ... and how it is known of which (sl_policy.steady) */
	uint32_t route_generation;
	struct sl_cached_route routes[SL_ROUTE_CACHE];
	struct sl_known_routes known;
};

static inline struct sl_engine *sl__engine_of(struct sl_track *t)
{
	return (struct sl_engine *)(void *)t;
}

/* What a packet's headers were when it came, for handing it over unchanged. */
struct sl_glance;

struct sl_saved {
	uint8_t header[60], l4[20];
	uint8_t header_len, l4_len; /* 0: nothing was saved, nothing changed */
	uint32_t l4_at;
};

/* One packet's work, from its first hook to its last; lives on the stack. */
struct sl_work {
	struct sl_engine *e;
	struct sl_packet *p; /* the packet put in, or the datagram that it completed */
	uint32_t came; /* bytes of the packet put in */
	struct sl_conn *conn; /* as p->conn; NULL: none */
	enum sl_reason ending; /* not NONE: this packet ends conn, when it is through */
	bool fresh;	       /* conn is not confirmed yet */
	bool icmp_error;
	bool offload; /* the policy lets a device forward its conn */
	/* No conn has its tuple, and this was seen of its headers (src/engine/established.c); or NULL. */
	const struct sl_glance *stranger;
	struct sl_claim claim; /* what is known of the tuples of a fresh conn */
	bool held; /* its bytes wait in a stream; it goes no further */
	uint32_t came_mark;    /* its mark, before any rule */
	uint32_t route_mark;   /* made locally: the mark that it is routed by */
	uint16_t to_shard;     /* SL_WHY_OTHER_SHARD: whose it is */
	uint64_t shard_key, pair_key; /* of its tuple, with several shards */
	uint8_t reject, reject_type, reject_code; /* SL_WHY_POLICY_REJECT: the rule's wish */
	uint8_t source_route, next_stop; /* offset of the option by which it goes on, and the stop in it; 0: none */
	uint8_t bad_option;   /* SL_WHY_BAD_IP_OPTIONS, IPv4: offset of what is wrong; 0: not told */
	uint16_t too_big_mtu; /* SL_WHY_TOO_BIG: what to tell the sender; 0: the route's */
	struct sl_route route;
	/* not zeroed for each packet, as what stands above is */
	struct sl_parsed parsed; /* filled first of all */
	struct sl_v6_problem v6_problem; /* IPv6: filled with it */
	struct sl_saved saved;	 /* but header_len is zeroed */
};

/* src/engine/classify.c: which connection is it of? Sets p->state, dir, conn; false: drop (reason set). */
bool sl__classify(struct sl_work *w, uint16_t zone, uint8_t zone_dirs);

/*
 * src/engine/gather.c: a fragment joins the others, an atomic one loses its fragment header.
 * Not NONE: drop. Otherwise it may be SL_QUEUED now, or w->p another packet (the whole). The
 * whole, and one that was atomic, are to be parsed again.
 */
enum sl_reason sl__gather(struct sl_work *w);
/* The whole's walk is over: `last`, which completed it, shares its fate, and it leaves. */
void sl__scatter(struct sl_engine *e, struct sl_packet *last);

/* src/engine/tell.c: steps as sentences, while somebody traces. */
void sl__tell_lookup(const struct sl_work *w, enum sl_dir dir);
void sl__tell_nat(const struct sl_work *w, enum sl_manip manip);
void sl__tell_route(const struct sl_work *w);

/* src/engine/route.c */
void sl__route(struct sl_engine *e, const struct sl_packet *p, const struct sl_parsed *parsed,
	struct sl_route *answer);
/* The same as it is remembered, until the next question. */
struct sl_cached_route *sl__route_cached(
	struct sl_engine *e, const struct sl_packet *p, const struct sl_parsed *parsed);
/* The first address of the interface that p came by, as .source; remembered likewise. */
const struct sl_route *sl__route_redirect(
	struct sl_engine *e, const struct sl_packet *p, const struct sl_parsed *parsed);
/* src/engine/known.c: the conn shall know the way that its packets like p go. */
void sl__known_learn(struct sl_engine *e, struct sl_conn *conn, const struct sl_packet *p,
	const struct sl_route *answer, bool counted);
/* The same for packets from the wire, whose answer is remembered with the number. */
void sl__known_learn_cached(struct sl_engine *e, struct sl_conn *conn, const struct sl_packet *p,
	struct sl_cached_route *route);
/* The policy wants to see the packets of the conn that go this way: it need not be asked whether it does. */
void sl__known_refuse(struct sl_engine *e, struct sl_conn *conn, enum sl_dir dir);
/* The policy changed: it was never told of what goes these ways. */
void sl__known_uncount(struct sl_engine *e);
/* Routes changed: what is known is stale. */
void sl__known_forget(struct sl_engine *e);
/* Go on with the sweep that this began; a few conns a call. */
void sl__known_sweep(struct sl_engine *e);

/* What is known of a packet before its turn (src/engine/established.c). */
struct sl_glance {
	uint64_t hash;
	struct sl_spot spot;  /* of the index, for the hash; of a stranger: now */
	const void *ask;      /* what memory the second pass asks for */
	struct sl_conn *conn; /* that the index names for the hash; NULL: none */
	uint32_t ports;	      /* destination << 16 | source */
	uint32_t len;	      /* of the IP packet */
	uint8_t l4;	      /* offset of the transport header; 0: nothing is known, the long way */
	uint8_t proto;
	uint8_t dir;	      /* enum sl_dir, of conn */
	uint8_t turn;	      /* no conn: of sl_engine.likely ... */
	uint64_t answers;     /* ... by which this is the hash of the tuple of its answers */
};
static_assert(sizeof(struct sl_glance) <= 64, "what is seen of a packet outgrew a cache line");

#define SL_GROUP 8 /* packets that each pass looks at before the next pass has its turn */

/* A group of packets on its way through the passes, and what must stand still for it to hold. */
struct sl_ahead {
	struct sl_glance glance[SL_GROUP];
	bool rest;	  /* some need more than the first line of their conn */
	uint32_t rekeyed; /* as when the hashes were made */
	uint32_t changes; /* of the table, as when spots, then conns were looked up */
};

/* The first three passes over n <= SL_GROUP packets. */
void sl__foresee_buckets(struct sl_engine *e, struct sl_packet *p, unsigned n, struct sl_ahead *ahead);
void sl__foresee_conns(struct sl_engine *e, const struct sl_packet *p, unsigned n, struct sl_ahead *ahead);
void sl__foresee_rest(unsigned n, const struct sl_ahead *ahead);
/*
 * The last, over packets from p[i] on, until it comes upon one that must go the long way. Returns
 * its number, n: there was none. Nothing was done to it; *stranger: no conn has its tuple.
 */
unsigned sl__established(struct sl_engine *e, struct sl_packet *p, unsigned i, unsigned n,
	struct sl_ahead *ahead, bool *stranger);
/* After a stranger was worked on: is p[i], the next packet, one too? As *stranger above. */
bool sl__is_stranger(const struct sl_engine *e, unsigned i, struct sl_ahead *ahead);
/*
 * src/engine/opening.c: all of the way of a packet that opens a connection (w->stranger is set), if that is an
 * usual one; *why as the end of the long way. False: nothing was done.
 */
bool sl__open_usual(struct sl_work *w, enum sl_reason *why);
/* A conn was confirmed: the next one's answers may go to the same address. */
void sl__expect_alike(struct sl_engine *e, const struct sl_conn *conn);

/* Does it lead anywhere? */
static inline bool sl__routed(const struct sl_route *route)
{
	return route->kind == SL_ROUTE_FORWARD || route->kind == SL_ROUTE_LOCAL ||
	       route->kind == SL_ROUTE_BROADCAST;
}

/* src/engine/hop.c: a forwarded packet's hop count and length. Not NONE: drop. */
enum sl_reason sl__hop(struct sl_work *w);
/* Has it an IPv6 source address that means nothing behind the interface that it came by? */
bool sl__beyond_scope(const struct sl_work *w);
/* Longer than its route takes, and not to be cut? */
bool sl__too_big(const struct sl_work *w);

/* src/engine/import.c */
void sl__texts_fini(struct sl_engine *e);

/* src/engine/input.c: a packet of our own through output and postrouting. Not NONE: drop. */
enum sl_reason sl__walk_own(struct sl_work *w);
/* Steps of the walk that opening.c has too. The chains of a hook's stage, of which there are some: */
/* Parse anew what a rule has written. */
void sl__look_again(struct sl_work *w);
enum sl_reason sl__ask_chains(struct sl_work *w, enum sl_hook hook, enum sl_stage stage,
	struct sl_policy_view *view);
enum sl_reason sl__find_route(struct sl_work *w);
enum sl_reason sl__confirm(struct sl_work *w);
/* The same for a fresh conn that its packet does not end. */
enum sl_reason sl__confirm_fresh(struct sl_work *w);
/* What comes behind the route. */
enum sl_reason sl__walk_routed(struct sl_work *w, enum sl_hook first);
/* The chains of a hook's stage, if there are any. */
static inline enum sl_reason sl__ask(struct sl_work *w, enum sl_hook hook, enum sl_stage stage)
{
	struct sl_policy_view view;

	return w->e->stages[hook] & 1u << stage ? sl__ask_chains(w, hook, stage, &view) : SL_WHY_NONE;
}

/* What stands between the last NAT place and the wire, or the local stack. Not NONE: drop. */
enum sl_reason sl__leave(struct sl_work *w, enum sl_hook hook);

/* src/engine/helpers.c: the helper place. Not NONE: drop. */
enum sl_reason sl__engine_help(struct sl_work *w);
/* A fresh conn gets the helper that fits, if any does. */
void sl__attach_helper(struct sl_work *w);

/* src/engine/translate.c: the NAT place of a hook. Not NONE: drop. */
enum sl_reason sl__translate(struct sl_work *w, enum sl_hook hook);
/* A fresh conn's translation there, which is not decided yet: the policy is asked. Not NONE: drop. */
enum sl_reason sl__translate_decide(struct sl_work *w, enum sl_hook hook);

#endif
