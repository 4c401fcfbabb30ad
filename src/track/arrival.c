/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arrivals: where live related connections come in under NAT.
 *
 * An expectation keeps a public port for whom it leads to, but goes when it is met. From then on the port
 * is kept by the connection that met it: a server that comes from the same port of its own again
 * (FTP's 20) would otherwise meet the old connection instead of the new host. So each translated related
 * connection stands in a list, by the endpoint that its peer sends to:
 *
 *	its destination was translated	    where its original packets come in
 *	its source was, only	   	    where its answers come in
 *
 * A TCP connection that is over does not count: the next SYN ends it.
 *
 * Ownership. The link is a member of the conn's extension; it is put in when the conn is confirmed, and
 * taken out when it ends.
 */
#include "track/arrival.h"

#include "base/wire.h"
#include "track/tcp.h"
#include "track/track.h"

void sl__arrivals_init(struct sl_track *t)
{
	for (unsigned i = 0; i < SL_ARRIVAL_HEADS; i++)
		sl__list_init(&t->arrivals[i]);
}

static struct sl_list *head_of(struct sl_track *t, const struct sl_tuple *seen)
{
	uint32_t w[6];

	for (unsigned i = 0; i < 4; i++)
		w[i] = sl_get32(seen->dst.b + i * 4);
	w[4] = seen->dport;
	w[5] = seen->proto;
	return &t->arrivals[sl__hash_words(&t->key, w, 6) & (SL_ARRIVAL_HEADS - 1)];
}

static enum sl_dir arriving_dir(const struct sl_conn *conn)
{
	return conn->status & SL_DST_NAT ? SL_ORIGINAL : SL_REPLY;
}

void sl__arrival_add(struct sl_track *t, struct sl_conn *conn)
{
	struct sl_ext *ext = sl__ext_of(t, conn);
	struct sl_tuple seen;

	if (!ext || !(conn->status & SL_EXPECTED) || !(conn->status & (SL_SRC_NAT | SL_DST_NAT)))
		return;
	sl__conn_tuple(conn, arriving_dir(conn), &seen);
	ext->arrival.conn = conn->self;
	sl__list_add(head_of(t, &seen), &ext->arrival.at);
}

void sl__arrival_remove(struct sl_ext *ext)
{
	sl__list_remove(&ext->arrival.at);
}

static bool is_over(const struct sl_conn *conn)
{
	return conn->proto == SL_PROTO_TCP &&
	       (conn->state == SL_TCP_TIME_WAIT || conn->state == SL_TCP_CLOSE);
}

/* Does what comes to conn's translated end go where `want` leads? */
static bool leads_there(const struct sl_conn *conn, const struct sl_expect_want *want)
{
	struct sl_tuple behind;

	sl__conn_tuple(conn, !arriving_dir(conn), &behind);
	return sl_addr_eq(&behind.src, &want->more.saved_addr) &&
	       behind.sport == want->more.saved_port;
}

bool sl__arrives_elsewhere(struct sl_track *t, uint16_t zone, const struct sl_expect_want *want)
{
	SL_LIST_EACH(it, head_of(t, &want->tuple))
	{
		const struct sl_ext *ext = SL_CONTAINER(it, struct sl_ext, arrival.at);
		const struct sl_conn *conn = sl__conn_at(t, ext->arrival.conn);
		struct sl_tuple seen;

		sl__conn_tuple(conn, arriving_dir(conn), &seen);
		if (conn->zone == zone && sl_tuple_eq_masked(&seen, &want->tuple, &want->mask) &&
		        !is_over(conn) && !leads_there(conn, want))
			return true;
	}
	return false;
}
