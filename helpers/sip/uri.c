/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where addresses stand in SIP headers (RFC 3261 25.1): hosts with ports, URIs with parameters,
 * elements of Contact, From, Route ... and of Via.
 */
#include "sip.h"

#define SPACE    " \t\r\n"
#define HOST_END " \t\r\n:;,?>/"

void sip_skip_space(struct sl_text *t)
{
	sl_text_skip(t, SPACE);
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static bool read_addr(struct sl_text *t, struct sip_place *place)
{
	struct sl_endpoint *e = &place->endpoint;
	struct sl_text try = *t, in;
	uint8_t b[4];

	if (sl_text_char(&try, '[')) {
		if (!sl_text_until(&try, ']', &in) || !sl_text_ipv6(&in, e->addr.b) ||
		        sl_text_left(&in))
			return false;
		e->family = SL_IPV6;
		place->brackets = true;
	} else if (sl_text_ipv4(&try, b)) {
		if (sl_text_left(&try) && !sl_text__in_set(*try.at, HOST_END))
			return false; /* 10.0.0.2.example.org */
		e->addr = sl_addr_v4(b);
		e->family = SL_IPV4;
	} else {
		return false;
	}
	*t = try;
	return true;
}

bool sip_host_read(struct sl_text *t, struct sip_place *place)
{
	struct sl_text try = *t;
	uint32_t port;

	*place = (struct sip_place){.offset = sl_text_offset(t)};
	place->is_addr = read_addr(&try, place);
	if (!place->is_addr && (sl_text_peek(&try) == '[' || !sl_text_skip_to(&try, HOST_END)))
		return false;
	if (sl_text_char(&try, ':')) {
		if (!sl_text_uint(&try, 65535, &port) || port == 0)
			return false;
		place->endpoint.port = (uint16_t)port;
	}
	place->length = sl_text_offset(&try) - place->offset;
	*t = try;
	return true;
}

void sip_addr_read(struct sl_text t, struct sip_place *place)
{
	size_t length = sl_text_left(&t);

	*place = (struct sip_place){.offset = sl_text_offset(&t), .length = length};
	if (read_addr(&t, place)) {
		place->is_addr = !sl_text_left(&t);
	} else if (sl_text_ipv6(&t, place->endpoint.addr.b) && !sl_text_left(&t)) {
		place->endpoint.family = SL_IPV6;
		place->is_addr = true;
	}
}

bool sip_endpoint_eq(const struct sl_endpoint *a, const struct sl_endpoint *b)
{
	return a->port == b->port && a->family == b->family && sl_addr_eq(&a->addr, &b->addr);
}

static void put_host(struct sl_out *out, const struct sl_endpoint *e, bool brackets)
{
	if (e->family == SL_IPV4) {
		sl_text_put_ipv4(out, e->addr.b + 12);
		return;
	}
	if (brackets)
		sl_text_put_char(out, '[');
	sl_text_put_ipv6(out, e->addr.b);
	if (brackets)
		sl_text_put_char(out, ']');
}

void sip_place_write(
        struct sl_edits *edits, const struct sip_place *place, const struct sl_endpoint *to)
{
	char text[SL_EDIT_SIZE];
	struct sl_out out = sl_out_of(text, sizeof(text));

	if (sip_endpoint_eq(&place->endpoint, to))
		return;
	put_host(&out, to, place->brackets);
	if (to->port) {
		sl_text_put_char(&out, ':');
		sl_text_put_uint(&out, to->port);
	}
	sl_edits_add(edits, place->offset, place->length, text, sl_out_len(&out));
}

/* ---- parameters ------------------------------------------------------------------------------ */

/* A quoted string; a backslash takes the next character's meaning. */
static bool skip_quoted(struct sl_text *t)
{
	struct sl_text try = *t;

	if (!sl_text_char(&try, '"'))
		return false;
	for (;;) {
		sl_text_skip_to(&try, "\"\\");
		if (sl_text_char(&try, '"'))
			break;
		if (!sl_text_char(&try, '\\') || !sl_text_left(&try))
			return false;
		try.at++;
	}
	*t = try;
	return true;
}

/* ";name=value" or ";name"; `ends` are the characters that end a value. False: no more of them. */
static bool next_parameter(struct sl_text *t, const char *ends, struct sl_text *name,
        struct sl_text *value, bool *wrong)
{
	struct sl_text try = *t;

	sip_skip_space(&try);
	if (!sl_text_char(&try, ';'))
		return false;
	sip_skip_space(&try);
	*name = try;
	sl_text_skip_to(&try, ends);
	name->end = try.at;
	sip_skip_space(&try);
	*value = try;
	value->end = value->at;
	if (sl_text_char(&try, '=')) {
		sip_skip_space(&try);
		*value = try;
		if (sl_text_peek(&try) == '"') {
			if (!skip_quoted(&try))
				*wrong = true;
		} else {
			sl_text_skip_to(&try, ends + 1); /* '=' may stand in a value */
		}
		value->end = try.at;
	}
	*t = try;
	return true;
}

static uint8_t transport(const struct sl_text *value)
{
	return sl_text_eq_nocase(value, "udp")                                      ? SL_PROTO_UDP
	       : sl_text_eq_nocase(value, "tcp") || sl_text_eq_nocase(value, "tls") ? SL_PROTO_TCP
	                                                                            : 0;
}

/* ---- URIs ------------------------------------------------------------------------------------ */

/* The user, if there is one: all before the '@', which cannot stand anywhere else unescaped. */
static void skip_user(struct sl_text *t)
{
	struct sl_text try = *t, user;

	if (sl_text_until(&try, '@', &user))
		*t = try;
}

bool sip_uri_read(struct sl_text uri, struct sip_address *address)
{
	struct sl_text name, value;
	bool wrong = false;

	*address = (struct sip_address){.proto = 0};
	if (!sl_text_prefix(&uri, "sip:") && !sl_text_prefix(&uri, "sips:"))
		return sl_text_left(&uri) != 0; /* tel: and others name no host */
	skip_user(&uri);
	if (!sip_host_read(&uri, &address->host))
		return false;
	while (next_parameter(&uri, "=;?" SPACE, &name, &value, &wrong)) {
		if (sl_text_eq_nocase(&name, "maddr"))
			sip_addr_read(value, &address->maddr);
		else if (sl_text_eq_nocase(&name, "transport"))
			address->proto = transport(&value);
	}
	return !wrong && (!sl_text_left(&uri) || sl_text_peek(&uri) == '?');
}

/* ---- elements of headers --------------------------------------------------------------------- */

/* The URI of [display-name] <uri>, or of a bare one, which has no parameters of its own. */
static bool cut_uri(struct sl_text *t, struct sl_text *uri)
{
	struct sl_text try = *t;

	sip_skip_space(&try);
	if (!skip_quoted(&try))
		sl_text_skip_to(&try, "<,;\"");
	sip_skip_space(&try);
	if (sl_text_char(&try, '<')) {
		if (!sl_text_until(&try, '>', uri))
			return false;
		*t = try;
		return true;
	}
	try = *t;
	sip_skip_space(&try);
	*uri = try;
	sl_text_skip_to(&try, ",;" SPACE);
	uri->end = try.at;
	*t = try;
	return sl_text_left(uri) != 0;
}

bool sip_address_read(struct sl_text *t, struct sip_address *address)
{
	struct sl_text try = *t, uri, name, value;
	bool wrong = false;

	if (!cut_uri(&try, &uri) || !sip_uri_read(uri, address))
		return false;
	while (next_parameter(&try, "=;," SPACE, &name, &value, &wrong))
		if (sl_text_eq_nocase(&name, "expires"))
			address->has_expires = sl_text_uint(&value, UINT32_MAX, &address->expires);
	sip_skip_space(&try);
	if (wrong || (sl_text_left(&try) && !sl_text_char(&try, ',')))
		return false;
	*t = try;
	return true;
}

static void via_parameter(struct sip_via *via, const struct sl_text *name, struct sl_text value)
{
	if (sl_text_eq_nocase(name, "received")) {
		sip_addr_read(value, &via->received);
	} else if (sl_text_eq_nocase(name, "maddr")) {
		sip_addr_read(value, &via->maddr);
	} else if (sl_text_eq_nocase(name, "rport")) {
		via->wants_rport = true;
		via->rport_offset = sl_text_offset(&value);
		via->rport_length = sl_text_left(&value);
		if (!sl_text_uint(&value, 65535, &via->rport) || sl_text_left(&value))
			via->rport_length = 0;
	}
}

/* SIP/2.0/UDP host:port;parameters */
bool sip_via_read(struct sl_text *t, struct sip_via *via)
{
	struct sl_text try = *t, part, name, value;
	bool wrong = false;

	*via = (struct sip_via){.rport = 0};
	sip_skip_space(&try);
	for (unsigned i = 0; i < 2; i++) {
		if (!sl_text_until(&try, '/', &part))
			return false;
		sl_text_trim(&part);
		if (!sl_text_eq_nocase(&part, i ? "2.0" : "SIP"))
			return false;
		sip_skip_space(&try);
	}
	if (!sl_text_token(&try, &part))
		return false;
	sip_skip_space(&try);
	if (!sip_host_read(&try, &via->host))
		return false;
	while (next_parameter(&try, "=;," SPACE, &name, &value, &wrong))
		via_parameter(via, &name, value);
	sip_skip_space(&try);
	if (wrong || (sl_text_left(&try) && !sl_text_char(&try, ',')))
		return false;
	*t = try;
	return true;
}
