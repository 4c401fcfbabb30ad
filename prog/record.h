/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_RECORD_H
#define SLUICE_PROG_RECORD_H

/*
 * A recording of everything that went into a live gateway's engines, in the order in which it went in:
 *
 *	how it was made		config, seed, command line's helpers and tunables, ruleset
 *	packets, time		with all that sl_packet says, and what the clock was
 *	surroundings		interfaces and own addresses, at first and when they changed; the answer
 *				to each question for a route, in the order of the questions
 *	an operator's doings	connections taken up from an earlier run, ended, rulesets put in place, routes forgotten
 *	what came of it		a hash of verdicts and of every byte that left, batch by batch
 *
 * An engine is a function of these; so a replay gives the same, and the hashes prove it. Several
 * engines take turns while there is a recording, one batch each (sl__live_turn), as they share what
 * their ruleset counts and must find it as then: the file says whose turn it is. A packet that one
 * handed over to another is in it twice, as input of both.
 *
 * The file is a head and then records: a kind, four bytes of length, the content. Numbers are in
 * the byte order of the machine that wrote it; the head tells a foreign one.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <sluice/rules.h>
#include <sluice/sluice.h>

#define SL_RECORD_MAGIC "sluicerec\2\0\0\0\0\0\0" /* 16 bytes with its NUL */
#define SL_RECORD_ORDER UINT32_C(0x01020304)

enum sl_record_kind {
	SL_RECORD_ENGINE = 'E', /* 32 bits: which one the records behind it are of; at first 0 */
	SL_RECORD_BEGIN = 'B',  /* struct sl_record_begin; of each engine one, 0 first */
	SL_RECORD_OPTION = 'o', /* a letter (h: --helper, s: --set, x: --outside), then its text */
	SL_RECORD_RULES = 'R',  /* a ruleset: before the first packet, or a reload */
	SL_RECORD_SHARED = 'V', /* the same for engines behind the first: a view of its ruleset */
	SL_RECORD_TEND = 'T', /* 64 bits of time: sl_rules_tend(), when there was something to do */
	SL_RECORD_INPUT = 'P',    /* struct sl_record_input, then packets */
	SL_RECORD_CLOCK = 'K',    /* struct sl_record_input with n = budget */
	SL_RECORD_ROUTES = 'G',   /* sl_routes_changed() */
	SL_RECORD_IMPORT = 'I',   /* sl_conn_import(): its bytes */
	SL_RECORD_CONN = 'X',     /* struct sl_record_kill */
	SL_RECORD_EXPECT = 'Y',   /* struct sl_record_kill, by id */
	SL_RECORD_ROUTE = 'r',    /* struct sl_record_route */
	SL_RECORD_ROUTE_IF = 'f', /* the answer to a rule's question for an interface: 32 bits */
	SL_RECORD_LINK = 'i', /* an interface: 32 bits of index, then its name; none: it is gone */
	SL_RECORD_ADDR = 'a', /* struct sl_record_addr */
	SL_RECORD_OUTPUT = 'O', /* 64 bits: hash of what came of the input or clock before */
};

struct sl_record_begin {
	uint32_t table_max, expect_max, fragment_memory, stream_memory;
	uint64_t start;
	uint8_t seed[32];
	uint8_t forward_ttl, masquerade, checksum, pad;
	uint16_t shards, shard;
};

struct sl_record_input {
	uint64_t now;
	uint32_t n;
	uint32_t pad;
};

/* Of a packet; its bytes follow. */
struct sl_record_packet {
	uint32_t len, headroom, tailroom, in_if, vrf, mark;
	uint16_t zone, gso_size;
	uint8_t gso, csum, from, cast;
	struct sl_handed handed;
	uint8_t inside, pad[3];
};

struct sl_record_kill {
	struct sl_tuple tuple;
	uint64_t id;
	uint32_t why;
	uint16_t zone, pad;
};

struct sl_record_route {
	struct sl_route_query query;
	struct sl_route answer;
};

/* An address of the machine's own comes or goes. */
struct sl_record_addr {
	struct sl_addr addr;
	uint32_t gone;
};

/* ---- writing --------------------------------------------------------------------------------- */

enum { SL_RECORD_ENGINES = 16 };

struct sl_recording {
	FILE *f; /* NULL: not recording, or not any more */
	uint64_t size, max;
	bool full;
	uint32_t engine; /* who wrote last */
};

/* One engine's: what it writes is of that engine. */
struct sl_recorder {
	struct sl_recording *to;
	uint32_t engine;
};

static inline bool sl__recording(const struct sl_recorder *r)
{
	return r->to && r->to->f && !r->to->full;
}

/* False: said on stderr. */
bool sl__recording_init(struct sl_recording *to, const char *path, uint64_t max);
void sl__recording_fini(struct sl_recording *to);
void sl__record(struct sl_recorder *r, enum sl_record_kind kind, const void *content, size_t len);
void sl__record_rules(struct sl_recorder *r, const struct sl_rules *rules);
void sl__record_input(
        struct sl_recorder *r, const struct sl_packet *packets, unsigned n, uint64_t now);
void sl__record_clock(struct sl_recorder *r, uint64_t now, unsigned budget);
void sl__record_link(struct sl_recorder *r, uint32_t index, const char *name);
void sl__record_addr(struct sl_recorder *r, const struct sl_addr *addr, bool gone);
void sl__record_option(struct sl_recorder *r, char letter, const char *text);

/* The hash of what came of an input: begin with 0, add each packet put in, and each that left. */
uint64_t sl__record_hash(uint64_t hash, const struct sl_packet *p, bool emitted);

/* ---- reading: prog/playback.c ---------------------------------------------------------------- */

/* Is it a recording? */
bool sl__playback_is(const char *path);

struct sl_replay_options;
/* `sluice replay RECORDING`; the exit status. */
int sl__playback(const struct sl_replay_options *opt);

#endif
