/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files being written. A full disk is met at any write, or only when buffered
 * bytes are flushed, or (on network file systems) when the file is closed: so all
 * three are looked at, the first failure is kept with its reason, and what is
 * written after it is thrown away.
 *
 * Ownership: the object owns its FILE from init to fini.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "io/sink.h"

bool sl_sink_fail(struct sl_sink *sink, const char *why)
{
	if (!sink->failed)
		snprintf(sink->error, sizeof(sink->error), "%s: %s", sink->path, why);
	sink->failed = true;
	return false;
}

static bool fail(struct sl_sink *sink)
{
	return sl_sink_fail(sink, strerror(errno));
}

bool sl_sink_init(struct sl_sink *sink, const char *path)
{
	size_t len = strlen(path);

	*sink = (struct sl_sink){0};
	if (len < sizeof(sink->path))
		memcpy(sink->path, path, len);
	else
		snprintf(sink->path, sizeof(sink->path), "...%s",
		        path + len - (sizeof(sink->path) - 4));
	sink->file = fopen(path, "wb");
	return sink->file ? true : fail(sink);
}

bool sl_sink_write(struct sl_sink *sink, const void *data, size_t len)
{
	if (sink->failed)
		return false;
	return len == 0 || fwrite(data, 1, len, sink->file) == len ? true : fail(sink);
}

bool sl_sink_fini(struct sl_sink *sink)
{
	/* fclose() flushes, and says so when it could not. */
	if (sink->file && fclose(sink->file) != 0)
		fail(sink);
	sink->file = NULL;
	return !sink->failed;
}
