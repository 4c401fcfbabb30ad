/* SPDX-License-Identifier: BSD-2-Clause */
#define _POSIX_C_SOURCE 200809L
#include "tests/unit/capture_bytes.h"

#include <unistd.h>

#include "io/pcap_write.h"

static void can_be_read_again(void **state)
{
	char path[] = "/tmp/sluice-write-XXXXXX";
	struct sl_pcap_writer w;
	struct sl_capture cap;
	struct sl_frame f;
	int fd;

	(void)state;
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	assert_true(sl_pcap_writer_init(&w, path));
	assert_true(sl_pcap_write(&w, 1700000000123456789, (const uint8_t *)"packet", 6));
	assert_true(sl_pcap_write(&w, 5, NULL, 0));
	assert_true(sl_pcap_writer_fini(&w));

	assert_true(sl_capture_init(&cap, path));
	assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_FRAME);
	assert_int_equal(f.ts, 1700000000123456789);
	assert_int_equal(f.linktype, 101);
	assert_int_equal(f.wire_len, 6);
	assert_int_equal(f.caplen, 6);
	assert_memory_equal(f.data, "packet", 6);
	assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_FRAME);
	assert_int_equal(f.ts, 5);
	assert_int_equal(f.caplen, 0);
	assert_int_equal(sl_capture_next(&cap, &f), SL_CAPTURE_END);
	sl_capture_fini(&cap);
	remove(path);
}

/* The disk is full: seen at fini if the bytes were still buffered, at a write if not. */
static void full_disk(void **state)
{
	static uint8_t packet[60000];
	struct sl_pcap_writer w;
	bool good = true;

	(void)state;
	assert_true(sl_pcap_writer_init(&w, "/dev/full"));
	assert_false(sl_pcap_writer_fini(&w));
	assert_string_equal(w.out.error, "/dev/full: No space left on device");

	sl_pcap_writer_init(&w, "/dev/full");
	for (int i = 0; i < 10; i++)
		good = sl_pcap_write(&w, 0, packet, sizeof(packet));
	assert_false(good);
	assert_false(sl_pcap_writer_fini(&w));
	assert_string_equal(w.out.error, "/dev/full: No space left on device");
}

static void cannot_be_made(void **state)
{
	struct sl_pcap_writer w;

	(void)state;
	assert_false(sl_pcap_writer_init(&w, "/nonexistent/out0.pcap"));
	assert_false(sl_pcap_write(&w, 0, NULL, 0));
	assert_false(sl_pcap_writer_fini(&w));
	assert_string_equal(w.out.error, "/nonexistent/out0.pcap: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(can_be_read_again),
	        cmocka_unit_test(full_disk),
	        cmocka_unit_test(cannot_be_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
