/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_PROG_LIVE_LOG_H
#define SLUICE_PROG_LIVE_LOG_H

/*
 * What a gateway tells its log, on stderr: one event a line, as text or as JSON Lines
 * (--log json). Under systemd, lines begin with their priority.
 */
#include <stdbool.h>

enum sl_log_level { SL_LOG_ERROR = 3, SL_LOG_WARNING = 4, SL_LOG_NOTICE = 5, SL_LOG_INFO = 6 };

void sl__log_init(bool json);
/* `event` is a short stable word; then names and values, both texts, ended by NULL. */
void sl__log(enum sl_log_level level, const char *event, ...) __attribute__((sentinel));

#endif
