/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets of connections that have just begun, which the BPF programs let through and tell of
 * (bpf/opening.bpf.h). The engine gets a copy of each one's headers, as if the packet had come; what becomes
 * of the copy is of no account, as the packet is on its way already.
 *
 * Before anything that came later: they are listened to between reading packets and putting these
 * in, and before a question is answered. A copy is as long as its packet, but for its payload memory has no
 * meaning; only a helper would look at it, and what a helper watches is never handed down.
 */
#include <stdlib.h>
#include <string.h>

#include "bpf/flow.h"
#include "prog/live.h"

static void flush(struct sl_live *live)
{
	unsigned n = live->n_told;

	live->n_told = 0;
	if (!n)
		return;
	sl_input(live->engine, live->told, n, live->now);
	live->packets_in += n;
	live->packets_told += n;
	for (unsigned i = 0; i < live->n_emitted; i++) /* answers to what is beyond them */
		live->env.free(live, &live->emitted[i].packet);
	live->n_emitted = 0;
	for (unsigned i = 0; i < n; i++)
		live->env.free(live, &live->told[i]);
}

static void hear(void *ctx, const struct sl_told *told)
{
	struct sl_live *live = ctx;
	uint8_t *block = live->told_blocks + (size_t)live->n_told * SL_LIVE_STRIDE;

	if (told->have > sizeof(told->headers) || told->len > SL_TAP_LARGEST)
		return;
	memcpy(block + SL_TAP_ROOM, told->headers, told->have);
	live->told[live->n_told++] = (struct sl_packet){.data = block + SL_TAP_ROOM,
	        .len = told->len,
	        .headroom = SL_TAP_ROOM - SL_TAP_HEADER,
	        .tailroom = SL_TAP_BLOCK - SL_TAP_ROOM - told->len,
	        .in_if = told->in_if,
	        .gso = told->gso_size ? SL_GSO_TCP : SL_GSO_NONE,
	        .gso_size = told->gso_size,
	        .csum = SL_CSUM_CHECKED};
	if (live->n_told == SL_LIVE_BATCH)
		flush(live);
}

bool sl__live_told_init(struct sl_live *live)
{
	live->told_blocks = calloc(SL_LIVE_BATCH, SL_LIVE_STRIDE);
	live->fast.told = hear;
	live->fast.told_ctx = live;
	return live->told_blocks != NULL;
}

void sl__live_told_fini(struct sl_live *live)
{
	free(live->told_blocks);
	live->told_blocks = NULL;
}

void sl__live_listen(struct sl_live *live)
{
	sl_fast_listen(&live->fast);
	flush(live);
}
