/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log of edits of a byte stream.
 *
 * Each edit says: these old bytes went out as those new ones. From that follow both mappings.
 * A number that lies inside a replaced range has no counterpart. Old to new it becomes the
 * start, because a retransmission that is cut there carries the whole replacement; new to old
 * it becomes the start for an acknowledgement (the receiver has not got all of it, so nothing
 * of it may count as received), and whichever end claims less for a SACK edge.
 *
 * Edits are needed until the receiver has acknowledged them. A few are remembered longer, for
 * retransmissions that were under way already; of those forgotten only their sum is kept, and
 * the place behind the last: nothing before it can be translated any more, nor need be.
 *
 * Limits: SL_EDITS_MAX at a time. Memory is small and bounded: an edit costs its record and its
 * new bytes; a connection with none has no array.
 */
#include "help/editlog.h"

#include <string.h>

#include "base/mem.h"
#include "track/tcp.h"

static int32_t grown(const struct sl_edit *e)
{
	return (int32_t)(e->new_len - e->old_len);
}

static uint32_t old_end(const struct sl_edit *e)
{
	return e->at + e->old_len;
}

static uint32_t new_at(const struct sl_edit *e)
{
	return e->at + (uint32_t)e->before;
}

static int32_t total(const struct sl_editlog *log)
{
	const struct sl_edit *last = log->count ? &log->edits[log->count - 1] : NULL;

	return last ? last->before + grown(last) : log->base;
}

/* Room for one more. */
static bool grow(struct sl_editlog *log, const struct sl_mem *mem)
{
	uint16_t cap = log->cap ? (uint16_t)(log->cap * 2) : 2;
	struct sl_edit *edits;

	if (log->count < log->cap)
		return true;
	edits = sl__alloc(mem, cap * sizeof(*edits));
	if (!edits)
		return false;
	if (log->count)
		memcpy(edits, log->edits, log->count * sizeof(*edits));
	sl__free(mem, log->edits, log->cap * sizeof(*edits));
	log->edits = edits;
	log->cap = cap;
	return true;
}

bool sl__editlog_add(struct sl_editlog *log, const struct sl_mem *mem, uint32_t at,
	uint32_t old_len, const void *bytes, uint32_t new_len)
{
	struct sl_edit edit = {.at = at, .old_len = old_len, .new_len = new_len, .before = total(log)};
	uint16_t count = log->count;

	if (count >= SL_EDITS_MAX + SL_EDITS_KEPT || !old_len ||
		(count && sl__seq_before(at, old_end(&log->edits[count - 1]))) || !grow(log, mem))
		return false;
	if (new_len) {
		edit.bytes = sl__alloc_aligned(mem, new_len, 1);
		if (!edit.bytes)
			return false;
		memcpy(edit.bytes, bytes, new_len);
	}
	log->edits[count] = edit;
	log->count = (uint16_t)(count + 1);
	return true;
}

static void cut(struct sl_editlog *log, const struct sl_mem *mem, uint16_t from, uint16_t n)
{
	for (uint16_t i = from; i < from + n; i++)
		sl__free(mem, log->edits[i].bytes, log->edits[i].new_len);
	log->count = (uint16_t)(log->count - n);
	memmove(log->edits + from, log->edits + from + n, (size_t)(log->count - from) * sizeof(*log->edits));
}

void sl__editlog_undo(struct sl_editlog *log, const struct sl_mem *mem, uint32_t at)
{
	while (log->count && !sl__seq_before(log->edits[log->count - 1].at, at))
		cut(log, mem, (uint16_t)(log->count - 1), 1);
}

void sl__editlog_acked(struct sl_editlog *log, const struct sl_mem *mem, uint32_t acked)
{
	const struct sl_edit *last;
	uint16_t done = 0;

	while (done < log->count && !sl__seq_before(acked, old_end(&log->edits[done])))
		done++;
	if (done <= SL_EDITS_KEPT)
		return;
	last = &log->edits[done - SL_EDITS_KEPT - 1];
	log->forgot = true;
	log->floor = old_end(last);
	log->base = last->before + grown(last);
	cut(log, mem, 0, (uint16_t)(done - SL_EDITS_KEPT));
}

void sl__editlog_fini(struct sl_editlog *log, const struct sl_mem *mem)
{
	for (uint16_t i = 0; i < log->count; i++)
		sl__free(mem, log->edits[i].bytes, log->edits[i].new_len);
	sl__free(mem, log->edits, log->cap * sizeof(*log->edits));
	*log = (struct sl_editlog){0};
}

uint32_t sl__editlog_new(const struct sl_editlog *log, uint32_t old)
{
	for (uint16_t i = log->count; i-- > 0;) {
		const struct sl_edit *e = &log->edits[i];

		if (!sl__seq_before(old, old_end(e)))
			return old + (uint32_t)(e->before + grown(e));
		if (sl__seq_after(old, e->at))
			return new_at(e);
	}
	return old + (uint32_t)log->base;
}

uint32_t sl__editlog_old(const struct sl_editlog *log, uint32_t new_, enum sl_edge edge)
{
	for (uint16_t i = log->count; i-- > 0;) {
		const struct sl_edit *e = &log->edits[i];

		if (!sl__seq_before(new_, new_at(e) + e->new_len))
			return new_ - (uint32_t)(e->before + grown(e));
		if (sl__seq_after(new_, new_at(e)))
			return edge == SL_EDGE_START ? e->at : old_end(e);
	}
	return new_ - (uint32_t)log->base;
}

const struct sl_edit *sl__editlog_behind(const struct sl_editlog *log, uint32_t old)
{
	for (uint16_t i = 0; i < log->count; i++)
		if (sl__seq_after(old_end(&log->edits[i]), old))
			return &log->edits[i];
	return NULL;
}
