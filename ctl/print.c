/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lines are those of conntrack-tools 1.4.7, so that what reads them goes on to work:
 * `src= dst= sport= dport=` of both directions, flags in brackets, then mark, zone, helper, use.
 * At the end of a line stands what conntrack does not know: why something ended (`reason=`), and
 * what an expectation is for (`purpose=`).
 */
#include "ctl/print.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/mem.h"

/* ---- a text that grows ---------------------------------------------------------------------- */

void sl__print_fini(struct sl_print *t)
{
	free(t->bytes);
	*t = (struct sl_print){0};
}

static void make_room(struct sl_print *t, size_t len)
{
	if (t->size - t->len >= len)
		return;
	t->size = (t->len + len) * 2 + 256;
	t->bytes = sl__must_grow(t->bytes, t->size);
}

void sl__print_put(struct sl_print *t, const void *bytes, size_t len)
{
	make_room(t, len);
	if (len)
		memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
}

void sl__print_printf(struct sl_print *t, const char *format, ...)
{
	va_list args;
	int n;

	make_room(t, 512);
	va_start(args, format);
	n = vsnprintf(t->bytes + t->len, t->size - t->len, format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n >= t->size - t->len) {
		make_room(t, (size_t)n + 1);
		va_start(args, format);
		vsnprintf(t->bytes + t->len, t->size - t->len, format, args);
		va_end(args);
	}
	t->len += (size_t)n;
}

static void end_line(struct sl_print *t)
{
	if (t->len && t->bytes[t->len - 1] == ' ')
		t->len--;
	sl__print_put(t, "\n", 1);
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static void put_l4(struct sl_print *t, const struct sl_tuple *tuple)
{
	switch (tuple->proto) {
	case SL_PROTO_TCP:
	case SL_PROTO_UDP:
	case SL_PROTO_SCTP:
	case SL_PROTO_DCCP:
	case SL_PROTO_UDPLITE:
		sl__print_printf(t, "sport=%u dport=%u ", tuple->sport, tuple->dport);
		break;
	case SL_PROTO_ICMP:
	case SL_PROTO_ICMPV6:
		sl__print_printf(t, "type=%u code=%u id=%u ", tuple->dport >> 8,
		        tuple->dport & 0xff, tuple->sport);
		break;
	case SL_PROTO_GRE:
		sl__print_printf(t, "srckey=0x%x dstkey=0x%x ", tuple->sport, tuple->dport);
		break;
	}
}

static void put_addrs(struct sl_print *t, const char *prefix, const struct sl_tuple *tuple)
{
	char src[SL_ADDR_TEXT], dst[SL_ADDR_TEXT];

	sl_addr_text(&tuple->src, (enum sl_family)tuple->family, src);
	sl_addr_text(&tuple->dst, (enum sl_family)tuple->family, dst);
	sl__print_printf(t, "%ssrc=%s %sdst=%s ", prefix, src, prefix, dst);
}

static void put_tuple(struct sl_print *t, const char *prefix, const struct sl_tuple *tuple)
{
	put_addrs(t, prefix, tuple);
	put_l4(t, tuple);
}

static void put_counters(struct sl_print *t, const struct sl_conn_info *info, enum sl_dir dir)
{
	sl__print_printf(t, "packets=%llu bytes=%llu ", (unsigned long long)info->packets[dir],
	        (unsigned long long)info->bytes[dir]);
}

static void put_tuples(struct sl_print *t, const struct sl_conn_info *info, bool counters)
{
	put_tuple(t, "", &info->tuple[SL_ORIGINAL]);
	if (counters)
		put_counters(t, info, SL_ORIGINAL);
	if (!(info->status & SL_SEEN_REPLY))
		sl__print_printf(t, "[UNREPLIED] ");
	put_tuple(t, "", &info->tuple[SL_REPLY]);
	if (counters)
		put_counters(t, info, SL_REPLY);
	if (info->status & SL_OFFLOAD)
		sl__print_printf(t, "[OFFLOAD] ");
	else if (info->status & SL_ASSURED)
		sl__print_printf(t, "[ASSURED] ");
}

static void put_zone(struct sl_print *t, const struct sl_conn_info *info)
{
	static const char *const names[] = {"zone", "zone-orig", "zone-reply", "zone"};

	if (info->zone)
		sl__print_printf(t, "%s=%u ", names[info->zone_dirs & 3], info->zone);
}

static void put_head(struct sl_print *t, const struct sl_conn_info *info, bool state)
{
	uint8_t proto = info->tuple[SL_ORIGINAL].proto;
	char number[4];
	const char *name = sl_proto_text(proto, number);

	sl__print_printf(t, "%-8s %u %u ", name == number ? "unknown" : name, proto, info->timeout);
	if (state && info->state)
		sl__print_printf(t, "%s ", info->state);
}

/* ---- lines ----------------------------------------------------------------------------------- */

void sl__print_conn(struct sl_print *t, const struct sl_conn_info *info, bool extended)
{
	bool v6 = info->tuple[SL_ORIGINAL].family == SL_IPV6;

	if (extended)
		sl__print_printf(t, "%-8s %u ", v6 ? "ipv6" : "ipv4", v6 ? 10 : 2);
	put_head(t, info, true);
	put_tuples(t, info, true);
	sl__print_printf(t, "mark=%u ", info->mark);
	put_zone(t, info);
	if (info->helper)
		sl__print_printf(t, "helper=%s ", info->helper);
	sl__print_printf(t, "use=1 ");
	end_line(t);
}

static void put_mask(struct sl_print *t, const struct sl_expect_info *info)
{
	struct sl_tuple mask = info->mask;

	mask.family = info->tuple.family;
	mask.proto = info->tuple.proto;
	put_tuple(t, "mask-", &mask);
}

void sl__print_expect(struct sl_print *t, const struct sl_expect_info *info)
{
	sl__print_printf(t, "%u proto=%u ", info->timeout, info->tuple.proto);
	put_tuple(t, "", &info->tuple);
	put_mask(t, info);
	put_tuple(t, "master-", &info->master);
	if (info->zone)
		sl__print_printf(t, "zone=%u ", info->zone);
	if (info->flags & SL_EXPECT_PERMANENT)
		sl__print_printf(t, "PERMANENT ");
	if (info->flags & SL_EXPECT_INACTIVE)
		sl__print_printf(t, "INACTIVE ");
	if (info->flags & SL_EXPECT_USERSPACE)
		sl__print_printf(t, "USERSPACE ");
	sl__print_printf(t, "class=%u ", info->class_id);
	if (info->helper)
		sl__print_printf(t, "helper=%s ", info->helper);
	end_line(t);
}

static void put_reason(struct sl_print *t, const struct sl_event *event)
{
	if (event->why != SL_WHY_NONE)
		sl__print_printf(t, "reason=%s ", sl_reason_name(event->why));
	if (event->beyond != SL_BEYOND_NONE)
		sl__print_printf(t, "beyond=%s ", sl_beyond_name(event->beyond));
}

void sl__print_conn_event(
        struct sl_print *t, const struct sl_event *event, const struct sl_conn_info *info)
{
	bool ends = event->type == SL_EVENT_DESTROY;

	sl__print_printf(t, "%9s ",
	        event->type == SL_EVENT_NEW ? "[NEW]"
	        : ends                      ? "[DESTROY]"
	                                    : "[UPDATE]");
	put_head(t, info, event->type == SL_EVENT_NEW || ends || event->state_changed);
	put_tuples(t, info, ends);
	if (info->mark)
		sl__print_printf(t, "mark=%u ", info->mark);
	put_zone(t, info);
	if (info->helper && !ends)
		sl__print_printf(t, "helper=%s ", info->helper);
	put_reason(t, event);
	end_line(t);
}

void sl__print_expect_event(
        struct sl_print *t, const struct sl_event *event, const struct sl_expect_info *info)
{
	sl__print_printf(t, "%9s ", event->type == SL_EVENT_EXPECT_NEW ? "[NEW]" : "[DESTROY]");
	sl__print_expect(t, info);
	t->len--;
	sl__print_put(t, " ", 1);
	put_reason(t, event);
	end_line(t);
}
