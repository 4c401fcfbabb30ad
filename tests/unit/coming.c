/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is foreseen of a connection's packets: which rulesets allow its beginning to be a device's, and whether
 * what was promised holds. Random rulesets, in every chain that forwarded packets pass; each time a connection is
 * given to the device, or the engine says that its chains need not be asked again, they are asked all the same:
 * every packet that the device might let pass must be let pass, as it would have left the device, and nothing else be
 * done: no limit, log, mark or set may tell that it came; nor counters, once it is handed down for good.
 * Tests: src/rules/coming.c src/engine/foresee.c
 */
#include <sluice/rules.h>

#include "engine/foresee.h"
#include "rules/rules.h"
#include "tests/lib/must.h"
#include "tests/lib/unit.h"

/* ---- the device ---------------------------------------------------------------------------------- */

static struct device {
	struct sl_conn *conn;
	struct sl_rewrite way[2];
	bool opened, takes;
	struct sl_offload_counts counts; /* to be told once */
} device;

static bool open_flow(void *ctx, struct sl_conn *conn, uint64_t id,
        const struct sl_rewrite rewrite[2], const struct sl_opening *opening)
{
	(void)ctx, (void)id, (void)opening;
	device.conn = conn;
	device.opened = true;
	memcpy(device.way, rewrite, sizeof(device.way));
	return true;
}

static bool add(
        void *ctx, const struct sl_conn *conn, uint64_t id, const struct sl_rewrite rewrite[2])
{
	(void)ctx, (void)conn, (void)id, (void)rewrite;
	return device.takes;
}

static void remove_flow(void *ctx, uint64_t id)
{
	(void)ctx, (void)id;
}

static void poll_flow(void *ctx, uint64_t id, struct sl_offload_counts *out)
{
	(void)ctx, (void)id;
	*out = device.counts;
	device.counts = (struct sl_offload_counts){0};
}

static struct sl_offload operations = {
        .open = open_flow, .add = add, .remove = remove_flow, .poll = poll_flow};

/* ---- a ruleset and its engine ----------------------------------------------------------------------- */

static struct gateway g;
static struct sl_rules *rules;
static unsigned logged;
static bool quiet;

static void report(void *ctx, const char *text)
{
	(void)ctx;
	if (!quiet)
		fputs(text, stderr);
}

static const char *if_name(void *ctx, uint32_t index)
{
	(void)ctx;
	return index == 1 ? "in" : index == 2 ? "out" : NULL;
}

static void note_log(void *ctx, const struct sl_policy_view *view, const char *prefix)
{
	(void)ctx, (void)view, (void)prefix;
	logged++;
}

static bool begin(const char *text)
{
	struct sl_rules_env env = {.report = report, .if_name = if_name, .log = note_log};

	memset(&device, 0, sizeof(device));
	gateway_init(&g, false);
	g.env.offload = &operations;
	env.mem = (struct sl_mem){memory_get, memory_give, &g.memory};
	rules = sl_rules_read(&env, "text", text, strlen(text));
	if (!rules)
		return false;
	g.config.policy = &sl_rules_policy;
	g.config.policy_ctx = rules;
	gateway_start(&g);
	return true;
}

static void end(void)
{
	gateway_drain(&g);
	sl_engine_destroy(g.engine);
	g.engine = NULL;
	sl_rules_destroy(rules);
	MUST(g.memory.held == 0 && g.packets == 0);
}

/* ---- which rulesets ---------------------------------------------------------------------------------- */

#define OBJECTS                                                                                    \
	"set stays { type ipv4_addr; elements = { 10.0.0.2 }; }\n"                                 \
	"set moves { type ipv4_addr; size 10; flags dynamic,timeout; timeout 1m; }\n"              \
	"set counted { type ipv4_addr; counter; elements = { 10.0.0.2 }; }\n"                      \
	"counter k { }\n"                                                                          \
	"ct helper f { type \"ftp\" protocol tcp; }\n"                                             \
	"ct timeout t { protocol tcp; l3proto ip; policy = { established : 5 }; }\n"

/* Is it the device's from its SYN on; and for good: if it tells how much went by (COUNTED), or in any case? */
enum given { NOT, BEGUN, COUNTED, GIVEN };
/* clang-format off */
static const struct {
	const char *rules; /* the forward chain of an inet table, with policy drop */
	enum given given;
} rows[] = {
	{"ct state established,related accept; tcp dport 80 accept", GIVEN},
	{"ct state established,related accept; ct state invalid drop; tcp dport 80 counter log accept", GIVEN},
	{"ct state vmap { established : accept, related : accept, invalid : drop }; tcp dport { 80, 443 } accept", GIVEN},
	{"ct state new tcp dport 80 accept; ct state established accept", GIVEN},
	{"ct state new tcp dport 80 accept; ct state established ct direction original accept", NOT},
	{"tcp dport 80 accept", NOT},
	{"tcp dport 80 accept; tcp sport 80 accept", GIVEN},
	{"iifname \"in\" oifname \"out\" accept; iifname \"out\" ct state established accept", GIVEN},
	{"ip saddr 10.0.0.2 accept; ip daddr 10.0.0.2 accept", GIVEN},
	{"ip saddr @stays accept; ip daddr @stays accept", GIVEN},
	{"ip saddr 10.0.0.9 drop; accept", GIVEN},
	{"ip saddr 10.0.0.9 counter limit rate 1/second drop; accept", GIVEN}, /* of other connections */
	{"udp dport 53 limit rate 1/second accept; accept", GIVEN},
	{"icmp type echo-request limit rate 1/second accept; ip6 hoplimit 1 drop; accept", GIVEN},
	{"ct state established counter accept; accept", COUNTED},
	{"counter name \"k\" accept", COUNTED},
	{"counter; jump on", COUNTED},
	{"tcp flags & (fin|syn|rst|ack) == syn counter; accept", GIVEN},
	{"tcp flags & (fin|syn|rst|psh|ack|urg) == 0x0 drop; accept", GIVEN},
	{"tcp flags & (fin|syn) == (fin|syn) counter drop; accept", GIVEN},
	{"tcp flags & (syn|rst) == (syn|rst) log drop; accept", GIVEN},
	{"tcp flags psh ct state new log drop; accept", GIVEN},
	{"tcp flags & (fin|syn|rst|ack) != syn ct state new counter drop; accept", GIVEN},
	{"tcp flags fin counter; accept", GIVEN},
	{"tcp flags rst log; accept", NOT},
	{"tcp flags syn tcp option maxseg size set rt mtu; accept", NOT},
	{"tcp flags psh drop; accept", NOT},
	{"tcp flags psh counter; accept", BEGUN},
	{"tcp flags { syn, ack } accept", NOT},
	{"tcp flags vmap { syn : drop }; accept", NOT},
	{"ct state established limit rate 10/second accept; accept", NOT},
	{"ct state established quota 10 mbytes accept; accept", NOT},
	{"ct state established log accept; accept", NOT},
	{"ct state new log accept; accept", GIVEN},
	{"ct mark set 1 accept", NOT},
	{"ct state new ct mark set 1 accept; ct mark 1 accept", GIVEN},
	{"ct state new,related ct mark set 1 accept; ct mark 1 accept", NOT},
	{"ct state new jump marked; ct mark 2 accept", GIVEN},
	{"ct mark 1 drop; accept", GIVEN},
	{"ct mark 1 drop; ct state established accept; ct mark set 3 accept", NOT},
	{"meta mark 1 drop; accept", GIVEN},
	{"meta mark set 1 accept", NOT},
	{"ip ttl 1 drop; accept", NOT},
	{"meta length > 100 counter; accept", BEGUN},
	{"meta length > 100 drop; accept", NOT},
	{"ip saddr @moves drop; accept", NOT},
	{"ip saddr @counted accept", NOT},
	{"iifname \"none\" ip saddr @moves drop; accept", GIVEN},
	{"add @moves { ip saddr } accept", NOT},
	{"ct state new add @moves { ip saddr } accept; accept", GIVEN},
	{"ct status dnat drop; accept", GIVEN},
	{"ct status seen-reply accept; accept", NOT},
	{"ct status assured accept; accept", NOT},
	{"ct bytes > 1000 drop; accept", NOT},
	{"ct count over 9 drop; accept", NOT},
	{"ct state new ct count over 9 drop; accept", GIVEN},
	{"numgen inc mod 2 0 accept; accept", NOT},
	{"ct timeout set \"t\"; accept", GIVEN},
	{"reject with tcp reset; accept", NOT},
	{"ip saddr vmap { 10.0.0.2 : jump on }; accept", GIVEN},
	{"ip saddr vmap { 10.0.0.2 : jump loud }; accept", NOT},
	{"ip saddr vmap { 10.0.0.9 : jump loud }; accept", GIVEN},
	{"tcp dport 22 jump loud; goto on", GIVEN},
};
/* clang-format on */

static struct sl_tuple conn_tuple(bool udp)
{
	return tuple_of("10.0.0.2", 4000, "192.0.2.9", 80, udp ? SL_PROTO_UDP : SL_PROTO_TCP);
}

static enum given given(void)
{
	const struct sl_known_route *known = g.engine->known.route, *way[2];

	if (!device.opened)
		return NOT;
	for (unsigned dir = 0; dir < 2; dir++)
		way[dir] = &known[device.conn->route[dir]];
	if (!way[0]->held || !way[1]->held)
		return BEGUN;
	return way[0]->live && way[1]->live ? GIVEN : COUNTED;
}

static void which_rulesets(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct sl_tuple t = conn_tuple(false);
		const struct segment syn = {.seq = 1000, .flags = SL_SYN};
		char text[2048];

		snprintf(text, sizeof(text),
		        "table inet t {\n" OBJECTS "chain on { accept; }\nchain loud { log; accept; }\n"
		        "chain marked { ct mark set 2; }\n"
		        "chain forward { type filter hook forward priority 0; policy drop; %s; }\n}\n",
		        rows[i].rules);
		assert_true(begin(text));
		put_in_once(&g, make_segment(&g, &t, &syn));
		if (given() != rows[i].given)
			fail_msg("%s: %d, not %d", rows[i].rules, (int)given(), (int)rows[i].given);
		end();
	}
}

/* ---- random rulesets ------------------------------------------------------------------------------- */

static uint64_t dice = 88172645463325252u;

static unsigned below(unsigned n)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (unsigned)(dice >> 33) % n;
}

static bool one_in(unsigned n)
{
	return below(n) == 0;
}

/* clang-format off */
static const char *const matches[] = {
	"ct state established,related", "ct state established", "ct state new", "ct state { new, established }",
	"ct state != invalid", "ct state new,related", "ct direction original", "ct direction reply",
	"ct status dnat", "ct status snat", "ct status assured", "ct status seen-reply", "ct status ! dnat",
	"ct mark 1", "ct mark 0", "ct mark != 1", "meta mark 0", "meta mark 1", "iifname \"in\"",
	"oifname \"out\"", "iifname \"in\" oifname \"out\"", "iifname { \"out\", \"none\" }", "ip saddr 10.0.0.2",
	"ip saddr 10.0.0.0/8", "ip daddr 10.0.0.0/8", "ip daddr 192.0.2.9", "ip daddr != 192.0.2.9",
	"ip6 saddr 2001:db8:1::/48", "tcp dport 80", "tcp sport 80", "tcp dport { 22, 80 }", "tcp sport 1024-65535",
	"udp dport 80", "udp sport 80", "th dport 80", "th sport 80", "meta l4proto tcp", "meta l4proto { tcp, udp }",
	"ip protocol udp", "tcp flags syn", "tcp flags & (syn|ack) == syn", "tcp flags & (fin|syn|rst|ack) == ack",
	"tcp flags & (fin|syn|rst|ack) != syn", "tcp flags & (fin|rst) != 0", "tcp flags ack", "tcp flags psh",
	"tcp flags ! ack", "tcp flags { syn, ack }", "tcp flags & (syn|fin) == (syn|fin)", "tcp flags != syn",
	"tcp flags & (fin|syn|rst|psh|ack|urg) == 0x0", "tcp flags fin,rst",
	"tcp flags & syn == 0", "ip ttl 64", "ip ttl < 10", "ip dscp cs1", "meta length > 100", "ip length < 100",
	"tcp option maxseg size 1-2000", "ip saddr @stays", "ip daddr @moves", "ip saddr @counted",
	"ip saddr . tcp dport { 10.0.0.2 . 80, 10.0.0.9 . 22 }", "ct bytes > 200", "ct packets > 3",
	"fib saddr type unicast", "icmp type echo-request", "numgen random mod 2 0", "numgen inc mod 3 0",
	"ct original ip saddr 10.0.0.2", "meta l4proto tcp ct reply proto-src 80", "ip version 4", "ip hdrlength 5", "ip6 nexthdr tcp",
	"@th,16,16 80", "@nh,8,8 0", "tcp option sack-perm exists", "tcp option timestamp missing", "exthdr frag missing",
	"ip option rr missing", "tcp window > 1000", "ct expiration > 10", "ct zone 0",
};
static const char *const effects[] = {
	"counter", "counter", "counter", "counter name \"k\"", "limit rate 5/second", "limit rate over 100/second",
	"quota over 1 mbytes", "log", "meta mark set 1", "ct mark set 1", "add @moves { ip saddr }",
	"update @moves { ip daddr }", "tcp option maxseg size set 1000", "ip dscp set cs1", "ip ttl set 9",
	"ct count over 2", "ct timeout set \"t\"",
};
static const char *const verdicts[] = {
	"accept", "accept", "accept", "accept", "accept", "drop", "return", "continue", "jump a", "jump b", "goto b",
	"reject", "", "", "ct state vmap { established : accept, new : jump a }",
	"ct state vmap { established : jump b, related : drop, invalid : drop }", "tcp dport vmap { 80 : accept, 22 : drop }",
	"meta l4proto vmap { tcp : jump a, udp : accept }", "tcp flags vmap { syn : drop, ack : accept }",
	"iifname vmap { \"in\" : jump b, \"out\" : accept }",
};
/* clang-format on */
#define PICK(list) list[below(sizeof(list) / sizeof(*list))]

static void put_rule(char *text, size_t size)
{
	size_t at = strlen(text);

	for (unsigned n = below(3); n; n--)
		at += (size_t)snprintf(text + at, size - at, "%s ", PICK(matches));
	if (one_in(4))
		at += (size_t)snprintf(text + at, size - at, "%s ", PICK(effects));
	snprintf(text + at, size - at, "%s", PICK(verdicts));
}

static void put_chain(char *text, size_t size, const char *head, unsigned most, bool jumps)
{
	size_t at = strlen(text);

	at += (size_t)snprintf(text + at, size - at, "%s\n", head);
	for (unsigned n = below(most + 1); n; n--) {
		char rule[512] = "";

		do {
			rule[0] = 0;
			put_rule(rule, sizeof(rule));
		} while (!rule[0] || (!jumps && (strstr(rule, "jump") || strstr(rule, "goto"))));
		at += (size_t)snprintf(text + at, size - at, "  %s\n", rule);
	}
	snprintf(text + at, size - at, "}\n");
}

static void make_ruleset(char *text, size_t size)
{
	static const char *const bases[] = {
	        "filter hook prerouting priority raw", "filter hook prerouting priority mangle",
	        "filter hook prerouting priority -50", "filter hook postrouting priority mangle",
	        "filter hook postrouting priority 200", "filter hook postrouting priority 310"};
	char head[128];

	snprintf(text, size, "table inet t {\n" OBJECTS);
	put_chain(text, size, "chain b {", 3, false);
	put_chain(text, size, "chain a {", 3, false);
	for (unsigned i = 0; i < sizeof(bases) / sizeof(*bases); i++) {
		if (!one_in(3))
			continue;
		snprintf(head, sizeof(head), "chain base%u { type %s; policy accept;", i, bases[i]);
		put_chain(text, size, head, 2, true);
	}
	snprintf(head, sizeof(head), "chain forward { type filter hook forward priority 0; policy %s;",
	        one_in(3) ? "drop" : "accept");
	put_chain(text, size, head, 6, true);
	if (one_in(2))
		put_chain(text, size,
		        "chain nat { type nat hook postrouting priority srcnat; snat ip to 203.0.113.1", 0, false);
	if (one_in(4))
		put_chain(text, size,
		        "chain dnat { type nat hook prerouting priority dstnat; iifname \"in\" dnat ip to 192.0.2.77", 0,
		        false);
	strncat(text, "}\n", size - strlen(text) - 1);
}

/* ---- what the rules remember --------------------------------------------------------------------------- */

static uint64_t mix(uint64_t sum, const void *bytes, size_t len)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ b[i]) * 0x100000001b3u;
	return sum;
}

/* All that a statement changes as it is passed. */
static uint64_t sum_state(uint64_t sum, const struct sl__stateful *s, bool counters)
{
	switch (s->kind) {
	case ST_COUNTER:
		return counters ? mix(sum, &s->counter, sizeof(s->counter)) : sum;
	case ST_LIMIT:
		return mix(mix(sum, &s->limit.last, 8), &s->limit.tokens, 8);
	case ST_QUOTA:
		return mix(sum, &s->quota.used, 8);
	case ST_CT_COUNT:
		return mix(sum, &s->conncount.used, sizeof(s->conncount.used));
	}
	return sum;
}

static uint64_t sum_expr(uint64_t sum, const struct sl__expr *e)
{
	return e && e->kind == EX_FIELD ? mix(sum, &e->expires, 8) : sum; /* numgen inc */
}

static uint64_t sum_set(uint64_t sum, const struct sl__set *set)
{
	sum = mix(sum, &set->count, sizeof(set->count));
	for (uint32_t i = 0; i < set->slot_count; i++) {
		const struct sl__expr *e = set->slots[i].elem;

		if (!e)
			continue;
		sum = mix(mix(sum, &i, 4), &e->expires, 8);
		for (const struct sl__stateful *s = e->each; s; s = s->next)
			sum = sum_state(sum, s, true);
	}
	return sum;
}

static uint64_t remembered(bool counters)
{
	uint64_t sum = mix(1469598103934665603u, &logged, sizeof(logged));

	sum = mix(sum, &rules->random, sizeof(rules->random));
	for (struct sl__table *t = rules->tables; t; t = t->next) {
		for (struct sl__set *set = t->sets; set; set = set->next)
			sum = sum_set(sum, set);
		for (struct sl__object *o = t->objects; o; o = o->next)
			sum = sum_state(sum, &o->state, counters);
		for (struct sl__chain *c = t->chains; c; c = c->next)
			for (struct sl__rule *rule = c->rules; rule; rule = rule->next)
				for (struct sl__stmt *s = rule->stmts; s; s = s->next)
					sum = sum_expr(sum_state(sum, &s->state, counters), s->a);
	}
	return sum;
}

/* The counters of rules and objects, in one order. */
enum { COUNTERS = 256 };

static unsigned read_counters(struct sl__counter *out)
{
	unsigned n = 0;

	for (struct sl__table *t = rules->tables; t; t = t->next) {
		for (struct sl__object *o = t->objects; o; o = o->next)
			if (o->state.kind == ST_COUNTER)
				out[n++] = o->state.counter;
		for (struct sl__chain *c = t->chains; c; c = c->next)
			for (struct sl__rule *rule = c->rules; rule; rule = rule->next)
				for (struct sl__stmt *s = rule->stmts; s; s = s->next)
					if (s->kind == ST_COUNTER)
						out[n++] = s->state.counter;
	}
	MUST(n <= COUNTERS);
	return n;
}

/* A packet was counted; if its number and length are told instead, are the same counters so much higher? */
static bool sums_are_alike(const struct sl__counter *before, struct sl_conn *conn, enum sl_dir dir, uint32_t len)
{
	struct sl__counter after[COUNTERS], again[COUNTERS];
	unsigned n = read_counters(after);

	sl__foreseen_came(g.engine, conn, dir, 1, len);
	read_counters(again);
	for (unsigned i = 0; i < n; i++)
		if (after[i].packets - before[i].packets != again[i].packets - after[i].packets ||
		        after[i].bytes - before[i].bytes != again[i].bytes - after[i].bytes)
			return false;
	return true;
}

/* ---- a connection ------------------------------------------------------------------------------------------ */

static struct talk {
	bool udp;
	uint32_t next[2]; /* sequence numbers */
	bool over;
	unsigned n; /* packets so far */
} talk;

static struct tally {
	unsigned opened, for_good, kept, plain, counted;
} tally;

static struct sl_conn *the_conn(void)
{
	struct sl_tuple t = conn_tuple(talk.udp);
	enum sl_dir dir;
	struct sl_conn *conn = sl_conn_find(g.engine, &t, 0, &dir);

	MUST(conn);
	return conn;
}

/* Its packet as that side sends it: what is translated has the addresses that it sees. */
static struct sl_tuple tuple_in(enum sl_dir dir)
{
	struct sl_tuple reply;

	if (dir == SL_ORIGINAL)
		return conn_tuple(talk.udp);
	sl__conn_tuple(the_conn(), SL_REPLY, &reply);
	return reply;
}

/* The next in order, with what is free in it at random. */
static struct sl_packet next_packet(enum sl_dir dir, bool *plain)
{
	const struct sl_tuple t = tuple_in(dir);
	struct segment s = {.seq = talk.next[dir], .ack = talk.next[!dir], .flags = SL_ACK};
	struct sl_packet p;

	*plain = true;
	if (!talk.udp && talk.n == 1) {
		s.flags |= SL_SYN;
	} else if (!talk.udp && talk.n > 2) {
		s.len = one_in(2) ? below(200) : 0;
		s.flags |= (uint8_t)((one_in(2) ? SL_PSH : 0) | (one_in(4) ? SL_CWR : 0) | (one_in(4) ? SL_ECE : 0));
		talk.over = one_in(8);
		s.flags |= talk.over ? one_in(2) && !s.len ? SL_RST : SL_FIN : 0;
	}
	*plain = !(s.flags & (SL_SYN | SL_FIN | SL_RST));
	p = talk.udp ? make_datagram(&g, &t, NULL, below(200)) : make_segment(&g, &t, &s);
	talk.next[dir] += s.len + ((s.flags & (SL_SYN | SL_FIN)) != 0);
	p.data[8] = (uint8_t)(one_in(2) ? 64 : 2 + below(9));
	p.data[1] = (uint8_t)(one_in(2) ? 0 : below(64) << 2);
	fix_sums(&p);
	return p;
}

/* Has it become what the device would have made of it? */
static bool left_rightly(const uint8_t *came, const struct sl_packet *p, const struct sl_rewrite *way)
{
	const unsigned sum = talk.udp ? 26 : 36;
	struct sl_parsed parsed;

	if (p->verdict != SL_ACCEPT || p->mark != way->mark || p->out_if != way->out_if ||
	        sl__parse(p, &parsed) != SL_WHY_NONE)
		return false;
	for (unsigned i = 0; i < p->len; i++)
		if (came[i] != p->data[i] && !(i >= 10 && i < 24) && i != sum && i != sum + 1)
			return false;
	return sl_tuple_eq(&parsed.tuple, &way->become);
}

static const char *broken(struct sl_packet *p, const uint8_t *came, enum sl_dir dir, uint64_t before, bool counters,
        uint32_t mark)
{
	struct sl_rewrite way = {.become = tuple_in(!dir), .mark = 0, .out_if = dir ? 1 : 2};
	struct sl_tuple other = way.become;

	MUST(sl__tuple_invert(&other, &way.become));
	if (device.opened && (!sl_tuple_eq(&device.way[dir].become, &way.become) ||
	                             device.way[dir].out_if != way.out_if))
		return "the device has another way";
	if (!left_rightly(came, p, &way))
		return "it does not leave as it should";
	if (remembered(counters) != before)
		return "the rules remember it";
	if (the_conn()->mark != mark)
		return "the connection is marked";
	return NULL;
}

/* False: it went no further. */
static bool say(enum sl_dir dir, const char *text)
{
	struct sl_conn *conn = the_conn();
	const struct sl_known_route *way = &g.engine->known.route[conn->route[dir]];
	bool plain, known, counters, promised, summed;
	struct sl__counter numbers[COUNTERS];
	struct sl_packet p = next_packet(dir, &plain);
	uint8_t came[512];
	const char *wrong;
	uint32_t mark = conn->mark;
	uint64_t before;

	known = way->live;
	counters = known && plain;
	summed = way->held && way->counted && plain;
	promised = counters || summed || device.opened;
	read_counters(numbers);
	before = remembered(counters);
	MUST(p.len <= sizeof(came));
	memcpy(came, p.data, p.len);
	put_in(&g, &p);
	if (promised) {
		wrong = broken(&p, came, dir, before, counters, mark);
		if (wrong)
			fail_msg("%s: packet %u, direction %d, %d %d\n%s", wrong, talk.n, (int)dir, known,
			        device.opened, text);
		if (summed && !sums_are_alike(numbers, conn, dir, p.len))
			fail_msg("sums differ: packet %u, direction %d\n%s", talk.n, (int)dir, text);
		tally.counted += summed;
		tally.kept++;
		tally.plain += counters;
	}
	talk.n++;
	if (p.verdict != SL_ACCEPT) {
		packet_free(&g, &p);
		return false;
	}
	packet_free(&g, &p);
	return true;
}

static void converse(const char *text)
{
	struct sl_tuple t = conn_tuple(talk.udp);
	const struct segment syn = {.seq = 1000, .flags = SL_SYN};

	talk.next[0] = 1001;
	talk.next[1] = 5000;
	talk.over = false;
	talk.n = 1;
	if (put_in_once(&g, talk.udp ? make_datagram(&g, &t, NULL, 10) : make_segment(&g, &t, &syn)) != SL_ACCEPT)
		return;
	tally.opened += device.opened;
	tally.for_good += given() == GIVEN;
	for (unsigned i = 0; i < 14 && !talk.over; i++) {
		g.now += 100 * MS;
		if (!say(talk.n == 1 ? SL_REPLY : talk.n == 2 ? SL_ORIGINAL : (enum sl_dir)below(2), text))
			return;
	}
}

static void what_was_promised(void **unused)
{
	static char text[16384];

	(void)unused;
	for (unsigned i = 0; i < 4000; i++) {
		make_ruleset(text, sizeof(text));
		talk.udp = one_in(4);
		quiet = true;
		if (!begin(text)) /* rules that mean nothing at their hook, or nowhere: 1 of 5 */
			continue;
		g.engine->long_way = true; /* whatever is known, chains are asked */
		converse(text);
		end();
	}
	assert_true(tally.opened > 200 && tally.for_good > 80 && tally.kept > 2000 && tally.plain > 500 && tally.counted > 300);
}

/* What the device forwarded is in the counters of the rules that would have seen it, at the latest when it ends. */
static void counted_below(void **unused)
{
	const struct sl_tuple t = conn_tuple(false);
	const struct segment syn = {.seq = 1000, .flags = SL_SYN};
	struct sl__counter before[COUNTERS], after[COUNTERS];

	(void)unused;
	assert_true(begin("table inet t {\ncounter k { }\n"
	                  "chain forward { type filter hook forward priority 0; policy drop;\n"
	                  "ct direction reply counter\nct state established counter name \"k\" accept\n"
	                  "counter accept\n}\n}\n"));
	talk = (struct talk){.n = 1, .next = {1001, 5000}};
	put_in_once(&g, make_segment(&g, &t, &syn));
	assert_int_equal(given(), COUNTED);
	assert_true(say(SL_REPLY, "") && say(SL_ORIGINAL, ""));
	device.takes = true;
	assert_true(sl_offload_offer(g.engine, device.conn));
	assert_int_equal(read_counters(before), 3); /* k, replies, what is new */
	device.counts = (struct sl_offload_counts){.packets = {7, 5}, .bytes = {700, 5000}};
	sl_offload_poll(g.engine, device.conn);
	device.counts = (struct sl_offload_counts){.packets = {0, 1}, .bytes = {0, 40}};
	sl_routes_changed(g.engine);
	sl_conn_kill(g.engine, device.conn, SL_WHY_FLUSHED);
	read_counters(after);
	assert_int_equal(after[0].packets - before[0].packets, 13);
	assert_int_equal(after[0].bytes - before[0].bytes, 5740);
	assert_int_equal(after[1].packets - before[1].packets, 6);
	assert_int_equal(after[1].bytes - before[1].bytes, 5040);
	assert_int_equal(after[2].packets, before[2].packets);
	end();
}

/* Each piece is one that is read, or nothing would be tried. */
static void pieces_are_read(void **unused)
{
	char text[2048];

	(void)unused;
	quiet = false;
	for (size_t i = 0; i < sizeof(matches) / sizeof(*matches) + sizeof(effects) / sizeof(*effects); i++) {
		const size_t n = sizeof(matches) / sizeof(*matches);

		snprintf(text, sizeof(text),
		        "table inet t {\n" OBJECTS "chain f { type filter hook forward priority 0; %s; }\n}\n",
		        i < n ? matches[i] : effects[i - n]);
		if (!begin(text))
			fail_msg("%s", text);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(which_rulesets),
	        cmocka_unit_test(pieces_are_read),
	        cmocka_unit_test(counted_below),
	        cmocka_unit_test(what_was_promised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
