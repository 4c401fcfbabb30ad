/* SPDX-License-Identifier: BSD-2-Clause */
/* See gateway.h. */
#include "tests/lib/gateway.h"

#include <sluice/helper.h>

#include "base/wire.h"
#include "tests/lib/must.h"
#include "tests/lib/packets.h"

bool is_inside(const struct sl_addr *a, uint8_t family)
{
	static const uint8_t net[6] = {0x20, 1, 0xd, 0xb8, 0, 1};

	if (family == SL_IPV4)
		return a->b[12] == 10;
	return memcmp(a->b, net, 6) == 0 || a->b[0] == 0xfd;
}

struct sl_addr public_addr(uint8_t family)
{
	return addr_of(family == SL_IPV4 ? "203.0.113.1" : "2001:db8:ffff::1");
}

/* ---- what the engine is given ---------------------------------------------------------------- */

void gateway_route(void *ctx, const struct sl_route_query *q, struct sl_route *answer)
{
	struct gateway *g = ctx;
	struct sl_addr own = public_addr(q->family), everybody = addr_of("10.0.0.255");
	bool inside = is_inside(&q->dst, q->family);

	answer->kind = SL_ROUTE_FORWARD;
	answer->out_if = inside ? 1 : 2;
	answer->mtu = g->mtu[answer->out_if];
	answer->prefix = inside ? g->prefix : 0;
	answer->has_source = true;
	answer->source = own;
	if (sl_addr_eq(&q->dst, &own)) {
		answer->kind = SL_ROUTE_LOCAL;
	} else if (sl_addr_eq(&q->dst, &everybody)) {
		answer->kind = SL_ROUTE_BROADCAST;
	} else if (g->route_kind && q->from != SL_FROM_LOCAL) {
		answer->kind = g->route_kind;
	}
}

bool packet_alloc(void *ctx, struct sl_packet *p, uint32_t len)
{
	struct gateway *g = ctx;
	uint8_t *base = malloc((size_t)len + 2 * g->room);

	MUST(base);
	memset(p, 0, sizeof(*p));
	p->handle = base;
	p->data = base + g->room;
	p->len = len;
	p->headroom = p->tailroom = g->room;
	g->packets++;
	return true;
}

void packet_free(void *ctx, struct sl_packet *p)
{
	struct gateway *g = ctx;

	MUST(p->handle);
	free(p->handle);
	p->handle = NULL;
	g->packets--;
}

static bool packet_grow(void *ctx, struct sl_packet *p, uint32_t headroom, uint32_t tailroom)
{
	uint8_t *base = malloc((size_t)headroom + p->len + tailroom);

	(void)ctx;
	MUST(base);
	memcpy(base + headroom, p->data, p->len);
	free(p->handle);
	p->handle = base;
	p->data = base + headroom;
	p->headroom = headroom;
	p->tailroom = tailroom;
	return true;
}

static bool packet_keep(void *ctx, struct sl_packet *p)
{
	(void)ctx;
	return p->handle != NULL;
}

static void packet_emit(void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	struct gateway *g = ctx;

	(void)cause;
	if (g->on_emit) {
		g->on_emit(g, p);
		return;
	}
	MUST(g->n_out < OUT_MAX);
	g->out[g->n_out++] = *p;
}

static void gateway_event(void *ctx, const struct sl_event *event)
{
	struct gateway *g = ctx;

	g->events[event->type]++;
	if (g->on_event)
		g->on_event(g, event);
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static struct sl_policy_masquerade masquerade = {2};

void gateway_init(struct gateway *g, bool nat)
{
	memset(g, 0, sizeof(*g));
	g->env = (struct sl_env){.mem = {memory_get, memory_give, &g->memory},
	        .ctx = g,
	        .route = gateway_route,
	        .grow = packet_grow,
	        .alloc = packet_alloc,
	        .keep = packet_keep,
	        .free = packet_free,
	        .emit = packet_emit,
	        .event = gateway_event};
	sl_config_init(&g->config);
	g->config.slab_chunk = 1;
	if (nat) {
		g->config.policy = &sl_policy_masquerade;
		g->config.policy_ctx = &masquerade;
	}
}

void gateway_start(struct gateway *g)
{
	g->engine = sl_engine_create(&g->config, &g->env);
	MUST(g->engine);
}

void gateway_drain(struct gateway *g)
{
	for (unsigned i = 0; i < g->n_out; i++)
		packet_free(g, &g->out[i]);
	g->n_out = 0;
}

void gateway_end(struct gateway *g)
{
	gateway_drain(g);
	sl_engine_destroy(g->engine);
	MUST(g->memory.held == 0);
	MUST(g->packets == 0);
}

const struct sl_helper *helper_named(const char *name)
{
	for (const struct sl_helper *const *h = sl_helpers_builtin(); *h; h++)
		if (!strcmp((*h)->name, name))
			return *h;
	must_fail("no helper %s", name);
}

/* ---- packets --------------------------------------------------------------------------------- */

void put_in(struct gateway *g, struct sl_packet *p)
{
	const char *bad;

	gateway_drain(g);
	sl_input(g->engine, p, 1, ++g->now);
	bad = sl_engine_check(g->engine);
	if (bad)
		must_fail("%s", bad);
	if (p->verdict == SL_ACCEPT)
		check_sums(p);
	for (unsigned i = 0; i < g->n_out; i++)
		check_sums(&g->out[i]);
}

enum sl_verdict put_in_once(struct gateway *g, struct sl_packet p)
{
	put_in(g, &p);
	if (p.verdict == SL_ACCEPT || p.verdict == SL_DROP || p.verdict == SL_HANDOVER)
		packet_free(g, &p);
	return (enum sl_verdict)p.verdict;
}
