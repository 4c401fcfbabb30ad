/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Helpers in the engine: which conn gets which, and the helper's place on a packet's way.
 *
 * A conn's helper is decided while its first packet is under way: a rule's choice
 * (sl_conn_set_helper), else what its expectation says, else the best automatic match.
 */
#include "engine/offload.h"

#include <string.h>

bool sl_helper_register(struct sl_engine *engine, const struct sl_helper *helper, bool automatic)
{
	return sl__registry_add(&engine->helping.registry, helper, automatic, 0);
}

bool sl_helper_register_port(struct sl_engine *engine, const struct sl_helper *helper, uint16_t port)
{
	return port && sl__registry_add(&engine->helping.registry, helper, true, port);
}

void sl_helper_unregister(struct sl_engine *engine, const struct sl_helper *helper)
{
	if (!sl__registry_remove(&engine->helping.registry, helper))
		return;
	sl__help_forget(&engine->helping, helper);
	sl__known_forget(engine); /* rules may ask which helper a conn has */
	sl__offload_revoke(engine);
}

bool sl_conn_set_helper(struct sl_engine *engine, struct sl_conn *conn, const char *name)
{
	const struct sl_helper *helper = sl__registry_by_name(&engine->helping.registry, name);

	if (!helper || conn->status & SL_CONFIRMED || !sl__help_attach(&engine->helping, conn, helper))
		return false;
	sl__conn_set_status(conn, SL_HELPER);
	SL_TRACE(&engine->track, conn, "helper", "%s watches this connection, by a rule", name);
	return true;
}

/* May this one be attached without a rule's word? */
static bool allowed(const struct sl_engine *e, const struct sl_helper *helper)
{
	const struct sl_policy *policy = e->config.policy;

	return !policy || !policy->automatic_helper ||
	       policy->automatic_helper(e->config.policy_ctx, helper->name);
}

void sl__attach_helper(struct sl_work *w)
{
	const struct sl_ext *ext = sl__ext_of(&w->e->track, w->conn);
	const struct sl_helper *helper = ext ? ext->helper : NULL;
	struct sl_tuple reply;

	if (ext && ext->help)
		return;
	if (!helper && sl__list_empty(&w->e->helping.registry.entries))
		return;
	if (!helper) {
		sl__conn_tuple(w->conn, SL_REPLY, &reply);
		helper = sl__registry_match(&w->e->helping.registry, &reply);
		if (!helper || !allowed(w->e, helper))
			return;
	}
	if (sl__help_attach(&w->e->helping, w->conn, helper))
		SL_TRACE(&w->e->track, w->conn, "helper", "%s watches this connection", helper->name);
}

/* A conn that is another one in Linux: so is each packet where that shows. */
static void mark_beyond(const struct sl_work *w)
{
	bool shows = w->p->state != SL_CT_ESTABLISHED || sl__conn_beyond_shows(w->conn);

	if (shows && !w->p->beyond)
		w->p->beyond = (uint8_t)sl__conn_beyond(&w->e->track, w->conn);
}

enum sl_reason sl__engine_help(struct sl_work *w)
{
	struct sl_packet *p = w->p;

	if (!w->conn)
		return SL_WHY_NONE;
	mark_beyond(w);
	if (w->icmp_error)
		return SL_WHY_NONE;
	if (w->fresh)
		sl__attach_helper(w);
	if (!(w->conn->flags & (SL_CONN_WATCHED | SL_CONN_EDITED)))
		return SL_WHY_NONE;
	w->e->helping.route = &w->route;
	switch (sl__help_packet(&w->e->track, w->conn, (enum sl_dir)p->dir, p, &w->parsed)) {
	case SL_HELP_ACCEPT:
		break;
	case SL_HELP_DROP:
		return (enum sl_reason)p->reason;
	case SL_HELP_HELD:
		w->held = true;
		break;
	}
	return SL_WHY_NONE;
}
