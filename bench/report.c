/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Figures: as lines of a table, as JSON Lines, and what changed between two such files.
 */
#include "bench/bench.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define FIGURES_MAX 1000

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct figure figure_of(double *values, unsigned n)
{
	qsort(values, n, sizeof(*values), by_value);
	return (struct figure){.median = values[n / 2], .min = values[0], .max = values[n - 1]};
}

void section(const char *title)
{
	printf("\n%-62s %9s %19s %7s\n", title, "median", "min - max", "floor x");
	fflush(stdout);
}

void report(struct figure *f, const char *unit, double floor, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->name, sizeof(f->name), format, args);
	va_end(args);
	f->unit = unit;
	f->floor = floor;
	printf("%-56s %5s %9.1f %9.1f-%-9.1f", f->name, unit, f->median, f->min, f->max);
	if (floor > 0)
		printf(" %7.2f", f->median / floor);
	putchar('\n');
	fflush(stdout);
	if (options.json)
		fprintf(options.json,
		        "{\"name\": \"%s\", \"unit\": \"%s\", \"median\": %.3f, \"min\": %.3f, "
		        "\"max\": %.3f, "
		        "\"floor\": %.3f}\n",
		        f->name, unit, f->median, f->min, f->max, floor);
}

/* ---- comparing ------------------------------------------------------------------------------- */

struct saved {
	char name[96], unit[8];
	double median, min, max, floor;
};

static unsigned load(const char *file, struct saved *out)
{
	FILE *f = fopen(file, "r");
	char line[512];
	unsigned n = 0;

	if (!f) {
		perror(file);
		exit(1);
	}
	while (n < FIGURES_MAX && fgets(line, sizeof(line), f)) {
		struct saved *s = &out[n];

		if (sscanf(line,
		            "{\"name\": \"%95[^\"]\", \"unit\": \"%7[^\"]\", \"median\": %lf, "
		            "\"min\": %lf, "
		            "\"max\": %lf, \"floor\": %lf",
		            s->name, s->unit, &s->median, &s->min, &s->max, &s->floor) == 6)
			n++;
	}
	fclose(f);
	return n;
}

/* By how much the figure went up, and, where the floor was measured too, its multiple of it. */
static void compare_one(const struct saved *a, const struct saved *b)
{
	double change = a->median > 0 ? (b->median / a->median - 1) * 100 : 0;
	const char *apart = b->min > a->max ? "up" : b->max < a->min ? "down" : "";

	printf("%-56s %5s %9.1f -> %9.1f %+7.1f %% %-4s", b->name, b->unit, a->median, b->median,
	        change, apart);
	if (a->floor > 0 && b->floor > 0)
		printf("  floor x %.2f -> %.2f", a->median / a->floor, b->median / b->floor);
	putchar('\n');
}

int compare(const char *before, const char *after)
{
	static struct saved a[FIGURES_MAX], b[FIGURES_MAX];
	unsigned na = load(before, a), nb = load(after, b);

	if (!na || !nb) {
		fprintf(stderr, "%s: no figures\n", na ? after : before);
		return 1;
	}
	printf("up, down: the runs do not overlap\n");
	for (unsigned i = 0; i < nb; i++) {
		unsigned k = 0;

		while (k < na && strcmp(a[k].name, b[i].name) != 0)
			k++;
		if (k < na)
			compare_one(&a[k], &b[i]);
		else
			printf("%-56s %5s %9s -> %9.1f\n", b[i].name, b[i].unit, "new",
			        b[i].median);
	}
	return 0;
}
