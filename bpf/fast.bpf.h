/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BPF_FAST_BPF_H
#define SLUICE_BPF_FAST_BPF_H

/*
 * The fast path: plain packets of connections that the engine handed down (flow.h). Part of
 * steer.bpf.c.
 *
 * Plain is: IPv4 without options or IPv6 without extension headers, no fragment, TCP with ACK and without SYN,
 * FIN, RST (but opening.bpf.h), or UDP, hop count to spare, not longer than the MTU (the segments of a super-packet
 * count), lengths that agree. Everything else is a miss and goes to the engine unchanged.
 *
 * Sums were computed once, when the entry was made: a packet costs additions. The transport's sum goes
 * through the kernel's helper, which alone knows whether it is finished or waits for hardware.
 */
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "bpf/flow.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set by the gateway */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct sl_flow_bucket);
} flow_index SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct sl_flow);
} flows SEC(".maps");

/* `at` is where the IP header is: behind an Ethernet header, or 0. */

/* Where a plain packet's transport header is, and how long headers and IP packet are. */
struct plain {
	__u32 l4, headers, len;
	__u8 proto;
	bool marked; /* TCP with SYN, FIN or RST: only a watched flow takes it */
};

#define FIRST_BYTES (40 + 20) /* of the packet, as far as is looked at, where there is so much */

static __always_inline bool plain_tcp(void *data, void *end, __u32 at, struct plain *p)
{
	struct tcphdr *tcp = data + p->l4;

	if ((void *)(tcp + 1) > end || !tcp->ack || tcp->doff < 5)
		return false;
	p->marked = tcp->syn || tcp->fin || tcp->rst;
	p->headers = p->l4 - at + tcp->doff * 4;
	return p->headers <= p->len;
}

static __always_inline bool plain_udp(
	struct __sk_buff *skb, void *data, void *end, __u32 at, struct plain *p)
{
	struct udphdr *udp = data + p->l4;

	if ((void *)(udp + 1) > end)
		return false;
	p->headers = p->l4 - at + 8;
	return skb->gso_size || p->l4 - at + bpf_ntohs(udp->len) == p->len;
}

static __always_inline bool plain_l4(
	struct __sk_buff *skb, void *data, void *end, __u32 at, struct plain *p)
{
	if (p->len > skb->len - at)
		return false;
	if (p->proto == IPPROTO_TCP)
		return plain_tcp(data, end, at, p);
	return p->proto == IPPROTO_UDP && plain_udp(skb, data, end, at, p);
}

/* Does the packet, or each segment of it, fit? */
static __always_inline bool fits(struct __sk_buff *skb, const struct plain *p, const struct sl_flow *flow)
{
	if (skb->gso_size)
		return p->headers + skb->gso_size <= flow->mtu;
	return p->len <= flow->mtu;
}

static __always_inline bool same_words(const __u32 *a, const __u32 *b, unsigned n)
{
	__u32 differ = 0;

	for (unsigned i = 0; i < n; i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

/* Where the entry of that hash leads; ~0: nowhere. */
static __always_inline __u32 place_of(__u32 hash)
{
	__u32 number = hash & config.flow_buckets;
	const struct sl_flow_bucket *bucket = bpf_map_lookup_elem(&flow_index, &number);

	for (unsigned i = 0; bucket && i < SL_FLOW_ENTRIES; i++) {
		__u64 entry = *(volatile const __u64 *)&bucket->entry[i];

		if ((__u32)(entry >> 32) == hash && (__u32)entry)
			return (__u32)entry - 1;
	}
	return ~0u;
}

/* The flow with this key, if it holds. */
static __always_inline struct sl_flow *find_flow(const __u32 *key, unsigned words, __u32 *place)
{
	struct sl_flow *flow;

	*place = place_of(sl_flow_hash(config.secret, key, words));
	flow = bpf_map_lookup_elem(&flows, place);
	if (!flow || !same_words(flow->key, key, words) ||
		flow->generation != config.generation[flow->queue & (SL_STEER_QUEUES - 1)])
		return NULL;
	return flow;
}

/* A super-packet counts as one, as in the engine, which counts what it is told of by itself. */
static __always_inline void count_flow(struct sl_flow *flow, __u32 len, __u64 now)
{
	if (flow->watch)
		return;
	__sync_fetch_and_add(&flow->packets, 1);
	__sync_fetch_and_add(&flow->bytes, len);
	flow->last_seen = now;
}

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)((sum & 0xffff) + (sum >> 16));
}

static __always_inline bool change_sum(struct __sk_buff *skb, const struct plain *p, const struct sl_flow *flow)
{
	__u32 at = p->l4 + (p->proto == IPPROTO_TCP ? 16 : 6);
	__u64 flags = p->proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;

	if (flow->address_diff &&
		bpf_l4_csum_replace(skb, at, 0, flow->address_diff, flags | BPF_F_PSEUDO_HDR))
		return false;
	return !flow->port_diff || !bpf_l4_csum_replace(skb, at, 0, flow->port_diff, flags);
}

static __always_inline __u16 fast_sign(void)
{
	return (__u16)config.cookie | 1;
}

static __always_inline int send_fast(struct __sk_buff *skb, __u32 at, const struct sl_flow *flow)
{
	struct bpf_redir_neigh next = {.nh_family = flow->next_family};

	skb->tc_index = fast_sign(); /* for sl_out: not one that the kernel forwards */
	if (!at && bpf_skb_change_head(skb, ETHER, 0)) /* bpf_redirect_neigh takes no other */
		return TC_ACT_SHOT;
	if (!flow->next_family)
		return bpf_redirect_neigh(flow->out_if, NULL, 0, 0);
	__builtin_memcpy(next.ipv6_nh, flow->next, 16);
	return bpf_redirect_neigh(flow->out_if, &next, sizeof(next), 0);
}

#include "bpf/opening.bpf.h"

static __always_inline int fast4(
	struct __sk_buff *skb, void *data, void *end, __u32 at, __u64 now)
{
	struct iphdr *ip = data + at;
	struct sl_flow_key4 key;
	struct plain p = {.l4 = at + 20};
	struct sl_flow *flow;
	__u32 place;

	if ((void *)(ip + 1) > end || ip->ihl != 5 || ip->version != 4 || ip->frag_off & bpf_htons(0x3fff))
		return TC_ACT_UNSPEC;
	p.proto = ip->protocol;
	p.len = bpf_ntohs(ip->tot_len);
	if (!plain_l4(skb, data, end, at, &p))
		return TC_ACT_UNSPEC;
	__builtin_memcpy(key.src, &ip->saddr, 8);
	__builtin_memcpy(key.sport, data + at + 20, 4);
	key.in_if = skb->ifindex;
	key.proto = p.proto;
	flow = find_flow((const __u32 *)&key, SL_FLOW_WORDS4, &place);
	if (!flow || !fits(skb, &p, flow) || (flow->count_hop && ip->ttl <= 1))
		return TC_ACT_UNSPEC;
	if (!may_pass(skb, data + at + 20, at, &p, flow, place))
		return TC_ACT_UNSPEC;
	ip->ttl -= flow->count_hop;
	ip->check = ~fold((__u32)(__u16)~ip->check + flow->ip_diff);
	__builtin_memcpy(&ip->saddr, flow->addresses, 8);
	__builtin_memcpy(data + at + 20, flow->ports, 4);
	count_flow(flow, p.len, now);
	return change_sum(skb, &p, flow) ? send_fast(skb, at, flow) : TC_ACT_SHOT;
}

static __always_inline int fast6(
	struct __sk_buff *skb, void *data, void *end, __u32 at, __u64 now)
{
	struct ipv6hdr *ip = data + at;
	struct sl_flow_key6 key;
	struct plain p = {.l4 = at + 40};
	struct sl_flow *flow;
	__u32 place;

	if ((void *)(ip + 1) > end || ip->version != 6)
		return TC_ACT_UNSPEC;
	p.proto = ip->nexthdr;
	p.len = 40 + bpf_ntohs(ip->payload_len);
	if (!plain_l4(skb, data, end, at, &p))
		return TC_ACT_UNSPEC;
	__builtin_memcpy(key.src, &ip->saddr, 32);
	__builtin_memcpy(key.sport, data + at + 40, 4);
	key.in_if = skb->ifindex;
	key.proto = p.proto | SL_FLOW_V6;
	flow = find_flow((const __u32 *)&key, SL_FLOW_WORDS6, &place);
	if (!flow || !fits(skb, &p, flow) || (flow->count_hop && ip->hop_limit <= 1))
		return TC_ACT_UNSPEC;
	if (!may_pass(skb, data + at + 40, at, &p, flow, place))
		return TC_ACT_UNSPEC;
	ip->hop_limit -= flow->count_hop;
	__builtin_memcpy(&ip->saddr, flow->addresses, 32);
	__builtin_memcpy(data + at + 40, flow->ports, 4);
	count_flow(flow, p.len, now);
	return change_sum(skb, &p, flow) ? send_fast(skb, at, flow) : TC_ACT_SHOT;
}

/* TC_ACT_UNSPEC: it is the engine's. */
static __always_inline int fast_path_at(struct __sk_buff *skb, __u32 at, __u64 now)
{
	void *data, *end;

	if (!config.fast)
		return TC_ACT_UNSPEC;
	data = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	if (data + at + 28 > end) {
		__u32 want = skb->len < at + FIRST_BYTES ? skb->len : at + FIRST_BYTES;

		if (bpf_skb_pull_data(skb, want))
			return TC_ACT_UNSPEC;
		data = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
		if (data + at + 28 > end)
			return TC_ACT_UNSPEC;
	}
	if (skb->protocol == bpf_htons(IPV4))
		return fast4(skb, data, end, at, now);
	return fast6(skb, data, end, at, now);
}

/*
 * With stacks of their own: to what has not CAP_PERFMON, the kernel forbids that anything else is put where a pointer
 * was, which compilers do where much is to be kept. And with constants for `at`: nor may it add to pointers what it
 * does not know.
 */
static __noinline int fast_path_ether(struct __sk_buff *skb, __u64 now)
{
	return fast_path_at(skb, ETHER, now);
}

static __noinline int fast_path_raw(struct __sk_buff *skb, __u64 now)
{
	return fast_path_at(skb, 0, now);
}

static __always_inline int fast_path(struct __sk_buff *skb, __u32 at, __u64 now)
{
	return at ? fast_path_ether(skb, now) : fast_path_raw(skb, now);
}

#endif
