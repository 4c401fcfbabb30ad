/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP errors and resets of the gateway's own: to whom, of what, how long, how often, and when
 * not. tests/answers compares them byte for byte with what Linux made; here are the cases one
 * by one.
 */
#include "tests/lib/unit.h"

/* A policy that rejects everything with a port of 666 at one hook. */
struct rejecter {
	enum sl_hook hook;
	enum sl_stage stage;
	enum sl_reject kind;
	uint8_t code;
	unsigned own;      /* packets of the gateway itself that came by output ... */
	unsigned own_post; /* ... and postrouting */
	bool mute;         /* drop them */
	bool nat;
};

static struct rejecter rejecter;

static uint8_t all_stages(void *ctx, enum sl_hook hook)
{
	(void)ctx, (void)hook;
	return 0xf;
}

static enum sl_decision reject_666(void *ctx, struct sl_policy_view *v)
{
	struct rejecter *r = ctx;

	if (v->packet->from == SL_FROM_LOCAL) {
		if (v->hook == SL_OUTPUT && v->stage == SL_BEFORE_NAT) {
			r->own++;
			assert_true(v->state == SL_CT_RELATED || v->state == SL_CT_INVALID);
			return r->mute ? SL_DECIDE_DROP : SL_CONTINUE;
		}
		r->own_post += v->hook == SL_POSTROUTING && v->stage == SL_BEFORE_NAT;
		return SL_CONTINUE;
	}
	if (v->hook != r->hook || v->stage != r->stage || v->parsed->tuple.sport != 666)
		return SL_CONTINUE;
	v->reject = r->kind;
	v->reject_type = v->parsed->tuple.family == SL_IPV4 ? 3 : 1;
	v->reject_code = r->code;
	return SL_DECIDE_REJECT;
}

/* Port 8080 is another host's 80; with nat, what leaves is masqueraded. */
static bool translate(void *ctx, struct sl_policy_view *v, struct sl_nat_range *range)
{
	const struct rejecter *r = ctx;

	if (v->hook == SL_PREROUTING && v->parsed->tuple.dport == 8080) {
		range->flags = SL_NAT_MAP_ADDR | SL_NAT_MAP_PORT;
		range->min_addr = range->max_addr = addr_of(
		        v->parsed->tuple.family == SL_IPV4 ? "192.0.2.99" : "2001:db8:2::99");
		range->min_port = range->max_port = 80;
		return true;
	}
	if (v->hook != SL_POSTROUTING || v->out_if != 2 || !r->nat)
		return false;
	range->flags = SL_NAT_MASQUERADE;
	return true;
}

static const struct sl_policy policy = {
        .stages = all_stages, .decide = reject_666, .nat = translate};

static void begin(struct gateway *g, enum sl_reject kind, enum sl_hook hook, enum sl_stage stage)
{
	rejecter = (struct rejecter){
	        .hook = hook, .stage = stage, .kind = kind, .code = 3, .nat = true};
	gateway_init(g, false);
	g->config.policy = &policy;
	g->config.policy_ctx = &rejecter;
	gateway_start(g);
	sl_tunable_set(g->engine, "icmp_ratelimit", 0);
	sl_tunable_set(g->engine, "icmpv6_ratelimit", 0);
}

struct family {
	const char *client, *server;
	uint32_t header;
	uint8_t icmp, error, exceeded, too_big;
};

static const struct family families[2] = {
        {"10.0.0.2", "192.0.2.9", 20, SL_PROTO_ICMP, 3, 11, 3},
        {"2001:db8:1::2", "2001:db8:2::9", 40, SL_PROTO_ICMPV6, 1, 3, 2},
};

/* The gateway said exactly one thing: an ICMP error to the client. Returns its ICMP header. */
static const uint8_t *one_error(
        const struct gateway *g, const struct family *f, uint8_t type, uint8_t code)
{
	const struct sl_packet *p = &g->out[0];
	struct sl_parsed parsed;
	const uint8_t *icmp;

	assert_int_equal(g->n_out, 1);
	assert_int_equal(p->out_if, 1);
	assert_int_equal(p->to, SL_TO_FORWARD);
	assert_int_equal(sl__parse(p, &parsed), SL_WHY_NONE);
	assert_int_equal(parsed.tuple.proto, f->icmp);
	assert_int_equal(parsed.ttl, 64);
	assert_true(is_inside(&parsed.tuple.dst, parsed.tuple.family));
	icmp = p->data + f->header;
	assert_int_equal(icmp[0], type);
	assert_int_equal(icmp[1], code);
	return icmp;
}

/* It quotes the first `len` bytes of what was put in, but for the hop count and header checksum. */
static void quotes(const uint8_t *icmp, const uint8_t *original, uint32_t len)
{
	assert_memory_equal(icmp + 8 + (original[0] >> 4 == 4 ? 12 : 8),
	        original + (original[0] >> 4 == 4 ? 12 : 8), len - 12);
}

static void rejected_everywhere(void **unused)
{
	static const struct {
		enum sl_hook hook;
		enum sl_stage stage;
		const char *to4, *to6;
		bool local;
	} places[] = {
	        {SL_PREROUTING, SL_BEFORE_TRACK, "192.0.2.9", "2001:db8:2::9", false},
	        {SL_PREROUTING, SL_BEFORE_NAT, "192.0.2.9", "2001:db8:2::9", false},
	        {SL_PREROUTING, SL_AFTER_NAT, "192.0.2.9", "2001:db8:2::9", false},
	        {SL_FORWARD, SL_BEFORE_NAT, "192.0.2.9", "2001:db8:2::9", false},
	        {SL_INPUT, SL_BEFORE_NAT, "203.0.113.1", "2001:db8:ffff::1", true},
	};

	(void)unused;
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			const struct family *f = &families[v6];
			uint8_t copy[2000];
			struct sl_packet p;
			struct gateway g;
			uint32_t len;

			begin(&g, SL_REJECT_ICMP, places[i].hook, places[i].stage);
			/* 8080: forwarded to somebody else, yet the client's own packet is quoted.
			 */
			p = make_udp(&g, f->client, 666, v6 ? places[i].to6 : places[i].to4,
			        places[i].local ? 53 : 8080, 1500);
			len = p.len;
			memcpy(copy, p.data, len);
			put_in(&g, &p);
			assert_int_equal(p.verdict, SL_DROP);
			assert_int_equal(p.reason, SL_WHY_POLICY_REJECT);
			quotes(one_error(&g, f, f->error, 3), copy, v6 ? 1280 - 48 : 576 - 28);
			assert_int_equal(g.out[0].len, v6 ? 1280 : 576);
			assert_int_equal(rejecter.own, 1);
			assert_int_equal(rejecter.own_post, 1);
			packet_free(&g, &p);
			gateway_end(&g);
		}
}

/* Whose name it bears: the gateway's, or if the packet was for a local address, that one. */
static void source_address(void **unused)
{
	struct gateway g;

	(void)unused;
	begin(&g, SL_REJECT_ICMP, SL_FORWARD, SL_BEFORE_NAT);
	put_in_once(&g, make_udp(&g, "10.0.0.2", 666, "192.0.2.9", 53, 10));
	assert_int_equal(sl_get32(g.out[0].data + 12), 0xcb007101);
	/* Behind destination NAT: the address that the client spoke to, as Linux does. */
	put_in_once(&g, make_udp(&g, "10.0.0.2", 666, "192.0.2.9", 8080, 10));
	assert_int_equal(sl_get32(g.out[0].data + 12), 0xc0000209);
	gateway_end(&g);
}

static void of_a_translated_answer(void **unused)
{
	struct sl_packet p;
	struct gateway g;
	uint8_t copy[100];

	(void)unused;
	begin(&g, SL_REJECT_ICMP, SL_FORWARD, SL_BEFORE_NAT);
	put_in_once(&g, make_udp(&g, "10.0.0.2", 4000, "192.0.2.9", 666, 10));
	/* The server's answer is refused: the server must be told of what it sent, to 203.0.113.1.
	 */
	p = make_udp(&g, "192.0.2.9", 666, "203.0.113.1", 4000, 10);
	memcpy(copy, p.data, p.len);
	put_in(&g, &p);
	assert_int_equal(p.verdict, SL_DROP);
	assert_int_equal(g.n_out, 1);
	assert_int_equal(g.out[0].out_if, 2);
	assert_int_equal(sl_get32(g.out[0].data + 12), 0xcb007101);
	assert_int_equal(sl_get32(g.out[0].data + 16), 0xc0000209);
	assert_memory_equal(g.out[0].data + 28, copy, p.len);
	packet_free(&g, &p);
	gateway_end(&g);
}

static void resets(void **unused)
{
	static const struct {
		uint8_t flags;
		uint32_t seq, ack, len; /* of the cause */
		uint8_t out_flags;      /* 0: no answer */
		uint32_t out_seq, out_ack;
	} cases[] = {
	        {SL_SYN, 100, 0, 0, SL_RST | SL_ACK, 0, 101},
	        {SL_SYN | SL_ACK, 100, 77, 0, SL_RST, 77, 0},
	        {SL_FIN, 100, 0, 10, SL_RST | SL_ACK, 0, 111},
	        {SL_ACK | SL_PSH, 100, 77, 10, SL_RST, 77, 0},
	        {SL_RST, 100, 0, 0, 0, 0, 0},
	        {SL_RST | SL_ACK, 100, 77, 0, 0, 0, 0},
	};

	(void)unused;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			const struct family *f = &families[v6];
			struct sl_packet p;
			struct sl_parsed r;
			struct gateway g;

			begin(&g, SL_REJECT_TCP_RESET, SL_FORWARD, SL_BEFORE_NAT);
			p = make_tcp(&g, f->client, 666, f->server, 8080, cases[i].flags,
			        cases[i].seq, cases[i].ack, NULL, cases[i].len);
			put_in(&g, &p);
			assert_int_equal(p.verdict, SL_DROP);
			packet_free(&g, &p);
			assert_int_equal(g.n_out, cases[i].out_flags != 0);
			if (g.n_out) {
				assert_int_equal(sl__parse(&g.out[0], &r), SL_WHY_NONE);
				assert_int_equal(r.tcp_flags, cases[i].out_flags);
				assert_int_equal(r.seq, cases[i].out_seq);
				assert_int_equal(r.ack, cases[i].out_ack);
				assert_int_equal(r.window, 0);
				assert_int_equal(r.tuple.sport, 8080);
				assert_int_equal(r.tuple.dport, 666);
				assert_int_equal(r.len, f->header + 20);
				assert_true(v6 || r.dont_fragment);
			}
			gateway_end(&g);
		}
}

/* A refused connection that was there already ends soon. */
static void reset_closes(void **unused)
{
	const struct family *f = &families[0];
	struct sl_conn_info info;
	struct sl_packet p;
	struct gateway g;

	(void)unused;
	begin(&g, SL_REJECT_TCP_RESET, SL_INPUT, SL_BEFORE_NAT);
	rejecter.nat = false;
	put_in_once(&g, make_tcp(&g, f->client, 666, f->server, 80, SL_SYN, 100, 0, NULL, 0));
	put_in_once(&g,
	        make_tcp(&g, f->server, 80, f->client, 666, SL_SYN | SL_ACK, 500, 101, NULL, 0));
	put_in_once(&g, make_tcp(&g, f->client, 666, f->server, 80, SL_ACK, 101, 501, NULL, 0));
	rejecter.hook = SL_FORWARD;
	p = make_tcp(&g, f->client, 666, f->server, 80, SL_ACK, 101, 501, NULL, 5);
	put_in(&g, &p);
	assert_int_equal(p.verdict, SL_DROP);
	assert_int_equal(g.n_out, 1);
	sl_conn_info(g.engine, p.conn, &info);
	assert_string_equal(info.state, "CLOSE");
	assert_int_equal(info.timeout, 10);
	packet_free(&g, &p);
	gateway_end(&g);
}

/* ---- when not ------------------------------------------------------------------------------ */

static void bad_checksum(struct gateway *g)
{
	struct sl_packet p = make_udp(g, "10.0.0.2", 666, "192.0.2.9", 53, 10);

	p.data[30] ^= 1;
	put_in(g, &p);
	packet_free(g, &p);
}

static void later_fragment(struct gateway *g)
{
	struct sl_packet p = make_udp(g, "10.0.0.2", 666, "192.0.2.9", 53, 100);

	sl_put16(p.data + 6, 20);
	fix_sums(&p);
	put_in(g, &p);
	if (p.verdict == SL_DROP)
		packet_free(g, &p);
}

static void to_everybody(struct gateway *g)
{
	put_in_once(g, make_udp(g, "10.0.0.2", 666, "255.255.255.255", 53, 10));
}

static void to_a_group(struct gateway *g)
{
	put_in_once(g, make_udp(g, "10.0.0.2", 666, "224.0.0.5", 53, 10));
}

static void to_a_group6(struct gateway *g)
{
	put_in_once(g, make_udp(g, "2001:db8:1::2", 666, "ff05::5", 53, 10));
}

static void from_nobody(struct gateway *g)
{
	put_in_once(g, make_udp(g, "0.0.0.0", 666, "192.0.2.9", 53, 10));
}

static void from_nobody6(struct gateway *g)
{
	put_in_once(g, make_udp(g, "::", 666, "2001:db8:2::9", 53, 10));
}

static void by_broadcast(struct gateway *g)
{
	struct sl_packet p = make_udp(g, "10.0.0.2", 666, "192.0.2.9", 53, 10);

	p.cast = SL_CAST_BROADCAST;
	put_in(g, &p);
	packet_free(g, &p);
}

static void icmp_error(struct gateway *g)
{
	struct sl_packet p;
	uint8_t *l4 = make_ip(g, &p, "10.0.0.2", "192.0.2.9", SL_PROTO_ICMP, 36);

	l4[0] = 3;
	sl_put16(l4 + 4, 666); /* what the policy takes for a source port */
	fix_sums(&p);
	put_in(g, &p);
	packet_free(g, &p);
}

static void icmp6_error(struct gateway *g)
{
	struct sl_packet p;
	uint8_t *l4 = make_ip(g, &p, "2001:db8:1::2", "2001:db8:2::9", SL_PROTO_ICMPV6, 56);

	l4[0] = 100; /* unknown, but an error by its number */
	sl_put16(l4 + 4, 666);
	fix_sums(&p);
	put_in(g, &p);
	packet_free(g, &p);
}

static void muted(struct gateway *g)
{
	rejecter.mute = true; /* the output chain drops it */
	put_in_once(g, make_udp(g, "10.0.0.2", 666, "192.0.2.9", 53, 10));
	assert_int_equal(rejecter.own, 1);
}

static void no_way(struct gateway *g)
{
	rejecter.hook = SL_INPUT;
	g->route_kind = SL_ROUTE_BLACKHOLE;
	put_in_once(g, make_udp(g, "10.0.0.2", 666, "192.0.2.9", 53, 10));
}

static void silence(void **unused)
{
	void (*const cases[])(struct gateway *) = {bad_checksum, later_fragment, to_everybody,
	        to_a_group, to_a_group6, from_nobody, from_nobody6, by_broadcast, icmp_error,
	        icmp6_error, muted, no_way};
	struct gateway g;

	(void)unused;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&g, SL_REJECT_ICMP, SL_FORWARD, SL_BEFORE_NAT);
		cases[i](&g);
		assert_int_equal(g.n_out, 0);
		gateway_end(&g);
	}
}

/* Without the operations to make packets, it is an ordinary drop. */
static void no_operations(void **unused)
{
	struct gateway g;

	(void)unused;
	rejecter = (struct rejecter){.hook = SL_FORWARD, .stage = SL_BEFORE_NAT};
	gateway_init(&g, false);
	g.config.policy = &policy;
	g.config.policy_ctx = &rejecter;
	g.env.emit = NULL;
	gateway_start(&g);
	assert_int_equal(
	        put_in_once(&g, make_udp(&g, "10.0.0.2", 666, "192.0.2.9", 53, 10)), SL_DROP);
	gateway_end(&g);
}

/* ---- what a router says -------------------------------------------------------------------- */

static void hops_end(void **unused)
{
	(void)unused;
	for (unsigned v6 = 0; v6 < 2; v6++)
		for (uint8_t ttl = 0; ttl < 3; ttl++) {
			const struct family *f = &families[v6];
			struct sl_packet p;
			struct gateway g;
			uint8_t copy[100];

			gateway_init(&g, true);
			g.config.forward_ttl = true;
			gateway_start(&g);
			p = make_udp(&g, f->client, 4000, f->server, 53, 10);
			p.data[v6 ? 7 : 8] = ttl;
			fix_sums(&p);
			memcpy(copy, p.data, p.len);
			put_in(&g, &p);
			if (ttl == 2) {
				assert_int_equal(p.verdict, SL_ACCEPT);
				assert_int_equal(p.data[v6 ? 7 : 8], 1);
				assert_int_equal(g.n_out, 0);
			} else {
				assert_int_equal(p.reason, SL_WHY_TTL_EXCEEDED);
				assert_memory_equal(
				        one_error(&g, f, f->exceeded, 0) + 8, copy, p.len);
			}
			packet_free(&g, &p);
			gateway_end(&g);
		}
}

static void too_long(void **unused)
{
	(void)unused;
	for (unsigned v6 = 0; v6 < 2; v6++)
		for (uint32_t len = 1400; len <= 1401; len++) {
			const struct family *f = &families[v6];
			struct sl_packet p;
			struct gateway g;
			const uint8_t *icmp;

			gateway_init(&g, true);
			g.mtu[2] = 1400;
			g.config.forward_ttl = true;
			gateway_start(&g);
			p = make_udp(&g, f->client, 4000, f->server, 53, len - f->header - 8);
			if (!v6)
				set_df(&p);
			put_in(&g, &p);
			if (len == 1400) {
				assert_int_equal(p.verdict, SL_ACCEPT);
				assert_int_equal(g.n_out, 0);
			} else {
				assert_int_equal(p.reason, SL_WHY_TOO_BIG);
				icmp = one_error(&g, f, f->too_big, v6 ? 0 : 4);
				assert_int_equal(sl_get32(icmp + 4), 1400);
				assert_int_equal(icmp[8 + (v6 ? 7 : 8)], 64);
			}
			packet_free(&g, &p);
			gateway_end(&g);
		}
}

static void routes(void **unused)
{
	static const struct {
		enum sl_route_kind kind;
		uint8_t code[2];
		bool silent;
	} cases[] = {
	        {SL_ROUTE_UNREACHABLE, {1, 0}, false},
	        {SL_ROUTE_PROHIBIT, {13, 1}, false},
	        {SL_ROUTE_BLACKHOLE, {0, 0}, true},
	};

	(void)unused;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			const struct family *f = &families[v6];
			struct gateway g;

			gateway_init(&g, true);
			g.route_kind = cases[i].kind;
			gateway_start(&g);
			assert_int_equal(
			        put_in_once(&g, make_udp(&g, f->client, 4000, f->server, 53, 10)),
			        SL_DROP);
			if (cases[i].silent)
				assert_int_equal(g.n_out, 0);
			else
				one_error(&g, f, f->error, cases[i].code[v6]);
			gateway_end(&g);
		}
}

static void (*plain_route)(void *, const struct sl_route_query *, struct sl_route *);

static void no_route_to_server(void *ctx, const struct sl_route_query *q, struct sl_route *answer)
{
	plain_route(ctx, q, answer);
	if (!is_inside(&q->dst, q->family))
		answer->kind = SL_ROUTE_NONE;
}

static void nowhere(void **unused)
{
	(void)unused;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		const struct family *f = &families[v6];
		struct gateway g;

		gateway_init(&g, true);
		plain_route = g.env.route;
		g.env.route = no_route_to_server;
		gateway_start(&g);
		assert_int_equal(
		        put_in_once(&g, make_udp(&g, f->client, 4000, f->server, 53, 10)), SL_DROP);
		one_error(&g, f, f->error, 0);
		gateway_end(&g);
	}
}

/* ---- how often ----------------------------------------------------------------------------- */

static unsigned errors_of(struct gateway *g, const char *client, unsigned packets)
{
	unsigned made = 0;

	for (unsigned i = 0; i < packets; i++) {
		put_in_once(g, make_udp(g, client, 666,
		                       strchr(client, ':') ? "2001:db8:2::9" : "192.0.2.9", 53, 10));
		made += g->n_out;
	}
	return made;
}

static void limits(void **unused)
{
	struct sl_stats stats;
	struct gateway g;

	(void)unused;
	begin(&g, SL_REJECT_ICMP, SL_FORWARD, SL_BEFORE_NAT);
	sl_tunable_set(g.engine, "icmp_ratelimit", 1000);
	sl_tunable_set(g.engine, "icmpv6_ratelimit", 1000);
	sl_tunable_set(g.engine, "icmp_msgs_burst", 1000);
	/* Six at once, then one a second; each destination for itself. */
	assert_int_equal(errors_of(&g, "10.0.0.2", 20), 6);
	assert_int_equal(errors_of(&g, "10.0.0.3", 20), 6);
	g.now += SECOND;
	assert_int_equal(errors_of(&g, "10.0.0.2", 20), 1);
	g.now += 100 * SECOND;
	assert_int_equal(errors_of(&g, "10.0.0.2", 20), 6);
	/* IPv6 behind a router: sixteen times as fast. */
	assert_int_equal(errors_of(&g, "2001:db8:1::2", 20), 6);
	g.now += SECOND / 8;
	assert_int_equal(errors_of(&g, "2001:db8:1::2", 20), 2);
	sl_stats(g.engine, &stats);
	assert_int_equal(stats.answers, 6 + 6 + 1 + 6 + 6 + 2);
	assert_int_equal(stats.answers_limited, 6 * 20 - (6 + 6 + 1 + 6 + 6 + 2));
	/* A type that the mask leaves out has no limit. */
	sl_tunable_set(g.engine, "icmp_ratemask", 0);
	assert_int_equal(errors_of(&g, "10.0.0.2", 20), 20);
	gateway_end(&g);
}

static void limit_of_all(void **unused)
{
	unsigned made = 0;
	struct gateway g;

	(void)unused;
	begin(&g, SL_REJECT_ICMP, SL_FORWARD, SL_BEFORE_NAT); /* no limit of one destination */
	made = errors_of(&g, "10.0.0.2", 400);
	assert_in_range(made, 25, 100); /* 50 in the mean: each costs 0, 1 or 2 */
	g.now += SECOND;
	made = errors_of(&g, "10.0.0.2", 400);
	assert_in_range(made, 25, 100);
	gateway_end(&g);
}

/* Many destinations, few buckets: bounded memory, and all goes on. */
static void many_destinations(void **unused)
{
	struct gateway g;
	long before;

	(void)unused;
	begin(&g, SL_REJECT_ICMP, SL_FORWARD, SL_BEFORE_NAT);
	sl_tunable_set(g.engine, "icmp_ratelimit", 1000);
	sl_tunable_set(g.engine, "icmp_msgs_burst", 1u << 30);
	assert_int_equal(errors_of(&g, "10.0.0.1", 1), 1);
	before = g.memory.held;
	for (unsigned i = 0; i < 5000; i++) {
		char client[20];

		snprintf(client, sizeof(client), "10.1.%u.%u", i / 250, i % 250 + 1);
		assert_int_equal(errors_of(&g, client, 1), 1);
	}
	assert_int_equal(g.memory.held, before);
	gateway_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(rejected_everywhere),
	        cmocka_unit_test(source_address),
	        cmocka_unit_test(of_a_translated_answer),
	        cmocka_unit_test(resets),
	        cmocka_unit_test(reset_closes),
	        cmocka_unit_test(silence),
	        cmocka_unit_test(no_operations),
	        cmocka_unit_test(hops_end),
	        cmocka_unit_test(too_long),
	        cmocka_unit_test(routes),
	        cmocka_unit_test(nowhere),
	        cmocka_unit_test(limits),
	        cmocka_unit_test(limit_of_all),
	        cmocka_unit_test(many_destinations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
