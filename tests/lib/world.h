/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two ends of one connection, and an engine with one helper between them:
 *
 *	NAT_NONE	client 10.0.0.2 ------------------------ server 198.51.100.7
 *	NAT_SRC		client 10.0.0.2 --- 203.0.113.1 -------- server 198.51.100.7
 *	NAT_DST		client 10.0.0.2 --------- 203.0.113.1 -- server 198.51.100.7
 *	NAT_IN		client 198.51.100.9 ----- 203.0.113.1 -- server 10.0.0.3
 *
 * with IPv6: fd00::2 and fd00::3 inside, 2001:db8::7 and 2001:db8::9 outside, public
 * 2001:db8:ffff::1. Under source NAT the server sees the client at the public address, under the
 * other two the client sees the server there.
 *
 * Both ends are receivers (receiver.h); packets end where their memory ends. What is no packet of
 * the connection is put into `arrived` and `payload` only.
 */
#ifndef TESTS_LIB_WORLD_H
#define TESTS_LIB_WORLD_H

#include <sluice/helper.h>

#include "tests/lib/gateway.h"
#include "tests/lib/packets.h"
#include "tests/lib/receiver.h"

#define EXPECTS_MAX 64

enum { NAT_NONE = 1, NAT_SRC = 2, NAT_DST = 4, NAT_IN = 8, NAT_ANY = 15 };
/* Round by round: for (unsigned nat = NAT_NONE; nat <= NAT_IN; nat *= 2) */

/* Which connection, and which helper of the library looks at it. */
struct scene {
	const char *helper;
	uint8_t proto, family;             /* SL_PROTO_TCP, SL_IPV4 */
	uint16_t client_port, server_port; /* 0: 40000; the helper's first */
};

struct end {
	struct sl_addr addr, to; /* its own; where it sends to */
	uint16_t port, to_port;
	uint32_t isn, next; /* TCP: of what it sends */
	unsigned packets;   /* it got */
};

/* An expectation, as it was made. */
struct expected {
	struct sl_expect_info info;
	bool gone;
	enum sl_reason why; /* it is gone */
};

struct world {
	struct gateway g;
	struct sl_policy policy;
	unsigned nat;
	uint8_t family, proto;
	struct end end[2]; /* [SL_ORIGINAL]: client */
	struct sl_addr public_addr;
	bool strict; /* no packet may leave that is not of the connection */
	/* Each may be NULL. A packet leaves; true: it was dealt with. Something was reported. */
	bool (*on_leave)(struct world *w, const struct sl_packet *p);
	void (*on_event)(struct world *w, const struct sl_event *event);

	/* what happened */
	struct expected expect[EXPECTS_MAX]; /* as they came */
	unsigned expects;
	enum sl_reason remark; /* the last one */
	enum sl_beyond beyond; /* the last one */
	unsigned held, dropped, made, conns_ended;

	/* the last packet put in */
	uint16_t reason;
	uint8_t state;
	struct sl_conn *conn;
	bool left; /* it did, or something because of it: */
	struct sl_tuple arrived;
	uint8_t payload[2048]; /* of UDP, or behind a GRE header */
	size_t payload_len;

	struct receiver in[2]; /* what each end gets */
};

/* The world with its connection open. */
void world_init(struct world *w, const struct scene *scene, unsigned nat);
/* The same in three steps, so that ends, g.config and hooks may be changed in between. */
void world_place(struct world *w, const struct scene *scene, unsigned nat);
void world_start(struct world *w, const char *helper);
/* TCP: the handshake between w->end[0] and w->end[1], as they are now. Else nothing. */
void world_open(struct world *w);
/* TCP: as if the handshake and more had passed before there was an engine. */
void world_pick_up(struct world *w);
/* Another connection of another host on the client's side, instead of the first one. */
void world_second_client(struct world *w);
/* What must arrive there, behind what must so far; not called: nothing may. */
void world_must(struct world *w, enum sl_dir to, const void *bytes, size_t n);
void world_must_text(struct world *w, enum sl_dir to, const char *text);
/* Whatever may arrive, at both ends. */
void world_anything(struct world *w);
/* Everything arrived, both ways, and was acknowledged in each sender's own numbers. */
void world_complete(struct world *w);
void world_fini(struct world *w);

/* ---- what is sent ---------------------------------------------------------------------------- */

/* Any packet with this tuple; it is freed, or kept by the engine. */
void send_packet(struct world *w, struct sl_packet p);
/* TCP, any segment from that end. */
void send_segment(struct world *w, enum sl_dir dir, const struct segment *segment);
/* TCP: bytes [from, to) of a message that begins at the sender's number `at`. */
void send_part(
        struct world *w, enum sl_dir dir, uint32_t at, const void *bytes, size_t from, size_t to);
void send_flags(struct world *w, enum sl_dir dir, uint8_t flags);
void send_ack(struct world *w, enum sl_dir dir);
/* A message, whole: one segment, or one datagram. */
void send_message(struct world *w, enum sl_dir dir, const void *bytes, size_t n);
void send_text(struct world *w, enum sl_dir dir, const char *text);
/* The SYN of TCP, a datagram, or a GRE packet of version 1. */
void send_tuple(struct world *w, const struct sl_tuple *tuple, const void *bytes, size_t n);
/* The first packet of what is expected, from this port (0: 50001), if it may be any. */
void send_expected(struct world *w, const struct sl_expect_info *expect, uint16_t sport);
/* Time passes. */
void wait_ms(struct world *w, uint64_t ms);

/* The tuple of what that end sends. */
struct sl_tuple tuple_from(const struct world *w, enum sl_dir dir);
/* TCP: the number that end acknowledges now. */
uint32_t ack_of(const struct world *w, enum sl_dir dir);
/* How many are expected now. */
unsigned expects_alive(const struct world *w);
bool addr_is(const struct sl_addr *addr, const char *text);

#endif
