/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls over GRE for helpers (PPTP): each side chose a key; the call's packets, both ways, are
 * one connection, whichever side sends first.
 *
 *	key[dir]   as that side chose it		seen[dir]  as the other side was told
 *
 * Packets to side dir come in with seen[dir], and leave with key[dir].
 */
#include "help/inner.h"

#include "track/gre.h"

enum sl_reason sl__api_gre_key(struct sl_help *help, enum sl_dir dir, uint16_t key, uint16_t *seen)
{
	struct sl_gre_key *k;
	enum sl_reason why = sl__gre_add(help->owner->t, help->conn, dir, key, &k);

	if (why == SL_WHY_NONE)
		*seen = k->key;
	return why;
}

bool sl__api_gre_find(
        struct sl_help *help, enum sl_dir dir, bool as_seen, uint16_t is, uint16_t *other)
{
	struct sl_ext *ext = sl__ext_of(help->owner->t, help->conn);

	SL_LIST_EACH(it, &ext->gre_keys)
	{
		const struct sl_gre_key *k = SL_CONTAINER(it, struct sl_gre_key, of_master);

		if (k->dir != dir || (as_seen ? k->key : k->own) != is)
			continue;
		*other = as_seen ? k->own : k->key;
		return true;
	}
	return false;
}

/* Packets from side `from` to the other one. */
static void expectation(struct sl_help *help, enum sl_dir from, const uint16_t key[2],
        const uint16_t seen[2], struct sl_expectation *e)
{
	struct sl_tuple own, other;

	sl__conn_tuple(help->conn, from, &own);
	sl__conn_tuple(help->conn, !from, &other);
	e->tuple = (struct sl_tuple){.src = own.src,
	        .dst = own.dst,
	        .sport = key[from],
	        .dport = seen[!from],
	        .proto = SL_PROTO_GRE,
	        .family = own.family};
	e->mask = (struct sl_tuple){
	        .sport = 0xffff, .dport = 0xffff, .proto = 0xff, .family = own.family};
	for (unsigned i = 0; i < 16; i++)
		e->mask.src.b[i] = e->mask.dst.b[i] = 0xff;
	e->nat = help->conn->status & (SL_SRC_NAT | SL_DST_NAT);
	e->from = from;
	e->to = (struct sl_endpoint){
	        .addr = other.src, .port = key[!from], .family = own.family, .proto = SL_PROTO_GRE};
	e->from_seen = seen[from];
}

static bool is_there(struct sl_help *help, const struct sl_tuple *tuple)
{
	enum sl_dir dir;

	return sl__conn_find(help->owner->t, tuple, help->conn->zone, &dir) != NULL;
}

static uint32_t group_of(const struct sl_gre_key *of_original)
{
	return 1u << 31 | of_original->own;
}

enum sl_reason sl__api_gre_call(
        struct sl_help *help, const uint16_t key[2], uint8_t class_id, const char *reason)
{
	struct sl_gre_key *k[2];
	enum sl_reason why = SL_WHY_NONE;
	uint16_t seen[2];

	for (unsigned dir = 0; dir < 2; dir++) {
		why = sl__gre_add(help->owner->t, help->conn, (enum sl_dir)dir, key[dir], &k[dir]);
		if (why != SL_WHY_NONE)
			return why;
		seen[dir] = k[dir]->key;
	}
	sl__gre_pair(help->owner->t, k[SL_ORIGINAL], k[SL_REPLY]);
	for (unsigned from = 0; from < 2 && why == SL_WHY_NONE; from++) {
		struct sl_expectation e = {
		        .class_id = class_id, .reason = reason, .group = group_of(k[0])};

		expectation(help, (enum sl_dir)from, key, seen, &e);
		if (is_there(help, &e.tuple))
			return SL_WHY_NONE; /* said again */
		why = sl__api_expect_related(help, &e);
	}
	return why;
}

/* What is expected of the call, and its connection. */
static void end_call(struct sl_help *help, const struct sl_gre_key *k)
{
	struct sl_track *t = help->owner->t;
	struct sl_tuple tuple = {.src = k->src,
	        .dst = k->dst,
	        .sport = k->back,
	        .dport = k->key,
	        .proto = SL_PROTO_GRE};
	struct sl_ext *ext = sl__ext_of(t, help->conn);
	struct sl_tuple own;
	struct sl_conn *conn;
	enum sl_dir dir;

	sl__conn_tuple(help->conn, SL_ORIGINAL, &own);
	tuple.family = own.family;
	SL_LIST_EACH_SAFE(it, &ext->expects)
	{
		struct sl_expect *e = SL_CONTAINER(it, struct sl_expect, of_master);
		uint16_t original = k->dir == SL_ORIGINAL ? k->own : k->back;

		if (e->more.group == (1u << 31 | original))
			sl__expect_remove(t, e, SL_WHY_FLUSHED);
	}
	conn = sl__conn_find(t, &tuple, help->conn->zone, &dir);
	if (conn && conn != help->conn)
		sl__conn_kill(t, conn, SL_WHY_CALL_ENDED);
}

void sl__api_gre_end(struct sl_help *help, enum sl_dir dir, uint16_t key)
{
	struct sl_track *t = help->owner->t;
	struct sl_ext *ext = sl__ext_of(t, help->conn);
	struct sl_gre_key *k = sl__gre_of(ext, dir, key), *other;

	if (!k)
		return;
	other = k->paired ? sl__gre_of(ext, !dir, k->back) : NULL;
	if (other)
		end_call(help, k);
	sl__gre_remove(t, k);
	if (other)
		sl__gre_remove(t, other);
}

void sl__help_end_calls(struct sl_help *help)
{
	struct sl_ext *ext = sl__ext_of(help->owner->t, help->conn);

	while (!sl__list_empty(&ext->gre_keys)) {
		struct sl_gre_key *k =
		        SL_CONTAINER(ext->gre_keys.next, struct sl_gre_key, of_master);

		sl__api_gre_end(help, (enum sl_dir)k->dir, k->own);
	}
}
