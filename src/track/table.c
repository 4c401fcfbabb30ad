/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linear hashing (Litwin, 1980). There are 2^level + split buckets; those below `split`, and
 * their new halves, are addressed with one bit more of the hash than the others. When the load
 * exceeds 3/4, the bucket at `split` is divided; when it falls under 1/4, the last division is
 * undone. So each insertion or removal moves at most one bucket's entries.
 *
 * A bucket that is full goes on in an overflow bucket of a slab. When an overflow bucket cannot
 * be had, the insertion fails and nothing has changed; when a split finds no memory it is simply
 * put off.
 *
 * Tags keep the bits of the hash that the next splits ask for, so a split moves entries without
 * looking at anything but the bucket. Every fourth time in a bucket's life these bits are used up: then
 * the entries' owners, which lie anywhere in memory, are asked for their full hashes, and tags are made
 * anew. It is known long before which bucket comes next: at each split the next one is asked for, and,
 * when they will be needed, the owners of its entries (`ahead`).
 */
#include "track/table.h"

#include <string.h>

#include "base/inline.h"
#include "base/prefetch.h"
#include "track/conn.h"

static_assert(sizeof(struct sl_bucket) == 64, "a bucket is one cache line");

#define FIRST_LEVEL 8
static_assert(1 << FIRST_LEVEL == SL_SEGMENT, "one segment to begin with");

static void set_level(struct sl_table *table, unsigned level)
{
	table->level = (uint8_t)level;
	table->low_mask = ((uint32_t)1 << level) - 1;
	table->shift[0] = sl__table_shift(level);
	table->shift[1] = sl__table_shift(level + 1);
}

/*
 * Make the directory and the segments reach bucket i. A bucket is zeroed when it comes into use: fresh
 * memory costs a page fault for each page, and no packet shall wait for several.
 */
static bool reach(struct sl_table *table, uint32_t i)
{
	uint32_t room = table->segments_room ? table->segments_room * 2 : 8;
	struct sl_bucket **wider;

	if (i / SL_SEGMENT < table->segments_used)
		return true;
	if (table->segments_used == table->segments_room) {
		wider = sl__alloc(table->mem, room * sizeof(*wider));
		if (!wider)
			return false;
		if (table->segments_used)
			memcpy(wider, table->segments, table->segments_used * sizeof(*wider));
		sl__free(table->mem, table->segments, table->segments_room * sizeof(*wider));
		table->segments = wider;
		table->segments_room = room;
	}
	wider = &table->segments[table->segments_used];
	*wider = table->mem->alloc(table->mem->ctx, SL_SEGMENT * sizeof(**wider), 64);
	if (!*wider)
		return false;
	table->segments_used++;
	return true;
}

static void give_segment_back(struct sl_table *table)
{
	struct sl_bucket *last = table->segments[--table->segments_used];

	sl__free(table->mem, last, SL_SEGMENT * sizeof(*last));
}

bool sl__table_init(struct sl_table *table, const struct sl_mem *mem, uint32_t slab_chunk,
        uint32_t room, uint64_t (*hash_of)(const void *ctx, uint32_t entry), const void *ctx)
{
	memset(table, 0, sizeof(*table));
	table->mem = mem;
	table->hash_of = hash_of;
	table->ctx = ctx;
	set_level(table, FIRST_LEVEL);
	sl__slab_init(&table->overflow, mem, sizeof(struct sl_bucket), 64, slab_chunk, room);
	if (!reach(table, 0))
		return false;
	memset(table->segments[0], 0, SL_SEGMENT * sizeof(struct sl_bucket));
	return true;
}

void sl__table_fini(struct sl_table *table)
{
	while (table->segments_used)
		give_segment_back(table);
	sl__free(table->mem, table->segments, table->segments_room * sizeof(*table->segments));
	sl__slab_fini(&table->overflow);
}

SL_INLINE void put_at(struct sl_bucket *bucket, unsigned i, uint16_t tag, uint32_t entry)
{
	bucket->tag[i] = tag;
	bucket->entry[i] = entry;
}

/* Put into this very bucket; false: it is full. */
SL_INLINE bool put_here(struct sl_bucket *bucket, uint16_t tag, uint32_t entry)
{
	unsigned free = sl__bucket_places(bucket, 0);

	if (!free)
		return false;
	put_at(bucket, sl__lowest_bit(free), tag, entry);
	return true;
}

/* Put behind a bucket that is full; false: it needs an overflow bucket and has none. */
static bool put_behind(
        struct sl_table *table, struct sl_bucket *bucket, uint16_t tag, uint32_t entry)
{
	unsigned length = 1;
	uint32_t ref;

	for (; bucket->overflow; length++) {
		bucket = sl__slab_at(&table->overflow, bucket->overflow);
		if (put_here(bucket, tag, entry))
			return true;
	}
	if (!sl__slab_get(&table->overflow, &ref))
		return false;
	/* Where splits were put off for want of memory, a long chain says nothing about the key. */
	if (length + 1 >= SL_TABLE_CHAIN_MAX &&
	        table->entries <= (uint64_t)sl__table_buckets(table) * SL_BUCKET_ENTRIES)
		table->too_long = true;
	bucket->overflow = ref;
	bucket = sl__slab_at(&table->overflow, ref);
	bucket->tag[0] = tag;
	bucket->entry[0] = entry;
	return true;
}

/* Put into the chain that begins with bucket; false: it needs an overflow bucket and has none. */
SL_INLINE bool put(struct sl_table *table, struct sl_bucket *bucket, uint16_t tag, uint32_t entry)
{
	return put_here(bucket, tag, entry) || put_behind(table, bucket, tag, entry);
}

/* Take overflow buckets off the end of a chain that are empty. */
static void trim(struct sl_table *table, struct sl_bucket *first)
{
	for (;;) {
		struct sl_bucket *before = first, *last;
		unsigned used = 0;

		if (!first->overflow)
			return;
		last = sl__slab_at(&table->overflow, first->overflow);
		while (last->overflow) {
			before = last;
			last = sl__slab_at(&table->overflow, last->overflow);
		}
		for (unsigned i = 0; i < SL_BUCKET_ENTRIES; i++)
			used += last->tag[i] != 0;
		if (used)
			return;
		sl__slab_put(&table->overflow, before->overflow);
		before->overflow = 0;
	}
}

/* Close gaps: entries of overflow buckets move to the front. */
static void compact(struct sl_table *table, struct sl_bucket *first)
{
	struct sl_bucket *from = first;

	while (from->overflow) {
		from = sl__slab_at(&table->overflow, from->overflow);
		for (unsigned i = 0; i < SL_BUCKET_ENTRIES; i++) {
			uint16_t tag = from->tag[i];

			if (!tag)
				continue;
			from->tag[i] = 0;
			put(table, first, tag, from->entry[i]); /* there is room: its old place */
		}
	}
	trim(table, first);
}

/* Do tags of buckets of this level differ from those of the level below? */
static bool renews_tags(unsigned level)
{
	return sl__table_shift(level) != sl__table_shift(level - 1);
}

static uint16_t new_tag(const struct sl_table *table, uint32_t entry, unsigned level)
{
	return sl__table_tag(table->hash_of(table->ctx, entry), sl__table_shift(level));
}

/* All tags of a chain become those of a level. */
static void renew_tags(const struct sl_table *table, struct sl_bucket *bucket, unsigned level)
{
	for (;; bucket = sl__slab_at(&table->overflow, bucket->overflow)) {
		for (unsigned i = 0; i < SL_BUCKET_ENTRIES; i++)
			if (bucket->tag[i])
				bucket->tag[i] = new_tag(table, bucket->entry[i], level);
		if (!bucket->overflow)
			return;
	}
}

static void ask_for_owners(const struct sl_table *table, const struct sl_bucket *bucket)
{
	for (unsigned i = 0; i < SL_BUCKET_ENTRIES; i++)
		if (bucket->tag[i])
			table->ahead(table->ctx, bucket->entry[i]);
}

/* The next bucket to be divided, and the one after it. */
static void look_ahead(const struct sl_table *table)
{
	const struct sl_bucket *bucket = sl__table_at(table, table->split);

	if (table->ahead && renews_tags(table->level + 1u))
		ask_for_owners(table, bucket);
	if (table->split < table->low_mask)
		sl__prefetch(sl__table_at(table, table->split + 1));
}

/*
 * What a split of a bucket of this level sends away moves to the target, which is empty. False: no
 * memory. Which entries go is as good as random: places are found by their bits, not by branches.
 */
static bool move_away(
        struct sl_table *table, struct sl_bucket *bucket, struct sl_bucket *target, unsigned level)
{
	const uint16_t goes = (uint16_t)(1u << level % SL_TAG_SPLITS);
	bool renew = renews_tags(level + 1);
	unsigned filled = 0;

	for (;; bucket = sl__slab_at(&table->overflow, bucket->overflow)) {
		unsigned places = sl__bucket_match(bucket, goes, goes);

		for (; places; places &= places - 1) {
			unsigned i = sl__lowest_bit(places);
			uint16_t tag = bucket->tag[i];

			if (renew)
				tag = new_tag(table, bucket->entry[i], level + 1);
			if (filled < SL_BUCKET_ENTRIES)
				put_at(target, filled++, tag, bucket->entry[i]);
			else if (!put_behind(table, target, tag, bucket->entry[i]))
				return false;
			bucket->tag[i] = 0;
		}
		if (!bucket->overflow)
			return true;
	}
}

/* All entries of a chain come to the target, where there is room; they become such of a level. */
static void move_back(
        struct sl_table *table, struct sl_bucket *source, struct sl_bucket *target, unsigned level)
{
	bool renew = renews_tags(level + 1);

	for (struct sl_bucket *bucket = source;;
	        bucket = sl__slab_at(&table->overflow, bucket->overflow)) {
		for (unsigned i = 0; i < SL_BUCKET_ENTRIES; i++) {
			uint16_t tag = bucket->tag[i];

			if (!tag)
				continue;
			if (renew)
				tag = new_tag(table, bucket->entry[i], level);
			put(table, target, tag, bucket->entry[i]);
			bucket->tag[i] = 0;
		}
		if (!bucket->overflow)
			break;
	}
	trim(table, source);
}

/* Divide the bucket at `split`. Put off when there is no memory for the other half. */
static void split_one(struct sl_table *table)
{
	uint32_t from = table->split, to = from + table->low_mask + 1;
	struct sl_bucket *source, *target;
	unsigned level = table->level;

	if (!reach(table, to))
		return;
	source = sl__table_at(table, from);
	target = sl__table_at(table, to);
	memset(target, 0, sizeof(*target));
	if (!move_away(table, source, target, level)) {
		move_back(table, target, source, level); /* into the gaps that they left */
		return;
	}
	if (source->overflow)
		compact(table, source);
	if (renews_tags(level + 1))
		renew_tags(table, source, level + 1);
	if (++table->split > table->low_mask) {
		set_level(table, level + 1);
		table->split = 0;
	}
	look_ahead(table);
}

static unsigned gaps(const struct sl_table *table, const struct sl_bucket *bucket)
{
	unsigned n = sl__count_bits(sl__bucket_places(bucket, 0));

	while (bucket->overflow) {
		bucket = sl__slab_at(&table->overflow, bucket->overflow);
		n += sl__count_bits(sl__bucket_places(bucket, 0));
	}
	return n;
}

static unsigned used(const struct sl_table *table, const struct sl_bucket *bucket)
{
	unsigned n = SL_BUCKET_ENTRIES;

	for (const struct sl_bucket *b = bucket; b->overflow; n += SL_BUCKET_ENTRIES)
		b = sl__slab_at(&table->overflow, b->overflow);
	return n - gaps(table, bucket);
}

/* What the last division left: the bucket that it took from, and the one that it made. */
struct halves {
	struct sl_bucket *target, *source;
	unsigned level; /* that the table has without it */
};

static struct halves last_halves(const struct sl_table *table, uint32_t buckets)
{
	uint32_t last = buckets - 1;
	unsigned level = sl__highest_bit(last);

	return (struct halves){sl__table_at(table, last - ((uint32_t)1 << level)),
	        sl__table_at(table, last), level};
}

/*
 * The same for the divisions that will be undone. One may follow the other closely where tags are renewed:
 * so the owners are asked for two ahead.
 */
static void look_back(const struct sl_table *table)
{
	uint32_t buckets = sl__table_buckets(table);
	struct halves next;

	if (buckets <= SL_SEGMENT + 3)
		return;
	next = last_halves(table, buckets - 1);
	if (table->ahead && renews_tags(next.level + 1)) {
		ask_for_owners(table, next.target);
		ask_for_owners(table, next.source);
	}
	next = last_halves(table, buckets - 3);
	sl__prefetch(next.target);
	sl__prefetch(next.source);
}

/* Undo the last division, unless that would need an overflow bucket. */
static void merge_one(struct sl_table *table)
{
	struct halves h = last_halves(table, sl__table_buckets(table));

	if (gaps(table, h.target) < used(table, h.source))
		return; /* would need an overflow bucket: better left as it is */
	if (renews_tags(h.level + 1))
		renew_tags(table, h.target, h.level);
	move_back(table, h.source, h.target, h.level);
	if (table->split == 0) {
		set_level(table, h.level);
		table->split = (uint32_t)1 << h.level;
	}
	table->split--;
	if ((sl__table_buckets(table) - 1) / SL_SEGMENT + 2 < table->segments_used)
		give_segment_back(table);
	look_back(table);
}

/* So many entries came: as many divisions at most. */
SL_INLINE void grow(struct sl_table *table, unsigned came)
{
	table->entries += came;
	table->changes += came;
	while (came-- &&
	        table->entries > (uint64_t)sl__table_buckets(table) * SL_BUCKET_ENTRIES * 3 / 4)
		split_one(table);
}

bool sl__table_add(struct sl_table *table, uint64_t hash, uint32_t entry)
{
	struct sl_spot spot = sl__table_spot(table, hash);

	if (!put(table, spot.bucket, spot.tag, entry))
		return false;
	grow(table, 1);
	return true;
}

/* Takes out what was put there just now, as if it had never come. */
static void take_back(struct sl_table *table, struct sl_spot spot, uint32_t entry)
{
	struct sl_bucket *bucket = spot.bucket;

	for (;; bucket = sl__slab_at(&table->overflow, bucket->overflow)) {
		for (unsigned i = 0; i < SL_BUCKET_ENTRIES; i++)
			if (bucket->tag[i] == spot.tag && bucket->entry[i] == entry)
				bucket->tag[i] = 0;
		if (!bucket->overflow)
			break;
	}
	if (spot.bucket->overflow)
		compact(table, spot.bucket);
}

bool sl__table_add_both(
        struct sl_table *table, const struct sl_spot spot[2], const uint32_t entry[2])
{
	if (!put(table, spot[0].bucket, spot[0].tag, entry[0]))
		return false;
	if (!put(table, spot[1].bucket, spot[1].tag, entry[1])) {
		take_back(table, spot[0], entry[0]);
		return false;
	}
	grow(table, 2);
	return true;
}

/* Time to shrink? Asked at every other change, which keeps up: 2.5 entries less, and a bucket is too many. */
static inline bool is_wide(const struct sl_table *table)
{
	uint32_t buckets = sl__table_buckets(table);

	return table->entries < (uint64_t)buckets * SL_BUCKET_ENTRIES / 4 && buckets > SL_SEGMENT &&
	       !table->frozen;
}

bool sl__table_remove(struct sl_table *table, uint64_t hash, uint32_t entry)
{
	struct sl_spot spot = sl__table_spot(table, hash);
	struct sl_bucket *first = spot.bucket, *bucket = first;

	for (;; bucket = sl__slab_at(&table->overflow, bucket->overflow)) {
		unsigned places = sl__bucket_places(bucket, spot.tag);

		for (; places; places &= places - 1) {
			unsigned i = sl__lowest_bit(places);

			if (bucket->entry[i] != entry)
				continue;
			bucket->tag[i] = 0;
			table->entries--;
			table->changes++;
			if (first->overflow)
				compact(table, first);
			if (table->changes & 1 && is_wide(table))
				merge_one(table);
			return true;
		}
		if (!bucket->overflow)
			return false;
	}
}

uint32_t sl__table_any(const struct sl_table *table, uint32_t i)
{
	const struct sl_bucket *bucket = sl__table_at(table, i);

	for (;; bucket = sl__slab_at(&table->overflow, bucket->overflow)) {
		for (unsigned k = 0; k < SL_BUCKET_ENTRIES; k++)
			if (bucket->tag[k])
				return bucket->entry[k];
		if (!bucket->overflow)
			return 0;
	}
}
