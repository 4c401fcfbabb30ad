/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SNMP under NAT: which addresses of a message are translated, and which messages are left alone.
 * Tests: helpers/snmp/
 */
#include "tests/helpers/dialogue.h"

/* clang-format off */
/* Version 2c, community "public", a PDU with request-id 1 and no error, ipAdEntAddr and a value. */
#define VERSION_2 "{x020101}"
#define VERSION_3 "{x020103}"
#define COMMUNITY "{x0406}public"
#define NO_ERROR  "{x020101020100020100}"
#define OID       "{x060a2b060102010414010101}"
#define BOUND(value) "{(30}" OID value "{)}"
#define PDU(tag, value) "{(" tag "}" NO_ERROR "{(30}" BOUND(value) "{)}{)}"
#define MESSAGE(tag, value) "{(30}" VERSION_2 COMMUNITY PDU(tag, value) "{)}"

/* Version 1's trap: enterprise, agent, generic and specific, time. */
#define TRAP(agent, value) \
	"{(30}{x020100}" COMMUNITY "{(a4}{x06082b06010401bf0801}{x4004}" agent "{x020106020100430101}{(30}" \
		BOUND(value) BOUND(value) "{)}{)}{)}"

static const struct row values[] = {
	{'c', MESSAGE("a0", "{x4004}{=s}"), NULL, 0, NULL},
	{'s', MESSAGE("a2", "{x4004}{=s}"), NULL, 0, NULL},
	{'s', MESSAGE("a2", "{x4004}{=c}"), NULL, 0, NULL},
	{'s', MESSAGE("a2", "{x4004}{=t}"), NULL, 0, NULL},
	/* an octet string is no address; SetRequest, GetBulk, InformRequest, SNMPv2-Trap, Report */
	{'s', MESSAGE("a2", "{x0404}{x0a000002}"), NULL, 0, NULL},
	{'c', MESSAGE("a3", "{x4004}{=s}"), NULL, 0, NULL},
	{'c', MESSAGE("a5", "{x4004}{=s}"), NULL, 0, NULL},
	{'c', MESSAGE("a6", "{x4004}{=c}"), NULL, 0, NULL},
	{'c', MESSAGE("a7", "{x4004}{=c}"), NULL, 0, NULL},
	{'s', MESSAGE("a8", "{x4004}{=s}"), NULL, 0, NULL},
	{0},
};

/* The client's own address, as bytes that are the same for every viewer. */
#define RAW "{x4004}{x0a000002}"

static const struct row left_alone[] = {
	/* version 3: what it holds is signed, and may be encrypted */
	{'c', "{(30}" VERSION_3 COMMUNITY PDU("a2", RAW) "{)}", NULL, 0, NULL},
	/* a PDU that does not exist, bytes behind the end, an address of 5 bytes */
	{'c', MESSAGE("a9", RAW), NULL, 0, NULL},
	{'c', MESSAGE("a2", RAW) "{x00}", NULL, 0, NULL},
	{'c', MESSAGE("a2", "{x4005}{x0a00000200}"), NULL, 0, NULL},
	/* a binding without a value, with two, whose name is none */
	{'c', MESSAGE("a2", ""), NULL, 0, NULL},
	{'c', MESSAGE("a2", RAW RAW), NULL, 0, NULL},
	{'c', "{(30}" VERSION_2 COMMUNITY "{(a2}" NO_ERROR "{(30}{(30}" RAW RAW "{)}{)}{)}{)}", NULL, 0, NULL},
	/* lengths: indefinite, of five bytes, 2^32 - 1, one too long, one too short */
	{'c', "{x3080}" VERSION_2 COMMUNITY PDU("a2", RAW), NULL, 0, NULL},
	{'c', "{x30850000000020}" VERSION_2 COMMUNITY PDU("a2", RAW), NULL, 0, NULL},
	{'c', "{x3084ffffffff}" VERSION_2 COMMUNITY PDU("a2", RAW), NULL, 0, NULL},
	{'c', "{(30}" VERSION_2 COMMUNITY "{(a2}" NO_ERROR "{(30}{x3013}" OID RAW "{)}{)}{)}", NULL, 0, NULL},
	{'c', "{(30}" VERSION_2 COMMUNITY "{(a2}" NO_ERROR "{(30}{x3011}" OID RAW "{)}{)}{)}", NULL, 0, NULL},
	/* cut short, and nothing of the kind */
	{'c', "{x30}", NULL, 0, NULL},
	{'c', "{x302e02}", NULL, 0, NULL},
	{'c', "{x7f8101}", NULL, 0, NULL},
	{'c', "hello", NULL, 0, NULL},
	{0},
};

/* Lengths that are written longer than they need be are fine. */
static const struct row long_lengths[] = {
	{'c', "{x3082002d}" VERSION_2 COMMUNITY "{xa7811f}" NO_ERROR "{(30}" BOUND("{x4004}{=c}") "{)}", NULL, 0, NULL},
	{0},
};

static const struct row traps[] = {
	{'c', TRAP("{=c}", "{x4004}{=c}"), NULL, 0, NULL},
	{'c', TRAP("{=u}", "{x4004}{=t}"), NULL, 0, NULL},
	{'c', MESSAGE("a7", "{x4004}{=c}"), NULL, 0, NULL},
	{0},
};

static void snmp(void **state)
{
	static const struct dialogue all[] = {
		{.name = "values", .helper = "snmp", .rows = values, .proto = SL_PROTO_UDP, .families = 4},
		{.name = "left alone", .helper = "snmp", .rows = left_alone, .proto = SL_PROTO_UDP, .families = 4},
		{.name = "long lengths", .helper = "snmp", .rows = long_lengths, .proto = SL_PROTO_UDP, .families = 4},
		{.name = "traps", .helper = "snmp_trap", .rows = traps, .proto = SL_PROTO_UDP, .families = 4},
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(snmp)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
