/* SPDX-License-Identifier: BSD-2-Clause */
/* See netlink.h. A question waits for its answer, which the kernel gives within the call. */
#include "io/netlink.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel's macros mix signs. */
#pragma GCC diagnostic ignored "-Wsign-conversion"

enum { BUFFER = 65536 };

static _Thread_local union {
	char bytes[BUFFER];
	struct nlmsghdr align;
} buffer;

bool sl_netlink_init(struct sl_netlink *nl, uint32_t groups)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int flags = SOCK_RAW | SOCK_CLOEXEC | (groups ? SOCK_NONBLOCK : 0), room = 1 << 20;

	*nl = (struct sl_netlink){.fd = socket(AF_NETLINK, flags, NETLINK_ROUTE)};
	if (nl->fd < 0)
		return false;
	setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (bind(nl->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return true;
	sl_netlink_fini(nl);
	return false;
}

void sl_netlink_fini(struct sl_netlink *nl)
{
	if (nl->fd >= 0)
		close(nl->fd);
	nl->fd = -1;
}

/* ---- questions ------------------------------------------------------------------------------ */

static bool put_question(
        struct sl_netlink *nl, uint16_t type, uint16_t flags, const void *body, size_t body_len)
{
	struct nlmsghdr head = {.nlmsg_len = (uint32_t)NLMSG_LENGTH(body_len),
	        .nlmsg_type = type,
	        .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
	        .nlmsg_seq = ++nl->seq};
	struct {
		struct nlmsghdr head;
		char body[512];
	} question = {.head = head};

	if (body_len > sizeof(question.body)) {
		errno = EMSGSIZE;
		return false;
	}
	memcpy(question.body, body, body_len);
	return send(nl->fd, &question, head.nlmsg_len, 0) == (ssize_t)head.nlmsg_len;
}

/* Bytes of the next datagram in the buffer; 0: none, errno says why. */
static size_t receive(struct sl_netlink *nl)
{
	ssize_t got;

	do
		got = recv(nl->fd, buffer.bytes, sizeof(buffer.bytes), 0);
	while (got < 0 && errno == EINTR);
	return got > 0 ? (size_t)got : 0;
}

static bool failed(const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = NLMSG_DATA(message);

	errno = message->nlmsg_len >= NLMSG_LENGTH(sizeof(*error)) ? -error->error : EIO;
	return errno != 0;
}

/* Is m a message that lies within the `left` bytes? NLMSG_OK mixes signs. */
static bool whole(const struct nlmsghdr *m, int left)
{
	return left >= (int)sizeof(*m) && m->nlmsg_len >= sizeof(*m) && m->nlmsg_len <= (unsigned)left;
}

bool sl_netlink_dump(struct sl_netlink *nl, uint16_t type, const void *body, size_t body_len,
        void (*each)(void *ctx, const struct nlmsghdr *message), void *ctx)
{
	if (!put_question(nl, type, NLM_F_DUMP, body, body_len))
		return false;
	for (;;) {
		int left = (int)receive(nl);

		if (left == 0)
			return false;
		for (struct nlmsghdr *m = &buffer.align; whole(m, left);
		        m = NLMSG_NEXT(m, left)) {
			if (m->nlmsg_seq != nl->seq)
				continue;
			if (m->nlmsg_type == NLMSG_DONE)
				return true;
			if (m->nlmsg_type == NLMSG_ERROR && failed(m))
				return false;
			each(ctx, m);
		}
	}
}

const struct nlmsghdr *sl_netlink_ask(
        struct sl_netlink *nl, uint16_t type, const void *body, size_t body_len)
{
	if (!put_question(nl, type, 0, body, body_len))
		return NULL;
	for (;;) {
		int left = (int)receive(nl);
		struct nlmsghdr *m = &buffer.align;

		if (left == 0)
			return NULL;
		if (!whole(m, left) || m->nlmsg_seq != nl->seq)
			continue;
		if (m->nlmsg_type != NLMSG_ERROR)
			return m;
		if (!failed(m))
			errno = EIO;
		return NULL;
	}
}

bool sl_netlink_read(
        struct sl_netlink *nl, void (*each)(void *ctx, const struct nlmsghdr *message), void *ctx)
{
	for (;;) {
		int left = (int)receive(nl);

		if (left == 0)
			return errno != ENOBUFS;
		for (struct nlmsghdr *m = &buffer.align; whole(m, left); m = NLMSG_NEXT(m, left))
			each(ctx, m);
	}
}

/* ---- attributes ----------------------------------------------------------------------------- */

void sl_netlink_attributes(
        const struct nlmsghdr *message, size_t skip, const struct rtattr **out, unsigned max)
{
	size_t before = NLMSG_LENGTH(NLMSG_ALIGN(skip));
	int left = (int)message->nlmsg_len - (int)before;
	const struct rtattr *a = (const void *)((const char *)message + before);

	memset(out, 0, (max + 1) * sizeof(*out));
	for (; left >= (int)sizeof(*a) && RTA_OK(a, left); a = RTA_NEXT(a, left))
		if ((a->rta_type & NLA_TYPE_MASK) <= max)
			out[a->rta_type & NLA_TYPE_MASK] = a;
}

uint32_t sl_netlink_u32(const struct rtattr *attribute)
{
	uint32_t value = 0;

	if (attribute && RTA_PAYLOAD(attribute) >= sizeof(value))
		memcpy(&value, RTA_DATA(attribute), sizeof(value));
	return value;
}

bool sl_netlink_addr(const struct rtattr *attribute, struct sl_addr *out)
{
	if (!attribute)
		return false;
	if (RTA_PAYLOAD(attribute) == 4)
		*out = sl_addr_v4(RTA_DATA(attribute));
	else if (RTA_PAYLOAD(attribute) == 16)
		*out = sl_addr_v6(RTA_DATA(attribute));
	else
		return false;
	return true;
}

/* ---- filters -------------------------------------------------------------------------------- */

static void count_filter(void *ctx, const struct nlmsghdr *message)
{
	*(unsigned *)ctx += message->nlmsg_type == RTM_NEWTFILTER;
}

bool sl_netlink_has_filters(uint32_t ifindex)
{
	struct tcmsg ask = {.tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex};
	struct sl_netlink nl;
	unsigned n = 0;

	if (!sl_netlink_init(&nl, 0))
		return true;
	ask.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
	sl_netlink_dump(&nl, RTM_GETTFILTER, &ask, sizeof(ask), count_filter, &n);
	ask.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS);
	sl_netlink_dump(&nl, RTM_GETTFILTER, &ask, sizeof(ask), count_filter, &n);
	sl_netlink_fini(&nl);
	return n > 0;
}
