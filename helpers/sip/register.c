/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * REGISTER: a phone tells the registrar where it can be called (RFC 3261 10).
 *
 * The contact that is the sender's own address is expected, inactive, and lasting: any number of
 * calls may come; unanswered it lives three minutes. The registrar's answer of 2xx makes it active
 * for as long as it says (the contact's expires parameter, or the Expires header). An expiry of 0,
 * another answer, or one without this contact ends it. An answer to an older request changes
 * nothing.
 *
 * Only the registrar may call there, unless sip_direct_signalling is 0. Contacts of other hosts
 * are not looked at.
 */
#include "sip.h"

extern const struct sl_helper sl_helper_sip;

static uint16_t port_of(const struct sip_place *place)
{
	return place->endpoint.port ? place->endpoint.port : SIP_PORT;
}

/* The first contact that is the sender's own address. */
static const struct sip_address *own_contact(const struct sip_work *w)
{
	struct sl_tuple own;

	sl_help_tuple(w->help, w->m->dir, &own);
	for (unsigned i = 0; i < w->contacts; i++)
		if (w->contact[i].host.is_addr &&
		        sl_addr_eq(&w->contact[i].host.endpoint.addr, &own.src))
			return &w->contact[i];
	return NULL;
}

static uint32_t expires_of(const struct sip_work *w, const struct sip_address *contact)
{
	return contact->has_expires  ? contact->expires
	       : w->head.has_expires ? w->head.expires
	                             : UINT32_MAX;
}

static enum sl_reason request(struct sip_work *w)
{
	const struct sip_address *contact = own_contact(w);
	struct sl_announcement a = {.class_id = SIP_SIGNALLING,
	        .from = sl_help_option(w->help, "sip_direct_signalling") ? SL_FROM_PEER
	                                                                 : SL_FROM_ANYONE,
	        .flags = SL_EXPECT_PERMANENT | SL_EXPECT_INACTIVE,
	        .allow = SL_ALLOW_OTHER_HOST, /* own_contact() has decided */
	        .helper = &sl_helper_sip,
	        .reason = "SIP calls to who registered"};
	struct sl_endpoint seen;
	struct sl_tuple own;
	enum sl_reason why;

	if (!contact)
		return SL_WHY_NONE;
	w->sip->register_cseq = w->head.cseq;
	if (expires_of(w, contact) == 0)
		return SL_WHY_NONE;
	if (expires_of(w, contact) ==
	        UINT32_MAX) /* the registrar shall choose; Linux waits to be told */
		sip_tell(w, SL_BEYOND_SYNTAX);
	sl_help_tuple(w->help, w->m->dir, &own);
	a.written = contact->host.endpoint;
	a.written.port = port_of(&contact->host);
	a.written.proto = contact->proto ? contact->proto : own.proto;
	why = sl_expect_announced(w->help, w->m, &a, &seen);
	if (why == SL_WHY_HELPER_PORT || why == SL_WHY_HELPER_RANGE ||
	        why == SL_WHY_HELPER_ADDRESS) {
		sl_note(w->help, why, a.reason);
		return SL_WHY_NONE;
	}
	if (why != SL_WHY_NONE)
		return why;
	w->sip->contact = a.written;
	w->sip->contact.proto = 0; /* compared with what headers say */
	w->sip->seen = seen;
	w->sip->seen.proto = 0;
	w->sip->contact_dir = (uint8_t)w->m->dir;
	return SL_WHY_NONE;
}

/* Is it the contact that was registered here? */
static bool is_registered(const struct sip_work *w, const struct sip_address *contact)
{
	struct sl_endpoint e = contact->host.endpoint;

	e.port = port_of(&contact->host);
	return contact->host.is_addr && sip_endpoint_eq(&e, &w->sip->seen);
}

static void end_registration(struct sip_work *w)
{
	struct sl_which which = {.classes = 1u << SIP_SIGNALLING};

	sl_expect_remove(w->help, &which);
}

static enum sl_reason answer(struct sip_work *w)
{
	struct sl_which which = {.classes = 1u << SIP_SIGNALLING};
	uint32_t expires;

	if (w->head.cseq != w->sip->register_cseq || w->head.status < 200)
		return SL_WHY_NONE;
	for (unsigned i = 0; w->head.status < 300 && i < w->contacts; i++) {
		if (!is_registered(w, &w->contact[i]))
			continue;
		expires = expires_of(w, &w->contact[i]);
		if (expires == 0 || expires == UINT32_MAX)
			break;
		if (sl_expect_refresh(w->help, &which, expires < 1000000 ? expires : 1000000))
			return SL_WHY_NONE;
	}
	end_registration(w);
	return SL_WHY_NONE;
}

enum sl_reason sip_register(struct sip_work *w)
{
	if (!sip_method_is(&w->head, "REGISTER"))
		return SL_WHY_NONE;
	return w->head.is_request ? request(w) : answer(w);
}
