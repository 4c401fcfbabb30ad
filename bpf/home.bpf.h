/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BPF_HOME_BPF_H
#define SLUICE_BPF_HOME_BPF_H

/*
 * Which engine's queue of the TAP device a packet goes to, when there are several: what sl_home()
 * says (src/engine/home.c), from the plain headers. Where it cannot tell (ICMP errors, extension
 * headers) any engine will do: that one hands the packet over. Part of steer.bpf.c.
 */
#include <linux/in.h>

#define PPTP 1723

struct ends {
	__u8 src[16], dst[16]; /* IPv4 v4-mapped, as everywhere */
	__u32 l4;              /* where the transport header is */
	__u8 proto;
	bool fragment;
};

static __always_inline __u64 get64(const __u8 *b)
{
	__u64 v;

	__builtin_memcpy(&v, b, 8);
	return bpf_be64_to_cpu(v);
}

static __always_inline __u32 mix(const __u8 *address)
{
	__u64 h = get64(address) * 0x9e3779b97f4a7c15ULL + get64(address + 8);

	h *= 0xff51afd7ed558ccdULL;
	return (__u32)(h >> 32);
}

static __always_inline bool read_ends(struct __sk_buff *skb, __u32 at, struct ends *e)
{
	__u8 header[40];

	__builtin_memset(e, 0, sizeof(*e));
	if (skb->protocol == bpf_htons(IPV4)) {
		if (bpf_skb_load_bytes(skb, at, header, 20))
			return false;
		e->src[10] = e->src[11] = e->dst[10] = e->dst[11] = 0xff;
		__builtin_memcpy(e->src + 12, header + 12, 4);
		__builtin_memcpy(e->dst + 12, header + 16, 4);
		e->fragment = (header[6] & 0x3f) || header[7];
		e->proto = header[9];
		e->l4 = at + (header[0] & 15) * 4;
		return true;
	}
	if (bpf_skb_load_bytes(skb, at, header, 40))
		return false;
	__builtin_memcpy(e->src, header + 8, 16);
	__builtin_memcpy(e->dst, header + 24, 16);
	e->proto = header[6];
	e->fragment = e->proto == IPPROTO_FRAGMENT;
	e->l4 = at + 40;
	return true;
}

static __always_inline bool is_icmp(const struct ends *e)
{
	return e->proto == IPPROTO_ICMP || e->proto == ICMPV6;
}

/* The number at the gateway's own end that tells connections apart. False: the protocol has none. */
static __always_inline bool own_number(
	struct __sk_buff *skb, const struct ends *e, bool to_us, __u16 *number)
{
	__u16 two[2] = {0}; /* ports; ICMP: id and sequence number */

	if (e->proto != IPPROTO_TCP && e->proto != IPPROTO_UDP && e->proto != IPPROTO_UDPLITE &&
		e->proto != IPPROTO_SCTP && !is_icmp(e))
		return false;
	if (bpf_skb_load_bytes(skb, e->l4 + (is_icmp(e) ? 4 : 0), two, sizeof(two)))
		return false;
	if (e->proto == IPPROTO_TCP && (two[0] == bpf_htons(PPTP) || two[1] == bpf_htons(PPTP)))
		return false; /* with its calls, which show one key only */
	*number = bpf_ntohs(to_us && !is_icmp(e) ? two[1] : two[0]);
	return true;
}

static __always_inline __u8 home_of(struct __sk_buff *skb, __u32 at, bool from_us)
{
	__u32 n = config.queues, ifindex = skb->ifindex;
	struct ends e;
	__u16 number = 0;
	bool inside, to_us, keyed;

	if (n < 2 || !read_ends(skb, at, &e))
		return 0;
	if (e.fragment)
		return (__u8)((mix(e.src) * 31 + mix(e.dst)) % n);
	inside = !from_us && bpf_map_lookup_elem(&insides, &ifindex);
	to_us = !from_us && !inside && bpf_map_lookup_elem(&own, e.dst);
	keyed = own_number(skb, &e, to_us, &number);
	if (from_us || to_us)
		return (__u8)((keyed ? number >> 6 : mix(to_us ? e.src : e.dst)) % n);
	return (__u8)(mix(inside == keyed ? e.src : e.dst) % n);
}

#endif
