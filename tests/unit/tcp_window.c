/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP windows: each bound from its last number that fits to the first that does not, what is learnt
 * from a segment, and what is not to be taken seriously.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "segment_lib.h"

#define O SL_ORIGINAL
#define R SL_REPLY

/*
 * An open connection: original has sent up to 10000 and may send up to 15000, the peer has sent up
 * to 50000 and may send up to 57000. Windows offered: original 7000, reply 5000.
 */
static void opened(struct sl_conn *conn)
{
	memset(conn, 0, sizeof(*conn));
	conn->proto = SL_PROTO_TCP;
	conn->state = SL_TCP_ESTABLISHED;
	conn->l4.tcp = (struct sl_tcp){
	        .end = {10000, 50000}, .max_end = {15000, 57000}, .max_win = {7000, 5000}};
}

static enum sl_window judge(
        struct track_world *w, struct sl_conn *conn, const struct segment *s, enum sl_reason *why)
{
	struct segment_packet made;
	struct sl_tcp_segment t;
	enum sl_window result;

	segment_make(s, &made);
	t = (struct sl_tcp_segment){.parsed = &made.parsed,
	        .seq = s->seq,
	        .ack = s->ack,
	        .end = s->seq + s->len + !!(s->flags & SL_SYN) + !!(s->flags & SL_FIN),
	        .window = s->window,
	        .kind = s->flags & SL_RST   ? SL_KIND_RST
	                : s->flags & SL_SYN ? (s->flags & SL_ACK ? SL_KIND_SYN_ACK : SL_KIND_SYN)
	                : s->flags & SL_FIN ? SL_KIND_FIN
	                                    : SL_KIND_ACK,
	        .dir = s->dir};
	sl__tcp_options(&made.p, &made.parsed, &t.options);
	*why = SL_WHY_NONE;
	result = sl__tcp_window(&w->t, conn, &t, why);
	free(made.p.data);
	return result;
}

enum { OK = SL_WINDOW_OK, IGNORE = SL_WINDOW_IGNORE, INVALID = SL_WINDOW_INVALID };

static const struct row {
	const char *name;
	struct segment s; /* direction, flags, SEQ, ACK, window, payload */
	int result;
	enum sl_reason why;
} rows[] = {
        {"in order", {O, SL_ACK, 10000, 50000, 7000, 100}, OK},
        {"up to the window's end", {O, SL_ACK, 10000, 50000, 7000, 5000}, OK},
        {"begins at the window's end", {O, SL_ACK, 15000, 50000, 7000, 0}, OK},
        {"begins behind it, by less than a window", {O, SL_ACK, 15001, 50000, 7000, 0}, IGNORE,
                SL_WHY_TCP_SEQ_OVER},
        {"ends a window behind it", {O, SL_ACK, 15001, 50000, 7000, 4998}, IGNORE,
                SL_WHY_TCP_SEQ_OVER},
        {"ends further behind it", {O, SL_ACK, 15001, 50000, 7000, 4999}, INVALID,
                SL_WHY_TCP_SEQ_OVER},
        {"half the numbers away", {O, SL_ACK, 10000u + 0x7fffffff, 50000, 7000, 0}, INVALID,
                SL_WHY_TCP_SEQ_OVER},
        {"the last byte of a window ago", {O, SL_ACK, 4900, 50000, 7000, 100}, OK},
        {"older than a window", {O, SL_ACK, 4899, 50000, 7000, 100}, IGNORE, SL_WHY_TCP_SEQ_UNDER},
        {"acknowledges all that was sent", {R, SL_ACK, 50000, 10000, 5000, 0}, OK},
        {"acknowledges one more", {R, SL_ACK, 50000, 10001, 5000, 0}, INVALID, SL_WHY_TCP_ACK_OVER},
        {"acknowledges what is 66000 old", {O, SL_ACK, 10000, 50000u - 66000, 7000, 0}, OK},
        {"acknowledges what is older", {O, SL_ACK, 10000, 50000u - 66001, 7000, 0}, IGNORE,
                SL_WHY_TCP_ACK_UNDER},
        {"a reset without ACK is judged by its SEQ", {O, SL_RST, 10000, 77, 0, 0}, OK},
        {"a reset whose ACK is left 0", {O, SL_RST | SL_ACK, 10000, 0, 0, 0}, OK},
        {"a reset far off", {O, SL_RST, 900000, 0, 0, 0}, INVALID, SL_WHY_TCP_SEQ_OVER},
        {"FIN counts as a byte", {O, SL_FIN | SL_ACK, 14999, 50000, 7000, 0}, OK},
};

static void each_bound(void **unused)
{
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct sl_conn conn, liberal;
		enum sl_reason why;
		enum sl_window result;

		opened(&conn);
		result = judge(&w, &conn, &r->s, &why);
		if ((int)result != r->result || why != r->why)
			fail_msg("%s: %d, %s", r->name, (int)result, sl_reason_name(why));
		opened(&liberal);
		liberal.l4.tcp.flags[r->s.dir] |= SL_TCPF_LIBERAL;
		if (judge(&w, &liberal, &r->s, &why) != SL_WINDOW_OK || why != SL_WHY_NONE)
			fail_msg("%s: not even liberally", r->name);
		opened(&liberal);
		liberal.flags |= SL_CONN_LIBERAL; /* back from a device */
		assert_int_equal(judge(&w, &liberal, &r->s, &why), SL_WINDOW_OK);
		w.t.set.tcp_be_liberal = true;
		opened(&liberal);
		assert_int_equal(judge(&w, &liberal, &r->s, &why), SL_WINDOW_OK);
		w.t.set.tcp_be_liberal = false;
	}
	track_end(&w);
}

/* The same everywhere on the circle of numbers: each bound with its zero in the middle. */
static void bounds_across_zero(void **unused)
{
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int32_t at = -7000; at <= 7000; at += 500) {
			uint32_t o = 0u - 10000 + (uint32_t)at, r = 0u - 50000 + (uint32_t)at;
			struct segment s = rows[i].s;
			struct sl_conn conn;
			enum sl_reason why;

			if (s.flags & SL_RST)
				continue; /* its 0 means something */
			opened(&conn);
			conn.l4.tcp.end[O] += o, conn.l4.tcp.max_end[O] += o;
			conn.l4.tcp.end[R] += r, conn.l4.tcp.max_end[R] += r;
			s.seq += s.dir == O ? o : r;
			s.ack += s.dir == O ? r : o;
			if ((int)judge(&w, &conn, &s, &why) != rows[i].result)
				fail_msg("%s, moved by %d", rows[i].name, at);
		}
	track_end(&w);
}

/* ---- what is learnt -------------------------------------------------------------------------- */

static const struct lesson {
	const char *name;
	struct segment s;
	uint32_t end, max_end, max_win; /* of the sender, then ... */
	uint32_t others_max_end;        /* ... how far the other may send now */
	uint8_t unacked;                /* bit dir: has data that is not acknowledged */
} lessons[] = {
        {"new data", {O, SL_ACK, 10000, 50000, 7000, 100}, 10100, 15000, 7000, 57000, 1},
        {"old data", {O, SL_ACK, 9000, 50000, 7000, 100}, 10000, 15000, 7000, 57000, 0},
        {"a larger window", {O, SL_ACK, 10000, 50000, 9000, 0}, 10000, 15000, 9000, 59000, 0},
        {"a smaller window takes nothing back", {O, SL_ACK, 10000, 50000, 100, 0}, 10000, 15000,
                7000, 57000, 0},
        {"no window: a probe is allowed", {O, SL_ACK, 10000, 57000, 0, 0}, 10000, 15000, 7000,
                57001, 0},
};

static void each_lesson(void **unused)
{
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	for (unsigned i = 0; i < sizeof(lessons) / sizeof(lessons[0]); i++) {
		const struct lesson *l = &lessons[i];
		struct sl_conn conn;
		enum sl_reason why;
		const struct sl_tcp *tcp = &conn.l4.tcp;

		opened(&conn);
		conn.l4.tcp.end[R] = 57000;
		conn.l4.tcp.max_end[R] = 57000;
		assert_int_equal(judge(&w, &conn, &l->s, &why), SL_WINDOW_OK);
		if (tcp->end[O] != l->end || tcp->max_end[O] != l->max_end ||
		        tcp->max_win[O] != l->max_win || tcp->max_end[R] != l->others_max_end)
			fail_msg("%s: end %u, max_end %u, max_win %u, other's max_end %u", l->name,
			        tcp->end[O], tcp->max_end[O], tcp->max_win[O], tcp->max_end[R]);
		assert_int_equal(!!(tcp->flags[O] & SL_TCPF_UNACKED), l->unacked);
	}
	track_end(&w);
}

/* What was sent counts as unacknowledged until just that is acknowledged. */
static void unacknowledged(void **unused)
{
	struct segment data = {O, SL_ACK, 10000, 50000, 7000, 100},
	               half = {R, SL_ACK, 50000, 10050, 5000, 0},
	               all = {R, SL_ACK, 50000, 10100, 5000, 0};
	struct track_world w;
	struct sl_conn conn;
	enum sl_reason why;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	opened(&conn);
	judge(&w, &conn, &data, &why);
	judge(&w, &conn, &half, &why);
	assert_true(conn.l4.tcp.flags[O] & SL_TCPF_UNACKED);
	judge(&w, &conn, &all, &why);
	assert_false(conn.l4.tcp.flags[O] & SL_TCPF_UNACKED);
	assert_int_equal(conn.l4.tcp.max_ack[R], 10100);
	judge(&w, &conn, &half, &why); /* came late */
	assert_int_equal(conn.l4.tcp.max_ack[R], 10100);
	track_end(&w);
}

/* ---- scaling --------------------------------------------------------------------------------- */

#define SCALE(n) "0303" n "01"

/* Window scales of SYN and SYN/ACK, and what a window of 100 means afterwards. */
static const struct {
	const char *syn, *syn_ack;
	uint8_t original, reply;
} scales[] = {
        {SCALE("07"), SCALE("05"), 7, 5},
        {SCALE("0e"), SCALE("00"), 14, 0},
        {SCALE("ff"), SCALE("0f"), 14, 14}, /* no more than RFC 7323 allows */
        {SCALE("07"), "01010101", 0, 0},    /* only one of them: neither */
        {"01010101", SCALE("07"), 0, 0},
        {NULL, NULL, 0, 0},
};

static void each_scale(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < sizeof(scales) / sizeof(scales[0]); i++) {
		struct segment syn = {O, SL_SYN, 1000, 0, 60000, 0, scales[i].syn},
		               syn_ack = {R, SL_SYN | SL_ACK, 5000, 1001, 60000, 0,
		                       scales[i].syn_ack},
		               ack = {O, SL_ACK, 1001, 5001, 60000, 0, NULL};
		struct track_world w;
		enum sl_reason why;
		struct sl_conn *conn;
		const struct sl_tcp *tcp;

		track_begin(&w, &(struct track_options){0});
		conn = segment_open(&w, &syn, &why);
		tcp = &conn->l4.tcp;
		assert_int_equal(tcp->max_win[O], 60000); /* a SYN's own is never scaled */
		assert_int_equal(segment_put(&w, conn, &syn_ack, &why), SL_TRACK_OK);
		assert_int_equal(sl__tcp_scale(tcp, O), scales[i].original);
		assert_int_equal(sl__tcp_scale(tcp, R), scales[i].reply);
		assert_int_equal(tcp->max_end[O], 1001 + 60000);
		assert_int_equal(segment_put(&w, conn, &ack, &why), SL_TRACK_OK);
		assert_int_equal(tcp->max_end[R], 5001 + (60000u << scales[i].original));
		track_end(&w);
	}
}

static void scales_stand_beside_each_other(void **unused)
{
	struct sl_tcp tcp = {0};

	(void)unused;
	for (uint8_t o = 0; o <= 14; o++)
		for (uint8_t r = 0; r <= 14; r++) {
			sl__tcp_set_scale(&tcp, O, o);
			sl__tcp_set_scale(&tcp, R, r);
			assert_int_equal(sl__tcp_scale(&tcp, O), o);
			assert_int_equal(sl__tcp_scale(&tcp, R), r);
		}
}

/* ---- SACK, edits, pick-up -------------------------------------------------------------------- */

/* A SACK block in the place of the ACK, if the other side agreed to SACK. */
static void sack_counts_where_it_was_agreed(void **unused)
{
	/* acknowledges 10000 - 66001, with a block that ends at 10000 */
	struct segment s = {R, SL_ACK, 50000, 10000u - 66001, 5000, 0, "0101050a000003e800002710"};
	struct track_world w;
	struct sl_conn conn;
	enum sl_reason why;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	opened(&conn);
	assert_int_equal(judge(&w, &conn, &s, &why), SL_WINDOW_IGNORE);
	assert_int_equal(why, SL_WHY_TCP_ACK_UNDER);
	opened(&conn);
	conn.l4.tcp.flags[O] |= SL_TCPF_SACK;
	assert_int_equal(judge(&w, &conn, &s, &why), SL_WINDOW_OK);
	conn.l4.tcp.end[O] = 9999; /* a block of what was never sent */
	assert_int_equal(judge(&w, &conn, &s, &why), SL_WINDOW_INVALID);
	assert_int_equal(why, SL_WHY_TCP_ACK_OVER);
	track_end(&w);
}

/* An edited stream: its ACK is moved back into its sender's numbers first. */
static void numbers_of_an_edited_stream(void **unused)
{
	struct segment s = {R, SL_ACK, 50000, 10007, 5000, 0, NULL};
	struct track_world w;
	struct sl_conn conn;
	enum sl_reason why;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	w.offset = 7;
	opened(&conn);
	assert_int_equal(judge(&w, &conn, &s, &why), SL_WINDOW_INVALID); /* not edited: 7 too far */
	opened(&conn);
	conn.flags |= SL_CONN_EDITED;
	assert_int_equal(judge(&w, &conn, &s, &why), SL_WINDOW_OK);
	assert_int_equal(conn.l4.tcp.max_ack[R], 10000);
	track_end(&w);
}

/* The other side was never heard: what acknowledges it tells where it is. */
static void picked_up_from_one_side(void **unused)
{
	struct segment s = {R, SL_ACK, 50000, 10000, 5000, 100, NULL}, keepalive;
	struct track_world w;
	struct sl_conn conn;
	enum sl_reason why;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	opened(&conn);
	conn.l4.tcp = (struct sl_tcp){0};
	assert_int_equal(judge(&w, &conn, &s, &why), SL_WINDOW_OK);
	assert_int_equal(conn.l4.tcp.end[R], 50100);
	assert_int_equal(conn.l4.tcp.max_win[R], 5000);
	assert_int_equal(conn.l4.tcp.end[O], 10000);
	/* No window at all is one of 1: a sender with 0 would count as never heard. */
	opened(&conn);
	conn.l4.tcp = (struct sl_tcp){0};
	s.window = 0;
	assert_int_equal(judge(&w, &conn, &s, &why), SL_WINDOW_OK);
	assert_int_equal(conn.l4.tcp.max_win[R], 1);
	/* A keep-alive's answer acknowledges one more than was seen. */
	opened(&conn);
	conn.l4.tcp.max_win[R] = 0;
	keepalive = (struct segment){R, SL_ACK, 50000, 10001, 5000, 0, NULL};
	assert_int_equal(judge(&w, &conn, &keepalive, &why), SL_WINDOW_OK);
	assert_int_equal(conn.l4.tcp.end[O], 10001);
	track_end(&w);
}

/* Only an ACK that is the same in all its numbers, from the same side, is a retransmission. */
static void retransmissions_are_counted(void **unused)
{
	struct segment a = {O, SL_ACK, 10000, 50000, 7000, 10, NULL}, b;
	struct track_world w;
	struct sl_conn conn;
	enum sl_reason why;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	opened(&conn);
	for (unsigned i = 0; i < 5; i++) {
		judge(&w, &conn, &a, &why);
		assert_int_equal(conn.l4.tcp.retrans, i);
	}
	for (unsigned i = 0; i < 4; i++) {
		b = a;
		b.seq += i == 0;
		b.ack -= i == 1;
		b.window = (uint16_t)(b.window - (i == 2));
		b.len += i == 3;
		judge(&w, &conn, &b, &why);
		assert_int_equal(conn.l4.tcp.retrans, 0);
		judge(&w, &conn, &b, &why);
		assert_int_equal(conn.l4.tcp.retrans, 1);
		judge(&w, &conn, &a, &why);
	}
	track_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_bound),
	        cmocka_unit_test(bounds_across_zero),
	        cmocka_unit_test(each_lesson),
	        cmocka_unit_test(unacknowledged),
	        cmocka_unit_test(each_scale),
	        cmocka_unit_test(scales_stand_beside_each_other),
	        cmocka_unit_test(sack_counts_where_it_was_agreed),
	        cmocka_unit_test(numbers_of_an_edited_stream),
	        cmocka_unit_test(picked_up_from_one_side),
	        cmocka_unit_test(retransmissions_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
