/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which field is in which row follows what the kernel reports:
 *
 *                        NEW       UPDATE             DESTROY   final
 *   state                yes       if it is news      yes       yes
 *   wscale, tcp_flags    yes       with state         no        yes
 *   helper               yes       yes                no        yes
 *   master               yes       no                 no        while the master lives
 *   counters             no        no                 yes       yes
 *
 * and what is sluice's own: zone and mark (when not 0), `reason` of an end, `purpose` of an
 * expectation, `beyond`.
 */
#include "ctl/json_events.h"

#include <stdio.h>

enum parts {
	STATE = 1,
	WINDOWS = 2, /* wscale and tcp_flags */
	HELPER = 4,
	MASTER = 8,
	COUNTERS = 16,
	SEQADJ = 32,
};

const char *sl__event_name(enum sl_event_type type)
{
	switch (type) {
	case SL_EVENT_NEW:
		return "NEW";
	case SL_EVENT_UPDATE:
		return "UPDATE";
	case SL_EVENT_DESTROY:
		return "DESTROY";
	case SL_EVENT_EXPECT_NEW:
		return "EXPECT_NEW";
	case SL_EVENT_EXPECT_DESTROY:
		return "EXPECT_DESTROY";
	case SL_EVENT_LOG:
		break;
	}
	return "LOG";
}

/* ---- pieces --------------------------------------------------------------------------------- */

static void put_proto(struct sl_json *j, uint8_t proto)
{
	char text[4];

	sl__json_str(j, "proto", sl_proto_text(proto, text));
}

static void put_addr(struct sl_json *j, const char *key, uint8_t family, const struct sl_addr *a)
{
	char text[SL_ADDR_TEXT];

	sl__json_str(j, key, sl_addr_text(a, (enum sl_family)family, text));
}

static void put_ports(struct sl_json *j, const struct sl_tuple *t)
{
	switch (t->proto) {
	case SL_PROTO_TCP:
	case SL_PROTO_UDP:
	case SL_PROTO_SCTP:
	case SL_PROTO_UDPLITE:
		sl__json_uint(j, "sport", t->sport);
		sl__json_uint(j, "dport", t->dport);
		break;
	case SL_PROTO_ICMP:
	case SL_PROTO_ICMPV6:
		sl__json_uint(j, "id", t->sport);
		sl__json_uint(j, "type", t->dport >> 8);
		sl__json_uint(j, "code", t->dport & 0xff);
		break;
	case SL_PROTO_GRE:
		sl__json_uint(j, "srckey", t->sport);
		sl__json_uint(j, "dstkey", t->dport);
		break;
	}
}

static void put_tuple(struct sl_json *j, const char *key, const struct sl_tuple *t, bool proto)
{
	sl__json_object(j, key);
	put_addr(j, "src", t->family, &t->src);
	put_addr(j, "dst", t->family, &t->dst);
	if (proto)
		put_proto(j, t->proto);
	put_ports(j, t);
	sl__json_end(j);
}

/* A mask has no family and protocol of its own. */
static void put_mask(struct sl_json *j, const struct sl_tuple *tuple, const struct sl_tuple *mask)
{
	struct sl_tuple t = *mask;

	t.family = tuple->family;
	t.proto = tuple->proto;
	put_tuple(j, "mask", &t, false);
}

static void put_status(struct sl_json *j, uint32_t status)
{
	static const char *const names[] = {"EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED",
	        "SRC_NAT", "DST_NAT", "SEQ_ADJUST", "SRC_NAT_DONE", "DST_NAT_DONE", "DYING",
	        "FIXED_TIMEOUT", "TEMPLATE", "NAT_CLASH", "HELPER", "OFFLOAD"};

	sl__json_array(j, "status");
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (status >> i & 1)
			sl__json_str(j, NULL, names[i]);
	sl__json_end(j);
}

static void put_windows(struct sl_json *j, const struct sl_conn_info *info)
{
	sl__json_uint(j, "wscale_orig", info->tcp_wscale[SL_ORIGINAL]);
	sl__json_uint(j, "wscale_reply", info->tcp_wscale[SL_REPLY]);
	sl__json_uint(j, "tcp_flags_orig", info->tcp_flags[SL_ORIGINAL]);
	sl__json_uint(j, "tcp_flags_reply", info->tcp_flags[SL_REPLY]);
}

static void put_counters(
        struct sl_json *j, const char *key, const struct sl_conn_info *info, enum sl_dir dir)
{
	sl__json_object(j, key);
	sl__json_uint(j, "packets", info->packets[dir]);
	sl__json_uint(j, "bytes", info->bytes[dir]);
	sl__json_end(j);
}

static void put_seqadj(
        struct sl_json *j, const char *key, const struct sl_conn_info *info, enum sl_dir dir)
{
	sl__json_object(j, key);
	sl__json_uint(j, "pos", info->seqadj[dir].pos);
	sl__json_int(j, "before", info->seqadj[dir].before);
	sl__json_int(j, "after", info->seqadj[dir].after);
	sl__json_end(j);
}

static void put_reason(struct sl_json *j, enum sl_reason why)
{
	char text[192];

	snprintf(text, sizeof(text), "%s: %s", sl_reason_name(why), sl_reason_text(why));
	sl__json_str(j, "reason", text);
}

static void put_conn(struct sl_json *j, const struct sl_conn_info *info, unsigned parts)
{
	put_proto(j, info->tuple[SL_ORIGINAL].proto);
	if (info->state && parts & STATE)
		sl__json_str(j, "state", info->state);
	if (info->tuple[SL_ORIGINAL].proto == SL_PROTO_TCP && parts & WINDOWS)
		put_windows(j, info);
	put_tuple(j, "orig", &info->tuple[SL_ORIGINAL], false);
	put_tuple(j, "reply", &info->tuple[SL_REPLY], false);
	put_status(j, info->status);
	sl__json_uint(j, "timeout", info->timeout);
	if (info->helper && parts & HELPER)
		sl__json_str(j, "helper", info->helper);
	if (info->has_master && parts & MASTER)
		put_tuple(j, "master", &info->master, true);
	if (parts & SEQADJ && info->status & SL_SEQ_ADJUST) {
		put_seqadj(j, "seqadj_orig", info, SL_ORIGINAL);
		put_seqadj(j, "seqadj_reply", info, SL_REPLY);
	}
	if (parts & COUNTERS) {
		put_counters(j, "counters_orig", info, SL_ORIGINAL);
		put_counters(j, "counters_reply", info, SL_REPLY);
	}
	if (info->mark)
		sl__json_uint(j, "mark", info->mark);
	if (info->zone)
		sl__json_uint(j, "zone", info->zone);
}

static void put_flags(struct sl_json *j, uint8_t flags)
{
	sl__json_array(j, "flags");
	if (flags & SL_EXPECT_PERMANENT)
		sl__json_str(j, NULL, "PERMANENT");
	if (flags & SL_EXPECT_INACTIVE)
		sl__json_str(j, NULL, "INACTIVE");
	if (flags & SL_EXPECT_USERSPACE)
		sl__json_str(j, NULL, "USERSPACE");
	sl__json_end(j);
}

static void put_nat(struct sl_json *j, const struct sl_expect_info *info)
{
	sl__json_object(j, "nat");
	sl__json_uint(j, "dir", info->nat_dir);
	put_tuple(j, "tuple", &info->nat, true);
	sl__json_end(j);
}

static void put_expect(struct sl_json *j, const struct sl_expect_info *info)
{
	put_proto(j, info->tuple.proto);
	put_tuple(j, "tuple", &info->tuple, false);
	put_mask(j, &info->tuple, &info->mask);
	put_tuple(j, "master", &info->master, true);
	if (info->helper)
		sl__json_str(j, "helper", info->helper);
	if (info->has_nat)
		sl__json_str(j, "fn", "nat-follow-master");
	sl__json_uint(j, "timeout", info->timeout);
	sl__json_uint(j, "class", info->class_id);
	put_flags(j, info->flags);
	if (info->has_nat)
		put_nat(j, info);
	if (info->zone)
		sl__json_uint(j, "zone", info->zone);
	if (info->reason)
		sl__json_str(j, "purpose", info->reason);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static void begin(struct sl_json *j, const struct sl_event *event, uint64_t packet)
{
	sl__json_object(j, NULL);
	sl__json_str(j, "event", sl__event_name(event->type));
	if (packet)
		sl__json_uint(j, "packet", packet);
	else
		sl__json_null(j, "packet");
}

static void put_beyond(struct sl_json *j, enum sl_beyond beyond)
{
	if (beyond != SL_BEYOND_NONE)
		sl__json_str(j, "beyond", sl_beyond_name(beyond));
}

static void end(struct sl_json *j, const struct sl_event *event)
{
	if (event->why != SL_WHY_NONE)
		put_reason(j, event->why);
	put_beyond(j, event->beyond);
	sl__json_end(j);
}

static unsigned parts_of(const struct sl_event *event)
{
	switch (event->type) {
	case SL_EVENT_NEW:
		return STATE | WINDOWS | HELPER | MASTER;
	case SL_EVENT_UPDATE:
		return HELPER | (event->state_changed ? STATE | WINDOWS : 0);
	default:
		return STATE | COUNTERS;
	}
}

void sl__json_conn_event(struct sl_json *j, const struct sl_event *event,
        const struct sl_conn_info *info, uint64_t flow, uint64_t packet)
{
	begin(j, event, packet);
	sl__json_uint(j, "flow", flow);
	put_conn(j, info, parts_of(event));
	end(j, event);
}

void sl__json_expect_event(struct sl_json *j, const struct sl_event *event,
        const struct sl_expect_info *info, uint64_t expect, uint64_t packet)
{
	begin(j, event, packet);
	sl__json_uint(j, "expect", expect);
	put_expect(j, info);
	end(j, event);
}

void sl__json_conn(
        struct sl_json *j, const struct sl_conn_info *info, uint64_t flow, bool master_lives)
{
	sl__json_object(j, NULL);
	sl__json_uint(j, "flow", flow);
	put_conn(j, info,
	        STATE | WINDOWS | HELPER | COUNTERS | SEQADJ | (master_lives ? MASTER : 0));
	put_beyond(j, (enum sl_beyond)info->beyond);
	sl__json_end(j);
}

void sl__json_expect(struct sl_json *j, const struct sl_expect_info *info, uint64_t expect)
{
	sl__json_object(j, NULL);
	sl__json_uint(j, "expect", expect);
	put_expect(j, info);
	put_beyond(j, (enum sl_beyond)info->beyond);
	sl__json_end(j);
}
