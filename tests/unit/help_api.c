/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a helper may call, from where it calls it: each call with what it is for and with what it
 * is not, in a datagram and in a line of a stream.
 * Tests: src/help/api.c src/help/datagram.c src/help/runtime.c src/engine/helpers.c
 */
#include "helper_lib.h"

static struct gateway g;

/* ---- replacing ------------------------------------------------------------------------------- */

/* One edit of "0123456789" and what becomes of it; NULL: refused. */
static const struct edit {
	size_t offset, length;
	const char *bytes;
	const char *becomes;
} edits[] = {
        {2, 3, "abc", "01abc56789"},
        {2, 3, "a", "01a56789"},
        {2, 3, "abcdefgh", "01abcdefgh56789"},
        {0, 10, "x", "x"},
        {0, 1, "", "123456789"},
        {3, 4, "", "012789"},
        {9, 1, "", "012345678"},
        {2, 3, "234", "0123456789"}, /* the same */
        {4, 0, "", "0123456789"},
        {0, 0, "ab", "ab0123456789"}, /* insertions: before all, within, behind all */
        {5, 0, "ab", "01234ab56789"},
        {10, 0, "ab", "0123456789ab"},
        {11, 0, "ab", NULL},
        {10, 1, "ab", NULL},
        {5, 6, "ab", NULL},
        {SIZE_MAX, 2, "ab", NULL},
        {1, SIZE_MAX, "ab", NULL},
};
static const struct edit *edit;

static enum sl_help_result make_edit(struct sl_help *help, struct sl_message *message)
{
	bool ok = sl_replace(
	        help, message, edit->offset, edit->length, edit->bytes, strlen(edit->bytes));

	assert_int_equal(ok, edit->becomes != NULL);
	return ok ? SL_PASS : sl_refuse(help, SL_WHY_HELPER_SYNTAX);
}

static void each_edit_of_a_datagram(void **unused)
{
	(void)unused;
	for (unsigned nat = 0; nat < 2; nat++) {
		helper_begin(&g, nat);
		for (unsigned i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
			struct sl_packet p;

			edit = &edits[i];
			p = say_udp(&g, true, "0123456789", make_edit);
			assert_int_equal(p.verdict, edit->becomes ? SL_ACCEPT : SL_DROP);
			if (edit->becomes)
				assert_string_equal(payload(&p), edit->becomes);
			else
				assert_int_equal(p.reason, SL_WHY_HELPER_SYNTAX);
			done(&g, &p);
		}
		gateway_end(&g);
	}
}

static enum sl_help_result insert_too_much(struct sl_help *help, struct sl_message *message)
{
	char bytes[300] = {0};

	assert_false(sl_replace(help, message, 1, 0, bytes, 256)); /* takes a neighbour along */
	assert_true(sl_replace(help, message, 1, 0, bytes, 255));
	return SL_PASS;
}

static enum sl_help_result out_of_order(struct sl_help *help, struct sl_message *message)
{
	assert_true(sl_replace(help, message, 5, 2, "x", 1));
	assert_false(sl_replace(help, message, 3, 1, "x", 1)); /* before the last one */
	assert_false(sl_replace(help, message, 6, 1, "x", 1)); /* within it */
	assert_true(sl_replace(help, message, 7, 1, "y", 1));
	return SL_PASS;
}

static enum sl_help_result insert_into_nothing(struct sl_help *help, struct sl_message *message)
{
	struct sl_message none = *message;

	none.text.end = none.text.start;
	assert_false(sl_replace(help, &none, 0, 0, "x", 1));
	return SL_PASS;
}

static void limits_of_edits(void **unused)
{
	struct sl_packet p;

	(void)unused;
	helper_begin(&g, true);
	p = say_udp(&g, true, "0123456789", insert_too_much);
	assert_int_equal(p.len, 28 + 10 + 255);
	done(&g, &p);
	p = say_udp(&g, true, "0123456789", out_of_order);
	assert_string_equal(payload(&p), "01234xy89");
	done(&g, &p);
	p = say_udp(&g, true, "0123456789", insert_into_nothing);
	done(&g, &p);
	gateway_end(&g);
}

static enum sl_help_result edit_and_refuse(struct sl_help *help, struct sl_message *message)
{
	assert_true(sl_replace(help, message, 0, 3, "x", 1));
	return sl_refuse(help, SL_WHY_HELPER_PORT);
}

static enum sl_help_result edit_and_leave(struct sl_help *help, struct sl_message *message)
{
	assert_true(sl_replace(help, message, 0, 3, "x", 1));
	return SL_LEAVE;
}

/* A helper that has left is not asked any more, in either direction; its last edit is made. */
static void results(void **unused)
{
	struct sl_packet p;

	(void)unused;
	helper_begin(&g, true);
	p = say_udp(&g, true, "0123456789", edit_and_refuse);
	assert_int_equal(p.verdict, SL_DROP);
	assert_int_equal(p.reason, SL_WHY_HELPER_PORT);
	done(&g, &p);
	p = say_udp(&g, true, "0123456789", edit_and_leave);
	assert_string_equal(payload(&p), "x3456789");
	done(&g, &p);
	for (unsigned client = 0; client < 2; client++) {
		p = say_udp(&g, client, "0123456789", edit_and_refuse);
		assert_int_equal(p.verdict, SL_ACCEPT);
		assert_int_equal(acted, 0);
		done(&g, &p);
	}
	p = say_udp(&g, true, "", edit_and_refuse); /* nothing to read */
	done(&g, &p);
	gateway_end(&g);
}

/* ---- another port of the same host ----------------------------------------------------------- */

static enum sl_help_result to_another_port(struct sl_help *help, struct sl_message *message)
{
	struct sl_tuple t;

	assert_true(sl_packet_tuple(help, &t));
	assert_int_equal(t.dport, message->dir == SL_ORIGINAL ? 7777 : 4000);
	assert_true(sl_packet_set_dport(help, 999));
	return sl_replace(help, message, 0, 1, "ab", 2) ? SL_PASS : SL_REFUSE;
}

static void datagram_to_another_port(void **unused)
{
	struct sl_packet p;

	(void)unused;
	helper_begin(&g, false);
	p = say_udp(&g, true, "0123", to_another_port); /* checksums: put_in() looks */
	assert_int_equal(p.verdict, SL_ACCEPT);
	assert_int_equal(sl_get16(p.data + 22), 999);
	assert_string_equal(payload(&p), "ab123");
	done(&g, &p);
	p = say_udp(&g, true, "0123", NULL); /* for that one only */
	assert_int_equal(sl_get16(p.data + 22), 7777);
	done(&g, &p);
	gateway_end(&g);
}

/* ---- what it may ask ------------------------------------------------------------------------- */

static bool nat_there;

static struct sl_endpoint end_of(const char *addr, uint16_t port)
{
	return (struct sl_endpoint){
	        .addr = addr_of(addr), .port = port, .family = SL_IPV4, .proto = SL_PROTO_UDP};
}

/* From the client's side: which endpoint becomes which for the server. */
static enum sl_help_result ask_about_ends(struct sl_help *help, struct sl_message *message)
{
	static const struct {
		const char *addr;
		uint16_t port;
		const char *seen; /* under NAT; NULL: it is nobody's end */
		const char *plain;
	} ends[] = {{CLIENT, 4000, PUBLIC, CLIENT}, {CLIENT, 0, PUBLIC, CLIENT},
	        {CLIENT, 1, NULL, NULL}, {SERVER, 7777, SERVER, SERVER},
	        {SERVER, 0, SERVER, SERVER}, {SERVER, 4000, NULL, NULL},
	        {PUBLIC, 4000, NULL, NULL}};

	for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct sl_endpoint e = end_of(ends[i].addr, ends[i].port);
		bool is = sl_seen_as(help, message->dir, &e);

		assert_int_equal(is, ends[i].seen != NULL);
		if (!is)
			continue;
		struct sl_addr want = addr_of(nat_there ? ends[i].seen : ends[i].plain);
		assert_true(sl_addr_eq(&e.addr, &want));
		assert_int_equal(e.port, ends[i].port);
	}
	return SL_PASS;
}

static enum sl_help_result ask_the_rest(struct sl_help *help, struct sl_message *message)
{
	struct sl_addr inside = addr_of("10.0.0.77"), outside = addr_of("198.51.100.1");
	struct sl_help_route route;
	uint32_t *data = sl_help_data(help);
	struct sl_tuple t;

	(void)message;
	assert_ptr_equal(sl_help_record(help), &test_udp);
	assert_int_equal(data[0], acted - 1 + data[1]); /* kept from message to message */
	data[0]++;
	assert_int_equal(sl_help_option(help, "test_value"), 3);
	assert_int_equal(sl_help_option(help, "nf_conntrack_udp_timeout"), 30);
	assert_int_equal(sl_help_option(help, "no such thing"), 0);
	sl_help_tuple(help, SL_ORIGINAL, &t);
	assert_int_equal(t.sport, 4000);
	sl_help_tuple(help, SL_REPLY, &t);
	assert_int_equal(t.sport, 7777);
	sl_help_route(help, &route);
	assert_false(route.broadcast || route.local);
	assert_true(sl_help_same_way(help, &outside));
	assert_false(sl_help_same_way(help, &inside));
	sl_keep_alive(help, 1234);
	return SL_PASS;
}

static void what_it_may_ask(void **unused)
{
	(void)unused;
	for (unsigned nat = 0; nat < 2; nat++) {
		struct sl_conn_info info;
		struct sl_packet p;

		nat_there = nat;
		helper_begin(&g, nat);
		p = say_udp(&g, true, "x", ask_about_ends);
		done(&g, &p);
		p = say_udp(&g, true, "x", ask_the_rest);
		assert_int_equal(acted, 1);
		sl_conn_info(g.engine, p.conn, &info);
		assert_int_equal(info.timeout, 1234);
		done(&g, &p);
		gateway_end(&g);
	}
}

/* ---- remarks --------------------------------------------------------------------------------- */

static enum sl_reason noted;

static enum sl_help_result note(struct sl_help *help, struct sl_message *message)
{
	(void)message;
	sl_note(help, noted, "a remark");
	return SL_PASS;
}

static enum sl_help_result note_beyond(struct sl_help *help, struct sl_message *message)
{
	(void)message;
	sl_help_beyond(help, SL_BEYOND_SYNTAX);
	return SL_PASS;
}

/* A remark stands on the packet, is counted, and is told of; one that Linux would not make says so. */
static void remarks(void **unused)
{
	static const struct {
		enum sl_reason why;
		enum sl_beyond beyond;
	} of[] = {{SL_WHY_HELPER_PORT, SL_BEYOND_REFUSED}, {SL_WHY_HELPER_RANGE, SL_BEYOND_REFUSED},
	        {SL_WHY_HELPER_UNASKED, SL_BEYOND_REFUSED},
	        {SL_WHY_HELPER_SYNTAX, SL_BEYOND_REFUSED}, {SL_WHY_HELPER_ADDRESS, SL_BEYOND_NONE}};

	(void)unused;
	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		struct sl_stats stats;
		struct sl_packet p;

		helper_begin(&g, true);
		noted = of[i].why;
		p = say_udp(&g, true, "x", note);
		assert_int_equal(p.verdict, SL_ACCEPT);
		assert_int_equal(p.reason, of[i].why);
		assert_int_equal(p.beyond, of[i].beyond);
		assert_int_equal(g.events[SL_EVENT_LOG], 1);
		sl_stats(g.engine, &stats);
		assert_int_equal(stats.reasons[of[i].why], 1);
		done(&g, &p);
		p = say_udp(&g, true, "x", note_beyond);
		assert_int_equal(p.beyond, SL_BEYOND_SYNTAX);
		done(&g, &p);
		gateway_end(&g);
	}
}

/* ---- lines of a stream ----------------------------------------------------------------------- */

static struct sl_packet say_tcp(uint32_t seq, uint8_t flags, const char *text,
        enum sl_help_result (*what)(struct sl_help *, struct sl_message *))
{
	struct sl_packet p = make_tcp(&g, CLIENT, 4000, SERVER, 7777, flags, seq,
	        flags & SL_ACK ? 5001 : 0, text, (uint32_t)strlen(text));

	act = what;
	acted = 0;
	put_in(&g, &p);
	return p;
}

static void open_tcp(void)
{
	struct sl_packet p = say_tcp(999, SL_SYN, "", NULL);

	done(&g, &p);
	put_in_once(&g, make_tcp(&g, SERVER, 7777, g.config.policy ? PUBLIC : CLIENT, 4000,
	                        SL_SYN | SL_ACK, 5000, 1000, NULL, 0));
	p = say_tcp(1000, SL_ACK, "", NULL);
	done(&g, &p);
}

static enum sl_help_result ask_in_a_stream(struct sl_help *help, struct sl_message *message)
{
	(void)message;
	assert_true(sl_seen_from_start(help));
	assert_false(sl_packet_set_dport(help, 5)); /* not a datagram */
	return SL_PASS;
}

static enum sl_help_result change_beginning(struct sl_help *help, struct sl_message *message)
{
	return sl_replace(help, message, 0, 1, "xyz", 3) ? SL_PASS
	                                                 : sl_refuse(help, SL_WHY_HELPER_SYNTAX);
}

/* Under NAT the beginning of a line is held, so that it can be changed; without NAT it has left. */
static void beginning_of_a_line(void **unused)
{
	(void)unused;
	for (unsigned nat = 0; nat < 2; nat++) {
		struct sl_packet p;
		struct sl_conn_info info;

		helper_begin(&g, nat);
		open_tcp();
		p = say_tcp(1000, SL_ACK, "a\n", ask_in_a_stream);
		assert_int_equal(acted, 1);
		done(&g, &p);
		p = say_tcp(1002, SL_ACK, "0123", NULL);
		assert_int_equal(p.verdict, nat ? SL_HELD : SL_ACCEPT);
		done(&g, &p);
		p = say_tcp(1006, SL_ACK, "45\n", change_beginning);
		assert_int_equal(acted, 1);
		assert_int_equal(p.verdict, nat ? SL_ACCEPT : SL_DROP);
		if (nat) {
			assert_string_equal(payload(&p), "xyz12345\n");
			sl_conn_info(g.engine, p.conn, &info);
			assert_true(info.status & SL_SEQ_ADJUST);
			assert_int_equal(info.seqadj[SL_ORIGINAL].after, 2);
		}
		done(&g, &p);
		gateway_end(&g);
	}
}

/* ---- the embedder and memory fail ------------------------------------------------------------ */

static bool no_room(void *ctx, struct sl_packet *p, uint32_t headroom, uint32_t tailroom)
{
	(void)ctx, (void)p, (void)headroom, (void)tailroom;
	return false;
}

/* A datagram that cannot grow is dropped: it must not leave with what should have been changed. */
static void no_room_for_an_edit(void **unused)
{
	struct sl_packet p;

	(void)unused;
	gateway_init(&g, true);
	g.env.grow = no_room;
	gateway_start(&g);
	assert_true(sl_helper_register(g.engine, &test_udp, true));
	edit = &edits[2]; /* longer */
	p = say_udp(&g, true, "0123456789", make_edit);
	assert_int_equal(p.verdict, SL_DROP);
	assert_int_equal(p.reason, SL_WHY_KEEP_FAILED);
	done(&g, &p);
	edit = &edits[1]; /* shorter */
	p = say_udp(&g, true, "0123456789", make_edit);
	assert_int_equal(p.verdict, SL_ACCEPT);
	assert_string_equal(payload(&p), "01a56789");
	done(&g, &p);
	gateway_end(&g);
}

static enum sl_help_result edit_if_possible(struct sl_help *help, struct sl_message *message)
{
	return sl_replace(help, message, 2, 3, "abcdefgh", 8) ? SL_PASS
	                                                      : sl_refuse(help, SL_WHY_NO_MEMORY);
}

/* Each allocation fails once: the datagram is changed, or dropped; never half of it. */
static void without_memory(void **unused)
{
	unsigned long n = 0, dropped = 0;
	bool failed = true;

	(void)unused;
	while (failed) {
		struct sl_packet p;

		assert_true(++n < 100);
		helper_begin(&g, true);
		g.memory.fail_at = g.memory.calls + n;
		p = say_udp(&g, true, "0123456789", edit_if_possible);
		failed = g.memory.calls >= g.memory.fail_at;
		if (p.verdict == SL_ACCEPT && acted)
			assert_string_equal(payload(&p), "01abcdefgh56789");
		dropped += p.verdict == SL_DROP;
		done(&g, &p);
		g.memory.fail_at = 0;
		gateway_end(&g);
	}
	assert_true(dropped > 1);
}

/* Unregistered: nothing of it is called again, and what it expected is gone. */
static enum sl_help_result expect_one(struct sl_help *help, struct sl_message *message)
{
	struct sl_endpoint written = end_of(CLIENT, 5555), seen;

	assert_int_equal(
	        sl_expect_endpoint(help, message, &written, 0, "test", &seen), SL_WHY_NONE);
	return SL_PASS;
}

static void unregistered(void **unused)
{
	struct sl_stats stats;
	struct sl_packet p;

	(void)unused;
	helper_begin(&g, true);
	p = say_udp(&g, true, "x", expect_one);
	done(&g, &p);
	sl_stats(g.engine, &stats);
	assert_int_equal(stats.expects, 1);
	sl_helper_unregister(g.engine, &test_udp);
	sl_stats(g.engine, &stats);
	assert_int_equal(stats.expects, 0);
	p = say_udp(&g, true, "x", expect_one);
	assert_int_equal(p.verdict, SL_ACCEPT);
	assert_int_equal(acted, 0);
	{
		struct sl_conn_info info;

		sl_conn_info(g.engine, p.conn, &info);
		assert_null(info.helper);
	}
	done(&g, &p);
	gateway_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_edit_of_a_datagram),
	        cmocka_unit_test(limits_of_edits),
	        cmocka_unit_test(results),
	        cmocka_unit_test(datagram_to_another_port),
	        cmocka_unit_test(what_it_may_ask),
	        cmocka_unit_test(remarks),
	        cmocka_unit_test(beginning_of_a_line),
	        cmocka_unit_test(no_room_for_an_edit),
	        cmocka_unit_test(without_memory),
	        cmocka_unit_test(unregistered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
