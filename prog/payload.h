/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_PAYLOAD_H
#define SLUICE_PROG_PAYLOAD_H

/*
 * What a payload was before and is after, also when a message came in several segments of
 * which some were held: the bytes that are still inside are remembered for each direction.
 */
#include "prog/map.h"
#include "prog/outcome.h"

struct sl_payloads {
	struct sl_map streams;
	/* The last answer: */
	uint8_t *before, *after;
	size_t before_size, after_size;
};

void sl__payloads_init(struct sl_payloads *p);
void sl__payloads_fini(struct sl_payloads *p);
/*
 * Compare what was captured with what came through; fills payload_changed, before and after
 * of o, valid until the next call. True: bytes of this direction are still held.
 */
bool sl__payloads_compare(struct sl_payloads *p, struct sl_outcome *o);
/* Take off what the packet let go in the other direction (o->back). True: bytes of that one are still held. */
bool sl__payloads_released(struct sl_payloads *p, const struct sl_outcome *o);

#endif
