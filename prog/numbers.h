/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_NUMBERS_H
#define SLUICE_PROG_NUMBERS_H

/*
 * The small numbers by which a replay's files name connections and expectations.
 */
#include "prog/map.h"

/* What is remembered of a connection or an expectation under its id. */
struct sl_numbered {
	uint64_t number; /* from 1, by order of appearance */
	bool assured, gone;
};

struct sl_numbers {
	struct sl_map flows, expects; /* id -> struct sl_numbered */
	uint64_t last_flow, last_expect;
};
void sl__numbers_init(struct sl_numbers *n);
void sl__numbers_fini(struct sl_numbers *n);
/* Valid until the next call; fresh: begin a new number even if the id is known. */
struct sl_numbered *sl__numbers_flow(struct sl_numbers *n, uint64_t id, bool fresh);
struct sl_numbered *sl__numbers_expect(struct sl_numbers *n, uint64_t id, bool fresh);

#endif
