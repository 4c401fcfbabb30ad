/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FTP: the file transfer protocol. RFC 959; EPRT and EPSV: RFC 2428; LPRT and LPSV: RFC 1639;
 * AUTH: RFC 2228.
 *
 *	client (SL_ORIGINAL)				server (SL_REPLY)
 *
 *	PORT 10,0,0,2,200,10				200 ok
 *	EPRT |2|2001:db8::2|51210|			200 ok
 *	    <---- data connection, from port 20 to the endpoint announced ----
 *
 *	PASV						227 Entering Passive Mode (192,0,2,7,195,80)
 *	EPSV						229 Entering Extended Passive Mode
 *(|||50000|)
 *	    ---- data connection to the endpoint announced ---->
 *
 *	LPRT 4,4,10,0,0,2,2,200,10			(as PORT)
 *	LPSV						228 Entering Long Passive Mode
 *(4,4,192,0,2,7,2,195,80)
 *
 *	AUTH TLS					234 go ahead: nothing can be read from here
 *on
 *
 * Lines may begin with Telnet commands (ABOR sends IAC IP IAC DM). The 227 text is free, with
 * or without parentheses and with digits in it (RFC 1123 4.1.2.6): the endpoint is the first
 * group of exactly six numbers. In a reply of several lines ("220-" ... "220 ") the lines
 * between are only text.
 *
 * A translated IPv6 address is written as RFC 5952 asks. Linux writes all 32 digits, which servers
 * that compare texts take for another host's address (pyftpdlib does). What is true behind NAT as it
 * stands keeps its spelling, and delimiters are kept always; Linux writes all of it anew.
 *
 * Nothing is expected, and the line passes with a remark, when it announces another host
 * (unless ftp_loose), a port below 1024, numbers out of range, or a passive endpoint
 * that was not asked for on a connection that we saw from its beginning.
 */
#include <sluice/helper.h>

#include "linux.h"

#define LINE_MAX 4096
#define IAC      255 /* Telnet: "interpret as command" (RFC 854) */

enum { CLASS_DATA };

struct ftp {
	uint8_t passive_asked; /* PASV, EPSV, LPSV that have no answer yet */
	uint8_t auth_asked;
	uint16_t inside; /* code of the reply whose lines go on; 0: none */
	struct ftp_lines lines[2];
};

/* An endpoint in a line, and which bytes of the line say so. */
struct announced {
	struct sl_endpoint endpoint;
	size_t offset, length;
	enum { AS_COMMAS, AS_LONG, AS_EXTENDED, AS_PORT } form;
	char delimiter;
	enum sl_reason wrong;
};

/* ---- reading --------------------------------------------------------------------------------- */

static void skip_telnet(struct sl_text *t)
{
	while (sl_text_peek(t) == IAC || sl_text_peek(t) >= 240)
		t->at++;
}

/* `count` numbers with commas between and no more behind; *large: one is over 255. */
static bool numbers(struct sl_text *t, uint32_t *v, unsigned count, bool *large)
{
	struct sl_text try = *t;

	*large = false;
	for (unsigned i = 0; i < count; i++) {
		if (i && (sl_text_spaces(&try), !sl_text_char(&try, ',')))
			return false;
		if (i)
			sl_text_spaces(&try);
		if (!sl_text_uint(&try, 0xffffffff, &v[i]))
			return false;
		*large = *large || v[i] > 255;
	}
	if (sl_text_peek(&try) == ',')
		return false;
	*t = try;
	return true;
}

static void take_ipv4(const uint32_t *v, struct announced *a)
{
	uint8_t b[4] = {(uint8_t)v[0], (uint8_t)v[1], (uint8_t)v[2], (uint8_t)v[3]};

	a->endpoint.addr = sl_addr_v4(b);
	a->endpoint.family = SL_IPV4;
}

/* h1,h2,h3,h4,p1,p2 */
static bool read_commas(struct sl_text *t, struct announced *a)
{
	uint32_t v[6];
	bool large;

	a->offset = sl_text_offset(t);
	if (!numbers(t, v, 6, &large))
		return false;
	a->length = sl_text_offset(t) - a->offset;
	a->form = AS_COMMAS;
	a->wrong = large ? SL_WHY_HELPER_RANGE : SL_WHY_NONE;
	take_ipv4(v, a);
	a->endpoint.port = (uint16_t)(v[4] << 8 | (v[5] & 255));
	return true;
}

/* af,hal,h1..hal,pal,p1..pal: IPv4 is 4,4 and IPv6 is 6,16; ports are 2 bytes. */
static bool read_long(struct sl_text *t, struct announced *a)
{
	uint32_t v[21];
	struct sl_text try = *t;
	uint8_t b[16];
	unsigned size;
	bool large;

	if (!sl_text_uint(&try, 6, &v[0]) || (v[0] != 4 && v[0] != 6))
		return false;
	size = v[0] == 4 ? 4 : 16;
	a->offset = sl_text_offset(t);
	if (!numbers(t, v, size + 5, &large) || v[1] != size || v[size + 2] != 2)
		return false;
	a->length = sl_text_offset(t) - a->offset;
	a->form = AS_LONG;
	a->wrong = large ? SL_WHY_HELPER_RANGE : SL_WHY_NONE;
	for (unsigned i = 0; i < size; i++)
		b[i] = (uint8_t)v[2 + i];
	a->endpoint.family = size == 4 ? SL_IPV4 : SL_IPV6;
	a->endpoint.addr = size == 4 ? sl_addr_v4(b) : sl_addr_v6(b);
	a->endpoint.port = (uint16_t)(v[size + 3] << 8 | (v[size + 4] & 255));
	return true;
}

static bool read_delimiter(struct sl_text *t, char *delimiter)
{
	int c = sl_text_peek(t);

	if (c < 33 || c > 126 || (c >= '0' && c <= '9'))
		return false;
	*delimiter = (char)c;
	t->at++;
	return true;
}

/* A port with its closing delimiter. */
static bool read_port(struct sl_text *t, struct announced *a)
{
	uint32_t port;

	if (!sl_text_uint(t, 0xffffffff, &port) || !sl_text_char(t, a->delimiter))
		return false;
	a->wrong = port > 65535 ? SL_WHY_HELPER_RANGE : SL_WHY_NONE;
	a->endpoint.port = (uint16_t)port;
	return true;
}

/* |1|192.0.2.1|port| or |2|2001:db8::1|port|, with any delimiter */
static bool read_extended(struct sl_text *t, struct announced *a)
{
	struct sl_text addr;
	uint32_t family;
	bool ok;

	if (!read_delimiter(t, &a->delimiter) || !sl_text_uint(t, 2, &family) || family == 0 ||
	        !sl_text_char(t, a->delimiter))
		return false;
	a->offset = sl_text_offset(t);
	if (!sl_text_until(t, a->delimiter, &addr))
		return false;
	if (family == 1) {
		uint8_t b[4];

		ok = sl_text_ipv4(&addr, b);
		a->endpoint.addr = ok ? sl_addr_v4(b) : a->endpoint.addr;
	} else {
		ok = sl_text_ipv6(&addr, a->endpoint.addr.b);
	}
	if (!ok || sl_text_left(&addr) || !read_port(t, a))
		return false;
	a->length = sl_text_offset(t) - 1 - a->offset;
	a->form = AS_EXTENDED;
	a->endpoint.family = family == 1 ? SL_IPV4 : SL_IPV6;
	return true;
}

/* (|||port|): the address is the sender's own */
static bool read_extended_passive(struct sl_text *t, struct announced *a)
{
	if (sl_text_skip_to(t, "("), !sl_text_char(t, '(') || !read_delimiter(t, &a->delimiter) ||
	                                     !sl_text_char(t, a->delimiter) ||
	                                     !sl_text_char(t, a->delimiter))
		return false;
	a->offset = sl_text_offset(t);
	if (!read_port(t, a))
		return false;
	a->length = sl_text_offset(t) - 1 - a->offset;
	a->form = AS_PORT;
	return true;
}

/* The first place in the text where `read` finds what it reads, beginning at a number. */
static bool find(
        struct sl_text *t, struct announced *a, bool (*read)(struct sl_text *, struct announced *))
{
	for (;;) {
		struct sl_text try;

		sl_text_skip_to(t, "0123456789");
		if (!sl_text_left(t))
			return false;
		try = *t;
		if (read(&try, a))
			return true;
		sl_text_skip(t, "0123456789");
	}
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_port(struct sl_out *o, uint16_t port)
{
	sl_text_put_uint(o, port >> 8);
	sl_text_put_char(o, ',');
	sl_text_put_uint(o, port & 255);
}

static void put_long(struct sl_out *o, const struct sl_endpoint *e)
{
	unsigned size = e->family == SL_IPV4 ? 4 : 16;

	sl_text_put_str(o, size == 4 ? "4,4," : "6,16,");
	for (unsigned i = 16 - size; i < 16; i++) {
		sl_text_put_uint(o, e->addr.b[i]);
		sl_text_put_char(o, ',');
	}
	sl_text_put_str(o, "2,");
	put_port(o, e->port);
}

static void put(struct sl_out *o, const struct announced *a, const struct sl_endpoint *seen)
{
	switch (a->form) {
	case AS_COMMAS:
		sl_text_put_ipv4_commas(o, seen->addr.b + 12);
		sl_text_put_char(o, ',');
		put_port(o, seen->port);
		break;
	case AS_LONG:
		put_long(o, seen);
		break;
	case AS_EXTENDED:
		if (seen->family == SL_IPV4)
			sl_text_put_ipv4(o, seen->addr.b + 12);
		else
			sl_text_put_ipv6(o, seen->addr.b);
		sl_text_put_char(o, a->delimiter);
		sl_text_put_uint(o, seen->port);
		break;
	case AS_PORT:
		sl_text_put_uint(o, seen->port);
		break;
	}
}

static bool is_translated(struct sl_help *help)
{
	struct sl_tuple there, back;

	sl_help_tuple(help, SL_ORIGINAL, &there);
	sl_help_tuple(help, SL_REPLY, &back);
	return !sl_addr_eq(&there.src, &back.dst) || !sl_addr_eq(&there.dst, &back.src) ||
	       there.sport != back.dport || there.dport != back.sport;
}

/* Any delimiter may be chosen. It is kept; Linux writes its own. */
static bool has_own_delimiter(const struct announced *a)
{
	return (a->form == AS_EXTENDED || a->form == AS_PORT) && a->delimiter != '|';
}

/* Is the endpoint spelled like this (NUL-terminated), as we and Linux would write it? */
static bool is_spelled(const struct sl_message *m, const struct announced *a, const char *usual)
{
	struct sl_text t = m->text, part;

	return !has_own_delimiter(a) && sl_text_bytes(&t, a->offset, &part) &&
	       sl_text_bytes(&t, a->length, &part) && sl_text_exact(&part, usual) &&
	       !sl_text_left(&part);
}

/* ---- what an announcement leads to ----------------------------------------------------------- */

static enum sl_help_result remark(struct sl_help *help, enum sl_reason why, const char *text)
{
	sl_note(help, why, text);
	return SL_PASS;
}

/* Another host's address, and the operator wants that: expected as it stands, never translated. */
static enum sl_help_result expect_other_host(struct sl_help *help, const struct sl_message *m,
        const struct announced *a, const char *what)
{
	struct sl_expectation e = {.class_id = CLASS_DATA, .reason = what};
	enum sl_reason why;

	sl_help_tuple(help, !m->dir, &e.tuple);
	if (a->endpoint.family != e.tuple.family || a->endpoint.port < 1024)
		return remark(help, SL_WHY_HELPER_PORT, what);
	e.tuple.dst = a->endpoint.addr;
	e.tuple.dport = a->endpoint.port;
	e.tuple.sport = 0;
	for (unsigned i = 0; i < 16; i++)
		e.mask.src.b[i] = e.mask.dst.b[i] = 0xff;
	e.mask.dport = 0xffff;
	e.mask.proto = 0xff;
	e.mask.family = e.tuple.family;
	why = sl_expect_related(help, &e);
	return why == SL_WHY_NONE ? SL_PASS : sl_refuse(help, why);
}

static enum sl_help_result expect(
        struct sl_help *help, struct sl_message *m, const struct announced *a, const char *what)
{
	char text[96] = {0};
	struct sl_out out = sl_out_of(text, sizeof(text) - 1);
	struct sl_endpoint seen;
	enum sl_reason why = a->wrong;

	if (why == SL_WHY_NONE)
		why = sl_expect_endpoint(help, m, &a->endpoint, CLASS_DATA, what, &seen);
	if (why == SL_WHY_HELPER_ADDRESS && sl_help_option(help, "ftp_loose"))
		return expect_other_host(help, m, a, what);
	if (why == SL_WHY_HELPER_ADDRESS || why == SL_WHY_HELPER_PORT || why == SL_WHY_HELPER_RANGE)
		return remark(help, why, what);
	if (why != SL_WHY_NONE)
		return sl_refuse(help, why);
	put(&out, a, &seen);
	if (sl_addr_eq(&seen.addr, &a->endpoint.addr) && seen.port == a->endpoint.port) {
		if (is_translated(help) && !is_spelled(m, a, text))
			sl_help_beyond(help, SL_BEYOND_ADDRESS_TEXT);
		return SL_PASS; /* true as it stands: keep its spelling */
	}
	if (out.full || !sl_replace(help, m, a->offset, a->length, text, sl_out_len(&out)))
		return sl_refuse(help, SL_WHY_HELPER_DROP);
	if ((a->form == AS_EXTENDED && seen.family == SL_IPV6) || has_own_delimiter(a))
		sl_help_beyond(help, SL_BEYOND_ADDRESS_TEXT);
	return SL_PASS;
}

/* ---- the client's lines ---------------------------------------------------------------------- */

static void count(uint8_t *n)
{
	if (*n < 255)
		++*n;
}

static enum sl_help_result request(struct sl_help *help, struct sl_message *m)
{
	struct announced a = {.endpoint.proto = SL_PROTO_TCP};
	struct ftp *ftp = sl_help_data(help);
	struct sl_text t = m->text;

	sl_text_trim(&t);
	skip_telnet(&t);
	if (sl_text_word(&t, "PORT")) {
		if (sl_text_spaces(&t) && read_commas(&t, &a) && !sl_text_left(&t))
			return expect(help, m, &a, "FTP data, from PORT");
	} else if (sl_text_word(&t, "EPRT")) {
		if (sl_text_spaces(&t) && read_extended(&t, &a) && !sl_text_left(&t))
			return expect(help, m, &a, "FTP data, from EPRT");
	} else if (sl_text_word(&t, "LPRT")) {
		if (sl_text_spaces(&t) && read_long(&t, &a) && !sl_text_left(&t))
			return expect(help, m, &a, "FTP data, from LPRT");
	} else if (sl_text_word(&t, "PASV") || sl_text_word(&t, "EPSV") ||
	           sl_text_word(&t, "LPSV")) {
		count(&ftp->passive_asked);
	} else if (sl_text_word(&t, "AUTH")) {
		count(&ftp->auth_asked);
	}
	return SL_PASS;
}

/* ---- the server's lines ---------------------------------------------------------------------- */

/* A reply code, if the line is the last (or only) one of a reply; else 0. */
static uint32_t final_code(struct ftp *ftp, struct sl_text *t)
{
	struct sl_text digits = *t;
	uint32_t code;

	if (!sl_text_uint(&digits, 999, &code) || sl_text_offset(&digits) - sl_text_offset(t) != 3)
		return 0;
	if (sl_text_peek(&digits) == '-') {
		if (!ftp->inside)
			ftp->inside = (uint16_t)code;
		return 0;
	}
	if (sl_text_left(&digits) && sl_text_peek(&digits) != ' ')
		return 0;
	if (ftp->inside && ftp->inside != code)
		return 0;
	ftp->inside = 0;
	*t = digits;
	return code;
}

static enum sl_help_result passive(
        struct sl_help *help, struct sl_message *m, const struct announced *a, const char *what)
{
	struct ftp *ftp = sl_help_data(help);

	if (ftp->passive_asked)
		ftp->passive_asked--;
	else if (sl_seen_from_start(help))
		return remark(help, SL_WHY_HELPER_UNASKED, what);
	return expect(help, m, a, what);
}

static enum sl_help_result answer(struct sl_help *help, struct sl_message *m)
{
	struct announced a = {.endpoint.proto = SL_PROTO_TCP};
	struct ftp *ftp = sl_help_data(help);
	struct sl_text t = m->text;
	struct sl_tuple own;

	sl_text_trim(&t);
	skip_telnet(&t);
	switch (final_code(ftp, &t)) {
	case 227:
		if (find(&t, &a, read_commas))
			return passive(help, m, &a, "FTP data, from 227");
		break;
	case 228:
		if (find(&t, &a, read_long))
			return passive(help, m, &a, "FTP data, from 228");
		break;
	case 229:
		sl_help_tuple(help, m->dir, &own);
		a.endpoint.addr = own.src;
		a.endpoint.family = own.family;
		if (read_extended_passive(&t, &a))
			return passive(help, m, &a, "FTP data, from 229");
		break;
	case 234:
		if (!ftp->auth_asked && sl_seen_from_start(help))
			break;
		sl_note(help, SL_WHY_HELPER_ENCRYPTED, "AUTH accepted");
		return SL_LEAVE;
	}
	return SL_PASS;
}

/* ---- incomplete lines ------------------------------------------------------------------------ */

/* Only what may be, or become, part of an endpoint has to wait for the rest of its line. */
static size_t hold(struct sl_help *help, const struct sl_text *begin, enum sl_dir dir)
{
	struct ftp *ftp = sl_help_data(help);
	struct sl_text t = *begin;

	skip_telnet(&t);
	if (dir == SL_ORIGINAL) {
		if (sl_text_word(&t, "PORT") || sl_text_word(&t, "EPRT") ||
		        sl_text_word(&t, "LPRT")) {
			sl_text_spaces(&t);
			return sl_text_offset(&t);
		}
	} else if (!ftp->inside || (ftp->inside >= 227 && ftp->inside <= 229)) {
		if (sl_text_exact(&t, "227 ") || sl_text_exact(&t, "228 ") ||
		        sl_text_exact(&t, "229 ")) {
			sl_text_skip_to(&t, "0123456789");
			return sl_text_offset(&t);
		}
	}
	return sl_text_offset(begin) + sl_text_left(begin);
}

static void linux_view(
        struct sl_help *help, const struct sl_segment *segment, struct sl_linux_view *out)
{
	struct ftp *ftp = sl_help_data(help);
	struct sl_tuple own;

	sl_help_tuple(help, segment->dir, &own);
	ftp_linux_look(&ftp->lines[segment->dir], segment, &own, out);
}

const struct sl_helper sl_helper_ftp = {
        SL_HELPER_HEADER,
        .name = "ftp",
        .match = {{.proto = SL_PROTO_TCP, .port = 21}},
        .classes = {[CLASS_DATA] = {.name = "data", .max = 1, .timeout = 300}},
        .framing = SL_FRAME_LINE,
        .message_max = LINE_MAX,
        .data_size = sizeof(struct ftp),
        .message = {[SL_ORIGINAL] = request, [SL_REPLY] = answer},
        .hold = hold,
        .linux_view = linux_view,
        .options = {{"ftp_loose", 0, 1, "other hosts' addresses may be announced"}},
};
