// SPDX-License-Identifier: BSD-2-Clause
/*
 * Between the managed interfaces and the gateway's TAP device.
 *
 *            wire                                            local programs
 *             |                                                    |
 *      sl_in (clsact ingress of eth)                 sl_out (clsact egress of eth)
 *             |  \ not ours: ARP, ND, multicast                    |  \ not ours, or it is
 *             |   +--> the stack                                   |   +--> wire  ours already
 *             +------------------> TAP <---------------------------+
 *                                   |   the engine decides
 *                                  TAP
 *                                   |  sl_down (clsact ingress of the TAP)
 *                     +-------------+--------------+
 *                     | FORWARD                    | TO_LOCAL
 *          bpf_redirect_neigh(eth)        bpf_redirect(eth, ingress)
 *             sl_out lets it pass            sl_in lets it pass, to the stack
 *
 * One TAP serves all interfaces: in_if, the mark and the like stand in the place of the two
 * Ethernet addresses, which nobody needs between the interface and the engine. bpf_redirect_neigh
 * resolves the neighbour, so that neither the kernel's forwarding nor any sysctl has a part.
 *
 * Plain packets of established connections that the engine handed down take the fast path
 * (fast.bpf.h): sl_in translates them and sends them on by itself.
 *
 * When the gateway is gone (killed) or hangs, its beat stops. Then what is addressed to this
 * machine, or comes from it, passes by; what would be forwarded is dropped, or left to the kernel
 * with --on-exit open.
 *
 * UAPI headers only: no CO-RE, no BTF of the kernel. Linux 6.1 and later.
 */
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/steer.h"

enum { IPV4 = 0x0800, IPV6 = 0x86dd, ETHER = 14, ICMPV6 = 58 };

struct sl_steer_config config;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SL_STEER_ADDRESSES);
	__uint(key_size, 16);
	__uint(value_size, 1);
} own SEC(".maps"); /* addresses of this machine, IPv4 ones v4-mapped */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SL_STEER_COUNT);
	__uint(key_size, 4);
	__uint(value_size, 8);
} counts SEC(".maps");

#include "bpf/fast.bpf.h"

static __always_inline void count(__u32 what)
{
	__u64 *n = bpf_map_lookup_elem(&counts, &what);

	if (n)
		++*n;
}

static __always_inline bool alive(__u64 now)
{
	return (__s64)(now - config.beat) < (__s64)config.patience;
}

/* Neighbour discovery, router discovery, redirects, MLD: the link's own business. */
static __always_inline bool is_neighbour(struct __sk_buff *skb)
{
	__u8 next, type;

	if (skb->protocol != bpf_htons(IPV6))
		return false;
	if (bpf_skb_load_bytes(skb, ETHER + 6, &next, 1) || next != ICMPV6)
		return false;
	if (bpf_skb_load_bytes(skb, ETHER + 40, &type, 1))
		return false;
	return (type >= 130 && type <= 137) || type == 143;
}

/* Is it a packet for the engine at all? */
static __always_inline bool is_ours(struct __sk_buff *skb)
{
	if (skb->vlan_present)
		return false;
	if (skb->protocol != bpf_htons(IPV4) && skb->protocol != bpf_htons(IPV6))
		return false;
	return !is_neighbour(skb);
}

static __always_inline bool is_to_us(struct __sk_buff *skb)
{
	struct {
		__u32 w[4];
	} key = {{0, 0, bpf_htonl(0xffff), 0}};
	long bad;

	if (skb->protocol == bpf_htons(IPV4))
		bad = bpf_skb_load_bytes(skb, ETHER + 16, &key.w[3], 4);
	else
		bad = bpf_skb_load_bytes(skb, ETHER + 24, &key, 16);
	return !bad && bpf_map_lookup_elem(&own, &key);
}

static __always_inline int send_up(struct __sk_buff *skb, enum sl_steer_what what, __u8 cast)
{
	struct sl_steer_meta meta = {
		.mark = skb->mark, .what = what, .cast = cast, .ifindex = skb->ifindex};

	if (bpf_skb_store_bytes(skb, 0, &meta, sizeof(meta), 0))
		return TC_ACT_SHOT;
	return bpf_redirect(config.tap, 0);
}

/*
 * A broadcast of a local program goes its own way. The engine gets a copy, so that it knows what
 * answers to expect; what becomes of the copy does not matter.
 */
static __always_inline void show_broadcast(struct __sk_buff *skb)
{
	struct sl_steer_meta meta = {.mark = skb->mark,
		.what = SL_STEER_FROM_LOCAL,
		.cast = PACKET_BROADCAST,
		.ifindex = skb->ifindex};
	__u8 addresses[12];

	if (bpf_skb_load_bytes(skb, 0, addresses, sizeof(addresses)) ||
		bpf_skb_store_bytes(skb, 0, &meta, sizeof(meta), 0))
		return;
	bpf_clone_redirect(skb, config.tap, 0);
	bpf_skb_store_bytes(skb, 0, addresses, sizeof(addresses), 0);
}

SEC("tc")
int sl_in(struct __sk_buff *skb)
{
	__u64 now;
	int done;

	if (skb->mark == config.cookie) {
		skb->mark = 0;
		return TC_ACT_UNSPEC;
	}
	if (skb->pkt_type != PACKET_HOST || !is_ours(skb))
		return TC_ACT_UNSPEC;
	now = bpf_ktime_get_ns();
	if (alive(now)) {
		done = fast_path(skb, now);
		return done == TC_ACT_UNSPEC ? send_up(skb, SL_STEER_FROM_WIRE, PACKET_HOST) : done;
	}
	if (is_to_us(skb)) {
		count(SL_STEER_GONE_PASSED);
		return TC_ACT_UNSPEC;
	}
	if (config.open)
		return TC_ACT_UNSPEC;
	count(SL_STEER_GONE_DROPPED);
	return TC_ACT_SHOT;
}

SEC("tc")
int sl_out(struct __sk_buff *skb)
{
	__u8 mac;

	if (skb->ingress_ifindex == config.tap || !is_ours(skb))
		return TC_ACT_UNSPEC;
	if (bpf_skb_load_bytes(skb, 0, &mac, 1))
		return TC_ACT_UNSPEC;
	if (mac == 0xff && !skb->ingress_ifindex && alive(bpf_ktime_get_ns()))
		show_broadcast(skb);
	if (mac & 1)
		return TC_ACT_UNSPEC;
	if (skb->ingress_ifindex) {
		if (config.open || skb->tc_index == fast_sign())
			return TC_ACT_UNSPEC;
		count(SL_STEER_FOREIGN);
		return TC_ACT_SHOT;
	}
	if (alive(bpf_ktime_get_ns()))
		return send_up(skb, SL_STEER_FROM_LOCAL, PACKET_HOST);
	count(SL_STEER_GONE_PASSED);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int sl_down(struct __sk_buff *skb)
{
	struct sl_steer_meta meta;
	__u8 addresses[12] = {0, 0, 0, 0, 0, 0, 2};

	if (bpf_skb_load_bytes(skb, 0, &meta, sizeof(meta)))
		return TC_ACT_SHOT;
	if (meta.what == SL_STEER_FORWARD) {
		skb->mark = meta.mark;
		return bpf_redirect_neigh(meta.ifindex, NULL, 0, 0);
	}
	if (meta.what != SL_STEER_TO_LOCAL)
		return TC_ACT_SHOT;
	__builtin_memcpy(addresses, meta.mac, 6);
	if (bpf_skb_store_bytes(skb, 0, addresses, sizeof(addresses), 0))
		return TC_ACT_SHOT;
	skb->mark = config.cookie;
	return bpf_redirect(meta.ifindex, BPF_F_INGRESS);
}

char sl_license[] SEC("license") = "Dual BSD/GPL";
