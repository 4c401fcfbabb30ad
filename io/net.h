/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_NET_H
#define SLUICE_IO_NET_H

/*
 * The machine's links, addresses and routes as the gateway knows them. Links and addresses are
 * kept and followed; a route is asked for when a destination is new, and the answer remembered
 * until anything changes.
 */
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <sluice/sluice.h>

#include "io/netlink.h"

enum { SL_NET_ANSWERS = 1 << 16 }; /* remembered routes; a power of two */

struct sl_link {
	uint32_t index, mtu;
	char name[IFNAMSIZ];
	uint8_t mac[6];
	bool ether; /* has Ethernet headers */
	bool up;
	bool managed; /* the gateway's business ... */
	bool inside;  /* ... and towards the inside */
};

struct sl_own_addr {
	struct sl_addr addr;
	uint32_t link;
	uint8_t family, prefix;
};

/* What a change is told as. */
struct sl_net_watch {
	void *ctx;
	void (*link)(void *ctx, const struct sl_link *link, bool gone);
	void (*addr)(void *ctx, const struct sl_own_addr *addr, bool gone);
	void (*routes)(void *ctx); /* anything that an answer may depend on */
};

/* A question to the kernel, and what it said. Private to route.c. */
struct sl_net_answer {
	struct sl_addr dst, src;
	uint32_t in_if, mark, generation; /* 0: empty */
	struct sl_route route;
	struct sl_addr next; /* SL_ROUTE_FORWARD: the next hop ... */
	uint8_t next_family; /* ... and its family; 0: not known */
};

struct sl_net {
	struct sl_netlink ask, watch; /* watch.fd is to be waited for */
	struct sl_net_watch tell;
	struct sl_link *links;
	unsigned n_links;
	struct sl_own_addr *addrs;
	unsigned n_addrs;
	struct sl_net_answer *answers;
	uint32_t generation;
	bool by_source; /* a routing rule looks at the source or the incoming interface */
	bool looking;   /* the first look: nobody is told */
	uint64_t asked; /* questions to the kernel */
};

/* False: said on stderr. */
bool sl_net_init(struct sl_net *net);
void sl_net_fini(struct sl_net *net);
/* watch.fd is readable. */
void sl_net_follow(struct sl_net *net);

/* Borrowed until the next sl_net_follow(); NULL: none. */
struct sl_link *sl_net_link(struct sl_net *net, uint32_t index);
struct sl_link *sl_net_link_named(struct sl_net *net, const char *name);
bool sl_net_is_own(const struct sl_net *net, const struct sl_addr *addr);

/*
 * The next hop of a route by out_if: dst itself, or a router, perhaps of the other family. False:
 * the kernel's answer is none, or leads elsewhere.
 */
bool sl_net_next(struct sl_net *net, const struct sl_route_query *query, uint32_t out_if,
        struct sl_addr *next, enum sl_family *family);

/* sl_env.route: managed links only; anything else is no route. */
void sl_net_route(struct sl_net *net, const struct sl_route_query *query, struct sl_route *answer);

#endif
