/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_OPTIONS_H
#define SLUICE_PROG_OPTIONS_H

/*
 * The command line of `sluice replay`. All strings are borrowed from argv.
 */
#include "prog/sides.h"

/* A list of option arguments, in the order given. */
struct sl_strings {
	const char **at;
	unsigned n;
};

struct sl_own {
	struct sl_prefix net;  /* its prefix, a broadcast domain */
	struct sl_addr addr;
};

#define SL_EXPLAIN_ALL UINT64_MAX

enum { SL_REPLAY_SHARDS = 64 };

struct sl_replay_options {
	const char *capture;
	const char *output; /* NULL: an account on stdout instead of files */
	const char *rules;  /* NULL: the built-in policy */
	struct sl_strings defines, includes, helpers, sets, modules;
	struct sl_prefix *inside;
	unsigned n_inside;
	struct sl_own *own;
	unsigned n_own;
	struct sl_addr public4, public6;
	bool masquerade, checksum, time_none, quiet;
	bool account;	  /* the account even with -o */
	uint64_t limit;	  /* frames; 0: all */
	uint64_t shards;  /* engines, at most SL_REPLAY_SHARDS; 0: one */
	uint64_t explain; /* frame number, SL_EXPLAIN_ALL, or 0: off */
};

/* False: what is wrong has been said on stderr. fini is due in either case. */
bool sl__options_init(struct sl_replay_options *opt, int argc, char **argv);
void sl__options_fini(struct sl_replay_options *opt);

/* NAME=VALUE cut at its first '='; false: there is none, or the name is empty or too long. */
bool sl__option_pair(const char *text, char *name, size_t size, const char **value);
/* A decimal number of at most max, nothing else in the text. */
bool sl__option_number(const char *text, uint64_t max, uint64_t *value);

#endif
