/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet of an established, translated connection costs, what a new connection costs,
 * and what it occupies. bench/README.md says how each figure is measured.
 *
 *	bench-engine [-j FILE] [FLOWS ...]
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sluice/policy.h>

#include "base/checksum.h"
#include "base/wire.h"

#define BATCH_MAX 256
#define RUNS 5
#define PACKETS 2000000u
#define FRAME 96

struct load {
	uint8_t proto;
	bool v6, nat;
	unsigned flows, batch;
};

struct spread {
	double min, median, max;
};

/* ---- the embedder ------------------------------------------------------------------------------- */

static size_t held;

static void *memory_alloc(void *ctx, size_t size, size_t align)
{
	void *p = aligned_alloc(align, (size + align - 1) / align * align);

	(void)ctx;
	if (p)
		held += size;
	return p;
}

static void memory_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	held -= size;
	free(p);
}

static void route(void *ctx, const struct sl_route_query *q, struct sl_route *answer)
{
	static const uint8_t public4[4] = {203, 0, 113, 1};
	static const uint8_t public6[16] = {0x20, 1, 0xd, 0xb8, 0xff, 0xff, [15] = 1};

	(void)ctx;
	answer->kind = SL_ROUTE_FORWARD;
	answer->out_if = q->in_if == 1 ? 2 : 1;
	answer->source = q->family == SL_IPV4 ? sl_addr_v4(public4) : sl_addr_v6(public6);
	answer->has_source = true;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- packets ---------------------------------------------------------------------------------------- */

static uint8_t slots[BATCH_MAX][32 + FRAME + 32];
static struct sl_packet packets[BATCH_MAX];

static void lend(unsigned k, uint32_t len, uint32_t in_if)
{
	packets[k] = (struct sl_packet){.data = slots[k] + 32, .len = len, .headroom = 32,
		.tailroom = 32, .in_if = in_if, .csum = SL_CSUM_CHECKED};
}

/* Flow i, from one of a few inside hosts to one of many remotes, so that ports suffice. */
static uint32_t fill(const struct load *load, uint8_t *d, uint32_t i, uint8_t flags)
{
	uint32_t l4 = load->v6 ? 40 : 20, size = load->proto == SL_PROTO_TCP ? 20 : 26;
	uint32_t host = i / 60000, remote = i % 97 * 256 + host % 200;

	memset(d, 0, l4 + size);
	if (!load->v6) {
		d[0] = 0x45;
		sl_put16(d + 2, (uint16_t)(l4 + size));
		d[8] = 64;
		d[9] = load->proto;
		sl_put32(d + 12, 0x0a000002 + host);
		sl_put32(d + 16, 0xc6120001 + remote);
		sl_put16(d + 10, sl__csum(sl__sum(d, 20, 0)));
	} else {
		d[0] = 0x60;
		sl_put16(d + 4, (uint16_t)size);
		d[6] = load->proto;
		d[7] = 64;
		sl_put32(d + 8, 0xfd000000);
		sl_put32(d + 20, host);
		sl_put32(d + 24, 0x20010db8);
		sl_put32(d + 36, remote);
	}
	sl_put16(d + l4, (uint16_t)(1024 + i % 60000));
	sl_put16(d + l4 + 2, 443);
	if (load->proto == SL_PROTO_UDP) {
		sl_put16(d + l4 + 4, (uint16_t)size);
		return l4 + size;
	}
	sl_put32(d + l4 + 4, flags & 2 ? 1000 : 1001);
	sl_put32(d + l4 + 8, flags & 16 ? 1 : 0);
	d[l4 + 12] = 0x50;
	d[l4 + 13] = flags;
	sl_put16(d + l4 + 14, 65535);
	return l4 + size;
}

/* Slot k, as it left, becomes its answer: addresses, ports and TCP numbers turned around. */
static void answer(const struct load *load, unsigned k, uint32_t len)
{
	uint8_t *d = slots[k] + 32, copy[FRAME];
	uint32_t l4 = load->v6 ? 40 : 20, at = load->v6 ? 8 : 12, n = load->v6 ? 16 : 4;

	memcpy(copy, d, len);
	memcpy(d + at, copy + at + n, n);
	memcpy(d + at + n, copy + at, n);
	memcpy(d + l4, copy + l4 + 2, 2);
	memcpy(d + l4 + 2, copy + l4, 2);
	if (load->proto == SL_PROTO_TCP) {
		sl_put32(d + l4 + 4, 0);
		sl_put32(d + l4 + 8, 1001);
		d[l4 + 13] = 18;
	}
	lend(k, len, 2);
}

/* ---- measuring ------------------------------------------------------------------------------------------ */

static struct sl_policy_masquerade masquerade = {2};

static struct sl_engine *make(const struct load *load)
{
	struct sl_env env = {.mem = {memory_alloc, memory_free, NULL}, .route = route, .seed = {7}};
	struct sl_config config;

	sl_config_init(&config);
	config.table_max = load->flows + 16;
	config.policy = load->nat ? &sl_policy_masquerade : NULL;
	config.policy_ctx = &masquerade;
	return sl_engine_create(&config, &env);
}

/* Open every flow and answer it. Returns the seconds that the first packets took. */
static double open_all(const struct load *load, struct sl_engine *e)
{
	double spent = 0;
	unsigned n;

	for (uint32_t i = 0; i < load->flows; i += n) {
		uint32_t len = 0;
		double begin;

		n = load->flows - i < BATCH_MAX ? load->flows - i : BATCH_MAX;
		for (unsigned k = 0; k < n; k++) {
			len = fill(load, slots[k] + 32, i + k, 2);
			lend(k, len, 1);
		}
		begin = seconds();
		sl_input(e, packets, n, 1);
		spent += seconds() - begin;
		for (unsigned k = 0; k < n; k++) {
			if (packets[k].verdict != SL_ACCEPT) {
				fprintf(stderr, "flow %u: %s\n", i + k,
					sl_reason_text((enum sl_reason)packets[k].reason));
				exit(1);
			}
			answer(load, k, len);
		}
		sl_input(e, packets, n, 1);
		for (unsigned k = 0; k < n; k++)
			lend(k, fill(load, slots[k] + 32, i + k, 16), 1);
		sl_input(e, packets, n, 1);
	}
	return spent;
}

/* ns a packet over PACKETS packets of random flows; without an engine: making them alone. */
static double round_trip(
	const struct load *load, struct sl_engine *e, const uint8_t *frames, uint32_t len)
{
	uint32_t seed = 12345;
	double begin = seconds();

	for (uint32_t done = 0; done < PACKETS; done += load->batch) {
		for (unsigned k = 0; k < load->batch; k++) {
			seed = seed * 1664525u + 1013904223u;
			memcpy(slots[k] + 32,
				frames + (size_t)((uint64_t)seed * load->flows >> 32) * FRAME, FRAME);
			lend(k, len, 1);
		}
		if (e)
			sl_input(e, packets, load->batch, 2);
	}
	return (seconds() - begin) / PACKETS * 1e9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct spread measure(const struct load *load, struct sl_engine *e)
{
	uint8_t *frames = malloc((size_t)load->flows * FRAME);
	double figure[RUNS];
	uint32_t len = 0;

	if (!frames)
		exit(1);
	for (uint32_t i = 0; i < load->flows; i++)
		len = fill(load, frames + (size_t)i * FRAME, i, 16);
	for (unsigned run = 0; run < RUNS; run++) {
		double idle = round_trip(load, NULL, frames, len);

		figure[run] = round_trip(load, e, frames, len) - idle;
	}
	free(frames);
	qsort(figure, RUNS, sizeof(figure[0]), by_value);
	return (struct spread){figure[0], figure[RUNS / 2], figure[RUNS - 1]};
}

static void bench(struct load load, FILE *json)
{
	struct sl_engine *e = make(&load);
	const char *proto = load.proto == SL_PROTO_TCP ? "tcp" : "udp";
	double fresh, end, bytes = (double)held;
	struct spread ns;

	fresh = open_all(&load, e) / load.flows * 1e9;
	bytes = ((double)held - bytes) / load.flows;
	ns = measure(&load, e);
	end = seconds();
	while (sl_clock(e, (uint64_t)600000 * 1000000000u, 1000))
		;
	end = (seconds() - end) / load.flows * 1e9;
	sl_engine_destroy(e);
	printf("%-4s %-5s %-5s %8u %6u %9.1f %7.1f-%-7.1f %8.0f %8.0f %8.0f\n", proto,
		load.v6 ? "ipv6" : "ipv4", load.nat ? "snat" : "-", load.flows, load.batch, ns.median,
		ns.min, ns.max, fresh, end, bytes);
	fflush(stdout);
	if (json)
		fprintf(json,
			"{\"proto\":\"%s\",\"family\":%d,\"nat\":%s,\"flows\":%u,\"batch\":%u,\"ns\":%.2f,"
			"\"ns_min\":%.2f,\"ns_max\":%.2f,\"new_ns\":%.1f,\"end_ns\":%.1f,\"bytes\":%.1f}\n",
			proto, load.v6 ? 6 : 4, load.nat ? "true" : "false", load.flows, load.batch,
			ns.median, ns.min, ns.max, fresh, end, bytes);
}

int main(int argc, char **argv)
{
	unsigned flows[8] = {1000, 100000, 1000000}, n = 3;
	FILE *json = NULL;

	if (argc > 2 && !strcmp(argv[1], "-j")) {
		json = fopen(argv[2], "w");
		if (!json) {
			perror(argv[2]);
			return 1;
		}
		argc -= 2;
		argv += 2;
	}
	if (argc > 1)
		for (n = 0; n + 1 < (unsigned)argc && n < 8; n++)
			flows[n] = (unsigned)strtoul(argv[n + 1], NULL, 10);
	printf("%-4s %-5s %-5s %8s %6s %9s %15s %8s %8s %8s\n", "", "", "nat", "flows", "batch",
		"ns/packet", "min-max", "new ns", "end ns", "bytes");
	for (unsigned i = 0; i < n; i++) {
		for (unsigned v6 = 0; v6 < 2; v6++) {
			bench((struct load){SL_PROTO_UDP, v6, true, flows[i], 256}, json);
			bench((struct load){SL_PROTO_TCP, v6, true, flows[i], 256}, json);
		}
		bench((struct load){SL_PROTO_UDP, false, false, flows[i], 256}, json);
		bench((struct load){SL_PROTO_UDP, false, true, flows[i], 32}, json);
		bench((struct load){SL_PROTO_UDP, false, true, flows[i], 1}, json);
	}
	return json && fclose(json) ? 1 : 0;
}
