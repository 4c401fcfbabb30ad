/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RAS: registration, admission and status, ITU-T H.225.0, UDP port 1719 of a gatekeeper.
 *
 *	endpoint (SL_ORIGINAL)				gatekeeper (SL_REPLY), UDP 1719
 *
 *	GRQ, my rasAddress				GCF, rasAddress to register at
 *	    ---- RAS to that, if it is another ---->
 *
 *	RRQ, my callSignalAddress 10.0.0.2:1720,
 *	     rasAddress, timeToLive			RCF, timeToLive
 *	    <---- call signalling (TCP) to 1720, any number, as long as that ----
 *
 *	ARQ, dest, src CallSignalAddress		ACF, destCallSignalAddress
 *	LRQ, my replyAddress				LCF, callSignalAddress
 *	    ---- call signalling (TCP) to that, any number ---->
 *
 *	IRR, URQ: the addresses of RRQ again; URQ ends what was expected
 *
 * Only the gatekeeper may call who registered, unless h323_gkrouted_only is 0. GCF, ACF and LCF send their
 * receiver to an endpoint that need not be the gatekeeper's: that is followed, as in Linux, for
 * the receiver alone, who asked.
 *
 * Under NAT the endpoint's addresses become what the gatekeeper must see, and back where it repeats
 * them; a gatekeeper that is translated itself is named as its endpoints see it.
 */
#include "h323.h"

#define URQ_SECONDS 30      /* for the answer */
#define LIVE_MAX    1000000 /* seconds that a registration may ask for */

struct ras {
	struct sl_endpoint own,
	        seen;  /* who registered, as it wrote it and as the other side sees it */
	uint8_t dir;   /* it sends in this direction ... */
	bool known;    /* ... if there is one */
	uint32_t live; /* seconds asked for */
};

/* Where the record's expected() must keep a caller's address. */
enum { COOKIE_ANYONE = 1 };

/* ---- addresses that are told again ----------------------------------------------------------- */

/* The endpoint that registered; false: it is another. */
static bool registered(struct h323_work *w, struct sl_endpoint *e)
{
	const struct ras *ras = sl_help_data(w->help);
	bool by_it = ras->dir == w->m->dir;

	if (!ras->known || !h323_same(e, by_it ? &ras->own : &ras->seen))
		return false;
	*e = by_it ? ras->seen : ras->own;
	return true;
}

static void signal_address(struct h323_work *w, const struct per_found *f)
{
	struct sl_endpoint e;

	if (!h323_endpoint(w, f, &e))
		return;
	if (registered(w, &e)) {
		h323_write(w, f, &e);
	} else if (w->sender_moved && h323_is_senders(w, &e)) { /* the gatekeeper's own */
		e.addr = w->other.dst;
		h323_write_beyond(w, f, &e);
	}
}

/* Where answers to this very connection go. */
static void ras_address(struct h323_work *w, const struct per_found *f)
{
	const struct sl_endpoint to = {.addr = w->other.dst, .port = w->other.dport};
	struct sl_endpoint e;

	if (h323_endpoint(w, f, &e) && h323_is_senders(w, &e) && e.port == w->own.sport)
		h323_write(w, f, &to);
}

static void each(struct h323_work *w, uint8_t mark,
        void (*what)(struct h323_work *w, const struct per_found *f))
{
	for (unsigned i = 0; i < w->finds.count; i++)
		if (w->finds.found[i].mark == mark && w->finds.found[i].address)
			what(w, &w->finds.found[i]);
}

/* The first address with that mark, if it is of the connection's family. */
static const struct per_found *first(const struct h323_work *w, uint8_t mark, struct sl_endpoint *e)
{
	for (unsigned i = 0; i < w->finds.count; i++)
		if (w->finds.found[i].mark == mark && w->finds.found[i].address)
			return h323_endpoint(w, &w->finds.found[i], e) ? &w->finds.found[i] : NULL;
	return NULL;
}

/* ---- sent to somebody ------------------------------------------------------------------------ */

/* The receiver will go there. The sender's own endpoint is announced if the sender is translated. */
static enum sl_reason go_there(struct h323_work *w, const struct per_found *f, struct sl_endpoint e,
        const struct sl_announcement *a)
{
	struct sl_announcement told = *a;
	enum sl_reason why;

	if (!e.port)
		return SL_WHY_NONE;
	if (!w->sender_moved || !h323_is_senders(w, &e)) {
		h323_expect_there(w, a, &e);
		return SL_WHY_NONE;
	}
	told.beyond = SL_BEYOND_TRANSPORT_ADDRESS;
	why = h323_announce(w, told, &e);
	if (why != SL_WHY_NONE)
		return h323_unless_harmless(w, why, a->reason);
	h323_write_beyond(w, f, &e);
	return SL_WHY_NONE;
}

static enum sl_reason call_there(
        struct h323_work *w, const struct per_found *f, struct sl_endpoint e)
{
	const struct sl_announcement a = {.written = {.proto = SL_PROTO_TCP},
	        .flags = SL_EXPECT_PERMANENT,
	        .helper = &sl_helper_q931,
	        .reason = "H.323 call to whom the gatekeeper named"};

	return go_there(w, f, e, &a);
}

static enum sl_reason gatekeeper_confirm(struct h323_work *w)
{
	const struct sl_announcement a = {.written = {.proto = SL_PROTO_UDP},
	        .helper = &sl_helper_ras,
	        .reason = "RAS at the gatekeeper's other address"};
	struct sl_endpoint e, to = {.addr = w->other.dst, .port = w->other.dport};
	const struct per_found *f = first(w, H323_RAS, &e);

	if (!f)
		return SL_WHY_NONE;
	if (!h323_is_senders(w, &e) || e.port != w->own.sport)
		return go_there(w, f, e, &a);
	if (w->sender_moved)
		h323_write_beyond(w, f, &to);
	return SL_WHY_NONE;
}

/* ---- registration ---------------------------------------------------------------------------- */

static enum sl_reason call_me(struct h323_work *w, const struct per_found *f, struct sl_endpoint e)
{
	struct ras *ras = sl_help_data(w->help);
	struct sl_announcement a = {.written = {.proto = SL_PROTO_TCP},
	        .flags = SL_EXPECT_PERMANENT,
	        .helper = &sl_helper_q931,
	        .reason = "H.323 calls to who registered"};
	struct sl_endpoint own = e;
	enum sl_reason why;

	if (!sl_help_option(w->help, "h323_gkrouted_only")) {
		a.from = SL_FROM_ANYONE;
		a.cookie = COOKIE_ANYONE;
	}
	why = h323_announce(w, a, &e);
	if (why != SL_WHY_NONE)
		return h323_unless_harmless(w, why, a.reason);
	ras->own = own;
	ras->own.proto = SL_PROTO_TCP;
	ras->seen = e;
	ras->dir = (uint8_t)w->m->dir;
	ras->known = true;
	h323_write(w, f, &e);
	return SL_WHY_NONE;
}

static uint32_t seconds(const struct h323_work *w, uint32_t otherwise)
{
	const struct per_found *f = h323_find(w, H323_LIVE);
	uint32_t v = f ? f->value : otherwise;

	return v < LIVE_MAX ? v : LIVE_MAX;
}

static enum sl_reason registration_request(struct h323_work *w)
{
	struct ras *ras = sl_help_data(w->help);
	enum sl_reason why = SL_WHY_NONE;
	struct sl_endpoint e;

	for (unsigned i = 0; i < w->finds.count; i++) {
		const struct per_found *f = &w->finds.found[i];

		if (f->mark != H323_SIGNAL || !f->address || !h323_endpoint(w, f, &e) ||
		        !h323_is_senders(w, &e) || !e.port)
			continue;
		why = call_me(w, f, e);
		break;
	}
	each(w, H323_RAS, ras_address);
	ras->live = seconds(w, sl_help_option(w->help, "h323_default_rrq_ttl"));
	return why;
}

static enum sl_reason registration_confirm(struct h323_work *w)
{
	struct ras *ras = sl_help_data(w->help);
	struct sl_which which = {.written = &ras->own};

	each(w, H323_SIGNAL, signal_address);
	ras->live = seconds(w, ras->live);
	if (!ras->live)
		return SL_WHY_NONE;
	sl_keep_alive(w->help, ras->live);
	if (!ras->known || ras->dir == w->m->dir)
		return SL_WHY_NONE;
	if (sl_help_option(w->help, "h323_gkrouted_only")) /* Linux does not find it again then */
		which.beyond = SL_BEYOND_EXPECT_TIME;
	sl_expect_refresh(w->help, &which, ras->live);
	return SL_WHY_NONE;
}

static enum sl_reason unregistration_request(struct h323_work *w)
{
	struct ras *ras = sl_help_data(w->help);
	const struct sl_which all = {0};

	each(w, H323_SIGNAL, signal_address);
	sl_expect_remove(w->help, &all);
	ras->known = false;
	sl_keep_alive(w->help, URQ_SECONDS);
	return SL_WHY_NONE;
}

/* ---- admission, location --------------------------------------------------------------------- */

/* Linux leaves the port of the source as it is. */
static enum sl_reason admission_request(struct h323_work *w)
{
	struct sl_endpoint e, to;
	const struct per_found *f = first(w, H323_DEST, &e);

	if (f && registered(w, &e))
		h323_write(w, f, &e);
	f = first(w, H323_SOURCE, &e);
	if (!f || !h323_is_senders(w, &e))
		return SL_WHY_NONE;
	to = e;
	if (!registered(w, &to))
		to.addr = w->other.dst;
	if (to.port == e.port)
		h323_write(w, f, &to);
	else
		h323_write_beyond(w, f, &to);
	return SL_WHY_NONE;
}

/* To the called: its own address comes back. To the caller: where it may call. */
static enum sl_reason admission_confirm(struct h323_work *w)
{
	struct sl_endpoint e;
	const struct per_found *f = first(w, H323_DEST, &e);

	if (!f)
		return SL_WHY_NONE;
	if (!sl_addr_eq(&e.addr, &w->own.dst))
		return call_there(w, f, e);
	signal_address(w, f);
	return SL_WHY_NONE;
}

static enum sl_reason location_confirm(struct h323_work *w)
{
	struct sl_endpoint e;
	const struct per_found *f = first(w, H323_SIGNAL, &e);

	return f ? call_there(w, f, e) : SL_WHY_NONE;
}

static enum sl_reason again(struct h323_work *w)
{
	each(w, H323_RAS, ras_address);
	each(w, H323_SIGNAL, signal_address);
	return SL_WHY_NONE;
}

/* ---- one message ----------------------------------------------------------------------------- */

static const struct {
	enum h323_mark mark;
	enum sl_reason (*act)(struct h323_work *w);
} messages[] = {
        {H323_GRQ, again},
        {H323_GCF, gatekeeper_confirm},
        {H323_RRQ, registration_request},
        {H323_RCF, registration_confirm},
        {H323_URQ, unregistration_request},
        {H323_ARQ, admission_request},
        {H323_ACF, admission_confirm},
        {H323_LRQ, again},
        {H323_LCF, location_confirm},
        {H323_IRR, again},
};

static enum sl_help_result message(struct sl_help *help, struct sl_message *m)
{
	enum sl_reason why = SL_WHY_NONE;
	struct h323_work w;

	h323_begin(&w, help, m);
	if (!per_walk_all(m->text, &h225_ras_message, &w.finds) || !w.finds.count)
		return SL_PASS;
	for (unsigned i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (w.finds.found[0].mark == messages[i].mark)
			why = messages[i].act(&w);
	return h323_end(&w, why);
}

/* Who calls without the gatekeeper keeps its address. */
static enum sl_reason expected(struct sl_help *help, struct sl_related *related)
{
	(void)help;
	if (related->cookie == COOKIE_ANYONE)
		related->src_nat = false;
	return SL_WHY_NONE;
}

const struct sl_helper sl_helper_ras = {
        SL_HELPER_HEADER,
        .name = "RAS",
        .match = {{.proto = SL_PROTO_UDP, .port = 1719}},
        .classes = {{.name = "calls", .max = 32, .timeout = H323_EXPECT_SECONDS}},
        .framing = SL_FRAME_DATAGRAM,
        .data_size = sizeof(struct ras),
        .message = {[SL_ORIGINAL] = message, [SL_REPLY] = message},
        .expected = expected,
        .options = {{"h323_gkrouted_only", 1, 1, "only the gatekeeper may call who registered"},
                {"h323_default_rrq_ttl", 300, 86400,
                        "seconds that a registration lasts which does not say for how long"}},
};
