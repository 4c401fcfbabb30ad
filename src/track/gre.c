/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GRE (RFC 2784, 2890), and the enhanced version 1 that PPTP uses (RFC 2637).
 *
 * A version 1 packet carries one key, the call id that its receiver chose; the one that its
 * sender chose stands only in packets the other way. A tuple has both (sport: the sender's,
 * dport: the receiver's), so the sender's is looked up in a table that the PPTP helper fills
 * from the control connection. Without an entry it is 0, and each direction is a connection of
 * its own. Other versions are known by addresses alone.
 *
 * The table holds keys as packets come in, before any translation: source, destination and
 * the receiver's key name the entry; those of a call are found by the sender's key as well, for ICMP
 * errors, which quote what went the other way. Under NAT the receiver's key is one that nobody else uses
 * between these addresses. An entry belongs to the connection that announced the key, its
 * master, and ends with it.
 *
 * Timeouts: two, as for UDP; assured once it was answered.
 */
#include "track/gre.h"

#include <string.h>

#include "base/wire.h"
#include "track/proto.h"

#define KEY_TRIES 256
#define KEYS_MAX  64 /* a master */

/* ---- the table of keys ----------------------------------------------------------------------- */

static uint32_t place_of(
        struct sl_track *t, const struct sl_addr *src, const struct sl_addr *dst, uint16_t key)
{
	uint32_t w[9];

	for (unsigned i = 0; i < 4; i++) {
		w[i] = sl_get32(src->b + i * 4);
		w[4 + i] = sl_get32(dst->b + i * 4);
	}
	w[8] = key;
	return sl__hash_words(&t->key, w, 9) & (SL_GRE_HEADS - 1);
}

static uint32_t *chain_of(
        struct sl_track *t, const struct sl_addr *src, const struct sl_addr *dst, uint16_t key)
{
	return &t->gre.heads[place_of(t, src, dst, key)];
}

static uint32_t *back_chain_of(
        struct sl_track *t, const struct sl_addr *src, const struct sl_addr *dst, uint16_t back)
{
	return &t->gre.backs[place_of(t, src, dst, back)];
}

static struct sl_gre_key *key_at(const struct sl_track *t, uint32_t ref)
{
	return sl__slab_at(&t->gre.slab, ref);
}

void sl__gre_init(struct sl_track *t, uint32_t max)
{
	sl__slab_init(&t->gre.slab, t->mem, sizeof(struct sl_gre_key), alignof(struct sl_gre_key),
	        t->exts.object_mask + 1, max);
}

void sl__gre_fini(struct sl_track *t)
{
	sl__slab_fini(&t->gre.slab);
}

static struct sl_gre_key *find(struct sl_track *t, const struct sl_addr *src,
        const struct sl_addr *dst, uint16_t key, uint16_t zone)
{
	for (uint32_t ref = *chain_of(t, src, dst, key); ref; ref = key_at(t, ref)->next) {
		struct sl_gre_key *k = key_at(t, ref);

		if (k->key == key && k->zone == zone && sl_addr_eq(&k->src, src) &&
		        sl_addr_eq(&k->dst, dst))
			return k;
	}
	return NULL;
}

void sl__gre_complete(struct sl_track *t, struct sl_tuple *tuple, uint16_t zone)
{
	const struct sl_gre_key *k = find(t, &tuple->src, &tuple->dst, tuple->dport, zone);

	if (k)
		tuple->sport = k->back;
}

void sl__gre_complete_answer(struct sl_track *t, struct sl_tuple *tuple, uint16_t zone)
{
	for (uint32_t ref = *back_chain_of(t, &tuple->src, &tuple->dst, tuple->sport); ref;) {
		const struct sl_gre_key *k = key_at(t, ref);

		if (k->back == tuple->sport && k->zone == zone &&
		        sl_addr_eq(&k->src, &tuple->src) && sl_addr_eq(&k->dst, &tuple->dst)) {
			tuple->dport = k->key;
			return;
		}
		ref = k->next_back;
	}
}

static void set_back(struct sl_track *t, struct sl_gre_key *k, uint16_t back)
{
	uint32_t *chain = back_chain_of(t, &k->src, &k->dst, back);

	k->back = back;
	k->paired = true;
	k->next_back = *chain;
	*chain = k->self;
}

static void unset_back(struct sl_track *t, struct sl_gre_key *k)
{
	uint32_t *at = back_chain_of(t, &k->src, &k->dst, k->back);

	while (*at != k->self)
		at = &key_at(t, *at)->next_back;
	*at = k->next_back;
	k->paired = false;
}

void sl__gre_pair(struct sl_track *t, struct sl_gre_key *a, struct sl_gre_key *b)
{
	if (a->paired)
		unset_back(t, a);
	if (b->paired)
		unset_back(t, b);
	set_back(t, a, b->own);
	set_back(t, b, a->own);
}

void sl__gre_remove(struct sl_track *t, struct sl_gre_key *k)
{
	uint32_t *at = chain_of(t, &k->src, &k->dst, k->key);

	while (*at != k->self)
		at = &key_at(t, *at)->next;
	*at = k->next;
	if (k->paired)
		unset_back(t, k);
	sl__list_remove(&k->of_master);
	t->gre.count--;
	sl__slab_put(&t->gre.slab, k->self);
}

void sl__gre_remove_all(struct sl_track *t, struct sl_ext *ext)
{
	SL_LIST_EACH_SAFE(it, &ext->gre_keys)
	sl__gre_remove(t, SL_CONTAINER(it, struct sl_gre_key, of_master));
}

struct sl_gre_key *sl__gre_of(struct sl_ext *ext, enum sl_dir dir, uint16_t own)
{
	SL_LIST_EACH(it, &ext->gre_keys)
	{
		struct sl_gre_key *k = SL_CONTAINER(it, struct sl_gre_key, of_master);

		if (k->dir == dir && k->own == own)
			return k;
	}
	return NULL;
}

/* A key that nobody uses between these two; without translation it cannot be another one. */
static bool choose(
        struct sl_track *t, const struct sl_tuple *to_it, uint16_t zone, bool fixed, uint16_t *key)
{
	struct sl_gre_key *k = find(t, &to_it->src, &to_it->dst, *key, zone);

	if (k && fixed) { /* the same two hosts: what it said before is over */
		sl__gre_remove(t, k);
		k = NULL;
	}
	for (unsigned i = 0; !fixed && (k || !sl__port_is_ours(t, *key)); i++) {
		if (i == KEY_TRIES)
			return false;
		*key = (uint16_t)(1 + sl__random_below(&t->random, 65535));
		k = find(t, &to_it->src, &to_it->dst, *key, zone);
	}
	return !k;
}

/* At the limit the oldest key goes that no call was made of. */
static bool make_room(struct sl_track *t, struct sl_ext *ext)
{
	struct sl_gre_key *oldest = NULL;
	unsigned n = 0;

	SL_LIST_EACH(it, &ext->gre_keys)
	{
		struct sl_gre_key *k = SL_CONTAINER(it, struct sl_gre_key, of_master);

		n++;
		if (!k->paired)
			oldest = k;
	}
	if (n < KEYS_MAX)
		return true;
	if (oldest)
		sl__gre_remove(t, oldest);
	return oldest != NULL;
}

/* A new entry like this one. NULL: there are too many. */
static struct sl_gre_key *insert(
        struct sl_track *t, struct sl_ext *ext, const struct sl_gre_key *as)
{
	struct sl_gre_key *k;
	uint32_t ref, *chain;

	k = sl__slab_get(&t->gre.slab, &ref);
	if (!k)
		return NULL;
	*k = *as;
	k->self = ref;
	sl__list_add(&ext->gre_keys, &k->of_master);
	chain = chain_of(t, &k->src, &k->dst, k->key);
	k->next = *chain;
	*chain = ref;
	if (as->paired)
		set_back(t, k, as->back);
	t->gre.count++;
	return k;
}

enum sl_reason sl__gre_add(struct sl_track *t, struct sl_conn *master, enum sl_dir dir,
        uint16_t own, struct sl_gre_key **out)
{
	struct sl_ext *ext = sl__conn_ext(t, master);
	struct sl_tuple mine, to_it;
	uint16_t key = own;

	if (!ext)
		return SL_WHY_NO_MEMORY;
	*out = sl__gre_of(ext, dir, own);
	if (*out)
		return SL_WHY_NONE;
	sl__conn_tuple(master, dir, &mine);
	sl__conn_tuple(master, !dir, &to_it);
	if (!choose(t, &to_it, master->zone, sl_addr_eq(&mine.src, &to_it.dst), &key))
		return SL_WHY_NAT_NO_PORT;
	if (!make_room(t, ext))
		return SL_WHY_EXPECT_LIMIT;
	*out = insert(t, ext,
	        &(struct sl_gre_key){.src = to_it.src,
	                .dst = to_it.dst,
	                .key = key,
	                .own = own,
	                .dir = (uint8_t)dir,
	                .zone = master->zone});
	return *out ? SL_WHY_NONE : SL_WHY_EXPECT_LIMIT;
}

enum sl_reason sl__gre_restore(
        struct sl_track *t, struct sl_conn *master, const struct sl_gre_key *as)
{
	struct sl_ext *ext = sl__conn_ext(t, master);
	struct sl_gre_key k = *as;

	k.zone = master->zone;
	if (!ext)
		return SL_WHY_NO_MEMORY;
	if (find(t, &k.src, &k.dst, k.key, k.zone))
		return SL_WHY_EXPECT_CLASH;
	return insert(t, ext, &k) ? SL_WHY_NONE : SL_WHY_EXPECT_LIMIT;
}

/* ---- the protocol ---------------------------------------------------------------------------- */

static bool gre_open(struct sl_track *t, struct sl_conn *conn, const struct sl_packet *p,
        const struct sl_parsed *parsed, enum sl_reason *why)
{
	(void)t, (void)conn, (void)p, (void)parsed, (void)why;
	return true;
}

static enum sl_track_result gre_packet(struct sl_track *t, struct sl_conn *conn, enum sl_dir dir,
        const struct sl_packet *p, const struct sl_parsed *parsed, enum sl_reason *why)
{
	const uint32_t *timeout = sl__timeouts(t, conn)->gre;
	bool answered = conn->status & SL_SEEN_REPLY;

	(void)dir, (void)p, (void)parsed, (void)why;
	sl__conn_refresh(t, conn, timeout[answered] * 1000);
	if (answered && sl__conn_set_status(conn, SL_ASSURED))
		sl__conn_note(t, conn, SL_PENDING_ASSURED);
	return SL_TRACK_OK;
}

const struct sl_proto sl__proto_gre = {
        .number = SL_PROTO_GRE, .name = "gre", .open = gre_open, .packet = gre_packet};
