/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Netlink, as far as the comparison needs it: nflog's packets, the conntrack table's dump and
 * its flush. Attributes are <type, length, value> with padding to 4 bytes.
 */
#include "kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUP 7
#define KINDS 64

struct attrs {
	const uint8_t *at[KINDS];
	unsigned len[KINDS];
};

static struct attrs attrs_of(const uint8_t *p, size_t len)
{
	struct attrs a = {0};

	while (len >= NLA_HDRLEN) {
		const struct nlattr *nla = (const void *)p;
		size_t step = NLA_ALIGN(nla->nla_len);
		unsigned kind = nla->nla_type & NLA_TYPE_MASK;

		if (nla->nla_len < NLA_HDRLEN || nla->nla_len > len)
			break;
		if (kind < KINDS) {
			a.at[kind] = p + NLA_HDRLEN;
			a.len[kind] = nla->nla_len - NLA_HDRLEN;
		}
		p += step < len ? step : len;
		len -= step < len ? step : len;
	}
	return a;
}

static struct attrs inside(const struct attrs *a, unsigned kind)
{
	return attrs_of(a->at[kind], a->len[kind]);
}

static uint64_t number(const struct attrs *a, unsigned kind)
{
	uint64_t n = 0;

	for (unsigned i = 0; a->at[kind] && i < a->len[kind] && i < 8; i++)
		n = n << 8 | a->at[kind][i];
	return n;
}

/* ---- requests ---- */

struct request {
	struct nlmsghdr head;
	struct nfgenmsg gen;
	uint8_t attrs[256];
};

static void begin(struct request *r, unsigned subsys, unsigned kind, unsigned flags, unsigned id)
{
	memset(r, 0, sizeof *r);
	r->head.nlmsg_type = (uint16_t)(subsys << 8 | kind);
	r->head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	r->head.nlmsg_len = NLMSG_LENGTH(sizeof r->gen);
	r->gen.version = NFNETLINK_V0;
	r->gen.res_id = htons((uint16_t)id);
}

static void add(struct request *r, unsigned kind, const void *value, unsigned len)
{
	struct nlattr *nla = (void *)((uint8_t *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	nla->nla_type = (uint16_t)kind;
	nla->nla_len = (uint16_t)(NLA_HDRLEN + len);
	memcpy((uint8_t *)nla + NLA_HDRLEN, value, len);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + NLA_ALIGN(nla->nla_len);
}

/* Send, and wait for the acknowledgement. */
static bool order(int fd, struct request *r)
{
	uint8_t answer[8192];
	const struct nlmsghdr *head = (const void *)answer;
	ssize_t n;

	r->head.nlmsg_flags |= NLM_F_ACK;
	if (send(fd, r, r->head.nlmsg_len, 0) < 0)
		return false;
	do {
		n = recv(fd, answer, sizeof answer, 0);
	} while (n >= (ssize_t)sizeof *head && head->nlmsg_type != NLMSG_ERROR);
	return n > 0 && ((const struct nlmsgerr *)NLMSG_DATA(head))->error == 0;
}

bool netlink_init(struct kernel *k)
{
	static const uint8_t bind[] = {NFULNL_CFG_CMD_BIND};
	static const struct nfulnl_msg_config_mode mode = {.copy_mode = NFULNL_COPY_PACKET};
	static const int room = 4 << 20;
	struct nfulnl_msg_config_mode whole = mode;
	uint32_t one = htonl(1);
	struct request r;

	whole.copy_range = htonl(0xffff);
	k->log = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	k->ct = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	if (k->log < 0 || k->ct < 0)
		return false;
	setsockopt(k->log, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
	setsockopt(k->ct, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
	begin(&r, NFNL_SUBSYS_ULOG, NFULNL_MSG_CONFIG, 0, GROUP);
	add(&r, NFULA_CFG_CMD, bind, sizeof bind);
	if (!order(k->log, &r)) {
		fprintf(stderr, "nflog: cannot bind\n");
		return false;
	}
	begin(&r, NFNL_SUBSYS_ULOG, NFULNL_MSG_CONFIG, 0, GROUP);
	add(&r, NFULA_CFG_MODE, &whole, sizeof whole);
	add(&r, NFULA_CFG_QTHRESH, &one, sizeof one);
	if (!order(k->log, &r)) {
		fprintf(stderr, "nflog: cannot be configured\n");
		return false;
	}
	return fcntl(k->log, F_SETFL, O_NONBLOCK) == 0;
}

/* ---- what the observer logged ---- */

static void logged(const struct attrs *a, struct outcome *out)
{
	char word = a->at[NFULA_PREFIX] ? (char)a->at[NFULA_PREFIX][0] : 0;

	if (word == 'P' || word == 'L') {
		out->fate = word == 'P' ? FATE_FORWARDED : FATE_LOCAL;
		out->mark = (uint32_t)number(a, NFULA_MARK);
		if (word == 'L' && a->at[NFULA_PAYLOAD] && a->len[NFULA_PAYLOAD] <= OUT_MAX) {
			out->pieces = 1;
			out->len = a->len[NFULA_PAYLOAD];
			memcpy(out->data, a->at[NFULA_PAYLOAD], out->len);
		}
	} else if (word == 'A') {
		out->answered = true;
	} else if (word >= '1' && word <= '9' && !out->answered) {
		out->ct = (uint8_t)(word - '0');
	}
}

void netlink_logged(struct kernel *k, struct outcome *out)
{
	static uint8_t buffer[65536];
	ssize_t n;

	while ((n = recv(k->log, buffer, sizeof buffer, 0)) > 0) {
		const struct nlmsghdr *head = (const void *)buffer;

		for (; NLMSG_OK(head, (size_t)n); head = NLMSG_NEXT(head, n)) {
			if (head->nlmsg_type == (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET)) {
				struct attrs a = attrs_of(
				        (const uint8_t *)head +
				                NLMSG_LENGTH(sizeof(struct nfgenmsg)),
				        head->nlmsg_len - NLMSG_LENGTH(sizeof(struct nfgenmsg)));

				logged(&a, out);
			}
		}
	}
}

/* ---- the conntrack table ---- */

static void end_of(const struct attrs *tuple, struct conn *c, struct end *e)
{
	struct attrs ip = inside(tuple, CTA_TUPLE_IP), proto = inside(tuple, CTA_TUPLE_PROTO);
	bool v6 = ip.at[CTA_IP_V6_SRC];
	unsigned id = v6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID;

	c->family = v6 ? 6 : 4;
	c->proto = (uint8_t)number(&proto, CTA_PROTO_NUM);
	memcpy(e->src, ip.at[v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC], v6 ? 16 : 4);
	memcpy(e->dst, ip.at[v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST], v6 ? 16 : 4);
	e->sport = (uint16_t)number(&proto, CTA_PROTO_SRC_PORT);
	e->dport = (uint16_t)number(&proto, CTA_PROTO_DST_PORT);
	if (proto.at[id]) {
		e->sport = (uint16_t)number(&proto, id);
		e->dport = (uint16_t)(number(&proto, id + 1) << 8 | number(&proto, id + 2));
	}
}

static void conn_of(const struct attrs *a, struct conn *c)
{
	static const unsigned counters[2] = {CTA_COUNTERS_ORIG, CTA_COUNTERS_REPLY};
	struct attrs tuple[2] = {inside(a, CTA_TUPLE_ORIG), inside(a, CTA_TUPLE_REPLY)}, part;

	memset(c, 0, sizeof *c);
	for (unsigned dir = 0; dir < 2; dir++) {
		end_of(&tuple[dir], c, &c->tuple[dir]);
		part = inside(a, counters[dir]);
		c->packets[dir] = number(&part, CTA_COUNTERS_PACKETS);
		c->bytes[dir] = number(&part, CTA_COUNTERS_BYTES);
		c->zone[dir] = (uint16_t)(a->at[CTA_ZONE] ? number(a, CTA_ZONE)
		                                          : number(&tuple[dir], CTA_TUPLE_ZONE));
	}
	c->status = (uint32_t)number(a, CTA_STATUS);
	c->timeout = (uint32_t)number(a, CTA_TIMEOUT);
	c->mark = (uint32_t)number(a, CTA_MARK);
	c->has_master = a->at[CTA_TUPLE_MASTER];
	part = inside(a, CTA_PROTOINFO);
	part = inside(&part, CTA_PROTOINFO_TCP);
	c->tcp_state = (uint8_t)number(&part, CTA_PROTOINFO_TCP_STATE);
	part = inside(a, CTA_HELP);
	if (part.at[CTA_HELP_NAME])
		snprintf(c->helper, sizeof c->helper, "%.*s", (int)part.len[CTA_HELP_NAME],
		        (const char *)part.at[CTA_HELP_NAME]);
}

void netlink_conns(struct kernel *k, struct conns *out)
{
	static uint8_t buffer[65536];
	struct request r;
	ssize_t n;
	bool done = false;

	out->count = 0;
	begin(&r, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, NLM_F_DUMP, 0);
	if (send(k->ct, &r, r.head.nlmsg_len, 0) < 0)
		return;
	while (!done && (n = recv(k->ct, buffer, sizeof buffer, 0)) > 0) {
		const struct nlmsghdr *head = (const void *)buffer;

		for (; NLMSG_OK(head, (size_t)n); head = NLMSG_NEXT(head, n)) {
			struct attrs a;

			done |= head->nlmsg_type == NLMSG_DONE || head->nlmsg_type == NLMSG_ERROR;
			if (done || out->count == CONNS_MAX)
				continue;
			a = attrs_of((const uint8_t *)head + NLMSG_LENGTH(sizeof(struct nfgenmsg)),
			        head->nlmsg_len - NLMSG_LENGTH(sizeof(struct nfgenmsg)));
			conn_of(&a, &out->at[out->count++]);
		}
	}
}

void netlink_flush(struct kernel *k)
{
	struct request r;

	begin(&r, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, 0, 0);
	order(k->ct, &r);
}
