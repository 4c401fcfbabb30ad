/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FTP: the file transfer protocol. RFC 959; EPRT and EPSV: RFC 2428; LPRT and LPSV: RFC 1639;
 * AUTH: RFC 2228.
 *
 *	client (SL_ORIGINAL)			server (SL_REPLY), TCP 21
 *
 *	PORT 10,0,0,2,200,10			200 ok
 *	EPRT |2|2001:db8::2|51210|		200 ok
 *	LPRT 4,4,10,0,0,2,2,200,10		200 ok
 *	    <---- data connection, from port 20 to the endpoint announced ----
 *
 *	PASV					227 Passive (192,0,2,7,195,80)
 *	EPSV					229 Extended passive (|||50000|)
 *	LPSV					228 Long passive (4,4,192,0,2,7,2,195,80)
 *	    ---- data connection to the endpoint announced ---->
 *
 *	AUTH TLS				234 go ahead: from here on nothing can be read
 *
 * endpoint.c reads and writes the endpoints; linux.c says what Linux makes of a segment.
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

#include "endpoint.h"
#include "linux.h"

#define LINE_MAX 4096

enum { CLASS_DATA };

struct ftp {
	uint8_t passive_asked; /* PASV, EPSV, LPSV that have no answer yet */
	uint8_t auth_asked;
	uint16_t inside; /* code of the reply whose lines go on; 0: none */
	struct ftp_lines lines[2];
};

/* ---- what an announcement leads to ----------------------------------------------------------- */

static enum sl_help_result remark(struct sl_help *help, enum sl_reason why, const char *text)
{
	sl_note(help, why, text);
	return SL_PASS;
}

/* Another host's address, and the operator wants that: expected as it stands, never translated. */
static enum sl_help_result expect_other_host(struct sl_help *help, const struct sl_message *m,
        const struct ftp_announced *a, const char *what)
{
	struct sl_expectation e;
	struct sl_tuple t;
	enum sl_reason why;

	sl_help_tuple(help, !m->dir, &t);
	if (a->endpoint.family != t.family || a->endpoint.port < 1024)
		return remark(help, SL_WHY_HELPER_PORT, what);
	t.sport = 0;
	t.dst = a->endpoint.addr;
	t.dport = a->endpoint.port;
	e = sl_expectation_of(&t);
	e.class_id = CLASS_DATA;
	e.reason = what;
	why = sl_expect_related(help, &e);
	return why == SL_WHY_NONE ? SL_PASS : sl_refuse(help, why);
}

static enum sl_help_result expect(
        struct sl_help *help, struct sl_message *m, const struct ftp_announced *a, const char *what)
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
	ftp_announced_put(&out, a, &seen);
	if (sl_addr_eq(&seen.addr, &a->endpoint.addr) && seen.port == a->endpoint.port) {
		if (sl_help_translated(help) && !ftp_is_spelled(m, a, text))
			sl_help_beyond(help, SL_BEYOND_ADDRESS_TEXT);
		return SL_PASS; /* true as it stands: keep its spelling */
	}
	if (out.full || !sl_replace(help, m, a->offset, a->length, text, sl_out_len(&out)))
		return sl_refuse(help, SL_WHY_HELPER_DROP);
	if ((a->form == AS_EXTENDED && seen.family == SL_IPV6) || ftp_has_own_delimiter(a))
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
	struct ftp_announced a = {.endpoint.proto = SL_PROTO_TCP};
	struct ftp *ftp = sl_help_data(help);
	struct sl_text t = m->text;

	sl_text_trim(&t);
	ftp_telnet_skip(&t);
	if (sl_text_word(&t, "PORT")) {
		if (sl_text_spaces(&t) && ftp_commas_read(&t, &a) && !sl_text_left(&t))
			return expect(help, m, &a, "FTP data, from PORT");
	} else if (sl_text_word(&t, "EPRT")) {
		if (sl_text_spaces(&t) && ftp_extended_read(&t, &a) && !sl_text_left(&t))
			return expect(help, m, &a, "FTP data, from EPRT");
	} else if (sl_text_word(&t, "LPRT")) {
		if (sl_text_spaces(&t) && ftp_long_read(&t, &a) && !sl_text_left(&t))
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
        struct sl_help *help, struct sl_message *m, const struct ftp_announced *a, const char *what)
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
	struct ftp_announced a = {.endpoint.proto = SL_PROTO_TCP};
	struct ftp *ftp = sl_help_data(help);
	struct sl_text t = m->text;
	struct sl_tuple own;

	sl_text_trim(&t);
	ftp_telnet_skip(&t);
	switch (final_code(ftp, &t)) {
	case 227:
		if (ftp_announced_find(&t, &a, ftp_commas_read))
			return passive(help, m, &a, "FTP data, from 227");
		break;
	case 228:
		if (ftp_announced_find(&t, &a, ftp_long_read))
			return passive(help, m, &a, "FTP data, from 228");
		break;
	case 229:
		sl_help_tuple(help, m->dir, &own);
		a.endpoint.addr = own.src;
		a.endpoint.family = own.family;
		if (ftp_passive_read(&t, &a))
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

	ftp_telnet_skip(&t);
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
