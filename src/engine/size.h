/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Length, MTU and super-packets. (src/engine/size.c)
 */
#ifndef SL_ENGINE_SIZE_H
#define SL_ENGINE_SIZE_H

#include "engine/engine.h"

/*
 * The last step before the wire. Not NONE: drop. Otherwise it fits, or its parts are out and
 * its verdict is SL_TAKEN.
 */
enum sl_reason sl__fit(struct sl_work *w);

/* Must a super-packet be cut into its datagrams before it goes to the helper and out? */
bool sl__leaves_in_datagrams(struct sl_work *w, enum sl_hook hook);
/* Then this is sl__leave() for each of them; the super-packet is taken. */
enum sl_reason sl__leave_in_datagrams(struct sl_work *w, enum sl_hook hook);

#endif
