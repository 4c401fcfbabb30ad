/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmark's own house: what the files of bench/ share. README.md says how each figure is
 * measured; each section is one function here and one file, and reports figures by name.
 */
#ifndef SLUICE_BENCH_H
#define SLUICE_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <sluice/policy.h>

#define BATCH_MAX 256
#define RUNS_MAX  15

/* ---- figures (report.c) ---------------------------------------------------------------------- */

struct figure {
	char name[96];    /* unique, stable: what --compare goes by */
	const char *unit; /* "ns", "bytes", "us", "x", "count" */
	double median, min, max;
	double floor; /* what the floor loop takes for the same, 0: there is no such thing */
};

struct options {
	unsigned runs;      /* of each figure */
	uint32_t packets;   /* of each run */
	uint32_t flows_max; /* larger tables are left out */
	bool quick;         /* a few of everything, to see that it works */
	bool huge;          /* memory in 2 MiB pages */
	const char *only;   /* sections whose name begins so */
	FILE *json;         /* or NULL */
};
extern struct options options;

void section(const char *title);
/* Median and spread of n values; sorts them. */
struct figure figure_of(double *values, unsigned n);
void report(struct figure *f, const char *unit, double floor, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
int compare(const char *before, const char *after);

/* ---- time and memory (world.c) --------------------------------------------------------------- */

/* Seconds that this thread has computed: what others do on the machine meanwhile is not in it. */
double cpu_seconds(void);

/* All memory that engines (and the floor) hold, counted as it was asked for. */
struct memory {
	size_t held;
	char *arena;       /* --huge: one reserve of 2 MiB pages; or one that was touched before ... */
	size_t used, room; /* ... cut from the front */
};
struct sl_mem memory_of(struct memory *memory);
void memory_done(struct memory *memory);
/* From now on from `room` bytes whose pages are all there: no page fault is in what is measured. */
void memory_touched(struct memory *memory, size_t room);

/* ---- flows and packets (world.c) ------------------------------------------------------------- */

struct load {
	uint8_t proto;
	bool v6, nat;
	bool summed; /* checksums are right, and left to the engine to check */
	uint32_t flows;
};

struct slot {
	uint8_t headroom[32], data[96], tailroom[32];
};

/* One thread's packets. */
struct lane {
	struct slot slot[BATCH_MAX];
	struct sl_packet packet[BATCH_MAX];
	uint32_t turn; /* packets made so far: TCP numbers move with it */
};

/* Packet k becomes one of flow i in direction dir, with these TCP flags. */
void make_packet(const struct load *load, struct lane *lane, unsigned k, uint32_t i,
        enum sl_dir dir, uint8_t flags);
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_ACK = 16 };

/* What masquerades by interface 2. */
extern struct sl_policy_masquerade masquerade;
void bench_route(void *ctx, const struct sl_route_query *q, struct sl_route *answer);
struct sl_engine *engine_for(const struct load *load, struct memory *memory);
/* Open every flow, answer it, and make it old enough to be assured. Seconds: the first packets. */
double open_all(const struct load *load, struct sl_engine *e, struct lane *lane);
#define AFTER_OPENING 5000000000u /* ns: the time to go on with */

static inline uint32_t next_random(uint32_t *seed)
{
	return *seed = *seed * 1664525u + 1013904223u;
}

/* A random flow number. */
static inline uint32_t pick_flow(uint32_t *seed, uint32_t flows)
{
	return (uint32_t)((uint64_t)next_random(seed) * flows >> 32);
}

/* ---- the floor (floor.c) --------------------------------------------------------------------- */

struct floor_table;
struct floor_table *floor_create(struct memory *memory, uint32_t flows);
void floor_destroy(struct floor_table *table);
/* Open all flows of the load; seconds. */
double floor_fill(struct floor_table *table, const struct load *load, struct lane *lane);
/* n packets, in batches of 32 inside. */
void floor_work(struct floor_table *table, struct lane *lane, unsigned n);
/* Median ns a packet with that many flows; measured once, remembered. */
double floor_ns(uint32_t flows);
double floor_new_ns(uint32_t flows);
double floor_bytes(uint32_t flows);

/* ---- sections -------------------------------------------------------------------------------- */

void bench_floor(void);
void bench_established(void);
void bench_life(void);
void bench_ports(void);
void bench_flood(void);
void bench_rules(void);
void bench_helpers(void);
void bench_cores(void);
void bench_control(void);

/* ns a packet of `packets` random ones; engine and floor NULL: of making them alone. */
double round_of(const struct load *load, struct lane *lane, struct sl_engine *e,
        struct floor_table *floor, enum sl_dir dir, unsigned batch, uint32_t packets);

#endif
