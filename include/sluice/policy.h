/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy: what the engine asks at its hooks. An nft ruleset is one
 * implementation (src/rules); an embedder may write its own.
 *
 * A packet's way, with the places of conntrack, NAT and helpers between the chains
 * as in Linux (the numbers are netfilter priorities):
 *
 *   from the wire   PREROUTING: BEFORE_TRACK (< -200) . track . BEFORE_NAT (< -100) .
 *                   destination NAT . AFTER_NAT . route
 *   to local        INPUT: BEFORE_NAT (< 100) . source NAT . AFTER_NAT . helper . confirm
 *   forwarded       FORWARD: BEFORE_NAT (all of it) .
 *                   POSTROUTING: BEFORE_NAT (< 100) . source NAT . AFTER_NAT (< 300) .
 *                   helper . AFTER_HELPER . confirm
 *   from local      OUTPUT: BEFORE_TRACK . track . BEFORE_NAT (< -100) . destination NAT .
 *                   AFTER_NAT . route; then POSTROUTING
 */
#ifndef SLUICE_POLICY_H
#define SLUICE_POLICY_H

#include <sluice/sluice.h>

enum sl_hook { SL_PREROUTING, SL_INPUT, SL_FORWARD, SL_OUTPUT, SL_POSTROUTING, SL_HOOK_COUNT };

enum sl_stage { SL_BEFORE_TRACK, SL_BEFORE_NAT, SL_AFTER_NAT, SL_AFTER_HELPER, SL_STAGE_COUNT };

/* Which end of the packet a translation changes. */
enum sl_manip { SL_MANIP_SRC, SL_MANIP_DST };

/* Flags of a NAT range; the names are nft's. */
enum sl_nat_flag {
	SL_NAT_MAP_ADDR = 1,      /* addresses min..max are given */
	SL_NAT_MAP_PORT = 2,      /* ports min..max are given */
	SL_NAT_RANDOM = 4,        /* nft: random */
	SL_NAT_PERSISTENT = 8,    /* one client always gets the same address */
	SL_NAT_FULLY_RANDOM = 16, /* nft: fully-random */
	SL_NAT_NETMAP = 32,       /* min/max are a prefix: host bits are kept */
	SL_NAT_MASQUERADE = 64,   /* address of the outgoing interface, filled in by the engine */
	SL_NAT_REDIRECT = 128,    /* address of the incoming interface (output: loopback) */
	SL_NAT_PORT_OFFSET = 256, /* port min + (original port - base) */
};

struct sl_nat_range {
	uint32_t flags;
	struct sl_addr min_addr, max_addr;
	uint16_t min_port, max_port, base_port;
};

/* What a chain decided besides drop or accept. */
enum sl_decision {
	SL_CONTINUE = 0, /* accept at this stage: on to the next one */
	SL_DECIDE_DROP,
	SL_DECIDE_REJECT, /* drop, and answer with effect.reject */
};

/* The answers of a reject statement. */
enum sl_reject { SL_REJECT_ICMP, SL_REJECT_TCP_RESET };

/* Kinds of packets of a connection that is ESTABLISHED, for sl_policy.foresees. None is a fragment or has IP options. */
enum sl_coming {
	SL_COMING_PLAIN = 1,   /* neither SYN nor FIN nor RST; of TCP: ACK */
	SL_COMING_END = 2,     /* FIN or RST, with ACK, without URG */
	SL_COMING_ANSWER = 4,  /* SYN with ACK, without URG */
	SL_COMING_COUNTED = 8, /* besides: decide() is asked afterwards, once for each, and may count them then */
	SL_COMING_SUMMED = 16, /* besides: counts() is told afterwards how many there were, and may count them then */
};

/* Does decide() say the same of all plain packets that an established connection has in one direction? */
enum sl_steady {
	SL_STEADY_NO,  /* or the policy names those that a device may forward (sl_policy_view.offload) */
	SL_STEADY_ALL, /* of each connection */
	SL_STEADY_SOME /* foresees() tells of which */
};

/* Everything that a policy may look at and change, for one packet at one stage. */
struct sl_policy_view {
	struct sl_packet *packet;
	struct sl_conn *conn; /* NULL: none (yet), untracked or invalid */
	enum sl_ctstate state;
	enum sl_dir dir;
	enum sl_hook hook;
	enum sl_stage stage;
	uint32_t in_if, out_if;
	uint64_t now;
	const struct sl_parsed *parsed; /* src/track/parse.h: where what lies in packet->data now */
	struct sl_engine *engine;
	bool tracing;		       /* somebody listens to sl_policy_trace() */
	/* ---- what the policy may set ---- */
	enum sl_reject reject;
	uint8_t reject_type, reject_code; /* SL_REJECT_ICMP: ICMP(v6) type and code */
	bool refused;  /* nat() returned false because a nat chain drops the packet */
	bool offload;  /* a device may forward this connection's packets from now on */
	bool reroute;  /* OUTPUT only: ask for the route again, by the mark as it is now */
	bool notrack;  /* BEFORE_TRACK only */
	bool zone_set; /* BEFORE_TRACK only: */
	uint16_t zone;
	uint8_t zone_dirs; /* bit 1 << dir */
	bool rewritten; /* addresses or the transport header in packet->data are not as parsed tells */
};

struct sl_policy {
	/* Which (hook, stage) pairs have chains: bit 1 << stage in [hook]. Others are not asked. */
	uint8_t (*stages)(void *ctx, enum sl_hook hook);
	enum sl_decision (*decide)(void *ctx, struct sl_policy_view *view);
	/*
	 * The nat chains of a hook (prerouting, output: manip DST; input, postrouting: SRC),
	 * asked once per connection, for its first packet. True: *range is filled.
	 */
	bool (*nat)(void *ctx, struct sl_policy_view *view, struct sl_nat_range *range);
	/*
	 * Is there NAT for this family at all? Then every connection of it is set up for it (the
	 * status bits SRC_NAT_DONE, DST_NAT_DONE), translated or not. NULL: where `nat` is set.
	 */
	bool (*translates)(void *ctx, enum sl_family family);
	/*
	 * At which hooks may nat() say yes, or refuse, for this family? Bit 1 << hook; at others it is not
	 * asked. NULL: at every hook. Like `stages` and `translates` asked when the policy is set.
	 */
	uint8_t (*nat_hooks)(void *ctx, enum sl_family family);
	/* Is the helper of this name to be attached to new connections that fit its tuples? */
	bool (*automatic_helper)(void *ctx, const char *name);
	/*
	 * Does decide() say the same of every plain packet (SL_COMING_PLAIN) of an
	 * ESTABLISHED connection that goes in one direction by the same interfaces with the same mark,
	 * and do nothing besides? Then it is asked until it has let one pass, and after that no more,
	 * until the policy or a route changes. NULL: no. Asked when the policy is set.
	 */
	enum sl_steady (*steady)(void *ctx);
	/*
	 * Will decide() let go on every packet of these kinds (enum sl_coming) that this connection, which is confirmed,
	 * has in this direction, by these interfaces and with this mark, until the policy or a route changes, and do
	 * nothing besides? *view shows one of them as it will stand at that hook and stage; nothing may be done
	 * now. Where it is not sure the answer is no. NULL: no.
	 */
	bool (*foresees)(void *ctx, struct sl_policy_view *view, unsigned kinds);
	/*
	 * So many packets of which foresees(view, ... SL_COMING_SUMMED) was true went by, with so many bytes in all: to be
	 * counted as if decide() had been asked for each. NULL: SL_COMING_SUMMED is not asked for.
	 */
	void (*counts)(void *ctx, struct sl_policy_view *view, uint64_t packets, uint64_t bytes);
};

/*
 * From the next packet on this policy holds (NULL: track everything, translate nothing). What the
 * old one did to connections stays: their translations, marks, helpers, expectations; timeouts that it gave
 * them (`ct timeout set`) end with it, as when nft deletes the object. The old ctx
 * is not used any more when this returns, so a reload is: read the new ruleset, set it, destroy
 * the old one.
 */
SL_EXPORT void sl_engine_set_policy(
        struct sl_engine *engine, const struct sl_policy *policy, void *ctx);

/* What decide() may do to a connection. A conn that is confirmed keeps its helper. */
SL_EXPORT void sl_conn_set_mark(struct sl_engine *engine, struct sl_conn *conn, uint32_t mark);
SL_EXPORT bool sl_conn_set_helper(struct sl_engine *engine, struct sl_conn *conn, const char *name);

/* A step of the packet's way, for who traces (struct sl_trace); nothing if nobody does. */
SL_EXPORT void sl_policy_trace(
	const struct sl_policy_view *view, const char *step, const char *text, size_t len);

/* "in0" and the like: the embedder's names are not known to the engine, so masquerade-by-index: */
struct sl_policy_masquerade {
	uint32_t out_if; /* what leaves by this interface gets its address; 0: nothing */
};
/* The built-in policy: track everything, every registered helper; masquerade what leaves by out_if. */
extern SL_EXPORT const struct sl_policy sl_policy_masquerade;

#endif
