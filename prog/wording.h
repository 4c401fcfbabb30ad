/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_WORDING_H
#define SLUICE_PROG_WORDING_H

/*
 * What a SIP host copies from the messages it got: an answer repeats the request's Via, From and
 * To, and later requests go to its Contact. So where a NAT changed those addresses on their way
 * to an outside host, its messages must have them as it got them. Over UDP; part of the far
 * side of a NAT (farside.h).
 */
#include "prog/outcome.h"

struct sl_wording {
	struct sl_map words; /* sender, receiver, header, address as captured -> as received */
};

void sl__wording_init(struct sl_wording *w);
void sl__wording_fini(struct sl_wording *w);

/* Put what its sender was told into a captured message; v->data has room for 65,535 bytes. */
void sl__wording_translate(const struct sl_wording *w, struct sl_view *v);
/* Learn from a message that came out changed. */
void sl__wording_observe(struct sl_wording *w, const struct sl_outcome *o);

#endif
