/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What helpers call: struct sl_api, but for expectations (announce.c) and calls (gre_calls.c).
 */
#include "help/inner.h"

#include <string.h>

#include "base/wire.h"
#include "track/tcp.h"

static void *api_data(struct sl_help *help)
{
	return help->data;
}

static const struct sl_helper *api_record(struct sl_help *help)
{
	return help->helper;
}

/* An insertion takes a neighbour along: an edit replaces at least one byte. */
static bool insert(struct sl_help *help, const char *text, size_t len, size_t offset,
        const uint8_t *bytes, size_t size)
{
	uint8_t both[256];
	bool behind = offset == len;

	if (!len || size + 1 > sizeof(both))
		return false;
	memcpy(both + behind, bytes, size);
	both[behind ? 0 : size] = (uint8_t)text[behind ? offset - 1 : offset];
	return sl__editlog_add(help->log, help->owner->t->mem,
	        help->at + (uint32_t)(offset - behind), 1, both, (uint32_t)(size + 1));
}

/* Without NAT nothing is held: what came in an earlier segment has left. */
static bool is_sent(const struct sl_help *help, enum sl_dir dir, uint32_t at)
{
	return help->conn->proto == SL_PROTO_TCP && sl__help_only_reads(help) &&
	       sl__seq_before(at, help->stream[dir].sent);
}

/* For people: as the kernel shows what its sequence adjustment does. */
static void note_length(struct sl_help *help, enum sl_dir dir, int32_t grown)
{
	struct sl_ext *ext = sl__ext_of(help->owner->t, help->conn);

	sl__conn_set_status(help->conn, SL_SEQ_ADJUST);
	ext->seqadj[dir].pos = help->at;
	ext->seqadj[dir].before = ext->seqadj[dir].after;
	ext->seqadj[dir].after += grown;
}

static bool api_replace(struct sl_help *help, struct sl_message *message, size_t offset,
        size_t length, const void *bytes, size_t size)
{
	const char *text = message->text.start;
	size_t len = (size_t)(message->text.end - text);
	bool ok;

	if (!help->log || offset > len || length > len - offset || size > 65535)
		return false;
	if (length == size && (!size || !memcmp(text + offset, bytes, size)))
		return true;
	if (is_sent(help, message->dir, help->at + (uint32_t)offset))
		return false;
	if (length)
		ok = sl__editlog_add(help->log, help->owner->t->mem, help->at + (uint32_t)offset,
		        (uint32_t)length, bytes, (uint32_t)size);
	else
		ok = insert(help, text, len, offset, bytes, size);
	if (!ok)
		return false;
	help->effective = true;
	SL_TRACE(help->owner->t, help->conn, "helper", "%u bytes at offset %u become %u", (unsigned)length,
	        (unsigned)offset, (unsigned)size);
	if (help->conn->proto == SL_PROTO_TCP) {
		help->conn->flags |= SL_CONN_EDITED;
		if (length != size)
			note_length(help, message->dir, (int32_t)(size - length));
	}
	return true;
}

static void api_conn_tuple(struct sl_help *help, enum sl_dir dir, struct sl_tuple *out)
{
	sl__conn_tuple(help->conn, dir, out);
}

static enum sl_help_result api_refuse(struct sl_help *help, enum sl_reason why)
{
	help->refusal = why;
	return SL_REFUSE;
}

/* Linux would have expected it. */
static bool refused_beyond(enum sl_reason why)
{
	return why == SL_WHY_HELPER_PORT || why == SL_WHY_HELPER_RANGE ||
	       why == SL_WHY_HELPER_UNASKED || why == SL_WHY_HELPER_SYNTAX;
}

static void api_note(struct sl_help *help, enum sl_reason why, const char *text)
{
	struct sl_track *t = help->owner->t;
	struct sl_event event = {.type = SL_EVENT_LOG,
	        .conn = help->conn,
	        .packet = t->packet,
	        .why = why,
	        .text = text,
	        .text_len = strlen(text),
	        .now = t->now};

	if (help->packet)
		help->packet->reason = (uint16_t)why; /* counted with its verdict */
	else
		t->stats.reasons[why]++;
	if (help->packet && refused_beyond(why) && !help->linux_known)
		sl__help_beyond(help, SL_BEYOND_REFUSED);
	SL_TRACE(t, help->conn, "helper", "%s: %s", sl_reason_name(why), text);
	if (t->reporting)
		t->upper->event(t, &event);
}

static bool api_seen_from_start(struct sl_help *help)
{
	return help->stream[0].from_start && help->stream[1].from_start;
}

static uint32_t api_option(struct sl_help *help, const char *name)
{
	uint32_t value = 0;

	if (!sl__registry_option_get(&help->owner->registry, help->helper, name, &value))
		sl__tunables_get(&help->owner->t->set, name, &value);
	return value;
}

static void api_beyond(struct sl_help *help, enum sl_beyond beyond)
{
	sl__help_beyond(help, beyond);
}

/* ---- the connection's ends, the packet, its way ---------------------------------------------- */

static bool is_end(const struct sl_endpoint *e, const struct sl_addr *addr, uint16_t port)
{
	return sl_addr_eq(&e->addr, addr) && (!e->port || e->port == port);
}

static bool api_seen_as(struct sl_help *help, enum sl_dir dir, struct sl_endpoint *e)
{
	struct sl_tuple own, other;

	sl__conn_tuple(help->conn, dir, &own);
	sl__conn_tuple(help->conn, !dir, &other);
	if (is_end(e, &own.src, own.sport)) {
		e->addr = other.dst;
		e->port = e->port ? other.dport : 0;
		return true;
	}
	if (is_end(e, &own.dst, own.dport)) {
		e->addr = other.src;
		e->port = e->port ? other.sport : 0;
		return true;
	}
	return false;
}

static bool api_packet_tuple(struct sl_help *help, struct sl_tuple *out)
{
	if (!help->parsed)
		return false;
	*out = help->parsed->tuple;
	return true;
}

static bool api_packet_set_dport(struct sl_help *help, uint16_t port)
{
	if (!help->parsed || help->parsed->tuple.proto != SL_PROTO_UDP)
		return false;
	help->new_dport = port;
	return true;
}

static void api_route(struct sl_help *help, struct sl_help_route *out)
{
	const struct sl_route *route = help->owner->route;

	*out = (struct sl_help_route){0};
	if (!help->packet || !route)
		return;
	out->broadcast =
	        route->kind == SL_ROUTE_BROADCAST || help->packet->cast == SL_CAST_BROADCAST;
	out->local = help->packet->from == SL_FROM_LOCAL;
	out->prefix = route->prefix;
}

static bool api_same_way(struct sl_help *help, const struct sl_addr *addr)
{
	struct sl_helping *h = help->owner;
	struct sl_route other;
	struct sl_tuple tuple;

	if (!help->packet || !help->parsed || !h->route || !h->lookup)
		return false;
	tuple = help->parsed->tuple;
	tuple.dst = *addr;
	h->lookup(h->t, help->packet, &tuple, &other);
	return other.kind == SL_ROUTE_FORWARD && other.out_if == h->route->out_if;
}

/* As Linux does it: this is the timeout now, be it longer or shorter than the protocol's own. */
static void api_keep_alive(struct sl_help *help, uint32_t seconds)
{
	sl__conn_refresh(help->owner->t, help->conn, seconds * 1000);
}

const struct sl_api sl__help_api = {
        .data = api_data,
        .expect_announced = sl__api_expect_announced,
        .expect_related = sl__api_expect_related,
        .expect_remove = sl__api_expect_remove,
        .expect_refresh = sl__api_expect_refresh,
        .replace = api_replace,
        .conn_tuple = api_conn_tuple,
        .seen_as = api_seen_as,
        .refuse = api_refuse,
        .note = api_note,
        .seen_from_start = api_seen_from_start,
        .option = api_option,
        .beyond = api_beyond,
        .packet_tuple = api_packet_tuple,
        .packet_set_dport = api_packet_set_dport,
        .route = api_route,
        .same_way = api_same_way,
        .keep_alive = api_keep_alive,
        .gre_key = sl__api_gre_key,
        .gre_find = sl__api_gre_find,
        .gre_call = sl__api_gre_call,
        .gre_end = sl__api_gre_end,
        .record = api_record,
        .expected_behind = sl__api_expected_behind,
        .expect_prolong = sl__api_expect_prolong,
};
