/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions to a whole network: NetBIOS names and SNMP.
 * Tests: helpers/netbios_ns.c
 */
#include "tests/helpers/dialogue.h"

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
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(broadcast)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
