/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/capture_bytes.h"

/* What add_rich_pcapng() holds. */
static const struct {
	uint64_t ts;
	uint32_t interface, linktype, snaplen, wire_len;
	const char *data, *comment;
} rich[] = {
        {5000, 0, 1, 0, 105, "first", NULL},
        {7000000000, 1, 101, 65535, 106, "second", "old comment"},
        {0, 0, 113, 8, 20, "third, c", NULL},
        {9000000, 0, 113, 8, 6, "fourth", NULL},
};
#define N_RICH (sizeof(rich) / sizeof(*rich))

static void check_comment(
        const struct sl_capture *cap, const struct sl_frame *f, const char *comment)
{
	const char *text;
	uint32_t at = 0, len;

	if (comment) {
		assert_true(sl_frame_comment(cap, f, &at, &text, &len));
		assert_int_equal(len, strlen(comment));
		assert_memory_equal(text, comment, len);
	}
	assert_false(sl_frame_comment(cap, f, &at, &text, &len));
}

struct log {
	uint32_t types[8];
	bool big[8];
	unsigned n;
};

static void log_block(void *arg, const struct sl_capture_block *block)
{
	struct log *log = arg;

	assert_true(log->n < 8);
	if (block->type == 0x7777)
		assert_memory_equal(block->body, "whatever", 8);
	log->types[log->n] = block->type;
	log->big[log->n++] = block->big_endian;
}

static void reads_everything(void **state)
{
	static const uint32_t types[] = {0x0A0D0D0A, 1, 1, 0x7777, 0x0A0D0D0A, 1};
	struct bytes b = {0};
	struct sl_capture cap;
	struct sl_frame f;
	struct log log = {0};

	(void)state;
	add_rich_pcapng(&b);
	assert_true(sl_capture_init_memory(&cap, b.at, b.len));
	cap.on_block = log_block;
	cap.on_block_arg = &log;
	for (size_t i = 0; i < N_RICH; i++) {
		assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_FRAME);
		assert_int_equal(f.number, i + 1);
		assert_int_equal(f.ts, rich[i].ts);
		assert_int_equal(f.interface, rich[i].interface);
		assert_int_equal(f.linktype, rich[i].linktype);
		assert_int_equal(f.snaplen, rich[i].snaplen);
		assert_int_equal(f.wire_len, rich[i].wire_len);
		assert_int_equal(f.caplen, strlen(rich[i].data));
		assert_memory_equal(f.data, rich[i].data, f.caplen);
		check_comment(&cap, &f, rich[i].comment);
	}
	assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_END);
	assert_int_equal(cap.offset, b.len);
	assert_int_equal(log.n, 6);
	for (unsigned i = 0; i < log.n; i++) {
		assert_int_equal(log.types[i], types[i]);
		assert_int_equal(log.big[i], i >= 4);
	}
	sl_capture_fini(&cap);
}

static void times(void **state)
{
	static const struct {
		int tsresol;
		int64_t tsoffset;
		uint64_t ticks, ns;
	} rows[] = {
	        {-1, 0, 1700000000123456, 1700000000123456000}, /* none: microseconds */
	        {0, 0, 1700000000, 1700000000000000000},
	        {3, 0, 1700000000123, 1700000000123000000},
	        {6, 0, 1700000000123456, 1700000000123456000},
	        {9, 0, 1700000000123456789, 1700000000123456789},
	        {12, 0, 1700000000123456, 1700000000123},
	        {28, 0, UINT64_MAX, 1},
	        {29, 0, UINT64_MAX, 0}, /* a divisor beyond 64 bits */
	        {127, 0, UINT64_MAX, 0},
	        {0x80, 0, 1700000000, 1700000000000000000},
	        {0x80 | 10, 0, (UINT64_C(17) << 10) + 512, 17500000000},
	        {0x80 | 32, 0, (UINT64_C(1700000000) << 32) + 0xFFFFFFFF, 1700000000999999999},
	        {0x80 | 33, 0, (UINT64_C(1700000000) << 33) + 0x1FFFFFFFF, 1700000000999999999},
	        {0x80 | 63, 0, (UINT64_C(1) << 63) + (UINT64_C(1) << 62), 1500000000},
	        {0x80 | 64, 0, UINT64_C(1) << 63, 500000000},
	        {0x80 | 127, 0, UINT64_MAX, 0},
	        {6, 1700000000, 123456, 1700000000123456000},
	        {6, -5, 7000000, 2000000000},
	        {6, -5, 4000000, 0}, /* before 1970 */
	        {6, INT64_MIN, 4000000, 0},
	        {6, INT64_MAX, 4000000, UINT64_MAX}, /* beyond 2554: the largest */
	        {0, 0, UINT64_MAX, UINT64_MAX},
	};
	struct sl_capture cap;
	struct sl_frame f;
	struct bytes b;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		b = (struct bytes){0};
		add_section(&b, i % 2);
		add_interface(&b, 1, 0, rows[i / 2].tsresol, rows[i / 2].tsoffset);
		add_packet(&b, 0, rows[i / 2].ticks, "x", NULL);
		assert_true(sl_capture_init_memory(&cap, b.at, b.len));
		assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_FRAME);
		assert_int_equal(f.ts, rows[i / 2].ns);
		assert_int_equal(f.ticks, rows[i / 2].ticks);
		sl_capture_fini(&cap);
	}
}

/* Where blocks end, and how many frames stand before each of these places. */
static unsigned block_ends(const struct bytes *b, size_t *ends, unsigned *frames)
{
	unsigned n = 0, packets = 0;
	bool big = false;
	uint32_t type;

	for (size_t at = 0; at < b->len; n++) {
		if (sl_get32(b->at + at) == 0x0A0D0D0A)
			big = b->at[at + 8] == 0x1A;
		type = sl__order_get32(big, b->at + at);
		packets += type == 6 || type == 2 || type == 3;
		at += sl__order_get32(big, b->at + at + 4);
		ends[n] = at;
		frames[n] = packets;
	}
	return n;
}

static void truncated(void **state)
{
	size_t ends[32];
	unsigned want_frames[32], n, frames, done = 0;
	struct bytes b = {0};
	enum sl_capture_result want;

	(void)state;
	add_rich_pcapng(&b);
	n = block_ends(&b, ends, want_frames);
	assert_int_equal(n, 10);
	assert_int_equal(want_frames[n - 1], N_RICH);
	for (size_t len = 0; len <= b.len; len++) {
		while (done < n && ends[done] <= len)
			done++;
		want = len < 4 ? SL_CAPTURE_ERROR : SL_CAPTURE_DAMAGED;
		if (done && ends[done - 1] == len)
			want = SL_CAPTURE_END;
		assert_int_equal(read_all(b.at, len, &frames), want);
		assert_int_equal(frames, done ? want_frames[done - 1] : 0);
	}
}

/*
 * One number of a file is overwritten. The file: section 0-27, interface 28-67, packet 68-103 with
 * "abc" on interface 0, packet 104-139.
 */
static void impossible(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
		unsigned frames; /* before the damage */
		enum sl_capture_result got;
		enum sl_capture_why why;
		const char *words;
	} rows[] = {
	        {8, 0x12345678, 0, SL_CAPTURE_ERROR, SL_CAPTURE_NOT_CAPTURE, "neither"},
	        {12, 2, 0, SL_CAPTURE_DAMAGED, SL_CAPTURE_MALFORMED, "version 2.0"},
	        {4, 12, 0, SL_CAPTURE_DAMAGED, SL_CAPTURE_MALFORMED, "12 cannot be"},
	        {4, 29, 0, SL_CAPTURE_DAMAGED, SL_CAPTURE_MALFORMED, "29 cannot be"},
	        {24, 32, 0, SL_CAPTURE_DAMAGED, SL_CAPTURE_MALFORMED, "28 in front and 32 behind"},
	        {72, 0, 0, SL_CAPTURE_DAMAGED, SL_CAPTURE_MALFORMED, "byte 68 (frame 1)"},
	        {72, SL_CAPTURE_BLOCK_MAX + 4, 0, SL_CAPTURE_DAMAGED, SL_CAPTURE_TOO_LARGE, "most"},
	        {76, 1, 0, SL_CAPTURE_DAMAGED, SL_CAPTURE_MALFORMED, "interface 1, and 1 are"},
	        {88, 5, 0, SL_CAPTURE_DAMAGED, SL_CAPTURE_MALFORMED, "5 bytes in a block of 36"},
	        {88, UINT32_MAX, 0, SL_CAPTURE_DAMAGED, SL_CAPTURE_MALFORMED, "in a block"},
	        {112, 1, 1, SL_CAPTURE_DAMAGED, SL_CAPTURE_MALFORMED, "byte 104 (frame 2)"},
	        {108, 40, 1, SL_CAPTURE_DAMAGED, SL_CAPTURE_TRUNCATED, "36 bytes of 40"},
	        {104, 0x0A0D0D0A, 1, SL_CAPTURE_DAMAGED, SL_CAPTURE_MALFORMED,
	                "without byte order"},
	};
	enum sl_capture_result got;
	struct sl_capture cap;
	struct sl_frame f;
	struct bytes b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		b = (struct bytes){0};
		add_section(&b, false);
		add_interface(&b, 1, 0, 9, 0);
		add_packet(&b, 0, 1, "abc", NULL);
		add_packet(&b, 0, 1, "def", NULL);
		assert_int_equal(b.len, 140);
		sl__order_put32(false, b.at + rows[i].at, rows[i].value);
		assert_true(sl_capture_init_memory(&cap, b.at, b.len));
		while ((got = sl_capture_next(&cap, &f)) == SL_CAPTURE_FRAME)
			;
		assert_int_equal(got, rows[i].got);
		assert_int_equal(cap.why, rows[i].why);
		assert_int_equal(cap.frames, rows[i].frames);
		assert_non_null(strstr(cap.error, rows[i].words));
		sl_capture_fini(&cap);
	}
}

/* Blocks too short for what they are. */
static void short_blocks(void **state)
{
	static const struct {
		uint32_t type, body_len;
	} rows[] = {{1, 4}, {6, 16}, {2, 16}, {3, 0}};
	struct bytes b;
	size_t begin;
	unsigned frames;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		b = (struct bytes){0};
		add_section(&b, true);
		add_interface(&b, 1, 0, 9, 0);
		begin = block_begin(&b, rows[i].type);
		add(&b, (uint8_t[16]){0}, rows[i].body_len);
		block_end(&b, begin);
		assert_int_equal(read_all(b.at, b.len, &frames), SL_CAPTURE_DAMAGED);
		assert_int_equal(frames, 0);
	}
	/* A packet before any interface; and one of the last section's interface. */
	b = (struct bytes){0};
	add_section(&b, true);
	add_simple_packet(&b, 1, "x");
	assert_int_equal(read_all(b.at, b.len, &frames), SL_CAPTURE_DAMAGED);
	b = (struct bytes){0};
	add_section(&b, true);
	add_interface(&b, 1, 0, 9, 0);
	add_section(&b, false);
	add_packet(&b, 0, 0, "x", NULL);
	assert_int_equal(read_all(b.at, b.len, &frames), SL_CAPTURE_DAMAGED);
}

/* Broken options cost only themselves and what follows them. */
static void broken_options(void **state)
{
	struct sl_capture cap;
	struct sl_frame f;
	struct bytes b = {0};

	(void)state;
	add_section(&b, false);
	add_interface(&b, 1, 0, 9, 0);
	add_packet(&b, 0, 1, "abcd", "comment");
	/* length of the comment: 4 end + 4 length + 8 text and its padding + 2 from the end */
	sl__order_put16(false, b.at + b.len - 18, 5000);
	assert_true(sl_capture_init_memory(&cap, b.at, b.len));
	assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_FRAME);
	check_comment(&cap, &f, NULL);
	assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_END);
	sl_capture_fini(&cap);
}

static void mutated(void **state)
{
	struct bytes b = {0};

	(void)state;
	add_rich_pcapng(&b);
	read_mutations(&b, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(reads_everything),
	        cmocka_unit_test(times),
	        cmocka_unit_test(truncated),
	        cmocka_unit_test(impossible),
	        cmocka_unit_test(short_blocks),
	        cmocka_unit_test(broken_options),
	        cmocka_unit_test(mutated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
