/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of a replay: the tables, by number, and the totals. The tables are walked first and
 * sorted then, as a walk has no order.
 */
#include <stdio.h>
#include <stdlib.h>

#include "prog/replay.h"

enum { SIDES_SHOWN = 1000 };

struct row {
	uint64_t number;
	const void *what; /* sl_conn or sl_expect ... */
	struct sl_engine *engine; /* ... of this one */
};

struct rows {
	struct sl_replay *r;
	struct row *at;
	size_t n, size;
};

static void add_row(struct rows *rows, uint64_t number, const void *what)
{
	if (rows->n == rows->size) {
		rows->size = rows->size * 2 + 64;
		rows->at = sl__must_grow(rows->at, rows->size * sizeof(*rows->at));
	}
	rows->at[rows->n++] = (struct row){number, what, rows->r->engine};
}

static int by_number(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static void visit_conn(void *ctx, struct sl_conn *conn)
{
	struct rows *rows = ctx;
	struct sl_conn_info info;

	sl_conn_info(rows->r->engine, conn, &info);
	add_row(rows, sl__numbers_flow(&rows->r->numbers, info.id, false)->number, conn);
}

static void visit_expect(void *ctx, struct sl_expect *expect)
{
	struct rows *rows = ctx;
	struct sl_expect_info info;

	sl_expect_info(rows->r->engine, expect, &info);
	add_row(rows, sl__numbers_expect(&rows->r->numbers, info.id, false)->number, expect);
}

static void conns(struct sl_replay *r)
{
	struct rows rows = {.r = r};
	struct sl_conn_info info;
	uint64_t cursor = 0;

	for (unsigned i = 0; i < r->n_engines; i++) {
		r->engine = r->engines[i];
		while (sl_conn_walk(r->engine, &cursor, 4096, visit_conn, &rows))
			;
	}
	if (rows.n)
		qsort(rows.at, rows.n, sizeof(*rows.at), by_number);
	for (size_t i = 0; i < rows.n; i++) {
		struct sl_numbered master = {0};

		sl_conn_info(rows.at[i].engine, rows.at[i].what, &info);
		if (info.has_master)
			master = *sl__numbers_flow(&r->numbers, info.master_id, false);
		sl__json_conn(&r->json, &info, rows.at[i].number, info.has_master && !master.gone);
		sl__output_line(&r->output, &r->output.final, &r->json);
		sl__account_final(&r->account, &info, rows.at[i].number, master.number, i == 0);
	}
	free(rows.at);
}

static void expects(struct sl_replay *r)
{
	struct rows rows = {.r = r};
	struct sl_expect_info info;
	uint64_t cursor = 0;

	for (unsigned i = 0; i < r->n_engines; i++) {
		r->engine = r->engines[i];
		while (sl_expect_walk(r->engine, &cursor, 4096, visit_expect, &rows))
			;
	}
	if (rows.n)
		qsort(rows.at, rows.n, sizeof(*rows.at), by_number);
	for (size_t i = 0; i < rows.n; i++) {
		sl_expect_info(rows.at[i].engine, rows.at[i].what, &info);
		sl__json_expect(&r->json, &info, rows.at[i].number);
		sl__output_line(&r->output, &r->output.final, &r->json);
		sl__account_final_expect(&r->account, &info, rows.at[i].number,
		        sl__numbers_flow(&r->numbers, info.master_id, false)->number);
	}
	free(rows.at);
}

static void put_side(
        void *ctx, enum sl_family family, const struct sl_addr *a, enum sl_side side)
{
	struct sl_replay *r = ctx;
	char text[SL_ADDR_TEXT];

	sl__json_str(&r->json, sl_addr_text(a, family, text), side == SL_SIDE_IN ? "in" : "out");
}

static void summary(struct sl_replay *r)
{
	unsigned n = sl__sides_count(&r->sides);

	sl__json_object(&r->json, NULL);
	sl__totals_json(&r->totals, &r->json);
	if (n <= SIDES_SHOWN) {
		sl__json_object(&r->json, "sides");
		sl__sides_each(&r->sides, put_side, r);
		sl__json_end(&r->json);
	} else {
		sl__json_uint(&r->json, "sides", n);
	}
	sl__json_end(&r->json);
	sl__output_line(&r->output, &r->output.summary, &r->json);
}

void sl__replay_final(struct sl_replay *r)
{
	conns(r);
	expects(r);
	summary(r);
	if (r->account.on)
		putchar('\n');
	if (r->account.on && r->opt.output)
		printf("Written to %s: in0.pcap and out0.pcap (what left each side, translated),\n"
		       "annotated.pcapng (the capture with a comment on each packet), events.jsonl,\n"
		       "packets.jsonl, final.jsonl, summary.json\n\n",
		        r->opt.output);
	sl__totals_print(&r->totals);
}
