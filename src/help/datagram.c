/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A datagram: one message, whose edits are applied at once.
 */
#include "help/inner.h"

/* Apply the log's edits, whose numbers are offsets of the payload. */
static enum sl_help_outcome edit_datagram(struct sl_help_work *w, struct sl_editlog *log)
{
	struct sl_stream whole = {.log = *log};
	uint32_t n = w->parsed->len - w->parsed->payload, from = 0, to = n;

	n = sl__help_render(w->help, &whole, &from, &to, 0, w->p->data + w->parsed->payload, n);
	if (n == UINT32_MAX)
		return sl__help_drop(w, SL_WHY_NO_MEMORY);
	if (!sl__segment_payload(&w->help->owner->env, w->p, w->parsed, w->help->owner->scratch, n))
		return sl__help_drop(w, SL_WHY_KEEP_FAILED);
	w->changed = true;
	return sl__help_done(w);
}

/* Another port of the same host. */
static void redirect(struct sl_help_work *w, uint16_t port)
{
	w->parsed->tuple.dport = port;
	sl_put16(w->p->data + w->parsed->l4 + 2, port);
	w->changed = true;
	sl__help_done(w);
}

enum sl_help_outcome sl__help_datagram(struct sl_help_work *w)
{
	struct sl_help *help = w->help;
	uint32_t n = w->parsed->len - w->parsed->payload;
	enum sl_help_outcome outcome = SL_HELP_ACCEPT;
	struct sl_editlog log = {0};

	if (!sl__help_reads(help, w->dir) || !n)
		return SL_HELP_ACCEPT;
	help->new_dport = 0;
	help->beyond = SL_BEYOND_NONE;
	help->linux_known = false;
	switch (sl__help_ask(help, w->dir, w->p->data + w->parsed->payload, n, 0, &log)) {
	case SL_REFUSE:
		outcome = sl__help_drop(w, help->refusal);
		break;
	case SL_LEAVE:
		help->left = true;
		break;
	case SL_PASS:
		break;
	}
	if (outcome == SL_HELP_ACCEPT && log.count)
		outcome = edit_datagram(w, &log);
	if (outcome == SL_HELP_ACCEPT && help->new_dport)
		redirect(w, help->new_dport);
	sl__editlog_fini(&log, help->owner->t->mem);
	return outcome;
}
