/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_IO_NETLINK_H
#define SLUICE_IO_NETLINK_H

/*
 * Questions to the kernel's rtnetlink, one socket a user. Nothing is remembered here (io/net.c
 * does that).
 */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/sluice.h>

struct sl_netlink {
	int fd; /* -1: closed */
	uint32_t seq;
};

/* groups: RTMGRP_* to be told of; 0: only for questions. False: errno says why. */
bool sl_netlink_init(struct sl_netlink *nl, uint32_t groups);
void sl_netlink_fini(struct sl_netlink *nl);

/*
 * Everything of that kind: RTM_GETLINK, RTM_GETADDR ... False: errno says why. `body` is the
 * request behind its header, of body_len bytes.
 */
bool sl_netlink_dump(struct sl_netlink *nl, uint16_t type, const void *body, size_t body_len,
        void (*each)(void *ctx, const struct nlmsghdr *message), void *ctx);
/* One question, one answer. NULL: errno says why; else valid until the next call. */
const struct nlmsghdr *sl_netlink_ask(
        struct sl_netlink *nl, uint16_t type, const void *body, size_t body_len);

/* What arrived by itself; false: messages were lost, look at everything again. */
bool sl_netlink_read(
        struct sl_netlink *nl, void (*each)(void *ctx, const struct nlmsghdr *message), void *ctx);

/* The attributes behind `skip` bytes of a message's body, by type; those above max are left out. */
void sl_netlink_attributes(
        const struct nlmsghdr *message, size_t skip, const struct rtattr **out, unsigned max);
/* 32 bits of an attribute; 0: it is not there. */
uint32_t sl_netlink_u32(const struct rtattr *attribute);
/* An address of an attribute. */
bool sl_netlink_addr(const struct rtattr *attribute, struct sl_addr *out);

/* Has the interface tc filters at its clsact? */
bool sl_netlink_has_filters(uint32_t ifindex);

#endif
