/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is put through a ruleset: a file of steps, made by corpus.py. Each step is
 *
 *	u8 kind  u8 options  u16 flow  u32 length   (host order)   and `length` bytes:
 *
 *	STEP_IN, STEP_OUT, STEP_LOCAL   a packet from that side (checksums are filled in)
 *	STEP_REPLY    an answer to what came out of the flow's last packet: struct step_reply
 *	STEP_ERROR    an ICMP error about that packet: two bytes, type and code
 *	STEP_WAIT     u32 milliseconds pass
 *	STEP_OPEN, STEP_FOLLOW, STEP_SAY   of a conversation: what talk.h defines
 */
#ifndef TESTS_RULES_SCRIPT_H
#define TESTS_RULES_SCRIPT_H

#include "outcome.h"

enum step_kind {
	STEP_IN,
	STEP_OUT,
	STEP_LOCAL,
	STEP_REPLY,
	STEP_ERROR,
	STEP_WAIT,
	STEP_OPEN,
	STEP_FOLLOW,
	STEP_SAY
};

struct step {
	uint8_t kind, options; /* options 1: leave the checksums as they are */
	uint16_t flow;
	uint32_t len;
};

struct step_reply {
	uint8_t tcp_flags, ttl, tos, pad;
	uint32_t seq, ack;
	uint16_t payload, window;
};

/* A packet that answers `to`, which came out somewhere; its length, or 0. */
uint32_t script_reply(
        const struct step_reply *how, const uint8_t *to, uint32_t to_len, uint8_t *out);
uint32_t script_error(
        uint8_t type, uint8_t code, const uint8_t *about, uint32_t about_len, uint8_t *out);
void script_checksums(uint8_t *data, uint32_t len);

#endif
