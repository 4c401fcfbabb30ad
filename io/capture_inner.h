/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_CAPTURE_INNER_H
#define SLUICE_IO_CAPTURE_INNER_H

/* What capture.c and the readers of the two formats share. */

#include "io/capture.h"
#include "io/order.h"

/*
 * Up to len bytes of the capture. Fewer: the end of the file, or, with
 * cap->over set to SL_CAPTURE_ERROR, a read error. cap->offset stays: the
 * format moves it on when a whole record or block is good.
 */
size_t sl__capture_read(struct sl_capture *cap, void *to, size_t len);
/*
 * The next len bytes into cap->buf + at, which grows as bytes arrive, so that a
 * length made up by a damaged file costs no memory. Returns how many came.
 */
size_t sl__capture_read_buf(struct sl_capture *cap, size_t at, size_t len);
/* Room for one more in cap->interfaces; false: no memory (cap->over is set). */
bool sl__capture_add_interface(struct sl_capture *cap, const struct sl_capture_interface *new);

/*
 * Ends the capture with DAMAGED, unless a read error has ended it before. The
 * message gets the byte offset and the number of the next frame in front.
 */
enum sl_capture_result sl__capture_damaged(struct sl_capture *cap, enum sl_capture_why why,
        const char *format, ...) __attribute__((format(printf, 3, 4)));
enum sl_capture_result sl__capture_error(struct sl_capture *cap, enum sl_capture_why why,
        const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Whether the magic number is that of a pcap; if so, cap is made ready for it. */
bool sl__pcap_is(struct sl_capture *cap, const uint8_t magic[4]);
enum sl_capture_result sl__pcap_next(struct sl_capture *cap, struct sl_frame *frame);
enum sl_capture_result sl__pcapng_next(struct sl_capture *cap, struct sl_frame *frame);

#endif
