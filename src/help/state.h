/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A helper's work on one conn, as bytes. (src/help/state.c)
 */
#ifndef SL_HELP_STATE_H
#define SL_HELP_STATE_H

#include "base/codec.h"
#include "help/runtime.h"

/*
 * Write it, or read it into one that was attached just now. Reading fails by c->bad (malformed, or
 * of a version the helper does not read) or by *no_memory; the conn is to be dropped then.
 */
void sl__help_state(struct sl_codec *c, struct sl_help *help, bool *no_memory);

/* For expectations that are made again: who translates what comes. */
sl_expected_fn *sl__help_expected_fn(
        const struct sl_expect_more *more, const struct sl_helper *maker);

#endif
