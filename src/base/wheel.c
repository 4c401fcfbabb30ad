/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers: a hierarchical wheel (Varghese and Lauck, 1987), lazy.
 *
 * Overview. The time is cut in digits of 9 bits, and there is a level of 512 slots for each digit
 * (the last has 5 bits, 32 slots). An object lies on the level of the highest digit in which its
 * deadline differs from `now`, in the slot of the deadline's digit there. So on level 0 a slot is a
 * millisecond, and on a higher level a slot holds what will fall into its span; when `now` reaches
 * the beginning of the span, its objects are spread over the levels below ("cascading"). An object
 * is moved at most three times in its life, for timeouts of up to four minutes once.
 *
 * Every level has a bitmap of its slots that are not empty, so the next thing to happen is found by
 * looking at a few words, and `now` jumps there.
 *
 * Lazy. Connections push their deadline back with every packet; they only store the new value. When
 * the wheel comes upon an object, in firing or cascading, it goes by the deadline that it finds.
 *
 * Invariants.
 * - No slot but those ahead of `now`, and the one of `now` on level 0, has objects; all of level L
 *   agree (when they were placed) with `now` in the digits above L. So a lower level always comes
 *   up before a higher one.
 * - One exception: while `cascading` is L > 0, the slot of `now` on level L is being emptied, and
 *   maybe the budget was used up in the middle. Then objects that would go to a lower level are put
 *   at its end instead: behind those of the same deadline that wait there. At most one level can be
 *   so, for when a slot of level L + 1 begins, all of level L lies ahead and is empty.
 * - What was due before `now` has fired; `now` does not go on before level 0's slot is empty.
 *
 * Horizon. What lies further ahead than wheel->horizon is placed as if it were due then, and placed
 * again when the wheel comes upon it. So the wheel looks at every object within that time, and an
 * owner that moves a deadline to an earlier one which is at least as far away need not tell it.
 *
 * Waiting. Objects lie anywhere in memory. Before one fires, those behind it are looked at, one further each
 * time, and what is known of them stands in a ring (`coming`), which is forgotten when anything else is
 * unlinked. The owner is told of several of them at once (wheel->ahead), to ask for what they will need: what
 * must first find out where its page is does so together. It may note what it has worked out for fire().
 * Spreading a slot calls nobody, so there it is enough to ask for the next object in time.
 *
 * Links. Objects are chained by references. At the ends of a chain stands the number of the slot,
 * marked by the upper bit, which no reference has: so removing needs no search, and no look at a
 * deadline that may have changed since. The link of an object in no slot is all zero.
 *
 * Ownership. The objects are the slab's; the wheel allocates nothing. An object must be removed
 * before it is put back.
 *
 * Alternatives. A heap would cost O(log n) cache misses for each change; a wheel of one level
 * either scans idle slots or needs as many slots as the longest timeout (5 days) has milliseconds.
 */
#include "base/wheel.h"

#include <assert.h>
#include <string.h>

#include "base/bits.h"
#include "base/prefetch.h"

#define DIGIT_BITS 9
#define TOP        (SL_WHEEL_LEVELS - 1)
#define TOP_SLOTS  (1u << (32 - TOP * DIGIT_BITS))
#define SLOT_MARK  0x80000000u
#define TELL       4 /* so long before their turn, at least, ahead() is told of objects */

static_assert(1 << DIGIT_BITS == SL_WHEEL_SLOTS, "a slot for each digit");
static_assert(TOP * DIGIT_BITS < 32 && SL_WHEEL_LEVELS * DIGIT_BITS >= 32, "all of the time");

void sl__wheel_init(struct sl_wheel *wheel, const struct sl_slab *slab, size_t offset_link,
        size_t offset_deadline, uint32_t now_ms)
{
	memset(wheel, 0, sizeof(*wheel));
	wheel->slab = slab;
	wheel->offset_link = (uint32_t)offset_link;
	wheel->offset_deadline = (uint32_t)offset_deadline;
	wheel->now = now_ms;
	wheel->horizon = INT32_MAX;
}

static inline struct sl_wheel_link *link_in(const struct sl_wheel *wheel, void *object)
{
	return (void *)((char *)object + wheel->offset_link);
}

static inline uint32_t deadline_in(const struct sl_wheel *wheel, const void *object)
{
	uint32_t deadline;

	memcpy(&deadline, (const char *)object + wheel->offset_deadline, sizeof(deadline));
	return deadline;
}

static struct sl_wheel_link *link_of(const struct sl_wheel *wheel, uint32_t ref)
{
	return link_in(wheel, sl__slab_at(wheel->slab, ref));
}

/* Whether time a lies after b. */
static bool after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static unsigned digit(uint32_t time, unsigned level)
{
	return time >> level * DIGIT_BITS & (SL_WHEEL_SLOTS - 1);
}

static bool in_use(const struct sl_wheel *wheel, unsigned level, unsigned slot)
{
	return wheel->used[level][slot / 64] >> slot % 64 & 1;
}

static struct sl_wheel_slot *slot_of_mark(struct sl_wheel *wheel, uint32_t mark)
{
	uint32_t n = mark & ~SLOT_MARK;

	return &wheel->slot[n / SL_WHEEL_SLOTS][n % SL_WHEEL_SLOTS];
}

static void set_used(struct sl_wheel *wheel, unsigned level, unsigned slot, bool is)
{
	uint64_t bit = UINT64_C(1) << slot % 64, *word = &wheel->used[level][slot / 64];

	*word = is ? *word | bit : *word & ~bit;
}

/* The first slot of a level from `from` on that is used, or SL_WHEEL_SLOTS. */
static unsigned first_used(const struct sl_wheel *wheel, unsigned level, unsigned from)
{
	for (; from < SL_WHEEL_SLOTS; from = (from | 63) + 1) {
		uint64_t ahead = wheel->used[level][from / 64] >> from % 64;

		if (ahead)
			return from + sl__lowest_bit(ahead);
	}
	return SL_WHEEL_SLOTS;
}

static void append(struct sl_wheel *wheel, unsigned level, unsigned n, uint32_t ref,
        struct sl_wheel_link *link)
{
	struct sl_wheel_slot *slot = &wheel->slot[level][n];
	uint32_t mark = SLOT_MARK | (level * SL_WHEEL_SLOTS + n);

	link->next = mark;
	if (in_use(wheel, level, n)) {
		link->prev = slot->last;
		link_of(wheel, slot->last)->next = ref;
	} else {
		link->prev = mark;
		slot->first = ref;
		set_used(wheel, level, n, true);
	}
	slot->last = ref;
}

static void detach(struct sl_wheel *wheel, struct sl_wheel_link *link)
{
	bool first = link->prev & SLOT_MARK, last = link->next & SLOT_MARK;

	if (first && last) {
		uint32_t n = link->next & ~SLOT_MARK;

		set_used(wheel, n / SL_WHEEL_SLOTS, n % SL_WHEEL_SLOTS, false);
	} else if (first) {
		slot_of_mark(wheel, link->prev)->first = link->next;
		link_of(wheel, link->next)->prev = link->prev;
	} else if (last) {
		slot_of_mark(wheel, link->next)->last = link->prev;
		link_of(wheel, link->prev)->next = link->next;
	} else {
		link_of(wheel, link->next)->prev = link->prev;
		link_of(wheel, link->prev)->next = link->next;
	}
	link->next = link->prev = 0;
	wheel->count--;
	wheel->seen = wheel->told = 0;
}

/* Puts an object where its deadline belongs, but on no level below `lowest`. */
static void place(struct sl_wheel *wheel, uint32_t ref, void *object, unsigned lowest)
{
	uint32_t at = deadline_in(wheel, object);
	unsigned level;

	if (!after(at, wheel->now))
		at = wheel->now;
	else if (at - wheel->now > wheel->horizon)
		at = wheel->now + wheel->horizon;
	level = sl__highest_bit((at ^ wheel->now) | 1) / DIGIT_BITS;
	if (level < lowest)
		level = lowest;
	append(wheel, level, digit(at, level), ref, link_in(wheel, object));
}

void sl__wheel_add(struct sl_wheel *wheel, uint32_t ref)
{
	sl__wheel_add_object(wheel, ref, sl__slab_at(wheel->slab, ref));
}

void sl__wheel_add_object(struct sl_wheel *wheel, uint32_t ref, void *object)
{
	assert(ref && !(ref & SLOT_MARK) && !link_in(wheel, object)->next);
	place(wheel, ref, object, wheel->cascading);
	wheel->count++;
}

void sl__wheel_remove(struct sl_wheel *wheel, uint32_t ref)
{
	struct sl_wheel_link *link = link_of(wheel, ref);

	if (link->next)
		detach(wheel, link);
}

void sl__wheel_ask_for_neighbours(const struct sl_wheel *wheel, uint32_t ref)
{
	const struct sl_wheel_link *link = link_of(wheel, ref);

	if (!(link->next & SLOT_MARK))
		sl__prefetch(link_of(wheel, link->next));
	if (!(link->prev & SLOT_MARK))
		sl__prefetch(link_of(wheel, link->prev));
}

bool sl__wheel_linked(const struct sl_wheel *wheel, uint32_t ref)
{
	return link_of(wheel, ref)->next != 0;
}

/*
 * When the first slot ahead of `now` begins, and its level. On the top level the digits wrap; what
 * lies ahead is less than half a round away.
 */
static bool first_ahead(const struct sl_wheel *wheel, uint32_t *at, unsigned *level)
{
	for (unsigned l = 0; l < TOP; l++) {
		unsigned d = digit(wheel->now, l), next = first_used(wheel, l, d + 1);

		if (next < SL_WHEEL_SLOTS) {
			*at = ((wheel->now >> l * DIGIT_BITS) + (next - d)) << l * DIGIT_BITS;
			*level = l;
			return true;
		}
	}
	for (uint32_t i = 1; i < TOP_SLOTS; i++) {
		uint32_t begins = (wheel->now >> TOP * DIGIT_BITS) + i;

		if (in_use(wheel, TOP, begins & (TOP_SLOTS - 1))) {
			*at = begins << TOP * DIGIT_BITS;
			*level = TOP;
			return true;
		}
	}
	return false;
}

/* The i-th of those that are coming has its place here. */
static inline struct sl_wheel_due *coming(struct sl_wheel *wheel, unsigned i)
{
	return &wheel->coming[(wheel->head + i) % SL_WHEEL_COMING];
}

/* Looks at one more of a slot: the object is asked for. False: there is none. */
static inline bool see_one(struct sl_wheel *wheel, const struct sl_wheel_slot *slot)
{
	uint32_t ref = slot->first;
	struct sl_wheel_due *due;

	if (wheel->seen)
		ref = link_in(wheel, coming(wheel, wheel->seen - 1u)->object)->next;
	if (ref & SLOT_MARK)
		return false;
	due = coming(wheel, wheel->seen++);
	due->object = sl__slab_at(wheel->slab, ref);
	due->ref = ref;
	due->told = false;
	for (uint32_t at = 0; at < wheel->slab->object_size; at += 64)
		sl__prefetch((const char *)due->object + at);
	return true;
}

/* The first of a slot is to be handled: it is looked at, and so are some behind it. */
static inline void look_ahead(struct sl_wheel *wheel, const struct sl_wheel_slot *slot)
{
	for (unsigned n = 0; n < 2 && wheel->seen < SL_WHEEL_COMING; n++)
		if (!see_one(wheel, slot))
			return;
}

/* Several at once: what waits for memory waits for all of it together then. */
static void tell_ahead(struct sl_wheel *wheel, void *ctx)
{
	struct sl_wheel_due *due[SL_WHEEL_TOLD];
	unsigned n = 0;

	while (wheel->told < wheel->seen && n < SL_WHEEL_TOLD) {
		due[n] = coming(wheel, wheel->told++);
		due[n++]->told = true;
	}
	wheel->ahead(ctx, due, n);
}

/* Takes the first out of its slot. Its place in the ring stays as it is until more are looked at. */
static inline struct sl_wheel_due *take(struct sl_wheel *wheel, unsigned n)
{
	struct sl_wheel_due *first = coming(wheel, 0);
	struct sl_wheel_link *link = link_in(wheel, first->object);

	if (link->next & SLOT_MARK) {
		set_used(wheel, 0, n, false);
	} else {
		wheel->slot[0][n].first = link->next;
		link_in(wheel, coming(wheel, 1)->object)->prev = link->prev; /* it was looked at */
	}
	link->next = link->prev = 0;
	wheel->count--;
	wheel->head++;
	wheel->seen--;
	if (wheel->told)
		wheel->told--;
	return first;
}

/* Spreads the slot of `now` on a higher level, or as much of it as the budget allows. What is left of that. */
static uint32_t spread(struct sl_wheel *wheel, unsigned level, unsigned n, uint32_t budget)
{
	const uint32_t mark = SLOT_MARK | (level * SL_WHEEL_SLOTS + n);
	uint32_t ref = wheel->slot[level][n].first, next;
	void *object = sl__slab_at(wheel->slab, ref), *behind;

	for (; budget; budget--, ref = next, object = behind) {
		next = link_in(wheel, object)->next;
		behind = next & SLOT_MARK ? object : sl__slab_at(wheel->slab, next);
		sl__prefetch(link_in(wheel, behind));
		sl__prefetch((const char *)behind + wheel->offset_deadline);
		place(wheel, ref, object, 0);
		if (next & SLOT_MARK) {
			set_used(wheel, level, n, false);
			return budget - 1;
		}
	}
	wheel->slot[level][n].first = ref;
	link_in(wheel, object)->prev = mark;
	return 0;
}

/* Handles one object whose millisecond has come: it fires, unless its deadline was pushed back. */
static void handle_one(struct sl_wheel *wheel, unsigned n, sl_wheel_fn *fire, void *ctx)
{
	struct sl_wheel_due *due;

	look_ahead(wheel, &wheel->slot[0][n]);
	if (wheel->ahead && wheel->told <= TELL && wheel->told < wheel->seen)
		tell_ahead(wheel, ctx);
	due = take(wheel, n);
	if (!after(deadline_in(wheel, due->object), wheel->now)) {
		fire(ctx, due);
		return;
	}
	place(wheel, due->ref, due->object, 0);
	wheel->count++;
}

/* Goes to the next slot that begins by `until`; false, having gone to `until`, if none does. */
static bool step(struct sl_wheel *wheel, uint32_t until)
{
	uint32_t at;
	unsigned level;

	if (!first_ahead(wheel, &at, &level) || after(at, until)) {
		wheel->now = until;
		return false;
	}
	wheel->now = at;
	wheel->cascading = level;
	wheel->seen = wheel->told = 0;
	return true;
}

bool sl__wheel_advance(
        struct sl_wheel *wheel, uint32_t now_ms, uint32_t budget, sl_wheel_fn *fire, void *ctx)
{
	if (after(wheel->now, now_ms))
		return false;
	for (;;) {
		unsigned level = wheel->cascading, n = digit(wheel->now, level);

		if (level && in_use(wheel, level, n))
			budget = spread(wheel, level, n, budget);
		for (; !level && in_use(wheel, 0, n) && budget; budget--)
			handle_one(wheel, n, fire, ctx);
		if (in_use(wheel, level, n))
			return true;
		/* A level emptied: what it left for this very millisecond is on level 0. */
		if (level)
			wheel->cascading = 0;
		else if (!step(wheel, now_ms))
			return false;
	}
}

bool sl__wheel_next(const struct sl_wheel *wheel, uint32_t *at_ms)
{
	unsigned level = wheel->cascading;

	if (level || in_use(wheel, 0, digit(wheel->now, 0))) {
		*at_ms = wheel->now;
		return true;
	}
	return first_ahead(wheel, at_ms, &level);
}
