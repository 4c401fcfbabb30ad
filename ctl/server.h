/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_CTL_SERVER_H
#define SLUICE_CTL_SERVER_H

/*
 * The control socket of a live gateway, in a thread of its own.
 *
 * A client sends one request: four bytes of length (network order), then the words of a command
 * line, each ended by NUL. It gets frames, each a kind, four bytes of length, and that many bytes:
 *
 *	'o'  for its standard output
 *	'e'  for its standard error
 *	'x'  its exit status, in decimal; the last frame
 *
 * A client's work is done in steps, of one engine's table after the other. The next step is taken when the client has read what the one
 * before gave, so a table of any size takes no more memory than a step, and packets wait for no
 * more than one. Events come by themselves: who does not read them in time is dropped.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

#include "ctl/desk.h"
#include "ctl/feed.h"
#include "ctl/filter.h"
#include "ctl/json.h"
#include "ctl/print.h"

#define SL_CONTROL_PATH "/run/sluice/control.sock"

enum {
	SL_SERVER_CLIENTS = 64,
	SL_SERVER_STEP = 256,       /* slots of a table looked at in one step */
	SL_SERVER_BEHIND = 4 << 20, /* bytes of events that a client may leave unread */
	SL_SERVER_REQUEST = 16384,
	SL_SERVER_IDLE = 30000, /* ms in which a client must take something */
	SL_SERVER_BUSIEST = 40,
	SL_SERVER_BUSIEST_OF = 65536, /* connections looked at for these: packets come first */
	SL_SERVER_ENGINES = 16,
};

/* What a gateway says of itself besides the engine's own numbers. */
struct sl_control_more {
	uint64_t told, unsent, not_passed, read_errors, write_errors, routes_asked;
	uint64_t gone_dropped, gone_passed, foreign;
	uint64_t conns_max, expects_max, offloaded;
	uint64_t fast_packets, fast_bytes; /* forwarded by BPF alone */
	uint64_t uptime; /* seconds */
};

/* One engine of the gateway, with a thread of its own. */
struct sl_control_engine {
	void *ctx; /* first argument of what is called in its thread */
	struct sl_engine *engine;
	struct sl_desk *desk;
	struct sl_feed *feed;
};

/* What the server needs of the gateway. */
struct sl_control_ops {
	void *ctx;
	struct sl_control_engine engines[SL_SERVER_ENGINES];
	unsigned n_engines;
	/* Control thread: read and swap the ruleset; what is wrong goes to errors. */
	bool (*reload)(void *ctx, const char *file, FILE *errors);
	/* That engine's thread: an operator ends these. */
	void (*end_conn)(void *ctx, struct sl_conn *conn, const struct sl_conn_info *info);
	void (*end_expect)(void *ctx, struct sl_expect *expect, const struct sl_expect_info *info);
	/* That engine's thread: add its numbers. */
	void (*more)(void *ctx, struct sl_control_more *out);
	/* Any thread: the i-th helper that is known, and whether it is attached by itself; NULL: no
	 * more. */
	const struct sl_helper *(*helper)(void *ctx, unsigned i, uint16_t *port, bool *active);
};

struct sl_server;
struct sl_client;

/* NULL: said on stderr. group may be NULL: the process's own. */
struct sl_server *sl__server_create(
        const char *path, unsigned mode, const char *group, const struct sl_control_ops *ops);
bool sl__server_start(struct sl_server *server);
/* The engine's thread must serve the desk, or have closed it. */
void sl__server_destroy(struct sl_server *server);

/* ---- between server.c and commands.c --------------------------------------------------------- */

enum sl_control_table { SL_TABLE_CONNTRACK = 1, SL_TABLE_EXPECT = 2, SL_TABLE_LOG = 4 };

struct sl_client {
	int fd;
	struct sl_print in, out;
	size_t sent; /* of out */
	/* The request, when it has come. */
	char *args[256];
	unsigned n_args;
	struct sl_filter filter;
	bool json, extended, all, drops_only;
	unsigned tables; /* enum sl_control_table */
	unsigned types;  /* events: bit 1 << enum sl_event_type */
	void (*step)(struct sl_server *server, struct sl_client *client); /* NULL: nothing to do */
	bool listens;                                                     /* to events */
	bool explains;
	bool over; /* all was said: close when it is sent */
	unsigned engine; /* which one's table it has come to */
	uint64_t cursor, shown;
	unsigned *tally;            /* helpers: connections of each */
	struct sl_conn_info *best; /* busiest: the best so far */
	unsigned n_best;
	uint64_t alive;  /* ms: when it last took something */
};

struct sl_server {
	struct sl_control_ops ops;
	char path[108];
	int listener, stop; /* stop: eventfd */
	pthread_t thread;
	bool running;
	struct sl_client *clients[SL_SERVER_CLIENTS];
	unsigned n_clients;
	unsigned long lost_told;
	uint64_t readers_dropped;
	struct sl_json json;
	/* A step's findings, on their way from the engine's thread. */
	union {
		struct sl_conn_info conns[SL_SERVER_STEP];
		struct sl_expect_info expects[SL_SERVER_STEP];
	} found;
	unsigned n_found;
	bool more;
};

/* Frames. */
void sl__client_say(struct sl_client *client, char kind, const void *bytes, size_t len);
__attribute__((format(printf, 3, 4))) void sl__client_printf(
        struct sl_client *client, char kind, const char *format, ...);
/* A frame that is written in place: begin, write to client->out, end with what begin gave. */
size_t sl__client_begin(struct sl_client *client, char kind);
void sl__client_end(struct sl_client *client, size_t begun);
void sl__client_exit(struct sl_client *client, int status);

/* commands.c: read client->args, and set out to do it. */
void sl__command_begin(struct sl_server *server, struct sl_client *client);
/* One record of the feed, for a client that listens. */
void sl__command_event(
        struct sl_server *server, struct sl_client *client, const struct sl_feed_record *record);

#endif
