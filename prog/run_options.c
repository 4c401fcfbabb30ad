/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of `sluice run`. */
#include <getopt.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/steer.h"
#include "ctl/server.h"
#include "prog/help.h"
#include "prog/run.h"

enum {
	INSIDE = 256,
	OUTSIDE,
	HELPER,
	SET,
	MODULE,
	MASQUERADE,
	ON_EXIT,
	CLEANUP,
	TAP,
	CONTROL,
	CONTROL_MODE,
	CONTROL_GROUP,
	METRICS,
	LOG,
	RECORD,
	RECORD_MAX,
	FAST_PATH,
	QUEUES,
	TABLE_MAX,
	EXPECT_MAX,
	FRAGMENT_MEMORY,
	STREAM_MEMORY,
	HUGE_PAGES,
	STATE,
};

static const struct option longs[] = {
        {"rules", required_argument, NULL, 'r'},
        {"define", required_argument, NULL, 'D'},
        {"includepath", required_argument, NULL, 'I'},
        {"inside", required_argument, NULL, INSIDE},
        {"outside", required_argument, NULL, OUTSIDE},
        {"helper", required_argument, NULL, HELPER},
        {"set", required_argument, NULL, SET},
        {"module", required_argument, NULL, MODULE},
        {"masquerade", no_argument, NULL, MASQUERADE},
        {"on-exit", required_argument, NULL, ON_EXIT},
        {"cleanup", no_argument, NULL, CLEANUP},
        {"tap", required_argument, NULL, TAP},
        {"control", required_argument, NULL, CONTROL},
        {"control-mode", required_argument, NULL, CONTROL_MODE},
        {"control-group", required_argument, NULL, CONTROL_GROUP},
        {"fast-path", required_argument, NULL, FAST_PATH},
        {"queues", required_argument, NULL, QUEUES},
        {"record", required_argument, NULL, RECORD},
        {"record-max", required_argument, NULL, RECORD_MAX},
        {"log", required_argument, NULL, LOG},
        {"metrics", required_argument, NULL, METRICS},
        {"table-max", required_argument, NULL, TABLE_MAX},
        {"expect-max", required_argument, NULL, EXPECT_MAX},
        {"fragment-memory", required_argument, NULL, FRAGMENT_MEMORY},
        {"stream-memory", required_argument, NULL, STREAM_MEMORY},
        {"huge-pages", no_argument, NULL, HUGE_PAGES},
        {"state", required_argument, NULL, STATE},
        {NULL, 0, NULL, 0},
};

const char sl__run_help[] =
        "usage: sluice run [options] --inside IF --outside IF\n"
        "\n"
        "A live gateway: what comes in by these interfaces is tracked, translated and filtered.\n"
        "Prints `ready` when packets flow. Ends on SIGTERM or SIGINT, leaving nothing behind.\n"
        "\n"
        "      --inside IF       an interface towards the inside (repeatable)\n"
        "      --outside IF      an interface towards the outside (repeatable)\n"
        "  -r, --rules FILE      ruleset in nft syntax; default: track everything, the safe helpers\n"
        "  -D, --define N=V      a variable for the ruleset\n"
        "  -I, --includepath DIR where the ruleset's `include` looks\n"
        "      --masquerade      without -r: translate what leaves by an outside interface\n"
        "      --helper NAME[=PORT]  a helper on one more port (repeatable)\n"
        "      --module FILE.so  load a helper module (repeatable)\n"
        "      --set NAME=VALUE  a tunable, such as nf_conntrack_udp_timeout=10 (repeatable)\n"
        "      --on-exit closed|open  what happens to forwarded packets when sluice was killed or\n"
        "                        hangs: dropped (default), or left to the kernel\n"
        "      --cleanup         remove what a killed run left at these interfaces, and end\n"
        "      --tap NAME        name of the TAP device (default sluice%d)\n"
        "      --control PATH    the control socket (default " SL_CONTROL_PATH "; none)\n"
        "      --control-mode M, --control-group G  who may use it (default 0660, own group)\n"
        "      --metrics [ADDR:]PORT  numbers for Prometheus, at http://ADDR:PORT/metrics\n"
        "      --fast-path N     established connections that BPF forwards by itself, at most\n"
        "                        (default 65536; 0: none; --record: none)\n"
        "      --queues N        engines, a thread each, which share the connections (default 1,\n"
        "                        at most 16); limits are for all together\n"
        "      --state FILE      connections go on after a restart: written at the end, taken up at\n"
        "                        the start; SIGUSR2 ends for a restart\n"
        "      --record FILE     everything that the engine is given, for `sluice replay FILE`\n"
        "      --record-max N    bytes at most (default 256 MiB); the recording ends there\n"
        "      --log text|json   how events are told on stderr\n"
        "      --table-max N     connections (default 262144)\n"
        "      --expect-max N    expectations (default 4096)\n"
        "      --huge-pages      memory for connections in pages of 2 MiB, where the kernel gives them\n"
        "      --fragment-memory N, --stream-memory N  bytes for fragments (4 MiB), and for what\n"
        "                        helpers hold (16 MiB)\n";

static bool wrong(const char *option, const char *argument, const char *what)
{
	fprintf(stderr, "sluice run: %s %s: %s\n", option, argument, what);
	return false;
}

static bool add(struct sl_strings *list, const char *text)
{
	list->at = sl__must_grow(list->at, (list->n + 1) * sizeof(*list->at));
	list->at[list->n++] = text;
	return true;
}

static bool set_on_exit(struct sl_run_options *opt, const char *text)
{
	opt->open = strcmp(text, "open") == 0;
	return opt->open || strcmp(text, "closed") == 0 ||
	       wrong("--on-exit", text, "neither closed nor open");
}

static bool set_mode(struct sl_run_options *opt, const char *text)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	opt->control_mode = (unsigned)mode;
	return (*text && !*end && mode <= 0777) || wrong("--control-mode", text, "not like 0660");
}

static bool set_limit(uint64_t *limit, const char *name, const char *text, uint64_t max)
{
	char range[48];

	if (sl__option_number(text, max, limit) && *limit)
		return true;
	snprintf(range, sizeof(range), "not a number from 1 to %llu", (unsigned long long)max);
	return wrong(name, text, range);
}

static bool apply_limit(struct sl_run_options *opt, int c)
{
	switch (c) {
	case TABLE_MAX:
		return set_limit(&opt->table_max, "--table-max", optarg, 1u << 28);
	case EXPECT_MAX:
		return set_limit(&opt->expect_max, "--expect-max", optarg, 1u << 24);
	case FRAGMENT_MEMORY:
		return set_limit(&opt->fragment_memory, "--fragment-memory", optarg, UINT32_MAX);
	case RECORD_MAX:
		return set_limit(&opt->record_max, "--record-max", optarg, UINT64_MAX);
	case STREAM_MEMORY:
		return set_limit(&opt->stream_memory, "--stream-memory", optarg, UINT32_MAX);
	}
	return false; /* getopt_long has said what is wrong */
}

static bool apply(struct sl_run_options *opt, int c)
{
	switch (c) {
	case 'r':
		opt->common.rules = optarg;
		return true;
	case 'D':
		return add(&opt->common.defines, optarg);
	case 'I':
		return add(&opt->common.includes, optarg);
	case INSIDE:
		return add(&opt->inside, optarg);
	case OUTSIDE:
		return add(&opt->outside, optarg);
	case HELPER:
		return add(&opt->common.helpers, optarg);
	case SET:
		return add(&opt->common.sets, optarg);
	case MODULE:
		return add(&opt->common.modules, optarg);
	case MASQUERADE:
		opt->common.masquerade = true;
		return true;
	case ON_EXIT:
		return set_on_exit(opt, optarg);
	case CLEANUP:
		opt->cleanup = true;
		return true;
	case TAP:
		opt->tap = optarg;
		return strlen(optarg) < IFNAMSIZ || wrong("--tap", optarg, "the name is too long");
	case CONTROL:
		opt->control = optarg;
		return true;
	case CONTROL_MODE:
		return set_mode(opt, optarg);
	case CONTROL_GROUP:
		opt->control_group = optarg;
		return true;
	case FAST_PATH:
		return sl__option_number(optarg, 1u << 24, &opt->fast_path) ||
		       wrong("--fast-path", optarg, "not a number, or too large");
	case QUEUES:
		return (sl__option_number(optarg, SL_STEER_QUEUES, &opt->queues) && opt->queues) ||
		       wrong("--queues", optarg, "not a number from 1 to 16");
	case RECORD:
		opt->record = optarg;
		return true;
	case LOG:
		opt->log_json = strcmp(optarg, "json") == 0;
		return opt->log_json || strcmp(optarg, "text") == 0 ||
		       wrong("--log", optarg, "neither text nor json");
	case METRICS:
		opt->metrics = optarg;
		return true;
	case STATE:
		opt->state = optarg;
		return true;
	case HUGE_PAGES:
		opt->huge_pages = true;
		return true;
	}
	return apply_limit(opt, c);
}

static bool on_both_sides(const struct sl_run_options *opt)
{
	for (unsigned i = 0; i < opt->inside.n; i++)
		for (unsigned j = 0; j < opt->outside.n; j++)
			if (strcmp(opt->inside.at[i], opt->outside.at[j]) == 0)
				return wrong("--outside", opt->outside.at[j],
				        "it is an inside interface, too");
	return true;
}

bool sl__run_options_init(struct sl_run_options *opt, int argc, char **argv)
{
	int c;

	*opt = (struct sl_run_options){.tap = "sluice%d",
	        .control = SL_CONTROL_PATH,
	        .control_mode = 0660,
	        .record_max = 256u << 20,
	        .fast_path = 65536,
	        .queues = 1};
	opt->common.checksum = true;
	argv[0] = (char *)(uintptr_t) "sluice run"; /* for what getopt says */
	while ((c = getopt_long(argc, argv, "r:D:I:", longs, NULL)) != -1)
		if (!apply(opt, c))
			return false;
	if (opt->common.rules && opt->common.masquerade)
		return wrong("--masquerade", "with -r", "a ruleset says itself what is translated");
	if (optind != argc)
		return wrong("what is this", argv[optind], "not an option (sluice help run)");
	if (opt->inside.n + opt->outside.n == 0) {
		fprintf(stderr, "sluice run: between which interfaces? --inside IF --outside IF\n"
		                "            (all options: sluice help run)\n");
		return false;
	}
	return on_both_sides(opt);
}

void sl__run_options_fini(struct sl_run_options *opt)
{
	free(opt->inside.at);
	free(opt->outside.at);
	sl__options_fini(&opt->common);
}
