/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three engines in one process, for the tests of shards. Packets are steered by sl_home(), passed over as the
 * engines say; each is handed over as it came. 203.0.113.1 is the gateway; the rules say what leads inside.
 */
#ifndef TESTS_UNIT_SHARD_LIB_H
#define TESTS_UNIT_SHARD_LIB_H

#include "tests/lib/unit.h"

#include <sluice/helper.h>

#define SHARDS 3

struct world {
	struct gateway g[SHARDS];
	unsigned at; /* the engine that had the last packet */
	unsigned handovers;
	bool steered; /* by sl_home(); else always to engine 0 first */
};

static struct world w;

/* ---- rules --------------------------------------------------------------------------------- */

static struct {
	bool masquerade, hairpin;
	uint16_t min_port, max_port; /* of masquerade; 0: any */
	const char *dnat; /* where 203.0.113.1:80, :1723 and :11723 lead; NULL: nowhere */
	bool turns;       /* every time to another server */
	unsigned n;
} rules;

static inline uint8_t no_stages(void *ctx, enum sl_hook hook)
{
	(void)ctx, (void)hook;
	return 0;
}

static inline bool is_pptp(uint16_t port)
{
	return port == 1723 || port == 11723;
}

static inline bool translate(void *ctx, struct sl_policy_view *v, struct sl_nat_range *range)
{
	const struct sl_tuple *t = &v->parsed->tuple;

	(void)ctx;
	if (v->hook == SL_PREROUTING && rules.dnat && (t->dport == 80 || is_pptp(t->dport))) {
		range->flags = SL_NAT_MAP_ADDR | SL_NAT_MAP_PORT;
		range->min_addr = addr_of(rules.dnat);
		if (rules.turns)
			range->min_addr.b[15] = (uint8_t)(1 + rules.n++ % 200);
		range->max_addr = range->min_addr;
		range->min_port = range->max_port = t->dport == 80 ? 8080 : 1723;
		return true;
	}
	if (v->hook != SL_POSTROUTING || !(v->out_if == 2 ? rules.masquerade : rules.hairpin))
		return false;
	range->flags = SL_NAT_MASQUERADE;
	if (rules.min_port) {
		range->flags |= SL_NAT_MAP_PORT;
		range->min_port = rules.min_port;
		range->max_port = rules.max_port;
	}
	return true;
}

static const struct sl_policy policy = {.stages = no_stages, .nat = translate};

static inline void route(void *ctx, const struct sl_route_query *q, struct sl_route *answer)
{
	gateway_route(ctx, q, answer);
	answer->inside = answer->kind == SL_ROUTE_FORWARD && answer->out_if == 1;
}

static inline void begin(void)
{
	memset(&w, 0, sizeof(w));
	memset(&rules, 0, sizeof(rules));
	w.steered = true;
	for (unsigned i = 0; i < SHARDS; i++) {
		gateway_init(&w.g[i], false);
		w.g[i].config.policy = &policy;
		w.g[i].config.shards = SHARDS;
		w.g[i].config.shard = (uint16_t)i;
		w.g[i].env.route = route;
		gateway_start(&w.g[i]);
		for (unsigned n = 0; sl_helpers_builtin()[n]; n++)
			if (strcmp(sl_helpers_builtin()[n]->name, "ftp") == 0 ||
			        strcmp(sl_helpers_builtin()[n]->name, "pptp") == 0)
				assert_true(sl_helper_register(
				        w.g[i].engine, sl_helpers_builtin()[n], true));
	}
}

static inline void end(void)
{
	/* Packets cross from engine to engine, and so do their owners' counts. */
	for (unsigned i = 1; i < SHARDS; i++) {
		gateway_drain(&w.g[i]);
		w.g[0].packets += w.g[i].packets;
		w.g[i].packets = 0;
	}
	for (unsigned i = SHARDS; i-- > 0;)
		gateway_end(&w.g[i]);
}

/* ---- packets ------------------------------------------------------------------------------- */

static inline void into(struct sl_packet *p, unsigned shard)
{
	for (unsigned hops = 0;; hops++) {
		uint8_t before[4096];
		uint32_t len = p->len;
		const char *bad;

		assert_true(hops <= 3);
		assert_true(len <= sizeof(before));
		memcpy(before, p->data, len);
		w.at = shard;
		sl_input(w.g[shard].engine, p, 1, w.g[0].now);
		bad = sl_engine_check(w.g[shard].engine);
		if (bad)
			fail_msg("%s", bad);
		if (p->verdict != SL_HANDOVER)
			return;
		assert_int_equal(p->len, len);
		assert_memory_equal(p->data, before, len);
		assert_int_not_equal(p->shard, shard);
		assert_true(p->shard < SHARDS);
		shard = p->shard;
		w.handovers++;
	}
}

/* What engines emitted for each other is passed over as well; the rest is in g[0].out. */
static inline void pass_on(void)
{
	for (bool again = true; again;) {
		again = false;
		for (unsigned i = 0; i < SHARDS; i++)
			for (unsigned j = 0; j < w.g[i].n_out; j++) {
				struct sl_packet p = w.g[i].out[j];

				if (p.verdict != SL_HANDOVER)
					continue;
				w.g[i].out[j] = w.g[i].out[--w.g[i].n_out];
				j--;
				into(&p, p.shard);
				if (p.verdict == SL_DROP || p.verdict == SL_ACCEPT)
					packet_free(&w.g[0], &p);
				again = true;
			}
	}
	for (unsigned i = 1; i < SHARDS; i++) {
		for (unsigned j = 0; j < w.g[i].n_out; j++)
			w.g[0].out[w.g[0].n_out++] = w.g[i].out[j];
		w.g[i].n_out = 0;
	}
}

static inline void put(struct sl_packet *p)
{
	for (unsigned i = 0; i < SHARDS; i++)
		gateway_drain(&w.g[i]);
	w.g[0].now += MS;
	p->inside = p->in_if == 1;
	into(p, w.steered ? sl_home(p, SHARDS, p->inside) : 0);
	pass_on();
	if (p->verdict == SL_ACCEPT)
		check_sums(p);
}

static inline void expect(struct sl_packet *p, enum sl_ctstate state, enum sl_dir dir)
{
	put(p);
	assert_int_equal(p->verdict, SL_ACCEPT);
	assert_int_equal(p->state, state);
	assert_int_equal(p->dir, dir);
}

static inline void expect_once(struct sl_packet p, enum sl_ctstate state, enum sl_dir dir)
{
	expect(&p, state, dir);
	packet_free(&w.g[0], &p);
}

static inline uint16_t sport_of(const struct sl_packet *p)
{
	return sl_get16(p->data + (p->data[0] >> 4 == 4 ? 20 : 40));
}

static inline const char *client(unsigned i, char text[32])
{
	snprintf(text, 32, "10.0.%u.%u", i / 100, i % 100 + 1);
	return text;
}

/* Twice each: with packets steered as well as may be, and all to the first engine. */
static inline void each_way(void (*test)(void))
{
	for (unsigned steered = 0; steered < 2; steered++) {
		begin();
		w.steered = steered;
		test();
		end();
	}
}

#endif
