// SPDX-License-Identifier: BSD-2-Clause
/*
 * Between the managed interfaces and the gateway's TAP device.
 *
 *            wire                                            local programs
 *             |                                                    |
 *      sl_in (clsact ingress of eth)                 sl_out (clsact egress of eth)
 *             |  \ not ours: ARP, ND, MLD                          |  \ not ours, or it is
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
 * An interface without Ethernet headers (PPP, TUN) has the programs sl_in_raw and sl_out_raw: the same,
 * 14 bytes to the left. Broadcasts and groups take the same ways, both in and out; what leaves gets
 * their Ethernet address anew (SEND_CAST). With several engines, each has a queue of the TAP device
 * (home.bpf.h says which packet is whose, sl_queue tells the device).
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
} own SEC(".maps"); /* addresses of this machine, IPv4 ones v4-mapped: enum sl_steer_own */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SL_STEER_INTERFACES);
	__uint(key_size, 4);
	__uint(value_size, 1);
} insides SEC(".maps"); /* interfaces towards the inside, by ifindex */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SL_STEER_COUNT);
	__uint(key_size, 4);
	__uint(value_size, 8);
} counts SEC(".maps");

#include "bpf/fast.bpf.h"
#include "bpf/home.bpf.h"

static __always_inline void count(__u32 what)
{
	__u64 *n = bpf_map_lookup_elem(&counts, &what);

	if (n)
		++*n;
}

/* All engines must have looked for packets lately. */
static __always_inline bool alive(__u64 now)
{
	for (__u32 i = 0; i < SL_STEER_QUEUES && i < config.queues; i++)
		if ((__s64)(now - config.beat[i]) >= (__s64)config.patience)
			return false;
	return true;
}

static __always_inline bool is_links_own(__u8 type)
{
	return (type >= 130 && type <= 137) || type == 143;
}

/*
 * Neighbour discovery, router discovery, redirects, MLD: the link's own business. MLD has one
 * header of 8 bytes with a router alert before it.
 */
static __always_inline bool is_neighbour(struct __sk_buff *skb, __u32 at)
{
	__u8 next, options[2], type;

	if (skb->protocol != bpf_htons(IPV6) || bpf_skb_load_bytes(skb, at + 6, &next, 1))
		return false;
	if (next == ICMPV6)
		return !bpf_skb_load_bytes(skb, at + 40, &type, 1) && is_links_own(type);
	if (next || bpf_skb_load_bytes(skb, at + 40, options, 2) || options[0] != ICMPV6 || options[1])
		return false;
	return !bpf_skb_load_bytes(skb, at + 48, &type, 1) && is_links_own(type);
}

/* Is it a packet for the engine at all? */
static __always_inline bool is_ours(struct __sk_buff *skb, __u32 at)
{
	if (skb->vlan_present)
		return false;
	if (skb->protocol != bpf_htons(IPV4) && skb->protocol != bpf_htons(IPV6))
		return false;
	return !is_neighbour(skb, at);
}

/* What the destination is to us: enum sl_steer_own, 0: nothing. */
static __always_inline __u8 is_to_us(struct __sk_buff *skb, __u32 at)
{
	struct {
		__u32 w[4];
	} key = {{0, 0, bpf_htonl(0xffff), 0}};
	__u8 *found;
	long bad;

	if (skb->protocol == bpf_htons(IPV4))
		bad = bpf_skb_load_bytes(skb, at + 16, &key.w[3], 4);
	else
		bad = bpf_skb_load_bytes(skb, at + 24, &key, 16);
	found = bad ? NULL : bpf_map_lookup_elem(&own, &key);
	return found ? *found : 0;
}

static __always_inline int send_up(struct __sk_buff *skb, __u32 at, enum sl_steer_what what, __u8 cast)
{
	struct {
		struct sl_steer_meta meta;
		__u16 type;
	} __attribute__((packed)) head = {
		.meta = {.mark = skb->mark, .what = what, .cast = cast, .ifindex = skb->ifindex},
		.type = (__u16)skb->protocol};

	head.meta.queue = home_of(skb, at, what == SL_STEER_FROM_LOCAL);
	if (!at && bpf_skb_change_head(skb, ETHER, 0))
		return TC_ACT_SHOT;
	if (bpf_skb_store_bytes(skb, 0, &head, sizeof(head), 0))
		return TC_ACT_SHOT;
	return bpf_redirect(config.tap, 0);
}

static __always_inline int come_in(struct __sk_buff *skb, __u32 at)
{
	__u64 now;
	int done;

	if (skb->mark == config.cookie) {
		skb->mark = 0;
		return TC_ACT_UNSPEC;
	}
	if (skb->pkt_type > PACKET_MULTICAST || !is_ours(skb, at))
		return TC_ACT_UNSPEC;
	now = bpf_ktime_get_ns();
	if (alive(now)) {
		done = skb->pkt_type == PACKET_HOST ? fast_path(skb, at, now) : TC_ACT_UNSPEC;
		if (done != TC_ACT_UNSPEC)
			return done;
		return send_up(skb, at, SL_STEER_FROM_WIRE, (__u8)skb->pkt_type);
	}
	if (skb->pkt_type != PACKET_HOST || is_to_us(skb, at) == SL_STEER_OWN) {
		count(SL_STEER_GONE_PASSED);
		return TC_ACT_UNSPEC;
	}
	if (config.open)
		return TC_ACT_UNSPEC;
	count(SL_STEER_GONE_DROPPED);
	return TC_ACT_SHOT;
}

SEC("tc")
int sl_in(struct __sk_buff *skb)
{
	return come_in(skb, ETHER);
}

SEC("tc")
int sl_in_raw(struct __sk_buff *skb)
{
	return come_in(skb, 0);
}

/* Nobody's address (a DHCP client's question) has no connection: it leaves as it is. */
static __always_inline bool is_from_nobody(struct __sk_buff *skb, __u32 at)
{
	__u32 from[4] = {0, 0, 0, 0};

	if (skb->protocol == bpf_htons(IPV4))
		bpf_skb_load_bytes(skb, at + 12, from, 4);
	else
		bpf_skb_load_bytes(skb, at + 8, from, 16);
	return !(from[0] | from[1] | from[2] | from[3]);
}

/* To whom, by the destination's Ethernet address, or IP address where there is no other. */
static __always_inline __u8 cast_of(struct __sk_buff *skb, __u32 at)
{
	__u8 first;

	if (bpf_skb_load_bytes(skb, at ? 0 : skb->protocol == bpf_htons(IPV4) ? 16 : 24, &first, 1))
		return PACKET_HOST;
	if (at)
		return first == 0xff ? PACKET_BROADCAST : first & 1 ? PACKET_MULTICAST : PACKET_HOST;
	if (skb->protocol == bpf_htons(IPV4))
		return first >= 224 ? PACKET_MULTICAST : PACKET_HOST;
	return first == 0xff ? PACKET_MULTICAST : PACKET_HOST;
}

static __always_inline int go_out(struct __sk_buff *skb, __u32 at)
{
	__u8 cast;

	if (skb->ingress_ifindex == config.tap || !is_ours(skb, at))
		return TC_ACT_UNSPEC;
	cast = cast_of(skb, at);
	if (skb->ingress_ifindex) {
		if (cast != PACKET_HOST || config.open || skb->tc_index == fast_sign())
			return TC_ACT_UNSPEC;
		count(SL_STEER_FOREIGN);
		return TC_ACT_SHOT;
	}
	if (cast != PACKET_HOST && is_from_nobody(skb, at))
		return TC_ACT_UNSPEC;
	if (alive(bpf_ktime_get_ns()))
		return send_up(skb, at, SL_STEER_FROM_LOCAL, cast);
	count(SL_STEER_GONE_PASSED);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int sl_out(struct __sk_buff *skb)
{
	return go_out(skb, ETHER);
}

SEC("tc")
int sl_out_raw(struct __sk_buff *skb)
{
	return go_out(skb, 0);
}

/* The Ethernet address of everybody, or of the group that the packet goes to. */
static __always_inline bool put_cast_address(struct __sk_buff *skb, __u8 *mac, __u8 cast)
{
	if (cast == PACKET_BROADCAST) {
		__builtin_memset(mac, 0xff, 6);
		return true;
	}
	if (skb->protocol == bpf_htons(IPV4)) {
		mac[0] = 1;
		mac[1] = 0;
		mac[2] = 0x5e;
		if (bpf_skb_load_bytes(skb, ETHER + 17, mac + 3, 3))
			return false;
		mac[3] &= 0x7f;
		return true;
	}
	mac[0] = mac[1] = 0x33;
	return !bpf_skb_load_bytes(skb, ETHER + 36, mac + 2, 4);
}

/* By an interface, or to the stack, with Ethernet addresses that say what it is; where there are none, they go. */
static __always_inline int send_addressed(struct __sk_buff *skb, const struct sl_steer_meta *meta)
{
	__u8 addresses[12] = {0, 0, 0, 0, 0, 0, 2};

	if (meta->what == SL_STEER_SEND_CAST)
		__builtin_memcpy(addresses + 6, meta->mac, 6);
	if (meta->cast == PACKET_HOST)
		__builtin_memcpy(addresses, meta->mac, 6);
	else if (!put_cast_address(skb, addresses, meta->cast))
		return TC_ACT_SHOT;
	if (bpf_skb_store_bytes(skb, 0, addresses, sizeof(addresses), 0))
		return TC_ACT_SHOT;
	if (meta->what == SL_STEER_SEND_CAST)
		return bpf_redirect(meta->ifindex, 0);
	skb->mark = config.cookie;
	return bpf_redirect(meta->ifindex, BPF_F_INGRESS);
}

SEC("tc")
int sl_down(struct __sk_buff *skb)
{
	struct sl_steer_meta meta;

	if (bpf_skb_load_bytes(skb, 0, &meta, sizeof(meta)))
		return TC_ACT_SHOT;
	if (meta.what == SL_STEER_FORWARD) {
		skb->mark = meta.mark;
		return bpf_redirect_neigh(meta.ifindex, NULL, 0, 0);
	}
	if (meta.what == SL_STEER_TO_LOCAL || meta.what == SL_STEER_SEND_CAST)
		return send_addressed(skb, &meta);
	return TC_ACT_SHOT;
}

/* Asked by the TAP device: which of its queues is it for? */
SEC("socket")
int sl_queue(struct __sk_buff *skb)
{
	struct sl_steer_meta meta;

	return bpf_skb_load_bytes(skb, 0, &meta, sizeof(meta)) ? 0 : meta.queue;
}

char sl_license[] SEC("license") = "Dual BSD/GPL";
