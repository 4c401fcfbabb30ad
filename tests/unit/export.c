/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection leaves one engine as bytes and goes on in a fresh one: in the middle of an FTP
 * command, and behind one that was edited. It keeps its id there, and so does all that belongs to
 * it. What is damaged or made up is refused, and leaves nothing behind.
 * Tests: src/engine/export.c src/engine/import.c src/engine/image.c src/help/state.c
 */
#include "tests/lib/unit.h"

#include <sluice/helper.h>

#define CLIENT "10.0.0.2"
#define SERVER "192.0.2.9"
#define PUBLIC "203.0.113.1"

static struct gateway a, b;
static uint8_t blob[1 << 20];

static void begin(struct gateway *g, bool helper)
{
	gateway_init(g, true);
	g->mtu[1] = g->mtu[2] = 1500;
	gateway_start(g);
	if (helper)
		assert_true(sl_helper_register(g->engine, sl_helpers_builtin()[0], true));
}

/* Where ids are counted from another number: what comes here keeps one that is not ours. */
static void begin_elsewhere(struct gateway *g)
{
	gateway_init(g, true);
	g->config.origin = 7;
	g->mtu[1] = g->mtu[2] = 1500;
	gateway_start(g);
	assert_true(sl_helper_register(g->engine, sl_helpers_builtin()[0], true));
}

static struct sl_packet say(
        struct gateway *g, bool client, uint32_t seq, uint32_t ack, const char *text)
{
	struct sl_packet p = client ? make_tcp(g, CLIENT, 4000, SERVER, 21, SL_ACK | SL_PSH, seq,
	                                      ack, text, (uint32_t)strlen(text))
	                            : make_tcp(g, SERVER, 21, PUBLIC, 4000, SL_ACK | SL_PSH, seq,
	                                      ack, text, (uint32_t)strlen(text));

	put_in(g, &p);
	return p;
}

static void done(struct gateway *g, struct sl_packet *p)
{
	if (p->verdict == SL_ACCEPT || p->verdict == SL_DROP)
		packet_free(g, p);
}

static void open_ftp(struct gateway *g)
{
	struct sl_packet p;

	put_in_once(g, make_tcp(g, CLIENT, 4000, SERVER, 21, SL_SYN, 999, 0, NULL, 0));
	put_in_once(g, make_tcp(g, SERVER, 21, PUBLIC, 4000, SL_SYN | SL_ACK, 4999, 1000, NULL, 0));
	put_in_once(g, make_tcp(g, CLIENT, 4000, SERVER, 21, SL_ACK, 1000, 5000, NULL, 0));
	p = say(g, false, 5000, 1000, "220 hi\r\n");
	done(g, &p);
}

struct walk {
	struct sl_conn *conn;
	unsigned n;
};

static void visit(void *ctx, struct sl_conn *conn)
{
	struct walk *w = ctx;

	w->conn = conn;
	w->n++;
}

static struct sl_conn *only_conn(struct gateway *g)
{
	struct walk w = {NULL, 0};
	uint64_t cursor = 0;

	while (sl_conn_walk(g->engine, &cursor, 100, visit, &w))
		;
	assert_int_equal(w.n, 1);
	return w.conn;
}

static size_t export_from(struct gateway *g)
{
	struct sl_conn *conn = only_conn(g);
	size_t n = sl_conn_export(g->engine, conn, NULL, 0);

	assert_true(n > 0 && n <= sizeof(blob));
	memset(blob, 0xee, sizeof(blob));
	assert_int_equal(sl_conn_export(g->engine, conn, blob, n), n);
	assert_int_equal(blob[n], 0xee);
	return n;
}

static void same_conn(struct sl_conn *x, struct sl_conn *y)
{
	struct sl_conn_info i, j;

	sl_conn_info(a.engine, x, &i);
	sl_conn_info(b.engine, y, &j);
	assert_int_equal(i.id, j.id);
	assert_int_equal(i.master_id, j.master_id);
	assert_memory_equal(i.tuple, j.tuple, sizeof(i.tuple));
	assert_int_equal(i.status, j.status);
	assert_int_equal(i.l4_state, j.l4_state);
	assert_int_equal(i.timeout, j.timeout);
	assert_int_equal(i.mark, j.mark);
	assert_memory_equal(i.packets, j.packets, sizeof(i.packets));
	assert_memory_equal(i.bytes, j.bytes, sizeof(i.bytes));
	assert_true(i.helper == j.helper || !strcmp(i.helper, j.helper));
}

/* From a into a fresh b, which then has the same again to give. */
static void move(void)
{
	size_t n = export_from(&a);
	struct sl_export_info info;
	struct sl_conn *conn;
	static uint8_t again[1 << 20];
	const char *bad;

	assert_true(sl_export_info(blob, n, &info));
	assert_true(info.sequence > 0 && info.id != 0 && info.left_ms > 0);
	begin_elsewhere(&b);
	b.now = a.now;
	sl_clock(b.engine, b.now, 0);
	assert_int_equal(sl_conn_import(b.engine, blob, n, &conn), SL_IMPORT_DONE);
	bad = sl_engine_check(b.engine);
	if (bad)
		fail_msg("%s", bad);
	assert_int_equal(b.events[SL_EVENT_NEW], 1);
	same_conn(only_conn(&a), conn);
	/* The same bytes again, but for whose sequence it is: 8 bytes behind 6 of head. */
	assert_int_equal(sl_conn_export(b.engine, conn, again, sizeof(again)), n);
	assert_memory_equal(again + 14, blob + 14, n - 14);
}

/* Where "PORT h,h,h,h,p,p" leads. */
static uint16_t announced(const struct sl_packet *p, uint32_t offset)
{
	unsigned hi, lo;
	char text[64];

	snprintf(
	        text, sizeof(text), "%.*s", (int)(p->len - offset), (const char *)p->data + offset);
	assert_int_equal(sscanf(text, "PORT 203,0,113,1,%u,%u", &hi, &lo), 2);
	return (uint16_t)(hi * 256 + lo);
}

static void data_connection(struct gateway *g, uint16_t port)
{
	struct sl_packet p = make_tcp(g, SERVER, 20, PUBLIC, port, SL_SYN, 1, 0, NULL, 0);
	struct sl_conn_info info;

	put_in(g, &p);
	assert_int_equal(p.verdict, SL_ACCEPT);
	assert_int_equal(p.state, SL_CT_RELATED);
	assert_int_equal(sl_get32(p.data + 16), 0x0a000002);
	assert_int_equal(sl_get16(p.data + 22), 51210);
	sl_conn_info(g->engine, p.conn, &info);
	assert_true(info.has_master);
	assert_int_equal(info.master.dport, 21);
	packet_free(g, &p);
	put_in_once(g, make_tcp(g, CLIENT, 51210, SERVER, 20, SL_SYN | SL_ACK, 9, 2, NULL, 0));
	p = make_tcp(g, SERVER, 20, PUBLIC, port, SL_ACK, 2, 10, NULL, 1000);
	put_in(g, &p);
	assert_int_equal(p.verdict, SL_ACCEPT);
	assert_int_equal(p.state, SL_CT_ESTABLISHED);
	packet_free(g, &p);
}

/* At every byte of the command: the first part in one engine, the second in the other. */
static void mid_command(void **unused)
{
	static const char command[] = "PORT 10,0,0,2,200,10\r\n";
	uint32_t len = sizeof(command) - 1;

	(void)unused;
	for (uint32_t cut = 1; cut < len; cut++) {
		char first[32] = "";
		struct sl_packet p;
		uint32_t given;
		char all[64];

		begin(&a, true);
		open_ftp(&a);
		memcpy(first, command, cut);
		p = say(&a, true, 1000, 5008, first);
		assert_true(p.verdict == SL_ACCEPT || p.verdict == SL_HELD);
		given = p.verdict == SL_ACCEPT ? p.len - 40 : 0;
		if (given)
			memcpy(all, p.data + 40, given);
		done(&a, &p);
		move();
		p = say(&b, true, 1000 + cut, 5008, command + cut);
		assert_int_equal(p.verdict, SL_ACCEPT);
		assert_int_equal(sl_get32(p.data + 24), 1000 + given);
		memcpy(all + given, p.data + 40, p.len - 40);
		given += p.len - 40;
		assert_true(given < sizeof(all));
		all[given] = '\0';
		assert_int_equal(given, strlen("PORT 203,0,113,1,200,10\r\n"));
		assert_string_equal(all, "PORT 203,0,113,1,200,10\r\n");
		packet_free(&b, &p);
		data_connection(&b, 51210);
		gateway_end(&a);
		gateway_end(&b);
	}
}

/* Held bytes are acknowledged by the second engine as they would have been by the first. */
static void held_is_acknowledged(void **unused)
{
	struct sl_packet p;

	(void)unused;
	begin(&a, true);
	open_ftp(&a);
	p = say(&a, true, 1000, 5008, "PORT 10,0");
	done(&a, &p);
	move();
	assert_true(sl_deadline(b.engine) <= b.now + 20 * MS);
	b.now += 30 * MS;
	sl_clock(b.engine, b.now, 0);
	assert_int_equal(b.n_out, 1);
	assert_int_equal(sl_get32(b.out[0].data + 28), 1009);
	gateway_end(&a);
	gateway_end(&b);
}

static void after_an_edit(void **unused)
{
	struct sl_packet p;
	uint16_t port;
	uint32_t old_len = 22, new_len;

	(void)unused;
	begin(&a, true);
	open_ftp(&a);
	p = say(&a, true, 1000, 5008, "PORT 10,0,0,2,200,10\r\n");
	assert_int_equal(p.verdict, SL_ACCEPT);
	port = announced(&p, 40);
	new_len = p.len - 40;
	assert_int_not_equal(new_len, old_len);
	packet_free(&a, &p);
	move();
	/* The expectation came along, ... */
	data_connection(&b, port);
	/* ... numbers are moved both ways, ... */
	p = say(&b, false, 5008, 1000 + new_len, "200 ok\r\n");
	assert_int_equal(p.verdict, SL_ACCEPT);
	assert_int_equal(sl_get32(p.data + 28), 1000 + old_len);
	packet_free(&b, &p);
	p = say(&b, true, 1000 + old_len, 5016, "STOR x\r\n");
	assert_int_equal(p.verdict, SL_ACCEPT);
	assert_int_equal(sl_get32(p.data + 24), 1000 + new_len);
	packet_free(&b, &p);
	/* ... and a retransmission of the command is answered by what the server was given. */
	p = say(&b, true, 1000, 5008, "PORT 10,0,0,2,200,10\r\n");
	assert_int_equal(p.verdict, SL_ACCEPT);
	assert_int_equal(announced(&p, 40), port);
	packet_free(&b, &p);
	gateway_end(&a);
	gateway_end(&b);
}

static void plain_ones(void **unused)
{
	struct sl_conn *conn;
	size_t n;

	(void)unused;
	for (unsigned i = 0; i < 2; i++) { /* unanswered; answered */
		begin(&a, false);
		put_in_once(&a, make_udp(&a, "2001:db8:1::2", 4000, "2001:db8:2::9", 53, 20));
		if (i)
			put_in_once(&a,
			        make_udp(&a, "2001:db8:2::9", 53, "2001:db8:ffff::1", 4000, 30));
		move();
		/* An older state of the same gives way: no clash. */
		n = export_from(&a);
		assert_int_equal(sl_conn_import(b.engine, blob, n, &conn), SL_IMPORT_DONE);
		same_conn(only_conn(&a), only_conn(&b));
		assert_null(sl_engine_check(b.engine));
		assert_int_equal(put_in_once(&b, make_udp(&b, "2001:db8:2::9", 53,
		                                         "2001:db8:ffff::1", 4000, 30)),
		        SL_ACCEPT);
		gateway_end(&a);
		gateway_end(&b);
	}
}

static void refusals(void **unused)
{
	struct sl_packet p;
	size_t n;

	(void)unused;
	begin(&a, true);
	open_ftp(&a);
	p = say(&a, true, 1000, 5008, "PORT 10,0,0,2,200,10\r\n");
	packet_free(&a, &p);
	n = export_from(&a);
	begin(&b, false);
	assert_int_equal(sl_conn_import(b.engine, blob, n, NULL), SL_IMPORT_NO_HELPER);
	blob[5]++;
	assert_int_equal(sl_conn_import(b.engine, blob, n, NULL), SL_IMPORT_VERSION);
	blob[5]--;
	blob[0]++;
	assert_int_equal(sl_conn_import(b.engine, blob, n, NULL), SL_IMPORT_MALFORMED);
	blob[0]--;
	assert_true(sl_helper_register(b.engine, sl_helpers_builtin()[0], true));
	assert_int_equal(sl_conn_import(b.engine, blob, n + 1, NULL), SL_IMPORT_MALFORMED);
	/* Somebody has its reply tuple: */
	put_in_once(&b, make_tcp(&b, "10.0.0.3", 4000, SERVER, 21, SL_SYN, 999, 0, NULL, 0));
	assert_int_equal(sl_conn_import(b.engine, blob, n, NULL), SL_IMPORT_CLASH);
	gateway_end(&a);
	gateway_end(&b);
}

/* ---- ids ------------------------------------------------------------------------------------ */

struct seen {
	uint64_t conn[8], expect[8]; /* ids, by type of event */
	uint64_t master;             /* of the last expectation */
};

static void remember(struct gateway *g, const struct sl_event *event)
{
	struct seen *seen = g->user;
	struct sl_expect_info expect;
	struct sl_conn_info conn;

	if (event->conn && event->type != SL_EVENT_LOG) {
		sl_conn_info(g->engine, event->conn, &conn);
		seen->conn[event->type] = conn.id;
	}
	if (event->expect) {
		sl_expect_info(g->engine, event->expect, &expect);
		seen->expect[event->type] = expect.id;
		seen->master = expect.master_id;
	}
}

static void listen_to(struct gateway *g, struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	g->on_event = remember;
	g->user = seen;
}

/* A conn and its expectation are told of under the same ids, before and after, to the end. */
static void events_tell_the_same_ids(void **unused)
{
	struct seen before, after;
	struct sl_conn *conn;
	struct sl_packet p;
	uint16_t port;
	size_t n;

	(void)unused;
	begin(&a, true);
	listen_to(&a, &before);
	open_ftp(&a);
	p = say(&a, true, 1000, 5008, "PORT 10,0,0,2,200,10\r\n");
	port = announced(&p, 40);
	packet_free(&a, &p);
	n = export_from(&a);
	assert_true(before.conn[SL_EVENT_NEW] && before.expect[SL_EVENT_EXPECT_NEW]);
	assert_int_equal(before.master, before.conn[SL_EVENT_NEW]);

	begin_elsewhere(&b);
	listen_to(&b, &after);
	assert_int_equal(sl_conn_import(b.engine, blob, n, &conn), SL_IMPORT_DONE);
	assert_int_equal(after.conn[SL_EVENT_NEW], before.conn[SL_EVENT_NEW]);
	assert_int_equal(after.expect[SL_EVENT_EXPECT_NEW], before.expect[SL_EVENT_EXPECT_NEW]);
	assert_int_equal(after.master, before.master);
	data_connection(&b, port); /* a new one, of b's own */
	assert_int_equal(after.conn[SL_EVENT_NEW] >> 48, 7);
	assert_int_equal(after.expect[SL_EVENT_EXPECT_DESTROY], before.expect[SL_EVENT_EXPECT_NEW]);
	sl_conn_kill(b.engine, conn, SL_WHY_FLUSHED);
	assert_int_equal(after.conn[SL_EVENT_DESTROY], before.conn[SL_EVENT_NEW]);
	gateway_end(&a);
	gateway_end(&b);
}

/* A related conn names its master by the same id, whether that came along or not. */
static void masters_id_stays(void **unused)
{
	struct sl_conn_info was, is;
	struct sl_conn *conn;
	struct sl_packet p;
	uint16_t port;
	size_t n;

	(void)unused;
	begin(&a, true);
	open_ftp(&a);
	p = say(&a, true, 1000, 5008, "PORT 10,0,0,2,200,10\r\n");
	port = announced(&p, 40);
	packet_free(&a, &p);
	p = make_tcp(&a, SERVER, 20, PUBLIC, port, SL_SYN, 1, 0, NULL, 0);
	put_in(&a, &p);
	sl_conn_info(a.engine, p.conn, &was);
	n = sl_conn_export(a.engine, p.conn, blob, sizeof(blob));
	packet_free(&a, &p);
	assert_true(n && was.master_id);
	begin_elsewhere(&b);
	assert_int_equal(sl_conn_import(b.engine, blob, n, &conn), SL_IMPORT_DONE);
	sl_conn_info(b.engine, conn, &is);
	assert_true(is.has_master);
	assert_int_equal(is.master_id, was.master_id);
	assert_true(sl_tuple_eq(&is.master, &was.master));
	gateway_end(&a);
	gateway_end(&b);
}

static struct sl_conn *new_flow(struct gateway *g, uint16_t port)
{
	struct sl_packet p = make_udp(g, CLIENT, port, SERVER, 53, 20);
	struct sl_conn *conn;

	put_in(g, &p);
	assert_int_equal(p.verdict, SL_ACCEPT);
	conn = p.conn;
	packet_free(g, &p);
	return conn;
}

static uint64_t id_of(struct gateway *g, struct sl_conn *conn)
{
	struct sl_conn_info info;

	sl_conn_info(g->engine, conn, &info);
	return info.id;
}

/*
 * Two engines with the same seed and origin give out the same ids. One whose id is taken is
 * refused; one that is not is kept, and then new conns go round it.
 */
static void no_two_have_one_id(void **unused)
{
	enum { FLOWS = 40 };
	static uint8_t exported[FLOWS][512];
	uint64_t id[2 * FLOWS];
	size_t len[FLOWS];
	struct sl_conn *conn;

	(void)unused;
	begin(&a, false);
	begin(&b, false);
	for (unsigned i = 0; i < FLOWS; i++) {
		conn = new_flow(&a, (uint16_t)(2000 + i));
		id[i] = id_of(&a, conn);
		len[i] = sl_conn_export(a.engine, conn, exported[i], sizeof(exported[i]));
		assert_in_range(len[i], 1, sizeof(exported[i]));
	}
	conn = new_flow(&b, 5000);
	assert_int_equal(id_of(&b, conn), id[0]); /* what all this is about */
	assert_int_equal(sl_conn_import(b.engine, exported[0], len[0], NULL), SL_IMPORT_CLASH);
	assert_int_equal(sl_conn_import(b.engine, exported[FLOWS - 1], len[FLOWS - 1], NULL),
	        SL_IMPORT_DONE);
	for (unsigned i = 1; i < FLOWS - 1; i++)
		assert_int_equal(
		        sl_conn_import(b.engine, exported[i], len[i], NULL), SL_IMPORT_DONE);
	sl_conn_kill(b.engine, conn, SL_WHY_FLUSHED);
	assert_int_equal(sl_conn_import(b.engine, exported[0], len[0], NULL), SL_IMPORT_DONE);
	for (unsigned i = 0; i < FLOWS; i++)
		id[FLOWS + i] = id_of(&b, new_flow(&b, (uint16_t)(6000 + i)));
	for (unsigned i = 0; i < 2 * FLOWS; i++)
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(id[i], id[j]);
	assert_null(sl_engine_check(b.engine));
	gateway_end(&a);
	gateway_end(&b);
}

/* There and back again: the same bytes into the engine that wrote them. */
static void back_home(void **unused)
{
	struct sl_conn *conn;
	uint64_t id;
	size_t n;

	(void)unused;
	begin(&a, false);
	id = id_of(&a, new_flow(&a, 2000));
	n = export_from(&a);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(sl_conn_import(a.engine, blob, n, &conn), SL_IMPORT_DONE);
		assert_int_equal(id_of(&a, only_conn(&a)), id);
		assert_null(sl_engine_check(a.engine));
	}
	gateway_end(&a);
}

/* Shards of one gateway have the same seed, and never the same ids. */
static void shards_ids_differ(void **unused)
{
	uint64_t id[3];

	(void)unused;
	for (unsigned i = 0; i < 3; i++) {
		gateway_init(&a, false);
		a.config.origin = 65535;
		a.config.shards = 3;
		a.config.shard = (uint16_t)i;
		gateway_start(&a);
		for (unsigned host = 1; host < 255 && !a.events[SL_EVENT_NEW]; host++) {
			char from[16];
			struct sl_packet p;

			snprintf(from, sizeof(from), "10.0.0.%u", host);
			p = make_udp(&a, from, 2000, SERVER, 53, 20);
			p.inside = true;
			put_in_once(&a, p);
		}
		id[i] = id_of(&a, only_conn(&a));
		gateway_end(&a);
	}
	assert_int_equal(id[0] >> 48, 65535);
	assert_int_equal(id[1] >> 48, 0);
	assert_int_equal(id[2] >> 48, 1);
}

/* Cut anywhere, or with any byte changed: refused or possible, never more than that. */
static void damaged(void **unused)
{
	static const uint8_t with[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	struct sl_stats stats;
	struct sl_packet p;
	uint8_t *exact;
	size_t n;

	(void)unused;
	begin(&a, true);
	open_ftp(&a);
	p = say(&a, true, 1000, 5008, "PORT 10,0,0,2,200,10\r\n");
	packet_free(&a, &p);
	p = say(&a, true, 1050, 5008, "NOOP\r\n"); /* beyond a hole */
	done(&a, &p);
	p = say(&a, true, 1022, 5008, "PORT 10,");
	done(&a, &p);
	n = export_from(&a);
	begin(&b, true);
	for (size_t cut = 0; cut < n; cut++) {
		exact = malloc(cut ? cut : 1);
		memcpy(exact, blob, cut);
		assert_int_equal(sl_conn_import(b.engine, exact, cut, NULL), SL_IMPORT_MALFORMED);
		free(exact);
	}
	sl_stats(b.engine, &stats);
	assert_int_equal(stats.conns + stats.expects + stats.stream_bytes, 0);
	for (size_t at = 0; at < n; at++)
		for (unsigned i = 0; i < sizeof(with); i++) {
			uint8_t was = blob[at];
			struct sl_conn *conn = NULL;
			const char *bad;

			blob[at] = with[i];
			if (sl_conn_import(b.engine, blob, n, &conn) == SL_IMPORT_DONE) {
				/* It must be able to go on, whatever it says. */
				p = say(&b, true, 1030, 5008, "0,0,2,200,11\r\n");
				done(&b, &p);
				p = say(&b, false, 5008, 1025, "200 ok\r\n");
				done(&b, &p);
				b.now += 30 * MS;
				sl_clock(b.engine, b.now, 0);
				gateway_drain(&b);
				while (b.engine) {
					struct walk w = {NULL, 0};
					uint64_t cursor = 0;

					while (sl_conn_walk(b.engine, &cursor, 100, visit, &w))
						;
					if (!w.n)
						break;
					sl_conn_kill(b.engine, w.conn, SL_WHY_FLUSHED);
				}
			}
			bad = sl_engine_check(b.engine);
			if (bad)
				fail_msg("byte %zu: %s", at, bad);
			blob[at] = was;
		}
	sl_stats(b.engine, &stats);
	assert_int_equal(stats.conns + stats.expects + stats.stream_bytes, 0);
	gateway_end(&a);
	gateway_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(mid_command),
	        cmocka_unit_test(held_is_acknowledged),
	        cmocka_unit_test(after_an_edit),
	        cmocka_unit_test(plain_ones),
	        cmocka_unit_test(refusals),
	        cmocka_unit_test(events_tell_the_same_ids),
	        cmocka_unit_test(masters_id_stays),
	        cmocka_unit_test(no_two_have_one_id),
	        cmocka_unit_test(back_home),
	        cmocka_unit_test(shards_ids_differ),
	        cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
