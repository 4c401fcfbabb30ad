/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the command line with getopt_long. Whatever can be judged without an engine is
 * judged here; names of tunables and helpers are looked up when the engine is there.
 */
#include "prog/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prog/help.h"

enum {
	OWN = 256,
	INSIDE,
	HELPER,
	PUBLIC,
	SET,
	CHECKSUM,
	NO_CHECKSUM,
	TIME,
	MASQUERADE,
	MODULE,
	LIMIT,
	SHARDS,
	EXPLAIN,
	ACCOUNT,
};

static const struct option longs[] = {
        {"rules", required_argument, NULL, 'r'},
        {"define", required_argument, NULL, 'D'},
        {"includepath", required_argument, NULL, 'I'},
        {"output", required_argument, NULL, 'o'},
        {"quiet", no_argument, NULL, 'q'},
        {"own", required_argument, NULL, OWN},
        {"inside", required_argument, NULL, INSIDE},
        {"helper", required_argument, NULL, HELPER},
        {"public", required_argument, NULL, PUBLIC},
        {"set", required_argument, NULL, SET},
        {"checksum", no_argument, NULL, CHECKSUM},
        {"no-checksum", no_argument, NULL, NO_CHECKSUM},
        {"time", required_argument, NULL, TIME},
        {"masquerade", no_argument, NULL, MASQUERADE},
        {"module", required_argument, NULL, MODULE},
        {"limit", required_argument, NULL, LIMIT},
        {"shards", required_argument, NULL, SHARDS},
        {"explain", optional_argument, NULL, EXPLAIN},
        {"account", no_argument, NULL, ACCOUNT},
        {NULL, 0, NULL, 0},
};

const char sl__replay_help[] =
        "usage: sluice replay [options] CAPTURE\n"
        "\n"
        "Runs a pcap or pcapng capture through the engine. No privileges, no network.\n"
        "\n"
        "  -r, --rules FILE      ruleset in nft syntax; default: track everything, the safe helpers\n"
        "  -D, --define N=V      a variable for the ruleset\n"
        "  -I, --includepath DIR where the ruleset's `include` looks\n"
        "      --masquerade      translate what leaves by out0 to the public address\n"
        "      --public ADDR     that address (one per family; default 203.0.113.1,\n"
        "                        2001:db8:ffff::1)\n"
        "      --inside PREFIX   addresses on the inside (repeatable); default: who opens a flow\n"
        "      --own ADDR/LEN    an address of the gateway itself (repeatable)\n"
        "      --helper NAME[=PORT]  a helper on one more port (repeatable)\n"
        "      --module FILE.so  load a helper module (repeatable)\n"
        "      --set NAME=VALUE  a tunable, such as nf_conntrack_udp_timeout=10 (repeatable);\n"
        "                        `sluice help tunables` lists them\n"
        "      --checksum, --no-checksum  whether wrong checksums make a packet INVALID\n"
        "                        (default: no)\n"
        "      --time capture|none  the capture's time (default), or a clock that stands still\n"
        "      --limit N         only the first N frames\n"
        "      --shards N        several engines that share the connections (default 1, at most 64)\n"
        "      --explain [N]     every step of each packet, or of packet N\n"
        "  -o, --output DIR      write events.jsonl, packets.jsonl, final.jsonl, summary.json,\n"
        "                        annotated.pcapng, in0.pcap and out0.pcap\n"
        "      --account         the readable account on stdout also with -o\n"
        "  -q, --quiet           only the totals\n"
        "\n"
        "Exit status: 0 done; 1 a bad option or file; 2 the capture is damaged or cut short.\n";

static bool wrong(const char *option, const char *argument, const char *what)
{
	fprintf(stderr, "sluice replay: %s %s: %s\n", option, argument, what);
	return false;
}

bool sl__option_pair(const char *text, char *name, size_t size, const char **value)
{
	const char *equals = strchr(text, '=');
	size_t len = equals ? (size_t)(equals - text) : 0;

	if (len == 0 || len >= size)
		return false;
	memcpy(name, text, len);
	name[len] = '\0';
	*value = equals + 1;
	return true;
}

bool sl__option_number(const char *text, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		unsigned digit = (unsigned)*text - '0';

		if (digit > 9 || digit > max || v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*value = v;
	return true;
}

static bool add(struct sl_strings *list, const char *text)
{
	list->at = sl__must_grow(list->at, (list->n + 1) * sizeof(*list->at));
	list->at[list->n++] = text;
	return true;
}

static bool add_inside(struct sl_replay_options *opt, const char *text)
{
	struct sl_prefix prefix;

	if (!sl__prefix_parse(&prefix, text))
		return wrong("--inside", text, "not an address or prefix, such as 10.0.0.0/8");
	opt->inside = sl__must_grow(opt->inside, (opt->n_inside + 1) * sizeof(*opt->inside));
	opt->inside[opt->n_inside++] = prefix;
	return true;
}

static bool add_own(struct sl_replay_options *opt, const char *text)
{
	struct sl_own own;

	if (!sl__prefix_parse(&own.net, text))
		return wrong("--own", text, "not an address with its prefix, such as 192.168.1.10/24");
	own.addr = own.net.addr;
	opt->own = sl__must_grow(opt->own, (opt->n_own + 1) * sizeof(*opt->own));
	opt->own[opt->n_own++] = own;
	return true;
}

static bool set_public(struct sl_replay_options *opt, const char *text)
{
	enum sl_family family;
	struct sl_addr addr;

	if (!sl_addr_parse(text, &addr, &family))
		return wrong("--public", text, "not an address");
	*(family == SL_IPV4 ? &opt->public4 : &opt->public6) = addr;
	return true;
}

static bool set_time(struct sl_replay_options *opt, const char *text)
{
	opt->time_none = strcmp(text, "none") == 0;
	return opt->time_none || strcmp(text, "capture") == 0 ||
	       wrong("--time", text, "neither capture nor none");
}

static bool set_limit(struct sl_replay_options *opt, const char *text)
{
	return sl__option_number(text, UINT64_MAX, &opt->limit) ||
	       wrong("--limit", text, "not a number of frames");
}

/* --explain, --explain=N or --explain N; a file of that name is the capture, not N. */
static bool set_explain(struct sl_replay_options *opt, char **argv)
{
	opt->explain = SL_EXPLAIN_ALL;
	if (optarg)
		return sl__option_number(optarg, UINT64_MAX, &opt->explain) ||
		       wrong("--explain", optarg, "not a frame number");
	if (argv[optind] && access(argv[optind], F_OK) != 0 &&
	        sl__option_number(argv[optind], UINT64_MAX, &opt->explain))
		optind++;
	return true;
}

static bool apply(struct sl_replay_options *opt, int c, char **argv)
{
	switch (c) {
	case 'r':
		opt->rules = optarg;
		return true;
	case 'D':
		return add(&opt->defines, optarg);
	case 'I':
		return add(&opt->includes, optarg);
	case 'o':
		opt->output = optarg;
		return true;
	case 'q':
		opt->quiet = true;
		return true;
	case OWN:
		return add_own(opt, optarg);
	case INSIDE:
		return add_inside(opt, optarg);
	case HELPER:
		return add(&opt->helpers, optarg);
	case PUBLIC:
		return set_public(opt, optarg);
	case SET:
		return add(&opt->sets, optarg);
	case CHECKSUM:
	case NO_CHECKSUM:
		opt->checksum = c == CHECKSUM;
		return true;
	case TIME:
		return set_time(opt, optarg);
	case MASQUERADE:
		opt->masquerade = true;
		return true;
	case MODULE:
		return add(&opt->modules, optarg);
	case LIMIT:
		return set_limit(opt, optarg);
	case SHARDS:
		return sl__option_number(optarg, SL_REPLAY_SHARDS, &opt->shards) ||
		       wrong("--shards", optarg, "not a number from 1 to 64");
	case EXPLAIN:
		return set_explain(opt, argv);
	case ACCOUNT:
		opt->account = true;
		return true;
	}
	return false; /* getopt_long has said what is wrong */
}

bool sl__options_init(struct sl_replay_options *opt, int argc, char **argv)
{
	static const uint8_t public4[4] = {203, 0, 113, 1};
	static const uint8_t public6[16] = {0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, [15] = 1};
	int c;

	*opt = (struct sl_replay_options){
	        .public4 = sl_addr_v4(public4), .public6 = sl_addr_v6(public6)};
	argv[0] = (char *)(uintptr_t) "sluice replay"; /* for what getopt says */
	while ((c = getopt_long(argc, argv, "r:D:I:o:q", longs, NULL)) != -1)
		if (!apply(opt, c, argv))
			return false;
	if (opt->rules && opt->masquerade)
		return wrong("--masquerade", "with -r", "a ruleset says itself what is translated");
	if (optind == argc) {
		fprintf(stderr, "sluice replay: which capture? (all options: sluice help replay)\n");
		return false;
	}
	if (optind < argc - 1)
		return wrong(argv[optind], argv[optind + 1], "one capture at a time");
	opt->capture = argv[optind];
	return true;
}

void sl__options_fini(struct sl_replay_options *opt)
{
	free(opt->defines.at);
	free(opt->includes.at);
	free(opt->helpers.at);
	free(opt->sets.at);
	free(opt->modules.at);
	free(opt->inside);
	free(opt->own);
	*opt = (struct sl_replay_options){0};
}
