/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a TCP packet meets when something is amiss: no memory, nobody to keep it, a signature, bytes
 * behind the end, a helper that steps aside while bytes are held; and a helper that changes what is
 * not translated. Helpers read lines of at most 100 bytes and note them, with a bar behind each.
 * Tests: src/help/tcp_packet.c
 */
#include "tests/lib/unit.h"

#include <sluice/helper.h>

#define CLIENT "10.0.0.2"
#define SERVER "192.0.2.9"
#define PUBLIC "203.0.113.1"

static struct gateway g;
static char read_so_far[512];
static enum sl_reason remark;

static enum sl_help_result note(struct sl_help *help, struct sl_message *message)
{
	size_t used = strlen(read_so_far);

	(void)help;
	snprintf(read_so_far + used, sizeof(read_so_far) - used, "%.*s|",
	        (int)sl_text_left(&message->text), message->text.at);
	return SL_PASS;
}

static enum sl_help_result leave(struct sl_help *help, struct sl_message *message)
{
	(void)help, (void)message;
	return SL_LEAVE;
}

static enum sl_help_result shorten(struct sl_help *help, struct sl_message *message)
{
	assert_true(sl_replace(help, message, 0, 2, "x", 1));
	return SL_PASS;
}

#define LINES(called, client, server)                                                              \
	{                                                                                          \
		SL_HELPER_HEADER, .name = called,                                                  \
		                  .match = {{.proto = SL_PROTO_TCP, .port = 7777}},                \
		                  .classes = {{.name = "x", .max = 1, .timeout = 1}},              \
		                  .framing = SL_FRAME_LINE, .message_max = 100, .message = {       \
			                  client,                                                  \
			                  server                                                   \
		                  }                                                                \
	}
static const struct sl_helper noting = LINES("noting", note, NULL);
static const struct sl_helper leaving = LINES("leaving", note, leave);
static const struct sl_helper shortening = LINES("shortening", shorten, NULL);

static void on_event(struct gateway *gateway, const struct sl_event *event)
{
	(void)gateway;
	if (event->type == SL_EVENT_LOG)
		remark = event->why;
}

static bool keep_nothing(void *ctx, struct sl_packet *p)
{
	(void)ctx, (void)p;
	return false;
}

static void begin_with(
        const struct sl_helper *helper, bool nat, bool (*keep)(void *, struct sl_packet *))
{
	gateway_init(&g, nat);
	g.room = 128;
	g.on_event = on_event;
	if (keep)
		g.env.keep = keep;
	gateway_start(&g);
	assert_true(sl_helper_register(g.engine, helper, true));
	read_so_far[0] = '\0';
	remark = SL_WHY_NONE;
	put_in_once(&g, make_tcp(&g, CLIENT, 4000, SERVER, 7777, SL_SYN, 999, 0, NULL, 0));
	put_in_once(&g, make_tcp(&g, SERVER, 7777, nat ? PUBLIC : CLIENT, 4000, SL_SYN | SL_ACK,
	                        4999, 1000, NULL, 0));
	put_in_once(&g, make_tcp(&g, CLIENT, 4000, SERVER, 7777, SL_ACK, 1000, 5000, NULL, 0));
}

static void begin(const struct sl_helper *helper, bool nat)
{
	begin_with(helper, nat, NULL);
}

/* A segment of the client's, from that byte of its stream on. The caller frees it, if it left. */
static struct sl_packet segment(uint32_t at, const char *text, uint8_t flags)
{
	struct sl_packet p = make_tcp(&g, CLIENT, 4000, SERVER, 7777, (uint8_t)(SL_ACK | flags),
	        1000 + at, 5000, text, (uint32_t)strlen(text));

	put_in(&g, &p);
	return p;
}

static void done(struct sl_packet *p)
{
	if (p->verdict != SL_HELD)
		packet_free(&g, p);
}

/* It leaves, with these bytes. */
static void must_leave(struct sl_packet p, uint32_t seq, const char *text)
{
	assert_int_equal(p.verdict, SL_ACCEPT);
	assert_int_equal(sl_get32(p.data + 24), seq);
	assert_int_equal(p.len, 40 + strlen(text));
	assert_memory_equal(p.data + 40, text, strlen(text));
	done(&p);
}

/* ---- nothing to keep it in --------------------------------------------------------------------- */

/* Under NAT what cannot be remembered is dropped: its sender repeats it, and it is read then. */
static void no_memory_under_nat(void **unused)
{
	struct sl_packet p;

	(void)unused;
	begin(&noting, true);
	g.memory.fail_at = g.memory.calls + 1;
	g.memory.lasting = true;
	p = segment(0, "one\n", 0);
	assert_int_equal(p.verdict, SL_DROP);
	assert_int_equal(p.reason, SL_WHY_STREAM_MEMORY);
	done(&p);
	assert_string_equal(read_so_far, "");
	g.memory.fail_at = 0;
	must_leave(segment(0, "one\n", 0), 1000, "one\n");
	assert_string_equal(read_so_far, "one\n|");
	gateway_end(&g);
}

/* Without NAT it passes unread, and reading goes on where a line surely begins. */
static void no_memory_without_nat(void **unused)
{
	(void)unused;
	begin(&noting, false);
	g.memory.fail_at = g.memory.calls + 1;
	g.memory.lasting = true;
	must_leave(segment(0, "one\nha", 0), 1000, "one\nha");
	g.memory.fail_at = 0;
	must_leave(segment(6, "lf\nthree\n", 0), 1006, "lf\nthree\n");
	assert_string_equal(read_so_far, "three\n|");
	gateway_end(&g);
}

/* Who cannot keep a packet has its sender repeat it. */
static void nobody_keeps_it(void **unused)
{
	struct sl_packet p;

	(void)unused;
	begin_with(&noting, true, keep_nothing);
	p = segment(0, "on", 0);
	assert_int_equal(p.verdict, SL_DROP);
	assert_int_equal(p.reason, SL_WHY_KEEP_FAILED);
	done(&p);
	must_leave(segment(0, "one\n", 0), 1000, "one\n");
	assert_string_equal(read_so_far, "one\n|");
	gateway_end(&g);
}

/* ---- holes, ends, repetitions ------------------------------------------------------------------ */

/* Without NAT: a hole that the receiver acknowledges is not waited for. */
static void a_hole_that_was_filled_elsewhere(void **unused)
{
	(void)unused;
	begin(&noting, false);
	must_leave(segment(4, "o\ntwo\n", 0), 1004, "o\ntwo\n");
	assert_string_equal(read_so_far, "");
	put_in_once(&g, make_tcp(&g, SERVER, 7777, CLIENT, 4000, SL_ACK, 5000, 1004, NULL, 0));
	assert_string_equal(read_so_far, "two\n|");
	must_leave(segment(10, "three\n", 0), 1010, "three\n");
	assert_string_equal(read_so_far, "two\n|three\n|");
	gateway_end(&g);
}

/* Bytes behind a FIN are nobody's: they pass, and are not read. */
static void bytes_behind_the_end(void **unused)
{
	(void)unused;
	for (unsigned nat = 0; nat < 2; nat++) {
		begin(&noting, nat);
		must_leave(segment(0, "one\n", SL_FIN), 1000, "one\n");
		assert_string_equal(read_so_far, "one\n|");
		if (nat)
			must_leave(segment(4, "two\n", 0), 1004, "two\n");
		assert_string_equal(read_so_far, "one\n|");
		gateway_end(&g);
	}
}

/* Bytes that we acknowledged are repeated by nobody but us, until their receiver has them. */
static void what_we_acknowledged_comes_along(void **unused)
{
	struct sl_packet p;

	(void)unused;
	begin(&noting, true);
	p = segment(0, "ab", 0);
	assert_int_equal(p.verdict, SL_HELD);
	g.now += 20 * MS;
	sl_clock(g.engine, g.now, 0);
	assert_int_equal(g.n_out, 1); /* our ACK */
	gateway_drain(&g);
	must_leave(segment(2, "c\n", 0), 1000, "abc\n");
	must_leave(segment(2, "c\n", 0), 1000, "abc\n"); /* it was lost */
	put_in_once(&g, make_tcp(&g, SERVER, 7777, PUBLIC, 4000, SL_ACK, 5000, 1004, NULL, 0));
	must_leave(segment(2, "c\n", 0), 1002, "c\n");
	gateway_end(&g);
}

/* ---- helpers ----------------------------------------------------------------------------------- */

/* A helper that steps aside in one direction gives free what the other one holds. */
static void leaving_frees_the_other_direction(void **unused)
{
	struct sl_packet p;

	(void)unused;
	begin(&leaving, true);
	p = segment(0, "half", 0);
	assert_int_equal(p.verdict, SL_HELD);
	p = make_tcp(&g, SERVER, 7777, PUBLIC, 4000, SL_ACK, 5000, 1000, "bye\n", 4);
	put_in(&g, &p);
	assert_int_equal(p.verdict, SL_ACCEPT);
	done(&p);
	assert_int_equal(g.n_out, 1);
	assert_memory_equal(g.out[0].data + 40, "half", 4);
	gateway_drain(&g);
	must_leave(segment(4, " a line\n", 0), 1004, " a line\n");
	assert_string_equal(read_so_far, "");
	gateway_end(&g);
}

/* Without NAT too a message may be changed; from then on numbers are translated. */
static void changed_without_nat(void **unused)
{
	struct sl_packet p;

	(void)unused;
	begin(&shortening, false);
	must_leave(segment(0, "abc\n", 0), 1000, "xc\n");
	must_leave(segment(4, "def\n", 0), 1003, "xf\n");
	p = make_tcp(&g, SERVER, 7777, CLIENT, 4000, SL_ACK, 5000, 1006, NULL, 0);
	put_in(&g, &p);
	assert_int_equal(sl_get32(p.data + 28), 1008); /* in the client's numbers */
	done(&p);
	gateway_end(&g);
}

/* Signed segments (RFC 2385) are never edited: the helper steps aside, and that is said. */
static void signed_segments(void **unused)
{
	static const uint8_t options[20] = {19, 18, [18] = 1, [19] = 1};
	struct sl_packet p;
	uint8_t *tcp;

	(void)unused;
	begin(&shortening, true);
	tcp = make_ip(&g, &p, CLIENT, SERVER, SL_PROTO_TCP, 40 + 4);
	sl_put16(tcp, 4000);
	sl_put16(tcp + 2, 7777);
	sl_put32(tcp + 4, 1000);
	sl_put32(tcp + 8, 5000);
	tcp[12] = 10 << 4;
	tcp[13] = SL_ACK;
	sl_put16(tcp + 14, 60000);
	memcpy(tcp + 20, options, sizeof(options));
	memcpy(tcp + 40, "abc\n", 4);
	fix_sums(&p);
	put_in(&g, &p);
	assert_int_equal(p.verdict, SL_ACCEPT);
	assert_int_equal(p.beyond, SL_BEYOND_SIGNED);
	assert_memory_equal(p.data + 60, "abc\n", 4);
	assert_int_equal(remark, SL_WHY_HELPER_ENCRYPTED);
	done(&p);
	gateway_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(no_memory_under_nat),
	        cmocka_unit_test(no_memory_without_nat),
	        cmocka_unit_test(nobody_keeps_it),
	        cmocka_unit_test(a_hole_that_was_filled_elsewhere),
	        cmocka_unit_test(bytes_behind_the_end),
	        cmocka_unit_test(what_we_acknowledged_comes_along),
	        cmocka_unit_test(leaving_frees_the_other_direction),
	        cmocka_unit_test(changed_without_nat),
	        cmocka_unit_test(signed_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
