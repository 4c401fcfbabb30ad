/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The managed interfaces: found by name, whenever one of that name is there. When an address of
 * the machine goes, the connections that are translated to it end.
 */
#include <stdio.h>
#include <string.h>

#include "prog/live.h"

enum { STEPS = 4096 };

static bool named(const struct sl_strings *list, const char *name)
{
	for (unsigned i = 0; i < list->n; i++)
		if (strcmp(list->at[i], name) == 0)
			return true;
	return false;
}

static bool wanted(const struct sl_live *live, const char *name)
{
	return named(&live->opt->inside, name) || named(&live->opt->outside, name);
}

/* Only the first engine attaches; the others need to know. */
static bool manage(struct sl_live *live, struct sl_link *link)
{
	link->inside = named(&live->opt->inside, link->name);
	link->managed = live->shard > 0 || sl_steer_attach(live->steer, link->index, link->name,
	                                           link->ether, link->inside);
	if (!link->managed)
		sl_steer_clean(link->index); /* one of the two may stand there */
	return link->managed;
}

/* ---- changes -------------------------------------------------------------------------------- */

static void link_changed(void *ctx, const struct sl_link *seen, bool gone)
{
	struct sl_live *live = ctx;
	struct sl_link *link = gone ? NULL : sl_net_link(&live->net, seen->index);

	sl__record_link(&live->recorder, seen->index, gone ? "" : seen->name);
	if (gone && seen->managed && live->shard == 0)
		sl__log(SL_LOG_WARNING, "interface-gone", "interface", seen->name, NULL);
	if (!link || link->managed || !wanted(live, link->name))
		return;
	if (manage(live, link) && live->shard == 0)
		sl__log(SL_LOG_NOTICE, "interface-back", "interface", link->name, NULL);
}

struct search {
	struct sl_live *live;
	const struct sl_addr *addr;
	unsigned ended;
};

static bool is_translated_to(const struct sl_conn_info *info, const struct sl_addr *addr)
{
	return (info->status & SL_SRC_NAT && sl_addr_eq(&info->tuple[SL_REPLY].dst, addr)) ||
	       (info->status & SL_DST_NAT && sl_addr_eq(&info->tuple[SL_ORIGINAL].dst, addr));
}

static void end_if_translated(void *ctx, struct sl_conn *conn)
{
	struct search *s = ctx;
	struct sl_conn_info info;

	sl_conn_info(s->live->engine, conn, &info);
	if (!is_translated_to(&info, s->addr))
		return;
	sl__live_kill_conn(s->live, conn, &info, SL_WHY_ADDRESS_GONE);
	s->ended++;
}

static void addr_changed(void *ctx, const struct sl_own_addr *own, bool gone)
{
	struct sl_live *live = ctx;
	struct search s = {live, &own->addr, 0};
	char text[SL_ADDR_TEXT], ended[16];
	uint64_t cursor = 0;

	if (live->shard == 0)
		sl_steer_own(live->steer, &own->addr, gone ? 0 : SL_STEER_OWN);
	sl__record_addr(&live->recorder, &own->addr, gone);
	if (!gone)
		return;
	while (sl_conn_walk(live->engine, &cursor, STEPS, end_if_translated, &s))
		;
	if (live->shard && !s.ended)
		return;
	snprintf(ended, sizeof(ended), "%u", s.ended);
	sl__log(SL_LOG_NOTICE, "address-gone", "address",
	        sl_addr_text(&own->addr, (enum sl_family)own->family, text), "connections-ended",
	        ended, NULL);
}

static void routes_changed(void *ctx)
{
	struct sl_live *live = ctx;

	sl__record(&live->recorder, SL_RECORD_ROUTES, NULL, 0);
	sl_routes_changed(live->engine);
}

/* ---- start and end -------------------------------------------------------------------------- */

static bool manage_named(struct sl_live *live, const struct sl_strings *names)
{
	for (unsigned i = 0; i < names->n; i++) {
		struct sl_link *link = sl_net_link_named(&live->net, names->at[i]);

		if (!link) {
			fprintf(stderr, "sluice run: %s: no such interface\n", names->at[i]);
			return false;
		}
		if (!link->managed && !manage(live, link))
			return false;
	}
	return true;
}

bool sl__live_links_init(struct sl_live *live)
{
	live->net.tell = (struct sl_net_watch){
	        .ctx = live, .link = link_changed, .addr = addr_changed, .routes = routes_changed};
	for (unsigned i = 0; i < live->net.n_addrs && live->shard == 0; i++)
		sl_steer_own(live->steer, &live->net.addrs[i].addr, SL_STEER_OWN);
	return (live->shard > 0 || sl_steer_attach_tap(live->steer)) &&
	       manage_named(live, &live->opt->inside) && manage_named(live, &live->opt->outside);
}

void sl__live_links_fini(struct sl_live *live)
{
	for (unsigned i = 0; i < live->net.n_links && live->shard == 0; i++)
		if (live->net.links[i].managed)
			sl_steer_clean(live->net.links[i].index);
}
