/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What people are told: a conn and an expectation as the outside sees them, texts of trace steps,
 * and the self-check, which must see what is wrong.
 * Tests: src/track/info.c src/track/trace.c src/track/check.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sluice/helper.h>

#include "track/tcp.h"
#include "track_lib.h"

/* ---- conns ----------------------------------------------------------------------------------- */

static void a_conn(void **unused)
{
	static const struct sl_helper helper = {.name = "test"};
	struct sl_tuple t = host_tuple(SL_PROTO_TCP, 2, 4000, 9, 80);
	struct sl_conn_info info;
	struct track_world w;
	struct sl_conn *conn;
	struct sl_ext *ext;

	(void)unused;
	track_begin(&w, &(struct track_options){.origin = 3});
	conn = conn_of(&w, &t);
	conn->mark = 0x1234;
	conn->state = SL_TCP_SYN_SENT;
	conn->status |= SL_STATUS_INNER; /* of no interest to anybody */
	conn->l4.tcp.flags[SL_REPLY] = SL_TCPF_SACK;
	sl__tcp_set_scale(&conn->l4.tcp, SL_REPLY, 9);
	conn->status &= (uint16_t)~SL_STATUS_IMPORTED;
	sl__conn_info(&w.t, conn, &info);
	assert_int_equal(info.id, sl__conn_id(&w.t, conn));
	assert_true(sl_tuple_eq(&info.tuple[SL_ORIGINAL], &t));
	assert_int_equal(info.tuple[SL_REPLY].dport, 4000);
	assert_int_equal(info.status, SL_CONFIRMED);
	assert_int_equal(info.timeout, 60);
	assert_int_equal(info.mark, 0x1234);
	assert_string_equal(info.state, "SYN_SENT");
	assert_int_equal(info.tcp_flags[SL_REPLY], SL_TCPF_SACK);
	assert_int_equal(info.tcp_wscale[SL_REPLY], 9);
	assert_null(info.helper);
	assert_false(info.has_master);
	ext = sl__conn_ext(&w.t, conn);
	ext->helper = &helper;
	ext->master_id = 99;
	ext->master = tuple_udp(7);
	ext->beyond = SL_BEYOND_EVICTION;
	ext->seqadj[1].before = -3;
	ext->seqadj[1].after = 4;
	ext->seqadj[1].pos = 5;
	sl__conn_info(&w.t, conn, &info);
	assert_string_equal(info.helper, "test");
	assert_true(info.has_master);
	assert_int_equal(info.master_id, 99);
	assert_int_equal(info.master.sport, 7);
	assert_int_equal(info.beyond, SL_BEYOND_EVICTION);
	assert_int_equal(info.seqadj[1].before, -3);
	assert_int_equal(info.seqadj[1].after, 4);
	assert_int_equal(info.seqadj[1].pos, 5);
	track_end(&w);
}

/* Without states of its own a protocol has no text, and no TCP members. */
static void a_conn_of_udp(void **unused)
{
	struct sl_conn_info info;
	struct track_world w;
	struct sl_conn *conn;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	conn = conn_udp(&w, 1000);
	memset(&conn->l4, 0xff, sizeof(conn->l4));
	memset(&info, 0xff, sizeof(info));
	sl__conn_info(&w.t, conn, &info);
	assert_null(info.state);
	assert_int_equal(info.tcp_flags[0] | info.tcp_flags[1] | info.tcp_wscale[0], 0);
	assert_int_equal(
	        info.packets[SL_REPLY] | info.bytes[SL_REPLY], 0); /* links, not counters */
	track_end(&w);
}

static const struct {
	uint32_t left_ms, shown;
} times[] = {{60000, 60}, {59501, 60}, {59500, 60}, {59499, 59}, {1, 0}, {500, 1}};

static void seconds_are_rounded(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct sl_conn_info info;
		struct track_world w;
		struct sl_conn *conn;

		track_begin(&w, &(struct track_options){0});
		conn = conn_udp(&w, 1000);
		sl__conn_refresh(&w.t, conn, times[i].left_ms);
		sl__conn_info(&w.t, conn, &info);
		assert_int_equal(info.timeout, times[i].shown);
		later(&w, times[i].left_ms + 1000); /* over, and not noticed yet */
		sl__conn_info(&w.t, conn, &info);
		assert_int_equal(info.timeout, 0);
		track_end(&w);
	}
}

static void an_expectation(void **unused)
{
	static const struct sl_helper maker = {.name = "maker"}, other = {.name = "other"};
	struct sl_expect_want want = {.tuple = host_tuple(SL_PROTO_UDP, 2, 0, 9, 2000),
	        .timeout_ms = 7000,
	        .class_id = 2,
	        .flags = SL_EXPECT_PERMANENT,
	        .beyond = SL_BEYOND_EVICTION,
	        .maker = &maker,
	        .helper = &other,
	        .reason = "why",
	        .more = {.has_nat = true,
	                .nat_dir = SL_REPLY,
	                .saved_port = 6,
	                .shown_addr = sl_addr_v4((uint8_t[4]){1, 2, 3, 4})}};
	struct sl_tuple t = host_tuple(SL_PROTO_TCP, 2, 4000, 9, 21);
	struct sl_expect_info info;
	struct track_world w;
	struct sl_expect *e;
	struct sl_conn *m;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	m = conn_of(&w, &t);
	assert_true(sl__id_set(&w.t, m, 12345));
	assert_int_equal(sl__expect_add(&w.t, m, &want, &e), SL_WHY_NONE);
	sl__expect_info(&w.t, e, &info);
	assert_int_equal(info.id, e->id);
	assert_int_equal(info.master_id, 12345);
	assert_true(sl_tuple_eq(&info.master, &t));
	assert_true(sl_tuple_eq(&info.tuple, &want.tuple));
	assert_int_equal(info.timeout, 7);
	assert_int_equal(info.class_id, 2);
	assert_int_equal(info.flags, SL_EXPECT_PERMANENT);
	assert_string_equal(info.helper, "maker"); /* who made it, not what it will get */
	assert_string_equal(info.reason, "why");
	assert_true(info.has_nat);
	assert_int_equal(info.nat_dir, SL_REPLY);
	assert_int_equal(info.nat.sport, 6);
	assert_int_equal(info.nat.src.b[15], 4);
	assert_int_equal(info.nat.proto, SL_PROTO_TCP); /* the master's, as Linux shows it */
	assert_int_equal(info.beyond, SL_BEYOND_EVICTION);
	track_end(&w);
}

/* ---- trace ----------------------------------------------------------------------------------- */

static void trace_formats(void **unused)
{
	struct track_world w;
	char longer[400];

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	SL_TRACE(&w.t, NULL, "nobody", "%s", "listens");
	assert_string_equal(w.trace, "");
	w.t.tracing = true;
	SL_TRACE(&w.t, NULL, "a", "%u %d %d %x %s%% %u", 4294967295u, -2147483647 - 1, 7, 0xbeefu,
	        "text", 0u);
	assert_string_equal(w.trace, "a: 4294967295 -2147483648 7 beef text% 0\n");
	w.trace[0] = '\0';
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	SL_TRACE(&w.t, NULL, "b", "%s", longer); /* cut, not overrun */
	assert_int_equal(strlen(w.trace), 3 + 256 + 1);
	track_end(&w);
}

static const struct {
	struct sl_tuple t;
	const char *text;
} tuples[] = {
        {{.proto = SL_PROTO_TCP, .family = SL_IPV4, .sport = 1, .dport = 65535},
                "0.0.0.0:1 > 0.0.0.0:65535"},
        {{.proto = SL_PROTO_TCP, .family = SL_IPV4, .dport = 80}, "0.0.0.0:* > 0.0.0.0:80"},
        {{.proto = SL_PROTO_UDP, .family = SL_IPV6, .sport = 1, .dport = 2}, "[::]:1 > [::]:2"},
        {{.proto = SL_PROTO_ICMP, .family = SL_IPV4, .sport = 1, .dport = 2}, "0.0.0.0 > 0.0.0.0"},
        {{.proto = 89, .family = SL_IPV6}, ":: > ::"},
};

static void tuple_texts(void **unused)
{
	char text[SL_TUPLE_TEXT];
	struct sl_tuple longest = {
	        .proto = SL_PROTO_TCP, .family = SL_IPV6, .sport = 65535, .dport = 65535};

	(void)unused;
	for (unsigned i = 0; i < sizeof(tuples) / sizeof(tuples[0]); i++) {
		struct sl_tuple t = tuples[i].t;

		if (t.family == SL_IPV4)
			t.src = t.dst = sl_addr_v4((uint8_t[4]){0, 0, 0, 0});
		assert_string_equal(sl__tuple_text(&t, text), tuples[i].text);
	}
	memset(&longest.src, 0xff, 16);
	memset(&longest.dst, 0xff, 16);
	assert_string_equal(sl__tuple_text(&longest, text),
	        "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 > "
	        "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

/* ---- the self-check -------------------------------------------------------------------------- */

/* Each kind of damage is seen, and mended it is not. */
static void the_check_sees(void **unused)
{
	struct sl_expect_want want = {
	        .tuple = host_tuple(SL_PROTO_UDP, 2, 0, 9, 2000), .timeout_ms = 7000, .class_max = 1};
	struct track_world w;
	struct sl_conn *a, *b;
	struct sl_expect *e;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	a = conn_udp(&w, 1000);
	b = conn_udp(&w, 1001);
	assert_int_equal(sl__expect_add(&w.t, a, &want, &e), SL_WHY_NONE);
	assert_null(sl__track_check(&w.t));
#define SEEN(damage, mend)                                                                         \
	do {                                                                                       \
		damage;                                                                            \
		assert_non_null(sl__track_check(&w.t));                                            \
		mend;                                                                              \
		assert_null(sl__track_check(&w.t));                                                \
	} while (0)
	SEEN(a->port[0].sport++, a->port[0].sport--); /* not found by its tuple */
	SEEN(a->zone = 1; a->flags |= SL_CONN_ZONE_REPLY, a->zone = 0;
	        a->flags &= (uint8_t)~SL_CONN_ZONE_REPLY);
	SEEN(a->self ^= 2, a->self ^= 2);
	SEEN(a->status &= (uint16_t)~SL_CONFIRMED, a->status |= SL_CONFIRMED);
	SEEN(w.t.unreplied++, w.t.unreplied--);
	SEEN(a->flags &= (uint8_t)~SL_CONN_UNREPLIED, a->flags |= SL_CONN_UNREPLIED);
	SEEN(w.t.table.entries++, w.t.table.entries--);
	SEEN(w.t.expects.count++, w.t.expects.count--);
	SEEN(sl__ext_of(&w.t, a)->expect_count[0]--, sl__ext_of(&w.t, a)->expect_count[0]++);
	SEEN(e->master = b->self, e->master = a->self);
	SEEN(e->class_id = 1, e->class_id = 0);
#undef SEEN
	track_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_conn),
	        cmocka_unit_test(a_conn_of_udp),
	        cmocka_unit_test(seconds_are_rounded),
	        cmocka_unit_test(an_expectation),
	        cmocka_unit_test(trace_formats),
	        cmocka_unit_test(tuple_texts),
	        cmocka_unit_test(the_check_sees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
