/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_PCAPNG_WRITE_H
#define SLUICE_IO_PCAPNG_WRITE_H

/*
 * Writing a capture again as pcapng, with a comment on each packet.
 *
 *	sl_pcapng_writer_init(&w, "annotated.pcapng");
 *	cap.on_block = sl_pcapng_on_block;	(pcapng input: its sections and
 *	cap.on_block_arg = &w;			 interfaces come through here)
 *	for each frame: sl_pcapng_write_frame(&w, &frame, "NEW original ...");
 *	if (!sl_pcapng_writer_fini(&w))
 *		complain(w.out.error);
 *
 * A frame belongs to the section that is open: whoever writes frames later than
 * they were read (in batches) writes those pending before passing a block on.
 */

#include "io/capture.h"
#include "io/sink.h"

struct sl_pcapng_writer {
	struct sl_sink out; /* out.error: the first failure, in words */
	/* Private. */
	bool copying;        /* blocks of a pcapng input are passed on: it has its own interfaces */
	bool big_endian;     /* of the section being written */
	uint32_t *linktypes; /* pcap input: one interface for each link type seen */
	uint32_t n_linktypes;
};

/* As in pcap_write.h: the first failure sticks, and the answer of fini counts. */
bool sl_pcapng_writer_init(struct sl_pcapng_writer *w, const char *path);
/* Copy a block as it is (a section's length becomes "unknown"). */
bool sl_pcapng_write_block(struct sl_pcapng_writer *w, const struct sl_capture_block *block);
/* The same as a function for sl_capture.on_block; w is the writer. */
void sl_pcapng_on_block(void *w, const struct sl_capture_block *block);
/*
 * Write a frame as an enhanced packet block with all the options it had, and
 * comment (UTF-8; NULL or "": none; cut at 65,535 bytes) behind those.
 */
bool sl_pcapng_write_frame(
        struct sl_pcapng_writer *w, const struct sl_frame *frame, const char *comment);
bool sl_pcapng_writer_fini(struct sl_pcapng_writer *w);

#endif
