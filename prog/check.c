/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `sluice check`: read a ruleset and say all that is wrong with it; on request, print it back as
 * `nft list ruleset` would.
 */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "prog/help.h"
#include "prog/helpers.h"
#include "prog/ruleset.h"

const char sl__check_help[] =
	"usage: sluice check [options] FILE\n"
	"\n"
	"Reads a ruleset in nft syntax and says what is wrong with it.\n"
	"\n"
	"  -p, --print           print the ruleset back, as `nft list ruleset` does\n"
	"  -d, --default         show the built-in ruleset (or check it, with --print)\n"
	"  -D, --define N=V      a variable for the ruleset\n"
	"  -I, --includepath DIR where `include` looks\n"
	"\n"
	"Exit status: 0 it is good; 1 it is not, or the options are not.\n";

static void write_out(void *ctx, const char *text, size_t len)
{
	fwrite(text, 1, len, ctx);
}

static bool is_built_in(void *ctx, const char *name)
{
	(void)ctx;
	return sl__helper_built_in(name) != NULL;
}

static int check(const char *file, const struct sl_ruleset_options *o, bool print)
{
	static const struct sl_rules_env here = {.has_helper = is_built_in};
	struct sl_rules *rules = sl__ruleset_load(file, o, &here);

	if (!rules)
		return 1;
	if (print)
		sl_rules_print(rules, write_out, stdout);
	sl_rules_destroy(rules);
	return 0;
}

int sl__check_main(int argc, char **argv)
{
	static const struct option longs[] = {{"print", no_argument, NULL, 'p'},
		{"default", no_argument, NULL, 'd'}, {"define", required_argument, NULL, 'D'},
		{"includepath", required_argument, NULL, 'I'}, {0}};
	const char *defines[256], *includes[64];
	struct sl_ruleset_options o = {defines, 0, includes, 0};
	bool print = false, builtin = false;
	int c;

	argv[0] = (char *)(uintptr_t) "sluice check"; /* for what getopt says */
	while ((c = getopt_long(argc, argv, "pdD:I:", longs, NULL)) != -1) {
		if (c == 'p') {
			print = true;
		} else if (c == 'd') {
			builtin = true;
		} else if (c == 'D' && o.n_defines < 256) {
			defines[o.n_defines++] = optarg;
		} else if (c == 'I' && o.n_includes < 64) {
			includes[o.n_includes++] = optarg;
		} else {
			return 1; /* getopt_long has said what is wrong */
		}
	}
	if (optind + (builtin ? 0 : 1) != argc) {
		fprintf(stderr, "sluice check: %s (all options: sluice help check)\n",
			builtin ? "-d needs no file" : "which file? One at a time");
		return 1;
	}
	if (builtin && !print) {
		fputs(sl_rules_default, stdout);
		return 0;
	}
	return check(builtin ? NULL : argv[optind], &o, print);
}
