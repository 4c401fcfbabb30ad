/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where Linux makes something else of a segment or a message than we do, the packet, what it
 * made us expect, and the connection say so (docs/beyond.md).
 *
 * A helper may know exactly what Linux sees in a segment (sl_helper.linux_view); then the two are
 * compared when the segment was read. Else only shapes are judged: Linux reads no message that is
 * cut, nor one that does not begin its segment.
 *
 * Where our helper has stepped aside, because segments are signed or the rest is encrypted, Linux's reads on.
 *
 * What Linux expects and we do not is remembered as a shadow, by which the connection is
 * recognised that it would have taken for a related one.
 */
#include "help/inner.h"

#include "track/tcp.h"

void sl__help_beyond(struct sl_help *help, enum sl_beyond beyond)
{
	help->beyond = (uint8_t)beyond;
	if (help->packet)
		help->packet->beyond = (uint8_t)beyond;
	if (!sl__help_only_reads(help))
		sl__ext_of(help->owner->t, help->conn)->beyond = (uint8_t)beyond;
}

static enum sl_beyond by_shape(
        const struct sl_help *help, const struct sl_parsed *parsed, uint32_t at)
{
	if (!parsed || sl__seq_before(at, parsed->seq))
		return SL_BEYOND_SPLIT_MESSAGE;
	return at == parsed->seq || help->helper->linux_many ? SL_BEYOND_NONE
	                                                     : SL_BEYOND_MANY_MESSAGES;
}

enum sl_beyond sl__linux_misses(
        const struct sl_help *help, const struct sl_parsed *parsed, uint32_t at)
{
	enum sl_beyond shape = by_shape(help, parsed, at);

	if (shape != SL_BEYOND_NONE || !help->linux_known)
		return shape;
	return help->linux_view.looks ? SL_BEYOND_SYNTAX : SL_BEYOND_LINE_START;
}

static bool sees(const struct sl_help *help, const struct sl_endpoint *e)
{
	const struct sl_linux_view *view = &help->linux_view;

	return help->linux_known && view->expects && view->endpoint.port == e->port &&
	       sl_addr_eq(&view->endpoint.addr, &e->addr);
}

enum sl_beyond sl__linux_expects(const struct sl_help *help, const struct sl_endpoint *e)
{
	return sees(help, e) ? SL_BEYOND_NONE : (enum sl_beyond)help->beyond;
}

void sl__linux_look(struct sl_help_work *w)
{
	struct sl_help *help = w->help;
	const struct sl_segment segment = {.text = sl_text_of(w->p->data + w->parsed->payload,
	                                           w->parsed->len - w->parsed->payload),
	        .seq = w->parsed->seq,
	        .dir = w->dir};

	help->made = 0;
	help->linux_known = false;
	if (!help->helper || !help->helper->message[w->dir] || !help->helper->linux_view)
		return;
	help->linux_known = true;
	help->linux_view = (struct sl_linux_view){0};
	if (w->p->state == SL_CT_ESTABLISHED)
		help->helper->linux_view(help, &segment, &help->linux_view);
}

/*
 * Behind NAT Linux announces the public address; we announce nothing, so whoever takes the message
 * as it came goes to the address in it. Either is a consequence.
 */
void sl__linux_opens(struct sl_help *help, enum sl_dir dir, const struct sl_endpoint *e, unsigned class_id,
        enum sl_beyond beyond)
{
	uint32_t timeout = help->helper->classes[class_id].timeout * 1000;
	struct sl_track *t = help->owner->t;
	struct sl_tuple own, other;

	sl__conn_tuple(help->conn, dir, &own);
	sl__conn_tuple(help->conn, !dir, &other);
	other.sport = 0;
	other.dport = e->port;
	other.proto = e->proto;
	if (!sl_addr_eq(&own.src, &other.dst))
		sl__expect_shadow(t, help->conn, &other, beyond, timeout);
	other.dst = e->addr;
	sl__expect_shadow(t, help->conn, &other, beyond, timeout);
}

/* Where Linux's class has one place, what it expected of this master before has ended there. */
static void mark_replaced(struct sl_help *help, enum sl_beyond beyond)
{
	struct sl_ext *ext = sl__ext_of(help->owner->t, help->conn);

	if (help->helper->classes[0].max != 1)
		return;
	SL_LIST_EACH(it, &ext->expects)
	{
		struct sl_expect *e = SL_CONTAINER(it, struct sl_expect, of_master);

		if (!e->class_id && !e->beyond && e->tuple.dport != help->linux_view.endpoint.port)
			e->beyond = (uint8_t)beyond;
	}
}

/* A new expectation takes the place of one that only Linux had, and which it now tells the end of. */
static void replace_shadow(struct sl_help *help)
{
	enum sl_beyond beyond = sl__expect_shadow_replace(help->owner->t, help->conn);

	if (help->packet && !help->packet->beyond)
		help->packet->beyond = (uint8_t)beyond;
}

/* Ours has stepped aside, and Linux's helper reads on. */
static enum sl_beyond aside(const struct sl_help *help)
{
	return sl__conn_beyond(help->owner->t, help->conn) == SL_BEYOND_SIGNED
	               ? SL_BEYOND_SIGNED
	               : SL_BEYOND_ENCRYPTED;
}

void sl__linux_compare(struct sl_help_work *w, bool dropped, bool again)
{
	struct sl_help *help = w->help;
	const struct sl_linux_view *view = &help->linux_view;
	enum sl_beyond beyond = SL_BEYOND_NONE;

	if (!help->linux_known)
		return;
	if (view->expects)
		replace_shadow(help);
	if (help->left && !help->made && !dropped)
		beyond = view->drops || view->expects ? aside(help) : SL_BEYOND_NONE;
	else if (view->drops && !dropped)
		beyond = help->made ? SL_BEYOND_SYNTAX : SL_BEYOND_PASSED;
	else if (dropped && !view->drops)
		beyond = SL_BEYOND_REFUSED;
	else if (view->expects && !help->made)
		beyond = again ? SL_BEYOND_REPEATED : SL_BEYOND_REFUSED;
	else if (help->made && (help->made > 1 || !sees(help, &help->made_last)))
		beyond = (enum sl_beyond)help->beyond;
	if (beyond != SL_BEYOND_NONE && view->expects &&
	        !(help->made && sees(help, &help->made_last))) {
		mark_replaced(help, beyond);
		sl__linux_opens(help, w->dir, &view->endpoint, 0, beyond);
	}
	if (beyond != SL_BEYOND_NONE)
		sl__help_beyond(help, beyond);
	help->linux_known = false;
}
