/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_TOTALS_H
#define SLUICE_PROG_TOTALS_H

/*
 * The totals of a replay: summary.json and the last line on stdout.
 */
#include "ctl/json.h"
#include "prog/outcome.h"

enum sl_total {
	SL_TOTAL_FRAMES,
	SL_TOTAL_FORWARDED, /* these six in the order of enum sl_fate */
	SL_TOTAL_LOCAL,
	SL_TOTAL_QUEUED,
	SL_TOTAL_HELD,
	SL_TOTAL_DROPPED,
	SL_TOTAL_SKIPPED,
	SL_TOTAL_ALTERED,
	SL_TOTAL_GENERATED,
	SL_TOTAL_INVALID,
	SL_TOTAL_FLOWS,
	SL_TOTAL_FLOWS_ASSURED,
	SL_TOTAL_FLOWS_EXPECTED,
	SL_TOTAL_FLOWS_WITH_HELPER,
	SL_TOTAL_EXPECTATIONS,
	SL_TOTAL_EXPECTATIONS_MET,
	SL_TOTAL_PAYLOAD_CHANGED,
	SL_TOTAL_WRONG_DELIVERY,
	SL_TOTAL_COUNT
};

struct sl_totals {
	uint64_t of[SL_TOTAL_COUNT]; /* enum sl_total */
};

void sl__totals_packet(struct sl_totals *totals, const struct sl_outcome *o);
/* As members of the object that is open in j. */
void sl__totals_json(const struct sl_totals *totals, struct sl_json *j);
/* "frames=57 forwarded=57 ..." on stdout. */
void sl__totals_print(const struct sl_totals *totals);

#endif
