/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Headers changed, and checksums with them: every protocol, both families, both ends, every kind of
 * checksum; there and back gives the same bytes. Packets end where their memory ends, and each is
 * also put in cut short at every byte.
 * Tests: src/nat/rewrite.c
 */
#include "tests/lib/unit.h"

#include "nat/nat.h"

/* Outside 192.0.2.9 sees inside 10.0.0.2 as 203.0.113.1, and port 4000 as 5000. */
static struct gateway g;

static struct sl_tuple tuple(bool v6, uint8_t proto, bool translated)
{
	uint16_t sport = translated ? 5000 : 4000, dport = 80;
	struct sl_tuple t;

	if (proto == SL_PROTO_ICMP || proto == SL_PROTO_ICMPV6)
		dport = v6 ? SL_TUPLE_ICMP(128, 0) : SL_TUPLE_ICMP(8, 0);
	if (proto == SL_PROTO_GRE || proto == 89)
		sport = 0;
	if (proto == 89)
		dport = 0;
	t = v6 ? tuple_of(translated ? "2001:db8:ffff::1" : "2001:db8:1::2", sport, "2001:db8:2::9",
	                 dport, proto)
	       : tuple_of(
	                 translated ? "203.0.113.1" : "10.0.0.2", sport, "192.0.2.9", dport, proto);
	return t;
}

/* A conn with source NAT, good enough for translation. */
static struct sl_conn *conn_for(bool v6, uint8_t proto)
{
	struct sl_conn *conn = calloc(1, SL_CONN_SIZE_IPV6);
	struct sl_tuple original = tuple(v6, proto, false), seen = tuple(v6, proto, true), reply;

	conn->proto = proto;
	conn->flags = v6 ? SL_CONN_IPV6 : 0;
	conn->status = SL_SRC_NAT;
	sl__conn_set_tuple(conn, SL_ORIGINAL, &original);
	assert_true(sl__tuple_invert(&seen, &reply));
	sl__conn_set_tuple(conn, SL_REPLY, &reply);
	return conn;
}

static struct sl_packet packet(bool v6, uint8_t proto)
{
	struct sl_tuple t = tuple(v6, proto, false);
	struct segment segment = {.seq = 7, .ack = 9, .flags = SL_ACK, .len = 33};
	struct sl_packet p;
	uint8_t *l4;

	switch (proto) {
	case SL_PROTO_TCP:
		return make_segment(&g, &t, &segment);
	case SL_PROTO_UDP:
		return make_datagram(&g, &t, "some bytes", 10);
	case SL_PROTO_GRE:
		return make_gre(&g, &t, "some bytes", 10);
	}
	l4 = make_from(&g, &p, &t, 40);
	fill_bytes(l4, 40, proto);
	if (proto == SL_PROTO_ICMP || proto == SL_PROTO_ICMPV6) {
		l4[0] = v6 ? 128 : 8;
		l4[1] = 0;
		sl_put16(l4 + 4, t.sport);
	} else if (proto == SL_PROTO_SCTP) {
		sl_put16(l4, t.sport);
		sl_put16(l4 + 2, t.dport);
	}
	if (proto == SL_PROTO_SCTP) {
		uint32_t crc;

		sl_put32(l4 + 8, 0);
		crc = sl__crc32c(l4, 40, 0);
		for (unsigned i = 0; i < 4; i++)
			l4[8 + i] = (uint8_t)(crc >> (8 * i));
	}
	fix_sums(&p);
	return p;
}

static const struct {
	uint8_t proto;
	bool v4, v6;
} kinds[] = {{SL_PROTO_TCP, true, true}, {SL_PROTO_UDP, true, true}, {SL_PROTO_SCTP, true, true},
        {SL_PROTO_ICMP, true, false}, {SL_PROTO_ICMPV6, false, true}, {SL_PROTO_GRE, true, true},
        {89, true, true}};

static void right(const struct sl_packet *p, struct sl_parsed *parsed)
{
	assert_int_equal(sl__parse(p, parsed), SL_WHY_NONE);
	assert_int_equal(sl__parse_checksum(p, parsed), SL_WHY_NONE);
}

/* Out and back again: what the peer sees, right checksums, and in the end the same bytes. */
static void there_and_back(void **unused)
{
	(void)unused;
	gateway_init(&g, false);
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			uint8_t proto = kinds[i].proto, before[200];
			struct sl_tuple seen = tuple(v6, proto, true),
			                orig = tuple(v6, proto, false);
			struct sl_parsed parsed, again;
			struct sl_conn *conn;
			struct sl_packet p;

			if (!(v6 ? kinds[i].v6 : kinds[i].v4))
				continue;
			conn = conn_for(v6, proto);
			p = packet(v6, proto);
			right(&p, &parsed);
			memcpy(before, p.data, p.len);
			assert_int_equal(
			        sl__nat_packet(conn, SL_ORIGINAL, &p, &parsed, SL_MANIP_DST),
			        SL_WHY_NONE);
			assert_memory_equal(p.data, before, p.len); /* not that end */
			assert_int_equal(p.altered, 0);
			assert_int_equal(
			        sl__nat_packet(conn, SL_ORIGINAL, &p, &parsed, SL_MANIP_SRC),
			        SL_WHY_NONE);
			assert_int_equal(p.altered, 1);
			right(&p, &again);
			assert_true(sl_addr_eq(&again.tuple.src, &seen.src));
			assert_true(sl_addr_eq(&again.tuple.dst, &seen.dst));
			if (proto != SL_PROTO_GRE && proto != 89)
				assert_int_equal(again.tuple.sport, 5000);
			assert_true(sl_tuple_eq(
			        &again.tuple, &parsed.tuple)); /* they change together */
			/* Back: as a conn whose packets are translated the other way. */
			sl__conn_set_tuple(conn, SL_ORIGINAL, &seen);
			{
				struct sl_tuple reply;

				assert_true(sl__tuple_invert(&orig, &reply));
				sl__conn_set_tuple(conn, SL_REPLY, &reply);
			}
			assert_int_equal(
			        sl__nat_packet(conn, SL_ORIGINAL, &p, &parsed, SL_MANIP_SRC),
			        SL_WHY_NONE);
			assert_memory_equal(p.data, before, p.len);
			packet_free(&g, &p);
			free(conn);
		}
	assert_int_equal(g.packets, 0);
}

/* A checksum that was wrong stays wrong; one that is left to the hardware stays partial. */
static void checksums_of_all_kinds(void **unused)
{
	static const uint8_t protos[] = {SL_PROTO_TCP, SL_PROTO_UDP, SL_PROTO_ICMP};

	(void)unused;
	gateway_init(&g, false);
	for (unsigned i = 0; i < 3; i++)
		for (unsigned v6 = 0; v6 < (protos[i] == SL_PROTO_ICMP ? 1u : 2u); v6++) {
			struct sl_conn *conn = conn_for(v6, protos[i]);
			struct sl_packet p = packet(v6, protos[i]);
			struct sl_parsed parsed;
			uint8_t *at;
			uint32_t len;

			right(&p, &parsed);
			at = sum_place(&p, &parsed);
			at[0] ^= 0x10;
			assert_int_equal(
			        sl__nat_packet(conn, SL_ORIGINAL, &p, &parsed, SL_MANIP_SRC),
			        SL_WHY_NONE);
			assert_int_equal(sl__parse_checksum(&p, &parsed), SL_WHY_BAD_CHECKSUM);
			packet_free(&g, &p);
			if (protos[i] == SL_PROTO_ICMP) {
				free(conn);
				continue;
			}
			p = packet(v6, protos[i]);
			p.csum = SL_CSUM_PARTIAL;
			assert_int_equal(sl__parse(&p, &parsed), SL_WHY_NONE);
			at = sum_place(&p, &parsed);
			len = parsed.len - parsed.l4;
			sl_put16(at, (uint16_t)~sl__csum(pseudo_sum(p.data, protos[i], len)));
			assert_int_equal(
			        sl__nat_packet(conn, SL_ORIGINAL, &p, &parsed, SL_MANIP_SRC),
			        SL_WHY_NONE);
			assert_int_equal(sl_get16(at),
			        (uint16_t)~sl__csum(pseudo_sum(p.data, protos[i], len)));
			/* What hardware does with it: */
			sl_put16(at, sl__csum(sl__sum(p.data + parsed.l4, len, 0)));
			p.csum = SL_CSUM_NONE;
			right(&p, &parsed);
			packet_free(&g, &p);
			free(conn);
		}
}

/* RFC 768: no checksum stays none, and one that comes out as 0 is written as 0xffff. */
static void zero_of_udp(void **unused)
{
	bool met = false;

	(void)unused;
	gateway_init(&g, false);
	for (uint32_t v = 0; v < 65536 && !met; v++) {
		struct sl_conn *conn = conn_for(false, SL_PROTO_UDP);
		struct sl_packet p = packet(false, SL_PROTO_UDP);
		struct sl_parsed parsed;

		sl_put16(p.data + 28, (uint16_t)v); /* payload: every sum comes up */
		fix_sums(&p);
		right(&p, &parsed);
		sl__nat_packet(conn, SL_ORIGINAL, &p, &parsed, SL_MANIP_SRC);
		assert_int_not_equal(sl_get16(p.data + 26), 0);
		met = sl_get16(p.data + 26) == 0xffff;
		right(&p, &parsed);
		if (met || !v) {
			sl_put16(p.data + 26, 0);
			sl__nat_packet(conn, SL_ORIGINAL, &p, &parsed, SL_MANIP_SRC);
			assert_int_equal(sl_get16(p.data + 26), 0);
		}
		packet_free(&g, &p);
		free(conn);
	}
	assert_true(met);
}

/* Too short for what must be changed: refused, and no byte behind it is touched. */
static void cut_short(void **unused)
{
	(void)unused;
	gateway_init(&g, false);
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			uint8_t proto = kinds[i].proto;
			struct sl_tuple seen = tuple(v6, proto, true);
			struct sl_packet whole;
			struct sl_parsed parsed;

			if (!(v6 ? kinds[i].v6 : kinds[i].v4))
				continue;
			whole = packet(v6, proto);
			right(&whole, &parsed);
			for (uint32_t len = parsed.l4; len <= whole.len; len++)
				for (unsigned m = 0; m < 2; m++) {
					enum sl_manip manip = m ? SL_MANIP_DST : SL_MANIP_SRC;
					struct sl_packet p = {.data = malloc(len), .len = len};
					struct sl_parsed cut = parsed;
					bool done, ports = proto != 89 && proto != SL_PROTO_GRE;

					memcpy(p.data, whole.data, len);
					cut.len = len;
					done = sl__nat_rewrite(&p, &cut, 0, &seen, manip);
					if (ports || proto == SL_PROTO_GRE)
						assert_int_equal(done, len >= parsed.l4 + 8);
					else
						assert_true(done);
					free(p.data);
				}
			packet_free(&g, &whole);
		}
}

/* ---- ICMP errors ----------------------------------------------------------------------------- */

/* Of `type`, from 198.51.100.1 to whoever sent the first `quote` bytes of *q. */
static struct sl_packet error_about(const struct sl_packet *q, uint32_t quote, uint8_t type)
{
	bool v6 = q->data[0] >> 4 == 6;
	struct sl_packet p;
	struct sl_parsed parsed;
	struct sl_tuple t;
	uint8_t *l4;

	assert_int_equal(sl__parse(q, &parsed), SL_WHY_NONE);
	t = parsed.tuple;
	t.dst = t.src;
	t.src = addr_of(v6 ? "2001:db8:7::1" : "198.51.100.1");
	t.proto = v6 ? SL_PROTO_ICMPV6 : SL_PROTO_ICMP;
	l4 = make_from(&g, &p, &t, 8 + quote);
	l4[0] = type;
	l4[1] = 0;
	memcpy(l4 + 8, q->data, quote);
	fix_sums(&p);
	return p;
}

/* An error about what left translated comes back: its receiver and the quoted sender are inside again. */
static void errors(void **unused)
{
	static const uint8_t protos[] = {SL_PROTO_TCP, SL_PROTO_UDP, SL_PROTO_SCTP};

	(void)unused;
	gateway_init(&g, false);
	for (unsigned i = 0; i < 3; i++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			uint32_t head = v6 ? 40 : 20;
			struct sl_conn *conn = conn_for(v6, protos[i]);
			struct sl_packet inner = packet(v6, protos[i]), p;
			struct sl_tuple orig = tuple(v6, protos[i], false);
			struct sl_parsed parsed, quoted;
			uint8_t before[200];

			memcpy(before, inner.data, inner.len);
			assert_int_equal(sl__parse(&inner, &parsed), SL_WHY_NONE);
			sl__nat_packet(conn, SL_ORIGINAL, &inner, &parsed, SL_MANIP_SRC);
			for (uint32_t quote = head; quote <= inner.len; quote++) {
				enum sl_reason why;

				p = error_about(&inner, quote, v6 ? 1 : 3);
				assert_int_equal(sl__parse(&p, &parsed), SL_WHY_NONE);
				why = parsed.quote ? sl__nat_icmp_error(conn, SL_REPLY, &p, &parsed,
				                             SL_MANIP_DST)
				                   : SL_WHY_NAT_SHORT;
				if (quote < head + 8) { /* no ports to go by */
					assert_int_equal(why, SL_WHY_NAT_SHORT);
					packet_free(&g, &p);
					continue;
				}
				assert_int_equal(why, SL_WHY_NONE);
				right(&p, &parsed);
				assert_true(sl_addr_eq(&parsed.tuple.dst, &orig.src));
				assert_int_equal(sl__parse_quoted(p.data + parsed.quote,
				                         parsed.len - parsed.quote,
				                         v6 ? SL_IPV6 : SL_IPV4, &quoted),
				        SL_WHY_NONE);
				assert_true(sl_tuple_eq(&quoted.tuple, &orig));
				if (quote == inner.len &&
				        protos[i] != SL_PROTO_SCTP) /* as it was sent */
					assert_memory_equal(p.data + parsed.quote, before, quote);
				packet_free(&g, &p);
			}
			/* Through a hook that translates the other end nothing happens. */
			p = error_about(&inner, inner.len, v6 ? 1 : 3);
			sl__parse(&p, &parsed);
			assert_int_equal(
			        sl__nat_icmp_error(conn, SL_REPLY, &p, &parsed, SL_MANIP_SRC),
			        SL_WHY_NONE);
			assert_int_equal(p.altered, 0);
			packet_free(&g, &p);
			packet_free(&g, &inner);
			free(conn);
		}
}

/* A redirect about a translated connection cannot be made true. */
static void redirects(void **unused)
{
	(void)unused;
	gateway_init(&g, false);
	for (unsigned translated = 0; translated < 2; translated++) {
		struct sl_conn *conn = conn_for(false, SL_PROTO_UDP);
		struct sl_packet inner = packet(false, SL_PROTO_UDP),
		                 p = error_about(&inner, inner.len, 5);
		struct sl_parsed parsed;

		conn->status = translated ? SL_SRC_NAT : 0;
		assert_int_equal(sl__parse(&p, &parsed), SL_WHY_NONE);
		assert_int_equal(sl__nat_icmp_error(conn, SL_REPLY, &p, &parsed, SL_MANIP_DST),
		        translated ? SL_WHY_NAT_REDIRECT : SL_WHY_NONE);
		packet_free(&g, &p);
		packet_free(&g, &inner);
		free(conn);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(there_and_back),
	        cmocka_unit_test(checksums_of_all_kinds),
	        cmocka_unit_test(zero_of_udp),
	        cmocka_unit_test(cut_short),
	        cmocka_unit_test(errors),
	        cmocka_unit_test(redirects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
