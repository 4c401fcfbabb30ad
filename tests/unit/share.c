/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ruleset and views of it for more engines: what one of them counts the others find counted; the lock is
 * taken and given, and only around rules that count; they end in any order.
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

enum { VIEWS = 3 };

static struct sl_rules *views[VIEWS];
static struct asked asked[VIEWS];
static unsigned taken, given;

static void take(void *ctx)
{
	(void)ctx;
	assert_int_equal(taken, given);
	taken++;
}

static void give(void *ctx)
{
	(void)ctx;
	given++;
	assert_int_equal(taken, given);
}

static const struct sl_rules_lock lock = {NULL, take, give};

static struct sl_rules *view_of(struct sl_rules *r)
{
	struct sl_rules_env env = {
	        .mem = {memory_get, memory_give, &rules_memory}, .if_name = rules_if_name};

	return sl_rules_share(r, &env, &lock);
}

static void share(const char *rules)
{
	char text[512];

	snprintf(text, sizeof text,
	        "table ip t {\nset s { type ipv4_addr; flags dynamic; }\ncounter n { }\nchain c { type "
	        "filter hook forward priority 0; policy drop; %s; }\n}\n",
	        rules);
	for (unsigned i = 0; i < VIEWS; i++) {
		views[i] = i ? view_of(views[i - 1])
		             : rules_of(text); /* a view's view is one of the whole */
		assert_non_null(views[i]);
		ask_begin(&asked[i], views[i]);
	}
	taken = given = 0;
}

static void end(void)
{
	for (unsigned i = 0; i < VIEWS; i++)
		sl_rules_destroy(views[i]);
	assert_int_equal(rules_memory.held, 0);
	assert_int_equal(taken, given);
}

static bool accepts(unsigned i)
{
	return sl_rules_policy.decide(views[i], &asked[i].view) == SL_CONTINUE;
}

/* clang-format off */
static const struct { /* what the packet comes to, put to 0, 1, 2, 0, 1, 2 */
	const char *rules;
	bool accepted[6];
	bool locks;
} rows[] = {
	{"limit rate 4/hour burst 4 packets accept", {1, 1, 1, 1, 0, 0}, true},
	{"quota 200 bytes accept", {1, 1, 1, 1, 0, 0}, true}, /* 44 bytes each */
	{"numgen inc mod 3 0 accept", {1, 0, 0, 1, 0, 0}, true},
	{"ip saddr @s accept; add @s { ip saddr }", {0, 1, 1, 1, 1, 1}, true},
	{"add @s { ip saddr limit rate 2/hour burst 2 packets } accept", {1, 1, 0, 0, 0, 0}, true},
	{"counter name n accept", {1, 1, 1, 1, 1, 1}, true},
	{"ip saddr 10.0.0.1 accept", {1, 1, 1, 1, 1, 1}, false},
	{"ip saddr { 10.0.0.1, 10.0.0.7 } accept", {1, 1, 1, 1, 1, 1}, false},
	{"numgen random mod 1 0 accept", {1, 1, 1, 1, 1, 1}, false},
	{"ip saddr vmap { 10.0.0.1 : accept }", {1, 1, 1, 1, 1, 1}, false},
};
/* clang-format on */

static void counted_once(void **unused)
{
	(void)unused;
	for (unsigned r = 0; r < COUNT(rows); r++) {
		unsigned before;

		share(rows[r].rules);
		for (unsigned i = 0; i < VIEWS; i++) /* takes it once */
			sl__share_start(views[i], SECOND);
		before = taken;
		for (unsigned i = 0; i < 6; i++)
			if (accepts(i % VIEWS) != rows[r].accepted[i])
				fail_msg("%s: packet %u: the other way", rows[r].rules, i);
		assert_int_equal(taken > before, rows[r].locks);
		end();
	}
}

static void counters_are_one(void **unused)
{
	struct sl__object *n;

	(void)unused;
	share("counter name n accept");
	for (unsigned i = 0; i < 6; i++)
		accepts(i % VIEWS);
	n = sl__object_find(views[2]->tables, OB_COUNTER, "n");
	assert_int_equal(n->state.counter.packets, 6);
	end();
}

/* Whoever is left goes on. */
static void ends_in_any_order(void **unused)
{
	(void)unused;
	for (unsigned first = 0; first < VIEWS; first++)
		for (unsigned second = 0; second < VIEWS; second++) {
			if (first == second)
				continue;
			share("add @s { ip saddr } accept");
			sl_rules_destroy(views[first]);
			sl_rules_destroy(views[second]);
			views[first] = views[second] = NULL;
			assert_true(accepts(VIEWS - first - second));
			end();
		}
}

static void no_memory(void **unused)
{
	struct sl_rules *r = rules_of("table ip t { }");

	(void)unused;
	for (unsigned n = 1;; n++) {
		struct sl_rules *view;

		rules_memory.fail_at = rules_memory.calls + n;
		view = view_of(r);
		if (view) {
			assert_true(n > 1);
			sl_rules_destroy(view);
			break;
		}
	}
	rules_memory.fail_at = 0;
	rules_end(r);
}

/* ---- ct count: connections of two trackers, which only their own can look up ------------------- */

static struct track_world worlds[2];

static struct sl_conn *opens(unsigned i, uint16_t port, bool passes)
{
	struct sl_tuple tuple = {.src.b[15] = 1,
	        .dst.b[15] = 2,
	        .sport = port,
	        .dport = 9,
	        .family = SL_IPV4,
	        .proto = SL_PROTO_UDP};
	enum sl_reason why;
	struct sl_conn *conn = sl__conn_new(&worlds[i].t, &tuple, 0, 0, &why);

	assert_non_null(conn);
	asked[i].view.conn = conn;
	asked[i].view.engine = (struct sl_engine *)(void *)&worlds[i].t;
	asked[i].view.state = SL_CT_NEW;
	assert_int_equal(accepts(i), passes);
	sl__conn_refresh(&worlds[i].t, conn, 60000);
	assert_int_equal(sl__conn_confirm(&worlds[i].t, conn), SL_WHY_NONE);
	return conn;
}

static bool tends(unsigned i, uint64_t now)
{
	return sl_rules_tend(views[i], (const struct sl_engine *)(void *)&worlds[i].t, now);
}

static void connections_of_others(void **unused)
{
	struct sl_conn *conn;

	(void)unused;
	for (unsigned i = 0; i < 2; i++)
		track_begin(&worlds[i], &(struct track_options){0});
	share("ct count 2 accept");
	conn = opens(0, 1, true);
	assert_false(tends(0, SECOND)); /* nobody wants to know */
	assert_false(tends(1, SECOND));
	opens(1, 1, true); /* the same name in another engine is another connection */
	sl__conn_kill(&worlds[1].t, opens(1, 2, false), SL_WHY_TIMEOUT);
	sl__conn_kill(&worlds[0].t, conn, SL_WHY_TIMEOUT);
	sl__conn_kill(&worlds[1].t, opens(1, 3, false), SL_WHY_TIMEOUT); /* 1 cannot know yet */
	assert_false(tends(0, SECOND + 1));                              /* once a second */
	assert_true(tends(0, 2 * SECOND));
	assert_false(tends(0, 4 * SECOND));
	opens(1, 4, true);
	end();
	for (unsigned i = 0; i < 2; i++)
		track_end(&worlds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(counted_once),
	        cmocka_unit_test(counters_are_one),
	        cmocka_unit_test(ends_in_any_order),
	        cmocka_unit_test(no_memory),
	        cmocka_unit_test(connections_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
