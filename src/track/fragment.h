/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reassembly of IPv4 and IPv6 fragments (RFC 791, RFC 8200 4.5), before anything is tracked.
 * How it works: fragment.c; what is decided how: fragment_judge.c; limits: fragment_store.c.
 */
#ifndef SL_TRACK_FRAGMENT_H
#define SL_TRACK_FRAGMENT_H

#include "base/hash.h"
#include "base/list.h"
#include "base/slab.h"
#include "track/parse.h"

/*
 * How a datagram was cut when it came, so that it leaves in the same pieces. Offsets count from
 * the IP header of the whole datagram. Zero-filled: it came whole.
 */
#define SL_FRAG_CUTS 1024
struct sl_frag_shape {
	uint32_t max;	     /* the longest fragment with its headers, bytes; 0: it came whole */
	uint32_t len;	     /* of the whole datagram with its headers */
	bool dont_fragment;  /* IPv4: the longest fragment had DF (the whole then has it too) */
	unsigned cuts;	     /* how many of cut[] count; 0: too many to remember */
	uint32_t cut[SL_FRAG_CUTS]; /* where the second, third ... fragment began */
};

/* A datagram made whole. */
struct sl_frag_whole {
	struct sl_packet packet; /* from env->alloc; the caller's */
	struct sl_frag_shape shape;
};

enum sl_frag_result {
	SL_FRAGMENT_QUEUED = 1, /* kept (env->keep) until the others come */
	SL_FRAGMENT_COMPLETE,	/* *whole is set; the fragment itself stays the caller's */
	SL_FRAGMENT_DROP,	/* not kept, for the reason given; stays the caller's */
	SL_FRAGMENT_PASS,	/* not kept; IPv6: Linux lets such a one pass as it is */
};

struct sl_fragments {
	const struct sl_env *env;
	uint64_t *reasons;	  /* [enum sl_reason]: kept fragments that were given up */
	uint32_t timeout_ms[2];	  /* [is IPv6], of queues begun from now on; below 2^31 */
	uint32_t limit, bytes;	  /* memory: allowed, used (fragments and what they are kept in) */
	uint32_t fragments;	  /* kept now */
	uint32_t mask;		  /* buckets - 1, of both tables */
	struct sl_list *queues;	  /* [mask + 1], by key */
	struct sl_list *sources;  /* [mask + 1], by source address */
	struct sl_list age[2];	  /* [is IPv6], oldest queue first */
	struct sl_slab queue_slab, source_slab, kept_slab;
	struct sl_hash_key key;
};

/*
 * Nothing waits. `limit` is for all fragments in bytes, a quarter of it for one source address;
 * env and reasons are borrowed for good. f must not be moved afterwards. False: no memory;
 * fini() may and must still be called.
 */
bool sl__fragments_init(struct sl_fragments *f, const struct sl_env *env, uint32_t limit,
	uint32_t slab_chunk, struct sl_random *random, uint64_t *reasons);
void sl__fragments_fini(struct sl_fragments *f);

/*
 * A fragment (parsed->frag is not SL_FRAG_NONE, and not atomic) that lies together at p->data.
 * zone and vrf keep datagrams apart. *why is set with DROP and PASS.
 */
enum sl_frag_result sl__fragment_add(struct sl_fragments *f, struct sl_packet *p,
	const struct sl_parsed *parsed, uint16_t zone, uint32_t now_ms, struct sl_frag_whole *whole,
	enum sl_reason *why);

/*
 * RFC 8200 4.5: the first fragment (or only one) of an IPv6 datagram holds all headers, the transport's
 * too. One of which that is known not to be so is not gathered.
 */
bool sl__fragment_headers_missing(const struct sl_parsed *parsed);

/* What waits for the others of p's datagram is no longer kept: `out` gets each as it came. */
void sl__fragments_release(struct sl_fragments *f, const struct sl_packet *p,
	const struct sl_parsed *parsed, uint16_t zone, void (*out)(void *ctx, struct sl_packet *p), void *ctx);

/* Give up what waited too long, at most `budget` datagrams. True: more is due. */
bool sl__fragments_expire(struct sl_fragments *f, uint32_t now_ms, unsigned budget);
/* When that has something to do at the earliest; false: nothing waits. */
bool sl__fragments_deadline(const struct sl_fragments *f, uint32_t now_ms, uint32_t *at_ms);
/* Every invariant. NULL: all hold. Slow. */
const char *sl__fragments_check(const struct sl_fragments *f);

/*
 * Take the fragment header out of an atomic fragment (RFC 6946), in place; parse it again
 * afterwards. Linux forwards such a packet without the header too.
 */
void sl__fragment_strip_atomic(struct sl_packet *p, const struct sl_parsed *parsed);

#endif
