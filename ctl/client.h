/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_CTL_CLIENT_H
#define SLUICE_CTL_CLIENT_H

/* The other end of the control socket (server.h). */
#include <stddef.h>

/* A socket to the gateway that has got the request; -1: errno says why. */
int sl__client_ask(const char *path, const char *const *words, unsigned n);

/*
 * Copies what comes to `out` and `err` until the end; the exit status that the gateway sent, or 1
 * when the connection broke.
 */
int sl__client_copy(int fd, int out, int err);

/* Both; a gateway that cannot be reached is said on stderr. */
int sl__client_run(const char *path, const char *const *words, unsigned n);

#endif
