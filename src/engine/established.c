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
#include "track/tcp_usual.h"

enum { IPV4_HEADER = 20, IPV6_HEADER = 40, UDP_HEADER = 8, TCP_HEADER = 20 };

/*
 * One text for IPv4 and IPv6, UDP and TCP, but a code for each: where functions have arguments `v6` and
 * `proto` these are constants, and so is every size and place that follows from them.
 */

/* A conn with any of these flags takes the long way. */
#define LONG_WAY                                                                                   \
	(SL_CONN_UNREPLIED | SL_CONN_WATCHED | SL_CONN_EDITED | SL_CONN_OFFLOADED | SL_CONN_LIBERAL)

static inline bool is_ipv6(const struct sl_glance *g)
{
	return g->l4 == IPV6_HEADER;
}

/* ---- pass 1: the headers --------------------------------------------------------------------- */

/* Lengths as parse.c wants them? The IP packet has `len` bytes and ends within the buffer. */
SL_INLINE bool transport_fits(const uint8_t *l4, uint32_t header, uint32_t len, uint8_t proto)
{
	uint32_t length;

	if (proto == SL_PROTO_UDP) {
		length = sl_get16(l4 + 4); /* there: see glance() */
		return length >= UDP_HEADER && header + length <= len;
	}
	if (proto != SL_PROTO_TCP || len < header + TCP_HEADER)
		return false;
	length = (uint32_t)(l4[12] >> 4) * 4;
	return length >= TCP_HEADER && header + length <= len;
}

/* No options, extension headers or fragments; lengths as parse.c wants them; the hash of its tuple. */
SL_INLINE bool glance_at(
        const struct sl_track *t, const struct sl_packet *p, struct sl_glance *g, bool v6)
{
	const uint32_t header = v6 ? IPV6_HEADER : IPV4_HEADER;
	const uint8_t *d = p->data, *l4 = d + header, proto = d[v6 ? 6 : 9];
	uint32_t len = v6 ? header + (uint32_t)sl_get16(d + 4) : sl_get16(d + 2), ports;

	if (!v6 && sl_get16(d + 6) & 0x3fff)
		return false;
	if (len > p->len || !transport_fits(l4, header, len, proto))
		return false;
	ports = sl_get32(l4);
	g->hash = sl__hash_parts(
	        &t->index_key, d + (v6 ? 8 : 12), d + (v6 ? 24 : 16), ports, p->zone, proto, v6);
	g->ports = ports << 16 | ports >> 16;
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
	if (p->data[0] == 0x45)
		return glance_at(&e->track, p, g, false);
	return p->data[0] >> 4 == 6 && p->len >= IPV6_HEADER + UDP_HEADER &&
	       glance_at(&e->track, p, g, true);
}

/* ---- pass 2: the index ----------------------------------------------------------------------- */

/* What the index names at its spot. */
static inline void look_at(const struct sl_track *t, struct sl_glance *g)
{
	uint32_t entry = sl__table_first(&t->table, g->spot);

	g->conn = entry ? sl__conn_at(t, entry >> 1) : NULL;
	g->dir = entry & 1;
}

/*
 * A packet that no conn has may open one, and then the spot of its answers' tuple is needed. Where
 * they will go is not decided yet; the guess is: to the same address as those of the conn before it,
 * and to the port that the packet came from. A wrong guess costs one useless prefetch.
 */
static inline struct sl_spot guess_answers(
        struct sl_engine *e, const struct sl_packet *p, struct sl_glance *g)
{
	const bool v6 = is_ipv6(g);
	const uint8_t *d = p->data, *likely = e->likely[v6];

	if (v6)
		g->answers = sl__hash_parts(
		        &e->track.index_key, d + 24, likely, g->ports, p->zone, g->proto, true);
	else
		g->answers = sl__hash_parts(
		        &e->track.index_key, d + 16, likely, g->ports, p->zone, g->proto, false);
	g->turn = e->likely_turn[v6];
	return sl__table_spot(&e->track.table, g->answers);
}

void sl__expect_alike(struct sl_engine *e, const struct sl_conn *conn)
{
	const bool v6 = sl__conn_is_v6(conn);
	const uint8_t *addr = sl__conn_addr(conn, SL_REPLY, 1);

	if (v6 ? !memcmp(e->likely[1], addr, 16) : !memcmp(e->likely[0], addr, 4))
		return;
	memcpy(e->likely[v6], addr, v6 ? 16 : 4);
	e->likely_turn[v6]++; /* it cannot come round: there are at most four groups on their way */
}

/*
 * Asking is a loop by itself, here and below: an ask that must first find out where its page is holds up
 * what follows it, and the shorter that is, the more of them are under way at once.
 */
void sl__foresee_buckets(
        struct sl_engine *e, struct sl_packet *p, unsigned n, struct sl_ahead *ahead)
{
	struct sl_glance *const first = ahead->glance, *const end = first + n;
	int unlike = 0; /* UDP over IPv4 */

	ahead->rekeyed = e->track.rekeyed;
	ahead->changes = e->track.table.changes;
	for (struct sl_glance *g = first; g < end; g++, p++) {
		if (glance(e, p, g)) {
			g->spot = sl__table_spot(&e->track.table, g->hash);
			unlike |= (g->proto ^ SL_PROTO_UDP) | (g->l4 ^ IPV4_HEADER);
		} else {
			g->l4 = 0;
			g->spot.bucket = NULL;
		}
	}
	ahead->rest = unlike != 0;
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
		g->ask = NULL;
		if (!g->l4)
			continue;
		if (moved)
			g->spot = sl__table_spot(table, g->hash);
		look_at(&e->track, g);
		g->ask = g->conn;
		if (!g->conn)
			g->ask = guess_answers(e, p, g).bucket;
	}
	for (struct sl_glance *g = first; g < end; g++)
		sl__prefetch(g->ask);
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

/* Destination port << 16 | source port, which is how most machines have them in one word. */
static inline uint32_t ports_of(const struct sl_conn *conn, enum sl_dir dir)
{
	return (uint32_t)conn->port[dir].dport << 16 | conn->port[dir].sport;
}

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

/* Status, zone, protocol, flags, state and what is pending, as one word. */
SL_INLINE uint64_t head_of(const struct sl_conn *conn)
{
	uint64_t head;

	static_assert(offsetof(struct sl_conn, deadline) - offsetof(struct sl_conn, status) == 8,
	        "the head of a conn is not one word");
	memcpy(&head, (const char *)conn + offsetof(struct sl_conn, status), 8);
	return head;
}

/* Of this family and protocol, established, alive, and nobody waits for news of it. */
SL_INLINE bool is_open(const struct sl_track *t, const struct sl_conn *conn, bool v6, uint8_t proto)
{
	const bool tcp = proto == SL_PROTO_TCP;
	const struct sl_conn what_matters = {
	        .status = SL_SEEN_REPLY | SL_DYING | SL_FIXED_TIMEOUT | (tcp ? SL_ASSURED : 0),
	        .proto = 0xff,
	        .flags = SL_CONN_IPV6 | LONG_WAY,
	        .state = tcp ? 0xff : 0,
	        .pending = 0xff};
	const struct sl_conn usual = {.status = SL_SEEN_REPLY | (tcp ? SL_ASSURED : 0),
	        .proto = proto,
	        .flags = v6 ? SL_CONN_IPV6 : 0,
	        .state = tcp ? SL_TCP_ESTABLISHED : 0};

	return (head_of(conn) & head_of(&what_matters)) == head_of(&usual) &&
	       (int32_t)(conn->deadline - t->now_ms) > 0;
}

/* Has the conn this packet's tuple in direction dir, and no other? Its family and protocol: is_open(). */
SL_INLINE bool has_tuple(const struct sl_conn *conn, enum sl_dir dir, const struct sl_packet *p,
        const struct sl_glance *g, bool v6)
{
	const uint8_t *addr = v6 ? conn->addr6 + dir * 32 : conn->addr4 + dir * 8;

	if (ports_of(conn, dir) != g->ports ||
	        ((conn->zone | p->zone) && sl__conn_zone(conn, dir) != p->zone))
		return false;
	/* Source and destination lie side by side in both. */
	if (!equal(addr, p->data + (v6 ? 8 : 12), v6 ? 4 : 1))
		return false;
	/* Who talks to himself has one tuple for both directions. */
	return (g->ports << 16 | g->ports >> 16) != g->ports ||
	       memcmp(addr, addr + (v6 ? 16 : 4), v6 ? 16 : 4) != 0;
}

/* Its way out, if it is a plain one: forwarded, neither too long for it nor too old. */
SL_INLINE const struct sl_known_route *way_out(struct sl_engine *e, const struct sl_conn *conn,
        enum sl_dir dir, const struct sl_packet *p, const struct sl_glance *g, bool v6,
        uint8_t proto)
{
	const struct sl_known_route *known = &e->known.route[conn->route[dir]];
	const uint8_t *d = p->data;
	uint32_t longest = g->len;

	if (((known->in_if ^ p->in_if) | (known->vrf ^ p->vrf) | (known->mark ^ p->mark)) != 0 ||
	        !known->live)
		return NULL;
	if (e->config.forward_ttl && d[v6 ? 7 : 8] <= 1)
		return NULL;
	if (p->gso && p->gso_size) {
		longest = g->l4 + p->gso_size;
		longest += proto == SL_PROTO_TCP ? (uint32_t)(d[g->l4 + 12] >> 4) * 4 : UDP_HEADER;
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
        const struct sl_packet *p, const struct sl_glance *g, bool v6, uint8_t proto)
{
	const uint32_t header = v6 ? IPV6_HEADER : IPV4_HEADER;

	if (proto == SL_PROTO_UDP)
		return track_udp(t, conn);
	return sl__tcp_usual(t, conn, dir, p->data + header, g->len - header);
}

/*
 * The addresses of the packet become the inverse of those of the other direction's tuple. What that adds
 * to checksums: up to 33 bits, never 0.
 */
SL_INLINE uint64_t put_addresses(const struct sl_conn *conn, enum sl_dir dir, uint8_t *at, bool v6)
{
	const uint8_t *other = v6 ? conn->addr6 + 32 * !dir : conn->addr4 + 8 * !dir;
	uint64_t were, are;
	uint16_t added;

	if (v6) {
		memcpy(at, other + 16, 16);
		memcpy(at + 16, other, 16);
		added = dir == SL_ORIGINAL ? conn->sum6 : (uint16_t)~conn->sum6;
		return added ? added : 0xffff;
	}
	memcpy(&were, at, 8);
	memcpy(&are, other, 8);
	are = are << 32 | are >> 32;
	memcpy(at, &are, 8);
	are = sl__sum_carry(are, ~were);
	return (are >> 32) + (uint32_t)are;
}

/* The packet becomes the inverse of the other direction's tuple, its transport checksum follows. As above. */
SL_INLINE uint64_t translate(const struct sl_conn *conn, enum sl_dir dir, const struct sl_packet *p,
        bool v6, uint8_t proto)
{
	uint8_t *l4 = p->data + (v6 ? IPV6_HEADER : IPV4_HEADER);
	uint8_t *csum = l4 + (proto == SL_PROTO_TCP ? 16 : 6);
	const uint64_t added = put_addresses(conn, dir, p->data + (v6 ? 8 : 12), v6);
	uint32_t were, are;
	uint16_t was;

	memcpy(&were, l4, 4);
	sl_put32(l4, ports_of(conn, !dir));
	memcpy(&are, l4, 4);
	memcpy(&was, csum, 2);
	/* A partial one holds the sum of the pseudo-header, not its complement. */
	if (p->csum == SL_CSUM_PARTIAL) {
		was = sl__sum_native_fold(added + was);
	} else if (was || proto == SL_PROTO_TCP || v6) { /* UDP's 0 is none */
		was = (uint16_t)~sl__sum_native_fold(added + ~were + are + (uint16_t)~was);
		if (!was && proto == SL_PROTO_UDP)
			was = 0xffff;
	}
	memcpy(csum, &was, 2);
	return added;
}

/* A hop less. What that adds to the header's checksum: the word was t, p and is t - 1, p. */
static inline uint16_t count_hop(uint8_t *ttl)
{
	static const uint8_t less[2] = {0xfe, 0xff};
	uint16_t added;

	ttl[0]--;
	memcpy(&added, less, 2);
	return added;
}

SL_INLINE void rewrite(struct sl_engine *e, const struct sl_conn *conn, enum sl_dir dir,
        struct sl_packet *p, bool v6, uint8_t proto)
{
	uint8_t *d = p->data;
	uint64_t added = 0;
	uint16_t csum;

	p->altered = (conn->status & (SL_SRC_NAT | SL_DST_NAT)) != 0;
	if (p->altered)
		added = translate(conn, dir, p, v6, proto);
	if (v6) {
		d[7] = (uint8_t)(d[7] - e->config.forward_ttl);
		return;
	}
	if (e->config.forward_ttl)
		added += count_hop(d + 8);
	if (!added)
		return;
	memcpy(&csum, d + 10, 2);
	csum = (uint16_t)~sl__sum_native_fold(added + (uint16_t)~csum);
	memcpy(d + 10, &csum, 2);
}

SL_INLINE void accept(struct sl_packet *p, struct sl_conn *conn, enum sl_dir dir,
        const struct sl_known_route *way)
{
	p->verdict = SL_ACCEPT;
	p->to = SL_TO_FORWARD;
	p->state = SL_CT_ESTABLISHED;
	p->dir = (uint8_t)dir;
	p->reason = SL_WHY_NONE;
	p->mtu = way->answer.mtu;
	p->beyond = SL_BEYOND_NONE;
	p->out_if = way->answer.out_if;
	p->conn = conn;
}

/* One packet, from the proof that it is as usual to its verdict. False: nothing was done. */
SL_INLINE bool pass(
        struct sl_engine *e, struct sl_packet *p, const struct sl_glance *g, bool v6, uint8_t proto)
{
	struct sl_track *t = &e->track;
	struct sl_conn *conn = g->conn;
	enum sl_dir dir = (enum sl_dir)g->dir;
	const struct sl_known_route *way;

	if (!is_open(t, conn, v6, proto) || !has_tuple(conn, dir, p, g, v6))
		return false;
	way = way_out(e, conn, dir, p, g, v6, proto);
	if (!way || (t->set.checksum && p->csum == SL_CSUM_NONE && !checksums_right(p, g)))
		return false;
	if (!track(t, conn, dir, p, g, v6, proto))
		return false;
	sl__conn_count_one(t, conn, dir, g->len);
	rewrite(e, conn, dir, p, v6, proto);
	accept(p, conn, dir, way);
	if (conn->ext && sl__conn_beyond_shows(conn)) /* as helpers.c has it */
		p->beyond = (uint8_t)sl__conn_beyond(t, conn);
	return true;
}

/*
 * Each kind apart: in one function what TCP needs of registers is missing to UDP, which takes 15 per cent
 * longer then.
 */
#define KIND(name, v6, proto)                                                                      \
	SL_APART bool name(struct sl_engine *e, struct sl_packet *p, const struct sl_glance *g)    \
	{                                                                                          \
		return pass(e, p, g, v6, proto);                                                   \
	}
KIND(pass_udp4, false, SL_PROTO_UDP)
KIND(pass_udp6, true, SL_PROTO_UDP)
KIND(pass_tcp4, false, SL_PROTO_TCP)
KIND(pass_tcp6, true, SL_PROTO_TCP)

static inline bool pass_any(struct sl_engine *e, struct sl_packet *p, const struct sl_glance *g)
{
	if (g->proto == SL_PROTO_UDP)
		return is_ipv6(g) ? pass_udp6(e, p, g) : pass_udp4(e, p, g);
	return is_ipv6(g) ? pass_tcp6(e, p, g) : pass_tcp4(e, p, g);
}

unsigned sl__established(struct sl_engine *e, struct sl_packet *p, unsigned i, unsigned n,
        struct sl_ahead *ahead, bool *stranger)
{
	struct sl_track *t = &e->track;
	const bool moved = t->table.changes != ahead->changes;
	const unsigned from = i;
	uint64_t bytes = 0;

	*stranger = false;
	if (e->long_way || t->rekeyed != ahead->rekeyed) /* or the hashes are old */
		return i;
	for (p += i; i < n; i++, p++) {
		struct sl_glance *g = &ahead->glance[i];

		if (moved && g->l4) { /* what was foreseen may hold no longer */
			g->spot = sl__table_spot(&t->table, g->hash);
			look_at(t, g);
		}
		if (!g->conn) {
			*stranger = g->l4 && !t->moving; /* or it may be in the other table */
			break;
		}
		if (!pass_any(e, p, g))
			break;
		bytes += g->len;
	}
	t->stats.packets += i - from;
	t->stats.verdicts[SL_ACCEPT] += i - from;
	t->stats.bytes += bytes;
	return i;
}

bool sl__is_stranger(const struct sl_engine *e, unsigned i, struct sl_ahead *ahead)
{
	const struct sl_track *t = &e->track;
	struct sl_glance *g = &ahead->glance[i];

	if (!g->l4 || e->long_way || t->moving || t->rekeyed != ahead->rekeyed)
		return false;
	g->spot = sl__table_spot(&t->table, g->hash);
	return sl__table_first(&t->table, g->spot) == 0;
}
