/* SPDX-License-Identifier: BSD-2-Clause */
/* See must.h. */
#include "tests/lib/must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

char must_playing[256];

void must_fail(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "broken: %s%s", must_playing, must_playing[0] ? ": " : "");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}
