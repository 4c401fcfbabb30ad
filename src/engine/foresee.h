/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SL_ENGINE_FORESEE_H
#define SL_ENGINE_FORESEE_H

#include "engine/engine.h"

/*
 * Will the policy let pass, and do nothing about, every packet of these kinds (enum sl_coming) that goes this way, in
 * this direction of a connection that is confirmed? TCP and UDP.
 */
bool sl__foresees(struct sl_engine *e, struct sl_conn *conn, enum sl_dir dir,
	const struct sl_rewrite *way, unsigned kinds);
enum sl_foreseen {
	SL_FORESEEN_NOT,
	SL_FORESEEN,
	SL_FORESEEN_COUNTED /* if the policy is told how many there were */
};
/* Of plain ones like this packet, which was let pass; asked once, if it is no. */
enum sl_foreseen sl__foresees_like(struct sl_work *w);
/* So many went by that were foreseen so as to be counted. */
void sl__foreseen_came(struct sl_engine *e, struct sl_conn *conn, enum sl_dir dir, uint64_t packets, uint64_t bytes);

/* The way of packets that come by this known route. */
void sl__foresee_way(const struct sl_engine *e, const struct sl_conn *conn, enum sl_dir dir,
	const struct sl_known_route *known, struct sl_rewrite *out);

#endif
