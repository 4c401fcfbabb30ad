/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragmenting what leaves: a datagram that came in fragments goes on in the same ones.
 */
#ifndef SL_ENGINE_REFRAGMENT_H
#define SL_ENGINE_REFRAGMENT_H

#include "track/fragment.h"

/*
 * Must p be sent in fragments, given how it came (shape) and the longest packet its way takes
 * (max_size)? Otherwise it leaves whole.
 */
bool sl__refragment_needed(
	const struct sl_parsed *parsed, const struct sl_frag_shape *shape, uint32_t max_size);

/* Did its first fragment hold every header that each IPv6 fragment must repeat? */
bool sl__refragment_possible(
	const struct sl_packet *p, const struct sl_parsed *parsed, const struct sl_frag_shape *shape);

/*
 * Give p to `out` as fragments, each a fresh packet of env->alloc that becomes the receiver's; p
 * itself stays the caller's. They are as p came where that still fits; otherwise as long as the
 * longest of those was, and no longer than max_size. shape->max 0: it came whole.
 *
 * parsed must be right for p as it is now, and its checksum complete (not SL_CSUM_PARTIAL).
 * v6_id is the new id for IPv6, which the caller draws at random; IPv4 keeps its own.
 *
 * False: no memory, or max_size leaves no room for data. Fragments before that one are out.
 */
bool sl__refragment(const struct sl_env *env, const struct sl_packet *p,
	const struct sl_parsed *parsed, const struct sl_frag_shape *shape, uint32_t max_size,
	uint32_t v6_id, void (*out)(void *ctx, struct sl_packet *fragment), void *ctx);

#endif
