/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Expectations: adding with limits, matching first packets, and the four ways to end.
 *
 * What must be exact in every expectation, destination address and port and the protocol,
 * is what they are hashed by; a mask may be loose about the source only.
 */
#include "track/track.h"

#include <string.h>

#include "base/wire.h"

#define HASH_MIN 64

/* ---- the hash -------------------------------------------------------------------------------- */

static uint32_t *chain_of(struct sl_track *t, const struct sl_tuple *tuple)
{
	uint32_t w[6];

	for (unsigned i = 0; i < 4; i++)
		w[i] = sl_get32(tuple->dst.b + i * 4);
	w[4] = tuple->dport;
	w[5] = tuple->proto;
	return &t->expects.hash[sl__hash_words(&t->key, w, 6) & t->expects.hash_mask];
}

static void unchain(struct sl_track *t, const struct sl_expect *expect)
{
	uint32_t *at = chain_of(t, &expect->tuple);

	while (*at != expect->self)
		at = &sl__expect_at(&t->expects, *at)->next;
	*at = expect->next;
}

enum sl_reason sl__expects_init(struct sl_track *t, uint32_t max)
{
	struct sl_expects *e = &t->expects;
	uint32_t size = HASH_MIN;

	while (size < max / 2 && size < 1u << 16)
		size *= 2;
	sl__slab_init(&e->slab, t->mem, sizeof(struct sl_expect), alignof(struct sl_expect),
	        t->exts.object_mask + 1, max ? max : 1);
	sl__wheel_init(&e->wheel, &e->slab, offsetof(struct sl_expect, link),
	        offsetof(struct sl_expect, deadline), t->now_ms);
	sl__list_init(&e->weak);
	e->max = max;
	e->hash = sl__alloc(t->mem, size * sizeof(*e->hash));
	if (!e->hash)
		return SL_WHY_NO_MEMORY;
	e->hash_mask = size - 1;
	return SL_WHY_NONE;
}

void sl__expects_fini(struct sl_track *t)
{
	if (t->expects.hash)
		sl__free(t->mem, t->expects.hash,
		        (t->expects.hash_mask + (size_t)1) * sizeof(*t->expects.hash));
	sl__slab_fini(&t->expects.slab);
}

/* ---- ending ---------------------------------------------------------------------------------- */

static void report(struct sl_track *t, const struct sl_expect *expect, enum sl_event_type type,
        enum sl_reason why)
{
	struct sl_event event = {.type = type,
	        .expect = expect,
	        .packet = t->packet,
	        .why = why,
	        .now = t->now,
	        .beyond = why == SL_WHY_EVICTED ? SL_BEYOND_EVICTION
	                                        : (enum sl_beyond)expect->beyond};

	if (t->reporting)
		t->upper->event(t, &event);
}

void sl__expect_remove(struct sl_track *t, struct sl_expect *expect, enum sl_reason why)
{
	struct sl_ext *ext = sl__ext_of(t, sl__conn_at(t, expect->master));

	report(t, expect, SL_EVENT_EXPECT_DESTROY, why);
	unchain(t, expect);
	sl__list_remove(&expect->of_master);
	sl__list_remove(&expect->weak);
	ext->expect_count[expect->class_id]--;
	sl__wheel_remove(&t->expects.wheel, expect->self);
	t->expects.count--;
	sl__slab_put(&t->expects.slab, expect->self);
}

void sl__expect_remove_all(struct sl_track *t, struct sl_conn *master, enum sl_reason why)
{
	struct sl_ext *ext = sl__ext_of(t, master);

	if (!ext)
		return;
	SL_LIST_EACH_SAFE(it, &ext->expects)
	sl__expect_remove(t, SL_CONTAINER(it, struct sl_expect, of_master), why);
}

void sl__expect_met(struct sl_track *t, struct sl_expect *expect)
{
	struct sl_ext *ext = sl__ext_of(t, sl__conn_at(t, expect->master));
	uint32_t group = expect->more.group;

	if (!(expect->flags & SL_EXPECT_PERMANENT))
		sl__expect_remove(t, expect, SL_WHY_MET);
	if (!group)
		return;
	SL_LIST_EACH_SAFE(it, &ext->expects)
	{
		struct sl_expect *other = SL_CONTAINER(it, struct sl_expect, of_master);

		if (other != expect && other->more.group == group)
			sl__expect_remove(t, other, SL_WHY_MET);
	}
}

void sl__expect_refresh(struct sl_track *t, struct sl_expect *expect, uint32_t timeout_ms)
{
	expect->flags &= (uint8_t)~SL_EXPECT_INACTIVE;
	sl__wheel_remove(&t->expects.wheel, expect->self);
	expect->deadline = t->now_ms + timeout_ms;
	sl__wheel_add(&t->expects.wheel, expect->self);
}

static void expired(void *ctx, struct sl_wheel_due *due)
{
	sl__expect_remove(ctx, due->object, SL_WHY_TIMEOUT);
}

bool sl__expects_expire(struct sl_track *t, unsigned budget)
{
	return sl__wheel_advance(&t->expects.wheel, t->now_ms, budget, expired, t);
}

/* ---- adding ---------------------------------------------------------------------------------- */

static bool same(const struct sl_expect *e, const struct sl_expect_want *want, uint16_t zone)
{
	return sl_tuple_eq(&e->tuple, &want->tuple) && sl_addr_eq(&e->mask.src, &want->mask.src) &&
	       e->mask.sport == want->mask.sport && e->zone == zone;
}

/* Could one packet fit both? Where both masks have ones the tuples must differ, or they clash. */
static bool clash(const struct sl_expect *e, const struct sl_expect_want *want, uint16_t zone)
{
	struct sl_tuple both = e->mask;

	for (unsigned i = 0; i < sizeof(both.src.b); i++)
		both.src.b[i] &= want->mask.src.b[i];
	both.sport &= want->mask.sport;
	return sl_tuple_eq_masked(&e->tuple, &want->tuple, &both) && e->zone == zone;
}

/* Whoever stands in the way: an own one that is to go (*own), or another's, which stays and wins. */
static enum sl_reason obstacle(struct sl_track *t, const struct sl_conn *master,
        const struct sl_expect_want *want, struct sl_expect **own)
{
	*own = NULL;
	for (uint32_t ref = *chain_of(t, &want->tuple); ref;) {
		struct sl_expect *e = sl__expect_at(&t->expects, ref);

		ref = e->next;
		if (same(e, want, master->zone)) {
			if (e->master != master->self || e->class_id != want->class_id)
				return SL_WHY_EXPECT_CLASH;
			*own = e;
			return SL_WHY_NONE;
		}
		if (clash(e, want, master->zone))
			return SL_WHY_EXPECT_CLASH;
	}
	return SL_WHY_NONE;
}

enum sl_reason sl__expect_check(
        struct sl_track *t, const struct sl_conn *master, const struct sl_expect_want *want)
{
	struct sl_expect *own;

	return obstacle(t, master, want, &own);
}

bool sl__expect_is_anothers(
        struct sl_track *t, const struct sl_conn *master, const struct sl_expect_want *want)
{
	struct sl_expect *own;

	(void)obstacle(t, master, want, &own);
	return own && own->more.has_nat && want->more.has_nat &&
	       (own->more.saved_port != want->more.saved_port ||
	               !sl_addr_eq(&own->more.saved_addr, &want->more.saved_addr));
}

static enum sl_reason make_way(
        struct sl_track *t, const struct sl_conn *master, const struct sl_expect_want *want)
{
	struct sl_expect *own;
	enum sl_reason why = obstacle(t, master, want, &own);

	if (own)
		sl__expect_remove(t, own, SL_WHY_REPLACED);
	return why;
}

/* The oldest of the class (and cookie), and how many of them there are. */
static struct sl_expect *oldest(
        struct sl_ext *ext, const struct sl_expect_want *want, bool of_cookie, unsigned *count)
{
	struct sl_expect *first = NULL;

	*count = 0;
	SL_LIST_EACH(it, &ext->expects)
	{
		struct sl_expect *e = SL_CONTAINER(it, struct sl_expect, of_master);

		if (e->class_id != want->class_id ||
		        (of_cookie && e->more.cookie != want->more.cookie))
			continue;
		first = e;
		++*count;
	}
	return first;
}

static bool full(const struct sl_track *t)
{
	return t->expects.count >= t->set.expect_max || t->expects.count >= t->expects.max;
}

/*
 * Ends the oldest expectation whose master is not assured, so that strangers, who can have as many
 * masters as they like, only take the place of strangers. Those found assured leave the list for
 * ever: whoever looks past one is the last to do so. A master takes no place from itself: its
 * ports may come in pairs.
 */
static bool evict(struct sl_track *t, const struct sl_conn *newcomer)
{
	struct sl_list *head = &t->expects.weak, *next;

	for (struct sl_list *it = head->prev; it != head; it = next) {
		struct sl_expect *e = SL_CONTAINER(it, struct sl_expect, weak);

		next = it->prev;
		if (sl__conn_at(t, e->master)->status & SL_ASSURED) {
			sl__list_remove(it);
		} else if (e->master != newcomer->self) {
			sl__expect_remove(t, e, SL_WHY_EVICTED);
			return true;
		}
	}
	return false;
}

/*
 * Ends the oldest of the class for another one. Where Linux does not expect that one it goes on with
 * what we end.
 */
static void replace_oldest(struct sl_track *t, const struct sl_conn *master, struct sl_ext *ext,
        const struct sl_expect_want *want, bool of_cookie)
{
	unsigned count;
	struct sl_expect *e = oldest(ext, want, of_cookie, &count);

	if (want->beyond && !e->beyond)
		sl__expect_shadow(t, master, &e->tuple, (enum sl_beyond)want->beyond,
		        e->deadline - t->now_ms);
	sl__expect_remove(t, e, SL_WHY_REPLACED);
}

static enum sl_reason make_room(struct sl_track *t, const struct sl_conn *master,
        struct sl_ext *ext, const struct sl_expect_want *want)
{
	uint16_t max = want->class_max ? want->class_max : 1;
	unsigned count;

	if (want->class_all) { /* the limit is that of a cookie; all together have one of their own */
		while (oldest(ext, want, true, &count), count >= max)
			replace_oldest(t, master, ext, want, true);
		max = want->class_all;
	}
	while (ext->expect_count[want->class_id] >= max)
		replace_oldest(t, master, ext, want, false);
	return full(t) && !evict(t, master) ? SL_WHY_EXPECT_LIMIT : SL_WHY_NONE;
}

/*
 * Its own, from elsewhere, or the next. One that we gave out ourselves, in another life of ours with
 * the same seed, is not given out again.
 */
static uint64_t id_for(struct sl_track *t, const struct sl_expect_want *want)
{
	const uint64_t low = UINT64_C(0xffffffffffff);
	uint64_t *last = &t->expects.last_id, own = want->id & low;

	if (!want->id) {
		*last = (*last + 1) & low;
		return (uint64_t)t->origin << 48 | *last;
	}
	if (want->id >> 48 == t->origin && own >> 32 == *last >> 32 && own > *last)
		*last = own;
	return want->id;
}

bool sl__expect_has_id(struct sl_track *t, uint64_t id)
{
	uint32_t cursor = 0, budget = UINT32_MAX, ref;

	while ((ref = sl__slab_next(&t->expects.slab, &cursor, &budget)))
		if (sl__expect_at(&t->expects, ref)->id == id)
			return true;
	return false;
}

static void fill(struct sl_track *t, struct sl_expect *e, const struct sl_conn *master,
        const struct sl_expect_want *want)
{
	e->tuple = want->tuple;
	e->mask = want->mask;
	e->master = master->self;
	e->id = id_for(t, want);
	e->deadline = t->now_ms + want->timeout_ms;
	e->zone = master->zone;
	e->class_id = want->class_id;
	e->flags = want->flags;
	e->beyond = want->beyond;
	e->maker = want->maker;
	e->helper = want->helper;
	e->reason = want->reason;
	e->more = want->more;
}

enum sl_reason sl__expect_add(struct sl_track *t, struct sl_conn *master,
        const struct sl_expect_want *want, struct sl_expect **out)
{
	struct sl_ext *ext = sl__conn_ext(t, master);
	enum sl_reason why;
	struct sl_expect *e;
	uint32_t ref, *chain;

	if (!ext)
		return SL_WHY_NO_MEMORY;
	why = make_way(t, master, want);
	if (why == SL_WHY_NONE)
		why = make_room(t, master, ext, want);
	if (why != SL_WHY_NONE)
		return why;
	e = sl__slab_get(&t->expects.slab, &ref);
	if (!e)
		return SL_WHY_NO_MEMORY;
	e->self = ref;
	fill(t, e, master, want);
	chain = chain_of(t, &e->tuple);
	e->next = *chain;
	*chain = ref;
	sl__list_add(&ext->expects, &e->of_master);
	sl__list_init(&e->weak);
	if (!(master->status & SL_ASSURED))
		sl__list_add(&t->expects.weak, &e->weak);
	ext->expect_count[e->class_id]++;
	t->expects.count++;
	t->stats.expects_made++;
	sl__wheel_add(&t->expects.wheel, ref);
	report(t, e, SL_EVENT_EXPECT_NEW, SL_WHY_NONE);
	if (out)
		*out = e;
	return SL_WHY_NONE;
}

/* ---- matching -------------------------------------------------------------------------------- */

struct sl_expect *sl__expect_find_exact(
        struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone)
{
	for (uint32_t ref = *chain_of(t, tuple); ref;) {
		struct sl_expect *e = sl__expect_at(&t->expects, ref);

		if (sl_tuple_eq(&e->tuple, tuple) && e->zone == zone)
			return e;
		ref = e->next;
	}
	return NULL;
}

/* Which member kept this expectation from fitting, for people. */
static const char *difference(const struct sl_expect *e, const struct sl_tuple *tuple)
{
	if (e->tuple.proto != tuple->proto)
		return "protocol";
	if (!sl_addr_eq(&e->tuple.dst, &tuple->dst))
		return "destination address";
	if (e->tuple.dport != tuple->dport)
		return "destination port";
	if ((e->tuple.sport ^ tuple->sport) & e->mask.sport)
		return "source port";
	return "source address";
}

/* Came near: the protocol and one of the addresses are the same. */
static bool is_near(const struct sl_expect *e, const struct sl_tuple *tuple)
{
	return e->tuple.family == tuple->family && e->tuple.proto == tuple->proto &&
	       (sl_addr_eq(&e->tuple.dst, &tuple->dst) || sl_addr_eq(&e->tuple.src, &tuple->src));
}

static void trace_near_misses(struct sl_track *t, const struct sl_tuple *tuple)
{
	uint32_t cursor = 0, budget = 1000, ref;
	char text[SL_TUPLE_TEXT];

	while ((ref = sl__slab_next(&t->expects.slab, &cursor, &budget))) {
		const struct sl_expect *e = sl__expect_at(&t->expects, ref);

		if (is_near(e, tuple))
			SL_TRACE(t, sl__conn_at(t, e->master), "expect-miss",
			        "#%u %s waits for %s: %s differs", (unsigned)e->id,
			        e->reason ? e->reason : "", sl__tuple_text(&e->tuple, text),
			        difference(e, tuple));
	}
}

struct sl_expect *sl__expect_match(struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone)
{
	if (t->expects.count == 0)
		return NULL;
	for (uint32_t ref = *chain_of(t, tuple); ref;) {
		struct sl_expect *e = sl__expect_at(&t->expects, ref);

		ref = e->next;
		if (e->flags & SL_EXPECT_INACTIVE || e->zone != zone ||
		        !sl_tuple_eq_masked(tuple, &e->tuple, &e->mask))
			continue;
		if ((int32_t)(e->deadline - t->now_ms) <= 0) {
			sl__expect_remove(t, e, SL_WHY_TIMEOUT);
			continue;
		}
		/* Nobody can know of it before the packet that announced it has left. */
		if (sl__conn_at(t, e->master)->status & SL_CONFIRMED)
			return e;
	}
	if (t->tracing)
		trace_near_misses(t, tuple);
	return NULL;
}
