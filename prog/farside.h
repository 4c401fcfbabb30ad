/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_FARSIDE_H
#define SLUICE_PROG_FARSIDE_H

/*
 * The far side of a NAT that the capture knows nothing of. What an outside host sent goes in as
 * it would have sent it, had it seen the inside only through this gateway; what comes out is
 * then compared with what was captured. Part of the replay program, never of the engine.
 */
#include <sluice/sluice.h>

#include "prog/outcome.h"

struct sl_farside {
	const struct sl_addr *public4, *public6;
	struct sl_map flows;	 /* inside end, outside end -> the inside end as known outside */
	struct sl_map seen;	 /* the same -> the outside end as known inside, if translated */
	struct sl_map hosts;	 /* inside, outside address -> the inside address known outside */
	struct sl_map announced; /* protocol, inside address, port -> the end announced outside */
	struct sl_map masters;	 /* original tuple of a connection -> its inside address */
	struct sl_map shifts;	 /* flow and sending side -> how its sequence numbers were moved */
	bool waits; /* the last one translated acknowledges less than captured: the rest is held */
	char wrong[256];
};

void sl__farside_init(
        struct sl_farside *f, const struct sl_addr *public4, const struct sl_addr *public6);
void sl__farside_fini(struct sl_farside *f);

/* Turn a captured packet, in place, into what its sender would have sent. */
void sl__farside_translate(struct sl_farside *f, struct sl_view *v, enum sl_side side);

/*
 * Learn from what came out (o->through, o->back); `held`: bytes of this direction are still inside;
 * `other_held`: of the other one. What is wrong with it, or NULL; valid until the next call.
 */
const char *sl__farside_observe(
        struct sl_farside *f, const struct sl_outcome *o, bool held, bool other_held);

/* Learn from an event: a new connection, and what an expectation announces. */
void sl__farside_conn(struct sl_farside *f, const struct sl_conn_info *info);
void sl__farside_expect(struct sl_farside *f, const struct sl_expect_info *info);

#endif
