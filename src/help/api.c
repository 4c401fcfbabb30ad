/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What helpers call: the implementation of struct sl_api.
 *
 * The announced endpoint. The announcer sends in direction dir; the connection to come is
 * opened by its peer, from where the peer's packets come from (the other direction's source)
 * to where the peer must send to (the other direction's destination: without NAT the
 * announcer itself, else a public address). The port stays as announced unless somebody
 * expects it already; then the next ports are tried, a bounded number of them.
 */
#include "help/runtime.h"

#include <string.h>

#define PORT_MIN   1024
#define PORT_TRIES 128 /* in a row; then once more from a random port */

static void *api_data(struct sl_help *help)
{
	return help->data;
}

static void fill_want(struct sl_help *help, const struct sl_helper_class *c, uint8_t class_id,
        struct sl_expect_want *want)
{
	want->timeout_ms = c->timeout * 1000;
	want->class_max = c->max;
	want->class_id = class_id;
	want->maker = help->helper;
}

static enum sl_reason add(struct sl_help *help, const struct sl_expect_want *want)
{
	enum sl_reason why = sl__expect_add(help->owner->t, help->conn, want, NULL);

	if (why == SL_WHY_NONE)
		help->effective = true;
	return why;
}

/* The announced port or one near it that nobody else expects. */
static enum sl_reason add_somewhere(struct sl_help *help, struct sl_expect_want *want)
{
	enum sl_reason why = SL_WHY_NONE;

	for (unsigned i = 0; i < 2 * PORT_TRIES; i++) {
		why = add(help, want);
		if (why != SL_WHY_EXPECT_CLASH)
			return why;
		if (i == PORT_TRIES)
			want->tuple.dport =
			        (uint16_t)(PORT_MIN + sl__random_below(&help->owner->t->random,
			                                      65536 - PORT_MIN));
		else
			want->tuple.dport = want->tuple.dport == 65535
			                            ? PORT_MIN
			                            : (uint16_t)(want->tuple.dport + 1);
	}
	return SL_WHY_NAT_NO_PORT;
}

static enum sl_reason api_expect_endpoint(struct sl_help *help, const struct sl_message *message,
        const struct sl_endpoint *written, uint8_t class_id, const char *reason,
        struct sl_endpoint *seen)
{
	bool translated = help->conn->status & (SL_SRC_NAT | SL_DST_NAT);
	struct sl_expect_want want = {.reason = reason};
	struct sl_tuple own, other;
	enum sl_reason why;

	if (class_id >= SL_HELPER_CLASSES || !help->helper->classes[class_id].max)
		return SL_WHY_EXPECT_LIMIT;
	sl__conn_tuple(help->conn, message->dir, &own);
	sl__conn_tuple(help->conn, !message->dir, &other);
	if (written->family != own.family || !sl_addr_eq(&written->addr, &own.src))
		return SL_WHY_HELPER_ADDRESS;
	if (written->port < PORT_MIN)
		return SL_WHY_HELPER_PORT;
	fill_want(help, &help->helper->classes[class_id], class_id, &want);
	want.tuple = (struct sl_tuple){.src = other.src,
	        .dst = other.dst,
	        .dport = written->port,
	        .proto = written->proto,
	        .family = own.family};
	memset(&want.mask.src, 0xff, sizeof(want.mask.src));
	memset(&want.mask.dst, 0xff, sizeof(want.mask.dst));
	want.mask.dport = 0xffff;
	want.mask.proto = 0xff;
	want.mask.family = own.family;
	if (translated) {
		static const uint8_t none[4];

		want.expected = help->owner->follow;
		want.has_nat = true;
		want.nat_dir = !message->dir;
		want.saved_port = written->port;
		if (own.family == SL_IPV4)
			want.saved_addr = sl_addr_v4(none);
	}
	why = translated ? add_somewhere(help, &want) : add(help, &want);
	*seen = (struct sl_endpoint){.addr = other.dst,
	        .port = want.tuple.dport,
	        .family = own.family,
	        .proto = written->proto};
	return why;
}

static enum sl_reason api_expect_related(struct sl_help *help, const struct sl_expectation *e)
{
	struct sl_expect_want want = {.tuple = e->tuple,
	        .mask = e->mask,
	        .flags = e->flags,
	        .helper = e->helper,
	        .reason = e->reason};

	if (e->class_id >= SL_HELPER_CLASSES || !help->helper->classes[e->class_id].max)
		return SL_WHY_EXPECT_LIMIT;
	fill_want(help, &help->helper->classes[e->class_id], e->class_id, &want);
	if (e->timeout)
		want.timeout_ms = e->timeout * 1000;
	return add(help, &want);
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
	if (length)
		ok = sl__editlog_add(help->log, help->owner->t->mem, help->at + (uint32_t)offset,
		        (uint32_t)length, bytes, (uint32_t)size);
	else
		ok = insert(help, text, len, offset, bytes, size);
	if (!ok)
		return false;
	help->effective = true;
	if (help->conn->proto == SL_PROTO_TCP) {
		help->conn->flags |= SL_CONN_EDITED;
		if (length != size)
			sl__conn_set_status(help->conn, SL_SEQ_ADJUST);
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
	       why == SL_WHY_HELPER_UNASKED;
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

	t->stats.reasons[why]++;
	if (help->packet)
		help->packet->reason = (uint16_t)why;
	if (help->packet && refused_beyond(why))
		help->packet->beyond = SL_BEYOND_REFUSED;
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

	sl__tunables_get(&help->owner->t->set, name, &value);
	return value;
}

static void api_beyond(struct sl_help *help, enum sl_beyond beyond)
{
	if (help->packet)
		help->packet->beyond = (uint8_t)beyond;
}

const struct sl_api sl__help_api = {
        .data = api_data,
        .expect_endpoint = api_expect_endpoint,
        .expect_related = api_expect_related,
        .replace = api_replace,
        .conn_tuple = api_conn_tuple,
        .refuse = api_refuse,
        .note = api_note,
        .seen_from_start = api_seen_from_start,
        .option = api_option,
        .beyond = api_beyond,
};
