/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A capture once more, with the packets of a helper's ports as a network might have brought them: TCP
 * segments cut in two, datagrams twice, in another order, or with their end missing.
 */
#include "prog/helper.h"

#include <string.h>

#include <sluice/helper.h>

#include "base/checksum.h"
#include "base/wire.h"

enum { FIN = 1, PSH = 8 };

struct varying {
	const struct sl_helper *helper;
	struct sl_helper_writer *out;
	enum sl_helper_way way;
	uint32_t at;
	bool changed;
	uint8_t kept[65536]; /* a datagram that may change places with the next */
	struct sl_helper_packet waits;
};

static bool is_its_port(const struct sl_helper *h, uint8_t proto, unsigned port)
{
	for (unsigned i = 0; i < SL_HELPER_MATCHES && h->match[i].proto; i++)
		if (h->match[i].proto == proto && h->match[i].port == port)
			return true;
	return false;
}

static bool is_its(const struct sl_helper *h, const struct sl_helper_packet *p)
{
	return p->l4 && p->payload < p->len &&
	       (is_its_port(h, p->proto, sl_get16(p->ip + p->l4)) ||
	               is_its_port(h, p->proto, sl_get16(p->ip + p->l4 + 2)));
}

/* Lengths and checksums right, for what the packet is now. */
static void seal(uint8_t *ip, uint32_t len, const struct sl_helper_packet *p)
{
	bool v6 = ip[0] >> 4 == 6, tcp = p->proto == SL_PROTO_TCP;
	uint32_t l4_len = len - p->l4;
	uint8_t *l4 = ip + p->l4, *sum = l4 + (tcp ? 16 : 6);

	if (v6) {
		sl_put16(ip + 4, (uint16_t)(len - 40));
	} else {
		sl_put16(ip + 2, (uint16_t)len);
		sl_put16(ip + 10, 0);
		sl_put16(ip + 10, sl__csum(sl__sum(ip, (ip[0] & 15u) * 4, 0)));
	}
	if (!tcp)
		sl_put16(l4 + 4, (uint16_t)l4_len);
	sl_put16(sum, 0);
	sl_put16(sum, sl__csum(sl__sum(l4, l4_len,
	                      v6 ? sl__sum_ipv6(ip + 8, ip + 24, p->proto, l4_len)
	                         : sl__sum_ipv4(ip + 12, ip + 16, p->proto, l4_len))));
}

/* The packet with bytes [from, to) of its payload. */
static void write_part(
        const struct varying *v, const struct sl_helper_packet *p, uint32_t from, uint32_t to)
{
	static uint8_t out[65536 + 64];
	uint32_t len = p->payload + to - from;
	uint8_t *l4 = out + p->l4;

	memcpy(out, p->ip, p->payload);
	memcpy(out + p->payload, p->ip + p->payload + from, to - from);
	if (p->proto == SL_PROTO_TCP) {
		sl_put32(l4 + 4, sl_get32(l4 + 4) + from);
		if (p->payload + to != p->len)
			l4[13] &= (uint8_t) ~(FIN | PSH);
	}
	seal(out, len, p);
	sl__helper_write(v->out, p->ts, out, len);
}

static void write_whole(const struct varying *v, const struct sl_helper_packet *p)
{
	sl__helper_write(v->out, p->ts, p->ip, p->len);
}

/* ---- changing places ------------------------------------------------------------------------- */

/* From the same end to the same end. */
static bool same_way(const struct sl_helper_packet *a, const struct sl_helper_packet *b)
{
	bool v6 = a->ip[0] >> 4 == 6;

	return a->proto == b->proto && a->ip[0] >> 4 == b->ip[0] >> 4 &&
	       memcmp(a->ip + (v6 ? 8 : 12), b->ip + (v6 ? 8 : 12), v6 ? 32 : 8) == 0 &&
	       memcmp(a->ip + a->l4, b->ip + b->l4, 4) == 0;
}

static void let_go(struct varying *v)
{
	if (v->waits.ip)
		write_whole(v, &v->waits);
	v->waits.ip = NULL;
}

static void swap(struct varying *v, const struct sl_helper_packet *p)
{
	if (v->waits.ip && same_way(&v->waits, p)) {
		write_whole(v, p);
		let_go(v);
		v->changed = true;
		return;
	}
	let_go(v);
	if (p->len > sizeof(v->kept)) {
		write_whole(v, p);
		return;
	}
	memcpy(v->kept, p->ip, p->len);
	v->waits = *p;
	v->waits.ip = v->kept;
}

/* ---- each packet ----------------------------------------------------------------------------- */

static void vary(struct varying *v, const struct sl_helper_packet *p)
{
	bool tcp = p->proto == SL_PROTO_TCP, its = is_its(v->helper, p);
	uint32_t n = p->len - p->payload;

	if (its && v->way == SL_HELPER_SWAPPED && !tcp) {
		swap(v, p);
		return;
	}
	let_go(v);
	if (its && v->way == SL_HELPER_CUT && tcp && n > v->at) {
		write_part(v, p, 0, v->at);
		write_part(v, p, v->at, n);
	} else if (its && v->way == SL_HELPER_SHORT && !tcp && n > v->at) {
		write_part(v, p, 0, v->at);
	} else if (its && v->way == SL_HELPER_TWICE && !tcp) {
		write_whole(v, p);
		write_whole(v, p);
	} else {
		write_whole(v, p);
		return;
	}
	v->changed = true;
}

bool sl__helper_vary(const char *capture, const struct sl_helper *helper, enum sl_helper_way way,
        uint32_t at, const char *to)
{
	struct sl_helper_capture *c = sl__helper_capture_open(capture);
	static struct varying v;
	struct sl_helper_packet p;

	memset(&v.waits, 0, sizeof(v.waits));
	v.helper = helper;
	v.way = way;
	v.at = at;
	v.changed = way == SL_HELPER_WHOLE;
	v.out = c ? sl__helper_writer_open(to) : NULL;
	while (v.out && sl__helper_capture_next(c, &p))
		vary(&v, &p);
	if (v.out)
		let_go(&v);
	sl__helper_capture_close(c);
	return v.out && sl__helper_writer_close(v.out) && v.changed;
}
