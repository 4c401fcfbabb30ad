/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_HELP_H
#define SLUICE_PROG_HELP_H

/*
 * What `sluice help COMMAND` and `sluice COMMAND --help` print: each text stands beside the code
 * that reads the options which it describes.
 */
extern const char sl__replay_help[];  /* options.c */
extern const char sl__run_help[];     /* run_options.c */
extern const char sl__control_help[]; /* control.c: all that a running gateway answers */
extern const char sl__top_help[];     /* top.c */
extern const char sl__check_help[];   /* check.c */
extern const char sl__helpers_help[]; /* helpers.c */
extern const char sl__helper_help[];  /* helper_test.c */

/* `sluice help tunables`: each with its default. Returns the exit status. (tunables.c) */
int sl__tunables_show(void);

#endif
