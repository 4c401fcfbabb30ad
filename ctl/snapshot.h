/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_CTL_SNAPSHOT_H
#define SLUICE_CTL_SNAPSHOT_H

/* Every number of a gateway at one moment, its engines summed up, and its three forms: text, JSON, and for Prometheus. */
#include "ctl/server.h"

struct sl_snapshot {
	struct sl_server *server;
	struct sl_stats stats;
	struct sl_control_more more;
	uint64_t lost; /* events */
	uint64_t packets[SL_SERVER_ENGINES]; /* put into each engine */
};

/* Not in the engine's thread. False: the gateway ends. */
bool sl__snapshot_take(struct sl_snapshot *s, struct sl_server *server);
void sl__snapshot_text(const struct sl_snapshot *s, struct sl_print *out);
/* An object. */
void sl__snapshot_json(const struct sl_snapshot *s, struct sl_json *j);
/* Prometheus' text format, version 0.0.4. */
void sl__snapshot_metrics(const struct sl_snapshot *s, struct sl_print *out);

#endif
