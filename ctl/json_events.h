/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_CTL_JSON_EVENTS_H
#define SLUICE_CTL_JSON_EVENTS_H

/*
 * Connections, expectations and what happens to them as objects of JSON: the rows of a replay's
 * events.jsonl and final.jsonl, and what a live gateway answers with -j.
 */
#include <sluice/sluice.h>

#include "ctl/json.h"

const char *sl__event_name(enum sl_event_type type);

/* One object each; packet 0: null. */
void sl__json_conn_event(struct sl_json *j, const struct sl_event *event,
        const struct sl_conn_info *info, uint64_t flow, uint64_t packet);
void sl__json_expect_event(struct sl_json *j, const struct sl_event *event,
        const struct sl_expect_info *info, uint64_t expect, uint64_t packet);
/* Rows of final.jsonl; master_lives: show which master it has. */
void sl__json_conn(
        struct sl_json *j, const struct sl_conn_info *info, uint64_t flow, bool master_lives);
void sl__json_expect(struct sl_json *j, const struct sl_expect_info *info, uint64_t expect);

#endif
