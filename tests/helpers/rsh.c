/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The remote shell: the port of standard error, cut at each byte, and privileged ports.
 * Tests: helpers/rsh.c
 */
#include "tests/helpers/dialogue.h"

#include <string.h>

/* clang-format off */
#define NUL "{x00}"
#define WHO "alice" NUL "bob" NUL "ls -l" NUL
#define RSH(title, rows_) {.name = title, .helper = "rsh", .rows = rows_, .proto = SL_PROTO_TCP, .client_port = 1023, .no_meeting = true}

static const struct row privileged[] = {
	{'c', "1022" NUL, "s>c tcp 1022", 0, NULL, 0},
	{'c', WHO, NULL, 0, NULL, 0},
	{'s', NUL "total 0\n", NULL, 0, NULL, 0},
	/* nothing after it is read */
	{'c', "1021" NUL, NULL, 0, NULL, 0},
	{0},
};
static const struct row together[] = {
	{'c', "1022" NUL WHO, "s>c tcp 1022", 0, NULL, 0},
	{'s', NUL, NULL, 0, NULL, 0},
	{0},
};
/* rexec */
static const struct row of_a_user[] = {
	{'c', "40001" NUL, "s>c tcp 40001", 0, NULL, 0},
	{'c', "alice" NUL "password" NUL "ls" NUL, NULL, 0, NULL, 0},
	{0},
};
static const struct row lowest[] = {{'c', "512" NUL, "s>c tcp 512", 0, NULL, 0}, {0}};

#define SAYS(said, why) {.name = said, .helper = "rsh", .proto = SL_PROTO_TCP, \
	.rows = (const struct row[]){{'c', said, NULL, why, NULL, 0}, {'c', "1022" NUL, NULL, 0, NULL, 0}, {0}}}

static const struct dialogue all[] = {
		RSH("privileged", privileged),
		RSH("together", together),
		RSH("lowest", lowest),
		{.name = "of a user", .helper = "rsh", .rows = of_a_user, .proto = SL_PROTO_TCP, .server_port = 512},
		SAYS("511" NUL, SL_WHY_HELPER_PORT),
		SAYS("22" NUL, SL_WHY_HELPER_PORT),
		SAYS("0" NUL, 0),
		SAYS(NUL, 0),
		SAYS("65536" NUL, 0),
		SAYS("123456" NUL, 0),
		SAYS("-1022" NUL, 0),
		SAYS("1022x" NUL, 0),
		SAYS("<13>a line of syslog\n", 0),
	};
static const struct dialogue none = {.name = "no low ports", .helper = "rsh", .proto = SL_PROTO_TCP,
		.set = {"rsh_low_ports=0"},
		.rows = (const struct row[]){{'c', "1022" NUL, NULL, SL_WHY_HELPER_PORT, NULL, 0}, {0}}};

static void dialogues(void **state)
{
	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
	dialogue_play(&none);
}
/* clang-format on */

static const struct scene scene = {
        .helper = "rsh", .proto = SL_PROTO_TCP, .family = SL_IPV4, .client_port = 1023};

/* Only a privileged port may come to a privileged one, and once. */
static void who_may_come(void **state)
{
	static struct world w;

	(void)state;
	for (unsigned nat = NAT_NONE; nat <= NAT_IN; nat *= 2) {
		world_init(&w, &scene, nat);
		world_anything(&w);
		send_message(&w, SL_ORIGINAL, "1022\0", 5);
		assert_int_equal(expects_alive(&w), 1);
		send_expected(&w, &w.expect[0].info, 1021);
		assert_true(w.left);
		assert_true(sl_addr_eq(&w.arrived.dst, &w.end[0].addr));
		assert_int_equal(w.arrived.dport, 1022);
		assert_true(w.arrived.sport >= 512 && w.arrived.sport < 1024);
		assert_int_equal(expects_alive(&w), 0);
		world_fini(&w);

		for (unsigned i = 0; i < 2; i++) {
			world_init(&w, &scene, nat);
			world_anything(&w);
			send_message(&w, SL_ORIGINAL, "1022\0", 5);
			send_expected(&w, &w.expect[0].info, i ? 1024 : 511);
			assert_false(w.left);
			assert_int_equal(w.reason, SL_WHY_HELPER_PORT);
			world_fini(&w);
		}
	}
}

/* Two clients behind one address announce the same port: the second is told another, of its kind. */
static void ports_stay_privileged(void **state)
{
	static const struct {
		const char *written, *seen;
		uint16_t port;
	} rows[] = {{"900", "901", 901}, {"1023", "512", 512}, {"5000", "5001", 5001}};
	static struct world w;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_init(&w, &scene, NAT_SRC);
		world_anything(&w);
		send_message(&w, SL_ORIGINAL, rows[i].written, strlen(rows[i].written) + 1);
		world_second_client(&w);
		world_must(&w, SL_REPLY, rows[i].seen, strlen(rows[i].seen) + 1);
		send_message(&w, SL_ORIGINAL, rows[i].written, strlen(rows[i].written) + 1);
		assert_int_equal(expects_alive(&w), 2);
		assert_int_equal(w.expect[1].info.tuple.dport, rows[i].port);
		send_expected(&w, &w.expect[1].info, 700);
		assert_true(sl_addr_eq(&w.arrived.dst, &w.end[0].addr));
		assert_int_equal(w.arrived.dport, w.expect[1].info.nat.sport);
		world_fini(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(dialogues),
	        cmocka_unit_test(who_may_come),
	        cmocka_unit_test(ports_stay_privileged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
