/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the helper runtime share: runtime.c (life, any packet), message.c (what the
 * helper is asked), tcp_packet.c and datagram.c (a packet's work), send.c (segments of our own).
 */
#ifndef SL_HELP_INNER_H
#define SL_HELP_INNER_H

#include "help/runtime.h"

/* One packet's work. */
struct sl_help_work {
	struct sl_help *help;
	struct sl_stream *s, *peer; /* TCP: of its sender; of whom it acknowledges */
	struct sl_packet *p;
	struct sl_parsed *parsed;
	enum sl_dir dir;
	uint16_t sum; /* what its checksum is off by */
	bool changed;
};

/* It goes on; lengths and checksums are made right if it was changed. */
static inline enum sl_help_outcome sl__help_done(struct sl_help_work *w)
{
	if (w->changed)
		sl__segment_seal(w->p, w->parsed, w->sum);
	return SL_HELP_ACCEPT;
}

static inline enum sl_help_outcome sl__help_drop(struct sl_help_work *w, enum sl_reason why)
{
	w->p->reason = (uint16_t)why;
	return SL_HELP_DROP;
}

/* tcp_packet.c, datagram.c */
enum sl_help_outcome sl__help_tcp(struct sl_help_work *w);
enum sl_help_outcome sl__help_datagram(struct sl_help_work *w);

/* Does anybody read what this direction's sender says? */
static inline bool sl__help_reads(const struct sl_help *help, unsigned dir)
{
	return help->helper && !help->left && help->helper->message[dir];
}

/* Ask the helper about one whole message, whose edits go to log, numbered from `at`. */
enum sl_help_result sl__help_ask(struct sl_help *help, unsigned dir, const uint8_t *bytes, uint32_t n,
	uint32_t at, struct sl_editlog *log);
/* Without NAT nothing has to be true elsewhere: bytes are read as they pass, neither held nor changed. */
static inline bool sl__help_only_reads(const struct sl_help *help)
{
	return !(help->conn->status & (SL_SRC_NAT | SL_DST_NAT)) && !(help->conn->flags & SL_CONN_EDITED);
}

/* linux.c: Linux decides otherwise about this packet; under NAT, which moves numbers, about all that follows. */
void sl__help_beyond(struct sl_help *help, enum sl_beyond beyond);
/* Before a segment is read, and afterwards: was it dropped, had all its bytes come before? */
void sl__linux_look(struct sl_help_work *w);
void sl__linux_compare(struct sl_help_work *w, bool dropped, bool again);
/* Linux expects a connection to e, which a message of direction dir announced, and we do not. */
void sl__linux_opens(struct sl_help *help, enum sl_dir dir, const struct sl_endpoint *e, unsigned class_id,
	enum sl_beyond beyond);
/* Why Linux would not read the message that begins at `at`, if it does not. */
enum sl_beyond sl__linux_misses(const struct sl_help *help, const struct sl_parsed *parsed, uint32_t at);
/* Does Linux expect this one too (NONE), and else why not? */
enum sl_beyond sl__linux_expects(const struct sl_help *help, const struct sl_endpoint *e);
/*
 * Read all whole messages and move s->sent to where everything may go on. parsed: of the packet
 * that is the cause; NULL: none. False: one was refused.
 */
bool sl__help_read(struct sl_help *help, struct sl_stream *s, const struct sl_parsed *parsed);

/* announce.c, gre_calls.c: of struct sl_api */
enum sl_reason sl__api_expect_announced(struct sl_help *help, const struct sl_message *message,
	const struct sl_announcement *announced, struct sl_endpoint *seen);
enum sl_reason sl__api_expect_related(struct sl_help *help, const struct sl_expectation *e);
unsigned sl__api_expect_remove(struct sl_help *help, const struct sl_which *which);
unsigned sl__api_expect_refresh(struct sl_help *help, const struct sl_which *which, uint32_t timeout);
unsigned sl__api_expect_prolong(struct sl_help *help, uint8_t class_id, uint32_t timeout);
bool sl__api_expected_behind(struct sl_help *help, uint8_t class_id, const struct sl_endpoint *seen,
	struct sl_endpoint *behind);
enum sl_reason sl__api_gre_key(struct sl_help *help, enum sl_dir dir, uint16_t key, uint16_t *seen);
bool sl__api_gre_find(struct sl_help *help, enum sl_dir dir, bool as_seen, uint16_t is, uint16_t *other);
enum sl_reason sl__api_gre_call(struct sl_help *help, const uint16_t key[2], uint8_t class_id, const char *reason);
void sl__api_gre_end(struct sl_help *help, enum sl_dir dir, uint16_t key);
/* The conn ends: all its calls do. */
void sl__help_end_calls(struct sl_help *help);

/* What the receiver gets for a range (sl__stream_render), in the engine's scratch memory. */
uint32_t sl__help_render(struct sl_help *help, struct sl_stream *s, uint32_t *from, uint32_t *to,
	uint32_t seq, const uint8_t *bytes, uint32_t n);
/* Send what became free without a packet of that direction at hand. */
void sl__help_flush(struct sl_help *help, struct sl_stream *s);
/* Bytes are held, or no longer: wait for the rest, for a while. */
void sl__help_wait(struct sl_help *help, struct sl_stream *s);

#endif
