/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translating the headers.
 *
 * An endpoint that is one of the connection's two ends, as the sender knows them, becomes what
 * the receiver must see: in the request's URI, Via, Contact, From, To, Route and Record-Route.
 * A port that is not written counts as 5060, and is written only if it becomes another.
 *
 * Via, Contact and Record-Route may name the sender's address with a port that is not this
 * connection's: over TCP the port it listens on. Then the address is translated and the port stays,
 * and so it is turned back in what the other side says of it. Any other port at the receiver's
 * public address is somebody else's, who is behind the same address.
 *
 * Some phones send from one port and want the answers at another, which their Via names, and do
 * not ask for rport. Under NAT the Via must then name the translated port that the phone sends
 * from, or the answer would not find back; answers are sent on to the port the phone wanted.
 */
#include "sip.h"

/* ---- reading --------------------------------------------------------------------------------- */

static bool read_addresses(struct sl_text value, struct sip_work *w, bool contacts)
{
	struct sip_address address;

	if (contacts && sl_text_eq_nocase(&value, "*"))
		return true;
	do {
		if (!sip_address_read(&value, &address))
			return false;
		if (contacts && w->contacts == SIP_CONTACTS)
			return false;
		if (contacts)
			w->contact[w->contacts++] = address;
	} while (sl_text_left(&value));
	return true;
}

static bool read_vias(struct sl_text value)
{
	struct sip_via via;

	do {
		if (!sip_via_read(&value, &via))
			return false;
	} while (sl_text_left(&value));
	return true;
}

static bool read_header(struct sip_work *w, enum sip_header_id id, struct sl_text value)
{
	switch (id) {
	case SIP_VIA:
		return read_vias(value);
	case SIP_CONTACT:
		return read_addresses(value, w, true);
	case SIP_FROM:
	case SIP_TO:
	case SIP_ROUTE:
	case SIP_RECORD_ROUTE:
		return read_addresses(value, w, false);
	default:
		return true;
	}
}

bool sip_headers_read(struct sip_work *w)
{
	struct sl_text lines = w->head.lines, value;
	struct sip_address address;
	enum sip_header_id id;

	if (w->head.is_request && !sip_uri_read(w->head.uri, &address))
		return false;
	while (sip_header_next(&lines, &id, &value))
		if (!read_header(w, id, value))
			return false;
	return true;
}

/* ---- translating ----------------------------------------------------------------------------- */

/* The client's own end is not where it sends from, but where it wants its answers. */
static void leave_forced(const struct sip_work *w, struct sl_endpoint *e)
{
	struct sl_tuple own;

	sl_help_tuple(w->help, SL_ORIGINAL, &own);
	if (w->m->dir == SL_ORIGINAL && e->port == w->sip->forced_port &&
	        sl_addr_eq(&e->addr, &own.src))
		e->port = own.sport;
}

static void enter_forced(const struct sip_work *w, struct sl_endpoint *e)
{
	struct sl_tuple own;

	sl_help_tuple(w->help, SL_ORIGINAL, &own);
	if (w->m->dir == SL_REPLY && e->port == own.sport && sl_addr_eq(&e->addr, &own.src))
		e->port = w->sip->forced_port;
}

/* The registered contact is seen where its expectation is. */
static bool seen_contact(const struct sip_work *w, struct sl_endpoint *e)
{
	const struct sip *sip = w->sip;
	bool out = w->m->dir == sip->contact_dir;

	if (!sip->seen.port || !sip_endpoint_eq(e, out ? &sip->contact : &sip->seen))
		return false;
	*e = out ? sip->seen : sip->contact;
	return true;
}

/* Ports that the side which sends in direction dir said are its own; the oldest is forgotten. */
static bool listens(const struct sip *sip, enum sl_dir dir, uint16_t port)
{
	for (unsigned i = 0; i < SIP_LISTENS; i++)
		if (sip->listens[dir][i] == port)
			return true;
	return false;
}

static void note_listens(struct sip *sip, enum sl_dir dir, uint16_t port)
{
	if (!listens(sip, dir, port))
		sip->listens[dir][sip->listens_next[dir]++ % SIP_LISTENS] = port;
}

/* An end's address with another port than the connection's: the sender's own, or one that the
 * receiver named. */
static bool seen_any_port(const struct sip_work *w, struct sl_endpoint *e)
{
	struct sl_endpoint addr = *e;
	struct sl_tuple own;

	sl_help_tuple(w->help, w->m->dir, &own);
	addr.port = 0;
	if (sl_addr_eq(&e->addr, &own.src))
		note_listens(w->sip, w->m->dir, e->port);
	else if (!listens(w->sip, !w->m->dir, e->port))
		return false;
	if (!sl_seen_as(w->help, w->m->dir, &addr))
		return false;
	e->addr = addr.addr;
	return true;
}

bool sip_seen_as(const struct sip_work *w, struct sl_endpoint *e, bool any_port)
{
	struct sl_endpoint seen = *e;
	uint16_t port = e->port;

	if (!seen.port)
		seen.port = SIP_PORT;
	if (w->sip->forced_port)
		leave_forced(w, &seen);
	if (seen_contact(w, &seen) || sl_seen_as(w->help, w->m->dir, &seen)) {
		if (w->sip->forced_port)
			enter_forced(w, &seen);
	} else if (!any_port || !seen_any_port(w, &seen)) {
		return false;
	}
	if (!port && seen.port == SIP_PORT)
		seen.port = 0;
	*e = seen;
	return true;
}

void sip_tell(struct sip_work *w, enum sl_beyond beyond)
{
	w->beyond = (uint8_t)beyond;
}

/* Linux translates the connection's two ends with their ports, and a registration's contact. */
static bool linux_sees(const struct sip_work *w, struct sl_endpoint e)
{
	if (!e.port)
		e.port = SIP_PORT;
	if (w->head.is_request && sip_method_is(&w->head, "REGISTER") &&
	        sip_endpoint_eq(&e, &w->sip->contact))
		return true;
	return sl_seen_as(w->help, w->m->dir, &e);
}

/* One place; `linux` is whether Linux looks there at all. */
static void translate(struct sip_work *w, const struct sip_place *place, bool any_port, bool linux)
{
	struct sl_endpoint to = place->endpoint;

	if (!place->is_addr || !sip_seen_as(w, &to, any_port) ||
	        sip_endpoint_eq(&to, &place->endpoint))
		return;
	if (!linux || !linux_sees(w, place->endpoint))
		sip_tell(w, SL_BEYOND_SYNTAX);
	else if (!to.port)
		sip_tell(w, SL_BEYOND_ADDRESS_TEXT);
	sip_place_write(&w->edits, place, &to);
}

/* An address without a port. */
static void translate_addr(struct sip_work *w, const struct sip_place *place, bool linux)
{
	struct sl_endpoint to = place->endpoint;

	if (!place->is_addr || !sl_seen_as(w->help, w->m->dir, &to) ||
	        sip_endpoint_eq(&to, &place->endpoint))
		return;
	if (!linux)
		sip_tell(w, SL_BEYOND_SYNTAX);
	sip_place_write(&w->edits, place, &to);
}

static void translate_address(
        struct sip_work *w, const struct sip_address *address, bool any_port, bool linux)
{
	translate(w, &address->host, any_port, linux);
	translate_addr(w, &address->maddr, false);
}

/* Where the other side saw the client: in an answer it must be what the client is. */
static void translate_rport(struct sip_work *w, const struct sip_via *via)
{
	struct sl_tuple own, seen;
	char text[8];
	struct sl_out out = sl_out_of(text, sizeof(text));

	sl_help_tuple(w->help, w->m->dir, &seen);
	sl_help_tuple(w->help, !w->m->dir, &own);
	if (!via->rport_length || via->rport != seen.dport || own.sport == seen.dport)
		return;
	sl_text_put_uint(&out, own.sport);
	sl_edits_add(&w->edits, via->rport_offset, via->rport_length, text, sl_out_len(&out));
}

/* Does a datagram's Via ask for the answer at another port than the one it comes from? */
static void note_forced(struct sip_work *w, const struct sip_via *via)
{
	uint16_t port = via->host.endpoint.port ? via->host.endpoint.port : SIP_PORT;
	struct sl_tuple own;

	sl_help_tuple(w->help, w->m->dir, &own);
	if (!w->head.is_request || w->m->dir != SL_ORIGINAL || own.proto != SL_PROTO_UDP ||
	        !via->host.is_addr || !sl_addr_eq(&via->host.endpoint.addr, &own.src) ||
	        port == own.sport)
		return;
	w->sip->linux_forces = true; /* with rport too: the phone waits elsewhere then */
	if (!via->wants_rport)
		w->sip->forced_port = port;
}

static void translate_vias(struct sip_work *w, struct sl_text value, bool *first)
{
	struct sip_via via;

	while (sl_text_left(&value) && sip_via_read(&value, &via)) {
		if (*first)
			note_forced(w, &via);
		translate(w, &via.host, true, *first);
		translate_addr(w, &via.maddr, *first);
		if (*first && !w->head.is_request) {
			translate_addr(w, &via.received, true);
			translate_rport(w, &via);
		}
		*first = false;
	}
}

static void translate_addresses(struct sip_work *w, struct sl_text value, bool any_port, bool linux)
{
	struct sip_address address;

	while (sl_text_left(&value) && sip_address_read(&value, &address))
		translate_address(w, &address, any_port, linux);
}

static void translate_header(
        struct sip_work *w, enum sip_header_id id, struct sl_text value, bool *first)
{
	switch (id) {
	case SIP_VIA:
		translate_vias(w, value, first);
		break;
	case SIP_FROM:
	case SIP_TO:
		translate_addresses(w, value, false, true);
		break;
	case SIP_ROUTE:
		translate_addresses(w, value, false, false);
		break;
	case SIP_RECORD_ROUTE:
		translate_addresses(w, value, true, false);
		break;
	default:
		break;
	}
}

void sip_headers_translate(struct sip_work *w)
{
	struct sl_text lines = w->head.lines, value;
	struct sip_address address;
	enum sip_header_id id;
	bool first = true;

	while (sip_header_next(&lines, &id, &value))
		translate_header(w, id, value, &first);
	if (w->sip->linux_forces) /* Linux leaves the Via: only rport finds back then */
		sip_tell(w, SL_BEYOND_SYNTAX);
	if (w->head.is_request && sip_uri_read(w->head.uri, &address))
		translate_address(w, &address, false, true);
	for (unsigned i = 0; i < w->contacts; i++)
		translate_address(w, &w->contact[i], true, true);
}
