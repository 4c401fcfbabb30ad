/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_CTL_METRICS_H
#define SLUICE_CTL_METRICS_H

/*
 * Numbers for Prometheus: GET /metrics over HTTP, in threads of libmicrohttpd's own.
 */
#include "ctl/server.h"

struct sl_metrics;

/* where: "ADDRESS:PORT", "[ADDRESS]:PORT" or "PORT" (of 127.0.0.1). NULL: said on stderr. */
struct sl_metrics *sl__metrics_create(const char *where, struct sl_server *server);
/* The engine's thread must serve the desk, or have closed it. */
void sl__metrics_destroy(struct sl_metrics *metrics);

#endif
