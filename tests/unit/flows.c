/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The protocols whose connections are packets and timeouts, no more.
 * Tests: src/track/udp.c src/track/icmp.c src/track/generic.c src/track/proto.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "track/proto.h"
#include "track_lib.h"

/* One packet: its direction, how long after the first, and what is then known. */
struct packet {
	char dir; /* 'o' original, 'r' reply */
	uint32_t at_ms;
	uint32_t timeout; /* seconds */
	bool assured;
};

static const struct row {
	const char *name;
	uint8_t proto;
	struct packet packets[6];
} rows[] = {
        {"UDP unanswered", SL_PROTO_UDP, {{'o', 0, 30}, {'o', 5000, 30}, {'o', 90000, 30}}},
        {"UDP: question and answer", SL_PROTO_UDP, {{'o', 0, 30}, {'r', 10, 30}}},
        {"UDP: two seconds are not more than two", SL_PROTO_UDP,
                {{'o', 0, 30}, {'r', 10, 30}, {'o', 2000, 30}}},
        {"UDP: a stream behind two seconds", SL_PROTO_UDP,
                {{'o', 0, 30}, {'r', 10, 30}, {'o', 2001, 120, true}}},
        {"UDP: the first answer makes no stream, however late", SL_PROTO_UDP,
                {{'o', 0, 30}, {'r', 9000, 30}, {'o', 9000, 120, true}}},
        {"UDP: once a stream, always a stream", SL_PROTO_UDP,
                {{'o', 0, 30}, {'r', 10, 30}, {'r', 3000, 120, true}, {'o', 3000, 120, true}}},
        {"UDP-Lite unanswered", SL_PROTO_UDPLITE, {{'o', 0, 30}, {'o', 9000, 30}}},
        {"UDP-Lite does not wait", SL_PROTO_UDPLITE,
                {{'o', 0, 30}, {'r', 1, 30}, {'o', 1, 120, true}}},
        {"ICMP echo", SL_PROTO_ICMP, {{'o', 0, 30}, {'r', 10, 30}, {'o', 70000, 30}}},
        {"ICMPv6 echo", SL_PROTO_ICMPV6, {{'o', 0, 30}, {'r', 10, 30}}},
        {"OSPF", 89, {{'o', 0, 600}, {'r', 10, 600}, {'o', 599000, 600}}},
        {"GRE", SL_PROTO_GRE, {{'o', 0, 30}, {'o', 5, 30}, {'r', 10, 30}, {'o', 11, 180, true}}},
};

static struct sl_tuple tuple_for(uint8_t proto)
{
	if (proto == SL_PROTO_ICMP)
		return host_tuple(proto, 2, 7, 9, SL_TUPLE_ICMP(8, 0));
	if (proto == SL_PROTO_ICMPV6)
		return host_tuple6(proto, 2, 7, 9, SL_TUPLE_ICMP(128, 0));
	return host_tuple(proto, 2, proto == 89 ? 0 : 4000, 9, proto == 89 ? 0 : 53);
}

/* As the engine does: a first packet opens, then each is one of its connection. */
static struct sl_conn *open_with(
        struct track_world *w, uint8_t proto, const struct sl_parsed *parsed, enum sl_reason *why)
{
	struct sl_tuple tuple = tuple_for(proto);
	struct sl_conn *conn = sl__conn_new(&w->t, &tuple, 0, 0, why);
	struct sl_packet p = {.len = parsed->len};

	assert_non_null(conn);
	if (sl__proto(proto)->open(&w->t, conn, &p, parsed, why))
		return conn;
	sl__conn_drop(&w->t, conn);
	return NULL;
}

static void put(struct track_world *w, struct sl_conn *conn, enum sl_dir dir,
        const struct sl_parsed *parsed)
{
	struct sl_packet p = {.len = parsed->len};
	enum sl_reason why = SL_WHY_NONE;

	assert_int_equal(
	        sl__proto(conn->proto)->packet(&w->t, conn, dir, &p, parsed, &why), SL_TRACK_OK);
	assert_int_equal(why, SL_WHY_NONE);
	if (dir == SL_REPLY)
		sl__conn_replied(&w->t, conn);
}

static void each_flow(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct sl_parsed parsed = {.len = 60, .icmp = SL_ICMP_REQUEST};
		enum sl_reason why = SL_WHY_NONE;
		struct track_world w;
		struct sl_conn *conn;
		uint64_t begin;

		track_begin(&w, &(struct track_options){0});
		begin = w.t.now;
		conn = open_with(&w, r->proto, &parsed, &why);
		assert_non_null(conn);
		for (const struct packet *p = r->packets; p->dir; p++) {
			sl__track_set_now(&w.t, begin + p->at_ms * 1000000ull);
			put(&w, conn, p->dir == 'o' ? SL_ORIGINAL : SL_REPLY, &parsed);
			if (p == r->packets)
				assert_int_equal(sl__conn_confirm(&w.t, conn), SL_WHY_NONE);
			if (conn->deadline - w.t.now_ms != p->timeout * 1000)
				fail_msg("%s: %u ms left behind %u ms, not %u s", r->name,
				        conn->deadline - w.t.now_ms, p->at_ms, p->timeout);
			if (!!(conn->status & SL_ASSURED) != p->assured)
				fail_msg("%s: assured or not at %u ms", r->name, p->at_ms);
			if (p->assured) /* and somebody will be told */
				assert_true(conn->pending & SL_PENDING_ASSURED);
		}
		track_end(&w);
	}
}

/* The clock of 32-bit milliseconds goes round in 49 days: what lies across it is no different. */
static void a_stream_across_the_end_of_the_clock(void **unused)
{
	struct sl_parsed parsed = {.len = 60};
	enum sl_reason why = SL_WHY_NONE;
	struct track_world w;
	struct sl_conn *conn;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	sl__track_set_now(&w.t, (UINT64_C(0x100000000) - 1000) * 1000000);
	conn = open_with(&w, SL_PROTO_UDP, &parsed, &why);
	put(&w, conn, SL_ORIGINAL, &parsed);
	assert_int_equal(sl__conn_confirm(&w.t, conn), SL_WHY_NONE);
	later(&w, 1999);
	put(&w, conn, SL_REPLY, &parsed);
	assert_false(conn->status & SL_ASSURED);
	later(&w, 2);
	put(&w, conn, SL_ORIGINAL, &parsed);
	assert_true(conn->status & SL_ASSURED);
	track_end(&w);
}

/* A rule's timeouts go before the tunables, a fixed timeout before both. */
static void whose_timeout(void **unused)
{
	struct sl_parsed parsed = {.len = 60};
	struct sl_timeouts of_rule = {.udp = {7, 9}, .icmp = 1, .generic = 3};
	enum sl_reason why = SL_WHY_NONE;
	struct track_world w;
	struct sl_conn *conn;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	assert_true(sl__tunables_set(&w.t.set, "nf_conntrack_udp_timeout", 55));
	conn = open_with(&w, SL_PROTO_UDP, &parsed, &why);
	put(&w, conn, SL_ORIGINAL, &parsed);
	assert_int_equal(conn->deadline - w.t.now_ms, 55000);
	assert_int_equal(sl__conn_confirm(&w.t, conn), SL_WHY_NONE);
	sl__conn_ext(&w.t, conn)->timeouts = &of_rule;
	put(&w, conn, SL_ORIGINAL, &parsed);
	assert_int_equal(conn->deadline - w.t.now_ms, 7000);
	later(&w, 2500);
	put(&w, conn, SL_REPLY, &parsed);
	put(&w, conn, SL_REPLY, &parsed);
	assert_int_equal(conn->deadline - w.t.now_ms, 9000);
	conn->status |= SL_FIXED_TIMEOUT;
	later(&w, 1000);
	put(&w, conn, SL_ORIGINAL, &parsed);
	assert_int_equal(conn->deadline - w.t.now_ms, 8000);
	track_end(&w);
}

/* Only a question opens a connection of ICMP. */
static void what_opens_icmp(void **unused)
{
	static const struct {
		uint8_t kind;
		enum sl_reason why;
	} kinds[] = {{SL_ICMP_REQUEST, SL_WHY_NONE}, {SL_ICMP_ANSWER, SL_WHY_ICMP_NO_QUERY},
	        {SL_ICMP_OTHER, SL_WHY_ICMP_TYPE}, {SL_ICMP_UNKNOWN, SL_WHY_ICMP_TYPE},
	        {SL_ICMP_NEIGHBOUR, SL_WHY_ICMP_TYPE}};

	(void)unused;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			struct sl_parsed parsed = {.icmp = kinds[i].kind};
			enum sl_reason why = SL_WHY_NONE;
			struct track_world w;
			struct sl_conn *conn;

			track_begin(&w, &(struct track_options){0});
			conn = open_with(&w, v6 ? SL_PROTO_ICMPV6 : SL_PROTO_ICMP, &parsed, &why);
			assert_int_equal(conn != NULL, kinds[i].why == SL_WHY_NONE);
			assert_int_equal(why, kinds[i].why);
			if (conn)
				sl__conn_drop(&w.t, conn);
			track_end(&w);
		}
}

/* ICMP and ICMPv6 have a timeout each. */
static void icmp_timeouts_are_two(void **unused)
{
	struct sl_parsed parsed = {.icmp = SL_ICMP_REQUEST};
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	assert_true(sl__tunables_set(&w.t.set, "nf_conntrack_icmp_timeout", 4));
	assert_true(sl__tunables_set(&w.t.set, "nf_conntrack_icmpv6_timeout", 6));
	for (unsigned v6 = 0; v6 < 2; v6++) {
		enum sl_reason why = SL_WHY_NONE;
		struct sl_conn *conn =
		        open_with(&w, v6 ? SL_PROTO_ICMPV6 : SL_PROTO_ICMP, &parsed, &why);

		put(&w, conn, SL_ORIGINAL, &parsed);
		assert_int_equal(conn->deadline - w.t.now_ms, v6 ? 6000 : 4000);
		sl__conn_drop(&w.t, conn);
	}
	track_end(&w);
}

/* Every number has its table, and none is without what the engine calls. */
static void every_number(void **unused)
{
	static const uint8_t known[] = {SL_PROTO_TCP, SL_PROTO_UDP, SL_PROTO_UDPLITE, SL_PROTO_ICMP,
	        SL_PROTO_ICMPV6, SL_PROTO_SCTP, SL_PROTO_GRE};

	(void)unused;
	for (unsigned i = 0; i < 256; i++) {
		const struct sl_proto *proto = sl__proto((uint8_t)i);
		bool is_known = memchr(known, (int)i, sizeof(known)) != NULL;

		assert_true(proto->open && proto->packet && proto->name);
		assert_int_equal(proto->number, is_known ? i : 0);
		assert_int_equal(proto == &sl__proto_generic, !is_known);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_flow),
	        cmocka_unit_test(a_stream_across_the_end_of_the_clock),
	        cmocka_unit_test(whose_timeout),
	        cmocka_unit_test(what_opens_icmp),
	        cmocka_unit_test(icmp_timeouts_are_two),
	        cmocka_unit_test(every_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
