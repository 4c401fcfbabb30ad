/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading pcap: one file header, then records, all in the byte order of the
 * machine that wrote it.
 *
 *	file header     magic 4, version 2+2, zone 4, accuracy 4, snaplen 4, linktype 4
 *	record header   seconds 4, micro- or nanoseconds 4, caplen 4, wire length 4
 *	                (Kuznetzov's: and interface 4, protocol 2, packet type 1, pad 1)
 *
 * The magic number tells byte order, unit of time, and Alexey Kuznetzov's
 * modified format of the old Linux tcpdump. The upper bits of the link type
 * (length of a frame check sequence) are of no interest: what stands behind an
 * IP packet is cut off anyway. The format has no marks to find the next record
 * by, so the first impossible length is the end of what can be trusted.
 */
#include "io/capture_inner.h"

enum { FILE_HEADER = 24, RECORD_HEADER = 16, KUZNETZOV_HEADER = 24 };

static const struct {
	uint32_t magic;
	bool nano;
	uint8_t record_header;
} variants[] = {
        {0xA1B2C3D4, false, RECORD_HEADER},
        {0xA1B23C4D, true, RECORD_HEADER},
        {0xA1B2CD34, false, KUZNETZOV_HEADER},
};

bool sl__pcap_is(struct sl_capture *cap, const uint8_t magic[4])
{
	for (size_t i = 0; i < sizeof(variants) / sizeof(*variants); i++) {
		for (int big = 0; big <= 1; big++) {
			if (sl__order_get32(big, magic) != variants[i].magic)
				continue;
			cap->format = SL_CAPTURE_PCAP;
			cap->big_endian = big;
			cap->nano = variants[i].nano;
			cap->record_header = variants[i].record_header;
			return true;
		}
	}
	return false;
}

static enum sl_capture_result read_file_header(struct sl_capture *cap)
{
	uint8_t h[FILE_HEADER];
	size_t n = sl__capture_read(cap, h, sizeof(h));
	struct sl_capture_interface only;

	if (n < sizeof(h))
		return sl__capture_damaged(cap, SL_CAPTURE_TRUNCATED,
		        "the file header has %zu bytes of %zu", n, sizeof(h));
	if (sl__order_get16(cap->big_endian, h + 4) != 2)
		return sl__capture_damaged(cap, SL_CAPTURE_MALFORMED,
		        "pcap version %u.%u is not known", sl__order_get16(cap->big_endian, h + 4),
		        sl__order_get16(cap->big_endian, h + 6));
	only = (struct sl_capture_interface){
	        .linktype = sl__order_get32(cap->big_endian, h + 20) & 0xFFFF,
	        .snaplen = sl__order_get32(cap->big_endian, h + 16),
	        .tsresol = cap->nano ? 9 : 6,
	};
	if (!sl__capture_add_interface(cap, &only))
		return cap->over;
	cap->header_read = true;
	cap->offset = sizeof(h);
	return SL_CAPTURE_FRAME;
}

/* The record header's numbers. */
static void read_record_header(const struct sl_capture *cap, const uint8_t *h, struct sl_frame *f)
{
	uint64_t seconds = sl__order_get32(cap->big_endian, h);
	uint64_t fraction = sl__order_get32(cap->big_endian, h + 4);

	f->ts = seconds * 1000000000 + (cap->nano ? fraction : fraction * 1000);
	f->ticks = f->ts;
	f->linktype = cap->interfaces[0].linktype;
	f->snaplen = cap->interfaces[0].snaplen;
	f->caplen = sl__order_get32(cap->big_endian, h + 8);
	f->wire_len = sl__order_get32(cap->big_endian, h + 12);
}

enum sl_capture_result sl__pcap_next(struct sl_capture *cap, struct sl_frame *frame)
{
	uint8_t h[KUZNETZOV_HEADER];
	size_t n;

	if (!cap->header_read && read_file_header(cap) != SL_CAPTURE_FRAME)
		return cap->over;
	n = sl__capture_read(cap, h, cap->record_header);
	if (n == 0 && cap->over == SL_CAPTURE_FRAME)
		return SL_CAPTURE_END;
	if (n < cap->record_header)
		return sl__capture_damaged(cap, SL_CAPTURE_TRUNCATED,
		        "the record header has %zu bytes of %u", n, cap->record_header);
	read_record_header(cap, h, frame);
	if (frame->caplen > SL_CAPTURE_BLOCK_MAX)
		return sl__capture_damaged(cap, SL_CAPTURE_TOO_LARGE,
		        "a frame of %u bytes; the most is %u", frame->caplen, SL_CAPTURE_BLOCK_MAX);
	n = sl__capture_read_buf(cap, 0, frame->caplen);
	if (n < frame->caplen)
		return sl__capture_damaged(cap, SL_CAPTURE_TRUNCATED,
		        "the frame has %zu bytes of %u", n, frame->caplen);
	frame->data = cap->buf;
	cap->offset += (uint64_t)cap->record_header + frame->caplen;
	return SL_CAPTURE_FRAME;
}
