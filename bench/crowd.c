/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When things run out: ports towards one remote endpoint, and room in the table.
 */
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>

#include <sluice/helper.h>

#include "base/wire.h"

#define PORTS 64512u /* 1024-65535 */

static struct lane lane;

/* Packet k is of inside client i, all of them to one remote port, from one source port. */
static void client(unsigned k, uint32_t i)
{
	static const struct load load = {SL_PROTO_UDP, false, true, false, 1};

	make_packet(&load, &lane, k, 0, SL_ORIGINAL, 0);
	sl_put32(lane.slot[k].data + 12, 0x0a000002 + i);
}

/* Clients from..from+n-1; ns each. *dropped: how many found no port. */
static double clients(struct sl_engine *e, uint32_t from, uint32_t n, uint32_t *dropped)
{
	double spent = 0, begin;
	unsigned some;

	*dropped = 0;
	for (uint32_t i = 0; i < n; i += some) {
		some = n - i < BATCH_MAX ? n - i : BATCH_MAX;
		for (unsigned k = 0; k < some; k++)
			client(k, from + i + k);
		begin = cpu_seconds();
		sl_input(e, lane.packet, some, 1000000);
		spent += cpu_seconds() - begin;
		for (unsigned k = 0; k < some; k++)
			*dropped += lane.packet[k].reason == SL_WHY_NAT_NO_PORT;
	}
	return spent / n * 1e9;
}

static void kill_random(struct sl_engine *e, uint32_t *seed, unsigned n)
{
	while (n) {
		uint16_t port = (uint16_t)(1024 + pick_flow(seed, PORTS));
		uint8_t public4[4] = {203, 0, 113, 1}, remote[4];
		struct sl_tuple reply = {
		        .proto = SL_PROTO_UDP, .family = SL_IPV4, .sport = 443, .dport = port};
		struct sl_conn *conn;
		enum sl_dir dir;

		sl_put32(remote, 0xc6120001);
		reply.src = sl_addr_v4(remote);
		reply.dst = sl_addr_v4(public4);
		conn = sl_conn_find(e, &reply, 0, &dir);
		if (!conn)
			continue;
		sl_conn_kill(e, conn, SL_WHY_FLUSHED);
		n--;
	}
}

void bench_ports(void)
{
	struct load load = {SL_PROTO_UDP, false, true, false, 70000};
	double found[RUNS_MAX], none[RUNS_MAX];
	struct memory memory = {0};
	struct sl_engine *e = engine_for(&load, &memory);
	uint32_t seed = 99, dropped, next = PORTS + 1000;
	struct figure f;

	section("ports of one address towards one remote port");
	f.median = f.min = f.max = clients(e, 0, PORTS / 2, &dropped);
	report(&f, "ns", 0, "new udp ipv4 snat, the first half of the ports");
	f.median = f.min = f.max = clients(e, PORTS / 2, PORTS - PORTS / 2, &dropped);
	report(&f, "ns", 0, "new udp ipv4 snat, the second half of the ports");
	if (dropped)
		printf("%u of %u found no port\n", dropped, PORTS);
	for (unsigned run = 0; run < options.runs; run++) {
		kill_random(e, &seed, 64);
		found[run] = clients(e, next, 64, &dropped);
		if (dropped)
			printf("%u of 64 found no port\n", dropped);
		next += 64;
		none[run] = clients(e, next, 20000, &dropped);
		if (dropped != 20000)
			printf("%u found a port that is not there\n", 20000 - dropped);
		next += 20000;
	}
	f = figure_of(found, options.runs);
	report(&f, "ns", 0, "new udp ipv4 snat, 99.9 %% of the ports in use");
	f = figure_of(none, options.runs);
	report(&f, "ns", 0, "no port left: dropped");
	sl_engine_destroy(e);
	memory_done(&memory);
}

/* ---- floods ---------------------------------------------------------------------------------- */

/* Packet k: a first packet of a flow that never was. */
static void stranger(unsigned k, uint8_t proto, uint32_t i)
{
	struct load load = {proto, false, false, false, 1};

	make_packet(&load, &lane, k, 0, SL_ORIGINAL, TCP_SYN);
	sl_put32(lane.slot[k].data + 12, 0x0b000000 + i / 50000);
	sl_put16(lane.slot[k].data + 20, (uint16_t)(1024 + i % 50000));
}

static double flood(struct sl_engine *e, uint8_t proto, uint32_t from, uint32_t n)
{
	double spent = 0, begin;

	for (uint32_t i = 0; i < n; i += BATCH_MAX) {
		for (unsigned k = 0; k < BATCH_MAX; k++)
			stranger(k, proto, from + i + k);
		begin = cpu_seconds();
		sl_input(e, lane.packet, BATCH_MAX, AFTER_OPENING);
		spent += cpu_seconds() - begin;
	}
	return spent / n * 1e9;
}

static void flood_of(uint8_t proto, uint32_t flows)
{
	/* Half of the table is assured, the flood fills the other half and goes on. */
	struct load load = {proto, false, false, false, flows / 2};
	const char *name = proto == SL_PROTO_TCP ? "SYNs" : "UDP packets";
	struct sl_env env = {.route = bench_route, .seed = {7}};
	struct memory memory = {0};
	struct sl_config config;
	struct sl_engine *e;
	uint32_t left = 0;
	struct figure f;

	env.mem = memory_of(&memory);
	sl_config_init(&config);
	config.table_max = flows;
	e = sl_engine_create(&config, &env);
	if (!e)
		exit(1);
	open_all(&load, e, &lane);
	flood(e, proto, 0, flows);
	f.median = f.min = f.max = flood(e, proto, flows, 1000000);
	report(&f, "ns", 0, "a full table of %u, flood of %s", flows, name);
	for (uint32_t i = 0; i < load.flows; i += BATCH_MAX) {
		for (unsigned k = 0; k < BATCH_MAX; k++)
			make_packet(&load, &lane, k, (i + k) % load.flows, SL_REPLY, TCP_ACK);
		sl_input(e, lane.packet, BATCH_MAX, AFTER_OPENING);
		for (unsigned k = 0; k < BATCH_MAX && i + k < load.flows; k++)
			left += lane.packet[k].state == SL_CT_ESTABLISHED;
	}
	f.median = f.min = f.max = (double)left / load.flows * 100;
	report(&f, "%", 0, "assured connections left after a flood of %s", name);
	sl_engine_destroy(e);
	memory_done(&memory);
}

/* Packet k: a stranger's read request of TFTP, for which the helper expects a transfer. */
static void stranger_asks(unsigned k, uint32_t i)
{
	static const char request[] = "\0\1f\0octet";
	uint8_t *d = lane.slot[k].data;

	stranger(k, SL_PROTO_UDP, i);
	sl_put16(d + 2, 28 + sizeof(request));
	sl_put16(d + 22, 69);
	sl_put16(d + 24, 8 + sizeof(request));
	memcpy(d + 28, request, sizeof(request));
	lane.packet[k].len = 28 + sizeof(request);
}

static void flood_of_expectations(uint32_t flows)
{
	struct sl_env env = {.route = bench_route, .seed = {7}};
	struct memory memory = {0};
	struct sl_config config;
	struct sl_engine *e;
	double spent = 0, begin;
	struct sl_stats stats;
	struct figure f;

	env.mem = memory_of(&memory);
	sl_config_init(&config);
	config.table_max = flows;
	e = sl_engine_create(&config, &env);
	for (const struct sl_helper *const *h = sl_helpers_builtin(); e && *h; h++)
		if (!strcmp((*h)->name, "tftp") && !sl_helper_register(e, *h, true))
			exit(1);
	if (!e)
		exit(1);
	/* The first round fills the table of connections and, long before, that of expectations. */
	for (uint32_t i = 0; i < 2 * flows; i += BATCH_MAX) {
		for (unsigned k = 0; k < BATCH_MAX; k++)
			stranger_asks(k, i + k);
		begin = cpu_seconds();
		sl_input(e, lane.packet, BATCH_MAX, AFTER_OPENING);
		spent += i >= flows ? cpu_seconds() - begin : 0;
	}
	sl_stats(e, &stats);
	f.median = f.min = f.max = spent / flows * 1e9;
	report(&f, "ns", 0, "full tables of %u and %u, flood of expectations", flows, stats.expects);
	sl_engine_destroy(e);
	memory_done(&memory);
}

void bench_flood(void)
{
	uint32_t flows = options.flows_max < 1000000 ? options.flows_max : 1000000;

	section("floods");
	flood_of(SL_PROTO_TCP, flows);
	flood_of(SL_PROTO_UDP, flows);
	flood_of_expectations(flows);
}
