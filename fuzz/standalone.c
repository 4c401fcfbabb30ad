/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz target on the files named on its command line, and on all files in
 * the directories named there: seeds and earlier finds as a regression test, with
 * any compiler. Nothing to run is an error: such a test would prove nothing.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdio.h>

#include "fuzz/fuzz.h"

/* Larger than any seed has reason to be. */
enum { INPUT_MAX = 1 << 24 };

static int run_file(const char *path)
{
	static uint8_t input[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	uint8_t *copy;
	size_t n;
	int bad;

	if (!file) {
		perror(path);
		return -1;
	}
	n = fread(input, 1, sizeof(input), file);
	bad = ferror(file) || n == sizeof(input);
	fclose(file);
	if (bad) {
		fprintf(stderr, "%s: cannot be read, or is too large\n", path);
		return -1;
	}
	printf("%s: %zu bytes\n", path, n);
	fflush(stdout); /* so that a crash has a name */
	copy = fuzz_copy(input, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	return 1;
}

/* The number of files run, or -1. */
static int run_path(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char name[4096];
	int n = 0;

	if (!dir)
		return run_file(path);
	while (n >= 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		n = run_file(name) < 0 ? -1 : n + 1;
	}
	closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (run_path(argv[i]) <= 0) {
			fprintf(stderr, "%s: no inputs, or unreadable ones\n", argv[i]);
			return 1;
		}
	}
	return argc < 2;
}
