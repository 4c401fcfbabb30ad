/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Expectations: connections to come. A conn that fits the tuple under the mask is RELATED,
 * has the expectation's conn as its master, and gets the helper that the expectation names.
 *
 * Owned by the tracker's slab. An expectation lives in three places: the hash by what must
 * be exact (destination address and port, protocol), its master's list (newest first), and
 * the timer wheel. It dies when met (unless permanent), when another of its group is met, on
 * timeout, with its master, when its class is full and a newer one comes, or by a call.
 */
#ifndef SL_TRACK_EXPECT_H
#define SL_TRACK_EXPECT_H

#include "base/list.h"
#include "base/slab.h"
#include "base/wheel.h"
#include "track/conn.h"

struct sl_track;
struct sl_ext;

/*
 * Called for the first packet of a related conn, to translate it (src/nat, helpers).
 * Not NONE: the packet is dropped.
 */
typedef enum sl_reason sl_expected_fn(
        struct sl_track *t, struct sl_conn *conn, const struct sl_expect *expect);

/*
 * How to translate, and the upper layers' own; zero-filled: no translation. A related conn's
 * original packets come in direction nat_dir of the master.
 */
struct sl_expect_more {
	sl_expected_fn *expected; /* NULL: no translation */
	bool has_nat;
	uint8_t nat_dir;     /* enum sl_dir */
	uint16_t saved_port; /* or key: where it really goes ... */
	struct sl_addr saved_addr;
	uint16_t from_port;        /* source port (key) that it gets; 0: its own, if that is free */
	struct sl_addr shown_addr; /* what Linux would show for saved_addr */
	uint32_t cookie;           /* the helper's own */
	uint32_t group;            /* not 0: when one of a group is met, the others go */
};

struct sl_expect {
	struct sl_list of_master; /* in sl_ext.expects of the master */
	struct sl_list weak;      /* in sl_expects.weak, until the master is found assured */
	struct sl_tuple tuple, mask;
	uint32_t self;
	uint32_t next;     /* in its hash chain */
	uint32_t master;   /* conn reference; the master outlives it */
	uint32_t deadline; /* engine ms */
	struct sl_wheel_link link;
	uint64_t id; /* origin (ids.h) and 48 bits; never used twice */
	uint16_t zone;
	uint8_t class_id;               /* < SL_EXPECT_CLASSES */
	uint8_t flags;                  /* enum sl_expect_flag */
	uint8_t beyond;                 /* enum sl_beyond: why Linux would not expect it */
	const struct sl_helper *maker;  /* who made it */
	const struct sl_helper *helper; /* what the related conn gets; NULL: none */
	const char *reason;             /* static text */
	struct sl_expect_more more;
};

/* What to expect: filled by the caller of sl__expect_add(). */
struct sl_expect_want {
	struct sl_tuple tuple, mask;
	uint64_t id; /* that it had elsewhere, and nobody has here; 0: a new one */
	uint32_t timeout_ms;
	uint16_t class_max; /* at most so many of this class a master; 0: one */
	uint16_t class_all; /* not 0: class_max is a cookie's limit, and this the master's */
	uint8_t class_id, flags, beyond;
	const struct sl_helper *maker, *helper;
	const char *reason;
	struct sl_expect_more more;
};

/* What Linux would expect and we do not (docs/beyond.md). Few, the oldest forgotten. */
#define SL_SHADOWS 32
struct sl_shadow {
	struct sl_tuple tuple; /* any source port */
	uint64_t master;       /* id of the conn that announced it */
	uint32_t deadline;     /* engine ms */
	uint16_t zone;
	uint8_t beyond; /* enum sl_beyond; 0: none here */
};

struct sl_expects {
	struct sl_slab slab;
	struct sl_shadow shadow[SL_SHADOWS];
	unsigned shadows; /* how many there ever were */
	struct sl_wheel wheel;
	struct sl_list weak; /* those whose master was not assured yet, newest first */
	uint32_t *hash;      /* heads of chains */
	uint32_t hash_mask;
	uint32_t count, max;
	uint64_t last_id; /* a random half, then a count: 48 bits */
};

enum sl_reason sl__expects_init(struct sl_track *t, uint32_t max);
void sl__expects_fini(struct sl_track *t);
bool sl__expects_expire(struct sl_track *t, unsigned budget);

/*
 * Expect something for this master. The same again (same tuple, mask, class, master) is
 * replaced; a full class loses its oldest, a full table the oldest whose master is not assured. NONE: *out is the expectation (out may be NULL).
 */
enum sl_reason sl__expect_add(struct sl_track *t, struct sl_conn *master,
        const struct sl_expect_want *want, struct sl_expect **out);
/* Is that the id of one of them? Looks at all: for imports. */
bool sl__expect_has_id(struct sl_track *t, uint64_t id);
/* Would it be refused because somebody expects the same? SL_WHY_NONE: no. */
enum sl_reason sl__expect_check(
        struct sl_track *t, const struct sl_conn *master, const struct sl_expect_want *want);
/* Does an own one stand there that leads to another endpoint behind NAT? It would be replaced. */
bool sl__expect_is_anothers(
        struct sl_track *t, const struct sl_conn *master, const struct sl_expect_want *want);
/* It was met: remove it, unless permanent, and the others of its group. */
void sl__expect_met(struct sl_track *t, struct sl_expect *expect);
/* It lives so long from now on, and is active. */
void sl__expect_refresh(struct sl_track *t, struct sl_expect *expect, uint32_t timeout_ms);
/* Is exactly this expected already, by any master? NULL: no. */
struct sl_expect *sl__expect_find_exact(
        struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone);
/* Whom does a first packet with this tuple fit (not inactive)? NULL: none. Does not remove it. */
struct sl_expect *sl__expect_match(struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone);
void sl__expect_remove(struct sl_track *t, struct sl_expect *expect, enum sl_reason why);
void sl__expect_shadow(struct sl_track *t, const struct sl_conn *master,
        const struct sl_tuple *tuple, enum sl_beyond beyond, uint32_t timeout_ms);
/* Another expectation of this master takes their place: they go. What they were; NONE: none. */
enum sl_beyond sl__expect_shadow_replace(struct sl_track *t, const struct sl_conn *master);
/* Would Linux have expected a first packet with this tuple? Asked once: the shadow goes. */
enum sl_beyond sl__expect_shadow_met(
        struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone);
/* Does a packet that belongs nowhere answer one that Linux would have expected? */
enum sl_beyond sl__expect_shadow_answered(
        struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone);
/* All of a master's. */
void sl__expect_remove_all(struct sl_track *t, struct sl_conn *master, enum sl_reason why);
static inline struct sl_expect *sl__expect_at(const struct sl_expects *expects, uint32_t ref)
{
	return sl__slab_at(&expects->slab, ref);
}

#endif
