/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of a line. A word ends at a space; "..." is one word with C's escapes, <...> too.
 * `#` outside of strings begins a comment.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

struct place here;

void wrong(const char *format, ...)
{
	va_list args;

	printf("%s:%u: ", here.file, here.line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	longjmp(here.out, 1);
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, tolower(c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* {port}, {hi}, {lo}: of the newest expectation. Returns what was read of it; 0: none of these. */
static size_t variable(const char *text, uint16_t port, char **out)
{
	static const char *const names[3] = {"{port}", "{hi}", "{lo}"};
	const unsigned values[3] = {port, port >> 8, port & 255u};

	for (unsigned i = 0; i < 3; i++)
		if (!strncmp(text, names[i], strlen(names[i]))) {
			*out += sprintf(*out, "%u", values[i]);
			return strlen(names[i]);
		}
	return 0;
}

static const char *escape(const char *s, char **out)
{
	static const char names[] = "nrt0\\\"{", values[] = "\n\r\t\0\\\"{";
	const char *at;

	if (*s == 'x' && hex(s[1]) >= 0 && hex(s[2]) >= 0) {
		*(*out)++ = (char)(hex(s[1]) << 4 | hex(s[2]));
		return s + 3;
	}
	at = *s ? strchr(names, *s) : NULL;
	if (!at)
		wrong("unknown escape \\%c", *s);
	*(*out)++ = values[at - names];
	return s + 1;
}

static const char *read_string(const char *s, uint16_t port, char **out)
{
	for (s++; *s != '"';) {
		size_t n = *s == '{' ? variable(s, port, out) : 0;

		if (!*s)
			wrong("a string without its closing quote");
		if (n)
			s += n;
		else if (*s == '\\')
			s = escape(s + 1, out);
		else
			*(*out)++ = *s++;
	}
	return s + 1;
}

static const char *read_plain(const char *s, char **out)
{
	char until = *s == '<' && s[1] && !isspace((unsigned char)s[1]) ? '>' : 0;

	while (*s && (until || !isspace((unsigned char)*s))) {
		*(*out)++ = *s;
		if (until && *s == until)
			return s + 1;
		s++;
	}
	return s;
}

void words_read(struct line *line, const char *text, uint16_t port)
{
	char *out = malloc(strlen(text) * 4 + MAX_WORDS + 16);

	*line = (struct line){.room = out};
	for (const char *s = text;;) {
		struct word *w = &line->word[line->n];

		while (isspace((unsigned char)*s))
			s++;
		if (!*s || *s == '#')
			return;
		if (line->n == MAX_WORDS)
			wrong("too many words");
		*w = (struct word){.text = out, .string = *s == '"'};
		s = w->string ? read_string(s, port, &out) : read_plain(s, &out);
		w->len = (size_t)(out - w->text);
		*out++ = 0;
		line->n++;
	}
}

void words_free(struct line *line)
{
	free(line->room);
	*line = (struct line){0};
}

struct word *words_next(struct line *line)
{
	return line->at < line->n ? &line->word[line->at++] : NULL;
}

bool words_end(const struct line *line)
{
	return line->at == line->n;
}

bool words_take(struct line *line, const char *text)
{
	if (words_end(line) || line->word[line->at].string ||
	        strcmp(line->word[line->at].text, text))
		return false;
	line->at++;
	return true;
}

uint64_t words_number(struct line *line, const char *what)
{
	struct word *w = words_next(line);
	unsigned long long value;
	char *end;

	if (!w || w->string || (!isdigit((unsigned char)w->text[0]) && w->text[0] != '-'))
		wrong("expected %s (a number)%s%s", what, w ? " instead of " : "",
		        w ? w->text : "");
	value = w->text[0] == '-' ? (unsigned long long)strtoll(w->text, &end, 0)
	                          : strtoull(w->text, &end, 0);
	if (*end)
		wrong("%s: not a number", w->text);
	return value;
}

uint64_t words_time(struct line *line)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {{"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000},
	        {"d", 86400000000000}};
	struct word *w = words_next(line);
	char *end;
	double value;

	if (!w)
		wrong("expected a time, as 20ms, 1.5s, 2m, 1h, 5d");
	value = strtod(w->text, &end);
	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (end != w->text && !strcmp(end, units[i].unit))
			return (uint64_t)(value * (double)units[i].ns + 0.5);
	wrong("%s: not a time (20ms, 1.5s, 2m, 1h, 5d)", w->text);
}

struct endpoint words_endpoint(const char *text)
{
	struct endpoint e = {0};
	char addr[64];
	const char *port = NULL, *close;
	enum sl_family family;

	snprintf(addr, sizeof(addr), "%s", text);
	if (text[0] == '[') {
		close = strchr(text, ']');
		if (!close)
			wrong("%s: no closing bracket", text);
		snprintf(addr, sizeof(addr), "%.*s", (int)(close - text - 1), text + 1);
		port = close[1] == ':' ? close + 2 : NULL;
	} else if (strchr(text, ':') && strchr(text, ':') == strrchr(text, ':')) {
		*strchr(addr, ':') = 0;
		port = strchr(text, ':') + 1;
	}
	if (!sl_addr_parse(addr, &e.addr, &family))
		wrong("%s: not an endpoint (10.0.0.2:21, [fd00::2]:21)", text);
	e.family = (uint8_t)family;
	e.has_port = port != NULL;
	e.port = port ? (uint16_t)strtoul(port, NULL, 0) : 0;
	return e;
}

bool endpoint_is(const struct endpoint *a, const struct sl_addr *addr, uint16_t port)
{
	return sl_addr_eq(&a->addr, addr) && (!a->has_port || a->port == port);
}

const char *endpoint_text(const struct endpoint *e, char out[64])
{
	char addr[SL_ADDR_TEXT];

	snprintf(out, 64, e->family == SL_IPV6 ? "[%s]:%u" : "%s:%u",
	        sl_addr_text(&e->addr, (enum sl_family)e->family, addr), e->port);
	return out;
}
