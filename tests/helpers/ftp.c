/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each of FTP's messages, cut at each byte, its parts in and out of order, repeated, repeated with
 * other boundaries, and byte by byte: from client and server, with IPv4 and IPv6, without NAT and
 * with the client or the server behind one.
 * Tests: helpers/ftp/
 */
#include "tests/helpers/dialogue.h"

/* clang-format off */
#define C(text, expects)        {'c', text, expects, 0, NULL, 0}
#define S(text, expects)        {'s', text, expects, 0, NULL, 0}
#define REMARK(from, text, why) {from, text, NULL, why, NULL, 0}
#define FTP(called)             .name = called, .helper = "ftp", .proto = SL_PROTO_TCP, .server_port = 21, .thorough = true
#define MESSAGE(called, families_, ...) \
	{FTP(called), .families = families_, .rows = (const struct row[]){__VA_ARGS__, {0}}}

static const struct dialogue messages[] = {
        MESSAGE("PORT", 4, C("PORT {,c},200,10\r\n", "s>c tcp 51210")),
        MESSAGE("EPRT", 0, C("EPRT |{F}|{c}|51210|\r\n", "s>c tcp 51210")),
        MESSAGE("LPRT", 4, C("LPRT 4,4,{,c},2,200,10\r\n", "s>c tcp 51210")),
        MESSAGE("LPRT of IPv6", 6, C("LPRT 6,16,{,c},2,200,10\r\n", "s>c tcp 51210")),
        MESSAGE("227", 4, C("PASV\r\n", NULL),
                S("227 Entering Passive Mode ({,s},195,80)\r\n", "c>s tcp 50000")),
        MESSAGE("227 with words and numbers", 4, C("PASV\r\n", NULL),
                S("227 Passive mode 2 of 3: {,s},195,80 is it.\r\n", "c>s tcp 50000")),
        MESSAGE("229", 0, C("EPSV\r\n", NULL),
                S("229 Entering Extended Passive Mode (|||50000|)\r\n", "c>s tcp 50000")),
        MESSAGE("228", 4, C("LPSV\r\n", NULL),
                S("228 Entering Long Passive Mode (4,4,{,s},2,195,80)\r\n", "c>s tcp 50000")),
        MESSAGE("228 of IPv6", 6, C("LPSV\r\n", NULL),
                S("228 Entering Long Passive Mode (6,16,{,s},2,195,80)\r\n", "c>s tcp 50000")),
        MESSAGE("several commands", 4, C("NOOP\r\nPORT {,c},200,10\r\nLIST\r\n", "s>c tcp 51210")),
        MESSAGE("small letters, spaces, a bare LF", 4,
                C("port   {,c},200,10  \n", "s>c tcp 51210")),
        MESSAGE("another delimiter", 0, C("EPRT !{F}!{c}!51210!\r\n", "s>c tcp 51210")),
        MESSAGE("Telnet's commands before it", 4,
                C("\xff\xf4\xff\xf2PORT {,c},200,10\r\n", "s>c tcp 51210")),
        MESSAGE("a reply of several lines", 4, C("HELP\r\nPASV\r\n", NULL),
                S("214-help\r\n227 (1,2,3,4,5,6)\r\n214 done\r\n227 ({,s},195,80)\r\n",
                        "c>s tcp 50000")),
        MESSAGE("edits behind edits", 4, C("PORT {,c},200,10\r\n", "s>c tcp 51210"),
                S("200 ok\r\n", NULL), C("LIST\r\n", NULL), S("150 ok\r\n226 done\r\n", NULL),
                C("PASV\r\n", NULL), S("227 =({,s},195,80)\r\n", "-tcp 51210, c>s tcp 50000"),
                C("QUIT\r\n", NULL), S("221 bye\r\n", NULL)),
        MESSAGE("another host", 4, REMARK('c', "PORT {,u},200,10\r\n", SL_WHY_HELPER_ADDRESS)),
        MESSAGE("numbers out of range", 4,
                REMARK('c', "PORT 10,0,0,2,256,10\r\n", SL_WHY_HELPER_RANGE)),
        MESSAGE("no endpoint", 4, C("PORT 10,0,0,2,200\r\nPORT 10,0,0,2,200,10,1\r\n", NULL)),
        MESSAGE("unasked", 4, REMARK('s', "227 (198,51,100,7,195,80)\r\n", SL_WHY_HELPER_UNASKED)),
        MESSAGE("encryption", 4, C("AUTH TLS\r\n", NULL),
                REMARK('s', "234 go ahead\r\n", SL_WHY_HELPER_ENCRYPTED),
                {'c', "PORT 10,0,0,2,200,10\r\n", NULL, 0, NULL}),
        MESSAGE("encryption that nobody asked for", 4, S("234 go ahead\r\n", NULL),
                C("PORT {,c},200,10\r\n", "s>c tcp 51210")),
        MESSAGE("answers without an endpoint", 0, C("PASV\r\nEPSV\r\nLPSV\r\n", NULL),
                S("227 (1,2,3,4,5)\r\n228 (4,4,1,2,3,4,2,5)\r\n228 (4,5,1,2,3,4,2,5,6)\r\n228 (7)\r\n", NULL),
                S("229 |||50000|\r\n229 (|||x|)\r\n229 (||50000|)\r\n227(1,2,3,4,5,6)\r\n", NULL)),
        MESSAGE("commands without an endpoint", 0,
                C("LPRT 5,4,10,0,0,2,2,200,10\r\nLPRT 4,5,10,0,0,2,2,200,10\r\nLPRT 4,4,10,0,0,2,3,200,10\r\n", NULL),
                C("EPRT 1|10.0.0.2|51210|\r\nEPRT |1|10.0.0.2\r\nEPRT |1|10.0.0|51210|\r\n", NULL),
                C("EPRT |1|10.0.0.2|x|\r\nEPRT |0|10.0.0.2|51210|\r\nEPRT\r\nPORT\r\n", NULL)),
};

/* ftp_loose: another host may be announced, as it stands; not one of another family, nor a low port. */
static const struct dialogue loose[] = {
        {FTP("another host, loosely"), .set = {"ftp_loose=1"}, .families = 4, .nats = NAT_NONE | NAT_SRC,
                .rows = (const struct row[]){C("PORT {,u},200,10\r\n", "s>u tcp 51210"),
                        C("PASV\r\n", NULL), S("227 ({,t},195,80)\r\n", "-tcp 51210, c>t tcp 50000"), {0}}},
        {FTP("another host of IPv6, loosely"), .set = {"ftp_loose=1"}, .families = 6, .nats = NAT_NONE | NAT_SRC,
                .rows = (const struct row[]){C("EPRT |2|{u}|51210|\r\n", "s>u tcp 51210"), {0}}},
        {FTP("loose is not careless"), .set = {"ftp_loose=1"}, .families = 4,
                .rows = (const struct row[]){
                        REMARK('c', "EPRT |2|2001:db8::1|51210|\r\n", SL_WHY_HELPER_PORT),
                        REMARK('c', "PORT {,u},3,255\r\n", SL_WHY_HELPER_PORT), {0}}},
};

/*
 * What a line of the client's is worth, and what Linux would have made of it: that looks at no
 * segment before it saw a line end in its direction.
 */
#define LINE(said, expects, why, beyond_) LINE_UNDER(NAT_NONE | NAT_SRC, said, expects, why, beyond_)
#define LINE_UNDER(nats_, said, expects, why, beyond_) \
	{FTP(said), .families = 4, .nats = nats_, .beyonds = true, .cut_from = 2, \
	 .rows = (const struct row[]){S("220 hello\r\n", NULL), C("NOOP\r\n", NULL), \
		{'c', said, expects, why, NULL, beyond_}, {0}}}
/* Over IPv6, without NAT. */
#define LINE_OF_6(said, expects, why, beyond_) \
	{FTP(said), .families = 6, .nats = NAT_NONE, .beyonds = true, .cut_from = 2, \
	 .rows = (const struct row[]){S("220 hello\r\n", NULL), C("NOOP\r\n", NULL), \
		{'c', said, expects, why, NULL, beyond_}, {0}}}
/* The same of the server's, which was asked. */
#define ANSWER(said, expects, why, beyond_) \
	{FTP(said), .families = 4, .nats = NAT_NONE | NAT_SRC, .beyonds = true, .cut_from = 3, \
	 .rows = (const struct row[]){S("220 hello\r\n", NULL), C("NOOP\r\n", NULL), C("PASV\r\n", NULL), \
		{'s', said, expects, why, NULL, beyond_}, {0}}}

static const struct dialogue lines[] = {
	LINE("PORT {,c},200,10\r\n", "s>c tcp 51210", 0, 0),
	LINE("port {,c},200,10\n", "s>c tcp 51210", 0, SL_BEYOND_SYNTAX),
	LINE("PORT   {,c},200,10  \r\n", "s>c tcp 51210", 0, SL_BEYOND_SYNTAX),
	LINE("\xff\xf4\xff\xf2PORT {,c},200,10\r\n", "s>c tcp 51210", 0, SL_BEYOND_SYNTAX),
	LINE("EPRT |1|{c}|51210|\r\n", "s>c tcp 51210", 0, 0),
	LINE_UNDER(NAT_NONE, "EPRT !1!{c}!51210!\r\n", "s>c tcp 51210", 0, 0),
	LINE_UNDER(NAT_SRC, "EPRT !1!{c}!51210!\r\n", "s>c tcp 51210", 0, SL_BEYOND_ADDRESS_TEXT), /* Linux: bars */
	LINE("LPRT 4,4,{,c},2,200,10\r\n", "s>c tcp 51210", 0, SL_BEYOND_SYNTAX),
	LINE("PORT 10,0,0,3,200,10\r\n", NULL, SL_WHY_HELPER_ADDRESS, 0),
	LINE("PORT 10,0,0,2,3,255\r\n", NULL, SL_WHY_HELPER_PORT, SL_BEYOND_REFUSED),
	LINE("PORT 10,0,0,2,256,10\r\n", NULL, SL_WHY_HELPER_RANGE, SL_BEYOND_REFUSED),
	LINE("EPRT |1|10.0.0.2|65536|\r\n", NULL, SL_WHY_HELPER_RANGE, SL_BEYOND_PASSED),
	LINE("EPRT |2|2001:db8::1|51210|\r\n", NULL, SL_WHY_HELPER_ADDRESS, SL_BEYOND_PASSED),
	LINE("EPRT |3|10.0.0.2|51210|\r\n", NULL, 0, SL_BEYOND_PASSED),
	LINE("PORT 10,0,0,2,200\r\n", NULL, 0, SL_BEYOND_PASSED),
	LINE("PORT 10,0,0,2,200,10,1\r\n", NULL, 0, SL_BEYOND_PASSED),
	LINE("PORTER 10,0,0,2,200,10\r\n", NULL, 0, SL_BEYOND_REFUSED),
	ANSWER("227 Entering Passive Mode ({,s},195,80)\r\n", "c>s tcp 50000", 0, 0),
	ANSWER("227 Entering Passive Mode 2 of 3: {,s},195,80.\r\n", "c>s tcp 50000", 0, SL_BEYOND_SYNTAX),
	ANSWER("227 ={,s},195,80\r\n", "c>s tcp 50000", 0, 0),
	ANSWER("227 Entering Passive Mode (198,51,100,8,195,80)\r\n", NULL, SL_WHY_HELPER_ADDRESS, 0),
	ANSWER("229 Entering Extended Passive Mode (|||50000|)\r\n", "c>s tcp 50000", 0, 0),
	ANSWER("228 Entering Long Passive Mode (4,4,{,s},2,195,80)\r\n", "c>s tcp 50000", 0, SL_BEYOND_SYNTAX),
	ANSWER("220-hello\r\n227 (198,51,100,7,195,80)\r\n220 done\r\n", NULL, 0, 0),
	ANSWER("2270 (198,51,100,7,195,80)\r\n", NULL, 0, 0),
	/* IPv6: Linux reads the same, and any spelling of the address */
	LINE_OF_6("EPRT |2|{c}|51210|\r\n", "s>c tcp 51210", 0, 0),
	LINE_OF_6("EPRT |2|fd00:0::2|51210|\r\n", "s>c tcp 51210", 0, 0),
	LINE_OF_6("EPRT |2|fd00::2%1|51210|\r\n", NULL, 0, SL_BEYOND_PASSED),
	LINE_OF_6("EPRT 2|fd00::2|51210|\r\n", NULL, 0, SL_BEYOND_PASSED),
};
/* clang-format on */

static void each_message(void **state)
{
	(void)state;
	dialogues_play(messages, sizeof(messages) / sizeof(messages[0]));
}

static void other_hosts(void **state)
{
	(void)state;
	dialogues_play(loose, sizeof(loose) / sizeof(loose[0]));
}

static void each_line(void **state)
{
	(void)state;
	dialogues_play(lines, sizeof(lines) / sizeof(lines[0]));
}

/* ---- sessions -------------------------------------------------------------------------------- */

static const struct scene scene = {
        .helper = "ftp", .proto = SL_PROTO_TCP, .server_port = 21, .family = SL_IPV4};

static void begin(struct world *w, bool nat, const char *to_server, const char *to_client)
{
	world_init(w, &scene, nat ? NAT_SRC : NAT_NONE);
	world_must_text(w, SL_REPLY, to_server);
	world_must_text(w, SL_ORIGINAL, to_client);
}

/* Several edits on the way at once, unacknowledged, then retransmitted in pieces. */
static void many_edits_in_flight(void **state)
{
	static const char sent[] =
	        "NOOP\r\nPORT 10,0,0,2,200,10\r\nNOOP\r\nPORT 10,0,0,2,200,11\r\n"
	        "EPRT |1|10.0.0.2|51212|\r\nQUIT\r\n";
	static const char got[] =
	        "NOOP\r\nPORT 203,0,113,1,200,10\r\nNOOP\r\nPORT 203,0,113,1,200,11\r\n"
	        "EPRT |1|203.0.113.1|51212|\r\nQUIT\r\n";
	size_t n = sizeof(sent) - 1;

	(void)state;
	for (size_t step = 1; step < n; step++) {
		static struct world w;
		uint32_t at;

		begin(&w, true, got, "");
		at = w.end[0].next;
		send_part(&w, SL_ORIGINAL, at, sent, 0, n);
		assert_int_equal(w.expects, 3);
		assert_int_equal(w.expects - expects_alive(&w), 2);
		assert_int_equal(w.beyond, SL_BEYOND_MANY_MESSAGES);
		for (size_t from = 0; from < n; from += step)
			send_part(
			        &w, SL_ORIGINAL, at, sent, from, from + step < n ? from + step : n);
		assert_int_equal(w.expects, 3);
		send_ack(&w, SL_REPLY);
		assert_int_equal(w.in[0].acked, w.end[0].next);
		/* An acknowledged line once more: nothing of it may leave untranslated. */
		send_part(&w, SL_ORIGINAL, at, sent, 6, 28);
		world_complete(&w);
		world_fini(&w);
	}
}

static void first_seen_bytes_win(void **state)
{
	static struct world w;
	uint32_t at;

	(void)state;
	begin(&w, true, "NOOP 10,0,0,2,200,10\r\n", "");
	at = w.end[0].next;
	send_part(&w, SL_ORIGINAL, at, "NOOP 10,0,0,2,200,10\r\n", 0, 22);
	send_part(&w, SL_ORIGINAL, at, "PORT 10,0,0,2,200,10\r\n", 0, 22);
	assert_int_equal(w.expects, 0);
	world_complete(&w);
	world_fini(&w);
}

static void unasked_passive_is_refused(void **state)
{
	static struct world w;

	(void)state;
	begin(&w, false, "", "227 (198,51,100,7,195,80)\r\n");
	send_text(&w, SL_REPLY, "227 (198,51,100,7,195,80)\r\n");
	assert_int_equal(w.expects, 0);
	assert_int_equal(w.remark, SL_WHY_HELPER_UNASKED);
	world_complete(&w);
	world_fini(&w);
}

static void a_hole_that_the_receiver_acknowledges_is_skipped(void **state)
{
	static struct world w;
	uint32_t at;

	(void)state;
	begin(&w, true, "????????\r\nPORT 203,0,113,1,200,10\r\n", "");
	at = w.end[0].next;
	send_part(&w, SL_ORIGINAL, at + 8, "\r\nPORT 10,0,0,2,200,10\r\n", 0, 24);
	assert_int_equal(w.held, 1);
	send_segment(&w, SL_REPLY,
	        &(struct segment){.seq = w.end[1].next, .ack = at + 8, .flags = SL_ACK});
	assert_int_equal(w.expects, 1);
	for (unsigned i = 0; i < 8; i++)
		w.in[SL_REPLY].have[i] = true; /* came another way */
	world_complete(&w);
	world_fini(&w);
}

static void encrypted_is_left_alone(void **state)
{
	static struct world w;

	(void)state;
	begin(&w, true, "AUTH TLS\r\nPORT 10,0,0,2,200,10\r\n", "234 ok\r\n");
	send_text(&w, SL_ORIGINAL, "AUTH TLS\r\n");
	send_text(&w, SL_REPLY, "234 ok\r\n");
	assert_int_equal(w.remark, SL_WHY_HELPER_ENCRYPTED);
	send_text(&w, SL_ORIGINAL, "PORT 10,0,0,2,200,10\r\n");
	assert_int_equal(w.expects, 0);
	world_complete(&w);
	world_fini(&w);
}

static void a_fin_releases_what_is_held(void **state)
{
	static struct world w;

	(void)state;
	begin(&w, true, "PORT 10,0,0", "");
	send_text(&w, SL_ORIGINAL, "PORT 10,0,0");
	assert_int_equal(receiver_has(&w.in[SL_REPLY]), 5);
	send_flags(&w, SL_ORIGINAL, SL_FIN | SL_ACK);
	assert_true(w.in[SL_REPLY].fin);
	assert_int_equal(receiver_has(&w.in[SL_REPLY]), 11);
	world_fini(&w);
}

static void unregistering_leaves_translation_in_place(void **state)
{
	static struct world w;

	(void)state;
	begin(&w, true, "PORT 203,0,113,1,200,10\r\nPORT 10,0,0,2,1", "");
	send_text(&w, SL_ORIGINAL, "PORT 10,0,0,2,200,10\r\n");
	send_text(&w, SL_ORIGINAL, "PORT 10,0,0,2,1");
	assert_int_equal(receiver_has(&w.in[SL_REPLY]), 25 + 5);
	sl_helper_unregister(w.g.engine, helper_named("ftp"));
	assert_int_equal(w.expects - expects_alive(&w), 1);
	world_complete(&w);
	world_fini(&w);
}

static void urgent_data_points_where_it_did(void **state)
{
	static struct world w;

	(void)state;
	begin(&w, true,
	        "PORT 203,0,113,1,200,10\r\n\xff\xf4\xff\xf2"
	        "ABOR\r\n",
	        "");
	send_text(&w, SL_ORIGINAL, "PORT 10,0,0,2,200,10\r\n");
	send_segment(&w, SL_ORIGINAL,
	        &(struct segment){.seq = w.end[0].next,
	                .ack = w.end[1].isn + 1,
	                .flags = SL_ACK | SL_URG,
	                .urgent = 3,
	                .bytes = "\xff\xf4\xff",
	                .len = 3});
	w.end[0].next += 3;
	send_text(&w, SL_ORIGINAL,
	        "\xf2"
	        "ABOR\r\n");
	world_complete(&w);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_message),
	        cmocka_unit_test(other_hosts),
	        cmocka_unit_test(each_line),
	        cmocka_unit_test(many_edits_in_flight),
	        cmocka_unit_test(first_seen_bytes_win),
	        cmocka_unit_test(unasked_passive_is_refused),
	        cmocka_unit_test(a_hole_that_the_receiver_acknowledges_is_skipped),
	        cmocka_unit_test(encrypted_is_left_alone),
	        cmocka_unit_test(a_fin_releases_what_is_held),
	        cmocka_unit_test(unregistering_leaves_translation_in_place),
	        cmocka_unit_test(urgent_data_points_where_it_did),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
