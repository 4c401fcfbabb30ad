/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TFTP: a request opens the way for the answer from the server's new port, and nothing else does.
 */
#include "dialogue.h"

#include <string.h>

static const struct scene scenes[] = {
	{"tftp", SL_PROTO_UDP, SL_IPV4, 69},
	{"tftp", SL_PROTO_UDP, SL_IPV6, 69},
};

#define BYTES(s) .text = s, .len = sizeof(s) - 1

static const struct spoken rows[] = {
	{BYTES("\0\1name\0octet\0"), .expects = 1},
	{BYTES("\0\2name\0octet\0"), .expects = 1},
	{BYTES("\0\1a name with spaces\0NETASCII\0blksize\0" "1428\0tsize\0" "0\0"), .expects = 1},
	{BYTES("\0\1n\0mail\0\0\0"), .expects = 1},
	{BYTES("\0\1name\0octet"), .expects = 0}, /* not ended */
	{BYTES("\0\1name\0\0"), .expects = 0},	  /* no mode */
	{BYTES("\0\1\0octet\0"), .expects = 0},	  /* no name */
	{BYTES("\0\3\0\1data"), .expects = 0},
	{BYTES("\0\4\0\1"), .expects = 0},
	{BYTES("\0\5\0\1message\0"), .expects = 0},
	{BYTES("\0\6blksize\0" "1428\0"), .expects = 0},
	{BYTES("\0"), .expects = 0},
	{BYTES("\1\0name\0octet\0"), .expects = 0},
};

static void each_message(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		check_spoken(&scenes[i], rows, sizeof(rows) / sizeof(rows[0]));
}

static void request(struct world *w)
{
	send_message(w, SL_ORIGINAL, rows[0].text, rows[0].len);
	assert_int_equal(w->expects, 1);
}

/* DATA from another port of the server reaches the client's own port, and the ACK goes back. */
static void the_answer_comes_from_another_port(void **state)
{
	static struct world w;

	(void)state;
	for (unsigned i = 0; i < 2 * NAT_COUNT; i++) {
		struct sl_tuple back;

		world_init(&w, &scenes[i & 1], (enum nat)(i / 2));
		request(&w);
		meet(&w, &w.expect[0], 3000);
		assert_true(w.left);
		assert_int_equal(w.state, SL_CT_RELATED);
		assert_true(sl_addr_eq(&w.arrived.dst, &w.end[0].addr));
		assert_int_equal(w.arrived.dport, 40000);
		assert_true(sl_addr_eq(&w.arrived.src, &w.end[0].to));
		assert_int_equal(w.arrived.sport, 3000);
		back = (struct sl_tuple){.src = w.arrived.dst, .dst = w.arrived.src, .sport = 40000,
			.dport = 3000, .proto = SL_PROTO_UDP, .family = w.family};
		send_tuple(&w, &back, "\0\4\0\1", 4);
		assert_int_equal(w.state, SL_CT_ESTABLISHED);
		assert_true(sl_addr_eq(&w.arrived.dst, &w.end[1].addr));
		assert_true(sl_addr_eq(&w.arrived.src, &w.end[1].to));
		assert_int_equal(expects_alive(&w), 0);
		world_fini(&w, false);
	}
}

static void another_host_does_not_get_in(void **state)
{
	static struct world w;
	struct sl_expect_info other;

	(void)state;
	world_init(&w, &scenes[0], NAT_SRC);
	request(&w);
	other = w.expect[0];
	other.tuple.src.b[15]++;
	meet(&w, &other, 3000);
	assert_int_not_equal(w.state, SL_CT_RELATED);
	assert_int_equal(expects_alive(&w), 1);
	world_fini(&w, false);
}

/* A request sent again, or another one, replaces the first: one way is open. */
static void requests_follow_each_other(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, &scenes[0], NAT_SRC);
	request(&w);
	send_message(&w, SL_ORIGINAL, rows[1].text, rows[1].len);
	assert_int_equal(w.expects, 2);
	assert_int_equal(expects_alive(&w), 1);
	wait_ms(&w, 31 * 1000); /* the unanswered connection ends, and what it expected */
	assert_int_equal(expects_alive(&w), 0);
	world_fini(&w, false);
}

/* Some clients send from a low port. */
static void a_low_port_is_fine(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, &scenes[0], NAT_NONE);
	w.end[0].port = w.end[1].to_port = 69;
	request(&w);
	assert_int_equal(w.expect[0].tuple.dport, 69);
	world_fini(&w, false);
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
