/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the gateway as a host answers (prog/host.c), and what it leaves alone, as Linux does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/wire.h"
#include "prog/host.h"

enum { TCP = 6, UDP = 17, ICMP = 1, ICMPV6 = 58, AH = 51, HOPS = 0, FRAGMENT = 44 };

/* The headers behind IPv6's own, or behind IPv4's; then zeros up to `len` bytes of transport. */
struct question {
	const char *what;
	uint8_t family; /* 4, 6 */
	uint8_t next;   /* what the IP header says is next */
	uint8_t more[24];
	uint8_t more_len;
	uint8_t len;
	uint8_t offset; /* TCP: words of header */
	/* The answer: its protocol, 0 for none; ICMP: type, code, and what the pointer says. */
	uint8_t proto, type, code, pointer;
};

static const struct question questions[] = {
        {"a segment for nobody", 4, TCP, {0}, 0, 20, 5, TCP, 0, 0, 0},
        {"a TCP header of four words", 4, TCP, {0}, 0, 20, 4, 0, 0, 0, 0},
        {"a TCP header longer than the segment", 4, TCP, {0}, 0, 20, 6, 0, 0, 0, 0},
        {"the same over IPv6", 6, TCP, {0}, 0, 20, 15, 0, 0, 0, 0},
        {"a datagram for nobody", 4, UDP, {0}, 0, 8, 0, ICMP, 3, 3, 0},
        {"an unknown protocol", 4, 253, {0}, 0, 8, 0, ICMP, 3, 2, 0},
        {"an unknown protocol, IPv6", 6, 253, {0}, 0, 8, 0, ICMPV6, 4, 1, 6},
        {"authentication, IPv6", 6, AH, {UDP, 1, 0}, 12, 8, 0, ICMPV6, 4, 1, 6},
        {"authentication behind options", 6, HOPS, {AH, 0, 1, 4, 0, 0, 0, 0, UDP, 1}, 20, 8, 0,
                ICMPV6, 4, 1, 40},
        {"authentication longer than the packet", 6, AH, {UDP, 9, 0}, 12, 8, 0, ICMPV6, 4, 1, 6},
        {"a first fragment with half a TCP header", 6, FRAGMENT, {TCP, 0, 0, 1}, 8, 12, 5, ICMPV6,
                4, 3, 0},
        {"a first fragment with half a UDP header", 6, FRAGMENT, {UDP, 0, 0, 1}, 8, 4, 0, ICMPV6, 4,
                3, 0},
        {"a first fragment with all of it", 6, FRAGMENT, {TCP, 0, 0, 1}, 8, 20, 5, 0, 0, 0, 0},
        {"a later fragment", 6, FRAGMENT, {TCP, 0, 0, 9}, 8, 8, 0, 0, 0, 0, 0},
};

/* In memory of its own size, so that the sanitizer sees one byte too many. */
static uint8_t *make(const struct question *q, uint32_t *len)
{
	uint32_t head = q->family == 4 ? 20 : 40, l4 = head + q->more_len;
	uint8_t *d;

	*len = l4 + q->len;
	d = calloc(1, *len);
	assert_non_null(d);
	if (q->family == 4) {
		d[0] = 0x45;
		sl_put16(d + 2, (uint16_t)*len);
		d[8] = 64;
		d[9] = q->next;
		d[12] = d[16] = 10;
		d[15] = 1;
		d[19] = 2;
	} else {
		d[0] = 0x60;
		sl_put16(d + 4, (uint16_t)(*len - 40));
		d[6] = q->next;
		d[7] = 64;
		d[8] = d[24] = 0xfd;
		d[23] = 1;
		d[39] = 2;
	}
	memcpy(d + head, q->more, q->more_len);
	if (q->offset && q->len > 13) {
		d[l4 + 12] = (uint8_t)(q->offset << 4);
		d[l4 + 13] = SL_VIEW_SYN;
	}
	if (q->len >= 8 && (q->next == UDP || q->more[0] == UDP))
		sl_put16(d + l4 + 4, q->len);
	return d;
}

static void ask(const struct question *q)
{
	static uint8_t out[SL_HOST_ANSWER];
	uint32_t len, got, head = q->family == 4 ? 20 : 40;
	uint8_t *d = make(q, &len);
	struct sl_view v;

	assert_true(sl__view_init(&v, d, len));
	if (!v.fragment && v.l4 < len && (v.proto == TCP || v.proto == UDP))
		sl__view_fix_transport(&v);
	got = sl__host_answer(&v, 0, out);
	if (!got != !q->proto)
		fail_msg("%s: answered with %u bytes", q->what, (unsigned)got);
	if (got && out[q->family == 4 ? 9 : 6] != q->proto)
		fail_msg("%s: answered with protocol %u", q->what, out[q->family == 4 ? 9 : 6]);
	if (got && q->proto != TCP &&
	        (out[head] != q->type || out[head + 1] != q->code ||
	                sl_get32(out + head + 4) != q->pointer))
		fail_msg("%s: type %u code %u pointer %u", q->what, out[head], out[head + 1],
		        (unsigned)sl_get32(out + head + 4));
	free(d);
}

static void test_answers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		ask(&questions[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
