/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_NETLINK_H
#define SLUICE_IO_NETLINK_H

/*
 * Questions to the kernel's rtnetlink, one socket a user; libmnl does the format. Nothing is
 * remembered here (io/net.c does that).
 */
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>

#include <sluice/sluice.h>

struct sl_netlink {
	struct mnl_socket *socket; /* NULL: closed */
	int fd;                    /* -1: closed */
	uint32_t seq;
};

enum { SL_NETLINK_QUESTION = 512 }; /* bytes that a question may take */

/* groups: RTMGRP_* to be told of; 0: only for questions. False: errno says why. */
bool sl_netlink_init(struct sl_netlink *nl, uint32_t groups);
void sl_netlink_fini(struct sl_netlink *nl);

/* A question's header, in a buffer of SL_NETLINK_QUESTION bytes; mnl_nlmsg_put_extra_header() and so on follow. */
struct nlmsghdr *sl_netlink_begin(
        struct sl_netlink *nl, void *buffer, uint16_t type, uint16_t flags);
/*
 * Send it, and give each message of the answer to `each`, which says MNL_CB_OK: go on, or MNL_CB_STOP: that
 * was all. False: errno says why.
 */
bool sl_netlink_ask(
        struct sl_netlink *nl, const struct nlmsghdr *question, mnl_cb_t each, void *ctx);

/* What arrived by itself; false: messages were lost, look at everything again. */
bool sl_netlink_read(struct sl_netlink *nl, mnl_cb_t each, void *ctx);

/* The attributes behind `skip` bytes of a message's body, by type; those above max are left out. */
void sl_netlink_attributes(
        const struct nlmsghdr *message, size_t skip, const struct nlattr **out, unsigned max);
/* 32 bits of an attribute; 0: it is not there. */
uint32_t sl_netlink_u32(const struct nlattr *attribute);
/* An address of an attribute. */
bool sl_netlink_addr(const struct nlattr *attribute, struct sl_addr *out);

/* Has the interface tc filters at its clsact? */
bool sl_netlink_has_filters(uint32_t ifindex);

#endif
