/* SPDX-License-Identifier: BSD-2-Clause */
/* See receiver.h. */
#include "tests/lib/receiver.h"

#include <string.h>

#include "base/wire.h"
#include "tests/lib/must.h"
#include "track/parse.h"

void receiver_init(struct receiver *r, uint32_t peer_isn)
{
	memset(r, 0, offsetof(struct receiver, must));
	memset(r->have, 0, sizeof(r->have));
	r->isn = peer_isn;
}

void receiver_must(struct receiver *r, const void *bytes, size_t n)
{
	MUST(r->must_len + n <= STREAM);
	if (n)
		memcpy(r->must + r->must_len, bytes, n);
	r->must_len += n;
}

/* A wrong byte at `at` of n that came: shown with what stands around it. */
static void fail_byte(const struct receiver *r, size_t at, size_t n)
{
	size_t from = at < 40 ? 0 : at - 40;
	size_t must = r->must_len < from ? 0 : r->must_len - from;

	n += 40;
	must_fail("what arrived\n  must be: %.*s\n  is:      %.*s", (int)(must < 200 ? must : 200),
	        (const char *)r->must + from, (int)(n < 200 ? n : 200),
	        (const char *)r->got + from);
}

static void take(struct receiver *r, size_t at, const uint8_t *bytes, size_t n)
{
	if (r->anything && at + n > STREAM)
		return; /* nobody said how much may come */
	MUST(at + n <= STREAM);
	for (size_t i = 0; i < n; i++, at++) {
		bool again = r->have[at] && r->got[at] != bytes[i];

		r->got[at] = bytes[i];
		if (again || (!r->anything && (at >= r->must_len || bytes[i] != r->must[at])))
			fail_byte(r, at, n - i);
		r->have[at] = true;
	}
}

void receiver_take_segment(struct receiver *r, const uint8_t *tcp, uint32_t len)
{
	uint32_t head = (uint32_t)(tcp[12] >> 4) * 4, at = sl_get32(tcp + 4) - r->isn - 1;

	MUST(head >= 20 && head <= len);
	if (tcp[13] & SL_SYN)
		return;
	if (tcp[13] & SL_ACK && (int32_t)(sl_get32(tcp + 8) - r->acked) > 0)
		r->acked = sl_get32(tcp + 8);
	if (at > STREAM)
		return; /* one byte before the first: a keep-alive */
	take(r, at, tcp + head, len - head);
	if (tcp[13] & SL_FIN) {
		MUST(r->anything || at + len - head == r->must_len);
		r->fin = true;
	}
}

void receiver_take_datagram(struct receiver *r, const uint8_t *udp, uint32_t len)
{
	MUST(sl_get16(udp + 4) == len && sl_get16(udp + 6) != 0);
	if (!r->anything)
		take(r, r->datagram, udp + 8, len - 8);
	r->datagram += len - 8;
}

uint32_t receiver_has(const struct receiver *r)
{
	uint32_t n = 0;

	while (n < STREAM && r->have[n])
		n++;
	return n;
}
