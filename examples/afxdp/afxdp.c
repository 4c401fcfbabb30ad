/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A NAT in the wire: what comes in by one interface leaves by the other, by AF_XDP in copy mode. Frames
 * lie in one UMEM that both sockets share and are not copied in between. Ethernet headers stay as they
 * are, what is not IP passes; from the inside, source addresses become PUBLIC-ADDRESS.
 *
 *	cc afxdp.c $(pkg-config --cflags --libs sluice libxdp libbpf) -o afxdp
 *	./afxdp INSIDE-INTERFACE OUTSIDE-INTERFACE PUBLIC-ADDRESS
 */
#define _GNU_SOURCE
#include <linux/if_link.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <xdp/xsk.h>

#include <sluice/policy.h>

#define UNUSED __attribute__((unused))
enum { FRAME = XSK_UMEM__DEFAULT_FRAME_SIZE, FRAMES = 4096, BATCH = 64, ETHER = 14, ROOM = 256 };

struct port {
	struct xsk_socket *xsk;
	struct xsk_ring_cons rx, comp;
	struct xsk_ring_prod tx, fill;
};

static struct port ports[2]; /* interfaces 1 (inside) and 2 (outside) */
static uint8_t *area;
static uint64_t pool[FRAMES]; /* frames that nobody has */
static unsigned pooled;
static struct sl_addr public_address;

static void give_back(uint64_t addr) /* any address in the frame */
{
	pool[pooled++] = addr / FRAME * FRAME;
}

static void send_frame(struct port *out, uint8_t *data, uint32_t len)
{
	struct xdp_desc desc = {.addr = (uint64_t)(data - area), .len = len};
	uint32_t i;

	if (xsk_ring_prod__reserve(&out->tx, 1, &i) == 1) {
		*xsk_ring_prod__tx_desc(&out->tx, i) = desc;
		xsk_ring_prod__submit(&out->tx, 1);
	} else {
		give_back(desc.addr);
	}
}

static void *memory_alloc(UNUSED void *ctx, size_t size, size_t align)
{
	return aligned_alloc(align, (size + align - 1) / align * align);
}

static void memory_free(UNUSED void *ctx, void *p, UNUSED size_t size)
{
	free(p);
}

static void route(UNUSED void *ctx, const struct sl_route_query *query, struct sl_route *answer)
{
	answer->kind = SL_ROUTE_FORWARD;
	answer->out_if = query->in_if == 1 ? 2 : 1;
	answer->mtu = 1500;
	answer->source = public_address;
	answer->has_source = query->family == SL_IPV4;
}

/* A frame that the engine keeps is simply not given back: its bytes stay. */
static bool keep(UNUSED void *ctx, UNUSED struct sl_packet *p)
{
	return true;
}

static void free_packet(UNUSED void *ctx, struct sl_packet *p)
{
	give_back((uint64_t)(p->data - area));
}

static bool alloc_packet(UNUSED void *ctx, struct sl_packet *p, uint32_t len)
{
	if (!pooled || len > FRAME - 2 * ROOM)
		return false;
	*p = (struct sl_packet){.data = area + pool[--pooled] + ROOM, .len = len,
		.headroom = ROOM - ETHER, .tailroom = FRAME - ROOM - len};
	return true;
}

/* What leaves because of a packet, or is kept for a while, goes where that one came from or goes to. */
static void emit(UNUSED void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	if (cause && cause->data != p->data)
		memcpy(p->data - ETHER, cause->data - ETHER, ETHER);
	send_frame(&ports[p->out_if == 2], p->data - ETHER, p->len + ETHER);
}

static uint64_t now(void)
{
	struct timespec t;
	timespec_get(&t, TIME_UTC); /* a step backwards counts as standing still */
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void forward(struct sl_engine *engine, unsigned in)
{
	struct sl_packet packets[BATCH];
	struct port *out = &ports[!in];
	uint32_t at = 0, got = xsk_ring_cons__peek(&ports[in].rx, BATCH, &at);
	unsigned n = 0;

	for (uint32_t k = 0; k < got; k++) {
		const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&ports[in].rx, at + k);
		uint8_t *frame = area + desc->addr;
		uint32_t len = desc->len, before = (uint32_t)(desc->addr % FRAME);

		if (len > ETHER && (!memcmp(frame + 12, "\x08\0", 2) || !memcmp(frame + 12, "\x86\xdd", 2)))
			packets[n++] = (struct sl_packet){.data = frame + ETHER, .len = len - ETHER,
				.headroom = before, .tailroom = FRAME - before - len, .in_if = in + 1};
		else
			send_frame(out, frame, len);
	}
	xsk_ring_cons__release(&ports[in].rx, got);
	sl_input(engine, packets, n, now());
	for (unsigned k = 0; k < n; k++) {
		if (packets[k].verdict == SL_ACCEPT)
			send_frame(out, packets[k].data - ETHER, packets[k].len + ETHER);
		else if (packets[k].verdict == SL_DROP)
			give_back((uint64_t)(packets[k].data - area));
	}
}

/* Sent frames come back to the pool, the pool fills what the kernel receives into. */
static void refill(struct port *port)
{
	uint32_t at = 0, n = xsk_ring_cons__peek(&port->comp, BATCH, &at);

	for (uint32_t k = 0; k < n; k++)
		give_back(*xsk_ring_cons__comp_addr(&port->comp, at + k));
	xsk_ring_cons__release(&port->comp, n);
	while (pooled > FRAMES / 4 && xsk_ring_prod__reserve(&port->fill, 1, &at) == 1) {
		*xsk_ring_prod__fill_addr(&port->fill, at) = pool[--pooled];
		xsk_ring_prod__submit(&port->fill, 1);
	}
	if (xsk_ring_prod__needs_wakeup(&port->tx))
		sendto(xsk_socket__fd(port->xsk), NULL, 0, MSG_DONTWAIT, NULL, 0);
}

int main(int argc, char **argv)
{
	const struct xsk_socket_config socket_config = {.rx_size = 512, .tx_size = 512,
		.xdp_flags = XDP_FLAGS_SKB_MODE, .bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP};
	struct sl_policy_masquerade masquerade = {.out_if = 2};
	struct sl_env env = {.mem = {memory_alloc, memory_free, NULL}, .route = route, .keep = keep,
		.free = free_packet, .alloc = alloc_packet, .emit = emit};
	struct xsk_umem *umem;
	struct sl_engine *engine;
	enum sl_family family;
	struct sl_config config;
	int failed;

	if (argc != 4 || !sl_addr_parse(argv[3], &public_address, &family) || family != SL_IPV4) {
		fprintf(stderr, "usage: afxdp INSIDE-INTERFACE OUTSIDE-INTERFACE PUBLIC-ADDRESS\n");
		return 1;
	}
	area = mmap(NULL, (size_t)FRAMES * FRAME, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (unsigned i = 0; i < FRAMES; i++)
		give_back((uint64_t)i * FRAME);
	failed = area == MAP_FAILED || getrandom(env.seed, sizeof(env.seed), 0) != sizeof(env.seed) ||
		 xsk_umem__create(&umem, area, (uint64_t)FRAMES * FRAME, &ports[0].fill, &ports[0].comp, NULL);
	for (unsigned i = 0; i < 2 && !failed; i++)
		failed = xsk_socket__create_shared(&ports[i].xsk, argv[1 + i], 0, umem, &ports[i].rx,
			&ports[i].tx, &ports[i].fill, &ports[i].comp, &socket_config);
	if (failed) {
		fprintf(stderr, "afxdp: no AF_XDP socket on %s and %s\n", argv[1], argv[2]);
		return 1;
	}
	sl_config_init(&config);
	config.policy = &sl_policy_masquerade;
	config.policy_ctx = &masquerade;
	engine = sl_engine_create(&config, &env);
	for (puts("ready"), fflush(stdout); engine;) {
		struct pollfd fds[2] = {{.fd = xsk_socket__fd(ports[0].xsk), .events = POLLIN},
			{.fd = xsk_socket__fd(ports[1].xsk), .events = POLLIN}};

		refill(&ports[0]);
		refill(&ports[1]);
		poll(fds, 2, 100);
		forward(engine, 0);
		forward(engine, 1);
		sl_clock(engine, now(), 256);
	}
	return 1;
}
