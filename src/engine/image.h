/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A conn with all that belongs to it as bytes: what stands where, spelled once for both ways.
 *
 *	magic, version, sequence, id		what it is, and how new
 *	tuples, zone, status, state, ...	the conn
 *	what its protocol knows			src/track
 *	helper: name, streams, edits, data	src/help/state.c
 *	expectations, calls over GRE
 *
 * Times are written as what is left. Written by export.c, read by import.c. Whatever is read here
 * is in its range afterwards, or the codec is bad.
 */
#ifndef SL_ENGINE_IMAGE_H
#define SL_ENGINE_IMAGE_H

#include "base/codec.h"
#include "track/expect.h"
#include "track/gre.h"

#define SL_IMAGE_MAGIC   0x534c4331u /* "SLC1" */
#define SL_IMAGE_VERSION 3
#define SL_IMAGE_NAME    64          /* bytes of a name or text with its end */
#define SL_IMAGE_TIME    2000000000u /* ms: no more is left of anything */

/* Status bits that mean something elsewhere. */
#define SL_IMAGE_STATUS                                                                            \
	(SL_EXPECTED | SL_SEEN_REPLY | SL_ASSURED | SL_CONFIRMED | SL_SRC_NAT | SL_DST_NAT |       \
	        SL_SEQ_ADJUST | SL_SRC_NAT_DONE | SL_DST_NAT_DONE | SL_FIXED_TIMEOUT | SL_HELPER | \
	        SL_STATUS_FOLLOWS_INTERFACE)

/* What there is of every conn. */
struct sl_image {
	uint64_t sequence, id;
	struct sl_tuple tuple[2], master;
	uint64_t packets[2], bytes[2];
	uint64_t master_id; /* 0: has none */
	uint32_t left_ms, mark;
	uint16_t zone, status;
	uint8_t zone_dirs, state, beyond;
	bool liberal, edited;
	char helper[SL_IMAGE_NAME]; /* "": none */
	char master_helper[SL_IMAGE_NAME];
	bool helps; /* it has a helper at work: its state follows */
};

struct sl_image_expect {
	struct sl_expect_want want;
	char helper[SL_IMAGE_NAME], reason[SL_IMAGE_NAME];
	bool ours; /* made by the conn's helper; else by a rule */
};

/* The beginning, by which it is known whose image it is; and the rest of struct sl_image. */
void sl__image_head(struct sl_codec *c, struct sl_image *m);
void sl__image_body(struct sl_codec *c, struct sl_image *m);
/* What conn->proto keeps in conn->l4. */
void sl__image_transport(struct sl_codec *c, struct sl_conn *conn, uint32_t now_ms);
void sl__image_expect(struct sl_codec *c, struct sl_image_expect *e);
void sl__image_gre_key(struct sl_codec *c, struct sl_gre_key *k);
/* As much of `from` (NULL: nothing) as there is room for. */
void sl__image_set_name(char to[SL_IMAGE_NAME], const char *from);

#endif
