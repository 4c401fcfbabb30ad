/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PPTP among three engines: a call's packets, which show one of its two keys only, find the engine that has the
 * control connection; so does an ICMP error that quotes one. All clients choose the same call id.
 *
 *	client:4000 -> to:to_port     as the client sends
 *	from:from_port -> server:1723    as it arrives
 *
 * Tests: src/engine/shard.c src/engine/home.c
 */
#include "shard_lib.h"

enum { OCRQ = 7, OCRP = 8, OCRQ_LENGTH = 168, OCRP_LENGTH = 32, X = 7 };

struct call {
	const char *client, *to, *server;
	uint16_t to_port, from_port;
	char from[SL_ADDR_TEXT];
	uint16_t y;              /* chosen by the server */
	uint16_t seen_x, seen_y; /* as the others were told */
};

/* ---- the control connection ------------------------------------------------------------------ */

static struct sl_packet from_client(
        const struct call *c, uint8_t flags, uint32_t seq, uint32_t ack, const void *b, uint32_t n)
{
	return make_tcp(&w.g[0], c->client, 4000, c->to, c->to_port, flags, seq, ack, b, n);
}

static struct sl_packet from_server(
        const struct call *c, uint8_t flags, uint32_t seq, uint32_t ack, const void *b, uint32_t n)
{
	return make_tcp(&w.g[0], c->server, 1723, c->from, c->from_port, flags, seq, ack, b, n);
}

static void message(uint8_t *m, uint16_t length, uint16_t type, uint16_t own, uint16_t peer)
{
	memset(m, 0, length);
	sl_put16(m, length);
	m[3] = 1;
	memcpy(m + 4, "\x1a\x2b\x3c\x4d", 4);
	sl_put16(m + 8, type);
	sl_put16(m + 12, own);
	sl_put16(m + 14, peer);
	m[16] = 1; /* OCRP: connected */
}

static void open_control(struct call *c)
{
	struct sl_packet p = from_client(c, SL_SYN, 999, 0, NULL, 0);
	struct sl_addr src;

	expect(&p, SL_CT_NEW, SL_ORIGINAL);
	src = sl_addr_v4(p.data + 12);
	sl_addr_text(&src, SL_IPV4, c->from);
	c->from_port = sport_of(&p);
	packet_free(&w.g[0], &p);
	expect_once(
	        from_server(c, SL_SYN | SL_ACK, 4999, 1000, NULL, 0), SL_CT_ESTABLISHED, SL_REPLY);
	expect_once(from_client(c, SL_ACK, 1000, 5000, NULL, 0), SL_CT_ESTABLISHED, SL_ORIGINAL);
}

static void dial(struct call *c)
{
	uint8_t m[OCRQ_LENGTH];
	struct sl_packet p;

	message(m, OCRQ_LENGTH, OCRQ, X, 0);
	p = from_client(c, SL_ACK | SL_PSH, 1000, 5000, m, OCRQ_LENGTH);
	expect(&p, SL_CT_ESTABLISHED, SL_ORIGINAL);
	c->seen_x = sl_get16(p.data + 40 + 12);
	packet_free(&w.g[0], &p);
	message(m, OCRP_LENGTH, OCRP, c->y, c->seen_x);
	p = from_server(c, SL_ACK | SL_PSH, 5000, 1000 + OCRQ_LENGTH, m, OCRP_LENGTH);
	expect(&p, SL_CT_ESTABLISHED, SL_REPLY);
	c->seen_y = sl_get16(p.data + 40 + 12);
	assert_int_equal(sl_get16(p.data + 40 + 14), X);
	packet_free(&w.g[0], &p);
}

/* ---- its packets ------------------------------------------------------------------------------- */

/* From src to dst with `key`; arrives from `seen` at `there` with its own. */
static struct sl_packet gre(const char *src, const char *dst, uint16_t key, const char *seen,
        const char *there, uint16_t own, enum sl_ctstate state, enum sl_dir dir)
{
	struct sl_tuple t = {.src = addr_of(src),
	        .dst = addr_of(dst),
	        .dport = key,
	        .proto = SL_PROTO_GRE,
	        .family = SL_IPV4};
	struct sl_packet p = make_gre(&w.g[0], &t, "ppp", 3);

	expect(&p, state, dir);
	assert_memory_equal(p.data + 12, addr_of(seen).b + 12, 4);
	assert_memory_equal(p.data + 16, addr_of(there).b + 12, 4);
	assert_int_equal(sl_get16(p.data + 26), own);
	return p;
}

/* Somebody between the gateway and the receiver of p, which is as it left, could not forward it. */
static void error_about(const struct sl_packet *p, const char *router, const char *to)
{
	struct sl_addr sender = sl_addr_v4(p->data + 12);
	char src[SL_ADDR_TEXT];
	struct sl_packet e;
	uint8_t *l4;

	sl_addr_text(&sender, SL_IPV4, src);
	l4 = make_ip(&w.g[0], &e, router, src, SL_PROTO_ICMP, 8 + 28);
	l4[0] = 3;
	l4[1] = 1;
	memcpy(l4 + 8, p->data, 28);
	fix_sums(&e);
	put(&e);
	assert_int_equal(e.verdict, SL_ACCEPT);
	assert_int_equal(e.state, SL_CT_RELATED);
	assert_memory_equal(e.data + 16, addr_of(to).b + 12, 4);
	packet_free(&w.g[0], &e);
}

static void talk(const struct call *c, bool errors)
{
	struct sl_packet p = gre(
	        c->client, c->to, c->seen_y, c->from, c->server, c->y, SL_CT_RELATED, SL_ORIGINAL);

	if (errors)
		error_about(&p, c->server, c->client);
	packet_free(&w.g[0], &p);
	p = gre(c->server, c->from, c->seen_x, c->to, c->client, X, SL_CT_ESTABLISHED, SL_REPLY);
	if (errors)
		error_about(&p, c->client, c->server);
	packet_free(&w.g[0], &p);
	p = gre(c->client, c->to, c->seen_y, c->from, c->server, c->y, SL_CT_ESTABLISHED,
	        SL_ORIGINAL);
	packet_free(&w.g[0], &p);
}

/* ---- tests ---------------------------------------------------------------------------------- */

enum { CALLS = 24 };

static void calls(const char *const client_net, const char *to, const char *server, uint16_t port,
        bool errors)
{
	static struct call call[CALLS];
	static char text[CALLS][32];

	memset(call, 0, sizeof(call));
	for (unsigned i = 0; i < CALLS; i++) {
		snprintf(text[i], sizeof(text[i]), "%s.%u", client_net, i + 20);
		call[i] = (struct call){.client = text[i],
		        .to = to,
		        .server = server,
		        .to_port = port,
		        .y = (uint16_t)(i *
		                        64)}; /* 0 as well: it is what real servers begin with */
		open_control(&call[i]);
		dial(&call[i]);
	}
	for (unsigned i = 0; i < CALLS; i++)
		talk(&call[i], errors);
}

static void plain(void)
{
	calls("10.0.0", "192.0.2.9", "192.0.2.9", 1723, true);
	calls("192.0.2", "10.0.0.3", "10.0.0.3", 1723, true);
}

static void masqueraded(void)
{
	rules.masquerade = true;
	calls("10.0.0", "192.0.2.9", "192.0.2.9", 1723, true);
}

static void few_ports(void)
{
	rules.masquerade = true;
	rules.min_port = 5000;
	rules.max_port = 5050; /* one engine's, all of them */
	calls("10.0.0", "192.0.2.9", "192.0.2.9", 1723, true);
}

static void to_inside(void)
{
	rules.dnat = "10.0.0.3";
	calls("192.0.2", "203.0.113.1", "10.0.0.3", 1723, true);
	calls("192.0.3", "203.0.113.1", "10.0.0.3", 11723, true);
}

static void inside_to_inside(void)
{
	rules.dnat = "10.0.0.3";
	rules.hairpin = true;
	calls("10.0.0", "203.0.113.1", "10.0.0.3", 1723, false);
}

static void test_calls(void **unused)
{
	(void)unused;
	each_way(plain);
	each_way(masqueraded);
	each_way(few_ports);
	each_way(to_inside);
	each_way(inside_to_inside);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_calls)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
