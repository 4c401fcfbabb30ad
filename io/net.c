/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routes are the kernel's: each new destination is a question to it (RTM_GETROUTE, a system call
 * of a few microseconds), the answer stays in a direct-mapped table under a generation number.
 *
 * A question is asked as for a local packet to that destination with that mark: asked as for a
 * forwarded one, a kernel whose own forwarding is off would refuse to say. So rules of policy
 * routing by mark and destination count, those by source or incoming interface do not.
 */
#include "io/net.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/wire.h"

/* The kernel's macros mix signs. */
#pragma GCC diagnostic ignored "-Wsign-conversion"

struct sl_net_answer {
	struct sl_addr dst;
	uint32_t mark, generation; /* 0: empty */
	struct sl_route route;
	struct sl_addr next; /* SL_ROUTE_FORWARD: the next hop ... */
	uint8_t next_family; /* ... and its family; 0: not known */
};

/* ---- links and addresses -------------------------------------------------------------------- */

struct sl_link *sl_net_link(struct sl_net *net, uint32_t index)
{
	for (unsigned i = 0; i < net->n_links; i++)
		if (net->links[i].index == index)
			return &net->links[i];
	return NULL;
}

struct sl_link *sl_net_link_named(struct sl_net *net, const char *name)
{
	for (unsigned i = 0; i < net->n_links; i++)
		if (strcmp(net->links[i].name, name) == 0)
			return &net->links[i];
	return NULL;
}

bool sl_net_is_own(const struct sl_net *net, const struct sl_addr *addr)
{
	for (unsigned i = 0; i < net->n_addrs; i++)
		if (sl_addr_eq(&net->addrs[i].addr, addr))
			return true;
	return false;
}

static void *bigger(void *array, unsigned n, size_t size)
{
	void *more = realloc(array, (n + 1) * size);

	if (!more)
		abort();
	return more;
}

static void read_link(struct sl_link *link, const struct nlmsghdr *m)
{
	const struct ifinfomsg *info = NLMSG_DATA(m);
	const struct rtattr *a[IFLA_MAX + 1];

	sl_netlink_attributes(m, sizeof(*info), a, IFLA_MAX);
	link->index = (uint32_t)info->ifi_index;
	link->up = info->ifi_flags & IFF_UP;
	link->ether = info->ifi_type == ARPHRD_ETHER;
	if (a[IFLA_MTU])
		link->mtu = sl_netlink_u32(a[IFLA_MTU]);
	if (a[IFLA_IFNAME])
		snprintf(link->name, sizeof(link->name), "%.*s", (int)RTA_PAYLOAD(a[IFLA_IFNAME]),
		        (const char *)RTA_DATA(a[IFLA_IFNAME]));
	if (a[IFLA_ADDRESS] && RTA_PAYLOAD(a[IFLA_ADDRESS]) == sizeof(link->mac))
		memcpy(link->mac, RTA_DATA(a[IFLA_ADDRESS]), sizeof(link->mac));
}

static void link_message(struct sl_net *net, const struct nlmsghdr *m)
{
	const struct ifinfomsg *info = NLMSG_DATA(m);
	struct sl_link *link = sl_net_link(net, (uint32_t)info->ifi_index);
	struct sl_link gone;

	if (m->nlmsg_type == RTM_DELLINK) {
		if (!link || info->ifi_family == AF_BRIDGE)
			return;
		gone = *link;
		*link = net->links[--net->n_links];
		if (net->tell.link)
			net->tell.link(net->tell.ctx, &gone, true);
		return;
	}
	if (!link) {
		net->links = bigger(net->links, net->n_links, sizeof(*net->links));
		link = &net->links[net->n_links++];
		*link = (struct sl_link){0};
	}
	read_link(link, m);
	if (net->tell.link && !net->looking)
		net->tell.link(net->tell.ctx, link, false);
}

static void addr_message(struct sl_net *net, const struct nlmsghdr *m)
{
	const struct ifaddrmsg *info = NLMSG_DATA(m);
	const struct rtattr *a[IFA_MAX + 1];
	struct sl_own_addr own = {.link = info->ifa_index,
	        .family = info->ifa_family == AF_INET ? SL_IPV4 : SL_IPV6,
	        .prefix = info->ifa_prefixlen};
	unsigned i;

	sl_netlink_attributes(m, sizeof(*info), a, IFA_MAX);
	if (!sl_netlink_addr(a[IFA_LOCAL] ? a[IFA_LOCAL] : a[IFA_ADDRESS], &own.addr))
		return;
	for (i = 0; i < net->n_addrs; i++)
		if (net->addrs[i].link == own.link && sl_addr_eq(&net->addrs[i].addr, &own.addr))
			break;
	if (m->nlmsg_type == RTM_DELADDR) {
		if (i == net->n_addrs)
			return;
		net->addrs[i] = net->addrs[--net->n_addrs];
		if (net->tell.addr && !sl_net_is_own(net, &own.addr))
			net->tell.addr(net->tell.ctx, &own, true);
		return;
	}
	if (i == net->n_addrs)
		net->addrs = bigger(net->addrs, net->n_addrs++, sizeof(*net->addrs));
	net->addrs[i] = own;
	if (net->tell.addr && !net->looking)
		net->tell.addr(net->tell.ctx, &own, false);
}

static void message(void *ctx, const struct nlmsghdr *m)
{
	struct sl_net *net = ctx;

	switch (m->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		link_message(net, m);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		addr_message(net, m);
		break;
	}
	net->generation++;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static bool look(struct sl_net *net)
{
	struct ifinfomsg links = {.ifi_family = AF_UNSPEC};
	struct ifaddrmsg addrs = {.ifa_family = AF_UNSPEC};

	return sl_netlink_dump(&net->ask, RTM_GETLINK, &links, sizeof(links), message, net) &&
	       sl_netlink_dump(&net->ask, RTM_GETADDR, &addrs, sizeof(addrs), message, net);
}

bool sl_net_init(struct sl_net *net)
{
	const uint32_t groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
	                        RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_RULE |
	                        1u << (RTNLGRP_IPV6_RULE - 1);

	*net = (struct sl_net){.ask.fd = -1, .watch.fd = -1, .generation = 1, .looking = true};
	net->answers = calloc(SL_NET_ANSWERS, sizeof(*net->answers));
	if (!net->answers || !sl_netlink_init(&net->watch, groups) ||
	        !sl_netlink_init(&net->ask, 0) || !look(net)) {
		fprintf(stderr, "sluice: rtnetlink: %s\n", strerror(errno));
		return false;
	}
	net->looking = false;
	return true;
}

void sl_net_fini(struct sl_net *net)
{
	sl_netlink_fini(&net->ask);
	sl_netlink_fini(&net->watch);
	free(net->links);
	free(net->addrs);
	free(net->answers);
	net->links = NULL;
	net->addrs = NULL;
	net->answers = NULL;
	net->n_links = net->n_addrs = 0;
}

/* Messages were lost: what is not there any more was not told of. */
static void look_again(struct sl_net *net)
{
	struct sl_own_addr *old = net->addrs;
	unsigned n = net->n_addrs;

	net->addrs = NULL;
	net->n_addrs = 0;
	if (!look(net)) {
		free(net->addrs);
		net->addrs = old;
		net->n_addrs = n;
		return;
	}
	for (unsigned i = 0; i < n; i++)
		if (!sl_net_is_own(net, &old[i].addr) && net->tell.addr)
			net->tell.addr(net->tell.ctx, &old[i], true);
	free(old);
}

void sl_net_follow(struct sl_net *net)
{
	uint32_t before = net->generation;

	if (!sl_netlink_read(&net->watch, message, net)) {
		net->generation++;
		look_again(net);
	}
	if (net->generation == 0)
		net->generation = 1;
	if (net->generation != before && net->tell.routes)
		net->tell.routes(net->tell.ctx);
}

/* ---- routes --------------------------------------------------------------------------------- */

/* The connected prefix of an interface that the address lies in. */
static uint8_t prefix_of(const struct sl_net *net, uint32_t link, const struct sl_addr *addr)
{
	uint8_t best = 0;

	for (unsigned i = 0; i < net->n_addrs; i++) {
		const struct sl_own_addr *own = &net->addrs[i];
		unsigned bits = own->family == SL_IPV4 ? own->prefix + 96u : own->prefix, same = 0;

		if (own->link != link || own->prefix <= best)
			continue;
		while (same < bits &&
		        !((own->addr.b[same / 8] ^ addr->b[same / 8]) & 0x80 >> same % 8))
			same++;
		if (same == bits)
			best = own->prefix;
	}
	return best;
}

static uint16_t mtu_of(const struct rtattr *metrics, const struct sl_link *link)
{
	uint32_t mtu = link->mtu;
	int left = metrics ? (int)RTA_PAYLOAD(metrics) : 0;

	for (const struct rtattr *a = metrics ? RTA_DATA(metrics) : NULL; a && RTA_OK(a, left);
	        a = RTA_NEXT(a, left))
		if (a->rta_type == RTAX_MTU && sl_netlink_u32(a) && sl_netlink_u32(a) < mtu)
			mtu = sl_netlink_u32(a);
	return mtu > 65535 ? 65535 : (uint16_t)mtu;
}

static void read_unicast(struct sl_net *net, const struct sl_addr *dst, const struct rtattr **a,
        struct sl_route *out)
{
	const struct sl_link *link = sl_net_link(net, sl_netlink_u32(a[RTA_OIF]));

	if (!link || !link->managed)
		return;
	out->kind = SL_ROUTE_FORWARD;
	out->out_if = link->index;
	out->mtu = mtu_of(a[RTA_METRICS], link);
	out->has_source = sl_netlink_addr(a[RTA_PREFSRC], &out->source);
	if (!a[RTA_GATEWAY] && !a[RTA_VIA])
		out->prefix = prefix_of(net, link->index, dst);
}

/* What kinds of routes that lead nowhere are told as. */
static unsigned kind_of_error(int error)
{
	switch (error) {
	case EHOSTUNREACH:
		return SL_ROUTE_UNREACHABLE;
	case EACCES:
		return SL_ROUTE_PROHIBIT;
	case EINVAL:
		return SL_ROUTE_BLACKHOLE;
	}
	return SL_ROUTE_NONE;
}

/* The kernel's answer, valid until the next question; NULL: errno says why there is none. */
static const struct nlmsghdr *question(struct sl_net *net, const struct sl_route_query *q)
{
	struct {
		struct rtmsg rt;
		struct rtattr dst_head;
		uint8_t dst[16];
		struct rtattr mark_head;
		uint32_t mark;
	} ask = {.rt = {.rtm_family = q->family == SL_IPV4 ? AF_INET : AF_INET6}};
	uint8_t size = q->family == SL_IPV4 ? 4 : 16;
	uint8_t *end = ask.dst + size;
	struct rtattr mark_head = {.rta_len = RTA_LENGTH(4), .rta_type = RTA_MARK};
	const struct nlmsghdr *m;

	ask.rt.rtm_dst_len = (uint8_t)(size * 8);
	ask.dst_head = (struct rtattr){.rta_len = (uint16_t)RTA_LENGTH(size), .rta_type = RTA_DST};
	memcpy(ask.dst, q->dst.b + 16 - size, size);
	memcpy(end, &mark_head, sizeof(mark_head));
	memcpy(end + sizeof(mark_head), &q->mark, 4);
	net->asked++;
	m = sl_netlink_ask(&net->ask, RTM_GETROUTE, &ask, (size_t)(end + 8 - (uint8_t *)&ask));
	if (!m || m->nlmsg_type == RTM_NEWROUTE)
		return m;
	errno = EIO;
	return NULL;
}

/* dst itself, or a router, perhaps of the other family. */
static void read_next(
        const struct sl_route_query *q, const struct rtattr **a, struct sl_net_answer *out)
{
	out->next = q->dst;
	out->next_family = q->family;
	if (a[RTA_VIA] && RTA_PAYLOAD(a[RTA_VIA]) == sizeof(struct rtvia) + 16) {
		out->next = sl_addr_v6(((const struct rtvia *)RTA_DATA(a[RTA_VIA]))->rtvia_addr);
		out->next_family = SL_IPV6;
	} else if (a[RTA_VIA] || (a[RTA_GATEWAY] && !sl_netlink_addr(a[RTA_GATEWAY], &out->next))) {
		out->next_family = 0;
	}
}

/* Every member is set; no answer: no route. */
static void ask_kernel(
        struct sl_net *net, const struct sl_route_query *q, struct sl_net_answer *slot)
{
	const struct nlmsghdr *m = question(net, q);
	const struct rtattr *a[RTA_MAX + 1];
	struct sl_route *out = &slot->route;

	*out = (struct sl_route){.kind = SL_ROUTE_NONE};
	if (!m) {
		out->kind = kind_of_error(errno);
		return;
	}
	sl_netlink_attributes(m, sizeof(struct rtmsg), a, RTA_MAX);
	switch (((const struct rtmsg *)NLMSG_DATA(m))->rtm_type) {
	case RTN_LOCAL:
		out->kind = SL_ROUTE_LOCAL;
		break;
	case RTN_BROADCAST:
		out->kind = SL_ROUTE_BROADCAST;
		out->out_if = sl_netlink_u32(a[RTA_OIF]);
		out->prefix = prefix_of(net, out->out_if, &q->dst);
		break;
	case RTN_UNICAST:
		read_unicast(net, &q->dst, a, out);
		read_next(q, a, slot);
		break;
	}
}

static bool is_link_local(const struct sl_addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/*
 * A source that no router forwards (RFC 1812 5.3.7, RFC 4291 2.5): loopback, groups, everybody,
 * nobody; and what only an impostor can have: an address of our own on a packet from the wire.
 */
static bool bad_source(const struct sl_net *net, const struct sl_route_query *q)
{
	static const struct sl_addr none;
	const uint8_t *b = q->src.b;

	if (q->from != SL_FROM_WIRE)
		return false;
	if (q->family == SL_IPV4)
		return b[12] == 127 || b[12] >= 224 || b[12] == 0 || sl_net_is_own(net, &q->src);
	return b[0] == 0xff || sl_addr_eq(&q->src, &none) || sl_net_is_own(net, &q->src);
}

static bool is_group(const struct sl_route_query *q)
{
	return q->family == SL_IPV4 ? q->dst.b[12] >> 4 == 14 : q->dst.b[0] == 0xff;
}

/* 255.255.255.255 */
static bool is_everybody(const struct sl_route_query *q)
{
	return q->family == SL_IPV4 && sl_get32(q->dst.b + 12) == UINT32_MAX;
}

/* DHCP: who has no address yet may ask everybody. */
static bool asks_for_address(const struct sl_route_query *q)
{
	return is_everybody(q) && sl_get32(q->src.b + 12) == 0;
}

/*
 * To a group, or everybody on a link. From the wire: to this machine (whether it listens is the
 * stack's business). From a local program: by the interface whose address it uses.
 */
static void route_cast(
        const struct sl_net *net, const struct sl_route_query *q, struct sl_route *answer)
{
	answer->kind = SL_ROUTE_BROADCAST;
	if (q->from == SL_FROM_WIRE)
		return;
	for (unsigned i = 0; i < net->n_addrs; i++)
		if (sl_addr_eq(&net->addrs[i].addr, &q->src)) {
			answer->out_if = net->addrs[i].link;
			answer->prefix = net->addrs[i].prefix;
		}
	for (unsigned i = 0; i < net->n_links; i++)
		if (net->links[i].index == answer->out_if && net->links[i].managed) {
			answer->mtu =
			        net->links[i].mtu > 65535 ? 65535 : (uint16_t)net->links[i].mtu;
			return;
		}
	answer->kind = SL_ROUTE_NONE;
}

static struct sl_net_answer *answer_to(struct sl_net *net, const struct sl_route_query *query)
{
	uint64_t h = (sl_get64(query->dst.b + 8) ^ query->mark) * 0x9e3779b97f4a7c15u +
	             sl_get64(query->dst.b);
	struct sl_net_answer *slot =
	        &net->answers[(h * 0xff51afd7ed558ccdu) >> 48 & (SL_NET_ANSWERS - 1)];

	if (slot->generation != net->generation || slot->mark != query->mark ||
	        !sl_addr_eq(&slot->dst, &query->dst)) {
		*slot = (struct sl_net_answer){
		        .dst = query->dst, .mark = query->mark, .generation = net->generation};
		ask_kernel(net, query, slot);
	}
	return slot;
}

void sl_net_route(struct sl_net *net, const struct sl_route_query *query, struct sl_route *answer)
{
	*answer = (struct sl_route){.kind = SL_ROUTE_BLACKHOLE};
	if (bad_source(net, query) && !asks_for_address(query))
		return;
	if (is_group(query) || is_everybody(query)) {
		route_cast(net, query, answer);
		return;
	}
	*answer = answer_to(net, query)->route;
	if (query->family == SL_IPV6 && answer->kind == SL_ROUTE_FORWARD &&
	        query->from == SL_FROM_WIRE &&
	        (is_link_local(&query->src) || is_link_local(&query->dst)))
		answer->kind = SL_ROUTE_BLACKHOLE; /* stays on its link */
}

bool sl_net_next(struct sl_net *net, const struct sl_route_query *query, uint32_t out_if,
        struct sl_addr *next, enum sl_family *family)
{
	const struct sl_net_answer *answer = answer_to(net, query);

	*next = answer->next;
	*family = (enum sl_family)answer->next_family;
	return answer->route.kind == SL_ROUTE_FORWARD && answer->route.out_if == out_if &&
	       answer->next_family;
}
