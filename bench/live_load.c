/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Load for bench/live.py: one program, a mode each. What is measured is printed as numbers on one
 * line; times are seconds.
 *
 * flood IF MAC SRC DST FLOWS TIME [SIZE [RATE]]
 *     UDP through a packet socket, so that the sender costs little: as fast as it goes, or RATE
 *     packets a second; prints packets sent (SIZE 61: each is answered; for connections that are
 *     to be old)
 * drain PORT...
 *     takes what comes by UDP to these ports, until killed; answers what has more than 32 bytes
 * sink PORT
 *     takes TCP connections and what they send, until killed
 * bulk ADDR PORT TIME
 *     one TCP connection; prints bytes sent
 * connects ADDR PORT TIME
 *     TCP connections opened and closed, 32 at a time; prints them
 * echo PORT
 *     UDP, sends back, until killed
 * pings ADDR PORT TIME
 *     UDP there and back, one at a time; prints count, median and 99th percentile in microseconds
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in address(const char *text, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

	if (inet_pton(AF_INET, text, &a.sin_addr) != 1)
		die(text);
	return a;
}

/* ---- flood ---------------------------------------------------------------------------------- */

static uint16_t header_sum(const uint8_t *h)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)h[i] << 8 | h[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Flow number n: source ports first, then destination ports 5001 to 5004, then source addresses. */
static void put_flow(uint8_t *frame, uint32_t src, unsigned n)
{
	uint8_t *ip = frame + 14;
	uint32_t from = src + n / 64000 / 4;

	ip[12] = (uint8_t)(from >> 24);
	ip[13] = (uint8_t)(from >> 16);
	ip[14] = (uint8_t)(from >> 8);
	ip[15] = (uint8_t)from;
	put16(ip + 20, 1024 + n / 4 % 64000);
	put16(ip + 22, 5001 + n % 4);
	put16(ip + 10, 0);
	put16(ip + 10, header_sum(ip));
}

static void put_frame(uint8_t *frame, const char *mac, const char *dst, unsigned size)
{
	unsigned m[6];
	uint8_t *ip = frame + 14;

	if (sscanf(mac, "%x:%x:%x:%x:%x:%x", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6)
		die(mac);
	memset(frame, 0, 14 + size);
	for (int i = 0; i < 6; i++)
		frame[i] = (uint8_t)m[i];
	frame[6] = 2;
	put16(frame + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, size);
	ip[8] = 64;
	ip[9] = 17;
	inet_pton(AF_INET, dst, ip + 16);
	put16(ip + 24, size - 20);
}

static int flood(char **a)
{
	int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1;
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(a[0])};
	unsigned flows = (unsigned)atoi(a[4]), size = a[6] ? (unsigned)atoi(a[6]) : 60, n = 0;
	static uint8_t frames[BATCH][1600];
	struct mmsghdr msgs[BATCH] = {0};
	struct iovec iov[BATCH];
	unsigned long long sent = 0;
	double begin = now(), end = begin + atof(a[5]), rate = a[6] && a[7] ? atof(a[7]) : 0;
	uint32_t src = ntohl(inet_addr(a[2]));

	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		die("packet socket");
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	for (int i = 0; i < BATCH; i++) {
		put_frame(frames[i], a[1], a[3], size);
		iov[i] = (struct iovec){frames[i], 14 + size};
		msgs[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	while (now() < end) {
		if (rate > 0 && (double)sent > (now() - begin) * rate) {
			usleep(500);
			continue;
		}
		for (int i = 0; i < BATCH; i++, n = n + 1 == flows ? 0 : n + 1)
			put_flow(frames[i], src, n);
		for (int done = 0, k; done < BATCH; done += k) {
			k = sendmmsg(fd, msgs + done, (unsigned)(BATCH - done), 0);
			if (k <= 0 && errno != ENOBUFS && errno != EAGAIN)
				die("sendmmsg");
			k = k > 0 ? k : 1;
			sent += (unsigned)k;
		}
	}
	printf("%llu\n", sent);
	return 0;
}

/* ---- receivers ------------------------------------------------------------------------------ */

static void *drain_port(void *ctx)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in a = address("0.0.0.0", ctx);
	static _Thread_local char buffers[BATCH][2048];
	struct sockaddr_in peers[BATCH];
	struct mmsghdr msgs[BATCH] = {0};
	struct iovec iov[BATCH];
	int n;

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		die("bind");
	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){buffers[i], sizeof(buffers[i])};
		msgs[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	for (;;) {
		for (int i = 0; i < BATCH; i++) {
			msgs[i].msg_hdr.msg_name = &peers[i];
			msgs[i].msg_hdr.msg_namelen = sizeof(peers[i]);
		}
		n = recvmmsg(fd, msgs, BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++)
			if (msgs[i].msg_len > 32)
				sendto(fd, buffers[i], 1, 0, (struct sockaddr *)&peers[i],
				        sizeof(peers[i]));
	}
	return NULL;
}

static int drain(char **a)
{
	pthread_t t;

	for (; *a; a++)
		pthread_create(&t, NULL, drain_port, *a);
	pause();
	return 0;
}

static void *sink_one(void *ctx)
{
	int fd = (int)(intptr_t)ctx;
	static _Thread_local char buffer[1 << 18];

	while (read(fd, buffer, sizeof(buffer)) > 0) {
	}
	close(fd);
	return NULL;
}

static int sink(char **a)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1, c;
	struct sockaddr_in here = address("0.0.0.0", a[0]);
	pthread_attr_t detached;
	pthread_t t;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&here, sizeof(here)) != 0 || listen(fd, 4096) != 0)
		die("listen");
	while ((c = accept(fd, NULL, NULL)) >= 0) {
		char first;

		/* What is only opened is closed at once; what sends gets a thread. */
		if (recv(c, &first, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && a[1])
			close(c);
		else if (pthread_create(&t, &detached, sink_one, (void *)(intptr_t)c) != 0)
			close(c);
	}
	return 1;
}

_Noreturn static int echo(char **a)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in here = address("0.0.0.0", a[0]), peer;
	char buffer[2048];

	if (bind(fd, (struct sockaddr *)&here, sizeof(here)) != 0)
		die("bind");
	for (;;) {
		socklen_t len = sizeof(peer);
		ssize_t n = recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&peer, &len);

		if (n >= 0)
			sendto(fd, buffer, (size_t)n, 0, (struct sockaddr *)&peer, len);
	}
}

/* ---- senders -------------------------------------------------------------------------------- */

static int bulk(char **a)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in to = address(a[0], a[1]);
	static char buffer[1 << 18];
	unsigned long long sent = 0;
	double end;

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		die("connect");
	for (end = now() + atof(a[2]); now() < end;) {
		ssize_t n = write(fd, buffer, sizeof(buffer));

		if (n < 0)
			die("write");
		sent += (unsigned long long)n;
	}
	printf("%llu\n", sent);
	return 0;
}

static void open_one(int poll, const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct epoll_event event = {.events = EPOLLIN | EPOLLHUP | EPOLLERR, .data.fd = fd};

	if (fd < 0 || (connect(fd, (const struct sockaddr *)to, sizeof(*to)) != 0 &&
	                      errno != EINPROGRESS))
		die("connect");
	epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
}

static int connects(char **a)
{
	struct sockaddr_in to = address(a[0], a[1]);
	int poll = epoll_create1(0);
	unsigned long long done = 0;
	double end = now() + atof(a[2]);
	struct linger reset = {1, 0};

	for (int i = 0; i < 32; i++)
		open_one(poll, &to);
	while (now() < end) {
		struct epoll_event events[32];
		int n = epoll_wait(poll, events, 32, 100);

		/* The server closes what it accepted; we are done with it then. */
		for (int i = 0; i < n; i++) {
			done += !(events[i].events & EPOLLERR);
			setsockopt(events[i].data.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
			close(events[i].data.fd);
			open_one(poll, &to);
		}
	}
	printf("%llu\n", done);
	return 0;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int pings(char **a)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in to = address(a[0], a[1]);
	struct sockaddr_in from = address("0.0.0.0", "7777");
	struct timeval patience = {1, 0};
	static double took[1 << 20];
	size_t n = 0;
	double end;
	char c = 0;

	/* Always the same connection, so that one before has made it old. */
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0)
		die("bind");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		die("connect");
	for (end = now() + atof(a[2]); now() < end && n < sizeof(took) / sizeof(took[0]);) {
		double begin = now();

		if (send(fd, &c, 1, 0) == 1 && recv(fd, &c, 1, 0) == 1)
			took[n++] = (now() - begin) * 1e6;
		usleep(200); /* as a packet comes by itself, not hot on the heels of another */
	}
	qsort(took, n, sizeof(took[0]), by_size);
	printf("%zu %.1f %.1f\n", n, n ? took[n / 2] : 0, n ? took[n * 99 / 100] : 0);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(char **args);
		int least;
	} modes[] = {{"flood", flood, 6}, {"drain", drain, 1}, {"sink", sink, 1}, {"echo", echo, 1},
	        {"bulk", bulk, 3}, {"connects", connects, 3}, {"pings", pings, 3}};

	for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(argv[1], modes[i].name) == 0 && argc - 2 >= modes[i].least)
			return modes[i].run(argv + 2);
	fprintf(stderr, "usage: see the top of bench/live_load.c\n");
	return 2;
}
