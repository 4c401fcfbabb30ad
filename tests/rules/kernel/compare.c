/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rulesets x packets through the kernel and through sluice:
 *
 *	compare [-v] [-n HITS%] DIRECTORY     every NAME.nft of it, with the steps of NAME.steps
 *
 * Compared are: whether nft and sluice read the ruleset at all; for each packet how tracking
 * classed it, whether it was forwarded (by which side), delivered or dropped, refused with which
 * answer, its mark, and the bytes that came out; in the end the table of connections (tuples,
 * status, mark, zone, helper, timeout, counters) and the counters of the rules. A first line
 *
 *	# refused: WORDS       in NAME.nft: nft reads it, sluice does not, and says WORDS
 *	# loose: nat           ports and addresses are chosen freely: not compared
 *
 * Exit status: 0 all is the same, 1 something is not, 77 this machine cannot.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "kernel.h"
#include "script.h"

#define FLOWS_MAX 65536
#define SHOWN_MAX 3 /* differences shown of one ruleset */

struct last {
	uint32_t len[2]; /* by side: kernel, sluice */
	uint8_t where, local;
	uint8_t data[2][PACKET_MAX];
};

struct run {
	const char *name;
	bool loose;
	unsigned step, shown;
	struct kernel *kernel;
	struct half *half;
	struct last *flows[FLOWS_MAX];
};

static struct {
	unsigned rulesets, failed, differences, refused, verbose;
	unsigned long packets, rules, hit;
} total;

static const char *const places[] = {"in0", "out0", "local"};
static const char *const classes[] = {"-", "INVALID", "UNTRACKED", "NEW original", "NEW reply",
        "ESTABLISHED original", "ESTABLISHED reply", "RELATED original", "RELATED reply", "?"};

static bool differ(struct run *r, const char *what, const char *kernel, const char *sluice)
{
	total.differences++;
	if (r->shown++ < SHOWN_MAX || total.verbose)
		printf("%s: step %u: %s: kernel %s, sluice %s\n", r->name, r->step, what, kernel,
		        sluice);
	return false;
}

/* ---- one packet ---- */

static char *hex(const uint8_t *data, uint32_t len)
{
	char *out = malloc(2 * len + 1);

	for (uint32_t i = 0; i < len; i++)
		sprintf(out + 2 * i, "%02x", data[i]);
	out[2 * len] = 0;
	return out;
}

static const char *fate_text(const struct outcome *o, char *out, size_t size)
{
	snprintf(out, size, "%s%s%s%s (%s, mark 0x%x%s%s)",
	        o->fate == FATE_FORWARDED ? "forwarded to "
	        : o->fate == FATE_LOCAL   ? "local"
	                                  : "dropped",
	        o->fate == FATE_FORWARDED ? places[o->where] : "", o->answered ? ", answered " : "",
	        o->answered ? o->answer[0] == 6 ? "reset" : "icmp" : "",
	        classes[o->ct < 9 ? o->ct : 9], o->mark, o->why ? ", " : "", o->why ? o->why : "");
	return out;
}

/* The kernel's log does not have a class when raw chains dropped the packet; nor does sluice's
 * matter then. */
static void compare_outcome(struct run *r, const uint8_t *data, uint32_t len,
        const struct outcome *k, const struct outcome *s)
{
	char a[200], b[200], *what;
	bool same = k->fate == s->fate && k->answered == s->answered &&
	            !memcmp(k->answer, s->answer, 3) && k->mark == s->mark &&
	            (k->ct == s->ct || !k->ct) &&
	            (k->fate != FATE_FORWARDED || k->where == s->where);

	if (!same) {
		char *h = hex(data, len < 60 ? len : 60);

		differ(r, h, fate_text(k, a, sizeof a), fate_text(s, b, sizeof b));
		free(h);
		return;
	}
	if (k->fate == FATE_NONE || r->loose)
		return;
	if (k->len != s->len || memcmp(k->data, s->data, k->len)) {
		char *x = hex(k->data, k->len), *y = hex(s->data, s->len);

		what = hex(data, len);
		differ(r, what, x, y);
		free(x);
		free(y);
		free(what);
	}
}

static void put(struct run *r, unsigned flow, enum place from, const uint8_t *data[2],
        const uint32_t len[2])
{
	static struct outcome k, s;
	struct last *last = r->flows[flow];

	kernel_put(r->kernel, from, data[0], len[0], &k);
	half_put(r->half, from, data[1], len[1], &s);
	total.packets++;
	compare_outcome(r, data[0], len[0], &k, &s);
	if (!last)
		last = r->flows[flow] = calloc(1, sizeof *last);
	last->len[0] = k.fate == FATE_NONE ? 0 : k.len;
	last->len[1] = s.fate == FATE_NONE ? 0 : s.len;
	last->where = k.where;
	last->local = k.fate == FATE_LOCAL;
	memcpy(last->data[0], k.data, k.len);
	memcpy(last->data[1], s.data, s.len);
}

static void put_original(struct run *r, const struct step *step, uint8_t *data)
{
	if (!(step->options & 1))
		script_checksums(data, step->len);
	put(r, step->flow, (enum place)step->kind, (const uint8_t *[2]){data, data},
	        (const uint32_t[2]){step->len, step->len});
}

/* An answer, or an error; made for each half from what came out of it. */
static void put_answer(struct run *r, const struct step *step, const uint8_t *how)
{
	static uint8_t made[2][PACKET_MAX + 64];
	struct last *last = r->flows[step->flow];
	uint32_t len[2];

	if (!last || !last->len[0] || !last->len[1])
		return;
	for (unsigned i = 0; i < 2; i++) {
		struct step_reply reply;

		memcpy(&reply, how, step->kind == STEP_REPLY ? sizeof reply : 2);
		len[i] = step->kind == STEP_REPLY
		                 ? script_reply(&reply, last->data[i], last->len[i], made[i])
		                 : script_error(
		                           how[0], how[1], last->data[i], last->len[i], made[i]);
		if (!len[i] || len[i] > PACKET_MAX)
			return;
	}
	put(r, step->flow, last->local ? FROM_LOCAL : (enum place)last->where,
	        (const uint8_t *[2]){made[0], made[1]}, len);
}

static bool steps(struct run *r, const char *file)
{
	FILE *f = fopen(file, "rb");
	struct step step;
	uint8_t data[PACKET_MAX];
	uint32_t ms;

	if (!f) {
		perror(file);
		return false;
	}
	for (r->step = 1; fread(&step, sizeof step, 1, f) == 1; r->step++) {
		if (step.len > sizeof data || fread(data, 1, step.len, f) != step.len)
			break;
		if (step.kind <= STEP_LOCAL) {
			put_original(r, &step, data);
		} else if (step.kind != STEP_WAIT) {
			put_answer(r, &step, data);
		} else {
			memcpy(&ms, data, sizeof ms);
			usleep(ms * 1000);
			half_wait(r->half, ms);
		}
	}
	fclose(f);
	return true;
}

/* ---- the table of connections ---- */

static int by_tuple(const void *a, const void *b)
{
	const struct conn *x = a, *y = b;

	if (x->proto != y->proto)
		return x->proto - y->proto;
	if (x->zone[0] != y->zone[0])
		return x->zone[0] - y->zone[0];
	return memcmp(&x->tuple[0], &y->tuple[0], sizeof x->tuple[0]);
}

static const char *conn_text(const struct conn *c, char *out, size_t size)
{
	char *a = hex(c->tuple[0].src, c->family == 4 ? 4 : 16),
	     *b = hex(c->tuple[0].dst, c->family == 4 ? 4 : 16),
	     *x = hex(c->tuple[1].src, c->family == 4 ? 4 : 16),
	     *y = hex(c->tuple[1].dst, c->family == 4 ? 4 : 16);

	snprintf(out, size,
	        "proto %u %s:%u>%s:%u / %s:%u>%s:%u zones %u,%u status 0x%x state %u timeout %u "
	        "mark 0x%x packets %llu,%llu bytes %llu,%llu helper %s%s",
	        c->proto, a, c->tuple[0].sport, b, c->tuple[0].dport, x, c->tuple[1].sport, y,
	        c->tuple[1].dport, c->zone[0], c->zone[1], c->status, c->tcp_state, c->timeout,
	        c->mark, (unsigned long long)c->packets[0], (unsigned long long)c->packets[1],
	        (unsigned long long)c->bytes[0], (unsigned long long)c->bytes[1], c->helper,
	        c->has_master ? " related" : "");
	free(a);
	free(b);
	free(x);
	free(y);
	return out;
}

/* EXPECTED SEEN_REPLY ASSURED CONFIRMED SRC_NAT DST_NAT SEQ_ADJUST, HELPER */
#define STATUS 0x207f

static bool same_conn(const struct run *r, const struct conn *k, const struct conn *s)
{
	unsigned apart =
	        k->timeout > s->timeout ? k->timeout - s->timeout : s->timeout - k->timeout;

	return (r->loose || !memcmp(k->tuple, s->tuple, sizeof k->tuple)) &&
	       !memcmp(k->zone, s->zone, sizeof k->zone) &&
	       (k->status & STATUS) == (s->status & STATUS) && k->tcp_state == s->tcp_state &&
	       k->mark == s->mark && !memcmp(k->packets, s->packets, sizeof k->packets) &&
	       !memcmp(k->bytes, s->bytes, sizeof k->bytes) && !strcmp(k->helper, s->helper) &&
	       k->has_master == s->has_master && apart <= 2;
}

static void compare_conns(struct run *r)
{
	static struct conns k, s;
	char a[600], b[600];

	kernel_conns(r->kernel, &k);
	half_conns(r->half, &s);
	qsort(k.at, k.count, sizeof *k.at, by_tuple);
	qsort(s.at, s.count, sizeof *s.at, by_tuple);
	for (unsigned i = 0, j = 0; i < k.count || j < s.count;) {
		int order = i == k.count ? 1 : j == s.count ? -1 : by_tuple(&k.at[i], &s.at[j]);

		if (order < 0)
			differ(r, "connection", conn_text(&k.at[i], a, sizeof a), "has none");
		else if (order > 0)
			differ(r, "connection", "has none", conn_text(&s.at[j], b, sizeof b));
		else if (!same_conn(r, &k.at[i], &s.at[j]))
			differ(r, "connection", conn_text(&k.at[i], a, sizeof a),
			        conn_text(&s.at[j], b, sizeof b));
		i += order <= 0;
		j += order >= 0;
	}
}

/* ---- the counters of rules: "packets N bytes N" and "used N", in the order of the listing ---- */

static const char *next_counter(const char *at, char *out, size_t size)
{
	const char *p = strstr(at, "packets "), *end;
	unsigned words = 0;

	while (p && (p[8] < '0' || p[8] > '9' ||
	                    strncmp(p + 8 + strspn(p + 8, "0123456789"), " bytes ", 7)))
		p = strstr(p + 1, "packets ");
	if (!p)
		return NULL;
	for (end = p; *end && *end != '\n' && words < 4; end++)
		words += *end == ' ';
	snprintf(out, size, "%.*s", (int)(end - p), p);
	while (*out && strchr(" }\n", out[strlen(out) - 1]))
		out[strlen(out) - 1] = 0;
	return end;
}

/* The line that a counter stands on. */
static const char *line_of(const char *text, const char *at, char *out, size_t size)
{
	const char *start = at;

	while (start > text && start[-1] != '\n')
		start--;
	snprintf(out, size, "%.*s", (int)strcspn(start, "\n"), start);
	return out;
}

static void compare_counters(struct run *r)
{
	const char *k = kernel_list(r->kernel), *s = half_list(r->half), *at = k, *bt = s;
	char a[100], b[100], line[400], what[600];

	for (;;) {
		const char *was = at;

		at = next_counter(at, a, sizeof a);
		bt = next_counter(bt, b, sizeof b);
		if (!at || !bt)
			break;
		total.rules++;
		total.hit += strncmp(a, "packets 0 ", 10) != 0;
		if (strcmp(a, b)) {
			snprintf(what, sizeof what, "counter of %s",
			        line_of(k, at - 1 > was ? at - 1 : was, line, sizeof line));
			differ(r, what, a, b);
		} else if (total.verbose > 1 && !strncmp(a, "packets 0 ", 10)) {
			printf("%s: never hit: %s\n", r->name,
			        line_of(k, at - 1, line, sizeof line));
		}
	}
	if (at || bt)
		differ(r, "listing", at ? "has more counters" : k, bt ? "has more counters" : s);
}

/* ---- one ruleset ---- */

static void first_line(const char *file, const char *tag, char *out, size_t size)
{
	FILE *f = fopen(file, "r");
	char line[300];

	*out = 0;
	while (f && fgets(line, sizeof line, f) && line[0] == '#') {
		if (!strncmp(line + 2, tag, strlen(tag)))
			snprintf(out, size, "%.*s", (int)strcspn(line + 2 + strlen(tag), "\n"),
			        line + 2 + strlen(tag));
	}
	if (f)
		fclose(f);
}

static void one(struct kernel *kernel, const char *dir, const char *name)
{
	struct run *r = calloc(1, sizeof *r);
	char nft[4096], file[4096], refused[200], loose[200], k_said[4000], s_said[4000];
	bool k_reads;

	snprintf(nft, sizeof nft, "%s/%s.nft", dir, name);
	snprintf(file, sizeof file, "%s/%s.steps", dir, name);
	first_line(nft, "refused: ", refused, sizeof refused);
	first_line(nft, "loose: ", loose, sizeof loose);
	*r = (struct run){.name = name, .kernel = kernel, .loose = *loose};
	total.rulesets++;
	k_reads = kernel_load(kernel, nft, k_said, sizeof k_said);
	r->half = half_create(nft, s_said, sizeof s_said);
	if (*refused) {
		total.refused++;
		if (r->half || !strstr(s_said, refused))
			differ(r, "refused", k_reads ? "reads it" : k_said,
			        r->half ? "reads it" : s_said);
	} else if (k_reads != (r->half != NULL)) {
		differ(r, "loading", k_reads ? "reads it" : k_said, r->half ? "reads it" : s_said);
	} else if (k_reads && steps(r, file)) {
		compare_counters(r);
		compare_conns(r);
	}
	total.failed += r->shown != 0;
	if (r->shown > SHOWN_MAX && !total.verbose)
		printf("%s: %u differences in all\n", name, r->shown);
	if (r->half)
		half_destroy(r->half);
	for (unsigned i = 0; i < FLOWS_MAX; i++)
		free(r->flows[i]);
	free(r);
}

static int is_ruleset(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 4 && !strcmp(e->d_name + len - 4, ".nft");
}

int main(int argc, char **argv)
{
	static struct kernel kernel;
	struct dirent **list = NULL;
	unsigned least = 0;
	int c, n;

	while ((c = getopt(argc, argv, "vn:")) != -1) {
		if (c == 'v')
			total.verbose++;
		else if (c == 'n')
			least = (unsigned)atoi(optarg);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (optind + 1 != argc || (n = scandir(argv[optind], &list, is_ruleset, alphasort)) < 0) {
		fprintf(stderr, "usage: compare [-v] [-n HITS%%] DIRECTORY\n");
		return 1;
	}
	if (!kernel_init(&kernel, argv[optind])) {
		printf("SKIP the comparison with the kernel: it needs root, nft, nf_tables and TUN "
		       "devices\n");
		return 77;
	}
	for (int i = 0; i < n; i++) {
		list[i]->d_name[strlen(list[i]->d_name) - 4] = 0;
		one(&kernel, argv[optind], list[i]->d_name);
		free(list[i]);
	}
	free(list);
	printf("%u rulesets (%u refused as expected), %lu packets, %u differences in %u rulesets; "
	       "%lu of %lu counted rules were hit (%lu %%)\n",
	        total.rulesets, total.refused, total.packets, total.differences, total.failed,
	        total.hit, total.rules, total.rules ? total.hit * 100 / total.rules : 100);
	return total.differences ||
	       (total.rules && total.hit * 100 < (unsigned long)least * total.rules);
}
