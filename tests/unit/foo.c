/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FOO, the first helper that a helper's author reads: each line it understands, and each it does
 * not, without NAT and with; and the connection that comes then.
 * Tests: helpers/foo.c
 */
#include "tests/lib/unit.h"

#include <sluice/helper.h>

static struct gateway g;

static const struct {
	const char *line;
	const char *becomes; /* under NAT; NULL: dropped */
	unsigned expects;
	enum sl_reason why;
} rows[] = {
        {"HERE 10.0.0.2 4711\n", "HERE 203.0.113.1 4711\n", 1, SL_WHY_NONE},
        {"HERE   10.0.0.2 4711 please\r\n", "HERE   203.0.113.1 4711 please\r\n", 1, SL_WHY_NONE},
        {"HERE 10.0.0.2 1023\n", NULL, 0, SL_WHY_HELPER_PORT},
        {"HERE 10.0.0.3 4711\n", NULL, 0, SL_WHY_HELPER_ADDRESS},
        {"HERE 10.0.0.2 65536\n", "HERE 10.0.0.2 65536\n", 0, SL_WHY_NONE}, /* not understood */
        {"HERE 10.0.0.256 4711\n", "HERE 10.0.0.256 4711\n", 0, SL_WHY_NONE},
        {"HERE\n", "HERE\n", 0, SL_WHY_NONE},
        {"THERE 10.0.0.2 4711\n", "THERE 10.0.0.2 4711\n", 0, SL_WHY_NONE},
        {"\n", "\n", 0, SL_WHY_NONE},
};

static void begin(bool nat)
{
	gateway_init(&g, nat);
	g.room = 128;
	gateway_start(&g);
	assert_true(sl_helper_register(g.engine, helper_named("foo"), true));
	put_in_once(&g, make_tcp(&g, "10.0.0.2", 4000, "192.0.2.9", 111, SL_SYN, 999, 0, NULL, 0));
	put_in_once(&g, make_tcp(&g, "192.0.2.9", 111, nat ? "203.0.113.1" : "10.0.0.2", 4000,
	                        SL_SYN | SL_ACK, 4999, 1000, NULL, 0));
	put_in_once(
	        &g, make_tcp(&g, "10.0.0.2", 4000, "192.0.2.9", 111, SL_ACK, 1000, 5000, NULL, 0));
}

static void each_line(void **unused)
{
	(void)unused;
	for (unsigned nat = 0; nat < 2; nat++)
		for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			const char *line = rows[i].line, *wanted = nat ? rows[i].becomes : line;
			struct sl_stats stats;
			struct sl_packet p;

			begin(nat);
			p = make_tcp(&g, "10.0.0.2", 4000, "192.0.2.9", 111, SL_ACK | SL_PSH, 1000,
			        5000, line, (uint32_t)strlen(line));
			put_in(&g, &p);
			assert_int_equal(p.verdict, rows[i].becomes ? SL_ACCEPT : SL_DROP);
			if (!rows[i].becomes)
				assert_int_equal(p.reason, rows[i].why);
			else {
				assert_int_equal(p.len - 40, strlen(wanted));
				assert_memory_equal(p.data + 40, wanted, strlen(wanted));
			}
			packet_free(&g, &p);
			sl_stats(g.engine, &stats);
			assert_int_equal(stats.expects, rows[i].expects);
			if (rows[i].expects) {
				p = make_tcp(&g, "192.0.2.9", 20, nat ? "203.0.113.1" : "10.0.0.2",
				        4711, SL_SYN, 1, 0, NULL, 0);
				put_in(&g, &p);
				assert_int_equal(p.state, SL_CT_RELATED);
				assert_memory_equal(p.data + 16, ((uint8_t[]){10, 0, 0, 2}), 4);
				packet_free(&g, &p);
			}
			gateway_end(&g);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
