/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv4 options that a router writes to (RFC 791 3.1): record route, and timestamp with its
 * three kinds. The place of the next entry moves on, a full timestamp counts the overflow; a
 * full record route is left alone.
 *
 * The address is the one that the packet leaves from, or that it was sent to. The time is the
 * engine's, which knows no midnight: it is marked as non-standard, as RFC 791 asks for then.
 *
 * Limits. Source routes are passed on as they are (a strict one is dropped: ip_options.c).
 */
#include "engine/options.h"

#include <string.h>

#include "base/checksum.h"
#include "base/wire.h"

enum { OPTION_END = 0, OPTION_NOP = 1, RECORD_ROUTE = 7, TIMESTAMP = 68 };
enum { TIME_ONLY = 0, TIME_AND_ADDRESS = 1, TIME_PRESPECIFIED = 3 };
enum { HEADER = 20, DAY_MS = 86400000 };
#define NOT_SINCE_MIDNIGHT 0x80000000u

static void put_address(const struct sl_work *w, uint8_t *at)
{
	static const uint8_t none[4];

	if (w->route.kind == SL_ROUTE_LOCAL)
		memcpy(at, w->parsed.tuple.dst.b + 12, 4);
	else
		memcpy(at, w->route.has_source ? w->route.source.b + 12 : none, 4);
}

static void put_time(const struct sl_work *w, uint8_t *at)
{
	sl_put32(at, (uint32_t)(w->e->track.now / 1000000 % DAY_MS) | NOT_SINCE_MIDNIGHT);
}

/* Is it ours? What the route to it says. */
static bool is_ours(struct sl_work *w, const uint8_t *addr)
{
	struct sl_parsed to = w->parsed;
	struct sl_route route;

	to.tuple.dst = sl_addr_v4(addr);
	sl__route(w->e, w->p, &to, &route);
	return route.kind == SL_ROUTE_LOCAL;
}

/* What is wrong at that byte; 0: nothing. */
typedef uint32_t problem;

/* `at` is the option's offset in the header d, its length was checked; d[at + 2] counts from 1. */
static problem record(struct sl_work *w, uint8_t *d, uint32_t at, bool *changed)
{
	uint8_t *o = d + at, size = o[1];

	if (size < 3)
		return at + 1;
	if (o[2] < 4)
		return at + 2;
	if (o[2] > size)
		return 0; /* full */
	if (o[2] + 3 > size)
		return at + 2;
	put_address(w, o + o[2] - 1);
	o[2] = (uint8_t)(o[2] + 4);
	*changed = true;
	return 0;
}

static problem overflow(uint8_t *d, uint32_t at, bool *changed)
{
	if (d[at + 3] >> 4 == 15)
		return at + 3;
	d[at + 3] = (uint8_t)(d[at + 3] + 0x10);
	*changed = true;
	return 0;
}

static problem stamp(struct sl_work *w, uint8_t *d, uint32_t at, bool *changed)
{
	uint8_t *o = d + at, size = o[1], *to, kind, need;

	if (size < 4)
		return at + 1;
	if (o[2] < 5)
		return at + 2;
	if (o[2] > size)
		return overflow(d, at, changed);
	kind = o[3] & 15;
	if (kind != TIME_ONLY && kind != TIME_AND_ADDRESS && kind != TIME_PRESPECIFIED)
		return 0;
	need = kind == TIME_ONLY ? 4 : 8;
	if (o[2] + need - 1 > size)
		return at + 2;
	to = o + o[2] - 1;
	if (kind == TIME_PRESPECIFIED && !is_ours(w, to))
		return 0;
	if (kind == TIME_AND_ADDRESS)
		put_address(w, to);
	put_time(w, to + need - 4);
	o[2] = (uint8_t)(o[2] + need);
	*changed = true;
	return 0;
}

static problem fill(struct sl_work *w, uint8_t *d, uint32_t header, bool *changed)
{
	bool recorded = false, stamped = false;
	uint32_t at = HEADER;
	problem bad = 0;

	while (at < header && d[at] != OPTION_END) {
		if (d[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (at + 2 > header || d[at + 1] < 2 || d[at + 1] > header - at)
			return at;
		if ((d[at] == RECORD_ROUTE && recorded) || (d[at] == TIMESTAMP && stamped))
			return at;
		if (d[at] == RECORD_ROUTE)
			bad = record(w, d, at, changed);
		else if (d[at] == TIMESTAMP)
			bad = stamp(w, d, at, changed);
		if (bad)
			return bad;
		recorded = recorded || d[at] == RECORD_ROUTE;
		stamped = stamped || d[at] == TIMESTAMP;
		at += d[at + 1];
	}
	return 0;
}

enum sl_reason sl__fill_options(struct sl_work *w)
{
	uint8_t *d = w->p->data;
	uint32_t header = (d[0] & 15u) * 4;
	uint16_t before;
	bool changed = false;

	if (header == HEADER)
		return SL_WHY_NONE;
	before = sl__sum_fold(sl__sum(d, header, 0)); /* a wrong checksum stays wrong */
	if (w->p->from == SL_FROM_WIRE)
		w->bad_option = (uint8_t)fill(w, d, header, &changed);
	if (changed) {
		sl_put16(d + 10, 0);
		sl_put16(d + 10, sl__sum_fold((uint32_t)before + sl__csum(sl__sum(d, header, 0))));
		w->p->altered = 1;
	}
	if (!w->bad_option)
		w->bad_option = (uint8_t)sl__ipv4_options(w->p);
	return w->bad_option ? SL_WHY_BAD_IP_OPTIONS : SL_WHY_NONE;
}
