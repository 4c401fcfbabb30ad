/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shadows: what Linux would have expected and we do not (docs/beyond.md), so that the packets which it would
 * have met say so (`beyond`). They open nothing. There are few; a new one takes the place of the oldest.
 */
#include "track/track.h"

void sl__expect_shadow(struct sl_track *t, const struct sl_conn *master,
        const struct sl_tuple *tuple, enum sl_beyond beyond, uint32_t timeout_ms)
{
	t->expects.shadow[t->expects.shadows++ % SL_SHADOWS] = (struct sl_shadow){.tuple = *tuple,
	        .master = sl__conn_id(t, master),
	        .deadline = t->now_ms + timeout_ms,
	        .zone = master->zone,
	        .beyond = (uint8_t)beyond};
}

enum sl_beyond sl__expect_shadow_replace(struct sl_track *t, const struct sl_conn *master)
{
	enum sl_beyond beyond = SL_BEYOND_NONE;

	for (unsigned i = 0; i < SL_SHADOWS && t->expects.shadows; i++) {
		struct sl_shadow *s = &t->expects.shadow[i];

		if (!s->beyond || s->master != sl__conn_id(t, master))
			continue;
		if ((int32_t)(s->deadline - t->now_ms) > 0)
			beyond = (enum sl_beyond)s->beyond;
		s->beyond = 0;
	}
	return beyond;
}

/* The shadow that such a first packet would have met; `met`: that is the end of it. */
static enum sl_beyond shadow_of(
        struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone, bool met)
{
	struct sl_tuple wanted = *tuple;
	enum sl_beyond beyond = SL_BEYOND_NONE;

	wanted.sport = 0;
	for (unsigned i = 0; i < SL_SHADOWS && t->expects.shadows; i++) {
		struct sl_shadow *s = &t->expects.shadow[i];

		if (!s->beyond || s->zone != zone || !sl_tuple_eq(&s->tuple, &wanted))
			continue;
		if ((int32_t)(s->deadline - t->now_ms) > 0)
			beyond = (enum sl_beyond)s->beyond;
		if (met)
			s->beyond = 0;
	}
	return beyond;
}

enum sl_beyond sl__expect_shadow_met(
        struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone)
{
	return shadow_of(t, tuple, zone, true);
}

enum sl_beyond sl__expect_shadow_answered(
        struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone)
{
	struct sl_tuple first;

	return sl__tuple_invert(tuple, &first) ? shadow_of(t, &first, zone, false) : SL_BEYOND_NONE;
}
