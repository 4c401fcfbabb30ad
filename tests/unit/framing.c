/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From segments to messages: a stream of messages cut anywhere, for each way in which messages can
 * be framed; what is too long, picked up in mid-stream, held, acknowledged in the receiver's name,
 * repeated.
 * Tests: src/help/message.c src/help/send.c
 */
#include "tests/lib/unit.h"

#include <sluice/helper.h>

#define CLIENT "10.0.0.2"
#define SERVER "192.0.2.9"

static struct gateway g;
static char read_so_far[4096]; /* messages, with a bar behind each */

static enum sl_help_result note(struct sl_help *help, struct sl_message *message)
{
	size_t used = strlen(read_so_far);

	(void)help;
	snprintf(read_so_far + used, sizeof(read_so_far) - used, "%.*s|",
	        (int)(message->text.end - message->text.start), message->text.start);
	return SL_PASS;
}

/* A message is all up to a '.', which may not come at once. */
static size_t own_frame(struct sl_help *help, const struct sl_text *bytes, enum sl_dir dir)
{
	(void)help, (void)dir;
	for (const char *at = bytes->start; at < bytes->end; at++)
		if (*at == '.')
			return (size_t)(at - bytes->start) + 1;
	return 0;
}

static size_t own_sync(struct sl_help *help, const struct sl_text *bytes, enum sl_dir dir)
{
	size_t n = own_frame(help, bytes, dir);

	return n ? n : (size_t)(bytes->end - bytes->start);
}

static const struct sl_helper helpers[] = {
        {SL_HELPER_HEADER, .name = "lines", .match = {{.proto = SL_PROTO_TCP, .port = 7777}},
                .classes = {{.name = "x", .max = 1, .timeout = 1}}, .framing = SL_FRAME_LINE,
                .message_max = 20, .message = {[SL_ORIGINAL] = note}},
        {SL_HELPER_HEADER, .name = "lengths", .match = {{.proto = SL_PROTO_TCP, .port = 7777}},
                .classes = {{.name = "x", .max = 1, .timeout = 1}}, .framing = SL_FRAME_LENGTH,
                .message_max = 20, .length_offset = 1, .length_size = 1, .length_bias = 2 - '0',
                .message = {[SL_ORIGINAL] = note}},
        {SL_HELPER_HEADER, .name = "own", .match = {{.proto = SL_PROTO_TCP, .port = 7777}},
                .classes = {{.name = "x", .max = 1, .timeout = 1}}, .framing = SL_FRAME_OWN,
                .message_max = 20, .frame = own_frame, .sync = own_sync,
                .message = {[SL_ORIGINAL] = note}},
};
enum { LINES, LENGTHS, OWN };

static const struct stream {
	const char *name;
	unsigned helper;
	const char *bytes;
	const char *messages; /* from its beginning; then, when its beginning was missed: */
	const char *later;
} streams[] = {
        {"lines", LINES, "one\ntwo\r\n\nfour\nhalf", "one\n|two\r\n|\n|four\n|",
                "two\r\n|\n|four\n|"},
        {"a line that is too long", LINES, "one\n0123456789012345678901234567890\ntwo\n",
                "one\n|two\n|", "two\n|"},
        {"as long as may be", LINES, "0123456789012345678\nx\n", "0123456789012345678\n|x\n|",
                "x\n|"},
        {"lengths", LENGTHS, "a3xyzb0c1x", "a3xyz|b0|c1x|", ""},
        {"a length that is too long", LENGTHS, "a3xyzbO0123456789012345678901234567890c1x",
                "a3xyz|c1x|", ""},
        {"a length below its own field", LENGTHS, "a!b0c1x", "a!|b0|c1x|", ""},
        {"its own", OWN, "one.two...four.", "one.|two.|.|.|four.|", "two.|.|.|four.|"},
};

static void begin(const struct stream *s, bool nat, bool from_start)
{
	gateway_init(&g, nat);
	g.room = 128;
	gateway_start(&g);
	assert_true(sl_helper_register(g.engine, &helpers[s->helper], true));
	read_so_far[0] = '\0';
	if (!from_start) {
		put_in_once(
		        &g, make_tcp(&g, CLIENT, 4000, SERVER, 7777, SL_ACK, 1000, 5000, NULL, 0));
		return;
	}
	put_in_once(&g, make_tcp(&g, CLIENT, 4000, SERVER, 7777, SL_SYN, 999, 0, NULL, 0));
	put_in_once(&g, make_tcp(&g, SERVER, 7777, nat ? "203.0.113.1" : CLIENT, 4000,
	                        SL_SYN | SL_ACK, 4999, 1000, NULL, 0));
	put_in_once(&g, make_tcp(&g, CLIENT, 4000, SERVER, 7777, SL_ACK, 1000, 5000, NULL, 0));
}

static enum sl_verdict say(const char *bytes, uint32_t from, uint32_t to, uint8_t flags)
{
	struct sl_packet p = make_tcp(&g, CLIENT, 4000, SERVER, 7777, (uint8_t)(SL_ACK | flags),
	        1000 + from, 5000, bytes + from, to - from);

	return put_in_once(&g, p);
}

static void must_have_read(const struct stream *s, const char *messages, const char *how)
{
	if (strcmp(read_so_far, messages) != 0)
		fail_msg("%s, %s: %s", s->name, how, read_so_far);
}

/* Each stream in two segments cut at each byte, byte by byte, and in the wrong order. */
static void cut_anywhere(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
		for (unsigned nat = 0; nat < 2; nat++) {
			const struct stream *s = &streams[i];
			uint32_t n = (uint32_t)strlen(s->bytes);

			for (uint32_t cut = 1; cut < n; cut++) {
				begin(s, nat, true);
				say(s->bytes, 0, cut, 0);
				say(s->bytes, cut, n, 0);
				must_have_read(s, s->messages, "in two");
				say(s->bytes, 0, n, 0); /* again: not read again */
				must_have_read(s, s->messages, "repeated");
				gateway_end(&g);
				begin(s, nat, true);
				say(s->bytes, cut, n, 0);
				say(s->bytes, 0, cut, 0);
				must_have_read(s, s->messages, "swapped");
				gateway_end(&g);
			}
			begin(s, nat, true);
			for (uint32_t at = 0; at < n; at++)
				say(s->bytes, at, at + 1, 0);
			must_have_read(s, s->messages, "byte by byte");
			gateway_end(&g);
		}
}

/* Picked up in mid-stream nothing is taken for a message before one surely begins. */
static void picked_up(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		const struct stream *s = &streams[i];

		begin(s, true, false);
		say(s->bytes, 0, (uint32_t)strlen(s->bytes), 0);
		must_have_read(s, s->later, "picked up");
		gateway_end(&g);
	}
}

/* Held bytes are acknowledged after a while, once, in the receiver's name; the rest releases them. */
static void held_and_acknowledged(void **unused)
{
	struct sl_parsed parsed;

	(void)unused;
	begin(&streams[0], true, true);
	assert_int_equal(say("abc\n", 0, 2, 0), SL_HELD);
	assert_int_equal(sl_deadline(g.engine), g.now + 20 * MS);
	g.now += 20 * MS - 1;
	sl_clock(g.engine, g.now, 0);
	assert_int_equal(g.n_out, 0);
	g.now += 1;
	sl_clock(g.engine, g.now, 0);
	assert_int_equal(g.n_out, 1);
	assert_int_equal(sl__parse(&g.out[0], &parsed), SL_WHY_NONE);
	assert_int_equal(parsed.tcp_flags, SL_ACK);
	assert_int_equal(parsed.ack, 1002);
	assert_int_equal(parsed.seq, 5000);
	assert_int_equal(parsed.tuple.sport, 7777);
	assert_int_equal(parsed.window, 60000); /* the last that it said */
	g.now += SECOND;
	gateway_drain(&g);
	sl_clock(g.engine, g.now, 0);
	assert_int_equal(g.n_out, 0); /* once */
	{
		struct sl_packet p =
		        make_tcp(&g, CLIENT, 4000, SERVER, 7777, SL_ACK, 1002, 5000, "c\n", 2);

		put_in(&g, &p);
		assert_int_equal(p.verdict, SL_ACCEPT);
		assert_int_equal(sl_get32(p.data + 24), 1000); /* all of it */
		assert_memory_equal(p.data + 40, "abc\n", 4);
		packet_free(&g, &p);
	}
	gateway_end(&g);
}

/* A FIN releases what is held as it is; a reset and what follows needs no answer. */
static void ends(void **unused)
{
	(void)unused;
	begin(&streams[0], true, true);
	assert_int_equal(say("abc", 0, 2, 0), SL_HELD);
	{
		struct sl_packet p = make_tcp(
		        &g, CLIENT, 4000, SERVER, 7777, SL_ACK | SL_FIN, 1002, 5000, "c", 1);

		put_in(&g, &p);
		assert_int_equal(p.verdict, SL_ACCEPT);
		assert_int_equal(p.len, 40 + 3);
		assert_memory_equal(p.data + 40, "abc", 3);
		packet_free(&g, &p);
	}
	gateway_end(&g);
	begin(&streams[0], true, true);
	assert_int_equal(say("abc", 0, 2, 0), SL_HELD);
	put_in_once(
	        &g, make_tcp(&g, CLIENT, 4000, SERVER, 7777, SL_RST | SL_ACK, 1002, 5000, NULL, 0));
	gateway_drain(&g);
	g.now += SECOND;
	sl_clock(g.engine, g.now, 0);
	assert_int_equal(g.n_out, 0);
	gateway_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(cut_anywhere),
	        cmocka_unit_test(picked_up),
	        cmocka_unit_test(held_and_acknowledged),
	        cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
