/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket and packets: whoever lists or flushes a large table takes it in small steps
 * between batches of packets, and the engine's thread waits for nobody. Here this thread is the engine's; the
 * server has its own, and so has the reader.
 */
#include "tests/lib/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/client.h"
#include "ctl/server.h"

enum { CONNS = 5000 };

struct scene {
	struct gateway g;
	struct sl_desk desk;
	struct sl_feed feed;
	struct sl_server *server;
	char path[64], out[80];
	const char *words[4];
	unsigned n_words;
	int status;
	atomic_bool done;
	unsigned ended;
};

static void end_conn(void *ctx, struct sl_conn *conn, const struct sl_conn_info *info)
{
	struct scene *s = ctx;

	(void)info;
	s->ended++;
	sl_conn_kill(s->g.engine, conn, SL_WHY_FLUSHED);
}

static void no_more(void *ctx, struct sl_control_more *out)
{
	(void)ctx, (void)out;
}

static void put_conn(struct scene *s, uint16_t port)
{
	struct sl_packet p = make_udp(&s->g, "10.0.0.2", port, "198.51.100.7", 53, 10);

	sl_input(s->g.engine, &p, 1, s->g.now);
	assert_int_equal(p.verdict, SL_ACCEPT);
	packet_free(&s->g, &p);
}

static void scene_init(struct scene *s)
{
	struct sl_control_ops ops = {.n_engines = 1, .end_conn = end_conn, .more = no_more};

	memset(s, 0, sizeof(*s));
	gateway_init(&s->g, false);
	gateway_start(&s->g);
	for (unsigned i = 0; i < CONNS; i++)
		put_conn(s, (uint16_t)(1024 + i));
	snprintf(s->path, sizeof(s->path), "/tmp/sluice-unit-%d.sock", (int)getpid());
	snprintf(s->out, sizeof(s->out), "%s.out", s->path);
	assert_true(sl__desk_init(&s->desk) && sl__feed_init(&s->feed, 1 << 16));
	ops.ctx = s;
	ops.engines[0] = (struct sl_control_engine){s, s->g.engine, &s->desk, &s->feed};
	s->server = sl__server_create(s->path, 0600, NULL, &ops);
	assert_non_null(s->server);
	assert_true(sl__server_start(s->server));
}

static void scene_fini(struct scene *s)
{
	sl__desk_close(&s->desk);
	sl__server_destroy(s->server);
	sl__desk_fini(&s->desk);
	sl__feed_fini(&s->feed);
	unlink(s->out);
	gateway_end(&s->g);
}

static void *ask(void *ctx)
{
	struct scene *s = ctx;
	int out = open(s->out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	int fd = sl__client_ask(s->path, s->words, s->n_words);

	s->status = fd >= 0 && out >= 0 ? sl__client_copy(fd, out, out) : -1;
	close(fd);
	close(out);
	atomic_store(&s->done, true);
	return NULL;
}

/* Serve the desk with a packet in between until the answer is there. How often something was ended. */
static unsigned serve(struct scene *s)
{
	unsigned steps = 0, killed = 0, turn = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, ask, s), 0);
	while (!atomic_load(&s->done)) {
		sl__desk_serve(&s->desk);
		assert_true(s->server->n_found <= SL_SERVER_STEP);
		assert_true(s->ended - killed <= SL_SERVER_STEP);
		steps += s->ended != killed;
		killed = s->ended;
		put_conn(s, (uint16_t)(1024 + turn++ % CONNS));
	}
	pthread_join(thread, NULL);
	assert_int_equal(s->status, 0);
	return steps;
}

static unsigned lines_of(const char *path, const char *with)
{
	FILE *f = fopen(path, "r");
	char line[1024];
	unsigned n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, with) != NULL;
	fclose(f);
	return n;
}

static void list_in_steps(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	s.words[s.n_words++] = "list";
	serve(&s);
	assert_int_equal(lines_of(s.out, "dport=53"), CONNS);
	scene_fini(&s);
}

/* Those that packets open anew behind the cursor may stay: every old one is ended. */
static void flush_in_steps(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	s.words[s.n_words++] = "flush";
	assert_true(serve(&s) >= CONNS / SL_SERVER_STEP);
	assert_true(s.ended >= CONNS);
	assert_int_equal(lines_of(s.out, "flow entries have been deleted"), 1);
	scene_fini(&s);
}

static void note(void *ctx)
{
	*(bool *)ctx = true;
}

struct caller {
	struct sl_desk *desk;
	bool noted, done;
};

static void *call(void *ctx)
{
	struct caller *c = ctx;

	c->done = sl__desk_call(c->desk, note, &c->noted);
	return NULL;
}

static bool has_call(struct sl_desk *desk)
{
	bool has;

	pthread_mutex_lock(&desk->lock);
	has = desk->first != NULL;
	pthread_mutex_unlock(&desk->lock);
	return has;
}

/* Somebody holds the lock, perhaps for long as no core is free for him: packets go on. */
static void engine_waits_for_nobody(void **state)
{
	struct sl_desk desk;
	struct caller c = {.desk = &desk};
	pthread_t thread;

	(void)state;
	assert_true(sl__desk_init(&desk));
	pthread_create(&thread, NULL, call, &c);
	while (!has_call(&desk))
		usleep(100);
	pthread_mutex_lock(&desk.lock);
	for (unsigned i = 0; i < 10; i++)
		sl__desk_serve(&desk); /* would wait for ever */
	assert_false(c.noted);
	pthread_mutex_unlock(&desk.lock);
	while (!c.noted)
		sl__desk_serve(&desk);
	pthread_join(thread, NULL);
	assert_true(c.done);
	sl__desk_close(&desk);
	assert_false(sl__desk_call(&desk, note, &c.noted));
	sl__desk_fini(&desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(list_in_steps),
	        cmocka_unit_test(flush_in_steps),
	        cmocka_unit_test(engine_waits_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
