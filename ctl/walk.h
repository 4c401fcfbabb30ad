/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_CTL_WALK_H
#define SLUICE_CTL_WALK_H

/*
 * One more step of a client through a table, engine after engine. What was found is in server->found,
 * server->more says whether there is another step. False: the gateway ends, which has been said.
 */
#include "ctl/server.h"

bool sl__walk_conns(struct sl_server *server, struct sl_client *client);
bool sl__walk_expects(struct sl_server *server, struct sl_client *client);
/* End what the client's filter fits: of its table. */
bool sl__walk_flush(struct sl_server *server, struct sl_client *client, unsigned *ended);

#endif
