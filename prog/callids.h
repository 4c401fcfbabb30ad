/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_CALLIDS_H
#define SLUICE_PROG_CALLIDS_H

/*
 * What a PPTP host copies from the control messages it got: the other side's call id, in its answers and
 * in later messages about the call. So where a NAT told an outside host another id, its messages
 * must have that one. (Its GRE packets: the expectation of the call tells, farside.c.) Part of the far
 * side of a NAT (farside.h).
 */
#include "prog/map.h"
#include "prog/outcome.h"

struct sl_callids {
	struct sl_map
	        streams;    /* a direction of a control connection, as captured or as it came out */
	struct sl_map told; /* inside and outside address, id as captured -> as told */
};

void sl__callids_init(struct sl_callids *c);
void sl__callids_fini(struct sl_callids *c);

/* Put the ids that its sender was told into a captured packet from outside. */
void sl__callids_translate(struct sl_callids *c, struct sl_view *v, enum sl_side side);
/* Learn from a packet that came out. */
void sl__callids_observe(struct sl_callids *c, const struct sl_outcome *o);

#endif
