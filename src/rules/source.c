/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Texts and mistakes in them. A place is a range of bytes in a text; line and column are
 * found only when a mistake is shown, in the form that nft has:
 *
 *	rules.nft:3:26-29: Error: expected a field of tcp
 *	 ip saddr 10.0.0.0/24 tcp dprt 22 drop
 *	                          ^^^^
 */
#include "rules/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 400 /* characters of a line that are shown */

struct sl__source *sl__source_new(struct sl_rules *r, const char *name, const char *text, size_t len)
{
	struct sl__source *s = sl__arena_get(&r->arena, sizeof *s);

	s->name = sl__arena_text(&r->arena, name, strlen(name));
	s->text = sl__arena_text(&r->arena, text, len);
	s->len = len;
	r->text_size += len;
	return s;
}

struct spot {
	unsigned line, column, last;
	const char *start; /* of the line */
	size_t len;
};

static struct spot find_spot(const struct sl__source *s, uint32_t at, uint32_t end)
{
	struct spot spot = {.line = 1, .start = s->text};
	size_t i;

	for (i = 0; i < at && i < s->len; i++) {
		if (s->text[i] == '\n') {
			spot.line++;
			spot.start = s->text + i + 1;
		}
	}
	while (spot.start + spot.len < s->text + s->len && spot.start[spot.len] != '\n')
		spot.len++;
	spot.column = (unsigned)(s->text + at - spot.start) + 1;
	spot.last = spot.column + (end > at ? end - at : 1) - 1;
	if (spot.last > spot.len + 1)
		spot.last = (unsigned)spot.len + 1;
	if (spot.last < spot.column)
		spot.last = spot.column;
	return spot;
}

unsigned sl__place_line(struct sl__place place)
{
	return find_spot(place.source, place.at, place.end).line;
}

static size_t put_source_line(char *out, size_t size, const struct spot *spot)
{
	size_t shown = spot->len < SHOWN_MAX ? spot->len : SHOWN_MAX, n = 0;
	unsigned i;

	if (size < 2 * SHOWN_MAX + 8)
		return 0;
	for (i = 0; i < shown; i++)
		out[n++] = spot->start[i] >= 0 && spot->start[i] < ' ' ? ' ' : spot->start[i];
	out[n++] = '\n';
	for (i = 1; i < spot->column && i <= shown; i++)
		out[n++] = ' ';
	for (; i <= spot->last && i <= shown + 1; i++)
		out[n++] = '^';
	out[n++] = '\n';
	out[n] = 0;
	return n;
}

static size_t put_origin(char *out, size_t size, const struct sl__source *s)
{
	struct spot spot;
	int n;

	if (!s->from)
		return 0;
	spot = find_spot(s->from, s->from_at, s->from_end);
	n = snprintf(out, size, "In file included from %.200s:%u:%u-%u:\n", s->from->name,
		spot.line, spot.column, spot.last);
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

void sl__rules_report(struct sl_rules *r, struct sl__place place, const char *kind, const char *format, ...)
{
	char text[2048];
	struct spot spot = {0};
	size_t n = 0;
	va_list args;
	int added;

	if (place.source) {
		n = put_origin(text, sizeof text, place.source);
		spot = find_spot(place.source, place.at, place.end);
		added = snprintf(text + n, sizeof text - n, "%.200s:%u:%u-%u: ", place.source->name,
			spot.line, spot.column, spot.last);
		n += added > 0 ? (size_t)added : 0;
	}
	added = snprintf(text + n, sizeof text - n, "%s: ", kind);
	n += added > 0 ? (size_t)added : 0;
	va_start(args, format);
	added = vsnprintf(text + n, 500, format, args);
	va_end(args);
	n += added > 0 ? (size_t)(added < 500 ? added : 499) : 0;
	text[n++] = '\n';
	text[n] = 0;
	if (place.source)
		put_source_line(text + n, sizeof text - n, &spot);
	if (r->env.report)
		r->env.report(r->env.ctx, text);
	if (kind[0] == 'E' && ++r->errors >= SL_RULES_ERROR_MAX)
		longjmp(r->give_up, 2);
}
