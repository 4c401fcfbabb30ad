/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What few conns have: one extension object, named by conn->ext, made on first use and
 * ended with its conn. Defined low (here), filled high (nat, help).
 */
#ifndef SL_TRACK_EXT_H
#define SL_TRACK_EXT_H

#include "base/list.h"
#include "track/arrival.h"
#include "track/conn.h"

#define SL_EXPECT_CLASSES 4 /* expectation classes a helper may have */

struct sl_help;     /* src/help: a helper's work on one conn */
struct sl_stream;   /* src/help: message assembly and edit log of one direction */
struct sl_timeouts; /* src/track/tunables.h: a ct timeout policy */

struct sl_ext {
	/* counters beyond 32 bits */
	uint32_t packets_high[2], bytes_high[2];

	/* the expectation that opened it */
	uint64_t master_id;     /* its master's id, there or gone; 0: has none */
	struct sl_tuple master; /* original tuple of the master */
	char master_helper[16]; /* name of the master's helper then; "": had none */
	struct sl_arrival arrival; /* in a list while it is translated */

	/* as a master */
	struct sl_list expects; /* struct sl_expect.of_master, newest first */
	uint16_t expect_count[SL_EXPECT_CLASSES];
	uint32_t stays_until; /* engine ms; 0: no longer than its protocol says */

	struct sl_list gre_keys; /* struct sl_gre_key.of_master (src/track/gre.h) */

	/* the helper */
	const struct sl_helper *helper; /* NULL: has none */
	struct sl_help *help;           /* owned by src/help */
	struct sl_stream *stream[2];    /* owned by src/help */

	/* the last change of a payload's length in each direction, as the kernel shows it (seqadj) */
	struct {
		uint32_t pos;
		int32_t before, after;
	} seqadj[2];

	/* enum sl_beyond: from here on Linux has made something else of this conn; its events say so */
	uint8_t beyond;

	const struct sl_timeouts *timeouts; /* NULL: the tunables' */
	uint32_t words[4];                  /* the L4 protocol's own (src/track/gre.c, ...) */
};

#endif
