/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BPF_FLOW_H
#define SLUICE_BPF_FLOW_H

/*
 * One direction of a connection that the engine handed down: what its packets look like, and what
 * is made of them. For both compilers, like steer.h. Addresses and ports are in network order.
 *
 * Two arrays, both shared with the gateway as memory: what the programs count is read without a system call,
 * and an entry is written, found or switched off by a store.
 *
 *	flow_index	buckets of one cache line: the hash of a key, and where in `flows`
 *	flows		the two flows of a connection side by side (so the other one is at place ^ 1)
 *
 * The hash is multilinear with a random secret (Carter and Wegman): nobody outside can fill a bucket on
 * purpose. A bucket that is full, or has the very hash already, takes no more: that connection stays
 * the engine's.
 */
#include "bpf/steer.h"

/* Whole words, no padding: hashed and compared as words. */
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
	sl_steer_u32 proto; /* with SL_FLOW_V6: no key of IPv4 is equal to its beginning */
};

enum { SL_FLOW_V6 = 0x100 };
enum { SL_FLOW_WORDS4 = sizeof(struct sl_flow_key4) / 4, SL_FLOW_WORDS6 = sizeof(struct sl_flow_key6) / 4 };

/* An entry: hash << 32 | place in flows + 1; 0: unused. */
enum { SL_FLOW_ENTRIES = 8 };
struct sl_flow_bucket {
	sl_steer_u64 entry[SL_FLOW_ENTRIES];
};

static inline sl_steer_u32 sl_flow_hash(
        const sl_steer_u64 *secret, const sl_steer_u32 *words, unsigned n)
{
	sl_steer_u64 sum = secret[n];

	for (unsigned i = 0; i < n; i++)
		sum += secret[i] * words[i];
	return (sl_steer_u32)(sum >> 32);
}

/*
 * A connection that a SYN has just opened is watched while it is young (opening.bpf.h): a flow takes only what its
 * sender must send next, and tells the engine of every packet.
 */
enum sl_flow_watch {
	SL_WATCH_NOT,	  /* handed down for good */
	SL_WATCH_NOTHING, /* every packet is the engine's */
	SL_WATCH_SYN_ACK, /* the answer to the SYN is next */
	SL_WATCH_OPEN,
	SL_WATCH_FIN, /* the sender has closed */
};

/* Three cache lines; IPv4 needs the first two and, behind a router or while watched, the third. */
struct sl_flow {
	/* Counted by the programs, unless watched. */
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
	sl_steer_u32 watch;	 /* enum sl_flow_watch */
	sl_steer_u8 queue;	 /* of the engine that it belongs to */
	sl_steer_u8 reserved[11];
	/* ---- line 1 ---- */
	sl_steer_u32 key[SL_FLOW_WORDS6]; /* IPv4: the first SL_FLOW_WORDS4 */
	/* What the packet becomes: ports, addresses as in the header (IPv4: the first 8 bytes). */
	sl_steer_u8 ports[4];
	sl_steer_u8 addresses[32];
	sl_steer_u8 next[16];
	/* While watched, of its sender: the next sequence number, and the one that must not be passed ... */
	sl_steer_u32 next_seq, limit;
	sl_steer_u32 window; /* SL_WATCH_SYN_ACK: ... so far behind the first (what the SYN offered) */
	sl_steer_u8 more[20];
};

/* What the programs tell the engine of a packet of a watched flow: its headers, as they came. */
enum { SL_TOLD_HEADERS = 40 + 60 };
struct sl_told {
	sl_steer_u32 in_if, len; /* of the IP packet, of which there are so many bytes here: */
	sl_steer_u16 have, gso_size;
	sl_steer_u8 headers[SL_TOLD_HEADERS];
};

#endif
