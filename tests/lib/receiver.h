/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model of a receiver: what arrives is put at its place, and a byte that is not what it must
 * be, or is not the same each time it comes, ends the program. So no segmentation lets an
 * untranslated byte slip through.
 */
#ifndef TESTS_LIB_RECEIVER_H
#define TESTS_LIB_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM 32768

struct receiver {
	uint32_t isn;    /* TCP: of its peer, as it sees it */
	uint32_t acked;  /* TCP: the highest ACK it got */
	bool fin;        /* TCP: it got one, behind the last byte that must come */
	size_t datagram; /* UDP: where in the stream the next one's bytes are */
	bool anything;   /* bytes need only be the same each time */
	size_t must_len; /* bytes of must[] */
	uint8_t must[STREAM], got[STREAM];
	bool have[STREAM];
};

void receiver_init(struct receiver *r, uint32_t peer_isn);
/* These bytes must come next, behind all that must come so far. */
void receiver_must(struct receiver *r, const void *bytes, size_t n);
void receiver_take_segment(struct receiver *r, const uint8_t *tcp, uint32_t len);
void receiver_take_datagram(struct receiver *r, const uint8_t *udp, uint32_t len);
/* How many bytes it has without a hole: what it acknowledges. */
uint32_t receiver_has(const struct receiver *r);

#endif
