/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv6 hop-by-hop options (RFC 8200 4.2), before anything else sees the packet, as Linux 6 looks at
 * them. A packet does not pass that has
 *
 *   no sense		an option or a header that is longer than what holds it, a router alert of another size
 *   too many		more than eight options, or more than seven bytes of padding in a row, or padding that
 *			is not zeros
 *   options for others	a jumbo payload (RFC 2675) that is none, a label (CALIPSO, RFC 5570) of a domain that
 *			is not known here, IOAM (RFC 9486) out of its place
 *   unknown ones	whose first two bits ask for that; the next two say whether the sender is told, by a
 *			parameter problem (RFC 4443 3.4) that points at the option
 *
 * IPv4's options are looked at behind routing (engine/options.c), other IPv6 headers by who they are for.
 */
#include "base/bytes.h"
#include "base/wire.h"
#include "track/parse.h"

enum { PAD1 = 0, PADN = 1, ROUTER_ALERT = 5, CALIPSO = 7, IOAM = 49, JUMBO = 194 };
enum { MOST_OPTIONS = 8, MOST_PADDING = 7, HEADER = 40, UNIT = 8 };
enum { MAX_PAYLOAD = 65535, JUMBO_SIZE = 4, ALERT_SIZE = 2, PAYLOAD_LENGTH = 4 };

/* RFC 8200 4.2: the highest two bits of an option that is not known. */
enum action { SKIP, DISCARD, TELL, TELL_IF_ONE_HOST };

static bool bad(struct sl_v6_problem *out, enum sl_v6_problem_code code, uint32_t at, bool whoever)
{
	out->told = true;
	out->code = (uint8_t)code;
	out->at = at;
	out->to_groups = whoever;
	return false;
}

/* `at` counts from the IP header, `d` begins there. */
static bool jumbo(const uint8_t *d, uint32_t at, struct sl_v6_problem *out)
{
	if (d[at + 1] != JUMBO_SIZE || at % 4 != 2)
		return false;
	if (sl_get32(d + at + 2) <= MAX_PAYLOAD)
		return bad(out, SL_V6_BAD_FIELD, at + 2, false);
	if (sl_get16(d + PAYLOAD_LENGTH))
		return bad(out, SL_V6_BAD_FIELD, at, false);
	return false; /* no packet of ours is as long as that */
}

static bool unknown(const uint8_t *d, uint32_t at, struct sl_v6_problem *out)
{
	switch ((enum action)(d[at] >> 6)) {
	case SKIP:
		return true;
	case TELL:
		return bad(out, SL_V6_UNKNOWN_OPTION, at, true);
	case TELL_IF_ONE_HOST:
		return bad(out, SL_V6_UNKNOWN_OPTION, at, false);
	case DISCARD:
		break;
	}
	return false;
}

static bool hop_may_pass(const uint8_t *d, uint32_t at, struct sl_v6_problem *out)
{
	switch (d[at]) {
	case ROUTER_ALERT:
		return d[at + 1] == ALERT_SIZE;
	case CALIPSO:
		return false;
	case IOAM:
		return at % 4 == 0;
	case JUMBO:
		return jumbo(d, at, out);
	default:
		return unknown(d, at, out);
	}
}

static bool zeros(const uint8_t *d, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (d[i])
			return false;
	return true;
}

bool sl__ipv6_option_list(const uint8_t *d, uint32_t at, uint32_t end, bool hop, struct sl_v6_problem *out)
{
	unsigned count = 0, padding = 0;
	uint32_t size;

	for (; at < end; at += size) {
		size = d[at] == PAD1 ? 1 : 2;
		if (size > end - at)
			return false;
		if (size == 2)
			size += d[at + 1];
		if (size > end - at)
			return false;
		if (d[at] > PADN) {
			padding = 0;
			if (++count > MOST_OPTIONS || !(hop ? hop_may_pass : unknown)(d, at, out))
				return false;
			continue;
		}
		padding += size;
		if (padding > MOST_PADDING || (size > 1 && !zeros(d + at + 2, size - 2)))
			return false;
	}
	return true;
}

enum sl_reason sl__ipv6_options(const struct sl_packet *p, const struct sl_parsed *parsed, struct sl_v6_problem *out)
{
	const uint8_t *d = p->data;
	uint32_t size;

	*out = (struct sl_v6_problem){0};
	if (d[6] != 0)
		return SL_WHY_NONE; /* no hop-by-hop header */
	if (parsed->len < HEADER + UNIT)
		return SL_WHY_BAD_IP_OPTIONS;
	size = (uint32_t)(d[HEADER + 1] + 1) * UNIT;
	if (size > parsed->len - HEADER || !sl__ipv6_option_list(d, HEADER + 2, HEADER + size, true, out))
		return SL_WHY_BAD_IP_OPTIONS;
	return SL_WHY_NONE;
}
