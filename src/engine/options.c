/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv4 options as a router treats them (RFC 791 3.1, RFC 1812 4.2.2.1, 5.2.4.1), which is after
 * routing; in Linux's order, so that an error points to the same byte.
 *
 *   record route, timestamp	 our entry is written, and the place of the next one moves on; a full
 *				 timestamp counts the overflow, a full record route is left alone
 *   loose, strict source route	 where accept_source_route is 0, dropped. What is not for us: a loose one
 *				 passes, for a strict one we were not named. What is for us goes on to
 *				 the next stop that it names: the first that is not an address of ours
 *   security labels (CIPSO)	 of a domain that is not known here
 *   behind the end		 zeros
 *
 * The address written is the one that the packet leaves from, or that it was sent to. The time is the
 * engine's, which knows no midnight: it is marked as non-standard, as RFC 791 asks for then.
 *
 * A packet that goes on to its next stop is routed there at once, but bears the new destination only
 * behind the forward hook: chains before it, and the connection, know it by the address it came to.
 * The transport checksum covers the last stop, whatever stands in the header meanwhile.
 */
#include "engine/options.h"

#include <string.h>

#include "base/checksum.h"
#include "base/wire.h"

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	RECORD_ROUTE = 7,
	TIMESTAMP = 68,
	LOOSE_ROUTE = 131,
	CIPSO = 134,
	STRICT_ROUTE = 137,
	ROUTER_ALERT = 148,
};
enum { TIME_ONLY = 0, TIME_AND_ADDRESS = 1, TIME_PRESPECIFIED = 3 };
enum { DESTINATION = 16, HEADER = 20, DAY_MS = 86400000 };
#define NOT_SINCE_MIDNIGHT 0x80000000u

/* Where options of these kinds stand in the header, and the addresses that were written to; 0: nowhere. */
struct found {
	uint8_t record, stamp, route, label;
	uint8_t record_address, stamp_address;
	bool changed;
};

static bool is_first(uint8_t *seen, uint32_t at)
{
	bool first = !*seen;

	*seen = (uint8_t)at;
	return first;
}

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

static enum sl_route_kind route_to(struct sl_work *w, const uint8_t *addr, struct sl_route *route)
{
	struct sl_parsed to = w->parsed;

	to.tuple.dst = sl_addr_v4(addr);
	sl__route(w->e, w->p, &to, route);
	return route->kind;
}

/* Ours, or everybody's: not one other host's. */
static bool is_here(struct sl_work *w, const uint8_t *addr)
{
	struct sl_route route;

	if (addr[0] == 0 || addr[0] >> 4 == 0xe || sl_get32(addr) == 0xffffffff)
		return true;
	switch (route_to(w, addr, &route)) {
	case SL_ROUTE_LOCAL:
	case SL_ROUTE_BROADCAST:
		return true;
	default:
		return false;
	}
}

/* What is wrong at that byte; 0: nothing. */
typedef uint32_t problem;

/* `at` is the option's offset in the header d, its length was checked; d[at + 2] counts from 1. */
static problem record(struct sl_work *w, uint8_t *d, uint32_t at, struct found *f)
{
	uint8_t *o = d + at, size = o[1];

	if (!is_first(&f->record, at))
		return at;
	if (size < 3)
		return at + 1;
	if (o[2] < 4)
		return at + 2;
	if (o[2] > size)
		return 0; /* full */
	if (o[2] + 3 > size)
		return at + 2;
	f->record_address = (uint8_t)(at + o[2] - 1);
	put_address(w, d + f->record_address);
	o[2] = (uint8_t)(o[2] + 4);
	f->changed = true;
	return 0;
}

static problem overflow(uint8_t *d, uint32_t at, struct found *f)
{
	if ((d[at + 3] & 15) == TIME_PRESPECIFIED)
		return 0; /* nobody who was asked is missing */
	if (d[at + 3] >> 4 == 15)
		return at + 3;
	d[at + 3] = (uint8_t)(d[at + 3] + 0x10);
	f->changed = true;
	return 0;
}

static problem stamp(struct sl_work *w, uint8_t *d, uint32_t at, struct found *f)
{
	uint8_t *o = d + at, size = o[1], *to, kind, need;

	if (!is_first(&f->stamp, at))
		return at;
	if (size < 4)
		return at + 1;
	if (o[2] < 5)
		return at + 2;
	if (o[2] > size)
		return overflow(d, at, f);
	kind = o[3] & 15;
	need = kind == TIME_AND_ADDRESS || kind == TIME_PRESPECIFIED ? 8 : 4;
	if (o[2] + need - 1 > size)
		return at + 2;
	to = o + o[2] - 1;
	if (need == 4 && kind != TIME_ONLY)
		return 0;
	if (kind == TIME_PRESPECIFIED && !is_here(w, to))
		return 0;
	if (kind == TIME_AND_ADDRESS) {
		f->stamp_address = (uint8_t)(at + o[2] - 1);
		put_address(w, to);
	}
	put_time(w, to + need - 4);
	o[2] = (uint8_t)(o[2] + need);
	f->changed = true;
	return 0;
}

static problem source_route(const uint8_t *d, uint32_t at, struct found *f)
{
	if (d[at + 1] < 3)
		return at + 1;
	if (d[at + 2] < 4)
		return at + 2;
	return is_first(&f->route, at) ? 0 : at;
}

/* Labels are read by those who know their domain. */
static problem label(const uint8_t *d, uint32_t at, struct found *f)
{
	if (!is_first(&f->label, at))
		return at;
	return d[at + 1] < 8 ? at + 1 : at + 2;
}

static problem one(struct sl_work *w, uint8_t *d, uint32_t at, struct found *f)
{
	switch (d[at]) {
	case RECORD_ROUTE:
		return record(w, d, at, f);
	case TIMESTAMP:
		return stamp(w, d, at, f);
	case LOOSE_ROUTE:
	case STRICT_ROUTE:
		return source_route(d, at, f);
	case CIPSO:
		return label(d, at, f);
	case ROUTER_ALERT:
		return d[at + 1] < 4 ? at + 1 : 0;
	default:
		return 0;
	}
}

static void blank(uint8_t *d, uint32_t at, uint32_t header, struct found *f)
{
	for (; at < header; at++) {
		f->changed = f->changed || d[at];
		d[at] = 0;
	}
}

static problem fill(struct sl_work *w, uint8_t *d, uint32_t header, struct found *f)
{
	uint32_t at = HEADER;
	problem bad = 0;

	while (at < header && d[at] != OPTION_END) {
		if (d[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (at + 2 > header || d[at + 1] < 2 || d[at + 1] > header - at)
			return at;
		bad = one(w, d, at, f);
		if (bad)
			return bad;
		at += d[at + 1];
	}
	blank(d, at, header, f);
	return 0;
}

/* ---- source routes ----------------------------------------------------------------------------- */

static void set_destination(struct sl_work *w, uint8_t *d, const uint8_t *addr)
{
	memcpy(d + DESTINATION, addr, 4);
	w->parsed.tuple.dst = sl_addr_v4(addr);
}

/* To the stop whose address is the number `next` of its option, counted from 1. */
static void go_on(
        struct sl_work *w, uint8_t *d, struct found *f, uint8_t next, const struct sl_route *route)
{
	w->route = *route;
	w->p->out_if = route->out_if;
	w->p->mtu = route->mtu;
	w->p->to = SL_TO_FORWARD;
	w->source_route = f->route;
	w->next_stop = next;
	if (f->record_address)
		put_address(w, d + f->record_address);
	if (f->stamp_address)
		put_address(w, d + f->stamp_address);
}

static enum sl_reason bad_at(struct sl_work *w, uint32_t at)
{
	w->bad_option = (uint8_t)at;
	return SL_WHY_BAD_IP_OPTIONS;
}

static enum sl_reason follow(struct sl_work *w, uint8_t *d, struct found *f)
{
	uint8_t *o = d + f->route, size = o[1];
	struct sl_route route;

	if (!w->e->track.set.accept_source_route || w->p->cast != SL_CAST_HOST)
		return SL_WHY_SOURCE_ROUTE;
	if (w->route.kind == SL_ROUTE_FORWARD)
		return o[0] == LOOSE_ROUTE ? SL_WHY_NONE : bad_at(w, DESTINATION);
	if (w->route.kind != SL_ROUTE_LOCAL)
		return SL_WHY_SOURCE_ROUTE;
	for (unsigned next = o[2]; next <= size; next += 4) {
		if (next + 3 > size)
			return bad_at(w, f->route + 2u);
		switch (route_to(w, o + next - 1, &route)) {
		case SL_ROUTE_FORWARD:
			f->changed = true;
			go_on(w, d, f, (uint8_t)next, &route);
			return SL_WHY_NONE;
		case SL_ROUTE_LOCAL:
			set_destination(w, d, o + next - 1);
			f->changed = true;
			break;
		default:
			return SL_WHY_SOURCE_ROUTE;
		}
	}
	return SL_WHY_NONE;
}

/* ---- the header as a whole --------------------------------------------------------------------- */

static uint16_t sum_of(const uint8_t *d)
{
	return sl__sum_fold(sl__sum(d, (d[0] & 15u) * 4, 0));
}

/* A wrong checksum stays wrong, by what it was. */
static void seal(struct sl_work *w, uint8_t *d, uint16_t before)
{
	sl_put16(d + 10, 0);
	sl_put16(d + 10, sl__sum_fold((uint32_t)before + (uint16_t)~sum_of(d)));
	w->p->altered = 1;
}

enum sl_reason sl__fill_options(struct sl_work *w)
{
	uint8_t *d = w->p->data;
	uint32_t header = (d[0] & 15u) * 4;
	enum sl_reason why = SL_WHY_NONE;
	struct found f = {0};
	uint16_t before;

	if (header == HEADER || w->p->from != SL_FROM_WIRE)
		return SL_WHY_NONE;
	before = sum_of(d);
	w->bad_option = (uint8_t)fill(w, d, header, &f);
	if (w->bad_option)
		why = SL_WHY_BAD_IP_OPTIONS;
	else if (f.route)
		why = follow(w, d, &f);
	if (f.changed)
		seal(w, d, before);
	return why;
}

void sl__next_stop(struct sl_work *w)
{
	uint8_t *d = w->p->data, *o = d + w->source_route, *stop = o + w->next_stop - 1;
	uint16_t before;

	if (!w->source_route)
		return;
	before = sum_of(d);
	set_destination(w, d, stop);
	memset(stop, 0, 4);
	if (w->route.has_source)
		memcpy(stop, w->route.source.b + 12, 4);
	o[2] = (uint8_t)(w->next_stop + 4);
	seal(w, d, before);
}
