/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What rules cost a packet of an established connection: rules that do not match before the one
 * that accepts, and the usual filter, which accepts what is established first.
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

static void measure(unsigned rules, bool established_first, uint32_t flows)
{
	struct load load = {SL_PROTO_UDP, false, true, false, flows};
	struct memory memory = {0};
	struct sl_rules_env rules_env = {
	        .mem = memory_of(&memory), .if_name = if_name, .report = complain};
	struct sl_env env = {.mem = memory_of(&memory), .route = bench_route, .seed = {7}};
	uint32_t packets = options.packets / (rules > 100 && !established_first ? 20 : 2);
	char *text = ruleset(rules, established_first);
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
	report(&f, "ns", floor_ns(flows), "%u rules%s, udp ipv4 snat, %u flows", rules,
	        established_first ? " behind ct state established accept" : "", flows);
	sl_engine_destroy(e);
	sl_rules_destroy(read);
	memory_done(&memory);
	free(text);
}

void bench_rules(void)
{
	section("rulesets");
	measure(0, false, 1000);
	measure(10, false, 1000);
	measure(1000, false, 1000);
	measure(1000, true, 1000);
	measure(1000, true, 100000);
}
