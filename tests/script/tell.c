/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events, connections and expectations as a line of words, and whether a line has what a script
 * says. A line, all of which may be asked for:
 *
 *   NEW tcp 10.0.0.2:40000 > 198.51.100.7:21 reply 198.51.100.7:21 > 203.0.113.1:40000
 *   SYN_SENT SRC_NAT CONFIRMED ... timeout 120 helper ftp mark 0 zone 0 packets 1/0 bytes 60/0
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

#define TOLD_MAX 1200

static void add(char *told, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(char *told, const char *format, ...)
{
	size_t n = strlen(told);
	va_list args;

	va_start(args, format);
	vsnprintf(told + n, TOLD_MAX - n, format, args);
	va_end(args);
}

static char *fresh(const char *format, const char *text)
{
	char *told = calloc(1, TOLD_MAX);

	if (!told)
		abort();
	snprintf(told, TOLD_MAX, format, text);
	return told;
}

static bool is_icmp(const struct sl_tuple *t)
{
	return t->proto == SL_PROTO_ICMP || t->proto == SL_PROTO_ICMPV6;
}

static void tell_end(
        char *out, size_t size, const struct sl_addr *addr, uint16_t port, uint8_t family)
{
	char text[SL_ADDR_TEXT];

	sl_addr_text(addr, (enum sl_family)family, text);
	if (!port)
		snprintf(out, size, "%s", text);
	else
		snprintf(out, size, family == SL_IPV6 ? "[%s]:%u" : "%s:%u", text, port);
}

void tell_tuple(const struct sl_tuple *t, char out[160])
{
	char src[64], dst[64];

	tell_end(src, sizeof(src), &t->src, is_icmp(t) ? 0 : t->sport, t->family);
	tell_end(dst, sizeof(dst), &t->dst, is_icmp(t) ? 0 : t->dport, t->family);
	snprintf(out, 160, "%s > %s", src, dst);
	if (is_icmp(t))
		snprintf(out + strlen(out), 160 - strlen(out), " id %u type %u", t->sport,
		        t->dport >> 8);
}

static void tell_status(char *told, uint32_t status)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {{SL_EXPECTED, "EXPECTED"}, {SL_SEEN_REPLY, "SEEN_REPLY"},
	        {SL_ASSURED, "ASSURED"}, {SL_CONFIRMED, "CONFIRMED"}, {SL_SRC_NAT, "SRC_NAT"},
	        {SL_DST_NAT, "DST_NAT"}, {SL_SEQ_ADJUST, "SEQ_ADJUST"}, {SL_DYING, "DYING"},
	        {SL_FIXED_TIMEOUT, "FIXED_TIMEOUT"}, {SL_HELPER, "HELPER"},
	        {SL_OFFLOAD, "OFFLOAD"}};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (status & names[i].bit)
			add(told, " %s", names[i].name);
}

static void add_conn(char *told, struct sl_engine *engine, const struct sl_conn *conn)
{
	struct sl_conn_info i;
	char proto[4], tuple[160];

	sl_conn_info(engine, conn, &i);
	tell_tuple(&i.tuple[0], tuple);
	add(told, " %s %s", sl_proto_text(i.tuple[0].proto, proto), tuple);
	tell_tuple(&i.tuple[1], tuple);
	add(told, " reply %s", tuple);
	if (i.state)
		add(told, " %s", i.state);
	tell_status(told, i.status);
	add(told, " timeout %u mark %u zone %u packets %llu/%llu bytes %llu/%llu", i.timeout,
	        i.mark, i.zone, (unsigned long long)i.packets[0], (unsigned long long)i.packets[1],
	        (unsigned long long)i.bytes[0], (unsigned long long)i.bytes[1]);
	if (i.helper)
		add(told, " helper %s", i.helper);
	if (i.has_master) {
		tell_tuple(&i.master, tuple);
		add(told, " master %s", tuple);
	}
}

static void add_expect(char *told, struct sl_engine *engine, const struct sl_expect *expect)
{
	struct sl_expect_info i;
	char proto[4], tuple[160];

	sl_expect_info(engine, expect, &i);
	tell_tuple(&i.tuple, tuple);
	add(told, " %s %s class %u timeout %u zone %u", sl_proto_text(i.tuple.proto, proto), tuple,
	        i.class_id, i.timeout, i.zone);
	if (i.helper)
		add(told, " helper %s", i.helper);
	if (i.flags & SL_EXPECT_PERMANENT)
		add(told, " PERMANENT");
	if (i.flags & SL_EXPECT_INACTIVE)
		add(told, " INACTIVE");
	tell_tuple(&i.master, tuple);
	add(told, " master %s", tuple);
}

char *tell_event(struct sl_engine *engine, const struct sl_event *e)
{
	static const char *const types[] = {
	        "?", "NEW", "UPDATE", "DESTROY", "EXPECT_NEW", "EXPECT_DESTROY", "LOG"};
	char *told = fresh("%s", types[e->type <= SL_EVENT_LOG ? e->type : 0]);

	if (e->expect)
		add_expect(told, engine, e->expect);
	else if (e->conn)
		add_conn(told, engine, e->conn);
	if (e->why != SL_WHY_NONE)
		add(told, " reason %s", sl_reason_name(e->why));
	if (e->beyond)
		add(told, " beyond %s", sl_beyond_name(e->beyond));
	return told;
}

char *tell_conn(struct sl_engine *engine, const struct sl_conn *conn)
{
	char *told = fresh("%s", "conn");

	add_conn(told, engine, conn);
	return told;
}

char *tell_expect(struct sl_engine *engine, const struct sl_expect *expect)
{
	char *told = fresh("%s", "expect");

	add_expect(told, engine, expect);
	return told;
}

const char *tell_verdict(unsigned verdict)
{
	static const char *const names[] = {
	        "none", "accept", "drop", "queued", "held", "taken", "handover"};

	return verdict < 7 ? names[verdict] : "?";
}

const char *tell_state(unsigned state)
{
	static const char *const names[] = {
	        "none", "INVALID", "UNTRACKED", "NEW", "ESTABLISHED", "RELATED"};

	return state < 6 ? names[state] : "?";
}

int find_reason(const char *name)
{
	for (int i = 0; i < SL_WHY_COUNT; i++)
		if (!strcmp(sl_reason_name((enum sl_reason)i), name))
			return i;
	return -1;
}

/* Words that stand together: `timeout 30`, `reply A > B`. */
static void gather(struct line *words, char *needle, size_t size)
{
	static const char *const pairs[] = {"timeout", "mark", "zone", "packets", "bytes", "helper",
	        "class", "reason", "beyond", "id", "type", "reply", "master"};
	struct word *w = words_next(words);

	snprintf(needle, size, "%s", w->text);
	for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (!strcmp(w->text, pairs[i]) && !words_end(words))
			snprintf(needle + strlen(needle), size - strlen(needle), " %s",
			        words_next(words)->text);
	while (!words_end(words) && words->at + 1 < words->n &&
	        !strcmp(words->word[words->at].text, ">")) {
		words_next(words);
		snprintf(needle + strlen(needle), size - strlen(needle), " > %s",
		        words_next(words)->text);
	}
}

static bool has_words(const char *told, const char *needle)
{
	size_t n = strlen(needle);

	for (const char *at = strstr(told, needle); at; at = strstr(at + 1, needle))
		if ((at == told || at[-1] == ' ') && (at[n] == 0 || at[n] == ' '))
			return true;
	return false;
}

const char *tell_has(const char *told, struct line *words)
{
	static char missing[400];

	while (!words_end(words)) {
		gather(words, missing, sizeof(missing));
		if (missing[0] == '!' ? has_words(told, missing + 1) : !has_words(told, missing))
			return missing;
	}
	return NULL;
}
