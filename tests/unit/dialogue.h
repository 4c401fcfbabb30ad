/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dialogues of a helper's protocol through a whole engine. (tests/unit/dialogue.c)
 *
 *	NAT_NONE	client 10.0.0.2:40000      ------------------------ server 198.51.100.7
 *	NAT_SRC		client 10.0.0.2:40000      -- 203.0.113.1 --------- server 198.51.100.7
 *	NAT_DST		client 198.51.100.9:40000  ---- 203.0.113.1 ------- server 10.0.0.3
 *
 * with IPv6: fd00::2 and fd00::3 inside, 2001:db8::7 and 2001:db8::9 outside, public
 * 2001:db8:ffff::1. "Inside" is interface 1, "outside" 2.
 *
 * Both ends are models of receivers. A byte of a stream that differs from what the whole stream
 * must be is a failure, and so is a wrong checksum: no test can miss an untranslated byte. Each
 * packet ends where its memory ends.
 */
#ifndef TESTS_DIALOGUE_H
#define TESTS_DIALOGUE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sluice/helper.h>
#include <sluice/policy.h>

#define STREAM	     16384
#define EXPECTS_MAX  64
#define MS	     1000000ull
#define SPOKEN_MAX   4

enum nat { NAT_NONE, NAT_SRC, NAT_DST, NAT_COUNT };
#define ALL_NATS 7u

/* One end of the connection. */
struct end {
	struct sl_addr addr;	/* its own */
	struct sl_addr to;	/* where it sends to */
	uint16_t port, to_port;
	uint32_t isn, next;	/* TCP: of what it sends */
	uint32_t peer_isn;
	uint8_t got[STREAM];
	bool have[STREAM];
	const uint8_t *must_get; /* TCP: the whole stream; UDP: the next datagram; NULL: anything */
	size_t must_len;
	uint32_t acked;
	unsigned packets;
};

struct world {
	struct sl_engine *engine;
	enum nat nat;
	uint8_t family, proto;
	struct end end[2]; /* [SL_ORIGINAL]: client */
	struct sl_addr public_addr, server_inside;
	uint64_t now;
	size_t allocated;
	struct sl_expect_info expect[EXPECTS_MAX]; /* as they came */
	bool gone[EXPECTS_MAX];
	enum sl_reason gone_why[EXPECTS_MAX];
	unsigned expects;
	enum sl_reason remark;	/* the last one */
	enum sl_beyond beyond;	/* the last one */
	unsigned held, dropped, conns_ended;
	uint16_t reason;	/* of the last packet */
	struct sl_tuple arrived; /* of the last packet that left, read from its bytes */
	uint8_t state;		/* and what it was to its connection */
	bool left;		/* it left */
	uint8_t payload[2048];	/* and its UDP payload, or what follows a GRE header */
	size_t payload_len;
};

/* Which connection, and which helper of the library looks at it. */
struct scene {
	const char *helper;
	uint8_t proto, family; /* SL_PROTO_TCP, SL_IPV4 */
	uint16_t port;	       /* the server's */
};

/* The world with its connection open. to_server, to_client: what must arrive (TCP), NULL: anything. */
void world_init(struct world *w, const struct scene *scene, enum nat nat);
/* Part of that: the handshake between w->end[0] and w->end[1], as they are now. */
void world_open(struct world *w);
void world_must(struct world *w, enum sl_dir to, const void *bytes, size_t n);
/* complete: everything arrived, both ways, and was acknowledged in each sender's own numbers. */
void world_fini(struct world *w, bool complete);

/* TCP: bytes [from, to) of a message that begins at the sender's number `at`. */
void send_part(struct world *w, enum sl_dir dir, uint32_t at, const void *bytes, size_t from, size_t to);
void send_ack(struct world *w, enum sl_dir dir);
void send_flags(struct world *w, enum sl_dir dir, uint8_t flags);
/* A message, whole: one segment, or one datagram. */
void send_message(struct world *w, enum sl_dir dir, const void *bytes, size_t n);
void send_text(struct world *w, enum sl_dir dir, const char *text);
/* Any packet with these addresses: the ports of UDP, SYN of TCP, the keys of GRE version 1. */
void send_tuple(struct world *w, const struct sl_tuple *tuple, const void *bytes, size_t n);
/* The first packet of what is expected, from this port (0: 50001): as `arrived`, `state` say. */
void meet(struct world *w, const struct sl_expect_info *expect, uint16_t sport);
/* Time passes. */
void wait_ms(struct world *w, uint64_t ms);

/* How many are expected now. */
unsigned expects_alive(const struct world *w);
bool addr_is(const struct sl_addr *addr, const char *text);

/* ---- tables of messages ---------------------------------------------------------------------- */

/*
 * A message, and what must become of it. Tests run each row under each NAT that it names, whole,
 * and for streams cut everywhere in all the ways that segments may travel.
 */
struct spoken {
	const char *before; /* said by the other side first; NULL: nothing. Not cut. */
	const char *text;
	size_t len; /* 0: strlen(text) */
	enum sl_dir dir;
	unsigned nats;			/* bits 1 << NAT_...; 0: all */
	const char *seen[NAT_COUNT];	/* what arrives; NULL: the same */
	size_t seen_len;		/* 0: strlen(seen) */
	unsigned expects;		/* so many */
	uint16_t port[SPOKEN_MAX];	/* of each: as expected by its tuple */
	enum sl_reason remark;
	bool refused;			/* it must not arrive */
};
void check_spoken(const struct scene *scene, const struct spoken *rows, unsigned n);

#endif
