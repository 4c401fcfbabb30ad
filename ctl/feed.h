/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_CTL_FEED_H
#define SLUICE_CTL_FEED_H

/*
 * What happens in the engine's thread, told to the control thread: a ring of records with one
 * writer and one reader, without locks. The writer never waits: what does not fit is counted as
 * lost, and the reader is told how much.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/sluice.h>

enum sl_feed_kind { SL_FEED_PAD, SL_FEED_CONN, SL_FEED_EXPECT, SL_FEED_LOG, SL_FEED_EXPLAIN };

struct sl_feed_record {
	uint32_t size;   /* of all of it, a multiple of 8 */
	uint8_t kind;    /* enum sl_feed_kind */
	uint8_t dropped; /* EXPLAIN: the packet was not accepted, or is INVALID */
	uint16_t reserved;
	uint64_t packet;       /* number of the packet that caused it; 0: none did */
	struct sl_event event; /* its pointers mean nothing here */
	union {
		struct sl_conn_info conn;
		struct sl_expect_info expect;
		struct {
			struct sl_tuple tuple; /* EXPLAIN: of the packet as it came */
			uint32_t len;          /* LOG, EXPLAIN: of the text, sl__feed_bytes() */
		} text;
	};
};

static inline char *sl__feed_bytes(const struct sl_feed_record *record)
{
	return (char *)(uintptr_t)(record + 1);
}

struct sl_feed {
	uint8_t *bytes;
	size_t size; /* a power of two */
	int wake;    /* eventfd: readable when there is something; for the reader to wait for */
	atomic_size_t head, tail; /* bytes ever written, and ever read */
	atomic_ulong lost;
	atomic_uint readers, explainers; /* whether anybody listens; the control thread's to set */
	bool news;                       /* the writer's: put since the last flush */
};

bool sl__feed_init(struct sl_feed *feed, size_t size);
void sl__feed_fini(struct sl_feed *feed);

/* The writer: room for a record with so many bytes behind its fixed part, or NULL: lost. */
struct sl_feed_record *sl__feed_begin(struct sl_feed *feed, enum sl_feed_kind kind, size_t more);
void sl__feed_end(struct sl_feed *feed, struct sl_feed_record *record);
/* Wake the reader, if there is something. */
void sl__feed_flush(struct sl_feed *feed);

/* The reader: the next record, or NULL; valid until it is taken. */
const struct sl_feed_record *sl__feed_peek(struct sl_feed *feed);
void sl__feed_take(struct sl_feed *feed, const struct sl_feed_record *record);

#endif
