/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Amanda's datagrams.
 * Tests: helpers/amanda.c
 */
#include "tests/helpers/dialogue.h"

/* clang-format off */
#define REQ "Amanda 2.6 REQ HANDLE 000-008 SEQ 17\nSECURITY USER backup\nSERVICE sendbackup\nDUMP sda1 0\n"
#define REP "Amanda 2.6 REP HANDLE 000-008 SEQ 17\n"

static const struct row three_streams[] = {
	{'c', REQ, NULL, 0, NULL},
	{'s', "Amanda 2.6 ACK HANDLE 000-008 SEQ 17\n", NULL, 0, NULL},
	{'s', REP "CONNECT DATA 50001 MESG 50002 INDEX 50003\nOPTIONS features=fffffeff;\n",
		"c>s tcp 50001, c>s tcp 50002, c>s tcp 50003", 0, NULL},
	{0},
};

/* A repeated answer changes nothing but renews what is expected. */
static const struct row repeated[] = {
	{'c', REQ, NULL, 0, NULL},
	{'s', REP "CONNECT DATA 50001 MESG 50002\n", "c>s tcp 50001, c>s tcp 50002", 0, NULL},
	{'s', REP "CONNECT DATA 50001 MESG 50002\n",
		"-tcp 50001, c>s tcp 50001, -tcp 50002, c>s tcp 50002", 0, NULL},
	{0},
};

static const struct row state_and_zero[] = {
	{'c', REQ, NULL, 0, NULL},
	{'s', REP "OPTIONS ;\nCONNECT STATE 50009 INDEX 0 OTHER 50010 DATA 50011\n",
		"c>s tcp 50009, c>s tcp 50011", 0, NULL},
	{0},
};

/* The question may be answered minutes later: the connection is kept, and the class's time is three minutes. */
static const struct row late[] = {
	{'c', REQ, NULL, 0, NULL},
	{'s', "Amanda 2.6 ACK HANDLE 000-008 SEQ 17\n", NULL, 0, NULL},
	{'w', "290000", NULL, 0, NULL},
	{'s', REP "CONNECT DATA 50001\n", "c>s tcp 50001", 0, NULL},
	{'w', "179000", "", 0, NULL},
	{'w', "2000", "-tcp 50001", 0, NULL},
	{0},
};

static const struct row nothing[] = {
	{'c', REQ "CONNECT DATA 50001\n", NULL, 0, NULL},
	{'s', REP "SAY CONNECT DATA 50001\n", NULL, 0, NULL},
	{'s', "CONNECT DATA 50001\n", NULL, 0, NULL},
	{'s', REP "CONNECT DATA 500011\n", NULL, 0, NULL},
	{'s', REP "CONNECT DATA x MESG 50001\n", NULL, 0, NULL},
	{'s', REP "CONNECT\n", NULL, 0, NULL},
	{'s', REP "CONNECT DATA 22\n", NULL, SL_WHY_HELPER_PORT, NULL},
	{'s', "{x0000ff}CONNECT DATA 50001\n", NULL, 0, NULL},
	{0},
};

static void amanda(void **state)
{
	static const struct dialogue all[] = {
		{.name = "three streams", .helper = "amanda", .rows = three_streams, .proto = SL_PROTO_UDP},
		{.name = "repeated", .helper = "amanda", .rows = repeated, .proto = SL_PROTO_UDP},
		{.name = "state and zero", .helper = "amanda", .rows = state_and_zero, .proto = SL_PROTO_UDP},
		{.name = "late", .helper = "amanda", .rows = late, .proto = SL_PROTO_UDP},
		{.name = "nothing", .helper = "amanda", .rows = nothing, .proto = SL_PROTO_UDP},
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(amanda)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
