/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_TOP_H
#define SLUICE_PROG_TOP_H

/* `sluice top`: a live screen of a running gateway. */
int sl__top_main(int argc, char **argv);

#endif
