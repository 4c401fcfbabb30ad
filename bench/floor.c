/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The floor: the least that translating a packet of a known flow can cost on this machine. A bare
 * bucket of tags, one record of 64 bytes a flow, batches of 32 with prefetch; IPv4 and UDP only,
 * no header is checked, there are no timers, no TCP, no events, no limits. Every figure is also
 * shown as a multiple of what this takes for as many flows, measured in the same run.
 */
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/mem.h"
#include "base/wire.h"

#define GROUP   32
#define ENTRIES 10

struct bucket {
	uint16_t tag[ENTRIES];
	uint32_t record[ENTRIES], pad;
};

struct record {
	uint8_t addr[8];
	uint32_t ports;
	uint8_t to_addr[4];
	uint16_t to_port;
	uint16_t ip_delta, l4_delta;
	uint32_t packets, bytes;
	uint64_t last_seen;
	uint8_t pad[24];
};

struct floor_table {
	struct sl_mem mem;
	struct bucket *bucket;
	struct record *record;
	uint32_t mask, records, room;
};

static uint64_t hash_of(const uint8_t *d)
{
	uint64_t a, h;

	memcpy(&a, d + 12, 8);
	h = (a ^ 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
	h ^= h >> 32;
	h = (h + sl_get32(d + 20)) * 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 29;
}

struct floor_table *floor_create(struct memory *memory, uint32_t flows)
{
	struct floor_table *t = calloc(1, sizeof(*t));
	uint32_t buckets = 64;

	/* On average 6 entries in use of 10: what the engine's index has when it has grown. */
	while ((uint64_t)buckets * 6 < flows)
		buckets *= 2;
	t->mem = memory_of(memory);
	t->mask = buckets - 1;
	t->room = flows;
	t->bucket = sl__alloc_aligned(&t->mem, buckets * sizeof(*t->bucket), 64);
	t->record = sl__alloc_aligned(&t->mem, (flows + (size_t)1) * sizeof(*t->record), 64);
	if (!t->bucket || !t->record)
		exit(1);
	return t;
}

void floor_destroy(struct floor_table *t)
{
	sl__free(&t->mem, t->bucket, (t->mask + (size_t)1) * sizeof(*t->bucket));
	sl__free(&t->mem, t->record, (t->room + (size_t)1) * sizeof(*t->record));
	free(t);
}

static void insert(struct floor_table *t, const uint8_t *d)
{
	uint64_t h = hash_of(d);
	struct record *r;

	for (uint32_t at = (uint32_t)(h >> 32) & t->mask;; at = (at + 1) & t->mask) {
		struct bucket *b = &t->bucket[at];

		for (unsigned i = 0; i < ENTRIES; i++) {
			if (b->record[i])
				continue;
			b->tag[i] = (uint16_t)h;
			b->record[i] = ++t->records;
			r = &t->record[t->records];
			memcpy(r->addr, d + 12, 8);
			r->ports = sl_get32(d + 20);
			memcpy(r->to_addr, "\313\0\161\1", 4);
			r->to_port = (uint16_t)(r->ports >> 16);
			r->ip_delta = r->l4_delta = 0x1111;
			return;
		}
	}
}

/* The record that has the tag; by the way the flows are made there is one. */
static struct record *find(struct floor_table *t, uint64_t h)
{
	const struct bucket *b = &t->bucket[(uint32_t)(h >> 32) & t->mask];
	const uint64_t all = (uint16_t)h * UINT64_C(0x0001000100010001);
	const uint64_t low = UINT64_C(0x7fff7fff7fff7fff);
	uint64_t four[2], found = 0;

	memcpy(four, b->tag, sizeof(four));
	for (unsigned w = 0; w < 2; w++) {
		four[w] ^= all;
		found |= ~(((four[w] & low) + low) | four[w] | low) >> w;
	}
	if (!found)
		return &t->record[b->record[8 + (b->tag[8] != (uint16_t)h)]];
	return &t->record[b->record[(15 - __builtin_ctzll(found) % 16) * 4 + __builtin_ctzll(found) / 16]];
}

double floor_fill(struct floor_table *t, const struct load *load, struct lane *lane)
{
	double spent = 0, begin;
	unsigned n;

	for (uint32_t i = 0; i < load->flows; i += n) {
		n = load->flows - i < GROUP ? load->flows - i : GROUP;
		for (unsigned k = 0; k < n; k++)
			make_packet(load, lane, k, i + k, SL_ORIGINAL, 0);
		begin = cpu_seconds();
		for (unsigned k = 0; k < n; k++)
			__builtin_prefetch(
			        &t->bucket[(hash_of(lane->packet[k].data) >> 32) & t->mask]);
		for (unsigned k = 0; k < n; k++)
			insert(t, lane->packet[k].data);
		spent += cpu_seconds() - begin;
	}
	return spent;
}

static void group(struct floor_table *t, struct lane *lane, unsigned from, unsigned n)
{
	struct record *r[GROUP];
	uint64_t h[GROUP];

	for (unsigned k = 0; k < n; k++) {
		h[k] = hash_of(lane->packet[from + k].data);
		__builtin_prefetch(&t->bucket[(h[k] >> 32) & t->mask]);
	}
	for (unsigned k = 0; k < n; k++) {
		r[k] = find(t, h[k]);
		__builtin_prefetch(r[k]);
	}
	for (unsigned k = 0; k < n; k++) {
		struct sl_packet *p = &lane->packet[from + k];

		memcpy(p->data + 12, r[k]->to_addr, 4);
		memcpy(p->data + 20, &r[k]->to_port, 2);
		sl__csum_native_add(p->data + 10, r[k]->ip_delta);
		sl__csum_native_add(p->data + 26, r[k]->l4_delta);
		r[k]->packets++;
		r[k]->bytes += p->len;
		r[k]->last_seen = AFTER_OPENING;
		p->verdict = SL_ACCEPT;
	}
}

void floor_work(struct floor_table *t, struct lane *lane, unsigned n)
{
	for (unsigned i = 0; i < n; i += GROUP)
		group(t, lane, i, n - i < GROUP ? n - i : GROUP);
}

/* ---- measured once --------------------------------------------------------------------------- */

static struct measured {
	uint32_t flows;
	struct figure established, fresh;
	double bytes;
} measured[8];

static const struct measured *measure(uint32_t flows)
{
	static struct lane lane;
	struct load load = {SL_PROTO_UDP, false, true, false, flows};
	double value[RUNS_MAX], fresh[3];
	struct memory memory = {0};
	struct floor_table *t;
	struct measured *m = measured;

	for (; m->flows; m++)
		if (m->flows == flows)
			return m;
	for (unsigned run = 0; run < 3; run++) {
		t = floor_create(&memory, flows);
		fresh[run] = floor_fill(t, &load, &lane) / flows * 1e9;
		if (run < 2) {
			floor_destroy(t);
			memory_done(&memory);
		}
	}
	for (unsigned run = 0; run < options.runs; run++) {
		double idle =
		        round_of(&load, &lane, NULL, NULL, SL_ORIGINAL, BATCH_MAX, options.packets);

		value[run] =
		        round_of(&load, &lane, NULL, t, SL_ORIGINAL, BATCH_MAX, options.packets) -
		        idle;
	}
	m->flows = flows;
	m->bytes = (double)memory.held / flows;
	m->established = figure_of(value, options.runs);
	m->fresh = figure_of(fresh, 3);
	floor_destroy(t);
	memory_done(&memory);
	return m;
}

double floor_ns(uint32_t flows)
{
	return measure(flows)->established.median;
}

double floor_new_ns(uint32_t flows)
{
	return measure(flows)->fresh.median;
}

double floor_bytes(uint32_t flows)
{
	return measure(flows)->bytes;
}

void bench_floor(void)
{
	static const uint32_t flows[] = {1000, 100000, 1000000, 10000000};

	section("the floor");
	for (unsigned i = 0; i < 4 && flows[i] <= options.flows_max; i++) {
		const struct measured *m = measure(flows[i]);
		struct figure f = m->established, fresh = m->fresh, bytes = {.median = m->bytes};

		report(&f, "ns", 0, "floor %u flows", flows[i]);
		report(&fresh, "ns", 0, "floor new, %u flows", flows[i]);
		bytes.min = bytes.max = bytes.median;
		report(&bytes, "bytes", 0, "floor memory, %u flows", flows[i]);
	}
}
