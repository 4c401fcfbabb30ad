/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Failures of the tests' own library: a line on stderr, then abort(), so that unit tests, fuzz
 * targets and what is neither can share it.
 */
#ifndef TESTS_LIB_MUST_H
#define TESTS_LIB_MUST_H

/* What is being tried, for whoever reads of a failure. */
extern char must_playing[256];

__attribute__((noreturn, format(printf, 1, 2))) void must_fail(const char *format, ...);

#define MUST(condition)                                                                            \
	((condition) ? (void)0 : must_fail("%s:%d: %s", __FILE__, __LINE__, #condition))

#endif
