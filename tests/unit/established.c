/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The short path does what the long way does. The same random packets go through three engines: one
 * that may take the short path, in batches of random size; the same one packet at a time; and one
 * that is made to take the long way. After each packet all of it is compared, bytes, verdict,
 * reason and connection; events, and every connection with its counters and timeouts.
 * Tests: src/engine/established.c src/engine/opening.c
 *
 * Packets are near enough to real conversations that most belong to established connections, and
 * odd enough (flags, numbers, lengths, checksums, hop counts, fragments, options, marks, routes
 * that change) that each condition of the short path is met and missed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/checksum.h"
#include "base/wire.h"
#include "engine/engine.h"
#include "tests/lib/memory.h"

#define ENGINES 3
#define FLOWS   24
#define BATCH   48
#define ROUNDS  4000
#define EVENTS  8192

struct frame {
	uint8_t room[64], data[256], tail[64];
};

struct side {
	struct sl_engine *engine;
	struct frame frame[BATCH];
	struct sl_packet packet[BATCH];
	uint64_t events[EVENTS]; /* what was reported since the last comparison */
	unsigned event_count;
	uint32_t reports;
};

static struct side side[ENGINES];
static uint32_t seed;
static unsigned mtu;
static uint64_t now;
/* Most packets open connections, of two public addresses; with some destinations translated, too. */
static bool openings, redirects;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)seed * n >> 32);
}

/* One time in n. */
static bool rarely(uint32_t n)
{
	return random_below(n) == 0;
}

/* ---- the embedder ---------------------------------------------------------------------------- */

static struct memory memory;

static void route(void *ctx, const struct sl_route_query *q, struct sl_route *answer)
{
	uint8_t public4[4] = {203, 0, 113, 1};
	uint8_t public6[16] = {0x20, 1, 0xd, 0xb8, 0xff, 0xff, [15] = 1};

	(void)ctx;
	if (openings && q->src.b[15] & 1)
		public4[3] = public6[15] = 2;
	answer->kind = SL_ROUTE_FORWARD;
	answer->out_if = q->in_if == 1 ? 2 + q->mark : 1;
	answer->mtu = (uint16_t)mtu;
	answer->source = q->family == SL_IPV4 ? sl_addr_v4(public4) : sl_addr_v6(public6);
	answer->has_source = true;
}

static void event(void *ctx, const struct sl_event *happened)
{
	struct side *s = ctx;
	uint64_t what = (uint64_t)happened->type << 8 | (uint64_t)happened->state_changed << 4 |
	                happened->why;

	assert_true(s->event_count < EVENTS);
	s->events[s->event_count++] =
	        what << 32 | (happened->conn ? (uint32_t)sl__conn_handle(happened->conn) : 0);
	s->reports++;
}

static struct sl_policy_masquerade masquerade = {2};

/* Masquerade; what goes to some ports goes to another host. */
static bool nat(void *ctx, struct sl_policy_view *view, struct sl_nat_range *range)
{
	if (view->hook == SL_POSTROUTING || !redirects || !(view->parsed->tuple.sport & 4))
		return sl_policy_masquerade.nat(ctx, view, range);
	range->flags = SL_NAT_MAP_ADDR;
	range->min_addr = view->parsed->tuple.dst;
	range->min_addr.b[15] ^= view->parsed->tuple.sport >> 3 & 3;
	range->max_addr = range->min_addr;
	return true;
}

static uint8_t nat_hooks(void *ctx, enum sl_family family)
{
	(void)ctx, (void)family;
	return redirects ? 1 << SL_PREROUTING | 1 << SL_POSTROUTING : 1 << SL_POSTROUTING;
}

static void make(bool checksum, bool ttl)
{
	static struct sl_policy policy;

	policy = sl_policy_masquerade;
	policy.nat = nat;
	policy.nat_hooks = nat_hooks;
	for (unsigned i = 0; i < ENGINES; i++) {
		struct sl_env env = {.mem = {memory_get, memory_give, &memory},
		        .ctx = &side[i],
		        .route = route,
		        .event = event,
		        .seed = {1}};
		struct sl_config config;

		memset(&side[i], 0, sizeof(side[i]));
		sl_config_init(&config);
		config.policy = &policy;
		config.policy_ctx = &masquerade;
		config.forward_ttl = ttl;
		side[i].engine = sl_engine_create(&config, &env);
		assert_non_null(side[i].engine);
		assert_true(sl_tunable_set(side[i].engine, "nf_conntrack_checksum", checksum));
	}
	side[2].engine->long_way = true;
}

/* ---- packets --------------------------------------------------------------------------------- */

/* A conversation; `sent` is how far each side is, [0] the opener. */
static struct talk {
	uint32_t sent[2];
	unsigned said; /* packets */
} talks[FLOWS];

static void put_addr(uint8_t *at, bool v6, bool outside, unsigned i, bool is_public)
{
	memset(at, 0, v6 ? 16 : 4);
	if (!v6) {
		sl_put32(at, is_public ? 0xcb007101 : outside ? 0xc6336401 : 0x0a000002 + i % 3);
		return;
	}
	sl_put32(at, outside || is_public ? 0x20010db8 : 0xfd000000);
	if (is_public)
		sl_put32(at + 4, 0xffff0000);
	at[15] = (uint8_t)(is_public ? 1 : outside ? 9 : 2 + i % 3);
}

static void put_tcp(uint8_t *l4, struct talk *talk, bool back, uint32_t payload)
{
	uint8_t flags = talk->said < 2 ? (back ? 18 : rarely(4) ? 2 | 64 | 128 : 2) : 16;
	uint32_t seq = talk->sent[back];

	if (flags == 16 && rarely(30))
		flags = (uint8_t)random_below(64);
	if (rarely(12))
		seq += random_below(3) * 70000 - 70000 + random_below(100);
	sl_put32(l4 + 4, seq);
	sl_put32(l4 + 8, talk->sent[!back] - (rarely(10) ? random_below(70000) : 0) +
	                         (rarely(40) ? 500 : 0));
	l4[12] = (uint8_t)(l4[12] ? l4[12] : 0x50);
	l4[13] = flags;
	sl_put16(l4 + 14, (uint16_t)(rarely(10) ? random_below(65536) : rarely(20) ? 0 : 60000));
	if (seq == talk->sent[back])
		talk->sent[back] += payload + ((flags & 3) != 0);
}

static uint32_t put_header(uint8_t *d, bool v6, uint8_t proto, uint32_t size)
{
	if (v6) {
		d[0] = 0x60;
		sl_put16(d + 4, (uint16_t)(rarely(60) ? random_below(120) : size));
		d[6] = (uint8_t)(rarely(80) ? random_below(64) : proto);
		d[7] = (uint8_t)(rarely(60) ? random_below(3) : 64);
		return 40;
	}
	d[0] = (uint8_t)(rarely(80) ? 0x40 + random_below(16) : 0x45);
	sl_put16(d + 2, (uint16_t)(rarely(60) ? random_below(120) : 20 + size));
	sl_put16(d + 6, (uint16_t)(rarely(2) ? 0x4000 : rarely(60) ? random_below(65536) : 0));
	d[8] = (uint8_t)(rarely(60) ? random_below(3) : 64);
	d[9] = proto;
	return 20;
}

static void put_sums(struct sl_packet *p, bool v6, uint8_t proto, uint32_t l4, uint32_t size)
{
	uint8_t *d = p->data, *at = d + l4 + (proto == SL_PROTO_TCP ? 16 : 6);
	uint32_t pseudo = v6 ? sl__sum_ipv6(d + 8, d + 24, proto, size)
	                     : sl__sum_ipv4(d + 12, d + 16, proto, size);

	if (!v6)
		sl_put16(d + 10, sl__csum(sl__sum(d, 20, 0)));
	sl_put16(at, 0);
	if (p->csum == SL_CSUM_PARTIAL)
		sl_put16(at, sl__sum_fold(pseudo));
	else if (proto == SL_PROTO_TCP || !rarely(8)) /* UDP's may be left out */
		sl_put16(at, sl__csum(sl__sum(d + l4, size, pseudo)));
	if (rarely(50))
		at[0] ^= 1;
}

/* A packet of a talk into the first side's slot k. */
static void put_packet(unsigned k)
{
	unsigned i = random_below(FLOWS);
	bool v6 = i & 1, tcp = i & 2,
	     back = talks[i].said == 1 || (talks[i].said > 1 && random_below(2));
	uint8_t *d = side[0].frame[k].data, proto = tcp ? SL_PROTO_TCP : SL_PROTO_UDP;
	uint32_t options = tcp && rarely(3) ? 12 : 0, payload = random_below(4) * random_below(20);
	uint32_t size = (tcp ? 20 + options : 8) + payload, l4;
	struct sl_packet *p = &side[0].packet[k];

	for (unsigned b = 0; b < sizeof(side[0].frame[k].data); b++)
		d[b] = 0;
	l4 = put_header(d, v6, proto, size);
	put_addr(d + (v6 ? 8 : 12), v6, back, i, false);
	put_addr(d + (v6 ? 24 : 16), v6, !back, i, back);
	/* A few clients have the same port, so that one of them gets another from NAT. */
	sl_put16(d + l4 + (back ? 2 : 0), (uint16_t)(4000 + i % (FLOWS - 4)));
	sl_put16(d + l4 + (back ? 0 : 2), (uint16_t)(tcp ? 443 : 53));
	if (openings && !rarely(3)) { /* at times the two have met before */
		sl_put16(d + l4 + (back ? 2 : 0), (uint16_t)(4000 + random_below(3000)));
		talks[i].said = back;
	}
	if (tcp) {
		d[l4 + 12] = (uint8_t)(rarely(60) ? random_below(256) : (5 + options / 4) << 4);
		if (options)
			sl_put32(d + l4 + 20, rarely(4) ? 0x0101050a : 0x0101080a);
		put_tcp(d + l4, &talks[i], back, payload);
	} else {
		sl_put16(d + l4 + 4, (uint16_t)(rarely(60) ? random_below(100) : size));
	}
	*p = (struct sl_packet){.data = d,
	        .len = l4 + size + (rarely(5) ? random_below(20) : 0),
	        .headroom = 64,
	        .tailroom = 64,
	        .in_if = back ? 2 : 1,
	        .mark = rarely(60),
	        .zone = rarely(100),
	        .csum = (uint8_t)(rarely(4)   ? SL_CSUM_NONE
	                          : rarely(4) ? SL_CSUM_PARTIAL
	                                      : SL_CSUM_CHECKED)};
	if (rarely(40)) {
		p->gso = tcp ? SL_GSO_TCP : SL_GSO_UDP;
		p->gso_size = (uint16_t)(rarely(3) ? 0 : random_below(60));
	}
	if (rarely(80))
		p->len = random_below(p->len);
	put_sums(p, v6, proto, l4, size);
	talks[i].said++;
}

static void copy_to_others(unsigned n)
{
	for (unsigned s = 1; s < ENGINES; s++)
		for (unsigned k = 0; k < n; k++) {
			side[s].frame[k] = side[0].frame[k];
			side[s].packet[k] = side[0].packet[k];
			side[s].packet[k].data = side[s].frame[k].data;
		}
}

/* ---- comparing ------------------------------------------------------------------------------- */

static void same_packet(const struct sl_packet *a, const struct sl_packet *b)
{
	assert_int_equal(a->verdict, b->verdict);
	assert_int_equal(a->reason, b->reason);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->dir, b->dir);
	assert_int_equal(a->to, b->to);
	assert_int_equal(a->altered, b->altered);
	assert_int_equal(a->beyond, b->beyond);
	assert_int_equal(a->out_if, b->out_if);
	if (a->verdict == SL_ACCEPT)
		assert_int_equal(a->mtu, b->mtu);
	assert_int_equal(a->len, b->len);
	if (a->data && b->data && a->len && a->verdict == SL_ACCEPT)
		assert_memory_equal(a->data, b->data, a->len);
}

static void same_conn(const struct sl_conn *a, const struct sl_conn *b)
{
	assert_int_equal(a->deadline, b->deadline);
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->pending, b->pending);
	assert_memory_equal(a->port, b->port, sizeof(a->port));
	assert_memory_equal(sl__conn_addr(a, SL_ORIGINAL, 0), sl__conn_addr(b, SL_ORIGINAL, 0),
	        sl__conn_is_v6(a) ? 64 : 16);
	assert_int_equal(a->zone, b->zone);
	assert_int_equal(a->generation, b->generation);
	assert_memory_equal(a->count, b->count, sizeof(a->count));
	assert_memory_equal(&a->l4, &b->l4, sizeof(a->l4));
}

static void same_tables(struct sl_engine *a, struct sl_engine *b)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		uint32_t cursor = 0, budget = UINT32_MAX, ref, conns = 0;

		assert_int_equal(
		        sl__slab_count(&a->track.conns[v6]), sl__slab_count(&b->track.conns[v6]));
		while ((ref = sl__slab_next(&a->track.conns[v6], &cursor, &budget))) {
			assert_true(sl__slab_live(&b->track.conns[v6], ref));
			same_conn(sl__slab_at(&a->track.conns[v6], ref),
			        sl__slab_at(&b->track.conns[v6], ref));
			conns++;
		}
		assert_int_equal(conns, sl__slab_count(&a->track.conns[v6]));
	}
}

static void same_all(unsigned n)
{
	for (unsigned s = 1; s < ENGINES; s++) {
		for (unsigned k = 0; k < n; k++)
			same_packet(&side[0].packet[k], &side[s].packet[k]);
		assert_int_equal(side[0].event_count, side[s].event_count);
		assert_memory_equal(
		        side[0].events, side[s].events, side[0].event_count * sizeof(uint64_t));
		same_tables(side[0].engine, side[s].engine);
	}
	for (unsigned s = 0; s < ENGINES; s++)
		side[s].event_count = 0;
}

/* A conn of every engine becomes one that is unlike others. */
static void make_odd(void)
{
	bool v6 = random_below(2), liberal = random_below(2);
	uint32_t ref = 1 + random_below(FLOWS);

	if (!sl__slab_live(&side[0].engine->track.conns[v6], ref))
		return;
	for (unsigned s = 0; s < ENGINES; s++) {
		struct sl_conn *conn = sl__slab_at(&side[s].engine->track.conns[v6], ref);

		if (liberal)
			conn->flags |= SL_CONN_LIBERAL;
		else
			conn->status |= SL_FIXED_TIMEOUT;
	}
}

/* ---- the test -------------------------------------------------------------------------------- */

static void pass_time(void)
{
	now += random_below(3) * random_below(1000) * 1000000u;
	if (rarely(60)) /* long enough for anything but an open TCP connection to end */
		now += (uint64_t)random_below(200) * 1000000000u;
	if (rarely(50)) {
		mtu = rarely(2) ? 1500 : 60 + random_below(60);
		for (unsigned s = 0; s < ENGINES; s++)
			sl_routes_changed(side[s].engine);
	}
	if (rarely(100))
		make_odd();
	if (rarely(20))
		for (unsigned s = 0; s < ENGINES; s++)
			sl_clock(side[s].engine, now, 0);
}

static void run(uint32_t with_seed, bool checksum, bool ttl)
{
	unsigned accepted = 0;

	seed = with_seed;
	mtu = 1500;
	now = 1;
	memset(talks, 0, sizeof(talks));
	make(checksum, ttl);
	for (unsigned r = 0; r < ROUNDS / (openings ? 4 : 1); r++) {
		unsigned n = 1 + random_below(BATCH);

		if (rarely(40))
			memset(&talks[random_below(FLOWS)], 0, sizeof(talks[0]));
		for (unsigned k = 0; k < n; k++)
			put_packet(k);
		copy_to_others(n);
		sl_input(side[0].engine, side[0].packet, n, now);
		for (unsigned k = 0; k < n; k++) {
			sl_input(side[1].engine, &side[1].packet[k], 1, now);
			sl_input(side[2].engine, &side[2].packet[k], 1, now);
			accepted += side[0].packet[k].verdict == SL_ACCEPT;
		}
		same_all(n);
		pass_time();
	}
	assert_true(accepted > ROUNDS);
	assert_true(side[0].reports > ROUNDS / 10);
	for (unsigned s = 0; s < ENGINES; s++) {
		assert_null(sl_engine_check(side[s].engine));
		sl_engine_destroy(side[s].engine);
	}
	assert_int_equal(memory.held, 0);
}

static void test_checksums_trusted(void **state)
{
	(void)state;
	run(1, false, false);
}

static void test_checksums_verified(void **state)
{
	(void)state;
	run(2, true, false);
}

static void test_hops_counted(void **state)
{
	(void)state;
	run(3, true, true);
}

static void test_openings(void **state)
{
	(void)state;
	openings = true;
	run(4, false, true);
	redirects = true;
	run(5, true, false);
	openings = redirects = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_checksums_trusted),
	        cmocka_unit_test(test_checksums_verified),
	        cmocka_unit_test(test_hops_counted),
	        cmocka_unit_test(test_openings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
