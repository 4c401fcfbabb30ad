/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An engine and what an embedder owes it: counted memory, packets each of which lies in memory of
 * its own, routes by address, and a list of what was emitted.
 *
 *	inside 10.0.0.0/8, 2001:db8:1::/48, fd00::/8 (interface 1) -- engine -- outside (interface 2)
 *	                     203.0.113.1, 2001:db8:ffff::1
 *
 * Broken invariants and wrong checksums end the program (must.h).
 */
#ifndef TESTS_LIB_GATEWAY_H
#define TESTS_LIB_GATEWAY_H

#include <sluice/policy.h>

#include "tests/lib/memory.h"

#define SECOND  1000000000ull
#define MS      1000000ull
#define OUT_MAX 256

struct gateway {
	struct sl_engine *engine;
	struct sl_config config;
	struct sl_env env;
	struct memory memory;
	unsigned packets; /* of ours that live */
	uint32_t room;    /* before and behind each packet; 0: it ends where its memory ends */
	uint64_t now;
	struct sl_packet out[OUT_MAX]; /* emitted, oldest first; ours */
	unsigned n_out;
	uint16_t mtu[3]; /* by out_if; 0: unlimited */
	uint8_t prefix;  /* of networks inside, as routes tell it */
	enum sl_route_kind
	        route_kind; /* of what is forwarded, if not SL_ROUTE_NONE: that instead */
	unsigned events[8];
	void (*on_event)(struct gateway *g, const struct sl_event *event);
	void (*on_emit)(struct gateway *g, struct sl_packet *p); /* NULL: it goes to out */
	void *user;
};

bool is_inside(const struct sl_addr *a, uint8_t family);
/* The gateway's own address. */
struct sl_addr public_addr(uint8_t family);

/* Everything is ready but the engine; change g->config, then gateway_start(). nat: masquerade. */
void gateway_init(struct gateway *g, bool nat);
void gateway_start(struct gateway *g);
void gateway_drain(struct gateway *g);
/* Memory and packets must all have come back. */
void gateway_end(struct gateway *g);
/* The built-in helper of that name; there must be one. */
const struct sl_helper *helper_named(const char *name);

/* One packet in; what the gateway made or emitted for it is then in g->out, which was empty. */
void put_in(struct gateway *g, struct sl_packet *p);
/* The same for a packet whose fate is all that matters; it is freed. */
enum sl_verdict put_in_once(struct gateway *g, struct sl_packet p);

/* What the engine is given; `gateway` is a struct gateway. */
void gateway_route(void *gateway, const struct sl_route_query *q, struct sl_route *answer);
bool packet_alloc(void *gateway, struct sl_packet *p, uint32_t len);
void packet_free(void *gateway, struct sl_packet *p);

#endif
