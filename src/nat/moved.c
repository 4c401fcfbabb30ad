/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections whose source could not keep its port are remembered by that source, and later ones of
 * that source which could: handles in a table of SL_NAT_MOVED rows, the newest first. Nobody takes
 * them out: one that ended, or that has the same hash and another source, is passed over when it is
 * met, and makes room.
 *
 * Limits. A row holds SL_NAT_MOVED_WAYS. A source is forgotten when newer connections of the row
 * have pushed out all of its own that live; it then keeps its own port where that is free.
 */
#include "nat/moved.h"

#include "base/wire.h"

static uint64_t *row_of(struct sl_track *t, const struct sl_tuple *orig, uint16_t zone)
{
	uint32_t w[6];

	for (unsigned i = 0; i < 4; i++)
		w[i] = sl_get32(orig->src.b + i * 4);
	w[4] = (uint32_t)orig->sport << 16 | zone;
	w[5] = orig->proto;
	return t->nat->moved[sl__hash_words(&t->key, w, 6) & (SL_NAT_MOVED - 1)];
}

static bool is_icmp(uint8_t proto)
{
	return proto == SL_PROTO_ICMP || proto == SL_PROTO_ICMPV6;
}

static bool is_of(const struct sl_conn *conn, const struct sl_tuple *own, uint16_t zone)
{
	struct sl_tuple orig;

	if (!conn || !(conn->status & SL_CONFIRMED) || conn->zone != zone)
		return false;
	sl__conn_tuple(conn, SL_ORIGINAL, &orig);
	return orig.proto == own->proto && orig.family == own->family && orig.sport == own->sport &&
	       sl_addr_eq(&orig.src, &own->src);
}

static bool has(struct sl_track *t, const uint64_t *row, const struct sl_tuple *own, uint16_t zone)
{
	for (unsigned i = 0; i < SL_NAT_MOVED_WAYS && row[i]; i++)
		if (is_of(sl__conn_by_handle(t, row[i]), own, zone))
			return true;
	return false;
}

void sl__moved_remember(struct sl_track *t, const struct sl_conn *conn)
{
	const uint16_t seen =
	        is_icmp(conn->proto) ? conn->port[SL_REPLY].sport : conn->port[SL_REPLY].dport;
	const bool kept = conn->port[SL_ORIGINAL].sport == seen;
	struct sl_tuple orig;
	uint64_t *row;
	unsigned i = 0;

	if (kept && !t->nat->any_moved)
		return;
	sl__conn_tuple(conn, SL_ORIGINAL, &orig);
	row = row_of(t, &orig, conn->zone);
	if (kept && !has(t, row, &orig, conn->zone))
		return;
	while (i < SL_NAT_MOVED_WAYS - 1 && sl__conn_by_handle(t, row[i]))
		i++;
	for (; i; i--)
		row[i] = row[i - 1];
	row[0] = sl__conn_handle(conn);
	t->nat->any_moved = true;
}

bool sl__moved_next(
        struct sl_track *t, const struct sl_conn *conn, unsigned *at, struct sl_tuple *tuple)
{
	const struct sl_conn *other;
	struct sl_tuple own, seen;
	const uint64_t *row;

	if (!t->nat->any_moved)
		return false;
	sl__conn_tuple(conn, SL_ORIGINAL, &own);
	row = row_of(t, &own, conn->zone);
	while (*at < SL_NAT_MOVED_WAYS && row[*at]) {
		other = sl__conn_by_handle(t, row[(*at)++]);
		if (!is_of(other, &own, conn->zone))
			continue;
		sl__conn_tuple(other, SL_REPLY, &seen);
		tuple->src = seen.dst;
		tuple->sport = is_icmp(seen.proto) ? seen.sport : seen.dport;
		return true;
	}
	return false;
}
