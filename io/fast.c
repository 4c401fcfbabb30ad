/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine's offload table of operations over the BPF maps. An entry is made of a rewrite once,
 * sums and next hop included. What the programs counted is read when the engine asks; the id of a
 * connection leads to the keys of its two entries.
 *
 * A connection that is handed down waits a moment (WAIT) before it gets its entries: most are over
 * by then, and have cost no system call. Until then its packets go on to come to the engine.
 */
#include "io/fast.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/wire.h"
#include "bpf/flow.h"

#define WAIT UINT64_C(50000000) /* ns */

union key {
	struct sl_flow_key4 v4;
	struct sl_flow_key6 v6;
};

struct sl_fast_slot {
	uint64_t id;
	union key key[2];
	uint64_t packets[2], bytes[2]; /* told to the engine so far */
	struct sl_rewrite rewrite[2];  /* while it waits */
	uint32_t generation;           /* of config, when it was handed down */
	uint8_t family;
	bool used, waits;
};

/* ---- the slots --------------------------------------------------------------------------------
 */

static uint32_t place_of(const struct sl_fast *fast, uint64_t id)
{
	return (uint32_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (fast->size - 1);
}

static struct sl_fast_slot *find(const struct sl_fast *fast, uint64_t id)
{
	for (uint32_t i = place_of(fast, id);; i = (i + 1) & (fast->size - 1)) {
		struct sl_fast_slot *slot = &fast->slots[i];

		if (!slot->used)
			return NULL;
		if (slot->id == id)
			return slot;
	}
}

static struct sl_fast_slot *take_slot(struct sl_fast *fast, uint64_t id)
{
	uint32_t i = place_of(fast, id);

	while (fast->slots[i].used)
		i = (i + 1) & (fast->size - 1);
	fast->used++;
	fast->slots[i] = (struct sl_fast_slot){.id = id, .used = true};
	return &fast->slots[i];
}

/* What was pushed on by the one that goes moves up: searches end at the first unused slot. */
static void give_slot(struct sl_fast *fast, struct sl_fast_slot *slot)
{
	uint32_t hole = (uint32_t)(slot - fast->slots), mask = fast->size - 1, i = hole;

	fast->used--;
	for (;;) {
		uint32_t home;

		i = (i + 1) & mask;
		if (!fast->slots[i].used)
			break;
		home = place_of(fast, fast->slots[i].id);
		if (((i - home) & mask) < ((i - hole) & mask))
			continue; /* it would stand before its place */
		fast->slots[hole] = fast->slots[i];
		hole = i;
	}
	fast->slots[hole].used = false;
}

/* ---- an entry ----------------------------------------------------------------------------------
 */

static void put_key(union key *key, const struct sl_rewrite *r)
{
	const struct sl_tuple *t = &r->match;

	memset(key, 0, sizeof(*key));
	if (t->family == SL_IPV4) {
		memcpy(key->v4.src, t->src.b + 12, 4);
		memcpy(key->v4.dst, t->dst.b + 12, 4);
		sl_put16(key->v4.sport, t->sport);
		sl_put16(key->v4.dport, t->dport);
		key->v4.in_if = r->in_if;
		key->v4.proto = t->proto;
		return;
	}
	memcpy(key->v6.src, t->src.b, 16);
	memcpy(key->v6.dst, t->dst.b, 16);
	sl_put16(key->v6.sport, t->sport);
	sl_put16(key->v6.dport, t->dport);
	key->v6.in_if = r->in_if;
	key->v6.proto = t->proto;
}

/* The sum of bytes as 16-bit words in the machine's order, for what the programs add up. */
static uint32_t sum(const uint8_t *bytes, unsigned len, bool minus)
{
	uint32_t total = 0;
	uint16_t word;

	for (unsigned i = 0; i < len; i += 2) {
		memcpy(&word, bytes + i, 2);
		total += minus ? (uint16_t)~word : word;
	}
	return total;
}

static uint32_t fold(uint32_t total)
{
	total = (total & 0xffff) + (total >> 16);
	return (total & 0xffff) + (total >> 16);
}

static uint32_t diff(const uint8_t *from, const uint8_t *to, unsigned len)
{
	if (memcmp(from, to, len) == 0)
		return 0;
	return fold(sum(from, len, true) + sum(to, len, false));
}

/* One hop less, as the header's sum sees it: the word of hop count and protocol. */
static uint32_t hop_diff(void)
{
	const uint8_t from[2] = {1, 0}, to[2] = {0, 0};

	return diff(from, to, 2);
}

static void put_addresses(uint8_t *out, const struct sl_tuple *t)
{
	unsigned skip = t->family == SL_IPV4 ? 12 : 0, len = 16 - skip;

	memcpy(out, t->src.b + skip, len);
	memcpy(out + len, t->dst.b + skip, len);
}

static void put_ports(uint8_t out[4], const struct sl_tuple *t)
{
	sl_put16(out, t->sport);
	sl_put16(out + 2, t->dport);
}

static void put_next(struct sl_fast *fast, struct sl_flow *flow, const struct sl_rewrite *r)
{
	const struct sl_route_query query = {.dst = r->become.dst,
	        .src = r->become.src,
	        .mark = r->mark,
	        .family = r->become.family,
	        .from = SL_FROM_LOCAL};
	enum sl_family family = SL_IPV4;
	struct sl_addr next;

	if (!sl_net_next(fast->net, &query, r->out_if, &next, &family))
		return;
	flow->next_family = family == SL_IPV4 ? AF_INET : AF_INET6;
	memcpy(flow->next, family == SL_IPV4 ? next.b + 12 : next.b, family == SL_IPV4 ? 4 : 16);
}

static void put_flow(struct sl_fast *fast, struct sl_flow *flow, const struct sl_rewrite *r)
{
	unsigned len = r->match.family == SL_IPV4 ? 8 : 32;
	uint8_t before[32] = {0}, ports[4];

	*flow = (struct sl_flow){.generation = fast->steer->config->generation,
	        .out_if = r->out_if,
	        .mtu = r->mtu,
	        .count_hop = r->count_hop};
	put_addresses(before, &r->match);
	put_addresses(flow->addresses, &r->become);
	put_ports(ports, &r->match);
	put_ports(flow->ports, &r->become);
	flow->address_diff = diff(before, flow->addresses, len);
	flow->port_diff = diff(ports, flow->ports, 4);
	flow->ip_diff = flow->address_diff + (r->count_hop ? hop_diff() : 0);
	put_next(fast, flow, r);
}

/* ---- the table of operations ---------------------------------------------------------------- */

static int map_of(const struct sl_fast *fast, uint8_t family)
{
	return sl_steer_flows(fast->steer, family == SL_IPV6);
}

static bool add(
        void *ctx, const struct sl_conn *conn, uint64_t id, const struct sl_rewrite rewrite[2])
{
	struct sl_fast *fast = ctx;
	struct sl_fast_slot *slot;

	(void)conn;
	if (fast->used == fast->max || fast->n_waiting == fast->max || find(fast, id) ||
	        rewrite[0].match.family != rewrite[0].become.family) {
		fast->refused++;
		return false;
	}
	slot = take_slot(fast, id);
	slot->family = rewrite[0].match.family;
	slot->waits = true;
	slot->generation = fast->steer->config->generation;
	memcpy(slot->rewrite, rewrite, sizeof(slot->rewrite));
	fast->waiting[(fast->first + fast->n_waiting++) % fast->max] =
	        (struct sl_fast_wait){id, fast->now};
	return true;
}

/* Without entries it goes on as before: every packet is the engine's. */
static void put_entries(struct sl_fast *fast, struct sl_fast_slot *slot)
{
	int map = map_of(fast, slot->family);
	struct sl_flow flow;

	slot->waits = false;
	for (unsigned dir = 0; dir < 2; dir++) {
		put_key(&slot->key[dir], &slot->rewrite[dir]);
		put_flow(fast, &flow, &slot->rewrite[dir]);
		if (bpf_map_update_elem(map, &slot->key[dir], &flow, BPF_ANY) != 0)
			fast->refused++;
	}
	fast->added++;
}

void sl_fast_work(struct sl_fast *fast, unsigned budget)
{
	for (; fast->n_waiting && budget; budget--, fast->n_waiting--) {
		struct sl_fast_wait *wait = &fast->waiting[fast->first];
		struct sl_fast_slot *slot;

		if (fast->now - wait->since < WAIT)
			break;
		slot = find(fast, wait->id);
		if (slot && slot->waits && slot->generation == fast->steer->config->generation)
			put_entries(fast, slot);
		fast->first = (fast->first + 1) % fast->max;
	}
}

static void poll_flow(void *ctx, uint64_t id, struct sl_offload_counts *out)
{
	struct sl_fast *fast = ctx;
	struct sl_fast_slot *slot = find(fast, id);
	struct sl_flow flow;

	*out = (struct sl_offload_counts){0};
	for (unsigned dir = 0; slot && !slot->waits && dir < 2; dir++) {
		if (bpf_map_lookup_elem(map_of(fast, slot->family), &slot->key[dir], &flow) != 0)
			continue;
		out->packets[dir] = flow.packets - slot->packets[dir];
		out->bytes[dir] = flow.bytes - slot->bytes[dir];
		slot->packets[dir] = flow.packets;
		slot->bytes[dir] = flow.bytes;
		if (flow.last_seen > out->last_seen)
			out->last_seen = flow.last_seen;
	}
}

static void remove_flow(void *ctx, uint64_t id)
{
	struct sl_fast *fast = ctx;
	struct sl_fast_slot *slot = find(fast, id);

	if (!slot)
		return;
	for (unsigned dir = 0; !slot->waits && dir < 2; dir++)
		bpf_map_delete_elem(map_of(fast, slot->family), &slot->key[dir]);
	give_slot(fast, slot);
}

static void revoke(void *ctx)
{
	struct sl_fast *fast = ctx;

	__atomic_add_fetch(&fast->steer->config->generation, 1, __ATOMIC_RELEASE);
}

bool sl_fast_init(struct sl_fast *fast, struct sl_steer *steer, struct sl_net *net, uint32_t max)
{
	uint32_t size = 64;

	while (size < max * 2)
		size *= 2;
	*fast = (struct sl_fast){.ops = {.ctx = fast,
	                                 .add = add,
	                                 .remove = remove_flow,
	                                 .poll = poll_flow,
	                                 .revoke = revoke},
	        .steer = steer,
	        .net = net,
	        .slots = calloc(size, sizeof(*fast->slots)),
	        .waiting = calloc(max, sizeof(*fast->waiting)),
	        .size = size,
	        .max = max};
	return fast->slots && fast->waiting;
}

void sl_fast_fini(struct sl_fast *fast)
{
	free(fast->slots);
	free(fast->waiting);
	fast->slots = NULL;
}
