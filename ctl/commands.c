/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client of the control socket may ask for: a table of commands. Each reads its words in
 * the control thread; what needs the engine is done in steps at the desk (desk.h).
 */
#include <stdlib.h>
#include <string.h>

#include <sluice/helper.h>

#include "ctl/json_events.h"
#include "ctl/mem.h"
#include "ctl/server.h"
#include "ctl/snapshot.h"

/* ---- at the desk: in the engine's thread ---------------------------------------------------- */

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
	w->server->more = sl_conn_walk(
	        w->at->engine, &w->client->cursor, SL_SERVER_STEP, copy_conn, w);
}

static void walk_expects(void *ctx)
{
	struct walk *w = ctx;

	w->server->n_found = 0;
	w->server->more = sl_expect_walk(
	        w->at->engine, &w->client->cursor, SL_SERVER_STEP, copy_expect, w);
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

/* ---- list ------------------------------------------------------------------------------------ */

static void put_json(struct sl_server *server, struct sl_client *client)
{
	sl__print_put(&client->out, server->json.text, server->json.len);
	sl__print_put(&client->out, "\n", 1);
	sl__json_clear(&server->json);
}

static void put_conn(
        struct sl_server *server, struct sl_client *client, const struct sl_conn_info *info)
{
	if (!sl__filter_conn(&client->filter, info))
		return;
	client->shown++;
	if (client->json) {
		sl__json_conn(&server->json, info, info->id, true);
		put_json(server, client);
	} else {
		sl__print_conn(&client->out, info, client->extended);
	}
}

static void put_expect(
        struct sl_server *server, struct sl_client *client, const struct sl_expect_info *info)
{
	if (!sl__filter_expect(&client->filter, info))
		return;
	client->shown++;
	if (client->json) {
		sl__json_expect(&server->json, info, info->id);
		put_json(server, client);
	} else {
		sl__print_expect(&client->out, info);
	}
}

static void list_step(struct sl_server *server, struct sl_client *client)
{
	bool expects = client->tables & SL_TABLE_EXPECT;
	struct walk w;
	size_t begun;

	if (!at_desk(server, client, expects ? walk_expects : walk_conns, &w))
		return;
	begun = sl__client_begin(client, 'o');
	for (unsigned i = 0; i < server->n_found; i++) {
		if (expects)
			put_expect(server, client, &server->found.expects[i]);
		else
			put_conn(server, client, &server->found.conns[i]);
	}
	sl__client_end(client, begun);
	if (server->more)
		return;
	if (!client->json)
		sl__client_printf(client, 'e', "%llu %s have been shown.\n",
		        (unsigned long long)client->shown,
		        expects ? "expectations" : "flow entries");
	sl__client_exit(client, 0);
}

static void flush_step(struct sl_server *server, struct sl_client *client)
{
	bool expects = client->tables & SL_TABLE_EXPECT;
	struct walk w;

	if (!at_desk(server, client, flush_some, &w))
		return;
	client->shown += w.killed;
	if (server->more)
		return;
	sl__client_printf(client, 'e', "%llu %s have been deleted.\n",
	        (unsigned long long)client->shown, expects ? "expectations" : "flow entries");
	sl__client_exit(client, 0);
}

/* ---- events --------------------------------------------------------------------------------- */

static void conn_event(
        struct sl_server *server, struct sl_client *client, const struct sl_feed_record *r)
{
	if (!(client->tables & SL_TABLE_CONNTRACK) || !sl__filter_conn(&client->filter, &r->conn))
		return;
	if (client->json) {
		sl__json_conn_event(&server->json, &r->event, &r->conn, r->conn.id, r->packet);
		put_json(server, client);
	} else {
		sl__print_conn_event(&client->out, &r->event, &r->conn);
	}
}

static void expect_event(
        struct sl_server *server, struct sl_client *client, const struct sl_feed_record *r)
{
	if (!(client->tables & SL_TABLE_EXPECT) || !sl__filter_expect(&client->filter, &r->expect))
		return;
	if (client->json) {
		sl__json_expect_event(
		        &server->json, &r->event, &r->expect, r->expect.id, r->packet);
		put_json(server, client);
	} else {
		sl__print_expect_event(&client->out, &r->event, &r->expect);
	}
}

static void log_event(
        struct sl_server *server, struct sl_client *client, const struct sl_feed_record *r)
{
	if (!(client->tables & SL_TABLE_LOG))
		return;
	if (client->json) {
		sl__json_object(&server->json, NULL);
		sl__json_str(&server->json, "event", "LOG");
		sl__json_uint(&server->json, "packet", r->packet);
		sl__json_bytes(&server->json, "text", sl__feed_bytes(r), r->text.len);
		sl__json_end(&server->json);
		put_json(server, client);
	} else {
		sl__print_printf(
		        &client->out, "%9s %.*s\n", "[LOG]", (int)r->text.len, sl__feed_bytes(r));
	}
}

static void explain_event(struct sl_client *client, const struct sl_feed_record *r)
{
	if ((client->drops_only && !r->dropped) ||
	        !sl__filter_tuple(&client->filter, &r->text.tuple))
		return;
	sl__print_put(&client->out, sl__feed_bytes(r), r->text.len);
}

void sl__command_event(
        struct sl_server *server, struct sl_client *client, const struct sl_feed_record *record)
{
	size_t begun;

	if (record->kind == SL_FEED_EXPLAIN ? !client->explains : !client->listens)
		return;
	if (record->kind != SL_FEED_EXPLAIN && !(client->types & 1u << record->event.type))
		return;
	begun = sl__client_begin(client, 'o');
	switch ((enum sl_feed_kind)record->kind) {
	case SL_FEED_CONN:
		conn_event(server, client, record);
		break;
	case SL_FEED_EXPECT:
		expect_event(server, client, record);
		break;
	case SL_FEED_LOG:
		log_event(server, client, record);
		break;
	case SL_FEED_EXPLAIN:
		explain_event(client, record);
		break;
	case SL_FEED_PAD:
		break;
	}
	sl__client_end(client, begun);
}

static void events_begin(struct sl_server *server, struct sl_client *client)
{
	(void)server;
	client->listens = true;
}

static void explain_begin(struct sl_server *server, struct sl_client *client)
{
	(void)server;
	client->explains = true;
	client->drops_only = !client->all;
}

/* ---- stats ---------------------------------------------------------------------------------- */

static void stats_begin(struct sl_server *server, struct sl_client *client)
{
	struct sl_snapshot s;
	size_t begun;

	if (!sl__snapshot_take(&s, server)) {
		sl__client_exit(client, 1);
		return;
	}
	begun = sl__client_begin(client, 'o');
	if (client->json) {
		sl__snapshot_json(&s, &server->json);
		put_json(server, client);
	} else {
		sl__snapshot_text(&s, &client->out);
	}
	sl__client_end(client, begun);
	sl__client_exit(client, 0);
}

/* ---- helpers -------------------------------------------------------------------------------- */

static void helpers_text(
        struct sl_print *out, const struct sl_helper *h, uint16_t port, bool active, unsigned conns)
{
	char proto[4];

	for (unsigned i = 0; i < SL_HELPER_MATCHES && h->match[i].proto; i++)
		sl__print_printf(out, "%-14s %-4s port %-5u  %-11s  connections %u\n", h->name,
		        sl_proto_text(h->match[i].proto, proto), port ? port : h->match[i].port,
		        active ? "by itself" : "by rule", conns);
}

static void helpers_json(struct sl_server *server, struct sl_client *client,
        const struct sl_helper *h, uint16_t port, bool active, unsigned conns)
{
	struct sl_json *j = &server->json;
	char proto[4];

	sl__json_object(j, NULL);
	sl__json_str(j, "helper", h->name);
	sl__json_array(j, "match");
	for (unsigned i = 0; i < SL_HELPER_MATCHES && h->match[i].proto; i++) {
		sl__json_object(j, NULL);
		sl__json_str(j, "proto", sl_proto_text(h->match[i].proto, proto));
		sl__json_uint(j, "port", port ? port : h->match[i].port);
		sl__json_end(j);
	}
	sl__json_end(j);
	sl__json_bool(j, "automatic", active);
	sl__json_uint(j, "connections", conns);
	sl__json_end(j);
	put_json(server, client);
}

static void show_helpers(struct sl_server *server, struct sl_client *client)
{
	const struct sl_helper *h;
	size_t begun = sl__client_begin(client, 'o');
	uint16_t port;
	bool active;

	for (unsigned i = 0; (h = server->ops.helper(server->ops.ctx, i, &port, &active)); i++) {
		if (client->json)
			helpers_json(server, client, h, port, active, client->tally[i]);
		else
			helpers_text(&client->out, h, port, active, client->tally[i]);
	}
	sl__client_end(client, begun);
	sl__client_exit(client, 0);
}

static void count_helper(struct sl_server *server, struct sl_client *client, const char *name)
{
	const struct sl_helper *h;
	uint16_t port;
	bool active;

	for (unsigned i = 0; (h = server->ops.helper(server->ops.ctx, i, &port, &active)); i++)
		if (strcmp(h->name, name) == 0) {
			client->tally[i]++;
			return;
		}
}

static void helpers_step(struct sl_server *server, struct sl_client *client)
{
	struct walk w;

	if (!at_desk(server, client, walk_conns, &w))
		return;
	for (unsigned i = 0; i < server->n_found; i++)
		if (server->found.conns[i].helper)
			count_helper(server, client, server->found.conns[i].helper);
	if (!server->more)
		show_helpers(server, client);
}

static void helpers_begin(struct sl_server *server, struct sl_client *client)
{
	const struct sl_helper *h;
	uint16_t port;
	bool active;
	unsigned n = 0;

	while ((h = server->ops.helper(server->ops.ctx, n, &port, &active)))
		n++;
	client->tally = calloc(n + 1, sizeof(*client->tally));
	client->step = client->tally ? helpers_step : NULL;
}

/* ---- the busiest connections: for sluice top ------------------------------------------------- */

static uint64_t bytes_of(const struct sl_conn_info *info)
{
	return info->bytes[SL_ORIGINAL] + info->bytes[SL_REPLY];
}

/* Into its place among the best so far, which are kept in order. */
static void place(struct sl_client *client, const struct sl_conn_info *info)
{
	unsigned i = client->n_best;

	if (i == SL_SERVER_BUSIEST && bytes_of(&client->best[i - 1]) >= bytes_of(info))
		return;
	if (i == SL_SERVER_BUSIEST)
		i--;
	else
		client->n_best++;
	for (; i && bytes_of(&client->best[i - 1]) < bytes_of(info); i--)
		client->best[i] = client->best[i - 1];
	client->best[i] = *info;
}

static void busiest_step(struct sl_server *server, struct sl_client *client)
{
	struct walk w;
	size_t begun;

	if (!at_desk(server, client, walk_conns, &w))
		return;
	for (unsigned i = 0; i < server->n_found; i++)
		place(client, &server->found.conns[i]);
	client->shown += server->n_found;
	if (server->more && client->shown < SL_SERVER_BUSIEST_OF)
		return;
	begun = sl__client_begin(client, 'o');
	for (unsigned i = 0; i < client->n_best; i++)
		sl__print_conn(&client->out, &client->best[i], false);
	sl__client_end(client, begun);
	sl__client_exit(client, 0);
}

static void busiest_begin(struct sl_server *server, struct sl_client *client)
{
	(void)server;
	client->best = calloc(SL_SERVER_BUSIEST, sizeof(*client->best));
	client->step = client->best ? busiest_step : NULL;
}

/* ---- reload --------------------------------------------------------------------------------- */

static void reload_begin(struct sl_server *server, struct sl_client *client)
{
	char *errors = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&errors, &len);
	bool done;

	if (!f) {
		sl__client_exit(client, 1);
		return;
	}
	done = server->ops.reload(server->ops.ctx, client->n_args > 1 ? client->args[1] : NULL, f);
	fclose(f);
	sl__client_say(client, 'e', errors, len);
	free(errors);
	sl__client_exit(client, done ? 0 : 1);
}

/* ---- words ---------------------------------------------------------------------------------- */

static void list_begin(struct sl_server *server, struct sl_client *client)
{
	(void)server;
	client->step = list_step;
}

static void flush_begin(struct sl_server *server, struct sl_client *client)
{
	(void)server;
	client->step = flush_step;
}

static void expect_begin(struct sl_server *server, struct sl_client *client)
{
	client->tables = SL_TABLE_EXPECT;
	list_begin(server, client);
}

enum { TABLES = 1, FILTERS = 2, ALL = 4, FILE_NAME = 8 };

static const struct {
	const char *name;
	void (*begin)(struct sl_server *server, struct sl_client *client);
	unsigned takes;
} commands[] = {
        {"list", list_begin, TABLES | FILTERS},
        {"expect", expect_begin, FILTERS},
        {"events", events_begin, TABLES | FILTERS},
        {"flush", flush_begin, TABLES | FILTERS},
        {"stats", stats_begin, 0},
        {"helpers", helpers_begin, 0},
        {"explain", explain_begin, FILTERS | ALL},
        {"reload", reload_begin, FILE_NAME},
        {"busiest", busiest_begin, 0},
};

static bool table_word(struct sl_client *client, const char *word)
{
	static const struct {
		const char *name;
		unsigned tables;
	} names[] = {{"conntrack", SL_TABLE_CONNTRACK}, {"expect", SL_TABLE_EXPECT},
	        {"log", SL_TABLE_LOG},
	        {"all", SL_TABLE_CONNTRACK | SL_TABLE_EXPECT | SL_TABLE_LOG}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].name, word) == 0) {
			client->tables = names[i].tables;
			return true;
		}
	return false;
}

/* conntrack -e NEW,UPDATES,DESTROY */
static bool type_words(struct sl_client *client, const char *words)
{
	static const struct {
		const char *name;
		unsigned types;
	} names[] = {{"NEW", 1u << SL_EVENT_NEW | 1u << SL_EVENT_EXPECT_NEW},
	        {"UPDATE", 1u << SL_EVENT_UPDATE}, {"UPDATES", 1u << SL_EVENT_UPDATE},
	        {"DESTROY", 1u << SL_EVENT_DESTROY | 1u << SL_EVENT_EXPECT_DESTROY}, {"ALL", ~0u}};

	client->types = 1u << SL_EVENT_LOG;
	while (*words) {
		size_t len = strcspn(words, ","), i = 0;

		while (i < sizeof(names) / sizeof(names[0]) &&
		        (strlen(names[i].name) != len || strncmp(names[i].name, words, len) != 0))
			i++;
		if (i == sizeof(names) / sizeof(names[0]))
			return false;
		client->types |= names[i].types;
		words += len + (words[len] == ',');
	}
	return true;
}

static int refuse(struct sl_client *client, const char *what, const char *word)
{
	sl__client_printf(
	        client, 'e', "sluice %s: %s%s%s\n", client->args[0], word, *word ? ": " : "", what);
	sl__client_exit(client, 1);
	return -1;
}

/* A word that is no filter. 1: taken; 0: unknown; -1: wrong, and said. */
static int other_word(struct sl_client *client, unsigned takes, unsigned *at)
{
	char **args = client->args;
	const char *word = args[*at];

	if (strcmp(word, "-j") == 0 || strcmp(word, "--json") == 0) {
		client->json = true;
	} else if (strcmp(word, "-o") == 0 && *at + 1 < client->n_args) {
		if (strcmp(args[++*at], "extended") != 0)
			return refuse(client, "only extended is known", "-o");
		client->extended = true;
	} else if ((takes & TABLES) && strcmp(word, "-e") == 0 && *at + 1 < client->n_args) {
		if (!type_words(client, args[++*at]))
			return refuse(client, "not NEW, UPDATES, DESTROY or ALL", args[*at]);
	} else if ((takes & ALL) && strcmp(word, "--all") == 0) {
		client->all = true;
	} else if (!((takes & TABLES) && table_word(client, word)) && !(takes & FILE_NAME)) {
		return 0;
	}
	++*at;
	return 1;
}

/* False: it was refused. */
static bool read_words(struct sl_client *client, unsigned takes)
{
	const char *error;

	for (unsigned at = 1; at < client->n_args;) {
		int got = takes & FILTERS ? sl__filter_option(&client->filter, client->args,
		                                    client->n_args, &at, &error)
		                          : 0;

		if (got < 0)
			refuse(client, error, "");
		else if (got == 0)
			got = other_word(client, takes, &at);
		if (got == 0)
			got = refuse(client, "not understood", client->args[at]);
		if (got < 0)
			return false;
	}
	return true;
}

void sl__command_begin(struct sl_server *server, struct sl_client *client)
{
	client->tables = SL_TABLE_CONNTRACK;
	client->types = ~0u;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, client->args[0]) != 0)
			continue;
		if (read_words(client, commands[i].takes))
			commands[i].begin(server, client);
		return;
	}
	refuse(client, "no such command", "");
}
