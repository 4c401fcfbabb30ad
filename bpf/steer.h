/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BPF_STEER_H
#define SLUICE_BPF_STEER_H

/*
 * What the BPF programs (steer.bpf.c) and the gateway (io/steer.c, io/tap.c) say to each other.
 * Plain C for both compilers; numbers are in the machine's own byte order.
 */
#ifdef __bpf__
#include <linux/types.h>
typedef __u8 sl_steer_u8;
typedef __u16 sl_steer_u16;
typedef __u32 sl_steer_u32;
typedef __u64 sl_steer_u64;
#else
#include <stdint.h>
typedef uint8_t sl_steer_u8;
typedef uint16_t sl_steer_u16;
typedef uint32_t sl_steer_u32;
typedef uint64_t sl_steer_u64;
#endif

enum sl_steer_what {
	SL_STEER_FROM_WIRE = 0xa1, /* up: came in by the interface */
	SL_STEER_FROM_LOCAL,	   /* up: a local program sends it by the interface */
	SL_STEER_FORWARD,	   /* down: send it by the interface */
	SL_STEER_TO_LOCAL,	   /* down: hand it to the stack as if it had come by the interface */
	SL_STEER_SEND_CAST,	   /* down: a broadcast or to a group: send it by the interface */
};

/*
 * Where the two addresses of an Ethernet header would be, in frames on the TAP device: what a
 * packet's bytes do not tell. The type field behind it is as ever.
 */
struct sl_steer_meta {
	union {
		sl_steer_u8 mac[6]; /* TO_LOCAL, SEND_CAST: the interface's own address */
		struct {
			sl_steer_u32 mark; /* the others: the packet's mark */
			sl_steer_u8 queue; /* up: of which engine */
			sl_steer_u8 pad;
		} __attribute__((packed));
	} __attribute__((packed));
	sl_steer_u8 what; /* enum sl_steer_what */
	sl_steer_u8 cast; /* skb->pkt_type, which is also enum sl_cast */
	sl_steer_u32 ifindex;
} __attribute__((packed));

enum { SL_STEER_QUEUES = 16 }; /* engines at most, a queue of the TAP device each; a power of two */

/* What an address is. */
enum sl_steer_own {
	SL_STEER_OWN = 1, /* this machine's */
	SL_STEER_NAT,	  /* source NAT gives it out */
};

/* Written by the gateway through shared memory, read for each packet. */
struct sl_steer_config {
	sl_steer_u64 beat[SL_STEER_QUEUES]; /* when an engine last looked for packets: CLOCK_MONOTONIC, ns */
	sl_steer_u64 patience;		    /* ns without a beat until the gateway counts as gone */
	sl_steer_u32 tap;		    /* ifindex of its TAP device */
	sl_steer_u32 cookie;		    /* mark of packets on their way to the local stack; random */
	sl_steer_u32 generation[SL_STEER_QUEUES]; /* of an engine's entries of the fast path that hold */
	sl_steer_u64 secret[12];		  /* random, for sl_flow_hash() */
	sl_steer_u32 flow_buckets;		  /* a power of two, less one */
	sl_steer_u32 queues;			  /* how many engines there are */
	sl_steer_u8 open; /* when it is gone: forward as the kernel would, not drop */
	sl_steer_u8 fast; /* the fast path is in use */
};

/* Counted by the programs; read by the gateway's metrics. */
enum sl_steer_count {
	SL_STEER_GONE_DROPPED,	/* the gateway was gone, the packet not for this machine */
	SL_STEER_GONE_PASSED,	/* the gateway was gone, the packet went to or from this machine */
	SL_STEER_FOREIGN,	/* forwarded by the kernel from an interface that is not managed */
	SL_STEER_COUNT
};

#define SL_STEER_ADDRESSES 4096 /* own addresses that can be known */
#define SL_STEER_INTERFACES 1024

#endif
