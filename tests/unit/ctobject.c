/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What rules give to a connection by name, beside a tracker alone: helpers, timeouts and
 * expectations. The connection is that of the packet 10.0.0.1:1000 -> 10.0.0.2:22.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/rules_lib.h"
#include "tests/unit/track_lib.h"
#include "track/tcp.h"

static struct track_world world;
static struct asked asked;
static struct sl_rules *rules;
static struct sl_conn *conn;
static char helped[64]; /* names given to set_helper */

static bool set_helper(struct sl_engine *engine, struct sl_conn *to, const char *name)
{
	assert_ptr_equal(engine, &world);
	assert_ptr_equal(to, conn);
	strncat(helped, name, sizeof helped - strlen(helped) - 1);
	return true;
}

static void new_conn(uint8_t proto, uint16_t sport)
{
	struct sl_tuple tuple = asked.parsed.tuple;
	enum sl_reason why;

	tuple.proto = asked.parsed.tuple.proto = proto;
	tuple.sport = asked.parsed.tuple.sport = sport;
	conn = sl__conn_new(&world.t, &tuple, 0, 0, &why);
	assert_non_null(conn);
	asked.view.conn = conn;
	asked.view.state = SL_CT_NEW;
}

static void begin(const char *objects)
{
	struct sl_rules_env env = {.mem = {memory_get, memory_give, &rules_memory},
	        .report = rules_report,
	        .set_helper = set_helper};
	char text[1024];

	snprintf(text, sizeof text, "table inet t {\n%s\n}\n", objects);
	rules = rules_of(text);
	sl_rules_attach(rules, &env);
	helped[0] = 0;
	track_begin(&world, &(struct track_options){0});
	ask_begin(&asked, rules);
	asked.view.engine = (struct sl_engine *)(void *)&world;
	new_conn(SL_PROTO_TCP, 1000);
}

static void end(void)
{
	track_end(&world);
	rules_end(rules);
}

static bool give(uint8_t kind, const char *name)
{
	struct sl__object *o = sl__object_find(rules->tables, kind, name);

	assert_non_null(o);
	return sl__set_ct_object(&asked.ev, o);
}

static void confirm(void)
{
	sl__conn_refresh(&world.t, conn, 60000);
	assert_int_equal(sl__conn_confirm(&world.t, conn), SL_WHY_NONE);
}

static void nothing_to_give(void **unused)
{
	(void)unused;
	begin("ct helper h { type \"ftp\" protocol tcp; }");
	assert_false(sl__set_ct_object(&asked.ev, NULL));
	asked.view.engine = NULL;
	assert_false(give(OB_HELPER, "h"));
	assert_string_equal(helped, "");
	sl__conn_drop(&world.t, conn);
	end();
}

/* ---- helpers --------------------------------------------------------------------------------- */

static void helpers(void **unused)
{
	static const struct {
		const char *object;
		const char *helped;
	} rows[] = {
	        {"type \"ftp\" protocol tcp;", "ftp"},
	        {"type \"ftp\" protocol tcp; l3proto ip;", "ftp"},
	        {"type \"ftp\" protocol tcp; l3proto inet;", "ftp"},
	        {"type \"ftp\" protocol tcp; l3proto ip6;", ""},
	        {"type \"sip\" protocol udp;", ""},
	};

	(void)unused;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		char text[128];

		snprintf(text, sizeof text, "ct helper h { %s }", rows[i].object);
		begin(text);
		assert_true(give(OB_HELPER, "h")); /* the rule goes on either way */
		if (strcmp(helped, rows[i].helped))
			fail_msg("%s: gives \"%s\"", rows[i].object, helped);
		asked.view.conn = NULL;
		helped[0] = 0;
		assert_true(give(OB_HELPER, "h"));
		assert_string_equal(helped, "");
		sl__conn_drop(&world.t, conn);
		end();
	}
}

/* ---- timeouts -------------------------------------------------------------------------------- */

#define TCP_TIMES                                                                                  \
	"ct timeout t { protocol tcp; l3proto ip; policy = { syn_sent : 7, established : 77, "     \
	"close : 9 }; }\n"
#define UDP_TIMES "ct timeout u { protocol udp; l3proto ip; policy = { replied : 33 }; }\n"

static void timeouts(void **unused)
{
	const struct sl_timeouts *own, *tunables = &world.t.set.timeout;

	(void)unused;
	begin(TCP_TIMES UDP_TIMES);
	assert_true(give(OB_TIMEOUT, "u")); /* of another protocol */
	assert_ptr_equal(sl__timeouts(&world.t, conn), tunables);
	assert_true(give(OB_TIMEOUT, "t"));
	own = sl__timeouts(&world.t, conn);
	assert_ptr_not_equal(own, tunables);
	assert_int_equal(own->tcp[SL_TCP_SYN_SENT], 7);
	assert_int_equal(own->tcp[SL_TCP_ESTABLISHED], 77);
	assert_int_equal(own->tcp[SL_TCP_CLOSE], 9);
	assert_int_equal(own->tcp[SL_TCP_FIN_WAIT], tunables->tcp[SL_TCP_FIN_WAIT]);
	assert_int_equal(own->udp[1], tunables->udp[1]);
	assert_int_equal(conn->deadline - world.t.now_ms, 7000);
	sl__conn_drop(&world.t, conn);

	new_conn(SL_PROTO_UDP, 1001);
	assert_true(give(OB_TIMEOUT, "u"));
	own = sl__timeouts(&world.t, conn);
	assert_int_equal(own->udp[1], 33);
	assert_int_equal(own->udp[0], tunables->udp[0]);
	assert_int_equal(conn->deadline - world.t.now_ms, tunables->udp[0] * 1000);
	sl__conn_drop(&world.t, conn);
	end();
}

static void timeouts_of_new_ones_only(void **unused)
{
	(void)unused;
	begin(TCP_TIMES);
	confirm();
	assert_true(give(OB_TIMEOUT, "t"));
	assert_ptr_equal(sl__timeouts(&world.t, conn), &world.t.set.timeout);
	assert_int_equal(conn->deadline - world.t.now_ms, 60000);
	asked.view.conn = NULL;
	assert_true(give(OB_TIMEOUT, "t"));
	end();
}

static void timeouts_have_an_end(void **unused)
{
	(void)unused;
	begin("ct timeout t { protocol tcp; l3proto ip; policy = { established : 4000000 }; }");
	assert_true(give(OB_TIMEOUT, "t"));
	assert_int_equal(sl__timeouts(&world.t, conn)->tcp[SL_TCP_ESTABLISHED], 2000000);
	sl__conn_drop(&world.t, conn);
	end();
}

/* Each state of each protocol has a place of its own in the order in which nft lists them. */
static void states_by_name(void **unused)
{
	static const struct {
		uint8_t proto;
		const char *names[12];
	} rows[] = {
	        {SL_PROTO_TCP,
	                {"syn_sent", "syn_recv", "established", "fin_wait", "close_wait",
	                        "last_ack", "time_wait", "close", "syn_sent2", "retrans", "unack"}},
	        {SL_PROTO_UDP, {"unreplied", "replied"}},
	};

	(void)unused;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		const char *const *states = sl__timeout_states(rows[i].proto);
		unsigned k = 0;

		for (; rows[i].names[k]; k++)
			assert_string_equal(states[k], rows[i].names[k]);
		assert_null(states[k]);
	}
}

/* ---- expectations ---------------------------------------------------------------------------- */

#define EXPECT(size, family)                                                                       \
	"ct expectation e { protocol udp; dport 5060; timeout 7s; size " size "; l3proto " family  \
	"; }"

/* From the responder to the opener, at the object's port, from any. */
static void expectations(void **unused)
{
	struct sl_expect *expect;
	struct sl_tuple back;

	(void)unused;
	begin(EXPECT("2", "ip"));
	assert_true(give(OB_EXPECTATION, "e"));
	back = (struct sl_tuple){.src = asked.parsed.tuple.dst,
	        .dst = asked.parsed.tuple.src,
	        .sport = 999,
	        .dport = 5060,
	        .family = SL_IPV4,
	        .proto = SL_PROTO_UDP};
	confirm();
	expect = sl__expect_match(&world.t, &back, 0);
	assert_non_null(expect);
	assert_int_equal(expect->deadline - world.t.now_ms, 7000);
	back.dport++;
	assert_null(sl__expect_match(&world.t, &back, 0));
	back.dport--;
	back.proto = SL_PROTO_TCP;
	assert_null(sl__expect_match(&world.t, &back, 0));
	end();
}

static void expectations_of_new_ones_only(void **unused)
{
	(void)unused;
	begin(EXPECT("2", "ip"));
	confirm();
	assert_false(give(OB_EXPECTATION, "e"));
	asked.view.conn = NULL;
	assert_false(give(OB_EXPECTATION, "e"));
	assert_int_equal(world.n_told, 0);
	end();
}

static void expectations_by_family(void **unused)
{
	(void)unused;
	begin(EXPECT("2", "ip6"));
	assert_false(give(OB_EXPECTATION, "e"));
	assert_null(sl__ext_of(&world.t, conn));
	sl__conn_drop(&world.t, conn);
	end();
}

/* No more for one connection than the object's size. */
static void as_many_as_its_size(void **unused)
{
	(void)unused;
	begin(EXPECT("1",
	        "ip") "\nct expectation f { protocol udp; dport 5061; timeout 7s; size 1; l3proto ip; }");
	assert_true(give(OB_EXPECTATION, "e"));
	assert_false(give(OB_EXPECTATION, "e"));
	assert_false(give(OB_EXPECTATION, "f"));
	assert_int_equal(sl__ext_of(&world.t, conn)->expect_count[0], 1);
	confirm();
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(nothing_to_give),
	        cmocka_unit_test(helpers),
	        cmocka_unit_test(timeouts),
	        cmocka_unit_test(timeouts_of_new_ones_only),
	        cmocka_unit_test(timeouts_have_an_end),
	        cmocka_unit_test(states_by_name),
	        cmocka_unit_test(expectations),
	        cmocka_unit_test(expectations_of_new_ones_only),
	        cmocka_unit_test(expectations_by_family),
	        cmocka_unit_test(as_many_as_its_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
