/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets out of specs, and packets taken apart. The taking apart is the tests' own, so that the
 * library's parser is not its own witness.
 */
#include <string.h>

#include "script.h"

#include "base/checksum.h"
#include "base/wire.h"

enum { ICMP_SHORTEST = 8 };

/* ---- building ---------------------------------------------------------------------------- */

struct builder {
	uint8_t *d;
	const struct spec *s;
	struct endpoint from, to;
	bool v4;
	uint8_t proto;
	uint32_t l4; /* bytes of the IP header */
};

static bool is_icmp(uint8_t proto)
{
	return proto == SL_PROTO_ICMP || proto == SL_PROTO_ICMPV6;
}

static bool is_icmp_error(bool v4, uint8_t type)
{
	return v4 ? type == 3 || type == 4 || type == 5 || type == 11 || type == 12 : type < 128;
}

static uint32_t pseudo(const uint8_t *d, uint8_t proto, uint32_t len)
{
	if (d[0] >> 4 == 4)
		return proto == SL_PROTO_ICMP ? 0 : sl__sum_ipv4(d + 12, d + 16, proto, len);
	return sl__sum_ipv6(d + 8, d + 24, proto, len);
}

static void put_sum(struct builder *b, uint32_t at, uint32_t len)
{
	uint8_t *l4 = b->d + b->l4;
	uint32_t sum = pseudo(b->d, b->proto, len);

	sl_put16(l4 + at, 0);
	if (b->s->partial) {
		sl_put16(l4 + at, sl__sum_fold(sum));
		return;
	}
	sl_put16(l4 + at, sl__csum(sl__sum(l4, len, sum)));
	if (b->proto == SL_PROTO_UDP && sl_get16(l4 + at) == 0)
		sl_put16(l4 + at, 0xffff);
	if (b->s->bad_sum)
		l4[at] ^= 0x55;
}

static uint32_t put_sack(const struct spec *s, uint32_t isn, uint8_t *at)
{
	if (!s->sacks)
		return 0;
	at[0] = at[1] = 1;
	at[2] = 5;
	at[3] = (uint8_t)(2 + 8 * s->sacks);
	for (unsigned i = 0; i < s->sacks * 2; i++)
		sl_put32(at + 4 + 4 * i, isn + s->sack[i / 2][i % 2]);
	return 4 + 8 * s->sacks;
}

static uint32_t put_tcp(struct builder *b, const struct flow *f, enum sl_dir dir)
{
	const struct spec *s = b->s;
	uint8_t *l4 = b->d + b->l4;
	uint32_t len = 20;

	sl_put16(l4, b->from.port);
	sl_put16(l4 + 2, b->to.port);
	sl_put32(l4 + 4, f->end[dir].isn + s->seq);
	sl_put32(l4 + 8, s->flags & 16 ? f->end[!dir].isn + s->ack : s->ack);
	l4[13] = s->flags;
	sl_put16(l4 + 14, s->has & HAS_WIN ? s->win : 65535);
	sl_put16(l4 + 18, s->urg);
	memcpy(l4 + len, s->options, s->options_len);
	len += s->options_len;
	len += put_sack(s, f->end[!dir].isn, l4 + len);
	l4[12] = (uint8_t)(len / 4 << 4);
	if (s->payload_len)
		memcpy(l4 + len, s->payload, s->payload_len);
	len += s->payload_len;
	put_sum(b, 16, len);
	return len;
}

static uint32_t put_udp(struct builder *b)
{
	uint8_t *l4 = b->d + b->l4;
	uint32_t len = 8 + b->s->payload_len;

	sl_put16(l4, b->from.port);
	sl_put16(l4 + 2, b->to.port);
	sl_put16(l4 + 4, (uint16_t)len);
	if (b->s->payload_len)
		memcpy(l4 + 8, b->s->payload, b->s->payload_len);
	put_sum(b, 6, len);
	return len;
}

/* SCTP: `seq` is the verification tag. */
static uint32_t put_sctp(struct builder *b)
{
	uint8_t *l4 = b->d + b->l4;
	uint32_t len = 12 + b->s->payload_len, crc;

	sl_put16(l4, b->from.port);
	sl_put16(l4 + 2, b->to.port);
	sl_put32(l4 + 4, b->s->seq);
	memset(l4 + 8, 0, 4);
	if (b->s->payload_len)
		memcpy(l4 + 12, b->s->payload, b->s->payload_len);
	crc = sl__crc32c(l4, len, 0);
	for (unsigned i = 0; i < 4; i++)
		l4[8 + i] = (uint8_t)(crc >> 8 * i);
	return len;
}

static uint32_t put_quote(struct builder *b, const struct flow *f, enum sl_dir dir)
{
	const struct end *quoted = &f->end[!dir];
	uint8_t *l4 = b->d + b->l4;
	uint32_t n = b->s->quote ? b->s->quote : b->v4 ? 28 : 96;

	if (!quoted->last_out_len)
		wrong("no packet of that direction came out yet that could be quoted");
	if (n > quoted->last_out_len)
		n = quoted->last_out_len;
	memset(l4, 0, ICMP_SHORTEST);
	l4[0] = b->s->icmp_type;
	l4[1] = b->s->icmp_code;
	sl_put32(l4 + 4, b->s->mtu);
	memcpy(l4 + 8, quoted->last_out, n);
	put_sum(b, 2, 8 + n);
	return 8 + n;
}

/* A query or its answer: the id is the flow's "port". */
static uint32_t put_query(struct builder *b, enum sl_dir dir)
{
	static const uint8_t echo[2][2] = {{128, 129}, {8, 0}}; /* [IPv4][dir] */
	const struct spec *s = b->s;
	uint8_t *l4 = b->d + b->l4;

	l4[0] = s->has & HAS_ICMP ? s->icmp_type : echo[b->v4][dir];
	l4[1] = s->icmp_code;
	sl_put16(l4 + 4, dir == SL_ORIGINAL ? b->from.port : b->to.port);
	sl_put16(l4 + 6, s->has & HAS_ECHO ? s->echo : 1);
	if (s->payload_len)
		memcpy(l4 + 8, s->payload, s->payload_len);
	put_sum(b, 2, 8 + s->payload_len);
	return 8 + s->payload_len;
}

static uint32_t put_l4(struct builder *b, const struct flow *f, enum sl_dir dir)
{
	if (is_icmp(b->proto))
		return b->s->has & HAS_ICMP && is_icmp_error(b->v4, b->s->icmp_type)
		               ? put_quote(b, f, dir)
		               : put_query(b, dir);
	if (b->proto == SL_PROTO_TCP)
		return put_tcp(b, f, dir);
	if (b->proto == SL_PROTO_UDP || b->proto == SL_PROTO_UDPLITE)
		return put_udp(b);
	if (b->proto == SL_PROTO_SCTP)
		return put_sctp(b);
	if (b->s->payload_len)
		memcpy(b->d + b->l4, b->s->payload, b->s->payload_len);
	return b->s->payload_len;
}

static void put_ip(struct builder *b, uint32_t len)
{
	const struct spec *s = b->s;
	uint8_t *d = b->d, ttl = s->has & HAS_TTL ? s->ttl : 64;

	if (!b->v4) {
		sl_put32(d, 0x60000000u | (uint32_t)s->tos << 20);
		sl_put16(d + 4, (uint16_t)len);
		d[6] = b->proto;
		d[7] = ttl;
		memcpy(d + 8, b->from.addr.b, 16);
		memcpy(d + 24, b->to.addr.b, 16);
		return;
	}
	memset(d, 0, 20);
	d[0] = 0x45;
	d[1] = s->tos;
	sl_put16(d + 2, (uint16_t)(20 + len));
	sl_put16(d + 4, s->id);
	d[6] = s->dont_fragment ? 0x40 : 0;
	d[8] = ttl;
	d[9] = b->proto;
	memcpy(d + 12, b->from.addr.b + 12, 4);
	memcpy(d + 16, b->to.addr.b + 12, 4);
	sl_put16(d + 10, sl__csum(sl__sum(d, 20, 0)));
}

/* Only bytes [from, to) of what the IP header carries. */
static uint32_t cut_piece(struct builder *b, uint32_t len)
{
	uint32_t from = b->s->piece_from, to = b->s->piece_to, n = to - from;
	bool more = to < len;

	if (from >= to || to > len)
		wrong("piece %u-%u: the datagram has %u bytes", from, to, len);
	if (b->v4) {
		memmove(b->d + 20, b->d + 20 + from, n);
		sl_put16(b->d + 2, (uint16_t)(20 + n));
		sl_put16(b->d + 6, (uint16_t)(from / 8 | (more ? 0x2000 : 0)));
		sl_put16(b->d + 10, 0);
		sl_put16(b->d + 10, sl__csum(sl__sum(b->d, 20, 0)));
		return 20 + n;
	}
	memmove(b->d + 48, b->d + 40 + from, n);
	sl_put16(b->d + 4, (uint16_t)(8 + n));
	b->d[40] = b->d[6];
	b->d[6] = 44;
	b->d[41] = 0;
	sl_put16(b->d + 42, (uint16_t)(from | (more ? 1 : 0)));
	sl_put32(b->d + 44, b->s->id);
	return 48 + n;
}

static void finish(const struct spec *s, uint8_t *out, uint32_t *len)
{
	for (unsigned i = 0; i < s->pokes; i++) {
		if (s->poke[i].at >= *len)
			wrong("poke: the packet has %u bytes", *len);
		out[s->poke[i].at] = s->poke[i].value;
	}
	if (s->cut && s->cut < *len)
		*len = s->cut;
}

uint32_t wire_build(const struct flow *f, enum sl_dir dir, const struct spec *s, uint8_t *out)
{
	struct builder b = {.d = out, .s = s, .v4 = f->family == SL_IPV4, .proto = f->proto};
	uint32_t len;

	if (s->raw) {
		memcpy(out, s->payload, s->payload_len);
		len = s->payload_len;
		finish(s, out, &len);
		return len;
	}
	b.from = dir == SL_ORIGINAL ? f->side[0] : f->known ? f->far[1] : f->side[1];
	b.to = dir == SL_ORIGINAL ? f->side[1] : f->known ? f->far[0] : f->side[0];
	if (s->has & HAS_FROM)
		b.from.addr = s->from.addr,
		b.from.port = s->from.has_port ? s->from.port : b.from.port;
	if (s->has & HAS_TO)
		b.to.addr = s->to.addr, b.to.port = s->to.has_port ? s->to.port : b.to.port;
	if (s->has & HAS_ICMP && !is_icmp(b.proto))
		b.proto = b.v4 ? SL_PROTO_ICMP : SL_PROTO_ICMPV6;
	b.l4 = b.v4 ? 20 : 40;
	put_ip(&b, 0); /* checksums need the addresses */
	len = put_l4(&b, f, dir);
	put_ip(&b, len);
	len = s->has & HAS_PIECE ? cut_piece(&b, len) : b.l4 + len;
	finish(s, out, &len);
	return len;
}

/* ---- taking apart ------------------------------------------------------------------------ */

static bool read_ip(struct fields *f, const uint8_t *d, uint32_t len, uint32_t *l4, uint32_t *end)
{
	if (len >= 20 && d[0] >> 4 == 4) {
		uint32_t header = (d[0] & 15u) * 4, total = sl_get16(d + 2), frag = sl_get16(d + 6);

		if (header < 20 || total < header || total > len)
			return false;
		*l4 = header;
		*end = total;
		f->family = SL_IPV4;
		f->tos = d[1];
		f->ttl = d[8];
		f->proto = d[9];
		f->id = sl_get16(d + 4);
		f->dont_fragment = frag & 0x4000;
		f->from.addr = sl_addr_v4(d + 12);
		f->to.addr = sl_addr_v4(d + 16);
		f->fragment = frag & 0x3fff;
		f->more = frag & 0x2000;
		f->frag_from = (frag & 0x1fff) * 8;
		f->frag_to = f->frag_from + total - header;
		return true;
	}
	if (len < 40 || d[0] >> 4 != 6 || (uint32_t)sl_get16(d + 4) + 40 > len)
		return false;
	*l4 = 40;
	*end = 40 + (uint32_t)sl_get16(d + 4);
	f->family = SL_IPV6;
	f->tos = (uint8_t)(sl_get16(d) >> 4);
	f->ttl = d[7];
	f->proto = d[6];
	f->from.addr = sl_addr_v6(d + 8);
	f->to.addr = sl_addr_v6(d + 24);
	while ((f->proto == 0 || f->proto == 43 || f->proto == 60) && *l4 + 8 <= *end) {
		f->proto = d[*l4];
		*l4 += (d[*l4 + 1] + 1u) * 8;
	}
	if (f->proto == 44 && *l4 + 8 <= *end) {
		uint32_t frag = sl_get16(d + *l4 + 2);

		f->proto = d[*l4];
		*l4 += 8;
		f->fragment = true;
		f->more = frag & 1;
		f->frag_from = frag & 0xfff8;
		f->frag_to = f->frag_from + (*end - *l4);
	}
	return *l4 <= *end;
}

static void read_tcp(struct fields *f, const uint8_t *l4, uint32_t len)
{
	uint32_t header;

	if (len < 20)
		return;
	header = (uint32_t)(l4[12] >> 4) * 4;
	if (header < 20 || header > len)
		return;
	f->seq = sl_get32(l4 + 4);
	f->ack = sl_get32(l4 + 8);
	f->tcp_flags = l4[13];
	f->win = sl_get16(l4 + 14);
	f->urg = sl_get16(l4 + 18);
	f->options_len = header - 20;
	memcpy(f->options, l4 + 20, f->options_len);
	f->payload = l4 + header;
	f->payload_len = len - header;
}

static void read_icmp(struct fields *f, const uint8_t *l4, uint32_t len)
{
	if (len < 8)
		return;
	f->icmp_type = l4[0];
	f->icmp_code = l4[1];
	f->icmp_id = sl_get16(l4 + 4);
	f->icmp_mtu = sl_get16(l4 + 6);
	if (!is_icmp_error(f->family == SL_IPV4, l4[0]))
		f->from.port = f->to.port = f->icmp_id;
	f->payload = l4 + 8;
	f->payload_len = len - 8;
}

void fields_read(struct fields *f, const uint8_t *d, uint32_t len)
{
	uint32_t l4, end;

	*f = (struct fields){0};
	if (!read_ip(f, d, len, &l4, &end))
		return;
	f->valid = true;
	f->from.family = f->to.family = f->family;
	f->payload = d + l4;
	f->payload_len = end - l4;
	if (f->fragment && f->frag_from)
		return;
	if (is_icmp(f->proto)) {
		read_icmp(f, d + l4, end - l4);
		return;
	}
	if (end - l4 >= 4 && (f->proto == SL_PROTO_TCP || f->proto == SL_PROTO_UDP ||
	                             f->proto == SL_PROTO_SCTP || f->proto == SL_PROTO_UDPLITE ||
	                             f->proto == SL_PROTO_DCCP)) {
		f->from.port = sl_get16(d + l4);
		f->to.port = sl_get16(d + l4 + 2);
	}
	if (f->proto == SL_PROTO_TCP)
		read_tcp(f, d + l4, end - l4);
	if (f->proto == SL_PROTO_UDP && end - l4 >= 8) {
		f->payload = d + l4 + 8;
		f->payload_len = end - l4 - 8;
	}
}

const char *fields_sums(const uint8_t *d, uint32_t len)
{
	struct fields f = {0};
	uint32_t l4, end, n, at;

	if (!read_ip(&f, d, len, &l4, &end))
		return NULL;
	if (f.family == SL_IPV4 && sl__sum_fold(sl__sum(d, l4, 0)) != 0xffff)
		return "the IP header's checksum is wrong";
	if (f.fragment)
		return NULL;
	n = end - l4;
	at = f.proto == SL_PROTO_TCP ? 16 : f.proto == SL_PROTO_UDP ? 6 : is_icmp(f.proto) ? 2 : 0;
	if (!at || n < at + 2)
		return NULL;
	if (f.proto == SL_PROTO_UDP && f.family == SL_IPV4 && sl_get16(d + l4 + 6) == 0)
		return NULL;
	if (f.proto == SL_PROTO_UDP && sl_get16(d + l4 + 4) != n)
		return NULL; /* its own length says otherwise */
	return sl__sum_fold(sl__sum(d + l4, n, pseudo(d, f.proto, n))) == 0xffff
	               ? NULL
	               : "a checksum is wrong";
}

const char *fields_text(const struct fields *f, char *out, size_t size)
{
	char a[64], b[64];

	if (!f->valid)
		snprintf(out, size, "no IP packet");
	else if (f->fragment)
		snprintf(out, size, "%s > %s proto %u piece %u-%u%s", endpoint_text(&f->from, a),
		        endpoint_text(&f->to, b), f->proto, f->frag_from, f->frag_to,
		        f->more ? "+" : "");
	else if (is_icmp(f->proto))
		snprintf(out, size, "%s > %s icmp %u/%u", endpoint_text(&f->from, a),
		        endpoint_text(&f->to, b), f->icmp_type, f->icmp_code);
	else if (f->proto == SL_PROTO_TCP)
		snprintf(out, size, "%s > %s tcp flags %02x seq %u ack %u \"%.*s\"",
		        endpoint_text(&f->from, a), endpoint_text(&f->to, b), f->tcp_flags, f->seq,
		        f->ack, (int)f->payload_len, (const char *)f->payload);
	else
		snprintf(out, size, "%s > %s proto %u \"%.*s\"", endpoint_text(&f->from, a),
		        endpoint_text(&f->to, b), f->proto, (int)f->payload_len,
		        (const char *)f->payload);
	return out;
}
