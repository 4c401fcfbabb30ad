/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection out of bytes from anybody: whatever is taken in must be able to go on, be told of,
 * be written again, and end, with every invariant kept and nothing left.
 *
 * The input is what sl_conn_export() writes (src/engine/image.h).
 */
#include "fuzz/fuzz.h"

#include <sluice/helper.h>

#include "base/wire.h"
#include "tests/lib/gateway.h"
#include "tests/lib/packets.h"

static void drop(struct gateway *g, struct sl_packet *p)
{
	packet_free(g, p);
}

/* A TCP segment of the connection, with what its own state makes likely. */
static void go_on(struct gateway *g, const struct sl_tuple *t, uint32_t seq, uint64_t now)
{
	static const char line[] = "PORT 10,0,0,2,200,10\r\n";
	struct sl_packet p = make_segment(g, t,
	        &(struct segment){.seq = seq,
	                .ack = seq,
	                .flags = SL_ACK | SL_PSH,
	                .bytes = line,
	                .len = sizeof(line) - 1});

	sl_input(g->engine, &p, 1, now);
	if (p.verdict == SL_ACCEPT || p.verdict == SL_DROP)
		packet_free(g, &p);
}

/* Its mark goes to `mark`. */
static void use(
        struct gateway *g, struct sl_conn *conn, const uint8_t *data, size_t size, uint8_t mark[4])
{
	struct sl_engine *e = g->engine;
	uint8_t *out;
	struct sl_conn_info info;
	size_t n;

	n = sl_conn_export(e, conn, NULL, 0);
	out = malloc(n);
	FUZZ_CHECK(out && n && sl_conn_export(e, conn, out, n) == n);
	FUZZ_CHECK(sl_conn_import(e, out, n, &conn) == SL_IMPORT_DONE); /* what we wrote we read */
	free(out);
	sl_conn_info(e, conn, &info);
	sl_put32(mark, info.mark);
	for (uint32_t i = 0; i < 4; i++) {
		go_on(g, &info.tuple[i % 2], sl_get32(data + size - 4) + i, i + 1);
		FUZZ_CHECK(!sl_engine_check(e));
	}
	while (sl_clock(e, 60000000000u, 100))
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gateway g;
	uint8_t *exact = fuzz_copy(data, size);
	struct sl_conn *conn = NULL;
	uint8_t mark[4] = {0};

	gateway_init(&g, false);
	g.mtu[1] = g.mtu[2] = 1500;
	g.on_emit = drop;
	g.config.table_max = 16;
	gateway_start(&g);
	for (const struct sl_helper *const *h = sl_helpers_builtin(); *h; h++)
		sl_helper_register(g.engine, *h, false);
	sl_tunable_set(g.engine, "nf_conntrack_checksum", 0);
	if (sl_conn_import(g.engine, exact, size, &conn) == SL_IMPORT_DONE)
		use(&g, conn, exact, size, mark);
	FUZZ_CHECK(!sl_engine_check(g.engine));
	gateway_end(&g);
	/* Last, or the engine's own comparisons push this one out of what libFuzzer remembers. */
	fuzz_plant(mark, sizeof(mark));
	free(exact);
	return 0;
}
