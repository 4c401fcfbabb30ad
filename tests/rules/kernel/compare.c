/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rulesets x packets through the kernel and through sluice:
 *
 *	compare [-v] [-m] [-n HITS%] DIRECTORY     every NAME.nft of it, with the steps of NAME.steps
 *
 * With -m the kernel is left out, and sluice compared with itself: what it remembers of connections
 * against asking every rule for every packet. That needs no root.
 *
 * Compared are: whether nft and sluice read the ruleset at all; for each packet how tracking
 * classed it, whether it was forwarded (by which side), delivered, dropped or refused, its mark, and
 * the bytes that came out: the packet's, in fragments where it left so, or the answer's; in the end the table of
 * connections (tuples, status, mark, zone, helper, timeout, counters) and the counters of the rules.
 * First lines of NAME.nft may say
 *
 *	# refused: WORDS       nft reads it, sluice does not, and says WORDS
 *	# loose: RANGE         what is chosen freely (loose.h)
 *
 * Exit status: 0 all is the same, 1 something is not, 77 this machine cannot.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compare.h"

#define SHOWN_MAX 3 /* differences shown of one ruleset */

struct total total;

void differ(struct run *r, const char *what, const char *kernel, const char *sluice)
{
	total.differences++;
	if (r->shown++ < SHOWN_MAX || total.verbose)
		printf("%s: step %u: %s: kernel %s, sluice %s\n", r->name, r->step, what, kernel,
		        sluice);
}

char *hex(const uint8_t *data, uint32_t len)
{
	char *out = malloc(2 * len + 1);

	for (uint32_t i = 0; i < len; i++)
		sprintf(out + 2 * i, "%02x", data[i]);
	out[2 * len] = 0;
	return out;
}

/* ---- one ruleset ---- */

static void first_line(const char *file, const char *tag, char *out, size_t size)
{
	FILE *f = fopen(file, "r");
	char line[300];

	*out = 0;
	while (f && fgets(line, sizeof line, f) && line[0] == '#') {
		if (!strncmp(line + 2, tag, strlen(tag)))
			snprintf(out, size, "%.*s", (int)strcspn(line + 2 + strlen(tag), "\n"),
			        line + 2 + strlen(tag));
	}
	if (f)
		fclose(f);
}

static void read_loose(struct run *r, const char *file)
{
	static const char tag[] = "# loose: ";
	FILE *f = fopen(file, "r");
	char line[300];

	while (f && fgets(line, sizeof line, f) && line[0] == '#')
		if (!strncmp(line, tag, sizeof tag - 1) &&
		        !loose_add(&r->loose, line + sizeof tag - 1))
			differ(r, "loose", "this line is not understood", line);
	if (f)
		fclose(f);
}

static void one(struct kernel *kernel, const char *dir, const char *name)
{
	struct run *r = calloc(1, sizeof *r);
	char nft[4096], file[4096], refused[200], k_said[4000], s_said[4000];
	bool k_reads;

	snprintf(nft, sizeof nft, "%s/%s.nft", dir, name);
	snprintf(file, sizeof file, "%s/%s.steps", dir, name);
	first_line(nft, "refused: ", refused, sizeof refused);
	*r = (struct run){.name = name, .kernel = kernel};
	read_loose(r, nft);
	total.rulesets++;
	if (!kernel)
		r->asked = half_create(nft, HALF_ASKED, k_said, sizeof k_said);
	k_reads = kernel ? kernel_load(kernel, nft, k_said, sizeof k_said) : r->asked != NULL;
	r->half = half_create(nft, kernel ? HALF_REAL : HALF_COUNTED, s_said, sizeof s_said);
	if (*refused) {
		total.refused++;
		if (r->half || !strstr(s_said, refused))
			differ(r, "refused", k_reads ? "reads it" : k_said,
			        r->half ? "reads it" : s_said);
	} else if (!k_reads || !r->half) { /* a ruleset that neither reads proves nothing */
		differ(r, "loading", k_reads ? "reads it" : k_said, r->half ? "reads it" : s_said);
	} else if (k_reads && steps(r, file)) {
		compare_counters(r);
		compare_conns(r);
	}
	total.failed += r->shown != 0;
	if (r->shown > SHOWN_MAX && !total.verbose)
		printf("%s: %u differences in all\n", name, r->shown);
	if (r->half)
		half_destroy(r->half);
	if (r->asked)
		half_destroy(r->asked);
	for (unsigned i = 0; i < FLOWS_MAX; i++)
		free(r->flows[i]);
	free(r);
}

static int is_ruleset(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 4 && !strcmp(e->d_name + len - 4, ".nft");
}

int main(int argc, char **argv)
{
	static struct kernel kernel;
	struct dirent **list = NULL;
	unsigned least = 0;
	bool alone = false;
	int c, n;

	while ((c = getopt(argc, argv, "vmn:")) != -1) {
		if (c == 'v')
			total.verbose++;
		else if (c == 'm')
			alone = true;
		else if (c == 'n')
			least = (unsigned)atoi(optarg);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (optind + 1 != argc || (n = scandir(argv[optind], &list, is_ruleset, alphasort)) < 0) {
		fprintf(stderr, "usage: compare [-v] [-m] [-n HITS%%] DIRECTORY\n");
		return 1;
	}
	if (!alone && !kernel_init(&kernel, argv[optind])) {
		printf("SKIP the comparison with the kernel: it needs root, nft, nf_tables and TUN "
		       "devices\n");
		return 77;
	}
	for (int i = 0; i < n; i++) {
		list[i]->d_name[strlen(list[i]->d_name) - 4] = 0;
		one(alone ? NULL : &kernel, argv[optind], list[i]->d_name);
		free(list[i]);
	}
	free(list);
	printf("%u rulesets (%u refused as expected), %lu packets, %u differences in %u rulesets; "
	       "%lu of %lu counted rules were hit (%lu %%)\n",
	        total.rulesets, total.refused, total.packets, total.differences, total.failed,
	        total.hit, total.rules, total.rules ? total.hit * 100 / total.rules : 100);
	return total.differences ||
	       (total.rules && total.hit * 100 < (unsigned long)least * total.rules);
}
