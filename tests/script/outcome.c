/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What came of a packet, and whether two outcomes are the same.
 */
#include <stdlib.h>
#include <string.h>

#include "script.h"

void outcome_free(struct outcome *o)
{
	free(o->out.data);
	for (unsigned i = 0; i < o->emitted_n; i++)
		free(o->emitted[i].data);
	for (unsigned i = 0; i < o->events_n; i++)
		free(o->events[i]);
	free(o->emitted);
	free(o->events);
	*o = (struct outcome){0};
}

static bool same_bytes(const struct seen_packet *a, const struct seen_packet *b)
{
	return a->len == b->len && (a->len == 0 || !memcmp(a->data, b->data, a->len));
}

const char *outcome_differs(const struct outcome *a, const struct outcome *b)
{
	if (a->verdict != b->verdict)
		return "the verdict";
	if (a->state != b->state || a->dir != b->dir)
		return "the state or direction";
	if (a->reason != b->reason)
		return "the reason";
	if (a->beyond != b->beyond || a->to != b->to)
		return "where it goes";
	if (!same_bytes(&a->out, &b->out))
		return "the bytes that came out";
	if (a->emitted_n != b->emitted_n)
		return "the number of emitted packets";
	for (unsigned i = 0; i < a->emitted_n; i++)
		if (!same_bytes(&a->emitted[i], &b->emitted[i]))
			return "an emitted packet";
	if (a->events_n != b->events_n)
		return "the number of events";
	for (unsigned i = 0; i < a->events_n; i++)
		if (strcmp(a->events[i], b->events[i]))
			return "an event";
	return NULL;
}
