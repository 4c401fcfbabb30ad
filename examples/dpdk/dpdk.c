/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A NAT in the wire: what comes in by DPDK port 0 leaves by port 1 and back. An rte_mbuf becomes a
 * sl_packet by its pointers, nothing is copied. Ethernet headers stay as they are, what is not IP
 * passes; from port 0, the inside, source addresses become PUBLIC-ADDRESS.
 *
 *	cc dpdk.c $(pkg-config --cflags --libs sluice libdpdk) -o dpdk
 *	./dpdk EAL-OPTIONS -- PUBLIC-ADDRESS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_random.h>

#include <sluice/policy.h>

#define UNUSED __attribute__((unused))
enum { BATCH = 64, ETHER = 14, MBUFS = 8191, QUEUE = 512 };

static struct rte_mempool *pool;
static struct sl_addr public_address;

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

/* The packet of an mbuf, which begins with the Ethernet header; and the mbuf as the packet is now.
 */
static struct sl_packet packet_of(struct rte_mbuf *m, uint32_t in_if)
{
	return (struct sl_packet){.handle = m,
	        .data = rte_pktmbuf_mtod_offset(m, uint8_t *, ETHER),
	        .len = rte_pktmbuf_pkt_len(m) - ETHER,
	        .headroom = rte_pktmbuf_headroom(m),
	        .tailroom = rte_pktmbuf_tailroom(m),
	        .in_if = in_if};
}

static struct rte_mbuf *mbuf_of(const struct sl_packet *p)
{
	struct rte_mbuf *m = p->handle;

	m->data_off = (uint16_t)(p->data - ETHER - (uint8_t *)m->buf_addr);
	if (m->nb_segs == 1)
		m->data_len = (uint16_t)(p->len + ETHER);
	m->pkt_len = p->len + ETHER;
	return m;
}

static bool contiguous(UNUSED void *ctx, struct sl_packet *p, UNUSED uint32_t len)
{
	struct rte_mbuf *m = p->handle;

	if (rte_pktmbuf_linearize(m))
		return false;
	p->data = rte_pktmbuf_mtod_offset(m, uint8_t *, ETHER);
	p->tailroom = rte_pktmbuf_tailroom(m);
	return true;
}

static bool keep(UNUSED void *ctx, UNUSED struct sl_packet *p)
{
	return true; /* it is simply not freed */
}

static void free_packet(UNUSED void *ctx, struct sl_packet *p)
{
	rte_pktmbuf_free(p->handle);
}

static bool alloc_packet(UNUSED void *ctx, struct sl_packet *p, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (!m || !rte_pktmbuf_append(m, (uint16_t)(len + ETHER))) {
		rte_pktmbuf_free(m);
		return false;
	}
	*p = packet_of(m, 0);
	return true;
}

static void send_mbufs(uint16_t port, struct rte_mbuf **m, uint16_t n)
{
	uint16_t sent = rte_eth_tx_burst(port, 0, m, n);

	rte_pktmbuf_free_bulk(m + sent, (unsigned)(n - sent));
}

/* What leaves beside a packet has that one's Ethernet header. */
static void emit(UNUSED void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	struct rte_mbuf *m = mbuf_of(p);

	if (cause && cause->handle != m)
		memcpy(p->data - ETHER, cause->data - ETHER, ETHER);
	send_mbufs(p->out_if == 2, &m, 1);
}

static bool is_ip(const struct rte_mbuf *m)
{
	const uint8_t *type = rte_pktmbuf_mtod_offset(m, const uint8_t *, 12);

	return rte_pktmbuf_data_len(m) > ETHER && (!memcmp(type, "\x08\0", 2) || !memcmp(type, "\x86\xdd", 2));
}

static void forward(struct sl_engine *engine, uint16_t in, uint64_t now)
{
	struct rte_mbuf *got[BATCH], *out[BATCH], *freed[BATCH];
	uint16_t n = rte_eth_rx_burst(in, 0, got, BATCH), packets = 0, leaving = 0, dropped = 0;
	struct sl_packet packet[BATCH];

	for (uint16_t i = 0; i < n; i++) {
		if (is_ip(got[i]))
			packet[packets++] = packet_of(got[i], in + 1u);
		else
			out[leaving++] = got[i];
	}
	sl_input(engine, packet, packets, now);
	for (uint16_t i = 0; i < packets; i++) {
		if (packet[i].verdict == SL_ACCEPT)
			out[leaving++] = mbuf_of(&packet[i]);
		else if (packet[i].verdict == SL_DROP)
			freed[dropped++] = packet[i].handle;
	}
	send_mbufs(!in, out, leaving);
	rte_pktmbuf_free_bulk(freed, dropped);
}

static bool open_port(uint16_t port)
{
	const struct rte_eth_conf conf = {0};

	return !rte_eth_dev_configure(port, 1, 1, &conf) &&
	       !rte_eth_rx_queue_setup(port, 0, QUEUE, SOCKET_ID_ANY, NULL, pool) &&
	       !rte_eth_tx_queue_setup(port, 0, QUEUE, SOCKET_ID_ANY, NULL) &&
	       !rte_eth_dev_start(port) && !rte_eth_promiscuous_enable(port);
}

int main(int argc, char **argv)
{
	struct sl_policy_masquerade masquerade = {.out_if = 2};
	struct sl_env env = {.mem = {memory_alloc, memory_free, NULL},
	        .route = route,
	        .contiguous = contiguous,
	        .keep = keep,
	        .free = free_packet,
	        .alloc = alloc_packet,
	        .emit = emit};
	int taken = rte_eal_init(argc, argv);
	struct sl_engine *engine;
	enum sl_family family;
	struct sl_config config;

	if (taken < 0 || argc - taken != 2 ||
	        !sl_addr_parse(argv[taken + 1], &public_address, &family)) {
		fprintf(stderr, "usage: dpdk EAL-OPTIONS -- PUBLIC-ADDRESS\n");
		return 1;
	}
	pool = rte_pktmbuf_pool_create(
	        "packets", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!pool || rte_eth_dev_count_avail() != 2 || !open_port(0) || !open_port(1)) {
		fprintf(stderr, "dpdk: two ports are needed\n");
		return 1;
	}
	for (unsigned i = 0; i < sizeof(env.seed); i++)
		env.seed[i] = (uint8_t)rte_rand();
	sl_config_init(&config);
	config.policy = &sl_policy_masquerade;
	config.policy_ctx = &masquerade;
	engine = sl_engine_create(&config, &env);
	for (puts("ready"), fflush(stdout); engine;) {
		uint64_t now = (uint64_t)((double)rte_get_timer_cycles() /
		                          (double)rte_get_timer_hz() * 1e9);

		forward(engine, 0, now);
		forward(engine, 1, now);
		sl_clock(engine, now, 256);
	}
	return 1;
}
