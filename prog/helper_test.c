/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `sluice helper test FILE.so CAPTURE`: the dialogue as `sluice replay --masquerade` tells it, then
 * the same capture with each TCP segment of the helper's ports cut in two, behind its first byte,
 * its second, and so on. Whatever the cut, the same must be expected, and both sides must get
 * the same bytes. FILE may also be the name of a built-in helper.
 *
 * Each replay is a process of its own that writes into a folder; what is compared is read from
 * there: EXPECT_NEW in events.jsonl, and the streams in in0.pcap and out0.pcap.
 */
#include "prog/helper.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/helper.h>
#include <sluice/sluice.h>

#include "base/checksum.h"
#include "base/wire.h"

enum { CUTS_MAX = 1500, FLOWS = 64, STREAM = 65536, EXPECTS = 65536, TCP_HEADER = 20 };
enum { FIN = 1, SYN = 2, PSH = 8 };

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
	char folder[64], cut[96];
};

/* ---- the helper ------------------------------------------------------------------------------ */

static bool load(struct test *t)
{
	const char *slash = strrchr(t->module, '/'), *base = slash ? slash + 1 : t->module;
	char symbol[96], path[4096];
	void *handle;

	for (const struct sl_helper *const *h = sl_helpers_builtin(); *h; h++)
		if (strcmp((*h)->name, t->module) == 0)
			t->helper = *h;
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

static bool is_its_port(const struct sl_helper *h, unsigned port)
{
	for (unsigned i = 0; i < SL_HELPER_MATCHES && h->match[i].proto; i++)
		if (h->match[i].port == port)
			return true;
	return false;
}

static bool is_its(const struct sl_helper *h, const struct sl_helper_packet *p)
{
	return p->l4 && p->payload < p->len &&
	       (is_its_port(h, sl_get16(p->ip + p->l4)) ||
	               is_its_port(h, sl_get16(p->ip + p->l4 + 2)));
}

/* ---- cutting --------------------------------------------------------------------------------- */

/* The packet with bytes [from, to) of its payload. */
static void write_part(
        struct sl_helper_writer *w, const struct sl_helper_packet *p, uint32_t from, uint32_t to)
{
	static uint8_t out[65536 + 64];
	uint32_t len = p->payload + to - from, l4_len = len - p->l4;
	bool v6 = p->ip[0] >> 4 == 6, last = p->payload + to == p->len;
	uint8_t *l4 = out + p->l4;

	memcpy(out, p->ip, p->payload);
	memcpy(out + p->payload, p->ip + p->payload + from, to - from);
	sl_put32(l4 + 4, sl_get32(l4 + 4) + from);
	if (!last)
		l4[13] &= (uint8_t) ~(FIN | PSH);
	if (v6) {
		sl_put16(out + 4, (uint16_t)(len - 40));
	} else {
		sl_put16(out + 2, (uint16_t)len);
		sl_put16(out + 10, 0);
		sl_put16(out + 10, sl__csum(sl__sum(out, (out[0] & 15u) * 4, 0)));
	}
	sl_put16(l4 + 16, 0);
	sl_put16(l4 + 16, sl__csum(sl__sum(l4, l4_len,
	                          v6 ? sl__sum_ipv6(out + 8, out + 24, 6, l4_len)
	                             : sl__sum_ipv4(out + 12, out + 16, 6, l4_len))));
	sl__helper_write(w, p->ts, out, len);
}

/* The capture with each of the helper's segments cut behind `at` bytes (0: whole). False: nothing
 * was long enough. */
static bool write_cut(const struct test *t, uint32_t at)
{
	struct sl_helper_capture *c = sl__helper_capture_open(t->capture);
	struct sl_helper_packet p;
	struct sl_helper_writer *w = c ? sl__helper_writer_open(t->cut) : NULL;
	bool cut = false;

	if (!w) {
		sl__helper_capture_close(c);
		return false;
	}
	while (sl__helper_capture_next(c, &p)) {
		if (at && is_its(t->helper, &p) && p.len - p.payload > at) {
			write_part(w, &p, 0, at);
			write_part(w, &p, at, p.len - p.payload);
			cut = true;
		} else {
			sl__helper_write(w, p.ts, p.ip, p.len);
		}
	}
	sl__helper_capture_close(c);
	return sl__helper_writer_close(w) && (cut || !at);
}

/* ---- running --------------------------------------------------------------------------------- */

static bool replay(const struct test *t)
{
	char *argv[10];
	int argc = 0, status;
	pid_t pid;

	argv[argc++] = (char[]){"replay"};
	argv[argc++] = (char[]){"-q"};
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
		if (!freopen("/dev/null", "w", stdout))
			_exit(3);
		optind = 0; /* getopt() was used before */
		_exit(sl__replay_main(argc, argv));
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

static void in_folder(const struct test *t, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", t->folder, name);
}

/* ---- what came of it ------------------------------------------------------------------------- */

/* The tuple and mask of each expectation, in their order. */
static void read_expects(const struct test *t, struct outcome *o)
{
	char path[128], line[4096];
	size_t n = 0;
	FILE *file;

	in_folder(t, "events.jsonl", path, sizeof(path));
	file = fopen(path, "r");
	o->expects[0] = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		char *from = strstr(line, "\"tuple\""), *to = strstr(line, "\"master\"");

		if (!strstr(line, "\"EXPECT_NEW\"") || !from || !to ||
		        n + (size_t)(to - from) + 2 > EXPECTS)
			continue;
		memcpy(o->expects + n, from, (size_t)(to - from));
		n += (size_t)(to - from);
		o->expects[n++] = '\n';
		o->expects[n] = '\0';
	}
	if (file)
		fclose(file);
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
		struct flow *f = p.l4 ? flow_of(o, &p) : NULL;
		uint32_t at = f ? sl_get32(p.ip + p.l4 + 4) - f->first : 0, n = p.len - p.payload;

		if (!f || n == 0 || at >= STREAM || n > STREAM - at)
			continue;
		memcpy(f->bytes + at, p.ip + p.payload, n);
		f->len = at + n > f->len ? at + n : f->len;
	}
	sl__helper_capture_close(c);
}

static bool try(const struct test *t, uint32_t at, struct outcome *o)
{
	memset(o, 0, offsetof(struct outcome, flow));
	o->flows = 0;
	if (!write_cut(t, at) || !replay(t))
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

static int cut_everywhere(const struct test *t, struct outcome *whole, struct outcome *cut)
{
	unsigned cuts = 0, wrong = 0;

	if (!try(t, 0, whole)) {
		fprintf(stderr, "sluice helper test: the capture could not be replayed\n");
		return 1;
	}
	printf("\nexpected:\n%s", *whole->expects ? whole->expects : "nothing\n");
	for (uint32_t at = 1; at < CUTS_MAX && try(t, at, cut); at++, cuts++) {
		const char *how = difference(whole, cut);

		if (how && ++wrong <= 10)
			printf("cut behind byte %u: %s\n", at, how);
	}
	printf("cut in two at %u places: %s\n", cuts,
	        !cuts   ? "no TCP segment of its ports to cut"
	        : wrong ? "not as when whole"
	                : "as when whole");
	return wrong ? 1 : 0;
}

static void clean_up(const struct test *t)
{
	static const char *const names[] = {"events.jsonl", "packets.jsonl", "final.jsonl",
	        "summary.json", "annotated.pcapng", "in0.pcap", "out0.pcap"};
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
			status = cut_everywhere(&t, &o[0], &o[1]);
			clean_up(&t);
		}
	}
	free(o);
	return status;
}

int sl__helper_main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "new") == 0)
		return sl__helper_new_main(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "test") == 0)
		return sl__helper_test_main(argc - 1, argv + 1);
	fprintf(stderr, "usage: sluice helper new NAME [--from CAPTURE]\n"
	                "       sluice helper test FILE.so|NAME CAPTURE\n");
	return 1;
}
