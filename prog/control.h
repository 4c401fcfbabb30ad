/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_CONTROL_H
#define SLUICE_PROG_CONTROL_H

/* list, events, flush, stats, expect, explain: words for the control socket. */
int sl__control_main(int argc, char **argv);
/* `sluice reload [FILE]` */
int sl__reload_main(int argc, char **argv);
/* `sluice helpers`: those of the running gateway, if there is one, else those of this program. */
int sl__helpers_live_main(int argc, char **argv);

#endif
