/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading pcapng (draft-ietf-opsawg-pcapng).
 *
 * A file is a row of blocks: type 4, length 4, body, length again 4. A section
 * header tells the byte order of all that follows up to the next one, and begins
 * the numbering of interfaces anew; an interface description gives link type,
 * snap length, unit and origin of time; the three kinds of packet blocks refer to
 * it. So one call of sl__pcapng_next() is: read blocks, pass those that are not
 * packets to on_block, until one is a packet.
 *
 * What can be checked is: both lengths agree and are a multiple of 4, bodies are
 * as long as their fixed part, packets fit into their block and name an
 * interface that was described. The first block that fails ends the capture.
 * Options that run over the end of their block only end the list of options: they
 * are about the packet, not the packet.
 *
 * Limits: the section length is not used (it is -1 more often than not); the drop
 * count of the obsolete packet block is not kept; the simple packet block has no
 * time, so its frames are at 0. Wireshark gives numbers to custom blocks (0xBAD) and
 * some other records that are no packets; here, as in tcpdump, only packets count.
 */
#include "io/capture_inner.h"
#include "io/pcapng.h"

enum { BLOCK_HEADER = 8, BYTE_ORDER = 4, OPTION_HEADER = 4, NS_DIGITS = 9, DEFAULT_TSRESOL = 6 };
#define NS_PER_S 1000000000u

bool sl__pcapng_option(bool big_endian, const uint8_t *options, uint32_t len, uint32_t *at,
        struct sl__pcapng_option *option)
{
	const uint8_t *p;

	if (*at > len || len - *at < OPTION_HEADER)
		return false;
	p = options + *at;
	*option = (struct sl__pcapng_option){
	        .value = p + OPTION_HEADER,
	        .code = sl__order_get16(big_endian, p),
	        .len = sl__order_get16(big_endian, p + 2),
	};
	if (option->code == SL__PCAPNG_END ||
	        sl__pcapng_pad(option->len) > len - *at - OPTION_HEADER)
		return false;
	*at += OPTION_HEADER + sl__pcapng_pad(option->len);
	return true;
}

static uint64_t power10(unsigned n)
{
	uint64_t v = 1;

	while (n--)
		v *= 10;
	return v;
}

/* a * b, or the largest number there is. */
static uint64_t times(uint64_t a, uint64_t b)
{
	return b && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

/* Ticks of 10^-n s in ns. */
static uint64_t decimal_ns(uint64_t ticks, unsigned n)
{
	if (n <= NS_DIGITS)
		return times(ticks, power10(NS_DIGITS - n));
	return n - NS_DIGITS < 20 ? ticks / power10(n - NS_DIGITS) : 0;
}

/* Ticks of 2^-n s in ns, rounded down. Products stay below 2^64: NS_PER_S < 2^30. */
static uint64_t binary_ns(uint64_t ticks, unsigned n)
{
	uint64_t seconds = n < 64 ? ticks >> n : 0;
	uint64_t part = n < 64 ? ticks & ((UINT64_C(1) << n) - 1) : ticks;
	uint64_t ns, upper;

	if (n <= 32) {
		ns = part * NS_PER_S >> n;
	} else {
		upper = (part >> 32) * NS_PER_S + ((part & UINT32_MAX) * NS_PER_S >> 32);
		ns = n - 32 < 64 ? upper >> (n - 32) : 0;
	}
	seconds = times(seconds, NS_PER_S);
	return seconds > UINT64_MAX - ns ? UINT64_MAX : seconds + ns;
}

static uint64_t time_of(const struct sl_capture_interface *itf, uint64_t ticks)
{
	unsigned n = itf->tsresol & 0x7F;
	uint64_t ns = itf->tsresol & 0x80 ? binary_ns(ticks, n) : decimal_ns(ticks, n);
	uint64_t shift;

	if (itf->tsoffset >= 0) {
		shift = times((uint64_t)itf->tsoffset, NS_PER_S);
		return ns > UINT64_MAX - shift ? UINT64_MAX : ns + shift;
	}
	shift = times(-(uint64_t)itf->tsoffset, NS_PER_S);
	return ns > shift ? ns - shift : 0;
}

static enum sl_capture_result too_short(struct sl_capture *cap, const char *what, uint32_t len)
{
	return sl__capture_damaged(
	        cap, SL_CAPTURE_MALFORMED, "%s of only %u bytes", what, len + SL__PCAPNG_FRAME_LEN);
}

static enum sl_capture_result read_section(
        struct sl_capture *cap, const struct sl_capture_block *block)
{
	uint16_t major;

	if (block->len < SL__PCAPNG_SECTION_LEN)
		return too_short(cap, "a section header", block->len);
	major = sl__order_get16(cap->big_endian, block->body + 4);
	if (major != 1)
		return sl__capture_damaged(cap, SL_CAPTURE_MALFORMED,
		        "pcapng version %u.%u is not known", major,
		        sl__order_get16(cap->big_endian, block->body + 6));
	cap->n_interfaces = 0;
	return SL_CAPTURE_FRAME;
}

static enum sl_capture_result read_interface(
        struct sl_capture *cap, const struct sl_capture_block *block)
{
	struct sl_capture_interface itf = {.tsresol = DEFAULT_TSRESOL};
	struct sl__pcapng_option option;
	const uint8_t *b = block->body;
	uint32_t at = SL__PCAPNG_INTERFACE_LEN;

	if (block->len < SL__PCAPNG_INTERFACE_LEN)
		return too_short(cap, "an interface description", block->len);
	if (cap->n_interfaces == SL_CAPTURE_INTERFACES_MAX)
		return sl__capture_damaged(cap, SL_CAPTURE_TOO_LARGE,
		        "more than %u interfaces in a section", SL_CAPTURE_INTERFACES_MAX);
	itf.linktype = sl__order_get16(cap->big_endian, b);
	itf.snaplen = sl__order_get32(cap->big_endian, b + 4);
	while (sl__pcapng_option(cap->big_endian, b, block->len, &at, &option)) {
		if (option.code == SL__PCAPNG_TSRESOL && option.len == 1)
			itf.tsresol = option.value[0];
		if (option.code == SL__PCAPNG_TSOFFSET && option.len == 8)
			itf.tsoffset = (int64_t)sl__order_get64(cap->big_endian, option.value);
	}
	return sl__capture_add_interface(cap, &itf) ? SL_CAPTURE_FRAME : cap->over;
}

/* Fills in what the frame has from its interface. */
static enum sl_capture_result of_interface(
        struct sl_capture *cap, uint32_t number, struct sl_frame *frame)
{
	const struct sl_capture_interface *itf;

	if (number >= cap->n_interfaces)
		return sl__capture_damaged(cap, SL_CAPTURE_MALFORMED,
		        "a packet on interface %u, and %u are described", number,
		        cap->n_interfaces);
	itf = &cap->interfaces[number];
	frame->interface = number;
	frame->linktype = itf->linktype;
	frame->snaplen = itf->snaplen;
	frame->ts = time_of(itf, frame->ticks);
	return SL_CAPTURE_FRAME;
}

/* The enhanced and the obsolete packet block differ only in their first word. */
static enum sl_capture_result read_packet(
        struct sl_capture *cap, const struct sl_capture_block *block, struct sl_frame *frame)
{
	bool big = cap->big_endian;
	const uint8_t *b = block->body;
	uint32_t number, at;

	if (block->len < SL__PCAPNG_PACKET_LEN)
		return too_short(cap, "a packet block", block->len);
	number = block->type == SL__PCAPNG_PACKET ? sl__order_get32(big, b)
	                                          : sl__order_get16(big, b);
	frame->ticks = (uint64_t)sl__order_get32(big, b + 4) << 32 | sl__order_get32(big, b + 8);
	frame->caplen = sl__order_get32(big, b + 12);
	frame->wire_len = sl__order_get32(big, b + 16);
	if (frame->caplen > block->len - SL__PCAPNG_PACKET_LEN)
		return sl__capture_damaged(cap, SL_CAPTURE_MALFORMED,
		        "a packet of %u bytes in a block of %u", frame->caplen,
		        block->len + SL__PCAPNG_FRAME_LEN);
	frame->data = b + SL__PCAPNG_PACKET_LEN;
	at = SL__PCAPNG_PACKET_LEN + sl__pcapng_pad(frame->caplen);
	frame->options = b + at;
	frame->options_len = block->len - at;
	return of_interface(cap, number, frame);
}

static enum sl_capture_result read_simple_packet(
        struct sl_capture *cap, const struct sl_capture_block *block, struct sl_frame *frame)
{
	uint32_t room;

	if (block->len < SL__PCAPNG_SIMPLE_LEN)
		return too_short(cap, "a simple packet block", block->len);
	if (of_interface(cap, 0, frame) != SL_CAPTURE_FRAME)
		return cap->over;
	frame->ts = 0;
	frame->wire_len = sl__order_get32(cap->big_endian, block->body);
	frame->data = block->body + SL__PCAPNG_SIMPLE_LEN;
	/* What was captured is not written down: the snap length tells. */
	frame->caplen = frame->wire_len;
	if (frame->snaplen && frame->caplen > frame->snaplen)
		frame->caplen = frame->snaplen;
	room = block->len - SL__PCAPNG_SIMPLE_LEN;
	if (frame->caplen > room)
		return sl__capture_damaged(cap, SL_CAPTURE_MALFORMED,
		        "a packet of %u bytes in a block of %u", frame->caplen,
		        block->len + SL__PCAPNG_FRAME_LEN);
	return SL_CAPTURE_FRAME;
}

/* The byte order of a section stands behind the length that is to be read by it. */
static enum sl_capture_result read_byte_order(struct sl_capture *cap)
{
	size_t n = sl__capture_read_buf(cap, 0, BYTE_ORDER);

	if (n < BYTE_ORDER)
		return sl__capture_damaged(cap, SL_CAPTURE_TRUNCATED,
		        "the section header has only %zu bytes", BLOCK_HEADER + n);
	cap->big_endian = sl_get32(cap->buf) == SL__PCAPNG_BYTE_ORDER;
	if (sl__order_get32(cap->big_endian, cap->buf) == SL__PCAPNG_BYTE_ORDER)
		return SL_CAPTURE_FRAME;
	if (cap->offset == 0)
		return sl__capture_error(cap, SL_CAPTURE_NOT_CAPTURE, "neither pcap nor pcapng");
	return sl__capture_damaged(
	        cap, SL_CAPTURE_MALFORMED, "a section header without byte order");
}

/* The rest of a block of total bytes into the buffer, where `have` bytes are already. */
static enum sl_capture_result read_body(struct sl_capture *cap, uint32_t total, uint32_t have)
{
	uint32_t rest = total - BLOCK_HEADER - have;
	uint32_t again;
	size_t n = sl__capture_read_buf(cap, have, rest);

	if (n < rest)
		return sl__capture_damaged(cap, SL_CAPTURE_TRUNCATED,
		        "the block has %zu bytes of %u", BLOCK_HEADER + have + n, total);
	again = sl__order_get32(cap->big_endian, cap->buf + total - SL__PCAPNG_FRAME_LEN);
	if (again != total)
		return sl__capture_damaged(cap, SL_CAPTURE_MALFORMED,
		        "the block's length is %u in front and %u behind", total, again);
	return SL_CAPTURE_FRAME;
}

static enum sl_capture_result read_block(struct sl_capture *cap, struct sl_capture_block *block)
{
	uint8_t h[BLOCK_HEADER];
	uint32_t total, have = 0;
	size_t n = sl__capture_read(cap, h, sizeof(h));

	if (n == 0 && cap->over == SL_CAPTURE_FRAME)
		return SL_CAPTURE_END;
	if (n < sizeof(h))
		return sl__capture_damaged(cap, SL_CAPTURE_TRUNCATED,
		        "the block header has %zu bytes of %zu", n, sizeof(h));
	if (sl_get32(h) == SL__PCAPNG_SECTION) {
		if (read_byte_order(cap) != SL_CAPTURE_FRAME)
			return cap->over;
		have = BYTE_ORDER;
	}
	total = sl__order_get32(cap->big_endian, h + 4);
	if (total < SL__PCAPNG_FRAME_LEN + have || total % 4)
		return sl__capture_damaged(
		        cap, SL_CAPTURE_MALFORMED, "%u cannot be the length of a block", total);
	if (total > SL_CAPTURE_BLOCK_MAX)
		return sl__capture_damaged(cap, SL_CAPTURE_TOO_LARGE,
		        "a block of %u bytes; the most is %u", total, SL_CAPTURE_BLOCK_MAX);
	if (read_body(cap, total, have) != SL_CAPTURE_FRAME)
		return cap->over;
	*block = (struct sl_capture_block){
	        .type = sl__order_get32(cap->big_endian, h),
	        .big_endian = cap->big_endian,
	        .body = cap->buf,
	        .len = total - SL__PCAPNG_FRAME_LEN,
	};
	return SL_CAPTURE_FRAME;
}

/* Blocks that are not packets. */
static enum sl_capture_result pass_block(
        struct sl_capture *cap, const struct sl_capture_block *block)
{
	enum sl_capture_result got = SL_CAPTURE_FRAME;

	if (block->type == SL__PCAPNG_SECTION)
		got = read_section(cap, block);
	else if (block->type == SL__PCAPNG_INTERFACE)
		got = read_interface(cap, block);
	if (got == SL_CAPTURE_FRAME && cap->on_block)
		cap->on_block(cap->on_block_arg, block);
	return got;
}

enum sl_capture_result sl__pcapng_next(struct sl_capture *cap, struct sl_frame *frame)
{
	struct sl_capture_block block;
	enum sl_capture_result got;
	bool packet;

	do {
		got = read_block(cap, &block);
		if (got != SL_CAPTURE_FRAME)
			return got;
		packet = true;
		switch (block.type) {
		case SL__PCAPNG_PACKET:
		case SL__PCAPNG_OLD_PACKET:
			got = read_packet(cap, &block, frame);
			break;
		case SL__PCAPNG_SIMPLE_PACKET:
			got = read_simple_packet(cap, &block, frame);
			break;
		default:
			packet = false;
			got = pass_block(cap, &block);
		}
		if (got != SL_CAPTURE_FRAME)
			return got;
		cap->offset += SL__PCAPNG_FRAME_LEN + block.len;
	} while (!packet);
	return SL_CAPTURE_FRAME;
}
