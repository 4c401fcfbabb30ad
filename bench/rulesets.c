/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What rules cost a packet of an established connection: rules that do not match before the one
 * that accepts, and the usual filter, which accepts what is established first. And a chain of
 * disjoint prefixes or ports: asked for every packet where a counter stands in front of it (by the index of such
 * rows), else remembered for the connection. And how long 100,000 elements of a set take to be read.
 */
#include "bench/bench.h"

#include <stdlib.h>

#include <sluice/rules.h>

static struct lane lane;

static char *ruleset(unsigned rules, bool established_first)
{
	size_t room = 1000 + rules * 100u, at;
	char *text = malloc(room);

	if (!text)
		exit(1);
	at = (size_t)snprintf(text, room,
	        "table inet filter {\n\tchain forward {\n\t\ttype filter hook forward priority 0; "
	        "policy accept;\n");
	if (established_first)
		at += (size_t)snprintf(
		        text + at, room - at, "\t\tct state established,related accept\n");
	for (unsigned i = 0; i < rules; i++)
		at += (size_t)snprintf(text + at, room - at,
		        "\t\tip saddr 192.0.%u.%u udp dport %u drop\n", i / 250, i % 250 + 1,
		        1000 + i);
	snprintf(text + at, room - at,
	        "\t}\n}\ntable ip nat {\n\tchain post {\n\t\ttype nat hook postrouting priority "
	        "100;\n"
	        "\t\toifname \"out0\" masquerade\n\t}\n}\n");
	return text;
}

static const char *if_name(void *ctx, uint32_t index)
{
	(void)ctx;
	return index == 2 ? "out0" : "in0";
}

static void complain(void *ctx, const char *text)
{
	(void)ctx;
	fputs(text, stderr);
}

/* Takes the text. */
static void measure_text(
        char *text, const char *what, const char *more, uint32_t flows, unsigned fewer)
{
	struct load load = {SL_PROTO_UDP, false, true, false, flows};
	struct memory memory = {0};
	struct sl_rules_env rules_env = {
	        .mem = memory_of(&memory), .if_name = if_name, .report = complain};
	struct sl_env env = {.mem = memory_of(&memory), .route = bench_route, .seed = {7}};
	uint32_t packets = options.packets / fewer;
	double value[RUNS_MAX];
	struct sl_rules *read;
	struct sl_config config;
	struct sl_engine *e;
	struct figure f;
	size_t len = 0;

	while (text[len])
		len++;
	read = sl_rules_read(&rules_env, "bench", text, len);
	sl_config_init(&config);
	config.table_max = flows + 16;
	config.policy = &sl_rules_policy;
	config.policy_ctx = read;
	e = read ? sl_engine_create(&config, &env) : NULL;
	if (!e)
		exit(1);
	open_all(&load, e, &lane);
	for (unsigned run = 0; run < options.runs; run++) {
		double idle = round_of(&load, &lane, NULL, NULL, SL_ORIGINAL, 256, packets);

		value[run] = round_of(&load, &lane, e, NULL, SL_ORIGINAL, 256, packets) - idle;
	}
	f = figure_of(value, options.runs);
	report(&f, "ns", floor_ns(flows), "%s%s%s, udp ipv4, %u flows", what, *more ? " " : "",
	        more, flows);
	sl_engine_destroy(e);
	sl_rules_destroy(read);
	memory_done(&memory);
	free(text);
}

static void measure(unsigned rules, bool established_first, uint32_t flows)
{
	char what[40];

	snprintf(what, sizeof what, "%u rules and snat", rules);
	measure_text(ruleset(rules, established_first), what,
	        established_first ? "behind ct state established accept" : "", flows,
	        rules > 100 && !established_first ? 20 : 2);
}

static const struct {
	const char *name, *first, *rule;
} chains[] = {{"prefixes, asked each time", "counter", "ip daddr 172.%u.%u.0/24 drop"},
        {"prefixes, remembered", "", "ip daddr 172.%u.%u.0/24 drop"},
        {"ports, asked each time", "counter", "udp dport %u%03u drop"},
        {"ports, remembered", "", "udp dport %u%03u drop"}};

static char *chain_of(unsigned kind, unsigned rules)
{
	bool ports = kind >= 2;
	size_t room = 1000 + rules * 60u, at;
	char *text = malloc(room);

	if (!text)
		exit(1);
	at = (size_t)snprintf(text, room,
	        "table ip nat {\nchain post {\ntype nat hook postrouting priority "
	        "100;\nmasquerade\n}\n}\ntable ip filter {\nchain forward {\ntype filter hook "
	        "forward priority 0;\n%s\n",
	        chains[kind].first);
	for (unsigned i = 0; i < rules; i++) {
		at += (size_t)snprintf(text + at, room - at, chains[kind].rule,
		        ports ? 50 + i / 1000 : i >> 8, ports ? i % 1000 : i & 255);
		text[at++] = '\n';
	}
	snprintf(text + at, room - at, "}\n}\n");
	return text;
}

/* 100,000 addresses, or prefixes. */
static void measure_set(bool intervals)
{
	struct memory memory = {0};
	struct sl_rules_env env = {.mem = memory_of(&memory), .report = complain};
	const unsigned count = 100000;
	double value[RUNS_MAX];
	size_t room = 200 + count * 20u, at;
	char *text = malloc(room);
	struct figure f;

	if (!text)
		exit(1);
	at = (size_t)snprintf(text, room, "table ip t {\nset s {\ntype ipv4_addr\n%selements = { ",
	        intervals ? "flags interval\n" : "");
	for (unsigned i = 0; i < count; i++)
		at += (size_t)snprintf(text + at, room - at, "%u.%u.%u.0%s, ",
		        1 + (i * 7919u % count) / 65536, i * 7919u % count / 256 % 256,
		        i * 7919u % count % 256, intervals ? "/24" : "");
	at += (size_t)snprintf(text + at, room - at, "}\n}\n}\n");
	for (unsigned run = 0; run < options.runs; run++) {
		double start = cpu_seconds();
		struct sl_rules *r = sl_rules_read(&env, "bench", text, at);

		value[run] = (cpu_seconds() - start) * 1000;
		if (!r)
			exit(1);
		sl_rules_destroy(r);
	}
	f = figure_of(value, options.runs);
	report(&f, "ms", 0, "a set of 100000 %s is read", intervals ? "prefixes" : "addresses");
	memory_done(&memory);
	free(text);
}

void bench_rules(void)
{
	section("rulesets");
	for (unsigned kind = 0; kind < sizeof chains / sizeof *chains; kind++)
		measure_text(chain_of(kind, 10000), "10000 rules in a chain, disjoint",
		        chains[kind].name, 16, 40);
	measure_set(false);
	measure_set(true);
	measure(0, false, 1000);
	measure(10, false, 1000);
	measure(1000, false, 1000);
	measure(1000, true, 1000);
	measure(1000, true, 100000);
}
