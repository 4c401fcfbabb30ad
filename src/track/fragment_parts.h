/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of reassembly share: the datagram that is not whole yet (a queue), its pieces, and
 * the fragment on its way in. Nobody else includes this.
 *
 *   fragment.c        the door: a fragment comes, is judged, kept, or completes its datagram
 *   fragment_store.c  queues: found, made, charged, evicted, timed out, checked
 *   fragment_judge.c  may this fragment go among those pieces?
 *   fragment_whole.c  the datagram out of its pieces
 */
#ifndef SL_TRACK_FRAGMENT_PARTS_H
#define SL_TRACK_FRAGMENT_PARTS_H

#include "track/fragment.h"

enum {
	SL_FRAG_HEADER = 8,
	SL_FRAG_MAX_LEN = 65535,
	SL_FRAG_KEY_WORDS = 12,
	SL_FRAG_SOURCE_WORDS = 5
};

/* What names a datagram. The first words are the source, which is also counted by itself. */
struct sl_frag_key {
	uint32_t word[SL_FRAG_KEY_WORDS];
};

struct sl_frag_source {
	struct sl_list link; /* in its bucket */
	struct sl_list age;  /* its queues, oldest first */
	uint32_t word[SL_FRAG_SOURCE_WORDS];
	uint32_t ref, bytes;
	uint32_t users; /* queues, and whoever is about to make one; 0: it goes */
};

struct sl_frag_piece {
	uint16_t begin, end;
	bool joined;  /* one run with the piece before it */
	uint32_t ref; /* the kept packet; 0: the one being added */
};

struct sl_frag_kept {
	struct sl_packet packet;
	uint32_t payload; /* where the fragment's bytes begin */
};

struct sl_frag_queue {
	struct sl_list link, age, source_age;
	struct sl_frag_source *source;
	struct sl_frag_piece *pieces; /* sorted, disjoint */
	uint32_t ref, n, room;
	uint32_t bytes; /* of the datagram that are there */
	uint32_t end;   /* of the datagram as far as known */
	uint32_t charged;
	uint32_t born, deadline;
	uint32_t max, max_df; /* longest fragment, longest with DF */
	uint32_t frag_next;   /* IPv6, in the first fragment: who names the fragment header */
	struct sl_frag_key key;
	uint8_t ecn; /* 1 << codepoint of each fragment */
	bool v6, last_seen;
};

/* A fragment on its way in. */
struct sl_frag_arrival {
	struct sl_packet *p;
	const struct sl_parsed *parsed;
	struct sl_frag_key key;
	uint32_t begin, end,
	        payload; /* its bytes in the datagram; where they begin in the packet */
	uint32_t now;
	uint32_t at;     /* where among the pieces: judge() says */
	bool joined, v6; /* joined: judge() says */
};

/* ---- fragment_store.c ------------------------------------------------------------------------ */

struct sl_frag_queue *sl__frag_queue_find(
        const struct sl_fragments *f, const struct sl_frag_key *key);
/* The queue that this fragment belongs to, perhaps new. NULL: cannot be had, for the reason given.
 */
struct sl_frag_queue *sl__frag_queue_for(
        struct sl_fragments *f, const struct sl_frag_arrival *a, enum sl_reason *why);
/* End a queue and free what was kept for it. `why` is counted for each; NONE: they are whole now.
 */
void sl__frag_queue_end(struct sl_fragments *f, struct sl_frag_queue *q, enum sl_reason why);
/*
 * Make room for `cost` bytes of this source. False: it cannot be had without `q` (NULL: at all),
 * which is then ended itself.
 */
bool sl__frag_make_room(
        struct sl_fragments *f, struct sl_frag_source *s, struct sl_frag_queue *q, uint32_t cost);
void sl__frag_charge(struct sl_fragments *f, struct sl_frag_queue *q, uint32_t cost);

/* ---- fragment_judge.c ------------------------------------------------------------------------ */

enum sl_frag_fate {
	SL_FRAG_KEEP,            /* it goes in at a->at */
	SL_FRAG_REFUSE,          /* it does not; the others stay */
	SL_FRAG_GIVE_UP,         /* the datagram is given up with all that was kept of it */
	SL_FRAG_GIVE_UP_AND_PASS /* so it is, and the fragment goes on as it is */
};

/*
 * What becomes of `a` in q, from offsets alone. Learns the datagram's end, may cut a->end, sets
 * a->at and a->joined with KEEP, and *why with all else.
 */
enum sl_frag_fate sl__frag_judge(
        struct sl_frag_queue *q, struct sl_frag_arrival *a, enum sl_reason *why);

/* ---- fragment_whole.c ------------------------------------------------------------------------ */

/* Everything is there; `a` is the piece without a reference. Not NONE: there is no *whole. */
enum sl_reason sl__frag_build(const struct sl_fragments *f, const struct sl_frag_queue *q,
        const struct sl_frag_arrival *a, struct sl_frag_whole *whole);

#endif
