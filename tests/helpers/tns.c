/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TNS redirects, cut at each byte.
 * Tests: helpers/tns.c
 */
#include "tests/helpers/dialogue.h"

/* clang-format off */
#define PACKET(type, body) "{<t}{x0000}{x" type "00}{x0000}" body "{>}"
#define CONNECT PACKET("01", "{x0138012c0000}(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=db)(CID=(PROGRAM=p)(HOST=pc)(USER=u))))")
#define REDIRECT(text) PACKET("05", "{<2}" text "{>}")
#define ACCEPT PACKET("02", "{x0138}")

static const struct row redirected[] = {
	{'c', CONNECT, NULL, 0, NULL, 0},
	{'s', PACKET("0b", ""), NULL, 0, NULL, 0}, /* RESEND */
	{'c', CONNECT, NULL, 0, NULL, 0},
	{'s', REDIRECT("(ADDRESS=(PROTOCOL=tcp)(HOST={s})(PORT=40001))"), "c>s tcp 40001", 0, NULL, 0},
	{0},
};
static const struct row spellings[] = {
	{'c', CONNECT, NULL, 0, NULL, 0},
	{'s', REDIRECT("(description=(address_list=(address=( Port = 40001 )(host= {s} )(protocol=TCPS))))"
		"{x00}(DESCRIPTION=(CONNECT_DATA=(CID=(HOST=pc)(PORT=9))))"), "c>s tcp 40001", 0, NULL, 0},
	/* the next takes its place */
	{'s', REDIRECT("(ADDRESS=(PROTOCOL=tcp)(HOST={s})(PORT=40002))"), "-tcp 40001, c>s tcp 40002", 0, NULL, 0},
	{0},
};
#define PASSES(text) {'s', REDIRECT(text), NULL, SL_WHY_HELPER_UNKNOWN, NULL, 0}
static const struct row nothing[] = {
	{'c', CONNECT, NULL, 0, NULL, 0},
	PASSES("(ADDRESS=(PROTOCOL=tcp)(HOST=db.example)(PORT=40001))"),
	PASSES("(ADDRESS=(PROTOCOL=ipc)(HOST={t})(PORT=40001))"),
	PASSES("(ADDRESS=(PROTOCOL=tcp)(HOSTNAME={t})(PORT=40001))"),
	PASSES("(ADDRESS=(PROTOCOL=tcp)(HOST={t})(PORT=65536))"),
	PASSES("(ADDRESS=(PROTOCOL=tcp)(HOST={t})(PORT=0))"),
	PASSES("(ADDRESS=(PROTOCOL=tcp)(HOST={t})(PORT=4x))"),
	PASSES("(ADDRESS=(PROTOCOL=tcp)(HOST={t})(PORT=40001"),
	PASSES("(PROTOCOL=tcp)(HOST={t})(PORT=40001)"),
	PASSES("{x00}(ADDRESS=(PROTOCOL=tcp)(HOST={t})(PORT=40001))"),
	PASSES(""),
	/* the text is shorter, or longer, than is said */
	{'s', PACKET("05", "{x0008}(ADDRESS=(PROTOCOL=tcp)(HOST={t})(PORT=40001))"), NULL, SL_WHY_HELPER_UNKNOWN, NULL, 0},
	{'s', PACKET("05", "{x0800}(ADDRESS=(PROTOCOL=tcp)(HOST={t})(PORT=40001))"), NULL, SL_WHY_HELPER_UNKNOWN, NULL, 0},
	/* another host, a port that is not anybody's */
	{'s', REDIRECT("(ADDRESS=(PROTOCOL=tcp)(HOST={t})(PORT=40001))"), NULL, SL_WHY_HELPER_ADDRESS, NULL, 0},
	{'s', REDIRECT("(ADDRESS=(PROTOCOL=tcp)(HOST={t})(PORT=22))"), NULL, SL_WHY_HELPER_ADDRESS, NULL, 0},
	/* the client redirects nobody; after ACCEPT nothing is read */
	{'c', REDIRECT("(ADDRESS=(PROTOCOL=tcp)(HOST={t})(PORT=40001))"), NULL, 0, NULL, 0},
	{'s', ACCEPT, NULL, 0, NULL, 0},
	{'s', REDIRECT("(ADDRESS=(PROTOCOL=tcp)(HOST={t})(PORT=40001))"), NULL, 0, NULL, 0},
	{0},
};

static void dialogues(void **state)
{
	static const struct dialogue all[] = {
		{.name = "redirected", .helper = "tns", .rows = redirected, .proto = SL_PROTO_TCP},
		{.name = "spellings", .helper = "tns", .rows = spellings, .proto = SL_PROTO_TCP},
		{.name = "nothing", .helper = "tns", .rows = nothing, .proto = SL_PROTO_TCP},
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(dialogues)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
