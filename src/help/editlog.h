/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The edits of one direction's byte stream, and the two sets of sequence numbers they make:
 * old, as the sender counts, and new, as the receiver does. (src/help/editlog.c)
 */
#ifndef SL_HELP_EDITLOG_H
#define SL_HELP_EDITLOG_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/mem.h>

#define SL_EDITS_MAX 64 /* edits not acknowledged yet, a direction */
#define SL_EDITS_KEPT 8 /* acknowledged ones that are still remembered, for late retransmissions */

/* The old bytes [at, at + old_len) went out as new_len other bytes. old_len is never 0. */
struct sl_edit {
	uint32_t at;
	uint32_t old_len, new_len;
	int32_t before;	/* new - old number of what lies right before it */
	uint8_t *bytes;	/* new_len of them; NULL for none */
};

/* Zero-filled: no edits. Ordered by place; they do not overlap. */
struct sl_editlog {
	struct sl_edit *edits;
	uint16_t count, cap;
	bool forgot;	/* floor is set: */
	uint32_t floor;	/* old number behind the last edit that was forgotten */
	int32_t base;	/* what the forgotten edits add up to */
};

/* A number inside a replaced range belongs to its beginning or to its end. */
enum sl_edge { SL_EDGE_START, SL_EDGE_END };

/*
 * Replace old_len (> 0) old bytes at `at`, which lies behind every edit so far. The new bytes
 * are copied. False: too many, or no memory; nothing changed.
 */
bool sl__editlog_add(struct sl_editlog *log, const struct sl_mem *mem, uint32_t at,
	uint32_t old_len, const void *bytes, uint32_t new_len);
/* Take back what was added at or behind `at`; it must not have been sent. */
void sl__editlog_undo(struct sl_editlog *log, const struct sl_mem *mem, uint32_t at);
/* The receiver has everything before the old number `acked`. */
void sl__editlog_acked(struct sl_editlog *log, const struct sl_mem *mem, uint32_t acked);
void sl__editlog_fini(struct sl_editlog *log, const struct sl_mem *mem);

/* Old number to new; one inside a replaced range becomes the start of the replacement. */
uint32_t sl__editlog_new(const struct sl_editlog *log, uint32_t old);
/* New number to old. */
uint32_t sl__editlog_old(const struct sl_editlog *log, uint32_t new_, enum sl_edge edge);
/* The first edit that ends behind the old number; NULL: none. */
const struct sl_edit *sl__editlog_behind(const struct sl_editlog *log, uint32_t old);
/* Were edits ever made? Then numbers are moved for the rest of the connection. */
static inline bool sl__editlog_used(const struct sl_editlog *log)
{
	return log->count || log->forgot;
}

#endif
