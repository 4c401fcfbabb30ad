/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_OUTCOME_H
#define SLUICE_PROG_OUTCOME_H

/*
 * What became of one frame: filled by replay.c, read by all that report.
 */
#include <sluice/sluice.h>

#include "io/capture.h"
#include "prog/sides.h"
#include "prog/view.h"

enum sl_fate {
	SL_FATE_FORWARDED,
	SL_FATE_LOCAL,
	SL_FATE_QUEUED,
	SL_FATE_HELD,
	SL_FATE_DROPPED,
	SL_FATE_SKIPPED,
	SL_FATE_COUNT
};
const char *sl__fate_text(enum sl_fate fate);

/* A packet that left the gateway. */
struct sl_leaving {
	struct sl_view view;
	enum sl_side side; /* by which interface */
	uint64_t ts;	   /* ns since 1970 */
	bool local;	   /* it did not leave: for the gateway itself */
};

struct sl_outcome {
	const struct sl_frame *frame;
	const struct sl_view *captured; /* NULL: no IP packet */
	const struct sl_view *sent;	/* as it was put in */
	const char *note;		/* why skipped, or "cut short"; "": nothing to say */
	enum sl_side side;
	enum sl_fate fate;
	enum sl_ctstate state;
	enum sl_dir dir;
	enum sl_reason reason;
	enum sl_beyond beyond;
	uint64_t flow;	    /* 0: none */
	const char *helper; /* of its connection; NULL: none */
	/* What came of it: through the gateway, and back (or made by the gateway). */
	const struct sl_leaving *through, *back;
	unsigned n_through, n_back;
	bool altered;
	bool answered; /* what went through is the gateway's own answer, to one who lives there */
	bool sent_changed; /* sent is not what was captured */
	/* What the payload was and became, over segments that were held together. */
	bool payload_changed;
	const uint8_t *before, *after;
	uint32_t before_len, after_len;
	const char *wrong; /* what arrived otherwise than captured; NULL: nothing */
	const char *const *notes; /* remarks of helpers and rules */
	unsigned n_notes;
};

/* "NEW original", "INVALID" ...; NULL: was not classified. */
const char *sl__ct_text(const struct sl_outcome *o, char out[32]);
/* "name: sentence", when the packet was not simply forwarded; NULL: nothing to say. */
const char *sl__why_text(const struct sl_outcome *o, char out[192]);

#endif
