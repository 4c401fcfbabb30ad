/* SPDX-License-Identifier: BSD-2-Clause */
/* See account.h. Bytes of payloads are shown as in C, so that line ends are seen. */
#include "prog/account.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN = 1024 }; /* bytes of a payload that are shown at most */

static void tuple_end(const struct sl_tuple *t, bool src, char *out, size_t size)
{
	char addr[SL_ADDR_TEXT];
	unsigned port = src ? t->sport : t->dport;
	bool icmp = t->proto == SL_PROTO_ICMP || t->proto == SL_PROTO_ICMPV6;

	sl_addr_text(src ? &t->src : &t->dst, (enum sl_family)t->family, addr);
	if (icmp || (!t->sport && !t->dport))
		snprintf(out, size, "%s", addr);
	else if (!port)
		snprintf(out, size, "%s (any port)", addr);
	else
		snprintf(out, size, t->family == SL_IPV6 ? "[%s]:%u" : "%s:%u", addr, port);
}

static const char *tuple_text(const struct sl_tuple *t, char out[SL_VIEW_TEXT])
{
	char src[72], dst[72], proto[4], id[24] = "";

	tuple_end(t, true, src, sizeof(src));
	tuple_end(t, false, dst, sizeof(dst));
	if (t->proto == SL_PROTO_ICMP || t->proto == SL_PROTO_ICMPV6)
		snprintf(id, sizeof(id), " type %u id %u", t->dport >> 8, t->sport);
	snprintf(out, SL_VIEW_TEXT, "%s %s > %s%s", sl_proto_text(t->proto, proto), src, dst, id);
	return out;
}

/* How the translated connection looks on the other side; "" without translation. */
static const char *translated(const struct sl_conn_info *info, char out[SL_VIEW_TEXT])
{
	const struct sl_tuple *reply = &info->tuple[SL_REPLY];
	char end[72];

	out[0] = '\0';
	if (info->status & SL_SRC_NAT) {
		tuple_end(reply, false, end, sizeof(end));
		snprintf(out, SL_VIEW_TEXT, ", leaves as %s", end);
	}
	if (info->status & SL_DST_NAT) {
		size_t len = strlen(out);

		tuple_end(reply, true, end, sizeof(end));
		snprintf(out + len, SL_VIEW_TEXT - len, ", goes to %s", end);
	}
	return out;
}

static void begin(const struct sl_account *a)
{
	uint64_t since = a->ts > a->start ? a->ts - a->start : 0;

	if (a->packet)
		printf("%7llu", (unsigned long long)a->packet);
	else
		printf("%7s", "-");
	printf(" %5llu.%06llu  ", (unsigned long long)(since / 1000000000u),
	        (unsigned long long)(since / 1000u % 1000000u));
}

static void tell_new(struct sl_account *a, const struct sl_conn_info *info, uint64_t flow,
        uint64_t master)
{
	char tuple[SL_VIEW_TEXT], nat[SL_VIEW_TEXT];

	printf("connection %llu: %s%s", (unsigned long long)flow,
	        tuple_text(&info->tuple[SL_ORIGINAL], tuple), translated(info, nat));
	if (info->helper)
		printf(", helper %s", info->helper);
	if (info->has_master && a->met)
		printf("; fulfils expectation %llu of connection %llu", (unsigned long long)a->met,
		        (unsigned long long)master);
	else if (info->has_master)
		printf("; expected by connection %llu", (unsigned long long)master);
	putchar('\n');
	a->met = 0;
}

void sl__account_conn(struct sl_account *a, const struct sl_event *event,
        const struct sl_conn_info *info, uint64_t flow, uint64_t master)
{
	if (!a->on || event->type == SL_EVENT_UPDATE)
		return;
	begin(a);
	if (event->type == SL_EVENT_NEW)
		tell_new(a, info, flow, master);
	else
		printf("connection %llu ends: %s\n", (unsigned long long)flow,
		        sl_reason_text(event->why));
}

static void tell_expect(const struct sl_expect_info *info, uint64_t expect, uint64_t master)
{
	char tuple[SL_VIEW_TEXT];

	printf("expectation %llu of connection %llu (%s): %s, for %u s", (unsigned long long)expect,
	        (unsigned long long)master,
	        info->reason ? info->reason : info->helper ? info->helper : "made by a rule",
	        tuple_text(&info->tuple, tuple), info->timeout);
}

void sl__account_expect(struct sl_account *a, const struct sl_event *event,
        const struct sl_expect_info *info, uint64_t expect, uint64_t master)
{
	if (event->type == SL_EVENT_EXPECT_DESTROY && event->why == SL_WHY_MET)
		a->met = expect;
	if (!a->on || (event->type == SL_EVENT_EXPECT_DESTROY && event->why == SL_WHY_MET))
		return;
	begin(a);
	if (event->type == SL_EVENT_EXPECT_NEW)
		tell_expect(info, expect, master);
	else
		printf("expectation %llu ends unfulfilled: %s", (unsigned long long)expect,
		        sl_reason_text(event->why));
	putchar('\n');
}

/* Line by line, each on a line of its own. */
static void show_bytes(const char *title, const uint8_t *bytes, uint32_t len)
{
	uint32_t shown = len < SHOWN ? len : SHOWN;

	printf("%25s%-7s", "", title);
	for (uint32_t i = 0; i < shown; i++) {
		uint8_t c = bytes[i];

		if (c == '\r')
			printf("\\r");
		else if (c == '\n')
			printf("\\n");
		else if (c == '\\')
			printf("\\\\");
		else if (c >= 0x20 && c < 0x7f)
			putchar(c);
		else
			printf("\\x%02x", c);
		if (c == '\n' && i + 1 < shown)
			printf("\n%32s", "");
	}
	printf(shown < len ? " ...\n" : "\n");
}

static void tell_payload(const struct sl_account *a, const struct sl_outcome *o)
{
	begin(a);
	printf("payload of connection %llu changed, %u to %u bytes:\n", (unsigned long long)o->flow,
	        o->before_len, o->after_len);
	show_bytes("before", o->before, o->before_len);
	show_bytes("after", o->after, o->after_len);
}

static void tell_stopped(const struct sl_account *a, const struct sl_outcome *o)
{
	char what[SL_VIEW_TEXT], text[192];
	const char *why = sl__why_text(o, text);

	begin(a);
	printf("%s: %s\n", o->state == SL_CT_INVALID ? "INVALID" : sl__fate_text(o->fate),
	        sl__view_text(o->captured, what));
	if (why)
		printf("%25s%s\n", "", why);
}

void sl__account_packet(struct sl_account *a, const struct sl_outcome *o)
{
	char what[SL_VIEW_TEXT];

	a->met = 0;
	if (!a->on || !o->captured)
		return;
	if (o->fate == SL_FATE_DROPPED || o->fate == SL_FATE_HELD || o->state == SL_CT_INVALID)
		tell_stopped(a, o);
	for (unsigned i = 0; i < o->n_notes; i++) {
		begin(a);
		printf("connection %llu: %s\n", (unsigned long long)o->flow, o->notes[i]);
	}
	if (o->payload_changed)
		tell_payload(a, o);
	for (unsigned i = 0; i < o->n_back; i++) {
		begin(a);
		printf("sluice answers: %s\n", sl__view_text(&o->back[i].view, what));
	}
	if (o->wrong) {
		begin(a);
		printf("WRONG DELIVERY: %s\n", o->wrong);
	}
}

void sl__account_final(struct sl_account *a, const struct sl_conn_info *info, uint64_t flow,
        uint64_t master, bool first)
{
	char tuple[SL_VIEW_TEXT], nat[SL_VIEW_TEXT];

	if (!a->on)
		return;
	if (first)
		printf("\nThe connection table at the end\n");
	printf("%7llu  %s%s\n%9s%s%s%s", (unsigned long long)flow,
	        tuple_text(&info->tuple[SL_ORIGINAL], tuple), translated(info, nat), "",
	        info->state ? info->state : "", info->state ? ", " : "",
	        info->status & SL_ASSURED	? "assured" :
	        info->status & SL_SEEN_REPLY	? "replied" :
						  "unreplied");
	printf(", %llu packets %llu bytes there, %llu packets %llu bytes back",
	        (unsigned long long)info->packets[0], (unsigned long long)info->bytes[0],
	        (unsigned long long)info->packets[1], (unsigned long long)info->bytes[1]);
	if (info->helper)
		printf(", helper %s", info->helper);
	if (info->has_master)
		printf(", expected by connection %llu", (unsigned long long)master);
	printf(", %u s left\n", info->timeout);
}

void sl__account_final_expect(
        struct sl_account *a, const struct sl_expect_info *info, uint64_t expect, uint64_t master)
{
	if (!a->on)
		return;
	printf("%9s", "");
	tell_expect(info, expect, master);
	printf(" more; nobody came\n");
}
