/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Edits of one message, collected in any order and made in one go. For helpers whose messages
 * name an endpoint in several places, some of which can be decided only when all was read.
 *
 *	struct sl_edits edits = {.count = 0};
 *
 *	sl_edits_add(&edits, offset, length, text, size);
 *	...
 *	return sl_edits_make(&edits, help, message) ? SL_PASS : sl_refuse(help, SL_WHY_HELPER_DROP);
 *
 * Zero-filled memory is an empty collection. The new bytes are copied, SL_EDIT_SIZE at most.
 * What does not fit sets `full`, and nothing is made then. Edits must not overlap.
 */
#ifndef SLUICE_EDITS_H
#define SLUICE_EDITS_H

#include <sluice/helper.h>

#define SL_EDITS_COLLECTED 64 /* about what the core takes for one message */
#define SL_EDIT_SIZE       64

struct sl_edits {
	struct {
		size_t offset, length,
		        size; /* `length` bytes of the message become `size` others */
		char bytes[SL_EDIT_SIZE];
	} edit[SL_EDITS_COLLECTED]; /* by offset */
	unsigned count;
	bool full;
};

/* These `length` bytes of the message are to become those `size` ones. */
static inline void sl_edits_add(
        struct sl_edits *edits, size_t offset, size_t length, const void *bytes, size_t size)
{
	unsigned at = edits->count;

	if (at == SL_EDITS_COLLECTED || size > SL_EDIT_SIZE) {
		edits->full = true;
		return;
	}
	for (; at > 0 && edits->edit[at - 1].offset > offset; at--)
		edits->edit[at] = edits->edit[at - 1];
	edits->edit[at].offset = offset;
	edits->edit[at].length = length;
	edits->edit[at].size = size;
	memcpy(edits->edit[at].bytes, bytes, size);
	edits->count++;
}

/* How many bytes longer (or, below 0, shorter) what begins at `offset` will be. */
static inline int64_t sl_edits_growth(const struct sl_edits *edits, size_t offset)
{
	int64_t growth = 0;

	for (unsigned i = 0; i < edits->count; i++)
		if (edits->edit[i].offset >= offset)
			growth += (int64_t)edits->edit[i].size - (int64_t)edits->edit[i].length;
	return growth;
}

/* Make them all. False: they do not fit, or cannot be made; the message must be refused. */
static inline bool sl_edits_make(
        const struct sl_edits *edits, struct sl_help *help, struct sl_message *message)
{
	if (edits->full)
		return false;
	for (unsigned i = 0; i < edits->count; i++)
		if (!sl_replace(help, message, edits->edit[i].offset, edits->edit[i].length,
		            edits->edit[i].bytes, edits->edit[i].size))
			return false;
	return true;
}

#endif
