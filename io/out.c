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

#include "io/out.h"

bool sl_out_fail(struct sl_out *out, const char *why)
{
	if (!out->failed)
		snprintf(out->error, sizeof(out->error), "%s: %s", out->path, why);
	out->failed = true;
	return false;
}

static bool fail(struct sl_out *out)
{
	return sl_out_fail(out, strerror(errno));
}

bool sl_out_init(struct sl_out *out, const char *path)
{
	size_t len = strlen(path);

	*out = (struct sl_out){0};
	if (len < sizeof(out->path))
		memcpy(out->path, path, len);
	else
		snprintf(out->path, sizeof(out->path), "...%s",
		        path + len - (sizeof(out->path) - 4));
	out->file = fopen(path, "wb");
	return out->file ? true : fail(out);
}

bool sl_out_write(struct sl_out *out, const void *data, size_t len)
{
	if (out->failed)
		return false;
	return len == 0 || fwrite(data, 1, len, out->file) == len ? true : fail(out);
}

bool sl_out_fini(struct sl_out *out)
{
	/* fclose() flushes, and says so when it could not. */
	if (out->file && fclose(out->file) != 0)
		fail(out);
	out->file = NULL;
	return !out->failed;
}
