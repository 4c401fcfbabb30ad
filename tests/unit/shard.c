/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets among three engines (shard_lib.h) find their connection, whatever NAT did to it.
 * Tests: src/engine/shard.c src/engine/home.c
 */
#include "shard_lib.h"

/* ---- tests --------------------------------------------------------------------------------- */

static void masqueraded(void)
{
	char text[32];

	rules.masquerade = true;
	for (unsigned i = 0; i < 60; i++) {
		struct sl_packet p = make_udp(&w.g[0], client(i, text), 4000, "192.0.2.9", 53, 10);
		unsigned home;
		uint16_t port;

		expect(&p, SL_CT_NEW, SL_ORIGINAL);
		home = w.at;
		port = sport_of(&p);
		assert_int_equal((port >> 6) % SHARDS, home);
		packet_free(&w.g[0], &p);
		p = make_udp(&w.g[0], "192.0.2.9", 53, "203.0.113.1", port, 10);
		expect(&p, SL_CT_ESTABLISHED, SL_REPLY);
		assert_int_equal(sl_get32(p.data + 16), sl_get32(addr_of(client(i, text)).b + 12));
		assert_int_equal(w.at, home);
		packet_free(&w.g[0], &p);
		expect_once(make_udp(&w.g[0], client(i, text), 4000, "192.0.2.9", 53, 10),
		        SL_CT_ESTABLISHED, SL_ORIGINAL);
	}
	if (w.steered)
		assert_int_equal(w.handovers, 0);
}

static void pinged(void)
{
	char text[32];

	rules.masquerade = true;
	for (unsigned i = 0; i < 60; i++) {
		struct sl_packet p;
		uint8_t *l4 = make_ip(&w.g[0], &p, client(i, text), "192.0.2.9", SL_PROTO_ICMP, 20);
		uint16_t id;

		l4[0] = 8;
		sl_put16(l4 + 4, 77);
		fix_sums(&p);
		expect(&p, SL_CT_NEW, SL_ORIGINAL);
		id = sl_get16(p.data + 24);
		packet_free(&w.g[0], &p);
		l4 = make_ip(&w.g[0], &p, "192.0.2.9", "203.0.113.1", SL_PROTO_ICMP, 20);
		sl_put16(l4 + 4, id);
		fix_sums(&p);
		expect(&p, SL_CT_ESTABLISHED, SL_REPLY);
		assert_int_equal(sl_get16(p.data + 24), 77);
		packet_free(&w.g[0], &p);
	}
}

/* ICMP errors from a router on the way find the connection of what they quote. */
static void errors(void)
{
	char text[32];

	for (unsigned i = 0; i < 60; i++) {
		struct sl_packet p, e;
		uint8_t *l4;

		rules.masquerade = i % 2;
		p = make_udp(&w.g[0], client(i, text), 4000, "192.0.2.9", 53, 10);
		expect(&p, SL_CT_NEW, SL_ORIGINAL);
		l4 = make_ip(&w.g[0], &e, "198.51.100.1", i % 2 ? "203.0.113.1" : client(i, text),
		        SL_PROTO_ICMP, 8 + 28);
		l4[0] = 11;
		memcpy(l4 + 8, p.data, 28);
		fix_sums(&e);
		expect(&e, SL_CT_RELATED, SL_REPLY);
		assert_int_equal(sl_get32(e.data + 16), sl_get32(addr_of(client(i, text)).b + 12));
		packet_free(&w.g[0], &p);
		packet_free(&w.g[0], &e);
	}
}

static void plain(void)
{
	char text[32];

	for (unsigned i = 0; i < 60; i++) {
		const char *from = i % 2 ? client(i, text) : "192.0.2.9",
		           *to = i % 2 ? "192.0.2.9" : client(i, text);

		expect_once(make_udp(&w.g[0], from, 4000, to, 53, 10), SL_CT_NEW, SL_ORIGINAL);
		expect_once(make_udp(&w.g[0], to, 53, from, 4000, 10), SL_CT_ESTABLISHED, SL_REPLY);
		expect_once(
		        make_udp(&w.g[0], from, 4000, to, 53, 10), SL_CT_ESTABLISHED, SL_ORIGINAL);
		/* both inside, both outside */
		expect_once(make_udp(&w.g[0], client(i, text), 4001, "10.9.9.9", 53, 10), SL_CT_NEW,
		        SL_ORIGINAL);
		expect_once(make_udp(&w.g[0], "10.9.9.9", 53, client(i, text), 4001, 10),
		        SL_CT_ESTABLISHED, SL_REPLY);
		expect_once(make_udp(&w.g[0], "192.0.2.9", (uint16_t)(5000 + 64 * i),
		                    "198.51.100.9", 53, 10),
		        SL_CT_NEW, SL_ORIGINAL);
		expect_once(make_udp(&w.g[0], "198.51.100.9", 53, "192.0.2.9",
		                    (uint16_t)(5000 + 64 * i), 10),
		        SL_CT_ESTABLISHED, SL_REPLY);
	}
}

/* A protocol without ports. */
static void portless(void)
{
	char text[32];

	rules.masquerade = true;
	for (unsigned i = 0; i < 20; i++) {
		struct sl_packet p;
		char server[32];

		snprintf(server, sizeof(server), "192.0.2.%u", i + 1);
		make_ip(&w.g[0], &p, client(i, text), server, 50, 20);
		fix_sums(&p);
		expect_once(p, SL_CT_NEW, SL_ORIGINAL);
		make_ip(&w.g[0], &p, server, "203.0.113.1", 50, 20);
		fix_sums(&p);
		expect(&p, SL_CT_ESTABLISHED, SL_REPLY);
		assert_int_equal(sl_get32(p.data + 16), sl_get32(addr_of(client(i, text)).b + 12));
		packet_free(&w.g[0], &p);
	}
}

/* The gateway's own programs. */
static void own(void)
{
	struct sl_packet p;

	rules.masquerade = true;
	for (uint16_t i = 0; i < 30; i++) {
		uint16_t port = (uint16_t)(1024 + i * 64);

		p = make_udp(&w.g[0], "203.0.113.1", port, "192.0.2.9", 53, 10);
		p.from = SL_FROM_LOCAL;
		p.in_if = 0;
		expect(&p, SL_CT_NEW, SL_ORIGINAL);
		assert_int_equal(sport_of(&p), port);
		packet_free(&w.g[0], &p);
		expect_once(make_udp(&w.g[0], "192.0.2.9", 53, "203.0.113.1", port, 10),
		        SL_CT_ESTABLISHED, SL_REPLY);
		/* and asked */
		expect_once(make_udp(&w.g[0], "192.0.2.9", port, "203.0.113.1",
		                    (uint16_t)(port + 5000), 10),
		        SL_CT_NEW, SL_ORIGINAL);
		p = make_udp(
		        &w.g[0], "203.0.113.1", (uint16_t)(port + 5000), "192.0.2.9", port, 10);
		p.from = SL_FROM_LOCAL;
		p.in_if = 0;
		expect_once(p, SL_CT_ESTABLISHED, SL_REPLY);
	}
}

static void check_dnat(const char *from, uint16_t port, bool turns)
{
	char server[SL_ADDR_TEXT];
	struct sl_packet p = make_udp(&w.g[0], from, port, "203.0.113.1", 80, 10);
	struct sl_addr to;
	unsigned home;

	expect(&p, SL_CT_NEW, SL_ORIGINAL);
	home = w.at;
	to = sl_addr_v4(p.data + 16);
	sl_addr_text(&to, SL_IPV4, server);
	if (!turns)
		assert_string_equal(server, rules.dnat);
	assert_int_equal(sl_get16(p.data + 22), 8080);
	packet_free(&w.g[0], &p);
	/* the server answers, the client goes on: all in one engine */
	p = make_udp(&w.g[0], server, 8080, from, port, 10);
	expect(&p, SL_CT_ESTABLISHED, SL_REPLY);
	assert_int_equal(w.at, home);
	assert_int_equal(sl_get32(p.data + 12), 0xcb007101);
	packet_free(&w.g[0], &p);
	p = make_udp(&w.g[0], from, port, "203.0.113.1", 80, 10);
	expect(&p, SL_CT_ESTABLISHED, SL_ORIGINAL);
	assert_int_equal(w.at, home);
	packet_free(&w.g[0], &p);
}

static void destination_nat(void)
{
	static const char *const servers[] = {
	        "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"};

	for (unsigned i = 0; i < 5; i++) {
		rules.dnat = servers[i];
		for (uint16_t port = 5000; port < 5010; port++)
			check_dnat("192.0.2.9", (uint16_t)(port + 100 * i), false);
	}
	/* From the inside, without source NAT: the server answers the client itself. */
	for (uint16_t port = 5000; port < 5010; port++)
		check_dnat("10.0.7.7", port, false);
	/* The rules choose another server each time they are asked: what was chosen first holds. */
	rules.turns = true;
	for (uint16_t port = 7000; port < 7100; port++)
		check_dnat("192.0.2.9", port, true);
}

/* A fragmented first packet moves as well. */
static void fragments(void)
{
	char text[32];

	rules.masquerade = true;
	for (unsigned i = 0; i < 40; i++) {
		bool inbound = i >= 20;
		struct sl_packet whole, part[3], p;
		unsigned order[3] = {i % 3, (i + 1 + i / 3 % 2) % 3, 0};
		uint32_t got = 0;

		order[2] = 3 - order[0] - order[1];
		rules.dnat = inbound ? "10.0.0.3" : NULL;
		whole = inbound ? make_udp(&w.g[0], "192.0.2.9", (uint16_t)(5000 + i),
		                          "203.0.113.1", 80, 3000)
		                : make_udp(&w.g[0], client(i, text), 4000, "192.0.2.9", 53, 3000);
		for (unsigned j = 0; j < 3; j++) {
			uint32_t from = j * 1200, len = j < 2 ? 1200 : 3008 - 2400;

			packet_alloc(&w.g[0], &part[j], 20 + len);
			memcpy(part[j].data, whole.data, 20);
			memcpy(part[j].data + 20, whole.data + 20 + from, len);
			sl_put16(part[j].data + 2, (uint16_t)(20 + len));
			sl_put16(part[j].data + 4, (uint16_t)(100 + i));
			sl_put16(part[j].data + 6, (uint16_t)(from / 8 | (j < 2 ? 0x2000 : 0)));
			part[j].in_if = whole.in_if;
			fix_sums(&part[j]);
		}
		for (unsigned j = 0; j < 3; j++) {
			put(&part[order[j]]);
			assert_true(part[order[j]].verdict == SL_QUEUED ||
			            part[order[j]].verdict == SL_TAKEN);
		}
		assert_int_equal(w.g[0].n_out, 3);
		for (unsigned j = 0; j < 3; j++)
			got += w.g[0].out[j].len - 20;
		assert_int_equal(got, 3008);
		packet_free(&w.g[0], &whole);
		if (inbound) {
			p = make_udp(
			        &w.g[0], "10.0.0.3", 8080, "192.0.2.9", (uint16_t)(5000 + i), 10);
		} else {
			for (unsigned j = 0; j < 3; j++)
				if (!(sl_get16(w.g[0].out[j].data + 6) & 0x1fff))
					p = make_udp(&w.g[0], "192.0.2.9", 53, "203.0.113.1",
					        sport_of(&w.g[0].out[j]), 10);
		}
		expect_once(p, SL_CT_ESTABLISHED, SL_REPLY);
	}
}

/* Hairpin with source NAT: the server sees the gateway. */
static void hairpin(void)
{
	char text[32];

	rules.hairpin = true;
	rules.dnat = "10.0.0.3";
	for (unsigned i = 0; i < 40; i++) {
		struct sl_packet p =
		        make_udp(&w.g[0], client(i + 5, text), 4000, "203.0.113.1", 80, 10);
		uint16_t port;

		expect(&p, SL_CT_NEW, SL_ORIGINAL);
		assert_int_equal(sl_get32(p.data + 12), 0xcb007101);
		port = sport_of(&p);
		packet_free(&w.g[0], &p);
		p = make_udp(&w.g[0], "10.0.0.3", 8080, "203.0.113.1", port, 10);
		expect(&p, SL_CT_ESTABLISHED, SL_REPLY);
		assert_int_equal(
		        sl_get32(p.data + 16), sl_get32(addr_of(client(i + 5, text)).b + 12));
		packet_free(&w.g[0], &p);
		expect_once(make_udp(&w.g[0], client(i + 5, text), 4000, "203.0.113.1", 80, 10),
		        SL_CT_ESTABLISHED, SL_ORIGINAL);
	}
}

/* All ports of the rule are one shard's: the conns go there. */
static void few_ports(void)
{
	char text[32];

	rules.masquerade = true;
	rules.min_port = 5000;
	rules.max_port = 5050;
	for (unsigned i = 0; i < 40; i++) {
		struct sl_packet p = make_tcp(
		        &w.g[0], client(i, text), 4000, "192.0.2.9", 80, SL_SYN, 1, 0, NULL, 0);
		uint16_t port;

		expect(&p, SL_CT_NEW, SL_ORIGINAL);
		port = sport_of(&p);
		assert_in_range(port, 5000, 5050);
		assert_int_equal((port >> 6) % SHARDS, w.at);
		packet_free(&w.g[0], &p);
		expect_once(make_tcp(&w.g[0], "192.0.2.9", 80, "203.0.113.1", port, SL_SYN | SL_ACK,
		                    5, 2, NULL, 0),
		        SL_CT_ESTABLISHED, SL_REPLY);
		expect_once(make_tcp(&w.g[0], client(i, text), 4000, "192.0.2.9", 80, SL_ACK, 2, 6,
		                    NULL, 0),
		        SL_CT_ESTABLISHED, SL_ORIGINAL);
	}
}

/* FTP: what is announced on the control connection, then the data connection, wherever it goes. */
static void ftp_control(const char *c, const char *s, const char *seen, uint16_t *port)
{
	struct sl_packet p = make_tcp(&w.g[0], c, 4000, s, 21, SL_SYN, 999, 0, NULL, 0);

	expect(&p, SL_CT_NEW, SL_ORIGINAL);
	*port = sport_of(&p);
	packet_free(&w.g[0], &p);
	expect_once(make_tcp(&w.g[0], s, 21, seen, *port, SL_SYN | SL_ACK, 4999, 1000, NULL, 0),
	        SL_CT_ESTABLISHED, SL_REPLY);
	expect_once(make_tcp(&w.g[0], c, 4000, s, 21, SL_ACK, 1000, 5000, NULL, 0),
	        SL_CT_ESTABLISHED, SL_ORIGINAL);
	expect_once(
	        make_tcp(&w.g[0], s, 21, seen, *port, SL_ACK | SL_PSH, 5000, 1000, "220 hi\r\n", 8),
	        SL_CT_ESTABLISHED, SL_REPLY);
}

static void ftp(void)
{
	char text[32], line[64];

	for (unsigned i = 0; i < 40; i++) {
		const char *c = client(i, text), *seen;
		struct sl_packet p;
		unsigned a, b, hi, lo;
		uint16_t port;
		int n;

		rules.masquerade = i % 2;
		rules.min_port = i % 4 == 3 ? 6000 : 0;
		rules.max_port = 6050;
		seen = rules.masquerade ? "203.0.113.1" : c;
		ftp_control(c, "192.0.2.9", seen, &port);
		sscanf(c, "10.0.%u.%u", &a, &b);
		n = snprintf(line, sizeof(line), "PORT 10,0,%u,%u,200,%u\r\n", a, b, i);
		p = make_tcp(&w.g[0], c, 4000, "192.0.2.9", 21, SL_ACK | SL_PSH, 1000, 5008, line,
		        (uint32_t)n);
		expect(&p, SL_CT_ESTABLISHED, SL_ORIGINAL);
		snprintf(line, sizeof(line), "%.*s", (int)(p.len - 40), (const char *)p.data + 40);
		assert_int_equal(sscanf(line, "PORT %*u,%*u,%*u,%*u,%u,%u", &hi, &lo), 2);
		packet_free(&w.g[0], &p);
		/* active: the server opens it, to the announced port */
		p = make_tcp(&w.g[0], "192.0.2.9", 20, seen, (uint16_t)(hi * 256 + lo), SL_SYN, 1,
		        0, NULL, 0);
		expect(&p, SL_CT_RELATED, SL_ORIGINAL);
		assert_int_equal(sl_get16(p.data + 22), 200 * 256 + i);
		packet_free(&w.g[0], &p);
		p = make_tcp(&w.g[0], c, (uint16_t)(200 * 256 + i), "192.0.2.9", 20,
		        SL_SYN | SL_ACK, 1, 2, NULL, 0);
		expect_once(p, SL_CT_ESTABLISHED, SL_REPLY);
		/* passive: the client opens it; without NAT on the server's side it looks like any
		 * other */
		p = make_tcp(&w.g[0], c, 4000, "192.0.2.9", 21, SL_ACK | SL_PSH, 1000 + (uint32_t)n,
		        5008, "PASV\r\n", 6);
		expect_once(p, SL_CT_ESTABLISHED, SL_ORIGINAL);
		p = make_tcp(&w.g[0], "192.0.2.9", 21, seen, port, SL_ACK | SL_PSH, 5008,
		        1006 + (uint32_t)n, "227 Entering Passive Mode (192,0,2,9,100,20)\r\n", 46);
		put(&p);
		assert_int_equal(p.verdict, SL_ACCEPT);
		packet_free(&w.g[0], &p);
		p = make_tcp(&w.g[0], c, 4001, "192.0.2.9", 100 * 256 + 20, SL_SYN, 1, 0, NULL, 0);
		expect_once(p, SL_CT_RELATED, SL_ORIGINAL);
	}
}

static void test_masqueraded(void **unused)
{
	(void)unused;
	each_way(masqueraded);
	each_way(pinged);
	each_way(portless);
}

static void test_plain(void **unused)
{
	(void)unused;
	each_way(plain);
	each_way(own);
}

static void test_errors(void **unused)
{
	(void)unused;
	each_way(errors);
}

static void test_destination(void **unused)
{
	(void)unused;
	each_way(destination_nat);
	each_way(hairpin);
}

static void test_fragments(void **unused)
{
	(void)unused;
	each_way(fragments);
}

static void test_few_ports(void **unused)
{
	(void)unused;
	each_way(few_ports);
}

static void test_ftp(void **unused)
{
	(void)unused;
	each_way(ftp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_plain),
	        cmocka_unit_test(test_masqueraded),
	        cmocka_unit_test(test_errors),
	        cmocka_unit_test(test_destination),
	        cmocka_unit_test(test_fragments),
	        cmocka_unit_test(test_few_ports),
	        cmocka_unit_test(test_ftp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
