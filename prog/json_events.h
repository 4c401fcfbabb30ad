/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_JSON_EVENTS_H
#define SLUICE_PROG_JSON_EVENTS_H

/*
 * Rows of events.jsonl and final.jsonl, and the small numbers by which they name connections
 * and expectations.
 */
#include <sluice/sluice.h>

#include "prog/json.h"
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
