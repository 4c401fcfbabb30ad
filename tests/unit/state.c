/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file of connections that outlive their gateway: what was put in comes out, of a file that is cut at any byte
 * what is whole, of one that is changed anywhere no byte beyond it; and what is there before it is finished.
 * Tests: prog/state.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "prog/state.h"

static char folder[] = "/tmp/sluice-state-XXXXXX", path[64], beside[64];
static uint8_t whole[1024];
static size_t whole_len;

static size_t load(const char *name, uint8_t *to, size_t size)
{
	FILE *f = fopen(name, "rb");
	size_t n;

	assert_non_null(f);
	n = fread(to, 1, size, f);
	fclose(f);
	return n;
}

static void store(const uint8_t *bytes, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

static void put_all(struct sl_state_writer *w)
{
	sl__state_put(w, SL_STATE_ADDRESS, 0, "sixteen bytes...", 16);
	sl__state_put(w, SL_STATE_CONN, 1, "a connection", 12);
	sl__state_put(w, SL_STATE_CONN, 2, "", 0);
	sl__state_put(w, SL_STATE_END, 0, "12345678", 8);
}

static int begin(void **state)
{
	struct sl_state_writer w;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/state", folder);
	snprintf(beside, sizeof(beside), "%s/state.new", folder);
	assert_true(sl__state_create(&w, path, 3));
	put_all(&w);
	assert_true(sl__state_finish(&w, true));
	whole_len = load(path, whole, sizeof(whole));
	return 0;
}

static int end(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void comes_out(void **state)
{
	static const struct sl_state_record records[] = {{SL_STATE_ADDRESS, 0, 16},
	        {SL_STATE_CONN, 1, 12}, {SL_STATE_CONN, 2, 0}, {SL_STATE_END, 0, 8}};
	struct sl_state_reader r;

	(void)state;
	assert_int_equal(sl__state_open(&r, path), SL_STATE_OPEN);
	assert_int_equal(r.head.engines, 3);
	assert_true(sl__state_age(&r) < 60000);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(sl__state_next(&r));
		assert_memory_equal(&r.record, &records[i], sizeof(r.record));
		if (i == 1)
			assert_memory_equal(r.bytes, "a connection", 12);
	}
	assert_false(sl__state_next(&r));
	sl__state_close(&r);
}

/* What is read of so many bytes. */
static unsigned records_of(const uint8_t *bytes, size_t len)
{
	struct sl_state_reader r;
	unsigned n = 0;

	store(bytes, len);
	if (sl__state_open(&r, path) == SL_STATE_OPEN)
		while (sl__state_next(&r))
			n++;
	sl__state_close(&r);
	return n;
}

static void cut_anywhere(void **state)
{
	static const unsigned ends[] = {
	        sizeof(struct sl_state_head), 8 + 16, 8 + 12, 8, 8 + 8}; /* head, then records */
	size_t behind = ends[0] + ends[1];
	unsigned n = 0;

	(void)state;
	for (size_t len = 0; len <= whole_len; len++) {
		if (n < 4 && len == behind)
			behind += n++ < 3 ? ends[n + 1] : 0;
		assert_int_equal(records_of(whole, len), n);
	}
	assert_int_equal(n, 4);
}

static void changed_anywhere(void **state)
{
	uint8_t bytes[sizeof(whole)];

	(void)state;
	for (size_t at = 0; at < whole_len; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(bytes, whole, whole_len);
			bytes[at] ^= (uint8_t)(1u << bit);
			assert_true(records_of(bytes, whole_len) <= 5);
		}
	bytes[0] = 'x';
	assert_int_equal(records_of(bytes, whole_len), 0);
	store(whole, whole_len);
}

static void one_or_the_other(void **state)
{
	uint8_t now[sizeof(whole)];
	struct sl_state_writer w;
	struct stat st;

	(void)state;
	assert_true(sl__state_create(&w, path, 1));
	put_all(&w);
	assert_int_equal(load(path, now, sizeof(now)), whole_len);
	assert_memory_equal(now, whole, whole_len); /* not touched before it is finished */
	assert_true(sl__state_finish(&w, false));
	assert_int_equal(load(path, now, sizeof(now)), whole_len);
	assert_memory_equal(now, whole, whole_len);
	assert_int_equal(stat(beside, &st), -1); /* nor is anything left beside it */
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void refused(void **state)
{
	struct sl_state_reader r;
	struct sl_state_writer w;
	char nowhere[80];

	(void)state;
	assert_int_equal(sl__state_open(&r, folder), SL_STATE_FOREIGN);
	sl__state_close(&r);
	snprintf(nowhere, sizeof(nowhere), "%s/none", folder);
	assert_int_equal(sl__state_open(&r, nowhere), SL_STATE_NONE);
	sl__state_close(&r);
	snprintf(nowhere, sizeof(nowhere), "%s/none/state", folder);
	assert_false(sl__state_create(&w, nowhere, 1));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(
	        symlink("/dev/null", beside), 0); /* somebody waits for us to write there */
	assert_false(sl__state_create(&w, path, 1));
	assert_int_equal(unlink(beside), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(comes_out),
	        cmocka_unit_test(cut_anywhere),
	        cmocka_unit_test(changed_anywhere),
	        cmocka_unit_test(one_or_the_other),
	        cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
