/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How FTP spells an endpoint, and which bytes of a line do so: read, and written in the same form.
 */
#include "endpoint.h"

#define TELNET 240 /* bytes from here on are Telnet's commands (RFC 854), IAC among them */

/* ---- reading --------------------------------------------------------------------------------- */

void ftp_telnet_skip(struct sl_text *t)
{
	while (sl_text_peek(t) >= TELNET)
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

static void take_ipv4(const uint32_t *v, struct ftp_announced *a)
{
	uint8_t b[4] = {(uint8_t)v[0], (uint8_t)v[1], (uint8_t)v[2], (uint8_t)v[3]};

	a->endpoint.addr = sl_addr_v4(b);
	a->endpoint.family = SL_IPV4;
}

bool ftp_commas_read(struct sl_text *t, struct ftp_announced *a)
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

bool ftp_long_read(struct sl_text *t, struct ftp_announced *a)
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
static bool read_port(struct sl_text *t, struct ftp_announced *a)
{
	uint32_t port;

	if (!sl_text_uint(t, 0xffffffff, &port) || !sl_text_char(t, a->delimiter))
		return false;
	a->wrong = port > 65535 ? SL_WHY_HELPER_RANGE : SL_WHY_NONE;
	a->endpoint.port = (uint16_t)port;
	return true;
}

static bool read_addr(struct sl_text t, uint32_t family, struct sl_endpoint *e)
{
	uint8_t b[16];

	if (family == 1 ? !sl_text_ipv4(&t, b) : !sl_text_ipv6(&t, b))
		return false;
	e->family = family == 1 ? SL_IPV4 : SL_IPV6;
	e->addr = family == 1 ? sl_addr_v4(b) : sl_addr_v6(b);
	return !sl_text_left(&t);
}

bool ftp_extended_read(struct sl_text *t, struct ftp_announced *a)
{
	struct sl_text try = *t, addr;
	uint32_t family;

	if (!read_delimiter(&try, &a->delimiter) || !sl_text_uint(&try, 2, &family) ||
	        family == 0 || !sl_text_char(&try, a->delimiter))
		return false;
	a->offset = sl_text_offset(&try);
	if (!sl_text_until(&try, a->delimiter, &addr) || !read_addr(addr, family, &a->endpoint) ||
	        !read_port(&try, a))
		return false;
	a->length = sl_text_offset(&try) - 1 - a->offset;
	a->form = AS_EXTENDED;
	*t = try;
	return true;
}

bool ftp_passive_read(struct sl_text *t, struct ftp_announced *a)
{
	struct sl_text try = *t;

	sl_text_skip_to(&try, "(");
	if (!sl_text_char(&try, '(') || !read_delimiter(&try, &a->delimiter) ||
	        !sl_text_char(&try, a->delimiter) || !sl_text_char(&try, a->delimiter))
		return false;
	a->offset = sl_text_offset(&try);
	if (!read_port(&try, a))
		return false;
	a->length = sl_text_offset(&try) - 1 - a->offset;
	a->form = AS_PORT;
	*t = try;
	return true;
}

bool ftp_announced_find(struct sl_text *t, struct ftp_announced *a,
        bool (*read)(struct sl_text *, struct ftp_announced *))
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

void ftp_announced_put(
        struct sl_out *o, const struct ftp_announced *a, const struct sl_endpoint *seen)
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

bool ftp_has_own_delimiter(const struct ftp_announced *a)
{
	return (a->form == AS_EXTENDED || a->form == AS_PORT) && a->delimiter != '|';
}

bool ftp_is_spelled(const struct sl_message *m, const struct ftp_announced *a, const char *usual)
{
	struct sl_text t = m->text, part;

	return !ftp_has_own_delimiter(a) && sl_text_bytes(&t, a->offset, &part) &&
	       sl_text_bytes(&t, a->length, &part) && sl_text_exact(&part, usual) &&
	       !sl_text_left(&part);
}
