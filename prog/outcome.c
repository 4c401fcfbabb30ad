/* SPDX-License-Identifier: BSD-2-Clause */
/* Words for what became of a frame. */
#include "prog/outcome.h"

#include <stdio.h>

const char *sl__fate_text(enum sl_fate fate)
{
	static const char *const texts[SL_FATE_COUNT] = {
	        [SL_FATE_FORWARDED] = "forwarded",
	        [SL_FATE_LOCAL] = "local",
	        [SL_FATE_QUEUED] = "queued",
	        [SL_FATE_HELD] = "held",
	        [SL_FATE_DROPPED] = "dropped",
	        [SL_FATE_SKIPPED] = "skipped",
	};

	return texts[fate];
}

const char *sl__ct_text(const struct sl_outcome *o, char out[32])
{
	static const char *const states[] = {
	        [SL_CT_NEW] = "NEW",
	        [SL_CT_ESTABLISHED] = "ESTABLISHED",
	        [SL_CT_RELATED] = "RELATED",
	};

	switch (o->state) {
	case SL_CT_NONE:
		return NULL;
	case SL_CT_INVALID:
		return "INVALID";
	case SL_CT_UNTRACKED:
		return "UNTRACKED";
	default:
		snprintf(out, 32, "%s %s", states[o->state],
		        o->dir == SL_ORIGINAL ? "original" : "reply");
		return out;
	}
}

const char *sl__why_text(const struct sl_outcome *o, char out[192])
{
	if (o->fate == SL_FATE_SKIPPED)
		return NULL;
	if (o->reason != SL_WHY_NONE) {
		snprintf(out, 192, "%s: %s", sl_reason_name(o->reason), sl_reason_text(o->reason));
		return out;
	}
	switch (o->fate) {
	case SL_FATE_LOCAL:
		return "local: it is addressed to the gateway itself, to a group or to everybody";
	case SL_FATE_QUEUED:
		return "fragment: waits for the others of its datagram";
	case SL_FATE_DROPPED:
		return "not-routable: no gateway takes packets from or to such an address";
	default:
		return NULL;
	}
}
