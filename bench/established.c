/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets of established connections, flows in random order, and what a connection occupies.
 */
#include "bench/bench.h"

static struct lane lane;

static const char *name_of(const struct load *load)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s %s %s", load->proto == SL_PROTO_TCP ? "tcp" : "udp",
	        load->v6 ? "ipv6" : "ipv4", load->nat ? "snat" : "no-nat");
	return name;
}

static void measure(const struct load *load, struct sl_engine *e, enum sl_dir dir, unsigned batch)
{
	double value[RUNS_MAX];
	struct figure f;

	for (unsigned run = 0; run < options.runs; run++) {
		double idle = round_of(load, &lane, NULL, NULL, dir, batch, options.packets);

		value[run] = round_of(load, &lane, e, NULL, dir, batch, options.packets) - idle;
	}
	f = figure_of(value, options.runs);
	report(&f, "ns", floor_ns(load->flows), "%s %s %u flows, batch %u%s%s", name_of(load),
	        dir == SL_ORIGINAL ? "original" : "reply", load->flows, batch,
	        load->summed ? ", checksums verified" : "", options.huge ? ", 2 MiB pages" : "");
}

/* Opens the flows and reports what each occupies. */
static struct sl_engine *opened(const struct load *load, struct memory *memory)
{
	struct sl_engine *e = engine_for(load, memory);
	size_t before = memory->held;
	struct figure f;

	open_all(load, e, &lane);
	f.median = f.min = f.max = (double)(memory->held - before) / load->flows;
	if (!options.huge)
		report(&f, "bytes", floor_bytes(load->flows), "%s memory, %u flows", name_of(load),
		        load->flows);
	return e;
}

/* The main load of a size: everything about it is shown; the others show what differs. */
static void main_load(uint32_t flows)
{
	struct load load = {SL_PROTO_UDP, false, true, false, flows};
	struct memory memory = {0};
	struct sl_engine *e = opened(&load, &memory);

	measure(&load, e, SL_ORIGINAL, 256);
	measure(&load, e, SL_REPLY, 256);
	if (flows <= 1000000) { /* more takes its time */
		measure(&load, e, SL_ORIGINAL, 32);
		measure(&load, e, SL_ORIGINAL, 1);
		load.summed = true;
		measure(&load, e, SL_ORIGINAL, 256);
	}
	sl_engine_destroy(e);
	memory_done(&memory);
}

static void other_load(uint8_t proto, bool v6, bool nat, uint32_t flows)
{
	struct load load = {proto, v6, nat, false, flows};
	struct memory memory = {0};
	struct sl_engine *e = opened(&load, &memory);

	measure(&load, e, SL_ORIGINAL, 256);
	if (nat)
		measure(&load, e, SL_REPLY, 256);
	sl_engine_destroy(e);
	memory_done(&memory);
}

/* What large tables cost where memory comes in large pages: waiting is mostly for pages' addresses. */
static void large_pages(uint8_t proto, uint32_t flows)
{
	struct load load = {proto, false, true, false, flows};
	struct memory memory = {0};
	struct sl_engine *e;

	options.huge = true;
	e = opened(&load, &memory);
	measure(&load, e, SL_ORIGINAL, 256);
	sl_engine_destroy(e);
	memory_done(&memory);
	options.huge = false;
}

void bench_established(void)
{
	static const uint32_t flows[] = {1000, 100000, 1000000, 10000000};

	section("established");
	for (unsigned i = 0; i < 4 && flows[i] <= options.flows_max; i++) {
		main_load(flows[i]);
		other_load(SL_PROTO_TCP, false, true, flows[i]);
		if (flows[i] >= 1000000 && !options.huge) {
			large_pages(SL_PROTO_UDP, flows[i]);
			large_pages(SL_PROTO_TCP, flows[i]);
		}
		if (flows[i] > 1000000)
			break; /* memory, and the time to open them */
		other_load(SL_PROTO_UDP, true, true, flows[i]);
		other_load(SL_PROTO_TCP, true, true, flows[i]);
		other_load(SL_PROTO_UDP, false, false, flows[i]);
		other_load(SL_PROTO_TCP, false, false, flows[i]);
	}
}
