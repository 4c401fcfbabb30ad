/* SPDX-License-Identifier: BSD-2-Clause */
#define _POSIX_C_SOURCE 200809L
#include "tests/unit/capture_bytes.h"

#include <unistd.h>

#include "io/pcapng_write.h"

static char path[] = "/tmp/sluice-annotated-XXXXXX";

/* Copies a capture to path, with the comment "note N" on frame N. */
static void annotate(const struct bytes *b)
{
	char comment[32];
	struct sl_pcapng_writer w;
	struct sl_capture cap;
	struct sl_frame f;

	assert_true(sl_capture_init_memory(&cap, b->at, b->len));
	assert_true(sl_pcapng_writer_init(&w, path));
	if (cap.format == SL_CAPTURE_PCAPNG) {
		cap.on_block = sl_pcapng_on_block;
		cap.on_block_arg = &w;
	}
	while (sl_capture_next(&cap, &f) == SL_CAPTURE_FRAME) {
		snprintf(comment, sizeof(comment), "note %u", (unsigned)f.number);
		assert_true(sl_pcapng_write_frame(&w, &f, comment));
	}
	assert_true(sl_pcapng_writer_fini(&w));
	sl_capture_fini(&cap);
}

/* Whether the comments of a frame are, one after the other, these. */
static void check_comments(const struct sl_capture *cap, const struct sl_frame *f, const char *want)
{
	char all[128] = "";
	const char *text;
	uint32_t at = 0, len;
	size_t n = 0;

	while (sl_frame_comment(cap, f, &at, &text, &len))
		n += (size_t)snprintf(all + n, sizeof(all) - n, "[%.*s]", (int)len, text);
	assert_string_equal(all, want);
}

static void check_same_frame(const struct sl_frame *a, const struct sl_frame *b)
{
	assert_int_equal(a->number, b->number);
	assert_int_equal(a->ts, b->ts);
	assert_int_equal(a->interface, b->interface);
	assert_int_equal(a->linktype, b->linktype);
	assert_int_equal(a->snaplen, b->snaplen);
	assert_int_equal(a->wire_len, b->wire_len);
	assert_int_equal(a->caplen, b->caplen);
	assert_memory_equal(a->data, b->data, a->caplen);
}

/* The copy at path has the frames of b, and these comments. */
static void check_copy(const struct bytes *b, const char *const *comments)
{
	enum sl_capture_result got;
	struct sl_capture in, out;
	struct sl_frame f, g;

	assert_true(sl_capture_init_memory(&in, b->at, b->len));
	assert_true(sl_capture_init(&out, path));
	assert_int_equal(out.format, SL_CAPTURE_PCAPNG);
	do {
		got = sl_capture_next(&in, &f);
		assert_int_equal(sl_capture_next(&out, &g), got);
		if (got != SL_CAPTURE_FRAME)
			break;
		check_same_frame(&f, &g);
		check_comments(&out, &g, *comments++);
	} while (true);
	assert_int_equal(got, SL_CAPTURE_END);
	assert_null(*comments);
	sl_capture_fini(&in);
	sl_capture_fini(&out);
}

static void copies_pcap(void **state)
{
	static const char *const comments[] = {"[note 1]", "[note 2]", NULL};
	struct bytes b = {0};

	(void)state;
	add_pcap_header(&b, 0xA1B2C3D4, false, 113);
	add_pcap_record(&b, 1700000000, 123456, false, "hello");
	add_pcap_record(&b, 1700000001, 1, false, "");
	annotate(&b);
	check_copy(&b, comments);
}

static void copies_pcapng(void **state)
{
	static const char *const comments[] = {
	        "[note 1]", "[old comment][note 2]", "[note 3]", "[note 4]", NULL};
	struct bytes b = {0};

	(void)state;
	add_rich_pcapng(&b);
	annotate(&b);
	check_copy(&b, comments);
}

/* All blocks but the packets, one behind the other. */
static void gather(void *arg, const struct sl_capture_block *block)
{
	struct bytes *all = arg;
	bool section = block->type == 0x0A0D0D0A;

	add32(all, block->type);
	add32(all, block->len);
	add(all, block->body, section ? 8 : block->len); /* its length may change */
}

static void keeps_blocks(void **state)
{
	struct bytes b = {0}, before = {0}, after = {0};
	struct sl_capture cap;
	struct sl_frame f;

	(void)state;
	add_rich_pcapng(&b);
	annotate(&b);
	assert_true(sl_capture_init_memory(&cap, b.at, b.len));
	cap.on_block = gather;
	cap.on_block_arg = &before;
	while (sl_capture_next(&cap, &f) == SL_CAPTURE_FRAME)
		;
	sl_capture_fini(&cap);
	assert_true(sl_capture_init(&cap, path));
	cap.on_block = gather;
	cap.on_block_arg = &after;
	while (sl_capture_next(&cap, &f) == SL_CAPTURE_FRAME)
		;
	sl_capture_fini(&cap);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.at, after.at, before.len);
}

/* No frames: a capture all the same. */
static void copies_nothing(void **state)
{
	static const char *const comments[] = {NULL};
	struct bytes b = {0};

	(void)state;
	add_pcap_header(&b, 0xA1B2C3D4, false, 1);
	annotate(&b);
	check_copy(&b, comments);
}

/* Too long a comment is cut, and not within a character (here of two bytes, at odd places). */
static void long_comment(void **state)
{
	enum { CHARACTERS = 40000 };
	static char comment[2 * CHARACTERS + 1];
	struct sl_frame f = {.number = 1, .linktype = 1, .data = (const uint8_t *)"x", .caplen = 1};
	struct sl_pcapng_writer w;
	struct sl_capture cap;
	const char *text;
	uint32_t at = 0, len;

	(void)state;
	for (size_t i = 0; i < CHARACTERS; i++)
		memcpy(comment + 2 * i, "\xC3\xA9", 2);
	assert_true(sl_pcapng_writer_init(&w, path));
	assert_true(sl_pcapng_write_frame(&w, &f, comment));
	assert_true(sl_pcapng_write_frame(&w, &f, NULL));
	assert_true(sl_pcapng_writer_fini(&w));
	assert_true(sl_capture_init(&cap, path));
	assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_FRAME);
	assert_true(sl_frame_comment(&cap, &f, &at, &text, &len));
	assert_int_equal(len, 65534);
	assert_memory_equal(text, comment, len);
	assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_FRAME);
	at = 0;
	assert_false(sl_frame_comment(&cap, &f, &at, &text, &len));
	assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_END);
	sl_capture_fini(&cap);
}

/* Whatever a damaged capture still gives can be copied and read again. */
static void copies_damaged(void **state)
{
	struct bytes b = {0}, m;
	struct sl_pcapng_writer w;
	struct sl_capture cap;
	struct sl_frame f;
	uint64_t frames;

	(void)state;
	add_rich_pcapng(&b);
	for (size_t i = 28; i < b.len; i++) {
		m = b;
		m.at[i] ^= 0x55;
		assert_true(sl_capture_init_memory(&cap, m.at, m.len));
		assert_true(sl_pcapng_writer_init(&w, path));
		cap.on_block = sl_pcapng_on_block;
		cap.on_block_arg = &w;
		while (sl_capture_next(&cap, &f) == SL_CAPTURE_FRAME)
			assert_true(sl_pcapng_write_frame(&w, &f, "note"));
		frames = cap.frames;
		assert_true(sl_pcapng_writer_fini(&w));
		sl_capture_fini(&cap);
		assert_true(sl_capture_init(&cap, path));
		while (sl_capture_next(&cap, &f) == SL_CAPTURE_FRAME)
			;
		assert_int_equal(cap.why, SL_CAPTURE_FINE);
		assert_int_equal(cap.frames, frames);
		sl_capture_fini(&cap);
	}
}

static void full_disk(void **state)
{
	struct sl_frame f = {.number = 1, .linktype = 1, .data = (const uint8_t *)"x", .caplen = 1};
	struct sl_pcapng_writer w;

	(void)state;
	assert_true(sl_pcapng_writer_init(&w, "/dev/full"));
	sl_pcapng_write_frame(&w, &f, "note");
	assert_false(sl_pcapng_writer_fini(&w));
	assert_string_equal(w.out.error, "/dev/full: No space left on device");
	assert_false(sl_pcapng_writer_init(&w, "/nonexistent/annotated.pcapng"));
	assert_false(sl_pcapng_write_frame(&w, &f, "note"));
	assert_false(sl_pcapng_writer_fini(&w));
}

/* What tshark prints of the copy: FIELDS, one frame a line. */
static void check_tshark(const char *fields, const char *want)
{
	char command[256], got[1024];
	size_t n;
	FILE *p;

	snprintf(command, sizeof(command), "tshark -r %s -T fields %s 2>/dev/null", path, fields);
	p = popen(command, "r");
	assert_non_null(p);
	n = fread(got, 1, sizeof(got) - 1, p);
	got[n] = '\0';
	assert_int_equal(pclose(p), 0);
	assert_string_equal(got, want);
}

static void opens_in_tshark(void **state)
{
	struct bytes b = {0};

	(void)state;
	if (system("command -v tshark >/dev/null") != 0) {
		print_message("SKIPPED: tshark is not installed\n");
		skip();
	}
	add_rich_pcapng(&b);
	annotate(&b);
	check_tshark("-e frame.number -e frame.comment -E aggregator=';'",
	        "1\tnote 1\n2\told comment;note 2\n3\tnote 3\n4\tnote 4\n");
	check_tshark("-e frame.time_epoch -e frame.cap_len -e frame.interface_name",
	        "0.000005000\t5\teth0\n7.000000000\t6\teth0\n0.000000000\t8\teth0\n"
	        "0.009000000\t6\teth0\n");
	b = (struct bytes){0};
	add_pcap_header(&b, 0xA1B23C4D, true, 101);
	add_pcap_record(&b, 1700000000, 123456789, false, "hello");
	annotate(&b);
	check_tshark("-e frame.time_epoch -e frame.comment", "1700000000.123456789\tnote 1\n");
	b = (struct bytes){0};
	add_pcap_header(&b, 0xA1B23C4D, true, 101);
	annotate(&b);
	check_tshark("-e frame.comment", "");
}

static int make_path(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd) != 0;
}

static int remove_path(void **state)
{
	(void)state;
	return remove(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(copies_pcap),
	        cmocka_unit_test(copies_pcapng),
	        cmocka_unit_test(keeps_blocks),
	        cmocka_unit_test(copies_nothing),
	        cmocka_unit_test(long_comment),
	        cmocka_unit_test(copies_damaged),
	        cmocka_unit_test(full_disk),
	        cmocka_unit_test(opens_in_tshark),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
