/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SANE's requests and answers, each cut at each byte.
 * Tests: helpers/sane.c
 */
#include "tests/helpers/dialogue.h"

/* clang-format off */
#define INIT    "{x00000000}{x01000003}{x00000004}bob{x00}"
#define INIT_OK "{x00000000}{x01000003}"
#define OPEN    "{x00000002}{x00000007}test:0{x00}"
#define OPEN_OK "{x00000000}{x00000001}{x00000001}{x00}"
#define START   "{x00000007}{x00000001}"
#define NO_RESOURCE "{x00000001}{x00}"
#define PORT_50000  "{x0000c350}{x00001234}"

/* All requests that exist before START, so that each is framed. */
static const struct row a_scan[] = {
	{'c', INIT, NULL, 0, NULL},
	{'s', INIT_OK, NULL, 0, NULL},
	{'c', "{x00000001}", NULL, 0, NULL},
	{'s', "{x00000000}{x00000002}{x00000000}some words of an answer", NULL, 0, NULL},
	{'c', OPEN, NULL, 0, NULL},
	{'s', OPEN_OK, NULL, 0, NULL},
	{'c', "{x00000004}{x00000001}", NULL, 0, NULL},
	{'s', "{x00000001}lots of descriptors", NULL, 0, NULL},
	/* set, of a string; get, of two words; set automatically; a button */
	{'c', "{x00000005}{x00000001}{x00000002}{x00000001}{x00000003}{x00000005}{x00000005}Gray{x00}", NULL, 0, NULL},
	{'s', "{x00000000}{x00000000}", NULL, 0, NULL},
	{'c', "{x00000005}{x00000001}{x00000002}{x00000000}{x00000001}{x00000008}{x00000002}{x0000000700000007}", NULL, 0, NULL},
	{'s', "{x00000000}{x00000000}", NULL, 0, NULL},
	{'c', "{x00000005}{x00000001}{x00000002}{x00000002}", NULL, 0, NULL},
	{'s', "{x00000000}{x00000000}", NULL, 0, NULL},
	{'c', "{x00000005}{x00000001}{x00000002}{x00000001}{x00000004}{x00000000}", NULL, 0, NULL},
	{'s', "{x00000000}{x00000000}", NULL, 0, NULL},
	{'c', "{x00000006}{x00000001}", NULL, 0, NULL},
	{'s', "{x00000000}{x00000000}", NULL, 0, NULL},
	{'c', START, NULL, 0, NULL},
	{'s', "{x00000000}" PORT_50000 NO_RESOURCE, "c>s tcp 50000", 0, NULL},
	{'c', "{x00000008}{x00000001}", NULL, 0, NULL},
	{'s', "{x00000000}", NULL, 0, NULL},
	{'c', "{x00000003}{x00000001}", NULL, 0, NULL},
	{'s', "{x00000000}", NULL, 0, NULL},
	{'c', "{x0000000a}", NULL, 0, NULL},
	{0},
};

static const struct row authorized[] = {
	{'c', START, NULL, 0, NULL},
	{'s', "{x00000000}{x00000000}{x00001234}{x00000005}test{x00}", NULL, 0, NULL},
	{'c', "{x00000009}{x00000005}test{x00}{x00000004}bob{x00}{x00000003}pw{x00}", NULL, 0, NULL},
	{'s', "{x00000000}", NULL, 0, NULL},
	{'s', "{x00000000}" PORT_50000 NO_RESOURCE, "c>s tcp 50000", 0, NULL},
	{0},
};

static const struct row refused[] = {
	/* a bad status, a port of more than 16 bits, a byte order that does not exist, port 0 and 80 */
	{'c', START, NULL, 0, NULL},
	{'s', "{x00000003}" PORT_50000 NO_RESOURCE, NULL, 0, NULL},
	{'c', START, NULL, 0, NULL},
	{'s', "{x00000000}{x0001c350}{x00001234}" NO_RESOURCE, NULL, 0, NULL},
	{'c', START, NULL, 0, NULL},
	{'s', "{x00000000}{x0000c350}{x00000000}" NO_RESOURCE, NULL, 0, NULL},
	{'c', START, NULL, 0, NULL},
	{'s', "{x00000000}{x00000000}{x00001234}" NO_RESOURCE, NULL, 0, NULL},
	{'c', START, NULL, 0, NULL},
	{'s', "{x00000000}{x00000050}{x00001234}" NO_RESOURCE, NULL, SL_WHY_HELPER_PORT, NULL},
	/* nobody asked to start */
	{'c', "{x00000006}{x00000001}", NULL, 0, NULL},
	{'s', "{x00000000}" PORT_50000 NO_RESOURCE, NULL, 0, NULL},
	/* a question before the last answer: whose answer is the next? */
	{'c', "{x00000006}{x00000001}", NULL, 0, NULL},
	{'c', START, NULL, SL_WHY_HELPER_UNASKED, NULL},
	{'s', "{x00000000}" PORT_50000 NO_RESOURCE, NULL, 0, NULL},
	/* what is no request ends the reading */
	{'c', "{x00000063}", NULL, 0, NULL},
	{'c', START, NULL, 0, NULL},
	{'s', "{x00000000}" PORT_50000 NO_RESOURCE, NULL, 0, NULL},
	{0},
};

static void sane(void **state)
{
	static const struct dialogue all[] = {
		{.name = "a scan", .helper = "sane", .rows = a_scan, .proto = SL_PROTO_TCP},
		{.name = "authorized", .helper = "sane", .rows = authorized, .proto = SL_PROTO_TCP},
		{.name = "refused", .helper = "sane", .rows = refused, .proto = SL_PROTO_TCP},
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(sane)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
