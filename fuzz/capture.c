/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: a capture file. It is read to its end, the IP packet of each frame
 * is looked for, comments are listed, and the annotated copy is written.
 */
#include "fuzz/fuzz.h"
#include "io/link.h"
#include "io/pcapng_write.h"

/* Each byte of what was lent must be there. */
static void touch(const void *data, size_t len)
{
	free(fuzz_copy(data, len));
}

static void look_at(const struct sl_capture *cap, const struct sl_frame *frame)
{
	static uint8_t buf[SL_LINK_BUFFER_SIZE];
	uint8_t *data = fuzz_copy(frame->data, frame->caplen);
	struct sl_link_packet packet;
	const char *text;
	uint32_t at = 0, len;

	FUZZ_CHECK(frame->number == cap->frames);
	fuzz_plant(data, frame->caplen);
	if (sl_link_packet(frame->linktype, data, frame->caplen, buf, &packet))
		touch(packet.data, packet.len);
	while (sl_frame_comment(cap, frame, &at, &text, &len))
		touch(text, len);
	free(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum sl_capture_result got;
	struct sl_pcapng_writer w;
	struct sl_capture cap;
	struct sl_frame frame;

	sl_capture_init_memory(&cap, data, size);
	FUZZ_CHECK(sl_pcapng_writer_init(&w, "/dev/null"));
	if (cap.format == SL_CAPTURE_PCAPNG) {
		cap.on_block = sl_pcapng_on_block;
		cap.on_block_arg = &w;
	}
	while ((got = sl_capture_next(&cap, &frame)) == SL_CAPTURE_FRAME) {
		look_at(&cap, &frame);
		FUZZ_CHECK(sl_pcapng_write_frame(&w, &frame, "comment"));
	}
	FUZZ_CHECK(cap.offset <= size);
	FUZZ_CHECK(got != SL_CAPTURE_END || cap.offset == size);
	FUZZ_CHECK((got == SL_CAPTURE_END) == (cap.why == SL_CAPTURE_FINE));
	FUZZ_CHECK(sl_pcapng_writer_fini(&w));
	sl_capture_fini(&cap);
	return 0;
}
