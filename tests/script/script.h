/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The runner of text scripts (README.md has the language). What it is made of:
 *
 *   words.c   a line's words
 *   spec.c    words that describe a packet -> struct spec
 *   wire.c    a spec between two endpoints -> bytes; bytes -> struct fields, which are compared
 *   outcome.c what came of a packet, compared
 *   world.c   the embedder around one or three engines: memory, packets, routes, events
 *   tell.c    events, connections and expectations as words, and statements about them
 *   play.c    statement after statement; what a packet must look like when it comes out
 *   again.c   the recorded inputs once more: other batches, failing memory, failing embedder
 *   main.c    which scripts, which of these
 *
 * Whatever is wrong ends the script by wrong(): longjmp to main.c. The process ends by _exit()
 * then, so nothing has to be given back on that way.
 */
#ifndef TESTS_SCRIPT_SCRIPT_H
#define TESTS_SCRIPT_SCRIPT_H

#include <setjmp.h>
#include <stdio.h>

#include <sluice/policy.h>
#include <sluice/rules.h>

#define MAX_WORDS  128
#define MAX_SHARDS 3
#define IN0        1
#define OUT0       2

/* ---- lines ----------------------------------------------------------------------------------- */

struct word {
	char *text; /* NUL-terminated; strings with their escapes resolved */
	size_t len;
	bool string; /* stood in quotes */
};

struct line {
	struct word word[MAX_WORDS + 1]; /* behind the last: text NULL */
	unsigned n, at;                  /* at: the next one to read */
	char *room;                      /* where the texts lie */
};

struct place {
	const char *file;
	unsigned line;
	jmp_buf out;
};

/* Where the runner is, for messages. One script runs at a time. */
extern struct place here;

_Noreturn void wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What {port}, {hi}, {lo} in strings stand for: the port of the newest expectation. */
void words_read(struct line *line, const char *text, uint16_t port);
void words_free(struct line *line);
/* The next word, or NULL at the end. */
struct word *words_next(struct line *line);
/* Is the next word this one? Then it is passed. */
bool words_take(struct line *line, const char *text);
bool words_end(const struct line *line);
/* The next word as a number; wrong() says what was expected. */
uint64_t words_number(struct line *line, const char *what);
/* 20ms, 2s, 5m, 1h, 5d -> ns */
uint64_t words_time(struct line *line);

/* ---- endpoints and flows --------------------------------------------------------------------- */

struct endpoint {
	struct sl_addr addr;
	uint16_t port;
	uint8_t family; /* enum sl_family; 0: not given */
	bool has_port;
};

/* 10.0.0.2, 10.0.0.2:21, [fd00::2]:21, fd00::2 */
struct endpoint words_endpoint(const char *text);
bool endpoint_is(const struct endpoint *a, const struct sl_addr *addr, uint16_t port);
const char *endpoint_text(const struct endpoint *e, char out[64]);

#define STREAM_MAX 65536

/* One end of a flow: what it sends (its own numbers) and what came (the receiver's view). */
struct end {
	uint32_t isn;          /* of what it sends */
	uint32_t next;         /* relative number of what it sends next */
	uint8_t *bytes, *have; /* STREAM_MAX each: what came, by relative number - 1; lazily */
	uint32_t got;          /* bytes that came without a hole */
	bool sent;             /* it sent something */
	bool syn, fin;         /* came */
	uint32_t fin_at;
	bool moved; /* what it sends is changed in size on the way: numbers differ behind that */
	uint8_t last_in[200], last_out[200]; /* its last packet as sent, as it came out */
	uint32_t last_in_len, last_out_len;
};

struct flow {
	char name[24];
	uint8_t proto, family;
	bool local;              /* the opener is the gateway itself */
	struct endpoint side[2]; /* opener and peer as the opener writes them */
	struct endpoint far[2];  /* the same as the peer writes them; [1] is the peer itself */
	bool known;              /* far is */
	struct end end[2];
	struct flow *next;
};

/* ---- packets ----------------------------------------------------------------------------- */

enum spec_has {
	HAS_FLAGS = 1,
	HAS_SEQ = 2,
	HAS_LEN = 4,
	HAS_ACK = 8,
	HAS_WIN = 16,
	HAS_URG = 32,
	HAS_OPTIONS = 64,
	HAS_PAYLOAD = 128,
	HAS_ICMP = 256,
	HAS_FROM = 512,
	HAS_TO = 1024,
	HAS_TTL = 2048,
	HAS_PIECE = 4096,
	HAS_MTU = 8192,
	HAS_SACK = 16384,
	HAS_TOS = 32768,
	HAS_ECHO = 65536,
	HAS_DF = 131072,
	HAS_ID = 262144,
};

#define MAX_POKES 16

struct spec {
	unsigned has;
	uint8_t flags, ttl, tos, icmp_type, icmp_code;
	bool seq_ahead, ack_ahead; /* seq, ack count from the automatic value */
	bool dont_fragment, bad_sum, partial, quote_all, raw;
	uint32_t seq, ack, len; /* seq, ack relative to the sender's, receiver's first number */
	uint16_t win, urg, mtu, id, echo;
	uint8_t options[40];
	unsigned options_len;
	uint32_t sack[4][2];
	unsigned sacks;
	uint8_t *payload;
	uint32_t payload_len;
	struct endpoint from, to;
	uint32_t piece_from, piece_to;
	uint32_t quote; /* bytes an ICMP error quotes */
	uint32_t cut;   /* the packet's length in the end; 0: all */
	struct {
		uint16_t at;
		uint8_t value;
	} poke[MAX_POKES];
	unsigned pokes;
	uint32_t mark, in_if;
	uint16_t zone, gso;
	uint8_t cast;
};

/* Read what describes a packet, up to `|` or the end of the line. */
void spec_read(struct spec *spec, struct line *line);
void spec_free(struct spec *spec);

/* A packet taken apart. */
struct fields {
	bool valid;
	uint8_t family, proto, ttl, tos;
	struct endpoint from, to;
	uint8_t tcp_flags;
	uint32_t seq, ack;
	uint16_t win, urg;
	uint8_t options[40];
	unsigned options_len;
	uint8_t icmp_type, icmp_code;
	uint16_t icmp_id, icmp_mtu;
	uint16_t id; /* IPv4 */
	bool dont_fragment;
	uint32_t frag_from, frag_to; /* of a fragment: which bytes of the IP payload */
	bool fragment, more;
	const uint8_t *payload; /* into the packet */
	uint32_t payload_len;
};

void fields_read(struct fields *f, const uint8_t *data, uint32_t len);
/* Is each checksum right (where one is there)? NULL: yes. */
const char *fields_sums(const uint8_t *data, uint32_t len);
const char *fields_text(const struct fields *f, char *out, size_t size);

/* The bytes of a packet of flow in dir. Returns its length; at most 66,000 bytes. */
uint32_t wire_build(
        const struct flow *flow, enum sl_dir dir, const struct spec *spec, uint8_t *out);

/* ---- what happens to a packet ------------------------------------------------------------ */

enum { OP_KEEP, OP_GROW, OP_ALLOC, OP_CONTIGUOUS, OP_EMIT, OPS };

struct seen_packet {
	uint8_t *data;
	uint32_t len;
};

/* What came of one packet, or of one call of the clock. */
struct outcome {
	uint8_t verdict, state, dir, beyond, to;
	uint16_t reason;
	struct seen_packet out; /* what it looked like afterwards; accepted ones only */
	struct seen_packet *emitted;
	unsigned emitted_n;
	char **events; /* one line each */
	unsigned events_n;
};

enum step_kind {
	STEP_PACKET,
	STEP_CLOCK,
	STEP_TUNABLE,
	STEP_KILL,
	STEP_UNREGISTER,
	STEP_ROUTES,
	STEP_RULES
};

/* One thing that was done to the engine; in the order of the script this is its transcript. */
struct step {
	enum step_kind kind;
	unsigned line;
	uint64_t now;
	struct seen_packet in;
	struct sl_packet meta; /* STEP_PACKET: what was set besides data and len */
	char name[64];         /* STEP_TUNABLE, STEP_UNREGISTER */
	uint32_t value;        /* STEP_TUNABLE; STEP_RULES: which of setting.later */
	struct sl_tuple tuple; /* STEP_KILL */
	uint16_t zone;
	struct outcome outcome;
};

void outcome_free(struct outcome *o);
/* NULL: the same; else what differs. */
const char *outcome_differs(const struct outcome *a, const struct outcome *b);

/* ---- the world around the engines -------------------------------------------------------- */

struct route_rule {
	struct sl_addr addr;
	unsigned bits; /* of 128 */
	bool has_mark; /* only for packets with this mark */
	uint32_t mark;
	int kind;      /* of sl_route, */
	uint32_t out_if;
	uint16_t mtu;
	uint8_t prefix;
};

/* What a script's head asks for. */
struct setting {
	struct sl_config config;
	bool masquerade;
	char *rules;    /* NULL: none */
	char *later[4]; /* rulesets that take its place, one after another: STEP_RULES */
	unsigned later_n;
	char helpers[8][48]; /* NAME or NAME=PORT */
	unsigned helpers_n;
	struct {
		char name[64];
		uint32_t value;
	} tunables[32];
	unsigned tunables_n;
	struct route_rule routes[16];
	unsigned routes_n;
	uint16_t mtu[3];
	uint8_t seed;
	bool one_shard;           /* the script counts on it */
	bool shared_bytes_differ; /* it sends different bytes for the same numbers */
};

struct model;

struct world {
	const struct setting *set;
	struct sl_engine *engine[MAX_SHARDS];
	struct sl_rules *rules[MAX_SHARDS];
	struct sl_policy policy; /* of the rules */
	struct sl_policy_masquerade masquerade;
	struct model *model; /* NULL: none runs beside */
	unsigned shards;
	uint32_t room; /* head and tail room that packets are lent with */
	uint64_t now;
	/* memory and packets */
	size_t held;
	unsigned long allocs, fail_at, fail_for; /* which allocation fails; for how many; 0: none */
	unsigned long op_calls[OPS], op_fail_at[OPS];
	bool absent[OPS];
	long live; /* packets that are the engine's or under way */
	/* the sl_input() that is running: outcomes of its packets, and of the clock */
	const struct sl_packet *batch;
	struct outcome *outcomes;
	unsigned batch_n;
	unsigned working;             /* which engine */
	struct sl_packet passing[16]; /* emitted for another shard */
	unsigned passing_n;
	uint16_t expected_port;
	struct endpoint expected; /* where the newest expectation leads to */
	struct sl_expect_info newest;
	char bad[200]; /* what an embedder's function found wrong */
};

/* False: it cannot be made (memory failed). */
bool world_init(struct world *w, const struct setting *set, unsigned shards);
/* Everything ends; NULL: nothing was left behind. */
const char *world_fini(struct world *w);
/* Do steps[0..n), which are one step, or packets of the same time. */
void world_do(struct world *w, struct step *steps, unsigned n);
/* Every invariant of every engine; NULL: all hold. */
const char *world_check(struct world *w);
bool world_is_own(const struct sl_addr *addr);
bool world_is_inside(const struct sl_addr *addr);
uint64_t world_deadline(struct world *w);

/* ---- words about what is there ----------------------------------------------------------- */

/* One line about an event; conn and expectations as `conntrack -E` has them, in words. */
char *tell_event(struct sl_engine *engine, const struct sl_event *event);
/* Does the line have all these words (pairs where a word takes a value)? NULL, or the one missing.
 */
const char *tell_has(const char *told, struct line *words);
char *tell_conn(struct sl_engine *engine, const struct sl_conn *conn);
char *tell_expect(struct sl_engine *engine, const struct sl_expect *expect);
const char *tell_verdict(unsigned verdict);
const char *tell_state(unsigned state);
void tell_tuple(const struct sl_tuple *t, char out[160]);
int find_reason(const char *name);

/* ---- the runs ---------------------------------------------------------------------------- */

struct transcript {
	struct step *steps;
	unsigned n, room;
};

/* Run the script's text on so many shards; fills *set and the transcript (to be given back). */
void play(const char *text, unsigned shards, struct setting *set, struct transcript *record);
void transcript_free(struct transcript *t);
void setting_free(struct setting *set);

/* The same in batches of n: nothing may differ. */
void again_in_batches(const struct setting *set, struct transcript *t, unsigned n);
/* Each allocation fails once, then each embedder operation, then is absent. Returns the runs made.
 */
unsigned again_with_failures(const struct setting *set, struct transcript *t, unsigned long most);

#endif
