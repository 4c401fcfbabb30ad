/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of `sluice run`. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prog/run.h"

enum { INSIDE = 256, OUTSIDE, HELPER, SET, MODULE, MASQUERADE, ON_EXIT, CLEANUP, TAP };

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
        "  -r, --rules FILE      ruleset in nft syntax; default: track everything, all helpers\n"
        "  -D, --define N=V      a variable for the ruleset\n"
        "  -I, --includepath DIR where the ruleset's `include` looks\n"
        "      --masquerade      without -r: translate what leaves by an outside interface\n"
        "      --helper NAME[=PORT]  a helper on one more port (repeatable)\n"
        "      --module FILE.so  load a helper module (repeatable)\n"
        "      --set NAME=VALUE  a tunable, such as nf_conntrack_udp_timeout=10 (repeatable)\n"
        "      --on-exit closed|open  what happens to forwarded packets when sluice was killed or\n"
        "                        hangs: dropped (default), or left to the kernel\n"
        "      --cleanup         remove what a killed run left at these interfaces, and end\n"
        "      --tap NAME        name of the TAP device (default sluice%d)\n";

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
		return true;
	}
	return false; /* getopt_long has said what is wrong */
}

bool sl__run_options_init(struct sl_run_options *opt, int argc, char **argv)
{
	int c;

	*opt = (struct sl_run_options){.tap = "sluice%d"};
	opt->common.checksum = true;
	while ((c = getopt_long(argc, argv, "r:D:I:", longs, NULL)) != -1)
		if (!apply(opt, c))
			return false;
	if (opt->common.rules && opt->common.masquerade)
		return wrong("--masquerade", "with -r", "a ruleset says itself what is translated");
	if (optind != argc || opt->inside.n + opt->outside.n == 0) {
		fprintf(stderr, "usage: sluice run [options] --inside IF --outside IF\n");
		return false;
	}
	return true;
}

void sl__run_options_fini(struct sl_run_options *opt)
{
	free(opt->inside.at);
	free(opt->outside.at);
	sl__options_fini(&opt->common);
}
