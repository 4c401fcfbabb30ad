/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's two limits of ICMP errors: icmp_msgs_per_sec and icmp_msgs_burst for all of
 * them, icmp_ratelimit (milliseconds a message, six saved up at most) for one destination.
 * Types that are not in icmp_ratemask are not limited at all; neither is IPv6's packet too
 * big, nor IPv4's fragmentation needed (the caller does not ask): path MTU discovery depends
 * on them.
 *
 * Each message costs 0, 1 or 2 of the common credit, one on average, so that nobody can count
 * from outside what others were sent (CVE-2020-25705).
 *
 * Destinations are kept in a table of fixed size, by a keyed hash: SETS times WAYS buckets. In
 * a full set the one longest unused goes, which at worst gives its owner a fresh burst; the
 * common limit holds all the same.
 */
#include "engine/limit.h"

#include "base/wire.h"

enum { SETS = 256, WAYS = 4, BURST = 6 };

struct sl_limit_bucket {
	uint64_t key;    /* keyed hash of the address; 0: unused */
	uint64_t at;     /* ms, when tokens was right */
	uint64_t tokens; /* ms */
};

void sl__limits_fini(struct sl_limits *limits, const struct sl_mem *mem)
{
	sl__free(mem, limits->buckets, SETS * WAYS * sizeof(*limits->buckets));
	limits->buckets = NULL;
}

static bool limited(const struct sl_tunables *set, enum sl_family family, uint8_t type)
{
	if (family == SL_IPV6)
		return type < 128 && type != 2; /* 0-1,3-127 */
	return type < 32 && set->icmp_ratemask & 1u << type;
}

/* ---- all of them --------------------------------------------------------------------------- */

static bool has_credit(struct sl_limits *l, const struct sl_tunables *set, uint64_t now)
{
	uint64_t passed, more;

	if (!l->filled) {
		l->filled = true;
		l->credit = (int32_t)set->icmp_msgs_burst;
		l->credit_at = now;
	}
	passed = now - l->credit_at;
	if (passed > 1000)
		passed = 1000;
	more = passed * set->icmp_msgs_per_sec / 1000;
	if (passed >= 20 && more) {
		more = more > set->icmp_msgs_burst ? set->icmp_msgs_burst : more;
		l->credit += (int32_t)more;
		if (l->credit > (int32_t)set->icmp_msgs_burst)
			l->credit = (int32_t)set->icmp_msgs_burst;
		l->credit_at = now;
	}
	return l->credit > 0;
}

/* ---- one destination ----------------------------------------------------------------------- */

static uint64_t key_of(struct sl_track *t, const struct sl_addr *dst)
{
	uint32_t w[4];

	for (unsigned i = 0; i < 4; i++)
		w[i] = sl_get32(dst->b + i * 4);
	return sl__hash_words(&t->key, w, 4) | 1;
}

static struct sl_limit_bucket *bucket_of(
        struct sl_limits *l, uint64_t key, uint64_t now, uint64_t full)
{
	struct sl_limit_bucket *set = l->buckets + (key >> 1 & (SETS - 1)) * WAYS, *oldest = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].at < oldest->at || (!set[i].key && oldest->key))
			oldest = &set[i];
	}
	*oldest = (struct sl_limit_bucket){.key = key, .at = now, .tokens = full};
	return oldest;
}

static bool take_token(struct sl_limits *l, struct sl_track *t, const struct sl_addr *dst,
        uint64_t cost, uint64_t now)
{
	struct sl_limit_bucket *b;

	if (!cost)
		return true;
	if (!l->buckets)
		l->buckets = sl__alloc(t->mem, SETS * WAYS * sizeof(*l->buckets));
	if (!l->buckets)
		return false;
	b = bucket_of(l, key_of(t, dst), now, cost * BURST);
	b->tokens += now - b->at;
	b->at = now;
	if (b->tokens > cost * BURST)
		b->tokens = cost * BURST;
	if (b->tokens < cost)
		return false;
	b->tokens -= cost;
	return true;
}

bool sl__limit_allows(struct sl_limits *limits, struct sl_track *t, const struct sl_addr *dst,
        enum sl_family family, uint8_t type, unsigned wide)
{
	const struct sl_tunables *set = &t->set;
	uint64_t now = t->now / 1000000;
	uint32_t cost = family == SL_IPV6 ? set->icmpv6_ratelimit : set->icmp_ratelimit;

	if (!limited(set, family, type))
		return true;
	if (!has_credit(limits, set, now) || !take_token(limits, t, dst, cost >> wide, now))
		return false;
	limits->credit -= (int32_t)sl__random_below(&t->random, 3);
	return true;
}
