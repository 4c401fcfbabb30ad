/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the three helpers of H.323 do with a transport address, and TPKT, the frame of the two
 * over TCP (RFC 1006: version 3, reserved, a length of 16 bits that counts all).
 */
#include "h323.h"

#define TPKT 4 /* bytes of its head */

/* ---- one message's work ---------------------------------------------------------------------- */

void h323_begin(struct h323_work *w, struct sl_help *help, struct sl_message *m)
{
	w->help = help;
	w->m = m;
	w->finds.count = 0;
	w->edits.count = 0;
	w->edits.full = false;
	w->translated = sl_help_translated(help);
	sl_help_tuple(help, m->dir, &w->own);
	sl_help_tuple(help, !m->dir, &w->other);
	w->sender_moved = !sl_addr_eq(&w->own.src, &w->other.dst);
}

enum sl_help_result h323_end(struct h323_work *w, enum sl_reason why)
{
	if (why == SL_WHY_NONE && !sl_edits_make(&w->edits, w->help, w->m))
		why = SL_WHY_HELPER_DROP;
	return why == SL_WHY_NONE ? SL_PASS : sl_refuse(w->help, why);
}

const struct per_found *h323_find(const struct h323_work *w, uint8_t mark)
{
	for (unsigned i = 0; i < w->finds.count; i++)
		if (w->finds.found[i].mark == mark)
			return &w->finds.found[i];
	return NULL;
}

/* ---- addresses ------------------------------------------------------------------------------- */

bool h323_endpoint(const struct h323_work *w, const struct per_found *f, struct sl_endpoint *out)
{
	struct sl_text t = f->octets;
	uint8_t bytes[16];

	if (f->address != (w->own.family == SL_IPV4 ? 4 : 16))
		return false;
	for (unsigned i = 0; i < f->address; i++)
		if (!sl_text_u8(&t, &bytes[i]))
			return false;
	*out = (struct sl_endpoint){.addr = f->address == 4 ? sl_addr_v4(bytes) : sl_addr_v6(bytes),
	        .port = (uint16_t)f->value,
	        .family = w->own.family};
	return true;
}

bool h323_is_senders(const struct h323_work *w, const struct sl_endpoint *e)
{
	return sl_addr_eq(&e->addr, &w->own.src);
}

bool h323_same(const struct sl_endpoint *a, const struct sl_endpoint *b)
{
	return a->port == b->port && sl_addr_eq(&a->addr, &b->addr);
}

/* Linux writes no IPv6 address. */
void h323_write(struct h323_work *w, const struct per_found *f, const struct sl_endpoint *to)
{
	struct sl_endpoint now;
	uint8_t bytes[18];

	if (!h323_endpoint(w, f, &now) || h323_same(&now, to))
		return;
	memcpy(bytes, to->addr.b + 16 - f->address, f->address);
	bytes[f->address] = (uint8_t)(to->port >> 8);
	bytes[f->address + 1] = (uint8_t)to->port;
	sl_edits_add(
	        &w->edits, sl_text_offset(&f->octets), f->address + 2u, bytes, f->address + 2u);
	if (w->own.family == SL_IPV6)
		sl_help_beyond(w->help, SL_BEYOND_TRANSPORT_ADDRESS);
}

void h323_write_beyond(struct h323_work *w, const struct per_found *f, const struct sl_endpoint *to)
{
	sl_help_beyond(w->help, SL_BEYOND_TRANSPORT_ADDRESS);
	h323_write(w, f, to);
}

/* ---- what is expected ------------------------------------------------------------------------ */

enum sl_reason h323_announce(struct h323_work *w, struct sl_announcement a, struct sl_endpoint *e)
{
	struct sl_endpoint seen;
	enum sl_reason why;

	if (w->sender_moved && w->own.family == SL_IPV6)
		a.beyond = SL_BEYOND_TRANSPORT_ADDRESS; /* there Linux expects it without NAT */
	a.written.addr = e->addr;
	a.written.port = e->port;
	a.written.family = e->family;
	why = sl_expect_announced(w->help, w->m, &a, &seen);
	if (why == SL_WHY_NONE)
		*e = seen;
	return why;
}

enum sl_reason h323_unless_harmless(struct h323_work *w, enum sl_reason why, const char *what)
{
	if (why != SL_WHY_HELPER_ADDRESS && why != SL_WHY_HELPER_PORT && why != SL_WHY_HELPER_RANGE)
		return why;
	sl_help_beyond(w->help, SL_BEYOND_REFUSED);
	sl_note(w->help, why, what);
	return SL_WHY_NONE;
}

void h323_expect_there(
        struct h323_work *w, const struct sl_announcement *a, const struct sl_endpoint *to)
{
	struct sl_tuple tuple = {.src = w->other.src,
	        .dst = to->addr,
	        .dport = to->port,
	        .proto = a->written.proto,
	        .family = w->other.family};
	struct sl_expectation want = sl_expectation_of(&tuple);
	enum sl_reason why = SL_WHY_HELPER_PORT;

	want.flags = a->flags;
	want.helper = a->helper;
	want.reason = a->reason;
	if (to->port >= 1024)
		why = sl_expect_related(w->help, &want);
	else
		sl_help_beyond(w->help, SL_BEYOND_REFUSED);
	if (why != SL_WHY_NONE)
		sl_note(w->help, why, a->reason);
}

/* ---- TPKT ------------------------------------------------------------------------------------ */

/* A whole head: version, reserved, length. False: it is none, or not there. */
static bool read_head(struct sl_text *t, uint16_t *length)
{
	uint16_t version;

	return sl_text_u16(t, &version) && version == 0x0300 && sl_text_u16(t, length) &&
	       *length >= TPKT;
}

/* What is no TPKT is passed over, as far as it is there. */
size_t h323_frame(struct sl_help *help, const struct sl_text *bytes, enum sl_dir dir)
{
	size_t left = sl_text_left(bytes);
	struct sl_text t = *bytes;
	uint16_t length;

	(void)help, (void)dir;
	if (read_head(&t, &length))
		return length;
	t = *bytes;
	return left >= TPKT || !sl_text_char(&t, 3) || (left > 1 && !sl_text_char(&t, 0)) ? left
	                                                                                  : 0;
}

/* Addresses stand behind the head. */
size_t h323_hold(struct sl_help *help, const struct sl_text *begin, enum sl_dir dir)
{
	(void)help, (void)begin, (void)dir;
	return TPKT;
}

/* A head whose packet ends with the bytes that are there, or where another head begins. */
static bool begins_here(struct sl_text t)
{
	uint16_t length, next;

	if (!read_head(&t, &length) || length == TPKT || length > H323_MESSAGE_MAX ||
	        !sl_text_bytes(&t, length - TPKT, NULL))
		return false;
	return !sl_text_left(&t) || (sl_text_u16(&t, &next) && next == 0x0300);
}

size_t h323_sync(struct sl_help *help, const struct sl_text *bytes, enum sl_dir dir)
{
	struct sl_text t = *bytes;

	(void)help, (void)dir;
	while (sl_text_left(&t) && !begins_here(t))
		t.at++;
	return sl_text_left(bytes) - sl_text_left(&t);
}

bool h323_contents(const struct sl_message *m, struct sl_text *out)
{
	uint16_t length;

	*out = m->text;
	return read_head(out, &length) && sl_text_left(out) == (size_t)length - TPKT;
}
