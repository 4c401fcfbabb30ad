/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reassembly from the door: one table of cases (as Linux decides them), failing allocation, and
 * random fragmentations against a slow model that has a mark for each byte. What stands behind the
 * door has tests of its own: fragment_judge.c, fragment_store.c, fragment_whole.c.
 */
#include "tests/unit/fragment_lib.h"

static uint8_t data[65536];

/* ---- the table ------------------------------------------------------------------------------- */

/*
 * Fragments as "begin-end", with + for more to come, each followed by what becomes of it:
 *   q queued, C complete, x dropped alone or with all before it, p passes
 * and the reason (empty: none); `kept` is how many wait at the end.
 */
struct step {
	uint32_t begin, end;
	bool more;
	char fate;
	enum sl_reason why;
};

struct row {
	const char *name;
	const char *families; /* "46": the same for both */
	uint32_t len;	      /* of the datagram, where one is completed */
	unsigned kept;
	struct step steps[7];
};

#define DUP SL_WHY_FRAG_DUPLICATE
#define OVERLAP SL_WHY_FRAG_OVERLAP
#define BAD SL_WHY_FRAG_MALFORMED
#define LONG SL_WHY_FRAG_TOO_LONG

/* clang-format off */
static const struct row rows[] = {
	{"in order", "46", 3000, 0, {{0, 1480, 1, 'q', 0}, {1480, 2960, 1, 'q', 0}, {2960, 3000, 0, 'C', 0}}},
	{"backwards", "46", 3000, 0, {{2400, 3000, 0, 'q', 0}, {800, 2400, 1, 'q', 0}, {0, 800, 1, 'C', 0}}},
	{"smallest first", "46", 3000, 0, {{0, 8, 1, 'q', 0}, {8, 3000, 0, 'C', 0}}},
	{"repeated first", "46", 3000, 0, {{0, 800, 1, 'q', 0}, {0, 800, 1, 'x', DUP}, {800, 3000, 0, 'C', 0}}},
	{"repeated last", "46", 3000, 0, {{800, 3000, 0, 'q', 0}, {800, 3000, 0, 'x', DUP}, {0, 800, 1, 'C', 0}}},
	{"inside another", "46", 3000, 0, {{0, 800, 1, 'q', 0}, {808, 2400, 1, 'q', 0}, {1000, 1400, 1, 'x', DUP},
		{800, 808, 1, 'q', 0}, {2400, 3000, 0, 'C', 0}}},
	{"inside a run", "46", 3000, 0, {{0, 800, 1, 'q', 0}, {800, 1600, 1, 'q', 0}, {400, 1200, 1, 'x', DUP},
		{0, 1600, 1, 'x', DUP}, {1600, 3000, 0, 'C', 0}}},
	{"inside two that are no run", "46", 0, 0, {{0, 800, 1, 'q', 0}, {1600, 2400, 1, 'q', 0},
		{800, 1600, 1, 'q', 0}, {400, 1200, 1, 'x', OVERLAP}}},
	{"overlaps, then all again", "46", 3000, 0, {{0, 808, 1, 'q', 0}, {800, 2400, 1, 'x', OVERLAP},
		{2400, 3000, 0, 'q', 0}, {0, 800, 1, 'q', 0}, {800, 2400, 1, 'C', 0}}},
	{"overlaps what is behind", "46", 0, 0, {{800, 2400, 1, 'q', 0}, {0, 808, 1, 'x', OVERLAP}}},
	{"covers another", "46", 0, 0, {{800, 1600, 1, 'q', 0}, {0, 2400, 1, 'x', OVERLAP}}},
	{"starts before the last", "46", 0, 0, {{0, 800, 1, 'q', 0}, {800, 2408, 1, 'q', 0}, {2400, 3000, 0, 'x', OVERLAP}}},
	{"two lasts, same end", "46", 3000, 0, {{2400, 3000, 0, 'q', 0}, {2800, 3000, 0, 'x', DUP}, {0, 2400, 1, 'C', 0}}},
	{"two lasts, same end, larger", "46", 0, 0, {{2800, 3000, 0, 'q', 0}, {2400, 3000, 0, 'x', OVERLAP}}},
	{"a repeated one says it is the last", "46", 0, 2, {{0, 800, 1, 'q', 0}, {800, 1600, 1, 'q', 0},
		{800, 1600, 0, 'x', DUP}}},
	{"last in the middle", "4", 0, 0, {{0, 800, 1, 'q', 0}, {800, 2400, 1, 'q', 0}, {800, 1000, 0, 'x', BAD}}},
	{"last in the middle", "6", 3000, 0, {{0, 800, 1, 'q', 0}, {800, 2400, 1, 'q', 0}, {800, 1000, 0, 'x', BAD},
		{2400, 3000, 0, 'C', 0}}},
	{"a later last", "4", 0, 0, {{800, 2400, 0, 'q', 0}, {800, 3000, 0, 'x', BAD}}},
	{"a later last", "6", 2400, 0, {{800, 2400, 0, 'q', 0}, {800, 3000, 0, 'x', BAD}, {0, 800, 1, 'C', 0}}},
	{"an earlier last", "4", 0, 0, {{2400, 3000, 0, 'q', 0}, {2000, 2400, 0, 'x', BAD}}},
	{"an earlier last", "6", 3000, 0, {{2400, 3000, 0, 'q', 0}, {2000, 2400, 0, 'x', BAD}, {0, 2400, 1, 'C', 0}}},
	{"behind the last", "4", 0, 0, {{800, 1600, 0, 'q', 0}, {1600, 2400, 1, 'x', BAD}}},
	{"behind the last", "6", 1600, 0, {{800, 1600, 0, 'q', 0}, {1600, 2400, 1, 'x', BAD}, {0, 800, 1, 'C', 0}}},
	{"not eights: cut", "4", 3000, 0, {{0, 801, 1, 'q', 0}, {800, 2400, 1, 'q', 0}, {2400, 3000, 0, 'C', 0}}},
	{"not eights: nothing left", "4", 3000, 0, {{0, 5, 1, 'x', BAD}, {0, 800, 1, 'q', 0}, {800, 3000, 0, 'C', 0}}},
	{"not eights", "6", 0, 1, {{0, 800, 1, 'q', 0}, {800, 2396, 1, 'p', BAD}, {2400, 3000, 0, 'q', 0}}},
	{"nothing in it", "4", 0, 1, {{0, 800, 1, 'q', 0}, {800, 800, 1, 'x', BAD}, {800, 3000, 0, 'q', 0}}},
	{"nothing in it", "6", 3000, 0, {{0, 800, 1, 'q', 0}, {800, 800, 1, 'x', BAD}, {800, 3000, 0, 'C', 0}}},
	{"an empty last", "4", 3000, 0, {{800, 800, 0, 'x', BAD}, {0, 800, 1, 'q', 0}, {800, 3000, 0, 'C', 0}}},
	{"an empty last", "6", 800, 0, {{800, 800, 0, 'x', BAD}, {0, 800, 1, 'C', 0}}},
	{"no transport header", "6", 0, 1, {{0, 0, 1, 'p', SL_WHY_SHORT_L4}, {8, 3000, 0, 'q', 0}}},
	{"beyond 65,535", "46", 0, 0, {{65528, 65536, 0, 'x', LONG}}},
	{"65,535 with its header", "4", 65515, 0, {{0, 40000, 1, 'q', 0}, {40000, 65515, 0, 'C', 0}}},
	{"one more than that", "4", 0, 0, {{0, 40000, 1, 'q', 0}, {40000, 65516, 0, 'x', LONG}}},
	{"65,535 behind the header", "6", 65535, 0, {{0, 40000, 1, 'q', 0}, {40000, 65535, 0, 'C', 0}}},
};
/* clang-format on */

static void run_row(const struct row *row, bool v6)
{
	struct datagram g = {.v6 = v6, .id = 77, .data = data};
	struct world w;

	world_begin(&w, 1 << 20);
	for (const struct step *s = row->steps; s->fate; s++) {
		enum sl_frag_result result = put(&w, make_fragment(&w, &g, s->begin, s->end, s->more));
		char fate = "?qCxp"[result];

		if (fate != s->fate || w.why != s->why)
			fail_msg("%s, IPv%d: %u-%u: %c %s", row->name, v6 ? 6 : 4, s->begin, s->end, fate,
				sl_reason_name(w.why));
		if (result == SL_FRAGMENT_COMPLETE)
			assert_whole(&w, &g, row->len);
	}
	assert_int_equal(w.f.fragments, row->kept);
	world_end(&w);
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (const char *family = rows[i].families; *family; family++)
			run_row(&rows[i], *family == '6');
}

/* ---- what tells datagrams apart -------------------------------------------------------------- */

static void test_key(void **state)
{
	struct datagram g = {.id = 1, .data = data};
	struct datagram other[] = {g, g, g, g, g};
	struct world w;

	(void)state;
	other[0].id = 2;
	other[1].host = 2;
	other[2].proto = 6;
	other[3].vrf = 1;
	other[4].v6 = true;
	world_begin(&w, 1 << 20);
	assert_int_equal(put(&w, make_fragment(&w, &g, 0, 800, true)), SL_FRAGMENT_QUEUED);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(put(&w, make_fragment(&w, &other[i], 800, 1000, false)), SL_FRAGMENT_QUEUED);
	assert_int_equal(put(&w, make_fragment(&w, &g, 800, 1000, false)), SL_FRAGMENT_COMPLETE);
	assert_whole(&w, &g, 1000);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(put(&w, make_fragment(&w, &other[i], 0, 800, true)), SL_FRAGMENT_COMPLETE);
		assert_whole(&w, &other[i], 1000);
	}
	/* IPv6: the next header of later fragments does not count. */
	g.v6 = true;
	assert_int_equal(put(&w, make_fragment(&w, &g, 0, 800, true)), SL_FRAGMENT_QUEUED);
	g.proto = 59;
	assert_int_equal(put(&w, make_fragment(&w, &g, 800, 1000, false)), SL_FRAGMENT_COMPLETE);
	g.proto = 17;
	assert_whole(&w, &g, 1000);
	world_end(&w);
}

static void test_zone(void **state)
{
	struct datagram g = {.id = 1, .data = data};
	struct sl_packet p;
	struct sl_parsed parsed;
	struct world w;

	(void)state;
	world_begin(&w, 1 << 20);
	put(&w, make_fragment(&w, &g, 0, 800, true));
	p = make_fragment(&w, &g, 800, 1000, false);
	assert_int_equal(sl__parse(&p, &parsed), SL_WHY_NONE);
	assert_int_equal(sl__fragment_add(&w.f, &p, &parsed, 5, 0, &w.whole, &w.why), SL_FRAGMENT_QUEUED);
	assert_int_equal(w.f.fragments, 2);
	world_end(&w);
}

static void test_atomic(void **state)
{
	static const uint8_t options[] = {44, 0, 1, 4, 0, 0, 0, 0};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct datagram g = {.v6 = true, .id = 1, .data = data, .options = options, .options_len = i * 8};
		struct sl_parsed parsed;
		struct world w;

		world_begin(&w, 1 << 20);
		sl_put16(data + 4, 500);
		w.whole.packet = make_fragment(&w, &g, 0, 500, false);
		assert_int_equal(sl__parse(&w.whole.packet, &parsed), SL_WHY_NONE);
		assert_true(parsed.atomic_fragment);
		sl__fragment_strip_atomic(&w.whole.packet, &parsed);
		assert_int_equal(w.whole.packet.headroom, 8);
		assert_int_equal(sl__parse(&w.whole.packet, &parsed), SL_WHY_NONE);
		assert_int_equal(parsed.tuple.proto, 17);
		assert_int_equal(parsed.frag_header, 0);
		assert_whole(&w, &g, 500);
		world_end(&w);
	}
	fill(data, sizeof(data), 0);
}

/* ---- failing --------------------------------------------------------------------------------- */

/* The n-th allocation, keep or alloc fails, for all n: a reason, nothing lost, and the repeat works. */
static void test_failing(void **state)
{
	bool failed = true;

	(void)state;
	for (long n = 0; failed; n++) {
		struct datagram g = {.v6 = n & 1, .id = 1, .data = data};
		struct world w;
		bool complete = false;

		failed = false;
		world_begin(&w, 1 << 20);
		w.fail_after = n / 2;
		for (unsigned round = 0; round < 2 && !complete; round++) {
			for (uint32_t at = 0; at < 6400 && !complete; at += 800) {
				enum sl_frag_result r = put(&w, make_fragment(&w, &g, at, at + 800, at < 5600));

				complete = r == SL_FRAGMENT_COMPLETE;
				if (r != SL_FRAGMENT_DROP || w.why == DUP)
					continue;
				assert_true(w.why == SL_WHY_NO_MEMORY || w.why == SL_WHY_KEEP_FAILED);
				failed = true;
				w.fail_after = -1;
			}
		}
		assert_true(complete || failed);
		if (complete)
			assert_whole(&w, &g, 6400);
		world_end(&w);
	}
}

/* ---- against a model ------------------------------------------------------------------------- */

static uint32_t dice(uint32_t *seed, uint32_t n)
{
	*seed = *seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(*seed >> 4) * n >> 28);
}

/* Any cuts, any order, some pieces twice: it becomes whole exactly when the last byte comes. */
static void test_random_fragmentations(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		uint32_t len = 16 + dice(&seed, round % 50 ? 3000 : 60000), n = 0, order[512], at[513];
		uint32_t largest = 1 + dice(&seed, len / 8);
		struct datagram g = {.v6 = round & 1, .id = round, .data = data + round % 97};
		struct world w;

		world_begin(&w, 4 << 20);
		for (at[0] = 0; at[n] < len;) {
			uint32_t step = 8 * (1 + dice(&seed, largest));

			at[n + 1] = n == 510 || at[n] + step >= len ? len : at[n] + step;
			order[n] = n;
			n++;
		}
		if (n < 2 || (n > 510 && len - at[510] > 60000)) {
			world_end(&w);
			continue;
		}
		for (uint32_t i = n - 1; i > 0; i--) {
			uint32_t j = dice(&seed, i + 1), swap = order[i];

			order[i] = order[j];
			order[j] = swap;
		}
		for (uint32_t i = 0; i < n; i++) {
			uint32_t k = order[i], again = order[dice(&seed, i + 1)];
			enum sl_frag_result r = put(&w, make_fragment(&w, &g, at[k], at[k + 1], k + 1 < n));

			assert_int_equal(r, i + 1 == n ? SL_FRAGMENT_COMPLETE : SL_FRAGMENT_QUEUED);
			if (i + 1 == n || dice(&seed, 4))
				continue;
			r = put(&w, make_fragment(&w, &g, at[again], at[again + 1], again + 1 < n));
			assert_int_equal(r, SL_FRAGMENT_DROP);
			assert_int_equal(w.why, DUP);
		}
		assert_whole(&w, &g, len);
		assert_int_equal(w.f.bytes, 0);
		world_end(&w);
	}
}

/* The model: for each byte whether it is there, and what it is. */
struct model {
	bool there[1024];
	uint8_t byte[1024];
	uint32_t end;
	bool last_seen;
};

static unsigned marked(const struct model *m, uint32_t begin, uint32_t end)
{
	unsigned n = 0;

	for (uint32_t i = begin; i < end; i++)
		n += m->there[i];
	return n;
}

/* Pieces that overlap, contradict and differ. What the engine says must be what the bytes say. */
static void test_random_nonsense(void **state)
{
	uint32_t seed = 2;
	unsigned completed = 0, overlaps = 0, duplicates = 0;
	struct world w;
	struct model m[2] = {0};

	(void)state;
	world_begin(&w, 4 << 20);
	for (unsigned round = 0; round < 60000; round++) {
		uint8_t bytes[1024];
		uint32_t begin = 8 * dice(&seed, 5), end = begin + 8 * (1 + dice(&seed, 3));
		bool v6 = round & 1, more = !begin || dice(&seed, 4);
		struct model *model = &m[v6];
		struct datagram g = {.v6 = v6, .id = 1, .data = bytes};
		bool contradicts = more ? model->last_seen && end > model->end
					: end < model->end || (model->last_seen && end != model->end);
		unsigned before = marked(model, begin, end);
		enum sl_frag_result r;

		fill(bytes, sizeof(bytes), round);
		r = put(&w, make_fragment(&w, &g, begin, end, more));
		if (contradicts) {
			assert_int_equal(r, SL_FRAGMENT_DROP);
			assert_int_equal(w.why, BAD);
			if (!v6)
				memset(model, 0, sizeof(*model));
			continue;
		}
		if (end > model->end)
			model->end = end;
		model->last_seen = model->last_seen || !more;
		if (before) {
			assert_int_equal(r, SL_FRAGMENT_DROP);
			assert_true(w.why == OVERLAP || (w.why == DUP && before == end - begin));
			overlaps += w.why == OVERLAP;
			duplicates += w.why == DUP;
			if (w.why == OVERLAP)
				memset(model, 0, sizeof(*model));
			continue;
		}
		memset(model->there + begin, true, end - begin);
		memcpy(model->byte + begin, bytes + begin, end - begin);
		if (!model->last_seen || marked(model, 0, model->end) < model->end) {
			assert_int_equal(r, SL_FRAGMENT_QUEUED);
			continue;
		}
		assert_int_equal(r, SL_FRAGMENT_COMPLETE);
		g.data = model->byte;
		assert_whole(&w, &g, model->end);
		memset(model, 0, sizeof(*model));
		completed++;
	}
	assert_true(completed > 100 && overlaps > 1000 && duplicates > 1000);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_zone),
		cmocka_unit_test(test_atomic),
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_random_fragmentations),
		cmocka_unit_test(test_random_nonsense),
	};

	fill(data, sizeof(data), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
