/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_HELPERS_H
#define SLUICE_PROG_HELPERS_H

/* `sluice helpers`: which helpers are known, and for which ports. */
int sl__helpers_main(int argc, char **argv);

#endif
