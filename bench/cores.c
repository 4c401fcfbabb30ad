/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two engines on two cores, and two copies of the floor loop: how many times one alone they do.
 * Time is each thread's own, so what others compute on the machine is not in it, but what the two
 * take from each other (caches, memory) is.
 */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <pthread.h>
#include <stdlib.h>

struct worker {
	struct load load;
	struct lane *lane;
	struct sl_engine *engine;
	struct floor_table *floor;
	pthread_barrier_t *start;
	double ns; /* a packet, without making it */
};

static void *work(void *arg)
{
	struct worker *w = arg;
	double idle;

	if (w->start)
		pthread_barrier_wait(w->start);
	idle = round_of(&w->load, w->lane, NULL, NULL, SL_ORIGINAL, 256, options.packets);
	w->ns = round_of(&w->load, w->lane, w->engine, w->floor, SL_ORIGINAL, 256,
	                options.packets * 2) -
	        idle;
	return NULL;
}

static void both(struct worker w[2])
{
	pthread_barrier_t start;
	pthread_t thread[2];

	pthread_barrier_init(&start, NULL, 2);
	for (unsigned i = 0; i < 2; i++) {
		w[i].start = &start;
		if (pthread_create(&thread[i], NULL, work, &w[i]))
			exit(1);
	}
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		w[i].start = NULL;
	}
	pthread_barrier_destroy(&start);
}

/* How many times one alone both do together. */
static struct figure gain(struct worker w[2])
{
	double value[RUNS_MAX];

	for (unsigned run = 0; run < options.runs; run++) {
		double alone;

		work(&w[0]);
		alone = w[0].ns;
		both(w);
		value[run] = alone / w[0].ns + alone / w[1].ns;
	}
	return figure_of(value, options.runs);
}

void bench_cores(void)
{
	uint32_t flows = options.flows_max < 1000000 ? options.flows_max : 1000000;
	struct load load = {SL_PROTO_UDP, false, true, false, flows};
	struct memory memory[4] = {{0}};
	struct worker engines[2], floors[2];
	struct figure f, bare;

	section("two cores");
	for (unsigned i = 0; i < 2; i++) {
		struct lane *lane = calloc(1, sizeof(*lane));

		if (!lane)
			exit(1);
		engines[i] = (struct worker){
		        .load = load, .lane = lane, .engine = engine_for(&load, &memory[i])};
		open_all(&load, engines[i].engine, lane);
		floors[i] = (struct worker){
		        .load = load, .lane = lane, .floor = floor_create(&memory[2 + i], flows)};
		floor_fill(floors[i].floor, &load, lane);
	}
	bare = gain(floors);
	report(&bare, "x", 0, "two floor loops: times one, %u flows each", flows);
	f = gain(engines);
	report(&f, "x", bare.median, "two engines: times one, %u flows each", flows);
	for (unsigned i = 0; i < 2; i++) {
		sl_engine_destroy(engines[i].engine);
		floor_destroy(floors[i].floor);
		free(engines[i].lane);
		memory_done(&memory[i]);
		memory_done(&memory[2 + i]);
	}
}
