/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine from outside: a TCP handshake, UDP, ICMP and its errors, masquerade, and that
 * nothing is left when it is destroyed. Packets are made by hand with right checksums.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sluice/policy.h>

#include "base/checksum.h"
#include "base/wire.h"
#include "track/parse.h"

#define SECOND 1000000000ull

static size_t allocated;

static void *counted_alloc(void *ctx, size_t size, size_t align)
{
	void *p = aligned_alloc(align, (size + align - 1) / align * align);

	(void)ctx;
	if (p)
		allocated += size;
	return p;
}

static void counted_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	allocated -= size;
	free(p);
}

/* 10/8 is inside, by interface 1; the rest outside, by 2, with a public address. */
static void route(void *ctx, const struct sl_route_query *query, struct sl_route *answer)
{
	static const uint8_t public4[4] = {203, 0, 113, 1};

	(void)ctx;
	answer->kind = SL_ROUTE_FORWARD;
	answer->out_if = query->dst.b[12] == 10 ? 1 : 2;
	if (!memcmp(query->dst.b + 12, public4, 4))
		answer->kind = SL_ROUTE_LOCAL;
	answer->has_source = true;
	answer->source = sl_addr_v4(public4);
}

static unsigned events[8];

static void count_event(void *ctx, const struct sl_event *event)
{
	(void)ctx;
	events[event->type]++;
}

static struct sl_policy_masquerade masquerade = {2};

static struct sl_engine *make(bool nat)
{
	struct sl_env env = {.mem = {counted_alloc, counted_free, NULL}, .route = route, .event = count_event};
	struct sl_config config;

	memset(events, 0, sizeof(events));
	sl_config_init(&config);
	if (nat) {
		config.policy = &sl_policy_masquerade;
		config.policy_ctx = &masquerade;
	}
	return sl_engine_create(&config, &env);
}

struct frame {
	uint8_t room[64], data[256], tail[64];
	struct sl_packet p;
};

static uint32_t ip4(struct frame *f, const char *src, const char *dst, uint8_t proto, uint32_t payload)
{
	struct sl_addr a, b;
	enum sl_family family;

	assert_true(sl_addr_parse(src, &a, &family) && sl_addr_parse(dst, &b, &family));
	memset(f, 0, sizeof(*f));
	f->data[0] = 0x45;
	sl_put16(f->data + 2, (uint16_t)(20 + payload));
	f->data[8] = 64;
	f->data[9] = proto;
	memcpy(f->data + 12, a.b + 12, 4);
	memcpy(f->data + 16, b.b + 12, 4);
	sl_put16(f->data + 10, sl__csum(sl__sum(f->data, 20, 0)));
	f->p = (struct sl_packet){.data = f->data, .len = 20 + payload, .headroom = 64, .tailroom = 64,
		.in_if = a.b[12] == 10 ? 1 : 2};
	return sl__sum_ipv4(a.b + 12, b.b + 12, proto, payload);
}

static struct sl_packet *tcp(struct frame *f, const char *src, uint16_t sport, const char *dst,
	uint16_t dport, uint8_t flags, uint32_t seq, uint32_t ack)
{
	uint32_t sum = ip4(f, src, dst, SL_PROTO_TCP, 20);
	uint8_t *l4 = f->data + 20;

	sl_put16(l4, sport);
	sl_put16(l4 + 2, dport);
	sl_put32(l4 + 4, seq);
	sl_put32(l4 + 8, ack);
	l4[12] = 0x50;
	l4[13] = flags;
	sl_put16(l4 + 14, 8192);
	sl_put16(l4 + 16, sl__csum(sl__sum(l4, 20, sum)));
	return &f->p;
}

static struct sl_packet *udp(struct frame *f, const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	uint32_t sum = ip4(f, src, dst, SL_PROTO_UDP, 12);
	uint8_t *l4 = f->data + 20;

	sl_put16(l4, sport);
	sl_put16(l4 + 2, dport);
	sl_put16(l4 + 4, 12);
	memcpy(l4 + 8, "ping", 4);
	sl_put16(l4 + 6, sl__csum(sl__sum(l4, 12, sum)));
	return &f->p;
}

static void put_in(struct sl_engine *e, struct sl_packet *p, uint64_t now)
{
	sl_input(e, p, 1, now);
	assert_null(sl_engine_check(e));
	if (p->verdict == SL_ACCEPT) {
		struct sl_parsed parsed;

		assert_int_equal(sl__parse(p, &parsed), SL_WHY_NONE);
		assert_int_equal(sl__parse_checksum(p, &parsed), SL_WHY_NONE);
	}
}

static void expect_state(const struct sl_packet *p, enum sl_ctstate state, enum sl_dir dir)
{
	assert_int_equal(p->verdict, SL_ACCEPT);
	assert_int_equal(p->state, state);
	assert_int_equal(p->dir, dir);
}

static void handshake(void **unused)
{
	struct sl_engine *e = make(false);
	struct sl_conn_info info;
	struct frame f;

	(void)unused;
	put_in(e, tcp(&f, "10.0.0.2", 1000, "192.0.2.9", 80, SL_SYN, 100, 0), 1);
	expect_state(&f.p, SL_CT_NEW, SL_ORIGINAL);
	put_in(e, tcp(&f, "192.0.2.9", 80, "10.0.0.2", 1000, SL_SYN | SL_ACK, 500, 101), 2);
	expect_state(&f.p, SL_CT_ESTABLISHED, SL_REPLY);
	put_in(e, tcp(&f, "10.0.0.2", 1000, "192.0.2.9", 80, SL_ACK, 101, 501), 3);
	expect_state(&f.p, SL_CT_ESTABLISHED, SL_ORIGINAL);
	sl_conn_info(e, f.p.conn, &info);
	assert_string_equal(info.state, "ESTABLISHED");
	assert_int_equal(info.status, SL_SEEN_REPLY | SL_ASSURED | SL_CONFIRMED);
	assert_int_equal(info.timeout, 432000);
	assert_int_equal(info.packets[SL_ORIGINAL], 2);
	assert_int_equal(info.packets[SL_REPLY], 1);
	assert_int_equal(events[SL_EVENT_NEW], 1);
	assert_int_equal(events[SL_EVENT_UPDATE], 2);
	/* Beyond the window: INVALID, but it passes; nothing changes. */
	put_in(e, tcp(&f, "10.0.0.2", 1000, "192.0.2.9", 80, SL_ACK, 1000000, 501), 4);
	assert_int_equal(f.p.state, SL_CT_INVALID);
	assert_int_equal(f.p.reason, SL_WHY_TCP_SEQ_OVER);
	assert_int_equal(f.p.verdict, SL_ACCEPT);
	sl_engine_destroy(e);
	assert_int_equal(allocated, 0);
}

static void reset_ends_unanswered(void **unused)
{
	struct sl_engine *e = make(true);
	struct sl_stats stats;
	struct frame f;

	(void)unused;
	put_in(e, tcp(&f, "10.0.0.2", 1000, "192.0.2.9", 80, SL_SYN, 100, 0), 1);
	put_in(e, tcp(&f, "192.0.2.9", 80, "203.0.113.1", 1000, SL_RST | SL_ACK, 0, 101), 2);
	expect_state(&f.p, SL_CT_ESTABLISHED, SL_REPLY);
	assert_null(f.p.conn);
	assert_int_equal(events[SL_EVENT_DESTROY], 1);
	sl_stats(e, &stats);
	assert_int_equal(stats.conns, 0);
	sl_engine_destroy(e);
	assert_int_equal(allocated, 0);
}

static void masqueraded(void **unused)
{
	struct sl_engine *e = make(true);
	struct sl_conn_info info;
	struct frame f;
	uint16_t other;

	(void)unused;
	put_in(e, udp(&f, "10.0.0.2", 4000, "192.0.2.9", 53), 1);
	expect_state(&f.p, SL_CT_NEW, SL_ORIGINAL);
	assert_int_equal(sl_get32(f.data + 12), 0xcb007101);
	assert_int_equal(sl_get16(f.data + 20), 4000);
	/* The same port of another host towards the same remote: another port. */
	put_in(e, udp(&f, "10.0.0.3", 4000, "192.0.2.9", 53), 2);
	assert_int_not_equal(sl_get16(f.data + 20), 4000);
	other = sl_get16(f.data + 20);
	assert_true(other >= 1024);
	sl_conn_info(e, f.p.conn, &info);
	assert_int_equal(info.status, SL_CONFIRMED | SL_SRC_NAT | SL_SRC_NAT_DONE | SL_DST_NAT_DONE);
	/* ... and the same other one towards everybody, as long as that lives. */
	put_in(e, udp(&f, "10.0.0.3", 4000, "192.0.2.10", 53), 3);
	assert_int_equal(sl_get16(f.data + 20), other);
	/* A third host keeps its port towards another remote: the whole reply tuple counts. */
	put_in(e, udp(&f, "10.0.0.4", 4000, "192.0.2.10", 53), 3);
	assert_int_equal(sl_get16(f.data + 20), 4000);
	/* The answer finds its way back. */
	put_in(e, udp(&f, "192.0.2.9", 53, "203.0.113.1", 4000), 4);
	expect_state(&f.p, SL_CT_ESTABLISHED, SL_REPLY);
	assert_int_equal(sl_get32(f.data + 16), 0x0a000002);
	sl_engine_destroy(e);
	assert_int_equal(allocated, 0);
}

static void timeouts(void **unused)
{
	struct sl_engine *e = make(false);
	struct sl_stats stats;
	struct frame f;

	(void)unused;
	put_in(e, udp(&f, "10.0.0.2", 4000, "192.0.2.9", 53), SECOND);
	assert_true(sl_deadline(e) <= 31 * SECOND);
	assert_false(sl_clock(e, 30 * SECOND, 0));
	sl_stats(e, &stats);
	assert_int_equal(stats.conns, 1);
	assert_false(sl_clock(e, 31 * SECOND, 0));
	sl_stats(e, &stats);
	assert_int_equal(stats.conns, 0);
	assert_int_equal(stats.reasons[SL_WHY_TIMEOUT], 1);
	assert_int_equal(sl_deadline(e), UINT64_MAX);
	sl_engine_destroy(e);
	assert_int_equal(allocated, 0);
}

/* Port unreachable from the server, through masquerade: it and its quote reach the client. */
static void icmp_error(void **unused)
{
	struct sl_engine *e = make(true);
	struct frame out, f;
	uint32_t sum;

	(void)unused;
	put_in(e, udp(&out, "10.0.0.2", 4000, "192.0.2.9", 53), 1);
	sum = ip4(&f, "192.0.2.9", "203.0.113.1", SL_PROTO_ICMP, 8 + 28);
	(void)sum;
	f.data[20] = 3;
	f.data[21] = 3;
	memcpy(f.data + 28, out.data, 28);
	sl_put16(f.data + 22, sl__csum(sl__sum(f.data + 20, 36, 0)));
	put_in(e, &f.p, 2);
	expect_state(&f.p, SL_CT_RELATED, SL_REPLY);
	assert_int_equal(sl_get32(f.data + 16), 0x0a000002);      /* the error itself */
	assert_int_equal(sl_get32(f.data + 28 + 12), 0x0a000002); /* the quoted sender */
	assert_int_equal(sl__csum(sl__sum(f.data + 28, 20, 0)), 0);
	sl_engine_destroy(e);
	assert_int_equal(allocated, 0);
}

/* All ports towards one remote: each is given once, then the answer is no, at once. */
static void ports_run_out(void **unused)
{
	struct sl_engine *e = make(true);
	unsigned given = 0, refused = 0;
	struct frame f;

	(void)unused;
	for (unsigned i = 0; i < 70000; i++) {
		char src[] = "10.0.0.0";

		src[7] = (char)('0' + i % 10);
		udp(&f, src, (uint16_t)(1024 + i / 10), "192.0.2.9", 53);
		sl_input(e, &f.p, 1, i + 1);
		given += f.p.verdict == SL_ACCEPT;
		refused += f.p.verdict == SL_DROP && f.p.reason == SL_WHY_NAT_NO_PORT;
	}
	assert_int_equal(given + refused, 70000);
	assert_true(given > 63000 && given <= 64512);
	assert_null(sl_engine_check(e));
	sl_engine_destroy(e);
	assert_int_equal(allocated, 0);
}

/* A full table: unreplied conns make room, replied ones stay. */
static void flood(void **unused)
{
	struct sl_env env = {.mem = {counted_alloc, counted_free, NULL}, .route = route};
	struct sl_config config;
	struct sl_engine *e;
	struct sl_stats stats;
	struct sl_tuple t;
	struct frame f;
	enum sl_dir dir;

	(void)unused;
	sl_config_init(&config);
	config.table_max = 100;
	e = sl_engine_create(&config, &env);
	put_in(e, tcp(&f, "10.0.0.2", 1000, "192.0.2.9", 80, SL_SYN, 100, 0), 1);
	put_in(e, tcp(&f, "192.0.2.9", 80, "10.0.0.2", 1000, SL_SYN | SL_ACK, 500, 101), 2);
	put_in(e, tcp(&f, "10.0.0.2", 1000, "192.0.2.9", 80, SL_ACK, 101, 501), 3);
	for (unsigned i = 0; i < 5000; i++) {
		tcp(&f, "10.0.0.7", (uint16_t)(2000 + i), "192.0.2.9", 80, SL_SYN, 1, 0);
		sl_input(e, &f.p, 1, 4 + i);
		assert_int_equal(f.p.verdict, SL_ACCEPT);
	}
	assert_null(sl_engine_check(e));
	sl_stats(e, &stats);
	assert_int_equal(stats.conns, 100);
	assert_int_equal(stats.conns_evicted, 5001 - 100);
	memset(&t, 0, sizeof(t));
	t.family = SL_IPV4;
	t.proto = SL_PROTO_TCP;
	t.src = sl_addr_v4((const uint8_t[]){10, 0, 0, 2});
	t.dst = sl_addr_v4((const uint8_t[]){192, 0, 2, 9});
	t.sport = 1000;
	t.dport = 80;
	assert_non_null(sl_conn_find(e, &t, 0, &dir));
	sl_engine_destroy(e);
	assert_int_equal(allocated, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshake),
		cmocka_unit_test(reset_ends_unanswered),
		cmocka_unit_test(masqueraded),
		cmocka_unit_test(timeouts),
		cmocka_unit_test(icmp_error),
		cmocka_unit_test(ports_run_out),
		cmocka_unit_test(flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
