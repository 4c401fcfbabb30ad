/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A gateway over bad links, for tests: two TUN devices in two network namespaces, an engine with
 * masquerade and the FTP helper between them, and on both sides of the engine a link that loses,
 * duplicates, delays and re-orders packets, all from one seed.
 *
 *	netns CLIENT                                                        netns SERVER
 *	tun0 10.0.0.2  --- link --->  |engine, in_if 1 / in_if 2|  --- link --->  tun0 198.51.100.2
 *	     fd00:1::2 <-- link ----  |203.0.113.1, 2001:db8::1 |  <-- link ----       2001:db8:2::2
 *
 * usage: relay CLIENT SERVER SEED LOSS DUPLICATE LATE      (the last three in 1/1000 of packets)
 * "ready" on stdout says that packets flow; SIGTERM ends it. It then checks the engine, and that
 * every byte of memory came back, and prints one line of counts. Exit status 1: something was wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <sluice/policy.h>

#define MS 1000000ull
#define ROOM 128
#define LONGEST 2048
#define WAITING 4096 /* packets under way on all links together; more are lost */

enum { INSIDE = 1, OUTSIDE = 2 }; /* interface numbers, and index of tun[] */

/* A packet under way: on its way to the engine (to_engine) or to the TUN of `side`. */
struct flight {
	uint64_t due;
	uint8_t *block; /* ROOM bytes, then the packet */
	uint32_t len;
	uint8_t side;
	bool to_engine;
};

static struct {
	int tun[3];
	struct sl_engine *engine;
	struct flight flights[WAITING];
	unsigned n_flights;
	uint64_t random;
	unsigned loss, duplicate, late;
	size_t allocated;
	unsigned long entered, lost, doubled, delayed, dropped, held, emitted, edited;
} g;

static volatile sig_atomic_t ending;

static void end(int sig)
{
	(void)sig;
	ending = 1;
}

static uint64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* xorshift64*: the same seed gives the same links. */
static uint32_t chance(uint32_t below)
{
	g.random ^= g.random >> 12;
	g.random ^= g.random << 25;
	g.random ^= g.random >> 27;
	return (uint32_t)(g.random * 0x2545f4914f6cdd1dull >> 32) % below;
}

/* ---- the links ------------------------------------------------------------------------------- */

static void launch(const uint8_t *bytes, uint32_t len, unsigned side, bool to_engine)
{
	struct flight *f = &g.flights[g.n_flights];

	if (g.n_flights == WAITING || chance(1000) < g.loss) {
		g.lost++;
		return;
	}
	f->block = malloc(ROOM + LONGEST);
	if (!f->block || len > LONGEST) {
		fprintf(stderr, "relay: a packet of %u bytes has no room\n", len);
		exit(1);
	}
	memcpy(f->block + ROOM, bytes, len);
	f->len = len;
	f->side = (uint8_t)side;
	f->to_engine = to_engine;
	f->due = clock_now() + MS / 2;
	if (chance(1000) < g.late) {
		f->due += (1 + chance(15)) * MS;
		g.delayed++;
	}
	g.n_flights++;
}

/* Onto a link: perhaps not, perhaps twice. */
static void send_on(const uint8_t *bytes, uint32_t len, unsigned side, bool to_engine)
{
	launch(bytes, len, side, to_engine);
	if (chance(1000) < g.duplicate) {
		g.doubled++;
		launch(bytes, len, side, to_engine);
	}
}

/* The packet that is due first, if it is; they are few, so a walk will do. */
static bool take_due(uint64_t now, struct flight *out)
{
	unsigned first = 0;

	for (unsigned i = 1; i < g.n_flights; i++)
		if (g.flights[i].due < g.flights[first].due)
			first = i;
	if (!g.n_flights || g.flights[first].due > now)
		return false;
	*out = g.flights[first];
	/* Those behind it keep their order: packets of one due time leave as they came. */
	memmove(&g.flights[first], &g.flights[first + 1],
		(--g.n_flights - first) * sizeof(g.flights[0]));
	return true;
}

/* ---- the embedder ---------------------------------------------------------------------------- */

static void *memory_alloc(void *ctx, size_t size, size_t align)
{
	(void)ctx;
	g.allocated += size;
	return aligned_alloc(align, (size + align - 1) / align * align);
}

static void memory_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	g.allocated -= size;
	free(p);
}

static bool contiguous(void *ctx, struct sl_packet *p, uint32_t len)
{
	(void)ctx;
	return len <= p->len;
}

static bool make(void *ctx, struct sl_packet *p, uint32_t len)
{
	uint8_t *block = malloc((size_t)ROOM + len + LONGEST);

	(void)ctx;
	if (!block)
		return false;
	*p = (struct sl_packet){.handle = block, .data = block + ROOM, .len = len, .headroom = ROOM,
		.tailroom = LONGEST};
	return true;
}

static void release(void *ctx, struct sl_packet *p)
{
	(void)ctx;
	free(p->handle);
	p->handle = NULL;
}

/* Every packet stands in a block of its own already: handle owns it. */
static bool keep(void *ctx, struct sl_packet *p)
{
	(void)ctx;
	return p->handle != NULL;
}

static void emit(void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	(void)cause;
	g.emitted++;
	send_on(p->data, p->len, p->out_if == INSIDE ? INSIDE : OUTSIDE, false);
	release(ctx, p);
}

static const struct sl_addr inside4 = {{[10] = 0xff, 0xff, 10, 0, 0, 0}},
			    public4 = {{[10] = 0xff, 0xff, 203, 0, 113, 1}},
			    inside6 = {{0xfd, 0, 0, 1}},
			    public6 = {{0x20, 1, 0x0d, 0xb8, [15] = 1}};

static void route(void *ctx, const struct sl_route_query *q, struct sl_route *answer)
{
	bool v4 = q->family == SL_IPV4;

	(void)ctx;
	*answer = (struct sl_route){.kind = SL_ROUTE_FORWARD, .mtu = 1500, .has_source = true};
	answer->out_if = memcmp(q->dst.b, v4 ? inside4.b : inside6.b, v4 ? 15 : 8) ? OUTSIDE : INSIDE;
	answer->source = v4 ? public4 : public6;
	if (sl_addr_eq(&q->dst, &answer->source))
		answer->kind = SL_ROUTE_LOCAL;
}

/* ---- packets --------------------------------------------------------------------------------- */

static void through_engine(struct flight *f, uint64_t now)
{
	struct sl_packet p = {.handle = f->block, .data = f->block + ROOM, .len = f->len, .headroom = ROOM,
		.tailroom = LONGEST - f->len, .in_if = f->side};

	sl_input(g.engine, &p, 1, now);
	if (p.verdict == SL_ACCEPT && p.to == SL_TO_FORWARD)
		send_on(p.data, p.len, p.out_if, false);
	g.dropped += p.verdict == SL_DROP;
	g.held += p.verdict == SL_HELD;
	g.edited += p.altered;
	if (p.verdict == SL_ACCEPT || p.verdict == SL_DROP)
		release(NULL, &p);
}

static void deliver(uint64_t now)
{
	struct flight f;

	while (take_due(now, &f)) {
		if (f.to_engine) {
			through_engine(&f, now);
			continue;
		}
		/* EIO: the device is not up yet; EINVAL: not a packet that the kernel would take. */
		if (write(g.tun[f.side], f.block + ROOM, f.len) < 0 && errno != EINVAL && errno != EIO) {
			perror("relay: write");
			exit(1);
		}
		free(f.block);
	}
}

static void receive(unsigned side)
{
	uint8_t bytes[LONGEST];
	ssize_t n;

	while ((n = read(g.tun[side], bytes, sizeof(bytes))) > 0) {
		g.entered++;
		send_on(bytes, (uint32_t)n, side, true);
	}
}

static int wait_ms(uint64_t now)
{
	uint64_t due = sl_deadline(g.engine);

	for (unsigned i = 0; i < g.n_flights; i++)
		if (g.flights[i].due < due)
			due = g.flights[i].due;
	if (due <= now)
		return 0;
	return due - now > 100 * MS ? 100 : (int)((due - now + MS - 1) / MS);
}

static void run(void)
{
	struct pollfd fds[2] = {{.fd = g.tun[INSIDE], .events = POLLIN},
		{.fd = g.tun[OUTSIDE], .events = POLLIN}};

	while (!ending) {
		uint64_t now = clock_now();

		if (poll(fds, 2, wait_ms(now)) < 0 && errno != EINTR)
			break;
		now = clock_now();
		receive(INSIDE);
		receive(OUTSIDE);
		deliver(now);
		sl_clock(g.engine, now, 0);
	}
}

/* ---- start and end --------------------------------------------------------------------------- */

static int open_tun(const char *netns)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = "tun0"};
	int home = open("/proc/self/ns/net", O_RDONLY), there, fd;
	char path[256];

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	there = open(path, O_RDONLY);
	if (there < 0 || setns(there, CLONE_NEWNET) < 0) {
		perror(path);
		exit(1);
	}
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 || setns(home, CLONE_NEWNET) < 0) {
		perror("relay: TUN");
		exit(1);
	}
	close(there);
	close(home);
	return fd;
}

static void start(void)
{
	static struct sl_policy_masquerade masquerade = {.out_if = OUTSIDE};
	static const struct sl_env env = {.mem = {memory_alloc, memory_free, NULL},
		.seed = "relay",
		.route = route,
		.contiguous = contiguous,
		.alloc = make,
		.keep = keep,
		.free = release,
		.emit = emit};
	struct sl_config config;

	sl_config_init(&config);
	config.policy = &sl_policy_masquerade;
	config.policy_ctx = &masquerade;
	config.start = clock_now();
	g.engine = sl_engine_create(&config, &env);
	for (const struct sl_helper *const *h = sl_helpers_builtin(); g.engine && *h; h++)
		sl_helper_register(g.engine, *h, true);
	if (!g.engine || !sl_tunable_set(g.engine, "nf_conntrack_checksum", 1)) {
		fprintf(stderr, "relay: no engine\n");
		exit(1);
	}
}

static int finish(void)
{
	const char *wrong = sl_engine_check(g.engine);
	struct sl_stats stats;

	sl_stats(g.engine, &stats);
	while (g.n_flights)
		free(g.flights[--g.n_flights].block);
	sl_engine_destroy(g.engine);
	printf("entered=%lu lost=%lu doubled=%lu delayed=%lu dropped=%lu held=%lu emitted=%lu altered=%lu "
	       "expected=%llu met=%llu\n",
		g.entered, g.lost, g.doubled, g.delayed, g.dropped, g.held, g.emitted, g.edited,
		(unsigned long long)stats.expects_made, (unsigned long long)stats.expects_met);
	if (wrong)
		fprintf(stderr, "relay: the engine is not well: %s\n", wrong);
	if (g.allocated)
		fprintf(stderr, "relay: %zu bytes were not given back\n", g.allocated);
	return wrong || g.allocated ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc != 7) {
		fprintf(stderr, "usage: relay CLIENT SERVER SEED LOSS DUPLICATE LATE\n");
		return 2;
	}
	signal(SIGTERM, end);
	g.tun[INSIDE] = open_tun(argv[1]);
	g.tun[OUTSIDE] = open_tun(argv[2]);
	g.random = strtoull(argv[3], NULL, 10) * 2 + 0x9e3779b97f4a7c15ull;
	g.loss = (unsigned)atoi(argv[4]);
	g.duplicate = (unsigned)atoi(argv[5]);
	g.late = (unsigned)atoi(argv[6]);
	start();
	puts("ready");
	fflush(stdout);
	run();
	return finish();
}
