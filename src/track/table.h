/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index: from the hash of a tuple to conns. A linear-hashing table of buckets of one
 * cache line, each with ten 16-bit tags and ten 32-bit entries; it grows and shrinks by one
 * bucket at a time, so no packet ever waits for it.
 *
 * It stores hashes' tags and references only; whoever asks compares the tuples.
 */
#ifndef SL_TRACK_TABLE_H
#define SL_TRACK_TABLE_H

#include "base/mem.h"
#include "base/slab.h"

#define SL_BUCKET_ENTRIES 10

/* An entry names a conn and which of its tuples it is: conn reference << 1 | enum sl_dir. */
struct sl_bucket {
	uint16_t tag[SL_BUCKET_ENTRIES];   /* 0: free */
	uint32_t entry[SL_BUCKET_ENTRIES];
	uint32_t overflow;		   /* slab reference of a further bucket; 0: none */
};

struct sl_table {
	const struct sl_mem *mem;
	struct sl_bucket **segments;	/* directory: segments of SL_SEGMENT buckets */
	uint32_t segment_count, segment_room;
	uint32_t buckets;		/* in use now: level + split point */
	uint32_t low_mask;		/* 2^level - 1 */
	uint32_t split;			/* buckets below it were split already */
	uint32_t entries;
	struct sl_slab overflow;
	/* The full hash of an entry, needed when its bucket is split. */
	uint64_t (*hash_of)(const void *ctx, uint32_t entry);
	const void *ctx;
};

#endif
