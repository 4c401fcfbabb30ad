/* SPDX-License-Identifier: BSD-2-Clause */
/* See client.h. */
#include "ctl/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/print.h"

static bool put_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t put = write(fd, bytes, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		bytes += put;
		len -= (size_t)put;
	}
	return true;
}

static bool get_all(int fd, char *bytes, size_t len)
{
	while (len) {
		ssize_t got = read(fd, bytes, len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		bytes += got;
		len -= (size_t)got;
	}
	return true;
}

int sl__client_ask(const char *path, const char *const *words, unsigned n)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct sl_print request = {0};
	uint32_t len = 0;
	bool sent;
	int fd;

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >=
	        (int)sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	sl__print_put(&request, &len, 4);
	for (unsigned i = 0; i < n; i++)
		sl__print_put(&request, words[i], strlen(words[i]) + 1);
	len = htonl((uint32_t)(request.len - 4));
	memcpy(request.bytes, &len, 4);
	sent = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	       put_all(fd, request.bytes, request.len);
	sl__print_fini(&request);
	if (sent)
		return fd;
	close(fd);
	return -1;
}

int sl__client_copy(int fd, int out, int err)
{
	char head[5], bytes[65536];

	while (get_all(fd, head, sizeof(head))) {
		uint32_t len;

		memcpy(&len, head + 1, 4);
		len = ntohl(len);
		while (len) {
			size_t some = len < sizeof(bytes) - 1 ? len : sizeof(bytes) - 1;

			if (!get_all(fd, bytes, some))
				return 1;
			len -= (uint32_t)some;
			if (head[0] == 'x') {
				bytes[some] = '\0';
				return atoi(bytes);
			}
			if (!put_all(head[0] == 'o' ? out : err, bytes, some))
				return 1;
		}
	}
	return 1;
}

int sl__client_run(const char *path, const char *const *words, unsigned n)
{
	int fd = sl__client_ask(path, words, n), status;

	if (fd < 0) {
		fprintf(stderr, "sluice %s: %s: %s (%s)\n", words[0], path, strerror(errno),
		        errno == EACCES
		                ? "who may is said by sluice run --control-mode, --control-group"
		                : "is `sluice run` running? its socket: --control PATH");
		return 1;
	}
	status = sl__client_copy(fd, STDOUT_FILENO, STDERR_FILENO);
	close(fd);
	return status;
}
