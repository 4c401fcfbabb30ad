/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Conversations: two ends that answer what reached them. Each half of the comparison has ends of
 * its own, for what NAT and helpers make of a packet may differ from half to half (chosen ports),
 * and what an end says next follows from what it saw: its peer's address and sequence numbers, and
 * the endpoint that an FTP command announced to it.
 *
 * Texts may hold <own>, the speaker's address as FTP writes it with commas, and <addr>, the same as
 * usual.
 */
#ifndef TESTS_RULES_TALK_H
#define TESTS_RULES_TALK_H

#include "outcome.h"

struct talk_end {
	bool known;
	uint8_t place; /* enum place: where its packets come in */
	uint8_t own[16], peer[16];
	uint16_t own_port, peer_port;
	uint32_t next, ack;
	bool announced; /* what the last text that reached it announced: */
	uint8_t to[16];
	uint16_t to_port;
};

struct talk {
	uint8_t proto;
	bool v6;
	struct talk_end end[2]; /* who opens it, and its peer */
};

/* Steps of a script (script.h), as they stand in its file. */
struct talk_open {
	uint8_t proto, v6, place, pad;
	uint16_t sport, dport; /* host order */
	uint8_t src[16], dst[16];
};
/* One that another talk led to. */
struct talk_follow {
	uint16_t of;     /* the flow of that talk */
	uint8_t speaker; /* which end of it opens this one */
	uint8_t how; /* TALK_ANNOUNCED; TALK_BACK: to the port that the other came from (TFTP) */
	uint16_t sport;
	uint8_t proto, pad;
};
enum { TALK_ANNOUNCED, TALK_BACK };
struct talk_say {
	uint8_t speaker, tcp_flags, pad[2];
	/* then the text */
};

void talk_open(struct talk *t, const struct talk_open *how);
/* False: that talk led to nothing. */
bool talk_follow(struct talk *t, const struct talk_follow *how, const struct talk *of);
/* What an end says, as a packet in `out` (PACKET_MAX); its length, 0: it knows no peer. */
uint32_t talk_say(
        struct talk *t, const struct talk_say *how, const char *text, uint32_t len, uint8_t *out);
/* That packet came out: the other end has it. */
void talk_heard(struct talk *t, unsigned speaker, const uint8_t *sent, const struct outcome *o);

#endif
