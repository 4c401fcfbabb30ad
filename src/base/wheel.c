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
 * Waiting. Objects lie anywhere in memory. While one is handled the wheel asks for those that will be
 * handled soon, one further each time, and lets the owner (wheel->ahead) ask for what they will need. It
 * knows them by `coming`, which is forgotten when anything else is unlinked.
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
#define TELL       4 /* so long before their turn ahead() is told of objects */

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

static struct sl_wheel_link *link_of(const struct sl_wheel *wheel, uint32_t ref)
{
	return (void *)((char *)sl__slab_at(wheel->slab, ref) + wheel->offset_link);
}

/* Of the object that the link is in. */
static uint32_t deadline_of(const struct sl_wheel *wheel, const struct sl_wheel_link *link)
{
	const char *object = (const char *)link - wheel->offset_link;
	uint32_t deadline;

	memcpy(&deadline, object + wheel->offset_deadline, sizeof(deadline));
	return deadline;
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
	wheel->count++;
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
static void place(struct sl_wheel *wheel, uint32_t ref, struct sl_wheel_link *link, unsigned lowest)
{
	uint32_t at = deadline_of(wheel, link);
	unsigned level;

	if (!after(at, wheel->now))
		at = wheel->now;
	else if (at - wheel->now > wheel->horizon)
		at = wheel->now + wheel->horizon;
	level = sl__highest_bit((at ^ wheel->now) | 1) / DIGIT_BITS;
	if (level < lowest)
		level = lowest;
	append(wheel, level, digit(at, level), ref, link);
}

void sl__wheel_add(struct sl_wheel *wheel, uint32_t ref)
{
	struct sl_wheel_link *link = link_of(wheel, ref);

	assert(ref && !(ref & SLOT_MARK) && !link->next);
	place(wheel, ref, link, wheel->cascading);
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
static inline struct sl_wheel_coming *coming(struct sl_wheel *wheel, unsigned i)
{
	return &wheel->coming[(wheel->head + i) % SL_WHEEL_COMING];
}

/* The object behind the last of those that are coming is asked for, and is one of them. False: there is none. */
static bool see_one(struct sl_wheel *wheel, const struct sl_wheel_link *link)
{
	const uint32_t size = wheel->slab->object_size;
	struct sl_wheel_coming *c;
	char *object;
	uint32_t next;

	if (wheel->seen)
		link = coming(wheel, wheel->seen - 1u)->link;
	next = link->next;
	if (next & SLOT_MARK)
		return false;
	object = sl__slab_at(wheel->slab, next);
	c = coming(wheel, wheel->seen++);
	c->link = (void *)(object + wheel->offset_link);
	c->ref = next;
	for (uint32_t at = 0; at < size; at += 64)
		sl__prefetch(object + at);
	return true;
}

/* This one is being handled: some behind it will be soon. */
static void look_ahead(struct sl_wheel *wheel, const struct sl_wheel_link *link, void *ctx)
{
	for (unsigned n = 0; n < 2 && wheel->seen < SL_WHEEL_COMING; n++)
		if (!see_one(wheel, link))
			break;
	if (!wheel->ahead || wheel->cascading)
		return;
	for (; wheel->told < wheel->seen && wheel->told < TELL; wheel->told++)
		wheel->ahead(ctx, coming(wheel, wheel->told)->ref);
}

/* Takes the first of a slot out; what is coming stays so. */
static void take(struct sl_wheel *wheel, unsigned level, unsigned n, struct sl_wheel_link *link)
{
	if (link->next & SLOT_MARK) {
		set_used(wheel, level, n, false);
	} else {
		wheel->slot[level][n].first = link->next;
		coming(wheel, 0)->link->prev = link->prev; /* look_ahead() has seen it */
	}
	link->next = link->prev = 0;
	wheel->count--;
	wheel->head++;
	if (wheel->seen)
		wheel->seen--;
	if (wheel->told)
		wheel->told--;
}

/* Handles one object of the slot of `now`, of the level that is being emptied. */
static void handle_one(struct sl_wheel *wheel, unsigned n, sl_wheel_fn *fire, void *ctx)
{
	unsigned level = wheel->cascading;
	uint32_t ref = wheel->slot[level][n].first;
	struct sl_wheel_link *link = link_of(wheel, ref);

	look_ahead(wheel, link, ctx);
	take(wheel, level, n, link);
	if (level || after(deadline_of(wheel, link), wheel->now))
		place(wheel, ref, link, 0);
	else
		fire(ctx, ref);
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
		unsigned n = digit(wheel->now, wheel->cascading);

		while (in_use(wheel, wheel->cascading, n)) {
			if (!budget--)
				return true;
			handle_one(wheel, n, fire, ctx);
		}
		/* A level emptied: what it left for this very millisecond is on level 0. */
		if (wheel->cascading)
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
