/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a conn: made, confirmed, found, counted, kept alive, evicted, ended; and what is told
 * of it; the tracker as a whole and its clock. Each also where memory fails.
 *
 * Tests: src/track/conn.c src/track/tracker.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "track/gre.h"
#include "track_lib.h"

static struct sl_conn *fresh(struct track_world *w, const struct sl_tuple *tuple)
{
	enum sl_reason why = SL_WHY_NONE;
	struct sl_conn *conn = sl__conn_new(&w->t, tuple, 0, 0, &why);

	assert_non_null(conn);
	sl__conn_refresh(&w->t, conn, 60000);
	return conn;
}

/* ---- tuples ---------------------------------------------------------------------------------- */

/* What is stored is what was given, in both families and directions. */
static void tuples_come_back(void **unused)
{
	(void)unused;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct sl_tuple t = v6 ? host_tuple6(SL_PROTO_TCP, 2, 4000, 9, 80)
		                       : host_tuple(SL_PROTO_TCP, 2, 4000, 9, 80),
		                out, reply;
		struct track_world w;
		struct sl_conn *conn;

		track_begin(&w, &(struct track_options){0});
		conn = fresh(&w, &t);
		assert_int_equal(sl__conn_is_v6(conn), v6);
		sl__conn_tuple(conn, SL_ORIGINAL, &out);
		assert_true(sl_tuple_eq(&out, &t));
		assert_true(sl__tuple_invert(&t, &reply));
		sl__conn_tuple(conn, SL_REPLY, &out);
		assert_true(sl_tuple_eq(&out, &reply));
		reply.dst.b[15] = 77;
		reply.dport = 5;
		sl__conn_set_tuple(conn, SL_REPLY, &reply);
		sl__conn_tuple(conn, SL_REPLY, &out);
		assert_true(sl_tuple_eq(&out, &reply));
		sl__conn_tuple(conn, SL_ORIGINAL, &out); /* and the other one is as it was */
		assert_true(sl_tuple_eq(&out, &t));
		sl__conn_drop(&w.t, conn);
		track_end(&w);
	}
}

/* Nobody finds a conn before its first packet has left; then both its tuples lead to it. */
static void found_when_confirmed(void **unused)
{
	struct sl_tuple t = tuple_udp(1000), reply;
	enum sl_dir dir = SL_REPLY;
	struct track_world w;
	struct sl_conn *conn;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	sl__tuple_invert(&t, &reply);
	conn = fresh(&w, &t);
	assert_null(sl__conn_find(&w.t, &t, 0, &dir));
	assert_int_equal(sl__conn_confirm(&w.t, conn), SL_WHY_NONE);
	assert_ptr_equal(sl__conn_find(&w.t, &t, 0, &dir), conn);
	assert_int_equal(dir, SL_ORIGINAL);
	assert_ptr_equal(sl__conn_find(&w.t, &reply, 0, &dir), conn);
	assert_int_equal(dir, SL_REPLY);
	assert_null(sl__conn_find(&w.t, &t, 1, &dir));
	assert_null(sl__track_check(&w.t));
	sl__conn_kill(&w.t, conn, SL_WHY_FLUSHED);
	assert_null(sl__conn_find(&w.t, &t, 0, &dir));
	assert_null(sl__conn_find(&w.t, &reply, 0, &dir));
	track_end(&w);
}

/* A host that talks to itself by one port: both tuples are one, and every packet is a reply. */
static void both_tuples_the_same(void **unused)
{
	struct sl_tuple t = tuple_udp(53);
	enum sl_dir dir = SL_ORIGINAL;
	struct track_world w;

	(void)unused;
	t.dst = t.src;
	track_begin(&w, &(struct track_options){0});
	assert_non_null(conn_of(&w, &t));
	assert_non_null(sl__conn_find(&w.t, &t, 0, &dir));
	assert_int_equal(dir, SL_REPLY);
	assert_null(sl__track_check(&w.t));
	track_end(&w);
}

/* A zone counts in the directions it was given for. */
static void zones(void **unused)
{
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	for (uint8_t dirs = 0; dirs < 4; dirs++) {
		struct sl_tuple t = tuple_udp((uint16_t)(1000 + dirs)), reply;
		enum sl_reason why = SL_WHY_NONE;
		struct sl_conn *conn = sl__conn_new(&w.t, &t, 7, dirs, &why);
		enum sl_dir dir;

		sl__tuple_invert(&t, &reply);
		sl__conn_refresh(&w.t, conn, 1000);
		assert_int_equal(sl__conn_confirm(&w.t, conn), SL_WHY_NONE);
		assert_ptr_equal(sl__conn_find(&w.t, &t, dirs & 1 ? 7 : 0, &dir), conn);
		assert_ptr_equal(sl__conn_find(&w.t, &reply, dirs & 2 ? 7 : 0, &dir), conn);
		assert_null(sl__conn_find(&w.t, &t, dirs & 1 ? 0 : 7, &dir));
		assert_null(sl__conn_find(&w.t, &reply, dirs & 2 ? 0 : 7, &dir));
	}
	assert_null(sl__track_check(&w.t));
	track_end(&w);
}

/* Of two with a tuple in common the second is not confirmed, whichever tuple it is. */
static void clashes(void **unused)
{
	struct sl_tuple t = tuple_udp(1000), other = tuple_udp(1001), reply;
	struct track_world w;
	struct sl_conn *twin;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	conn_of(&w, &t);
	twin = fresh(&w, &t);
	assert_int_equal(sl__conn_confirm(&w.t, twin), SL_WHY_TUPLE_CLASH);
	sl__conn_drop(&w.t, twin);
	twin = fresh(&w, &other);
	sl__tuple_invert(&t, &reply);
	sl__conn_set_tuple(twin, SL_REPLY, &reply);
	assert_int_equal(sl__conn_confirm(&w.t, twin), SL_WHY_TUPLE_CLASH);
	sl__conn_drop(&w.t, twin);
	assert_null(sl__track_check(&w.t));
	/* One that is over, but was not ended yet, is nobody. */
	later(&w, 60001);
	twin = fresh(&w, &t);
	assert_int_equal(sl__conn_confirm(&w.t, twin), SL_WHY_NONE);
	assert_int_equal(w.t.stats.reasons[SL_WHY_TIMEOUT], 1);
	track_end(&w);
}

static void what_has_no_answer_is_not_new(void **unused)
{
	struct sl_tuple t = host_tuple(SL_PROTO_ICMP, 2, 7, 9, SL_TUPLE_ICMP(3, 1));
	enum sl_reason why = SL_WHY_NONE;
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	assert_null(sl__conn_new(&w.t, &t, 0, 0, &why));
	assert_int_equal(why, SL_WHY_NOT_NEW);
	track_end(&w);
}

/* ---- time ------------------------------------------------------------------------------------ */

/* Ends when its time is up, by the clock or by who meets it first; once, and with an event. */
static void times_out(void **unused)
{
	struct sl_tuple t = tuple_udp(1000);
	enum sl_dir dir;

	(void)unused;
	for (unsigned met = 0; met < 2; met++) {
		struct track_world w;

		track_begin(&w, &(struct track_options){0});
		assert_int_equal(sl__track_deadline(&w.t), UINT64_MAX);
		conn_of(&w, &t);
		assert_true(sl__track_deadline(&w.t) <= w.t.now + 60000000000);
		later(&w, 59999);
		assert_false(sl__track_expire(&w.t, UINT32_MAX));
		assert_non_null(sl__conn_find(&w.t, &t, 0, &dir));
		later(&w, 2);
		if (met)
			assert_null(sl__conn_find(&w.t, &t, 0, &dir));
		sl__track_expire(&w.t, UINT32_MAX);
		assert_null(sl__conn_find(&w.t, &t, 0, &dir));
		assert_int_equal(w.n_told, 1);
		assert_int_equal(w.told[0].type, SL_EVENT_DESTROY);
		assert_int_equal(w.told[0].why, SL_WHY_TIMEOUT);
		assert_int_equal(sl__track_deadline(&w.t), UINT64_MAX);
		track_end(&w);
	}
}

/* No more than the budget at a time, and it says that there is more. */
static void expires_by_budget(void **unused)
{
	struct track_world w;
	unsigned calls = 0;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	for (uint16_t i = 0; i < 100; i++)
		conn_udp(&w, (uint16_t)(1000 + i));
	later(&w, 61000);
	while (sl__track_expire(&w.t, 7))
		assert_true(++calls < 1000);
	assert_true(calls >= 100 / 7 / 2);
	assert_int_equal(sl__slab_count(&w.t.conns[0]), 0);
	track_end(&w);
}

/* Earlier, later, beyond what the wheel looks at: it ends when it was said last. */
static void refreshed(void **unused)
{
	static const uint32_t to[] = {
	        1, 1000, 30000, 60000, SL_CONN_HORIZON_MS - 1, SL_CONN_HORIZON_MS, 432000000};

	(void)unused;
	for (unsigned i = 0; i < sizeof(to) / sizeof(to[0]); i++)
		for (unsigned j = 0; j < sizeof(to) / sizeof(to[0]); j++)
			for (unsigned in_short = 0; in_short < 2; in_short++) {
				struct sl_tuple t = tuple_udp(1000);
				struct track_world w;
				struct sl_conn *conn;
				enum sl_dir dir;

				track_begin(&w, &(struct track_options){0});
				conn = conn_of(&w, &t);
				sl__conn_refresh(&w.t, conn, to[i]);
				if (in_short)
					sl__conn_extend(&w.t, conn, to[j]);
				else
					sl__conn_refresh(&w.t, conn, to[j]);
				assert_int_equal(conn->deadline - w.t.now_ms, to[j]);
				later(&w, to[j] - 1);
				sl__track_expire(&w.t, UINT32_MAX);
				assert_non_null(sl__conn_find(&w.t, &t, 0, &dir));
				later(&w, 2);
				sl__track_expire(&w.t, UINT32_MAX);
				assert_int_equal(sl__slab_count(&w.t.conns[0]), 0);
				track_end(&w);
			}
}

static void fixed_timeout_stays(void **unused)
{
	struct track_world w;
	struct sl_conn *conn;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	conn = conn_udp(&w, 1000);
	conn->status |= SL_FIXED_TIMEOUT;
	sl__conn_refresh(&w.t, conn, 1);
	sl__conn_refresh(&w.t, conn, 900000);
	assert_int_equal(conn->deadline - w.t.now_ms, 60000);
	track_end(&w);
}

/* One that a device forwards is asked for before it ends. */
static void offloaded_ones_are_asked_for(void **unused)
{
	struct sl_tuple t = tuple_udp(1000);
	struct track_world w;
	enum sl_dir dir;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	conn_of(&w, &t)->flags |= SL_CONN_OFFLOADED;
	later(&w, 60001);
	w.offload_alive = true;
	assert_non_null(sl__conn_find(&w.t, &t, 0, &dir));
	w.offload_alive = false;
	assert_null(sl__conn_find(&w.t, &t, 0, &dir));
	track_end(&w);
}

/* ---- counters -------------------------------------------------------------------------------- */

/* Beyond 32 bits the rest is in the extension, by whichever way it is counted. */
static void counters_go_beyond_32_bits(void **unused)
{
	(void)unused;
	for (unsigned way = 0; way < 3; way++)
		for (unsigned dir = 0; dir < 2; dir++) {
			struct track_world w;
			struct sl_conn_info info;
			struct sl_conn *conn;

			track_begin(&w, &(struct track_options){0});
			conn = conn_udp(&w, 1000);
			sl__conn_replied(&w.t, conn);
			conn->count[dir].packets = conn->count[dir].bytes = UINT32_MAX;
			if (way == 0)
				sl__conn_count(&w.t, conn, (enum sl_dir)dir, 1000);
			else if (way == 1)
				sl__conn_count_one(&w.t, conn, (enum sl_dir)dir, 1000);
			else
				sl__conn_count_many(&w.t, conn, (enum sl_dir)dir, 1, 1000);
			sl__conn_info(&w.t, conn, &info);
			assert_int_equal(info.packets[dir], UINT64_C(0x100000000));
			assert_int_equal(info.bytes[dir], UINT64_C(0xffffffff) + 1000);
			assert_int_equal(info.packets[!dir], 0);
			track_end(&w);
		}
}

/* Without memory for the rest the low words still count, and nothing else happens. */
static void counters_without_memory(void **unused)
{
	struct track_world w;
	struct sl_conn *conn;

	(void)unused;
	track_begin(&w, &(struct track_options){.chunk = 1});
	conn = conn_udp(&w, 1000);
	conn->count[0].packets = conn->count[0].bytes = UINT32_MAX;
	w.memory.fail_at = w.memory.calls + 1;
	sl__conn_count(&w.t, conn, SL_ORIGINAL, 2);
	assert_int_equal(conn->count[0].packets, 0);
	assert_int_equal(conn->count[0].bytes, 1);
	assert_int_equal(conn->ext, 0);
	track_end(&w);
}

/* The reply's counters are links while there is no reply: they must not be counted into. */
static void unreplied_has_no_reply_counters(void **unused)
{
	struct track_world w;
	struct sl_conn *conn[3];

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	for (uint16_t i = 0; i < 3; i++)
		conn[i] = conn_udp(&w, (uint16_t)(1000 + i));
	assert_int_equal(w.t.unreplied, 3);
	sl__conn_count(&w.t, conn[1], SL_REPLY, 5);
	sl__conn_count_many(&w.t, conn[1], SL_REPLY, 5, 5);
	sl__conn_replied(&w.t, conn[1]); /* out of the middle of the list */
	assert_int_equal(conn[1]->count[SL_REPLY].packets, 0);
	assert_int_equal(conn[1]->count[SL_REPLY].bytes, 0);
	assert_int_equal(w.t.unreplied, 2);
	assert_int_equal(w.t.unreplied_first, conn[0]->self);
	assert_int_equal(w.t.unreplied_last, conn[2]->self);
	sl__conn_replied(&w.t, conn[0]);
	sl__conn_unlist(&w.t, conn[2]);
	assert_int_equal(w.t.unreplied_first | w.t.unreplied_last, 0);
	assert_false(conn[2]->status & SL_SEEN_REPLY);
	assert_null(sl__track_check(&w.t));
	track_end(&w);
}

/* ---- a full table ---------------------------------------------------------------------------- */

static void answered(struct track_world *w, struct sl_conn *conn, bool assured)
{
	sl__conn_replied(&w->t, conn);
	if (assured)
		conn->status |= SL_ASSURED;
}

static const void *evicted_for(struct track_world *w, uint16_t port)
{
	conn_udp(w, port);
	assert_int_equal(w->told[w->n_told - 1].why, SL_WHY_EVICTED);
	assert_int_equal(w->told[w->n_told - 1].beyond, SL_BEYOND_EVICTION);
	return w->told[w->n_told - 1].of;
}

/* First those without a reply, oldest first; then what is not assured; an assured one never. */
static void who_is_evicted(void **unused)
{
	struct sl_tuple more = tuple_udp(9999);
	enum sl_reason why = SL_WHY_NONE;
	struct sl_conn *conn[4];
	struct track_world w;
	uint32_t cursor = 0, budget = 100, ref;

	(void)unused;
	track_begin(&w, &(struct track_options){.conns = 4});
	for (uint16_t i = 0; i < 4; i++)
		conn[i] = conn_udp(&w, (uint16_t)(1000 + i));
	answered(&w, conn[0], false);
	answered(&w, conn[2], true);
	assert_ptr_equal(evicted_for(&w, 2000), conn[1]);
	assert_ptr_equal(evicted_for(&w, 2001), conn[3]);
	while (w.t.unreplied_first)
		answered(&w, sl__conn_at(&w.t, w.t.unreplied_first), true);
	assert_ptr_equal(evicted_for(&w, 2002), conn[0]);
	while ((ref = sl__slab_next(&w.t.conns[0], &cursor, &budget)))
		answered(&w, sl__slab_at(&w.t.conns[0], ref), true);
	assert_null(sl__conn_new(&w.t, &more, 0, 0, &why));
	assert_int_equal(why, SL_WHY_TABLE_FULL);
	assert_int_equal(w.t.stats.conns_evicted, 3);
	assert_null(sl__track_check(&w.t));
	track_end(&w);
}

/* A closing TCP connection is assured and may go all the same; victims are taken in either family. */
static void closing_ones_go_too(void **unused)
{
	struct sl_tuple tcp = host_tuple(SL_PROTO_TCP, 2, 4000, 9, 80),
	                v6 = host_tuple6(SL_PROTO_UDP, 2, 4000, 9, 53);
	struct track_world w;
	struct sl_conn *conn;

	(void)unused;
	track_begin(&w, &(struct track_options){.conns = 1});
	conn = conn_of(&w, &tcp);
	sl__conn_replied(&w.t, conn);
	conn->status |= SL_ASSURED;
	conn->state = SL_TCP_TIME_WAIT;
	assert_non_null(conn_of(&w, &v6));
	assert_int_equal(w.told[w.n_told - 1].why, SL_WHY_EVICTED);
	assert_int_equal(sl__slab_count(&w.t.conns[0]), 0);
	track_end(&w);
}

/* ---- events ---------------------------------------------------------------------------------- */

static const struct {
	unsigned pending;
	int type; /* 0: none */
	bool state_changed;
} reports[] = {
        {0, 0, false},
        {SL_PENDING_NEW, SL_EVENT_NEW, true},
        {SL_PENDING_RELATED, SL_EVENT_NEW, true},
        {SL_PENDING_NEW | SL_PENDING_MARK, SL_EVENT_NEW, true},
        {SL_PENDING_REPLY, SL_EVENT_UPDATE, false},
        {SL_PENDING_ASSURED | SL_PENDING_STATE, SL_EVENT_UPDATE, true},
        {SL_PENDING_MARK, SL_EVENT_UPDATE, false},
};

/* What gathered until the packet was accepted is one event. */
static void each_report(void **unused)
{
	struct track_world w;
	struct sl_conn *conn;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	conn = conn_udp(&w, 1000);
	conn->pending = 0;
	for (unsigned i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		w.n_told = 0;
		sl__conn_note(&w.t, conn, reports[i].pending);
		sl__conn_report(&w.t, conn);
		assert_int_equal(w.n_told, reports[i].type != 0);
		assert_int_equal(conn->pending, 0);
		if (!w.n_told)
			continue;
		assert_int_equal(w.told[0].type, reports[i].type);
		assert_int_equal(w.told[0].state_changed, reports[i].state_changed);
	}
	w.t.reporting = false; /* nobody listens: nothing gathers */
	sl__conn_note(&w.t, conn, SL_PENDING_MARK);
	assert_int_equal(conn->pending, 0);
	track_end(&w);
}

/* One that was never confirmed ends without a word. */
static void dropped_in_silence(void **unused)
{
	struct sl_tuple t = tuple_udp(1000);
	struct track_world w;
	struct sl_conn *conn;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	conn = fresh(&w, &t);
	assert_non_null(sl__conn_ext(&w.t, conn));
	sl__conn_drop(&w.t, conn);
	assert_int_equal(w.n_told, 0);
	assert_int_equal(w.ended, 1); /* layers above give back what they hung on it */
	track_end(&w);
}

static void status_bits_stay(void **unused)
{
	struct sl_conn conn = {0};

	(void)unused;
	assert_true(sl__conn_set_status(&conn, SL_ASSURED));
	assert_false(sl__conn_set_status(&conn, SL_ASSURED));
	assert_true(sl__conn_set_status(&conn, SL_ASSURED | SL_SEEN_REPLY));
	assert_int_equal(conn.status, SL_ASSURED | SL_SEEN_REPLY);
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Each allocation fails once, from the tracker's first to the conn's last. */
static void without_memory(void **unused)
{
	struct sl_tuple t = tuple_udp(1000);
	unsigned long n = 0;
	bool done = false;

	(void)unused;
	while (!done) {
		struct track_world w;
		enum sl_reason why = SL_WHY_NONE;
		struct sl_conn *conn;

		assert_true(++n < 100);
		if (!track_try(&w, &(struct track_options){.chunk = 1}, n)) {
			track_end(&w); /* fini() takes what there is */
			continue;
		}
		conn = sl__conn_new(&w.t, &t, 0, 0, &why);
		if (conn) {
			sl__conn_refresh(&w.t, conn, 1000);
			why = sl__conn_confirm(&w.t, conn);
			if (why != SL_WHY_NONE)
				sl__conn_drop(&w.t, conn);
			else
				done = sl__conn_ext(&w.t, conn) != NULL;
		}
		if (!done)
			assert_true(why == SL_WHY_NO_MEMORY || why == SL_WHY_NONE);
		assert_null(sl__track_check(&w.t));
		track_end(&w);
	}
	assert_true(n > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(tuples_come_back),
	        cmocka_unit_test(found_when_confirmed),
	        cmocka_unit_test(both_tuples_the_same),
	        cmocka_unit_test(zones),
	        cmocka_unit_test(clashes),
	        cmocka_unit_test(what_has_no_answer_is_not_new),
	        cmocka_unit_test(times_out),
	        cmocka_unit_test(expires_by_budget),
	        cmocka_unit_test(refreshed),
	        cmocka_unit_test(fixed_timeout_stays),
	        cmocka_unit_test(offloaded_ones_are_asked_for),
	        cmocka_unit_test(counters_go_beyond_32_bits),
	        cmocka_unit_test(counters_without_memory),
	        cmocka_unit_test(unreplied_has_no_reply_counters),
	        cmocka_unit_test(who_is_evicted),
	        cmocka_unit_test(closing_ones_go_too),
	        cmocka_unit_test(each_report),
	        cmocka_unit_test(dropped_in_silence),
	        cmocka_unit_test(status_bits_stay),
	        cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
