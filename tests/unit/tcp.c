/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TCP state machine, a story a row: segments as they pass, and after each what was decided,
 * the state, and the time it has to live. Windows are tests/unit/tcp_window.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "segment_lib.h"
#include "track/tcp_usual.h"

enum {
	OK = SL_TRACK_OK,
	INVALID = SL_TRACK_INVALID,
	IGNORE = SL_TRACK_IGNORE,
	REOPEN = SL_TRACK_REOPEN,
	CLOSE = SL_TRACK_CLOSE
};

/* A segment and what is to come of it. `left`: seconds to live; 0: not looked at. */
struct line {
	struct segment s;
	int result;
	uint8_t state;
	uint32_t left;
	enum sl_reason why;
};

#define O SL_ORIGINAL
#define R SL_REPLY
/* Who, which flags, SEQ, ACK, payload. */
#define S(dir, flags, seq, ack, len)                                                               \
	{                                                                                          \
		dir, flags, seq, ack, 5000, len, NULL                                              \
	}
#define SA (SL_SYN | SL_ACK)
#define FA (SL_FIN | SL_ACK)
#define RA (SL_RST | SL_ACK)
/* The handshake: opener's data begins at 1001, the peer's at 5001. */
#define OPENED                                                                                     \
	{S(O, SL_SYN, 1000, 0, 0), OK, SL_TCP_SYN_SENT, 120, SL_WHY_NONE},                         \
	        {S(R, SA, 5000, 1001, 0), OK, SL_TCP_SYN_RECV, 60, SL_WHY_NONE},                   \
	{                                                                                          \
		S(O, SL_ACK, 1001, 5001, 0), OK, SL_TCP_ESTABLISHED, 432000, SL_WHY_NONE           \
	}

static const struct story {
	const char *name;
	struct line lines[14];
} stories[] = {
        {"opened, used, closed by the opener",
                {OPENED, {S(O, SL_ACK, 1001, 5001, 100), OK, SL_TCP_ESTABLISHED, 300},
                        {S(R, SL_ACK, 5001, 1101, 0), OK, SL_TCP_ESTABLISHED, 432000},
                        {S(O, FA, 1101, 5001, 0), OK, SL_TCP_FIN_WAIT, 120},
                        {S(R, SL_ACK, 5001, 1102, 0), OK, SL_TCP_CLOSE_WAIT, 60},
                        {S(R, FA, 5001, 1102, 0), OK, SL_TCP_LAST_ACK, 30},
                        {S(O, SL_ACK, 1102, 5002, 0), OK, SL_TCP_TIME_WAIT, 120}}},
        {"closed by both at once",
                {OPENED, {S(O, FA, 1001, 5001, 0), OK, SL_TCP_FIN_WAIT, 120},
                        {S(R, FA, 5001, 1001, 0), OK, SL_TCP_LAST_ACK, 30},
                        {S(O, SL_ACK, 1002, 5002, 0), OK, SL_TCP_TIME_WAIT, 120},
                        {S(R, SL_ACK, 5002, 1002, 0), OK, SL_TCP_TIME_WAIT, 120}}},
        {"refused", {{S(O, SL_SYN, 1000, 0, 0), OK, SL_TCP_SYN_SENT, 120},
                            {S(R, RA, 0, 1001, 0), CLOSE, SL_TCP_CLOSE, 0, SL_WHY_TCP_RESET}}},
        {"a SYN again does not keep it alive",
                {{S(O, SL_SYN, 1000, 0, 0), OK, SL_TCP_SYN_SENT, 120},
                        {S(O, SL_SYN, 1000, 0, 0), IGNORE, SL_TCP_SYN_SENT, 120}}},
        {"opened by both at once",
                {{S(O, SL_SYN, 1000, 0, 0), OK, SL_TCP_SYN_SENT, 120},
                        {S(R, SL_SYN, 5000, 0, 0), IGNORE, SL_TCP_SYN_SENT2, 0},
                        {S(O, SA, 1000, 5001, 0), OK, SL_TCP_SYN_RECV, 60},
                        {S(R, SA, 5000, 1001, 0), IGNORE, SL_TCP_SYN_RECV, 0,
                                SL_WHY_TCP_SYN_IN_SYNC},
                        {S(R, SL_ACK, 5001, 1001, 0), OK, SL_TCP_ESTABLISHED, 0}}},
        {"reset in the middle, with the number that is expected",
                {OPENED, {S(R, SL_RST, 5001, 0, 0), OK, SL_TCP_CLOSE, 10}}},
        {"reset with a number in the window: the receiver will ask back",
                {OPENED, {S(O, SL_ACK, 1001, 5001, 100), OK, SL_TCP_ESTABLISHED, 300},
                        {S(R, SL_RST, 5051, 0, 0), OK, SL_TCP_ESTABLISHED, 10}}},
        {"reset with a number from before: a guess",
                {OPENED, {S(R, SL_RST, 4000, 0, 0), INVALID, SL_TCP_ESTABLISHED, 0,
                                 SL_WHY_TCP_RST_SEQ}}},
        {"SYN in a live connection",
                {OPENED,
                        {S(O, SL_SYN, 90000, 0, 0), IGNORE, SL_TCP_ESTABLISHED, 0,
                                SL_WHY_TCP_SYN_IN_SYNC},
                        {S(R, SL_ACK, 5001, 1001, 0), OK, SL_TCP_ESTABLISHED, 0}}},
        {"SYN in a live connection that the peer takes: we follow",
                {OPENED,
                        {S(O, SL_SYN, 90000, 0, 0), IGNORE, SL_TCP_ESTABLISHED, 0,
                                SL_WHY_TCP_SYN_IN_SYNC},
                        {S(R, SA, 70000, 90001, 0), OK, SL_TCP_SYN_RECV, 60},
                        {S(O, SL_ACK, 90001, 70001, 0), OK, SL_TCP_ESTABLISHED, 0}}},
        {"a SYN/ACK of the opener", {OPENED, {S(O, SA, 1001, 5001, 0), INVALID, SL_TCP_ESTABLISHED,
                                                     0, SL_WHY_TCP_STATE}}},
        {"a SYN of the peer", {OPENED, {S(R, SL_SYN, 5001, 0, 0), INVALID, SL_TCP_ESTABLISHED, 0,
                                               SL_WHY_TCP_STATE}}},
        {"no flags that make sense",
                {OPENED, {S(O, 0, 1001, 5001, 0), INVALID, SL_TCP_ESTABLISHED, 0, SL_WHY_TCP_FLAGS},
                        {S(O, SL_SYN | SL_FIN, 1001, 5001, 0), INVALID, SL_TCP_ESTABLISHED, 0,
                                SL_WHY_TCP_FLAGS},
                        {S(O, SL_SYN | SL_RST, 1001, 5001, 0), INVALID, SL_TCP_ESTABLISHED, 0,
                                SL_WHY_TCP_FLAGS},
                        {S(O, SL_FIN, 1001, 5001, 0), INVALID, SL_TCP_ESTABLISHED, 0,
                                SL_WHY_TCP_FLAGS},
                        {S(O, 0xff, 1001, 5001, 0), INVALID, SL_TCP_ESTABLISHED, 0,
                                SL_WHY_TCP_FLAGS}}},
        {"PSH, ECE and CWR may stand anywhere",
                {{S(O, SL_SYN | SL_ECE | SL_CWR, 1000, 0, 0), OK, SL_TCP_SYN_SENT, 120},
                        {S(R, SA | SL_ECE, 5000, 1001, 0), OK, SL_TCP_SYN_RECV, 60},
                        {S(O, SL_ACK | SL_PSH | SL_CWR, 1001, 5001, 9), OK, SL_TCP_ESTABLISHED,
                                300}}},
        {"opened again behind its end",
                {OPENED, {S(O, FA, 1001, 5001, 0), OK, SL_TCP_FIN_WAIT, 120},
                        {S(R, FA, 5001, 1002, 0), OK, SL_TCP_LAST_ACK, 30},
                        {S(O, SL_ACK, 1002, 5002, 0), OK, SL_TCP_TIME_WAIT, 120},
                        {S(O, SL_SYN, 80000, 0, 0), REOPEN, SL_TCP_TIME_WAIT, 0,
                                SL_WHY_TCP_REOPENED}}},
        {"a challenge ACK does not end it",
                {OPENED, {S(O, FA, 1001, 5001, 0), OK, SL_TCP_FIN_WAIT, 120},
                        {S(R, FA, 5001, 1002, 0), OK, SL_TCP_LAST_ACK, 30},
                        {S(O, SL_SYN, 80000, 0, 0), IGNORE, SL_TCP_LAST_ACK, 0,
                                SL_WHY_TCP_SYN_IN_SYNC},
                        {S(R, SL_ACK, 5002, 1002, 0), IGNORE, SL_TCP_LAST_ACK, 0,
                                SL_WHY_TCP_CHALLENGE_ACK},
                        {S(R, SL_ACK, 5002, 1002, 0), OK, SL_TCP_TIME_WAIT, 120}}},
        {"a closing one believes any reset",
                {OPENED, {S(O, FA, 1001, 5001, 0), OK, SL_TCP_FIN_WAIT, 120},
                        {S(R, SL_RST, 99, 0, 0), OK, SL_TCP_CLOSE, 10}}},
        {"the same ACK four times: a shorter life",
                {OPENED, {S(R, SL_ACK, 5001, 1001, 0), OK, SL_TCP_ESTABLISHED, 432000},
                        {S(R, SL_ACK, 5001, 1001, 0), OK, SL_TCP_ESTABLISHED, 432000},
                        {S(R, SL_ACK, 5001, 1001, 0), OK, SL_TCP_ESTABLISHED, 432000},
                        {S(R, SL_ACK, 5001, 1001, 0), OK, SL_TCP_ESTABLISHED, 300},
                        {S(O, SL_ACK, 1001, 5001, 0), OK, SL_TCP_ESTABLISHED, 432000}}},
        {"a window of nothing: a shorter life",
                {OPENED, {{R, SL_ACK, 5001, 1001, 0, 0, NULL}, OK, SL_TCP_ESTABLISHED, 300}}},
        {"data beyond the window", {OPENED, {S(O, SL_ACK, 20000, 5001, 10), INVALID,
                                                    SL_TCP_ESTABLISHED, 0, SL_WHY_TCP_SEQ_OVER}}},
};

/* Segments as first packets. */
static const struct {
	struct segment s;
	enum sl_reason why;
} first[] = {
        {S(O, SL_SYN, 1000, 0, 0), SL_WHY_NONE},
        {S(O, SL_SYN | SL_URG, 1000, 0, 0), SL_WHY_NONE},
        {S(O, SL_SYN, 0xffffffff, 0, 100), SL_WHY_NONE}, /* with data (RFC 7413) */
        {S(O, SL_ACK, 1000, 5000, 10), SL_WHY_NONE},     /* picked up */
        {S(O, SA, 1000, 5000, 0), SL_WHY_NOT_NEW},
        {S(O, FA, 1000, 5000, 0), SL_WHY_NOT_NEW},
        {S(O, RA, 1000, 5000, 0), SL_WHY_NOT_NEW},
        {S(O, SL_RST, 1000, 0, 0), SL_WHY_NOT_NEW},
        {S(O, 0, 1000, 0, 0), SL_WHY_TCP_FLAGS},
        {S(O, SL_SYN | SL_FIN, 1000, 0, 0), SL_WHY_TCP_FLAGS},
};

static void tell(
        const struct story *story, unsigned n, const char *what, unsigned is, unsigned should)
{
	fail_msg("%s: line %u: %s is %u, not %u", story->name, n + 1, what, is, should);
}

static void play(const struct story *story)
{
	enum sl_reason why = SL_WHY_NONE;
	struct track_world w;
	struct sl_conn *conn = NULL;

	track_begin(&w, &(struct track_options){0});
	for (unsigned n = 0; story->lines[n].s.flags || story->lines[n].state; n++) {
		const struct line *l = &story->lines[n];
		unsigned result = SL_TRACK_OK;

		if (!conn)
			conn = segment_open(&w, &l->s, &why);
		else
			result = (unsigned)segment_put(&w, conn, &l->s, &why);
		assert_non_null(conn);
		if (result != (unsigned)l->result)
			tell(story, n, "the verdict", result, (unsigned)l->result);
		if (conn->state != l->state)
			tell(story, n, "the state", conn->state, l->state);
		if (why != l->why)
			tell(story, n, sl_reason_name(why), why, l->why);
		if (l->left && conn->deadline - w.t.now_ms != l->left * 1000)
			tell(story, n, "the time left", (conn->deadline - w.t.now_ms) / 1000,
			        l->left);
		later(&w, n == 0 ? 0 : 1);
	}
	track_end(&w);
}

static void each_story(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < sizeof(stories) / sizeof(stories[0]); i++)
		play(&stories[i]);
}

static void each_first_segment(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		enum sl_reason why;
		struct track_world w;
		struct sl_conn *conn;

		track_begin(&w, &(struct track_options){0});
		conn = segment_open(&w, &first[i].s, &why);
		if ((conn != NULL) != (first[i].why == SL_WHY_NONE) ||
		        (!conn && why != first[i].why))
			fail_msg("first segment %u: %s", i, sl_reason_name(why));
		track_end(&w);
	}
}

/* nf_conntrack_tcp_loose=0: what began before us is not taken. */
static void strict_pick_up(void **unused)
{
	struct segment ack = S(O, SL_ACK, 1000, 5000, 10);
	enum sl_reason why;
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	w.t.set.tcp_loose = false;
	assert_null(segment_open(&w, &ack, &why));
	assert_int_equal(why, SL_WHY_NOT_NEW);
	track_end(&w);
}

/* Picked up in mid-stream it has five minutes until somebody answers, then days. */
static void pick_up(void **unused)
{
	struct segment ack = S(O, SL_ACK, 1000, 5000, 10), answer = S(R, SL_ACK, 5000, 1010, 0),
	               more = S(O, SL_ACK, 1010, 5000, 0);
	enum sl_reason why;
	struct track_world w;
	struct sl_conn *conn;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	conn = segment_open(&w, &ack, &why);
	assert_int_equal(conn->state, SL_TCP_ESTABLISHED);
	assert_int_equal(conn->deadline - w.t.now_ms, 300000);
	assert_int_equal(segment_put(&w, conn, &answer, &why), SL_TRACK_OK);
	assert_false(conn->status & SL_ASSURED);
	assert_int_equal(segment_put(&w, conn, &more, &why), SL_TRACK_OK);
	assert_true(conn->status & SL_ASSURED);
	assert_int_equal(conn->deadline - w.t.now_ms, 432000000);
	track_end(&w);
}

/* FIN or RST out of the window from each side in turn: it is over for both, so not for days. */
static void invalid_ends_shorten_its_life(void **unused)
{
	static const struct segment open[] = {S(O, SL_SYN, 1000, 0, 0), S(R, SA, 5000, 1001, 0),
	        S(O, SL_ACK, 1001, 5001, 0)},
	                            fin[2] = {S(O, FA, 900000, 5001, 0), S(R, FA, 900000, 1001, 0)};
	enum sl_reason why;
	struct track_world w;
	struct sl_conn *conn;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	conn = segment_open(&w, &open[0], &why);
	segment_put(&w, conn, &open[1], &why);
	segment_put(&w, conn, &open[2], &why);
	assert_int_equal(segment_put(&w, conn, &fin[0], &why), SL_TRACK_INVALID);
	assert_int_equal(conn->deadline - w.t.now_ms, 432000000);
	assert_int_equal(
	        segment_put(&w, conn, &fin[0], &why), SL_TRACK_INVALID); /* the same side */
	assert_int_equal(conn->deadline - w.t.now_ms, 432000000);
	assert_int_equal(segment_put(&w, conn, &fin[1], &why), SL_TRACK_INVALID);
	assert_int_equal(conn->deadline - w.t.now_ms, 300000);
	assert_int_equal(conn->state, SL_TCP_ESTABLISHED);
	track_end(&w);
}

/* Which states may be thrown away when room is needed, and that all have their names. */
static void states_are_named_and_judged(void **unused)
{
	static const char *const names[] = {"NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED",
	        "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2"};
	const struct sl_proto *tcp = sl__proto(SL_PROTO_TCP);

	(void)unused;
	for (uint8_t state = 0; state < SL_TCP_STATE_COUNT; state++) {
		struct sl_conn conn = {.state = state};

		assert_string_equal(tcp->state_text(&conn), names[state]);
		assert_int_equal(
		        tcp->can_evict(&conn), state >= SL_TCP_FIN_WAIT && state <= SL_TCP_CLOSE);
	}
}

/*
 * Whatever comes in whatever state, nothing is done that has no name: every kind of segment in
 * every state and direction, with numbers at, before and behind what fits.
 */
static void anything_in_any_state(void **unused)
{
	static const uint32_t off[] = {0, 1, 0xffffffff, 5000, 0x7fffffff, 0x80000000};
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	for (unsigned state = 0; state < SL_TCP_STATE_COUNT; state++)
		for (unsigned flags = 0; flags < 64; flags++)
			for (unsigned i = 0; i < 2 * sizeof(off) / sizeof(off[0]); i++) {
				struct segment syn = S(O, SL_SYN, 1000, 0, 0),
				               s = S(i % 2 ? R : O, (uint8_t)flags,
				                       (i % 2 ? 5001u : 1001u) + off[i / 2],
				                       (i % 2 ? 1001u : 5001u) + off[i / 2], i);
				enum sl_reason why;
				struct sl_conn *conn = segment_open(&w, &syn, &why);
				enum sl_track_result result;

				conn->state = (uint8_t)state;
				result = segment_put(&w, conn, &s, &why);
				assert_in_range(conn->state, 0, SL_TCP_STATE_COUNT - 1);
				if (result == SL_TRACK_INVALID || result == SL_TRACK_CLOSE)
					assert_int_not_equal(why, SL_WHY_NONE);
				if (result == SL_TRACK_INVALID)
					assert_int_equal(conn->state, state);
				sl__conn_kill(&w.t, conn, SL_WHY_FLUSHED);
			}
	track_end(&w);
}

/* The short way says yes only where the long way does, and leaves the same behind. */
static void the_short_way_is_the_long_way(void **unused)
{
	static const struct segment open[] = {
	        S(O, SL_SYN, 1000, 0, 0), S(R, SA, 5000, 1001, 0), S(O, SL_ACK, 1001, 5001, 0)};
	uint32_t x = 7;
	unsigned taken = 0;
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	for (unsigned round = 0; round < 3000; round++) {
		enum sl_reason why;
		struct sl_conn *a = segment_open(&w, &open[0], &why), was;
		struct segment s =
		        S((enum sl_dir)(next_random(&x) % 2), SL_ACK, 0, 0, next_random(&x) % 200);
		struct segment_packet made;
		struct sl_tcp quick;
		uint32_t deadline;

		segment_put(&w, a, &open[1], &why);
		segment_put(&w, a, &open[2], &why);
		s.seq = (s.dir == O ? 1001u : 5001u) + next_random(&x) % 12000 - 6000;
		s.ack = (s.dir == O ? 5001u : 1001u) + next_random(&x) % 200 - 150;
		s.window = (uint16_t)(next_random(&x) % 6000);
		was = *a;
		segment_make(&s, &made);
		if (sl__tcp_usual(&w.t, a, s.dir, made.p.data + 20, 20 + s.len)) {
			taken++;
			quick = a->l4.tcp;
			deadline = a->deadline;
			a->l4.tcp = was.l4.tcp;
			a->state = was.state;
			assert_int_equal(segment_put(&w, a, &s, &why), SL_TRACK_OK);
			assert_memory_equal(&quick, &a->l4.tcp, sizeof(quick));
			assert_int_equal(deadline, a->deadline);
		} else
			assert_memory_equal(&was, a, sizeof(was)); /* nothing was touched */
		free(made.p.data);
		sl__conn_kill(&w.t, a, SL_WHY_FLUSHED);
	}
	assert_in_range(taken, 100, 2900); /* both were tried */
	track_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_story),
	        cmocka_unit_test(each_first_segment),
	        cmocka_unit_test(strict_pick_up),
	        cmocka_unit_test(pick_up),
	        cmocka_unit_test(invalid_ends_shorten_its_life),
	        cmocka_unit_test(states_are_named_and_judged),
	        cmocka_unit_test(anything_in_any_state),
	        cmocka_unit_test(the_short_way_is_the_long_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
