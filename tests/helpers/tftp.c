/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TFTP: a request opens the way for the answer from the server's new port, and nothing else does.
 * Tests: helpers/tftp.c
 */
#include "tests/helpers/dialogue.h"

/* clang-format off */
#define NUL "{x00}"
#define SAYS(said, expects_) \
	{.name = said, .helper = "tftp", .proto = SL_PROTO_UDP, .server_port = 69, \
	 .rows = (const struct row[]){{'c', NUL said, expects_, 0, NULL, 0}, {0}}}

#define READ  "\1name" NUL "octet" NUL
#define WRITE "\2name" NUL "octet" NUL

static const struct dialogue messages[] = {
	SAYS(READ, "s>c udp 40000"),
	SAYS(WRITE, "s>c udp 40000"),
	SAYS("\1a name with spaces" NUL "NETASCII" NUL "blksize" NUL "1428" NUL "tsize" NUL "0" NUL, "s>c udp 40000"),
	SAYS("\1n" NUL "mail" NUL NUL NUL, "s>c udp 40000"),
	SAYS("\1name" NUL "octet", NULL), /* not ended */
	SAYS("\1name" NUL NUL, NULL),	  /* no mode */
	SAYS("\1" NUL "octet" NUL, NULL), /* no name */
	SAYS("\3" NUL "\1data", NULL),
	SAYS("\4" NUL "\1", NULL),
	SAYS("\5" NUL "\1message" NUL, NULL),
	SAYS("\6blksize" NUL "1428" NUL, NULL),
	SAYS("", NULL),
	{.name = "another byte order", .helper = "tftp", .proto = SL_PROTO_UDP, .server_port = 69,
	 .rows = (const struct row[]){{'c', "\1" NUL "name" NUL "octet" NUL, NULL, 0, NULL, 0}, {0}}},
};

/* A request sent again, or another one, replaces the first: one way is open. */
static const struct dialogue several = {.name = "several requests", .helper = "tftp", .proto = SL_PROTO_UDP, .server_port = 69,
	.rows = (const struct row[]){
		{'c', NUL READ, "s>c udp 40000", 0, NULL, 0},
		{'c', NUL WRITE, "-udp 40000, s>c udp 40000", 0, NULL, 0},
		{0}}};
static const struct dialogue unanswered = {.name = "no answer", .helper = "tftp", .proto = SL_PROTO_UDP, .server_port = 69,
	.rows = (const struct row[]){
		{'c', NUL READ, "s>c udp 40000", 0, NULL, 0},
		{'c', NUL WRITE, "-udp 40000, s>c udp 40000", 0, NULL, 0},
		/* the connection ends, and what it expected */
		{'w', "31000", "-udp 40000", 0, NULL, 0},
		{0}}};
/* Some clients send from a low port. */
static const struct dialogue low_port = {.name = "a low port", .helper = "tftp", .proto = SL_PROTO_UDP, .server_port = 69,
	.client_port = 69, .rows = (const struct row[]){{'c', NUL READ, "s>c udp 69", 0, NULL, 0}, {0}}};
/* clang-format on */

static void each_message(void **state)
{
	(void)state;
	dialogues_play(messages, sizeof(messages) / sizeof(messages[0]));
}

static void requests_follow_each_other(void **state)
{
	(void)state;
	dialogue_play(&several);
	dialogue_play(&unanswered);
}

static void a_low_port_is_fine(void **state)
{
	(void)state;
	dialogue_play(&low_port);
}

static const struct scene scenes[2] = {
        {.helper = "tftp", .proto = SL_PROTO_UDP, .server_port = 69, .family = SL_IPV4},
        {.helper = "tftp", .proto = SL_PROTO_UDP, .server_port = 69, .family = SL_IPV6},
};

static void request(struct world *w)
{
	static const char read[] = "\0\1name\0octet";

	world_must(w, SL_REPLY, read, sizeof(read));
	send_message(w, SL_ORIGINAL, read, sizeof(read));
	assert_int_equal(w->expects, 1);
}

/* DATA from another port of the server reaches the client's own port, and the ACK goes back. */
static void the_answer_comes_from_another_port(void **state)
{
	static struct world w;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct sl_tuple back;

		world_init(&w, &scenes[i & 1], 1u << i / 2);
		request(&w);
		send_expected(&w, &w.expect[0].info, 3000);
		assert_true(w.left);
		assert_int_equal(w.state, SL_CT_RELATED);
		assert_true(sl_addr_eq(&w.arrived.dst, &w.end[0].addr));
		assert_int_equal(w.arrived.dport, 40000);
		assert_true(sl_addr_eq(&w.arrived.src, &w.end[0].to));
		assert_int_equal(w.arrived.sport, 3000);
		back = w.arrived;
		back.src = w.arrived.dst;
		back.dst = w.arrived.src;
		back.sport = 40000;
		back.dport = 3000;
		send_tuple(&w, &back, "\0\4\0\1", 4);
		assert_int_equal(w.state, SL_CT_ESTABLISHED);
		assert_true(sl_addr_eq(&w.arrived.dst, &w.end[1].addr));
		assert_true(sl_addr_eq(&w.arrived.src, &w.end[1].to));
		assert_int_equal(expects_alive(&w), 0);
		world_fini(&w);
	}
}

static void another_host_does_not_get_in(void **state)
{
	static struct world w;
	struct sl_expect_info other;

	(void)state;
	world_init(&w, &scenes[0], NAT_SRC);
	request(&w);
	other = w.expect[0].info;
	other.tuple.src.b[15]++;
	send_expected(&w, &other, 3000);
	assert_int_not_equal(w.state, SL_CT_RELATED);
	assert_int_equal(expects_alive(&w), 1);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_message),
	        cmocka_unit_test(the_answer_comes_from_another_port),
	        cmocka_unit_test(another_host_does_not_get_in),
	        cmocka_unit_test(requests_follow_each_other),
	        cmocka_unit_test(a_low_port_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
