/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device that forwards by itself what the engine hands down: the same packets go through an
 * engine alone and through an engine behind such a device, and what comes out must be the same
 * bytes, counted the same, expiring at the same time. The device here is plain code over the
 * rewrite records, with checksums made from nothing.
 */
#include "tests/lib/unit.h"

#define FLOWS 64

struct flow {
	bool used, revoked;
	uint64_t id;
	struct sl_rewrite way[2];
	struct sl_offload_counts counts;
};

struct device {
	struct flow flow[FLOWS];
	unsigned added, removed, forwarded, room;
	uint64_t now;
};

static struct device device;

/* ---- the device ---------------------------------------------------------------------------- */

static struct flow *flow_of(uint64_t id)
{
	for (unsigned i = 0; i < FLOWS; i++)
		if (device.flow[i].used && device.flow[i].id == id)
			return &device.flow[i];
	return NULL;
}

static bool add(
        void *ctx, const struct sl_conn *conn, uint64_t id, const struct sl_rewrite rewrite[2])
{
	(void)ctx;
	assert_non_null(conn);
	assert_null(flow_of(id));
	for (unsigned i = 0; i < device.room; i++) {
		if (device.flow[i].used)
			continue;
		device.flow[i] =
		        (struct flow){.used = true, .id = id, .way = {rewrite[0], rewrite[1]}};
		device.added++;
		return true;
	}
	return false;
}

static void remove_flow(void *ctx, uint64_t id)
{
	struct flow *f = flow_of(id);

	(void)ctx;
	assert_non_null(f);
	assert_true(f->counts.packets[0] + f->counts.packets[1] == 0); /* polled */
	f->used = false;
	device.removed++;
}

static void poll_flow(void *ctx, uint64_t id, struct sl_offload_counts *out)
{
	struct flow *f = flow_of(id);

	(void)ctx;
	assert_non_null(f);
	*out = f->counts;
	memset(&f->counts, 0, sizeof(f->counts));
}

static void revoke(void *ctx)
{
	(void)ctx;
	for (unsigned i = 0; i < FLOWS; i++)
		device.flow[i].revoked = true;
}

static struct sl_offload operations = {.add = add, .remove = remove_flow, .poll = poll_flow};

static bool is_plain(
        const struct sl_packet *p, const struct sl_parsed *parsed, const struct sl_rewrite *way)
{
	bool v6 = parsed->tuple.family == SL_IPV6;

	return parsed->l4 == (v6 ? 40u : 20u) && !parsed->frag && parsed->len <= way->mtu &&
	       p->in_if == way->in_if && p->mark == way->mark && p->vrf == way->vrf &&
	       p->zone == way->zone && (!way->count_hop || parsed->ttl > 1) &&
	       !(parsed->tcp_flags & (SL_SYN | SL_FIN | SL_RST));
}

static void rewrite(
        struct sl_packet *p, const struct sl_parsed *parsed, const struct sl_rewrite *way)
{
	bool v6 = parsed->tuple.family == SL_IPV6;
	uint8_t *l4 = p->data + parsed->l4;

	if (v6) {
		memcpy(p->data + 8, way->become.src.b, 16);
		memcpy(p->data + 24, way->become.dst.b, 16);
		p->data[7] = (uint8_t)(p->data[7] - way->count_hop);
	} else {
		memcpy(p->data + 12, way->become.src.b + 12, 4);
		memcpy(p->data + 16, way->become.dst.b + 12, 4);
		p->data[8] = (uint8_t)(p->data[8] - way->count_hop);
	}
	sl_put16(l4, way->become.sport);
	sl_put16(l4 + 2, way->become.dport);
	fix_sums(p);
}

/* True: forwarded. */
static bool forward(struct sl_packet *p)
{
	struct sl_parsed parsed;

	if (sl__parse(p, &parsed) != SL_WHY_NONE)
		return false;
	for (unsigned i = 0; i < FLOWS * 2; i++) {
		struct flow *f = &device.flow[i / 2];
		const struct sl_rewrite *way = &f->way[i % 2];

		if (!f->used || f->revoked || !sl_tuple_eq(&way->match, &parsed.tuple) ||
		        !is_plain(p, &parsed, way))
			continue;
		rewrite(p, &parsed, way);
		p->verdict = SL_ACCEPT;
		p->out_if = way->out_if;
		f->counts.packets[i % 2]++;
		f->counts.bytes[i % 2] += parsed.len;
		f->counts.last_seen = device.now;
		device.forwarded++;
		return true;
	}
	return false;
}

/* ---- two gateways -------------------------------------------------------------------------- */

static struct gateway alone, behind;

static void begin(bool can_revoke)
{
	memset(&device, 0, sizeof(device));
	device.room = FLOWS;
	operations.revoke = can_revoke ? revoke : NULL;
	gateway_init(&alone, true);
	gateway_init(&behind, true);
	alone.config.forward_ttl = behind.config.forward_ttl = true;
	alone.mtu[1] = alone.mtu[2] = behind.mtu[1] = behind.mtu[2] = 1500;
	behind.env.offload = &operations;
	gateway_start(&alone);
	gateway_start(&behind);
}

static void end(void)
{
	gateway_end(&alone);
	gateway_end(&behind);
	assert_int_equal(device.added, device.removed);
}

static struct sl_packet copy_for(struct gateway *g, const struct sl_packet *p)
{
	struct sl_packet copy = *p, fresh;

	packet_alloc(g, &fresh, p->len);
	memcpy(fresh.data, p->data, p->len);
	copy.handle = fresh.handle;
	copy.data = fresh.data;
	copy.headroom = fresh.headroom;
	copy.tailroom = fresh.tailroom;
	return copy;
}

/* Through both; what comes out must be the same. `made` is alone's. True: the device forwarded it.
 */
static bool both(struct sl_packet made)
{
	struct sl_packet other = copy_for(&behind, &made);
	bool fast;

	behind.now = alone.now;
	put_in(&alone, &made);
	device.now = behind.now + 1;
	gateway_drain(&behind);
	fast = forward(&other);
	if (!fast)
		put_in(&behind, &other);
	else
		behind.now++;
	assert_int_equal(made.verdict, other.verdict);
	assert_int_equal(alone.n_out, behind.n_out);
	if (made.verdict == SL_ACCEPT) {
		assert_int_equal(made.out_if, other.out_if);
		assert_int_equal(made.len, other.len);
		assert_memory_equal(made.data, other.data, made.len);
	}
	if (made.verdict == SL_ACCEPT || made.verdict == SL_DROP) {
		packet_free(&alone, &made);
		packet_free(&behind, &other);
	}
	return fast;
}

struct known {
	struct sl_conn_info info[FLOWS];
	unsigned n;
	struct gateway *g;
};

static void visit(void *ctx, struct sl_conn *conn)
{
	struct known *k = ctx;

	assert_true(k->n < FLOWS);
	sl_offload_poll(k->g->engine, conn);
	sl_conn_info(k->g->engine, conn, &k->info[k->n++]);
}

/* Both have the same connections with the same counters. */
static void same_tables(void)
{
	struct known a = {.g = &alone}, b = {.g = &behind};

	for (unsigned i = 0; i < 2; i++) {
		struct known *k = i ? &b : &a;
		uint64_t cursor = 0;

		while (sl_conn_walk(k->g->engine, &cursor, 100, visit, k))
			;
	}
	assert_int_equal(a.n, b.n);
	for (unsigned i = 0; i < a.n; i++) {
		unsigned j = 0;

		while (j < b.n && !sl_tuple_eq(&a.info[i].tuple[0], &b.info[j].tuple[0]))
			j++;
		assert_true(j < b.n);
		assert_memory_equal(
		        a.info[i].packets, b.info[j].packets, sizeof(a.info[i].packets));
		assert_memory_equal(a.info[i].bytes, b.info[j].bytes, sizeof(a.info[i].bytes));
		/* Whether TCP's last data was acknowledged (then 300 s) nobody has seen behind a
		 * device. */
		if (a.info[i].tuple[0].proto == SL_PROTO_UDP)
			assert_int_equal(a.info[i].timeout, b.info[j].timeout);
		assert_int_equal(a.info[i].l4_state, b.info[j].l4_state);
		assert_int_equal(a.info[i].status | SL_OFFLOAD, b.info[j].status | SL_OFFLOAD);
	}
}

struct ends {
	const char *client, *server, *seen;
	uint32_t header;
};

static const struct ends families[2] = {{"10.0.0.2", "192.0.2.9", "203.0.113.1", 20},
        {"2001:db8:1::2", "2001:db8:2::9", "2001:db8:ffff::1", 40}};

static void open_tcp(const struct ends *f, uint16_t port)
{
	both(make_tcp(&alone, f->client, port, f->server, 80, SL_SYN, 999, 0, NULL, 0));
	both(make_tcp(&alone, f->server, 80, f->seen, port, SL_SYN | SL_ACK, 4999, 1000, NULL, 0));
	both(make_tcp(&alone, f->client, port, f->server, 80, SL_ACK, 1000, 5000, NULL, 0));
}

static void open_udp(const struct ends *f, uint16_t port)
{
	both(make_udp(&alone, f->client, port, f->server, 53, 20));
	both(make_udp(&alone, f->server, 53, f->seen, port, 20));
	alone.now += 3 * SECOND;
	both(make_udp(&alone, f->client, port, f->server, 53, 20));
	both(make_udp(&alone, f->server, 53, f->seen, port, 20));
}

/* Both directions of a TCP connection, `rounds` times. Returns how many the device forwarded. */
static unsigned talk_tcp(
        const struct ends *f, uint16_t port, uint32_t *said, uint32_t *heard, unsigned rounds)
{
	unsigned fast = 0;

	for (unsigned i = 0; i < rounds; i++) {
		fast += both(make_tcp(&alone, f->client, port, f->server, 80, SL_ACK | SL_PSH,
		        *said, *heard, NULL, 100));
		*said += 100;
		fast += both(make_tcp(
		        &alone, f->server, 80, f->seen, port, SL_ACK, *heard, *said, NULL, 1000));
		*heard += 1000;
	}
	return fast;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void tcp_and_udp(void **unused)
{
	(void)unused;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		const struct ends *f = &families[v6];
		uint32_t said = 1000, heard = 5000;

		begin(true);
		open_tcp(f, 4000);
		assert_int_equal(device.added, 1);
		assert_int_equal(talk_tcp(f, 4000, &said, &heard, 200), 400);
		open_udp(f, 4001);
		assert_int_equal(device.added, 2);
		for (unsigned i = 0; i < 20; i++) {
			assert_true(both(make_udp(&alone, f->client, 4001, f->server, 53, 20 + i)));
			assert_true(both(make_udp(&alone, f->server, 53, f->seen, 4001, 200 + i)));
		}
		same_tables();
		/* Beyond every window that the engine saw, and yet it goes on when it comes back.
		 */
		both(make_tcp(&alone, f->client, 4000, f->server, 80, SL_ACK | SL_FIN, said, heard,
		        NULL, 0));
		assert_int_equal(device.removed, 1);
		same_tables();
		both(make_tcp(
		        &alone, f->server, 80, f->seen, 4000, SL_ACK, heard, said + 1, NULL, 700));
		both(make_tcp(&alone, f->server, 80, f->seen, 4000, SL_ACK | SL_FIN, heard + 700,
		        said + 1, NULL, 0));
		both(make_tcp(&alone, f->client, 4000, f->server, 80, SL_ACK, said + 1, heard + 701,
		        NULL, 0));
		same_tables();
		end();
	}
}

/* A packet with a no-op option, an old one, a long one, a fragmented one: each by the engine. */
static void not_plain(void **unused)
{
	const struct ends *f = &families[0];
	struct sl_packet p, plain;
	unsigned before;

	(void)unused;
	begin(true);
	open_udp(f, 4001);
	before = device.forwarded;
	plain = make_udp(&alone, f->client, 4001, f->server, 53, 20);
	packet_alloc(&alone, &p, plain.len + 4);
	memcpy(p.data, plain.data, 20);
	memset(p.data + 20, 1, 4);
	memcpy(p.data + 24, plain.data + 20, plain.len - 20);
	p.data[0] = 0x46;
	sl_put16(p.data + 2, (uint16_t)p.len);
	p.in_if = 1;
	packet_free(&alone, &plain);
	fix_sums(&p);
	both(p);
	p = make_udp(&alone, f->client, 4001, f->server, 53, 20);
	p.data[8] = 1;
	fix_sums(&p);
	both(p);                                                      /* answered: time exceeded */
	both(make_udp(&alone, f->client, 4001, f->server, 53, 2000)); /* fragmented */
	for (unsigned i = 0; i < 2; i++) {
		plain = make_udp(&alone, f->client, 4001, f->server, 53, 100);
		packet_alloc(&alone, &p, 20 + (i ? 52 : 56));
		memcpy(p.data, plain.data, 20);
		memcpy(p.data + 20, plain.data + 20 + (i ? 56 : 0), p.len - 20);
		sl_put16(p.data + 2, (uint16_t)p.len);
		sl_put16(p.data + 6, i ? 7 : 0x2000);
		p.in_if = 1;
		packet_free(&alone, &plain);
		fix_sums(&p);
		both(p);
	}
	assert_int_equal(device.forwarded, before);
	assert_int_equal(device.removed, 0); /* they pass beside it */
	assert_true(both(make_udp(&alone, f->client, 4001, f->server, 53, 20)));
	same_tables();
	end();
}

/* Seen by the device, it lives; idle there, it ends when it would have. */
static void timeouts(void **unused)
{
	const struct ends *f = &families[0];
	struct sl_stats stats[2];

	(void)unused;
	begin(true);
	open_udp(f, 4001);
	for (unsigned i = 0; i < 10; i++) { /* far longer than a stream lives idle: 120 s */
		alone.now += 50 * SECOND;
		assert_true(both(make_udp(&alone, f->client, 4001, f->server, 53, 20)));
		if (i % 3 == 0)
			sl_clock(behind.engine, behind.now, 0);
		sl_clock(alone.engine, alone.now, 0);
	}
	same_tables();
	for (unsigned i = 0; i < 130; i++) {
		alone.now += SECOND;
		behind.now = alone.now;
		sl_clock(alone.engine, alone.now, 0);
		sl_clock(behind.engine, behind.now, 0);
		sl_stats(alone.engine, &stats[0]);
		sl_stats(behind.engine, &stats[1]);
		assert_int_equal(stats[0].conns, stats[1].conns);
		assert_int_equal(stats[0].conns, i < 119);
	}
	assert_int_equal(device.removed, 1);
	end();
}

static void routes_change(struct gateway *g, uint16_t mtu)
{
	g->mtu[2] = mtu;
	sl_routes_changed(g->engine);
}

static void revoked(void **unused)
{
	(void)unused;
	for (unsigned can_revoke = 0; can_revoke < 2; can_revoke++) {
		const struct ends *f = &families[0];
		uint32_t said = 1000, heard = 5000;
		unsigned fast;

		begin(can_revoke);
		open_tcp(f, 4000);
		assert_int_equal(talk_tcp(f, 4000, &said, &heard, 10), 20);
		routes_change(&alone, 1400);
		routes_change(&behind, 1400);
		assert_int_equal(device.removed, !can_revoke);
		/* Back to the engine, which sees a window far from the last it knew, and down
		 * again. */
		fast = talk_tcp(f, 4000, &said, &heard, 10);
		assert_in_range(fast, 16, 19);
		assert_int_equal(device.added, 2);
		assert_int_equal(device.removed, 1);
		same_tables();
		/* A longer one than the new way takes does not slip through. */
		both(make_tcp(&alone, f->client, 4000, f->server, 80, SL_ACK | SL_PSH, said, heard,
		        NULL, 1380));
		/* Another ruleset: the same. */
		sl_engine_set_policy(behind.engine, &sl_policy_masquerade, behind.config.policy_ctx);
		said += 1380;
		fast = talk_tcp(f, 4000, &said, &heard, 10);
		assert_in_range(fast, 16, 19);
		assert_int_equal(device.removed, 2);
		same_tables();
		end();
	}
}

/* The sweep takes stale ones back even if no packet ever comes. */
static void swept(void **unused)
{
	(void)unused;
	begin(true);
	open_udp(&families[0], 4001);
	open_udp(&families[0], 4002);
	routes_change(&behind, 1400);
	assert_int_equal(device.removed, 0);
	for (unsigned i = 0; i < 200 && device.removed < 2; i++)
		both(make_udp(&alone, "10.0.0.9", 5000, "192.0.2.9", 99, 20));
	assert_int_equal(device.removed, 2);
	end();
}

static void no_room(void **unused)
{
	const struct ends *f = &families[0];

	(void)unused;
	begin(true);
	device.room = 1;
	open_udp(f, 4001);
	open_udp(f, 4002);
	assert_int_equal(device.added, 1);
	assert_false(both(make_udp(&alone, f->client, 4002, f->server, 53, 20)));
	same_tables();
	end();
}

/* ---- what is not handed down --------------------------------------------------------------- */

static uint8_t watches_forward(void *ctx, enum sl_hook hook)
{
	(void)ctx;
	return hook == SL_FORWARD ? 1u << SL_BEFORE_NAT : 0;
}

static bool allow;

static enum sl_decision sees(void *ctx, struct sl_policy_view *v)
{
	(void)ctx;
	v->offload = allow && v->state == SL_CT_ESTABLISHED;
	return SL_CONTINUE;
}

static const struct sl_policy watcher = {.stages = watches_forward, .decide = sees};

static void chains(void **unused)
{
	const struct ends *f = &families[0];

	(void)unused;
	for (unsigned i = 0; i < 2; i++) {
		begin(true);
		allow = i; /* nft: flow add @ft */
		sl_engine_set_policy(alone.engine, &watcher, NULL);
		sl_engine_set_policy(behind.engine, &watcher, NULL);
		both(make_udp(&alone, f->client, 4001, f->server, 53, 20));
		both(make_udp(&alone, f->server, 53, f->client, 4001, 20));
		alone.now += 3 * SECOND;
		both(make_udp(&alone, f->client, 4001, f->server, 53, 20));
		assert_int_equal(device.added, i);
		assert_int_equal(both(make_udp(&alone, f->client, 4001, f->server, 53, 20)), i);
		same_tables();
		end();
	}
}

static void watched(void **unused)
{
	const struct ends *f = &families[0];

	(void)unused;
	begin(true);
	assert_true(sl_helper_register_port(alone.engine, sl_helpers_builtin()[0], 80));
	assert_true(sl_helper_register_port(behind.engine, sl_helpers_builtin()[0], 80));
	open_tcp(f, 4000);
	assert_int_equal(device.added, 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(tcp_and_udp),
	        cmocka_unit_test(not_plain),
	        cmocka_unit_test(timeouts),
	        cmocka_unit_test(revoked),
	        cmocka_unit_test(swept),
	        cmocka_unit_test(no_room),
	        cmocka_unit_test(chains),
	        cmocka_unit_test(watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
