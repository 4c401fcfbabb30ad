/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tracking does for the first packet of a UDP flow, in line, for the engine's short path
 * (src/engine/opening.c); udp.c does the same for the long one. tests/unit/opening.c holds them together.
 */
#ifndef SL_TRACK_UDP_USUAL_H
#define SL_TRACK_UDP_USUAL_H

#include "track/track.h"

#define SL_UDP_STREAM_AFTER_MS 2000

SL_INLINE void sl__udp_begin(struct sl_track *t, struct sl_conn *conn)
{
	conn->l4.udp.stream_ms = t->now_ms + SL_UDP_STREAM_AFTER_MS;
	conn->deadline = t->now_ms + t->set.timeout.udp[false] * 1000;
}

#endif
