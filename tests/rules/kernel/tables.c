/* SPDX-License-Identifier: BSD-2-Clause */
/* What is left when a script is through: connections, and the counters of rules. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

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

/* EXPECTED SEEN_REPLY ASSURED CONFIRMED SRC_NAT DST_NAT SEQ_ADJUST SRC_NAT_DONE DST_NAT_DONE, HELPER */
#define STATUS 0x21ff

static bool same_conn(const struct conn *k, const struct conn *s)
{
	unsigned apart =
	        k->timeout > s->timeout ? k->timeout - s->timeout : s->timeout - k->timeout;

	return !memcmp(k->tuple, s->tuple, sizeof k->tuple) &&
	       !memcmp(k->zone, s->zone, sizeof k->zone) &&
	       (k->status & STATUS) == (s->status & STATUS) && k->tcp_state == s->tcp_state &&
	       k->mark == s->mark && !memcmp(k->packets, s->packets, sizeof k->packets) &&
	       !memcmp(k->bytes, s->bytes, sizeof k->bytes) && !strcmp(k->helper, s->helper) &&
	       k->has_master == s->has_master && apart <= 2;
}

void compare_conns(struct run *r)
{
	static struct conns k, s;
	char a[600], b[600];

	if (r->kernel)
		kernel_conns(r->kernel, &k);
	else
		half_conns(r->asked, &k);
	half_conns(r->half, &s);
	for (unsigned i = 0; i < k.count; i++)
		loose_conn(&r->loose, &k.at[i]);
	for (unsigned i = 0; i < s.count; i++)
		loose_conn(&r->loose, &s.at[i]);
	qsort(k.at, k.count, sizeof *k.at, by_tuple);
	qsort(s.at, s.count, sizeof *s.at, by_tuple);
	for (unsigned i = 0, j = 0; i < k.count || j < s.count;) {
		int order = i == k.count ? 1 : j == s.count ? -1 : by_tuple(&k.at[i], &s.at[j]);

		if (order < 0)
			differ(r, "connection", conn_text(&k.at[i], a, sizeof a), "has none");
		else if (order > 0)
			differ(r, "connection", "has none", conn_text(&s.at[j], b, sizeof b));
		else if (!same_conn(&k.at[i], &s.at[j]))
			differ(r, "connection", conn_text(&k.at[i], a, sizeof a),
			        conn_text(&s.at[j], b, sizeof b));
		i += order <= 0;
		j += order >= 0;
	}
}

/*
 * ---- the counters of rules: "packets N bytes N", in the order of the listing ----
 *
 * Those of a set's elements are left out: what rules added only the kernel lists.
 */

/* The end of the list of elements that p stands in; NULL: it is in none. */
static const char *past_elements(const char *at, const char *p)
{
	static const char start[] = "elements = {";
	const char *last = NULL, *end = NULL;

	for (at = strstr(at, start); at && at < p; at = strstr(at + 1, start))
		last = at;
	if (last)
		end = strchr(last, '}');
	return end && end > p ? end : NULL;
}

static const char *next_counter(const char *at, char *out, size_t size)
{
	const char *p = strstr(at, "packets "), *end;
	unsigned words = 0;

	while (p && ((end = past_elements(at, p)) || p[8] < '0' || p[8] > '9' ||
	                    strncmp(p + 8 + strspn(p + 8, "0123456789"), " bytes ", 7))) {
		at = end ? end : at;
		p = strstr(end ? end : p + 1, "packets ");
	}
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

void compare_counters(struct run *r)
{
	char *own = r->kernel ? NULL
	                      : strdup(half_list(r->asked)); /* both halves list into one place */
	const char *k = own ? own : kernel_list(r->kernel), *s = half_list(r->half), *at = k,
	           *bt = s;
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
	free(own);
}
