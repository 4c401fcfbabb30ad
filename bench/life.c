/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a connection: its first packet, with NAT and the growth of every table, and its
 * expiry; and the longest that any single call takes meanwhile.
 */
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>

#define CALLS_MAX (1u << 20)

static struct lane lane;

static double fresh_of(const struct load *load, struct sl_engine *e)
{
	double spent = 0, begin;
	unsigned n;

	for (uint32_t i = 0; i < load->flows; i += n) {
		n = load->flows - i < BATCH_MAX ? load->flows - i : BATCH_MAX;
		for (unsigned k = 0; k < n; k++)
			make_packet(load, &lane, k, i + k, SL_ORIGINAL, TCP_SYN);
		begin = cpu_seconds();
		sl_input(e, lane.packet, n, 1000000);
		spent += cpu_seconds() - begin;
	}
	return spent / load->flows * 1e9;
}

/* Let everything expire, in calls of a budget; *longest: the longest call, us. */
static double expire_all(
        const struct load *load, struct sl_engine *e, unsigned budget, double *longest)
{
	double begin = cpu_seconds(), before = begin, after;
	bool more;

	*longest = 0;
	do {
		more = sl_clock(e, (uint64_t)600000 * 1000000000u, budget);
		after = cpu_seconds();
		if ((after - before) * 1e6 > *longest)
			*longest = (after - before) * 1e6;
		before = after;
	} while (more);
	return (before - begin) / load->flows * 1e9;
}

static void new_and_end(uint8_t proto, bool v6, uint32_t flows)
{
	struct load load = {proto, v6, true, false, flows};
	double fresh[3], end[3], both[3], longest[3];
	const char *name = proto == SL_PROTO_TCP ? "tcp" : "udp";
	const char *pages = options.huge ? ", 2 MiB pages" : "";
	struct figure f;

	for (unsigned run = 0; run < 3; run++) {
		struct memory memory = {0};
		struct sl_engine *e = engine_for(&load, &memory);

		fresh[run] = fresh_of(&load, e);
		end[run] = expire_all(&load, e, 1000, &longest[run]);
		both[run] = fresh[run] + end[run];
		sl_engine_destroy(e);
		memory_done(&memory);
	}
	f = figure_of(fresh, 3);
	report(&f, "ns", floor_new_ns(flows), "new %s %s snat, %u flows%s", name,
	        v6 ? "ipv6" : "ipv4", flows, pages);
	f = figure_of(end, 3);
	report(&f, "ns", 0, "expiry %s %s, %u flows%s", name, v6 ? "ipv6" : "ipv4", flows, pages);
	f = figure_of(both, 3);
	report(&f, "ns", 0, "new and expiry %s %s snat, %u flows%s", name, v6 ? "ipv6" : "ipv4",
	        flows, pages);
	f = figure_of(longest, 3);
	report(&f, "us", 0, "longest clock call of budget 1000, %s %s, %u flows%s", name,
	        v6 ? "ipv6" : "ipv4", flows, pages);
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

/*
 * The slowest single packets while the table grows from nothing: what growth makes them wait. engine
 * NULL: the same loop without one, for what the machine itself makes it wait.
 */
static struct figure slowest(const struct load *load, struct sl_engine *engine)
{
	uint32_t flows = load->flows;
	float *took = malloc(flows * sizeof(*took));
	struct figure f;

	if (!took)
		exit(1);
	memset(took, 1, flows * sizeof(*took)); /* its pages are there */
	for (uint32_t i = 0; i < flows; i++) {
		double begin;

		make_packet(load, &lane, 0, i, SL_ORIGINAL, 0);
		begin = cpu_seconds();
		if (engine)
			sl_input(engine, lane.packet, 1, 1000000);
		took[i] = (float)((cpu_seconds() - begin) * 1e6);
	}
	qsort(took, flows, sizeof(*took), by_value);
	f.median = f.min = took[flows - 1 - flows / 100000];
	f.max = took[flows - 1];
	free(took);
	return f;
}

static void growth(uint32_t flows)
{
	struct load load = {SL_PROTO_UDP, false, true, false, flows};
	struct memory memory = {0};
	struct figure f;

	for (unsigned touched = 0; touched < 2; touched++) {
		struct sl_engine *e;

		if (touched)
			memory_touched(&memory, ((size_t)16 << 20) + (size_t)flows * 256);
		e = engine_for(&load, &memory);
		f = slowest(&load, e);
		report(&f, "us", 0, "a new flow among %u, slowest of 100,000 and of all%s", flows,
		        touched ? ", memory touched before" : "");
		sl_engine_destroy(e);
		memory_done(&memory);
	}
	f = slowest(&load, NULL);
	report(&f, "us", 0, "the same loop without an engine");
}

void bench_life(void)
{
	static const uint32_t flows[] = {1000, 100000, 1000000};

	section("new connections and their end");
	for (unsigned i = 0; i < 3 && flows[i] <= options.flows_max; i++)
		new_and_end(SL_PROTO_UDP, false, flows[i]);
	new_and_end(SL_PROTO_TCP, false, flows[options.quick ? 1 : 2]);
	new_and_end(SL_PROTO_UDP, true, flows[options.quick ? 1 : 2]);
	new_and_end(SL_PROTO_TCP, true, flows[options.quick ? 1 : 2]);
	if (!options.huge && options.flows_max >= flows[2]) {
		options.huge = true;
		new_and_end(SL_PROTO_UDP, false, flows[2]);
		options.huge = false;
	}
	growth(flows[options.quick ? 1 : 2]);
}
