/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The short path: a TCP or UDP packet of an established connection that no chain, no helper and no
 * trace wants to see, from its first byte to its verdict. Nearly every packet is one, and what it
 * costs is mostly waiting for memory; so packets are worked on in groups, in four passes:
 *
 *	1. sl__foresee_buckets: look at the headers, hash the tuple, ask for the bucket of the index
 *	2. sl__foresee_conns:   look at the bucket, ask for the conn's first cache line
 *	3. sl__foresee_rest:    ask for the lines beside it, of TCP or IPv6
 *	4. sl__established:     the work, packet by packet, in their order
 *
 * The passes follow each other at a distance of a group (input.c): while one group is worked on, what
 * the next three need is on its way. So nobody waits for memory as long as it delivers as fast as the
 * work asks. This is the only place where packets are looked at before their turn.
 *
 * How many at once. A core has only so many lines under way (24 in Zen 4, 10 to 16 elsewhere); what is
 * asked for beyond that is forgotten without a word, and the work then waits for every one of them,
 * one after the other. So groups are small, and the asks of a step spread: buckets and conns, then half
 * of the work, then the rest, whose pages the processor knows by then, and the other half. Groups of 16
 * and all lines of a conn at once took half as long again for a million of TCP's, though nobody asked for
 * more in all. But asks follow each other closely within a pass: those that must first find out where
 * their page is are then under way together.
 *
 * Order. The first three passes change nothing and decide nothing: they remember where to look. A
 * packet may change the table before the next one's turn, so what was remembered holds only while
 * table.changes stands still; else it is looked up again.
 *
 * What the short path does not know it does not touch: sl__established() stops in front of it, and
 * the packet goes the long way (input.c), which does the same for every packet, only slower. So each
 * condition here may be stricter than needed, never looser, and what is done here for a packet must
 * be what is done there. tests/unit/established.c holds them together.
 */
#include "engine/engine.h"

#include <string.h>

#include "base/checksum.h"
#include "base/inline.h"
#include "base/prefetch.h"
#include "base/wire.h"
#include "track/tcp.h"

enum { IPV4_HEADER = 20, IPV6_HEADER = 40, UDP_HEADER = 8, TCP_HEADER = 20 };

/*
 * One text for IPv4 and IPv6, but a code for each: where functions have an argument `v6` it is a
 * constant, and so is every size that follows from it.
 */

/* A conn with any of these flags takes the long way. */
#define LONG_WAY                                                                                   \
	(SL_CONN_UNREPLIED | SL_CONN_WATCHED | SL_CONN_EDITED | SL_CONN_OFFLOADED | SL_CONN_LIBERAL)

static inline bool is_ipv6(const struct sl_glance *g)
{
	return g->l4 == IPV6_HEADER;
}

/* ---- pass 1: the headers --------------------------------------------------------------------- */

/* A length as parse.c wants it? */
SL_INLINE bool transport_fits(const uint8_t *l4, uint32_t room, uint8_t proto)
{
	uint32_t least, length;

	if (proto == SL_PROTO_UDP) {
		least = UDP_HEADER;
		length = room < UDP_HEADER ? 0 : sl_get16(l4 + 4);
	} else {
		least = TCP_HEADER;
		length = proto != SL_PROTO_TCP || room < TCP_HEADER ? 0
		                                                    : (uint32_t)(l4[12] >> 4) * 4;
	}
	return length >= least && length <= room;
}

/* No options, extension headers or fragments; lengths as parse.c wants them; the hash of its tuple. */
SL_INLINE bool glance_at(
        const struct sl_track *t, const struct sl_packet *p, struct sl_glance *g, bool v6)
{
	const uint32_t header = v6 ? IPV6_HEADER : IPV4_HEADER;
	const uint8_t *d = p->data, *l4 = d + header, proto = d[v6 ? 6 : 9];
	uint32_t len = v6 ? header + (uint32_t)sl_get16(d + 4) : sl_get16(d + 2), ports;

	if (!v6 && (d[0] != 0x45 || sl_get16(d + 6) & 0x3fff))
		return false;
	if (len > p->len || len < header || !transport_fits(l4, len - header, proto))
		return false;
	ports = sl_get32(l4);
	g->hash = sl__hash_parts(
	        &t->index_key, d + (v6 ? 8 : 12), d + (v6 ? 24 : 16), ports, p->zone, proto, v6);
	g->ports = ports;
	g->len = len;
	g->proto = proto;
	g->l4 = (uint8_t)header;
	return true;
}

static inline bool glance(struct sl_engine *e, struct sl_packet *p, struct sl_glance *g)
{
	if (p->from != SL_FROM_WIRE || p->len < IPV4_HEADER + UDP_HEADER ||
	        (e->env.contiguous && !e->env.contiguous(e->env.ctx, p, p->len)))
		return false;
	if (p->data[0] >> 4 == 4)
		return glance_at(&e->track, p, g, false);
	return p->data[0] >> 4 == 6 && p->len >= IPV6_HEADER + UDP_HEADER &&
	       glance_at(&e->track, p, g, true);
}

/* ---- pass 2: the index ----------------------------------------------------------------------- */

/* What the index names at a spot. */
static inline void look_at(const struct sl_track *t, struct sl_spot spot, struct sl_glance *g)
{
	uint32_t entry = sl__table_first(&t->table, spot);

	g->conn = entry ? sl__conn_at(t, entry >> 1) : NULL;
	g->dir = entry & 1;
}

/*
 * A packet that no conn has may open one, and then the spot of its answers' tuple is needed. Where
 * they will go is not decided yet; the guess is: to the same address as those of the conn before it,
 * and to the port that the packet came from. A wrong guess costs one useless prefetch.
 */
static inline struct sl_spot guess_answers(
        struct sl_engine *e, const struct sl_packet *p, const struct sl_glance *g)
{
	const uint8_t *d = p->data, *likely = e->likely[is_ipv6(g)];
	uint32_t ports = g->ports << 16 | g->ports >> 16;
	uint64_t hash;

	if (is_ipv6(g))
		hash = sl__hash_parts(
		        &e->track.index_key, d + 24, likely, ports, p->zone, g->proto, true);
	else
		hash = sl__hash_parts(
		        &e->track.index_key, d + 16, likely, ports, p->zone, g->proto, false);
	return sl__table_spot(&e->track.table, hash);
}

void sl__expect_alike(struct sl_engine *e, const struct sl_conn *conn)
{
	bool v6 = sl__conn_is_v6(conn);

	memcpy(e->likely[v6], sl__conn_addr(conn, SL_REPLY, 1), v6 ? 16 : 4);
}

/*
 * Asking is a loop by itself, here and below: an ask that must first find out where its page is holds up
 * what follows it, and the shorter that is, the more of them are under way at once.
 */
void sl__foresee_buckets(
        struct sl_engine *e, struct sl_packet *p, unsigned n, struct sl_ahead *ahead)
{
	struct sl_glance *const first = ahead->glance, *const end = first + n;

	ahead->rekeyed = e->track.rekeyed;
	ahead->changes = e->track.table.changes;
	for (struct sl_glance *g = first; g < end; g++, p++) {
		if (glance(e, p, g)) {
			g->spot = sl__table_spot(&e->track.table, g->hash);
		} else {
			g->l4 = 0;
			g->spot.bucket = NULL;
		}
	}
	for (struct sl_glance *g = first; g < end; g++)
		sl__prefetch(g->spot.bucket);
}

void sl__foresee_conns(
        struct sl_engine *e, const struct sl_packet *p, unsigned n, struct sl_ahead *ahead)
{
	struct sl_glance *const first = ahead->glance, *const end = first + n;
	const struct sl_table *table = &e->track.table;
	bool moved = table->changes != ahead->changes; /* spots too, perhaps */

	ahead->changes = table->changes;
	for (struct sl_glance *g = first; g < end; g++, p++) {
		g->conn = NULL;
		if (!g->l4)
			continue;
		look_at(&e->track, moved ? sl__table_spot(table, g->hash) : g->spot, g);
		if (!g->conn)
			g->spot = guess_answers(e, p, g);
	}
	for (struct sl_glance *g = first; g < end; g++)
		sl__prefetch(g->conn ? (const void *)g->conn : g->spot.bucket);
}

/* ---- pass 3: the rest of the conn ------------------------------------------------------------ */

void sl__foresee_rest(unsigned n, const struct sl_ahead *ahead)
{
	for (const struct sl_glance *g = ahead->glance; g < ahead->glance + n; g++) {
		if (!g->conn)
			continue;
		if (g->proto == SL_PROTO_TCP)
			sl__prefetch(&g->conn->link);
		if (is_ipv6(g))
			sl__prefetch(g->conn->addr6);
	}
}

/* ---- pass 4: is it as usual? ----------------------------------------------------------------- */

SL_INLINE bool equal(const uint8_t *a, const uint8_t *b, unsigned words)
{
	uint64_t x, y, differ = 0;

	for (unsigned i = 0; i < words; i++) {
		memcpy(&x, a + i * 8, 8);
		memcpy(&y, b + i * 8, 8);
		differ |= x ^ y;
	}
	return !differ;
}

/* Has the conn this packet's tuple in direction dir, and no other? */
SL_INLINE bool has_tuple(const struct sl_conn *conn, enum sl_dir dir, const struct sl_packet *p,
        const struct sl_glance *g, bool v6)
{
	const uint8_t *addr = v6 ? conn->addr6 + dir * 32 : conn->addr4 + dir * 8;

	if (((uint32_t)conn->port[dir].sport << 16 | conn->port[dir].dport) != g->ports ||
	        conn->proto != g->proto || sl__conn_is_v6(conn) != v6 ||
	        ((conn->zone | p->zone) && sl__conn_zone(conn, dir) != p->zone))
		return false;
	/* Source and destination lie side by side in both. */
	if (!equal(addr, p->data + (v6 ? 8 : 12), v6 ? 4 : 1))
		return false;
	/* Who talks to himself has one tuple for both directions. */
	return g->ports >> 16 != (g->ports & 0xffff) ||
	       memcmp(addr, addr + (v6 ? 16 : 4), v6 ? 16 : 4) != 0;
}

/* Established, alive, and nobody waits for news of it. */
static inline bool is_open(const struct sl_track *t, const struct sl_conn *conn)
{
	return !(conn->flags & LONG_WAY) &&
	       (conn->status & (SL_SEEN_REPLY | SL_DYING)) == SL_SEEN_REPLY && !conn->pending &&
	       (int32_t)(conn->deadline - t->now_ms) > 0;
}

/* Its way out, if it is a plain one: forwarded, neither too long for it nor too old. */
SL_INLINE const struct sl_known_route *way_out(struct sl_engine *e, const struct sl_conn *conn,
        enum sl_dir dir, const struct sl_packet *p, const struct sl_glance *g, bool v6)
{
	const struct sl_known_route *known = &e->known.route[conn->route[dir]];
	const uint8_t *d = p->data;
	uint32_t longest = g->len;

	if (!known->live || known->in_if != p->in_if || known->vrf != p->vrf ||
	        known->mark != p->mark)
		return NULL;
	if (e->config.forward_ttl && d[v6 ? 7 : 8] <= 1)
		return NULL;
	if (p->gso && p->gso_size) {
		longest = g->l4 + p->gso_size;
		longest +=
		        g->proto == SL_PROTO_TCP ? (uint32_t)(d[g->l4 + 12] >> 4) * 4 : UDP_HEADER;
	}
	return longest <= known->answer.mtu ? known : NULL;
}

/* As sl__parse_checksum() has it. */
static bool checksums_right(const struct sl_packet *p, const struct sl_glance *g)
{
	const uint8_t *d = p->data, *l4 = d + g->l4;
	uint32_t length = g->len - g->l4, sum;

	if (!is_ipv6(g) && sl__sum_native_fold(sl__sum_native(d, IPV4_HEADER / 4, 0)) != 0xffff)
		return false;
	if (g->proto == SL_PROTO_UDP) {
		length = sl_get16(l4 + 4);
		if (!is_ipv6(g) && !sl_get16(l4 + 6))
			return true;
	}
	sum = is_ipv6(g) ? sl__sum_ipv6(d + 8, d + 24, g->proto, length)
	                 : sl__sum_ipv4(d + 12, d + 16, g->proto, length);
	return sl__sum_fold(sl__sum(l4, length, sum)) == 0xffff;
}

/* ---- pass 4: the work ------------------------------------------------------------------------ */

SL_INLINE bool track_udp(struct sl_track *t, struct sl_conn *conn)
{
	bool stream = conn->status & SL_ASSURED;

	if (!stream && (int32_t)(t->now_ms - conn->l4.udp.stream_ms) > 0)
		return false; /* it becomes a stream now, and that is news */
	sl__conn_extend(t, conn, sl__timeouts(t, conn)->udp[stream] * 1000);
	return true;
}

SL_INLINE bool track(struct sl_track *t, struct sl_conn *conn, enum sl_dir dir,
        const struct sl_packet *p, const struct sl_glance *g)
{
	const uint8_t *l4 = p->data + g->l4;

	if (g->proto == SL_PROTO_UDP)
		return track_udp(t, conn);
	return conn->status & SL_ASSURED &&
	       sl__tcp_usual(t, conn, dir, l4, g->len - g->l4 - (uint32_t)(l4[12] >> 4) * 4);
}

/*
 * The packet now looks like the inverse of the other direction's tuple. What that adds to the checksum
 * of an IPv4 header is left to the caller.
 */
SL_INLINE uint64_t translate(const struct sl_conn *conn, enum sl_dir dir, const struct sl_packet *p,
        const struct sl_glance *g, bool v6)
{
	const unsigned size = v6 ? 16 : 4, words = size / 4;
	const uint8_t *other = (v6 ? conn->addr6 : conn->addr4) + 2 * size * !dir;
	uint8_t *at = p->data + (v6 ? 8 : 12), *l4 = p->data + g->l4;
	uint8_t *csum = l4 + (g->proto == SL_PROTO_TCP ? 16 : 6);
	uint64_t sum = sl__sum_native_gone(at, 2 * words, sl__sum_native(other, 2 * words, 0));
	uint16_t addresses = sl__sum_native_fold(sum), was;

	memcpy(at, other + size, size);
	memcpy(at + size, other, size);
	sum = sl__sum_native_gone(l4, 1, addresses);
	sl_put32(l4, (uint32_t)conn->port[!dir].dport << 16 | conn->port[!dir].sport);
	sum = sl__sum_native(l4, 1, sum);
	memcpy(&was, csum, 2);
	/* A partial one holds the sum of the pseudo-header, not its complement. */
	if (p->csum == SL_CSUM_PARTIAL) {
		was = sl__sum_native_fold((uint64_t)addresses + was);
	} else if (was || g->proto == SL_PROTO_TCP || v6) { /* UDP's 0 is none */
		was = (uint16_t)~sl__sum_native_fold(sum + (uint16_t)~was);
		if (!was && g->proto == SL_PROTO_UDP)
			was = 0xffff;
	}
	memcpy(csum, &was, 2);
	return addresses;
}

static inline uint64_t count_hop(uint8_t *ttl)
{
	uint16_t was, is;

	memcpy(&was, ttl, 2);
	ttl[0]--;
	memcpy(&is, ttl, 2);
	return (uint64_t)(uint16_t)~was + is;
}

SL_INLINE void rewrite(struct sl_engine *e, const struct sl_conn *conn, enum sl_dir dir,
        struct sl_packet *p, const struct sl_glance *g, bool v6)
{
	uint8_t *d = p->data;
	uint64_t header = 0;

	p->altered = (conn->status & (SL_SRC_NAT | SL_DST_NAT)) != 0;
	if (p->altered)
		header = translate(conn, dir, p, g, v6);
	if (v6) {
		d[7] = (uint8_t)(d[7] - e->config.forward_ttl);
		return;
	}
	if (e->config.forward_ttl)
		header += count_hop(d + 8);
	if (header)
		sl__csum_native_add(d + 10, header);
}

SL_INLINE void accept(struct sl_engine *e, struct sl_conn *conn, enum sl_dir dir,
        struct sl_packet *p, const struct sl_known_route *way)
{
	p->verdict = SL_ACCEPT;
	p->to = SL_TO_FORWARD;
	p->state = SL_CT_ESTABLISHED;
	p->dir = (uint8_t)dir;
	p->reason = SL_WHY_NONE;
	p->mtu = way->answer.mtu;
	p->beyond = SL_BEYOND_NONE;
	if (sl__conn_beyond_shows(conn)) /* as helpers.c has it */
		p->beyond = (uint8_t)sl__conn_beyond(&e->track, conn);
	p->out_if = way->answer.out_if;
	p->conn = conn;
}

/* One packet, from the proof that it is as usual to its verdict. False: nothing was done. */
SL_INLINE bool pass(struct sl_engine *e, struct sl_packet *p, const struct sl_glance *g, bool v6)
{
	struct sl_track *t = &e->track;
	struct sl_conn *conn = g->conn;
	enum sl_dir dir = (enum sl_dir)g->dir;
	const struct sl_known_route *way;

	if (!has_tuple(conn, dir, p, g, v6) || !is_open(t, conn))
		return false;
	way = way_out(e, conn, dir, p, g, v6);
	if (!way || (t->set.checksum && p->csum == SL_CSUM_NONE && !checksums_right(p, g)))
		return false;
	if (!track(t, conn, dir, p, g))
		return false;
	sl__conn_count_one(t, conn, dir, g->len);
	rewrite(e, conn, dir, p, g, v6);
	accept(e, conn, dir, p, way);
	return true;
}

/* What was foreseen for a packet, if that still holds; else looked up anew, in *fresh. */
static inline const struct sl_glance *still(const struct sl_track *t, const struct sl_ahead *ahead,
        const struct sl_glance *g, struct sl_glance *fresh)
{
	if (t->table.changes == ahead->changes || !g->l4)
		return g;
	*fresh = *g;
	look_at(t, sl__table_spot(&t->table, g->hash), fresh);
	return fresh;
}

unsigned sl__established(struct sl_engine *e, struct sl_packet *p, unsigned i, unsigned n,
        const struct sl_ahead *ahead, bool *stranger)
{
	struct sl_track *t = &e->track;
	const unsigned from = i;
	struct sl_glance fresh;
	uint64_t bytes = 0;

	*stranger = false;
	if (e->long_way || t->rekeyed != ahead->rekeyed) /* or the hashes are old */
		return i;
	for (; i < n; i++) {
		const struct sl_glance *g = still(t, ahead, &ahead->glance[i], &fresh);

		if (!g->conn) {
			*stranger = g->l4 && !t->moving; /* or it may be in the other table */
			break;
		}
		if (!(is_ipv6(g) ? pass(e, &p[i], g, true) : pass(e, &p[i], g, false)))
			break;
		bytes += g->len;
	}
	t->stats.packets += i - from;
	t->stats.verdicts[SL_ACCEPT] += i - from;
	t->stats.bytes += bytes;
	return i;
}
