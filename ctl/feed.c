/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See feed.h. A record never wraps: where the ring's end is too near, a record without content
 * fills it.
 */
#include "ctl/feed.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool sl__feed_init(struct sl_feed *feed, size_t size)
{
	*feed = (struct sl_feed){.bytes = aligned_alloc(64, size),
	        .size = size,
	        .wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
	return feed->bytes && feed->wake >= 0;
}

void sl__feed_fini(struct sl_feed *feed)
{
	free(feed->bytes);
	feed->bytes = NULL;
	if (feed->wake >= 0)
		close(feed->wake);
}

static struct sl_feed_record *at(const struct sl_feed *feed, size_t position)
{
	return (struct sl_feed_record *)(void *)(feed->bytes + (position & (feed->size - 1)));
}

struct sl_feed_record *sl__feed_begin(struct sl_feed *feed, enum sl_feed_kind kind, size_t more)
{
	size_t size = (sizeof(struct sl_feed_record) + more + 7) & ~(size_t)7;
	size_t head = atomic_load_explicit(&feed->head, memory_order_relaxed);
	size_t tail = atomic_load_explicit(&feed->tail, memory_order_acquire);
	size_t to_end = feed->size - (head & (feed->size - 1));
	size_t pad = to_end < size ? to_end : 0;
	struct sl_feed_record *record;

	if (feed->size - (head - tail) < size + pad) {
		atomic_fetch_add_explicit(&feed->lost, 1, memory_order_relaxed);
		return NULL;
	}
	if (pad) {
		record = at(feed, head);
		record->size = (uint32_t)pad;
		record->kind = SL_FEED_PAD;
		atomic_store_explicit(&feed->head, head + pad, memory_order_release);
		head += pad;
	}
	record = at(feed, head);
	record->size = (uint32_t)size;
	record->kind = (uint8_t)kind;
	record->dropped = 0;
	record->packet = 0;
	return record;
}

void sl__feed_end(struct sl_feed *feed, struct sl_feed_record *record)
{
	size_t head = atomic_load_explicit(&feed->head, memory_order_relaxed);

	atomic_store_explicit(&feed->head, head + record->size, memory_order_release);
	feed->news = true;
}

void sl__feed_flush(struct sl_feed *feed)
{
	uint64_t one = 1;

	if (!feed->news)
		return;
	feed->news = false;
	if (write(feed->wake, &one, sizeof(one)) < 0) {
		/* full: it is readable already */
	}
}

const struct sl_feed_record *sl__feed_peek(struct sl_feed *feed)
{
	for (;;) {
		size_t tail = atomic_load_explicit(&feed->tail, memory_order_relaxed);
		const struct sl_feed_record *record;

		if (tail == atomic_load_explicit(&feed->head, memory_order_acquire))
			return NULL;
		record = at(feed, tail);
		if (record->kind != SL_FEED_PAD)
			return record;
		sl__feed_take(feed, record);
	}
}

void sl__feed_take(struct sl_feed *feed, const struct sl_feed_record *record)
{
	size_t tail = atomic_load_explicit(&feed->tail, memory_order_relaxed);

	atomic_store_explicit(&feed->tail, tail + record->size, memory_order_release);
}
