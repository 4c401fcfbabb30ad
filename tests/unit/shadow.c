/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shadows of expectations: who meets one, how long, how often, and how many there are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "track_lib.h"

enum { SECONDS = 10 };

static struct sl_conn *master_of(struct track_world *w, uint16_t port)
{
	struct sl_tuple t = host_tuple(SL_PROTO_TCP, 2, port, 9, 21);

	return conn_of(w, &t);
}

/* 10.0.0.2, any port, to 192.0.2.9:dport would be expected by Linux. */
static void cast(struct track_world *w, const struct sl_conn *master, uint16_t dport)
{
	struct sl_tuple t = host_tuple(SL_PROTO_TCP, 2, 0, 9, dport);

	sl__expect_shadow(&w->t, master, &t, SL_BEYOND_REFUSED, SECONDS * 1000);
}

static enum sl_beyond met(struct track_world *w, uint16_t dport)
{
	struct sl_tuple t = host_tuple(SL_PROTO_TCP, 2, 4000, 9, dport);

	return sl__expect_shadow_met(&w->t, &t, 0);
}

static enum sl_beyond answered(struct track_world *w, uint16_t dport)
{
	struct sl_tuple t = host_tuple(SL_PROTO_TCP, 2, 4000, 9, dport), back;

	assert_true(sl__tuple_invert(&t, &back));
	return sl__expect_shadow_answered(&w->t, &back, 0);
}

static void met_once(void **unused)
{
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	assert_int_equal(met(&w, 2000), SL_BEYOND_NONE);
	cast(&w, master_of(&w, 4000), 2000);
	assert_int_equal(met(&w, 2001), SL_BEYOND_NONE);
	assert_int_equal(answered(&w, 2000), SL_BEYOND_REFUSED);
	assert_int_equal(answered(&w, 2000), SL_BEYOND_REFUSED); /* answers do not use it up */
	assert_int_equal(met(&w, 2000), SL_BEYOND_REFUSED);
	assert_int_equal(met(&w, 2000), SL_BEYOND_NONE);
	assert_int_equal(answered(&w, 2000), SL_BEYOND_NONE);
	track_end(&w);
}

static void elsewhere(void **unused)
{
	struct sl_tuple zoned = host_tuple(SL_PROTO_TCP, 2, 4000, 9, 2000);
	struct sl_tuple udp = host_tuple(SL_PROTO_UDP, 2, 4000, 9, 2000);
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	cast(&w, master_of(&w, 4000), 2000);
	assert_int_equal(sl__expect_shadow_met(&w.t, &zoned, 1), SL_BEYOND_NONE);
	assert_int_equal(sl__expect_shadow_met(&w.t, &udp, 0), SL_BEYOND_NONE);
	assert_int_equal(met(&w, 2000), SL_BEYOND_REFUSED);
	track_end(&w);
}

static void as_long_as_it_lives(void **unused)
{
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	cast(&w, master_of(&w, 4000), 2000);
	w.t.now_ms += SECONDS * 1000 - 1;
	assert_int_equal(answered(&w, 2000), SL_BEYOND_REFUSED);
	w.t.now_ms += 1;
	assert_int_equal(answered(&w, 2000), SL_BEYOND_NONE);
	assert_int_equal(met(&w, 2000), SL_BEYOND_NONE);
	track_end(&w);
}

/* Another expectation of the same master takes their place; others' stay. */
static void replaced(void **unused)
{
	struct sl_conn *one, *other;
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	one = master_of(&w, 4000);
	other = master_of(&w, 4001);
	cast(&w, one, 2000);
	cast(&w, other, 2001);
	assert_int_equal(sl__expect_shadow_replace(&w.t, one), SL_BEYOND_REFUSED);
	assert_int_equal(sl__expect_shadow_replace(&w.t, one), SL_BEYOND_NONE);
	assert_int_equal(met(&w, 2000), SL_BEYOND_NONE);
	assert_int_equal(met(&w, 2001), SL_BEYOND_REFUSED);
	track_end(&w);
}

static void the_oldest_goes(void **unused)
{
	struct sl_conn *master;
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	master = master_of(&w, 4000);
	for (uint16_t i = 0; i <= SL_SHADOWS; i++)
		cast(&w, master, (uint16_t)(2000 + i));
	assert_int_equal(met(&w, 2000), SL_BEYOND_NONE);
	for (uint16_t i = 1; i <= SL_SHADOWS; i++)
		assert_int_equal(met(&w, (uint16_t)(2000 + i)), SL_BEYOND_REFUSED);
	track_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(met_once),
	        cmocka_unit_test(elsewhere),
	        cmocka_unit_test(as_long_as_it_lives),
	        cmocka_unit_test(replaced),
	        cmocka_unit_test(the_oldest_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
