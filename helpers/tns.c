/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TNS, by which clients of Oracle databases reach their servers. No public text; what is known of it from
 * dissectors and clients.
 *
 *	client (SL_ORIGINAL)			listener (SL_REPLY), TCP 1521
 *
 *	CONNECT (1)
 *						REDIRECT (5): (ADDRESS=(PROTOCOL=tcp)(HOST=192.0.2.10)(PORT=40001))
 *	    ---- a new connection to that address: CONNECT again ---->
 *
 *	CONNECT (1)
 *						ACCEPT (2): data follow, in another framing
 *
 * A packet begins with its length (2 bytes), 2 bytes of checksum, its type, a byte of flags, and 2
 * bytes of checksum. A REDIRECT goes on with the length of its text, and the text: nested parentheses of
 * NAME=value, perhaps a NUL and what to connect with. The first address in it is read, before any NUL.
 *
 * It counts if its protocol is TCP, and its host the server's own address (a name opens nothing). Where
 * the client goes then, it may be redirected once more. After ACCEPT nothing is read.
 */
#include <sluice/helper.h>

#define HEADER    8
#define TEXT_MAX  2048
#define LENGTH_AT 8 /* of a REDIRECT's text */

enum type { ACCEPT = 2, REDIRECT = 5 };
enum { CLASS_SERVER };

/* The value of the first NAME=value in parentheses. */
static bool value(struct sl_text t, const char *name, struct sl_text *out)
{
	while (sl_text_until(&t, '(', out)) {
		sl_text_spaces(&t);
		if (!sl_text_prefix(&t, name))
			continue;
		sl_text_spaces(&t);
		if (!sl_text_char(&t, '='))
			continue;
		sl_text_spaces(&t);
		if (!sl_text_until(&t, ')', out))
			return false;
		sl_text_trim(out);
		return true;
	}
	return false;
}

static bool address(struct sl_text t, struct sl_endpoint *e)
{
	uint8_t v4[4];

	e->family = sl_text_ipv4(&t, v4) ? SL_IPV4 : SL_IPV6;
	if (e->family == SL_IPV4)
		e->addr = sl_addr_v4(v4);
	else if (!sl_text_ipv6(&t, e->addr.b))
		return false;
	return !sl_text_left(&t);
}

/* The text of a REDIRECT, up to a NUL. False: it is not one, or its text comes otherwise. */
static bool redirect_text(struct sl_text t, struct sl_text *text)
{
	struct sl_text whole;
	uint16_t n;

	if (!sl_text_bytes(&t, HEADER, NULL) || !sl_text_u16(&t, &n) ||
	        !sl_text_bytes(&t, n, &whole) || sl_text_left(&t))
		return false;
	*text = whole;
	if (sl_text_until(&whole, '\0', text))
		return true;
	return n != 0;
}

/* An address that can be opened; which bytes of the message are its host and port. */
static bool read_address(
        struct sl_text t, struct sl_endpoint *e, struct sl_text *host, struct sl_text *port)
{
	struct sl_text protocol, digits;
	uint32_t number;

	if (!sl_text_find(&t, "(ADDRESS") || !value(t, "PROTOCOL", &protocol) ||
	        !value(t, "HOST", host) || !value(t, "PORT", port))
		return false;
	digits = *port;
	if ((!sl_text_eq_nocase(&protocol, "tcp") && !sl_text_eq_nocase(&protocol, "tcps")) ||
	        !sl_text_uint(&digits, 65535, &number) || sl_text_left(&digits) || !number)
		return false;
	e->proto = SL_PROTO_TCP;
	e->port = (uint16_t)number;
	return address(*host, e);
}

static void put_length(struct sl_edits *edits, size_t at, int64_t length)
{
	char two[2];
	struct sl_out out = sl_out_of(two, sizeof(two));

	sl_text_put_u16(&out, (uint16_t)length);
	sl_edits_add(edits, at, sizeof(two), two, sizeof(two));
}

static void put_endpoint(struct sl_edits *edits, const struct sl_endpoint *e,
        const struct sl_text *host, const struct sl_text *port)
{
	char text[SL_EDIT_SIZE];
	struct sl_out out = sl_out_of(text, sizeof(text));

	if (e->family == SL_IPV4)
		sl_text_put_ipv4(&out, e->addr.b + 12);
	else
		sl_text_put_ipv6(&out, e->addr.b);
	sl_edits_add(edits, sl_text_offset(host), sl_text_left(host), text, sl_out_len(&out));
	out = sl_out_of(text, sizeof(text));
	sl_text_put_uint(&out, e->port);
	sl_edits_add(edits, sl_text_offset(port), sl_text_left(port), text, sl_out_len(&out));
}

static enum sl_help_result redirect(struct sl_help *help, struct sl_message *m)
{
	struct sl_announcement a = {
	        .class_id = CLASS_SERVER, .helper = sl_help_record(help), .reason = "TNS redirect"};
	struct sl_edits edits = {.count = 0};
	struct sl_text text, host, port;
	struct sl_endpoint written = {0}, seen;
	struct sl_tuple own, other;
	int64_t growth, length = (int64_t)sl_text_left(&m->text);
	enum sl_reason why;

	if (!redirect_text(m->text, &text) || !read_address(text, &written, &host, &port)) {
		sl_note(help, SL_WHY_HELPER_UNKNOWN, "TNS: a redirect to no address");
		return SL_PASS;
	}
	sl_help_tuple(help, m->dir, &own);
	sl_help_tuple(help, !m->dir, &other);
	a.written = written;
	if (sl_addr_eq(&written.addr, &other.dst))
		a.written.addr = own.src; /* as the world sees it */
	why = sl_expect_announced(help, m, &a, &seen);
	if (why == SL_WHY_HELPER_ADDRESS || why == SL_WHY_HELPER_PORT) {
		sl_note(help, why, a.reason);
		return SL_PASS;
	}
	if (why != SL_WHY_NONE)
		return sl_refuse(help, why);
	if (sl_addr_eq(&seen.addr, &written.addr) && seen.port == written.port)
		return SL_PASS;
	put_endpoint(&edits, &seen, &host, &port);
	growth = sl_edits_growth(&edits, 0);
	if (growth) {
		put_length(&edits, 0, length + growth);
		put_length(&edits, LENGTH_AT, length - HEADER - 2 + growth);
	}
	return sl_edits_make(&edits, help, m) ? SL_PASS : sl_refuse(help, SL_WHY_HELPER_DROP);
}

static uint8_t type_of(struct sl_text t)
{
	uint8_t type = 0;

	if (sl_text_bytes(&t, 4, NULL))
		sl_text_u8(&t, &type);
	return type;
}

static enum sl_help_result answer(struct sl_help *help, struct sl_message *m)
{
	switch ((enum type)type_of(m->text)) {
	case ACCEPT:
		return SL_LEAVE;
	case REDIRECT:
		return redirect(help, m);
	}
	return SL_PASS;
}

/* Only redirects change, and their length stands first. */
static size_t hold(struct sl_help *help, const struct sl_text *begin, enum sl_dir dir)
{
	uint8_t type = type_of(*begin);

	(void)help, (void)dir;
	return type && type != REDIRECT ? sl_text_left(begin) : 0;
}

const struct sl_helper sl_helper_tns = {
        SL_HELPER_HEADER,
        .name = "tns",
        .match = {{.proto = SL_PROTO_TCP, .port = 1521}},
        .classes = {[CLASS_SERVER] = {.name = "server", .max = 1, .timeout = 60}},
        .framing = SL_FRAME_LENGTH,
        .length_size = 2,
        .message_max = TEXT_MAX,
        .message = {[SL_REPLY] = answer},
        .hold = hold,
        .by_request = true,
};
