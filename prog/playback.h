/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_PLAYBACK_H
#define SLUICE_PROG_PLAYBACK_H

/*
 * The state of `sluice replay RECORDING`, shared by playback.c (its records, in order), playback_gateway.c (the
 * gateway that the recording tells of) and playback_packets.c (what is put in, and what comes of it).
 */
#include <stdio.h>

#include "ctl/json_events.h"
#include "prog/embed.h"
#include "prog/gateway.h"
#include "prog/record.h"
#include "prog/view.h"

enum { SL_PLAYBACK_BATCH = 256 };

struct sl_playback;

/* One of the engines, and the gateway around it. */
struct sl_playback_engine {
	struct sl_playback *all;
	struct sl_gateway gateway;
	struct sl_gateway_look look;
	struct sl_rules_env rules_env;
	struct sl_embed embed;
	struct sl_engine *engine;
	struct sl_playback_link {
		uint32_t index;
		char name[32];
	} * links;
	unsigned n_links;
	struct sl_addr *own;
	unsigned n_own;
	uint64_t hash; /* of what came of its newest input */
};

struct sl_playback {
	struct sl_replay_options opt; /* of this command line, and what the recording says */
	FILE *f;
	/* The record under way. */
	char kind; /* 0: none is left */
	uint8_t *content;
	uint32_t len, room;
	bool diverged;
	struct sl_playback_engine engines[SL_RECORD_ENGINES];
	unsigned n_engines;
	struct sl_playback_engine *e; /* whose records these are */
	struct sl_strings outside;
	/* The input under way. */
	struct sl_packet packets[SL_PLAYBACK_BATCH];
	uint8_t *blocks[SL_PLAYBACK_BATCH];
	char what[SL_PLAYBACK_BATCH][SL_VIEW_TEXT]; /* as they came; empty: nothing to say */
	uint64_t packets_in, inputs;
	unsigned current; /* the packet put in now, in its input; for traces */
	struct sl_json json;
	FILE *events, *rows, *final;
	uint64_t verdicts[8], n_events;
};

/* playback.c: the next record; p->kind 0: there is none. Whose it is, is minded here. */
void sl__playback_next(struct sl_playback *p);
/* Has its content so many bytes? */
bool sl__playback_has(const struct sl_playback *p, size_t size);
/* From here on it is another run: said once. */
void sl__playback_diverge(struct sl_playback *p, const char *what);
/* Takes the answer to a question; false: the recording has another one, or ends. */
bool sl__playback_answer(struct sl_playback *p, char kind, size_t size);

/* playback_gateway.c */
/* Whose embed it is. */
struct sl_playback_engine *sl__playback_of(void *embed);
/* Everything before the first packet. False: it is no whole recording, or its gateway cannot be made. */
bool sl__playback_begin(struct sl_playback *p);
/* Does the record tell of interfaces and addresses? Then it is done. */
bool sl__playback_surroundings(struct sl_playback *p);
/* The ruleset that the record tells of; NULL: said on stderr. */
struct sl_rules *sl__playback_rules(struct sl_playback *p);

/* playback_packets.c: operations of the engine's embedder; then, one record each. */
void sl__playback_event(void *ctx, const struct sl_event *e);
void sl__playback_trace(void *ctx, const struct sl_trace *t);
/* The JSON text that was made becomes a row of f (NULL: of nothing). */
void sl__playback_row(struct sl_playback *p, FILE *f);
bool sl__playback_input(struct sl_playback *p);
bool sl__playback_pass_time(struct sl_playback *p);

#endif
