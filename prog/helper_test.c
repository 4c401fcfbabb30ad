/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `sluice helper test FILE.so CAPTURE`: the dialogue as `sluice replay --masquerade` tells it, then
 * the same capture as a network might have brought it (helper_vary.c). FILE may also be the name of
 * a built-in helper.
 *
 *	TCP	each segment of the helper's ports cut in two, behind its first byte, its second, and so
 *		on: the same must be expected, and both sides must get the same bytes
 *	UDP	each datagram twice, neighbours in another order: said, for a helper may make more
 *		of that; with their end missing: nothing may be expected that the whole does not announce
 *
 * Each replay is a process of its own that writes into a folder; what is compared is read from
 * there: what was expected from its account, and the streams from in0.pcap and out0.pcap.
 */
#include "prog/help.h"
#include "prog/helper.h"
#include "prog/helpers.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/helper.h>
#include <sluice/sluice.h>

#include "base/wire.h"

enum { CUTS_MAX = 1500, FLOWS = 64, STREAM = 65536, EXPECTS = 65536, SYN = 2 };

/* One direction's bytes, by place. */
struct flow {
	uint8_t key[36]; /* addresses and ports */
	uint32_t first, len;
	uint8_t bytes[STREAM];
};

struct outcome {
	char expects[EXPECTS]; /* what was expected, a line each */
	struct flow flow[FLOWS];
	unsigned flows;
};

struct test {
	const char *module, *capture;
	const struct sl_helper *helper;
	bool builtin;
	char folder[64], cut[96], account[96];
};

/* ---- the helper ------------------------------------------------------------------------------ */

static bool load(struct test *t)
{
	const char *slash = strrchr(t->module, '/'), *base = slash ? slash + 1 : t->module;
	char symbol[96], path[4096];
	void *handle;

	t->helper = sl__helper_built_in(t->module);
	t->builtin = t->helper != NULL;
	if (t->builtin)
		return true;
	snprintf(path, sizeof(path), "%s%s", slash ? "" : "./", t->module);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	snprintf(symbol, sizeof(symbol), "sl_helper_%.*s", (int)strcspn(base, "."), base);
	t->helper = handle ? dlsym(handle, symbol) : NULL;
	if (!t->helper)
		fprintf(stderr, "sluice helper test: %s: %s\n", t->module,
		        handle ? "exports no sl_helper_NAME" : dlerror());
	return t->helper != NULL;
}

/* ---- running --------------------------------------------------------------------------------- */

static bool replay(const struct test *t)
{
	char *argv[11];
	int argc = 0, status;
	pid_t pid;

	argv[argc++] = (char[]){"replay"};
	argv[argc++] = (char[]){"--account"};
	argv[argc++] = (char[]){"--masquerade"};
	argv[argc++] = t->builtin ? (char[]){"--helper"} : (char[]){"--module"};
	argv[argc++] = (char *)(uintptr_t)t->module;
	argv[argc++] = (char[]){"-o"};
	argv[argc++] = (char *)(uintptr_t)t->folder;
	argv[argc++] = (char *)(uintptr_t)t->cut;
	argv[argc] = NULL;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (!freopen(t->account, "w", stdout))
			_exit(3);
		optind = 0; /* getopt() was used before */
		status = sl__replay_main(argc, argv);
		_exit(fflush(stdout) ? 3 : status);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

static void in_folder(const struct test *t, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", t->folder, name);
}

/* ---- what came of it ------------------------------------------------------------------------- */

/*
 * Each expectation in its order, as the account tells it: "   14   0.003570  expectation 1 of connection 1
 * (FTP data, from 227): tcp 10.1.0.2 (any port) > ...". Time and packet are others when a packet was cut.
 */
static void read_expects(const struct test *t, struct outcome *o)
{
	FILE *file = fopen(t->account, "r");
	char line[1024];
	size_t n = 0;

	o->expects[0] = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		const char *from = strstr(line, "  expectation ");
		char first = line[strspn(line, " ")];
		size_t len;

		from = from && first >= '0' && first <= '9' ? strchr(from, '(') : NULL;
		len = from ? strlen(from) : 0;
		if (!len || n + len + 1 > EXPECTS)
			continue;
		memcpy(o->expects + n, from, len + 1);
		n += len;
	}
	if (file)
		fclose(file);
}

static unsigned count_lines(const char *text)
{
	unsigned n = 0;

	while ((text = strchr(text, '\n')))
		text++, n++;
	return n;
}

/* Is each line of `part` one of `all`? */
static bool lines_within(const char *part, const char *all)
{
	while (*part) {
		size_t len = strcspn(part, "\n") + 1;
		const char *in = all;

		while (*in && strncmp(in, part, len) != 0)
			in += strcspn(in, "\n") + 1;
		if (!*in)
			return false;
		part += len;
	}
	return true;
}

static struct flow *flow_of(struct outcome *o, const struct sl_helper_packet *p)
{
	bool v6 = p->ip[0] >> 4 == 6;
	uint8_t key[36] = {0};

	memcpy(key, p->ip + (v6 ? 8 : 12), v6 ? 32 : 8);
	memcpy(key + 32, p->ip + p->l4, 4);
	for (unsigned i = 0; i < o->flows; i++)
		if (memcmp(o->flow[i].key, key, sizeof(key)) == 0)
			return &o->flow[i];
	if (o->flows == FLOWS)
		return NULL;
	memset(&o->flow[o->flows], 0, sizeof(o->flow[0]));
	memcpy(o->flow[o->flows].key, key, sizeof(key));
	o->flow[o->flows].first = sl_get32(p->ip + p->l4 + 4) + (p->ip[p->l4 + 13] & SYN ? 1 : 0);
	return &o->flow[o->flows++];
}

static void read_streams(const struct test *t, const char *name, struct outcome *o)
{
	struct sl_helper_capture *c;
	struct sl_helper_packet p;
	char path[128];

	in_folder(t, name, path, sizeof(path));
	c = sl__helper_capture_open(path);
	while (c && sl__helper_capture_next(c, &p)) {
		struct flow *f = p.proto == SL_PROTO_TCP ? flow_of(o, &p) : NULL;
		uint32_t at = f ? sl_get32(p.ip + p.l4 + 4) - f->first : 0, n = p.len - p.payload;

		if (!f || n == 0 || at >= STREAM || n > STREAM - at)
			continue;
		memcpy(f->bytes + at, p.ip + p.payload, n);
		f->len = at + n > f->len ? at + n : f->len;
	}
	sl__helper_capture_close(c);
}

static bool try(const struct test *t, enum sl_helper_way way, uint32_t at, struct outcome *o)
{
	memset(o, 0, offsetof(struct outcome, flow));
	o->flows = 0;
	if (!sl__helper_vary(t->capture, t->helper, way, at, t->cut) || !replay(t))
		return false;
	read_expects(t, o);
	read_streams(t, "in0.pcap", o);
	read_streams(t, "out0.pcap", o);
	return true;
}

static const struct flow *same_flow(const struct outcome *o, const struct flow *f)
{
	for (unsigned i = 0; i < o->flows; i++)
		if (memcmp(o->flow[i].key, f->key, sizeof(f->key)) == 0)
			return &o->flow[i];
	return NULL;
}

/* How the cut one differs; NULL: not at all. */
static const char *difference(const struct outcome *whole, const struct outcome *cut)
{
	if (strcmp(whole->expects, cut->expects) != 0)
		return "something else is expected";
	for (unsigned i = 0; i < whole->flows; i++) {
		const struct flow *f = &whole->flow[i], *g = same_flow(cut, f);

		if (f->len && (!g || g->len != f->len || memcmp(f->bytes, g->bytes, f->len) != 0))
			return "other bytes arrive";
	}
	return NULL;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Long captures take a while; it is said to who looks on. */
static void progress(const char *what, uint32_t at)
{
	if (!isatty(STDERR_FILENO))
		return;
	if (at)
		fprintf(stderr, "\r%s behind byte %u", what, at);
	else
		fprintf(stderr, "\r%40s\r", "");
}

static unsigned cut_everywhere(
        const struct test *t, const struct outcome *whole, struct outcome *cut)
{
	unsigned cuts = 0, wrong = 0;

	for (uint32_t at = 1; at < CUTS_MAX && try(t, SL_HELPER_CUT, at, cut); at++, cuts++) {
		const char *how = difference(whole, cut);

		progress("cut in two", at);
		if (how && ++wrong <= 10)
			printf("cut behind byte %u: %s\n", at, how);
	}
	progress("", 0);
	if (cuts)
		printf("cut in two at %u places: %s\n", cuts,
		        wrong ? "not as when whole" : "as when whole");
	return wrong;
}

static void once_more(const struct test *t, enum sl_helper_way way, const char *what,
        const struct outcome *whole, struct outcome *o)
{
	if (!try(t, way, 0, o))
		return;
	if (strcmp(whole->expects, o->expects) == 0)
		printf("%s: the same is expected\n", what);
	else
		printf("%s: %u expectations instead of %u%s\n", what, count_lines(o->expects),
		        count_lines(whole->expects),
		        lines_within(o->expects, whole->expects) ? ", the same again"
		                                                 : ", others among them");
}

static unsigned shorten_everywhere(
        const struct test *t, const struct outcome *whole, struct outcome *o)
{
	unsigned tries = 0, wrong = 0, enough = 0;

	for (uint32_t at = 0; at < CUTS_MAX && try(t, SL_HELPER_SHORT, at, o); at++, tries++) {
		if (!lines_within(o->expects, whole->expects) && ++wrong <= 10)
			printf("end missing behind byte %u: something else is expected\n", at);
		if (!enough && *o->expects)
			enough = at;
	}
	if (tries && !wrong)
		printf("end missing at %u places: nothing else is expected\n", tries);
	if (enough)
		printf("the first %u bytes are enough to expect something\n", enough);
	return wrong;
}

static int run(const struct test *t, struct outcome *whole, struct outcome *o)
{
	unsigned wrong;

	if (!try(t, SL_HELPER_WHOLE, 0, whole)) {
		fprintf(stderr, "sluice helper test: the capture could not be replayed\n");
		return 1;
	}
	printf("\nexpected:\n%s\n", *whole->expects ? whole->expects : "nothing\n");
	if (!sl__helper_vary(t->capture, t->helper, SL_HELPER_CUT, 0, t->cut) &&
	        !sl__helper_vary(t->capture, t->helper, SL_HELPER_TWICE, 0, t->cut))
		printf("no packet of its ports carries anything\n");
	wrong = cut_everywhere(t, whole, o);
	once_more(t, SL_HELPER_TWICE, "each datagram twice", whole, o);
	once_more(t, SL_HELPER_SWAPPED, "neighbouring datagrams in another order", whole, o);
	wrong += shorten_everywhere(t, whole, o);
	return wrong ? 1 : 0;
}

static void clean_up(const struct test *t)
{
	static const char *const names[] = {"events.jsonl", "packets.jsonl", "final.jsonl",
	        "summary.json", "annotated.pcapng", "in0.pcap", "out0.pcap", "account.txt"};
	char path[128];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		in_folder(t, names[i], path, sizeof(path));
		unlink(path);
	}
	unlink(t->cut);
	rmdir(t->folder);
}

int sl__helper_test_main(int argc, char **argv)
{
	struct test t = {.folder = "/tmp/sluice-helper-XXXXXX"};
	struct outcome *o = malloc(2 * sizeof(*o));
	char *show[] = {(char[]){"replay"}, (char[]){"--masquerade"}, NULL, NULL, NULL, NULL};
	int status = 1;

	if (argc != 3) {
		fprintf(stderr, "usage: sluice helper test FILE.so|NAME CAPTURE\n");
	} else if (o && (t.module = argv[1], t.capture = argv[2], load(&t))) {
		show[2] = t.builtin ? (char[]){"--helper"} : (char[]){"--module"};
		show[3] = argv[1];
		show[4] = argv[2];
		if (sl__replay_main(5, show) == 0 && mkdtemp(t.folder)) {
			snprintf(t.cut, sizeof(t.cut), "%s/cut.pcap", t.folder);
			snprintf(t.account, sizeof(t.account), "%s/account.txt", t.folder);
			status = run(&t, &o[0], &o[1]);
			clean_up(&t);
		}
	}
	free(o);
	return status;
}

const char sl__helper_help[] =
        "usage: sluice helper new NAME [--from CAPTURE]\n"
        "       sluice helper test FILE.so|NAME CAPTURE\n"
        "\n"
        "new makes NAME.c, NAME.txt (a script that tests it), NAME-test.c (a table of dialogues) and\n"
        "NAME-fuzz.c in this folder, in the shape of FOO, and prints the lines that build and test\n"
        "them; with --from for protocol and port of the first TCP connection in that capture (of\n"
        "its first datagram if it has none), with what both sides say first drawn at the top.\n"
        "test shows the dialogue that a helper (a module, or a built-in one by its name) sees in a\n"
        "capture, what it expects and refuses, and what becomes of it when each segment is cut in\n"
        "two at every place, and each datagram doubled, swapped and cut short.\n"
        "\n"
        "docs/writing-a-helper.md shows how to build what new has made.\n"
        "Exit status: 0 done, and nothing differs; 1 something does, or an option or file is bad.\n";

int sl__helper_main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "new") == 0)
		return sl__helper_new_main(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "test") == 0)
		return sl__helper_test_main(argc - 1, argv + 1);
	fputs(sl__helper_help, stderr);
	return 1;
}
