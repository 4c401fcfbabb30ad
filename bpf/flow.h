/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BPF_FLOW_H
#define SLUICE_BPF_FLOW_H

/*
 * One direction of a connection that the engine handed down: what its packets look like, and what
 * is made of them. For both compilers, like steer.h. Addresses and ports are in network order.
 *
 * A hash map leads from the key to a place in an array of flows, which the gateway shares with
 * the programs as memory: what they count is read without a system call, and an entry is written or
 * switched off by a store.
 */
#include "bpf/steer.h"

struct sl_flow_key4 {
	sl_steer_u8 src[4], dst[4];
	sl_steer_u8 sport[2], dport[2];
	sl_steer_u32 in_if;
	sl_steer_u32 proto;
};

struct sl_flow_key6 {
	sl_steer_u8 src[16], dst[16];
	sl_steer_u8 sport[2], dport[2];
	sl_steer_u32 in_if;
	sl_steer_u32 proto;
};

/* Two cache lines; IPv4 needs all of the first and, behind a router, 4 bytes of the second. */
struct sl_flow {
	/* Counted by the programs. */
	sl_steer_u64 packets, bytes, last_seen;
	sl_steer_u32 generation; /* not that of its engine in sl_steer_config: the entry holds no more */
	sl_steer_u32 out_if;
	/*
	 * What to add to sums: to the header's (IPv4, one hop less included if count_hop), to the
	 * transport's for the addresses, and for the ports. Unfolded, in the machine's order of the bytes.
	 */
	sl_steer_u32 ip_diff, address_diff, port_diff;
	sl_steer_u16 mtu;
	sl_steer_u8 count_hop;
	sl_steer_u8 next_family; /* AF_INET, AF_INET6; 0: ask the routing table */
	/* What the packet becomes: ports, addresses as in the header (IPv4: the first 8 bytes). */
	sl_steer_u8 ports[4];
	sl_steer_u8 addresses[32];
	sl_steer_u8 next[16];
	sl_steer_u8 queue; /* of the engine that it belongs to */
	sl_steer_u8 reserved[27];
};

#endif
