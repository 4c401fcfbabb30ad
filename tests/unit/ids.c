/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ids of conns (src/track/ids.h): where they come from, who has which, and that nobody shares one,
 * whatever is imported and whichever allocation fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/memory.h"
#include "track_lib.h"

/* ---- ids that are given out here ------------------------------------------------------------- */

static void tell_origin_generation_and_place(void **unused)
{
	struct track_world w;
	struct sl_conn *a, *b;

	(void)unused;
	track_begin(&w, &(struct track_options){.origin = 0xabcd});
	a = conn_udp(&w, 1000);
	b = conn_udp(&w, 1001);
	assert_int_equal(sl__conn_id(&w.t, a) >> 48, 0xabcd);
	assert_int_equal((uint32_t)sl__conn_id(&w.t, a), a->self);
	assert_int_equal((uint16_t)(sl__conn_id(&w.t, a) >> 32), a->generation);
	assert_int_equal(b->generation, (uint16_t)(a->generation + 1));
	assert_ptr_equal(sl__conn_of_id(&w.t, sl__conn_id(&w.t, a)), a);
	assert_ptr_equal(sl__conn_of_id(&w.t, sl__conn_id(&w.t, b)), b);
	assert_int_equal(w.t.ids.there, false); /* nothing is stored for these */
	track_end(&w);
}

static void end_with_their_conn(void **unused)
{
	struct track_world w;
	struct sl_conn *a;
	uint64_t id;

	(void)unused;
	track_begin(&w, &(struct track_options){.origin = 0});
	a = conn_udp(&w, 1000);
	id = sl__conn_id(&w.t, a);
	sl__conn_kill(&w.t, a, SL_WHY_FLUSHED);
	assert_null(sl__conn_of_id(&w.t, id));
	a = conn_udp(&w, 1000); /* the same place */
	assert_int_equal((uint32_t)sl__conn_id(&w.t, a), (uint32_t)id);
	assert_int_not_equal(sl__conn_id(&w.t, a), id);
	assert_null(sl__conn_of_id(&w.t, id));
	track_end(&w);
}

/* What is nobody's id, and what a stranger may ask for. */
static void unknown_ones_are_nobodys(void **unused)
{
	struct track_world w;
	uint64_t id;

	(void)unused;
	track_begin(&w, &(struct track_options){.origin = 3});
	id = sl__conn_id(&w.t, conn_udp(&w, 1000));
	for (unsigned bit = 0; bit < 64; bit++)
		assert_null(sl__conn_of_id(&w.t, id ^ 1ull << bit));
	assert_null(sl__conn_of_id(&w.t, 0));
	assert_null(sl__conn_of_id(&w.t, UINT64_MAX));
	track_end(&w);
}

/* Two engines count from different places: their first ids are not each other's. */
static void begin_at_a_place_of_the_seed(void **unused)
{
	struct track_world w;
	uint64_t id[3];

	(void)unused;
	for (unsigned i = 0; i < 3; i++) {
		track_begin(&w, &(struct track_options){.seed = (uint8_t)(i ? i : 1)});
		id[i] = sl__conn_id(&w.t, conn_udp(&w, 1000));
		track_end(&w);
	}
	assert_int_equal(id[0], id[1]);
	assert_int_not_equal(id[1], id[2]);
}

/* ---- ids from elsewhere -----------------------------------------------------------------------
 */

static void imported_ones_are_kept(void **unused)
{
	struct track_world w;
	struct sl_conn *a, *b;
	uint64_t own;

	(void)unused;
	track_begin(&w, &(struct track_options){.origin = 1});
	a = conn_udp(&w, 1000);
	b = conn_udp(&w, 1001);
	own = sl__conn_id(&w.t, a);
	assert_true(sl__id_set(&w.t, a, 0x0007123400000009));
	assert_int_equal(sl__conn_id(&w.t, a), 0x0007123400000009);
	assert_ptr_equal(sl__conn_of_id(&w.t, 0x0007123400000009), a);
	assert_true(sl__id_imported(&w.t, 0x0007123400000009));
	assert_null(sl__conn_of_id(&w.t, own)); /* it had that one no time */
	assert_ptr_equal(sl__conn_of_id(&w.t, sl__conn_id(&w.t, b)), b);
	assert_null(sl__track_check(&w.t));
	sl__conn_kill(&w.t, a, SL_WHY_FLUSHED);
	assert_null(sl__conn_of_id(&w.t, 0x0007123400000009));
	assert_false(sl__id_imported(&w.t, 0x0007123400000009));
	assert_int_equal(sl__slab_count(&w.t.ids.slab), 0);
	track_end(&w);
}

/* Its own id, as it happens: then nothing has to be kept. */
static void own_one_takes_no_memory(void **unused)
{
	struct track_world w;
	struct sl_conn *a;

	(void)unused;
	track_begin(&w, &(struct track_options){.origin = 1});
	a = conn_udp(&w, 1000);
	assert_true(sl__id_set(&w.t, a, sl__conn_id(&w.t, a)));
	assert_int_equal(sl__slab_count(&w.t.ids.slab), 0);
	assert_false(a->status & SL_STATUS_IMPORTED);
	track_end(&w);
}

/* An older state of a conn and its newer one have the same id for a moment: the older goes. */
static void handed_on_to_the_newer(void **unused)
{
	struct track_world w;
	struct sl_conn *older, *newer;

	(void)unused;
	track_begin(&w, &(struct track_options){.origin = 1});
	older = conn_udp(&w, 1000);
	newer = conn_udp(&w, 1001);
	assert_true(sl__id_set(&w.t, older, 77));
	assert_true(sl__id_set(&w.t, newer, 77));
	sl__conn_kill(&w.t, older, SL_WHY_REPLACED);
	assert_ptr_equal(sl__conn_of_id(&w.t, 77), newer);
	assert_int_equal(sl__conn_id(&w.t, newer), 77);
	assert_null(sl__track_check(&w.t));
	track_end(&w);
}

/* A new conn would get what an imported one has: it takes the next. */
static void new_ones_go_round(void **unused)
{
	struct track_world w;
	struct sl_conn *imported, *fresh;
	uint64_t next;

	(void)unused;
	track_begin(&w, &(struct track_options){.origin = 1});
	imported = conn_udp(&w, 1000);
	fresh = conn_udp(&w, 1001);
	next = sl__conn_id(&w.t, fresh) + (1ull << 32); /* same place, next generation */
	assert_true(sl__id_set(&w.t, imported, next));
	sl__conn_kill(&w.t, fresh, SL_WHY_FLUSHED);
	fresh = conn_udp(&w, 1001);
	assert_int_equal(sl__conn_id(&w.t, fresh), next + (1ull << 32));
	assert_ptr_equal(sl__conn_of_id(&w.t, next), imported);
	assert_null(sl__track_check(&w.t));
	track_end(&w);
}

/* Somebody forged so many that the place has none left in reach: refused, and nothing is lost. */
static void no_id_left_is_no_room(void **unused)
{
	struct track_world w;
	struct sl_tuple tuple = tuple_udp(1001);
	struct sl_conn *fresh;
	enum sl_reason why = SL_WHY_NONE;
	uint64_t next;

	(void)unused;
	track_begin(&w, &(struct track_options){.origin = 1});
	fresh = conn_udp(&w, 1001);
	next = sl__conn_id(&w.t, fresh);
	for (unsigned i = 0; i < 200; i++) /* conns of their own need generations too: far ahead */
		assert_true(sl__id_set(&w.t, conn_udp(&w, (uint16_t)(2000 + i)),
		        (next & 0xffff0000ffffffff) | (uint64_t)(uint16_t)((next >> 32) + 201 + i)
		                                              << 32));
	sl__conn_kill(&w.t, fresh, SL_WHY_FLUSHED);
	assert_null(sl__conn_new(&w.t, &tuple, 0, 0, &why));
	assert_int_equal(why, SL_WHY_NO_MEMORY);
	assert_null(sl__track_check(&w.t));
	track_end(&w);
}

/* Thousands, in and out in another order: the table grows and shrinks under them. */
static void many(void **unused)
{
	enum { MANY = 4000 };
	static struct sl_conn *conn[MANY];
	struct track_world w;
	uint32_t x = 1;

	(void)unused;
	track_begin(&w, &(struct track_options){.origin = 1, .conns = 2 * MANY});
	for (unsigned i = 0; i < MANY; i++) {
		conn[i] = conn_udp(&w, (uint16_t)(1000 + i));
		assert_true(sl__id_set(&w.t, conn[i], 0xfff0000000000000 + i * 4096));
	}
	for (unsigned left = MANY; left; left--) {
		unsigned i = next_random(&x) % left;

		for (unsigned j = i; j < left; j += 997)
			assert_ptr_equal(sl__conn_of_id(&w.t, sl__conn_id(&w.t, conn[j])), conn[j]);
		sl__conn_kill(&w.t, conn[i], SL_WHY_FLUSHED);
		conn[i] = conn[left - 1];
	}
	assert_int_equal(sl__slab_count(&w.t.ids.slab), 0);
	assert_int_equal(w.t.ids.table.entries, 0);
	track_end(&w);
}

/* Each allocation fails once: the conn keeps its own id, and is found by it. */
static void without_memory(void **unused)
{
	bool failed = true;

	(void)unused;
	for (unsigned long n = 1; failed; n++) {
		struct track_world w;
		struct sl_conn *a;
		uint64_t own;

		track_begin(&w, &(struct track_options){.origin = 1, .chunk = 1});
		a = conn_udp(&w, 1000);
		own = sl__conn_id(&w.t, a);
		w.memory.fail_at = w.memory.calls + n;
		failed = !sl__id_set(&w.t, a, 77);
		assert_int_equal(sl__conn_id(&w.t, a), failed ? own : 77);
		assert_ptr_equal(sl__conn_of_id(&w.t, failed ? own : 77), a);
		assert_null(sl__track_check(&w.t));
		assert_true(sl__id_set(&w.t, a, failed ? 77 : own + 1) || !failed);
		assert_true(n < 20);
		track_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(tell_origin_generation_and_place),
	        cmocka_unit_test(end_with_their_conn),
	        cmocka_unit_test(unknown_ones_are_nobodys),
	        cmocka_unit_test(begin_at_a_place_of_the_seed),
	        cmocka_unit_test(imported_ones_are_kept),
	        cmocka_unit_test(own_one_takes_no_memory),
	        cmocka_unit_test(handed_on_to_the_newer),
	        cmocka_unit_test(new_ones_go_round),
	        cmocka_unit_test(no_id_left_is_no_room),
	        cmocka_unit_test(many),
	        cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
