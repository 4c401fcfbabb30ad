/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which mapping a conn gets: address, then port, then the proof that nobody else has it.
 *
 * The port stays what it is when it is in the range and free. Else another is taken from the
 * range of the rule; without one, from the same class (1-511, 600-1023, 1024-65535), because
 * some servers trust low ports. The search goes from one unpredictable port to another, as taken
 * ports tend to stand together, and skips what its pool knows to be taken (pool.h): PROBES steps at
 * most, whatever the crowd. So while a crowd's pool still learns, a search may end although some
 * port is free; it has then taught the pool PROBES ports, and soon all are known. A destination's
 * search goes from the first port of its range on, as in Linux.
 */
#include "nat/nat.h"

#include <string.h>

#include "base/wire.h"
#include "nat/moved.h"

#define PROBES      256 /* Linux looks at 240 ports, and then gives up */
#define REUSE_LOOKS 16  /* at ports that are taken by connections which may be over */

/* In tuple order: the values that a port or id may take. */
struct port_range {
	uint16_t min, max;
};

void sl__nat_init(struct sl_nat *nat, const struct sl_mem *mem)
{
	sl__pools_init(&nat->pools, mem);
}

void sl__nat_fini(struct sl_nat *nat)
{
	sl__pools_fini(&nat->pools);
}

/* ---- the address ----------------------------------------------------------------------------- */

static int addr_cmp(const struct sl_addr *a, const struct sl_addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

/* Host bits of addr, the rest of the prefix that min and max differ in nothing but host bits of. */
static struct sl_addr netmap(const struct sl_addr *addr, const struct sl_nat_range *range)
{
	struct sl_addr out;

	for (unsigned i = 0; i < 16; i++) {
		uint8_t host = range->min_addr.b[i] ^ range->max_addr.b[i];

		out.b[i] = (uint8_t)((addr->b[i] & host) | (range->min_addr.b[i] & ~host));
	}
	return out;
}

/* One of min..max (which differ in their last 8 bytes only), by a keyed hash of who asks. */
static struct sl_addr pick(
        struct sl_track *t, const struct sl_tuple *tuple, const struct sl_nat_range *range)
{
	uint64_t low = sl_get64(range->min_addr.b + 8),
	         span = sl_get64(range->max_addr.b + 8) - low + 1;
	struct sl_addr out = range->min_addr;
	uint32_t w[8];
	uint64_t hash;

	for (unsigned i = 0; i < 4; i++) {
		w[i] = sl_get32(tuple->src.b + i * 4);
		w[4 + i] = range->flags & SL_NAT_PERSISTENT ? 0 : sl_get32(tuple->dst.b + i * 4);
	}
	hash = sl__hash_words(&t->key, w, 8);
	sl_put64(out.b + 8, low + (span ? hash % span : hash));
	return out;
}

static struct sl_addr choose_addr(struct sl_track *t, const struct sl_tuple *tuple,
        const struct sl_nat_range *range, enum sl_manip manip)
{
	const struct sl_addr *now = manip == SL_MANIP_SRC ? &tuple->src : &tuple->dst;

	if (!(range->flags & SL_NAT_MAP_ADDR))
		return *now;
	if (range->flags & SL_NAT_NETMAP)
		return netmap(now, range);
	if (addr_cmp(&range->min_addr, &range->max_addr) == 0)
		return range->min_addr;
	return pick(t, tuple, range);
}

/* ---- the port -------------------------------------------------------------------------------- */

static bool is_icmp(const struct sl_tuple *tuple)
{
	return tuple->proto == SL_PROTO_ICMP || tuple->proto == SL_PROTO_ICMPV6;
}

static bool has_ports(uint8_t proto)
{
	return proto == SL_PROTO_TCP || proto == SL_PROTO_UDP || proto == SL_PROTO_UDPLITE ||
	       proto == SL_PROTO_SCTP;
}

/* The member that may change. An ICMP id is the source's. */
static uint16_t *port_of(struct sl_tuple *tuple, enum sl_manip manip)
{
	return manip == SL_MANIP_SRC || is_icmp(tuple) ? &tuple->sport : &tuple->dport;
}

/* False: the port of this packet may not be changed at all. */
static bool allowed(const struct sl_tuple *tuple, uint16_t port, const struct sl_nat_range *range,
        enum sl_manip manip, struct port_range *out)
{
	if (range->flags & SL_NAT_MAP_PORT) {
		out->min = range->min_port <= range->max_port ? range->min_port : range->max_port;
		out->max = range->min_port <= range->max_port ? range->max_port : range->min_port;
		return true;
	}
	if (is_icmp(tuple)) {
		*out = (struct port_range){0, 65535};
		return true;
	}
	if (!has_ports(tuple->proto) || manip == SL_MANIP_DST)
		return false;
	if (port < 512)
		*out = (struct port_range){1, 511};
	else if (port < 1024)
		*out = (struct port_range){600, 1023};
	else
		*out = (struct port_range){1024, 65535};
	return true;
}

/* Must the port be one of this shard's? Answers to a public address come to its port's owner. */
static bool is_sliced(const struct sl_track *t, const struct sl_tuple *now,
        const struct sl_tuple *tuple, enum sl_manip manip)
{
	bool local = t->packet && t->packet->from == SL_FROM_LOCAL;

	return t->shards > 1 && manip == SL_MANIP_SRC &&
	       (has_ports(tuple->proto) || is_icmp(tuple)) &&
	       (local || addr_cmp(&now->src, &tuple->src) != 0);
}

/* sliced: only if it is also this shard's. */
static bool is_free(
        struct sl_track *t, const struct sl_conn *conn, const struct sl_tuple *tuple, bool sliced)
{
	struct sl_tuple reply;
	enum sl_dir dir;

	if (!sl__tuple_invert(tuple, &reply) || (sliced && !sl__port_is_ours(t, tuple->sport)))
		return false;
	return !sl__conn_find(t, &reply, sl__conn_zone(conn, SL_REPLY), &dir);
}

static uint16_t first_port(struct sl_track *t, uint16_t now, const struct port_range *ports,
        const struct sl_nat_range *range, enum sl_manip manip)
{
	uint32_t size = (uint32_t)ports->max - ports->min + 1;

	if (range->flags & SL_NAT_PORT_OFFSET)
		return (uint16_t)(ports->min + (uint16_t)(now - range->base_port) % size);
	if (manip == SL_MANIP_DST && !(range->flags & (SL_NAT_FULLY_RANDOM | SL_NAT_RANDOM)))
		return ports->min;
	return (uint16_t)(ports->min + sl__random_below(&t->random, size));
}

/* The first port of ours at or behind *port, round the end of the range. False: it has none. */
static bool to_own_slice(const struct sl_track *t, const struct port_range *ports, uint16_t *port)
{
	uint32_t at = *port;

	for (unsigned round = 0; round < 2; round++, at = ports->min) {
		uint32_t slice = at >> 6,
		         ahead = (t->shard + t->shards - slice % t->shards) % t->shards;

		if (ahead)
			at = (slice + ahead) << 6;
		if (at <= ports->max) {
			*port = (uint16_t)at;
			return true;
		}
	}
	return false;
}

/* Where to look after `candidate` was found taken. */
static uint16_t next_port(struct sl_track *t, uint16_t candidate, const struct port_range *ports,
        const struct sl_nat_range *range, enum sl_manip manip)
{
	if (manip == SL_MANIP_SRC && !(range->flags & SL_NAT_PORT_OFFSET))
		return first_port(t, candidate, ports, range, manip);
	return candidate == ports->max ? ports->min : (uint16_t)(candidate + 1);
}

/* How many known ports lie between the two, going up from `from` and round the end. */
static uint32_t skipped(const struct port_range *ports, uint16_t from, uint16_t to)
{
	return to >= from ? (uint32_t)to - from : (uint32_t)ports->max - from + 1 + to - ports->min;
}

/*
 * May `old`, which is over, make way for `conn`? Only for a SYN whose numbers lie ahead of what old
 * sent: for the server, too, that is a new connection then (RFC 9293 3.6.1). As in Linux.
 */
static bool makes_way(const struct sl_conn *old, enum sl_dir dir, const struct sl_conn *conn)
{
	return dir == SL_REPLY && old->status & SL_SRC_NAT &&
	       !(old->status & (SL_FIXED_TIMEOUT | SL_DYING)) &&
	       (old->state == SL_TCP_TIME_WAIT || old->state == SL_TCP_CLOSE) &&
	       (int32_t)(conn->l4.tcp.end[SL_ORIGINAL] - old->l4.tcp.end[SL_ORIGINAL]) > 0;
}

/* No port is free: one of a few that belong to connections which are over will do. */
static bool reuse(struct sl_track *t, const struct sl_conn *conn, struct sl_tuple *tuple,
        const struct port_range *ports, const struct sl_nat_range *range, enum sl_manip manip,
        bool sliced)
{
	struct sl_tuple reply;
	struct sl_conn *old;
	enum sl_dir dir;

	if (manip != SL_MANIP_SRC || conn->proto != SL_PROTO_TCP || conn->state != SL_TCP_SYN_SENT)
		return false;
	for (unsigned n = 0; n < REUSE_LOOKS; n++) {
		tuple->sport = first_port(t, tuple->sport, ports, range, manip);
		if ((sliced && !to_own_slice(t, ports, &tuple->sport)) ||
		        !sl__tuple_invert(tuple, &reply))
			return false;
		old = sl__conn_find(t, &reply, sl__conn_zone(conn, SL_REPLY), &dir);
		if (old && !makes_way(old, dir, conn))
			continue;
		if (old)
			sl__conn_kill(t, old, SL_WHY_PORT_REUSED);
		return true;
	}
	return false;
}

/* Search the range; what is found taken is remembered in the pool. */
static enum sl_reason search(struct sl_track *t, const struct sl_conn *conn, struct sl_tuple *tuple,
        const struct port_range *ports, const struct sl_nat_range *range, enum sl_manip manip,
        bool sliced)
{
	uint16_t *port = port_of(tuple, manip), candidate, from;
	struct sl_pool *pool = NULL;
	struct sl_tuple reply;

	candidate = first_port(t, *port, ports, range, manip);
	if (sliced && !to_own_slice(t, ports, &candidate)) {
		t->nat->wanted = sl__port_owner(ports->min, t->shards);
		if (!sl__has_far_home(tuple))
			return SL_WHY_OTHER_SHARD;
		sliced = false; /* its answers come to us whatever the port */
	}
	if (sl__tuple_invert(tuple, &reply) && manip == SL_MANIP_SRC)
		pool = sl__pool_get(&t->nat->pools, &reply, conn->zone);
	if (pool && sliced)
		sl__pool_keep_slices(pool, t->shards, t->shard);
	for (unsigned n = 0; n < PROBES; n++) {
		from = candidate;
		if (pool && !sl__pool_next(pool, ports->min, ports->max, candidate, &candidate))
			break;
		t->nat->passed += skipped(ports, from, candidate);
		if (sliced)
			to_own_slice(t, ports, &candidate);
		*port = candidate;
		if (is_free(t, conn, tuple, sliced))
			return SL_WHY_NONE;
		if (pool)
			sl__pool_set(pool, candidate);
		t->nat->passed++;
		candidate = next_port(t, candidate, ports, range, manip);
	}
	return reuse(t, conn, tuple, ports, range, manip, sliced) ? SL_WHY_NONE
	                                                          : SL_WHY_NAT_NO_PORT;
}

static bool addr_in_range(const struct sl_tuple *tuple, const struct sl_nat_range *range)
{
	return !(range->flags & SL_NAT_MAP_ADDR) ||
	       (addr_cmp(&tuple->src, &range->min_addr) >= 0 &&
	               addr_cmp(&tuple->src, &range->max_addr) <= 0);
}

static bool port_in_range(
        struct sl_tuple *tuple, const struct sl_nat_range *range, enum sl_manip manip)
{
	uint16_t port = *port_of(tuple, manip);

	return !(range->flags & SL_NAT_MAP_PORT) ||
	       (port >= range->min_port && port <= range->max_port);
}

/* The source was given another port before: the newest such mapping that lies in the range. */
static bool as_moved(struct sl_track *t, const struct sl_conn *conn, struct sl_tuple *tuple,
        const struct sl_nat_range *range)
{
	const struct sl_tuple now = *tuple;

	for (unsigned at = 0; sl__moved_next(t, conn, &at, tuple);) {
		if (addr_in_range(tuple, range) && port_in_range(tuple, range, SL_MANIP_SRC))
			return true;
		*tuple = now;
	}
	return false;
}

/* How the conn's original packets are to look: `tuple` changed at one end, and nobody's yet. */
static enum sl_reason unique(struct sl_track *t, const struct sl_conn *conn, struct sl_tuple *tuple,
        const struct sl_nat_range *range, enum sl_manip manip)
{
	bool keep = !(range->flags & (SL_NAT_FULLY_RANDOM | SL_NAT_RANDOM));
	const struct sl_tuple now = *tuple;
	bool fits = addr_in_range(tuple, range) && port_in_range(tuple, range, manip), sliced;
	struct port_range ports;
	enum sl_reason why;

	if (manip == SL_MANIP_SRC && keep && fits &&
	        is_free(t, conn, tuple, is_sliced(t, &now, tuple, manip)))
		return SL_WHY_NONE; /* it is fine as it is */
	if (manip == SL_MANIP_SRC && keep && !fits && as_moved(t, conn, tuple, range)) {
		if (is_free(t, conn, tuple, is_sliced(t, &now, tuple, manip)))
			return SL_WHY_NONE;
		*tuple = now;
	}
	if (manip == SL_MANIP_SRC)
		tuple->src = choose_addr(t, tuple, range, manip);
	else
		tuple->dst = choose_addr(t, tuple, range, manip);
	sliced = is_sliced(t, &now, tuple, manip);
	if (!allowed(tuple, *port_of(tuple, manip), range, manip, &ports))
		return SL_WHY_NONE; /* source NAT may still make it unique; if not, confirming fails */
	if (keep && !(range->flags & SL_NAT_PORT_OFFSET) && port_in_range(tuple, range, manip) &&
	        is_free(t, conn, tuple, sliced))
		return SL_WHY_NONE;
	why = search(t, conn, tuple, &ports, range, manip, sliced);
	/* A clash that destination NAT cannot solve is left to source NAT, as in Linux. */
	return manip == SL_MANIP_DST && why == SL_WHY_NAT_NO_PORT ? SL_WHY_NONE : why;
}

/* ---- setting up ------------------------------------------------------------------------------ */

/* If its remote is crowded, the pool must know of every port that is given. */
static void tell_pool(struct sl_track *t, const struct sl_conn *conn, bool taken)
{
	struct sl_tuple reply;
	struct sl_pool *pool;

	if (t->nat->pools.count == 0)
		return;
	sl__conn_tuple(conn, SL_REPLY, &reply);
	pool = sl__pool_find(&t->nat->pools, &reply, conn->zone);
	if (!pool)
		return;
	if (taken)
		sl__pool_set(pool, reply.dport);
	else
		sl__pool_clear(pool, reply.dport);
}

enum sl_reason sl__nat_setup(struct sl_track *t, struct sl_conn *conn,
        const struct sl_nat_range *range, enum sl_manip manip)
{
	struct sl_tuple reply, now, wanted;
	enum sl_reason why;

	if (sl__nat_decided(conn, manip))
		return SL_WHY_NONE;
	sl__conn_tuple(conn, SL_REPLY, &reply);
	if (!sl__tuple_invert(&reply, &now))
		return SL_WHY_NOT_NEW;
	wanted = now;
	t->nat->passed = 0;
	why = unique(t, conn, &wanted, range, manip);
	if (why != SL_WHY_NONE)
		return why;
	if (!sl_tuple_eq(&wanted, &now)) {
		if (!sl__tuple_invert(&wanted, &reply))
			return SL_WHY_NOT_NEW;
		sl__conn_set_tuple(conn, SL_REPLY, &reply);
		sl__conn_set_status(conn, manip == SL_MANIP_SRC ? SL_SRC_NAT : SL_DST_NAT);
		tell_pool(t, conn, true);
		if (manip == SL_MANIP_SRC)
			sl__moved_remember(t, conn);
	}
	sl__conn_set_status(conn, manip == SL_MANIP_SRC ? SL_SRC_NAT_DONE : SL_DST_NAT_DONE);
	return SL_WHY_NONE;
}

/* Nothing but an address is asked for, and nothing is known that would ask for another port. */
static bool is_usual(
        const struct sl_track *t, const struct sl_conn *conn, const struct sl_nat_range *range)
{
	return (range->flags & ~(uint32_t)SL_NAT_MASQUERADE) == SL_NAT_MAP_ADDR &&
	       (conn->proto == SL_PROTO_UDP || conn->proto == SL_PROTO_TCP) && t->shards <= 1 &&
	       !t->nat->any_moved && addr_cmp(&range->min_addr, &range->max_addr) == 0 &&
	       !sl__nat_decided(conn, SL_MANIP_SRC);
}

/* The hash of the reply tuple: perhaps it is what was guessed when the packet was seen coming. */
SL_INLINE uint64_t reply_hash(const struct sl_track *t, const struct sl_conn *conn,
        const struct sl_claim *claim, const uint8_t *addr, size_t size)
{
	if (claim->guess && !(conn->status & SL_DST_NAT) && !memcmp(claim->guess, addr, size))
		return claim->hash[SL_REPLY];
	return sl__index_hash(t, conn, SL_REPLY);
}

SL_INLINE bool take_address(struct sl_track *t, struct sl_conn *conn,
        const struct sl_nat_range *range, struct sl_claim *claim, bool v6)
{
	const size_t size = v6 ? 16 : 4;
	uint8_t *at = (v6 ? conn->addr6 : conn->addr4) + 3 * size, was[16];
	struct sl_spot spot;
	uint64_t hash;

	memcpy(was, at, size);
	memcpy(at, range->min_addr.b + 16 - size, size);
	hash = reply_hash(t, conn, claim, at, size);
	spot = sl__table_spot(&t->table, hash);
	if ((t->moving || sl__table_first(&t->table, spot)) &&
	        sl__index_find_like(t, conn, SL_REPLY, hash)) {
		memcpy(at, was, size);
		return false;
	}
	claim->hash[SL_REPLY] = hash;
	claim->spot[SL_REPLY] = spot;
	if (!memcmp(was, at, size))
		return true;
	conn->status |= SL_SRC_NAT;
	tell_pool(t, conn, true);
	return true;
}

bool sl__nat_usual(struct sl_track *t, struct sl_conn *conn, const struct sl_nat_range *range,
        struct sl_claim *claim)
{
	bool done;

	if (!is_usual(t, conn, range))
		return false;
	done = sl__conn_is_v6(conn) ? take_address(t, conn, range, claim, true)
	                            : take_address(t, conn, range, claim, false);
	if (!done)
		return false;
	if (claim->changes != t->table.changes)
		claim->free = 0;
	claim->changes = t->table.changes;
	claim->free |= 1 << SL_REPLY;
	t->nat->passed = 0;
	conn->status |= SL_SRC_NAT_DONE;
	return true;
}

enum sl_reason sl__nat_setup_none(struct sl_track *t, struct sl_conn *conn, enum sl_manip manip)
{
	struct sl_nat_range range = {.flags = SL_NAT_MAP_ADDR};
	struct sl_tuple reply;

	/* No rule and a port that must not change: nothing to choose (see allowed()). */
	if (manip == SL_MANIP_DST && has_ports(conn->proto)) {
		sl__conn_set_status(conn, SL_DST_NAT_DONE);
		return SL_WHY_NONE;
	}
	sl__conn_tuple(conn, SL_REPLY, &reply);
	range.min_addr = range.max_addr = manip == SL_MANIP_SRC ? reply.dst : reply.src;
	return sl__nat_setup(t, conn, &range, manip);
}

enum sl_reason sl__nat_apply(struct sl_track *t, struct sl_conn *conn, enum sl_manip manip,
        const struct sl_addr *addr, uint16_t port)
{
	struct sl_nat_range range = {
	        .flags = SL_NAT_MAP_ADDR, .min_addr = *addr, .max_addr = *addr};

	if (port || conn->proto == SL_PROTO_GRE) { /* 0 is a call id as any other */
		range.flags |= SL_NAT_MAP_PORT;
		range.min_port = range.max_port = port;
	}
	return sl__nat_setup(t, conn, &range, manip);
}

bool sl__nat_master_source(struct sl_track *t, const struct sl_conn *conn,
        const struct sl_expect *expect, struct sl_addr *out)
{
	const struct sl_conn *master = sl__conn_at(t, expect->master);
	struct sl_tuple own, master_own, seen;

	sl__conn_tuple(conn, SL_ORIGINAL, &own);
	sl__conn_tuple(master, (enum sl_dir)expect->more.nat_dir, &master_own);
	sl__conn_tuple(master, !expect->more.nat_dir, &seen);
	*out = seen.dst;
	return sl_addr_eq(&own.src, &master_own.src);
}

enum sl_reason sl__nat_follow_master(
        struct sl_track *t, struct sl_conn *conn, const struct sl_expect *expect)
{
	struct sl_addr source;
	enum sl_reason why = SL_WHY_NONE;

	if (sl__nat_master_source(t, conn, expect, &source))
		why = sl__nat_apply(t, conn, SL_MANIP_SRC, &source, expect->more.from_port);
	if (why != SL_WHY_NONE)
		return why;
	return sl__nat_apply(
	        t, conn, SL_MANIP_DST, &expect->more.saved_addr, expect->more.saved_port);
}

void sl__nat_conn_end(struct sl_track *t, const struct sl_conn *conn)
{
	if (conn->status & SL_SRC_NAT && t->nat)
		tell_pool(t, conn, false);
}
