/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_ACCOUNT_H
#define SLUICE_PROG_ACCOUNT_H

/*
 * The account of a replay for people, on stdout: each connection and expectation, who
 * fulfilled it, each payload that was changed, and what was not let through. A line is
 * "packet  time since the first  what".
 */
#include <sluice/sluice.h>

#include "prog/outcome.h"

struct sl_account {
	bool on;
	uint64_t start;	 /* ns: of the first frame */
	uint64_t packet; /* current frame; 0: none, the clock */
	uint64_t ts;
	uint64_t met; /* expectation that this packet met, until it is told; 0: none */
};

void sl__account_conn(struct sl_account *a, const struct sl_event *event,
        const struct sl_conn_info *info, uint64_t flow, uint64_t master);
void sl__account_expect(struct sl_account *a, const struct sl_event *event,
        const struct sl_expect_info *info, uint64_t expect, uint64_t master);
void sl__account_packet(struct sl_account *a, const struct sl_outcome *o);
/* The table at the end, a line a connection; the heading comes with the first. */
void sl__account_final(struct sl_account *a, const struct sl_conn_info *info, uint64_t flow,
        uint64_t master, bool first);
void sl__account_final_expect(
        struct sl_account *a, const struct sl_expect_info *info, uint64_t expect, uint64_t master);

#endif
