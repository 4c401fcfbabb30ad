/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench: what packets and connections cost. README.md says how each figure is measured.
 *
 *	bench [-j FILE] [--quick] [--huge] [--flows MAX] [SECTION ...]
 *	bench --compare BEFORE.json AFTER.json
 */
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>

struct options options = {.runs = 7, .packets = 1u << 20, .flows_max = 10000000};

static const struct {
	const char *name;
	void (*run)(void);
} sections[] = {
        {"floor", bench_floor},
        {"established", bench_established},
        {"life", bench_life},
        {"ports", bench_ports},
        {"flood", bench_flood},
        {"rules", bench_rules},
        {"helpers", bench_helpers},
        {"cores", bench_cores},
        {"control", bench_control},
};

static int usage(void)
{
	fprintf(stderr, "usage: bench [-j FILE] [--quick] [--huge] [--flows MAX] [SECTION ...]\n"
	                "       bench --compare BEFORE.json AFTER.json\nsections:");
	for (unsigned i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		fprintf(stderr, " %s", sections[i].name);
	fputc('\n', stderr);
	return 1;
}

static bool wanted(const char *name, char **list, int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(list[i], name))
			return true;
	return n == 0;
}

static bool known(const char *name)
{
	for (unsigned i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (!strcmp(sections[i].name, name))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	int at = 1;

	if (argc == 4 && !strcmp(argv[1], "--compare"))
		return compare(argv[2], argv[3]);
	for (; at < argc && argv[at][0] == '-'; at++) {
		if (!strcmp(argv[at], "--quick")) {
			options.quick = true;
			options.runs = 1;
			options.packets = 1u << 14;
			options.flows_max = 100000;
		} else if (!strcmp(argv[at], "--huge")) {
			options.huge = true;
		} else if (!strcmp(argv[at], "--flows") && at + 1 < argc) {
			options.flows_max = (uint32_t)strtoul(argv[++at], NULL, 10);
		} else if (!strcmp(argv[at], "-j") && at + 1 < argc) {
			options.json = fopen(argv[++at], "w");
			if (!options.json) {
				perror(argv[at]);
				return 1;
			}
		} else {
			return usage();
		}
	}
	for (int i = at; i < argc; i++)
		if (!known(argv[i]))
			return usage();
	for (unsigned i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (wanted(sections[i].name, argv + at, argc - at))
			sections[i].run();
	return options.json && fclose(options.json) ? 1 : 0;
}
