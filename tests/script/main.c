/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run-scripts [--once | --shards | --failures] FILE-OR-FOLDER...
 *
 *   (nothing)     one by one with the model beside it, then in batches of 1, 7 and 256
 *   --once        one by one only: while writing a script
 *   --shards      on three shards
 *   --failures    each allocation and each embedder operation failing
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "script.h"

enum mode { EVERY, ONCE, SHARDS, FAILURES };

#define MOST_FAILURES 120 /* of one kind, per script */

static unsigned failed, passed, skipped;
static unsigned long runs;

static char *read_file(const char *name)
{
	FILE *f = fopen(name, "rb");
	char *text = calloc(1, 1 << 20);

	if (!f || !text) {
		printf("%s: cannot be read\n", name);
		_exit(1);
	}
	if (fread(text, 1, (1 << 20) - 1, f) == (1 << 20) - 1)
		printf("%s: longer than a megabyte: the rest is not read\n", name);
	fclose(f);
	return text;
}

static void run_once(const char *text, enum mode mode)
{
	static const unsigned batches[3] = {1, 7, 256};
	struct setting set = {0};
	struct transcript t = {0};

	runs++;
	if (mode == SHARDS) {
		play(text, 3, &set, &t);
	} else {
		play(text, 1, &set, &t);
		for (unsigned i = 0; mode == EVERY && i < 3; i++, runs++)
			again_in_batches(&set, &t, batches[i]);
		if (mode == FAILURES)
			runs += again_with_failures(&set, &t, MOST_FAILURES);
	}
	transcript_free(&t);
	setting_free(&set);
}

static bool has_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	return at && (at == text || at[-1] == '\n') &&
	       (at[strlen(line)] == '\n' || !at[strlen(line)]);
}

static void run_file(const char *name, enum mode mode)
{
	char *text = read_file(name);

	here.file = name;
	if (mode == SHARDS && has_line(text, "one-shard")) {
		skipped++;
	} else if (setjmp(here.out) == 0) {
		run_once(text, mode);
		passed++;
	} else {
		failed++;
	}
	free(text);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void run_folder(const char *folder, enum mode mode)
{
	char *names[1000];
	unsigned n = 0;
	DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir) {
		run_file(folder, mode);
		return;
	}
	while ((entry = readdir(dir)) && n < 1000) {
		size_t len = strlen(entry->d_name);

		if (len > 4 && !strcmp(entry->d_name + len - 4, ".txt")) {
			names[n] = malloc(strlen(folder) + len + 2);
			sprintf(names[n++], "%s/%s", folder, entry->d_name);
		}
	}
	closedir(dir);
	qsort(names, n, sizeof(names[0]), by_name);
	for (unsigned i = 0; i < n; i++) {
		run_file(names[i], mode);
		free(names[i]);
	}
}

int main(int argc, char **argv)
{
	enum mode mode = EVERY;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--once"))
			mode = ONCE;
		else if (!strcmp(argv[i], "--shards"))
			mode = SHARDS;
		else if (!strcmp(argv[i], "--failures"))
			mode = FAILURES;
		else
			run_folder(argv[i], mode);
	}
	printf("%u scripts passed, %u failed, %u skipped; %lu runs\n", passed, failed, skipped,
	        runs);
	fflush(stdout);
	if (failed || !passed)
		_exit(1); /* a script that failed has left things behind */
	return 0;
}
