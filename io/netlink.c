/* SPDX-License-Identifier: BSD-2-Clause */
/* See netlink.h. A question waits for its answer, which the kernel gives within the call. */
#include "io/netlink.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <string.h>
#include <sys/socket.h>

enum { BUFFER = 65536 };

static _Thread_local union {
	char bytes[BUFFER];
	struct nlmsghdr align;
} buffer;

bool sl_netlink_init(struct sl_netlink *nl, uint32_t groups)
{
	int room = 1 << 20;

	*nl = (struct sl_netlink){.fd = -1};
	nl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | (groups ? SOCK_NONBLOCK : 0));
	if (!nl->socket)
		return false;
	nl->fd = mnl_socket_get_fd(nl->socket);
	setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (mnl_socket_bind(nl->socket, groups, MNL_SOCKET_AUTOPID) == 0)
		return true;
	sl_netlink_fini(nl);
	return false;
}

void sl_netlink_fini(struct sl_netlink *nl)
{
	if (nl->socket)
		mnl_socket_close(nl->socket);
	nl->socket = NULL;
	nl->fd = -1;
}

struct nlmsghdr *sl_netlink_begin(
        struct sl_netlink *nl, void *question, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(question);

	m->nlmsg_type = type;
	m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	m->nlmsg_seq = ++nl->seq;
	return m;
}

static ssize_t receive(struct sl_netlink *nl)
{
	ssize_t got;

	do
		got = mnl_socket_recvfrom(nl->socket, buffer.bytes, sizeof(buffer.bytes));
	while (got < 0 && errno == EINTR);
	return got;
}

bool sl_netlink_ask(
        struct sl_netlink *nl, const struct nlmsghdr *question, mnl_cb_t each, void *ctx)
{
	unsigned port = mnl_socket_get_portid(nl->socket);
	int more = MNL_CB_OK;

	if (mnl_socket_sendto(nl->socket, question, question->nlmsg_len) < 0)
		return false;
	while (more > MNL_CB_STOP) {
		ssize_t got = receive(nl);

		if (got <= 0)
			return false;
		if (buffer.align.nlmsg_seq == question->nlmsg_seq)
			more = mnl_cb_run(
			        buffer.bytes, (size_t)got, question->nlmsg_seq, port, each, ctx);
	}
	return more == MNL_CB_STOP;
}

bool sl_netlink_read(struct sl_netlink *nl, mnl_cb_t each, void *ctx)
{
	for (;;) {
		ssize_t got = receive(nl);

		if (got <= 0)
			return got == 0 || errno != ENOBUFS;
		mnl_cb_run(buffer.bytes, (size_t)got, 0, 0, each, ctx);
	}
}

/* ---- attributes ----------------------------------------------------------------------------- */

struct table {
	const struct nlattr **out;
	unsigned max;
};

static int put_attribute(const struct nlattr *a, void *ctx)
{
	const struct table *t = ctx;

	if (mnl_attr_get_type(a) <= t->max)
		t->out[mnl_attr_get_type(a)] = a;
	return MNL_CB_OK;
}

void sl_netlink_attributes(
        const struct nlmsghdr *message, size_t skip, const struct nlattr **out, unsigned max)
{
	struct table t = {out, max};

	memset(out, 0, (max + 1) * sizeof(*out));
	mnl_attr_parse(message, (unsigned)skip, put_attribute, &t);
}

uint32_t sl_netlink_u32(const struct nlattr *attribute)
{
	return attribute && mnl_attr_validate(attribute, MNL_TYPE_U32) == 0
	               ? mnl_attr_get_u32(attribute)
	               : 0;
}

bool sl_netlink_addr(const struct nlattr *attribute, struct sl_addr *out)
{
	if (!attribute)
		return false;
	if (mnl_attr_get_payload_len(attribute) == 4)
		*out = sl_addr_v4(mnl_attr_get_payload(attribute));
	else if (mnl_attr_get_payload_len(attribute) == 16)
		*out = sl_addr_v6(mnl_attr_get_payload(attribute));
	else
		return false;
	return true;
}

/* ---- filters -------------------------------------------------------------------------------- */

static int count_filter(const struct nlmsghdr *message, void *ctx)
{
	*(unsigned *)ctx += message->nlmsg_type == RTM_NEWTFILTER;
	return MNL_CB_OK;
}

static unsigned filters_at(struct sl_netlink *nl, uint32_t ifindex, uint32_t where)
{
	char question[SL_NETLINK_QUESTION];
	struct nlmsghdr *m = sl_netlink_begin(nl, question, RTM_GETTFILTER, NLM_F_DUMP);
	struct tcmsg *ask = mnl_nlmsg_put_extra_header(m, sizeof(*ask));
	unsigned n = 0;

	ask->tcm_family = AF_UNSPEC;
	ask->tcm_ifindex = (int)ifindex;
	ask->tcm_parent = TC_H_MAKE(TC_H_CLSACT, where);
	sl_netlink_ask(nl, m, count_filter, &n);
	return n;
}

bool sl_netlink_has_filters(uint32_t ifindex)
{
	struct sl_netlink nl;
	unsigned n;

	if (!sl_netlink_init(&nl, 0))
		return true;
	n = filters_at(&nl, ifindex, TC_H_MIN_INGRESS) + filters_at(&nl, ifindex, TC_H_MIN_EGRESS);
	sl_netlink_fini(&nl);
	return n > 0;
}
