/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of PPTP share: control messages as bytes, calls, and their GRE packets.
 */
#ifndef TESTS_HELPERS_PPTP_H
#define TESTS_HELPERS_PPTP_H

#include "tests/helpers/dialogue.h"

#include "base/wire.h"

static const struct scene scenes[] = {
        {.helper = "pptp", .proto = SL_PROTO_TCP, .server_port = 1723, .family = SL_IPV4},
        {.helper = "pptp", .proto = SL_PROTO_TCP, .server_port = 1723, .family = SL_IPV6},
};

enum {
	SCCRQ = 1,
	SCCRP,
	STOP_RQ,
	STOP_RP,
	ECHO_RQ,
	ECHO_RP,
	OCRQ,
	OCRP,
	ICRQ,
	ICRP,
	ICCN,
	CCRQ,
	CDN,
	WEN,
	SLI
};

static const unsigned lengths[] = {[SCCRQ] = 156,
        [SCCRP] = 156,
        [STOP_RQ] = 16,
        [STOP_RP] = 16,
        [ECHO_RQ] = 16,
        [ECHO_RP] = 20,
        [OCRQ] = 168,
        [OCRP] = 32,
        [ICRQ] = 220,
        [ICRP] = 24,
        [ICCN] = 28,
        [CCRQ] = 16,
        [CDN] = 148,
        [WEN] = 40,
        [SLI] = 24};

/* A control message; the two ids stand first behind the header, then the result. */
static inline size_t control(
        uint8_t *m, unsigned type, unsigned first, unsigned second, unsigned result)
{
	memset(m, 0, 220);
	sl_put16(m, (uint16_t)lengths[type]);
	sl_put16(m + 2, 1);
	memcpy(m + 4, "\x1a\x2b\x3c\x4d", 4);
	sl_put16(m + 8, (uint16_t)type);
	sl_put16(m + 12, (uint16_t)first);
	if (second || result) {
		sl_put16(m + 14, (uint16_t)second);
		m[16] = (uint8_t)result;
	}
	return lengths[type];
}

static inline void say(struct world *w, enum sl_dir dir, unsigned type, unsigned first,
        unsigned second, unsigned result)
{
	uint8_t m[220];
	size_t n = control(m, type, first, second, result);

	send_message(w, dir, m, n);
	send_ack(w, !dir);
}

/* What the other end got last, at that offset from the message's begin. */
static inline unsigned got(const struct world *w, enum sl_dir by, unsigned type, unsigned offset)
{
	const struct receiver *e = &w->in[by];
	const struct end *from = &w->end[!by];
	uint32_t at = from->next - from->isn - 1 - lengths[type] + offset;

	return (unsigned)e->got[at] << 8 | e->got[at + 1];
}

static inline struct sl_tuple gre(const struct world *w, enum sl_dir dir, uint16_t key)
{
	const struct end *from = &w->end[dir];

	return (struct sl_tuple){.src = from->addr,
	        .dst = from->to,
	        .dport = key,
	        .proto = SL_PROTO_GRE,
	        .family = w->family};
}

/* Outgoing call: X = 7 of the client, Y = 9 of the server, as each is told. */
static inline void call(struct world *w, unsigned x, unsigned y, unsigned *seen_x, unsigned *seen_y)
{
	say(w, SL_ORIGINAL, OCRQ, x, 0, 0);
	*seen_x = got(w, SL_REPLY, OCRQ, 12);
	say(w, SL_REPLY, OCRP, y, *seen_x, 1);
	*seen_y = got(w, SL_ORIGINAL, OCRP, 12);
	assert_int_equal(got(w, SL_ORIGINAL, OCRP, 14), x);
}

/* Packets of the call arrive with the ids that their receivers chose. */
static inline void talk(struct world *w, unsigned x, unsigned y, unsigned seen_x, unsigned seen_y,
        bool server_first)
{
	for (unsigned i = 0; i < 4; i++) {
		enum sl_dir dir = (enum sl_dir)((i + server_first) & 1);
		struct sl_tuple t = gre(w, dir, (uint16_t)(dir == SL_ORIGINAL ? seen_y : seen_x));

		send_tuple(w, &t, "ppp", 3);
		assert_true(w->left);
		assert_int_equal(w->state, i == 0 ? SL_CT_RELATED : SL_CT_ESTABLISHED);
		assert_true(sl_addr_eq(&w->arrived.dst, &w->end[!dir].addr));
		assert_true(sl_addr_eq(&w->arrived.src, &w->end[!dir].to));
		assert_int_equal(w->arrived.dport, dir == SL_ORIGINAL ? y : x);
		assert_int_equal(w->payload_len, 3);
	}
}

#endif
