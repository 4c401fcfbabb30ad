/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest whole embedder: a NAT for one packet from memory. Build it against the
 * installed library alone:
 *
 *	cc embed.c $(pkg-config --cflags --libs sluice) -o embed
 */
#include <stdio.h>
#include <stdlib.h>

#include <sluice/policy.h>

static void *memory_alloc(void *ctx, size_t size, size_t align)
{
	(void)ctx;
	return aligned_alloc(align, (size + align - 1) / align * align);
}

static void memory_free(void *ctx, void *p, size_t size)
{
	(void)ctx, (void)size;
	free(p);
}

/* Everything leaves by interface 2, whose address is 203.0.113.1. */
static void route(void *ctx, const struct sl_route_query *query, struct sl_route *answer)
{
	static const uint8_t public_address[4] = {203, 0, 113, 1};

	(void)ctx, (void)query;
	answer->kind = SL_ROUTE_FORWARD;
	answer->out_if = 2;
	answer->source = sl_addr_v4(public_address);
	answer->has_source = true;
}

int main(void)
{
	/* UDP 10.0.0.2:4000 > 192.0.2.9:53, no payload, no UDP checksum */
	uint8_t frame[28] = {0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0xae, 0xc5, 10, 0, 0, 2, 192, 0, 2,
	        9, 0x0f, 0xa0, 0, 53, 0, 8, 0, 0};
	struct sl_policy_masquerade masquerade = {.out_if = 2};
	struct sl_env env = {.mem = {memory_alloc, memory_free, NULL}, .route = route, .seed = {1}};
	struct sl_packet packet = {.data = frame, .len = sizeof(frame), .in_if = 1};
	char from[SL_ADDR_TEXT], to[SL_ADDR_TEXT];
	struct sl_conn_info info;
	struct sl_config config;
	struct sl_engine *engine;

	sl_config_init(&config);
	config.policy = &sl_policy_masquerade;
	config.policy_ctx = &masquerade;
	engine = sl_engine_create(&config, &env);
	if (!engine)
		return 1;
	sl_input(engine, &packet, 1, 0);
	if (packet.verdict != SL_ACCEPT || !packet.conn) {
		printf("not tracked: %s\n", sl_reason_text((enum sl_reason)packet.reason));
		return 1;
	}
	sl_conn_info(engine, packet.conn, &info);
	printf("%s:%u is %s:%u outside\n",
	        sl_addr_text(&info.tuple[SL_ORIGINAL].src, SL_IPV4, from),
	        (unsigned)info.tuple[SL_ORIGINAL].sport,
	        sl_addr_text(&info.tuple[SL_REPLY].dst, SL_IPV4, to),
	        (unsigned)info.tuple[SL_REPLY].dport);
	sl_engine_destroy(engine);
	return 0;
}
