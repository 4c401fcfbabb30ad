/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: one frame. The first two bytes are the link type, big-endian; the
 * rest is the frame.
 */
#include "base/wire.h"
#include "fuzz/fuzz.h"
#include "io/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[SL_LINK_BUFFER_SIZE];
	struct sl_link_packet p;
	uint8_t *copy;

	if (size < 2)
		return 0;
	size -= 2;
	copy = fuzz_copy(data + 2, size);
	if (sl_link_packet(sl_get16(data), copy, (uint32_t)size, buf, &p)) {
		FUZZ_CHECK(p.data == buf + p.headroom && p.headroom == SL_LINK_HEADROOM);
		FUZZ_CHECK(p.len && p.headroom + p.len + p.tailroom == sizeof(buf));
		FUZZ_CHECK(!p.reason[0]);
		fuzz_plant(copy, size);
	} else {
		FUZZ_CHECK(!p.data && p.reason[0]);
	}
	free(copy);
	return 0;
}
