/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where live related connections arrive: who stands in a new expectation's way there, and who does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "track/tcp.h"
#include "track_lib.h"

enum { SERVER = 9, PUBLIC = 1, INSIDE = 3, OTHER = 4, PORT = 5000, SERVER_PORT = 20 };

/* From the server, any port, to the public port; it leads to that host's port 5000. */
static struct sl_expect_want want_of(uint8_t inside, uint16_t port)
{
	struct sl_expect_want want = {.tuple = host_tuple(SL_PROTO_TCP, SERVER, 0, PUBLIC, port)};

	memset(want.mask.src.b, 0xff, 16);
	memset(want.mask.dst.b, 0xff, 16);
	want.mask.dport = 0xffff;
	want.mask.proto = 0xff;
	want.more.has_nat = true;
	want.more.saved_port = PORT;
	want.more.saved_addr = host_tuple(SL_PROTO_TCP, inside, 0, 1, 0).src;
	return want;
}

/* A live related connection, translated at its destination or (from inside) at its source. */
static struct sl_conn *related(struct track_world *w, enum sl_dir opened_by, unsigned status)
{
	struct sl_tuple outside = host_tuple(SL_PROTO_TCP, SERVER, SERVER_PORT, PUBLIC, PORT),
	                inside = host_tuple(SL_PROTO_TCP, INSIDE, PORT, SERVER, SERVER_PORT);
	enum sl_reason why = SL_WHY_NONE;
	struct sl_conn *conn =
	        sl__conn_new(&w->t, opened_by == SL_ORIGINAL ? &outside : &inside, 0, 3, &why);

	assert_non_null(conn);
	assert_non_null(sl__conn_ext(&w->t, conn));
	sl__conn_set_tuple(conn, SL_REPLY, opened_by == SL_ORIGINAL ? &inside : &outside);
	conn->deadline = w->t.now_ms + 10000;
	sl__conn_set_status(conn, status);
	assert_int_equal(sl__conn_confirm(&w->t, conn), SL_WHY_NONE);
	assert_null(sl__track_check(&w->t));
	return conn;
}

static bool in_the_way(struct track_world *w, const struct sl_expect_want *want)
{
	return sl__arrives_elsewhere(&w->t, 0, want);
}

static void test_destination(void **state)
{
	struct sl_expect_want own = want_of(INSIDE, PORT), others = want_of(OTHER, PORT),
	                      next = want_of(OTHER, PORT + 1);
	struct track_world w;
	struct sl_conn *conn;

	(void)state;
	track_begin(&w, &(struct track_options){0});
	assert_false(in_the_way(&w, &others));
	conn = related(&w, SL_ORIGINAL, SL_EXPECTED | SL_DST_NAT);
	assert_true(in_the_way(&w, &others));
	assert_false(in_the_way(&w, &own));
	assert_false(in_the_way(&w, &next));
	assert_false(sl__arrives_elsewhere(&w.t, 5, &others));
	others.tuple.src = host_tuple(SL_PROTO_TCP, SERVER + 1, 0, 1, 0).src; /* invites another */
	assert_false(in_the_way(&w, &others));
	memset(others.mask.src.b, 0, 16); /* invites anybody */
	assert_true(in_the_way(&w, &others));
	others.mask.sport = 0xffff; /* from one port only */
	others.tuple.sport = SERVER_PORT + 1;
	assert_false(in_the_way(&w, &others));
	others.tuple.sport = SERVER_PORT;
	assert_true(in_the_way(&w, &others));
	conn->state = SL_TCP_TIME_WAIT;
	assert_false(in_the_way(&w, &others));
	conn->state = SL_TCP_ESTABLISHED;
	assert_true(in_the_way(&w, &others));
	sl__conn_kill(&w.t, conn, SL_WHY_FLUSHED);
	assert_false(in_the_way(&w, &others));
	track_end(&w);
}

/* Opened from inside: its answers arrive at the public port. */
static void test_source(void **state)
{
	struct sl_expect_want own = want_of(INSIDE, PORT), others = want_of(OTHER, PORT);
	struct track_world w;

	(void)state;
	track_begin(&w, &(struct track_options){0});
	related(&w, SL_REPLY, SL_EXPECTED | SL_SRC_NAT);
	assert_true(in_the_way(&w, &others));
	assert_false(in_the_way(&w, &own));
	track_end(&w);
}

/* What was not expected, or not translated, keeps no port. */
static void test_strangers(void **state)
{
	static const unsigned statuses[] = {SL_DST_NAT, SL_EXPECTED};
	struct sl_expect_want others = want_of(OTHER, PORT);

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct track_world w;

		track_begin(&w, &(struct track_options){0});
		related(&w, SL_ORIGINAL, statuses[i]);
		assert_false(in_the_way(&w, &others));
		track_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_destination),
	        cmocka_unit_test(test_source),
	        cmocka_unit_test(test_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
