/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_PCAPNG_H
#define SLUICE_IO_PCAPNG_H

/*
 * Numbers of the pcapng format (draft-ietf-opsawg-pcapng), and the walk over
 * options that reading and writing share.
 */
#include <stdbool.h>
#include <stdint.h>

#define SL__PCAPNG_BYTE_ORDER 0x1A2B3C4Du

enum sl__pcapng_block_type {
	SL__PCAPNG_INTERFACE = 1,
	SL__PCAPNG_OLD_PACKET = 2, /* obsolete since 2004, still met */
	SL__PCAPNG_SIMPLE_PACKET = 3,
	SL__PCAPNG_PACKET = 6, /* "enhanced" */
	SL__PCAPNG_SECTION = 0x0A0D0D0A,
};

/* Bytes before the options. */
enum {
	SL__PCAPNG_FRAME_LEN = 12, /* type, length, and the length again */
	SL__PCAPNG_SECTION_LEN = 16,
	SL__PCAPNG_INTERFACE_LEN = 8,
	SL__PCAPNG_PACKET_LEN = 20, /* of the obsolete one too */
	SL__PCAPNG_SIMPLE_LEN = 4,
};

enum sl__pcapng_option_code {
	SL__PCAPNG_END = 0,
	SL__PCAPNG_COMMENT = 1,
	SL__PCAPNG_TSRESOL = 9,
	SL__PCAPNG_TSOFFSET = 14,
};

struct sl__pcapng_option {
	const uint8_t *value;
	uint16_t code;
	uint16_t len;
};

static inline uint32_t sl__pcapng_pad(uint32_t len)
{
	return (len + 3) & ~3u;
}

/*
 * The option at *at within len bytes of options; *at moves behind it and its
 * padding. False at opt_endofopt, at the end, and before an option that is
 * longer than what there is: *at then is where options may be added.
 */
bool sl__pcapng_option(bool big_endian, const uint8_t *options, uint32_t len, uint32_t *at,
        struct sl__pcapng_option *option);

#endif
