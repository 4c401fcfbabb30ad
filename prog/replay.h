/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_REPLAY_H
#define SLUICE_PROG_REPLAY_H

/*
 * The state of `sluice replay`, shared by replay.c (frames), replay_events.c (what the engine
 * reports meanwhile) and replay_final.c (the tables and totals at the end).
 */
#include "ctl/json_events.h"
#include "prog/account.h"
#include "prog/callids.h"
#include "prog/embed.h"
#include "prog/farside.h"
#include "prog/wording.h"
#include "prog/gateway.h"
#include "prog/numbers.h"
#include "prog/output.h"
#include "prog/payload.h"
#include "prog/source.h"
#include "prog/totals.h"

enum { SL_REPLAY_NOTES = 16 };

struct sl_replay {
	struct sl_replay_options opt;
	struct sl_source source;
	struct sl_sides sides;
	struct sl_gateway gateway;
	struct sl_embed embed;
	struct sl_engine *engine; /* the one at work */
	struct sl_engine *engines[SL_REPLAY_SHARDS];
	unsigned n_engines;
	struct sl_farside farside;
	struct sl_wording wording;
	struct sl_callids callids;
	struct sl_payloads payloads;
	struct sl_numbers numbers;
	struct sl_output output;
	struct sl_account account;
	struct sl_totals totals;
	struct sl_json json;
	uint64_t start;	 /* time of the first frame, ns since 1970 */
	uint64_t now;	 /* the engine's clock */
	uint64_t packet; /* number of the frame at work; 0: none */
	bool over;	 /* what the engine still reports is its end, not the capture's */
	/* Three copies of a frame's IP packet: as captured, as sent, and lent to the engine. */
	uint8_t *captured, *sent, *lent;
	uint8_t *answer; /* of the gateway's own host */
	/* What came of the frame at work. */
	struct sl_leaving *through, *back;
	unsigned n_through, n_back, leaving_size;
	char *notes[SL_REPLAY_NOTES];
	unsigned n_notes;
};

/* engines.c: the engines as one. False: no memory. */
bool sl__engines_init(struct sl_replay *r, struct sl_config *config);
void sl__engines_fini(struct sl_replay *r);
void sl__engines_input(struct sl_replay *r, struct sl_packet *p);
void sl__engines_clock(struct sl_replay *r, uint64_t now);
uint64_t sl__engines_deadline(const struct sl_replay *r);

/* replay_events.c: set as operations of the embed. */
void sl__replay_event(void *ctx, const struct sl_event *event);
void sl__replay_trace(void *ctx, const struct sl_trace *trace);

/* replay_final.c: final.jsonl, summary.json and the end of what goes to stdout. */
void sl__replay_final(struct sl_replay *r);

/* The subcommand. Exit status: 0 done, 1 wrong, 2 the capture is damaged. */
int sl__replay_main(int argc, char **argv);

#endif
