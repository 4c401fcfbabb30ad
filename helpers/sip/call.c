/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls: INVITE, UPDATE, ACK, PRACK, BYE, and their answers.
 *
 * A description in a request or in an answer below 300 announces media. A new INVITE replaces
 * what its call expected before; an answer of 300 and more to the last INVITE, and BYE, end it.
 * What flows already goes on until it times out. (CANCEL needs nothing: the INVITE that it
 * cancels is answered by 487.)
 *
 * A connection may carry many calls (a trunk between two exchanges). Expectations bear the
 * Call-ID, so that one call's end is not another's.
 */
#include "sip.h"

static void end_media(struct sip_work *w)
{
	struct sl_which which = {.classes = SIP_MEDIA, .cookie = w->head.call};

	sl_expect_remove(w->help, &which);
	if (w->sip->many_calls)
		sip_tell(w, SL_BEYOND_OTHER_CALLS);
}

static enum sl_reason describe(struct sip_work *w)
{
	struct sip *sip = w->sip;

	sip->many_calls = sip->many_calls || (sip->call && sip->call != w->head.call);
	sip->call = w->head.call;
	return sip_sdp_expect(w);
}

static bool carries_media(const struct sip_head *head)
{
	return sip_method_is(head, "INVITE") || sip_method_is(head, "UPDATE") ||
	       sip_method_is(head, "PRACK") || (head->is_request && sip_method_is(head, "ACK"));
}

static enum sl_reason request(struct sip_work *w)
{
	bool invite = sip_method_is(&w->head, "INVITE");
	enum sl_reason why = SL_WHY_NONE;

	if (invite && w->sip->call && w->sip->call != w->head.call)
		w->sip->many_calls = true;
	if (invite || sip_method_is(&w->head, "BYE"))
		end_media(w);
	if (carries_media(&w->head) && w->head.has_sdp)
		why = describe(w);
	if (invite && why == SL_WHY_NONE)
		w->sip->invite_cseq = w->head.cseq;
	return why;
}

static enum sl_reason answer(struct sip_work *w)
{
	if (!carries_media(&w->head))
		return SL_WHY_NONE;
	if (w->head.status < 300)
		return w->head.has_sdp ? describe(w) : SL_WHY_NONE;
	if (w->head.cseq == w->sip->invite_cseq)
		end_media(w);
	return SL_WHY_NONE;
}

enum sl_reason sip_call(struct sip_work *w)
{
	return w->head.is_request ? request(w) : answer(w);
}
