/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routes are the kernel's: each new destination is a question to it (RTM_GETROUTE, a system call
 * of a few microseconds), the answer stays in a direct-mapped table under a generation number.
 *
 * A question is asked as for a local packet to that destination with that mark: asked as for a
 * forwarded one, a kernel whose own forwarding is off would refuse to say. Where a rule of policy
 * routing looks at the source or the incoming interface (`by_source`), it is asked as for a forwarded one
 * first; where forwarding is off, such rules do not count.
 */
#include "io/net.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/wire.h"

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

static int lower_mtu(const struct nlattr *a, void *ctx)
{
	uint32_t *mtu = ctx, value = sl_netlink_u32(a);

	if (mnl_attr_get_type(a) == RTAX_MTU && value && value < *mtu)
		*mtu = value;
	return MNL_CB_OK;
}

static uint16_t mtu_of(const struct nlattr *metrics, const struct sl_link *link)
{
	uint32_t mtu = link->mtu;

	if (metrics)
		mnl_attr_parse_nested(metrics, lower_mtu, &mtu);
	return mtu > 65535 ? 65535 : (uint16_t)mtu;
}

static void read_unicast(struct sl_net *net, const struct sl_addr *dst, const struct nlattr **a,
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

static void put_addr(struct nlmsghdr *m, uint16_t type, const struct sl_addr *addr, uint8_t size)
{
	mnl_attr_put(m, type, size, addr->b + 16 - size);
}

/*
 * As for a local packet; or, where rules ask for source and incoming interface, as for one that is
 * forwarded, which the kernel answers only where its forwarding is on (/proc/sys/net/.../forwarding).
 */
static bool question(struct sl_net *net, const struct sl_route_query *q, bool forwarded,
        uint32_t out_if, mnl_cb_t each, void *ctx)
{
	char bytes[SL_NETLINK_QUESTION];
	struct nlmsghdr *m = sl_netlink_begin(&net->ask, bytes, RTM_GETROUTE, 0);
	struct rtmsg *rt = mnl_nlmsg_put_extra_header(m, sizeof(*rt));
	uint8_t size = q->family == SL_IPV4 ? 4 : 16;

	rt->rtm_family = q->family == SL_IPV4 ? AF_INET : AF_INET6;
	rt->rtm_dst_len = (uint8_t)(size * 8);
	put_addr(m, RTA_DST, &q->dst, size);
	mnl_attr_put_u32(m, RTA_MARK, q->mark);
	if (forwarded) {
		rt->rtm_src_len = (uint8_t)(size * 8);
		put_addr(m, RTA_SRC, &q->src, size);
		mnl_attr_put_u32(m, RTA_IIF, q->in_if);
	}
	if (out_if)
		mnl_attr_put_u32(m, RTA_OIF, out_if);
	net->asked++;
	return sl_netlink_ask(&net->ask, m, each, ctx);
}

/* dst itself, or a router, perhaps of the other family. */
static void read_next(
        const struct sl_route_query *q, const struct nlattr **a, struct sl_net_answer *out)
{
	out->next = q->dst;
	out->next_family = q->family;
	if (a[RTA_VIA] && mnl_attr_get_payload_len(a[RTA_VIA]) == sizeof(struct rtvia) + 16) {
		const struct rtvia *via = mnl_attr_get_payload(a[RTA_VIA]);

		out->next = sl_addr_v6(via->rtvia_addr);
		out->next_family = SL_IPV6;
	} else if (a[RTA_VIA] || (a[RTA_GATEWAY] && !sl_netlink_addr(a[RTA_GATEWAY], &out->next))) {
		out->next_family = 0;
	}
}

struct asked {
	struct sl_net *net;
	const struct sl_route_query *query;
	struct sl_net_answer *slot;
};

static int read_route(const struct nlmsghdr *m, void *ctx)
{
	const struct asked *asked = ctx;
	const struct rtmsg *rt = mnl_nlmsg_get_payload(m);
	const struct nlattr *a[RTA_MAX + 1];
	struct sl_route *out = &asked->slot->route;

	if (m->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_STOP;
	sl_netlink_attributes(m, sizeof(*rt), a, RTA_MAX);
	switch (rt->rtm_type) {
	case RTN_LOCAL:
		out->kind = SL_ROUTE_LOCAL;
		break;
	case RTN_BROADCAST:
		out->kind = SL_ROUTE_BROADCAST;
		out->out_if = sl_netlink_u32(a[RTA_OIF]);
		out->prefix = prefix_of(asked->net, out->out_if, &asked->query->dst);
		break;
	case RTN_UNICAST:
		read_unicast(asked->net, &asked->query->dst, a, out);
		read_next(asked->query, a, asked->slot);
		break;
	}
	return MNL_CB_STOP;
}

/* What is forwarded is not told which address of ours would be its source: for masquerade. */
static void ask_source(
        struct sl_net *net, const struct sl_route_query *q, struct sl_net_answer *slot)
{
	struct sl_net_answer other = {0};
	struct asked asked = {net, q, &other};

	if (slot->route.kind != SL_ROUTE_FORWARD || slot->route.has_source ||
	        !question(net, q, false, slot->route.out_if, read_route, &asked))
		return;
	slot->route.has_source = other.route.has_source;
	slot->route.source = other.route.source;
}

/* Every member is set; no answer: no route. */
static void ask_kernel(
        struct sl_net *net, const struct sl_route_query *q, struct sl_net_answer *slot)
{
	struct asked asked = {net, q, slot};

	slot->route = (struct sl_route){.kind = SL_ROUTE_NONE};
	if (net->by_source && q->from == SL_FROM_WIRE) {
		if (question(net, q, true, 0, read_route, &asked)) {
			ask_source(net, q, slot);
			return;
		}
		if (errno != EHOSTUNREACH) { /* else, perhaps, forwarding is off */
			slot->route.kind = kind_of_error(errno);
			return;
		}
	}
	if (!question(net, q, false, 0, read_route, &asked))
		slot->route.kind = kind_of_error(errno);
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
	struct sl_net_answer *slot;

	if (net->by_source)
		h ^= (sl_get64(query->src.b) ^ sl_get64(query->src.b + 8) ^ query->in_if) *
		     0xc2b2ae3d27d4eb4fu;
	slot = &net->answers[(h * 0xff51afd7ed558ccdu) >> 48 & (SL_NET_ANSWERS - 1)];
	if (slot->generation != net->generation || slot->mark != query->mark ||
	        !sl_addr_eq(&slot->dst, &query->dst) ||
	        (net->by_source &&
	                (slot->in_if != query->in_if || !sl_addr_eq(&slot->src, &query->src)))) {
		*slot = (struct sl_net_answer){.dst = query->dst,
		        .src = query->src,
		        .in_if = query->in_if,
		        .mark = query->mark,
		        .generation = net->generation};
		ask_kernel(net, query, slot);
	}
	return slot;
}

/* Of an interface, in the order in which the kernel tells them; IPv6: of the same scope as the sender. */
static void first_address(
        const struct sl_net *net, const struct sl_route_query *query, struct sl_route *answer)
{
	*answer = (struct sl_route){.kind = SL_ROUTE_LOCAL, .out_if = query->in_if};
	for (unsigned i = 0; i < net->n_addrs && !answer->has_source; i++) {
		const struct sl_own_addr *own = &net->addrs[i];

		if (own->link != query->in_if || own->family != query->family)
			continue;
		if (own->family == SL_IPV6 && is_link_local(&own->addr) != is_link_local(&query->dst))
			continue;
		answer->source = own->addr;
		answer->has_source = true;
	}
}

void sl_net_route(struct sl_net *net, const struct sl_route_query *query, struct sl_route *answer)
{
	if (query->first_address) {
		first_address(net, query, answer);
		return;
	}
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
