/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Steps through the engines' tables, for the commands of the control socket: each looks at so many slots,
 * in the engine's thread, between two batches of packets (desk.h).
 */
#include "ctl/walk.h"

struct walk {
	struct sl_server *server;
	struct sl_client *client;
	const struct sl_control_engine *at; /* whose thread it is */
	unsigned killed;
};

static void copy_conn(void *ctx, struct sl_conn *conn)
{
	struct walk *w = ctx;

	sl_offload_poll(w->at->engine, conn);
	sl_conn_info(w->at->engine, conn, &w->server->found.conns[w->server->n_found++]);
}

static void copy_expect(void *ctx, struct sl_expect *expect)
{
	struct walk *w = ctx;

	sl_expect_info(w->at->engine, expect, &w->server->found.expects[w->server->n_found++]);
}

static void walk_conns(void *ctx)
{
	struct walk *w = ctx;

	w->server->n_found = 0;
	w->server->more =
	        sl_conn_walk(w->at->engine, &w->client->cursor, SL_SERVER_STEP, copy_conn, w);
}

static void walk_expects(void *ctx)
{
	struct walk *w = ctx;

	w->server->n_found = 0;
	w->server->more =
	        sl_expect_walk(w->at->engine, &w->client->cursor, SL_SERVER_STEP, copy_expect, w);
}

static void kill_conn(void *ctx, struct sl_conn *conn)
{
	struct walk *w = ctx;
	struct sl_conn_info info;

	sl_conn_info(w->at->engine, conn, &info);
	if (!sl__filter_conn(&w->client->filter, &info))
		return;
	w->server->ops.end_conn(w->at->ctx, conn, &info);
	w->killed++;
}

static void kill_expect(void *ctx, struct sl_expect *expect)
{
	struct walk *w = ctx;
	struct sl_expect_info info;

	sl_expect_info(w->at->engine, expect, &info);
	if (!sl__filter_expect(&w->client->filter, &info))
		return;
	w->server->ops.end_expect(w->at->ctx, expect, &info);
	w->killed++;
}

static void flush_some(void *ctx)
{
	struct walk *w = ctx;
	struct sl_engine *engine = w->at->engine;
	uint64_t *cursor = &w->client->cursor;

	w->server->more = w->client->tables & SL_TABLE_EXPECT
	                          ? sl_expect_walk(engine, cursor, SL_SERVER_STEP, kill_expect, w)
	                          : sl_conn_walk(engine, cursor, SL_SERVER_STEP, kill_conn, w);
}

/*
 * A step, at the engine that the client has come to; when its table is through, the next one's
 * comes. False: the gateway ends.
 */
static bool at_desk(
        struct sl_server *server, struct sl_client *client, void (*work)(void *), struct walk *w)
{
	*w = (struct walk){
	        .server = server, .client = client, .at = &server->ops.engines[client->engine]};
	if (sl__desk_call(w->at->desk, work, w)) {
		if (!server->more && client->engine + 1 < server->ops.n_engines) {
			server->more = true;
			client->engine++;
			client->cursor = 0;
		}
		return true;
	}
	sl__client_printf(client, 'e', "the gateway ends\n");
	sl__client_exit(client, 1);
	return false;
}

bool sl__walk_conns(struct sl_server *server, struct sl_client *client)
{
	struct walk w;

	return at_desk(server, client, walk_conns, &w);
}

bool sl__walk_expects(struct sl_server *server, struct sl_client *client)
{
	struct walk w;

	return at_desk(server, client, walk_expects, &w);
}

bool sl__walk_flush(struct sl_server *server, struct sl_client *client, unsigned *ended)
{
	struct walk w;
	bool done = at_desk(server, client, flush_some, &w);

	*ended = w.killed;
	return done;
}
