/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `sluice top`: a screen of what a running gateway does, drawn anew each second: totals with
 * their rates, the reasons of drops, the busiest connections and the expectations. All of it
 * comes from the control socket, by the same commands that anybody can give. With -b, frames go
 * to stdout as text, for terminals that cannot and for scripts.
 *
 * A small screen shows less of each part rather than only the first ones: of what the totals leave, reasons and
 * expectations take a third each at most, the busiest connections what is left.
 */
#include "prog/help.h"
#include "prog/top.h"

#include <errno.h>
#include <stdarg.h>
#include <locale.h>
#include <ncurses.h>
#include <term.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/client.h"
#include "ctl/mem.h"
#include "ctl/server.h"
#include "prog/options.h"

enum { NAMES = 256, BUSIEST = 40, EXPECTS = 10, REASONS = 12 };

struct count {
	char name[40];
	unsigned long long value, before;
	bool reason;
};

struct screen {
	const char *path;
	struct count counts[NAMES];
	unsigned n;
	char *busiest, *expects;
	double seconds; /* between the last two looks */
	struct timespec looked;
	bool first;
	/* Where a frame goes. */
	bool batch;
	int line;
};

/* ---- looking -------------------------------------------------------------------------------- */

/* The answer to a command as a text; NULL: there is no gateway. */
static char *ask(const struct screen *s, const char *const *words, unsigned n)
{
	int fd = sl__client_ask(s->path, words, n), status;
	char *text = NULL;
	size_t len = 0, got;
	FILE *f;

	if (fd < 0)
		return NULL;
	f = tmpfile();
	if (f) {
		status = sl__client_copy(fd, fileno(f), fileno(f));
		len = (size_t)lseek(fileno(f), 0, SEEK_END);
		lseek(fileno(f), 0, SEEK_SET);
		text = sl__must_alloc(len + 1);
		got = fread(text, 1, len, f);
		text[got] = '\0';
		fclose(f);
		if (status) {
			free(text);
			text = NULL;
		}
	}
	close(fd);
	return text;
}

static struct count *find(struct screen *s, const char *name, bool reason)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->counts[i].reason == reason && strcmp(s->counts[i].name, name) == 0)
			return &s->counts[i];
	if (s->n == NAMES)
		return NULL;
	s->counts[s->n] = (struct count){.reason = reason};
	snprintf(s->counts[s->n].name, sizeof(s->counts[s->n].name), "%s", name);
	return &s->counts[s->n++];
}

static void read_stats(struct screen *s, const char *text)
{
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		unsigned long long value;
		struct count *count;
		char name[40];

		line += *line == '\n';
		if (sscanf(line, "reason %39s %llu", name, &value) == 2)
			count = find(s, name, true);
		else if (sscanf(line, "%39s %llu", name, &value) == 2)
			count = find(s, name, false);
		else
			continue;
		if (!count)
			continue;
		count->before = s->first ? value : count->value;
		count->value = value;
	}
}

/* What is shown is not told once more in words. */
static void cut_total(char *text)
{
	char *words = text ? strstr(text, " have been shown") : NULL;

	while (words && words > text && words[-1] != '\n')
		words--;
	if (words)
		*words = '\0';
}

static bool look(struct screen *s)
{
	static const char *const stats[] = {"stats"}, *const busiest[] = {"busiest"},
	                         *const expects[] = {"expect"};
	struct timespec now;
	char *text = ask(s, stats, 1);

	if (!text)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	s->seconds = (double)(now.tv_sec - s->looked.tv_sec) +
	             (double)(now.tv_nsec - s->looked.tv_nsec) * 1e-9;
	s->looked = now;
	read_stats(s, text);
	s->first = false;
	free(text);
	free(s->busiest);
	free(s->expects);
	s->busiest = ask(s, busiest, 1);
	s->expects = ask(s, expects, 1);
	cut_total(s->busiest);
	cut_total(s->expects);
	return true;
}

/* ---- drawing -------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void put(
        struct screen *s, bool bold, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (s->batch) {
		printf("%s\n", line);
		return;
	}
	if (s->line >= LINES)
		return;
	if (bold)
		attron(A_BOLD);
	mvaddnstr(s->line++, 0, line, COLS);
	if (bold)
		attroff(A_BOLD);
}

static double rate(const struct screen *s, const struct count *c)
{
	return s->seconds > 0 ? (double)(c->value - c->before) / s->seconds : 0;
}

static unsigned long long value(struct screen *s, const char *name)
{
	const struct count *c = find(s, name, false);

	return c ? c->value : 0;
}

static double rate_of(struct screen *s, const char *name)
{
	const struct count *c = find(s, name, false);

	return c ? rate(s, c) : 0;
}

/* 42 s, 7 min, 5 h, 3 days: the screen shows what goes on, not how long exactly. */
static const char *long_ago(unsigned long long seconds, char text[32])
{
	static const struct {
		unsigned long long from, unit;
		const char *name;
	} units[] = {{172800, 86400, "days"}, {7200, 3600, "h"}, {120, 60, "min"}, {0, 1, "s"}};
	unsigned i = 0;

	while (seconds < units[i].from)
		i++;
	snprintf(text, 32, "%llu %s", seconds / units[i].unit, units[i].name);
	return text;
}

static void draw_totals(struct screen *s)
{
	char up[32];

	put(s, true, "sluice  up %s   connections %llu (%llu unreplied)   expectations %llu",
	        long_ago(value(s, "uptime"), up), value(s, "connections"),
	        value(s, "connections_unreplied"), value(s, "expectations"));
	put(s, false, "packets/s %.0f   Mbit/s %.1f   new connections/s %.0f   evicted/s %.0f",
	        rate_of(s, "packets") + rate_of(s, "fast_packets"),
	        (rate_of(s, "bytes") + rate_of(s, "fast_bytes")) * 8 / 1e6,
	        rate_of(s, "connections_made"), rate_of(s, "connections_evicted"));
	put(s, false,
	        "accepted/s %.0f   by BPF/s %.0f   dropped/s %.0f   held/s %.0f   answers/s %.0f   unsent %llu",
	        rate_of(s, "accepted"), rate_of(s, "fast_packets"), rate_of(s, "dropped"),
	        rate_of(s, "held"), rate_of(s, "answers"), value(s, "unsent"));
}

static int by_value(const void *a, const void *b)
{
	const struct count *x = *(const struct count *const *)a,
	                   *y = *(const struct count *const *)b;

	return (x->value < y->value) - (x->value > y->value);
}

/* Lines of one part, of at most so many; its title and the empty one before it are not among them. */
static unsigned part(const struct screen *s, unsigned most)
{
	int third = (LINES - 3) / 3 - 2;

	if (s->batch || third > (int)most)
		return most;
	return third < 1 ? 1 : (unsigned)third;
}

static void draw_reasons(struct screen *s)
{
	unsigned most = part(s, REASONS);
	const struct count *found[NAMES];
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		if (s->counts[i].reason)
			found[n++] = &s->counts[i];
	qsort(found, n, sizeof(found[0]), by_value);
	put(s, false, "%s", "");
	put(s, true, "%-28s %12s %10s", "reasons", "count", "per s");
	for (unsigned i = 0; i < n && i < most; i++)
		put(s, false, "%-28s %12llu %10.1f", found[i]->name, found[i]->value,
		        rate(s, found[i]));
}

/* The n-th value (from 0) of a key in a line as conntrack prints it; empty: it has none. */
static const char *word(const char *line, const char *key, unsigned n, char out[64])
{
	size_t len = strlen(key);

	out[0] = '\0';
	for (const char *at = line; (at = strstr(at, key)) != NULL; at += len)
		if ((at == line || at[-1] == ' ') && n-- == 0) {
			snprintf(out, 64, "%.*s", (int)strcspn(at + len, " "), at + len);
			break;
		}
	return out;
}

/* A connection in few columns: how much, what, whence and where to. */
static void draw_conn(struct screen *s, const char *line)
{
	char proto[16] = "", state[24] = "", src[64], dst[64], sport[64], dport[64], n[2][64];

	sscanf(line, "%15s %*u %*u %23[A-Z0-9_]", proto, state);
	word(line, "sport=", 0, sport);
	word(line, "dport=", 0, dport);
	put(s, false, "%14llu %-6s %-11s %s%s%s > %s%s%s%s",
	        strtoull(word(line, "bytes=", 0, n[0]), NULL, 10) +
	                strtoull(word(line, "bytes=", 1, n[1]), NULL, 10),
	        proto, state, word(line, "src=", 0, src), *sport ? " " : "", sport,
	        word(line, "dst=", 0, dst), *dport ? " " : "", dport,
	        strstr(line, "[OFFLOAD]") ? "  [OFFLOAD]" : "");
}

/* On a screen connections are short; as text they are as `sluice list` prints them. */
static void draw_lines(
        struct screen *s, const char *title, const char *text, unsigned most, bool conns)
{
	put(s, false, "%s", "");
	put(s, true, "%s", title);
	for (const char *line = text; line && *line && most; most--) {
		size_t len = strcspn(line, "\n");
		char one[400];

		snprintf(one, sizeof(one), "%.*s", (int)len, line);
		if (conns && !s->batch)
			draw_conn(s, one);
		else
			put(s, false, "%s", one);
		line += len + (line[len] == '\n');
	}
}

static void draw(struct screen *s)
{
	s->line = 0;
	if (!s->batch)
		erase();
	draw_totals(s);
	draw_reasons(s);
	if (s->expects && *s->expects)
		draw_lines(s, "expectations", s->expects, part(s, EXPECTS), false);
	draw_lines(s, s->batch ? "busiest connections" : "         bytes  busiest connections",
	        s->busiest, BUSIEST, true);
	if (!s->batch)
		refresh();
	else
		fflush(stdout);
}

/* ---- the command ---------------------------------------------------------------------------- */

static int gone(const struct screen *s)
{
	fprintf(stderr,
	        "sluice top: %s: %s (is `sluice run` running? its socket: --control PATH)\n",
	        s->path, errno ? strerror(errno) : "no answer");
	return 1;
}

static int in_batches(struct screen *s, uint64_t frames)
{
	for (uint64_t i = 0; i < frames; i++) {
		if (i)
			sleep(1);
		if (!look(s))
			return gone(s);
		draw(s);
	}
	return 0;
}

static double since_looked(const struct screen *s)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - s->looked.tv_sec) +
	       (double)(now.tv_nsec - s->looked.tv_nsec) * 1e-9;
}

/* A terminal where text can be put anywhere? */
static bool open_screen(void)
{
	const char *name = getenv("TERM");
	SCREEN *screen = isatty(STDOUT_FILENO) ? newterm(NULL, stdout, stdin) : NULL;

	if (screen && cursor_address)
		return true;
	if (screen)
		endwin();
	fprintf(stderr, "sluice top: no screen can be drawn here (%s%s): -b prints text\n",
	        isatty(STDOUT_FILENO) ? "TERM=" : "stdout is no terminal",
	        isatty(STDOUT_FILENO) ? name ? name : "" : "");
	return false;
}

static int on_screen(struct screen *s)
{
	bool there = true;
	int key;

	setlocale(LC_ALL, "");
	if (!look(s))
		return gone(s);
	if (!open_screen())
		return 1;
	cbreak();
	noecho();
	curs_set(0);
	timeout(1000);
	do {
		draw(s);
		key = getch(); /* or a new size: drawn at once, with the rates of the last second */
		if (key != 'q' && since_looked(s) >= 1)
			there = look(s);
	} while (there && key != 'q');
	endwin();
	return there ? 0 : gone(s);
}

const char sl__top_help[] =
        "usage: sluice top [--control PATH] [-b [-n FRAMES]]\n"
        "\n"
        "A screen of the running gateway, each second: packets, connections and expectations, the\n"
        "busiest connections, why packets are dropped. q ends it.\n"
        "\n"
        "      --control PATH    the gateway's socket (default " SL_CONTROL_PATH ")\n"
        "  -b                    no screen: frames of text on stdout\n"
        "  -n FRAMES             with -b: so many (default 1)\n";

int sl__top_main(int argc, char **argv)
{
	struct screen *s = sl__must_alloc(sizeof(*s));
	uint64_t frames = 1;
	int status = 0;

	*s = (struct screen){.path = SL_CONTROL_PATH, .first = true};
	for (int i = 1; i < argc && !status; i++) {
		if (strcmp(argv[i], "--control") == 0 && i + 1 < argc)
			s->path = argv[++i];
		else if (strcmp(argv[i], "-b") == 0)
			s->batch = true;
		else if (strcmp(argv[i], "-n") == 0 && i + 1 < argc)
			status = !sl__option_number(argv[++i], UINT32_MAX, &frames) || !frames;
		else
			status = 1;
	}
	if (status)
		fputs(sl__top_help, stderr);
	else
		status = s->batch ? in_batches(s, frames) : on_screen(s);
	free(s->busiest);
	free(s->expects);
	free(s);
	return status;
}
