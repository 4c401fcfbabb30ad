/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections that a device forwards. (src/engine/offload.c)
 */
#ifndef SL_ENGINE_OFFLOAD_H
#define SL_ENGINE_OFFLOAD_H

#include "engine/engine.h"

/* A packet is through: its conn may be handed down now, or must come back. */
void sl__offload_after(struct sl_work *w);
/* Nothing that was handed down holds any more. */
void sl__offload_revoke(struct sl_engine *e);
/* This conn's way is stale. */
void sl__offload_stale(struct sl_engine *e, struct sl_conn *conn);

/* sl_upper: an offloaded conn is due; did the device see it? And: it ends. */
bool sl__offload_alive(struct sl_track *t, struct sl_conn *conn);
void sl__offload_end(struct sl_track *t, struct sl_conn *conn);

#endif
