/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection out of bytes from anybody: whatever is taken in must be able to go on, be told of,
 * be written again, and end, with every invariant kept and nothing left.
 *
 * The input is what sl_conn_export() writes (src/engine/image.h).
 */
#include "fuzz/fuzz.h"

#include <sluice/helper.h>
#include <sluice/policy.h>

#include "base/wire.h"

static size_t held;

static void *get(void *ctx, size_t size, size_t align)
{
	void *p = aligned_alloc(align, (size + align - 1) / align * align);

	(void)ctx;
	held += p ? size : 0;
	return p;
}

static void give(void *ctx, void *p, size_t size)
{
	(void)ctx;
	held -= size;
	free(p);
}

static void route(void *ctx, const struct sl_route_query *q, struct sl_route *answer)
{
	(void)ctx, (void)q;
	answer->kind = SL_ROUTE_FORWARD;
	answer->out_if = 2;
	answer->mtu = 1500;
}

static bool make(void *ctx, struct sl_packet *p, uint32_t len)
{
	uint8_t *block = malloc((size_t)len + 256);

	(void)ctx;
	FUZZ_CHECK(block);
	*p = (struct sl_packet){
	        .handle = block, .data = block + 128, .len = len, .headroom = 128, .tailroom = 128};
	return true;
}

static void drop(void *ctx, struct sl_packet *p)
{
	(void)ctx;
	free(p->handle);
}

static bool grow(void *ctx, struct sl_packet *p, uint32_t headroom, uint32_t tailroom)
{
	uint8_t *block = malloc((size_t)headroom + p->len + tailroom);

	(void)ctx;
	FUZZ_CHECK(block);
	memcpy(block + headroom, p->data, p->len);
	free(p->handle);
	p->handle = block;
	p->data = block + headroom;
	p->headroom = headroom;
	p->tailroom = tailroom;
	return true;
}

static bool keep(void *ctx, struct sl_packet *p)
{
	(void)ctx, (void)p;
	return true;
}

static void emit(void *ctx, struct sl_packet *p, const struct sl_packet *cause)
{
	(void)cause;
	drop(ctx, p);
}

/* A TCP segment of the connection, with what its own state makes likely. */
static void go_on(struct sl_engine *e, const struct sl_tuple *t, uint32_t seq, uint64_t now)
{
	static const char line[] = "PORT 10,0,0,2,200,10\r\n";
	bool v6 = t->family == SL_IPV6;
	uint32_t header = v6 ? 40 : 20;
	struct sl_packet p;
	uint8_t *d;

	make(NULL, &p, header + 20 + sizeof(line) - 1);
	d = p.data;
	memset(d, 0, p.len);
	d[0] = v6 ? 0x60 : 0x45;
	sl_put16(d + (v6 ? 4 : 2), (uint16_t)(v6 ? p.len - 40 : p.len));
	d[v6 ? 7 : 8] = 64;
	d[v6 ? 6 : 9] = t->proto;
	memcpy(d + (v6 ? 8 : 12), t->src.b + (v6 ? 0 : 12), v6 ? 16 : 4);
	memcpy(d + (v6 ? 24 : 16), t->dst.b + (v6 ? 0 : 12), v6 ? 16 : 4);
	sl_put16(d + header, t->sport);
	sl_put16(d + header + 2, t->dport);
	sl_put32(d + header + 4, seq);
	sl_put32(d + header + 8, seq);
	d[header + 12] = 0x50;
	d[header + 13] = 0x18;
	memcpy(d + header + 20, line, sizeof(line) - 1);
	sl_input(e, &p, 1, now);
	if (p.verdict == SL_ACCEPT || p.verdict == SL_DROP)
		drop(NULL, &p);
}

static void use(struct sl_engine *e, struct sl_conn *conn, const uint8_t *data, size_t size)
{
	uint8_t *out;
	struct sl_conn_info info;
	uint8_t mark[4];
	size_t n;

	n = sl_conn_export(e, conn, NULL, 0);
	out = malloc(n);
	FUZZ_CHECK(out && n && sl_conn_export(e, conn, out, n) == n);
	FUZZ_CHECK(sl_conn_import(e, out, n, &conn) == SL_IMPORT_DONE); /* what we wrote we read */
	free(out);
	sl_conn_info(e, conn, &info);
	sl_put32(mark, info.mark);
	fuzz_plant(mark, sizeof(mark));
	for (uint32_t i = 0; i < 4; i++) {
		go_on(e, &info.tuple[i % 2], sl_get32(data + size - 4) + i, i + 1);
		FUZZ_CHECK(!sl_engine_check(e));
	}
	while (sl_clock(e, 60000000000u, 100))
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_env env = {.mem = {get, give, NULL},
	        .route = route,
	        .alloc = make,
	        .free = drop,
	        .grow = grow,
	        .keep = keep,
	        .emit = emit};
	uint8_t *exact = fuzz_copy(data, size);
	struct sl_config config;
	struct sl_conn *conn = NULL;
	struct sl_engine *e;

	sl_config_init(&config);
	config.slab_chunk = 1;
	config.table_max = 16;
	e = sl_engine_create(&config, &env);
	FUZZ_CHECK(e);
	for (const struct sl_helper *const *h = sl_helpers_builtin(); *h; h++)
		sl_helper_register(e, *h, false);
	sl_tunable_set(e, "nf_conntrack_checksum", 0);
	if (sl_conn_import(e, exact, size, &conn) == SL_IMPORT_DONE)
		use(e, conn, exact, size);
	FUZZ_CHECK(!sl_engine_check(e));
	sl_engine_destroy(e);
	FUZZ_CHECK(held == 0);
	free(exact);
	return 0;
}
