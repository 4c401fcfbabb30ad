/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions to a whole network: NetBIOS names and SNMP.
 * Tests: helpers/netbios_ns.c
 */
#include "tests/helpers/dialogue.h"

#include <string.h>

/* clang-format off */
#define NAME_QUERY "{x1234}{x0110}{x0001000000000000}{x20}CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA{x0000210001}"

/* Several answers may come to one question, for three seconds. */
static const struct row name_query[] = {
	{'c', NAME_QUERY, "net>c udp 137 from 137 permanent", 0, NULL},
	{'w', "2500", NULL, 0, NULL},
	{'c', NAME_QUERY, "-udp 137, net>c udp 137 from 137 permanent", 0, NULL},
	{'w', "2500", NULL, 0, NULL},
	{0},
};

static const struct row over[] = {
	{'c', NAME_QUERY, "net>c udp 137 from 137 permanent", 0, NULL},
	{'w', "3500", "-udp 137", 0, NULL},
	{0},
};

/* Answers are no questions, and neither is what is too short to be one. */
static const struct row no_question[] = {
	{'c', "{x1234}{x8500}{x0000000100000000}{x00}", NULL, 0, NULL},
	{'c', "{x1234}{x0110}{x00010000000000}", NULL, 0, NULL},
	{0},
};

static const struct row to_one_host[] = {
	{'c', NAME_QUERY, NULL, 0, NULL},
	{'s', "{x1234}{x8500}{x0000000100000000}", NULL, 0, NULL},
	{0},
};

static const struct row snmp_query[] = {
	{'c', "{(30}{x020101}{x0406}public{(a0}{x020101020100020100}{(30}{(30}{x06072b060102010105}{x0500}{)}{)}{)}{)}",
		"net>c udp 40000 from 161 permanent", 0, NULL},
	{0},
};

/* A discovery of version 3 is a question too. */
static const struct row snmp_3[] = {
	{'c', "{(30}{x020103}{(30}{x020101}{x0202ffe3}{x040104}{x020103}{)}{x0400}{x0400}{)}", "net>c udp 40000 from 161 permanent", 0, NULL},
	{0},
};

static const struct row snmp_nonsense[] = {
	{'c', "{x300201}", NULL, 0, NULL},
	{'c', "hello", NULL, 0, NULL},
	{0},
};

static void broadcast(void **state)
{
	static const struct dialogue all[] = {
		{.name = "name query", .helper = "netbios-ns", .rows = name_query, .proto = SL_PROTO_UDP,
			.client_port = 137, .nats = NAT_NONE, .broadcast = true},
		{.name = "over", .helper = "netbios-ns", .rows = over, .proto = SL_PROTO_UDP,
			.client_port = 137, .nats = NAT_NONE, .broadcast = true},
		{.name = "no question", .helper = "netbios-ns", .rows = no_question, .proto = SL_PROTO_UDP,
			.client_port = 137, .nats = NAT_NONE, .broadcast = true},
		{.name = "to one host", .helper = "netbios-ns", .rows = to_one_host, .proto = SL_PROTO_UDP,
			.families = 4, .client_port = 137},
		{.name = "SNMP", .helper = "snmp", .rows = snmp_query, .proto = SL_PROTO_UDP,
			.nats = NAT_NONE, .broadcast = true},
		{.name = "SNMPv3", .helper = "snmp", .rows = snmp_3, .proto = SL_PROTO_UDP,
			.nats = NAT_NONE, .broadcast = true},
		{.name = "no SNMP", .helper = "snmp", .rows = snmp_nonsense, .proto = SL_PROTO_UDP,
			.nats = NAT_NONE, .broadcast = true},
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}

/* ---- what no table says ---------------------------------------------------------------------- */

static const struct {
	const char *helper;
	uint16_t client_port, port;
	const char *question;
	size_t length;
} asked[] = {
	{"netbios-ns", 137, 137, "\x12\x34\x01\x10\0\x01\0\0\0\0\0\0", 12},
	{"snmp", 40000, 161, "\x30\x05\x02\x01\x01\x04\0", 7},
};

static bool anywhere(struct world *w, const struct sl_packet *p)
{
	(void)w, (void)p;
	return true;
}

/* The client asks its network, whose prefix the route tells; `from` says whether the gateway asks itself. */
static void ask_network(struct world *w, unsigned which, uint8_t prefix, enum sl_from from)
{
	struct scene scene = {.helper = asked[which].helper, .proto = SL_PROTO_UDP, .family = SL_IPV4,
		.client_port = asked[which].client_port};
	struct sl_tuple t;
	struct sl_packet p;

	world_init(w, &scene, NAT_NONE);
	w->on_leave = anywhere;
	w->g.prefix = prefix;
	w->end[0].to = addr_of("10.0.0.255");
	t = tuple_from(w, SL_ORIGINAL);
	p = make_datagram(&w->g, &t, asked[which].question, (uint32_t)asked[which].length);
	p.from = (uint8_t)from;
	p.in_if = from == SL_FROM_LOCAL ? 0 : p.in_if;
	send_packet(w, p);
}

static enum sl_ctstate answered_by(struct world *w, unsigned which, const char *host, uint16_t port)
{
	struct sl_tuple t = {.src = addr_of(host), .dst = w->end[0].addr, .sport = port,
		.dport = asked[which].client_port, .proto = SL_PROTO_UDP, .family = SL_IPV4};

	send_tuple(w, &t, "answer", 6);
	return (enum sl_ctstate)w->state;
}

/* Every host of the network that the route tells may answer, from the one port, and nobody else. */
static void who_may_answer(void **state)
{
	static struct world w;

	(void)state;
	for (unsigned which = 0; which < 2; which++) {
		uint16_t port = asked[which].port;

		ask_network(&w, which, 24, SL_FROM_WIRE);
		assert_int_equal(w.expects, 1);
		assert_int_equal(w.beyond, SL_BEYOND_BROADCAST);
		assert_int_equal(answered_by(&w, which, "10.0.0.77", port), SL_CT_RELATED);
		assert_int_equal(answered_by(&w, which, "10.0.0.200", port), SL_CT_RELATED);
		assert_int_equal(answered_by(&w, which, "10.0.1.77", port), SL_CT_NEW);
		assert_int_equal(answered_by(&w, which, "10.0.0.78", (uint16_t)(port + 1)), SL_CT_NEW);
		world_fini(&w);
		ask_network(&w, which, 29, SL_FROM_WIRE);
		assert_int_equal(answered_by(&w, which, "10.0.0.250", port), SL_CT_RELATED);
		assert_int_equal(answered_by(&w, which, "10.0.0.240", port), SL_CT_NEW);
		world_fini(&w);
	}
}

/* The gateway's own question is what Linux expects answers to, too; where no route tells the network, none are expected. */
static void who_asks(void **state)
{
	static struct world w;

	(void)state;
	for (unsigned which = 0; which < 2; which++) {
		ask_network(&w, which, 24, SL_FROM_LOCAL);
		assert_int_equal(w.expects, 1);
		assert_int_equal(w.beyond, SL_BEYOND_NONE);
		assert_int_equal(answered_by(&w, which, "10.0.0.77", asked[which].port), SL_CT_RELATED);
		world_fini(&w);
		ask_network(&w, which, 0, SL_FROM_WIRE);
		assert_int_equal(w.expects, 0);
		assert_int_equal(w.remark, SL_WHY_HELPER_ADDRESS);
		world_fini(&w);
	}
}
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(broadcast),
	        cmocka_unit_test(who_may_answer),
	        cmocka_unit_test(who_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
