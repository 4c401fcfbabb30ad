/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GENA, the events of UPnP: UPnP Device Architecture 1.1 and 2.0, 4 (4.1.2: subscribe; 4.1.3: renew),
 * over HTTP (RFC 9112).
 *
 *	control point (SL_ORIGINAL)			device, TCP, any port
 *
 *	SUBSCRIBE /events
 *	CALLBACK: <http://10.0.0.2:5000/there>		200, SID, TIMEOUT: Second-1800
 *	    <---- TCP to 10.0.0.2, port 5000: NOTIFY, each time something happens ----
 *
 * The device connects to the address that CALLBACK names, for as long as its answer says (a day at
 * most), also when the connection that asked is closed; until the answer for a minute, as the first event may
 * come before it. Under NAT the address and port in CALLBACK are rewritten. A renewal (SUBSCRIBE with SID, on
 * whatever connection of the two hosts) prolongs it; an answer of another status than 200 ends it.
 *
 * Only the device itself may come, and only to the subscriber's own address: a callback to a third
 * host, or to a port below 1024, passes as it is and opens nothing (CVE-2020-12695). UNSUBSCRIBE opens and
 * ends nothing: other subscriptions may have the same callback, and all of them run out.
 *
 * Bodies are stepped over. Where a body's end cannot be known (chunks, or no length) the connection is
 * no longer read.
 */
#include "ssdp.h"

#define DAY      86400
#define USUAL    1800 /* the answer does not say */
#define URLS_MAX 4
#define PART     2048 /* of a body, at a time: less than the longest message */

enum gena_kind { OTHER, SUBSCRIBE, RENEW, HEAD };

struct head {
	struct sl_text method; /* empty: an answer */
	uint32_t status;
	bool understood, has_length, chunked, sid;
	uint32_t length;
	struct sl_text callback; /* empty: none */
	uint32_t timeout;
};

/* ---- reading --------------------------------------------------------------------------------- */

static bool whole_line(struct sl_text *t, struct sl_text *line)
{
	if (!sl_text_until(t, '\n', line))
		return false;
	sl_text_trim(line);
	return true;
}

/* Up to and with the empty line; 0: it is not there yet. */
static size_t head_length(struct sl_text t)
{
	struct sl_text line;

	while (whole_line(&t, &line))
		if (!sl_text_left(&line))
			return sl_text_offset(&t);
	return 0;
}

static uint32_t seconds(struct sl_text value)
{
	uint32_t n;

	if (!sl_text_prefix(&value, "Second-"))
		return USUAL;
	if (sl_text_uint(&value, UINT32_MAX, &n) && !sl_text_left(&value))
		return n < DAY ? n : DAY;
	return sl_text_eq_nocase(&value, "infinite") ? DAY : USUAL;
}

static bool first_line(struct sl_text line, struct head *h)
{
	struct sl_text version;

	if (sl_text_exact(&line, "HTTP/1."))
		return sl_text_token(&line, &version) && sl_text_spaces(&line) &&
		       sl_text_uint(&line, 999, &h->status);
	return sl_text_token(&line, &h->method);
}

/* One header. False: how long the message is cannot be relied on, or a subscription is not plain. */
static bool header(struct sl_text line, struct head *h)
{
	struct sl_text name;

	if (!sl_text_until(&line, ':', &name))
		return false;
	sl_text_spaces(&line);
	if (sl_text_eq_nocase(&name, "Content-Length")) {
		if (h->has_length || !sl_text_uint(&line, UINT32_MAX, &h->length) ||
		        sl_text_left(&line))
			return false;
		h->has_length = true;
	} else if (sl_text_eq_nocase(&name, "Transfer-Encoding")) {
		h->chunked = true;
	} else if (sl_text_eq_nocase(&name, "SID")) {
		h->sid = true;
	} else if (sl_text_eq_nocase(&name, "TIMEOUT")) {
		h->timeout = seconds(line);
	} else if (sl_text_eq_nocase(&name, "CALLBACK")) {
		if (sl_text_left(&h->callback))
			return false;
		h->callback = line;
	}
	return true;
}

static void read_head(struct sl_text t, struct head *h)
{
	struct sl_text line;

	*h = (struct head){.timeout = USUAL};
	if (!whole_line(&t, &line) || !first_line(line, h))
		return;
	h->understood = true;
	while (whole_line(&t, &line) && sl_text_left(&line))
		if (!header(line, h))
			h->understood = false;
}

static bool is_method(const struct head *h, const char *name)
{
	struct sl_text method = h->method;

	return sl_text_exact(&method, name) && !sl_text_left(&method);
}

/* ---- callbacks ------------------------------------------------------------------------------- */

/* "http://" host [":" port], and what follows is the path. *place: host and port. */
static bool endpoint(struct sl_text url, struct sl_endpoint *e, struct sl_text *place)
{
	uint8_t b[16];
	uint32_t port = 80;

	if (!sl_text_prefix(&url, "http://"))
		return false;
	*place = url;
	if (sl_text_char(&url, '[')) {
		if (!sl_text_ipv6(&url, b) || !sl_text_char(&url, ']'))
			return false;
		*e = (struct sl_endpoint){.addr = sl_addr_v6(b), .family = SL_IPV6};
	} else {
		if (!sl_text_ipv4(&url, b))
			return false;
		*e = (struct sl_endpoint){.addr = sl_addr_v4(b), .family = SL_IPV4};
	}
	if (sl_text_char(&url, ':') && !sl_text_uint(&url, 65535, &port))
		return false;
	if (sl_text_left(&url) && sl_text_peek(&url) != '/' && sl_text_peek(&url) != '?')
		return false;
	place->end = url.at;
	e->port = (uint16_t)port;
	e->proto = SL_PROTO_TCP;
	return true;
}

static bool write_endpoint(struct sl_help *help, struct sl_message *m, const struct sl_text *place,
        const struct sl_endpoint *seen)
{
	char text[SL_ADDR_TEXT + 8];
	struct sl_out o = sl_out_of(text, sizeof(text));

	if (seen->family == SL_IPV6) {
		sl_text_put_char(&o, '[');
		sl_text_put_ipv6(&o, seen->addr.b);
		sl_text_put_char(&o, ']');
	} else {
		sl_text_put_ipv4(&o, seen->addr.b + 12);
	}
	sl_text_put_char(&o, ':');
	sl_text_put_uint(&o, seen->port);
	return !o.full && sl_replace(help, m, sl_text_offset(place), sl_text_left(place), text,
	                          sl_out_len(&o));
}

/* One URL: expect events there, and write where there is as the device sees it. */
static enum sl_reason callback(
        struct sl_help *help, struct sl_message *m, struct sl_text url, uint32_t cookie)
{
	struct sl_announcement a = {.class_id = GENA_EVENT,
	        .allow = SL_ALLOW_SHARED,
	        .flags = SL_EXPECT_PERMANENT,
	        .cookie = cookie,
	        .reason = "UPnP events"};
	struct sl_endpoint seen;
	struct sl_text place;
	enum sl_reason why;

	if (!endpoint(url, &a.written, &place))
		return SL_WHY_HELPER_SYNTAX;
	why = sl_expect_announced(help, m, &a, &seen);
	if (why != SL_WHY_NONE)
		return why;
	if (sl_addr_eq(&seen.addr, &a.written.addr) && seen.port == a.written.port)
		return SL_WHY_NONE;
	return write_endpoint(help, m, &place, &seen) ? SL_WHY_NONE : SL_WHY_HELPER_DROP;
}

/* All of <url><url> ... */
static enum sl_help_result callbacks(
        struct sl_help *help, struct sl_message *m, struct sl_text list, uint32_t cookie)
{
	struct sl_text url;

	for (unsigned i = 0; i < URLS_MAX && sl_text_until(&list, '<', &url); i++) {
		enum sl_reason why = SL_WHY_HELPER_SYNTAX;

		if (sl_text_until(&list, '>', &url))
			why = callback(help, m, url, cookie);
		if (why == SL_WHY_HELPER_SYNTAX || why == SL_WHY_HELPER_ADDRESS ||
		        why == SL_WHY_HELPER_PORT)
			sl_note(help, why, "a UPnP callback that cannot be followed");
		else if (why != SL_WHY_NONE)
			return sl_refuse(help, why);
	}
	return SL_PASS;
}

/* ---- requests and answers -------------------------------------------------------------------- */

/* A part of a body, or line ends between messages. */
static bool is_no_head(struct gena *gena, const struct sl_message *m)
{
	struct sl_text t = m->text;

	if (gena->skip[m->dir]) {
		gena->skip[m->dir] -= (uint32_t)sl_text_left(&t);
		return true;
	}
	return sl_text_skip(&t, "\r\n") != 0;
}

static enum gena_kind kind_of(const struct head *h)
{
	if (is_method(h, "HEAD"))
		return HEAD;
	if (!is_method(h, "SUBSCRIBE"))
		return OTHER;
	return h->sid ? RENEW : sl_text_left(&h->callback) ? SUBSCRIBE : OTHER;
}

enum sl_help_result gena_request(struct sl_help *help, struct sl_message *m)
{
	struct gena *gena = sl_help_data(help);
	enum gena_kind kind;
	struct head h;

	if (is_no_head(gena, m))
		return SL_PASS;
	read_head(m->text, &h);
	if (!h.understood || !sl_text_left(&h.method) || h.chunked ||
	        gena->waiting == GENA_REQUESTS)
		return SL_LEAVE;
	gena->skip[m->dir] = h.length;
	kind = kind_of(&h);
	gena->kinds |= (uint64_t)kind << 2 * gena->waiting++;
	return kind == SUBSCRIBE ? callbacks(help, m, h.callback, ++gena->asked) : SL_PASS;
}

/* What the answered request was. */
static enum gena_kind take(struct gena *gena)
{
	enum gena_kind kind = (enum gena_kind)(gena->kinds & 3);

	gena->kinds >>= 2;
	gena->waiting--;
	return kind;
}

static void subscribed(struct sl_help *help, enum gena_kind kind, const struct head *h)
{
	struct gena *gena = sl_help_data(help);
	struct sl_which which = {.classes = 1 << GENA_EVENT};

	if (kind == SUBSCRIBE)
		which.cookie = ++gena->answered;
	if (h->status == 200)
		sl_expect_prolong(help, GENA_EVENT, h->timeout);
	else if (kind == SUBSCRIBE)
		sl_expect_remove(help, &which);
}

enum sl_help_result gena_answer(struct sl_help *help, struct sl_message *m)
{
	struct gena *gena = sl_help_data(help);
	enum gena_kind kind;
	struct head h;

	if (is_no_head(gena, m))
		return SL_PASS;
	read_head(m->text, &h);
	if (!h.understood || !h.status || !gena->waiting)
		return SL_LEAVE;
	if (h.status < 200)
		return SL_PASS; /* another one follows */
	kind = take(gena);
	if (kind == SUBSCRIBE || kind == RENEW)
		subscribed(help, kind, &h);
	if (kind == HEAD || h.status == 204 || h.status == 304)
		return SL_PASS;
	gena->skip[m->dir] = h.length;
	return h.chunked || !h.has_length ? SL_LEAVE : SL_PASS;
}

/* ---- framing --------------------------------------------------------------------------------- */

size_t gena_frame(struct sl_help *help, const struct sl_text *bytes, enum sl_dir dir)
{
	const struct gena *gena = sl_help_data(help);
	size_t left = sl_text_left(bytes), blank;
	struct sl_text t = *bytes;

	left = left < PART ? left : PART;
	if (gena->skip[dir])
		return left < gena->skip[dir] ? left : gena->skip[dir];
	blank = sl_text_skip(&t, "\r\n");
	return blank ? blank : head_length(t);
}

/* Only a SUBSCRIBE may have to be changed: what cannot become one goes on. */
size_t gena_hold(struct sl_help *help, const struct sl_text *begin, enum sl_dir dir)
{
	static const char name[] = "SUBSCRIBE ";
	struct sl_text t = *begin;

	(void)help;
	if (dir == SL_REPLY)
		return sl_text_left(begin);
	for (size_t i = 0; name[i] && sl_text_left(&t); i++)
		if (!sl_text_char(&t, name[i]))
			return sl_text_left(begin);
	return 0;
}
