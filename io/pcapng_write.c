/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The annotated copy of a capture: pcapng, with a comment on each packet.
 *
 * A pcapng input is copied block by block, as it is and in the byte order of each
 * section: interfaces (link type, snap length, unit of time, name), name
 * resolution, secrets, statistics and blocks that nobody here knows all come along,
 * without having to be understood. Only two things change: the section length
 * becomes "unknown", because comments make the section longer, and every packet
 * becomes an enhanced packet block with the options it had and one comment more.
 *
 * A pcap input has no blocks to copy, so this file makes them: one big-endian
 * section, and one interface description (unit: nanoseconds) before the first frame
 * of a link type.
 *
 * Why not libpcap: see capture.c; it cannot write comments.
 *
 * Ownership: the writer owns its file and the list of link types.
 * Limits: a simple packet block has no time, its copy gets that of tick 0; the drop
 * count of an obsolete packet block is lost; what follows a broken option in a
 * packet is left out, so that the new comment can be read.
 */
#include <stdlib.h>
#include <string.h>

#include "io/order.h"
#include "io/pcapng.h"
#include "io/pcapng_write.h"

enum { COMMENT_MAX = 65535, TSRESOL_NS = 9 };

bool sl_pcapng_writer_init(struct sl_pcapng_writer *w, const char *path)
{
	*w = (struct sl_pcapng_writer){.big_endian = true};
	return sl_sink_init(&w->out, path);
}

static bool put32(struct sl_pcapng_writer *w, uint32_t v)
{
	uint8_t b[4];

	sl__order_put32(w->big_endian, b, v);
	return sl_sink_write(&w->out, b, sizeof(b));
}

/* An option, or the mark of their end, up to the value. */
static bool put_option(struct sl_pcapng_writer *w, uint16_t code, uint16_t len)
{
	uint8_t b[4];

	sl__order_put16(w->big_endian, b, code);
	sl__order_put16(w->big_endian, b + 2, len);
	return sl_sink_write(&w->out, b, sizeof(b));
}

/* len bytes, and zeros up to a multiple of 4. */
static bool put_padded(struct sl_pcapng_writer *w, const void *data, uint32_t len)
{
	static const uint8_t zeros[4];

	return sl_sink_write(&w->out, data, len) &&
	       sl_sink_write(&w->out, zeros, sl__pcapng_pad(len) - len);
}

static bool put_block_start(struct sl_pcapng_writer *w, uint32_t type, uint32_t body_len)
{
	return put32(w, type) && put32(w, body_len + SL__PCAPNG_FRAME_LEN);
}

static bool put_block(struct sl_pcapng_writer *w, uint32_t type, const uint8_t *body, uint32_t len)
{
	return put_block_start(w, type, len) && put_padded(w, body, len) &&
	       put32(w, len + SL__PCAPNG_FRAME_LEN);
}

/* order and version: the eight bytes before the section length. */
static bool put_section(struct sl_pcapng_writer *w, const uint8_t *order_and_version,
        const uint8_t *options, uint32_t options_len)
{
	static const uint8_t unknown[8] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
	uint32_t len = SL__PCAPNG_SECTION_LEN + options_len;

	return put_block_start(w, SL__PCAPNG_SECTION, len) &&
	       sl_sink_write(&w->out, order_and_version, 8) &&
	       sl_sink_write(&w->out, unknown, sizeof(unknown)) &&
	       sl_sink_write(&w->out, options, options_len) && put32(w, len + SL__PCAPNG_FRAME_LEN);
}

bool sl_pcapng_write_block(struct sl_pcapng_writer *w, const struct sl_capture_block *block)
{
	w->copying = true;
	w->big_endian = block->big_endian;
	if (block->type == SL__PCAPNG_SECTION && block->len >= SL__PCAPNG_SECTION_LEN)
		return put_section(w, block->body, block->body + SL__PCAPNG_SECTION_LEN,
		        block->len - SL__PCAPNG_SECTION_LEN);
	return put_block(w, block->type, block->body, block->len);
}

void sl_pcapng_on_block(void *w, const struct sl_capture_block *block)
{
	sl_pcapng_write_block(w, block);
}

/* The section of a capture that has none. */
static bool put_own_section(struct sl_pcapng_writer *w)
{
	uint8_t order_and_version[8] = {0};

	sl_put32(order_and_version, SL__PCAPNG_BYTE_ORDER);
	sl_put16(order_and_version + 4, 1);
	return put_section(w, order_and_version, NULL, 0);
}

static bool put_own_interface(struct sl_pcapng_writer *w, const struct sl_frame *frame)
{
	uint8_t b[SL__PCAPNG_INTERFACE_LEN + 12] = {0};

	sl_put16(b, (uint16_t)frame->linktype);
	sl_put32(b + 4, frame->snaplen);
	sl_put16(b + 8, SL__PCAPNG_TSRESOL);
	sl_put16(b + 10, 1);
	b[12] = TSRESOL_NS; /* then its padding and opt_endofopt: zeros */
	return put_block(w, SL__PCAPNG_INTERFACE, b, sizeof(b));
}

/* The number of the interface for a frame of a pcap, described if it is new. */
static bool own_interface(
        struct sl_pcapng_writer *w, const struct sl_frame *frame, uint32_t *number)
{
	uint32_t *more;

	for (*number = 0; *number < w->n_linktypes; ++*number)
		if (w->linktypes[*number] == frame->linktype)
			return true;
	more = realloc(w->linktypes, (w->n_linktypes + 1) * sizeof(*more));
	if (!more)
		return sl_sink_fail(&w->out, "no memory");
	w->linktypes = more;
	w->linktypes[w->n_linktypes++] = frame->linktype;
	if (w->n_linktypes == 1 && !put_own_section(w))
		return false;
	return put_own_interface(w, frame);
}

/* How many bytes of a frame's options can be kept, with more written behind them. */
static uint32_t options_kept(const struct sl_pcapng_writer *w, const struct sl_frame *frame)
{
	struct sl__pcapng_option option;
	uint32_t at = 0;

	while (sl__pcapng_option(w->big_endian, frame->options, frame->options_len, &at, &option))
		;
	return at;
}

static bool put_packet(struct sl_pcapng_writer *w, uint32_t interface, uint64_t ticks,
        const struct sl_frame *frame)
{
	return put32(w, interface) && put32(w, (uint32_t)(ticks >> 32)) &&
	       put32(w, (uint32_t)ticks) && put32(w, frame->caplen) && put32(w, frame->wire_len) &&
	       put_padded(w, frame->data, frame->caplen);
}

/* The options kept, the comment, and the mark of the end if there are any. */
static bool put_options(struct sl_pcapng_writer *w, const struct sl_frame *frame, uint32_t kept,
        const char *comment, uint16_t comment_len)
{
	if (!sl_sink_write(&w->out, frame->options, kept))
		return false;
	if (comment_len && !(put_option(w, SL__PCAPNG_COMMENT, comment_len) &&
	                           put_padded(w, comment, comment_len)))
		return false;
	return kept || comment_len ? put_option(w, SL__PCAPNG_END, 0) : true;
}

/* How much of a comment can be written, without cutting a UTF-8 character in two. */
static uint16_t comment_length(const char *comment)
{
	size_t len = comment ? strlen(comment) : 0;

	if (len <= COMMENT_MAX)
		return (uint16_t)len;
	for (len = COMMENT_MAX; len && ((uint8_t)comment[len] & 0xC0) == 0x80; len--)
		;
	return (uint16_t)len;
}

bool sl_pcapng_write_frame(
        struct sl_pcapng_writer *w, const struct sl_frame *frame, const char *comment)
{
	uint16_t comment_len = comment_length(comment);
	uint32_t interface = frame->interface;
	uint32_t kept, len;

	if (!w->copying && !own_interface(w, frame, &interface))
		return false;
	kept = options_kept(w, frame);
	len = SL__PCAPNG_PACKET_LEN + sl__pcapng_pad(frame->caplen) + kept;
	if (comment_len)
		len += 4 + sl__pcapng_pad(comment_len);
	if (kept || comment_len)
		len += 4;
	return put_block_start(w, SL__PCAPNG_PACKET, len) &&
	       put_packet(w, interface, frame->ticks, frame) &&
	       put_options(w, frame, kept, comment, comment_len) &&
	       put32(w, len + SL__PCAPNG_FRAME_LEN);
}

/* A pcap without frames is still a capture. */
bool sl_pcapng_writer_fini(struct sl_pcapng_writer *w)
{
	if (!w->copying && w->n_linktypes == 0)
		put_own_section(w);
	free(w->linktypes);
	w->linktypes = NULL;
	return sl_sink_fini(&w->out);
}
