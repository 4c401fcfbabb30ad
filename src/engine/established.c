/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The short path: a TCP or UDP packet of an established connection that no chain, no helper and no
 * trace wants to see, from its first byte to its verdict. Nearly every packet is one, and what it
 * costs is mostly waiting for memory; so packets are worked on in groups, in three passes:
 *
 *	1. sl__foresee: look at the headers, hash the tuple, ask for the bucket of the index
 *	2.              look at the bucket, ask for the conn's cache lines
 *	3. sl__established: the work, packet by packet, in their order
 *
 * While one line is on its way the others are asked for: a group waits about once where a packet by
 * itself waits three times. This is the only place where packets are looked at before their turn.
 *
 * Order. The first two passes change nothing and decide nothing: they remember where to look. A
 * packet may change the table before the next one's turn, so what was remembered holds only while
 * table.changes stands still; else it is looked up again.
 *
 * What the short path does not know it does not touch: sl__established() says so, having changed
 * nothing, and the packet goes the long way (input.c), which does the same for every
 *packet, only slower. So each condition here may be stricter than needed, never looser, and what is
 *done here for a packet must be what is done there. tests/unit/established.c holds them together.
 */
#include "engine/engine.h"

#include <string.h>

#include "base/checksum.h"
#include "base/prefetch.h"
#include "base/wire.h"
#include "track/tcp.h"

enum { IPV4_HEADER = 20, IPV6_HEADER = 40, UDP_HEADER = 8, TCP_HEADER = 20 };

/* A conn with any of these flags takes the long way. */
#define LONG_WAY                                                                                   \
	(SL_CONN_UNREPLIED | SL_CONN_WATCHED | SL_CONN_EDITED | SL_CONN_OFFLOADED | SL_CONN_LIBERAL)

static inline bool is_ipv6(const struct sl_glance *g)
{
	return g->l4 == IPV6_HEADER;
}

/* ---- pass 1: the headers -------------------------------------------------------------------- */

/* Lengths as parse.c wants them, and the hash of what it makes of the tuple (sl__tuple_hash). */

static inline bool transport_fits(const uint8_t *l4, uint32_t room, uint8_t proto)
{
	uint32_t length;

	if (proto == SL_PROTO_UDP) {
		length = room < UDP_HEADER ? 0 : sl_get16(l4 + 4);
		return length >= UDP_HEADER && length <= room;
	}
	length = proto != SL_PROTO_TCP || room < TCP_HEADER ? 0 : (uint32_t)(l4[12] >> 4) * 4;
	return length >= TCP_HEADER && length <= room;
}

static inline bool glance_ipv4(
        const struct sl_track *t, const struct sl_packet *p, struct sl_glance *g)
{
	const uint8_t *d = p->data;
	uint32_t w[4];

	if (p->len < IPV4_HEADER + UDP_HEADER || d[0] != 0x45 || sl_get16(d + 6) & 0x3fff)
		return false; /* options, fragments */
	g->len = sl_get16(d + 2);
	g->proto = d[9];
	if (g->len > p->len || g->len < IPV4_HEADER ||
	        !transport_fits(d + IPV4_HEADER, g->len - IPV4_HEADER, g->proto))
		return false;
	w[0] = sl_get32(d + 12);
	w[1] = sl_get32(d + 16);
	w[2] = g->ports = sl_get32(d + IPV4_HEADER);
	w[3] = sl__hash_rest(p->zone, SL_IPV4, g->proto);
	g->hash = sl__hash_words(&t->index_key, w, 4);
	g->l4 = IPV4_HEADER;
	return true;
}

static inline bool glance_ipv6(
        const struct sl_track *t, const struct sl_packet *p, struct sl_glance *g)
{
	const uint8_t *d = p->data;
	uint32_t w[10];

	if (p->len < IPV6_HEADER + UDP_HEADER)
		return false;
	g->len = IPV6_HEADER + (uint32_t)sl_get16(d + 4);
	g->proto = d[6]; /* no extension headers */
	if (g->len > p->len || !transport_fits(d + IPV6_HEADER, g->len - IPV6_HEADER, g->proto))
		return false;
	for (unsigned i = 0; i < 8; i++)
		w[i] = sl_get32(d + 8 + i * 4);
	w[8] = g->ports = sl_get32(d + IPV6_HEADER);
	w[9] = sl__hash_rest(p->zone, SL_IPV6, g->proto);
	g->hash = sl__hash_words(&t->index_key, w, 10);
	g->l4 = IPV6_HEADER;
	return true;
}

static inline bool glance(struct sl_engine *e, struct sl_packet *p, struct sl_glance *g)
{
	if (p->from != SL_FROM_WIRE || !p->len ||
	        (e->env.contiguous && !e->env.contiguous(e->env.ctx, p, p->len)))
		return false;
	if (p->data[0] >> 4 == 4)
		return glance_ipv4(&e->track, p, g);
	return p->data[0] >> 4 == 6 && glance_ipv6(&e->track, p, g);
}

/* ---- pass 2: the index ----------------------------------------------------------------------- */

static inline const struct sl_bucket *bucket_of(const struct sl_table *table, uint64_t hash)
{
	return sl__table_at(table, sl__table_bucket(table, hash));
}

static inline uint32_t look_up(const struct sl_table *table, uint64_t hash)
{
	return sl__table_first(table, bucket_of(table, hash), sl__table_tag(hash));
}

/*
 * A packet that no conn has may open one, and then the bucket of its answers' tuple is needed.
 * Where they will go is not decided yet; the guess is: to the same address as those of the conn
 * before it, and to the port that the packet came from. A wrong guess costs one useless prefetch.
 */
static inline void guess_answers(
        struct sl_engine *e, const struct sl_packet *p, const struct sl_glance *g)
{
	const struct sl_track *t = &e->track;
	const uint8_t *d = p->data, *likely = e->likely[is_ipv6(g)];
	uint32_t w[10], ports = g->ports << 16 | g->ports >> 16;
	uint64_t hash;

	if (is_ipv6(g)) {
		for (unsigned i = 0; i < 4; i++) {
			w[i] = sl_get32(d + 24 + i * 4);
			w[4 + i] = sl_get32(likely + i * 4);
		}
		w[8] = ports;
		w[9] = sl__hash_rest(p->zone, SL_IPV6, g->proto);
		hash = sl__hash_words(&t->index_key, w, 10);
	} else {
		w[0] = sl_get32(d + 16);
		w[1] = sl_get32(likely);
		w[2] = ports;
		w[3] = sl__hash_rest(p->zone, SL_IPV4, g->proto);
		hash = sl__hash_words(&t->index_key, w, 4);
	}
	sl__prefetch(bucket_of(&t->table, hash));
}

void sl__expect_alike(struct sl_engine *e, const struct sl_conn *conn)
{
	bool v6 = sl__conn_is_v6(conn);

	memcpy(e->likely[v6], sl__conn_addr(conn, SL_REPLY, 1), v6 ? 16 : 4);
}

static inline void ask_for_conn(const struct sl_engine *e, const struct sl_glance *g)
{
	const char *conn = (const char *)sl__conn_at(&e->track, g->entry >> 1);

	sl__prefetch(conn);
	if (g->proto == SL_PROTO_TCP)
		sl__prefetch(conn + offsetof(struct sl_conn, link));
	if (is_ipv6(g))
		sl__prefetch(conn + offsetof(struct sl_conn, addr6));
}

/* Three loops and not one: a prefetch that waits for a page's address would hold up what follows
 * it. */
void sl__foresee(struct sl_engine *e, struct sl_packet *p, unsigned n, struct sl_glance *g)
{
	const struct sl_table *table = &e->track.table;

	for (unsigned i = 0; i < n; i++) {
		g[i].entry = 0;
		if (!e->long_way && glance(e, &p[i], &g[i]))
			sl__prefetch(bucket_of(table, g[i].hash));
		else
			g[i].l4 = 0;
	}
	for (unsigned i = 0; i < n; i++)
		if (g[i].l4)
			g[i].entry = look_up(table, g[i].hash);
	for (unsigned i = 0; i < n; i++) {
		if (g[i].entry)
			ask_for_conn(e, &g[i]);
		else if (g[i].l4)
			guess_answers(e, &p[i], &g[i]);
	}
}

/* ---- pass 3: is it as usual? ----------------------------------------------------------------- */

/* Has the conn this packet's tuple in direction dir, and no other? */
static inline bool has_tuple(const struct sl_conn *conn, enum sl_dir dir, const struct sl_packet *p,
        const struct sl_glance *g)
{
	const uint8_t *d = p->data, *addr = sl__conn_addr(conn, dir, 0);
	bool v6 = is_ipv6(g);

	if (((uint32_t)conn->port[dir].sport << 16 | conn->port[dir].dport) != g->ports ||
	        conn->proto != g->proto || sl__conn_is_v6(conn) != v6 ||
	        sl__conn_zone(conn, dir) != p->zone)
		return false;
	/* Source and destination lie side by side in both. */
	if (v6 ? memcmp(addr, d + 8, 32) != 0 : memcmp(addr, d + 12, 8) != 0)
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
static inline const struct sl_known_route *way_out(struct sl_engine *e, const struct sl_conn *conn,
        enum sl_dir dir, const struct sl_packet *p, const struct sl_glance *g)
{
	const struct sl_known_route *known = &e->known.route[conn->route[dir]];
	const uint8_t *d = p->data;
	uint32_t longest = g->len;

	if (!known->live || known->in_if != p->in_if || known->vrf != p->vrf ||
	        known->mark != p->mark)
		return NULL;
	if (e->config.forward_ttl && d[is_ipv6(g) ? 7 : 8] <= 1)
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

/* ---- pass 3: the work ------------------------------------------------------------------------ */

static inline bool track_udp(struct sl_track *t, struct sl_conn *conn)
{
	bool stream = conn->status & SL_ASSURED;

	if (!stream && (int32_t)(t->now_ms - conn->l4.udp.stream_ms) > 0)
		return false; /* it becomes a stream now, and that is news */
	sl__conn_extend(t, conn, sl__timeouts(t, conn)->udp[stream] * 1000);
	return true;
}

static inline bool track(struct sl_track *t, struct sl_conn *conn, enum sl_dir dir,
        const struct sl_packet *p, const struct sl_glance *g)
{
	const uint8_t *l4 = p->data + g->l4;

	if (g->proto == SL_PROTO_UDP)
		return track_udp(t, conn);
	return conn->status & SL_ASSURED &&
	       sl__tcp_usual(t, conn, dir, l4, g->len - g->l4 - (uint32_t)(l4[12] >> 4) * 4);
}

/*
 * The packet now looks like the inverse of the other direction's tuple. `header` is what that adds
 * to the checksum of an IPv4 header, to be completed by the caller.
 */
static inline uint64_t translate(const struct sl_conn *conn, enum sl_dir dir,
        const struct sl_packet *p, const struct sl_glance *g, bool v6)
{
	const unsigned size = v6 ? 16 : 4;
	const uint8_t *other =
	        (v6 ? conn->addr6 : conn->addr4) + (dir == SL_ORIGINAL ? 2 * size : 0);
	uint8_t *at = p->data + (v6 ? 8 : 12), *l4 = p->data + g->l4;
	uint8_t *csum = l4 + (g->proto == SL_PROTO_TCP ? 16 : 6);
	uint64_t addresses = sl__sum_native_gone(at, size / 2, sl__sum_native(other, size / 2, 0)),
	         both;
	uint16_t sum;

	memcpy(at, other + size, size);
	memcpy(at + size, other, size);
	both = sl__sum_native_gone(l4, 1, addresses);
	sl_put32(l4, (uint32_t)conn->port[!dir].dport << 16 | conn->port[!dir].sport);
	both = sl__sum_native(l4, 1, both);
	/* A partial one holds the sum of the pseudo-header, not its complement. */
	if (p->csum == SL_CSUM_PARTIAL) {
		memcpy(&sum, csum, 2);
		sum = sl__sum_native_fold(addresses + sum);
		memcpy(csum, &sum, 2);
	} else if (g->proto == SL_PROTO_TCP || v6 || csum[0] || csum[1]) { /* UDP's 0 is none */
		sl__csum_native_add(csum, both);
		if (g->proto == SL_PROTO_UDP && !csum[0] && !csum[1])
			csum[0] = csum[1] = 0xff;
	}
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

static inline void rewrite(struct sl_engine *e, const struct sl_conn *conn, enum sl_dir dir,
        struct sl_packet *p, const struct sl_glance *g)
{
	uint8_t *d = p->data;
	uint64_t header = 0;

	p->altered = (conn->status & (SL_SRC_NAT | SL_DST_NAT)) != 0;
	if (is_ipv6(g)) {
		if (p->altered)
			translate(conn, dir, p, g, true);
		d[7] = (uint8_t)(d[7] - e->config.forward_ttl);
		return;
	}
	if (p->altered)
		header = translate(conn, dir, p, g, false);
	if (e->config.forward_ttl)
		header += count_hop(d + 8);
	if (header)
		sl__csum_native_add(d + 10, header);
}

static inline void accept(struct sl_engine *e, struct sl_conn *conn, enum sl_dir dir,
        struct sl_packet *p, const struct sl_known_route *way)
{
	p->verdict = SL_ACCEPT;
	p->to = SL_TO_FORWARD;
	p->state = SL_CT_ESTABLISHED;
	p->dir = (uint8_t)dir;
	p->reason = SL_WHY_NONE;
	p->mtu = way->answer.mtu;
	p->beyond = SL_BEYOND_NONE;
	if (conn->ext && p->altered) /* as helpers.c has it: where it shows */
		p->beyond = (uint8_t)sl__conn_beyond(&e->track, conn);
	p->out_if = way->answer.out_if;
	p->conn = conn;
	e->track.stats.packets++;
	e->track.stats.verdicts[SL_ACCEPT]++;
}

enum sl_short sl__established(
        struct sl_engine *e, struct sl_packet *p, const struct sl_glance *g, uint32_t changes)
{
	struct sl_track *t = &e->track;
	uint32_t entry = t->table.changes == changes ? g->entry : look_up(&t->table, g->hash);
	const struct sl_known_route *way;
	struct sl_conn *conn;
	enum sl_dir dir;

	if (!entry) /* while the index moves, it may be in the other table */
		return t->moving ? SL_SHORT_NO : SL_SHORT_STRANGER;
	conn = sl__conn_at(t, entry >> 1);
	dir = (enum sl_dir)(entry & 1);
	if (!has_tuple(conn, dir, p, g) || !is_open(t, conn))
		return SL_SHORT_NO;
	way = way_out(e, conn, dir, p, g);
	if (!way || (t->set.checksum && p->csum == SL_CSUM_NONE && !checksums_right(p, g)))
		return SL_SHORT_NO;
	if (!track(t, conn, dir, p, g))
		return SL_SHORT_NO;
	sl__conn_count_one(t, conn, dir, g->len);
	rewrite(e, conn, dir, p, g);
	accept(e, conn, dir, p, way);
	t->stats.bytes += g->len;
	return SL_SHORT_DONE;
}
