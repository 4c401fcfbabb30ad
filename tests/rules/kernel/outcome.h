/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What became of one packet, and what a table of connections holds, in the words that the kernel
 * (kernel.c) and sluice (engine.c) have in common; compare.c lays the two against each other.
 */
#ifndef TESTS_RULES_OUTCOME_H
#define TESTS_RULES_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_MAX 4096  /* put in */
#define OUT_MAX    16384 /* what comes out, fragments one behind the other */
#define CONNS_MAX  8192

/* Where a packet comes in, or where it went. */
enum place { FROM_IN, FROM_OUT, FROM_LOCAL, PLACE_COUNT };

enum fate { FATE_NONE, FATE_FORWARDED, FATE_LOCAL };

/* enum class: INVALID .. RELATED reply, as tracking saw it; 0: it got not so far. */
enum { CLASS_NONE, CLASS_INVALID, CLASS_UNTRACKED, CLASS_FIRST };

struct outcome {
	uint8_t fate;  /* enum fate */
	uint8_t where; /* enum place: the side that it left by */
	uint8_t ct;    /* CLASS_* ; CLASS_FIRST + 2 * (new, established, related) + direction */
	bool answered; /* refused with an ICMP error or a reset, which then is what `data` holds */
	const char *why; /* sluice's reason, or NULL */
	uint32_t mark;   /* as it left, or as it reached the local stack */
	uint32_t pieces; /* that it left in: packets in `data` */
	uint32_t len;
	uint8_t data[OUT_MAX];
};

/* A connection, in network order; addresses of IPv4 as the first 4 bytes. */
struct end {
	uint8_t src[16], dst[16];
	uint16_t sport, dport; /* ICMP: id, and type << 8 | code */
};
struct conn {
	uint8_t family, proto, tcp_state;
	struct end tuple[2];
	uint16_t zone[2];
	uint32_t status, timeout, mark;
	uint64_t packets[2], bytes[2];
	char helper[16];
	bool has_master;
};

struct conns {
	unsigned count;
	struct conn at[CONNS_MAX];
};

#endif
