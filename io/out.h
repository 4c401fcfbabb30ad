/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_OUT_H
#define SLUICE_IO_OUT_H

/*
 * A file being written, whose first failure sticks: writers may write on and
 * look once, at fini.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_out {
	void *file; /* FILE *, NULL when it could not be opened or is closed */
	bool failed;
	char path[128];  /* for the message; the end of a longer one */
	char error[256]; /* "PATH: No space left on device"; "" while all is well */
};

bool sl_out_init(struct sl_out *out, const char *path);
/* Marks it failed for a reason of the caller's own; always false. */
bool sl_out_fail(struct sl_out *out, const char *why);
bool sl_out_write(struct sl_out *out, const void *data, size_t len);
/* Flush and close.  False: something that was written did not get there. */
bool sl_out_fini(struct sl_out *out);

#endif
