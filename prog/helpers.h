/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_HELPERS_H
#define SLUICE_PROG_HELPERS_H

/* `sluice helpers`: which helpers are known, and for which ports. */
int sl__helpers_main(int argc, char **argv);
/* The built-in one of this name; NULL: none has it. */
struct sl_helper;
const struct sl_helper *sl__helper_built_in(const char *name);

#endif
