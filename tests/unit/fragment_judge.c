/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * May this fragment go among those pieces? Each row draws the pieces that are there, then what
 * comes and what becomes of it; nothing is kept, so a row is one question. Sequences of fragments
 * through the door: fragment.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "track/fragment_parts.h"

enum { PIECES_MAX = 8 };

struct row {
	const char *name;
	/* "0-80 80-160j 240-320", j: one run with the one before; "320." behind them: the datagram ends there */
	const char *there;
	uint32_t begin, end;
	bool more;
	const char *families;
	enum sl_frag_fate fate;
	enum sl_reason why; /* unless kept */
	unsigned at;	    /* if kept: its place, */
	bool joined;	    /* and whether it goes on the run of the last */
	uint32_t cut;	    /* if kept and not 0: where it ends now */
};

#define KEEP SL_FRAG_KEEP
#define REFUSE SL_FRAG_REFUSE
#define GIVE_UP SL_FRAG_GIVE_UP
#define PASS SL_FRAG_GIVE_UP_AND_PASS
#define DUP SL_WHY_FRAG_DUPLICATE
#define OVERLAP SL_WHY_FRAG_OVERLAP
#define BAD SL_WHY_FRAG_MALFORMED
#define LONG SL_WHY_FRAG_TOO_LONG

static const struct row rows[] = {
	{"the first", "", 0, 80, 1, "46", KEEP, 0, 0, 0, 0},
	{"the last alone", "", 80, 83, 0, "46", KEEP, 0, 0, 0, 0},
	{"behind the last: one run", "0-80", 80, 160, 1, "46", KEEP, 0, 1, 1, 0},
	{"behind a hole: no run", "0-80", 88, 160, 1, "46", KEEP, 0, 1, 0, 0},
	{"before all", "80-160", 0, 80, 1, "46", KEEP, 0, 0, 0, 0},
	{"into a hole: no run, though it fits", "0-80 160-240", 80, 160, 1, "46", KEEP, 0, 1, 0, 0},
	{"into the second hole", "0-80 160-240 320-400", 240, 320, 1, "46", KEEP, 0, 2, 0, 0},
	{"up to the end that is known", "240-323 323.", 0, 240, 1, "46", KEEP, 0, 0, 0, 0},

	{"the same again", "0-80", 0, 80, 1, "46", REFUSE, DUP, 0, 0, 0},
	{"a part again", "0-80", 8, 72, 1, "46", REFUSE, DUP, 0, 0, 0},
	{"over a run", "0-80 80-160j 160-240j", 40, 200, 1, "46", REFUSE, DUP, 0, 0, 0},
	{"all of a run", "0-80 80-160j", 0, 160, 1, "46", REFUSE, DUP, 0, 0, 0},
	{"over two that are no run", "0-80 80-160", 40, 120, 1, "46", GIVE_UP, OVERLAP, 0, 0, 0},
	{"behind a run's end", "0-80 80-160j", 80, 168, 1, "46", GIVE_UP, OVERLAP, 0, 0, 0},
	{"before its begin", "80-160", 72, 160, 1, "46", GIVE_UP, OVERLAP, 0, 0, 0},
	{"around one", "80-160", 0, 240, 1, "46", GIVE_UP, OVERLAP, 0, 0, 0},
	{"one byte of the next", "0-80 168-240", 80, 176, 1, "46", GIVE_UP, OVERLAP, 0, 0, 0},

	{"another end, earlier", "240-320 320.", 160, 240, 0, "4", GIVE_UP, BAD, 0, 0, 0},
	{"another end, earlier", "240-320 320.", 160, 240, 0, "6", REFUSE, BAD, 0, 0, 0},
	{"another end, later", "240-320 320.", 240, 400, 0, "4", GIVE_UP, BAD, 0, 0, 0},
	{"another end, later", "240-320 320.", 240, 400, 0, "6", REFUSE, BAD, 0, 0, 0},
	{"an end before what is there", "0-80 160-240", 80, 120, 0, "4", GIVE_UP, BAD, 0, 0, 0},
	{"an end before what is there", "0-80 160-240", 80, 120, 0, "6", REFUSE, BAD, 0, 0, 0},
	{"more behind the end", "0-80 80.", 80, 160, 1, "4", GIVE_UP, BAD, 0, 0, 0},
	{"more behind the end", "0-80 80.", 80, 160, 1, "6", REFUSE, BAD, 0, 0, 0},
	{"the same end again", "240-320 320.", 240, 320, 0, "46", REFUSE, DUP, 0, 0, 0},

	{"not eights", "", 0, 83, 1, "4", KEEP, 0, 0, 0, 80},
	{"not eights", "", 0, 83, 1, "6", PASS, BAD, 0, 0, 0},
	{"not eights, then nothing", "", 0, 7, 1, "4", GIVE_UP, BAD, 0, 0, 0},
	{"no bytes", "0-80", 80, 80, 1, "4", GIVE_UP, BAD, 0, 0, 0},
	{"no bytes", "0-80", 80, 80, 1, "6", REFUSE, BAD, 0, 0, 0},
	{"no bytes, and the end", "0-80", 80, 80, 0, "4", GIVE_UP, BAD, 0, 0, 0},
	{"65,535", "", 65528, 65535, 0, "46", KEEP, 0, 0, 0, 0},
	{"65,536", "", 65528, 65536, 0, "46", GIVE_UP, LONG, 0, 0, 0},
};

static void draw(struct sl_frag_queue *q, struct sl_frag_piece *pieces, const char *there)
{
	char *at = (char *)(uintptr_t)there;

	*q = (struct sl_frag_queue){.pieces = pieces};
	while (*at) {
		uint32_t n = (uint32_t)strtoul(at, &at, 10);

		if (*at == '-') {
			assert_true(q->n < PIECES_MAX);
			pieces[q->n] = (struct sl_frag_piece){.begin = (uint16_t)n};
			pieces[q->n].end = (uint16_t)strtoul(at + 1, &at, 10);
			pieces[q->n].joined = *at == 'j';
			at += *at == 'j';
			q->end = pieces[q->n++].end;
		} else {
			assert_int_equal(*at++, '.');
			q->last_seen = true;
			q->end = n;
		}
		at += *at == ' ';
	}
}

static void run_row(const struct row *r, bool v6)
{
	struct sl_parsed parsed = {.more_fragments = r->more};
	struct sl_frag_arrival a = {.parsed = &parsed, .begin = r->begin, .end = r->end, .v6 = v6};
	struct sl_frag_piece pieces[PIECES_MAX];
	struct sl_frag_queue q;
	enum sl_reason why = SL_WHY_NONE;
	enum sl_frag_fate fate;

	draw(&q, pieces, r->there);
	fate = sl__frag_judge(&q, &a, &why);
	if (fate != r->fate || (fate != KEEP && why != r->why))
		fail_msg("%s, IPv%d: %d %s", r->name, v6 ? 6 : 4, (int)fate, sl_reason_name(why));
	if (fate != KEEP)
		return;
	if (a.at != r->at || a.joined != r->joined || a.end != (r->cut ? r->cut : r->end))
		fail_msg("%s, IPv%d: place %u, joined %d, to %u", r->name, v6 ? 6 : 4, a.at, a.joined, a.end);
	if (q.last_seen != (!r->more || strchr(r->there, '.')))
		fail_msg("%s, IPv%d: the end was not learned", r->name, v6 ? 6 : 4);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (const char *family = rows[i].families; *family; family++)
			run_row(&rows[i], *family == '6');
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
