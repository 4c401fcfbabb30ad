/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BASE_WHEEL_H
#define SLUICE_BASE_WHEEL_H

/*
 * Timers of slab objects: a hierarchical wheel with slots of 1 ms, lazy about deadlines that are
 * pushed back. See wheel.c for how it works.
 *
 * Time is a 32-bit count of milliseconds that wraps; two times are compared by the sign of their
 * difference. So a deadline lies less than 2^31 ms (24.8 days) ahead of the time that the wheel has
 * got to, and sl__wheel_advance() must be called more often than that while objects are linked.
 *
 * The deadline lies in the object, and its owner may store a LATER one at any time without a call:
 * the wheel sees it when the old one comes up. To store an EARLIER one, remove the object first and
 * add it afterwards; otherwise it fires at the old time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slab.h"

#define SL_WHEEL_LEVELS 4 /* of 9 bits each; the last has the upper 5 bits of the time */
#define SL_WHEEL_SLOTS  512
#define SL_WHEEL_WORDS  (SL_WHEEL_SLOTS / 64)
#define SL_WHEEL_COMING 16 /* objects that are looked at: whose turn it is, and those behind it */

/* In the object, zeroed before first use. The wheel's own, except that all zero means unlinked. */
struct sl_wheel_link {
	uint32_t next, prev;
};

struct sl_wheel_slot {
	uint32_t first, last; /* references; undefined while the slot's bit in `used` is clear */
};

/*
 * An object whose turn it is or will be soon. note: what ahead() wrote there for fire() to find; it is as
 * old as that call, and if `told` is false there was none.
 */
struct sl_wheel_due {
	void *object;
	uint32_t ref;
	bool told;
	uint64_t note[2];
};

/* fire: an object is due and no longer linked; it may add, remove and put any. */
typedef void sl_wheel_fn(void *ctx, struct sl_wheel_due *due);
/* ahead: so many objects will be handed to fire() soon; it only reads them. */
typedef void sl_wheel_ahead_fn(void *ctx, struct sl_wheel_due *const due[], unsigned n);
#define SL_WHEEL_TOLD 8 /* at most so many at once */

struct sl_wheel {
	const struct sl_slab *slab;
	uint32_t offset_link, offset_deadline;
	/*
	 * To be set after sl__wheel_init(), if at all. horizon: every object is looked at within so
	 * many ms; a deadline may be moved to an earlier time that lies at least so far ahead as if it
	 * were a later one. Without it: INT32_MAX. ahead: may be NULL.
	 */
	uint32_t horizon;
	sl_wheel_ahead_fn *ahead;
	uint32_t now;       /* all that was due before this has fired */
	unsigned cascading; /* level whose slot at `now` is being spread over lower ones, or 0 */
	uint32_t count;     /* objects linked */
	/* The first of the slot that is being emptied, and those behind it that were looked at: a ring. */
	struct sl_wheel_due coming[SL_WHEEL_COMING];
	uint8_t head, seen, told; /* its first; so many; ahead() was told of so many */
	uint64_t used[SL_WHEEL_LEVELS][SL_WHEEL_WORDS]; /* a bit for each slot: it is not empty */
	struct sl_wheel_slot slot[SL_WHEEL_LEVELS][SL_WHEEL_SLOTS];
};

/*
 * An empty wheel at the time now_ms, over objects of `slab` (references below 2^31), which have a
 * struct sl_wheel_link and a uint32_t deadline in ms at these offsets. Nothing to finish.
 */
void sl__wheel_init(struct sl_wheel *wheel, const struct sl_slab *slab, size_t offset_link,
        size_t offset_deadline, uint32_t now_ms);

/*
 * Links an object that is not linked, at the deadline it contains. One in the past is due at once,
 * that is in the next or the running sl__wheel_advance(). Constant time.
 */
void sl__wheel_add(struct sl_wheel *wheel, uint32_t ref);
/* The same for who has it at hand. */
void sl__wheel_add_object(struct sl_wheel *wheel, uint32_t ref, void *object);

/* Unlinks an object; does nothing if it is not linked. Constant time. To be done before its put. */
void sl__wheel_remove(struct sl_wheel *wheel, uint32_t ref);

/* An object that is linked will soon be unlinked: ask for the memory of those beside it. */
void sl__wheel_ask_for_neighbours(const struct sl_wheel *wheel, uint32_t ref);

bool sl__wheel_linked(const struct sl_wheel *wheel, uint32_t ref);

/*
 * Goes to the time now_ms and hands what is due to fire(). Never early; in the order of deadlines,
 * those of the same millisecond in the order they were added (an object whose deadline was pushed
 * back counts as added when the wheel comes upon it).
 *
 * At most `budget` objects are handled, fired or moved. Returns true if it stopped for that: more
 * may be due, call again with the same or a later time. A time before an earlier one does nothing.
 */
bool sl__wheel_advance(
        struct sl_wheel *wheel, uint32_t now_ms, uint32_t budget, sl_wheel_fn *fire, void *ctx);

/*
 * The earliest time at which sl__wheel_advance() may have anything to do, for the embedder's sleep;
 * false if nothing is linked. It may be earlier than the first deadline, never later, so long as
 * none was moved to an earlier time behind the wheel's back.
 */
bool sl__wheel_next(const struct sl_wheel *wheel, uint32_t *at_ms);

#endif
