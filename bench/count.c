/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For counting instructions, which do not depend on how busy a machine is: run under callgrind
 * with --toggle-collect=counted, this collects what COUNT packets cost in sl_input() and nothing
 * else. tests/instructions.sh holds the result against a bound.
 *
 *	bench-count udp|tcp 4|6 snat|none established|new|end
 */
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>

#define COUNT 4096u

struct options options = {.runs = 1};
static struct lane lane;

__attribute__((noinline)) void counted(struct sl_engine *e, uint64_t now);
__attribute__((noinline)) void counted_end(struct sl_engine *e, uint64_t now);

void counted(struct sl_engine *e, uint64_t now)
{
	sl_input(e, lane.packet, BATCH_MAX, now);
}

void counted_end(struct sl_engine *e, uint64_t now)
{
	while (sl_clock(e, now, BATCH_MAX))
		;
}

int main(int argc, char **argv)
{
	struct load load = {.flows = COUNT};
	struct memory memory = {0};
	struct sl_engine *e;
	bool established, end;
	unsigned accepted = 0;

	if (argc != 5) {
		fprintf(stderr, "usage: bench-count udp|tcp 4|6 snat|none established|new|end\n");
		return 1;
	}
	load.proto = !strcmp(argv[1], "tcp") ? SL_PROTO_TCP : SL_PROTO_UDP;
	load.v6 = !strcmp(argv[2], "6");
	load.nat = !strcmp(argv[3], "snat");
	established = !strcmp(argv[4], "established");
	end = !strcmp(argv[4], "end");
	e = engine_for(&load, &memory);
	if (established || end)
		open_all(&load, e, &lane);
	if (end)
		counted_end(e, UINT64_C(600000) * 1000000000u);
	for (uint32_t i = 0; !end && i < COUNT; i += BATCH_MAX) {
		for (unsigned k = 0; k < BATCH_MAX; k++)
			make_packet(&load, &lane, k, i + k,
			        established && i & BATCH_MAX ? SL_REPLY : SL_ORIGINAL,
			        established ? TCP_ACK : TCP_SYN);
		counted(e, established ? AFTER_OPENING : 1000000);
		for (unsigned k = 0; k < BATCH_MAX; k++)
			accepted += lane.packet[k].verdict == SL_ACCEPT;
	}
	printf("%u\n", end ? COUNT : accepted);
	sl_engine_destroy(e);
	return !end && accepted != COUNT;
}
