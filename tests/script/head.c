/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The head of a script: NAT, rules, helpers, routes, sizes.
 */
#include <stdlib.h>
#include <string.h>

#include "play.h"

/* ---- the head ---------------------------------------------------------------------------- */

static void add_text(char **rules, const char *text)
{
	size_t n = *rules ? strlen(*rules) : 0;

	*rules = realloc(*rules, n + strlen(text) + 2);
	if (!*rules)
		abort();
	sprintf(*rules + n, "%s\n", text);
}

void add_rules(struct setting *set, const char *text)
{
	add_text(&set->rules, text);
}

void add_later_rules(struct setting *set, const char *text)
{
	add_text(&set->later[set->later_n - 1], text);
}

static void nat_rules(struct setting *set, struct line *line, bool source)
{
	struct word *w = words_next(line);
	char text[400];
	const char *family = w && strchr(w->text, '[') ? "ip6" : "ip";

	if (!w)
		wrong(source ? "snat ADDRESS[:PORTS]" : "dnat FROM to ENDPOINT");
	if (source) {
		snprintf(text, sizeof(text),
		        "table %s s { chain p { type nat hook postrouting priority srcnat; oifname "
		        "\"out0\" meta l4proto { tcp, udp } snat to %s; }; }",
		        family, w->text);
	} else {
		struct endpoint from = words_endpoint(w->text);
		char addr[SL_ADDR_TEXT];

		if (!words_take(line, "to") || words_end(line))
			wrong("dnat FROM to ENDPOINT");
		snprintf(text, sizeof(text),
		        "table %s d { chain p { type nat hook prerouting priority dstnat; %s daddr "
		        "%s tcp dport %u dnat to %s; }; }",
		        family, family, sl_addr_text(&from.addr, (enum sl_family)from.family, addr),
		        from.port, words_next(line)->text);
	}
	add_rules(set, text);
}

/* route ADDR/LEN in|out|local|none|broadcast [connected] [mtu N] [mark N] */
static void route_setting(struct setting *set, struct line *line)
{
	struct route_rule *r = &set->routes[set->routes_n];
	struct word *w = words_next(line), *kind = words_next(line);
	char addr[64], *slash;
	enum sl_family family;

	if (!kind || set->routes_n == 16)
		wrong("route ADDRESS/LENGTH in|out|local|none|broadcast [mtu N]");
	snprintf(addr, sizeof(addr), "%s", w->text);
	slash = strchr(addr, '/');
	if (slash)
		*slash++ = 0;
	if (!sl_addr_parse(addr, &r->addr, &family))
		wrong("%s: not an address", addr);
	r->bits = slash ? (unsigned)atoi(slash) + (family == SL_IPV4 ? 96 : 0) : 128;
	r->kind = !strcmp(kind->text, "local")       ? SL_ROUTE_LOCAL
	          : !strcmp(kind->text, "none")      ? SL_ROUTE_NONE
	          : !strcmp(kind->text, "broadcast") ? SL_ROUTE_BROADCAST
	                                             : SL_ROUTE_FORWARD;
	r->out_if = !strcmp(kind->text, "in") ? IN0 : OUT0;
	if (words_take(line, "connected") && slash)
		r->prefix = (uint8_t)atoi(slash);
	if (words_take(line, "mtu"))
		r->mtu = (uint16_t)words_number(line, "an MTU");
	r->has_mark = words_take(line, "mark");
	if (r->has_mark)
		r->mark = (uint32_t)words_number(line, "a mark");
	set->routes_n++;
}

static void mtu_setting(struct setting *set, struct line *line)
{
	unsigned side = words_take(line, "in0") ? IN0 : OUT0;

	(void)words_take(line, "out0");
	set->mtu[side] = (uint16_t)words_number(line, "an MTU");
}

bool head_statement(struct player *p, struct line *line)
{
	struct setting *s = p->set;

	if (words_take(line, "masquerade"))
		s->masquerade = true;
	else if (words_take(line, "snat"))
		nat_rules(s, line, true);
	else if (words_take(line, "dnat"))
		nat_rules(s, line, false);
	else if (words_take(line, "route"))
		route_setting(s, line);
	else if (words_take(line, "table"))
		s->config.table_max = (uint32_t)words_number(line, "a size");
	else if (words_take(line, "expect-max"))
		s->config.expect_max = (uint32_t)words_number(line, "a size");
	else if (words_take(line, "stream-memory"))
		s->config.stream_memory = (uint32_t)words_number(line, "a size");
	else if (words_take(line, "fragment-memory"))
		s->config.fragment_memory = (uint32_t)words_number(line, "a size");
	else if (words_take(line, "count-hops"))
		s->config.forward_ttl = true;
	else if (words_take(line, "seed"))
		s->seed = (uint8_t)words_number(line, "a seed");
	else if (words_take(line, "one-shard"))
		s->one_shard = true;
	else if (words_take(line, "bytes-differ"))
		s->shared_bytes_differ = true;
	else if (words_take(line, "mtu"))
		mtu_setting(s, line);
	else if (words_take(line, "helper") && s->helpers_n < 8 && !words_end(line))
		snprintf(s->helpers[s->helpers_n++], 48, "%s", words_next(line)->text);
	else
		return false;
	if (p->started)
		wrong("settings stand before the first packet");
	return true;
}

void set_statement(struct player *p, struct line *line)
{
	struct word *name;

	if (p->started) {
		call_statement(p, STEP_TUNABLE, line);
		return;
	}
	name = words_next(line);
	if (!name || p->set->tunables_n == 32)
		wrong("set NAME VALUE");
	snprintf(p->set->tunables[p->set->tunables_n].name, 64, "%s", name->text);
	p->set->tunables[p->set->tunables_n++].value = (uint32_t)words_number(line, "a value");
}
