/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sources that could not keep their port: the same source gets the same port towards other remotes,
 * as long as one of its connections lives.
 */
#ifndef SL_NAT_MOVED_H
#define SL_NAT_MOVED_H

#include "nat/nat.h"

/* This conn's source is decided. Does nothing if it kept its port, as all others of its source did. */
void sl__moved_remember(struct sl_track *t, const struct sl_conn *conn);
/*
 * The source of tuple becomes what a living conn of the same source was made to look like, the
 * newest first; *at says where to go on, 0 at first. False: there is no more.
 */
bool sl__moved_next(
        struct sl_track *t, const struct sl_conn *conn, unsigned *at, struct sl_tuple *tuple);

#endif
