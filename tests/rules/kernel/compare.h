/* SPDX-License-Identifier: BSD-2-Clause */
/* The comparison across its files: compare.c (rulesets), steps.c (packets), tables.c (what is left). */
#ifndef TESTS_RULES_COMPARE_H
#define TESTS_RULES_COMPARE_H

#include "engine.h"
#include "kernel.h"
#include "loose.h"

#define FLOWS_MAX 65536

struct run {
	const char *name;
	struct loose loose;
	unsigned step, shown;
	struct kernel *kernel; /* NULL: sluice against itself, `asked` in the kernel's place */
	struct half *half, *asked;
	struct flow *flows[FLOWS_MAX]; /* steps.c */
};

extern struct total {
	unsigned rulesets, failed, differences, refused, verbose;
	unsigned long packets, rules, hit;
} total;

/* A difference: it is counted, and the first few of a ruleset are shown. */
void differ(struct run *r, const char *what, const char *kernel, const char *sluice);
/* To be freed. */
char *hex(const uint8_t *data, uint32_t len);

/* steps.c: put the steps of that file through both; false: it cannot be read. */
bool steps(struct run *r, const char *file);

/* tables.c */
void compare_conns(struct run *r);
void compare_counters(struct run *r);

#endif
