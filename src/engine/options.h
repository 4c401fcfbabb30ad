/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv4 options that a router writes to. (src/engine/options.c)
 */
#ifndef SL_ENGINE_OPTIONS_H
#define SL_ENGINE_OPTIONS_H

#include "engine/engine.h"

/* An IPv4 packet from the wire that was routed: our entries in its options. Not NONE: drop. */
enum sl_reason sl__fill_options(struct sl_work *w);

#endif
