/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which mapping a conn gets: a row a rule and what becomes of it; then ports that are scarce, ports
 * of other shards, connections that are over, and those that follow their master.
 * Tests: src/nat/setup.c src/nat/moved.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nat/nat.h"
#include "track_lib.h"

static struct sl_nat nat;

static void begin(struct track_world *w, const struct track_options *o)
{
	track_begin(w, o);
	memset(&nat, 0, sizeof(nat));
	sl__nat_init(&nat, &w->mem);
	w->t.nat = &nat;
}

static void end(struct track_world *w)
{
	sl__nat_fini(&nat);
	track_end(w);
}

static struct sl_addr v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return sl_addr_v4((uint8_t[4]){a, b, c, d});
}

static struct sl_conn *fresh(struct track_world *w, const struct sl_tuple *t)
{
	enum sl_reason why = SL_WHY_NONE;
	struct sl_conn *conn = sl__conn_new(&w->t, t, 0, 0, &why);

	assert_non_null(conn);
	sl__conn_refresh(&w->t, conn, 60000);
	return conn;
}

/* How its original packets leave. */
static struct sl_tuple leaves_as(const struct sl_conn *conn)
{
	struct sl_tuple reply, out;

	sl__conn_tuple(conn, SL_REPLY, &reply);
	assert_true(sl__tuple_invert(&reply, &out));
	return out;
}

/* ---- rules ----------------------------------------------------------------------------------- */

#define PUBLIC 203, 0, 113
static const struct row {
	const char *name;
	uint8_t proto;
	uint16_t sport, dport;
	enum sl_manip manip;
	uint32_t flags;
	uint8_t first, last; /* 203.0.113.FIRST - LAST */
	uint16_t min_port, max_port, base_port;
	/* to become: */
	uint8_t host[2]; /* at least, at most; 0: not translated */
	uint16_t port[2];
} rows[] = {
        {"source: the port stays", 6, 4000, 80, SL_MANIP_SRC, SL_NAT_MAP_ADDR, 1, 1, 0, 0, 0,
                {1, 1}, {4000, 4000}},
        {"source: to a range of ports", 6, 4000, 80, SL_MANIP_SRC,
                SL_NAT_MAP_ADDR | SL_NAT_MAP_PORT, 1, 1, 5000, 5010, 0, {1, 1}, {5000, 5010}},
        {"source: the port lies in the range", 6, 5005, 80, SL_MANIP_SRC,
                SL_NAT_MAP_ADDR | SL_NAT_MAP_PORT, 1, 1, 5000, 5010, 0, {1, 1}, {5005, 5005}},
        {"source: a range from above", 6, 4000, 80, SL_MANIP_SRC, SL_NAT_MAP_ADDR | SL_NAT_MAP_PORT,
                1, 1, 5010, 5000, 0, {1, 1}, {5000, 5010}},
        {"source: fully random", 17, 4000, 80, SL_MANIP_SRC, SL_NAT_MAP_ADDR | SL_NAT_FULLY_RANDOM,
                1, 1, 0, 0, 0, {1, 1}, {1024, 65535}},
        {"source: random, low ports stay low", 17, 300, 80, SL_MANIP_SRC,
                SL_NAT_MAP_ADDR | SL_NAT_RANDOM, 1, 1, 0, 0, 0, {1, 1}, {1, 511}},
        {"source: random, the middle class", 17, 700, 80, SL_MANIP_SRC,
                SL_NAT_MAP_ADDR | SL_NAT_RANDOM, 1, 1, 0, 0, 0, {1, 1}, {600, 1023}},
        {"source: random below 600 goes to the class above", 17, 550, 80, SL_MANIP_SRC,
                SL_NAT_MAP_ADDR | SL_NAT_RANDOM, 1, 1, 0, 0, 0, {1, 1}, {600, 1023}},
        {"source: one of several addresses", 6, 4000, 80, SL_MANIP_SRC, SL_NAT_MAP_ADDR, 4, 7, 0, 0,
                0, {4, 7}, {4000, 4000}},
        {"source: an offset", 6, 4003, 80, SL_MANIP_SRC,
                SL_NAT_MAP_ADDR | SL_NAT_MAP_PORT | SL_NAT_PORT_OFFSET, 1, 1, 6000, 6009, 4000,
                {1, 1}, {6003, 6003}},
        {"source: an ICMP id is a port", 1, 7, SL_TUPLE_ICMP(8, 0), SL_MANIP_SRC,
                SL_NAT_MAP_ADDR | SL_NAT_MAP_PORT, 1, 1, 100, 110, 0, {1, 1}, {100, 110}},
        {"source: no ports to change", 89, 0, 0, SL_MANIP_SRC, SL_NAT_MAP_ADDR, 1, 1, 0, 0, 0,
                {1, 1}, {0, 0}},
        {"source: a prefix onto a prefix", 6, 4000, 80, SL_MANIP_SRC,
                SL_NAT_MAP_ADDR | SL_NAT_NETMAP, 0, 255, 0, 0, 0, {2, 2}, {4000, 4000}},
        {"destination: the port stays", 6, 4000, 80, SL_MANIP_DST, SL_NAT_MAP_ADDR, 5, 5, 0, 0, 0,
                {5, 5}, {80, 80}},
        {"destination: another port", 6, 4000, 80, SL_MANIP_DST, SL_NAT_MAP_ADDR | SL_NAT_MAP_PORT,
                5, 5, 8080, 8080, 0, {5, 5}, {8080, 8080}},
        {"destination: a range of ports by the port", 6, 4000, 8003, SL_MANIP_DST,
                SL_NAT_MAP_ADDR | SL_NAT_MAP_PORT | SL_NAT_PORT_OFFSET, 5, 5, 9000, 9009, 8000,
                {5, 5}, {9003, 9003}},
        {"destination: a prefix onto a prefix", 6, 4000, 80, SL_MANIP_DST,
                SL_NAT_MAP_ADDR | SL_NAT_NETMAP, 0, 255, 0, 0, 0, {9, 9}, {80, 80}},
        {"destination: only the port", 6, 4000, 80, SL_MANIP_DST, SL_NAT_MAP_PORT, 0, 0, 8080, 8080,
                0, {0, 0}, {8080, 8080}},
        {"nothing", 6, 4000, 80, SL_MANIP_SRC, 0, 0, 0, 0, 0, 0, {0, 0}, {4000, 4000}},
};

static void each_rule(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct sl_tuple t = host_tuple(r->proto, 2, r->sport, 9, r->dport), out;
		struct sl_nat_range range = {.flags = r->flags,
		        .min_addr = v4(PUBLIC, r->first),
		        .max_addr = v4(PUBLIC, r->last),
		        .min_port = r->min_port,
		        .max_port = r->max_port,
		        .base_port = r->base_port};
		bool src = r->manip == SL_MANIP_SRC;
		const struct sl_addr *end_addr = src ? &out.src : &out.dst;
		uint16_t port;
		struct track_world w;
		struct sl_conn *conn;
		bool moved;

		begin(&w, &(struct track_options){0});
		conn = fresh(&w, &t);
		assert_int_equal(sl__nat_setup(&w.t, conn, &range, r->manip), SL_WHY_NONE);
		assert_true(sl__nat_decided(conn, r->manip));
		assert_false(sl__nat_decided(conn, src ? SL_MANIP_DST : SL_MANIP_SRC));
		out = leaves_as(conn);
		port = src ? out.sport : out.dport;
		if (r->host[0] &&
		        (memcmp(end_addr->b + 12, (uint8_t[]){PUBLIC}, 3) != 0 ||
		                end_addr->b[15] < r->host[0] || end_addr->b[15] > r->host[1]))
			fail_msg("%s: to host %u", r->name, end_addr->b[15]);
		if (!r->host[0])
			assert_true(sl_addr_eq(end_addr, src ? &t.src : &t.dst));
		if (port < r->port[0] || port > r->port[1])
			fail_msg("%s: to port %u", r->name, port);
		assert_true(sl_addr_eq(src ? &out.dst : &out.src, src ? &t.dst : &t.src));
		moved = !sl_tuple_eq(&out, &t);
		assert_int_equal(!!(conn->status & (src ? SL_SRC_NAT : SL_DST_NAT)), moved);
		/* Decided once: another rule changes nothing. */
		range.min_addr = range.max_addr = v4(1, 2, 3, 4);
		range.flags |= SL_NAT_MAP_ADDR;
		assert_int_equal(sl__nat_setup(&w.t, conn, &range, r->manip), SL_WHY_NONE);
		{
			struct sl_tuple same = leaves_as(conn);

			assert_true(sl_tuple_eq(&same, &out));
		}
		assert_int_equal(sl__conn_confirm(&w.t, conn), SL_WHY_NONE);
		end(&w);
	}
}

/* One client, many remotes: `persistent` gives it one address, without it there are several. */
static void persistent(void **unused)
{
	(void)unused;
	for (unsigned keeps = 0; keeps < 2; keeps++) {
		struct sl_nat_range range = {
		        .flags = SL_NAT_MAP_ADDR | (keeps ? SL_NAT_PERSISTENT : 0),
		        .min_addr = v4(PUBLIC, 1),
		        .max_addr = v4(PUBLIC, 250)};
		struct track_world w;
		unsigned others = 0;
		uint8_t first = 0;

		begin(&w, &(struct track_options){0});
		for (uint8_t i = 1; i < 40; i++) {
			struct sl_tuple t = host_tuple(6, 2, 4000, i, 80);
			struct sl_conn *conn = fresh(&w, &t);
			uint8_t host;

			assert_int_equal(
			        sl__nat_setup(&w.t, conn, &range, SL_MANIP_SRC), SL_WHY_NONE);
			host = leaves_as(conn).src.b[15];
			first = first ? first : host;
			others += host != first;
			sl__conn_drop(&w.t, conn);
		}
		assert_int_equal(others > 0, !keeps);
		end(&w);
	}
}

/* ---- ports are scarce ------------------------------------------------------------------------ */

/* Each reply tuple is somebody's alone; with all ports given the next is refused, and freed ones come back. */
static void until_none_is_left(void **unused)
{
	enum { PORTS = 40 };
	struct sl_nat_range range = {.flags = SL_NAT_MAP_ADDR | SL_NAT_MAP_PORT,
	        .min_addr = v4(PUBLIC, 1),
	        .max_addr = v4(PUBLIC, 1),
	        .min_port = 5000,
	        .max_port = 5000 + PORTS - 1};
	struct sl_conn *conn[PORTS], *more;
	struct sl_tuple t = host_tuple(17, 3, 999, 9, 53),
	                elsewhere = host_tuple(17, 3, 999, 8, 53);
	struct track_world w;
	bool seen[PORTS] = {false};
	uint16_t freed;

	(void)unused;
	begin(&w, &(struct track_options){0});
	for (uint16_t i = 0; i < PORTS; i++) {
		struct sl_tuple own = host_tuple(17, 2, (uint16_t)(2000 + i), 9, 53);

		conn[i] = fresh(&w, &own);
		assert_int_equal(sl__nat_setup(&w.t, conn[i], &range, SL_MANIP_SRC), SL_WHY_NONE);
		assert_int_equal(sl__conn_confirm(&w.t, conn[i]), SL_WHY_NONE);
		assert_in_range(leaves_as(conn[i]).sport, 5000, 5000 + PORTS - 1);
		assert_false(seen[leaves_as(conn[i]).sport - 5000]);
		seen[leaves_as(conn[i]).sport - 5000] = true;
	}
	more = fresh(&w, &t);
	assert_int_equal(sl__nat_setup(&w.t, more, &range, SL_MANIP_SRC), SL_WHY_NAT_NO_PORT);
	assert_false(sl__nat_decided(more, SL_MANIP_SRC));
	freed = leaves_as(conn[7]).sport;
	sl__nat_conn_end(&w.t, conn[7]);
	sl__conn_kill(&w.t, conn[7], SL_WHY_FLUSHED);
	assert_int_equal(sl__nat_setup(&w.t, more, &range, SL_MANIP_SRC), SL_WHY_NONE);
	assert_int_equal(leaves_as(more).sport, freed);
	assert_int_equal(sl__conn_confirm(&w.t, more), SL_WHY_NONE);
	/* A port is taken for its remote only. */
	more = fresh(&w, &elsewhere);
	assert_int_equal(sl__nat_setup(&w.t, more, &range, SL_MANIP_SRC), SL_WHY_NONE);
	sl__conn_drop(&w.t, more);
	end(&w);
}

/* A source keeps what it was given, towards other remotes too. */
static void the_same_port_elsewhere(void **unused)
{
	struct sl_nat_range range = {
	        .flags = SL_NAT_MAP_ADDR, .min_addr = v4(PUBLIC, 1), .max_addr = v4(PUBLIC, 1)};
	struct sl_tuple first = host_tuple(17, 2, 4000, 9, 53),
	                second = host_tuple(17, 3, 4000, 9, 53),
	                third = host_tuple(17, 3, 4000, 8, 53),
	                fourth = host_tuple(17, 3, 4000, 7, 53),
	                clash = host_tuple(17, 3, 4000, 6, 53);
	struct sl_nat_range own = {.flags = SL_NAT_MAP_PORT, .min_port = 4001, .max_port = 4001};
	struct sl_nat_range same = {.flags = SL_NAT_MAP_ADDR | SL_NAT_MAP_PORT,
	        .min_addr = v4(PUBLIC, 1),
	        .max_addr = v4(PUBLIC, 1),
	        .min_port = 4000,
	        .max_port = 4000};
	struct sl_conn *conn[4];
	struct track_world w;

	(void)unused;
	begin(&w, &(struct track_options){0});
	conn[0] = fresh(&w, &first);
	sl__nat_setup(&w.t, conn[0], &range, SL_MANIP_SRC);
	sl__conn_confirm(&w.t, conn[0]);
	conn[1] = fresh(&w, &second); /* cannot keep 4000 */
	sl__nat_setup(&w.t, conn[1], &range, SL_MANIP_SRC);
	sl__conn_confirm(&w.t, conn[1]);
	assert_int_not_equal(leaves_as(conn[1]).sport, 4000);
	conn[2] = fresh(&w, &third); /* could keep it, but is the same source */
	sl__nat_setup(&w.t, conn[2], &range, SL_MANIP_SRC);
	assert_int_equal(leaves_as(conn[2]).sport, leaves_as(conn[1]).sport);
	sl__conn_confirm(&w.t, conn[2]);
	sl__conn_kill(
	        &w.t, conn[2], SL_WHY_FLUSHED); /* the newest: the one before it counts again */
	conn[2] = fresh(&w, &clash); /* another port, but at its own address: not of the range */
	sl__nat_setup(&w.t, conn[2], &own, SL_MANIP_SRC);
	assert_int_equal(leaves_as(conn[2]).sport, 4001);
	sl__conn_confirm(&w.t, conn[2]);
	conn[3] = fresh(&w, &fourth);
	sl__nat_setup(&w.t, conn[3], &range, SL_MANIP_SRC);
	assert_int_equal(leaves_as(conn[3]).sport, leaves_as(conn[1]).sport);
	sl__conn_drop(&w.t, conn[3]);
	sl__conn_kill(&w.t, conn[2], SL_WHY_FLUSHED);
	conn[2] = fresh(&w, &clash); /* a rule that leaves no other port: the newest kept its own */
	sl__nat_setup(&w.t, conn[2], &same, SL_MANIP_SRC);
	assert_int_equal(leaves_as(conn[2]).sport, 4000);
	sl__conn_confirm(&w.t, conn[2]);
	conn[3] = fresh(&w, &fourth);
	sl__nat_setup(&w.t, conn[3], &range, SL_MANIP_SRC);
	assert_int_equal(leaves_as(conn[3]).sport, 4000);
	sl__conn_drop(&w.t, conn[3]);
	sl__conn_kill(&w.t, conn[2], SL_WHY_FLUSHED);
	sl__conn_kill(&w.t, conn[1], SL_WHY_FLUSHED); /* gone: nothing to be the same as */
	conn[2] = fresh(&w, &third);
	sl__nat_setup(&w.t, conn[2], &range, SL_MANIP_SRC);
	assert_int_equal(leaves_as(conn[2]).sport, 4000);
	sl__conn_drop(&w.t, conn[2]);
	end(&w);
}

/* No port is free, but a connection is over, and the SYN is ahead of it: it makes way. */
static void over_and_in_the_way(void **unused)
{
	static const struct {
		const char *name;
		uint8_t state;
		uint16_t status;
		uint32_t ahead;
		enum sl_reason why;
	} of[] = {
	        {"in TIME_WAIT", SL_TCP_TIME_WAIT, SL_SRC_NAT, 1, SL_WHY_NONE},
	        {"closed", SL_TCP_CLOSE, SL_SRC_NAT, 1, SL_WHY_NONE},
	        {"numbers from before", SL_TCP_TIME_WAIT, SL_SRC_NAT, 0, SL_WHY_NAT_NO_PORT},
	        {"open", SL_TCP_ESTABLISHED, SL_SRC_NAT, 1, SL_WHY_NAT_NO_PORT},
	        {"of a rule's fixed timeout", SL_TCP_CLOSE, SL_SRC_NAT | SL_FIXED_TIMEOUT, 1,
	                SL_WHY_NAT_NO_PORT},
	};

	(void)unused;
	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		struct sl_nat_range range = {.flags = SL_NAT_MAP_ADDR | SL_NAT_MAP_PORT,
		        .min_addr = v4(PUBLIC, 1),
		        .max_addr = v4(PUBLIC, 1),
		        .min_port = 5000,
		        .max_port = 5000};
		struct sl_tuple t = host_tuple(6, 2, 4000, 9, 80),
		                u = host_tuple(6, 3, 4000, 9, 80);
		struct track_world w;
		struct sl_conn *old, *conn;

		begin(&w, &(struct track_options){0});
		old = fresh(&w, &t);
		sl__nat_setup(&w.t, old, &range, SL_MANIP_SRC);
		sl__conn_confirm(&w.t, old);
		old->state = of[i].state;
		old->status |= of[i].status;
		conn = fresh(&w, &u);
		conn->state = SL_TCP_SYN_SENT;
		conn->l4.tcp.end[SL_ORIGINAL] = old->l4.tcp.end[SL_ORIGINAL] + of[i].ahead;
		if (sl__nat_setup(&w.t, conn, &range, SL_MANIP_SRC) != of[i].why)
			fail_msg("%s", of[i].name);
		assert_int_equal(w.t.stats.reasons[SL_WHY_PORT_REUSED], of[i].why == SL_WHY_NONE);
		sl__conn_drop(&w.t, conn);
		end(&w);
	}
}

/* ---- shards ---------------------------------------------------------------------------------- */

/* A public port is of this shard's slices; a range that has none of them is another shard's. */
static void slices(void **unused)
{
	(void)unused;
	for (uint16_t shard = 0; shard < 3; shard++) {
		struct sl_nat_range range = {.flags = SL_NAT_MAP_ADDR,
		        .min_addr = v4(PUBLIC, 1),
		        .max_addr = v4(PUBLIC, 1)};
		struct track_world w;
		struct sl_conn *conn;

		begin(&w, &(struct track_options){0});
		w.t.shards = 3;
		w.t.shard = shard;
		for (uint16_t port = 4000; port < 4300; port += 37) {
			struct sl_tuple t = host_tuple(6, 2, port, 9, 80);

			conn = fresh(&w, &t);
			assert_int_equal(
			        sl__nat_setup(&w.t, conn, &range, SL_MANIP_SRC), SL_WHY_NONE);
			assert_int_equal(sl__port_owner(leaves_as(conn).sport, 3), shard);
			assert_int_equal(sl__conn_confirm(&w.t, conn), SL_WHY_NONE);
		}
		range.flags |= SL_NAT_MAP_PORT; /* 64 ports: one slice */
		range.min_port = 64 * 100;
		range.max_port = 64 * 100 + 63;
		{
			struct sl_tuple t = host_tuple(6, 2, 1, 9, 80);
			enum sl_reason why;

			conn = fresh(&w, &t);
			why = sl__nat_setup(&w.t, conn, &range, SL_MANIP_SRC);
			assert_int_equal(why, shard == 100 % 3 ? SL_WHY_NONE : SL_WHY_OTHER_SHARD);
			if (why != SL_WHY_NONE)
				assert_int_equal(nat.wanted, 100 % 3);
			sl__conn_drop(&w.t, conn);
		}
		end(&w);
	}
}

/* ---- where no rule says anything ------------------------------------------------------------- */

/* Nothing changes, but for a port that somebody's translation has taken meanwhile. */
static void without_a_rule(void **unused)
{
	struct sl_nat_range range = {.flags = SL_NAT_MAP_ADDR | SL_NAT_MAP_PORT,
	        .min_addr = v4(10, 0, 0, 7),
	        .max_addr = v4(10, 0, 0, 7),
	        .min_port = 4000,
	        .max_port = 4000};
	struct sl_tuple other = host_tuple(6, 2, 4000, 9, 80), t = host_tuple(6, 7, 4000, 9, 80),
	                out;
	struct track_world w;
	struct sl_conn *conn, *taken;

	(void)unused;
	begin(&w, &(struct track_options){0});
	conn = fresh(&w, &t);
	assert_int_equal(sl__nat_setup_none(&w.t, conn, SL_MANIP_DST), SL_WHY_NONE);
	assert_int_equal(sl__nat_setup_none(&w.t, conn, SL_MANIP_SRC), SL_WHY_NONE);
	assert_int_equal(conn->status, SL_SRC_NAT_DONE | SL_DST_NAT_DONE);
	out = leaves_as(conn);
	assert_true(sl_tuple_eq(&out, &t));
	sl__conn_drop(&w.t, conn);
	taken = fresh(&w, &other); /* looks like host 7's port 4000 */
	assert_int_equal(sl__nat_setup(&w.t, taken, &range, SL_MANIP_SRC), SL_WHY_NONE);
	assert_int_equal(sl__conn_confirm(&w.t, taken), SL_WHY_NONE);
	conn = fresh(&w, &t);
	assert_int_equal(sl__nat_setup_none(&w.t, conn, SL_MANIP_SRC), SL_WHY_NONE);
	out = leaves_as(conn);
	assert_true(sl_addr_eq(&out.src, &t.src));
	assert_int_not_equal(out.sport, 4000);
	assert_true(conn->status & SL_SRC_NAT);
	assert_int_equal(sl__conn_confirm(&w.t, conn), SL_WHY_NONE);
	end(&w);
}

/* ---- following a master ---------------------------------------------------------------------- */

/*
 * The master is a client's, seen at the public address. What its server opens to the announced port
 * goes to the client; what the client opens leaves from the public address; a third host's source
 * is left to the rules.
 */
static void follows_its_master(void **unused)
{
	static const struct {
		const char *name;
		uint8_t nat_dir; /* the direction of the master that it goes in */
		struct {
			uint8_t a, host;
			uint16_t port;
		} src, dst, src_after, dst_after;
	} of[] = {
	        {"server to client", SL_REPLY, {192, 9, 20}, {203, 1, 5000}, {192, 9, 20},
	                {10, 2, 4321}},
	        {"client to server", SL_ORIGINAL, {10, 2, 4444}, {192, 9, 777}, {203, 1, 4444},
	                {192, 9, 4321}},
	        {"a third host", SL_REPLY, {192, 77, 20}, {203, 1, 5000}, {192, 77, 20},
	                {10, 2, 4321}},
	};
	static const uint8_t net[256][2] = {[10] = {0, 0}, [192] = {0, 2}, [203] = {0, 113}};

	(void)unused;
	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
#define END(e) v4((e).a, net[(e).a][0], net[(e).a][1], (e).host)
		struct sl_nat_range public_addr = {.flags = SL_NAT_MAP_ADDR,
		        .min_addr = v4(PUBLIC, 1),
		        .max_addr = v4(PUBLIC, 1)};
		struct sl_tuple control = host_tuple(6, 2, 4000, 9, 21), out,
		                t = {.src = END(of[i].src),
		                        .dst = END(of[i].dst),
		                        .sport = of[i].src.port,
		                        .dport = of[i].dst.port,
		                        .proto = 6,
		                        .family = SL_IPV4};
		struct sl_expect expect = {.more = {.nat_dir = of[i].nat_dir, .saved_port = 4321}};
		struct sl_addr want_src = END(of[i].src_after), want_dst = END(of[i].dst_after),
		               source;
		struct track_world w;
		struct sl_conn *master, *conn;

		begin(&w, &(struct track_options){0});
		master = fresh(&w, &control);
		sl__nat_setup(&w.t, master, &public_addr, SL_MANIP_SRC);
		sl__conn_confirm(&w.t, master);
		expect.master = master->self;
		expect.more.saved_addr = want_dst;
		conn = fresh(&w, &t);
		assert_int_equal(
		        sl__nat_master_source(&w.t, conn, &expect, &source), of[i].src.host != 77);
		assert_int_equal(sl__nat_follow_master(&w.t, conn, &expect), SL_WHY_NONE);
		out = leaves_as(conn);
		if (!sl_addr_eq(&out.src, &want_src) || !sl_addr_eq(&out.dst, &want_dst) ||
		        out.sport != of[i].src_after.port || out.dport != 4321)
			fail_msg("%s", of[i].name);
		assert_int_equal(sl__nat_decided(conn, SL_MANIP_SRC), of[i].src.host != 77);
		assert_int_equal(sl__conn_confirm(&w.t, conn), SL_WHY_NONE);
		end(&w);
#undef END
	}
}

/* Without memory for a pool a port is still found, only not as fast. */
static void without_memory(void **unused)
{
	struct sl_nat_range range = {.flags = SL_NAT_MAP_ADDR | SL_NAT_MAP_PORT,
	        .min_addr = v4(PUBLIC, 1),
	        .max_addr = v4(PUBLIC, 1),
	        .min_port = 5000,
	        .max_port = 5009};
	struct track_world w;

	(void)unused;
	begin(&w, &(struct track_options){0});
	for (uint16_t i = 0; i < 5; i++) {
		struct sl_tuple t = host_tuple(17, 2, (uint16_t)(2000 + i), 9, 53);
		struct sl_conn *conn = fresh(&w, &t);

		w.memory.fail_at = w.memory.calls + 1;
		assert_int_equal(sl__nat_setup(&w.t, conn, &range, SL_MANIP_SRC), SL_WHY_NONE);
		w.memory.fail_at = 0;
		assert_int_equal(sl__conn_confirm(&w.t, conn), SL_WHY_NONE);
	}
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_rule),
	        cmocka_unit_test(persistent),
	        cmocka_unit_test(until_none_is_left),
	        cmocka_unit_test(the_same_port_elsewhere),
	        cmocka_unit_test(over_and_in_the_way),
	        cmocka_unit_test(slices),
	        cmocka_unit_test(without_a_rule),
	        cmocka_unit_test(follows_its_master),
	        cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
