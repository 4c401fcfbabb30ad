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

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/bits.h"
#include "base/mem.h"
#include "base/slab.h"

#define SL_BUCKET_ENTRIES 10
/*
 * Buckets in a chain that do not come about by chance: with 7 entries in a bucket on average, or twice as
 * many before it is its turn to be split, one of more than 50 has a probability below 10^-13.
 */
#define SL_TABLE_CHAIN_MAX 6

/* An entry names a conn and which of its tuples it is: conn reference << 1 | enum sl_dir. */
struct sl_bucket {
	uint16_t tag[SL_BUCKET_ENTRIES];   /* sl__table_tag(); 0: free */
	uint32_t entry[SL_BUCKET_ENTRIES];
	uint32_t overflow;		   /* slab reference of a further bucket; 0: none */
};

struct sl_table {
	const struct sl_mem *mem;
	struct sl_bucket **segments;	/* directory: segments of SL_SEGMENT buckets */
	uint32_t segments_used, segments_room;
	uint32_t low_mask;		/* 2^level - 1: addresses a bucket that was not split yet */
	uint32_t split;			/* buckets below it were split already, in this round */
	uint8_t level;
	uint8_t shift[2];		/* of tags [in a bucket that was split] (sl__table_tag) */
	uint32_t entries;
	bool too_long;			/* a chain has grown to SL_TABLE_CHAIN_MAX: to be cleared by who asks */
	bool frozen;			/* being emptied: it neither grows nor shrinks */
	uint32_t changes;		/* counts additions and removals: what was found may be old */
	struct sl_slab overflow;
	/* The full hash of an entry, needed at some of the times when its bucket is split or merged. */
	uint64_t (*hash_of)(const void *ctx, uint32_t entry);
	/* It will soon be asked for an entry's hash: time to ask for the memory. May be NULL. */
	void (*ahead)(const void *ctx, uint32_t entry);
	const void *ctx;
};

#define SL_SEGMENT 256 /* buckets an allocation: 16 KiB */

/* An index of up to `room` conns. False: no memory for the first segment. */
bool sl__table_init(struct sl_table *table, const struct sl_mem *mem, uint32_t slab_chunk, uint32_t room,
	uint64_t (*hash_of)(const void *ctx, uint32_t entry), const void *ctx);
void sl__table_fini(struct sl_table *table);
/* False: no memory (nothing changed). */
bool sl__table_add(struct sl_table *table, uint64_t hash, uint32_t entry);
/* False: there is no such entry. */
bool sl__table_remove(struct sl_table *table, uint64_t hash, uint32_t entry);

/* An entry of the chain of bucket i; 0: it is empty. */
uint32_t sl__table_any(const struct sl_table *table, uint32_t i);

static inline uint32_t sl__table_buckets(const struct sl_table *table)
{
	return table->low_mask + 1 + table->split;
}

/*
 * Two things of a hash: bits from 32 on say which bucket, as many as its level; the tag tells apart
 * what lies there. Of the tag's 16 bits 12 are the lowest of the hash, and four are those that the
 * bucket's next splits will ask for, from 32 + shift on: so nearly all splits are done without the
 * full hash. They are renewed every four levels; shift is the level without its two lowest bits.
 */
#define SL_TAG_SPLITS 4

static inline uint8_t sl__table_shift(unsigned level)
{
	return (uint8_t)(level & ~(SL_TAG_SPLITS - 1u));
}

static inline uint16_t sl__table_tag(uint64_t hash, unsigned shift)
{
	unsigned low = (unsigned)hash & 0xfff;

	return (uint16_t)((low + !low) << SL_TAG_SPLITS |
		((hash >> 32 >> shift) & ((1u << SL_TAG_SPLITS) - 1)));
}

static inline struct sl_bucket *sl__table_at(const struct sl_table *table, uint32_t i)
{
	return &table->segments[i / SL_SEGMENT][i % SL_SEGMENT];
}

/* Where a hash belongs, as long as the table does not change. */
struct sl_spot {
	struct sl_bucket *bucket;
	uint16_t tag;
};

/* Add two entries, entry[i] where spot[i] is. False: no memory (nothing changed). */
bool sl__table_add_both(
	struct sl_table *table, const struct sl_spot spot[2], const uint32_t entry[2]);

static inline struct sl_spot sl__table_spot(const struct sl_table *table, uint64_t hash)
{
	uint32_t high = (uint32_t)(hash >> 32), low = high & table->low_mask;
	/* No branch: it would go either way, unforeseen. */
	uint32_t was_split = low < table->split;
	uint32_t i = low | (high & (table->low_mask + 1) & (0 - was_split));

	return (struct sl_spot){sl__table_at(table, i), sl__table_tag(hash, table->shift[was_split])};
}

/* The places of a bucket whose tags have these bits under the mask, bit by bit. */
static inline unsigned sl__bucket_match(const struct sl_bucket *bucket, uint16_t mask, uint16_t bits)
{
#if defined(__SSE2__) && defined(__GNUC__)
	/* The first and the last eight at once: a compare each, and the upper bits of what they say. */
	typedef short tags __attribute__((vector_size(16)));
	typedef char bytes __attribute__((vector_size(16)));
	const short b = (short)bits, m = (short)mask;
	const tags all = {b, b, b, b, b, b, b, b}, masks = {m, m, m, m, m, m, m, m};
	tags first, last;
	unsigned both;

	memcpy(&first, bucket->tag, sizeof(first));
	memcpy(&last, bucket->tag + 2, sizeof(last));
	both = (unsigned)__builtin_ia32_pmovmskb128(
		(bytes)__builtin_ia32_packsswb128((tags)((first & masks) == all),
			(tags)((last & masks) == all)));
	return (both & 0xff) | both >> 14 << 8;
#else
	unsigned places = 0;

	for (unsigned i = 0; i < SL_BUCKET_ENTRIES; i++)
		places |= (unsigned)((bucket->tag[i] & mask) == bits) << i;
	return places;
#endif
}

/* Those that have this tag; free ones have 0. */
static inline unsigned sl__bucket_places(const struct sl_bucket *bucket, uint16_t tag)
{
	return sl__bucket_match(bucket, 0xffff, tag);
}

/*
 * Visit every entry that may have this hash:
 *
 *	struct sl_probe probe = sl__table_probe(table, hash);
 *	while ((entry = sl__table_next(table, &probe)))
 *		...
 */
struct sl_probe {
	const struct sl_bucket *bucket;
	unsigned places; /* of it, that were not visited yet */
	uint16_t tag;
};

static inline struct sl_probe sl__table_probe_at(struct sl_spot spot)
{
	return (struct sl_probe){
		spot.bucket, sl__bucket_places(spot.bucket, spot.tag), spot.tag};
}

static inline struct sl_probe sl__table_probe(const struct sl_table *table, uint64_t hash)
{
	return sl__table_probe_at(sl__table_spot(table, hash));
}

static inline uint32_t sl__table_next(const struct sl_table *table, struct sl_probe *probe)
{
	unsigned place;

	while (!probe->places) {
		if (!probe->bucket->overflow)
			return 0;
		probe->bucket = sl__slab_at(&table->overflow, probe->bucket->overflow);
		probe->places = sl__bucket_places(probe->bucket, probe->tag);
	}
	place = sl__lowest_bit(probe->places);
	probe->places &= probe->places - 1;
	return probe->bucket->entry[place];
}

/* One entry that may have the hash that belongs there, mostly the one that is meant; 0: there is none. */
static inline uint32_t sl__table_first(const struct sl_table *table, struct sl_spot spot)
{
	struct sl_probe probe = sl__table_probe_at(spot);

	return sl__table_next(table, &probe);
}

#endif
