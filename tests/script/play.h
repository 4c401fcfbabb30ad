/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the player share: play.c (lines, time), flow.c (flows and receivers), put.c
 * (packet lines), check.c (what came of them), state.c (statements), head.c (settings).
 */
#ifndef TESTS_SCRIPT_PLAY_H
#define TESTS_SCRIPT_PLAY_H

#include "script.h"

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

/* What a line put in, and what is known of what came of it. */
struct pending {
	bool open;
	unsigned line;
	struct step *step; /* NULL: none (a statement without outcome) */
	unsigned steps;    /* how many, from step on */
	struct flow *flow; /* NULL: time passed */
	enum sl_dir dir;
	struct spec spec;
	bool has_out; /* a = line was there */
	bool check_state, check_reason;
	unsigned verdict, state, reason, beyond, to;
	unsigned emitted, events; /* how many of them were mentioned */
};

struct player {
	struct setting *set;
	struct transcript *record;
	struct world world;
	struct flow *flows;
	struct pending pending;
	uint64_t now;
	unsigned shards;
	bool started, strict_events;
	uint8_t packet[70000];
};

bool head_statement(struct player *p, struct line *line);
struct flow *flow_and_dir(struct player *p, const char *text, enum sl_dir *dir);
struct flow *flow_called(struct player *p, const char *name, size_t len);
struct flow *named_flow(struct player *p, struct line *line);
struct sl_tuple tuple_of(const struct flow *f);
struct step *add_step(struct player *p, enum step_kind kind);
uint32_t next_expected(const struct end *e);
void add_rules(struct setting *set, const char *text);
/* To the newest of those that take its place. */
void add_later_rules(struct setting *set, const char *text);
void call_statement(struct player *p, enum step_kind kind, struct line *line);
void check_out(struct player *p, const struct spec *said);
void check_verdict(struct pending *w);
void conn_statement(struct player *p, struct line *line, bool wanted);
void count_statement(struct player *p, struct line *line);
void differs(const char *what, unsigned long long expected, unsigned long long got);
void differs_bytes(
        const char *what, const uint8_t *expected, uint32_t n, const uint8_t *got, uint32_t m);
void emitted_line(struct player *p, struct line *line);
void event_line(struct player *p, struct line *line);
void expect_statement(struct player *p, struct line *line, bool wanted);
void flow_statement(struct player *p, struct line *line);
void free_flows(struct player *p);
void got_statement(struct player *p, struct line *line);
void learn(struct flow *f, const struct fields *out);
void open_statement(struct player *p, struct line *line);
void out_line(struct player *p, struct line *line);
void packet_statement(struct player *p, struct flow *f, enum sl_dir dir, struct line *line);
void receive(struct player *p, struct flow *f, enum sl_dir dir, const uint8_t *data, uint32_t len);
void set_statement(struct player *p, struct line *line);
void settle(struct player *p);
void start(struct player *p);

#endif
