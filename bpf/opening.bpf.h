/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BPF_OPENING_BPF_H
#define SLUICE_BPF_OPENING_BPF_H

/*
 * Connections that a SYN has just opened. Most are over in a few packets, and if each of these went to the engine
 * and back, that would be what the connection costs. So the engine decides on the SYN, and hands the
 * connection down at once, to be watched: a packet is let through here if it is exactly what its
 * sender must send next, and the engine is told of it. Part of fast.bpf.h.
 *
 *	SYN/ACK		the first, acknowledging the SYN
 *	ACK, data	at the next sequence number, within the window of the SYN or SYN/ACK (so within any
 *			later one), acknowledging what was sent, by no more than 64 KiB too little
 *	FIN, RST	likewise; nothing but ACKs follows a FIN, and nothing at all a RST
 *
 * That is narrower than what the engine lets through, whatever state it has the connection in. All
 * else (retransmissions, segments out of order, long transfers) is the engine's, and stays
 * so for what follows, because the numbers here do not move then. It hears what was told before it takes in
 * anything that came later (prog/live_told.c). What cannot be told, the ring being full, does not pass.
 *
 * Checksums: that of a packet without payload must be right, or wait for hardware; that of payload is its
 * receiver's affair, as everywhere on the fast path.
 */

struct told_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SL_STEER_QUEUES);
	__type(key, __u32);
	__array(values, struct told_ring);
} told SEC(".maps"); /* one for each engine, put there by the gateway */

enum { LATE_ACK = 0xffff, MAX_HEADERS = 127 };

/* The segment, as numbers. */
struct numbers {
	__u32 seq, ack, end; /* end: where its sender goes on */
	__u32 payload;
	bool syn, fin, rst;
};

static __always_inline bool read_numbers(const struct tcphdr *tcp, const struct plain *p, struct numbers *n)
{
	n->seq = bpf_ntohl(tcp->seq);
	n->ack = bpf_ntohl(tcp->ack_seq);
	n->payload = p->len - p->headers;
	n->syn = tcp->syn;
	n->fin = tcp->fin;
	n->rst = tcp->rst;
	n->end = n->seq + n->payload + n->syn + n->fin;
	return tcp->ack && !tcp->urg && n->syn + n->fin + n->rst <= 1 &&
	       !(n->payload && (n->syn || n->rst));
}

static __always_inline bool is_next(const struct sl_flow *flow, const struct sl_flow *other, const struct numbers *n)
{
	if (n->syn)
		return flow->watch == SL_WATCH_SYN_ACK && n->ack == other->next_seq;
	if (flow->watch != SL_WATCH_OPEN && (flow->watch != SL_WATCH_FIN || n->payload || n->fin))
		return false;
	return n->seq == flow->next_seq && (__s32)(flow->limit + n->fin - n->end) >= 0 &&
	       other->next_seq - n->ack <= LATE_ACK;
}

/* Of two packets that claim to be the next, one is. */
static __always_inline bool take_step(
	struct sl_flow *flow, struct sl_flow *other, const struct numbers *n, __u32 window)
{
	if (n->syn) {
		if (__sync_val_compare_and_swap(&flow->watch, SL_WATCH_SYN_ACK, SL_WATCH_NOTHING) != SL_WATCH_SYN_ACK)
			return false;
		flow->next_seq = n->end;
		flow->limit = n->end + flow->window;
		other->limit = other->next_seq + window;
		other->watch = SL_WATCH_OPEN;
		flow->watch = SL_WATCH_OPEN;
		return true;
	}
	if (n->end != n->seq && __sync_val_compare_and_swap(&flow->next_seq, n->seq, n->end) != n->seq)
		return false;
	if (n->fin)
		flow->watch = SL_WATCH_FIN;
	if (n->rst)
		flow->watch = other->watch = SL_WATCH_NOTHING;
	return true;
}

static __always_inline __u16 fold_all(__s64 sum)
{
	__u64 s = (__u32)sum;

	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return (__u16)s;
}

/* Of a whole packet that is headers alone: `ip` long, and TCP's `tcp`, which is 20 to 60. */
static __always_inline bool sums_right(__u8 *headers, __u32 ip, __u32 tcp)
{
	__u32 addresses = ip == 20 ? 8 : 32, unfinished;
	__s64 sum;
	__u16 is;

	if (ip == 20 && fold_all(bpf_csum_diff(NULL, 0, (__be32 *)headers, 20, 0)) != 0xffff)
		return false;
	sum = bpf_csum_diff(NULL, 0, (__be32 *)(headers + ip - addresses), addresses, bpf_htons(IPPROTO_TCP));
	sum = (__s64)fold_all(sum) + bpf_htons((__u16)tcp);
	unfinished = fold_all(sum);
	__builtin_memcpy(&is, headers + ip + 16, 2);
	if (is == unfinished)
		return true;
	return fold_all(bpf_csum_diff(NULL, 0, (__be32 *)(headers + ip), tcp, unfinished)) == 0xffff;
}

static __always_inline bool describe(
	struct __sk_buff *skb, __u32 at, const struct plain *p, struct sl_told *t, bool bare)
{
	__u32 have = p->headers & MAX_HEADERS, ip = p->l4 - at, tcp;

	if (have < 40 || have > SL_TOLD_HEADERS)
		return false;
	t->in_if = skb->ifindex;
	t->len = p->len;
	t->have = (__u16)have;
	t->gso_size = (__u16)skb->gso_size;
	if (bpf_skb_load_bytes(skb, at, t->headers, have))
		return false;
	tcp = (have - ip) & 0x3c;
	return !bare || (tcp >= 20 && sums_right(t->headers, ip, tcp));
}

static __always_inline bool watch_segment(struct __sk_buff *skb, const struct tcphdr *tcp, __u32 at,
	const struct plain *p, struct sl_flow *flow, __u32 place)
{
	__u32 queue = flow->queue & (SL_STEER_QUEUES - 1), pair = place ^ 1;
	struct sl_flow *other = bpf_map_lookup_elem(&flows, &pair);
	__u32 window = bpf_ntohs(tcp->window);
	struct sl_told *t;
	struct numbers n;
	void *ring;

	if (!other || !read_numbers(tcp, p, &n) || !is_next(flow, other, &n))
		return false;
	ring = bpf_map_lookup_elem(&told, &queue);
	t = ring ? bpf_ringbuf_reserve(ring, sizeof(*t), 0) : NULL;
	if (!t)
		return false;
	if (!describe(skb, at, p, t, !n.payload) || !take_step(flow, other, &n, window)) {
		bpf_ringbuf_discard(t, BPF_RB_NO_WAKEUP);
		return false;
	}
	bpf_ringbuf_submit(t, BPF_RB_NO_WAKEUP);
	return true;
}

/* Is it the fast path's? */
static __always_inline bool may_pass(struct __sk_buff *skb, const void *l4, __u32 at, const struct plain *p,
	struct sl_flow *flow, __u32 place)
{
	if (flow->watch == SL_WATCH_NOT)
		return !p->marked;
	return p->proto == IPPROTO_TCP && watch_segment(skb, l4, at, p, flow, place);
}

#endif
