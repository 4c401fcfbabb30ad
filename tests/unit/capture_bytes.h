/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_TESTS_CAPTURE_BYTES_H
#define SLUICE_TESTS_CAPTURE_BYTES_H

/* Making captures in memory, in either byte order, and reading them as strictly as can be. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/capture.h"
#include "io/link.h"
#include "io/order.h"

struct bytes {
	uint8_t at[4096];
	size_t len;
	bool big;
};

static inline void add(struct bytes *b, const void *data, size_t len)
{
	assert_true(b->len + len <= sizeof(b->at));
	if (len)
		memcpy(b->at + b->len, data, len);
	b->len += len;
}

static inline void add16(struct bytes *b, uint16_t v)
{
	uint8_t p[2];

	sl__order_put16(b->big, p, v);
	add(b, p, sizeof(p));
}

static inline void add32(struct bytes *b, uint32_t v)
{
	uint8_t p[4];

	sl__order_put32(b->big, p, v);
	add(b, p, sizeof(p));
}

static inline void add64(struct bytes *b, uint64_t v)
{
	add32(b, (uint32_t)(b->big ? v >> 32 : v));
	add32(b, (uint32_t)(b->big ? v : v >> 32));
}

static inline void add_padded(struct bytes *b, const void *data, size_t len)
{
	add(b, data, len);
	add(b, "\0\0\0", (4 - len % 4) % 4);
}

static inline void add_option(struct bytes *b, uint16_t code, const void *value, uint16_t len)
{
	add16(b, code);
	add16(b, len);
	add_padded(b, value, len);
}

/* A block: everything added between these two is its body. */
static inline size_t block_begin(struct bytes *b, uint32_t type)
{
	add32(b, type);
	add32(b, 0);
	return b->len;
}

static inline void block_end(struct bytes *b, size_t begin)
{
	uint32_t total = (uint32_t)(b->len - begin) + 12;

	sl__order_put32(b->big, b->at + begin - 4, total);
	add32(b, total);
}

static inline void add_section(struct bytes *b, bool big)
{
	size_t begin;

	b->big = big;
	begin = block_begin(b, 0x0A0D0D0A);
	add32(b, 0x1A2B3C4D);
	add16(b, 1);
	add16(b, 0);
	add64(b, UINT64_MAX);
	block_end(b, begin);
}

/* tsresol < 0: no such option; tsoffset 0: likewise. */
static inline void add_interface(
        struct bytes *b, uint16_t linktype, uint32_t snaplen, int tsresol, int64_t tsoffset)
{
	size_t begin = block_begin(b, 1);
	uint8_t resol = (uint8_t)tsresol;
	struct bytes offset = {.big = b->big};

	add16(b, linktype);
	add16(b, 0);
	add32(b, snaplen);
	add_option(b, 2, "eth0", 4);
	if (tsresol >= 0)
		add_option(b, 9, &resol, 1);
	if (tsoffset) {
		add64(&offset, (uint64_t)tsoffset);
		add_option(b, 14, offset.at, 8);
	}
	add_option(b, 0, NULL, 0);
	block_end(b, begin);
}

static inline void add_packet(
        struct bytes *b, uint32_t interface, uint64_t ticks, const char *data, const char *comment)
{
	size_t begin = block_begin(b, 6);
	uint32_t len = (uint32_t)strlen(data);

	add32(b, interface);
	add32(b, (uint32_t)(ticks >> 32));
	add32(b, (uint32_t)ticks);
	add32(b, len);
	add32(b, len + 100);
	add_padded(b, data, len);
	if (comment) {
		add_option(b, 2, "\0\0\0\1", 4);
		add_option(b, 1, comment, (uint16_t)strlen(comment));
		add_option(b, 0, NULL, 0);
	}
	block_end(b, begin);
}

static inline void add_old_packet(
        struct bytes *b, uint16_t interface, uint64_t ticks, const char *data)
{
	size_t begin = block_begin(b, 2);
	uint32_t len = (uint32_t)strlen(data);

	add16(b, interface);
	add16(b, 3); /* drops */
	add32(b, (uint32_t)(ticks >> 32));
	add32(b, (uint32_t)ticks);
	add32(b, len);
	add32(b, len);
	add_padded(b, data, len);
	block_end(b, begin);
}

static inline void add_simple_packet(struct bytes *b, uint32_t wire_len, const char *data)
{
	size_t begin = block_begin(b, 3);

	add32(b, wire_len);
	add_padded(b, data, strlen(data));
	block_end(b, begin);
}

/* As much as it takes to meet everything: orders, sections, interfaces, blocks. */
static inline void add_rich_pcapng(struct bytes *b)
{
	size_t begin;

	add_section(b, false);
	add_interface(b, 1, 0, -1, 0);
	add_packet(b, 0, 5, "first", NULL);
	add_interface(b, 101, 65535, 9, 0);
	begin = block_begin(b, 0x7777);
	add(b, "whatever", 8);
	block_end(b, begin);
	add_packet(b, 1, 7000000000, "second", "old comment");
	add_section(b, true);
	add_interface(b, 113, 8, 3, 0);
	add_simple_packet(b, 20, "third, cut at eight"); /* the block has more than was captured */
	add_old_packet(b, 0, 9, "fourth");
}

static inline void add_pcap_header(struct bytes *b, uint32_t magic, bool big, uint32_t linktype)
{
	b->big = big;
	add32(b, magic);
	add16(b, 2);
	add16(b, 4);
	add64(b, 0);
	add32(b, 65535);
	add32(b, linktype);
}

static inline void add_pcap_record(
        struct bytes *b, uint32_t seconds, uint32_t fraction, bool kuznetzov, const char *data)
{
	uint32_t len = (uint32_t)strlen(data);

	add32(b, seconds);
	add32(b, fraction);
	add32(b, len);
	add32(b, len + 100);
	if (kuznetzov)
		add64(b, 0);
	add(b, data, len);
}

/* A copy that ends where the memory ends, so that ASan sees each byte too far. */
static inline void *exact_copy(const void *data, size_t len)
{
	void *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	if (len)
		memcpy(copy, data, len);
	return copy;
}

/*
 * Reads all of a capture, and what is in its frames; returns how it ended. Twice asked, the answer
 * is the same.
 */
static inline enum sl_capture_result read_all(const void *data, size_t len, unsigned *frames)
{
	static uint8_t buf[SL_LINK_BUFFER_SIZE];
	void *copy = exact_copy(data, len), *frame_copy;
	enum sl_capture_result got = SL_CAPTURE_ERROR;
	struct sl_link_packet packet;
	struct sl_capture cap;
	struct sl_frame frame;

	*frames = 0;
	sl_capture_init_memory(&cap, copy, len);
	while ((got = sl_capture_next(&cap, &frame)) == SL_CAPTURE_FRAME) {
		assert_int_equal(frame.number, ++*frames);
		frame_copy = exact_copy(frame.data, frame.caplen);
		if (sl_link_packet(frame.linktype, frame_copy, frame.caplen, buf, &packet))
			assert_true(packet.len <= SL_LINK_PACKET_MAX);
		else
			assert_true(packet.reason[0]);
		free(frame_copy);
	}
	assert_int_equal(sl_capture_next(&cap, &frame), got);
	assert_true((got == SL_CAPTURE_END) == (cap.why == SL_CAPTURE_FINE));
	assert_true((got == SL_CAPTURE_END) == (cap.error[0] == '\0'));
	assert_true(cap.offset <= len);
	sl_capture_fini(&cap);
	free(copy);
	return got;
}

/* Many damaged copies of a capture: nothing may be read or written out of bounds. */
static inline void read_mutations(const struct bytes *b, unsigned rounds)
{
	struct bytes m;
	uint32_t random = 2463534242u; /* xorshift, Marsaglia 2003 */
	unsigned frames;

	for (unsigned i = 0; i < rounds; i++) {
		m = *b;
		for (unsigned k = 0; k <= i % 4; k++) {
			random ^= random << 13;
			random ^= random >> 17;
			random ^= random << 5;
			m.at[random % m.len] = random & 1 ? 0xFF : (uint8_t)(random >> 24);
		}
		read_all(m.at, m.len, &frames);
	}
}

#endif
