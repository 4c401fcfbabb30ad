/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Transport header (RFC 2326 12.39, RFC 7826 18.54): a list of transports, each with parameters
 * behind semicolons, of which those that name ports and addresses are read and rewritten.
 */
#include "rtsp.h"

/* ---- the Transport header -------------------------------------------------------------------- */

/* a or a-b */
static bool read_range(struct sl_text *t, struct rtsp_ports *p)
{
	uint32_t first, last;

	p->offset = sl_text_offset(t);
	if (!sl_text_uint(t, 65535, &first))
		return false;
	last = first;
	if (sl_text_char(t, '-') && !sl_text_uint(t, 65535, &last))
		return false;
	if (first == 0 || last < first || last - first >= SL_ANNOUNCE_PORTS)
		return false;
	p->first = (uint16_t)first;
	p->count = (uint8_t)(last - first + 1);
	p->length = sl_text_offset(t) - p->offset;
	return true;
}

/* "host:port" in quotes, the host may be missing */
static bool read_quoted(struct sl_text *t, struct rtsp_ports *p, unsigned i, uint32_t *port)
{
	struct sl_text in;

	if (!sl_text_char(t, '"'))
		return false;
	p->part[i] = sl_text_offset(t);
	if (!sl_text_until(t, '"', &in))
		return false;
	p->size[i] = sl_text_left(&in);
	if (sl_text_char(&in, '[')) {
		if (!sl_text_until(&in, ']', &p->host[i]) || !sl_text_char(&in, ':'))
			return false;
	} else if (!sl_text_until(&in, ':', &p->host[i])) {
		return false;
	}
	return sl_text_uint(&in, 65535, port) && *port && !sl_text_left(&in);
}

/* "host:port"/"host:port": the second port must be the next one */
static bool read_addresses(struct sl_text *t, struct rtsp_ports *p)
{
	uint32_t first, second;

	p->quoted = true;
	if (!read_quoted(t, p, 0, &first))
		return false;
	p->first = (uint16_t)first;
	p->count = 1;
	if (!sl_text_char(t, '/'))
		return true;
	p->count = 2;
	return read_quoted(t, p, 1, &second) && second == first + 1;
}

static void read_place(struct sl_text *t, struct rtsp_place *p)
{
	p->offset = sl_text_offset(t);
	p->text = *t;
	sl_text_skip_to(t, ";,\r\n \t");
	p->text.end = t->at;
	p->length = sl_text_left(&p->text);
}

/* One "name" or "name=value". */
static bool read_parameter(struct sl_text *t, struct rtsp_transport *r)
{
	if (sl_text_prefix(t, "client_port="))
		return read_range(t, &r->client);
	if (sl_text_prefix(t, "server_port="))
		return read_range(t, &r->server);
	if (sl_text_prefix(t, "dest_addr="))
		return read_addresses(t, &r->client);
	if (sl_text_prefix(t, "src_addr="))
		return read_addresses(t, &r->server);
	if (sl_text_prefix(t, "destination="))
		read_place(t, &r->destination);
	else if (sl_text_prefix(t, "source="))
		read_place(t, &r->source);
	else if (sl_text_word(t, "multicast") || sl_text_prefix(t, "interleaved="))
		r->unicast_udp = false;
	return true;
}

/* What is left of a parameter, quoted strings and all. */
static void skip_parameter(struct sl_text *t)
{
	struct sl_text quoted;

	for (;;) {
		sl_text_skip_to(t, ";,\"");
		if (!sl_text_char(t, '"'))
			return;
		if (!sl_text_until(t, '"', &quoted))
			t->at = t->end;
	}
}

bool rtsp_transport_read(struct sl_text *t, struct rtsp_transport *r)
{
	*r = (struct rtsp_transport){.unicast_udp = true};
	sl_text_skip(t, ", \t\r\n");
	if (!sl_text_left(t))
		return false;
	if (!sl_text_prefix(t, "RTP/") || sl_text_prefix(t, "AVP/TCP") ||
	        sl_text_prefix(t, "SAVP/TCP"))
		r->unicast_udp = false;
	for (;;) {
		skip_parameter(t);
		if (!sl_text_char(t, ';'))
			return true;
		sl_text_skip(t, " \t\r\n");
		if (!read_parameter(t, r))
			r->wrong = true;
	}
}

/* ---- addresses ------------------------------------------------------------------------------- */

static bool read_addr(struct sl_text t, struct sl_endpoint *e)
{
	uint8_t b[4];

	e->port = 0;
	if (sl_text_ipv4(&t, b)) {
		e->addr = sl_addr_v4(b);
		e->family = SL_IPV4;
	} else if (sl_text_ipv6(&t, e->addr.b)) {
		e->family = SL_IPV6;
	} else {
		return false;
	}
	return !sl_text_left(&t);
}

static void put_addr(struct sl_out *o, const struct sl_endpoint *e)
{
	if (e->family == SL_IPV4)
		sl_text_put_ipv4(o, e->addr.b + 12);
	else
		sl_text_put_ipv6(o, e->addr.b);
}

bool rtsp_is_side(
        struct sl_help *help, const struct sl_message *m, struct sl_text text, bool senders)
{
	struct sl_endpoint e;
	struct sl_tuple t;

	if (!sl_text_left(&text))
		return true;
	sl_help_tuple(help, m->dir, &t);
	return read_addr(text, &e) && sl_addr_eq(&e.addr, senders ? &t.src : &t.dst);
}

bool rtsp_ports_at_side(
        struct sl_help *help, const struct sl_message *m, const struct rtsp_ports *p, bool senders)
{
	return rtsp_is_side(help, m, p->host[0], senders) &&
	       rtsp_is_side(help, m, p->host[1], senders);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* a or a-b */
static void write_range(struct sl_edits *edits, const struct rtsp_ports *p, uint16_t first)
{
	char text[16];
	struct sl_out o = sl_out_of(text, sizeof(text));

	if (first == p->first)
		return;
	sl_text_put_uint(&o, first);
	if (p->count > 1) {
		sl_text_put_char(&o, '-');
		sl_text_put_uint(&o, first + (uint32_t)p->count - 1);
	}
	sl_edits_add(edits, p->offset, p->length, text, sl_out_len(&o));
}

/* The i-th "host:port" of those in quotes; the host only if one was written. */
static void write_quoted(struct sl_edits *edits, const struct rtsp_ports *p, unsigned i,
        const struct sl_endpoint *at)
{
	bool v6 = at->family == SL_IPV6, host = sl_text_left(&p->host[i]) != 0;
	char text[SL_EDIT_SIZE];
	struct sl_out o = sl_out_of(text, sizeof(text));
	struct sl_endpoint was;

	if (at->port == p->first &&
	        (!host || (read_addr(p->host[i], &was) && sl_addr_eq(&was.addr, &at->addr))))
		return;
	if (host) {
		sl_text_put_str(&o, v6 ? "[" : "");
		put_addr(&o, at);
		sl_text_put_str(&o, v6 ? "]" : "");
	}
	sl_text_put_char(&o, ':');
	sl_text_put_uint(&o, at->port + i);
	sl_edits_add(edits, p->part[i], p->size[i], text, sl_out_len(&o));
}

void rtsp_ports_write(
        struct sl_edits *edits, const struct rtsp_ports *p, const struct sl_endpoint *at)
{
	if (!p->quoted)
		write_range(edits, p, at->port);
	for (unsigned i = 0; p->quoted && i < p->count; i++)
		write_quoted(edits, p, i, at);
}

void rtsp_place_write(struct sl_help *help, const struct sl_message *m, struct sl_edits *edits,
        const struct rtsp_place *p)
{
	char text[SL_EDIT_SIZE];
	struct sl_out o = sl_out_of(text, sizeof(text));
	struct sl_endpoint was, seen;

	if (!p->length || !read_addr(p->text, &was))
		return;
	seen = was;
	if (!sl_seen_as(help, m->dir, &seen) || sl_addr_eq(&seen.addr, &was.addr))
		return;
	put_addr(&o, &seen);
	sl_edits_add(edits, p->offset, p->length, text, sl_out_len(&o));
}
