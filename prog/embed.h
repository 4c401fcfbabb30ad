/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_EMBED_H
#define SLUICE_PROG_EMBED_H

/*
 * The embedder's side of the engine for a replay: memory, packet buffers, and a route table of
 * one rule: what comes in by in0 (interface 1) leaves by out0 (interface 2), and the other way.
 */
#include <sluice/sluice.h>

#include "prog/options.h"
#include "prog/sides.h"

struct sl_embed {
	struct sl_env env;
	const struct sl_replay_options *opt;
	const struct sl_sides *sides;
	bool nat; /* the public addresses are the gateway's */
	enum sl_side side; /* that the packet of now came by: a link-local address is known there */
	/* What the engine emitted since the last sl__embed_drain(), in order; ours to free. */
	struct sl_packet *emitted;
	unsigned n_emitted, emitted_size;
};

/* event and trace may be NULL; ctx of all operations is the embed itself. */
void sl__embed_init(struct sl_embed *embed, const struct sl_replay_options *opt,
        const struct sl_sides *sides, bool nat);
void sl__embed_fini(struct sl_embed *embed);
/* Free what was emitted. */
void sl__embed_drain(struct sl_embed *embed);
/* Free what the engine put in the place of a lent buffer. */
void sl__embed_release(struct sl_packet *p);

/* Is it one of the addresses given by --own? */
bool sl__embed_is_own(const struct sl_embed *embed, enum sl_family family, const struct sl_addr *a);
/*
 * A packet that a gateway discards before it looks at connections: IPv6 from or to the
 * loopback address, or from a multicast address.
 */
bool sl__embed_discards(const struct sl_view *v);

#endif
