/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The portmapper's replies, over UDP and over TCP cut at each byte.
 * Tests: helpers/rpc/
 */
#include "tests/helpers/dialogue.h"

/* clang-format off */
#define W(hex)  "{x000000" hex "}"
#define NO_AUTH "{x0000000000000000}"
#define SYS     "{x00000001}{<s}{x01020304}{<s}host{>}{x00000000}{x00000000}{x00000000}{>}"
/* CALL, RPC 2, program 100000 */
#define CALL(xid, version, procedure, args) \
	"{<m}" W(xid) W("00") W("02") "{x000186a0}" W(version) W(procedure) SYS NO_AUTH args "{>}"
#define REPLY(xid, results) "{<m}" W(xid) W("01") W("00") NO_AUTH W("00") results "{>}"
#define MOUNTD  "{x000186a5}" W("03")
#define GETPORT(xid, proto) CALL(xid, "02", "03", MOUNTD W(proto) W("00"))
#define GETADDR(xid, version) CALL(xid, version, "03", MOUNTD "{<s}tcp{>}{<s}{s}.0.111{>}{<s}owner{>}")
#define TCP "06"
#define UDP "11"
#define P_50000 "{x0000c350}"
#define P_20048 "{x00004e50}"

/* GETPORT names the protocol. A port of another protocol is another one. */
static const struct row ports[] = {
	{'c', GETPORT("07", UDP), NULL, 0, NULL, 0},
	{'s', REPLY("07", P_50000), "c>s udp 50000 permanent", 0, NULL, 0},
	{'c', GETPORT("08", TCP), NULL, 0, NULL, 0},
	{'s', REPLY("08", P_50000), "c>s tcp 50000 permanent", 0, NULL, 0},
	{'c', GETPORT("09", UDP), NULL, 0, NULL, 0},
	{'s', REPLY("09", P_20048), "c>s udp 20048 permanent", 0, NULL, 0},
	/* not registered; a protocol that is neither; what is no port */
	{'c', GETPORT("0a", UDP), NULL, 0, NULL, 0},
	{'s', REPLY("0a", W("00")), NULL, 0, NULL, 0},
	{'c', GETPORT("0b", "84"), NULL, 0, NULL, 0},
	{'s', REPLY("0b", P_20048), NULL, 0, NULL, 0},
	{'c', GETPORT("0c", UDP), NULL, 0, NULL, 0},
	{'s', REPLY("0c", "{x00014e50}"), NULL, 0, NULL, 0},
	{0},
};

/* The same question again, and its answer again: the same is expected, once. */
static const struct row again[] = {
	{'c', GETPORT("07", UDP), NULL, 0, NULL, 0},
	{'c', GETPORT("07", UDP), NULL, 0, NULL, 0},
	{'s', REPLY("07", P_50000), "c>s udp 50000 permanent", 0, NULL, 0},
	{'s', REPLY("07", P_50000), "-udp 50000, c>s udp 50000 permanent", 0, NULL, 0},
	{'w', "119000", "", 0, NULL, 0},
	{'w', "2000", "-udp 50000", 0, NULL, 0},
	{0},
};

/* Programs of the system's own; the portmapper itself; what is no program's. */
static const struct row low_ports[] = {
	{'c', GETPORT("07", UDP), NULL, 0, NULL, 0},
	{'s', REPLY("07", "{x0000035d}"), "c>s udp 861 permanent", 0, NULL, 0},
	{'c', GETPORT("08", TCP), NULL, 0, NULL, 0},
	{'s', REPLY("08", "{x000001ff}"), NULL, SL_WHY_HELPER_PORT, NULL, 0},
	{'c', GETADDR("09", "03"), NULL, 0, NULL, 0},
	{'s', REPLY("09", "{<s}{s}.0.22{>}"), NULL, SL_WHY_HELPER_PORT, NULL, 0},
	{'c', GETADDR("0a", "03"), NULL, 0, NULL, 0},
	{'s', REPLY("0a", "{<s}{s}.0.111{>}"), NULL, 0, NULL, 0},
	{0},
};
static const struct row no_low_ports[] = {
	{'c', GETPORT("07", UDP), NULL, 0, NULL, 0},
	{'s', REPLY("07", "{x0000035d}"), NULL, SL_WHY_HELPER_PORT, NULL, 0},
	{'c', GETPORT("08", UDP), NULL, 0, NULL, 0},
	{'s', REPLY("08", "{x00000400}"), "c>s udp 1024 permanent", 0, NULL, 0},
	{0},
};

/* By the protocol that it comes by, whatever netid was asked for. */
static const struct row by_udp[] = {
	{'c', GETADDR("07", "03"), NULL, 0, NULL, 0},
	{'s', REPLY("07", "{<s}{s}.195.80{>}"), "c>s udp 50000 permanent", 0, NULL, 0},
	{'c', CALL("08", "04", "09", MOUNTD "{<s}tcp{>}{<s}{>}{<s}{>}"), NULL, 0, NULL, 0},
	{'s', REPLY("08", "{<s}{s}.78.80{>}"), "c>s udp 20048 permanent", 0, NULL, 0},
	{0},
};
static const struct row by_tcp[] = {
	{'c', GETADDR("07", "03"), NULL, 0, NULL, 0},
	{'s', REPLY("07", "{<s}{s}.195.80{>}"), "c>s tcp 50000 permanent", 0, NULL, 0},
	{'c', CALL("08", "04", "09", MOUNTD "{<s}udp{>}{<s}{>}{<s}{>}"), NULL, 0, NULL, 0},
	{'s', REPLY("08", "{<s}{s}.78.80{>}"), "c>s tcp 20048 permanent", 0, NULL, 0},
	/* INDIRECT */
	{'c', CALL("09", "04", "0a", MOUNTD W("05") "{<s}args{>}"), NULL, 0, NULL, 0},
	{'s', REPLY("09", "{<s}{s}.78.83{>}{<s}result{>}"), "c>s tcp 20051 permanent", 0, NULL, 0},
	{'c', CALL("0a", "02", "05", MOUNTD W("05") "{<s}args{>}"), NULL, 0, NULL, 0},
	{'s', REPLY("0a", "{x00004e54}{<s}result{>}"), "c>s tcp 20052 permanent", 0, NULL, 0},
	{0},
};

/* Each address of a list says what it is of; what is not of a protocol that we know stays. */
static const struct row list[] = {
	{'c', CALL("0a", "04", "0b", MOUNTD "{<s}{>}{<s}{>}{<s}{>}"), NULL, 0, NULL, 0},
	{'s', REPLY("0a",
		W("01") "{<s}{s}.78.81{>}{<s}udp{>}" W("01") "{<s}inet{>}{<s}udp{>}"
		W("01") "{<s}/run/x.1.2{>}{<s}local{>}" W("03") "{<s}loopback{>}{<s}-{>}"
		W("01") "{<s}{s}.78.82{>}{<s}tcp6{>}" W("03") "{<s}inet6{>}{<s}tcp{>}" W("00")),
		"c>s udp 20049 permanent, c>s tcp 20050 permanent", 0, NULL, 0},
	{0},
};

/* rpcbind answers from a port of its own; a portmapper that answers from 111 is read. */
static const struct row calls[] = {
	{'c', CALL("07", "02", "05", MOUNTD W("00") "{<s}{>}"), "s>c udp 700 #1", 0, NULL, 0},
	{'s', REPLY("07", P_50000 "{<s}result{>}"), "c>s udp 50000 permanent", 0, NULL, 0},
	{'c', CALL("08", "03", "05", MOUNTD W("00") "{<s}{>}"), "-udp 700, s>c udp 700 #1", 0, NULL, 0},
	{'s', REPLY("08", "{<s}{s}.195.81{>}{<s}{>}"), "c>s udp 50001 permanent", 0, NULL, 0},
	{0},
};

static const struct row nothing[] = {
	/* nobody asked for that */
	{'c', CALL("06", "02", "00", ""), NULL, 0, NULL, 0},
	{'s', REPLY("07", P_50000), NULL, 0, NULL, 0},
	{'c', GETPORT("07", UDP), NULL, 0, NULL, 0},
	{'s', REPLY("08", P_50000), NULL, 0, NULL, 0},
	/* denied; not accepted; cut off; more than it should be; a call */
	{'s', "{<m}" W("07") W("01") W("01") NO_AUTH W("00") P_50000 "{>}", NULL, 0, NULL, 0},
	{'s', "{<m}" W("07") W("01") W("00") NO_AUTH W("02") P_50000 "{>}", NULL, 0, NULL, 0},
	{'s', "{<m}" W("07") W("01") W("00") NO_AUTH W("00") "{x0000c3}{>}", NULL, 0, NULL, 0},
	{'s', "{<m}" W("07") W("01") W("00") NO_AUTH "{>}", NULL, 0, NULL, 0},
	{'s', REPLY("07", P_50000 P_50000), NULL, 0, NULL, 0},
	{'s', "{<m}" W("07") W("00") W("00") NO_AUTH W("00") P_50000 "{>}", NULL, 0, NULL, 0},
	/* another program, RPC version, version; what proves it is too long; DUMP, SET */
	{'c', "{<m}" W("09") W("00") W("02") "{x000186a5}" W("02") W("03") NO_AUTH NO_AUTH MOUNTD W(UDP) W("00") "{>}", NULL, 0, NULL, 0},
	{'s', REPLY("09", P_50000), NULL, 0, NULL, 0},
	{'c', "{<m}" W("09") W("00") W("03") "{x000186a0}" W("02") W("03") NO_AUTH NO_AUTH MOUNTD W(UDP) W("00") "{>}", NULL, 0, NULL, 0},
	{'s', REPLY("09", P_50000), NULL, 0, NULL, 0},
	{'c', CALL("09", "05", "03", MOUNTD W(UDP) W("00")), NULL, 0, NULL, 0},
	{'s', REPLY("09", P_50000), NULL, 0, NULL, 0},
	{'c', "{<m}" W("09") W("00") W("02") "{x000186a0}" W("02") W("03") W("00") "{xfffffffe}" NO_AUTH MOUNTD W(UDP) W("00") "{>}", NULL, 0, NULL, 0},
	{'s', REPLY("09", P_50000), NULL, 0, NULL, 0},
	{'c', CALL("0a", "02", "04", ""), NULL, 0, NULL, 0},
	{'s', REPLY("0a", W("01") MOUNTD W(UDP) P_50000 W("00")), NULL, 0, NULL, 0},
	{'c', CALL("0b", "02", "01", MOUNTD W(UDP) P_50000), NULL, 0, NULL, 0},
	{'s', REPLY("0b", W("01")), NULL, 0, NULL, 0},
	/* addresses that are none, and another host's */
	{'c', GETADDR("0c", "03"), NULL, 0, NULL, 0},
	{'s', REPLY("0c", "{<s}{>}"), NULL, 0, NULL, 0},
	{'s', REPLY("0c", "{<s}.195.80{>}"), NULL, 0, NULL, 0},
	{'s', REPLY("0c", "{<s}{t}.80{>}"), NULL, 0, NULL, 0},
	{'s', REPLY("0c", "{<s}{t}.256.80{>}"), NULL, 0, NULL, 0},
	{'s', REPLY("0c", "{<s}{t}.195.80x{>}"), NULL, 0, NULL, 0},
	{'s', REPLY("0c", "{<s}x{t}.195.80{>}"), NULL, 0, NULL, 0},
	{'s', REPLY("0c", "{<s}{t}.195.80{>}"), NULL, SL_WHY_HELPER_ADDRESS, NULL, 0},
	/* a list without its end */
	{'c', CALL("0d", "04", "0b", MOUNTD "{<s}{>}{<s}{>}{<s}{>}"), NULL, 0, NULL, 0},
	{'s', REPLY("0d", W("01") "{<s}{t}.78.81{>}{<s}udp{>}" W("01") "{<s}inet{>}{<s}udp{>}"), NULL, 0, NULL, 0},
	{0},
};

/* A record of two fragments passes, and the next one is read. */
static const struct row fragments[] = {
	{'c', GETPORT("07", UDP), NULL, 0, NULL, 0},
	{'s', "{x00000010}" W("07") W("01") W("00") W("00") "{x8000000c}" W("00") W("00") P_50000, NULL, SL_WHY_HELPER_UNKNOWN, NULL, 0},
	{'s', REPLY("07", P_50000), "c>s udp 50000 permanent", 0, NULL, 0},
	{'c', "{x00000010}" W("08") W("00") W("02") "{x000186a0}" "{x80000028}" W("02") W("03") NO_AUTH NO_AUTH MOUNTD W(UDP) W("00"), NULL, SL_WHY_HELPER_UNKNOWN, NULL, 0},
	{'s', REPLY("08", P_50000), NULL, 0, NULL, 0},
	{0},
};

#define UDP_OF(title, rows_) {.name = title, .helper = "rpc", .rows = rows_, .proto = SL_PROTO_UDP, .client_port = 700}
#define TCP_OF(title, rows_) {.name = title, .helper = "rpc", .rows = rows_, .proto = SL_PROTO_TCP, .client_port = 700}

static void datagrams(void **state)
{
	static const struct dialogue all[] = {
		UDP_OF("ports", ports),
		UDP_OF("again", again),
		UDP_OF("low ports", low_ports),
		{.name = "no low ports", .helper = "rpc", .rows = no_low_ports, .proto = SL_PROTO_UDP, .set = {"rpc_low_ports=0"}},
		UDP_OF("addresses", by_udp),
		UDP_OF("a list", list),
		UDP_OF("calls", calls),
		UDP_OF("nothing", nothing),
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}

static void records(void **state)
{
	static const struct dialogue all[] = {
		TCP_OF("ports", ports),
		TCP_OF("low ports", low_ports),
		TCP_OF("addresses", by_tcp),
		TCP_OF("a list", list),
		TCP_OF("nothing", nothing),
		TCP_OF("fragments", fragments),
	};

	(void)state;
	dialogues_play(all, sizeof(all) / sizeof(all[0]));
}
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(datagrams),
	        cmocka_unit_test(records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
