/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which connection does a packet belong to, and what is it to that connection?
 *
 *   an ICMP error    RELATED to the connection of the packet it quotes
 *   a known tuple    its conn; the protocol's tracker has the say
 *   a new one        a conn is made: by an expectation (RELATED, with a master), or on its own
 *
 * A packet that no connection wants is INVALID; that alone does not drop it.
 */
#include "engine/shard.h"

#include <string.h>

#include "track/gre.h"
#include "track/proto.h"

static bool invalid(struct sl_work *w, enum sl_reason why)
{
	w->p->state = SL_CT_INVALID;
	w->p->reason = (uint16_t)why;
	w->p->conn = w->conn = NULL;
	SL_TRACE(&w->e->track, NULL, "invalid", "%s: %s", sl_reason_name(why), sl_reason_text(why));
	return true;
}

/* ---- zones ------------------------------------------------------------------------------------ */

/* A packet's zone, as its rules have set it: each direction may have one, or none (0). */
struct zone {
	uint16_t id;
	uint8_t dirs; /* bit 1 << dir: it counts there */
};

static uint16_t zone_in(struct zone z, enum sl_dir dir)
{
	return z.dirs >> dir & 1 ? z.id : 0;
}

/* A conn is found by each of its tuples in the zone of that direction. */
static struct sl_conn *find(
        struct sl_track *t, const struct sl_tuple *tuple, struct zone z, enum sl_dir *dir)
{
	uint16_t original = zone_in(z, SL_ORIGINAL), reply = zone_in(z, SL_REPLY);
	struct sl_conn *conn = sl__conn_find(t, tuple, original, dir);

	if (original == reply || (conn && *dir == SL_ORIGINAL))
		return conn;
	conn = sl__conn_find(t, tuple, reply, dir);
	return conn && *dir == SL_REPLY ? conn : NULL;
}

/* ---- ICMP errors ----------------------------------------------------------------------------- */

static bool classify_error(struct sl_work *w, struct zone zone)
{
	struct sl_track *t = &w->e->track;
	struct sl_parsed quoted, *parsed = &w->parsed;
	struct sl_tuple tuple, back;
	struct sl_conn *conn;
	enum sl_dir dir;

	if (!parsed->quote || parsed->quote > parsed->len ||
	        sl__parse_quoted(w->p->data + parsed->quote, parsed->len - parsed->quote,
	                (enum sl_family)parsed->tuple.family, &quoted) ||
	        quoted.frag == SL_FRAG_LATER)
		return invalid(w, SL_WHY_ICMP_QUOTE_SHORT);
	/* The error goes the way that answers to the quoted packet go. */
	if (!sl__tuple_invert(&quoted.tuple, &back))
		return invalid(w, SL_WHY_ICMP_QUOTE_UNKNOWN);
	if (back.proto == SL_PROTO_GRE && t->gre.count)
		sl__gre_complete_answer(t, &back, zone_in(zone, SL_ORIGINAL));
	conn = find(t, &back, zone, &dir);
	if (!conn)
		return invalid(w, SL_WHY_ICMP_QUOTE_UNKNOWN);
	sl__conn_tuple(conn, dir, &tuple);
	if (!sl_addr_eq(&tuple.dst, &parsed->tuple.dst))
		return invalid(w, SL_WHY_ICMP_QUOTE_ADDRESS);
	w->icmp_error = true;
	w->conn = w->p->conn = conn;
	w->p->state = SL_CT_RELATED;
	w->p->dir = (uint8_t)dir;
	SL_TRACE(t, conn, "icmp-error", "quotes a packet of this connection");
	return true;
}

/* ---- a first packet -------------------------------------------------------------------------- */

/* What `ct helper` asks a related connection for: it outlives the master. */
static void name_master_helper(
        const struct sl_track *t, struct sl_ext *ext, const struct sl_conn *master)
{
	const struct sl_ext *of = sl__ext_of(t, master);

	if (of && of->helper)
		strncpy(ext->master_helper, of->helper->name, sizeof ext->master_helper - 1);
}

static enum sl_reason meet(struct sl_track *t, struct sl_conn *conn, struct sl_expect *expect)
{
	struct sl_conn *master = sl__conn_at(t, expect->master);
	struct sl_ext *ext = sl__conn_ext(t, conn);
	struct sl_expect copy = *expect;

	if (!ext)
		return SL_WHY_NO_MEMORY;
	SL_TRACE(t, master, "expect-met", "#%u %s", (unsigned)expect->id,
	        expect->reason ? expect->reason : "");
	conn->status |= SL_EXPECTED;
	conn->mark = master->mark;
	ext->master_id = sl__conn_id(t, master);
	sl__conn_tuple(master, SL_ORIGINAL, &ext->master);
	name_master_helper(t, ext, master);
	ext->helper = expect->helper;
	ext->beyond = expect->beyond;
	t->stats.expects_met++;
	sl__expect_met(t, expect);
	return copy.more.expected ? copy.more.expected(t, conn, &copy) : SL_WHY_NONE;
}

/* Linux takes it for an expected one. */
static void meet_shadow(
        struct sl_track *t, struct sl_conn *conn, const struct sl_tuple *tuple, uint16_t zone)
{
	enum sl_beyond beyond = sl__expect_shadow_met(t, tuple, zone);
	struct sl_ext *ext = beyond == SL_BEYOND_NONE ? NULL : sl__conn_ext(t, conn);

	if (ext)
		ext->beyond = (uint8_t)beyond;
}

static struct sl_conn *open_conn(struct sl_work *w, struct zone zone, enum sl_reason *why)
{
	struct sl_track *t = &w->e->track;
	struct sl_conn *conn = sl__conn_new(t, &w->parsed.tuple, zone.id, zone.dirs, why);
	struct sl_expect *expect;

	if (!conn)
		return NULL;
	expect = sl__expect_match(t, &w->parsed.tuple, zone.id);
	*why = expect ? meet(t, conn, expect) : SL_WHY_NONE;
	if (!expect && t->expects.shadows)
		meet_shadow(t, conn, &w->parsed.tuple, zone.id);
	if (*why != SL_WHY_NONE) {
		sl__conn_drop(t, conn);
		return NULL;
	}
	w->fresh = true;
	return conn;
}

/* It was looked up already, before its turn, and nobody had its tuple. */
static bool is_stranger(const struct sl_work *w, struct zone zone)
{
	return w->stranger && zone.id == w->p->zone && zone.dirs == 3;
}

static bool first_packet(struct sl_work *w, struct zone zone)
{
	enum sl_reason why = SL_WHY_NONE;

	w->conn = open_conn(w, zone, &why);
	w->claim.free = 0;
	if (is_stranger(w, zone))
		w->claim = (struct sl_claim){.hash = {w->stranger->hash},
		        .spot = {sl__table_spot(&w->e->track.table, w->stranger->hash)},
		        .changes = w->e->track.table.changes,
		        .free = 1 << SL_ORIGINAL};
	if (w->conn && w->e->track.tracing && w->conn->status & SL_DST_NAT)
		sl__tell_nat(w, SL_MANIP_DST); /* by its expectation */
	if (w->conn)
		return true;
	if (why == SL_WHY_NOT_NEW)
		return invalid(w, w->parsed.icmp ? SL_WHY_ICMP_TYPE : why);
	w->p->reason = (uint16_t)why;
	return false;
}

/* ---- any packet ------------------------------------------------------------------------------ */

static void set_state(struct sl_work *w, enum sl_dir dir)
{
	struct sl_packet *p = w->p;

	p->conn = w->conn;
	p->dir = (uint8_t)dir;
	if (dir == SL_REPLY || w->conn->status & SL_SEEN_REPLY)
		p->state = SL_CT_ESTABLISHED;
	else
		p->state = w->conn->status & SL_EXPECTED ? SL_CT_RELATED : SL_CT_NEW;
}

static void forget(struct sl_work *w)
{
	if (w->fresh)
		sl__conn_drop(&w->e->track, w->conn);
	w->fresh = false;
	w->conn = w->p->conn = NULL;
}

static enum sl_track_result track(struct sl_work *w, enum sl_dir dir, enum sl_reason *why)
{
	struct sl_track *t = &w->e->track;
	const struct sl_proto *proto = sl__proto(w->conn->proto);

	if (w->fresh && !proto->open(t, w->conn, w->p, &w->parsed, why))
		return SL_TRACK_INVALID;
	return proto->packet(t, w->conn, dir, w->p, &w->parsed, why);
}

static bool classify_tracked(struct sl_work *w, struct zone zone);

/* The same tuple again, a new conn. What Linux had for another one, it still has. */
static bool reopen(struct sl_work *w, struct zone zone, enum sl_reason why)
{
	struct sl_track *t = &w->e->track;
	enum sl_beyond beyond = sl__conn_beyond(t, w->conn);
	struct sl_ext *ext;
	bool classified;

	sl__conn_kill(t, w->conn, why);
	classified = classify_tracked(w, zone); /* once: the conn is gone */
	if (beyond == SL_BEYOND_NONE || !w->conn || !w->fresh || w->conn->status & SL_EXPECTED)
		return classified;
	ext = sl__conn_ext(t, w->conn);
	if (ext)
		ext->beyond = (uint8_t)beyond;
	return classified;
}

static bool classify_tracked(struct sl_work *w, struct zone zone)
{
	struct sl_track *t = &w->e->track;
	enum sl_reason why = SL_WHY_NONE;
	enum sl_dir dir = SL_ORIGINAL;

	if (w->parsed.tuple.proto == SL_PROTO_GRE && t->gre.count)
		sl__gre_complete(t, &w->parsed.tuple, zone_in(zone, SL_ORIGINAL));
	w->conn = is_stranger(w, zone) ? NULL : find(t, &w->parsed.tuple, zone, &dir);
	if (t->tracing)
		sl__tell_lookup(w, dir);
	if (!w->conn) {
		dir = SL_ORIGINAL;
		if (!first_packet(w, zone))
			return false;
		if (!w->conn)
			return true; /* INVALID */
	}
	set_state(w, dir);
	switch (track(w, dir, &why)) {
	case SL_TRACK_OK:
		break;
	case SL_TRACK_IGNORE:
		w->p->reason = (uint16_t)why;
		if (dir == SL_REPLY)
			sl__conn_replied(t, w->conn);
		return true;
	case SL_TRACK_CLOSE:
		w->ending = why;
		sl__conn_unlist(t, w->conn);
		sl__conn_count(t, w->conn, dir, w->parsed.len);
		return true;
	case SL_TRACK_REOPEN:
		return reopen(w, zone, why);
	case SL_TRACK_INVALID:
		if (w->fresh && t->expects.shadows)
			w->p->beyond =
			        (uint8_t)sl__expect_shadow_answered(t, &w->parsed.tuple, zone.id);
		forget(w);
		return invalid(w, why);
	case SL_TRACK_DROP:
		forget(w);
		w->p->reason = (uint16_t)why;
		return false;
	}
	if (dir == SL_REPLY)
		sl__conn_replied(t, w->conn);
	sl__conn_count(t, w->conn, dir, w->parsed.len);
	return true;
}

bool sl__classify(struct sl_work *w, uint16_t id, uint8_t dirs)
{
	struct zone zone = {.id = id, .dirs = dirs};
	struct sl_track *t = &w->e->track;
	enum sl_reason why;

	if (t->set.checksum && w->p->csum == SL_CSUM_NONE) {
		why = sl__parse_checksum(w->p, &w->parsed);
		if (why != SL_WHY_NONE && !sl__parse_fatal(why))
			return invalid(w, why);
		w->p->reason = (uint16_t)why;
		if (why != SL_WHY_NONE)
			return false;
	}
	if (w->parsed.icmp == SL_ICMP_NEIGHBOUR) {
		w->p->state = SL_CT_UNTRACKED;
		return true;
	}
	if (w->e->config.shards > 1 && sl__elsewhere(w, zone_in(zone, SL_ORIGINAL))) {
		w->p->reason = SL_WHY_OTHER_SHARD;
		return false;
	}
	if (w->parsed.icmp == SL_ICMP_ERROR)
		return classify_error(w, zone);
	return classify_tracked(w, zone);
}
