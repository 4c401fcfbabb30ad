/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See flow.h. Sums are made once, here, so that a packet costs the programs a few additions.
 */
#include "io/flow.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "base/wire.h"

void sl__flow_key(union sl_flow_key *key, const struct sl_rewrite *r)
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
	key->v6.proto = t->proto | SL_FLOW_V6;
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

static void put_next(struct sl_net *net, struct sl_flow *flow, const struct sl_rewrite *r)
{
	const struct sl_route_query query = {.dst = r->become.dst,
	        .src = r->match.src,
	        .in_if = r->in_if,
	        .mark = r->mark,
	        .family = r->become.family,
	        .from = SL_FROM_WIRE};
	enum sl_family family = SL_IPV4;
	struct sl_addr next;

	if (!sl_net_next(net, &query, r->out_if, &next, &family))
		return;
	flow->next_family = family == SL_IPV4 ? AF_INET : AF_INET6;
	memcpy(flow->next, family == SL_IPV4 ? next.b + 12 : next.b, family == SL_IPV4 ? 4 : 16);
}

void sl__flow_put(struct sl_flow *flow, const struct sl_rewrite *r, struct sl_net *net,
        unsigned queue, uint32_t generation, enum sl_flow_watch watch)
{
	unsigned len = r->match.family == SL_IPV4 ? 8 : 32;
	uint8_t before[32] = {0}, ports[4];
	union sl_flow_key key;

	*flow = (struct sl_flow){.out_if = r->out_if,
	        .mtu = r->mtu,
	        .count_hop = r->count_hop,
	        .watch = watch,
	        .queue = (uint8_t)queue};
	sl__flow_key(&key, r);
	memcpy(flow->key, key.words, sizeof(flow->key));
	put_addresses(before, &r->match);
	put_addresses(flow->addresses, &r->become);
	put_ports(ports, &r->match);
	put_ports(flow->ports, &r->become);
	flow->address_diff = diff(before, flow->addresses, len);
	flow->port_diff = diff(ports, flow->ports, 4);
	flow->ip_diff = flow->address_diff + (r->count_hop ? hop_diff() : 0);
	put_next(net, flow, r);
	__atomic_store_n(&flow->generation, generation, __ATOMIC_RELEASE);
}

/* ---- the index ------------------------------------------------------------------------------- */

/* The entry of a flow, and the bucket that it belongs into. */
static uint64_t entry_of(
        const struct sl_steer *steer, uint32_t place, struct sl_flow_bucket **bucket)
{
	const uint32_t *key = steer->flows[place].key;
	const union sl_flow_key *k = (const void *)key;
	unsigned words = k->v6.proto & SL_FLOW_V6 ? SL_FLOW_WORDS6 : SL_FLOW_WORDS4;
	uint32_t hash = sl_flow_hash(steer->config->secret, key, words);

	*bucket = &steer->index[hash & steer->config->flow_buckets];
	return (uint64_t)hash << 32 | (place + 1);
}

bool sl__flow_enter(struct sl_steer *steer, uint32_t place)
{
	struct sl_flow_bucket *bucket;
	uint64_t entry = entry_of(steer, place, &bucket);

	for (unsigned i = 0; i < SL_FLOW_ENTRIES; i++)
		if (__atomic_load_n(&bucket->entry[i], __ATOMIC_RELAXED) >> 32 == entry >> 32)
			return false;
	for (unsigned i = 0; i < SL_FLOW_ENTRIES; i++) {
		uint64_t unused = 0;

		if (__atomic_compare_exchange_n(&bucket->entry[i], &unused, entry, false,
		            __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}

void sl__flow_leave(struct sl_steer *steer, uint32_t place)
{
	struct sl_flow_bucket *bucket;
	uint64_t entry = entry_of(steer, place, &bucket);

	for (unsigned i = 0; i < SL_FLOW_ENTRIES; i++)
		if (__atomic_load_n(&bucket->entry[i], __ATOMIC_RELAXED) == entry)
			__atomic_store_n(&bucket->entry[i], 0, __ATOMIC_RELEASE);
}
