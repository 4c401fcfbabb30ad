/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GRE keys: which call ids belong together. (src/track/gre.c)
 */
#ifndef SL_TRACK_GRE_H
#define SL_TRACK_GRE_H

#include "track/track.h"

/* The key of one side of a call, as it stands in packets to that side when they come in. */
struct sl_gre_key {
	struct sl_list of_master; /* in sl_ext.gre_keys */
	struct sl_addr src, dst;  /* of those packets */
	uint16_t key;             /* in those packets */
	uint16_t own;             /* as that side chose it: the same without NAT */
	uint16_t back;            /* the other side's own ... */
	bool paired;              /* ... if it is known: 0 is a key as any other */
	uint16_t zone;
	uint8_t dir;                    /* that side sends the master's packets of this direction */
	uint32_t self, next, next_back; /* slab references: its own, the next in its chains */
};

void sl__gre_init(struct sl_track *t, uint32_t max);
void sl__gre_fini(struct sl_track *t);

/* The sender's key of a GRE tuple, if it is known. */
void sl__gre_complete(struct sl_track *t, struct sl_tuple *tuple, uint16_t zone);

/*
 * A tuple made of a packet of a call as it *left* us, turned round (an ICMP error quotes it): its dport,
 * which no header tells, becomes what an answer would have brought.
 */
void sl__gre_complete_answer(struct sl_track *t, struct sl_tuple *tuple, uint16_t zone);

/*
 * The side that sends master's packets of direction dir chose this key; (*out)->key is what the
 * other side must be told. The same again gives the same.
 */
enum sl_reason sl__gre_add(struct sl_track *t, struct sl_conn *master, enum sl_dir dir,
        uint16_t own, struct sl_gre_key **out);
/* These two are the keys of one call. */
void sl__gre_pair(struct sl_track *t, struct sl_gre_key *a, struct sl_gre_key *b);
/* An entry as it was elsewhere (src, dst, key, own, back, paired, dir). */
enum sl_reason sl__gre_restore(
        struct sl_track *t, struct sl_conn *master, const struct sl_gre_key *as);
/* The master's entry for a key that a side chose; NULL: none. */
struct sl_gre_key *sl__gre_of(struct sl_ext *ext, enum sl_dir dir, uint16_t own);
void sl__gre_remove(struct sl_track *t, struct sl_gre_key *k);
void sl__gre_remove_all(struct sl_track *t, struct sl_ext *ext);

#endif
