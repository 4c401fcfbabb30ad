/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handing packets over. Each conn lives in one engine; the packets of both its directions must
 * find it there. The embedder steers by sl_home(), which sees nothing but the packet; what that
 * cannot know is put right here:
 *
 *   no conn, no expectation	   its home may be another shard, by what the routes say of its ends
 *   destination NAT		   the server's answers come to the server's home, so the conn moves
 *				   there with its first packet; what NAT was decided goes along
 *   source NAT to few ports	   all of which are other shards': the conn moves to one of those
 *   a related connection	   lives with its master: what it is sent to is a port of the
 *				   master's shard, or an address whose home that is
 *   fragments			   all to one shard by their addresses; there the first one, which
 *				   has the ports, says where the datagram is put together
 *   ICMP errors		   by the packet that they quote
 *
 * Signs. A shard that let a conn move keeps a sign: this tuple lives there; the following
 * packets need no second decision. A sign may be forgotten at any time (the packet is then
 * judged as a first one again, and whoever has the conn finds it), and may be out of date: who is
 * handed a packet by a sign and has no conn for it judges it anew, without signs. For a conn that
 * moved for a port, a second sign stands for all between these two hosts: related connections
 * without NAT on their side follow their master by that.
 *
 * No packet goes round: it is handed over three times at most, and then kept where it is.
 *
 * Ownership. Signs are a table of fixed size (SETS times WAYS), made with the first one: the one
 * longest unused of its set makes room.
 *
 * Limits. Chains before destination NAT see the first packet of a conn that moves in both
 * engines. A datagram in fragments that moves for its NAT leaves in fragments of the same size,
 * not always with the same boundaries.
 */
#include "engine/shard.h"

#include <string.h>

#include "base/wire.h"
#include "track/gre.h"

enum { SETS = 4096, WAYS = 4, FRAGMENT_SETS = 256, MOST = 3 };

struct sl_sign {
	uint64_t key;     /* keyed hash; 0: none */
	uint32_t used_ms; /* when it was last looked at */
	uint16_t shard;
};

/* ---- signs --------------------------------------------------------------------------------- */

void sl__shards_fini(struct sl_shards *s, const struct sl_mem *mem)
{
	sl__free(mem, s->signs, SETS * WAYS * sizeof(*s->signs));
	sl__free(mem, s->fragments, FRAGMENT_SETS * WAYS * sizeof(*s->fragments));
	s->signs = s->fragments = NULL;
}

static struct sl_sign *find(struct sl_sign *table, unsigned sets, uint64_t key, uint32_t now)
{
	struct sl_sign *set = table + (key >> 1 & (sets - 1)) * WAYS;

	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].key == key) {
			set[i].used_ms = now;
			return &set[i];
		}
	return NULL;
}

/* Without memory there is no sign: packets are judged again each time. */
static void put(
        struct sl_track *t, struct sl_sign **table, unsigned sets, uint64_t key, uint16_t shard)
{
	struct sl_sign *set, *at;

	if (!*table)
		*table = sl__alloc(t->mem, (size_t)sets * WAYS * sizeof(**table));
	if (!*table)
		return;
	at = find(*table, sets, key, t->now_ms);
	set = *table + (key >> 1 & (sets - 1)) * WAYS;
	for (unsigned i = 0; !at && i < WAYS; i++)
		if (!set[i].key)
			at = &set[i];
	if (!at) {
		at = set;
		for (unsigned i = 1; i < WAYS; i++)
			if ((int32_t)(set[i].used_ms - at->used_ms) < 0)
				at = &set[i];
	}
	*at = (struct sl_sign){.key = key, .used_ms = t->now_ms, .shard = shard};
}

static void take_down(struct sl_sign *table, unsigned sets, uint64_t key)
{
	struct sl_sign *sign = table ? find(table, sets, key, 0) : NULL;

	if (sign)
		sign->key = 0;
}

static uint64_t key_of(const struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone)
{
	return sl__tuple_hash(t, tuple, zone) | 1;
}

/* For everything between two hosts. */
static uint64_t pair_key(const struct sl_track *t, const struct sl_tuple *tuple, uint16_t zone)
{
	struct sl_tuple pair = *tuple;

	pair.sport = pair.dport = 0;
	pair.proto = 255;
	return key_of(t, &pair, zone);
}

static bool find_sign(
        struct sl_engine *e, const struct sl_tuple *tuple, uint16_t zone, uint16_t *shard)
{
	struct sl_track *t = &e->track;
	const struct sl_sign *sign;

	if (!e->shards.signs)
		return false;
	sign = find(e->shards.signs, SETS, key_of(t, tuple, zone), t->now_ms);
	if (!sign)
		sign = find(e->shards.signs, SETS, pair_key(t, tuple, zone), t->now_ms);
	if (sign)
		*shard = sign->shard;
	return sign != NULL;
}

/* ---- whose is it? -------------------------------------------------------------------------- */

static uint16_t home_of(struct sl_work *w, const struct sl_tuple *tuple)
{
	struct sl_parsed to = {.tuple = *tuple};
	struct sl_sides sides = {
	        .from_us = w->p->from == SL_FROM_LOCAL, .from_inside = w->p->inside};
	struct sl_route route;

	sl__route(w->e, w->p, &to, &route);
	sides.to_us = route.kind == SL_ROUTE_LOCAL || route.nat_address;
	sides.to_inside = route.inside;
	return sl__home_of(tuple, &sides, w->e->config.shards);
}

/* Which shard has, or should have, the conn of a packet with this tuple? */
static uint16_t judge(struct sl_work *w, const struct sl_tuple *tuple, uint16_t zone, bool opens)
{
	struct sl_engine *e = w->e;
	struct sl_track *t = &e->track;
	uint16_t shard = e->config.shard;
	enum sl_dir dir;

	if (sl__conn_find(t, tuple, zone, &dir) || (opens && sl__expect_match(t, tuple, zone)))
		return shard;
	if (w->p->handed.times >= 2 || w->p->handed.translated) { /* enough: it is ours now */
		take_down(e->shards.signs, SETS, key_of(t, tuple, zone));
		return shard;
	}
	if (w->p->handed.times == 0 && find_sign(e, tuple, zone, &shard))
		return shard;
	return home_of(w, tuple);
}

/* The bytes that may change before it is known where the packet belongs. */
static void save(struct sl_work *w)
{
	struct sl_saved *s = &w->saved;
	uint32_t header = w->parsed.tuple.family == SL_IPV4 ? (w->p->data[0] & 15u) * 4 : 40;
	uint32_t l4 = w->parsed.len - w->parsed.l4;

	s->header_len = (uint8_t)header;
	s->l4_len = (uint8_t)(l4 < sizeof(s->l4) ? l4 : sizeof(s->l4));
	s->l4_at = w->parsed.l4;
	memcpy(s->header, w->p->data, header);
	memcpy(s->l4, w->p->data + s->l4_at, s->l4_len);
}

bool sl__elsewhere(struct sl_work *w, uint16_t zone)
{
	struct sl_tuple tuple = w->parsed.tuple;
	bool error = w->parsed.icmp == SL_ICMP_ERROR;

	if (error && !sl__answers_to_quoted(w->p, &w->parsed, &tuple))
		return false;
	if (tuple.proto == SL_PROTO_GRE && w->e->track.gre.count)
		(error ? sl__gre_complete_answer : sl__gre_complete)(&w->e->track, &tuple, zone);
	w->to_shard = judge(w, &tuple, zone, !error);
	w->shard_key = key_of(&w->e->track, &tuple, zone);
	w->pair_key = pair_key(&w->e->track, &tuple, zone);
	if (w->to_shard != w->e->config.shard)
		return true;
	save(w);
	return false;
}

/* ---- moving -------------------------------------------------------------------------------- */

static bool may_move(const struct sl_work *w)
{
	return w->fresh && !(w->conn->status & SL_EXPECTED) && w->p->handed.times < MOST;
}

/* Somebody else shall translate it as was decided here. */
static void give_nat(struct sl_work *w, const struct sl_tuple *translated)
{
	if (!(w->conn->status & SL_DST_NAT))
		return;
	w->p->handed.translated = true;
	w->p->handed.addr = translated->dst;
	w->p->handed.port = translated->dport;
}

bool sl__handed_nat(const struct sl_work *w, struct sl_nat_range *range)
{
	const struct sl_handed *h = &w->p->handed;

	if (!h->translated)
		return false;
	*range = (struct sl_nat_range){
	        .flags = SL_NAT_MAP_ADDR, .min_addr = h->addr, .max_addr = h->addr};
	if (!w->parsed.icmp && h->port) {
		range->flags |= SL_NAT_MAP_PORT;
		range->min_port = range->max_port = h->port;
	}
	return true;
}

/* How the conn's original packets look behind what was decided so far. */
static bool translated(const struct sl_work *w, struct sl_tuple *out)
{
	struct sl_tuple reply;

	sl__conn_tuple(w->conn, SL_REPLY, &reply);
	return sl__tuple_invert(&reply, out);
}

bool sl__moves(struct sl_work *w)
{
	struct sl_engine *e = w->e;
	struct sl_tuple tuple;

	if (e->config.shards <= 1 || !may_move(w) || w->p->handed.translated ||
	        !(w->conn->status & SL_DST_NAT) || !translated(w, &tuple))
		return false;
	w->to_shard = home_of(w, &tuple);
	if (w->to_shard == e->config.shard)
		return false;
	give_nat(w, &tuple);
	put(&e->track, &e->shards.signs, SETS, w->shard_key, w->to_shard);
	return true;
}

bool sl__moves_for_port(struct sl_work *w)
{
	struct sl_engine *e = w->e;
	struct sl_tuple tuple;

	if (!may_move(w) || !translated(w, &tuple))
		return false;
	w->to_shard = e->nat.wanted;
	give_nat(w, &tuple);
	put(&e->track, &e->shards.signs, SETS, w->shard_key, w->to_shard);
	put(&e->track, &e->shards.signs, SETS, w->pair_key, w->to_shard);
	return true;
}

void sl__hand_over(struct sl_work *w)
{
	const struct sl_saved *s = &w->saved;
	struct sl_packet *p = w->p;

	if (s->header_len) {
		memcpy(p->data, s->header, s->header_len);
		memcpy(p->data + s->l4_at, s->l4, s->l4_len);
	}
	p->mark = w->came_mark;
	p->altered = 0;
	p->out_if = 0;
	p->to = SL_TO_FORWARD;
	p->state = SL_CT_NONE;
	p->conn = NULL;
	p->verdict = SL_HANDOVER;
	p->reason = SL_WHY_OTHER_SHARD;
	p->shard = w->to_shard;
	p->handed.times++;
	SL_TRACE(&w->e->track, NULL, "handover", "to shard %u", (unsigned)p->shard);
}

/* ---- fragments ----------------------------------------------------------------------------- */

static uint64_t fragment_key(const struct sl_work *w)
{
	const struct sl_parsed *parsed = &w->parsed;
	struct sl_tuple tuple = parsed->tuple;

	tuple.sport = (uint16_t)(parsed->frag_id >> 16);
	tuple.dport = (uint16_t)parsed->frag_id;
	return key_of(&w->e->track, &tuple, (uint16_t)(w->p->zone ^ w->p->vrf));
}

/* One that waited for the first goes where that goes. */
static void emit_handed(void *ctx, struct sl_packet *p)
{
	struct sl_work *w = ctx;

	p->verdict = SL_HANDOVER;
	p->reason = SL_WHY_OTHER_SHARD;
	p->shard = w->to_shard;
	p->handed.times++;
	w->e->env.emit(w->e->env.ctx, p, w->e->track.packet);
}

/* The first fragment is here, with the ports. */
static void learn_from_first(struct sl_work *w, uint64_t key)
{
	struct sl_engine *e = w->e;
	struct sl_parsed first = w->parsed;
	struct sl_tuple tuple;
	enum sl_reason why = sl__parse_first(w->p, &first);

	w->to_shard = e->config.shard;
	if (why != SL_WHY_NONE && why != SL_WHY_BAD_L4_LENGTH) /* lengths are the datagram's */
		return;
	tuple = first.tuple;
	w->to_shard = judge(w, &tuple, w->p->zone, true);
	if (w->to_shard == e->config.shard) {
		take_down(e->shards.fragments, FRAGMENT_SETS, key);
		return;
	}
	put(&e->track, &e->shards.fragments, FRAGMENT_SETS, key, w->to_shard);
	if (e->env.emit)
		sl__fragments_release(&e->fragments, w->p, &w->parsed, w->p->zone, emit_handed, w);
}

bool sl__fragment_elsewhere(struct sl_work *w)
{
	struct sl_engine *e = w->e;
	const struct sl_handed *handed = &w->p->handed;
	uint16_t meeting = sl__home_of_fragment(&w->parsed.tuple, e->config.shards);
	const struct sl_sign *sign = NULL;
	uint64_t key;

	if (handed->times >= 2 || handed->translated)
		return false;
	w->to_shard = meeting;
	if (meeting != e->config.shard)
		return handed->times == 0; /* whoever handed it to us knew why */
	key = fragment_key(w);
	if (w->parsed.frag == SL_FRAG_FIRST) {
		learn_from_first(w, key);
	} else if (e->shards.fragments) {
		sign = find(e->shards.fragments, FRAGMENT_SETS, key, e->track.now_ms);
		w->to_shard = sign ? sign->shard : e->config.shard;
	}
	return w->to_shard != e->config.shard;
}
