/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * talk's requests and answers.
 * Tests: helpers/talk.c
 */
#include "tests/helpers/dialogue.h"

/* clang-format off */
#define NO_ADDR "{x00000000000000000000000000000000}"
#define ADDR(host, port) "{x0002" port "}{=" host "}{x0000000000000000}"
/* version, type, answer, a byte, id; 40000 is where the client sends from */
#define REQUEST_TO(type, addr, ctl) "{x01" type "000000000007}" addr ctl \
	"{x00000428}alice{x00000000000000}bob{x000000000000000000}{x00000000000000000000000000000000}"
#define REQUEST(type) REQUEST_TO(type, ADDR("c", "d1d3"), ADDR("c", "9c40"))
#define ANSWER(type, failed, addr) "{x01" type failed "0000000007}" addr

static const struct row called[] = {
	{'c', REQUEST("01"), NULL, 0, NULL, 0},
	{'s', ANSWER("01", "01", NO_ADDR), NULL, 0, NULL, 0},
	{'c', REQUEST("03"), "s>c udp 518 #1", 0, NULL, 0},
	{'s', ANSWER("03", "00", NO_ADDR), NULL, 0, NULL, 0},
	/* announced again */
	{'c', REQUEST("03"), "-udp 518, s>c udp 518 #1", 0, NULL, 0},
	{'c', REQUEST("02"), NULL, 0, NULL, 0},
	{0},
};
static const struct row found[] = {
	{'c', REQUEST("01"), NULL, 0, NULL, 0},
	{'s', ANSWER("01", "00", ADDR("s", "d1d3")), "c>s tcp 53715", 0, NULL, 0},
	{0},
};
static const struct row nothing[] = {
	{'c', REQUEST("00"), NULL, 0, NULL, 0},
	/* nobody asked */
	{'s', ANSWER("01", "00", ADDR("t", "d1d3")), NULL, 0, NULL, 0},
	{'c', REQUEST_TO("01", ADDR("t", "d1d3"), NO_ADDR), NULL, 0, NULL, 0},
	/* another's address, an error, another type, another version, another length */
	{'s', ANSWER("01", "00", ADDR("t", "d1d3")), NULL, SL_WHY_HELPER_ADDRESS, NULL, 0},
	{'s', ANSWER("01", "00", NO_ADDR), NULL, 0, NULL, 0},
	{'s', ANSWER("01", "02", ADDR("t", "d1d3")), NULL, 0, NULL, 0},
	{'s', ANSWER("03", "00", ADDR("t", "d1d3")), NULL, 0, NULL, 0},
	{'s', "{x00010000}{x00000007}" ADDR("t", "d1d3"), NULL, 0, NULL, 0},
	{'s', ANSWER("01", "00", ADDR("t", "d1d3")) "x", NULL, 0, NULL, 0},
	{'c', REQUEST_TO("04", ADDR("t", "d1d3"), NO_ADDR), NULL, 0, NULL, 0},
	{'c', REQUEST_TO("03", ADDR("t", "d1d3"), NO_ADDR) "x", NULL, 0, NULL, 0},
	{0},
};

static const struct row low_port[] = {
	{'c', REQUEST("01"), NULL, 0, NULL, 0},
	{'s', ANSWER("01", "00", ADDR("s", "0016")), NULL, SL_WHY_HELPER_PORT, NULL, 0},
	{0},
};

static void dialogues(void **state)
{
	static const struct dialogue all[] = {
		{.name = "called", .helper = "talk", .rows = called, .proto = SL_PROTO_UDP, .families = 4},
		{.name = "found", .helper = "talk", .rows = found, .proto = SL_PROTO_UDP, .families = 4},
		{.name = "nothing", .helper = "talk", .rows = nothing, .proto = SL_PROTO_UDP, .families = 4},
		{.name = "low port", .helper = "talk", .rows = low_port, .proto = SL_PROTO_UDP, .families = 4, .nats = NAT_NONE | NAT_SRC},
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
