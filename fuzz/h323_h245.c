/* SPDX-License-Identifier: BSD-2-Clause */
/* The helper H.245: what both sides say, and how it travels (fuzz/dialogue.c). */
#include <sluice/tuple.h>

#include "fuzz/dialogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fuzz_dialogue dialogue = {"H.245", SL_PROTO_TCP, 30001};

	return fuzz_dialogue(&dialogue, data, size);
}
