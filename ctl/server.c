/* SPDX-License-Identifier: BSD-2-Clause */
/* The control thread: sockets, frames, and whose turn it is. What is done is in commands.c. */
#include "ctl/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ctl/mem.h"

enum { LISTENER, STOP, FEED, FIRST_CLIENT = FEED + SL_SERVER_ENGINES };

static uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- frames --------------------------------------------------------------------------------- */

size_t sl__client_begin(struct sl_client *client, char kind)
{
	char head[5] = {kind};

	sl__print_put(&client->out, head, sizeof(head));
	return client->out.len;
}

void sl__client_end(struct sl_client *client, size_t begun)
{
	uint32_t len = htonl((uint32_t)(client->out.len - begun));

	if (client->out.len == begun)
		client->out.len -= 5;
	else
		memcpy(client->out.bytes + begun - 4, &len, 4);
}

void sl__client_say(struct sl_client *client, char kind, const void *bytes, size_t len)
{
	size_t begun = sl__client_begin(client, kind);

	sl__print_put(&client->out, bytes, len);
	sl__client_end(client, begun);
}

void sl__client_printf(struct sl_client *client, char kind, const char *format, ...)
{
	char line[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n > 0)
		sl__client_say(client, kind, line,
		        (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

void sl__client_exit(struct sl_client *client, int status)
{
	sl__client_printf(client, 'x', "%d", status);
	client->over = true;
	client->step = NULL;
}

/* ---- clients -------------------------------------------------------------------------------- */

static void count_listeners(struct sl_server *server)
{
	unsigned readers = 0, explainers = 0;

	for (unsigned i = 0; i < server->n_clients; i++) {
		readers += server->clients[i]->listens;
		explainers += server->clients[i]->explains;
	}
	for (unsigned i = 0; i < server->ops.n_engines; i++) {
		atomic_store(&server->ops.engines[i].feed->readers, readers);
		atomic_store(&server->ops.engines[i].feed->explainers, explainers);
	}
}

static void add_client(struct sl_server *server)
{
	int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct sl_client *client;

	if (fd < 0)
		return;
	if (server->n_clients == SL_SERVER_CLIENTS) {
		close(fd);
		return;
	}
	client = sl__must_alloc(sizeof(*client));
	*client = (struct sl_client){.fd = fd, .alive = clock_ms()};
	server->clients[server->n_clients++] = client;
}

static void drop_client(struct sl_server *server, unsigned i)
{
	struct sl_client *client = server->clients[i];

	server->clients[i] = server->clients[--server->n_clients];
	close(client->fd);
	sl__print_fini(&client->in);
	sl__print_fini(&client->out);
	free(client->tally);
	free(client->best);
	free(client);
	count_listeners(server);
}

/* Cuts the words of a whole request. False: it is none. */
static bool cut_words(struct sl_client *client)
{
	char *at = client->in.bytes + 4, *end = client->in.bytes + client->in.len;

	if (at == end || end[-1] != '\0')
		return false;
	while (at < end) {
		if (client->n_args == sizeof(client->args) / sizeof(client->args[0]))
			return false;
		client->args[client->n_args++] = at;
		at += strlen(at) + 1;
	}
	return true;
}

/* False: the client is gone, or talks nonsense. */
static bool read_request(struct sl_server *server, struct sl_client *client)
{
	char bytes[4096];
	ssize_t got = recv(client->fd, bytes, sizeof(bytes), 0);
	uint32_t len;

	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR);
	if (client->n_args)
		return true; /* whatever else it says */
	sl__print_put(&client->in, bytes, (size_t)got);
	if (client->in.len < 4)
		return true;
	memcpy(&len, client->in.bytes, 4);
	len = ntohl(len);
	if (len > SL_SERVER_REQUEST || client->in.len > 4 + len)
		return false;
	if (client->in.len < 4 + len)
		return true;
	if (!cut_words(client))
		return false;
	sl__command_begin(server, client);
	count_listeners(server);
	return true;
}

/* False: nobody reads any more. */
static bool send_out(struct sl_client *client)
{
	while (client->sent < client->out.len) {
		ssize_t put = send(client->fd, client->out.bytes + client->sent,
		        client->out.len - client->sent, MSG_NOSIGNAL);

		if (put < 0)
			return errno == EAGAIN || errno == EINTR;
		client->sent += (size_t)put;
		client->alive = clock_ms();
	}
	client->sent = client->out.len = 0;
	return true;
}

static bool unsent(const struct sl_client *client)
{
	return client->sent < client->out.len;
}

/* False: it is to be dropped. */
static bool serve(struct sl_server *server, struct sl_client *client, short happened)
{
	if (happened & (POLLIN | POLLHUP | POLLERR) && !read_request(server, client))
		return false;
	if (!send_out(client))
		return false;
	if (!unsent(client) && client->step) {
		client->step(server, client);
		if (!send_out(client))
			return false;
	}
	if (client->over && !unsent(client))
		return false;
	if (client->out.len - client->sent > SL_SERVER_BEHIND) {
		server->readers_dropped++;
		return false;
	}
	/* Who asks nothing, or does not take what it asked for. */
	return clock_ms() - client->alive < SL_SERVER_IDLE || (client->n_args && !unsent(client));
}

/* ---- events --------------------------------------------------------------------------------- */

static void tell_lost(struct sl_server *server)
{
	unsigned long lost = 0;

	for (unsigned i = 0; i < server->ops.n_engines; i++)
		lost += atomic_load(&server->ops.engines[i].feed->lost);
	if (lost == server->lost_told)
		return;
	for (unsigned i = 0; i < server->n_clients; i++)
		if (server->clients[i]->listens)
			sl__client_printf(server->clients[i], 'e', "%lu events were lost\n",
			        lost - server->lost_told);
	server->lost_told = lost;
}

static void spread_feed(struct sl_server *server, struct sl_feed *feed)
{
	const struct sl_feed_record *record;
	uint64_t n;

	if (read(feed->wake, &n, sizeof(n)) < 0) {
		/* woken for something else */
	}
	for (unsigned budget = 4096; budget && (record = sl__feed_peek(feed)); budget--) {
		for (unsigned i = 0; i < server->n_clients; i++)
			if (server->clients[i]->listens || server->clients[i]->explains)
				sl__command_event(server, server->clients[i], record);
		sl__feed_take(feed, record);
	}
}

static void spread_events(struct sl_server *server)
{
	for (unsigned i = 0; i < server->ops.n_engines; i++)
		spread_feed(server, server->ops.engines[i].feed);
	tell_lost(server);
}

static bool has_events(const struct sl_server *server)
{
	for (unsigned i = 0; i < server->ops.n_engines; i++)
		if (sl__feed_peek(server->ops.engines[i].feed))
			return true;
	return false;
}

/* ---- the thread ----------------------------------------------------------------------------- */

static unsigned prepare(const struct sl_server *server, struct pollfd *fds)
{
	fds[LISTENER] = (struct pollfd){.fd = server->listener, .events = POLLIN};
	fds[STOP] = (struct pollfd){.fd = server->stop, .events = POLLIN};
	for (unsigned i = 0; i < SL_SERVER_ENGINES; i++)
		fds[FEED + i] = (struct pollfd){
		        .fd = i < server->ops.n_engines ? server->ops.engines[i].feed->wake : -1,
		        .events = POLLIN};
	for (unsigned i = 0; i < server->n_clients; i++) {
		const struct sl_client *client = server->clients[i];
		bool wants = unsent(client) || client->step || client->over;

		fds[FIRST_CLIENT + i] = (struct pollfd){
		        .fd = client->fd, .events = (short)(POLLIN | (wants ? POLLOUT : 0))};
	}
	return FIRST_CLIENT + server->n_clients;
}

static void *work(void *ctx)
{
	struct sl_server *server = ctx;
	struct pollfd fds[FIRST_CLIENT + SL_SERVER_CLIENTS];
	unsigned n;

	for (;;) {
		n = prepare(server, fds);
		if (poll(fds, n, has_events(server) ? 0 : 1000) < 0 && errno != EINTR)
			break;
		if (fds[STOP].revents)
			break;
		spread_events(server);
		/* From the last on: dropping one moves the last into its place. */
		for (unsigned i = n - FIRST_CLIENT; i-- > 0;)
			if (!serve(server, server->clients[i], fds[FIRST_CLIENT + i].revents))
				drop_client(server, i);
		if (fds[LISTENER].revents)
			add_client(server);
	}
	return NULL;
}

bool sl__server_start(struct sl_server *server)
{
	sigset_t all, before;
	int error;

	sigfillset(&all); /* signals are the engine thread's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&server->thread, NULL, work, server);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	server->running = error == 0;
	if (error)
		fprintf(stderr, "sluice: control thread: %s\n", strerror(error));
	return server->running;
}

/* ---- the socket ----------------------------------------------------------------------------- */

/* Does somebody answer there? If not, a socket that lies there was left by a run that was killed. */
static bool in_use(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool used =
	        fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
	                           errno == EAGAIN); /* too many want to talk to it */

	if (fd >= 0)
		close(fd);
	return used;
}

static bool is_something_else(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode);
}

static bool complain(const char *path, const char *what)
{
	fprintf(stderr, "sluice: control socket %s: %s\n", path, what);
	return false;
}

static void make_folder(const char *path)
{
	char folder[108];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return;
	*slash = '\0';
	(void)mkdir(folder, 0755);
}

static bool permit(const char *path, unsigned mode, const char *group)
{
	const struct group *found = group ? getgrnam(group) : NULL;

	if (group && !found)
		return complain(path, "no such group");
	if (found && chown(path, (uid_t)-1, found->gr_gid) != 0)
		return complain(path, strerror(errno));
	return chmod(path, mode) == 0 || complain(path, strerror(errno));
}

static bool open_socket(struct sl_server *server, unsigned mode, const char *group)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t before;
	bool bound;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", server->path);
	make_folder(server->path);
	if (in_use(&address))
		return complain(server->path, "another sluice run answers there (--control PATH)");
	if (is_something_else(server->path))
		return complain(
		        server->path, "there is something that is no socket (--control PATH)");
	unlink(server->path);
	server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	before = umask(0177);
	bound = server->listener >= 0 &&
	        bind(server->listener, (const struct sockaddr *)&address, sizeof(address)) == 0;
	umask(before);
	if (!bound || listen(server->listener, 64) != 0)
		return complain(server->path, strerror(errno));
	if (permit(server->path, mode, group))
		return true;
	unlink(server->path);
	return false;
}

struct sl_server *sl__server_create(
        const char *path, unsigned mode, const char *group, const struct sl_control_ops *ops)
{
	struct sl_server *server = sl__must_alloc(sizeof(*server));

	memset(server, 0, sizeof(*server));
	server->ops = *ops;
	server->listener = -1;
	server->stop = eventfd(0, EFD_CLOEXEC);
	sl__json_init(&server->json);
	if (snprintf(server->path, sizeof(server->path), "%s", path) >= (int)sizeof(server->path)) {
		complain(path, "the path is too long");
	} else if (open_socket(server, mode, group)) {
		return server;
	}
	server->path[0] = '\0'; /* not ours to remove */
	sl__server_destroy(server);
	return NULL;
}

void sl__server_destroy(struct sl_server *server)
{
	uint64_t one = 1;

	if (!server)
		return;
	if (server->running && write(server->stop, &one, sizeof(one)) > 0)
		pthread_join(server->thread, NULL);
	while (server->n_clients)
		drop_client(server, server->n_clients - 1);
	if (server->listener >= 0)
		close(server->listener);
	if (server->path[0])
		unlink(server->path);
	close(server->stop);
	sl__json_fini(&server->json);
	free(server);
}
