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

static bool to_anybody(struct world *w, const struct sl_packet *p)
{
	(void)w, (void)p;
	return true;
}

/* A client asks two servers behind one address, which name the same ports: the second one's are others outside. */
static void the_same_ports_behind_one_address(void **state)
{
	static const struct scene scene = {.helper = "amanda", .proto = SL_PROTO_UDP, .family = SL_IPV4};
	static struct world w;

	(void)state;
	world_init(&w, &scene, NAT_IN);
	w.on_leave = to_anybody;
	send_text(&w, SL_ORIGINAL, REQ);
	send_text(&w, SL_REPLY, REP "CONNECT DATA 50001 MESG 50002 INDEX 0\n");
	w.end[1].addr.b[15]++;
	w.end[0].port = w.end[1].to_port = 40001;
	send_text(&w, SL_ORIGINAL, REQ);
	assert_true(sl_addr_eq(&w.arrived.dst, &w.end[1].addr));
	send_text(&w, SL_REPLY, REP "CONNECT DATA 50001 MESG 50002 INDEX 0\n");
	w.payload[w.payload_len] = 0;
	assert_string_equal((const char *)w.payload, REP "CONNECT DATA 50003 MESG 50004 INDEX 0\n");
	assert_int_equal(expects_alive(&w), 4);
	send_expected(&w, &w.expect[2].info, 0);
	assert_true(sl_addr_eq(&w.arrived.dst, &w.end[1].addr));
	assert_int_equal(w.arrived.dport, 50001);
	world_fini(&w);
}
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(amanda),
	        cmocka_unit_test(the_same_ports_behind_one_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
