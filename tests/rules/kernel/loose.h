/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a NAT range leaves to chance: which address of it, which port. A line of a ruleset
 *
 *	# loose: 203.0.113.8-203.0.113.15 1024-2000
 *
 * says that an address of this range may be any other of it, and its port any of these (without
 * ports: just the addresses). What lies within is made the same before it is compared; a choice
 * outside stays as it is, and so differs.
 */
#ifndef TESTS_RULES_LOOSE_H
#define TESTS_RULES_LOOSE_H

#include "outcome.h"

#define LOOSE_MAX 8

struct loose {
	unsigned count;
	struct loose_range {
		uint8_t size, lo[16], hi[16]; /* size: 4 or 16 bytes */
		bool ports;
		uint16_t first, last;
	} at[LOOSE_MAX];
};

/* Take in what stands behind "# loose: "; false: not understood. */
bool loose_add(struct loose *l, const char *text);
void loose_packet(const struct loose *l, struct outcome *o);
void loose_conn(const struct loose *l, struct conn *c);

#endif
