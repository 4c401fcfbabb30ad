/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets that are too long for their way, super-packets, edits that make them grow, and the IP
 * options that a router writes to.
 */
#include "tests/lib/unit.h"

#include <sluice/helper.h>

/* ---- a helper that makes messages longer --------------------------------------------------- */

static size_t grow_to; /* a message that begins with '+' becomes so many '#', with its last byte */

static enum sl_help_result grow(struct sl_help *help, struct sl_message *message)
{
	size_t len = (size_t)(message->text.end - message->text.start);
	char big[4096];

	if (!len || message->text.start[0] != '+')
		return SL_PASS;
	memset(big, '#', sizeof(big));
	return sl_replace(help, message, 0, len - 1, big, grow_to - 1)
	               ? SL_PASS
	               : sl_refuse(help, SL_WHY_HELPER_DROP);
}

static const struct sl_helper datagrams = {SL_HELPER_HEADER, .name = "datagrams",
        .match = {{.proto = SL_PROTO_UDP, .port = 7777}}, .framing = SL_FRAME_DATAGRAM,
        .message = {[SL_ORIGINAL] = grow}};
static const struct sl_helper lines = {SL_HELPER_HEADER, .name = "lines",
        .match = {{.proto = SL_PROTO_TCP, .port = 7777}}, .framing = SL_FRAME_LINE,
        .message = {[SL_ORIGINAL] = grow}};

/* ---- tools --------------------------------------------------------------------------------- */

struct family {
	const char *client, *server;
	uint32_t header;
};

static const struct family families[2] = {
        {"10.0.0.2", "192.0.2.9", 20}, {"2001:db8:1::2", "2001:db8:2::9", 40}};

static void begin(struct gateway *g, uint16_t mtu)
{
	gateway_init(g, true);
	g->config.forward_ttl = true;
	g->mtu[1] = g->mtu[2] = mtu;
	gateway_start(g);
	assert_true(sl_helper_register(g->engine, &datagrams, true));
	assert_true(sl_helper_register(g->engine, &lines, true));
}

static void make_partial(struct sl_packet *p)
{
	struct sl_parsed parsed;
	uint32_t len, sum;

	assert_int_equal(sl__parse(p, &parsed), SL_WHY_NONE);
	len = parsed.len - parsed.l4;
	sum = parsed.tuple.family == SL_IPV4
	              ? sl__sum_ipv4(p->data + 12, p->data + 16, parsed.tuple.proto, len)
	              : sl__sum_ipv6(p->data + 8, p->data + 24, parsed.tuple.proto, len);
	sl_put16(sum_place(p, &parsed), sl__sum_fold(sum));
	p->csum = SL_CSUM_PARTIAL;
}

static void partial_is_right(const struct sl_packet *p)
{
	struct sl_packet copy = *p;
	struct sl_parsed parsed;
	uint8_t *at;
	uint16_t now;

	assert_int_equal(p->csum, SL_CSUM_PARTIAL);
	assert_int_equal(sl__parse(p, &parsed), SL_WHY_NONE);
	at = sum_place(p, &parsed);
	now = sl_get16(at);
	make_partial(&copy);
	assert_int_equal(now, sl_get16(at));
}

static void super(struct sl_packet *p, uint8_t gso, uint16_t size)
{
	p->gso = gso;
	p->gso_size = size;
	make_partial(p);
}

/* The payloads of emitted IPv4 fragments from g->out[from] on, put together. Returns the length. */
static uint32_t gather(const struct gateway *g, unsigned *from, uint16_t mtu, uint8_t *out)
{
	uint32_t next = 0;

	for (; *from < g->n_out; ++*from) {
		const struct sl_packet *p = &g->out[*from];
		uint32_t frag = sl_get16(p->data + 6), header = (p->data[0] & 15u) * 4;
		uint32_t len = sl_get16(p->data + 2);

		assert_true(p->len <= mtu && len == p->len);
		assert_int_equal((frag & 0x1fff) * 8, next);
		assert_int_equal(sl__csum(sl__sum(p->data, header, 0)), 0);
		memcpy(out + next, p->data + header, len - header);
		next += len - header;
		if (!(frag & 0x2000)) {
			++*from;
			return next;
		}
	}
	fail_msg("the last fragment is missing");
	return 0;
}

static void sound_udp(const struct sl_packet *like, uint8_t *l4, uint32_t len)
{
	uint32_t sum = sl__sum_ipv4(like->data + 12, like->data + 16, SL_PROTO_UDP, len);

	assert_int_equal(sl_get16(l4 + 4), len);
	assert_int_equal(sl__csum(sl__sum(l4, len, sum)), 0);
}

/* Only an ICMP error came, saying how long it may be. */
static void told(const struct gateway *g, const struct sl_packet *p, uint32_t header, uint32_t mtu)
{
	assert_int_equal(p->verdict, SL_DROP);
	assert_int_equal(p->reason, SL_WHY_TOO_BIG);
	assert_int_equal(g->n_out, 1);
	assert_int_equal(g->out[0].data[header], header == 20 ? 3 : 2);
	assert_int_equal(g->out[0].data[header + 1], header == 20 ? 4 : 0);
	assert_int_equal(sl_get32(g->out[0].data + header + 4), mtu);
}

/* ---- without helpers ----------------------------------------------------------------------- */

static void fragments(void **unused)
{
	static uint8_t out[70000];

	(void)unused;
	for (unsigned partial = 0; partial < 2; partial++)
		for (uint32_t len = 1472; len < 1474 + 3000; len += len < 1474 ? 1 : 997) {
			struct sl_packet p;
			struct gateway g;
			unsigned from = 0;

			begin(&g, 1500);
			p = make_udp(&g, "10.0.0.2", 5000, "192.0.2.9", 53, len);
			if (partial)
				make_partial(&p);
			put_in(&g, &p);
			if (len == 1472) {
				assert_int_equal(p.verdict, SL_ACCEPT);
				assert_int_equal(g.n_out, 0);
				packet_free(&g, &p);
			} else {
				assert_int_equal(p.verdict, SL_TAKEN);
				assert_int_equal(gather(&g, &from, 1500, out), len + 8);
				assert_int_equal(from, g.n_out);
				sound_udp(&g.out[0], out, len + 8);
				assert_int_equal(sl_get32(g.out[0].data + 12), 0xcb007101);
			}
			gateway_end(&g);
		}
}

static void super_packets_pass(void **unused)
{
	(void)unused;
	for (unsigned v6 = 0; v6 < 2; v6++)
		for (unsigned udp = 0; udp < 2; udp++) {
			const struct family *f = &families[v6];
			uint16_t size = (uint16_t)(1500 - f->header - (udp ? 8 : 20));
			struct sl_packet p;
			struct gateway g;

			begin(&g, 1500);
			p = udp ? make_udp(&g, f->client, 5000, f->server, 53, 9000)
			        : make_tcp(&g, f->client, 5000, f->server, 80, SL_ACK, 1, 2, NULL,
			                  60000);
			if (!v6)
				set_df(&p);
			super(&p, udp ? SL_GSO_UDP : SL_GSO_TCP, size);
			put_in(&g, &p);
			assert_int_equal(p.verdict, SL_ACCEPT);
			assert_int_equal(p.gso_size, size);
			assert_int_equal(p.gso, udp ? SL_GSO_UDP : SL_GSO_TCP);
			partial_is_right(&p);
			packet_free(&g, &p);
			/* One byte a segment more, and it does not fit. */
			p = udp ? make_udp(&g, f->client, 5000, f->server, 53, 9000)
			        : make_tcp(&g, f->client, 5000, f->server, 80, SL_ACK, 1, 2, NULL,
			                  60000);
			if (!v6)
				set_df(&p);
			super(&p, udp ? SL_GSO_UDP : SL_GSO_TCP, (uint16_t)(size + 1));
			put_in(&g, &p);
			told(&g, &p, f->header, 1500);
			packet_free(&g, &p);
			gateway_end(&g);
		}
}

/* Without DF: TCP is cut shorter by the device, UDP's datagrams are fragmented here. */
static void super_packets_shrink(void **unused)
{
	static uint8_t out[70000];
	struct sl_packet p;
	struct gateway g;
	unsigned from = 0;

	(void)unused;
	begin(&g, 1000);
	p = make_tcp(&g, "10.0.0.2", 5000, "192.0.2.9", 80, SL_ACK, 1, 2, NULL, 60000);
	super(&p, SL_GSO_TCP, 1460);
	put_in(&g, &p);
	assert_int_equal(p.verdict, SL_ACCEPT);
	assert_int_equal(p.gso_size, 960);
	partial_is_right(&p);
	packet_free(&g, &p);
	p = make_udp(&g, "10.0.0.2", 5000, "192.0.2.9", 53, 3000);
	super(&p, SL_GSO_UDP, 1400);
	put_in(&g, &p);
	assert_int_equal(p.verdict, SL_TAKEN);
	for (unsigned i = 0; i < 3; i++) {
		uint32_t len = i < 2 ? 1400 : 200;

		if (i < 2) {
			assert_int_equal(gather(&g, &from, 1000, out), len + 8);
			sound_udp(&g.out[0], out, len + 8);
		} else {
			assert_int_equal(g.out[from++].len, 20 + 8 + len);
		}
	}
	assert_int_equal(from, g.n_out);
	gateway_end(&g);
}

static void own_packets(void **unused)
{
	struct sl_packet p;
	struct gateway g;

	(void)unused;
	begin(&g, 1000);
	p = make_udp(&g, "203.0.113.1", 5000, "192.0.2.9", 53, 1400);
	p.from = SL_FROM_LOCAL;
	set_df(&p);
	put_in(&g, &p);
	told(&g, &p, 20, 1000);
	assert_int_equal(g.out[0].to, SL_TO_LOCAL);
	packet_free(&g, &p);
	gateway_end(&g);
}

/* ---- edited -------------------------------------------------------------------------------- */

static void datagram_grows(void **unused)
{
	static uint8_t out[70000];

	(void)unused;
	for (unsigned v6 = 0; v6 < 2; v6++)
		for (unsigned df = 0; df < 2; df++) {
			const struct family *f = &families[v6];
			struct sl_packet p;
			struct gateway g;
			unsigned from = 0;

			begin(&g, 1500);
			grow_to = 1600;
			p = make_udp(&g, f->client, 5000, f->server, 7777, 1000);
			p.data[f->header + 8] = '+';
			if (df && !v6)
				set_df(&p);
			fix_sums(&p);
			put_in(&g, &p);
			if (v6 || df) {
				/* It may send 600 less than the way takes, but 1280 with IPv6. */
				told(&g, &p, f->header, v6 ? 1280 : 900);
				packet_free(&g, &p);
			} else {
				assert_int_equal(p.verdict, SL_TAKEN);
				assert_int_equal(gather(&g, &from, 1500, out), 1608);
				sound_udp(&g.out[0], out, 1608);
				assert_int_equal(out[8], '#');
			}
			gateway_end(&g);
		}
}

/* Datagrams in a super-packet are messages of their own. */
static void each_datagram(void **unused)
{
	struct sl_packet p;
	struct gateway g;

	(void)unused;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		const struct family *f = &families[v6];

		begin(&g, 1500);
		grow_to = 700;
		p = make_udp(&g, f->client, 5000, f->server, 7777, 1700);
		memset(p.data + f->header + 8, '-', 1700);
		p.data[f->header + 8 + 500] = '+';
		super(&p, SL_GSO_UDP, 500);
		put_in(&g, &p);
		assert_int_equal(p.verdict, SL_TAKEN);
		assert_int_equal(g.n_out, 4);
		assert_int_equal(g.events[SL_EVENT_NEW], 1);
		for (unsigned i = 0; i < 4; i++) {
			uint32_t len = i == 1 ? 700 : i == 3 ? 200 : 500;

			assert_int_equal(g.out[i].len, f->header + 8 + len);
			assert_int_equal(g.out[i].data[f->header + 8], i == 1 ? '#' : '-');
			assert_int_equal(g.out[i].gso, SL_GSO_NONE);
			assert_int_equal(g.out[i].out_if, 2);
		}
		gateway_end(&g);
	}
}

struct stream {
	uint8_t bytes[200000];
	uint32_t len;
	unsigned fins, pushes;
};

/* What the receiver gets from one packet, in order. */
static void receive(struct stream *s, const struct sl_packet *p, uint32_t first)
{
	struct sl_parsed parsed;
	uint32_t n;

	assert_int_equal(sl__parse(p, &parsed), SL_WHY_NONE);
	n = parsed.len - parsed.payload;
	assert_int_equal(parsed.seq - first, s->len);
	assert_int_equal(s->fins + s->pushes, 0); /* the last one has them */
	memcpy(s->bytes + s->len, p->data + parsed.payload, n);
	s->len += n;
	s->fins += (parsed.tcp_flags & SL_FIN) != 0;
	s->pushes += (parsed.tcp_flags & SL_PSH) != 0;
}

static void open_tcp(struct gateway *g, const struct family *f)
{
	put_in_once(g, make_tcp(g, f->client, 5000, f->server, 7777, SL_SYN, 999, 0, NULL, 0));
	put_in_once(g, make_tcp(g, f->server, 7777,
	                       strchr(f->client, ':') ? "2001:db8:ffff::1" : "203.0.113.1", 5000,
	                       SL_SYN | SL_ACK, 4999, 1000, NULL, 0));
	put_in_once(g, make_tcp(g, f->client, 5000, f->server, 7777, SL_ACK, 1000, 5000, NULL, 0));
}

/* `count` lines of 200 bytes, every tenth of which becomes grow_to bytes. */
static uint32_t make_lines(uint8_t *text, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		memset(text + i * 200, i % 10 ? '-' : '+', 199);
		text[i * 200 + 199] = '\n';
	}
	return count * 200;
}

static void check_lines(const struct stream *s, unsigned count)
{
	uint32_t at = 0;

	for (unsigned i = 0; i < count; i++) {
		uint32_t len = i % 10 ? 200 : (uint32_t)grow_to;

		for (uint32_t j = 0; j < len - 1; j++)
			assert_int_equal(s->bytes[at + j], i % 10 ? '-' : '#');
		assert_int_equal(s->bytes[at + len - 1], '\n');
		at += len;
	}
	assert_int_equal(at, s->len);
}

static void stream_grows(void **unused)
{
	static const struct {
		unsigned lines;
		uint16_t gso;
		bool partial, fin;
		size_t grow_to;
		unsigned parts; /* beyond the packet itself */
	} cases[] = {
	        {7, 0, false, false, 300, 1}, /* outgrows the MTU */
	        {7, 0, true, true, 3000, 2},
	        {300, 1400, true, false, 300, 0},  /* a super-packet stays one */
	        {320, 1400, true, true, 1000, 17}, /* beyond 64 KiB: the rest follows in segments */
	};
	static struct stream s;
	static uint8_t text[65536];

	(void)unused;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			const struct family *f = &families[v6];
			uint32_t len = make_lines(text, cases[i].lines);
			struct sl_packet p;
			struct gateway g;

			begin(&g, 1500);
			grow_to = cases[i].grow_to;
			memset(&s, 0, sizeof(s));
			open_tcp(&g, f);
			p = make_tcp(&g, f->client, 5000, f->server, 7777,
			        (uint8_t)(SL_ACK | SL_PSH | (cases[i].fin ? SL_FIN : 0)), 1000,
			        5000, text, len);
			if (!v6)
				set_df(&p);
			if (cases[i].gso)
				super(&p, SL_GSO_TCP, cases[i].gso);
			else if (cases[i].partial)
				make_partial(&p);
			put_in(&g, &p);
			assert_int_equal(p.verdict, SL_ACCEPT);
			assert_true(cases[i].gso ? p.gso_size == cases[i].gso : p.len <= 1500);
			if (cases[i].partial)
				partial_is_right(&p);
			assert_in_range(g.n_out, cases[i].parts, cases[i].parts + 2u * v6);
			receive(&s, &p, 1000);
			for (unsigned j = 0; j < g.n_out; j++) {
				assert_true(g.out[j].len <= 1500);
				receive(&s, &g.out[j], 1000);
			}
			assert_int_equal(s.fins, cases[i].fin);
			assert_int_equal(s.pushes, 1);
			check_lines(&s, cases[i].lines);
			packet_free(&g, &p);
			gateway_end(&g);
		}
}

/* Edited down to one segment, it is no super-packet any more. */
static void stream_shrinks(void **unused)
{
	uint8_t text[1600];
	struct sl_packet p;
	struct gateway g;

	(void)unused;
	begin(&g, 1500);
	grow_to = 10;
	open_tcp(&g, &families[0]);
	memset(text, '+', sizeof(text));
	text[sizeof(text) - 1] = '\n';
	p = make_tcp(
	        &g, "10.0.0.2", 5000, "192.0.2.9", 7777, SL_ACK, 1000, 5000, text, sizeof(text));
	super(&p, SL_GSO_TCP, 1400);
	put_in(&g, &p);
	assert_int_equal(p.verdict, SL_ACCEPT);
	assert_int_equal(p.len, 50);
	assert_int_equal(p.gso, SL_GSO_NONE);
	partial_is_right(&p);
	packet_free(&g, &p);
	gateway_end(&g);
}

/* ---- options ------------------------------------------------------------------------------- */

/* A UDP packet with these options (a multiple of four bytes). */
static struct sl_packet with_options(
        struct gateway *g, const char *dst, const uint8_t *options, uint32_t size)
{
	struct sl_packet plain = make_udp(g, "10.0.0.2", 5000, dst, 53, 10), p;
	uint32_t len = plain.len + size;

	packet_alloc(g, &p, len);
	memcpy(p.data, plain.data, 20);
	memcpy(p.data + 20, options, size);
	memcpy(p.data + 20 + size, plain.data + 20, plain.len - 20);
	p.data[0] = (uint8_t)(0x40 | (20 + size) / 4);
	sl_put16(p.data + 2, (uint16_t)len);
	p.in_if = 1;
	packet_free(g, &plain);
	fix_sums(&p);
	return p;
}

static void options_filled(void **unused)
{
	/* T: a time; the engine's clock stands at 1 to 3 ns. The rest as bytes. */
	static const struct {
		uint8_t in[16], out[16];
		const char *dst;
		bool drop;
	} cases[] = {
	        /* record route: first and second entry, full, no room for one, no length, twice */
	        {{7, 11, 4, 0}, {7, 11, 8, 203, 0, 113, 1}, "192.0.2.9", false},
	        {{7, 11, 8, 1, 2, 3, 4}, {7, 11, 12, 1, 2, 3, 4, 203, 0, 113, 1}, "192.0.2.9",
	                false},
	        {{7, 11, 12, 1, 2, 3, 4, 5, 6, 7, 8}, {7, 11, 12, 1, 2, 3, 4, 5, 6, 7, 8},
	                "192.0.2.9", false},
	        {{7, 11, 9}, {0}, "192.0.2.9", true},
	        {{7, 11, 3}, {0}, "192.0.2.9", true},
	        {{7, 3, 4, 7, 3, 4}, {0}, "192.0.2.9", true},
	        {{1, 7, 7, 4, 0}, {1, 7, 7, 8, 203, 0, 113, 1}, "203.0.113.1", false}, /* to us */
	        /* timestamps: alone, with address, overflow, at its end, for somebody else, for us
	         */
	        {{68, 8, 5, 0}, {68, 8, 9, 0, 0x80}, "192.0.2.9", false},
	        {{68, 12, 5, 1}, {68, 12, 13, 1, 203, 0, 113, 1, 0x80}, "192.0.2.9", false},
	        {{68, 8, 9, 0x10, 1, 2, 3, 4}, {68, 8, 9, 0x20, 1, 2, 3, 4}, "192.0.2.9", false},
	        {{68, 8, 9, 0xf0, 1, 2, 3, 4}, {0}, "192.0.2.9", true},
	        {{68, 12, 5, 3, 8, 8, 8, 8}, {68, 12, 5, 3, 8, 8, 8, 8}, "192.0.2.9", false},
	        {{68, 12, 5, 3, 203, 0, 113, 1}, {68, 12, 13, 3, 203, 0, 113, 1, 0x80}, "192.0.2.9",
	                false},
	        {{68, 8, 4, 0}, {0}, "192.0.2.9", true},
	        {{68, 8, 7, 0}, {0}, "192.0.2.9", true},
	};

	(void)unused;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sl_packet p;
		struct gateway g;

		begin(&g, 1500);
		p = with_options(&g, cases[i].dst, cases[i].in, 16);
		put_in(&g, &p);
		assert_int_equal(p.verdict, cases[i].drop ? SL_DROP : SL_ACCEPT);
		if (cases[i].drop)
			assert_int_equal(p.reason, SL_WHY_BAD_IP_OPTIONS);
		else
			assert_memory_equal(p.data + 20, cases[i].out, 16);
		packet_free(&g, &p);
		gateway_end(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(fragments),
	        cmocka_unit_test(super_packets_pass),
	        cmocka_unit_test(super_packets_shrink),
	        cmocka_unit_test(own_packets),
	        cmocka_unit_test(datagram_grows),
	        cmocka_unit_test(each_datagram),
	        cmocka_unit_test(stream_grows),
	        cmocka_unit_test(stream_shrinks),
	        cmocka_unit_test(options_filled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
