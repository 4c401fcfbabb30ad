/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The embedder that the benchmark is, and the packets that it makes.
 *
 * Packets are computed from the number of their flow, not fetched from a store: so making them
 * costs the same for a thousand flows as for ten million, and can be subtracted. Flows are spread
 * over inside hosts (60,000 ports each) and remotes so that under source NAT every one keeps its
 * port; what the answers look like is therefore known without asking.
 */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/checksum.h"
#include "base/wire.h"

#define HUGE  ((size_t)2 << 20)
#define PORTS 60000u

struct sl_policy_masquerade masquerade = {2};

double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void *memory_alloc(void *ctx, size_t size, size_t align)
{
	struct memory *m = ctx;
	void *p;

	if (options.huge && !m->arena) {
		m->room = (size_t)3 << 30;
		m->arena = mmap(NULL, m->room, PROT_READ | PROT_WRITE,
		        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (m->arena == MAP_FAILED)
			exit(1);
		madvise(m->arena, m->room, MADV_HUGEPAGE);
		m->used = HUGE - (size_t)(uintptr_t)m->arena % HUGE;
	}
	if (m->arena) {
		m->used = (m->used + align - 1) / align * align;
		p = m->used + size <= m->room ? m->arena + m->used : NULL;
		m->used += size;
	} else {
		p = aligned_alloc(align, (size + align - 1) / align * align);
	}
	if (p)
		m->held += size;
	return p;
}

static void memory_free(void *ctx, void *p, size_t size)
{
	struct memory *m = ctx;

	m->held -= size;
	if (!m->arena)
		free(p);
}

void memory_touched(struct memory *memory, size_t room)
{
	memory->arena =
	        mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory->arena == MAP_FAILED)
		exit(1);
	memset(memory->arena, 1, room);
	memory->room = room;
	memory->used = 64;
}

struct sl_mem memory_of(struct memory *memory)
{
	return (struct sl_mem){memory_alloc, memory_free, memory};
}

void memory_done(struct memory *memory)
{
	if (memory->arena)
		munmap(memory->arena, memory->room);
	*memory = (struct memory){0};
}

/* ---- the engine's surroundings --------------------------------------------------------------- */

static const uint8_t public4[4] = {203, 0, 113, 1};
static const uint8_t public6[16] = {0x20, 1, 0xd, 0xb8, 0xff, 0xff, [15] = 1};

void bench_route(void *ctx, const struct sl_route_query *q, struct sl_route *answer)
{
	(void)ctx;
	answer->kind = SL_ROUTE_FORWARD;
	answer->out_if = q->in_if == 1 ? 2 : 1;
	answer->mtu = 1500;
	answer->source = q->family == SL_IPV4 ? sl_addr_v4(public4) : sl_addr_v6(public6);
	answer->has_source = true;
}

struct sl_engine *engine_for(const struct load *load, struct memory *memory)
{
	struct sl_env env = {.mem = memory_of(memory), .route = bench_route, .seed = {7}};
	struct sl_config config;
	struct sl_engine *e;

	sl_config_init(&config);
	config.table_max = load->flows + 16;
	config.policy = load->nat ? &sl_policy_masquerade : NULL;
	config.policy_ctx = &masquerade;
	e = sl_engine_create(&config, &env);
	if (!e)
		exit(1);
	return e;
}

/* ---- packets --------------------------------------------------------------------------------- */

/* The two ends of flow i as a direction's packets come in: [0] source, [1] destination. */
struct end {
	uint32_t host; /* IPv4: the address; IPv6: its last word */
	bool outside, is_public;
	uint16_t port;
};

static void ends_of(const struct load *load, uint32_t i, enum sl_dir dir, struct end end[2])
{
	uint32_t host = i / PORTS, port = i % PORTS, remote = i % 97 * 256 + host % 200;

	end[dir] = (struct end){
	        0x0a000002 + host, false, load->nat && dir == SL_REPLY, (uint16_t)(1024 + port)};
	end[!dir] = (struct end){0xc6120001 + remote, true, false, 443};
}

static void put_addr6(uint8_t *d, const struct end *end)
{
	if (end->is_public) {
		memcpy(d, public6, 16);
		return;
	}
	memset(d, 0, 16);
	sl_put32(d, end->outside ? 0x20010db8 : 0xfd000000);
	sl_put32(d + 12, end->host);
}

static uint32_t put_ip(const struct load *load, uint8_t *d, const struct end end[2], uint32_t size)
{
	memset(d, 0, 64);
	if (load->v6) {
		d[0] = 0x60;
		sl_put16(d + 4, (uint16_t)size);
		d[6] = load->proto;
		d[7] = 64;
		put_addr6(d + 8, &end[0]);
		put_addr6(d + 24, &end[1]);
		return 40;
	}
	d[0] = 0x45;
	sl_put16(d + 2, (uint16_t)(20 + size));
	d[8] = 64;
	d[9] = load->proto;
	for (unsigned k = 0; k < 2; k++) {
		if (end[k].is_public)
			memcpy(d + 12 + 4 * k, public4, 4);
		else
			sl_put32(d + 12 + 4 * k, end[k].host);
	}
	return 20;
}

/* A conversation in which both sides have sent up to 16 KiB, and each packet has other numbers. */
static void put_tcp(uint8_t *l4, enum sl_dir dir, uint8_t flags, uint32_t turn)
{
	uint32_t moved = flags == TCP_ACK ? turn & 0x3fff : 0;

	sl_put32(l4 + 4, dir == SL_ORIGINAL ? (flags & TCP_SYN ? 1000 : 1001 + moved)
	                                    : (flags & TCP_SYN ? 0 : 1 + moved));
	sl_put32(l4 + 8, !(flags & TCP_ACK) ? 0 : dir == SL_ORIGINAL ? 1 : 1001);
	l4[12] = 0x50;
	l4[13] = flags;
	sl_put16(l4 + 14, 65535);
}

static void put_sums(const struct load *load, uint8_t *d, uint32_t l4, uint32_t size)
{
	uint8_t *csum = d + l4 + (load->proto == SL_PROTO_TCP ? 16 : 6);

	if (!load->summed) { /* checked by the hardware: any number will do, but UDP's 0 is none */
		sl_put16(csum, 0x1234);
		return;
	}
	if (!load->v6)
		sl_put16(d + 10, sl__csum(sl__sum(d, 20, 0)));
	sl_put16(csum, 0);
	sl_put16(csum, sl__csum(sl__sum(d + l4, size,
	                       load->v6 ? sl__sum_ipv6(d + 8, d + 24, load->proto, size)
	                                : sl__sum_ipv4(d + 12, d + 16, load->proto, size))));
}

void make_packet(const struct load *load, struct lane *lane, unsigned k, uint32_t i,
        enum sl_dir dir, uint8_t flags)
{
	uint32_t size = load->proto == SL_PROTO_TCP ? 24 : 26, l4; /* 64 bytes on the wire */
	uint8_t *d = lane->slot[k].data;
	struct end end[2];

	ends_of(load, i, dir, end);
	l4 = put_ip(load, d, end, size);
	sl_put16(d + l4, end[0].port);
	sl_put16(d + l4 + 2, end[1].port);
	if (load->proto == SL_PROTO_UDP)
		sl_put16(d + l4 + 4, (uint16_t)size);
	else
		put_tcp(d + l4, dir, flags, lane->turn++);
	put_sums(load, d, l4, size);
	lane->packet[k] = (struct sl_packet){.data = d,
	        .len = l4 + size,
	        .headroom = 32,
	        .tailroom = 32,
	        .in_if = dir == SL_ORIGINAL ? 1 : 2,
	        .csum = load->summed ? SL_CSUM_NONE : SL_CSUM_CHECKED};
}

static void pass_all(struct lane *lane, struct sl_engine *e, unsigned n, uint64_t now)
{
	sl_input(e, lane->packet, n, now);
	for (unsigned k = 0; k < n; k++) {
		if (lane->packet[k].verdict == SL_ACCEPT)
			continue;
		fprintf(stderr, "a packet was dropped: %s\n",
		        sl_reason_text((enum sl_reason)lane->packet[k].reason));
		exit(1);
	}
}

double open_all(const struct load *load, struct sl_engine *e, struct lane *lane)
{
	/* flags and times of a handshake; for UDP three packets, the last late enough to be assured
	 */
	static const struct {
		enum sl_dir dir;
		uint8_t flags;
		uint64_t now;
	} step[] = {{SL_ORIGINAL, TCP_SYN, 1000000}, {SL_REPLY, TCP_SYN | TCP_ACK, 2000000},
	        {SL_ORIGINAL, TCP_ACK, 4000000000u}, {SL_REPLY, TCP_ACK, AFTER_OPENING}};
	double spent = 0, begin;
	unsigned n;

	for (unsigned s = 0; s < sizeof(step) / sizeof(step[0]); s++) {
		for (uint32_t i = 0; i < load->flows; i += n) {
			n = load->flows - i < BATCH_MAX ? load->flows - i : BATCH_MAX;
			for (unsigned k = 0; k < n; k++)
				make_packet(load, lane, k, i + k, step[s].dir, step[s].flags);
			begin = cpu_seconds();
			pass_all(lane, e, n, step[s].now);
			if (s == 0)
				spent += cpu_seconds() - begin;
		}
	}
	return spent;
}

double round_of(const struct load *load, struct lane *lane, struct sl_engine *e,
        struct floor_table *floor, enum sl_dir dir, unsigned batch, uint32_t packets)
{
	uint32_t seed = 12345 + packets, done;
	double begin = cpu_seconds();

	for (done = 0; done < packets; done += batch) {
		for (unsigned k = 0; k < batch; k++)
			make_packet(load, lane, k, pick_flow(&seed, load->flows), dir, TCP_ACK);
		if (e)
			sl_input(e, lane->packet, batch, AFTER_OPENING);
		else if (floor)
			floor_work(floor, lane, batch);
	}
	return (cpu_seconds() - begin) / done * 1e9;
}
