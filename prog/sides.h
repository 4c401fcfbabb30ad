/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_SIDES_H
#define SLUICE_PROG_SIDES_H

/*
 * On which side of the gateway each address of a capture stands, and so by which interface
 * each packet comes in. All packets are learned from before the first is asked about.
 */
#include "prog/map.h"
#include "prog/view.h"

enum sl_side { SL_SIDE_NONE = 0, SL_SIDE_IN, SL_SIDE_OUT };
/* The interface indexes that stand for in0 and out0 are the same numbers. */

struct sl_prefix {
	struct sl_addr addr;
	uint8_t family; /* enum sl_family */
	uint8_t bits;	/* of the family's own length */
};
/* "10.0.0.0/8", or an address alone; false: neither. */
bool sl__prefix_parse(struct sl_prefix *prefix, const char *text);
bool sl__prefix_has(const struct sl_prefix *prefix, enum sl_family family, const struct sl_addr *a);

struct sl_sides {
	const struct sl_prefix *inside; /* borrowed; none: who opens a flow is inside */
	unsigned n_inside;
	/* Private. */
	struct sl_map of;      /* address -> enum sl_side, and in which order they came */
	struct sl_map openers; /* flow, either way round -> who opened it */
};

void sl__sides_init(struct sl_sides *sides, const struct sl_prefix *inside, unsigned n);
void sl__sides_fini(struct sl_sides *sides);
void sl__sides_learn(struct sl_sides *sides, const struct sl_view *v);
/* By which side the packet comes in. Never NONE for a packet that was learned. */
enum sl_side sl__sides_of_packet(const struct sl_sides *sides, const struct sl_view *v);
/* NONE: not in the capture. */
enum sl_side sl__sides_of(const struct sl_sides *sides, enum sl_family family, const struct sl_addr *a);

/* Each address, in the order of appearance. */
unsigned sl__sides_count(const struct sl_sides *sides);
void sl__sides_each(const struct sl_sides *sides,
        void (*visit)(void *ctx, enum sl_family family, const struct sl_addr *a, enum sl_side side),
        void *ctx);

#endif
