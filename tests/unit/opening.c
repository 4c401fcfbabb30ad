/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device that sees TCP connections through their beginning (sl_offload.open): which it is given, what it is told
 * of them, and how they end. The device here forwards nothing, but copies of packets that it would have are put in.
 * Tests: src/engine/offload.c
 */
#include "tests/lib/unit.h"

static struct device {
	struct sl_conn *conn; /* the last that was opened; NULL: none, or removed */
	struct sl_rewrite way[2];
	struct sl_opening opening;
	unsigned opened, removed, added;
	bool full;
} device;

static bool open_flow(void *ctx, struct sl_conn *conn, uint64_t id,
        const struct sl_rewrite rewrite[2], const struct sl_opening *opening)
{
	(void)ctx, (void)id;
	if (device.full)
		return false;
	device.conn = conn;
	device.opening = *opening;
	memcpy(device.way, rewrite, sizeof(device.way));
	device.opened++;
	return true;
}

static bool add(
        void *ctx, const struct sl_conn *conn, uint64_t id, const struct sl_rewrite rewrite[2])
{
	(void)ctx, (void)id, (void)rewrite;
	assert_non_null(conn);
	if (device.full)
		return false;
	device.added++;
	return true;
}

static void remove_flow(void *ctx, uint64_t id)
{
	(void)ctx, (void)id;
	device.conn = NULL;
	device.removed++;
}

static void poll_flow(void *ctx, uint64_t id, struct sl_offload_counts *out)
{
	(void)ctx, (void)id;
	*out = (struct sl_offload_counts){0};
}

static void revoke(void *ctx)
{
	(void)ctx;
}

static struct sl_offload operations = {
        .open = open_flow, .add = add, .remove = remove_flow, .poll = poll_flow};

static struct gateway g;

static void begin(void)
{
	memset(&device, 0, sizeof(device));
	operations.revoke = NULL;
	gateway_init(&g, true);
	g.config.forward_ttl = true;
	g.mtu[1] = 1400;
	g.mtu[2] = 1500;
	g.env.offload = &operations;
	gateway_start(&g);
}

static void end(void)
{
	gateway_end(&g);
	assert_int_equal(device.opened + device.added, device.removed + device.added);
}

struct ends {
	const char *client, *server, *seen;
};

static const struct ends families[2] = {{"10.0.0.2", "192.0.2.9", "203.0.113.1"},
        {"2001:db8:1::2", "2001:db8:2::9", "2001:db8:ffff::1"}};

static void put(struct sl_packet p)
{
	put_in(&g, &p);
	if (p.verdict == SL_ACCEPT || p.verdict == SL_DROP)
		packet_free(&g, &p);
}

static void say(const struct ends *f, uint8_t flags, uint32_t seq, uint32_t ack)
{
	put(make_tcp(&g, f->client, 4000, f->server, 80, flags, seq, ack, NULL, 0));
}

static void answer(const struct ends *f, uint8_t flags, uint32_t seq, uint32_t ack)
{
	put(make_tcp(&g, f->server, 80, f->seen, 4000, flags, seq, ack, NULL, 0));
}

static void shake_hands(const struct ends *f)
{
	say(f, SL_SYN, 999, 0);
	answer(f, SL_SYN | SL_ACK, 4999, 1000);
	say(f, SL_ACK, 1000, 5000);
}

static uint32_t status_of(const struct sl_conn *conn)
{
	struct sl_conn_info info;

	sl_conn_info(g.engine, conn, &info);
	return info.status;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void check_way(
        const struct ends *f, const struct sl_rewrite *out, const struct sl_rewrite *back)
{
	struct sl_addr client, server, seen;
	enum sl_family family;

	assert_true(sl_addr_parse(f->client, &client, &family));
	assert_true(sl_addr_parse(f->server, &server, &family));
	assert_true(sl_addr_parse(f->seen, &seen, &family));
	assert_true(sl_addr_eq(&out->match.src, &client) && sl_addr_eq(&out->become.src, &seen));
	assert_true(sl_addr_eq(&out->become.dst, &server) && sl_addr_eq(&back->match.src, &server));
	assert_true(sl_addr_eq(&back->match.dst, &seen) && sl_addr_eq(&back->become.dst, &client));
	assert_int_equal(back->become.dport, 4000);
	assert_int_equal(out->in_if, back->out_if);
	assert_int_equal(out->out_if, back->in_if);
	assert_int_equal(out->mtu, 1500);
	assert_int_equal(back->mtu, 1400);
	assert_true(out->count_hop && back->count_hop);
}

/* From its SYN on; handed down for good when the device asks. */
static void settles(void **unused)
{
	(void)unused;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct sl_conn *conn;

		begin();
		say(&families[v6], SL_SYN, 999, 0);
		assert_int_equal(device.opened, 1);
		check_way(&families[v6], &device.way[0], &device.way[1]);
		assert_int_equal(device.opening.next_seq, 1000);
		assert_true(device.opening.window > 0);
		say(&families[v6], SL_SYN, 999, 0); /* once more: the device has it */
		assert_int_equal(device.opened, 1);
		answer(&families[v6], SL_SYN | SL_ACK, 4999, 1000);
		say(&families[v6], SL_ACK, 1000, 5000);
		assert_int_equal(device.added, 0); /* not before it asks */
		conn = device.conn;
		assert_non_null(conn);
		assert_true(sl_offload_offer(g.engine, conn));
		assert_int_equal(device.added, 1);
		assert_true(status_of(conn) & SL_OFFLOAD);
		end();
	}
}

/* Not open yet, or over already: the engine's alone; what still comes is not lost on it. */
static void does_not_settle(void **unused)
{
	struct sl_conn *conn;

	(void)unused;
	begin();
	say(&families[0], SL_SYN, 999, 0);
	conn = device.conn;
	assert_false(sl_offload_offer(g.engine, conn));
	assert_int_equal(device.added, 0);
	device.removed++; /* by itself */
	answer(&families[0], SL_SYN | SL_ACK, 4999, 1000);
	say(&families[0], SL_ACK, 1000, 5000);
	assert_int_equal(device.added, 1); /* as without a beginning */
	assert_true(status_of(conn) & SL_OFFLOAD);
	device.removed--;
	end();

	begin();
	shake_hands(&families[0]);
	say(&families[0], SL_RST | SL_ACK, 1000, 5000);
	assert_non_null(device.conn);
	assert_false(sl_offload_offer(g.engine, device.conn));
	device.removed++;
	assert_int_equal(device.added, 0);
	end();
}

/* A conn that ends, or is opened anew, is the device's no more. */
static void ends_first(void **unused)
{
	struct sl_conn *first;

	(void)unused;
	begin();
	shake_hands(&families[0]);
	sl_conn_kill(g.engine, device.conn, SL_WHY_FLUSHED);
	assert_int_equal(device.removed, 1);
	end();

	begin();
	shake_hands(&families[0]);
	first = device.conn;
	say(&families[0], SL_RST | SL_ACK, 1000, 5000);
	say(&families[0], SL_SYN, 77000, 0);
	assert_non_null(first);
	assert_int_equal(device.removed, 1);
	assert_int_equal(device.opened, 2);
	assert_int_equal(device.opening.next_seq, 77001);
	end();
}

/* Changes take it back: at once, or with the sweep if the device can revoke. */
static void taken_back(void **unused)
{
	(void)unused;
	for (unsigned can_revoke = 0; can_revoke < 2; can_revoke++) {
		begin();
		operations.revoke = can_revoke ? revoke : NULL;
		say(&families[0], SL_SYN, 999, 0);
		sl_routes_changed(g.engine);
		assert_int_equal(device.removed, !can_revoke);
		for (unsigned i = 0; i < 200 && !device.removed; i++)
			put(make_udp(&g, "10.0.0.9", 5000, "192.0.2.9", 99, 20));
		assert_int_equal(device.removed, 1);
		end();
	}
}

/* ---- what it is not given ------------------------------------------------------------------ */

static uint8_t watches_forward(void *ctx, enum sl_hook hook)
{
	(void)ctx;
	return hook == SL_FORWARD ? 1u << SL_BEFORE_NAT : 0;
}

static enum sl_decision sees(void *ctx, struct sl_policy_view *v)
{
	(void)ctx, (void)v;
	return SL_CONTINUE;
}

static enum sl_steady steady(void *ctx)
{
	(void)ctx;
	return SL_STEADY_ALL;
}

static void none(void)
{
	shake_hands(&families[0]);
	assert_int_equal(device.opened, 0);
	gateway_end(&g);
}

static void not_given(void **unused)
{
	static const struct sl_policy watcher = {.stages = watches_forward, .decide = sees};
	static const struct sl_policy ruled = {
	        .stages = watches_forward, .decide = sees, .steady = steady};

	(void)unused;
	begin();
	sl_engine_set_policy(g.engine, &watcher, NULL); /* chains want to see its packets */
	none();
	begin();
	sl_engine_set_policy(g.engine, &ruled, NULL); /* SYN/ACK and FIN they do want to see */
	none();
	begin();
	assert_true(sl_helper_register_port(g.engine, sl_helpers_builtin()[0], 80));
	none();
	begin();
	device.full = true;
	none();
	begin(); /* it began before us */
	answer(&families[0], SL_SYN | SL_ACK, 4999, 1000);
	say(&families[0], SL_ACK, 1000, 5000);
	assert_int_equal(device.opened, 0);
	gateway_end(&g);
	begin(); /* with data */
	put(make_tcp(&g, "10.0.0.2", 4000, "192.0.2.9", 80, SL_SYN, 999, 0, NULL, 10));
	assert_int_equal(device.opened, 0);
	gateway_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(settles),
	        cmocka_unit_test(does_not_settle),
	        cmocka_unit_test(ends_first),
	        cmocka_unit_test(taken_back),
	        cmocka_unit_test(not_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
