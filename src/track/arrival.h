/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arrivals: where live related connections come in under NAT. (src/track/arrival.c)
 */
#ifndef SL_TRACK_ARRIVAL_H
#define SL_TRACK_ARRIVAL_H

#include "base/list.h"
#include "track/conn.h"

struct sl_track;
struct sl_ext;
struct sl_expect_want;

#define SL_ARRIVAL_HEADS 256

/* Part of a related conn's extension, while it lives and is translated. */
struct sl_arrival {
	struct sl_list at; /* in sl_track.arrivals, by the seen endpoint */
	uint32_t conn;     /* its reference */
};

void sl__arrivals_init(struct sl_track *t);
/* A conn was confirmed. */
void sl__arrival_add(struct sl_track *t, struct sl_conn *conn);
void sl__arrival_remove(struct sl_ext *ext);
/*
 * Does a live one of whom `want` invites arrive there, but lead to another endpoint than want->more says? What
 * came to the new expectation could then be taken for a packet of that one.
 */
bool sl__arrives_elsewhere(struct sl_track *t, uint16_t zone, const struct sl_expect_want *want);

#endif
