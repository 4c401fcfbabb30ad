/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_SOURCE_H
#define SLUICE_PROG_SOURCE_H

/*
 * A capture that is read twice: a regular file is opened twice, anything else (standard
 * input, a pipe) is read into memory first.
 */
#include "io/capture.h"

struct sl_source {
	const char *path;
	uint8_t *bytes; /* NULL: a regular file */
	size_t len, size;
	uint64_t total; /* bytes in all */
};

/* False: said on stderr. */
bool sl__source_init(struct sl_source *source, const char *path);
void sl__source_fini(struct sl_source *source);
/* Begin to read from the start; as sl_capture_init(). */
bool sl__source_open(const struct sl_source *source, struct sl_capture *cap);

#endif
