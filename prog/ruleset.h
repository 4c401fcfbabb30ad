/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_RULESET_H
#define SLUICE_PROG_RULESET_H

/*
 * Ruleset files: reading them, with what they include, for `sluice check` and `sluice replay`.
 */
#include <stdio.h>

#include <sluice/rules.h>

struct sl_ruleset_options {
	const char *const *defines; /* NAME=VALUE */
	unsigned n_defines;
	const char *const *includes; /* directories */
	unsigned n_includes;
	FILE *errors; /* NULL: stderr */
};

/*
 * Read `file` ("-": standard input; NULL: the built-in default). NULL: what is wrong has been said. Callbacks
 * of `env` but open and report, and its ctx, are used as they are; memory is malloc's.
 */
struct sl_rules *sl__ruleset_load(
        const char *file, const struct sl_ruleset_options *options, const struct sl_rules_env *env);

/* A view of `rules` for one more engine (sl_rules_share); NULL: no memory. */
struct sl_rules *sl__ruleset_share(
        struct sl_rules *rules, const struct sl_rules_env *env, const struct sl_rules_lock *lock);

/* `sluice check` */
int sl__check_main(int argc, char **argv);

#endif
