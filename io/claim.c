/* SPDX-License-Identifier: BSD-2-Clause */
/* See claim.h. */
#include "io/claim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "io/netlink.h"

enum { NAME = 7 + IFNAMSIZ };

static void name_of(const char *interface, char out[NAME])
{
	snprintf(out, NAME, "sluice@%s", interface);
}

struct holder {
	uint32_t index;
	char *name;
};

static int read_holder(const struct nlmsghdr *message, void *ctx)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *a[IFLA_MAX + 1];
	struct holder *holder = ctx;

	sl_netlink_attributes(message, sizeof(struct ifinfomsg), a, IFLA_MAX);
	holder->index = (uint32_t)info->ifi_index;
	if (a[IFLA_IFNAME])
		snprintf(holder->name, IFNAMSIZ, "%.*s",
		        (int)mnl_attr_get_payload_len(a[IFLA_IFNAME]),
		        (const char *)mnl_attr_get_payload(a[IFLA_IFNAME]));
	return MNL_CB_OK;
}

/* The index of the device that has it; 0: none. */
static uint32_t ask_holder(struct sl_netlink *nl, const char *interface, char name[IFNAMSIZ])
{
	char question[SL_NETLINK_QUESTION], text[NAME];
	struct nlmsghdr *m = sl_netlink_begin(nl, question, RTM_GETLINK, NLM_F_ACK);
	struct holder holder = {.name = name};

	name_of(interface, text);
	mnl_nlmsg_put_extra_header(m, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(m, IFLA_ALT_IFNAME, text);
	name[0] = '\0';
	return sl_netlink_ask(nl, m, read_holder, &holder) ? holder.index : 0;
}

static uint32_t find_holder(const char *interface, char name[IFNAMSIZ])
{
	struct sl_netlink nl;
	uint32_t index = sl_netlink_init(&nl, 0) ? ask_holder(&nl, interface, name) : 0;

	sl_netlink_fini(&nl);
	return index;
}

bool sl_claim_holder(const char *interface, char name[IFNAMSIZ])
{
	return find_holder(interface, name) != 0;
}

static bool give_name(struct sl_netlink *nl, uint32_t tap, const char *interface)
{
	char question[SL_NETLINK_QUESTION], text[NAME];
	struct nlmsghdr *m = sl_netlink_begin(nl, question, RTM_NEWLINKPROP,
	        NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND | NLM_F_ACK);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(m, sizeof(*info));
	struct nlattr *list;

	name_of(interface, text);
	info->ifi_index = (int)tap;
	list = mnl_attr_nest_start(m, IFLA_PROP_LIST);
	mnl_attr_put_strz(m, IFLA_ALT_IFNAME, text);
	mnl_attr_nest_end(m, list);
	return sl_netlink_ask(nl, m, NULL, NULL);
}

bool sl_claim(uint32_t tap, const char *interface)
{
	char holder[IFNAMSIZ];
	struct sl_netlink nl;
	bool done = sl_netlink_init(&nl, 0) && give_name(&nl, tap, interface);
	int error = done ? 0 : errno;
	uint32_t by = 0;

	sl_netlink_fini(&nl);
	if (error == EEXIST)
		by = find_holder(interface, holder);
	if (done || by == tap) /* it may be named twice */
		return true;
	if (by)
		fprintf(stderr,
		        "sluice: %s: another sluice run, that of device %s, manages it: end that one first\n",
		        interface, holder);
	else
		fprintf(stderr, "sluice: %s: it cannot be claimed: %s\n", interface,
		        strerror(error));
	return false;
}
