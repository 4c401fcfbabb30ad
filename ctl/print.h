/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_CTL_PRINT_H
#define SLUICE_CTL_PRINT_H

/*
 * A text that grows, and connections, expectations and events as conntrack(8) prints them.
 */
#include <stdbool.h>
#include <stddef.h>

#include <sluice/sluice.h>

struct sl_print {
	char *bytes; /* not NUL-terminated */
	size_t len, size;
};

void sl__print_fini(struct sl_print *t);
void sl__print_put(struct sl_print *t, const void *bytes, size_t len);
__attribute__((format(printf, 2, 3))) void sl__print_printf(
        struct sl_print *t, const char *format, ...);

/* A line each, newline included. extended: with the address family in front, as -o extended. */
void sl__print_conn(struct sl_print *t, const struct sl_conn_info *info, bool extended);
void sl__print_expect(struct sl_print *t, const struct sl_expect_info *info);
void sl__print_conn_event(
        struct sl_print *t, const struct sl_event *event, const struct sl_conn_info *info);
void sl__print_expect_event(
        struct sl_print *t, const struct sl_event *event, const struct sl_expect_info *info);

#endif
