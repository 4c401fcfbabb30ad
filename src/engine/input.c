/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A packet's way through the engine: sl_input() is the table of contents, one call a step.
 *
 *   parse -> fragments -> hooks before tracking -> classify (which connection?) -> destination
 *   NAT -> route -> input, or forward and postrouting -> source NAT -> helper -> confirm
 *
 * A step that fails says so by a reason, and the packet is dropped there and counted; a conn
 * that the packet was the first of is then forgotten.
 */
#include <string.h>

#include "engine/answer.h"
#include "engine/foresee.h"
#include "engine/offload.h"
#include "engine/options.h"
#include "engine/shard.h"
#include "engine/size.h"

/* ---- endings --------------------------------------------------------------------------------- */

/* A conn whose first packet goes no further. */
static void forget(struct sl_work *w)
{
	if (!w->fresh)
		return;
	sl__conn_drop(&w->e->track, w->conn);
	w->fresh = false;
	w->p->conn = w->conn = NULL;
}

static void drop(struct sl_work *w, enum sl_reason why)
{
	struct sl_track *t = &w->e->track;

	if (why == SL_WHY_OTHER_SHARD) {
		sl__hand_over(w);
		forget(w);
		return;
	}
	w->p->verdict = SL_DROP;
	w->p->reason = (uint16_t)why;
	SL_TRACE(t, w->conn, "drop", "%s: %s", sl_reason_name(why), sl_reason_text(why));
	sl__answer(w, why);
	forget(w);
}

/* The packet ends its conn: that is done when everything else is. */
static void finish(struct sl_work *w)
{
	if (w->ending == SL_WHY_NONE || !w->conn)
		return;
	sl__conn_kill(&w->e->track, w->conn, w->ending);
	w->p->conn = w->conn = NULL;
}

enum sl_reason sl__confirm_fresh(struct sl_work *w)
{
	struct sl_track *t = &w->e->track;
	enum sl_reason why = sl__conn_confirm_claimed(t, w->conn, &w->claim);

	if (why != SL_WHY_NONE)
		return why;
	w->fresh = false;
	sl__expect_alike(w->e, w->conn);
	if (t->reporting)
		sl__conn_report(t, w->conn);
	return SL_WHY_NONE;
}

enum sl_reason sl__confirm(struct sl_work *w)
{
	struct sl_track *t = &w->e->track;

	if (!w->conn || w->ending != SL_WHY_NONE)
		return SL_WHY_NONE;
	if (w->fresh)
		return sl__confirm_fresh(w);
	if (t->reporting)
		sl__conn_report(t, w->conn);
	return SL_WHY_NONE;
}

/* A rule wrote addresses, ports or flags: what comes behind it goes by these. */
void sl__look_again(struct sl_work *w)
{
	sl__parse(w->p, &w->parsed);
	w->stranger = NULL;
}

/* ---- the policy's stages --------------------------------------------------------------------- */

/* A chain of type route that changed the mark has the route asked for anew. */
static enum sl_decision decide(struct sl_work *w, struct sl_policy_view *view)
{
	const struct sl_config *config = &w->e->config;
	enum sl_decision decision = config->policy->decide(config->policy_ctx, view);

	if (view->reroute)
		w->route_mark = w->p->mark;
	if (view->rewritten)
		sl__look_again(w);
	return decision;
}

enum sl_reason sl__ask_chains(struct sl_work *w, enum sl_hook hook, enum sl_stage stage,
	struct sl_policy_view *view)
{
	struct sl_engine *e = w->e;

	*view = (struct sl_policy_view){.packet = w->p,
		.conn = w->conn,
		.state = (enum sl_ctstate)w->p->state,
		.dir = (enum sl_dir)w->p->dir,
		.hook = hook,
		.stage = stage,
		.in_if = w->p->in_if,
		.out_if = w->route.out_if,
		.now = e->track.now,
		.parsed = &w->parsed,
		.tracing = e->track.tracing,
		.engine = e};
	switch (decide(w, view)) {
	case SL_DECIDE_DROP:
		return SL_WHY_POLICY_DROP;
	case SL_DECIDE_REJECT:
		w->reject = (uint8_t)view->reject;
		w->reject_type = view->reject_type;
		w->reject_code = view->reject_code;
		return SL_WHY_POLICY_REJECT;
	case SL_CONTINUE:
		w->offload = w->offload || view->offload;
		break;
	}
	return SL_WHY_NONE;
}

/* Chains, NAT, chains: the middle of every hook. */
static enum sl_reason pass_hook(struct sl_work *w, enum sl_hook hook)
{
	enum sl_reason why = sl__ask(w, hook, SL_BEFORE_NAT);

	if (why == SL_WHY_NONE && hook != SL_FORWARD)
		why = sl__translate(w, hook);
	if (hook == SL_OUTPUT && w->conn && w->conn->status & SL_DST_NAT)
		w->route_mark = w->p->mark; /* routed anew, by the mark of now */
	if (why == SL_WHY_NONE)
		why = sl__ask(w, hook, SL_AFTER_NAT);
	return why;
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* What the parser found: dropped, INVALID if it gets as far as tracking, or nothing is wrong. */
static enum sl_reason judge(struct sl_work *w, enum sl_reason why)
{
	if (sl__parse_fatal(why))
		return why;
	w->p->reason = (uint16_t)why;
	return SL_WHY_NONE;
}

static enum sl_reason parse(struct sl_work *w)
{
	struct sl_packet *p = w->p;
	enum sl_reason why;

	if (w->e->env.contiguous && !w->e->env.contiguous(w->e->env.ctx, p, p->len)) {
		memset(&w->parsed, 0, sizeof(w->parsed));
		return SL_WHY_KEEP_FAILED;
	}
	why = judge(w, sl__parse(p, &w->parsed));
	if (why == SL_WHY_NONE && w->parsed.tuple.family == SL_IPV6)
		why = sl__ipv6_options(p, &w->parsed, &w->v6_problem);
	return why;
}

/* Fragments wait here; from now on the packet is a whole one. */
static enum sl_reason gather(struct sl_work *w)
{
	const struct sl_packet *came = w->p;
	bool atomic = w->parsed.atomic_fragment;
	enum sl_reason why;

	if (!w->parsed.frag && !atomic)
		return SL_WHY_NONE;
	if (atomic ? sl__fragment_headers_missing(&w->parsed) : w->p->reason != SL_WHY_NONE)
		return SL_WHY_NONE; /* as it came, and INVALID */
	if (w->parsed.frag && w->e->config.shards > 1 && sl__fragment_elsewhere(w))
		return SL_WHY_OTHER_SHARD;
	why = sl__gather(w);
	if (why != SL_WHY_NONE || (w->p == came && !atomic))
		return why;
	return judge(w, sl__parse_whole(w->p, &w->parsed));
}

static enum sl_reason enter(struct sl_work *w, enum sl_hook hook)
{
	struct sl_policy_view view;
	uint16_t zone = w->p->zone;
	bool notrack = false;
	uint8_t dirs = 3;
	enum sl_reason why;

	if (w->e->stages[hook] & 1u << SL_BEFORE_TRACK) {
		why = sl__ask_chains(w, hook, SL_BEFORE_TRACK, &view);
		if (why != SL_WHY_NONE)
			return why;
		if (view.zone_set) {
			zone = view.zone;
			dirs = view.zone_dirs;
		}
		notrack = view.notrack;
	}
	if (w->p->reason != SL_WHY_NONE) {
		w->p->state = SL_CT_INVALID;
		return SL_WHY_NONE;
	}
	if (notrack) {
		w->p->state = SL_CT_UNTRACKED;
		return SL_WHY_NONE;
	}
	if (!sl__classify(w, zone, dirs))
		return (enum sl_reason)w->p->reason;
	return SL_WHY_NONE;
}

/* The gateway's own question to a whole network: it leaves. */
static bool own_broadcast(const struct sl_work *w)
{
	return w->p->from == SL_FROM_LOCAL && w->route.kind == SL_ROUTE_BROADCAST;
}

/* From now on such packets need not ask for their route. */
static void learn(struct sl_work *w, bool counted)
{
	if (w->conn && !w->icmp_error && w->p->from == SL_FROM_WIRE && w->p->to == SL_TO_FORWARD &&
		!sl__beyond_scope(w) && !w->source_route)
		sl__known_learn(w->e, w->conn, w->p, &w->route, counted);
}

/*
 * Nor need they ask chains that say the same of all of them, when these have let one pass. One of the
 * very kind: what opens a connection, or ends it, is another matter.
 */
static void learn_verdict(struct sl_work *w)
{
	enum sl_foreseen seen;

	if (!w->e->ruled || w->p->verdict != SL_ACCEPT || w->p->state != SL_CT_ESTABLISHED || !w->conn ||
		w->parsed.tcp_flags & (SL_SYN | SL_FIN | SL_RST) || w->parsed.frag != SL_FRAG_NONE)
		return;
	seen = w->e->steady == SL_STEADY_ALL ? SL_FORESEEN : sl__foresees_like(w);
	if (seen != SL_FORESEEN_NOT)
		learn(w, seen == SL_FORESEEN_COUNTED);
}

enum sl_reason sl__find_route(struct sl_work *w)
{
	struct sl_packet *p = w->p;

	sl__route(w->e, p, &w->parsed, &w->route);
	p->out_if = w->route.out_if;
	p->mtu = w->route.mtu;
	if (w->e->track.tracing)
		sl__tell_route(w);
	if (!sl__routed(&w->route))
		return SL_WHY_NO_ROUTE;
	p->to = w->route.kind == SL_ROUTE_FORWARD || own_broadcast(w) ? SL_TO_FORWARD : SL_TO_LOCAL;
	if (!w->e->ruled)
		learn(w, false);
	return w->parsed.tuple.family == SL_IPV4 ? sl__fill_options(w) : SL_WHY_NONE;
}

/*
 * What is made locally is routed before its chains see it, as in Linux, so that they know where it would leave;
 * and again behind them, because of a new destination or (chains of type route) a new mark.
 * Marks that other chains set do not lead it elsewhere.
 */
static void foresee_route(struct sl_work *w)
{
	w->route_mark = w->p->mark;
	sl__route(w->e, w->p, &w->parsed, &w->route);
}

static enum sl_reason find_local_route(struct sl_work *w)
{
	uint32_t mark = w->p->mark;
	enum sl_reason why;

	w->p->mark = w->route_mark;
	why = sl__find_route(w);
	w->p->mark = mark;
	return why;
}

enum sl_reason sl__leave(struct sl_work *w, enum sl_hook hook)
{
	enum sl_reason why;

	if (sl__leaves_in_datagrams(w, hook))
		return sl__leave_in_datagrams(w, hook);
	if (w->fresh && own_broadcast(w)) { /* a copy comes back to us, and is confirmed before */
		sl__attach_helper(w);
		why = sl__confirm(w);
		if (why != SL_WHY_NONE)
			return why;
	}
	why = sl__engine_help(w);
	if (why == SL_WHY_NONE && w->held)
		return sl__confirm(w);
	if (why == SL_WHY_NONE && hook == SL_POSTROUTING)
		why = sl__ask(w, hook, SL_AFTER_HELPER);
	if (why == SL_WHY_NONE)
		why = sl__confirm(w);
	return why == SL_WHY_NONE && hook == SL_POSTROUTING ? sl__fit(w) : why;
}

/*
 * What the gateway sends to itself comes in again by the loopback interface, which its route named:
 * all hooks see it, and it is translated once.
 */
static enum sl_reason loop_back(struct sl_work *w)
{
	static const struct {
		enum sl_hook hook;
		enum sl_stage stage;
	} again[] = {{SL_PREROUTING, SL_BEFORE_TRACK}, {SL_PREROUTING, SL_BEFORE_NAT},
	        {SL_PREROUTING, SL_AFTER_NAT}, {SL_INPUT, SL_BEFORE_NAT}, {SL_INPUT, SL_AFTER_NAT}};
	enum sl_reason why = pass_hook(w, SL_POSTROUTING);

	if (why == SL_WHY_NONE)
		why = sl__ask(w, SL_POSTROUTING, SL_AFTER_HELPER);
	if (why == SL_WHY_NONE)
		why = sl__confirm(w);
	w->p->in_if = w->route.out_if;
	w->route.out_if = 0;
	for (unsigned i = 0; why == SL_WHY_NONE && i < sizeof(again) / sizeof(again[0]); i++)
		why = sl__ask(w, again[i].hook, again[i].stage);
	return why;
}

static enum sl_reason walk(struct sl_work *w)
{
	enum sl_hook first = w->p->from == SL_FROM_LOCAL ? SL_OUTPUT : SL_PREROUTING;
	enum sl_reason why = parse(w);

	w->came = w->parsed.len;
	if (why == SL_WHY_NONE)
		why = gather(w);
	if (w->p->verdict == SL_QUEUED)
		return why;
	if (why == SL_WHY_NONE && first == SL_OUTPUT)
		foresee_route(w);
	if (why == SL_WHY_NONE)
		why = enter(w, first);
	if (why == SL_WHY_NONE)
		why = pass_hook(w, first);
	if (why == SL_WHY_NONE)
		why = first == SL_OUTPUT ? find_local_route(w) : sl__find_route(w);
	return why == SL_WHY_NONE ? sl__walk_routed(w, first) : why;
}

enum sl_reason sl__walk_routed(struct sl_work *w, enum sl_hook first)
{
	enum sl_reason why = SL_WHY_NONE;

	if (w->p->to == SL_TO_LOCAL) {
		why = first == SL_OUTPUT ? loop_back(w) : pass_hook(w, SL_INPUT);
		return why == SL_WHY_NONE ? sl__leave(w, SL_INPUT) : why;
	}
	if (first == SL_PREROUTING) {
		why = sl__hop(w);
		if (why == SL_WHY_NONE)
			why = pass_hook(w, SL_FORWARD);
		sl__next_stop(w);
	}
	if (why == SL_WHY_NONE)
		why = pass_hook(w, SL_POSTROUTING);
	return why == SL_WHY_NONE ? sl__leave(w, SL_POSTROUTING) : why;
}

/* A packet that the engine made (answer.c): its conn and route are known, if there is a conn. */
enum sl_reason sl__walk_own(struct sl_work *w)
{
	enum sl_reason why = w->conn ? sl__ask(w, SL_OUTPUT, SL_BEFORE_TRACK) : enter(w, SL_OUTPUT);

	if (why == SL_WHY_NONE)
		why = pass_hook(w, SL_OUTPUT);
	if (why != SL_WHY_NONE)
		return why;
	if (w->p->to == SL_TO_LOCAL)
		return loop_back(w);
	why = pass_hook(w, SL_POSTROUTING);
	return why == SL_WHY_NONE ? sl__ask(w, SL_POSTROUTING, SL_AFTER_HELPER) : why;
}

static void one(struct sl_engine *e, struct sl_packet *p, const struct sl_glance *stranger)
{
	enum sl_reason why;
	struct sl_work w;

	memset(&w, 0, offsetof(struct sl_work, parsed));
	w.saved.header_len = 0;
	w.e = e;
	w.p = p;
	w.came_mark = p->mark;
	w.stranger = stranger;
	e->track.packet = p;
	p->verdict = SL_NONE;
	p->reason = SL_WHY_NONE;
	p->state = SL_CT_NONE;
	p->conn = NULL;
	p->altered = p->beyond = p->to = p->dir = 0;
	p->out_if = 0;
	if (!stranger || !sl__open_usual(&w, &why))
		why = walk(&w);
	if (why != SL_WHY_NONE)
		drop(&w, why);
	else if (w.p->verdict == SL_NONE)
		w.p->verdict = w.held ? SL_HELD : SL_ACCEPT;
	learn_verdict(&w);
	finish(&w);
	if (e->env.offload)
		sl__offload_after(&w);
	if (w.p != p)
		sl__scatter(e, p);
	e->track.packet = NULL;
	e->track.stats.packets++;
	e->track.stats.bytes += w.came;
	e->track.stats.verdicts[p->verdict]++;
	if (p->reason != SL_WHY_NONE)
		e->track.stats.reasons[p->reason]++;
}

/* How many of n packets are in this group of SL_GROUP. */
static unsigned size_of(unsigned n, unsigned group)
{
	return n - group * SL_GROUP < SL_GROUP ? n - group * SL_GROUP : SL_GROUP;
}

/* The work on packets i.. < n of a group: the usual ones by the short path, all in their order. */
static void work(struct sl_engine *e, struct sl_packet *p, unsigned i, unsigned n, struct sl_ahead *ahead)
{
	bool stranger;

	for (; i < n && (i = sl__established(e, p, i, n, ahead, &stranger)) < n; i++) {
		one(e, &p[i], stranger ? &ahead->glance[i] : NULL);
		for (; stranger && i + 1 < n && sl__is_stranger(e, i + 1, ahead); i++)
			one(e, &p[i + 1], &ahead->glance[i + 1]);
	}
}

/*
 * While a group is worked on, what the next three will need is on its way (established.c). The third
 * pass, where it has anything to do, comes in the middle of the work, so that not all asks come at once.
 */
static void pass_groups(struct sl_engine *e, struct sl_packet *p, unsigned n)
{
	unsigned groups = n / SL_GROUP + (n % SL_GROUP != 0);
	struct sl_ahead ahead[4]; /* of group g: [g % 4] */

	for (unsigned g = 0; g < groups + 3; g++) {
		unsigned second = g - 1, third = g - 2, last = g - 3;
		unsigned size = last < groups ? size_of(n, last) : 0, half = size / 2;
		struct sl_packet *at = size ? p + last * SL_GROUP : p;

		if (third < groups && ahead[third % 4].rest) {
			work(e, at, 0, half, &ahead[last % 4]);
			sl__foresee_rest(size_of(n, third), &ahead[third % 4]);
			work(e, at, half, size, &ahead[last % 4]);
		} else {
			work(e, at, 0, size, &ahead[last % 4]);
		}
		if (g < groups)
			sl__foresee_buckets(e, p + g * SL_GROUP, size_of(n, g), &ahead[g % 4]);
		if (second < groups)
			sl__foresee_conns(
				e, p + second * SL_GROUP, size_of(n, second), &ahead[second % 4]);
	}
}

void sl_input(struct sl_engine *engine, struct sl_packet *packets, unsigned n, uint64_t now)
{
	sl__track_set_now(&engine->track, now);
	if (engine->known.sweeping)
		sl__known_sweep(engine);
	if (engine->track.moving)
		sl__index_move(&engine->track);
	pass_groups(engine, packets, n);
}
