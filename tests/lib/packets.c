/* SPDX-License-Identifier: BSD-2-Clause */
/* See packets.h. */
#include "tests/lib/packets.h"

#include "base/checksum.h"
#include "base/wire.h"
#include "tests/lib/gateway.h"
#include "tests/lib/must.h"

struct sl_addr addr_of(const char *text)
{
	enum sl_family family;
	struct sl_addr a;

	if (!sl_addr_parse(text, &a, &family))
		must_fail("no address: %s", text);
	return a;
}

struct sl_tuple tuple_of(
        const char *src, uint16_t sport, const char *dst, uint16_t dport, uint8_t proto)
{
	return (struct sl_tuple){.src = addr_of(src),
	        .dst = addr_of(dst),
	        .sport = sport,
	        .dport = dport,
	        .proto = proto,
	        .family = strchr(src, ':') ? SL_IPV6 : SL_IPV4};
}

/* ---- headers --------------------------------------------------------------------------------- */

uint8_t *put_ip(uint8_t *ip, const struct sl_tuple *t, uint32_t l4_len)
{
	if (t->family == SL_IPV6) {
		memset(ip, 0, 40);
		ip[0] = 0x60;
		sl_put16(ip + 4, (uint16_t)l4_len);
		ip[6] = t->proto;
		ip[7] = 64;
		memcpy(ip + 8, t->src.b, 16);
		memcpy(ip + 24, t->dst.b, 16);
		return ip + 40;
	}
	memset(ip, 0, 20);
	ip[0] = 0x45;
	sl_put16(ip + 2, (uint16_t)(20 + l4_len));
	sl_put16(ip + 4, 7);
	ip[8] = 64;
	ip[9] = t->proto;
	memcpy(ip + 12, t->src.b + 12, 4);
	memcpy(ip + 16, t->dst.b + 12, 4);
	sl_put16(ip + 10, sl__csum(sl__sum(ip, 20, 0)));
	return ip + 20;
}

uint32_t pseudo_sum(const uint8_t *ip, uint8_t proto, uint32_t l4_len)
{
	return ip[0] >> 4 == 6 ? sl__sum_ipv6(ip + 8, ip + 24, proto, l4_len)
	                       : sl__sum_ipv4(ip + 12, ip + 16, proto, l4_len);
}

static void put_ports(uint8_t *l4, const struct sl_tuple *t)
{
	sl_put16(l4, t->sport);
	sl_put16(l4 + 2, t->dport);
}

void fill_bytes(uint8_t *at, uint32_t len, uint32_t seed)
{
	for (uint32_t i = 0; i < len; i++)
		at[i] = (uint8_t)((seed + i) * 131 >> 3);
}

static void put_payload(uint8_t *at, const void *bytes, uint32_t len, uint32_t seed)
{
	if (bytes && len)
		memcpy(at, bytes, len);
	else
		fill_bytes(at, len, seed);
}

/* ---- packets --------------------------------------------------------------------------------- */

uint8_t *make_from(struct gateway *g, struct sl_packet *p, const struct sl_tuple *t, uint32_t len)
{
	uint8_t *l4;

	packet_alloc(g, p, (t->family == SL_IPV6 ? 40 : 20) + len);
	p->in_if = is_inside(&t->src, t->family) ? 1 : 2;
	l4 = put_ip(p->data, t, len);
	memset(l4, 0, len);
	return l4;
}

/* The checksum of a transport header that has just been made. */
static void sum_up(const struct sl_packet *p, uint8_t *l4, uint32_t offset, uint8_t proto)
{
	uint32_t len = p->len - (uint32_t)(l4 - p->data);
	uint16_t sum = sl__csum(sl__sum(l4, len, pseudo_sum(p->data, proto, len)));

	if (!sum && proto == SL_PROTO_UDP)
		sum = 0xffff; /* 0 would say that there is none */
	sl_put16(l4 + offset, sum);
}

struct sl_packet make_segment(
        struct gateway *g, const struct sl_tuple *t, const struct segment *segment)
{
	struct sl_packet p;
	uint8_t *l4 = make_from(g, &p, t, 20 + segment->len);

	put_ports(l4, t);
	sl_put32(l4 + 4, segment->seq);
	sl_put32(l4 + 8, segment->ack);
	l4[12] = 0x50;
	l4[13] = segment->flags;
	sl_put16(l4 + 14, 60000);
	sl_put16(l4 + 18, segment->urgent);
	put_payload(l4 + 20, segment->bytes, segment->len, segment->seq);
	sum_up(&p, l4, 16, SL_PROTO_TCP);
	return p;
}

struct sl_packet make_datagram(
        struct gateway *g, const struct sl_tuple *t, const void *bytes, uint32_t len)
{
	struct sl_packet p;
	uint8_t *l4 = make_from(g, &p, t, 8 + len);

	put_ports(l4, t);
	sl_put16(l4 + 4, (uint16_t)(8 + len));
	put_payload(l4 + 8, bytes, len, t->sport);
	sum_up(&p, l4, 6, SL_PROTO_UDP);
	return p;
}

struct sl_packet make_gre(
        struct gateway *g, const struct sl_tuple *t, const void *bytes, uint32_t len)
{
	struct sl_packet p;
	uint8_t *l4 = make_from(g, &p, t, 8 + len);

	sl_put16(l4, 0x2001); /* key present, version 1 (RFC 2637 4.1) */
	sl_put16(l4 + 2, 0x880b);
	sl_put16(l4 + 4, (uint16_t)len);
	sl_put16(l4 + 6, t->dport);
	put_payload(l4 + 8, bytes, len, 0);
	return p;
}

uint8_t *make_ip(struct gateway *g, struct sl_packet *p, const char *src, const char *dst,
        uint8_t proto, uint32_t len)
{
	struct sl_tuple t = tuple_of(src, 0, dst, 0, proto);

	return make_from(g, p, &t, len);
}

struct sl_packet make_tcp(struct gateway *g, const char *src, uint16_t sport, const char *dst,
        uint16_t dport, uint8_t flags, uint32_t seq, uint32_t ack, const void *bytes, uint32_t len)
{
	struct sl_tuple t = tuple_of(src, sport, dst, dport, SL_PROTO_TCP);

	return make_segment(g, &t,
	        &(struct segment){
	                .seq = seq, .ack = ack, .flags = flags, .bytes = bytes, .len = len});
}

struct sl_packet make_udp(struct gateway *g, const char *src, uint16_t sport, const char *dst,
        uint16_t dport, uint32_t len)
{
	struct sl_tuple t = tuple_of(src, sport, dst, dport, SL_PROTO_UDP);

	return make_datagram(g, &t, NULL, len);
}

uint8_t *sum_place(const struct sl_packet *p, const struct sl_parsed *parsed)
{
	uint8_t *l4 = p->data + parsed->l4;

	switch (parsed->tuple.proto) {
	case SL_PROTO_TCP:
		return l4 + 16;
	case SL_PROTO_UDP:
		return l4 + 6;
	case SL_PROTO_ICMP:
	case SL_PROTO_ICMPV6:
		return l4 + 2;
	}
	return NULL;
}

void fix_sums(struct sl_packet *p)
{
	struct sl_parsed parsed;
	uint32_t len;
	uint8_t *at;

	if (p->data[0] >> 4 == 4) {
		sl_put16(p->data + 10, 0);
		sl_put16(p->data + 10, sl__csum(sl__sum(p->data, (p->data[0] & 15u) * 4, 0)));
	}
	if (sl__parse(p, &parsed) != SL_WHY_NONE || parsed.frag)
		return;
	at = sum_place(p, &parsed);
	if (!at)
		return;
	len = parsed.len - parsed.l4;
	sl_put16(at, 0);
	sl_put16(at, sl__csum(sl__sum(p->data + parsed.l4, len,
	                     parsed.tuple.proto == SL_PROTO_ICMP
	                             ? 0
	                             : pseudo_sum(p->data, parsed.tuple.proto, len))));
}

void set_df(struct sl_packet *p)
{
	p->data[6] |= 0x40;
	fix_sums(p);
}

/* ---- looking at what came out ---------------------------------------------------------------- */

bool is_fragment(const struct sl_packet *p)
{
	return p->data[0] >> 4 == 4 && sl_get16(p->data + 6) & 0x3fff;
}

/* Not as the engine computes it. */
static void check_l4_sum(const struct sl_packet *p, const struct sl_parsed *parsed)
{
	const uint8_t *at = sum_place(p, parsed);
	uint32_t len = parsed->len - parsed->l4, sum = 0;
	uint8_t proto = parsed->tuple.proto;

	if (!at || (proto == SL_PROTO_UDP && parsed->tuple.family == SL_IPV4 && !sl_get16(at)))
		return;
	if (proto != SL_PROTO_ICMP)
		sum = pseudo_sum(p->data, proto, len);
	MUST(sl__sum_fold(sl__sum(p->data + parsed->l4, len, sum)) == 0xffff);
}

void check_sums(const struct sl_packet *p)
{
	struct sl_packet copy = *p;
	struct sl_parsed parsed;

	if (p->data[0] >> 4 == 4)
		MUST(sl__sum_fold(sl__sum(p->data, (p->data[0] & 15u) * 4, 0)) == 0xffff);
	copy.csum = SL_CSUM_NONE;
	if (p->csum == SL_CSUM_PARTIAL || is_fragment(p))
		return;
	MUST(sl__parse(&copy, &parsed) == SL_WHY_NONE);
	MUST(sl__parse_checksum(&copy, &parsed) == SL_WHY_NONE);
	check_l4_sum(p, &parsed);
}

struct sl_tuple packet_tuple(const struct sl_packet *p, const uint8_t **l4, uint32_t *l4_len)
{
	const uint8_t *ip = p->data, *at = ip + (ip[0] >> 4 == 6 ? 40 : (ip[0] & 15) * 4);
	bool v6 = ip[0] >> 4 == 6;
	struct sl_tuple t = {.src = v6 ? sl_addr_v6(ip + 8) : sl_addr_v4(ip + 12),
	        .dst = v6 ? sl_addr_v6(ip + 24) : sl_addr_v4(ip + 16),
	        .proto = v6 ? ip[6] : ip[9],
	        .family = v6 ? SL_IPV6 : SL_IPV4};

	*l4 = at;
	*l4_len = v6 ? sl_get16(ip + 4) : sl_get16(ip + 2) - (uint32_t)(at - ip);
	MUST((uint32_t)(at - ip) + *l4_len <= p->len && *l4_len >= 8);
	t.sport = t.proto == SL_PROTO_GRE ? 0 : sl_get16(at);
	t.dport = sl_get16(t.proto == SL_PROTO_GRE ? at + 6 : at + 2);
	return t;
}
