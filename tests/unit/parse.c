/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets in hexadecimal and what is found in them. Each is read at each length, down to nothing,
 * from memory that ends where it ends: a byte read too far is seen, and what is cut off is never
 * taken for whole.
 * Tests: src/track/parse.c src/track/ip_options.c src/track/tcp_options.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "track/parse.h"
#include "track/tcp.h"

#define ENDS4 "0a000002c6336407"
#define ENDS6                                                                                      \
	"20010db8000100000000000000000002"                                                         \
	"20010db8000200000000000000000007"
/* An IPv4 header of 20 bytes: total length and protocol; an IPv6 one: payload length, next header.
 */
#define V4(length, proto)        "4500" length "0001000040" proto "0000" ENDS4
#define V4F(length, frag, proto) "4500" length "0007" frag "40" proto "0000" ENDS4
#define V6(length, next)         "60000000" length next "40" ENDS6
#define V6H(length, next, hop)   "60000000" length next hop ENDS6
#define TCP                      "03e8005000000001000000005002200000000000"
#define UDP                      "1388003500080000"
#define ANY                      0xffff

struct row {
	const char *name, *hex;
	enum sl_reason why;
	uint16_t proto, l4, payload; /* ANY: not looked at */
};

static const struct row rows[] = {
        {"nothing", "", SL_WHY_SHORT_IP, ANY, ANY, ANY},
        {"a version that is none", "50000014", SL_WHY_BAD_IP_HEADER, ANY, ANY, ANY},
        {"TCP", V4("0028", "06") TCP, SL_WHY_NONE, 6, 20, 40},
        {"TCP with padding behind it", V4("0028", "06") TCP "000000", SL_WHY_NONE, 6, 20, 40},
        {"TCP, longer than its packet", V4("0029", "06") TCP, SL_WHY_SHORT_IP, ANY, ANY, ANY},
        {"a header of 16 bytes", "4400002800010000400600000a000002c6336407" TCP,
                SL_WHY_BAD_IP_HEADER, ANY, ANY, ANY},
        {"a total length below the header", V4("0013", "06") TCP, SL_WHY_BAD_IP_HEADER, ANY, ANY,
                ANY},
        {"options",
                "4600002c00010000400600000a000002c6336407"
                "01010100" TCP,
                SL_WHY_NONE, 6, 24, 44},
        {"TCP, header too short",
                V4("0028", "06") "03e80050000000010000000040022000"
                                 "00000000",
                SL_WHY_BAD_L4_LENGTH, 6, 20, ANY},
        {"TCP, header beyond the packet",
                V4("0028", "06") "03e80050000000010000000060022000"
                                 "00000000",
                SL_WHY_BAD_L4_LENGTH, 6, 20, ANY},
        {"half a TCP header", V4("001e", "06") "03e80050000000010000", SL_WHY_SHORT_L4, 6, 20, ANY},
        {"UDP", V4("001c", "11") UDP, SL_WHY_NONE, 17, 20, 28},
        {"UDP, length over the packet", V4("001c", "11") "1388003500090000", SL_WHY_BAD_L4_LENGTH,
                17, 20, ANY},
        {"UDP, length below its header", V4("001c", "11") "1388003500070000", SL_WHY_BAD_L4_LENGTH,
                17, 20, ANY},
        {"half a UDP header", V4("0018", "11") "13880035", SL_WHY_SHORT_L4, 17, 20, ANY},
        {"UDP-Lite that covers all", V4("001c", "88") "1388003500001234", SL_WHY_NONE, 136, 20, 28},
        {"UDP-Lite without its checksum", V4("001c", "88") "1388003500080000", SL_WHY_BAD_CHECKSUM,
                136, 20, ANY},
        {"UDP-Lite that covers less than its header", V4("001c", "88") "1388003500051234",
                SL_WHY_BAD_L4_LENGTH, 136, 20, ANY},
        {"SCTP", V4("0020", "84") "138800350000000100000000", SL_WHY_NONE, 132, 20, ANY},
        {"half an SCTP header", V4("001c", "84") "1388003500000001", SL_WHY_SHORT_L4, 132, 20, ANY},
        {"GRE", V4("001c", "2f") "0000080000000000", SL_WHY_NONE, 47, 20, ANY},
        {"GRE of PPTP", V4("001c", "2f") "3001880b00000005", SL_WHY_NONE, 47, 20, ANY},
        {"GRE version 1 of something else", V4("001c", "2f") "3001080000000005",
                SL_WHY_BAD_L4_LENGTH, 47, 20, ANY},
        {"GRE of two bytes", V4("0016", "2f") "0000", SL_WHY_NONE, 47, 20, ANY},
        {"ICMP", V4("001c", "01") "0800000000070001", SL_WHY_NONE, 1, 20, 28},
        {"half an ICMP header", V4("0018", "01") "08000000", SL_WHY_SHORT_L4, 1, 20, ANY},
        {"ICMPv6 over IPv4", V4("001c", "3a") "8000000000070001", SL_WHY_NONE, 58, 20, 20},
        {"another protocol", V4("0018", "59") "00000000", SL_WHY_NONE, 89, 20, 20},
        {"a first fragment", V4F("0024", "2000", "11") UDP "0000000000000000", SL_WHY_NONE, 17, 20,
                ANY},
        {"a later fragment", V4F("001c", "0001", "11") "0000000000000000", SL_WHY_NONE, 17, 20, 20},
        {"IPv6: TCP", V6("0014", "06") TCP, SL_WHY_NONE, 6, 40, 60},
        {"IPv6: longer than it is", V6("0015", "06") TCP, SL_WHY_SHORT_IP, ANY, ANY, ANY},
        {"IPv6: ICMP of IPv4", V6("0008", "01") "0800000000070001", SL_WHY_NONE, 1, 40, 40},
        {"IPv6: echo", V6("0008", "3a") "8000000000070001", SL_WHY_NONE, 58, 40, 48},
        {"IPv6: hop-by-hop and destination options",
                V6("0024", "00") "3c00010400000000"
                                 "0600010400000000" TCP,
                SL_WHY_NONE, 6, 56, 76},
        {"IPv6: routing header", V6("001c", "2b") "0600000000000000" TCP, SL_WHY_NONE, 6, 48, 68},
        {"IPv6: authentication header", V6("0020", "33") "060100000000000000000000" TCP,
                SL_WHY_NONE, 6, 52, 72},
        {"IPv6: nothing behind", V6("0000", "3b"), SL_WHY_BAD_EXTENSIONS, ANY, ANY, ANY},
        {"IPv6: a header that is cut off", V6("0001", "00") "06", SL_WHY_BAD_EXTENSIONS, ANY, ANY,
                ANY},
        {"IPv6: a header longer than the packet", V6("0008", "3c") "06ff010400000000",
                SL_WHY_SHORT_L4, ANY, ANY, ANY},
        {"IPv6: headers without end",
                V6("0060", "3c") "3c000104000000003c000104000000003c000104000000003c000104000000003"
                                 "c00010400000000"
                                 "3c000104000000003c000104000000003c000104000000003c000104000000003"
                                 "c00010400000000"
                                 "3c000104000000003c00010400000000",
                ANY, ANY, ANY, ANY},
        {"IPv6: first fragment", V6("0018", "2c") "1100000100000009" UDP "0000000000000000",
                SL_WHY_NONE, 17, 48, ANY},
        {"IPv6: later fragment",
                V6("0010", "2c") "1100000800000009"
                                 "0000000000000000",
                SL_WHY_NONE, 17, 48, 48},
        {"IPv6: atomic fragment", V6("0010", "2c") "1100000000000009" UDP, SL_WHY_NONE, 17, 48, 56},
        {"IPv6: fragment header cut off", V6("0004", "2c") "11000001", SL_WHY_FRAG_MALFORMED, ANY,
                ANY, ANY},
        {"IPv6: fragment of nothing", V6("0008", "2c") "3b00000900000009", SL_WHY_NONE, ANY, ANY,
                ANY},
        {"IPv6: redirect with its cause",
                V6H("0048", "3a", "ff") "8900000000000000" ENDS6 "0401000000000000"
                                        "0406000000000000"
                                        "60000000000811400000000000000000",
                ANY, 58, 40, ANY},
        {"IPv6: redirect, an option without length",
                V6H("0030", "3a", "ff") "8900000000000000" ENDS6 "0400000000000000", SL_WHY_NONE,
                58, 40, ANY},
        {"IPv6: redirect from afar", V6("0030", "3a") "8900000000000000" ENDS6 "0406000000000000",
                SL_WHY_NONE, 58, 40, ANY},
};

static uint32_t unhex(const char *hex, uint8_t *out)
{
	uint32_t n = (uint32_t)strlen(hex) / 2;

	for (uint32_t i = 0; i < n; i++) {
		char two[3] = {hex[2 * i], hex[2 * i + 1], 0};

		out[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return n;
}

/* Everything that reads headers, on a copy that ends where the packet ends. */
static enum sl_reason look(const uint8_t *bytes, uint32_t len, struct sl_parsed *parsed)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct sl_packet p = {.data = copy, .len = len};
	struct sl_v6_problem problem;
	struct sl_tcp_options options;
	struct sl_parsed quoted;
	enum sl_reason why;

	assert_non_null(copy);
	if (len)
		memcpy(copy, bytes, len);
	why = sl__parse(&p, parsed);
	assert_true(
	        parsed->len <= len && parsed->l4 <= parsed->len && parsed->payload <= parsed->len);
	if (why == SL_WHY_NONE) {
		(void)sl__parse_checksum(&p, parsed);
		if (parsed->tuple.family == SL_IPV6)
			(void)sl__ipv6_options(&p, parsed, &problem);
		if (parsed->tuple.proto == SL_PROTO_TCP && !parsed->frag)
			sl__tcp_options(&p, parsed, &options);
		if (parsed->frag == SL_FRAG_FIRST)
			(void)sl__parse_first(&p, parsed);
		if (parsed->quote && parsed->quote <= parsed->len)
			(void)sl__parse_quoted(copy + parsed->quote, parsed->len - parsed->quote,
			        (enum sl_family)parsed->tuple.family, &quoted);
	}
	if (len)
		(void)sl__parse_quoted(copy, len, copy[0] >> 4 == 6 ? SL_IPV6 : SL_IPV4, &quoted);
	free(copy);
	return why;
}

static void each_packet(void **state)
{
	uint8_t bytes[400];

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		uint32_t len = unhex(r->hex, bytes);
		struct sl_parsed parsed;
		enum sl_reason why = look(bytes, len, &parsed);

		if (r->why != ANY && why != r->why)
			fail_msg("%s: %s, not %s", r->name, sl_reason_name(why),
			        sl_reason_name(r->why));
		if (r->proto != ANY && parsed.tuple.proto != r->proto)
			fail_msg("%s: protocol %u", r->name, parsed.tuple.proto);
		if (r->l4 != ANY && parsed.l4 != r->l4)
			fail_msg("%s: transport header at %u", r->name, parsed.l4);
		if (r->payload != ANY && parsed.payload != r->payload)
			fail_msg("%s: payload at %u", r->name, parsed.payload);
	}
}

static void each_packet_cut_everywhere(void **state)
{
	uint8_t bytes[400];

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t len = unhex(rows[i].hex, bytes);
		struct sl_parsed parsed;

		for (uint32_t n = 0; n < len; n++)
			if (look(bytes, n, &parsed) == SL_WHY_NONE)
				assert_true(parsed.len <= n);
	}
}

/* And with each byte changed to what lies most often at a limit. */
static void each_packet_with_each_byte_changed(void **state)
{
	static const uint8_t values[] = {0, 1, 7, 8, 0x3b, 0x40, 0x7f, 0x80, 0xf0, 0xff};
	uint8_t bytes[400];

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t len = unhex(rows[i].hex, bytes);
		struct sl_parsed parsed;

		for (uint32_t at = 0; at < len; at++) {
			uint8_t was = bytes[at];

			for (unsigned v = 0; v < sizeof(values); v++) {
				bytes[at] = values[v];
				(void)look(bytes, len, &parsed);
			}
			bytes[at] = was;
		}
	}
}

/* ---- options --------------------------------------------------------------------------------- */

enum told { PASSES, DROPPED, TOLD, TOLD_GROUPS };

struct option_row {
	const char *hex; /* of IP options; they begin at byte 42 */
	enum told what;
	uint8_t code, at;
};

static const struct option_row option_rows[] = {
        {"000000000000", PASSES, 0, 0}, /* Pad1 */
        {"010400000000", PASSES, 0, 0}, /* PadN */
        {"010401000000", DROPPED, 0, 0}, /* ... of something */
        {"0105000000000001010000000000", DROPPED, 0, 0}, /* eight of padding in a row */
        {"010500000000001e000000000000", PASSES, 0, 0},  /* broken by an option */
        {"000000000000000000000000001e", DROPPED, 0, 0},
        {"050200000100", PASSES, 0, 0}, /* router alert, PadN of nothing */
        {"050400000000", DROPPED, 0, 0}, /* of the wrong size */
        {"070400000000", DROPPED, 0, 0}, /* CALIPSO */
        {"310400000000", DROPPED, 0, 0}, /* IOAM */
        {"000000310400000000010000", DROPPED, 0, 0},
        {"010031040000000000000000", PASSES, 0, 0}, /* in its place */
        {"c20400010000", TOLD, 0, 42}, /* jumbo payload, and another length */
        {"c2040000ffff", TOLD, 0, 44}, /* that is none */
        {"c20600010000", DROPPED, 0, 0},
        {"450400000000", DROPPED, 0, 0}, /* unknown: discard */
        {"850400000000", TOLD_GROUPS, 2, 42}, /* and tell */
        {"0100c50200000000000000000000", TOLD, 2, 44}, /* if to one host */
        {"1e0400000000", PASSES, 0, 0}, /* unknown: skip */
        {"1e001e001e001e001e001e001e00", PASSES, 0, 0},
        {"1e001e001e001e001e001e001e001e001e001e001e00", DROPPED, 0, 0}, /* too many */
        {"01ff00000000", DROPPED, 0, 0}, /* longer than its header */
        {"1e0300000001", DROPPED, 0, 0}, /* half an option */
};

static void each_ip_option(void **state)
{
	uint8_t bytes[200];

	(void)state;
	for (unsigned i = 0; i < sizeof(option_rows) / sizeof(option_rows[0]); i++) {
		const struct option_row *r = &option_rows[i];
		struct sl_packet p = {.data = bytes};
		struct sl_v6_problem problem;
		struct sl_parsed parsed = {0};
		uint32_t n, head;
		enum sl_reason why;
		enum told what;

		memset(bytes, 0, sizeof(bytes));
		head = unhex(V6("0020", "00") "3b00", bytes);
		n = unhex(r->hex, bytes + head);
		n += (6 - n % 8) % 8;
		bytes[head - 1] = (uint8_t)(n / 8);
		p.len = parsed.len = head + n;
		why = sl__ipv6_options(&p, &parsed, &problem);
		what = why == SL_WHY_NONE ? PASSES
		       : !problem.told    ? DROPPED
		                          : problem.to_groups ? TOLD_GROUPS : TOLD;
		if (what != r->what || problem.code != r->code || problem.at != r->at)
			fail_msg("option %s: %s, %d, code %u at %u", r->hex, sl_reason_name(why), what,
			        problem.code, problem.at);
	}
}

struct tcp_option_row {
	const char *hex;
	uint8_t flags, scale;
	bool has_sack, is_signed;
	uint32_t sack;
};

static const struct tcp_option_row tcp_rows[] = {
        {"", 0, 0, false, false, 0},
        {"020405b401030307", SL_TCPF_SCALES, 7, false, false, 0},
        {"0303ff01", SL_TCPF_SCALES, 14, false, false, 0}, /* more than RFC 7323 allows */
        {"03040707", 0, 0, false, false, 0},               /* of the wrong size */
        {"04020101", SL_TCPF_SACK, 0, false, false, 0},
        {"04030000", 0, 0, false, false, 0},
        {"0101050a0000000100000009", 0, 0, true, false, 9},
        {"01010512000000010000000900000020000000ff", 0, 0, true, false, 255},
        {"01010512ffffff00fffffff00000000100000005", 0, 0, true, false, 5},
        {"0506000000010000", 0, 0, false, false, 0}, /* half a block */
        {"131200000000000000000000000000000000"
         "0000",
                0, 0, false, true, 0},
        {"1d04010100000000", 0, 0, false, true, 0},
        {"00030307", 0, 0, false, false, 0}, /* behind the end */
        {"fe000000", 0, 0, false, false, 0}, /* length 0 */
        {"fe010000", 0, 0, false, false, 0},
        {"fe080000", 0, 0, false, false, 0},
};

static void each_tcp_option(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(tcp_rows) / sizeof(tcp_rows[0]); i++) {
		const struct tcp_option_row *r = &tcp_rows[i];
		uint32_t n = (uint32_t)strlen(r->hex) / 2;
		uint8_t *bytes = malloc(40 + n);
		struct sl_packet p = {.data = bytes, .len = 40 + n};
		struct sl_tcp_options options;
		struct sl_parsed parsed;

		assert_non_null(bytes);
		unhex(V4("0028", "06") TCP, bytes);
		unhex(r->hex, bytes + 40);
		bytes[3] = (uint8_t)(40 + n);
		bytes[32] = (uint8_t)((20 + n) / 4 << 4);
		assert_int_equal(sl__parse(&p, &parsed), SL_WHY_NONE);
		sl__tcp_options(&p, &parsed, &options);
		if (options.flags != r->flags || options.scale != r->scale ||
		        options.has_sack != r->has_sack || options.signed_ != r->is_signed ||
		        (r->has_sack && options.sack != r->sack))
			fail_msg("options %s", r->hex);
		assert_int_equal(options.any, n != 0);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_packet),
	        cmocka_unit_test(each_packet_cut_everywhere),
	        cmocka_unit_test(each_packet_with_each_byte_changed),
	        cmocka_unit_test(each_ip_option),
	        cmocka_unit_test(each_tcp_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
