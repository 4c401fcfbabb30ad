/* SPDX-License-Identifier: BSD-2-Clause */
#define _POSIX_C_SOURCE 200809L
#include "tests/unit/capture_bytes.h"

#define MICRO     0xA1B2C3D4u
#define NANO      0xA1B23C4Du
#define KUZNETZOV 0xA1B2CD34u

static const struct {
	uint32_t magic;
	bool big;
	uint64_t ts; /* of 1,700,000,000 s and a fraction of 123,456 */
	size_t record_header;
} variants[] = {
        {MICRO, false, 1700000000123456000, 16},
        {MICRO, true, 1700000000123456000, 16},
        {NANO, false, 1700000000000123456, 16},
        {NANO, true, 1700000000000123456, 16},
        {KUZNETZOV, false, 1700000000123456000, 24},
        {KUZNETZOV, true, 1700000000123456000, 24},
};
#define N_VARIANTS (sizeof(variants) / sizeof(*variants))

static void make(struct bytes *b, size_t variant)
{
	bool kuznetzov = variants[variant].magic == KUZNETZOV;

	*b = (struct bytes){0};
	add_pcap_header(b, variants[variant].magic, variants[variant].big, 0x04000000 | 113);
	add_pcap_record(b, 1700000000, 123456, kuznetzov, "hello");
	add_pcap_record(b, 1, 2, kuznetzov, "");
}

static void reads_all_variants(void **state)
{
	struct sl_capture cap;
	struct sl_frame f;
	struct bytes b;

	(void)state;
	for (size_t i = 0; i < N_VARIANTS; i++) {
		make(&b, i);
		assert_true(sl_capture_init_memory(&cap, b.at, b.len));
		assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_FRAME);
		assert_int_equal(f.number, 1);
		assert_int_equal(f.ts, variants[i].ts);
		assert_int_equal(f.linktype, 113);
		assert_int_equal(f.snaplen, 65535);
		assert_int_equal(f.caplen, 5);
		assert_int_equal(f.wire_len, 105);
		assert_memory_equal(f.data, "hello", 5);
		assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_FRAME);
		assert_int_equal(f.number, 2);
		assert_int_equal(f.caplen, 0);
		assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_END);
		assert_int_equal(cap.frames, 2);
		assert_int_equal(cap.offset, b.len);
		sl_capture_fini(&cap);
	}
}

/* Every length at which a file can be cut: whole records are delivered, the rest is damage. */
static void truncated(void **state)
{
	enum sl_capture_result got, want;
	size_t first, second;
	unsigned frames;
	struct bytes b;

	(void)state;
	for (size_t i = 0; i < N_VARIANTS; i++) {
		make(&b, i);
		first = 24 + variants[i].record_header + 5;
		second = first + variants[i].record_header;
		assert_int_equal(second, b.len);
		for (size_t len = 0; len <= b.len; len++) {
			want = len < 4 ? SL_CAPTURE_ERROR : SL_CAPTURE_DAMAGED;
			if (len == 24 || len == first || len == second)
				want = SL_CAPTURE_END;
			got = read_all(b.at, len, &frames);
			assert_int_equal(got, want);
			assert_int_equal(frames, (len >= first) + (len >= second));
		}
	}
}

static void says_where(void **state)
{
	struct sl_capture cap;
	struct sl_frame f;
	struct bytes b;

	(void)state;
	make(&b, 0);
	assert_true(sl_capture_init_memory(&cap, b.at, b.len - 1));
	assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_FRAME);
	assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_DAMAGED);
	assert_int_equal(cap.why, SL_CAPTURE_TRUNCATED);
	assert_int_equal(cap.offset, 45);
	assert_string_equal(
	        cap.error, "damaged at byte 45 (frame 2): the record header has 15 bytes of 16");
	sl_capture_fini(&cap);
}

/* A field of the little-endian file is overwritten; what comes of it. */
static void impossible(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
		enum sl_capture_why why;
	} rows[] = {
	        {4, 0x00040003, SL_CAPTURE_MALFORMED}, /* version 3.4 */
	        {32, SL_CAPTURE_BLOCK_MAX + 1, SL_CAPTURE_TOO_LARGE},
	        {32, UINT32_MAX, SL_CAPTURE_TOO_LARGE},
	        {32, SL_CAPTURE_BLOCK_MAX, SL_CAPTURE_TRUNCATED},
	};
	struct sl_capture cap;
	struct sl_frame f;
	struct bytes b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		make(&b, 0);
		sl__order_put32(false, b.at + rows[i].at, rows[i].value);
		assert_true(sl_capture_init_memory(&cap, b.at, b.len));
		assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_DAMAGED);
		assert_int_equal(cap.why, rows[i].why);
		assert_true(cap.buf_size <= 1 << 20); /* a lie costs no memory */
		sl_capture_fini(&cap);
	}
}

static void not_captures(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum sl_capture_why why;
		const char *words;
	} rows[] = {
	        {"", 0, SL_CAPTURE_NOT_CAPTURE, "empty"},
	        {"\xD4\xC3\xB2", 3, SL_CAPTURE_NOT_CAPTURE, "neither pcap nor pcapng"},
	        {"#!/bin/sh\n", 10, SL_CAPTURE_NOT_CAPTURE, "neither pcap nor pcapng"},
	        {"\x1F\x8B\x08\0\0\0\0\0", 8, SL_CAPTURE_COMPRESSED, "gunzip"},
	        {"\x28\xB5\x2F\xFD", 4, SL_CAPTURE_COMPRESSED, "unzstd"},
	        {"\xFD"
	         "7zXZ",
	                5, SL_CAPTURE_COMPRESSED, "unxz"},
	        {"BZh91AY", 7, SL_CAPTURE_COMPRESSED, "bunzip2"},
	};
	struct sl_capture cap;
	struct sl_frame f;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_false(sl_capture_init_memory(&cap, rows[i].bytes, rows[i].len));
		assert_int_equal(cap.why, rows[i].why);
		assert_non_null(strstr(cap.error, rows[i].words));
		assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_ERROR);
		sl_capture_fini(&cap);
	}
}

static void unreadable_files(void **state)
{
	static const struct {
		const char *path;
		enum sl_capture_why why;
	} rows[] = {
	        {"/nonexistent/file.pcap", SL_CAPTURE_CANNOT_OPEN},
	        {"/", SL_CAPTURE_CANNOT_READ},
	        {"/dev/null", SL_CAPTURE_NOT_CAPTURE},
	};
	struct sl_capture cap;
	struct sl_frame f;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_false(sl_capture_init(&cap, rows[i].path));
		assert_int_equal(cap.why, rows[i].why);
		assert_true(cap.error[0]);
		assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_ERROR);
		sl_capture_fini(&cap);
	}
}

/* From a file, and from standard input. */
static void reads_files(void **state)
{
	char path[] = "/tmp/sluice-pcap-XXXXXX";
	const char *ways[] = {path, "-"};
	struct sl_capture cap;
	struct sl_frame f;
	struct bytes b;
	FILE *file;

	(void)state;
	make(&b, 3);
	file = fdopen(mkstemp(path), "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(b.at, 1, b.len, file), b.len);
	assert_int_equal(fclose(file), 0);
	assert_non_null(freopen(path, "rb", stdin));
	for (size_t i = 0; i < 2; i++) {
		assert_true(sl_capture_init(&cap, ways[i]));
		assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_FRAME);
		assert_memory_equal(f.data, "hello", 5);
		assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_FRAME);
		assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_END);
		sl_capture_fini(&cap);
	}
	remove(path);
}

static void mutated(void **state)
{
	struct bytes b;

	(void)state;
	for (size_t i = 0; i < N_VARIANTS; i++) {
		make(&b, i);
		read_mutations(&b, 2000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(reads_all_variants),
	        cmocka_unit_test(truncated),
	        cmocka_unit_test(says_where),
	        cmocka_unit_test(impossible),
	        cmocka_unit_test(not_captures),
	        cmocka_unit_test(unreadable_files),
	        cmocka_unit_test(reads_files),
	        cmocka_unit_test(mutated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
