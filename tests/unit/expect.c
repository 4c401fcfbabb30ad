/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Expectations: what fits one, who makes way for whom, when each ends and what is told of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "track_lib.h"

static const struct sl_tuple any_port = {.src = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
        .dst = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                0xff, 0xff}},
        .dport = 0xffff,
        .proto = 0xff};

/* From host 10.0.0.SRC, any port, to 192.0.2.9:DPORT. */
static struct sl_expect_want want_of(uint8_t src, uint16_t dport)
{
	return (struct sl_expect_want){.tuple = host_tuple(SL_PROTO_TCP, src, 0, 9, dport),
	        .mask = any_port,
	        .timeout_ms = 10000,
	        .class_max = 8,
	        .reason = "test"};
}

static struct sl_conn *master_of(struct track_world *w, uint16_t port)
{
	struct sl_tuple t = host_tuple(SL_PROTO_TCP, 2, port, 9, 21);

	return conn_of(w, &t);
}

static struct sl_expect *add(
        struct track_world *w, struct sl_conn *master, struct sl_expect_want want)
{
	struct sl_expect *e = NULL;

	assert_int_equal(sl__expect_add(&w->t, master, &want, &e), SL_WHY_NONE);
	assert_non_null(e);
	assert_null(sl__track_check(&w->t));
	return e;
}

static const struct told *last(const struct track_world *w)
{
	assert_in_range(w->n_told, 1, TOLD_MAX);
	return &w->told[w->n_told - 1];
}

/* ---- what fits ------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	uint8_t proto, src;
	uint16_t sport;
	uint8_t dst;
	uint16_t dport, zone;
	bool fits;
} packets[] = {
        {"just that", SL_PROTO_TCP, 2, 4000, 9, 2000, 0, true},
        {"another source port", SL_PROTO_TCP, 2, 1, 9, 2000, 0, true},
        {"another source", SL_PROTO_TCP, 3, 4000, 9, 2000, 0, false},
        {"another destination", SL_PROTO_TCP, 2, 4000, 8, 2000, 0, false},
        {"another port", SL_PROTO_TCP, 2, 4000, 9, 2001, 0, false},
        {"another protocol", SL_PROTO_UDP, 2, 4000, 9, 2000, 0, false},
        {"another zone", SL_PROTO_TCP, 2, 4000, 9, 2000, 1, false},
};

static void each_packet(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		struct sl_tuple t = host_tuple(packets[i].proto, packets[i].src, packets[i].sport,
		        packets[i].dst, packets[i].dport);
		struct track_world w;
		struct sl_expect *e;

		track_begin(&w, &(struct track_options){0});
		assert_null(sl__expect_match(&w.t, &t, 0)); /* none at all */
		e = add(&w, master_of(&w, 4000), want_of(2, 2000));
		if (sl__expect_match(&w.t, &t, packets[i].zone) != (packets[i].fits ? e : NULL))
			fail_msg("%s", packets[i].name);
		track_end(&w);
	}
}

/* Promised, but not yet to be believed; over; or of a master whose packet has not left yet. */
static void when_nothing_fits(void **unused)
{
	struct sl_tuple t = host_tuple(SL_PROTO_TCP, 2, 1, 9, 2000),
	                m = host_tuple(SL_PROTO_TCP, 2, 4001, 9, 21);
	struct sl_expect_want want = want_of(2, 2000);
	enum sl_reason why = SL_WHY_NONE;
	struct track_world w;
	struct sl_expect *e;
	struct sl_conn *early;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	want.flags = SL_EXPECT_INACTIVE;
	e = add(&w, master_of(&w, 4000), want);
	assert_null(sl__expect_match(&w.t, &t, 0));
	assert_ptr_equal(sl__expect_find_exact(&w.t, &want.tuple, 0), e); /* but it is there */
	assert_null(sl__expect_find_exact(&w.t, &want.tuple, 1));
	sl__expect_refresh(&w.t, e, 5000);
	assert_ptr_equal(sl__expect_match(&w.t, &t, 0), e);
	later(&w, 5000);
	assert_null(sl__expect_match(&w.t, &t, 0)); /* met when it is over: ended there */
	assert_int_equal(last(&w)->why, SL_WHY_TIMEOUT);
	assert_int_equal(w.t.expects.count, 0);
	early = sl__conn_new(&w.t, &m, 0, 0, &why);
	sl__conn_refresh(&w.t, early, 60000);
	e = NULL;
	assert_int_equal(sl__expect_add(&w.t, early,
	                         &(struct sl_expect_want){.tuple = want.tuple,
	                                 .mask = any_port,
	                                 .timeout_ms = 1000,
	                                 .class_max = 1},
	                         &e),
	        SL_WHY_NONE);
	assert_null(sl__expect_match(&w.t, &t, 0));
	assert_int_equal(sl__conn_confirm(&w.t, early), SL_WHY_NONE);
	assert_ptr_equal(sl__expect_match(&w.t, &t, 0), e);
	track_end(&w);
}

/* ---- being met ------------------------------------------------------------------------------- */

static void met_once_or_for_ever(void **unused)
{
	struct sl_expect_want want = want_of(2, 2000);
	struct track_world w;
	struct sl_conn *m;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	m = master_of(&w, 4000);
	sl__expect_met(&w.t, add(&w, m, want));
	assert_int_equal(w.t.expects.count, 0);
	assert_int_equal(last(&w)->why, SL_WHY_MET);
	want.flags = SL_EXPECT_PERMANENT;
	sl__expect_met(&w.t, add(&w, m, want));
	assert_int_equal(w.t.expects.count, 1);
	track_end(&w);
}

/* Of a group one is met, and the others are not waited for any more. */
static void groups_go_together(void **unused)
{
	static const struct {
		uint32_t group;
		bool permanent;
	} of[] = {{7, false}, {7, false}, {8, false}, {0, false}, {7, true}};
	struct sl_expect *e[5];
	struct track_world w;
	struct sl_conn *m;

	(void)unused;
	for (unsigned met = 0; met < 5; met++) {
		track_begin(&w, &(struct track_options){0});
		m = master_of(&w, 4000);
		for (unsigned i = 0; i < 5; i++) {
			struct sl_expect_want want = want_of(2, (uint16_t)(2000 + i));

			want.more.group = of[i].group;
			want.flags = of[i].permanent ? SL_EXPECT_PERMANENT : 0;
			e[i] = add(&w, m, want);
		}
		sl__expect_met(&w.t, e[met]);
		for (unsigned i = 0; i < 5; i++) {
			struct sl_tuple t = host_tuple(SL_PROTO_TCP, 2, 0, 9, (uint16_t)(2000 + i));
			bool gone = i == met ? !of[i].permanent
			                     : of[met].group && of[i].group == of[met].group;

			assert_int_equal(sl__expect_find_exact(&w.t, &t, 0) == NULL, gone);
		}
		assert_null(sl__track_check(&w.t));
		track_end(&w);
	}
}

/* ---- making way ------------------------------------------------------------------------------ */

static void the_same_again_replaces(void **unused)
{
	struct track_world w;
	struct sl_conn *m;
	uint64_t id;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	m = master_of(&w, 4000);
	id = add(&w, m, want_of(2, 2000))->id;
	later(&w, 9000);
	assert_int_not_equal(add(&w, m, want_of(2, 2000))->id, id);
	assert_int_equal(w.t.expects.count, 1);
	assert_int_equal(w.told[w.n_told - 2].type, SL_EVENT_EXPECT_DESTROY);
	assert_int_equal(w.told[w.n_told - 2].why, SL_WHY_REPLACED);
	later(&w, 2000);
	assert_int_equal(w.t.expects.count, 1); /* the newer one's time holds */
	track_end(&w);
}

/* Another's stays: an expectation opens a hole for its own master alone. */
static void anothers_stays(void **unused)
{
	struct sl_expect_want want = want_of(2, 2000), wider = want_of(2, 2000);
	struct track_world w;
	struct sl_conn *m;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	m = master_of(&w, 4000);
	add(&w, m, want);
	assert_int_equal(
	        sl__expect_add(&w.t, master_of(&w, 4001), &want, NULL), SL_WHY_EXPECT_CLASH);
	assert_int_equal(sl__expect_check(&w.t, master_of(&w, 4002), &want), SL_WHY_EXPECT_CLASH);
	assert_int_equal(sl__expect_check(&w.t, m, &want), SL_WHY_NONE);
	want.class_id = 1; /* the master's own, of another class */
	assert_int_equal(sl__expect_add(&w.t, m, &want, NULL), SL_WHY_EXPECT_CLASH);
	memset(&wider.mask.src, 0, sizeof(wider.mask.src)); /* from anybody: one packet fits both */
	assert_int_equal(sl__expect_add(&w.t, m, &wider, NULL), SL_WHY_EXPECT_CLASH);
	wider.tuple.dport++;
	assert_int_equal(sl__expect_add(&w.t, m, &wider, NULL), SL_WHY_NONE);
	assert_int_equal(w.t.expects.count, 2);
	track_end(&w);
}

/* A full class loses its oldest; other classes do not. */
static void full_class(void **unused)
{
	struct sl_expect_want want = want_of(2, 1), other = want_of(2, 9000);
	struct track_world w;
	struct sl_conn *m;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	m = master_of(&w, 4000);
	other.class_id = 1;
	add(&w, m, other);
	want.class_max = 3;
	for (uint16_t port = 1; port <= 5; port++) {
		want.tuple.dport = port;
		add(&w, m, want);
	}
	assert_int_equal(w.t.expects.count, 4);
	assert_int_equal(sl__ext_of(&w.t, m)->expect_count[0], 3);
	for (uint16_t port = 1; port <= 5; port++) {
		want.tuple.dport = port;
		assert_int_equal(sl__expect_find_exact(&w.t, &want.tuple, 0) != NULL, port > 2);
	}
	want.class_max = 0; /* counts as one */
	want.tuple.dport = 6;
	add(&w, m, want);
	assert_int_equal(sl__ext_of(&w.t, m)->expect_count[0], 1);
	track_end(&w);
}

/* A limit for each cookie (a SIP call), and one for all of them together. */
static void limits_of_cookies(void **unused)
{
	struct track_world w;
	struct sl_conn *m;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	m = master_of(&w, 4000);
	for (uint16_t i = 0; i < 12; i++) {
		struct sl_expect_want want = want_of(2, (uint16_t)(1000 + i));

		want.class_max = 2;
		want.class_all = 5;
		want.more.cookie = i % 4;
		add(&w, m, want);
		assert_true(sl__ext_of(&w.t, m)->expect_count[0] <= 5);
		unsigned mine = 0;
		SL_LIST_EACH(it, &sl__ext_of(&w.t, m)->expects)
		mine += SL_CONTAINER(it, struct sl_expect, of_master)->more.cookie == i % 4;
		assert_in_range(mine, 1, 2);
	}
	track_end(&w);
}

/* A full table: the oldest goes whose master is not assured, and is not the newcomer's own. */
static void full_table(void **unused)
{
	struct sl_conn *sure, *weak, *mine;
	struct sl_expect_want want = want_of(2, 1);
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){.expects = 3});
	sure = master_of(&w, 4000);
	weak = master_of(&w, 4001);
	mine = master_of(&w, 4002);
	sure->status |= SL_ASSURED;
	add(&w, sure, want_of(2, 1));
	add(&w, weak, want_of(2, 2));
	add(&w, weak, want_of(2, 3));
	add(&w, mine, want_of(2, 4));
	assert_int_equal(w.told[w.n_told - 2].why, SL_WHY_EVICTED);
	assert_int_equal(w.told[w.n_told - 2].beyond, SL_BEYOND_EVICTION);
	want.tuple.dport = 2;
	assert_null(sl__expect_find_exact(&w.t, &want.tuple, 0));
	weak->status |= SL_ASSURED; /* found out when it would be its turn */
	want.tuple.dport = 5;
	assert_int_equal(sl__expect_add(&w.t, mine, &want, NULL), SL_WHY_EXPECT_LIMIT);
	assert_int_equal(w.t.expects.count, 3);
	assert_null(sl__track_check(&w.t));
	track_end(&w);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void ends_with_its_master(void **unused)
{
	struct track_world w;
	struct sl_conn *m;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	m = master_of(&w, 4000);
	add(&w, m, want_of(2, 1));
	add(&w, m, want_of(2, 2));
	sl__conn_kill(&w.t, m, SL_WHY_FLUSHED);
	assert_int_equal(w.t.expects.count, 0);
	assert_int_equal(w.told[w.n_told - 1].why, SL_WHY_MASTER_GONE);
	assert_int_equal(w.told[w.n_told - 2].why, SL_WHY_MASTER_GONE);
	assert_null(sl__track_check(&w.t));
	sl__expect_remove_all(
	        &w.t, master_of(&w, 4001), SL_WHY_FLUSHED); /* none: nothing happens */
	track_end(&w);
}

static void times_out(void **unused)
{
	struct track_world w;
	struct sl_expect *e;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	e = add(&w, master_of(&w, 4000), want_of(2, 1));
	later(&w, 9999);
	sl__track_expire(&w.t, UINT32_MAX);
	assert_int_equal(w.t.expects.count, 1);
	sl__expect_refresh(&w.t, e, 2000);
	later(&w, 1999);
	sl__track_expire(&w.t, UINT32_MAX);
	assert_int_equal(w.t.expects.count, 1);
	later(&w, 2);
	sl__track_expire(&w.t, UINT32_MAX);
	assert_int_equal(w.t.expects.count, 0);
	assert_int_equal(last(&w)->type, SL_EVENT_EXPECT_DESTROY);
	assert_int_equal(last(&w)->why, SL_WHY_TIMEOUT);
	track_end(&w);
}

/* ---- ids ------------------------------------------------------------------------------------- */

static void ids(void **unused)
{
	struct sl_expect_want want = want_of(2, 1);
	struct track_world w;
	struct sl_conn *m;
	uint64_t first;

	(void)unused;
	track_begin(&w, &(struct track_options){.origin = 5});
	m = master_of(&w, 4000);
	first = add(&w, m, want_of(2, 1))->id;
	assert_int_equal(first >> 48, 5);
	assert_int_equal(add(&w, m, want_of(2, 2))->id, first + 1);
	want.id = 0x0009000000000001; /* from elsewhere */
	want.tuple.dport = 3;
	assert_int_equal(add(&w, m, want)->id, want.id);
	assert_true(sl__expect_has_id(&w.t, want.id));
	assert_true(sl__expect_has_id(&w.t, first));
	assert_false(sl__expect_has_id(&w.t, first + 2));
	want.id = first + 10; /* ours, from before a restart: not given out again */
	want.tuple.dport = 4;
	assert_int_equal(add(&w, m, want)->id, first + 10);
	assert_int_equal(add(&w, m, want_of(2, 5))->id, first + 11);
	want.id = first + 3; /* an older one of those changes nothing */
	want.tuple.dport = 6;
	add(&w, m, want);
	assert_int_equal(add(&w, m, want_of(2, 7))->id, first + 12);
	track_end(&w);
}

/* ---- what is told ---------------------------------------------------------------------------- */

/* Near misses say what differed; what has nothing in common is not mentioned. */
static void near_misses(void **unused)
{
	static const struct {
		uint8_t src, dst;
		uint16_t dport;
		const char *differs;
	} of[] = {{2, 9, 2001, "destination port differs"}, {3, 9, 2000, "source address differs"},
	        {2, 8, 2000, "destination address differs"}, {3, 8, 2000, NULL}};

	(void)unused;
	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		struct sl_tuple t = host_tuple(SL_PROTO_TCP, of[i].src, 1, of[i].dst, of[i].dport);
		struct track_world w;

		track_begin(&w, &(struct track_options){0});
		add(&w, master_of(&w, 4000), want_of(2, 2000));
		w.t.tracing = true;
		assert_null(sl__expect_match(&w.t, &t, 0));
		if (!of[i].differs)
			assert_string_equal(w.trace, "");
		else if (!strstr(w.trace, of[i].differs) ||
		         !strstr(w.trace, "test waits for 10.0.0.2:* > 192.0.2.9:2000"))
			fail_msg("%s", w.trace);
		track_end(&w);
	}
}

/* ---- shadows --------------------------------------------------------------------------------- */

/* What Linux would have expected is remembered for a while, found once, the oldest forgotten. */
static void shadows(void **unused)
{
	struct sl_tuple t = host_tuple(SL_PROTO_TCP, 2, 0, 9, 2000),
	                is = host_tuple(SL_PROTO_TCP, 2, 777, 9, 2000);
	struct track_world w;
	struct sl_conn *master;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	master = master_of(&w, 4000);
	sl__expect_shadow(&w.t, master, &t, SL_BEYOND_EVICTION, 1000);
	assert_int_equal(sl__expect_shadow_met(&w.t, &is, 1), SL_BEYOND_NONE);
	assert_int_equal(sl__expect_shadow_met(&w.t, &is, 0), SL_BEYOND_EVICTION);
	assert_int_equal(sl__expect_shadow_met(&w.t, &is, 0), SL_BEYOND_NONE);
	sl__expect_shadow(&w.t, master, &t, SL_BEYOND_EVICTION, 1000);
	later(&w, 1001);
	assert_int_equal(sl__expect_shadow_met(&w.t, &is, 0), SL_BEYOND_NONE);
	sl__expect_shadow(&w.t, master, &t, SL_BEYOND_EVICTION, 1000);
	for (uint16_t i = 0; i < SL_SHADOWS; i++) {
		t.dport = (uint16_t)(3000 + i);
		sl__expect_shadow(&w.t, master, &t, SL_BEYOND_EVICTION, 1000);
	}
	assert_int_equal(sl__expect_shadow_met(&w.t, &is, 0), SL_BEYOND_NONE);
	track_end(&w);
}

/* What answers it is known too, as often as it comes; another expectation of the master's ends it. */
static void shadows_answered_and_replaced(void **unused)
{
	struct sl_tuple t = host_tuple(SL_PROTO_TCP, 2, 0, 9, 2000),
	                is = host_tuple(SL_PROTO_TCP, 2, 777, 9, 2000), answer;
	struct track_world w;
	struct sl_conn *master, *other;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	master = master_of(&w, 4000);
	other = master_of(&w, 4001);
	assert_true(sl__tuple_invert(&is, &answer));
	assert_int_equal(sl__expect_shadow_answered(&w.t, &answer, 0), SL_BEYOND_NONE);
	sl__expect_shadow(&w.t, master, &t, SL_BEYOND_REFUSED, 1000);
	assert_int_equal(sl__expect_shadow_answered(&w.t, &answer, 0), SL_BEYOND_REFUSED);
	assert_int_equal(sl__expect_shadow_answered(&w.t, &answer, 0), SL_BEYOND_REFUSED);
	assert_int_equal(sl__expect_shadow_answered(&w.t, &t, 0), SL_BEYOND_NONE);
	assert_int_equal(sl__expect_shadow_replace(&w.t, other), SL_BEYOND_NONE);
	assert_int_equal(sl__expect_shadow_replace(&w.t, master), SL_BEYOND_REFUSED);
	assert_int_equal(sl__expect_shadow_answered(&w.t, &answer, 0), SL_BEYOND_NONE);
	sl__expect_shadow(&w.t, master, &t, SL_BEYOND_REFUSED, 1000);
	later(&w, 1001);
	assert_int_equal(sl__expect_shadow_replace(&w.t, master), SL_BEYOND_NONE);
	track_end(&w);
}

static void without_memory(void **unused)
{
	enum sl_reason why = SL_WHY_NO_MEMORY;

	(void)unused;
	for (unsigned long n = 1; why != SL_WHY_NONE; n++) {
		struct sl_expect_want want = want_of(2, 2000);
		struct track_world w;
		struct sl_conn *m;

		track_begin(&w, &(struct track_options){.chunk = 1});
		m = master_of(&w, 4000);
		w.memory.fail_at = w.memory.calls + n;
		why = sl__expect_add(&w.t, m, &want, NULL);
		assert_true(why == SL_WHY_NONE || why == SL_WHY_NO_MEMORY);
		assert_int_equal(w.t.expects.count, why == SL_WHY_NONE);
		assert_null(sl__track_check(&w.t));
		assert_true(n < 10);
		track_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_packet),
	        cmocka_unit_test(when_nothing_fits),
	        cmocka_unit_test(met_once_or_for_ever),
	        cmocka_unit_test(groups_go_together),
	        cmocka_unit_test(the_same_again_replaces),
	        cmocka_unit_test(anothers_stays),
	        cmocka_unit_test(full_class),
	        cmocka_unit_test(limits_of_cookies),
	        cmocka_unit_test(full_table),
	        cmocka_unit_test(ends_with_its_master),
	        cmocka_unit_test(times_out),
	        cmocka_unit_test(ids),
	        cmocka_unit_test(near_misses),
	        cmocka_unit_test(shadows),
	        cmocka_unit_test(shadows_answered_and_replaced),
	        cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
