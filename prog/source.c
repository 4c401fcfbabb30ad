/* SPDX-License-Identifier: BSD-2-Clause */
/* See source.h. */
#include "prog/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "prog/map.h"

static bool read_all(struct sl_source *source, FILE *f)
{
	size_t got;

	do {
		if (source->size - source->len < 65536) {
			source->size = source->size * 2 + 65536;
			source->bytes = sl__must_grow(source->bytes, source->size);
		}
		got = fread(source->bytes + source->len, 1, source->size - source->len, f);
		source->len += got;
	} while (got);
	source->total = source->len;
	return !ferror(f);
}

bool sl__source_init(struct sl_source *source, const char *path)
{
	bool standard_input = strcmp(path, "-") == 0, good = true;
	struct stat st;
	FILE *f;

	*source = (struct sl_source){.path = path};
	if (!standard_input && stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
		source->total = (uint64_t)st.st_size;
		return true;
	}
	f = standard_input ? stdin : fopen(path, "rb");
	good = f && read_all(source, f);
	if (!good)
		fprintf(stderr, "sluice replay: %s: %s\n", path, strerror(errno));
	if (f && !standard_input)
		fclose(f);
	return good;
}

void sl__source_fini(struct sl_source *source)
{
	free(source->bytes);
	*source = (struct sl_source){0};
}

bool sl__source_open(const struct sl_source *source, struct sl_capture *cap)
{
	if (source->bytes)
		return sl_capture_init_memory(cap, source->bytes, source->len);
	return sl_capture_init(cap, source->path);
}
