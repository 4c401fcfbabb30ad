/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing the payload and the TCP header of a packet, and making new segments that look like
 * an earlier one. (src/help/segment.c)
 */
#ifndef SL_HELP_SEGMENT_H
#define SL_HELP_SEGMENT_H

#include "base/wire.h"
#include "track/parse.h"

struct sl_editlog;

#define SL_TEMPLATE_MAX 160 /* bytes of IP and TCP header that can be remembered */

/* The embedder's operations that helpers need; any may be NULL. As in struct sl_env. */
struct sl_help_env {
	void *ctx;
	bool (*grow)(void *ctx, struct sl_packet *p, uint32_t headroom, uint32_t tailroom);
	bool (*alloc)(void *ctx, struct sl_packet *p, uint32_t len);
	bool (*keep)(void *ctx, struct sl_packet *p);
	void (*free)(void *ctx, struct sl_packet *p);
	void (*emit)(void *ctx, struct sl_packet *p, const struct sl_packet *cause);
};

/* The headers of a packet as it left, and where it went. */
struct sl_template {
	uint16_t l4, size; /* offset of the TCP header; of the payload. 0: nothing remembered */
	uint8_t family;
	struct sl_packet meta;
	uint8_t bytes[SL_TEMPLATE_MAX];
};

/* What the transport checksum is off by, so that sl__segment_seal() keeps it so. Before a change. */
uint16_t sl__segment_sum(const struct sl_packet *p, const struct sl_parsed *parsed);
/* Lengths and checksums of a packet that was changed. Marks it as altered. */
void sl__segment_seal(struct sl_packet *p, const struct sl_parsed *parsed, uint16_t sum);
/* Put n bytes in the place of the payload, lengths in p and parsed too. False: cannot grow. */
bool sl__segment_payload(const struct sl_help_env *env, struct sl_packet *p,
	struct sl_parsed *parsed, const void *bytes, uint32_t n);

/* Sequence, acknowledgement, flags and urgent pointer in the packet and in parsed. */
void sl__segment_set_seq(struct sl_packet *p, struct sl_parsed *parsed, uint32_t seq);
void sl__segment_set_ack(struct sl_packet *p, struct sl_parsed *parsed, uint32_t ack);
void sl__segment_set_flags(struct sl_packet *p, struct sl_parsed *parsed, uint8_t flags);
uint16_t sl__segment_urgent(const struct sl_packet *p, const struct sl_parsed *parsed);
void sl__segment_set_urgent(struct sl_packet *p, const struct sl_parsed *parsed, uint16_t urgent);
/* SACK blocks back into the numbers of the data's sender. True: something changed. */
bool sl__segment_map_sack(struct sl_packet *p, const struct sl_parsed *parsed, const struct sl_editlog *log);

void sl__segment_remember(struct sl_template *t, const struct sl_packet *p, const struct sl_parsed *parsed);
/* What that packet acknowledged. */
static inline uint32_t sl__segment_last_ack(const struct sl_template *t)
{
	return t->size ? sl_get32(t->bytes + t->l4 + 8) : 0;
}
/* The other side's time stamp is echoed (RFC 7323): what `theirs` said last goes into t. */
void sl__segment_echo_time(struct sl_template *t, const struct sl_template *theirs);
/*
 * Send n bytes at `seq`, in as many segments as the MTU asks for; flags are those of the
 * last. False: the embedder cannot; some may have been sent.
 */
bool sl__segment_emit(const struct sl_help_env *env, const struct sl_template *t,
	const struct sl_packet *cause, uint32_t seq, uint32_t ack, uint8_t flags,
	const uint8_t *bytes, uint32_t n);

#endif
