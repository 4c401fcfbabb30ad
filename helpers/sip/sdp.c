/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The session description (RFC 8866, before that RFC 4566) in a SIP body.
 *
 *	o=bob 1 1 IN IP4 10.0.0.2
 *	c=IN IP4 10.0.0.2		of all streams that have none of their own
 *	m=audio 49170 RTP/AVP 0		RTP to 49170, RTCP to 49171
 *	m=video 51372 RTP/AVP 31
 *	c=IN IP4 10.0.0.2
 *	a=rtcp:53020			RTCP to another port (RFC 3605)
 *	a=rtcp-mux			RTCP to the same port, in an answer (RFC 5761)
 *
 * Audio, video and image streams over UDP are looked at; a port of 0 is a stream that is not
 * wanted. RTP is on an even port and RTCP on the next one: both are expected, kept together,
 * and stay even and odd. For an odd port the pair that it belongs to is taken, as Linux does.
 *
 * A stream's address must be its sender's own, unless sip_direct_media is 0. Any other (the
 * 0.0.0.0 of a call on hold, a third host, a name) opens nothing and stays as it is.
 *
 * Two phones behind one address, whose call a proxy outside leads back in: what one is told of the
 * other is an endpoint that the gateway keeps for that other. With sip_direct_media 0 it is told
 * the other's own one, as in Linux, and their media do not come to the gateway's public address.
 *
 * What goes on on another connection (a proxy that calls back, a new INVITE the other way round) may
 * announce media that are expected already: then nothing is added, and the endpoint is the same.
 *
 * ICE candidates (RFC 8839) stay as they are, with a remark: phones that use them find their way
 * without us, and an address among them that is not what they see would only spoil their checks.
 *
 * In a body of many parts (RFC 5621) the description begins at "v=0" and ends at the boundary.
 */
#include "sip.h"

#define PORT_MIN 1024

/* ---- reading --------------------------------------------------------------------------------- */

/* "IN IP4 address", up to the end. A multicast group's "/ttl" makes it no address of anybody. */
static bool read_network(struct sl_text t, struct sip_place *place)
{
	uint32_t family;

	if (!sl_text_word(&t, "IN") || !sl_text_spaces(&t) || !sl_text_prefix(&t, "IP") ||
	        !sl_text_uint(&t, 6, &family) || (family != 4 && family != 6) ||
	        !sl_text_spaces(&t))
		return false;
	sip_addr_read(t, place);
	if (place->is_addr && place->endpoint.family != family)
		return false;
	return sl_text_left(&t) != 0;
}

/* user session version IN IP4 address */
static bool read_owner(struct sl_text t, struct sip_sdp *sdp)
{
	struct sl_text word;

	for (unsigned i = 0; i < 3; i++)
		if (!sl_text_token(&t, &word) || !sl_text_spaces(&t))
			return false;
	return read_network(t, &sdp->owner);
}

static bool read_port(struct sl_text *t, struct sip_place *port)
{
	uint32_t v;

	port->offset = sl_text_offset(t);
	if (!sl_text_uint(t, 65535, &v))
		return false;
	port->length = sl_text_offset(t) - port->offset;
	port->endpoint.port = (uint16_t)v;
	return true;
}

static uint8_t class_of(const struct sl_text *media, struct sl_text proto)
{
	if (!sl_text_prefix(&proto, "RTP/") && !sl_text_prefix(&proto, "UDP/") &&
	        !sl_text_word(&proto, "udptl") && !sl_text_word(&proto, "udp"))
		return SIP_SIGNALLING;
	return sl_text_eq_nocase(media, "audio")   ? SIP_AUDIO
	       : sl_text_eq_nocase(media, "video") ? SIP_VIDEO
	       : sl_text_eq_nocase(media, "image") ? SIP_IMAGE
	                                           : SIP_SIGNALLING;
}

/* media port[/count] proto formats */
static bool read_media(struct sl_text t, struct sip_sdp *sdp)
{
	struct sl_text media, proto;
	struct sip_stream *s;
	uint32_t pairs = 1;

	if (sdp->count == SIP_STREAMS)
		return false;
	s = &sdp->stream[sdp->count++];
	*s = (struct sip_stream){.pairs = 1};
	if (!sl_text_token(&t, &media) || !sl_text_spaces(&t) || !read_port(&t, &s->port))
		return false;
	if (sl_text_char(&t, '/') &&
	        (!sl_text_uint(&t, SL_ANNOUNCE_PORTS / 2, &pairs) || pairs == 0))
		return false;
	s->pairs = (uint8_t)pairs;
	if (!sl_text_spaces(&t) || !sl_text_token(&t, &proto))
		return false;
	s->class_id = class_of(&media, proto);
	return true;
}

static bool read_attribute(struct sl_text t, struct sip_sdp *sdp)
{
	struct sip_stream *s = sdp->count ? &sdp->stream[sdp->count - 1] : NULL;

	if (!s)
		return true;
	if (sl_text_prefix(&t, "candidate:"))
		sdp->ice = true;
	if (sl_text_prefix(&t, "rtcp:"))
		return read_port(&t, &s->rtcp) &&
		       (!sl_text_spaces(&t) || read_network(t, &s->rtcp_addr));
	if (sl_text_eq_nocase(&t, "rtcp-mux"))
		s->mux = true;
	return true;
}

static bool read_line(char type, struct sl_text value, struct sip_sdp *sdp)
{
	struct sip_place *connection =
	        sdp->count ? &sdp->stream[sdp->count - 1].connection : &sdp->connection;

	switch (type) {
	case 'o':
		return !sdp->owner.length && read_owner(value, sdp);
	case 'c':
		/* several c= are addresses of a layered multicast; then none is translated */
		return !connection->length && read_network(value, connection);
	case 'm':
		return read_media(value, sdp);
	case 'a':
		return read_attribute(value, sdp);
	default:
		return true;
	}
}

/* Steps to the first part that is a description; its end is known when it is read. */
static bool find_part(struct sl_text *t)
{
	struct sl_text at, line;

	for (at = *t; sl_text_line(t, &line); at = *t) {
		if (sl_text_exact(&line, "v=")) {
			*t = at;
			return true;
		}
	}
	return false;
}

bool sip_sdp_read(struct sl_text t, bool many_parts, struct sip_sdp *sdp)
{
	struct sl_text line;
	bool first = true;

	*sdp = (struct sip_sdp){.count = 0};
	if (many_parts && !find_part(&t))
		return true; /* another kind of body */
	while (sl_text_line(&t, &line)) {
		struct sl_text end = line;
		char type = (char)sl_text_peek(&line);

		if (many_parts && sl_text_exact(&end, "--"))
			break;
		sl_text_trim(&line);
		if (!sl_text_left(&line))
			continue;
		line.at++;
		if (!sl_text_char(&line, '=') || (first && type != 'v') ||
		        !read_line(type, line, sdp))
			return false;
		first = false;
	}
	/* Each stream that counts must have an address. */
	for (unsigned i = 0; i < sdp->count; i++)
		if (sdp->stream[i].class_id && !sdp->stream[i].connection.length &&
		        !sdp->connection.length)
			return false;
	return true;
}

/* ---- what is expected ------------------------------------------------------------------------ */

static const struct sip_place *connection_of(const struct sip_sdp *sdp, const struct sip_stream *s)
{
	return s->connection.length ? &s->connection : &sdp->connection;
}

static bool is_any(const struct sl_endpoint *e)
{
	static const uint8_t none[4];
	struct sl_addr any = e->family == SL_IPV4 ? sl_addr_v4(none) : (struct sl_addr){{0}};

	return sl_addr_eq(&e->addr, &any);
}

/* May media come to this address, which the message's sender names? */
static bool wanted(const struct sip_work *w, const struct sip_place *connection)
{
	struct sl_tuple own;

	if (!connection->is_addr || is_any(&connection->endpoint))
		return false;
	sl_help_tuple(w->help, w->m->dir, &own);
	if (sl_addr_eq(&connection->endpoint.addr, &own.src))
		return true;
	if (sl_help_option(w->help, "sip_direct_media") ||
	        connection->endpoint.family != own.family)
		return false;
	/* Who lies in the message's own direction gets his media without crossing us. */
	return !sl_help_option(w->help, "sip_external_media") ||
	       !sl_help_same_way(w->help, &connection->endpoint.addr);
}

/* Both ends are inside: *seen becomes the one that is behind the public endpoint. */
static bool is_inside(struct sip_work *w, const struct sip_stream *s, struct sl_endpoint *seen)
{
	struct sl_endpoint behind;

	if (!w->translated || !sl_expected_behind(w->help, s->class_id, seen, &behind))
		return false;
	*seen = behind;
	return true;
}

/* Anybody may send to these ports; nothing is translated. */
static enum sl_reason expect_inside(struct sip_work *w, const struct sip_stream *s,
        const struct sl_endpoint *to, unsigned ports)
{
	struct sl_expectation e = {
	        .class_id = s->class_id, .cookie = w->head.call, .reason = "SIP media inside"};
	enum sl_reason why = SL_WHY_NONE;
	unsigned first = to->family == SL_IPV4 ? 12 : 0;

	e.tuple = (struct sl_tuple){
	        .dst = to->addr, .dport = to->port, .proto = to->proto, .family = to->family};
	e.mask = (struct sl_tuple){.dport = 0xffff, .proto = 0xff, .family = to->family};
	for (unsigned i = 0; i < 16; i++) {
		e.mask.dst.b[i] = 0xff;
		e.mask.src.b[i] = i < first ? 0xff : 0;
		e.tuple.src.b[i] = i < first ? to->addr.b[i] : 0; /* any address of that family */
	}
	for (unsigned i = 0; i < ports && (why == SL_WHY_NONE || why == SL_WHY_EXPECT_CLASH); i++) {
		why = sl_expect_related(w->help, &e);
		e.tuple.dport++;
	}
	return why == SL_WHY_EXPECT_CLASH ? SL_WHY_NONE : why; /* the other one said so too */
}

static enum sl_reason announce(struct sip_work *w, const struct sip_stream *s,
        const struct sl_addr *addr, uint16_t port, unsigned ports, struct sl_endpoint *seen)
{
	static const char *const reasons[] = {NULL, "SIP audio", "SIP video", "SIP image"};
	bool direct = sl_help_option(w->help, "sip_direct_media") != 0;
	struct sl_announcement a = {.class_id = s->class_id,
	        .ports = (uint8_t)ports,
	        .from = direct ? SL_FROM_PEER : SL_FROM_ANYONE,
	        .allow = SL_ALLOW_OTHER_HOST /* wanted() has decided */ | SL_ALLOW_SHARED,
	        .cookie = w->head.call,
	        .reason = reasons[s->class_id]};
	struct sl_tuple own;
	enum sl_reason why;

	sl_help_tuple(w->help, w->m->dir, &own);
	a.written = (struct sl_endpoint){
	        .addr = *addr, .port = port, .family = own.family, .proto = SL_PROTO_UDP};
	*seen = a.written;
	if (!direct && is_inside(w, s, seen))
		return expect_inside(w, s, seen, ports);
	why = sl_expect_announced(w->help, w->m, &a, seen);
	/* Without NAT the message is true, whoever else expects something there. */
	return why == SL_WHY_EXPECT_CLASH && !w->translated ? SL_WHY_NONE : why;
}

static void write_port(struct sl_edits *edits, const struct sip_place *place, uint16_t port)
{
	char text[8];
	struct sl_out out = sl_out_of(text, sizeof(text));

	if (place->endpoint.port == port)
		return;
	sl_text_put_uint(&out, port);
	sl_edits_add(edits, place->offset, place->length, text, sl_out_len(&out));
}

/* Which ports in a row belong to the stream: from *first on. */
static unsigned row_of(const struct sip_work *w, const struct sip_stream *s, uint16_t *first)
{
	uint16_t port = s->port.endpoint.port;

	*first = port;
	if (s->mux && !w->head.is_request)
		return s->pairs;
	if (s->rtcp.length && s->rtcp.endpoint.port != port + 1)
		return 1;
	*first = port & 0xfffe;
	return 2u * s->pairs;
}

/* Does Linux open other ports than these? */
static void tell_beyond(struct sip_work *w, const struct sip_stream *s, unsigned ports)
{
	if (ports == 1 || s->pairs > 1)
		sip_tell(w, SL_BEYOND_SYNTAX);
}

/* One stream: its ports, then RTCP's own. *seen is where RTP goes. */
static enum sl_reason expect_stream(
        struct sip_work *w, const struct sip_stream *s, struct sl_endpoint *seen)
{
	const struct sl_addr *addr = &connection_of(&w->sdp, s)->endpoint.addr;
	struct sl_endpoint rtcp;
	enum sl_reason why;
	uint16_t first;
	unsigned ports = row_of(w, s, &first);

	tell_beyond(w, s, ports);
	why = announce(w, s, addr, first, ports, seen);
	if (why != SL_WHY_NONE)
		return why;
	seen->port = (uint16_t)(seen->port + (s->port.endpoint.port - first));
	write_port(&w->edits, &s->port, seen->port);
	if (!s->rtcp.length)
		return SL_WHY_NONE;
	rtcp.port = (uint16_t)(seen->port + 1);
	if (s->mux && !w->head.is_request)
		rtcp.port = seen->port;
	else if (ports == 1)
		why = announce(w, s, addr, s->rtcp.endpoint.port, 1, &rtcp);
	if (why == SL_WHY_NONE)
		write_port(&w->edits, &s->rtcp, rtcp.port);
	return why;
}

/* ---- a description's way --------------------------------------------------------------------- */

static bool is_senders(const struct sip_work *w, const struct sl_endpoint *e)
{
	struct sl_tuple own;

	sl_help_tuple(w->help, w->m->dir, &own);
	return sl_addr_eq(&e->addr, &own.src);
}

/* As it is seen where media are expected, or (NULL) as its sender is. */
static void write_addr(
        struct sip_work *w, const struct sip_place *place, const struct sl_endpoint *seen)
{
	struct sl_endpoint to = place->endpoint;

	if (!place->is_addr)
		return;
	if (seen)
		to.addr = seen->addr;
	else if (!is_senders(w, &to) || !sl_seen_as(w->help, w->m->dir, &to))
		return;
	to.port = 0;
	sip_place_write(&w->edits, place, &to);
}

static bool low_port(const struct sip_work *w, const struct sip_stream *s)
{
	return s->class_id && s->port.endpoint.port && wanted(w, connection_of(&w->sdp, s)) &&
	       (s->port.endpoint.port < PORT_MIN ||
	               (s->rtcp.length && s->rtcp.endpoint.port < PORT_MIN));
}

/* Is every port one that may be opened? All is asked before anything is opened. */
static bool acceptable(const struct sip_work *w)
{
	for (unsigned i = 0; i < w->sdp.count; i++)
		if (low_port(w, &w->sdp.stream[i]) ||
		        w->sdp.stream[i].port.endpoint.port > 65535 - SL_ANNOUNCE_PORTS)
			return false;
	return true;
}

/* Linux writes the last stream's address there, whatever it was; IPv6's it does not find, and drops. */
static void tell_owner(struct sip_work *w, const struct sl_endpoint *owner, bool last)
{
	if (!w->translated || !w->sdp.owner.is_addr)
		return;
	if (owner->family == SL_IPV6)
		sip_tell(w, SL_BEYOND_SYNTAX);
	else if (is_senders(w, owner) != last)
		sip_tell(w, SL_BEYOND_ADDRESS_TEXT);
}

enum sl_reason sip_sdp_expect(struct sip_work *w)
{
	struct sl_endpoint session_seen = {.port = 0}, seen;
	const struct sl_endpoint owner = w->sdp.owner.endpoint;
	bool session = false, last = false;

	if (!acceptable(w)) {
		sl_note(w->help, SL_WHY_HELPER_PORT, "SIP media");
		w->edits.count = 0;
		w->translated = false;
		return SL_WHY_NONE;
	}
	if (w->sdp.ice && w->translated)
		sl_note(w->help, SL_WHY_HELPER_UNKNOWN, "SIP: ICE candidates are left alone");
	for (unsigned i = 0; i < w->sdp.count; i++) {
		const struct sip_stream *s = &w->sdp.stream[i];
		enum sl_reason why;

		if (!s->class_id || !s->port.endpoint.port ||
		        !wanted(w, connection_of(&w->sdp, s))) {
			write_addr(w, &s->connection, NULL);
			last = last && (!s->class_id || !s->port.endpoint.port);
			continue;
		}
		why = expect_stream(w, s, &seen);
		if (why != SL_WHY_NONE)
			return why;
		last = true;
		write_addr(w, &s->connection, &seen);
		write_addr(w, &s->rtcp_addr, NULL);
		if (!s->connection.length) {
			session = true;
			session_seen = seen;
		}
	}
	write_addr(w, &w->sdp.connection, session ? &session_seen : NULL);
	write_addr(w, &w->sdp.owner, NULL);
	tell_owner(w, &owner, last);
	return SL_WHY_NONE;
}
