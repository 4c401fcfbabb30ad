/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the control socket costs the packets: a table of a million connections is listed, by the
 * server of a live gateway and a reader of its socket, each in a thread of its own, while the
 * engine's thread goes on with packets. Measured is what that thread computes for the control
 * thread, between two batches of packets: the longest time, and how much in all.
 */
#include "bench/bench.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/client.h"
#include "ctl/server.h"

static struct lane lane;

struct reader {
	const char *path;
	bool json;
	atomic_bool done;
	int status;
};

static void *read_all(void *ctx)
{
	struct reader *r = ctx;
	const char *words[] = {"list", "-j"};
	int null = open("/dev/null", O_WRONLY), fd = sl__client_ask(r->path, words, r->json ? 2 : 1);

	r->status = fd >= 0 && null >= 0 ? sl__client_copy(fd, null, null) : 1;
	close(fd);
	close(null);
	atomic_store(&r->done, true);
	return NULL;
}

static void no_more(void *ctx, struct sl_control_more *out)
{
	(void)ctx, (void)out;
}

struct cost {
	double longest, all; /* us */
	double seconds;      /* of the list */
};

/* Packets and questions in turn, until the reader has it all. */
static struct cost listed(const struct load *load, struct sl_engine *e, struct sl_desk *desk, struct reader *r)
{
	struct cost cost = {0};
	uint32_t seed = 7;
	double begin = cpu_seconds();
	pthread_t thread;

	pthread_create(&thread, NULL, read_all, r);
	while (!atomic_load(&r->done)) {
		double before, took;

		for (unsigned k = 0; k < 64; k++)
			make_packet(load, &lane, k, pick_flow(&seed, load->flows), SL_ORIGINAL, TCP_ACK);
		sl_input(e, lane.packet, 64, AFTER_OPENING);
		before = cpu_seconds();
		sl__desk_serve(desk);
		took = (cpu_seconds() - before) * 1e6;
		cost.longest = took > cost.longest ? took : cost.longest;
		cost.all += took;
	}
	pthread_join(thread, NULL);
	cost.seconds = cpu_seconds() - begin;
	if (r->status)
		exit(1);
	return cost;
}

static void measure(const struct load *load, struct sl_engine *e, bool json)
{
	char path[64];
	struct sl_desk desk;
	struct sl_feed feed;
	struct sl_control_ops ops = {.n_engines = 1, .more = no_more};
	struct reader reader = {.path = path, .json = json};
	struct sl_server *server;
	struct figure f;
	struct cost cost;

	snprintf(path, sizeof(path), "/tmp/sluice-bench-%d.sock", (int)getpid());
	if (!sl__desk_init(&desk) || !sl__feed_init(&feed, 1 << 20))
		exit(1);
	ops.engines[0] = (struct sl_control_engine){.engine = e, .desk = &desk, .feed = &feed};
	server = sl__server_create(path, 0600, NULL, &ops);
	if (!server || !sl__server_start(server))
		exit(1);
	cost = listed(load, e, &desk, &reader);
	f.median = f.min = f.max = cost.longest;
	report(&f, "us", 0, "%u connections listed%s: packets wait, longest", load->flows, json ? " as JSON" : "");
	f.median = f.min = f.max = cost.all / load->flows * 1e3;
	report(&f, "ns", 0, "%u connections listed%s: packets wait, for each", load->flows, json ? " as JSON" : "");
	sl__desk_close(&desk);
	sl__server_destroy(server);
	sl__desk_fini(&desk);
	sl__feed_fini(&feed);
}

void bench_control(void)
{
	struct load load = {SL_PROTO_TCP, false, true, false, options.quick ? 10000 : 1000000};
	struct memory memory = {0};
	struct sl_engine *e;

	if (load.flows > options.flows_max)
		load.flows = options.flows_max;
	section("the control socket");
	e = engine_for(&load, &memory);
	open_all(&load, e, &lane);
	measure(&load, e, false);
	measure(&load, e, true);
	sl_engine_destroy(e);
	memory_done(&memory);
}
