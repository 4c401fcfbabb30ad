/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_RUN_H
#define SLUICE_PROG_RUN_H

/*
 * `sluice run`: its command line. All strings are borrowed from argv.
 */
#include "prog/options.h"

struct sl_run_options {
	/* What replay has too: rules, defines, helpers, tunables ... */
	struct sl_replay_options common;
	struct sl_strings inside, outside; /* names of interfaces */
	bool open;                         /* --on-exit open */
	bool cleanup;                      /* --cleanup: only remove what an earlier run left */
	const char *tap;                   /* name of the TAP device */
	const char *control,
	        *control_group; /* the socket's path, "none": no socket; NULL: no group */
	unsigned control_mode;
	bool log_json;
	uint64_t fast_path; /* connections; 0: not in use */
	const char *state;  /* NULL: connections end with the gateway */
	bool huge_pages;    /* engines' memory in pages of 2 MiB */
	uint64_t queues;    /* engines, each with a thread and a queue of the TAP device */
	const char *record;  /* NULL: no recording */
	uint64_t record_max; /* bytes */
	const char *metrics; /* ADDRESS:PORT; NULL: none */
	uint64_t table_max, expect_max, fragment_memory,
	        stream_memory; /* 0: the engine's default */
};

/* False: what is wrong has been said on stderr. fini is due in either case. */
bool sl__run_options_init(struct sl_run_options *opt, int argc, char **argv);
void sl__run_options_fini(struct sl_run_options *opt);

int sl__run_main(int argc, char **argv);

#endif
