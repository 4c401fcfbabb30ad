/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of GRE keys: which call ids belong together, that no two calls between the same hosts
 * get one key, and that entries end with their master. (GRE as a protocol of packets: flows.c.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "track/gre.h"
#include "track_lib.h"

/* The PPTP control connection of client 10.0.0.HOST; translated to 203.0.113.1 if `nat`. */
static struct sl_conn *control(struct track_world *w, uint8_t host, bool nat)
{
	struct sl_tuple tuple = host_tuple(SL_PROTO_TCP, host, (uint16_t)(4000 + host), 9, 1723),
	                reply;
	enum sl_reason why = SL_WHY_NONE;
	struct sl_conn *conn = sl__conn_new(&w->t, &tuple, 0, 0, &why);

	assert_non_null(conn);
	if (nat) {
		assert_true(sl__tuple_invert(&tuple, &reply));
		reply.dst = sl_addr_v4((uint8_t[4]){203, 0, 113, 1});
		sl__conn_set_tuple(conn, SL_REPLY, &reply);
		conn->status |= SL_SRC_NAT;
	}
	sl__conn_refresh(&w->t, conn, 60000);
	assert_int_equal(sl__conn_confirm(&w->t, conn), SL_WHY_NONE);
	return conn;
}

static struct sl_gre_key *add(
        struct track_world *w, struct sl_conn *master, enum sl_dir dir, uint16_t own)
{
	struct sl_gre_key *k = NULL;

	assert_int_equal(sl__gre_add(&w->t, master, dir, own, &k), SL_WHY_NONE);
	assert_non_null(k);
	assert_int_equal(k->own, own);
	return k;
}

/* What stands in packets to a side leads to what stands in packets from it. */
static void a_call_is_complete_with_both_keys(void **unused)
{
	struct sl_gre_key *client, *server;
	struct sl_tuple to_server, to_client;
	struct track_world w;
	struct sl_conn *c;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	c = control(&w, 2, false);
	client = add(&w, c, SL_ORIGINAL, 100);
	server = add(&w, c, SL_REPLY, 700);
	client->back = 700;
	server->back = 100;
	to_server = host_tuple(SL_PROTO_GRE, 2, 0, 9, 700);
	sl__gre_complete(&w.t, &to_server, 0);
	assert_int_equal(to_server.sport, 100);
	assert_true(sl__tuple_invert(&to_server, &to_client));
	to_client.sport = 0;
	sl__gre_complete(&w.t, &to_client, 0);
	assert_int_equal(to_client.sport, 700);
	to_client.sport = 0;
	sl__gre_complete(&w.t, &to_client, 5); /* another zone: strangers */
	assert_int_equal(to_client.sport, 0);
	to_client.dport++;
	sl__gre_complete(&w.t, &to_client, 0); /* another call */
	assert_int_equal(to_client.sport, 0);
	track_end(&w);
}

/* Two clients behind one address chose the same id: the server must be told two. */
static void under_nat_keys_differ(void **unused)
{
	struct track_world w;
	uint16_t shown[20];

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	for (unsigned i = 0; i < 20; i++) {
		struct sl_conn *c = control(&w, (uint8_t)(2 + i), true);

		shown[i] = add(&w, c, SL_ORIGINAL, 100)->key;
		assert_int_not_equal(shown[i], 0);
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(shown[i], shown[j]);
		assert_int_equal(add(&w, c, SL_ORIGINAL, 100)->key, shown[i]); /* the same again */
	}
	assert_int_equal(w.t.gre.count, 20);
	assert_int_equal(shown[0], 100); /* kept while nobody has it */
	track_end(&w);
}

/* A shard gives out only keys of its own slices. */
static void keys_are_of_our_shard(void **unused)
{
	struct track_world w;

	(void)unused;
	for (uint16_t shard = 0; shard < 3; shard++) {
		track_begin(&w, &(struct track_options){0});
		w.t.shards = 3;
		w.t.shard = shard;
		for (uint8_t i = 0; i < 10; i++) {
			struct sl_gre_key *k =
			        add(&w, control(&w, (uint8_t)(2 + i), true), SL_ORIGINAL, 100);

			assert_int_equal(sl__port_owner(k->key, 3), shard);
		}
		track_end(&w);
	}
}

/* Without NAT the key is what the side chose; the same two hosts again replace what they said. */
static void without_nat_keys_stay(void **unused)
{
	struct sl_conn *first, *second;
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	first = control(&w, 2, false);
	assert_int_equal(add(&w, first, SL_ORIGINAL, 100)->key, 100);
	{
		struct sl_tuple tuple = host_tuple(SL_PROTO_TCP, 2, 4999, 9, 1723);

		second = conn_of(&w, &tuple);
	}
	assert_int_equal(add(&w, second, SL_ORIGINAL, 100)->key, 100);
	assert_null(sl__gre_of(sl__ext_of(&w.t, first), SL_ORIGINAL, 100));
	assert_int_equal(w.t.gre.count, 1);
	track_end(&w);
}

/* A master that announces call upon call loses the oldest that came to nothing, never a call. */
static void many_of_one_master(void **unused)
{
	struct sl_gre_key *call, *server;
	struct track_world w;
	struct sl_conn *c;
	struct sl_ext *ext;

	(void)unused;
	track_begin(&w, &(struct track_options){.expects = 1000});
	c = control(&w, 2, false);
	call = add(&w, c, SL_ORIGINAL, 1);
	server = add(&w, c, SL_REPLY, 700);
	sl__gre_pair(&w.t, call, server);
	for (uint16_t own = 2; own < 300; own++)
		add(&w, c, SL_ORIGINAL, own);
	ext = sl__ext_of(&w.t, c);
	assert_int_equal(w.t.gre.count, 64);
	assert_ptr_equal(sl__gre_of(ext, SL_ORIGINAL, 1), call);
	assert_null(sl__gre_of(ext, SL_ORIGINAL, 2));
	assert_non_null(sl__gre_of(ext, SL_ORIGINAL, 299));
	assert_null(sl__gre_of(ext, SL_REPLY, 299));
	for (uint16_t own = 1; own < 300; own++) {
		struct sl_gre_key *k = sl__gre_of(ext, SL_ORIGINAL, own);

		if (k)
			sl__gre_pair(&w.t, k, server);
	}
	{ /* all are calls now: there is no more room */
		struct sl_gre_key *none = NULL;

		assert_int_equal(
		        sl__gre_add(&w.t, c, SL_ORIGINAL, 1000, &none), SL_WHY_EXPECT_LIMIT);
		assert_null(none);
	}
	sl__conn_kill(&w.t, c, SL_WHY_FLUSHED);
	assert_int_equal(w.t.gre.count, 0);
	track_end(&w);
}

/* All together are no more than expectations may be. */
static void many_of_many_masters(void **unused)
{
	struct sl_gre_key *k = NULL;
	struct track_world w;

	(void)unused;
	track_begin(&w, &(struct track_options){.expects = 3});
	for (uint8_t i = 0; i < 3; i++)
		add(&w, control(&w, (uint8_t)(2 + i), false), SL_ORIGINAL, 1);
	assert_int_equal(
	        sl__gre_add(&w.t, control(&w, 9, false), SL_ORIGINAL, 1, &k), SL_WHY_EXPECT_LIMIT);
	assert_null(k);
	track_end(&w);
}

/* What was written elsewhere comes again as it was; what somebody has is refused. */
static void restored(void **unused)
{
	struct sl_gre_key as = {.src = sl_addr_v4((uint8_t[4]){192, 0, 2, 9}),
	        .dst = sl_addr_v4((uint8_t[4]){10, 0, 0, 2}),
	        .key = 100,
	        .own = 100,
	        .back = 700,
	        .dir = SL_ORIGINAL};
	struct sl_tuple to_client = {.src = as.src,
	        .dst = as.dst,
	        .proto = SL_PROTO_GRE,
	        .family = SL_IPV4,
	        .dport = 100};
	struct track_world w;
	struct sl_conn *c;

	(void)unused;
	track_begin(&w, &(struct track_options){0});
	c = control(&w, 2, false);
	assert_int_equal(sl__gre_restore(&w.t, c, &as), SL_WHY_NONE);
	sl__gre_complete(&w.t, &to_client, 0);
	assert_int_equal(to_client.sport, 700);
	assert_int_equal(sl__gre_restore(&w.t, control(&w, 3, false), &as), SL_WHY_EXPECT_CLASH);
	sl__gre_remove(&w.t, sl__gre_of(sl__ext_of(&w.t, c), SL_ORIGINAL, 100));
	assert_int_equal(sl__gre_restore(&w.t, c, &as), SL_WHY_NONE);
	track_end(&w);
}

static void without_memory(void **unused)
{
	enum sl_reason why = SL_WHY_EXPECT_LIMIT;

	(void)unused;
	for (unsigned long n = 1; why != SL_WHY_NONE; n++) {
		struct sl_gre_key *k = NULL;
		struct track_world w;
		struct sl_conn *c;

		track_begin(&w, &(struct track_options){.chunk = 1});
		c = control(&w, 2, false);
		w.memory.fail_at = w.memory.calls + n;
		why = sl__gre_add(&w.t, c, SL_ORIGINAL, 100, &k);
		assert_int_equal(why == SL_WHY_NONE, k != NULL);
		assert_int_equal(w.t.gre.count, k != NULL);
		assert_true(n < 10);
		track_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_call_is_complete_with_both_keys),
	        cmocka_unit_test(under_nat_keys_differ),
	        cmocka_unit_test(keys_are_of_our_shard),
	        cmocka_unit_test(without_nat_keys_stay),
	        cmocka_unit_test(many_of_one_master),
	        cmocka_unit_test(many_of_many_masters),
	        cmocka_unit_test(restored),
	        cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
