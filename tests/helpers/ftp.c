/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each of FTP's messages, cut at each byte, its parts in and out of order, repeated, repeated with
 * other boundaries, and byte by byte: from client and server, with IPv4 and IPv6, without NAT and
 * with the client or the server behind one.
 */
#include "tests/helpers/dialogue.h"

#define C(text, expects)                                                                           \
	{                                                                                          \
		'c', text, expects, 0, NULL                                                        \
	}
#define S(text, expects)                                                                           \
	{                                                                                          \
		's', text, expects, 0, NULL                                                        \
	}
#define REMARK(from, text, why)                                                                    \
	{                                                                                          \
		from, text, NULL, why, NULL                                                        \
	}
#define MESSAGE(called, families_, ...)                                                            \
	{                                                                                          \
		.name = called, .helper = "ftp", .proto = SL_PROTO_TCP, .families = families_,     \
		.thorough = true, .rows = (const struct row[])                                     \
		{                                                                                  \
			__VA_ARGS__,                                                               \
			{                                                                          \
				0                                                                  \
			}                                                                          \
		}                                                                                  \
	}

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
};

static void each_message(void **state)
{
	(void)state;
	dialogues_play(messages, sizeof(messages) / sizeof(messages[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_message)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
