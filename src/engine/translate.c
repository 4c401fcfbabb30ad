/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The NAT place of a hook. For a conn's first packet the policy is asked, once; then every
 * packet is made to look as its conn's tuples say.
 */
#include "engine/shard.h"

static enum sl_manip manip_of(enum sl_hook hook)
{
	return hook == SL_PREROUTING || hook == SL_OUTPUT ? SL_MANIP_DST : SL_MANIP_SRC;
}

/* The first address of the interface that it came by, or (output) that of the loopback interface. */
static struct sl_route of_arrival(const struct sl_work *w, enum sl_hook hook)
{
	static const uint8_t loopback4[4] = {127, 0, 0, 1};
	static const uint8_t loopback6[16] = {[15] = 1};
	struct sl_route route = w->route;

	if (hook != SL_OUTPUT)
		return *sl__route_redirect(w->e, w->p, &w->parsed);
	route.source = w->parsed.tuple.family == SL_IPV4 ? sl_addr_v4(loopback4)
							 : sl_addr_v6(loopback6);
	route.has_source = true;
	return route;
}

/* masquerade and redirect mean the address of an interface: now is when it is known. */
static enum sl_reason resolve(struct sl_work *w, enum sl_hook hook, struct sl_nat_range *range)
{
	const struct sl_route *route = &w->route;
	struct sl_route back;

	if (!(range->flags & (SL_NAT_MASQUERADE | SL_NAT_REDIRECT)))
		return SL_WHY_NONE;
	if (range->flags & SL_NAT_REDIRECT) {
		back = of_arrival(w, hook);
		route = &back;
	}
	if (!route->has_source)
		return SL_WHY_NAT_NO_ADDRESS;
	range->min_addr = range->max_addr = route->source;
	range->flags |= SL_NAT_MAP_ADDR;
	return SL_WHY_NONE;
}

enum sl_reason sl__translate_decide(struct sl_work *w, enum sl_hook hook)
{
	struct sl_track *t = &w->e->track;
	enum sl_manip manip = manip_of(hook);
	struct sl_nat_range range = {0};
	struct sl_policy_view view = {.packet = w->p,
		.conn = w->conn,
		.state = (enum sl_ctstate)w->p->state,
		.dir = (enum sl_dir)w->p->dir,
		.hook = hook,
		.stage = SL_BEFORE_NAT,
		.in_if = w->p->in_if,
		.out_if = w->route.out_if,
		.now = t->now,
		.parsed = &w->parsed,
		.tracing = w->e->track.tracing,
		.engine = w->e};
	enum sl_reason why;
	bool translated;

	if (manip == SL_MANIP_DST && sl__handed_nat(w, &range))
		return sl__nat_setup(t, w->conn, &range, manip);
	translated = w->e->config.policy->nat(w->e->config.policy_ctx, &view, &range);
	if (view.rewritten)
		sl__look_again(w);
	if (!translated)
		return view.refused ? SL_WHY_POLICY_DROP : sl__nat_setup_none(t, w->conn, manip);
	why = resolve(w, hook, &range);
	if (why != SL_WHY_NONE)
		return why;
	if (manip == SL_MANIP_DST || !sl__nat_usual(t, w->conn, &range, &w->claim))
		why = sl__nat_setup(t, w->conn, &range, manip);
	if (why == SL_WHY_NONE && t->nat->passed >= SL_NAT_LINUX_LOOKS)
		w->p->beyond = SL_BEYOND_PORT_SEARCH;
	if (t->tracing && why == SL_WHY_NONE)
		sl__tell_nat(w, manip);
	if (range.flags & SL_NAT_MASQUERADE)
		sl__conn_set_status(w->conn, SL_STATUS_FOLLOWS_INTERFACE);
	return why;
}

static bool translates(const struct sl_work *w)
{
	return w->e->translates[w->parsed.tuple.family == SL_IPV6];
}

/* Is the policy to be asked, or is it known that it has nothing to say at this hook? */
static bool has_a_say(const struct sl_work *w, enum sl_hook hook)
{
	return w->e->nat_hooks[w->parsed.tuple.family == SL_IPV6] >> hook & 1 ||
	       w->p->handed.translated;
}

/*
 * Where there is NAT, Linux lets no ICMP error pass whose checksum is wrong, translated or not and
 * whatever is checked else: its quote is rewritten and the whole summed anew, which would hide it.
 */
static enum sl_reason translate_error(struct sl_work *w, enum sl_manip manip)
{
	if (w->p->csum == SL_CSUM_NONE && translates(w) &&
	        sl__parse_checksum(w->p, &w->parsed) == SL_WHY_BAD_CHECKSUM)
		return SL_WHY_NAT_CHECKSUM;
	return sl__nat_icmp_error(w->conn, (enum sl_dir)w->p->dir, w->p, &w->parsed, manip);
}

enum sl_reason sl__translate(struct sl_work *w, enum sl_hook hook)
{
	enum sl_manip manip = manip_of(hook);
	enum sl_dir dir = (enum sl_dir)w->p->dir;
	enum sl_reason why;

	if (!w->conn)
		return SL_WHY_NONE;
	if (w->icmp_error)
		return translate_error(w, manip);
	if (w->fresh && translates(w) && !sl__nat_decided(w->conn, manip)) {
		why = has_a_say(w, hook) ? sl__translate_decide(w, hook)
		                         : sl__nat_setup_none(&w->e->track, w->conn, manip);
		if (why == SL_WHY_OTHER_SHARD)
			return sl__moves_for_port(w) ? why : SL_WHY_NAT_NO_PORT;
		if (why == SL_WHY_NONE && manip == SL_MANIP_DST && sl__moves(w))
			return SL_WHY_OTHER_SHARD;
		if (why != SL_WHY_NONE)
			return why;
	}
	return sl__nat_packet(w->conn, dir, w->p, &w->parsed, manip);
}
