/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client of the control socket may ask for: a table of commands. Its words are
 * read by words.c, what needs an engine is done in steps by walk.c; all else is the control thread's.
 */
#include <stdlib.h>
#include <string.h>

#include <sluice/helper.h>

#include "ctl/json_events.h"
#include "ctl/mem.h"
#include "ctl/server.h"
#include "ctl/snapshot.h"
#include "ctl/walk.h"
#include "ctl/words.h"

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
	size_t begun;

	if (!(expects ? sl__walk_expects(server, client) : sl__walk_conns(server, client)))
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
	unsigned ended;

	if (!sl__walk_flush(server, client, &ended))
		return;
	client->shown += ended;
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
	if (!sl__walk_conns(server, client))
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
	size_t begun;

	if (!sl__walk_conns(server, client))
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

static const struct {
	const char *name;
	void (*begin)(struct sl_server *server, struct sl_client *client);
	unsigned takes;
} commands[] = {
        {"list", list_begin, SL_WORDS_TABLES | SL_WORDS_FILTERS},
        {"expect", expect_begin, SL_WORDS_FILTERS},
        {"events", events_begin, SL_WORDS_TABLES | SL_WORDS_FILTERS},
        {"flush", flush_begin, SL_WORDS_TABLES | SL_WORDS_FILTERS},
        {"stats", stats_begin, 0},
        {"helpers", helpers_begin, 0},
        {"explain", explain_begin, SL_WORDS_FILTERS | SL_WORDS_ALL},
        {"reload", reload_begin, SL_WORDS_FILE},
        {"busiest", busiest_begin, 0},
};

void sl__command_begin(struct sl_server *server, struct sl_client *client)
{
	client->tables = SL_TABLE_CONNTRACK;
	client->types = ~0u;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, client->args[0]) != 0)
			continue;
		if (sl__words_read(client, commands[i].takes))
			commands[i].begin(server, client);
		return;
	}
	sl__words_refuse(client, "no such command", "");
}
