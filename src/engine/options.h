/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv4 options that a router writes to, or goes by. (src/engine/options.c)
 */
#ifndef SL_ENGINE_OPTIONS_H
#define SL_ENGINE_OPTIONS_H

#include "engine/engine.h"

/*
 * An IPv4 packet from the wire that was routed: our entries in its options; a source route may give it
 * another way (w->route). Not NONE: drop.
 */
enum sl_reason sl__fill_options(struct sl_work *w);
/* Behind the forward hook: a source route's next stop becomes the destination. */
void sl__next_stop(struct sl_work *w);

#endif
