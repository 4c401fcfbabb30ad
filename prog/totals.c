/* SPDX-License-Identifier: BSD-2-Clause */
/* See totals.h. */
#include "prog/totals.h"

#include <stdio.h>

static const char *const names[SL_TOTAL_COUNT] = {
        [SL_TOTAL_FRAMES] = "frames",
        [SL_TOTAL_FORWARDED] = "forwarded",
        [SL_TOTAL_LOCAL] = "local",
        [SL_TOTAL_QUEUED] = "queued",
        [SL_TOTAL_HELD] = "held",
        [SL_TOTAL_DROPPED] = "dropped",
        [SL_TOTAL_SKIPPED] = "skipped",
        [SL_TOTAL_ALTERED] = "altered",
        [SL_TOTAL_GENERATED] = "generated",
        [SL_TOTAL_INVALID] = "invalid",
        [SL_TOTAL_FLOWS] = "flows",
        [SL_TOTAL_FLOWS_ASSURED] = "flows_assured",
        [SL_TOTAL_FLOWS_EXPECTED] = "flows_expected",
        [SL_TOTAL_FLOWS_WITH_HELPER] = "flows_with_helper",
        [SL_TOTAL_EXPECTATIONS] = "expectations",
        [SL_TOTAL_EXPECTATIONS_MET] = "expectations_met",
        [SL_TOTAL_PAYLOAD_CHANGED] = "payload_changed",
        [SL_TOTAL_WRONG_DELIVERY] = "wrong_delivery",
};

void sl__totals_packet(struct sl_totals *totals, const struct sl_outcome *o)
{
	totals->of[SL_TOTAL_FRAMES]++;
	totals->of[SL_TOTAL_FORWARDED + (int)o->fate]++;
	totals->of[SL_TOTAL_ALTERED] += o->altered;
	totals->of[SL_TOTAL_GENERATED] += o->n_back;
	totals->of[SL_TOTAL_INVALID] += o->state == SL_CT_INVALID;
	totals->of[SL_TOTAL_PAYLOAD_CHANGED] += o->payload_changed;
	totals->of[SL_TOTAL_WRONG_DELIVERY] += o->wrong != NULL;
}

void sl__totals_json(const struct sl_totals *totals, struct sl_json *j)
{
	for (unsigned i = 0; i < SL_TOTAL_COUNT; i++)
		sl__json_uint(j, names[i], totals->of[i]);
}

void sl__totals_print(const struct sl_totals *totals)
{
	for (unsigned i = 0; i < SL_TOTAL_COUNT; i++)
		printf("%s%s=%llu", i ? " " : "", names[i], (unsigned long long)totals->of[i]);
	putchar('\n');
}
