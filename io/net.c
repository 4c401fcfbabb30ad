/* SPDX-License-Identifier: BSD-2-Clause */
/* Links and addresses as they are, and as they change: see net.h. Routes are in route.c. */
#include "io/net.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(m);
	const struct nlattr *a[IFLA_MAX + 1];

	sl_netlink_attributes(m, sizeof(*info), a, IFLA_MAX);
	link->index = (uint32_t)info->ifi_index;
	link->up = info->ifi_flags & IFF_UP;
	link->ether = info->ifi_type == ARPHRD_ETHER;
	if (a[IFLA_MTU])
		link->mtu = sl_netlink_u32(a[IFLA_MTU]);
	if (a[IFLA_IFNAME])
		snprintf(link->name, sizeof(link->name), "%.*s",
		        (int)mnl_attr_get_payload_len(a[IFLA_IFNAME]),
		        (const char *)mnl_attr_get_payload(a[IFLA_IFNAME]));
	if (a[IFLA_ADDRESS] && mnl_attr_get_payload_len(a[IFLA_ADDRESS]) == sizeof(link->mac))
		memcpy(link->mac, mnl_attr_get_payload(a[IFLA_ADDRESS]), sizeof(link->mac));
}

static void link_message(struct sl_net *net, const struct nlmsghdr *m)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(m);
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
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(m);
	const struct nlattr *a[IFA_MAX + 1];
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
		net->n_addrs--; /* which is an interface's first is told by their order */
		memmove(net->addrs + i, net->addrs + i + 1, (net->n_addrs - i) * sizeof(*net->addrs));
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

/*
 * A rule that looks at the source or the incoming interface: then every question must name them. Of the
 * three that are always there none does.
 */
static void rule_message(struct sl_net *net, const struct nlmsghdr *m)
{
	const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(m);
	const struct nlattr *a[FRA_MAX + 1];

	sl_netlink_attributes(m, sizeof(*rule), a, FRA_MAX);
	if (m->nlmsg_type == RTM_NEWRULE && (rule->src_len || a[FRA_IIFNAME]))
		net->by_source = true;
}

static int message(const struct nlmsghdr *m, void *ctx)
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
	case RTM_NEWRULE:
	case RTM_DELRULE:
		rule_message(net, m);
		break;
	}
	net->generation++;
	return MNL_CB_OK;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static bool dump(struct sl_net *net, uint16_t type)
{
	char question[SL_NETLINK_QUESTION];
	struct nlmsghdr *m = sl_netlink_begin(&net->ask, question, type, NLM_F_DUMP);

	/* Links', addresses' and rules' headers begin with the family: AF_UNSPEC. */
	mnl_nlmsg_put_extra_header(m, sizeof(struct ifinfomsg));
	return sl_netlink_ask(&net->ask, m, message, net);
}

static bool look(struct sl_net *net)
{
	return dump(net, RTM_GETLINK) && dump(net, RTM_GETADDR) && dump(net, RTM_GETRULE);
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
