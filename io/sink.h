/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_SINK_H
#define SLUICE_IO_SINK_H

/*
 * A file being written, whose first failure sticks: writers may write on and
 * look once, at fini.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_sink {
	void *file; /* FILE *, NULL when it could not be opened or is closed */
	bool failed;
	char path[128];  /* for the message; the end of a longer one */
	char error[256]; /* "PATH: No space left on device"; "" while all is well */
};

bool sl_sink_init(struct sl_sink *sink, const char *path);
/* Marks it failed for a reason of the caller's own; always false. */
bool sl_sink_fail(struct sl_sink *sink, const char *why);
bool sl_sink_write(struct sl_sink *sink, const void *data, size_t len);
/* Flush and close.  False: something that was written did not get there. */
bool sl_sink_fini(struct sl_sink *sink);

#endif
