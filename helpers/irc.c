/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IRC: direct client connections (DCC). RFC 1459, 2812; message tags: IRCv3; CTCP and DCC:
 * draft-oakley-irc-ctcp, the DCC text of 1994.
 *
 *	client (SL_ORIGINAL)					server (SL_REPLY)
 *
 *	PRIVMSG bob :^ADCC SEND file.txt 167772162 5000 1234^A
 *	PRIVMSG bob :^ADCC CHAT chat 167772162 5000^A
 *	    <---- bob, whoever that is, connects to 10.0.0.2, port 5000 ----
 *
 *					:bob!b@h PRIVMSG alice :^ADCC RESUME file.txt 5000 600^A
 *	PRIVMSG bob :^ADCC ACCEPT file.txt 5000 600^A
 *
 *	PRIVMSG bob :^ADCC SEND file.txt 167772162 0 1234 77^A	passive: port 0 and a token
 *					:bob!b@h PRIVMSG alice :^ADCC SEND file.txt 3325256705 6000 1234 77^A
 *	    ---- alice connects to bob ---->
 *
 * (^A is the byte 1.) Offers stand in PRIVMSG and NOTICE, anywhere in the text, several in a
 * line, in any case; file names may be quoted; before the command may be tags (@...) and a
 * prefix (:...). An address is an IPv4 address as one decimal number, or text (IPv4 or IPv6).
 *
 * An offer counts when the client makes it and the address is the client's own (as it sees it,
 * or as the world does): then anybody may connect, because nobody can know where bob is. What
 * the server sends are other clients' offers, whose address cannot be checked: they pass, and
 * nothing is expected. RESUME and ACCEPT name an offer by its port: if that was translated,
 * they are too. A passive offer has nothing to expect; its address is made true.
 *
 * TSEND and SCHAT pass with a remark. STARTTLS (670): nothing can be read from there on.
 */
#include <sluice/helper.h>

#define LINE_MAX   (8191 + 512) /* with tags */
#define OFFERS_MAX 8
#define CTCP       '\1'

enum { CLASS_DCC };

/* Ports of the client's offers: as it wrote them, and as the others were told. */
struct irc {
	struct {
		uint16_t written, seen;
	} offer[OFFERS_MAX];
	uint8_t next;
};

/* One DCC message: which bytes of the line are its address and port. */
struct dcc {
	struct sl_endpoint endpoint;
	size_t addr_at, addr_len, port_at, port_len;
	bool as_number; /* the address is one decimal number */
};

/* ---- reading ------------------------------------------------------------------------------ */

/* Tags and prefix, then PRIVMSG or NOTICE and its target; the cursor is then in the text. */
static bool command(struct sl_text *t)
{
	struct sl_text part;

	while (sl_text_peek(t) == '@' || sl_text_peek(t) == ':') {
		if (!sl_text_until(t, ' ', &part))
			return false;
		sl_text_skip(t, " ");
	}
	if (!sl_text_word(t, "PRIVMSG") && !sl_text_word(t, "NOTICE"))
		return false;
	sl_text_skip(t, " ");
	return sl_text_token(t, &part);
}

/* A file name, quoted if it has spaces, and the space behind it. */
static bool file_name(struct sl_text *t)
{
	struct sl_text name;

	if (sl_text_char(t, '"') ? !sl_text_until(t, '"', &name) : !sl_text_token(t, &name))
		return false;
	return sl_text_skip(t, " ") != 0;
}

static bool address(struct sl_text *t, struct dcc *d)
{
	struct sl_text word, try;
	uint32_t number;
	uint8_t b[4];

	d->addr_at = sl_text_offset(t);
	if (!sl_text_token(t, &word))
		return false;
	d->addr_len = sl_text_offset(t) - d->addr_at;
	d->endpoint.family = SL_IPV4;
	try = word;
	if (sl_text_uint(&try, UINT32_MAX, &number) && !sl_text_left(&try)) {
		for (unsigned i = 0; i < 4; i++)
			b[i] = (uint8_t)(number >> (24 - 8 * i));
		d->as_number = true;
		d->endpoint.addr = sl_addr_v4(b);
		return true;
	}
	try = word;
	if (sl_text_ipv4(&try, b) && !sl_text_left(&try)) {
		d->endpoint.addr = sl_addr_v4(b);
		return true;
	}
	d->endpoint.family = SL_IPV6;
	return sl_text_ipv6(&word, d->endpoint.addr.b) && !sl_text_left(&word);
}

static bool port(struct sl_text *t, struct dcc *d)
{
	uint32_t number;
	int behind;

	d->port_at = sl_text_offset(t);
	if (!sl_text_uint(t, 65535, &number))
		return false;
	behind = sl_text_peek(t);
	if (behind != -1 && behind != ' ' && behind != CTCP)
		return false;
	d->port_len = sl_text_offset(t) - d->port_at;
	d->endpoint.port = (uint16_t)number;
	return true;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void put_addr(struct sl_out *o, const struct dcc *d, const struct sl_endpoint *seen)
{
	const uint8_t *b = seen->addr.b + 12;

	if (d->as_number)
		sl_text_put_uint(o,
		        (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]);
	else if (seen->family == SL_IPV4)
		sl_text_put_ipv4(o, b);
	else
		sl_text_put_ipv6(o, seen->addr.b);
}

static enum sl_help_result write_endpoint(struct sl_help *help, struct sl_message *m,
        const struct dcc *d, const struct sl_endpoint *seen)
{
	char text[64];
	struct sl_out out = sl_out_of(text, sizeof(text));

	if (sl_addr_eq(&seen->addr, &d->endpoint.addr) && seen->port == d->endpoint.port)
		return SL_PASS; /* true as it stands: keep its spelling */
	put_addr(&out, d, seen);
	if (!sl_replace(help, m, d->addr_at, d->addr_len, text, sl_out_len(&out)))
		return sl_refuse(help, SL_WHY_HELPER_DROP);
	out = sl_out_of(text, sizeof(text));
	sl_text_put_uint(&out, seen->port);
	if (!sl_replace(help, m, d->port_at, d->port_len, text, sl_out_len(&out)))
		return sl_refuse(help, SL_WHY_HELPER_DROP);
	return SL_PASS;
}

/* ---- what is said --------------------------------------------------------------------------- */

static void remember(struct sl_help *help, uint16_t written, uint16_t seen)
{
	struct irc *irc = sl_help_data(help);

	if (written == seen)
		return;
	for (unsigned i = 0; i < OFFERS_MAX; i++)
		if (irc->offer[i].written == written && irc->offer[i].seen == seen)
			return;
	irc->offer[irc->next].written = written;
	irc->offer[irc->next].seen = seen;
	irc->next = (uint8_t)((irc->next + 1) % OFFERS_MAX);
}

/* The client's own address, as it sees it or as the others do. Becomes the former. */
static bool is_own(struct sl_help *help, const struct sl_message *m, struct sl_endpoint *e)
{
	struct sl_tuple own, other;

	sl_help_tuple(help, m->dir, &own);
	sl_help_tuple(help, !m->dir, &other);
	if (e->family != own.family ||
	        (!sl_addr_eq(&e->addr, &own.src) && !sl_addr_eq(&e->addr, &other.dst)))
		return false;
	e->addr = own.src;
	return true;
}

/* SEND name address port, CHAT chat address port */
static enum sl_help_result offer(struct sl_help *help, struct sl_message *m, struct sl_text t)
{
	struct sl_announcement a = {
	        .class_id = CLASS_DCC, .from = SL_FROM_ANYONE, .reason = "IRC DCC"};
	struct dcc d = {.endpoint.proto = SL_PROTO_TCP};
	struct sl_endpoint seen;
	enum sl_reason why;

	if (!file_name(&t) || !address(&t, &d) || !sl_text_skip(&t, " ") || !port(&t, &d) ||
	        m->dir != SL_ORIGINAL)
		return SL_PASS;
	a.written = d.endpoint;
	if (!is_own(help, m, &a.written)) {
		sl_note(help, SL_WHY_HELPER_ADDRESS, "IRC: an offer with another's address");
		return SL_PASS;
	}
	if (d.endpoint.port == 0) { /* passive: the other side will offer */
		seen = a.written;
		sl_seen_as(help, m->dir, &seen);
		if (!sl_addr_eq(&seen.addr, &d.endpoint.addr))
			sl_help_beyond(help, SL_BEYOND_SYNTAX);
		return write_endpoint(help, m, &d, &seen);
	}
	if (sl_help_translated(help))
		a.beyond = SL_BEYOND_SOURCE_KEPT;
	why = sl_expect_announced(help, m, &a, &seen);
	if (why == SL_WHY_HELPER_PORT) {
		sl_note(help, why, "IRC DCC");
		return SL_PASS;
	}
	if (why != SL_WHY_NONE)
		return sl_refuse(help, why);
	remember(help, d.endpoint.port, seen.port);
	return write_endpoint(help, m, &d, &seen);
}

/* RESUME name port position (to the offerer), ACCEPT name port position (by it) */
static enum sl_help_result about_offer(struct sl_help *help, struct sl_message *m, struct sl_text t)
{
	struct irc *irc = sl_help_data(help);
	struct dcc d = {0};
	char text[8];
	struct sl_out out = sl_out_of(text, sizeof(text));

	if (!file_name(&t) || !port(&t, &d) || d.endpoint.port == 0)
		return SL_PASS;
	for (unsigned i = 0; i < OFFERS_MAX; i++) {
		uint16_t is = m->dir == SL_ORIGINAL ? irc->offer[i].written : irc->offer[i].seen;
		uint16_t must = m->dir == SL_ORIGINAL ? irc->offer[i].seen : irc->offer[i].written;

		if (is != d.endpoint.port)
			continue;
		sl_text_put_uint(&out, must);
		if (!sl_replace(help, m, d.port_at, d.port_len, text, sl_out_len(&out)))
			return sl_refuse(help, SL_WHY_HELPER_DROP);
		sl_help_beyond(help, SL_BEYOND_SYNTAX);
		break;
	}
	return SL_PASS;
}

/* Behind "DCC ". */
static enum sl_help_result dcc(struct sl_help *help, struct sl_message *m, struct sl_text t)
{
	sl_text_skip(&t, " ");
	if (sl_text_prefix(&t, "SEND ") || sl_text_prefix(&t, "CHAT ") ||
	        sl_text_prefix(&t, "MOVE ")) {
		sl_text_skip(&t, " ");
		return offer(help, m, t);
	}
	if (sl_text_prefix(&t, "RESUME ") || sl_text_prefix(&t, "ACCEPT ")) {
		sl_text_skip(&t, " ");
		return about_offer(help, m, t);
	}
	if (m->dir == SL_ORIGINAL && (sl_text_prefix(&t, "TSEND ") || sl_text_prefix(&t, "SCHAT ")))
		sl_note(help, SL_WHY_HELPER_UNKNOWN, "IRC: TSEND and SCHAT are left alone");
	return SL_PASS;
}

static enum sl_help_result line(struct sl_help *help, struct sl_message *m)
{
	struct sl_text t = m->text, ctcp;
	enum sl_help_result result = SL_PASS;

	sl_text_trim(&t);
	if (!command(&t))
		return SL_PASS;
	while (result == SL_PASS && (sl_text_skip_to(&t, "\1"), sl_text_char(&t, CTCP))) {
		if (!sl_text_until(&t, CTCP, &ctcp)) { /* the last one need not be ended */
			ctcp = t;
			t.at = t.end;
		}
		if (sl_text_prefix(&ctcp, "DCC "))
			result = dcc(help, m, ctcp);
	}
	return result;
}

/* :server 670 nick :STARTTLS successful */
static enum sl_help_result from_server(struct sl_help *help, struct sl_message *m)
{
	struct sl_text t = m->text, part;

	if (sl_text_peek(&t) == ':' && sl_text_until(&t, ' ', &part) && sl_text_word(&t, "670")) {
		sl_note(help, SL_WHY_HELPER_ENCRYPTED, "STARTTLS accepted");
		return SL_LEAVE;
	}
	return line(help, m);
}

/* ---- incomplete lines ----------------------------------------------------------------------- */

/* Nothing changes before the first CTCP message. */
static size_t hold(struct sl_help *help, const struct sl_text *begin, enum sl_dir dir)
{
	struct sl_text t = *begin;

	(void)help, (void)dir;
	sl_text_skip_to(&t, "\1");
	return sl_text_offset(&t);
}

/* ---- what Linux sees ---------------------------------------------------------------------------- */

#define LINUX_LEAST 26 /* bytes that must follow from the " :" on, and one more */

/* "name number number", with a line's end somewhere behind; it reads numbers as far as they go. */
static bool linux_endpoint(struct sl_text t, uint32_t *ip, uint32_t *port)
{
	struct sl_text name, rest;

	if (!sl_text_until(&t, ' ', &name))
		return false;
	rest = t;
	sl_text_skip_to(&rest, "\n");
	if (!sl_text_left(&rest) || !sl_text_uint(&t, UINT32_MAX, ip))
		return false;
	sl_text_skip(&t, " ");
	return sl_text_uint(&t, 65535, port);
}

/* Linux reads the first PRIVMSG of a segment of the client's, and a CTCP message only right behind " :". */
static bool linux_offer(struct sl_text t, uint32_t *ip, uint32_t *port)
{
	static const char *const commands[] = {"SEND ", "CHAT ", "MOVE ", "TSEND ", "SCHAT "};

	sl_text_skip(&t, " ");
	if (!sl_text_prefix(&t, "PRIVMSG "))
		return false;
	while (sl_text_left(&t) > LINUX_LEAST && !sl_text_exact(&t, " :"))
		sl_text_bytes(&t, 1, NULL);
	if (!sl_text_exact(&t, "\1DCC "))
		return false;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (sl_text_exact(&t, commands[i]))
			return linux_endpoint(t, ip, port);
	return false;
}

static void linux_view(
        struct sl_help *help, const struct sl_segment *segment, struct sl_linux_view *out)
{
	struct sl_tuple own, other;
	uint32_t ip = 0, port = 0;
	uint8_t b[4];

	out->looks = true;
	sl_help_tuple(help, segment->dir, &own);
	sl_help_tuple(help, !segment->dir, &other);
	if (segment->dir != SL_ORIGINAL || own.family != SL_IPV4 ||
	        !linux_offer(segment->text, &ip, &port) || !port)
		return;
	for (unsigned i = 0; i < 4; i++)
		b[i] = (uint8_t)(ip >> (24 - 8 * i));
	out->endpoint = (struct sl_endpoint){.addr = sl_addr_v4(b),
	        .port = (uint16_t)port,
	        .family = SL_IPV4,
	        .proto = SL_PROTO_TCP};
	out->expects = is_own(help, &(struct sl_message){.dir = segment->dir}, &out->endpoint);
}

const struct sl_helper sl_helper_irc = {
        SL_HELPER_HEADER,
        .name = "irc",
        .match = {{.proto = SL_PROTO_TCP, .port = 6667}, {.proto = SL_PROTO_TCP, .port = 6665},
                {.proto = SL_PROTO_TCP, .port = 6666}, {.proto = SL_PROTO_TCP, .port = 6668},
                {.proto = SL_PROTO_TCP, .port = 6669}},
        .classes = {[CLASS_DCC] = {.name = "dcc", .max = OFFERS_MAX, .timeout = 300}},
        .framing = SL_FRAME_LINE,
        .message_max = LINE_MAX,
        .data_size = sizeof(struct irc),
        .message = {[SL_ORIGINAL] = line, [SL_REPLY] = from_server},
        .hold = hold,
        .linux_view = linux_view,
};
