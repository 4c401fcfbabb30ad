/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine from outside: a TCP handshake, UDP, ICMP and its errors, masquerade, and that
 * nothing is left when it is destroyed. Packets are made by hand with right checksums.
 * Tests: src/engine/engine.c src/engine/input.c src/engine/classify.c src/engine/translate.c src/engine/masquerade.c
 */
#include "tests/lib/unit.h"

static struct gateway g;

static void begin(bool nat)
{
	gateway_init(&g, nat);
	gateway_start(&g);
}

/* Put in at that time; it takes the place of the packet before, which *at holds (or zeros). */
static void say(struct sl_packet *at, struct sl_packet packet, uint64_t now)
{
	if (at->handle)
		packet_free(&g, at);
	*at = packet;
	g.now = now - 1;
	put_in(&g, at);
}

static void end(struct sl_packet *last)
{
	packet_free(&g, last);
	gateway_end(&g);
}

static void expect_state(const struct sl_packet *p, enum sl_ctstate state, enum sl_dir dir)
{
	assert_int_equal(p->verdict, SL_ACCEPT);
	assert_int_equal(p->state, state);
	assert_int_equal(p->dir, dir);
}

static void handshake(void **unused)
{
	struct sl_conn_info info;
	struct sl_packet f = {0};

	(void)unused;
	begin(false);
	say(&f, make_tcp(&g, "10.0.0.2", 1000, "192.0.2.9", 80, SL_SYN, 100, 0, NULL, 0), 1);
	expect_state(&f, SL_CT_NEW, SL_ORIGINAL);
	say(&f, make_tcp(&g, "192.0.2.9", 80, "10.0.0.2", 1000, SL_SYN | SL_ACK, 500, 101, NULL, 0),
	        2);
	expect_state(&f, SL_CT_ESTABLISHED, SL_REPLY);
	say(&f, make_tcp(&g, "10.0.0.2", 1000, "192.0.2.9", 80, SL_ACK, 101, 501, NULL, 0), 3);
	expect_state(&f, SL_CT_ESTABLISHED, SL_ORIGINAL);
	sl_conn_info(g.engine, f.conn, &info);
	assert_string_equal(info.state, "ESTABLISHED");
	assert_int_equal(info.status, SL_SEEN_REPLY | SL_ASSURED | SL_CONFIRMED);
	assert_int_equal(info.timeout, 432000);
	assert_int_equal(info.packets[SL_ORIGINAL], 2);
	assert_int_equal(info.packets[SL_REPLY], 1);
	assert_int_equal(g.events[SL_EVENT_NEW], 1);
	assert_int_equal(g.events[SL_EVENT_UPDATE], 2);
	/* Beyond the window: INVALID, but it passes; nothing changes. */
	say(&f, make_tcp(&g, "10.0.0.2", 1000, "192.0.2.9", 80, SL_ACK, 1000000, 501, NULL, 0), 4);
	assert_int_equal(f.state, SL_CT_INVALID);
	assert_int_equal(f.reason, SL_WHY_TCP_SEQ_OVER);
	assert_int_equal(f.verdict, SL_ACCEPT);
	end(&f);
}

static void reset_ends_unanswered(void **unused)
{
	struct sl_stats stats;
	struct sl_packet f = {0};

	(void)unused;
	begin(true);
	say(&f, make_tcp(&g, "10.0.0.2", 1000, "192.0.2.9", 80, SL_SYN, 100, 0, NULL, 0), 1);
	say(&f,
	        make_tcp(
	                &g, "192.0.2.9", 80, "203.0.113.1", 1000, SL_RST | SL_ACK, 0, 101, NULL, 0),
	        2);
	expect_state(&f, SL_CT_ESTABLISHED, SL_REPLY);
	assert_null(f.conn);
	assert_int_equal(g.events[SL_EVENT_DESTROY], 1);
	sl_stats(g.engine, &stats);
	assert_int_equal(stats.conns, 0);
	end(&f);
}

static void masqueraded(void **unused)
{
	struct sl_conn_info info;
	struct sl_packet f = {0};
	uint16_t other;

	(void)unused;
	begin(true);
	say(&f, make_udp(&g, "10.0.0.2", 4000, "192.0.2.9", 53, 4), 1);
	expect_state(&f, SL_CT_NEW, SL_ORIGINAL);
	assert_int_equal(sl_get32(f.data + 12), 0xcb007101);
	assert_int_equal(sl_get16(f.data + 20), 4000);
	/* The same port of another host towards the same remote: another port. */
	say(&f, make_udp(&g, "10.0.0.3", 4000, "192.0.2.9", 53, 4), 2);
	assert_int_not_equal(sl_get16(f.data + 20), 4000);
	other = sl_get16(f.data + 20);
	assert_true(other >= 1024);
	sl_conn_info(g.engine, f.conn, &info);
	assert_int_equal(
	        info.status, SL_CONFIRMED | SL_SRC_NAT | SL_SRC_NAT_DONE | SL_DST_NAT_DONE);
	/* ... and the same other one towards everybody, as long as that lives. */
	say(&f, make_udp(&g, "10.0.0.3", 4000, "192.0.2.10", 53, 4), 3);
	assert_int_equal(sl_get16(f.data + 20), other);
	/* A third host keeps its port towards another remote: the whole reply tuple counts. */
	say(&f, make_udp(&g, "10.0.0.4", 4000, "192.0.2.10", 53, 4), 3);
	assert_int_equal(sl_get16(f.data + 20), 4000);
	/* The answer finds its way back. */
	say(&f, make_udp(&g, "192.0.2.9", 53, "203.0.113.1", 4000, 4), 4);
	expect_state(&f, SL_CT_ESTABLISHED, SL_REPLY);
	assert_int_equal(sl_get32(f.data + 16), 0x0a000002);
	end(&f);
}

static void timeouts(void **unused)
{
	struct sl_stats stats;
	struct sl_packet f = {0};

	(void)unused;
	begin(false);
	say(&f, make_udp(&g, "10.0.0.2", 4000, "192.0.2.9", 53, 4), SECOND);
	assert_true(sl_deadline(g.engine) <= 31 * SECOND);
	assert_false(sl_clock(g.engine, 30 * SECOND, 0));
	sl_stats(g.engine, &stats);
	assert_int_equal(stats.conns, 1);
	assert_false(sl_clock(g.engine, 31 * SECOND, 0));
	sl_stats(g.engine, &stats);
	assert_int_equal(stats.conns, 0);
	assert_int_equal(stats.reasons[SL_WHY_TIMEOUT], 1);
	assert_int_equal(sl_deadline(g.engine), UINT64_MAX);
	end(&f);
}

/* Port unreachable from the server, through masquerade: it and its quote reach the client. */
static void icmp_error(void **unused)
{
	struct sl_packet out = {0}, f = {0}, error;

	(void)unused;
	begin(true);
	say(&out, make_udp(&g, "10.0.0.2", 4000, "192.0.2.9", 53, 4), 1);
	make_ip(&g, &error, "192.0.2.9", "203.0.113.1", SL_PROTO_ICMP, 8 + 28);
	error.data[20] = 3;
	error.data[21] = 3;
	memcpy(error.data + 28, out.data, 28);
	fix_sums(&error);
	say(&f, error, 2);
	packet_free(&g, &out);
	expect_state(&f, SL_CT_RELATED, SL_REPLY);
	assert_int_equal(sl_get32(f.data + 16), 0x0a000002);      /* the error itself */
	assert_int_equal(sl_get32(f.data + 28 + 12), 0x0a000002); /* the quoted sender */
	assert_int_equal(sl__csum(sl__sum(f.data + 28, 20, 0)), 0);
	end(&f);
}

/* All ports towards one remote: each is given once, then the answer is no, at once. */
static void ports_run_out(void **unused)
{
	unsigned given = 0, refused = 0;

	(void)unused;
	gateway_init(&g, true);
	g.config.slab_chunk = 128;
	gateway_start(&g);
	for (unsigned i = 0; i < 70000; i++) {
		char src[] = "10.0.0.0";
		struct sl_packet p;

		src[7] = (char)('0' + i % 10);
		p = make_udp(&g, src, (uint16_t)(1024 + i / 10), "192.0.2.9", 53, 4);
		sl_input(g.engine, &p, 1, i + 1);
		given += p.verdict == SL_ACCEPT;
		refused += p.verdict == SL_DROP && p.reason == SL_WHY_NAT_NO_PORT;
		packet_free(&g, &p);
	}
	assert_int_equal(given + refused, 70000);
	assert_true(given > 63000 && given <= 64512);
	assert_null(sl_engine_check(g.engine));
	gateway_end(&g);
}

/* A full table: unreplied conns make room, replied ones stay. */
static void flood(void **unused)
{
	struct sl_tuple t = tuple_of("10.0.0.2", 1000, "192.0.2.9", 80, SL_PROTO_TCP);
	struct sl_packet f = {0};
	struct sl_stats stats;
	enum sl_dir dir;

	(void)unused;
	gateway_init(&g, false);
	g.config.table_max = 100;
	gateway_start(&g);
	say(&f, make_tcp(&g, "10.0.0.2", 1000, "192.0.2.9", 80, SL_SYN, 100, 0, NULL, 0), 1);
	say(&f, make_tcp(&g, "192.0.2.9", 80, "10.0.0.2", 1000, SL_SYN | SL_ACK, 500, 101, NULL, 0),
	        2);
	say(&f, make_tcp(&g, "10.0.0.2", 1000, "192.0.2.9", 80, SL_ACK, 101, 501, NULL, 0), 3);
	for (unsigned i = 0; i < 5000; i++) {
		struct sl_packet p = make_tcp(&g, "10.0.0.7", (uint16_t)(2000 + i), "192.0.2.9", 80,
		        SL_SYN, 1, 0, NULL, 0);

		sl_input(g.engine, &p, 1, 4 + i);
		assert_int_equal(p.verdict, SL_ACCEPT);
		packet_free(&g, &p);
	}
	assert_null(sl_engine_check(g.engine));
	sl_stats(g.engine, &stats);
	assert_int_equal(stats.conns, 100);
	assert_int_equal(stats.conns_evicted, 5001 - 100);
	assert_non_null(sl_conn_find(g.engine, &t, 0, &dir));
	end(&f);
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
