/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A transcript once more. It holds every packet that was put in, every step of the clock and every
 * call, with what came of each.
 *
 * In batches nothing may differ. With a failure everything may differ but this: every invariant
 * holds after each step, nothing crashes, what is dropped has a reason, nothing is left behind at
 * the end, and when the failures are over a new flow is treated as it would have been without them.
 */
#include <stdlib.h>
#include <string.h>

#include "script.h"

static struct step bare(const struct step *s)
{
	struct step copy = *s;

	copy.outcome = (struct outcome){0};
	return copy;
}

/* ---- batches ----------------------------------------------------------------------------- */

/* How many of the steps from `at` on can be put in together. */
static unsigned together(const struct transcript *t, unsigned at, unsigned most)
{
	unsigned n = 1;

	if (t->steps[at].kind != STEP_PACKET)
		return 1;
	while (n < most && at + n < t->n && t->steps[at + n].kind == STEP_PACKET &&
	        t->steps[at + n].now == t->steps[at].now)
		n++;
	return n;
}

void again_in_batches(const struct setting *set, struct transcript *t, unsigned most)
{
	struct world *w = calloc(1, sizeof(*w));
	struct step *batch = calloc(most, sizeof(*batch));
	const char *bad;

	if (!w || !batch)
		abort();
	w->room = 64; /* room or none must make no difference either */
	if (!world_init(w, set, 1))
		wrong("in batches of %u: the engine cannot be made", most);
	for (unsigned at = 0, n; at < t->n; at += n) {
		n = together(t, at, most);
		for (unsigned i = 0; i < n; i++)
			batch[i] = bare(&t->steps[at + i]);
		here.line = t->steps[at].line;
		world_do(w, batch, n);
		if (world_check(w))
			wrong("in batches of %u: %s", most, world_check(w));
		for (unsigned i = 0; i < n; i++) {
			here.line = t->steps[at + i].line;
			bad = outcome_differs(&t->steps[at + i].outcome, &batch[i].outcome);
			if (bad)
				wrong("in batches of %u %s is another than one by one (%s %s, %s "
				      "%s)",
				        most, bad, tell_verdict(t->steps[at + i].outcome.verdict),
				        sl_reason_name(
				                (enum sl_reason)t->steps[at + i].outcome.reason),
				        tell_verdict(batch[i].outcome.verdict),
				        sl_reason_name((enum sl_reason)batch[i].outcome.reason));
			outcome_free(&batch[i].outcome);
		}
	}
	bad = world_fini(w);
	if (bad)
		wrong("in batches of %u, at the end: %s", most, bad);
	free(batch);
	free(w);
}

/* ---- failures ---------------------------------------------------------------------------- */

/* One run that ends well by itself: what fails in it, and what became of it. */
struct trial {
	unsigned long fail_at, fail_for;
	unsigned long op_fail_at[OPS];
	bool absent[OPS];
	const char *name;
	/* afterwards */
	bool made;
	unsigned long allocs, op_calls[OPS];
	uint8_t verdict, state; /* of the probe */
};

/* A flow that no script has: a stranger's first packet. */
static void probe(struct world *w, struct trial *trial)
{
	struct flow f = {.proto = SL_PROTO_UDP, .family = SL_IPV4};
	struct spec spec = {0};
	uint8_t bytes[100];
	struct step s = {.kind = STEP_PACKET, .now = w->now, .meta.in_if = IN0};

	f.side[0] = words_endpoint("10.99.1.2:33333");
	f.side[1] = words_endpoint("198.51.100.199:44444");
	s.in.len = wire_build(&f, SL_ORIGINAL, &spec, bytes);
	s.in.data = bytes;
	w->fail_at = 0;
	memset(w->op_fail_at, 0, sizeof(w->op_fail_at));
	world_do(w, &s, 1);
	trial->verdict = s.outcome.verdict;
	trial->state = s.outcome.state;
	outcome_free(&s.outcome);
}

static void go_through(const struct setting *set, struct transcript *t, struct trial *trial)
{
	struct world *w = calloc(1, sizeof(*w));
	const char *bad;

	if (!w)
		abort();
	w->fail_at = trial->fail_at;
	w->fail_for = trial->fail_for;
	memcpy(w->op_fail_at, trial->op_fail_at, sizeof(w->op_fail_at));
	memcpy(w->absent, trial->absent, sizeof(w->absent));
	trial->made = world_init(w, set, 1);
	for (unsigned i = 0; trial->made && i < t->n; i++) {
		struct step s = bare(&t->steps[i]);

		here.line = t->steps[i].line;
		world_do(w, &s, 1);
		outcome_free(&s.outcome);
		if (world_check(w))
			wrong("%s: %s", trial->name, world_check(w));
	}
	trial->allocs = w->allocs;
	memcpy(trial->op_calls, w->op_calls, sizeof(trial->op_calls));
	if (trial->made)
		probe(w, trial);
	bad = world_fini(w);
	if (bad)
		wrong("%s, at the end: %s", trial->name, bad);
	free(w);
}

/* What would be let through is; what would not (a full table, a rule) may find other conditions
 * now. */
static void compare(const struct trial *trial, const struct trial *good)
{
	if (trial->made && good->verdict == SL_ACCEPT &&
	        (trial->verdict != good->verdict || trial->state != good->state))
		wrong("%s: afterwards a new flow is %s %s, not %s %s", trial->name,
		        tell_verdict(trial->verdict), tell_state(trial->state),
		        tell_verdict(good->verdict), tell_state(good->state));
}

unsigned again_with_failures(const struct setting *set, struct transcript *t, unsigned long most)
{
	static const char *const names[OPS] = {"keep", "grow", "alloc", "contiguous", "emit"};
	struct trial good = {.name = "without failures"};
	unsigned long step;
	unsigned runs = 1;
	char name[80];

	go_through(set, t, &good);
	step = good.allocs / most + 1;
	for (unsigned long n = 1; n <= good.allocs; n += step, runs += 2) {
		struct trial trial = {.fail_at = n, .fail_for = 1, .name = name};

		snprintf(name, sizeof(name), "allocation %lu failing", n);
		go_through(set, t, &trial);
		compare(&trial, &good);
		trial = (struct trial){.fail_at = n, .fail_for = good.allocs * 2, .name = name};
		snprintf(name, sizeof(name), "all allocations from %lu on failing", n);
		go_through(set, t, &trial);
		compare(&trial, &good);
	}
	for (unsigned op = 0; op < OPS; op++) {
		struct trial trial = {.name = name};

		trial.absent[op] = true;
		snprintf(name, sizeof(name), "without %s", names[op]);
		go_through(set, t, &trial);
		compare(&trial, &good);
		runs++;
		step = good.op_calls[op] / most + 1;
		for (unsigned long n = 1; op != OP_EMIT && n <= good.op_calls[op];
		        n += step, runs++) {
			trial = (struct trial){.name = name};
			trial.op_fail_at[op] = n;
			snprintf(name, sizeof(name), "%s failing for the %luth time", names[op], n);
			go_through(set, t, &trial);
			compare(&trial, &good);
		}
	}
	return runs;
}
