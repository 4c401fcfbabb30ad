/* SPDX-License-Identifier: BSD-2-Clause */
/* See live_log.h. The one thing in the program that is global: stderr is, too. */
#include "prog/live_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/json.h"
#include "ctl/print.h"

static struct {
	bool json, priorities;
} settings;

void sl__log_init(bool json)
{
	settings.json = json;
	settings.priorities = getenv("JOURNAL_STREAM") != NULL;
}

static const char *level_text(enum sl_log_level level)
{
	switch (level) {
	case SL_LOG_ERROR:
		return "error";
	case SL_LOG_WARNING:
		return "warning";
	case SL_LOG_NOTICE:
		return "notice";
	case SL_LOG_INFO:
		break;
	}
	return "info";
}

/* RFC 3339, UTC. */
static void put_time(char out[40])
{
	struct timespec t;
	struct tm parts;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &parts);
	len = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(out + len, 40 - len, ".%03dZ", (int)(t.tv_nsec / 1000000));
}

static void put_json(
        struct sl_print *line, enum sl_log_level level, const char *event, va_list args)
{
	const char *name;
	struct sl_json j;
	char time[40];

	put_time(time);
	sl__json_init(&j);
	sl__json_object(&j, NULL);
	sl__json_str(&j, "time", time);
	sl__json_str(&j, "level", level_text(level));
	sl__json_str(&j, "event", event);
	while ((name = va_arg(args, const char *)))
		sl__json_str(&j, name, va_arg(args, const char *));
	sl__json_end(&j);
	sl__print_put(line, j.text, j.len);
	sl__json_fini(&j);
}

static void put_value(struct sl_print *line, const char *value)
{
	bool plain = *value && !strpbrk(value, " \"=\n");

	sl__print_printf(line, plain ? "%s" : "\"%s\"", value);
}

static void put_text(struct sl_print *line, const char *event, va_list args)
{
	const char *name;

	sl__print_printf(line, "sluice: %s", event);
	while ((name = va_arg(args, const char *))) {
		sl__print_printf(line, " %s=", name);
		put_value(line, va_arg(args, const char *));
	}
}

void sl__log(enum sl_log_level level, const char *event, ...)
{
	struct sl_print line = {0};
	va_list args;

	if (settings.priorities)
		sl__print_printf(&line, "<%d>", (int)level);
	va_start(args, event);
	if (settings.json)
		put_json(&line, level, event, args);
	else
		put_text(&line, event, args);
	va_end(args);
	sl__print_put(&line, "\n", 1);
	if (write(STDERR_FILENO, line.bytes, line.len) < 0) {
		/* nobody listens */
	}
	sl__print_fini(&line);
}
